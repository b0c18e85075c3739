"""A fresh store, files written plainly, and what the store holds read back through the documented view."""

import csv
import io
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from store.connection import Store, open_store
from store.ingest.importing import import_paths
from store.ingest.imports import ImportEntry
from store.ingest.quarantine import QuarantinedRecord, quarantined
from store.schema import create_store

ACTOR = "tester"
COLUMNS = (
    "occurred_at",
    "app_id",
    "data_class",
    "subject_id",
    "resource_id",
    "endpoint",
    "records",
    "bytes",
    "ip",
    "outcome",
    "event_id",
)
EVENT = {"occurred_at": "2019-05-01T10:00:00Z", "app_id": "app-1", "data_class": "group.member.name"}

_COUNTING = """
SELECT occurred_at, app_id, data_classes, subject_id, resource_id, endpoint, records, bytes, ip, outcome, event_id
FROM access_events_readable WHERE counts
"""


def new_store(folder: Path, name: str = "incident.db") -> Store:
    path = folder / name
    create_store(path, name="Test", actor=ACTOR, at=1_570_000_000_000_000)
    return open_store(path)


def event(**fields: object) -> dict[str, object]:
    return {**EVENT, **fields}


def csv_text(rows: Iterable[Mapping[str, object]], columns: Sequence[str] = COLUMNS) -> str:
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def write_events(path: Path, rows: Iterable[Mapping[str, object]]) -> Path:
    path.write_text(csv_text(rows), "utf-8")
    return path


def take(store: Store, path: Path, **options: object) -> ImportEntry:
    (entry,) = import_paths(store, [path], actor=ACTOR, **options).imports
    assert entry.records == entry.accepted + entry.duplicates + entry.quarantined + entry.skipped
    return entry


def counting_events(store: Store) -> Counter[tuple[object, ...]]:
    """Every event that counts, as the readable view gives it."""
    with store.reading() as connection:
        return Counter(connection.execute(_COUNTING).fetchall())


def reasons(store: Store) -> list[tuple[int, str]]:
    return [(record.record_no, record.reason) for record in quarantined(store)]


def only_quarantined(store: Store) -> QuarantinedRecord:
    (record,) = quarantined(store)
    return record


def counts(entry: ImportEntry) -> tuple[int, int, int, int, int]:
    return entry.records, entry.accepted, entry.duplicates, entry.quarantined, entry.skipped
