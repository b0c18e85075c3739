"""Which positions of the packed columns an event question means, and in what order: see `store.event_pages`."""

import sqlite3
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from store.event_columns import Codes, Mask, after_removal_in, verdicts_in
from store.event_endpoints import endpoints_at
from store.event_filters import EventFilters, Term
from store.event_index import Block, EventIndex, index_of
from store.ids import fold_id
from store.instants import MICROSECONDS_PER_DAY
from store.judge import DENIED, IMPROPER, VERDICT_NAMES
from store.kept import is_stale
from store.patterns import matches
from store.remembered import Remembered
from store.room import give_back
from store.segments import Column
from store.stopping import Stop
from store.time_order import TimeOrder

if TYPE_CHECKING:
    from store.world import World

_SUBJECTS = """
SELECT id FROM subjects WHERE instr(lower(subject_id), lower(:text)) > 0 OR instr(lower(spelling), lower(:text)) > 0
"""
_SUBJECT = "SELECT id FROM subjects WHERE subject_id = ?"
_RESOURCES = "SELECT id FROM resources WHERE instr(lower(resource_id), lower(:text)) > 0"
_RESOURCE = "SELECT id FROM resources WHERE resource_id = ?"
_ENDPOINTS = "SELECT id FROM endpoints WHERE instr(lower(endpoint), lower(:text)) > 0"
_ENDPOINT = "SELECT id FROM endpoints WHERE endpoint = ?"
_LARGE = 1 << 20
_DAYS = "SELECT min(day), max(day) FROM daily"


@dataclass(frozen=True, slots=True)
class EventQuestion:
    """Which events are asked for: in `[from_at, until_at)`, microseconds UTC; what is None does not limit.

    Attributes:
        partner: internal id.
    """

    partner: int | None = None
    from_at: int | None = None
    until_at: int | None = None
    filters: EventFilters = field(default_factory=EventFilters)


class _Wanted(NamedTuple):
    """The filters by internal ids: a table that says for every id whether it is wanted; None wants all."""

    apps: frozenset[int] | None
    verdicts: Mask | None
    field_sets: Mask | None
    subjects: Mask | None
    resources: Mask | None
    endpoints: Mask | None


_SELECTED: Remembered[TimeOrder] = Remembered(most=3)


def selected(connection: sqlite3.Connection, world: "World", question: EventQuestion, stop: Stop) -> TimeOrder:
    """The events that a question means, in order of time; the last few selections are kept.

    Args:
        world: of the connection's snapshot.

    Raises:
        StoppedError: the question was taken back.
    """
    return _SELECTED.get(world, question, lambda: _given_back(connection, _select(connection, world, question, stop)))


def _given_back(connection: sqlite3.Connection, order: TimeOrder) -> TimeOrder:
    """The same; what its making took of memory is given back."""
    if order.count > _LARGE:
        give_back(connection)
    return order


def _select(connection: sqlite3.Connection, world: "World", question: EventQuestion, stop: Stop) -> TimeOrder:
    index = index_of(connection, world)
    wanted = _wanted(connection, world, question.filters)
    apps = _apps(world, question, wanted)
    blocks = list(index.blocks(apps))
    bounded = question.from_at is not None or question.until_at is not None
    if not bounded and not question.filters:
        known = _known(connection, index) if question.partner is None else None
        return TimeOrder(partial(_whole, connection, blocks, stop), index.app_at, known=known)
    chooser = _Chooser(connection, world, index, question, wanted, stop)
    chosen = [chooser.chosen(block) for block in blocks]
    if wanted.endpoints is not None:
        chosen = chooser.of_endpoints(chosen, wanted.endpoints)
    return TimeOrder(lambda: iter(chosen), index.app_at)


def _whole(connection: sqlite3.Connection, blocks: Iterable[Block], stop: Stop) -> Iterator[tuple[Column, Column]]:
    for block in blocks:
        stop.check()
        times = block.read(connection, "occurred_at")
        yield times, block.base + np.arange(len(times))


def _known(connection: sqlite3.Connection, index: EventIndex) -> tuple[int, int, int] | None:
    """How many events anybody has, and instants before and after which there are none; None where it is not noted."""
    first, last = (None, None) if is_stale(connection) else connection.execute(_DAYS).fetchone()
    if first is None or last is None:
        return None
    return index.total, first * MICROSECONDS_PER_DAY, (last + 1) * MICROSECONDS_PER_DAY


def _apps(world: "World", question: EventQuestion, wanted: _Wanted) -> list[int] | None:
    """The apps whose events may be meant; None: anybody's."""
    if question.partner is None:
        return None if wanted.apps is None else sorted(wanted.apps)
    own = world.registry.apps_of.get(question.partner, ())
    return [app for app in own if wanted.apps is None or app in wanted.apps]


