"""What the timeline says in words: dates a person types, intervals, counts, and what else happened in a bin."""

import re

from store.instants import MICROSECONDS_PER_DAY, parse_point
from store.timeline import Marker
from tui.text import clean, count, day, moment, number, short_day
from tui.widgets.timeline_drawing import NOT_LOGGED, STACK, marker_letter
from tui.widgets.timeline_window import DAY

_MONTH = re.compile(r"(\d{4})-(\d{2})", re.ASCII)
_DAYS_BACK = re.compile(r"-(\d{1,6})d", re.ASCII)


def parse_date(text: str, span_until: int) -> int:
    """The instant a person asks for: `2019-10-05`, `2019-10`, `-60d` (before the end of the span), or an instant.

    Raises:
        ValueError: with a reason in plain words.
    """
    typed = text.strip()
    if match := _DAYS_BACK.fullmatch(typed):
        return max(span_until - int(match[1]) * MICROSECONDS_PER_DAY, 0)
    return parse_point(f"{typed}-01" if _MONTH.fullmatch(typed) else typed)


def interval_words(from_at: int, until_at: int) -> str:
    """A half-open interval, UTC, as a person reads it: `2019-10-12`, `2019-10-12 .. 10-25`, `... 14:00 .. 15:00Z`."""
    if from_at % DAY == 0 and until_at % DAY == 0:
        last = until_at - 1
        return day(from_at) if until_at - from_at <= DAY else f"{day(from_at)} .. {short_day(last, beside=from_at)}"
    begin, end = _exact(from_at, until_at), _exact(until_at, from_at)
    return f"{begin} .. {end[11:] if begin[:10] == end[:10] else end}Z"


def _exact(at: int, other: int) -> str:
    """To the minute, or to the second where either end needs it."""
    minute = 60 * 1_000_000
    if at % minute == 0 and other % minute == 0:
        return moment(at)
    return f"{moment(at)}:{at // 1_000_000 % 60:02d}"


def counts_words(counts: tuple[int, int, int, int], *, gap: bool) -> str:
    """What happened, in words: `206 restricted, 14 denied`; `not logged` where it cannot be known."""
    words = ("restricted", "unsettled", "denied", "allowed")
    said = [f"{number(value)} {word}" for value, word in zip(counts, words, strict=True) if value]
    if not said:
        said = ["nothing in the log"] if not gap else []
    if gap:
        said.append("not wholly logged" if said else "not logged")
    return ", ".join(said)


def counts_signs(counts: tuple[int, int, int, int], *, gap: bool) -> str:
    """What happened, with the signs of the bars, where there is no room for words: `█206 x14`."""
    signs = [f"{full}{number(value)}" for value, (_, full, _, _) in zip(counts, STACK, strict=True) if value]
    return " ".join([*signs, NOT_LOGGED] if gap else signs or ["nothing"])


def marker_words(markers: list[Marker], from_at: int) -> list[str]:
    """The markers of one bin, the first three of them."""
    words = [
        f"{marker_letter(one)} {short_day(one.at, beside=from_at)} {clean(one.text, limit=40)}" for one in markers[:3]
    ]
    more = [f"and {count(len(markers) - 3, 'marker')} more"] if len(markers) > 3 else []
    return words + more
