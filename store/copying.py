"""A copy of a store's file while others use it: through SQLite, checked, and put under its name whole or not at all.

The store itself is never opened as a plain file: closing it would drop the locks that SQLite holds on it.
"""

import hashlib
import os
import sqlite3
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple, TypeAlias

from store.connection import connect
from store.errors import UnusableFileError
from store.leftovers import clear_leftovers, passing_name
from store.opening import evidence_folder

# What is done now, and how far it is from 0 to 1; None where nobody can tell.
Progress: TypeAlias = Callable[[str, float | None], None]

_KIND = "new"
_PRIVATE = 0o600
_PAGES_A_STEP = 1_000
_SETBACKS_BORNE = 3
_TURN_MS = 10
# Seconds.
_LONGEST_WAIT = 60.0
_BLOCK = 1 << 20
_JOURNALS = ("-journal", "-wal", "-shm")


class CopiedStore(NamedTuple):
    """A copy that waits under a passing name.

    Attributes:
        waiting: where; it is gone once the block ends.
        sha256: of its bytes; `size` is their number.
    """

    waiting: Path
    size: int
    sha256: str


class _SetBackTooOftenError(Exception):
    """Others keep writing: SQLite began the copy anew, or had no turn, each time."""


@contextmanager
def copied_store(
    source: sqlite3.Connection,
    to: Path,
    *,
    check: Callable[[sqlite3.Connection], None],
    progress: Progress | None = None,
) -> Iterator[CopiedStore]:
    """Copy the database of a connection to a passing name beside `to`, in one file without journals, mode 0600.

    With a write-ahead log it is one snapshot, and nobody waits. Without, writers go first, until the copy was begun
    anew a few times; then they wait for it.

    Args:
        source: outside a transaction, unless it is to be copied as that transaction sees it.
        check: is given a connection that reads the copy, and raises where it is not good.

    Raises:
        UnusableFileError: it cannot be written there, or SQLite cannot read the source.
    """
    clear_leftovers(to, _KIND)
    waiting = passing_name(to, _KIND)
    try:
        try:
            os.close(os.open(waiting, os.O_CREAT | os.O_EXCL | os.O_WRONLY, _PRIVATE))
            _copy(source, waiting, progress)
            _check(waiting, check)
            sha256, size = _sync_and_hash(waiting, progress)
        except OSError as error:
            raise UnusableFileError(f"cannot write {to}: {error.strerror}; nothing was written") from error
        except sqlite3.Error as error:
            raise UnusableFileError(f"cannot write {to}: {error}; nothing was written") from error
        yield CopiedStore(waiting, size, sha256)
    finally:
        waiting.unlink(missing_ok=True)
        for suffix in _JOURNALS:
            waiting.with_name(f"{waiting.name}{suffix}").unlink(missing_ok=True)


def refuse_own_place(to: Path, store: Path) -> None:
    """Refuse a place of the store's own: itself, its journals, its evidence. `--force` must not replace those.

    Raises:
        UnusableFileError: it says what is there.
    """
    if to.exists() and os.path.samestat(to.stat(), store.stat()):
        raise UnusableFileError(f"{to} is the store itself; choose another name")
    own = os.path.realpath(store)
    if os.path.realpath(to) in [f"{own}{suffix}" for suffix in _JOURNALS]:
        raise UnusableFileError(f"{to} is where SQLite keeps a journal of the store; choose another name")
    if Path(os.path.realpath(to)).is_relative_to(evidence_folder(store)):
        raise UnusableFileError(f"{to} is in the folder of the store's evidence; choose another place")


def refuse_place(to: Path, *, force: bool, source: Path) -> None:
    """Refuse a place for a copy where something is that must not be replaced.

    Raises:
        UnusableFileError: it says what is there.
    """
    if not to.parent.is_dir():
        raise UnusableFileError(f"no such folder: {to.parent}; nothing was written")
    if to.is_symlink():
        raise UnusableFileError(f"{to} is a symbolic link; give the path of a file")
    if to.exists() and not to.is_file():
        raise UnusableFileError(f"{to} is not a file; give the path of a file")
    refuse_own_place(to, source)
    if to.exists() and not force:
        raise UnusableFileError(f"{to} exists already; give --force to replace it, or choose another name")
    for suffix in _JOURNALS:
        journal = to.with_name(f"{to.name}{suffix}")
        if os.path.lexists(journal):
            # SQLite would apply it to the copy.
            raise UnusableFileError(f"{journal} belongs to a store that is, or was, at {to}; choose another name")


