"""The picture of bands: one row of bars for each partner under a common axis, to compare when they read.

Each band has its own scale, so that a small partner's shape is as plain as a large one's; its sum and its tallest bar
stand beside it. A pure function; it must not know the terminal, the theme, or the store's file.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from store.timeline import Band, Timeline
from tui.text import clean, fit
from tui.widgets.timeline_bars import (
    EIGHTHS,
    KINDS,
    NOT_LOGGED,
    STACK,
    added,
    bar_cells,
    columns_of,
    scale_for,
    short_count,
)
from tui.widgets.timeline_canvas import Canvas, Drawing, Run, Spot
from tui.widgets.timeline_drawing import draw_axis, draw_legend_below, draw_logs, marker_entries
from tui.widgets.timeline_marks import letters_of, touched

MOST_BANDS = 24
_MOST_ROWS = 4
_SUMS = 14
_SUMS_FROM = 56


@dataclass(frozen=True, slots=True)
class BandsLayout:
    """What has room.

    Attributes:
        names: cells for the partners' names, at the left.
        columns: cells of the bars.
        sums: cells for sum and tallest bar, at the right; 0 for none.
        rows: for the bands together; `head`, `axis`, `log`, `legend` are further rows.
    """

    names: int
    columns: int
    sums: int
    rows: int
    head: int
    axis: int
    log: int
    legend: int


def bands_layout(width: int, height: int) -> BandsLayout:
    """What fits into `width` x `height` cells."""
    width, height = max(width, 0), max(height, 0)
    names = min(max(width // 4, 12), 26) if width >= 30 else 0
    sums = _SUMS if width >= _SUMS_FROM else 0
    axis, log, head, legend = height >= 3, height >= 5, height >= 6, 2 * (height >= 12)
    rows = height - axis - log - head - legend
    return BandsLayout(names, max(width - names - sums, 0), sums, rows, head, axis, log, legend)


def bands_wanted(width: int, height: int) -> int:
    """How many partners there is room for: with two rows each where that leaves at least five."""
    rows = bands_layout(width, height).rows
    return min(max(rows // 2 if rows >= 10 else rows, 1), MOST_BANDS)


def draw_bands(
    answer: Timeline,
    bands: Sequence[Band],
    width: int,
    height: int,
    *,
    kinds: Sequence[str] = KINDS,
    current: int | None = None,
) -> Drawing:
    """The picture: exactly `height` rows of exactly `width` cells.

    Args:
        answer: over the same bins, for what is logged.
        kinds: the events that the bars count.
        current: whose name is marked, by internal id.
    """
    plan = bands_layout(width, height)
    canvas = Canvas(max(width, 0), max(height, 0))
    shown = bands[: max(plan.rows, 0)]
    columns = columns_of(answer.bins, plan.columns)
    if not shown or not columns:
        canvas.write(0, 0, "no partner to compare: mark some, or choose another population", "legend")
        return Drawing(canvas.cells, ())
    spans = [(column.from_at, column.until_at) for column in columns]
    gaps = touched(spans, ((gap.from_at, gap.until_at) for gap in answer.gaps))
    tall = min(max(plan.rows // len(shown), 1), _MOST_ROWS)
    if plan.head:
        # What is about all of them stands above them.
        of_all = [marker for marker in answer.markers if marker.partner is None]
        firsts = iter(letters_of(of_all, [span for span, one in zip(spans, columns, strict=True) if one.first]))
        canvas.put(plan.names, 0, "".join(next(firsts) if one.first else " " for one in columns), "marker")
    if plan.head and plan.sums:
        canvas.write(max(width - plan.sums, 0), 0, fit("    sum  tallest"[-plan.sums :], plan.sums), "name")
    spots = []
    for number, band in enumerate(shown):
        top = plan.head + number * tall
        style = "value" if band.partner == current else "name"
        sign = "> " if band.partner == current else "  "
        if plan.names:
            canvas.write(0, top + tall - 1, fit(sign + clean(band.name, 60), plan.names - 1), style)
        _draw_band(canvas, plan, band, top, tall, gaps, kinds)
        spots += [
            Spot(column.from_at, column.until_at, x, x + _wide(columns, plan), top, top + tall, number)
            for x, column in enumerate(columns, start=plan.names)
            if column.first
        ]
    y = plan.head + len(shown) * tall
    if plan.axis:
        draw_axis(canvas, plan.names, y, spans, [column.first for column in columns])
    if plan.log:
        draw_logs(canvas, plan.names, y + plan.axis, answer, spans)
    if plan.legend:
        draw_legend_below(canvas, width, height, plan.legend, _legend(answer, shown, any(gaps), kinds))
    return Drawing(canvas.cells, tuple(spots), 0 if plan.head else None)


def _wide(columns: Sequence[object], plan: BandsLayout) -> int:
    return max(min(plan.columns // max(len(columns), 1), 8), 1)


def _draw_band(
    canvas: Canvas,
    plan: BandsLayout,
    band: Band,
    top: int,
    tall: int,
    gaps: Sequence[bool],
    kinds: Sequence[str],
) -> None:
    columns = columns_of(band.bins, plan.columns, kinds)
    scale = scale_for(columns)
    firsts = [column for column in columns if column.first]
    own = [marker for marker in band.markers if marker.partner is not None]
    letters = iter(letters_of(own, [(column.from_at, column.until_at) for column in firsts]))
    for x, (column, gap) in enumerate(zip(columns, gaps, strict=True), start=plan.names):
        cells = bar_cells(column.counts, scale, tall)
        for row, (glyph, style) in enumerate(cells):
            canvas.put(x, top + tall - 1 - row, glyph, style)
        if cells[0][0] == " ":
            canvas.put(x, top + tall - 1, *((NOT_LOGGED, "gap") if gap else ("·", "drop")))
        letter = next(letters) if column.first else " "
        # A letter hides no read: where the bar is as tall as its row, the line below tells of it.
        if letter != " " and cells[tall - 1][0] == " ":
            canvas.put(x, top, letter, "marker")
    if plan.sums:
        total = added(column.counts for column in firsts)
        tallest = max((sum(column.counts) for column in firsts), default=0)
        said = f"{short_count(sum(total)):>6} {short_count(tallest):>6}"
        canvas.write(plan.names + plan.columns, top + tall - 1, fit(said, plan.sums, right=True), "value")


def _legend(answer: Timeline, bands: Sequence[Band], gap: bool, kinds: Sequence[str]) -> list[list[Run]]:
    entries: list[list[Run]] = []
    totals = added(column.counts for band in bands for column in columns_of(band.bins, max(len(band.bins), 1), kinds))
    for count, (kind, full, small, word) in zip(totals, STACK, strict=True):
        if count:
            glyphs = full + small if small not in EIGHTHS + full else full
            entries.append([(glyphs, kind), (f" {word}", "legend")])
    entries.append([("each row to its own scale", "legend")])
    if gap:
        entries.append([(NOT_LOGGED, "gap"), (" not logged", "legend")])
    seen = sorted({marker for band in bands for marker in band.markers})
    merged = Timeline(answer.from_at, answer.until_at, (), tuple(seen), (), ())
    return entries + marker_entries(merged, answer.from_at, answer.until_at)
