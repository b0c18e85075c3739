"""What a partner holds: against plain loops over the raw files, whatever was audited, app by app."""

import json
import random
import shutil
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import pytest

from store import audits, cases
from store.cli.main import main
from store.connection import Store, open_store
from store.held import HeldData, held_data, held_people
from store.instants import parse_point
from store.names import find_partner
from store.parameters import Parameters
from store.partners import partner_list
from tests import oracle, small_incident
from tests.differential import both, build, folded
from tests.incidents import FIRST, LAST, draw
from tests.oracle import DAY
from tests.oracle_evidence import Incident
from tests.oracle_held import Result, held

SEEDS = range(12)


def told(answer: HeldData) -> dict[str, object]:
    """The answer as the oracle tells it."""
    return {
        "undetermined": answer.undetermined,
        "read": answer.read._asdict(),
        "verified": answer.verified._asdict(),
        "held": answer.held._asdict(),
        "classes": {row.data_class: (row.people, row.resources, *row[3:]) for row in answer.classes},
        "resources": {row.resource_id: (row.people, list(row.data_classes), *row[3:]) for row in answer.resources},
    }


def judged(chance: random.Random, store: Store, incident: Incident, partner_id: str) -> list[Result]:
    """Audits of a partner and some of its apps, passed and failed, recorded; with the imported ones, in their order."""
    partner = find_partner(store, partner_id)
    about = incident.partner_named(partner_id)
    imported = [
        # A draft's files give the date alone.
        Result(row.at, True, row.step == "audit_passed", row.app_id)
        for row in incident.steps
        if ("partner", row.partner_id) == about and row.step in ("audit_passed", "audit_failed")
    ]
    # No step is dated before the first rule, and no result before the audit that it is of.
    started = [row.at for row in incident.steps if ("partner", row.partner_id) == about and row.step == "audit_started"]
    earliest = max([incident.rulebook.cutoff or FIRST, *started])
    recorded = []
    for _ in range(chance.randint(0, 4)):
        is_date = chance.random() < 0.5
        # Often the very instant of a read.
        at = chance.choice([event.occurred_at for event in incident.events if FIRST <= event.occurred_at <= LAST])
        at = max(earliest, at + chance.choice((-1, 0, 1)))
        at -= at % DAY if is_date else 0
        app = chance.choice([None, *sorted(incident.apps_of_partner[about])])
        recorded.append(Result(at, is_date, chance.random() < 0.75, app))
    for result in recorded:
        audits.record_step(
            store,
            [partner],
            actor="bo",
            step="audit_passed" if result.passed else "audit_failed",
            at=result.at,
            at_is_date=result.is_date,
            app_id=result.app_id,
            note="looked at their servers",
        )
    return sorted([*imported, *recorded], key=lambda result: result.at)


def test_held_is_what_plain_loops_find(tmp_path: Path) -> None:
    met: Counter[str] = Counter()
    for seed in SEEDS:
        draft = draw(seed)
        chance = random.Random(seed)
        paths = draft.write(tmp_path / str(seed))
        (rules := tmp_path / "rules.toml").write_text(draft.rules_toml, "utf-8")
        incident = oracle.load(paths, rules)
        with build(tmp_path / str(seed), draft.rules_toml, paths, one_by_one=False) as store:
            for partner_id in sorted(incident.outside_ids.values()):
                partner = find_partner(store, partner_id)
                results = judged(chance, store, incident, partner_id)
                for question in draft.questions[:2]:
                    asked = Parameters(question.as_of, question.window, question.cutoff)
                    answer = held_data(store, partner, asked)
                    expected = held(incident, partner_id, results, question.as_of, question.cutoff)
                    people = expected.pop("people")
                    assert told(answer) == expected, (seed, partner_id, question, results)
                    assert sorted(map(folded, held_people(store, partner, asked))) == people, (seed, partner_id)
                    met["partly verified"] += 0 < answer.verified.events < answer.read.events
                    met["all verified"] += answer.held.events == 0 < answer.verified.events
                    met["nothing verified"] += answer.verified.events == 0 < answer.read.events
                    met["several classes"] += len(answer.classes) > 1
                    met["several resources"] += len(answer.resources) > 1
    assert min(met.values()) >= 3, met


