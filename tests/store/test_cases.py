"""Flag, clear, reopen, note, assign: what each does, refuses, and writes into the log."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from store import case_changes, cases
from store.case_notes import notes_by_partner
from store.connection import Store
from store.errors import ConflictError, RefusedError, UsageError
from store.instants import format_instant
from store.ledger import actions
from store.names import find_partner
from tests.store.casework import NOON, Clock, Facts, assert_chained, give_facts, new_store

NAMES = {"p1": "Ribbon Social", "p2": "Castaway Live", "p3": "Qadam Media"}


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with new_store(tmp_path / "incident.db", {"p1": ["a1"], "p2": ["a2"], "p3": []}, NAMES) as opened:
        yield opened


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    standing_still = Clock()
    monkeypatch.setattr(case_changes, "now", standing_still)
    return standing_still


@pytest.fixture
def three(store: Store) -> list[int]:
    return [find_partner(store, partner_id) for partner_id in ("p1", "p2", "p3")]


def told(store: Store) -> list[tuple[str, str, str | None, str | None]]:
    """The log without its first entry: who, what, to whom, why."""
    return [(entry.actor, entry.verb, entry.partner_id, entry.note) for entry in actions(store)[1:]]


def test_a_case_nobody_touched_is_open_at_version_0(store: Store, three: list[int]) -> None:
    case = cases.case(store, three[0])
    assert (case.partner_id, case.status, case.grounds, case.assignee, case.version) == ("p1", "open", None, None, 0)
    assert case.last_change is None


def test_flagging_several_is_one_batch_with_an_entry_each(store: Store, three: list[int], clock: Clock) -> None:
    done = cases.flag(store, three, actor="ana", note="  reads after removal ")
    assert done.line == "#2-4 12:00Z ana: flagged Ribbon Social and 2 more"
    entries = actions(store)[1:]
    assert [entry.seq for entry in entries] == list(done.seqs)
    assert {entry.batch for entry in entries} == {done.batch}
    assert [entry.note for entry in entries] == ["reads after removal"] * 3
    assert json.loads(entries[0].before) == {"status": "open", "grounds": None, "assignee": None, "version": 0}
    assert json.loads(entries[0].after) == {"status": "flagged", "grounds": None, "assignee": None, "version": 1}
    assert {cases.case(store, partner).status for partner in three} == {"flagged"}
    assert cases.case(store, three[0]).last_change == "flagged by ana, 2019-11-05T12:00:00Z"


def test_naming_a_partner_twice_flags_it_once(store: Store, three: list[int], clock: Clock) -> None:
    done = cases.flag(store, [three[0], three[0]], actor="ana")
    assert len(done.seqs) == 1
    assert cases.case(store, three[0]).version == 1


def test_one_refused_partner_refuses_all(store: Store, three: list[int], clock: Clock) -> None:
    cases.flag(store, [three[1]], actor="bo")
    with pytest.raises(RefusedError, match="Castaway Live is flagged already"):
        cases.flag(store, three, actor="ana")
    assert [cases.case(store, partner).status for partner in three] == ["open", "flagged", "open"]
    assert told(store) == [("bo", "flag", "p2", None)]


def test_a_closed_case_is_reopened_before_it_is_flagged(
    store: Store, three: list[int], clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    give_facts(monkeypatch, {})
    cases.clear(store, [three[0]], actor="ana", grounds="defunct")
    with pytest.raises(RefusedError, match="Ribbon Social is closed: reopen it first"):
        cases.flag(store, [three[0]], actor="ana")
    with pytest.raises(RefusedError, match="is closed already"):
        cases.clear(store, [three[0]], actor="ana", grounds="duplicate")
    cases.reopen(store, [three[0]], actor="ana", note="they are back")
    cases.flag(store, [three[0]], actor="ana")
    assert (cases.case(store, three[0]).status, cases.case(store, three[0]).grounds) == ("flagged", None)


def test_reopening_needs_a_note_and_something_to_reopen(store: Store, three: list[int], clock: Clock) -> None:
    cases.flag(store, [three[0]], actor="ana")
    with pytest.raises(RefusedError, match="note"):
        cases.reopen(store, [three[0]], actor="ana", note=" ")
    with pytest.raises(RefusedError, match="Castaway Live is open already"):
        cases.reopen(store, three[:2], actor="ana", note="flagged by mistake")
    cases.reopen(store, [three[0]], actor="ana", note="flagged by mistake")
    assert cases.case(store, three[0]).status == "open"


def test_a_conflict_names_who_what_and_when_and_changes_nothing(store: Store, three: list[int], clock: Clock) -> None:
    cases.assign(store, [three[0]], actor="ana", assignee="cy")
    seen = cases.case(store, three[0]).version
    clock.tick(3600)
    clock.at += 250_000
    cases.flag(store, [three[0]], actor="bo")
    with pytest.raises(ConflictError) as refused:
        cases.assign(store, [three[1], three[0]], actor="ana", assignee="dee", expect={three[0]: seen, three[1]: 0})
    assert str(refused.value) == (
        "Ribbon Social was flagged by bo at 2019-11-05T13:00:00Z since you looked"
        " (version 2, you saw 1; open -> flagged); look again"
    )
    assert cases.case(store, three[1]).assignee is None
    assert cases.case(store, three[0]).assignee == "cy"


def test_every_kind_of_change_conflicts_and_a_note_never_does(
    store: Store, three: list[int], clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    give_facts(monkeypatch, {})
    partner = three[0]
    cases.add_note(store, [partner], actor="bo", note="counsel asked for the server list")
    cases.flag(store, [partner], actor="ana", expect={partner: 0})
    for again in (
        lambda: cases.flag(store, [partner], actor="ana", expect={partner: 0}),
        lambda: cases.clear(store, [partner], actor="ana", grounds="defunct", expect={partner: 0}),
        lambda: cases.reopen(store, [partner], actor="ana", note="why not", expect={partner: 0}),
        lambda: cases.assign(store, [partner], actor="ana", assignee="bo", expect={partner: 0}),
    ):
        with pytest.raises(ConflictError, match="flagged by ana"):
            again()
    cases.clear(store, [partner], actor="ana", grounds="defunct", expect={partner: 1})
    assert cases.case(store, partner).version == 2


def test_notes_stand_newest_first_and_privileged_ones_are_marked(store: Store, three: list[int], clock: Clock) -> None:
    cases.flag(store, [three[0]], actor="ana", note="88 groups")
    clock.tick()
    cases.add_note(store, three[:2], actor="bo", note="ask counsel", privileged=True)
    with store.reading() as connection:
        notes = notes_by_partner(connection)
    assert [(note.actor, note.text, note.privileged) for note in notes[three[0]]] == [
        ("bo", "ask counsel", True),
        ("ana", "88 groups", False),
    ]
    assert [note.text for note in notes[three[1]]] == ["ask counsel"]
    assert three[2] not in notes
    assert cases.case(store, three[1]).version == 0
    with pytest.raises(RefusedError, match="empty note"):
        cases.add_note(store, three, actor="bo", note="\n")


def test_assigning_skips_what_is_theirs_already(store: Store, three: list[int], clock: Clock) -> None:
    cases.assign(store, [three[0]], actor="ana", assignee="bo")
    done = cases.assign(store, three, actor="ana", assignee=" bo ")
    assert [entry.partner_id for entry in actions(store)[-2:]] == ["p2", "p3"]
    assert len(done.seqs) == 2
    with pytest.raises(RefusedError, match="is assigned to bo already"):
        cases.assign(store, three, actor="ana", assignee="bo")
    cases.assign(store, three, actor="ana", assignee=None)
    assert {cases.case(store, partner).assignee for partner in three} == {None}
    with pytest.raises(RefusedError, match="is assigned to nobody"):
        cases.assign(store, three, actor="ana", assignee="")


def test_the_tool_reopens_a_closed_case_and_only_that(
    store: Store, three: list[int], clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    give_facts(monkeypatch, {})
    cases.clear(store, [three[0]], actor="ana", grounds="defunct")
    cases.flag(store, [three[1]], actor="ana")
    with store.writing() as connection:
        assert cases.system_reopen(connection, three[0], "12 new reads with import 7", clock()) is not None
        assert cases.system_reopen(connection, three[1], "12 new reads with import 7", clock()) is None
    assert [cases.case(store, partner).status for partner in three] == ["open", "flagged", "open"]
    assert told(store)[-1] == ("system", "reopen", "p1", "12 new reads with import 7")
    with pytest.raises(RefusedError, match="Ribbon Social was reopened by system"):
        cases.undo(store, actor="ana", partners=[three[0]])


@pytest.mark.parametrize("actor", ["", "  ", "system", "\udcff"])
def test_an_action_needs_a_person(store: Store, three: list[int], actor: str) -> None:
    with pytest.raises(UsageError):
        cases.flag(store, three, actor=actor)
    assert told(store) == []


def test_text_that_is_no_text_is_refused_in_one_line(store: Store, three: list[int]) -> None:
    with pytest.raises(UsageError, match="note is not valid UTF-8"):
        cases.flag(store, three, actor="ana", note="caf\udce9")
    with pytest.raises(UsageError, match="assignee is not valid UTF-8"):
        cases.assign(store, three, actor="ana", assignee="\ud800")


@pytest.mark.parametrize("partners", [[], [999]])
def test_partners_that_are_not_there_are_refused(store: Store, partners: list[int]) -> None:
    with pytest.raises(UsageError):
        cases.flag(store, partners, actor="ana")


def test_the_log_tells_the_story(store: Store, three: list[int], clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    give_facts(monkeypatch, {three[0]: Facts(improper=7)})
    cases.flag(store, three, actor="ana", note="read after the rule")
    cases.add_note(store, [three[0]], actor="bo", note="called them", privileged=True)
    cases.clear(store, [three[1]], actor="bo", grounds="no_access")
    cases.reopen(store, [three[1]], actor="ana", note="second log source found")
    cases.undo(store, actor="ana")
    assert told(store) == [
        ("ana", "flag", "p1", "read after the rule"),
        ("ana", "flag", "p2", "read after the rule"),
        ("ana", "flag", "p3", "read after the rule"),
        ("bo", "note", "p1", "called them"),
        ("bo", "clear", "p2", None),
        ("ana", "reopen", "p2", "second log source found"),
        ("ana", "undo", "p2", "corrects #7"),
    ]
    assert cases.case(store, three[1]).grounds == "no_access"
    assert {format_instant(entry.at) for entry in actions(store)} == {format_instant(NOON)}
    assert_chained(store)
