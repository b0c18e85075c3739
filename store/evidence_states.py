"""What became of the evidence files: which are kept, missing or changed, and which steps cite each."""

import json
import os
import sqlite3
import stat
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple, TypeAlias

from store.connection import Store
from store.evidence_files import COPY_NAME, LEFTOVER_NAME, hash_of_copy
from store.instants import format_instant
from store.opening import evidence_folder, folder_notice

# Bytes done, bytes in all; both of all files together.
Progress: TypeAlias = Callable[[int, int], None]

# From this schema on a copy of each file is kept; of earlier ones only name, size and hash are known.
_FIRST_WITH_COPIES = 2
_PRIVATE_FOLDER = 0o700

KEPT, MISSING, CHANGED, RESIZED, HASH_ONLY, UNREADABLE = (
    "kept",
    "missing",
    "changed",
    "resized",
    "known by hash only",
    "unreadable",
)


class Citation(NamedTuple):
    """A step that cites a file: its entry in the log, its name, its partner (None: of the incident), if it stands."""

    seq: int
    step: str
    partner_id: str | None
    stands: bool


class EvidenceRow(NamedTuple):
    """A file that steps cite.

    Attributes:
        collected_at: when it was attached first, microseconds UTC.
        state: `kept`, `missing`, `changed`, `resized`, `unreadable`, or `known by hash only` where it was attached
            before copies were kept.
        wrong: what is wrong, in words; empty where nothing is.
    """

    file_name: str
    sha256: str
    size: int
    collected_at: int
    collected_by: str
    steps: tuple[Citation, ...]
    state: str
    wrong: str


class FileFinding(NamedTuple):
    """Something to know about the files, in one line; not every such thing is a fault."""

    says: str
    is_fault: bool


_FILES = """
SELECT evidence_id, file_name, sha256, size, collected_at, collected_by FROM evidence ORDER BY evidence_id
"""
_CITATIONS = """
SELECT s.evidence_id, s.seq, s.step, a.partner_id, s.taken_back_by IS NULL
FROM audit_steps s LEFT JOIN actions a ON a.seq = s.seq
WHERE s.evidence_id IS NOT NULL
ORDER BY s.evidence_id, s.seq
"""
_UPGRADES = "SELECT seq, before FROM actions WHERE verb = 'upgrade'"


def evidence_list(store: Store, progress: Progress | None = None) -> list[EvidenceRow]:
    """Every file that a step ever cited, in the order they were attached, each looked at now."""
    with store.reading() as connection:
        return list(evidence_rows(connection, store.path, progress))


def check_files(
    connection: sqlite3.Connection, store_path: Path, progress: Progress | None = None
) -> Iterator[FileFinding]:
    """What there is to say of the files: each that is missing, changed, resized, unreferenced or known by hash only."""
    known = set()
    for row in evidence_rows(connection, store_path, progress):
        known.add(row.sha256)
        if row.wrong:
            yield FileFinding(f"evidence file {row.file_name}: {row.wrong}", is_fault=True)
        elif row.state == HASH_ONLY:
            says = f"evidence file {row.file_name}: attached before copies were kept, only its hash is known"
            yield FileFinding(says, is_fault=False)
    yield from _folder_findings(evidence_folder(store_path), known)


def _folder_findings(folder: Path, known: set[str]) -> Iterator[FileFinding]:
    try:
        mode = folder.lstat().st_mode
        if not stat.S_ISDIR(mode):
            return
        names = sorted(os.listdir(folder))
    except OSError:
        # Whatever should be in it has been named as missing.
        return
    if stat.S_IMODE(mode) & ~_PRIVATE_FOLDER:
        yield FileFinding(folder_notice(folder, mode), is_fault=False)
    for name in names:
        if LEFTOVER_NAME.fullmatch(name):
            yield FileFinding(
                f"{folder.name}/{name}: a copy that was not finished; the next attachment removes it", False
            )
        elif name not in known:
            yield FileFinding(f"{folder.name}/{name}: no step cites it", is_fault=False)


