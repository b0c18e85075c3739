"""Which rows of a changed part are the changed ones: those whose key is not the one that their content gives."""

import sqlite3
from collections.abc import Iterator, Mapping
from typing import Any

from store import seals
from store.event_rows import EVENT_NUMBERS
from store.ingest.canonical import KINDS, EventRow, Kind, RegistryRow
from store.ingest.keys import event_key, mixed, text_key
from store.tables import REGISTRY_TABLES
from store.verify.scan import ChangedPart

_EVENT_TEXTS = {
    "app": "SELECT id, app_id FROM apps WHERE id IN (SELECT value FROM json_each(?))",
    "field_set": "SELECT id, data_classes FROM field_sets WHERE id IN (SELECT value FROM json_each(?))",
    "subject": "SELECT id, subject_id FROM subjects WHERE id IN (SELECT value FROM json_each(?))",
    "resource": "SELECT id, resource_id FROM resources WHERE id IN (SELECT value FROM json_each(?))",
    "endpoint": "SELECT id, endpoint FROM endpoints WHERE id IN (SELECT value FROM json_each(?))",
    "ip": "SELECT id, ip FROM addresses WHERE id IN (SELECT value FROM json_each(?))",
}
_TEXT_OF = {
    "partners": "SELECT partner_id FROM partners WHERE id = ?",
    "apps": "SELECT app_id FROM apps WHERE id = ?",
    "subjects": "SELECT subject_id FROM subjects WHERE id = ?",
    "resources": "SELECT resource_id FROM resources WHERE id = ?",
}
_COLUMN_OF = {"partners": "partner", "apps": "app", "subjects": "subject", "resources": "resource"}
_UNSEALED = """
SELECT v.* FROM TABLE_OF v
WHERE NOT EXISTS (
  SELECT 1 FROM holdings h JOIN imports i ON i.content_id = h.content_id AND i.state = 'complete'
  WHERE h.kind = ? AND h.version_id = v.version_id)
"""
# Equal records of one file are told apart by their ordinal: more of them than this are not tried.
_MOST_EQUAL = 1_000


def changed_events(connection: sqlite3.Connection, changed: ChangedPart) -> list[int]:
    """The record numbers of events that do not say what their key stands for."""
    columns = dict(zip(EVENT_NUMBERS, (column.tolist() for column in changed.numbers), strict=True))
    texts = {
        name: dict(connection.execute(question, (str(sorted(set(columns[name]))),)).fetchall())
        for name, question in _EVENT_TEXTS.items()
    }
    wrong = []
    for place, event_id in enumerate(changed.event_ids):
        row: dict[str, Any] = {name: column[place] for name, column in columns.items()}
        row |= {name: texts[name].get(row[name]) for name in texts}
        if not _is_of(row, event_id):
            wrong.append(int(row["record_no"]))
    return wrong


def _is_of(row: Mapping[str, Any], event_id: bytes | None) -> bool:
    content = EventRow(
        record_no=0,
        occurred_at=row["occurred_at"],
        app_id=row["app"] or "",
        data_classes=row["field_set"] or "",
        subject_id=row["subject"],
        subject_spelling=None,
        resource_id=row["resource"],
        endpoint=row["endpoint"],
        records=None if row["records"] == -1 else row["records"],
        bytes=None if row["bytes"] == -1 else row["bytes"],
        ip=row["ip"],
        outcome=row["outcome"],
        event_id=None,
    ).content()
    # Damaged bytes come as lone surrogates, which no import ever brought.
    text = content.encode("utf-8", "replace").decode()
    if event_id is not None:
        return bool(row["event_key"] == event_key(text, event_id.decode("utf-8", "replace")))
    first = text_key(text)
    return row["event_key"] == first or any(row["event_key"] == mixed(first, each) for each in range(1, _MOST_EQUAL))


def changed_registry_rows(connection: sqlite3.Connection, content_id: int, part: str) -> Iterator[int]:
    """The record numbers of one of a content's registry parts whose versions do not say what their keys stand for."""
    kind = KINDS[part.removeprefix(seals.REGISTRY)]
    for row in seals.registry_rows(connection, content_id, part):
        if not _says_its_keys(connection, kind, row) and isinstance(row["record_no"], int):
            yield row["record_no"]


def changed_unsealed_rows(connection: sqlite3.Connection) -> Iterator[tuple[str, int]]:
    """Versions under no seal, as no complete import holds them, that do not say what their keys stand for.

    Yields:
        The table and the version id.
    """
    for name, table in REGISTRY_TABLES.items():
        cursor = connection.execute(_UNSEALED.replace("TABLE_OF", table), (name,))
        columns = [column[0] for column in cursor.description]
        for values in cursor:
            row = dict(zip(columns, values, strict=True))
            if not _says_its_keys(connection, KINDS[name], row):
                yield table, row["version_id"]


def _says_its_keys(connection: sqlite3.Connection, kind: Kind, row: Mapping[str, Any]) -> bool:
    stored = []
    for column in kind.columns:
        value: Any = row[_COLUMN_OF.get(column.entity, column.name)]
        if column.entity and value is not None:
            (value,) = connection.execute(_TEXT_OF[column.entity], (value,)).fetchone() or (None,)
        stored.append(value)
    record = RegistryRow(0, kind.name, tuple(stored), at_is_date=bool(row.get("at_is_date")))
    try:
        return (row["identity_key"], row["content_key"]) == (record.identity_key(), record.content_key())
    except UnicodeEncodeError:
        return False
