"""The dialog that records a step of the remediation track: which, when, on what evidence, for which partners.

It says beforehand which partners are left out and why; the store decides again when the step is recorded.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.content import Content
from textual.widgets import Static

from store.audits import LETTERS, SIDE_STATES, TRACK
from store.instants import MICROSECONDS_PER_DAY, now, parse_point
from store.partners import PartnerRow
from tui.screens.dialog_base import Dialog, labelled
from tui.text import clean, count, day, instant, step_words
from tui.widgets.fields import Choice, TextField

STEPS = (*TRACK, *SIDE_STATES)
# The last two steps of the track are alternatives: one place.
_PLACES = len(TRACK) - 1
_DATE_LENGTH = len("2019-10-05")


@dataclass(frozen=True, slots=True)
class StepChoice:
    """A step to record.

    Attributes:
        partners: internal ids of those it is recorded for: the others are out of order, or on hold.
        at: microseconds UTC; `at_is_date`: only its date is known.
        app_id: the one app it is about; None for the whole partner.
        due: microseconds UTC, or None.
        evidence: path of a file, or None.
    """

    partners: tuple[int, ...]
    step: str
    at: int
    at_is_date: bool
    app_id: str | None
    due: int | None
    note: str
    evidence: str | None

    def typed(self) -> tuple[str, str, str, str, str]:
        """Date, due date, app, evidence and note as they may be typed again."""
        date = day(self.at) if self.at_is_date else instant(self.at)
        due = "" if self.due is None else instant(self.due) if self.due % MICROSECONDS_PER_DAY else day(self.due)
        return date, due, self.app_id or "", self.evidence or "", self.note


def out_of_order(row: PartnerRow, step: str) -> str | None:
    """Why a step does not come next for a partner, in words; None when it does, and for a side state."""
    if step not in TRACK:
        return None
    letters, sides = row.track[:_PLACES], row.track[_PLACES:]
    if LETTERS["on_hold"] in sides:
        return "on hold"
    place = min(TRACK.index(step), _PLACES - 1)
    missing = [name for name, letter in zip(TRACK[:place], letters, strict=False) if not letter.isupper()]
    if missing:
        return f"lacks '{step_words(missing[0])}'"
    again = row.stage == "audit_failed" and place >= TRACK.index("audit_planned")
    return f"has '{step_words(step)}' already" if letters[place : place + 1].isupper() and not again else None


def next_step(rows: Sequence[PartnerRow]) -> str | None:
    """The step that comes next for all of these partners; None where they differ, or where the track forks."""
    places = {_next_place(row) for row in rows}
    place = places.pop() if len(places) == 1 else _PLACES
    return TRACK[place] if place < _PLACES - 1 else None


def _next_place(row: PartnerRow) -> int:
    """The first place of the track that not every app has; the fork at its end where an audit has failed."""
    if row.stage == "audit_failed":
        return _PLACES - 1
    return next((at for at, letter in enumerate(row.track[:_PLACES]) if not letter.isupper()), _PLACES)


class StepDialog(Dialog[StepChoice]):
    """Record a step of the track for one or many partners."""

    HEADING = "Record a step"
    DEFAULT_CSS: ClassVar[str] = """
    StepDialog {
        #step { width: 26; }
        #columns { height: auto; }
        #right { width: 1fr; height: auto; padding-left: 2; }
        #standing { height: 5; margin-top: 1; color: $foreground; }
    }
    """

    def __init__(
        self,
        rows: Sequence[PartnerRow],
        *,
        today: int | None = None,
        choice: StepChoice | None = None,
        refusal: str = "",
    ) -> None:
        """Ask for the step.

        Args:
            rows: the partners as the list shows them.
            today: the date that stands there at first, microseconds UTC; the clock's where not given.
            choice: what was chosen before, where the step was refused.
        """
        super().__init__([row.name for row in rows], refusal=refusal)
        self._rows = tuple(rows)
        self._choice = choice
        self._today = now() if today is None else today

    def fields(self) -> ComposeResult:
        """Steps at the left; date, due date, app, evidence, note and who is left out at the right."""
        before = self._choice
        proposed = next_step(self._rows) if before is None else before.step
        date, due, app, evidence, note = (day(self._today), "", "", "", "") if before is None else before.typed()
        with Horizontal(id="columns"):
            yield Choice(
                [f"{LETTERS[step]} {step_words(step)}" for step in STEPS],
                chosen=None if proposed is None else STEPS.index(proposed),
                id="step",
            )
            with Vertical(id="right"):
                yield labelled("Date", TextField(date, placeholder="YYYY-MM-DD, or an instant", id="at"))
                yield labelled("Due", TextField(due, placeholder="YYYY-MM-DD, or empty", id="due"))
                if len(self._rows) == 1:
                    yield labelled("App id", TextField(app, placeholder="empty: all its apps", id="app"))
                yield labelled("Evidence", TextField(evidence, placeholder="path of a file, or empty", id="evidence"))
                yield labelled("Note", TextField(note, id="note"))
                with VerticalScroll(id="standing", can_focus=False):
                    yield Static("", markup=False, id="standing-words")

    def on_mount(self) -> None:
        """Begin with the steps."""
        self.query_one("#step").focus()
        self._say_standing()

    def on_choice_changed(self) -> None:
        """Another step: others are left out."""
        self._say_standing()

    def hint(self) -> str:
        """The keys."""
        return "j k step   tab goes on   enter records it   esc cancels"

    def answer(self) -> StepChoice | None:
        """The step; None when something is missing or cannot be read."""
        step = self._step()
        if step is None:
            self.complain("choose a step (j, k)")
            return None
        left_out = self._left_out(step)
        chosen = [row for row in self._rows if row.partner not in left_out]
        note = self.typed("note")
        if step == "waived" and not note:
            self.complain("waiving needs a note that says why")
            self.query_one("#note").focus()
            return None
        if not chosen and not note:
            self.complain("out of order or on hold: a note is needed that says why")
            self.query_one("#note").focus()
            return None
        date, due = self.typed("at"), self.typed("due")
        try:
            at, due_at = parse_point(date), parse_point(due) if due else None
        except ValueError as error:
            self.complain(str(error))
            return None
        return StepChoice(
            partners=tuple(row.partner for row in chosen or self._rows),
            step=step,
            at=at,
            at_is_date=len(date) == _DATE_LENGTH,
            app_id=(self.typed("app") or None) if len(self._rows) == 1 else None,
            due=due_at,
            note=note,
            evidence=self.typed("evidence") or None,
        )

    def _step(self) -> str | None:
        chosen = self.query_one("#step", Choice).chosen
        return None if chosen is None else STEPS[chosen]

    def _left_out(self, step: str) -> dict[int, str]:
        reasons = ((row.partner, out_of_order(row, step)) for row in self._rows)
        return {partner: reason for partner, reason in reasons if reason is not None}

    def _say_standing(self) -> None:
        """Who the step is recorded for, and who is left out and why."""
        step = self._step()
        if step is None:
            lines = ["Nothing is chosen: " + ("the track forks here." if self._agree() else "they stand differently.")]
        else:
            left_out = self._left_out(step)
            everyone_out = len(left_out) == len(self._rows)
            for_whom = len(self._rows) if everyone_out else len(self._rows) - len(left_out)
            lines = [f"To be recorded for {count(for_whom, 'partner')}."]
            if left_out:
                with_note = "Out of order, so a note is needed:" if everyone_out else "Left out:"
                lines.append(with_note)
            lines += [
                f"- {clean(row.name, 40)}: {left_out[row.partner]}" for row in self._rows if row.partner in left_out
            ]
        self.query_one("#standing-words", Static).update(Content("\n".join(lines)))

    def _agree(self) -> bool:
        return len({_next_place(row) for row in self._rows}) == 1
