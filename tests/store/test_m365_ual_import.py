"""Unified audit logs through the whole import: counted once, the same figures whatever the order of files and rows."""

import itertools
import random
from pathlib import Path
from typing import Any

import pytest

from fixtures import m365_ual as invented
from store.connection import Store, open_store
from store.ingest.importing import import_paths
from store.ingest.imports import ImportEntry
from store.schema import create_store

EVENTS = "SELECT occurred_at, app_id, subject_id, records, outcome, event_id FROM access_events_readable WHERE counts"
APPS = "SELECT a.app_id, v.name FROM live_apps v JOIN apps a ON a.id = v.app"
GRANTS = """
SELECT a.app_id, g.scope, g.granted_at, g.granted_by, g.revoked_at FROM live_grants g JOIN apps a ON a.id = g.app
"""
REMOVALS = "SELECT a.app_id, r.removed_at FROM live_removals r JOIN apps a ON a.id = r.app"


def new_store(path: Path) -> Store:
    create_store(path, name="Harbour Light", actor="ruth", at=0)
    return open_store(path)


def bring_in(store: Store, file: Path, records: list[dict[str, Any]]) -> ImportEntry:
    file.write_bytes(invented.as_csv(records))
    (entry,) = import_paths(store, [file], actor="ruth", format="m365-ual").imports
    assert entry.records == len(records)
    assert entry.records == entry.accepted + entry.duplicates + entry.quarantined + entry.skipped
    return entry


def state(store: Store) -> list[list[tuple[Any, ...]]]:
    with store.reading() as connection:
        return [sorted(connection.execute(question), key=repr) for question in (EVENTS, APPS, GRANTS, REMOVALS)]


def is_registry(record: dict[str, Any]) -> bool:
    return record["RecordType"] == 8


def test_repeated_rows_are_duplicates(tmp_path: Path) -> None:
    log = invented.invented_log(3)
    store = new_store(tmp_path / "once.db")
    once = bring_in(store, tmp_path / "once.csv", log)
    twice_store = new_store(tmp_path / "twice.db")
    twice = bring_in(twice_store, tmp_path / "twice.csv", [*log, *log])
    assert twice.accepted == once.accepted
    assert twice.duplicates == 2 * once.duplicates + once.accepted
    assert twice.skipped == 2 * once.skipped
    assert (once.quarantined, twice.quarantined) == (0, 0)
    assert state(twice_store) == state(store)


def test_a_repeated_id_with_other_content_is_a_conflict(tmp_path: Path) -> None:
    record = invented.Generator(1).mail_sync(1, "mira.okafor")
    entry = bring_in(
        new_store(tmp_path / "a.db"), tmp_path / "a.csv", [record, record | {"ClientIPAddress": "192.0.2.1"}]
    )
    assert (entry.accepted, entry.quarantined) == (1, 1)


def test_what_we_do_not_keep_is_no_content(tmp_path: Path) -> None:
    record = invented.Generator(1).mail_sync(1, "mira.okafor")
    entry = bring_in(
        new_store(tmp_path / "a.db"), tmp_path / "a.csv", [record, record | {"Version": 2, "UserKey": "x"}]
    )
    assert (entry.accepted, entry.duplicates) == (1, 1)


@pytest.mark.parametrize("seed", range(2))
def test_the_order_of_overlapping_files_does_not_matter(tmp_path: Path, seed: int) -> None:
    draw = random.Random(seed)
    log = invented.invented_log(seed, reads=25)
    registry = [record for record in log if is_registry(record) and not record["Operation"].startswith("Remove")]
    rest = [record for record in log if record not in registry]
    files = [registry + rest[: len(rest) // 2], registry + rest[len(rest) // 3 :], log]
    found = []
    for turn, order in enumerate(itertools.permutations(files)):
        store = new_store(tmp_path / f"{turn}.db")
        for place, records in enumerate(order):
            bring_in(store, tmp_path / f"{turn}-{place}.csv", draw.sample(records, len(records)))
        found.append(state(store))
    assert all(each == found[0] for each in found)
    assert any(grant[4] is not None for grant in found[0][2])


def test_apps_carry_the_names_their_consents_gave_and_unknown_ones_are_apps_too(tmp_path: Path) -> None:
    draw = invented.Generator(5)
    app = draw.app("Tidepool Mail Sorter")
    store = new_store(tmp_path / "a.db")
    records = [
        draw.mail_bind(5, "mira.okafor", app.app_id),
        draw.mail_bind(6, "mira.okafor", None),
        draw.mail_bind(7, "mira.okafor", invented.MAIL_CLIENT),
        draw.consent(1, "mira.okafor", app, "Mail.Read"),
    ]
    bring_in(store, tmp_path / "a.csv", records)
    with store.reading() as connection:
        partners = dict(connection.execute("SELECT a.app_id, v.name FROM apps a LEFT JOIN live_apps v ON v.app = a.id"))
    assert partners == {app.app_id: "Tidepool Mail Sorter", "unknown:exchange": None, invented.MAIL_CLIENT: None}
