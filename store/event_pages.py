"""Any page of any selection of events, in order of time, with the exact count of all; and the way to a place in it."""

from typing import NamedTuple

from store.connection import Store
from store.errors import UsageError
from store.event_filters import EventFilters
from store.event_selection import EventQuestion
from store.events import EventKey, EventRow
from store.stopping import NEVER, Stop

__all__ = ["EventFilters", "EventPage", "EventQuestion", "event_page", "next_event", "place_at", "place_of_event"]

# Rows described at a time, so that a long answer can be taken back.
_AT_ONCE = 2_000


class EventPage(NamedTuple):
    """Rows from a place on, counted from 0, of `total` events in order of time, then app, import and key."""

    first: int
    total: int
    rows: tuple[EventRow, ...]


def event_page(store: Store, question: EventQuestion, *, first: int, limit: int, stop: Stop = NEVER) -> EventPage:
    """The events at the places `[first, first + limit)` of a selection; a place beyond its end has none.

    Args:
        first: counted from 0.
        stop: takes the question back.

    Raises:
        UsageError: a place or a limit below zero.
        StoppedError: the question was taken back.
    """
    if limit < 0:
        raise UsageError(f"the limit must not be negative: {limit}")
    if first < 0:
        raise UsageError(f"the offset must not be negative: {first}")
    from store.event_index import index_of
    from store.event_selection import selected
    from store.events import rows_at
    from store.world import world_of

    with store.reading() as connection:
        world = world_of(store, connection)
        order = selected(connection, world, question, stop)
        index = index_of(connection, world)
        rows: list[EventRow] = []
        end = min(first + limit, order.count)
        for place in range(first, end, _AT_ONCE):
            stop.check()
            times, positions = order.between(place, min(place + _AT_ONCE, end))
            rows += rows_at(connection, world, index, positions, times)
        return EventPage(first, order.count, tuple(rows))


def place_at(store: Store, question: EventQuestion, at: int, *, stop: Stop = NEVER) -> int:
    """How many events of a selection lie before an instant, microseconds UTC: the place of the first one from it on."""
    from store.event_selection import selected
    from store.world import world_of

    with store.reading() as connection:
        return selected(connection, world_of(store, connection), question, stop).place_of(at)


def place_of_event(store: Store, question: EventQuestion, key: EventKey, *, stop: Stop = NEVER) -> int | None:
    """The place of an event in a selection; None where it is not in it."""
    from store.event_index import index_of
    from store.event_selection import selected
    from store.events import rows_at
    from store.world import world_of

    with store.reading() as connection:
        world = world_of(store, connection)
        order, index = selected(connection, world, question, stop), index_of(connection, world)
        first, end = order.place_of(key.occurred_at), order.place_of(key.occurred_at + 1)
        times, positions = order.between(first, end)
        same_app = (index.app_at(positions) == key.app).nonzero()[0]
        for row, place in zip(
            rows_at(connection, world, index, positions[same_app], times[same_app]), same_app.tolist(), strict=True
        ):
            if row.key == key:
                return first + int(place)
    return None


def next_event(
    store: Store,
    question: EventQuestion,
    place: int,
    *,
    verdicts: tuple[str, ...] = ("improper",),
    forward: bool = True,
    stop: Stop = NEVER,
) -> int | None:
    """The next place after this one, or the last one before it, whose event has one of these verdicts; None: none."""
    import numpy as np

    from store.event_columns import verdicts_at
    from store.event_selection import selected
    from store.judge import VERDICT_NAMES
    from store.world import world_of

    wanted = [VERDICT_NAMES.index(name) for name in verdicts]
    with store.reading() as connection:
        world = world_of(store, connection)
        order = selected(connection, world, question, stop)
        for begin, positions in order.pieces(place + 1 if forward else place, forward=forward):
            stop.check()
            found = np.flatnonzero(np.isin(verdicts_at(connection, world, positions, stop), wanted))
            if len(found):
                return begin + int(found[0 if forward else -1])
    return None
