"""The ways of counting say the same under any cut-off, as-of and window; the index is used wherever it holds."""

import random
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType

import pytest

from fixtures.scale import write_incident
from store import event_order, figure_index, fold, index_counts, linked
from store.columns import COUNTED_SEGMENTS
from store.connection import Store
from store.counting import counts_of
from store.event_counts import EventCounts
from store.figure_index import common_span
from store.figures import figures, figures_document
from store.index_counts import IndexCounts
from store.ingest.importing import import_paths
from store.instants import parse_point
from store.judge import Judge
from store.parameters import Parameters, View, resolve
from store.partners import all_partners, partner_list
from store.rulebook import preset_text
from store.streamed_counts import StreamedCounts
from store.tallies import Counts
from store.what_if import variation
from store.world import World, world_of, world_under
from tests import oracle
from tests.differential import TODAY, build, partner_facts, unlike
from tests.incident_files import Row, write_file
from tests.incidents import DAY, Question, draw
from tests.oracle_evidence import Incident

SEEDS = range(9_000, 9_020)


def everything(counts: Counts, instants: list[int]) -> dict[str, object]:
    """All that can be asked of counts, as plain values."""
    tallies = counts.tallies()
    return {
        "reading apps": counts.reading_apps().tolist(),
        "recently reading apps": counts.recently_reading_apps().tolist(),
        "apps after removal": counts.apps_after_removal().tolist(),
        "accessed": counts.accessed(),
        "recent": counts.recent(),
        "after removal": counts.after_removal(),
        "first lag": counts.first_lag(),
        "denied attempts": counts.denied_attempts(),
        "verdicts": counts.verdicts(),
        "events from as-of": counts.events_from_as_of(),
        "undetermined": [counts.undetermined_since(at) for at in instants],
        "nobody": [counts.nobody_since(at) for at in instants],
        "days": counts.event_days(),
        "partners": [column if isinstance(column, list) else column.tolist() for column in tallies],
    }


def views(world: World, instants: list[int], chance: random.Random, most: int) -> Iterator[View]:
    """Views whose bounds fall on the instants of events and rules, and a microsecond beside them."""
    near = [at + beside for at in instants for beside in (-1, 0, 0, 1)]
    for _ in range(most):
        as_of = chance.choice(near)
        yield resolve(
            world.rulebook,
            Parameters(
                as_of=as_of + chance.choice((0, 0, DAY)),
                window_days=chance.choice((0, 1, 3, 400)),
                cutoff=chance.choice((None, chance.choice(near))),
            ),
        )


def disagreements(store: Store, chance: random.Random, most: int, met: Counter[str]) -> list[str]:
    found = []
    with store.reading() as connection:
        plain = world = world_of(store, connection)
        its = world.columns(connection).occurred_at.tolist()
        bounds = [at for rule in world.rulebook.rules for at in (rule.from_at, rule.until_at) if at is not None]
        instants = sorted({*chance.sample(its, min(len(its), 12)), *bounds, parse_point("2019-03-05")})
        apps = sorted(world.registry.app_ids.values())
        for view in views(world, instants, chance, most):
            # Turn by turn: what was made for one what-if must not answer another.
            changes = chance.choice(
                (
                    None,
                    variation(without=chance.sample(("opt_in", "exemption"), chance.choice((1, 2)))),
                    variation(accepting=[chance.choice(("opt_in", "exemption"))]),
                    variation(without_apps=chance.sample(apps, min(len(apps), chance.choice((1, 1, 2))))),
                )
            )
            world = world_under(store, connection, changes)
            met["as the rules say" if world is plain else "what if"] += 1
            met["in other situations"] += world.situated is not plain
            counts = counts_of(connection, world, view)
            assert isinstance(counts, IndexCounts)
            order = event_order.event_order(connection, world)
            assert order is not None
            span = common_span(order.situations, Judge(world.rulebook, cutoff=view.what_if_cutoff))
            met["of one cut-off" if span is None else "shared"] += 1
            met["reads"] += counts.accessed().events > 0
            streamed = StreamedCounts(world, view)
            for segment in connection.execute(COUNTED_SEGMENTS).fetchall():
                columns = world.segment(connection, segment)
                streamed.take(columns, world.judge(columns, cutoff=view.what_if_cutoff))
            expected = everything(EventCounts(connection, world, view), instants)
            for way in (counts, streamed):
                found += [f"{type(way).__name__} {view} {line}" for line in unlike(expected, everything(way, instants))]
    return found


@pytest.fixture
def in_small_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    """Few events are cut as very many would be."""
    monkeypatch.setattr(event_order, "_SLICE", 4)
    monkeypatch.setattr(event_order, "_LEAST_STRIDE", 3)
    monkeypatch.setattr(linked, "_LINKED_AT_ONCE", 3)
    monkeypatch.setattr(index_counts, "_CANDIDATES_AT_ONCE", 8)


