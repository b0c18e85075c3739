"""Events as moments in order of time, each with its verdict: counted between any instants without reading them all."""

import sqlite3
from typing import TYPE_CHECKING, Protocol

import numpy as np
import numpy.typing as npt

from store.instants import MICROSECONDS_PER_DAY
from store.judge import VERDICT_NAMES
from store.remembered import Remembered
from store.segments import Column

if TYPE_CHECKING:
    from store.world import World

# In the order of `store.timeline.Bin`.
BIN_ORDER = ("improper", "allowed", "allowed_by_opt_in", "allowed_by_exemption", "denied", "undetermined")
_PLACES = np.array([VERDICT_NAMES.index(name) for name in BIN_ORDER])
_KINDS = len(VERDICT_NAMES)
# Running totals are noted every so many events.
_STRIDE = 1 << 10
_FEW = 1 << 17

Codes = npt.NDArray[np.int8]


class Counter(Protocol):
    """What can count events between instants."""

    def between(self, edges: list[int]) -> Column:
        """A row for each pair of neighbouring edges (ascending, microseconds UTC), a column for each of `BIN_ORDER`."""


class Moments:
    """Somebody's events in order of time.

    Args:
        occurred_at: ascending, microseconds UTC.
        verdict: a code of `store.judge` for each.
    """

    def __init__(self, occurred_at: Column, verdict: Codes) -> None:
        self.occurred_at = occurred_at
        self._verdict = verdict
        self._totals: Column | None = None

    def between(self, edges: list[int]) -> Column:
        """See `Counter`."""
        places = np.searchsorted(self.occurred_at, np.array(edges, dtype=np.int64), "left")
        inside = int(places[-1] - places[0])
        if inside <= max(_FEW, len(edges) * _STRIDE):
            table = self._counted(places)
        else:
            table = np.diff(self._before(places), axis=0)
        return table[:, _PLACES]

    def days(self) -> list[int]:
        """The UTC days with an event, counted from 1970-01-01, ascending."""
        days = self.occurred_at // MICROSECONDS_PER_DAY
        first = np.ones(len(days), dtype=bool)
        np.not_equal(days[1:], days[:-1], out=first[1:])
        return [int(day) for day in days[first]]

    def _counted(self, places: Column) -> Column:
        """Counts between neighbouring places, from every event between the outermost."""
        rows = np.repeat(np.arange(len(places) - 1, dtype=np.int64), np.diff(places))
        codes = rows * _KINDS + self._verdict[places[0] : places[-1]]
        return np.bincount(codes, minlength=(len(places) - 1) * _KINDS).reshape(-1, _KINDS)

    def _before(self, places: Column) -> Column:
        """For each place, the events before it by verdict: the last noted total and the few events from there."""
        if self._totals is None:
            self._totals = self._noted()
        before = self._totals[places // _STRIDE]
        for row, place in enumerate(places.tolist()):
            before[row] += np.bincount(self._verdict[place - place % _STRIDE : place], minlength=_KINDS)
        return before

    def _noted(self) -> Column:
        whole = len(self._verdict) // _STRIDE
        strides = self._verdict[: whole * _STRIDE].reshape(whole, _STRIDE)
        totals = np.zeros((whole + 1, _KINDS), dtype=np.int64)
        for code in range(_KINDS):
            np.cumsum((strides == code).sum(axis=1), out=totals[1:, code])
        return totals


class Days:
    """Everybody's counts per UTC day: only for edges at midnight."""

    def __init__(self, days: Column, counts: Column) -> None:
        self._days = days
        self._before = np.zeros((len(days) + 1, _KINDS), dtype=np.int64)
        np.cumsum(counts, axis=0, out=self._before[1:])

    def between(self, edges: list[int]) -> Column:
        """See `Counter`."""
        days = np.array([edge // MICROSECONDS_PER_DAY for edge in edges], dtype=np.int64)
        table: Column = np.diff(self._before[np.searchsorted(self._days, days, "left")], axis=0)
        return table[:, _PLACES]


_DAILY = "SELECT day, verdict, events FROM daily ORDER BY day"
_DAYS: Remembered[Days] = Remembered()
_ALL: Remembered[Moments] = Remembered()
_PARTNERS: Remembered[Moments] = Remembered(most=128)


def days_of_all(connection: sqlite3.Connection, world: "World") -> Days:
    """Everybody's days, from the day rollup; ask only while it is not stale."""
    return _DAYS.get(world, None, lambda: _read_days(connection))


def _read_days(connection: sqlite3.Connection) -> Days:
    rows = connection.execute(_DAILY).fetchall()
    days = sorted({day for day, _, _ in rows})
    place_of = {day: place for place, day in enumerate(days)}
    counts = np.zeros((len(days), _KINDS), dtype=np.int64)
    for day, verdict, events in rows:
        counts[place_of[day], VERDICT_NAMES.index(verdict)] = events
    return Days(np.array(days, dtype=np.int64), counts)


def days_before(connection: sqlite3.Connection, world: "World", as_of: int) -> list[int]:
    """The UTC days with an event of anybody before as-of, which infer coverage; none where coverage was imported."""
    if world.registry.coverage:
        return []
    times = world.columns(connection).occurred_at
    return [int(day) for day in np.unique(times[times < as_of] // MICROSECONDS_PER_DAY)]


def moments_of(connection: sqlite3.Connection, world: "World", partner: int | None) -> Moments:
    """The live events of a partner (internal id), or of everybody, under the rulebook's own cut-offs."""
    if partner is None:
        return _ALL.get(world, None, lambda: _sorted(*_everybodys(connection, world)))
    return _PARTNERS.get(world, partner, lambda: _sorted(*_partners(connection, world, partner)))


def _everybodys(connection: sqlite3.Connection, world: "World") -> tuple[Column, Codes]:
    return world.columns(connection).occurred_at, world.verdicts(connection).verdict


def _partners(connection: sqlite3.Connection, world: "World", partner: int) -> tuple[Column, Codes]:
    occurred_at, verdict = _everybodys(connection, world)
    places = world.places_of(connection, partner)
    return occurred_at[places], verdict[places]


def _sorted(occurred_at: Column, verdict: Codes) -> Moments:
    # The verdict rides in the lowest three bits: one sort of plain numbers instead of a permutation.
    packed = occurred_at << 3
    packed |= verdict
    packed.sort()
    codes = packed.astype(np.int8)
    codes &= 7
    packed >>= 3
    return Moments(packed, codes)
