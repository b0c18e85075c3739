"""P4: no input crashes an importer, and the records of a file always add up. Two readers, two stages, one meaning.

A mutant goes through the importer as the user's file does, into a store on disk that is kept for some mutants; only
the refresh of the derived tables waits for the last of them. A violation is shown by its seed and its saved bytes.
"""

import random
import shutil
import signal
import sqlite3
import warnings
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

import duckdb
import pytest

from store import connection as opening
from store import fold
from store.connection import Store, open_store
from store.errors import StoreError
from store.figures import figures
from store.ingest import formats, importing, loader
from store.ingest.importing import import_paths
from store.ingest.imports import ImportEntry
from store.parameters import Parameters
from store.tables import REGISTRY_TABLES
from tests.faults.mutants import TEXT_FORMATS, Mutant, mutant, parquet_mutant
from tests.promises import trials
from tests.store.ingest_store import ACTOR, new_store

PER_STORE = 40
# One mutant in so many is imported in every other way too.
IN_EVERY_WAY = 200
PARQUET = "canonical Parquet"
HANGING_SECONDS = 120

_WRONG_SUMS = """
SELECT import_id, quarantined, (SELECT count(DISTINCT q.record_no) FROM quarantine q WHERE q.content_id = i.content_id)
FROM imports i
WHERE import_id = content_id AND quarantined <>
  (SELECT count(DISTINCT q.record_no) FROM quarantine q WHERE q.content_id = i.content_id)
"""
_UNFINISHED = "SELECT count(*) FROM imports WHERE state <> 'complete'"


class Hanging(BaseException):
    """An import that does not end."""


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """No waiting for the disk: nothing is killed here."""
    plain_connect = opening.connect

    def connect(path: Path, *, mode: str) -> sqlite3.Connection:
        connection = plain_connect(path, mode=mode)
        connection.execute("PRAGMA synchronous=OFF")
        connection.execute("PRAGMA journal_mode=MEMORY")
        return connection

    monkeypatch.setattr(opening, "connect", connect)


@contextmanager
def must_end() -> Iterator[None]:
    def give_up(_number: int, _frame: FrameType | None) -> None:
        raise Hanging

    before = signal.signal(signal.SIGALRM, give_up)
    signal.alarm(HANGING_SECONDS)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def adds_up(entry: ImportEntry) -> bool:
    return entry.records == entry.accepted + entry.duplicates + entry.quarantined + entry.skipped


def take(store: Store, path: Path) -> ImportEntry | str:
    """The import, or the one line that refuses the file. Anything else is a violation."""
    try:
        with must_end():
            (entry,) = import_paths(store, [path], actor=ACTOR).imports
    except StoreError as refused:
        line = str(refused)
        assert line, "a refusal that says nothing"
        assert "\n" not in line, line
        return line
    assert adds_up(entry), entry
    return entry