@pytest.mark.usefixtures("in_small_pieces")
def test_both_ways_agree_on_random_incidents(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    met: Counter[str] = Counter()
    found: list[str] = []
    for seed in SEEDS:
        # Repeats alone are kept where few are; here always, or never.
        monkeypatch.setattr(linked, "_SPARSE", seed % 2 << 20)
        draft = draw(seed)
        paths = draft.write(tmp_path / str(seed) / "files")
        with build(tmp_path / str(seed), draft.rules_toml, paths, one_by_one=False) as store:
            found += [f"seed {seed}: {line}" for line in disagreements(store, random.Random(seed), 16, met)]
    assert found == []
    kinds = ("shared", "of one cut-off", "reads", "as the rules say", "what if", "in other situations")
    assert min(met[kind] for kind in kinds) > 30, met


def test_both_ways_agree_on_many_events(tmp_path: Path) -> None:
    """Enough of them for several threads, and for more than one running total."""
    write_incident(tmp_path / "files", events=30_000, seed=3)
    paths = sorted((tmp_path / "files").iterdir())
    with (
        build(tmp_path, preset_text("groups-api-2018"), paths, one_by_one=False) as store,
        pytest.MonkeyPatch.context() as patch,
    ):
        patch.setattr(index_counts, "_CANDIDATES_AT_ONCE", 1 << 12)
        patch.setattr(linked, "_LINKED_AT_ONCE", 1 << 12)
        assert disagreements(store, random.Random(1), 25, Counter()) == []


RULE = '[[rules]]\nid = "r1"\ndata_classes = ["g.*"]\nfrom = 2019-03-02\n'
BEGIN = parse_point("2019-03-02")
NOON = "2019-03-05T12:00:00Z"
QUESTIONS = [
    Question(parse_point("2019-03-20"), 30, None),
    Question(parse_point(NOON), 3, None),
    Question(parse_point(NOON) + 1, 0, BEGIN + 1),
    Question(parse_point("9999-12-31"), 1, 0),
]


def reads(*changes: Row) -> list[Row]:
    """Reads of `g.m` by app `a1`, but for what is said."""
    usual: Row = {"occurred_at": NOON, "app_id": "a1", "data_class": ["g.m"], "subject_id": "s1", "resource_id": "r1"}
    return [usual | {"event_id": f"e{number}"} | change for number, change in enumerate(changes)]


@contextmanager
def incident_of(folder: Path, rules: str, **files: list[Row]) -> Iterator[tuple[Store, Incident]]:
    (folder / "files").mkdir(parents=True)
    paths = [write_file(folder / "files" / f"{kind}.csv", kind, rows) for kind, rows in files.items()]
    toml = f"[incident]\nas_of = 2019-03-20\n{rules}"
    (folder / "rules.toml").write_text(toml, "utf-8")
    with build(folder, toml, paths, one_by_one=False) as store:
        yield store, oracle.load(paths, folder / "rules.toml")


def unlike_the_oracle(store: Store, incident: Incident, way: type[Counts]) -> list[str]:
    """Where figures and partners differ from the oracle's; this way of counting must be the one that is used."""
    found = []
    for question in QUESTIONS:
        asked = Parameters(question.as_of, question.window, question.cutoff, TODAY)
        expected = oracle.figures(incident, question.as_of, question.window, question.cutoff)
        found += unlike(expected, figures_document(figures(store, asked)), str(question))
        rows = {row.partner_id: partner_facts(row) for row in partner_list(store, asked)}
        found += unlike(oracle.partners(incident, question.as_of, question.window, question.cutoff), rows)
        assert list(all_partners(store, asked)) == partner_list(store, asked)
        with store.reading() as connection:
            world = world_of(store, connection)
            assert isinstance(counts_of(connection, world, resolve(world.rulebook, asked)), way)
    return found


def test_sums_beyond_what_an_index_holds_are_counted_event_by_event(tmp_path: Path) -> None:
    changes: list[Row] = [{"records": 2**62}, {"records": 2**62, "subject_id": ""}, {"records": 5, "app_id": "a2"}, {}]
    rows = reads(*changes)
    with incident_of(tmp_path, RULE, access_events=rows) as (store, incident):
        assert unlike_the_oracle(store, incident, EventCounts) == []


def test_what_the_last_refresh_does_not_know_is_counted_event_by_event(tmp_path: Path) -> None:
    rows = reads({}, {"app_id": "a2", "records": 7}, {"occurred_at": "2019-03-06T00:00:00Z", "subject_id": "s2"})
    with incident_of(tmp_path, RULE, access_events=rows) as (store, incident):
        assert unlike_the_oracle(store, incident, IndexCounts) == []
        with store.writing() as connection:
            fold.defer(connection, import_id=1)
        assert unlike_the_oracle(store, incident, EventCounts) == []


@pytest.mark.parametrize(("module", "limit"), [(event_order, "MOST_EVENTS"), (event_order, "_MOST_SITUATIONS")])
def test_too_many_for_an_index_are_counted_event_by_event(
    tmp_path: Path, module: ModuleType, limit: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = reads({}, {"outcome": "denied"}, {"data_class": ["g.post"], "app_id": "a2"})
    with incident_of(tmp_path, RULE, access_events=rows) as (store, incident):
        monkeypatch.setattr(module, limit, 2)
        assert unlike_the_oracle(store, incident, EventCounts) == []


def test_too_many_candidates_are_counted_event_by_event(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with incident_of(tmp_path, RULE, access_events=reads({}, {"app_id": "a2"})) as (store, incident):
        monkeypatch.setattr(figure_index, "MOST_EVENTS", 2)
        assert unlike_the_oracle(store, incident, EventCounts) == []


FAR = ("0001-01-01T00:00:00Z", "1990-01-01T00:00:00Z", "2099-12-31T23:59:59.999999Z", "9999-12-30T00:00:00Z")


@pytest.mark.parametrize(
    "changes",
    [
        [],
        [{}],
        [{}, {"subject_id": "s2"}, {"app_id": "a2"}, {"subject_id": "", "records": 3}, {"resource_id": ""}],
        [{"occurred_at": at, "app_id": app} for at in (*FAR, NOON) for app in ("a1", "a2")],
        [{"subject_id": ""}, {"subject_id": "", "resource_id": ""}],
        [{"data_class": ["mail.item"]}, {"outcome": "error"}],
    ],
    ids=["no event", "one event", "one microsecond", "far instants", "nobody", "nothing restricted"],
)
def test_an_index_holds_in_every_corner(tmp_path: Path, changes: list[Row]) -> None:
    removals: list[Row] = [{"app_id": "a1", "removed_at": NOON}]
    files = {"access_events": reads(*changes), "removals": removals}
    with incident_of(tmp_path, RULE, **files) as (store, incident):
        assert unlike_the_oracle(store, incident, IndexCounts) == []


def test_an_app_takes_its_reads_along_to_another_partner(tmp_path: Path) -> None:
    """The figures of a world are those of its own registry, whatever was asked before."""
    rows = reads({}, {"app_id": "a2"}, {"app_id": "a2", "subject_id": "s2"})
    apps: list[Row] = [{"app_id": app, "name": app, "partner_id": f"p{app[1]}"} for app in ("a1", "a2")]
    with incident_of(tmp_path, RULE, access_events=rows, apps=apps) as (store, incident):
        assert unlike_the_oracle(store, incident, IndexCounts) == []
        moved = write_file(tmp_path / "files" / "apps-later.csv", "apps", [apps[1] | {"partner_id": "p1"}])
        import_paths(store, [moved], actor="tester")
        asked = Parameters(QUESTIONS[0].as_of, QUESTIONS[0].window, None, TODAY)
        told = {row.partner_id: (row.apps, row.people, row.events) for row in partner_list(store, asked)}
        assert told == {"p1": (2, 2, 3)}
        assert figures(store, asked).accessed.partners == 1


def test_two_ids_of_one_person_are_one_person(tmp_path: Path) -> None:
    rows = reads({"subject_id": "ann.lee@x.com"}, {"subject_id": "/personal/ann_lee_x_com", "app_id": "a2"})
    with incident_of(tmp_path, RULE, access_events=rows) as (store, _):
        assert figures(store, Parameters(as_of=parse_point("2019-03-19"))).accessed.people == 1


def test_an_index_of_one_cut_off_does_not_answer_for_another(tmp_path: Path) -> None:
    """Two rules that end differently: what is improper, and when, is another thing under each cut-off."""
    other = '[[rules]]\nid = "r2"\ndata_classes = ["mail.*"]\nfrom = 2019-03-04\nuntil = 2019-03-05T12:00:00Z\n'
    days = ("2019-03-03T00:00:00Z", "2019-03-04T00:00:00Z", NOON, "2019-03-06T00:00:00Z")
    changes: list[Row] = [{"occurred_at": at, "data_class": [name]} for at in days for name in ("g.m", "mail.item")]
    rows = reads(*changes)
    with incident_of(tmp_path, RULE + other, access_events=rows) as (store, incident):
        assert unlike_the_oracle(store, incident, IndexCounts) == []
        assert unlike_the_oracle(store, incident, IndexCounts) == []
