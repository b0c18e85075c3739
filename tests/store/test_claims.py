"""Claims: what each qualifier can prove and break, cell by cell; judged live, and tested again by what changes them."""

import json
import operator
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from store.claim_logic import BROKEN, COMPARISONS, FIGURES, HOLDS, UNKNOWN, Bounds, Term, bounds, outcome, parse_term
from store.claims import ClaimState, broken_claims, broken_words, claim, claims, withdraw
from store.connection import Store, open_store
from store.coverage import Coverage
from store.errors import RefusedError, StoreError, UnusableFileError, UsageError
from store.fold import rebuild
from store.ingest import importing
from store.ingest.importing import import_paths
from store.ingest.imports import void
from store.instants import parse_point
from store.kept import Evidence, Population
from store.ledger import actions
from store.parameters import Parameters
from store.rulebook import current_rulebook, load_rules
from store.what_if import Variation
from tests import small_incident
from tests.incident_files import Row, write_file

COMPARE: Mapping[str, Callable[[int, int], bool]] = {
    "==": operator.eq,
    "!=": operator.ne,
    ">=": operator.ge,
    "<=": operator.le,
    ">": operator.gt,
    "<": operator.lt,
}
# Counted are 11. What is claimed of: a smaller number, that one, a larger one. H holds, B is broken, ? is unknown.
TABLE = {
    "exact": {"==": "BHB", "!=": "HBH", ">=": "HHB", "<=": "BHH", ">": "HBB", "<": "BBH"},
    "at_least": {"==": "B??", "!=": "H??", ">=": "HH?", "<=": "B??", ">": "H??", "<": "BB?"},
    # Too high at most, where nothing else is missing from the log.
    "unsettled, else whole": {"==": "??B", "!=": "??H", ">=": "??B", "<=": "?HH", ">": "?BB", "<": "??H"},
    "unsettled": {"==": "???", "!=": "???", ">=": "???", "<=": "???", ">": "???", "<": "???"},
}
LETTERS = {"H": HOLDS, "B": BROKEN, "?": UNKNOWN}
QUALIFIED = {
    "exact": Bounds(11, "exact", 11, 11),
    "at_least": Bounds(11, "at_least", 11, None),
    "unsettled, else whole": Bounds(11, "unsettled", 0, 11),
    "unsettled": Bounds(11, "unsettled", 0, None),
}


@pytest.mark.parametrize("qualifier", TABLE)
@pytest.mark.parametrize("comparison", COMPARISONS)
def test_every_cell_of_the_table(qualifier: str, comparison: str) -> None:
    expected = [LETTERS[letter] for letter in TABLE[qualifier][comparison]]
    known = QUALIFIED[qualifier]
    assert [outcome(Term("accessed.partners", comparison, value), known) for value in (10, 11, 12)] == expected


def test_an_outcome_is_what_all_possible_numbers_say() -> None:
    """Every bound and value up to 9, against each number that the true one could be; 20 stands for without end."""
    tried = 0
    for low in range(10):
        for high in (*range(low, 10), None):
            possible = range(low, 21 if high is None else high + 1)
            for comparison, holds in COMPARE.items():
                for value in range(11):
                    answers = {holds(number, value) for number in possible}
                    expected = UNKNOWN if len(answers) == 2 else HOLDS if answers == {True} else BROKEN
                    found = outcome(Term("accessed.people", comparison, value), Bounds(low, "x", low, high))
                    assert found == expected, (low, high, comparison, value)
                    tried += 1
    assert tried == 65 * 6 * 11


WHOLE = Coverage(88, 88, "imported", (), {})
PARTLY = Coverage(88, 80, "imported", tuple(range(8)), {"gateway": 8})
INFERRED = Coverage(88, 88, "inferred", (), {})


def evidence(qualifier: str, **other: object) -> Evidence:
    read = Population(11, 12, 310, 7, 2, 400, 900, 0, 0, qualifier)
    given: dict[str, object] = {
        "retained_partners": 96,
        "retained_apps": 99,
        "ungranted_partners": 0,
        "accessed": read,
        "recent": read._replace(partners=3),
        "after_removal": read._replace(partners=0),
        "denied_attempts": 0,
        "first_lag": None,
        "verdicts": {"undetermined": 0},
        "events_from_as_of": 0,
        "whole": WHOLE,
        "window": WHOLE,
        "quarantined": 0,
        "settled_opt_ins": True,
        "settled_exemptions": True,
        "unmapped_scopes": (),
        "grants_known": True,
        "removals_known": True,
        "caveats": (),
        **other,
    }
    return Evidence(**given)  # type: ignore[arg-type]


