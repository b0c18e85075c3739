"""Recording steps, what is refused, what the questions answer, and imported steps beside recorded ones."""

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from store import audits, case_changes, cases
from store.connection import Store
from store.errors import ConflictError, RefusedError, UsageError
from store.instants import parse_point
from store.ledger import actions
from store.names import find_partner
from tests.store.casework import NOON, Clock, assert_chained, new_store

NAMES = {"p1": "Ribbon Social", "p2": "Castaway Live"}
OCTOBER = parse_point("2019-10-28")
NOVEMBER = parse_point("2019-11-01")
TODAY = parse_point("2020-01-20")


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    registry = {"p1": ["go", "plan", "live"], "p2": ["cast"], "": ["22041"]}
    with new_store(tmp_path / "incident.db", registry, NAMES) as opened:
        yield opened


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    standing_still = Clock(parse_point("2020-01-20T14:02:00Z"))
    monkeypatch.setattr(case_changes, "now", standing_still)
    return standing_still


@pytest.fixture
def ribbon(store: Store) -> int:
    return find_partner(store, "p1")


@pytest.fixture
def castaway(store: Store) -> int:
    return find_partner(store, "p2")


def import_steps(store: Store, *rows: tuple[int, str, int], voided: bool = False) -> None:
    """Import steps as `(partner, step, at)`, all in one file."""
    with store.writing() as connection:
        (content,) = connection.execute("SELECT max(import_id) + 1 FROM imports").fetchone()
        connection.execute(
            "INSERT INTO imports(import_id, content_id, file, path, sha256, size, format, options, state, started_at,"
            " started_by, voided_at) VALUES (?, ?, 'steps.csv', 'steps.csv', ?, 1, 'canonical', '{}', 'complete', 0,"
            " 'ana', ?)",
            (content, content, str(content), NOON if voided else None),
        )
        for number, (partner, step, at) in enumerate(rows):
            (version,) = connection.execute(
                "INSERT INTO imported_steps(identity_key, content_key, partner, step, at, at_is_date)"
                " VALUES (?, ?, ?, ?, ?, 1) RETURNING version_id",
                (content * 100 + number, content * 100 + number, partner, step, at),
            ).fetchone()
            connection.execute("INSERT INTO holdings VALUES ('steps', ?, ?, ?)", (version, content, number + 1))


def test_a_step_is_in_the_track_and_in_the_log(store: Store, ribbon: int) -> None:
    done = audits.record_step(
        store, [ribbon], actor="ana", step="access_removed", at=OCTOBER, at_is_date=True, due=NOVEMBER
    )
    assert done.line == "#2 14:02Z ana: recorded 'access removed' for Ribbon Social"
    track = audits.track(store, ribbon, today=TODAY)
    assert (track.name, track.stage, track.letters, track.next_step) == (
        "Ribbon Social",
        "access_removed",
        "R------",
        "notified",
    )
    assert (track.due, track.overdue) == (NOVEMBER, True)
    (step,) = track.steps
    assert (step.at, step.at_is_date, step.by, step.seq) == (OCTOBER, True, "ana", 2)
    entry = actions(store)[-1]
    assert json.loads(entry.after or "")["step"] == {
        "step": "access_removed",
        "at": "2019-10-28",
        "app_id": None,
        "due": "2019-11-01",
        "evidence": None,
    }
    assert cases.case(store, ribbon).version == 1
    assert cases.case(store, ribbon).last_change == "given the step 'access removed' by ana, 2020-01-20T14:02:00Z"
    assert_chained(store)


def test_the_order_is_kept_unless_a_reason_is_given(store: Store, ribbon: int, castaway: int) -> None:
    audits.record_step(store, [ribbon], actor="ana", step="access_removed", at=OCTOBER)
    with pytest.raises(RefusedError) as refused:
        audits.record_step(store, [ribbon, castaway], actor="ana", step="notified", at=NOVEMBER)
    assert str(refused.value) == (
        "Castaway Live lacks 'access removed', which comes before 'partner told'; "
        "give a note with the reason to record it all the same"
    )
    assert audits.step_objections(store, [ribbon, castaway], step="notified").keys() == {castaway}
    assert audits.track(store, ribbon, today=TODAY).letters == "R------"
    audits.record_step(
        store, [ribbon, castaway], actor="ana", step="notified", at=NOVEMBER, note="their access ended by itself"
    )
    assert audits.track(store, ribbon, today=TODAY).letters == "RN-----"
    assert audits.track(store, castaway, today=TODAY).letters == "-N-----"


