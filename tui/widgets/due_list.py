"""Everything that is due, a line each: when, how late or how long still, what, and whose."""

from collections.abc import Sequence

from store.clocks import days_between
from store.due import DueItem
from store.instants import MICROSECONDS_PER_SECOND
from tui.text import clean, clock, count, day, fit, number
from tui.widgets.stage_lists import left_words
from tui.widgets.virtual_list import Piece, VirtualList

_SIGNS, _DATE, _LEFT, _WHAT = 3, len("2019-10-04 08:00Z"), 10, 23
_NARROW_DATE = len("2019-10-04")
_WIDE, _LEAST_WHOSE, _MOST_WHOSE = 100, 26, 40
_HOUR = 3_600 * MICROSECONDS_PER_SECOND
# Up to so many hours are told in hours.
_HOURS_TOLD = 72


def time_left(item: DueItem, today: int) -> str:
    """How long still, or how late: in whole UTC days, or in hours near an instant; `today` in microseconds UTC."""
    if item.due_is_day:
        return left_words(days_between(today, item.due))
    hours = abs(item.due - today) // _HOUR
    said = f"{number(hours)} h" if hours <= _HOURS_TOLD else f"{number(hours // 24)} d"
    return f"{said} {'late' if item.overdue else 'left'}"


class DueList(VirtualList):
    """What is due; `enter` opens the case."""

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id, classes=classes)
        self.items: Sequence[DueItem] = ()
        self._today = 0

    def show(self, items: Sequence[DueItem], today: int) -> None:
        """Show these, judged at today; the cursor stays on what it is on, where that is still due."""
        key = None if self.current is None else _key(self.current)
        self.items, self._today = items, today
        place = next((place for place, item in enumerate(items) if _key(item) == key), self.cursor)
        self.rows_changed(place)

    @property
    def current(self) -> DueItem | None:
        """What the cursor is on."""
        return self.items[self.cursor] if self.cursor < len(self.items) else None

    def row_count(self) -> int:
        """How many."""
        return len(self.items)

    def draw_header(self, width: int) -> list[Piece]:
        """Names of the columns."""
        date = self._date_cells()
        whose, basis = _layout(width, date)
        line = f"{' ' * _SIGNS}{fit('Due, UTC', date)} {fit('Left', _LEFT)} {fit('What', _WHAT)} "
        return [(fit(f"{line}{fit('Whose', whose)}{fit(' Basis', basis)}", width), "")]

    def _date_cells(self) -> int:
        """What is due at an instant of the day needs more room; most are due on a day."""
        return _NARROW_DATE if all(item.due_is_day for item in self.items) else _DATE

    def draw_row(self, index: int, width: int) -> list[Piece]:
        """One line."""
        item, date_cells = self.items[index], self._date_cells()
        whose_cells, basis_cells = _layout(width, date_cells)
        style = "alarm" if item.overdue else ""
        date = day(item.due) if item.due_is_day else f"{day(item.due)} {clock(item.due)}"
        whose = clean(item.name, 80)
        about = item.recipient if item.recipient is not None else item.app_id
        if about is not None:
            whose += f", {clean(about, 60)}"
        pieces: list[Piece] = [
            (">" if index == self.cursor else " ", "accent"),
            ("! " if item.overdue else "  ", "alarm"),
            (fit(date, date_cells), style),
            (f" {fit(time_left(item, self._today), _LEFT)}", style),
            (f" {fit(clean(item.what, 60), _WHAT)} ", ""),
            (fit(whose, whose_cells), "strong" if item.partner is None else ""),
        ]
        return [*pieces, (fit(f" {clean(item.basis, 120)}", basis_cells), "quiet")] if basis_cells else pieces


def _layout(width: int, date: int) -> tuple[int, int]:
    """Cells of whose it is, and of the basis, which a narrow list leaves to its foot.

    Args:
        date: cells of the date.
    """
    room = max(width - _SIGNS - date - _LEFT - _WHAT - 3, 0)
    whose = room if width < _WIDE else min(max(room // 3, _LEAST_WHOSE), _MOST_WHOSE)
    return whose, room - whose


def _key(item: DueItem) -> tuple[object, ...]:
    return item.partner, item.what, item.app_id, item.recipient


def due_title(items: Sequence[DueItem], on_hold: int) -> str:
    """`Due 41, 5 late, soonest first   1 partner on hold: its clocks stand still`."""
    late = sum(item.overdue for item in items)
    title = f"Due {number(len(items))}, {number(late)} late, soonest first"
    if on_hold:
        whose = "its clocks stand" if on_hold == 1 else "their clocks stand"
        title += f"   {count(on_hold, 'partner')} on hold: {whose} still"
    return title


def due_copied(item: DueItem, today: int) -> str:
    """A line to copy: what, whose, when, and on what basis."""
    date = day(item.due) if item.due_is_day else f"{day(item.due)} {clock(item.due)}"
    whose = item.name if item.partner_id is None else f"{item.name} ({item.partner_id})"
    return f"{item.what}, {whose}: due {date}, {time_left(item, today)} on {day(today)}; {item.basis}"
