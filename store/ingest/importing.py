"""Importing files: what `python -m store import` calls.

An import counts from its completion entry on. The same bytes read the same way are one content, however often they are
imported; see `store.tables`.
"""

import json
import sqlite3
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from store import ledger, seals
from store.connection import Store
from store.errors import StoreError, UnusableFileError, UsageError
from store.fold import defer, refresh
from store.ingest import formats, kept_out, pseudonym_key, quarantine, restoring, strict
from store.ingest.boundary import Boundary
from store.ingest.formats import Chosen
from store.ingest.imports import ImportEntry, document, entry_of, list_document
from store.ingest.loader import Load, Meter, Progress
from store.ingest.reader import is_compressed, sha256_of
from store.ingest.records import Epoch, Options
from store.ingest.stage_folder import stage_folder
from store.ingest.tally import Counts
from store.ingest.values import EPOCH_UNITS
from store.instants import now
from store.kept import is_stale
from store.pseudonyms import People


class ImportReport(NamedTuple):
    """What a call of `import_paths` did: an entry a file, and the files of a folder that are none of ours."""

    imports: tuple[ImportEntry, ...]
    ignored: tuple[str, ...]


_SAME = """
SELECT import_id, content_id, state FROM imports
WHERE sha256 = :sha256 AND format = :format AND kind IS :kind AND options = :options
ORDER BY import_id
"""
_OPTIONS = "SELECT options FROM imports WHERE import_id = ?"
_NEXT = "SELECT coalesce(max(import_id), 0) + 1 FROM imports"
_BEGIN = """
INSERT INTO imports(import_id, content_id, file, path, sha256, size, format, kind, options, state, started_at,
  started_by)
VALUES (:import_id, :content_id, :file, :path, :sha256, :size, :format, :kind, :options, 'loading', :started_at,
  :started_by)
"""
_COMPLETE = """
UPDATE imports
SET state = 'complete', completed_at = :at, records = :records, accepted = :accepted, duplicates = :duplicates,
  quarantined = :quarantined, skipped = :skipped, first_at = :first_at, last_at = :last_at,
  extra_columns = :ignored_columns, redacted = :redacted
WHERE import_id = :import_id
"""
_FORGET = """
DELETE FROM imports
WHERE import_id = ? AND state = 'loading' AND NOT EXISTS (SELECT 1 FROM holdings WHERE content_id = ?)
"""
_REDACTED = "SELECT redacted FROM imports WHERE content_id = ? AND state = 'complete' ORDER BY import_id LIMIT 1"
_ADD_CHECKPOINT = "INSERT OR REPLACE INTO import_checkpoints(content_id, record_no, byte_offset) VALUES (?, ?, ?)"


def import_paths(
    store: Store,
    paths: Sequence[Path],
    *,
    actor: str,
    format: str = formats.AUTO,  # noqa: A002 - the command line's own word
    kind: str | None = None,
    timezone: str | None = None,
    epoch: Epoch | None = None,
    mapping: Mapping[str, str] | None = None,
    people: People | None = None,
    progress: Progress | None = None,
) -> ImportReport:
    """Import files, and folders with all that is in them, one after the other.

    Each file is an import of its own: those before a file that is refused stay imported.

    Args:
        paths: files or folders; a folder's files are taken in sorted order, those of no kind are ignored.
        actor: who imports.
        format: `auto`, `canonical` or a vendor's.
        kind: the canonical kind of every file; None reads it from each file's name.
        timezone: the zone of times without an offset, an IANA name.
        epoch: the unit of integer instants: `s`, `ms` or `us` (default).
        mapping: the files' column names -> ours.
        people: gives everybody a pseudonym; None keeps people's ids as they are.
        progress: called with (file, records done, records a second, seconds left or None).

    Raises:
        UnusableFileError: a file that was named is of no kind, or is unusable as a whole.
        UsageError: no such format, kind, zone or column.
        RefusedError: the store holds people's ids, or pseudonyms under another key; nothing is imported.
    """
    options = _options(timezone, epoch, mapping or {})
    chosen, ignored = _choose(paths, asked=format, kind=kind, options=options)
    names_people = any(pseudonym_key.may_name_people(each.kind) for each in chosen)
    with store.reading() as connection:
        people = pseudonym_key.check(connection, people, names_people=names_people)
    entries: list[ImportEntry] = []
    last = len(chosen) - 1
    try:
        for place, each in enumerate(chosen):
            more = place < last
            entries.append(_import_file(store, each, options, people, actor=actor, more=more, progress=progress))
    except (StoreError, KeyboardInterrupt):
        _refresh_if_stale(store, actor=actor)
        raise
    return ImportReport(tuple(entries), tuple(ignored))


