"""A million events: every figure and every partner's, as DuckDB counts them from the raw files."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from fixtures.scale import write_incident
from store.connection import Store
from store.counting import counts_of
from store.index_counts import IndexCounts
from store.parameters import Parameters, resolve
from store.rulebook import preset_text
from store.world import world_of
from tests.differential import build
from tests.exactness import DAY, Asked, RawFiles, disagreements

EVENTS = 1_000_000


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    found = tmp_path_factory.mktemp("scale")
    write_incident(found / "files", events=EVENTS, seed=7)
    return found


@pytest.fixture(scope="module")
def store(folder: Path) -> Iterator[Store]:
    paths = sorted((folder / "files").iterdir())
    with build(folder, preset_text("groups-api-2018"), paths, one_by_one=False) as store:
        yield store


@pytest.fixture(scope="module")
def raw(folder: Path) -> Iterator[RawFiles]:
    files = RawFiles(folder / "files")
    yield files
    files.close()


def test_the_rulebooks_own_figures_are_exact(store: Store, raw: RawFiles) -> None:
    assert disagreements(store, raw, [Asked()]) == []


def test_figures_of_any_view_are_exact(store: Store, raw: RawFiles) -> None:
    """Bounds at the instants of reads and a microsecond beside them, between the days, before and after everything."""
    reads = raw.instants(6)
    questions = [
        Asked(as_of=reads[4], window_days=30),
        Asked(as_of=reads[4] + 1, window_days=900, cutoff=reads[2]),
        Asked(as_of=reads[3], window_days=1, cutoff=reads[1] + 1),
        Asked(cutoff=reads[5]),
        Asked(as_of=reads[2], cutoff=reads[2]),
        Asked(as_of=18_300 * DAY, window_days=100, cutoff=0),
    ]
    assert disagreements(store, raw, questions) == []


def test_they_are_counted_from_the_index(store: Store) -> None:
    with store.reading() as connection:
        world = world_of(store, connection)
        counts = counts_of(connection, world, resolve(world.rulebook, Parameters(cutoff=17_000 * DAY)))
    assert isinstance(counts, IndexCounts)


def test_a_wrong_figure_would_be_told(store: Store, raw: RawFiles, monkeypatch: pytest.MonkeyPatch) -> None:
    """The comparison sees a single read that one partner has too many."""
    asked = Asked(as_of=18_000 * DAY)
    assert disagreements(store, raw, [asked]) == []
    answer = raw.answer(asked)
    partner, facts = min(answer.partners.items())
    changed = {partner: (facts[0], int(str(facts[1])) + 1, *facts[2:])}
    monkeypatch.setattr(raw, "answer", lambda _: answer._replace(partners=answer.partners | changed))
    (found,) = disagreements(store, raw, [asked])
    assert partner in found
