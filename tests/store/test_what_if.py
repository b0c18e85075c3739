"""What-ifs that change exceptions or leave apps out, against the oracle under a rulebook that says so."""

import json
import random
import tomllib
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pytest

from store.cli.main import main
from store.errors import UsageError
from store.figures import figures
from store.parameters import Parameters
from store.partners import all_partners
from store.people import people
from store.what_if import Variation, variation, variation_words
from tests import oracle, small_incident
from tests.differential import TODAY, both, figures_differ, folded, people_differ
from tests.incidents import draw

SEEDS, SOAK_SEEDS, BATCH = 40, 600, 10


def toml(value: object) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{json.dumps(key)} = {toml(each)}" for key, each in value.items()) + "}"
    if isinstance(value, list):
        return f"[{', '.join(map(toml, value))}]"
    return value.isoformat() if isinstance(value, date | datetime) else json.dumps(value)


def under(rules_toml: str, changes: Variation, apps: set[str]) -> str:
    """The rulebook that says what the what-if asks for."""
    book: dict[str, Any] = tomllib.loads(rules_toml)
    for rule in book.get("rules", []):
        accepted = ({*rule.get("except", [])} - changes.without) | changes.accepting
        rule["except"] = sorted(accepted)
        about = {folded(app) for app in rule.get("apps", ["*"])}
        if changes.without_apps:
            named = apps if "*" in about else about
            rule["apps"] = sorted(named - changes.without_apps) or ["no app of that name"]
    return "".join(f"{name} = {toml(value)}\n" for name, value in book.items())


def changes_for(chance: random.Random, apps: list[str]) -> Variation:
    without, accepting = set(), set()
    for name in ("opt_in", "exemption"):
        chance.choice([without, accepting, set(), set()]).add(name)
    leave_out = chance.sample(apps, k=min(len(apps), chance.choice([0, 0, 1, 2])))
    return variation(without=without, accepting=accepting, without_apps=leave_out)


def disagreements(folder: Path, first: int) -> tuple[list[str], int]:
    found: list[str] = []
    changed = 0
    for seed in range(first, first + BATCH):
        draft, chance = draw(seed), random.Random(seed)
        store, incident = both(folder / str(seed), draft)
        apps = sorted({app.app_id for app in incident.apps} | {event.app_id for event in incident.events})
        known = {*apps, *(grant.app_id for grant in incident.grants)}
        with store:
            plain = figures(store, Parameters(today=TODAY)).accessed
            for number in range(2):
                changes = changes_for(chance, apps)
                rules = folder / f"{seed}-{number}.toml"
                rules.write_text(under(draft.rules_toml, changes, known), "utf-8")
                varied = oracle.load(sorted((folder / str(seed) / "files").iterdir()), rules)
                lines = [line for asked in draft.questions for line in figures_differ(store, varied, asked, changes)]
                lines += people_differ(store, varied, None, chance.choice(draft.questions), changes)
                found += [f"seed {seed}, {variation_words(changes) or 'no change'}: {line}" for line in lines]
                changed += figures(store, Parameters(today=TODAY, variation=changes)).accessed != plain
                assert figures(store, Parameters(today=TODAY)).accessed == plain
    return found, changed


@pytest.mark.parametrize("first", range(0, SEEDS, BATCH))
def test_a_what_if_agrees_with_the_oracle(tmp_path: Path, first: int) -> None:
    found, changed = disagreements(tmp_path, first)
    assert found == []
    assert changed >= 3


@pytest.mark.soak
@pytest.mark.parametrize("first", range(SEEDS, SOAK_SEEDS, BATCH))
def test_many_more_what_ifs_agree_with_the_oracle(tmp_path: Path, first: int) -> None:
    assert disagreements(tmp_path, first)[0] == []


def test_a_what_if_that_cannot_be_is_refused() -> None:
    with pytest.raises(UsageError, match="no such exception: 'consent'"):
        variation(without=["consent"])
    with pytest.raises(UsageError, match="cannot be both dropped and accepted"):
        variation(without=["opt_in"], accepting=["opt_in"])


def test_leaving_every_app_out_leaves_nothing(tmp_path: Path) -> None:
    store, incident = both(tmp_path, draw(3))
    with store:
        apps = [app.app_id for app in incident.apps] + [event.app_id for event in incident.events]
        asked = Parameters(today=TODAY, variation=variation(without_apps=apps))
        answer = figures(store, asked)
        assert (answer.retained_partners, answer.accessed.events, answer.verdicts["improper"]) == (0, 0, 0)
        assert people(store, asked) == []
        assert not any(row.retained or row.events for row in all_partners(store, asked))


@pytest.mark.parametrize("command", ["figures", "partners", "people", "shape", "overlap", "scenario"])
@pytest.mark.parametrize("app", ["nope", ""])
def test_an_app_that_nobody_knows_cannot_be_left_out(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], command: str, app: str
) -> None:
    path = small_incident.build(tmp_path)
    partners = ["--partner", "p-0", "--partner", "p-1"] if command == "overlap" else []
    partners = ["--partner", "p-0"] if command == "shape" else partners
    assert main([command, "--db", str(path), *partners, "--without-app", app]) == 2
    told = capsys.readouterr()
    assert told.out == ""
    assert f"no such app: {app!r}" in told.err
    assert len(told.err.splitlines()) == 1
