"""Opening a store safely, reading it in snapshots and writing it in single transactions.

This module knows SQLite's traps (see docs/DECISIONS.md); it knows nothing of what the tables mean.
"""

import os
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from store.errors import NoSuchStoreError, UnusableFileError
from store.trouble import in_words

APPLICATION_ID = 0x4F565343
SCHEMA_VERSION = 3
BUSY_TIMEOUT_MS = 10_000
_LEAVING_TIMEOUT_MS = 1_000
_TURN_MS = 200
_PRIMARY_CODE = 0xFF
_LOG_TABLE = "actions"
_ALLOW = sqlite3.SQLITE_OK

# The "WAL-reset" race is fixed in 3.51.3 and in the two older lines that got the fix.
_WAL_FIXED = ((3, 51, 3),)
_WAL_FIXED_LINES = {(3, 50): 7, (3, 44): 6}

_DENIED_TO_READERS = frozenset(
    {
        sqlite3.SQLITE_ATTACH,
        sqlite3.SQLITE_DETACH,
        sqlite3.SQLITE_INSERT,
        sqlite3.SQLITE_UPDATE,
        sqlite3.SQLITE_DELETE,
    }
)
# Their first argument names the table, that of the others the second.
_DENIED_ON_THE_LOG = frozenset({sqlite3.SQLITE_UPDATE, sqlite3.SQLITE_DELETE, sqlite3.SQLITE_DROP_TABLE})
_DENIED_ABOUT_THE_LOG = frozenset(
    {
        sqlite3.SQLITE_ALTER_TABLE,
        sqlite3.SQLITE_CREATE_TRIGGER,
        sqlite3.SQLITE_CREATE_TEMP_TRIGGER,
        sqlite3.SQLITE_DROP_TRIGGER,
    }
)
# A query that was ended on purpose, a guard, a constraint: what runs into them is no damage.
_CODES_OF_OURS = frozenset(
    {sqlite3.SQLITE_INTERRUPT, sqlite3.SQLITE_AUTH, sqlite3.SQLITE_CONSTRAINT, sqlite3.SQLITE_MISUSE}
)
# Our queries fit our own tables: `no such column` is the file's fault.
_MISFIT = "it is damaged, or was altered: see `python -m store verify`, and go on with the last good copy ({error})"
# With these off, the log's triggers could be got round.
# In KiB where negative.
_READERS_CACHE = -2048
_PRAGMAS_THAT_GUARD = frozenset({"writable_schema", "recursive_triggers", "trusted_schema", "ignore_check_constraints"})


def wal_is_safe(version: tuple[int, int, int] = sqlite3.sqlite_version_info) -> bool:
    """Whether this SQLite has the fix for the WAL-reset race, so that WAL may be used with several writers."""
    if version >= _WAL_FIXED[0]:
        return True
    patch = _WAL_FIXED_LINES.get(version[:2])
    return patch is not None and version[2] >= patch


def is_writable(path: Path) -> bool:
    """Whether this process may write a store: the file itself, and its folder, where SQLite keeps the journal."""
    real = os.path.realpath(path)
    return os.access(real, os.W_OK) and os.access(os.path.dirname(real), os.W_OK)


def _authorize_reader(action: int, first: str | None, second: str | None, *_: str | None) -> int:
    return sqlite3.SQLITE_DENY if action in _DENIED_TO_READERS or _is_a_way_round(action, first, second) else _ALLOW


def _authorize_writer(action: int, first: str | None, second: str | None, *_: str | None) -> int:
    denied = (
        action in (sqlite3.SQLITE_ATTACH, sqlite3.SQLITE_DETACH)
        or (first == _LOG_TABLE and action in _DENIED_ON_THE_LOG)
        or (second == _LOG_TABLE and action in _DENIED_ABOUT_THE_LOG)
        or _is_a_way_round(action, first, second)
    )
    return sqlite3.SQLITE_DENY if denied else _ALLOW


def _is_a_way_round(action: int, first: str | None, second: str | None) -> bool:
    """Whether it would switch off a guard, or load code."""
    if action == sqlite3.SQLITE_PRAGMA:
        return second is not None and (first or "").lower() in _PRAGMAS_THAT_GUARD
    return action == sqlite3.SQLITE_FUNCTION and (second or "").lower() == "load_extension"


def connect(path: Path, *, mode: str) -> sqlite3.Connection:
    """A connection that never creates a file; transactions are begun and ended by hand.

    Args:
        path: the database file.
        mode: `ro`, `rw`, or `rwc` for the schema's own first build.
    """
    connection = sqlite3.connect(
        f"{path.absolute().as_uri()}?mode={mode}", uri=True, isolation_level=None, check_same_thread=False
    )
    for pragma in (
        f"busy_timeout={BUSY_TIMEOUT_MS}",
        "trusted_schema=OFF",
        "cell_size_check=ON",
        "mmap_size=0",
        "foreign_keys=ON",
        "recursive_triggers=ON",
        "synchronous=FULL",
        "cache_spill=OFF",
        "cache_size=-65536",
    ):
        connection.execute(f"PRAGMA {pragma}")
    return connection


