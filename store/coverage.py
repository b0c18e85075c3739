"""Which days the logs are known to be complete for, and which are only inferred (DOMAIN, Coverage)."""

from collections.abc import Iterable
from dataclasses import dataclass

from store.instants import MICROSECONDS_PER_DAY, format_day
from store.registry import Registry, subtract


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
