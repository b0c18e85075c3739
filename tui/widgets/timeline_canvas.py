"""Cells on which a timeline is drawn, and where on them each stretch of time stands: for the cursor, a range, a click.

It knows neither what is drawn nor the terminal.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import groupby

from rich.cells import cell_len

Run = tuple[str, str]
"""Text and the names of its styles, parted by blanks."""
CURSOR_SIGN = "▼"
RANGE_SIGN = "═"


@dataclass(frozen=True, slots=True)
class Spot:
    """Where `[from_at, until_at)`, microseconds UTC, stands: columns `left` to `right`, rows `top` to `bottom`.

    Attributes:
        row: which of several partners it is about, from the top.
    """

    from_at: int
    until_at: int
    left: int
    right: int
    top: int
    bottom: int
    row: int = 0


@dataclass(frozen=True, slots=True)
class Drawing:
    """A picture without its cursor.

    Attributes:
        signs: the row in whose blanks the cursor and the range have a sign; None where there is no such row.
    """

    cells: list[list[Run]]
    spots: tuple[Spot, ...]
    signs: int | None = None


class Canvas:
    """Cells of one character and one style each; what falls outside is cut off."""

    def __init__(self, width: int, height: int) -> None:
        self.cells: list[list[Run]] = [[(" ", "") for _ in range(width)] for _ in range(height)]

    def put(self, x: int, y: int, text: str, style: str) -> None:
        """Write single-cell characters from (x, y) to the right."""
        if 0 <= y < len(self.cells):
            row = self.cells[y]
            for i, character in enumerate(text):
                if 0 <= x + i < len(row):
                    row[x + i] = (character, style)

    def write(self, x: int, y: int, text: str, style: str) -> None:
        """Write clean text, in which a character may take two cells or none; text that does not fit loses its end."""
        if not 0 <= y < len(self.cells):
            return
        row = self.cells[y]
        for character in text:
            wide = cell_len(character)
            if x + wide > len(row):
                return
            if wide == 0 and x > 0:
                row[x - 1] = (row[x - 1][0] + character, row[x - 1][1])
                continue
            row[x] = (character, style)
            for further in range(x + 1, x + wide):
                row[further] = ("", style)
            x += wide

    def is_blank(self, x: int, y: int, length: int) -> bool:
        """Whether the cells are inside and empty but for drop lines."""
        row = self.cells[y]
        return x >= 0 and x + length <= len(row) and all(cell[0] in " ┊" for cell in row[x : x + length])

    def shade(self, left: int, right: int, top: int, bottom: int, style: str) -> None:
        """Add a style to cells that keep what they show."""
        _add_style(self.cells, left, right, top, bottom, style)


def finished(
    drawing: Drawing, *, cursor: tuple[int, int] | None = None, chosen: tuple[int, int] | None = None
) -> list[list[Run]]:
    """The rows of a picture as runs of equal style.

    Args:
        cursor: the instant under the cursor, and the row it is on; None draws no cursor.
        chosen: a range `[from, until)`, microseconds UTC.
    """
    cells = [row[:] for row in drawing.cells] if cursor is not None or chosen is not None else drawing.cells
    if chosen is not None:
        inside = [spot for spot in drawing.spots if spot.from_at < chosen[1] and spot.until_at > chosen[0]]
        _show(cells, drawing.signs, inside, "range", RANGE_SIGN)
    if cursor is not None:
        at, number = cursor
        here = [spot for spot in drawing.spots if spot.from_at <= at < spot.until_at]
        _show(cells, drawing.signs, [spot for spot in here if spot.row == number] or here[:1], "cursor", CURSOR_SIGN)
    return runs(cells)


def runs(cells: Iterable[list[Run]]) -> list[list[Run]]:
    """Rows of cells as runs of equal style."""
    return [
        [("".join(cell[0] for cell in group), style) for style, group in groupby(row, key=lambda cell: cell[1])]
        for row in cells
    ]


def spot_at(drawing: Drawing, x: int, y: int) -> Spot | None:
    """What stands at a cell; above or below the picture's rows, what stands in that column."""
    column = [spot for spot in drawing.spots if spot.left <= x < spot.right]
    exact = [spot for spot in column if spot.top <= y < spot.bottom]
    return next(iter(exact or column), None)


def _show(cells: list[list[Run]], signs: int | None, spots: Iterable[Spot], style: str, sign: str) -> None:
    for spot in spots:
        _add_style(cells, spot.left, spot.right, spot.top, spot.bottom, style)
        if signs is not None and signs < len(cells):
            row = cells[signs]
            wide = spot.left + 1 if style == "cursor" else spot.right
            for x in range(spot.left, min(wide, len(row))):
                if row[x][0] in (" ", RANGE_SIGN):
                    row[x] = (sign, row[x][1] if style in row[x][1].split() else f"marker {style}")


def _add_style(cells: list[list[Run]], left: int, right: int, top: int, bottom: int, style: str) -> None:
    for row in cells[max(top, 0) : max(bottom, 0)]:
        for x in range(max(left, 0), min(right, len(row))):
            glyph, before = row[x]
            row[x] = (glyph, f"{before} {style}".strip())
