"""Stores of older versions: brought up to date whole or left as they were, with a copy of what they were."""

import hashlib
import os
import resource
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Mapping
from contextlib import closing
from pathlib import Path

import pytest

from store import audits, cases
from store.cli.main import main
from store.connection import SCHEMA_VERSION, open_store
from store.errors import UnusableFileError
from store.figures import figures
from store.instants import parse_point
from store.ledger import actions
from store.opening import made_by
from store.parameters import Parameters
from store.schema import create_store
from store.tables import SCRIPTS
from store.verify.catalogue import CHECKS
from store.verify.running import verify
from tests import small_incident
from tests.faults.first_schema import as_first_schema
from tests.promises import trials

ROOT = Path(__file__).resolve().parents[2]
TODAY = Parameters(today=parse_point("2018-08-01"))
# What was released is never edited: a store in somebody's hands has it.
RELEASED = (
    "42bc0713b9e599d9ba30a4fbffd63fd515ebc06e9859c7403e66cbf746bf3218",
    "6e24fa2b083e058703ef8f67a8c156be481db555675c328b250f6d51187e1436",
)
FIRST_COLUMNS = {
    "access_events": "*",
    "grants": "*",
    "cases": "partner, status, grounds, assignee, version, rests_on",
    "audit_steps": "step_id, partner, app, step, at, at_is_date, due, note, evidence_id, recorded_by, taken_back_by",
    "quarantine": "*",
}


