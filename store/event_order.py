"""Every live event in order of time, each with the situation it is in: judged under any cut-off without reading it.

A *rank* is how many live events of anybody lie before an instant: an event's rank is that of its instant, so events of
one instant have one rank, and comparing ranks is comparing instants.
"""

import sqlite3
from bisect import bisect_right
from collections.abc import Iterator
from functools import cached_property
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from store.columns import COUNTED_SEGMENTS, load_named, situations_of
from store.instants import MICROSECONDS_PER_DAY
from store.judge import Judge, Situation
from store.kept import is_stale
from store.moments import PackedInstants
from store.remembered import Remembered
from store.room import give_back, keep_little
from store.segments import Column
from store.world import World

Ranks = npt.NDArray[np.int32]
Numbers = npt.NDArray[np.uint8] | npt.NDArray[np.uint16]

# Ranks and places are kept in 31 bits, numbers of situations in 16.
MOST_EVENTS = 2**31 - 2**20
_MOST_SITUATIONS = 1 << 16
# Running totals by situation are noted so often that they take no more room than the numbers themselves.
_LEAST_STRIDE = 1 << 12
_SLICE, _MOST_SLICES = 1 << 20, 16
_EVENTS = """
SELECT coalesce(sum(events), 0) FROM segments
WHERE content_id IN (SELECT content_id FROM imports WHERE state = 'complete')
"""


class EventOrder:
    """The live events in order of time.

    Args:
        instants: of all of them.
        situations: the different ones.
        code: for each event which of them it is.
    """

    def __init__(self, instants: PackedInstants, situations: list[Situation], code: Numbers) -> None:
        self.instants = instants
        self.situations = situations
        self._code = code
        self._stride = max(_LEAST_STRIDE, 8 * len(situations))
        self._before = self._running_totals()

    def __len__(self) -> int:
        return len(self._code)

    def rank_of(self, instant: int) -> int:
        """How many live events lie before an instant, microseconds UTC."""
        return int(self.instants.places(np.array([instant], dtype=np.int64))[0])

    @cached_property
    def days(self) -> list[int]:
        """The UTC days with an event, counted from 1970-01-01, ascending."""
        return self.instants.days()

    def days_before(self, instant: int) -> list[int]:
        """Those of them with an event before an instant, microseconds UTC."""
        rank = self.rank_of(instant)
        if not rank:
            return []
        last = int(self.instants.at(np.array([rank - 1]))[0]) // MICROSECONDS_PER_DAY
        return self.days[: bisect_right(self.days, last)]

    def situations_between(self, low: int, high: int) -> Column:
        """How many of the events `low` to `high - 1` are in each situation."""
        counts: Column = self._situations_before(high) - self._situations_before(low)
        return counts

    def periods(self, judge: Judge) -> list[tuple[int, int]]:
        """For each of the judge's periods the events in it, `[low, high)`."""
        edges = [0, *map(self.rank_of, judge.bounds), len(self)]
        return list(pairwise(edges))

    def verdicts(self, judge: Judge) -> npt.NDArray[np.int8]:
        """The verdict of every event: a code of `store.judge`."""
        verdicts = np.zeros(len(self), dtype=np.int8)
        for (low, high), settled in zip(self.periods(judge), verdict_table(self.situations, judge), strict=True):
            verdicts[low:high] = settled[self._code[low:high]]
        return verdicts

    def _situations_before(self, place: int) -> Column:
        stride = place // self._stride
        rest = np.bincount(self._code[stride * self._stride : place], minlength=len(self.situations))
        counts: Column = self._before[stride] + rest
        return counts

    def _running_totals(self) -> Column:
        strides = len(self) // self._stride
        totals = np.zeros((strides + 1, len(self.situations)), dtype=np.int64)
        for each in range(strides):
            part = self._code[each * self._stride : (each + 1) * self._stride]
            totals[each + 1] = totals[each] + np.bincount(part, minlength=len(self.situations))
        return totals


