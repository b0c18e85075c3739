"""What happens to a store's file under a command: no room, no permission, another file in its place, none at all."""

import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from store.cli.main import main
from store.connection import open_store
from store.errors import UnusableFileError
from store.ledger import append
from tests.faults.nursery import ROOT, Nursery
from tests.faults.raw_log import assert_chained, dump, snapshot

FLAG = ["flag", "--partner", "p-1", "--partner", "p-2", "--partner", "p-3", "--as", "ana", "--note", "x" * 60_000]
REBUILD = ["rebuild", "--as", "ana"]
NOBODY = 65_534


@pytest.fixture
def path(incident: Path, tmp_path: Path) -> Path:
    return Path(shutil.copy(incident, tmp_path))


def assert_refused(ended: tuple[int, str, str], *words: str) -> None:
    code, out, errors = ended
    assert (code, out) == (2, ""), ended
    assert errors.count("\n") == 1, errors
    for word in words:
        assert word in errors, errors


def assert_works_again(path: Path) -> None:
    before = len(dump(path)["actions"])
    assert main([*FLAG, "--db", str(path)]) == 0
    assert len(dump(path)["actions"]) == before + 3
    assert_chained(snapshot(path).entries)


@pytest.mark.parametrize("command", [FLAG, REBUILD], ids=lambda words: words[0])
@pytest.mark.parametrize("room", [0, 4_096, 20_000, 60_000])
def test_no_room_on_the_disk_refuses_the_action_whole(
    nursery: Nursery, path: Path, tmp_path: Path, command: list[str], room: int
) -> None:
    before = dump(path)
    # A rollback journal has to fit too: without room for it nothing is begun.
    largest = path.stat().st_size + room if command is FLAG else max(room, 2_048)
    ended = nursery.run("tests.faults.commands:out_of_room", [*command, "--db", str(path)], largest, folder=tmp_path)
    assert_refused(ended, str(path), "nothing was written", "free some space")
    assert dump(path) == before
    assert_works_again(path)


@pytest.mark.parametrize("more", [0, 1, 5, 20])
def test_sqlite_finding_the_disk_full_refuses_the_action_whole(
    nursery: Nursery, path: Path, tmp_path: Path, more: int
) -> None:
    before = dump(path)
    with closing(sqlite3.connect(path)) as plain:
        (pages,) = plain.execute("PRAGMA page_count").fetchone()
    ended = nursery.run("tests.faults.commands:out_of_pages", [*FLAG, "--db", str(path)], pages + more, folder=tmp_path)
    assert_refused(ended, str(path), "nothing was written", "the disk is full")
    assert dump(path) == before
    assert_works_again(path)


def test_a_really_full_disk_refuses_the_action_whole(nursery: Nursery, path: Path, tmp_path: Path) -> None:
    place = tmp_path / "disk"
    place.mkdir()
    before = dump(path)
    size = path.stat().st_size + 40_960
    ended = nursery.run("tests.faults.commands:on_a_small_disk", FLAG, str(path), str(place), size, folder=tmp_path)
    if ended[1] == "no disk\n":
        # Nobody may mount here; a limit on files is what is left, and it fails at the same place.
        largest = path.stat().st_size + 40_960
        ended = nursery.run("tests.faults.commands:out_of_room", [*FLAG, "--db", str(path)], largest, folder=tmp_path)
        after = path
    else:
        after = Path(f"{path}.after")
    assert_refused(ended, "nothing was written", "the disk is full")
    assert dump(after) == before
    assert_works_again(after)


@pytest.fixture
def others(incident: Path) -> Iterator[Path]:
    """A folder with a store in it, on a way that is open to everybody."""
    with TemporaryDirectory(dir="/tmp", ignore_cleanup_errors=True) as folder:
        shutil.copy(incident, folder)
        Path(folder).chmod(0o755)
        yield Path(folder)


