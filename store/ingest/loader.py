"""One content on its way in: its records staged, validated, counted, and written in batches that each stand alone.

A killed load leaves whole batches of a content that counts nowhere; loading it again picks every one of them up.
"""

import sqlite3
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np

from store import seals, segments
from store.connection import Store
from store.ingest import event_writer, quarantine, versions
from store.ingest.boundary import Boundary
from store.ingest.canonical import EventRow, RegistryRow, validate
from store.ingest.dictionaries import ids_of
from store.ingest.event_writer import EventWriter, contradiction, values_of
from store.ingest.records import Canonical, Options, Outcome, Quarantined, Skipped
from store.ingest.small_stage import MOST_EVENTS, SmallStage
from store.ingest.staging import DICTIONARIES, Batch, Column, EventStage, Span, event_row
from store.ingest.tally import Counts, Tally
from store.ingest.versions import VersionWriter
from store.known_ids import known_ids

BATCH_EVENTS = 250_000
_BATCH_ROWS = 20_000
_BATCH_TEXTS = 250_000
_PROGRESS_EVERY = 0.1

_COUNT = """
UPDATE imports SET records = ?, accepted = ?, duplicates = ?, quarantined = ?, skipped = ? WHERE import_id = ?
"""
_CLEAR_CHECKPOINTS = "DELETE FROM import_checkpoints WHERE content_id = ?"

_ANY_COUNTED = """
SELECT 1 FROM segments WHERE content_id IN (SELECT content_id FROM imports WHERE state = 'complete') LIMIT 1
"""
_TEXTS = """
SELECT
  (SELECT app_id FROM apps WHERE id = :app),
  (SELECT data_classes FROM field_sets WHERE id = :field_set),
  (SELECT subject_id FROM subjects WHERE id = :subject),
  (SELECT resource_id FROM resources WHERE id = :resource),
  (SELECT endpoint FROM endpoints WHERE id = :endpoint),
  (SELECT ip FROM addresses WHERE id = :ip)
"""

# file, records done, records a second, seconds left or None
Progress: TypeAlias = Callable[[str, int, float, float | None], None]


class Meter:
    """Tells a progress callback how far a file is, ten times a second at most.

    Half of the way is reading the records, the other half writing them.
    """

    def __init__(self, file: str, size: int, report: Progress | None) -> None:
        self._file = file
        self._size = max(size, 1)
        self._report = report
        self._began = time.monotonic()
        self._told = 0.0

    def tell(self, records: int, part: float | None) -> None:
        """Tell that `records` are done, and which part of all the work that is, from 0 to 1."""
        if self._report is None:
            return
        moment = time.monotonic()
        if moment - self._told < _PROGRESS_EVERY:
            return
        self._told = moment
        elapsed = max(moment - self._began, 1e-6)
        left = elapsed * (1 - part) / part if part else None
        self._report(self._file, records, records / elapsed, left)

    def read(self, records: int, offset: int) -> None:
        """Tell how far reading is, by the bytes read; a compressed file's size says nothing."""
        self.tell(records, min(offset / self._size, 1.0) / 2 if offset else None)


