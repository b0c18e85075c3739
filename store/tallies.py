"""What is counted over the improper events of one view: the shape that every way of counting answers in."""

from typing import NamedTuple, Protocol

import numpy as np

from store.kept import Population
from store.segments import Column

NO_INSTANT = np.iinfo(np.int64).min


class Tallies(NamedTuple):
    """Each reading partner's counts over its improper events before as-of, one value a partner.

    Attributes:
        partner: internal id, ascending.
        records: Python numbers: a sum may exceed 63 bits.
        first_at, last_at: microseconds UTC.
        recent: of them those in the window. `after_removal`: those after a removal without a re-grant.
        first_lag: smallest time from that removal, microseconds; `NO_INSTANT` without any.
    """

    partner: Column
    people: Column
    events: Column
    resources: Column
    records: list[int]
    first_at: Column
    last_at: Column
    recent: Column
    after_removal: Column
    first_lag: Column
    without_subject: Column


_NOTHING = np.zeros(0, dtype=np.int64)
NO_TALLIES = Tallies(
    *(_NOTHING, _NOTHING, _NOTHING, _NOTHING),
    [],
    *(_NOTHING, _NOTHING, _NOTHING, _NOTHING, _NOTHING, _NOTHING),
)


# What a partner's counts are called, here and in `store.kept.PartnerFigures`; `INSTANTS` of them may be lacking.
COUNTED = (
    *("people", "events", "resources", "first_at", "last_at", "recent", "after_removal", "first_lag"),
    "without_subject",
)
INSTANTS = ("first_at", "last_at", "first_lag")


class PartnerCounts(NamedTuple):
    """What a view says of some partners, a value each: `retained`, `granted` and `COUNTED` by name, and the records."""

    numbers: dict[str, Column]
    records: list[int]


def instant_or_none(number: int) -> int | None:
    """What a column of instants or lags says; None for `NO_INSTANT`."""
    return None if number == NO_INSTANT else number


class Members(NamedTuple):
    """The partners (internal ids, ascending) in each population."""

    retained: Column
    accessed: Column
    recent: Column
    after_removal: Column


class Counts(Protocol):
    """Counts over the events before the as-of of one view. A population's qualifier is not theirs to say: empty."""

    def reading_apps(self) -> Column:
        """The apps with an improper event, by internal id, ascending."""

    def recently_reading_apps(self) -> Column:
        """Those of them with one in the window."""

    def apps_after_removal(self) -> Column:
        """Those of them with one after a removal without a re-grant."""

    def accessed(self) -> Population:
        """Over all improper events."""

    def recent(self) -> Population:
        """Over those in the window."""

    def after_removal(self) -> Population:
        """Over those after a removal of their app without a re-grant."""

    def first_lag(self) -> int | None:
        """The smallest time from a removal to one of the latter, microseconds."""

    def denied_attempts(self) -> int:
        """Denied events after a removal of their app without a re-grant."""

    def verdicts(self) -> list[int]:
        """Events by verdict code of `store.judge`."""

    def events_from_as_of(self) -> int:
        """Events at or after as-of."""

    def undetermined_since(self, instant: int) -> bool:
        """Whether an undetermined event lies in `[instant, as_of)`, microseconds UTC."""

    def nobody_since(self, instant: int) -> bool:
        """Whether an improper event in `[instant, as_of)` names no person."""

    def event_days(self) -> list[int]:
        """The UTC days before as-of with an event, counted from 1970-01-01, ascending."""

    def tallies(self) -> Tallies:
        """By partner."""
