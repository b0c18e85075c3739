"""The events as they are in the store, in key order, as columns: the one scan behind what is made from all of them."""

import sqlite3
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

Column: TypeAlias = npt.NDArray[np.int64]
EventIds: TypeAlias = Sequence[bytes | None]

CHUNK = 1 << 16
# The columns of numbers of an event. The first three are its key.
EVENT_NUMBERS = (
    *("app", "occurred_at", "event_key", "field_set", "subject", "resource", "endpoint"),
    *("records", "bytes", "ip", "outcome", "record_no"),
)

# One row after the other, wherever the last page ended: no snapshot is held between two pages.
EVENTS_AFTER = """
SELECT app, occurred_at, event_key, field_set, ifnull(subject, -1), ifnull(resource, -1), ifnull(endpoint, -1),
  ifnull(records, -1), ifnull(bytes, -1), ifnull(ip, -1), outcome, record_no, content_id, CAST(event_id AS BLOB)
FROM access_events
WHERE (app, occurred_at, event_key) > (?, ?, ?)
ORDER BY app, occurred_at, event_key
LIMIT ?
"""
LEAST_NUMBER = -(1 << 63)


class EventRows(NamedTuple):
    """Events in key order.

    Attributes:
        content_id: the content that owns each.
        numbers: a column for each of `EVENT_NUMBERS`; -1 for an absent value.
        event_ids: the log's own ids as UTF-8; None where it has none.
    """

    content_id: Column
    numbers: list[Column]
    event_ids: list[bytes | None]

    def by_content(self) -> Iterator[tuple[int, list[Column], list[bytes | None]]]:
        """The rows of each content, in key order: content id, numbers, event ids."""
        if not len(self.content_id):
            return
        if bool((self.content_id == self.content_id[0]).all()):
            yield int(self.content_id[0]), self.numbers, self.event_ids
            return
        order = np.argsort(self.content_id, kind="stable")
        owners, starts = np.unique(self.content_id[order], return_index=True)
        for owner, places in zip(owners.tolist(), np.split(order, starts[1:]), strict=True):
            yield owner, [column[places] for column in self.numbers], [self.event_ids[at] for at in places.tolist()]


def read_events(connection: sqlite3.Connection) -> Iterator[EventRows]:
    """Every event in key order, `CHUNK` rows at a time.

    Outside a transaction others may write between two chunks; rows of a content that counts never change.
    """
    after = (LEAST_NUMBER, LEAST_NUMBER, LEAST_NUMBER)
    while rows := connection.execute(EVENTS_AFTER, (*after, CHUNK)).fetchall():
        yield columns_of(rows)
        after = rows[-1][:3]


def columns_of(rows: Sequence[tuple[Any, ...]]) -> EventRows:
    """Rows of `EVENTS_AFTER` as columns.

    Raises:
        TypeError, ValueError, OverflowError: the store is damaged: what stands for a number is none.
    """
    table = np.array([row[:-1] for row in rows], dtype=np.int64)
    columns = [table[:, place] for place in range(len(EVENT_NUMBERS))]
    return EventRows(table[:, -1], columns, [row[-1] for row in rows])
