"""Why a partner comes first: plain reasons in a stated order, never a score.

The order of the partner list and of `python -m store queue` is the order of `REASONS`: by the first of them that one
partner has and the other has not; then people, reads, name.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from store.clocks import days_between
from store.contradictions import AFTER_CERTIFICATE, AFTER_REMOVAL, Contradiction, contradiction_words
from store.instants import format_day
from store.words import count_words, counted, step_words

if TYPE_CHECKING:
    from store.partners import PartnerRow

READ_AFTER_REMOVAL, CONTRADICTED, OVERDUE, RECENT, PEOPLE = (
    *("read_after_removal", "contradicted", "overdue", "recent", "people"),
)
REASONS = (READ_AFTER_REMOVAL, CONTRADICTED, OVERDUE, RECENT, PEOPLE)

_DUE = {
    "notified": "telling the partner",
    "deletion_requested": "asking for deletion",
    "deletion_certified": "certificate",
    "audit_planned": "audit notice",
    "audit_started": "audit",
    "audit_passed": "audit's end",
}


class Reason(NamedTuple):
    """One reason, of a kind of `REASONS`, in words."""

    kind: str
    text: str


def reasons(row: "PartnerRow", *, today: int, window_days: int | None = None) -> list[Reason]:
    """Why a partner deserves attention, in the order of `REASONS`; empty for one that does not.

    Args:
        today: microseconds UTC; how late a step is is told in whole UTC days.
        window_days: of the recent window; None where it is not known.
    """
    found = []
    if row.after_removal:
        read = counted(row.after_removal, "read after removal", "reads after removal")
        found.append(Reason(READ_AFTER_REMOVAL, read))
    told = [each for each in row.contradictions if each.kind != AFTER_REMOVAL or not row.after_removal]
    found += [Reason(CONTRADICTED, short_words(each)) for each in told]
    # A contradicted certificate sets that side state by itself, no other contradiction does.
    if "contradicted" in row.side_states and all(each.kind != AFTER_CERTIFICATE for each in row.contradictions):
        found.append(Reason(CONTRADICTED, "contradicted: see the record"))
    if row.due is not None and row.overdue:
        what = due_words(row.due_step)
        late = counted(days_between(row.due, today), "day", "days")
        found.append(Reason(OVERDUE, f"{what} {late} late, due {format_day(row.due)}"))
    if row.recent:
        lately = "lately" if window_days is None else f"in the last {counted(window_days, 'day', 'days')}"
        found.append(Reason(RECENT, f"{counted(row.recent, 'read', 'reads')} {lately}"))
    if row.people:
        found.append(Reason(PEOPLE, counted(row.people, "person", "people")))
    elif row.events:
        found.append(Reason(PEOPLE, counted(row.events, "restricted read", "restricted reads")))
    return found


def short_words(found: Contradiction) -> str:
    """A contradiction in a few words, without the words that a table of apps or a record shows beside it."""
    if found.kind == "read_after_certificate":
        day = format_day(found.step_at or 0)
        return f"read after {'its audit passed' if found.step == 'audit_passed' else 'its certificate'} ({day})"
    if found.kind == "access_alive":
        return f"{found.app_name} could read after '{step_words(found.step or '')}'"
    if found.kind == "sibling_alive":
        return f"sibling {found.app_name} can still read"
    if found.kind == "statement_short":
        return f"{count_words((found.logged or 0) - (found.stated or 0))} people short"
    return contradiction_words(found)


def due_words(step: str | None) -> str:
    """What is due where this step comes next: `certificate`, `audit`."""
    return _DUE.get(step or "", "answer" if step is None else step_words(step))


def reason_words(found: Sequence[Reason]) -> str:
    """The reasons as one line: `206 reads after removal; certified 16 days late, due 2020-01-04`."""
    return "; ".join(each.text for each in found)
