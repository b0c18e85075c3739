"""A small incident with something of everything that a report tells, in a store on disk."""

import csv
from fractions import Fraction
from pathlib import Path

from store import audits, cases
from store.connection import Store, open_store
from store.ingest.importing import import_paths
from store.instants import parse_point
from store.names import find_partner
from store.rulebook import load_rules
from store.samples import draw_sample
from store.schema import create_store
from store.step_details import Details
from tests.store.cli_incident import RULES, write_incident

TODAY = "2018-08-01"
# A name without a place to break it.
_ENDLESS = {
    "partners": ["p-5", "W" * 400],
    "apps": ["a-5", "W" * 300, "p-5"],
    "grants": ["a-5", "user_managed_groups", "2017-01-01T00:00:00Z"],
}
PLANTED = "Zwetschgendatschi"


def build(folder: Path) -> Path:
    """The store; a privileged note, planted so that it can be looked for, is among its entries."""
    path = folder / "incident.db"
    create_store(path, name="Member data", actor="ana", at=parse_point("2018-07-02"))
    files = write_incident(folder)
    with (files / "coverage.csv").open("w", encoding="utf-8", newline="") as stream:
        csv.writer(stream).writerows(
            [
                ["source", "covered_from", "covered_until"],
                ["gateway", "2018-04-04T00:00:00Z", "2018-05-20T00:00:00Z"],
                ["gateway", "2018-05-27T00:00:00Z", "2018-07-01T00:00:00Z"],
            ]
        )
    for kind, row in _ENDLESS.items():
        with (files / f"{kind}.csv").open("a", encoding="utf-8", newline="") as stream:
            csv.writer(stream).writerow(row)
    letter = folder / "reply.eml"
    letter.write_text("we deleted it all", "utf-8")
    with open_store(path) as store:
        load_rules(store, RULES, source="rules.toml", actor="ana")
        import_paths(store, [files], actor="ana")
        _work(store, letter)
    return path


def _work(store: Store, letter: Path) -> None:
    first, second = find_partner(store, "p-1"), find_partner(store, "p-2")
    cases.flag(store, [first], actor="ana", note="read after its removal")
    cases.add_note(store, [first], actor="ana", note="they answer by mail")
    cases.add_note(store, [first], actor="ana", note=f"counsel: {PLANTED}", privileged=True)
    cases.undo(store, actor="ana", note=f"it said {PLANTED}")
    cases.redo(store, actor="ana")
    cases.add_note(store, [second], actor="bo", note=f"{PLANTED}, and a | pipe", privileged=True)
    cases.assign(store, [first], actor="ana", assignee="bo")
    at = parse_point("2018-06-20")
    audits.record_step(store, [first], actor="ana", step="access_removed", at=at, at_is_date=True)
    audits.record_step(store, [first], actor="ana", step="notified", at=parse_point("2018-07-03"), evidence=str(letter))
    due = parse_point("2018-07-20")
    asked = parse_point("2018-07-04")
    audits.record_step(store, [first], actor="ana", step="deletion_requested", at=asked, at_is_date=True, due=due)
    stated = Details(people=1)
    audits.record_step(store, [first], actor="ana", step="statement", at=None, evidence=str(letter), details=stated)
    named = Details(recipient="Plumbline | <b>Analytics</b>")
    audits.record_step(store, [first], actor="ana", step="recipient_named", at=None, details=named)
    draw_sample(store, first, actor="ana", share=Fraction(1, 20), risk=Fraction(1, 20))
    cases.clear(store, [second], actor="bo", grounds="other", note="a duplicate", override=True)
