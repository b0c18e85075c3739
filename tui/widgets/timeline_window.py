"""Which stretch of time a timeline shows, cut into how many bins: zooming and panning, as a pure value.

Bins are as wide as a calendar likes them (hours, days, weeks), so that a title can say "per 14 days". It must not know
what is drawn in the bins.
"""

from bisect import bisect_left
from dataclasses import dataclass, replace

from store.instants import MICROSECONDS_PER_DAY, MICROSECONDS_PER_SECOND

SECOND = MICROSECONDS_PER_SECOND
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = MICROSECONDS_PER_DAY

# Whole weeks beyond four days: a bin with more weekends than its neighbour would look like a quiet spell.
_DAYS = (
    1,
    2,
    3,
    4,
    7,
    14,
    21,
    28,
    35,
    42,
    56,
    70,
    84,
    112,
    140,
    182,
    273,
    364,
    546,
    728,
    1092,
    1820,
    3640,
    7280,
    18200,
)
BIN_WIDTHS = (
    *(n * SECOND for n in (1, 2, 5, 10, 15, 30)),
    *(n * MINUTE for n in (1, 2, 5, 10, 15, 30)),
    *(n * HOUR for n in (1, 2, 3, 6, 12)),
    *(n * DAY for n in _DAYS),
)


def width_words(width: int) -> str:
    """A bin's length in words, for "events per ...": `hour`, `14 days`, `30 seconds`."""
    for size, word in ((DAY, "day"), (HOUR, "hour"), (MINUTE, "minute"), (SECOND, "second")):
        if width >= size and width % size == 0:
            count = width // size
            return word if count == 1 else f"{count:,} {word}s"
    return f"{width / SECOND:,g} seconds"


def bin_width_for(span: int, columns: int) -> int:
    """The narrowest bin of the calendar, in microseconds, with which `columns` bins hold `span` microseconds."""
    needed = -(-max(span, 1) // max(columns, 1))
    at = bisect_left(BIN_WIDTHS, needed)
    if at < len(BIN_WIDTHS):
        return BIN_WIDTHS[at]
    return -(-needed // BIN_WIDTHS[-1]) * BIN_WIDTHS[-1]


def _half(width: int) -> int:
    """The widest bin of the calendar that is about half as wide, or narrower; the narrowest where there is none."""
    return max((other for other in BIN_WIDTHS if other * 9 <= width * 5), default=BIN_WIDTHS[0])


def _double(width: int) -> int:
    """The narrowest bin of the calendar that is about twice as wide, or wider."""
    return min((other for other in BIN_WIDTHS if other * 5 >= width * 9), default=2 * width)


@dataclass(frozen=True, slots=True)
class TimeWindow:
    """The bins in view, inside the span of everything there is.

    Attributes:
        span_from, span_until: the whole span `[from, until)`, microseconds UTC.
        columns: the most bins there is room for.
        width: of one bin, microseconds.
        from_at: begin of the first bin, microseconds UTC.
        bins: how many are in view.
    """

    span_from: int
    span_until: int
    columns: int
    width: int
    from_at: int
    bins: int

    @classmethod
    def whole(cls, span_from: int, span_until: int, columns: int) -> "TimeWindow":
        """The whole span in at most `columns` bins; bins of days begin at 00:00 UTC."""
        columns = max(columns, 1)
        span_until = max(span_until, span_from + 1)
        width = bin_width_for(span_until - span_from, columns)
        while True:
            from_at = span_from - span_from % min(width, DAY)
            bins = -(-(span_until - from_at) // width)
            if bins <= columns:
                return cls(span_from, span_until, columns, width, from_at, bins)
            width = bin_width_for(columns * width + 1, columns)

    @property
    def until_at(self) -> int:
        """End (exclusive) of the last bin, microseconds UTC."""
        return self.from_at + self.bins * self.width

    @property
    def is_whole(self) -> bool:
        """Whether nothing of the span is out of view."""
        return self.from_at <= self.span_from and self.until_at >= self.span_until

    def bin_at(self, instant: int) -> int:
        """The bin in view that holds an instant, or the nearest one."""
        return min(max((instant - self.from_at) // self.width, 0), self.bins - 1)

    def zoomed(self, steps: int, around: int) -> "TimeWindow":
        """Bins narrower (steps > 0) or wider (steps < 0), the instant `around` kept about where it is."""
        whole = TimeWindow.whole(self.span_from, self.span_until, self.columns)
        if steps < 0 and self.is_whole:
            return whole
        width = self.width
        for _ in range(abs(steps)):
            width = _half(width) if steps > 0 else _double(width)
        if width >= whole.width:
            return whole
        if width == self.width:
            return self
        place = min(max((around - self.from_at) / (self.bins * self.width), 0.1), 0.9)
        return self._placed(width, around - round(place * (self.columns - 1)) * width)

    def moved(self, bins: int) -> "TimeWindow":
        """The same bins, so many further (negative: back), kept inside the whole span."""
        return self if self.is_whole else self._placed(self.width, self.from_at + bins * self.width)

    def showing(self, instant: int) -> "TimeWindow":
        """The same bins, moved no further than needed to have an instant in view; inside the whole span."""
        if self.from_at <= instant < self.until_at or self.is_whole:
            return self
        return self._placed(self.width, instant - self.bins // 2 * self.width)

    def resized(self, columns: int) -> "TimeWindow":
        """The same stretch where there is room for another number of bins."""
        if columns == self.columns:
            return self
        if self.is_whole:
            return TimeWindow.whole(self.span_from, self.span_until, columns)
        return replace(self, columns=max(columns, 1))._placed(self.width, self.from_at)

    def fitted(self, from_at: int, until_at: int) -> "TimeWindow":
        """What another picture shows, `[from_at, until_at)`, in the bins that this one has room for."""
        if (from_at, until_at) == (self.from_at, self.until_at):
            return self
        width = bin_width_for(until_at - from_at, self.columns)
        while True:
            placed = self._placed(width, from_at)
            if placed.from_at <= max(from_at, self.span_from) and placed.until_at >= min(until_at, self.span_until):
                return placed
            width = bin_width_for(width * self.columns + 1, self.columns)

    def respanned(self, span_from: int, span_until: int) -> "TimeWindow":
        """The view of another whole span: a zoomed window stays where it is, a whole one shows the new whole."""
        whole = TimeWindow.whole(span_from, span_until, self.columns)
        if self.is_whole or self.width >= whole.width or self.until_at <= span_from or self.from_at >= span_until:
            return whole
        return replace(self, span_from=whole.span_from, span_until=whole.span_until)

    def _placed(self, width: int, from_at: int) -> "TimeWindow":
        """As many bins as there is room for, the first near `from_at`, kept to the calendar and inside the span."""
        whole = TimeWindow.whole(self.span_from, self.span_until, self.columns)
        if width >= whole.width:
            return whole
        first = self.span_from - self.span_from % min(width, DAY)
        offset = max(from_at - first, 0) // width
        last = -(-(self.span_until - first) // width) - self.columns
        return replace(self, width=width, from_at=first + min(offset, max(last, 0)) * width, bins=self.columns)
