"""What every screen with a timeline does: asks for what its pane wants, for a range's figures, and opens events."""

from collections.abc import Callable
from functools import partial

from textual import on

from store import timeline
from store.event_filters import EventFilters, Term
from store.figures import Figures
from store.partners import PartnerRow
from store.shape import Statement
from store.timeline import RangeFigures
from tui.screens.base import WorkScreen
from tui.timeline_answers import nearest_marker, picture_of
from tui.widgets.timeline import TimelinePane
from tui.widgets.timeline_pictures import Shown

Neighbour = Callable[[int, int], PartnerRow | None]
# While a range grows with the cursor, its figures wait.
RANGE_PAUSE_S = 0.1


class TimelineWorkScreen(WorkScreen):
    """A full screen with one timeline; subclasses say whose it is, and keep the figures that they show."""

    _figures: Figures | None = None

    @property
    def timeline_pane(self) -> TimelinePane:
        """The timeline."""
        return self.query_one(TimelinePane)

    def whose_timeline(self) -> tuple[int | None, str]:
        """The partner's internal id and name; None for all of them."""
        raise NotImplementedError

    def partner_here(self) -> tuple[int, str] | None:
        """Whose timeline it is."""
        partner, name = self.whose_timeline()
        return None if partner is None else (partner, name)

    def compared(self, most: int) -> list[int]:
        """The internal ids of at most so many partners that the picture of bands compares."""
        raise NotImplementedError

    def read_qualifier(self) -> str:
        """The qualifier of everything that was read: that of a range's figures, too."""
        return "at_least" if self._figures is None else self._figures.accessed.qualifier

    def ask_timeline(self, *, pause: float = 0) -> None:
        """Ask for what the pane wants; until it is there, the old picture stays.

        Args:
            pause: seconds without another question before this one is asked.
        """
        wanted = self.timeline_pane.wanted()
        if wanted is None:
            return
        whose, title = self.whose_timeline()
        compared = self.compared(wanted.bands) if wanted.bands else []
        store, parameters = self.overscope.store, self.overscope.parameters
        self.overscope.run_question(
            self,
            "timeline",
            lambda: picture_of(store, parameters, wanted, whose, title, compared),
            self._show_timeline,
            pause=pause,
        )

    def _show_timeline(self, shown: Shown) -> None:
        self.timeline_pane.show(shown, qualifier=self.read_qualifier())
        self.shown_timeline(shown)

    def shown_timeline(self, shown: Shown) -> None:
        """An answer was drawn: a screen may say more about it."""

    def drop_timeline_range(self) -> bool:
        """Drop the range; whether there was one."""
        dropped = self.timeline_pane.drop_range()
        if dropped:
            self.say("range dropped")
        return dropped

    def on_screen_resume(self) -> None:
        """Be where in time the screen that lay over this one has gone."""
        super().on_screen_resume()
        self.timeline_pane.take_up()

    @on(TimelinePane.WindowChanged)
    def _window_changed(self, message: TimelinePane.WindowChanged) -> None:
        message.stop()
        self.ask_timeline()

    @on(TimelinePane.RangeChosen)
    def _range_chosen(self, message: TimelinePane.RangeChosen) -> None:
        message.stop()
        store, whose = self.overscope.store, message.partner
        from_at, until_at = message.from_at, message.until_at
        self.overscope.run_question(
            self,
            "range",
            lambda: timeline.range_figures(store, whose, from_at=from_at, until_at=until_at),
            self._show_range,
            pause=RANGE_PAUSE_S,
        )

    def _show_range(self, figures: RangeFigures) -> None:
        self.timeline_pane.show_range(figures)

    @on(TimelinePane.MarkerWanted)
    def _marker_wanted(self, message: TimelinePane.MarkerWanted) -> None:
        message.stop()
        store, whose, by = self.overscope.store, message.partner, message.by
        ahead = message.from_at, message.until_at
        self.overscope.run_question(
            self, "marker", lambda: nearest_marker(store, whose, ahead, by), partial(self._show_marker, by)
        )

    def _show_marker(self, by: int, found: int | None) -> None:
        if found is None:
            self.timeline_pane.no_marker(by)
        else:
            self.timeline_pane.go_to(found)

    @on(TimelinePane.Drill)
    def _drill(self, message: TimelinePane.Drill) -> None:
        message.stop()
        self.open_events(message.partner, message.from_at, message.until_at)

    def neighbour_of(self) -> Neighbour | None:
        """The row so many places further in the list that this screen shows or was opened from; None without one."""
        return None

    def open_timeline(self) -> None:
        """Give the timeline the whole screen."""
        from tui.screens.timeline import TimelineScreen

        whose, title = self.whose_timeline()
        self.app.push_screen(TimelineScreen(whose, title, compared=self.compared, neighbour=self.neighbour_of()))

    def action_maximise(self) -> None:
        """The focused pane gets the whole body; the timeline a screen of its own, with more about it."""
        if self.timeline_pane.has_focus:
            self.open_timeline()
        else:
            super().action_maximise()

    def action_pane(self, number: int) -> None:
        """Focus a pane; the timeline, when it has the focus already, gets a screen of its own."""
        pane = self.timeline_pane
        if pane.has_focus and self.PANES[number - 1 : number] == (pane.id,):
            self.open_timeline()
        else:
            super().action_pane(number)

    def open_statement(self, whose: int | None, statement: Statement) -> None:
        """Open the events that a sentence rests on."""
        filters = EventFilters(
            verdicts=() if statement.verdict is None else (statement.verdict,),
            resources=() if statement.resource is None else (Term(statement.resource, exact=True),),
            after_removal=statement.after_removal,
        )
        self.open_events(whose, statement.from_at, statement.until_at, filters)

    def open_events(
        self, whose: int | None, from_at: int | None, until_at: int | None, filters: EventFilters | None = None
    ) -> None:
        """Open the raw events of a partner (None: of all) in `[from_at, until_at)`, microseconds UTC, or unbounded."""
        from tui.screens.events import EventsScreen

        app = self.overscope
        self.app.push_screen(EventsScreen(app.store, whose, app.parameters, from_at, until_at, filters=filters))
