"""`verify` finds any changed row of evidence and of derived tables and names it, and raises no alarm on any history."""

import random
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

import pytest

from store.connection import open_store
from store.ingest.importing import import_paths
from store.ingest.imports import ImportEntry, void
from store.tables import DERIVED_TABLES, REGISTRY_TABLES
from store.verify import verify
from store.verify.catalogue import CHECKS
from tests.differential import ACTOR, build
from tests.incident_files import Row, write_file
from tests.incidents import draw
from tests.store.test_histories import a_step, overlapping

HISTORIES = 3
STEPS = 8

# What the log is replayed against, and SQLite's and the migrations' own: other tests change these.
WORK = {
    "incident",
    "rulebooks",
    "rules",
    "scopes",
    "imports",
    "actions",
    "cases",
    "closures",
    "evidence",
    "audit_steps",
    "samples",
    "disclosures",
    "claims",
    "scenarios",
    "population_changes",
}
DICTIONARIES = {"apps", "partners", "subjects", "resources", "endpoints", "addresses", "field_sets"}
# A version that nothing holds counts nowhere, like an entry of a dictionary that nothing refers to.
HELD = set(REGISTRY_TABLES.values())
DISTINCT = {"app_id", "partner_id"}
INTERNAL = {"_sqlite_migrations", "sqlite_sequence"}
# Settled later than the seal, and replayed from the log.
SETTLED_LATER = {("quarantine", "resolved_at"), ("quarantine", "resolved_by"), ("quarantine", "resolution")}


SCANNING = [check for check in CHECKS if check.scans]


def findings(path: Path) -> list[str]:
    """What the checks of evidence and of the derived tables find wrong."""
    with open_store(path, read_only=True) as store:
        return [line for result in verify(store, checks=SCANNING).results for line in result.findings]


def test_no_history_of_imports_voids_and_rules_raises_an_alarm(tmp_path: Path) -> None:
    verified = 0
    for seed in range(HISTORIES):
        chance = random.Random(seed)
        draft = overlapping(draw(7000 + seed), chance)
        folder = tmp_path / str(seed) / "files"
        draft.write(folder)
        with build(tmp_path / str(seed), draft.rules_toml, []) as store:
            for _ in range(STEPS):
                a_step(store, folder, [draft.rules_toml, draw(7100 + seed).rules_toml], chance)
                assert findings(store.path) == [], f"history {seed}"
                verified += 1
    assert verified == HISTORIES * STEPS


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store with rows in every table of evidence and every derived table; some voided, some held twice."""
    folder = tmp_path_factory.mktemp("base")
    at = "2019-03-05T00:00:0{}Z"
    event: Row = {
        "occurred_at": at.format(0),
        "app_id": "a1",
        "data_class": ["g.m.name"],
        "subject_id": "Ann@Example.org",
    }
    full = event | {"resource_id": "r1", "endpoint": "/x", "records": 3, "bytes": 9, "ip": "10.0.0.1", "event_id": "e1"}
    events = [
        full,
        event,
        event | {"occurred_at": at.format(1), "outcome": "denied"},
        event | {"subject_id": ""},
        event | {"outcome": "nonsense"},
    ]
    files = [
        write_file(
            folder / "partners.csv",
            "partners",
            [{"partner_id": "p1", "name": "One", "category": "c", "contact": "m", "country": "x"}],
        ),
        write_file(folder / "apps.csv", "apps", [{"app_id": "a1", "name": "App", "partner_id": "p1"}]),
        write_file(
            folder / "grants.csv",
            "grants",
            [
                {
                    "app_id": "a1",
                    "scope": "members",
                    "resource_id": "r1",
                    "granted_at": "2019-03-01T00:00:00Z",
                    "granted_by": "ann",
                    "revoked_at": "2019-03-09T00:00:00Z",
                }
            ],
        ),
        write_file(
            folder / "opt_ins.csv",
            "opt_ins",
            [
                {
                    "subject_id": "s2",
                    "opted_in_at": "2019-03-02T00:00:00Z",
                    "opted_out_at": "2019-03-03T00:00:00Z",
                    "app_id": "a1",
                    "resource_id": "r1",
                }
            ],
        ),
        write_file(
            folder / "exemptions.csv",
            "exemptions",
            [
                {
                    "app_id": "a1",
                    "data_class": "g.post",
                    "exempt_from": "2019-03-02T00:00:00Z",
                    "exempt_until": "2019-03-03T00:00:00Z",
                    "reason": "r",
                }
            ],
        ),
        write_file(
            folder / "removals.csv", "removals", [{"app_id": "a1", "removed_at": "2019-03-04T00:00:00Z", "reason": "r"}]
        ),
        write_file(
            folder / "coverage.csv",
            "coverage",
            [{"source": "gateway", "covered_from": "2019-03-01T00:00:00Z", "covered_until": "2019-03-20T00:00:00Z"}],
        ),
        write_file(folder / "subjects.csv", "subjects", [{"subject_id": "s2", "country": "x", "minor": "yes"}]),
        write_file(
            folder / "steps.csv",
            "steps",
            [
                {
                    "partner_id": "p1",
                    "step": "notified",
                    "at": "2019-03-06",
                    "app_id": "a1",
                    "note": "n",
                    "due": "2019-03-07",
                }
            ],
        ),
        write_file(folder / "access_events-1.csv", "access_events", events),
        write_file(folder / "access_events-2.csv", "access_events", [full, event | {"occurred_at": at.format(2)}]),
        write_file(folder / "access_events-3.csv", "access_events", [event, event | {"occurred_at": at.format(3)}]),
    ]
    with build(folder, draw(7000).rules_toml, files) as store:
        void(store, 12, actor=ACTOR, note="wrong")
        return store.path


class Column(NamedTuple):
    """A column: its type, whether it may be absent, and whether it is part of the table's key."""

    name: str
    kind: str
    may_be_absent: bool
    is_key: bool


