"""A second person, and grounds that the log speaks against: what passes for one's own, and what does not."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from store import audits, cases
from store.connection import Store, open_store
from store.errors import RefusedError
from store.instants import parse_point
from store.loose_ends import loose_ends
from store.parameters import Parameters
from store.queue import queue
from store.rulebook import load_rules
from store.step_details import Details
from tests import small_incident

AUDIT = audits.TRACK[:6]


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with open_store(small_incident.build(tmp_path)) as opened:
        yield opened


def want_two(store: Store) -> None:
    load_rules(store, "[cases]\nsecond_person = true\n", source="rules.toml", actor="ana")


@pytest.mark.parametrize("spelling", ["ana", " ana ", "Ana", "ANA", "ana\u00a0", "\uff41na"])
def test_another_spelling_of_a_name_is_no_second_person(store: Store, spelling: str) -> None:
    want_two(store)
    cases.clear(store, [1], actor="ana", grounds="defunct")
    with pytest.raises(RefusedError, match="asked by you"):
        cases.clear(store, [1], actor=spelling, grounds="defunct")
    assert cases.case(store, 1).status == "open"
    cases.clear(store, [1], actor="anna", grounds="defunct")
    assert cases.case(store, 1).status == "cleared"


def test_asking_on_other_grounds_asks_anew(store: Store) -> None:
    want_two(store)
    cases.clear(store, [1], actor="ana", grounds="defunct")
    cases.clear(store, [1], actor="bo", grounds="enforced")
    assert cases.case(store, 1).status == "open"
    with pytest.raises(RefusedError, match="asked by you"):
        cases.clear(store, [1], actor="bo", grounds="enforced")
    cases.clear(store, [1], actor="ana", grounds="enforced")
    assert (cases.case(store, 1).status, cases.case(store, 1).grounds) == ("cleared", "enforced")


def test_asked_and_unasked_cases_close_apart(store: Store) -> None:
    want_two(store)
    cases.clear(store, [1], actor="ana", grounds="defunct")
    with pytest.raises(RefusedError, match="close those apart"):
        cases.clear(store, [1, 2], actor="bo", grounds="defunct")
    cases.reopen(store, [1], actor="bo", note="not yet")
    with pytest.raises(RefusedError, match="is open already"):
        cases.reopen(store, [1], actor="bo", note="not yet")
    cases.undo(store, actor="bo")
    cases.clear(store, [1], actor="bo", grounds="defunct")
    assert cases.case(store, 1).status == "cleared"


def test_an_audit_that_the_log_contradicts_verifies_nothing(store: Store, tmp_path: Path) -> None:
    letter = tmp_path / "letter.eml"
    letter.write_text("a letter", "utf-8")
    for step in (*AUDIT, "audit_passed"):
        at = parse_point("2018-04-20")
        audits.record_step(
            store, [1], actor="ana", step=step, at=at, at_is_date=True, note="all at once", evidence=str(letter)
        )
    assert audits.track(store, 1, today=parse_point("2018-07-20")).letters == "RNDCSAVX"
    with pytest.raises(RefusedError, match="read after the audit it passed of 2018-04-20"):
        cases.clear(store, [1], actor="ana", grounds="deletion_verified", note="it passed")
    cases.clear(store, [1], actor="ana", grounds="deletion_verified", note="checked by hand", override=True)
    assert cases.case(store, 1).override


def test_evidence_is_missed_app_by_app_and_recipient_by_recipient(store: Store, tmp_path: Path) -> None:
    letter = tmp_path / "letter.eml"
    letter.write_text("a letter", "utf-8")
    for name in ("Acme", "Bravo"):
        audits.record_step(store, [1], actor="ana", step="recipient_named", at=None, details=Details(recipient=name))
        audits.record_step(
            store,
            [1],
            actor="ana",
            step="recipient_certified",
            at=None,
            details=Details(recipient=name),
            evidence=str(letter) if name == "Bravo" else None,
        )
    audits.record_step(store, [1], actor="ana", step="deletion_certified", at=None, app_id="a-0", note="early")
    missing = [line for line in loose_ends(store, 1, today=parse_point("2018-07-20")) if "no evidence" in line]
    assert [line.rsplit(" for ")[-1] for line in missing] == ["Acme", "a-0"]
    audits.record_step(
        store, [1], actor="ana", step="deletion_certified", at=None, note="for all", evidence=str(letter)
    )
    missing = [line for line in loose_ends(store, 1, today=parse_point("2018-07-20")) if "no evidence" in line]
    assert [line.rsplit(" for ")[-1] for line in missing] == ["Acme"]


def test_passing_an_audit_needs_evidence_or_a_reason(store: Store, tmp_path: Path) -> None:
    report = tmp_path / "report.pdf"
    report.write_text("found nothing", "utf-8")
    at = parse_point("2018-07-18")
    for step in AUDIT:
        audits.record_step(
            store, [2], actor="ana", step=step, at=at, at_is_date=True, note="all at once", evidence=str(report)
        )
    audits.record_step(store, [2], actor="ana", step="audit_failed", at=at, at_is_date=True)
    audits.record_step(store, [2], actor="ana", step="audit_planned", at=parse_point("2018-07-02"), note="again")
    with pytest.raises(RefusedError, match="no evidence is attached to 'audit passed' of 2018-07-19"):
        audits.record_step(store, [2], actor="ana", step="audit_passed", at=at + 86_400_000_000, at_is_date=True)


def test_what_a_pass_would_leave_open_can_be_asked_before(store: Store) -> None:
    today = parse_point("2018-07-20")
    audits.record_step(store, [2], actor="ana", step="on_hold", at=None, due=today + 3650 * 86_400_000_000)
    audits.record_step(store, [2], actor="ana", step="contradicted", at=None)
    (due,) = set(loose_ends(store, 2, today=today)) - set(loose_ends(store, 2, today=today, passing=True))
    assert " due 20" in due
    assert loose_ends(store, 2, today=today, passing=True) == ("the record says 'contradicted'",)


def test_what_somebody_recorded_is_told_beside_what_the_tool_found(store: Store) -> None:
    audits.record_step(store, [1], actor="ana", step="contradicted", at=None, note="seen in a bucket")
    audits.record_step(store, [1], actor="ana", step="statement", at=None, details=Details(people=0))
    (mine,) = [item for item in queue(store, Parameters()).items if item.row.partner == 1]
    told = [reason.text for reason in mine.reasons if reason.kind == "contradicted"]
    assert len(told) == 2
    assert told[0].endswith("short")
    assert told[1] == "contradicted: see the record"
