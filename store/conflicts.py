"""What happened to cases since somebody last looked: what they saw, what is there now, and the log between.

It decides nothing: whether a case moved on is found by the action that it refuses (`store.case_changes`).
"""

import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass

from store.audit_rows import apps_of, steps_after_entry, steps_of
from store.audit_track import progress
from store.case_changes import Standing, standing, standing_at
from store.connection import Store
from store.ledger import Action, actions
from store.names import partner_name

MOST_CASES = 3
MOST_ENTRIES = 5


@dataclass(frozen=True, slots=True)
class CaseState:
    """A case at one version, as a person reads it.

    Attributes:
        grounds: of a cleared case, else None.
        override: of a cleared case: the evidence contradicted its grounds.
        stage: its remediation stage; `none` before any step.
    """

    status: str
    grounds: str | None
    override: bool
    assignee: str | None
    stage: str
    version: int


@dataclass(frozen=True, slots=True)
class CaseChanges:
    """One case that moved on.

    Attributes:
        partner: internal id.
        seen: the case at the version that somebody saw. Its stage counts imported steps as they are now.
        now: the case as it is.
        entries: the log since the change that was seen last, notes included, oldest first: the newest `MOST_ENTRIES`.
        earlier: how many of them are left out.
    """

    partner: int
    partner_id: str
    name: str
    seen: CaseState
    now: CaseState
    entries: tuple[Action, ...]
    earlier: int


@dataclass(frozen=True, slots=True)
class Conflict:
    """What moved on of the cases that an action was about, in one snapshot.

    Attributes:
        changed: the first `MOST_CASES` that moved on.
        more: how many moved on besides.
        versions: internal id -> version, of every case asked about: what acting "all the same" must expect.
    """

    changed: tuple[CaseChanges, ...]
    more: int
    versions: dict[int, int]


_VERSIONS = "SELECT partner, version FROM cases"


def changes_since(store: Store, partner: int, version: int) -> CaseChanges:
    """What became of a partner's case (internal id) since it was at this version; nothing, where it still is.

    Raises:
        UsageError: there is no such partner.
    """
    with store.reading() as connection:
        return _changes(store, connection, partner, version)


def conflict(store: Store, seen: Mapping[int, int]) -> Conflict:
    """What moved on of these cases, and the versions they are at now.

    Args:
        seen: internal id -> version somebody saw, in the order in which they are told.
    """
    with store.reading() as connection:
        known = dict(connection.execute(_VERSIONS).fetchall())
        versions = {partner: int(known.get(partner, 0)) for partner in seen}
        moved = [partner for partner, version in seen.items() if versions[partner] != version]
        changed = tuple(_changes(store, connection, partner, seen[partner]) for partner in moved[:MOST_CASES])
    return Conflict(changed, len(moved) - len(changed), versions)


def _changes(store: Store, connection: sqlite3.Connection, partner: int, version: int) -> CaseChanges:
    name = partner_name(connection, partner)
    apps = apps_of(connection, partner)
    seen_seq, seen = standing_at(connection, partner, version)
    now = standing(connection, partner)
    entries = [] if now.version == version else actions(store, partner=partner, from_seq=seen_seq + 1)
    return CaseChanges(
        partner=partner,
        partner_id=name.partner_id,
        name=name.name,
        seen=_state(seen, progress(steps_after_entry(connection, partner, seen_seq), apps).stage),
        now=_state(now, progress(steps_of(connection, partner), apps).stage),
        entries=tuple(entries[-MOST_ENTRIES:]),
        earlier=max(len(entries) - MOST_ENTRIES, 0),
    )


def _state(row: Standing, stage: str) -> CaseState:
    return CaseState(row.status, row.grounds, row.overridden, row.assignee, stage, row.version)