def _refresh_if_stale(store: Store, *, actor: str) -> None:
    """Bring the derived tables up to date for the files that are in, when one after them could not be imported."""
    with store.reading() as connection:
        stale = is_stale(connection)
    if stale:
        with store.writing() as connection:
            refresh(connection, actor=actor, at=now())


def _options(timezone: str | None, epoch: Epoch | None, mapping: Mapping[str, str]) -> Options:
    if epoch is not None and epoch not in EPOCH_UNITS:
        raise UsageError(f"no epoch unit {epoch}; one of s, ms, us")
    zone = None
    if timezone is not None:
        try:
            zone = ZoneInfo(timezone)
        except (ZoneInfoNotFoundError, ValueError, OSError) as error:
            raise UsageError(f"no time zone {timezone}; give an IANA name such as Europe/Madrid, or UTC") from error
    return Options(zone, epoch or "us", dict(mapping))


def _choose(paths: Sequence[Path], *, asked: str, kind: str | None, options: Options) -> tuple[list[Chosen], list[str]]:
    chosen: list[Chosen] = []
    ignored: list[str] = []
    for path in paths:
        if path.is_dir():
            for file in sorted(each for each in path.rglob("*") if each.is_file()):
                found = formats.choose(file, asked=asked, kind=kind, options=options)
                if found is None:
                    ignored.append(str(file))
                else:
                    chosen.append(found)
            continue
        if not path.is_file():
            raise UnusableFileError(f"cannot read {path}: {'not a file' if path.exists() else 'no such file'}")
        found = formats.choose(path, asked=asked, kind=kind, options=options)
        if found is None:
            raise formats.refuse(path, kind=kind)
        chosen.append(found)
    return chosen, ignored


def _options_text(options: Options, people: People | None) -> str:
    zone = None if options.zone is None else options.zone.key
    named = {"epoch": options.epoch, "map": dict(sorted(options.mapping.items())), "timezone": zone}
    return json.dumps(named if people is None else {**named, "pseudonyms": people.fingerprint})


def _import_file(
    store: Store,
    chosen: Chosen,
    options: Options,
    people: People | None,
    *,
    actor: str,
    more: bool,
    progress: Progress | None,
) -> ImportEntry:
    status = chosen.path.stat()
    boundary = Boundary(store, people)
    named: dict[str, object] = {
        "file": boundary.named(chosen.path.name),
        "path": boundary.named(str(chosen.path.absolute())),
        "sha256": sha256_of(chosen.path),
        "size": status.st_size,
        "format": chosen.format,
        "kind": chosen.kind,
        "options": _options_text(options, people),
    }
    with stage_folder(store.path) as folder, _room_to_work(store):
        begun = _begin(store, named, people, kind=chosen.kind, actor=actor)
        if begun is None:
            return _import_again(store, named, actor=actor, more=more)
        done = _load(store, chosen, options, begun, folder, boundary, progress=progress)
        if chosen.path.stat().st_mtime_ns != status.st_mtime_ns and sha256_of(chosen.path) != named["sha256"]:
            raise UnusableFileError(f"{chosen.path} changed while it was read; import it again when it is at rest")
        with store.writing() as connection:
            same = [
                content_id for _, content_id, _ in connection.execute(_SAME, named) if content_id != begun.content_id
            ]
            at = now()
            settled = kept_out.settle(connection, same, import_id=begun.import_id, actor=actor, at=at)
            return _complete(connection, begun, done, settled, actor=actor, at=at, more=more)


@contextmanager
def _room_to_work(store: Store) -> Iterator[None]:
    """Say in one line that the stage ran out of room; what was written stays, and the next attempt takes it up."""
    try:
        yield
    except _errors_of_the_stage() as error:
        reason = str(error).splitlines()[0]
        raise UnusableFileError(
            f"the import stopped beside {store.path}: {reason}; make room, then import the file again: it continues"
        ) from error


def _errors_of_the_stage() -> tuple[type[Exception], ...]:
    """The system's, and DuckDB's where the import was large enough to load it."""
    duckdb = sys.modules.get("duckdb")
    return (OSError,) if duckdb is None else (OSError, duckdb.Error)


class _Begun(NamedTuple):
    import_id: int
    content_id: int


class _Done(NamedTuple):
    """What a load did; `event_parts` None: the content was there, and is sealed already.

    Attributes:
        redacted: how many values held a secret.
    """

    counts: Counts
    first_at: int | None
    last_at: int | None
    ignored_columns: tuple[str, ...]
    redacted: int
    event_parts: list[seals.Part] | None = None


