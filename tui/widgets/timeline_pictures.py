"""Which picture of time a pane wants, what it is shown, and how that becomes a drawing."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from store.timeline import Band, Gap, Timeline, Week
from tui.time_cursor import BANDS, CALENDAR, WEEKS, Interval
from tui.widgets.timeline_bands import draw_bands
from tui.widgets.timeline_bars import DENIED, KINDS, RESTRICTED
from tui.widgets.timeline_calendar import draw_calendar
from tui.widgets.timeline_canvas import Drawing
from tui.widgets.timeline_drawing import draw_bars
from tui.widgets.timeline_weeks import draw_weeks, weeks_columns, weeks_in

ALL_PARTNERS = "All partners"
# What `B` goes through: the events that are counted, and how a title says it.
COUNTED: tuple[tuple[tuple[str, ...], str], ...] = (
    (KINDS, "events"),
    ((RESTRICTED,), "restricted reads only"),
    ((DENIED,), "denied attempts only"),
)


class Wanted(NamedTuple):
    """What a pane wants to be shown.

    Attributes:
        picture: one of `tui.time_cursor.PICTURES`.
        from_at, until_at: `[from, until)`, microseconds UTC, in `bins` bins.
        bands: how many partners at most, for bands.
    """

    picture: str
    from_at: int
    until_at: int
    bins: int
    bands: int = 0


@dataclass(frozen=True, slots=True)
class Shown:
    """What a pane shows, all of it of one answer.

    Attributes:
        partner: whose, by internal id; None: of all partners.
        title: the partner's name, which may be hostile.
        timeline: bins, markers and lanes.
        bands: for the picture of bands. `weeks`: every week since the rule, for the picture of weeks.
    """

    picture: str
    partner: int | None
    title: str
    timeline: Timeline
    bands: tuple[Band, ...] = ()
    weeks: tuple[Week, ...] = ()

    def inside(self, begin: int, end: int) -> "Shown":
        """Without what is not logged outside of `[begin, end)`, where nobody asks."""
        gaps = tuple(
            Gap(max(gap.from_at, begin), min(gap.until_at, end), gap.source)
            for gap in self.timeline.gaps
            if gap.from_at < end and gap.until_at > begin
        )
        return replace(self, timeline=replace(self.timeline, gaps=gaps))

    def subject(self, row: int) -> tuple[int | None, str]:
        """Whose events a row of the picture counts: the partner, None for all of them, and its name."""
        if self.picture == WEEKS:
            return None, ALL_PARTNERS
        if self.picture == BANDS and self.bands:
            band = self.bands[min(row, len(self.bands) - 1)]
            return band.partner, band.name
        return self.partner, self.title

    def row_of(self, partner: int | None) -> int:
        """The row of a partner; the first one where it has none."""
        return next((row for row, band in enumerate(self.bands) if band.partner == partner), 0)

    def weeks_in_view(self, window: Interval, cursor: int, width: int) -> Sequence[Week]:
        """Those of the weeks that a picture of this width shows."""
        return weeks_in(self.weeks, window, cursor, weeks_columns(width))


def draw_picture(
    shown: Shown | None, width: int, height: int, *, counted: int, weeks: Sequence[Week] = (), row: int = 0
) -> Drawing:
    """The drawing: exactly `height` rows of exactly `width` cells.

    Args:
        shown: None draws an empty frame.
        counted: which events are counted, as a place in `COUNTED`.
        weeks: those in view, for the picture of weeks.
        row: the row under the cursor, for the picture of bands.
    """
    kinds = COUNTED[counted][0]
    if shown is None:
        return draw_bars(None, width, height, kinds)
    if shown.picture == BANDS:
        current = shown.subject(row)[0]
        return draw_bands(shown.timeline, shown.bands, width, height, kinds=kinds, current=current)
    if shown.picture == CALENDAR:
        return draw_calendar(shown.timeline, width, height, kinds=kinds)
    if shown.picture == WEEKS:
        return draw_weeks(weeks, shown.timeline, width, height)
    return draw_bars(shown.timeline, width, height, kinds)
