"""Whose closing an unreadable record stands against: its app's partner's, or everybody's where it names none."""

import json
import sqlite3
from pathlib import Path

import pytest

from store.cases import clear
from store.connection import Store, open_store
from store.errors import RefusedError
from store.ingest.importing import import_paths
from store.names import find_partner
from store.rulebook import load_rules, preset_text
from store.schema import create_store

HEADER = "occurred_at,app_id,data_class,outcome\n"
GOOD = "2017-01-01T00:00:00Z,a2,group.member.name,\n"


def refusals(tmp_path: Path, name: str, text: str) -> list[str]:
    """Which of two partners cannot be closed as `no_access` once this file of events is in."""
    (tmp_path / "apps.csv").write_text("app_id,name,partner_id\na1,One,p1\na2,Two,p2\n")
    (tmp_path / "coverage.csv").write_text(
        "source,covered_from,covered_until\ngateway,2017-01-01T00:00:00Z,2020-01-01T00:00:00Z\n"
    )
    (tmp_path / name).write_text(text)
    create_store(tmp_path / "x.db", name="x", actor="t", at=0)
    with open_store(tmp_path / "x.db") as store:
        load_rules(store, preset_text("groups-api-2018"), source="preset", actor="t")
        import_paths(store, [tmp_path], actor="t")
        return [partner_id for partner_id in ("p1", "p2") if is_refused(store, partner_id)]


def is_refused(store: Store, partner_id: str) -> bool:
    try:
        clear(store, [find_partner(store, partner_id)], actor="t", grounds="no_access")
    except RefusedError:
        return True
    return False


@pytest.mark.parametrize(
    ("bad", "stands_against"),
    [
        ("2019-01-01T00:00:00Z,a1,group.member.name,weird\n", ["p1"]),
        ("2019-01-01T00:00:00Z, a1 ,group.member.name,weird\n", ["p1"]),
        ("2019-01-01T00:00:00Z,a9,group.member.name,weird\n", ["p1", "p2"]),
        ("never,,group.member.name,\n", ["p1", "p2"]),
        ("2019-01-01T00:00:00Z,a1,a2,weird\n", ["p1", "p2"]),
        ("", []),
    ],
)
def test_a_line_of_csv(tmp_path: Path, bad: str, stands_against: list[str]) -> None:
    assert refusals(tmp_path, "access_events.csv", HEADER + GOOD + bad) == stands_against


def test_a_json_record_names_its_app_by_key_alone(tmp_path: Path) -> None:
    record = {"occurred_at": "never", "app_id": "a2", "data_class": "group.member.name", "subject_id": "a1"}
    assert refusals(tmp_path, "access_events.jsonl", json.dumps(record) + "\n") == ["p2"]


def test_a_newer_store_is_read_and_says_so(tmp_path: Path) -> None:
    path = tmp_path / "x.db"
    create_store(path, name="x", actor="t", at=0)
    with open_store(path) as store:
        assert (store.read_only, store.remark) == (False, "")
    plain = sqlite3.connect(path)
    (version,) = plain.execute("PRAGMA user_version").fetchone()
    plain.execute(f"PRAGMA user_version={version + 1}")
    plain.close()
    with open_store(path) as store:
        assert store.read_only
        assert "newer version" in store.remark
