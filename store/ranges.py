"""What a stretch of time holds: its figures, and between which instants there is anything at all."""

import sqlite3
from dataclasses import dataclass
from typing import TYPE_CHECKING

from store.connection import Store
from store.errors import UsageError

if TYPE_CHECKING:
    from store.columns import EventColumns, Verdicts
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

    from store.columns import distinct
    from store.judge import IMPROPER, VERDICT_NAMES
    from store.world import world_of

    with store.reading() as connection:
        world = world_of(store, connection)
        columns, verdicts = _events_of(connection, world, partner)
        inside = (columns.occurred_at >= from_at) & (columns.occurred_at < until_at)
        verdict = verdicts.verdict[inside]
        counts = np.bincount(verdict, minlength=len(VERDICT_NAMES)).tolist()
        read = np.flatnonzero(inside)[verdict == IMPROPER]
        records = columns.records[read]
        partner_of = world.registry.partner_of
        return RangeFigures(
            from_at=from_at,
            until_at=until_at,
            events=dict(zip(VERDICT_NAMES, counts, strict=True)),
            people=int(np.count_nonzero(distinct(columns.subject[read]))),
            resources=int(np.count_nonzero(distinct(columns.resource[read]))),
            partners=len({partner_of[app] for app in distinct(columns.app[read]).tolist()}),
            records=sum(records[records > 0].tolist()),
        )


def _events_of(connection: sqlite3.Connection, world: "World", partner: int | None) -> "tuple[EventColumns, Verdicts]":
    """The events of a partner, or of everybody."""
    from store.partner_events import partner_events

    if partner is None:
        return world.columns(connection), world.verdicts(connection)
    return partner_events(connection, world, partner)


def first_and_last(store: Store, partner: int | None) -> tuple[int, int] | None:
    """The instants of the first and the last event of any verdict, of a partner (internal id) or of everybody (None).

    None where there is no event: to refuse, in words, a zoom beyond the data.
    """
    from store.moments import moments_of
    from store.world import world_of

    with store.reading() as connection:
        return moments_of(connection, world_of(store, connection), partner).instants.span()