def evidence_rows(
    connection: sqlite3.Connection, store_path: Path, progress: Progress | None = None, *, hashed: bool = True
) -> Iterator[EvidenceRow]:
    """The files that a store's steps cite, in the order they were attached.

    Args:
        connection: to the store, or to a copy of it.
        store_path: where the store is, whose files are looked at.
        hashed: look at the content, not only at its size.
    """
    cited: dict[object, list[Citation]] = {}
    for evidence_id, seq, step, partner_id, stands in connection.execute(_CITATIONS):
        cited.setdefault(evidence_id, []).append(Citation(seq, step, partner_id, bool(stands)))
    files = connection.execute(_FILES).fetchall()
    total = sum(size for *_, size, _, _ in files if isinstance(size, int))
    last_upgrade = _last_upgrade(connection)
    place = evidence_folder(store_path)
    try:
        folder: int | None = os.open(place, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError:
        folder = None
    done = 0
    try:
        for evidence_id, file_name, sha256, size, at, by in files:
            steps = tuple(cited.get(evidence_id, ()))
            tell = None if progress is None else _shifted(progress, done, total)
            state, wrong = _state(folder, place, str(sha256), size, tell, hashed=hashed)
            if state == MISSING and steps and all(each.seq < last_upgrade for each in steps):
                state, wrong = HASH_ONLY, ""
            done += size if isinstance(size, int) else 0
            yield EvidenceRow(str(file_name), str(sha256), size, at, by, steps, state, wrong)
    finally:
        if folder is not None:
            os.close(folder)


def _state(
    folder: int | None, place: Path, sha256: str, size: int, progress: Progress | None, *, hashed: bool
) -> tuple[str, str]:
    """The state of one file, and what is wrong with it in words."""
    if not COPY_NAME.fullmatch(sha256):
        # It would be a path of somebody else's choosing.
        return UNREADABLE, f"what is recorded as its SHA-256 is none: {sha256[:80]!r}"
    try:
        if folder is None:
            raise FileNotFoundError
        found = os.stat(sha256, dir_fd=folder, follow_symlinks=False)
        if stat.S_ISREG(found.st_mode) and found.st_size != size:
            return RESIZED, f"its copy has {found.st_size:,} bytes, {size:,} were attached ({sha256[:12]}...)"
        if not hashed and stat.S_ISREG(found.st_mode):
            return KEPT, ""
        copied = hash_of_copy(folder, sha256, progress)
    except FileNotFoundError:
        return MISSING, f"its copy {place.name}/{sha256[:12]}... is missing"
    except OSError as error:
        return UNREADABLE, f"its copy {place.name}/{sha256[:12]}... cannot be read: {error.strerror}"
    if copied is None:
        return UNREADABLE, f"its copy {place.name}/{sha256[:12]}... is no plain file"
    if copied.sha256 != sha256:
        return CHANGED, f"its copy has changed: its SHA-256 is {copied.sha256[:12]}..., not {sha256[:12]}..."
    return KEPT, ""


def _shifted(progress: Progress, done: int, total: int) -> Progress:
    return lambda here, _: progress(done + here, total)


def _last_upgrade(connection: sqlite3.Connection) -> int:
    """The log entry from which on copies are kept; 0 where they always were."""
    seqs = [seq for seq, before in connection.execute(_UPGRADES) if _schema_of(before) < _FIRST_WITH_COPIES]
    return max(seqs, default=0)


def _schema_of(before: str | None) -> int:
    try:
        document = json.loads(before or "null")
    except ValueError:
        # The log's own check names an entry that is no JSON.
        return _FIRST_WITH_COPIES
    schema = document.get("schema") if isinstance(document, dict) else None
    return schema if isinstance(schema, int) else _FIRST_WITH_COPIES


def evidence_document(row: EvidenceRow) -> dict[str, object]:
    """One file as `python -m store evidence --json` prints it."""
    return {
        **row._asdict(),
        "collected_at": format_instant(row.collected_at),
        "steps": [citation._asdict() for citation in row.steps],
    }
