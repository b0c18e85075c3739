"""What bars are made of: counts of a column, the scale, eighths of cells; each kind of read has a glyph of its own.

Pure functions over a `Timeline`'s bins. It must not know the terminal, the theme, or the store's file.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from store.timeline import Bin
from tui.widgets.timeline_canvas import Run

Counts = tuple[int, int, int, int]
"""Events by kind, in the order of `STACK`."""
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
# Allowed reads may push restricted ones down to a third of the height, no further.
_MOST_CROWDING = 3
_OUTLIER = 3
_WIDEST = 8


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
    counts: Counts
    bins: range
    first: bool


def bin_counts(row: Bin, kinds: Sequence[str] = KINDS) -> Counts:
    """A bin's events by kind, in the order of `STACK`; what an exception allowed counts as allowed.

    Args:
        kinds: others count as none.
    """
    allowed = row.allowed + row.allowed_by_opt_in + row.allowed_by_exemption
    counts = row.improper, row.undetermined, row.denied, allowed
    if len(kinds) == len(KINDS):
        return counts
    a, b, c, d = (count if kind in kinds else 0 for kind, count in zip(KINDS, counts, strict=True))
    return a, b, c, d


def added(rows: Iterable[Counts]) -> Counts:
    """The sums of counts."""
    a = b = c = d = 0
    for row in rows:
        a, b, c, d = a + row[0], b + row[1], c + row[2], d + row[3]
    return a, b, c, d


def columns_of(bins: Sequence[Bin], columns: int, kinds: Sequence[str] = KINDS) -> list[Column]:
    """The bins laid out over at most `columns` columns; every column is the sum of its bins, of these kinds."""
    if not bins or columns <= 0:
        return []
    together = -(-len(bins) // columns)
    groups = [range(i, min(i + together, len(bins))) for i in range(0, len(bins), together)]
    wide = max(min(columns // len(groups), _WIDEST), 1)
    result = []
    for group in groups:
        counts = added(bin_counts(bins[i], kinds) for i in group)
        for copy in range(wide):
            column = Column(bins[group[0]].from_at, bins[group[-1]].until_at, counts, group, first=copy == 0)
            result.append(column)
    return result


def scale_for(columns: Sequence[Column]) -> int:
    """The count that fills the whole height; see `scale_of`."""
    return scale_of([column.counts for column in columns if column.first])


def scale_of(rows: Sequence[Counts]) -> int:
    """The count that fills the whole height: round, at least 1, set by the restricted reads where there are any."""
    totals = [sum(counts) for counts in rows]
    restricted = [counts[0] for counts in rows]
    if not any(totals):
        return 1
    if not any(restricted):
        return round_up(without_outliers(totals))
    scale = without_outliers(restricted)
    return round_up(max(scale, min(without_outliers(totals), _MOST_CROWDING * scale)))


def without_outliers(values: Iterable[int]) -> int:
    """The largest value, a few that tower over all others left out; at least 1."""
    ordered = sorted((value for value in values if value > 0), reverse=True)
    for few in range(1, len(ordered) // 20 + 2):
        if few + 2 < len(ordered) and ordered[few - 1] > _OUTLIER * ordered[few]:
            return ordered[few] + ordered[few] // 4
    return ordered[0] if ordered else 1


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


def bar_heights(counts: Counts, scale: int, rows: int) -> Counts:
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


def bar_cells(counts: Counts, scale: int, rows: int) -> list[Run]:
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
