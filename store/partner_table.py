"""Tens of thousands of partners as columns: one population, an order, a filter and sums without a row for each.

The evidence's part is read once for each state of the evidence; what investigators did is laid over it. Rows are made
only where somebody looks at them.
"""

import sqlite3
import threading
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import repeat
from operator import contains
from typing import Any, Generic, TypeVar, overload
from weakref import WeakKeyDictionary

import numpy as np
import numpy.typing as npt

from store.audits import Mark, marks_of_evidence
from store.connection import Store
from store.kept import PartnerFigures, is_stale
from store.partners import PartnerRow, Together, Work, row_of, work_of
from store.registry import ByNumber
from store.tallies import NO_INSTANT, PartnerCounts, instant_or_none

Integers = npt.NDArray[np.int64]
Booleans = npt.NDArray[np.bool_]

_NUMBERS = (
    *("partner", "claimed", "retained", "granted", "apps", "people", "events", "resources", "first_at", "last_at"),
    *("recent", "after_removal", "first_lag", "without_subject"),
)
_TEXTS = ("partner_id", "name", "app_names", "records")
_SELECT = """
SELECT partner, claimed, retained, granted, apps, people, events, resources,
  coalesce(first_at, -9223372036854775808), coalesce(last_at, -9223372036854775808), recent, after_removal,
  coalesce(first_lag, -9223372036854775808), without_subject, partner_id, name, app_names, records
FROM partner_figures ORDER BY partner
"""
_STATE = "SELECT name, value FROM derived_state ORDER BY name"
# Few at a time: other threads, such as the one that draws, come in between.
_AT_ONCE = 2_000


@dataclass(frozen=True, slots=True)
class PartnerColumns:
    """What the evidence says of each partner, by internal id ascending.

    Attributes:
        numbers: the numbers of `PartnerFigures` by name; the least 64-bit number where there is none.
        texts: its texts by name.
        records: numbers, or what spells them: they may exceed 63 bits.
        by_name: places ordered by name without case, then by id; `name_rank`: of each, equal names alike.
        search: name, id, app names and app ids, case-folded.
        place_of: internal id -> place.
    """

    numbers: dict[str, Integers]
    texts: dict[str, list[str]]
    records: Sequence[int | str]
    by_name: Integers
    name_rank: Integers
    search: list[str]
    place_of: Mapping[int, int]

    def __len__(self) -> int:
        return len(self.search)

    def members(self, population: str) -> "Booleans":
        """Which of them are in a population: `retained`, `accessed`, `recent` or `after_removal`."""
        belongs: Booleans = self.numbers[{"accessed": "events"}.get(population, population)] > 0
        return belongs

    def under(self, counts: PartnerCounts) -> "PartnerColumns":
        """The same partners under another view."""
        return replace(self, numbers={**self.numbers, **counts.numbers}, records=counts.records)

    def figures(self, place: int) -> PartnerFigures:
        """One partner's part of the figures."""
        number = {name: int(column[place]) for name, column in self.numbers.items()}
        return PartnerFigures(
            partner=number["partner"],
            partner_id=self.texts["partner_id"][place],
            name=self.texts["name"][place],
            claimed=bool(number["claimed"]),
            retained=bool(number["retained"]),
            granted=bool(number["granted"]),
            apps=number["apps"],
            people=number["people"],
            events=number["events"],
            resources=number["resources"],
            records=int(self.records[place]),
            first_at=instant_or_none(number["first_at"]),
            last_at=instant_or_none(number["last_at"]),
            recent=number["recent"],
            after_removal=number["after_removal"],
            first_lag=instant_or_none(number["first_lag"]),
            without_subject=number["without_subject"],
            app_names=self.texts["app_names"][place],
        )


def columns_of(rows: Iterable[PartnerFigures]) -> PartnerColumns:
    """The columns of these rows, in their order."""
    told = (
        (
            *(NO_INSTANT if (value := getattr(row, name)) is None else int(value) for name in _NUMBERS),
            *(row.partner_id, row.name, row.app_names, row.records),
        )
        for row in rows
    )
    return _columns(told)


