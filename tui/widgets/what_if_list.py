"""What a what-if asks: cut-off, as-of, window, exceptions, apps left out, each beside what the rulebook says.

It moves values and draws them; what they come to is asked elsewhere.
"""

from calendar import monthrange
from dataclasses import replace
from typing import ClassVar

from textual.binding import BindingType
from textual.message import Message

from store.figures import Figures
from store.instants import MICROSECONDS_PER_DAY, from_datetime, to_datetime
from store.parameters import MOST_WINDOW_DAYS, Parameters
from store.rulebook import EXCEPTIONS
from store.what_if import variation
from tui.keys import bindings
from tui.text import clean, fit, moment
from tui.widgets.virtual_list import Piece, VirtualList

CUTOFF, AS_OF, WINDOW, OPT_INS, EXEMPTIONS, APPS = range(6)
NAMES = ("Cut-off", "As of, exclusive", "Window, days", "Opt-ins", "Exemptions", "Apps left out")
_FIRST_YEAR, _LAST_YEAR = 1900, 2200
_LABEL, _NOW = 18, 20
_TURNS = {"": "without", "without": "accepting", "accepting": ""}
_SAID = {"": "as the rules say", "without": "dropped: no rule accepts them", "accepting": "accepted by every rule"}


def moved(at: int, steps: int, unit: str) -> int:
    """An instant so many days, weeks or months further; the last day of a shorter month at most.

    Raises:
        ValueError: outside the years in which anything could have been logged.
    """
    when = to_datetime(at)
    if unit == "month":
        years, month = divmod(when.year * 12 + when.month - 1 + steps, 12)
        if not _FIRST_YEAR <= years <= _LAST_YEAR:
            raise ValueError(f"choose a date of the years {_FIRST_YEAR} to {_LAST_YEAR}")
        day = min(when.day, monthrange(years, month + 1)[1])
        return from_datetime(when.replace(year=years, month=month + 1, day=day))
    further = at + steps * (7 if unit == "week" else 1) * MICROSECONDS_PER_DAY
    if not _FIRST_YEAR <= to_datetime(further).year <= _LAST_YEAR:
        raise ValueError(f"choose a date of the years {_FIRST_YEAR} to {_LAST_YEAR}")
    return further


class WhatIfList(VirtualList):
    """The parameters, a line each."""

    BINDINGS: ClassVar[list[BindingType]] = [*bindings("what_if moves")]

    class Changed(Message):
        """The what-if asks for something else."""

    class Refused(Message):
        """A value cannot be moved; the reason is for a person."""

        def __init__(self, reason: str) -> None:
            super().__init__()
            self.reason = reason

    def __init__(self, asked: Parameters, *, id: str | None = None, classes: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id, classes=classes)
        self.asked = asked
        self._now: Figures | None = None

    def show_now(self, figures: Figures) -> None:
        """What the figures rest on without the what-if."""
        self._now = figures
        self.refresh()

    def ask(self, asked: Parameters) -> None:
        """Ask for this."""
        self.asked = asked
        self.refresh()
        self.post_message(self.Changed())

    # -- moving values -----------------------------------------------------------------------------------------------

    def action_shift(self, steps: int, unit: str) -> None:
        """Move the value under the cursor; a window by days, weeks, months of 30 days."""
        now, asked, row = self._now, self.asked, self.cursor
        if now is None:
            return
        try:
            if row == CUTOFF:
                at = asked.cutoff if asked.cutoff is not None else now.cutoff
                if at is None:
                    raise ValueError("the rulebook has no rules: there is no cut-off to move")
                self.ask(replace(asked, cutoff=moved(at, steps, unit)))
            elif row == AS_OF:
                at = asked.as_of if asked.as_of is not None else now.as_of
                self.ask(replace(asked, as_of=moved(at, steps, unit)))
            elif row == WINDOW:
                days = asked.window_days if asked.window_days is not None else now.window_days
                days += steps * {"day": 1, "week": 7, "month": 30}[unit]
                self.ask(replace(asked, window_days=min(max(days, 1), MOST_WINDOW_DAYS)))
            elif row == APPS:
                raise ValueError("t types the ids of apps that are left out")
            else:
                self.turn(backwards=steps < 0)
        except ValueError as error:
            self.post_message(self.Refused(str(error)))

    def turn(self, *, backwards: bool = False) -> None:
        """The next state of the exception under the cursor: as the rules say, dropped, accepted by every rule."""
        if self.cursor not in (OPT_INS, EXEMPTIONS):
            self.post_message(self.Refused("space turns the exceptions; arrows move dates and the window, t types"))
            return
        name = EXCEPTIONS[self.cursor - OPT_INS]
        state = self._state(name)
        state = _TURNS[_TURNS[state]] if backwards else _TURNS[state]
        changes = self.asked.variation or variation()
        sets = {
            "without": changes.without - {name} | ({name} if state == "without" else set()),
            "accepting": changes.accepting - {name} | ({name} if state == "accepting" else set()),
        }
        new = variation(**sets, without_apps=changes.without_apps)
        self.ask(replace(self.asked, variation=new if any(new) else None))

    def leave_out(self, apps: list[str]) -> Parameters:
        """What is asked with just these apps left out."""
        changes = self.asked.variation or variation()
        new = variation(without=changes.without, accepting=changes.accepting, without_apps=apps)
        return replace(self.asked, variation=new if any(new) else None)

    @property
    def apps_left_out(self) -> list[str]:
        """Ids of the apps that the what-if leaves out."""
        changes = self.asked.variation
        return sorted(changes.without_apps) if changes is not None else []

    def _state(self, name: str) -> str:
        changes = self.asked.variation
        if changes is None:
            return ""
        return "without" if name in changes.without else "accepting" if name in changes.accepting else ""

    # -- drawing -----------------------------------------------------------------------------------------------------

    def row_count(self) -> int:
        """One line a parameter."""
        return len(NAMES)

    def draw_header(self, width: int) -> list[Piece]:
        """Names of the columns."""
        return [(fit(f" {fit('', _LABEL)}{fit('now', _NOW)}what if", width), "")]

    def draw_row(self, index: int, width: int) -> list[Piece]:
        """One parameter."""
        now, asked = self.values(index)
        room = max(width - 1 - _LABEL - _NOW, 0)
        return [
            (f" {fit(NAMES[index], _LABEL)}", ""),
            (fit(now, _NOW), "quiet"),
            (fit(asked or "as now", room), "accent" if asked else "quiet"),
        ]

    def values(self, index: int) -> tuple[str, str]:
        """What a parameter is without the what-if, and in it; empty where the what-if leaves it."""
        now, asked = self._now, self.asked
        if index in (OPT_INS, EXEMPTIONS):
            state = self._state(EXCEPTIONS[index - OPT_INS])
            return _SAID[""], _SAID[state] if state else ""
        if index == APPS:
            return "none", clean(" ".join(self.apps_left_out), 300)
        if index == WINDOW:
            return "" if now is None else str(now.window_days), "" if asked.window_days is None else str(
                asked.window_days
            )
        before = None if now is None else (now.cutoff if index == CUTOFF else now.as_of)
        after = asked.cutoff if index == CUTOFF else asked.as_of
        return "no rules" if before is None else moment(before), "" if after is None else moment(after)
