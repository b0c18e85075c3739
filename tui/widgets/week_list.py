"""Week by week since the rule, over all partners: who still read, and whose data. `enter` opens a week's events."""

from collections.abc import Sequence

from store.timeline import Week
from tui.text import count, fit, number
from tui.widgets.timeline_words import interval_words
from tui.widgets.virtual_list import Piece, VirtualList

_WHEN = len("2018-12-26 .. 2019-01-01") + 1
_NUMBER = 10


class WeekList(VirtualList):
    """Weeks, the newest first: that is where one looks whether it stopped."""

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id, classes=classes)
        self.weeks: Sequence[Week] = ()

    def show(self, weeks: Sequence[Week]) -> None:
        """Show these, given oldest first."""
        self.weeks = weeks[::-1]
        self.rows_changed(self.cursor)

    @property
    def current(self) -> Week | None:
        """The week under the cursor."""
        return self.weeks[self.cursor] if self.cursor < len(self.weeks) else None

    def row_count(self) -> int:
        """How many weeks."""
        return len(self.weeks)

    def draw_header(self, width: int) -> list[Piece]:
        """Names of the columns."""
        names = "".join(fit(name, _NUMBER, right=True) for name in ("Partners", "People", "Reads"))
        return [(fit(f" {fit('Week, UTC', _WHEN)}{names}", width), "")]

    def draw_row(self, index: int, width: int) -> list[Piece]:
        """One week."""
        week = self.weeks[index]
        values = [fit(number(value), _NUMBER, right=True) for value in (week.partners, week.people, week.events)]
        missing = week.days - week.logged_days
        said = f"  ? {missing} of {count(week.days, 'day')} not logged" if missing else ""
        left = width - 1 - _WHEN - 3 * _NUMBER
        return [
            (fit(f" {interval_words(week.from_at, week.until_at)}", 1 + _WHEN), "quiet"),
            ("".join(values), "strong" if week.events else "quiet"),
            (fit(said, max(left, 0)), "accent"),
        ]
