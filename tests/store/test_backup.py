"""Backups: one whole checked file, whoever writes meanwhile and whatever kills us; never over anything by accident."""

import hashlib
import json
import os
import resource
import signal
import sqlite3
import stat
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from store import audits, backup, connection, copying, schema
from store.backup import back_up
from store.cli.main import main
from store.connection import open_store
from store.errors import UnusableFileError
from store.evidence_states import evidence_list
from store.instants import parse_point
from store.ledger import actions, append
from store.schema import create_store
from tests.store.cli_incident import write_incident

AT = parse_point("2019-10-28")
ROOT = Path(__file__).resolve().parents[2]

_WRITER = """
import sys
from store import connection, schema
connection.wal_is_safe = schema.wal_is_safe = lambda *_: sys.argv[2] == "wal"
from store.connection import open_store
from store.ledger import append
with open_store(sys.argv[1]) as store:
    for _ in sys.stdin:
        with store.writing() as connection:
            seq = append(connection, actor=sys.argv[3], verb="note", at=1, note="x" * 500)
        print(seq, flush=True)
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "kept"
    folder.mkdir()
    return folder


@pytest.fixture(params=["delete", "wal"])
def journal(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    for module in (connection, schema):
        monkeypatch.setattr(module, "wal_is_safe", lambda *_: request.param == "wal")
    return str(request.param)


@pytest.fixture
def path(tmp_path: Path, journal: str) -> Path:
    path = tmp_path / "incident.db"
    create_store(path, name="x", actor="ana", at=0)
    return path


def fill(path: Path, rows: int) -> None:
    """Make a store so large that copying it takes many steps."""
    with open_store(path) as store, store.writing() as writer:
        writer.executemany("INSERT INTO apps(app_id) VALUES (?)", ((f"{number:01000}",) for number in range(rows)))


def hash_of(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def only_whole(folder: Path) -> bool:
    """Whether nothing in a folder is there that is not finished."""
    return not any(name.startswith(".") for name in os.listdir(folder))


def test_a_backup_is_one_private_file_that_says_what_the_store_says(
    tmp_path: Path, folder: Path, journal: str, capfd: pytest.CaptureFixture[str]
) -> None:
    files = write_incident(tmp_path)
    db, to = str(tmp_path / "incident.db"), folder / "y.db"
    assert main(["init", "--db", db, "--rules", str(tmp_path / "rules.toml"), "--as", "ana"]) == 0
    assert main(["import", "--db", db, str(files), "--as", "ana"]) == 0
    assert main(["flag", "--db", db, "--partner", "p-1", "--as", "ana"]) == 0
    before = os.umask(0)
    try:
        capfd.readouterr()
        assert main(["backup", "--db", db, "--to", str(to), "--as", "bo", "--json"]) == 0
    finally:
        os.umask(before)
    told = json.loads(capfd.readouterr().out)
    assert os.listdir(folder) == ["y.db"]
    assert stat.S_IMODE(to.stat().st_mode) == 0o600
    assert (told["sha256"], told["size"], told["recorded"]) == (hash_of(to), to.stat().st_size, True)
    # Bytes 18 and 19 of the header: 1 is a rollback journal.
    assert to.read_bytes()[18:20] == b"\x01\x01"
    answers = []
    for words in (["figures", "--today", "2020-01-01"], ["partners", "--today", "2020-01-01"], ["log"]):
        for store in (db, str(to)):
            assert main([*words, "--db", store, "--json"]) == 0
            answers.append(json.loads(capfd.readouterr().out))
    assert answers[0] == answers[1]
    assert answers[2] == answers[3]
    entry = answers[4]["actions"].pop()
    assert answers[4] == answers[5]
    assert (entry["verb"], entry["actor"]) == ("backup", "bo")
    head = answers[5]["actions"][-1]
    assert entry["after"]["head"] == told["head"] == {"seq": head["seq"], "hash": head["hash"]}
    assert (entry["after"]["file"], entry["after"]["sha256"]) == (str(to), told["sha256"])


def test_a_backup_takes_its_evidence_files_along(path: Path, folder: Path, tmp_path: Path) -> None:
    to = folder / "y.db"
    with open_store(path) as store:
        for name in ("one", "two"):
            (tmp_path / name).write_text(name)
            audits.record_step(
                store, [], actor="ana", step="report_filed", at=AT, note=name, evidence=str(tmp_path / name)
            )
        (tmp_path / "incident.db.evidence" / "stray").write_text("x")
        made = back_up(store, to, actor="ana")
    assert (made.evidence, made.missing) == (2, ())
    kept = folder / "y.db.evidence"
    assert stat.S_IMODE(kept.stat().st_mode) == 0o700
    assert {entry.name: stat.S_IMODE(entry.stat().st_mode) for entry in kept.iterdir()} == {
        hashlib.sha256(name.encode()).hexdigest(): 0o600 for name in ("one", "two")
    }
    with open_store(to) as store:
        assert [row.state for row in evidence_list(store)] == ["kept", "kept"]


def test_evidence_that_is_lost_is_named_and_the_rest_is_kept(
    path: Path, folder: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    with open_store(path) as store:
        for name in ("one", "two", "six"):
            (tmp_path / name).write_text(name)
            audits.record_step(
                store, [], actor="ana", step="report_filed", at=AT, note=name, evidence=str(tmp_path / name)
            )
    kept = tmp_path / "incident.db.evidence"
    (kept / hashlib.sha256(b"one").hexdigest()).unlink()
    (kept / hashlib.sha256(b"two").hexdigest()).write_text("owt")
    capfd.readouterr()
    assert main(["backup", "--db", str(path), "--to", str(folder / "y.db"), "--as", "bo"]) == 1
    out, errors = capfd.readouterr()
    assert "1 evidence file," in out
    assert ["one" in errors, "two" in errors, "six" in errors, errors.count("\n")] == [True, True, False, 2]
    assert os.listdir(folder / "y.db.evidence") == [hashlib.sha256(b"six").hexdigest()]


def test_a_wrong_file_where_evidence_goes_is_replaced_only_by_force(path: Path, folder: Path, tmp_path: Path) -> None:
    (tmp_path / "one").write_text("one")
    wrong = folder / "y.db.evidence" / hashlib.sha256(b"one").hexdigest()
    wrong.parent.mkdir()
    wrong.write_text("eno")
    with open_store(path) as store:
        audits.record_step(store, [], actor="ana", step="report_filed", at=AT, evidence=str(tmp_path / "one"))
        with pytest.raises(UnusableFileError, match="--force"):
            back_up(store, folder / "y.db", actor="ana")
        assert os.listdir(folder) == ["y.db.evidence"]
        assert back_up(store, folder / "y.db", actor="ana", force=True).evidence == 1
    assert wrong.read_text() == "one"


def test_where_a_backup_must_not_go(path: Path, folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    there = folder / "there.db"
    there.write_text("precious")
    (folder / "link.db").symlink_to(there)
    (folder / "hard.db").hardlink_to(path)
    (folder / "stale.db-journal").write_text("of another store")
    places = {
        path: ("the store itself", "the store itself"),
        folder / "hard.db": ("the store itself", "the store itself"),
        Path(f"{path}-journal"): ("journal of the store", "journal of the store"),
        there: ("exists already", ""),
        folder / "link.db": ("symbolic link", "symbolic link"),
        folder: ("is not a file", "is not a file"),
        folder / "none" / "y.db": ("no such folder", "no such folder"),
        folder / "stale.db": ("belongs to a store", "belongs to a store"),
        Path("/dev/null"): ("is not a file", "is not a file"),
    }
    before = sorted(os.listdir(folder))
    for place, reasons in places.items():
        for reason, force in zip(reasons, ([], ["--force"]), strict=True):
            capfd.readouterr()
            code = main(["backup", "--db", str(path), "--to", str(place), "--as", "ana", *force])
            errors = capfd.readouterr().err
            assert (code, errors.count("\n")) == ((2, 1) if reason else (0, 0)), (place, errors)
            assert reason in errors
        if place == there:
            assert there.read_bytes()[:6] == b"SQLite"
    assert sorted(os.listdir(folder)) == before
    with open_store(path) as store:
        assert [entry.verb for entry in actions(store)] == ["init", "backup"]


def test_nothing_is_written_over_attached_evidence(
    path: Path, folder: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    letter = tmp_path / "letter.txt"
    letter.write_text("we deleted it all")
    with open_store(path) as store:
        audits.record_step(store, [], actor="ana", step="report_filed", at=AT, evidence=str(letter))
    kept = Path(f"{path}.evidence")
    (copy,) = kept.iterdir()
    (folder / "elsewhere").symlink_to(kept)
    (folder / "link.db").symlink_to(path)
    for place in (copy, kept / "new.db", folder / "elsewhere" / copy.name):
        for command in ("backup", "checkpoint"):
            for store_path in (path, folder / "link.db"):
                capfd.readouterr()
                assert main([command, "--db", str(store_path), "--to", str(place), "--force"]) == 2
                assert "evidence" in capfd.readouterr().err
    assert copy.read_text() == "we deleted it all"
    assert list(kept.iterdir()) == [copy]


def test_somebody_elses_file_that_appears_meanwhile_is_not_replaced(
    path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def race(waiting: Path, to: Path, *, force: bool) -> None:
        to.write_text("precious")
        copying.publish(waiting, to, force=force)

    monkeypatch.setattr(backup, "publish", race)
    with open_store(path) as store:
        with pytest.raises(UnusableFileError, match="exists already"):
            back_up(store, folder / "y.db", actor="ana")
        assert len(actions(store)) == 1
    assert (folder / "y.db").read_text() == "precious"
    assert only_whole(folder)


def test_a_store_that_can_only_be_read_is_backed_up_and_says_so(
    path: Path, folder: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    raised = sqlite3.connect(path)
    raised.execute("PRAGMA user_version=99")
    raised.close()
    capfd.readouterr()
    assert main(["backup", "--db", str(path), "--to", str(folder / "y.db"), "--as", "ana"]) == 0
    assert "this backup is not in its log" in capfd.readouterr().err
    with open_store(folder / "y.db") as store:
        assert [entry.verb for entry in actions(store)] == ["init"]


def test_a_damaged_store_makes_no_backup(path: Path, folder: Path) -> None:
    with open_store(path) as store, store.writing() as writer:
        append(writer, actor="ana", verb="note", at=1, note="as it was")
    plain = sqlite3.connect(path)
    plain.execute("DROP TRIGGER actions_are_never_changed")
    plain.execute("UPDATE actions SET note = 'as it never was' WHERE seq = 2")
    plain.commit()
    plain.close()
    with open_store(path) as store, pytest.raises(UnusableFileError, match="entry #2"):
        back_up(store, folder / "y.db", actor="ana")
    assert os.listdir(folder) == []


@pytest.mark.parametrize("room", [0, 4_096, 100_000])
def test_a_full_disk_leaves_nothing(path: Path, folder: Path, room: int) -> None:
    reading, writing = os.pipe()
    process = os.fork()
    if process == 0:
        try:
            with open_store(path) as store:
                resource.setrlimit(resource.RLIMIT_FSIZE, (room, room))
                back_up(store, folder / "y.db", actor="ana")
        except UnusableFileError as error:
            os.write(writing, str(error).encode())
        finally:
            os._exit(0)
    os.close(writing)
    os.waitpid(process, 0)
    with os.fdopen(reading) as stream:
        assert "full" in stream.read()
    assert os.listdir(folder) == []


def test_writers_go_on_and_what_they_acknowledged_before_the_head_is_in(
    path: Path,
    folder: Path,
    journal: str,
    account: Callable[[str, Mapping[str, int]], None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Three processes write one action each at every step of two backups."""
    fill(path, 600)
    monkeypatch.setattr(copying, "_PAGES_A_STEP", 50)
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    commands = [[sys.executable, "-c", _WRITER, str(path), journal, name] for name in ("ana", "bo", "cy")]
    writers = [
        subprocess.Popen(command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        for command in commands
    ]

    def have_them_write(*_: object) -> None:
        for writer in writers:
            print(file=writer.stdin, flush=True)

    have_them_write()
    acknowledged = {int(writer.stdout.readline()) for writer in writers}
    with open_store(path) as store:
        made = [back_up(store, folder / f"{number}.db", actor="di", progress=have_them_write) for number in range(2)]
    for writer in writers:
        acknowledged.update(int(line) for line in writer.communicate()[0].split())
        assert writer.returncode == 0
    for number, head in enumerate([each.seq for each in made]):
        plain = sqlite3.connect(folder / f"{number}.db")
        seqs = {seq for (seq,) in plain.execute("SELECT seq FROM actions")}
        (check,) = plain.execute("PRAGMA integrity_check").fetchone()
        plain.close()
        assert check == "ok"
        assert {seq for seq in acknowledged if seq <= head} <= seqs
        assert seqs == set(range(1, head + 1))
    during = sum(made[0].seq < seq <= made[1].seq for seq in acknowledged)
    account("backup", {f"actions acknowledged between the first head and the second ({journal})": during})
    assert during > 20


def test_others_writing_without_end_cannot_keep_a_backup_from_ending(
    path: Path, folder: Path, journal: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A commit of another connection between any two steps begins the copy anew, unless it holds a snapshot."""
    fill(path, 300)
    monkeypatch.setattr(copying, "_PAGES_A_STEP", 20)
    other = sqlite3.connect(path, timeout=0, isolation_level=None)
    written, refused = 0, 0

    def write(what: str, part: float | None) -> None:
        nonlocal written, refused
        if what != "copying":
            return
        try:
            other.execute("INSERT INTO apps(app_id) VALUES (?)", (f"between-{written}",))
            written += 1
        except sqlite3.OperationalError:
            refused += 1

    with open_store(path) as store:
        back_up(store, folder / "y.db", actor="ana", progress=write)
    other.close()
    assert written > 0
    assert (refused > 0) == (journal == "delete")
    plain = sqlite3.connect(folder / "y.db")
    (found,) = plain.execute("SELECT count(*) FROM apps WHERE app_id GLOB 'between-*'").fetchone()
    plain.close()
    assert found <= written


def back_up_and_tell(path: Path, to: Path, pipe: int) -> None:
    """Back up in this process and end it; a line in the pipe for each step."""

    def tell(what: str, _: float | None) -> None:
        os.write(pipe, f"{what}\n".encode())

    try:
        with open_store(path) as store:
            back_up(store, to, actor="ana", force=True, progress=tell)
    finally:
        os._exit(0)


def test_killed_at_any_moment_it_leaves_no_half_file(
    path: Path, folder: Path, account: Callable[[str, Mapping[str, int]], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(path, 1_000)
    monkeypatch.setattr(copying, "_PAGES_A_STEP", 50)
    to = folder / "y.db"
    phases: dict[str, int] = {}
    leftovers = 0
    for wanted in range(1, 40, 3):
        reading, writing = os.pipe()
        process = os.fork()
        if process == 0:
            back_up_and_tell(path, to, writing)
        os.close(writing)
        with os.fdopen(reading) as stream:
            for number, line in enumerate(stream, 1):
                if number == wanted:
                    os.kill(process, signal.SIGKILL)
                    phases[line.strip()] = phases.get(line.strip(), 0) + 1
        os.waitpid(process, 0)
        leftovers += not only_whole(folder)
        if to.exists():
            with open_store(to) as store:
                assert actions(store)[0].verb == "init"
            to.unlink()
    account("backup", {f"kills while {phase}": count for phase, count in phases.items()})
    assert phases["copying"] >= 3
    assert sum(phases.values()) >= 5
    assert leftovers >= 3
    with open_store(path) as store:
        back_up(store, to, actor="ana")
    assert os.listdir(folder) == ["y.db"]


def test_ctrl_c_leaves_nothing(path: Path, folder: Path) -> None:
    def stop(what: str, _: float | None) -> None:
        if what == "hashing":
            raise KeyboardInterrupt

    with open_store(path) as store:
        with pytest.raises(KeyboardInterrupt):
            back_up(store, folder / "y.db", actor="ana", progress=stop)
        assert len(actions(store)) == 1
    assert os.listdir(folder) == []
