"""The stages against plain loops over the raw records: who stands where, since when, whose data, who is late."""

import json
import random
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import pytest

from fixtures.scale import write_incident
from store import audits, cases, stages
from store.cli.main import main
from store.cli.parser import STAGE_NAMES
from store.connection import Store, open_store
from store.figures import figures
from store.ingest.importing import import_paths
from store.instants import parse_point
from store.names import find_partner
from store.parameters import Parameters
from store.partners import PartnerRow, partner_list
from store.rulebook import load_rules, preset_text
from store.schema import create_store
from store.stage_document import stages_document
from store.stages import LONGEST, NAME, ORDERS, PEOPLE, STAGES, Stages
from tests import oracle, oracle_work
from tests.differential import TODAY, both
from tests.incidents import APPS, PARTNERS, Draft, Question, draw
from tests.oracle_evidence import Incident, Partner
from tests.store.casework import NOON, new_store

SEEDS = range(12)
DAY = parse_point("2019-11-05")
LATER = parse_point("2020-01-20")


def expected(incident: Incident, question: Question) -> dict[str, dict[str, object]]:
    """Each stage as loops over the raw records find it."""
    seen = oracle.view(incident, question.as_of, question.window, question.cutoff)
    kept = seen.partners_of(seen.retained_apps())
    stepped = {partner for partner in incident.apps_of_partner if oracle_work.steps_of(incident, partner, TODAY)}
    people: defaultdict[str, set[str]] = defaultdict(set)
    rows: dict[str, dict[str, object]] = {
        name: {"partners": set(), "oldest_at": None, "late": 0, "on_hold": 0, "no_response": 0} for name in STAGES
    }
    for partner in kept | stepped:
        name = oracle_work.stage(incident, partner, TODAY)
        row = rows[name]
        row["partners"] = {*_set(row["partners"]), incident.outside_ids[partner]}
        begun = reached(incident, partner, name)
        oldest = row["oldest_at"]
        row["oldest_at"] = min((at for at in (begun, oldest) if isinstance(at, int)), default=None)
        row["late"] = _number(row["late"]) + oracle_work.is_overdue(incident, partner, TODAY)
        for side in ("on_hold", "no_response"):
            row[side] = _number(row[side]) + has_side(incident, partner, side)
    for event in seen.improper():
        partner = incident.partner_of_app[event.app_id]
        if event.subject_id is not None:
            people[oracle_work.stage(incident, partner, TODAY)].add(event.subject_id)
    return {name: row | {"people": len(people[name])} for name, row in rows.items()}


def _set(value: object) -> set[str]:
    assert isinstance(value, set)
    return value


def _number(value: object) -> int:
    assert isinstance(value, int)
    return value


def reached(incident: Incident, partner: Partner, name: str) -> int | None:
    """The first instant since which its stage was this one at every step."""
    if name == "none":
        return None
    found = None
    for at in sorted({step.at for step in oracle_work.steps_of(incident, partner, TODAY)}):
        if oracle_work.stage(incident, partner, at) != name:
            found = None
        elif found is None:
            found = at
    return found


def has_side(incident: Incident, partner: Partner, side: str) -> bool:
    """Whether some app has this side state, and no step of the track since."""
    for own in oracle_work.own_steps(incident, partner, TODAY):
        last = max((place for place, step in enumerate(own) if step.step in oracle_work.TRACK), default=-1)
        if any(step.step == side for step in own[last + 1 :]):
            return True
    return False


def told(answer: Stages) -> dict[str, dict[str, object]]:
    """The same of the store's answer."""
    return {
        row.stage: {
            "partners": {line.row.partner_id for line in answer.lines(row.stage)},
            "oldest_at": row.oldest_at,
            "late": row.late,
            "on_hold": row.on_hold,
            "no_response": row.no_response,
            "people": row.people,
        }
        for row in answer.rows
    }


