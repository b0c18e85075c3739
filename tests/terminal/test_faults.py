"""What ends the dashboard, or takes its store away, in a real terminal: the terminal is given back, nothing is lost."""

import os
import re
import resource
import shutil
import signal
import sqlite3
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from store.connection import open_store
from store.ledger import actions
from tests.promises import trials
from tests.small_incident import build
from tests.terminal.harness import Terminal
from tests.terminal.walk import box

Account = Callable[[str, Mapping[str, int]], None]

# What the dashboard turns on: the other screen, the pointer, focus, pasting; and off: the cursor, line wrap.
_ON = ("1049", "1000", "1002", "1003", "1004", "1006", "1015", "1016", "2004", "2026", "2048")
_OFF = ("25", "7")
_MODE = re.compile(rb"\x1b\[\?([0-9;]+)([hl])")
_KEYBOARD = re.compile(rb"\x1b\[([<>])\d*u")
# As the program starts, but it waits no ten seconds for a store that is busy.
_IMPATIENT = (
    "-c",
    "import store.connection as c, sys; c.BUSY_TIMEOUT_MS = 200; from tui.__main__ import main; sys.exit(main())",
)
# As the program starts, but one key is a fault of ours.
_FAULTY = (
    "-c",
    "import sys; from tui.app import OverscopeApp\n"
    "def fault(self): secret = '\\x1b]0;in a local\\x07'; raise LookupError('a fault \\x1b]0;of ours\\x07')\n"
    "OverscopeApp.action_ask_again = fault\n"
    "from tui.__main__ import main; sys.exit(main())",
)
_WAYS = ("INT", "TERM", "HUP", "a fault", "closed")


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(tmp_path_factory.mktemp("faults"))


@pytest.fixture
def path(built: Path, tmp_path: Path) -> Path:
    path = tmp_path / "incident.db"
    shutil.copyfile(built, path)
    path.chmod(0o600)
    return path


def dashboard(path: Path, *more: str, **options: object) -> Terminal:
    """The dashboard with its board drawn: partners, and the timeline of the first."""
    terminal = Terminal(["--db", str(path), "--as", "ana", *more], **{"size": (120, 40), **options})  # type: ignore[arg-type]
    terminal.wait_for("Partners 6 of 6")
    terminal.wait_for("log   ")
    return terminal


def check_restored(terminal: Terminal) -> None:
    """The terminal is as it was before: its settings, its screen, cursor, pointer, pasting and keyboard."""
    raw = bytes(terminal.raw)
    modes: dict[str, str] = {}
    for names, state in _MODE.findall(raw):
        modes.update(dict.fromkeys(names.decode().split(";"), state.decode()))
    assert modes["1049"] == "l", "it was on"
    assert not [mode for mode in _ON if modes.get(mode, "l") == "h"]
    assert not [mode for mode in _OFF if modes.get(mode, "h") == "l"]
    assert _KEYBOARD.findall(raw)[-1:] in ([], [b"<"])
    assert terminal.settings_now() == terminal.settings


def recorded(path: Path) -> list[tuple[str, str | None]]:
    """What ana did to cases, as the log has it."""
    with open_store(path) as store:
        return [(entry.verb, entry.note) for entry in actions(store) if entry.actor == "ana" and entry.partner_id]


def says(terminal: Terminal, text: str) -> bool:
    """Whether the lines at the foot say this, however they are wrapped."""
    return text in " ".join(" ".join(terminal.lines()[-5:]).split())


def flag(terminal: Terminal, note: str) -> None:
    terminal.press("f")
    terminal.wait_for("Flag Ribbon Social")
    terminal.type(f"{note}\r")


def closes_prompt(terminal: Terminal) -> None:
    terminal.press("esc")
    terminal.wait_for(lambda now: not now.shows("Flag Ribbon Social"))


def test_the_check_sees_what_it_must_see(path: Path) -> None:
    with dashboard(path) as terminal:
        with pytest.raises(AssertionError):
            check_restored(terminal)
        terminal.process.kill()
        terminal.wait_for_end()
        with pytest.raises(AssertionError):
            check_restored(terminal)


