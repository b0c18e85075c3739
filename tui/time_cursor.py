"""Where in time the investigator is: one cursor, window, range and picture that every timeline shares.

A timeline reads it when its screen comes up, and writes it when a key moves something. It knows no widget.
"""

from dataclasses import dataclass

BARS, BANDS, CALENDAR, WEEKS = "bars", "bands", "calendar", "weeks"
# What `b` goes through.
PICTURES = (BARS, BANDS, CALENDAR, WEEKS)

Interval = tuple[int, int]
"""`[from, until)`, microseconds UTC."""


@dataclass(frozen=True, slots=True)
class ChosenRange:
    """A range between two bins, both inside it.

    Attributes:
        begin: the bin under the cursor when it was begun.
        end: the bin it was ended on; None while it still follows the cursor.
    """

    begin: Interval
    end: Interval | None = None

    def interval(self, cursor: Interval) -> Interval:
        """What is chosen, with the bin that is under the cursor."""
        end = cursor if self.end is None else self.end
        return min(self.begin[0], end[0]), max(self.begin[1], end[1])


@dataclass(slots=True)
class TimeCursor:
    """What all timelines of one dashboard have in common.

    Attributes:
        at: the instant under the cursor, microseconds UTC; None before the first timeline.
        window: what is in view; None for the whole span.
        picture: one of `PICTURES`.
        counted: which events the pictures count, as a place in `COUNTED` of the pane.
        chosen: a range, or None.
    """

    at: int | None = None
    window: Interval | None = None
    picture: str = BARS
    counted: int = 0
    chosen: ChosenRange | None = None