class Store:
    """One incident's file, shared by the threads of one process.

    Each thread reads through a connection of its own. A read is a snapshot (`reading`), a write one transaction
    (`writing`). Close it when done.

    Attributes:
        path: the database file.
        read_only: whether writing is refused: asked for, an unwritable file, or a newer schema.
        remark: why it can only be read though nobody asked for that; empty otherwise.
        notices: what its owner should know, such as that others may get at it, each with what to do about it.
        on_first_write: called once, before the first write.
        kept: what a question read once for this state of the evidence, and its token: see `store.world`.
    """

    def __init__(
        self,
        path: Path,
        *,
        read_only: bool,
        remark: str = "",
        notices: tuple[str, ...] = (),
        leave_unwritten: bool = False,
    ) -> None:
        self.path = path
        self.read_only = read_only
        self.remark = remark
        self.notices = notices
        self.on_first_write: Callable[[], None] | None = None
        self._leave_unwritten = leave_unwritten
        self.kept: tuple[str, object] | None = None
        self._local = threading.local()
        self._lock = threading.Lock()
        self._connections: list[sqlite3.Connection] = []
        status = path.stat()
        self._identity = (status.st_dev, status.st_ino)

    @property
    def mode(self) -> str:
        """How connections open the file: `rw`, which alone can roll back what a killed process left, or `ro`."""
        return "rw" if is_writable(self.path) and not self._leave_unwritten else "ro"

    def _open(self, *, writer: bool) -> sqlite3.Connection:
        try:
            connection = connect(self.path, mode=self.mode)
        except sqlite3.Error as error:
            _refuse(error, f"cannot open {self.path}")
            raise
        if writer:
            connection.execute(f"PRAGMA busy_timeout={_TURN_MS}")
            connection.set_authorizer(_authorize_writer)
        else:
            connection.execute("PRAGMA query_only=ON")
            # Each thread that reads has a cache of its own: what is large is read once, the system caches the rest.
            connection.execute(f"PRAGMA cache_size={_READERS_CACHE}")
            connection.set_authorizer(_authorize_reader)
        with self._lock:
            self._connections.append(connection)
        return connection

    @contextmanager
    def another_reader(self) -> Iterator[sqlite3.Connection]:
        """A reading connection of its own, outside any snapshot; it is closed at the end of the block."""
        connection = self._open(writer=False)
        try:
            yield connection
        finally:
            with self._lock:
                if connection in self._connections:
                    self._connections.remove(connection)
            connection.close()

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """This thread's reading connection, inside one snapshot; nested calls share the outer snapshot.

        Inside a `writing` block of the same thread, it is the writing connection: a decision reads what it wrote.

        Raises:
            UnusableFileError: the file is damaged, or busy for too long.
        """
        writer: sqlite3.Connection | None = getattr(self._local, "writing", None)
        if writer is not None:
            yield writer
            return
        reader: sqlite3.Connection | None = getattr(self._local, "reader", None)
        if reader is None:
            reader = self._local.reader = self._open(writer=False)
        if reader.in_transaction:
            yield reader
            return
        try:
            reader.execute("BEGIN")
            yield reader
        except sqlite3.Error as error:
            _refuse(error, f"cannot read {self.path}")
            raise
        finally:
            reader.rollback()

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """One write transaction: `BEGIN IMMEDIATE` .. `COMMIT`, rolled back whole on any exception.

        Raises:
            UnusableFileError: the store is read-only, or its file was deleted or replaced while open.
        """
        self.check_writable()
        if getattr(self._local, "writing", None) is not None:
            raise RuntimeError("a write transaction is open in this thread already")
        self.check_file()
        writer: sqlite3.Connection | None = getattr(self._local, "writer", None)
        if writer is None:
            writer = self._local.writer = self._open(writer=True)
        if self.on_first_write is not None:
            tell, self.on_first_write = self.on_first_write, None
            tell()
        try:
            _wait_in_turns(writer, "BEGIN IMMEDIATE")
            self._local.writing = writer
            yield writer
            # What is committed to a file that has lost its name is lost.
            self.check_file()
            _wait_in_turns(writer, "COMMIT")
        except sqlite3.Error as error:
            _refuse(error, f"nothing was written to {self.path}")
            raise
        finally:
            self._local.writing = None
            writer.rollback()

    def check_writable(self) -> None:
        """Refuse what would be written to a store that is open for reading only.

        Raises:
            UnusableFileError: it is.
        """
        if self.read_only:
            why = self.remark or f"{self.path} is open for reading only"
            raise UnusableFileError(f"{why}; nothing was written")

    def check_file(self) -> None:
        """Refuse when the path no longer names the file that was opened.

        Raises:
            UnusableFileError: deleted, replaced or emptied.
        """
        try:
            status = self.path.stat()
        except OSError as error:
            raise UnusableFileError(
                f"{self.path} is gone: put it back, then start again; nothing was written"
            ) from error
        if not status.st_size:
            raise UnusableFileError(f"{self.path} was emptied while open: put a backup in its place, then start again")
        if (status.st_dev, status.st_ino) != self._identity:
            raise UnusableFileError(
                f"{self.path} was replaced by another file while open; start again on the right one"
            )

    def change_token(self) -> tuple[int, int]:
        """A value that differs once another connection, of this or any other process, has committed a write.

        Only compare tokens that the same thread took.
        """
        with self.reading() as connection:
            (version,) = connection.execute("PRAGMA data_version").fetchone()
            (head,) = connection.execute("SELECT coalesce(max(seq), 0) FROM actions").fetchone()
        return int(version), int(head)

    def interrupt(self) -> None:
        """End every query that runs now, in any thread; its caller sees `sqlite3.OperationalError: interrupted`."""
        with self._lock:
            for connection in self._connections:
                connection.interrupt()

    def close(self) -> None:
        """Close every connection; queries that still run are ended first."""
        self.interrupt()
        with self._lock:
            for connection in self._connections:
                connection.close()
            self._connections.clear()
        self._local = threading.local()

    def __enter__(self) -> "Store":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def open_store(path: Path | str, *, read_only: bool = False, lenient: bool = False) -> Store:
    """Open an existing store.

    Args:
        path: the file; it is never created here.
        read_only: refuse every write.
        lenient: open any database that bears our application id, for reading only and as it is, for `verify` to say
            what is wrong with it.

    Raises:
        NoSuchStoreError: nothing is there.
        UnusableFileError: it is no store of ours, is damaged, or cannot be read.
    """
    path = Path(path)
    if not path.exists():
        raise NoSuchStoreError(
            f"no such store: {path} - create one with `python -m store init --db {path}`, or try `--demo`"
        )
    if not path.is_file():
        raise UnusableFileError(f"{path} is not a file; give the path of a store")
    if not os.access(path, os.R_OK):
        raise UnusableFileError(f"cannot read {path}: permission denied")
    from store.opening import look_at

    seen = look_at(path, lenient=lenient)
    writable = is_writable(path)
    # Several of the SQLites without the fix may read a write-ahead log, but never write it.
    unsafe = seen.uses_wal and not wal_is_safe()
    if lenient:
        return Store(path, read_only=True, notices=seen.notices, leave_unwritten=unsafe)
    if seen.version < SCHEMA_VERSION:
        if read_only or not writable:
            raise UnusableFileError(
                f"{path} was made by an older version of this program: open it once for writing, to bring it up to date"
            )
        from store.upgrading import upgrade

        if unsafe:
            _leave_wal(path)
        upgrade(path)
    remark = ""
    if seen.version > SCHEMA_VERSION:
        remark = f"{path} was made by a newer version of this program: it is open for reading only"
    elif not writable:
        remark = f"{path} is open for reading only: to write, make it and its folder writable for you, then start again"
    read_only = read_only or bool(remark)
    if unsafe and not read_only:
        _leave_wal(path)
    return Store(path, read_only=read_only, remark=remark, notices=seen.notices, leave_unwritten=unsafe and read_only)


