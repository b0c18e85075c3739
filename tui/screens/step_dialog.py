"""The dialog that records a step for one or many partners: which, when, on what evidence, with what it says besides.

It says beforehand which partners are left out and why, and what a passed audit would leave open; the store decides
again when the step is recorded. Only the fields that the chosen step needs are shown.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.content import Content
from textual.widgets import Static

from store.audits import LETTERS, SIDE_STATES, TRACK
from store.errors import UsageError
from store.instants import MICROSECONDS_PER_DAY, now, parse_point
from store.partners import PartnerRow
from store.step_details import (
    DECLARATIONS,
    NAMED,
    NO_RECIPIENTS,
    RECIPIENT_STEPS,
    SAMPLE_CHECKED,
    STATEMENT,
    UNANSWERED,
    Details,
    check_details,
)
from tui.screens.dialog_base import Dialog, labelled
from tui.text import clean, count, day, instant, step_words
from tui.widgets.fields import Choice, TextField

# For one partner; for many only what many can say alike.
STEPS = (*TRACK, *SIDE_STATES, *DECLARATIONS)
STEPS_OF_MANY = (*TRACK, *SIDE_STATES, NO_RECIPIENTS, UNANSWERED)
# Steps that a letter goes with.
LETTER_STEPS = ("notified", "deletion_requested")
# The last two steps of the track are alternatives: one place.
_PLACES = len(TRACK) - 1
_DATE_LENGTH = len("2019-10-05")
_MOVES = (*TRACK, *SIDE_STATES)
# Which steps each field is for; those that are not named are for all.
_FIELDS: Mapping[str, tuple[str, ...]] = {
    "due": (*_MOVES, RECIPIENT_STEPS[0]),
    "app": _MOVES,
    "people": (STATEMENT,),
    "recipient": (NAMED, *RECIPIENT_STEPS),
    "sample": (SAMPLE_CHECKED,),
    "checked": (SAMPLE_CHECKED,),
    "found": (SAMPLE_CHECKED,),
    "letters": LETTER_STEPS,
}
_MOST_ENDS = 40
_HEIGHTS = [(0, "-flat"), (22, "-low"), (32, "-tall")]
NO_DETAILS = Details()


@dataclass(frozen=True, slots=True)
class StepChoice:
    """A step to record.

    Attributes:
        partners: internal ids of those it is recorded for: the others are out of order, or on hold.
        at: microseconds UTC; `at_is_date`: only its date is known.
        app_id: the one app it is about; None for the whole partner.
        due: microseconds UTC, or None.
        evidence: path of a file, or None.
        details: what else it says.
        letters: a folder for a letter to each partner, which becomes its evidence; None: no letters.
    """

    partners: tuple[int, ...]
    step: str
    at: int
    at_is_date: bool
    app_id: str | None
    due: int | None
    note: str
    evidence: str | None
    details: Details = NO_DETAILS
    letters: str | None = None

    def typed(self) -> dict[str, str]:
        """What was typed, by field, as it may be typed again."""
        due = "" if self.due is None else instant(self.due) if self.due % MICROSECONDS_PER_DAY else day(self.due)
        said = {name: str(value) for name, value in self.details.document().items()}
        return {
            "at": day(self.at) if self.at_is_date else instant(self.at),
            "due": due,
            "app": self.app_id or "",
            "evidence": self.evidence or "",
            "note": self.note,
            "letters": self.letters or "",
            **said,
        }


def out_of_order(row: PartnerRow, step: str) -> str | None:
    """Why a step does not come next for a partner, in words; None when it does, and for a step off the track."""
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
    """Record a step for one or many partners."""

    HEADING = "Record a step"
    VERTICAL_BREAKPOINTS = _HEIGHTS
    DEFAULT_CSS: ClassVar[str] = """
    StepDialog {
        #steps { width: 26; height: auto; max-height: 8; scrollbar-size-vertical: 1; }
        &.-low #steps { max-height: 15; }
        &.-tall #steps { max-height: 20; }
        #columns { height: auto; }
        #right { width: 1fr; height: auto; padding-left: 2; }
        #standing { height: 3; margin-top: 1; color: $foreground; scrollbar-size-vertical: 1; }
        &.-low #standing { height: 6; }
        &.-tall #standing { height: 10; }
    }
    """

    def __init__(
        self,
        rows: Sequence[PartnerRow],
        *,
        today: int | None = None,
        choice: StepChoice | None = None,
        refusal: str = "",
        sample: int | None = None,
        recipients: Sequence[str] = (),
        ask_loose_ends: Callable[["StepDialog"], None] | None = None,
    ) -> None:
        """Ask for the step.

        Args:
            rows: the partners as the list shows them.
            today: the date that stands there at first, microseconds UTC; the clock's where not given.
            choice: what was chosen before, where the step was refused.
            sample: the entry that drew the partner's last sample, which stands there at first.
            recipients: whom the partner named.
            ask_loose_ends: called once a passed audit is chosen; `show_loose_ends` takes the answer.
        """
        super().__init__([row.name for row in rows], refusal=refusal)
        self._rows = tuple(rows)
        self._choice = choice
        self._today = now() if today is None else today
        self._steps = STEPS if len(rows) == 1 else STEPS_OF_MANY
        self._sample = sample
        self._recipients = tuple(recipients)
        self._ask_loose_ends = ask_loose_ends
        self._loose_ends: Mapping[int, Sequence[str]] | None = None

    def fields(self) -> ComposeResult:
        """Steps at the left; the fields that the chosen one needs, and who is left out, at the right."""
        before = self._choice
        proposed = next_step(self._rows) if before is None else before.step
        typed = {} if before is None else before.typed()
        typed.setdefault("at", day(self._today))
        typed.setdefault("sample", "" if self._sample is None else str(self._sample))
        with Horizontal(id="columns"):
            with VerticalScroll(id="steps", can_focus=False):
                yield Choice(
                    [f"{LETTERS.get(step, ' ')} {step_words(step)}" for step in self._steps],
                    chosen=None if proposed is None else self._steps.index(proposed),
                    id="step",
                )
            with Vertical(id="right"):
                for field, label, hint in (
                    ("at", "Date", "YYYY-MM-DD, or an instant"),
                    ("due", "Due", "YYYY-MM-DD, or empty: by a clock"),
                    ("app", "App id", "empty: all its apps"),
                    ("people", "People", "how many it says it held"),
                    ("recipient", "Recipient", "whom the data went to"),
                    ("sample", "Sample", "the entry that drew it, such as 98"),
                    ("checked", "Checked", "how many were looked for, in all"),
                    ("found", "Found", "how many of those were still held"),
                    ("letters", "Letters", "a folder: a letter each, as evidence"),
                    ("evidence", "Evidence", "path of a file, or empty"),
                    ("note", "Note", ""),
                ):
                    yield labelled(label, TextField(typed.get(field, ""), placeholder=hint, id=field))
                with VerticalScroll(id="standing", can_focus=False):
                    yield Static("", markup=False, id="standing-words")

    def on_mount(self) -> None:
        """Begin with the steps."""
        self.query_one("#step").focus()
        self._step_chosen()

    def on_choice_changed(self) -> None:
        """Another step: other fields, and others are left out."""
        self._step_chosen()

    def hint(self) -> str:
        """The keys."""
        return "j k step   tab goes on   enter records it   esc cancels"

    def show_loose_ends(self, found: Mapping[int, Sequence[str]]) -> None:
        """What is still open about partners (internal ids) has been read."""
        self._loose_ends = found
        if self.is_open:
            self._say_standing()

    def answer(self) -> StepChoice | None:
        """The step; None when something is missing or cannot be read."""
        step = self._step()
        if step is None:
            self.complain("choose a step (j, k)")
            return None
        left_out = self._left_out(step)
        chosen = [row for row in self._rows if row.partner not in left_out] or list(self._rows)
        if why := self._needs_note(step, chosen, everyone_out=len(left_out) == len(self._rows)):
            self.complain(why)
            self.query_one("#note").focus()
            return None
        letters, evidence, app = self._typed("letters"), self._typed("evidence"), self._typed("app")
        if letters and (evidence or app):
            self.complain("with letters, which are the evidence, leave app and evidence empty")
            return None
        date, due = self._typed("at"), self._typed("due")
        try:
            return StepChoice(
                partners=tuple(row.partner for row in chosen),
                step=step,
                at=parse_point(date),
                at_is_date=len(date) == _DATE_LENGTH,
                app_id=app or None,
                due=parse_point(due) if due else None,
                note=self._typed("note"),
                evidence=evidence or None,
                details=self._details(step),
                letters=letters or None,
            )
        except (ValueError, UsageError) as error:
            self.complain(str(error))
            return None

    def _details(self, step: str) -> Details:
        """What the step says besides, checked as the store will.

        Raises:
            ValueError, UsageError: a number that is none, or something is missing.
        """
        numbers: dict[str, int | None] = {}
        for name in ("people", "sample", "checked", "found"):
            text = self._typed(name).removeprefix("#").replace(",", "")
            if text and not text.isdecimal():
                raise ValueError(f"{name}: {text!r} is no number")
            numbers[name] = int(text) if text else None
            if self._is_shown(name) and numbers[name] is None:
                self.query_one(f"#{name}").focus()
                raise ValueError(f"{name}: a number is needed")
        recipient = self._typed("recipient")
        if self._is_shown("recipient") and not recipient:
            self.query_one("#recipient").focus()
            raise ValueError("recipient: a name is needed")
        details = Details(recipient=recipient or None, **numbers)
        return check_details(step, details) or NO_DETAILS

    def _typed(self, field: str) -> str:
        """What was typed into a field that the step has; nothing for one that it has not."""
        return self.typed(field) if self._is_shown(field) else ""

    def _is_shown(self, field: str) -> bool:
        step = self._step()
        if field == "app" and len(self._rows) > 1:
            return False
        return field not in _FIELDS or (step is not None and step in _FIELDS[field])

    def _needs_note(self, step: str, chosen: Sequence[PartnerRow], *, everyone_out: bool) -> str:
        """Why a note is needed, in words; empty where it is not, or is there."""
        if self._typed("note"):
            return ""
        if step == "waived":
            return "waiving needs a note that says why"
        if everyone_out:
            return "out of order or on hold: a note is needed that says why"
        if step == "audit_passed" and any((self._loose_ends or {}).get(row.partner) for row in chosen):
            return "there are loose ends: a note is needed that says why it passes all the same"
        return ""

    def _step(self) -> str | None:
        chosen = self.query_one("#step", Choice).chosen
        return None if chosen is None else self._steps[chosen]

    def _left_out(self, step: str) -> dict[int, str]:
        reasons = ((row.partner, out_of_order(row, step)) for row in self._rows)
        return {partner: reason for partner, reason in reasons if reason is not None}

    def _step_chosen(self) -> None:
        for field in ("at", "evidence", "note", *_FIELDS):
            row = self.query_one(f"#{field}").parent
            assert row is not None
            row.display = self._is_shown(field)
        # How many lines fit is known once it is laid out.
        self.call_after_refresh(self._show_chosen)
        if self._step() == "audit_passed" and self._ask_loose_ends is not None:
            ask, self._ask_loose_ends = self._ask_loose_ends, None
            ask(self)
        self._say_standing()

    def _show_chosen(self) -> None:
        """Scroll the chosen step into view."""
        chosen = self.query_one("#step", Choice).chosen
        steps = self.query_one("#steps", VerticalScroll)
        if chosen is not None and steps.size.height:
            top = min(max(round(steps.scroll_offset.y), chosen - steps.size.height + 1), chosen)
            steps.scroll_to(y=top, animate=False)

    def _say_standing(self) -> None:
        """Who the step is recorded for, who is left out and why, and what a passed audit leaves open."""
        step = self._step()
        if step is None:
            lines = ["Nothing is chosen: " + ("the track forks here." if self._agree() else "they stand differently.")]
        else:
            lines = [*self._standing(step), *self._open_ends(step)]
            if step in _FIELDS["recipient"] and self._recipients:
                lines.append(f"Named so far: {', '.join(clean(name, 60) for name in self._recipients)}")
        self.query_one("#standing-words", Static).update(Content("\n".join(lines)))

    def _standing(self, step: str) -> list[str]:
        left_out = self._left_out(step)
        everyone_out = len(left_out) == len(self._rows)
        for_whom = len(self._rows) if everyone_out else len(self._rows) - len(left_out)
        lines = [f"To be recorded for {count(for_whom, 'partner')}."]
        lines += [f"{clean(row.name, 40)}: {asked}" for row in self._rows if (asked := _asked(row))]
        if left_out:
            lines.append("Out of order, so a note is needed:" if everyone_out else "Left out:")
        return lines + [
            f"- {clean(row.name, 40)}: {left_out[row.partner]}" for row in self._rows if row.partner in left_out
        ]

    def _open_ends(self, step: str) -> list[str]:
        if step != "audit_passed" or self._loose_ends is None:
            return []
        return loose_end_lines({row.partner: row.name for row in self._rows}, self._loose_ends)

    def _agree(self) -> bool:
        return len({_next_place(row) for row in self._rows}) == 1


def _asked(row: PartnerRow) -> str:
    return "" if row.asked_by is None else f"its closing was asked by {clean(row.asked_by, 40)}"


def loose_end_lines(names: Mapping[int, str], found: Mapping[int, Sequence[str]]) -> list[str]:
    """The loose ends of partners, clean, a line each, under a line that says what they ask for; none for none.

    Args:
        names, found: by internal id.
    """
    called = {partner: f"{clean(name, 40)}: " if len(names) > 1 else "" for partner, name in names.items()}
    lines = [f"- {called.get(partner, '')}{clean(end, 200)}" for partner, ends in found.items() for end in ends]
    if not lines:
        return []
    more = [f"and {len(lines) - _MOST_ENDS} more"] if len(lines) > _MOST_ENDS else []
    return [f"! {count(len(lines), 'loose end')}: a note must say why", *lines[:_MOST_ENDS], *more]
