"""The timeline: when it was read, as a picture that is zoomed, panned and walked, by a cursor that all timelines share.

It asks nothing itself: it says what it wants (`wanted`, `WindowChanged`) and is shown the answer.
"""

from typing import ClassVar

from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.binding import BindingType
from textual.content import Content
from textual.message import Message
from textual.strip import Strip
from textual.widget import Widget

from store.timeline import RangeFigures
from tui.keys import bindings
from tui.screens.base import WorkScreen
from tui.text import day, last_day, span
from tui.time_cursor import BANDS, BARS, CALENDAR, WEEKS, Interval, TimeCursor
from tui.widgets.timeline_canvas import Drawing, Run, finished, spot_at
from tui.widgets.timeline_captions import Caption, below, heading
from tui.widgets.timeline_marks import markers_in
from tui.widgets.timeline_pictures import COUNTED, Shown, Wanted, draw_picture
from tui.widgets.timeline_walk import TimelineWalk
from tui.widgets.timeline_window import BIN_WIDTHS, width_words
from tui.widgets.timeline_words import marker_words, parse_date

_IN_FULL = 10_000
PICTURE_WORDS = {
    BARS: "bars",
    BANDS: "bands: the marked partners, else the first ones, one row each",
    CALENDAR: "calendar: a column a week, a row a weekday",
    WEEKS: "all partners: distinct partners and people in each week since the rule",
}
_STYLES = (
    *("restricted", "undetermined", "denied", "allowed", "marker", "drop", "could", "rule", "logged", "gap"),
    *("axis", "name", "legend", "value", "before", "range", "cursor"),
)


class _OfInterval(Message):
    """A pane's word about `[from_at, until_at)`, microseconds UTC.

    Attributes:
        partner: whose events it is about, by internal id; None: everybody's.
    """

    def __init__(self, pane: "TimelinePane", interval: Interval, partner: int | None) -> None:
        super().__init__()
        self.pane = pane
        self.from_at, self.until_at = interval
        self.partner = partner

    @property
    def control(self) -> "TimelinePane":
        """The pane it comes from."""
        return self.pane


