"""The figures and the partner list under the rulebook's own parameters, as the last refresh left them.

First paint reads only this: nothing here needs a library for numbers.
"""

import json
import sqlite3
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple

from store.coverage import Coverage


class Population(NamedTuple):
    """One population's figures, over its improper events (DOMAIN, Figures).

    Attributes:
        people: distinct subjects over all its partners and apps.
        records: sum over the events whose log says so; the others are `events_without_records`.
        qualifier: `exact`, `at_least` or `unsettled`.
    """

    partners: int
    apps: int
    people: int
    resources: int
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


_RECORDS = PartnerFigures._fields.index("records")

_PARTNERS = """
SELECT partner, partner_id, name, claimed, retained, granted, apps, people, events, resources, records, first_at,
  last_at, recent, after_removal, first_lag, without_subject, app_names
FROM partner_figures ORDER BY partner
"""
_RETAINED = "SELECT partner FROM partner_figures WHERE retained"
_CLEAR = "DELETE FROM partner_figures"
_ADD = "INSERT INTO partner_figures VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
_STALE = "SELECT 1 FROM derived_state WHERE name = 'stale'"
_EVIDENCE = "SELECT value FROM derived_state WHERE name = 'evidence'"
_SET_EVIDENCE = "INSERT OR REPLACE INTO derived_state(name, value) VALUES ('evidence', ?)"


def keep(connection: sqlite3.Connection, evidence: Evidence, rows: list[PartnerFigures]) -> None:
    """Replace what is kept."""
    connection.execute(_CLEAR)
    # A sum of records may exceed 63 bits: it is kept as text.
    connection.executemany(_ADD, [(*row[:_RECORDS], str(row.records), *row[_RECORDS + 1 :]) for row in rows])
    connection.execute(_SET_EVIDENCE, (json.dumps(asdict(evidence)),))


def is_stale(connection: sqlite3.Connection) -> bool:
    """Whether imports completed since the last refresh: what is kept does not know them, and is not to be read."""
    return connection.execute(_STALE).fetchone() is not None


def kept_evidence(connection: sqlite3.Connection) -> Evidence | None:
    """The incident's figures; None before the first refresh."""
    row = connection.execute(_EVIDENCE).fetchone()
    return None if row is None else Evidence.from_json(json.loads(row[0]))


def kept_partners(connection: sqlite3.Connection) -> list[PartnerFigures]:
    """Every known partner's figures, by internal id."""
    return [
        PartnerFigures._make(
            (*row[:3], *map(bool, row[3:6]), *row[6:_RECORDS], int(row[_RECORDS]), *row[_RECORDS + 1 :])
        )
        for row in connection.execute(_PARTNERS)
    ]


def kept_retained(connection: sqlite3.Connection) -> set[int]:
    """The partners that kept access."""
    return {int(partner) for (partner,) in connection.execute(_RETAINED)}
