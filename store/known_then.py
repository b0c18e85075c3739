"""A store as it was known right after an entry of its log: a private copy from which everything later is taken back.

Rows of evidence never change, so evidence is taken back by import: what the log had not completed, or had voided,
counts nowhere. Cases, steps and settled records are what the log says of them up to then.
"""

import json
import os
import shutil
import sqlite3
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from store.connection import Store, connect, is_writable
from store.copying import Progress, copied_store
from store.errors import UnusableFileError
from store.event_rows import read_events
from store.fold import bring_up_to_date, clear_derived, live_contents
from store.instants import now, parse_point
from store.leftovers import clear_leftovers, passing_name
from store.rulebook import rulebook_in
from store.segments import Packer
from store.verify.entries import Entry, read_entries

_KIND = "then"
# The derived tables are made anew in the copy, beside what they replace.
_ROOM_FOR_MORE = 1.25
_LEAST_ROOM = 16 << 20

_DROP_IMPORTS = "DELETE FROM imports WHERE import_id NOT IN (SELECT value FROM json_each(?))"
_COMPLETE = "UPDATE imports SET state = 'complete', voided_at = NULL, voided_by = NULL, void_note = NULL"
_VOID = "UPDATE imports SET voided_at = ?, voided_by = ?, void_note = ? WHERE import_id = ?"
_OPEN_RECORDS = "UPDATE quarantine SET resolved_at = NULL, resolved_by = NULL, resolution = NULL"
_SETTLE = "UPDATE quarantine SET resolved_at = ?, resolved_by = ?, resolution = ? WHERE quarantine_id = ?"
_DROP_RULEBOOKS = (
    "DELETE FROM rules WHERE rulebook_id NOT IN (SELECT value FROM json_each(?))",
    "DELETE FROM scopes WHERE rulebook_id NOT IN (SELECT value FROM json_each(?))",
    "DELETE FROM rulebooks WHERE rulebook_id NOT IN (SELECT value FROM json_each(?))",
)
_DROP_LATER = (
    "DELETE FROM closures WHERE seq > ?",
    "DELETE FROM samples WHERE seq > ?",
    "DELETE FROM population_changes WHERE seq > ?",
    "DELETE FROM disclosures WHERE seq > ?",
    "DELETE FROM claims WHERE seq > ?",
    "DELETE FROM scenarios WHERE seq > ?",
    "DELETE FROM audit_steps WHERE seq > ?",
    "UPDATE claims SET withdrawn_by = NULL WHERE withdrawn_by > ?",
    "UPDATE scenarios SET dropped_by = NULL WHERE dropped_by > ?",
)
_STEPS_STAND = "UPDATE audit_steps SET taken_back_by = NULL"
_TAKE_STEP_BACK = "UPDATE audit_steps SET taken_back_by = ? WHERE seq = ?"
_DROP_CASES = "DELETE FROM cases"
_ADD_CASE = """
INSERT INTO cases(partner, status, grounds, assignee, version, rests_on, asked)
VALUES (:partner, :status, :grounds, :assignee, :version, :rests_on, :asked)
"""


class Then:
    """The copy, as known right after an entry of the log; it only ever goes further back.

    Attributes:
        path: where it is; gone once its block ends.
        connection: writes to it, outside a transaction.
        entries: the whole log, also what is taken back.
        store: the copy, for questions.
    """

    def __init__(self, path: Path, connection: sqlite3.Connection) -> None:
        self.path = path
        self.connection = connection
        self.entries, _ = read_entries(connection)
        self.store = Store(path, read_only=True)
        self._made_from: tuple[list[int], int] | None = None

    def go_back(self, seq: int) -> None:
        """Take back everything after an entry; figures are asked for after `make_figures`.

        Args:
            seq: of the last entry that stays; none later than that of an earlier call.
        """
        self.connection.execute("BEGIN IMMEDIATE")
        take_back(self.connection, self.entries, seq)
        self.connection.execute("COMMIT")

    def make_figures(self) -> None:
        """Make the derived tables anew from the plain ones: what is packed in the store itself is not believed."""
        connection = self.connection
        state = (live_contents(connection), rulebook_in(connection).rulebook_id)
        if state == self._made_from:
            return
        connection.execute("BEGIN IMMEDIATE")
        if self._made_from is None:
            clear_derived(connection)
            packer = Packer(connection, state[0])
            for rows in read_events(connection):
                packer.take(rows)
            packer.close()
        bring_up_to_date(connection, at=now())
        connection.execute("COMMIT")
        self._made_from = state


