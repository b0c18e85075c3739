"""The shape of access: for each sentence a dataset that makes it true and one that makes it false or unclear."""

import json
import re
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

import pytest

from store.cli.main import main
from store.connection import Store
from store.events import events
from store.instants import parse_point
from store.names import find_partner
from store.parameters import Parameters
from store.shape import FEWEST_READS, Statement, shape_of_access
from store.words import duration_words
from tests import oracle
from tests.differential import TODAY, both, build
from tests.incident_files import Row, write_file
from tests.incidents import DAY, draw
from tests.oracle_evidence import Incident

RULES = """
[incident]
as_of = 2018-07-01
window_days = 30
removal_grace = "1h"
[scopes]
"members" = ["g.m.*"]
[[rules]]
id = "r"
data_classes = ["g.m.*"]
from = 2018-04-02
except = ["opt_in"]
"""
CUTOFF, AS_OF = parse_point("2018-04-02"), parse_point("2018-07-01")
WHOLE = [("2018-04-02", "2018-07-01")]
REMOVED = "2018-06-20"


def read(at: str, **changes: str) -> Row:
    row = {"app_id": "a1", "data_class": "g.m.name", "subject_id": "s1", "resource_id": "r1", "outcome": "success"}
    return {"occurred_at": at if "T" in at else f"{at}T12:00:00Z", **row, **changes}


@dataclass
class Case:
    """What one partner, p1 with the apps a1 and a2, did; p2 with a3 is somebody else."""

    reads: list[Row] = field(default_factory=list)
    logged: list[tuple[str, str]] | None = field(default_factory=lambda: list(WHOLE))
    removals: list[tuple[str, str]] = field(default_factory=list)
    grants: list[tuple[str, str]] = field(default_factory=list)
    opted_in: bool = False
    rules: str = RULES

    def store(self, folder: Path) -> Store:
        folder.mkdir(exist_ok=True)
        owners = {"a1": "p1", "a2": "p1", "a3": "p2"}
        rows: dict[str, list[Row]] = {
            "apps": [{"app_id": app, "name": f"App {app}", "partner_id": owner} for app, owner in owners.items()],
            "grants": [
                {"app_id": app, "scope": "members", "granted_at": f"{day}T00:00:00Z"} for app, day in self.grants
            ],
            "removals": [{"app_id": app, "removed_at": f"{day}T00:00:00Z"} for app, day in self.removals],
            "opt_ins": [{"subject_id": "somebody", "opted_in_at": "2018-01-01T00:00:00Z"}] if self.opted_in else [],
            "access_events": self.reads,
        }
        if self.logged is not None:
            rows["coverage"] = [
                {"source": "gateway", "covered_from": f"{start}T00:00:00Z", "covered_until": f"{end}T00:00:00Z"}
                for start, end in self.logged
            ]
        return build(folder, self.rules, [write_file(folder / f"{kind}.csv", kind, its) for kind, its in rows.items()])


def shape(folder: Path, case: Case, parameters: Parameters | None = None) -> dict[str, Statement]:
    """The statements by topic; of several of one topic the first. Every filter is tried on the way."""
    with case.store(folder) as store:
        partner = find_partner(store, "p1")
        told = shape_of_access(store, partner, parameters or Parameters())
        for statement in told:
            held = resting_on(store, partner, statement)
            assert held or statement.answer in ("no", "unclear") or statement.topic == "stopped_after_removal", (
                statement
            )
        return {statement.topic: statement for statement in reversed(told)}


def resting_on(store: Store, partner: int, statement: Statement) -> int:
    """How many events the dashboard would show for a statement."""
    rows = events(
        store,
        partner,
        from_at=statement.from_at,
        until_at=statement.until_at,
        verdict=statement.verdict,
        limit=1_000_000,
    )
    return sum(
        statement.resource in (None, row.resource_id) and (row.after_removal or not statement.after_removal)
        for row in rows
    )


ONE_A_DAY = [read(f"2018-{month:02}-{day:02}") for month in (4, 5, 6) for day in range(3, 13)]


# --- whether it read at all ------------------------------------------------------------------------------------------


def test_it_read(tmp_path: Path) -> None:
    told = shape(tmp_path, Case([read("2018-04-03"), read("2018-04-04", subject_id="s2", resource_id="r2")]))["read"]
    assert told.answer == "yes"
    assert told.text.startswith("2 restricted reads of 2 people in 2 resources from 2018-04-02 to 2018-06-30 UTC")
    assert (told.from_at, told.until_at, told.verdict) == (CUTOFF, AS_OF, "improper")


