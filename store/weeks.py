"""Who still read, week by week since the rule: distinct partners and people over all partners."""

import sqlite3
from typing import TYPE_CHECKING, NamedTuple

from store.connection import Store
from store.instants import MICROSECONDS_PER_DAY
from store.parameters import Parameters, View, resolve
from store.remembered import Remembered

if TYPE_CHECKING:
    from store.segments import Column
    from store.world import World

_WEEK = 7 * MICROSECONDS_PER_DAY
# Internal ids are row numbers: there is no room on a disk for more of them.
_ID_BITS = 44


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
    from store.world import world_under

    with store.reading() as connection:
        world = world_under(store, connection, parameters.variation)
        view = resolve(world.rulebook, parameters)
        key = view.cutoff, view.as_of, view.what_if_cutoff
        return _WEEKS.get(world, key, lambda: _count(connection, world, view))


def _count(connection: sqlite3.Connection, world: "World", view: View) -> tuple[Week, ...]:
    import numpy as np

    from store.columns import different
    from store.coverage import coverage
    from store.judge import IMPROPER
    from store.moments import days_before
    from store.roster import owners

    if view.cutoff is None:
        return ()
    cutoff = view.cutoff
    starts = range(cutoff, view.as_of, _WEEK)
    partner_of = owners(world)
    events = np.zeros(len(starts), dtype=np.int64)
    # A week and an id in one number: what a part of the events has more than once is kept once.
    partners: list[Column] = []
    people: list[Column] = []
    for columns in world.parts(connection):
        verdicts = world.judge(columns, cutoff=view.what_if_cutoff)
        read = np.flatnonzero((verdicts.verdict == IMPROPER) & (columns.occurred_at < view.as_of))
        week = (columns.occurred_at[read] - cutoff) // _WEEK
        events += np.bincount(week, minlength=len(starts))
        partners.append(different(week << _ID_BITS | partner_of[columns.app[read]]))
        named = columns.subject[read] > 0
        people.append(different(week[named] << _ID_BITS | columns.subject[read][named]))
    weekly_partners, weekly_people = _in_each_week(partners, len(starts)), _in_each_week(people, len(starts))
    days = days_before(connection, world, view.as_of)
    weeks = []
    for place, start in enumerate(starts):
        end = min(start + _WEEK, view.as_of)
        logged = coverage(world.registry, days, start, end)
        counts = int(weekly_partners[place]), int(weekly_people[place]), int(events[place])
        weeks.append(Week(start, end, *counts, logged.days, logged.covered_days))
    return tuple(weeks)


def _in_each_week(parts: "list[Column]", weeks: int) -> "Column":
    """How many different numbers there are of each week."""
    import numpy as np

    from store.columns import different

    together = different(np.concatenate(parts)) if parts else np.zeros(0, dtype=np.int64)
    return np.bincount(together >> _ID_BITS, minlength=weeks)
