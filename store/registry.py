"""The registry in force, in memory: which app belongs to whom, what it was granted, when it was removed."""

import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from operator import itemgetter
from sys import intern
from typing import NamedTuple, TypeVar

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


Value = TypeVar("Value")


class ByNumber(Mapping[int, Value]):
    """Values by internal id: those are dense, so a list takes a third of a dictionary's room. Iterates ascending."""

    def __init__(self, pairs: Iterable[tuple[int, Value]]) -> None:
        self._values: list[Value | None] = []
        self._count = 0
        for number, value in pairs:
            missing = number + 1 - len(self._values)
            if missing > 0:
                self._values.extend([None] * missing)
            self._count += self._values[number] is None
            self._values[number] = value

    def __getitem__(self, number: int) -> Value:
        value = self._values[number] if 0 <= number < len(self._values) else None
        if value is None:
            raise KeyError(number)
        return value

    def __iter__(self) -> Iterator[int]:
        return (number for number, value in enumerate(self._values) if value is not None)

    def __len__(self) -> int:
        return self._count


@dataclass(frozen=True, slots=True)
class Registry:
    """What the live registry records say, by internal ids.

    Attributes:
        app_ids: app -> outside id. `app_names`: app -> name, where the registry has one.
        partner_of: app -> the partner it belongs to; its own partner where nobody claims it.
        apps_of: partner -> its apps, ascending.
        grants, exemptions, removals: by app, oldest first. `removal_reasons`: (app, removed_at) -> why.
        coverage: source -> merged intervals it is complete in, ascending.
        opt_ins_declared, exemptions_declared: whether such a registry was ever imported, be it empty.
        grants_known, removals_known: the same; a vendor's log that tells of some is one.
    """

    app_ids: Mapping[int, str]
    app_names: Mapping[int, str]
    partner_of: Mapping[int, int]
    apps_of: Mapping[int, Sequence[int]]
    grants: Mapping[int, Sequence[Grant]]
    removals: Mapping[int, Sequence[int]]
    removal_reasons: dict[tuple[int, int], str]
    exemptions: dict[int, list[Exemption]]
    coverage: dict[str, list[tuple[int, int]]]
    opt_ins_declared: bool
    exemptions_declared: bool
    grants_known: bool
    removals_known: bool

    def granted(self, app: int) -> list[int]:
        """Every instant of a grant of the app, of whatever scope, ascending."""
        return [grant.granted_at for grant in self.grants.get(app, ())]


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
    removals: dict[int, tuple[int, ...]] = {}
    reasons: dict[tuple[int, int], str] = {}
    for app, removed_at, reason in connection.execute(_REMOVALS):
        removals[app] = (*removals.get(app, ()), removed_at)
        if reason:
            reasons[app, removed_at] = reason
    grants = [
        (app, tuple(_grant(row, removals.get(app, ())) for row in rows))
        for app, rows in groupby(connection.execute(_GRANTS), itemgetter(0))
    ]
    exemptions: dict[int, list[Exemption]] = {}
    for row in connection.execute(_EXEMPTIONS):
        exemptions.setdefault(row[0], []).append(Exemption(*row))
    sources: dict[str, list[tuple[int, int]]] = {}
    for source, covered_from, covered_until in connection.execute(_COVERAGE):
        sources.setdefault(source, []).append((covered_from, covered_until))
    partner_of = ByNumber[int](connection.execute(_PARTNER_OF))
    apps_of: dict[int, tuple[int, ...]] = {}
    for app, partner in partner_of.items():
        apps_of[partner] = (*apps_of.get(partner, ()), app)
    return Registry(
        app_ids=ByNumber(connection.execute(_APPS)),
        app_names=ByNumber(connection.execute(_APP_NAMES)),
        partner_of=partner_of,
        apps_of=ByNumber(apps_of.items()),
        grants=ByNumber(grants),
        removals=ByNumber(removals.items()),
        removal_reasons=reasons,
        exemptions=exemptions,
        coverage={source: merge(intervals) for source, intervals in sources.items()},
        opt_ins_declared=_declared(connection, "opt_ins"),
        exemptions_declared=_declared(connection, "exemptions"),
        grants_known=bool(grants) or _declared(connection, "grants"),
        removals_known=bool(removals) or _declared(connection, "removals"),
    )


def _declared(connection: sqlite3.Connection, kind: str) -> bool:
    return bool(connection.execute(_DECLARED, (kind,)).fetchone()[0])


def _grant(row: tuple[int, str, int, int | None, str], removals: Sequence[int]) -> Grant:
    app, scope, granted_at, revoked_at, vendor = row
    removed = next((at for at in removals if at > granted_at), None)
    ends = [end for end in (revoked_at, removed) if end is not None]
    # Few scopes, many grants: each text once.
    return Grant(app, intern(scope), granted_at, min(ends, default=None), revoked_at, intern(vendor))


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
