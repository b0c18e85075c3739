"""A real terminal for a program under test: a pty, and pyte to read what it paints. Nothing sleeps; all waits end."""

import fcntl
import os
import pty
import select
import signal
import struct
import sys
import termios
import time
from collections.abc import Callable, Mapping, Sequence
from types import TracebackType
from typing import Self

import pyte

PATIENCE_SECONDS = 30.0


class Terminal:
    """`python -m ...` in a terminal of this size.

    Attributes:
        raw: every byte the program wrote.
    """

    def __init__(
        self,
        arguments: Sequence[str],
        *,
        size: tuple[int, int] = (120, 40),
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self.raw = bytearray()
        columns, rows = size
        self._screen = pyte.Screen(columns, rows)
        self._stream = pyte.ByteStream(self._screen)
        self._status: int | None = None
        decided_here = ("NO_COLOR", "COLORTERM", "COLUMNS", "LINES")
        inherited = {name: value for name, value in os.environ.items() if name not in decided_here}
        settings = {**inherited, "TERM": "xterm-256color", "COLORTERM": "truecolor", **(environment or {})}
        self._pid, self._file = pty.fork()
        if self._pid == 0:
            fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
            os.execve(sys.executable, [sys.executable, *arguments], settings)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._status is None:
            os.kill(self._pid, signal.SIGKILL)
            os.waitpid(self._pid, 0)
        os.close(self._file)

    @property
    def lines(self) -> list[str]:
        """The screen as it is now."""
        return [line.rstrip() for line in self._screen.display]

    @property
    def text(self) -> str:
        """The screen as one text."""
        return "\n".join(self.lines)

    def press(self, keys: str) -> None:
        """Type these characters."""
        os.write(self._file, keys.encode())

    def send_signal(self, number: int) -> None:
        """Send the program a signal."""
        os.kill(self._pid, number)

    def resize(self, columns: int, rows: int) -> None:
        """Make the window another size; the program is told by the kernel."""
        self._screen.resize(rows, columns)
        fcntl.ioctl(self._file, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def wait_for(self, condition: str | Callable[[str], bool]) -> None:
        """Read until a text is on the screen, or a condition on it holds.

        Raises:
            AssertionError: it never was.
        """
        holds = condition if callable(condition) else lambda text: condition in text
        end = time.monotonic() + PATIENCE_SECONDS
        while not holds(self.text):
            if not self._read(end):
                raise AssertionError(f"never on the screen: {condition!r}\n{self.text}")

    def wait_for_exit(self) -> int:
        """Read until the program ends; its exit code, negative for a signal it died of."""
        end = time.monotonic() + PATIENCE_SECONDS
        while self._read(end):
            pass
        while self._status is None:
            pid, status = os.waitpid(self._pid, os.WNOHANG)
            if pid:
                self._status = os.waitstatus_to_exitcode(status)
            elif time.monotonic() > end:
                raise AssertionError(f"did not end\n{self.text}")
        return self._status

    def _read(self, end: float) -> bool:
        """Take what the program wrote; False when it has closed the terminal, or at the end of patience."""
        ready, _, _ = select.select([self._file], [], [], max(0.0, end - time.monotonic()))
        if not ready:
            return False
        try:
            written = os.read(self._file, 65_536)
        except OSError:
            return False
        self.raw += written
        self._stream.feed(written)
        return bool(written)

    @property
    def is_restored(self) -> bool:
        """Whether the program gave the terminal back: main screen, cursor shown, mouse and paste modes off."""
        raw = bytes(self.raw)
        return all(
            raw.rfind(off) > raw.rfind(on)
            for on, off in (
                (b"\x1b[?1049h", b"\x1b[?1049l"),
                (b"\x1b[?25l", b"\x1b[?25h"),
                (b"\x1b[?1000h", b"\x1b[?1000l"),
                (b"\x1b[?2004h", b"\x1b[?2004l"),
            )
        )
