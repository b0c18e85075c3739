"""The shape of a partner's access as sentences, each as many lines long as it takes; `enter` opens its events."""

from collections.abc import Sequence

from rich.cells import cell_len, chop_cells
from textual import events
from textual.strip import Strip

from store.shape import NO, UNCLEAR, YES, Statement
from tui.text import clean, fit
from tui.widgets.virtual_list import Piece, VirtualList

_TOPICS = {
    "read": "Read",
    "first_read": "First read",
    "last_read": "Last read",
    "days_between": "Days between",
    "stopped_after_removal": "Stopped after removal",
    "lags": "After a removal",
    "share_of_people": "Share of known people",
    "share_in_resource": "Share in a resource",
    "decreased_over_time": "Decreased over time",
}
_ANSWERS = {YES: "yes", NO: "NO", UNCLEAR: "unclear"}
_TOPIC_CELLS = 22
_TOPICS_FROM = 96
_ANSWER_CELLS = 8
_MOST_CHARACTERS = 1_000


class ShapeList(VirtualList):
    """Sentences; the cursor goes from sentence to sentence."""

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id, classes=classes)
        self.statements: Sequence[Statement] = ()
        # (number of the sentence, its words on this line), a line each.
        self._lines: list[tuple[int, str]] = []

    def show(self, statements: Sequence[Statement]) -> None:
        """Show these; the cursor stays on its sentence."""
        current = self.current_number
        self.statements = statements
        self._wrap()
        self.rows_changed(self._first_line(current))
        self.refresh()

    @property
    def current_number(self) -> int:
        """The number of the sentence under the cursor."""
        return self._lines[self.cursor][0] if self.cursor < len(self._lines) else 0

    @property
    def current(self) -> Statement | None:
        """The sentence under the cursor."""
        return self.statements[self.current_number] if self.statements else None

    def row_count(self) -> int:
        """How many lines."""
        return len(self._lines)

    def validate_cursor(self, cursor: int) -> int:
        """Keep the cursor on a sentence's first line."""
        line = max(0, min(cursor, len(self._lines) - 1))
        return self._first_line(self._lines[line][0]) if self._lines else 0

    def watch_cursor(self, before: int, after: int) -> None:
        """Draw both sentences again."""
        super().watch_cursor(before, after)
        self.refresh()

    def action_go(self, where: str) -> None:
        """Move the cursor by sentences, or by pages."""
        if where == "down":
            self.cursor = self._last_line(self.current_number) + 1
        else:
            super().action_go(where)

    def on_resize(self, event: events.Resize) -> None:
        """Break the lines anew."""
        current = self.current_number
        self._wrap()
        self.rows_changed(self._first_line(current))
        super().on_resize(event)

    def draw_header(self, width: int) -> list[Piece]:
        """Names of the columns."""
        topic, answer = self._cells()
        names = fit("About", topic) if topic else ""
        return [(fit(f" {names}{fit('Answer', answer)}In the log", width), "")]

    def draw_row(self, index: int, width: int) -> list[Piece]:
        """One line of a sentence: its topic and answer stand on the first one."""
        number, words = self._lines[index]
        statement = self.statements[number]
        is_first = index == self._first_line(number)
        topic, answer = self._cells()
        name = _TOPICS.get(statement.topic, statement.topic.replace("_", " ")) if is_first else ""
        said = _ANSWERS.get(statement.answer, "") if is_first else ""
        style = {YES: "good", NO: "alarm", UNCLEAR: "accent"}.get(statement.answer, "")
        return [
            (" ", ""),
            (fit(name, topic) if topic else "", "strong"),
            # Of a read, or of a decrease, neither answer is an alarm by itself.
            (fit(said, answer), style if statement.topic == "stopped_after_removal" else "accent"),
            (fit(words, max(width - 1 - topic - answer, 0)), ""),
        ]

    def render_line(self, y: int) -> Strip:
        """The header, or a line; every line of the sentence under the cursor is marked."""
        index = self.scroll_offset.y + y - 1
        if y == 0 or not self._first_line(self.current_number) < index <= self._last_line(self.current_number):
            return super().render_line(y)
        width = self.scrollable_content_region.width
        over = self.get_component_rich_style("list--cursor", partial=True)
        return self._strip(self.draw_row(index, width), width, self.rich_style, over)

    def _show_cursor(self) -> None:
        """Bring the whole sentence into view, its begin before its end."""
        last = self._last_line(self.current_number)
        if last >= self.scroll_offset.y + self.page:
            self.scroll_to(y=min(last - self.page + 1, self.cursor), animate=False, force=True)
        super()._show_cursor()

    def _cells(self) -> tuple[int, int]:
        """Cells of topic and answer."""
        wide = self.size.width >= _TOPICS_FROM
        return (_TOPIC_CELLS if wide else 0), _ANSWER_CELLS

    def _wrap(self) -> None:
        topic, answer = self._cells()
        # With room for the bar that scrolls, whether it is there or not.
        room = max(self.size.width - 2 - topic - answer, 20)
        self._lines = [
            (number, line)
            for number, statement in enumerate(self.statements)
            for line in wrapped(clean(statement.text, _MOST_CHARACTERS), room)
        ]

    def _first_line(self, number: int) -> int:
        return next((line for line, (which, _) in enumerate(self._lines) if which == number), 0)

    def _last_line(self, number: int) -> int:
        return max((line for line, (which, _) in enumerate(self._lines) if which == number), default=0)


def wrapped(text: str, width: int) -> list[str]:
    """A clean text in lines of at most so many cells, broken at blanks; a longer word is broken anywhere."""
    lines = [""]
    for word in text.split(" "):
        if lines[-1] and cell_len(lines[-1]) + 1 + cell_len(word) <= width:
            lines[-1] += f" {word}"
            continue
        pieces = chop_cells(word, width) or [""]
        lines = [*lines, *pieces] if lines[-1] else [*lines[:-1], *pieces]
    return lines