@pytest.fixture(scope="module")
def todays(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store of this version with imports, cases and steps."""
    path = small_incident.build(tmp_path_factory.mktemp("todays"))
    with open_store(path) as store:
        cases.flag(store, [1, 2], actor="ana", note="why")
        cases.clear(store, [3], actor="ana", grounds="other", note="a duplicate", override=True)
        audits.record_step(store, [1], actor="bo", step="access_removed", at=parse_point("2018-07-01"))
        cases.undo(store, actor="bo")
    return path


@pytest.fixture
def old(todays: Path, tmp_path: Path) -> Path:
    """The same, as the first version left it."""
    (tmp_path / "case").mkdir()
    path = tmp_path / "case" / "incident.db"
    as_first_schema(todays, path)
    path.chmod(0o600)
    return path


def version_of(path: Path) -> int:
    with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)) as connection:
        (version,) = connection.execute("PRAGMA user_version").fetchone()
    return int(version)


def rows_of(path: Path) -> list[tuple[object, ...]]:
    """Every row of evidence and of work, as the first version knew them."""
    with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)) as connection:
        rows = []
        for table, columns in FIRST_COLUMNS.items():
            rows += [(table, *row) for row in connection.execute(f"SELECT {columns} FROM {table}")]
        rows += connection.execute("SELECT seq, hash, before, after FROM actions WHERE verb <> 'upgrade'").fetchall()
    return rows


def assert_up_to_date(path: Path, todays: Path, rows: list[tuple[object, ...]]) -> None:
    """It says what a store that was made today says, its old log unchanged, with one entry more."""
    with open_store(path) as store, open_store(todays) as new:
        assert version_of(path) == SCHEMA_VERSION
        assert rows_of(path) == rows
        assert [entry.verb for entry in actions(store)].count("upgrade") == 1
        assert figures(store, TODAY) == figures(new, TODAY)
        report = verify(store, checks=CHECKS)
        assert report.ok, [result.says for result in report.results if not result.ok]


def test_what_was_released_is_never_edited() -> None:
    for script, released in zip(SCRIPTS, RELEASED, strict=False):
        assert hashlib.sha256(script.encode()).hexdigest() == released


def test_what_is_expected_of_a_file_is_what_the_migrations_make(tmp_path: Path, old: Path) -> None:
    create_store(tmp_path / "new.db", name="x", actor="ana", at=0)
    for path, version in ((old, 1), (tmp_path / "new.db", SCHEMA_VERSION)):
        with closing(sqlite3.connect(path)) as connection:
            made = {
                (kind, name): sql
                for kind, name, sql in connection.execute("SELECT type, name, sql FROM sqlite_schema")
                if kind != "index" and "sqlite" not in name
            }
        assert made_by(version) == made


def test_an_old_store_is_brought_up_to_date_and_kept_as_it_was(old: Path, todays: Path) -> None:
    rows, before = rows_of(old), old.read_bytes()
    assert_up_to_date(old, todays, rows)
    kept = old.with_name("incident.db.schema-1")
    assert sorted(os.listdir(old.parent)) == ["incident.db", kept.name]
    assert (version_of(kept), rows_of(kept)) == (1, rows)
    assert kept.stat().st_mode & 0o777 == 0o600
    with open_store(old) as store:
        entry = actions(store)[-1]
    assert (entry.verb, entry.actor) == ("upgrade", "system")
    assert hashlib.sha256(kept.read_bytes()).hexdigest() in str(entry.after)
    # The copy, taken back, is an old store like any other.
    os.replace(kept, old)
    assert len(old.read_bytes()) == len(before)
    assert_up_to_date(old, todays, rows)


@pytest.mark.parametrize("command", ["figures", "log", "partners", "imports", "audit", "evidence"])
def test_every_command_finds_it_up_to_date(old: Path, command: str, capfd: pytest.CaptureFixture[str]) -> None:
    assert main([command, "--db", str(old), "--json"]) == 0
    assert capfd.readouterr().err == ""
    assert version_of(old) == SCHEMA_VERSION


def test_where_nothing_can_be_written_it_is_one_line(old: Path, capfd: pytest.CaptureFixture[str]) -> None:
    before = old.read_bytes()
    with pytest.raises(UnusableFileError, match="open it once for writing"):
        open_store(old, read_only=True)
    assert main(["verify", "--db", str(old)]) == 1
    assert "open the store once for writing" in capfd.readouterr().out
    assert old.read_bytes() == before
    assert os.listdir(old.parent) == ["incident.db"]


def test_without_room_for_a_copy_it_stays_as_it_was(old: Path) -> None:
    before = old.read_bytes()
    reading, writing = os.pipe()
    process = os.fork()
    if process == 0:
        try:
            resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
            open_store(old)
        except UnusableFileError as error:
            os.write(writing, str(error).encode())
        finally:
            os._exit(0)
    os.close(writing)
    os.waitpid(process, 0)
    with os.fdopen(reading) as stream:
        assert "no copy of it can be kept first" in stream.read()
    assert old.read_bytes() == before
    assert os.listdir(old.parent) == ["incident.db"]


def test_two_processes_that_open_it_at_once_upgrade_it_once(old: Path, todays: Path) -> None:
    rows = rows_of(old)
    command = [sys.executable, "-m", "store", "log", "--db", str(old), "--json"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    both = [
        subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    answers = [process.communicate() for process in both]
    assert [process.returncode for process in both] == [0, 0], answers
    assert answers[0] == answers[1]
    assert_up_to_date(old, todays, rows)


def _upgrade_until(old: Path, kill_at: int, pipe: int) -> None:
    """Open the store in this process, count its statements, and die before the kill_at-th; 0: never."""
    count = 0
    plain_connect = sqlite3.connect

    def tick(_: str) -> None:
        nonlocal count
        count += 1
        if count == kill_at:
            os.kill(os.getpid(), signal.SIGKILL)

    def connect(*arguments: object, **options: object) -> sqlite3.Connection:
        connection = plain_connect(*arguments, **options)
        connection.set_trace_callback(tick)
        return connection

    sqlite3.connect = connect
    try:
        open_store(old).close()
        os.write(pipe, str(count).encode())
    finally:
        os._exit(0)


def in_a_child(old: Path, kill_at: int) -> tuple[str, int]:
    reading, writing = os.pipe()
    process = os.fork()
    if process == 0:
        _upgrade_until(old, kill_at, writing)
    os.close(writing)
    with os.fdopen(reading) as stream:
        return stream.read(), os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])


@trials("P12")
def test_a_kill_at_any_statement_leaves_it_old_or_new(
    old: Path, todays: Path, count: int, account: Callable[[str, Mapping[str, int]], None]
) -> None:
    rows, before = rows_of(old), old.read_bytes()
    statements = int(in_a_child(old, 0)[0])
    told = {"kills": 0, "before the copy was there": 0, "after it, still of the old version": 0}
    for number in range(count):
        for name in os.listdir(old.parent):
            (old.parent / name).unlink()
        old.write_bytes(before)
        old.chmod(0o600)
        _, code = in_a_child(old, 1 + number * statements // count)
        assert code == -signal.SIGKILL
        kept = old.with_name("incident.db.schema-1")
        told["kills"] += 1
        told["before the copy was there"] += not kept.exists()
        told["after it, still of the old version"] += kept.exists() and version_of_a_copy(old) == 1
        assert_up_to_date(old, todays, rows)
        assert (version_of(kept), rows_of(kept)) == (1, rows)
        assert sorted(os.listdir(old.parent)) == ["incident.db", kept.name]
    account("P12", told)
    assert told["after it, still of the old version"] > count // 4


def version_of_a_copy(path: Path) -> int:
    """Of the file without its journal, as the kill left it: not recovered."""
    with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro&immutable=1", uri=True)) as connection:
        (version,) = connection.execute("PRAGMA user_version").fetchone()
    return int(version)
