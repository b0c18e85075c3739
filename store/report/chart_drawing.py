"""A chart as inline SVG with a text alternative: bars, what is not logged, letters, lanes under one time axis."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from html import escape

from store.instants import MICROSECONDS_PER_DAY, format_day, from_datetime, last_day_before, to_datetime
from store.marker_letters import MARKER_WORDS
from store.report.parts import Chart, Mark
from store.text import clean, clean_whole
from store.timeline import Bin
from store.words import count_words

_WIDTH, _LEFT, _RIGHT = 1000, 56, 8
_BARS = 190
_LETTER_ROWS, _LETTER_HEIGHT, _LETTER_ROOM = 3, 13, 10
_LANE, _LANE_LABEL = 9, 15
_MOST_TICKS = 12
_STEPS_OF_MONTHS = (1, 2, 3, 6, 12, 24, 60, 120, 240, 600)
_STEPS_OF_DAYS = (1, 2, 5, 7, 14)
# Once a page: every chart's hatching.
PATTERNS = (
    '<svg class="hidden" width="0" height="0" aria-hidden="true"><defs>'
    '<pattern id="unsettled-pattern" width="4" height="4" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">'
    '<path class="unsettled-ink" d="M0 0V4" stroke-width="2"/></pattern>'
    '<pattern id="gap-pattern" width="5" height="5" patternUnits="userSpaceOnUse" patternTransform="rotate(-45)">'
    '<path class="gap-ink" d="M0 0V5" stroke-width="1"/></pattern></defs></svg>'
)
_SWATCH = '<svg viewBox="0 0 10 10" aria-hidden="true"><rect class="{kind}" width="10" height="10"/></svg>'


def drawn(chart: Chart) -> str:
    """The chart as a figure."""
    canvas = _Canvas(chart)
    parts = "\n".join(canvas.parts())
    name = f"chart-{chart.key}"
    return (
        f'<figure>\n<figcaption id="{name}-caption">{_text(chart.title)}</figcaption>\n'
        f'<svg id="{name}" viewBox="0 0 {_WIDTH} {canvas.height}" role="img" aria-labelledby="{name}-title"'
        f' aria-describedby="{name}-words">\n<title id="{name}-title">{_text(chart.title)}</title>\n'
        f'<desc id="{name}-words">{_text(chart.alternative)}</desc>\n{parts}\n</svg>\n'
        f"{_legend(chart)}</figure>"
    )


def _text(value: str) -> str:
    return escape(clean_whole(value), quote=True)


class _Canvas:
    """Where things stand in a chart; its height is known once its parts are drawn."""

    def __init__(self, chart: Chart) -> None:
        self.chart = chart
        letters = _placed(chart.marks, self._x) if chart.bins else []
        self._letters = letters
        rows = max((row for _, row, _ in letters), default=-1) + 1
        self._top = 6 + rows * _LETTER_HEIGHT
        self._bottom = self._top + _BARS if chart.bins else self._top
        self._lanes_at = self._bottom + (24 if chart.bins else 0)
        lanes = len(chart.lanes) * (_LANE + _LANE_LABEL)
        self.height = self._lanes_at + lanes + (0 if chart.bins else 22)

    def parts(self) -> Iterator[str]:
        """The chart's elements, those behind first."""
        if self.chart.bins:
            yield from self._gaps(self._top, self._bottom)
            yield from self._scale()
            yield from self._bars()
            yield from self._marks()
            yield from self._axis(self._bottom, self._bottom + 16)
        yield from self._lanes()
        if not self.chart.bins:
            yield from self._axis(self.height - 20, self.height - 5)

    def _x(self, at: int) -> float:
        chart = self.chart
        part = (min(max(at, chart.from_at), chart.until_at) - chart.from_at) / (chart.until_at - chart.from_at)
        return _LEFT + part * (_WIDTH - _LEFT - _RIGHT)

    def _interval(self, kind: str, from_at: int, until_at: int, top: float, height: float, said: str) -> str:
        left, right = self._x(from_at), self._x(until_at)
        return (
            f'<rect class="{kind}" x="{left:.1f}" y="{top:.1f}" width="{max(right - left, 0.6):.1f}"'
            f' height="{height:.1f}"><title>{_text(said)}</title></rect>'
        )

    def _gaps(self, top: float, bottom: float) -> Iterator[str]:
        for gap in self.chart.gaps:
            said = f"not logged by {gap.source}: {_span(gap.from_at, gap.until_at)}"
            yield self._interval("gap", gap.from_at, gap.until_at, top, bottom - top, said)

    def _scale(self) -> Iterator[str]:
        step, most = _nice(self._most())
        for value in range(0, most + 1, step):
            y = self._y(value, most)
            kind = "axis" if value == 0 else "grid"
            yield f'<path class="{kind}" d="M{_LEFT} {y:.1f}H{_WIDTH - _RIGHT}"/>'
            yield f'<text x="{_LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{count_words(value)}</text>'

    def _most(self) -> int:
        return max(sum(_stack(each)) for each in self.chart.bins)

    def _y(self, value: int, most: int) -> float:
        return self._bottom - value * (self._bottom - self._top) / most

    def _bars(self) -> Iterator[str]:
        _, most = _nice(self._most())
        for each in self.chart.bins:
            left, right = self._x(each.from_at), self._x(each.until_at)
            width = max((right - left) * 0.86, 0.6)
            read, unsettled, allowed = _stack(each)
            said = (
                f"{_span(each.from_at, each.until_at)}: {count_words(read)} restricted reads,"
                f" {count_words(unsettled)} unsettled, {count_words(allowed)} allowed"
            )
            yield f"<g><title>{_text(said)}</title>"
            below = 0
            for kind, value in (("read", read), ("unsettled", unsettled), ("allowed", allowed)):
                if value:
                    top, bottom = self._y(below + value, most), self._y(below, most)
                    yield (
                        f'<rect class="{kind}" x="{left:.1f}" y="{top:.1f}" width="{width:.1f}"'
                        f' height="{max(bottom - top, 0.6):.1f}"/>'
                    )
                below += value
            yield "</g>"

    def _marks(self) -> Iterator[str]:
        for x, row, mark in self._letters:
            y = 6 + row * _LETTER_HEIGHT + 8
            yield f'<path class="drop" d="M{x:.1f} {y + 3:.1f}V{self._bottom}"/>'
            said = _text(f"{format_day(mark.at)} {clean(mark.text, 300)}")
            yield (
                f'<text class="letter" x="{x:.1f}" y="{y:.1f}" text-anchor="middle">{_text(mark.letter)}'
                f"<title>{said}</title></text>"
            )

    def _axis(self, line: float, words: float) -> Iterator[str]:
        yield f'<path class="axis" d="M{_LEFT} {line:.1f}H{_WIDTH - _RIGHT}"/>'
        for at, label in _ticks(self.chart.from_at, self.chart.until_at):
            x = self._x(at)
            yield f'<path class="axis" d="M{x:.1f} {line:.1f}v4"/>'
            if x < _WIDTH - 60:
                yield f'<text x="{x:.1f}" y="{words:.1f}">{label}</text>'

    def _lanes(self) -> Iterator[str]:
        top = float(self._lanes_at)
        for lane in self.chart.lanes:
            yield f'<text x="{_LEFT}" y="{top + 11:.1f}">{_text(clean(lane.name, 80))}</text>'
            top += _LANE_LABEL
            yield (
                f'<rect class="track" x="{_LEFT}" y="{top:.1f}" width="{_WIDTH - _LEFT - _RIGHT}" height="{_LANE}"/>'
            )
            for start, end in lane.intervals:
                said = f"{lane.name}: {_span(start, end)}"
                yield self._interval(lane.kind, start, end, top, _LANE, said)
            if lane.kind == "log":
                yield from self._holes(lane.intervals, top)
            top += _LANE

    def _holes(self, intervals: tuple[tuple[int, int], ...], top: float) -> Iterator[str]:
        """What lies between the intervals, hatched: a hole of a day in years is too thin to be seen as white."""
        edges = [self.chart.from_at, *(edge for interval in intervals for edge in interval), self.chart.until_at]
        for start, end in zip(edges[::2], edges[1::2], strict=True):
            if start < end:
                yield self._interval("gap", start, end, top, _LANE, f"not logged: {_span(start, end)}")


