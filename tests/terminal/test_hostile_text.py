"""Whatever is in the data, the terminal gets text: checked on the raw bytes that reach a pseudo-terminal."""

import base64
import codecs
import re
import unicodedata
from pathlib import Path

import pytest

from store.connection import open_store
from store.ledger import actions
from store.text import clean
from tests.terminal.harness import Terminal
from tests.terminal.hostile_incident import FIRST, PAYLOADS, build_store

_SEQUENCE = re.compile(
    r"\x1b\[[0-?]*[ -/]*[@-~]"  # CSI
    r"|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)"  # OSC
    r"|\x1b[PX^_][^\x1b]*\x1b\\"  # DCS and its like
    r"|\x1b."
)
# What Textual writes of itself: modes on and off, the keyboard protocol, the pointer's shape, places and colours.
_ALLOWED = re.compile(
    r"\x1b\[\?(?:7|25|1000|1003|1004|1006|1015|1016|1049|2004|2026|2048)(?:h|l|\$p)"
    r"|\x1b\[(?:>\d{1,2}|<)u"
    r"|\x1b\]22;[a-z-]+\x07"
    r"|\x1b\[(?:\d{1,3};\d{1,3})?H"
    r"|\x1b\[(?:\d{1,3}(?:;\d{1,3})*)?m"
)
_COPIED = re.compile(r"\x1b\]52;c;([A-Za-z0-9+/=]*)(?:\x07|\x1b\\)")
# What was read so far may end inside a sequence.
_UNFINISHED = re.compile(r"\x1b(?:\[[0-?]*[ -/]*|\][^\x07\x1b]*)?\Z")
_HIDDEN = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}


@pytest.fixture(scope="module")
def hostile_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_store(tmp_path_factory.mktemp("hostile"))


def open_dashboard(path: Path, *more: str, size: tuple[int, int] = (120, 40)) -> Terminal:
    """The dashboard on the store, with its board drawn."""
    terminal = Terminal(["--db", str(path), "--today", "2018-07-20", "--as", "ana", *more], size=size)
    terminal.wait_for(f"{len(PAYLOADS)} of {len(PAYLOADS)}")
    return terminal


def opens(terminal: Terminal, key: str, text: str) -> None:
    terminal.press(key)
    terminal.wait_for(text)


def closes(terminal: Terminal, text: str, key: str = "esc") -> None:
    terminal.press(key)
    terminal.wait_for(lambda now: not now.shows(text))


def check_raw(terminal: Terminal, *, copied: int = 0) -> None:
    """Nothing but Textual's own sequences, and printable text between them.

    Args:
        copied: how many times the person copied something, which goes to the clipboard by a sequence, too.
    """
    raw = _UNFINISHED.sub("", codecs.getincrementaldecoder("utf-8")("strict").decode(bytes(terminal.raw)))
    copies = [base64.b64decode(one).decode("utf-8") for one in _COPIED.findall(raw)]
    assert [clean(one, 20_000) for one in copies] == copies
    assert len(copies) == copied
    raw = _COPIED.sub("", raw)
    foreign = {found for found in _SEQUENCE.findall(raw) if not _ALLOWED.fullmatch(found)}
    assert not foreign
    plain = _SEQUENCE.sub("", raw)
    hidden = {hex(ord(one)) for one in set(plain) if unicodedata.category(one) in _HIDDEN and one not in "\r\n"}
    assert not hidden
    marks = "".join("m" if unicodedata.category(one) in ("Mn", "Me") else " " for one in plain)
    assert "mmmmm" not in marks


def test_the_check_sees_what_it_must_see() -> None:
    """The check itself: every payload, written as it is, is found."""

    class Written:
        def __init__(self, text: str) -> None:
            self.raw = bytearray(text.encode())

    check_raw(Written("\x1b[?1049h\x1b[12;40H\x1b[38;2;1;2;3mhello\x1b[0m\r\n"))  # type: ignore[arg-type]
    harmless = {one for one in PAYLOADS if clean(one, 20_000) == one}
    assert len(harmless) == 1, "only the markup is nothing to a terminal"
    for payload in set(PAYLOADS) - harmless:
        with pytest.raises(AssertionError):
            check_raw(Written(f"before {payload} after"))  # type: ignore[arg-type]


