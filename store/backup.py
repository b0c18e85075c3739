"""Backups: the store as it is at one moment, with its evidence files, checked before it bears its name, and logged."""

import json
import os
import sqlite3
from functools import partial
from pathlib import Path
from typing import NamedTuple

from store.checkpoint import head_of
from store.connection import Store, damaged
from store.copying import Progress, copied_store, publish, refuse_place
from store.errors import StoreError, UnusableFileError
from store.evidence_files import COPY_NAME, copy_into, open_folder
from store.evidence_states import HASH_ONLY, EvidenceRow, evidence_rows
from store.instants import now
from store.ledger import append
from store.opening import evidence_folder


class Backup(NamedTuple):
    """A backup that was made.

    Attributes:
        file: its path.
        size, sha256: of the copy of the store.
        seq, hash: the last entry of the log that is in it.
        evidence: how many evidence files are beside it.
        missing: what is wrong with those that are not, one line each.
        recorded: whether the store's log tells of it: not where the store can only be read.
    """

    file: str
    size: int
    sha256: str
    seq: int
    hash: str
    evidence: int
    missing: tuple[str, ...]
    recorded: bool


class _Copy(NamedTuple):
    """What the copy holds, read while it is checked."""

    seq: int
    hash: str
    evidence: tuple[EvidenceRow, ...]


_ENTRY = "SELECT count(*) FROM actions WHERE seq = ? AND hash = ?"


def back_up(
    store: Store, to: Path | str, *, actor: str, force: bool = False, progress: Progress | None = None
) -> Backup:
    """Copy the store, checked and hashed, while others go on working; then its evidence files; then log it.

    Args:
        to: where the copy goes; its evidence files go into the folder of that name with `.evidence` behind it.
        force: replace a file that is there.

    Raises:
        UnusableFileError: it cannot be written there, or the store is damaged: then no backup is there that was not.
    """
    to = Path(to)
    refuse_place(to, force=force, source=store.path)
    found: list[_Copy] = []
    check = partial(_check, store, found, progress)
    with store.another_reader() as source, copied_store(source, to, check=check, progress=progress) as copied:
        (copy,) = found
        missing = _copy_evidence(store, to, copy.evidence, force=force, progress=progress)
        publish(copied.waiting, to, force=force)
    files = sum(row.state != HASH_ONLY for row in copy.evidence) - len(missing)
    made = Backup(str(to), copied.size, copied.sha256, copy.seq, copy.hash, files, missing, not store.read_only)
    if made.recorded:
        try:
            with store.writing() as connection:
                append(connection, actor=actor, verb="backup", at=now(), after=json.dumps(_told(made)))
        except StoreError as error:
            raise UnusableFileError(f"{to} is written and whole, but not in the log: {error}") from error
    return made


def _told(made: Backup) -> dict[str, object]:
    return {
        "file": made.file,
        "sha256": made.sha256,
        "size": made.size,
        "head": {"seq": made.seq, "hash": made.hash},
        "evidence_files": made.evidence,
        "evidence_missing": len(made.missing),
    }


def backup_document(made: Backup) -> dict[str, object]:
    """What `python -m store backup --json` prints."""
    return {**_told(made), "evidence_missing": list(made.missing), "recorded": made.recorded}


def _check(store: Store, found: list[_Copy], progress: Progress | None, connection: sqlite3.Connection) -> None:
    """Check a copy: SQLite's own check, the log's chain, and that its head is in the store's log.

    Raises:
        UnusableFileError: it does not hold, and so neither does the store.
    """
    from store.verify.catalogue import LOG_ALONE
    from store.verify.checks import Check
    from store.verify.database import check_integrity
    from store.verify.running import verify

    checks = [Check("database", check_integrity, reads_rows=False), LOG_ALONE]
    # While somebody is told of progress, a signal can end a long check.
    for result in verify(connection, checks=checks, progress=progress or (lambda *_: None)).results:
        if not result.ok:
            raise UnusableFileError(f"{damaged(store.path, result.says)}; no backup was made of it")
    head = head_of(connection)
    if head is None or not _is_in_log(store, head.seq, head.hash):
        raise UnusableFileError(damaged(store.path, "the log of its copy is not the beginning of its own"))
    # The files are looked at where they are: beside the store.
    rows = tuple(evidence_rows(connection, store.path, None, hashed=False))
    found.append(_Copy(head.seq, head.hash, rows))


def _is_in_log(store: Store, seq: int, digest: str) -> bool:
    with store.reading() as connection:
        (count,) = connection.execute(_ENTRY, (seq, digest)).fetchone()
    return bool(count)


def _copy_evidence(
    store: Store, to: Path, rows: tuple[EvidenceRow, ...], *, force: bool, progress: Progress | None
) -> tuple[str, ...]:
    """Copy what the backup's steps cite, each file under its hash, which is checked; what cannot be copied is named."""
    wanted = [row for row in rows if row.state != HASH_ONLY]
    if not wanted:
        return ()
    place = evidence_folder(to)
    missing = []
    try:
        target, _ = open_folder(place)
        try:
            source = _open_source(evidence_folder(store.path))
            try:
                for number, row in enumerate(wanted):
                    if progress is not None:
                        progress("copying evidence files", number / len(wanted))
                    wrong = row.wrong or _copy_one(source, target, row, force=force)
                    if wrong:
                        missing.append(f"evidence file {row.file_name}: {wrong}")
            finally:
                if source is not None:
                    os.close(source)
            os.fsync(target)
        finally:
            os.close(target)
    except OSError as error:
        raise UnusableFileError(f"cannot write {place}: {error.strerror}; no backup was made") from error
    return tuple(missing)


def _open_source(place: Path) -> int | None:
    try:
        return os.open(place, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except FileNotFoundError:
        return None


def _copy_one(source: int | None, target: int, row: EvidenceRow, *, force: bool) -> str:
    """Copy one file; what is wrong with it where it is not what was attached."""
    if source is None or not COPY_NAME.fullmatch(row.sha256):
        return "its copy is missing"
    return copy_into(source, target, row.sha256, row.size, force=force)
