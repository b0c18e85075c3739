"""The terminal's driver, for a terminal that may go away: nothing of ours may wait for it then."""

import os
from io import TextIOWrapper
from typing import TYPE_CHECKING, Any, TextIO, cast

from textual.drivers.linux_driver import LinuxDriver

if TYPE_CHECKING:
    from textual.app import App


class _UntilItCloses:
    """A file whose writes are dropped once nobody is at its other end.

    Textual writes in a thread of its own, which an error would end; whoever then fills its queue would wait for ever.
    """

    def __init__(self, file: TextIO) -> None:
        self._file = file
        self._is_closed = False

    def write(self, text: str) -> int:
        """Write what can still be written."""
        if not self._is_closed:
            try:
                return self._file.write(text)
            except OSError:
                self._is_closed = True
        return len(text)

    def flush(self) -> None:
        """Hand over what was written."""
        if not self._is_closed:
            try:
                self._file.flush()
            except OSError:
                self._is_closed = True

    def fileno(self) -> int:
        """The file's number."""
        return self._file.fileno()

    def isatty(self) -> bool:
        """Whether it is a terminal."""
        return os.isatty(self._file.fileno())


class TerminalDriver(LinuxDriver):
    """Textual's own, but for a closed terminal and for a SIGCONT that nobody was stopped before."""

    def __init__(
        self, app: "App[object]", *, debug: bool = False, mouse: bool = True, size: tuple[int, int] | None = None
    ) -> None:
        """Take the same as Textual's."""
        super().__init__(app, debug=debug, mouse=mouse, size=size)
        if self._file is not None:
            self._file = cast("TextIOWrapper[Any]", _UntilItCloses(self._file))

    def _sigcont_application(self, *_: object) -> None:
        # The kernel sends one with the SIGHUP of a closed terminal: beginning anew would start a second of each thread.
        if self._must_signal_resume:
            super()._sigcont_application()
