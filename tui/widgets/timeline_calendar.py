"""The calendar: a column a week, a row a weekday, so that a day on which something stopped stands out.

A pure function from a `Timeline` whose bins are UTC days from a Monday on. It must not know the terminal, the theme,
or the store's file.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from store.instants import MICROSECONDS_PER_DAY as DAY
from store.timeline import Timeline
from tui.widgets.timeline_bars import (
    DENIED,
    KINDS,
    NOT_LOGGED,
    STACK,
    Counts,
    bin_counts,
    round_up,
    short_count,
    without_outliers,
)
from tui.widgets.timeline_canvas import Canvas, Drawing, Run, Spot
from tui.widgets.timeline_drawing import draw_axis, draw_legend_below, marker_entries
from tui.widgets.timeline_marks import letters_of, touched

WEEK = 7 * DAY
LEVELS = "░▒▓█"
QUIET = "-"
_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
# 1970-01-01 was a Thursday.
_MONDAY = 4 * DAY
_NAMES = 5
_WIDEST = 4
_TALLEST = 3
_LEGEND = 2


@dataclass(frozen=True, slots=True)
class CalendarLayout:
    """How some weeks are laid out.

    Attributes:
        names: cells for the weekdays' names, at the left.
        blocks: how many times the weekdays are repeated below each other, with `each` weeks at most.
        wide, tall: cells of a day.
        marks, axis: whether each block has these rows.
        legend: rows below all.
    """

    names: int
    blocks: int
    each: int
    wide: int
    tall: int
    marks: bool
    axis: bool
    legend: int

    @property
    def block_rows(self) -> int:
        """Rows of a block."""
        return self.marks + 7 * self.tall + self.axis


def calendar_room(width: int, height: int) -> int:
    """The most weeks that `width` x `height` cells have room for, one cell a day."""
    return max(width - _names(width), 1) * _most_blocks(height)


def _names(width: int) -> int:
    return _NAMES if width >= 18 else 0


def _most_blocks(height: int) -> int:
    return max((height - _LEGEND + 1) // 8, 1)


def calendar_layout(width: int, height: int, weeks: int) -> CalendarLayout:
    """How so many weeks fit into `width` x `height` cells; below seven rows the last weekdays are cut off."""
    width, height, weeks = max(width, 0), max(height, 0), max(weeks, 1)
    columns = max(width - _names(width), 1)
    blocks = min(-(-weeks // columns), _most_blocks(height))
    each = min(-(-weeks // blocks), columns)
    room = height // blocks
    axis, marks = room >= 8, room >= 9 + _LEGEND / blocks
    tall = max(min((room - axis - marks - _LEGEND) // 7, _TALLEST), 1)
    legend = min(max(height - blocks * (axis + marks + 7 * tall), 0), 3)
    return CalendarLayout(_names(width), blocks, each, max(min(columns // each, _WIDEST), 1), tall, marks, axis, legend)


def weeks_shown(window: tuple[int, int], cursor: int, width: int, height: int) -> tuple[int, int]:
    """The weeks to show, as `[Monday 00:00, Monday 00:00)`, microseconds UTC: the window's, or those of a page of them.

    Args:
        window: what the other pictures show, `[from, until)`.
        cursor: an instant that must be among them.
        width: cells; where the window has more weeks than there is room for, the page with the cursor is shown.
        height: cells.
    """
    first = _monday(window[0])
    count = max(-(-(window[1] - first) // WEEK), 1)
    room = calendar_room(width, height)
    least = max((width - _names(width)) // _WIDEST, 1)
    if count < least:
        # Narrower than the calendar can be: the window in the middle of it.
        first -= (least - count) // 2 * WEEK
        return first, first + least * WEEK
    if count <= room:
        return first, first + count * WEEK
    page = min(max((cursor - first) // WEEK // room, 0), (count - 1) // room)
    begin = min(page * room, count - room)
    return first + begin * WEEK, first + (begin + room) * WEEK


def _monday(at: int) -> int:
    return at - (at - _MONDAY) % WEEK


def draw_calendar(answer: Timeline, width: int, height: int, *, kinds: Sequence[str] = KINDS) -> Drawing:
    """The picture: exactly `height` rows of exactly `width` cells.

    Args:
        answer: its bins are days, the first one a Monday; other bins draw nothing.
        kinds: the events that the days count.
    """
    canvas = Canvas(max(width, 0), max(height, 0))
    days = answer.bins
    if not days or width < 1 or days[0].until_at - days[0].from_at != DAY:
        return Drawing(canvas.cells, ())
    plan = calendar_layout(width, height, -(-len(days) // 7))
    days = days[: 7 * plan.each * plan.blocks]
    counts = [bin_counts(row, kinds) for row in days]
    lead = KINDS.index(DENIED) if tuple(kinds) == (DENIED,) else 0
    scale = round_up(without_outliers(count[lead] for count in counts))
    spans = [(row.from_at, row.until_at) for row in days]
    gaps = touched(spans, ((gap.from_at, gap.until_at) for gap in answer.gaps))
    ruled = touched(spans, answer.rules)
    letters = letters_of(answer.markers, spans)
    for block in range(plan.blocks):
        first = block * plan.each * 7
        _draw_frame(canvas, plan, answer, block * plan.block_rows, spans[first : first + plan.each * 7 : 7])
    spots = []
    filled = plan.wide - (plan.wide > 2)
    for place, (span, count, gap, letter) in enumerate(zip(spans, counts, gaps, letters, strict=True)):
        block, week = divmod(place // 7, plan.each)
        x = plan.names + week * plan.wide
        y = block * plan.block_rows + plan.marks + place % 7 * plan.tall
        glyph, style = day_glyph(count, scale, lead, gap=gap)
        for row in range(plan.tall):
            canvas.put(x, y + row, glyph * filled if row == 0 or glyph in LEVELS else " " * filled, style)
        if letter != " " and (plan.wide > 1 or glyph == QUIET):
            canvas.put(x, y, letter, "marker")
        if not ruled[place]:
            canvas.shade(x, x + plan.wide, y, y + plan.tall, "before")
        spots.append(Spot(*span, x, x + filled, y, y + plan.tall))
    if plan.legend:
        entries = _legend(counts, scale, lead, gap=any(gaps))
        entries += marker_entries(answer, days[0].from_at, days[-1].until_at)
        draw_legend_below(canvas, width, height, plan.legend, entries)
    return Drawing(canvas.cells, tuple(spots))


def _draw_frame(
    canvas: Canvas, plan: CalendarLayout, answer: Timeline, top: int, mondays: Sequence[tuple[int, int]]
) -> None:
    """A block's names of weekdays, its letters, and the dates below it."""
    weeks = [(from_at, from_at + WEEK) for from_at, _ in mondays]
    if plan.marks:
        canvas.put(0, top, "marks"[: plan.names], "name")
        for week, letter in enumerate(letters_of(answer.markers, weeks)):
            canvas.put(plan.names + week * plan.wide, top, letter, "marker")
    for row, name in enumerate(_DAYS):
        canvas.put(0, top + plan.marks + row * plan.tall, name[: plan.names], "name")
    if plan.axis:
        cells = [week for week in weeks for _ in range(plan.wide)]
        first = [place % plan.wide == 0 for place in range(len(cells))]
        draw_axis(canvas, plan.names, top + plan.marks + 7 * plan.tall, cells, first)


