"""The timeline pane: when it was read, as a picture that is zoomed, panned and walked bin by bin.

It asks nothing itself: it says which bins it wants (`WindowChanged`) and is shown the answer.
"""

from dataclasses import replace
from typing import ClassVar

from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.binding import BindingType
from textual.content import Content
from textual.message import Message
from textual.strip import Strip
from textual.widget import Widget

from store.timeline import Gap, Marker, Timeline
from tui.keys import bindings
from tui.screens.base import WorkScreen
from tui.text import clean, day, fit, last_day
from tui.widgets.timeline_drawing import (
    DENIED,
    KINDS,
    RESTRICTED,
    Run,
    bin_counts,
    draw,
    layout,
    markers_in,
)
from tui.widgets.timeline_window import TimeWindow, width_words
from tui.widgets.timeline_words import counts_signs, counts_words, interval_words, marker_words, parse_date

_BEFORE_LAYOUT = 50
# What `b` goes through: what the bars count, and how that is said in the title and in the message bar.
PICTURES = (
    (KINDS, "restricted reads", "everything, restricted reads at the bottom"),
    ((RESTRICTED,), "restricted reads only", "restricted reads only"),
    ((DENIED,), "denied attempts only", "denied attempts only"),
)


class TimelinePane(Widget, can_focus=True):
    """Bars that are sums, a row of markers, lanes and an axis; `set_span` first, then `show` every answer.

    | Component class | What |
    |---|---|
    | `timeline--restricted` ... `timeline--allowed` | the parts of a bar |
    | `timeline--marker`, `timeline--drop` | letters, and the lines below them |
    | `timeline--could`, `timeline--logged`, `timeline--gap` | the lanes, and what is not logged |
    | `timeline--axis`, `timeline--name`, `timeline--legend`, `timeline--value` | words |
    | `timeline--cursor` | the column of the bin under the cursor |
    """

    BINDINGS: ClassVar[list[BindingType]] = [*bindings("timeline")]
    COMPONENT_CLASSES: ClassVar[set[str]] = {
        f"timeline--{name}"
        for name in (
            *("restricted", "undetermined", "denied", "allowed", "marker", "drop", "could", "logged", "gap"),
            *("axis", "name", "legend", "value", "cursor"),
        )
    }
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
        .timeline--logged { color: $rule-line; }
        .timeline--gap { color: $warning; text-style: bold; }
        .timeline--axis { color: $quiet; }
        .timeline--name { color: $quiet; }
        .timeline--legend { color: $quiet; }
        .timeline--value { color: $head; text-style: bold; }
        .timeline--cursor { background: $cursor-back; }
    }
    """

    class WindowChanged(Message):
        """The pane wants the bins of another window: ask for `bins_wanted()` of them and `show` the answer.

        Attributes:
            from_at, until_at: `[from, until)`, microseconds UTC.
        """

        def __init__(self, pane: "TimelinePane", from_at: int, until_at: int) -> None:
            super().__init__()
            self.pane = pane
            self.from_at = from_at
            self.until_at = until_at

        @property
        def control(self) -> "TimelinePane":
            """The pane it comes from."""
            return self.pane

    class Drill(WindowChanged):
        """The raw events of the bin under the cursor are wanted, `[from_at, until_at)`."""

    def __init__(self, *, heading: str = "2", id: str | None = None, classes: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id, classes=classes)
        self._pane_heading = heading
        self._answer: Timeline | None = None
        self._title = ""
        self._view: TimeWindow | None = None
        self._cursor = 0
        self._picture_number = 0
        self._rows: list[list[Run]] | None = None
        self._palette: dict[str, Style] = {}

    @property
    def window(self) -> tuple[int, int] | None:
        """What is in view, `[from, until)` in microseconds UTC; None before `set_span`."""
        return None if self._view is None else (self._view.from_at, self._view.until_at)

    @property
    def cursor(self) -> tuple[int, int] | None:
        """The bin under the cursor, `[from, until)` in microseconds UTC; None before `set_span`."""
        if self._view is None:
            return None
        from_at = self._view.from_at + self._view.bin_at(self._cursor) * self._view.width
        return from_at, from_at + self._view.width

    def bins_wanted(self) -> int:
        """How many bins the window has: what to ask the store for."""
        return 1 if self._view is None else self._view.bins

    def set_span(self, from_at: int, until_at: int) -> None:
        """Say what the whole span is, `[from, until)` in microseconds UTC; a zoomed window stays where it is.

        The caller asks for the window afterwards; no message is posted.
        """
        if self._view is None:
            self._view = TimeWindow.whole(from_at, until_at, self._columns())
            self._cursor = self._view.from_at
        elif (from_at, until_at) != (self._view.span_from, self._view.span_until):
            self._view = self._view.respanned(from_at, until_at)
        self._redraw()

    def show(self, answer: Timeline | None, *, title: str) -> None:
        """Draw an answer; None while there is none.

        Args:
            answer: of the window; one of another window (it was overtaken) is drawn all the same.
            title: whose timeline it is; plain text, which may be hostile.
        """
        self._answer = None if answer is None else self._inside_span(answer)
        self._title = title
        self._redraw()

    def _inside_span(self, answer: Timeline) -> Timeline:
        """The answer without what is not logged outside of the whole span, where nobody asks."""
        if self._view is None:
            return answer
        begin, end = self._view.span_from, self._view.span_until
        inside = [gap for gap in answer.gaps if gap.from_at < end and gap.until_at > begin]
        gaps = tuple(Gap(max(gap.from_at, begin), min(gap.until_at, end), gap.source) for gap in inside)
        return replace(answer, gaps=gaps)

    def action_bin(self, by: int) -> None:
        """Move the cursor by bins; the window follows it."""
        if self._view is not None:
            self._walk_to(self._cursor_begin() + by * self._view.width)

    def action_page(self, by: int) -> None:
        """Move the window by its own length, and the cursor with it."""
        if self._view is not None:
            moved = self._view.moved(by * self._view.bins)
            shift = moved.from_at - self._view.from_at
            target = self._cursor + shift
            if shift == 0:
                target = self._view.from_at if by < 0 else self._view.until_at - 1
            self._cursor = target
            self._look_at(moved)

    def action_zoom_in(self) -> None:
        """Narrower bins, around the cursor."""
        self._zoom(1)

    def action_zoom_out(self) -> None:
        """Wider bins, around the cursor."""
        self._zoom(-1)

    def action_whole_span(self) -> None:
        """Everything there is."""
        if self._view is not None:
            self._look_at(TimeWindow.whole(self._view.span_from, self._view.span_until, self._view.columns))

    def action_marker(self, by: int) -> None:
        """To the next or previous bin in view that has a marker."""
        if self._view is None or self._answer is None:
            return
        here = self._cursor_begin()
        until = here + self._view.width
        # The instant itself, not its bin's begin: zooming in afterwards ends on the marker.
        targets = [one.at for one in self._in_view() if (one.at >= until if by > 0 else one.at < here)]
        if targets:
            self._walk_to(min(targets) if by > 0 else max(targets))
            self._say_markers()
        else:
            self._refuse(f"no {'later' if by > 0 else 'earlier'} marker in view; 0 shows the whole span")

    def action_picture(self) -> None:
        """Have the bars count something else."""
        self._picture_number = (self._picture_number + 1) % len(PICTURES)
        self._redraw()
        if isinstance(self.screen, WorkScreen):
            self.screen.say(f"bars: {PICTURES[self._picture_number][2]}")

    def action_go_to_date(self) -> None:
        """Ask for a date and put the cursor on it."""
        if self._view is not None:
            self._ask_for_date("")

    def _ask_for_date(self, typed: str) -> None:
        from tui.screens.dialogs import LinePrompt

        prompt = LinePrompt("Go to", hint="2019-10-05, 2019-10, or -60d before the end", text=typed)
        self.app.push_screen(prompt, self._typed_date)

    def action_drill(self) -> None:
        """Ask for the raw events of the bin under the cursor."""
        cursor = self.cursor
        if cursor is not None:
            self.post_message(self.Drill(self, *cursor))

    def on_click(self, event: events.Click) -> None:
        """Put the cursor on the bin that was clicked."""
        if self._view is None or self._answer is None:
            return
        offset = event.get_content_offset(self)
        plan = layout(self.content_size.width, self.content_size.height)
        if offset is not None and 0 <= offset.x - plan.gutter < plan.columns:
            wide = max(min(plan.columns // self._view.bins, 8), 1)
            bin_number = min((offset.x - plan.gutter) // wide, self._view.bins - 1)
            self._walk_to(self._view.from_at + bin_number * self._view.width)

    def on_resize(self) -> None:
        """Ask for as many bins as there is room for now."""
        if self._view is None:
            return
        resized = self._view.resized(self._columns())
        if resized != self._view:
            self._look_at(resized)
        else:
            self._redraw()

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
        rows = self._picture()
        base = self.rich_style
        if y >= len(rows):
            return Strip.blank(width, base)
        return Strip([Segment(text, base + self._style(name)) for text, name in rows[y]], width)

    def _picture(self) -> list[list[Run]]:
        if self._rows is None:
            size = self.content_size
            cursor = self._cursor_bin() if self.has_focus else None
            kinds = PICTURES[self._picture_number][0]
            self._rows = draw(self._answer, size.width, size.height, cursor=cursor, kinds=kinds)
        return self._rows

    def _style(self, name: str) -> Style:
        if name not in self._palette:
            style = Style()
            for part in name.split():
                style += self.get_component_rich_style(f"timeline--{part}", partial=True)
            self._palette[name] = style
        return self._palette[name]

    def _columns(self) -> int:
        size = self.content_size
        return layout(size.width, size.height).columns if size.width else _BEFORE_LAYOUT

    def _cursor_begin(self) -> int:
        cursor = self.cursor
        return self._cursor if cursor is None else cursor[0]

    def _cursor_bin(self) -> int | None:
        """The number of the cursor's bin in the answer that is drawn."""
        if self._answer is None:
            return None
        begin = self._cursor_begin()
        return next((i for i, one in enumerate(self._answer.bins) if one.from_at <= begin < one.until_at), None)

    def _in_view(self) -> list[Marker]:
        if self._answer is None or self._view is None:
            return []
        return markers_in(self._answer, self._view.from_at, self._view.until_at)

    def _zoom(self, steps: int) -> None:
        if self._view is not None:
            self._look_at(self._view.zoomed(steps, self._cursor))

    def _walk_to(self, instant: int) -> None:
        if self._view is None:
            return
        last = max(self._view.span_until, self._view.until_at if self._view.is_whole else 0) - 1
        self._cursor = min(max(instant, self._view.span_from), last)
        if self._view.from_at <= self._cursor < self._view.until_at:
            self._redraw()
        else:
            by = (self._cursor - self._view.from_at) // self._view.width
            self._look_at(self._view.moved(by if by < 0 else by - self._view.bins + 1))

    def _typed_date(self, typed: str | None) -> None:
        if typed is None or not typed.strip() or self._view is None:
            return
        try:
            instant = parse_date(typed, self._view.span_until)
        except ValueError as error:
            self._refuse(str(error))
            self._ask_for_date(typed)
            return
        if not self._view.span_from <= instant < self._view.span_until:
            span = f"{day(self._view.span_from)} .. {last_day(self._view.span_until)}"
            self._refuse(f"{day(instant)} is outside of {span}")
            self._ask_for_date(typed)
            return
        self._cursor = instant
        self._look_at(self._view.showing(instant))

    def _say_markers(self) -> None:
        """What stands at the cursor, in full: the line below the bars may have no room for it."""
        begin = self._cursor_begin()
        width = 0 if self._view is None else self._view.width
        here = [one for one in self._in_view() if begin <= one.at < begin + width]
        if here and isinstance(self.screen, WorkScreen):
            self.screen.say(", ".join(marker_words(here, begin)))

    def _refuse(self, why: str) -> None:
        """Say why a key does nothing."""
        if isinstance(self.screen, WorkScreen):
            self.screen.say(why, "refused")

    def _look_at(self, view: TimeWindow) -> None:
        changed = self._view is None or (view.from_at, view.width, view.bins) != (
            self._view.from_at,
            self._view.width,
            self._view.bins,
        )
        self._view = view
        # Kept as it is inside the window, so that zooming in and out does not make it wander.
        self._cursor = min(max(self._cursor, view.from_at), view.until_at - 1)
        if changed:
            self.post_message(self.WindowChanged(self, view.from_at, view.until_at))
        self._redraw()

    def _redraw(self) -> None:
        self._rows = None
        self.border_title = self._heading()
        self.border_subtitle = Content(self._below())
        self.refresh()

    def _heading(self) -> Content:
        """Whose time it is and how long a bin is; a narrow pane cuts the name, never the length."""
        name = clean(self._title, limit=60)
        if self._answer is None or not self._answer.bins:
            return Content.assemble(f"{self._pane_heading} ", (name, "bold"))
        bins = self._answer.bins
        per = f"per {width_words(bins[0].until_at - bins[0].from_at)}"
        room = self.content_size.width - len(self._pane_heading) - 5
        said = f"   {PICTURES[self._picture_number][1]} {per}"
        if room < cell_len(name) + len(said):
            said = f"   {per}" if self._picture_number == 0 else said
            name = fit(name, min(cell_len(name), max(room - len(said), 4)))
        return Content.assemble(f"{self._pane_heading} ", (name, "bold"), said)

    def _below(self) -> str:
        """The line in the lower border: the bin under the cursor, or the whole window."""
        answer = self._answer
        if answer is None or not answer.bins:
            return ""
        at = self._cursor_bin() if self.has_focus else None
        rows = answer.bins if at is None else answer.bins[at : at + 1]
        from_at, until_at = rows[0].from_at, rows[-1].until_at
        total: tuple[int, int, int, int] = (0, 0, 0, 0)
        for row in rows:
            a, b = total, bin_counts(row)
            total = (a[0] + b[0], a[1] + b[1], a[2] + b[2], a[3] + b[3])
        gap = any(one.from_at < until_at and one.until_at > from_at for one in answer.gaps)
        when = "in view" if at is None else interval_words(from_at, until_at)
        said = f"{when}: {counts_words(total, gap=gap)}"
        if len(said) > self.content_size.width - 2:
            said = f"{when}: {counts_signs(total, gap=gap)}"
        here = [] if at is None else markers_in(answer, from_at, until_at)
        return "; ".join([said, *marker_words(here, from_at)])
