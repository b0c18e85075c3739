"""The raw events behind a number, one a line: what the log told, the verdict, and the rule that decided it."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

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
_MOST_CELL = 60


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


_COLUMNS = (
    _Column("When, UTC", 19, lambda row: format_instant(row.occurred_at)[:19].replace("T", " ")),
    _Column("Verdict", 19, lambda row: f"{VERDICT_SIGNS[row.verdict]} {_verdict(row)}"),
    _Column("App", 14, lambda row: _text(row.app_name)),
    _Column("Person", 14, lambda row: _text(row.subject_id)),
    _Column("Resource", 12, lambda row: _text(row.resource_id)),
    _Column("Classes", 20, lambda row: clean(", ".join(row.data_classes), _MOST_CELL)),
    _Column("Records", 7, lambda row: _amount(row.records), right=True),
    _Column("Rule", 14, lambda row: _text(row.rule)),
    _Column("Endpoint", 18, lambda row: _text(row.endpoint)),
    _Column("Bytes", 9, lambda row: _amount(row.bytes), right=True),
    _Column("Ip", 15, lambda row: _text(row.ip)),
)


def _verdict(row: EventRow) -> str:
    return f"{VERDICT_WORDS.get(row.verdict, row.verdict)}{' !' if row.after_removal else ''}"


def columns_for(width: int) -> list[tuple[_Column, int]]:
    """The columns there is room for, with their widths; what is left over goes to the texts."""
    chosen: list[_Column] = []
    left = width - 1
    for column in _COLUMNS:
        if column.width + 1 > left and chosen:
            break
        chosen.append(column)
        left -= column.width + 1
    texts = [column for column in chosen[2:] if not column.right]
    extra = max(left, 0) // len(texts) if texts else 0
    return [(column, column.width + (extra if column in texts else 0)) for column in chosen]


def event_details(row: EventRow) -> list[tuple[str, str]]:
    """Everything the log told of an event, name and value."""
    unknown = "not in the log"
    after = "   after removal, no re-grant" if row.after_removal else ""
    return [
        ("Occurred", format_instant(row.occurred_at)),
        ("Verdict", VERDICT_WORDS.get(row.verdict, row.verdict) + after),
        ("Rule", row.rule or "no rule restricts it"),
        ("Outcome", row.outcome),
        ("App", f"{row.app_name} ({row.app_id})"),
        ("Partner", row.partner_id),
        ("Data classes", ", ".join(row.data_classes)),
        ("Person", row.subject_id or unknown),
        ("Resource", row.resource_id or unknown),
        ("Endpoint", row.endpoint or unknown),
        ("Records", unknown if row.records is None else number(row.records)),
        ("Bytes", unknown if row.bytes is None else number(row.bytes)),
        ("Ip", row.ip or unknown),
        ("Event id", row.event_id or unknown),
        ("From", f"import {row.import_id}, {row.file}, record {row.record_no:,}"),
    ]


class EventList(VirtualList):
    """Events, oldest first; `enter` opens one in full."""

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id, classes=classes)
        self.rows: Sequence[EventRow] = ()

    def show(self, rows: Sequence[EventRow]) -> None:
        """Show these; the cursor stays where it is."""
        self.rows = rows
        self.rows_changed(self.cursor)

    @property
    def current(self) -> EventRow | None:
        """The event under the cursor."""
        return self.rows[self.cursor] if self.cursor < len(self.rows) else None

    def row_count(self) -> int:
        """How many events are here."""
        return len(self.rows)

    def draw_header(self, width: int) -> list[Piece]:
        """Names of the columns."""
        cells = [fit(column.name, cells, right=column.right) for column, cells in columns_for(width)]
        return [(fit(" " + " ".join(cells), width), "")]

    def draw_row(self, index: int, width: int) -> list[Piece]:
        """One event."""
        row = self.rows[index]
        pieces: list[Piece] = []
        left = width
        for place, (column, cells) in enumerate(columns_for(width)):
            text = fit(f" {fit(column.cell(row), cells, right=column.right)}", min(cells + 1, left))
            style = _VERDICT_STYLES.get(row.verdict, "quiet") if column.name == "Verdict" else ""
            pieces.append((text, "quiet" if place == 0 else style))
            left -= cells + 1
            if left <= 0:
                break
        return pieces
