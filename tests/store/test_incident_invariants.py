"""What must hold of any incident, whatever its numbers: nesting, sums, and that the order of things never matters."""

import random
from pathlib import Path

import pytest

from store.cases import flag
from store.connection import Store
from store.figures import figures, figures_document
from store.fold import rebuild
from store.ingest.importing import import_paths
from store.names import find_partners
from store.parameters import Parameters
from store.partners import partner_list
from store.rulebook import load_rules
from store.timeline import VERDICTS, timeline, whole_span
from tests import oracle
from tests.differential import ACTOR, TODAY, both, build, differences
from tests.incident_files import write_file
from tests.incidents import Draft, Question, draw

DERIVED = ("segments", "segment_columns", "daily", "partner_figures", "derived_state")
STEADY = [seed for seed in range(1000, 1060) if not draw(seed).order_matters][:16]


def asked(question: Question) -> Parameters:
    return Parameters(question.as_of, question.window, question.cutoff, TODAY)


def answers(store: Store, draft: Draft) -> list[object]:
    """Every figure and partner of the draft's questions, by outside names only."""
    told: list[object] = []
    for question in draft.questions:
        told.append(figures_document(figures(store, asked(question))))
        rows = [row._replace(partner=0, search="") for row in partner_list(store, asked(question))]
        told.append(sorted(rows, key=lambda row: row.partner_id))
    return told


def derived(store: Store) -> dict[str, list[tuple[object, ...]]]:
    with store.reading() as connection:
        return {
            table: sorted((tuple(row) for row in connection.execute(f"SELECT * FROM {table}")), key=repr)
            for table in DERIVED
        }


@pytest.mark.parametrize("seed", range(2000, 2010))
def test_populations_nest_and_add_up(tmp_path: Path, seed: int) -> None:
    draft = draw(seed)
    store, _ = both(tmp_path, draft)
    with store:
        for question in draft.questions:
            told = figures(store, asked(question))
            rows = partner_list(store, asked(question))
            assert all(row.recent <= row.events and row.after_removal <= row.events for row in rows)
            assert all(row.retained for row in rows if row.events)
            assert all(row.events <= 0 or row.first_at is not None for row in rows)
            assert sum(row.retained for row in rows) == told.retained_partners
            assert sum(row.events > 0 for row in rows) == told.accessed.partners
            assert sum(row.recent > 0 for row in rows) == told.recent.partners
            assert sum(row.after_removal > 0 for row in rows) == told.after_removal.partners
            assert sum(row.events for row in rows) == told.accessed.events == told.verdicts["improper"]
            assert sum(row.recent for row in rows) == told.recent.events
            assert sum(row.after_removal for row in rows) == told.after_removal.events
            assert max((row.people for row in rows), default=0) <= told.accessed.people
            assert told.accessed.people <= sum(row.people for row in rows)


@pytest.mark.parametrize("seed", range(2010, 2018))
def test_bins_over_everything_add_up_to_the_verdicts(tmp_path: Path, seed: int) -> None:
    store, incident = both(tmp_path, draw(seed))
    with store:
        told = figures(store, Parameters())
        from_at, until_at = whole_span(store, None)
        for bins in (1, 13):
            spread = timeline(store, None, from_at=from_at, until_at=until_at, bins=bins).bins
            totals = {verdict: sum(getattr(one, verdict) for one in spread) for verdict in VERDICTS}
            assert sum(totals.values()) == len(incident.events)
            before = timeline(store, None, from_at=from_at, until_at=told.as_of, bins=bins).bins if bins > 1 else ()
            for verdict in VERDICTS if before else ():
                assert sum(getattr(one, verdict) for one in before) == told.verdicts[verdict]
        assert sum(told.verdicts.values()) + told.events_from_as_of == len(incident.events)


@pytest.mark.parametrize("seed", STEADY[:8])
def test_the_order_of_files_and_records_never_matters(tmp_path: Path, seed: int) -> None:
    draft = draw(seed)
    paths = draft.write(tmp_path / "shuffled", shuffled=random.Random(seed))
    first, incident = both(tmp_path / "first", draft)
    with first, build(tmp_path, draft.rules_toml, paths) as second:
        assert answers(first, draft) == answers(second, draft)
        assert differences(second, incident, draft.questions[:2], seed) == []


