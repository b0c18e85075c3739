"""Data as text on the screen: cleaned, cut to cells, and the one place that formats numbers, dates and names of things.

Nothing here returns markup; what it returns may go into a `Strip`, a `Content` or a plain string.
"""

from collections.abc import Sequence

from rich.cells import cell_len, set_cell_size
from textual.content import Content

from store.instants import format_day, format_instant, last_day_before
from store.text import clean
from store.words import GROUNDS as GROUNDS_WORDS
from store.words import QUALIFIERS as _QUALIFIER_WORDS
from store.words import STEPS as STEP_WORDS
from store.words import VERDICTS as VERDICT_WORDS
from store.words import count_words as number
from store.words import duration_words, qualified, status_words, step_words

__all__ = [
    "GROUNDS_WORDS",
    "STATUS_LETTERS",
    "STEP_WORDS",
    "VERDICT_WORDS",
    "clean",
    "clock",
    "count",
    "day",
    "first_fitting",
    "fit",
    "instant",
    "lag",
    "last_day",
    "moment",
    "number",
    "plain",
    "plural",
    "qualified",
    "qualifier_words",
    "short_day",
    "span",
    "status_words",
    "step_words",
    "within",
    "wrapped",
]

STATUS_LETTERS = {"open": "o", "flagged": "F", "cleared": "x"}
_PLURALS = {"person": "people", "entry": "entries"}


def plain(text: str, *, limit: int = 2_000) -> Content:
    """Text of the data as content without markup, cleaned."""
    return Content(clean(text, limit=limit))


def fit(text: str, width: int, *, right: bool = False) -> str:
    """Clean text cut or padded to exactly this many cells; a cut is shown by `…`."""
    if width <= 0:
        return ""
    cells = cell_len(text)
    if cells > width:
        return set_cell_size(text, width - 1) + "…"
    padding = " " * (width - cells)
    return padding + text if right else text + padding


def within(runs: Sequence[tuple[str, str]], width: int) -> list[tuple[str, str]]:
    """Runs of `(clean text, style)` cut to so many cells; a cut is shown by `…`."""
    kept: list[tuple[str, str]] = []
    for text, style in runs:
        cells = cell_len(text)
        if cells > width:
            kept.append((fit(text, width), style))
            break
        kept.append((text, style))
        width -= cells
    return kept


def first_fitting(wordings: Sequence[str], width: int) -> str:
    """The first of these that has room in so many cells; the last one, cut, where none has."""
    return next((words for words in wordings if cell_len(words) <= width), None) or fit(wordings[-1], width)


def wrapped(text: str, width: int) -> list[str]:
    """Clean text cut into lines of at most this many cells, at blanks where there are any."""
    lines = []
    while cell_len(text) > width:
        line = set_cell_size(text, width)
        # A wide letter that would be cut in two is left for the next line.
        end = len(line) if text.startswith(line) else len(line.rstrip(" "))
        blank = text.rfind(" ", 1, end + 1)
        end = blank if blank > 0 else max(end, 1)
        lines.append(text[:end])
        text = text[end:].removeprefix(" ")
    return [*lines, text]


def qualifier_words(qualifier: str) -> str:
    """A qualifier as counsel reads it: `complete in the log`, `at least`, `unsettled`."""
    return _QUALIFIER_WORDS[qualifier]


def plural(value: int, noun: str) -> str:
    """The noun for so many: `partner`, `partners`, `people`."""
    return noun if value == 1 else _PLURALS.get(noun, f"{noun}s")


def count(value: int, noun: str) -> str:
    """`1 partner`, `1,204 people`."""
    return f"{number(value)} {plural(value, noun)}"


def day(at: int) -> str:
    """The UTC date: `2019-11-05`."""
    return format_day(at)


def last_day(until_at: int) -> str:
    """The last UTC date of an interval that ends, exclusively, at `until_at`."""
    return last_day_before(until_at)


def short_day(at: int, *, beside: int) -> str:
    """`11-05` where the year is that of `beside`, else `2019-11-05`: never a date without its year in doubt."""
    text = format_day(at)
    return text[5:] if text[:4] == format_day(beside)[:4] else text


def instant(at: int) -> str:
    """The whole instant: `2019-11-05T14:02:09Z`."""
    return format_instant(at)


def moment(at: int) -> str:
    """To the minute, for lists: `2019-11-05 14:02`."""
    return format_instant(at)[:16].replace("T", " ")


def clock(at: int) -> str:
    """The time of day, UTC: `14:02Z`."""
    return f"{format_instant(at)[11:16]}Z"


def span(from_at: int, until_at: int) -> str:
    """A half-open interval by the dates it touches: `2018-04-04 .. 2019-11-04`."""
    return f"{day(from_at)} .. {last_day(until_at)}"


def lag(microseconds: int) -> str:
    """Time after something: `+4 s`, `+3 h 20 min`, `+2 d 04:11`."""
    return f"+{duration_words(microseconds)}"
