"""The file itself: SQLite's own checks of it, and who may read it."""

import sqlite3
import stat

from store.verify.checks import Context, Finding, Findings
from store.words import counted

_INTEGRITY = "PRAGMA main.integrity_check(100)"
_PAGES = "PRAGMA main.page_count"
# The events' references are checked with the events themselves, in one scan.
_REFERRING_TABLES = "SELECT name FROM sqlite_schema WHERE type = 'table' AND name <> 'access_events' ORDER BY name"
_BROKEN_REFERENCES = 'SELECT "table", rowid, parent FROM pragma_foreign_key_check(?) LIMIT 101'
_MOST_SHOWN = 100
_PRIVATE = 0o600


def check_mode(_: sqlite3.Connection, context: Context) -> Findings:
    """Who may read the file; a wider mode is said, and is no fault."""
    if context.path is None:
        return "in memory"
    mode = stat.S_IMODE(context.path.stat().st_mode)
    if mode & ~_PRIVATE:
        yield Finding(
            f"its mode is {mode:o}: others than its owner may get at it; `chmod 600` closes it", is_fault=False
        )
        return "is there"
    return f"its mode is {mode:o}"


def check_integrity(connection: sqlite3.Connection, _: Context) -> Findings:
    """SQLite's own `integrity_check`: the shape of every page, index and constraint."""
    for (line,) in connection.execute(_INTEGRITY):
        if line != "ok":
            yield Finding(f"SQLite's integrity check: {' '.join(str(line).split())}")
    (pages,) = connection.execute(_PAGES).fetchone()
    return f"SQLite's integrity check passes on {counted(pages, 'page')}"


def check_references(connection: sqlite3.Connection, _: Context) -> Findings:
    """Every declared reference of every table but the events leads somewhere."""
    tables = [str(name) for (name,) in connection.execute(_REFERRING_TABLES)]
    for table in tables:
        broken = connection.execute(_BROKEN_REFERENCES, (table,)).fetchall()
        for _, row, parent in broken[:_MOST_SHOWN]:
            which = "a row" if row is None else f"row {row}"
            yield Finding(f"table {table}: {which} refers to a row of {parent} that is not there")
        if len(broken) > _MOST_SHOWN:
            yield Finding(f"table {table}: more than {_MOST_SHOWN} rows refer to rows that are not there")
    return f"every reference leads somewhere, in {counted(len(tables), 'table')}"
