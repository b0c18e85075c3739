"""Whether the derived tables are what the plain ones make: they are made anew in temporary tables, and compared."""

import sqlite3
from collections.abc import Generator, Iterator
from typing import NamedTuple

import numpy as np

from store.fold import bring_up_to_date, defer, judged_last, live_contents
from store.instants import now
from store.packing import unpack
from store.segments import id_mark
from store.verify.checks import Context, Finding, Findings, valued
from store.words import counted

_STATE = "SELECT name, value FROM main.derived_state"
_TAKE_STATE = "INSERT OR REPLACE INTO derived_state(name, value) VALUES ('as_of', ?)"
_IMPORT_OF = "SELECT min(import_id) || ' ' || file FROM imports WHERE content_id = ?"
_MOST_NAMED = 20


class _Table(NamedTuple):
    """A derived table: its rows as they are, as they are made anew, and what they are named by."""

    name: str
    is_now: str
    anew: str
    columns: tuple[str, ...]
    key: int


_TABLES = (
    _Table(
        "segments",
        """
SELECT content_id, segment, events FROM main.segments s
WHERE EXISTS (SELECT 1 FROM imports i WHERE i.content_id = s.content_id AND i.state = 'complete')
  OR NOT EXISTS (SELECT 1 FROM imports i WHERE i.content_id = s.content_id)
""",
        "SELECT content_id, segment, events FROM temp.segments",
        ("content_id", "segment", "events"),
        2,
    ),
    _Table(
        "app_owners",
        "SELECT app, partner FROM main.app_owners",
        # Apps that entered after the last seal are of an import that is not complete: no refresh has seen them yet.
        """
SELECT app, partner FROM temp.app_owners
WHERE app <= (SELECT coalesce(max(last), 0) FROM main.seals WHERE part = 'dictionary apps')
  OR app IN (SELECT app FROM main.app_owners)
""",
        ("app", "partner"),
        1,
    ),
    _Table(
        "daily",
        "SELECT day, verdict, events FROM main.daily",
        "SELECT day, verdict, events FROM temp.daily",
        ("day", "verdict", "events"),
        2,
    ),
    _Table(
        "partner_figures",
        """
SELECT partner, partner_id, name, claimed, retained, granted, apps, people, events, resources, records, first_at,
  last_at, recent, after_removal, first_lag, without_subject, app_names
FROM main.partner_figures
""",
        """
SELECT partner, partner_id, name, claimed, retained, granted, apps, people, events, resources, records, first_at,
  last_at, recent, after_removal, first_lag, without_subject, app_names
FROM temp.partner_figures
""",
        (
            *("partner", "partner_id", "name", "claimed", "retained", "granted", "apps", "people", "events"),
            *("resources", "records", "first_at", "last_at", "recent", "after_removal", "first_lag"),
            *("without_subject", "app_names"),
        ),
        1,
    ),
    _Table(
        "app_figures",
        """
SELECT app, events, first_at, last_at, after_removal, first_after_at, denied_after, held_from, held_until
FROM main.app_figures
""",
        """
SELECT app, events, first_at, last_at, after_removal, first_after_at, denied_after, held_from, held_until
FROM temp.app_figures
""",
        (
            *("app", "events", "first_at", "last_at", "after_removal", "first_after_at", "denied_after"),
            *("held_from", "held_until"),
        ),
        1,
    ),
    _Table(
        "derived_state",
        "SELECT name, value FROM main.derived_state",
        # A store last refreshed by an earlier version keeps no begin of the list: it is read more slowly, no worse.
        """
SELECT name, value FROM temp.derived_state
WHERE name <> 'first_partners' OR EXISTS (SELECT 1 FROM main.derived_state WHERE name = 'first_partners')
""",
        ("name", "value"),
        1,
    ),
)
# Made anew after each call of `import`; a call that was killed leaves them behind, and they are not read until then.
_PACKED_ONLY = ("segments",)

# What an import packed that is not complete is read by nobody, and packed anew when it is taken up again.
# The packed columns are compared where they lie. What is noted beside them of the registry, a stale store lacks.
_CHANGED_COLUMNS = """
SELECT c.content_id, c.segment, c.name, c.dtype, c.packed, t.dtype, t.packed FROM main.segment_columns c
LEFT JOIN temp.segment_columns t ON t.content_id = c.content_id AND t.segment = c.segment AND t.name = c.name
WHERE (t.dtype IS NOT c.dtype OR t.packed IS NOT c.packed)
  AND (
    EXISTS (SELECT 1 FROM imports i WHERE i.content_id = c.content_id AND i.state = 'complete')
    OR NOT EXISTS (SELECT 1 FROM imports i WHERE i.content_id = c.content_id))
"""
_MISSING_COLUMNS = """
SELECT t.content_id, t.segment, t.name, NULL, NULL, NULL, NULL FROM temp.segment_columns t
WHERE NOT EXISTS (
  SELECT 1 FROM main.segment_columns c
  WHERE c.content_id = t.content_id AND c.segment = t.segment AND c.name = t.name)
"""
_OF_THE_REGISTRY = frozenset({"exempt", "opt_in", "after"})


