"""What all full screens share: the message bar, the footer, and the keys that work everywhere.

The app's actions (`esc`, `R`, `y`, `1 2 3`) call the methods here, so a screen says what they mean for it.
"""

from typing import TYPE_CHECKING, ClassVar, cast

from textual import events
from textual.app import ComposeResult
from textual.reactive import Reactive
from textual.screen import Screen
from textual.widget import Widget
from textual.widgets import Static

from store.people import Whose
from store.people_compared import Choice, Why
from tui.keys import bindings
from tui.widgets.bars import KeyFooter, MessageBar

if TYPE_CHECKING:
    from tui.app import OverscopeApp


_WIDTHS = [(0, "-tiny"), (60, "-narrow"), (100, "-wide"), (180, "-vast")]
_HEIGHTS = [(0, "-flat"), (16, "-squat"), (22, "-low"), (32, "-tall")]


class WorkScreen(Screen[None]):
    """A full screen of the dashboard; subclasses write `body` and `ask_all`.

    Attributes:
        PANES: ids of the panes that `1`, `2`, `3` and `z` mean, in order.
    """

    PANES: ClassVar[tuple[str, ...]] = ()
    HORIZONTAL_BREAKPOINTS = _WIDTHS
    VERTICAL_BREAKPOINTS = _HEIGHTS
    AUTO_FOCUS = None
    BINDINGS: ClassVar = bindings(
        "panes",
        "who_read",
        "screens.sheet",
        "screens.what_if",
        "screens.disclosures",
        "screens.due",
        "screens.stages",
        "screens.people",
        "screens.export",
    )
    # Textual's own repaints the whole screen: what gains or loses the focus draws itself.
    focused: Reactive[Widget | None] = Reactive(None, repaint=False)
    # No class of the screen's: every widget on it would be styled anew.
    _is_maximised = False
    # What had the focus before the window became too small for anything to have it.
    _focused_before: Widget | None = None

    @property
    def overscope(self) -> "OverscopeApp":
        """The app, with its store, parameters and actor."""
        return cast("OverscopeApp", self.app)

    def compose(self) -> ComposeResult:
        """The body, then the two lines at the foot."""
        yield from self.body()
        yield MessageBar()
        yield KeyFooter()
        yield Static("This window is too small: 60x16 is the least, 80x24 is good.", id="too-small", markup=False)

    def body(self) -> ComposeResult:
        """What the screen shows above its two last lines."""
        yield from ()

    def ask_all(self) -> None:
        """Ask the store everything this screen shows: called after the first paint, on `R`, and when data changed."""

    def on_mount(self) -> None:
        """The first questions come after the first paint."""
        self.call_after_refresh(self.ask_all)

    def watch_focused(self, before: Widget | None, now: Widget | None) -> None:
        """Where the window is too small nothing can have the focus: what had it gets it back."""
        if now is not None:
            self._focused_before = None
        elif self._is_too_small:
            self._focused_before = before

    def on_resize(self, event: events.Resize) -> None:
        """A window that is large enough again takes up keys where it was."""
        if self._focused_before is not None:
            self.call_after_refresh(self._focus_again)

    def _focus_again(self) -> None:
        before = self._focused_before
        if before is not None and before.is_attached and not self._is_too_small:
            before.focus()

    @property
    def _is_too_small(self) -> bool:
        return self.has_class("-tiny") or self.has_class("-flat")

    def on_screen_resume(self) -> None:
        """Nothing lies over this screen any more: what waited for that may come."""
        self.overscope.open_next_dialog()

    def step_back(self) -> bool:
        """One step back inside this screen on `esc`; False when there is none, and the screen should close."""
        return self.unmaximise()

    def copied(self) -> str | None:
        """What `y` copies: a figure with its qualifier, range and rulebook; None when there is nothing."""
        return None

    def named(self, kind: str) -> str | None:
        """The id of the `subject` or the `resource` under the cursor; None where there is none."""
        return None

    def partner_here(self) -> tuple[int, str] | None:
        """Internal id and name of the partner that the cursor, or the screen, is on; None where there is none."""
        return None

    def people_compared(self) -> Choice:
        """Whose people are looked at from here: of the partner here and those that share most with it, else of all."""
        here = self.partner_here()
        return Choice(Why.ALL) if here is None else Choice(Why.AROUND, (here[0],))

    def listed_here(self) -> tuple[Whose, str] | None:
        """The people whom the cursor or the screen is on, and what their list is called; None where there are none."""
        return None

    def action_people(self) -> None:
        """Show whose data it was, and whom partners read in common."""
        from tui.screens.people import PeopleScreen

        here, app = self.partner_here(), self.overscope
        start = None if here is None else here[0]
        self.app.push_screen(PeopleScreen(app.store, app.parameters, self.people_compared(), start=start))

    def action_who_read(self, kind: str) -> None:
        """Show who read the person, or the resource, under the cursor; ask for an id where there is none."""
        from tui.screens.who_read import WhoReadScreen, ask_for_id

        known = self.named(kind)
        if known is None:
            ask_for_id(self.overscope, kind)
        else:
            self.app.push_screen(WhoReadScreen(self.overscope.store, kind, known))

    def action_stages(self) -> None:
        """Show where each partner stands."""
        from tui.screens.stages import StagesScreen

        self.app.push_screen(StagesScreen())

    def action_due(self) -> None:
        """Show everything that is due."""
        from tui.screens.due import DueScreen

        self.app.push_screen(DueScreen())

    def action_what_if(self) -> None:
        """Ask what if."""
        from tui.screens.what_if import WhatIfScreen

        self.app.push_screen(WhatIfScreen(self.overscope.store, self.overscope.parameters))

    def action_export(self) -> None:
        """Write a report, or a list of people, into a file."""
        from tui.screens.export_dialog import Here, ask_to_export

        ask_to_export(self.overscope, Here(self.partner_here(), self.listed_here()))

    def action_disclosures(self) -> None:
        """Show what was frozen, and what was claimed."""
        from tui.screens.disclosures import DisclosuresScreen

        self.app.push_screen(DisclosuresScreen())

    def action_sheet(self) -> None:
        """Show the disclosure sheet."""
        from tui.screens.sheet import SheetScreen

        self.app.push_screen(SheetScreen(self.overscope.store, self.overscope.parameters))

    def say(self, text: str, level: str = "info") -> None:
        """Show a line in this screen's message bar; levels are those of `MessageBar`."""
        self.query_one(MessageBar).say(text, level)

    def remark(self, text: str) -> None:
        """Show a standing remark at the right of the message bar."""
        self.query_one(MessageBar).remark = text

    def action_pane(self, number: int) -> None:
        """Focus the pane of this number; where the screen has no room for it beside the others, it gets all of it."""
        if number <= len(self.PANES):
            maximised = self.unmaximise()
            pane = self.query_one(f"#{self.PANES[number - 1]}")
            if maximised or not all(node.display for node in pane.ancestors_with_self if isinstance(node, Widget)):
                self.maximise_pane(pane)
            pane.focus()

    def action_focus_next(self) -> None:
        """Focus the next pane."""
        self.unmaximise()
        self.focus_next()

    def action_focus_previous(self) -> None:
        """Focus the previous pane."""
        self.unmaximise()
        self.focus_previous()

    def action_maximise(self) -> None:
        """Give the focused pane the whole body, or take it back."""
        focused = self.focused
        if not self.unmaximise() and focused is not None and focused.id in self.PANES:
            self.maximise_pane(focused)

    def maximise_pane(self, pane: Widget) -> None:
        """Give this pane the whole body."""
        self._is_maximised = True
        family = {*pane.ancestors_with_self}
        for name in self.PANES:
            for node in self.query_one(f"#{name}").ancestors_with_self:
                if node is self:
                    break
                node.add_class("-whole" if node in family else "-away")

    def unmaximise(self) -> bool:
        """Take the whole body back from a pane; whether one had it."""
        if not self._is_maximised:
            return False
        self._is_maximised = False
        self.query(".-whole, .-away").remove_class("-whole", "-away")
        return True
