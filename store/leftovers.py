"""Names for what is not finished yet, told apart by the process that works on it, so that dead ones' can be cleared."""

import glob
import os
import shutil
import uuid
from collections.abc import Iterator
from pathlib import Path

_LONGEST = 100


def passing_name(path: Path, kind: str) -> Path:
    """A fresh name beside a path, for as long as something is being made: `.incident.db.4711.5f2c61aa.new`."""
    return path.with_name(f".{path.name[:_LONGEST]}.{os.getpid()}.{uuid.uuid4().hex[:8]}.{kind}")


def clear_leftovers(path: Path, kind: str) -> None:
    """Remove what killed processes have left under such names beside a path, with the journals beside it."""
    for leftover in _of_dead_processes(path, kind):
        if leftover.is_dir() and not leftover.is_symlink():
            shutil.rmtree(leftover, ignore_errors=True)
        else:
            leftover.unlink(missing_ok=True)


def _of_dead_processes(path: Path, kind: str) -> Iterator[Path]:
    prefix = f".{path.name[:_LONGEST]}."
    for found in path.parent.glob(f"{glob.escape(prefix)}*.{kind}*"):
        process = found.name.removeprefix(prefix).partition(".")[0]
        if process.isdecimal() and not _lives(int(process)):
            yield found


def _lives(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except (OverflowError, PermissionError):
        return True
    return True