def test_apps_are_judged_one_by_one(store: Store, ribbon: int) -> None:
    audits.record_step(store, [ribbon], actor="ana", step="access_removed", at=OCTOBER, app_id="go")
    with pytest.raises(RefusedError, match="lacks 'access removed' for some of its apps"):
        audits.record_step(store, [ribbon], actor="ana", step="notified", at=NOVEMBER)
    audits.record_step(store, [ribbon], actor="ana", step="notified", at=NOVEMBER, app_id="go")
    track = audits.track(store, ribbon, today=TODAY)
    assert (track.stage, track.letters, track.apps_done["notified"]) == ("none", "rn-----", (1, 3))
    audits.record_step(store, [ribbon], actor="ana", step="access_removed", at=OCTOBER)
    assert audits.track(store, ribbon, today=TODAY).letters == "Rn-----"
    with pytest.raises(RefusedError, match="has no app 'cast'; its apps are go, live, plan"):
        audits.record_step(store, [ribbon], actor="ana", step="notified", at=NOVEMBER, app_id="cast", note="really")


def test_the_same_step_again_needs_a_reason(store: Store, ribbon: int) -> None:
    audits.record_step(store, [ribbon], actor="ana", step="access_removed", at=OCTOBER)
    with pytest.raises(RefusedError, match="Ribbon Social has 'access removed' already"):
        audits.record_step(store, [ribbon], actor="bo", step="access_removed", at=NOVEMBER)
    audits.record_step(store, [ribbon], actor="bo", step="access_removed", at=NOVEMBER, note="a second client")
    assert audits.track(store, ribbon, today=TODAY).done["access_removed"].by == "bo"


def test_a_failed_audit_may_be_held_again(store: Store, ribbon: int) -> None:
    for day, step in enumerate((*audits.TRACK[:6], "audit_failed", "audit_planned", "audit_started", "audit_failed")):
        note = "waived" if day > 6 else ""
        audits.record_step(store, [ribbon], actor="ana", step=step, at=OCTOBER + day * 86_400_000_000, note=note)
    assert audits.track(store, ribbon, today=TODAY).stage == "audit_failed"
    audits.record_step(store, [ribbon], actor="ana", step="audit_passed", at=TODAY, note="on paper")
    assert audits.track(store, ribbon, today=TODAY).next_step is None


def test_passing_the_audit_of_one_app_tells_what_is_due_of_the_others(store: Store, ribbon: int) -> None:
    for step in audits.TRACK[:3]:
        due = parse_point("2020-03-01") if step == "deletion_requested" else None
        audits.record_step(store, [ribbon], actor="ana", step=step, at=OCTOBER, due=due)
    for step in audits.TRACK[3:6]:
        audits.record_step(store, [ribbon], actor="ana", step=step, at=NOVEMBER, app_id="go", note="early")
    with pytest.raises(RefusedError, match=r"passes the audit with .*; certificate due 2020-03-01"):
        audits.record_step(store, [ribbon], actor="ana", step="audit_passed", at=NOVEMBER, app_id="go")


def test_nothing_is_recorded_before_it_happened(store: Store, ribbon: int) -> None:
    with pytest.raises(RefusedError, match="is in the future"):
        audits.record_step(store, [ribbon], actor="ana", step="access_removed", at=parse_point("2020-01-21"))
    with pytest.raises(RefusedError, match="is in the future"):
        audits.record_step(store, [], actor="ana", step="report_filed", at=parse_point("2020-01-20T14:02:01Z"))
    with pytest.raises(UsageError, match="due on 2019-10-27, before the step"):
        audits.record_step(
            store, [ribbon], actor="ana", step="access_removed", at=OCTOBER, due=parse_point("2019-10-27")
        )
    audits.record_step(store, [ribbon], actor="ana", step="access_removed", at=parse_point("2020-01-20"))
    assert len(actions(store)) == 2


