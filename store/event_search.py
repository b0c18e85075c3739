"""Single events by what a person knows of them: the log's own id, or the record of a file."""

import sqlite3
from typing import TYPE_CHECKING

from store.connection import Store
from store.errors import UsageError
from store.events import EventRow

if TYPE_CHECKING:
    from store.event_index import EventIndex
    from store.segments import Column
    from store.world import World

_IMPORT = "SELECT content_id FROM imports WHERE import_id = ?"
_OF_RECORD = """
SELECT app, occurred_at, event_key FROM access_events WHERE content_id = :content_id AND record_no = :record_no
UNION
SELECT app, occurred_at, event_key FROM event_holders WHERE content_id = :content_id AND record_no = :record_no
"""


def events_with_id(store: Store, event_id: str) -> list[EventRow]:
    """The live events that the log names so, exactly.

    Raises:
        UsageError: there is none.
    """
    import numpy as np

    from store.event_index import index_of
    from store.ingest.keys import text_key
    from store.segments import id_mark
    from store.world import world_of

    mark = id_mark(np.array([text_key(event_id)]))[0]
    with store.reading() as connection:
        world = world_of(store, connection)
        index = index_of(connection, world)
        # Other ids may have the same mark.
        places = [
            block.base + np.flatnonzero(id_mark(block.read(connection, "id_key")) == mark)
            for block in index.blocks(None)
        ]
        positions = np.concatenate(places) if places else np.zeros(0, dtype=np.int64)
        found = _rows(connection, world, index, positions) if len(positions) else []
    named = [row for row in found if row.event_id == event_id]
    if not named:
        raise UsageError(f"no event that counts has the id {event_id!r}")
    return named


def _rows(connection: sqlite3.Connection, world: "World", index: "EventIndex", positions: "Column") -> list[EventRow]:
    from store.events import rows_at

    return rows_at(connection, world, index, positions, index.times_at(connection, positions))


def events_of_record(store: Store, import_id: int, record_no: int) -> list[EventRow]:
    """The events that a record (from 1) of an import's file told, whether they count or not; seeks through all events.

    Raises:
        UsageError: no such import, or the record told no event.
    """
    from store.events import EventKey, event_of_key
    from store.world import world_of

    with store.reading() as connection:
        content = connection.execute(_IMPORT, (import_id,)).fetchone()
        if content is None:
            raise UsageError(f"there is no import {import_id}; `python -m store imports` lists them")
        given = {"content_id": content[0], "record_no": record_no}
        keys = [EventKey(*row) for row in connection.execute(_OF_RECORD, given)]
        world = world_of(store, connection)
        found = [event_of_key(connection, world, key) for key in keys]
    rows = [row for row in found if row is not None]
    if not rows:
        raise UsageError(f"record {record_no} of import {import_id} is no access event of this store")
    return rows
