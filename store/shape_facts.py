"""What the shape of a partner's access rests on: its restricted reads, its removals, and what was logged."""

import sqlite3
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from store.aliases import same_person
from store.columns import COUNTED_SEGMENTS, distinct, distinct_within
from store.coverage import (
    SourceCoverage,
    coverage,
    day_ranges,
    intersected,
    logged_by_all,
    sources_within,
)
from store.facts import removal_lag
from store.judge import IMPROPER, UNDETERMINED
from store.moments import days_before
from store.parameters import View
from store.partner_events import partner_events
from store.reach import FOREVER
from store.registry import Registry, merge
from store.remembered import Remembered
from store.segments import Column, read_column
from store.world import World


class ResourceShare(NamedTuple):
    """How many of the people that the log knows in a resource were read there, and how often.

    Attributes:
        events: the restricted reads there; `nameless` of them name no person.
    """

    resource: str
    read: int
    known: int
    events: int
    nameless: int


class Stretch(NamedTuple):
    """A stretch `[from_at, until_at)` of the exposure, microseconds UTC.

    Attributes:
        logged: microseconds of it that every source covers while a rule is in force.
        reads: restricted reads in that time.
    """

    from_at: int
    until_at: int
    logged: int
    reads: int


@dataclass(frozen=True, slots=True)
class ShapeFacts:
    """A partner's events before as-of, under one view. Instants in microseconds UTC.

    Attributes:
        reads: instants of its restricted reads, ascending.
        people, resources: distinct ones in them.
        undetermined: events that may be restricted reads.
        late: instants of the restricted reads after a removal, ascending. `lags`: times since the removal, ascending.
        removed_at: first and last removal of any of its apps; None without any.
        read_on: restricted reads since the first removal of their app that do not count as after it, because access
            was granted again or they fell into the grace.
        undetermined_after: undetermined events since the first removal of their app.
        never_removed: names of the apps that read and were never removed.
        granted_again: names of the apps that were granted anything since their last removal.
        shares: of every resource with a restricted read of a named person, most people read first.
        sources: what is logged from the cut-off on. `event_days`: the days with events, where that is only inferred.
        in_force: when any rule is.
    """

    view: View
    reads: Column
    people: int
    resources: int
    undetermined: int
    late: Column
    lags: Column
    removed_at: tuple[int, int] | None
    read_on: int
    undetermined_after: int
    never_removed: tuple[str, ...]
    granted_again: tuple[str, ...]
    shares: tuple[ResourceShare, ...]
    sources: tuple[SourceCoverage, ...]
    event_days: tuple[int, ...]
    in_force: tuple[tuple[int, int], ...]
    registry: Registry

    @property
    def is_imported(self) -> bool:
        """Whether some log says what it is complete for."""
        return bool(self.registry.coverage)

    def days(self, from_at: int, until_at: int) -> tuple[int, int]:
        """UTC days that `[from_at, until_at)` touches, and how many of them are logged."""
        found = coverage(self.registry, self.event_days, from_at, until_at)
        return found.days, found.covered_days

    def thirds(self) -> tuple[Stretch, ...]:
        """The exposure, from the cut-off until as-of, in three stretches of one length; none without an exposure."""
        begin, end = self.view.cutoff, self.view.as_of
        if begin is None or begin >= end:
            return ()
        bounds = [begin + place * (end - begin) // 3 for place in range(4)]
        stretches = []
        for from_at, until_at in pairwise(bounds):
            logged = intersected(logged_by_all(self.sources, from_at, until_at), self.in_force)
            edges = np.searchsorted(self.reads, np.array(logged, dtype=np.int64).ravel(), "left").reshape(-1, 2)
            reads = int((edges[:, 1] - edges[:, 0]).sum())
            stretches.append(Stretch(from_at, until_at, sum(until - start for start, until in logged), reads))
        return tuple(stretches)


def _in_force(world: World, view: View) -> list[tuple[int, int]]:
    """When any rule is in force, under a what-if cut-off where there is one."""
    what_if = view.what_if_cutoff
    return merge(
        [
            (rule.from_at if what_if is None else what_if, FOREVER if rule.until_at is None else rule.until_at)
            for rule in world.rulebook.rules
        ]
    )


def shape_facts(connection: sqlite3.Connection, world: World, view: View, partner: int) -> ShapeFacts:
    """Gather them for one partner (internal id)."""
    registry, what_if = world.registry, view.what_if_cutoff
    columns, judged = partner_events(connection, world, partner)
    if what_if is not None:
        judged = world.judge(columns, cutoff=what_if)
    places = np.flatnonzero(columns.occurred_at < view.as_of)
    verdict, app, times = judged.verdict[places], columns.app[places], columns.occurred_at[places]
    improper, undetermined, after = verdict == IMPROPER, verdict == UNDETERMINED, columns.after[places]
    apps = registry.apps_of.get(partner, [])
    removals = {number: [at for at in registry.removals.get(number, ()) if at < view.as_of] for number in apps}
    since = np.zeros(len(places), dtype=bool)
    for number, removed in removals.items():
        if removed:
            since |= (app == number) & (times >= removed[0])
    late = improper & after
    lags = removal_lag(app[late], times[late], registry, grace=world.rulebook.removal_grace)
    all_removals = [at for removed in removals.values() for at in removed]
    readers = set(distinct(app[improper]).tolist())
    again = [
        number
        for number, removed in removals.items()
        if removed and any(removed[-1] <= at < view.as_of for at in registry.granted(number))
    ]
    days = days_before(connection, world, view.as_of)
    begin = view.as_of if view.cutoff is None else min(view.cutoff, view.as_of)
    read = places[improper]
    return ShapeFacts(
        view=view,
        reads=np.sort(times[improper]),
        people=int(np.count_nonzero(distinct(columns.subject[read]))),
        resources=int(np.count_nonzero(distinct(columns.resource[read]))),
        undetermined=int(undetermined.sum()),
        late=np.sort(times[late]),
        lags=np.sort(lags),
        removed_at=(min(all_removals), max(all_removals)) if all_removals else None,
        read_on=int((improper & since & ~after).sum()),
        undetermined_after=int((undetermined & since).sum()),
        never_removed=tuple(sorted(world.label(number) for number in readers if not removals[number])),
        granted_again=tuple(sorted(world.label(number) for number in again)),
        shares=_shares(connection, world, partner, read),
        sources=sources_within(registry, day_ranges(days), begin, view.as_of),
        event_days=tuple(days),
        in_force=tuple(_in_force(world, view)),
        registry=registry,
    )


_RESOURCE = "SELECT resource_id FROM resources WHERE id = ?"


def _shares(connection: sqlite3.Connection, world: World, partner: int, read: Column) -> tuple[ResourceShare, ...]:
    """For each resource of these restricted reads that name a person: who was read there, of whom the log knows."""
    columns = partner_events(connection, world, partner).columns
    named = read[(columns.resource[read] > 0) & (columns.subject[read] > 0)]
    resources, which = np.unique(columns.resource[named], return_inverse=True)
    if not len(resources):
        return ()
    people = distinct_within(which.ravel(), columns.subject[named], len(resources))
    by_name = np.bincount(which.ravel(), minlength=len(resources))
    events = np.bincount(columns.resource[read], minlength=int(resources[-1]) + 1)[resources]
    known = _known_people(connection, world, partner)
    shares = [
        ResourceShare(
            str(connection.execute(_RESOURCE, (resource,)).fetchone()[0]),
            int(people[place]),
            known[resource],
            int(events[place]),
            int(events[place] - by_name[place]),
        )
        for place, resource in enumerate(resources.tolist())
    ]
    return tuple(sorted(shares, key=lambda share: (-share.read, share.resource)))


_KNOWN: Remembered[dict[int, int]] = Remembered(most=16)


def _known_people(connection: sqlite3.Connection, world: World, partner: int) -> dict[int, int]:
    """For each resource in any event of the partner: distinct people in any event of anybody there, at any time."""
    return _KNOWN.get(world, partner, lambda: _count_known_people(connection, world, partner))


def _count_known_people(connection: sqlite3.Connection, world: World, partner: int) -> dict[int, int]:
    """A segment after the other, so that nobody's events need be in memory for it."""
    touched = distinct(partner_events(connection, world, partner).columns.resource)
    touched = touched[touched > 0]
    place_of = np.full(int(touched.max(initial=0)) + 2, -1, dtype=np.int64)
    place_of[touched] = np.arange(len(touched))
    places: list[Column] = [touched[:0]]
    people: list[Column] = [touched[:0]]
    for content_id, segment in connection.execute(COUNTED_SEGMENTS).fetchall():
        which = place_of[np.minimum(read_column(connection, content_id, segment, "resource"), len(place_of) - 1)]
        there = which >= 0
        places.append(which[there])
        people.append(read_column(connection, content_id, segment, "subject")[there])
    subjects = same_person(np.concatenate(people), world.aliases(connection))
    known = distinct_within(np.concatenate(places), subjects, len(touched))
    return dict(zip(touched.tolist(), known.tolist(), strict=True))
