"""Memory given back to the system once something large was made: the C library and SQLite else keep what was freed."""

import ctypes
import sqlite3

_LIBRARY = ctypes.CDLL(None)
# Of the C library of GNU; elsewhere they are missing, and freed memory is left to what is there.
_TRIM, _OPTION = getattr(_LIBRARY, "malloc_trim", None), getattr(_LIBRARY, "mallopt", None)
_TRIM_THRESHOLD, _MMAP_THRESHOLD, _ARENA_MAX = -1, -3, -8
_LARGE, _SPARE = 4 << 20, 16 << 20


def keep_little() -> None:
    """From now on large arrays go back to the system each on its own, and threads share one heap. Call it early."""
    if _OPTION is not None:
        _OPTION(_MMAP_THRESHOLD, _LARGE)
        _OPTION(_TRIM_THRESHOLD, _SPARE)
        _OPTION(_ARENA_MAX, 1)


def give_back(connection: sqlite3.Connection) -> None:
    """Return freed memory now, and the pages that the connection keeps."""
    connection.execute("PRAGMA shrink_memory")
    if _TRIM is not None:
        _TRIM(0)
