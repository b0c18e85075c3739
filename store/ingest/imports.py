"""The imports of a store: listing them, and voiding one: what `python -m store imports` and `void` call."""

import json
import sqlite3
from typing import NamedTuple

from store import ledger
from store.connection import Store
from store.errors import RefusedError, UsageError
from store.fold import refresh
from store.instants import format_optional, now


class ImportEntry(NamedTuple):
    """One import: of one file, at one time.

    Attributes:
        file: the file's name; `path` is where it was.
        kind: None for a vendor's format.
        records: the source's; `records = accepted + duplicates + quarantined + skipped`.
        first_at: the first event's instant, microseconds UTC; None without events. Likewise `last_at`.
        ignored_columns: the file's names of columns that are none of ours.
        is_complete: False for an import that was begun and counts nowhere.
        content_id: shared by the imports of the same bytes, the first of which names it.
        started_at: microseconds UTC.
        redacted: how many values held a secret.
        pseudonymised: whether people came in as keyed pseudonyms.
    """

    import_id: int
    file: str
    sha256: str
    format: str
    kind: str | None
    records: int
    accepted: int
    duplicates: int
    quarantined: int
    skipped: int
    first_at: int | None
    last_at: int | None
    ignored_columns: tuple[str, ...]
    path: str
    size: int
    is_complete: bool
    content_id: int
    started_at: int
    started_by: str
    completed_at: int | None
    voided_at: int | None
    voided_by: str | None
    void_note: str | None
    redacted: int
    pseudonymised: bool


_ENTRIES = """
SELECT import_id, file, sha256, format, kind, records, accepted, duplicates, quarantined, skipped, first_at, last_at,
  extra_columns, path, size, state = 'complete', content_id, started_at, started_by, completed_at, voided_at, voided_by,
  void_note, redacted, json_extract(options, '$.pseudonyms') IS NOT NULL
FROM imports
WHERE :import_id IS NULL OR import_id = :import_id
ORDER BY import_id
"""
_VOID = "UPDATE imports SET voided_at = ?, voided_by = ?, void_note = ? WHERE import_id = ?"


def document(entry: ImportEntry) -> dict[str, object]:
    """One import as `import --json` prints it."""
    return {
        "import_id": entry.import_id,
        "file": entry.file,
        "sha256": entry.sha256,
        "format": entry.format,
        "kind": entry.kind,
        "records": entry.records,
        "accepted": entry.accepted,
        "duplicates": entry.duplicates,
        "quarantined": entry.quarantined,
        "skipped": entry.skipped,
        "first_at": format_optional(entry.first_at),
        "last_at": format_optional(entry.last_at),
        "ignored_columns": list(entry.ignored_columns),
        "redacted": entry.redacted,
        "pseudonymised": entry.pseudonymised,
    }


def list_document(entry: ImportEntry) -> dict[str, object]:
    """One import as `imports --json` prints it: also what became of it since."""
    return {
        **document(entry),
        "path": entry.path,
        "size": entry.size,
        "state": "complete" if entry.is_complete else "unfinished",
        "content_id": entry.content_id,
        "started_at": format_optional(entry.started_at),
        "started_by": entry.started_by,
        "completed_at": format_optional(entry.completed_at),
        "voided_at": format_optional(entry.voided_at),
        "voided_by": entry.voided_by,
        "void_note": entry.void_note,
    }


def entry_of(connection: sqlite3.Connection, import_id: int) -> ImportEntry:
    """One import that is there."""
    return _entries(connection, import_id)[0]


def _entries(connection: sqlite3.Connection, import_id: int | None) -> list[ImportEntry]:
    rows = connection.execute(_ENTRIES, {"import_id": import_id}).fetchall()
    return [
        ImportEntry._make(
            (*row[:12], tuple(json.loads(row[12])), *row[13:15], bool(row[15]), *row[16:-1], bool(row[-1]))
        )
        for row in rows
    ]


def imports(store: Store) -> list[ImportEntry]:
    """Every import, oldest first: unfinished and voided ones too."""
    with store.reading() as connection:
        return _entries(connection, None)


def void(store: Store, import_id: int, *, actor: str, note: str) -> ImportEntry:
    """Take an import out of the count: its rows stay, and count only where another import that is not voided has them.

    Args:
        actor: who.
        note: why; required.

    Raises:
        UsageError: there is no such import, or no note.
        RefusedError: it is voided already, or was never completed.
    """
    if not note.strip():
        raise UsageError("give a note that says why the import is voided")
    with store.writing() as connection:
        at = now()
        found = _entries(connection, import_id)
        if not found:
            raise UsageError(f"no import {import_id}; `imports` lists them")
        before = found[0]
        if before.voided_at is not None:
            raise RefusedError(
                f"import {import_id} was voided by {before.voided_by} at {format_optional(before.voided_at)}"
            )
        if not before.is_complete:
            raise RefusedError(f"import {import_id} was never completed and counts nowhere: there is nothing to void")
        connection.execute(_VOID, (at, actor, note, import_id))
        named = {"import_id": import_id, "file": before.file, "sha256": before.sha256}
        ledger.append(
            connection,
            actor=actor,
            verb="void",
            at=at,
            before=json.dumps({**named, "voided": False}, ensure_ascii=False),
            after=json.dumps({**named, "voided": True}, ensure_ascii=False),
            note=note,
        )
        refresh(connection, actor=actor, at=at)
        return _entries(connection, import_id)[0]
