"""The question asked when cases have moved on since they were looked at: who changed what, when, old and new.

It decides nothing and does nothing; notes, names and messages are data, and are cleaned here.
"""

from collections.abc import Iterator
from typing import Literal

from rich.cells import cell_len
from textual import events
from textual.app import ComposeResult
from textual.containers import Vertical, VerticalScroll
from textual.content import Content
from textual.widgets import Static

from store.conflicts import CaseChanges, CaseState, Conflict
from store.ledger import Action
from tui.screens.dialog_base import Dialog
from tui.text import clean, count, fit, instant, number, status_words, step_words
from tui.widgets.fields import Choice
from tui.widgets.record import entry_of

Decision = Literal["leave", "back", "again"]
# What is done on the case as it is now comes last, so that keys meant for the list below do not choose it.
_DECISIONS: tuple[tuple[Decision, str], ...] = (
    ("leave", "leave it: nothing is done"),
    ("back", "go back and change what you chose"),
    ("again", "do it all the same, on the case as it is now"),
)
_ENTRY_TEXT = 400
# The borders, what was wanted, the blank lines, the decisions and the complaint.
_ROWS_BESIDE_CHANGES = 12


class ConflictDialog(Dialog[Decision]):
    """Cases have moved on since they were read: shows what became of them, and lets the person decide."""

    HEADING = "Not done: somebody was faster"
    DEFAULT_CSS = """
    ConflictDialog {
        & > .dialog { width: 100; }
        .conflict--wanted { height: auto; max-height: 4; }
        .conflict--changes { height: auto; margin: 0 0 1 0; scrollbar-size-vertical: 1; }
        .conflict--changes > Static { height: auto; padding-left: 2; }
        .conflict--changes > .conflict--name { padding-left: 0; }
    }
    """

    def __init__(self, found: Conflict, wanted: str) -> None:
        """Ask what to do.

        Args:
            found: what moved on.
            wanted: what was not done, in words: `flag Ribbon Social`.
        """
        super().__init__([each.name for each in found.changed])
        self._found = found
        self._wanted = wanted

    def compose(self) -> ComposeResult:
        """What was wanted, what moved on, and the decisions; none is chosen."""
        with Vertical(classes="dialog") as box:
            yield Static(Content(self._what_happened()), markup=False, classes="conflict--wanted")
            with VerticalScroll(classes="conflict--changes"):
                for line, is_name in conflict_lines(self._found):
                    yield Static(line, markup=False, classes="conflict--name" if is_name else "")
            yield Choice([words for _, words in _DECISIONS], id="decision")
            yield Static("", markup=False, classes="dialog--complaint")
        box.border_title = Content(self.HEADING)
        box.border_subtitle = Content(self.hint())

    def _what_happened(self) -> str:
        moved, asked = len(self._found.changed) + self._found.more, len(self._found.versions)
        which = "the case" if asked == 1 else f"{number(moved)} of {number(asked)} cases"
        return f"You wanted: {clean(self._wanted, 300)}\nSince you looked {which} moved on:"

    def on_mount(self) -> None:
        """Begin with the decision."""
        self.query_one("#decision").focus()

    def on_resize(self, event: events.Resize) -> None:
        """What moved on scrolls; the decisions stay in sight, however low the screen."""
        self.query_one(".conflict--changes").styles.max_height = max(event.size.height - _ROWS_BESIDE_CHANGES, 1)

    def hint(self) -> str:
        """The keys."""
        return "j k choose   enter confirms   tab scrolls   esc leaves it"

    def answer(self) -> Decision | None:
        """The decision; None while there is none."""
        chosen = self.query_one("#decision", Choice).chosen
        if chosen is None:
            self.complain("choose one (j, k)")
            return None
        return _DECISIONS[chosen][0]


def conflict_lines(found: Conflict) -> Iterator[tuple[Content, bool]]:
    """What became of each case: seen, now, and the log between; and whether a line is a partner's name. Clean text."""
    for place, case in enumerate(found.changed):
        if place:
            yield Content(""), False
        name, partner_id = clean(case.name, 120), clean(case.partner_id, 60)
        yield Content.assemble((name, "$head bold"), (f"   {partner_id}", "$quiet")), True
        lines = [*_two_states(case)]
        if case.earlier:
            lines.append(Content.assemble((f"{count(case.earlier, 'entry')} before these", "$quiet")))
        lines += [_entry_line(entry) for entry in case.entries]
        yield from ((line, False) for line in lines)
    if found.more:
        yield Content(""), False
        yield Content(f"and {count(found.more, 'more case')}"), True


def _two_states(case: CaseChanges) -> Iterator[Content]:
    """Both states, one above the other, in columns; what differs is marked in the lower one."""
    seen, now = _words(case.seen), _words(case.now)
    widths = [max(cell_len(before), cell_len(after)) for before, after in zip(seen, now, strict=True)]
    columns = "   ".join(fit(text, width) for text, width in zip(seen, widths, strict=True))
    yield Content(f"you saw  {columns}".rstrip())
    parts: list[tuple[str, str]] = [("it is    ", "")]
    for before, after, width in zip(seen, now, widths, strict=True):
        parts.append((fit(after, width), "" if before == after else "$warning bold"))
        parts.append(("   ", ""))
    yield Content.assemble(*parts).rstrip()


def _words(state: CaseState) -> tuple[str, str, str]:
    status = status_words(state.status, state.grounds, override=state.override)
    whose = "with nobody" if state.assignee is None else f"with {clean(state.assignee, 24)}"
    return clean(status, 60), whose, step_words(state.stage)


def _entry_line(action: Action) -> Content:
    """`#412  2020-01-20 14:02:11Z  bo  flagged  counsel asked for it`."""
    entry = entry_of(action)
    at = instant(action.at)[:19].replace("T", " ")
    private = "   PRIVILEGED" if entry.privileged else ""
    text = f"   {clean(entry.text, _ENTRY_TEXT)}" if entry.text else ""
    return Content.assemble(
        (f"#{action.seq} {at}Z ", "$quiet"), (f"{entry.who} {entry.what}", "bold"), (private, "$warning"), text
    )
