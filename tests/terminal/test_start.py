"""The dashboard in a real terminal: it starts, refuses, resizes, and gives the terminal back however it ends."""

import re
from pathlib import Path

import pytest

from store.ledger import append
from store.schema import create_store
from tests.terminal.harness import Terminal

_COLOUR = re.compile(rb"\x1b\[[0-9;:]*(?:38|48)[;:][25][;:][0-9;:]*m")
_BASIC_COLOUR = re.compile(rb"\x1b\[(?:[0-9]+;)*(?:3[0-7]|4[0-7]|9[0-7]|10[0-7])(?:;[0-9]+)*m")


@pytest.fixture(scope="module")
def store_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("terminal") / "incident.db"
    create_store(path, name="Evil \x1b]0;owned\x07 [@click=app.quit]incident[/x]", actor="ana", at=0)
    return path


def dashboard(path: Path, *more: str, **options: object) -> Terminal:
    return Terminal(["--db", str(path), "--as", "ana", *more], **{"size": (120, 40), **options})  # type: ignore[arg-type]


def is_restored(terminal: Terminal) -> bool:
    """Whether the program gave the terminal back: main screen, cursor shown, mouse and paste modes off."""
    raw = bytes(terminal.raw)
    return all(
        raw.rfind(off) > raw.rfind(on)
        for on, off in (
            (b"\x1b[?1049h", b"\x1b[?1049l"),
            (b"\x1b[?25l", b"\x1b[?25h"),
            (b"\x1b[?1000h", b"\x1b[?1000l"),
            (b"\x1b[?2004h", b"\x1b[?2004l"),
        )
    )


def test_q_quits_and_the_terminal_is_restored(store_path: Path) -> None:
    with dashboard(store_path) as terminal:
        terminal.wait_for("Partners 0 of 0")
        terminal.press("q")
        assert terminal.wait_for_end() == 0
        assert is_restored(terminal)


def test_the_incidents_name_does_nothing_to_the_terminal(store_path: Path) -> None:
    with dashboard(store_path) as terminal:
        terminal.wait_for("Evil \\x1b]0;owned\\x07 [")
        terminal.press("q")
        assert terminal.wait_for_end() == 0
        assert b"\x1b]0;owned" not in terminal.raw


def test_no_color_is_honoured_and_the_cursor_is_still_told(store_path: Path) -> None:
    with dashboard(store_path, environment={"NO_COLOR": "1"}) as terminal:
        terminal.wait_for("Partners 0 of 0")
        terminal.press("?")
        terminal.wait_for("everywhere")
        terminal.press("?")
        terminal.wait_for(lambda screen: not screen.shows("everywhere"))
        terminal.press("q")
        assert terminal.wait_for_end() == 0
        assert not _COLOUR.search(bytes(terminal.raw))
        assert not _BASIC_COLOUR.search(bytes(terminal.raw))


@pytest.mark.parametrize("term", ["xterm", "linux", "screen"])
def test_a_terminal_of_sixteen_colours_gets_no_others(store_path: Path, term: str) -> None:
    with dashboard(store_path, environment={"TERM": term, "COLORTERM": ""}) as terminal:
        terminal.wait_for("Partners 0 of 0")
        terminal.press("q")
        assert terminal.wait_for_end() == 0
        assert not _COLOUR.search(bytes(terminal.raw))


def test_a_dumb_terminal_is_refused_with_advice(store_path: Path) -> None:
    with dashboard(store_path, environment={"TERM": "dumb"}) as terminal:
        assert terminal.wait_for_end() == 2
        assert "TERM" in terminal.text()
        assert b"\x1b" not in terminal.raw


def test_resizing_through_every_layout_survives(store_path: Path) -> None:
    with dashboard(store_path, environment={"LANG": "C", "LC_ALL": "C"}) as terminal:
        terminal.wait_for("Partners 0 of 0")
        for size in ((80, 24), (20, 5), (1, 1), (200, 60), (59, 16), (60, 16)):
            terminal.resize(size)
        terminal.resize((40, 12))
        terminal.wait_for("too small")
        terminal.resize((120, 40))
        terminal.wait_for("Partners 0 of 0")
        terminal.press("q")
        assert terminal.wait_for_end() == 0


def test_what_another_process_writes_is_noticed_without_a_key(store_path: Path) -> None:
    from store.connection import open_store

    with dashboard(store_path) as terminal:
        terminal.wait_for("Partners 0 of 0")
        terminal.press("i")
        terminal.wait_for("init")
        with open_store(store_path) as store, store.writing() as connection:
            append(connection, actor="bo", verb="note", at=1, note="hello from elsewhere")
        terminal.wait_for("hello from elsewhere")
        terminal.press("qq")
        assert terminal.wait_for_end() == 0


def test_a_store_that_cannot_be_written_opens_read_only_and_says_so(tmp_path: Path) -> None:
    import sqlite3

    path = tmp_path / "newer.db"
    create_store(path, name="Newer", actor="ana", at=0)
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA user_version=999")
    connection.close()
    with dashboard(path) as terminal:
        terminal.wait_for("open for reading only")
        terminal.wait_for("ana read only")
        terminal.press("q")
        assert terminal.wait_for_end() == 0
