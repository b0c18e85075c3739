"""The sheet on the screen: a page that scrolls, with a cursor that goes from number to number in four directions.

It knows nothing of what a number counts.
"""

from collections.abc import Callable, Sequence
from typing import ClassVar

from rich.segment import Segment
from textual import events
from textual.binding import BindingType
from textual.strip import Strip

from tui.fitting import Fact, fit_facts
from tui.keys import bindings
from tui.text import within
from tui.widgets.sheet_layout import Page, Part, Place, Stop
from tui.widgets.virtual_list import Piece, VirtualList

_NOTHING = Page((), ())


class SheetGrid(VirtualList):
    """A page of lines; the cursor is on one of its places."""

    BINDINGS: ClassVar[list[BindingType]] = [*bindings("sheet moves")]

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id, classes=classes)
        self._layout_page: Callable[[int], Page] | None = None
        self._page = _NOTHING
        self._stop = 0
        self._heading: Sequence[Fact] = ()
        self._start: Place | None = None

    def show(self, layout: Callable[[int], Page], heading: Sequence[Fact], *, start: Place | None = None) -> None:
        """Show a page; the cursor stays on its place.

        Args:
            layout: makes the page for a width.
            heading: the line above it, which does not scroll; of what has no room the least important gives way.
            start: where the cursor begins; on the first place if not given.
        """
        self._layout_page = layout
        self._start = start
        self._heading = heading
        self._lay_out()

    @property
    def place(self) -> Place | None:
        """The place under the cursor."""
        return self._page.stops[self._stop].place if self._page.stops else None

    def go_to(self, place: Place) -> None:
        """Put the cursor on this place, where it is on the page."""
        for number, stop in enumerate(self._page.stops):
            if stop.place == place:
                self._move_to(number)

    def _lay_out(self) -> None:
        if self._layout_page is None:
            return
        before = self.place or self._start
        # With room for the bar that scrolls, whether it is there or not.
        self._page = self._layout_page(self.size.width - 2)
        found = [number for number, stop in enumerate(self._page.stops) if stop.place == before]
        self._stop = found[0] if found else min(self._stop, max(len(self._page.stops) - 1, 0))
        self.rows_changed(self._page.stops[self._stop].line if self._page.stops else 0)

    def on_resize(self, event: events.Resize) -> None:
        """Arrange the page anew."""
        self._lay_out()
        super().on_resize(event)

    # -- moving ----------------------------------------------------------------------------------------------------

    def action_aside(self, by: int) -> None:
        """To the next number on the left or on the right; at the end of a line nothing moves."""
        if not self._page.stops:
            return
        here = self._page.stops[self._stop]
        beyond = [
            (abs(stop.line - here.line), abs(stop.x - here.x), number)
            for number, stop in enumerate(self._page.stops)
            if (stop.x >= here.x + here.width if by > 0 else stop.x + stop.width <= here.x)
            and abs(stop.line - here.line) <= self.page
        ]
        same_line = [each for each in beyond if each[0] == 0]
        if beyond:
            self._move_to(min(same_line or beyond)[2])

    def action_go(self, where: str) -> None:
        """Up and down to the nearest number; pages; the first and the last."""
        stops = self._page.stops
        if not stops:
            return
        if where in ("first", "last"):
            self._move_to(self._first() if where == "first" else len(stops) - 1)
            return
        here = stops[self._stop]
        half = max(1, self.page // 2)
        least = {"down": 1, "up": -1, "page_down": self.page, "page_up": -self.page}.get(
            where, half if where == "half_down" else -half
        )
        number = self._nearest(here, least)
        if number is not None:
            self._move_to(number)
        elif abs(least) > 1:
            self._move_to(self._first() if least < 0 else len(stops) - 1)

    def _first(self) -> int:
        return next((number for number, stop in enumerate(self._page.stops) if stop.place == self._start), 0)

    def _nearest(self, here: Stop, least: int) -> int | None:
        """The nearest place so many lines further: under or over this one if there is any, else anywhere."""

        def ranked(number: int, stop: Stop) -> tuple[bool, int, int, int]:
            apart = max(stop.x - here.x - here.width, here.x - stop.x - stop.width, 0)
            # A place that is far aside is taken only where nothing else is left.
            return apart > 24, abs(stop.line - here.line), abs(stop.x + stop.width - here.x - here.width), number

        beyond = [
            ranked(number, stop)
            for number, stop in enumerate(self._page.stops)
            if (stop.line >= here.line + max(least, here.height) if least > 0 else stop.line <= here.line + least)
        ]
        return min(beyond)[-1] if beyond else None

    def _move_to(self, number: int) -> None:
        before, self._stop = self._page.stops[self._stop], number
        stop = self._page.stops[number]
        for line in range(before.line, before.line + before.height):
            self.refresh_row(line)
        if stop.line == self.cursor:
            self.post_message(self.Moved(self, self.cursor))
        self.cursor = stop.line
        self._show_cursor()
        for line in range(stop.line, stop.line + stop.height):
            self.refresh_row(line)

    def _show_cursor(self) -> None:
        """Bring the whole place into view, its first line before its last."""
        if not self._page.stops:
            return
        stop = self._page.stops[self._stop]
        # The title above it comes along, with the start all that is above it, and what follows the last place.
        is_last = self._stop == len(self._page.stops) - 1
        last = len(self._page.lines) - 1 if is_last else stop.line + stop.height - 1
        is_start = stop.place == self._start and last < self.page
        first = 0 if self._stop == 0 or is_start else max(stop.line - 1, 0)
        top = self.scroll_offset.y
        if last >= top + self.page:
            top = last - self.page + 1
        top = min(top, first)
        if top != self.scroll_offset.y:
            self.scroll_to(y=top, animate=False, force=True)

    def on_click(self, event: events.Click) -> None:
        """Put the cursor on what was clicked; open it when it is there already."""
        line = event.y - self.gutter.top - 1 + self.scroll_offset.y
        x = event.x - self.gutter.left
        if event.y - self.gutter.top < 1:
            return
        for number, stop in enumerate(self._page.stops):
            if stop.line <= line < stop.line + stop.height and stop.x <= x < stop.x + stop.width:
                if number == self._stop and event.chain > 1:
                    self.action_open()
                self._move_to(number)
                return

    # -- drawing ---------------------------------------------------------------------------------------------------

    def row_count(self) -> int:
        """How many lines."""
        return len(self._page.lines)

    def draw_header(self, width: int) -> list[Piece]:
        """What does not scroll."""
        # A blank before the bar that scrolls.
        return within(fit_facts(self._heading, width - 1), width)

    def draw_row(self, index: int, width: int) -> list[Piece]:
        """One line."""
        return [(part.text, part.style) for part in self._page.lines[index]]

    def render_line(self, y: int) -> Strip:
        """The heading, or a line; the place under the cursor is marked, not its line."""
        index = self.scroll_offset.y + y - 1
        if y == 0 or index >= self.row_count():
            return super().render_line(y)
        width = self.scrollable_content_region.width
        here, base = self.place, self._style("")
        over = self.get_component_rich_style("list--cursor", partial=True)

        def segment(part: Part) -> Segment:
            style = self._style(part.style)
            return Segment(part.text, style + over if part.place is not None and part.place == here else style)

        return Strip(map(segment, self._page.lines[index])).adjust_cell_length(width, base)
