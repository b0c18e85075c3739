"""What the timeline says in words: dates a person types, intervals, counts, and what else happened in a bin."""

import re
from collections.abc import Sequence

from rich.cells import cell_len

from store.instants import MICROSECONDS_PER_DAY, parse_point
from store.marker_letters import marker_letter
from store.timeline import Marker, RangeFigures, Week
from tui.text import clean, count, day, moment, number, plural, qualified, short_day
from tui.time_cursor import CALENDAR, WEEKS
from tui.widgets.timeline_bars import KINDS, NOT_LOGGED, STACK, Counts
from tui.widgets.timeline_pictures import COUNTED, Shown
from tui.widgets.timeline_window import DAY, width_words

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


def counts_words(counts: Counts, *, gap: bool) -> str:
    """What happened, in words: `206 restricted, 14 denied`; `not logged` where it cannot be known."""
    words = ("restricted", "unsettled", "denied", "allowed")
    said = [f"{number(value)} {word}" for value, word in zip(counts, words, strict=True) if value]
    if not said:
        said = ["nothing in the log"] if not gap else []
    if gap:
        said.append("not wholly logged" if said else "not logged")
    return ", ".join(said)


def counts_signs(counts: Counts, *, gap: bool) -> str:
    """What happened, with the signs of the bars, where there is no room for words: `█206 x14`."""
    signs = [f"{full}{number(value)}" for value, (_, full, _, _) in zip(counts, STACK, strict=True) if value]
    return " ".join([*signs, NOT_LOGGED] if gap else signs or ["nothing"])


def marker_words(markers: Sequence[Marker], from_at: int) -> list[str]:
    """The markers of one bin, the first three of them."""
    words = [
        f"{marker_letter(one)} {short_day(one.at, beside=from_at)} {clean(one.text, limit=40)}" for one in markers[:3]
    ]
    more = [f"and {count(len(markers) - 3, 'marker')} more"] if len(markers) > 3 else []
    return words + more


def picture_words(shown: Shown, counted: int) -> tuple[str, str]:
    """What a picture shows and how long its bins are: `events`, `per 14 days`.

    Bars and bands stack every verdict; a day of the calendar is as dark as it has restricted reads.
    """
    kinds, what = COUNTED[counted]
    if shown.picture == WEEKS:
        return "partners and people", "per week"
    if shown.picture == CALENDAR:
        return "restricted reads" if kinds == KINDS else what, "per day"
    bins = shown.timeline.bins
    per = f"per {width_words(bins[0].until_at - bins[0].from_at)}" if bins else ""
    return what, per


def week_words(week: Week) -> str:
    """One week over all partners; what is not logged of it."""
    said = f"{count(week.partners, 'partner')}, {count(week.people, 'person')}, {count(week.events, 'restricted read')}"
    missing = week.days - week.logged_days
    return f"{said}; {missing} of {count(week.days, 'day')} not logged" if missing else said


def range_words(figures: RangeFigures, qualifier: str) -> str:
    """The figures of a range in a sentence; people and resources are those of the restricted reads.

    Args:
        qualifier: of everything that was read: a part of it is no better known.
    """
    events = figures.events
    read = events["improper"]
    said = [f"{qualified(read, qualifier)} {plural(read, 'restricted read')}"]
    if read:
        said[0] += (
            f" of {qualified(figures.people, qualifier)} {plural(figures.people, 'person')}"
            f" in {qualified(figures.resources, qualifier)} {plural(figures.resources, 'resource')}"
        )
        if figures.partners > 1:
            said[0] += f" by {count(figures.partners, 'partner')}"
    allowed = events["allowed"] + events["allowed_by_opt_in"] + events["allowed_by_exemption"]
    for word, value in (("unsettled", events["undetermined"]), ("denied", events["denied"]), ("allowed", allowed)):
        if value:
            said.append(f"{number(value)} {word}")
    return ", ".join(said)


def range_signs(figures: RangeFigures, qualifier: str) -> str:
    """The figures of a range where there is no room for words."""
    events = figures.events
    allowed = events["allowed"] + events["allowed_by_opt_in"] + events["allowed_by_exemption"]
    counts = 0, events["undetermined"], events["denied"], allowed
    read = f"{STACK[0][1]}{qualified(events['improper'], qualifier)}"
    others = f" {counts_signs(counts, gap=False)}" if any(counts) else ""
    people = f"{qualified(figures.people, qualifier)} {plural(figures.people, 'person')}"
    resources = f"{qualified(figures.resources, qualifier)} {plural(figures.resources, 'resource')}"
    return f"{read}{others}, {people}, {resources}"


def first_that_fits(wordings: Sequence[str], width: int) -> str:
    """The first wording, longest first, that fits into so many cells; else the last one."""
    return next((wording for wording in wordings if cell_len(wording) <= width), wordings[-1])
