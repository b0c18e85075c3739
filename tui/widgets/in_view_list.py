"""What is in view of a timeline besides the reads, in words: sources of logs, markers, and gaps, oldest first."""

from collections.abc import Sequence
from typing import NamedTuple

from store.coverage import INFERRED
from store.instants import MICROSECONDS_PER_DAY as DAY
from store.marker_letters import marker_letter
from store.timeline import Timeline
from tui.text import clean, count, fit, moment, short_day
from tui.widgets.timeline_bars import NOT_LOGGED
from tui.widgets.virtual_list import Piece, VirtualList

_MOST_GAPS = 500
_WHEN = len("2019-10-05 14:02")


class InView(NamedTuple):
    """A line: when, its letter, and words that may be hostile.

    Attributes:
        at: microseconds UTC, to go to; None for a source of logs.
    """

    at: int | None
    letter: str
    when: str
    text: str


def lines_in_view(answer: Timeline) -> list[InView]:
    """The sources first, then markers and gaps in order of time; last, how many markers are left out."""
    gaps: dict[str, int] = {}
    for gap in answer.gaps:
        gaps[gap.source] = gaps.get(gap.source, 0) + gap.until_at - gap.from_at
    lines = []
    for source in answer.coverage:
        missing = gaps.get(source.source, 0)
        basis = "only inferred from days with events" if source.basis == INFERRED else "known to be complete"
        said = f", but for {_days(missing)}" if missing else ""
        name = "logs" if source.basis == INFERRED else source.source
        lines.append(InView(None, "", "logged", f"{name}: {basis}{said}"))
    dated = [InView(one.at, marker_letter(one), moment(one.at), one.text) for one in answer.markers]
    for gap in answer.gaps[:_MOST_GAPS]:
        end = gap.until_at
        until = short_day(end - 1, beside=gap.from_at) if end % DAY == 0 else f"{moment(end)}Z"
        whose = "no event of anybody" if gap.source == INFERRED else gap.source
        words = f".. {until} not logged: {whose}"
        dated.append(InView(gap.from_at, NOT_LOGGED, moment(gap.from_at), words))
    lines += sorted(dated, key=lambda line: line.at or 0)
    left_out = (answer.markers_left_out, "marker"), (len(answer.gaps[_MOST_GAPS:]), "gap")
    for number, word in left_out:
        if number:
            lines.append(InView(None, "", "", f"{count(number, word)} more: zoom in to see them"))
    return lines


def _days(length: int) -> str:
    return count(length // DAY, "day") if length % DAY == 0 else f"{length / DAY:,.1f} days"


class InViewList(VirtualList):
    """Lines of what is in view; `enter` puts the time's cursor there."""

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id, classes=classes)
        self.lines: Sequence[InView] = ()

    def show(self, lines: Sequence[InView]) -> None:
        """Show these; the cursor stays on its line, where that is still there."""
        if list(lines) == list(self.lines):
            return
        current = self.current
        self.lines = lines
        self.rows_changed(next((place for place, line in enumerate(lines) if line == current), 0))

    def point_at(self, from_at: int) -> None:
        """The cursor on the first line that is not before an instant; for while the list has no focus."""
        dated = [(line.at, place) for place, line in enumerate(self.lines) if line.at is not None]
        if dated:
            self.cursor = next((place for at, place in dated if at >= from_at), dated[-1][1])

    @property
    def current(self) -> InView | None:
        """The line under the cursor."""
        return self.lines[self.cursor] if self.cursor < len(self.lines) else None

    def row_count(self) -> int:
        """How many lines."""
        return len(self.lines)

    def draw_header(self, width: int) -> list[Piece]:
        """Names of the columns."""
        return [(fit(f" {fit('', 2)}{fit('When, UTC', _WHEN + 1)}What", width), "")]

    def draw_row(self, index: int, width: int) -> list[Piece]:
        """One line."""
        line = self.lines[index]
        room = width - 4 - _WHEN
        text = clean(line.text, 300)
        return [
            (f" {fit(line.letter, 2)}", "alarm" if line.letter in ("X", "R") else "accent"),
            (fit(line.when, _WHEN + 1), "quiet"),
            (fit(text, max(room, 0)), "accent" if line.letter == NOT_LOGGED else ""),
        ]
