"""Opening and writing safely: nothing is created by accident, half done, or written into nowhere."""

import contextlib
import os
import sqlite3
import stat
from pathlib import Path

import pytest

from store.connection import Store, open_store, wal_is_safe
from store.errors import NoSuchStoreError, UnusableFileError
from store.ledger import actions, append
from store.schema import create_store


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "incident.db"
    create_store(path, name="x", actor="ana", at=0)
    return path


def test_a_store_appears_whole_and_private(path: Path) -> None:
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [entry.name for entry in path.parent.iterdir()] == ["incident.db"]
    with pytest.raises(UnusableFileError, match="exists already"):
        create_store(path, name="y", actor="ana", at=0)


def test_a_missing_store_is_not_created(tmp_path: Path) -> None:
    missing = tmp_path / "none.db"
    with pytest.raises(NoSuchStoreError, match=r"no such store: .* - create one with .*, or try `--demo`"):
        open_store(missing)
    assert not missing.exists()


@pytest.mark.parametrize(
    "content", [b"", b"not a database at all, but long enough to look at" * 40, b"SQLite format 3\0"]
)
def test_a_foreign_file_is_refused_and_left_alone(tmp_path: Path, content: bytes) -> None:
    foreign = tmp_path / "foreign.db"
    foreign.write_bytes(content)
    with pytest.raises(UnusableFileError):
        open_store(foreign)
    assert foreign.read_bytes() == content


def test_a_store_of_another_program_is_refused(tmp_path: Path) -> None:
    other = sqlite3.connect(tmp_path / "other.db")
    other.execute("CREATE TABLE t(x)")
    other.commit()
    other.close()
    with pytest.raises(UnusableFileError, match="not an Overscope store"):
        open_store(tmp_path / "other.db")


def test_the_log_cannot_be_changed_through_a_store(path: Path) -> None:
    with open_store(path) as store:
        for statement in (
            "DELETE FROM actions",
            "UPDATE actions SET note = 'x'",
            "DROP TABLE actions",
            "INSERT OR REPLACE INTO actions SELECT * FROM actions",
        ):
            with pytest.raises((sqlite3.DatabaseError, UnusableFileError)), store.writing() as connection:
                connection.execute(statement)
        assert [action.verb for action in actions(store)] == ["init"]


def test_the_triggers_guard_the_log_from_other_programs(path: Path) -> None:
    plain = sqlite3.connect(path)
    for statement in ("DELETE FROM actions", "UPDATE actions SET note = 'x'"):
        with pytest.raises(sqlite3.IntegrityError, match="append-only"):
            plain.execute(statement)
    plain.close()


def test_a_failed_write_leaves_nothing(path: Path) -> None:
    def write_and_fail(store: Store) -> None:
        with store.writing() as connection:
            append(connection, actor="ana", verb="note", at=1)
            append(connection, actor="ana", verb="note", at=1, corrects=99)

    with open_store(path) as store:
        with pytest.raises(sqlite3.IntegrityError, match="FOREIGN KEY"):
            write_and_fail(store)
        assert len(actions(store)) == 1
        with store.writing() as connection:
            append(connection, actor="ana", verb="note", at=1)
        assert len(actions(store)) == 2


def test_each_connection_is_set_up_as_sqlite_s_traps_demand(path: Path) -> None:
    with open_store(path) as store, store.writing() as writer:
        append(writer, actor="ana", verb="note", at=1)
        with store.another_reader() as reader:
            for connection in (writer, reader):
                for pragma, value in (
                    ("synchronous", 2),
                    ("recursive_triggers", 1),
                    ("trusted_schema", 0),
                    ("cell_size_check", 1),
                    ("cache_spill", 0),
                    ("foreign_keys", 1),
                ):
                    assert connection.execute(f"PRAGMA {pragma}").fetchone() == (value,), pragma
                # Where SQLite was built without memory mapping, it says nothing.
                assert connection.execute("PRAGMA mmap_size").fetchone() in ((0,), None)
            assert reader.execute("PRAGMA query_only").fetchone() == (1,)


def test_where_a_link_lies_says_nothing_of_where_the_store_can_be_written(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    link = elsewhere / "link.db"
    link.symlink_to(path)
    closed = elsewhere

    def access(asked: str | Path, _: int) -> bool:
        return Path(asked) != closed

    monkeypatch.setattr("store.connection.os.access", access)
    with open_store(link) as store:
        assert (store.mode, store.read_only) == ("rw", False)
    closed = path.parent
    with open_store(link) as store:
        assert (store.mode, store.read_only) == ("ro", True)
        assert "its folder writable" in store.remark


def test_readers_cannot_write(path: Path) -> None:
    with open_store(path) as store, store.reading() as connection:
        with pytest.raises(sqlite3.DatabaseError):
            connection.execute("INSERT INTO apps(app_id) VALUES ('x')")
        with pytest.raises(sqlite3.DatabaseError):
            connection.execute("ATTACH ':memory:' AS other")


@pytest.mark.parametrize("how", ["deleted", "replaced", "emptied"])
def test_a_file_that_goes_away_while_open_is_noticed_before_a_write(path: Path, how: str) -> None:
    with open_store(path) as store:
        if how == "deleted":
            path.unlink()
        elif how == "emptied":
            os.truncate(path, 0)
        else:
            create_store(path.with_name("new.db"), name="y", actor="bo", at=0)
            os.replace(path.with_name("new.db"), path)
        with pytest.raises(UnusableFileError, match=how.replace("deleted", "gone")), store.writing():
            pytest.fail("a write began")


def test_a_snapshot_does_not_move(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # With a rollback journal the reader holds this writer off; with WAL it does not.
    monkeypatch.setattr("store.connection.BUSY_TIMEOUT_MS", 50)
    count = "SELECT count(*) FROM actions"
    with open_store(path) as store, store.reading() as connection:
        before = connection.execute(count).fetchone()
        with contextlib.suppress(UnusableFileError), open_store(path) as second, second.writing() as writer:
            append(writer, actor="bo", verb="note", at=1)
        assert connection.execute(count).fetchone() == before


@pytest.mark.parametrize(
    ("version", "safe"),
    [
        ((3, 40, 1), False),
        ((3, 44, 6), True),
        ((3, 44, 5), False),
        ((3, 50, 7), True),
        ((3, 51, 2), False),
        ((3, 51, 3), True),
    ],
)
def test_wal_only_where_the_race_is_fixed(version: tuple[int, int, int], safe: bool) -> None:
    assert wal_is_safe(version) is safe
