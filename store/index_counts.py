"""Counts under any as-of and window in one pass over an index: see `store.figure_index`."""

import os
import threading
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from typing import Generic, NamedTuple, TypeVar
from weakref import WeakKeyDictionary

import numpy as np

from store.columns import Mask, distinct, how_many
from store.event_counts import exact_sum
from store.event_order import Ranks, verdict_table
from store.figure_index import ALIGNMENT, FigureIndex, Indexed
from store.judge import IMPROPER, UNDETERMINED, VERDICT_NAMES, Judge
from store.kept import Population
from store.linked import NEVER, Linked
from store.parameters import View
from store.segments import Column
from store.tallies import NO_INSTANT, Tallies

_FOREVER = 2**62
# Small enough for a processor's own memory, large enough that a thread is worth it.
_CANDIDATES_AT_ONCE = 1 << 18
_THREADS = min(4, os.cpu_count() or 1)


class _Range(NamedTuple):
    """Ranks `[low, high)` of what counts, and from which on it is recent."""

    low: int
    recent: int
    high: int


class _Sums(NamedTuple):
    """What the incident's figures take, one value an app, but for `firsts`.

    Attributes:
        before: candidates below the range; its own ones follow these.
        firsts: how many candidates are the first of their person, and of their resource, in the range and then in its
            recent part.
    """

    before: Column
    events: Column
    recent: Column
    firsts: Column


class _OfPartners(NamedTuple):
    """What each partner's figures take besides, one value an app.

    Attributes:
        people, resources: how many candidates are the first in the range of the partner's: they add up over its apps.
        nobody: how many name no person.
    """

    people: Column
    resources: Column
    nobody: Column


