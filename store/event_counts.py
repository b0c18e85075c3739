"""Counts event by event: for any rules, and for evidence that the last refresh does not know yet."""

import sqlite3

import numpy as np

from store.columns import Mask, distinct, distinct_within, numbered
from store.facts import removal_lag
from store.instants import MICROSECONDS_PER_DAY
from store.judge import DENIED, IMPROPER, UNDETERMINED, VERDICT_NAMES
from store.kept import Population
from store.parameters import View
from store.roster import owners
from store.segments import Column
from store.tallies import NO_INSTANT, NO_TALLIES, Tallies
from store.world import World


class EventCounts:
    """See `store.tallies.Counts`.

    Args:
        connection: in the snapshot that the world is of.

    Attributes:
        verdicts_of: the verdict of every live event, in the order of `World.columns`.
    """

    def __init__(self, connection: sqlite3.Connection, world: World, view: View) -> None:
        self._columns = world.columns(connection)
        self._registry = world.registry
        self._grace = world.rulebook.removal_grace
        self._view = view
        self._partner_of = owners(world)
        what_if = view.what_if_cutoff
        own = world.verdicts(connection) if what_if is None else world.judge(self._columns, cutoff=what_if)
        self.verdicts_of = own
        self._verdict = own.verdict
        self._before = self._columns.occurred_at < view.as_of
        self._improper = (self._verdict == IMPROPER) & self._before

    def improper_events(self, partner: int | None) -> Column:
        """The places in the columns of the improper events before as-of: all, or one partner's (internal id)."""
        mine = self._improper
        if partner is not None:
            mine = mine & (self._partner_of[self._columns.app] == partner)
        return np.nonzero(mine)[0]

    def reading_apps(self) -> Column:
        """See `Counts`."""
        return distinct(self._columns.app[self._improper])

    def recently_reading_apps(self) -> Column:
        """See `Counts`."""
        return distinct(self._columns.app[self._recent])

    def apps_after_removal(self) -> Column:
        """See `Counts`."""
        return distinct(self._columns.app[self._improper & self._columns.after])

    def accessed(self) -> Population:
        """See `Counts`."""
        return self._count(self._improper)

    def recent(self) -> Population:
        """See `Counts`."""
        return self._count(self._recent)

    @property
    def _recent(self) -> Mask:
        recent: Mask = self._improper & (self._columns.occurred_at >= self._view.recent_from)
        return recent

    def after_removal(self) -> Population:
        """See `Counts`."""
        return self._count(self._improper & self._columns.after)

    def first_lag(self) -> int | None:
        """See `Counts`."""
        lags = self._lag(self._improper & self._columns.after)
        return int(lags.min()) if len(lags) else None

    def denied_attempts(self) -> int:
        """See `Counts`."""
        return int(((self._verdict == DENIED) & self._before & self._columns.after).sum())

    def verdicts(self) -> list[int]:
        """See `Counts`."""
        totals: list[int] = np.bincount(self._verdict[self._before], minlength=len(VERDICT_NAMES)).tolist()
        return totals

    def events_from_as_of(self) -> int:
        """See `Counts`."""
        return int(len(self._columns) - self._before.sum())

    def undetermined_since(self, instant: int) -> bool:
        """See `Counts`."""
        return bool(((self._verdict == UNDETERMINED) & self._since(instant)).any())

    def nobody_since(self, instant: int) -> bool:
        """See `Counts`."""
        return bool((self._improper & self._since(instant) & (self._columns.subject == 0)).any())

    def _since(self, instant: int) -> Mask:
        since: Mask = self._before & (self._columns.occurred_at >= instant)
        return since

    def event_days(self) -> list[int]:
        """See `Counts`."""
        days: list[int] = np.unique(self._columns.occurred_at[self._before] // MICROSECONDS_PER_DAY).tolist()
        return days

    def _count(self, mask: Mask) -> Population:
        columns = self._columns
        apps = distinct(columns.app[mask])
        subject, resource, records = columns.subject[mask], columns.resource[mask], columns.records[mask]
        known = records >= 0
        return Population(
            partners=len(np.unique(self._partner_of[apps])) if len(apps) else 0,
            apps=len(apps),
            people=_distinct(subject),
            resources=_distinct(resource),
            data_classes=len(self.verdicts_of.classes_of(self.verdicts_of.settled[mask])),
            events=len(subject),
            records=exact_sum(records[known]),
            events_without_subject=int((subject == 0).sum()),
            events_without_records=int((~known).sum()),
            qualifier="",
        )

    def _lag(self, events: Mask | Column) -> Column:
        columns = self._columns
        return removal_lag(columns.app[events], columns.occurred_at[events], self._registry, grace=self._grace)

    def tallies(self) -> Tallies:
        """See `Counts`."""
        columns = self._columns
        places = np.nonzero(self._improper)[0]
        if not len(places):
            return NO_TALLIES
        partners, which = numbered(self._partner_of[columns.app[places]])
        size = len(partners)
        times, records = columns.occurred_at[places], columns.records[places]
        after = columns.after[places]
        first = np.full(size, np.iinfo(np.int64).max)
        last = np.full(size, np.iinfo(np.int64).min)
        np.minimum.at(first, which, times)
        np.maximum.at(last, which, times)
        lag = np.full(size, np.iinfo(np.int64).max)
        np.minimum.at(lag, which[after], self._lag(places[after]))
        removed = np.bincount(which[after], minlength=size)
        return Tallies(
            partner=partners,
            people=distinct_within(which, columns.subject[places], size),
            events=np.bincount(which, minlength=size),
            resources=distinct_within(which, columns.resource[places], size),
            records=_sums_within(which, np.maximum(records, 0), size),
            first_at=first,
            last_at=last,
            recent=np.bincount(which[times >= self._view.recent_from], minlength=size),
            after_removal=removed,
            first_lag=np.where(removed > 0, lag, NO_INSTANT),
            without_subject=np.bincount(which[columns.subject[places] == 0], minlength=size),
        )


def _distinct(ids: Column) -> int:
    """How many different ids there are; 0 is none."""
    return int(np.count_nonzero(np.bincount(ids, minlength=1)[1:]))


def exact_sum(values: Column) -> int:
    """The sum, beyond 63 bits where it must be."""
    if len(values) and int(values.max()) > (2**62) // len(values):
        return sum(values.tolist())
    return int(values.sum())


def _sums_within(which: Column, values: Column, size: int) -> list[int]:
    """For each group, the exact sum of its values."""
    if len(values) and int(values.max()) > (2**62) // len(values):
        sums = [0] * size
        for group, value in zip(which.tolist(), values.tolist(), strict=True):
            sums[group] += value
        return sums
    totals = np.zeros(size, dtype=np.int64)
    np.add.at(totals, which, values)
    return [int(total) for total in totals]
