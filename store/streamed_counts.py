"""Counts of one view, taken in a segment at a time: what a refresh needs, however many events there are.

What is kept meanwhile grows with people, partners and their pairs, not with events.
"""

from collections.abc import Collection

import numpy as np

from store.columns import EventColumns, Mask, Verdicts, different
from store.facts import removal_lag
from store.instants import MICROSECONDS_PER_DAY
from store.judge import DENIED, IMPROPER, UNDETERMINED, VERDICT_NAMES
from store.kept import Population
from store.parameters import View
from store.roster import owners
from store.segments import Column
from store.tallies import NO_INSTANT, Tallies
from store.world import World

# Internal ids are below this many bits: two of them make one number.
_ID_BITS = 31
_ID = (1 << _ID_BITS) - 1
_LATER = np.iinfo(np.int64).max


class StreamedCounts:
    """See `store.tallies.Counts`. Each segment is taken once."""

    def __init__(self, world: World, view: View) -> None:
        self._registry = world.registry
        self._grace = world.rulebook.removal_grace
        self._view = view
        self._partner_of = owners(world)
        self._accessed, self._recent, self._after = (_Population() for _ in range(3))
        self._partners = _Partners(int(self._partner_of.max(initial=0)) + 1)
        self._verdicts = np.zeros(len(VERDICT_NAMES), dtype=np.int64)
        self._from_as_of = 0
        self._denied = 0
        self._last_undetermined: int = NO_INSTANT
        self._last_nobody: int = NO_INSTANT
        self._days: set[int] = set()

    def take(self, columns: EventColumns, verdicts: Verdicts) -> None:
        """Take the next events, judged under this view's cut-off; as `World.segment` gives them."""
        verdict, times = verdicts.verdict, columns.occurred_at
        before = times < self._view.as_of
        self._verdicts += np.bincount(verdict[before], minlength=len(VERDICT_NAMES))
        self._from_as_of += int(len(before) - before.sum())
        self._days.update(np.unique(times[before] // MICROSECONDS_PER_DAY).tolist())
        self._denied += int(((verdict == DENIED) & before & columns.after).sum())
        undetermined = times[(verdict == UNDETERMINED) & before]
        self._last_undetermined = max(self._last_undetermined, int(undetermined.max(initial=NO_INSTANT)))
        places = np.flatnonzero((verdict == IMPROPER) & before)
        self._take_improper(verdicts, places, *(getattr(columns, name)[places] for name in _TAKEN))

    def _take_improper(
        self,
        verdicts: Verdicts,
        places: Column,
        app: Column,
        times: Column,
        subject: Column,
        resource: Column,
        records: Column,
        after: Mask,
    ) -> None:
        if not len(app):
            return
        is_recent = times >= self._view.recent_from
        nobody = subject == 0
        self._last_nobody = max(self._last_nobody, int(times[nobody].max(initial=NO_INSTANT)))
        settled = verdicts.settled[places]
        self._accessed.take(app, subject, resource, records, verdicts.classes_of(settled))
        for population, chosen in ((self._recent, np.flatnonzero(is_recent)), (self._after, np.flatnonzero(after))):
            classes = verdicts.classes_of(settled[chosen])
            population.take(app[chosen], subject[chosen], resource[chosen], records[chosen], classes)
        partner = self._partner_of[app]
        self._partners.take(partner, times, records, is_recent, after, nobody)
        self._partners.take_pairs(partner, subject, resource)
        lag = removal_lag(app[after], times[after], self._registry, grace=self._grace)
        self._partners.take_lags(partner[after], lag)

    def reading_apps(self) -> Column:
        """See `Counts`."""
        return self._accessed.apps.ids()

    def recently_reading_apps(self) -> Column:
        """See `Counts`."""
        return self._recent.apps.ids()

    def apps_after_removal(self) -> Column:
        """See `Counts`."""
        return self._after.apps.ids()

    def accessed(self) -> Population:
        """See `Counts`."""
        return self._accessed.counted(self._partner_of)

    def recent(self) -> Population:
        """See `Counts`."""
        return self._recent.counted(self._partner_of)

    def after_removal(self) -> Population:
        """See `Counts`."""
        return self._after.counted(self._partner_of)

    def first_lag(self) -> int | None:
        """See `Counts`."""
        least = int(self._partners.lag.min(initial=_LATER))
        return None if least == _LATER else least

    def denied_attempts(self) -> int:
        """See `Counts`."""
        return self._denied

    def verdicts(self) -> list[int]:
        """See `Counts`."""
        totals: list[int] = self._verdicts.tolist()
        return totals

    def events_from_as_of(self) -> int:
        """See `Counts`."""
        return self._from_as_of

    def undetermined_since(self, instant: int) -> bool:
        """See `Counts`."""
        return self._last_undetermined != NO_INSTANT and self._last_undetermined >= instant

    def nobody_since(self, instant: int) -> bool:
        """See `Counts`."""
        return self._last_nobody != NO_INSTANT and self._last_nobody >= instant

    def event_days(self) -> list[int]:
        """See `Counts`."""
        return sorted(self._days)

    def tallies(self) -> Tallies:
        """See `Counts`."""
        return self._partners.tallies()


_TAKEN = ("app", "occurred_at", "subject", "resource", "records", "after")


class _Ids:
    """A set of internal ids; 0 is none."""

    def __init__(self) -> None:
        self._flags = np.zeros(1, dtype=bool)

    def take(self, ids: Column) -> None:
        highest = int(ids.max(initial=0))
        if highest >= len(self._flags):
            grown = np.zeros(max(highest + 1, 2 * len(self._flags)), dtype=bool)
            grown[: len(self._flags)] = self._flags
            self._flags = grown
        self._flags[ids] = True

    def ids(self) -> Column:
        """The ids, ascending."""
        return np.flatnonzero(self._flags[1:]) + 1


class _Population:
    """One population's figures so far."""

    def __init__(self) -> None:
        self.apps, self._people, self._resources = _Ids(), _Ids(), _Ids()
        self._data_classes: set[str] = set()
        self._events = self._records = self._without_subject = self._without_records = 0

    def take(self, app: Column, subject: Column, resource: Column, records: Column, classes: Collection[str]) -> None:
        self.apps.take(app)
        self._people.take(subject)
        self._resources.take(resource)
        self._data_classes.update(classes)
        known = records[records >= 0]
        self._events += len(app)
        # Halves of numbers: no sum of them exceeds 63 bits.
        self._records += (int((known >> _ID_BITS).sum()) << _ID_BITS) + int((known & _ID).sum())
        self._without_subject += int((subject == 0).sum())
        self._without_records += len(records) - len(known)

    def counted(self, partner_of: Column) -> Population:
        apps = self.apps.ids()
        return Population(
            partners=len(np.unique(partner_of[apps])),
            apps=len(apps),
            people=len(self._people.ids()),
            resources=len(self._resources.ids()),
            data_classes=len(self._data_classes),
            events=self._events,
            records=self._records,
            events_without_subject=self._without_subject,
            events_without_records=self._without_records,
            qualifier="",
        )


class _Partners:
    """Each partner's counts so far, by internal id."""

    def __init__(self, size: int) -> None:
        def zeros() -> Column:
            return np.zeros(size, dtype=np.int64)

        self._size = size
        self._events, self._recent, self._after, self._nobody = zeros(), zeros(), zeros(), zeros()
        self._records_high, self._records_low = zeros(), zeros()
        self._first, self.lag = np.full(size, _LATER), np.full(size, _LATER)
        self._last = np.full(size, NO_INSTANT)
        self._people: list[Column] = []
        self._resources: list[Column] = []

    def take(self, partner: Column, times: Column, records: Column, recent: Mask, after: Mask, nobody: Mask) -> None:
        """Take events, of which each partner's mostly stand together: they are counted together."""
        starts = np.flatnonzero(np.diff(partner, prepend=-1))
        owner, known = partner[starts], np.maximum(records, 0)
        np.add.at(self._events, owner, np.diff(starts, append=len(partner)))
        np.minimum.at(self._first, owner, np.minimum.reduceat(times, starts))
        np.maximum.at(self._last, owner, np.maximum.reduceat(times, starts))
        for counts, values in (
            (self._records_high, known >> _ID_BITS),
            (self._records_low, known & _ID),
            (self._recent, recent),
            (self._after, after),
            (self._nobody, nobody),
        ):
            np.add.at(counts, owner, np.add.reduceat(values, starts, dtype=np.int64))

    def take_pairs(self, partner: Column, subject: Column, resource: Column) -> None:
        """Take whom and what the partners read."""
        for pairs, ids in ((self._people, subject), (self._resources, resource)):
            named = np.flatnonzero(ids)
            pairs.append(different((partner[named] << _ID_BITS) + ids[named]))

    def take_lags(self, partner: Column, lag: Column) -> None:
        """Take how long after a removal partners read."""
        np.minimum.at(self.lag, partner, lag)

    def tallies(self) -> Tallies:
        partner = np.flatnonzero(self._events)
        high, low = self._records_high[partner].tolist(), self._records_low[partner].tolist()
        return Tallies(
            partner=partner,
            people=self._each(self._people)[partner],
            events=self._events[partner],
            resources=self._each(self._resources)[partner],
            records=[(more << _ID_BITS) + rest for more, rest in zip(high, low, strict=True)],
            first_at=self._first[partner],
            last_at=self._last[partner],
            recent=self._recent[partner],
            after_removal=self._after[partner],
            first_lag=np.where(self._after[partner] > 0, self.lag[partner], NO_INSTANT),
            without_subject=self._nobody[partner],
        )

    def _each(self, pairs: list[Column]) -> Column:
        """How many different ids each partner has."""
        found = different(np.concatenate([np.zeros(0, dtype=np.int64), *pairs]))
        return np.bincount(found >> _ID_BITS, minlength=self._size)
