"""A what-if beside the figures as they are, as lines of a page: both numbers, the change, and which partners flip."""

from collections.abc import Sequence

from rich.cells import cell_len

from store.sheet import Comparison
from store.sheet_words import COMPARED, MEASURE_WORDS, Compared, compared, difference_words, flip_words, remarks
from store.words import VERDICTS
from tui.text import clean, fit, wrapped
from tui.widgets.sheet_layout import SHORT, Block, Page, Part, Place, beside, page_of, titled

_LABEL, _LEAST_NUMBER = 19, 10
_GAP = 3
_NOW = len(" now")
_LONGEST = 1_000


def what_if_page(found: Comparison, width: int) -> Page:
    """The comparison for so many cells."""
    all_numbers = compared(found)
    by_cell = {each.cell: each for each in all_numbers}
    columns = _columns(all_numbers)
    block_width = _LABEL + sum(columns)
    window = f"Last {found.now.window_days} d"
    if found.what_if.window_days != found.now.window_days:
        window += f" / {found.what_if.window_days} d"
    titles = {"retained": "Kept access", "accessed": "Read", "recent": window, "after_removal": "After removal"}
    blocks = [
        _numbers(titles[name], [by_cell[cell] for cell in COMPARED if cell.startswith(f"{name}.")], columns)
        for name in titles
    ]
    blocks.append(_numbers("Events before as-of", [by_cell[f"verdicts.{name}"] for name in VERDICTS], columns))
    others = ("coverage.days", "coverage.covered_days", "events_from_as_of")
    blocks.append(_numbers("Days and later events", [by_cell[cell] for cell in others], columns))
    many = min(max((width + _GAP) // (block_width + _GAP), 1), 3)
    rows = [
        beside([(block, block_width) for block in blocks[place : place + many]])
        for place in range(0, len(blocks), many)
    ]
    first = [block for block in (_remarks(found, width),) if block]
    # Numbers keep their places while a value moves: what is told in words, of any length, comes after them.
    head = -(-len(titles) // many)
    return page_of([*rows[:head], *first, _flips(found, width), *rows[head:]])


def _columns(rows: Sequence[Compared]) -> tuple[int, int, int]:
    """The cells of each column of numbers: a blank before the longest of them, whatever it is."""
    longest = max(cell_len(told.words) for each in rows for told in (each.now, each.what_if))
    of_each = max(longest + 1, _LEAST_NUMBER)
    return of_each, of_each, max(of_each - 1, _LEAST_NUMBER)


def _numbers(title: str, rows: list[Compared], columns: tuple[int, int, int]) -> Block:
    lines: Block = []
    for each in rows:
        area, _, name = each.cell.partition(".")
        words = VERDICTS[name] if area == "verdicts" else _words(each.cell, name)
        line = [Part(fit(f" {words}", _LABEL))]
        for column, told in enumerate((each.now, each.what_if)):
            style = "strong" if told.value else "quiet"
            blank = " " * (columns[column] - cell_len(told.words))
            line += [Part(blank), Part(told.words, style, Place(each.cell, column))]
        changed = difference_words(each.difference)
        line.append(Part(fit(changed, columns[2], right=True), "accent" if each.difference else "quiet"))
        lines.append(tuple(line))
    # A long title has the room above the numbers, up to the word that heads them.
    head = fit("now", _NOW, right=True) + fit("what if", columns[1], right=True) + fit("change", columns[2], right=True)
    return [(Part(fit(f" {title}", _LABEL + columns[0] - _NOW), "accent"), Part(head, "quiet")), *lines]


def _words(cell: str, name: str) -> str:
    known = {"coverage.days": "days", "coverage.covered_days": "wholly logged", "events_from_as_of": "from as-of on"}
    return known.get(cell) or SHORT.get(name, MEASURE_WORDS.get(name, name))


def _remarks(found: Comparison, width: int) -> Block:
    return [
        (Part(" ! " if row == 0 else "   ", "alarm"), Part(line, "alarm", Place(f"remark.{place}")))
        for place, remark in enumerate(remarks(found))
        for row, line in enumerate(wrapped(clean(remark, _LONGEST), max(width - 4, 20)))
    ]


def flip_lines(found: Comparison) -> list[tuple[str, int, str]]:
    """Who flips: the population, the column whose partners say so, and the words, clean."""
    told = []
    for flips in found.flips:
        columns = [column for column, partners in ((1, flips.entered), (0, flips.left)) if partners]
        told += [
            (flips.population, column, clean(line, _LONGEST))
            for column, line in zip(columns, flip_words(flips), strict=True)
        ]
    return told


def _flips(found: Comparison, width: int) -> Block:
    lines: Block = []
    for place, (_, _, words) in enumerate(flip_lines(found)):
        for line in wrapped(words, max(width - 2, 20)):
            lines.append((Part(" "), Part(line, "", Place(f"flip.{place}"))))
    return titled("Partners that flip", lines or [(Part(" none", "quiet"),)])
