"""Memory given back to the system once something large was made: the C library and SQLite else keep what was freed."""

import ctypes
import sqlite3

_LIBRARY = ctypes.CDLL(None)
# Of the C library of GNU; elsewhere they are missing, and freed memory is left to what is there.
_TRIM, _OPTION = getattr(_LIBRARY, "malloc_trim", None), getattr(_LIBRARY, "mallopt", None)
_MMAP_THRESHOLD = -3
_LARGE = 4 << 20


def give_back_what_is_large() -> None:
    """From now on let large arrays be taken from the system and go back to it, each on its own."""
    if _OPTION is not None:
        _OPTION(_MMAP_THRESHOLD, _LARGE)


def give_back(connection: sqlite3.Connection) -> None:
    """Return freed memory now, and the pages that the connection keeps."""
    connection.execute("PRAGMA shrink_memory")
    if _TRIM is not None:
        _TRIM(0)
