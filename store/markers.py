"""What else happened beside the reads, dated: rules, grants, removals, audit steps, work on cases, imports.

Everybody's markers may be many: they are kept as arrays of instants, and only those that are shown get their words.
"""

import sqlite3
from bisect import bisect_left
from collections.abc import Callable, Iterable, Sequence
from itertools import starmap
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from store.ledger import last_seq
from store.names import partner_id_of
from store.remembered import Remembered
from store.words import step_words

if TYPE_CHECKING:
    from store.world import World

MOST_MARKERS = 1_000


class Marker(NamedTuple):
    """Something dated beside the reads, at an instant in microseconds UTC.

    Attributes:
        kind: rule, grant, revoke, removal, step, flag, clear, reopen, import.
        text: in words; file names, app names and notes in it are as the data has them.
        partner: whom it is about, by internal id; None for rules, imports and steps of the incident itself.
    """

    at: int
    kind: str
    text: str
    partner: int | None = None


class _Lane(NamedTuple):
    """Markers in order of time: their instants, and what makes the marker at a place; it must not hold a world.

    Attributes:
        is_about_all: they are about the incident as a whole, and are never left out for want of room.
    """

    instants: Sequence[int]
    make: "Callable[[World, int], Marker]"
    is_about_all: bool = False


_Spans: TypeAlias = list[tuple[_Lane, Sequence[int]]]


def markers_of(
    connection: sqlite3.Connection, world: "World", partner: int | None, from_at: int, until_at: int
) -> tuple[tuple[Marker, ...], int]:
    """The markers in `[from_at, until_at)`, oldest first, and how many there are besides.

    Of a partner (its internal id): all its own, and those of the incident. Of everybody (None): without grants and
    their ends. No more than `MOST_MARKERS` are told; where there are more, those about the incident as a whole (rules,
    imports, its own steps) stay, and of the others every n-th in time, so that the picture keeps its shape.
    """
    lanes = _lanes_of_incident(connection, world)
    lanes += _lanes_of_everybody(connection, world) if partner is None else [_lane_of(connection, world, partner)]
    spans: _Spans = []
    for lane in lanes:
        first, end = bisect_left(lane.instants, from_at), bisect_left(lane.instants, until_at)
        spans.append((lane, range(first, end)))
    total = sum(len(span) for _, span in spans)
    if total > MOST_MARKERS:
        spans = _thinned(spans)
    found = [lane.make(world, place) for lane, span in spans for place in span]
    if partner is None:
        found = _with_names(connection, world, found)
    found.sort(key=lambda marker: marker[:3])
    return tuple(found), total - len(found)


