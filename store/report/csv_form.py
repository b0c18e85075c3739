"""A report as one CSV file: every table of it, told apart by the first column; no cell is a formula.

Each line names its table and its row; row 0 of a table holds the names of its columns. All lines have as many cells.
"""

import csv
import io
from collections.abc import Iterator

from store.report.parts import Block, Cell, Count, Lines, Report, Table, Tiles, Words
from store.text import csv_cell
from store.words import QUALIFIERS


def csv_text(report: Report) -> str:
    """The report as RFC 4180 CSV."""
    rows = list(_rows(report))
    width = max(len(cells) for _, _, cells in rows)
    buffer = io.StringIO(newline="")
    writer = csv.writer(buffer)
    writer.writerow(["section", "row", *(f"column_{place}" for place in range(1, width + 1))])
    for key, number, cells in rows:
        padded = [*cells, *[None] * (width - len(cells))]
        writer.writerow([key, number, *(csv_cell(cell) for cell in padded)])
    return buffer.getvalue()


def _rows(report: Report) -> Iterator[tuple[str, int, list[str | int | None]]]:
    yield "report", 0, ["title", "subtitle"]
    yield "report", 1, [report.title, report.subtitle]
    for section in report.sections:
        told: list[Words] = []
        for block in section.blocks:
            if isinstance(block, Words):
                told.append(block)
            else:
                yield from _block(block)
        if told:
            yield f"{section.key}.words", 0, ["text"]
            for number, words in enumerate(told, 1):
                yield f"{section.key}.words", number, [words.text]


def _block(block: Block) -> Iterator[tuple[str, int, list[str | int | None]]]:
    if isinstance(block, Table):
        # A number that is qualified has its qualifier beside it, so that it stays a number.
        qualified = [
            any(isinstance(row[place], Count) for row in block.rows) and "qualifier" not in _keys(block)
            for place in range(len(block.headings))
        ]
        names: list[str | int | None] = []
        for heading, has in zip(block.headings, qualified, strict=True):
            names += [heading.key, f"{heading.key}_qualifier"] if has else [heading.key]
        yield block.key, 0, names
        for number, row in enumerate(block.rows, 1):
            yield block.key, number, list(_cells(row, qualified))
    elif isinstance(block, Lines):
        yield block.key, 0, ["text"]
        for number, line in enumerate(block.lines, 1):
            yield block.key, number, [line]
    elif isinstance(block, Tiles):
        yield block.key, 0, ["figure", "count", "unit", "qualifier"]
        for number, tile in enumerate(block.tiles, 1):
            yield block.key, number, [tile.title, tile.number.value, tile.unit, QUALIFIERS[tile.number.qualifier]]


def _keys(block: Table) -> set[str]:
    return {heading.key for heading in block.headings}


def _cells(row: tuple[Cell, ...], qualified: list[bool]) -> Iterator[str | int | None]:
    for value, has in zip(row, qualified, strict=True):
        yield value.value if isinstance(value, Count) else value
        if has:
            yield QUALIFIERS[value.qualifier] if isinstance(value, Count) else None