def verdict_table(situations: list[Situation], judge: Judge) -> npt.NDArray[np.int8]:
    """For each of the judge's periods, and each situation, the verdict."""
    in_force = [judge.in_force(period) for period in range(len(judge.bounds) + 1)]
    rows = [[judge.settle(situation, rules)[0] for situation in situations] for rules in in_force]
    return np.array(rows, dtype=np.int8).reshape(len(in_force), len(situations))


class Arranged(NamedTuple):
    """An order, and for each event in the order of the segments its rank and the number of its situation."""

    order: EventOrder
    rank: Ranks
    code: Numbers


_ORDERS: Remembered[EventOrder | None] = Remembered()


def event_order(connection: sqlite3.Connection, world: World, arranged: Arranged | None = None) -> EventOrder | None:
    """The live events in order of time; None where the last refresh does not know them all, or they are too many.

    Args:
        world: of the connection's snapshot.
        arranged: what was just arranged, for want of an order that is kept.
    """
    if is_stale(connection):
        return None

    def make() -> EventOrder | None:
        made = arranged or arrange(connection, world)
        if made is None:
            return None
        order, made = made.order, None
        give_back(connection)
        return order

    return _ORDERS.get(world.situated, None, make)


def arrange(connection: sqlite3.Connection, world: World) -> Arranged | None:
    """Read every live event's instant and situation once; None where there are too many to be numbered.

    Ask only while the derived tables are not stale.
    """
    keep_little()
    (events,) = connection.execute(_EVENTS).fetchone()
    if events > MOST_EVENTS:
        return None
    times = np.empty(events, dtype=np.int64)
    code = np.empty(events, dtype=np.uint16)
    numbers: dict[Situation, int] = {}
    judge = Judge(world.rulebook)
    begin = 0
    for each in connection.execute(COUNTED_SEGMENTS).fetchall():
        columns = _Judged(**load_named(connection, ("occurred_at", *_Judged._fields[1:]), [each]))
        situations, which = situations_of(columns, judge, world.registry, world.classes_of)
        number = np.array([numbers.setdefault(one, len(numbers)) for one in situations], dtype=np.int64)
        if len(numbers) > _MOST_SITUATIONS:
            return None
        end = begin + len(which)
        times[begin:end] = columns.occurred_at
        code[begin:end] = number[which]
        begin = end
    narrow: Numbers = code.astype(np.uint8) if len(numbers) <= 1 << 8 else code
    del code
    rank = np.empty(events, dtype=np.int32)
    sorted_code = np.empty_like(narrow)
    instants = PackedInstants(_by_time(times, narrow, rank, sorted_code), events)
    return Arranged(EventOrder(instants, list(numbers), sorted_code), rank, narrow)


class _Judged(NamedTuple):
    """What the situations of events are told by: see `store.columns.EventColumns`."""

    occurred_at: Column
    app: Column
    field_set: Column
    outcome: Column
    exempt: Column
    opt_in: Column


def _by_time(times: Column, code: Numbers, rank: Ranks, sorted_code: Numbers) -> Iterator[Column]:
    """The instants, ascending, a slice of time after the other; fills in the ranks and the numbers in their order.

    Sorting slices needs far less room than sorting all at once.
    """
    slices = min(len(times) // _SLICE + 1, _MOST_SLICES)
    sample = np.sort(times[:: max(1, len(times) // (slices * 64))])
    cuts = np.unique(sample[np.arange(1, slices) * len(sample) // slices]) if len(sample) else sample
    begin = 0
    for number in range(len(cuts) + 1):
        inside = np.ones(len(times), dtype=bool)
        if number > 0:
            inside &= times >= cuts[number - 1]
        if number < len(cuts):
            inside &= times < cuts[number]
        events = np.flatnonzero(inside)
        events = events[np.argsort(times[events])]
        its = times[events]
        first = np.ones(len(its), dtype=bool)
        np.not_equal(its[1:], its[:-1], out=first[1:])
        rank[events] = begin + np.flatnonzero(first)[np.cumsum(first) - 1]
        end = begin + len(its)
        sorted_code[begin:end] = code[events]
        begin = end
        yield its