def _thinned(spans: _Spans) -> _Spans:
    """`MOST_MARKERS` of them at the most: lanes about the incident whole, if they fit; the others evenly in time."""
    whole = sum(len(span) for lane, span in spans if lane.is_about_all)
    keeps = whole <= MOST_MARKERS
    room = MOST_MARKERS - whole if keeps else MOST_MARKERS
    total = sum(len(span) for lane, span in spans if not (keeps and lane.is_about_all))
    thinned: _Spans = []
    for lane, span in spans:
        if keeps and lane.is_about_all:
            thinned.append((lane, span))
        else:
            share = len(span) * room // total if total else 0
            thinned.append((lane, [span[place * len(span) // share] for place in range(share)]))
    return thinned


def _lane(found: Iterable[Marker], *, is_about_all: bool = False) -> _Lane:
    rows = sorted(found, key=lambda marker: marker[:3])
    return _Lane([marker.at for marker in rows], lambda _, place: rows[place], is_about_all)


# --- of the incident -----------------------------------------------------------------------------------------------

_IMPORTS = """
SELECT import_id, completed_at, file, started_by, voided_at FROM imports
WHERE state = 'complete' AND completed_at IS NOT NULL
"""
_STEPS_OF_INCIDENT = "SELECT at, step, recorded_by FROM audit_steps WHERE taken_back_by IS NULL AND partner IS NULL"


def _lanes_of_incident(connection: sqlite3.Connection, world: "World") -> list[_Lane]:
    found = []
    for rule in world.rulebook.rules:
        found.append(Marker(rule.from_at, "rule", f"rule {rule.rule_id} in force"))
        if rule.until_at is not None:
            found.append(Marker(rule.until_at, "rule", f"rule {rule.rule_id} ends"))
    for import_id, at, file, actor, voided_at in connection.execute(_IMPORTS):
        found.append(
            Marker(at, "import", f"import {import_id} by {actor}: {file}" + (" (voided)" if voided_at else ""))
        )
    for at, step, actor in connection.execute(_STEPS_OF_INCIDENT):
        found.append(Marker(at, "step", f"{step_words(step)} ({actor})"))
    return [_lane(found, is_about_all=True)]


# --- of one partner ------------------------------------------------------------------------------------------------

_STEPS_OF = """
SELECT at, step, recorded_by, partner FROM audit_steps WHERE taken_back_by IS NULL AND partner = ?
"""
_IMPORTED_STEPS = "SELECT at, step, 'import', partner FROM live_steps"
# What an undo or a redo puts back is told as what it made of the case.
_WORK_COLUMNS = """
SELECT at, verb, actor, note, partner, json_extract(before, '$.status'), json_extract(after, '$.status')
FROM actions
"""
_WORK_OF = _WORK_COLUMNS + "WHERE partner = ? AND verb IN ('flag', 'clear', 'reopen', 'undo', 'redo') ORDER BY seq"


def _lane_of(connection: sqlite3.Connection, world: "World", partner: int) -> _Lane:
    """A partner's own grants, removals, steps and case."""
    registry = world.registry
    found = []
    for app in registry.apps_of.get(partner, ()):
        found += [_removal(world, app, at) for at in registry.removals.get(app, ())]
        for grant in registry.grants.get(app, ()):
            found.append(Marker(grant.granted_at, "grant", f"{world.label(app)} granted {grant.scope}", partner))
            if grant.revoked_at is not None:
                text = f"{world.label(app)}: {grant.scope} revoked"
                found.append(Marker(grant.revoked_at, "revoke", text, partner))
    found += starmap(_step, connection.execute(_STEPS_OF, (partner,)))
    found += _imported_steps(connection, world).get(partner, ())
    found += [marker for row in connection.execute(_WORK_OF, (partner,)) if (marker := _work(*row)) is not None]
    return _lane(found)


def _removal(world: "World", app: int, at: int) -> Marker:
    reason = world.registry.removal_reasons.get((app, at))
    text = f"{world.label(app)} removed" + (f": {reason}" if reason else "")
    return Marker(at, "removal", text, world.registry.partner_of[app])


def _step(at: int, step: str, actor: str, partner: int) -> Marker:
    return Marker(at, "step", f"{step_words(step)} ({actor})", partner)


_MADE = {"flagged": "flag", "cleared": "clear", "open": "reopen"}


def _work(
    at: int,
    verb: str,
    actor: str,
    note: str | None,
    partner: int | None,
    before: str | None,
    after: str | None,
) -> Marker | None:
    """What an action made of a case; None for one that left its status."""
    kind = verb
    if verb in ("undo", "redo"):
        if before == after or after is None:
            return None
        kind = _MADE[after]
    said = f": {note}" if note else ""
    return Marker(at, kind, f"{verb} by {actor}{said}", partner)


_STEPS_OF_IMPORTS: Remembered[dict[int, list[Marker]]] = Remembered()


def _imported_steps(connection: sqlite3.Connection, world: "World") -> dict[int, list[Marker]]:
    """Every partner's steps that were imported: evidence, so they last as long as the world."""
    return _STEPS_OF_IMPORTS.get(world, None, lambda: _read_imported_steps(connection))


def _read_imported_steps(connection: sqlite3.Connection) -> dict[int, list[Marker]]:
    steps: dict[int, list[Marker]] = {}
    for at, step, actor, partner in connection.execute(_IMPORTED_STEPS):
        steps.setdefault(partner, []).append(_step(at, step, actor, partner))
    return steps


# --- of everybody --------------------------------------------------------------------------------------------------

_STEPS_OF_PARTNERS = """
SELECT at, step, recorded_by, partner FROM audit_steps WHERE taken_back_by IS NULL AND partner IS NOT NULL
"""
_WORK_OF_ALL = (
    _WORK_COLUMNS + "WHERE partner IS NOT NULL AND verb IN ('flag', 'clear', 'reopen', 'undo', 'redo') ORDER BY seq"
)
_REMOVALS: Remembered[_Lane] = Remembered()
_WORK: Remembered[list[_Lane]] = Remembered()


def _lanes_of_everybody(connection: sqlite3.Connection, world: "World") -> list[_Lane]:
    """Every partner's removals, steps and work; made anew after an action, but for what the world holds."""
    head = last_seq(connection)
    removals = _REMOVALS.get(world, None, lambda: _removals_of_all(world))
    return [removals, *_WORK.get(world, head, lambda: _work_of_all(connection, world))]


def _removals_of_all(world: "World") -> _Lane:
    rows = sorted((at, app) for app, instants in world.registry.removals.items() for at in instants)
    return _Lane([at for at, _ in rows], lambda its_world, place: _removal(its_world, rows[place][1], rows[place][0]))


def _work_of_all(connection: sqlite3.Connection, world: "World") -> list[_Lane]:
    steps = list(starmap(_step, connection.execute(_STEPS_OF_PARTNERS)))
    for imported in _imported_steps(connection, world).values():
        steps += imported
    work = [marker for row in connection.execute(_WORK_OF_ALL) if (marker := _work(*row)) is not None]
    return [_lane(steps), _lane(work)]


# --- names ---------------------------------------------------------------------------------------------------------

_NAME = "SELECT name FROM partner_figures WHERE partner = ?"
_MOST_NAMES = 10_000
_NAMES: Remembered[dict[int, str]] = Remembered()


def _with_names(connection: sqlite3.Connection, world: "World", found: Iterable[Marker]) -> list[Marker]:
    """The markers; a step and a change of a case begin with the partner's name, which an app's name stands for else."""
    names = _NAMES.get(world, None, dict)
    if len(names) > _MOST_NAMES:
        names.clear()
    named = []
    for marker in found:
        partner = marker.partner
        if partner is None or marker.kind == "removal":
            named.append(marker)
            continue
        if partner not in names:
            row = connection.execute(_NAME, (partner,)).fetchone()
            names[partner] = partner_id_of(connection, partner) if row is None else str(row[0])
        named.append(marker._replace(text=f"{names[partner]}: {marker.text}"))
    return named
