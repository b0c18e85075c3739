"""Everything the questions need of the live evidence and the rules, read once and kept while nothing changes."""

import sqlite3
import threading
from collections.abc import Iterator
from dataclasses import replace
from weakref import WeakKeyDictionary

import numpy as np

from store.aliases import aliases, opt_ins_of_people, same_person
from store.columns import (
    BASE,
    COUNTED_SEGMENTS,
    EventColumns,
    Verdicts,
    field_sets,
    judge_columns,
    load_columns,
    load_named,
)
from store.connection import Store
from store.facts import Facts, OptIns, after_removal, exempt_classes
from store.judge import Judge
from store.kept import is_stale
from store.reach import Reach
from store.registry import Registry, load_opt_ins, load_registry, merge
from store.rulebook import Rulebook, rulebook_in
from store.segments import Column
from store.what_if import Variation, check_apps, varied

# What tells one state of the evidence and the rules from another: see `store.fold`.
_STATE = """
SELECT group_concat(value, ' ') FROM (
  SELECT value FROM derived_state
  WHERE name IN ('live_contents', 'registry', 'names', 'rulebook', 'stale') ORDER BY name)
"""


# Two threads that ask at once get one world: it is large.
_making = threading.RLock()


class World:
    """The rulebook, the registry and the live events of one state of a store.

    Events and opt-ins are read when first asked for, through the asker's connection.
    """

    def __init__(self, connection: sqlite3.Connection) -> None:
        self.rulebook: Rulebook = rulebook_in(connection)
        self.registry: Registry = load_registry(connection)
        self.classes_of: dict[int, tuple[str, ...]] = field_sets(connection)
        self._lock = threading.RLock()
        self._columns: EventColumns | None = None
        self._verdicts: Verdicts | None = None
        self._opt_ins: OptIns | None = None
        self._aliases: dict[int, int] | None = None
        self._held: dict[int | None, list[tuple[int, int]]] = {}
        self._by_app: Column | None = None
        self._apps_sorted: Column = np.zeros(0, dtype=np.int64)

    @property
    def evidence(self) -> "World":
        """The world whose events it judges: itself, but for a what-if."""
        return self

    @property
    def situated(self) -> "World":
        """A world in which every event is in the same situation (see `store.judge`): itself, but for most what-ifs."""
        return self

    def columns(self, connection: sqlite3.Connection) -> EventColumns:
        """Every live event."""
        with self._lock:
            if self._columns is None:
                self._columns = self._stale_columns(connection) if is_stale(connection) else self._noted(connection)
            return self._columns

    def parts(self, connection: sqlite3.Connection) -> Iterator[EventColumns]:
        """Every live event, some at a time: what is counted once needs no room for all of them."""
        with self._lock:
            held = self._columns
        if held is not None or is_stale(connection):
            yield self.columns(connection)
            return
        for segment in connection.execute(COUNTED_SEGMENTS).fetchall():
            yield self.segment(connection, segment)

    def verdicts(self, connection: sqlite3.Connection) -> Verdicts:
        """Of every live event, under the rulebook's own cut-offs."""
        with self._lock:
            if self._verdicts is None:
                self._verdicts = self.judge(self.columns(connection))
            return self._verdicts

    def opt_ins(self, connection: sqlite3.Connection) -> OptIns:
        """Every live opt-in."""
        with self._lock:
            if self._opt_ins is None:
                self._opt_ins = OptIns(opt_ins_of_people(load_opt_ins(connection), self.aliases(connection)))
            return self._opt_ins

    def aliases(self, connection: sqlite3.Connection) -> dict[int, int]:
        """Subject -> the subject that is the same person."""
        with self._lock:
            if self._aliases is None:
                self._aliases = aliases(connection)
            return self._aliases

    def judge(self, columns: EventColumns, *, cutoff: int | None = None) -> Verdicts:
        """Judge events, under a what-if cut-off where one is given (microseconds UTC)."""
        return judge_columns(columns, Judge(self.rulebook, cutoff=cutoff), self.registry, self.classes_of)

    def segment(self, connection: sqlite3.Connection, segment: tuple[int, int]) -> EventColumns:
        """The live events of one segment, named by its content and its number, of which the facts are noted."""
        return self._of_people(connection, load_columns(connection, [segment]))

    def _noted(self, connection: sqlite3.Connection) -> EventColumns:
        return self._of_people(connection, load_columns(connection))

    def _of_people(self, connection: sqlite3.Connection, columns: EventColumns) -> EventColumns:
        return replace(columns, subject=same_person(columns.subject, self.aliases(connection)))

    def _stale_columns(self, connection: sqlite3.Connection) -> EventColumns:
        """The live events where the last refresh does not know all of them: their facts are stated here."""
        loaded = load_named(connection, BASE)
        order = np.lexsort((loaded["occurred_at"], loaded["app"]))
        return self.columns_of(connection, np.stack([loaded[name][order] for name in BASE], axis=1))

    def columns_of(self, connection: sqlite3.Connection, rows: Column) -> EventColumns:
        """Columns of rows of `store.columns.BASE`, sorted by app.

        Subject and resource are 0 and records -1 where the log says nothing.
        """
        app, at, field_set, subject, resource, records, outcome = rows.reshape(-1, len(BASE)).T
        return EventColumns(
            app=app,
            occurred_at=at,
            field_set=field_set,
            subject=same_person(subject, self.aliases(connection)),
            resource=resource,
            records=records,
            outcome=outcome,
            **self.facts(connection, app, at, field_set, subject, resource)._asdict(),
        )

    def facts(
        self,
        connection: sqlite3.Connection,
        app: Column,
        occurred_at: Column,
        field_set: Column,
        subject: Column,
        resource: Column,
    ) -> Facts:
        """What the registry says of events, given as columns sorted by app; subjects as the log names them."""
        person = same_person(subject, self.aliases(connection))
        return Facts(
            exempt=exempt_classes(app, occurred_at, field_set, self.registry, self.classes_of).astype(np.int64),
            opt_in=self.opt_ins(connection).states(app, occurred_at, person, resource).astype(np.int64),
            after=after_removal(app, occurred_at, self.registry, grace=self.rulebook.removal_grace),
        )

    def label(self, app: int) -> str:
        """What to call an app: its name, or its id where the registry has none."""
        return self.registry.app_names.get(app, self.registry.app_ids[app])

    def held(self, partner: int | None) -> list[tuple[int, int]]:
        """When a partner, or anybody (None), could read restricted data: disjoint half-open intervals, ascending."""
        with self._lock:
            if partner not in self._held:
                reach = Reach(self.rulebook, self.registry)
                apps = self.registry.app_ids if partner is None else self.registry.apps_of.get(partner, ())
                self._held[partner] = merge([interval for app in apps for interval in reach.intervals(app)])
            return self._held[partner]

    def places_of(self, connection: sqlite3.Connection, partner: int) -> Column:
        """Where a partner's events lie in `columns`."""
        columns = self.columns(connection)
        with self._lock:
            if self._by_app is None:
                self._by_app = np.argsort(columns.app, kind="stable")
                self._apps_sorted = columns.app[self._by_app]
        apps = np.array(self.registry.apps_of.get(partner, ()), dtype=np.int64)
        starts = np.searchsorted(self._apps_sorted, apps, "left").tolist()
        ends = np.searchsorted(self._apps_sorted, apps, "right").tolist()
        parts = [self._by_app[start:end] for start, end in zip(starts, ends, strict=True)]
        return np.concatenate(parts) if parts else np.zeros(0, dtype=np.int64)


