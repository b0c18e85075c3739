"""What `verify` and `checkpoint` say and do on the command line, and that they change nothing. What they find is tested
in `tests.faults`: here the checks are made to meet damage, strangers and interruptions.
"""

import json
import os
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from store import cases
from store.checkpoint import read_checkpoint, take_checkpoint
from store.cli.main import main
from store.connection import open_store
from store.errors import RefusedError, UnusableFileError
from store.verify import verify
from store.verify.catalogue import CHECKS
from store.verify.checks import Check, Context, Finding, Findings
from store.verify.running import BLIND_SPOT
from store.writing_files import write_file
from tests import small_incident

FORGING = ("DROP TRIGGER actions_are_never_changed",)
ESCAPE = "\x1b]52;c;aGk=\x07"


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = small_incident.build(tmp_path_factory.mktemp("built"))
    with open_store(path) as store:
        cases.flag(store, [1], actor="ana", note="looked at")
    return path


@pytest.fixture
def path(built: Path, tmp_path: Path) -> Path:
    copy = tmp_path / "incident.db"
    shutil.copyfile(built, copy)
    copy.chmod(0o600)
    return copy


def said(capsys: pytest.CaptureFixture[str], *words: object, code: int) -> str:
    assert main([str(word) for word in words]) == code
    captured = capsys.readouterr()
    assert captured.err == ""
    return captured.out


