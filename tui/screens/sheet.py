"""The disclosure sheet: the populations side by side, what they rest on, and the way from each number to its rows."""

from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.content import Content

from store import rulebook, sheet
from store.connection import Store
from store.instants import dates_within
from store.parameters import Parameters
from store.sheet import Sheet, what_if_words
from store.sheet_words import cell_range, cell_words, number_in, qualifier_words
from tui.fitting import Fact
from tui.keys import bindings
from tui.screens.base import WorkScreen
from tui.text import clean, day, first_fitting, last_day
from tui.widgets.sheet_grid import SheetGrid
from tui.widgets.sheet_layout import Place, sheet_page, short_cell_words, time_lines_by_name
from tui.widgets.virtual_list import VirtualList, border_room


class SheetScreen(WorkScreen):
    """The sheet under the dashboard's own parameters; `enter` on a number lists exactly the rows it counts."""

    PANES = ("sheet",)
    BINDINGS: ClassVar[list[BindingType]] = [*bindings("screens.log")]
    DEFAULT_CSS = """
    SheetScreen #sheet { height: 1fr; }
    """

    def __init__(self, store: Store, parameters: Parameters) -> None:
        """Show the sheet of this store under these parameters."""
        super().__init__()
        self._store = store
        self._parameters = parameters
        self._sheet: Sheet | None = None
        self._rulebook_sha256 = ""

    def body(self) -> ComposeResult:
        """The page."""
        yield SheetGrid(id="sheet", classes="pane")

    def on_mount(self) -> None:
        """Start on the first number."""
        super().on_mount()
        self.grid.focus()
        self.grid.border_title = Content("Disclosure sheet   reading ...")

    @property
    def grid(self) -> SheetGrid:
        """The page."""
        return self.query_one(SheetGrid)

    # -- questions -------------------------------------------------------------------------------------------------

    def ask_all(self) -> None:
        """Ask for the sheet, and for the rulebook that it rests on."""
        store, parameters = self._store, self._parameters
        ask = self.overscope.run_question
        ask(self, "rulebook", lambda: rulebook.current_rulebook(store).sha256, self._show_rulebook)
        ask(self, "sheet", lambda: sheet.sheet(store, parameters), self._show, self._failed)

    def _show_rulebook(self, sha256: str) -> None:
        self._rulebook_sha256 = sha256
        self._draw()

    def _show(self, answer: Sheet) -> None:
        self._sheet = answer
        self._draw()

    def _failed(self, error: Exception) -> None:
        if self._sheet is None:
            self.grid.border_title = Content("Disclosure sheet   not read: R tries again")
        self.overscope.show_error(error)

    def _draw(self) -> None:
        found = self._sheet
        if found is None:
            return
        self.grid.show(lambda width: sheet_page(found, width), self._heading(found), start=Place("retained.partners"))
        asked = what_if_words(self._parameters)
        self.grid.border_title = Content.assemble(
            "Disclosure sheet  ",
            (clean(found.figures.incident, 60), "bold"),
            f"   {clean(asked, 200)}" if asked else "",
        )
        self._say_place()

    def _heading(self, found: Sheet) -> list[Fact]:
        figures = found.figures
        since = figures.cutoff
        reads = (
            f"no rules .. {last_day(figures.as_of)}" if since is None else f"reads {dates_within(since, figures.as_of)}"
        )
        rules = self._rules()
        return [
            Fact(0, (((f" {reads} UTC", "strong"),),)),
            Fact(1, (((f"work as of {day(figures.today)}", "quiet"),),)),
            Fact(2, (((rules, "quiet"),), ((rules.replace("rulebook ", "rules "), "quiet"),))),
        ]

    def _rules(self) -> str:
        return f"rulebook {self._rulebook_sha256[:8]}" if self._rulebook_sha256 else "empty rulebook"

    # -- what the cursor is on ---------------------------------------------------------------------------------------

    @on(VirtualList.Moved)
    def _moved(self, message: VirtualList.Moved) -> None:
        message.stop()
        self._say_place()

    def _say_place(self) -> None:
        place, found = self.grid.place, self._sheet
        if place is None or found is None:
            return
        wordings = [clean(words, 200) for words in self._foot(place, found)]
        self.grid.border_subtitle = Content(first_fitting(wordings, border_room(self.grid)))

    def _foot(self, place: Place, found: Sheet) -> list[str]:
        """What stands at a place, the longest wording first: of a number all of them tell the range."""
        figures = found.figures
        area = place.cell.partition(".")[0]
        if area == "sentence":
            return ["y copies the paragraph"]
        if area == "caveat":
            return ["a caveat of the figures"]
        told = self._told(place, found)
        if area in ("time", "span"):
            return [told]
        value, dates = number_in(figures, place.cell).words, cell_range(place.cell, figures)
        names = (cell_words(place.cell, figures), short_cell_words(place.cell, figures))
        return [told, *(f"{name} {value}; {dates}" for name in names), f"{value}; {dates}"]

    def _told(self, place: Place, found: Sheet) -> str:
        """What stands at a place: a number with its qualifier and range; or the text that stands there."""
        figures = found.figures
        area, _, name = place.cell.partition(".")
        if area == "sentence":
            return figures.sentence
        if area == "caveat":
            return figures.caveats[int(name)]
        if area in ("time", "span"):
            return self._time_told(area, name, found)
        value = number_in(figures, place.cell)
        parts = [f"{cell_words(place.cell, figures)} {value.words}", qualifier_words(value.qualifier)]
        parts.append(cell_range(place.cell, figures))
        return "; ".join(part for part in parts if part)

    def _time_told(self, area: str, name: str, found: Sheet) -> str:
        if area == "span":
            words, said = sheet.span_lines(found.times)[int(name)]
            return f"{words}: {said}"
        return next(f"{words}: {said}" for each, words, said in time_lines_by_name(found) if each == name)

    def copied(self) -> str | None:
        """The number under the cursor with its qualifier, range and rulebook."""
        place, found = self.grid.place, self._sheet
        if place is None or found is None:
            return None
        asked = what_if_words(self._parameters)
        return f"{self._told(place, found)} ({self._rules()}{f'; what if {asked}' if asked else ''})"

    # -- to the rows ---------------------------------------------------------------------------------------------------

    @on(VirtualList.Opened)
    def _opened(self, message: VirtualList.Opened) -> None:
        message.stop()
        place, found = self.grid.place, self._sheet
        if place is None or found is None:
            return
        area, _, name = place.cell.partition(".")
        if area == "time":
            self._open_time(name, found)
        elif area in ("sentence", "span", "caveat"):
            self.say(
                "this is text, made of the numbers above: y copies it; enter on a number lists its rows", "refused"
            )
        else:
            from tui.screens.sheet_rows import SheetRowsScreen

            self.app.push_screen(SheetRowsScreen(self._store, self._parameters, place.cell))

    def _open_time(self, name: str, found: Sheet) -> None:
        """The events of the first and the last restricted read's instant; the record for the other times."""
        at = getattr(found.times, name)
        if at is None:
            self.say("nobody says when that was", "refused")
        elif name in ("first_read", "last_read"):
            from tui.screens.events import EventsScreen

            self.app.push_screen(EventsScreen(self._store, None, self._parameters, at, at + 1))
        else:
            self.say("`i` shows the action log; removals are the marks of a timeline", "refused")

    def action_sheet(self) -> None:
        """It is here already."""
        self.say("this is the sheet; esc closes it", "refused")

    def action_action_log(self) -> None:
        """Open the action log."""
        from tui.screens.action_log import ActionLogScreen

        self.app.push_screen(ActionLogScreen(self._store))
