"""The words on a screen and in a report for what code and JSON keys name otherwise (DOMAIN, Words on the screen)."""

RESTRICTED_READ = "restricted read"

VERDICTS = {
    "improper": RESTRICTED_READ,
    "undetermined": "unsettled",
    "allowed_by_opt_in": "allowed, opted in",
    "allowed_by_exemption": "allowed, exempt",
    "allowed": "allowed",
    "denied": "denied",
}
GROUNDS = {
    "no_access": "never read",
    "allowed": "reads were allowed",
    "deletion_verified": "audit passed",
    "enforced": "suspended or referred",
    "defunct": "defunct",
    "duplicate": "duplicate",
    "other": "other, see the note",
}
STEPS = {
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
    "statement": "partner says",
    "recipients_none": "no recipients",
    "recipients_unanswered": "recipients unanswered",
    "recipient_named": "recipient named",
    "recipient_asked": "recipient asked",
    "recipient_certified": "recipient certified",
    "recipient_verified": "recipient verified",
    "sample_checked": "sample checked",
}
POPULATIONS = {
    "retained": "kept access",
    "accessed": "read",
    "recent": "read in the recent window",
    "after_removal": "read after removal",
}
QUALIFIERS = {
    "exact": "complete in the log",
    "at_least": "at least",
    "unsettled": "unsettled",
}
# The same where a number stands alone, and may be 0.
HOW_SURE = {
    "exact": "complete in the log",
    "at_least": "at least: not complete in the log",
    "unsettled": "unsettled: could be too high",
}
_SIGNS = {"exact": "", "at_least": "≥", "unsettled": "~"}


def status_words(status: str | None, grounds: str | None, *, override: bool = False) -> str:
    """`open`, `flagged`, `closed: audit passed`; `no case` for a partner without one.

    Args:
        override: the grounds were contradicted when the case was closed, which the words must not hide.
    """
    if status is None:
        return "no case"
    if status != "cleared":
        return status
    closed = f"closed: {GROUNDS.get(grounds or '', grounds or 'no ground')}"
    return f"{closed} (overridden)" if override else closed


def step_words(step: str) -> str:
    """A step or a stage in words; its own name where there are none."""
    return STEPS.get(step, step)


def population_words(population: str, entered: int, left: int) -> str:
    """How many partners entered and left a population: `+3 read`, `+1 -2 kept access`; empty where nobody did."""
    counts = [f"+{count_words(entered)}"] * bool(entered) + [f"-{count_words(left)}"] * bool(left)
    return f"{' '.join(counts)} {POPULATIONS[population]}" if counts else ""


def duration_words(microseconds: int) -> str:
    """A length of time: `4 s`, `3 h 20 min`, `2 d 04:11`."""
    seconds = microseconds // 1_000_000
    if seconds < 1:
        return "<1 s"
    if seconds < 60:
        return f"{seconds} s"
    minutes, seconds = divmod(seconds, 60)
    if minutes < 60:
        return f"{minutes} min {seconds:02d} s"
    hours, minutes = divmod(minutes, 60)
    days, rest = divmod(hours, 24)
    return f"{days:,} d {rest:02d}:{minutes:02d}" if days else f"{hours} h {minutes:02d} min"


def clock_words(set_back: int) -> str:
    """What is said of an entry whose clock stood this much (microseconds) before that of the entry before it."""
    return f"clock went back {duration_words(set_back)}"


def count_words(count: int) -> str:
    """A count with its thousands apart: `41,207`."""
    return f"{count:,}"


def counted(count: int, one: str, many: str | None = None) -> str:
    """`1 entry`, `4,711 entries`; without a plural of its own a word takes an `s`."""
    return f"{count_words(count)} {one if count == 1 else many or f'{one}s'}"


def qualified(count: int, qualifier: str) -> str:
    """A count with its qualifier's sign: `≥41,207` at least, `~41,207` unsettled; a zero bears none but `~`."""
    sign = _SIGNS[qualifier]
    return count_words(count) if count == 0 and sign == "≥" else f"{sign}{count_words(count)}"