def test_every_partner_on_the_board(hostile_store: Path) -> None:
    with open_dashboard(hostile_store) as terminal:
        shown: set[str] = set()

        def shows_another(now: Terminal) -> bool:
            return bool(_titles(now) - shown)

        terminal.press("g")
        for _ in PAYLOADS:
            terminal.press("j")
            terminal.wait_for(shows_another)
            shown |= _titles(terminal)
        assert len(shown) == len(PAYLOADS)
        assert "[@click=app.quit]boom[/nope] \\x1b]52;c;aGk=\\x07" in clean(FIRST, 200)
        check_raw(terminal)
        terminal.press("q")
        assert terminal.wait_for_end() == 0
        check_raw(terminal)


def _titles(terminal: Terminal) -> set[str]:
    """The partner in the timeline's title: its number."""
    return set(re.findall(r"─ 2 (P\d\d)\.", terminal.text()))


def test_every_pane_screen_and_dialog(hostile_store: Path) -> None:
    with open_dashboard(hostile_store) as terminal:
        opens(terminal, "j", "─ 2 P")
        _walk_the_panes(terminal)
        opens(terminal, "1", "enter open")
        _walk_the_dialogs(terminal)
        opens(terminal, "i", "157 entries")
        opens(terminal, "enter", "Action id")
        closes(terminal, "Action id")
        terminal.press("/")
        terminal.type("P07.")
        terminal.wait_for("search: P07.")
        terminal.press("enter")
        closes(terminal, "search: P07.")
        closes(terminal, "Action log")
        opens(terminal, "?", "find a command by its name")
        closes(terminal, "find a command by its name")
        terminal.press("/")
        terminal.type("p00p00")
        terminal.wait_for("1 of 42")
        terminal.press("enter", "j", "y")
        terminal.wait_for("copied:")
        check_raw(terminal, copied=1)
        for size in ((80, 24), (60, 16), (20, 5), (200, 60)):
            terminal.resize(size)
            terminal.wait_for("60x16 is" if size == (20, 5) else "Partners")
        check_raw(terminal, copied=1)


def _walk_the_panes(terminal: Terminal) -> None:
    opens(terminal, "2", "] marker")
    opens(terminal, "]", "; R 06-0")
    opens(terminal, "[", "; P 04-0")
    opens(terminal, "]", "; R 06-0")
    opens(terminal, "enter", "Events")
    terminal.wait_for("event")
    closes(terminal, "Events")
    opens(terminal, "t", "Go to")
    closes(terminal, "Go to")
    opens(terminal, "t", "Go to")
    terminal.type("2018-05-15")
    terminal.press("enter")
    terminal.wait_for("2018-05-1")
    opens(terminal, "enter", "restricted read")
    opens(terminal, "enter", "Occurred")
    closes(terminal, "Occurred")
    closes(terminal, "Events")
    closes(terminal, "] marker", "3")
    terminal.press("j", "G", "g")
    opens(terminal, "1", "enter open")
    opens(terminal, "enter", "Record, newest first")
    terminal.wait_for("Apps 1")
    opens(terminal, "enter", "Recorded")
    closes(terminal, "Recorded")
    opens(terminal, "e", "privileged: stays out")
    closes(terminal, "privileged: stays out")
    closes(terminal, "Record, newest first")


def _walk_the_dialogs(terminal: Terminal) -> None:
    opens(terminal, "f", "Flag P")
    closes(terminal, "Flag P")
    opens(terminal, "c", "override:")
    terminal.press("j")
    terminal.wait_for("> never read")
    opens(terminal, "enter", "cannot be closed as")
    closes(terminal, "override:")
    opens(terminal, "@", "To  ")
    closes(terminal, "To  ")
    opens(terminal, "a", "Record a step")
    closes(terminal, "Record a step")
    opens(terminal, "e", "privileged: stays out")
    terminal.type("typed by hand")
    terminal.press("enter")
    terminal.wait_for("noted on P")
    opens(terminal, "u", "undid #")
    terminal.press("space", "space", "*")
    terminal.wait_for("42 marked")
    opens(terminal, "a", "42 partners: P")
    closes(terminal, "Record a step")
    terminal.press("U")


def test_nothing_of_the_data_was_done(hostile_store: Path) -> None:
    """A `[@click=...]` that ran, or an answer the terminal gave to a question, would have left a trace."""
    with open_store(hostile_store) as store:
        verbs = {(action.actor, action.verb) for action in actions(store) if action.actor == "ana"}
    assert verbs <= {("ana", "note"), ("ana", "undo")}
