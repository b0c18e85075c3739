"""What all the evidence says of each app, whatever the as-of: its restricted reads, those after a removal, its access.

Derived: kept by the last refresh, counted anew where that does not know everything. Contradictions and proofs of
removal rest on it.
"""

import sqlite3
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, NamedTuple

from store.kept import is_stale

if TYPE_CHECKING:
    from store.columns import EventColumns, Verdicts
    from store.world import World

FAILED, PROVEN, UNTESTED = "failed", "proven", "untested"


class AppFigures(NamedTuple):
    """One app that read, was denied after a removal, or could read: the columns of the table `app_figures`.

    Attributes:
        app: internal id.
        events: improper events, over all evidence; `first_at`, `last_at`: the first and the last, microseconds UTC.
        after_removal: those after a removal without a re-grant, beyond the rulebook's grace; `first_after_at`: the
            first of them.
        denied_after: denied events after a removal without a re-grant.
        held_from, held_until: the last interval in which it could read restricted data, half-open, microseconds UTC;
            until `store.reach.FOREVER` where nothing ends it; None where it never could.
    """

    app: int
    events: int
    first_at: int | None
    last_at: int | None
    after_removal: int
    first_after_at: int | None
    denied_after: int
    held_from: int | None
    held_until: int | None


_FIGURES = """
SELECT app, events, first_at, last_at, after_removal, first_after_at, denied_after, held_from, held_until
FROM app_figures
"""
_OF_ONE = f"{_FIGURES} WHERE app = ?"
_SET = "INSERT OR REPLACE INTO app_figures VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"
_FORGET = "DELETE FROM app_figures WHERE app = ?"
_LOUD = f"{_FIGURES} WHERE after_removal > 0"
# So many apps are looked up one by one; of more, all are read.
_FEW = 2_000


class AppTallies:
    """Counts every app's events, taken in a segment at a time."""

    def __init__(self, world: "World") -> None:
        import numpy as np

        self._world = world
        size = max(world.registry.app_ids, default=0) + 1
        later, earlier = np.iinfo(np.int64).max, np.iinfo(np.int64).min
        self._none_first, self._none_last = int(later), int(earlier)
        self._events, self._after, self._denied = (np.zeros(size, dtype=np.int64) for _ in range(3))
        self._first, self._first_after = (np.full(size, later, dtype=np.int64) for _ in range(2))
        self._last = np.full(size, earlier, dtype=np.int64)

    def take(self, columns: "EventColumns", verdicts: "Verdicts") -> None:
        """Take the next events, judged under the rulebook's own cut-offs."""
        import numpy as np

        from store.judge import DENIED, IMPROPER

        size = len(self._events)
        improper = verdicts.verdict == IMPROPER
        app, times = columns.app[improper], columns.occurred_at[improper]
        self._events += np.bincount(app, minlength=size)
        np.minimum.at(self._first, app, times)
        np.maximum.at(self._last, app, times)
        after = columns.after[improper]
        self._after += np.bincount(app[after], minlength=size)
        np.minimum.at(self._first_after, app[after], times[after])
        denied = (verdicts.verdict == DENIED) & columns.after
        self._denied += np.bincount(columns.app[denied], minlength=size)

    def rows(self) -> list[AppFigures]:
        """The apps of which there is something to say, by internal id."""
        from store.able import last_held

        held_last = last_held(self._world)
        found = []
        for app in sorted(self._world.registry.app_ids):
            held = held_last.get(app)
            row = AppFigures(
                app=app,
                events=int(self._events[app]),
                first_at=_known(int(self._first[app]), self._none_first),
                last_at=_known(int(self._last[app]), self._none_last),
                after_removal=int(self._after[app]),
                first_after_at=_known(int(self._first_after[app]), self._none_first),
                denied_after=int(self._denied[app]),
                held_from=held[0] if held else None,
                held_until=held[1] if held else None,
            )
            if row.events or row.denied_after or held:
                found.append(row)
        return found


def _known(instant: int, none: int) -> int | None:
    return None if instant == none else instant


def keep_apps(connection: sqlite3.Connection, rows: Iterable[AppFigures]) -> None:
    """Replace what is kept; an app of which it says the same as before is not written anew."""
    before = {row[0]: row for row in connection.execute(_FIGURES)}
    connection.executemany(_SET, [row for row in rows if before.pop(row.app, None) != tuple(row)])
    connection.executemany(_FORGET, [(app,) for app in before])


def app_figures(connection: sqlite3.Connection, apps: Iterable[int] | None = None) -> Mapping[int, AppFigures]:
    """What is said of these apps (internal ids), or of all; apps of which there is nothing to say are left out."""
    if is_stale(connection):
        return _counted_now(connection)
    wanted = None if apps is None else list(apps)
    if wanted is None or len(wanted) > _FEW:
        return {row[0]: AppFigures._make(row) for row in connection.execute(_FIGURES)}
    return {row[0]: AppFigures._make(row) for app in wanted for row in connection.execute(_OF_ONE, (app,))}


def apps_read_after_removal(connection: sqlite3.Connection) -> Mapping[int, AppFigures]:
    """The apps with an improper event after a removal without a re-grant."""
    if is_stale(connection):
        return {app: row for app, row in _counted_now(connection).items() if row.after_removal}
    return {row[0]: AppFigures._make(row) for row in connection.execute(_LOUD)}


def _counted_now(connection: sqlite3.Connection) -> Mapping[int, AppFigures]:
    from store.world import World

    world = World(connection)
    tallies = AppTallies(world)
    for columns in world.parts(connection):
        tallies.take(columns, world.judge(columns))
    return {row.app: row for row in tallies.rows()}


def proof_of_removal(after_removal: int, denied_after: int) -> str:
    """What reads and denied attempts after a removal prove about it (DOMAIN, Proof of removal)."""
    if after_removal:
        return FAILED
    return PROVEN if denied_after else UNTESTED