@pytest.mark.parametrize(
    ("partners", "step", "app_id", "why"),
    [
        ([1], "deleted", None, "no such step: 'deleted'"),
        ([], "notified", None, "name at least one"),
        ([1], "report_filed", None, "without a partner"),
        ([1, 2], "notified", "go", "one partner"),
        ([999], "access_removed", None, "no partner has the internal number 999"),
    ],
)
def test_a_call_that_makes_no_sense(store: Store, partners: list[int], step: str, app_id: str | None, why: str) -> None:
    with pytest.raises(UsageError, match=why):
        audits.record_step(store, partners, actor="ana", step=step, at=OCTOBER, app_id=app_id)


def test_waiving_needs_a_reason_and_other_side_states_none(store: Store, castaway: int) -> None:
    with pytest.raises(RefusedError, match="waiving needs a note"):
        audits.record_step(store, [castaway], actor="ana", step="waived", at=OCTOBER)
    audits.record_step(store, [castaway], actor="ana", step="waived", at=OCTOBER, note="defunct since May")
    audits.record_step(store, [castaway], actor="ana", step="on_hold", at=OCTOBER)
    assert audits.track(store, castaway, today=TODAY).letters == "-------Hw"


def test_a_case_that_moved_on_refuses_the_step(store: Store, ribbon: int) -> None:
    cases.flag(store, [ribbon], actor="bo")
    with pytest.raises(ConflictError, match="Ribbon Social was flagged by bo"):
        audits.record_step(store, [ribbon], actor="ana", step="access_removed", at=OCTOBER, expect={ribbon: 0})
    audits.record_step(store, [ribbon], actor="ana", step="access_removed", at=OCTOBER, expect={ribbon: 1})
    with pytest.raises(ConflictError, match="given the step 'access removed' by ana"):
        cases.assign(store, [ribbon], actor="bo", assignee="bo", expect={ribbon: 1})


def test_evidence_is_known_by_name_size_and_hash(store: Store, ribbon: int, castaway: int, tmp_path: Path) -> None:
    content = b"Dear partner,\n" * 200_000
    letter, copy = tmp_path / "letter.eml", tmp_path / "copy.eml"
    letter.write_bytes(content)
    copy.write_bytes(content)
    audits.record_step(store, [ribbon], actor="ana", step="access_removed", at=OCTOBER, evidence=str(letter))
    audits.record_step(store, [castaway], actor="bo", step="access_removed", at=OCTOBER, evidence=str(copy))
    (step,) = audits.track(store, ribbon, today=TODAY).steps
    assert (step.evidence, step.evidence_sha256) == ("letter.eml", hashlib.sha256(content).hexdigest())
    with store.reading() as connection:
        assert connection.execute("SELECT file_name, size, collected_by FROM evidence").fetchall() == [
            ("letter.eml", len(content), "ana")
        ]
    assert json.loads(actions(store)[-1].after or "")["step"]["evidence"]["file_name"] == "copy.eml"


def test_what_cannot_be_evidence_is_refused_and_nothing_recorded(store: Store, ribbon: int, tmp_path: Path) -> None:
    linked = tmp_path / "innocent.eml"
    linked.symlink_to(store.path)
    for path, why in (
        (tmp_path / "missing.eml", "cannot read the evidence"),
        (tmp_path, "is not a file"),
        (store.path, "is the store itself"),
        (linked, "is the store itself"),
        (Path("/dev/null"), "is not a file"),
        (Path("a\0b"), "cannot read the evidence"),
    ):
        with pytest.raises(UsageError, match=why):
            audits.record_step(store, [ribbon], actor="ana", step="access_removed", at=OCTOBER, evidence=str(path))
    assert len(actions(store)) == 1


def test_imported_and_recorded_steps_are_one_track(store: Store, ribbon: int, castaway: int) -> None:
    import_steps(store, (ribbon, "access_removed", OCTOBER), (ribbon, "notified", NOVEMBER))
    import_steps(store, (castaway, "access_removed", OCTOBER), voided=True)
    audits.record_step(store, [ribbon], actor="ana", step="deletion_requested", at=TODAY)
    track = audits.track(store, ribbon, today=TODAY)
    assert [(step.step, step.by, step.seq) for step in track.steps] == [
        ("access_removed", "import 2", None),
        ("notified", "import 2", None),
        ("deletion_requested", "ana", 2),
    ]
    assert track.letters == "RND----"
    assert audits.track(store, castaway, today=TODAY).steps == ()


