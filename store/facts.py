"""What the registry says of each event, whatever the rules: exempt classes, opt-ins, whether a removal preceded it.

Works on whole columns of events of one segment, which are sorted by app and then by time.
"""

from bisect import bisect_left
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from store.judge import NO_OPT_IN, OPTED_IN, SOMEBODY_OPTED_IN
from store.patterns import matches
from store.registry import OptIn, Registry, merge
from store.segments import Column

_FOREVER = 2**62
# Internal ids are below this many bits.
_ID_BITS = 31


class Facts(NamedTuple):
    """What the registry says of each event: see `EventColumns`, whose columns these are."""

    exempt: Column
    opt_in: Column
    after: npt.NDArray[np.bool_]


Bits = npt.NDArray[np.uint64]


def exempt_classes(
    app: Column, occurred_at: Column, field_set: Column, registry: Registry, classes_of: dict[int, tuple[str, ...]]
) -> Bits:
    """For each event, a bit for each of its field set's data classes that an exemption in force covers."""
    exempt = np.zeros(len(app), dtype=np.uint64)
    numbers, starts = _runs(app)
    for place, number in enumerate(numbers.tolist()):
        if number not in registry.exemptions:
            continue
        start, end = int(starts[place]), int(starts[place + 1])
        times, sets, bits = occurred_at[start:end], field_set[start:end], exempt[start:end]
        for exemption in registry.exemptions[number]:
            until = _FOREVER if exemption.until_at is None else exemption.until_at
            in_force = (times >= exemption.from_at) & (times < until)
            for each in np.unique(sets[in_force]):
                covered = sum(
                    1 << place
                    for place, data_class in enumerate(classes_of[int(each)])
                    if matches(exemption.pattern, data_class)
                )
                if covered:
                    bits[in_force & (sets == each)] |= np.uint64(covered)
    return exempt


def after_removal(app: Column, occurred_at: Column, registry: Registry, *, grace: int) -> npt.NDArray[np.bool_]:
    """Whether some removal of the app precedes the event and no grant of it lies from there to the event.

    Args:
        grace: microseconds that must have passed since the removal: what is earlier is taken for a late log.
    """
    numbers, starts = _runs(app)
    which = np.repeat(np.arange(len(numbers)), np.diff(starts))
    removed_at, several = _only_removals(numbers, registry)
    regranted_at = np.full(len(numbers), _FOREVER)
    for place in np.flatnonzero(removed_at < _FOREVER).tolist():
        granted = registry.granted(int(numbers[place]))
        first = bisect_left(granted, int(removed_at[place]))
        if first < len(granted):
            regranted_at[place] = granted[first]
    after = (occurred_at - grace >= removed_at[which]) & (occurred_at < regranted_at[which])
    for place in several:
        number, mine = int(numbers[place]), slice(int(starts[place]), int(starts[place + 1]))
        times = occurred_at[mine]
        last_removed_at, was_removed = _last_removal(registry.removals[number], times, grace)
        grants = np.array(registry.granted(number), dtype=np.int64)
        first_grant = np.searchsorted(grants, last_removed_at, "left")
        regranted = np.searchsorted(grants, times, "right") > first_grant
        after[mine] = was_removed & ~regranted
    return np.asarray(after)


def removal_lag(app: Column, occurred_at: Column, registry: Registry, *, grace: int) -> Column:
    """Microseconds since the removal that `after_removal` goes by; -1 where there is none."""
    numbers, which = np.unique(app, return_inverse=True)
    removed_at, several = _only_removals(numbers, registry)
    lag = np.where(occurred_at - grace >= removed_at[which], occurred_at - removed_at[which], -1)
    for place in several:
        mine = np.flatnonzero(which == place)
        times = occurred_at[mine]
        last_removed_at, was_removed = _last_removal(registry.removals[int(numbers[place])], times, grace)
        lag[mine] = np.where(was_removed, times - last_removed_at, -1)
    return lag


def _runs(app: Column) -> tuple[Column, Column]:
    """The apps of a sorted column, each once, and where their events begin; the column's length at the end."""
    starts = np.flatnonzero(np.diff(app, prepend=-1))
    return app[starts], np.append(starts, len(app))


def _only_removals(numbers: Column, registry: Registry) -> tuple[Column, list[int]]:
    """When each app was removed, in the distant future without a removal; and the places of those removed often."""
    removed_at = np.full(len(numbers), _FOREVER)
    several = []
    for place, number in enumerate(numbers.tolist()):
        removals = registry.removals.get(number, ())
        if len(removals) == 1:
            removed_at[place] = removals[0]
        elif removals:
            several.append(place)
    return removed_at, several


def _last_removal(removals: Sequence[int], times: Column, grace: int) -> tuple[Column, npt.NDArray[np.bool_]]:
    """For each instant the last removal at least `grace` before it, and whether there is one.

    Of all such removals the last one leaves the least room for a re-grant.
    """
    ascending = np.array(removals, dtype=np.int64)
    last = np.searchsorted(ascending, times - grace, "right") - 1
    return ascending[np.maximum(last, 0)], last >= 0


