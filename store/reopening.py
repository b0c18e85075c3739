"""What all the evidence says about a partner's case, and the closed cases that open themselves again because of it."""

import csv
import json
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from store.coverage import Coverage, coverage
from store.ids import fold_id
from store.instants import MICROSECONDS_PER_DAY
from store.judge import IMPROPER, UNDETERMINED
from store.parameters import Parameters, resolve
from store.registry import days_touched
from store.world import World


@dataclass(frozen=True, slots=True)
class CaseFacts:
    """What all the evidence, whatever the as-of, says about one partner.

    Attributes:
        improper, undetermined: events of its apps.
        quarantined: unresolved quarantined records that may be access events of its apps: those that name one of them,
            and those that name no app the store knows.
        from_at, until_at: the range whose coverage counts: `[cut-off, default as-of)`, microseconds UTC.
        coverage_days, covered_days: UTC days of that range, and those that are logged.
        held_uncovered_days: days of that range on which it could read and that are not wholly logged.
        known_events: the keys of its improper and undetermined events, sorted, 8 bytes each, little-endian.
    """

    improper: int
    undetermined: int
    quarantined: int
    from_at: int
    until_at: int
    coverage_days: int
    covered_days: int
    held_uncovered_days: int
    known_events: bytes


_ROWS_OF_APP = """
SELECT app, occurred_at, field_set, coalesce(subject, 0), coalesce(resource, 0), coalesce(records, -1), outcome,
  event_key
FROM live_access_events WHERE app = ? ORDER BY occurred_at, event_key
"""


def facts_of(
    connection: sqlite3.Connection, world: World, partner: int, span: tuple[int, int] | None = None
) -> CaseFacts:
    """The facts that grounds are checked against (DOMAIN, Cases).

    Args:
        world: of the connection's snapshot.
        partner: internal id.
        span: the half-open range whose coverage counts; `[cut-off, default as-of)` when not given.
    """
    apps = world.registry.apps_of.get(partner, [])
    rows = np.array([row for app in apps for row in connection.execute(_ROWS_OF_APP, (app,))], dtype=np.int64).reshape(
        -1, 8
    )
    verdict = world.judge(world.columns_of(connection, rows[:, :7])).verdict
    improper, undetermined = verdict == IMPROPER, verdict == UNDETERMINED
    if span is None:
        view = resolve(world.rulebook, Parameters())
        span = (view.as_of if view.cutoff is None else view.cutoff, view.as_of)
    from_at, until_at = span
    logged = _coverage(connection, world, from_at, until_at)
    held = days_touched([(max(start, from_at), min(end, until_at)) for start, end in world.held(partner)])
    return CaseFacts(
        improper=int(improper.sum()),
        undetermined=int(undetermined.sum()),
        quarantined=_quarantined(connection, world, apps),
        from_at=from_at,
        until_at=until_at,
        coverage_days=logged.days,
        covered_days=logged.covered_days,
        held_uncovered_days=len(held & set(logged.uncovered)),
        known_events=np.sort(rows[improper | undetermined, 7]).astype("<i8").tobytes(),
    )


_LONGEST_LINE = 10_000
_QUARANTINED = """
SELECT record FROM quarantine
WHERE resolved_at IS NULL AND (kind IS NULL OR kind = 'access_events')
  AND content_id IN (SELECT content_id FROM live_contents)
"""


def _quarantined(connection: sqlite3.Connection, world: World, apps: Sequence[int]) -> int:
    known = {app_id: app for app, app_id in world.registry.app_ids.items()}
    named = (_app_named(record, known) for (record,) in connection.execute(_QUARANTINED))
    return sum(1 for app in named if app is None or app in apps)


def _app_named(record: str, known: dict[str, int]) -> int | None:
    """The one app that a quarantined record, a JSON object or a line of CSV, names; None where that cannot be told."""
    fields: list[object]
    try:
        document = json.loads(record)
        fields = [document.get("app_id")] if isinstance(document, dict) else []
    except (ValueError, RecursionError):
        fields = _cells(record)
    named = {fold_id(field) for field in fields if isinstance(field, str)} & known.keys()
    return known[named.pop()] if len(named) == 1 else None


def _cells(line: str) -> list[object]:
    try:
        return [cell for row in csv.reader([line[:_LONGEST_LINE]]) for cell in row]
    except csv.Error:
        return []


def _coverage(connection: sqlite3.Connection, world: World, from_at: int, until_at: int) -> Coverage:
    occurred_at = world.columns(connection).occurred_at
    days = np.unique(occurred_at[occurred_at < until_at] // MICROSECONDS_PER_DAY).tolist()
    return coverage(world.registry, days, from_at, until_at)


_CLOSED = """
SELECT c.partner, c.rests_on, k.known_events
FROM cases c
JOIN closures k ON k.partner = c.partner
WHERE c.status = 'cleared' AND k.seq = (SELECT max(seq) FROM closures WHERE partner = c.partner)
ORDER BY c.partner
"""


def reopen_contradicted(connection: sqlite3.Connection, world: World, *, actor: str, at: int) -> None:
    """Reopen the closed cases that have events unknown at their closure, or rest on coverage that has shrunk.

    Args:
        connection: the writing connection, after the change.
        actor: who made the change; the case is reopened by `system`.
        at: microseconds UTC.
    """
    from store.cases import system_reopen
    from store.closing import reasons_to_reopen

    for partner, rests_on, known in connection.execute(_CLOSED).fetchall():
        rested = json.loads(rests_on)
        facts = facts_of(connection, world, partner, (rested["from_at"], rested["until_at"]))
        reasons = reasons_to_reopen(facts, known, rests_on)
        if reasons:
            system_reopen(connection, partner, f"{'; '.join(reasons)} (after a change by {actor})", at)
