"""What a check is: a function that yields what does not hold, and returns the one line that says what does.

A check reads through the connection it is given, inside its snapshot, and writes nothing. Damage may be anywhere: a
column may be missing, text may stand where a number belongs. What a check stumbles over, the runner reports.
"""

import sqlite3
from collections.abc import Callable, Generator, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from store.verify.entries import Entry, read_entries

if TYPE_CHECKING:
    from store.checkpoint import Checkpoint
    from store.verify.scan import Scan

_LONGEST_VALUE = 60


class Finding(NamedTuple):
    """Something worth a line, naming what it is about: `entry #411`, `import 7 events-2019.csv`, `table x`, `file y`.

    Attributes:
        says: one line; text of the data stands in it as it is, and is cleaned where it is shown.
        is_fault: whether the store does not hold; False for what is only said, such as a clock that went back.
    """

    says: str
    is_fault: bool = True


# Yields findings; returns what holds where no fault was among them: `4,711 entries, each chained to the one before`.
Findings: TypeAlias = Generator[Finding, None, str]


@dataclass(slots=True)
class Context:
    """What checks share.

    Attributes:
        path: the store's file; None where it has none.
        checkpoint: what the log is held against; None where none was given.
        tell: call it with how far the check is, from 0 to 1, or None where it cannot tell.
        scan: what the check of the evidence read, for the check of the derived tables after it.
    """

    path: Path | None
    checkpoint: "Checkpoint | None"
    tell: Callable[[float | None], None]
    scan: "Scan | None" = None
    _entries: tuple[list[Entry], list[str]] | None = field(default=None)

    def entries(self, connection: sqlite3.Connection) -> list[Entry]:
        """The entries of the log that can be read, by seq."""
        return self._read(connection)[0]

    def unreadable_entries(self, connection: sqlite3.Connection) -> list[str]:
        """What is wrong with those that cannot."""
        return self._read(connection)[1]

    def _read(self, connection: sqlite3.Connection) -> tuple[list[Entry], list[str]]:
        if self._entries is None:
            self._entries = read_entries(connection)
        return self._entries


class Check(NamedTuple):
    """One check.

    Attributes:
        name: as it is shown.
        run: what it does.
        reads_rows: it is left out where the tables are not what they seem, such as views under their names.
        scans: it reads the whole file, through a connection of its own: see `store.verify.scan`.
    """

    name: str
    run: Callable[[sqlite3.Connection, Context], Findings]
    reads_rows: bool = True
    scans: bool = False


def reraise_interruption(error: Exception) -> None:
    """Whoever stops the program, or the query, stops all checks."""
    if isinstance(error, sqlite3.Error) and getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_INTERRUPT:
        raise error


def valued(value: object) -> str:
    """A value of the data as a finding tells it: `nothing`, 7, 'flagged', cut where it is long."""
    if value is None:
        return "nothing"
    text = repr(value) if isinstance(value, str | bytes) else str(value)
    return text if len(text) <= _LONGEST_VALUE else f"{text[:_LONGEST_VALUE]}... ({len(text):,} characters)"


def listed(names: Iterable[object]) -> str:
    """`a, b and c`."""
    *first, last = map(str, names)
    return f"{', '.join(first)} and {last}" if first else last
