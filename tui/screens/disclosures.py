"""What was frozen, and what was said of it: disclosures and claims, each in its pane."""

from collections.abc import Sequence
from functools import partial
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.content import Content

from store import claims, disclosure, reproduce
from store.claims import BROKEN, ClaimState
from store.disclosure import DisclosureRow
from store.disclosure_words import row_words
from store.reproduce import Reproduction
from tui.keys import bindings
from tui.questions import Underway
from tui.screens.base import WorkScreen
from tui.screens.dialogs import LinePrompt
from tui.screens.disclosure_boxes import (
    LinesBox,
    TwoLinesDialog,
    claim_sections,
    disclosure_sections,
    reproduction_sections,
)
from tui.text import clean, number
from tui.widgets.disclosure_lists import ClaimList, DisclosureList, claim_copied
from tui.widgets.virtual_list import VirtualList


class DisclosuresScreen(WorkScreen):
    """Disclosures above, claims below; `enter` opens one."""

    PANES = ("disclosures", "claims")
    BINDINGS: ClassVar[list[BindingType]] = [*bindings("disclosures", "screens.log")]
    DEFAULT_CSS = """
    DisclosuresScreen {
        #disclosures { height: 1fr; }
        #claims { height: 1fr; }
    }
    """

    def __init__(self) -> None:
        super().__init__()
        self._reproducing = False

    def body(self) -> ComposeResult:
        """The two lists."""
        yield DisclosureList(id="disclosures", classes="pane")
        yield ClaimList(id="claims", classes="pane")

    def on_mount(self) -> None:
        """Start on the newest disclosure."""
        super().on_mount()
        self.disclosed.border_title = Content("1 Disclosures   reading ...")
        self.claimed.border_title = Content("2 Claims   reading ...")
        self.disclosed.focus()

    @property
    def disclosed(self) -> DisclosureList:
        """The disclosures."""
        return self.query_one(DisclosureList)

    @property
    def claimed(self) -> ClaimList:
        """The claims."""
        return self.query_one(ClaimList)

    # -- questions -------------------------------------------------------------------------------------------------

    def ask_all(self) -> None:
        """Ask for both."""
        store, ask = self.overscope.store, self.overscope.run_question
        ask(self, "disclosures", lambda: disclosure.disclosures(store), self._show_disclosures)
        ask(self, "claims", lambda: claims.claims(store), self._show_claims)

    def _show_disclosures(self, rows: Sequence[DisclosureRow]) -> None:
        self.disclosed.show(rows)
        none = "" if rows else "   N freezes the figures as they are now"
        self.disclosed.border_title = Content(f"1 Disclosures {number(len(rows))}{none}")
        self._say_place()

    def _show_claims(self, rows: Sequence[ClaimState]) -> None:
        self.claimed.show(rows)
        broken = sum(row.outcome == BROKEN for row in rows)
        said = f"   ! {number(broken)} broken" if broken else "" if rows else "   + binds a public sentence to a figure"
        self.claimed.border_title = Content(f"2 Claims {number(len(rows))}{said}")
        self._say_place()

    @on(VirtualList.Moved)
    def _moved(self, message: VirtualList.Moved) -> None:
        message.stop()
        self._say_place()

    def _say_place(self) -> None:
        row, state = self.disclosed.current, self.claimed.current
        self.disclosed.border_subtitle = Content("" if row is None else clean(row_words(row), 200))
        self.claimed.border_subtitle = Content("" if state is None else clean(state.claimed.sentence, 200))

    @on(VirtualList.Opened)
    def _opened(self, message: VirtualList.Opened) -> None:
        message.stop()
        store, row, state = self.overscope.store, self.disclosed.current, self.claimed.current
        if message.list is self.disclosed and row is not None:
            heading = f"Disclosure {row.disclosure_id}  {row.name}"
            self.app.push_screen(LinesBox(heading, question=partial(disclosure_sections, store, row)))
        elif message.list is self.claimed and state is not None:
            self.app.push_screen(LinesBox(f"Claim {state.claimed.claim_id}", claim_sections(state)))

    def copied(self) -> str | None:
        """The disclosure's figures with its digest, or the claim with its outcome."""
        row, state = self.disclosed.current, self.claimed.current
        if self.claimed.has_focus:
            return None if state is None else claim_copied(state)
        if row is None:
            return None
        return f"disclosure {row.disclosure_id}, {row.name}: {row_words(row)}; SHA-256 {row.sha256}"

    def action_disclosures(self) -> None:
        """This is it."""
        self.say("these are the disclosures and claims; esc goes back", "refused")

    def action_action_log(self) -> None:
        """Open the action log."""
        from tui.screens.action_log import ActionLogScreen

        self.app.push_screen(ActionLogScreen(self.overscope.store))

    def _may_write(self) -> bool:
        if reason := self.overscope.why_read_only:
            self.say(f"nothing can be recorded: {reason}", "refused")
        return not self.overscope.why_read_only

    # -- freezing ------------------------------------------------------------------------------------------------------

    def action_freeze(self) -> None:
        """Ask for a name and a note."""
        if self._may_write():
            self.app.push_screen(_freeze_dialog(), self._freeze)

    def _freeze(self, typed: tuple[str, str] | None) -> None:
        if typed is None:
            return
        app = self.overscope
        store, parameters, actor, (name, note) = app.store, app.parameters, app.actor, typed

        def failed(error: Exception) -> None:
            app.push_when_free(_freeze_dialog(typed, app.show_refusal(error)), self._freeze)

        def deed() -> str:
            found = disclosure.disclose(store, parameters, actor=actor, name=name, note=note)
            return f'#{found.seq} froze disclosure {found.disclosure_id}, "{found.name}": SHA-256 {found.sha256}'

        self.say("freezing ...")
        app.run_deed(deed, lambda line: self.say(line, "good"), failed)

    # -- deriving again ------------------------------------------------------------------------------------------------

    def action_reproduce(self) -> None:
        """Derive the disclosure under the cursor again, in a thread; its answer opens in a box."""
        row, store = self.disclosed.current, self.overscope.store
        if row is None:
            self.say("there is no disclosure yet: N freezes one", "refused")
            return
        if self._reproducing:
            self.say("one is being derived already: wait for its answer", "refused")
            return
        self._reproducing = True
        self.say(f"deriving disclosure {row.disclosure_id} again ...")

        def progress(part: str, share: float | None) -> None:
            done = "" if share is None else f" {share:.0%}"
            self.post_message(Underway(f"deriving disclosure {row.disclosure_id} again: {part}{done}"))

        def ask() -> Reproduction:
            return reproduce.reproduce(store, row.disclosure_id, progress)

        self.overscope.run_question(self, "reproduce", ask, self._reproduced, self._not_reproduced)

    @on(Underway)
    def _underway(self, message: Underway) -> None:
        message.stop()
        if self._reproducing:
            self.say(message.text)

    def _reproduced(self, found: Reproduction) -> None:
        self._reproducing = False
        self.say(f"disclosure {found.disclosure_id}: {'equal' if found.equal else 'NOT equal'}", _level(found))
        box = LinesBox(f"Disclosure {found.disclosure_id} derived again", reproduction_sections(found))
        self.overscope.push_when_free(box, lambda _: None)

    def _not_reproduced(self, error: Exception) -> None:
        self._reproducing = False
        self.overscope.show_error(error)

    # -- claims --------------------------------------------------------------------------------------------------------

    def action_claim(self) -> None:
        """Ask for a sentence and a comparison."""
        if self._may_write():
            self.app.push_screen(_claim_dialog(), self._claim)

    def _claim(self, typed: tuple[str, str] | None) -> None:
        if typed is None:
            return
        app = self.overscope
        store, parameters, actor, (sentence, that) = app.store, app.parameters, app.actor, typed

        def failed(error: Exception) -> None:
            app.push_when_free(_claim_dialog(typed, app.show_refusal(error)), self._claim)

        app.run_deed(
            lambda: claims.claim(store, parameters, actor=actor, sentence=sentence, that=that)[1].line,
            lambda line: self.say(line, "good"),
            failed,
        )

    def action_withdraw(self) -> None:
        """Ask why the claim under the cursor is withdrawn."""
        state = self.claimed.current
        if not self._may_write():
            return
        if state is None:
            self.say("there is no claim to withdraw: + makes one", "refused")
            return
        claim_id = state.claimed.claim_id
        label = f"Withdraw claim {claim_id}: {clean(state.claimed.sentence, 200)}"
        self.app.push_screen(LinePrompt(label, hint="a note: why"), partial(self._withdraw, claim_id, label))

    def _withdraw(self, claim_id: int, label: str, note: str | None) -> None:
        if note is None:
            return
        app = self.overscope
        store, actor = app.store, app.actor

        def failed(error: Exception) -> None:
            again = LinePrompt(label, hint="a note: why", text=note, refusal=app.show_refusal(error))
            app.push_when_free(again, partial(self._withdraw, claim_id, label))

        app.run_deed(
            lambda: claims.withdraw(store, claim_id, actor=actor, note=note).line,
            lambda line: self.say(line, "good"),
            failed,
        )


def _level(found: Reproduction) -> str:
    return "good" if found.equal else "error"


def _freeze_dialog(typed: tuple[str, str] = ("", ""), refusal: str = "") -> TwoLinesDialog:
    hints = ("what to call it, e.g. To the press", "a note, or nothing")
    return TwoLinesDialog("Freeze the figures", ("Name", "Note"), hints, typed=typed, refusal=refusal)


def _claim_dialog(typed: tuple[str, str] = ("", ""), refusal: str = "") -> TwoLinesDialog:
    hints = ("as it was published", "recent.partners >= 11")
    return TwoLinesDialog("Claim", ("Sentence", "That"), hints, typed=typed, refusal=refusal)
