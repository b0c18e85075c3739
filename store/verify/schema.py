"""Whether the tables, columns, indexes, views and triggers are those that this program makes: no more, no less."""

import sqlite3
from collections.abc import Iterator
from functools import cache
from typing import NamedTuple

from store.connection import APPLICATION_ID, SCHEMA_VERSION
from store.schema import apply_migrations
from store.verify.checks import Context, Finding, Findings, valued
from store.words import counted

_OBJECTS = "SELECT type, name, tbl_name, sql FROM sqlite_schema ORDER BY type, name"
_COLUMNS = 'SELECT name, type, "notnull", dflt_value, pk, hidden FROM pragma_table_xinfo(?)'
_MIGRATIONS = "SELECT migration_set, name FROM _sqlite_migrations ORDER BY 1, 2"
# What ANALYZE keeps: SQLite's own, and only a hint.
_STATISTICS = frozenset({("table", "sqlite_stat1"), ("table", "sqlite_stat3"), ("table", "sqlite_stat4")})


class _Object(NamedTuple):
    table: str
    sql: str
    columns: dict[str, tuple[object, ...]]


class _Schema(NamedTuple):
    """What a database is made of: by kind and name, what it is; and which migrations were applied."""

    objects: dict[tuple[str, str], _Object]
    migrations: list[tuple[object, ...]]


def check_schema(connection: sqlite3.Connection, _: Context) -> Findings:
    """Compare with a store made now by the same migrations."""
    (application,) = connection.execute("PRAGMA application_id").fetchone()
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if application != APPLICATION_ID:
        yield Finding(f"its application id is {application:#x}, ours is {APPLICATION_ID:#x}")
    if version > SCHEMA_VERSION:
        yield Finding(f"it was made by a newer version of this program (schema {version}): verify it with that")
    elif version < SCHEMA_VERSION:
        yield Finding(
            f"it was made by an older version of this program (schema {version}, this is {SCHEMA_VERSION}):"
            " open it once for writing, to bring it up to date"
        )
    expected, found = _expected(), _schema_of(connection)
    for key in sorted(expected.objects.keys() | found.objects.keys()):
        yield from _differences(*key, expected.objects.get(key), found.objects.get(key))
    if expected.migrations != found.migrations:
        yield Finding(
            f"table _sqlite_migrations: it lists {valued(found.migrations)}, not {valued(expected.migrations)}"
        )
    kinds = [kind for kind, _ in expected.objects]
    return (
        f"{counted(kinds.count('table'), 'table')}, {counted(kinds.count('index'), 'index', 'indexes')},"
        f" {counted(kinds.count('view'), 'view')} and {counted(kinds.count('trigger'), 'trigger')},"
        " each as this program makes them"
    )


def disguised(connection: sqlite3.Connection) -> list[str]:
    """What reading a table of ours could run into: a view or a virtual table in its place, a view that is not ours."""
    ours = _expected().objects
    kinds = {name: kind for kind, name in ours}
    found = []
    for kind, name, _, sql in connection.execute(_OBJECTS).fetchall():
        expected = ours.get((kind, name))
        if name in kinds and (
            kind != kinds[name]
            or (kind == "view" and expected is not None and expected.sql != _plain(sql))
            or (kind == "table" and _plain(sql).upper().startswith("CREATE VIRTUAL"))
        ):
            found.append(f"{kind} {name} is not the {kinds[name]} that this program makes")
    return found


def _plain(sql: object) -> str:
    return " ".join(str(sql or "").split())


def _differences(kind: str, name: str, expected: _Object | None, found: _Object | None) -> Iterator[Finding]:
    if expected is None:
        yield Finding(f"{kind} {name}: it is none of ours")
    elif found is None:
        yield Finding(f"{kind} {name}: it is missing")
    elif expected != found:
        named = list(_changed_columns(name, expected.columns, found.columns))
        yield from named or [Finding(f"{kind} {name}: it is not as this program makes it: {valued(found.sql)}")]


def _changed_columns(
    table: str, expected: dict[str, tuple[object, ...]], found: dict[str, tuple[object, ...]]
) -> Iterator[Finding]:
    for column in sorted(expected.keys() | found.keys()):
        if column not in found:
            yield Finding(f"table {table}: its column {column} is missing")
        elif column not in expected:
            yield Finding(f"table {table}: its column {column} is none of ours")
        elif expected[column] != found[column]:
            yield Finding(f"table {table}: its column {column} is declared otherwise")


@cache
def _expected() -> _Schema:
    connection = sqlite3.connect(":memory:", isolation_level=None)
    try:
        apply_migrations(connection)
        return _schema_of(connection)
    finally:
        connection.close()


def _schema_of(connection: sqlite3.Connection) -> _Schema:
    objects = {}
    for kind, name, table, sql in connection.execute(_OBJECTS).fetchall():
        if (kind, name) in _STATISTICS:
            continue
        columns: dict[str, tuple[object, ...]] = {}
        if kind == "table":
            columns = {str(row[0]): row for row in connection.execute(_COLUMNS, (name,)).fetchall()}
        objects[str(kind), str(name)] = _Object(str(table), _plain(sql), columns)
    try:
        migrations = connection.execute(_MIGRATIONS).fetchall()
    except sqlite3.OperationalError:
        migrations = []
    return _Schema(objects, migrations)
