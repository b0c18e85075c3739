"""The raw events behind every number, each with its verdict and the rule that decided it.

Pages of any selection are in `store.event_pages`, why an event has its verdict in `store.why`.
"""

import sqlite3
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from store.connection import Store
from store.errors import UnusableFileError, UsageError
from store.instants import format_instant
from store.remembered import Remembered

if TYPE_CHECKING:
    from store.columns import EventColumns
    from store.event_index import EventIndex
    from store.segments import Column
    from store.world import World

OUTCOMES = ("success", "denied", "error")


class EventKey(NamedTuple):
    """The event's primary key in the store; `app` is an internal id, `occurred_at` microseconds UTC."""

    app: int
    occurred_at: int
    event_key: int


class EventRow(NamedTuple):
    """One access event as the log told it; what the log did not say is None.

    Attributes:
        occurred_at: microseconds UTC.
        rule: the deciding rule's id; None where no rule restricts it.
        after_removal: an improper or denied event after a removal of its app without a re-grant.
        import_id, file, record_no: where the original record is (counted from 1).
        key: what names the event inside this store.
    """

    occurred_at: int
    app_id: str
    app_name: str
    partner_id: str
    verdict: str
    rule: str | None
    after_removal: bool
    data_classes: tuple[str, ...]
    subject_id: str | None
    resource_id: str | None
    endpoint: str | None
    records: int | None
    bytes: int | None
    ip: str | None
    outcome: str
    event_id: str | None
    import_id: int
    file: str
    record_no: int
    key: EventKey


_COLUMNS = """
SELECT e.app, e.occurred_at, e.event_key, e.field_set, coalesce(e.subject, 0), coalesce(e.resource, 0),
  coalesce(e.records, -1), e.outcome, e.content_id, e.record_no, s.subject_id, s.spelling, r.resource_id, n.endpoint,
  i.ip, e.records, e.bytes, e.event_id, m.file,
  coalesce(e.endpoint, 0)
FROM {table} e
LEFT JOIN subjects s ON s.id = e.subject
LEFT JOIN resources r ON r.id = e.resource
LEFT JOIN endpoints n ON n.id = e.endpoint
LEFT JOIN addresses i ON i.id = e.ip
LEFT JOIN imports m ON m.import_id = e.content_id
WHERE e.app = ? AND e.occurred_at = ? {rest}
ORDER BY e.event_key
"""
_OF_CONTENT = "AND e.content_id = ?"
_IN_LIVE = _COLUMNS.format(table="access_events", rest=_OF_CONTENT) + "LIMIT ? OFFSET ?"
# Of a content that does not count itself, what a live one holds too.
_HELD_ELSEWHERE = _COLUMNS.format(table="live_access_events", rest=_OF_CONTENT) + "LIMIT ? OFFSET ?"
_OF_KEY = _COLUMNS.format(table="access_events", rest="AND e.event_key = ?")

Read = tuple[Any, ...]
# Where in a row as it is read its endpoint's internal id stands; 0 for none.
ENDPOINT = 19
_PARTNER_IDS: Remembered[dict[int, str]] = Remembered()


def events(
    store: Store,
    partner: int | None = None,
    *,
    from_at: int | None = None,
    until_at: int | None = None,
    verdict: str | None = None,
    limit: int = 100,
) -> list[EventRow]:
    """Events in `[from_at, until_at)`, microseconds UTC, oldest first; every bound is optional.

    Args:
        partner: internal id; None: everybody's.
        verdict: only events of this verdict.
        limit: at most this many.

    Raises:
        UsageError: no such verdict, or a limit below zero.
    """
    from store.event_filters import EventFilters
    from store.event_pages import event_page
    from store.event_selection import EventQuestion
    from store.judge import VERDICT_NAMES

    if verdict is not None and verdict not in VERDICT_NAMES:
        raise UsageError(f"no such verdict: {verdict}; choose one of {', '.join(VERDICT_NAMES)}")
    filters = EventFilters(verdicts=() if verdict is None else (verdict,))
    return list(event_page(store, EventQuestion(partner, from_at, until_at, filters), first=0, limit=limit).rows)


def rows_at(
    connection: sqlite3.Connection, world: "World", index: "EventIndex", positions: "Column", times: "Column"
) -> list[EventRow]:
    """The events at these positions, in their order, judged.

    Args:
        times: the instant at each position, microseconds UTC.
    """
    return described(connection, world, read_at(connection, index, positions, times)) if len(positions) else []