def _stack(each: Bin) -> tuple[int, int, int]:
    """Restricted, unsettled and allowed reads of a bar; what was denied is no read."""
    return each.improper, each.undetermined, each.allowed + each.allowed_by_opt_in + each.allowed_by_exemption


def _placed(marks: tuple[Mark, ...], x_of: Callable[[int], float]) -> list[tuple[float, int, Mark]]:
    """Where each letter stands: its x, its row, and the mark; equal letters close together are one."""
    ends: list[dict[str, float]] = [{} for _ in range(_LETTER_ROWS)]
    last = [float("-inf")] * _LETTER_ROWS
    placed: list[tuple[float, int, Mark]] = []
    for mark in marks:
        x = x_of(mark.at)
        if any(x - row.get(mark.letter, float("-inf")) < _LETTER_ROOM for row in ends):
            continue
        free = next((row for row in range(_LETTER_ROWS) if x - last[row] >= _LETTER_ROOM), None)
        if free is None:
            continue
        last[free] = ends[free][mark.letter] = x
        placed.append((x, free, mark))
    return placed


def _nice(most: int) -> tuple[int, int]:
    """A step and an end of a scale for values up to this: round numbers, four steps or so."""
    base = 1
    while True:
        for factor in (1, 2, 5):
            step = base * factor
            if step * 5 >= most:
                return step, max(step, -(-most // step) * step)
        base *= 10


def _ticks(from_at: int, until_at: int) -> Iterator[tuple[int, str]]:
    """Round dates in `[from_at, until_at)`, each with its label."""
    days = (until_at - from_at) // MICROSECONDS_PER_DAY
    if days < 62:
        step = next((each for each in _STEPS_OF_DAYS if days <= each * _MOST_TICKS), _STEPS_OF_DAYS[-1])
        first = -(-from_at // MICROSECONDS_PER_DAY)
        for day in range(first, until_at // MICROSECONDS_PER_DAY + 1, step):
            if from_at <= day * MICROSECONDS_PER_DAY < until_at:
                yield day * MICROSECONDS_PER_DAY, format_day(day * MICROSECONDS_PER_DAY)
        return
    months = days // 28
    step = next((each for each in _STEPS_OF_MONTHS if months <= each * _MOST_TICKS), _STEPS_OF_MONTHS[-1])
    begin = to_datetime(from_at)
    month = (begin.year * 12 + begin.month - 1) // step * step
    while True:
        if month // 12 > 9_999:
            return
        at = from_datetime(datetime(max(month // 12, 1), month % 12 + 1, 1, tzinfo=UTC))
        if at >= until_at:
            return
        if at >= from_at:
            yield at, format_day(at)[:7]
        month += step


def _span(from_at: int, until_at: int) -> str:
    first, last = format_day(from_at), last_day_before(until_at)
    return first if first == last else f"{first} .. {last}"


def _legend(chart: Chart) -> str:
    items = []
    if chart.bins:
        items += [("read", "restricted reads"), ("unsettled", "unsettled"), ("allowed", "allowed reads")]
    items += [("gap", "not logged")]
    kinds = {lane.kind for lane in chart.lanes}
    items += [(kind, words) for kind, words in (("could", "could read"), ("log", "logged")) if kind in kinds]
    letters = {mark.letter for mark in chart.marks} if chart.bins else set()
    told = [f"<li>{_SWATCH.format(kind=kind)}{words}</li>" for kind, words in items]
    told += [f"<li><b>{_text(letter)}</b> {words}</li>" for letter, words in MARKER_WORDS.items() if letter in letters]
    if chart.lanes_left_out:
        told.append(f"<li>{count_words(chart.lanes_left_out)} more sources are not drawn</li>")
    return f'<ul class="legend">{"".join(told)}</ul>\n'
