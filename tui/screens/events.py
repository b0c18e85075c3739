"""The raw events behind a number or a bin of the timeline: any number of them, filtered, each with its verdict."""

from functools import partial
from typing import ClassVar, NamedTuple

from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.content import Content
from textual.widgets import Input

from store import event_pages, names
from store.connection import Store
from store.errors import UsageError
from store.event_filters import SYNTAX, EventFilters, filters_text, parse_filters
from store.event_pages import EventPage, EventQuestion
from store.event_words import event_lines
from store.events import EventKey
from store.instants import format_instant
from store.names import PartnerName
from store.parameters import Parameters
from store.readers import filters_of
from store.stopping import Stop
from tui.keys import bindings
from tui.screens.base import WorkScreen
from tui.screens.dialogs import LinePrompt
from tui.text import clean, count, number
from tui.widgets.event_list import BLOCK, EventList
from tui.widgets.filter_line import FilterLine
from tui.widgets.timeline_words import interval_words, parse_date
from tui.widgets.virtual_list import VirtualList

_ALL_PARTNERS = "All partners"
# Seconds without another key before what is typed is looked for.
_PAUSE_S = 0.2
_FIRST_ROWS = 2 * BLOCK


class _Opening(NamedTuple):
    """The first page of a selection, and the place to put the cursor on."""

    cursor: int
    page: EventPage


