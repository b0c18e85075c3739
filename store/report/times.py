"""When it happened, for a report: the picture, the bars as a table, and what happened beside the reads."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from store.connection import Store
from store.coverage import Gap, SourceCoverage
from store.instants import MICROSECONDS_PER_DAY, format_day, format_instant, last_day_before
from store.marker_letters import MARKER_WORDS, marker_letter
from store.parameters import View
from store.report.parts import Block, Cell, Chart, Heading, Lane, Mark, Table, Words
from store.timeline import VERDICTS, Bin, Marker, Timeline, timeline
from store.words import VERDICTS as VERDICT_WORDS
from store.words import count_words

# No more bars than a printed page shows apart; whole days where the time is days, weeks where it is weeks.
_MOST_BARS = 84
_WIDTHS = (1, 2, 7, 14, 28, 56, 91, 182, 364, 728, 3_640)
_MOST_LANES = 8
_MOST_GAPS = 200


class Times(NamedTuple):
    """What happened in `[from_at, until_at)`, microseconds UTC, of one partner or of all.

    Attributes:
        bins: each `width_days` days of 86,400 s from the first instant on; the last one what is left.
        answer: markers, gaps, coverage and access over the whole of it.
        later: markers at or after `until_at`, up to the end of the day at which work is judged.
    """

    from_at: int
    until_at: int
    width_days: int
    bins: tuple[Bin, ...]
    answer: Timeline
    later: tuple[Marker, ...]


def times_of(store: Store, view: View, partner: int | None) -> Times | None:
    """The time from the cut-off to the as-of; None where there is none between them."""
    from store.timeline import markers

    begin, end = view.cutoff, view.as_of
    if begin is None or begin >= end:
        return None
    days = -(-(end - begin) // MICROSECONDS_PER_DAY)
    width = next((each for each in _WIDTHS if days <= each * _MOST_BARS), days)
    step = width * MICROSECONDS_PER_DAY
    whole = (end - begin) // step
    bins: tuple[Bin, ...] = ()
    if whole:
        bins = timeline(store, partner, from_at=begin, until_at=begin + whole * step, bins=whole).bins
    if begin + whole * step < end:
        bins += timeline(store, partner, from_at=begin + whole * step, until_at=end, bins=1).bins
    answer = timeline(store, partner, from_at=begin, until_at=end, bins=1)
    # A step of today counts with today's date, whatever the hour.
    until = (view.today // MICROSECONDS_PER_DAY + 1) * MICROSECONDS_PER_DAY
    later = markers(store, partner, from_at=end, until_at=until)[0] if until > end else ()
    return Times(begin, end, width, bins, answer, later)


def chart(times: Times, whose: str, marks: Iterable[Marker]) -> Chart:
    """The picture: bars, letters, lanes.

    Args:
        whose: in words, for who cannot see it.
        marks: the markers to draw.
    """
    lanes = [] if not times.answer.could_read else [Lane("could read", "could", times.answer.could_read)]
    logs = [Lane(f"logged by {each.source}", "log", each.intervals) for each in times.answer.coverage]
    lanes += logs[:_MOST_LANES]
    most = max(times.bins, key=lambda each: each.improper)
    reads = sum(each.improper for each in times.bins)
    span = f"{format_day(times.from_at)} to {last_day_before(times.until_at)} UTC"
    alternative = (
        f"Bar chart of the restricted reads of {whose}, {span}: {count_words(reads)} in"
        f" {count_words(len(times.bins))} bars of {_days(times.width_days)} each, most"
        f" ({count_words(most.improper)}) from {format_day(most.from_at)} to {last_day_before(most.until_at)};"
        f" {_gap_words(times.answer.gaps)}. The table below has every bar."
    )
    return Chart(
        key="timeline",
        title=f"Reads per {_days(times.width_days)}, {span}",
        alternative=alternative,
        from_at=times.from_at,
        until_at=times.until_at,
        bins=times.bins,
        marks=tuple(Mark(each.at, marker_letter(each), each.text) for each in marks),
        gaps=times.answer.gaps,
        lanes=tuple(lanes),
        lanes_left_out=len(logs) - len(logs[:_MOST_LANES]),
    )


def coverage_chart(times: Times) -> Chart:
    """The picture of the coverage alone: a lane a source."""
    sources = times.answer.coverage
    lanes = tuple(Lane(each.source, "log", each.intervals) for each in sources[:_MOST_LANES])
    told = "; ".join(f"{each.source} {_covered_words(each, times)}" for each in sources[:_MOST_LANES])
    span = f"{format_day(times.from_at)} to {last_day_before(times.until_at)} UTC"
    return Chart(
        key="coverage",
        title=f"When the log is complete, {span}",
        alternative=f"A lane for each source of logs, {span}: {told or 'none'}. {_gap_words(times.answer.gaps)}.",
        from_at=times.from_at,
        until_at=times.until_at,
        gaps=times.answer.gaps,
        lanes=lanes,
        lanes_left_out=len(sources) - len(lanes),
    )


def _covered_words(source: SourceCoverage, times: Times) -> str:
    missing = times.until_at - times.from_at - sum(end - start for start, end in source.intervals)
    return "complete" if missing <= 0 else f"lacks {missing / MICROSECONDS_PER_DAY:,.1f} days"


def _gap_words(gaps: Sequence[Gap]) -> str:
    if not gaps:
        return "no part of it is not logged"
    first = ", ".join(f"{_interval(gap.from_at, gap.until_at)} by {gap.source}" for gap in gaps[:3])
    return f"not logged: {first}" + (f" and {count_words(len(gaps) - 3)} more" if len(gaps) > 3 else "")


def _days(width: int) -> str:
    return "day" if width == 1 else f"{count_words(width)} days"


def bins_table(times: Times) -> Table:
    """Every bar as numbers."""
    headings = (
        Heading("from", "From (UTC)"),
        Heading("until", "Until (excl.)"),
        *(Heading(verdict, _VERDICT_TITLES[verdict], is_number=True) for verdict in VERDICTS),
    )
    rows: tuple[tuple[Cell, ...], ...] = tuple(
        (
            _point(each.from_at),
            _point(each.until_at),
            *(int(getattr(each, verdict)) for verdict in VERDICTS),
        )
        for each in times.bins
    )
    return Table("bins", "Every bar as numbers: events by verdict", headings, rows, is_folded=True)


_VERDICT_TITLES = {name: words.capitalize() for name, words in VERDICT_WORDS.items()}


def gaps_table(gaps: Sequence[Gap]) -> tuple[Block, ...]:
    """What each source does not cover; the first of very many."""
    headings = (Heading("source", "Source"), Heading("from", "From (UTC)"), Heading("until", "Until (excl.)"))
    rows = tuple((gap.source, _point(gap.from_at), _point(gap.until_at)) for gap in gaps[:_MOST_GAPS])
    table = Table("gaps", "Not logged: silence there says nothing", headings, rows, nothing="Every source is complete.")
    left = len(gaps) - len(rows)
    return (table, Words(f"{count_words(left)} more are not listed here; the JSON has all.")) if left else (table,)


def markers_table(markers: Sequence[Marker], caption: str) -> Table:
    """What happened beside the reads, oldest first."""
    headings = (Heading("at", "At (UTC)"), Heading("kind", "What"), Heading("text", "In words"))
    rows: tuple[tuple[Cell, ...], ...] = tuple(
        (_point(each.at), MARKER_WORDS[marker_letter(each)], each.text) for each in markers
    )
    return Table("markers", caption, headings, rows)


def left_out_words(times: Times) -> tuple[Words, ...]:
    """How many markers were not told, where there are very many."""
    left = times.answer.markers_left_out
    return (Words(f"{count_words(left)} more are not listed, for want of room."),) if left else ()


def what_if_words(view: View) -> tuple[Words, ...]:
    """A warning that the bars are judged by the rulebook's own cut-off, where the figures are not."""
    if view.what_if_cutoff is None:
        return ()
    return (Words("The bars are judged under the rulebook's own rules, the figures from the cut-off given."),)


def _interval(from_at: int, until_at: int) -> str:
    first, last = format_day(from_at), last_day_before(until_at)
    return first if first == last else f"{first}..{last}"


def _point(at: int) -> str:
    day, text = format_day(at), format_instant(at)
    return day if text == f"{day}T00:00:00Z" else f"{day} {text[11:]}"


def times_document(times: Times | None) -> dict[str, object] | None:
    """The time as `python -m store timeline --json` prints it; the last bin may be shorter than the others."""
    from store.timeline import timeline_document

    if times is None:
        return None
    document = timeline_document(times.answer)
    document["bins"] = [
        {
            "from": format_instant(each.from_at),
            "until": format_instant(each.until_at),
            **{verdict: getattr(each, verdict) for verdict in VERDICTS},
        }
        for each in times.bins
    ]
    document["later_markers"] = [
        {"at": format_instant(each.at), "kind": each.kind, "text": each.text} for each in times.later
    ]
    return document