def day_glyph(counts: Counts, scale: int, lead: int, *, gap: bool) -> Run:
    """A day's glyph: how many reads of the leading kind; without any, what else there was; `-` for a quiet day.

    Args:
        scale: the count from which on a day is as dark as can be.
        lead: place of the leading kind in `STACK`.
        gap: whether some of the day is not logged; without a read that is what must be said.
    """
    if counts[lead]:
        return LEVELS[min(-(-4 * counts[lead] // scale), 4) - 1], STACK[lead][0]
    for count, (kind, _, small, _) in zip(counts[1:], STACK[1:], strict=True):
        if count and not gap:
            return small, kind
    return (NOT_LOGGED, "gap") if gap else (QUIET, "drop")


def level_bounds(scale: int) -> list[tuple[str, int, int | None]]:
    """Each level's glyph, its least and its largest count (None: open); levels that no count has are left out."""
    bounds: list[tuple[str, int, int | None]] = []
    low = 1
    for level, glyph in enumerate(LEVELS, start=1):
        high = level * scale // 4
        if level == len(LEVELS):
            bounds.append((glyph, low, None))
        elif high >= low:
            bounds.append((glyph, low, high))
            low = high + 1
    return bounds


def _legend(counts: Sequence[Counts], scale: int, lead: int, *, gap: bool) -> list[list[Run]]:
    entries: list[list[Run]] = []
    kind, _, _, word = STACK[lead]
    if any(count[lead] for count in counts):
        for glyph, low, high in level_bounds(scale):
            said = f"{short_count(low)}+" if high is None else short_count(low)
            if high is not None and high != low:
                said += f"-{short_count(high)}"
            entries.append([(glyph, kind), (f" {said}", "legend")])
        entries[-1].append((f" {word} a day", "legend"))
    for place, (other, _, small, other_word) in enumerate(STACK):
        if place != lead and any(count[place] and not count[lead] for count in counts):
            entries.append([(small, other), (f" only {other_word}", "legend")])
    entries.append([(QUIET, "drop"), (" none", "legend")])
    if gap:
        entries.append([(NOT_LOGGED, "gap"), (" not logged", "legend")])
    return entries