def drawn(seed: int) -> Draft:
    """A random incident with more steps: of single apps too, with side states between and after them."""
    chance, draft = random.Random(seed), draw(seed)
    rows: list[dict[str, object]] = []
    for partner in PARTNERS:
        names = list(oracle_work.TRACK[: chance.randint(0, 6)]) if partner in PARTNERS[3:] else []
        for _ in range(chance.randint(0, 3)):
            names.insert(chance.randint(0, len(names)), chance.choice(("on_hold", "no_response", "on_hold", "waived")))
        for place, name in enumerate(names):
            # A date given with a side state takes the place of the step's, of which the oracle knows nothing.
            asks = name in oracle_work.TRACK
            rows.append(
                {
                    "partner_id": partner,
                    "step": name,
                    "at": f"2019-04-{10 + place:02d}",
                    "app_id": chance.choice(("", "", *APPS[:3])),
                    "due": chance.choice(("", "2019-05-02", f"2019-0{chance.randint(4, 9)}-20")) if asks else "",
                }
            )
    if rows:
        draft.files["steps-more.jsonl"] = ("steps", rows)
    return draft


def test_the_stages_are_what_plain_loops_find(tmp_path: Path) -> None:
    met = dict.fromkeys(("stages", "people", "late", "on_hold", "no_response", "shared"), 0)
    for seed in SEEDS:
        draft = drawn(seed)
        store, incident = both(tmp_path / str(seed), draft)
        with store:
            for question in draft.questions[:3]:
                answer = stages.stages(store, Parameters(question.as_of, question.window, question.cutoff, TODAY))
                assert told(answer) == expected(incident, question), (seed, question)
                assert answer.partners == sum(row.partners for row in answer.rows)
                counted = [row.people or 0 for row in answer.rows]
                assert max(counted) <= answer.accessed.people <= sum(counted)
                met["stages"] += sum(row.partners > 0 and row.stage != "none" for row in answer.rows)
                met["people"] += sum(counted)
                met["late"] += sum(row.late for row in answer.rows)
                met["on_hold"] += sum(row.on_hold for row in answer.rows)
                met["no_response"] += sum(row.no_response for row in answer.rows)
                met["shared"] += answer.accessed.people < sum(counted)
    assert all(value >= 5 for value in met.values()), met


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    partners = {"p-1": ["go", "plan"], "p-2": ["cast"], "p-3": [], "p-4": ["four"]}
    with new_store(tmp_path / "s.db", partners, {"p-1": "Ribbon", "p-2": "Castaway", "p-3": "Halyard"}) as opened:
        yield opened


def record(store: Store, partner_id: str, step: str, day: str, **options: object) -> None:
    partner = find_partner(store, partner_id)
    audits.record_step(
        store,
        [partner],
        actor="ana",
        step=step,
        at=parse_point(day),
        at_is_date=True,
        note=str(options.pop("note", "as told")),
        **options,  # type: ignore[arg-type]
    )


def ask(store: Store, today: str = "2020-01-20") -> Stages:
    return stages.stages(store, Parameters(today=parse_point(today)))


def test_a_partner_stands_where_its_least_advanced_app_stands_and_since_that_one_got_there(store: Store) -> None:
    record(store, "p-1", "access_removed", "2019-10-28", app_id="go")
    (row,) = (row for row in ask(store).rows if row.stage == "none")
    assert (row.partners, row.oldest_at, row.next) == (1, None, "no contact")
    record(store, "p-1", "access_removed", "2019-10-30", app_id="plan")
    record(store, "p-1", "notified", "2019-11-02", app_id="go")
    # A reminder, and a removal told once more, move nothing.
    record(store, "p-1", "access_removed", "2019-11-04")
    answer = ask(store)
    (line,) = answer.lines("access_removed")
    assert (line.row.name, line.since, line.since_is_date) == ("Ribbon", parse_point("2019-10-30"), True)
    row = answer.rows[STAGES.index("access_removed")]
    assert (row.oldest_at, row.oldest_days) == (parse_point("2019-10-30"), 82)