@pytest.mark.parametrize(
    "reads",
    [
        [],
        [read("2018-04-01")],  # before the rule
        [read("2018-07-01T00:00:00Z")],  # at as-of
        [read("2018-05-01", outcome="denied")],
        [read("2018-05-01", app_id="a3")],  # somebody else
        [read("2018-05-01", data_class="g.post")],
    ],
)
def test_it_did_not_read(tmp_path: Path, reads: list[Row]) -> None:
    told = shape(tmp_path, Case(reads))
    assert set(told) == {"read"}
    assert told["read"].answer == "no"
    assert told["read"].text == "No restricted read found from 2018-04-02 to 2018-06-30 UTC, every day logged."


@pytest.mark.parametrize(
    ("case", "words"),
    [
        (Case([], logged=[("2018-04-02", "2018-05-01")]), "29 of 90 days logged"),
        (Case([], logged=None), "no log says that it is complete"),
        (Case([read("2018-05-01", subject_id="")], opted_in=True), "1 unsettled read may be"),
        (Case([read("2018-05-01")], rules="[incident]\nas_of = 2018-07-01\n"), "no rules"),
    ],
)
def test_whether_it_read_is_unclear(tmp_path: Path, case: Case, words: str) -> None:
    told = shape(tmp_path, case)
    assert set(told) == {"read"}
    assert told["read"].answer == "unclear"
    assert words in told["read"].text


# --- first, last, between --------------------------------------------------------------------------------------------


def test_the_first_and_the_last_read_and_the_days_between(tmp_path: Path) -> None:
    reads = [read("2018-04-10"), read("2018-04-10T12:00:01Z"), read("2018-04-13T00:00:00.000001Z"), read("2018-04-01")]
    told = shape(tmp_path, Case(reads))
    assert told["first_read"].text == "The first restricted read was at 2018-04-10T12:00:00Z."
    assert told["first_read"].from_at == parse_point("2018-04-10T12:00:00Z")
    assert told["last_read"].text == "The last restricted read was at 2018-04-13T00:00:00.000001Z."
    assert told["days_between"].text == (
        "3 days between the first and the last restricted read, with restricted reads on 2 of the 4 days they span,"
        " every day logged."
    )
    assert all(told[topic].answer == "number" for topic in ("first_read", "last_read", "days_between"))


def test_what_is_not_logged_may_hide_an_earlier_or_a_later_read(tmp_path: Path) -> None:
    case = Case([read("2018-04-10"), read("2018-04-12")], logged=[("2018-04-05", "2018-06-01")])
    told = shape(tmp_path, case)
    assert told["first_read"].text.endswith("Z; 3 of 9 days are not logged before it.")
    assert told["last_read"].text.endswith("Z; 30 of 80 days are not logged after it.")
    assert told["days_between"].text.endswith("every day logged.")


def test_an_earlier_as_of_knows_an_earlier_last_read(tmp_path: Path) -> None:
    until = Parameters(as_of=parse_point("2018-04-11"))
    told = shape(tmp_path, Case([read("2018-04-10"), read("2018-04-12")]), until)
    assert "2018-04-10" in told["last_read"].text
    assert told["days_between"].text.startswith("0 days between")


# --- stopped after the removal ---------------------------------------------------------------------------------------


def test_it_stopped_after_the_removal(tmp_path: Path) -> None:
    told = shape(tmp_path, Case([read("2018-06-19")], removals=[("a1", REMOVED)]))["stopped_after_removal"]
    assert told.answer == "yes"
    assert told.text == (
        "Reading stopped: no restricted read was found after the removal of 2018-06-20T00:00:00Z, every day logged."
    )
    assert (told.from_at, told.until_at, told.verdict) == (parse_point(REMOVED), AS_OF, "improper")


def test_it_did_not_stop_after_the_removal(tmp_path: Path) -> None:
    reads = [read("2018-06-19"), read(f"{REMOVED}T03:30:00Z"), read("2018-06-22"), read("2018-06-25", app_id="a2")]
    told = shape(tmp_path, Case(reads, removals=[("a1", REMOVED), ("a2", "2018-06-24")]))
    assert told["stopped_after_removal"].answer == "no"
    assert told["stopped_after_removal"].after_removal
    assert told["stopped_after_removal"].text == (
        "Reading did not stop: 3 restricted reads after the removals of 2018-06-20T00:00:00Z to 2018-06-24T00:00:00Z,"
        " the soonest 3 h 30 min after one, the last on 2018-06-25."
    )


