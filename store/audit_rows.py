"""Where the steps of an audit track come from: those recorded and those imported, and which apps a partner has."""

import sqlite3
from typing import Any

from store.audit_track import Progress, Step, in_order, progress, with_clocks
from store.kept import is_stale
from store.names import partner_id_of
from store.rulebook import rulebook_in
from store.step_details import Details

_RECORDED = """
SELECT s.partner, s.step, s.at, s.at_is_date, a.app_id, s.due, s.note, e.file_name, s.recorded_by, s.seq, e.sha256,
  NOT s.at_is_date AND s.at IS l.at, s.details
FROM audit_steps s
LEFT JOIN actions l ON l.seq = s.seq
LEFT JOIN apps a ON a.id = s.app
LEFT JOIN evidence e ON e.evidence_id = s.evidence_id
WHERE s.taken_back_by IS NULL AND s.partner IS NOT NULL AND (:partner IS NULL OR s.partner = :partner)
"""
_EVER_RECORDED = """
SELECT s.partner, s.step, s.at, s.at_is_date, a.app_id, s.due, s.note, e.file_name, s.recorded_by, s.seq, e.sha256,
  NOT s.at_is_date AND s.at IS l.at, s.details
FROM audit_steps s
LEFT JOIN actions l ON l.seq = s.seq
LEFT JOIN apps a ON a.id = s.app
LEFT JOIN evidence e ON e.evidence_id = s.evidence_id
WHERE s.partner = ? AND s.seq <= ?
"""
# An undo or redo tells which entry it takes back or brings back.
_TAKEN_BACK = """
SELECT json_extract(after, '$.corrected.seq'), json_extract(after, '$.corrected.in_force')
FROM actions
WHERE partner = ? AND seq <= ? AND verb IN ('undo', 'redo')
ORDER BY seq
"""
_OF_THE_INCIDENT = """
SELECT NULL, s.step, s.at, s.at_is_date, NULL, s.due, s.note, e.file_name, s.recorded_by, s.seq, e.sha256,
  NOT s.at_is_date AND s.at IS l.at, s.details
FROM audit_steps s
LEFT JOIN actions l ON l.seq = s.seq
LEFT JOIN evidence e ON e.evidence_id = s.evidence_id
WHERE s.taken_back_by IS NULL AND s.partner IS NULL
"""
_IMPORTED = """
SELECT v.partner, v.step, v.at, v.at_is_date, a.app_id, v.due, v.note, NULL, 'import ' || min(h.content_id), NULL,
  NULL, 0, NULL
FROM live_steps v
JOIN holdings h ON h.kind = 'steps' AND h.version_id = v.version_id
LEFT JOIN apps a ON a.id = v.app
WHERE h.content_id IN (SELECT content_id FROM live_contents)
GROUP BY v.version_id
"""
# One partner's, without walking the live view whole.
_IMPORTED_OF_ONE = """
WITH held AS MATERIALIZED (
  SELECT v.version_id, v.identity_key, max(h.content_id * (1 << 36) + h.record_no) AS last, min(h.content_id) AS first
  FROM imported_steps v
  JOIN holdings h ON h.kind = 'steps' AND h.version_id = v.version_id
  WHERE v.partner = :partner AND h.content_id IN (SELECT content_id FROM live_contents)
  GROUP BY v.version_id)
SELECT v.partner, v.step, v.at, v.at_is_date, a.app_id, v.due, v.note, NULL, 'import ' || held.first, NULL, NULL, 0,
  NULL
FROM held
JOIN imported_steps v ON v.version_id = held.version_id
LEFT JOIN apps a ON a.id = v.app
WHERE NOT EXISTS (
  SELECT 1 FROM held AS newer WHERE newer.identity_key = held.identity_key AND newer.last > held.last)
"""
_APPS = "SELECT o.partner, a.app_id FROM app_owners o JOIN apps a ON a.id = o.app"
_APPS_OF_ONE = """
SELECT a.app_id FROM app_owners o JOIN apps a ON a.id = o.app WHERE o.partner = :partner ORDER BY a.app_id
"""
# The same from the registry itself, for when the owners that are kept do not know it all: see `is_stale`.
_APPS_ANEW = """
WITH v AS MATERIALIZED (SELECT app, partner FROM live_apps)
SELECT coalesce(v.partner, own.id) AS partner, a.app_id
FROM apps a
JOIN partners own ON own.app = a.id
LEFT JOIN v ON v.app = a.id
ORDER BY a.app_id
"""


def steps_by_partner(connection: sqlite3.Connection) -> dict[int, list[Step]]:
    """Every partner's steps that stand, by internal id, in the order of `in_order`."""
    found: dict[int, list[Step]] = {}
    for query, values in ((_RECORDED, {"partner": None}), (_IMPORTED, {})):
        for row in connection.execute(query, values):
            found.setdefault(row[0], []).append(_step(row))
    clocks = rulebook_in(connection).clocks
    return {partner: with_clocks(in_order(steps), clocks) for partner, steps in found.items()}


def steps_of(connection: sqlite3.Connection, partner: int) -> list[Step]:
    """One partner's steps that stand, in the order of `in_order`."""
    values = {"partner": partner}
    rows = [*connection.execute(_RECORDED, values), *connection.execute(_IMPORTED_OF_ONE, values)]
    return with_clocks(in_order(map(_step, rows)), rulebook_in(connection).clocks)


def steps_after_entry(connection: sqlite3.Connection, partner: int, seq: int) -> list[Step]:
    """One partner's steps as they stood right after this log entry; imported ones as they are now."""
    in_force = dict(connection.execute(_TAKEN_BACK, (partner, seq)).fetchall())
    recorded = [row for row in connection.execute(_EVER_RECORDED, (partner, seq)) if in_force.get(row[9], True)]
    rows = [*recorded, *connection.execute(_IMPORTED_OF_ONE, {"partner": partner})]
    return with_clocks(in_order(map(_step, rows)), rulebook_in(connection).clocks)


def steps_of_incident(connection: sqlite3.Connection) -> list[Step]:
    """The steps of the incident itself that stand, in the order of `in_order`."""
    return in_order(map(_step, connection.execute(_OF_THE_INCIDENT)))


def _step(row: tuple[Any, ...]) -> Step:
    _, step, at, at_is_date, *rest, by_clock, details = row
    told = Step(step, at, bool(at_is_date), *rest)
    return told._replace(by_clock=bool(by_clock), details=Details.of_text(details))


def apps_by_partner(connection: sqlite3.Connection) -> dict[int, list[str]]:
    """The outside ids of every partner's apps, by the partner's internal id."""
    found: dict[int, list[str]] = {}
    for partner, app_id in connection.execute(_APPS_ANEW if is_stale(connection) else _APPS):
        found.setdefault(partner, []).append(app_id)
    return found


def apps_of(connection: sqlite3.Connection, partner: int) -> list[str]:
    """The outside ids of one partner's apps."""
    if is_stale(connection):
        return apps_by_partner(connection).get(partner, [])
    return [str(app_id) for (app_id,) in connection.execute(_APPS_OF_ONE, {"partner": partner})]


def progress_of(connection: sqlite3.Connection, partner: int) -> Progress:
    """How far one partner is.

    Raises:
        UsageError: there is no such partner.
    """
    partner_id_of(connection, partner)
    return progress(steps_of(connection, partner), apps_of(connection, partner))
