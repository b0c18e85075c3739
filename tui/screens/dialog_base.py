"""What all dialogs share: a box over the screen that names the partners, `enter` confirms, `esc` cancels.

It knows nothing of what is asked. Names are data, and are cleaned here.
"""

from collections.abc import Sequence
from typing import ClassVar, Generic, TypeVar

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen
from textual.widget import Widget
from textual.widgets import Static

from tui.keys import bindings
from tui.text import clean, count
from tui.widgets.fields import TextField

Result = TypeVar("Result")

_NAMES_IN_A_LINE = 3


def names_words(names: Sequence[str], most: int = _NAMES_IN_A_LINE) -> str:
    """The partners in a line: `Ribbon Social`, or `4 partners: A, B, C and 1 more`; clean text."""
    shown = [clean(name, 60) for name in names[:most]]
    if len(names) <= 1:
        return shown[0] if shown else "no partner"
    more = f" and {len(names) - most:,} more" if len(names) > most else ""
    return f"{count(len(names), 'partner')}: {', '.join(shown)}{more}"


class Dialog(ModalScreen[Result | None], Generic[Result]):
    """A box over the screen: `enter` confirms, `esc` cancels and nothing is done.

    Subclasses write `fields`, and `answer`, which returns the result or says what is missing with `complain`.
    """

    BINDINGS: ClassVar[list[BindingType]] = [*bindings("dialogs")]
    HEADING: ClassVar[str] = ""
    DEFAULT_CSS = """
    Dialog {
        align: center middle;
        background: $background 60%;
        & > .dialog {
            width: 76;
            max-width: 100%;
            height: auto;
            max-height: 100%;
            border: round $rule-line-focus;
            border-title-color: $head;
            border-title-style: bold;
            border-subtitle-color: $quiet;
            background: $surface;
            padding: 0 1;
        }
        .dialog--names { height: auto; max-height: 5; color: $head; margin-bottom: 1; }
        .dialog--label { color: $quiet; width: 10; height: 1; }
        .dialog--row { height: 1; width: 1fr; }
        .dialog--hint { color: $quiet; height: auto; }
        .dialog--complaint { color: $warning; height: auto; max-height: 8; }
    }
    """

    def __init__(self, names: Sequence[str], *, refusal: str = "") -> None:
        """Ask about these partners.

        Args:
            names: as the registry says, however hostile.
            refusal: why the store refused what was chosen before; shown at once.
        """
        super().__init__()
        self.names = tuple(names)
        self._refusal = refusal

    def compose(self) -> ComposeResult:
        """The box: the partners' names, the fields, and a line for what is missing."""
        with Vertical(classes="dialog") as box:
            with VerticalScroll(classes="dialog--names", can_focus=False):
                yield Static(Content(names_words(self.names, most=40)), markup=False)
            yield from self.fields()
            yield Static(complaint(self._refusal), markup=False, classes="dialog--complaint")
        box.border_title = Content(self.HEADING)
        box.border_subtitle = Content(self.hint())

    def fields(self) -> ComposeResult:
        """What is asked."""
        yield from ()

    def hint(self) -> str:
        """The keys, in the lower border."""
        return "enter confirms   esc cancels"

    @property
    def is_open(self) -> bool:
        """Whether its fields are there: it was drawn, and not left since."""
        return self.is_mounted and self in self.app.screen_stack

    def answer(self) -> Result | None:
        """What was chosen; None when something is missing."""
        raise NotImplementedError

    def complain(self, text: str) -> None:
        """Say what is missing; the dialog stays."""
        self.query_one(".dialog--complaint", Static).update(complaint(text))

    def action_confirm(self) -> None:
        """Close with the answer, if there is one."""
        result = self.answer()
        if result is not None:
            self.dismiss(result)

    def action_cancel(self) -> None:
        """Close; nothing is done."""
        self.dismiss(None)

    def on_input_submitted(self) -> None:
        """`enter` in a line of text confirms the dialog."""
        self.action_confirm()

    def typed(self, field: str) -> str:
        """The text of a field, without blanks around it."""
        return self.query_one(f"#{field}", TextField).value.strip()


def complaint(text: str) -> Content:
    """What is missing, or why it was refused; clean text, nothing where there is none."""
    return Content(f"! {clean(text, 500)}" if text else "")


def labelled(label: str, field: Widget) -> Horizontal:
    """A field with its name before it, on one line."""
    return Horizontal(Static(Content(label), markup=False, classes="dialog--label"), field, classes="dialog--row")