@pytest.mark.parametrize(
    ("case", "words"),
    [
        (Case([read("2018-06-19")]), "No removal of its access is recorded"),
        (Case([read("2018-06-19")], removals=[("a1", "2018-07-01")]), "No removal of its access is recorded"),
        (Case([read("2018-06-19"), read("2018-05-01", app_id="a2")], removals=[("a1", REMOVED)]), "App a2 read too"),
        (Case([read("2018-06-19")], removals=[("a1", REMOVED)], grants=[("a1", "2018-06-22")]), "granted access again"),
        (
            Case([read("2018-06-19"), read(f"{REMOVED}T00:30:00Z")], removals=[("a1", REMOVED)]),
            "1 restricted read came",
        ),
        (
            Case([read("2018-06-19"), read("2018-06-22", subject_id="")], removals=[("a1", REMOVED)], opted_in=True),
            "1 unsettled read came later",
        ),
        (
            Case([read("2018-06-19")], removals=[("a1", REMOVED)], logged=[("2018-04-02", "2018-06-25")]),
            "6 of 11 days are not logged",
        ),
        (Case([read("2018-06-19")], removals=[("a1", REMOVED)], logged=None), "no log says that it is complete"),
    ],
    ids=["none", "at as-of", "one app", "granted again", "in the grace", "unsettled", "not logged", "inferred"],
)
def test_whether_it_stopped_is_unclear(tmp_path: Path, case: Case, words: str) -> None:
    told = shape(tmp_path, case)
    assert told["stopped_after_removal"].answer == "unclear"
    assert words in told["stopped_after_removal"].text
    assert "lags" not in told


# --- lags ------------------------------------------------------------------------------------------------------------


def test_few_lags_are_told_each(tmp_path: Path) -> None:
    reads = [read("2018-06-19"), read("2018-06-21T04:11:00Z"), read(f"{REMOVED}T03:30:00Z"), read("2018-06-30")]
    told = shape(tmp_path, Case(reads, removals=[("a1", REMOVED)]))["lags"]
    assert told.text == "Restricted reads came 3 h 30 min, 1 d 04:11, 10 d 12:00 after a removal."
    assert (told.from_at, told.until_at) == (
        parse_point(f"{REMOVED}T03:30:00Z"),
        parse_point("2018-06-30T12:00:00Z") + 1,
    )


def test_of_many_lags_the_smallest_the_middle_and_the_largest_are_told(tmp_path: Path) -> None:
    reads = [read(f"{REMOVED}T{hour:02}:00:00Z") for hour in range(2, 12)]
    told = shape(tmp_path, Case(reads, removals=[("a1", REMOVED)]))["lags"]
    assert told.text == (
        "Restricted reads came 2 h 00 min, 3 h 00 min, 4 h 00 min, 5 h 00 min, 6 h 00 min after a removal and 5 more;"
        " half of them within 6 h 00 min, the last 11 h 00 min."
    )


# --- the share of a resource's known people --------------------------------------------------------------------------


def test_the_share_of_known_people_counts_everybodys_events_at_any_time(tmp_path: Path) -> None:
    others = [
        read("2018-01-01", app_id="a3", subject_id="s2"),
        read("2018-12-01", app_id="a3", subject_id="s3", outcome="denied"),
        read("2018-05-01", app_id="a3", subject_id="s4", data_class="g.post"),
        read("2018-05-01", app_id="a3", subject_id="s9", resource_id="r9"),
        read("2018-05-01", app_id="a3", subject_id=""),
    ]
    mine = [read("2018-05-01"), read("2018-05-02"), read("2018-05-03", resource_id="r2", subject_id="s8")]
    told = shape(tmp_path, Case([*others, *mine]))
    assert told["share_of_people"].text == (
        "Of the people that anybody's events name in a resource, it read all in 1 and at least half in 1 of 2"
        " resources."
    )
    assert told["share_in_resource"].resource == "r1"
    assert told["share_in_resource"].text == "In r1 it read 1 of 4 known people (25 %) with 2 restricted reads."


def test_a_partner_that_read_everybody_known_is_said_to_have(tmp_path: Path) -> None:
    reads = [read("2018-05-01", subject_id=f"s{number}") for number in range(4)]
    told = shape(tmp_path, Case(reads))
    assert "it read all in 1 and at least half in 1 of 1 resource." in told["share_of_people"].text
    assert told["share_in_resource"].text == "In r1 it read 4 of 4 known people (100 %) with 4 restricted reads."


def test_the_share_counts_all_events_that_it_opens(tmp_path: Path) -> None:
    nameless = [read("2018-05-02", subject_id=""), read("2018-05-03", subject_id="")]
    others = [read("2018-05-01", resource_id="r2"), read("2018-05-01", resource_id=""), read("2018-05-04", app_id="a3")]
    told = shape(tmp_path, Case([read("2018-05-01"), *nameless, *others]))["share_in_resource"]
    assert told.text == (
        "In r1 it read 1 of 1 known person (100 %) with 3 restricted reads, 2 of them of a person not named."
    )