class Stores:
    """A store for the next mutants, made from an empty one; the derived tables are folded when it is full."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        new_store(folder, "empty.db").close()
        self._empty = folder / "empty.db"
        self._path = folder / "incident.db"
        monkeypatch.setattr(importing, "refresh", self._fold_later)
        self._left = 0
        self.store = self._fresh()

    def _fold_later(self, connection: sqlite3.Connection, *, actor: str, at: int) -> None:
        fold.defer(connection, import_id=1)

    def _fresh(self) -> Store:
        shutil.copy(self._empty, self._path)
        self._left = PER_STORE
        return open_store(self._path)

    def next(self) -> Store:
        """The store for one more mutant."""
        if not self._left:
            self.check()
            self.store.close()
            self.store = self._fresh()
        self._left -= 1
        return self.store

    def check(self) -> None:
        """All that was imported is counted, and can be folded and asked about."""
        with self.store.reading() as connection:
            assert connection.execute(_WRONG_SUMS).fetchall() == []
            assert connection.execute(_UNFINISHED).fetchone() == (0,)
        with self.store.writing() as connection:
            fold.refresh(connection, actor=ACTOR, at=0)
        figures(self.store, Parameters())

    def give_up(self) -> None:
        """What a violation left is of no use."""
        self.store.close()
        self.store = self._fresh()


def all_of(name: str, count: int, folder: Path) -> Iterator[Mutant]:
    if name != PARQUET:
        yield from (mutant(name, number) for number in range(count))
        return
    with duckdb.connect(config={"threads": 1}) as engine:
        for number in range(count):
            yield parquet_mutant(random.Random(f"{name} {number}"), engine, folder / "made.parquet")


@trials("P4")
@pytest.mark.parametrize("name", [*TEXT_FORMATS, PARQUET])
def test_no_file_crashes_the_importer(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    account: Callable[[str, Mapping[str, int]], None],
    name: str,
    count: int,
) -> None:
    warnings.simplefilter("error")
    if name == PARQUET:
        share_one_engine(monkeypatch)
    stores = Stores(tmp_path, monkeypatch)
    told: Counter[str] = Counter(dict.fromkeys(("imported a record", "refused whole", "in every way"), 0))
    violations: list[str] = []
    for number, made in enumerate(all_of(name, count, tmp_path)):
        path = tmp_path / made.name
        path.write_bytes(made.data)
        try:
            outcome = take(stores.next(), path)
            if isinstance(outcome, str):
                told["refused whole"] += 1
            else:
                told["imported a record"] += outcome.accepted + outcome.duplicates > 0
                told["quarantined a record"] += outcome.quarantined > 0
            if number % IN_EVERY_WAY == 0:
                agree_in_every_way(tmp_path, path)
                told["in every way"] += 1
        except (Exception, Hanging) as error:
            saved = tmp_path / f"violation-{number}-{made.name}"
            path.rename(saved)
            violations.append(f"{name} {number}, saved as {saved}: {type(error).__name__}: {error}")
            stores.give_up()
        path.unlink(missing_ok=True)
        if len(violations) == 5:
            break
    assert violations == []
    stores.check()
    stores.store.close()
    account("P4", {f"mutants of {name}": count, **told})
    assert told["imported a record"] >= count / 2
    assert told["refused whole"] >= count / 200


def share_one_engine(monkeypatch: pytest.MonkeyPatch) -> None:
    """A Parquet file is read by a cursor of one engine: starting one takes ten times as long as reading a mutant.

    A mutant can break its engine for good, which refuses whatever comes after: then there is a new one.
    """
    start = duckdb.connect
    engine = start(config={"threads": 1})

    def connect(*arguments: Any, **options: Any) -> duckdb.DuckDBPyConnection:
        nonlocal engine
        if options:
            return start(*arguments, **options)
        try:
            engine.execute("SELECT 1")
        except duckdb.Error:
            engine = start(config={"threads": 1})
        return engine.cursor()

    monkeypatch.setattr(duckdb, "connect", connect)


def agree_in_every_way(folder: Path, path: Path) -> None:
    """The default, the database's stage behind the fast reader, and behind the strict one alone: the same comes out."""
    outcomes = []
    for is_large, is_strict in ((False, False), (True, False), (True, True)):
        with pytest.MonkeyPatch.context() as patch:
            if is_large:
                patch.setattr(loader, "MOST_EVENTS", -1)
                patch.setattr(formats, "MOST_BYTES", -1)
            if is_strict:
                patch.setattr(formats, "read_fast", lambda *_: None)
            shutil.copy(folder / "empty.db", folder / "other.db")
            with open_store(folder / "other.db") as store:
                taken = take(store, path)
                said = taken if isinstance(taken, str) else (taken[5:12], taken.ignored_columns)
                outcomes.append((said, all_rows(store)))
    assert outcomes[0] == outcomes[1]
    assert outcomes[1] == outcomes[2]


def all_rows(store: Store) -> dict[str, list[tuple[object, ...]]]:
    """Everything a file brought, as the tables hold it."""
    questions = {table: f"SELECT * FROM {table}" for table in REGISTRY_TABLES.values()}
    questions["events"] = "SELECT * FROM access_events_readable"
    questions["holdings"] = "SELECT * FROM holdings"
    questions["quarantine"] = "SELECT kind, record_no, reason, record FROM quarantine"
    questions["checkpoints"] = "SELECT * FROM import_checkpoints"
    with store.reading() as connection:
        return {name: sorted(connection.execute(each).fetchall(), key=repr) for name, each in questions.items()}
