"""The registry in force, in memory: which app belongs to whom, what it was granted, when it was removed."""

import sqlite3
from dataclasses import dataclass
from typing import NamedTuple

from store.instants import MICROSECONDS_PER_DAY


class Grant(NamedTuple):
    """A grant of a scope to an app, in force in `[granted_at, until_at)`, microseconds UTC.

    `until_at` is the revocation or the first removal after it, whichever comes first; None: for good.
    `vendor` is the format of the log that told it, whose shipped scopes speak of it.
    """

    app: int
    scope: str
    granted_at: int
    until_at: int | None
    revoked_at: int | None
    vendor: str


class OptIn(NamedTuple):
    """A person's consent in `[from_at, until_at)`; app and resource are None where it is not limited to one."""

    subject: int
    from_at: int
    until_at: int | None
    app: int | None
    resource: int | None


class Exemption(NamedTuple):
    """An app's approval to keep reading what the pattern means, in `[from_at, until_at)`."""

    app: int
    pattern: str
    from_at: int
    until_at: int | None


@dataclass(frozen=True, slots=True)
class Registry:
    """What the live registry records say, by internal ids.

    Attributes:
        app_ids: app -> outside id. `app_names`: app -> name, where the registry has one.
        partner_of: app -> the partner it belongs to; its own partner where nobody claims it.
        apps_of: partner -> its apps, ascending.
        grants, exemptions, removals: by app, oldest first. `removal_reasons`: (app, removed_at) -> why.
        granted: by app, every instant of a grant of whatever scope, ascending.
        coverage: source -> merged intervals it is complete in, ascending.
        opt_ins_declared, exemptions_declared: whether such a registry was ever imported, be it empty.
    """

    app_ids: dict[int, str]
    app_names: dict[int, str]
    partner_of: dict[int, int]
    apps_of: dict[int, list[int]]
    grants: dict[int, list[Grant]]
    granted: dict[int, list[int]]
    removals: dict[int, list[int]]
    removal_reasons: dict[tuple[int, int], str]
    exemptions: dict[int, list[Exemption]]
    coverage: dict[str, list[tuple[int, int]]]
    opt_ins_declared: bool
    exemptions_declared: bool


_APPS = "SELECT id, app_id FROM apps ORDER BY id"
_PARTNER_OF = """
WITH v AS MATERIALIZED (SELECT app, partner FROM live_apps)
SELECT a.id, coalesce(v.partner, own.id)
FROM apps a
JOIN partners own ON own.app = a.id
LEFT JOIN v ON v.app = a.id
"""
_GRANTS = """
-- Any vendor's name sorts after `canonical`.
SELECT g.app, g.scope, g.granted_at, g.revoked_at, max(i.format)
FROM live_grants g
JOIN holdings h ON h.kind = 'grants' AND h.version_id = g.version_id
JOIN imports i ON i.import_id = h.content_id
WHERE h.content_id IN (SELECT content_id FROM live_contents)
GROUP BY g.version_id
ORDER BY g.app, g.granted_at, g.scope
"""
_REMOVALS = "SELECT app, removed_at, reason FROM live_removals ORDER BY app, removed_at"
_APP_NAMES = "SELECT app, name FROM live_apps"
_EXEMPTIONS = "SELECT app, data_class, exempt_from, exempt_until FROM live_exemptions ORDER BY app, exempt_from"
_COVERAGE = "SELECT source, covered_from, covered_until FROM live_coverage ORDER BY source, covered_from"
_OPT_INS = "SELECT subject, opted_in_at, opted_out_at, app, resource FROM live_opt_ins"
_DECLARED = "SELECT EXISTS (SELECT 1 FROM imports WHERE kind = ? AND state = 'complete' AND voided_at IS NULL)"


def load_registry(connection: sqlite3.Connection) -> Registry:
    """Read the live registry, opt-ins apart (`load_opt_ins`): there may be millions of those."""
    app_ids = dict(connection.execute(_APPS).fetchall())
    removals: dict[int, list[int]] = {}
    reasons: dict[tuple[int, int], str] = {}
    for app, removed_at, reason in connection.execute(_REMOVALS):
        removals.setdefault(app, []).append(removed_at)
        if reason:
            reasons[app, removed_at] = reason
    grants: dict[int, list[Grant]] = {}
    granted: dict[int, list[int]] = {}
    for app, scope, granted_at, revoked_at, vendor in connection.execute(_GRANTS):
        removed = next((at for at in removals.get(app, ()) if at > granted_at), None)
        ends = [end for end in (revoked_at, removed) if end is not None]
        grants.setdefault(app, []).append(Grant(app, scope, granted_at, min(ends, default=None), revoked_at, vendor))
        granted.setdefault(app, []).append(granted_at)
    exemptions: dict[int, list[Exemption]] = {}
    for row in connection.execute(_EXEMPTIONS):
        exemptions.setdefault(row[0], []).append(Exemption(*row))
    sources: dict[str, list[tuple[int, int]]] = {}
    for source, covered_from, covered_until in connection.execute(_COVERAGE):
        sources.setdefault(source, []).append((covered_from, covered_until))
    partner_of = dict(connection.execute(_PARTNER_OF).fetchall())
    apps_of: dict[int, list[int]] = {}
    for app, partner in sorted(partner_of.items()):
        apps_of.setdefault(partner, []).append(app)
    return Registry(
        app_ids=app_ids,
        app_names=dict(connection.execute(_APP_NAMES).fetchall()),
        partner_of=partner_of,
        apps_of=apps_of,
        grants=grants,
        granted=granted,
        removals=removals,
        removal_reasons=reasons,
        exemptions=exemptions,
        coverage={source: merge(intervals) for source, intervals in sources.items()},
        opt_ins_declared=bool(connection.execute(_DECLARED, ("opt_ins",)).fetchone()[0]),
        exemptions_declared=bool(connection.execute(_DECLARED, ("exemptions",)).fetchone()[0]),
    )


def load_opt_ins(connection: sqlite3.Connection) -> list[OptIn]:
    """Every live opt-in."""
    return [OptIn(*row) for row in connection.execute(_OPT_INS)]


def merge(intervals: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """The union of half-open intervals as disjoint ones that do not touch, ascending; empty ones vanish."""
    union: list[tuple[int, int]] = []
    for start, end in sorted(intervals):
        if start >= end:
            continue
        if union and start <= union[-1][1]:
            union[-1] = (union[-1][0], max(end, union[-1][1]))
        else:
            union.append((start, end))
    return union


def subtract(interval: tuple[int, int], holes: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """What is left of a half-open interval without the holes (merged, ascending)."""
    start, end = interval
    left = []
    for hole_start, hole_end in holes:
        if hole_end <= start or hole_start >= end:
            continue
        if hole_start > start:
            left.append((start, hole_start))
        start = max(start, hole_end)
    if start < end:
        left.append((start, end))
    return left


def days_touched(intervals: list[tuple[int, int]]) -> set[int]:
    """The UTC days, counted from 1970-01-01, that half-open intervals touch."""
    days: set[int] = set()
    for start, end in intervals:
        if start < end:
            days.update(range(start // MICROSECONDS_PER_DAY, (end - 1) // MICROSECONDS_PER_DAY + 1))
    return days
