"""Undo and redo: the rules one by one, then random work by two people against a model of stacks."""

import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from store import audits, cases
from store.case_notes import notes_by_partner
from store.connection import Store, open_store
from store.errors import ConflictError, RefusedError
from store.instants import parse_point
from store.ledger import actions
from tests.store.casework import Facts, assert_chained, give_facts, new_store

PARTNERS = (1, 2, 3)
DAY = parse_point("2019-11-01")


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with new_store(tmp_path / "incident.db", {"p1": [], "p2": [], "p3": []}) as opened:
        yield opened


def statuses(store: Store) -> list[str]:
    return [cases.case(store, partner).status for partner in PARTNERS]


def test_a_batch_is_undone_whole_and_redone_whole(store: Store) -> None:
    cases.flag(store, PARTNERS, actor="ana")
    undone = cases.undo(store, actor="ana")
    assert statuses(store) == ["open"] * 3
    assert [(entry.verb, entry.corrects, entry.note) for entry in actions(store)[-3:]] == [
        ("undo", 2, "corrects #2"),
        ("undo", 3, "corrects #3"),
        ("undo", 4, "corrects #4"),
    ]
    assert "undid #2-4: flagged p1 and 2 more" in undone.line
    cases.redo(store, actor="ana")
    assert statuses(store) == ["flagged"] * 3
    assert [cases.case(store, partner).version for partner in PARTNERS] == [3, 3, 3]


def test_undo_goes_back_step_by_step_and_redo_forward(store: Store) -> None:
    cases.flag(store, [1], actor="ana")
    cases.assign(store, [1], actor="ana", assignee="bo")
    cases.undo(store, actor="ana")
    assert (cases.case(store, 1).status, cases.case(store, 1).assignee) == ("flagged", None)
    cases.undo(store, actor="ana")
    assert cases.case(store, 1).status == "open"
    with pytest.raises(RefusedError, match="nothing of yours to undo"):
        cases.undo(store, actor="ana")
    cases.redo(store, actor="ana")
    cases.redo(store, actor="ana")
    assert (cases.case(store, 1).status, cases.case(store, 1).assignee) == ("flagged", "bo")
    with pytest.raises(RefusedError, match="no undo of yours"):
        cases.redo(store, actor="ana")
    cases.undo(store, actor="ana")
    assert cases.case(store, 1).assignee is None


def test_one_undoes_only_ones_own(store: Store) -> None:
    cases.flag(store, [1], actor="ana")
    with pytest.raises(RefusedError, match="nothing of yours"):
        cases.undo(store, actor="bo")
    assert statuses(store)[0] == "flagged"


def test_what_somebody_built_upon_stays_and_the_refusal_names_them(store: Store) -> None:
    cases.flag(store, [1, 2], actor="ana")
    cases.assign(store, [2], actor="bo", assignee="bo")
    with pytest.raises(RefusedError, match=r"cannot undo: p2 was assigned by bo at .*Z \(#4\), after your #3"):
        cases.undo(store, actor="ana")
    assert statuses(store) == ["flagged", "flagged", "open"]
    cases.undo(store, actor="bo")
    cases.undo(store, actor="ana")
    assert statuses(store) == ["open", "open", "open"]


def test_a_redo_does_not_bury_what_somebody_took_back_meanwhile(store: Store) -> None:
    cases.flag(store, [1], actor="bo")
    cases.assign(store, [1], actor="ana", assignee="ana")
    cases.undo(store, actor="ana")
    cases.undo(store, actor="bo")
    with pytest.raises(RefusedError, match="cannot redo: p1 was set back by an undo by bo"):
        cases.redo(store, actor="ana")
    assert (cases.case(store, 1).status, cases.case(store, 1).assignee) == ("open", None)
    cases.redo(store, actor="bo")
    cases.redo(store, actor="ana")
    assert (cases.case(store, 1).status, cases.case(store, 1).assignee) == ("flagged", "ana")


def test_with_partners_given_only_those_are_set_back(store: Store) -> None:
    cases.flag(store, [1, 2], actor="ana")
    cases.flag(store, [3], actor="ana")
    cases.undo(store, actor="ana", partners=[2])
    assert statuses(store) == ["flagged", "open", "flagged"]
    cases.undo(store, actor="ana")
    cases.undo(store, actor="ana")
    assert statuses(store) == ["open", "open", "open"]
    with pytest.raises(RefusedError, match="nothing of yours to undo on these partners"):
        cases.undo(store, actor="ana", partners=[2])


def test_an_undo_may_say_why_and_what_it_saw(store: Store) -> None:
    cases.flag(store, [1], actor="ana")
    seen = cases.case(store, 1).version
    with pytest.raises(ConflictError, match=r"p1 was flagged by ana .* \(version 1, you saw 0; open -> flagged\)"):
        cases.undo(store, actor="ana", expect={1: seen - 1})
    cases.undo(store, actor="ana", expect={1: seen}, note="wrong row")
    assert actions(store)[-1].note == "corrects #2: wrong row"