def read_at(connection: sqlite3.Connection, index: "EventIndex", positions: "Column", times: "Column") -> list[Read]:
    """The same, as they are read."""
    apps, contents = index.app_at(positions).tolist(), index.content_at(positions).tolist()
    owners = list(zip(apps, times.tolist(), contents, strict=True))
    read: list[Read] = []
    place = 0
    while place < len(owners):
        end = place + 1
        while end < len(owners) and owners[end] == owners[place]:
            end += 1
        read += _read_equals(connection, index, owners[place], positions[place:end])
        place = end
    return read


def _read_equals(
    connection: sqlite3.Connection, index: "EventIndex", owner: tuple[int, int, int], positions: "Column"
) -> list[Read]:
    """The events at these positions, all of one app, instant and content."""
    question = _IN_LIVE if owner[2] in index.live else _HELD_ELSEWHERE
    found = connection.execute(question, (*owner, len(positions) + 1, 0)).fetchall()
    if len(found) > len(positions):
        # There are others like them: their ordinals tell which they are.
        ordinals = index.ordinals(connection, positions, owner[1])
        first = ordinals[0]
        found = connection.execute(question, (*owner, ordinals[-1] + 1 - first, first)).fetchall()
        found = [found[ordinal - first] for ordinal in ordinals if ordinal - first < len(found)]
    if len(found) != len(positions):
        raise UnusableFileError(
            "the packed copy of the events does not fit the events: see `python -m store verify`; `rebuild` mends it"
        )
    return found


def event_of_key(connection: sqlite3.Connection, world: "World", key: EventKey) -> EventRow | None:
    """The event of a key, whether it counts or not; None where there is none."""
    found = connection.execute(_OF_KEY, key).fetchall()
    return described(connection, world, found)[0] if found else None


def columns_of_read(
    connection: sqlite3.Connection, world: "World", read: Sequence[Read]
) -> "tuple[EventColumns, list[int]]":
    """The columns of rows as they were read, by app, and for each row its place in them."""
    import numpy as np

    table = np.array([(row[0], row[1], *row[3:8]) for row in read], dtype=np.int64)
    # Facts are found by app.
    order = np.argsort(table[:, 0], kind="stable")
    return world.columns_of(connection, table[order]), np.argsort(order, kind="stable").tolist()


def described(connection: sqlite3.Connection, world: "World", read: Sequence[Read]) -> list[EventRow]:
    """Rows as they were read, in any order, as what a person reads; judged together."""
    from store.judge import DENIED, IMPROPER, VERDICT_NAMES
    from store.names import partner_id_of

    columns, ranks = columns_of_read(connection, world, read)
    judged = world.judge(columns)
    verdicts, rules, after = judged.verdict.tolist(), judged.rule.tolist(), columns.after.tolist()
    partner_ids = _PARTNER_IDS.get(world, None, dict)
    rows = []
    for row, rank in zip(read, ranks, strict=True):
        verdict, rule = verdicts[rank], rules[rank]
        app = row[0]
        partner = world.registry.partner_of[app]
        if partner not in partner_ids:
            partner_ids[partner] = partner_id_of(connection, partner)
        rows.append(
            EventRow(
                occurred_at=row[1],
                app_id=world.registry.app_ids[app],
                app_name=world.label(app),
                partner_id=partner_ids[partner],
                verdict=VERDICT_NAMES[verdict],
                rule=None if rule < 0 else world.rulebook.rules[rule].rule_id,
                after_removal=verdict in (IMPROPER, DENIED) and after[rank],
                data_classes=world.classes_of[row[3]],
                subject_id=row[11] or row[10],
                resource_id=row[12],
                endpoint=row[13],
                records=row[15],
                bytes=row[16],
                ip=row[14],
                outcome=OUTCOMES[row[7]],
                event_id=row[17],
                import_id=row[8],
                file=row[18],
                record_no=row[9],
                key=EventKey(*row[:3]),
            )
        )
    return rows


def event_document(row: EventRow) -> dict[str, object]:
    """One event as `python -m store events --json` prints it."""
    told = row._asdict()
    del told["key"]
    return {**told, "occurred_at": format_instant(row.occurred_at), "data_classes": list(row.data_classes)}