@trials("P10")
def test_however_it_ends_the_terminal_is_restored_and_the_exit_code_says_why(
    path: Path, count: int, account: Account
) -> None:
    """By signals, a fault of ours and a closed terminal: at the start, on the board, in a dialog, while reading."""
    tried: dict[str, int] = {}
    for trial in range(count):
        way = _WAYS[trial % len(_WAYS)]
        moment = ("start", "dialog", "reading")[trial // len(_WAYS) % 3]
        program = _FAULTY if way == "a fault" else ("-m", "tui")
        with Terminal(["--db", str(path), "--as", "ana"], size=(120, 40), program=program) as terminal:
            if moment == "start" and way != "a fault":
                # Its very first bytes turn modes on.
                terminal.wait_for(lambda now: b"\x1b[?1049h" in now.raw)
            else:
                terminal.wait_for("Partners 6 of 6")
                terminal.press(*(("c", "j") if moment == "dialog" and way != "a fault" else ("j", "enter")))
            assert _end(terminal, way) == terminal.wait_for_end(), (way, moment, terminal.text())
            if way != "closed":
                check_restored(terminal)
        tried[way] = tried.get(way, 0) + 1
    account("P10", tried)
    assert min(tried.values()) == count // len(_WAYS)


def _end(terminal: Terminal, way: str) -> int:
    """End it in this way; the exit code it should have."""
    if way == "a fault":
        terminal.press("R")
        return 70
    if way == "closed":
        terminal.hang_up()
        return 128 + signal.SIGHUP
    number = int(getattr(signal, f"SIG{way}"))
    terminal.process.send_signal(number)
    return 128 + number


def test_sigquit_restores_the_terminal_too_and_a_terminal_of_another_session_is_missed(path: Path) -> None:
    with dashboard(path) as terminal:
        terminal.process.send_signal(signal.SIGQUIT)
        assert terminal.wait_for_end() == 128 + signal.SIGQUIT
        check_restored(terminal)
    with dashboard(path, controlling=False) as terminal:
        flag(terminal, "before it closed")
        terminal.wait_for("flagged Ribbon Social")
        terminal.hang_up()
        assert terminal.wait_for_end() == 128 + signal.SIGHUP
    assert recorded(path) == [("flag", "before it closed")]


def test_a_fault_of_ours_is_one_line_without_what_was_in_it(path: Path) -> None:
    with dashboard(path, program=_FAULTY) as terminal:
        terminal.press("R")
        assert terminal.wait_for_end() == 70
        after = bytes(terminal.raw).rpartition(b"\x1b[?1004l")[2]
        lines = [line for line in after.split(b"\r\n") if line]
        assert len(lines) == 1
        assert b"internal error: LookupError: a fault \\x1b]0;of ours\\x07" in lines[0]
        assert b"\x1b]0;" not in terminal.raw


def test_ctrl_c_says_what_ends_it_and_ctrl_z_gives_the_terminal_back_until_it_goes_on(path: Path) -> None:
    with dashboard(path) as terminal:
        terminal.press("\x03")
        terminal.wait_for("press q to leave")
        terminal.press("\x1a")
        terminal.wait_for(lambda now: b"\x1b[?1049l" in now.raw)
        _, status = os.waitpid(terminal.process.pid, os.WUNTRACED)
        assert os.WIFSTOPPED(status)
        check_restored(terminal)
        # This terminal keeps no second screen; a real one comes back with it empty.
        terminal.screen.erase_in_display(2)
        terminal.process.send_signal(signal.SIGCONT)
        terminal.wait_for("Partners 6 of 6")
        terminal.resize((100, 30))
        terminal.wait_for(lambda now: now.lines()[29].rstrip().endswith("? keys"))
        flag(terminal, "after a pause")
        terminal.wait_for("flagged Ribbon Social")
        terminal.press("q")
        assert terminal.wait_for_end() == 0
        check_restored(terminal)
    assert recorded(path) == [("flag", "after a pause")]


def test_what_was_acknowledged_survives_kill_9(path: Path) -> None:
    with dashboard(path) as terminal:
        terminal.press("e")
        terminal.wait_for("privileged: stays out")
        terminal.type("counsel called\r")
        terminal.wait_for("noted on Ribbon Social")
        terminal.process.kill()
        assert terminal.wait_for_end() == -signal.SIGKILL
    assert recorded(path) == [("note", "counsel called")]


def _replace(path: Path, built: Path) -> None:
    shutil.copyfile(built, path.with_name("other.db"))
    path.with_name("other.db").replace(path)


def _overwrite(path: Path, _: Path) -> None:
    with path.open("r+b") as file:
        file.seek(8_192)
        file.write(b"\xa5" * (path.stat().st_size - 8_192))


@pytest.mark.parametrize(
    ("what", "said"),
    [
        (_replace, "was replaced by another file while open; start again on the right one"),
        (lambda path, _: path.unlink(), "is gone: put it back, then start again"),
        (lambda path, _: os.truncate(path, 0), "was emptied while open: put a backup in its place"),
        (_overwrite, "it is damaged, or was altered: see `python -m store verify`"),
    ],
    ids=["replaced", "deleted", "emptied", "damaged"],
)
def test_a_store_that_is_taken_away_is_told_and_refuses_and_the_board_goes_on_showing(
    path: Path, built: Path, what: Callable[[Path, Path], object], said: str
) -> None:
    with dashboard(path) as terminal:
        what(path, built)
        if what is not _overwrite:
            terminal.wait_for(lambda now: says(now, said))
        assert terminal.shows("Partners 6 of 6", "Ribbon Social", "KEPT ACCESS 6")
        flag(terminal, "typed with care")
        terminal.wait_for(lambda now: says(now, said) and now.shows("Flag Ribbon Social typed with care"))
        closes_prompt(terminal)
        terminal.press("j", "k")
        assert terminal.shows("Partners 6 of 6", "GroupPilot", "KEPT ACCESS 6")
        terminal.press("q")
        assert terminal.wait_for_end() == 0
        check_restored(terminal)
    assert recorded(built) == []


def test_a_full_disk_refuses_and_what_was_typed_goes_through_once_there_is_room(path: Path) -> None:
    with dashboard(path) as terminal:
        resource.prlimit(terminal.process.pid, resource.RLIMIT_FSIZE, (4_096, resource.RLIM_INFINITY))
        flag(terminal, "typed with care")
        terminal.wait_for(lambda now: says(now, "the disk is full, or fails: free some space, then try again"))
        terminal.wait_for("Flag Ribbon Social typed with care")
        resource.prlimit(terminal.process.pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY,) * 2)
        terminal.press("enter")
        terminal.wait_for("flagged Ribbon Social")
        terminal.press("q")
        assert terminal.wait_for_end() == 0
    assert recorded(path) == [("flag", "typed with care")]


