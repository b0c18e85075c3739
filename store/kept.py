"""The figures and the partner list under the rulebook's own parameters, as the last refresh left them.

First paint reads only this: nothing here needs a library for numbers.
"""

import json
import sqlite3
from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass, fields
from heapq import nsmallest
from typing import Any, NamedTuple

from store.coverage import Coverage


class Population(NamedTuple):
    """One population's figures, over its improper events (DOMAIN, Figures).

    Attributes:
        people: distinct subjects over all its partners and apps.
        data_classes: distinct ones that are improper on their own.
        records: sum over the events whose log says so; the others are `events_without_records`.
        qualifier: `exact`, `at_least` or `unsettled`.
    """

    partners: int
    apps: int
    people: int
    resources: int
    data_classes: int
    events: int
    records: int
    events_without_subject: int
    events_without_records: int
    qualifier: str


class PartnerFigures(NamedTuple):
    """A partner's part of the figures: the columns of the table `partner_figures`."""

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
    app_names: str


@dataclass(frozen=True, slots=True)
class Evidence:
    """Everything of `store.figures.Figures` that no work, and no `today`, can change.

    Attributes:
        first_lag: smallest time from a removal to a restricted read after it, microseconds; None without any.
        grants_known, removals_known: whether any was ever imported, or a file that says there are none.
        whole: the coverage of `[cutoff, as_of)`. `window`: that of the recent window, from the cut-off at the earliest.
    """

    retained_partners: int
    retained_apps: int
    ungranted_partners: int
    accessed: Population
    recent: Population
    after_removal: Population
    denied_attempts: int
    first_lag: int | None
    verdicts: dict[str, int]
    events_from_as_of: int
    whole: Coverage
    window: Coverage
    quarantined: int
    settled_opt_ins: bool
    settled_exemptions: bool
    unmapped_scopes: tuple[str, ...]
    grants_known: bool
    removals_known: bool
    caveats: tuple[str, ...]

    @classmethod
    def from_json(cls, document: dict[str, Any]) -> "Evidence":
        """What `dataclasses.asdict` and JSON made of it, made whole again."""
        for name in ("accessed", "recent", "after_removal"):
            document[name] = Population(*document[name])
        for name in ("whole", "window"):
            document[name] = Coverage(**{**document[name], "uncovered": tuple(document[name]["uncovered"])})
        for name in ("unmapped_scopes", "caveats"):
            document[name] = tuple(document[name])
        return cls(**document)


class KeptFirst(NamedTuple):
    """The begin of the partner list, by which the first screen is drawn.

    Attributes:
        known: how many partners the table `partner_figures` has.
        total: how many kept access; `apps`, `events`, `last_at` are summed over them, the last one their latest.
        partners: the first of those, by internal id, in the order of attention as far as evidence decides it.
    """

    known: int
    total: int
    apps: int
    events: int
    last_at: int | None
    partners: tuple[int, ...]


FIRST_PARTNERS = 160
_RECORDS = PartnerFigures._fields.index("records")

_PARTNERS = """
SELECT partner, partner_id, name, claimed, retained, granted, apps, people, events, resources, records, first_at,
  last_at, recent, after_removal, first_lag, without_subject, app_names
FROM partner_figures ORDER BY partner
"""
_ONE_PARTNER = """
SELECT partner, partner_id, name, claimed, retained, granted, apps, people, events, resources, records, first_at,
  last_at, recent, after_removal, first_lag, without_subject, app_names
FROM partner_figures WHERE partner = ?
"""
_RETAINED = "SELECT partner FROM partner_figures WHERE retained"
_ONE_RETAINED = "SELECT partner FROM partner_figures WHERE retained AND partner = ?"
# So many partners are looked up one by one; of more, all are read.
_FEW = 2_000
_FORGET = "DELETE FROM partner_figures WHERE partner = ?"
_SET = "INSERT OR REPLACE INTO partner_figures VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
_STALE = "SELECT 1 FROM derived_state WHERE name = 'stale'"
_EVIDENCE = "SELECT value FROM derived_state WHERE name = 'evidence'"
_SET_EVIDENCE = "INSERT OR REPLACE INTO derived_state(name, value) VALUES ('evidence', ?)"
_FIRST = "SELECT value FROM derived_state WHERE name = 'first_partners'"
_SET_FIRST = "INSERT OR REPLACE INTO derived_state(name, value) VALUES ('first_partners', ?)"


