"""When it happened: counts per bin, what else happened, what could be read, and what is not logged."""

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from store.connection import Store
from store.coverage import Gap, SourceCoverage, clipped, day_ranges, gaps_of, sources_within
from store.errors import UsageError
from store.instants import MICROSECONDS_PER_DAY
from store.kept import is_stale
from store.markers import Marker, markers_of
from store.names import partner_name
from store.parameters import Parameters, resolve
from store.ranges import RangeFigures, first_and_last, range_figures
from store.registry import merge
from store.remembered import Remembered
from store.rulebook import rulebook_in
from store.timeline_document import VERDICTS, timeline_document
from store.weeks import Week, weeks_of_all

if TYPE_CHECKING:
    from store.moments import Counter
    from store.world import World

__all__ = [
    "MOST_BINS",
    "VERDICTS",
    "Band",
    "Bin",
    "Gap",
    "Marker",
    "RangeFigures",
    "SourceCoverage",
    "Timeline",
    "Week",
    "bands",
    "first_and_last",
    "markers",
    "range_figures",
    "timeline",
    "timeline_document",
    "weeks_of_all",
    "whole_span",
]

MOST_BINS = 100_000


class Bin(NamedTuple):
    """Events in `[from_at, until_at)`, microseconds UTC, by verdict."""

    from_at: int
    until_at: int
    improper: int
    allowed: int
    allowed_by_opt_in: int
    allowed_by_exemption: int
    denied: int
    undetermined: int


@dataclass(frozen=True, slots=True)
class Timeline:
    """A partner's, or everybody's, time from `from_at` to `until_at` (exclusive), microseconds UTC.

    Everything in it is clipped to that window; intervals are half-open, disjoint and ascending.

    Attributes:
        bins: exactly as many as asked for; bin i begins at `from + i*(until-from)//N`. As-of does not clip them.
        markers: oldest first; see `store.markers.markers_of` for which are told where there are very many.
        gaps: oldest first: what each source does not cover.
        could_read: when a grant opened restricted data and no exemption covered it.
        rules: when any rule is in force: what was read outside of them was read before the rule, or after its end.
        coverage: of every source, or the one that events infer.
        markers_left_out: how many markers of the window are not in `markers`.
    """

    from_at: int
    until_at: int
    bins: tuple[Bin, ...]
    markers: tuple[Marker, ...]
    gaps: tuple[Gap, ...]
    could_read: tuple[tuple[int, int], ...]
    rules: tuple[tuple[int, int], ...] = ()
    coverage: tuple[SourceCoverage, ...] = ()
    markers_left_out: int = 0


class Band(NamedTuple):
    """One partner's row under an axis that it shares with others: its bins and its markers, as in `Timeline`."""

    partner: int
    name: str
    bins: tuple[Bin, ...]
    markers: tuple[Marker, ...]
    markers_left_out: int = 0


def timeline(store: Store, partner: int | None, *, from_at: int, until_at: int, bins: int) -> Timeline:
    """The timeline of a partner (its internal id), or of all partners together (None).

    Raises:
        UsageError: an empty interval, or a number of bins outside 1 to `MOST_BINS`.
    """
    edges = _edges(from_at, until_at, bins)
    from store.world import world_of

    with store.reading() as connection:
        world = world_of(store, connection)
        sources = sources_within(world.registry, _days_with_events(connection, world), from_at, until_at)
        told, left_out = markers_of(connection, world, partner, from_at, until_at)
        return Timeline(
            from_at=from_at,
            until_at=until_at,
            bins=_bins(connection, world, partner, edges),
            markers=told,
            gaps=gaps_of(sources, from_at, until_at),
            could_read=clipped(world.held(partner), from_at, until_at),
            rules=clipped(_rules_in_force(world), from_at, until_at),
            coverage=sources,
            markers_left_out=left_out,
        )


def markers(store: Store, partner: int | None, *, from_at: int, until_at: int) -> tuple[tuple[Marker, ...], int]:
    """The markers of a timeline in `[from_at, until_at)`, microseconds UTC, and how many more there are."""
    from store.world import world_of

    with store.reading() as connection:
        return markers_of(connection, world_of(store, connection), partner, from_at, until_at)


