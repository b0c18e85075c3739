"""The store against the oracle: hundreds of random incidents, every number, every verdict, every bin and person."""

from collections import Counter
from pathlib import Path

import pytest

from tests import oracle
from tests.differential import both, differences
from tests.incidents import TALLIES, draw

SEEDS = 200
SOAK_SEEDS = 3000
BATCH = 10


def disagreements(folder: Path, first: int) -> list[str]:
    found: list[str] = []
    for seed in range(first, first + BATCH):
        draft = draw(seed)
        store, incident = both(folder / str(seed), draft)
        with store:
            found += [f"seed {seed}: {line}" for line in differences(store, incident, draft.questions, seed)]
    return found


@pytest.mark.parametrize("first", range(0, SEEDS, BATCH))
def test_every_answer_agrees_with_the_oracle(tmp_path: Path, first: int) -> None:
    assert disagreements(tmp_path, first) == []


@pytest.mark.soak
@pytest.mark.parametrize("first", range(SEEDS, SOAK_SEEDS, BATCH))
def test_every_answer_agrees_with_the_oracle_for_many_more(tmp_path: Path, first: int) -> None:
    assert disagreements(tmp_path, first) == []


def test_the_incidents_meet_everything_they_should(tmp_path: Path) -> None:
    met: Counter[str] = Counter()
    reached: Counter[str] = Counter()
    for seed in range(SEEDS):
        draft = draw(seed)
        met += draft.tallies
        paths = draft.write(tmp_path / str(seed))
        rules = tmp_path / "rules.toml"
        rules.write_text(draft.rules_toml, "utf-8")
        incident = oracle.load(paths, rules)
        for question in draft.questions:
            answer = oracle.figures(incident, question.as_of, question.window, question.cutoff)
            for name in ("accessed", "recent", "after_removal", "retained", "verdicts"):
                told = answer[name]
                assert isinstance(told, dict)
                reached[f"{name} {told.get('qualifier', '')}"] += 1
                reached.update({f"{name}.{key}": value for key, value in told.items() if isinstance(value, int)})
    assert [name for name in TALLIES if met[name] < 5] == []
    assert [name for name, count in reached.items() if count < 5] == []
    for name in ("accessed", "recent", "after_removal"):
        assert all(reached[f"{name} {qualifier}"] >= 20 for qualifier in ("exact", "at_least", "unsettled")), name
