"""Records that could not be taken in: kept with file, record number, reason and text until somebody settles them."""

import json
import sqlite3
from typing import NamedTuple

from store import ledger
from store.connection import Store
from store.errors import RefusedError, UsageError
from store.ingest.records import Quarantined
from store.instants import format_optional, now

MAX_RECORD = 65_536
_FLUSH = 5_000
_ADD = "INSERT INTO quarantine(content_id, kind, record_no, reason, record) VALUES (?, ?, ?, ?, ?)"
_CLEAR = "DELETE FROM quarantine WHERE content_id = ?"
_LIST = """
SELECT q.quarantine_id, min(i.import_id), i.file, q.kind, q.record_no, q.reason, q.record, q.resolved_at, q.resolved_by,
  q.resolution, q.content_id IN (SELECT content_id FROM live_contents)
FROM quarantine q
JOIN imports i ON i.content_id = q.content_id
WHERE :import_id IS NULL OR q.content_id = (SELECT content_id FROM imports WHERE import_id = :import_id)
GROUP BY q.quarantine_id
ORDER BY q.content_id, q.record_no, q.quarantine_id
"""
_IMPORT = "SELECT 1 FROM imports WHERE import_id = ?"
_ONE = """
SELECT resolved_at, resolved_by, reason,
  EXISTS (SELECT 1 FROM imports i WHERE i.content_id = q.content_id AND i.state = 'complete')
FROM quarantine q WHERE quarantine_id = ?
"""
_RESOLVE = "UPDATE quarantine SET resolved_at = ?, resolved_by = ?, resolution = ? WHERE quarantine_id = ?"


class QuarantinedRecord(NamedTuple):
    """One quarantined record.

    Attributes:
        import_id: the first import of the file.
        kind: the kind it would have been; None where it could not be told.
        record: the record as text, cut after 65,536 characters.
        resolved_at: microseconds UTC; None while nobody has settled it.
        counts: whether its import is complete and not voided.
    """

    quarantine_id: int
    import_id: int
    file: str
    kind: str | None
    record_no: int
    reason: str
    record: str
    resolved_at: int | None
    resolved_by: str | None
    resolution: str | None
    counts: bool


class QuarantineWriter:
    """Collects one content's quarantined records and writes them some thousands at a time."""

    def __init__(self, store: Store, content_id: int) -> None:
        self._store = store
        self._content_id = content_id
        self._waiting: list[tuple[int, str | None, int, str, str]] = []

    def add(self, record: Quarantined) -> None:
        """Keep a record; what no database can hold as text is written with backslashes."""
        reason, text = (_storable(each) for each in (record.reason, record.record))
        if len(text) > MAX_RECORD:
            text = f"{text[:MAX_RECORD]}... ({len(text):,} characters)"
        self._waiting.append((self._content_id, record.kind, record.record_no, reason, text))
        if len(self._waiting) >= _FLUSH:
            with self._store.writing() as connection:
                self.flush(connection)

    def flush(self, connection: sqlite3.Connection) -> None:
        """Write what waits, inside a write transaction."""
        connection.executemany(_ADD, self._waiting)
        self._waiting.clear()


def _storable(text: str) -> str:
    return text.encode("utf-8", "backslashreplace").decode("utf-8").replace("\0", "\\x00")


def clear(connection: sqlite3.Connection, content_id: int) -> None:
    """Forget what an attempt that never completed quarantined: it is read again."""
    connection.execute(_CLEAR, (content_id,))


def quarantined(store: Store, *, import_id: int | None = None) -> list[QuarantinedRecord]:
    """The quarantined records, in the order of imports and records; of one import where it is named.

    Raises:
        UsageError: there is no such import.
    """
    with store.reading() as connection:
        if import_id is not None and connection.execute(_IMPORT, (import_id,)).fetchone() is None:
            raise UsageError(f"no import {import_id}; `imports` lists them")
        rows = connection.execute(_LIST, {"import_id": import_id}).fetchall()
    return [QuarantinedRecord._make((*row[:-1], bool(row[-1]))) for row in rows]


def document(record: QuarantinedRecord) -> dict[str, object]:
    """One record as `quarantine --json` prints it."""
    return {
        **record._asdict(),
        "resolved_at": format_optional(record.resolved_at),
        "resolved": record.resolved_at is not None,
    }


def resolve(store: Store, quarantine_id: int, *, actor: str, note: str) -> None:
    """Settle a quarantined record: somebody looked at it and says why it no longer counts as open.

    Args:
        actor: who.
        note: why; required.

    Raises:
        UsageError: there is no such record, or no note.
        RefusedError: it is settled already, or its import was never completed.
    """
    from store.fold import refresh

    if not note.strip():
        raise UsageError("give a note that says why the record is settled")
    with store.writing() as connection:
        at = now()
        row = connection.execute(_ONE, (quarantine_id,)).fetchone()
        if row is None:
            raise UsageError(f"no quarantined record {quarantine_id}; `quarantine` lists them")
        resolved_at, resolved_by, reason, is_complete = row
        if resolved_at is not None:
            raise RefusedError(f"record {quarantine_id} was settled by {resolved_by} at {format_optional(resolved_at)}")
        if not is_complete:
            raise RefusedError(
                f"record {quarantine_id} is of an import that is not complete: import the file again, it is read anew"
            )
        connection.execute(_RESOLVE, (at, actor, note, quarantine_id))
        after = json.dumps({"quarantine_id": quarantine_id, "reason": reason})
        ledger.append(connection, actor=actor, verb="resolve_quarantine", at=at, after=after, note=note)
        refresh(connection, actor=actor, at=at)
