"""Events as moments in order of time, each with its verdict: counted between any instants without reading them all."""

import sqlite3
from collections.abc import Iterable
from typing import TYPE_CHECKING, Protocol

import numpy as np
import numpy.typing as npt

from store.instants import MICROSECONDS_PER_DAY
from store.judge import VERDICT_NAMES, Judge
from store.kept import is_stale
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


class Instants(Protocol):
    """Instants of events in order of time, microseconds UTC."""

    def places(self, edges: Column) -> Column:
        """For each edge (ascending) how many instants lie before it."""

    def days(self) -> list[int]:
        """The UTC days with an event, counted from 1970-01-01, ascending."""

    def span(self) -> tuple[int, int] | None:
        """The first instant and the last; None where there is none."""


class PlainInstants:
    """Instants as they are."""

    def __init__(self, ascending: Column) -> None:
        self._ascending = ascending

    def places(self, edges: Column) -> Column:
        """See `Instants`."""
        return np.searchsorted(self._ascending, edges, "left")

    def days(self) -> list[int]:
        """See `Instants`."""
        return _distinct_days(self._ascending)

    def span(self) -> tuple[int, int] | None:
        """See `Instants`."""
        return (int(self._ascending[0]), int(self._ascending[-1])) if len(self._ascending) else None


class PackedInstants:
    """Very many instants in half the room: four bytes each, the rest once for all that share it (72 minutes)."""

    def __init__(self, parts: Iterable[Column], events: int) -> None:
        """Of so many instants, which ascend from part to part and within each."""
        self._low = np.empty(events, dtype=np.uint32)
        runs: list[tuple[Column, Column]] = []
        begin = 0
        for part in parts:
            self._low[begin : begin + len(part)] = part & _LOW
            begin += len(part)
            runs.append(np.unique(part >> _LOW_BITS, return_counts=True))
        self._rest, which = np.unique(np.concatenate([run[0] for run in runs] or [_NOTHING]), return_inverse=True)
        lengths = np.bincount(which.ravel(), np.concatenate([run[1] for run in runs] or [_NOTHING]), len(self._rest))
        self._start = np.append(np.zeros(1, dtype=np.int64), np.cumsum(lengths.astype(np.int64)))

    def places(self, edges: Column) -> Column:
        """See `Instants`."""
        rests = edges >> _LOW_BITS
        runs = np.searchsorted(self._rest, rests, "left")
        places: Column = self._start[runs]
        inside = np.append(self._rest, _NO_REST)[runs] == rests
        lows = (edges & _LOW).astype(np.uint32)
        for run in np.unique(runs[inside]).tolist():
            mine = slice(*np.searchsorted(rests, [self._rest[run], self._rest[run] + 1], "left").tolist())
            its = self._low[self._start[run] : self._start[run + 1]]
            places[mine] += np.searchsorted(its, lows[mine], "left")
        return places

    def at(self, places: Column | npt.NDArray[np.int32]) -> Column:
        """The instants at these places, counted from 0 in order of time."""
        runs = np.searchsorted(self._start, places, "right") - 1
        instants: Column = (self._rest[runs] << _LOW_BITS) + self._low[places].astype(np.int64)
        return instants

    def days(self) -> list[int]:
        """See `Instants`."""
        days: set[int] = set()
        for run, rest in enumerate(self._rest.tolist()):
            its = self._low[self._start[run] : self._start[run + 1]].astype(np.int64)
            days.update(_distinct_days(its + (rest << _LOW_BITS)))
        return sorted(days)

    def span(self) -> tuple[int, int] | None:
        """See `Instants`."""
        if not len(self._low):
            return None
        first, last = self._rest[0] << _LOW_BITS, self._rest[-1] << _LOW_BITS
        return int(first) + int(self._low[0]), int(last) + int(self._low[-1])


_LOW_BITS = 32
_LOW = (1 << _LOW_BITS) - 1
_NO_REST = np.iinfo(np.int64).min
_NOTHING = np.zeros(0, dtype=np.int64)


def _distinct_days(ascending: Column) -> list[int]:
    days = ascending // MICROSECONDS_PER_DAY
    first = np.ones(len(days), dtype=bool)
    np.not_equal(days[1:], days[:-1], out=first[1:])
    return [int(day) for day in days[first]]


class Moments:
    """Somebody's events in order of time.

    Args:
        instants: when they happened.
        verdict: a code of `store.judge` for each.
    """

    def __init__(self, instants: Instants, verdict: Codes) -> None:
        self.instants = instants
        self._verdict = verdict
        self._totals: Column | None = None

    def between(self, edges: list[int]) -> Column:
        """See `Counter`."""
        places = self.instants.places(np.array(edges, dtype=np.int64))
        inside = int(places[-1] - places[0])
        if inside <= max(_FEW, len(edges) * _STRIDE):
            table = self._counted(places)
        else:
            table = np.diff(self.before(places), axis=0)
        return table[:, _PLACES]

    def _counted(self, places: Column) -> Column:
        """Counts between neighbouring places, from every event between the outermost."""
        rows = np.repeat(np.arange(len(places) - 1, dtype=np.int64), np.diff(places))
        codes = rows * _KINDS + self._verdict[places[0] : places[-1]]
        return np.bincount(codes, minlength=(len(places) - 1) * _KINDS).reshape(-1, _KINDS)

    def before(self, places: Column) -> Column:
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
        self.days: list[int] = days.tolist()
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
    from store.event_order import event_order

    if world.registry.coverage:
        return []
    last = as_of // MICROSECONDS_PER_DAY
    if not is_stale(connection):
        days = days_of_all(connection, world).days
        # The rollup does not say whether a day that as-of cuts has an event before it.
        if last not in days or as_of % MICROSECONDS_PER_DAY == 0:
            return [day for day in days if day < last]
    order = event_order(connection, world)
    if order is not None:
        return order.days_before(as_of)
    times = world.columns(connection).occurred_at
    return _distinct_days(np.sort(times[times < as_of]))


def moments_of(connection: sqlite3.Connection, world: "World", partner: int | None) -> Moments:
    """The live events of a partner (internal id), or of everybody, under the rulebook's own cut-offs."""
    if partner is None:
        return _ALL.get(world, None, lambda: _everybodys(connection, world))
    return _PARTNERS.get(world, partner, lambda: _partners(connection, world, partner))


def _everybodys(connection: sqlite3.Connection, world: "World") -> Moments:
    from store.event_order import event_order

    order = event_order(connection, world)
    if order is not None:
        return Moments(order.instants, order.verdicts(Judge(world.rulebook)))
    instants, codes = _by_time(world.columns(connection).occurred_at, world.verdicts(connection).verdict)
    return Moments(PlainInstants(instants), codes)


def _partners(connection: sqlite3.Connection, world: "World", partner: int) -> Moments:
    from store.partner_events import partner_events

    columns, verdicts = partner_events(connection, world, partner)
    instants, codes = _by_time(columns.occurred_at, verdicts.verdict)
    return Moments(PlainInstants(instants), codes)


def _by_time(occurred_at: Column, verdict: Codes) -> tuple[Column, Codes]:
    # The verdict rides in the lowest three bits: one sort of plain numbers instead of a permutation.
    packed = occurred_at << 3
    packed |= verdict
    packed.sort()
    codes = packed.astype(np.int8)
    codes &= 7
    packed >>= 3
    return packed, codes