def _begin(
    store: Store, named: Mapping[str, object], people: People | None, *, kind: str | None, actor: str
) -> _Begun | None:
    """Enter the import as begun; an attempt on the same content that never completed is taken up again.

    Returns None where the content is known whole, and nothing that it was refused could come in now.
    """
    with store.writing() as connection:
        pseudonym_key.check(connection, people, names_people=pseudonym_key.may_name_people(kind))
        pseudonym_key.keep(connection, people, actor=actor, at=now())
        same = connection.execute(_SAME, named).fetchall()
        known = [content_id for _, content_id, state in same if state == "complete"]
        if known and not kept_out.may_come_in(connection, known[-1]):
            return None
        begun = next((_Begun(*row[:2]) for row in same if row[2] != "complete"), None)
        return begun or _enter(connection, named, None, actor=actor)


def _enter(
    connection: sqlite3.Connection, named: Mapping[str, object], content_id: int | None, *, actor: str
) -> _Begun:
    (import_id,) = connection.execute(_NEXT).fetchone()
    begun = _Begun(import_id, import_id if content_id is None else content_id)
    connection.execute(_BEGIN, {**named, **begun._asdict(), "started_at": now(), "started_by": actor})
    return begun


def _import_again(store: Store, named: Mapping[str, object], *, actor: str, more: bool) -> ImportEntry:
    """One more import of a content that is in the store already, in one transaction."""
    with store.writing() as connection:
        same = connection.execute(_SAME, named).fetchall()
        content_id = [content_id for _, content_id, state in same if state == "complete"][-1]
        (redacted,) = connection.execute(_REDACTED, (content_id,)).fetchone()
        done = _Done(*restoring.what_counts_again(connection, content_id), redacted)
        begun = _enter(connection, named, content_id, actor=actor)
        return _complete(connection, begun, done, [], actor=actor, at=now(), more=more)


def _load(
    store: Store,
    chosen: Chosen,
    options: Options,
    begun: _Begun,
    folder: Path,
    boundary: Boundary,
    *,
    progress: Progress | None,
) -> _Done:
    notes = strict.Notes()
    meter = Meter(chosen.path.name, chosen.path.stat().st_size, progress)
    as_loaded = formats.options_as_loaded(chosen, options)
    with Load(
        store,
        import_id=begun.import_id,
        content_id=begun.content_id,
        folder=folder,
        meter=meter,
        boundary=boundary,
    ) as load:
        try:
            outcomes = None
            if not (boundary.keeps_no_copy and is_compressed(chosen.path)):
                outcomes = formats.read_fast(chosen, options, notes, load.large_stage, folder)
            if outcomes is None:
                load.take(formats.read(chosen, options, notes), as_loaded, lambda: notes.offset)
            else:
                load.count_staged(outcomes[0])
                load.take(outcomes[1], as_loaded, lambda: notes.offset)
        except StoreError:
            _forget(store, begun)
            raise
        span = load.write_events()
        counts, event_parts = load.counts(), load.event_parts
    if not is_compressed(chosen.path):
        with store.writing() as connection:
            rows = ((begun.content_id, record_no, offset) for record_no, offset in notes.checkpoints)
            connection.executemany(_ADD_CHECKPOINT, rows)
    ignored = boundary.names(notes.ignored_columns)
    return _Done(counts, span.first_at, span.last_at, ignored, boundary.redacted, event_parts)


def _forget(store: Store, begun: _Begun) -> None:
    """Take back the entry of a file that turned out to be unusable, unless some of its records are in already."""
    with store.writing() as connection:
        quarantine.clear(connection, begun.content_id)
        connection.execute(_FORGET, (begun.import_id, begun.content_id))


def _complete(
    connection: sqlite3.Connection, begun: _Begun, done: _Done, settled: list[int], *, actor: str, at: int, more: bool
) -> ImportEntry:
    """The completion entry: from here on the import counts. The last of its transactions.

    Args:
        settled: the ids of records quarantined before that were read again.
        at: now, microseconds UTC.
        more: files follow, the last of which brings the derived tables up to date for all.
    """
    values = {
        **done.counts._asdict(),
        "first_at": done.first_at,
        "last_at": done.last_at,
        "redacted": done.redacted,
        "ignored_columns": json.dumps(done.ignored_columns),
        "import_id": begun.import_id,
        "at": at,
    }
    connection.execute(_COMPLETE, values)
    if done.event_parts is None:
        evidence = seals.digest_of(seals.sealed_parts(connection, begun.content_id))
    else:
        evidence = seals.seal(connection, begun.content_id, done.event_parts)
    entry = entry_of(connection, begun.import_id)
    (options,) = connection.execute(_OPTIONS, (begun.import_id,)).fetchone()
    after = {**list_document(entry), "options": json.loads(options), "settled": settled, "evidence": evidence}
    ledger.append(connection, actor=actor, verb="import", at=at, after=json.dumps(after))
    if more:
        defer(connection, import_id=begun.import_id)
    else:
        refresh(connection, actor=actor, at=at)
    return entry


def report_document(report: ImportReport) -> dict[str, object]:
    """What `import --json` prints."""
    return {"imports": [document(entry) for entry in report.imports], "ignored": list(report.ignored)}
