"""The demo incident, whole, against the oracle: every figure at four as-of dates, every partner, person and bin."""

import gc
from collections.abc import Iterator
from pathlib import Path

import pytest

from fixtures.groups_api_2019.generate import generate
from store.connection import Store
from store.figures import figures, figures_document
from store.held import held_data, held_people
from store.instants import parse_point
from store.names import find_partner
from store.parameters import Parameters
from store.partners import partner_list
from store.people import people
from store.rulebook import preset_text
from store.timeline import timeline
from tests import oracle
from tests.differential import build, folded, partner_facts, unlike
from tests.oracle_evidence import Incident
from tests.oracle_held import Result, held
from tests.store.test_held import told

TODAY = parse_point("2020-01-20")


# (as-of, window in days, what-if cut-off)
QUESTIONS = (
    ("2019-11-05", None, None),
    ("2018-11-08T15:00:00Z", 7, None),
    ("2019-10-29T12:34:56.789Z", 400, None),
    ("2020-03-01", 30, "2018-06-01T06:00:00Z"),
)


@pytest.fixture
def no_collector() -> Iterator[None]:
    """Garbage is left where it is: to look for it among all the oracle's events takes a third of the time."""
    gc.disable()
    yield
    gc.enable()


@pytest.mark.usefixtures("no_collector")
def test_the_demo_agrees_with_the_oracle(tmp_path: Path) -> None:
    """One test, because the demo takes long to import and test processes share nothing."""
    generate(tmp_path / "files")
    rules = tmp_path / "rules.toml"
    rules.write_text(preset_text("groups-api-2018"), "utf-8")
    incident = oracle.load(tmp_path / "files", rules)
    with build(tmp_path, rules.read_text("utf-8"), [tmp_path / "files"]) as store:
        for as_of, window, cutoff in QUESTIONS:
            until, begin = parse_point(as_of), None if cutoff is None else parse_point(cutoff)
            assert unlike(*_figures(store, incident, until, window, begin)) == []
            assert unlike(*_partners(store, incident, until, window, begin)) == []
        assert unlike(*_people(store, incident)) == []
        for partner_id in ("p-0041", "p-0015", "p-0117"):
            assert unlike(*_held(store, incident, partner_id)) == []
        assert unlike(*_bins(store, incident, "2017-10-01", "2019-12-01", 37)) == []
        assert unlike(*_bins(store, incident, "2018-04-01", "2018-05-01", 30)) == []


Compared = tuple[object, object]


def _figures(store: Store, incident: Incident, until: int, window: int | None, begin: int | None) -> Compared:
    told = figures_document(figures(store, Parameters(until, window, begin, TODAY)))
    return oracle.figures(incident, until, window, begin, TODAY), told


def _partners(store: Store, incident: Incident, until: int, window: int | None, begin: int | None) -> Compared:
    rows = {row.partner_id: partner_facts(row) for row in partner_list(store, Parameters(until, window, begin, TODAY))}
    expected = oracle.partners(incident, until, window, begin)
    assert rows.keys() == expected.keys()
    return expected, rows


def _people(store: Store, incident: Incident) -> Compared:
    rows = {
        folded(row.subject_id): row._asdict() | {"data_classes": list(row.data_classes)}
        for row in people(store, Parameters())
    }
    expected = oracle.people(incident)
    assert rows.keys() == expected.keys()
    return expected, rows


def _held(store: Store, incident: Incident, partner_id: str) -> Compared:
    partner = find_partner(store, partner_id)
    _, about = incident.partner_named(partner_id)
    results = [
        Result(row.at, True, row.step == "audit_passed", row.app_id)
        for row in sorted(incident.steps, key=lambda row: row.at)
        if row.partner_id == about and row.step in ("audit_passed", "audit_failed")
    ]
    expected = held(incident, partner_id, results)
    answer = held_data(store, partner, Parameters())
    return expected, told(answer) | {"people": sorted(map(folded, held_people(store, partner, Parameters())))}


def _bins(store: Store, incident: Incident, from_day: str, until_day: str, bins: int) -> Compared:
    start, end = parse_point(from_day), parse_point(until_day)
    told = timeline(store, None, from_at=start, until_at=end, bins=bins).bins
    expected = oracle.timeline(incident, None, start, end, bins)
    assert [one["from"] for one in expected] == [one.from_at for one in told]
    counts = [{name: getattr(one, name) for name in oracle.VERDICTS} for one in told]
    return [{name: one[name] for name in oracle.VERDICTS} for one in expected], counts
