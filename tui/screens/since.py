"""What changed since this person was here last: a box over the board, which `,` opens and `esc` closes."""

from collections.abc import Callable

from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.content import Content
from textual.widgets import Static

from store.since import Since
from store.since_words import departure_words, sections
from tui.screens.details import DetailsBox
from tui.text import wrapped

_WIDTH, _BORDERS = 110, 5
_INDENT = "  "


class SinceDialog(DetailsBox):
    """The box; what is in it follows when it is read."""

    DEFAULT_CSS = f"SinceDialog > .details {{ width: {_WIDTH}; }}"

    def __init__(self, question: Callable[[], Since]) -> None:
        """Show what is new.

        Args:
            question: answers it; asked in a thread.
        """
        super().__init__()
        self._question = question
        self._news: Since | None = None
        self._said = "reading"

    def compose(self) -> ComposeResult:
        """One text."""
        with VerticalScroll(classes="details") as box:
            yield Static(markup=False, id="news")
        box.border_title = Content("Since you left")
        box.border_subtitle = Content("j k scroll   esc closes")

    def on_mount(self) -> None:
        """The answer comes when it comes."""
        from tui.app import OverscopeApp

        self._draw()
        app = self.app
        assert isinstance(app, OverscopeApp)
        app.run_question(self, "since", self._question, self._show, self._failed)

    def on_resize(self) -> None:
        """Lines are as wide as there is room."""
        self.call_after_refresh(self._draw)

    def _show(self, news: Since) -> None:
        self._news = news
        self._draw()

    def _failed(self, error: Exception) -> None:
        self._said = str(error)
        self._draw()

    def _draw(self) -> None:
        self.query_one("#news", Static).update(self._content())

    def _content(self) -> Content:
        news = self._news
        if news is None:
            return Content(self._said)
        # Before the first layout the box has no width yet.
        inside = self.query_one(".details", VerticalScroll).scrollable_content_region.width
        width = inside or min(self.app.size.width, _WIDTH) - _BORDERS
        told = sections(news)
        begin = "first time here: all is new, in short" if news.first_time else departure_words(news.left)
        parts = [Content.styled(f"{begin if told else f'{begin}: nothing is new'}\n", "$quiet")]
        for title, lines in told:
            parts.append(Content.styled(f"{'' if news.first_time else chr(10)}{title}\n", "$head bold"))
            for line in lines:
                for place, part in enumerate(wrapped(line, width - 2 * len(_INDENT))):
                    parts.append(Content(f"{_INDENT if place == 0 else 2 * _INDENT}{part}\n"))
        return Content("").join(parts)