def test_late_comes_first_then_who_waits_then_who_is_due_soonest(store: Store) -> None:
    for partner_id, due in (("p-1", "2020-02-01"), ("p-2", "2020-01-19"), ("p-3", "2020-01-30"), ("p-4", "2020-01-20")):
        for step, day in (("access_removed", "2019-10-28"), ("notified", "2019-11-05")):
            record(store, partner_id, step, day)
        record(store, partner_id, "deletion_requested", "2019-11-06", due=parse_point(due))
    record(store, "p-1", "on_hold", "2019-11-12", note="the regulator asked")
    record(store, "p-4", "no_response", "2019-12-12")
    answer = ask(store)
    lines = answer.lines("deletion_requested")
    assert [(line.row.partner_id, line.days_left) for line in lines] == [
        ("p-2", -1), ("p-1", None), ("p-4", 0), ("p-3", 10),
    ]  # fmt: skip
    assert (lines[1].held_since, lines[1].held_note) == (parse_point("2019-11-12"), "the regulator asked")
    row = answer.rows[STAGES.index("deletion_requested")]
    assert (row.late, row.on_hold, row.no_response) == (1, 1, 1)
    assert (row.due, row.overdue, row.next) == (parse_point("2020-01-19"), True, "certificate")
    assert [line.row.partner_id for line in answer.lines("deletion_requested", NAME)] == ["p-2", "p-3", "p-4", "p-1"]
    turned = answer.lines("deletion_requested", NAME, reverse=True)
    assert [line.row.partner_id for line in turned] == ["p-1", "p-4", "p-3", "p-2"]
    # A day later one more is late; what waits for a regulator never is.
    assert ask(store, "2020-01-21").rows[STAGES.index("deletion_requested")].late == 2
    assert ask(store, "2021-01-21").rows[STAGES.index("deletion_requested")].late == 3
    # Taken up again: it waits no more.
    record(store, "p-1", "deletion_certified", "2019-12-01")
    (line,) = ask(store).lines("deletion_certified")
    assert (line.held_since, line.row.side_states) == (None, ())


def test_a_stage_where_all_wait_says_so(store: Store) -> None:
    record(store, "p-1", "access_removed", "2019-10-28")
    record(store, "p-1", "on_hold", "2019-11-12")
    assert ask(store).rows[STAGES.index("access_removed")].next == "on hold"


def test_a_failed_audit_is_behind_a_passed_one_and_after_it_one_starts_again(store: Store) -> None:
    record(store, "p-1", "access_removed", "2019-10-28")
    record(store, "p-1", "audit_failed", "2019-11-28")
    record(store, "p-1", "audit_planned", "2019-12-01")
    record(store, "p-2", "audit_passed", "2019-12-24")
    answer = ask(store)
    (failed,), (passed,) = answer.lines("audit_failed"), answer.lines("audit_passed")
    assert (failed.row.partner_id, failed.since) == ("p-1", parse_point("2019-11-28"))
    assert passed.row.partner_id == "p-2"
    assert answer.rows[STAGES.index("audit_passed")].next == ""


def test_the_incidents_own_steps_stand_above(store: Store) -> None:
    load_rules(store, "[incident]\naware_at = 2019-10-01T09:00:00Z\n", source="r", actor="ana")
    authority, report, people = ask(store).duties
    assert [duty.step for duty in (authority, report, people)] == ["authority_told", "report_filed", "people_told"]
    assert authority.clock is not None
    assert (authority.clock.state, authority.clock.due) == ("overdue", parse_point("2019-10-04T09:00:00Z"))
    # Nobody was read: no report is due, and nothing says when people must be told.
    assert report.clock is not None
    assert (report.clock.state, people.clock, people.done) == ("not_required", None, None)
    audits.record_step(store, [], actor="ana", step="people_told", at=DAY, at_is_date=True)
    assert [duty.done is not None for duty in ask(store).duties] == [False, False, True]


def test_whoever_has_a_case_stands_somewhere_as_the_figures_count_them(store: Store) -> None:
    assert ask(store).partners == 0
    cases.flag(store, [find_partner(store, "p-4")], actor="ana", note="")
    record(store, "p-1", "access_removed", "2019-10-28")
    answer = ask(store)
    counted = figures(store, Parameters(today=LATER)).audits
    assert [line.row.partner_id for line in answer.lines("none")] == ["p-4"]
    assert {row.stage: row.partners for row in answer.rows} == {
        stage: counted.get({"audit_passed": "passed", "audit_failed": "failed"}.get(stage, stage), 0)
        for stage in STAGES
    }


