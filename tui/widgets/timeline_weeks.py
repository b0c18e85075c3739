"""The picture over all partners: how many of them, and how many people's data, were in restricted reads week by week.

Distinct counts do not add up, so a column never joins weeks. A pure function; it must not know the terminal, the
theme, or the store's file.
"""

from collections.abc import Sequence

from store.timeline import Timeline, Week
from tui.widgets.timeline_bars import NOT_LOGGED, bar_cells, round_up, short_count, without_outliers
from tui.widgets.timeline_canvas import Canvas, Drawing, Run, Spot
from tui.widgets.timeline_drawing import INFERRED_DAY, LOGGED, UNLOGGED, draw_axis, draw_legend_below, marker_entries
from tui.widgets.timeline_marks import letters_of

GUTTER = 9
_NO_GUTTER_BELOW = 24
_WIDEST = 8


def weeks_columns(width: int) -> int:
    """How many weeks there is room for in `width` cells."""
    return max(width - (GUTTER if width >= _NO_GUTTER_BELOW else 0), 1)


def weeks_in(weeks: Sequence[Week], window: tuple[int, int], cursor: int, columns: int) -> Sequence[Week]:
    """The weeks of a window, or, where they are more than there is room for, the page of them with the cursor."""
    inside = [week for week in weeks if week.from_at < window[1] and week.until_at > window[0]]
    if len(inside) <= columns:
        return inside
    place = next((i for i, week in enumerate(inside) if cursor < week.until_at), len(inside) - 1)
    begin = min(place // columns * columns, len(inside) - columns)
    return inside[begin : begin + columns]


def draw_weeks(weeks: Sequence[Week], answer: Timeline, width: int, height: int) -> Drawing:
    """The picture of these weeks: exactly `height` rows of exactly `width` cells.

    Args:
        weeks: at most as many as `weeks_columns` has room for; the others are cut off.
        answer: of everybody, over the same time: its markers and whether coverage is only inferred.
    """
    height, width = max(height, 0), max(width, 0)
    canvas = Canvas(width, height)
    gutter = GUTTER if width >= _NO_GUTTER_BELOW else 0
    weeks = weeks[: weeks_columns(width)]
    if not weeks:
        canvas.write(0, 0, "no week since a rule is in view: 0 shows the whole span", "legend")
        return Drawing(canvas.cells, ())
    marks, axis, log = height >= 6, height >= 4, height >= 5
    legend = 2 if height >= 14 else 1 if height >= 10 else 0
    bars = max(height - marks - axis - log - legend, 0)
    gap = 1 if bars >= 10 else 0
    upper = (bars - gap) // 2
    lower = bars - gap - upper
    wide = max(min((width - gutter) // len(weeks), _WIDEST), 1)
    _draw_counts(canvas, gutter, marks, upper, "partners", [week.partners for week in weeks], weeks, wide)
    _draw_counts(canvas, gutter, marks + upper + gap, lower, "people", [week.people for week in weeks], weeks, wide)
    spans = [(week.from_at, week.until_at) for week in weeks]
    if marks:
        canvas.put(0, 0, "marks"[:gutter], "name")
        for place, letter in enumerate(letters_of(answer.markers, spans)):
            canvas.put(gutter + place * wide, 0, letter, "marker")
    y = marks + bars
    if axis:
        cells = [span for span in spans for _ in range(wide)]
        draw_axis(canvas, gutter, y, cells, [i % wide == 0 for i in range(len(cells))])
    if log:
        canvas.put(0, y + axis, "log"[:gutter], "name")
        logged = INFERRED_DAY if any(source.basis == "inferred" for source in answer.coverage) else LOGGED
        for place, week in enumerate(weeks):
            glyph, style = UNLOGGED if week.logged_days < week.days else logged
            canvas.put(gutter + place * wide, y + axis, glyph * wide, style)
    if legend:
        draw_legend_below(canvas, width, height, legend, _legend(weeks, answer))
    spots = (
        Spot(week.from_at, week.until_at, x, x + wide, 0, marks + bars)
        for week, x in zip(weeks, range(gutter, gutter + wide * len(weeks), wide), strict=True)
    )
    return Drawing(canvas.cells, tuple(spots), 0 if marks else None)


def _draw_counts(
    canvas: Canvas,
    gutter: int,
    top: int,
    rows: int,
    name: str,
    counts: Sequence[int],
    weeks: Sequence[Week],
    wide: int,
) -> None:
    if rows < 1:
        return
    scale = round_up(without_outliers(counts))
    if gutter:
        for row in range(rows):
            canvas.put(gutter - 1, top + row, "│", "axis")
        canvas.put(0, top, f"{short_count(scale):>{gutter - 1}}┤", "axis")
        if rows > 1:
            canvas.put(0, top + 1, f"{name:>{gutter - 1}}", "name")
        if rows > 2:
            canvas.put(0, top + rows - 1, f"{0:>{gutter - 1}}┤", "axis")
    bottom = top + rows - 1
    for place, (count, week) in enumerate(zip(counts, weeks, strict=True)):
        x = gutter + place * wide
        cells = bar_cells((count, 0, 0, 0), scale, rows)
        for row, (glyph, style) in enumerate(cells):
            canvas.put(x, bottom - row, glyph * wide, style)
        if not count and week.logged_days < week.days:
            canvas.put(x, bottom, NOT_LOGGED * wide, "gap")
    for place, count in sorted(enumerate(counts), key=lambda one: -one[1]):
        value, x = f"{count:,}", gutter + (place + 1) * wide
        if count > scale and canvas.is_blank(x, top, len(value)):
            canvas.put(x, top, value, "value")


def _legend(weeks: Sequence[Week], answer: Timeline) -> list[list[Run]]:
    entries: list[list[Run]] = [[("distinct in each week: they do not add up", "legend")]]
    if any(week.logged_days < week.days for week in weeks):
        entries.append([("·", "gap"), (" not all days logged", "legend")])
    return entries + marker_entries(answer, weeks[0].from_at, weeks[-1].until_at)
