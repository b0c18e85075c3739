"""What contradicts a record and what proves a removal: the store against the oracle, over random incidents."""

import random
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from store.app_figures import AppFigures, app_figures, proof_of_removal
from store.audits import record_step, track
from store.connection import Store
from store.contradictions import KINDS, Contradiction
from store.fold import rebuild
from store.ingest.importing import import_paths
from store.ingest.imports import imports, void
from store.loose_ends import loose_ends
from store.names import find_partner
from store.parameters import Parameters
from store.partners import partner_list
from store.step_details import Details
from tests import oracle
from tests.differential import ACTOR, both
from tests.incident_records import add_record
from tests.incidents import Draft, draw
from tests.oracle_contradictions import Against, Removal, contradictions, removal_of
from tests.oracle_evidence import Incident
from tests.promises import trials

FIRST_SEED = 7_000
RECENT_YEARS = 1_590_000_000_000_000
_MAKE_STALE = "INSERT OR REPLACE INTO derived_state(name, value) VALUES ('stale', '1')"


def against(found: Contradiction) -> Against:
    assert found.app_id is not None
    return Against(found.kind, found.app_id, found.step, found.step_at, found.from_at, found.last_at, found.events)


def removal(row: AppFigures | None) -> Removal:
    if row is None:
        return Removal(0, None, None, 0, None, 0, None)
    held = None if row.held_from is None or row.held_until is None else (row.held_from, row.held_until)
    return Removal(row.events, row.first_at, row.last_at, row.after_removal, row.first_after_at, row.denied_after, held)


def differences(store: Store, incident: Incident, today: int) -> list[str]:
    """Where list, track and oracle differ in what contradicts a record, and the apps' figures from the oracle's."""
    found = []
    expected = {
        incident.outside_ids[partner]: contradictions(incident, partner, today) for partner in incident.apps_of_partner
    }
    rows = {row.partner_id: row for row in partner_list(store, Parameters(today=today))}
    for name, wanted in expected.items():
        listed = {against(each) for each in rows[name].contradictions if each.kind != "statement_short"}
        if listed != wanted:
            found.append(f"list of {name}: store {sorted(map(str, listed))}, oracle {sorted(map(str, wanted))}")
        told = {against(each) for each in track(store, rows[name].partner, today=today).contradictions}
        if told != wanted:
            found.append(f"track of {name}: store {sorted(map(str, told))}, oracle {sorted(map(str, wanted))}")
        certificate = any(each.kind == "read_after_certificate" for each in wanted)
        if certificate and "contradicted" not in rows[name].side_states:
            found.append(f"{name} has a contradicted certificate and no X")
    with store.reading() as connection:
        kept = app_figures(connection)
        ids = dict(connection.execute("SELECT app_id, id FROM apps"))
    for app in incident.partner_of_app:
        row, wanted_row = kept.get(ids[app]), removal_of(incident, app)
        if removal(row) != wanted_row:
            found.append(f"app {app}: store {row}, oracle {wanted_row}")
        if row is not None and proof_of_removal(row.after_removal, row.denied_after) != wanted_row.proof:
            found.append(f"app {app} is not {wanted_row.proof}")
    return found


def state_people(store: Store, incident: Incident, chance: random.Random) -> tuple[list[str], int]:
    """Let a partner state more, as many, or fewer people than the log: what goes wrong, and whether it was fewer."""
    known = oracle.partners(incident)
    name = chance.choice(sorted(set(known) & {"p1", "p2"}))
    logged = int(str(known[name]["people"]))
    stated = max(0, logged + chance.choice((-1, 0, 1)))
    partner = find_partner(store, name)
    record_step(store, [partner], actor=ACTOR, step="statement", at=None, details=Details(people=stated))
    row = next(row for row in partner_list(store, Parameters()) if row.partner == partner)
    short = [(each.stated, each.logged) for each in row.contradictions if each.kind == "statement_short"]
    wanted = [(stated, logged)] if stated < logged else []
    found = [] if short == wanted else [f"{name} states {stated} of {logged}: {short}"]
    loose = sum(" short" in line for line in loose_ends(store, partner, today=RECENT_YEARS))
    return found + ([] if loose == len(wanted) else [f"{name}: {loose} loose ends for {wanted}"]), len(wanted)


def prepared(seed: int) -> tuple[Draft, Counter[str]]:
    draft = draw(seed)
    return draft, add_record(draft)


@trials("contradictions")
def test_every_contradiction_is_found_and_no_other(
    tmp_path: Path, count: int, account: Callable[[str, Mapping[str, int]], None]
) -> None:
    met: Counter[str] = Counter()
    for seed in range(FIRST_SEED, FIRST_SEED + count):
        chance = random.Random(seed)
        draft, drawn = prepared(seed)
        store, incident = both(tmp_path / str(seed), draft)
        with store:
            for today in (RECENT_YEARS, chance.choice(draft.points) + chance.choice((-1, 0, 1))):
                assert differences(store, incident, today) == [], f"seed {seed}, today {today}"
                met.update(
                    f"{each.kind} {each.step or ''}".strip()
                    for partner in incident.apps_of_partner
                    for each in contradictions(incident, partner, today)
                )
            wrong, short = state_people(store, incident, chance)
            assert wrong == [], f"seed {seed}"
            met["statement_short"] += short
            met.update(f"removal {removal_of(incident, app).proof}" for app in incident.partner_of_app)
        met += drawn
    for kind in KINDS:
        assert sum(number for name, number in met.items() if name.startswith(kind)) >= count // 8, (kind, met)
    assert met["read_after_certificate audit_passed"] >= count // 20, met
    assert met["removal proven"] >= count // 20, met
    account("contradictions", {"incidents": count, **dict(sorted(met.items()))})


@pytest.mark.parametrize("seed", range(8_000, 8_006))
def test_stale_voided_restored_and_rebuilt_stores_say_the_same(tmp_path: Path, seed: int) -> None:
    draft, _ = prepared(seed)
    store, incident = both(tmp_path, draft)
    with store:
        with store.writing() as connection:
            connection.execute(_MAKE_STALE)
            connection.execute("DELETE FROM app_figures")
        assert differences(store, incident, RECENT_YEARS) == []
        rebuild(store, actor=ACTOR)
        assert differences(store, incident, RECENT_YEARS) == []
        log = next(entry for entry in imports(store) if entry.kind == "access_events")
        void(store, log.import_id, actor=ACTOR, note="the wrong log")
        rest = oracle.load(
            [tmp_path / "files" / name for name in draft.files if name != log.file], tmp_path / "rules.toml"
        )
        if not any("conflict" in tally for tally, hits in draft.tallies.items() if hits):
            assert differences(store, rest, RECENT_YEARS) == []
        import_paths(store, [tmp_path / "files" / log.file], actor=ACTOR)
        assert differences(store, incident, RECENT_YEARS) == []
