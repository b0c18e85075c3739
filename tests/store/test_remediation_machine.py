"""Any work on cases and tracks by two people, against a model that shares no code with the program.

No path loses a step or reaches a state that cannot be: after every action all that the store says of every partner is
what the model says, and an action that is refused changes nothing.
"""

import shutil
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from store import audit_steps, audits, case_changes, cases, closing
from store.connection import Store, open_store
from store.due import due_items
from store.errors import ConflictError, RefusedError
from store.incident_clocks import incident_clocks
from store.ingest.importing import import_paths
from store.instants import parse_point
from store.ledger import actions
from store.names import find_partners
from store.parameters import Parameters
from store.rulebook import load_rules
from store.schema import create_store
from store.step_details import Details
from store.verify.running import verify
from tests.promises import trials
from tests.store.casework import Clock, Facts, assert_chained
from tests.store.remediation_model import (
    DAY,
    SIDES,
    TRACK,
    CaseState,
    Deed,
    ModelPartner,
    ModelStep,
    Move,
    with_state,
)

APPS = {1: ("a1", "a2"), 2: ("b1",), 3: ()}
START = parse_point("2019-03-01T12:00:00Z")
_RULES = """
[incident]
name = "Machine"
aware_at = 2019-02-28T09:00:00Z

[clocks]
audit_started = "20 business days"

[cases]
second_person = {}
"""
_PARTNERS = "partner_id,name\np1,One\np2,Two\np3,Three\n"
_APPS = "app_id,name,partner_id\na1,A one,p1\na2,A two,p1\nb1,B one,p2\n"
_IMPORTED = """partner_id,step,at,app_id,note,due
p2,access_removed,2019-02-01,,,
p2,notified,2019-02-02T10:00:00Z,b1,,2019-03-05
"""
DECLARED = ("statement", "recipients_none")
INCIDENT = ("authority_told", "people_told", "report_filed")
PEOPLE = st.sampled_from(["ana", "bo"])
SOME = st.sampled_from([[1], [1], [2], [3], [1, 2], [2, 3]])
COUNTED: Counter[str] = Counter()


