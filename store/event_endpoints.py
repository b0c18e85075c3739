"""The endpoints of events by their positions, read from the rows: they are not among the packed columns."""

import sqlite3
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from store.event_index import Block, index_of
from store.events import ENDPOINT, read_at
from store.remembered import Remembered
from store.segments import Column
from store.stopping import Stop

if TYPE_CHECKING:
    from store.world import World

Endpoints = npt.NDArray[np.uint8] | npt.NDArray[np.uint16] | npt.NDArray[np.uint32]

_KEPT: Remembered[Endpoints] = Remembered(most=2)
# So many events are looked up one by one.
_FEW = 100_000
# So many events' endpoints are read between two looks at whether the question still stands.
_ROWS_AT_ONCE = 1 << 17
_MOST = "SELECT coalesce(max(id), 0) FROM endpoints"
_ENDPOINTS_OF = """
SELECT content_id, ifnull(endpoint, 0) FROM live_access_events
WHERE app BETWEEN ? AND ? ORDER BY app, occurred_at, event_key
"""


def endpoints_at(
    connection: sqlite3.Connection,
    world: "World",
    chosen: Sequence[tuple[Column, Column]],
    partner: int | None,
    stop: Stop,
) -> list[Column]:
    """The endpoint of each of these events, by internal id; 0 where the log names none.

    Endpoints are not packed: those of a few events are read one by one, of more those of all events of the partner
    (internal id), or of everybody, which takes seconds for millions, and which are then kept.

    Args:
        chosen: instants, microseconds UTC, and positions, a part after the other.
    """
    if _KEPT.holds(world, partner) or sum(len(positions) for _, positions in chosen) > _FEW:
        kept = _of_all(connection, world, partner, stop)
        return [kept[positions].astype(np.int64) for _, positions in chosen]
    index = index_of(connection, world)
    found = []
    for times, positions in chosen:
        stop.check()
        read = read_at(connection, index, positions, times)
        found.append(np.array([row[ENDPOINT] for row in read], dtype=np.int64))
    return found


def _of_all(connection: sqlite3.Connection, world: "World", partner: int | None, stop: Stop) -> Endpoints:
    """The same by position."""
    return _KEPT.get(world, partner, lambda: _read_endpoints(connection, world, partner, stop))


def _read_endpoints(connection: sqlite3.Connection, world: "World", partner: int | None, stop: Stop) -> Endpoints:
    index = index_of(connection, world)
    found: Endpoints = np.zeros(index.total, dtype=np.min_scalar_type(connection.execute(_MOST).fetchone()[0]))
    apps = None if partner is None else world.registry.apps_of.get(partner, ())
    # A content's events have their positions in the order in which its rows are read.
    following: dict[int, list[Block]] = {}
    sizes: dict[int, int] = {}
    for block in index.blocks(apps):
        following.setdefault(block.segment.content_id, []).append(block)
        for app, size in zip(*np.unique(block.app(), return_counts=True), strict=True):
            sizes[int(app)] = sizes.get(int(app), 0) + int(size)
    targets = {
        content: np.concatenate([np.arange(block.base, block.base + block.stop - block.start) for block in blocks])
        for content, blocks in following.items()
    }
    done = dict.fromkeys(targets, 0)
    for first, last in _app_ranges(sizes, consecutive=apps is None):
        stop.check()
        rows = np.array(connection.execute(_ENDPOINTS_OF, (first, last)).fetchall(), dtype=np.int64).reshape(-1, 2)
        for content in np.unique(rows[:, 0]).tolist():
            its = rows[rows[:, 0] == content, 1]
            found[targets[content][done[content] : done[content] + len(its)]] = its
            done[content] += len(its)
    return found


def _app_ranges(sizes: dict[int, int], *, consecutive: bool) -> Iterator[tuple[int, int]]:
    """The apps in ranges `first..last` (inclusive), ascending, of about as many events as are read at once.

    Args:
        consecutive: all that lies between two of the apps is wanted, too.
    """
    pending: list[int] = []
    events = 0
    for app, size in sorted(sizes.items()):
        pending.append(app)
        events += size
        if events >= _ROWS_AT_ONCE or not consecutive:
            yield pending[0], pending[-1]
            pending, events = [], 0
    if pending:
        yield pending[0], pending[-1]