def test_bounds_follow_the_qualifier() -> None:
    for figure in FIGURES:
        counted = bounds(evidence("exact"), figure).counted
        assert bounds(evidence("exact"), figure) == Bounds(counted, "exact", counted, counted)
        assert bounds(evidence("at_least"), figure) == Bounds(counted, "at_least", counted, None)
        assert bounds(evidence("unsettled"), figure) == Bounds(counted, "unsettled", 0, counted)
    assert [bounds(evidence("exact"), figure).counted for figure in FIGURES[:3]] == [96, 99, 11]
    assert bounds(evidence("exact"), "recent.partners").counted == 3
    assert bounds(evidence("exact"), "after_removal.people").counted == 310


@pytest.mark.parametrize(
    "missing",
    [
        {"whole": PARTLY, "window": PARTLY},
        {"whole": INFERRED, "window": INFERRED},
        {"quarantined": 1},
        {"verdicts": {"undetermined": 1}},
        {"accessed": Population(11, 12, 310, 7, 2, 400, 900, 1, 0, "unsettled")},
    ],
    ids=str,
)
def test_an_unsettled_count_that_misses_something_bounds_nothing(missing: Mapping[str, object]) -> None:
    for figure in FIGURES:
        assert bounds(evidence("unsettled", **missing), figure).high is None


def test_a_window_is_judged_by_its_own_days() -> None:
    assert bounds(evidence("unsettled", whole=PARTLY), "recent.people").high == 310
    assert bounds(evidence("unsettled", whole=PARTLY), "accessed.people").high is None
    assert bounds(evidence("unsettled", window=PARTLY), "recent.people").high is None
    assert bounds(evidence("unsettled", window=PARTLY), "after_removal.people").high == 310


def test_what_only_ever_adds_leaves_no_upper_bound() -> None:
    silent = Population(11, 12, 310, 7, 2, 400, 900, 0, 5, "exact")
    assert bounds(evidence("exact", accessed=silent), "accessed.records") == Bounds(900, "at_least", 900, None)
    assert bounds(evidence("exact", accessed=silent), "accessed.events") == Bounds(400, "exact", 400, 400)
    unmapped = evidence("exact", unmapped_scopes=("mail.read",))
    assert bounds(unmapped, "retained.partners") == Bounds(96, "at_least", 96, None)
    assert bounds(unmapped, "accessed.partners") == Bounds(11, "exact", 11, 11)
    unheard = evidence("exact", grants_known=False, removals_known=False)
    assert bounds(unheard, "retained.partners") == Bounds(96, "at_least", 96, None)
    assert bounds(unheard, "after_removal.partners") == Bounds(0, "at_least", 0, None)
    assert bounds(unheard, "accessed.partners") == Bounds(11, "exact", 11, 11)
    ungranted = evidence("exact", ungranted_partners=1)
    assert bounds(ungranted, "retained.apps") == Bounds(99, "at_least", 99, None)
    assert bounds(ungranted, "accessed.partners") == Bounds(11, "exact", 11, 11)


def test_a_claim_is_typed_as_it_is_read() -> None:
    assert parse_term("recent.partners >= 11") == Term("recent.partners", ">=", 11)
    assert parse_term(" accessed.people<6,800,000 ") == Term("accessed.people", "<", 6_800_000)
    for text in ("", "recent.partners", "recent.partners => 11", "recent.partners >= -1", "recent.partners >= x"):
        with pytest.raises(UsageError, match="is no comparison"):
            parse_term(text)
    for figure in ("cases.open", "verdicts.denied", "retained.people", "accessed.qualifier", "what.ever"):
        with pytest.raises(UsageError, match="no figure that a claim can be bound to"):
            parse_term(f"{figure} == 1")
    with pytest.raises(UsageError, match="too large"):
        parse_term("accessed.people == 9999999999999999")


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """The small incident, its log complete."""
    store = open_store(small_incident.build(tmp_path))
    covered: Row = {"source": "gw", "covered_from": "2018-04-01T00:00:00Z", "covered_until": "2018-07-02T00:00:00Z"}
    import_paths(store, [write_file(tmp_path / "coverage.csv", "coverage", [covered])], actor="ana")
    return store


