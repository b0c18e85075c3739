"""Working on cases from a screen: from the key, through its dialog, to the deed and what came of it.

A screen says which cases are meant (`targets`); the deed goes to the store with the versions the person saw.
"""

from collections.abc import Callable, Sequence
from typing import ClassVar, TypeVar

from textual.binding import BindingType

from store import cases, conflicts, ledger, partners
from store.cases import Done
from store.conflicts import Conflict
from store.connection import Store
from store.errors import ConflictError
from store.partners import PartnerRow
from tui.keys import bindings
from tui.screens import step_deeds
from tui.screens.base import WorkScreen
from tui.screens.conflict_dialog import ConflictDialog, Decision
from tui.screens.details import DetailsDialog
from tui.screens.dialog_base import Dialog, names_words
from tui.screens.dialogs import (
    AssignChoice,
    AssignDialog,
    ClearChoice,
    ClearDialog,
    FlagPrompt,
    NoteDialog,
    ReopenDialog,
    StepChoice,
    StepDialog,
)
from tui.screens.incident_step_dialog import IncidentStepDialog
from tui.text import GROUNDS_WORDS, count, instant, status_words, step_words

Expect = dict[int, int]
Rows = Sequence[PartnerRow]
Chosen = TypeVar("Chosen")
_CLOSURES_SHOWN = 6
_TRACK_PANE = "audit"