def test_a_store_that_is_made_read_only_refuses_and_keeps_what_was_typed(path: Path) -> None:
    with dashboard(path, obeys_modes=True) as terminal:
        path.chmod(0o400)
        path.parent.chmod(0o500)
        flag(terminal, "typed with care")
        terminal.wait_for(lambda now: says(now, "cannot be written: make them yours to write, then start again"))
        terminal.wait_for("Flag Ribbon Social typed with care")
        path.parent.chmod(0o700)
        path.chmod(0o600)
        closes_prompt(terminal)
        terminal.press("q")
        assert terminal.wait_for_end() == 0
        check_restored(terminal)
    assert recorded(path) == []


def test_a_store_that_cannot_be_written_says_so_at_first_at_every_action_and_in_the_help(path: Path) -> None:
    path.chmod(0o444)
    with dashboard(path, obeys_modes=True) as terminal:
        assert says(terminal, "is open for reading only")
        terminal.press("f")
        terminal.wait_for("! nothing can be recorded:")
        terminal.press("?")
        terminal.wait_for("this store")
        # Without blanks: where a line is broken is up to the length of the store's path.
        boxed = box(terminal, " Keys")
        assert "is open for reading only".replace(" ", "") in boxed
        assert "others may get at it; `chmod 600` closes it".replace(" ", "") in boxed
        terminal.press("q")
        terminal.wait_for(lambda now: not now.shows("this store"))
        terminal.press("q")
        assert terminal.wait_for_end() == 0
    path.chmod(0o600)
    assert recorded(path) == []


