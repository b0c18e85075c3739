"""Working on cases from a screen: from the key, through its dialog, to the deed and what came of it.

A screen says which cases are meant (`targets`); the deed goes to the store with the versions the person saw.
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import ClassVar

from textual.binding import BindingType

from store import audits, cases
from store.cases import Case, Done
from store.connection import Store
from store.errors import ConflictError, RefusedError
from store.partners import PartnerRow
from tui.keys import bindings
from tui.screens.base import WorkScreen
from tui.screens.dialogs import (
    AssignChoice,
    AssignDialog,
    ClearChoice,
    ClearDialog,
    ConflictDialog,
    FlagPrompt,
    NoteChoice,
    NoteDialog,
    ReopenDialog,
    StepChoice,
    StepDialog,
)
from tui.text import status_words

Expect = dict[int, int]
Deed = Callable[[Expect], Done]


class CaseWorkScreen(WorkScreen):
    """A screen from which cases are worked on."""

    BINDINGS: ClassVar[list[BindingType]] = [*bindings("cases")]

    def targets(self) -> list[PartnerRow]:
        """The partners whose cases the next action is about, as this screen shows them."""
        raise NotImplementedError

    def acted(self) -> None:
        """An action went through: marks drop."""

    # -- one key each ----------------------------------------------------------------------------------------------

    def action_flag(self) -> None:
        """Flag, after a one-line prompt for a note."""
        if rows := self._ready("flag"):

            def with_note(note: str | None) -> None:
                if note is not None:
                    self._do(rows, lambda expect: cases.flag(*self._on(rows), note=note, expect=expect, actor=self._me))

            self.app.push_screen(FlagPrompt(_names(rows)), with_note)

    def action_close_case(self) -> None:
        """Close with grounds and a note; a refusal comes back to the dialog with its reason."""
        if rows := self._ready("close"):
            self._ask_grounds(rows)

    def action_reopen(self) -> None:
        """Reopen, with a note, seeing what the closure said."""
        if not (rows := self._ready("reopen")):
            return

        def with_closures(found: list[Case]) -> None:
            closures = [_standing(row, case, alone=len(rows) == 1) for row, case in zip(rows, found, strict=True)]
            self.app.push_screen(ReopenDialog(_names(rows), closures), with_note)

        def with_note(note: str | None) -> None:
            if note is not None:
                self._do(rows, lambda expect: cases.reopen(*self._on(rows), note=note, expect=expect, actor=self._me))

        store = self.overscope.store
        self.overscope.run_question(
            self, "closures", lambda: [cases.case(store, row.partner) for row in rows], with_closures
        )

    def action_note(self) -> None:
        """Append a note; it never conflicts."""
        if rows := self._ready("note"):

            def with_choice(choice: NoteChoice | None) -> None:
                if choice is not None:
                    note, privileged = choice.note, choice.privileged
                    self._do(
                        rows,
                        lambda _: cases.add_note(*self._on(rows), note=note, privileged=privileged, actor=self._me),
                    )

            self.app.push_screen(NoteDialog(_names(rows)), with_choice)

    def action_assign(self) -> None:
        """Give the cases to somebody."""
        if rows := self._ready("assign"):
            assignees = {row.assignee for row in rows}

            def with_choice(choice: AssignChoice | None) -> None:
                if choice is not None:
                    to = choice.assignee
                    self._do(
                        rows, lambda expect: cases.assign(*self._on(rows), assignee=to, expect=expect, actor=self._me)
                    )

            now = assignees.pop() if len(assignees) == 1 else None
            self.app.push_screen(AssignDialog(_names(rows), assignee=now, suggestion=self._me), with_choice)

    def action_step(self) -> None:
        """Record an audit step, in a dialog that lists whom it is about and whom it skips."""
        if rows := self._ready("step"):

            def with_choice(choice: StepChoice | None) -> None:
                if choice is not None:
                    self._record(rows, choice)

            self.app.push_screen(StepDialog(rows, today=self.overscope.today), with_choice)

    def action_undo(self) -> None:
        """Take back one's own last action."""
        if self._writable():
            store, me = self.overscope.store, self._me
            self.overscope.run_deed(
                lambda: cases.undo(store, actor=me), lambda undone: self._done(undone, "ctrl+r redoes it")
            )

    def action_redo(self) -> None:
        """Take back one's own last undo."""
        if self._writable():
            store, me = self.overscope.store, self._me
            self.overscope.run_deed(lambda: cases.redo(store, actor=me), self._done)

    # -- what they share -------------------------------------------------------------------------------------------

    @property
    def _me(self) -> str:
        return self.overscope.actor

    def _on(self, rows: Sequence[PartnerRow]) -> tuple[Store, list[int]]:
        return self.overscope.store, [row.partner for row in rows]

    def _writable(self) -> bool:
        if self.overscope.store.read_only:
            self.say("the store is open for reading only: nothing can be recorded", "refused")
            return False
        return True

    def _ready(self, what: str) -> list[PartnerRow]:
        """The targets, or nothing with a word why not."""
        if not self._writable():
            return []
        rows = self.targets()
        if not rows:
            self.say(f"nothing to {what}: put the cursor on a partner, or mark some", "refused")
        return rows

    def _ask_grounds(self, rows: list[PartnerRow], refusal: str = "", before: ClearChoice | None = None) -> None:
        def with_choice(choice: ClearChoice | None) -> None:
            if choice is None:
                return

            def deed(expect: Expect) -> Done:
                return cases.clear(
                    *self._on(rows),
                    grounds=choice.grounds,
                    note=choice.note,
                    override=choice.override,
                    expect=expect,
                    actor=self._me,
                )

            def refused(error: Exception) -> None:
                self.overscope.show_error(error)
                self._ask_grounds(rows, str(error), choice)

            self._do(rows, deed, refused)

        self.app.push_screen(ClearDialog(_names(rows), refusal=refusal, choice=before), with_choice)

    def _record(self, rows: list[PartnerRow], choice: StepChoice) -> None:
        store = self.overscope.store
        partners = [row.partner for row in rows if row.partner in choice.partners]

        def deed(expect: Expect) -> Done:
            return audits.record_step(
                store,
                partners,
                actor=self._me,
                step=choice.step,
                at=choice.at,
                at_is_date=choice.at_is_date,
                app_id=choice.app_id,
                due=choice.due,
                note=choice.note,
                evidence=choice.evidence,
                expect={partner: version for partner, version in expect.items() if partner in partners},
            )

        self._do(rows, deed)

    def _do(self, rows: list[PartnerRow], deed: Deed, on_refused: Callable[[Exception], None] | None = None) -> None:
        """Do a deed with the versions these rows show; on a conflict show it, and let the person decide."""
        self._attempt(rows, deed, {row.partner: row.version for row in rows}, on_refused)

    def _attempt(
        self,
        rows: list[PartnerRow],
        deed: Deed,
        expect: Expect,
        on_refused: Callable[[Exception], None] | None,
    ) -> None:
        def failed(error: Exception) -> None:
            if isinstance(error, ConflictError):
                self.overscope.show_error(error)
                self.app.push_screen(ConflictDialog(str(error), _names(rows)), again)
            elif isinstance(error, RefusedError) and on_refused is not None:
                on_refused(error)
            else:
                self.overscope.show_error(error)

        def again(answer: str | None) -> None:
            self.overscope.ask_all_again()
            if answer == "again":
                store = self.overscope.store
                self.overscope.run_question(
                    self,
                    "versions",
                    lambda: {row.partner: cases.case(store, row.partner).version for row in rows},
                    lambda versions: self._attempt(rows, deed, versions, on_refused),
                )

        self.overscope.run_deed(partial(deed, expect), self._done, failed)

    def _done(self, outcome: Done, hint: str = "u undoes it") -> None:
        self.acted()
        self.say(f"{outcome.line}   {hint}", "good")


def _names(rows: Sequence[PartnerRow]) -> list[str]:
    return [row.name for row in rows]


def _standing(row: PartnerRow, case: Case, *, alone: bool) -> str:
    words = status_words(case.status, case.grounds, override=case.override)
    told = f"{words}; {case.last_change}" if case.last_change else words
    return told if alone else f"{row.name}: {told}"
