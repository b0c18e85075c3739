"""Importing once more what was imported before: nothing is read again, only counted anew. Restores a voided content."""

import json
import sqlite3

import numpy as np

from store.errors import UnusableFileError
from store.ingest.keys import text_key
from store.ingest.tally import Counts
from store.known_ids import known_ids

_FIRST = """
SELECT records, accepted + duplicates, quarantined, skipped, first_at, last_at, extra_columns FROM imports
WHERE content_id = ? AND state = 'complete' ORDER BY import_id LIMIT 1
"""
_IS_LIVE = "SELECT 1 FROM live_contents WHERE content_id = ?"
# The records of which a row counts nowhere now: the content that comes back makes it count.
_COUNT_AGAIN = """
WITH live AS MATERIALIZED (SELECT content_id FROM live_contents),
held AS (
  SELECT app, occurred_at, event_key, record_no FROM access_events WHERE content_id = :content_id
  UNION ALL
  SELECT app, occurred_at, event_key, record_no FROM event_holders WHERE content_id = :content_id)
SELECT record_no FROM held
WHERE NOT EXISTS (
    SELECT 1 FROM access_events e
    WHERE e.app = held.app AND e.occurred_at = held.occurred_at AND e.event_key = held.event_key
      AND e.content_id IN (SELECT content_id FROM live))
  AND NOT EXISTS (
    SELECT 1 FROM event_holders h
    WHERE h.app = held.app AND h.occurred_at = held.occurred_at AND h.event_key = held.event_key
      AND h.content_id IN (SELECT content_id FROM live))
UNION
SELECT record_no FROM holdings o
WHERE content_id = :content_id AND NOT EXISTS (
  SELECT 1 FROM holdings h
  WHERE h.kind = o.kind AND h.version_id = o.version_id AND h.content_id IN (SELECT content_id FROM live))
"""
_NAMED_EVENTS = """
SELECT e.event_id FROM access_events e
WHERE e.content_id = :content_id AND e.event_id IS NOT NULL
  AND NOT EXISTS (
    SELECT 1 FROM event_holders h
    WHERE h.app = e.app AND h.occurred_at = e.occurred_at AND h.event_key = e.event_key
      AND h.content_id IN (SELECT content_id FROM live_contents))
UNION ALL
SELECT e.event_id FROM event_holders o
JOIN access_events e ON e.app = o.app AND e.occurred_at = o.occurred_at AND e.event_key = o.event_key
WHERE o.content_id = :content_id AND e.event_id IS NOT NULL
  AND e.content_id NOT IN (SELECT content_id FROM live_contents)
  AND NOT EXISTS (
    SELECT 1 FROM event_holders h
    WHERE h.app = e.app AND h.occurred_at = e.occurred_at AND h.event_key = e.event_key
      AND h.content_id IN (SELECT content_id FROM live_contents))
"""
_CONTRADICTING_IMPORT = """
SELECT min(i.import_id) FROM imports i
WHERE i.state = 'complete' AND i.voided_at IS NULL AND i.content_id IN (
  SELECT e.content_id FROM access_events e WHERE e.event_id = :event_id
  UNION ALL
  SELECT h.content_id FROM access_events e
  JOIN event_holders h ON h.app = e.app AND h.occurred_at = e.occurred_at AND h.event_key = e.event_key
  WHERE e.event_id = :event_id)
"""


def what_counts_again(
    connection: sqlite3.Connection, content_id: int
) -> tuple[Counts, int | None, int | None, tuple[str, ...]]:
    """The counts of importing a content once more, its first and last instant, and its ignored columns.

    A content that counts already adds nothing: all its records are duplicates. A voided one is restored: what counts
    nowhere now is accepted.

    Raises:
        UnusableFileError: other content counts under the event ids of a voided content; the message names its import.
    """
    records, taken, quarantined, skipped, first_at, last_at, columns = connection.execute(
        _FIRST, (content_id,)
    ).fetchone()
    accepted = 0
    if connection.execute(_IS_LIVE, (content_id,)).fetchone() is None:
        _refuse_contradictions(connection, content_id)
        found = connection.execute(_COUNT_AGAIN, {"content_id": content_id})
        accepted = sum(1 for _ in found)
    counts = Counts(records, accepted, taken - accepted, quarantined, skipped)
    return counts, first_at, last_at, tuple(json.loads(columns))


def _refuse_contradictions(connection: sqlite3.Connection, content_id: int) -> None:
    names = [name for (name,) in connection.execute(_NAMED_EVENTS, {"content_id": content_id})]
    if not names:
        return
    keys = np.array([text_key(name) for name in names], dtype=np.int64)
    known = set(known_ids(connection, keys).tolist())
    contradicted = [name for name, key in zip(names, keys.tolist(), strict=True) if key in known]
    if contradicted:
        (other,) = connection.execute(_CONTRADICTING_IMPORT, {"event_id": contradicted[0]}).fetchone()
        raise UnusableFileError(
            f"this file holds {len(contradicted):,} events whose event_id import {other} has with other content;"
            f" void import {other} first"
        )