class IndexCounts:
    """See `store.tallies.Counts`.

    Args:
        judge: under which the index's candidates are improper.
    """

    def __init__(self, indexed: Indexed, judge: Judge, view: View) -> None:
        self._index = indexed.candidates
        self._order = indexed.candidates.order
        self._judge = judge
        self._as_of = view.as_of
        self._until = self._order.rank_of(view.as_of)
        low = self._order.rank_of(indexed.from_at)
        high = max(low, min(self._order.rank_of(indexed.until_at), self._until))
        self._range = _Range(low, min(max(low, self._order.rank_of(view.recent_from)), high), high)

    def reading_apps(self) -> Column:
        """See `Counts`."""
        return self._index.apps[self._sums.events > 0]

    def recently_reading_apps(self) -> Column:
        """See `Counts`."""
        return self._index.apps[self._sums.recent > 0]

    def apps_after_removal(self) -> Column:
        """See `Counts`."""
        after = self._index.after
        return self._index.apps[distinct(after.app[self._late])]

    def accessed(self) -> Population:
        """See `Counts`."""
        return self._population(self._range.low, self._sums.before, self._sums.events, self._sums.firsts[:2])

    def recent(self) -> Population:
        """See `Counts`."""
        before = self._sums.before + self._sums.events - self._sums.recent
        return self._population(self._range.recent, before, self._sums.recent, self._sums.firsts[2:])

    def _population(self, low: int, before: Column, events: Column, firsts: Column) -> Population:
        """Over so many candidates of each app, after those before."""
        index = self._index
        people, resources = firsts.tolist()
        return Population(
            partners=int(np.count_nonzero(np.bincount(index.partner[events > 0]))),
            apps=int(np.count_nonzero(events)),
            people=people,
            resources=resources,
            data_classes=self._classes_since(low),
            events=int(events.sum()),
            records=exact_sum(self._records(before, events)),
            events_without_subject=self._number_of(index.nobody_rank, low),
            events_without_records=self._number_of(index.uncounted_rank, low),
            qualifier="",
        )

    def _classes_since(self, low: int) -> int:
        """How many different data classes the candidates from a rank on in the range were read of."""
        found: set[str] = set()
        for period, (begin, end) in enumerate(self._periods):
            begin, end = max(begin, low), min(end, self._range.high)
            if begin < end:
                self._add_classes(found, period, np.flatnonzero(self._order.situations_between(begin, end)))
        return len(found)

    def _add_classes(self, found: set[str], period: int, situations: Column) -> None:
        """Add the data classes that are improper on their own in these situations, where they are improper."""
        in_force, verdict = self._judge.in_force(period), self._table[period]
        for each in situations[verdict[situations] == IMPROPER].tolist():
            situation = self._order.situations[each]
            if not found.issuperset(situation.data_classes):
                found.update(self._judge.improper_classes(situation, in_force))

    def _number_of(self, ascending: Ranks, low: int) -> int:
        """How many of these ranks lie from `low` on in the range."""
        begin, end = np.searchsorted(ascending, [low, max(low, self._range.high)], "left").tolist()
        return int(end - begin)

    def _records(self, before: Column, events: Column) -> Column:
        """For each app the records of so many of its candidates, after those before."""
        some = np.flatnonzero(events)
        begin = self._index.starts[some] + before[some]
        end = begin + events[some]
        sums = np.zeros(len(events), dtype=np.int64)
        sums[some] = self._index.records.at(end - 1) - self._index.records.at(begin - 1)
        return sums

    def after_removal(self) -> Population:
        """See `Counts`."""
        after, late = self._index.after, self._late
        apps, records = distinct(after.app[late]), after.records[late]
        subject, resource = after.subject[late], after.resource[late]
        bounds = [end for _, end in self._periods[:-1]]
        period_of, classes = np.searchsorted(bounds, after.rank[late], "right"), set[str]()
        for period in distinct(period_of).tolist():
            self._add_classes(classes, period, distinct(after.situation[late[period_of == period]]))
        return Population(
            partners=len(distinct(self._index.partner[apps])),
            apps=len(apps),
            people=how_many(subject),
            resources=how_many(resource),
            data_classes=len(classes),
            events=len(late),
            records=exact_sum(records[records >= 0]),
            events_without_subject=int((subject == 0).sum()),
            events_without_records=int((records < 0).sum()),
            qualifier="",
        )

    @cached_property
    def _late(self) -> Column:
        ranks = self._index.after.rank
        return np.flatnonzero((ranks >= self._range.low) & (ranks < self._range.high))

    def first_lag(self) -> int | None:
        """See `Counts`."""
        lags = self._index.after.lag[self._late]
        return int(lags.min()) if len(lags) else None

    def denied_attempts(self) -> int:
        """See `Counts`."""
        return int(np.searchsorted(self._index.denied_after, self._until, "left"))

    def verdicts(self) -> list[int]:
        """See `Counts`."""
        return self._verdicts_since(0)

    def _verdicts_since(self, begin: int) -> list[int]:
        totals = np.zeros(len(VERDICT_NAMES), dtype=np.int64)
        for (low, high), verdict in zip(self._periods, self._table, strict=True):
            low, high = max(low, begin), min(high, self._until)
            if low < high:
                np.add.at(totals, verdict, self._order.situations_between(low, high))
        numbers: list[int] = totals.tolist()
        return numbers

    @cached_property
    def _table(self) -> "np.ndarray[tuple[int, ...], np.dtype[np.int8]]":
        return verdict_table(self._order.situations, self._judge)

    @cached_property
    def _periods(self) -> list[tuple[int, int]]:
        return self._order.periods(self._judge)

    def events_from_as_of(self) -> int:
        """See `Counts`."""
        return len(self._order) - self._until

    def undetermined_since(self, instant: int) -> bool:
        """See `Counts`."""
        return self._verdicts_since(self._order.rank_of(instant))[UNDETERMINED] > 0

    def nobody_since(self, instant: int) -> bool:
        """See `Counts`."""
        return self._number_of(self._index.nobody_rank, max(self._range.low, self._order.rank_of(instant))) > 0

    def event_days(self) -> list[int]:
        """See `Counts`."""
        return self._order.days_before(self._as_of)

    def tallies(self) -> Tallies:
        """See `Counts`."""
        index, sums, others = self._index, self._sums, self._of_partners
        events = self._by_partner(sums.events)
        reading = np.flatnonzero(events)
        apps = np.flatnonzero(sums.events)
        first = index.starts[apps] + sums.before[apps]
        first_rank = np.full(len(events), NEVER, dtype=np.int32)
        last_rank = np.full(len(events), -1, dtype=np.int32)
        np.minimum.at(first_rank, index.partner[apps], index.rank[first])
        np.maximum.at(last_rank, index.partner[apps], index.rank[first + sums.events[apps] - 1])
        removed, lag = self._removals()
        return Tallies(
            partner=index.partners[reading],
            people=self._by_partner(others.people)[reading],
            events=events[reading],
            resources=self._by_partner(others.resources)[reading],
            records=self._by_partner(self._records(sums.before, sums.events))[reading].tolist(),
            first_at=self._order.instants.at(first_rank[reading]),
            last_at=self._order.instants.at(last_rank[reading]),
            recent=self._by_partner(sums.recent)[reading],
            after_removal=removed[reading],
            first_lag=lag[reading],
            without_subject=self._by_partner(others.nobody)[reading],
        )

    def _by_partner(self, of_apps: Column) -> Column:
        total = np.zeros(len(self._index.partners), dtype=np.int64)
        np.add.at(total, self._index.partner, of_apps)
        return total

    def _removals(self) -> tuple[Column, Column]:
        """For each partner of the index, its events after a removal and the smallest lag."""
        after, late = self._index.after, self._late
        which = self._index.partner[after.app[late]]
        size = len(self._index.partners)
        removed = np.bincount(which, minlength=size)
        lag = np.full(size, _FOREVER)
        np.minimum.at(lag, which, after.lag[late])
        return removed, np.where(removed > 0, lag, NO_INSTANT)

    @cached_property
    def _sums(self) -> _Sums:
        return _SUMS.of(self._index, self._range)

    @cached_property
    def _of_partners(self) -> _OfPartners:
        return _OF_PARTNERS.of(self._index, self._range)


Summed = TypeVar("Summed")


