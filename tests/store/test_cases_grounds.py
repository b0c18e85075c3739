"""Closing a case: which facts speak against which grounds, overrides, and what the closure rested on."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from store import audits, cases, closing
from store.audits import TRACK
from store.connection import Store
from store.errors import RefusedError, UsageError
from store.instants import parse_point
from store.ledger import actions
from tests.store.casework import Facts, add_registry, give_facts, new_store

OCTOBER = parse_point("2019-10-28")
EVENTS = b"".join(key.to_bytes(8, "little") for key in (3, 5, 8))


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    names = {"p1": "Ribbon Social"}
    with new_store(tmp_path / "incident.db", {"p1": [], "p2": [], "p3": []}, names) as opened:
        add_registry(opened, {"p1": ["go", "plan"]}, names)
        yield opened


def pass_audit(store: Store, app_id: str | None = None) -> None:
    for step in TRACK[:7]:
        audits.record_step(store, [1], actor="ana", step=step, at=OCTOBER, app_id=app_id, note="as the desk kept it")


@pytest.mark.parametrize("grounds", ["no_access", "allowed"])
@pytest.mark.parametrize(
    ("facts", "told"),
    [
        (Facts(improper=37_912), "37,912 restricted reads"),
        (Facts(undetermined=310), "310 reads that the log leaves unsettled"),
        (Facts(quarantined=212), "212 quarantined records that are not resolved"),
        (Facts(held_uncovered_days=11), "11 days with access that are not logged"),
        (
            Facts(improper=1, held_uncovered_days=1),
            "1 restricted read, 1 day with access that is not logged",
        ),
    ],
)
def test_grounds_that_the_evidence_contradicts(
    store: Store, monkeypatch: pytest.MonkeyPatch, grounds: str, facts: Facts, told: str
) -> None:
    give_facts(monkeypatch, {1: facts})
    with pytest.raises(RefusedError) as refused:
        cases.clear(store, [1], actor="ana", grounds=grounds)
    words = "never read" if grounds == "no_access" else "reads were allowed"
    assert str(refused.value) == (
        f"Ribbon Social cannot be closed as '{words}': {told} - choose other grounds, or override with a note"
    )
    assert cases.case(store, 1).version == 0
    assert len(actions(store)) == 1


@pytest.mark.parametrize("grounds", ["enforced", "defunct", "duplicate", "other"])
def test_grounds_that_no_evidence_contradicts(store: Store, monkeypatch: pytest.MonkeyPatch, grounds: str) -> None:
    give_facts(monkeypatch, {1: Facts(improper=5, undetermined=5, quarantined=5, held_uncovered_days=5)})
    cases.clear(store, [1], actor="ana", grounds=grounds, note="referred to counsel")
    assert (cases.case(store, 1).grounds, cases.case(store, 1).override) == (grounds, False)


def test_one_contradicted_partner_keeps_all_open(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    give_facts(monkeypatch, {2: Facts(improper=5)})
    with pytest.raises(RefusedError, match="p2 cannot be closed"):
        cases.clear(store, [1, 2, 3], actor="ana", grounds="no_access")
    assert {cases.case(store, partner).status for partner in (1, 2, 3)} == {"open"}


def test_an_audit_has_passed_only_for_every_app(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    give_facts(monkeypatch, {1: Facts(improper=5)})
    pass_audit(store, "go")
    with pytest.raises(RefusedError, match=r"its audit has not passed: it stands at 'nothing yet' \(rndcsav\)"):
        cases.clear(store, [1], actor="ana", grounds="deletion_verified")
    pass_audit(store, "plan")
    cases.clear(store, [1], actor="ana", grounds="deletion_verified", note="the letters are on paper")
    assert cases.case(store, 1).grounds == "deletion_verified"


def test_a_failed_or_contradicted_audit_has_not_passed(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    give_facts(monkeypatch, {})
    pass_audit(store)
    audits.record_step(store, [1], actor="ana", step="contradicted", at=OCTOBER)
    with pytest.raises(RefusedError, match=r"was contradicted since \(RNDCSAVX\)"):
        cases.clear(store, [1], actor="ana", grounds="deletion_verified")
    audits.record_step(store, [1], actor="ana", step="audit_failed", at=OCTOBER)
    with pytest.raises(RefusedError, match="it stands at 'audit failed'"):
        cases.clear(store, [1], actor="ana", grounds="deletion_verified")


def test_other_grounds_and_overrides_need_a_note(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    give_facts(monkeypatch, {1: Facts(improper=5)})
    with pytest.raises(RefusedError, match="needs a note"):
        cases.clear(store, [1], actor="ana", grounds="other", note="  ")
    with pytest.raises(RefusedError, match="needs a note"):
        cases.clear(store, [1], actor="ana", grounds="no_access", override=True)
    with pytest.raises(UsageError, match="no such grounds: 'bored'; choose one of no_access, allowed"):
        cases.clear(store, [1], actor="ana", grounds="bored")
    assert cases.case(store, 1).version == 0


def test_an_override_is_recorded_with_what_it_overrode(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    give_facts(monkeypatch, {1: Facts(improper=3, covered_days=569, known_events=EVENTS)})
    done = cases.clear(store, [1, 2], actor="ana", grounds="no_access", note="test client of ours", override=True)
    assert done.line.endswith("closed Ribbon Social and 1 more: never read, overridden")
    after = json.loads(actions(store)[1].after or "")
    assert after["rests_on"]["override"] is True
    assert after["rests_on"]["objections"] == ["3 restricted reads"]
    assert (after["rests_on"]["covered_days"], after["rests_on"]["coverage_days"]) == (569, 580)
    assert [cases.case(store, partner).override for partner in (1, 2)] == [True, False]
    with store.reading() as connection:
        closures = connection.execute("SELECT seq, partner, known_events FROM closures ORDER BY seq").fetchall()
    assert closures == [(done.seqs[0], 1, EVENTS), (done.seqs[1], 2, b"")]


def test_what_reopens_a_closure() -> None:
    rested_on = closing.rests_on(Facts(covered_days=9), against=[])
    assert closing.reasons_to_reopen(Facts(covered_days=9, known_events=EVENTS), EVENTS, rested_on) == []
    assert closing.reasons_to_reopen(Facts(covered_days=10, known_events=EVENTS[8:]), EVENTS, rested_on) == []
    assert closing.reasons_to_reopen(Facts(covered_days=8, known_events=EVENTS), EVENTS[:8], rested_on) == [
        "2 restricted or unsettled reads that the closure did not know",
        "1 day is not logged any more",
    ]