def bands(store: Store, partners: Sequence[int], *, from_at: int, until_at: int, bins: int) -> tuple[Band, ...]:
    """These partners (internal ids) under one axis, in the order given; bins as in `timeline`.

    Raises:
        UsageError: an unknown partner, an empty interval, or a number of bins outside 1 to `MOST_BINS`.
    """
    edges = _edges(from_at, until_at, bins)
    from store.world import world_of

    with store.reading() as connection:
        world = world_of(store, connection)
        return tuple(
            Band(
                partner,
                partner_name(connection, partner).name,
                _bins(connection, world, partner, edges),
                *markers_of(connection, world, partner, from_at, until_at),
            )
            for partner in partners
        )


def _edges(from_at: int, until_at: int, bins: int) -> list[int]:
    """Where the bins begin, and where the last one ends.

    Raises:
        UsageError: an empty interval, or a number of bins outside 1 to `MOST_BINS`.
    """
    if until_at <= from_at:
        raise UsageError("the timeline's end must be after its beginning")
    if not 1 <= bins <= MOST_BINS:
        raise UsageError(f"the number of bins must be from 1 to {MOST_BINS}, not {bins}")
    return [from_at + place * (until_at - from_at) // bins for place in range(bins + 1)]


def _bins(connection: sqlite3.Connection, world: "World", partner: int | None, edges: list[int]) -> tuple[Bin, ...]:
    counts = _counter(connection, world, partner, edges).between(edges)
    return tuple(Bin(start, end, *row) for start, end, row in zip(edges[:-1], edges[1:], counts.tolist(), strict=True))


def _counter(connection: sqlite3.Connection, world: "World", partner: int | None, edges: list[int]) -> "Counter":
    """What counts these bins: everybody's whole days are known without their events."""
    from store.moments import days_of_all, moments_of

    whole_days = all(edge % MICROSECONDS_PER_DAY == 0 for edge in edges)
    if partner is None and whole_days and not is_stale(connection):
        return days_of_all(connection, world)
    return moments_of(connection, world, partner)


def _rules_in_force(world: "World") -> list[tuple[int, int]]:
    from store.reach import FOREVER

    rules = world.rulebook.rules
    return merge([(rule.from_at, FOREVER if rule.until_at is None else rule.until_at) for rule in rules])


_EVENT_DAYS = "SELECT DISTINCT day FROM daily ORDER BY day"
_DAYS: Remembered[list[tuple[int, int]]] = Remembered()


def _days_with_events(connection: sqlite3.Connection, world: "World") -> list[tuple[int, int]]:
    """The UTC days on which anything happened, as intervals; none where coverage was imported and nobody asks."""
    if world.registry.coverage:
        return []
    return _DAYS.get(world, None, lambda: day_ranges(_event_days(connection, world)))


def _event_days(connection: sqlite3.Connection, world: "World") -> list[int]:
    if not is_stale(connection):
        return [day for (day,) in connection.execute(_EVENT_DAYS)]
    from store.moments import moments_of

    return moments_of(connection, world, None).instants.days()


_SPAN = "SELECT min(day), max(day) FROM daily"


def whole_span(store: Store, partner: int | None) -> tuple[int, int]:
    """Whole UTC days `[from, until)` that hold every event, the cut-off and the as-of: what `0` shows.

    It is the same for every partner, so that moving through the list compares like with like.
    """
    del partner
    with store.reading() as connection:
        view = resolve(rulebook_in(connection), Parameters())
        days = [view.as_of // MICROSECONDS_PER_DAY - 1, (view.as_of - 1) // MICROSECONDS_PER_DAY]
        if is_stale(connection):
            from store.world import world_of

            days += _event_days(connection, world_of(store, connection))
        else:
            days += [day for day in connection.execute(_SPAN).fetchone() if day is not None]
    if view.cutoff is not None:
        days.append(view.cutoff // MICROSECONDS_PER_DAY)
    return min(days) * MICROSECONDS_PER_DAY, (max(days) + 1) * MICROSECONDS_PER_DAY