class EventsScreen(WorkScreen):
    """Events in `[from_at, until_at)`, as many as there are; `/` filters them."""

    PANES = ("events",)
    BINDINGS: ClassVar[list[BindingType]] = [*bindings("list.filter", "events")]
    DEFAULT_CSS = """
    EventsScreen #events { height: 1fr; }
    """

    def __init__(
        self,
        store: Store,
        partner: int | None,
        parameters: Parameters,
        from_at: int | None,
        until_at: int | None,
        *,
        filters: EventFilters | None = None,
        subject: str | None = None,
        resource: str | None = None,
    ) -> None:
        """Show the events of a partner (internal id), or of everybody (None), in an interval, microseconds UTC.

        Args:
            from_at: None: from the first event on; `until_at`: None: to the last.
            filters: what they must be at first; whoever looks can change it.
            subject: only this person's; `resource`: only this resource's.
        """
        super().__init__()
        self._store = store
        self._parameters = parameters
        if filters is None and subject is not None:
            filters = filters_of("subject", subject)
        elif filters is None and resource is not None:
            filters = filters_of("resource", resource)
        self._question = EventQuestion(partner, from_at, until_at, filters or EventFilters())
        self._first_filter = self._filter_text = filters_text(self._question.filters)
        self._complaint = ""
        self._said_place = ""
        self._stop = Stop()
        self._is_reading = True
        self._is_new = True
        self._is_unread = False
        self._whose = _ALL_PARTNERS if partner is None else ""

    def body(self) -> ComposeResult:
        """The list, and the filter's line."""
        yield EventList(of_all=self._question.partner is None, id="events", classes="pane")
        yield FilterLine(placeholder=SYNTAX, id="filter")

    def on_mount(self) -> None:
        """Start on the first event."""
        super().on_mount()
        self.listed.focus()
        self._say_count()

    def on_unmount(self) -> None:
        """Nobody waits for an answer any more."""
        self._stop.ask()

    @property
    def listed(self) -> EventList:
        """The list."""
        return self.query_one(EventList)

    # -- questions -------------------------------------------------------------------------------------------------

    def ask_all(self) -> None:
        """Ask for the events around the one under the cursor, and for the partner's name."""
        store, partner = self._store, self._question.partner
        if partner is not None:
            self.overscope.run_question(self, "name", lambda: names.name_of(store, partner), self._show_name)
        row = self.listed.current
        self._begin(None if row is None else row.key)

    def _begin(self, key: EventKey | None = None, *, pause: float = 0) -> None:
        """Ask for a selection anew: the page around this event, or else around its instant; without one the first."""
        self._stop.ask()
        self._stop = stop = Stop()
        self._is_reading = self._is_new = True
        store, question = self._store, self._question
        self.overscope.run_question(
            self, "page", lambda: _open(store, question, key, stop), self._opened, self._failed, pause=pause
        )

    def _opened(self, opening: _Opening) -> None:
        self._is_reading = self._is_new = self._is_unread = False
        self.listed.begin(opening.page, opening.cursor)
        self._say_count()
        self._read_on()

    def _failed(self, error: Exception) -> None:
        # Of a list that never came nobody may say that it is empty.
        self._is_unread = self._is_unread or self._is_new
        self._is_reading = self._is_new = False
        self.overscope.show_error(error)
        self._say_count()

    def _read_on(self) -> None:
        """Read the rows that are in view, or near it, and not here; one question at a time."""
        wanted = self.listed.missing()
        if self._is_reading or wanted is None:
            return
        self._is_reading = True
        store, question, stop = self._store, self._question, self._stop
        first, stop_at = wanted
        self.overscope.run_question(
            self,
            "page",
            lambda: event_pages.event_page(store, question, first=first, limit=stop_at - first, stop=stop),
            self._show_page,
            self._failed,
        )

    def _show_page(self, page: EventPage) -> None:
        self._is_reading = False
        if page.total != self.listed.total:
            # The evidence changed meanwhile: places mean other events now.
            self.ask_all()
            return
        self.listed.show(page)
        if page.rows:
            self._read_on()

    def _show_name(self, found: PartnerName) -> None:
        self._whose = found.name
        self._say_count()

    # -- what the list says, and the keys --------------------------------------------------------------------------

    @on(EventList.Wanted)
    def _wanted(self, message: EventList.Wanted) -> None:
        message.stop()
        self._read_on()

    @on(VirtualList.Moved)
    def _moved(self, message: VirtualList.Moved) -> None:
        message.stop()
        self._say_place()

    @on(VirtualList.Opened)
    def _row_opened(self, message: VirtualList.Opened) -> None:
        message.stop()
        from tui.screens.event import EventDialog

        row = self.listed.current
        if row is None:
            self.say("this event is still being read", "refused")
        else:
            self.app.push_screen(EventDialog(self._store, row))

    def action_filter(self) -> None:
        """Open the filter line."""
        self.query_one(FilterLine).open(self._filter_text)

    @on(Input.Changed, "#filter-text")
    def _filter_changed(self, message: Input.Changed) -> None:
        message.stop()
        self._filter(message.value)

    @on(FilterLine.Closed)
    def _filter_closed(self, message: FilterLine.Closed) -> None:
        message.stop()
        self.listed.focus()

    def _filter(self, text: str) -> None:
        """Show what a line of text asks for; while it makes no sense, what was shown before."""
        self._filter_text = text
        try:
            filters = parse_filters(text)
        except UsageError as error:
            self._complaint = str(error)
            self._say_place()
            return
        self._complaint = ""
        if filters == self._question.filters:
            self._say_count()
            return
        row = self.listed.current
        self._question = EventQuestion(self._question.partner, self._question.from_at, self._question.until_at, filters)
        self._begin(None if row is None else row.key, pause=_PAUSE_S)
        self._say_count()

    def action_go_to_date(self) -> None:
        """Ask for a time, and go there."""
        self.app.push_screen(_date_prompt(), self._typed_date)

    def _typed_date(self, typed: str | None) -> None:
        if not typed:
            return
        until = self._question.until_at
        last = self.listed.current
        end = until if until is not None else 0 if last is None else last.occurred_at
        try:
            at = parse_date(typed, end)
        except (ValueError, OverflowError) as error:
            self.say(str(error), "refused")
            self.overscope.push_when_free(_date_prompt(typed, str(error)), self._typed_date)
            return
        store, question, stop = self._store, self._question, self._stop
        self.overscope.run_question(
            self,
            "place",
            lambda: event_pages.place_at(store, question, at, stop=stop),
            partial(self._go_to_time, at),
        )

    def _go_to_time(self, at: int, place: int) -> None:
        total = self.listed.total
        if place >= total:
            self.say(f"no event from {format_instant(at)} on" + ("; this is the last one" if total else ""), "refused")
        self.listed.cursor = place

    def action_restricted(self, by: int) -> None:
        """Go to the next, or the previous, restricted read."""
        store, question, place, stop = self._store, self._question, self.listed.cursor, self._stop
        self.overscope.run_question(
            self,
            "place",
            lambda: event_pages.next_event(store, question, place, forward=by > 0, stop=stop),
            partial(self._go_to_restricted, by),
        )

    def _go_to_restricted(self, by: int, place: int | None) -> None:
        if place is None:
            self.say(f"no restricted read {'after' if by > 0 else 'before'} this one", "refused")
        else:
            self.listed.cursor = place

    def named(self, kind: str) -> str | None:
        """The person, or the resource, of the event under the cursor."""
        row = self.listed.current
        if row is None:
            return None
        return row.subject_id if kind == "subject" else row.resource_id

    def step_back(self) -> bool:
        """Close the filter line, take the body back, then filter as at first, then close the screen."""
        if self.query_one(FilterLine).close() or super().step_back():
            return True
        if self._filter_text == self._first_filter:
            return False
        self.query_one(FilterLine).clear()
        self._filter(self._first_filter)
        return True

    def copied(self) -> str | None:
        """The event under the cursor."""
        row = self.listed.current
        return None if row is None else "; ".join(f"{name}: {value}" for name, value in event_lines(row))

    # -- what the borders say ----------------------------------------------------------------------------------------

    def _say_count(self) -> None:
        total = self.listed.total
        many = count(total, "event") if total else "no event in the log"
        if self._is_unread:
            many = "not read: R tries again"
        filtered = filters_text(self._question.filters)
        parts = [self._interval(), "reading" if self._is_new else many]
        parts += [f"filter: {clean(filtered, 80)}"] if filtered else []
        self.listed.border_title = Content.assemble(
            "Events  ", (clean(self._whose, 60), "bold"), "   ", "   ".join(parts)
        )
        self._say_place()

    def _interval(self) -> str:
        from_at, until_at = self._question.from_at, self._question.until_at
        if from_at is not None and until_at is not None:
            return interval_words(from_at, until_at)
        since = "" if from_at is None else f"from {format_instant(from_at)}"
        until = "" if until_at is None else f"until {format_instant(until_at)}"
        return " ".join(part for part in (since, until) if part) or "the whole log"

    def _say_place(self) -> None:
        total = self.listed.total
        place = f"{number(self.listed.cursor + 1)} of {number(total)}" if total else ""
        said = clean(self._complaint, 200) or place
        if said != self._said_place:
            self._said_place = said
            self.listed.border_subtitle = Content(said)


def _open(store: Store, question: EventQuestion, key: EventKey | None, stop: Stop) -> _Opening:
    """The page around an event, or around its instant where it is not among those asked for; the first page else."""
    cursor = 0
    if key is not None:
        place = event_pages.place_of_event(store, question, key, stop=stop)
        cursor = event_pages.place_at(store, question, key.occurred_at, stop=stop) if place is None else place
    first = max(cursor // BLOCK - 1, 0) * BLOCK
    page = event_pages.event_page(store, question, first=first, limit=_FIRST_ROWS, stop=stop)
    if first and not page.rows:
        first = max(page.total - 1, 0) // BLOCK * BLOCK
        page = event_pages.event_page(store, question, first=first, limit=_FIRST_ROWS, stop=stop)
    return _Opening(cursor, page)


def _date_prompt(text: str = "", refusal: str = "") -> LinePrompt:
    hint = "2019-10-05, 2019-10, -60d or 2019-10-05T14:00:00Z"
    return LinePrompt("Go to", hint=hint, text=text, refusal=refusal)
