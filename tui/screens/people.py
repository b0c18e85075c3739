"""Whose data it was: the people of some partners, each counted once, and whom those partners read in common."""

from typing import ClassVar

from textual import events, on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.content import Content

from store import people_compared
from store.connection import Store
from store.parameters import Parameters
from store.people import Whose
from store.people_compared import Choice, Comparison, chosen_words, figure_copied, figure_words
from tui.keys import bindings
from tui.screens.base import WorkScreen
from tui.text import clean
from tui.widgets.case_facts import LinesPane
from tui.widgets.people_head import people_lines, range_words
from tui.widgets.people_matrix import PeopleMatrix
from tui.widgets.virtual_list import VirtualList


def people_footer_label(key_id: str) -> str | None:
    """What the footer calls a key where people are listed."""
    words = {"list.open": "people", "screens.what_if": "", "screens.due": "", "screens.export": "list.."}
    return words.get(key_id)


class PeopleScreen(WorkScreen):
    """The figures above, the matrix below; `enter` on a number lists exactly the people it counts."""

    PANES = ("partners",)
    BINDINGS: ClassVar[list[BindingType]] = [*bindings("screens.log")]
    DEFAULT_CSS = """
    PeopleScreen {
        #told { padding: 0; }
        #partners { height: 1fr; }
        &.-squat #told { display: none; }
    }
    """

    def __init__(self, store: Store, parameters: Parameters, choice: Choice, *, start: int | None = None) -> None:
        """Compare partners.

        Args:
            start: the partner (internal id) on which the cursor begins.
        """
        super().__init__()
        self._store = store
        self._parameters = parameters
        self._choice = choice
        self._start = start
        self._answer: Comparison | None = None

    def body(self) -> ComposeResult:
        """What is known of the people, and the matrix."""
        yield LinesPane(id="told", classes="pane")
        yield PeopleMatrix(id="partners", classes="pane")

    def on_mount(self) -> None:
        """Start on the matrix."""
        super().on_mount()
        self.matrix.focus()
        self.query_one("#told").border_title = Content("Whose data   reading ...")
        self.matrix.border_title = Content("Read in common")

    @property
    def matrix(self) -> PeopleMatrix:
        """The partners compared."""
        return self.query_one(PeopleMatrix)

    def ask_all(self) -> None:
        """Ask for the comparison."""
        store, parameters, choice = self._store, self._parameters, self._choice
        self.overscope.run_question(
            self, "people", lambda: people_compared.comparison(store, parameters, choice), self._show, self._failed
        )

    def _show(self, answer: Comparison) -> None:
        self._answer = answer
        self.matrix.show(answer, start=self._start)
        self._draw()

    def _failed(self, error: Exception) -> None:
        if self._answer is None:
            self.query_one("#told").border_title = Content("Whose data   not read: R tries again")
        self.overscope.show_error(error)

    def on_resize(self, event: events.Resize) -> None:
        """Lines are as wide as there is room."""
        super().on_resize(event)
        self.call_after_refresh(self._draw)

    def _draw(self) -> None:
        answer, told = self._answer, self.query_one("#told", LinesPane)
        if answer is None:
            return
        told.border_title = Content.assemble("Whose data  ", (clean(chosen_words(answer), 160), "bold"))
        told.border_subtitle = Content(range_words(answer))
        told.show(people_lines(answer, max(self.size.width - 2, 0)))
        self._say_figure()

    def _say_figure(self) -> None:
        """The chosen number in words."""
        figure = self.matrix.figure
        told = "" if self._answer is None else "no number stands here"
        self.matrix.border_subtitle = Content(told if figure is None else clean(figure_words(figure, brief=True), 200))

    @on(VirtualList.Moved)
    def _moved(self, message: VirtualList.Moved) -> None:
        message.stop()
        self._say_figure()

    @on(VirtualList.Opened)
    def _opened(self, message: VirtualList.Opened) -> None:
        from tui.screens.people_rows import PeopleRowsScreen

        message.stop()
        figure = self.matrix.figure
        if figure is None:
            self.say("no number stands here; h and l go to the others of the line", "refused")
            return
        self.app.push_screen(PeopleRowsScreen(self._store, self._parameters, figure))

    def action_people(self) -> None:
        """This is it."""
        self.say("these are the people; esc goes back, and O compares what is marked there", "refused")

    def action_action_log(self) -> None:
        """Open the action log."""
        from tui.screens.action_log import ActionLogScreen

        self.app.push_screen(ActionLogScreen(self._store))

    def footer_label(self, key_id: str) -> str | None:
        """Lists of people stand in the place of what leads elsewhere."""
        return people_footer_label(key_id)

    def partner_here(self) -> tuple[int, str] | None:
        """The partner under the cursor."""
        return self.matrix.partner

    def listed_here(self) -> tuple[Whose, str] | None:
        """The people whom the chosen number counts."""
        figure = self.matrix.figure
        return None if figure is None else (figure.whose, f"people read {figure.brief}")

    def copied(self) -> str | None:
        """The chosen number with its qualifier, its range and the rulebook."""
        figure = self.matrix.figure
        return None if self._answer is None or figure is None else figure_copied(self._answer, figure)
