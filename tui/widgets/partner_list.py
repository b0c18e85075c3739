"""The partner list: who, how many people, how lately, and where the work stands. Marks and cursor follow partners."""

from collections.abc import Sequence
from typing import ClassVar

from rich.cells import cell_len
from textual.binding import BindingType
from textual.content import Content

from store.figures import Figures
from store.partners import FirstPartners, PartnerRow
from tui.partner_view import POPULATIONS, PartnerView
from tui.text import clean, day, fit, number, qualified
from tui.widgets.partner_columns import (
    EXTRA_SETS,
    SIGNS_WIDTH,
    Column,
    Context,
    Layout,
    lay_out,
    measure,
    name_of,
    signs,
)
from tui.widgets.virtual_list import Piece, VirtualList

_MANY_ROWS = 1_000


class PartnerList(VirtualList):
    """All partners of a population, one line each, below a first line for all of them together."""

    BINDINGS: ClassVar[list[BindingType]] = []

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id, classes=classes)
        self.view = PartnerView()
        self.marks: set[int] = set()
        self._range_from: int | None = None
        self._figures: Figures | None = None
        self._trust = Context()
        self._extra_set = 0
        self._widths: dict[str, int] = {}
        self._columns_laid: tuple[int, Layout] | None = None
        self._current: int | None = None
        self._fresh = True

    # -- rows ------------------------------------------------------------------------------------------------------

    def show(self, rows: Sequence[PartnerRow]) -> None:
        """Show these rows; the cursor stays on its partner, and starts on the first."""
        if not self._fresh and rows == self.view.rows:
            return
        self.view.set_rows(rows)
        self.marks = self.view.known(self.marks)
        self._start_on_first()

    def show_first(self, first: FirstPartners) -> None:
        """Show the begin of the list, as long as there is nothing else to show."""
        if not self.view.rows:
            self.view.set_first(first)
            self._start_on_first()

    def _start_on_first(self) -> None:
        if self._fresh and self.view.rows:
            self._fresh = False
            self._current = self.view.visible[0].partner if self.view.visible else None
        self._rows_changed()

    def show_figures(self, figures: Figures) -> None:
        """The figures say how far counts can be trusted, and what the line for all says."""
        self._figures = figures
        self._trust = Context(figures.accessed.qualifier, figures.today)
        self._measure_again()

    def row_count(self) -> int:
        """The visible partners, and the line for all of them."""
        return len(self.view.visible) + 1 if self.view.rows else 0

    @property
    def current(self) -> PartnerRow | None:
        """The partner under the cursor; None on the line for all, or without rows."""
        place = self.cursor - 1
        return self.view.visible[place] if 0 <= place < len(self.view.visible) else None

    @property
    def chosen(self) -> list[PartnerRow]:
        """What an action is about: the marked partners, hidden ones too, else the current one."""
        if self.marks:
            return self.view.chosen(self.marks)
        return [] if self.current is None else [self.current]

    def _rows_changed(self) -> None:
        place = None if self._current is None else self.view.place(self._current)
        if self._current is None:
            cursor = 0
        elif place is None:
            cursor = min(max(self.cursor, 1), len(self.view.visible))
        else:
            cursor = place + 1
        self._measure_again()
        self.rows_changed(cursor)
        self._title()

    def watch_cursor(self, before: int, after: int) -> None:
        """Remember the partner, so that the cursor can follow it, also through a filter that finds nobody."""
        row = self.current
        if self.view.visible:
            self._current = None if row is None else row.partner
        super().watch_cursor(before, after)

    # -- what is shown ---------------------------------------------------------------------------------------------

    def next_population(self) -> str:
        """Show the next population; its label."""
        self.view.next_population()
        self._rows_changed()
        return self._population_label()

    def next_order(self) -> str:
        """Sort by the next order; its label."""
        self.view.next_order()
        self._rows_changed()
        return self.view.order.label

    def turn_round(self) -> str:
        """Turn the order round; the label of what is shown now."""
        self.view.turn_round()
        self._rows_changed()
        return self._order_label()

    def set_filter(self, text: str) -> None:
        """Show only partners that hold the text."""
        before = self.view.filter_text
        self.view.set_filter(text)
        if self.view.filter_text != before:
            if self._current is not None and self.view.place(self._current) is None and self.view.visible:
                self._current = self.view.visible[0].partner
            self._rows_changed()

    def next_columns(self) -> str:
        """Show the next set of extra columns; what it holds."""
        self._extra_set = (self._extra_set + 1) % len(EXTRA_SETS)
        self._measure_again()
        return EXTRA_SETS[self._extra_set][0]

    def next_match(self, by: int) -> bool:
        """Go to the next (1) or previous (-1) partner that the filter shows, round the ends; False without any."""
        if not self.view.visible:
            return False
        self.cursor = (self.cursor - 1 + by) % len(self.view.visible) + 1
        return True

    def neighbour(self, partner: int, by: int) -> PartnerRow | None:
        """The row so many places below this partner's, which the cursor goes to as well; None beyond the ends."""
        place = self.view.place(partner)
        if place is None or not 0 <= place + by < len(self.view.visible):
            return None
        self.cursor = place + by + 1
        return self.view.visible[place + by]

    # -- marks -----------------------------------------------------------------------------------------------------

    def mark(self) -> None:
        """Mark or unmark the current partner, and go on to the next."""
        row = self.current
        if row is None:
            return
        self.marks ^= {row.partner}
        self.refresh_row(self.cursor)
        self.cursor += 1

    def mark_range(self) -> bool:
        """Begin a range at the current partner, or mark everything from its beginning to here; whether it has begun."""
        row = self.current
        if row is None:
            return self._range_from is not None
        place = None if self._range_from is None else self.view.place(self._range_from)
        if place is None:
            self._range_from = row.partner
            self.marks.add(row.partner)
        else:
            first, last = sorted((place, self.cursor - 1))
            self.marks |= self.view.visible.partners(first, last + 1)
            self._range_from = None
        self.refresh()
        return self._range_from is not None

    def mark_all(self) -> None:
        """Mark every partner in view of the filter."""
        self.marks |= self.view.visible.partners()
        self.refresh()

    def unmark(self) -> None:
        """Drop all marks, and a range that has begun."""
        self.marks.clear()
        self._range_from = None
        self.refresh()

    def end_range(self) -> bool:
        """Give up a range that has begun; whether there was one."""
        begun = self._range_from is not None
        self._range_from = None
        return begun

    @property
    def hidden_marks(self) -> int:
        """How many marked partners the filter or the population hides."""
        return self.view.hidden(self.marks)

    # -- drawing ---------------------------------------------------------------------------------------------------

    def _population_label(self) -> str:
        days = self._figures.window_days if self._figures else 0
        return self.view.population.label.format(days=days)

    def _order_label(self) -> str:
        return f"{self.view.order.label}{' reversed' if self.view.reverse else ''}"

    def _title(self) -> None:
        visible, total = len(self.view.visible), self.view.total
        # Of the first rows alone, only the list as it begins can be counted.
        is_counted = self.view.is_whole or self.view.is_as_begun
        if is_counted and not self.view.is_whole:
            visible = total
        parts: list[str | tuple[str, str]] = [
            (" 1 ", "$accent"),
            ("Partners ", "bold"),
            f"{number(visible)} of {number(total)}   " if is_counted else "counting ...   ",
            ("show: ", "$quiet"),
            self._population_label(),
        ]
        if self.view.filter_text:
            parts += [("   filter: ", "$quiet"), (clean(self.view.filter_text, 24), "$warning")]
        parts += [("   order: ", "$quiet"), self._order_label(), " "]
        self.border_title = Content.assemble(*parts)

    def _measure_again(self) -> None:
        self._widths.clear()
        self._columns_laid = None
        self.refresh()
        self._title()

    def _measured(self, column: Column) -> int:
        width = self._widths.get(column.name)
        if width is None:
            together = cell_len(self._numbers_together().get(column.name, ""))
            # Of many rows' numbers, the number over all of them is the widest: none need be looked at.
            is_known = together > 0 and len(self.view.visible) > _MANY_ROWS
            measured = column.least if is_known else measure(column, self.view.visible, self._trust)
            width = max(measured, min(together, column.most))
            self._widths[column.name] = width
        return width

    def _numbers_together(self) -> dict[str, str]:
        """Each column's number over all partners: no row's is longer, so none of theirs is cut."""
        together, figures = self.view.together, self._figures
        numbers = {"apps": number(together.apps), "reads": qualified(together.events, self._trust.qualifier)}
        if figures is not None:
            numbers["people"] = qualified(figures.accessed.people, figures.accessed.qualifier)
            numbers["resources"] = qualified(figures.accessed.resources, figures.accessed.qualifier)
        return numbers

    def _laid_out(self, width: int) -> Layout:
        if self._columns_laid is None or self._columns_laid[0] != width:
            self._columns_laid = (width, lay_out(width, EXTRA_SETS[self._extra_set][1], self._measured))
        return self._columns_laid[1]

    def draw_header(self, width: int) -> list[Piece]:
        """Names of the columns."""
        layout = self._laid_out(width)
        pieces: list[Piece] = [(" " * SIGNS_WIDTH + fit("Partner", layout.name_width), "")]
        pieces += [(" " + fit(column.title, cells, right=column.right), "") for column, cells in layout.columns]
        return pieces

    def draw_row(self, index: int, width: int) -> list[Piece]:
        """A partner, or at the top all of them together."""
        layout = self._laid_out(width)
        current = index == self.cursor
        if index == 0:
            return self._draw_all(layout, current=current)
        row = self.view.visible[index - 1]
        cursor, mark, status, alarm = signs(row, current=current, marked=row.partner in self.marks)
        pieces: list[Piece] = [
            (cursor, "accent"),
            (mark, "accent"),
            (status, "strong" if status == "F" else "quiet"),
            (alarm, "alarm"),
            (" ", ""),
            *self._drawn_name(name_of(row, layout.name_width), row),
        ]
        for column, cells in layout.columns:
            cell = column.cell(row, self._trust)
            pieces.append((" " + fit(cell.text, cells, right=column.right), cell.style))
        return pieces

    def _drawn_name(self, shown: str, row: PartnerRow) -> list[Piece]:
        """The name, with what the filter found in it brought out."""
        style = "quiet" if row.status == "cleared" else ""
        wanted = self.view.filter_text.strip()
        begin = shown.lower().find(wanted.lower()) if wanted else -1
        if begin < 0 or len(shown.lower()) != len(shown):
            return [(shown, style)]
        end = begin + len(wanted)
        return [(shown[:begin], style), (shown[begin:end], "accent"), (shown[end:], style)]

    def _draw_all(self, layout: Layout, *, current: bool) -> list[Piece]:
        together, numbers = self.view.together, self._numbers_together()
        # People overlap between partners: only the store's own count of them is right, and only unfiltered.
        whole = not self.view.filter_text and self.view.population in (POPULATIONS[0], POPULATIONS[1], POPULATIONS[4])
        late = f"! {number(together.late)}" if together.late else ""
        texts = {
            **(numbers if whole else {name: numbers[name] for name in ("apps", "reads")}),
            "last_read": "none found" if together.last_at is None else day(together.last_at),
            "due": late,
            "due_month": late,
        }
        shown = len(self.view.visible) if self.view.is_whole else self.view.total
        name = fit(f"All {number(shown)}", layout.name_width)
        pieces: list[Piece] = [(">" if current else " ", "accent"), ("    ", ""), (name, "strong")]
        for column, cells in layout.columns:
            style = "alarm" if column.name.startswith("due") else "strong"
            pieces.append((" " + fit(texts.get(column.name, ""), cells, right=column.right), style))
        return pieces
