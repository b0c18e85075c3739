"""Which event ids the store knows: what the loader finds duplicates and contradictions by.

The packed copy keeps a mark of each event's id, 28 bits of its key. Where a mark fits, the event's own row decides.
"""

import sqlite3

import numpy as np
import numpy.typing as npt

from store.columns import COUNTED_SEGMENTS
from store.ingest.keys import text_key
from store.packing import Column
from store.segments import id_mark, read_column

# A mark is looked up in a table of flags first, by so many of its lower bits; most of those that do not fit end there.
_LEAST_BITS, _MOST_BITS = 16, 26
_SPARSE = 5

_LIVE = "SELECT content_id FROM live_contents"
_IDS_OF_LIVE = """
SELECT event_id FROM access_events
WHERE app = ? AND occurred_at = ? AND content_id = ? AND event_id IS NOT NULL
"""
_IDS_HELD_ELSEWHERE = """
SELECT e.event_id FROM access_events e
WHERE e.app = ? AND e.occurred_at = ? AND e.content_id = ? AND e.event_id IS NOT NULL AND EXISTS (
    SELECT 1 FROM event_holders h
    WHERE h.app = e.app AND h.occurred_at = e.occurred_at AND h.event_key = e.event_key
      AND h.content_id IN (SELECT content_id FROM live_contents))
"""


def known_ids(connection: sqlite3.Connection, id_keys: Column) -> Column:
    """Which of these id keys an event that counts has, whatever its app and time; sorted, each once.

    The loader looks at those few one by one: the same content is a duplicate, other content a conflict.
    """
    wanted = np.unique(id_keys[id_keys != 0])
    if not len(wanted):
        return wanted
    marks = _Marks(id_mark(wanted))
    live = {content_id for (content_id,) in connection.execute(_LIVE)}
    found = np.zeros(len(wanted), dtype=bool)
    for content_id, segment in connection.execute(COUNTED_SEGMENTS).fetchall():
        places = marks.places(id_mark(read_column(connection, content_id, segment, "id_key")))
        if not len(places):
            continue
        app = read_column(connection, content_id, segment, "app")[places]
        at = read_column(connection, content_id, segment, "occurred_at")[places]
        question = _IDS_OF_LIVE if content_id in live else _IDS_HELD_ELSEWHERE
        keys = [
            text_key(event_id)
            for instant in sorted(set(zip(app.tolist(), at.tolist(), strict=True)))
            for (event_id,) in connection.execute(question, (*instant, content_id))
        ]
        found |= _is_among(wanted, np.array(keys, dtype=np.int64))
    return wanted[found]


def _is_among(wanted: Column, keys: Column) -> npt.NDArray[np.bool_]:
    """Which of the wanted keys, sorted, are among these."""
    found = np.zeros(len(wanted), dtype=bool)
    places = np.minimum(np.searchsorted(wanted, keys), len(wanted) - 1)
    found[places[wanted[places] == keys]] = True
    return found


class _Marks:
    """A set of marks."""

    def __init__(self, marks: Column) -> None:
        self._marks = np.unique(marks)
        bits = min(max(len(self._marks).bit_length() + _SPARSE, _LEAST_BITS), _MOST_BITS)
        self._mask = (1 << bits) - 1
        self._flags = np.zeros(1 << bits, dtype=bool)
        self._flags[self._marks & self._mask] = True

    def places(self, marks: Column) -> Column:
        """Where in these the members of the set are."""
        places = np.flatnonzero(self._flags[marks & self._mask])
        maybe = marks[places]
        members = np.minimum(np.searchsorted(self._marks, maybe), len(self._marks) - 1)
        found: Column = places[self._marks[members] == maybe]
        return found