def test_without_an_audit_the_totals_are_the_partners_figures(tmp_path: Path) -> None:
    draft = draw(3)
    store, _ = both(tmp_path, draft)
    with store:
        for question in draft.questions:
            asked = Parameters(question.as_of, question.window, question.cutoff)
            for row in partner_list(store, asked):
                if row.stage in ("audit_passed", "audit_failed"):
                    continue
                read = held_data(store, row.partner, asked).read
                assert (read.people, read.events, read.resources, read.records) == (
                    row.people,
                    row.events,
                    row.resources,
                    row.records,
                )
                assert (read.first_at, read.last_at, read.events_without_subject) == (
                    row.first_at,
                    row.last_at,
                    row.without_subject,
                )


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return small_incident.build(tmp_path_factory.mktemp("built"))


@pytest.fixture
def store(built: Path, tmp_path: Path) -> Store:
    return open_store(shutil.copy(built, tmp_path / "incident.db"))


def passed(store: Store, at: str, *, step: str = "audit_passed", app: str | None = None) -> None:
    instant = parse_point(at)
    audits.record_step(
        store, [1], actor="bo", step=step, at=instant, at_is_date=len(at) == 10, app_id=app, note="all the same"
    )


def counted(store: Store) -> tuple[int, int, int]:
    answer = held_data(store, 1, Parameters())
    return answer.read.events, answer.verified.events, answer.held.events


def test_a_bare_date_counts_to_its_end_and_an_instant_counts_itself(store: Store) -> None:
    with store:
        events = sorted(parse_point(str(small_incident.read(0, number)["occurred_at"])) for number in range(60))
        day = "2018-05-09"
        until_end = sum(at < parse_point("2018-05-10") for at in events)
        assert until_end > sum(at < parse_point(day) for at in events)
        passed(store, day)
        assert counted(store) == (60, until_end, 60 - until_end)
        cases.undo(store, actor="bo")
        assert counted(store) == (60, 0, 60)
        read = next(at for at in events if at >= parse_point(day))
        audits.record_step(store, [1], actor="bo", step="audit_passed", at=read, note="x")
        assert counted(store)[1] == sum(at <= read for at in events)


def test_a_failed_audit_takes_the_verification_away_and_a_certificate_gives_none(store: Store) -> None:
    with store:
        passed(store, "2018-06-30", step="deletion_certified")
        assert counted(store) == (60, 0, 60)
        passed(store, "2018-06-30", app="a-0")
        assert counted(store) == (60, 60, 0)
        answer = held_data(store, 1, Parameters())
        assert (answer.classes, answer.resources) == ((), ())
        passed(store, "2018-07-01", step="audit_failed")
        assert counted(store) == (60, 0, 60)


def test_the_command_tells_it_with_recipients(store: Store, capsys: pytest.CaptureFixture[str]) -> None:
    with store:
        passed(store, "2018-05-09")
        expected = counted(store)
        path = str(store.path)
    step = ["step", "--db", path, "--partner", "p-0", "--as", "ana", "--step"]
    assert main([*step, "recipient_named", "--recipient", "Acme Ads"]) == 0
    asked = ["recipient_asked", "--recipient", " acme ADS ", "--at", "2018-07-01", "--due", "2018-07-15"]
    assert main([*step, *asked]) == 0
    capsys.readouterr()
    words = ["held", "--db", path, "--partner", "p-0", "--today", small_incident.TODAY]
    assert main([*words, "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert [document[name]["events"] for name in ("read", "verified_deleted", "held")] == list(expected)
    assert [row["resource_id"] for row in document["resources"]] == [f"group-{number}" for number in range(7)]
    (line,) = document["recipients"]["lines"]
    assert (line["name"], line["due"], line["overdue"], line["certified"]) == ("Acme Ads", "2018-07-15", True, None)
    assert document["apps"][0]["verified_at"] == "2018-05-09"
    assert main(words) == 0
    printed = capsys.readouterr().out
    for said in (
        "still held",
        "group-3",
        "group.member.name",
        "Acme Ads",
        "2018-07-15 overdue",
        "audit passed 2018-05-09",
    ):
        assert said in printed


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--partner", "nobody"], "no such partner"),
        (["--partner", "p-0", "--as-of", "2018-13-01"], "write 2019-11-05"),
        ([], "--partner"),
    ],
)
def test_bad_calls_are_one_line(
    store: Store, capsys: pytest.CaptureFixture[str], words: Sequence[str], said: str
) -> None:
    with store:
        path = str(store.path)
    assert main(["held", "--db", path, *words]) == 2
    errors = capsys.readouterr().err
    assert errors.count("\n") == 1
    assert said in errors