class _Last(Generic[Summed]):
    """The last sums of each index: several questions ask for the same ones."""

    def __init__(self, sum_all: Callable[[FigureIndex, _Range], Summed]) -> None:
        self._sum_all = sum_all
        self._known: WeakKeyDictionary[FigureIndex, tuple[_Range, Summed]] = WeakKeyDictionary()
        self._summing = threading.Lock()

    def of(self, index: FigureIndex, wanted: _Range) -> Summed:
        """The sums over a range; who asks meanwhile waits for them."""
        with self._summing:
            known = self._known.get(index)
            if known is None or known[0] != wanted:
                known = self._known[index] = wanted, self._sum_all(index, wanted)
            return known[1]


def _sum_all(index: FigureIndex, wanted: _Range) -> _Sums:
    parts = _in_stretches(index, lambda first, last: _sum(index, wanted, first, last))
    before, events, recent, firsts = zip(*parts, strict=True) if parts else ([], [], [], [])
    totals = np.zeros(4, dtype=np.int64) if not parts else np.sum(firsts, axis=0)
    return _Sums(_joined(before), _joined(events), _joined(recent), totals)


def _sum_partners(index: FigureIndex, wanted: _Range) -> _OfPartners:
    parts = _in_stretches(index, lambda first, last: _sum_of_partners(index, wanted, first, last))
    people, resources, nobody = (_joined(column) for column in (zip(*parts, strict=True) if parts else ([], [], [])))
    repeated = [
        linked.repeated(wanted.low, wanted.high, len(index.starts) - 1)
        for linked in (index.person_of_partner, index.resource_of_partner)
    ]
    return _OfPartners(people - repeated[0], resources - repeated[1], nobody)


def _joined(parts: Iterable[Column]) -> Column:
    return np.concatenate([np.zeros(0, dtype=np.int64), *parts])


def _in_stretches(index: FigureIndex, task: Callable[[int, int], Summed]) -> list[Summed]:
    """The task for all apps, some (from one place to another) at a time in a thread: numpy lets them run together."""
    starts = index.starts
    if len(starts) == 1:
        return []
    edges = np.searchsorted(starts, np.arange(0, int(starts[-1]), _CANDIDATES_AT_ONCE), "left")
    edges = np.unique(np.append(edges, len(starts) - 1))
    stretches = list(zip(edges.tolist(), edges[1:].tolist(), strict=False))
    with ThreadPoolExecutor(min(_THREADS, len(stretches))) as pool:
        return list(pool.map(lambda stretch: task(*stretch), stretches))


class _Stretch:
    """The candidates of the apps `first` to `last - 1`."""

    def __init__(self, index: FigureIndex, first: int, last: int) -> None:
        self.mine = slice(int(index.starts[first]), int(index.starts[last]))
        self.rank = index.rank[self.mine]
        self._words = (index.starts[first:last] - self.mine.start) // ALIGNMENT

    def inside(self, wanted: _Range) -> tuple[Mask, Mask]:
        """Those below the range, and those in it."""
        below = self.rank < np.int32(wanted.low)
        inside = self.rank < np.int32(wanted.high)
        inside &= ~below
        return below, inside

    def firsts(self, previous: Ranks, before: np.int32, among: Mask) -> Mask:
        """Those of `among` whose predecessor lies before a rank."""
        mask: Mask = previous[self.mine] < before
        mask &= among
        return mask

    def by_app(self, mask: Mask) -> Column:
        """How many are marked, by app."""
        # A mark is a byte of 0 or 1: counting the bits of a word of eight counts its marks.
        marks = np.bitwise_count(mask.view(np.uint64))
        counts: Column = np.add.reduceat(marks, self._words, dtype=np.int64)
        return counts


def _sum(index: FigureIndex, wanted: _Range, first: int, last: int) -> _Sums:
    stretch = _Stretch(index, first, last)
    below, inside = stretch.inside(wanted)
    late = stretch.rank >= np.int32(wanted.recent)
    late &= inside
    totals = [
        np.count_nonzero(stretch.firsts(of, np.int32(before), among))
        for before, among in ((wanted.low, inside), (wanted.recent, late))
        for of in (index.person, index.resource)
    ]
    by_app = stretch.by_app
    return _Sums(by_app(below), by_app(inside), by_app(late), np.array(totals, dtype=np.int64))


def _sum_of_partners(index: FigureIndex, wanted: _Range, first: int, last: int) -> _OfPartners:
    stretch = _Stretch(index, first, last)
    _, inside = stretch.inside(wanted)

    def firsts_by_app(linked: Linked, overall: Ranks) -> Column:
        # Where only repeats are kept, all that name somebody are counted here, and the repeats taken off later.
        dense, before = (overall, NEVER) if linked.dense is None else (linked.dense, np.int32(wanted.low))
        return stretch.by_app(stretch.firsts(dense, before, inside))

    nobody = index.person[stretch.mine] == NEVER
    nobody &= inside
    return _OfPartners(
        people=firsts_by_app(index.person_of_partner, index.person),
        resources=firsts_by_app(index.resource_of_partner, index.resource),
        nobody=stretch.by_app(nobody),
    )


_SUMS: _Last[_Sums] = _Last(_sum_all)
_OF_PARTNERS: _Last[_OfPartners] = _Last(_sum_partners)
