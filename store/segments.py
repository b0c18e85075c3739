"""The packed copy of the events: columns of integers, in segments of one content each, in primary-key order.

A segment holds at most `SEGMENT_EVENTS` events. Which rows it holds depends only on the plain tables: see `rebuild`.
"""

import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from store.event_rows import EVENT_NUMBERS, EventIds, EventRows, read_events
from store.ingest.keys import bytes_key, text_key
from store.packing import pack, unpack, unpack_slice

Column = npt.NDArray[np.int64]

SEGMENT_EVENTS = 1 << 18
# `id_key` is a mark of the log's own event id, 0 where it has none: what conflicts are found by.
COLUMNS = ("app", "occurred_at", "id_key", "field_set", "subject", "resource", "records", "outcome")

# So few bits that they cost half a byte less than whole bytes, so many that marks are seldom alike.
ID_MARKS = (1 << 28) - 1
# The smallest value a column can have: packed columns are distances from it.
_LEAST = {"records": -1}

_ADD_SEGMENT = "INSERT INTO segments(content_id, segment, events) VALUES (?, ?, ?)"
_ADD_COLUMN = "INSERT OR REPLACE INTO segment_columns(content_id, segment, name, dtype, packed) VALUES (?, ?, ?, ?, ?)"
_PLACE = "SELECT rowid, dtype FROM segment_columns WHERE content_id = ? AND segment = ? AND name = ?"
_NEXT = "SELECT coalesce(max(segment) + 1, 0) FROM segments WHERE content_id = ?"
_CLEAR_COLUMNS = "DELETE FROM segment_columns WHERE content_id = ?"
_CLEAR = "DELETE FROM segments WHERE content_id = ?"
_PACKED = "SELECT dtype, packed FROM segment_columns WHERE content_id = ? AND segment = ? AND name = ?"


def write_column(
    connection: sqlite3.Connection, content_id: int, segment: int, name: str, values: npt.NDArray[np.generic]
) -> None:
    """Put one column of a segment in place, replacing an earlier one."""
    form, packed = pack(values, least=_LEAST.get(name, 0), are_near=name == "occurred_at")
    connection.execute(_ADD_COLUMN, (content_id, segment, name, form, packed))


def read_column(connection: sqlite3.Connection, content_id: int, segment: int, name: str) -> Column:
    """One column of one segment, as int64."""
    form, packed = connection.execute(_PACKED, (content_id, segment, name)).fetchone()
    return unpack(form, packed, least=_LEAST.get(name, 0))


def read_slice(
    connection: sqlite3.Connection, content_id: int, segment: int, name: str, start: int, stop: int
) -> Column:
    """The places `[start, stop)` of one column of one segment, as int64, without reading the others."""
    row, form = connection.execute(_PLACE, (content_id, segment, name)).fetchone()
    with connection.blobopen("segment_columns", "packed", row, readonly=True) as blob:

        def read(first: int, size: int) -> bytes:
            blob.seek(min(first, len(blob)))
            return blob.read(size)

        return unpack_slice(form, read, start, stop, least=_LEAST.get(name, 0))


def clear(connection: sqlite3.Connection, content_id: int) -> None:
    """Drop the packed copy of a content, before it is written anew."""
    connection.execute(_CLEAR_COLUMNS, (content_id,))
    connection.execute(_CLEAR, (content_id,))


