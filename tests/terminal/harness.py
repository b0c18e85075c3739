"""The dashboard in a real pseudo-terminal: start it, type, and read the screen that a person would see.

Nothing sleeps: every wait is for a condition, with a deadline that fails the test and shows the screen.
"""

import codecs
import ctypes
import fcntl
import os
import pty
import select
import signal
import struct
import subprocess
import sys
import tempfile
import termios
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType

from tests.terminal.emulator import Screen, Stream

ROOT = Path(__file__).resolve().parents[2]
PATIENCE_S = 30.0
KEYS = {
    "enter": "\r",
    "esc": "\x1b",
    "tab": "\t",
    "shift+tab": "\x1b[Z",
    "space": " ",
    "backspace": "\x7f",
    "up": "\x1b[A",
    "down": "\x1b[B",
    "right": "\x1b[C",
    "left": "\x1b[D",
    "pgup": "\x1b[5~",
    "pgdn": "\x1b[6~",
    "ctrl+r": "\x12",
    "ctrl+p": "\x10",
    "ctrl+d": "\x04",
    "ctrl+u": "\x15",
    "ctrl+l": "\x0c",
}


# The program asks whether the terminal knows whole frames; this one does, so that no half-drawn screen is judged.
_ASKS_FOR_FRAMES = b"\x1b[?2026$p"
_KNOWS_FRAMES = b"\x1b[?2026;2$y"
# Of Linux: prctl's PR_CAPBSET_DROP, and CAP_DAC_OVERRIDE.
_DROP_CAPABILITY, _PASS_OVER_MODES = 24, 1
_FRAME_BEGINS, _FRAME_ENDS = b"\x1b[?2026h", b"\x1b[?2026l"


def _prepare(controlling: bool, obeys_modes: bool) -> None:
    """Runs in the child: make its stdin its controlling terminal, as a shell does; give up root's way past modes."""
    if controlling:
        fcntl.ioctl(0, termios.TIOCSCTTY, 0)
    if obeys_modes and os.geteuid() == 0 and ctypes.CDLL(None).prctl(_DROP_CAPABILITY, _PASS_OVER_MODES, 0, 0, 0):
        raise OSError("cannot give up root's way past file modes")


