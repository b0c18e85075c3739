"""Two dashboards, and a dashboard beside other commands, on one store, each in a terminal of its own."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from store.connection import open_store
from store.ledger import actions
from tests.small_incident import TODAY, build, read
from tests.terminal.harness import ROOT, Terminal


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(tmp_path_factory.mktemp("two"))


@pytest.fixture
def path(built: Path, tmp_path: Path) -> Path:
    path = tmp_path / "incident.db"
    shutil.copyfile(built, path)
    path.chmod(0o600)
    return path


def dashboard(path: Path, who: str) -> Terminal:
    terminal = Terminal(["--db", str(path), "--as", who, "--today", TODAY], size=(120, 40))
    terminal.wait_for("Partners 6 of 6")
    return terminal


def store_command(path: Path, *arguments: str) -> str:
    """What `python -m store` prints, in a process of its own."""
    command = [sys.executable, "-m", "store", arguments[0], "--db", str(path), *arguments[1:]]
    done = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, env={**os.environ, "PYTHONPATH": str(ROOT)}
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_two_people_on_one_case(path: Path) -> None:
    with dashboard(path, "ana") as ana, dashboard(path, "bo") as bo:
        ana.press("@")
        ana.wait_for("To  ")
        bo.press("f")
        bo.wait_for("Flag Ribbon Social")
        bo.type("late reads\r")
        bo.wait_for("bo: flagged Ribbon Social")
        ana.press("enter")
        ana.wait_for("somebody was faster")
        ana.wait_for(lambda now: now.shows("you saw  open", "it is    flagged", "bo flagged   late reads"))
        ana.press("enter")
        ana.wait_for("! choose one")
        bo.press("e")
        bo.wait_for("privileged: stays out")
        bo.type("a note in between\r")
        bo.wait_for("noted on")
        bo.press("@")
        bo.wait_for("To  ")
        bo.press("enter")
        bo.wait_for("assigned Ribbon Social to bo")
        ana.press("G", "enter")
        ana.wait_for(lambda now: now.shows("it is    flagged   with bo", "note   a note in between"))
        assert not ana.shows("bo flagged"), "she knows of that already"
        ana.press("G", "enter")
        ana.wait_for("assigned Ribbon Social to ana")
        for terminal in (ana, bo):
            terminal.press("q")
            assert terminal.wait_for_end() == 0
    with open_store(path) as store:
        told = [(entry.actor, entry.verb) for entry in actions(store) if entry.partner_id]
    assert told == [("bo", "flag"), ("bo", "note"), ("bo", "assign"), ("ana", "assign")]


def test_the_board_follows_what_other_processes_do_and_keeps_cursor_and_marks(path: Path, tmp_path: Path) -> None:
    """A flag, an import that turns the order round, its voiding, other rules, a rebuild; the board is open."""
    log = tmp_path / "access_events.jsonl"
    log.write_text("".join(json.dumps(read(5, number % 70, f"x{number}")) + "\n" for number in range(3_000)), "utf-8")
    rules = tmp_path / "rules.toml"
    with dashboard(path, "ana") as terminal:
        terminal.press("j", "space")
        terminal.wait_for("1 marked")
        terminal.press("j")
        terminal.wait_for("2 Postwright")
        store_command(path, "flag", "--partner", "p-0", "--as", "bo", "--note", "seen")
        terminal.wait_for("F  Ribbon Social")
        before = row_of(terminal, "GroupPilot")
        importing = subprocess.Popen(
            [sys.executable, "-m", "store", "import", "--db", str(path), str(log), "--as", "bo"],
            cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)}, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        answered = 0
        while importing.poll() is None:
            terminal.press("2" if answered % 2 == 0 else "1")
            terminal.wait_for("] marker" if answered % 2 == 0 else "enter open")
            answered += 1
        assert importing.returncode == 0
        assert answered > 2, "keys were answered while it was imported"
        if answered % 2:
            terminal.press("1")
        terminal.wait_for(lambda now: row_of(now, "GroupPilot") not in (before, 0) and now.shows("≥70 2018-"))
        check_followed(terminal)
        number = json.loads(store_command(path, "imports", "--json"))["imports"][-1]["import_id"]
        store_command(path, "void", "--import", str(number), "--note", "the wrong file", "--as", "bo")
        terminal.wait_for(lambda now: row_of(now, "GroupPilot") == before)
        check_followed(terminal)
        rules.write_text(_RULES, "utf-8")
        store_command(path, "rules", "load", str(rules), "--as", "bo")
        terminal.wait_for("reads 2018-05-04 ..")
        check_followed(terminal)
        store_command(path, "rebuild")
        terminal.press("R")
        terminal.wait_for("read again")
        terminal.wait_for("Partners 6 of 6")
        check_followed(terminal)
        terminal.press("f")
        terminal.wait_for("Flag Castaway Live")
        terminal.type("marked long ago\r")
        terminal.wait_for("flagged Castaway Live")
        terminal.press("q")
        assert terminal.wait_for_end() == 0


_RULES = """
[incident]
name = "Other rules"
as_of = 2018-07-01

[scopes]
"members" = ["group.member.*"]

[[rules]]
id = "later"
data_classes = ["group.member.*"]
from = 2018-05-04
"""


def row_of(terminal: Terminal, name: str) -> int:
    """The line of the list in which a partner stands; 0 while it is not in sight."""
    return next((place for place, line in enumerate(terminal.lines()) if name in line[:60]), 0)


def check_followed(terminal: Terminal) -> None:
    """The cursor stands on Postwright and the mark on Castaway Live, wherever they are now."""
    terminal.wait_for(
        lambda now: (
            now.lines()[row_of(now, "Postwright")][1:3] == "> "
            and now.lines()[row_of(now, "Castaway Live")][1:3] == " *"
            and now.shows("1 marked")
        )
    )
