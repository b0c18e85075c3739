"""The raw record behind an event: from the original file, while its SHA-256 is still the one that was imported.

What is shown has passed the redactor; in a store that holds people only as pseudonyms it is withheld.
"""

import hashlib
import json
import os
import stat
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, NamedTuple
from zoneinfo import ZoneInfo

from store.connection import Store
from store.errors import StoreError, UsageError
from store.stopping import NEVER, Stop

if TYPE_CHECKING:
    from store.ingest.records import Options

SHOWN = "shown"
WITHHELD = "withheld"
MISSING = "missing"
CHANGED = "changed"
UNREADABLE = "unreadable"

# Called with what is done ("checking", "reading"), and how far it is from 0 to 1; None where nobody can tell.
Progress = Callable[[str, float | None], None]

_CHUNK = 1 << 20
_ABOUT = """
SELECT import_id, path, sha256, size, format, kind, options FROM imports
WHERE content_id = (SELECT content_id FROM imports WHERE import_id = ?)
ORDER BY import_id DESC
"""
_MARK = """
SELECT record_no, byte_offset FROM import_checkpoints
WHERE content_id = (SELECT content_id FROM imports WHERE import_id = ?) AND record_no <= ?
ORDER BY record_no DESC LIMIT 1
"""
_PSEUDONYMS = "SELECT pseudonym_key IS NOT NULL FROM incident"


@dataclass(frozen=True, slots=True)
class RawAnswer:
    """The raw record, or why it is not shown.

    Attributes:
        state: `SHOWN`, `WITHHELD`, `MISSING` (no file at the path), `CHANGED` (another content), `UNREADABLE`.
        text: the record, redacted; empty unless shown.
        header: the file's header, redacted; None where it has none.
        path: where the file is, or was.
        reason: in words, where it is not shown.
        redacted: whether a secret was taken out of it.
    """

    state: str
    record_no: int
    path: str
    sha256: str
    text: str = ""
    header: str | None = None
    reason: str = ""
    redacted: bool = False


class _File(NamedTuple):
    """An import's file, as it was imported."""

    import_id: int
    path: str
    sha256: str
    size: int
    format: str
    kind: str | None
    options: str


class _HashKey(NamedTuple):
    """What tells one state of a file from another without reading it."""

    path: str
    device: int
    inode: int
    size: int
    modified: int


_hashes: dict[_HashKey, str] = {}
_hashes_lock = threading.Lock()
_MOST_HASHES = 1_000


class _UnfitError(StoreError):
    """The file is not what was imported, or cannot be read; with the state."""

    def __init__(self, state: str, reason: str) -> None:
        super().__init__(reason)
        self.state = state


def raw_record(
    store: Store, import_id: int, record_no: int, *, progress: Progress | None = None, stop: Stop = NEVER
) -> RawAnswer:
    """The record of this number (from 1) of an import's file; reads the whole file where its hash is not known yet.

    Of a compressed file all before the record is read again each time. Ask in a thread.

    Raises:
        UsageError: there is no such import.
        StoppedError: the question was taken back.
    """
    with store.reading() as connection:
        files = [_File(*row) for row in connection.execute(_ABOUT, (import_id,))]
        mark = connection.execute(_MARK, (import_id, record_no)).fetchone()
        (hides_people,) = connection.execute(_PSEUDONYMS).fetchone()
    if not files:
        raise UsageError(f"there is no import {import_id}")
    files.sort(key=lambda file: (file.import_id != import_id, -file.import_id))
    if hides_people:
        why = "this store holds people only as pseudonyms; the original file names them"
        return RawAnswer(WITHHELD, record_no, files[0].path, files[0].sha256, reason=why)
    refusals: list[_UnfitError] = []
    for file in files:
        try:
            return _read(store.path, file, record_no, mark, progress or _tell_nobody, stop)
        except _UnfitError as error:
            refusals.append(error)
    # Of several imports of the same bytes one may still have its file; the first says what became of its own.
    first = refusals[0]
    return RawAnswer(first.state, record_no, files[0].path, files[0].sha256, reason=str(first))


def _tell_nobody(_what: str, _part: float | None) -> None:
    return None


