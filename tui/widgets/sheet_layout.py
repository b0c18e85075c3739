"""The disclosure sheet as lines of a page: blocks beside each other where there is room. It draws nothing.

Every number is a place for the cursor; so are times, sentence and caveats, so that all of it is reached.
"""

from collections.abc import Sequence
from typing import NamedTuple

from rich.cells import cell_len

from store.figures import Figures
from store.sheet import Sheet, span_lines, time_lines
from store.sheet_rows import MEASURES, READING, WITHOUT
from store.sheet_words import CASE_WORDS, MEASURE_WORDS, cell_words, number_in
from store.words import VERDICTS, duration_words, step_words
from tui.text import clean, day, fit, last_day, moment, number, wrapped

_GAP = 3
_ROOMY = 60
_MOST_CAVEATS = 40
_LONGEST_CAVEAT = 600


class Place(NamedTuple):
    """What the cursor can stand on.

    Attributes:
        cell: the path of a cell, or `sentence`, `time.NAME`, `caveat.N`: these have no rows of their own.
        column: which of two sheets it belongs to: 0 the one as it is, 1 the what-if.
    """

    cell: str
    column: int = 0


class Part(NamedTuple):
    """A piece of a line: clean text, the name of a style, and the place it belongs to."""

    text: str
    style: str = ""
    place: Place | None = None


Line = tuple[Part, ...]
Block = list[Line]


class Stop(NamedTuple):
    """Where a place is on the page: its first line, how many lines, its first cell and its width."""

    place: Place
    line: int
    height: int
    x: int
    width: int


class Page(NamedTuple):
    """The lines, and the places on them from top to bottom, from left to right."""

    lines: tuple[Line, ...]
    stops: tuple[Stop, ...]


def page_of(blocks: Sequence[Block]) -> Page:
    """The page that these blocks make, one below the other with an empty line between them."""
    lines: list[Line] = []
    for block in blocks:
        lines += [*([()] if lines else []), *block]
    found: dict[Place, Stop] = {}
    for row, line in enumerate(lines):
        x = 0
        for part in line:
            width = cell_len(part.text)
            if part.place is not None:
                known = found.get(part.place)
                found[part.place] = (
                    Stop(part.place, row, 1, x, width)
                    if known is None
                    else known._replace(height=row - known.line + 1, width=max(known.width, width))
                )
            x += width
    return Page(tuple(lines), tuple(sorted(found.values(), key=lambda stop: (stop.line, stop.x))))


def beside(blocks: Sequence[tuple[Block, int]]) -> Block:
    """Blocks side by side, each padded to its width."""
    joined: Block = []
    for row in range(max(len(block) for block, _ in blocks)):
        line: list[Part] = []
        for place, (block, width) in enumerate(blocks):
            parts = block[row] if row < len(block) else ()
            line += parts
            if place + 1 < len(blocks):
                used = sum(cell_len(part.text) for part in parts)
                line.append(Part(" " * (width - used + _GAP)))
        joined.append(tuple(line))
    return joined


def titled(title: str, lines: Block) -> Block:
    """A block with its title above it."""
    return [(Part(f" {title}", "accent"),), *lines]


def sheet_page(sheet: Sheet, width: int) -> Page:
    """The sheet for so many cells.

    Args:
        width: at least 58 are used.
    """
    width = max(width, 58)
    figures = sheet.figures
    if width < 112:
        blocks = [
            _populations(sheet, min(width, 93)),
            _sentence(figures, width),
            _times(sheet, width),
            beside([(_verdicts(figures), 34), (_cases(figures), 20)]),
            _audits(figures),
            _coverage(figures, 40),
            _caveats(figures, width),
        ]
        return page_of([block for block in blocks if block])
    if width < 180:
        table = 77
        wide = width - table - _GAP
        times = _times(sheet, width - 34 - 24 - 2 * _GAP)
        work = [*_verdicts(figures), (), *_cases(figures)]
        blocks = [
            beside(
                [
                    (_populations(sheet, table), table),
                    ([*_sentence(figures, wide), (), *_coverage(figures, wide)], wide),
                ]
            ),
            beside([(times, width - 34 - 24 - 2 * _GAP), (work, 34), (_audits(figures), 24)]),
            _caveats(figures, width),
        ]
        return page_of([block for block in blocks if block])
    table, middle = 96, 66
    wide = width - table - middle - 2 * _GAP
    told = [*_coverage(figures, 44), (), *_caveats(figures, width - table - _GAP)]
    blocks = [
        beside([(_populations(sheet, table), table), (_times(sheet, middle), middle), (_cases(figures), wide)]),
        beside([(beside([(_verdicts(figures), 40), (_audits(figures), table - 40 - _GAP)]), table), (told, 0)]),
        _sentence(figures, width),
    ]
    return page_of([block for block in blocks if block])


