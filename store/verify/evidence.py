"""Whether the evidence is what was imported: every row's hash against the seal, every seal against the log."""

import sqlite3
from collections.abc import Iterator, Sequence
from typing import Any

from store import seals
from store.event_rows import CHUNK, EVENT_NUMBERS
from store.ingest.canonical import EventRow
from store.ingest.keys import event_key, mixed, text_key
from store.seals import Part
from store.verify.checks import Context, Finding, Findings, counted, valued
from store.verify.entries import Entry, read_entries
from store.verify.scan import Astray, ChangedPart, Content, Scan

_UNFINISHED = """
SELECT i.import_id, i.file FROM imports i
WHERE i.state = 'loading'
  AND NOT EXISTS (SELECT 1 FROM imports o WHERE o.content_id = i.content_id AND o.state = 'complete')
ORDER BY i.import_id
"""
_SEALS = "SELECT content_id, part, first, last, rows, sha256 FROM seals ORDER BY content_id, part, first"
_NEGATIVE = """
SELECT content_id, record_no FROM access_events
WHERE subject < 1 OR resource < 1 OR endpoint < 1 OR ip < 1 OR records < 0 OR bytes < 0
LIMIT 20
"""
_STRAYS = {
    "event_holders": "SELECT DISTINCT content_id FROM event_holders",
    "holdings": "SELECT DISTINCT content_id FROM holdings",
    "quarantine": "SELECT DISTINCT content_id FROM quarantine",
    "import_checkpoints": "SELECT DISTINCT content_id FROM import_checkpoints",
    "seals": "SELECT DISTINCT content_id FROM seals",
}
_BEGUN = "SELECT DISTINCT content_id FROM imports"
_TEXTS = {
    "app": "SELECT id, app_id FROM apps WHERE id IN (SELECT DISTINCT value FROM json_each(?))",
    "field_set": "SELECT id, data_classes FROM field_sets WHERE id IN (SELECT DISTINCT value FROM json_each(?))",
    "subject": "SELECT id, subject_id FROM subjects WHERE id IN (SELECT DISTINCT value FROM json_each(?))",
    "resource": "SELECT id, resource_id FROM resources WHERE id IN (SELECT DISTINCT value FROM json_each(?))",
    "endpoint": "SELECT id, endpoint FROM endpoints WHERE id IN (SELECT DISTINCT value FROM json_each(?))",
    "ip": "SELECT id, ip FROM addresses WHERE id IN (SELECT DISTINCT value FROM json_each(?))",
}
# Equal records of one file are told apart by their ordinal: more of them than this are not tried.
_MOST_EQUAL = 1_000
_DICTIONARY = "dictionary "


def check_evidence(connection: sqlite3.Connection, context: Context) -> Findings:
    """Everything that imports brought.

    Args:
        connection: of `store.verify.scan.checking`; not inside a transaction.
    """
    connection.execute("BEGIN")
    entries, _ = read_entries(connection)
    logged = _logged_digests(entries)
    sealed: dict[int, list[Part]] = {}
    for content_id, *part in connection.execute(_SEALS):
        sealed.setdefault(content_id, []).append(Part(*part))
    scan = Scan(connection, _sealed_events(sealed))
    connection.rollback()
    scan.run(connection, context.tell)
    context.scan = scan
    for content in scan.contents.values():
        yield from _compare(connection, content, sealed.get(content.content_id, []), scan)
        digest = seals.digest_of(sealed.get(content.content_id, []))
        if logged.get(content.content_id) != digest:
            told = "says nothing of it" if content.content_id not in logged else "says otherwise"
            yield Finding(f"{content}: its seal is not the one it was given: the log {told}")
    yield from _dictionaries(connection, scan.contents, sealed)
    for changed in scan.changed:
        yield from _changed_rows(connection, scan.contents[changed.content_id], changed)
    yield from _astray(scan)
    for content_id, record_no in connection.execute(_NEGATIVE):
        owner = scan.contents.get(content_id, content_id)
        yield Finding(f"table access_events: record {record_no:,} of {owner} has a number below its least")
    yield from _strays(connection, scan)
    for import_id, file in connection.execute(_UNFINISHED):
        yield Finding(f"import {import_id} {file} was begun and is not complete: it counts nowhere", is_fault=False)
    events = sum(part.rows for parts in scan.parts.values() for part in parts)
    return f"{counted(len(scan.contents), 'import')}, {counted(events, 'event')}: every row is as it was imported"


def _logged_digests(entries: Sequence[Entry]) -> dict[int, str]:
    """Content id -> its seal's digest, as the log says it."""
    logged: dict[int, str] = {}
    for entry in entries:
        told: Any = entry.told("evidence")
        if entry.verb == "upgrade" and isinstance(told, dict):
            logged.update({int(content_id): digest for content_id, digest in told.items() if str(content_id).isdigit()})
        elif entry.verb == "import" and isinstance(entry.told("content_id"), int):
            logged.setdefault(entry.told("content_id"), told)
    return logged


def _sealed_events(sealed: dict[int, list[Part]]) -> dict[int, dict[int, str]]:
    return {
        content_id: {part.first: part.sha256 for part in parts if part.part == seals.EVENTS}
        for content_id, parts in sealed.items()
    }


