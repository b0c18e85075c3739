"""The timeline with the whole screen: taller bars, a lane for each source, the shape of access, and what is in view."""

from collections.abc import Callable
from functools import partial
from typing import ClassVar

from textual import events, on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal
from textual.content import Content

from store import figures, shape, timeline
from store.figures import Figures
from store.shape import Statement
from store.timeline import Week
from tui.keys import bindings
from tui.screens.base import WorkScreen
from tui.screens.timeline_work import Neighbour, TimelineWorkScreen
from tui.text import clean, count
from tui.time_cursor import WEEKS
from tui.widgets.in_view_list import InViewList, lines_in_view
from tui.widgets.shape_list import ShapeList
from tui.widgets.timeline import TimelinePane
from tui.widgets.timeline_pictures import Shown
from tui.widgets.virtual_list import VirtualList
from tui.widgets.week_list import WeekList

_WEEKS, _SHAPE = "Weeks since the rule, over all partners", "Shape of access"
Compared = Callable[[int], list[int]]


class TimelineScreen(TimelineWorkScreen):
    """A partner's timeline, or that of all of them; `z` or `esc` goes back to where it was opened from."""

    PANES = ("shape", "timeline", "inview")
    BINDINGS: ClassVar[list[BindingType]] = [*bindings("case screen")]
    DEFAULT_CSS = """
    TimelineScreen {
        #timeline { height: 1fr; }
        #told { height: 10; }
        #shape { width: 1fr; height: 1fr; }
        #inview { width: 42%; height: 1fr; }
        &.-tall #told { height: 34%; }
        &.-narrow #inview { display: none; }
        &.-squat #told { display: none; }
    }
    """

    def __init__(
        self, partner: int | None, title: str, *, compared: Compared, neighbour: Neighbour | None = None
    ) -> None:
        """Show a timeline.

        Args:
            partner: internal id; None: of all partners.
            title: the partner's name.
            compared: at most so many partners, for the picture of bands.
            neighbour: the row so many places further in the list it was opened from; None at its ends.
        """
        super().__init__()
        self._partner = partner
        self._title = title
        self._compared = compared
        self._neighbour = neighbour
        self._counts_weeks = False
        self._shape_of = partner

    def body(self) -> ComposeResult:
        """The picture; below it the shape, or the weeks of all partners, and what is in view."""
        yield TimelinePane(time=self.overscope.time, id="timeline", classes="pane")
        with Horizontal(id="told"):
            if self._partner is None:
                yield WeekList(id="shape", classes="pane")
            else:
                yield ShapeList(id="shape", classes="pane")
            yield InViewList(id="inview", classes="pane")

    def on_mount(self) -> None:
        """Start on the picture."""
        super().on_mount()
        self.timeline_pane.focus()
        told = self.query_one("#shape")
        told.border_title = Content(f"1 {_WEEKS if self._partner is None else _SHAPE}")
        told.border_subtitle = "1 counts them" if self._partner is None else "reading"
        self.query_one("#inview").border_title = Content("3 In view")

    # -- questions -------------------------------------------------------------------------------------------------

    def ask_all(self) -> None:
        """Ask for the span, the picture, and what stands below it."""
        app = self.overscope
        store, parameters, partner = app.store, app.parameters, self._partner
        app.run_question(self, "span", lambda: timeline.whole_span(store, partner), self._show_span)
        app.run_question(self, "figures", lambda: figures.figures(store, parameters), self._show_figures)
        if partner is not None:
            app.run_question(
                self,
                "shape",
                lambda: shape.shape_of_access(store, partner, parameters),
                partial(self._show_shape, partner, self._title),
            )
        elif self._counts_weeks:
            self._ask_weeks()

    def _ask_weeks(self) -> None:
        """Distinct people are counted from everybody's events: only once somebody looks at them."""
        self._counts_weeks = True
        app = self.overscope
        store, parameters = app.store, app.parameters
        self.query_one(WeekList).border_subtitle = "counting"
        app.run_question(self, "weeks", lambda: timeline.weeks_of_all(store, parameters), self._show_weeks)

    def _show_span(self, found: tuple[int, int]) -> None:
        self.timeline_pane.set_span(*found)
        self.ask_timeline()

    def _show_figures(self, answer: Figures) -> None:
        self._figures = answer
        self.timeline_pane.show(self.timeline_pane.shown, qualifier=self.read_qualifier())

    def _show_shape(self, partner: int, title: str, statements: tuple[Statement, ...]) -> None:
        self._shape_of = partner
        listed = self.query_one(ShapeList)
        listed.show(statements)
        listed.border_title = Content.assemble(f"1 {_SHAPE}   ", (clean(title, 60), "bold"))
        listed.border_subtitle = ""

    def _show_weeks(self, weeks: tuple[Week, ...]) -> None:
        listed = self.query_one(WeekList)
        listed.show(weeks)
        listed.border_subtitle = ""

    def shown_timeline(self, shown: Shown) -> None:
        """Say in words what the picture has besides the reads."""
        if shown.picture == WEEKS and self._partner is None:
            self._counts_weeks = True
            self._show_weeks(shown.weeks)
        lines = lines_in_view(shown.timeline)
        listed = self.query_one(InViewList)
        listed.show(lines)
        listed.border_title = Content(f"3 In view   {count(sum(line.at is not None for line in lines), 'line')}")

    def whose_timeline(self) -> tuple[int | None, str]:
        """The partner, or all of them."""
        return self._partner, self._title

    def compared(self, most: int) -> list[int]:
        """Whom the screen below compares; this partner is among them."""
        chosen = self._compared(most)
        if self._partner is not None and self._partner not in chosen:
            chosen = [self._partner, *chosen[: most - 1]]
        return chosen

    def on_descendant_focus(self, event: events.DescendantFocus) -> None:
        """Count the weeks when their list is looked at."""
        if event.widget.id == "shape" and self._partner is None and not self._counts_weeks:
            self._ask_weeks()

    # -- what the panes say, and the keys --------------------------------------------------------------------------

    @on(TimelinePane.CursorMoved)
    def _cursor_moved(self, message: TimelinePane.CursorMoved) -> None:
        message.stop()
        listed = self.query_one(InViewList)
        cursor = self.timeline_pane.cursor
        if cursor is not None and not listed.has_focus:
            listed.point_at(cursor[0])

    @on(VirtualList.Moved)
    def _moved(self, message: VirtualList.Moved) -> None:
        message.stop()

    @on(VirtualList.Opened)
    def _opened(self, message: VirtualList.Opened) -> None:
        message.stop()
        listed = message.list
        if isinstance(listed, InViewList):
            line = listed.current
            if line is not None and line.at is not None:
                self.timeline_pane.go_to(line.at)
        elif isinstance(listed, WeekList):
            week = listed.current
            if week is not None:
                self.open_events(None, week.from_at, week.until_at)
        elif isinstance(listed, ShapeList) and listed.current is not None:
            # The sentences are still those of the partner before while the next one's are read.
            self.open_statement(self._shape_of, listed.current)

    def action_neighbour(self, by: int) -> None:
        """The timeline of the next or previous partner of the list this one was opened from."""
        other = None
        if self._partner is not None and self._neighbour is not None:
            other = self._neighbour(self._partner, by)
        if other is None:
            self.say(f"no {'next' if by > 0 else 'previous'} partner in the list", "refused")
            return
        self._partner, self._title = other.partner, other.name
        self.ask_all()

    def action_maximise(self) -> None:
        """The picture has all there is: back to where it was opened from."""
        if self.timeline_pane.has_focus:
            self.app.pop_screen()
        else:
            WorkScreen.action_maximise(self)

    def action_pane(self, number: int) -> None:
        """Focus a pane; where it has no room beside the others, it gets all of it."""
        WorkScreen.action_pane(self, number)

    def step_back(self) -> bool:
        """Drop the range, else take the body back from a pane, else close."""
        return self.drop_timeline_range() or super().step_back()

    def copied(self) -> str | None:
        """What the line below the picture says: of the range, or of the bin under the cursor."""
        said = self.timeline_pane.told
        return f"{clean(self._title, 80)}: {said}" if said else None
