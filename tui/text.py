"""Data as text on the screen: cleaned, cut to cells, and the one place that formats numbers, dates and names of things.

Nothing here returns markup; what it returns may go into a `Strip`, a `Content` or a plain string.
"""

from rich.cells import cell_len, set_cell_size
from textual.content import Content

from store.instants import MICROSECONDS_PER_DAY, MICROSECONDS_PER_SECOND, format_day, format_instant, last_day_before
from store.text import clean

__all__ = [
    "GROUNDS_WORDS",
    "STATUS_LETTERS",
    "STEP_WORDS",
    "VERDICT_WORDS",
    "clean",
    "clock",
    "count",
    "day",
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
]

# DOMAIN, "Words on the screen": what counsel reads, for the names the store uses.
STATUS_LETTERS = {"open": "o", "flagged": "F", "cleared": "x"}
GROUNDS_WORDS = {
    "no_access": "never read",
    "allowed": "reads were allowed",
    "deletion_verified": "audit passed",
    "enforced": "suspended or referred",
    "defunct": "defunct",
    "duplicate": "duplicate",
    "other": "other, see the note",
}
STEP_WORDS = {
    "none": "nothing yet",
    "access_removed": "access removed",
    "notified": "partner told",
    "deletion_requested": "deletion asked",
    "deletion_certified": "certified",
    "audit_planned": "audit notice",
    "audit_started": "audit started",
    "audit_passed": "audit passed",
    "audit_failed": "audit failed",
    "no_response": "no response",
    "on_hold": "on hold",
    "contradicted": "contradicted",
    "waived": "waived",
    "authority_told": "authority told",
    "people_told": "people told",
    "report_filed": "report filed",
}
VERDICT_WORDS = {
    "improper": "restricted read",
    "undetermined": "unsettled",
    "allowed_by_opt_in": "allowed, opted in",
    "allowed_by_exemption": "allowed, exempt",
    "allowed": "allowed",
    "denied": "denied",
}
_QUALIFIER_WORDS = {"exact": "complete in the log", "at_least": "at least", "unsettled": "unsettled"}
_QUALIFIER_SIGNS = {"exact": "", "at_least": "≥", "unsettled": "~"}
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


def number(value: int) -> str:
    """`41,207`."""
    return f"{value:,}"


def qualified(value: int, qualifier: str) -> str:
    """A figure with its sign: `41,207` exact, `≥41,207` at least, `~41,207` unsettled; a zero bears none but `~`."""
    sign = _QUALIFIER_SIGNS[qualifier]
    return number(value) if value == 0 and sign == "≥" else f"{sign}{number(value)}"


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
    seconds = microseconds // MICROSECONDS_PER_SECOND
    if microseconds < MICROSECONDS_PER_SECOND:
        return "+<1 s"
    if seconds < 60:
        return f"+{seconds} s"
    minutes = seconds // 60
    if minutes < 60:
        return f"+{minutes} min {seconds % 60:02d} s"
    days, rest = divmod(microseconds, MICROSECONDS_PER_DAY)
    hours, rest_minutes = divmod(rest // MICROSECONDS_PER_SECOND // 60, 60)
    return f"+{days:,} d {hours:02d}:{rest_minutes:02d}" if days else f"+{hours} h {rest_minutes:02d} min"


def status_words(status: str | None, grounds: str | None = None) -> str:
    """A case's status as counsel reads it: `flagged`, `closed: audit passed`, `no case`."""
    if status is None:
        return "no case"
    if status != "cleared":
        return status
    return "closed" if grounds is None else f"closed: {GROUNDS_WORDS.get(grounds, grounds)}"
