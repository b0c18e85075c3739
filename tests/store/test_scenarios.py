"""Named what-ifs: saved, listed, dropped, shown beside the figures as they are; and what-ifs outside the data."""

import json
from pathlib import Path
from typing import Any

import pytest

from store.cli.main import main
from store.connection import Store, open_store
from store.errors import RefusedError, UsageError
from store.figures import figures, figures_document
from store.instants import parse_point
from store.ledger import actions
from store.parameters import Parameters
from store.partners import POPULATIONS, all_partners, partner_list
from store.scenarios import (
    LONGEST_NAME,
    drop_scenario,
    find_scenario,
    save_scenario,
    scenario_document,
    scenario_parameters,
    scenarios,
)
from store.sheet import compare
from store.sheet_words import COMPARED, compared, flip_words, remarks
from store.verify import verify
from store.what_if import variation
from tests import small_incident
from tests.differential import TODAY, both
from tests.incidents import draw

LATER = Parameters(cutoff=parse_point("2018-05-20T10:00:00.000007Z"))
HOSTILE = "[@click=app.quit]=HYPERLINK()|\u202e <script> '\"\\"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return small_incident.build(tmp_path)


def names(store: Store) -> list[str]:
    return [each.name for each in scenarios(store)]


def test_a_scenario_is_kept_and_found_whatever_its_case(path: Path) -> None:
    changes = variation(without=["opt_in"], accepting=["exemption"], without_apps=["a-1", "a-2"])
    asked = Parameters(parse_point("2018-06-02"), 9, parse_point("2018-05-01"), parse_point("2018-07-01"), changes)
    with open_store(path) as store:
        done = save_scenario(store, "  From the announcement ", asked, actor="bo", note="counsel asked")
        found = find_scenario(store, "from the ANNOUNCEMENT")
        assert (found.name, found.by, found.note, found.seq) == (
            "From the announcement",
            "bo",
            "counsel asked",
            *done.seqs,
        )
        assert found.parameters == Parameters(asked.as_of, 9, asked.cutoff, None, changes)
        assert actions(store)[-1].verb == "scenario"
        assert verify(store).ok


def test_saving_a_name_again_drops_the_earlier_one_and_keeps_its_row(path: Path) -> None:
    with open_store(path) as store:
        save_scenario(store, "Later", LATER, actor="ana")
        save_scenario(store, "LATER", Parameters(window_days=3), actor="bo")
        assert names(store) == ["LATER"]
        assert find_scenario(store, "later").parameters == Parameters(window_days=3)
        with store.reading() as connection:
            rows = connection.execute("SELECT scenario_id, name, seq, dropped_by FROM scenarios").fetchall()
        first, second = (action.seq for action in actions(store)[-2:])
        assert [tuple(row) for row in rows] == [(1, "Later", first, second), (2, "LATER", second, None)]
        drop_scenario(store, "later", actor="ana", note="not needed")
        assert names(store) == []
        assert verify(store).ok
        save_scenario(store, "later", LATER, actor="ana")
        assert find_scenario(store, "later").scenario_id == 3
        assert verify(store).ok


@pytest.mark.parametrize(
    ("name", "asked", "error", "says"),
    [
        ("", LATER, UsageError, "needs a name"),
        ("two\nlines", LATER, UsageError, "one line"),
        ("nul\0", LATER, UsageError, "one line"),
        ("lone\udc9b", LATER, UsageError, "UTF-8"),
        ("x" * (LONGEST_NAME + 1), LATER, UsageError, f"at most {LONGEST_NAME}"),
        ("nothing", Parameters(today=5), RefusedError, "would change nothing"),
        ("apps", Parameters(variation=variation(without_apps=["a-1", "b-77"])), UsageError, "no such app: 'b-77'"),
    ],
)
def test_what_cannot_be_saved_is_refused_and_writes_nothing(
    path: Path, name: str, asked: Parameters, error: type[Exception], says: str
) -> None:
    with open_store(path) as store:
        before = len(actions(store))
        with pytest.raises(error, match=says):
            save_scenario(store, name, asked, actor="ana")
        assert (names(store), len(actions(store))) == ([], before)


def test_dropping_needs_a_note_and_a_scenario(path: Path) -> None:
    with open_store(path) as store:
        save_scenario(store, "Later", LATER, actor="ana")
        with pytest.raises(RefusedError, match="needs a note"):
            drop_scenario(store, "Later", actor="ana", note=" ")
        with pytest.raises(UsageError, match="no such scenario: 'Latter'; the nearest: Later"):
            drop_scenario(store, "Latter", actor="ana", note="x")
        assert names(store) == ["Later"]


def test_a_scenario_never_touches_a_case_or_a_figure(path: Path) -> None:
    with open_store(path) as store:
        asked = Parameters(today=parse_point(small_incident.TODAY))
        before = figures(store, asked), list(all_partners(store, asked))
        save_scenario(store, HOSTILE, LATER, actor=HOSTILE, note=HOSTILE)
        compare(store, asked, find_scenario(store, HOSTILE).parameters)
        assert (figures(store, asked), list(all_partners(store, asked))) == before