def keep(connection: sqlite3.Connection, evidence: Evidence, rows: list[PartnerFigures]) -> None:
    """Replace what is kept; a partner of whom it says the same as before is not written anew."""
    before = {row[0]: row for row in connection.execute(_PARTNERS)}
    # A sum of records may exceed 63 bits: it is kept as text.
    kept = [(*row[:_RECORDS], str(row.records), *row[_RECORDS + 1 :]) for row in rows]
    connection.executemany(_SET, [row for row in kept if before.pop(row[0], None) != row])
    connection.executemany(_FORGET, [(partner,) for partner in before])
    connection.execute(_SET_EVIDENCE, (json.dumps(asdict(evidence)),))
    connection.execute(_SET_FIRST, (json.dumps(_first_of(rows)._asdict()),))


def _first_of(rows: Sequence[PartnerFigures]) -> KeptFirst:
    retained = [row for row in rows if row.retained]
    first = nsmallest(FIRST_PARTNERS, retained, key=urgency)
    return KeptFirst(
        known=len(rows),
        total=len(retained),
        apps=sum(row.apps for row in retained),
        events=sum(row.events for row in retained),
        last_at=max((row.last_at for row in retained if row.last_at is not None), default=None),
        partners=tuple(row.partner for row in first),
    )


def urgency(row: PartnerFigures) -> tuple[object, ...]:
    """How far up a partner belongs by its evidence alone: after removal, recent, people, name."""
    return (
        not row.after_removal,
        not row.recent,
        not row.retained,
        -row.people,
        -row.events,
        row.name.casefold(),
        row.partner_id,
    )


def is_stale(connection: sqlite3.Connection) -> bool:
    """Whether imports completed since the last refresh: what is kept does not know them, and is not to be read."""
    return connection.execute(_STALE).fetchone() is not None


def kept_evidence(connection: sqlite3.Connection) -> Evidence | None:
    """The incident's figures; None before the first refresh, or where a version that counted other things kept them."""
    row = connection.execute(_EVIDENCE).fetchone()
    if row is None:
        return None
    document = json.loads(row[0])
    counts_the_same = len(document["accessed"]) == len(Population._fields)
    if not counts_the_same or document.keys() != {field.name for field in fields(Evidence)}:
        return None
    return Evidence.from_json(document)


def kept_first(connection: sqlite3.Connection) -> KeptFirst | None:
    """The begin of the list; None in a store last refreshed by a version that kept none."""
    row = connection.execute(_FIRST).fetchone()
    if row is None:
        return None
    document = json.loads(row[0])
    return KeptFirst(**{**document, "partners": tuple(document["partners"])})


def kept_partners(connection: sqlite3.Connection) -> list[PartnerFigures]:
    """Every known partner's figures, by internal id."""
    return [_figures(row) for row in connection.execute(_PARTNERS)]


def kept_partners_of(connection: sqlite3.Connection, partners: Collection[int]) -> list[PartnerFigures]:
    """The figures of these partners (internal ids), as far as they are known, by internal id."""
    if len(partners) > _FEW:
        return [row for row in kept_partners(connection) if row.partner in partners]
    return [_figures(row) for partner in sorted(partners) for row in connection.execute(_ONE_PARTNER, (partner,))]


def _figures(row: tuple[Any, ...]) -> PartnerFigures:
    return PartnerFigures._make(
        (*row[:3], *map(bool, row[3:6]), *row[6:_RECORDS], int(row[_RECORDS]), *row[_RECORDS + 1 :])
    )


def kept_retained_among(connection: sqlite3.Connection, partners: Collection[int]) -> set[int]:
    """Those of these partners (internal ids) that kept access."""
    if len(partners) > _FEW:
        return {int(partner) for (partner,) in connection.execute(_RETAINED)}.intersection(partners)
    return {partner for partner in partners if connection.execute(_ONE_RETAINED, (partner,)).fetchone()}
