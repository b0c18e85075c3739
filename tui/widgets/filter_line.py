"""The filter's line: typed text narrows the list at once; `enter` or `esc` gives the keys back to the list."""

from typing import ClassVar

from textual.binding import BindingType
from textual.message import Message

from tui.keys import bindings
from tui.widgets.fields import TextField


class FilterLine(TextField):
    """One line at the foot, shown only while it is typed in."""

    BINDINGS: ClassVar[list[BindingType]] = [*bindings("dialogs")]
    DEFAULT_CSS = """
    FilterLine {
        display: none;
        padding: 0 1;
        &.-open { display: block; }
    }
    """

    class Closed(Message):
        """The line is closed; the filter stays."""

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002
        super().__init__(placeholder="filter by name, id, app or note", id=id)

    def open(self, text: str) -> None:
        """Show the line with the filter in force, and take the keys."""
        self.value = text
        self.cursor_position = len(text)
        self.add_class("-open")
        self.focus()

    def close(self) -> bool:
        """Hide the line and give the keys back; whether it was open."""
        if not self.has_class("-open"):
            return False
        self.remove_class("-open")
        self.post_message(self.Closed())
        return True

    def action_cancel(self) -> None:
        """Close; a second `esc` clears the filter."""
        self.close()

    def action_confirm(self) -> None:
        """Close, keeping the filter."""
        self.close()

    def on_blur(self) -> None:
        """A click elsewhere closes it, too."""
        self.close()