class TimelinePane(Widget, can_focus=True):
    """A picture of time with a cursor; `set_span` first, then `show` every answer.

    | Component class | What |
    |---|---|
    | `timeline--restricted` ... `timeline--allowed` | the parts of a bar |
    | `timeline--marker`, `timeline--drop` | letters, and the lines below them |
    | `timeline--could`, `timeline--rule`, `timeline--logged`, `timeline--gap` | the lanes, and what is not logged |
    | `timeline--axis`, `timeline--name`, `timeline--legend`, `timeline--value` | words |
    | `timeline--before` | columns in which no rule is in force |
    | `timeline--range`, `timeline--cursor` | what is chosen, and the bin under the cursor |
    """

    BINDINGS: ClassVar[list[BindingType]] = [*bindings("timeline")]
    COMPONENT_CLASSES: ClassVar[set[str]] = {f"timeline--{name}" for name in _STYLES}
    DEFAULT_CSS = """
    TimelinePane {
        border: round $rule-line;
        border-title-color: $quiet;
        border-subtitle-color: $quiet;
        &:focus {
            border: round $rule-line-focus;
            border-title-color: $head;
            border-subtitle-color: $foreground;
        }
        .timeline--restricted { color: $restricted; }
        .timeline--undetermined { color: $warning; }
        .timeline--denied { color: $accent; }
        .timeline--allowed { color: $secondary; }
        .timeline--marker { color: $head; text-style: bold; }
        .timeline--drop { color: $rule-line; }
        .timeline--could { color: $warning; }
        .timeline--rule { color: $accent; }
        .timeline--logged { color: $rule-line; }
        .timeline--gap { color: $warning; text-style: bold; }
        .timeline--axis { color: $quiet; }
        .timeline--name { color: $quiet; }
        .timeline--legend { color: $quiet; }
        .timeline--value { color: $head; text-style: bold; }
        .timeline--before { background: $surface; }
        .timeline--range { background: $cursor-back-blurred; text-style: underline; }
        .timeline--cursor { background: $cursor-back; }
        &:nocolor .timeline--cursor { text-style: reverse; }
    }
    """

    class WindowChanged(_OfInterval):
        """The pane wants another picture: ask for what `wanted` says, and `show` the answer."""

    class Drill(_OfInterval):
        """The raw events of the range, else of the bin under the cursor, are wanted."""

    class RangeChosen(_OfInterval):
        """The figures of a range are wanted: `show_range` them."""

    class MarkerWanted(_OfInterval):
        """The nearest marker in an interval is wanted, which is not in view: `go_to` it, or `no_marker`.

        Attributes:
            by: 1 for the first one, -1 for the last one.
        """

        def __init__(self, pane: "TimelinePane", interval: Interval, partner: int | None, by: int) -> None:
            super().__init__(pane, interval, partner)
            self.by = by

    class CursorMoved(Message):
        """The cursor, the window or the range is another."""

        def __init__(self, pane: "TimelinePane") -> None:
            super().__init__()
            self.pane = pane

        def can_replace(self, message: Message) -> bool:
            """Only the last of a burst matters."""
            return isinstance(message, TimelinePane.CursorMoved) and message.pane is self.pane

    def __init__(
        self,
        *,
        time: TimeCursor | None = None,
        heading: str = "2",
        id: str | None = None,  # noqa: A002
        classes: str | None = None,
    ) -> None:
        """A pane that shows nothing yet.

        Args:
            time: shared with other timelines; its own where none is given.
            heading: its key, for the title.
        """
        super().__init__(id=id, classes=classes)
        self._walk = TimelineWalk(TimeCursor() if time is None else time)
        self._number = heading
        self._asked: Wanted | None = None
        self._figures: RangeFigures | None = None
        self._qualifier = "at_least"
        self._drawn: tuple[object, Drawing] | None = None
        self._rows: list[list[Run]] | None = None
        self._palette: dict[str, Style] = {}

    # -- what it shows ---------------------------------------------------------------------------------------------

    @property
    def window(self) -> Interval | None:
        """What is in view, `[from, until)` in microseconds UTC; None before `set_span`."""
        return self._walk.window

    @property
    def cursor(self) -> Interval | None:
        """The bin under the cursor, `[from, until)` in microseconds UTC; None before `set_span`."""
        return self._walk.cursor

    @property
    def chosen(self) -> Interval | None:
        """The range, `[from, until)` in microseconds UTC; None without one."""
        return self._walk.chosen

    @property
    def told(self) -> str:
        """What the line below says, in full."""
        return below(self.shown, self._caption(), self._walk.weeks(), _IN_FULL)

    @property
    def shown(self) -> Shown | None:
        """What was answered last."""
        return self._walk.shown

    def bins_wanted(self) -> int:
        """How many bins the window has."""
        return 1 if self._walk.view is None else self._walk.view.bins

    def wanted(self) -> Wanted | None:
        """What to ask the store for; None before `set_span`."""
        return self._walk.wanted()

    def set_span(self, from_at: int, until_at: int) -> None:
        """Say what the whole span is, `[from, until)` in microseconds UTC; a zoomed window stays where it is.

        The caller asks for what is wanted afterwards; no message is posted.
        """
        self._walk.set_span(from_at, until_at)
        self._asked = self.wanted()
        self._redraw()

    def take_up(self) -> None:
        """Be where in time the other timelines have gone meanwhile."""
        self._walk.take_up()
        self._moved()

    def show(self, shown: Shown | None, *, qualifier: str | None = None) -> None:
        """Draw an answer; None while there is none.

        Args:
            shown: one of another window or picture (it was overtaken) is drawn all the same.
            qualifier: of everything that was read, for the figures of a range; None leaves it as it is.
        """
        self._qualifier = self._qualifier if qualifier is None else qualifier
        is_another = self._walk.show(shown)
        self._drawn = None
        # How many sources of logs have a lane decides how many bins there is room for.
        self._walk.fit(*self.content_size)
        if is_another:
            self._figures = None
            self._ask_for_range()
        self._tell()
        self._redraw()

    def show_range(self, figures: RangeFigures) -> None:
        """The figures of a range; of one that is no longer chosen they are dropped."""
        if (figures.from_at, figures.until_at) == self.chosen:
            self._figures = figures
            self._redraw()

    # -- keys ------------------------------------------------------------------------------------------------------

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Rows are gone through only in pictures that have some; else the key is the screen's."""
        return self._walk.has_rows if action == "row" else True

    def action_bin(self, by: int) -> None:
        """Move the cursor by bins; the window follows it."""
        self._walk.step(by)
        self._moved()

    def action_row(self, by: int) -> None:
        """Another partner of the bands, or another day of the calendar's week."""
        before = self._walk.subject
        self._walk.step_row(by)
        if self._walk.subject != before:
            self._figures = None
            self._ask_for_range()
        self._moved()

    def action_page(self, by: int) -> None:
        """Move the window by its own length, and the cursor with it."""
        self._walk.page(by)
        self._moved()

    def action_zoom_in(self) -> None:
        """Narrower bins, around the cursor."""
        if not self._walk.zoom(1):
            self._refuse(f"a {width_words(BIN_WIDTHS[0])} is the shortest bin: enter opens its events")
        self._moved()

    def action_zoom_out(self) -> None:
        """Wider bins, around the cursor."""
        view = self._walk.view
        if view is not None and not self._walk.zoom(-1):
            self._refuse(f"this is the whole span, {span(view.span_from, view.span_until)}")
        self._moved()

    def action_whole_span(self) -> None:
        """Everything there is."""
        self._walk.whole()
        self._moved()

    def action_marker(self, by: int) -> None:
        """To the next or previous marker: in view, or wherever it is."""
        ahead = self._walk.marker_ahead(by)
        if ahead is None:
            self.no_marker(by)
        elif isinstance(ahead, int):
            self.go_to(ahead)
        else:
            self.post_message(self.MarkerWanted(self, ahead, self._walk.subject, by))

    def go_to(self, instant: int) -> None:
        """Put the cursor on an instant and say what stands there."""
        self._walk.walk_to(instant)
        self._moved()
        self._say_markers()

    def no_marker(self, by: int) -> None:
        """Say that there is no further marker."""
        self._refuse(f"no {'later' if by > 0 else 'earlier'} marker")

    def action_picture(self) -> None:
        """Show the next picture."""
        self._say(PICTURE_WORDS[self._walk.next_picture()])
        self._moved()
        self.refresh_bindings()

    def action_counted(self) -> None:
        """Count other events."""
        self._walk.next_counted()
        counted = self._walk.time.counted
        self._say(f"counted: {COUNTED[counted][1] if counted else 'everything'}")
        self._redraw()

    def action_choose_range(self) -> None:
        """Begin a range at the cursor, or end it there."""
        if self._walk.choose_range():
            self._say("range begun: go to its end; v ends it, enter opens its events, esc drops it")
        else:
            self._say("range ended: enter opens its events, esc drops it")
        self._figures = None
        self._ask_for_range()
        self._redraw()

    def drop_range(self) -> bool:
        """Forget the range; whether there was one."""
        if self._walk.time.chosen is None:
            return False
        self._walk.time.chosen = None
        self._figures = None
        self._redraw()
        return True

    def action_go_to_date(self) -> None:
        """Ask for a date and put the cursor on it."""
        if self._walk.view is not None:
            self._ask_for_date("")

    def action_drill(self) -> None:
        """Ask for the raw events of the range, else of the bin under the cursor."""
        target = self.chosen or self.cursor
        if target is not None and self.shown is not None:
            self.post_message(self.Drill(self, target, self._walk.subject))

    def on_click(self, event: events.Click) -> None:
        """Put the cursor on what was clicked."""
        offset = event.get_content_offset(self)
        spot = None if offset is None or self.shown is None else spot_at(self._drawing(), offset.x, offset.y)
        if spot is not None:
            if self._walk.has_rows and self._walk.time.picture == BANDS:
                self.action_row(spot.row - self._walk.row)
            self._walk.walk_to(spot.from_at)
            self._moved()

    # -- events ----------------------------------------------------------------------------------------------------

    def on_resize(self) -> None:
        """Ask for as many bins as there is room for now."""
        self._walk.fit(*self.content_size)
        self._moved()

    def watch_has_focus(self, has_focus: bool) -> None:
        """The line below speaks of the cursor's bin while the pane has the focus, else of the whole window."""
        super().watch_has_focus(has_focus)
        self._redraw()

    def notify_style_update(self) -> None:
        """Another theme, or a class has changed: draw with its colours."""
        self._palette.clear()
        super().notify_style_update()

    def render_line(self, y: int) -> Strip:
        """One row of the picture."""
        width = self.content_size.width
        base = self.rich_style
        if self._rows is None:
            self._rows = finished(self._drawing(), cursor=self._cursor_spot(), chosen=self.chosen)
        if y >= len(self._rows):
            return Strip.blank(width, base)
        return Strip([Segment(text, base + self._style(name)) for text, name in self._rows[y]], width)

    # -- inside ----------------------------------------------------------------------------------------------------

    def _caption(self) -> Caption:
        cursor = self.cursor if self.has_focus else None
        return Caption(cursor, self._walk.row, self.chosen, self._figures, self._qualifier)

    def _cursor_spot(self) -> tuple[int, int] | None:
        cursor = self.cursor
        if not self.has_focus or cursor is None:
            return None
        # A week's begin: the cursor may be before the first one, or after the last.
        return (cursor[0] if self._walk.time.picture == WEEKS else self._walk.at), self._walk.row

    def _drawing(self) -> Drawing:
        weeks = self._walk.weeks()
        size, counted, row = self.content_size, self._walk.time.counted, self._walk.row
        key = (id(self.shown), size, counted, row, weeks[:1], len(weeks))
        if self._drawn is None or self._drawn[0] != key:
            drawing = draw_picture(self.shown, size.width, size.height, counted=counted, weeks=weeks, row=row)
            self._drawn = key, drawing
        return self._drawn[1]

    def _style(self, name: str) -> Style:
        if name not in self._palette:
            style = Style()
            for part in name.split():
                style += self.get_component_rich_style(f"timeline--{part}", partial=True)
            self._palette[name] = style
        return self._palette[name]

    def _ask_for_date(self, typed: str) -> None:
        from tui.screens.dialogs import LinePrompt

        prompt = LinePrompt("Go to", hint="2019-10-05, 2019-10, or -60d before the end", text=typed)
        self.app.push_screen(prompt, self._typed_date)

    def _typed_date(self, typed: str | None) -> None:
        view = self._walk.view
        if typed is None or not typed.strip() or view is None:
            return
        try:
            instant = parse_date(typed, view.span_until)
        except ValueError as error:
            self._refuse(str(error))
            self._ask_for_date(typed)
            return
        if not view.span_from <= instant < view.span_until:
            self._refuse(f"{day(instant)} is outside of {day(view.span_from)} .. {last_day(view.span_until)}")
            self._ask_for_date(typed)
            return
        self._walk.time.at = instant
        self._walk.look_at(view.showing(instant))
        self._moved()

    def _say_markers(self) -> None:
        """What stands at the cursor, in full: the line below the bars may have no room for it."""
        cursor, shown = self.cursor, self.shown
        here = [] if cursor is None or shown is None else markers_in(shown.timeline.markers, *cursor)
        if here and cursor is not None:
            self._say(", ".join(marker_words(here, cursor[0])))

    def _say(self, words: str, level: str = "info") -> None:
        if isinstance(self.screen, WorkScreen):
            self.screen.say(words, level)

    def _refuse(self, why: str) -> None:
        """Say why a key does nothing."""
        self._say(why, "refused")

    def _moved(self) -> None:
        """The cursor, the window or the picture may be another."""
        self._tell()
        chosen = self.chosen
        if chosen is not None and (self._figures is None or (self._figures.from_at, self._figures.until_at) != chosen):
            self._figures = None
            self._ask_for_range()
        self._redraw()

    def _tell(self) -> None:
        """Post what is wanted, if it is another than before."""
        wanted = self.wanted()
        if wanted is not None and wanted != self._asked:
            self._asked = wanted
            self.post_message(self.WindowChanged(self, (wanted.from_at, wanted.until_at), self._walk.subject))

    def _ask_for_range(self) -> None:
        chosen = self.chosen
        if chosen is not None and self.shown is not None:
            self.post_message(self.RangeChosen(self, chosen, self._walk.subject))

    def _redraw(self) -> None:
        self._rows = None
        shown, width = self.shown, self.content_size.width
        title = "" if shown is None else shown.subject(0)[1] if shown.picture == WEEKS else shown.title
        self.border_title = heading(self._number, title, shown, self._walk.time.counted, width)
        self.border_subtitle = Content(below(shown, self._caption(), self._walk.weeks(), width))
        self.refresh()
        self.post_message(self.CursorMoved(self))
