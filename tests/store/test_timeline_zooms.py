"""Timelines at every zoom, asked through the command line, beside plain loops over the raw files."""

import json
import random
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path

import pytest

from store.cli.main import main
from store.connection import Store
from store.figures import figures
from store.ingest.importing import import_paths
from store.names import find_partner
from store.parameters import Parameters
from store.timeline import first_and_last, range_figures, weeks_of_all
from tests import oracle
from tests.differential import ACTOR, TODAY, both, build
from tests.incident_files import Row, write_file
from tests.incidents import DAY, FIRST, LAST, draw
from tests.oracle_evidence import Incident, instant, printed

HOUR = DAY // 24
# The length of a bin, from years to a microsecond.
ZOOMS = (365 * DAY, 30 * DAY, 7 * DAY, DAY, HOUR, 60_000_000, 1_000_000, 1_000, 1)
SEEDS = range(7_000, 7_012)
RULES = """
[incident]
as_of = 2030-01-01
[scopes]
"members" = ["g.m.*"]
[[rules]]
id = "r"
data_classes = ["g.m.*"]
from = 1995-01-01
"""


def asked(capsys: pytest.CaptureFixture[str], store: Store, partner: str | None, *words: str) -> dict[str, object]:
    whose = ["--all"] if partner is None else ["--partner", partner]
    capsys.readouterr()
    assert main(["timeline", "--db", str(store.path), *whose, *words, "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert isinstance(document, dict)
    return document


def window(from_at: int, until_at: int, bins: int) -> list[str]:
    return ["--from", printed(from_at), "--until", printed(until_at), "--bins", str(bins)]


def expected_bins(
    incident: Incident, partner: str | None, from_at: int, until_at: int, bins: int
) -> list[dict[str, object]]:
    return [
        {name: printed(value) if name in ("from", "until") else value for name, value in one.items()}
        for one in oracle.timeline(incident, partner, from_at, until_at, bins)
    ]


def windows(incident: Incident, chance: random.Random) -> Iterator[tuple[int, int, int]]:
    """A window at every zoom, its edges at, before and after instants of events, and a few of any size."""
    points = [event.occurred_at for event in incident.events] or [FIRST]
    for zoom in ZOOMS:
        bins = chance.choice((1, 2, 5, 9))
        at = chance.choice(points) - chance.choice((0, 0, 1, zoom // 2, zoom * (bins - 1), zoom * bins))
        if zoom >= DAY and chance.random() < 0.6:
            at -= at % DAY
        yield at, at + zoom * bins, bins
    for _ in range(3):
        at = chance.randint(FIRST - 3 * DAY, LAST)
        yield at, at + chance.randint(1, 12 * DAY), chance.randint(1, 40)


@pytest.mark.parametrize("seed", SEEDS)
def test_every_zoom_equals_plain_loops_over_the_files(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, seed: int
) -> None:
    store, incident = both(tmp_path, draw(seed))
    chance = random.Random(seed)
    partners = sorted(incident.outside_ids.values())
    with store:
        for from_at, until_at, bins in windows(incident, chance):
            partner = chance.choice([None, None, *partners])
            answer = asked(capsys, store, partner, *window(from_at, until_at, bins))
            assert answer["bins"] == expected_bins(incident, partner, from_at, until_at, bins)
            gaps = [
                {"from": printed(start), "until": printed(end), "source": source}
                for start, end, source in oracle.gaps(incident, from_at, until_at)
            ]
            assert answer["gaps"] == gaps
            lane = [
                {"from": printed(start), "until": printed(end)}
                for start, end in oracle.could_read(incident, partner, from_at, until_at)
            ]
            assert answer["could_read"] == lane
            assert answer["rules"] == rules_in_force(incident, from_at, until_at)
            assert logged_and_gaps(answer) == {source: [(from_at, until_at)] for source in sources(incident)}


def rules_in_force(incident: Incident, from_at: int, until_at: int) -> list[dict[str, str]]:
    """Every bound of a rule cuts the window; a piece is in force if some rule is at its beginning."""
    rules = incident.rulebook.rules
    bounds = {
        at for rule in rules for at in (rule.from_at, rule.until_at) if at is not None and from_at < at < until_at
    }
    cuts = sorted({from_at, until_at, *bounds})
    pieces = [
        (left, right)
        for left, right in pairwise(cuts)
        if any(oracle.holds(rule.from_at, rule.until_at, left) for rule in rules)
    ]
    return [{"from": printed(left), "until": printed(right)} for left, right in oracle.merged(pieces)]


def sources(incident: Incident) -> set[str]:
    return {row.source for row in incident.coverage} or {"inferred"}


def logged_and_gaps(answer: dict[str, object]) -> dict[str, list[tuple[int, int]]]:
    """For each source what it covers and what it lacks together: the whole window, nothing twice."""
    pieces: dict[str, list[tuple[int, int]]] = {}
    coverage, gaps = answer["coverage"], answer["gaps"]
    assert isinstance(coverage, list)
    assert isinstance(gaps, list)
    for each in coverage:
        assert each["basis"] == ("inferred" if each["source"] == "inferred" else "imported")
        pieces[each["source"]] = [(instant(one["from"]), instant(one["until"])) for one in each["intervals"]]
    for gap in gaps:
        pieces[gap["source"]].append((instant(gap["from"]), instant(gap["until"])))
    for each_pieces in pieces.values():
        each_pieces.sort()
        assert all(one[1] <= other[0] for one, other in pairwise(each_pieces))
    return {source: oracle.merged(found) for source, found in pieces.items()}


@pytest.mark.parametrize("seed", SEEDS[:6])
def test_the_bins_sum_to_the_figures(capsys: pytest.CaptureFixture[str], tmp_path: Path, seed: int) -> None:
    store, incident = both(tmp_path, draw(seed))
    with store:
        told = figures(store, Parameters(today=TODAY))
        whole = asked(capsys, store, None, "--bins", "7")
        assert (
            sum(summed(whole).values()) == sum(told.verdicts.values()) + told.events_from_as_of == len(incident.events)
        )
        until = told.as_of
        before = asked(capsys, store, None, *window(FIRST - 30 * DAY, until, 13))
        assert summed(before) == told.verdicts
        rest = asked(capsys, store, None, *window(until, until + 400 * DAY, 13))
        assert sum(summed(rest).values()) == told.events_from_as_of
        parts = [
            summed(asked(capsys, store, partner, *window(FIRST - 30 * DAY, until, 5)))
            for partner in incident.outside_ids.values()
        ]
        assert {name: sum(part[name] for part in parts) for name in oracle.VERDICTS} == told.verdicts


def summed(document: dict[str, object]) -> dict[str, int]:
    bins = document["bins"]
    assert isinstance(bins, list)
    return {name: sum(one[name] for one in bins) for name in oracle.VERDICTS}


@pytest.mark.parametrize("seed", SEEDS[:6])
def test_a_ranges_figures_are_those_of_its_events(tmp_path: Path, seed: int) -> None:
    store, incident = both(tmp_path, draw(seed))
    chance = random.Random(seed)
    with store:
        for from_at, until_at, _ in windows(incident, chance):
            partner = chance.choice([None, *sorted(incident.outside_ids.values())])
            inside = None if partner is None else find_partner(store, partner)
            apps = oracle.apps_of(incident, partner)
            mine = [event for event in incident.events if event.app_id in apps]
            held = [event for event in mine if from_at <= event.occurred_at < until_at]
            told = range_figures(store, inside, from_at=from_at, until_at=until_at)
            verdicts = [oracle.verdict(event, incident)[0] for event in held]
            assert told.events == {name: verdicts.count(name) for name in oracle.VERDICTS}
            improper = [event for event, name in zip(held, verdicts, strict=True) if name == "improper"]
            counted = oracle.population(improper, incident)
            for name in ("people", "resources", "partners", "records"):
                assert getattr(told, name) == counted[name], name
            times = [event.occurred_at for event in mine]
            assert first_and_last(store, inside) == ((min(times), max(times)) if times else None)


@pytest.mark.parametrize("seed", SEEDS)
def test_weeks_count_distinct_partners_and_people(tmp_path: Path, seed: int) -> None:
    draft = draw(seed)
    store, incident = both(tmp_path, draft)
    with store:
        for question in draft.questions:
            asked_for = Parameters(question.as_of, question.window, question.cutoff, TODAY)
            seen = oracle.view(incident, question.as_of, question.window, question.cutoff)
            weeks = weeks_of_all(store, asked_for)
            assert [(week.from_at, week.until_at) for week in weeks] == weeks_between(seen.cutoff, seen.as_of)
            for week in weeks:
                inside = [event for event in seen.improper() if week.from_at <= event.occurred_at < week.until_at]
                counted = oracle.population(inside, incident)
                assert (week.partners, week.people, week.events) == tuple(
                    counted[name] for name in ("partners", "people", "events")
                )
                assert (week.days, week.logged_days) == logged_days(incident, week.from_at, week.until_at, seen.as_of)
            assert sum(week.events for week in weeks) == len(seen.improper())


def weeks_between(cutoff: int | None, as_of: int) -> list[tuple[int, int]]:
    found = []
    while cutoff is not None and cutoff < as_of:
        found.append((cutoff, min(cutoff + 7 * DAY, as_of)))
        cutoff += 7 * DAY
    return found


def logged_days(incident: Incident, from_at: int, until_at: int, as_of: int) -> tuple[int, int]:
    """As the oracle counts them, where events infer them by all events before as-of."""
    if oracle.covered_by_source(incident):
        return oracle.coverage(incident, from_at, until_at)[:2]
    days = range(from_at // DAY, (until_at - 1) // DAY + 1)
    seen = {event.occurred_at // DAY for event in incident.events if event.occurred_at < as_of}
    return len(days), sum(day in seen for day in days)


# --- incidents at the edge -------------------------------------------------------------------------------------------


def read(at: int, app: str = "a1", subject: str = "s1") -> Row:
    return {"occurred_at": str(at), "app_id": app, "data_class": "g.m.name", "subject_id": subject, "resource_id": "r1"}


@contextmanager
def holding(folder: Path, events: list[Row]) -> Iterator[tuple[Store, Incident]]:
    """A store of these events, and an app and a partner without any."""
    folder.mkdir(exist_ok=True)
    apps: list[Row] = [{"app_id": f"a{place}", "name": f"App {place}", "partner_id": f"p{place}"} for place in range(4)]
    paths = [write_file(folder / "apps.csv", "apps", apps)]
    paths.append(write_file(folder / "access_events.csv", "access_events", events))
    (folder / "rules.toml").write_text(RULES, "utf-8")
    with build(folder, RULES, paths) as store:
        yield store, oracle.load(paths, folder / "rules.toml")


def test_events_a_century_apart(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    early, late = instant("1990-01-01T00:00:00Z"), instant("2099-12-31T23:59:59.999999Z")
    events = [read(early), read(early + 1, "a2"), read(late), read(late - DAY, "a2")]
    with holding(tmp_path, events) as (store, incident):
        for partner in (None, "p1", "p2"):
            for zoom, bins in ((40_176 * DAY, 1), (365 * DAY, 110), (30 * DAY, 1_400), (DAY + 1, 3)):
                for at in (early, early - 1, late - zoom * bins + 1):
                    answer = asked(capsys, store, partner, *window(at, at + zoom * bins, bins))
                    assert answer["bins"] == expected_bins(incident, partner, at, at + zoom * bins, bins)
        whole = asked(capsys, store, None, "--bins", "11")
        assert whole["from"] == "1990-01-01T00:00:00Z"
        assert whole["until"] == "2100-01-01T00:00:00Z"
        assert sum(summed(whole).values()) == 4
        assert first_and_last(store, None) == (early, late)


def test_all_events_in_one_microsecond(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    at = instant("2018-06-01T12:34:56.789012Z")
    with holding(tmp_path, [read(at, subject=f"s{number}") for number in range(50)]) as (store, incident):
        for partner in (None, "p1"):
            for zoom in ZOOMS:
                for from_at in (at - zoom + 1, at + 1) if zoom < DAY else (at, at - zoom):
                    answer = asked(capsys, store, partner, *window(from_at, from_at + 3 * zoom, 3))
                    assert answer["bins"] == expected_bins(incident, partner, from_at, from_at + 3 * zoom, 3)
            one = asked(capsys, store, partner, *window(at, at + 1, 1))
            assert summed(one)["improper"] == 50
        assert first_and_last(store, find_partner(store, "p1")) == (at, at)


def test_a_partner_without_events_and_a_window_beyond_the_data(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    at = instant("2018-06-01T12:00:00Z")
    with holding(tmp_path, [read(at)]) as (store, _):
        assert first_and_last(store, find_partner(store, "p3")) is None
        for partner, begin in (("p3", at - DAY), (None, at + 50 * DAY), ("p1", at - 900 * DAY)):
            for zoom in (1, HOUR, DAY, 30 * DAY):
                start = begin - begin % DAY
                answer = asked(capsys, store, partner, *window(start, start + 4 * zoom, 4))
                assert sum(summed(answer).values()) == 0
                bins = answer["bins"]
                assert isinstance(bins, list)
                assert len(bins) == 4
        held = range_figures(store, find_partner(store, "p3"), from_at=at, until_at=at + 1)
        assert (sum(held.events.values()), held.people, held.resources, held.partners, held.records) == (0, 0, 0, 0, 0)


def test_an_empty_store_has_a_timeline(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    with build(tmp_path, RULES, []) as store:
        answer = asked(capsys, store, None, "--from", "2018-01-01", "--until", "2018-01-03", "--bins", "2")
        assert summed(answer) == dict.fromkeys(oracle.VERDICTS, 0)
        assert answer["gaps"] == [
            {"from": "2018-01-01T00:00:00Z", "until": "2018-01-03T00:00:00Z", "source": "inferred"}
        ]
        assert first_and_last(store, None) is None


def test_an_import_in_between_is_in_the_next_answer(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    at = instant("2018-06-01T12:00:00Z")
    with holding(tmp_path, [read(at)]) as (store, _):
        words = window(at - at % DAY, at - at % DAY + DAY, 24)
        assert summed(asked(capsys, store, "p1", *words))["improper"] == 1
        more = write_file(tmp_path / "access_events-2.csv", "access_events", [read(at + 1), read(at + 2, "a2")])
        import_paths(store, [more], actor=ACTOR)
        assert summed(asked(capsys, store, "p1", *words))["improper"] == 2
        assert summed(asked(capsys, store, None, *words))["improper"] == 3