def test_one_pass_over_all_partners_says_what_each_alone_says(store: Store, ribbon: int, castaway: int) -> None:
    unclaimed = find_partner(store, "app:22041")
    import_steps(store, (ribbon, "access_removed", OCTOBER), (unclaimed, "access_removed", OCTOBER))
    audits.record_step(store, [ribbon], actor="ana", step="notified", at=NOVEMBER, app_id="go", due=NOVEMBER)
    audits.record_step(store, [castaway], actor="ana", step="no_response", at=NOVEMBER)
    everybody = audits.tracks(store, today=TODAY)
    assert everybody == {
        partner: audits.track(store, partner, today=TODAY) for partner in (ribbon, castaway, unclaimed)
    }
    with store.reading() as connection:
        marks = audits.track_marks(connection, today=TODAY)
    # What is due first is asked of the one app that is ahead of the others.
    assert marks[ribbon].due_step == "deletion_requested"
    assert {partner: mark._replace(due_step=None) for partner, mark in marks.items()} == {
        partner: audits.Mark(track.stage, track.letters, track.due, track.overdue, track.side_states, track.next_step)
        for partner, track in everybody.items()
    }
    assert everybody[unclaimed].apps_done["access_removed"] == (1, 1)
    with store.reading() as connection:
        counts = audits.audit_counts(connection, TODAY, {ribbon, castaway, unclaimed, 999})
    assert {name: count for name, count in counts.items() if count} == {
        "none": 2,
        "access_removed": 2,
        "overdue": 1,
        "no_response": 1,
    }
    assert counts["passed"] == counts["failed"] == 0


def test_a_step_further_counts_as_reached_before(store: Store, ribbon: int, castaway: int) -> None:
    for step in audits.TRACK[:7]:
        audits.record_step(store, [ribbon], actor="ana", step=step, at=TODAY, note="on paper")
    for step in audits.TRACK[:3]:
        audits.record_step(store, [castaway], actor="ana", step=step, at=TODAY)
    reached = audits.reached_counts(audits.tracks(store, today=TODAY), [ribbon, castaway])
    assert (reached["deletion_requested"], reached["deletion_certified"], reached["audit_passed"]) == (2, 1, 1)
    audits.record_step(store, [ribbon], actor="ana", step="audit_failed", at=TODAY)
    reached = audits.reached_counts(audits.tracks(store, today=TODAY), [ribbon, castaway])
    assert (reached["audit_started"], reached["audit_passed"], reached["audit_failed"]) == (1, 0, 1)


def test_steps_of_the_incident_are_apart(store: Store) -> None:
    audits.record_step(store, [], actor="ana", step="authority_told", at=OCTOBER, note="by mail")
    (step,) = audits.incident_steps(store)
    assert (step.step, step.at, step.note) == ("authority_told", OCTOBER, "by mail")
    assert audits.tracks(store, today=TODAY) == {}
    assert actions(store)[-1].partner_id is None


def test_the_document_keeps_dates_dates_and_holds_only_plain_values(store: Store, ribbon: int) -> None:
    audits.record_step(
        store, [ribbon], actor="ana", step="access_removed", at=OCTOBER, at_is_date=True, due=parse_point("2020-01-04")
    )
    cases.add_note(store, [ribbon], actor="bo", note="ask counsel", privileged=True)
    document = json.loads(json.dumps(audits.track_document(audits.track(store, ribbon, today=TODAY))))
    assert document["partner_id"] == "p1"
    assert (document["due"], document["overdue"]) == ("2020-01-04", True)
    assert (document["steps"][0]["at"], document["steps"][0]["due"]) == ("2019-10-28", "2020-01-04")
    assert document["done"]["access_removed"] == {"apps": 3, "of": 3}
    assert document["notes"] == [
        {"at": "2020-01-20T14:02:00Z", "actor": "bo", "text": "ask counsel", "privileged": True}
    ]
