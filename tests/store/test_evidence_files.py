"""Evidence files: copied whole beside the store before the step that cites them counts, or not at all."""

import hashlib
import json
import os
import resource
import shutil
import signal
import sqlite3
import stat
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from store import audit_steps, audits, cases, evidence_files
from store.cli.main import main
from store.connection import Store, open_store
from store.errors import ConflictError, RefusedError, StoreError, UnusableFileError, UsageError
from store.evidence_files import attaching
from store.evidence_states import check_files, evidence_list
from store.instants import parse_point
from store.schema import create_store

AT = parse_point("2019-10-28")
CONTENT = bytes(range(256)) * 20_000
SHA256 = hashlib.sha256(CONTENT).hexdigest()
NOBODY = 65_534


@pytest.fixture
def path(tmp_path: Path) -> Path:
    (tmp_path / "case").mkdir()
    path = tmp_path / "case" / "incident.db"
    create_store(path, name="x", actor="ana", at=0)
    return path


@pytest.fixture
def store(path: Path) -> Iterator[Store]:
    with open_store(path) as opened:
        yield opened


@pytest.fixture
def letter(tmp_path: Path) -> Path:
    letter = tmp_path / "letter.eml"
    letter.write_bytes(CONTENT)
    return letter


def folder_of(path: Path) -> Path:
    return path.with_name(f"{path.name}.evidence")


def record(store: Store, evidence: Path | str, **more: object) -> None:
    audits.record_step(store, [], actor="ana", step="report_filed", at=AT, evidence=str(evidence), **more)


def in_a_child(task: Callable[[], str]) -> tuple[str, int]:
    """What a forked process answers, and how it ended: 0, or minus a signal's number."""
    reading, writing = os.pipe()
    process = os.fork()
    if process == 0:
        try:
            try:
                answer = task()
            except StoreError as error:
                answer = f"{type(error).__name__}: {error}"
            os.write(writing, answer.encode())
        finally:
            os._exit(0)
    os.close(writing)
    with os.fdopen(reading, encoding="utf-8") as stream:
        answer = stream.read()
    return answer, os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])


def test_a_copy_is_kept_under_its_hash_and_private(store: Store, letter: Path) -> None:
    before = os.umask(0)
    try:
        record(store, letter)
    finally:
        os.umask(before)
    folder = folder_of(store.path)
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert [(entry.name, stat.S_IMODE(entry.stat().st_mode)) for entry in folder.iterdir()] == [(SHA256, 0o600)]
    assert (folder / SHA256).read_bytes() == CONTENT
    letter.unlink()
    (row,) = evidence_list(store)
    assert (row.file_name, row.sha256, row.size, row.collected_by) == ("letter.eml", SHA256, len(CONTENT), "ana")
    assert (row.state, row.wrong) == ("kept", "")
    assert [(each.step, each.partner_id, each.stands) for each in row.steps] == [("report_filed", None, True)]


def test_the_same_content_is_kept_once(store: Store, letter: Path, tmp_path: Path) -> None:
    again = tmp_path / "again.eml"
    again.write_bytes(CONTENT)
    record(store, letter)
    kept = (folder_of(store.path) / SHA256).stat()
    record(store, again, note="again")
    assert (folder_of(store.path) / SHA256).stat().st_mtime_ns == kept.st_mtime_ns
    (row,) = evidence_list(store)
    assert (row.file_name, len(row.steps)) == ("letter.eml", 2)
    assert len(list(folder_of(store.path).iterdir())) == 1


def test_a_step_taken_back_leaves_its_evidence(store: Store, letter: Path) -> None:
    record(store, letter)
    cases.undo(store, actor="ana")
    (row,) = evidence_list(store)
    assert (row.state, [each.stands for each in row.steps]) == ("kept", [False])


@pytest.mark.parametrize(
    ("refused", "error"),
    [
        ({"at": parse_point("2199-01-01")}, RefusedError),
        ({"partners": [99]}, UsageError),
        ({"actor": "system"}, UsageError),
        ({"actor": "\udcff"}, UsageError),
    ],
)
def test_a_refused_step_leaves_no_file_behind(
    store: Store, letter: Path, refused: dict[str, object], error: type[Exception]
) -> None:
    call = {"partners": [], "actor": "ana", "at": AT, **refused}
    call["step"] = "notified" if call["partners"] else "report_filed"
    with pytest.raises(error):
        audits.record_step(store, **call, evidence=str(letter))
    assert os.listdir(store.path.parent) == [store.path.name]
    assert evidence_list(store) == []


