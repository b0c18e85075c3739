"""Raw events, one a line, over any number of them: what the log told, the verdict, and the rule that decided it.

It holds the rows around the view, in blocks; those that are not here are drawn as such, and asked for.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

from textual.message import Message

from store.event_pages import EventPage
from store.events import EventRow
from store.instants import format_instant
from tui.text import VERDICT_WORDS, clean, fit, number
from tui.widgets.virtual_list import Piece, VirtualList

# Never colour alone: each verdict has a sign of its own.
VERDICT_SIGNS = {
    "improper": "█",
    "undetermined": "▒",
    "denied": "x",
    "allowed_by_opt_in": "░",
    "allowed_by_exemption": "░",
    "allowed": "░",
}
_VERDICT_STYLES = {"improper": "alarm", "undetermined": "accent", "denied": "strong"}
_SHORT = {"improper": "restricted", "allowed_by_opt_in": "opted in", "allowed_by_exemption": "exempt"}
_MOST_CELL = 60
BLOCK = 64
# So many blocks are kept, those drawn last: 16,384 rows.
MOST_BLOCKS = 256


class _Column(NamedTuple):
    """A column: its least width, and how it shows a row. The first ones in the list stay longest."""

    name: str
    width: int
    cell: Callable[[EventRow], str]
    right: bool = False


def _text(value: str | None) -> str:
    return "" if value is None else clean(value, _MOST_CELL)


def _amount(value: int | None) -> str:
    return "" if value is None else number(value)


def _verdict(row: EventRow) -> str:
    words = _SHORT.get(row.verdict, VERDICT_WORDS.get(row.verdict, row.verdict))
    return f"{VERDICT_SIGNS[row.verdict]} {words}{' !' if row.after_removal else ''}"


_WHEN = _Column("When, UTC", 19, lambda row: format_instant(row.occurred_at)[:19].replace("T", " "))
_VERDICT = _Column("Verdict", 14, _verdict)
_APP = _Column("App", 12, lambda row: _text(row.app_name))
_TOLD = (
    _Column("Person", 13, lambda row: _text(row.subject_id)),
    _Column("Resource", 10, lambda row: _text(row.resource_id)),
    _Column("Classes", 16, lambda row: clean(", ".join(row.data_classes), _MOST_CELL)),
)
_MORE = (
    _Column("Rule", 12, lambda row: _text(row.rule)),
    _Column("Endpoint", 18, lambda row: _text(row.endpoint)),
    _Column("Records", 7, lambda row: _amount(row.records), right=True),
    _Column("Bytes", 9, lambda row: _amount(row.bytes), right=True),
    _Column("Ip", 15, lambda row: _text(row.ip)),
    _Column("Outcome", 7, lambda row: row.outcome),
)
# One partner's apps come after what they read, everybody's before it.
_OF_ONE = (_WHEN, _VERDICT, *_TOLD, _APP, *_MORE)
_OF_ALL = (_WHEN, _VERDICT, _APP, *_TOLD, *_MORE)


def columns_for(width: int, *, of_all: bool = False) -> list[tuple[_Column, int]]:
    """The columns there is room for, with their widths; what is left over goes to the texts."""
    chosen: list[_Column] = []
    left = width - 1
    for column in _OF_ALL if of_all else _OF_ONE:
        if column.width + 1 > left and chosen:
            break
        chosen.append(column)
        left -= column.width + 1
    texts = [column for column in chosen[2:] if not column.right]
    extra = max(left, 0) // len(texts) if texts else 0
    return [(column, column.width + (extra if column in texts else 0)) for column in chosen]


class EventList(VirtualList):
    """Events in order of time; `enter` opens one in full."""

    class Wanted(Message):
        """Rows in view, or near it, are not here."""

        def can_replace(self, message: Message) -> bool:
            """One is enough."""
            return isinstance(message, EventList.Wanted)

    def __init__(self, *, of_all: bool = False, id: str | None = None, classes: str | None = None) -> None:  # noqa: A002
        """An empty list.

        Args:
            of_all: the events are everybody's: their apps tell them apart.
        """
        super().__init__(id=id, classes=classes)
        self._of_all = of_all
        self._total = 0
        self._is_begun = False
        self._blocks: dict[int, tuple[EventRow, ...]] = {}

    def begin(self, page: EventPage, cursor: int) -> None:
        """Other events than before: a page of them, which begins at a block's begin, and where the cursor is."""
        self._blocks.clear()
        self._total = page.total
        self._is_begun = True
        self._take(page)
        self.rows_changed(cursor)

    def show(self, page: EventPage) -> None:
        """More rows of the same events; the page begins at a block's begin."""
        self._take(page)
        self.refresh()

    def _take(self, page: EventPage) -> None:
        for place in range(0, len(page.rows), BLOCK):
            self._blocks[(page.first + place) // BLOCK] = page.rows[place : place + BLOCK]
        while len(self._blocks) > MOST_BLOCKS:
            del self._blocks[next(iter(self._blocks))]

    def row(self, index: int) -> EventRow | None:
        """The event at a place; None while it is not here."""
        number_, place = divmod(index, BLOCK)
        block = self._blocks.get(number_)
        if block is None or place >= len(block):
            return None
        if next(reversed(self._blocks)) != number_:
            # Drawn last, kept longest.
            self._blocks[number_] = self._blocks.pop(number_)
        return block[place]

    @property
    def rows_here(self) -> Sequence[EventRow]:
        """All rows that are here, in no particular order."""
        return [row for block in self._blocks.values() for row in block]

    @property
    def current(self) -> EventRow | None:
        """The event under the cursor; None while it is not here."""
        return self.row(self.cursor) if self._total else None

    def missing(self) -> tuple[int, int] | None:
        """The next places `[first, stop)` to read: those in view, else those around it; None: all are here."""
        top, page = self.scroll_offset.y, self.page
        for first, stop in ((top, top + page), (top - page, top + 2 * page)):
            blocks = range(max(first, 0) // BLOCK, -(-min(stop, self._total) // BLOCK))
            wanted = [block for block in blocks if block not in self._blocks]
            if wanted:
                return wanted[0] * BLOCK, (wanted[-1] + 1) * BLOCK
        return None

    @property
    def total(self) -> int:
        """How many events there are; 0 before that is known."""
        return self._total

    def row_count(self) -> int:
        """How many lines there are: before anything is known, one that says that it is being read."""
        return self._total if self._is_begun else 1

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        """Another part of the list is in view."""
        super().watch_scroll_y(old_value, new_value)
        if round(old_value) != round(new_value):
            self.post_message(self.Wanted())

    def draw_header(self, width: int) -> list[Piece]:
        """Names of the columns."""
        columns = columns_for(width, of_all=self._of_all)
        cells = [fit(column.name, cells, right=column.right) for column, cells in columns]
        return [(fit(" " + " ".join(cells), width), "")]

    def draw_row(self, index: int, width: int) -> list[Piece]:
        """One event, or that it is being read."""
        row = self.row(index)
        if row is None:
            self.post_message(self.Wanted())
            return [(fit(f" {'·' * 19} reading", width), "quiet")]
        pieces: list[Piece] = []
        left = width
        for place, (column, cells) in enumerate(columns_for(width, of_all=self._of_all)):
            text = fit(f" {fit(column.cell(row), cells, right=column.right)}", min(cells + 1, left))
            style = _VERDICT_STYLES.get(row.verdict, "quiet") if column is _VERDICT else ""
            pieces.append((text, "quiet" if place == 0 else style))
            left -= cells + 1
            if left <= 0:
                break
        return pieces
