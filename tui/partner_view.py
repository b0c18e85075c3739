"""What the partner list shows of all partners: one population, filtered, in an order. It draws nothing."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from store import partners
from store.partners import PartnerRow


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
        key: None keeps the store's own order, that of attention; rows without a value come last either way.
        descending: whether the largest comes first before `S` is pressed.
    """

    label: str
    key: Callable[[PartnerRow], Any] | None
    descending: bool = False


class Together(NamedTuple):
    """What can be summed over the visible rows. People and resources cannot: partners share them.

    Attributes:
        last_at: of the newest restricted read, microseconds UTC; None without any.
        late: how many are overdue.
    """

    apps: int
    events: int
    last_at: int | None
    late: int


POPULATIONS = (
    Population("retained", "kept access", lambda row: row.retained),
    Population("accessed", "read", lambda row: row.events > 0),
    Population("recent", "last {days} days", lambda row: row.recent > 0),
    Population("after_removal", "after removal", lambda row: row.after_removal > 0),
    Population("all", "all", lambda row: True),
)
ORDERS = (
    Order("why first", None),
    Order("name", lambda row: row.name.casefold()),
    Order("people", lambda row: row.people, descending=True),
    Order("reads", lambda row: row.events, descending=True),
    Order("last read", lambda row: row.last_at, descending=True),
    Order("due", lambda row: row.due),
    Order("apps", lambda row: row.apps, descending=True),
)


class PartnerView:
    """The rows in view. Changing anything works the rows out again; nothing here takes more than milliseconds.

    Attributes:
        rows: every known partner, in the store's order.
        visible: those shown, in the order shown.
        total: how many the population holds before the filter.
        together: sums over the visible rows.
    """

    def __init__(self) -> None:
        self.rows: Sequence[PartnerRow] = ()
        self.visible: list[PartnerRow] = []
        self.total = 0
        self.together = Together(0, 0, None, 0)
        self._population = 0
        self._order = 0
        self._reverse = False
        self._filter = ""
        self._ordered: list[PartnerRow] = []
        self._places: dict[int, int] = {}

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

    def set_rows(self, rows: Sequence[PartnerRow]) -> None:
        """Show other rows, under the same population, order and filter."""
        self.rows = rows
        self._arrange()

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
        return self._places.get(partner)

    def hidden(self, partners: set[int]) -> int:
        """How many of these partners are not among the visible rows."""
        return sum(partner not in self._places for partner in partners)

    def _arrange(self) -> None:
        chosen = [row for row in self.rows if self.population.holds(row)]
        key = self.order.key
        if key is None:
            self._ordered = chosen[::-1] if self._reverse else chosen
        else:
            valued = [row for row in chosen if key(row) is not None]
            valued.sort(key=key, reverse=self.order.descending != self._reverse)
            self._ordered = valued + [row for row in chosen if key(row) is None]
        self.total = len(self._ordered)
        self._choose()

    def _choose(self) -> None:
        self.visible = partners.filter_rows(self._ordered, self._filter) if self._filter else self._ordered
        self._places = {row.partner: place for place, row in enumerate(self.visible)}
        self.together = Together(
            apps=sum(row.apps for row in self.visible),
            events=sum(row.events for row in self.visible),
            last_at=max((row.last_at for row in self.visible if row.last_at is not None), default=None),
            late=sum(row.overdue for row in self.visible),
        )