def test_a_note_taken_back_does_not_stand_but_its_entry_does(store: Store) -> None:
    cases.add_note(store, [1], actor="ana", note="wrong partner")
    cases.flag(store, [1], actor="bo")
    cases.undo(store, actor="ana")
    with store.reading() as connection:
        assert notes_by_partner(connection) == {}
    assert [entry.note for entry in actions(store)[1:]] == ["wrong partner", None, "corrects #2"]
    assert cases.case(store, 1).version == 1
    cases.redo(store, actor="ana")
    with store.reading() as connection:
        assert [note.text for note in notes_by_partner(connection)[1]] == ["wrong partner"]


def test_a_step_taken_back_leaves_the_track_and_comes_back(store: Store) -> None:
    audits.record_step(store, [1, 2], actor="ana", step="access_removed", at=DAY, at_is_date=True)
    cases.undo(store, actor="ana")
    assert audits.track(store, 1, today=DAY).letters == "-------"
    cases.redo(store, actor="ana")
    assert audits.track(store, 2, today=DAY).letters == "R------"
    cases.undo(store, actor="ana")
    audits.record_step(store, [], actor="ana", step="report_filed", at=DAY)
    cases.undo(store, actor="ana")
    assert audits.incident_steps(store) == ()
    assert audits.tracks(store, today=DAY) == {}


