"""When it happened: counts per bin, what else happened, what could be read, and what is not logged."""

import sqlite3
from bisect import bisect_right
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from store.connection import Store
from store.coverage import day_ranges, gaps
from store.errors import UsageError
from store.instants import MICROSECONDS_PER_DAY, format_instant
from store.kept import is_stale
from store.parameters import Parameters, resolve
from store.rulebook import rulebook_in
from store.words import step_words

if TYPE_CHECKING:
    from store.world import World

VERDICTS = ("improper", "undetermined", "allowed_by_opt_in", "allowed_by_exemption", "allowed", "denied")
MOST_BINS = 100_000


class Bin(NamedTuple):
    """Events in `[from_at, until_at)`, microseconds UTC, by verdict."""

    from_at: int
    until_at: int
    improper: int
    allowed: int
    allowed_by_opt_in: int
    allowed_by_exemption: int
    denied: int
    undetermined: int


class Marker(NamedTuple):
    """Something dated beside the reads. `kind`: rule, grant, revoke, removal, step, flag, clear, reopen, import."""

    at: int
    kind: str
    text: str


class Gap(NamedTuple):
    """An interval `[from_at, until_at)` that a source does not cover (`inferred`: no source was imported)."""

    from_at: int
    until_at: int
    source: str


@dataclass(frozen=True, slots=True)
class Timeline:
    """A partner's, or everybody's, time from `from_at` to `until_at` (exclusive), microseconds UTC.

    Attributes:
        bins: exactly as many as asked for; bin i begins at `from + i*(until-from)//N`. As-of does not clip them.
        markers: oldest first.
        gaps: oldest first.
        could_read: intervals in which a grant opened restricted data and no exemption covered it.
    """

    from_at: int
    until_at: int
    bins: tuple[Bin, ...]
    markers: tuple[Marker, ...]
    gaps: tuple[Gap, ...]
    could_read: tuple[tuple[int, int], ...]


