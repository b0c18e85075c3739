"""What dialogs are made of: a line of text that cannot hold a control character, a choice, a switch.

`enter` is left to the dialog everywhere: it always means confirm.
"""

from collections.abc import Sequence
from typing import ClassVar

from textual import events
from textual.binding import BindingType
from textual.content import Content
from textual.message import Message
from textual.reactive import reactive
from textual.widget import Widget
from textual.widgets import Input

from tui.keys import bindings
from tui.text import clean, fit

MOST_TYPED = 2_000


class TextField(Input):
    """A one-line input whose text, typed or pasted, is cleaned before it is drawn or taken."""

    DEFAULT_CSS = """
    TextField, TextField:focus {
        border: none;
        height: 1;
        padding: 0;
        background: $panel;
    }
    TextField:focus { background: $cursor-back; }
    """

    def __init__(self, value: str = "", *, placeholder: str = "", id: str | None = None) -> None:  # noqa: A002
        super().__init__(
            clean(value, MOST_TYPED), placeholder=clean(placeholder), id=id, compact=True, select_on_focus=False
        )

    def validate_value(self, value: str) -> str:
        """Control and format characters become visible escapes."""
        return clean(value, MOST_TYPED)


class Choice(Widget, can_focus=True):
    """One of a few lines, chosen by moving; it may begin with none chosen."""

    BINDINGS: ClassVar[list[BindingType]] = [*bindings("choose")]
    DEFAULT_CSS = """
    Choice {
        height: auto;
        width: 1fr;
        & > .choice--chosen { background: $cursor-back-blurred; text-style: bold; }
        &:focus > .choice--chosen { background: $cursor-back; text-style: bold; }
        &:nocolor:focus > .choice--chosen { text-style: reverse; }
    }
    """
    COMPONENT_CLASSES: ClassVar[set[str]] = {"choice--chosen"}

    chosen: reactive[int | None] = reactive(None)
    """Index of the chosen line; None before anything is chosen."""

    class Changed(Message):
        """Another line is chosen."""

        def __init__(self, choice: "Choice") -> None:
            super().__init__()
            self.choice = choice

    def __init__(self, lines: Sequence[str], *, chosen: int | None = None, id: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id)
        self._lines = [clean(line) for line in lines]
        self.set_reactive(Choice.chosen, chosen)

    def validate_chosen(self, chosen: int | None) -> int | None:
        """Keep to the lines there are."""
        return None if chosen is None else min(max(chosen, 0), len(self._lines) - 1)

    def watch_chosen(self) -> None:
        """Tell the dialog."""
        self.post_message(self.Changed(self))

    def get_content_height(self, container: object, viewport: object, width: int) -> int:
        """One cell a line."""
        return len(self._lines)

    def action_move(self, by: int) -> None:
        """Choose the line so many further, from before the first (or after the last) where none is chosen."""
        outside = -1 if by > 0 else len(self._lines)
        self.chosen = (outside if self.chosen is None else self.chosen) + by

    def add(self, lines: Sequence[str]) -> None:
        """More lines, below those there are; what is chosen stays."""
        self._lines += [clean(line) for line in lines]
        self.refresh(layout=True)

    def on_click(self, event: events.Click) -> None:
        """Choose the line that was clicked."""
        offset = event.get_content_offset(self)
        if offset is not None and offset.y < len(self._lines):
            self.chosen = offset.y

    def render(self) -> Content:
        """The lines, the chosen one with a `>` before it."""
        width = self.content_size.width
        style = self.get_component_styles("choice--chosen")
        text_style = f"{style.text_style} on {style.background.hex}"
        lines = []
        for i, line in enumerate(self._lines):
            text = fit(f"{'>' if i == self.chosen else ' '} {line}", width)
            lines.append(Content.styled(text, text_style) if i == self.chosen else Content(text))
        return Content("\n").join(lines)


class Switch(Widget, can_focus=True):
    """A yes or no, `[x]` or `[ ]`; `space` turns it."""

    BINDINGS: ClassVar[list[BindingType]] = [*bindings("choice.turn")]
    DEFAULT_CSS = """
    Switch {
        height: 1;
        width: 1fr;
        &:focus { background: $cursor-back; text-style: bold; }
        &:nocolor:focus { text-style: reverse; }
    }
    """

    on: reactive[bool] = reactive(False)
    """Whether it is turned on."""

    def __init__(self, label: str, *, on: bool = False, id: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id)
        self._label = clean(label)
        self.set_reactive(Switch.on, on)

    def action_turn(self) -> None:
        """The other way."""
        self.on = not self.on

    def on_click(self) -> None:
        """Turn it."""
        self.action_turn()

    def render(self) -> Content:
        """The mark and what it is about."""
        return Content(f"[{'x' if self.on else ' '}] {self._label}")