def test_the_parser_knows_the_stages() -> None:
    assert STAGE_NAMES == STAGES


def test_many_partners_come_as_columns_and_stand_where_a_plain_list_puts_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_incident(tmp_path / "files", events=3_000)
    create_store(tmp_path / "s.db", name="Many", actor="ana", at=NOON)
    with open_store(tmp_path / "s.db") as store:
        load_rules(store, preset_text("groups-api-2018"), source="preset", actor="ana")
        import_paths(store, [tmp_path / "files"], actor="ana")
        known = partner_list(store, Parameters(today=LATER))
        for place, row in enumerate(known[:40]):
            steps = ("access_removed", "notified", "deletion_requested")[: place % 4]
            for step in steps:
                audits.record_step(store, [row.partner], actor="ana", step=step, at=DAY, note="now", due=DAY + place)
        plain = ask(store)
        monkeypatch.setattr("store.partners.MANY_PARTNERS", 1)
        columns = ask(store)
        assert columns.rows == plain.rows
        for stage in STAGES:
            for order in ORDERS:
                assert shown(columns, stage, order) == shown(plain, stage, order), (stage, order)
        members = set(columns.lines("none").ids)
        assert columns.standing_among({*members, 10**6}) == members
        check_people(store, plain, known)
        later = stages.stages(store, Parameters(as_of=parse_point("2018-09-01"), today=LATER))
        assert sum(row.people or 0 for row in later.rows) < sum(row.people or 0 for row in plain.rows)
        assert [row.people for row in stages.stages(store, Parameters(), people=False).rows] == [None] * len(STAGES)


def shown(answer: Stages, stage: str, order: str) -> list[tuple[object, ...]]:
    """The lines of a stage; ties in people are in any order."""
    lines = answer.lines(stage, order)
    return [(line.row.people,) if order == PEOPLE else (line.row.partner, line.since) for line in lines]


def check_people(store: Store, answer: Stages, known: list[PartnerRow]) -> None:
    """The people of a stage, as the rows of the notification lists of its partners name them."""
    from store.people import people

    for row in answer.rows:
        partners = [line.row.partner for line in answer.lines(row.stage)]
        names = {one.subject_id for partner in partners[:60] for one in people(store, Parameters(), partner)}
        if len(partners) <= 60:
            assert row.people == len(names), row.stage
        else:
            assert (row.people or 0) >= len(names)
    assert sum(row.partners for row in answer.rows) == sum(each.retained for each in known)


def test_the_command_says_what_the_question_says(store: Store, capsys: pytest.CaptureFixture[str]) -> None:
    record(store, "p-1", "access_removed", "2019-10-28")
    record(store, "p-1", "on_hold", "2019-11-12", note="wait \x1b]52;c;aGk=\x07")
    load_rules(store, "[incident]\nas_of = 2019-11-05\n", source="r", actor="ana")
    path = str(store.path)
    asked = ["stages", "--db", path, "--today", "2020-01-20", "--stage", "access_removed"]
    assert main([*asked, "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document == json.loads(json.dumps(stages_document(ask(store), "access_removed")))
    (stage,) = (row for row in document["stages"] if row["stage"] == "access_removed")
    assert (stage["partners"], stage["on_hold"], stage["oldest_days"]) == (1, 1, 84)
    (line,) = document["stage_partners"]
    assert (line["name"], line["since"], line["held_since"]) == ("Ribbon", "2019-10-28", "2019-11-12")
    assert main(asked) == 0
    lines = capsys.readouterr().out.splitlines()
    assert any(line.startswith("R access removed") and "84 d" in line and "on hold" in line for line in lines)
    assert any("since 2019-11-12 wait \\x1b]52" in line for line in lines)
    assert main([*asked[:-1], "nonsense"]) == 2


def test_who_stands_longest_comes_first_when_asked(store: Store) -> None:
    for partner_id, day in (("p-2", "2019-11-01"), ("p-1", "2019-10-28"), ("p-4", "2019-10-30")):
        record(store, partner_id, "access_removed", day)
    lines = ask(store).lines("access_removed", LONGEST)
    assert [line.row.partner_id for line in lines] == ["p-1", "p-4", "p-2"]