class OptIns:
    """The live opt-ins, arranged so that a whole column of events is looked up at once."""

    def __init__(self, opt_ins: list[OptIn]) -> None:
        by_subject = sorted(opt_ins, key=lambda opt_in: opt_in.subject)
        self._subject = np.array([opt_in.subject for opt_in in by_subject], dtype=np.int64)
        self._from = np.array([opt_in.from_at for opt_in in by_subject], dtype=np.int64)
        self._until = np.array(
            [_FOREVER if opt_in.until_at is None else opt_in.until_at for opt_in in by_subject], dtype=np.int64
        )
        self._app = np.array([opt_in.app or 0 for opt_in in by_subject], dtype=np.int64)
        self._resource = np.array([opt_in.resource or 0 for opt_in in by_subject], dtype=np.int64)
        self._anybody = _Anybody(opt_ins)

    def states(self, app: Column, occurred_at: Column, subject: Column, resource: Column) -> npt.NDArray[np.uint8]:
        """What the opt-ins say of each event: `NO_OPT_IN`, `OPTED_IN` or `SOMEBODY_OPTED_IN`."""
        states = np.full(len(app), NO_OPT_IN, dtype=np.uint8)
        if not len(self._subject):
            return states
        self._mark_known(states, app, occurred_at, subject, resource)
        self._mark_unknown(states, app, occurred_at, subject, resource)
        return states

    def _mark_known(
        self, states: npt.NDArray[np.uint8], app: Column, occurred_at: Column, subject: Column, resource: Column
    ) -> None:
        left = np.searchsorted(self._subject, subject, "left")
        right = np.searchsorted(self._subject, subject, "right")
        counts = np.where(subject > 0, right - left, 0)
        # The k-th opt-in of every event's subject at a time: few people have many.
        for rank in range(int(counts.max()) if len(counts) else 0):
            events = np.nonzero(counts > rank)[0]
            which = left[events] + rank
            times = occurred_at[events]
            hit = (
                (self._from[which] <= times)
                & (times < self._until[which])
                & ((self._app[which] == 0) | (self._app[which] == app[events]))
                & ((self._resource[which] == 0) | (self._resource[which] == resource[events]))
            )
            states[events[hit]] = OPTED_IN

    def _mark_unknown(
        self, states: npt.NDArray[np.uint8], app: Column, occurred_at: Column, subject: Column, resource: Column
    ) -> None:
        unknown = np.nonzero(subject == 0)[0]
        if not len(unknown):
            return
        mine, its_resource, times = app[unknown], resource[unknown], occurred_at[unknown]
        nothing = np.zeros(len(unknown), dtype=np.int64)
        inside = np.zeros(len(unknown), dtype=bool)
        for limits in ((nothing, nothing), (mine, nothing), (nothing, its_resource), (mine, its_resource)):
            inside |= self._anybody.is_in_force(*limits, times)
        states[unknown[inside]] = SOMEBODY_OPTED_IN


class _Anybody:
    """When an opt-in of anybody was in force, by what it is limited to: an app, a resource, both, or nothing (0, 0)."""

    def __init__(self, opt_ins: list[OptIn]) -> None:
        intervals: dict[int, list[tuple[int, int]]] = {}
        for each in opt_ins:
            until = _FOREVER if each.until_at is None else each.until_at
            code = ((each.app or 0) << _ID_BITS) + (each.resource or 0)
            intervals.setdefault(code, []).append((each.from_at, until))
        bounds = {code: np.array(merge(found), dtype=np.int64).ravel() for code, found in sorted(intervals.items())}
        self._codes = np.array(list(bounds), dtype=np.int64)
        flat = np.concatenate([np.zeros(0, dtype=np.int64), *bounds.values()])
        # Bounds by their rank among all of them: a limit and a rank are one number, and all are sought at once.
        self._ranked = np.unique(flat)
        self._size = len(self._ranked) + 1
        owner = np.repeat(np.arange(len(bounds)), [len(found) for found in bounds.values()])
        self._places = owner * self._size + np.searchsorted(self._ranked, flat)

    def is_in_force(self, app: Column, resource: Column, times: Column) -> npt.NDArray[np.bool_]:
        """Of each instant, whether an opt-in limited to exactly that app and resource is in force."""
        code = (app << _ID_BITS) + resource
        owner = np.minimum(np.searchsorted(self._codes, code), len(self._codes) - 1)
        passed = owner * self._size + np.searchsorted(self._ranked, times, "right")
        bounds = np.searchsorted(self._places, passed) - np.searchsorted(self._places, owner * self._size)
        return np.asarray((self._codes[owner] == code) & (bounds % 2 == 1))
