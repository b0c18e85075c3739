"""One partner's live events, judged, without reading anybody else's.

The packed events lie in primary-key order, so that an app is one stretch of each segment.
"""

import sqlite3
from typing import NamedTuple

import numpy as np

from store.aliases import same_person
from store.columns import BASE, FACTS, EventColumns, Verdicts
from store.event_index import index_of
from store.kept import is_stale
from store.remembered import Remembered
from store.world import World


class PartnerEvents(NamedTuple):
    """A partner's live events in no particular order, and their verdicts under the rulebook's own cut-offs."""

    columns: EventColumns
    verdicts: Verdicts


# A busy partner's events take tens of megabytes.
_KEPT: Remembered[PartnerEvents] = Remembered(most=4)

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
    blocks = list(index_of(connection, world).blocks(apps))
    read = {
        name: [np.zeros(0, dtype=np.int64), *(block.read(connection, name) for block in blocks)]
        for name in (*BASE, *FACTS)
    }
    columns = {name: np.concatenate(parts) for name, parts in read.items()}
    columns["subject"] = same_person(columns["subject"], world.aliases(connection))
    return EventColumns(**{**columns, "after": columns["after"].astype(bool)})
