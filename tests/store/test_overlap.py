"""Whom partners read in common against sets of the raw records, and people by country and age."""

import random
from collections import Counter
from pathlib import Path

import pytest

from store.connection import open_store
from store.errors import UsageError
from store.names import find_partner
from store.overlap import overlap
from store.parameters import Parameters
from store.people import count_people, people
from tests import oracle
from tests.differential import TODAY, both, build, folded
from tests.incidents import draw

RULES = '[incident]\nas_of = 2020-01-01\n[[rules]]\nid = "r"\ndata_classes = ["x"]\nfrom = 2018-01-01\n'


@pytest.mark.parametrize("seed", range(500, 512))
def test_the_matrix_is_that_of_the_sets(tmp_path: Path, seed: int) -> None:
    draft, chance = draw(seed), random.Random(seed)
    store, incident = both(tmp_path, draft)
    question = draft.questions[0]
    everybody = sorted(incident.outside_ids.values())
    compared = chance.sample(everybody, k=min(4, len(everybody)))
    with store:
        asked = Parameters(question.as_of, question.window, question.cutoff, TODAY)
        answer = overlap(store, [find_partner(store, each) for each in compared], asked)
    people_of = {each: set(oracle.people(incident, each, question.as_of, question.cutoff)) for each in everybody}
    assert answer.together == len(set().union(*(people_of[each] for each in compared)))
    for row, name in zip(answer.rows, compared, strict=True):
        mine = people_of[name]
        others = set().union(*(people_of[each] for each in everybody if each != name))
        those = set().union(*(people_of[each] for each in compared if each != name))
        assert (row.people, row.alone, row.beyond) == (len(mine), len(mine - others), len(mine - those))
        assert row.shared == tuple(len(mine & people_of[each]) for each in compared)


def test_nobody_and_too_many_are_refused(tmp_path: Path) -> None:
    store, _ = both(tmp_path, draw(500))
    with store:
        with pytest.raises(UsageError, match="name the partners"):
            overlap(store, [], Parameters())
        with pytest.raises(UsageError, match="at most 200"):
            overlap(store, range(1, 300), Parameters())


def test_people_by_country_and_age(tmp_path: Path) -> None:
    files, chance = tmp_path / "files", random.Random(7)
    files.mkdir()
    subjects = {f"u{n}": (chance.choice(["DE", "FR", ""]), chance.choice(["true", "false", ""])) for n in range(60)}
    lines = [f"{name},{country},{minor}" for name, (country, minor) in subjects.items() if country or minor]
    (files / "subjects.csv").write_text("subject_id,country,minor\n" + "\n".join(lines) + "\n", "utf-8")
    read = [f"u{chance.randrange(80)}" for _ in range(100)]
    events = [f"2019-01-01T00:00:{n % 60:02}Z,a,x,{name},e{n}" for n, name in enumerate(read)]
    header = "occurred_at,app_id,data_class,subject_id,event_id\n"
    (files / "access_events.csv").write_text(header + "\n".join(events) + "\n", "utf-8")
    build(tmp_path, RULES, sorted(files.iterdir())).close()
    with open_store(tmp_path / "incident.db") as store:
        rows = people(store, Parameters())
    known = {name: subjects.get(name, ("", "")) for name in set(read)}
    told = {
        folded(row.subject_id): (row.country or "", {True: "true", False: "false", None: ""}[row.minor]) for row in rows
    }
    assert told == known
    counts = count_people(rows)
    assert dict(counts.by_country) == Counter(country or None for country, _ in known.values())
    ages = Counter(minor for _, minor in known.values())
    assert (counts.minors, counts.adults, counts.unknown) == (ages["true"], ages["false"], ages[""])
    assert counts.people == len(known) > 40
