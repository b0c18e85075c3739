"""One pass over all events, for all checks of them: what each import's own events hash to, and what they refer to.

It reads page by page outside the runner's snapshot, so that nobody who works on the store has to wait for it: rows of
an import that is complete never change. What was completed meanwhile is left to the next time.
"""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import numpy as np

from store.connection import connect
from store.event_rows import EVENT_NUMBERS, Column, EventRows, read_events
from store.fold import clear_derived, live_contents
from store.seals import EventSeals, Part
from store.segments import Packer
from store.tables import DERIVED_TABLES
from store.verify.checks import reraise_interruption
from store.verify.damaged_events import events_as_they_are

_CONTENTS = """
SELECT content_id, min(import_id), file FROM imports WHERE state = 'complete' GROUP BY content_id ORDER BY content_id
"""
_BEGUN = "SELECT DISTINCT content_id FROM imports"
_DERIVED = "SELECT name, sql FROM sqlite_schema WHERE type IN ('table', 'index') AND tbl_name = ? ORDER BY type DESC"
_ROWS = "SELECT coalesce(sum(rows), 0) FROM seals WHERE part = 'events'"
_DICTIONARY_IDS = {
    "app": "SELECT id FROM apps",
    "field_set": "SELECT id FROM field_sets",
    "subject": "SELECT id FROM subjects",
    "resource": "SELECT id FROM resources",
    "endpoint": "SELECT id FROM endpoints",
    "ip": "SELECT id FROM addresses",
}
_FIRST_JSON = "SELECT 1 FROM json_each('[]')"
# Ids are given one after the other: a higher one is damage, and refers to nothing.
_MOST_IDS = 1 << 31
_TEMPORARY = "temp"
_READS = frozenset({sqlite3.SQLITE_SELECT, sqlite3.SQLITE_READ, sqlite3.SQLITE_FUNCTION, sqlite3.SQLITE_PRAGMA})
_ALWAYS = _READS | {sqlite3.SQLITE_TRANSACTION, sqlite3.SQLITE_SAVEPOINT, sqlite3.SQLITE_RECURSIVE}
# With these, the name of the database stands in the fourth place.
_KEPT_IN = frozenset({sqlite3.SQLITE_INSERT, sqlite3.SQLITE_UPDATE, sqlite3.SQLITE_DELETE})


class Content(NamedTuple):
    """A complete content, and the first import that brought it."""

    content_id: int
    import_id: int
    file: str

    def __str__(self) -> str:
        """How findings name it."""
        return f"import {self.import_id} {self.file}"


class Astray(NamedTuple):
    """An event that refers to what is not there: its column, the id, and where it came from."""

    column: str
    number: int
    content_id: int
    record_no: int


class ChangedPart(NamedTuple):
    """Events of a content that do not hash to what was sealed, with the columns and ids that were read."""

    content_id: int
    part: Part
    numbers: list[Column]
    event_ids: list[bytes | None]