def test_without_names_the_share_is_unclear(tmp_path: Path) -> None:
    told = shape(tmp_path, Case([read("2018-05-01", subject_id=""), read("2018-05-01", resource_id="")]))
    assert told["share_of_people"].answer == "unclear"
    assert "share_in_resource" not in told


# --- decreased over time ---------------------------------------------------------------------------------------------


def in_thirds(*counts: int) -> list[Row]:
    """So many reads in each third of the 90 days."""
    starts = (CUTOFF + place * 30 * DAY for place in range(3))
    return [
        read("2018-01-01") | {"occurred_at": str(start + number * DAY // 3)}
        for start, count in zip(starts, counts, strict=True)
        for number in range(count)
    ]


@pytest.mark.parametrize("counts", [(20, 10, 10), (20, 20, 10), (60, 30, 0), (21, 0, 0)])
def test_it_decreased(tmp_path: Path, counts: tuple[int, int, int]) -> None:
    told = shape(tmp_path, Case(in_thirds(*counts)))["decreased_over_time"]
    assert told.answer == "yes"
    rates = re.findall(r"\d+\.\d+", told.text)
    assert [Fraction(rate) for rate in rates] == [Fraction(f"{count / 30:.2f}") for count in counts]


@pytest.mark.parametrize("counts", [(20, 20, 11), (10, 20, 5), (30, 10, 12), (10, 10, 10), (5, 10, 20)])
def test_it_did_not_decrease(tmp_path: Path, counts: tuple[int, int, int]) -> None:
    assert shape(tmp_path, Case(in_thirds(*counts)))["decreased_over_time"].answer == "no"


@pytest.mark.parametrize(
    ("case", "words"),
    [
        (Case(in_thirds(FEWEST_READS - 1, 0, 0)), "only 19 restricted reads"),
        (Case(in_thirds(60, 30, 10), logged=[("2018-04-02", "2018-06-15")]), "2018-06-01 to 2018-06-30"),
        (Case(in_thirds(60, 30, 10), logged=None), "less than half of"),
        (Case(in_thirds(60, 30, 10), rules=RULES.replace("from =", "until = 2018-06-10\nfrom =")), "less than half of"),
    ],
    ids=["few", "not logged", "inferred", "rule ended"],
)
def test_whether_it_decreased_is_unclear(tmp_path: Path, case: Case, words: str) -> None:
    told = shape(tmp_path, case)["decreased_over_time"]
    assert told.answer == "unclear"
    assert words in told.text


def test_a_gap_in_the_log_is_no_decrease(tmp_path: Path) -> None:
    """15 reads in 15 logged days are as many a day as 30 in 30; were all days logged, they would be half as many."""
    logged = [("2018-04-02", "2018-06-01"), ("2018-06-01", "2018-06-16")]
    reads = [*in_thirds(30, 30, 0), *(read(f"2018-06-{day:02}") for day in range(1, 16))]
    assert shape(tmp_path / "part", Case(reads, logged=logged))["decreased_over_time"].answer == "no"
    assert shape(tmp_path / "whole", Case(reads))["decreased_over_time"].answer == "yes"


# --- all of it -------------------------------------------------------------------------------------------------------


def test_the_command_prints_every_sentence_and_its_filter(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    with Case([*ONE_A_DAY, read("2018-06-25")], removals=[("a1", REMOVED)]).store(tmp_path) as store:
        told = shape_of_access(store, find_partner(store, "p1"), Parameters())
        words = ["shape", "--db", str(store.path), "--partner", "p1"]
        capsys.readouterr()
        assert main([*words, "--json"]) == 0
        document = json.loads(capsys.readouterr().out)
        assert (document["partner_id"], document["as_of"]) == ("p1", "2018-07-01T00:00:00Z")
        assert [one["text"] for one in document["statements"]] == [statement.text for statement in told]
        assert set(document["statements"][0]) == {
            *("topic", "answer", "text", "from", "until", "resource", "verdict", "after_removal"),
        }
        assert main(words) == 0
        assert capsys.readouterr().out.splitlines() == ["p1", "", *(statement.text for statement in told)]
        assert [statement.topic for statement in told] == [
            *("read", "first_read", "last_read", "days_between", "stopped_after_removal", "lags"),
            *("share_of_people", "share_in_resource", "decreased_over_time"),
        ]


# The later ones have restricted reads after a removal.
_READS = re.compile(r"([\d,]+) restricted read")
SEEDS = (*range(7_100, 7_105), 7_139, 7_141, 7_166, 7_184, 7_193, 7_198, 7_230)


@pytest.mark.parametrize("seed", SEEDS)
def test_the_numbers_are_those_of_plain_loops(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seed: int) -> None:
    monkeypatch.setattr("store.shape.FEWEST_READS", 1)
    draft = draw(seed)
    store, incident = both(tmp_path, draft)
    with store:
        for question in draft.questions:
            parameters = Parameters(question.as_of, question.window, question.cutoff, TODAY)
            seen = oracle.view(incident, question.as_of, question.window, question.cutoff)
            rows = oracle.partners(incident, question.as_of, question.window, question.cutoff)
            for name, row in rows.items():
                told = shape_of_access(store, find_partner(store, name), parameters)
                by_topic = {statement.topic: statement for statement in reversed(told)}
                if not row["events"]:
                    assert set(by_topic) == {"read"}
                    assert by_topic["read"].answer in ("no", "unclear")
                    continue
                assert by_topic["read"].answer == "yes"
                assert by_topic["first_read"].from_at == row["first_at"]
                assert by_topic["last_read"].from_at == row["last_at"]
                assert (by_topic["stopped_after_removal"].answer == "no") == bool(row["after_removal"])
                assert ("lags" in by_topic) == bool(row["after_removal"])
                if row["after_removal"]:
                    first_lag = duration_words(int(str(row["first_lag"])))
                    assert by_topic["lags"].text.startswith(f"Restricted reads came {first_lag}")
                assert shares_told(told) == most_shares(incident, seen, name)
                reads = [event for event in seen.improper() if event.app_id in oracle.apps_of(incident, name)]
                for statement in told:
                    if statement.topic in ("read", "share_in_resource"):
                        there = [event for event in reads if statement.resource in (None, event.resource_id)]
                        assert _READS.findall(statement.text)[0] == f"{len(there):,}"
                assert by_topic["decreased_over_time"].answer == decreased(incident, seen, name)


def shares_told(told: tuple[Statement, ...]) -> list[tuple[str | None, int, int]]:
    found = []
    for statement in told:
        if statement.topic == "share_in_resource":
            numbers = re.search(r"it read (\d+) of (\d+) known", statement.text)
            assert numbers is not None
            found.append((statement.resource, int(numbers[1]), int(numbers[2])))
    return found


def most_shares(incident: Incident, seen: oracle.View, partner: str) -> list[tuple[str, int, int]]:
    apps = oracle.apps_of(incident, partner)
    read_of: dict[str, set[str]] = {}
    for event in seen.improper():
        if event.app_id in apps and event.resource_id is not None and event.subject_id is not None:
            read_of.setdefault(event.resource_id, set()).add(event.subject_id)
    known: dict[str, set[str]] = {}
    for event in incident.events:
        if event.resource_id is not None and event.subject_id is not None:
            known.setdefault(event.resource_id, set()).add(event.subject_id)
    found = [(resource, len(people), len(known[resource])) for resource, people in read_of.items()]
    return sorted(found, key=lambda share: (-share[1], share[0]))[:3]


def decreased(incident: Incident, seen: oracle.View, partner: str) -> str:
    """By the restricted reads of each third in its logged time while a rule is in force."""
    begin, end = seen.cutoff, seen.as_of
    assert begin is not None
    apps = oracle.apps_of(incident, partner)
    rates = []
    for place in range(3):
        left, right = begin + place * (end - begin) // 3, begin + (place + 1) * (end - begin) // 3
        pieces = [(left, right)]
        held: list[list[tuple[int, int | None]]] = list(oracle.covered_by_source(incident).values())
        if not held:
            days = {event.occurred_at // DAY for event in incident.events if event.occurred_at < end}
            held = [[(day * DAY, (day + 1) * DAY) for day in days]]
        in_force = [(rule.from_at, rule.until_at) for rule in seen.rulebook.rules]
        for intervals in (*held, in_force):
            pieces = [
                piece
                for start, until in pieces
                for piece in oracle.without(start, until, oracle.without(start, until, intervals))
            ]
        logged = sum(until - start for start, until in pieces)
        reads = sum(
            start <= event.occurred_at < until
            for event in seen.improper()
            for start, until in pieces
            if event.app_id in apps
        )
        if 2 * logged < right - left or not logged:
            return "unclear"
        rates.append(Fraction(reads, logged))
    if not any(rates):
        return "unclear"
    return "yes" if rates[0] >= rates[1] >= rates[2] and 2 * rates[2] <= rates[0] else "no"
