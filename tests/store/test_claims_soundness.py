"""What a claim is said to do on part of the evidence agrees with what all of it shows; the record agrees with both."""

import random
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from store.claim_logic import BROKEN, COMPARISONS, FIGURES, HOLDS, UNKNOWN, Bounds, Term, bounds, outcome
from store.claims import _last_outcomes, claim, claims
from store.connection import Store
from store.figures import evidence_of
from store.instants import parse_point
from store.parameters import Parameters, resolve
from store.rulebook import current_rulebook
from tests.differential import ACTOR, build
from tests.incident_files import Row, write_file
from tests.incidents import draw
from tests.store.test_histories import a_step, overlapping

SEEDS = 4
RULES = """
[incident]
as_of = 2018-07-01
window_days = 20

[scopes]
"members" = ["group.member.*"]

[[rules]]
id = "r"
data_classes = ["group.member.*"]
from = 2018-04-04
except = ["opt_in"]
"""
LOGGED_UNTIL = "2018-06-21T00:00:00Z"


def world(chance: random.Random) -> tuple[list[Row], list[Row], list[Row], list[Row]]:
    """Events of half a dozen apps, opt-ins of some of the people, grants of all, a removal."""
    events: list[Row] = [
        {
            "occurred_at": f"2018-0{chance.randint(4, 6)}-{chance.randint(5, 30):02}T{chance.randint(0, 23):02}:00:00Z",
            "app_id": f"a-{chance.randint(1, 6)}",
            "data_class": ["group.member.name"],
            "subject_id": f"s-{chance.randint(1, 12)}",
            "resource_id": f"g-{chance.randint(1, 4)}",
            "records": chance.randint(1, 3),
            "event_id": f"e-{number}",
        }
        for number in range(40)
    ]
    opt_ins: list[Row] = [{"subject_id": f"s-{number}", "opted_in_at": "2018-01-01T00:00:00Z"} for number in (1, 2, 3)]
    grants: list[Row] = [
        {"app_id": f"a-{number}", "scope": "members", "granted_at": "2018-01-01T00:00:00Z"} for number in range(1, 7)
    ]
    removals: list[Row] = [{"app_id": "a-1", "removed_at": "2018-05-15T00:00:00Z"}]
    return events, opt_ins, grants, removals


def known(store: Store) -> dict[str, Bounds]:
    with store.reading() as connection:
        view = resolve(current_rulebook(store), Parameters())
        evidence = evidence_of(store, connection, view, kept=True)
    return {figure: bounds(evidence, figure) for figure in FIGURES}


def knows(
    folder: Path, events: Sequence[Row], others: tuple[list[Row], list[Row], list[Row]], *, late: bool, opted: bool
) -> dict[str, Bounds]:
    """The figures' bounds where what is late, or who opted in, is known or not."""
    opt_ins, grants, removals = others
    folder.mkdir()
    covered: Row = {
        "source": "gateway",
        "covered_from": "2018-04-01T00:00:00Z",
        "covered_until": "2018-07-02T00:00:00Z" if late else LOGGED_UNTIL,
    }
    logged = [row for row in events if late or str(row["occurred_at"]) < LOGGED_UNTIL]
    files = [
        write_file(folder / "grants.csv", "grants", grants),
        write_file(folder / "removals.csv", "removals", removals),
        write_file(folder / "coverage.csv", "coverage", [covered]),
        write_file(folder / "access_events.csv", "access_events", logged),
    ]
    if opted:
        files.append(write_file(folder / "opt_ins.csv", "opt_ins", opt_ins))
    with build(folder, RULES, files) as store:
        return known(store)


def test_whatever_is_said_on_part_of_the_evidence_is_true_of_all_of_it(tmp_path: Path) -> None:
    said: Counter[tuple[str, str]] = Counter()
    for seed in range(SEEDS):
        events, *others = world(random.Random(seed))
        opt_ins, grants, removals = others
        registry = (opt_ins, grants, removals)
        whole = knows(tmp_path / f"{seed}", events, registry, late=True, opted=True)
        assert {each.qualifier for each in whole.values()} == {"exact"}
        for late, opted in ((False, True), (True, False), (False, False)):
            part = knows(tmp_path / f"{seed} {late} {opted}", events, registry, late=late, opted=opted)
            for figure in FIGURES:
                truth = whole[figure].counted
                for comparison in COMPARISONS:
                    for value in {truth, truth + 1, max(truth - 1, 0), part[figure].counted, 0}:
                        term = Term(figure, comparison, value)
                        answer = outcome(term, part[figure])
                        said[part[figure].qualifier, answer] += 1
                        if answer != UNKNOWN:
                            assert answer == outcome(term, whole[figure]), (term, part[figure], truth)
    decided = {(qualifier, answer) for qualifier in ("at_least", "unsettled") for answer in (HOLDS, BROKEN, UNKNOWN)}
    assert {key for key, count in said.items() if count > 20} >= decided, said


def test_the_record_knows_each_outcome_after_any_history(tmp_path: Path) -> None:
    retested = 0
    for seed in range(12):
        chance = random.Random(seed)
        draft = overlapping(draw(8400 + seed), chance)
        folder = tmp_path / str(seed) / "files"
        draft.write(folder)
        rules = [draft.rules_toml, draw(8500 + seed).rules_toml]
        with build(tmp_path / str(seed), draft.rules_toml, []) as store:
            a_step(store, folder, rules, chance)
            drawn = [f"{chance.choice(FIGURES)} {chance.choice(COMPARISONS)} {chance.randint(0, 5)}" for _ in range(8)]
            # These change whenever anything is read, or nothing is any more.
            for number, that in enumerate([*drawn, "accessed.events >= 1", "accessed.people == 0"]):
                asked = Parameters(as_of=chance.choice((None, parse_point("2019-03-20"))))
                claim(store, asked, actor=ACTOR, sentence=f"sentence {number}", that=that)
            for _ in range(8):
                a_step(store, folder, rules, chance)
                with store.reading() as connection:
                    recorded = _last_outcomes(connection)
                    (found,) = connection.execute(
                        "SELECT count(*) FROM actions WHERE verb = 'claim' AND actor = 'system'"
                    ).fetchone()
                assert recorded == {state.claimed.claim_id: state.outcome for state in claims(store)}, seed
            retested += found
    assert retested >= 5
