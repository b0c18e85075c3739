"""A what-if beside the figures as they are, as lines of a page: both numbers, the change, and which partners flip.

Where the four populations have no room in view, a table of their partners and people goes before everything else.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from rich.cells import cell_len

from store.sheet import POPULATION_NAMES, Comparison
from store.sheet_words import MEASURE_WORDS, Compared, compared, difference_words, flip_words, remarks
from store.words import VERDICTS
from tui.text import clean, fit, wrapped
from tui.widgets.sheet_layout import SHORT, Block, Page, Part, Place, beside, page_of, titled

_LABEL, _LEAST_NUMBER = 19, 10
_GAP = 3
_NOW = len(" now")
_LONGEST = 1_000
_LEAST_FLIPS = 2
_IN_TABLE = ("partners", "people")
_TABLE_GAPS = (2, 1)
_LATER = ("coverage.days", "coverage.covered_days", "events_from_as_of")


def what_if_page(found: Comparison, width: int, height: int) -> Page:
    """The comparison for so many cells.

    Args:
        height: lines in view; where the four populations have no room in them, a table of them goes first.
    """
    all_numbers = compared(found)
    columns = _columns(all_numbers)
    block_width = _LABEL + sum(columns)
    many = min(max((width + _GAP) // (block_width + _GAP), 1), 3)

    def rows_of(numbers: Sequence[Compared]) -> list[Block]:
        blocks = _blocks(found, numbers, columns)
        parts = [blocks[place : place + many] for place in range(0, len(blocks), many)]
        return [beside([(block, block_width) for block in part]) for part in parts]

    said, told = _remarks(found, width), [*enumerate(words for _, _, words in flip_lines(found))]
    rows, head = rows_of(all_numbers), -(-len(POPULATION_NAMES) // many)
    if sum(len(row) + 1 for row in rows[:head]) + _LEAST_FLIPS <= height:
        # Numbers keep their places while a value moves: what is told in words, of any length, comes after them.
        blocks = [*rows[:head], said, _flips(told, width), *rows[head:]]
    else:
        room = max(width - 2, 20)
        cut = [each for each in told if cell_len(each[1]) > room]
        rows = rows_of([each for each in all_numbers if each.cell.partition(".")[2] not in _IN_TABLE])
        top = [*said, *_table(found, width), *_short_flips(told, room)]
        blocks = [top, _flips(cut, width) if cut else [], *rows]
    return page_of([block for block in blocks if block])


def _titles(found: Comparison) -> dict[str, str]:
    window = f"Last {found.now.window_days} d"
    if found.what_if.window_days != found.now.window_days:
        window += f" / {found.what_if.window_days} d"
    return {"retained": "Kept access", "accessed": "Read", "recent": window, "after_removal": "After removal"}


def _blocks(found: Comparison, numbers: Sequence[Compared], columns: tuple[int, int, int]) -> list[Block]:
    """These numbers in blocks, one for each population, the verdicts, and the days with what came later."""
    titles = {**_titles(found), "verdicts": "Events before as-of"}
    blocks = [
        _numbers(title, [each for each in numbers if each.cell.startswith(f"{area}.")], columns)
        for area, title in titles.items()
    ]
    by_cell = {each.cell: each for each in numbers}
    return [*blocks, _numbers("Days and later events", [by_cell[cell] for cell in _LATER], columns)]


class _Column(NamedTuple):
    """A column of the table: its head, what stands in it for each population that has a number there, its cells."""

    head: str
    parts: Mapping[str, Part]
    width: int


def _table(found: Comparison, width: int) -> Block:
    """The populations as lines: partners and people beside each other, or below each other where that is too wide."""
    by_cell = {each.cell: each for each in compared(found)}
    titles = _titles(found)
    label = max(map(cell_len, titles.values())) + 2
    groups = [_table_columns(by_cell, measure) for measure in _IN_TABLE]
    every = [column for group in groups for column in group]
    for gap in _TABLE_GAPS:
        if label + sum(column.width + gap for column in every) <= width:
            return _table_lines(titles, label, every, gap)
    return [line for group in groups for line in _table_lines(titles, label, group, 1)]


def _table_columns(by_cell: Mapping[str, Compared], measure: str) -> list[_Column]:
    rows = {name: by_cell[cell] for name in POPULATION_NAMES if (cell := f"{name}.{measure}") in by_cell}
    parts = [{name: _number(each, column) for name, each in rows.items()} for column in (0, 1)]
    parts.append({name: _change(each) for name, each in rows.items()})
    # As wide as the numbers of now, so that columns stay where they are while a value moves.
    now = max(cell_len(part.text) for part in parts[0].values())
    return [
        _Column(head, each, max(cell_len(head), now, *(cell_len(part.text) for part in each.values())))
        for head, each in zip((f"{MEASURE_WORDS[measure]} now", "what if", "change"), parts, strict=True)
    ]


def _table_lines(titles: Mapping[str, str], label: int, columns: Sequence[_Column], gap: int) -> Block:
    head = "".join(fit(column.head, column.width + gap, right=True) for column in columns)
    lines: Block = [(Part(" " * label), Part(head, "quiet"))]
    for name, title in titles.items():
        if not any(name in column.parts for column in columns):
            continue
        line = [Part(fit(f" {title}", label), "accent")]
        for column in columns:
            part = column.parts.get(name, Part(""))
            line += [Part(" " * (column.width + gap - cell_len(part.text))), part]
        lines.append(tuple(line))
    return lines


def _number(each: Compared, column: int) -> Part:
    told = each.what_if if column else each.now
    return Part(told.words, "strong" if told.value else "quiet", Place(each.cell, column))


def _change(each: Compared) -> Part:
    return Part(difference_words(each.difference), "accent" if each.difference else "quiet")


def _columns(rows: Sequence[Compared]) -> tuple[int, int, int]:
    """The cells of each column of numbers: a blank before the longest of them, whatever it is."""
    longest = max(cell_len(told.words) for each in rows for told in (each.now, each.what_if))
    change = max(cell_len(difference_words(each.difference)) for each in rows)
    of_each = max(longest + 1, _LEAST_NUMBER)
    return of_each, of_each, max(change + 1, _LEAST_NUMBER)


def _numbers(title: str, rows: list[Compared], columns: tuple[int, int, int]) -> Block:
    lines: Block = []
    for each in rows:
        area, _, name = each.cell.partition(".")
        words = VERDICTS[name] if area == "verdicts" else _words(each.cell, name)
        line = [Part(fit(f" {words}", _LABEL))]
        for column in (0, 1):
            number = _number(each, column)
            line += [Part(" " * (columns[column] - cell_len(number.text))), number]
        change = _change(each)
        line += [Part(" " * (columns[2] - cell_len(change.text))), change]
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


def _flips(told: Sequence[tuple[int, str]], width: int) -> Block:
    """Who flips in full, each by its number and words."""
    lines: Block = []
    for place, words in told:
        for line in wrapped(words, max(width - 2, 20)):
            lines.append((Part(" "), Part(line, "", Place(f"flip.{place}"))))
    return titled("Partners that flip", lines or [(Part(" none", "quiet"),)])


def _short_flips(told: Sequence[tuple[int, str]], room: int) -> Block:
    """A line each, under places of their own: `flip.N` of the other column."""
    lines: Block = [
        (Part(" "), Part(fit(words, min(cell_len(words), room)), "", Place(f"flip.{place}", 1)))
        for place, words in told
    ]
    return lines or [(Part(" Partners that flip: none", "quiet"),)]
