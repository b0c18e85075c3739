"""The questions asked before a case changes: each names the partners, and answers with what was chosen, or None.

They decide nothing: what is refused is refused by the store. Names and messages are data, and are cleaned here.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from textual.app import ComposeResult
from textual.containers import Horizontal, VerticalScroll
from textual.content import Content
from textual.widgets import Static

from store.cases import GROUNDS
from tui.screens.conflict_dialog import ConflictDialog
from tui.screens.dialog_base import Dialog, complaint, labelled, names_words
from tui.screens.step_dialog import StepChoice, StepDialog, loose_end_lines
from tui.text import GROUNDS_WORDS, clean
from tui.widgets.fields import Choice, Switch, TextField

__all__ = [
    "AssignChoice",
    "AssignDialog",
    "ClearChoice",
    "ClearDialog",
    "ConflictDialog",
    "FlagPrompt",
    "LinePrompt",
    "NoteChoice",
    "NoteDialog",
    "ReopenDialog",
    "StepChoice",
    "StepDialog",
]

_MORE = "tab goes on   space switches"
# What each ground claims, so that nobody has to know the rules by heart.
_GROUNDS_CLAIMS = {
    "no_access": "kept access, no read in the log",
    "allowed": "exempt, or everyone opted in",
    "deletion_verified": "deletion was verified by an audit",
    "enforced": "suspended, or referred to the authorities",
    "defunct": "the company is no more",
    "duplicate": "the same as another partner",
    "other": "the note says which",
}


@dataclass(frozen=True, slots=True)
class ClearChoice:
    """How a case is to be closed.

    Attributes:
        grounds: one of `store.cases.GROUNDS`.
        override: close it although the evidence contradicts the ground; needs a note.
    """

    grounds: str
    note: str
    override: bool


@dataclass(frozen=True, slots=True)
class NoteChoice:
    """A note; a privileged one stays out of reports."""

    note: str
    privileged: bool


@dataclass(frozen=True, slots=True)
class AssignChoice:
    """Whose cases these are to be; None gives them back."""

    assignee: str | None


class LinePrompt(Dialog[str]):
    """One line at the foot of the screen; `enter` confirms, also when nothing was typed.

    Why what was typed before was refused stands above it.
    """

    DEFAULT_CSS = """
    LinePrompt {
        align: center bottom;
        background: transparent;
        & > .prompt {
            height: 1;
            width: 100%;
            background: $panel;
            padding: 0 1;
            & > Static {
                width: auto;
                max-width: 60%;
                height: 1;
                color: $head;
                text-wrap: nowrap;
                text-overflow: ellipsis;
            }
            & > TextField { width: 1fr; margin-left: 1; }
        }
        .dialog--complaint { width: 100%; max-height: 3; background: $panel; padding: 0 1; }
    }
    """

    def __init__(
        self, label: str, *, hint: str = "", names: Sequence[str] = (), text: str = "", refusal: str = ""
    ) -> None:
        """Ask for a line.

        Args:
            label: what it is about; names in it are cleaned.
            hint: what may be typed, shown while nothing is.
            text: what stands there at first: what was typed before, where that was refused.
            refusal: why it was refused.
        """
        super().__init__(names, refusal=refusal)
        self._label = label
        self._hint = hint
        self._text = text

    def compose(self) -> ComposeResult:
        """Label and field, on one line, below a refusal."""
        if self._refusal:
            yield Static(complaint(self._refusal), markup=False, classes="dialog--complaint")
        with Horizontal(classes="prompt"):
            yield Static(Content(clean(self._label, 300)), markup=False)
            yield TextField(self._text, placeholder=self._hint, id="line")

    def answer(self) -> str:
        """What was typed, which may be nothing."""
        return self.typed("line")


class FlagPrompt(LinePrompt):
    """Flag these partners, with a note that may be empty."""

    def __init__(self, names: Sequence[str], *, note: str = "") -> None:
        """Ask for the note.

        Args:
            note: what was typed before, where flagging was refused.
        """
        hint = "a note, or nothing; enter flags, esc cancels"
        super().__init__(f"Flag {names_words(names)}", hint=hint, names=names, text=note)


class ClearDialog(Dialog[ClearChoice]):
    """Close cases: a ground, a note, and the override for when the evidence contradicts."""

    HEADING = "Close"
    DEFAULT_CSS = """
    ClearDialog #open { height: auto; max-height: 6; margin-top: 1; scrollbar-size-vertical: 1; }
    """

    def __init__(
        self,
        names: Sequence[str],
        *,
        refusal: str = "",
        choice: ClearChoice | None = None,
        asked: Sequence[str] = (),
        partners: Mapping[int, str] = MappingProxyType({}),
    ) -> None:
        """Ask for the ground.

        Args:
            refusal: why the store refused the last attempt; shown, so that an override is an informed one.
            choice: what was chosen in that attempt.
            asked: whose closing waits for a second person, a line each.
            partners: their names by internal id, for what is still open about each.
        """
        super().__init__(names, refusal=refusal)
        self._choice = choice
        self._asked = tuple(asked)
        self._partners = partners
        self._loose_ends: Mapping[int, Sequence[str]] | None = None

    def show_loose_ends(self, found: Mapping[int, Sequence[str]]) -> None:
        """What is still open about partners (internal ids) has been read: a note must say why they are closed."""
        self._loose_ends = found
        if self.is_open:
            self._say_open()

    def _say_open(self) -> None:
        lines = [clean(line, 200) for line in self._asked]
        if self._loose_ends is not None:
            lines += loose_end_lines(self._partners, self._loose_ends)
        box = self.query_one("#open", VerticalScroll)
        box.display = bool(lines)
        self.query_one("#open-words", Static).update(Content("\n".join(lines)))

    def fields(self) -> ComposeResult:
        """Grounds with what each claims, the note, the override."""
        lines = [f"{GROUNDS_WORDS[ground]:<24} {_GROUNDS_CLAIMS[ground]}" for ground in GROUNDS]
        chosen = None if self._choice is None else GROUNDS.index(self._choice.grounds)
        yield Choice(lines, chosen=chosen, id="grounds")
        yield Static("")
        note = "" if self._choice is None else self._choice.note
        yield labelled("Note", TextField(note, placeholder="needed for other, and for an override", id="note"))
        override = self._choice is not None and self._choice.override
        yield Switch("override: close it although the evidence contradicts the ground", on=override, id="override")
        with VerticalScroll(id="open", can_focus=False):
            yield Static("", markup=False, id="open-words")

    def on_mount(self) -> None:
        """Begin with the grounds."""
        self.query_one("#grounds").focus()
        self._say_open()

    def hint(self) -> str:
        """The keys."""
        return f"j k ground   {_MORE}   enter closes   esc cancels"

    def answer(self) -> ClearChoice | None:
        """The ground and the rest; None when a ground or a needed note is missing."""
        chosen = self.query_one("#grounds", Choice).chosen
        note, override = self.typed("note"), self.query_one("#override", Switch).on
        if chosen is None:
            self.complain("choose a ground (j, k)")
        elif not note and (override or GROUNDS[chosen] == "other" or self._loose_ends):
            self.complain("a note is needed: it says why")
            self.query_one("#note").focus()
        else:
            return ClearChoice(GROUNDS[chosen], note, override)
        return None


class ReopenDialog(Dialog[str]):
    """Reopen cases, with a note; shows the closure it takes back."""

    HEADING = "Reopen"

    def __init__(
        self, names: Sequence[str], closure: Sequence[str] | None = None, *, note: str = "", refusal: str = ""
    ) -> None:
        """Ask for the note.

        Args:
            closure: what stands now, a line each: `closed: audit passed by ana, 2020-01-20; coverage 569 of 580 days`;
                None where it is still being read: `show_closure` tells it.
            note: what was typed before, where reopening was refused.
        """
        super().__init__(names, refusal=refusal)
        self._closure = closure
        self._note = note

    def show_closure(self, closure: Sequence[str]) -> None:
        """What stands now has been read."""
        self._closure = closure
        for line in self.query("#closure").results(Static):
            line.update(self._closure_lines())

    def _closure_lines(self) -> Content:
        lines = ("reading what stands now ...",) if self._closure is None else self._closure
        return Content("\n".join(clean(line, 300) for line in lines))

    def fields(self) -> ComposeResult:
        """What stands now, and the note."""
        yield Static(self._closure_lines(), markup=False, classes="dialog--hint", id="closure")
        yield labelled("Note", TextField(self._note, placeholder="needed: why it is opened again", id="note"))

    def answer(self) -> str | None:
        """The note; None when there is none."""
        note = self.typed("note")
        if note:
            return note
        self.complain("a note is needed: it says why the case is opened again")
        return None


class NoteDialog(Dialog[NoteChoice]):
    """Add a note, privileged or not."""

    HEADING = "Note"

    def __init__(self, names: Sequence[str], *, choice: NoteChoice | None = None, refusal: str = "") -> None:
        """Ask for the note.

        Args:
            choice: what was typed before, where the note was refused.
        """
        super().__init__(names, refusal=refusal)
        self._choice = choice or NoteChoice("", False)

    def fields(self) -> ComposeResult:
        """The note and the switch."""
        yield labelled("Note", TextField(self._choice.note, id="note"))
        label = "privileged: stays out of reports, which say how many were withheld"
        yield Switch(label, on=self._choice.privileged, id="privileged")

    def hint(self) -> str:
        """The keys."""
        return f"{_MORE}   enter adds the note   esc cancels"

    def answer(self) -> NoteChoice | None:
        """The note; None when there is none."""
        note = self.typed("note")
        if note:
            return NoteChoice(note, self.query_one("#privileged", Switch).on)
        self.complain("the note is empty")
        return None


class AssignDialog(Dialog[AssignChoice]):
    """Give cases to somebody, or take them back with an empty name."""

    HEADING = "Assign"

    def __init__(
        self, names: Sequence[str], *, assignee: str | None = None, suggestion: str = "", refusal: str = ""
    ) -> None:
        """Ask for a name.

        Args:
            assignee: whose they are now, where they are all the same person's.
            suggestion: what stands there at first, e.g. one's own name.
        """
        super().__init__(names, refusal=refusal)
        self._assignee = assignee
        self._suggestion = suggestion

    def fields(self) -> ComposeResult:
        """Whose it is, and whose it is to be."""
        if self._assignee is not None:
            yield Static(Content(clean(f"now with {self._assignee}", 200)), markup=False, classes="dialog--hint")
        yield labelled("To", TextField(self._suggestion, placeholder="empty: to nobody", id="assignee"))

    def answer(self) -> AssignChoice:
        """The name; an empty one means nobody."""
        return AssignChoice(self.typed("assignee") or None)
