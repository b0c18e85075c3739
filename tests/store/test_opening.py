"""Looking before opening: what is not ours is refused and stays as it was, a store left in mid-write is recovered."""

import os
import random
import signal
import sqlite3
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import closing
from pathlib import Path

import pytest

from store import connection, opening, schema
from store.connection import SCHEMA_VERSION, open_store
from store.errors import UnusableFileError
from store.ledger import actions, append
from store.schema import create_store
from tests.promises import trials

Account = Callable[[str, Mapping[str, int]], None]
_TRANSACTIONS = 8


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(schema, "wal_is_safe", lambda *_: False)
    path = tmp_path / "incident.db"
    create_store(path, name="x", actor="ana", at=0)
    return path


_WRITE_AT_ONCE = """
import sqlite3, sys
sqlite3.connect(sys.argv[1], timeout=0, isolation_level=None).execute("BEGIN IMMEDIATE")
"""


def change(path: Path, *statements: str) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as plain:
        for statement in statements:
            plain.execute(statement)


def files_of(path: Path) -> dict[str, bytes]:
    return {entry.name: entry.read_bytes() for entry in path.parent.iterdir()}


def left_in_mid_write(path: Path, rows: int = 3_000) -> None:
    """Kill a process while it writes, so that its rollback journal has to be played back."""
    process = os.fork()
    if process == 0:
        plain = sqlite3.connect(path, isolation_level=None)
        plain.execute("PRAGMA cache_size=10")
        plain.execute("BEGIN IMMEDIATE")
        plain.execute("UPDATE apps SET app_id = app_id || 'x'")
        plain.executemany("INSERT INTO apps(app_id) VALUES (?)", ((f"{number:0200}",) for number in range(rows)))
        os.kill(os.getpid(), signal.SIGKILL)
    os.waitpid(process, 0)
    assert Path(f"{path}-journal").stat().st_size > 512


_EVER = "WITH RECURSIVE n(i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM n) SELECT i FROM n"


@pytest.mark.parametrize(
    ("statements", "reason"),
    [
        ([f"CREATE VIEW trap AS {_EVER}"], "its view trap is none of ours"),
        (["DROP VIEW live_contents", f"CREATE VIEW live_contents AS {_EVER}"], "its view live_contents is not as"),
        (["CREATE TRIGGER t AFTER INSERT ON actions BEGIN DELETE FROM cases; END"], "its trigger t is none of ours"),
        (["DROP TABLE daily", f"CREATE VIEW daily AS {_EVER}"], "its view daily is none of ours"),
        (
            ["DROP TABLE daily", "CREATE TABLE daily(day, verdict, events AS (zeroblob(9)))"],
            "its table daily is not as",
        ),
        (["ALTER TABLE cases ADD COLUMN more TEXT"], "its table cases is not as"),
        (["DROP TABLE segments"], "its table segments is missing"),
        (["DROP VIEW live_grants"], "its view live_grants is missing"),
        (["PRAGMA application_id=7"], "is not an Overscope store"),
    ],
)
def test_what_is_not_as_we_make_it_is_refused(path: Path, statements: list[str], reason: str) -> None:
    change(path, *statements)
    before = files_of(path)
    with pytest.raises(UnusableFileError, match=reason):
        open_store(path)
    assert files_of(path) == before
    if "Overscope" not in reason:
        with open_store(path, lenient=True) as store:
            assert store.read_only
            assert actions(store)


def test_what_others_add_for_themselves_is_let_be(path: Path) -> None:
    change(path, "CREATE TABLE mine(x)", "CREATE INDEX mine_too ON cases(status)", "ANALYZE")
    with open_store(path) as store, store.writing() as writer:
        append(writer, actor="ana", verb="note", at=1)


def test_a_log_without_its_triggers_is_said(path: Path) -> None:
    change(path, "DROP TRIGGER actions_are_never_deleted")
    with open_store(path) as store:
        (notice,) = store.notices
        assert "nothing keeps other programs from changing its log" in notice


@pytest.mark.parametrize("claimed", [SCHEMA_VERSION + 1, 99, 2**31 - 1])
def test_a_newer_store_is_read_unless_its_views_are_strange(path: Path, claimed: int) -> None:
    change(
        path, f"PRAGMA user_version={claimed}", "ALTER TABLE cases ADD COLUMN more TEXT", "CREATE VIEW more AS SELECT 1"
    )
    with open_store(path) as store:
        assert store.read_only
        assert "newer version" in store.remark
        assert actions(store)
    change(path, "DROP VIEW live_contents", f"CREATE VIEW live_contents AS {_EVER}")
    with pytest.raises(UnusableFileError, match="live_contents"):
        open_store(path)


def test_a_foreign_journal_is_not_played_back(path: Path) -> None:
    change(path, "PRAGMA application_id=7")
    left_in_mid_write(path)
    before = files_of(path)
    with pytest.raises(UnusableFileError, match="not an Overscope store"):
        open_store(path)
    assert files_of(path) == before