@pytest.mark.parametrize("seed", STEADY[8:12])
def test_a_folder_at_once_is_its_files_one_by_one(tmp_path: Path, seed: int) -> None:
    draft = draw(seed)
    first, _ = both(tmp_path / "first", draft)
    with first, build(tmp_path, draft.rules_toml, [tmp_path / "first" / "files"], one_by_one=False) as second:
        assert answers(first, draft) == answers(second, draft)


@pytest.mark.parametrize("seed", STEADY[4:12])
def test_registries_may_come_after_the_events_they_explain(tmp_path: Path, seed: int) -> None:
    draft = draw(seed)
    paths = draft.write(tmp_path / "files")
    events_first = sorted(paths, key=lambda path: not path.name.startswith("access_events"))
    registries_first = sorted(paths, key=lambda path: path.name.startswith("access_events"))
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    first = build(tmp_path / "a", draft.rules_toml, events_first)
    with first, build(tmp_path / "b", draft.rules_toml, registries_first) as second:
        assert answers(first, draft) == answers(second, draft)


@pytest.mark.parametrize("seed", STEADY[8:])
def test_importing_again_adds_nothing(tmp_path: Path, seed: int) -> None:
    draft = draw(seed)
    store, incident = both(tmp_path, draft)
    with store:
        before = answers(store, draft)
        again = import_paths(store, [tmp_path / "files"], actor=ACTOR).imports
        assert sum(entry.accepted for entry in again) == 0
        assert answers(store, draft) == before
        others = []
        for number, (name, (kind, rows)) in enumerate(draft.files.items()):
            if not incident.quarantined:  # a bad record is bad again, in another file
                folder = tmp_path / f"again-{number}"
                folder.mkdir()
                others.append(write_file(folder / name, kind, random.Random(seed).sample(rows, len(rows))))
        for path in others:
            entry = import_paths(store, [path], actor=ACTOR).imports[0]
            assert (entry.accepted, entry.duplicates) == (0, entry.records)
        assert answers(store, draft) == before


@pytest.mark.parametrize("seed", range(2020, 2028))
def test_overlapping_files_count_every_event_once(tmp_path: Path, seed: int) -> None:
    chance = random.Random(seed)
    draft = draw(seed)
    rows = [row for kind, part in draft.files.values() if kind == "access_events" for row in part]
    for name in [name for name, (kind, _) in draft.files.items() if kind == "access_events"]:
        del draft.files[name]
    for number in range(3):
        start = chance.randint(0, len(rows))
        draft.files[f"access_events-part{number}.csv"] = ("access_events", rows[start : start + len(rows) // 2 + 1])
    store, incident = both(tmp_path, draft)
    with store:
        assert differences(store, incident, draft.questions, seed) == []


@pytest.mark.parametrize("seed", range(2030, 2038))
def test_new_rules_judge_everything_anew(tmp_path: Path, seed: int) -> None:
    draft, other = draw(seed), draw(seed + 100)
    store, _ = both(tmp_path, draft)
    (tmp_path / "other.toml").write_text(other.rules_toml, "utf-8")
    with store:
        load_rules(store, other.rules_toml, source="other.toml", actor=ACTOR)
        incident = oracle.load(sorted((tmp_path / "files").iterdir()), tmp_path / "other.toml")
        assert differences(store, incident, [*draft.questions, *other.questions], seed) == []


@pytest.mark.parametrize("seed", range(2040, 2048))
def test_rebuilding_makes_the_same_derived_tables(tmp_path: Path, seed: int) -> None:
    store, _ = both(tmp_path, draw(seed))
    with store:
        before = derived(store)
        assert before["partner_figures"]
        rebuild(store, actor=ACTOR)
        assert derived(store) == before


def test_cases_are_counted_by_where_they_stand(tmp_path: Path) -> None:
    draft = draw(2050)
    store, incident = both(tmp_path, draft)
    names = sorted(incident.outside_ids.values())
    chosen = random.Random(1).sample(names, 3)
    with store:
        flag(store, find_partners(store, chosen), actor=ACTOR, note="look here")
        for question in draft.questions:
            expected = oracle.figures(
                incident, question.as_of, question.window, question.cutoff, statuses=dict.fromkeys(chosen, "flagged")
            )
            assert figures_document(figures(store, asked(question)))["cases"] == expected["cases"]
