"""Commands as processes of their own, with something done to them in the middle of a write."""

import os
import resource
import signal
import sqlite3
import sys
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from store.cli.main import main


class Counted(sqlite3.Connection):
    """Calls a function before each statement of its write transactions, and once after the last COMMIT returned."""

    on_statement: Callable[[], None]
    is_writing = False

    def execute(self, sql: str, *values: object) -> sqlite3.Cursor:
        """Run one statement."""
        is_writing = Counted.is_writing or sql == "BEGIN IMMEDIATE"
        if is_writing:
            type(self).on_statement()
        cursor = super().execute(sql, *values)
        Counted.is_writing = is_writing and sql != "COMMIT"
        if sql == "COMMIT":
            type(self).on_statement()
        return cursor


def _each_statement(do: Callable[[int], None]) -> None:
    """Call a function before each statement of writing, with its number, from 1 on."""
    number = 0

    def on_statement() -> None:
        nonlocal number
        number += 1
        do(number)

    Counted.on_statement = on_statement
    sqlite3.connect = partial(sqlite3.connect, factory=Counted)


def counted(words: Sequence[str]) -> int:
    """Run a command; the last line on standard output is how many statements it had to write."""
    numbers = [0]
    _each_statement(numbers.append)
    code = main(words)
    print(numbers[-1])
    return code


def signalled(words: Sequence[str], statement: int, number: int) -> int:
    """Run a command that gets a signal right before one of its statements."""

    def send(at: int) -> None:
        if at == statement:
            os.kill(os.getpid(), number)

    _each_statement(send)
    return main(words)


def replaced(words: Sequence[str], statement: int, path: str, other: str | None) -> int:
    """Run a command whose store is renamed over, or deleted, right before one of its statements."""

    def swap(at: int) -> None:
        if at == statement:
            if other is None:
                Path(path).unlink()
            else:
                os.replace(other, path)

    _each_statement(swap)
    return main(words)


def out_of_room(words: Sequence[str], largest: int) -> int:
    """Run a command that may not make any file larger than so many bytes."""
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (largest, resource.RLIM_INFINITY))
    return main(words)


def out_of_pages(words: Sequence[str], pages: int) -> int:
    """Run a command for which SQLite finds the disk full beyond so many pages."""

    class Full(sqlite3.Connection):
        def execute(self, sql: str, *values: object) -> sqlite3.Cursor:
            if sql == "BEGIN IMMEDIATE":
                super().execute(f"PRAGMA max_page_count={pages}")
            return super().execute(sql, *values)

    sqlite3.connect = partial(sqlite3.connect, factory=Full)
    return main(words)


def on_a_small_disk(words: Sequence[str], store: str, place: str, size: int) -> int:
    """Run a command on a copy of a store on a disk of its own, of so many bytes, which only this process sees.

    Prints `no disk` where this machine lets nobody make one.
    """
    import ctypes
    import shutil

    new_user, new_mounts = 0x10000000, 0x00020000
    system = ctypes.CDLL(None, use_errno=True)
    user, group = os.geteuid(), os.getegid()
    wanted = new_mounts if user == 0 else new_mounts | new_user
    private, recursive = 1 << 18, 1 << 14
    if system.unshare(wanted):
        print("no disk")
        return 0
    if user != 0:
        # Files on the disk need an owner that the new name space knows.
        for name, line in {"setgroups": "deny", "uid_map": f"{user} {user} 1", "gid_map": f"{group} {group} 1"}.items():
            Path("/proc/self", name).write_text(line, "ascii")
    if system.mount(b"none", b"/", None, private | recursive, None) or system.mount(
        b"tmpfs", place.encode(), b"tmpfs", 0, f"size={size}".encode()
    ):
        print("no disk")
        return 0
    there = Path(place) / "incident.db"
    shutil.copyfile(store, there)
    code = main([*words, "--db", str(there)])
    sys.stdout.flush()
    shutil.copyfile(there, f"{store}.after")
    return code


def as_user(words: Sequence[str], user: int) -> int:
    """Run a command as somebody who is not root: permission bits do not bind root."""
    if os.geteuid() == 0:
        os.setgroups([])
        os.setgid(user)
        os.setuid(user)
    return main(words)
