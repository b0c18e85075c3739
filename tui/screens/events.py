"""The raw events behind a bin of the timeline, oldest first, each with its verdict and the rule that decided it."""

from functools import partial

from textual import on
from textual.app import ComposeResult
from textual.content import Content

from store import events, partners
from store.connection import Store
from store.events import EventRow
from store.parameters import Parameters
from store.partners import PartnerRow
from tui.screens.base import WorkScreen
from tui.screens.details import DetailsDialog
from tui.text import clean, count, number
from tui.widgets.event_list import EventList, event_details
from tui.widgets.timeline_words import interval_words
from tui.widgets.virtual_list import VirtualList

FIRST_PAGE = 500
MOST_EVENTS = 64_000
_ALL_PARTNERS = "All partners"


class EventsScreen(WorkScreen):
    """Events in `[from_at, until_at)`; more are read as the cursor comes near the last one."""

    PANES = ("events",)
    DEFAULT_CSS = """
    EventsScreen #events { height: 1fr; }
    """

    def __init__(self, store: Store, partner: int | None, parameters: Parameters, from_at: int, until_at: int) -> None:
        """Show the events of a partner (internal id), or of everybody (None), in an interval, microseconds UTC."""
        super().__init__()
        self._store = store
        self._partner = partner
        self._parameters = parameters
        self._from_at = from_at
        self._until_at = until_at
        self._limit = FIRST_PAGE
        self._known: int | None = None
        self._whose = _ALL_PARTNERS if partner is None else ""

    def body(self) -> ComposeResult:
        """The list."""
        yield EventList(id="events", classes="pane")

    def on_mount(self) -> None:
        """Start on the first event."""
        super().on_mount()
        self.listed.focus()
        self._say_count()

    @property
    def listed(self) -> EventList:
        """The list."""
        return self.query_one(EventList)

    def ask_all(self) -> None:
        """Ask for the events, and for the partner's name."""
        store, parameters = self._store, self._parameters
        if self._partner is not None:
            self.overscope.run_question(self, "name", lambda: partners.partner_list(store, parameters), self._show_name)
        self._ask_events()

    @on(VirtualList.Moved)
    def _moved(self, message: VirtualList.Moved) -> None:
        """Read more before the end is reached."""
        message.stop()
        here = len(self.listed.rows)
        if here == self._limit and self._limit < MOST_EVENTS and message.cursor >= here - self.listed.page:
            self._limit = min(4 * self._limit, MOST_EVENTS)
            self._ask_events()

    @on(VirtualList.Opened)
    def _opened(self, message: VirtualList.Opened) -> None:
        message.stop()
        row = self.listed.current
        if row is not None:
            self.app.push_screen(DetailsDialog("Event", event_details(row)))

    def copied(self) -> str | None:
        """The event under the cursor."""
        row = self.listed.current
        return None if row is None else "; ".join(f"{name}: {value}" for name, value in event_details(row))

    def _ask_events(self) -> None:
        store, partner, limit = self._store, self._partner, self._limit
        span = self._from_at, self._until_at
        self.overscope.run_question(
            self,
            "events",
            lambda: events.events(store, partner, from_at=span[0], until_at=span[1], limit=limit),
            partial(self._show_events, limit),
        )

    def _show_events(self, limit: int, rows: list[EventRow]) -> None:
        self._known = None if len(rows) == limit else len(rows)
        self.listed.show(rows)
        self._say_count()

    def _show_name(self, rows: list[PartnerRow]) -> None:
        self._whose = next((row.name for row in rows if row.partner == self._partner), "")
        self._say_count()

    def _say_count(self) -> None:
        here = len(self.listed.rows)
        if self._known is None:
            many = f"the first {number(here)}, more follow" if here else "reading"
        else:
            many = count(self._known, "event") if self._known else "no event in the log"
        where = interval_words(self._from_at, self._until_at)
        self.listed.border_title = Content.assemble(
            "Events  ", (clean(self._whose, 60), "bold"), f"   {where}   {many}"
        )