@pytest.mark.parametrize("lock", ["IMMEDIATE", "EXCLUSIVE"])
def test_a_store_that_stays_busy_refuses_and_what_was_typed_goes_through_later(path: Path, lock: str) -> None:
    other = sqlite3.connect(path, isolation_level=None)
    with dashboard(path, program=_IMPATIENT) as terminal:
        other.execute(f"BEGIN {lock}")
        flag(terminal, "typed with care")
        terminal.wait_for(lambda now: says(now, "another program has been writing to it for too long"))
        terminal.wait_for("Flag Ribbon Social typed with care")
        assert terminal.shows("Partners 6 of 6")
        other.execute("ROLLBACK")
        terminal.press("enter")
        terminal.wait_for("flagged Ribbon Social")
        terminal.press("q")
        assert terminal.wait_for_end() == 0
    other.close()
    assert recorded(path) == [("flag", "typed with care")]


def _fifo(folder: Path) -> Path:
    os.mkfifo(folder / "fifo")
    return folder / "fifo"


def _written(folder: Path, content: bytes) -> Path:
    path = folder / "file.db"
    path.write_bytes(content)
    return path


def _foreign(folder: Path) -> Path:
    connection = sqlite3.connect(folder / "foreign.db")
    connection.execute('CREATE TABLE actions("\x1b]0;table\x07")')
    connection.close()
    return folder / "foreign.db"


def _damaged(folder: Path, built: Path) -> Path:
    path = folder / "damaged.db"
    shutil.copyfile(built, path)
    _overwrite(path, built)
    return path


@pytest.mark.parametrize(
    "make",
    [
        lambda folder, _: folder,
        lambda folder, _: _fifo(folder),
        lambda folder, _: _written(folder, b""),
        lambda folder, _: _written(folder, b"\x1b]0;owned\x07 no database"),
        lambda folder, built: _written(folder, built.read_bytes()[:5_000]),
        lambda folder, _: _foreign(folder),
        lambda folder, built: _damaged(folder, built),
        lambda folder, _: folder / "missing \x1b]0;owned\x07",
        lambda _, __: Path("/dev/zero"),
        lambda _, __: Path("/dev/tty"),
    ],
    ids=["folder", "fifo", "empty", "text", "cut", "foreign", "damaged", "missing", "device", "terminal"],
)
def test_what_is_no_store_is_refused_in_a_line_and_the_terminal_untouched(
    tmp_path: Path, built: Path, make: Callable[[Path, Path], Path]
) -> None:
    path = make(tmp_path, built)
    with Terminal(["--db", str(path)], size=(200, 24)) as terminal:
        assert terminal.wait_for_end() == 2
        assert terminal.settings_now() == terminal.settings
        assert b"\x1b" not in terminal.raw
        assert bytes(terminal.raw).count(b"\n") == 1
        assert len(bytes(terminal.raw).strip()) > 20


def test_going_on_without_having_stopped_changes_nothing(path: Path) -> None:
    """The kernel sends SIGCONT with the SIGHUP of a closed terminal, and anybody may."""
    with dashboard(path) as terminal:
        for _ in range(3):
            terminal.process.send_signal(signal.SIGCONT)
        flag(terminal, "went on")
        terminal.wait_for("flagged Ribbon Social")
        terminal.process.send_signal(signal.SIGTERM)
        assert terminal.wait_for_end() == 128 + signal.SIGTERM
        check_restored(terminal)
    assert recorded(path) == [("flag", "went on")]