def tables(path: Path) -> dict[str, list[Column]]:
    """Every table with its columns."""
    with closing(sqlite3.connect(path)) as connection:
        named = [name for (name,) in connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")]
        return {
            name: [
                Column(column, kind, not required and not key, bool(key))
                for _, column, kind, required, _, key in connection.execute(f"PRAGMA table_info({name})")
            ]
            for name in named
        }


def changed(value: object, column: Column) -> list[object]:
    """What the value may be changed to: one bit of it, and from or to nothing."""
    if value is None:
        return [1, 1_000_000] if column.kind == "INTEGER" else ["x"]
    if isinstance(value, int):
        values: list[object] = [value ^ 1, value ^ 64, value ^ (1 << 40)]
    elif isinstance(value, str):
        values = [chr(ord(value[0]) ^ 1) + value[1:] if value else "x", f"{value} "]
    else:
        assert isinstance(value, bytes)
        values = [value[:-1] + bytes([value[-1] ^ 1])]
    return [*values, None] if column.may_be_absent else values


def tampered(base: Path, path: Path) -> sqlite3.Connection:
    """A copy of the base, open for somebody who knows SQLite and nothing of us."""
    shutil.copy(base, path)
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA ignore_check_constraints=ON")
    return connection


def test_any_changed_value_of_evidence_or_of_a_derived_table_is_found_and_named(base: Path, tmp_path: Path) -> None:
    chance = random.Random(11)
    assert findings(base) == []
    tried = 0
    for table, columns in tables(base).items():
        if table in WORK | INTERNAL:
            continue
        key = [column.name for column in columns if column.is_key]
        for column in columns:
            if (table, column.name) in SETTLED_LATER:
                continue
            with closing(tampered(base, tmp_path / "x.db")) as connection:
                rows = connection.execute(f"SELECT {column.name}, {', '.join(key)} FROM {table}").fetchall()
                assert rows, f"the base has no row in {table}"
                value, *place = chance.choice(rows)
                given = False
                for other in changed(value, column):
                    connection.execute("BEGIN")
                    where = " AND ".join(f"{name} IS ?" for name in key)
                    try:
                        connection.execute(f"UPDATE {table} SET {column.name} = ? WHERE {where}", (other, *place))
                    except sqlite3.IntegrityError:
                        connection.rollback()
                        continue
                    connection.commit()
                    given = True
                    found = findings(tmp_path / "x.db")
                    assert found, f"{table}.{column.name}: {value!r} -> {other!r} was not found"
                    named = f"table {table}" if table in DERIVED_TABLES else "import "
                    assert any(named in line for line in found), found
                    tried += 1
                    break
                assert given, f"{table}.{column.name} could not be changed"
    assert tried > 120


def test_any_row_taken_away_or_added_is_found(base: Path, tmp_path: Path) -> None:
    tried = 0
    for table, columns in tables(base).items():
        if table in WORK | INTERNAL:
            continue
        names = ", ".join(column.name for column in columns)
        key = [column for column in columns if column.is_key]
        where = " AND ".join(f"{column.name} IS ?" for column in key)
        with closing(tampered(base, tmp_path / "x.db")) as connection:
            place = connection.execute(f"SELECT {', '.join(column.name for column in key)} FROM {table}").fetchone()
            connection.execute(f"DELETE FROM {table} WHERE {where}", place)
        assert findings(tmp_path / "x.db"), f"a row taken from {table} was not missed"
        with closing(tampered(base, tmp_path / "x.db")) as connection:
            row = list(connection.execute(f"SELECT {names} FROM {table}").fetchone())
            for place_in_row, column in enumerate(columns):
                if column.is_key or "key" in column.name or column.name in DISTINCT:
                    value = row[place_in_row]
                    row[place_in_row] = f"{value}x" if isinstance(value, str) else (value or 0) + (1 << 20)
            if table in DICTIONARIES:
                continue
            connection.execute(f"INSERT INTO {table}({names}) VALUES ({', '.join('?' * len(row))})", row)
        if table not in HELD:
            assert findings(tmp_path / "x.db"), f"a row added to {table} was not found"
        tried += 1
    assert tried > 15


def test_the_very_record_is_named(base: Path, tmp_path: Path) -> None:
    with closing(tampered(base, tmp_path / "x.db")) as connection:
        connection.execute("UPDATE access_events SET records = 4 WHERE event_id = 'e1'")
    found = findings(tmp_path / "x.db")
    assert any(line.startswith("import 10 access_events-1.csv: record 1: its row") for line in found), found


def test_an_event_that_refers_to_nothing_is_named(base: Path, tmp_path: Path) -> None:
    for column in ("app", "field_set", "subject", "resource", "endpoint", "ip"):
        for number in (0, -7, 999, 1 << 62):
            with closing(tampered(base, tmp_path / "x.db")) as connection:
                connection.execute(f"UPDATE access_events SET {column} = ? WHERE event_id = 'e1'", (number,))
            found = findings(tmp_path / "x.db")
            assert any(f"refers to {column} {number}" in line for line in found), (column, number, found)


def test_a_row_of_an_import_that_never_was_is_found(base: Path, tmp_path: Path) -> None:
    places = {
        "access_events": "event_key = event_key + 1, content_id = 999",
        "event_holders": "content_id = 999",
        "holdings": "content_id = 999",
        "quarantine": "quarantine_id = 999, content_id = 999",
        "import_checkpoints": "content_id = 999",
        "seals": "content_id = 999",
    }
    for table, changes in places.items():
        with closing(tampered(base, tmp_path / "x.db")) as connection:
            connection.execute(f"CREATE TEMP TABLE one AS SELECT * FROM {table} LIMIT 1")
            connection.execute(f"UPDATE one SET {changes}")
            connection.execute(f"INSERT INTO {table} SELECT * FROM one")
        found = findings(tmp_path / "x.db")
        assert any(line.startswith(f"table {table}") and "999" in line for line in found), (table, found)


def test_a_reference_that_leads_nowhere_is_named(base: Path, tmp_path: Path) -> None:
    references = [check for check in CHECKS if check.name == "references"]
    for table, column in (("partners", "app"), ("grants", "resource"), ("app_versions", "partner"), ("rules", "")):
        with closing(tampered(base, tmp_path / "x.db")) as connection:
            changed = (
                f"UPDATE {table} SET {column} = 999 WHERE {column} IS NOT NULL" if column else "DELETE FROM rulebooks"
            )
            assert connection.execute(changed).rowcount > 0, table
        with open_store(tmp_path / "x.db", lenient=True) as store:
            (result,) = verify(store, checks=references).results
        assert any(line.startswith(f"table {table}: ") and "not there" in line for line in result.findings), result


def test_a_number_below_its_least_is_not_taken_for_an_absent_one(base: Path, tmp_path: Path) -> None:
    for column in ("records", "bytes", "subject"):
        with closing(tampered(base, tmp_path / "x.db")) as connection:
            connection.execute(f"UPDATE access_events SET {column} = -1 WHERE {column} IS NULL AND content_id = 11")
            connection.execute(f"UPDATE access_events SET {column} = -1 WHERE {column} IS NULL AND content_id = 10")
        found = findings(tmp_path / "x.db")
        assert any("below its least" in line for line in found), found


def test_an_import_that_comes_in_while_the_events_are_read_is_no_alarm(base: Path, tmp_path: Path) -> None:
    shutil.copy(base, tmp_path / "x.db")
    more = write_file(
        tmp_path / "access_events-9.csv",
        "access_events",
        [{"occurred_at": "2019-03-07T00:00:00Z", "app_id": "a9", "data_class": ["g.m.name"], "subject_id": "s9"}],
    )
    came_in: list[ImportEntry] = []

    def meanwhile(check: str, part: float | None) -> None:
        if check == "evidence" and part == 1 and not came_in:
            with open_store(tmp_path / "x.db") as store:
                came_in.extend(import_paths(store, [more], actor=ACTOR).imports)

    with open_store(tmp_path / "x.db") as store:
        report = verify(store, progress=meanwhile)
    assert [entry.accepted for entry in came_in] == [1]
    assert report.ok, [result.findings for result in report.results]


def test_the_very_record_of_a_registry_is_named(base: Path, tmp_path: Path) -> None:
    of_kind = (
        *(("partner_versions", "name", "partners"), ("app_versions", "name", "apps"), ("grants", "scope", "grants")),
        *(
            ("opt_ins", "opted_in_at", "opt_ins"),
            ("exemptions", "reason", "exemptions"),
            ("removals", "app", "removals"),
        ),
        *(
            ("coverage", "source", "coverage"),
            ("subject_versions", "minor", "subjects"),
            ("imported_steps", "due", "steps"),
        ),
    )
    assert {table for table, _, _ in of_kind} == HELD
    for table, column, kind in of_kind:
        with closing(tampered(base, tmp_path / "x.db")) as connection:
            connection.execute(f"UPDATE {table} SET {column} = {column} + 7")
        found = findings(tmp_path / "x.db")
        assert any(f"record 1: its row in {kind} does not say" in line for line in found), (table, found)
        assert sum("does not say what was imported" in line for line in found) == 1, found
