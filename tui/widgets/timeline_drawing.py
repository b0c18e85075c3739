"""A timeline as rows of text: bars that are sums, a row of markers, lanes for what could be read and what was logged.

Pure functions from a `Timeline` to `(text, style name)` runs. It must not know the terminal, the theme, or the store's
file. Every glyph is one cell wide; each kind of read has a glyph of its own, so that nothing rests on colour alone.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby

from store.audits import LETTERS
from store.timeline import Bin, Marker, Timeline
from store.words import step_words
from tui.widgets.timeline_axis import axis_labels

Run = tuple[str, str]

EIGHTHS = " ▁▂▃▄▅▆▇█"
RESTRICTED, UNDETERMINED, DENIED, ALLOWED = "restricted", "undetermined", "denied", "allowed"
# Bottom of the bar first: (kind, glyph of a full cell, glyph of less than half a cell, words).
STACK = (
    (RESTRICTED, "█", "▁", "restricted"),
    (UNDETERMINED, "▒", "~", "unsettled"),
    (DENIED, "x", "x", "denied"),
    (ALLOWED, "░", ".", "allowed"),
)
KINDS = (RESTRICTED, UNDETERMINED, DENIED, ALLOWED)
CUT_RESTRICTED, CUT_OTHER = "▲", "△"
NOT_LOGGED = "?"

GUTTER = 6
_NO_GUTTER_BELOW = 18
_SIDE_LEGEND = 22
_SIDE_LEGEND_FROM = 64
_MOST_LEGEND_ROWS = 4
# Allowed reads may push restricted ones down to a third of the height, no further.
_MOST_CROWDING = 3
_OUTLIER = 3

# Most important first: where letters fall on one column, the first one here is drawn.
_MARKER_WORDS = {
    "R": "access removed",
    "P": "rule",
    "X": "failed or contradicted",
    "V": "audit passed",
    "C": "certified",
    "D": "deletion asked",
    "N": "partner told",
    "S": "audit notice",
    "A": "audit started",
    "H": "on hold",
    "?": "no response",
    "w": "waived",
    "F": "flagged",
    "x": "closed",
    "o": "reopened",
    "s": "step",
    "g": "grant ended",
    "G": "grant",
    "I": "import",
    "*": "other",
}
_KIND_LETTERS = {
    "rule": "P",
    "grant": "G",
    "revoke": "g",
    "removal": "R",
    "flag": "F",
    "clear": "x",
    "reopen": "o",
    "import": "I",
    "step": "s",
}
# A step's marker begins with its words, or its name.
_STEP_LETTERS = {f"{step_words(step)} ": letter for step, letter in LETTERS.items()} | LETTERS
_DROPPING = frozenset("RPXVF")


@dataclass(frozen=True, slots=True)
class Layout:
    """Which rows a pane of a given size has room for, and how many columns its bars have.

    Attributes:
        gutter: cells left of the bars for names and the scale.
        columns: cells of the bars, the marker row and the lanes.
        bars: rows of the bars.
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
    log: bool
    legend_rows: int
    side: int


@dataclass(frozen=True, slots=True)
class Column:
    """One column of the bars: one bin, or several where the pane has fewer columns than bins, or a share of one.

    Attributes:
        counts: events by kind, in the order of `STACK`.
        bins: the bins it sums, as a range of their numbers.
        first: whether it is the first column of its bins.
    """

    from_at: int
    until_at: int
    counts: tuple[int, int, int, int]
    bins: range
    first: bool


def layout(width: int, height: int) -> Layout:
    """What fits into `width` x `height` cells: bars first, then axis, log, markers, what could be read, legend."""
    width, height = max(width, 0), max(height, 0)
    gutter = GUTTER if width >= _NO_GUTTER_BELOW else 0
    side = _SIDE_LEGEND if width >= _SIDE_LEGEND_FROM and height < 11 else 0
    left = height
    chosen = {}
    for name, needs in (("axis", 3), ("log", 4), ("marks", 5), ("could", 7)):
        chosen[name] = height >= needs
        left -= chosen[name]
    legend_rows = 0 if side else min(max(left - 4, 0), _MOST_LEGEND_ROWS)
    bars = max(left - legend_rows, 0)
    columns = max(width - gutter - side, 0)
    return Layout(width, height, gutter, columns, bars, legend_rows=legend_rows, side=side, **chosen)