class Load:
    """The load of one content.

    Attributes:
        tally: what became of each record.
        stage: the access events, until they are written.
        event_parts: what the content's own events hash to, once they are written.
    """

    def __init__(
        self, store: Store, *, import_id: int, content_id: int, folder: Path, meter: Meter, boundary: Boundary
    ) -> None:
        self._store = store
        self._boundary = boundary
        self._import_id = import_id
        self._content_id = content_id
        self._meter = meter
        self.tally = Tally()
        self.stage: SmallStage | EventStage = SmallStage()
        self._folder = folder
        self.event_parts: list[seals.Part] = []
        self._versions = VersionWriter(content_id, self.tally)
        self._quarantine = quarantine.QuarantineWriter(store, content_id)
        self._events: list[EventRow] = []
        self._rows: list[RegistryRow] = []
        self._read = 0

    def __enter__(self) -> "Load":
        with self._store.writing() as connection:
            segments.clear(connection, self._content_id)
            # Nothing that stands under this content's number is taken for its own, whoever wrote it.
            quarantine.clear(connection, self._content_id)
            versions.clear(connection, self._content_id)
            event_writer.clear(connection, self._content_id)
            connection.execute(_CLEAR_CHECKPOINTS, (self._content_id,))
        return self

    def __exit__(self, *_: object) -> None:
        self.stage.close()

    def take(self, outcomes: Iterator[Outcome], options: Options, offset: Callable[[], int]) -> None:
        """Take in what a reader found, in its order.

        Args:
            offset: how many bytes of the file the reader has come, 0 if it cannot tell.
        """
        pending: list[Canonical] = []
        for outcome in outcomes:
            if pending and outcome.record_no != pending[0].record_no:
                self._take_record(pending, options)
                pending = []
            if isinstance(outcome, Canonical):
                pending.append(outcome)
            else:
                self._take_other(outcome)
            if outcome.record_no % 1000 == 0:
                self._meter.read(self._read, offset())
        if pending:
            self._take_record(pending, options)
        self._flush_events()
        self._flush_rows()

    def large_stage(self) -> EventStage:
        """The stage of a large file, from now on; nothing is lost of what is staged."""
        if isinstance(self.stage, SmallStage):
            staged, self.stage = self.stage.rows, EventStage(self._folder)
            self.stage.add(staged)
        return self.stage

    def count_staged(self, records: int) -> None:
        """Count records that were staged by other means than `take`."""
        self._read += records

    def _take_other(self, outcome: Quarantined | Skipped) -> None:
        self._read += 1
        if isinstance(outcome, Quarantined):
            self.tally.quarantined += 1
            self._quarantine.add(self._boundary.quarantined(outcome))
        else:
            self.tally.skipped += 1

    def _take_record(self, found: list[Canonical], options: Options) -> None:
        """One record of the source: all of its rows are good, or the whole of it is quarantined."""
        rows = []
        for record in found:
            try:
                rows.append(validate(record, options))
            except ValueError as error:
                self._read += 1
                self.tally.quarantined += 1
                self._quarantine.add(self._boundary.refused(record, str(error), options))
                return
        self._read += 1
        for row in rows:
            if isinstance(row, EventRow):
                self._events.append(row)
            else:
                self._rows.append(row)
        if len(self._events) >= _BATCH_ROWS:
            self._flush_events()
        if len(self._rows) >= _BATCH_ROWS:
            self._flush_rows()

    def _flush_events(self) -> None:
        self.stage.add(self._events)
        self._events.clear()
        if isinstance(self.stage, SmallStage) and len(self.stage.rows) > MOST_EVENTS:
            self.large_stage()

    def _flush_rows(self) -> None:
        if not self._rows:
            return
        passed = self._boundary.registry(self._rows)
        with self._store.writing() as connection:
            self._versions.write(connection, passed)
            self._quarantine.flush(connection)
            self._keep_count(connection)
        self._rows.clear()

    def _keep_count(self, connection: sqlite3.Connection) -> None:
        connection.execute(_COUNT, (*self.tally.counts(), self._import_id))

    def write_events(self) -> Span:
        """Write everything that is staged into `access_events`.

        Returns:
            How many events were staged and their first and last instant.
        """
        span = self.stage.span()
        if not span.events:
            with self._store.writing() as connection:
                self._quarantine.flush(connection)
            return span
        self._boundary.events(self.stage)
        executor = _AtOnce() if isinstance(self.stage, SmallStage) else ThreadPoolExecutor(1)
        with _unchecked_references(self._store), executor as ahead:
            keyed = ahead.submit(self.stage.give_keys)
            self._encode_all()
            keyed.result()
            known = self._known_ids()
            self.tally.mark_held(self.stage.tell_repeats_apart())
            for row in self.stage.drop_contradictions(known):
                self._contradict(row)
            self.stage.sort()
            writer = EventWriter(self._content_id, self.tally, known, ahead)
            written = 0
            batches = self.stage.batches(BATCH_EVENTS)
            coming = ahead.submit(_next_values, batches, self._content_id)
            while (ready := coming.result()) is not None:
                batch, values = ready
                coming = ahead.submit(_next_values, batches, self._content_id)
                with self._store.writing() as connection:
                    refused = writer.write(connection, batch, values)
                    for place in refused.tolist():
                        self._contradict(_row_at(connection, batch, place))
                    self._quarantine.flush(connection)
                    self._keep_count(connection)
                written += len(batch.app)
                self._meter.tell(self._read, 0.5 + written / span.events / 2)
            with self._store.writing() as connection:
                self.event_parts = writer.close(connection)
                self._quarantine.flush(connection)
        return span

    def counts(self) -> Counts:
        """What became of the records so far."""
        return self.tally.counts()

    def _known_ids(self) -> Column:
        with self._store.reading() as connection:
            if connection.execute(_ANY_COUNTED).fetchone() is None:
                return np.zeros(0, dtype=np.int64)
            return known_ids(connection, self.stage.id_keys())

    def _contradict(self, row: EventRow) -> None:
        reason, shown = contradiction(row)
        self._quarantine.add(Quarantined(row.record_no, "access_events", reason, shown))
        self.tally.mark_conflict(np.array([row.record_no], dtype=np.int64))

    def _encode_all(self) -> None:
        """Make every text known to the store; those of small dictionaries together in one transaction."""
        waiting: dict[str, list[str]] = {}
        for dictionary in DICTIONARIES:
            waiting[dictionary] = self.stage.texts(dictionary)
            if sum(map(len, waiting.values())) > _BATCH_TEXTS:
                self._encode(waiting)
                waiting = {}
        self._encode(waiting)

    def _encode(self, texts: Mapping[str, list[str]]) -> None:
        spellings = self.stage.spellings() if "subjects" in texts else {}
        known: dict[str, dict[str, int]] = {dictionary: {} for dictionary in texts}
        chunks = [
            (dictionary, all_of_it[first : first + _BATCH_TEXTS])
            for dictionary, all_of_it in texts.items()
            for first in range(0, len(all_of_it), _BATCH_TEXTS)
        ]
        are_few = sum(map(len, texts.values())) <= _BATCH_TEXTS
        for together in [chunks] if are_few else [[chunk] for chunk in chunks]:
            with self._store.writing() as connection:
                for dictionary, chunk in together:
                    spelled = spellings if dictionary == "subjects" else None
                    known[dictionary].update(ids_of(connection, dictionary, chunk, spellings=spelled))
        for dictionary, all_of_it in texts.items():
            self.stage.give_ids(dictionary, all_of_it, [known[dictionary][text] for text in all_of_it])


