"""Change every column of every table of the work once, take a row away, put one in: `verify` finds it and names it.

Tables and columns are those of the database itself, so that one added later is covered; those of the evidence, and the
derived ones, are changed in `tests.store.test_verify_evidence`. And flip single bits of the file, wherever they lie.
"""

import random
import shutil
import sqlite3
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from pathlib import Path

import pytest

from store import audits, cases
from store.connection import open_store
from store.instants import parse_point
from store.parameters import Parameters
from store.partners import partner_list
from store.rulebook import current_rulebook, load_rules
from store.step_details import Details
from store.verify import verify
from store.verify.catalogue import CHECKS
from tests import small_incident
from tests.faults.random_work import Diary
from tests.faults.tamperings import forging, other_value
from tests.store.test_verify_evidence import INTERNAL, SETTLED_LATER, WORK

RECORD = [check for check in CHECKS if not check.scans]
FLIPS = (40, 2_000)
# How a finding calls a row of the table.
CALLED = {
    "incident": "the incident",
    "rulebooks": "rulebook ",
    "rules": "rule",
    "scopes": "scope",
    "imports": "import ",
    "actions": "#",
    "cases": "case of",
    "closures": "closure #",
    "evidence": "evidence file",
    "audit_steps": "step ",
    "samples": "sample #",
    "disclosures": "disclosure ",
    "claims": "claim ",
    "scenarios": "scenario ",
    "population_changes": "population changes of",
    "quarantine": "quarantined record",
    "_sqlite_migrations": "_sqlite_migrations",
    "sqlite_sequence": "the log's end was cut",
}
KEYS = (
    "id",
    "seq",
    "rulebook_id",
    "ordinal",
    "import_id",
    "partner",
    "evidence_id",
    "step_id",
    "disclosure_id",
    "claim_id",
    "scenario_id",
)
EXEMPT = {
    ("_sqlite_migrations", "id"): "the order of migrations is told by their names",
    ("_sqlite_migrations", "applied_at"): "when a file was brought up to date is told by the log",
}


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store with rows in every table of the work, whose every column is set somewhere."""
    folder = tmp_path_factory.mktemp("work")
    path = small_incident.build(folder)
    with open_store(path) as store:
        diary = Diary(store, folder, random.Random(5))
        for what in (
            "flag",
            "clear",
            "assign",
            "step_with_evidence",
            "undo",
            "redo",
            "incident_step",
            "rules",
            "sample",
            "claim",
            "disclose",
            "withdraw",
            "scenario",
            "scenario_again",
            "drop_scenario",
        ):
            while not diary.do(what):
                pass
        for what in ("import", "import", "import_again", "void", "resolve", "clear", "step_with_evidence"):
            while not diary.do(what):
                pass
        app_id = cases.case(store, 2).partner_id.replace("p-", "a-")
        at, due = parse_point("2018-07-03T10:00:00Z"), parse_point("2018-08-01")
        diary.go_on(40)
        for step in ("on_hold", "waived"):
            audits.record_step(store, [2], actor="bo", step=step, at=at, due=due, app_id=app_id, note="asked to wait")
        cases.undo(store, actor="bo")
        audits.record_step(store, [2], actor="bo", step="statement", at=at, details=Details(people=9_000))
        rules = f"{current_rulebook(store).toml}\n[cases]\nsecond_person = true\n"
        load_rules(store, rules, source="rules.toml", actor="ana")
        is_open = [row for row in partner_list(store, Parameters()) if row.status in ("open", "flagged")]
        cases.clear(store, [is_open[0].partner], actor="bo", grounds="enforced", note="suspended")
    return path


def tables(database: sqlite3.Connection) -> dict[str, list[str]]:
    """The tables that the log, or the check of the schema, vouches for: name -> columns."""
    names = [name for (name,) in database.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")]
    assert {*names} >= WORK | INTERNAL
    columns = {
        name: [row[1] for row in database.execute(f"PRAGMA table_info({name})")] for name in sorted(WORK | INTERNAL)
    }
    return columns | {"quarantine": sorted(column for _, column in SETTLED_LATER)}


def found_in(path: Path) -> list[str]:
    with open_store(path, lenient=True) as store:
        report = verify(store, checks=RECORD)
    return [line for result in report.results for line in result.findings]


def changing(base: Path, copy: Path, change: Callable[[sqlite3.Connection], None]) -> list[str]:
    """What is found after a change to a copy."""
    shutil.copyfile(base, copy)
    with forging(copy) as database:
        change(database)
    return found_in(copy)


def rows(database: sqlite3.Connection, table: str) -> list[dict[str, object]]:
    cursor = database.execute(f"SELECT * FROM {table}")
    names = [each[0] for each in cursor.description]
    found = [dict(zip(names, row, strict=True)) for row in cursor]
    if table == "sqlite_sequence":
        return [row for row in found if row["name"] == "actions"]
    return found


def where(row: Mapping[str, object]) -> tuple[str, list[object]]:
    return " AND ".join(f"{name} IS ?" for name in row), list(row.values())


def values_for(column: str, declared: str, was: object, chance: random.Random) -> object:
    if was is None:
        return 7 if declared == "INTEGER" else b"x" if declared == "BLOB" else "x"
    if column in KEYS and isinstance(was, int):
        # One that no other row has.
        return was + 1_000
    return other_value(was, chance)


def test_a_changed_column_is_found_and_named(base: Path, tmp_path: Path) -> None:
    chance = random.Random(5)
    changed = 0
    with closing(sqlite3.connect(base)) as plain:
        columns = tables(plain)
        content = {table: rows(plain, table) for table in columns}
        declared = {
            (table, row[1]): row[2] for table in columns for row in plain.execute(f"PRAGMA table_info({table})")
        }
    assert all(content.values()), "a table is empty"
    for table, names in columns.items():
        for column in names:
            if (table, column) in EXEMPT:
                continue
            told = [row for row in content[table] if row[column] is not None]
            assert told or (table, column) == ("incident", "pseudonym_key"), f"{table}.{column} is never set"
            for row in {0: chance.choice(told or content[table]), 1: chance.choice(content[table])}.values():
                value = values_for(column, declared.get((table, column), ""), row[column], chance)
                condition, given = where(row)

                def change(database: sqlite3.Connection) -> None:
                    cursor = database.execute(f"UPDATE {table} SET {column} = ? WHERE {condition}", [value, *given])  # noqa: B023
                    assert cursor.rowcount == 1

                found = changing(base, tmp_path / "copy.db", change)
                assert any(CALLED[table] in line or table in line for line in found), (
                    table,
                    column,
                    row[column],
                    value,
                    found,
                )
                changed += 1
    assert changed > 150


def test_a_row_taken_away_or_put_in_is_found_and_named(base: Path, tmp_path: Path) -> None:
    chance = random.Random(6)
    with closing(sqlite3.connect(base)) as plain:
        names = [table for table in tables(plain) if table != "quarantine"]
        content = {table: rows(plain, table) for table in names}
        keys = {
            table: [row[1] for row in plain.execute(f"PRAGMA table_info({table})") if row[5]] or ["rowid"]
            for table in names
        }
    for table in names:
        condition, given = where(chance.choice(content[table]))

        def delete(database: sqlite3.Connection) -> None:
            assert database.execute(f"DELETE FROM {table} WHERE {condition}", given).rowcount == 1  # noqa: B023

        found = changing(base, tmp_path / "copy.db", delete)
        assert any(CALLED[table] in line or table in line for line in found), (table, found)
        if table == "sqlite_sequence":
            continue
        row = dict(chance.choice(content[table]))
        for column in (*keys[table], "uuid", "sha256", "rule_id", "name"):
            if column in row:
                row[column] = row[column] + 1_000 if isinstance(row[column], int) else f"{row[column]}x"

        def insert(database: sqlite3.Connection) -> None:
            marks = ", ".join("?" * len(row))  # noqa: B023
            database.execute(f"INSERT INTO {table}({', '.join(row)}) VALUES ({marks})", list(row.values()))  # noqa: B023

        found = changing(base, tmp_path / "copy.db", insert)
        assert any(CALLED[table] in line or table in line for line in found), (table, found)


SCHEMA_CHANGES = {
    "DROP TRIGGER actions_are_never_changed": "trigger actions_are_never_changed: it is missing",
    "CREATE TRIGGER t AFTER INSERT ON cases BEGIN DELETE FROM cases; END": "trigger t: it is none of ours",
    "DROP INDEX actions_by_batch": "index actions_by_batch: it is missing",
    "CREATE INDEX i ON cases(status)": "index i: it is none of ours",
    "CREATE VIEW v AS SELECT * FROM cases": "view v: it is none of ours",
    "CREATE TABLE t(x)": "table t: it is none of ours",
    "ALTER TABLE cases ADD COLUMN more TEXT": "table cases: its column more is none of ours",
    "ALTER TABLE cases RENAME COLUMN assignee TO owner": "table cases: its column assignee is missing",
    "DROP TABLE closures": "table closures: it is missing",
    "DROP VIEW live_contents": "view live_contents: it is missing",
    "PRAGMA user_version=1": "older version",
    "PRAGMA user_version=99": "newer version",
}


@pytest.mark.parametrize(("statement", "says"), SCHEMA_CHANGES.items())
def test_a_changed_schema_is_found_and_named(base: Path, tmp_path: Path, statement: str, says: str) -> None:
    copy = tmp_path / "copy.db"
    shutil.copyfile(base, copy)
    with closing(sqlite3.connect(copy)) as database:
        database.execute(statement)
        database.commit()
    assert any(says in line for line in found_in(copy))


def test_every_table_may_be_missing(base: Path, tmp_path: Path) -> None:
    with closing(sqlite3.connect(base)) as plain:
        names = [
            name
            for (name,) in plain.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")
            if not name.startswith("sqlite_")
        ]
    for table in names:
        copy = tmp_path / "copy.db"
        shutil.copyfile(base, copy)
        with closing(sqlite3.connect(copy)) as database:
            database.execute(f"DROP TABLE {table}")
            database.commit()
        assert f"table {table}: it is missing" in found_in(copy)


def test_text_where_numbers_belong_is_a_finding(base: Path, tmp_path: Path) -> None:
    """A table of the same columns that is not STRICT holds anything."""
    with closing(sqlite3.connect(base)) as plain:
        columns = tables(plain)
    for table in sorted(WORK):
        for value in ("text", b"\xff", 1.5, None):

            def loosen(database: sqlite3.Connection) -> None:
                database.execute("PRAGMA legacy_alter_table=ON")
                database.execute(f"CREATE TABLE loose AS SELECT * FROM {table}")  # noqa: B023
                database.execute(f"DROP TABLE {table}")  # noqa: B023
                database.execute(f"ALTER TABLE loose RENAME TO {table}")  # noqa: B023
                for column in columns[table]:  # noqa: B023
                    database.execute(f"UPDATE {table} SET {column} = ? WHERE rowid % 2 = 0", (value,))  # noqa: B023

            assert changing(base, tmp_path / "copy.db", loosen)


def dump(path: Path) -> Iterator[object]:
    """Every row of every table, as SQLite reads it from the tables themselves."""
    with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)) as plain:
        plain.text_factory = bytes
        names = plain.execute("SELECT name, sql FROM sqlite_schema WHERE type = 'table' ORDER BY name").fetchall()
        yield names
        for name, _ in names:
            yield sorted(map(repr, plain.execute(f"SELECT * FROM {name.decode()} NOT INDEXED")))


@pytest.mark.parametrize(
    "count", [pytest.param(FLIPS[0], id="short"), pytest.param(FLIPS[1], id="full", marks=pytest.mark.soak)]
)
def test_a_flipped_bit_is_found_or_changes_nothing(base: Path, tmp_path: Path, count: int) -> None:
    chance = random.Random(7)
    copy = tmp_path / "copy.db"
    size = base.stat().st_size
    before = list(dump(base))
    found = harmless = 0
    shutil.copytree(f"{base}.evidence", f"{copy}.evidence")
    for number in range(count):
        shutil.copyfile(base, copy)
        # The first hundred bytes say that it is a database, and ours: without them it is refused.
        place = chance.randrange(100, size)
        with copy.open("r+b") as file:
            file.seek(place)
            (byte,) = file.read(1)
            file.seek(place)
            file.write(bytes([byte ^ 1 << chance.randrange(8)]))
        with open_store(copy, lenient=True) as store:
            if verify(store).ok:
                assert list(dump(copy)) == before, (number, place)
                harmless += 1
            else:
                found += 1
    assert found
    assert harmless
