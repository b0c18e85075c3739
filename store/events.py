"""The raw events behind every number, a page at a time, each with its verdict and the rule that decided it."""

import heapq
import sqlite3
from collections.abc import Iterator
from itertools import islice
from typing import Any, NamedTuple

from store.connection import Store
from store.errors import UsageError
from store.instants import format_instant
from store.world import World, world_of

OUTCOMES = ("success", "denied", "error")


class EventRow(NamedTuple):
    """One access event as the log told it; what the log did not say is None.

    Attributes:
        occurred_at: microseconds UTC.
        rule: the deciding rule's id; None where no rule restricts it.
        after_removal: an improper or denied event after a removal of its app without a re-grant.
        import_id, file, record_no: where the original record is (counted from 1).
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


_OF_APP = """
SELECT occurred_at, app, event_key, field_set, coalesce(subject, 0), coalesce(resource, 0), coalesce(records, -1),
  outcome
FROM live_access_events
WHERE app = :app AND occurred_at >= :from_at AND occurred_at < :until_at
ORDER BY occurred_at, event_key
"""
_ONE = """
SELECT s.subject_id, s.spelling, r.resource_id, n.endpoint, i.ip, e.records, e.bytes, e.outcome, e.event_id,
  e.content_id, e.record_no
FROM access_events e
LEFT JOIN subjects s ON s.id = e.subject
LEFT JOIN resources r ON r.id = e.resource
LEFT JOIN endpoints n ON n.id = e.endpoint
LEFT JOIN addresses i ON i.id = e.ip
WHERE e.app = ? AND e.occurred_at = ? AND e.event_key = ?
"""
_FILES = "SELECT import_id, file FROM imports"
_EVER = -(2**62), 2**62
_CHUNK = 2_000


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
    from store.judge import VERDICT_NAMES

    if verdict is not None and verdict not in VERDICT_NAMES:
        raise UsageError(f"no such verdict: {verdict}; choose one of {', '.join(VERDICT_NAMES)}")
    if limit < 0:
        raise UsageError(f"the limit must not be negative: {limit}")
    with store.reading() as connection:
        world = world_of(store, connection)
        apps = sorted(world.registry.app_ids) if partner is None else world.registry.apps_of.get(partner, [])
        span = (
            _EVER[0] if from_at is None else from_at,
            _EVER[1] if until_at is None else until_at,
        )
        found: list[EventRow] = []
        describe = _Describer(connection, world)
        merged = heapq.merge(*(_of_app(connection, app, span) for app in apps))
        while len(found) < limit:
            chunk = list(islice(merged, _CHUNK))
            if not chunk:
                break
            found.extend(row for row in describe.rows(chunk) if verdict in (None, row.verdict))
        return found[:limit]


def _of_app(connection: sqlite3.Connection, app: int, span: tuple[int, int]) -> Iterator[tuple[int, ...]]:
    cursor = connection.execute(_OF_APP, {"app": app, "from_at": span[0], "until_at": span[1]})
    yield from cursor


class _Describer:
    """Turns rows of integers into what a person reads."""

    def __init__(self, connection: sqlite3.Connection, world: World) -> None:
        from store.names import partner_names

        self._connection = connection
        self._world = world
        self._names = partner_names(connection)
        self._files = dict(connection.execute(_FILES).fetchall())

    def rows(self, chunk: list[tuple[int, ...]]) -> list[EventRow]:
        """The events of a chunk, in its order, judged together."""
        import numpy as np

        from store.judge import DENIED, IMPROPER, VERDICT_NAMES

        table = np.array(chunk, dtype=np.int64)
        # Facts are found by app: judge in the order of apps, answer in the order of time.
        order = np.argsort(table[:, 1], kind="stable")
        columns = self._world.columns_of(self._connection, table[order][:, (1, 0, 3, 4, 5, 6, 7)])
        judged = self._world.judge(columns)
        answers: list[EventRow | None] = [None] * len(chunk)
        for place, original in enumerate(order.tolist()):
            verdict, rule = int(judged.verdict[place]), int(judged.rule[place])
            answers[original] = self._row(
                chunk[original],
                VERDICT_NAMES[verdict],
                None if rule < 0 else self._world.rulebook.rules[rule].rule_id,
                verdict in (IMPROPER, DENIED) and bool(columns.after[place]),
            )
        return [row for row in answers if row is not None]

    def _row(self, event: tuple[int, ...], verdict: str, rule: str | None, after_removal: bool) -> EventRow:
        occurred_at, app, event_key, field_set = event[:4]
        told: tuple[Any, ...] = self._connection.execute(_ONE, (app, occurred_at, event_key)).fetchone()
        subject, spelling, resource, endpoint, ip, records, size, outcome, event_id, content_id, record_no = told
        return EventRow(
            occurred_at=occurred_at,
            app_id=self._world.registry.app_ids[app],
            app_name=self._world.label(app),
            partner_id=self._names[self._world.registry.partner_of[app]].partner_id,
            verdict=verdict,
            rule=rule,
            after_removal=after_removal,
            data_classes=self._world.classes_of[field_set],
            subject_id=spelling or subject,
            resource_id=resource,
            endpoint=endpoint,
            records=records,
            bytes=size,
            ip=ip,
            outcome=OUTCOMES[outcome],
            event_id=event_id,
            import_id=content_id,
            file=self._files[content_id],
            record_no=record_no,
        )


def event_document(row: EventRow) -> dict[str, object]:
    """One event as `python -m store events --json` prints it."""
    return {
        **row._asdict(),
        "occurred_at": format_instant(row.occurred_at),
        "data_classes": list(row.data_classes),
    }
