"""The filter's line: typed text narrows the list at once; `enter` or `esc` gives the keys back to the list.

It stands where the message bar stands, so that nothing else moves and is drawn anew.
"""

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal
from textual.message import Message
from textual.widgets import Static

from tui.keys import bindings
from tui.widgets.bars import MessageBar
from tui.widgets.fields import TextField


class FilterField(TextField):
    """What is typed."""

    BINDINGS: ClassVar[list[BindingType]] = [*bindings("dialogs")]

    def action_cancel(self) -> None:
        """Close; a second `esc` clears the filter."""
        self.query_ancestor(FilterLine).close()

    def action_confirm(self) -> None:
        """Close, keeping the filter."""
        self.query_ancestor(FilterLine).close()

    def on_blur(self) -> None:
        """A click elsewhere closes it, too."""
        self.query_ancestor(FilterLine).close()


class FilterLine(Horizontal):
    """One line at the foot, shown only while it is typed in; the message bar waits until then."""

    DEFAULT_CSS = """
    FilterLine {
        display: none;
        height: 1;
        padding: 0 1;
        background: $panel;
        &.-open { display: block; }
        & > Static { width: auto; color: $accent; }
        & > #filter-sign { width: 2; text-style: bold; }
        & > FilterField { width: 1fr; }
    }
    """

    class Closed(Message):
        """The line is closed; the filter stays."""

    def __init__(self, *, placeholder: str = "filter by name, id, app or note", id: str | None = None) -> None:  # noqa: A002
        """A line, hidden at first.

        Args:
            placeholder: what may be typed.
        """
        super().__init__(id=id)
        self._placeholder = placeholder

    def compose(self) -> ComposeResult:
        """The key that opened it, and what is typed."""
        yield Static("/", markup=False, id="filter-sign")
        yield FilterField(placeholder=self._placeholder, id="filter-text")
        yield Static("", markup=False, id="filter-remark")

    @property
    def field(self) -> FilterField:
        """Where one types."""
        return self.query_one(FilterField)

    def open(self, text: str) -> None:
        """Show the line with the filter in force, and take the keys."""
        self.field.value = text
        self.field.cursor_position = len(text)
        self.add_class("-open")
        self._show_message_bar(False)
        self.field.focus()

    def remark(self, text: str) -> None:
        """What the message bar would say at its right; it must be clean."""
        self.query_one("#filter-remark", Static).update(text)

    def _show_message_bar(self, shown: bool) -> None:
        for bar in self.screen.query(MessageBar):
            bar.display = shown

    def clear(self) -> None:
        """Forget what was typed."""
        self.field.value = ""

    def close(self) -> bool:
        """Hide the line and give the keys back; whether it was open."""
        if not self.has_class("-open"):
            return False
        self.remove_class("-open")
        self._show_message_bar(True)
        self.post_message(self.Closed())
        return True
