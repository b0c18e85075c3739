"""The demo incident, whole, against the oracle: every figure at four as-of dates, every partner, person and bin."""

from collections.abc import Iterator

import pytest

from fixtures.groups_api_2019.generate import generate
from store.connection import Store
from store.figures import figures, figures_document
from store.ingest.importing import import_paths
from store.instants import parse_point
from store.parameters import Parameters
from store.partners import partner_list
from store.people import people
from store.rulebook import preset_text
from store.timeline import timeline
from tests import oracle
from tests.differential import ACTOR, build, folded, partner_facts, unlike
from tests.oracle_evidence import Incident

TODAY = parse_point("2020-01-20")


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Store, Incident]]:
    folder = tmp_path_factory.mktemp("demo")
    generate(folder / "files")
    rules = folder / "rules.toml"
    rules.write_text(preset_text("groups-api-2018"), "utf-8")
    with build(folder, rules.read_text("utf-8"), []) as store:
        import_paths(store, [folder / "files"], actor=ACTOR)
        yield store, oracle.load(folder / "files", rules)


@pytest.mark.parametrize(
    ("as_of", "window", "cutoff"),
    [
        ("2019-11-05", None, None),
        ("2018-11-08T15:00:00Z", 7, None),
        ("2019-10-29T12:34:56.789Z", 400, None),
        ("2020-03-01", 30, "2018-06-01T06:00:00Z"),
    ],
)
def test_every_figure_and_every_partner(
    demo: tuple[Store, Incident], as_of: str, window: int | None, cutoff: str | None
) -> None:
    store, incident = demo
    until, begin = parse_point(as_of), None if cutoff is None else parse_point(cutoff)
    asked = Parameters(until, window, begin, TODAY)
    told = figures_document(figures(store, asked))
    assert unlike(oracle.figures(incident, until, window, begin, TODAY), told) == []
    rows = {row.partner_id: partner_facts(row) for row in partner_list(store, asked)}
    expected = oracle.partners(incident, until, window, begin)
    assert rows.keys() == expected.keys()
    assert unlike(expected, rows) == []


def test_everyone_on_the_notification_list(demo: tuple[Store, Incident]) -> None:
    store, incident = demo
    rows = {folded(row.subject_id): row._asdict() for row in people(store, Parameters())}
    expected = oracle.people(incident)
    assert rows.keys() == expected.keys()
    assert unlike({name: told | {"data_classes": tuple(_listed(told))} for name, told in expected.items()}, rows) == []


def _listed(told: dict[str, object]) -> list[str]:
    classes = told["data_classes"]
    assert isinstance(classes, list)
    return classes


@pytest.mark.parametrize(
    ("from_at", "until_at", "bins"), [("2017-10-01", "2019-12-01", 37), ("2018-04-01", "2018-05-01", 30)]
)
def test_every_bin(demo: tuple[Store, Incident], from_at: str, until_at: str, bins: int) -> None:
    store, incident = demo
    start, end = parse_point(from_at), parse_point(until_at)
    answer = timeline(store, None, from_at=start, until_at=end, bins=bins)
    expected = oracle.timeline(incident, None, start, end, bins)
    told = [one._asdict() for one in answer.bins]
    assert [one["from"] for one in expected] == [one["from_at"] for one in told]
    for one, other in zip(expected, told, strict=True):
        assert {name: other[name] for name in oracle.VERDICTS} == {name: one[name] for name in oracle.VERDICTS}