def _read(
    store: Path, file: _File, record_no: int, mark: tuple[int, int] | None, progress: Progress, stop: Stop
) -> RawAnswer:
    from store.errors import UnusableFileError
    from store.ingest import raw_records
    from store.ingest.records import Source
    from store.redaction import redact, redacted_record

    path = Path(file.path)
    before = _state(store, path)
    if before.size != file.size:
        raise _UnfitError(
            CHANGED, f"{path} is not what was imported: it has {before.size:,} bytes, and had {file.size:,}"
        )
    if _hash(path, before, progress, stop) != file.sha256:
        raise _UnfitError(CHANGED, f"{path} is not what was imported: its SHA-256 is another")

    def look(_passed: int) -> None:
        stop.check()

    progress("reading", None)
    try:
        source = Source(path, file.kind, _options(file.options))
        found = raw_records.raw_record(source, file.format, record_no, mark, look)
    except (UnusableFileError, OSError) as error:
        raise _UnfitError(UNREADABLE, str(error)) from error
    if _state(store, path) != before:
        raise _UnfitError(CHANGED, f"{path} changed while it was read")
    if found is None:
        raise _UnfitError(UNREADABLE, f"{path} has no record {record_no:,}")
    text = redacted_record(found.text)
    return RawAnswer(
        SHOWN,
        record_no,
        file.path,
        file.sha256,
        text=text,
        header=None if found.header is None else redact(found.header),
        redacted=text != found.text,
    )


def _options(text: str) -> "Options":
    """How the file was read, as a reader's options."""
    from store.ingest.records import Options

    named = json.loads(text)
    zone = named.get("timezone")
    return Options(None if zone is None else ZoneInfo(zone), named.get("epoch", "us"), named.get("map", {}))


def _state(store: Path, path: Path) -> _HashKey:
    """What the file is now.

    Raises:
        _UnfitError: nothing is there, or no file that may be read.
    """
    try:
        status = os.stat(path)
    except OSError as error:
        if isinstance(error, FileNotFoundError | NotADirectoryError):
            reason = f"{path} is not there any more: moved, renamed or deleted"
        else:
            reason = f"{path} cannot be looked at: {error.strerror}"
        raise _UnfitError(MISSING, reason) from error
    except ValueError as error:
        raise _UnfitError(MISSING, f"{path} is no path of this system") from error
    if not stat.S_ISREG(status.st_mode):
        raise _UnfitError(CHANGED, f"{path} is not what was imported: it is no file")
    own = os.stat(store)
    if (status.st_dev, status.st_ino) == (own.st_dev, own.st_ino):
        raise _UnfitError(CHANGED, f"{path} is not what was imported: it is this store itself")
    return _HashKey(str(path), status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns)


def _hash(path: Path, key: _HashKey, progress: Progress, stop: Stop) -> str:
    """The file's SHA-256, read once for each state that it is in."""
    with _hashes_lock:
        known = _hashes.get(key)
    if known is not None:
        return known
    try:
        with path.open("rb") as stream:
            found = _digest(stream, key.size, progress, stop)
    except OSError as error:
        raise _UnfitError(UNREADABLE, f"{path} cannot be read: {error.strerror}") from error
    with _hashes_lock:
        while len(_hashes) >= _MOST_HASHES:
            del _hashes[next(iter(_hashes))]
        _hashes[key] = found
    return found


def _digest(stream: BinaryIO, size: int, progress: Progress, stop: Stop) -> str:
    digest = hashlib.sha256()
    done = 0
    while chunk := stream.read(_CHUNK):
        stop.check()
        digest.update(chunk)
        done += len(chunk)
        progress("checking", min(done / size, 1.0) if size else None)
    return digest.hexdigest()


def raw_document(answer: RawAnswer) -> dict[str, object]:
    """The raw record as `python -m store event --json --raw` prints it."""
    return {
        "state": answer.state,
        "record_no": answer.record_no,
        "path": answer.path,
        "sha256": answer.sha256,
        "header": answer.header,
        "record": answer.text if answer.state == SHOWN else None,
        "reason": answer.reason or None,
        "redacted": answer.redacted,
    }
