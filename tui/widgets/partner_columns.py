"""The columns of the partner list: which fit in a width, and what each says of a row. It knows no widget."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from rich.cells import cell_len

from store.partners import PartnerRow, row_status
from tui.partner_view import Lines
from tui.text import (
    STATUS_LETTERS,
    clean,
    day,
    fit,
    number,
    qualified,
    short_day,
    step_words,
)

# In the place of the status: its closing was asked for, and waits for a second person.
ASKED = "c"
# Cursor, mark, status, alarm, and the blank before the name.
SIGNS_WIDTH = 5
LEAST_NAME = 14
GOOD_NAME = 26
SHORT_NAME = 20

# What the investigator would do next, in the Due column where no date is set.
_NEXT_WORDS = {
    "none": "remove",
    "access_removed": "contact",
    "notified": "ask",
    "deletion_requested": "wait",
    "deletion_certified": "plan",
    "audit_planned": "audit",
    "audit_started": "result",
    "audit_passed": "",
    "audit_failed": "failed",
}


@dataclass(frozen=True, slots=True)
class Context:
    """What a cell depends on besides its row.

    Attributes:
        qualifier: of the figures over everything read.
        today: microseconds UTC, for dates without their year.
    """

    qualifier: str = "exact"
    today: int = 0


@dataclass(frozen=True, slots=True)
class Cell:
    """A cell's text, clean, and the style it is drawn in (a name of the list's component classes)."""

    text: str
    style: str = ""


@dataclass(frozen=True, slots=True)
class Column:
    """One column.

    Attributes:
        least: narrowest width, in cells; wider where a row's text is.
        most: widest.
    """

    name: str
    title: str
    least: int
    most: int
    cell: Callable[[PartnerRow, Context], Cell]
    right: bool = False


def row_qualifier(row: PartnerRow, qualifier: str) -> str:
    """A row's own qualifier: that of the whole, and `at_least` where the log names no person for some reads."""
    return "at_least" if qualifier == "exact" and row.without_subject else qualifier


def _people(row: PartnerRow, context: Context) -> Cell:
    return Cell(qualified(row.people, row_qualifier(row, context.qualifier)), "" if row.people else "quiet")


def _last_read(row: PartnerRow, context: Context) -> Cell:
    return Cell("none found", "quiet") if row.last_at is None else Cell(day(row.last_at))


def _first_read(row: PartnerRow, context: Context) -> Cell:
    return Cell("none found", "quiet") if row.first_at is None else Cell(day(row.first_at))


def _track(row: PartnerRow, context: Context) -> Cell:
    return Cell(clean(row.track, 12), "alarm" if "X" in row.track else "")


def _due(row: PartnerRow, context: Context) -> Cell:
    if row.due is not None:
        return _dated(short_day(row.due, beside=context.today), row)
    if "H" in row.track[7:]:
        return Cell("hold", "quiet")
    if not row.claimed and row.stage in ("none", "access_removed"):
        return Cell("who?", "accent")
    return Cell(_NEXT_WORDS.get(row.stage, ""), "quiet")


def _dated(date: str, row: PartnerRow) -> Cell:
    return Cell(f"! {date}", "alarm") if row.overdue else Cell(date)


def _due_month(row: PartnerRow, context: Context) -> Cell:
    if row.due is None:
        return _due(row, context)
    date = short_day(row.due, beside=context.today)
    return _dated(date if len(date) == len("01-04") else date[: len("2020-01")], row)


def _reads(row: PartnerRow, context: Context) -> Cell:
    return Cell(qualified(row.events, context.qualifier), "" if row.events else "quiet")


def _status(row: PartnerRow) -> str:
    return row_status(row) if row.asked_by is None else f"closing asked by {clean(row.asked_by, 40)}"


def _resources(row: PartnerRow, context: Context) -> Cell:
    return Cell(qualified(row.resources, context.qualifier), "" if row.resources else "quiet")


