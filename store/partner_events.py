"""One partner's live events, judged, without reading anybody else's.

The packed events lie in primary-key order, so that an app is one stretch of each segment.
"""

import sqlite3
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from store.aliases import same_person
from store.columns import BASE, COUNTED_SEGMENTS, FACTS, EventColumns, Verdicts
from store.kept import is_stale
from store.remembered import Remembered
from store.segments import Column, read_column, read_slice
from store.world import World


class PartnerEvents(NamedTuple):
    """A partner's live events in no particular order, and their verdicts under the rulebook's own cut-offs."""

    columns: EventColumns
    verdicts: Verdicts


class _Apps(NamedTuple):
    """The apps of one segment, ascending, and the place where the stretch of each begins; one more is the end."""

    content_id: int
    segment: int
    apps: Column
    starts: Column


_KEPT: Remembered[PartnerEvents] = Remembered(most=16)
_SEGMENTS: Remembered[list[_Apps]] = Remembered()

_ROWS_OF_APP = """
SELECT app, occurred_at, field_set, coalesce(subject, 0), coalesce(resource, 0), coalesce(records, -1), outcome
FROM live_access_events WHERE app = ? ORDER BY occurred_at, event_key
"""


def partner_events(connection: sqlite3.Connection, world: World, partner: int) -> PartnerEvents:
    """The events of a partner (internal id).

    Args:
        world: of the connection's snapshot.
    """
    return _KEPT.get(world, partner, lambda: _read(connection, world, partner))


def _read(connection: sqlite3.Connection, world: World, partner: int) -> PartnerEvents:
    apps = sorted(world.registry.apps_of.get(partner, ()))
    # What the last refresh does not know has no facts beside it yet.
    columns = _from_rows(connection, world, apps) if is_stale(connection) else _packed(connection, world, apps)
    return PartnerEvents(columns, world.judge(columns))


def _from_rows(connection: sqlite3.Connection, world: World, apps: list[int]) -> EventColumns:
    rows = [row for app in apps for row in connection.execute(_ROWS_OF_APP, (app,))]
    return world.columns_of(connection, np.array(rows, dtype=np.int64).reshape(-1, len(BASE)))


def _packed(connection: sqlite3.Connection, world: World, apps: list[int]) -> EventColumns:
    stretches = list(_stretches(connection, world, apps))
    read = {
        name: [np.zeros(0, dtype=np.int64)]
        + [
            read_slice(connection, content_id, segment, name, start, stop)
            for content_id, segment, start, stop in stretches
        ]
        for name in (*BASE, *FACTS)
    }
    columns = {name: np.concatenate(parts) for name, parts in read.items()}
    columns["subject"] = same_person(columns["subject"], world.aliases(connection))
    return EventColumns(**{**columns, "after": columns["after"].astype(bool)})


def _stretches(connection: sqlite3.Connection, world: World, apps: list[int]) -> Iterator[tuple[int, int, int, int]]:
    """Content, segment, and the places `[start, stop)` that hold events of one of the apps."""
    wanted = np.array(apps, dtype=np.int64)
    for content_id, segment, known, starts in _SEGMENTS.get(world, None, lambda: _all_segments(connection)):
        places = np.searchsorted(known, wanted)
        for app, place in zip(apps, places.tolist(), strict=True):
            if place < len(known) and known[place] == app:
                yield content_id, segment, int(starts[place]), int(starts[place + 1])


def _all_segments(connection: sqlite3.Connection) -> list[_Apps]:
    found = []
    for content_id, segment in connection.execute(COUNTED_SEGMENTS).fetchall():
        app = read_column(connection, content_id, segment, "app")
        starts = np.concatenate(([0], np.flatnonzero(np.diff(app)) + 1))
        found.append(_Apps(content_id, segment, app[starts], np.append(starts, len(app))))
    return found
