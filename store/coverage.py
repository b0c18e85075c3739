"""Which days the logs are known to be complete for, and which are only inferred (DOMAIN, Coverage)."""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from store.instants import MICROSECONDS_PER_DAY, format_day
from store.registry import Registry, subtract

IMPORTED, INFERRED = "imported", "inferred"


class Gap(NamedTuple):
    """An interval `[from_at, until_at)` that a source does not cover (`inferred`: no source was imported)."""

    from_at: int
    until_at: int
    source: str


class SourceCoverage(NamedTuple):
    """When one source of logs is complete, microseconds UTC.

    Attributes:
        basis: `imported`: the source is known to be complete then. `inferred`: no source was ever imported, and
            these are the whole UTC days with events of anybody; the source is then called `inferred` too.
        intervals: disjoint, half-open, ascending.
    """

    source: str
    basis: str
    intervals: tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True)
class Coverage:
    """How much of `[from_at, until_at)` is logged.

    Attributes:
        days: UTC days that the range touches; `covered_days` of them are covered.
        basis: `imported` where coverage intervals are known, else `inferred` from the days with events.
        uncovered: the other days, counted from 1970-01-01, ascending.
        missing: source -> its uncovered days, where intervals are known.
    """

    days: int
    covered_days: int
    basis: str
    uncovered: tuple[int, ...]
    missing: dict[str, int]

    @property
    def is_complete(self) -> bool:
        """Whether intervals were imported and cover the whole range."""
        return self.basis == "imported" and self.covered_days == self.days


def coverage(registry: Registry, event_days: Iterable[int], from_at: int, until_at: int) -> Coverage:
    """The coverage of `[from_at, until_at)`, microseconds UTC; an empty range touches no day.

    Args:
        event_days: the days any event happened on, for want of imported intervals.
    """
    first, last = from_at // MICROSECONDS_PER_DAY, (until_at - 1) // MICROSECONDS_PER_DAY
    days = range(first, last + 1) if from_at < until_at else range(0)
    if not registry.coverage:
        seen = set(event_days)
        uncovered = [day for day in days if day not in seen]
        return Coverage(len(days), len(days) - len(uncovered), "inferred", tuple(uncovered), {})
    missing: dict[str, int] = {}
    lacking: set[int] = set()
    for source in registry.coverage:
        its = {
            day
            for start, end in gaps(registry, source, from_at, until_at)
            for day in range(start // MICROSECONDS_PER_DAY, (end - 1) // MICROSECONDS_PER_DAY + 1)
        }
        if its:
            missing[source] = len(its)
        lacking |= its
    return Coverage(len(days), len(days) - len(lacking), "imported", tuple(sorted(lacking)), missing)


def sources_within(
    registry: Registry, days_with_events: list[tuple[int, int]], from_at: int, until_at: int
) -> tuple[SourceCoverage, ...]:
    """The coverage of every source, clipped to `[from_at, until_at)`; without any, the one that events infer.

    Args:
        days_with_events: as `day_ranges` makes them of the days with an event of anybody.
    """
    if not registry.coverage:
        return (SourceCoverage(INFERRED, INFERRED, clipped(days_with_events, from_at, until_at)),)
    return tuple(
        SourceCoverage(source, IMPORTED, clipped(intervals, from_at, until_at))
        for source, intervals in sorted(registry.coverage.items())
    )


def gaps_of(sources: Iterable[SourceCoverage], from_at: int, until_at: int) -> tuple[Gap, ...]:
    """What each source leaves uncovered of `[from_at, until_at)`, ascending: silence there says nothing."""
    return tuple(
        sorted(
            Gap(start, end, each.source)
            for each in sources
            for start, end in subtract((from_at, until_at), list(each.intervals))
        )
    )


def clipped(intervals: Sequence[tuple[int, int]], from_at: int, until_at: int) -> tuple[tuple[int, int], ...]:
    """The parts in `[from_at, until_at)` of disjoint ascending intervals, however many lie outside."""
    first = bisect_right(intervals, from_at, key=lambda interval: interval[1])
    last = bisect_left(intervals, until_at, key=lambda interval: interval[0])
    return tuple((max(start, from_at), min(end, until_at)) for start, end in intervals[first:last])


def intersected(one: Sequence[tuple[int, int]], other: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """What two lists of disjoint ascending intervals have in common."""
    return [common for start, end in one for common in clipped(other, start, end)]


def logged_by_all(sources: Sequence[SourceCoverage], from_at: int, until_at: int) -> list[tuple[int, int]]:
    """The parts of `[from_at, until_at)` that every source covers, ascending."""
    logged = [(from_at, until_at)] if from_at < until_at else []
    for each in sources:
        logged = intersected(logged, each.intervals)
    return logged


def gaps(registry: Registry, source: str, from_at: int, until_at: int) -> list[tuple[int, int]]:
    """The parts of `[from_at, until_at)` that a source does not cover, ascending."""
    return subtract((from_at, until_at), registry.coverage[source])


def day_ranges(days: Iterable[int]) -> list[tuple[int, int]]:
    """Ascending days as half-open intervals of microseconds UTC, neighbours joined."""
    ranges: list[tuple[int, int]] = []
    for day in days:
        start = day * MICROSECONDS_PER_DAY
        if ranges and ranges[-1][1] == start:
            ranges[-1] = (ranges[-1][0], start + MICROSECONDS_PER_DAY)
        else:
            ranges.append((start, start + MICROSECONDS_PER_DAY))
    return ranges


def describe_days(days: Iterable[int], *, most: int = 3) -> str:
    """Ascending days in words: `2018-11-03..2018-11-13, 2019-02-01 and 4 more stretches`."""
    texts = []
    for start, end in day_ranges(days):
        first, last = format_day(start), format_day(end - 1)
        texts.append(first if first == last else f"{first}..{last}")
    if len(texts) > most:
        texts = [*texts[:most], f"and {len(texts) - most} more stretches"]
    return ", ".join(texts)