class WhatIfWorld(World):
    """The evidence and the registry of a world, judged by another rulebook; of events there is only one copy."""

    def __init__(self, base: World, rulebook: Rulebook) -> None:
        self.rulebook = rulebook
        self.registry = base.registry
        self.classes_of = base.classes_of
        self._base = base
        self._lock = threading.RLock()
        self._verdicts = None
        self._held = {}

    @property
    def evidence(self) -> World:
        """See `World`."""
        return self._base

    @property
    def situated(self) -> World:
        """See `World`: what rules accept changes verdicts, whom they are about changes situations."""
        about_the_same = all(
            (rule.apps, rule.not_apps) == (other.apps, other.not_apps)
            for rule, other in zip(self.rulebook.rules, self._base.rulebook.rules, strict=True)
        )
        return self._base if about_the_same else self

    def columns(self, connection: sqlite3.Connection) -> EventColumns:
        """See `World`."""
        return self._base.columns(connection)

    def parts(self, connection: sqlite3.Connection) -> Iterator[EventColumns]:
        """See `World`."""
        return self._base.parts(connection)

    def opt_ins(self, connection: sqlite3.Connection) -> OptIns:
        """See `World`."""
        return self._base.opt_ins(connection)

    def aliases(self, connection: sqlite3.Connection) -> dict[int, int]:
        """See `World`."""
        return self._base.aliases(connection)

    def places_of(self, connection: sqlite3.Connection, partner: int) -> Column:
        """See `World`."""
        return self._base.places_of(connection, partner)


_WHAT_IFS: "WeakKeyDictionary[Store, tuple[Variation, WhatIfWorld]]" = WeakKeyDictionary()


def world_under(store: Store, connection: sqlite3.Connection, changes: Variation | None) -> World:
    """`world_of`, judged by the rulebook's rules (None) or by those of a what-if; the last what-if is kept.

    Raises:
        UsageError: the what-if leaves out an app that the store does not know.
    """
    with _making:
        world = world_of(store, connection)
        if changes is None:
            return world
        kept = _WHAT_IFS.get(store)
        if kept is None or kept[0] != changes or kept[1].evidence is not world:
            check_apps(connection, changes)
            kept = _WHAT_IFS[store] = (changes, WhatIfWorld(world, varied(world.rulebook, changes)))
        return kept[1]


def world_of(store: Store, connection: sqlite3.Connection) -> World:
    """The world of the connection's snapshot; the last one is kept for as long as the evidence stays the same.

    Args:
        connection: of this store, inside `reading` or `writing`.
    """
    (token,) = connection.execute(_STATE).fetchone()
    with _making:
        kept = store.kept
        if kept is not None and kept[0] == token and isinstance(kept[1], World):
            return kept[1]
        # A what-if of the world before would keep all its events.
        _WHAT_IFS.pop(store, None)
        world = World(connection)
        store.kept = (str(token), world)
        return world
