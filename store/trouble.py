"""What SQLite's own errors mean to a person, and what to do about them. It knows nothing of whose file it is."""

import sqlite3

# SQLite tells a limit on a file's size, and a disk that fails, by one and the same code.
_DISK = "the disk is full, or fails: free some space, then try again"
_DAMAGED = "it is damaged, or was altered: see `python -m store verify`, and go on with the last good copy"
_WORDS = {
    sqlite3.SQLITE_BUSY: "another program has been writing to it for too long: try again when that is done",
    sqlite3.SQLITE_FULL: _DISK,
    sqlite3.SQLITE_IOERR: _DISK,
    sqlite3.SQLITE_CORRUPT: _DAMAGED,
    sqlite3.SQLITE_NOTADB: _DAMAGED,
    sqlite3.SQLITE_READONLY: "the file or its folder cannot be written: make them yours to write, then start again",
    sqlite3.SQLITE_CANTOPEN: "the file or its folder cannot be opened: check that they are there, and yours",
}
_PRIMARY_CODE = 0xFF


def in_words(error: BaseException) -> str | None:
    """What is wrong, and what to do; None for an error that is none of these."""
    code = getattr(error, "sqlite_errorcode", None)
    words = None if code is None else _WORDS.get(code & _PRIMARY_CODE)
    return None if words is None else f"{words} ({error})"