class Scan:
    """What one pass over the events found.

    Attributes:
        contents: those that were complete when it began, by id.
        parts: content id -> the parts that its own events have now.
        changed: parts whose hash is not the sealed one; the first few.
        astray: events that refer to what is not there; the first few.
        strays: content id -> events of a content that no import knows.
        unreadable: SQLite's words for each place where events cannot be read.
        packing_fault: why the packed copy could not be made anew; None: it was.
        live: the contents that counted when it began.
    """

    _MOST = 20

    def __init__(self, connection: sqlite3.Connection, sealed: dict[int, dict[int, str]]) -> None:
        """Begin.

        Args:
            connection: of `checking`.
            sealed: content id -> first event of a part -> its sealed hash.
        """
        self.contents = {row[0]: Content(*row) for row in connection.execute(_CONTENTS)}
        self.parts: dict[int, list[Part]] = {}
        self.changed: list[ChangedPart] = []
        self.astray: list[Astray] = []
        self.strays: dict[int, int] = {}
        self.unreadable: list[str] = []
        self.packing_fault: Exception | str | None = None
        self.live = live_contents(connection)
        self._known = {name: _as_flags(connection, question) for name, question in _DICTIONARY_IDS.items()}
        self._sealed = sealed
        self._seals: dict[int, EventSeals] = {}

    def run(
        self, connection: sqlite3.Connection, tell: Callable[[float | None], None], *, packing: bool = True
    ) -> None:
        """Read every event once; the packed copy is made anew on the way, in temporary tables, where it is wanted."""
        if not packing:
            self.packing_fault = "nobody wanted it"
        clear_derived(connection)
        packer = Packer(connection, self.live)
        (expected,) = connection.execute(_ROWS).fetchone()
        done = 0
        for rows in events_as_they_are(connection, self.unreadable):
            self._take(rows)
            if self.packing_fault is None:
                self._pack(packer, rows)
            done += len(rows.content_id)
            tell(min(done / expected, 1.0) if expected else None)
        if self.packing_fault is None and self.unreadable:
            self.packing_fault = self.unreadable[0]
        if self.packing_fault is None:
            packer.close()
        self.parts = {content_id: seals.close() for content_id, seals in self._seals.items()}
        begun = {content_id for (content_id,) in connection.execute(_BEGUN)}
        self.strays = {content_id: count for content_id, count in self.strays.items() if content_id not in begun}

    def pack_again(self, connection: sqlite3.Connection) -> None:
        """Make the packed copy anew, inside a snapshot: other imports count by now."""
        self.live = live_contents(connection)
        clear_derived(connection)
        packer = Packer(connection, self.live)
        for rows in read_events(connection):
            packer.take(rows)
        packer.close()

    def _take(self, rows: EventRows) -> None:
        for content_id, numbers, event_ids in rows.by_content():
            if content_id not in self.contents:
                self.strays[content_id] = self.strays.get(content_id, 0) + len(event_ids)
                continue
            if content_id not in self._seals:
                self._seals[content_id] = EventSeals(self._looking_at(content_id))
            self._seals[content_id].add(numbers, event_ids)
            self._follow(content_id, dict(zip(EVENT_NUMBERS, numbers, strict=True)))

    def _follow(self, content_id: int, columns: dict[str, Column]) -> None:
        """See whether what these events of a content refer to is there."""
        for name, known in self._known.items():
            if known is None:
                continue
            column = columns[name]
            there = known[np.clip(column, 0, len(known) - 1)] & (column > 0) & (column < len(known))
            if name not in ("app", "field_set"):
                there |= column == -1
            for place in np.flatnonzero(~there)[: self._MOST - len(self.astray)].tolist():
                self.astray.append(Astray(name, int(column[place]), content_id, int(columns["record_no"][place])))

    def _pack(self, packer: Packer, rows: EventRows) -> None:
        try:
            packer.take(rows)
        except (ArithmeticError, ValueError) as fault:
            self.packing_fault = fault

    def _looking_at(self, content_id: int) -> Callable[[Part, list[Column], list[bytes | None]], None]:
        sealed = self._sealed.get(content_id, {})

        def look(part: Part, numbers: list[Column], event_ids: list[bytes | None]) -> None:
            if sealed.get(part.first) != part.sha256 and len(self.changed) < self._MOST:
                self.changed.append(ChangedPart(content_id, part, numbers, event_ids))

        return look


def _as_flags(connection: sqlite3.Connection, question: str) -> np.ndarray[tuple[int], np.dtype[np.bool_]] | None:
    """Which ids there are, by id; None where they cannot be read, which the check of the dictionary says."""
    try:
        ids = np.array([number for (number,) in connection.execute(question)], dtype=np.int64)
    except sqlite3.DatabaseError as error:
        reraise_interruption(error)
        return None
    ids = ids[(ids > 0) & (ids < _MOST_IDS)]
    flags = np.zeros(int(ids.max(initial=0)) + 1, dtype=bool)
    flags[ids] = True
    return flags


@contextmanager
def checking(path: Path, mode: str) -> Iterator[sqlite3.Connection]:
    """A connection that can write nothing but temporary tables, with empty ones in place of the derived tables.

    An unqualified name means the temporary table; the store's own is `main.NAME`.
    """
    connection = connect(path, mode=mode)
    try:
        connection.text_factory = lambda content: content.decode("utf-8", "surrogateescape")
        connection.execute("PRAGMA cache_spill=ON")
        for statement in _temporary_tables():
            connection.execute(statement)
        # Its first use looks like a change of the schema, which is not allowed later.
        connection.execute(_FIRST_JSON)
        connection.set_authorizer(_only_temporary)
        yield connection
    finally:
        connection.close()


def _only_temporary(action: int, first: str | None, second: str | None, database: str | None, _: str | None) -> int:
    if action in _ALWAYS or (action in _KEPT_IN and database == _TEMPORARY):
        return sqlite3.SQLITE_OK
    return sqlite3.SQLITE_DENY


def _temporary_tables() -> list[str]:
    """What makes the derived tables, as temporary ones: from this program's schema, never from the file."""
    from store.schema import apply_migrations

    made = sqlite3.connect(":memory:", isolation_level=None)
    try:
        apply_migrations(made)
        statements = []
        for table in DERIVED_TABLES:
            for name, sql in made.execute(_DERIVED, (table,)).fetchall():
                if sql is not None:
                    where = "CREATE TEMP TABLE" if name == table else f"CREATE INDEX temp.{name}"
                    statements.append(
                        sql.replace("CREATE TABLE" if name == table else f"CREATE INDEX {name}", where, 1)
                    )
        return statements
    finally:
        made.close()