def _compare(connection: sqlite3.Connection, content: Content, sealed: list[Part], scan: Scan) -> Iterator[Finding]:
    """One content's rows against its seal."""
    now = [*scan.parts.get(content.content_id, []), *seals.parts_of_content(connection, content.content_id)]
    found = {(part.part, part.first): part for part in now}
    expected = {(part.part, part.first): part for part in sealed if not part.part.startswith(_DICTIONARY)}
    for key in sorted(found.keys() | expected.keys()):
        was, is_now = expected.get(key), found.get(key)
        if was == is_now:
            continue
        what = _named(*key)
        if was is None and is_now is not None:
            yield Finding(f"{content}: {what}: {counted(is_now.rows, 'row')} that it never brought")
        elif is_now is None and was is not None:
            yield Finding(f"{content}: {what}: all {counted(was.rows, 'row')} are gone")
        elif was is not None and is_now is not None and was.rows != is_now.rows:
            yield Finding(f"{content}: {what}: {counted(is_now.rows, 'row')}, and {was.rows:,} were imported")
        else:
            yield Finding(f"{content}: {what}: changed since it was imported")


def _named(part: str, first: int) -> str:
    if part == seals.EVENTS:
        return f"events {first + 1:,} to {first + CHUNK:,} of it in key order"
    return part


def _dictionaries(
    connection: sqlite3.Connection, contents: dict[int, Content], sealed: dict[int, list[Part]]
) -> Iterator[Finding]:
    """Every range of the dictionaries, as the import that it entered with sealed it; without a gap between ranges."""
    ranges: dict[str, list[tuple[Part, int]]] = {}
    for content_id, parts in sealed.items():
        for part in parts:
            if part.part.startswith(_DICTIONARY):
                ranges.setdefault(part.part, []).append((part, content_id))
    for name, of_dictionary in ranges.items():
        expected = 1
        for part, content_id in sorted(of_dictionary):
            owner = contents.get(content_id, f"content {content_id}")
            if part.first != expected:
                yield Finding(f"{name}: ids {expected:,} to {part.first - 1:,} are sealed nowhere")
            expected = part.last + 1
            try:
                is_now = seals.dictionary_part(connection, part.part, part.first, part.last)
            except KeyError:
                yield Finding(f"{owner}: its seal names {valued(part.part)}, which is no dictionary")
                break
            if is_now != part:
                yield Finding(f"{owner}: {name}, ids {part.first:,} to {part.last:,}: changed since it was imported")


def _changed_rows(connection: sqlite3.Connection, content: Content, changed: ChangedPart) -> Iterator[Finding]:
    """Which of the rows do not have the key that their content gives."""
    columns = dict(zip(EVENT_NUMBERS, (column.tolist() for column in changed.numbers), strict=True))
    texts = {
        name: dict(connection.execute(question, (str(sorted(set(columns[name]))),)).fetchall())
        for name, question in _TEXTS.items()
    }
    wrong = []
    for place, event_id in enumerate(changed.event_ids):
        row = {name: column[place] for name, column in columns.items()}
        named = {name: texts[name].get(row[name]) for name in texts}
        content_text = EventRow(
            0,
            row["occurred_at"],
            named["app"] or "",
            named["field_set"] or "",
            named["subject"],
            None,
            named["resource"],
            named["endpoint"],
            None if row["records"] == -1 else row["records"],
            None if row["bytes"] == -1 else row["bytes"],
            named["ip"],
            row["outcome"],
            None,
        ).content()
        if not _has_key(row["event_key"], content_text, event_id):
            wrong.append(row["record_no"])
    for record_no in wrong[:3]:
        yield Finding(f"{content}: record {record_no:,}: its row in access_events does not say what was imported")
    if len(wrong) > 3:
        yield Finding(f"{content}: {len(wrong) - 3:,} more records like that")


def _has_key(key: int, content_text: str, event_id: bytes | None) -> bool:
    # Damaged bytes come as lone surrogates, which no import ever brought.
    text = content_text.encode("utf-8", "replace").decode()
    if event_id is not None:
        return key == event_key(text, event_id.decode("utf-8", "replace"))
    first = text_key(text)
    return key == first or any(key == mixed(first, ordinal) for ordinal in range(1, _MOST_EQUAL))


def _astray(scan: Scan) -> Iterator[Finding]:
    for each in scan.astray:
        yield _stray_reference(each, scan.contents)


def _stray_reference(each: Astray, contents: dict[int, Content]) -> Finding:
    owner = contents.get(each.content_id, f"content {each.content_id}")
    return Finding(
        f"{owner}: record {each.record_no:,}: its row in access_events refers to {each.column} {each.number},"
        " which is not there"
    )


def _strays(connection: sqlite3.Connection, scan: Scan) -> Iterator[Finding]:
    """Rows of contents that no import knows."""
    for content_id, count in sorted(scan.strays.items()):
        yield Finding(f"table access_events: {counted(count, 'row')} of content {content_id}, which no import brought")
    held = {table: connection.execute(question).fetchall() for table, question in _STRAYS.items()}
    begun = {content_id for (content_id,) in connection.execute(_BEGUN)}
    for table, found in held.items():
        for (content_id,) in found:
            if content_id not in begun:
                yield Finding(f"table {table}: rows of content {valued(content_id)}, which no import brought")
