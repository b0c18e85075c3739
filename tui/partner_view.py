"""What the partner list shows of all partners: one population, filtered, in an order. It draws nothing."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Protocol, runtime_checkable

from store.partners import FirstPartners, PartnerRow, Together


@dataclass(frozen=True, slots=True)
class Population:
    """A choice of partners that `p` goes through.

    Attributes:
        name: as the keys of the figures say.
        label: as the screen says; `{days}` is the window's length.
    """

    name: str
    label: str
    holds: Callable[[PartnerRow], bool]


@dataclass(frozen=True, slots=True)
class Order:
    """An order that `s` goes through.

    Attributes:
        column: as the store calls it.
        key: None keeps the store's own order, that of attention; rows without a value come last either way.
        descending: whether the largest comes first before `S` is pressed.
    """

    label: str
    column: str
    key: Callable[[PartnerRow], Any] | None
    descending: bool = False


POPULATIONS = (
    Population("retained", "kept access", lambda row: row.retained),
    Population("accessed", "read", lambda row: row.events > 0),
    Population("recent", "last {days} days", lambda row: row.recent > 0),
    Population("after_removal", "after removal", lambda row: row.after_removal > 0),
    Population("all", "all", lambda row: True),
)
ORDERS = (
    Order("why first", "attention", None),
    Order("name", "name", lambda row: row.name.casefold()),
    Order("people", "people", lambda row: row.people, descending=True),
    Order("reads", "events", lambda row: row.events, descending=True),
    Order("last read", "last_at", lambda row: row.last_at, descending=True),
    Order("due", "due", lambda row: row.due),
    Order("apps", "apps", lambda row: row.apps, descending=True),
)
# What was typed before it is remembered for so many steps back.
_REMEMBERED = 24


class Lines(Protocol):
    """Some rows in an order."""

    def __len__(self) -> int: ...

    def __getitem__(self, index: int, /) -> PartnerRow: ...

    def holding(self, words: Sequence[str]) -> "Lines":
        """The rows in which every one of these case-folded words occurs."""

    def place(self, partner: int) -> int | None:
        """Where a partner is among these rows; None when it is not."""

    def hidden(self, partners: Collection[int]) -> int:
        """How many of these partners are not among these rows."""

    def partners(self, begin: int = 0, end: int | None = None) -> set[int]:
        """The internal ids of the rows `begin` to `end`, exclusive."""

    def together(self) -> Together:
        """What can be summed over these rows."""


@runtime_checkable
class Table(Protocol):
    """Rows too many to go through one by one: `store.partner_table.PartnerTable`."""

    def arranged(self, population: str, column: str, *, reverse: bool) -> Lines:
        """The rows of a population in an order."""

    def known(self, partners: Collection[int]) -> set[int]:
        """Those of these internal ids that are known."""


class FewLines(list[PartnerRow]):
    """Rows that are few enough to go through one by one; see `Lines`."""

    def holding(self, words: Sequence[str]) -> "FewLines":
        """The rows in which every one of these case-folded words occurs."""
        return FewLines(row for row in self if all(word in row.search for word in words))

    def place(self, partner: int) -> int | None:
        """Where a partner is among these rows; None when it is not."""
        return self._places.get(partner)

    def hidden(self, partners: Collection[int]) -> int:
        """How many of these partners are not among these rows."""
        return sum(partner not in self._places for partner in partners)

    def partners(self, begin: int = 0, end: int | None = None) -> set[int]:
        """The internal ids of the rows `begin` to `end`, exclusive."""
        return {row.partner for row in self[begin:end]}

    def together(self) -> Together:
        """What can be summed over these rows."""
        return Together(
            apps=sum(row.apps for row in self),
            events=sum(row.events for row in self),
            last_at=max((row.last_at for row in self if row.last_at is not None), default=None),
            late=sum(row.overdue for row in self),
        )

    @cached_property
    def _places(self) -> dict[int, int]:
        return {row.partner: place for place, row in enumerate(self)}


def arranged(rows: Sequence[PartnerRow], population: Population, order: Order, *, reverse: bool) -> Lines:
    """The rows of a population in an order; those without a value come last either way round."""
    if isinstance(rows, Table):
        return rows.arranged(population.name, order.column, reverse=reverse)
    chosen = [row for row in rows if population.holds(row)]
    key = order.key
    if key is None:
        return FewLines(chosen[::-1] if reverse else chosen)
    valued = [row for row in chosen if key(row) is not None]
    valued.sort(key=key, reverse=order.descending != reverse)
    return FewLines(valued + [row for row in chosen if key(row) is None])


class PartnerView:
    """The rows in view. Changing anything works the rows out again; nothing here takes more than milliseconds.

    Attributes:
        rows: every known partner, in the store's order; at the start maybe only the first ones.
        visible: those shown, in the order shown.
        total: how many the population holds before the filter.
        together: sums over the visible rows.
    """

    def __init__(self) -> None:
        self.rows: Sequence[PartnerRow] = ()
        self.visible: Lines = FewLines()
        self.total = 0
        self.together = Together(0, 0, None, 0)
        self._population = 0
        self._order = 0
        self._reverse = False
        self._filter = ""
        self._ordered: Lines = FewLines()
        # What the last texts typed have found, so that each key only looks through what the text before it found.
        self._found: dict[tuple[str, ...], Lines] = {}
        self._first: FirstPartners | None = None

    @property
    def population(self) -> Population:
        """The population shown."""
        return POPULATIONS[self._population]

    @property
    def order(self) -> Order:
        """The order shown."""
        return ORDERS[self._order]

    @property
    def reverse(self) -> bool:
        """Whether the order is turned round."""
        return self._reverse

    @property
    def filter_text(self) -> str:
        """What the rows must hold; empty for no filter."""
        return self._filter

    @property
    def is_whole(self) -> bool:
        """Whether all rows are there, and not only the first ones."""
        return self._first is None

    @property
    def is_as_begun(self) -> bool:
        """Whether population and order are those that the list begins with, and no filter is set."""
        return (self._population, self._order, self._reverse, self._filter) == (0, 0, False, "")

    def set_rows(self, rows: Sequence[PartnerRow]) -> None:
        """Show other rows, under the same population, order and filter."""
        self.rows = rows
        self._first = None
        self._arrange()

    def set_first(self, first: FirstPartners) -> None:
        """Show the begin of the list until `set_rows` brings all; its total and sums are those of the whole."""
        self.rows = first.rows
        self._first = first
        self._arrange()

    def known(self, partners: set[int]) -> set[int]:
        """Those of these partners that there are."""
        if isinstance(self.rows, Table):
            return self.rows.known(partners)
        return partners & {row.partner for row in self.rows} if partners else partners

    def next_population(self) -> None:
        """Show the next population."""
        self._population = (self._population + 1) % len(POPULATIONS)
        self._arrange()

    def next_order(self) -> None:
        """Sort by the next order, its own way round."""
        self._order = (self._order + 1) % len(ORDERS)
        self._reverse = False
        self._arrange()

    def turn_round(self) -> None:
        """Turn the order round."""
        self._reverse = not self._reverse
        self._arrange()

    def set_filter(self, text: str) -> None:
        """Show only rows that hold the text; blanks alone are no filter."""
        self._filter = text if text.strip() else ""
        self._choose()

    def place(self, partner: int) -> int | None:
        """Where a partner is among the visible rows; None when it is not."""
        return self.visible.place(partner)

    def hidden(self, partners: set[int]) -> int:
        """How many of these partners are not among the visible rows."""
        return self.visible.hidden(partners)

    def chosen(self, partners: set[int]) -> list[PartnerRow]:
        """The rows of these partners, in the store's order, hidden ones too."""
        if isinstance(self.rows, Table):
            everybody = self.rows.arranged("all", "attention", reverse=False)
            places = sorted(place for partner in partners if (place := everybody.place(partner)) is not None)
            return [everybody[place] for place in places]
        return [row for row in self.rows if row.partner in partners]

    def _arrange(self) -> None:
        self._ordered = arranged(self.rows, self.population, self.order, reverse=self._reverse)
        self._found.clear()
        self.total = len(self._ordered)
        self._choose()

    def _choose(self) -> None:
        words = tuple(self._filter.casefold().split())
        self.visible = self._holding(words) if words else self._ordered
        self.together = self.visible.together()
        if self._first is not None and self.is_as_begun:
            self.total, self.together = self._first.total, self._first.together

    def _holding(self, words: tuple[str, ...]) -> Lines:
        lines = self._found.get(words)
        if lines is None:
            # Words that each contain another one's find nothing that the other has not found.
            begun = [
                found
                for text, found in self._found.items()
                if all(any(part in word for word in words) for part in text)
            ]
            lines = min(begun, key=len, default=self._ordered).holding(words)
            self._found[words] = lines
            while len(self._found) > _REMEMBERED:
                del self._found[next(iter(self._found))]
        return lines
