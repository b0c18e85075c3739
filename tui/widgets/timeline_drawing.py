"""The picture of bars: sums, a row of markers with drop lines, lanes for rule, grants and logs, and a legend.

A pure function from a `Timeline` to a `Drawing`. It must not know the terminal, the theme, or the store's file. Every
glyph is one cell wide, but for names of sources.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from store.coverage import INFERRED, SourceCoverage
from store.marker_letters import MARKER_WORDS, marker_letter
from store.timeline import Timeline
from tui.text import clean, fit
from tui.widgets.timeline_axis import axis_labels
from tui.widgets.timeline_bars import (
    ALLOWED,
    CUT_OTHER,
    CUT_RESTRICTED,
    EIGHTHS,
    KINDS,
    NOT_LOGGED,
    RESTRICTED,
    STACK,
    Column,
    bar_cells,
    columns_of,
    scale_for,
    short_count,
)
from tui.widgets.timeline_canvas import Canvas, Drawing, Run, Spot
from tui.widgets.timeline_marks import DROPPING, letters_of, markers_in, touched

GUTTER = 6
_WIDE_GUTTER = 13
_NO_GUTTER_BELOW = 18
_SIDE_LEGEND = 22
_SIDE_LEGEND_FROM = 64
_MOST_LEGEND_ROWS = 4
_RULE_FROM = 16
_MOST_LANES = 6
LOGGED, INFERRED_DAY, UNLOGGED = ("█", "logged"), ("─", "logged"), ("·", "gap")


@dataclass(frozen=True, slots=True)
class Layout:
    """Which rows a pane of a given size has room for, and how many columns its bars have.

    Attributes:
        gutter: cells left of the bars for names and the scale.
        columns: cells of the bars, the marker row and the lanes.
        bars: rows of the bars.
        logs: lanes of what is logged: one for all sources together, or one each.
        legend_rows: rows of legend below; `side`: cells of legend on the right instead.
    """

    width: int
    height: int
    gutter: int
    columns: int
    bars: int
    marks: bool
    axis: bool
    could: bool
    rule: bool
    logs: int
    legend_rows: int
    side: int


def layout(width: int, height: int, sources: int = 1) -> Layout:
    """What fits into `width` x `height` cells: bars first, then axis, log, markers, what could be read, legend, rule.

    Args:
        sources: how many there are of logs; where there is room for a lane each, they get one.
    """
    width, height = max(width, 0), max(height, 0)
    own_lanes = 1 < sources <= _MOST_LANES and height >= _RULE_FROM + sources and width >= _SIDE_LEGEND_FROM
    gutter = _WIDE_GUTTER if own_lanes else GUTTER if width >= _NO_GUTTER_BELOW else 0
    side = _SIDE_LEGEND if width >= _SIDE_LEGEND_FROM and height < 11 else 0
    left = height
    chosen = {}
    for name, needs in (("axis", 3), ("marks", 5), ("could", 7), ("rule", _RULE_FROM)):
        chosen[name] = height >= needs
        left -= chosen[name]
    logs = sources if own_lanes else int(height >= 4)
    left -= logs
    legend_rows = 0 if side else min(max(left - 4, 0), _MOST_LEGEND_ROWS)
    bars = max(left - legend_rows, 0)
    columns = max(width - gutter - side, 0)
    return Layout(width, height, gutter, columns, bars, logs=logs, legend_rows=legend_rows, side=side, **chosen)


def draw_bars(answer: Timeline | None, width: int, height: int, kinds: Sequence[str] = KINDS) -> Drawing:
    """The picture: exactly `height` rows of exactly `width` cells.

    Args:
        answer: None draws an empty frame.
        width: cells. Whatever the size, nothing is drawn outside; too small a pane loses rows in `layout`'s order.
        height: cells.
        kinds: the events that the bars count.
    """
    plan = layout(width, height, 1 if answer is None else len(answer.coverage))
    canvas = Canvas(plan.width, plan.height)
    columns = columns_of(answer.bins if answer is not None else (), plan.columns, kinds)
    scale = scale_for(columns)
    entries = [] if answer is None else legend_entries(answer, columns, scale)
    spare = plan.legend_rows - legend_height(plan.width, plan.legend_rows, entries)
    plan = replace(plan, bars=plan.bars + spare, legend_rows=plan.legend_rows - spare)
    top = 1 if plan.marks else 0
    if answer is not None:
        spans = [(column.from_at, column.until_at) for column in columns]
        letters = letters_of(answer.markers, [span for span, one in zip(spans, columns, strict=True) if one.first])
        spread = iter(letters)
        letters = [next(spread) if column.first else " " for column in columns]
        gaps = touched(spans, ((gap.from_at, gap.until_at) for gap in answer.gaps))
        _draw_bars(canvas, plan, top, columns, scale, letters, gaps)
        _draw_lanes(canvas, plan, answer, columns, letters)
        draw_legend(canvas, plan, entries)
        _shade_before_rule(canvas, plan, touched(spans, answer.rules))
    _draw_scale(canvas, plan, top, scale if columns else None)
    return Drawing(canvas.cells, _spots(plan, columns), 0 if plan.marks else None)


def _spots(plan: Layout, columns: Sequence[Column]) -> tuple[Spot, ...]:
    rows = plan.bars + plan.marks
    wide = max(plan.columns // max(len({column.bins.start for column in columns}), 1), 1)
    wide = min(wide, 8)
    return tuple(
        Spot(column.from_at, column.until_at, x, x + wide, 0, rows)
        for x, column in enumerate(columns, start=plan.gutter)
        if column.first
    )


def _draw_scale(canvas: Canvas, plan: Layout, top: int, scale: int | None) -> None:
    if plan.gutter:
        for row in range(plan.bars):
            canvas.put(plan.gutter - 1, top + row, "│", "axis")
        if scale is not None and plan.bars:
            canvas.put(0, top, f"{short_count(scale):>{plan.gutter - 1}}┤", "axis")
        if scale is not None and plan.bars > 1:
            canvas.put(0, top + plan.bars - 1, f"{0:>{plan.gutter - 1}}┤", "axis")
        if plan.bars >= 12 and scale is not None and scale % 2 == 0:
            # In the middle of the height: the lower edge of the row above it.
            canvas.put(0, top + plan.bars // 2 - 1, f"{short_count(scale // 2):>{plan.gutter - 1}}┤", "axis")
    if plan.marks and plan.gutter:
        canvas.put(0, 0, "marks", "name")


def _draw_bars(
    canvas: Canvas,
    plan: Layout,
    top: int,
    columns: Sequence[Column],
    scale: int,
    letters: Sequence[str],
    gaps: Sequence[bool],
) -> None:
    bottom = top + plan.bars - 1
    cut = []
    for x, (column, letter, gap) in enumerate(zip(columns, letters, gaps, strict=True), start=plan.gutter):
        cells = bar_cells(column.counts, scale, plan.bars)
        for row, (glyph, style) in enumerate(cells):
            if glyph != " ":
                canvas.put(x, bottom - row, glyph, style)
            elif gap and (row == 0 or cells[row - 1][0] != " "):
                canvas.put(x, bottom - row, NOT_LOGGED, "gap")
            elif letter in DROPPING:
                canvas.put(x, bottom - row, "┊", "drop")
        if column.first and column.counts[0] > scale:
            cut.append((x, column))
    for x, column in sorted(cut, key=lambda one: -one[1].counts[0]):
        value = f"{column.counts[0]:,}"
        right = x + plan.columns // max(len(columns), 1)
        for place in (right, x - len(value)):
            inside = plan.gutter <= place and place + len(value) <= plan.gutter + plan.columns
            if plan.bars and inside and canvas.is_blank(place, top, len(value)):
                canvas.put(place, top, value, "value")
                break


def _draw_lanes(
    canvas: Canvas, plan: Layout, answer: Timeline, columns: Sequence[Column], letters: Sequence[str]
) -> None:
    x = plan.gutter
    y = plan.bars
    spans = [(column.from_at, column.until_at) for column in columns]
    if plan.marks:
        canvas.put(x, 0, "".join(letters), "marker")
        y += 1
    if plan.axis:
        draw_axis(canvas, x, y, spans, [column.first for column in columns])
        y += 1
    for wanted, name, intervals in ((plan.rule, "rule", answer.rules), (plan.could, "could", answer.could_read)):
        if wanted:
            canvas.put(0, y, name[: plan.gutter], "name")
            style = "could" if name == "could" else "rule"
            canvas.put(x, y, "".join("━" if one else " " for one in touched(spans, intervals)), style)
            y += 1
    if plan.logs:
        draw_logs(canvas, plan.gutter, y, answer, spans, lanes=plan.logs)


def draw_axis(canvas: Canvas, x: int, y: int, spans: Sequence[tuple[int, int]], first: Sequence[bool]) -> None:
    """The dates under columns that begin at `x`."""
    edges = [from_at for from_at, _ in spans] + [until_at for _, until_at in spans[-1:]]
    for place, label in axis_labels(edges, first):
        canvas.put(x + place, y, label, "axis")


def draw_logs(
    canvas: Canvas, gutter: int, y: int, answer: Timeline, spans: Sequence[tuple[int, int]], *, lanes: int = 1
) -> None:
    """What is logged: a lane for all sources together, or one for each; a day that only has events is no claim."""
    sources: list[tuple[str, SourceCoverage | None]] = [("log", None)]
    if lanes > 1:
        sources = [(source.source, source) for source in answer.coverage[:lanes]]
    for row, (name, source) in enumerate(sources):
        if gutter:
            canvas.write(0, y + row, fit(clean(name, 60), gutter - 1), "name")
        gaps = [(gap.from_at, gap.until_at) for gap in answer.gaps if source is None or gap.source == source.source]
        logged = INFERRED_DAY if is_inferred(answer) else LOGGED
        for place, gap in enumerate(touched(spans, gaps)):
            canvas.put(gutter + place, y + row, *(UNLOGGED if gap else logged))


def is_inferred(answer: Timeline) -> bool:
    """Whether no log ever said that it is complete: then a day with events is only inferred to be logged."""
    return any(source.basis == INFERRED for source in answer.coverage)


def _shade_before_rule(canvas: Canvas, plan: Layout, ruled: Sequence[bool]) -> None:
    """The columns in which no rule is in force."""
    rows = plan.bars + plan.marks
    for x, one in enumerate(ruled, start=plan.gutter):
        if not one:
            canvas.shade(x, x + 1, 0, rows, "before")


def legend_entries(answer: Timeline, columns: Sequence[Column], scale: int) -> list[list[Run]]:
    """What the glyphs in view mean, the most important first; only what is in view."""
    entries: list[list[Run]] = []
    for place, (kind, full, small, word) in enumerate(STACK):
        if any(column.counts[place] for column in columns):
            glyphs = full + small if small not in EIGHTHS + full else full
            entries.append([(glyphs, kind), (f" {word}", "legend")])
    spans = [(column.from_at, column.until_at) for column in columns]
    if any(touched(spans, ((gap.from_at, gap.until_at) for gap in answer.gaps))):
        entries.append([(NOT_LOGGED, "gap"), (" not logged", "legend")])
    if is_inferred(answer):
        entries.append([INFERRED_DAY, (" has events", "legend")])
    cut = [column for column in columns if sum(column.counts) > scale]
    if cut:
        highest = max(cut, key=lambda column: sum(column.counts))
        glyph, style = (CUT_RESTRICTED, RESTRICTED) if highest.counts[0] > scale else (CUT_OTHER, ALLOWED)
        entries.append([(glyph, style), (f" cut, up to {sum(highest.counts):,}", "legend")])
    if columns:
        entries += marker_entries(answer, columns[0].from_at, columns[-1].until_at)
    return entries


def marker_entries(answer: Timeline, from_at: int, until_at: int) -> list[list[Run]]:
    """The letters of the markers in `[from_at, until_at)`, what they mean, and how many there are of each."""
    seen = [marker_letter(one) for one in markers_in(answer.markers, from_at, until_at)]
    entries: list[list[Run]] = []
    for letter, word in MARKER_WORDS.items():
        if letter in seen:
            times = f" ({seen.count(letter)})" if seen.count(letter) > 1 else ""
            entries.append([(letter, "marker"), (f" {word}{times}", "legend")])
    return entries


def draw_legend(canvas: Canvas, plan: Layout, entries: Sequence[list[Run]]) -> None:
    """The legend, at the right or in the rows below."""
    if plan.side:
        for row, entry in enumerate(entries[: plan.height]):
            _put_entry(canvas, plan.gutter + plan.columns + 2, row, entry)
        return
    draw_legend_below(canvas, plan.width, plan.height, plan.legend_rows, entries)


def draw_legend_below(canvas: Canvas, width: int, height: int, rows: int, entries: Iterable[list[Run]]) -> None:
    """As many entries as the last `rows` rows have room for."""
    for x, row, entry in _placed(width, entries):
        if row >= rows:
            return
        _put_entry(canvas, x, height - rows + row, entry)


def legend_height(width: int, most: int, entries: Iterable[list[Run]]) -> int:
    """How many rows, `most` at the most, the entries take."""
    rows = [row for _, row, _ in _placed(width, entries)]
    return min(rows[-1] + 1 if rows else 0, most)


def _placed(width: int, entries: Iterable[list[Run]]) -> Iterator[tuple[int, int, list[Run]]]:
    """Where each entry stands: column, row."""
    x = row = 0
    for entry in entries:
        length = sum(len(text) for text, _ in entry)
        if x and x + length > width:
            x, row = 0, row + 1
        yield x, row, entry
        x += length + 2


def _put_entry(canvas: Canvas, x: int, y: int, entry: list[Run]) -> None:
    for text, style in entry:
        canvas.put(x, y, text, style)
        x += len(text)
