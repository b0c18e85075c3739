"""Ways to damage a store's file, or to make one that somebody else made to harm us; each from a seeded draw."""

import random
import sqlite3
from collections.abc import Callable
from contextlib import closing, suppress
from pathlib import Path

_PAGE = 4_096
_OBJECTS = "SELECT type, name, sql FROM sqlite_schema WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite%'"
_CHAIN_OF_VALUES = "WITH RECURSIVE n(i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM n) "
_KINDS = ("TEXT", "INTEGER", "BLOB")
_NESTED = '{"version": 1, "step": ' + "[" * 5_000 + "]" * 5_000 + "}"
_CONSTRAINTS = ((" STRICT, ", " "), (" STRICT", ""), *((f" {kind} NOT NULL", f" {kind}") for kind in _KINDS))
_SENSELESS: tuple[object, ...] = (
    None,
    "text",
    "",
    "\x1b[2J[/x]",
    -1,
    0,
    2**62,
    -(2**63),
    1.5,
    b"\xff\xfe",
    b"\0" * 1_000_000,
    _NESTED,
    "{}",
    '{"a":',
    "2019-13-45",
)
_TEXTS = (
    "imports.options",
    "imports.file",
    "rulebooks.toml",
    "apps.app_id",
    "incident.name",
    "partner_versions.name",
    "cases.rests_on",
    "derived_state.value",
    "evidence.file_name",
    "field_sets.data_classes",
    "rules.data_classes",
    "partner_figures.name",
)
_SPOILT_TEXTS = (b"\xff\xfe\x80", b"{", b"[[[", _NESTED.encode(), b"\x00", b"\xed\xa0\x80", b"")
_SPOILT_PACKS = (
    "packed = zeroblob(50000000)",
    "packed = substr(packed, 1, length(packed) / 2)",
    "packed = x'00'",
    "packed = randomblob(length(packed))",
    "dtype = '|O'",
    "dtype = 'nonsense'",
    "name = name || 'x'",
)


def overwrite(path: Path, draw: random.Random) -> None:
    """A few bytes somewhere become others."""
    content = bytearray(path.read_bytes())
    at = draw.randrange(len(content))
    for place in range(at, min(at + draw.choice([1, 1, 2, 8, 64, 4_096]), len(content))):
        content[place] = draw.randrange(256)
    path.write_bytes(content)


def flip(path: Path, draw: random.Random) -> None:
    """One bit, in a page that holds much rather than in an empty one."""
    content = bytearray(path.read_bytes())
    used = [at for at in range(len(content)) if content[at]]
    content[draw.choice(used)] ^= 1 << draw.randrange(8)
    path.write_bytes(content)


def change_header(path: Path, draw: random.Random) -> None:
    """A byte of the first hundred."""
    content = bytearray(path.read_bytes())
    content[draw.randrange(100)] = draw.choice([0, 1, 2, 3, 64, 127, 255, draw.randrange(256)])
    path.write_bytes(content)


def swap_pages(path: Path, draw: random.Random) -> None:
    """Two pages change places."""
    content = path.read_bytes()
    pages = [content[at : at + _PAGE] for at in range(0, len(content), _PAGE)]
    one, other = draw.sample(range(len(pages)), 2)
    pages[one], pages[other] = pages[other], pages[one]
    path.write_bytes(b"".join(pages))


def cut(path: Path, draw: random.Random) -> None:
    """The end is missing."""
    content = path.read_bytes()
    path.write_bytes(content[: draw.choice([0, 1, 99, 100, 4_095, len(content) - 1, draw.randrange(len(content))])])


def grow(path: Path, draw: random.Random) -> None:
    """Something hangs on at the end."""
    path.write_bytes(path.read_bytes() + draw.randbytes(draw.choice([1, _PAGE, 100_000])))


def edit_schema(path: Path, draw: random.Random) -> None:
    """The SQL of some object says something else."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("PRAGMA writable_schema=ON")
        kind, name, sql = draw.choice(connection.execute(_OBJECTS).fetchall())
        words = sql.split(" ")
        place = draw.randrange(1, len(words))
        words[place] = draw.choice(["", "x", "TEXT", "),(", words[place][::-1], "randomblob(9)"])
        connection.execute(
            "UPDATE sqlite_schema SET sql = ? WHERE type = ? AND name = ?", (" ".join(words), kind, name)
        )


def change_columns(path: Path, draw: random.Random) -> None:
    """A column is missing, or has another name."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        for _ in range(20):
            table, column = draw.choice(_columns(connection))
            what = draw.choice([f'DROP COLUMN "{column}"', f'RENAME COLUMN "{column}" TO other'])
            try:
                connection.execute(f'ALTER TABLE "{table}" {what}')
            except sqlite3.OperationalError:
                continue
            return


