"""The rows behind each number of the disclosure sheet: as many as the number says, under the very same parameters.

Counted anew from the events, some at a time: not in the way the numbers are, so that one holds the other.
"""

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import numpy as np

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
        looking = _Looking(connection, world, view)
        if area == "coverage":
            rows = looking.days(covered=name == "covered_days")
        elif area == "retained":
            rows = looking.retained(name)
        else:
            rows = looking.events_of(area, name)
        return rows.page(cell, first, limit)


class _Found(NamedTuple):
    """All rows of a cell: columns, how many, what they sum to, and what makes some of them."""

    columns: tuple[str, ...]
    number: int
    total: int
    make: Callable[[int, int], Sequence[tuple[object, ...]]]

    def page(self, cell: str, first: int, limit: int) -> SheetRows:
        rows = tuple(self.make(first, min(first + limit, self.number)))
        return SheetRows(cell, self.columns, rows, self.number, self.total)


_EVENT_COLUMNS = ("occurred_at", "app_id", "partner_id", "subject_id", "resource_id", "data_classes", "records")
_SUBJECT = "SELECT coalesce(spelling, subject_id) FROM subjects WHERE id = ?"
_RESOURCE = "SELECT resource_id FROM resources WHERE id = ?"


class _Events(NamedTuple):
    """The chosen events, a value each: internal ids, microseconds UTC, -1 for records that the log does not tell."""

    occurred_at: Column
    app: Column
    subject: Column
    resource: Column
    field_set: Column
    records: Column


