"""Leaving and coming back in a real terminal: what is noted, what is said, and that no key is lost to it."""

import os
import signal
from pathlib import Path

import pytest

from store import cases
from store.connection import open_store
from tests import small_incident
from tests.terminal.harness import Terminal


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return small_incident.build(tmp_path)


def dashboard(path: Path, state: Path, *, actor: str = "cy", size: tuple[int, int] = (80, 24)) -> Terminal:
    arguments = ["--db", str(path), "--as", actor, "--today", small_incident.TODAY]
    return Terminal(arguments, size=size, environment={"OVERSCOPE_STATE": str(state)})


def leave(terminal: Terminal) -> None:
    terminal.press("q")
    assert terminal.wait_for_end() == 0, terminal.text()


def once(path: Path, state: Path, actor: str = "cy") -> None:
    """Open, look, and leave."""
    with dashboard(path, state, actor=actor) as terminal:
        terminal.wait_for("in view:")
        assert "what is new" not in terminal.text()
        leave(terminal)


def flag_as_bo(path: Path) -> None:
    with open_store(path) as store:
        cases.flag(store, [1, 2], actor="bo", note="late reads")


def test_who_comes_back_is_told_and_the_next_time_no_more(path: Path, tmp_path: Path) -> None:
    state = tmp_path / "state"
    once(path, state)
    flag_as_bo(path)
    with dashboard(path, state) as terminal:
        terminal.wait_for("2 actions by others")
        assert ", what is new" in terminal.text()
        terminal.press(",")
        terminal.wait_for("Since you left")
        terminal.wait_for("bo flagged 2 times")
        terminal.press("enter")
        terminal.wait_for(lambda now: not now.shows("bo flagged"))
        assert ", what is new" not in terminal.text()
        leave(terminal)
    once(path, state)


def test_two_people_leave_on_their_own(path: Path, tmp_path: Path) -> None:
    state = tmp_path / "state"
    once(path, state, "cy")
    flag_as_bo(path)
    # Of their own flags bo is not told, and of cy's session nothing is bo's.
    once(path, state, "bo")
    with dashboard(path, state) as terminal:
        terminal.wait_for("2 actions by others")
        leave(terminal)


def test_keys_typed_before_the_line_comes_do_what_they_do(path: Path, tmp_path: Path) -> None:
    state = tmp_path / "state"
    once(path, state)
    flag_as_bo(path)
    with dashboard(path, state) as terminal:
        terminal.type("?")
        terminal.wait_for("╭─  Keys")
        terminal.press("esc")
        terminal.wait_for("2 actions by others")
        terminal.type(",q/ribbon")
        terminal.wait_for("ribbon")
        assert not terminal.shows("Since you left")


def test_who_is_told_to_end_has_left_too(path: Path, tmp_path: Path) -> None:
    state = tmp_path / "state"
    with dashboard(path, state) as terminal:
        terminal.wait_for("in view:")
        os.kill(terminal.process.pid, signal.SIGTERM)
        assert terminal.wait_for_end() == 128 + signal.SIGTERM
    assert len(list(state.iterdir())) == 1
    flag_as_bo(path)
    with dashboard(path, state) as terminal:
        terminal.wait_for("2 actions by others")


def test_a_damaged_note_is_said_and_written_anew(path: Path, tmp_path: Path) -> None:
    state = tmp_path / "state"
    once(path, state)
    (file,) = state.iterdir()
    file.write_text("\x1b]0;x\x07")
    with dashboard(path, state, size=(200, 40)) as terminal:
        terminal.wait_for("does not say where you left")
        leave(terminal)
    once(path, state)


def test_where_nothing_can_be_noted_it_is_said_at_the_end(path: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with dashboard(path, tmp_path / "file" / "state", size=(160, 40)) as terminal:
        terminal.wait_for("in view:")
        leave(terminal)
        terminal.wait_for("what is new next time will not be known: cannot make")
