"""Closing cases on evidence that was really imported, and closed cases that open themselves again because of it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from store import cases
from store.connection import Store, open_store
from store.errors import RefusedError
from store.ingest.importing import import_paths
from store.ingest.imports import void
from store.ingest.quarantine import resolve
from store.ledger import actions
from store.names import find_partner
from store.rulebook import load_rules
from store.schema import create_store

RULES = """
[incident]
as_of = 2018-05-01

[scopes]
"member_info" = ["group.member.*"]

[[rules]]
id = "members"
data_classes = ["group.member.*"]
from = 2018-04-04
basis = "notice of 4 April 2018"
"""
REGISTRY = {
    "partners.csv": "partner_id,name\np1,Ribbon Social\np2,Castaway Live\n",
    "apps.csv": "app_id,name,partner_id\na1,Ribbon Go,p1\na2,Castaway,p2\n",
    "grants.csv": "app_id,scope,granted_at\na1,member_info,2018-01-01T00:00:00Z\na2,member_info,2018-04-20T12:00:00Z\n",
    "coverage.csv": "source,covered_from,covered_until\ngateway,2018-04-01T00:00:00Z,2018-05-01T00:00:00Z\n",
}
EVENTS = "occurred_at,app_id,data_class,subject_id,event_id\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "files"
    folder.mkdir()
    for name, text in REGISTRY.items():
        (folder / name).write_text(text)
    (folder / "access_events.csv").write_text(
        EVENTS
        + "2018-04-03T00:00:00Z,a2,group.member.name,s1,e0\n"
        + "2018-04-10T00:00:00Z,a1,group.member.name,s1,e1\n"
        + "2018-04-11T00:00:00Z,a1,group.member.name,s2,e2\n"
    )
    return folder


@pytest.fixture
def store(tmp_path: Path, folder: Path) -> Iterator[Store]:
    path = tmp_path / "incident.db"
    create_store(path, name="Groups API", actor="ana", at=0)
    with open_store(path) as opened:
        load_rules(opened, RULES, source="rules.toml", actor="ana")
        import_paths(opened, [folder], actor="ana")
        yield opened


def import_text(store: Store, folder: Path, name: str, text: str) -> int:
    """Import one more file; returns its import's number."""
    (folder / name).write_text(text)
    (entry,) = import_paths(store, [folder / name], actor="bo").imports
    return entry.import_id


def import_of(store: Store, file: str) -> int:
    with store.reading() as connection:
        (number,) = connection.execute("SELECT import_id FROM imports WHERE file = ?", (file,)).fetchone()
    return int(number)


def close(store: Store, partner_id: str, grounds: str = "no_access") -> None:
    cases.clear(store, [find_partner(store, partner_id)], actor="ana", grounds=grounds)


def status(store: Store, partner_id: str) -> str:
    return cases.case(store, find_partner(store, partner_id)).status


def test_a_partner_that_read_cannot_be_closed_as_one_that_never_did(store: Store) -> None:
    with pytest.raises(RefusedError, match="Ribbon Social cannot be closed as 'never read': 2 restricted reads -"):
        close(store, "p1")
    close(store, "p2")
    assert status(store, "p2") == "cleared"


def test_days_that_are_not_logged_matter_only_where_access_was_held(store: Store, folder: Path) -> None:
    void(store, import_of(store, "coverage.csv"), note="wrong source", actor="ana")
    import_text(
        store,
        folder,
        "coverage-2.csv",
        "source,covered_from,covered_until\n"
        "gateway,2018-04-06T00:00:00Z,2018-04-22T00:00:00Z\ngateway,2018-04-24T00:00:00Z,2018-05-01T00:00:00Z\n",
    )
    with pytest.raises(RefusedError, match="never read': 2 days with access that are not logged"):
        close(store, "p2")


def test_a_quarantined_read_could_be_anybodys_until_it_is_resolved(store: Store, folder: Path) -> None:
    import_text(store, folder, "access_events-2.csv", EVENTS + "2018-04-12,a9,group.member.name,s1,e9\n")
    with pytest.raises(RefusedError, match="1 quarantined record that is not resolved"):
        close(store, "p2")
    with store.reading() as connection:
        (quarantine_id,) = connection.execute("SELECT quarantine_id FROM quarantine").fetchone()
    resolve(store, quarantine_id, note="a test record", actor="bo")
    close(store, "p2")


def test_new_reads_reopen_a_closed_case_and_say_why(store: Store, folder: Path) -> None:
    close(store, "p2")
    close(store, "p1", "defunct")
    late = EVENTS + "2018-04-25T00:00:00Z,a2,group.member.name,s3,e3\n"
    number = import_text(store, folder, "access_events-late.csv", late)
    assert (status(store, "p1"), status(store, "p2")) == ("cleared", "open")
    reopened = next(entry for entry in reversed(actions(store)) if entry.verb == "reopen")
    assert (reopened.actor, reopened.partner_id) == ("system", "p2")
    assert "1 restricted or unsettled read that the closure did not know" in (reopened.note or "")
    with pytest.raises(RefusedError, match="Castaway Live was reopened by system"):
        cases.undo(store, actor="ana", partners=[find_partner(store, "p2")])
    void(store, number, note="not ours", actor="bo")
    assert status(store, "p2") == "open"
    close(store, "p2")


def test_lost_coverage_reopens_a_closed_case(store: Store) -> None:
    close(store, "p2")
    void(store, import_of(store, "coverage.csv"), note="wrong source", actor="bo")
    assert status(store, "p2") == "open"


def test_a_harsher_rule_reopens_a_closed_case(store: Store) -> None:
    close(store, "p2")
    load_rules(store, RULES.replace("from = 2018-04-04", "from = 2018-04-01"), source="rules.toml", actor="bo")
    assert status(store, "p2") == "open"


def test_a_closure_taken_back_does_not_return_over_new_reads(store: Store, folder: Path) -> None:
    close(store, "p2")
    cases.undo(store, actor="ana")
    import_text(store, folder, "access_events-late.csv", EVENTS + "2018-04-25T00:00:00Z,a2,group.member.name,s3,e3\n")
    with pytest.raises(RefusedError, match="Castaway Live cannot be closed again by redo: 1 restricted"):
        cases.redo(store, actor="ana")
    void(store, import_of(store, "access_events-late.csv"), note="not ours", actor="bo")
    cases.redo(store, actor="ana")
    assert status(store, "p2") == "cleared"