def check_derived(connection: sqlite3.Connection, context: Context) -> Findings:
    """Make every derived table anew from the plain ones, and compare row by row.

    Args:
        connection: of `store.verify.scan.checking`, where an unqualified name of a derived table is a temporary one.
    """
    scan = context.scan
    if scan is None:
        yield Finding("the events could not be read, from which they are made")
        return ""
    connection.execute("BEGIN")
    try:
        if scan.packing_fault is not None:
            yield Finding(f"they cannot be made from the events as they are: {scan.packing_fault}")
            return ""
        if live_contents(connection) != scan.live:
            scan.pack_again(connection)
        kept: dict[object, object] = dict(connection.execute(_STATE).fetchall())
        is_stale = "stale" in kept
        if is_stale:
            defer(connection, import_id=0)
            yield Finding(
                f"import {kept['stale']} came in by a call that did not end: the figures are read from the events"
                " until the next import or `rebuild`",
                is_fault=False,
            )
        elif kept or scan.contents:
            _make(connection, kept.get("as_of"))
        yield from _packed(connection, is_stale=is_stale)
        compared = [table for table in _TABLES if not is_stale or table.name in _PACKED_ONLY]
        rows = 0
        for table in compared:
            rows += yield from _compare(connection, table)
    finally:
        connection.rollback()
    return f"{counted(rows, 'row')} and the packed events are what the plain tables make"


def _make(connection: sqlite3.Connection, judged_at: object) -> None:
    """Make the tables as they were made last: where the rulebook names no as-of, as of then."""
    if isinstance(judged_at, str):
        connection.execute(_TAKE_STATE, (judged_at,))
    last = judged_last(connection)
    bring_up_to_date(connection, at=now() if last is None else last)


def _packed(connection: sqlite3.Connection, *, is_stale: bool) -> Iterator[Finding]:
    for question, what in ((_CHANGED_COLUMNS, "is not what the events make"), (_MISSING_COLUMNS, "is missing")):
        for content_id, segment, name, *forms in connection.execute(question):
            if (is_stale and name in _OF_THE_REGISTRY) or _says_the_same(name, *forms):
                continue
            (owner,) = connection.execute(_IMPORT_OF, (content_id,)).fetchone()
            owner = f"import {owner}" if owner else f"content {valued(content_id)}"
            yield Finding(f"table segment_columns: column {valued(name)} of segment {segment} of {owner} {what}")


def _says_the_same(name: object, form: object, packed: object, form_anew: object, packed_anew: object) -> bool:
    """Whether two packed columns unpack to the same numbers: another version may have packed them otherwise."""
    if not isinstance(form_anew, str) or not isinstance(packed_anew, bytes):
        return False
    if not isinstance(form, str) or not isinstance(packed, bytes):
        return False
    anew = unpack(form_anew, packed_anew)
    try:
        was = unpack(form, packed)
    except (ValueError, TypeError, MemoryError):
        return False
    return np.array_equal(id_mark(was) if name == "id_key" else was, anew)


def _compare(connection: sqlite3.Connection, table: _Table) -> Generator[Finding, None, int]:
    """Compare two sets of rows by key; returns how many rows were expected."""
    found = {row[: table.key]: row for row in connection.execute(table.is_now)}
    expected = {row[: table.key]: row for row in connection.execute(table.anew)}
    named = 0
    for key in sorted(expected.keys() | found.keys(), key=repr):
        was, anew = found.get(key), expected.get(key)
        if was == anew:
            continue
        named += 1
        if named > _MOST_NAMED:
            continue
        yield Finding(f"table {table.name}: {_difference(table, key, was, anew)}")
    if named > _MOST_NAMED:
        yield Finding(f"table {table.name}: {named - _MOST_NAMED:,} more rows like that")
    return len(expected)


def _difference(
    table: _Table, key: tuple[object, ...], was: tuple[object, ...] | None, anew: tuple[object, ...] | None
) -> str:
    row = ", ".join(f"{name} {valued(value)}" for name, value in zip(table.columns, key, strict=False))
    if was is None:
        return f"the row of {row} is missing"
    if anew is None:
        return f"the row of {row} is none that the plain tables make"
    differing = [
        f"{name} is {valued(one)}, made anew {valued(other)}"
        for name, one, other in zip(table.columns, was, anew, strict=True)
        if one != other
    ]
    return f"in the row of {row}, {', '.join(differing)}"