def test_a_store_left_in_mid_write_is_recovered(path: Path) -> None:
    with open_store(path) as store, store.writing() as writer:
        append(writer, actor="ana", verb="note", at=1)
    left_in_mid_write(path)
    with open_store(path) as store, store.reading() as reader:
        assert len(actions(store)) == 2
        assert reader.execute("SELECT count(*) FROM apps").fetchone() == (0,)
        assert reader.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    assert os.listdir(path.parent) == [path.name]


def test_in_a_read_only_place_a_store_left_in_mid_write_is_one_line(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    left_in_mid_write(path)
    before = files_of(path)
    for module in (connection, opening):
        monkeypatch.setattr(module, "is_writable", lambda _: False)
    with pytest.raises(UnusableFileError, match="left in mid-write by a crash: open it once where"):
        open_store(path)
    assert files_of(path) == before


@trials("P9 journals")
def test_what_a_damaged_journal_would_leave_is_refused_before_it_is_played_back(
    path: Path, count: int, account: Account
) -> None:
    with closing(sqlite3.connect(path)) as plain:
        plain.executemany("INSERT INTO apps(app_id) VALUES (?)", ((f"{number:0150}-y",) for number in range(1_500)))
        plain.commit()
    left_in_mid_write(path)
    sound = files_of(path)
    refused = recovered = 0
    for number in range(count):
        draw = random.Random(number)
        for name, content in sound.items():
            (path.parent / name).unlink(missing_ok=True)
            (path.parent / name).write_bytes(content)
        spoilt = path if number % 2 else Path(f"{path}-journal")
        content = bytearray(spoilt.read_bytes())
        if draw.random() < 0.5:
            content = content[: draw.randrange(600, len(content))]
        else:
            at = draw.randrange(600, len(content) - 64)
            content[at : at + 64] = draw.randbytes(64)
        spoilt.write_bytes(content)
        before = files_of(path)
        try:
            with open_store(path) as store, store.reading() as reader:
                assert reader.execute("PRAGMA quick_check(1)").fetchone() == ("ok",)
            recovered += 1
        except UnusableFileError as error:
            refused += 1
            said = str(error)
        else:
            continue
        assert "\n" not in said
        assert files_of(path) == before
    account("P9 journals", {"damaged stores with a journal": count, "of them refused, untouched": refused})
    assert refused >= count // 5
    assert recovered >= 1


@pytest.mark.parametrize("safe", [False, True])
@trials("P9 journals")
def test_a_cut_or_spoilt_write_ahead_log_gives_whole_transactions_or_is_refused(
    path: Path, monkeypatch: pytest.MonkeyPatch, safe: bool, count: int, account: Account
) -> None:
    make_wal(path)
    monkeypatch.setattr(connection, "wal_is_safe", lambda *_: safe)
    process = os.fork()
    if process == 0:
        plain = sqlite3.connect(path, isolation_level=None)
        plain.execute("PRAGMA wal_autocheckpoint=0")
        for number in range(_TRANSACTIONS):
            plain.execute("BEGIN")
            plain.executemany("INSERT INTO apps(app_id) VALUES (?)", ((f"{number:03}-{i:0150}",) for i in range(100)))
            plain.execute("COMMIT")
        os.kill(os.getpid(), signal.SIGKILL)
    os.waitpid(process, 0)
    sound = {name: content for name, content in files_of(path).items() if not name.endswith("-shm")}
    told: Counter[str] = Counter()
    for number in range(count):
        draw = random.Random(number)
        for name in os.listdir(path.parent):
            (path.parent / name).unlink()
        for name, content in sound.items():
            spoilt = bytearray(content)
            if name.endswith("-wal"):
                if draw.random() < 0.5:
                    spoilt = spoilt[: draw.randrange(len(spoilt))]
                else:
                    at = draw.randrange(len(spoilt) - 64)
                    spoilt[at : at + 64] = draw.randbytes(64)
            (path.parent / name).write_bytes(spoilt)
        before = path.read_bytes()
        try:
            with open_store(path, read_only=number % 2 == 0) as store, store.reading() as reader:
                assert reader.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
                asked = "SELECT substr(app_id, 1, 3), count(*) FROM apps GROUP BY 1 ORDER BY 1"
                kept = reader.execute(asked).fetchall()
        except UnusableFileError:
            assert path.read_bytes() == before
            told["refused"] += 1
        else:
            assert kept == [(f"{number:03}", 100) for number in range(len(kept))]
            told["whole transactions kept"] += len(kept)
    account("P9 journals", {"damaged write-ahead logs": count, **told})
    assert 0 < told["whole transactions kept"] < count * _TRANSACTIONS


def test_what_a_killed_process_left_of_its_trial_is_cleared(path: Path) -> None:
    left_in_mid_write(path)
    process = os.fork()
    if process == 0:
        os._exit(0)
    os.waitpid(process, 0)
    leftover = path.with_name(f".{path.name}.{process}.0.checked")
    leftover.mkdir()
    (leftover / "store").write_bytes(b"x")
    others = path.with_name(f".{path.name}.{os.getpid()}.0.checked")
    others.mkdir()
    open_store(path).close()
    assert sorted(os.listdir(path.parent)) == sorted([others.name, path.name])


def make_wal(path: Path) -> None:
    change(path, "PRAGMA journal_mode=WAL")


def journal_of(path: Path) -> str:
    with closing(sqlite3.connect(path)) as plain:
        (journal,) = plain.execute("PRAGMA journal_mode").fetchone()
    return str(journal)


@pytest.mark.parametrize("safe", [False, True])
def test_a_write_ahead_log_is_left_where_it_is_not_safe(
    path: Path, monkeypatch: pytest.MonkeyPatch, safe: bool
) -> None:
    make_wal(path)
    monkeypatch.setattr(connection, "wal_is_safe", lambda *_: safe)
    with open_store(path) as store, store.writing() as writer:
        append(writer, actor="ana", verb="note", at=1)
    assert journal_of(path) == ("wal" if safe else "delete")


def test_a_write_ahead_log_that_others_use_is_not_shared_where_it_is_not_safe(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_wal(path)
    monkeypatch.setattr(connection, "wal_is_safe", lambda *_: False)
    monkeypatch.setattr(connection, "_LEAVING_TIMEOUT_MS", 1)
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("INSERT INTO apps(app_id) VALUES ('a')")
        with pytest.raises(UnusableFileError, match="close every program that has it open"):
            open_store(path)
        with open_store(path, read_only=True) as store, store.reading() as reader:
            assert reader.execute("SELECT count(*) FROM apps").fetchone() == (1,)
    assert journal_of(path) == "wal"
    open_store(path).close()
    assert journal_of(path) == "delete"


def test_asking_never_writes_a_write_ahead_log_into_the_file(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make_wal(path)
    monkeypatch.setattr(connection, "wal_is_safe", lambda *_: False)
    process = os.fork()
    if process == 0:
        plain = sqlite3.connect(path, isolation_level=None)
        plain.execute("INSERT INTO apps(app_id) VALUES ('a')")
        os.kill(os.getpid(), signal.SIGKILL)
    os.waitpid(process, 0)
    before = path.read_bytes()
    for options in ({"read_only": True}, {"lenient": True}):
        with open_store(path, **options) as store, store.reading() as reader:
            assert reader.execute("SELECT count(*) FROM apps").fetchone() == (1,)
    assert path.read_bytes() == before


@pytest.mark.parametrize(
    "statement",
    [
        "DROP TRIGGER actions_are_never_changed",
        "ALTER TABLE actions ADD COLUMN more",
        "ALTER TABLE actions RENAME TO others",
        "ALTER TABLE actions DROP COLUMN note",
        "CREATE TRIGGER t BEFORE INSERT ON actions BEGIN SELECT RAISE(IGNORE); END",
        "CREATE TEMP TRIGGER t BEFORE INSERT ON actions BEGIN SELECT RAISE(IGNORE); END",
        "PRAGMA writable_schema=ON",
        "PRAGMA main.writable_schema=1",
        "PRAGMA recursive_triggers=OFF",
        "PRAGMA trusted_schema=ON",
        "PRAGMA ignore_check_constraints=ON",
        "DELETE FROM actions",
        "UPDATE actions SET note = 'x'",
        "DROP TABLE actions",
        "ATTACH ':memory:' AS other",
        "SELECT load_extension('x')",
        "SELECT Load_Extension('x', 'y')",
    ],
)
def test_no_guard_of_the_log_can_be_got_round(path: Path, statement: str) -> None:
    with open_store(path) as store:
        for block in (store.writing, store.reading):
            with pytest.raises((sqlite3.DatabaseError, UnusableFileError)), block() as each:
                each.execute(statement)
        with store.writing() as writer:
            append(writer, actor="ana", verb="note", at=1)
        assert [entry.verb for entry in actions(store)] == ["init", "note"]


def test_damage_that_shows_while_reading_is_a_refusal_and_what_was_interrupted_is_none(path: Path) -> None:
    with open_store(path) as store:
        for statement in ("SELECT no_such FROM cases", "SELECT * FROM no_such", "SELECT CAST(x'ff' AS TEXT)"):
            with pytest.raises(UnusableFileError, match="damaged, or was altered"), store.reading() as reader:
                reader.execute(statement).fetchall()
        with store.reading() as reader:
            reader.create_function("stop", 0, store.interrupt)
        with pytest.raises(sqlite3.OperationalError, match="interrupted"), store.reading() as reader:
            reader.execute(f"{_EVER.replace('VALUES (1)', 'SELECT coalesce(stop(), 1)')}").fetchall()


@pytest.mark.parametrize("lenient", [False, True])
def test_looking_drops_no_lock_of_this_process(path: Path, lenient: bool) -> None:
    """Closing a plain file would: another process could then write into the middle of our transaction."""
    with open_store(path) as store, store.writing():
        open_store(path, lenient=lenient).close()
        # Not a fork: SQLite would remember its parent's locks.
        other = subprocess.run([sys.executable, "-c", _WRITE_AT_ONCE, str(path)], capture_output=True, check=False)
        assert b"database is locked" in other.stderr
