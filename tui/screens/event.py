"""One event in full: what the log told, why it has its verdict, which imports hold it, and the raw record."""

from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.content import Content
from textual.message import Message
from textual.widgets import Static

from store import raw_record, why
from store.connection import Store
from store.event_words import event_lines, raw_lines, why_lines
from store.events import EventRow
from store.raw_record import RawAnswer
from store.stopping import Stop
from store.why import Why
from store.why_words import Line
from tui.screens.details import MOST_SHOWN, DetailsBox
from tui.text import clean, wrapped

_DOING = {"checking": "checking that the file is the one imported (SHA-256)", "reading": "reading"}
_NAMES_WIDTH = 12
_LEAST_ROOM = 20
_WIDTH, _BORDERS = 100, 5


class EventDialog(DetailsBox):
    """The box; it closes whatever is still being read."""

    DEFAULT_CSS = "EventDialog > .details { width: 100; }"

    class Progress(Message):
        """How far the reading of the original file is, as one line."""

        def __init__(self, said: str) -> None:
            super().__init__()
            self.said = said

        def can_replace(self, message: Message) -> bool:
            """Only the last of a burst matters."""
            return isinstance(message, EventDialog.Progress)

    def __init__(self, store: Store, event: EventRow) -> None:
        """Show an event; why, and the raw record, follow when they are read."""
        super().__init__()
        self._store = store
        self._event = event
        self._stop = Stop()
        self._why: Why | None = None
        self._why_said = "reading"
        self._raw: RawAnswer | None = None
        self._raw_said = "reading"

    def compose(self) -> ComposeResult:
        """Names at the left, values at the right."""
        with VerticalScroll(classes="details") as box:
            yield Static(markup=False, id="facts")
        box.border_title = Content("Event")
        box.border_subtitle = Content("j k scroll   G the raw record   esc closes")

    def on_mount(self) -> None:
        """The answers come when they come."""
        from tui.app import OverscopeApp

        self._draw()
        app = self.app
        assert isinstance(app, OverscopeApp)
        store, event, stop = self._store, self._event, self._stop
        app.run_question(self, "why", lambda: why.why(store, event.key), self._show_why, self._no_why)
        app.run_question(
            self,
            "raw record",
            lambda: raw_record.raw_record(
                store, event.import_id, event.record_no, progress=self._tell_progress, stop=stop
            ),
            self._show_raw,
            self._no_raw,
        )

    def on_unmount(self) -> None:
        """Read no further."""
        self._stop.ask()

    def on_resize(self) -> None:
        """Lines are as wide as there is room."""
        self.call_after_refresh(self._draw)

    def _tell_progress(self, what: str, part: float | None) -> None:
        """From the reading thread."""
        self.post_message(self.Progress(_DOING[what] + ("" if part is None else f": {part:.0%}")))

    def on_event_dialog_progress(self, message: Progress) -> None:
        """Say how far it is."""
        message.stop()
        if self._raw is None and message.said != self._raw_said:
            self._raw_said = message.said
            self._draw()

    def _show_why(self, answer: Why) -> None:
        self._why = answer
        self._draw()

    def _no_why(self, error: Exception) -> None:
        self._why_said = str(error)
        self._draw()

    def _show_raw(self, answer: RawAnswer) -> None:
        self._raw = answer
        self._draw()

    def _no_raw(self, error: Exception) -> None:
        self._raw_said = str(error)
        self._draw()

    def _draw(self) -> None:
        self.query_one("#facts", Static).update(self._content())

    def _content(self) -> Content:
        found, raw = self._why, self._raw
        # Before the first layout the box has no width yet.
        inside = self.query_one(".details", VerticalScroll).scrollable_content_region.width
        width = inside or min(self.app.size.width, _WIDTH) - _BORDERS
        reasons = why_lines(found) if found is not None else [("", self._why_said)]
        parts = [
            *_section("", event_lines(self._event), width),
            *_section("Why", reasons, width),
            *_section("Raw record", raw_lines(raw) if raw is not None else [("", self._raw_said)], width),
        ]
        return Content("").join(parts)


def _section(heading: str, facts: list[Line], width: int) -> list[Content]:
    """A heading and its lines; what is longer than a line goes on below its begin."""
    parts = [Content.styled(f"\n{heading}\n", "$head bold")] if heading else []
    room = max(width - _NAMES_WIDTH - 2, _LEAST_ROOM)
    for name, value in facts:
        for place, line in enumerate(wrapped(clean(value, MOST_SHOWN), room)):
            parts.append(Content.styled(f"{'' if place else name:<{_NAMES_WIDTH}}  ", "$quiet"))
            parts.append(Content(f"{line}\n"))
    return parts