def publish(waiting: Path, to: Path, *, force: bool) -> None:
    """Give a finished file its name, for good.

    Raises:
        UnusableFileError: something is there now, and `force` was not given; or it cannot be done.
    """
    try:
        if force:
            waiting.replace(to)
        else:
            _rename_to_new(waiting, to)
        sync_folder(to.parent)
    except FileExistsError as error:
        raise UnusableFileError(f"{to} exists already; give --force to replace it, or choose another name") from error
    except OSError as error:
        raise UnusableFileError(f"cannot write {to}: {error.strerror}; nothing was written") from error


def _rename_to_new(waiting: Path, to: Path) -> None:
    try:
        # Unlike a rename, a link never replaces what somebody else has put there meanwhile.
        os.link(waiting, to)
    except FileExistsError:
        raise
    except OSError:
        # A memory stick's file system knows no links.
        if os.path.lexists(to):
            raise FileExistsError from None
        waiting.rename(to)


def sync_folder(folder: Path) -> None:
    """Have the names in a folder outlive a power cut."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _copy(source: sqlite3.Connection, waiting: Path, progress: Progress | None) -> None:
    (journal,) = source.execute("PRAGMA journal_mode").fetchone()
    target = connect(waiting, mode="rw")
    try:
        # Nobody knows this file yet: it is synced once, when it is whole. Its pages must not wait in memory for that.
        for pragma in ("journal_mode=MEMORY", "synchronous=OFF", "cache_spill=ON", "cache_size=-8192"):
            target.execute(f"PRAGMA {pragma}").fetchall()
        if source.in_transaction:
            _backup(source, target, progress, setbacks_borne=None)
            return
        # Short waits, often: among writers without a pause, a patient one never gets its turn.
        source.execute(f"PRAGMA busy_timeout={_TURN_MS}")
        if journal != "wal":
            try:
                _backup(source, target, progress, setbacks_borne=_SETBACKS_BORNE)
            except _SetBackTooOftenError:
                # Others go on writing, and would for ever: now they wait.
                target.rollback()
            else:
                return
        _begin_snapshot(source)
        try:
            _backup(source, target, progress, setbacks_borne=None)
        finally:
            source.rollback()
    finally:
        target.close()


def _begin_snapshot(source: sqlite3.Connection) -> None:
    until = time.monotonic() + _LONGEST_WAIT
    while True:
        source.execute("BEGIN")
        try:
            source.execute("SELECT count(*) FROM sqlite_schema").fetchone()
        except sqlite3.OperationalError as error:
            source.rollback()
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > until:
                raise
        else:
            return


def _backup(
    source: sqlite3.Connection, target: sqlite3.Connection, progress: Progress | None, *, setbacks_borne: int | None
) -> None:
    # Before the first step everything remains.
    least, setbacks = sys.maxsize, 0

    def tell(_: int, remaining: int, total: int) -> None:
        nonlocal least, setbacks
        setbacks += remaining >= least and remaining > 0
        least = remaining
        if setbacks_borne is not None and setbacks > setbacks_borne:
            raise _SetBackTooOftenError
        if progress is not None:
            progress("copying", 1 - remaining / total if total else None)

    source.backup(target, pages=_PAGES_A_STEP, progress=tell, sleep=_TURN_MS / 1000)


def _check(waiting: Path, check: Callable[[sqlite3.Connection], None]) -> None:
    connection = connect(waiting, mode="rw")
    try:
        # A copy that keeps no write-ahead log is one file, and can be read where nothing can be written.
        connection.execute("PRAGMA journal_mode=DELETE").fetchall()
        connection.execute("PRAGMA query_only=ON")
        check(connection)
    finally:
        connection.close()


def _sync_and_hash(waiting: Path, progress: Progress | None) -> tuple[str, int]:
    digest, size = hashlib.sha256(), 0
    with waiting.open("rb") as stream:
        os.fsync(stream.fileno())
        total = os.fstat(stream.fileno()).st_size
        while block := stream.read(_BLOCK):
            digest.update(block)
            size += len(block)
            if progress is not None:
                progress("hashing", size / total)
    return digest.hexdigest(), size