class _AtOnce(Executor):
    """Does what is submitted before it returns: for a small file, a thread costs more than it saves."""

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        done: Future[Any] = Future()
        done.set_result(fn(*args, **kwargs))
        return done


@contextmanager
def _unchecked_references(store: Store) -> Iterator[None]:
    """Switch this thread's writer to insert without looking each reference up: the loader has just made them all.

    SQLite obeys only between transactions. `verify` checks the references.
    """
    with store.writing() as connection:
        pass
    connection.execute("PRAGMA foreign_keys=OFF")
    try:
        yield
    finally:
        connection.execute("PRAGMA foreign_keys=ON")


def _row_at(connection: sqlite3.Connection, batch: Batch, place: int) -> EventRow:
    """One event of a batch with its ids as texts again."""
    ids = {
        name: int(getattr(batch, name)[place]) for name in ("app", "field_set", "subject", "resource", "endpoint", "ip")
    }
    app, data_classes, subject, resource, endpoint, ip = connection.execute(_TEXTS, ids).fetchone()
    return event_row(
        int(batch.record_no[place]),
        int(batch.occurred_at[place]),
        app,
        data_classes,
        subject,
        resource,
        endpoint,
        int(batch.records[place]),
        int(batch.bytes[place]),
        ip,
        int(batch.outcome[place]),
        str(batch.event_id[place]),
    )


def _next_values(batches: Iterator[Batch], content_id: int) -> tuple[Batch, list[object]] | None:
    batch = next(batches, None)
    return None if batch is None else (batch, values_of(batch, content_id))