def test_a_closure_comes_back_with_what_it_rested_on(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    give_facts(monkeypatch, {1: Facts(improper=2, known_events=events(4, 9))})
    cases.clear(store, [1], actor="ana", grounds="no_access", note="counsel agrees", override=True)
    cases.reopen(store, [1], actor="ana", note="second thoughts")
    cases.undo(store, actor="ana")
    assert (cases.case(store, 1).grounds, cases.case(store, 1).override) == ("no_access", True)
    cases.undo(store, actor="ana")
    assert cases.case(store, 1).status == "open"
    with store.reading() as connection:
        kept = connection.execute("SELECT known_events FROM closures WHERE partner = 1 ORDER BY seq").fetchall()
    assert kept == [(events(4, 9),), (events(4, 9),)]


def test_a_closure_that_no_longer_holds_does_not_come_back(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    give_facts(monkeypatch, {1: Facts(known_events=b"")})
    cases.clear(store, [1], actor="ana", grounds="no_access")
    cases.undo(store, actor="ana")
    give_facts(monkeypatch, {1: Facts(improper=3, known_events=events(4, 9, 11))})
    with pytest.raises(RefusedError, match="p1 cannot be closed again by redo: 3 restricted or unsettled reads"):
        cases.redo(store, actor="ana")
    assert cases.case(store, 1).status == "open"


def events(*keys: int) -> bytes:
    return b"".join(key.to_bytes(8, "little") for key in keys)


@dataclass
class ModelCase:
    """A partner in the model: what stands, on top of what stood before, and how often it changed."""

    stack: list[tuple[int, tuple[str, str | None]]] = field(default_factory=list)
    version: int = 0

    @property
    def state(self) -> tuple[str, str | None]:
        return self.stack[-1][1] if self.stack else ("open", None)


@dataclass
class ModelDeed:
    """Something a person did in the model.

    Attributes:
        stacks: of an undo, each case's stack right after it.
        noted: notes it wrote, or took back: they lie on no stack.
    """

    kind: str
    moves: dict[int, tuple[int, tuple[str, str | None]]]
    stacks: dict[int, list[tuple[int, tuple[str, str | None]]]] = field(default_factory=dict)
    taken_back: bool = False
    noted: int = 0


# Few people and mostly one case: what matters is who stands in whose way.
PEOPLE = st.sampled_from(["ana", "bo"])
SOME = st.sampled_from([[1], [1], [1, 2], [2, 3]])


class CaseWork(RuleBasedStateMachine):
    """Every case is a stack of what stands on it: one may take back only what lies on top of all one's cases."""

    template: Path | None = None

    @initialize()
    def open(self) -> None:
        self.folder = TemporaryDirectory()
        path = Path(self.folder.name) / "incident.db"
        if CaseWork.template is None:
            CaseWork.kept = TemporaryDirectory()
            CaseWork.template = Path(CaseWork.kept.name) / "template.db"
            new_store(CaseWork.template, {"p1": [], "p2": [], "p3": []}).close()
        shutil.copy(CaseWork.template, path)
        self.store = open_store(path)
        self.cases = {partner: ModelCase() for partner in PARTNERS}
        self.deeds: dict[str, list[ModelDeed]] = {"ana": [], "bo": []}
        self.count = 0
        self.entries = 1

    def teardown(self) -> None:
        if hasattr(self, "store"):
            assert_chained(self.store)
            self.store.close()
            self.folder.cleanup()

    def expect(self, allowed: bool, act: object) -> None:
        if allowed:
            act()
        else:
            with pytest.raises(RefusedError):
                act()

    def push(self, who: str, states: dict[int, tuple[str, str | None]]) -> None:
        self.count += 1
        moves = {partner: (self.count, state) for partner, state in states.items()}
        for partner, move in moves.items():
            self.cases[partner].stack.append(move)
            self.cases[partner].version += 1
        self.deeds[who].append(ModelDeed("do", moves))
        self.entries += len(moves)

    @rule(who=PEOPLE, some=SOME)
    def flag(self, who: str, some: list[int]) -> None:
        allowed = all(self.cases[partner].state[0] == "open" for partner in some)
        seen = {partner: self.cases[partner].version for partner in some}
        self.expect(allowed, lambda: cases.flag(self.store, some, actor=who, expect=seen))
        if allowed:
            self.push(who, {partner: ("flagged", self.cases[partner].state[1]) for partner in some})

    @rule(who=PEOPLE, some=SOME)
    def clear(self, who: str, some: list[int]) -> None:
        allowed = all(self.cases[partner].state[0] != "cleared" for partner in some)
        self.expect(allowed, lambda: cases.clear(self.store, some, actor=who, grounds="defunct"))
        if allowed:
            self.push(who, {partner: ("cleared", self.cases[partner].state[1]) for partner in some})

    @rule(who=PEOPLE, some=SOME)
    def reopen(self, who: str, some: list[int]) -> None:
        allowed = all(self.cases[partner].state[0] != "open" for partner in some)
        self.expect(allowed, lambda: cases.reopen(self.store, some, actor=who, note="again"))
        if allowed:
            self.push(who, {partner: ("open", self.cases[partner].state[1]) for partner in some})

    @rule(who=PEOPLE, some=SOME, assignee=st.sampled_from([None, "ana", "bo"]))
    def assign(self, who: str, some: list[int], assignee: str | None) -> None:
        others = [partner for partner in some if self.cases[partner].state[1] != assignee]
        self.expect(bool(others), lambda: cases.assign(self.store, some, actor=who, assignee=assignee))
        if others:
            self.push(who, {partner: (self.cases[partner].state[0], assignee) for partner in others})

    @rule(who=PEOPLE, some=SOME)
    def note(self, who: str, some: list[int]) -> None:
        cases.add_note(self.store, some, actor=who, note="seen")
        self.deeds[who].append(ModelDeed("do", {}, noted=len(some)))
        self.entries += len(some)

    @rule(who=PEOPLE)
    def undo(self, who: str) -> None:
        last = next((deed for deed in reversed(self.deeds[who]) if deed.kind == "do" and not deed.taken_back), None)
        allowed = last is not None and all(self.cases[partner].stack[-1:] == [m] for partner, m in last.moves.items())
        self.expect(allowed, lambda: cases.undo(self.store, actor=who))
        if not allowed or last is None:
            return
        last.taken_back = True
        for partner in last.moves:
            self.cases[partner].stack.pop()
            self.cases[partner].version += 1
        stacks = {partner: list(self.cases[partner].stack) for partner in last.moves}
        self.deeds[who].append(ModelDeed("undo", last.moves, stacks, noted=last.noted))
        self.entries += len(last.moves) + last.noted

    @rule(who=PEOPLE)
    def undo_again(self, who: str) -> None:
        self.undo(who)

    @rule(who=PEOPLE)
    def redo_again(self, who: str) -> None:
        self.redo(who)

    @rule(who=PEOPLE)
    def redo(self, who: str) -> None:
        last = next((deed for deed in reversed(self.deeds[who]) if deed.kind == "undo" and not deed.taken_back), None)
        allowed = last is not None and all(self.cases[partner].stack == was for partner, was in last.stacks.items())
        self.expect(allowed, lambda: cases.redo(self.store, actor=who))
        if not allowed or last is None:
            return
        last.taken_back = True
        for partner, move in last.moves.items():
            self.cases[partner].stack.append(move)
            self.cases[partner].version += 1
        self.deeds[who].append(ModelDeed("do", last.moves, noted=last.noted))
        self.entries += len(last.moves) + last.noted

    @invariant()
    def the_store_is_as_the_model(self) -> None:
        if not hasattr(self, "store"):
            return
        for partner, model in self.cases.items():
            case = cases.case(self.store, partner)
            assert ((case.status, case.assignee), case.version) == (model.state, model.version)
        assert len(actions(self.store)) == self.entries


@pytest.fixture(autouse=True)
def _free_grounds(monkeypatch: pytest.MonkeyPatch) -> None:
    give_facts(monkeypatch, {})


TestCaseWork = CaseWork.TestCase
TestCaseWork.settings = settings(max_examples=80, stateful_step_count=30, deadline=None)