class _Looking:
    """One snapshot looked at under one view."""

    def __init__(self, connection: sqlite3.Connection, world: World, view: View) -> None:
        self._connection = connection
        self._world = world
        self._view = view

    def events_of(self, area: str, name: str) -> _Found:
        """The rows of a population's measure, of a verdict, or of what comes from as-of on."""
        choose = self._chooser(area, name)
        classes: dict[str, list[Column]] = {}
        chosen = self._chosen(choose, classes if name == "data_classes" else None)
        if name == "partners":
            return self._grouped("partner_id", owners(self._world)[chosen.app], chosen, self._partner_id)
        if name == "apps":
            return self._grouped("app_id", chosen.app, chosen, lambda app: self._world.registry.app_ids[app])
        if name == "people":
            return self._grouped("subject_id", chosen.subject, chosen, self._text(_SUBJECT))
        if name == "resources":
            return self._grouped("resource_id", chosen.resource, chosen, self._text(_RESOURCE))
        if name == "data_classes":
            return _classes(classes)
        if name == "records":
            known = np.flatnonzero(chosen.records >= 0)
            chosen = _Events(*(column[known] for column in chosen))
            return self._listed(chosen, total=sum(chosen.records.tolist()))
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

    def _chosen(
        self, choose: Callable[[EventColumns, Verdicts], Mask], classes: dict[str, list[Column]] | None
    ) -> _Events:
        """The chosen events; where asked for, also when each data class was read that is improper on its own."""
        parts: list[_Events] = []
        for columns in self._world.parts(self._connection):
            verdicts = self._world.judge(columns, cutoff=self._view.what_if_cutoff)
            places = np.flatnonzero(choose(columns, verdicts))
            parts.append(_Events(*(getattr(columns, name)[places] for name in _Events._fields)))
            if classes is not None:
                for number in np.unique(verdicts.settled[places]).tolist():
                    times = columns.occurred_at[places][verdicts.settled[places] == number]
                    for data_class in verdicts.improper_classes[number]:
                        classes.setdefault(data_class, []).append(times)
        nothing = np.zeros(0, dtype=np.int64)
        return (
            _Events(*(np.concatenate([nothing, *each]) for each in zip(*parts, strict=True)))
            if parts
            else _Events(*(nothing for _ in _Events._fields))
        )

    def _grouped(self, what: str, keys: Column, chosen: _Events, named: Callable[[int], str]) -> _Found:
        """One row a different key: its name, how many events, the first and the last; those that name none left out."""
        named_ones = np.flatnonzero(keys)
        keys, times = keys[named_ones], chosen.occurred_at[named_ones]
        ids, which, counts = np.unique(keys, return_inverse=True, return_counts=True)
        first, last = np.full(len(ids), np.iinfo(np.int64).max), np.full(len(ids), np.iinfo(np.int64).min)
        np.minimum.at(first, which, times)
        np.maximum.at(last, which, times)
        order = np.lexsort((ids, -counts))

        def make(begin: int, end: int) -> list[tuple[object, ...]]:
            return [
                (named(int(ids[place])), int(counts[place]), int(first[place]), int(last[place]))
                for place in order[begin:end].tolist()
            ]

        return _Found((what, "events", "first_at", "last_at"), len(ids), len(ids), make)

    def _listed(self, chosen: _Events, *, total: int | None = None) -> _Found:
        order = np.lexsort((chosen.app, chosen.occurred_at))
        subject, resource = self._text(_SUBJECT), self._text(_RESOURCE)
        partner_of, registry = owners(self._world), self._world.registry

        def make(begin: int, end: int) -> Iterator[tuple[object, ...]]:
            for place in order[begin:end].tolist():
                at, app, person, container, field_set, records = (int(column[place]) for column in chosen)
                yield (
                    at,
                    registry.app_ids[app],
                    self._partner_id(int(partner_of[app])),
                    subject(person) if person else None,
                    resource(container) if container else None,
                    "|".join(self._world.classes_of[field_set]),
                    None if records < 0 else records,
                )

        count = len(order)
        return _Found(_EVENT_COLUMNS, count, count if total is None else total, lambda b, e: list(make(b, e)))

    def retained(self, name: str) -> _Found:
        """The partners or apps that kept access; those shown by reads alone."""
        able = set(able_apps(self._world, self._view).tolist())
        improper = self._chosen(self._chooser("accessed", "events"), None)
        read = set(np.unique(improper.app).tolist())
        registry = self._world.registry
        if name == "apps":
            apps = sorted(able | read, key=lambda app: registry.app_ids[app])
            rows = [(registry.app_ids[app], app in able, app in read) for app in apps]
            return _made(("app_id", "granted", "read"), rows)
        partner_of = owners(self._world)
        granted, reading = ({int(partner_of[app]) for app in apps} for apps in (able, read))
        partners = granted | reading if name == "partners" else reading - granted
        found = sorted((self._partner_id(each), each in granted, each in reading) for each in partners)
        return _made(("partner_id", "granted", "read"), found)

    def days(self, *, covered: bool) -> _Found:
        """The UTC days of `[cutoff, as_of)`, or those of them that are wholly logged."""
        view, registry = self._view, self._world.registry
        from_at = view.as_of if view.cutoff is None else view.cutoff
        event_days: list[int] = []
        if not registry.coverage:
            before = self._chosen(lambda columns, _: columns.occurred_at < view.as_of, None)
            event_days = np.unique(before.occurred_at // MICROSECONDS_PER_DAY).tolist()
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

    def _partner_id(self, partner: int) -> str:
        return self._names()[partner]

    def _names(self) -> dict[int, str]:
        if not hasattr(self, "_known_names"):
            self._known_names = {partner: name.partner_id for partner, name in partner_names(self._connection).items()}
        return self._known_names

    def _text(self, question: str) -> Callable[[int], str]:
        return lambda number: str(self._connection.execute(question, (number,)).fetchone()[0])


def _made(columns: tuple[str, ...], rows: Sequence[tuple[object, ...]]) -> _Found:
    return _Found(columns, len(rows), len(rows), lambda begin, end: rows[begin:end])


def _classes(found: dict[str, list[Column]]) -> _Found:
    rows = []
    for data_class, parts in sorted(found.items()):
        times = np.concatenate(parts)
        rows.append((data_class, len(times), int(times.min()), int(times.max())))
    return _made(("data_class", "events", "first_at", "last_at"), rows)


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
    return found.page(cell, first, limit)


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
