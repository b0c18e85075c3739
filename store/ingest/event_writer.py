"""Sorted batches of events -> `access_events`; and whether a record that is known is a duplicate or a contradiction."""

import json
import sqlite3
from concurrent.futures import Executor, Future

import numpy as np
import numpy.typing as npt

from store import seals, segments
from store.event_rows import EVENT_NUMBERS
from store.ingest.canonical import EventRow
from store.ingest.kept_out import conflict_reason
from store.ingest.staging import Batch, Column
from store.ingest.tally import Tally
from store.ingest.values import OUTCOMES
from store.instants import format_instant

Flags = npt.NDArray[np.bool_]

_INSERT = """
INSERT OR IGNORE INTO access_events(app, occurred_at, event_key, field_set, subject, resource, endpoint, records, bytes,
  ip, outcome, event_id, content_id, record_no)
VALUES
"""
_ROW = """
  (?, ?, ?, ?, nullif(?, 0), nullif(?, 0), nullif(?, 0), nullif(?, -1), nullif(?, -1), nullif(?, 0), ?, nullif(?, ''),
    ?, ?)
"""
_ROW_VALUES = 14
# Many rows a statement take half of the time that as many statements do.
_ROWS_TOGETHER = 100
# In key order alone, SQLite leaves an eighth of each page empty: every tenth row waits, and comes into that gap.
_WAITING = 10
_INSERT_ONE = _INSERT + _ROW
_INSERT_TOGETHER = _INSERT + ",".join([_ROW] * _ROWS_TOGETHER)
_CREATE_WANTED = """
CREATE TEMP TABLE IF NOT EXISTS wanted(
  place INTEGER PRIMARY KEY, app INTEGER, occurred_at INTEGER, event_key INTEGER, field_set INTEGER, subject INTEGER,
  resource INTEGER, endpoint INTEGER, records INTEGER, bytes INTEGER, ip INTEGER, outcome INTEGER, event_id TEXT,
  record_no INTEGER)
"""
_CLEAR_WANTED = "DELETE FROM wanted"
_FILL_WANTED = """
INSERT INTO wanted VALUES (?, ?, ?, ?, ?, nullif(?, 0), nullif(?, 0), nullif(?, 0), nullif(?, -1), nullif(?, -1),
  nullif(?, 0), ?, nullif(?, ''), ?)
"""
# The rows of the batch that stood in the store before it, and for whom.
_STANDING = """
SELECT w.place,
  e.field_set = w.field_set AND e.subject IS w.subject AND e.resource IS w.resource AND e.endpoint IS w.endpoint
    AND e.records IS w.records AND e.bytes IS w.bytes AND e.ip IS w.ip AND e.outcome = w.outcome
    AND e.event_id IS w.event_id AS is_same,
  EXISTS (SELECT 1 FROM live_contents l WHERE l.content_id = e.content_id) OR EXISTS (
    SELECT 1 FROM event_holders h
    WHERE h.app = e.app AND h.occurred_at = e.occurred_at AND h.event_key = e.event_key
      AND h.content_id <> :content_id AND h.content_id IN (SELECT content_id FROM live_contents)) AS is_live,
  e.content_id = :content_id AS belongs_here,
  NOT EXISTS (SELECT 1 FROM imports i WHERE i.content_id = e.content_id AND i.state = 'complete') AS is_unfinished
FROM wanted w
JOIN access_events e ON e.app = w.app AND e.occurred_at = w.occurred_at AND e.event_key = w.event_key
WHERE e.content_id <> :content_id OR e.record_no <> w.record_no
ORDER BY w.place
"""
_HOLD = """
INSERT OR IGNORE INTO event_holders(app, occurred_at, event_key, content_id, record_no) VALUES (?, ?, ?, ?, ?)
"""
_TAKE_OVER = """
UPDATE access_events SET content_id = ?, record_no = ? WHERE app = ? AND occurred_at = ? AND event_key = ?
"""
# A killed attempt may have written an event that another import contradicts by now. It never counted.
_TAKE_OUT = """
DELETE FROM access_events WHERE app = ? AND occurred_at = ? AND event_key = ? AND content_id = ?
"""
_SEGMENT_COLUMNS = ("app", "occurred_at", "id_key", "field_set", "subject", "resource", "records", "outcome")
_IDS_THAT_MAY_BE_ABSENT = frozenset({"subject", "resource", "endpoint", "ip"})
_OUTCOME_NAMES = {number: name for name, number in OUTCOMES.items()}
_CLEAR_HOLDERS = "DELETE FROM event_holders WHERE content_id = ?"


def clear(connection: sqlite3.Connection, content_id: int) -> None:
    """Forget which events of others an attempt that never completed held: it is read again."""
    connection.execute(_CLEAR_HOLDERS, (content_id,))


def contradiction(row: EventRow) -> tuple[str, str]:
    """The reason and the record of an event that is known with other content, for the quarantine."""
    fields = {
        "occurred_at": format_instant(row.occurred_at),
        "app_id": row.app_id,
        "data_class": row.data_classes,
        "subject_id": row.subject_id,
        "resource_id": row.resource_id,
        "endpoint": row.endpoint,
        "records": row.records,
        "bytes": row.bytes,
        "ip": row.ip,
        "outcome": _OUTCOME_NAMES[row.outcome],
        "event_id": row.event_id,
    }
    given = {name: value for name, value in fields.items() if value is not None}
    return conflict_reason(row.event_id), json.dumps(given, ensure_ascii=False)


