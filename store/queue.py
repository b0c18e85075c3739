"""What to do next: the open cases in the order of `store.reasons`, each with its why."""

from typing import NamedTuple

from store.connection import Store
from store.instants import format_day, format_optional
from store.parameters import Parameters, resolve
from store.partners import PartnerRow, partner_list
from store.reasons import REASONS, Reason, reasons
from store.rulebook import rulebook_in


class QueueItem(NamedTuple):
    """One partner of the queue: its row, and why it stands where it stands, in the order of `REASONS`."""

    row: PartnerRow
    reasons: tuple[Reason, ...]


class Queue(NamedTuple):
    """What to do next.

    Attributes:
        today: microseconds UTC, at which it is judged.
        items: first things first; only partners with a case that is not closed.
        closed: how many cases are closed and therefore left out.
    """

    today: int
    items: tuple[QueueItem, ...]
    closed: int


def queue(store: Store, parameters: Parameters) -> Queue:
    """The open cases in the order of the partner list, each with its reasons."""
    with store.reading() as connection:
        view = resolve(rulebook_in(connection), parameters)
    rows = partner_list(store, parameters)
    return Queue(
        view.today,
        tuple(
            QueueItem(row, tuple(reasons(row, today=view.today, window_days=view.window_days)))
            for row in rows
            if row.status in ("open", "flagged")
        ),
        sum(row.status == "cleared" for row in rows),
    )


def queue_document(found: Queue) -> dict[str, object]:
    """The queue as `python -m store queue --json` prints it."""
    return {
        "today": format_optional(found.today),
        "order": list(REASONS),
        "closed": found.closed,
        "queue": [
            {
                "place": place,
                "partner_id": item.row.partner_id,
                "name": item.row.name,
                "reasons": [reason._asdict() for reason in item.reasons],
                "status": item.row.status,
                "stage": item.row.stage,
                "next_step": item.row.next_step,
                "side_states": list(item.row.side_states),
                "due": None if item.row.due is None else format_day(item.row.due),
                "overdue": item.row.overdue,
                "people": item.row.people,
                "assignee": item.row.assignee,
                "version": item.row.version,
            }
            for place, item in enumerate(found.items, 1)
        ],
    }
