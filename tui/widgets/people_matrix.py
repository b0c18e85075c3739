"""Whom partners read in common: a line a partner, a numbered column for each of the same partners, one cell chosen."""

from typing import ClassVar

from rich.cells import cell_len
from textual import events
from textual.binding import BindingType

from store.people_compared import ALONE, BEYOND, EVERYBODY, PEOPLE, SHARED, TOGETHER, Comparison, Figure, Line
from tui.keys import bindings
from tui.text import clean, fit, number, qualified
from tui.widgets.virtual_list import Piece, VirtualList

_TITLES = {PEOPLE: "People", ALONE: "Only here", BEYOND: "Beyond"}
_LEAST_NAME, _MOST_NAME = 14, 40
# So many shared columns get their room before names are longer than the least.
_FEW_SHARED, _WIDE, _CELLS_A_SHARED = 3, 100, 16
_NOT_TOLD, _SELF = "-", "·"


class PeopleMatrix(VirtualList):
    """The comparison; arrows up and down go through the partners, left and right through the numbers of a line."""

    BINDINGS: ClassVar[list[BindingType]] = [*bindings("sheet moves")]

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id, classes=classes)
        self._answer: Comparison | None = None
        self._lines: tuple[Line, ...] = ()
        self.stop = PEOPLE
        """The column of the chosen number, as in `store.people_compared`."""
        self._first = SHARED
        self._widths: tuple[int, ...] = ()
        self._longest_name = _LEAST_NAME

    def show(self, answer: Comparison, *, start: int | None = None) -> None:
        """Show these; the cursor stays on its partner.

        Args:
            start: the partner (internal id) on which it begins.
        """
        partner = self.partner[0] if self.partner is not None else start if self._answer is None else None
        together = self.about if isinstance(self.about, type(TOGETHER)) else None
        self._answer, self._lines = answer, answer.lines
        self._measure(answer)
        self.stop = min(self.stop, SHARED + len(answer.overlap.rows) - 1)
        wanted = [
            place
            for place, line in enumerate(self._lines)
            if line is together or (isinstance(line, int) and answer.overlap.rows[line].partner == partner)
        ]
        self.rows_changed(wanted[0] if wanted else 0)
        self._show_column()

    def _measure(self, answer: Comparison) -> None:
        rows, qualifier = answer.overlap.rows, answer.overlap.qualifier
        people = qualified(max(answer.everybody, 1), qualifier)
        shared = max((max(row.shared) for row in rows), default=0)
        called = (cell_len(self._called(answer, line)[0]) for line in answer.lines)
        self._longest_name = max(_LEAST_NAME, min(_MOST_NAME, max(called, default=0)))
        self._widths = (
            max(len(people), len(_TITLES[PEOPLE])) + 1,
            max(len(number(answer.alone)), len(_TITLES[ALONE])) + 2,
            max(len(number(answer.alone)), len(_TITLES[BEYOND])) + 2,
            max(len(number(shared)), len(str(len(rows)))) + 2,
        )

    # -- what is chosen ----------------------------------------------------------------------------------------------

    @property
    def about(self) -> Line | None:
        """What the cursor's line is about."""
        return self._lines[self.cursor] if self.cursor < len(self._lines) else None

    @property
    def partner(self) -> tuple[int, str] | None:
        """Internal id and name of the partner under the cursor; None on a line of several."""
        if self._answer is None or not isinstance(self.about, int):
            return None
        row = self._answer.overlap.rows[self.about]
        return row.partner, row.name

    @property
    def figure(self) -> Figure | None:
        """The chosen number; None where its line has none in this column."""
        if self._answer is None or self.about is None:
            return None
        return self._answer.figure(self.about, self.stop)

    def action_aside(self, by: int) -> None:
        """Choose the number at the left or the right."""
        if self._answer is None:
            return
        last = SHARED + len(self._answer.overlap.rows) - 1
        column = max(PEOPLE, min(self.stop + by, last))
        if column != self.stop:
            self.stop = column
            self._show_column()
            self.refresh()
            self.post_message(self.Moved(self, self.cursor))

    def _show_column(self) -> None:
        """Scroll the shared columns so that the chosen one is in view, and no room at the right stays empty."""
        if self._answer is None:
            return
        fits = self._columns_in_view(self.scrollable_content_region.width)
        last = SHARED + len(self._answer.overlap.rows) - 1
        if self.stop >= SHARED:
            self._first = min(max(self._first, self.stop - fits + 1), self.stop)
        self._first = max(min(self._first, last - fits + 1), SHARED)

    def on_resize(self, event: events.Resize) -> None:
        """Keep the chosen number in view."""
        super().on_resize(event)
        self.call_after_refresh(self._resized)

    def _resized(self) -> None:
        self._show_column()
        self.refresh()

    # -- drawing -----------------------------------------------------------------------------------------------------

    def row_count(self) -> int:
        """How many lines."""
        return len(self._lines)

    def _places(self) -> int:
        """Cells of a line's mark, its number and the blank after it."""
        return 2 + len(str(max(1, 0 if self._answer is None else len(self._answer.overlap.rows))))

    def _name_cells(self, width: int) -> int:
        """Cells of a name: what the numbers leave, of which some shared columns get their part first."""
        if self._answer is None:
            return _LEAST_NAME
        fixed = self._places() + sum(self._widths[:SHARED]) + 1
        wanted = _FEW_SHARED if width < _WIDE else width // _CELLS_A_SHARED
        shared = self._widths[SHARED] * min(len(self._answer.overlap.rows), wanted)
        # The mark that there are more columns at a side stands at the end.
        return max(_LEAST_NAME, min(self._longest_name, width - fixed - shared - 2))

    def _columns_in_view(self, width: int) -> int:
        room = width - self._places() - self._name_cells(width) - sum(self._widths[:SHARED]) - 1
        return max(1, room // self._widths[SHARED]) if self._widths else 1

    def _shared_in_view(self, width: int) -> range:
        if self._answer is None:
            return range(SHARED, SHARED)
        end = SHARED + len(self._answer.overlap.rows)
        return range(self._first, min(self._first + self._columns_in_view(width), end))

    def draw_header(self, width: int) -> list[Piece]:
        """Names of the columns; the shared ones are called by the number of their partner's line."""
        if self._answer is None:
            return []
        columns = self._shared_in_view(width)
        titles = [*_TITLES.values(), *(str(column - SHARED + 1) for column in columns)]
        cells = [*self._widths[:SHARED], *(self._widths[SHARED] for _ in columns)]
        line = f"{fit('', self._places())}{fit('Partner', self._name_cells(width))}"
        line += "".join(fit(title, size, right=True) for title, size in zip(titles, cells, strict=True))
        left = columns.start > SHARED
        right = columns.stop < SHARED + len(self._answer.overlap.rows)
        more = f" {'<' if left else ' '}{'>' if right else ' '}" if left or right else ""
        return [(fit(f"{line}{more}", width), "")]

    def draw_row(self, index: int, width: int) -> list[Piece]:
        """One line; brackets stand around the chosen number."""
        answer, line = self._answer, self._lines[index]
        if answer is None:
            return []
        is_here = index == self.cursor
        name, place = self._called(answer, line)
        pieces: list[Piece] = [
            (">" if is_here else " ", "accent"),
            (f"{fit(place, self._places() - 2, right=True)} ", "quiet"),
            (fit(name, self._name_cells(width)), "" if isinstance(line, int) else "strong"),
        ]
        chosen = None
        for column in (PEOPLE, ALONE, BEYOND, *self._shared_in_view(width)):
            text, style = self._cell(answer, line, column)
            if is_here and column == self.stop:
                chosen = len(pieces)
                text = f"[{text}"
            cells = self._widths[min(column, SHARED)]
            pieces.append((fit(text, cells, right=True), style))
        pieces.append(("  ", ""))
        if chosen is not None:
            text, style = pieces[chosen + 1]
            pieces[chosen] = (pieces[chosen][0], "strong")
            pieces[chosen + 1 : chosen + 2] = [("]", "strong"), (text[1:], style)]
        return pieces

    @staticmethod
    def _called(answer: Comparison, line: Line) -> tuple[str, str]:
        """The name of a line, and the number of its column."""
        if line is EVERYBODY:
            return f"All {number(answer.readers)} that read", ""
        if isinstance(line, int):
            return clean(answer.overlap.rows[line].name, 80), str(line + 1)
        return f"{number(len(answer.overlap.rows))} together", ""

    @staticmethod
    def _cell(answer: Comparison, line: Line, column: int) -> Piece:
        if isinstance(line, int) and column - SHARED == line:
            return _SELF, "quiet"
        figure = answer.figure(line, column)
        if figure is None:
            return _NOT_TOLD, "quiet"
        if column == PEOPLE:
            return qualified(figure.value, figure.qualifier), "" if isinstance(line, int) else "strong"
        return number(figure.value), "" if figure.value and isinstance(line, int) else "quiet"
