"""The terminal's driver, for a terminal that may go away: nothing of ours may wait for it then."""

import codecs
import os
import selectors
from io import TextIOWrapper
from typing import TYPE_CHECKING, Any, TextIO, cast

from textual import constants
from textual._xterm_parser import XTermParser
from textual.drivers.linux_driver import LinuxDriver

if TYPE_CHECKING:
    from textual.app import App


_MOST_READ = 1 << 12
_IDLE_S = 0.1
# Looked for a little later than the parser gives up, so that one look is enough.
_AFTER_ESCAPE_S = constants.ESCAPE_DELAY + 0.001


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

    def run_input_thread(self) -> None:
        """Textual's own, but that `esc` alone is told once its delay is over, not at the next tenth of a second."""
        parser = XTermParser(self._debug)
        decode = codecs.getincrementaldecoder("utf-8")().decode
        begun = False
        with selectors.SelectSelector() as selector:
            selector.register(self.fileno, selectors.EVENT_READ)
            while not self.exit_event.is_set():
                if selector.select(_AFTER_ESCAPE_S if begun else _IDLE_S):
                    typed = decode(os.read(self.fileno, _MOST_READ))
                    begun = typed.endswith("\x1b")
                    # Nothing at all is the end of a file; the parser takes it for its own.
                    for event in parser.feed(typed) if typed else ():
                        self.process_message(event)
                else:
                    begun = False
                for event in parser.tick():
                    self.process_message(event)

    def _sigcont_application(self, *_: object) -> None:
        # The kernel sends one with the SIGHUP of a closed terminal: beginning anew would start a second of each thread.
        if self._must_signal_resume:
            super()._sigcont_application()