class Remediation(RuleBasedStateMachine):
    """Everything that an investigator can do, by two of them."""

    kept: TemporaryDirectory[str] | None = None

    @initialize(second=st.booleans())
    def open(self, second: bool) -> None:
        self.patches = pytest.MonkeyPatch()
        self.clock = Clock(START)
        for module in (case_changes, audit_steps):
            self.patches.setattr(module, "now", self.clock)
        self.patches.setattr(closing, "gather_facts", lambda _, partners: dict.fromkeys(partners, Facts()))
        self.folder = TemporaryDirectory()
        shutil.copy(template(second), Path(self.folder.name) / "incident.db")
        self.store = open_store(Path(self.folder.name) / "incident.db")
        self.file = Path(self.folder.name) / "letter.eml"
        self.file.write_text("a letter", "utf-8")
        self.second = second
        imported = (
            ModelStep(None, "access_removed", parse_point("2019-02-01"), True, None, None, False),
            ModelStep(
                None, "notified", parse_point("2019-02-02T10:00:00Z"), False, "b1", parse_point("2019-03-05"), False
            ),
        )
        self.partners = {number: ModelPartner(apps, imported if number == 2 else ()) for number, apps in APPS.items()}
        self.deeds: dict[str, list[Deed]] = {"ana": [], "bo": []}
        self.incident: list[ModelStep] = []
        self.recorded: dict[int, ModelStep] = {}
        self.count = 0
        self.entries = len(actions(self.store))

    def teardown(self) -> None:
        if not hasattr(self, "store"):
            return
        for who in self.deeds:
            self.undo_and_redo(who, 3, 4)
        self.the_store_is_as_the_model()
        assert_chained(self.store)
        report = verify(self.store)
        assert report.ok, [result for result in report.results if not result.ok]
        self.store.close()
        self.patches.undo()
        self.folder.cleanup()

    # --- acting ----------------------------------------------------------------------------------------------------

    def act(self, what: str, *, allowed: bool, deed: Callable[[], cases.Done]) -> cases.Done | None:
        """Do it, where the model allows it; else it must be refused and change nothing."""
        self.clock.tick()
        COUNTED[f"{what} {'done' if allowed else 'refused'}"] += 1
        if allowed:
            done = deed()
            self.entries += len(done.seqs)
            return done
        before = dump(self.store)
        with pytest.raises(RefusedError):
            deed()
        assert dump(self.store) == before
        return None

    def push(self, who: str, states: Mapping[int, CaseState], steps: Mapping[int, ModelStep] | None = None) -> None:
        moves = {}
        for partner, state in states.items():
            self.count += 1
            moves[partner] = Move(self.count, state, (steps or {}).get(partner))
            self.partners[partner].stack.append(moves[partner])
            self.partners[partner].version += 1
        self.deeds[who].append(Deed("do", moves))

    def states(self, some: list[int]) -> dict[int, CaseState]:
        return {partner: self.partners[partner].state for partner in some}

    @rule(days=st.sampled_from([1, 6, 30]))
    def wait(self, days: int) -> None:
        # All within one calendar year: what an audit a year means is tried apart.
        if self.clock.at < parse_point("2019-11-25"):
            self.clock.at += days * DAY

    @rule(who=PEOPLE, some=SOME)
    def flag(self, who: str, some: list[int]) -> None:
        states = self.states(some)
        allowed = all(state.status == "open" for state in states.values())
        if self.act("flag", allowed=allowed, deed=lambda: cases.flag(self.store, some, actor=who)):
            self.push(who, {partner: with_state(state, status="flagged") for partner, state in states.items()})

    @rule(who=PEOPLE, some=SOME, whom=st.sampled_from([None, "ana", "bo"]))
    def assign(self, who: str, some: list[int], whom: str | None) -> None:
        changing = {partner: state for partner, state in self.states(some).items() if state.assignee != whom}
        deed = lambda: cases.assign(self.store, some, actor=who, assignee=whom)  # noqa: E731
        if self.act("assign", allowed=bool(changing), deed=deed):
            self.push(who, {partner: with_state(state, assignee=whom) for partner, state in changing.items()})

    @rule(who=PEOPLE, some=SOME)
    def note(self, who: str, some: list[int]) -> None:
        self.act("note", allowed=True, deed=lambda: cases.add_note(self.store, some, actor=who, note="seen"))
        self.deeds[who].append(Deed("do", {}, loose=len(some)))

    @rule(who=PEOPLE, some=SOME)
    def reopen(self, who: str, some: list[int]) -> None:
        states = self.states(some)
        allowed = all(state.status != "open" or state.asked for state in states.values())
        if self.act("reopen", allowed=allowed, deed=lambda: cases.reopen(self.store, some, actor=who, note="again")):
            self.push(who, {p: CaseState("open", state.assignee) for p, state in states.items()})

    @rule(who=PEOPLE, some=SOME, grounds=st.sampled_from(["defunct", "defunct", "enforced"]), noted=st.booleans())
    def clear(self, who: str, some: list[int], grounds: str, noted: bool) -> None:
        states = self.states(some)
        allowed = all(state.status != "cleared" for state in states.values())
        allowed &= noted or not any(self.partners[partner].loose_ends() for partner in some)
        unasked = [p for p, state in states.items() if state.asked is None or state.asked[1] != grounds]
        if self.second:
            allowed &= all(state.asked != (who, grounds) for state in states.values())
            allowed &= len(unasked) in (0, len(states))
        asks = self.second and bool(unasked)
        deed = lambda: cases.clear(self.store, some, actor=who, grounds=grounds, note="gone" if noted else "")  # noqa: E731
        if self.act("ask" if asks else "clear", allowed=allowed, deed=deed):
            after = {"asked": (who, grounds)} if asks else {"asked": None, "status": "cleared", "grounds": grounds}
            self.push(who, {partner: with_state(state, **after) for partner, state in states.items()})

    @rule(
        who=PEOPLE,
        some=SOME,
        name=st.sampled_from([*TRACK, *TRACK, *SIDES, *DECLARED]),
        app=st.sampled_from([None, None, None, 0, 1]),
        days=st.sampled_from([None, None, 0, 2, 40]),
        due=st.sampled_from([None, None, 0, 15]),
        noted=st.booleans(),
        attached=st.booleans(),
    )
    def step(
        self,
        who: str,
        some: list[int],
        name: str,
        app: int | None,
        days: int | None,
        due: int | None,
        noted: bool,
        attached: bool,
    ) -> None:
        self.record(who, some, name, app, days, due, noted, attached)

    @rule(who=PEOPLE, some=SOME, noted=st.booleans(), attached=st.booleans(), days=st.sampled_from([None, None, 0]))
    def go_on(self, who: str, some: list[int], noted: bool, attached: bool, days: int | None) -> None:
        """Go on along the track, so that runs get to its end."""
        name = self.partners[some[0]].next_step() or "audit_failed"
        self.record(who, some[:1], name, None, days, None, noted, attached)

    def record(
        self,
        who: str,
        some: list[int],
        name: str,
        app: int | None,
        days: int | None,
        due: int | None,
        noted: bool,
        attached: bool,
    ) -> None:
        apps = APPS[some[0]]
        app_id = apps[app] if app is not None and app < len(apps) and len(some) == 1 else None
        at = self.clock.at + 60_000_000 if days is None else (self.clock.at // DAY - days) * DAY
        due_at = None if due is None else (at // DAY + due) * DAY
        mine = [self.partners[partner] for partner in some]
        is_date = days is not None
        allowed = (noted or name != "waived") and not any(
            each.misdated(name, app_id, at, is_date=is_date) for each in mine
        )
        if name in TRACK and not noted:
            allowed &= not any(each.objects(name, app_id) for each in mine)
            allowed &= name != "audit_started" or not any(each.had_its_audit(app_id) for each in mine)
            passing = ModelStep(self.count + 1, name, at, is_date, app_id, due_at, attached)
            allowed &= name != "audit_passed" or not any(each.loose_ends(passing=passing) for each in mine)
        seen = {partner: self.partners[partner].version for partner in some}
        deed = lambda: audits.record_step(  # noqa: E731
            self.store,
            some,
            actor=who,
            step=name,
            at=None if days is None else at,
            at_is_date=is_date,
            app_id=app_id,
            due=due_at,
            note="because" if noted else "",
            evidence=str(self.file) if attached else None,
            details=Details(people=0) if name == "statement" else Details(),
            expect=seen,
        )
        kind = name if name in TRACK else "side state" if name in SIDES else "declaration"
        done = self.act(f"{kind}{' of an app' if app_id else ''}", allowed=allowed, deed=deed)
        if done is None:
            return
        steps = {}
        for partner, seq in zip(some, done.seqs, strict=True):
            self.count += 1
            steps[partner] = ModelStep(self.count, name, at, is_date, app_id, due_at, attached, seq)
            self.recorded[seq] = steps[partner]
        self.push(who, self.states(some), steps)

    @rule(who=PEOPLE, some=SOME, count=st.integers(1, 8))
    def go_far(self, who: str, some: list[int], count: int) -> None:
        for _ in range(count):
            name = self.partners[some[0]].next_step() or "audit_failed"
            self.record(who, some[:1], name, None, None, None, True, True)

    @rule(who=PEOPLE, some=SOME, name=st.sampled_from([*TRACK, *SIDES]), app=st.sampled_from([None, 0, 1]))
    def step_with_a_reason(self, who: str, some: list[int], name: str, app: int | None) -> None:
        self.record(who, some, name, app, None, None, True, False)

    @rule(who=PEOPLE, name=st.sampled_from(INCIDENT), days=st.sampled_from([None, 0, 2]))
    def incident_step(self, who: str, name: str, days: int | None) -> None:
        at = self.clock.at + 60_000_000 if days is None else (self.clock.at // DAY - days) * DAY
        deed = lambda: audits.record_step(  # noqa: E731
            self.store, [], actor=who, step=name, at=None if days is None else at, at_is_date=days is not None
        )
        done = self.act("incident step", allowed=True, deed=deed)
        assert done is not None
        self.count += 1
        step = ModelStep(self.count, name, at, days is not None, None, None, False, done.seqs[0])
        self.recorded[done.seqs[0]] = step
        self.incident.append(step)
        self.deeds[who].append(Deed("do", {}, loose=1, incident=step))

    @rule(who=PEOPLE, some=SOME, behind=st.integers(1, 2))
    def with_an_old_version(self, who: str, some: list[int], behind: int) -> None:
        seen = {partner: self.partners[partner].version for partner in some}
        seen[some[-1]] -= behind
        before = dump(self.store)
        with pytest.raises(ConflictError):
            audits.record_step(self.store, some, actor=who, step="on_hold", at=None, expect=seen)
        assert dump(self.store) == before
        COUNTED["conflict refused"] += 1

    @rule(who=PEOPLE)
    def undo(self, who: str) -> None:
        last = next((deed for deed in reversed(self.deeds[who]) if deed.kind == "do" and not deed.taken_back), None)
        allowed = last is not None and all(self.partners[p].stack[-1:] == [move] for p, move in last.moves.items())
        if self.act("undo", allowed=allowed, deed=lambda: cases.undo(self.store, actor=who)) is None or last is None:
            return
        last.taken_back = True
        for partner in last.moves:
            self.partners[partner].stack.pop()
            self.partners[partner].version += 1
        if last.incident is not None:
            self.incident.remove(last.incident)
        below = {partner: list(self.partners[partner].stack) for partner in last.moves}
        self.deeds[who].append(Deed("undo", last.moves, below, last.loose, last.incident))

    def redo(self, who: str) -> None:
        last = next((deed for deed in reversed(self.deeds[who]) if deed.kind == "undo" and not deed.taken_back), None)
        allowed = last is not None and all(self.partners[p].stack == below for p, below in last.below.items())
        if self.act("redo", allowed=allowed, deed=lambda: cases.redo(self.store, actor=who)) is None or last is None:
            return
        last.taken_back = True
        for partner, move in last.moves.items():
            self.partners[partner].stack.append(move)
            self.partners[partner].version += 1
        if last.incident is not None:
            self.incident.append(last.incident)
        self.deeds[who].append(Deed("do", last.moves, {}, last.loose, last.incident))

    @rule(who=PEOPLE, undos=st.integers(0, 3), redos=st.integers(1, 3))
    def undo_and_redo(self, who: str, undos: int, redos: int) -> None:
        for _ in range(undos):
            self.undo(who)
        for _ in range(redos):
            self.redo(who)

    # --- what must hold --------------------------------------------------------------------------------------------

    @precondition(lambda self: hasattr(self, "store"))
    @invariant()
    def the_store_is_as_the_model(self) -> None:
        today = self.clock.at
        together = audits.tracks(self.store, today=today)
        due = due_items(self.store, Parameters(today=today))
        for number, partner in self.partners.items():
            case = cases.case(self.store, number)
            state = partner.state
            assert (case.status, case.assignee, case.grounds) == (state.status, state.assignee, state.grounds)
            assert case.version == partner.version
            track = audits.track(self.store, number, today=today)
            assert [step.seq for step in track.steps] == [step.seq for step in partner.steps]
            assert [(step.step, step.at, step.app_id) for step in track.steps] == [
                (step.step, step.at, step.app) for step in partner.steps
            ]
            assert (track.stage, track.letters) == (partner.least().stage, partner.letters())
            assert (track.side_states, track.next_step) == (partner.sides(), partner.next_step())
            dues = partner.open_dues()
            assert track.due == min(dues, default=None)
            assert track.overdue == any(at // DAY < today // DAY for at in dues)
            assert {item.due for item in due if item.partner == number} == dues
            assert (number in together) == bool(partner.steps)
            if number in together:
                assert (together[number].letters, together[number].due) == (track.letters, track.due)
        taken = {step.step: step for step in sorted(self.incident, key=lambda one: (-one.at, -(one.seq or 0)))}
        assert {state.step: state.met_at for state in incident_clocks(self.store, Parameters(today=today))} == {
            name: taken[name].at if name in taken else None for name in ("authority_told", "report_filed")
        }
        self.nothing_is_lost()

    def nothing_is_lost(self) -> None:
        """Every step ever recorded is there, and the log says of each that was taken back who took it back."""
        log = {entry.seq: entry for entry in actions(self.store)}
        assert len(log) == self.entries
        with self.store.reading() as connection:
            rows = dict(connection.execute("SELECT seq, taken_back_by FROM audit_steps"))
            asked = dict(connection.execute("SELECT partner, json_extract(asked, '$.by') FROM cases"))
        assert rows.keys() == self.recorded.keys()
        standing = {step.seq for partner in self.partners.values() for step in partner.steps} - {None}
        standing |= {step.seq for step in self.incident}
        for seq, taken_back_by in rows.items():
            assert (taken_back_by is None) == (seq in standing)
            assert log[seq].verb == "step"
            if taken_back_by is not None:
                assert log[taken_back_by].verb == "undo"
        for number, partner in self.partners.items():
            assert asked.get(number) == (partner.state.asked or (None,))[0]


def template(second: bool) -> Path:
    """A store of three partners, of which one has steps that were imported; made once."""
    if Remediation.kept is None:
        Remediation.kept = TemporaryDirectory()
    path = Path(Remediation.kept.name) / f"second-{second}.db"
    if not path.exists():
        files = path.with_suffix(".files")
        files.mkdir()
        for kind, text in {"partners": _PARTNERS, "apps": _APPS, "steps": _IMPORTED}.items():
            (files / f"{kind}.csv").write_text(text, "utf-8")
        create_store(path, name="Machine", actor="ana", at=START)
        with open_store(path) as store:
            load_rules(store, _RULES.format(str(second).lower()), source="rules.toml", actor="ana")
            import_paths(store, [files / f"{kind}.csv" for kind in ("partners", "apps", "steps")], actor="ana")
            assert find_partners(store, ["p1", "p2", "p3"]) == [1, 2, 3]
    return path


def dump(store: Store) -> list[object]:
    """All that work on cases may change."""
    with store.reading() as connection:
        tables = ("actions", "cases", "audit_steps", "evidence", "closures", "samples")
        return [connection.execute(f"SELECT * FROM {table} ORDER BY 1, 2").fetchall() for table in tables]


@pytest.fixture(autouse=True)
def _forget() -> Iterator[None]:
    COUNTED.clear()
    yield
    if Remediation.kept is not None:
        Remediation.kept.cleanup()
        Remediation.kept = None


@trials("steps")
def test_no_path_loses_a_step_or_reaches_an_impossible_state(
    count: int, account: Callable[[str, Mapping[str, int]], None]
) -> None:
    run_state_machine_as_test(Remediation, settings=settings(max_examples=count, stateful_step_count=40, deadline=None))
    account("steps", dict(sorted(COUNTED.items())))
    refused = sum(number for name, number in COUNTED.items() if name.endswith("refused"))
    assert sum(COUNTED[f"{name} done"] for name in TRACK) >= 2 * count, COUNTED
    assert min(COUNTED["undo done"], COUNTED["redo done"], refused) >= count // 2, COUNTED