def refused(capsys: pytest.CaptureFixture[str], *words: object) -> str:
    assert main([str(word) for word in words]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.count("\n") == 1
    return captured.err


def change(path: Path, *statements: str) -> None:
    with closing(sqlite3.connect(path)) as database:
        for statement in statements:
            database.execute(statement)
        database.commit()


def state(path: Path) -> tuple[bytes, int, list[str]]:
    """The file's bytes, when it was written, and what lies beside it."""
    return path.read_bytes(), path.stat().st_mtime_ns, sorted(os.listdir(path.parent))


def test_a_line_a_check_and_what_it_cannot_see(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = state(path)
    *lines, verdict, blind_spot = said(capsys, "verify", "--db", path, code=0).splitlines()
    assert [line.split("  ")[0].strip() for line in lines] == ["ok"] * len(CHECKS)
    assert all(check.name in line for check, line in zip(CHECKS, lines, strict=True))
    assert any("8 entries, each chained to the one before" in line for line in lines)
    assert verdict.startswith("everything holds; the log's head is #8 ")
    assert blind_spot == BLIND_SPOT
    assert state(path) == before


def test_json_has_every_check_and_the_head(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    change(path, "UPDATE cases SET assignee = 'bo'")
    document = json.loads(said(capsys, "verify", "--db", path, "--json", code=1))
    assert document["ok"] is False
    assert [each["check"] for each in document["checks"]] == [check.name for check in CHECKS]
    assert [each["check"] for each in document["checks"] if not each["ok"]] == ["cases"]
    (found,) = [each for each in document["checks"] if not each["ok"]]
    assert found["findings"] == ["case of p-0: its assignee is 'bo', entry #8 says nothing"]
    assert found["says"] == found["findings"][0]
    with open_store(path) as store:
        taken = take_checkpoint(store)
    assert document["head"]["seq"] == 8
    assert document["head"]["hash"] == taken.hash


def test_a_read_only_file_is_verified(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path.chmod(0o400)
    path.parent.chmod(0o500)
    before = state(path)
    try:
        said(capsys, "verify", "--db", path, code=0)
        assert state(path) == before
    finally:
        path.parent.chmod(0o700)


def test_a_file_that_others_may_read_is_said_and_no_fault(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path.chmod(0o644)
    assert "its mode is 644" in said(capsys, "verify", "--db", path, code=0)


def test_what_others_write_meanwhile_is_not_seen_halfway(path: Path) -> None:
    """The checks of the record read one snapshot: what is done between two of them is left to the next time."""
    tried = []

    def act(_: sqlite3.Connection, __: Context) -> Findings:
        with closing(sqlite3.connect(path, timeout=0)) as database:
            try:
                database.execute("UPDATE cases SET assignee = 'bo'")
                database.commit()
                tried.append("done")
            except sqlite3.OperationalError:
                # Without a write-ahead log a writer waits for the reader.
                tried.append("kept waiting")
        yield Finding("somebody tried to write", is_fault=False)
        return ""

    by_name = {check.name: check for check in CHECKS}
    with open_store(path, lenient=True) as store:
        report = verify(store, checks=[by_name["action log"], Check("writer", act), by_name["cases"]])
    assert report.ok
    assert len(tried) == 1


def test_data_in_a_finding_does_not_reach_the_terminal(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    change(path, f"UPDATE imports SET file = '{ESCAPE}' WHERE import_id = 2")
    out = said(capsys, "verify", "--db", path, code=1)
    assert "\x1b" not in out
    assert "\\x1b]52" in out


def test_a_view_in_the_place_of_a_table_is_not_read(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    endless = "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT x FROM n"
    change(path, "DROP TABLE cases", f"CREATE VIEW cases AS {endless}")
    out = said(capsys, "verify", "--db", path, code=1)
    assert "not checked: view cases is not the table that this program makes" in out


def test_an_older_or_newer_store_is_a_finding(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for version, says in ((1, "open it once for writing"), (99, "verify it with that")):
        change(path, f"PRAGMA user_version={version}")
        before = state(path)
        assert says in said(capsys, "verify", "--db", path, code=1)
        assert state(path) == before


def test_what_is_no_store_of_ours_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    strange = tmp_path / "strange.db"
    change(strange, "CREATE TABLE t(x)")
    assert "is not an Overscope store" in refused(capsys, "verify", "--db", strange)
    strange.write_bytes(b"no database at all")
    assert "is not an Overscope store" in refused(capsys, "verify", "--db", strange)
    assert "no such store" in refused(capsys, "verify", "--db", tmp_path / "none.db")


def test_a_note_moved_into_another_case_is_found(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Its hash covers what the partner was called, and not the number it has in this file."""
    with open_store(path) as store:
        cases.add_note(store, [1], actor="ana", note="of the first")
    change(path, *FORGING, "UPDATE actions SET partner = 2 WHERE seq = 9")
    out = said(capsys, "verify", "--db", path, code=1)
    assert "entry #9: it is about 'p-0', and stands in the case of partner 2" in out


def test_a_privileged_note_is_that_and_nothing_else(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The hash covers whether it is privileged, and not the number that says so."""
    with open_store(path) as store:
        cases.add_note(store, [1], actor="ana", note="for counsel", privileged=True)
    change(path, *FORGING, "UPDATE actions SET privileged = 2 WHERE seq = 9")
    assert "entry #9: its privileged is 2" in said(capsys, "verify", "--db", path, code=1)


def damage_a_name(content: bytearray) -> None:
    """A table's name in the schema, so that SQLite's message quotes what is no text."""
    place = content.index(b"CREATE TABLE audit_steps")
    content[place + 13] = 0xD5
    content[place + 7] = 0x20


def cut_short(content: bytearray) -> None:
    del content[-5000:]


def cut_by_a_byte(content: bytearray) -> None:
    del content[-1:]


def empty_the_schema(content: bytearray) -> None:
    content[100:4096] = bytes(3996)


@pytest.mark.parametrize("damage", [damage_a_name, cut_short, cut_by_a_byte, empty_the_schema])
def test_a_file_that_sqlite_cannot_read_is_a_finding_too(
    path: Path, capsys: pytest.CaptureFixture[str], damage: Callable[[bytearray], None]
) -> None:
    content = bytearray(path.read_bytes())
    damage(content)
    path.write_bytes(content)
    before = state(path)
    out = said(capsys, "verify", "--db", path, code=1)
    assert "NOT ok" in out
    json.loads(said(capsys, "verify", "--db", path, "--json", code=1))
    assert state(path) == before
    why = refused(capsys, "checkpoint", "--db", path, "--to", path.with_name("c.json"))
    assert "damaged" in why or "no checkpoint of a log" in why


def test_the_key_of_pseudonyms_is_told_by_the_log(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path, key, events = tmp_path / "incident.db", tmp_path / "key", tmp_path / "access_events.csv"
    key.write_bytes(b"0123456789abcdef0123456789abcdef")
    key.chmod(0o600)
    events.write_text(
        "occurred_at,app_id,data_class,subject_id\n2019-05-01T10:00:00Z,a,group.member.name,ann@example.org\n", "utf-8"
    )
    said(capsys, "init", "--db", path, "--as", "ana", code=0)
    assert main(["import", "--db", str(path), str(events), "--pseudonymise", str(key), "--as", "ana"]) == 0
    capsys.readouterr()
    said(capsys, "verify", "--db", path, code=0)
    change(path, "UPDATE incident SET pseudonym_key = 'ab' || substr(pseudonym_key, 3)")
    assert "the incident: its pseudonym_key is 'ab" in said(capsys, "verify", "--db", path, code=1)


def stumble(_: sqlite3.Connection, __: Context) -> Findings:
    yield Finding("one thing", is_fault=False)
    raise ZeroDivisionError("by zero")


def test_what_a_check_stumbles_over_is_a_finding(path: Path) -> None:
    with open_store(path, lenient=True) as store:
        report = verify(store, checks=[Check("stumbling", stumble), CHECKS[0]])
    assert [result.ok for result in report.results] == [False, True]
    assert report.results[0].findings == ("could not be checked: ZeroDivisionError: by zero",)
    assert report.results[0].remarks == ("one thing",)


def many(_: sqlite3.Connection, __: Context) -> Findings:
    for number in range(12_000):
        yield Finding(f"thing {number}")
    return ""


def test_a_line_stays_a_line_however_much_is_found(path: Path) -> None:
    with open_store(path, lenient=True) as store:
        (result,) = verify(store, checks=[Check("many", many)]).results
    assert result.says == "thing 0; thing 1; thing 2; and 11,997 more"
    assert len(result.findings) == 10_000


def test_progress_is_told_while_checks_run(path: Path) -> None:
    told: list[tuple[str, float | None]] = []
    with open_store(path, lenient=True) as store:
        verify(store, progress=lambda name, part: told.append((name, part)))
    assert {name for name, _ in told} == {check.name for check in CHECKS}
    assert all(part is None or 0 <= part <= 1 for _, part in told)


def test_whoever_stops_the_program_stops_the_checks(path: Path) -> None:
    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    with open_store(path, lenient=True) as store, pytest.raises(KeyboardInterrupt):
        verify(store, progress=stop)


def endless(connection: sqlite3.Connection, _: Context) -> Findings:
    connection.set_progress_handler(lambda: 1, 1)
    connection.execute("SELECT count(*) FROM actions a, actions b").fetchone()
    yield Finding("never")
    return ""


def test_an_interrupted_query_is_no_finding(path: Path) -> None:
    with open_store(path, lenient=True) as store, pytest.raises(sqlite3.OperationalError, match="interrupted"):
        verify(store, checks=[Check("endless", endless)])


def test_a_checkpoint_is_written_once_and_for_its_owner(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = path.with_name("checkpoint.json")
    before = state(path)
    assert "checkpoint of entry #8" in said(capsys, "checkpoint", "--db", path, "--to", file, code=0)
    assert path.read_bytes() == before[0]
    assert file.stat().st_mode & 0o777 == 0o600
    assert sorted(os.listdir(path.parent)) == ["checkpoint.json", "incident.db"]
    taken = file.read_bytes()
    assert "exists already" in refused(capsys, "checkpoint", "--db", path, "--to", file)
    assert file.read_bytes() == taken
    said(capsys, "checkpoint", "--db", path, "--to", file, "--force", code=0)
    assert file.read_bytes() == taken


@pytest.mark.parametrize("suffix", ["", "-journal", "-wal", "-shm"])
def test_a_checkpoint_never_replaces_the_store(path: Path, capsys: pytest.CaptureFixture[str], suffix: str) -> None:
    before = path.read_bytes()
    said_of_it = refused(capsys, "checkpoint", "--db", path, "--to", f"{path}{suffix}", "--force")
    assert "choose another name" in said_of_it
    assert path.read_bytes() == before
    assert os.listdir(path.parent) == [path.name]


@pytest.mark.parametrize(
    ("kind", "sql"),
    [
        ("trigger", "CREATE TRIGGER sqlite_stat_x AFTER UPDATE ON cases BEGIN DELETE FROM closures; END"),
        ("view", "CREATE VIEW sqlite_stat1 AS SELECT 1"),
    ],
)
def test_a_name_like_those_of_sqlite_hides_nothing(
    path: Path, capsys: pytest.CaptureFixture[str], kind: str, sql: str
) -> None:
    name = sql.split()[2]
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("PRAGMA writable_schema=ON")
        table = "cases" if kind == "trigger" else name
        connection.execute("INSERT INTO sqlite_schema VALUES (?, ?, ?, 0, ?)", (kind, name, table, sql))
    assert f"{kind} {name}: it is none of ours" in said(capsys, "verify", "--db", path, code=1)


def test_a_checkpoint_tells_what_the_log_counts_up_to(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = path.with_name("checkpoint.json")
    printed = json.loads(said(capsys, "checkpoint", "--db", path, "--to", file, "--json", code=0))
    assert json.loads(file.read_text("ascii")) == printed
    read = sum(60 - 10 * place for place in range(6))
    counts = {"entries": 8, "imports": 4, "voided": 0, "records": 18 + read, "accepted": 18 + read}
    assert printed["counts"] == counts | {"duplicates": 0, "quarantined": 0, "skipped": 0}
    with closing(sqlite3.connect(path)) as plain:
        (uuid,) = plain.execute("SELECT uuid FROM incident").fetchone()
        head = plain.execute("SELECT seq, hash FROM actions ORDER BY seq DESC").fetchone()
    assert printed["incident"] == {"uuid": uuid, "name": "Groups API member data"}
    assert (printed["seq"], printed["hash"]) == head


def test_a_log_that_went_on_still_holds_against_its_checkpoint(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = path.with_name("checkpoint.json")
    said(capsys, "checkpoint", "--db", path, "--to", file, code=0)
    with open_store(path) as store:
        cases.add_note(store, [1, 2], actor="bo", note="more")
    out = said(capsys, "verify", "--db", path, "--checkpoint", file, code=0)
    assert "entry #8 and all before it are as the checkpoint saw them; 2 came since" in out


def test_a_checkpoint_of_another_incident_is_found(
    path: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other, file = tmp_path / "other.db", tmp_path / "checkpoint.json"
    said(capsys, "init", "--db", other, "--as", "ana", code=0)
    said(capsys, "checkpoint", "--db", other, "--to", file, code=0)
    assert "of another incident: other" in said(capsys, "verify", "--db", path, "--checkpoint", file, code=1)


def test_no_checkpoint_is_taken_of_a_log_that_does_not_hold(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    change(path, "DROP TRIGGER actions_are_never_changed", "UPDATE actions SET note = 'x' WHERE seq = 8")
    with open_store(path, lenient=True) as store, pytest.raises(RefusedError, match="#8"):
        take_checkpoint(store)
    assert "does not hold" in refused(capsys, "checkpoint", "--db", path, "--to", path.with_name("c.json"))
    assert os.listdir(path.parent) == ["incident.db"]


BREAKING: dict[str, Callable[[dict[str, object]], object]] = {
    "no object": lambda _: [],
    "another format": lambda document: document | {"format": "something else"},
    "a newer version": lambda document: document | {"version": 2},
    "no seq": lambda document: {name: value for name, value in document.items() if name != "seq"},
    "seq of text": lambda document: document | {"seq": "6"},
    "seq of nothing": lambda document: document | {"seq": 0},
    "true for a seq": lambda document: document | {"seq": True},
    "a short hash": lambda document: document | {"hash": "00"},
    "no evidence": lambda document: document | {"evidence": None},
    "an incident of text": lambda document: document | {"incident": "x"},
    "an incident without uuid": lambda document: document | {"incident": {"name": "x"}},
    "no time": lambda document: document | {"at": "yesterday"},
    "a count of text": lambda document: document | {"counts": {"entries": "6"}},
    "counts in a list": lambda document: document | {"counts": [6]},
}


@pytest.mark.parametrize("breaks", BREAKING.values(), ids=BREAKING)
def test_a_malformed_checkpoint_is_refused(
    path: Path, capsys: pytest.CaptureFixture[str], breaks: Callable[[dict[str, object]], object]
) -> None:
    file = path.with_name("checkpoint.json")
    said(capsys, "checkpoint", "--db", path, "--to", file, code=0)
    file.write_text(json.dumps(breaks(json.loads(file.read_text("ascii")))), "ascii")
    assert "is no checkpoint of ours" in refused(capsys, "verify", "--db", path, "--checkpoint", file)


@pytest.mark.parametrize("content", [b"", b"{", b"\xff", b"[" * 100_000, b"NaN", b" " * (1 << 21)])
def test_what_is_no_json_is_no_checkpoint(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "checkpoint.json"
    file.write_bytes(content)
    with pytest.raises(UnusableFileError, match="no checkpoint of ours"):
        read_checkpoint(file)
    with pytest.raises(UnusableFileError, match="no such checkpoint"):
        read_checkpoint(tmp_path)


def test_a_file_is_never_written_through_a_link_or_over_what_is_there(tmp_path: Path) -> None:
    there = tmp_path / "there"
    there.write_text("mine", "ascii")
    (tmp_path / "link").symlink_to(there)
    (tmp_path / "nowhere").symlink_to(tmp_path / "new")
    for name in ("link", "nowhere"):
        for force in (False, True):
            with pytest.raises(UnusableFileError, match="symbolic link"):
                write_file(tmp_path / name, b"x", force=force)
    with pytest.raises(UnusableFileError, match="exists already"):
        write_file(there, b"x")
    with pytest.raises(UnusableFileError, match="not a file"):
        write_file(tmp_path, b"x", force=True)
    with pytest.raises(UnusableFileError, match="cannot write"):
        write_file(tmp_path / "no folder" / "file", b"x")
    assert there.read_text("ascii") == "mine"
    assert sorted(os.listdir(tmp_path)) == ["link", "nowhere", "there"]
    write_file(there, b"new", force=True)
    assert there.read_bytes() == b"new"
    assert there.stat().st_mode & 0o777 == 0o600


def test_a_file_that_came_meanwhile_is_not_replaced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "file"
    real = os.link

    def link_late(source: Path, target: Path) -> None:
        file.write_text("theirs", "ascii")
        real(source, target)

    monkeypatch.setattr(os, "link", link_late)
    with pytest.raises(UnusableFileError, match="exists already"):
        write_file(file, b"mine")
    assert file.read_text("ascii") == "theirs"
    assert os.listdir(tmp_path) == ["file"]


def test_a_write_that_fails_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(UnusableFileError, match="No space left"):
        write_file(tmp_path / "file", b"mine")
    assert os.listdir(tmp_path) == []
