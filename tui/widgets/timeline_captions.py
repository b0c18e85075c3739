"""What the borders of a timeline say: whose it is and what it counts above, the bin or the range below."""

from collections.abc import Sequence
from dataclasses import dataclass

from rich.cells import cell_len
from textual.content import Content

from store.timeline import Marker, RangeFigures, Week
from tui.text import clean, fit
from tui.time_cursor import WEEKS, Interval
from tui.widgets.timeline_bars import added, bin_counts
from tui.widgets.timeline_marks import markers_in
from tui.widgets.timeline_pictures import Shown
from tui.widgets.timeline_words import (
    counts_signs,
    counts_words,
    first_that_fits,
    interval_words,
    marker_words,
    picture_words,
    range_signs,
    range_words,
    week_words,
)


@dataclass(frozen=True, slots=True)
class Caption:
    """What the line below speaks of.

    Attributes:
        cursor: the bin under the cursor; None while the pane has no focus: then it is all that is in view.
        row: the row under the cursor, for bands.
        chosen: a range; it goes before the cursor.
        figures: of that range; None while they are counted.
        qualifier: of everything that was read.
    """

    cursor: Interval | None
    row: int
    chosen: Interval | None = None
    figures: RangeFigures | None = None
    qualifier: str = "at_least"


def heading(number: str, title: str, shown: Shown | None, counted: int, width: int) -> Content:
    """Whose time it is, what is counted and how long a bin is; a narrow pane cuts the name, never the length.

    Args:
        number: the pane's key.
        title: whose it is; plain text, which may be hostile.
        width: cells inside the pane.
    """
    name = clean(title, limit=60)
    if shown is None or not shown.timeline.bins:
        return Content.assemble(f"{number} ", (name, "bold"))
    what, per = picture_words(shown, counted)
    room = width - len(number) - 5
    said = f"   {what} {per}"
    if room < cell_len(name) + len(said):
        said = f"   {per}" if what in ("events", "restricted reads") else said
        name = fit(name, min(cell_len(name), max(room - len(said), 4)))
    when = f"   {interval_words(shown.timeline.from_at, shown.timeline.until_at)}"
    # Of weeks that do not fit, a page is shown: the axis says which.
    if shown.picture != WEEKS and cell_len(name) + len(said) + len(when) <= room:
        said += when
    return Content.assemble(f"{number} ", (name, "bold"), said)


def below(shown: Shown | None, caption: Caption, weeks: Sequence[Week], width: int) -> str:
    """The line in the lower border: the range, else the bin under the cursor, else all that is in view."""
    if shown is None or not shown.timeline.bins:
        return ""
    if caption.chosen is not None:
        return _range(caption.chosen, caption, width)
    if shown.picture == WEEKS:
        return _weeks(weeks, caption)
    return _bins(shown, caption, width)


def _range(chosen: Interval, caption: Caption, width: int) -> str:
    when = f"range {interval_words(*chosen)}"
    figures = caption.figures
    if figures is None or (figures.from_at, figures.until_at) != chosen:
        return f"{when}: counting"
    words = range_words(figures, caption.qualifier)
    signs = range_signs(figures, caption.qualifier)
    return first_that_fits([f"{when}: {words}", f"{when}: {signs}", signs], width - 2)


def _weeks(weeks: Sequence[Week], caption: Caption) -> str:
    if caption.cursor is not None:
        for week in weeks:
            if week.from_at <= caption.cursor[0] < week.until_at:
                return f"{interval_words(week.from_at, week.until_at)}: {week_words(week)}"
    if not weeks:
        return ""
    most = max(weeks, key=lambda week: (week.partners, week.people))
    return f"most in {interval_words(most.from_at, most.until_at)}: {week_words(most)}"


def _bins(shown: Shown, caption: Caption, width: int) -> str:
    answer = shown.timeline
    bins = shown.bands[min(caption.row, len(shown.bands) - 1)].bins if shown.bands else answer.bins
    markers = shown.bands[min(caption.row, len(shown.bands) - 1)].markers if shown.bands else answer.markers
    rows = bins
    at = caption.cursor
    if at is not None:
        rows = tuple(row for row in bins if row.from_at <= at[0] < row.until_at)
    if not rows:
        at, rows = None, bins
    from_at, until_at = rows[0].from_at, rows[-1].until_at
    total = added(map(bin_counts, rows))
    gap = any(one.from_at < until_at and one.until_at > from_at for one in answer.gaps)
    when = "in view" if at is None else interval_words(from_at, until_at)
    if shown.bands:
        when = f"{fit(clean(shown.subject(caption.row)[1], 40), 16).rstrip()} {when}"
    said = f"{when}: {counts_words(total, gap=gap)}"
    if cell_len(said) > width - 2:
        said = f"{when}: {counts_signs(total, gap=gap)}"
    here: Sequence[Marker] = () if at is None else markers_in(markers, from_at, until_at)
    return "; ".join([said, *marker_words(here, from_at)])
