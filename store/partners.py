"""Which partners there are, which populations each is in, and where its case stands."""

from typing import NamedTuple

from store.connection import Store
from store.parameters import Parameters


class PartnerRow(NamedTuple):
    """One line of the partner list.

    Counts are over the partner's improper events in `[rule.from, as_of)` unless said otherwise.

    Attributes:
        partner: internal id; what every other question and action takes.
        partner_id: outside name; `app:<app_id>` for an app without a partner.
        name: as the registry says; the id where it says nothing.
        claimed: False for an app that no partner claims (its own partner).
        retained: kept access; `granted` says that a grant shows it, and not only an improper read.
        apps: apps of this partner that the store knows.
        people, events, resources, records: of its improper events.
        first_at, last_at: first and last improper event, microseconds UTC; None without any.
        recent, after_removal: improper events in the window; after a removal without a re-grant.
        first_lag: microseconds from the removal to the first improper event after it; None without any.
        without_subject: improper events whose person is not in the log.
        status: `open`, `flagged`, `cleared`; None for a partner that needs no case and has none.
        grounds: of a cleared case.
        stage: least advanced step over its apps (`none` at the start): see `store.audits.STEPS`.
        track: the track's letters, e.g. `RND----`, with a side state's letter appended (`RND----H`).
        due: earliest open due date, microseconds UTC; `overdue` judges it at today.
        version: of the case, for `expect`; 0 before its first action.
        search: name, id, app names, app ids and notes, case-folded, for the filter.
    """

    partner: int
    partner_id: str
    name: str
    claimed: bool
    retained: bool
    granted: bool
    apps: int
    people: int
    events: int
    resources: int
    records: int
    first_at: int | None
    last_at: int | None
    recent: int
    after_removal: int
    first_lag: int | None
    without_subject: int
    status: str | None
    grounds: str | None
    stage: str
    track: str
    due: int | None
    overdue: bool
    assignee: str | None
    version: int
    search: str


def partner_list(store: Store, parameters: Parameters) -> list[PartnerRow]:
    """Every known partner, in the order of attention: after removal, overdue, recent, people, name."""
    raise NotImplementedError


def partner_by_id(store: Store, partner_id: str) -> int:
    """The internal id of a partner by its outside name.

    Raises:
        UsageError: unknown; the message names the nearest ids.
    """
    raise NotImplementedError