class Terminal:
    """One run of `python -m tui` in a pseudo-terminal of a given size.

    Attributes:
        raw: every byte the program has written so far.
        settings: the terminal's (`stty`), before the program started.
        screen: what those bytes make of a screen.
    """

    def __init__(
        self,
        arguments: Sequence[str],
        *,
        size: tuple[int, int] = (80, 24),
        environment: Mapping[str, str] | None = None,
        folder: Path = ROOT,
        controlling: bool = True,
        program: Sequence[str] = ("-m", "tui"),
        obeys_modes: bool = False,
    ) -> None:
        """Start the program.

        Args:
            arguments: of `python -m tui`.
            size: columns and rows.
            environment: on top of a plain UTF-8 terminal's.
            program: what Python runs in place of it.
            obeys_modes: a file that is not writable is not written, also when the tests run as root.
            controlling: whether the terminal is the program's own, which ends it with SIGHUP when it closes.
        """
        self.raw = bytearray()
        self.screen = Screen(*size)
        self._stream = Stream(self.screen)
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        master, slave = pty.openpty()
        self._master = master
        self._set_size(size)
        self.settings = termios.tcgetattr(master)
        plain = {"TERM": "xterm-256color", "COLORTERM": "truecolor", "LANG": "C.UTF-8", "PYTHONPATH": str(ROOT)}
        # Where a person left is the test's own, and gone with it.
        self._state = tempfile.TemporaryDirectory(prefix="overscope-state-")
        plain["OVERSCOPE_STATE"] = self._state.name
        kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
        self.process = subprocess.Popen(
            [sys.executable, *program, *arguments],
            stdin=slave,
            stdout=slave,
            stderr=slave,
            cwd=folder,
            env={**kept, **plain, **(environment or {})},
            start_new_session=True,
            preexec_fn=lambda: _prepare(controlling, obeys_modes),
        )
        os.close(slave)

    def __enter__(self) -> "Terminal":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def press(self, *keys: str) -> None:
        """Type keys, by name or as characters."""
        os.write(self._master, "".join(KEYS.get(key, key) for key in keys).encode())

    def type(self, text: str) -> None:
        """Type text as it is."""
        os.write(self._master, text.encode())

    def resize(self, size: tuple[int, int]) -> None:
        """Give the terminal another size, as a window does."""
        self._set_size(size)
        self.screen.resize(lines=size[1], columns=size[0])
        os.killpg(self.process.pid, signal.SIGWINCH)

    def lines(self) -> list[str]:
        """The screen, a string a row."""
        return list(self.screen.display)

    def text(self) -> str:
        """The screen in one string."""
        return "\n".join(self.lines())

    def shows(self, *texts: str) -> bool:
        """Whether all the texts are on the screen now."""
        now = self.text()
        return all(text in now for text in texts)

    def wait_for(self, wanted: str | Callable[["Terminal"], bool], *, patience: float = PATIENCE_S) -> None:
        """Read until a text is on the screen, or a condition holds.

        Raises:
            AssertionError: it did not happen in time, or the program ended before; shows the screen.
        """
        deadline = time.monotonic() + patience
        while not (self._frame_is_whole() and (self.shows(wanted) if isinstance(wanted, str) else wanted(self))):
            if not self._read(deadline):
                why = f"ended with {self.process.poll()}" if self.process.poll() is not None else "waited in vain"
                raise AssertionError(f"{why} for {wanted!r}; the screen:\n{self.text()}")

    def wait_for_end(self, *, patience: float = PATIENCE_S) -> int:
        """Read until the program has ended; its exit code.

        Raises:
            AssertionError: it did not end in time; shows the screen.
        """
        deadline = time.monotonic() + patience
        while self._master >= 0 and self._read(deadline):
            pass
        try:
            return self.process.wait(timeout=max(deadline - time.monotonic(), 1.0))
        except subprocess.TimeoutExpired as error:
            raise AssertionError(f"it did not end; the screen:\n{self.text()}") from error

    def settings_now(self) -> list[object]:
        """The terminal's settings, as `stty` would tell them."""
        return termios.tcgetattr(self._master)

    def hang_up(self) -> None:
        """Close the terminal's window under the program."""
        os.close(self._master)
        self._master = -1

    def close(self) -> None:
        """End the program, if it still runs, and take its terminal away."""
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
        if self._master >= 0:
            os.close(self._master)
            self._master = -1
        self._state.cleanup()

    def _read(self, deadline: float) -> bool:
        """Take in what was written next; False at the deadline, and at the end of the program's output."""
        left = deadline - time.monotonic()
        if left <= 0 or not select.select([self._master], [], [], left)[0]:
            return False
        try:
            chunk = os.read(self._master, 65_536)
        except OSError:
            # Linux reports the other side's end of a pseudo-terminal as an input/output error.
            return False
        fresh = max(len(self.raw) - len(_ASKS_FOR_FRAMES) + 1, 0)
        self.raw += chunk
        if self.raw.find(_ASKS_FOR_FRAMES, fresh) >= 0:
            os.write(self._master, _KNOWS_FRAMES)
        self._stream.feed(self._decoder.decode(chunk))
        return bool(chunk)

    def _frame_is_whole(self) -> bool:
        return self.raw.rfind(_FRAME_BEGINS) <= self.raw.rfind(_FRAME_ENDS)

    def _set_size(self, size: tuple[int, int]) -> None:
        fcntl.ioctl(self._master, termios.TIOCSWINSZ, struct.pack("HHHH", size[1], size[0], 0, 0))