def _columns(rows: Iterable[tuple[Any, ...]]) -> PartnerColumns:
    numbers: list[list[Integers]] = [[] for _ in _NUMBERS]
    texts: list[list[str]] = [[] for _ in _TEXTS]
    waiting: list[tuple[Any, ...]] = []

    def take() -> None:
        across = list(zip(*waiting, strict=True))
        for parts, values in zip(numbers, across[: len(_NUMBERS)], strict=True):
            parts.append(np.array(values, dtype=np.int64))
        for column, strings in zip(texts, across[len(_NUMBERS) :], strict=True):
            column.extend(strings)
        waiting.clear()

    for row in rows:
        waiting.append(row)
        if len(waiting) == _AT_ONCE:
            take()
    if waiting:
        take()
    nothing = np.zeros(0, dtype=np.int64)
    number_of = {
        name: np.concatenate(parts) if parts else nothing for name, parts in zip(_NUMBERS, numbers, strict=True)
    }
    text_of = dict(zip(_TEXTS, texts, strict=True))
    ids, names = text_of["partner_id"], [name.casefold() for name in text_of["name"]]
    ordered = sorted(range(len(ids)), key=ids.__getitem__)
    ordered.sort(key=names.__getitem__)
    ranks = np.zeros(len(ids), dtype=np.int64)
    by_name = np.array(ordered, dtype=np.int64)
    if ordered:
        differs = [names[one] != names[other] for one, other in zip(ordered[1:], ordered, strict=False)]
        ranks[by_name] = np.concatenate(([0], np.cumsum(differs)))
    search = [
        f"{name}\n{partner_id.casefold()}\n{apps.casefold()}\n"
        for name, partner_id, apps in zip(names, ids, text_of["app_names"], strict=True)
    ]
    places = ByNumber(zip(number_of["partner"].tolist(), range(len(ids)), strict=True))
    return PartnerColumns(number_of, text_of, text_of.pop("records"), by_name, ranks, search, places)


Read = TypeVar("Read")


class _OfState(Generic[Read]):
    """What is read once for each state of the evidence of a store."""

    def __init__(self) -> None:
        self._known: WeakKeyDictionary[Store, tuple[object, Read]] = WeakKeyDictionary()
        self._reading = threading.Lock()

    def get(self, store: Store, connection: sqlite3.Connection, read: Callable[[], Read]) -> Read:
        """It, read now where the evidence changed; who asks meanwhile waits."""
        state = connection.execute(_STATE).fetchall()
        with self._reading:
            known = self._known.get(store)
            if known is None or known[0] != state:
                known = self._known[store] = state, read()
            return known[1]


_COLUMNS: _OfState[PartnerColumns] = _OfState()
_MARKS: _OfState[dict[int, Mark]] = _OfState()


def kept_columns(store: Store, connection: sqlite3.Connection) -> PartnerColumns:
    """The columns of the table `partner_figures`, read once for each state of the evidence.

    Args:
        connection: of this store, inside `reading`.
    """
    return _COLUMNS.get(store, connection, lambda: _columns(connection.execute(_SELECT)))


def work_on_many(store: Store, connection: sqlite3.Connection, *, today: int) -> Work:
    """`store.partners.work_of`: what the evidence alone says of partners without a step is found once for each state.

    Args:
        connection: of this store, inside `reading`.
        today: the instant at which due dates are judged, microseconds UTC.
    """
    if is_stale(connection):
        return work_of(connection, today=today)
    known = _MARKS.get(store, connection, lambda: marks_of_evidence(connection))
    work = work_of(connection, today=today, others=False)
    return work._replace(marks={**known, **work.marks})


class PartnerTable(Sequence[PartnerRow]):
    """Every known partner, in the order of attention; see `store.partners.partner_list`."""

    def __init__(self, columns: PartnerColumns, work: Work) -> None:
        self._columns = columns
        self._work = work
        size = len(columns)
        self._due = np.full(size, NO_INSTANT, dtype=np.int64)
        self._overdue = np.zeros(size, dtype=bool)
        contradicted = np.zeros(size, dtype=bool)
        for partner, mark in work.marks.items():
            place = columns.place_of.get(partner)
            if place is not None:
                people, after = (int(columns.numbers[name][place]) for name in ("people", "after_removal"))
                contradicted[place] = mark.contradicts(people, after_removal=after)
                self._overdue[place] = mark.overdue
                if mark.due is not None:
                    self._due[place] = mark.due
        number = columns.numbers
        rank = np.zeros(size, dtype=np.int64)
        rank[columns.by_name] = np.arange(size)
        self._order: Integers = np.lexsort(
            (
                rank,
                -number["events"],
                -number["people"],
                number["retained"] == 0,
                number["recent"] == 0,
                ~self._overdue,
                ~contradicted,
                number["after_removal"] == 0,
            )
        )
        self._search: list[str] | None = None

    def __len__(self) -> int:
        return len(self._order)

    @overload
    def __getitem__(self, index: int) -> PartnerRow: ...
    @overload
    def __getitem__(self, index: slice) -> list[PartnerRow]: ...
    def __getitem__(self, index: int | slice) -> PartnerRow | list[PartnerRow]:
        if isinstance(index, slice):
            return [self.row_at(int(place)) for place in self._order[index]]
        return self.row_at(int(self._order[index]))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, PartnerTable) and self._columns is other._columns and self._work == other._work

    def __hash__(self) -> int:
        return hash(len(self))

    def row_at(self, place: int) -> PartnerRow:
        """The row of a place in the columns."""
        return row_of(self._columns.figures(place), self._work)

    def find(self, partner: int) -> PartnerRow | None:
        """One partner's row; None for an internal id that is not known."""
        place = self._columns.place_of.get(partner)
        return None if place is None else self.row_at(place)

    def known(self, partners: Collection[int]) -> set[int]:
        """Those of these internal ids that are known."""
        return {partner for partner in partners if partner in self._columns.place_of}

    def arranged(self, population: str, column: str, *, reverse: bool) -> "PartnerLines":
        """The rows of a population in an order; those without a value come last either way round.

        Args:
            population: `all`, `retained`, `accessed`, `recent` or `after_removal`.
            column: `attention`, or one of the columns a list is sorted by; numbers of reads begin with the largest.
            reverse: turn the order round; equal rows stay in the order of attention.
        """
        number = self._columns.numbers
        chosen = self._order
        if population != "all":
            chosen = chosen[self._columns.members(population)[chosen]]
        if column == "attention":
            return PartnerLines(self, chosen[::-1] if reverse else chosen)
        values = {"name": self._columns.name_rank, "due": self._due}.get(column)
        values = number[column] if values is None else values
        valued = chosen[values[chosen] != NO_INSTANT] if column in ("due", "last_at") else chosen
        keys = values[valued]
        largest_first = (column not in ("name", "due")) != reverse
        ordered = valued[np.argsort(-keys if largest_first else keys, kind="stable")]
        if len(valued) < len(chosen):
            ordered = np.concatenate((ordered, chosen[values[chosen] == NO_INSTANT]))
        return PartnerLines(self, ordered)

    def texts(self) -> list[str]:
        """What the filter looks in, by place; notes included."""
        if self._search is None:
            found = self._columns.search
            if self._work.notes:
                found = found.copy()
                for partner, notes in self._work.notes.items():
                    place = self._columns.place_of.get(partner)
                    if place is not None:
                        found[place] += "\n".join(note.text for note in notes).casefold()
            self._search = found
        return self._search


