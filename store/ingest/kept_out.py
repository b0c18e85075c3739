"""Records that were quarantined because other content counted under their event id, once that content is voided.

Bytes that hold such records are read again when they are imported again; otherwise those records could never come in.
"""

import sqlite3
from collections.abc import Iterable

import numpy as np

from store.ingest.keys import text_key
from store.known_ids import known_ids

_BEFORE, _AFTER = "event_id ", " is known with different content"

_CONFLICTS = """
SELECT reason FROM quarantine
WHERE content_id = ? AND resolved_at IS NULL AND kind = 'access_events'
  AND substr(reason, 1, 9) = 'event_id ' AND substr(reason, -32) = ' is known with different content'
"""
_SETTLE = """
UPDATE quarantine SET resolved_at = ?, resolved_by = ?, resolution = ?
WHERE content_id = ? AND resolved_at IS NULL AND kind = 'access_events'
  AND substr(reason, 1, 9) = 'event_id ' AND substr(reason, -32) = ' is known with different content'
RETURNING quarantine_id
"""


def conflict_reason(event_id: str | None) -> str:
    """Why a record is quarantined whose event id has other content."""
    return f"{_BEFORE}{event_id}{_AFTER}"


def may_come_in(connection: sqlite3.Connection, content_id: int) -> bool:
    """Whether a content has such a record whose event id nothing that counts bears now."""
    reasons = [reason for (reason,) in connection.execute(_CONFLICTS, (content_id,))]
    if not reasons:
        return False
    keys = np.array([text_key(reason[len(_BEFORE) : -len(_AFTER)]) for reason in reasons], dtype=np.int64)
    return len(known_ids(connection, keys)) < len(np.unique(keys))


def settle(
    connection: sqlite3.Connection, content_ids: Iterable[int], *, import_id: int, actor: str, at: int
) -> list[int]:
    """Settle such records of contents whose bytes an import has just read again; the quarantine ids of those settled.

    Args:
        actor: who imported. `at`: microseconds UTC.
    """
    said = settled_by(import_id)
    settled = [
        quarantine_id
        for content_id in content_ids
        for (quarantine_id,) in connection.execute(_SETTLE, (at, actor, said, content_id)).fetchall()
    ]
    return sorted(settled)


def settled_by(import_id: int) -> str:
    """The resolution of a record that an import has read again."""
    return f"read again by import {import_id}"
