"""What a stretch of time holds: its figures, and between which instants there is anything at all."""

import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from store.connection import Store
from store.errors import UsageError

if TYPE_CHECKING:
    from store.columns import EventColumns, Verdicts
    from store.segments import Column
    from store.world import World


@dataclass(frozen=True, slots=True)
class RangeFigures:
    """A partner's, or everybody's, events in `[from_at, until_at)`, microseconds UTC; as-of does not clip them.

    Attributes:
        events: verdict -> how many, each verdict named.
        people, resources, partners: distinct ones over the restricted reads (improper events).
        records: summed over the restricted reads that say how many.
    """

    from_at: int
    until_at: int
    events: dict[str, int]
    people: int
    resources: int
    partners: int
    records: int


def range_figures(store: Store, partner: int | None, *, from_at: int, until_at: int) -> RangeFigures:
    """The figures of a stretch of time, of a partner (internal id) or of everybody (None).

    Raises:
        UsageError: an empty interval.
    """
    if until_at <= from_at:
        raise UsageError("the range's end must be after its beginning")
    import numpy as np

    from store.columns import distinct, how_many
    from store.judge import IMPROPER, VERDICT_NAMES
    from store.roster import owners
    from store.world import world_of

    with store.reading() as connection:
        world = world_of(store, connection)
        counts = np.zeros(len(VERDICT_NAMES), dtype=np.int64)
        people: list[Column] = [np.zeros(0, dtype=np.int64)]
        resources, apps = people[:], people[:]
        records = 0
        for columns, verdicts in _events_of(connection, world, partner):
            inside = (columns.occurred_at >= from_at) & (columns.occurred_at < until_at)
            verdict = verdicts.verdict[inside]
            counts += np.bincount(verdict, minlength=len(VERDICT_NAMES))
            read = np.flatnonzero(inside)[verdict == IMPROPER]
            for found, column in ((people, columns.subject), (resources, columns.resource), (apps, columns.app)):
                found.append(distinct(column[read]))
            said = columns.records[read]
            records += sum(said[said > 0].tolist())
        return RangeFigures(
            from_at=from_at,
            until_at=until_at,
            events=dict(zip(VERDICT_NAMES, counts.tolist(), strict=True)),
            people=how_many(np.concatenate(people)),
            resources=how_many(np.concatenate(resources)),
            partners=how_many(owners(world)[np.concatenate(apps)]),
            records=records,
        )


def _events_of(
    connection: sqlite3.Connection, world: "World", partner: int | None
) -> "Iterator[tuple[EventColumns, Verdicts]]":
    """The events of a partner, or of everybody, some at a time."""
    from store.partner_events import partner_events

    if partner is not None:
        columns, verdicts = partner_events(connection, world, partner)
        yield columns, verdicts
        return
    for columns in world.parts(connection):
        yield columns, world.judge(columns)


def first_and_last(store: Store, partner: int | None) -> tuple[int, int] | None:
    """The instants of the first and the last event of any verdict, of a partner (internal id) or of everybody (None).

    None where there is no event: to refuse, in words, a zoom beyond the data.
    """
    from store.moments import moments_of
    from store.world import world_of

    with store.reading() as connection:
        return moments_of(connection, world_of(store, connection), partner).instants.span()