@contextmanager
def copied_to_go_back(store: Store, progress: Progress | None = None) -> Iterator[Then]:
    """A private copy of a store, in which the past can be made: mode 0600, in a folder of its own, removed at the end.

    Raises:
        UnusableFileError: there is no room for it, it cannot be written, or the store cannot be read.
    """
    with _private_folder(store.path) as folder:
        _check_room(store.path, folder)
        with (
            store.another_reader() as source,
            copied_store(source, folder / "then.db", check=lambda _: None, progress=progress) as copied,
        ):
            try:
                connection = _open(copied.waiting)
                then = None
                try:
                    then = Then(copied.waiting, connection)
                    yield then
                finally:
                    if then is not None:
                        then.store.close()
                    connection.close()
            except sqlite3.Error as error:
                raise UnusableFileError(f"the past of {store.path} cannot be made in a copy: {error}") from error


def _open(path: Path) -> sqlite3.Connection:
    connection = connect(path, mode="rw")
    # Nobody else will ever read it: it needs neither a journal nor to be safe from a power cut.
    for pragma in ("journal_mode=OFF", "synchronous=OFF", "cache_spill=ON"):
        connection.execute(f"PRAGMA {pragma}").fetchall()
    return connection


@contextmanager
def _private_folder(store_path: Path) -> Iterator[Path]:
    """A folder that only its owner can read: beside the store, where there is room for a copy; else the system's."""
    beside = store_path.absolute()
    if is_writable(beside):
        clear_leftovers(beside, _KIND)
        folder = passing_name(beside, _KIND)
        try:
            folder.mkdir(mode=0o700)
        except OSError as error:
            raise UnusableFileError(f"cannot work beside {store_path}: {error.strerror}") from error
    else:
        folder = Path(tempfile.mkdtemp(prefix="overscope."))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _check_room(store_path: Path, folder: Path) -> None:
    needed = int(os.stat(store_path).st_size * _ROOM_FOR_MORE) + _LEAST_ROOM
    free = shutil.disk_usage(folder).free
    if free < needed:
        raise UnusableFileError(
            f"no room beside {store_path} for a copy in which to make its past: it takes {needed >> 20:,} MB,"
            f" {free >> 20:,} MB are free"
        )


def take_back(connection: sqlite3.Connection, entries: Sequence[Entry], seq: int) -> None:
    """Undo in a copy's plain tables what the log tells after an entry; the log itself stays whole.

    Args:
        connection: inside a transaction.
        entries: the log, by seq.
        seq: of the last entry that stays.
    """
    known = [entry for entry in entries if entry.seq <= seq]
    _take_back_imports(connection, known)
    _take_back_settled(connection, known)
    loaded = json.dumps([entry.told("rulebook_id") for entry in known if entry.verb == "load_rules"])
    for statement in _DROP_RULEBOOKS:
        connection.execute(statement, (loaded,))
    for statement in _DROP_LATER:
        connection.execute(statement, (seq,))
    connection.execute(_STEPS_STAND)
    for entry in known:
        if entry.told("corrected", "verb") == "step":
            taken_back_by = None if entry.told("corrected", "in_force") else entry.seq
            connection.execute(_TAKE_STEP_BACK, (taken_back_by, entry.told("corrected", "seq")))
    _take_back_cases(connection, known)


def _take_back_imports(connection: sqlite3.Connection, known: Sequence[Entry]) -> None:
    completed = [entry.told("import_id") for entry in known if entry.verb == "import"]
    # An import that was not complete yet is dropped: whether it had begun by then, the log does not say.
    connection.execute(_DROP_IMPORTS, (json.dumps(completed),))
    connection.execute(_COMPLETE)
    for entry in known:
        if entry.verb == "void":
            connection.execute(_VOID, (entry.at, entry.actor, entry.note, entry.told("import_id")))


def _take_back_settled(connection: sqlite3.Connection, known: Sequence[Entry]) -> None:
    connection.execute(_OPEN_RECORDS)
    for entry in known:
        if entry.verb == "resolve_quarantine":
            connection.execute(_SETTLE, (entry.at, entry.actor, entry.note, entry.told("quarantine_id")))
        elif entry.verb == "import":
            said = f"read again by import {entry.told('import_id')}"
            for quarantine_id in entry.told("settled") or ():
                connection.execute(_SETTLE, (entry.at, entry.actor, said, quarantine_id))
        elif entry.verb == "upgrade":
            for quarantine_id, each in (entry.told("settled") or {}).items():
                at = parse_point(each["resolved_at"])
                connection.execute(_SETTLE, (at, each["resolved_by"], each["resolution"], int(quarantine_id)))


def _take_back_cases(connection: sqlite3.Connection, known: Sequence[Entry]) -> None:
    last = {entry.partner: entry for entry in known if entry.partner is not None and entry.told("version") is not None}
    connection.execute(_DROP_CASES)
    for partner, entry in last.items():
        row = {name: entry.told(name) for name in ("status", "grounds", "assignee", "version", "rests_on", "asked")}
        for name in ("rests_on", "asked"):
            row[name] = None if row[name] is None else json.dumps(row[name])
        connection.execute(_ADD_CASE, {**row, "partner": partner})
