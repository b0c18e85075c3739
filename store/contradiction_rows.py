"""The events that show a contradiction: which filter finds them, so that their number is the number told."""

from store.contradictions import AFTER_CERTIFICATE, AFTER_REMOVAL, Contradiction
from store.event_filters import EventFilters, Term

# What shows the others: a person's word beside the log's, or access that has not ended.
SHOWN_BY_EVENTS = (AFTER_REMOVAL, AFTER_CERTIFICATE)


def contradiction_filters(found: Contradiction) -> EventFilters | None:
    """What the events of the contradicted partner must be, from `from_at` on; None where no events show it."""
    if found.kind not in SHOWN_BY_EVENTS or found.app_id is None:
        return None
    return EventFilters(
        verdicts=("improper",),
        app_ids=(Term(found.app_id, exact=True),),
        after_removal=found.kind == AFTER_REMOVAL,
    )
