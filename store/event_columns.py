"""The columns and the verdicts of single events, by their positions."""

import sqlite3
from dataclasses import fields
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from store.aliases import same_person
from store.columns import BASE, FACTS, EventColumns
from store.event_index import Block, index_of
from store.events import columns_of_read, read_at
from store.kept import is_stale
from store.remembered import Remembered
from store.segments import Column
from store.stopping import Stop

if TYPE_CHECKING:
    from store.world import World

Codes = npt.NDArray[np.int8]
Mask = npt.NDArray[np.bool_]

_UNKNOWN = -1
_CODES: Remembered[Codes] = Remembered()
# So many events are read one by one; of more, whole columns.
_FEW = 4_000


def verdict_codes(connection: sqlite3.Connection, world: "World") -> Codes:
    """A place for every event's verdict, a code of `store.judge`; -1 where nobody has asked for it yet."""
    index = index_of(connection, world)
    return _CODES.get(world, None, lambda: np.full(index.total, _UNKNOWN, dtype=np.int8))


def verdicts_in(connection: sqlite3.Connection, world: "World", block: Block, places: Column) -> Codes:
    """The verdicts, as codes of `store.judge`, of the events at these places of a block (ascending); they are kept."""
    mine = verdict_codes(connection, world)[block.base : block.base + block.stop - block.start]
    unknown = places[mine[places] == _UNKNOWN]
    if len(unknown):
        mine[unknown] = _judged(connection, world, block, unknown)
    return mine[places]


def after_removal_in(connection: sqlite3.Connection, world: "World", block: Block, places: Column) -> Mask:
    """Which events at these places of a block (ascending) are after a removal of their app without a new grant."""
    return _columns(connection, world, block, places).after


def verdicts_at(connection: sqlite3.Connection, world: "World", positions: Column, stop: Stop) -> Codes:
    """The verdicts of the events at these positions; those of their whole segments are kept."""
    index, codes = index_of(connection, world), verdict_codes(connection, world)
    missing = positions[codes[positions] == _UNKNOWN]
    if len(missing):
        for block in index.blocks(sorted(set(index.app_at(missing).tolist())) if len(missing) < 512 else None):
            stop.check()
            verdicts_in(connection, world, block, np.arange(block.stop - block.start))
    return codes[positions]


def _judged(connection: sqlite3.Connection, world: "World", block: Block, places: Column) -> Codes:
    """The verdicts, as codes of `store.judge`, of the events at these places of a block (ascending)."""
    return world.judge(_columns(connection, world, block, places)).verdict


def _columns(connection: sqlite3.Connection, world: "World", block: Block, places: Column) -> EventColumns:
    names = BASE if is_stale(connection) else (*BASE, *FACTS)
    whole = len(places) == block.stop - block.start
    read = {}
    for name in names:
        column = block.app() if name == "app" else block.read(connection, name)
        read[name] = column if whole else column[places]
    if names is BASE:
        return world.columns_of(connection, np.stack([read[name] for name in BASE], axis=1))
    read["subject"] = same_person(read["subject"], world.aliases(connection))
    return EventColumns(**{**read, "after": read["after"].astype(bool)})


def columns_at(connection: sqlite3.Connection, world: "World", positions: Column, times: Column) -> EventColumns:
    """The columns of the events at these positions, in any order.

    Args:
        times: the instant at each position, microseconds UTC.
    """
    index = index_of(connection, world)
    if 0 < len(positions) <= _FEW:
        return columns_of_read(connection, world, read_at(connection, index, positions, times))[0]
    ascending = np.sort(positions)
    parts: list[EventColumns] = []
    for block in index.blocks(None):
        first, end = np.searchsorted(ascending, [block.base, block.base + block.stop - block.start])
        if first < end:
            parts.append(_columns(connection, world, block, ascending[first:end] - block.base))
    joined = {
        each.name: np.concatenate([getattr(part, each.name) for part in parts] or [np.zeros(0, dtype=np.int64)])
        for each in fields(EventColumns)
    }
    return EventColumns(**{**joined, "after": joined["after"].astype(bool)})
