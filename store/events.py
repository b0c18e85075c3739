"""The raw events behind every number, a page at a time, each with its verdict and the rule that decided it."""

from typing import NamedTuple

from store.connection import Store


class EventRow(NamedTuple):
    """One access event as the log told it; what the log did not say is None.

    Attributes:
        occurred_at: microseconds UTC.
        rule: the deciding rule's id; None where no rule restricts it.
        after_removal: an improper or denied event after a removal of its app without a re-grant.
        import_id, file, record_no: where the original record is (counted from 1).
    """

    occurred_at: int
    app_id: str
    app_name: str
    partner_id: str
    verdict: str
    rule: str | None
    after_removal: bool
    data_classes: tuple[str, ...]
    subject_id: str | None
    resource_id: str | None
    endpoint: str | None
    records: int | None
    bytes: int | None
    ip: str | None
    outcome: str
    event_id: str | None
    import_id: int
    file: str
    record_no: int


def events(
    store: Store,
    partner: int | None = None,
    *,
    from_at: int | None = None,
    until_at: int | None = None,
    verdict: str | None = None,
    limit: int = 100,
) -> list[EventRow]:
    """Events in `[from_at, until_at)`, oldest first, at most `limit` of them; every bound is optional."""
    raise NotImplementedError


def event_document(row: EventRow) -> dict[str, object]:
    """One event as `python -m store events --json` prints it."""
    raise NotImplementedError
