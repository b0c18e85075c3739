"""Exactly the rows that one number of the sheet counts, and the way on from each: a case, an event, a person, a day."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from typing import ClassVar, NamedTuple

from rich.cells import cell_len
from textual import events, on
from textual.app import ComposeResult
from textual.content import Content

from store import event_pages, figures, names, rulebook, sheet_rows
from store.connection import Store
from store.event_filters import EventFilters, Term
from store.event_pages import EventPage, EventQuestion
from store.figures import Figures
from store.instants import MICROSECONDS_PER_DAY, parse_point
from store.parameters import Parameters
from store.sheet import what_if_words
from store.sheet_rows import SheetRows
from store.sheet_words import cell_range, cell_words, number_in, qualifier_words
from store.words import qualified
from tui.fitting import Fact, fit_facts
from tui.screens.base import WorkScreen
from tui.text import clean, count, fit, number
from tui.widgets.sheet_layout import short_cell_words
from tui.widgets.sheet_rows_list import BLOCK, SheetRowsList
from tui.widgets.virtual_list import VirtualList, border_room

_NAME_CUTS, _WHAT_CUTS = (24, 10), (60, 40, 24)


class Answer(NamedTuple):
    """The first rows, and the figures and the rulebook that the number stands among."""

    rows: SheetRows
    figures: Figures
    rulebook: str


class SheetRowsScreen(WorkScreen):
    """The rows of a cell; the number is the title."""

    PANES: ClassVar[tuple[str, ...]] = ("rows",)
    DEFAULT_CSS = """
    SheetRowsScreen #rows { height: 1fr; }
    """

    def __init__(self, store: Store, parameters: Parameters, cell: str) -> None:
        """Show the rows of a cell under these parameters."""
        super().__init__()
        self._store = store
        self._parameters = parameters
        self._cell = cell
        self._answer: Answer | None = None
        self._is_reading = False

    def body(self) -> ComposeResult:
        """The list."""
        yield SheetRowsList(id="rows", classes="pane")

    def on_mount(self) -> None:
        """Start on the first row."""
        super().on_mount()
        self.listed.focus()
        self.listed.border_title = Content(f"{self.called(None)}   reading ...")

    @property
    def listed(self) -> SheetRowsList:
        """The list."""
        return self.query_one(SheetRowsList)

    def ask_all(self) -> None:
        """Ask for the rows anew, and for what partners are called."""
        store, parameters, read = self._store, self._parameters, self._reading()
        self._is_reading = True

        def question() -> Answer:
            with store.reading():
                return Answer(
                    read(0),
                    figures.figures(store, parameters),
                    rulebook.current_rulebook(store).sha256,
                )

        self.overscope.run_question(self, "names", lambda: names.names_by_id(store), self._show_names)
        self.overscope.run_question(self, "rows", question, self._show, self._failed)

    def _show(self, answer: Answer) -> None:
        self._answer = answer
        self._is_reading = False
        self.listed.begin(answer.rows)
        self._say_title()
        self._read_on()

    def _show_names(self, found: Mapping[str, str]) -> None:
        self.listed.call_partners(found)

    def _failed(self, error: Exception) -> None:
        self._is_reading = False
        if self._answer is None:
            self.listed.border_title = Content(f"{self.called(None)}   not read: R tries again")
        self.overscope.show_error(error)

    def _read_on(self) -> None:
        """Read a block that is in view and not here; one question at a time."""
        first = self.listed.missing()
        if self._is_reading or first is None:
            return
        self._is_reading = True
        read = self._reading()
        self.overscope.run_question(self, "rows", lambda: read(first), partial(self._show_more, first), self._failed)

    def _reading(self) -> Callable[[int], SheetRows]:
        """What reads a block of rows from a place on; for a thread."""
        store, parameters, cell = self._store, self._parameters, self._cell
        return lambda first: sheet_rows.sheet_rows(store, parameters, cell, first=first, limit=BLOCK)

    def _show_more(self, first: int, found: SheetRows) -> None:
        self._is_reading = False
        if found.number != self.listed.total:
            # The evidence changed meanwhile: places mean other rows now.
            self.ask_all()
            return
        self.listed.add(first, found)
        self._say_place()
        self._read_on()

    @on(SheetRowsList.Wanted)
    def _wanted(self, message: SheetRowsList.Wanted) -> None:
        message.stop()
        self._read_on()

    @on(VirtualList.Moved)
    def _moved(self, message: VirtualList.Moved) -> None:
        message.stop()
        self._say_place()

    # -- what the borders say, and what is copied --------------------------------------------------------------------

    def called(self, answer: Answer | None) -> str:
        """What the rows are; clean."""
        return cell_words(self._cell, None if answer is None else answer.figures)

    def qualifier(self, answer: Answer) -> str:
        """Of the number; empty for one that is what it is."""
        return number_in(answer.figures, self._cell).qualifier

    def _number(self, answer: Answer) -> str:
        """The number as the sheet shows it: made of the rows."""
        qualifier, total = self.qualifier(answer), answer.rows.total
        return qualified(total, qualifier) if qualifier else number(total)

    def _said(self, answer: Answer) -> list[str]:
        """What is said beside the number: its qualifier, its range, and what is asked besides the rules."""
        asked = what_if_words(self._parameters)
        parts = [qualifier_words(self.qualifier(answer)), cell_range(self._cell, answer.figures)]
        return [part for part in (*parts, f"what if {asked}" if asked else "") if part]

    def _say_title(self) -> None:
        answer = self._answer
        if answer is None:
            return
        names = (self.called(answer), *_shorter(short_cell_words(self._cell, answer.figures), _NAME_CUTS))
        qualifier, asked = qualifier_words(self.qualifier(answer)), what_if_words(self._parameters)
        whats = (*_shorter(f"what if {clean(asked, 200)}", _WHAT_CUTS), "what if")
        facts = (
            Fact(0, tuple(((f"{name}  ", ""), (self._number(answer), "bold")) for name in names)),
            Fact(2, (((qualifier, ""),), ()) if qualifier else ((),)),
            Fact(0, (((cell_range(self._cell, answer.figures), ""),),)),
            Fact(1, tuple(((words, ""),) for words in whats) if asked else ((),)),
        )
        self.listed.border_title = Content.assemble(*fit_facts(facts, border_room(self.listed)))
        self._say_place()

    def on_resize(self, event: events.Resize) -> None:
        """The title has other room."""
        super().on_resize(event)
        self.call_after_refresh(self._say_title)

    def _say_place(self) -> None:
        answer = self._answer
        if answer is None:
            return
        total = answer.rows.number
        said = f"{number(self.listed.cursor + 1)} of {count(total, 'row')}" if total else "no row"
        if answer.rows.total != total:
            said += f", {number(answer.rows.total)} records in all"
        self.listed.border_subtitle = Content(said)

    def copied(self) -> str | None:
        """The number with its qualifier, range and rulebook."""
        answer = self._answer
        if answer is None:
            return None
        rules = f"rulebook {answer.rulebook[:8]}" if answer.rulebook else "empty rulebook"
        return f"{'; '.join([f'{self.called(answer)} {self._number(answer)}', *self._said(answer)])} ({rules})"

    def named(self, kind: str) -> str | None:
        """The person, or the resource, of the row under the cursor."""
        value = self.listed.value(f"{kind}_id")
        return None if value is None else str(value)

    # -- on from a row -------------------------------------------------------------------------------------------------

    @on(VirtualList.Opened)
    def _opened(self, message: VirtualList.Opened) -> None:
        message.stop()
        row, columns = self.listed.row(self.listed.cursor), self.listed.columns
        if row is None:
            self.say("this row is still being read", "refused")
            return
        kind, value = columns[0], row[0]
        if kind == "occurred_at":
            self._open_event()
        elif kind == "partner_id":
            self._open_case(str(value))
        elif kind in ("subject_id", "resource_id"):
            from tui.screens.who_read import WhoReadScreen

            self.app.push_screen(WhoReadScreen(self._store, kind.removesuffix("_id"), str(value)))
        elif kind == "day":
            from_at = parse_point(str(value))
            self._open_events(EventFilters(), from_at, from_at + MICROSECONDS_PER_DAY)
        elif kind == "app_id":
            self._open_events(EventFilters(verdicts=self._verdicts(), app_ids=(Term(str(value), exact=True),)))
        else:
            self._open_events(EventFilters(verdicts=self._verdicts(), data_classes=(str(value),)))

    def _verdicts(self) -> tuple[str, ...]:
        """The events' screen judges by the rulebook: under another cut-off or other exceptions it shows all."""
        asked = self._parameters
        return ("improper",) if asked.cutoff is None and asked.variation is None else ()

    def _open_events(self, filters: EventFilters, from_at: int | None = None, until_at: int | None = None) -> None:
        from tui.screens.events import EventsScreen

        answer = self._answer
        if from_at is None and answer is not None:
            found = answer.figures
            from_at, until_at = found.recent_from if self._cell.startswith("recent.") else found.cutoff, found.as_of
        after = self._cell.startswith("after_removal.")
        screen = EventsScreen(
            self._store,
            None,
            self._parameters,
            from_at,
            until_at,
            filters=replace(filters, after_removal=after) if after else filters,
        )
        self.app.push_screen(screen)

    def _open_case(self, partner_id: str) -> None:
        store = self._store
        self.overscope.run_question(self, "partner", lambda: names.find_partner(store, partner_id), self._show_case)

    def _show_case(self, partner: int) -> None:
        from tui.screens.case import CaseScreen

        self.app.push_screen(CaseScreen(self._store, partner, self.overscope.parameters))

    def _open_event(self) -> None:
        """The one event of that instant, app and person; where there are several, all of them."""
        at, app_id, subject = (self.listed.value(name) for name in ("occurred_at", "app_id", "subject_id"))
        if not isinstance(at, int):
            return
        people = () if subject is None else (Term(str(subject), exact=True),)
        filters = EventFilters(app_ids=(Term(str(app_id), exact=True),), subjects=people)
        question = EventQuestion(None, at, at + 1, filters)
        store = self._store
        self.overscope.run_question(
            self,
            "event",
            lambda: event_pages.event_page(store, question, first=0, limit=1),
            partial(self._show_event, filters, at),
        )

    def _show_event(self, filters: EventFilters, at: int, page: EventPage) -> None:
        from tui.screens.event import EventDialog

        if page.total == 1:
            self.app.push_screen(EventDialog(self._store, page.rows[0]))
        else:
            self._open_events(filters, at, at + 1)


def _shorter(words: str, cuts: tuple[int, ...]) -> list[str]:
    """Words, and what is left of them in ever fewer cells."""
    return [words, *(fit(words, cells) for cells in cuts if cells < cell_len(words))]