APPS = Column("apps", "App", 3, 9, lambda row, _: Cell(number(row.apps)), right=True)
PEOPLE = Column("people", "People", 7, 12, _people, right=True)
LAST_READ = Column("last_read", "Last read", 10, 10, _last_read)
TRACK = Column("track", "Track", 8, 10, _track)
DUE = Column("due", "Due", 7, 12, _due)
# Another year's date is told to the month where names need the room; pane 3 tells its day.
DUE_MONTH = Column("due_month", "Due", 7, 12, _due_month)
USUAL = (APPS, PEOPLE, LAST_READ, TRACK, DUE)
# The order in which they go when there is no room for the name.
_FIRST_TO_GO = (APPS, DUE, DUE_MONTH, LAST_READ, TRACK)

READS = Column("reads", "Reads", 7, 12, _reads, right=True)
RESOURCES = Column("resources", "Resources", 9, 12, _resources, right=True)
FIRST_READ = Column("first_read", "First read", 10, 10, _first_read)
STATUS = Column("status", "Status", 7, 20, lambda row, _: Cell(_status(row)))
OWNER = Column(
    "owner", "Owner", 5, 14, lambda row, _: Cell(clean(row.assignee or "-", 40), "" if row.assignee else "quiet")
)
STAGE = Column("stage", "Stage", 8, 16, lambda row, _: Cell(step_words(row.stage)))
PARTNER_ID = Column("id", "Id", 6, 16, lambda row, _: Cell(clean(row.partner_id, 60), "quiet"))

# `C` goes through these; the first shows whatever the width has room for, in this order.
EXTRA_SETS: tuple[tuple[str, tuple[Column, ...]], ...] = (
    ("as many as fit", ()),
    ("reads, resources", (READS, RESOURCES)),
    ("first read", (FIRST_READ,)),
    ("status, owner", (STATUS, OWNER)),
    ("stage", (STAGE,)),
    ("id", (PARTNER_ID,)),
)
_WHERE_ROOM = (READS, FIRST_READ, RESOURCES, OWNER, STATUS, STAGE, PARTNER_ID)
# Widths are measured on this many rows: the rest is cut with `…` rather than read through at every refresh.
_MEASURED_ROWS = 60


@dataclass(frozen=True, slots=True)
class Layout:
    """The columns that fit, each with its width, and what is left for the name."""

    name_width: int
    columns: tuple[tuple[Column, int], ...]


def measure(column: Column, rows: Sequence[PartnerRow] | Lines, context: Context) -> int:
    """How wide a column wants to be for these rows."""
    measured = map(rows.__getitem__, range(min(len(rows), _MEASURED_ROWS)))
    widest = max((cell_len(column.cell(row, context).text) for row in measured), default=0)
    return min(column.most, max(column.least, widest))


def lay_out(width: int, extras: Sequence[Column], measured: Callable[[Column], int]) -> Layout:
    """Choose the columns for a line of this many cells.

    Args:
        width: cells of the whole line.
        extras: columns asked for with `C`; none means as many as fit beside a good name.
        measured: the width a column wants.
    """
    # One cell stays free at the right, so that nothing touches the scrollbar.
    room = width - SIGNS_WIDTH - 1
    chosen = [*USUAL, *extras]
    if not extras:
        for column in _WHERE_ROOM:
            if _used([*chosen, column], measured) + GOOD_NAME > room:
                break
            chosen.append(column)
    if _used(chosen, measured) + SHORT_NAME > room:
        chosen[chosen.index(DUE)] = DUE_MONTH
    for column in (*reversed(extras[1:]), *_FIRST_TO_GO, *extras[:1], PEOPLE):
        if _used(chosen, measured) + LEAST_NAME > room and column in chosen:
            chosen.remove(column)
    left = room - _used(chosen, measured)
    return Layout(max(1, left), tuple((column, measured(column)) for column in chosen))


def _used(columns: Sequence[Column], measured: Callable[[Column], int]) -> int:
    return sum(measured(column) + 1 for column in columns)


def signs(row: PartnerRow, *, current: bool, marked: bool) -> tuple[str, str, str, str]:
    """The four signs before a name: cursor, mark, status, alarm."""
    return (
        ">" if current else " ",
        "*" if marked else " ",
        ASKED if row.asked_by is not None else STATUS_LETTERS.get(row.status or "", " "),
        "!" if row.after_removal else " ",
    )


def name_of(row: PartnerRow, width: int) -> str:
    """The partner's name in this many cells; an app that nobody claims says so."""
    name = clean(row.name, 200) if row.claimed else f"{clean(row.name, 200)} (unclaimed)"
    return fit(name, width)
