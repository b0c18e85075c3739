"""Whether the evidence is what was imported: every row's hash against the seal, every seal against the log."""

import sqlite3
from collections.abc import Generator, Iterator, Sequence
from typing import Any

from store import seals
from store.event_rows import CHUNK
from store.seals import Part
from store.verify.changed_rows import changed_events, changed_registry_rows, changed_unsealed_rows
from store.verify.checks import Context, Finding, Findings, reraise_interruption, valued
from store.verify.entries import Entry, read_entries
from store.verify.scan import Astray, Content, Scan
from store.words import counted

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
_MOST_RECORDS = 3
_DICTIONARY = "dictionary "


def check_evidence(connection: sqlite3.Connection, context: Context) -> Findings:
    """Everything that imports brought.

    Args:
        connection: of `store.verify.scan.checking`; not inside a transaction.
    """
    sealed, scan = yield from _of_contents(connection, context)
    yield from _dictionaries(connection, scan.contents, sealed)
    yield from _readable(_changed_events(connection, scan), "the records that were changed")
    yield from _astray(scan)
    yield from _readable(_below_least(connection, scan), "table access_events: it")
    yield from _readable(_strays(connection, scan), "rows that no import brought")
    yield from _readable(_unsealed(connection), "versions that no import holds")
    for import_id, file in connection.execute(_UNFINISHED):
        yield Finding(f"import {import_id} {file} was begun and is not complete: it counts nowhere", is_fault=False)
    events = sum(part.rows for parts in scan.parts.values() for part in parts)
    return f"{counted(len(scan.contents), 'import')}, {counted(events, 'event')}: every row is as it was imported"


def check_known_evidence(connection: sqlite3.Connection, context: Context) -> Findings:
    """Everything that the imports of a copy brought, in which later imports were taken back: their rows are let be.

    Args:
        connection: of `store.verify.scan.checking`; not inside a transaction.
    """
    sealed, scan = yield from _of_contents(connection, context, packing=False)
    yield from _dictionaries(connection, scan.contents, {each: sealed.get(each, []) for each in scan.contents})
    yield from _readable(_changed_events(connection, scan), "the records that were changed")
    yield from _astray(scan)
    yield from _readable(_below_least(connection, scan, known_only=True), "table access_events: it")
    return f"{counted(len(scan.contents), 'import')}: every row is as it was imported"


def _of_contents(
    connection: sqlite3.Connection, context: Context, *, packing: bool = True
) -> Generator[Finding, None, tuple[dict[int, list[Part]], Scan]]:
    """Each complete content's rows against its seal, and its seal against the log; all seals, and what was read."""
    connection.execute("BEGIN")
    entries, _ = read_entries(connection)
    logged = _logged_digests(entries)
    sealed: dict[int, list[Part]] = {}
    for content_id, *part in connection.execute(_SEALS):
        sealed.setdefault(content_id, []).append(Part(*part))
    scan = Scan(connection, _sealed_events(sealed))
    connection.rollback()
    scan.run(connection, context.tell, packing=packing)
    context.scan = scan
    if scan.unreadable:
        many = counted(len(scan.unreadable), "place")
        yield Finding(f"table access_events: it cannot be read in {many}: {scan.unreadable[0]}")
    for content in scan.contents.values():
        compared = _compare(connection, content, sealed.get(content.content_id, []), scan)
        yield from _readable(compared, f"{content}: its rows")
        digest = seals.digest_of(sealed.get(content.content_id, []))
        if logged.get(content.content_id) != digest:
            told = "says nothing of it" if content.content_id not in logged else "says otherwise"
            yield Finding(f"{content}: its seal is not the one it was given: the log {told}")
    return sealed, scan


def _readable(findings: Iterator[Finding], what: str) -> Iterator[Finding]:
    """Findings up to where the store cannot be read; the other checks go on."""
    try:
        yield from findings
    except sqlite3.DatabaseError as error:
        reraise_interruption(error)
        yield Finding(f"{what} cannot be read: {error}")


def _changed_events(connection: sqlite3.Connection, scan: Scan) -> Iterator[Finding]:
    for changed in scan.changed:
        yield from _records(scan.contents[changed.content_id], "access_events", changed_events(connection, changed))


def _below_least(connection: sqlite3.Connection, scan: Scan, *, known_only: bool = False) -> Iterator[Finding]:
    for content_id, record_no in connection.execute(_NEGATIVE):
        if known_only and content_id not in scan.contents:
            continue
        owner = scan.contents.get(content_id, content_id)
        yield Finding(f"table access_events: record {valued(record_no)} of {owner} has a number below its least")


def _unsealed(connection: sqlite3.Connection) -> Iterator[Finding]:
    for table, version_id in changed_unsealed_rows(connection):
        yield Finding(
            f"table {table}: version {version_id:,}, which no import holds, does not say what its key stands for"
        )


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
            if key[0].startswith(seals.REGISTRY):
                records = list(changed_registry_rows(connection, content.content_id, key[0]))
                yield from _records(content, key[0].removeprefix(seals.REGISTRY), records)


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
            except sqlite3.DatabaseError as error:
                reraise_interruption(error)
                yield Finding(f"{owner}: {name}, ids {part.first:,} to {part.last:,}: cannot be read: {error}")
                continue
            if is_now != part:
                yield Finding(f"{owner}: {name}, ids {part.first:,} to {part.last:,}: changed since it was imported")


def _records(content: Content, table: str, records: Sequence[int]) -> Iterator[Finding]:
    """The first few of the records that were changed."""
    for record_no in records[:_MOST_RECORDS]:
        yield Finding(f"{content}: record {record_no:,}: its row in {table} does not say what was imported")
    if len(records) > _MOST_RECORDS:
        yield Finding(f"{content}: {len(records) - _MOST_RECORDS:,} more records like that in {table}")


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