class CaseWorkScreen(WorkScreen):
    """A screen from which cases are worked on."""

    BINDINGS: ClassVar[list[BindingType]] = [*bindings("cases")]

    def targets(self) -> list[PartnerRow]:
        """The partners whose cases the next action is about, as this screen shows them."""
        raise NotImplementedError

    def acted(self) -> None:
        """An action went through: marks drop."""

    # -- the track among all of them -------------------------------------------------------------------------------

    def action_pane(self, number: int) -> None:
        """Focus a pane; the track, when it has the focus already, shows where all partners stand."""
        if self._is_on_track() and self.PANES[number - 1 : number] == (_TRACK_PANE,):
            self.action_stages()
        else:
            super().action_pane(number)

    def _is_on_track(self) -> bool:
        return self.focused is not None and self.focused.id == _TRACK_PANE

    # -- one key each ----------------------------------------------------------------------------------------------

    def action_flag(self) -> None:
        """Flag, after a one-line prompt for a note."""
        if rows := self._ready("flag"):
            names = _names(rows)
            self._ask(
                rows,
                lambda _, note, __: FlagPrompt(names, note=note or ""),
                lambda note, expect: cases.flag(*self._on(rows), note=note, expect=expect, actor=self._me),
                lambda _: f"flag {names_words(names)}",
            )

    def action_close_case(self) -> None:
        """Close with grounds and a note."""
        if rows := self._ready("close"):
            names = _names(rows)

            def deed(choice: ClearChoice, expect: Expect) -> Done:
                return cases.clear(
                    *self._on(rows),
                    grounds=choice.grounds,
                    note=choice.note,
                    override=choice.override,
                    expect=expect,
                    actor=self._me,
                )

            def dialog(shown: Rows, choice: ClearChoice | None, refusal: str) -> ClearDialog:
                named = {row.partner: row.name for row in shown}
                opened = ClearDialog(names, refusal=refusal, choice=choice, asked=_asked(shown), partners=named)
                self._ask_loose_ends(shown, opened, passing=False)
                return opened

            self._ask(
                rows,
                dialog,
                deed,
                lambda choice: f"close {names_words(names)}: {GROUNDS_WORDS[choice.grounds]}",
            )

    def action_reopen(self) -> None:
        """Reopen, with a note, seeing what the closure said."""
        if not (rows := self._ready("reopen")):
            return
        names, shown, store = _names(rows), rows[:_CLOSURES_SHOWN], self.overscope.store
        closures: list[str] | None = None
        opened: list[ReopenDialog] = []

        def dialog(_: Rows, note: str | None, refusal: str) -> ReopenDialog:
            opened.append(ReopenDialog(names, closures, note=note or "", refusal=refusal))
            return opened[-1]

        def with_closures(found: list[str]) -> None:
            nonlocal closures
            closures = found
            if len(rows) > len(shown):
                closures.append(f"and {count(len(rows) - len(shown), 'more case')}")
            for each in opened:
                each.show_closure(closures)

        # The dialog comes first: what is typed while the store answers is its note, not keys for the list below.
        self._ask(
            rows,
            dialog,
            lambda note, expect: cases.reopen(*self._on(rows), note=note, expect=expect, actor=self._me),
            lambda _: f"reopen {names_words(names)}",
        )
        self.overscope.run_question(
            self, "closures", lambda: [_standing(store, row, alone=len(rows) == 1) for row in shown], with_closures
        )

    def action_note(self) -> None:
        """Append a note; it never conflicts."""
        if rows := self._ready("note"):
            names = _names(rows)
            self._ask(
                rows,
                lambda _, choice, refusal: NoteDialog(names, choice=choice, refusal=refusal),
                lambda choice, _: cases.add_note(
                    *self._on(rows), note=choice.note, privileged=choice.privileged, actor=self._me
                ),
                lambda _: f"note on {names_words(names)}",
            )

    def action_assign(self) -> None:
        """Give the cases to somebody."""
        if rows := self._ready("assign"):
            names, assignees = _names(rows), {row.assignee for row in rows}
            now = assignees.pop() if len(assignees) == 1 else None

            def dialog(_: Rows, choice: AssignChoice | None, refusal: str) -> AssignDialog:
                to = self._me if choice is None else choice.assignee or ""
                return AssignDialog(names, assignee=now, suggestion=to, refusal=refusal)

            self._ask(
                rows,
                dialog,
                lambda choice, expect: cases.assign(
                    *self._on(rows), assignee=choice.assignee, expect=expect, actor=self._me
                ),
                lambda choice: f"assign {names_words(names)} to {choice.assignee or 'nobody'}",
            )

    def action_step(self) -> None:
        """Record a step, in a dialog that lists whom it is about and whom it skips; with a letter to each, if asked."""
        if not (rows := self._ready("step")):
            return
        today, only = self.overscope.today, rows[0].partner if len(rows) == 1 else None
        sample, recipients = self.drawn_sample(only), self.named_recipients(only)
        skipped: dict[int, str] = {}

        def dialog(shown: Rows, choice: StepChoice | None, refusal: str) -> StepDialog:
            return StepDialog(
                shown,
                today=today,
                choice=choice,
                refusal=refusal,
                sample=sample,
                recipients=recipients,
                ask_loose_ends=lambda opened: self._ask_loose_ends(shown, opened, passing=True),
            )

        def deed(choice: StepChoice, expect: Expect) -> Done:
            recorded = step_deeds.record(
                self.overscope.store,
                choice,
                actor=self._me,
                expect={partner: expect[partner] for partner in choice.partners},
                parameters=self.overscope.parameters,
                say=self.overscope.say_progress,
            )
            skipped.clear()
            skipped.update(recorded.exceptions)
            return recorded.done

        def wanted(choice: StepChoice) -> str:
            meant = frozenset(choice.partners)
            names = names_words([row.name for row in rows if row.partner in meant])
            return f"record '{step_words(choice.step)}' for {names}"

        def recorded() -> None:
            if skipped:
                listed = [(row.name, skipped[row.partner]) for row in rows if row.partner in skipped]
                heading = f"Left out: {count(len(listed), 'partner')}"
                self.overscope.push_when_free(DetailsDialog(heading, listed), lambda _: None)

        self._ask(rows, dialog, deed, wanted, recorded)

    def drawn_sample(self, partner: int | None) -> int | None:
        """The entry that drew a partner's last sample (internal id), where this screen knows it."""
        return None

    def named_recipients(self, partner: int | None) -> tuple[str, ...]:
        """Whom a partner (internal id) passed the data on to, where this screen knows it."""
        return ()

    def action_incident_step(self, step: str | None = None) -> None:
        """Record a step of the incident.

        Args:
            step: chosen at first; None: none.
        """
        if not self._writable():
            return
        today = self.overscope.today
        self._ask(
            [],
            lambda _, choice, refusal: IncidentStepDialog(step=step, today=today, choice=choice, refusal=refusal),
            lambda choice, _: step_deeds.record_of_incident(
                self.overscope.store, choice, actor=self._me, say=self.overscope.say_progress
            ),
            lambda choice: f"record '{step_words(choice.step)}' for the incident",
        )

    def _ask_loose_ends(self, rows: Rows, opened: "StepDialog | ClearDialog", *, passing: bool) -> None:
        """Read what is still open about partners, for a dialog that is open."""
        store, whose = self.overscope.store, [row.partner for row in rows]
        self.overscope.run_question(
            self,
            "loose ends",
            lambda: step_deeds.open_ends(store, whose, passing=passing),
            opened.show_loose_ends,
        )

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

    def _on(self, rows: Rows) -> tuple[Store, list[int]]:
        return self.overscope.store, [row.partner for row in rows]

    def _writable(self) -> bool:
        if why := self.overscope.why_read_only:
            self.say(f"nothing can be recorded: {why}", "refused")
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

    def _ask(
        self,
        rows: list[PartnerRow],
        dialog: Callable[[Rows, Chosen | None, str], Dialog[Chosen]],
        deed: Callable[[Chosen, Expect], Done],
        wanted: Callable[[Chosen], str],
        afterwards: Callable[[], None] = lambda: None,
    ) -> None:
        """Open an action's dialog, do what was chosen, and come back to the dialog when that is refused.

        Args:
            rows: the cases, with the versions the person sees.
            dialog: makes it, of the rows, of what was chosen before (None at first), and of why that was refused.
            deed: does it in the store; raises ConflictError where a case is not at the version expected.
            wanted: what it would do, in words.
            afterwards: called once it is done.
        """
        app = self.overscope

        def ask(shown: Rows, expect: Expect, before: Chosen | None = None, refusal: str = "") -> None:
            def with_choice(choice: Chosen | None) -> None:
                if choice is not None:
                    attempt(shown, expect, choice)

            app.push_when_free(dialog(shown, before, refusal), with_choice)

        def attempt(shown: Rows, expect: Expect, choice: Chosen) -> None:
            def act() -> Done | tuple[Conflict, Rows]:
                try:
                    return deed(choice, expect)
                except ConflictError:
                    found = conflicts.conflict(app.store, expect)
                    return found, self._look_again(shown)

            def acted(outcome: Done | tuple[Conflict, Rows]) -> None:
                if isinstance(outcome, tuple):
                    decide(*outcome, choice)
                else:
                    self._done(outcome)
                    afterwards()

            def failed(error: Exception) -> None:
                line = app.show_refusal(error)
                # An empty note is soon typed again; everything else must not be lost.
                if choice:
                    ask(shown, expect, choice, line)

            app.say(f"recording ...: {wanted(choice)}")
            app.run_deed(act, acted, failed)

        def decide(found: Conflict, now: Rows, choice: Chosen) -> None:
            def decided(decision: Decision | None) -> None:
                if decision == "again":
                    attempt(now, found.versions, choice)
                elif decision == "back":
                    ask(now, found.versions, choice)
                else:
                    app.say(f"left as it is; not done: {wanted(choice)}")

            app.say(f"not done, somebody was faster: {wanted(choice)}", "refused")
            app.push_when_free(ConflictDialog(found, wanted(choice)), decided)

        ask(rows, {row.partner: row.version for row in rows})

    def _look_again(self, rows: Rows) -> Rows:
        """The same partners as they are now; a partner that is gone stays as it was shown. For a thread."""
        known = {row.partner: row for row in partners.partner_list(self.overscope.store, self.overscope.parameters)}
        return [known.get(row.partner, row) for row in rows]

    def _done(self, outcome: Done, hint: str = "u undoes it") -> None:
        if self.is_attached:
            self.acted()
        self.overscope.say(f"{outcome.line}   {hint}", "good")


def _asked(rows: Rows) -> list[str]:
    """Whose closing was asked for, and by whom, a line each."""
    return [f"{row.name}: closing was asked by {row.asked_by}" for row in rows if row.asked_by is not None]


def _names(rows: Rows) -> list[str]:
    return [row.name for row in rows]


def _standing(store: Store, row: PartnerRow, *, alone: bool) -> str:
    """Where a case stands; of a closed one who closed it, when and with what note, whatever was done to it since."""
    case = cases.case(store, row.partner)
    words = status_words(case.status, case.grounds, override=case.override)
    told = f"{words}; {case.last_change}" if case.last_change else words
    if case.status == "cleared":
        done = ledger.actions(store, partner=row.partner)
        closure = next((entry for entry in reversed(done) if entry.verb == "clear"), None)
        if closure is not None:
            note = f": {closure.note}" if closure.note else ""
            told = f"{words}; by {closure.actor}, {instant(closure.at)[:19]}Z{note}"
    return told if alone else f"{row.name}: {told}"
