"""Was this person read, by whom, when? Who else read this resource? A partner a line, and the way to its events."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING

from textual import on
from textual.app import ComposeResult
from textual.content import Content

from store import readers
from store.connection import Store
from store.readers import ReaderRow, Readers, filters_of
from store.stopping import Stop
from tui.screens.base import WorkScreen
from tui.screens.dialogs import LinePrompt
from tui.text import clean, count, day, fit, number, within
from tui.widgets.virtual_list import Piece, VirtualList

if TYPE_CHECKING:
    from tui.app import OverscopeApp

_KINDS = {"subject": "person", "resource": "resource"}
# Titles that fit where it is narrow, and what they count.
_NUMBERS: tuple[tuple[str, Callable[[ReaderRow], int]], ...] = (
    ("Restr", lambda row: row.restricted),
    ("After R", lambda row: row.after_removal),
    ("Unsettl", lambda row: row.events["undetermined"]),
    ("Allowed", lambda row: sum(row.events[name] for name in readers.ALLOWED)),
    ("Denied", lambda row: row.events["denied"]),
)
_ALL = "All partners"
_LEAST_NAME = 13
_WIDE = 100


def ask_for_id(app: "OverscopeApp", kind: str, *, known: str = "") -> None:
    """Ask for the id of a `subject` or a `resource`, and show who read it."""
    word = _KINDS[kind]

    def typed(text: str | None) -> None:
        if text:
            app.push_screen(WhoReadScreen(app.store, kind, text))

    hint = "a person's id or mail address, as in the log" if kind == "subject" else "a resource's id, as in the log"
    app.push_screen(LinePrompt(f"Who read the {word}", hint=hint, text=known), typed)


class ReaderList(VirtualList):
    """Partners, a line each; the first line is all of them together."""

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id, classes=classes)
        self.rows: Sequence[ReaderRow] = ()

    def show(self, rows: Sequence[ReaderRow]) -> None:
        """Show these; the cursor stays on its partner."""
        before = self.current
        self.rows = rows
        partners = [row.partner for row in rows]
        known = before is not None and before.partner in partners
        self.rows_changed(partners.index(before.partner) + 1 if known and before is not None else 0)

    @property
    def current(self) -> ReaderRow | None:
        """The partner under the cursor; None for all together."""
        return self.rows[self.cursor - 1] if 0 < self.cursor <= len(self.rows) else None

    def row_count(self) -> int:
        """All together, and each."""
        return len(self.rows) + 1 if self.rows else 0

    def draw_header(self, width: int) -> list[Piece]:
        """Names of the columns."""
        cells = _number_width(width)
        numbers = "".join(f" {fit(name, cells, right=True)}" for name, _ in _NUMBERS)
        return [(fit(f" {fit('Partner', _name_width(width))}{numbers}  First       Last", width), "")]

    def draw_row(self, index: int, width: int) -> list[Piece]:
        """One partner, or all."""
        shown = self.rows if index == 0 else [self.rows[index - 1]]
        name = _ALL if index == 0 else clean(self.rows[index - 1].name, 80)
        pieces: list[Piece] = [(f" {fit(name, _name_width(width))}", "strong" if index == 0 else "")]
        for title, value in _NUMBERS:
            amount = sum(value(row) for row in shown)
            style = "alarm" if amount and title in ("Restr", "After R") else "" if amount else "quiet"
            pieces.append((f" {fit(number(amount), _number_width(width), right=True)}", style))
        first, last = min(row.first_at for row in shown), max(row.last_at for row in shown)
        pieces.append((f"  {day(first)}  {day(last)}", "quiet"))
        return within(pieces, width)


def _number_width(width: int) -> int:
    return 10 if width >= _WIDE else 7


def _name_width(width: int) -> int:
    return max(_LEAST_NAME, width - 1 - (_number_width(width) + 1) * len(_NUMBERS) - 24)


class WhoReadScreen(WorkScreen):
    """Who read one person's, or one resource's, data; `enter` shows a partner's events of it."""

    PANES = ("readers",)
    DEFAULT_CSS = """
    WhoReadScreen #readers { height: 1fr; }
    """

    def __init__(self, store: Store, kind: str, asked: str) -> None:
        """Ask who read it.

        Args:
            kind: `subject` or `resource`.
            asked: its id, compared as ids are.
        """
        super().__init__()
        self._store = store
        self._kind = kind
        self._asked = asked
        self._answer: Readers | None = None
        self._stop = Stop()

    def body(self) -> ComposeResult:
        """The list."""
        yield ReaderList(id="readers", classes="pane")

    def on_mount(self) -> None:
        """Start on all partners together."""
        super().on_mount()
        self.listed.focus()
        self._say_title()

    def on_unmount(self) -> None:
        """Nobody waits for the answer any more."""
        self._stop.ask()

    @property
    def listed(self) -> ReaderList:
        """The list."""
        return self.query_one(ReaderList)

    def ask_all(self) -> None:
        """Ask who read it."""
        self._stop.ask()
        self._stop = stop = Stop()
        store, asked, kind = self._store, self._asked, self._kind
        question = partial(readers.readers, store, stop=stop, **{kind: asked})
        self.overscope.run_question(self, "readers", question, self._show)

    def _show(self, answer: Readers) -> None:
        self._answer = answer
        self.listed.show(answer.rows)
        self._say_title()

    @on(VirtualList.Moved)
    def _moved(self, message: VirtualList.Moved) -> None:
        message.stop()

    @on(VirtualList.Opened)
    def _opened(self, message: VirtualList.Opened) -> None:
        from tui.screens.events import EventsScreen

        message.stop()
        row = self.listed.current
        app = self.overscope
        self.app.push_screen(
            EventsScreen(
                self._store,
                None if row is None else row.partner,
                app.parameters,
                None,
                None,
                filters=filters_of(self._kind, self._asked),
            )
        )

    def action_who_read(self, kind: str) -> None:
        """Ask for another id."""
        ask_for_id(self.overscope, kind, known=self._asked if kind == self._kind else "")

    def copied(self) -> str | None:
        """Who read it, a partner after the other."""
        answer = self._answer
        if answer is None:
            return None
        told = "; ".join(
            f"{row.name} ({row.partner_id}): {count(row.restricted, 'restricted read')} of {count(row.total, 'event')}"
            for row in answer.rows
        )
        return f"{_KINDS[self._kind]} {self._asked}: {told or 'no event in the log'}"

    def _say_title(self) -> None:
        answer = self._answer
        what = f"Who read the {_KINDS[self._kind]}  "
        also = ""
        if answer is None:
            said = "reading"
        elif not answer.ids:
            near = f"; the nearest: {', '.join(answer.nearest)}" if answer.nearest else ""
            said = f"not known under this id{near}"
        else:
            read = sum(row.restricted for row in answer.rows)
            who = sum(row.restricted > 0 for row in answer.rows)
            said = f"{count(read, 'restricted read')} by {count(who, 'partner')}"
            said += f"; {count(len(answer.rows), 'partner')} in all"
            others = [one for one in answer.ids if one != self._asked]
            also = f"   the same person: {', '.join(others)}" if others and self._kind == "subject" else ""
        self.listed.border_title = Content.assemble(
            what, (clean(self._asked, 60), "bold"), f"   {clean(said, 200)}{clean(also, 120)}"
        )
        self.listed.border_subtitle = Content("of any time; as-of does not clip it")