def made(store: Store, that: str, as_of: int | None = None, window_days: int | None = None) -> ClaimState:
    return claim(store, Parameters(as_of, window_days), actor="ana", sentence=f"we said {that}", that=that)[0]


def late(folder: Path, app: str = "nobody-yet") -> Path:
    row: Row = {
        "occurred_at": "2018-06-20T10:00:00Z",
        "app_id": app,
        "data_class": ["group.member.name"],
        "subject_id": "s",
        "event_id": "late",
    }
    return write_file(folder / "access_events-late.csv", "access_events", [row])


def outcomes(store: Store) -> dict[int, str]:
    return {state.claimed.claim_id: state.outcome for state in claims(store)}


def retests(store: Store) -> list[dict[str, object]]:
    """What `system` wrote down of claims."""
    found: list[dict[str, object]] = []
    for entry in actions(store):
        if entry.verb == "claim" and entry.actor == "system":
            found += json.loads(entry.after or "")["claims"]
    return found


def test_an_import_that_breaks_a_claim_is_written_down_with_it(store: Store, tmp_path: Path) -> None:
    assert [made(store, that).outcome for that in ("accessed.partners == 6", "accessed.partners >= 5")] == ["holds"] * 2
    head = len(actions(store))
    import_paths(store, [late(tmp_path)], actor="bo")
    assert outcomes(store) == {1: BROKEN, 2: HOLDS}
    entry = [each for each in actions(store)[head:] if each.verb == "claim"]
    assert [(each.actor, each.verb) for each in entry] == [("system", "claim")]
    expected = {"claim_id": 1, "before": "holds", "outcome": "broken", "counted": 7, "qualifier": "exact"}
    assert retests(store) == [{**expected, "low": 7, "high": 7}]
    assert "broken: accessed.partners == 6, and it is 7" in (entry[0].note or "")
    (broken,) = broken_claims(store)
    assert broken_words([broken]).startswith("claim 1 is broken: accessed.partners == 6, and it is 7")
    void(store, 6, actor="bo", note="wrong")
    assert outcomes(store) == {1: HOLDS, 2: HOLDS}
    assert [each["outcome"] for each in retests(store)] == ["broken", "holds"]
    assert broken_claims(store) == ()


def test_less_coverage_makes_it_unknown_and_a_rulebook_can_break_it(store: Store) -> None:
    made(store, "accessed.partners == 6")
    void(store, 5, actor="bo", note="the log was not complete")
    assert outcomes(store) == {1: UNKNOWN}
    text = current_rulebook(store).toml.replace('"group.member.*"', '"mail.*"')
    load_rules(store, text, source="other.toml", actor="bo")
    assert outcomes(store) == {1: UNKNOWN}
    made(store, "accessed.partners >= 1")
    load_rules(store, text.replace('"mail.*"', '"group.member.*"'), source="again.toml", actor="bo")
    assert outcomes(store) == {1: UNKNOWN, 2: HOLDS}
    assert [(each["claim_id"], each["before"], each["outcome"]) for each in retests(store)] == [
        (1, "holds", "unknown"),
        (2, "unknown", "holds"),
    ]


def test_a_change_that_changes_no_outcome_writes_nothing(store: Store, tmp_path: Path) -> None:
    made(store, "accessed.partners >= 5")
    import_paths(store, [late(tmp_path)], actor="bo")
    rebuild(store, actor="bo")
    assert retests(store) == []


def test_the_last_file_of_a_call_tests_for_all(store: Store, tmp_path: Path) -> None:
    made(store, "accessed.partners == 6")
    import_paths(store, [late(tmp_path), tmp_path / "coverage.csv"], actor="bo")
    assert [each["outcome"] for each in retests(store)] == ["broken"]