class EventWriter:
    """Writes one content's events, a batch at a time, in primary-key order."""

    def __init__(self, content_id: int, tally: Tally, known_ids: Column, aside: Executor) -> None:
        """Begin a content.

        Args:
            known_ids: the sorted id keys of its events that a live content has too.
            aside: hashes what was written, one batch after the other, while the next one is written.
        """
        self._content_id = content_id
        self._tally = tally
        self._known_ids = known_ids
        self._segments = segments.SegmentWriter(content_id)
        self._seals = seals.EventSeals()
        self._aside = aside
        self._hashed: Future[None] | None = None

    def write(self, connection: sqlite3.Connection, batch: Batch, values: list[object]) -> Column:
        """Write the next batch inside a write transaction.

        Args:
            values: the batch as `values_of` gives it; made beforehand, so that another thread can do it.

        Returns:
            Places in the batch of the events that contradict what counts; they were not written.
        """
        count = len(batch.app)
        suspects = np.zeros(count, dtype=bool)
        if len(self._known_ids):
            suspects = _among(batch.id_key, self._known_ids)
        if suspects.any():
            sure = Batch._make(column[~suspects] for column in batch)
            values = values_of(sure, self._content_id)
        before = connection.total_changes
        _insert(connection, values)
        added = connection.total_changes - before
        is_own = ~suspects
        refused = np.zeros(0, dtype=np.int64)
        if added < count:
            is_own, refused = self._judge_standing(connection, batch, suspects)
        else:
            self._tally.mark_new(batch.record_no)
        own = {name: getattr(batch, name)[is_own].astype(np.int64) for name in _SEGMENT_COLUMNS}
        self._segments.add(connection, own)
        self._wait()
        self._hashed = self._aside.submit(self._hash, batch, is_own)
        return refused

    def _hash(self, batch: Batch, is_own: Flags) -> None:
        self._seals.add(*_as_sealed(batch, is_own))

    def _wait(self) -> None:
        if self._hashed is not None:
            self._hashed.result()

    def close(self, connection: sqlite3.Connection) -> list[seals.Part]:
        """Write what is left of the packed copy; what the content's own events hash to."""
        self._segments.close(connection)
        self._wait()
        return self._seals.close()

    def _judge_standing(self, connection: sqlite3.Connection, batch: Batch, suspects: Flags) -> tuple[Flags, Column]:
        """Find which events of the batch stood in the store before: by key, for those that were not all added."""
        connection.execute(_CREATE_WANTED)
        connection.execute(_CLEAR_WANTED)
        columns = [getattr(batch, name).tolist() for name in Batch._fields if name != "id_key"]
        connection.executemany(_FILL_WANTED, zip(range(len(batch.app)), *columns, strict=True))
        is_new = ~suspects
        is_own = ~suspects
        is_refused = suspects.copy()
        holdings: list[tuple[int, ...]] = []
        take_overs: list[tuple[int, ...]] = []
        found = connection.execute(_STANDING, {"content_id": self._content_id}).fetchall()
        for place, is_same, is_live, belongs_here, is_unfinished in found:
            key = (int(batch.app[place]), int(batch.occurred_at[place]), int(batch.event_key[place]))
            record_no = int(batch.record_no[place])
            is_own[place] = False
            if not is_same or (suspects[place] and not is_live):
                is_refused[place], is_new[place] = True, False
                continue
            is_refused[place] = False
            is_new[place] = not is_live and not belongs_here
            if belongs_here:
                continue
            if is_unfinished and not is_live:
                take_overs.append((self._content_id, record_no, *key))
                is_own[place] = True
            else:
                holdings.append((*key, self._content_id, record_no))
        connection.executemany(_HOLD, holdings)
        connection.executemany(_TAKE_OVER, take_overs)
        connection.execute(_CLEAR_WANTED)
        refused = np.flatnonzero(is_refused)
        keys = zip(*(column[refused].tolist() for column in batch[:3]), strict=True)
        connection.executemany(_TAKE_OUT, ((*key, self._content_id) for key in keys))
        is_new &= ~is_refused
        self._tally.mark_new(batch.record_no[is_new])
        self._tally.mark_held(batch.record_no[~is_new & ~is_refused])
        return is_own & ~is_refused, refused


def values_of(batch: Batch, content_id: int) -> list[object]:
    """A batch's rows for the insert, one value after the other; absent ones still as 0, -1 and ''."""
    count = len(batch.app)
    order = np.arange(count)
    order = np.concatenate((order[order % _WAITING != 0], order[::_WAITING]))
    columns = [getattr(batch, name)[order].tolist() for name in Batch._fields if name not in ("id_key", "record_no")]
    columns += [[content_id] * count, batch.record_no[order].tolist()]
    values: list[object] = [None] * (_ROW_VALUES * count)
    for place, column in enumerate(columns):
        values[place::_ROW_VALUES] = column
    return values


def _as_sealed(batch: Batch, is_own: Flags) -> tuple[list[Column], list[bytes | None]]:
    """The content's own events of a batch as `EventSeals.add` takes them."""
    columns = []
    for name in EVENT_NUMBERS:
        column = getattr(batch, name)[is_own].astype(np.int64)
        columns.append(np.where(column == 0, -1, column) if name in _IDS_THAT_MAY_BE_ABSENT else column)
    return columns, [text.encode() if text else None for text in batch.event_id[is_own].tolist()]


def _insert(connection: sqlite3.Connection, values: list[object]) -> None:
    step = _ROW_VALUES * _ROWS_TOGETHER
    end = len(values) // step * step
    connection.executemany(_INSERT_TOGETHER, (values[at : at + step] for at in range(0, end, step)))
    rest = range(end, len(values), _ROW_VALUES)
    connection.executemany(_INSERT_ONE, (values[at : at + _ROW_VALUES] for at in rest))


def _among(values: Column, known: Column) -> Flags:
    places = np.minimum(np.searchsorted(known, values), len(known) - 1)
    return np.asarray(known[places] == values)
