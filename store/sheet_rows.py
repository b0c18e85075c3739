"""The rows behind each number of the disclosure sheet: as many as the number says, under the very same parameters.

Counted anew from the events, some at a time: not in the way the numbers are, so that one holds the other.
"""

import sqlite3
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from store.able import able_apps
from store.audits import stage_name
from store.columns import EventColumns, Mask, Verdicts
from store.connection import Store
from store.coverage import coverage
from store.errors import UsageError
from store.instants import MICROSECONDS_PER_DAY, format_day, format_instant
from store.judge import DENIED, IMPROPER, VERDICT_NAMES
from store.names import partner_names
from store.parameters import Parameters, View, resolve
from store.partners import PartnerRow, partner_list
from store.remembered import Remembered
from store.roster import owners
from store.segments import Column
from store.world import World, world_under

READING = ("accessed", "recent", "after_removal")
MEASURES = ("partners", "apps", "people", "resources", "data_classes", "events", "records")
WITHOUT = ("events_without_subject", "events_without_records")
_MOST_ROWS = 10_000_000


class SheetRows(NamedTuple):
    """The rows of one cell.

    Attributes:
        cell: its path, as the `figures` JSON names it: `accessed.people`.
        columns: what each value of a row is called; instants are microseconds UTC, in columns that end in `_at`.
        rows: at most as many as were asked for, in the order told by the first columns.
        number: how many there are in all: the number of the cell; of `records` their sum is.
        total: of `records`, the sum over all of its rows; else the same number.
    """

    cell: str
    columns: tuple[str, ...]
    rows: tuple[tuple[object, ...], ...]
    number: int
    total: int


def cells() -> tuple[str, ...]:
    """The paths of all cells that have rows."""
    populations = [f"{name}.{measure}" for name in READING for measure in (*MEASURES, *WITHOUT)]
    retained = [f"retained.{measure}" for measure in ("partners", "apps", "ungranted_partners")]
    work = [f"cases.{status}" for status in ("open", "flagged", "cleared")]
    return (
        *retained,
        *populations,
        "after_removal.denied_attempts",
        *(f"verdicts.{name}" for name in VERDICT_NAMES),
        "events_from_as_of",
        *work,
        "coverage.days",
        "coverage.covered_days",
    )


def sheet_rows(
    store: Store, parameters: Parameters, cell: str, *, first: int = 0, limit: int = _MOST_ROWS
) -> SheetRows:
    """The rows of a cell.

    Args:
        cell: one of `cells()`, or `audits.` and a stage or side state.
        first, limit: which of the rows, counted from 0.

    Raises:
        UsageError: no such cell.
    """
    area, _, name = cell.partition(".")
    if area in ("cases", "audits"):
        return _of_work(store, parameters, cell, area, name, first, limit)
    if cell not in cells():
        raise UsageError(f"no such figure: {cell!r}; choose one of {', '.join(cells())}, audits.STAGE")
    with store.reading() as connection:
        world = world_under(store, connection, parameters.variation)
        view = resolve(world.rulebook, parameters)
        # Work and today change none of these cells.
        key = (cell, view.as_of, view.window_days, view.what_if_cutoff, view.variation)
        rows = _LAST.get(world.evidence, key, lambda: _Looking(connection, world, view).rows_of(area, name))
        return rows.page(connection, cell, first, limit)


class _Found(NamedTuple):
    """All rows of a cell: columns, how many, what they sum to, what makes some of them, and the room they take."""

    columns: tuple[str, ...]
    number: int
    total: int
    make: Callable[[sqlite3.Connection, int, int], Sequence[tuple[object, ...]]]
    size: int = 0

    def page(self, connection: sqlite3.Connection, cell: str, first: int, limit: int) -> SheetRows:
        rows = tuple(self.make(connection, first, min(first + limit, self.number)))
        return SheetRows(cell, self.columns, rows, self.number, self.total)


