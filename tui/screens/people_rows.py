"""The people behind one number of the comparison: a notification list, and the way on to who read a person."""

from collections.abc import Callable

from textual.app import ComposeResult
from textual.content import Content

from store import people
from store.connection import Store
from store.parameters import Parameters
from store.people import Whose
from store.people_compared import Figure
from store.sheet_rows import SheetRows
from store.sheet_words import cell_range
from tui.screens.people import people_footer_label
from tui.screens.sheet_rows import Answer, SheetRowsScreen
from tui.text import clean, number, plural
from tui.widgets.people_list import PeopleList, rows_of
from tui.widgets.sheet_rows_list import BLOCK

_READ = "accessed.people"


class PeopleRowsScreen(SheetRowsScreen):
    """The list, most reads first; `x` writes it into a file, as it does any list of people here."""

    DEFAULT_CSS = """
    PeopleRowsScreen #rows { height: 1fr; }
    """

    def __init__(self, store: Store, parameters: Parameters, figure: Figure) -> None:
        """List whom this number counts."""
        super().__init__(store, parameters, _READ)
        self._figure = figure

    def body(self) -> ComposeResult:
        """The list."""
        by = self._figure.whose.by
        yield PeopleList(several=by is None or len(by) > 1, id="rows", classes="pane")

    @property
    def people(self) -> PeopleList:
        """The list."""
        return self.query_one(PeopleList)

    def _reading(self) -> Callable[[int], SheetRows]:
        store, parameters, whose = self._store, self._parameters, self._figure.whose
        return lambda first: rows_of(people.people_page(store, parameters, whose, first=first, limit=BLOCK))

    def called(self, answer: Answer | None) -> str:
        """By whom they were read."""
        return clean(f"people read {self._figure.words}", 200)

    def qualifier(self, answer: Answer) -> str:
        """That of the number that was opened."""
        return self._figure.qualifier

    def _say_title(self) -> None:
        answer = self._answer
        if answer is None:
            return
        told = f"{self._number(answer)} {plural(answer.rows.number, 'person')}"
        rest = f"   {cell_range(_READ, answer.figures)}   read {self._figure.brief}"
        self.people.border_title = Content.assemble((told, "bold"), clean(rest, 240))
        self._say_place()

    def footer_label(self, key_id: str) -> str | None:
        """Lists of people stand in the place of what leads elsewhere."""
        return "who read" if key_id == "list.open" else people_footer_label(key_id)

    def _say_place(self) -> None:
        total = self.people.total
        place = f"{number(self.people.cursor + 1)} of {number(total)}" if total else "nobody"
        if self._figure.whose.also_by is not None and self._figure.partner is not None:
            # The list is of people whom two partners read; what it tells of them are the reads of one.
            place += f"   reads by {clean(self._figure.partner[1], 24)}"
        self.people.border_subtitle = Content(f"{place}   {self.people.told(self.size.width)}".rstrip())

    def listed_here(self) -> tuple[Whose, str] | None:
        """These people."""
        return self._figure.whose, f"people read {self._figure.brief}"

    def partner_here(self) -> tuple[int, str] | None:
        """The one partner whose list it is; None where it is several partners'."""
        return self._figure.partner
