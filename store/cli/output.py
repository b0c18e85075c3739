"""What the command line prints: JSON, CSV, aligned tables, progress. Every text of the data comes out clean."""

import json
import sys
import time
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from store.csv_table import csv_table
from store.text import clean, clean_whole

Cell = str | int | float | None
_BLOCKS = " ▏▎▍▌▋▊▉█"
_SECONDS_BETWEEN_PAINTS = 0.2
_WIPE = "\r\x1b[K"


class Column(NamedTuple):
    """A column of a table: its title, whether it is set flush right, and the most characters of a cell."""

    title: str
    right: bool = False
    limit: int = 40


def print_lines(lines: Iterable[str]) -> None:
    """Print lines; each must be clean already, or made of `shown` texts."""
    sys.stdout.write("".join(f"{line}\n" for line in lines))


def write_text(text: str) -> None:
    """Print a text of several lines; each must be clean already."""
    sys.stdout.write(text)


def print_json(document: object) -> None:
    """Print one JSON document, in ASCII: safe for any terminal, and lossless."""
    sys.stdout.write(f"{json.dumps(document, ensure_ascii=True, allow_nan=False, indent=2)}\n")


def print_csv(header: Sequence[str], rows: Iterable[Mapping[str, object]]) -> None:
    """Print RFC 4180 CSV with a header; no cell is a formula, lists are joined by `|`."""
    sys.stdout.write(csv_table(header, rows))


def shown(text: str | None, limit: int = 80) -> str:
    """A text of the data for one place in a line: clean, cut, `-` where there is none."""
    return "-" if not text else clean(text, limit)


def table(columns: Sequence[Column], rows: Iterable[Sequence[Cell]], *, indent: str = "") -> list[str]:
    """The lines of an aligned table with its header; None is shown as `-`, numbers with their thousands apart."""
    cells = [[_cell(value, column) for value, column in zip(row, columns, strict=True)] for row in rows]
    widths = [
        max([width_of(column.title), *(width_of(row[place]) for row in cells)]) for place, column in enumerate(columns)
    ]
    lines = [[column.title for column in columns], *cells]
    return [
        (
            indent
            + "  ".join(
                _padded(text, width, right=column.right)
                for text, width, column in zip(line, widths, columns, strict=True)
            )
        ).rstrip()
        for line in lines
    ]


def _cell(value: Cell, column: Column) -> str:
    if isinstance(value, str):
        return clean(value, column.limit)
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:,}"


def _padded(text: str, width: int, *, right: bool) -> str:
    padding = " " * (width - width_of(text))
    return padding + text if right else text + padding


def width_of(text: str) -> int:
    """How many cells of a terminal a clean text takes, near enough to align a table."""
    if text.isascii():
        return len(text)
    wide = sum(unicodedata.east_asian_width(character) in "WF" for character in text)
    return len(text) + wide - sum(unicodedata.combining(character) != 0 for character in text)


def bar(value: int, most: int, width: int) -> str:
    """A horizontal bar of at most `width` cells, in eighths where the output's encoding has them."""
    if most <= 0 or value <= 0:
        return ""
    if not (sys.stdout.encoding or "").lower().startswith("utf"):
        return "#" * max(1, value * width // most)
    eighths = max(1, value * width * 8 // most)
    return _BLOCKS[8] * (eighths // 8) + (_BLOCKS[eighths % 8] if eighths % 8 else "")


def say(line: str) -> None:
    """Say something beside the answer, on stderr, clean and in one line."""
    print(clean_whole(line), file=sys.stderr)


class Progress:
    """A line on stderr that repaints itself: the file, records, rate, time left. Silent where stderr is no terminal."""

    def __init__(self, *, enabled: bool | None = None) -> None:
        self._enabled = sys.stderr.isatty() if enabled is None else enabled
        self._painted = 0.0
        self._shown = False

    def show(self, file: str, records: int, rate: float, seconds_left: float | None) -> None:
        """Repaint, a few times a second at most.

        Args:
            file: the file that is read.
            records: how many of its records are done.
            rate: records a second.
            seconds_left: None where nobody can tell.
        """
        moment = time.monotonic()
        if not self._enabled or moment - self._painted < _SECONDS_BETWEEN_PAINTS:
            return
        left = "" if seconds_left is None else f"  {_duration(seconds_left)} left"
        self._paint(f"{shown(file, 40)}  {records:,} records  {rate:,.0f}/s{left}", moment)

    def show_part(self, what: str, part: float | None) -> None:
        """Repaint with what runs and how far it is, from 0 to 1; None where nobody can tell."""
        moment = time.monotonic()
        if not self._enabled or moment - self._painted < _SECONDS_BETWEEN_PAINTS:
            return
        self._paint(f"{shown(what, 40)}  {'...' if part is None else f'{part:.0%}'}", moment)

    def show_bytes(self, what: str, done: int, total: int) -> None:
        """The same, for so many bytes done of so many."""
        self.show_part(what, done / total if total else None)

    def _paint(self, line: str, moment: float) -> None:
        self._painted, self._shown = moment, True
        sys.stderr.write(f"{_WIPE}{line}")
        sys.stderr.flush()

    def __enter__(self) -> "Progress":
        return self

    def __exit__(self, *_: object) -> None:
        if self._shown:
            sys.stderr.write(_WIPE)
            sys.stderr.flush()


def _duration(seconds: float) -> str:
    whole = int(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3_600:
        return f"{whole // 60} min {whole % 60:02d} s"
    return f"{whole // 3_600} h {whole % 3_600 // 60:02d} min"
