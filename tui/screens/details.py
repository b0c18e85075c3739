"""A box with everything about one row, name and value: what `enter` opens in a list that has no screen of its own."""

from collections.abc import Sequence
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Static

from tui.keys import bindings
from tui.text import clean

MOST_SHOWN = 20_000


class DetailsBox(ModalScreen[None]):
    """A box of class `details` that scrolls; `esc`, `enter` or `q` closes it. Subclasses compose what is in it."""

    BINDINGS: ClassVar[list[BindingType]] = [*bindings("dialogs", "app.leave", "moves")]
    DEFAULT_CSS = """
    DetailsBox {
        align: center middle;
        background: $background 60%;
        & > .details {
            width: 84;
            max-width: 100%;
            height: auto;
            max-height: 100%;
            border: round $rule-line-focus;
            border-title-color: $head;
            border-title-style: bold;
            border-subtitle-color: $quiet;
            background: $surface;
            padding: 0 1;
            scrollbar-size-vertical: 1;
        }
        Static { height: auto; }
    }
    """

    def on_mount(self) -> None:
        """The keys scroll the box."""
        self.query_one(".details").focus()

    def action_confirm(self) -> None:
        """Close."""
        self.dismiss()

    def action_cancel(self) -> None:
        """Close."""
        self.dismiss()

    def action_leave(self) -> None:
        """Close."""
        self.dismiss()

    def action_go(self, where: str) -> None:
        """Scroll."""
        box = self.query_one(".details", VerticalScroll)
        box.scroll_to(y=box.scroll_offset.y + scroll_steps(box)[where], animate=False)


class DetailsDialog(DetailsBox):
    """Names and values under a heading."""

    def __init__(self, heading: str, details: Sequence[tuple[str, str]]) -> None:
        """Show the details.

        Args:
            heading: data or words; cleaned here, as the values are.
        """
        super().__init__()
        self._heading = heading
        self._details = tuple(details)

    def compose(self) -> ComposeResult:
        """Names at the left, values at the right."""
        widest = max((len(name) for name, _ in self._details), default=0)
        parts: list[Content] = []
        for name, value in self._details:
            parts.append(Content.styled(f"{name:<{widest}}  ", "$quiet"))
            parts.append(Content(f"{clean(value, MOST_SHOWN)}\n"))
        with VerticalScroll(classes="details") as box:
            yield Static(Content("").join(parts), markup=False)
        box.border_title = Content(clean(self._heading, 200))
        box.border_subtitle = Content("esc closes")


def scroll_steps(box: VerticalScroll) -> dict[str, int]:
    """By how many lines the keys that move scroll a box."""
    page = max(box.scrollable_content_region.height, 1)
    steps = {"down": 1, "up": -1, "first": -(10**6), "last": 10**6, "page_down": page, "page_up": -page}
    return steps | {"half_down": max(page // 2, 1), "half_up": -max(page // 2, 1)}
