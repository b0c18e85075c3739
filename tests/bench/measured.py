"""What every part of the benchmarks shares: a timed process, a row of the table, and a line about the machine."""

import os
import platform
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import NamedTuple

_ROOT = Path(__file__).resolve().parents[2]


class Row(NamedTuple):
    """One line of the table; `target` is what the figure is held against, `met` whether it holds (None: no target)."""

    what: str
    figure: str
    command: str
    target: str = ""
    met: bool | None = None


class Run(NamedTuple):
    """One process that ended: wall and processor seconds, peak resident memory in MiB, and what it printed."""

    seconds: float
    processor: float
    peak_mib: float
    output: str


def run(command: Sequence[str], *, stdin: str | None = None) -> Run:
    """Run a program to its end and time it from the outside.

    Raises:
        RuntimeError: it failed; with the end of what it said.
    """
    with tempfile.TemporaryFile() as output, tempfile.TemporaryFile() as errors:
        began = time.perf_counter()
        process = subprocess.Popen(
            command,
            cwd=_ROOT,
            stdin=subprocess.PIPE if stdin is not None else subprocess.DEVNULL,
            stdout=output,
            stderr=errors,
            env={**os.environ, "PYTHONPATH": str(_ROOT)},
        )
        if process.stdin is not None:
            process.stdin.write((stdin or "").encode())
            process.stdin.close()
        # Popen keeps a child's memory to itself: wait for it by hand.
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - began
        process.returncode = os.waitstatus_to_exitcode(status)
        output.seek(0)
        errors.seek(0)
        if process.returncode != 0:
            said = errors.read().decode(errors="backslashreplace")[-400:].strip()
            raise RuntimeError(f"{' '.join(command)} ended with {process.returncode}: {said}")
        return Run(seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024, output.read().decode())


def machine() -> str:
    """Cores, memory and versions, in one line."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1024**3
    libraries = ", ".join(f"{name} {_version(name)}" for name in ("textual", "duckdb", "sqlite-utils", "numpy"))
    return (
        f"{os.cpu_count()} cores, {memory:.0f} GiB, {platform.machine()}; "
        f"Python {platform.python_version()}, SQLite {sqlite3.sqlite_version} (shell {_shell_version()}); {libraries}"
    )


def _version(distribution: str) -> str:
    try:
        return version(distribution)
    except PackageNotFoundError:
        return "absent"


def _shell_version() -> str:
    shell = shutil.which("sqlite3")
    if shell is None:
        return "absent"
    return subprocess.run([shell, "--version"], capture_output=True, text=True, check=True).stdout.split()[0]


def python(*arguments: str) -> list[str]:
    """A command of this interpreter."""
    return [sys.executable, *arguments]


def middle(values: Sequence[float]) -> float:
    """The median: the middle value, of two the lower."""
    return sorted(values)[(len(values) - 1) // 2]


def p95_of(ascending: Sequence[float]) -> float:
    """The value that 95 of 100 do not exceed."""
    return ascending[min(len(ascending) - 1, len(ascending) * 95 // 100)]


def table(rows: Sequence[Row]) -> str:
    """The rows as text, columns aligned."""
    cells = [("", "measured", "wanted", "", "command")]
    for row in rows:
        verdict = "" if row.met is None else "ok" if row.met else "MISSED"
        cells.append((row.what, row.figure, row.target, verdict, row.command))
    widths = [max(len(line[place]) for line in cells) for place in range(5)]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in cells
    )