class _Chooser:
    """Chooses events of a block: the filters that need least reading first."""

    def __init__(
        self,
        connection: sqlite3.Connection,
        world: "World",
        index: EventIndex,
        question: EventQuestion,
        wanted: _Wanted,
        stop: Stop,
    ) -> None:
        self._connection = connection
        self._world = world
        self._index = index
        self._question = question
        self._wanted = wanted
        self._stop = stop

    def chosen(self, block: Block) -> tuple[Column, Column]:
        """Instants and positions of the events that are meant."""
        self._stop.check()
        wanted, question = self._wanted, self._question
        places = np.arange(block.stop - block.start)
        for name, table in (
            ("subject", wanted.subjects),
            ("resource", wanted.resources),
            ("field_set", wanted.field_sets),
        ):
            if table is not None and len(places):
                places = places[table[block.read(self._connection, name)[places]]]
        if not len(places):
            return places, places
        times = block.read(self._connection, "occurred_at")[places]
        if question.from_at is not None or question.until_at is not None:
            inside = np.ones(len(times), dtype=bool)
            if question.from_at is not None:
                inside &= times >= question.from_at
            if question.until_at is not None:
                inside &= times < question.until_at
            places, times = places[inside], times[inside]
        if wanted.verdicts is not None and len(places):
            inside = wanted.verdicts[self._verdicts(block, places)]
            places, times = places[inside], times[inside]
        if question.filters.after_removal and len(places):
            inside = np.isin(self._verdicts(block, places), (IMPROPER, DENIED))
            inside &= after_removal_in(self._connection, self._world, block, places)
            places, times = places[inside], times[inside]
        return times, block.base + places

    def of_endpoints(self, chosen: list[tuple[Column, Column]], wanted: Mask) -> list[tuple[Column, Column]]:
        """Those of the chosen events that have one of these endpoints: the filter that needs most reading."""
        endpoints = endpoints_at(self._connection, self._world, chosen, self._question.partner, self._stop)
        inside = [wanted[its] for its in endpoints]
        return [(times[mine], positions[mine]) for (times, positions), mine in zip(chosen, inside, strict=True)]

    def _verdicts(self, block: Block, places: Column) -> Codes:
        return verdicts_in(self._connection, self._world, block, places)


# -- from texts to internal ids ------------------------------------------------------------------------------------


def _wanted(connection: sqlite3.Connection, world: "World", filters: EventFilters) -> _Wanted:
    classes = [
        number
        for number, names in world.classes_of.items()
        if any(matches(pattern, name) for pattern in filters.data_classes for name in names)
    ]
    verdicts = [VERDICT_NAMES.index(name) for name in filters.verdicts]
    sizes = _Sizes(connection)
    return _Wanted(
        apps=_chosen_apps(world, filters),
        verdicts=_table(verdicts, len(VERDICT_NAMES)) if filters.verdicts else None,
        field_sets=_table(classes, max(world.classes_of, default=0) + 1) if filters.data_classes else None,
        subjects=_table(subjects_named(connection, world, filters.subjects), sizes.subjects)
        if filters.subjects
        else None,
        resources=_table(_ids(connection, filters.resources, _RESOURCE, _RESOURCES), sizes.resources)
        if filters.resources
        else None,
        endpoints=_table(_ids(connection, filters.endpoints, _ENDPOINT, _ENDPOINTS, fold=False), sizes.endpoints)
        if filters.endpoints
        else None,
    )


class _Sizes:
    """How large the dictionaries are, so that a table has a place for every id."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self.subjects, self.resources, self.endpoints = (
            int(number) + 1
            for number in connection.execute(
                "SELECT (SELECT coalesce(max(id), 0) FROM subjects), (SELECT coalesce(max(id), 0) FROM resources),"
                " (SELECT coalesce(max(id), 0) FROM endpoints)"
            ).fetchone()
        )


def _table(ids: Collection[int], size: int) -> Mask:
    table = np.zeros(size, dtype=bool)
    table[list(ids)] = True
    return table


def _chosen_apps(world: "World", filters: EventFilters) -> frozenset[int] | None:
    """The apps that both filters mean; None: any."""
    if not filters.app_ids:
        return _wanted_apps(world, filters.apps) if filters.apps else None
    ids = world.registry.app_ids.items()
    found = frozenset(
        app
        for app, app_id in ids
        if any(
            app_id == fold_id(term.text) if term.exact else term.text.casefold() in app_id.casefold()
            for term in filters.app_ids
        )
    )
    return found & _wanted_apps(world, filters.apps) if filters.apps else found


def _wanted_apps(world: "World", terms: Iterable[Term]) -> frozenset[int]:
    found: set[int] = set()
    for term in terms:
        if term.exact:
            folded = fold_id(term.text)
            found.update(app for app, app_id in world.registry.app_ids.items() if app_id == folded)
            found.update(app for app, name in world.registry.app_names.items() if name == term.text)
        else:
            text = term.text.casefold()
            found.update(app for app, app_id in world.registry.app_ids.items() if text in app_id.casefold())
            found.update(app for app, name in world.registry.app_names.items() if text in name.casefold())
    return frozenset(found)


def subjects_named(connection: sqlite3.Connection, world: "World", terms: Iterable[Term]) -> set[int]:
    """The subjects, by internal id, that these terms mean, with every other id of the same people; 0 is nobody."""
    found = _ids(connection, terms, _SUBJECT, _SUBJECTS)
    aliases = world.aliases(connection)
    if aliases and found:
        people = {aliases.get(subject, subject) for subject in found}
        found |= people | {alias for alias, person in aliases.items() if person in people}
    return found


def resources_named(connection: sqlite3.Connection, terms: Iterable[Term]) -> set[int]:
    """The resources, by internal id, that these terms mean; 0 is none."""
    return _ids(connection, terms, _RESOURCE, _RESOURCES)


def _ids(
    connection: sqlite3.Connection, terms: Iterable[Term], one: str, several: str, *, fold: bool = True
) -> set[int]:
    found: set[int] = set()
    for term in terms:
        if term.is_not_logged:
            found.add(0)
        elif term.exact:
            wanted = fold_id(term.text) if fold else term.text
            found.update(number for (number,) in connection.execute(one, (wanted,)))
        else:
            found.update(number for (number,) in connection.execute(several, {"text": term.text}))
    return found