class PartnerLines(Sequence[PartnerRow]):
    """Some of a table's rows in an order. Rows are made when asked for."""

    def __init__(self, table: PartnerTable, places: Integers) -> None:
        self._table = table
        self._places = places
        self._line_of: Integers | None = None
        self._made: dict[int, PartnerRow] = {}

    def __len__(self) -> int:
        return len(self._places)

    @overload
    def __getitem__(self, index: int) -> PartnerRow: ...
    @overload
    def __getitem__(self, index: slice) -> list[PartnerRow]: ...
    def __getitem__(self, index: int | slice) -> PartnerRow | list[PartnerRow]:
        if isinstance(index, slice):
            return [self._row(int(place)) for place in self._places[index]]
        return self._row(int(self._places[index]))

    def __iter__(self) -> Iterator[PartnerRow]:
        return map(self._table.row_at, self._places.tolist())

    def _row(self, place: int) -> PartnerRow:
        row = self._made.get(place)
        if row is None:
            row = self._made[place] = self._table.row_at(place)
        return row

    def holding(self, words: Sequence[str]) -> "PartnerLines":
        """The rows in which every one of these case-folded words occurs."""
        texts, places = self._table.texts(), self._places
        for word in words:
            looked_in = texts if len(places) == len(texts) else list(map(texts.__getitem__, places.tolist()))
            held = np.fromiter(map(contains, looked_in, repeat(word)), dtype=bool, count=len(looked_in))
            places = places[held[places] if looked_in is texts else held]
        return PartnerLines(self._table, places)

    def place(self, partner: int) -> int | None:
        """Where a partner is among these rows; None when it is not."""
        place = self._table._columns.place_of.get(partner)
        line = -1 if place is None else int(self._lines()[place])
        return None if line < 0 else line

    def hidden(self, partners: Collection[int]) -> int:
        """How many of these partners are not among these rows."""
        if not partners:
            return 0
        place_of = self._table._columns.place_of
        places = [place for partner in partners if (place := place_of.get(partner)) is not None]
        shown = int((self._lines()[places] >= 0).sum()) if places else 0
        return len(partners) - shown

    def partners(self, begin: int = 0, end: int | None = None) -> set[int]:
        """The internal ids of the rows `begin` to `end`, exclusive."""
        chosen: list[int] = self._table._columns.numbers["partner"][self._places[begin:end]].tolist()
        return set(chosen)

    def ids(self) -> list[int]:
        """The internal ids of the rows, in their order."""
        ids: list[int] = self._table._columns.numbers["partner"][self._places].tolist()
        return ids

    def together(self) -> Together:
        """What can be summed over these rows."""
        number = self._table._columns.numbers
        last = int(number["last_at"][self._places].max(initial=NO_INSTANT))
        return Together(
            apps=int(number["apps"][self._places].sum()),
            events=int(number["events"][self._places].sum()),
            last_at=instant_or_none(last),
            late=int(self._table._overdue[self._places].sum()),
        )

    def _lines(self) -> Integers:
        """For each place in the columns the line that shows it, -1 where none does."""
        if self._line_of is None:
            self._line_of = np.full(len(self._table), -1, dtype=np.int64)
            self._line_of[self._places] = np.arange(len(self._places))
        return self._line_of
