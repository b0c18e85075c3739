"""Voiding: what is left is what the other imports hold, and importing the file again brings it back."""

import random
from pathlib import Path

import pytest

from store.figures import figures, figures_document
from store.fold import rebuild
from store.ingest.importing import import_paths
from store.ingest.imports import imports, void
from store.parameters import Parameters
from tests import oracle
from tests.differential import ACTOR, TODAY, both, build, differences
from tests.incident_files import Row, write_file
from tests.incidents import draw
from tests.store.test_incident_invariants import answers

STEADY = [seed for seed in range(3000, 3060) if not draw(seed).order_matters]


@pytest.mark.parametrize("seed", STEADY[:14])
def test_what_is_left_is_what_the_other_imports_hold(tmp_path: Path, seed: int) -> None:
    draft = draw(seed)
    chance = random.Random(seed)
    store, incident = both(tmp_path, draft)
    with store:
        before = answers(store, draft)
        known = imports(store)
        chosen = chance.sample(known, min(2, len(known)))
        for entry in chosen:
            void(store, entry.import_id, actor=ACTOR, note="the wrong file")
        left = [tmp_path / "files" / entry.file for entry in known if entry not in chosen]
        rest = oracle.load(left, tmp_path / "rules.toml")
        rest.partner_ids |= incident.partner_ids  # a voided file's partner ids stay taken
        assert differences(store, rest, draft.questions, seed) == []
        rebuild(store, actor=ACTOR)
        assert differences(store, rest, draft.questions[:1], seed) == []
        for entry in chosen:
            import_paths(store, [tmp_path / "files" / entry.file], actor=ACTOR)
        assert answers(store, draft) == before


@pytest.mark.parametrize("seed", STEADY[14:22])
def test_every_import_of_the_same_bytes_must_be_voided(tmp_path: Path, seed: int) -> None:
    draft = draw(seed)
    store, incident = both(tmp_path, draft)
    with store:
        before = answers(store, draft)
        first = next(entry for entry in imports(store) if entry.kind == "access_events")
        path = tmp_path / "files" / first.file
        again = import_paths(store, [path], actor=ACTOR).imports[0]
        assert again.import_id != first.import_id
        void(store, first.import_id, actor=ACTOR, note="the first of two")
        assert answers(store, draft) == before
        void(store, again.import_id, actor=ACTOR, note="the second of two")
        names = [name for name in draft.files if name != first.file]
        rest = oracle.load([tmp_path / "files" / name for name in names], tmp_path / "rules.toml")
        assert differences(store, rest, draft.questions, seed) == []
        assert len(rest.events) < len(incident.events) or not draft.files[first.file][1]


def test_a_corrected_file_replaces_a_voided_one(tmp_path: Path) -> None:
    draft = draw(STEADY[22])
    wrong = [_event(number, "s1", "success") for number in range(20)]
    right: list[Row] = [row | {"subject_id": "s2"} for row in wrong[:15]]
    store = build(tmp_path, draft.rules_toml, [write_file(tmp_path / "access_events-1.csv", "access_events", wrong)])
    rules = tmp_path / "rules.toml"
    rules.write_text(draft.rules_toml, "utf-8")
    corrected = write_file(tmp_path / "access_events-2.csv", "access_events", right)
    with store:
        void(store, 1, actor=ACTOR, note="wrong people")
        entry = import_paths(store, [corrected], actor=ACTOR).imports[0]
        assert (entry.records, entry.accepted, entry.quarantined) == (15, 15, 0)
        assert differences(store, oracle.load([corrected], rules), draft.questions, 1) == []


@pytest.mark.parametrize("seed", STEADY[23:33])
def test_every_record_is_counted_once_whatever_became_of_it(tmp_path: Path, seed: int) -> None:
    draft = draw(seed)
    store, incident = both(tmp_path, draft)
    with store:
        known = imports(store)
        events = [entry for entry in known if entry.kind == "access_events"]
        assert sum(entry.accepted for entry in events) == len(incident.events)
        assert sum(entry.quarantined for entry in known) == incident.quarantined
        for entry in known:
            assert entry.records == entry.accepted + entry.duplicates + entry.quarantined + entry.skipped
            assert entry.records == len(draft.files[entry.file][1])


def test_nothing_is_left_of_an_incident_whose_imports_are_all_voided(tmp_path: Path) -> None:
    draft = draw(STEADY[33])
    store, _ = both(tmp_path, draft)
    with store:
        for entry in imports(store):
            void(store, entry.import_id, actor=ACTOR, note="all of it")
        nothing = oracle.load([], tmp_path / "rules.toml")
        asked = Parameters(today=TODAY)
        told = figures_document(figures(store, asked))
        assert told["accessed"] == oracle.figures(nothing)["accessed"]
        assert differences(store, nothing, draft.questions, 1) == []


def _event(number: int, subject: str, outcome: str) -> Row:
    return {
        "occurred_at": f"2019-03-0{number % 9 + 1}T00:00:{number:02d}Z",
        "app_id": f"a{number % 3}",
        "data_class": ["g.m.name"],
        "subject_id": subject,
        "outcome": outcome,
        "event_id": f"e{number}",
    }
