"""Who still read, week by week since the rule: distinct partners and people over all partners."""

import sqlite3
from typing import TYPE_CHECKING, NamedTuple

from store.connection import Store
from store.instants import MICROSECONDS_PER_DAY
from store.parameters import Parameters, View, resolve
from store.remembered import Remembered

if TYPE_CHECKING:
    from store.world import World

_WEEK = 7 * MICROSECONDS_PER_DAY


class Week(NamedTuple):
    """Restricted reads (improper events) in `[from_at, until_at)`, microseconds UTC.

    Attributes:
        partners, people: distinct ones in this week; they do not add up over weeks.
        events: how many reads; they do add up.
        days, logged_days: UTC days that the week touches, and how many of them are logged: none read in a week that
            is not logged says nothing.
    """

    from_at: int
    until_at: int
    partners: int
    people: int
    events: int
    days: int
    logged_days: int


_WEEKS: Remembered[tuple[Week, ...]] = Remembered(most=4)


def weeks_of_all(store: Store, parameters: Parameters) -> tuple[Week, ...]:
    """Every week of 7 x 86,400 s from the cut-off until as-of, the last one cut there; none without rules."""
    from store.world import world_of

    with store.reading() as connection:
        world = world_of(store, connection)
        view = resolve(world.rulebook, parameters)
        key = view.cutoff, view.as_of, view.what_if_cutoff
        return _WEEKS.get(world, key, lambda: _count(connection, world, view))


def _count(connection: sqlite3.Connection, world: "World", view: View) -> tuple[Week, ...]:
    import numpy as np

    from store.columns import distinct_within
    from store.coverage import coverage
    from store.judge import IMPROPER
    from store.moments import days_before

    if view.cutoff is None:
        return ()
    starts = range(view.cutoff, view.as_of, _WEEK)
    columns, what_if = world.columns(connection), view.what_if_cutoff
    verdicts = world.verdicts(connection) if what_if is None else world.judge(columns, cutoff=what_if)
    read = np.flatnonzero((verdicts.verdict == IMPROPER) & (columns.occurred_at < view.as_of))
    week = (columns.occurred_at[read] - view.cutoff) // _WEEK
    partner_of = np.zeros(max(world.registry.app_ids, default=0) + 1, dtype=np.int64)
    for app, partner in world.registry.partner_of.items():
        partner_of[app] = partner
    partners = distinct_within(week, partner_of[columns.app[read]], len(starts))
    people = distinct_within(week, columns.subject[read], len(starts))
    events = np.bincount(week, minlength=len(starts))
    days = days_before(connection, world, view.as_of)
    weeks = []
    for place, start in enumerate(starts):
        end = min(start + _WEEK, view.as_of)
        logged = coverage(world.registry, days, start, end)
        counts = int(partners[place]), int(people[place]), int(events[place])
        weeks.append(Week(start, end, *counts, logged.days, logged.covered_days))
    return tuple(weeks)
