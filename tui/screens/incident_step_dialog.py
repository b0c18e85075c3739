"""The dialog that records a step of the incident itself: the authority told, the people told, the report filed."""

from dataclasses import dataclass
from typing import ClassVar

from textual.app import ComposeResult
from textual.widgets import Static

from store.audits import INCIDENT_STEPS
from store.instants import now, parse_point
from tui.screens.dialog_base import Dialog, labelled
from tui.text import day, instant, step_words
from tui.widgets.fields import Choice, TextField

_DATE_LENGTH = len("2019-10-05")


@dataclass(frozen=True, slots=True)
class IncidentStepChoice:
    """A step of the incident to record.

    Attributes:
        at: microseconds UTC; `at_is_date`: only its date is known.
        evidence: path of a file, or None.
    """

    step: str
    at: int
    at_is_date: bool
    note: str
    evidence: str | None


class IncidentStepDialog(Dialog[IncidentStepChoice]):
    """Record a step of the incident; it stops the clock of its name, and is about no partner."""

    HEADING = "Record a step of the incident"
    DEFAULT_CSS: ClassVar[str] = "IncidentStepDialog .dialog--names { display: none; }"

    def __init__(
        self,
        *,
        step: str | None = None,
        today: int | None = None,
        choice: IncidentStepChoice | None = None,
        refusal: str = "",
    ) -> None:
        """Ask for the step.

        Args:
            step: chosen at first, one of `INCIDENT_STEPS`, such as that of the clock under the cursor.
            today: the date that stands there at first, microseconds UTC; the clock's where not given.
            choice: what was chosen before, where it was refused.
        """
        super().__init__([], refusal=refusal)
        self._choice = choice
        self._proposed = step if choice is None else choice.step
        self._today = now() if today is None else today

    def fields(self) -> ComposeResult:
        """The steps, then date, evidence and note."""
        before = self._choice
        chosen = None if self._proposed is None else INCIDENT_STEPS.index(self._proposed)
        yield Choice([step_words(step) for step in INCIDENT_STEPS], chosen=chosen, id="step")
        yield Static("")
        date = day(self._today)
        if before is not None:
            date = day(before.at) if before.at_is_date else instant(before.at)
        yield labelled("Date", TextField(date, placeholder="YYYY-MM-DD, or an instant", id="at"))
        evidence = "" if before is None else before.evidence or ""
        yield labelled("Evidence", TextField(evidence, placeholder="path of a file, or empty", id="evidence"))
        yield labelled("Note", TextField("" if before is None else before.note, id="note"))

    def on_mount(self) -> None:
        """Begin with the steps; with the date, where one is chosen."""
        self.query_one("#step" if self._proposed is None else "#at").focus()

    def hint(self) -> str:
        """The keys."""
        return "j k step   tab goes on   enter records it   esc cancels"

    def answer(self) -> IncidentStepChoice | None:
        """The step; None when something is missing or cannot be read."""
        chosen = self.query_one("#step", Choice).chosen
        if chosen is None:
            self.complain("choose a step (j, k)")
            return None
        date = self.typed("at")
        try:
            at = parse_point(date)
        except ValueError as error:
            self.complain(str(error))
            return None
        return IncidentStepChoice(
            step=INCIDENT_STEPS[chosen],
            at=at,
            at_is_date=len(date) == _DATE_LENGTH,
            note=self.typed("note"),
            evidence=self.typed("evidence") or None,
        )
