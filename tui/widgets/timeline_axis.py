"""The dates under a timeline: ticks on calendar boundaries, as many as there is room for. UTC throughout."""

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

from store.instants import from_datetime, to_datetime
from tui.widgets.timeline_window import DAY, HOUR, MINUTE, SECOND

TICK = "└"
_MONTHS = (1, 2, 3, 6, 12, 24, 60, 120, 240, 300, 600)
_STEPS = (
    *(n * SECOND for n in (1, 2, 5, 10, 15, 30)),
    *(n * MINUTE for n in (1, 2, 5, 10, 15, 30)),
    *(n * HOUR for n in (1, 2, 3, 6, 12)),
    *(n * DAY for n in (1, 2, 7, 14)),
)
_DAY_ROOM = len("└2019-10-05") + 1
_MONTH_ROOM = len("└2019-10") + 1
_LAST_YEAR = 9990
_FIRST_MONDAY = 4 * DAY


def axis_labels(edges: Sequence[int], first: Sequence[bool]) -> list[tuple[int, str]]:
    """Where dates stand under the columns, and what they say.

    Args:
        edges: begin of each column and the end of the last one, microseconds UTC, rising.
        first: whether a column is the first of its bin; a date stands only under such a one.

    Returns:
        (column, label) from left to right, none overlapping, none beyond the last column.
    """
    columns = len(edges) - 1
    if columns <= 0:
        return []
    labels: list[tuple[int, str]] = []
    free = 0
    previous: datetime | None = None
    for moment, is_month in _ticks(edges[0], edges[-1], columns):
        place = bisect_left(edges, from_datetime(moment), hi=columns)
        while 0 < place < columns and not first[place]:
            place += 1
        label = TICK + _words(moment, previous, is_month)
        if place < free or place + len(label) > columns:
            continue
        labels.append((place, label))
        free = place + len(label) + 1
        previous = moment
    if not labels:
        label = TICK + to_datetime(edges[0]).strftime("%Y-%m-%d")
        labels = [(0, label)] if len(label) <= columns else []
    return labels


def _words(moment: datetime, previous: datetime | None, is_month: bool) -> str:
    if is_month:
        return f"{moment.year:04d}-{moment.month:02d}"
    day = f"{moment.month:02d}-{moment.day:02d}"
    if previous is None or previous.year != moment.year:
        day = f"{moment.year:04d}-{day}"
    clock = moment.strftime("%H:%M:%S" if moment.second else "%H:%M")
    if previous is None or previous.date() != moment.date():
        return day if clock == "00:00" else f"{day} {clock}"
    return clock


def _ticks(from_at: int, until_at: int, columns: int) -> Iterator[tuple[datetime, bool]]:
    """Calendar boundaries in `[from_at, until_at)`, so far apart that labels fit; whether they are months."""
    at = bisect_left(_STEPS, max((until_at - from_at) * _DAY_ROOM // columns, 1) // 2)
    if at < len(_STEPS):
        step = _STEPS[at]
        monday = _FIRST_MONDAY if step % (7 * DAY) == 0 else 0
        tick = -(-(from_at - monday) // step) * step + monday
        while tick < until_at:
            yield to_datetime(tick), False
            tick += step
        return
    room = (until_at - from_at) * _MONTH_ROOM // columns
    months = next((n for n in _MONTHS if n * 30 * DAY >= room), _MONTHS[-1])
    begin = to_datetime(from_at)
    number = begin.year * 12 + begin.month - 1
    number -= number % months
    while number // 12 < _LAST_YEAR:
        moment = begin.replace(
            year=max(number // 12, 1), month=number % 12 + 1, day=1, hour=0, minute=0, second=0, microsecond=0
        )
        if moment >= to_datetime(until_at - 1) + timedelta(microseconds=1):
            return
        if moment >= begin:
            yield moment, True
        number += months