# Rows are looked at some at a time: of a cell that takes little room they are kept until another is looked at.
_MOST_KEPT = 96 << 20
_LAST: Remembered[_Found] = Remembered(keeps=lambda found: found.size <= _MOST_KEPT)

_EVENT_COLUMNS = ("occurred_at", "app_id", "partner_id", "subject_id", "resource_id", "data_classes", "records")
_SUBJECT = "SELECT coalesce(spelling, subject_id) FROM subjects WHERE id = ?"
_RESOURCE = "SELECT resource_id FROM resources WHERE id = ?"


# What is told of an event: internal ids, microseconds UTC, -1 for records that the log does not tell.
_TOLD = ("occurred_at", "app", "subject", "resource", "field_set", "records")
Chosen = dict[str, npt.NDArray[np.integer[Any]]]
_NOTHING = np.zeros(0, dtype=np.int64)
_GROUPED = {"partners": "app", "apps": "app", "people": "subject", "resources": "resource"}


class _Looking:
    """One snapshot looked at under one view."""

    def __init__(self, connection: sqlite3.Connection, world: World, view: View) -> None:
        self._connection = connection
        self._world = world
        self._view = view

    def rows_of(self, area: str, name: str) -> _Found:
        """The rows of a cell."""
        if area == "coverage":
            return self._days(covered=name == "covered_days")
        return self._retained(name) if area == "retained" else self._events_of(area, name)

    def _events_of(self, area: str, name: str) -> _Found:
        """The rows of a population's measure, of a verdict, or of what comes from as-of on."""
        choose = self._chooser(area, name)
        if name == "data_classes":
            return self._classes(choose)
        if name in _GROUPED:
            chosen = self._chosen(choose, ("occurred_at", _GROUPED[name]))
            keys, times = chosen[_GROUPED[name]], chosen["occurred_at"]
            if name == "partners":
                names = self._names
                return self._grouped("partner_id", owners(self._world)[keys], times, lambda _: names.__getitem__)
            if name == "apps":
                app_ids = self._world.registry.app_ids
                return self._grouped("app_id", keys, times, lambda _: app_ids.__getitem__)
            if name == "people":
                return self._grouped("subject_id", keys, times, _texts(_SUBJECT))
            return self._grouped("resource_id", keys, times, _texts(_RESOURCE))
        chosen = self._chosen(choose, _TOLD)
        if name == "records":
            known = np.flatnonzero(chosen["records"] >= 0)
            chosen = {told: column[known] for told, column in chosen.items()}
            return self._listed(chosen, total=sum(chosen["records"].tolist()))
        return self._listed(chosen)

    def _chooser(self, area: str, name: str) -> Callable[[EventColumns, Verdicts], Mask]:
        view = self._view

        def choose(columns: EventColumns, verdicts: Verdicts) -> Mask:
            before: Mask = columns.occurred_at < view.as_of
            if area == "events_from_as_of":
                return np.logical_not(before)
            wanted = VERDICT_NAMES.index(name) if area == "verdicts" else IMPROPER
            if name == "denied_attempts":
                wanted, before = DENIED, before & columns.after
            mask: Mask = before & (verdicts.verdict == wanted)
            if area == "verdicts" or name == "denied_attempts":
                return mask
            if area == "recent":
                mask &= columns.occurred_at >= view.recent_from
            if area == "after_removal":
                mask &= columns.after
            if name == "events_without_subject":
                mask &= columns.subject == 0
            if name == "events_without_records":
                mask &= columns.records < 0
            return mask

        return choose

    def _chosen(self, choose: Callable[[EventColumns, Verdicts], Mask], names: Sequence[str]) -> Chosen:
        """What is told under these names of the chosen events; ids in as little room as they need."""
        parts: dict[str, list[npt.NDArray[np.integer[Any]]]] = {name: [] for name in names}
        for columns, _, places in self._parts(choose):
            for name, column in parts.items():
                values = getattr(columns, name)[places]
                column.append(values if name in ("occurred_at", "records") else values.astype(np.int32))
        return {name: np.concatenate(column) if column else _NOTHING for name, column in parts.items()}

    def _parts(
        self, choose: Callable[[EventColumns, Verdicts], Mask]
    ) -> Iterator[tuple[EventColumns, Verdicts, Column]]:
        """All events, some at a time, with their verdicts and the places of those that are chosen."""
        for columns in self._world.parts(self._connection):
            verdicts = self._world.judge(columns, cutoff=self._view.what_if_cutoff)
            yield columns, verdicts, np.flatnonzero(choose(columns, verdicts))

    def _classes(self, choose: Callable[[EventColumns, Verdicts], Mask]) -> _Found:
        """When each data class was read that is improper on its own, and how often."""
        found: dict[str, list[Column]] = {}
        for columns, verdicts, places in self._parts(choose):
            settled, times = verdicts.settled[places], columns.occurred_at[places]
            for number in np.unique(settled).tolist():
                for data_class in verdicts.improper_classes[number]:
                    found.setdefault(data_class, []).append(times[settled == number])
        rows = []
        for data_class, parts in sorted(found.items()):
            times = np.concatenate(parts)
            rows.append((data_class, len(times), int(times.min()), int(times.max())))
        return _made(("data_class", "events", "first_at", "last_at"), rows)

    def _grouped(
        self,
        what: str,
        keys: npt.NDArray[np.integer[Any]],
        times: npt.NDArray[np.integer[Any]],
        named: Callable[[sqlite3.Connection], Callable[[int], str]],
    ) -> _Found:
        """One row a different key: its name, how many events, the first and the last; those that name none left out."""
        named_ones = np.flatnonzero(keys)
        keys, times = keys[named_ones], times[named_ones]
        ids, which, counts = np.unique(keys, return_inverse=True, return_counts=True)
        first, last = np.full(len(ids), np.iinfo(np.int64).max), np.full(len(ids), np.iinfo(np.int64).min)
        np.minimum.at(first, which, times)
        np.maximum.at(last, which, times)
        order = np.lexsort((ids, -counts))
        columns = tuple(column[order] for column in (ids, counts, first, last))

        def make(connection: sqlite3.Connection, begin: int, end: int) -> list[tuple[object, ...]]:
            name_of = named(connection)
            rows = zip(*(column[begin:end].tolist() for column in columns), strict=True)
            return [(name_of(key), *others) for key, *others in rows]

        return _Found((what, "events", "first_at", "last_at"), len(ids), len(ids), make, _room(columns))

    def _listed(self, chosen: Chosen, *, total: int | None = None) -> _Found:
        order = np.lexsort((chosen["app"], chosen["occurred_at"]))
        columns = [chosen.pop(name)[order] for name in _TOLD]
        names, partner_of = self._names, owners(self._world)
        app_ids, classes_of = self._world.registry.app_ids, self._world.classes_of

        def make(connection: sqlite3.Connection, begin: int, end: int) -> list[tuple[object, ...]]:
            subject, resource = _texts(_SUBJECT)(connection), _texts(_RESOURCE)(connection)
            return [
                (
                    at,
                    app_ids[app],
                    names[int(partner_of[app])],
                    subject(person) if person else None,
                    resource(container) if container else None,
                    "|".join(classes_of[field_set]),
                    None if records < 0 else records,
                )
                for at, app, person, container, field_set, records in zip(
                    *(column[begin:end].tolist() for column in columns), strict=True
                )
            ]

        count = len(order)
        return _Found(_EVENT_COLUMNS, count, count if total is None else total, make, _room(columns))

    def _retained(self, name: str) -> _Found:
        """The partners or apps that kept access; those shown by reads alone."""
        able = set(able_apps(self._world, self._view).tolist())
        improper = self._chosen(self._chooser("accessed", "events"), ("app",))
        read = set(np.unique(improper["app"]).tolist())
        registry = self._world.registry
        if name == "apps":
            apps = sorted(able | read, key=lambda app: registry.app_ids[app])
            rows = [(registry.app_ids[app], app in able, app in read) for app in apps]
            return _made(("app_id", "granted", "read"), rows)
        partner_of = owners(self._world)
        granted, reading = ({int(partner_of[app]) for app in apps} for apps in (able, read))
        partners = granted | reading if name == "partners" else reading - granted
        found = sorted((self._names[each], each in granted, each in reading) for each in partners)
        return _made(("partner_id", "granted", "read"), found)

    def _days(self, *, covered: bool) -> _Found:
        """The UTC days of `[cutoff, as_of)`, or those of them that are wholly logged."""
        view, registry = self._view, self._world.registry
        from_at = view.as_of if view.cutoff is None else view.cutoff
        event_days: list[int] = []
        if not registry.coverage:
            before = self._chosen(lambda columns, _: columns.occurred_at < view.as_of, ("occurred_at",))
            event_days = np.unique(before["occurred_at"] // MICROSECONDS_PER_DAY).tolist()
        logged = coverage(registry, event_days, from_at, view.as_of)
        if from_at >= view.as_of:
            return _made(("day", "logged"), [])
        days = range(from_at // MICROSECONDS_PER_DAY, (view.as_of - 1) // MICROSECONDS_PER_DAY + 1)
        missing = set(logged.uncovered)
        rows = [
            (format_day(day * MICROSECONDS_PER_DAY), day not in missing)
            for day in days
            if not covered or day not in missing
        ]
        return _made(("day", "logged"), rows)

    @cached_property
    def _names(self) -> dict[int, str]:
        return {partner: name.partner_id for partner, name in partner_names(self._connection).items()}


def _texts(question: str) -> Callable[[sqlite3.Connection], Callable[[int], str]]:
    """What a dictionary says of a number, asked by one connection or another."""

    def of(connection: sqlite3.Connection) -> Callable[[int], str]:
        return lambda number: str(connection.execute(question, (number,)).fetchone()[0])

    return of


def _room(columns: Iterable[npt.NDArray[Any]]) -> int:
    return sum(column.nbytes for column in columns)


def _made(columns: tuple[str, ...], rows: Sequence[tuple[object, ...]]) -> _Found:
    return _Found(columns, len(rows), len(rows), lambda _, begin, end: rows[begin:end])


def _of_work(
    store: Store, parameters: Parameters, cell: str, area: str, name: str, first: int, limit: int
) -> SheetRows:
    """The partners whose case, or whose track, stands so."""
    with store.reading() as connection:
        rows = partner_list(store, parameters)
        if area == "cases":
            if name not in ("open", "flagged", "cleared"):
                raise UsageError(f"no such figure: {cell!r}; choose cases.open, cases.flagged or cases.cleared")
            chosen = [row for row in rows if row.status == name]
        else:
            from store.audits import COUNTED
            from store.partners import work_of

            if name not in COUNTED:
                raise UsageError(f"no such figure: {cell!r}; choose audits. and one of {', '.join(COUNTED)}")
            view = resolve(world_under(store, connection, parameters.variation).rulebook, parameters)
            work = work_of(connection, today=view.today, others=False)
            counted = [row for row in rows if row.retained or row.partner in work.cases or row.partner in work.marks]
            chosen = [row for row in counted if _stands(row, name)]
        found = _made(
            ("partner_id", "name", "status", "stage", "due_at"),
            [(row.partner_id, row.name, row.status, row.stage, row.due) for row in chosen],
        )
        return found.page(connection, cell, first, limit)


def _stands(row: PartnerRow, name: str) -> bool:
    return row.overdue if name == "overdue" else name in (stage_name(row.stage), *row.side_states)


def rows_document(found: SheetRows) -> dict[str, object]:
    """A cell's rows as JSON, each by the names of its columns; instants as text."""
    return {
        "figure": found.cell,
        "number": found.number,
        "total": found.total,
        "rows": [
            {
                name: format_instant(value) if name.endswith("_at") and isinstance(value, int) else value
                for name, value in zip(found.columns, row, strict=True)
            }
            for row in found.rows
        ],
    }