def test_a_rebuild_after_a_call_that_was_killed_tests_too(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made(store, "accessed.partners == 6")
    real, begun = importing._import_file, []

    def until_killed(*words: Any, **options: Any) -> Any:
        begun.append(words)
        if len(begun) > 1:
            raise SystemExit(137)
        return real(*words, **options)

    monkeypatch.setattr(importing, "_import_file", until_killed)
    with pytest.raises(SystemExit):
        import_paths(store, [late(tmp_path), tmp_path / "coverage.csv"], actor="bo")
    # Judged live, a claim knows already what the record is told by whoever makes the derived tables anew.
    assert outcomes(store) == {1: BROKEN}
    assert retests(store) == []
    rebuild(store, actor="bo")
    assert [each["outcome"] for each in retests(store)] == ["broken"]


def test_parameters_stay_as_they_were(store: Store, tmp_path: Path) -> None:
    as_of = parse_point("2018-06-01")
    first = made(store, "accessed.partners == 6", as_of=as_of, window_days=10)
    assert (first.claimed.as_of, first.claimed.window_days, first.claimed.cutoff) == (as_of, 10, None)
    made(store, "accessed.partners == 6")
    load_rules(store, current_rulebook(store).toml.replace("2018-07-01", "2019-07-01"), source="x", actor="bo")
    import_paths(store, [late(tmp_path)], actor="bo")
    assert outcomes(store) == {1: HOLDS, 2: BROKEN}
    assert [state.claimed.as_of for state in claims(store)] == [as_of, parse_point("2018-07-01")]


def test_live_judgement_is_what_figures_say_whether_kept_or_counted(store: Store) -> None:
    kept = made(store, "accessed.people == 210")
    counted = made(store, "accessed.people == 210", as_of=parse_point("2018-07-01"), window_days=31)
    assert (kept.outcome, kept.known) == (counted.outcome, counted.known) == (HOLDS, Bounds(210, "exact", 210, 210))
    with store.writing() as connection:
        connection.execute("INSERT OR REPLACE INTO derived_state(name, value) VALUES ('stale', '4')")
    assert [state.known for state in claims(store)] == [kept.known, counted.known]


@pytest.mark.parametrize("sentence", ["a\nb", "a\0b"])
def test_a_sentence_is_one_line(store: Store, sentence: str) -> None:
    with pytest.raises(UsageError, match="sentence is to be one line"):
        claim(store, Parameters(), actor="ana", sentence=sentence, that="accessed.partners == 6")
    assert claims(store) == ()


def test_that_nobody_read_after_removal_is_no_claim_before_removals_were_imported(store: Store, tmp_path: Path) -> None:
    assert made(store, "after_removal.partners == 0").outcome == UNKNOWN
    none = tmp_path / "removals.csv"
    none.write_text("app_id,removed_at\n", "utf-8")
    import_paths(store, [none], actor="ana")
    assert claims(store)[0].outcome == HOLDS


def test_a_withdrawn_claim_is_tested_no_more(store: Store, tmp_path: Path) -> None:
    made(store, "accessed.partners == 6")
    with pytest.raises(UsageError, match="needs a note"):
        withdraw(store, 1, actor="ana", note=" ")
    with pytest.raises(UsageError, match="no claim 2"):
        withdraw(store, 2, actor="ana", note="x")
    withdraw(store, 1, actor="ana", note="corrected in public")
    with pytest.raises(RefusedError, match="withdrawn already"):
        withdraw(store, 1, actor="ana", note="x")
    import_paths(store, [late(tmp_path)], actor="bo")
    assert claims(store) == ()
    assert retests(store) == []
    (state,) = claims(store, withdrawn=True)
    (withdrawal,) = [entry.seq for entry in actions(store) if entry.note == "corrected in public"]
    assert (state.outcome, state.claimed.withdrawn_by) == (BROKEN, withdrawal)


def test_what_is_refused(store: Store) -> None:
    def refused(sentence: str = "x", that: str = "accessed.people >= 1", **other: Variation) -> None:
        with pytest.raises(StoreError):
            claim(store, Parameters(**other), actor="ana", sentence=sentence, that=that)  # type: ignore[arg-type]

    refused(sentence=" ")
    refused(sentence="x" * 2_001)
    refused(that="accessed.people")
    refused(variation=Variation(without_apps=frozenset(("a-1",))))
    assert claims(store) == ()
    with open_store(store.path, read_only=True) as reader, pytest.raises(UnusableFileError, match="reading only"):
        claim(reader, Parameters(), actor="ana", sentence="x", that="accessed.people >= 1")


def test_without_claims_the_board_asks_for_nothing(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    def never(*_: object) -> None:
        raise AssertionError

    monkeypatch.setattr("store.claims.kept_evidence", never)
    assert broken_claims(store) == ()
    assert broken_words(()) == ""
