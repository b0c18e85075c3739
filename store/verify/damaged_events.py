"""The events of a store that may be damaged: whatever of them can be read, and what stands in the way of the rest.

Where a page cannot be read, the rows before and after it are: only the imports whose rows lie on it are to be named.
"""

import sqlite3
from collections.abc import Iterator
from typing import Any, TypeAlias

from store.event_rows import CHUNK, EVENT_NUMBERS, EVENTS_AFTER, LEAST_NUMBER, EventRows, columns_of
from store.verify.checks import reraise_interruption

Row: TypeAlias = tuple[Any, ...]
Key: TypeAlias = tuple[int, int, int]

_OF_APP = EVENTS_AFTER.replace(
    "(app, occurred_at, event_key) > (?, ?, ?)", "app = ? AND (occurred_at, event_key) > (?, ?)"
)
_BACKWARDS = _OF_APP.replace("app, occurred_at, event_key\nLIMIT", "occurred_at DESC, event_key DESC\nLIMIT")
_APPS = "SELECT id FROM apps WHERE id >= ? ORDER BY id"
_NO_LIMIT = -1
_FIRST: Key = (LEAST_NUMBER, LEAST_NUMBER, LEAST_NUMBER)


def events_as_they_are(connection: sqlite3.Connection, unreadable: list[str]) -> Iterator[EventRows]:
    """Every event that can be read, in key order, at most `CHUNK` at a time.

    A value that is no number comes as `LEAST_NUMBER`, which no import ever brought.

    Args:
        unreadable: gets SQLite's words for each place that cannot be read.
    """
    after: Key | None = _FIRST
    while after is not None:
        rows, fault = _read(connection, EVENTS_AFTER, (*after, CHUNK))
        if rows:
            yield _as_columns(rows)
        if fault:
            unreadable.append(fault)
            yield from _app_by_app(connection, _key(rows[-1]) if rows else after, unreadable)
            return
        after = _key(rows[-1]) if rows else None


def _app_by_app(connection: sqlite3.Connection, after: Key | None, unreadable: list[str]) -> Iterator[EventRows]:
    """The events after a key: of each app from the first one on, then from its last one back."""
    if after is None:
        return
    for (app,) in connection.execute(_APPS, (max(after[0], 0),)).fetchall():
        place: tuple[int, int] | None = after[1:] if app == after[0] else _FIRST[1:]
        while place is not None:
            rows, fault = _read(connection, _OF_APP, (app, *place, CHUNK))
            if rows:
                yield _as_columns(rows)
                key = _key(rows[-1])
                place = None if key is None or key[0] != app else key[1:]
            if fault:
                unreadable.append(fault)
                # Without a place to stop at, what was read forwards would come again.
                if place is not None:
                    rest, _ = _read(connection, _BACKWARDS, (app, *place, _NO_LIMIT))
                    rest.reverse()
                    yield from (_as_columns(rest[at : at + CHUNK]) for at in range(0, len(rest), CHUNK))
                break
            if not rows:
                break


def _read(connection: sqlite3.Connection, question: str, values: tuple[int, ...]) -> tuple[list[Row], str]:
    """The rows up to the first that cannot be read, and SQLite's words for that; empty where all could be."""
    rows: list[Row] = []
    try:
        # What came before an error stays in the list.
        rows.extend(connection.execute(question, values))
    except sqlite3.DatabaseError as error:
        reraise_interruption(error)
        return rows, str(error)
    return rows, ""


def _key(row: Row) -> Key | None:
    """Where to go on after a row; None where its key is of no numbers and nothing can come after it."""
    app, occurred_at, event_key = row[:3]
    if not isinstance(app, int):
        # Texts and bytes are sorted behind all numbers.
        return None
    if isinstance(occurred_at, int) and isinstance(event_key, int):
        return app, occurred_at, event_key
    return app + 1, LEAST_NUMBER, LEAST_NUMBER


def _as_columns(rows: list[Row]) -> EventRows:
    try:
        return columns_of(rows)
    except (TypeError, ValueError, OverflowError):
        whole = len(EVENT_NUMBERS) + 1
        return columns_of(
            [(*(value if isinstance(value, int) else LEAST_NUMBER for value in row[:whole]), row[-1]) for row in rows]
        )
