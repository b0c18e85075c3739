"""A program in a pseudo-terminal whose screen is kept by pyte, with the time of everything it paints."""

import contextlib
import fcntl
import os
import pty
import select
import signal
import struct
import termios
import time
from collections.abc import Sequence
from pathlib import Path

import pyte

_ROOT = Path(__file__).resolve().parents[2]
# A frame may reach us in several reads; it is whole when nothing more comes for this long.
_FRAME_GAP_SECONDS = 0.008
_QUIET_SECONDS = 0.2
_GIVE_UP_SECONDS = 0.6


class Terminal:
    """A running program and what its terminal shows.

    Attributes:
        first_paint: seconds from process start to the first visible character; None before it.
    """

    def __init__(self, command: Sequence[str], *, columns: int, lines: int) -> None:
        self.screen = pyte.Screen(columns, lines)
        self._stream = pyte.ByteStream(self.screen)
        self.first_paint: float | None = None
        self._ended = False
        environment = {
            **os.environ,
            "TERM": "xterm-256color",
            "COLORTERM": "truecolor",
            "LANG": "C.UTF-8",
            "PYTHONPATH": str(_ROOT),
        }
        environment.pop("NO_COLOR", None)
        self._began = time.perf_counter()
        self._pid, self._terminal = pty.fork()
        if self._pid == 0:
            os.chdir(_ROOT)
            fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))
            os.execve(command[0], list(command), environment)
        fcntl.ioctl(self._terminal, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))

    def __enter__(self) -> "Terminal":
        return self

    def __exit__(self, *_: object) -> None:
        """End the program and wait for it."""
        with contextlib.suppress(ProcessLookupError):
            os.kill(self._pid, signal.SIGTERM)
        # A program that restores its terminal blocks until somebody reads what it writes.
        ended = time.perf_counter() + 5
        while time.perf_counter() < ended and os.waitpid(self._pid, os.WNOHANG) == (0, 0):
            self._read(0.05)
        else:
            if time.perf_counter() >= ended:
                os.kill(self._pid, signal.SIGKILL)
                os.waitpid(self._pid, 0)
        os.close(self._terminal)

    def text(self) -> str:
        """The screen, a line each."""
        return "\n".join(self.screen.display)

    def wait_for(self, text: str, *, seconds: float) -> float:
        """Seconds from process start until the text is on the screen.

        Raises:
            RuntimeError: it did not come in time; with the screen.
        """
        until = time.perf_counter() + seconds
        while time.perf_counter() < until and not self._ended:
            painted = self._read(0.1)
            if painted is not None and text in self.text():
                return painted - self._began
        why = "before the program ended" if self._ended else f"within {seconds} s"
        raise RuntimeError(f"{text!r} did not appear {why}:\n{self.text()}")

    def settle(self) -> None:
        """Read until nothing has been painted for a while."""
        while self._read(_QUIET_SECONDS) is not None:
            pass

    def settle_for(self, seconds: float) -> None:
        """Read whatever is painted in this time, and then until all is quiet."""
        until = time.perf_counter() + seconds
        while (left := until - time.perf_counter()) > 0:
            self._read(left)
        self.settle()

    def resident_mib(self) -> float:
        """The memory that the program holds now."""
        status = Path(f"/proc/{self._pid}/status").read_text(encoding="ascii")
        (held,) = (int(line.split()[1]) for line in status.splitlines() if line.startswith("VmRSS:"))
        return held / 1024

    def press(self, key: str) -> float | None:
        """Press a key and wait until all is quiet again.

        Returns:
            Seconds until the end of the first frame that changed the screen; None when nothing changed.
        """
        before = self._state()
        pressed = time.perf_counter()
        os.write(self._terminal, key.encode())
        painted: float | None = None
        while painted is None and time.perf_counter() - pressed < _GIVE_UP_SECONDS:
            at = self._read(_QUIET_SECONDS)
            if at is not None and self._state() != before:
                painted = at
        self.settle()
        return None if painted is None else painted - pressed

    def answered(self, key: str, *, waiting: str, seconds: float) -> float:
        """Press a key that asks something, and wait for the answer.

        Args:
            waiting: what the screen says for as long as there is no answer.
            seconds: how long that may take.

        Returns:
            Seconds until the end of the last frame that changed the screen; then it is quiet and does not say so.

        Raises:
            RuntimeError: no answer came in time; with the screen.
        """
        known = self._state()
        pressed = time.perf_counter()
        changed = None
        os.write(self._terminal, key.encode())
        while time.perf_counter() - pressed < seconds:
            at = self._read(_QUIET_SECONDS)
            if at is None:
                if changed is not None and waiting not in self.text():
                    return changed - pressed
            elif (state := self._state()) != known:
                known, changed = state, at
        raise RuntimeError(f"{key!r} was not answered within {seconds} s:\n{self.text()}")

    def _state(self) -> list[object]:
        """What is visible: characters with their colours, for a cursor that is only a colour."""
        return [
            [(cell.data, cell.fg, cell.bg, cell.reverse) for _, cell in sorted(line.items())]
            for _, line in sorted(self.screen.buffer.items())
        ]

    def _read(self, seconds: float) -> float | None:
        """Take in one frame that begins within this time; when its end came, on the performance counter, or None."""
        frame = bytearray()
        at = None
        while select.select([self._terminal], [], [], seconds if at is None else _FRAME_GAP_SECONDS)[0]:
            try:
                data = os.read(self._terminal, 1 << 16)
            except OSError:
                self._ended = True
                break
            at = time.perf_counter()
            frame += data
        self._stream.feed(bytes(frame))
        if at is not None and self.first_paint is None and any(line.strip() for line in self.screen.display):
            self.first_paint = at - self._began
        return at