@pytest.mark.parametrize(("file_mode", "folder_mode"), [(0o444, 0o777), (0o666, 0o555), (0o444, 0o555)])
@pytest.mark.parametrize("command", [FLAG, REBUILD], ids=lambda words: words[0])
def test_a_file_or_folder_that_cannot_be_written_refuses_in_one_line(
    nursery: Nursery, others: Path, tmp_path: Path, file_mode: int, folder_mode: int, command: list[str]
) -> None:
    path = others / "incident.db"
    before = dump(path)
    path.chmod(file_mode)
    others.chmod(folder_mode)
    try:
        as_user = "tests.faults.commands:as_user"
        ended = nursery.run(as_user, [*command, "--db", str(path)], NOBODY, folder=tmp_path)
        assert_refused(ended, "nothing was written", "make it and its folder writable")
        code, out, errors = nursery.run(as_user, ["log", "--db", str(path)], NOBODY, folder=tmp_path)
        assert (code, errors.count("\n")) == (0, 1)
        assert "reading only" in errors
        assert "#1" in out
    finally:
        others.chmod(0o700)
        path.chmod(0o600)
    assert dump(path) == before
    assert_works_again(path)


def test_a_file_that_cannot_be_read_says_so_in_one_line(nursery: Nursery, others: Path, tmp_path: Path) -> None:
    path = others / "incident.db"
    path.chmod(0o000)
    ended = nursery.run("tests.faults.commands:as_user", [*FLAG, "--db", str(path)], NOBODY, folder=tmp_path)
    path.chmod(0o600)
    assert_refused(ended, f"cannot read {path}")
    assert_works_again(path)


@pytest.mark.parametrize("command", [FLAG, REBUILD], ids=lambda words: words[0])
@pytest.mark.parametrize("share", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("how", ["deleted", "replaced"])
def test_a_file_that_goes_away_inside_a_write_loses_nothing(
    nursery: Nursery, incident: Path, path: Path, tmp_path: Path, how: str, share: float, command: list[str]
) -> None:
    words = [*command, "--db", str(path)]
    kept, other = tmp_path / "kept.db", tmp_path / "other.db"
    code, out, errors = nursery.run("tests.faults.commands:counted", words, folder=tmp_path)
    assert (code, errors) == (0, "")
    # The statements are those of the write; the last is COMMIT, and one call comes after it.
    commit = int(out.splitlines()[-1]) - 1
    path.unlink()
    shutil.copy(incident, path)
    os.link(path, kept)
    shutil.copy(incident, other)
    assert main(["note", "--db", str(other), "--partner", "p-4", "--note", "of the other file", "--as", "bo"]) == 0
    before, others = dump(kept), dump(other)
    statement = 1 + round(share * (commit - 2))
    replacement = str(other) if how == "replaced" else None
    ended = nursery.run("tests.faults.commands:replaced", words, statement, str(path), replacement, folder=tmp_path)
    assert_refused(ended, str(path), "start again")
    assert dump(kept) == before
    assert path.exists() == (how == "replaced")
    if how == "replaced":
        assert dump(path) == others
    assert_works_again(path if how == "replaced" else kept)


def test_a_store_that_stays_open_refuses_the_next_write_after_a_swap(incident: Path, path: Path) -> None:
    other = path.with_name("other.db")
    shutil.copy(incident, other)
    with open_store(path) as store:
        with store.writing() as connection:
            append(connection, actor="ana", verb="note", at=1, note="before the swap")
        os.link(path, path.with_name("kept.db"))
        os.replace(other, path)
        with pytest.raises(UnusableFileError, match=r"replaced .* start again"), store.writing() as connection:
            append(connection, actor="ana", verb="note", at=2, note="after the swap")
    assert snapshot(path.with_name("kept.db")).entries[-1].note == "before the swap"
    assert "swap" not in str(snapshot(path).entries)


def test_a_command_of_its_own_hears_of_a_full_disk(path: Path) -> None:
    """The same as a person starts it: no test's process around it."""
    limited = (
        "import resource, runpy, signal, sys\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        f"resource.setrlimit(resource.RLIMIT_FSIZE, ({path.stat().st_size}, resource.RLIM_INFINITY))\n"
        "runpy.run_module('store', run_name='__main__', alter_sys=True)\n"
    )
    before = dump(path)
    command = [sys.executable, "-c", limited, *FLAG, "--db", str(path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    assert_refused((done.returncode, done.stdout, done.stderr), "free some space")
    assert dump(path) == before
