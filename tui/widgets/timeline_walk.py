"""Walking through time: where the cursor, the window, the range and the row are, and where each key takes them.

It changes the time that all timelines share, and knows no widget: a pane draws what it says and asks what it wants.
"""

from store.instants import MICROSECONDS_PER_DAY as DAY
from store.timeline import Week
from tui.time_cursor import BANDS, CALENDAR, PICTURES, WEEKS, ChosenRange, Interval, TimeCursor
from tui.widgets.timeline_bands import bands_layout, bands_wanted
from tui.widgets.timeline_calendar import WEEK, weeks_shown
from tui.widgets.timeline_drawing import layout
from tui.widgets.timeline_marks import markers_in
from tui.widgets.timeline_pictures import COUNTED, Shown, Wanted
from tui.widgets.timeline_window import TimeWindow

_BEFORE_LAYOUT = 50


class TimelineWalk:
    """One pane's place in the shared time.

    Attributes:
        time: shared with the other timelines.
        view: the bins in view; None before `set_span`.
        shown: what was answered last.
        row: of the picture of bands, the partner under the cursor.
        width, height: cells of the picture.
    """

    def __init__(self, time: TimeCursor) -> None:
        self.time = time
        self.view: TimeWindow | None = None
        self.shown: Shown | None = None
        self.row = 0
        self.width = 0
        self.height = 0

    @property
    def at(self) -> int:
        """The instant under the cursor, microseconds UTC; before the first key, where there is most to see."""
        if self.time.at is not None or self.view is None:
            return self.time.at or 0
        return self.view.span_until - 1 if self.time.picture in (CALENDAR, WEEKS) else self.view.from_at

    @property
    def window(self) -> Interval | None:
        """What is in view; None before `set_span`."""
        return None if self.view is None else (self.view.from_at, self.view.until_at)

    @property
    def cursor(self) -> Interval | None:
        """The bin under the cursor; None before `set_span`."""
        view = self.view
        if view is None:
            return None
        if self.time.picture == CALENDAR:
            from_at = self.at - self.at % DAY
            return from_at, from_at + DAY
        if self.time.picture == WEEKS:
            weeks = () if self.shown is None else self.shown.weeks
            here = next((week for week in weeks if self.at < week.until_at), weeks[-1] if weeks else None)
            return (self.at, self.at + WEEK) if here is None else (here.from_at, here.until_at)
        from_at = view.from_at + view.bin_at(self.at) * view.width
        return from_at, from_at + view.width

    @property
    def chosen(self) -> Interval | None:
        """The range; None without one."""
        cursor = self.cursor
        return None if self.time.chosen is None or cursor is None else self.time.chosen.interval(cursor)

    @property
    def subject(self) -> int | None:
        """Whose events are under the cursor: a partner's internal id, or None: everybody's."""
        return None if self.shown is None else self.shown.subject(self.row)[0]

    @property
    def has_rows(self) -> bool:
        """Whether the picture has rows to go through, be it there already or not yet: a key means what it will mean."""
        return self.time.picture in (BANDS, CALENDAR)

    def wanted(self) -> Wanted | None:
        """What to ask the store for; None before `set_span`."""
        view = self.view
        if view is None:
            return None
        if self.time.picture == CALENDAR:
            size = (self.width, self.height) if self.width else (_BEFORE_LAYOUT, 8)
            from_at, until_at = weeks_shown((view.from_at, view.until_at), self.at, *size)
            return Wanted(CALENDAR, from_at, until_at, (until_at - from_at) // DAY)
        bands = bands_wanted(self.width, self.height) if self.time.picture == BANDS else 0
        return Wanted(self.time.picture, view.from_at, view.until_at, view.bins, bands)

    def weeks(self) -> tuple[Week, ...]:
        """The weeks in view, for the picture of weeks."""
        if self.shown is None or self.view is None:
            return ()
        return tuple(self.shown.weeks_in_view((self.view.from_at, self.view.until_at), self.at, self.width))

    # -- what is shown ---------------------------------------------------------------------------------------------

    def set_span(self, from_at: int, until_at: int) -> None:
        """Say what the whole span is; a zoomed window stays where it is."""
        if self.view is None:
            self.view = TimeWindow.whole(from_at, until_at, self._columns())
        elif (from_at, until_at) != (self.view.span_from, self.view.span_until):
            self.view = self.view.respanned(from_at, until_at)
        self.take_up()

    def take_up(self) -> None:
        """Take window and cursor over from the other timelines."""
        view = self.view
        if view is None:
            return
        columns = self._columns()
        whole = TimeWindow.whole(view.span_from, view.span_until, columns)
        window = self.time.window
        if window is None:
            self.view = whole
        elif window[0] < view.span_until and window[1] > view.span_from:
            self.view = (view if view.columns == columns else whole).fitted(*window)
        view = self.view or whole
        if self.time.at is not None:
            self.time.at = min(max(self.at, view.from_at), view.until_at - 1)

    def show(self, shown: Shown | None) -> bool:
        """Take an answer; whether it is about somebody else than the one before."""
        before = self.shown
        if shown is not None and self.view is not None:
            shown = shown.inside(self.view.span_from, self.view.span_until)
        self.shown = shown
        is_another = before is None or shown is None or before.partner != shown.partner
        if shown is not None and shown.picture == BANDS:
            is_first = is_another or before is None or before.picture != BANDS
            self.row = shown.row_of(shown.partner if is_first or before is None else before.subject(self.row)[0])
        return is_another

    def fit(self, width: int, height: int) -> None:
        """As many bins as the picture has room for; where in time all timelines are stays as it is."""
        self.width, self.height = width, height
        columns = self._columns()
        if self.view is not None and columns != self.view.columns:
            self.view = self.view.resized(columns)

    def _columns(self) -> int:
        if not self.width:
            return _BEFORE_LAYOUT
        if self.time.picture == BANDS:
            return max(bands_layout(self.width, self.height).columns, 1)
        sources = 1 if self.shown is None else len(self.shown.timeline.coverage)
        return max(layout(self.width, self.height, sources).columns, 1)

    # -- where keys go ---------------------------------------------------------------------------------------------

    def step(self, by: int) -> None:
        """So many bins further."""
        cursor, view = self.cursor, self.view
        if view is None or cursor is None:
            return
        if self.time.picture == CALENDAR:
            self.walk_to(self.at + by * WEEK)
        else:
            self.walk_to(cursor[0] + by * (WEEK if self.time.picture == WEEKS else view.width))

    def step_row(self, by: int) -> None:
        """So many rows down: another partner of the bands, another day of the calendar."""
        if self.time.picture == CALENDAR:
            self.walk_to(self.at + by * DAY)
        elif self.shown is not None:
            self.row = min(max(self.row + by, 0), max(len(self.shown.bands) - 1, 0))

    def page(self, by: int) -> None:
        """Move the window by its own length, and the cursor with it."""
        view, wanted = self.view, self.wanted()
        if view is None or wanted is None:
            return
        if self.time.picture == CALENDAR or (self.time.picture == WEEKS and view.is_whole):
            weeks = self.weeks()
            length = wanted.until_at - wanted.from_at if not weeks else weeks[-1].until_at - weeks[0].from_at
            self.walk_to(self.at + by * length)
            return
        moved = view.moved(by * view.bins)
        shift = moved.from_at - view.from_at
        self.time.at = self.at + shift
        if shift == 0:
            self.time.at = view.from_at if by < 0 else min(view.until_at, view.span_until) - 1
        self.look_at(moved)

    def zoom(self, steps: int) -> bool:
        """Narrower (steps > 0) or wider bins around the cursor; False where there are none."""
        if self.view is None:
            return False
        zoomed = self.view.zoomed(steps, self.at)
        changed = zoomed != self.view
        self.look_at(zoomed)
        return changed

    def whole(self) -> None:
        """Everything there is."""
        if self.view is not None:
            self.look_at(TimeWindow.whole(self.view.span_from, self.view.span_until, self.view.columns))

    def walk_to(self, instant: int) -> None:
        """Put the cursor on an instant inside the whole span; the window follows it."""
        view = self.view
        if view is None:
            return
        # The last bin of the whole span may end after it; days and weeks do not.
        is_binned = view.is_whole and self.time.picture not in (CALENDAR, WEEKS)
        last = max(view.span_until, view.until_at if is_binned else 0) - 1
        self.time.at = min(max(instant, view.span_from), last)
        if not view.from_at <= self.at < view.until_at:
            by = (self.at - view.from_at) // view.width
            view = view.moved(by if by < 0 else by - view.bins + 1)
        self.look_at(view)

    def look_at(self, view: TimeWindow) -> None:
        """Have another window in view; the cursor stays as it is inside it, so that zooming does not make it wander."""
        self.view = view
        self.time.at = min(max(self.at, view.from_at), view.until_at - 1)
        self.time.window = None if view.is_whole else (view.from_at, view.until_at)

    def marker_ahead(self, by: int) -> int | Interval | None:
        """The next (1) or previous (-1) marker: its instant, or the interval in which to look for it, or None."""
        cursor, shown, view = self.cursor, self.shown, self.view
        if view is None or shown is None or cursor is None:
            return None
        answer = shown.timeline
        partner = self.subject
        whose = next((band for band in shown.bands if band.partner == partner), answer)
        near = (cursor[1], answer.until_at) if by > 0 else (answer.from_at, cursor[0])
        # The instant itself, not its bin's begin: zooming in afterwards ends on the marker.
        here = markers_in(whose.markers, *near)
        if here and not whose.markers_left_out:
            return here[0 if by > 0 else -1].at
        if by > 0:
            far = cursor[1], max(view.span_until, view.until_at)
        else:
            far = min(view.span_from, view.from_at), cursor[0]
        return far if far[0] < far[1] else None

    def next_picture(self) -> str:
        """The next picture, which has other columns."""
        self.time.picture = PICTURES[(PICTURES.index(self.time.picture) + 1) % len(PICTURES)]
        self.fit(self.width, self.height)
        return self.time.picture

    def next_counted(self) -> None:
        """Count other events."""
        self.time.counted = (self.time.counted + 1) % len(COUNTED)

    def choose_range(self) -> bool:
        """Begin a range at the cursor, or end it there; whether it was begun."""
        cursor, chosen = self.cursor, self.time.chosen
        if cursor is None:
            return False
        begins = chosen is None or chosen.end is not None
        self.time.chosen = ChosenRange(cursor) if chosen is None or begins else ChosenRange(chosen.begin, cursor)
        return begins