def test_a_commit_that_fails_leaves_no_file_behind(store: Store, letter: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise ConflictError("somebody was faster")

    monkeypatch.setattr(audit_steps, "done", fail)
    with pytest.raises(ConflictError):
        record(store, letter)
    assert os.listdir(store.path.parent) == [store.path.name]


def test_a_refused_step_leaves_the_copy_that_another_step_cites(store: Store, letter: Path) -> None:
    record(store, letter)
    with pytest.raises(RefusedError):
        audits.record_step(
            store, [], actor="ana", step="report_filed", at=parse_point("2199-01-01"), evidence=str(letter)
        )
    assert [row.state for row in evidence_list(store)] == ["kept"]


def test_a_file_that_changes_while_it_is_read_is_refused(store: Store, letter: Path) -> None:
    def grow(done: int, total: int) -> None:
        assert done <= total + (1 << 20)
        with letter.open("ab") as stream:
            stream.write(b"more" * 500_000)

    def rewrite(_: int, __: int) -> None:
        with letter.open("r+b") as stream:
            stream.write(b"else")
        os.utime(letter, ns=(0, letter.stat().st_mtime_ns + 1))

    def cut(_: int, __: int) -> None:
        os.truncate(letter, 10)

    for change in (rewrite, cut, grow):
        with pytest.raises(UsageError, match="changed while it was read"):
            record(store, letter, progress=change)
        letter.write_bytes(CONTENT)
    assert os.listdir(store.path.parent) == [store.path.name]


def test_progress_tells_every_block_and_can_end_the_copying(store: Store, letter: Path) -> None:
    told: list[tuple[int, int]] = []

    def stop(done: int, total: int) -> None:
        told.append((done, total))
        if len(told) == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        record(store, letter, progress=stop)
    assert told == [(1 << 20, len(CONTENT)), (2 << 20, len(CONTENT))]
    assert os.listdir(store.path.parent) == [store.path.name]


def test_a_damaged_copy_is_never_taken_for_the_right_one(store: Store, letter: Path) -> None:
    record(store, letter)
    copy = folder_of(store.path) / SHA256
    for damaged in (CONTENT[:-1] + b"x", CONTENT[:-1], b""):
        copy.write_bytes(damaged)
        with pytest.raises(UnusableFileError, match="is damaged"):
            record(store, letter, note="again")
        assert copy.read_bytes() == damaged
    copy.unlink()
    copy.symlink_to(letter)
    with pytest.raises(UnusableFileError, match="is damaged"):
        record(store, letter, note="again")
    assert len(evidence_list(store)[0].steps) == 1


def test_a_missing_copy_comes_back_with_the_next_attachment(store: Store, letter: Path) -> None:
    record(store, letter)
    (folder_of(store.path) / SHA256).unlink()
    assert [row.state for row in evidence_list(store)] == ["missing"]
    record(store, letter, note="again")
    assert [row.state for row in evidence_list(store)] == ["kept"]


def test_a_copy_that_nobody_cites_is_taken_over(store: Store, letter: Path) -> None:
    folder = folder_of(store.path)
    folder.mkdir(mode=0o700)
    (folder / SHA256).write_bytes(CONTENT)
    (folder / f".{'0' * 32}.new").write_bytes(b"half")
    with store.reading() as connection:
        assert [finding.is_fault for finding in check_files(connection, store.path)] == [False, False]
    record(store, letter)
    assert os.listdir(folder) == [SHA256]
    assert [row.state for row in evidence_list(store)] == ["kept"]


def test_another_processes_unfinished_copy_is_left_alone(store: Store, letter: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.eml"
    other.write_bytes(b"other")
    with attaching(store, letter):
        (waiting,) = os.listdir(folder_of(store.path))
        record(store, other)
        assert waiting in os.listdir(folder_of(store.path))
    assert os.listdir(folder_of(store.path)) == [hashlib.sha256(b"other").hexdigest()]


def test_two_attachments_of_one_content_at_once(store: Store, letter: Path) -> None:
    from store.case_changes import deciding

    with attaching(store, letter) as first:
        record(store, letter)
        with deciding(store, "bo") as deed:
            assert first is not None
            assert first.keep(deed) == 1
    assert os.listdir(folder_of(store.path)) == [SHA256]


def test_the_folder_is_never_reached_through_a_link(store: Store, letter: Path, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    folder_of(store.path).symlink_to(elsewhere)
    with pytest.raises(UnusableFileError, match="is not a folder"):
        record(store, letter)
    assert list(elsewhere.iterdir()) == []
    folder_of(store.path).unlink()
    folder_of(store.path).write_text("x")
    with pytest.raises(UnusableFileError, match="is not a folder"):
        record(store, letter)


def test_a_store_opened_by_a_link_keeps_its_files_beside_itself(path: Path, letter: Path, tmp_path: Path) -> None:
    (tmp_path / "link.db").symlink_to(path)
    with open_store(tmp_path / "link.db") as store:
        record(store, letter)
        assert [row.state for row in evidence_list(store)] == ["kept"]
    assert (folder_of(path) / SHA256).is_file()


def test_what_cannot_be_evidence_is_one_line(path: Path, letter: Path, capfd: pytest.CaptureFixture[str]) -> None:
    os.mkfifo(letter.with_name("pipe"))
    (letter.with_name("hard.db")).hardlink_to(path)
    with open_store(path) as store:
        record(store, letter)
    capfd.readouterr()
    reasons = {
        str(path): "is the store itself",
        str(letter.with_name("hard.db")): "is the store itself",
        str(folder_of(path) / SHA256): "kept beside the store already",
        str(letter.with_name("pipe")): "is not a file",
        str(path.parent): "is not a file",
        "/dev/zero": "is not a file",
        str(letter / "x"): "cannot read the evidence",
        str(letter.with_name("none")): "cannot read the evidence",
    }
    for evidence, reason in reasons.items():
        words = ["step", "--db", str(path), "--incident", "--step", "people_told", "--at", "2019-10-28"]
        assert main([*words, "--evidence", evidence, "--as", "ana"]) == 2
        out, errors = capfd.readouterr()
        assert (out, errors.count("\n")) == ("", 1)
        assert reason in errors
    with open_store(path) as store:
        assert len(evidence_list(store)) == 1


def test_what_the_files_permit_is_respected(letter: Path) -> None:
    folder = Path(tempfile.mkdtemp())
    try:
        secret = folder / "secret.eml"
        shutil.copy(letter, folder / "letter.eml")
        shutil.copy(letter, secret)
        secret.chmod(0)
        create_store(folder / "x.db", name="x", actor="ana", at=0)
        folder_of(folder / "x.db").mkdir(mode=0o500)

        def attach(name: str) -> str:
            with open_store(folder / "x.db") as store:
                record(store, folder / name)
            return "recorded"

        def as_nobody(name: str) -> str:
            if os.getuid() == 0:
                os.setgroups([])
                os.setgid(NOBODY)
                os.setuid(NOBODY)
            return attach(name)

        if os.getuid() == 0:
            for entry in (folder, *folder.iterdir()):
                os.chown(entry, NOBODY, NOBODY)
        assert "cannot keep" in in_a_child(lambda: as_nobody("letter.eml"))[0]
        assert list(folder_of(folder / "x.db").iterdir()) == []
        folder_of(folder / "x.db").chmod(0o700)
        assert "cannot read the evidence" in in_a_child(lambda: as_nobody("secret.eml"))[0]
        assert in_a_child(lambda: as_nobody("letter.eml"))[0] == "recorded"
    finally:
        shutil.rmtree(folder)


@pytest.mark.parametrize("room", [0, 4_096, 1 << 20, len(CONTENT) - 1])
def test_a_full_disk_records_nothing(path: Path, letter: Path, room: int) -> None:
    def attach() -> str:
        with open_store(path) as store:
            resource.setrlimit(resource.RLIMIT_FSIZE, (room, room))
            record(store, letter)
        return "recorded"

    answer, _ = in_a_child(attach)
    assert answer.startswith("UnusableFileError: cannot keep")
    assert os.listdir(path.parent) == [path.name]


def test_a_read_only_store_copies_nothing(path: Path, letter: Path) -> None:
    with open_store(path, read_only=True) as store, pytest.raises(UnusableFileError, match="reading only"):
        record(store, letter)
    assert os.listdir(path.parent) == [path.name]


_STEPS_OF_THE_SYSTEM = ("open", "write", "rename", "fsync", "unlink", "mkdir", "rmdir", "close")


def _die_at(number: int) -> Callable[[], int]:
    """Have this process kill itself before its number-th call of the system or statement; returns the count so far."""
    count = 0

    def tick() -> None:
        nonlocal count
        count += 1
        if count == number:
            os.kill(os.getpid(), signal.SIGKILL)

    class CallsCounted:
        def __getattr__(self, name: str) -> object:
            if name in _STEPS_OF_THE_SYSTEM:
                tick()
            return getattr(os, name)

    evidence_files.os = CallsCounted()
    plain_connect = sqlite3.connect

    def connect(*arguments: object, **options: object) -> sqlite3.Connection:
        connection = plain_connect(*arguments, **options)
        connection.set_trace_callback(lambda _: tick())
        return connection

    sqlite3.connect = connect
    return lambda: count


@pytest.mark.parametrize("every", [pytest.param(3, id="short"), pytest.param(1, id="full", marks=pytest.mark.soak)])
def test_a_kill_at_any_point_loses_nothing_and_leaves_nothing_in_the_way(
    path: Path, letter: Path, every: int, account: Callable[[str, dict[str, int]], None]
) -> None:
    fresh = path.read_bytes()

    def attach(kill_at: int) -> str:
        count = _die_at(kill_at)
        with open_store(path) as store:
            record(store, letter)
        return f"recorded after {count()}"

    number, cited, uncited = 0, 0, 0
    while True:
        number += every
        answer, code = in_a_child(lambda kill_at=number: attach(kill_at))
        with open_store(path) as store:
            rows = evidence_list(store)
            assert all(row.state == "kept" for row in rows), number
            with store.reading() as connection:
                assert not any(finding.is_fault for finding in check_files(connection, path))
            if code == 0:
                assert answer.startswith("recorded")
                assert len(rows) == 1
                break
            assert code == -signal.SIGKILL
            cited += len(rows)
            uncited += not rows
            record(store, letter, note="again")
            assert [row.state for row in evidence_list(store)] == ["kept"]
        assert os.listdir(folder_of(path)) == [SHA256]
        shutil.rmtree(folder_of(path))
        path.write_bytes(fresh)
    account("evidence", {"kills while a file was attached": cited + uncited, "of them after it was cited": cited})
    assert uncited * every > 35
    assert cited > 0


def test_what_became_of_the_files_is_told(path: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    digests = []
    with open_store(path) as store:
        for name in ("kept", "missing", "changed", "resized", "unreadable"):
            file = tmp_path / name
            file.write_text(name)
            record(store, file, note=name)
            digests.append(hashlib.sha256(name.encode()).hexdigest())
    folder = folder_of(path)
    (folder / digests[1]).unlink()
    (folder / digests[2]).write_text("chanted")
    (folder / digests[3]).write_text("")
    (folder / digests[4]).unlink()
    (folder / digests[4]).mkdir()
    (folder / "stray").write_text("x")
    folder.chmod(0o755)
    with open_store(path) as store, store.reading() as connection:
        found = list(check_files(connection, path))
    assert [finding.is_fault for finding in found] == [True] * 4 + [False] * 2
    for finding, word in zip(found, ("missing", "changed", "0 bytes", "no plain file", "755", "stray"), strict=True):
        assert word in finding.says
    capfd.readouterr()
    assert main(["evidence", "--db", str(path), "--json"]) == 0
    listed = json.loads(capfd.readouterr().out)["evidence"]
    assert [entry["state"] for entry in listed] == ["kept", "missing", "changed", "resized", "unreadable"]
    assert [entry["sha256"] for entry in listed] == digests
    assert listed[0]["steps"] == [{"seq": 2, "step": "report_filed", "partner_id": None, "stands": True}]
    assert main(["evidence", "--db", str(path)]) == 0
    assert "5 evidence files" in capfd.readouterr().out


def test_a_recorded_hash_is_no_path(path: Path, letter: Path) -> None:
    with open_store(path) as store:
        record(store, letter)
    plain = sqlite3.connect(path)
    plain.execute("UPDATE evidence SET sha256 = '../incident.db'")
    plain.commit()
    plain.close()
    with open_store(path) as store, store.reading() as connection:
        assert [row.state for row in evidence_list(store)] == ["unreadable"]
        assert [finding.is_fault for finding in check_files(connection, path)] == [True, False]


def test_files_attached_before_copies_were_kept_are_known_by_hash_only(path: Path, letter: Path) -> None:
    from store.ledger import SYSTEM, append

    with open_store(path) as store:
        record(store, letter)
        (folder_of(path) / SHA256).unlink()
        with store.writing() as connection:
            append(connection, actor=SYSTEM, verb="upgrade", at=AT, before='{"schema": 1}', after='{"schema": 2}')
        assert [row.state for row in evidence_list(store)] == ["known by hash only"]
        with store.reading() as connection:
            assert [finding.is_fault for finding in check_files(connection, path)] == [False]
        record(store, letter, note="again")
        (folder_of(path) / SHA256).unlink()
        assert [row.state for row in evidence_list(store)] == ["missing"]