def _wait_in_turns(writer: sqlite3.Connection, statement: str) -> None:
    """Run a statement that may have to wait for others, in short turns: a signal is seen only between them."""
    until = time.monotonic() + BUSY_TIMEOUT_MS / 1_000
    while True:
        try:
            writer.execute(statement)
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & _PRIMARY_CODE != sqlite3.SQLITE_BUSY or time.monotonic() > until:
                raise
        else:
            return


def _leave_wal(path: Path) -> None:
    """Give a store that keeps a write-ahead log a rollback journal instead, for good.

    Raises:
        UnusableFileError: somebody else has it open.
    """
    connection = connect(path, mode="rw")
    try:
        connection.execute(f"PRAGMA busy_timeout={_LEAVING_TIMEOUT_MS}")
        (journal,) = connection.execute("PRAGMA journal_mode=DELETE").fetchone()
    except sqlite3.Error as error:
        if error.sqlite_errorcode & _PRIMARY_CODE != sqlite3.SQLITE_BUSY:
            raise UnusableFileError(damaged(path, error)) from error
        journal = "wal"
    finally:
        connection.close()
    if journal == "wal":
        raise UnusableFileError(
            f"{path} keeps a write-ahead log, which SQLite {sqlite3.sqlite_version} must not share with other writers:"
            " close every program that has it open, then try again, or open it with --read-only"
        )


def damaged(path: Path, what: object) -> str:
    """One line: that a store is damaged, how it shows, and what to do."""
    return f"{path} is damaged: {what}; `python -m store verify --db {path}` says more: restore a backup"


def _refuse(error: sqlite3.Error, what: str) -> None:
    """Turn what a file is to blame for into a refusal that says what to do; return from what is our own doing.

    Raises:
        UnusableFileError: the file is damaged, busy for too long, or cannot be read or written.
    """
    # An error of Python's own module, such as text that is not UTF-8, bears no code.
    code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_CORRUPT) & _PRIMARY_CODE
    if code in _CODES_OF_OURS or isinstance(error, sqlite3.ProgrammingError | sqlite3.InterfaceError):
        return
    raise UnusableFileError(f"{what}: {in_words(error) or _MISFIT.format(error=error)}") from error
