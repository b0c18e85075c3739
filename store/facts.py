"""What the registry says of each event, whatever the rules: exempt classes, opt-ins, whether a removal preceded it.

Works on whole columns of events of one segment, which are sorted by app and then by time.
"""

from collections.abc import Collection, Iterable
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from store.judge import NO_OPT_IN, OPTED_IN, SOMEBODY_OPTED_IN
from store.patterns import matches
from store.registry import OptIn, Registry, merge
from store.segments import Column

_FOREVER = 2**62


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
    for number in _both(app, registry.exemptions):
        start, end = np.searchsorted(app, number, "left"), np.searchsorted(app, number, "right")
        if start == end:
            continue
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
    after = np.zeros(len(app), dtype=bool)
    for number in _both(app, registry.removals):
        start, end = np.searchsorted(app, number, "left"), np.searchsorted(app, number, "right")
        if start < end:
            times = occurred_at[start:end]
            removed_at, was_removed = _last_removal(registry.removals[number], times, grace)
            granted = np.array(registry.granted.get(number, []), dtype=np.int64)
            first_grant = np.searchsorted(granted, removed_at, "left")
            regranted = np.searchsorted(granted, times, "right") > first_grant
            after[start:end] = was_removed & ~regranted
    return after


def _both(app: Column, known: Collection[int]) -> Iterable[int]:
    """The apps of these events (ascending) that are among the known ones, and perhaps more of the known ones."""
    if len(app) >= len(known):
        return known
    return [number for number in np.unique(app).tolist() if number in known]


def removal_lag(app: Column, occurred_at: Column, registry: Registry, *, grace: int) -> Column:
    """Microseconds since the removal that `after_removal` goes by; -1 where there is none."""
    lag = np.full(len(app), -1, dtype=np.int64)
    order = np.argsort(app, kind="stable")
    numbers, starts = np.unique(app[order], return_index=True)
    for number, mine in zip(numbers.tolist(), np.split(order, starts[1:]), strict=False):
        removals = registry.removals.get(number)
        if removals:
            times = occurred_at[mine]
            removed_at, was_removed = _last_removal(removals, times, grace)
            lag[mine] = np.where(was_removed, times - removed_at, -1)
    return lag


def _last_removal(removals: list[int], times: Column, grace: int) -> tuple[Column, npt.NDArray[np.bool_]]:
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
        self._anybody: dict[tuple[int, int], list[tuple[int, int]]] = {}
        for opt_in in by_subject:
            key = (opt_in.app or 0, opt_in.resource or 0)
            until = _FOREVER if opt_in.until_at is None else opt_in.until_at
            self._anybody.setdefault(key, []).append((opt_in.from_at, until))
        self._anybody = {key: merge(intervals) for key, intervals in self._anybody.items()}

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
        pairs, inverse = np.unique(np.stack((app[unknown], resource[unknown])), axis=1, return_inverse=True)
        order = np.argsort(inverse.ravel(), kind="stable")
        starts = np.searchsorted(inverse.ravel()[order], np.arange(pairs.shape[1] + 1))
        for number, (its_app, its_resource) in enumerate(pairs.T.tolist()):
            events = unknown[order[starts[number] : starts[number + 1]]]
            limits = {(0, 0), (its_app, 0), (0, its_resource), (its_app, its_resource)}
            intervals = merge([interval for limit in limits for interval in self._anybody.get(limit, ())])
            if not intervals:
                continue
            bounds = np.array(intervals, dtype=np.int64).ravel()
            inside = np.searchsorted(bounds, occurred_at[events], "right") % 2 == 1
            states[events[inside]] = SOMEBODY_OPTED_IN