def test_parameters_come_back_from_their_document() -> None:
    for asked in (
        LATER,
        Parameters(window_days=1),
        Parameters(as_of=-1, variation=variation(without=["exemption"])),
        Parameters(variation=variation(without_apps=["\u202e|", "Ann@X.org"])),
    ):
        assert scenario_parameters(json.loads(json.dumps(scenario_document(asked)))) == asked


@pytest.mark.parametrize("seed", range(420, 428))
def test_a_comparison_is_two_sheets_and_those_who_differ(tmp_path: Path, seed: int) -> None:
    store, _ = both(tmp_path, draw(seed))
    with store:
        now = Parameters(today=TODAY)
        for question in draw(seed).questions[:3]:
            asked = Parameters(question.as_of, question.window, question.cutoff, TODAY, variation(without=["opt_in"]))
            found = compare(store, now, asked)
            plain, other = (figures_document(figures(store, each)) for each in (now, asked))
            for each in compared(found):
                assert (each.now.value, each.what_if.value) == (value(plain, each.cell), value(other, each.cell))
                assert each.difference == value(other, each.cell) - value(plain, each.cell)
            for flips in found.flips:
                entered, left = len(flips.entered), len(flips.left)
                cell = f"{flips.population}.partners"
                assert value(other, cell) - value(plain, cell) == entered - left
                assert len(flip_words(flips)) == (entered > 0) + (left > 0)
                belongs = POPULATIONS[flips.population]
                then, whatever = (
                    {(row.partner, row.partner_id, row.name) for row in partner_list(store, each) if belongs(row)}
                    for each in (now, asked)
                )
                assert ({*flips.entered}, {*flips.left}) == (whatever - then, then - whatever)


def value(document: Any, cell: str) -> int:
    for part in cell.split("."):
        document = document[part]
    return int(document)


@pytest.mark.parametrize(
    ("asked", "says"),
    [
        (
            Parameters(cutoff=parse_point("2019-01-01")),
            "the rules would begin on 2019-01-01, not before as-of 2018-07-01",
        ),
        (Parameters(as_of=parse_point("2015-01-01")), "not before as-of 2015-01-01"),
        (Parameters(as_of=parse_point("2015-01-01"), cutoff=parse_point("2014-01-01")), "no event is logged before"),
        (Parameters(variation=variation(without_apps=[f"a-{n}" for n in range(6)])), "nobody kept access"),
    ],
)
def test_a_what_if_that_leaves_nothing_says_so(path: Path, asked: Parameters, says: str) -> None:
    with open_store(path) as store:
        found = compare(store, Parameters(), asked)
        assert found.what_if.accessed.events == 0 < found.now.accessed.events
        assert says in " ".join(remarks(found))
        assert remarks(compare(store, Parameters(), LATER)) == ()


def told(path: Path, capsys: pytest.CaptureFixture[str], *options: str) -> str:
    assert main(["scenario", "--db", str(path), *options]) == 0
    return capsys.readouterr().out


def test_the_command_saves_lists_shows_and_drops(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert told(path, capsys) == "0 scenarios\n"
    assert "ana: saved the scenario Later" in told(
        path, capsys, "--save", "Later", "--cutoff", "2018-05-20", "--without-app", "a-5", "--as", "ana"
    )
    assert "rules from 2018-05-20T00:00Z; without app a-5" in told(path, capsys)
    shown = told(path, capsys, "--show", "later")
    assert "1 leaves 'kept access': GroupPilot" in shown
    document = json.loads(told(path, capsys, "--show", "later", "--json"))
    assert document["scenario"]["parameters"] == document["parameters"]
    (flip,) = (each for each in document["flips"] if each["population"] == "retained")
    assert (flip["entered"], [each["name"] for each in flip["left"]]) == ([], ["GroupPilot"])
    assert [each["partner_id"] for each in flip["left"]] == ["p-5"]
    assert [each["figure"] for each in document["figures"]] == [*COMPARED]
    unsaved = json.loads(told(path, capsys, "--cutoff", "2018-05-20", "--without-app", "a-5", "--json"))
    assert unsaved["figures"] == document["figures"]
    assert "dropped the scenario Later" in told(path, capsys, "--drop", "LATER", "--note", "x", "--as", "ana")
    assert json.loads(told(path, capsys, "--json")) == {"scenarios": []}


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--save", "x"], "would change nothing"),
        (["--drop", "x"], "--note TEXT"),
        (["--drop", "x", "--note", "y"], "none is saved yet"),
        (["--show", "x", "--window", "3"], "has its own parameters"),
        (["--note", "x"], "goes with --save or --drop"),
        (["--without-app", "b-9"], "no such app: 'b-9'"),
        (["--save", "x", "--without", "opt_in", "--accepting", "opt_in"], "both dropped and accepted"),
    ],
)
def test_the_command_refuses_in_one_line(
    path: Path, capsys: pytest.CaptureFixture[str], options: list[str], says: str
) -> None:
    assert main(["scenario", "--db", str(path), "--as", "ana", *options]) == 2
    said = capsys.readouterr()
    assert (said.out, said.err.count("\n")) == ("", 1)
    assert says in said.err
