"""The log played again, and held against the tables that it tells of. How rows are compared, whatever the table.

It is written apart from the code that writes those tables: what the log says is turned into rows here once more.
"""

import json
import sqlite3
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple, TypeAlias

from store.instants import parse_point
from store.ledger import canonical
from store.verify.checks import Finding, valued

Key: TypeAlias = tuple[Any, ...]
Row: TypeAlias = Mapping[str, Any]


class Json(NamedTuple):
    """A value that a column holds as JSON text, in the canonical form or as Python writes it."""

    value: Any

    def is_written_as(self, text: object) -> bool:
        """Whether the column's text is one of this value, to the blank."""
        if not isinstance(text, str):
            return False
        try:
            found = json.loads(text)
            forms = (canonical(found), json.dumps(found), json.dumps(found, ensure_ascii=False))
            return canonical(found) == canonical(self.value) and text in forms
        except (ValueError, RecursionError):
            return False


class Told(NamedTuple):
    """A row as the log tells it.

    Attributes:
        name: what to call it.
        seq: the entry that says so last.
        columns: every column; a `Json` where it holds JSON text.
    """

    name: str
    seq: int
    columns: dict[str, Any]


def rows_of(connection: sqlite3.Connection, question: str, key: tuple[str, ...]) -> dict[Key, dict[str, Any]]:
    """The rows that a question finds, by the columns of their key."""
    cursor = connection.execute(question)
    names = [str(each[0]) for each in cursor.description]
    rows = [dict(zip(names, row, strict=True)) for row in cursor]
    return {tuple(row[name] for name in key): row for row in rows}


def differences(
    told: Mapping[Key, Told], found: Mapping[Key, Row], name: Callable[[Key, Row], str]
) -> Iterator[Finding]:
    """Whatever the log tells and the table does not hold, or holds otherwise, or holds and the log does not tell.

    Args:
        name: what to call a row that the log tells nothing of.
    """
    for key in sorted(told.keys() | found.keys(), key=repr):
        row, expected = found.get(key), told.get(key)
        if expected is None:
            if row is not None:
                yield Finding(f"{name(key, row)}: the log tells nothing of it")
        elif row is None:
            yield Finding(f"{expected.name}: it is gone; entry #{expected.seq} tells of it")
        else:
            yield from _changed(expected, row)


def _changed(expected: Told, row: Row) -> Iterator[Finding]:
    for column, value in expected.columns.items():
        if column not in row:
            yield Finding(f"{expected.name}: it has no {column}")
        elif not _is(value, row[column]):
            said = value.value if isinstance(value, Json) else value
            yield Finding(
                f"{expected.name}: its {column} is {valued(row[column])}, entry #{expected.seq} says {valued(said)}"
            )


def _is(value: Any, found: object) -> bool:
    if isinstance(value, Json):
        return value.is_written_as(found)
    return type(value) is type(found) and value == found


def instant(text: object) -> int | None:
    """Microseconds UTC of an instant or a date that an entry tells; None where it tells none."""
    return parse_point(text) if isinstance(text, str) else None