def timeline(store: Store, partner: int | None, *, from_at: int, until_at: int, bins: int) -> Timeline:
    """The timeline of a partner (its internal id), or of all partners together (None).

    Raises:
        UsageError: an empty interval, or a number of bins outside 1 to `MOST_BINS`.
    """
    if until_at <= from_at:
        raise UsageError("the timeline's end must be after its beginning")
    if not 1 <= bins <= MOST_BINS:
        raise UsageError(f"the number of bins must be from 1 to {MOST_BINS}, not {bins}")
    from store.world import world_of

    with store.reading() as connection:
        world = world_of(store, connection)
        edges = [from_at + place * (until_at - from_at) // bins for place in range(bins + 1)]
        whole_days = all(edge % MICROSECONDS_PER_DAY == 0 for edge in edges)
        if partner is None and whole_days and not is_stale(connection):
            counts = _from_days(connection, edges)
        else:
            counts = _from_events(connection, world, partner, edges)
        return Timeline(
            from_at=from_at,
            until_at=until_at,
            bins=tuple(
                Bin(edges[place], edges[place + 1], **dict(zip(VERDICTS, counts[place], strict=True)))
                for place in range(bins)
            ),
            markers=_markers(connection, world, partner, from_at, until_at),
            gaps=_gaps(connection, world, from_at, until_at),
            could_read=tuple(
                (max(start, from_at), min(end, until_at))
                for start, end in world.held(partner)
                if start < until_at and end > from_at
            ),
        )


_DAILY = "SELECT day, verdict, events FROM daily WHERE day >= ? AND day < ?"


def _from_days(connection: sqlite3.Connection, edges: list[int]) -> list[list[int]]:
    """Everybody's counts in bins that are whole days, from the day rollup."""
    days = [edge // MICROSECONDS_PER_DAY for edge in edges]
    counts = [[0] * len(VERDICTS) for _ in edges[:-1]]
    for day, verdict, number in connection.execute(_DAILY, (days[0], days[-1])):
        counts[bisect_right(days, day) - 1][VERDICTS.index(verdict)] += number
    return counts


def _from_events(
    connection: sqlite3.Connection, world: "World", partner: int | None, edges: list[int]
) -> list[list[int]]:
    """Counts in bins of any length, from the events' own instants."""
    import numpy as np

    from store.judge import VERDICT_NAMES

    occurred_at, verdict = world.columns(connection).occurred_at, world.verdicts(connection).verdict
    if partner is not None:
        places = world.places_of(connection, partner)
        occurred_at, verdict = occurred_at[places], verdict[places]
    inside = (occurred_at >= edges[0]) & (occurred_at < edges[-1])
    place = np.searchsorted(np.array(edges, dtype=np.int64), occurred_at[inside], "right") - 1
    kinds = len(VERDICT_NAMES)
    table = np.bincount(place * kinds + verdict[inside], minlength=(len(edges) - 1) * kinds).reshape(-1, kinds)
    order = [VERDICT_NAMES.index(name) for name in VERDICTS]
    return [[int(number) for number in row] for row in table[:, order]]


_ACTIONS = """
SELECT at, verb, actor, note FROM actions
WHERE at >= :from_at AND at < :until_at
  AND (:partner IS NULL OR partner = :partner OR verb = 'import')
  AND verb IN ('flag', 'clear', 'reopen', 'import')
ORDER BY seq
"""
_STEPS = """
SELECT at, step, recorded_by, partner FROM audit_steps WHERE taken_back_by IS NULL
UNION ALL SELECT at, step, 'import', partner FROM live_steps
"""
_MOST_MARKERS = 10_000


def _markers(
    connection: sqlite3.Connection, world: "World", partner: int | None, from_at: int, until_at: int
) -> tuple[Marker, ...]:
    """What else happened in the interval; grants and their ends only for a single partner."""
    found = []
    for rule in world.rulebook.rules:
        found.append(Marker(rule.from_at, "rule", f"rule {rule.rule_id} in force"))
        if rule.until_at is not None:
            found.append(Marker(rule.until_at, "rule", f"rule {rule.rule_id} ends"))
    registry = world.registry
    for app in registry.removals if partner is None else registry.apps_of.get(partner, ()):
        for removed_at in registry.removals.get(app, ()):
            reason = registry.removal_reasons.get((app, removed_at))
            found.append(
                Marker(removed_at, "removal", f"{world.label(app)} removed" + (f": {reason}" if reason else ""))
            )
    for app in () if partner is None else registry.apps_of.get(partner, ()):
        for grant in registry.grants.get(app, ()):
            found.append(Marker(grant.granted_at, "grant", f"{world.label(app)} granted {grant.scope}"))
            if grant.revoked_at is not None:
                found.append(Marker(grant.revoked_at, "revoke", f"{world.label(app)}: {grant.scope} revoked"))
    for at, step, recorded_by, whose in connection.execute(_STEPS):
        if whose is None or partner in (None, whose):
            found.append(Marker(at, "step", f"{step_words(step)} ({recorded_by})"))
    span = {"from_at": from_at, "until_at": until_at, "partner": partner}
    for at, verb, actor, note in connection.execute(_ACTIONS, span):
        found.append(Marker(at, verb, f"{verb} by {actor}" + (f": {note}" if note else "")))
    inside = sorted(marker for marker in found if from_at <= marker.at < until_at)
    return tuple(inside[:_MOST_MARKERS])


def _gaps(connection: sqlite3.Connection, world: "World", from_at: int, until_at: int) -> tuple[Gap, ...]:
    """What the sources do not cover of the interval; without any, the days of it that have no event."""
    registry = world.registry
    if registry.coverage:
        found = [
            Gap(start, end, source)
            for source in registry.coverage
            for start, end in gaps(registry, source, from_at, until_at)
        ]
        return tuple(sorted(found))
    first, last = from_at // MICROSECONDS_PER_DAY, (until_at - 1) // MICROSECONDS_PER_DAY
    if last - first > _MOST_DAYS:
        return ()
    seen = _event_days(connection, world, first, last)
    empty = day_ranges(day for day in range(first, last + 1) if day not in seen)
    return tuple(Gap(max(start, from_at), min(end, until_at), "inferred") for start, end in empty)


def _event_days(connection: sqlite3.Connection, world: "World", first: int, last: int) -> set[int]:
    if not is_stale(connection):
        return {day for (day,) in connection.execute(_EVENT_DAYS, (first, last))}
    days = world.columns(connection).occurred_at // MICROSECONDS_PER_DAY
    return {day for day in set(days.tolist()) if first <= day <= last}


_EVENT_DAYS = "SELECT DISTINCT day FROM daily WHERE day BETWEEN ? AND ?"
_MOST_DAYS = 200 * 366


_SPAN = "SELECT min(day), max(day) FROM daily"


def whole_span(store: Store, partner: int | None) -> tuple[int, int]:
    """Whole UTC days `[from, until)` that hold every event, the cut-off and the as-of: what `0` shows.

    It is the same for every partner, so that moving through the list compares like with like.
    """
    del partner
    with store.reading() as connection:
        view = resolve(rulebook_in(connection), Parameters())
        days = [view.as_of // MICROSECONDS_PER_DAY - 1, (view.as_of - 1) // MICROSECONDS_PER_DAY]
        if is_stale(connection):
            from store.world import world_of

            days.extend((world_of(store, connection).columns(connection).occurred_at // MICROSECONDS_PER_DAY).tolist())
        else:
            days.extend(day for day in connection.execute(_SPAN).fetchone() if day is not None)
    if view.cutoff is not None:
        days.append(view.cutoff // MICROSECONDS_PER_DAY)
    return min(days) * MICROSECONDS_PER_DAY, (max(days) + 1) * MICROSECONDS_PER_DAY


def timeline_document(answer: Timeline) -> dict[str, object]:
    """The timeline as `python -m store timeline --json` prints it (INTERFACE)."""
    return {
        "from": format_instant(answer.from_at),
        "until": format_instant(answer.until_at),
        "bins": [
            {
                "from": format_instant(each.from_at),
                "until": format_instant(each.until_at),
                **{verdict: getattr(each, verdict) for verdict in VERDICTS},
            }
            for each in answer.bins
        ],
        "markers": [
            {"at": format_instant(marker.at), "kind": marker.kind, "text": marker.text} for marker in answer.markers
        ],
        "gaps": [
            {"from": format_instant(gap.from_at), "until": format_instant(gap.until_at), "source": gap.source}
            for gap in answer.gaps
        ],
        "could_read": [
            {"from": format_instant(start), "until": format_instant(end)} for start, end in answer.could_read
        ],
    }