def change_value(path: Path, draw: random.Random) -> None:
    """Something stands in a cell that its column does not allow, such as text for a number; no constraint was asked."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        tables = connection.execute("SELECT name, sql FROM sqlite_schema WHERE type = 'table'").fetchall()
        triggers = connection.execute("SELECT name, sql FROM sqlite_schema WHERE type = 'trigger'").fetchall()
        table, column = draw.choice([each for each in _columns(connection) if _has_rows(connection, each[0])])
        connection.execute("PRAGMA writable_schema=ON")
        for old, new in _CONSTRAINTS:
            connection.execute("UPDATE sqlite_schema SET sql = replace(sql, ?, ?) WHERE type = 'table'", (old, new))
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("PRAGMA ignore_check_constraints=ON")
        for name, _ in triggers:
            connection.execute(f'DROP TRIGGER "{name}"')
        where = draw.choice(["1", f'"{column}" = (SELECT max("{column}") FROM "{table}")'])
        # A row's number must be one.
        with suppress(sqlite3.IntegrityError):
            value = draw.choice(_SENSELESS)
            connection.execute(f'UPDATE OR IGNORE "{table}" SET "{column}" = ? WHERE {where}', (value,))
        for _, sql in triggers:
            connection.execute(sql)
        # What is wrong now is the content alone.
        connection.execute("PRAGMA writable_schema=ON")
        connection.executemany("UPDATE sqlite_schema SET sql = ?2 WHERE type = 'table' AND name = ?1", tables)


def spoil_text(path: Path, draw: random.Random) -> None:
    """A text is no UTF-8, or no JSON, where our code reads it."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        table, column = draw.choice(_TEXTS).split(".")
        connection.execute(
            f'UPDATE OR IGNORE "{table}" SET "{column}" = CAST(? AS TEXT)', (draw.choice(_SPOILT_TEXTS),)
        )


def spoil_packed(path: Path, draw: random.Random) -> None:
    """Packed numbers are cut, exchanged, or were never packed."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        rows = [row for (row,) in connection.execute("SELECT rowid FROM segment_columns")]
        connection.execute(
            f"UPDATE segment_columns SET {draw.choice(_SPOILT_PACKS)} WHERE rowid = ?", (draw.choice(rows),)
        )


def bring_a_trap(path: Path, draw: random.Random) -> None:
    """A view, a trigger or a table that would keep us busy for ever, lie, or write, if it were ever asked."""
    for_ever = f"{_CHAIN_OF_VALUES} SELECT i FROM n"
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        views = [name for (name,) in connection.execute("SELECT name FROM sqlite_schema WHERE type = 'view'")]
        tables = [name for (name,) in connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")]
        traps = {
            "view": [f"CREATE VIEW trap AS {for_ever}"],
            "view of ours": [f'DROP VIEW "{(view := draw.choice(views))}"', f'CREATE VIEW "{view}" AS {for_ever}'],
            "table as a view": [
                'DROP TABLE IF EXISTS "partner_figures"',
                f"CREATE VIEW partner_figures AS {_CHAIN_OF_VALUES} SELECT i AS partner FROM n",
            ],
            "trigger": [
                f'CREATE TRIGGER trap AFTER INSERT ON "{draw.choice([t for t in tables if "sqlite" not in t])}"'
                " BEGIN DELETE FROM access_events; END"
            ],
            "statistics": ["ANALYZE", "UPDATE sqlite_stat1 SET stat = '1 1 1 1'"],
            "table": ["CREATE TABLE trap(x, y AS (printf('%.*c', 100000000, 'x')))", "INSERT INTO trap(x) VALUES (1)"],
        }
        for statement in traps[draw.choice(sorted(traps))]:
            connection.execute(statement)


def pretend_newer(path: Path, draw: random.Random) -> None:
    """Another version of the schema is claimed."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute(f"PRAGMA user_version={draw.choice([-1, 0, 3, 99, 2**31 - 1])}")


def _columns(connection: sqlite3.Connection) -> list[tuple[str, str]]:
    return connection.execute(
        "SELECT m.name, c.name FROM sqlite_schema m, pragma_table_info(m.name) c"
        " WHERE m.type = 'table' AND m.name NOT LIKE '%sqlite%'"
    ).fetchall()


def _has_rows(connection: sqlite3.Connection, table: str) -> bool:
    return connection.execute(f'SELECT 1 FROM "{table}" LIMIT 1').fetchone() is not None


DAMAGES: tuple[Callable[[Path, random.Random], None], ...] = (
    overwrite,
    flip,
    change_header,
    swap_pages,
    cut,
    grow,
    edit_schema,
    change_columns,
    change_value,
    spoil_text,
    spoil_packed,
    bring_a_trap,
    pretend_newer,
)
