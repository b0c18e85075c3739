"""From arguments to an exit code: runs one command and turns whatever goes wrong into one line on stderr.

Exit codes: 0 done; 1 the answer is no; 2 the call or a file is unusable; 70 a fault of ours; 128+n on signal n.
"""

import io
import os
import signal
import sys
from argparse import Namespace
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from importlib import import_module
from types import FrameType

from store.errors import StoreError
from store.text import clean

EXIT_UNUSABLE = 2
EXIT_FAULT = 70
TRACEBACK_VARIABLE = "OVERSCOPE_TRACEBACK"
_LONGEST_LINE = 2_000
# What goes wrong in these may be the fault of what they read; in all others only the store's content is read.
_READS_OTHER_FILES = ("init", "import", "rules")


class Stopped(BaseException):
    """A signal asked this process to end; unwinds every open transaction on its way out."""

    def __init__(self, number: int) -> None:
        self.number = number
        super().__init__(signal.Signals(number).name)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command.

    Args:
        arguments: without the program's name; default those of the process.

    Returns:
        The exit code. Nothing is raised for bad input, and stderr then has one line.
    """
    words = list(sys.argv[1:] if arguments is None else arguments)
    _buffer_stdout()
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
    command = words[0] if words else ""
    received: list[int] = []
    try:
        with _signals_unwind(received):
            code = _run(words)
            sys.stdout.flush()
    except (KeyboardInterrupt, Stopped) as stop:
        number = stop.number if isinstance(stop, Stopped) else signal.SIGINT
        return _say(_how_to_resume(number, command), 128 + number)
    except Exception as error:
        # A library may turn the exception of a signal handler into one of its own, as DuckDB does.
        if received:
            return _say(_how_to_resume(received[0], command), 128 + received[0])
        return _failed(error, command)
    return code


def _buffer_stdout() -> None:
    """Have Python write all or fail: under PYTHONUNBUFFERED it takes what a full disk refused for written."""
    raw = getattr(sys.stdout, "buffer", None)
    if sys.stdout is sys.__stdout__ and isinstance(raw, io.RawIOBase) and isinstance(sys.stdout, io.TextIOWrapper):
        encoding = sys.stdout.encoding
        sys.stdout.detach()
        sys.stdout = io.TextIOWrapper(io.BufferedWriter(raw), encoding=encoding)


def _failed(error: Exception, command: str) -> int:
    """Say what went wrong, in one line, and return the exit code for it."""
    if isinstance(error, StoreError):
        return _say(str(error), EXIT_UNUSABLE)
    if isinstance(error, BrokenPipeError):
        _abandon_stdout()
        return 128 + signal.SIGPIPE
    if isinstance(error, OSError):
        return _say(_os_error_line(error), EXIT_UNUSABLE)
    return _say(*_unexpected(error, command))


def _run(words: list[str]) -> int:
    from store.cli.parser import parse

    try:
        options: Namespace = parse(words)
    except SystemExit as done:
        # argparse ends the process after --help and --version; the text is out, the code is 0.
        return int(done.code or 0)
    module, function = options.run.split(":")
    return int(getattr(import_module(f"store.cli.{module}"), function)(options))


@contextmanager
def _signals_unwind(received: list[int]) -> Iterator[None]:
    """SIGINT, SIGTERM and SIGHUP raise `Stopped`, so that they leave nothing half-done; ignored ones stay ignored.

    Args:
        received: gets the number of each signal that came.
    """

    def stop(number: int, _frame: FrameType | None) -> None:
        received.append(number)
        raise Stopped(number)

    before = {}
    # Only a process's main thread may set handlers.
    with suppress(ValueError):
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            if signal.getsignal(number) in (signal.SIG_DFL, signal.default_int_handler):
                before[number] = signal.signal(number, stop)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _say(line: str, code: int) -> int:
    try:
        sys.stdout.flush()
    except (OSError, ValueError):
        # Else Python tries once more at its end, complains, and ends with a code of its own.
        _abandon_stdout()
    with suppress(BrokenPipeError):
        print(clean(" ".join(line.split()), _LONGEST_LINE), file=sys.stderr)
    return code


def _abandon_stdout() -> None:
    """Point stdout at nothing, or Python's own flush at exit complains about the reader that has gone."""
    with suppress(OSError, ValueError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)


def _how_to_resume(number: int, command: str) -> str:
    what = "interrupted" if number == signal.SIGINT else f"ended by {signal.Signals(number).name}"
    if command == "import":
        return f"{what}: run the same command again to go on; until then an unfinished import counts nowhere"
    return f"{what}: what was asked is done whole or not at all; `python -m store log` shows which"


def _os_error_line(error: OSError) -> str:
    reason = error.strerror or str(error) or type(error).__name__
    return reason if error.filename is None else f"{os.fsdecode(error.filename)}: {reason}"


def _unexpected(error: Exception, command: str) -> tuple[str, int]:
    """The line and the code for what no command expected.

    A database that fails to answer is a file's fault; values that make no sense most likely are, and `verify` tells.
    """
    import sqlite3

    if os.environ.get(TRACEBACK_VARIABLE):
        raise error
    if isinstance(error, sqlite3.DatabaseError) and not isinstance(error, sqlite3.ProgrammingError):
        return f"the store cannot be used: {error}; if it is not just busy, take the last good copy", EXIT_UNUSABLE
    kind = type(error).__name__
    if command not in _READS_OTHER_FILES and isinstance(error, _senseless_values()):
        return (
            f"the store holds what makes no sense ({kind}: {error}): see `python -m store verify`, and go on with the"
            f" last good copy; if verify finds nothing, this is a fault of ours: {TRACEBACK_VARIABLE}=1 shows where"
        ), EXIT_UNUSABLE
    return f"internal error: {kind}: {error} (a fault of ours: {TRACEBACK_VARIABLE}=1 shows where)", EXIT_FAULT


def _senseless_values() -> tuple[type[Exception], ...]:
    """What code raises that meets text for a number, nothing for something, or bytes that were never packed."""
    import struct
    import zlib

    kinds = (ValueError, TypeError, LookupError, ArithmeticError, AttributeError, RecursionError, MemoryError)
    return (*kinds, struct.error, zlib.error)
