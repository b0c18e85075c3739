"""Events in order of time, put in order only where somebody looks: coarse parts at once, each part when asked for.

The order is that of `occurred_at`, then app, then position (content, then event key).
"""

import threading
from collections.abc import Callable, Iterator

import numpy as np
import numpy.typing as npt

from store.segments import Column

# A block's instants, microseconds UTC, and positions: arrays of one length.
Blocks = Callable[[], Iterator[tuple[Column, Column]]]

_EVENTS_A_PART = 4_096
_MOST_BITS = 16


class TimeOrder:
    """A set of events that can be read by their place in time.

    Args:
        blocks: gives the set, a block at a time; called two or three times.
        app_at: the apps of positions.
        known: how many events there are, and instants before and after which there are none; None: they are looked at.
    """

    def __init__(
        self, blocks: Blocks, app_at: Callable[[Column], Column], *, known: tuple[int, int, int] | None = None
    ) -> None:
        self._app_at = app_at
        self._lock = threading.Lock()
        self.count, first, last = _bounds(blocks) if known is None else known
        self._first = first if self.count else 0
        span = last - first + 1 if self.count else 1
        bits = min(_MOST_BITS, max(self.count // _EVENTS_A_PART, 1).bit_length())
        self._shift = max(int(span).bit_length() - bits, 0)
        parts = (span >> self._shift) + 1
        self._low: npt.NDArray[np.uint64 | np.uint32] = np.zeros(
            self.count, dtype=np.uint32 if self._shift <= 32 else np.uint64
        )
        self._positions = np.zeros(self.count, dtype=np.uint32)
        self._starts = self._fill(blocks, parts)
        self._is_sorted = np.diff(self._starts) < 2

    def _fill(self, blocks: Blocks, parts: int) -> Column:
        """Put every event into its part; where each part begins, and one more."""
        counts = np.zeros(parts, dtype=np.int64)
        for times, _ in blocks():
            counts += np.bincount((times - self._first) >> self._shift, minlength=parts)
        starts = np.append(np.zeros(1, dtype=np.int64), np.cumsum(counts))
        filled = starts[:-1].copy()
        mask = (1 << self._shift) - 1
        for times, positions in blocks():
            offsets = times - self._first
            part = (offsets >> self._shift).astype(np.uint16)
            order = np.argsort(part, kind="stable")
            within = np.bincount(part, minlength=parts)
            begins = np.append(np.zeros(1, dtype=np.int64), np.cumsum(within))[:-1]
            ascending = part[order]
            target = (filled - begins)[ascending] + np.arange(len(order))
            self._low[target] = (offsets & mask)[order]
            self._positions[target] = positions[order]
            filled += within
        return starts

    def between(self, first: int, stop: int) -> tuple[Column, Column]:
        """The instants and the positions of the events at the places `[first, stop)`, in order."""
        first, stop = max(first, 0), min(stop, self.count)
        if first >= stop:
            return np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64)
        begin = int(np.searchsorted(self._starts, first, "right")) - 1
        end = int(np.searchsorted(self._starts, stop, "left"))
        self._put_in_order(begin, end)
        bounds = np.clip(self._starts[begin : end + 1], first, stop)
        part = np.repeat(np.arange(begin, end), bounds[1:] - bounds[:-1])
        times = self._low[first:stop].astype(np.int64) + (part << self._shift) + self._first
        return times, self._positions[first:stop].astype(np.int64)

    def place_of(self, at: int) -> int:
        """How many events lie before an instant, microseconds UTC."""
        part = (at - self._first) >> self._shift
        if part < 0 or not self.count:
            return 0
        if part >= len(self._is_sorted):
            return self.count
        self._put_in_order(part, part + 1)
        start, stop = int(self._starts[part]), int(self._starts[part + 1])
        low = (at - self._first) & ((1 << self._shift) - 1)
        return start + int(np.searchsorted(self._low[start:stop], low, "left"))

    def pieces(self, first: int, *, forward: bool, size: int = 1 << 17) -> Iterator[tuple[int, Column]]:
        """From a place on, forwards or backwards, the positions of a stretch of places at a time, in order.

        Each comes with its first place. Backwards it ends before the place `first`.
        """
        while 0 <= first <= self.count:
            begin, end = (first, min(first + size, self.count)) if forward else (max(first - size, 0), first)
            if begin >= end:
                return
            yield begin, self.between(begin, end)[1]
            first = end if forward else begin

    def _put_in_order(self, begin: int, end: int) -> None:
        with self._lock:
            for part in np.flatnonzero(~self._is_sorted[begin:end]).tolist():
                mine = slice(int(self._starts[begin + part]), int(self._starts[begin + part + 1]))
                low, positions = self._low[mine], self._positions[mine]
                order = np.lexsort((positions, self._app_at(positions.astype(np.int64)), low))
                self._low[mine], self._positions[mine] = low[order], positions[order]
                self._is_sorted[begin + part] = True


def _bounds(blocks: Blocks) -> tuple[int, int, int]:
    """How many events there are, and the first and the last instant."""
    count, first, last = 0, int(np.iinfo(np.int64).max), int(np.iinfo(np.int64).min)
    for times, _ in blocks():
        if len(times):
            count += len(times)
            first, last = min(first, int(times.min())), max(last, int(times.max()))
    return count, first, last