class SegmentWriter:
    """Cuts a content's events, given in primary-key order over any number of batches, into segments."""

    def __init__(self, content_id: int) -> None:
        self._content_id = content_id
        self._pending: dict[str, list[Column]] = {name: [] for name in COLUMNS}
        self._count = 0

    def add(self, connection: sqlite3.Connection, batch: Mapping[str, Column]) -> None:
        """Take the next events, and write the segments they complete.

        Args:
            connection: inside a write transaction.
            batch: a column for each of `COLUMNS`, with the whole keys of ids; subject and resource 0 and records -1
                where the log says nothing.
        """
        for name in COLUMNS:
            self._pending[name].append(id_mark(batch[name]) if name == "id_key" else batch[name])
        self._count += len(batch["app"])
        while self._count >= SEGMENT_EVENTS:
            self._write(connection, SEGMENT_EVENTS)

    def close(self, connection: sqlite3.Connection) -> None:
        """Write what is left."""
        if self._count:
            self._write(connection, self._count)

    def _write(self, connection: sqlite3.Connection, events: int) -> None:
        (segment,) = connection.execute(_NEXT, (self._content_id,)).fetchone()
        connection.execute(_ADD_SEGMENT, (self._content_id, segment, events))
        for name in COLUMNS:
            parts = self._pending[name]
            column = np.concatenate(parts) if len(parts) > 1 else parts[0]
            write_column(connection, self._content_id, segment, name, column[:events])
            self._pending[name] = [column[events:]]
        self._count -= events


def id_mark(id_keys: Column) -> Column:
    """What is packed of id keys: 28 bits, 0 for none. A mark is its own mark: earlier versions kept whole keys."""
    marks = id_keys & ID_MARKS
    return np.where((marks == 0) & (id_keys != 0), 1, marks)


_ROWS_HELD_ELSEWHERE = """
SELECT e.app, e.occurred_at, e.event_id, e.field_set, coalesce(e.subject, 0), coalesce(e.resource, 0),
  coalesce(e.records, -1), e.outcome
FROM access_events e
WHERE e.content_id = ? AND EXISTS (
  SELECT 1 FROM event_holders h
  WHERE h.app = e.app AND h.occurred_at = e.occurred_at AND h.event_key = e.event_key
    AND h.content_id IN (SELECT content_id FROM live_contents))
ORDER BY e.app, e.occurred_at, e.event_key
"""


def write_from_rows(connection: sqlite3.Connection, content_id: int, *, live: bool) -> None:
    """Write a content's packed copy from its plain rows.

    Args:
        live: whether the content counts. If not, only the rows that another, live content holds too are packed.
    """
    clear(connection, content_id)
    if live:
        packer = Packer(connection, [content_id])
        for rows in read_events(connection):
            packer.take(rows)
        packer.close()
        return
    writer = SegmentWriter(content_id)
    cursor = connection.execute(_ROWS_HELD_ELSEWHERE, (content_id,))
    for held in _batches(cursor):
        table = np.array(
            [(*row[:2], 0 if row[2] is None else text_key(row[2]), *row[3:]) for row in held], dtype=np.int64
        )
        writer.add(connection, {name: table[:, place] for place, name in enumerate(COLUMNS)})
    writer.close(connection)


class Packer:
    """Writes the packed copies of live contents that have none, from one scan over all events."""

    def __init__(self, connection: sqlite3.Connection, content_ids: Iterable[int]) -> None:
        self._connection = connection
        self._writers = {content_id: SegmentWriter(content_id) for content_id in content_ids}

    def take(self, rows: EventRows) -> None:
        """Take the next events, in key order."""
        for content_id, numbers, event_ids in rows.by_content():
            if content_id in self._writers:
                self._writers[content_id].add(self._connection, _packed(numbers, event_ids))

    def close(self) -> None:
        """Write what is left."""
        for writer in self._writers.values():
            writer.close(self._connection)


def _packed(numbers: Sequence[Column], event_ids: EventIds) -> dict[str, Column]:
    """Columns as read from the rows, in the form in which they are packed."""
    known = dict(zip(EVENT_NUMBERS, numbers, strict=True))
    columns = {name: known[name] for name in COLUMNS if name != "id_key"}
    for name in ("subject", "resource"):
        columns[name] = np.where(columns[name] < 0, 0, columns[name])
    keys = (0 if event_id is None else bytes_key(event_id) for event_id in event_ids)
    columns["id_key"] = np.fromiter(keys, dtype=np.int64, count=len(event_ids))
    return columns


def _batches(cursor: sqlite3.Cursor, size: int = 100_000) -> Iterator[list[tuple[Any, ...]]]:
    while rows := cursor.fetchmany(size):
        yield rows