def _populations(sheet: Sheet, width: int) -> Block:
    """The four populations as columns, what is counted of them as lines."""
    figures = sheet.figures
    columns = ("retained", *READING)
    cells = min((width - 20) // 4, 18)
    names = ("Kept access", "Read", f"Last {figures.window_days} d", "After removal")
    label = width - 4 * cells
    since = [figures.cutoff, figures.cutoff, figures.recent_from, figures.cutoff]
    ranges = ["" if at is None else f"{day(at)}.." if at < figures.as_of else "no rule yet" for at in since]
    ends = ["" if at is not None and at >= figures.as_of else last_day(figures.as_of) for at in since]
    head = "".join(fit(name, cells, right=True) for name in names)
    lines: Block = [
        (Part(fit(" Populations", label), "accent"), Part(head, "strong")),
        (
            Part(fit(" from .. to, UTC", label), "quiet"),
            Part("".join(fit(text, cells, right=True) for text in ranges), "quiet"),
        ),
        (
            Part(" " * label),
            Part("".join(fit(text, cells, right=True) for text in ends), "quiet"),
        ),
    ]
    for measure in (*MEASURES, *WITHOUT):
        line = [Part(fit(f" {SHORT.get(measure, MEASURE_WORDS[measure])}", label))]
        for column in columns:
            has = column != "retained" or measure in ("partners", "apps")
            line += _number(sheet, f"{column}.{measure}", cells) if has else [Part(fit("", cells))]
        lines.append(tuple(line))
    lines.append((Part(fit(" by reads alone", label)), *_number(sheet, "retained.ungranted_partners", cells)))
    lines.append(
        (
            Part(fit(" denied attempts", label + 3 * cells)),
            *_number(sheet, "after_removal.denied_attempts", cells),
        )
    )
    qualifiers = [""] + [getattr(figures, name).qualifier for name in READING]
    words = {"exact": "complete", "at_least": "at least", "unsettled": "! unsettled"}
    lines.append(
        (
            Part(fit(" in the log", label), "quiet"),
            *(
                Part(
                    fit(words.get(each, ""), cells, right=True),
                    "good" if each == "exact" else "alarm" if each == "unsettled" else "quiet",
                )
                for each in qualifiers
            ),
        )
    )
    return lines


SHORT = {
    "events_without_subject": "without a person",
    "ungranted_partners": "by reads alone",
    "events_without_records": "without records",
}


def short_cell_words(cell: str, figures: Figures) -> str:
    """What a cell is called where its whole name has no room: `last 60 d: without records`."""
    area, _, name = cell.partition(".")
    names = {"recent": f"last {figures.window_days} d", "after_removal": "after removal", "accessed": "read"}
    if area not in names or name not in MEASURE_WORDS:
        return cell_words(cell, figures)
    return f"{names[area]}: {SHORT.get(name, MEASURE_WORDS[name])}"


_ALARMS = ("after_removal.partners", "after_removal.apps", "after_removal.people", "after_removal.events")


def _number(sheet: Sheet, cell: str, width: int) -> list[Part]:
    """A number flush right, only its own digits being the place."""
    found = number_in(sheet.figures, cell)
    words = found.words
    style = "alarm" if cell in _ALARMS and found.value else "strong"
    return [Part(" " * max(width - cell_len(words), 0)), Part(words, style if found.value else "quiet", Place(cell))]


def counted_lines(figures: Figures, cells: Sequence[tuple[str, str]], label: int, width: int = 10) -> Block:
    """Lines of a name and its number."""
    lines: Block = []
    for cell, words in cells:
        found = number_in(figures, cell)
        said = found.words
        pad = " " * max(width - cell_len(said), 0)
        style = "strong" if found.value else "quiet"
        lines.append((Part(fit(f" {words}", label)), Part(pad), Part(said, style, Place(cell))))
    return lines


def _verdicts(figures: Figures) -> Block:
    cells = [(f"verdicts.{name}", words) for name, words in VERDICTS.items()]
    cells.append(("events_from_as_of", "from as-of on, uncounted"))
    return titled("Events before as-of", counted_lines(figures, cells, 25, 9))


def _cases(figures: Figures) -> Block:
    cells = [(f"cases.{name}", words) for name, words in CASE_WORDS.items()]
    return titled(f"Cases {day(figures.today)}", counted_lines(figures, cells, 12, 8))


# What is not there is said of these only.
_ALWAYS = ("passed", "failed", "overdue")


def _audits(figures: Figures) -> Block:
    cells = [(f"audits.{name}", step_words(name)) for name, value in figures.audits.items() if value or name in _ALWAYS]
    return titled("Where audits stand", counted_lines(figures, cells, 18, 6))


def _times(sheet: Sheet, width: int) -> Block:
    """When what happened, and how long after the platform became aware."""
    found = sheet.times
    label = 28 if width >= _ROOMY else 24
    lines: Block = [
        (Part(fit(" When, UTC", label + 18), "accent"), Part("after aware" if found.aware_at else "", "quiet"))
    ]
    for name, words, _ in time_lines_by_name(sheet):
        at = getattr(found, name)
        told = "not known" if at is None else moment(at)
        since = "" if at is None or found.aware_at is None or name == "aware_at" else _apart(at - found.aware_at)
        lines.append(
            (
                Part(fit(f" {words}", label)),
                Part(told, "quiet" if at is None else "", Place(f"time.{name}")),
                Part(" " * (18 - len(told))),
                Part(since, "quiet"),
            )
        )
    for place, (words, said) in enumerate(span_lines(found)):
        lines.append((Part(fit(f" {words}", label), "quiet"), Part(said, "", Place(f"span.{place}"))))
    return lines


def _apart(microseconds: int) -> str:
    return f"{'+' if microseconds >= 0 else '-'}{duration_words(abs(microseconds))}"


def time_lines_by_name(sheet: Sheet) -> list[tuple[str, str, str]]:
    """Each time's own name, its words, and when it was."""
    names = sheet.times._fields
    return [(name, words, said) for name, (words, said) in zip(names, time_lines(sheet.times), strict=True)]


def _sentence(figures: Figures, width: int) -> Block:
    place = Place("sentence")
    lines: Block = [
        (Part(" "), Part(line, "", place)) for line in wrapped(clean(figures.sentence, 2_000), max(width - 2, 20))
    ]
    return titled("In plain English", lines)


def _coverage(figures: Figures, width: int) -> Block:
    basis = "" if figures.coverage_basis == "imported" else ", inferred"
    label = min(width - 8, 34)
    lines = counted_lines(
        figures,
        [
            ("coverage.days", "days from cut-off to as-of"),
            ("coverage.covered_days", f"wholly logged{basis}"),
        ],
        label,
        8,
    )
    recently = f"{number(figures.recent_covered_days)}/{number(figures.recent_days)}"
    lines.append(
        (Part(fit(f" last {figures.window_days} days, logged", label)), Part(fit(recently, 8, right=True), "quiet"))
    )
    if figures.quarantined:
        lines.append(
            (Part(fit(" records quarantined", label)), Part(fit(number(figures.quarantined), 8, right=True), "alarm"))
        )
    return titled("How far the log can be relied on", lines)


def _caveats(figures: Figures, width: int) -> Block:
    lines: Block = []
    caveats = figures.caveats
    for place, caveat in enumerate(caveats[:_MOST_CAVEATS]):
        for row, line in enumerate(wrapped(clean(caveat, _LONGEST_CAVEAT), max(width - 4, 20))):
            lines.append((Part(" ! " if row == 0 else "   ", "alarm"), Part(line, "", Place(f"caveat.{place}"))))
    if len(caveats) > _MOST_CAVEATS:
        more = len(caveats) - _MOST_CAVEATS
        lines.append((Part(f"   and {number(more)} more: `python -m store figures` prints all", "quiet"),))
    return titled("What limits these figures", lines) if lines else []