def bin_counts(row: Bin) -> tuple[int, int, int, int]:
    """A bin's events by kind, in the order of `STACK`; what an exception allowed counts as allowed."""
    allowed = row.allowed + row.allowed_by_opt_in + row.allowed_by_exemption
    return row.improper, row.undetermined, row.denied, allowed


def columns_of(bins: Sequence[Bin], columns: int, kinds: Sequence[str] = KINDS) -> list[Column]:
    """The bins laid out over at most `columns` columns; every column is the sum of its bins, of these kinds."""
    if not bins or columns <= 0:
        return []
    together = -(-len(bins) // columns)
    groups = [range(i, min(i + together, len(bins))) for i in range(0, len(bins), together)]
    wide = max(min(columns // len(groups), 8), 1)
    result = []
    for group in groups:
        counts = [0, 0, 0, 0]
        for i in group:
            counts = [a + b for a, b in zip(counts, bin_counts(bins[i]), strict=True)]
        counts = [count if kind in kinds else 0 for kind, count in zip(KINDS, counts, strict=True)]
        summed = (counts[0], counts[1], counts[2], counts[3])
        for copy in range(wide):
            column = Column(bins[group[0]].from_at, bins[group[-1]].until_at, summed, group, first=copy == 0)
            result.append(column)
    return result


def scale_for(columns: Sequence[Column]) -> int:
    """The count that fills the whole height: round, at least 1, set by the restricted reads where there are any."""
    totals = [sum(column.counts) for column in columns if column.first]
    restricted = [column.counts[0] for column in columns if column.first]
    if not any(totals):
        return 1
    if not any(restricted):
        return round_up(_without_outliers(totals))
    scale = _without_outliers(restricted)
    return round_up(max(scale, min(_without_outliers(totals), _MOST_CROWDING * scale)))


def _without_outliers(values: Iterable[int]) -> int:
    """The largest value, a few that tower over all others left out."""
    ordered = sorted((value for value in values if value > 0), reverse=True)
    for few in range(1, len(ordered) // 20 + 2):
        if few + 2 < len(ordered) and ordered[few - 1] > _OUTLIER * ordered[few]:
            return ordered[few] + ordered[few] // 4
    return ordered[0]


def round_up(value: int) -> int:
    """The next number with at most two digits that are not zero."""
    step = 1
    while value > 99 * step:
        step *= 10
    return -(-value // step) * step


def short_count(value: int) -> str:
    """A count in at most five characters, for the scale: `9,990`, `12k`, `1.2M`."""
    if value < 10_000:
        return f"{value:,}"
    for size, letter in ((10**12, "T"), (10**9, "G"), (10**6, "M"), (10**3, "k")):
        if value >= size:
            tenths = value * 10 // size
            text = f"{tenths // 10}.{tenths % 10}" if tenths % 10 and tenths < 1000 else str(tenths // 10)
            return f"{text}{letter}"[-5:]
    return str(value)


def bar_heights(counts: tuple[int, int, int, int], scale: int, rows: int) -> tuple[int, int, int, int]:
    """Upper edges of the stacked parts in eighths of a cell, at most `8 * rows`; a restricted read is never 0."""
    most = 8 * rows
    edges = []
    total = 0
    for count in counts:
        total += count
        edges.append(min((2 * total * most + scale) // (2 * scale), most))
    if counts[0] and most:
        edges = [max(edge, 1) for edge in edges]
    return edges[0], edges[1], edges[2], edges[3]


def bar_cells(counts: tuple[int, int, int, int], scale: int, rows: int) -> list[Run]:
    """One column's cells, bottom first: a glyph and its style; blank above the bar."""
    edges = bar_heights(counts, scale, rows)
    cells: list[Run] = []
    for row in range(rows):
        bottom = 8 * row
        if edges[0] > bottom:
            cells.append((EIGHTHS[min(edges[0] - bottom, 8)], RESTRICTED))
            continue
        glyph, style = " ", ""
        for (kind, full, _, _), edge in zip(STACK, edges, strict=True):
            if edge > bottom + 3:
                glyph, style = full, kind
                break
        cells.append((glyph, style))
    if cells and cells[0][0] == " ":
        for (kind, _, small, _), count in zip(STACK, counts, strict=True):
            if count:
                cells[0] = (small, kind)
                break
    if cells and sum(counts) > scale:
        cut = (CUT_RESTRICTED, RESTRICTED) if counts[0] > scale else (CUT_OTHER, cells[-1][1])
        cells[-1] = cut
    return cells


def marker_letter(marker: Marker) -> str:
    """The letter of a marker; a step's is that of the track."""
    if marker.kind == "step":
        return next((letter for words, letter in _STEP_LETTERS.items() if marker.text.startswith(words)), "s")
    return _KIND_LETTERS.get(marker.kind, "*")


def markers_in(answer: Timeline, from_at: int, until_at: int) -> list[Marker]:
    """The markers in `[from_at, until_at)`, oldest first."""
    return [marker for marker in answer.markers if from_at <= marker.at < until_at]


def _letters(answer: Timeline, columns: Sequence[Column]) -> list[str]:
    """The most important letter of each column, a blank where there is none."""
    rank = {letter: place for place, letter in enumerate(_MARKER_WORDS)}
    letters = []
    for column in columns:
        here = markers_in(answer, column.from_at, column.until_at) if column.first else []
        letters.append(min((marker_letter(marker) for marker in here), key=lambda one: rank[one], default=" "))
    return letters


def _touched(columns: Sequence[Column], intervals: Iterable[tuple[int, int]]) -> list[bool]:
    """Whether each column has an instant in common with any of the intervals."""
    spans = list(intervals)
    return [any(begin < column.until_at and end > column.from_at for begin, end in spans) for column in columns]


def legend_entries(answer: Timeline, columns: Sequence[Column], scale: int) -> list[list[Run]]:
    """What the glyphs in view mean, the most important first; only what is in view."""
    entries: list[list[Run]] = []
    for kind, full, small, word in STACK:
        index = [name for name, *_ in STACK].index(kind)
        if any(column.counts[index] for column in columns):
            glyphs = full + small if small not in EIGHTHS + full else full
            entries.append([(glyphs, kind), (f" {word}", "legend")])
    if any(_touched(columns, ((gap.from_at, gap.until_at) for gap in answer.gaps))):
        entries.append([(NOT_LOGGED, "gap"), (" not logged", "legend")])
    cut = [column for column in columns if sum(column.counts) > scale]
    if cut:
        highest = max(cut, key=lambda column: sum(column.counts))
        glyph, style = (CUT_RESTRICTED, RESTRICTED) if highest.counts[0] > scale else (CUT_OTHER, ALLOWED)
        entries.append([(glyph, style), (f" cut, up to {sum(highest.counts):,}", "legend")])
    if columns:
        seen = [marker_letter(one) for one in markers_in(answer, columns[0].from_at, columns[-1].until_at)]
        for letter, word in _MARKER_WORDS.items():
            if letter in seen:
                times = f" ({seen.count(letter)})" if seen.count(letter) > 1 else ""
                entries.append([(letter, "marker"), (f" {word}{times}", "legend")])
    return entries


class _Canvas:
    """Cells of one character and one style each; what falls outside is cut off."""

    def __init__(self, width: int, height: int) -> None:
        self.cells: list[list[Run]] = [[(" ", "") for _ in range(width)] for _ in range(height)]

    def put(self, x: int, y: int, text: str, style: str) -> None:
        """Write single-cell characters from (x, y) to the right."""
        if 0 <= y < len(self.cells):
            row = self.cells[y]
            for i, character in enumerate(text):
                if 0 <= x + i < len(row):
                    row[x + i] = (character, style)

    def is_blank(self, x: int, y: int, length: int) -> bool:
        """Whether the cells are inside and empty but for drop lines."""
        row = self.cells[y]
        return x >= 0 and x + length <= len(row) and all(cell[0] in " ┊" for cell in row[x : x + length])

    def runs(self) -> list[list[Run]]:
        """The rows as runs of equal style."""
        return [
            [("".join(cell[0] for cell in group), style) for style, group in groupby(row, key=lambda cell: cell[1])]
            for row in self.cells
        ]


def draw(
    answer: Timeline | None, width: int, height: int, *, cursor: int | None = None, kinds: Sequence[str] = KINDS
) -> list[list[Run]]:
    """The picture: exactly `height` rows of exactly `width` cells.

    Args:
        answer: None draws an empty frame.
        width: cells. Whatever the size, nothing is drawn outside; too small a pane loses rows in `layout`'s order.
        height: cells.
        cursor: number of the bin under the cursor, or None.
        kinds: the events that the bars count.
    """
    plan = layout(width, height)
    canvas = _Canvas(plan.width, plan.height)
    bins = answer.bins if answer is not None else ()
    columns = columns_of(bins, plan.columns, kinds)
    scale = scale_for(columns)
    top = 1 if plan.marks else 0
    if answer is not None:
        letters = _letters(answer, columns)
        gaps = _touched(columns, ((gap.from_at, gap.until_at) for gap in answer.gaps))
        _draw_bars(canvas, plan, top, columns, scale, letters, gaps)
        _draw_lanes(canvas, plan, answer, columns, letters, gaps)
        _draw_legend(canvas, plan, legend_entries(answer, columns, scale))
    _draw_scale(canvas, plan, top, scale if columns else None)
    if cursor is not None:
        _draw_cursor(canvas, plan, columns, cursor)
    return canvas.runs()


def _draw_scale(canvas: _Canvas, plan: Layout, top: int, scale: int | None) -> None:
    if plan.gutter:
        for row in range(plan.bars):
            canvas.put(plan.gutter - 1, top + row, "│", "axis")
        if scale is not None and plan.bars:
            canvas.put(0, top, f"{short_count(scale):>5}┤", "axis")
        if scale is not None and plan.bars > 1:
            canvas.put(0, top + plan.bars - 1, f"{0:>5}┤", "axis")
    if plan.marks and plan.gutter:
        canvas.put(0, 0, "marks", "name")


def _draw_bars(
    canvas: _Canvas,
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
            elif letter in _DROPPING:
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
    canvas: _Canvas,
    plan: Layout,
    answer: Timeline,
    columns: Sequence[Column],
    letters: Sequence[str],
    gaps: Sequence[bool],
) -> None:
    x = plan.gutter
    y = plan.bars
    if plan.marks:
        canvas.put(x, 0, "".join(letters), "marker")
        y += 1
    if plan.axis:
        edges = [column.from_at for column in columns] + [column.until_at for column in columns[-1:]]
        for place, label in axis_labels(edges, [column.first for column in columns]):
            canvas.put(x + place, y, label, "axis")
        y += 1
    if plan.could:
        could = _touched(columns, answer.could_read)
        canvas.put(0, y, "could"[: plan.gutter], "name")
        canvas.put(x, y, "".join("━" if one else " " for one in could), "could")
        y += 1
    if plan.log:
        canvas.put(0, y, "log"[: plan.gutter], "name")
        for place, gap in enumerate(gaps):
            canvas.put(x + place, y, *(("·", "gap") if gap else ("█", "logged")))


def _draw_legend(canvas: _Canvas, plan: Layout, entries: Sequence[list[Run]]) -> None:
    if plan.side:
        for row, entry in enumerate(entries[: plan.height]):
            _put_entry(canvas, plan.gutter + plan.columns + 2, row, entry)
        return
    x, y = 0, plan.height - plan.legend_rows
    for entry in entries:
        length = sum(len(text) for text, _ in entry)
        if x and x + length > plan.width:
            x, y = 0, y + 1
        if y >= plan.height:
            return
        _put_entry(canvas, x, y, entry)
        x += length + 2


def _put_entry(canvas: _Canvas, x: int, y: int, entry: list[Run]) -> None:
    for text, style in entry:
        canvas.put(x, y, text, style)
        x += len(text)


def _draw_cursor(canvas: _Canvas, plan: Layout, columns: Sequence[Column], cursor: int) -> None:
    rows = plan.bars + plan.marks
    for x, column in enumerate(columns, start=plan.gutter):
        if cursor not in column.bins:
            continue
        for y in range(min(rows, plan.height)):
            glyph, style = canvas.cells[y][x]
            if y == 0 and plan.marks and glyph == " ":
                glyph = "▼" if column.first else " "
            canvas.cells[y][x] = (glyph, f"{style} cursor".strip())
