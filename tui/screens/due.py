"""Everything that is due, soonest first: the partners' answers, and the incident's own duties among them."""

from collections.abc import Sequence
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.content import Content

from store import due, partners
from store.due import DueList as Dues
from store.partners import PartnerRow, find_partner
from tui.keys import bindings
from tui.screens.case_work import CaseWorkScreen
from tui.text import clean
from tui.widgets.due_list import DueList, due_copied, due_title
from tui.widgets.virtual_list import VirtualList


class DueScreen(CaseWorkScreen):
    """The list; case keys work on the partner under the cursor, and `enter` opens its case."""

    PANES = ("due",)
    BINDINGS: ClassVar[list[BindingType]] = [*bindings("screens.log")]
    DEFAULT_CSS = """
    DueScreen #due { height: 1fr; }
    """

    def __init__(self) -> None:
        super().__init__()
        self._rows: Sequence[PartnerRow] = ()

    def body(self) -> ComposeResult:
        """The list."""
        yield DueList(id="due", classes="pane")

    def on_mount(self) -> None:
        """Start on what is due first."""
        super().on_mount()
        self.listed.border_title = "Due   reading"
        self.listed.focus()

    @property
    def listed(self) -> DueList:
        """The list."""
        return self.query_one(DueList)

    def ask_all(self) -> None:
        """Ask what is due, and where the cases stand."""
        store, parameters = self.overscope.store, self.overscope.parameters
        self.overscope.run_question(self, "due", lambda: due.due_list(store, parameters), self._show)
        self.overscope.run_question(
            self, "partners", lambda: partners.all_partners(store, parameters), self._show_partners
        )

    def _show(self, answer: Dues) -> None:
        self.listed.show(answer.items, self.overscope.today)
        self.listed.border_title = Content(due_title(answer.items, answer.on_hold))
        self._say_basis()

    def _show_partners(self, rows: Sequence[PartnerRow]) -> None:
        self._rows = rows

    def _say_basis(self) -> None:
        item = self.listed.current
        self.listed.border_subtitle = Content("nothing is due" if item is None else f"basis: {clean(item.basis, 120)}")

    @on(VirtualList.Moved)
    def _moved(self, message: VirtualList.Moved) -> None:
        message.stop()
        self._say_basis()

    @on(VirtualList.Opened)
    def _opened(self, message: VirtualList.Opened) -> None:
        from tui.screens.case import CaseScreen

        message.stop()
        item, app = self.listed.current, self.overscope
        if item is None:
            return
        if item.partner is None:
            self.action_incident_step(item.step)
            return
        row = find_partner(self._rows, item.partner)
        self.app.push_screen(CaseScreen(app.store, item.partner, app.parameters, row=row, neighbour=self._neighbour))

    def _neighbour(self, partner: int, by: int) -> PartnerRow | None:
        """The next partner further down (1) or up (-1) of which something is due; the cursor goes there."""
        items = self.listed.items
        place = self.listed.cursor + by
        while 0 <= place < len(items):
            other = items[place].partner
            if other not in (None, partner):
                self.listed.cursor = place
                return find_partner(self._rows, other or 0)
            place += by
        return None

    def action_step(self) -> None:
        """Record a step of the partner whose answer is due; or of the incident, where that is what is due."""
        item = self.listed.current
        if item is not None and item.partner is None:
            self.action_incident_step(item.step)
        else:
            super().action_step()

    def action_due(self) -> None:
        """This is it."""
        self.say("this is everything due; esc goes back", "refused")

    def action_action_log(self) -> None:
        """Open the action log."""
        from tui.screens.action_log import ActionLogScreen

        self.app.push_screen(ActionLogScreen(self.overscope.store))

    def targets(self) -> list[PartnerRow]:
        """The partner whose answer is due; none for the incident's own."""
        item = self.listed.current
        row = None if item is None or item.partner is None else find_partner(self._rows, item.partner)
        return [] if row is None else [row]

    def copied(self) -> str | None:
        """What the cursor is on."""
        item = self.listed.current
        return None if item is None else due_copied(item, self.overscope.today)
