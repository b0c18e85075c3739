"""The action log: what each person did, when, to which case; newest first, searched as you type."""

from functools import partial
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.content import Content
from textual.widgets import Input

from store import ledger, partners
from store.connection import Store
from store.ledger import Action
from store.parameters import Parameters
from store.partners import PartnerRow
from tui.keys import bindings
from tui.screens.base import WorkScreen
from tui.screens.details import DetailsDialog
from tui.text import clean, count, number
from tui.widgets.filter_line import FilterLine
from tui.widgets.record import Entry, entries_of, entry_details
from tui.widgets.record_list import RecordList
from tui.widgets.virtual_list import VirtualList


class ActionLogScreen(WorkScreen):
    """The whole log of one store."""

    PANES = ("record",)
    BINDINGS: ClassVar[list[BindingType]] = [*bindings("list.filter")]
    DEFAULT_CSS = """
    ActionLogScreen #record { height: 1fr; }
    """

    def __init__(self, store: Store) -> None:
        """Show the log of this store."""
        super().__init__()
        self._store = store
        self._actions: list[Action] = []
        self._set_back: dict[int, int] = {}
        self._entries: list[Entry] = []
        self._is_read = False
        self._names: dict[str, str] = {}
        self._filter = ""

    def body(self) -> ComposeResult:
        """The list, and the filter's line."""
        yield RecordList(partner_name=self._called, id="record", classes="pane")
        yield FilterLine(id="filter")

    def on_mount(self) -> None:
        """Start on the newest entry."""
        super().on_mount()
        self.record.focus()
        self._say_count()

    @property
    def record(self) -> RecordList:
        """The list."""
        return self.query_one(RecordList)

    def ask_all(self) -> None:
        """Ask for the log, and for the partners' names."""
        store, parameters = self._store, self._parameters()
        self.overscope.run_question(self, "names", lambda: partners.partner_list(store, parameters), self._show_names)
        self.overscope.run_question(self, "log", lambda: ledger.actions(store), self._show_log)
        self.overscope.run_question(self, "clock", lambda: ledger.clock_went_back(store), self._show_clock)

    def action_filter(self) -> None:
        """Open the search line."""
        self.query_one(FilterLine).open(self._filter)

    @on(Input.Changed, "#filter-text")
    def _filter_changed(self, message: Input.Changed) -> None:
        message.stop()
        self._filter = message.value
        self._show_matching()

    @on(FilterLine.Closed)
    def _filter_closed(self, message: FilterLine.Closed) -> None:
        message.stop()
        self.record.focus()

    @on(VirtualList.Opened)
    def _opened(self, message: VirtualList.Opened) -> None:
        message.stop()
        entry = self.record.current
        if entry is not None:
            seq = "" if entry.action is None else f"#{entry.action.seq} "
            self.app.push_screen(DetailsDialog(f"{seq}{entry.what}", entry_details(entry)))

    def step_back(self) -> bool:
        """Close the search line, then drop the search, then the screen."""
        if self.query_one(FilterLine).close() or super().step_back():
            return True
        if not self._filter:
            return False
        self.query_one(FilterLine).clear()
        self._filter = ""
        self._show_matching()
        return True

    def copied(self) -> str | None:
        """The entry under the cursor, with its hash."""
        entry = self.record.current
        if entry is None or entry.action is None:
            return None
        return "; ".join(f"{name}: {value}" for name, value in entry_details(entry))

    def _parameters(self) -> Parameters:
        return self.overscope.parameters

    def _called(self, partner_id: str) -> str:
        return self._names.get(partner_id, partner_id)

    def _show_names(self, rows: list[PartnerRow]) -> None:
        self._names = {row.partner_id: row.name for row in rows}
        self._show_matching()

    def _show_log(self, actions: list[Action]) -> None:
        self._actions = actions
        self._entries = entries_of(actions, set_back=self._set_back)
        self._is_read = True
        self._show_matching()

    def _show_clock(self, set_back: dict[int, int]) -> None:
        self._set_back = set_back
        self._entries = entries_of(self._actions, set_back=set_back)
        self._show_matching()

    def _show_matching(self) -> None:
        words = self._filter.casefold().split()
        shown = self._entries
        if words:
            searched = partial(self._holds, words)
            shown = [entry for entry in self._entries if searched(entry)]
        self.record.show(shown)
        self._say_count()

    def _holds(self, words: list[str], entry: Entry) -> bool:
        """Whether every word occurs in the entry."""
        partner_id = "" if entry.action is None or entry.action.partner_id is None else entry.action.partner_id
        seq = "" if entry.action is None else f"#{entry.action.seq}"
        parts = (seq, entry.who, entry.what, entry.text, partner_id, self._called(partner_id))
        text = "\n".join(parts).casefold()
        return all(word in text for word in words)

    def _say_count(self) -> None:
        pane = self.record
        shown, of = len(pane.entries), len(self._entries)
        some = f"{number(shown)} of {count(of, 'entry')}" if shown != of else count(of, "entry")
        some = some if self._is_read else "reading"
        searched = f"   search: {clean(self._filter, 60)}" if self._filter else ""
        pane.border_title = Content(f"Action log   {some}{searched}")
