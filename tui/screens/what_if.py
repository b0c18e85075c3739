"""What if: the figures as they are beside those under other parameters, live while a value moves; kept under a name."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import VerticalScroll
from textual.content import Content
from textual.timer import Timer

from store import figures, rulebook, scenarios, sheet
from store.connection import Store
from store.errors import UsageError
from store.figures import Figures
from store.instants import dates_within, parse_point
from store.parameters import MOST_WINDOW_DAYS, Parameters
from store.scenarios import Scenario
from store.sheet import Comparison, what_if_words
from store.sheet_words import cell_range, cell_words, compared, difference_words, number_in, remarks
from tui.fitting import Fact
from tui.keys import bindings
from tui.screens.base import WorkScreen
from tui.screens.dialog_base import Dialog
from tui.screens.dialogs import LinePrompt
from tui.text import clean, first_fitting, fit, last_day
from tui.widgets.fields import Choice
from tui.widgets.sheet_grid import SheetGrid
from tui.widgets.sheet_layout import Place, short_cell_words
from tui.widgets.virtual_list import VirtualList, border_room
from tui.widgets.what_if_layout import flip_lines, what_if_page
from tui.widgets.what_if_list import APPS, AS_OF, CUTOFF, WINDOW, WhatIfList

_TEXT = ("flip", "remark")
_PATIENCE_S = 0.1
_TYPED = {
    CUTOFF: ("Cut-off", "2019-01-15, or 2019-01-15T09:00:00Z; nothing: the rules' own"),
    AS_OF: ("As of", "2019-11-05, or an instant; events before it count; nothing: as now"),
    WINDOW: ("Window", f"days, 1 to {MOST_WINDOW_DAYS:,}; nothing: as now"),
    APPS: ("Apps left out", "ids, separated by blanks; nothing: none"),
}


class ScenarioDialog(Dialog[str]):
    """Which saved what-if to take up."""

    HEADING = "Saved what-ifs"

    def __init__(self, found: list[Scenario]) -> None:
        """Ask for one of these."""
        super().__init__(())
        self._found = found

    def compose(self) -> ComposeResult:
        """The names, with what each asks."""
        lines = [f"{fit(clean(each.name, 60), 28)} {what_if_words(each.parameters)}" for each in self._found]
        with VerticalScroll(classes="dialog", can_focus=False) as box:
            yield Choice(lines, chosen=0, id="scenario")
        box.border_title = Content(self.HEADING)
        box.border_subtitle = Content("j k choose   enter takes it up   esc cancels")

    def on_mount(self) -> None:
        """Begin with the first."""
        self.query_one(Choice).focus()

    def answer(self) -> str | None:
        """The name."""
        chosen = self.query_one(Choice).chosen
        return None if chosen is None else self._found[chosen].name


class WhatIfScreen(WorkScreen):
    """The bench: no case is ever touched."""

    PANES = ("asked", "compared")
    BINDINGS: ClassVar[list[BindingType]] = [*bindings("what_if")]
    DEFAULT_CSS = """
    WhatIfScreen {
        #asked { height: 9; }
        #compared { height: 1fr; }
        &.-squat #asked { height: 5; }
    }
    """

    def __init__(self, store: Store, parameters: Parameters) -> None:
        """Ask what if of this store, beside its figures under these parameters."""
        super().__init__()
        self._store = store
        self._parameters = parameters
        self._found: Comparison | None = None
        self._answered: Parameters | None = None
        self._scenario = ""
        self._rulebook_sha256 = ""
        self._patience: Timer | None = None

    def body(self) -> ComposeResult:
        """What is asked, above what it comes to."""
        yield WhatIfList(self._parameters, id="asked", classes="pane")
        yield SheetGrid(id="compared", classes="pane")

    def on_mount(self) -> None:
        """Start on the cut-off."""
        super().on_mount()
        self.listed.focus()
        self._say_titles()

    @property
    def listed(self) -> WhatIfList:
        """What is asked."""
        return self.query_one(WhatIfList)

    @property
    def grid(self) -> SheetGrid:
        """What it comes to."""
        return self.query_one(SheetGrid)

    # -- questions -------------------------------------------------------------------------------------------------

    def ask_all(self) -> None:
        """Ask for the figures as they are, the rulebook, and the comparison."""
        store, parameters = self._store, self._parameters
        ask = self.overscope.run_question
        ask(self, "now", lambda: figures.figures(store, parameters), self._show_now)
        ask(self, "rulebook", lambda: rulebook.current_rulebook(store).sha256, self._show_rulebook)
        self._compare()

    def _compare(self) -> None:
        store, now, asked = self._store, self._parameters, self.listed.asked
        self.overscope.run_question(
            self, "compare", lambda: sheet.compare(store, now, asked), partial(self._show, asked), self._failed
        )
        # An answer that comes at once needs no word that it is awaited: the title would flicker with every key.
        if self._patience is None:
            self._patience = self.set_timer(_PATIENCE_S, self._say_that_it_is_awaited)

    def _say_that_it_is_awaited(self) -> None:
        self._patience = None
        self._say_titles()

    def _show_now(self, answer: Figures) -> None:
        self.listed.show_now(answer)

    def _show_rulebook(self, sha256: str) -> None:
        self._rulebook_sha256 = sha256

    def _show(self, asked: Parameters, found: Comparison) -> None:
        if self._found is None:
            store, now = self._store, self._parameters
            self.overscope.run_question(self, "prepare", lambda: sheet.prepare(store, now), lambda _: None)
        if self._patience is not None:
            self._patience.stop()
            self._patience = None
        self._found, self._answered = found, asked
        self.grid.show(
            lambda width: what_if_page(found, width, self.grid.page),
            self._heading(found),
            start=Place("retained.partners"),
        )
        self._say_titles()
        self._say_place()

    def _failed(self, error: Exception) -> None:
        self.overscope.show_error(error)

    def _heading(self, found: Comparison) -> list[Fact]:
        facts = []
        for name, each, style in ((" now", found.now, "strong"), ("what if", found.what_if, "accent")):
            last = last_day(each.as_of)
            dates = f"no rules .. {last}" if each.cutoff is None else dates_within(each.cutoff, each.as_of)
            wordings = (f"{name} {dates}", f"{name.strip()} {dates.replace(' .. ', '..')}")
            facts.append(Fact(0, tuple(((words, style),) for words in wordings)))
        return [*facts, Fact(1, ((("UTC", "quiet"),), ()))]

    # -- moving what is asked ------------------------------------------------------------------------------------------

    @on(WhatIfList.Changed)
    def _changed(self, message: WhatIfList.Changed) -> None:
        message.stop()
        # Why something was refused before is no news any more.
        self.say("")
        self._compare()

    @on(WhatIfList.Refused)
    def _refused(self, message: WhatIfList.Refused) -> None:
        message.stop()
        self.say(message.reason, "refused")

    @on(VirtualList.Moved)
    def _moved(self, message: VirtualList.Moved) -> None:
        message.stop()
        if message.list is self.grid:
            self._say_place()

    def action_turn(self) -> None:
        """The next state of an exception."""
        self.listed.turn()

    def action_reset(self) -> None:
        """Ask nothing else than the figures as they are."""
        self._scenario = ""
        self.listed.ask(self._parameters)

    def action_type_value(self) -> None:
        """Type the value under the cursor."""
        row = self.listed.cursor
        if row not in _TYPED:
            self.listed.turn()
            return
        text = " ".join(self.listed.apps_left_out) if row == APPS else ""
        self.app.push_screen(_value_prompt(row, text), partial(self._typed, row))

    def _typed(self, row: int, typed: str | None) -> None:
        if typed is None:
            return
        asked = self.listed.asked
        try:
            if row == APPS:
                self._leave_out(typed)
            elif row == WINDOW:
                self.listed.ask(replace(asked, window_days=_days(typed) if typed else self._parameters.window_days))
            elif row == CUTOFF:
                self.listed.ask(replace(asked, cutoff=parse_point(typed) if typed else self._parameters.cutoff))
            else:
                self.listed.ask(replace(asked, as_of=parse_point(typed) if typed else self._parameters.as_of))
        except (ValueError, OverflowError) as error:
            more = "" if row == WINDOW else "; write 2019-11-05 or 2019-11-05T09:00:00Z"
            self._ask_again(row, typed, f"{error}{more}")

    def _ask_again(self, row: int, typed: str, refusal: str) -> None:
        """What was typed was refused: it comes back with the reason."""
        self.say(refusal, "refused")
        self.overscope.push_when_free(_value_prompt(row, typed, refusal), partial(self._typed, row))

    def _leave_out(self, typed: str) -> None:
        """Leave apps out, once the store says that it knows them."""
        apps, store = typed.split(), self._store
        asked = self.listed.leave_out(apps)

        def failed(error: Exception) -> None:
            if isinstance(error, UsageError):
                self._ask_again(APPS, typed, str(error))
            else:
                self.overscope.show_error(error)

        self.overscope.run_question(
            self,
            "apps",
            lambda: scenarios.check_what_if(store, asked),
            # Of what was moved meanwhile nothing is lost.
            lambda _: self.listed.ask(self.listed.leave_out(apps)),
            failed,
        )

    # -- scenarios -----------------------------------------------------------------------------------------------------

    def action_save(self) -> None:
        """Keep what is asked under a name."""
        if reason := self.overscope.why_read_only:
            self.say(f"nothing can be saved: {reason}", "refused")
        elif self.listed.asked.are_defaults():
            self.say("nothing is asked yet: this what-if would change nothing", "refused")
        else:
            self.app.push_screen(_name_prompt(self._scenario), self._named)

    def _named(self, name: str | None) -> None:
        if not name:
            return
        app = self.overscope
        store, asked, actor = self._store, self.listed.asked, app.actor

        def done(line: str) -> None:
            self._scenario = name
            self.say(line, "good")
            self._say_titles()

        def failed(error: Exception) -> None:
            app.push_when_free(_name_prompt(name, app.show_refusal(error)), self._named)

        app.run_deed(lambda: scenarios.save_scenario(store, name, asked, actor=actor).line, done, failed)

    def action_load(self) -> None:
        """Take up a saved what-if."""
        store = self._store
        self.overscope.run_question(self, "scenarios", lambda: scenarios.scenarios(store), self._choose)

    def _choose(self, found: list[Scenario]) -> None:
        if not found:
            self.say("no what-if is saved yet: s saves this one", "refused")
            return
        by_name = {each.name: each for each in found}

        def chosen(name: str | None) -> None:
            if name is not None:
                self._scenario = name
                self.listed.ask(replace(by_name[name].parameters, today=self._parameters.today))

        self.app.push_screen(ScenarioDialog(found), chosen)

    def action_drop(self) -> None:
        """Drop the saved what-if that was taken up, with a note."""
        if not self._scenario:
            self.say("o takes up a saved what-if first; then X drops it", "refused")
            return
        name = self._scenario
        self.app.push_screen(_drop_prompt(name), partial(self._dropped, name))

    def _dropped(self, name: str, note: str | None) -> None:
        if note is None:
            return
        app = self.overscope
        store, actor = self._store, app.actor

        def done(line: str) -> None:
            self._scenario = ""
            self.say(line, "good")
            self._say_titles()

        def failed(error: Exception) -> None:
            app.push_when_free(_drop_prompt(name, note, app.show_refusal(error)), partial(self._dropped, name))

        app.run_deed(lambda: scenarios.drop_scenario(store, name, actor=actor, note=note).line, done, failed)

    # -- what the borders say, and what is copied ----------------------------------------------------------------------

    def _say_titles(self) -> None:
        named = f"   {clean(self._scenario, 80)}" if self._scenario else ""
        self.listed.border_title = Content(f"1 What if{named}   no case is touched")
        is_here = self._answered == self.listed.asked
        asked = what_if_words(self._answered) if self._answered is not None else ""
        said = f"what if {asked}" if asked else "nothing is asked yet: both are the same"
        if self._found is None:
            said = "reading ..."
        elif not is_here:
            said += "   asking ..."
        self.grid.border_title = Content(f"2 {clean(said, 200)}")

    def _say_place(self) -> None:
        told = [self._told(), self._told(short_cell_words)]
        wordings = [clean(words, 200) for words in told if words is not None]
        self.grid.border_subtitle = Content(first_fitting(wordings, border_room(self.grid)) if wordings else "")

    def _told(self, name_of: Callable[[str, Figures], str] = cell_words) -> str | None:
        """What stands under the cursor; a number with what it is called, both values and the change."""
        place, found = self.grid.place, self._found
        if place is None or found is None:
            return None
        area, _, name = place.cell.partition(".")
        if area == "flip":
            return flip_lines(found)[int(name)][2]
        if area == "remark":
            return remarks(found)[int(name)]
        each = next(one for one in compared(found) if one.cell == place.cell)
        changed = difference_words(each.difference)
        words = name_of(place.cell, found.what_if if place.column else found.now)
        return f"{words}: now {each.now.words}, what if {each.what_if.words} ({changed})"

    def copied(self) -> str | None:
        """Both numbers under the cursor with their ranges, what is asked, and the rulebook."""
        told, place, found = self._told(), self.grid.place, self._found
        if told is None or place is None or found is None:
            return None
        rules = f"rulebook {self._rulebook_sha256[:8]}" if self._rulebook_sha256 else "empty rulebook"
        asked = f"what if {what_if_words(self._answered)}" if self._answered is not None else ""
        if place.cell.partition(".")[0] in _TEXT:
            return f"{told} ({asked}; {rules})"
        now, other = (cell_range(place.cell, each) for each in (found.now, found.what_if))
        qualifiers = {number_in(each, place.cell).qualifier for each in (found.now, found.what_if)} - {""}
        return "; ".join([told, f"now {now}", f"what if {other}", *sorted(qualifiers), asked, rules])

    @on(VirtualList.Opened)
    def _opened(self, message: VirtualList.Opened) -> None:
        message.stop()
        if message.list is self.listed:
            self.action_type_value()
            return
        place, found, asked = self.grid.place, self._found, self._answered
        if place is None or found is None or asked is None:
            return
        area, _, name = place.cell.partition(".")
        if area == "remark":
            self.say("this is text: y copies it", "refused")
            return
        cell, column = place.cell, place.column
        if area == "flip":
            population, column, _ = flip_lines(found)[int(name)]
            cell = f"{population}.partners"
        from tui.screens.sheet_rows import SheetRowsScreen

        self.app.push_screen(SheetRowsScreen(self._store, asked if column else self._parameters, cell))

    def action_what_if(self) -> None:
        """It is here already."""
        self.say("this is the what-if; esc closes it", "refused")


def _value_prompt(row: int, text: str, refusal: str = "") -> LinePrompt:
    label, hint = _TYPED[row]
    return LinePrompt(label, hint=hint, text=text, refusal=refusal)


def _name_prompt(text: str, refusal: str = "") -> LinePrompt:
    hint = "a name; one that is known is replaced"
    return LinePrompt("Save this what-if as", hint=hint, text=text, refusal=refusal)


def _drop_prompt(name: str, text: str = "", refusal: str = "") -> LinePrompt:
    return LinePrompt(f"Drop {clean(name, 60)}", hint="a note: why", text=text, refusal=refusal)


def _days(typed: str) -> int:
    """A window.

    Raises:
        ValueError: it is none.
    """
    if not (typed.isascii() and typed.isdigit() and len(typed) <= 6 and 1 <= int(typed) <= MOST_WINDOW_DAYS):
        raise ValueError(f"a window is a number of days from 1 to {MOST_WINDOW_DAYS:,}")
    return int(typed)
