"""Plain tables -> derived tables: a pure function, brought up to date in the transaction that changed the plain ones.

Order of work: the packed copy of the events (segments), what the registry says of each of them (facts), the day rollup,
the partner list and the figures under the rulebook's own parameters. The first three are redone only where their
inputs changed.
"""

import hashlib
import json
import sqlite3
from functools import partial

import numpy as np

from store.columns import COUNTED_SEGMENTS, EventColumns, Verdicts, load_columns
from store.connection import Store
from store.event_counts import EventCounts
from store.event_rows import read_events
from store.evidence import Assessment
from store.instants import MICROSECONDS_PER_DAY, now
from store.judge import VERDICT_NAMES
from store.kept import keep
from store.ledger import append
from store.parameters import Parameters, resolve
from store.reopening import CaseFacts, facts_of, reopen_contradicted
from store.segments import Packer, read_column, write_column, write_from_rows
from store.tables import DERIVED_TABLES
from store.world import World

__all__ = ["CaseFacts", "bring_up_to_date", "case_facts", "defer", "rebuild", "refresh"]

# What is noted of the day rollup while nothing was packed anew since it was made.
_CURRENT = "current"
_THE_RULEBOOKS = "the rulebook's"

_STATE = "SELECT value FROM derived_state WHERE name = ?"
_NOT_STALE = "DELETE FROM derived_state WHERE name = 'stale'"
_SET_STATE = "INSERT OR REPLACE INTO derived_state(name, value) VALUES (?, ?)"
_WITH_FACTS = "SELECT content_id, segment FROM segment_columns WHERE name = 'after'"
_COMPLETE = "SELECT DISTINCT content_id FROM imports WHERE state = 'complete' ORDER BY content_id"
_LIVE = "SELECT content_id FROM live_contents ORDER BY content_id"
_JUDGING_VERSIONS = (
    "SELECT version_id FROM live_grants ORDER BY version_id",
    "SELECT version_id FROM live_removals ORDER BY version_id",
    "SELECT version_id FROM live_exemptions ORDER BY version_id",
    "SELECT version_id FROM live_opt_ins ORDER BY version_id",
)
_NAMING_VERSIONS = (
    "SELECT version_id FROM live_partners ORDER BY version_id",
    "SELECT version_id FROM live_apps ORDER BY version_id",
    "SELECT version_id FROM live_coverage ORDER BY version_id",
)
_CLEAR_OWNERS = "DELETE FROM app_owners"
_ADD_OWNER = "INSERT INTO app_owners(app, partner) VALUES (?, ?)"
_CLEAR_DAILY = "DELETE FROM daily"
_ADD_DAILY = """
INSERT INTO daily(day, verdict, events) VALUES (?, ?, ?)
ON CONFLICT (day, verdict) DO UPDATE SET events = events + excluded.events
"""
_CLEARING = {
    "segments": "DELETE FROM segments",
    "segment_columns": "DELETE FROM segment_columns",
    "app_owners": _CLEAR_OWNERS,
    "daily": _CLEAR_DAILY,
    "partner_figures": "DELETE FROM partner_figures",
    "derived_state": "DELETE FROM derived_state",
}


def refresh(connection: sqlite3.Connection, *, actor: str, at: int) -> None:
    """Bring every derived table up to date, and reopen the closed cases that the change speaks against.

    Call it last in the write transaction that changed evidence or rules.

    Args:
        connection: the writing connection.
        actor: who made the change, for the reason of a case that reopens.
        at: the change's instant, microseconds UTC.
    """
    world = bring_up_to_date(connection, at=at)
    reopen_contradicted(connection, world, actor=actor, at=at)


def defer(connection: sqlite3.Connection, *, import_id: int) -> None:
    """Take a completed import into the packed events, and leave all else to the refresh that follows the last file.

    Until then, also after a kill, questions are answered from the events themselves: slower, and the same.
    """
    _place_segments(connection)
    connection.execute(_SET_STATE, ("stale", str(import_id)))


def rebuild(store: Store, *, actor: str) -> None:
    """Drop every derived table's rows and make them anew from the plain tables: the same rows come out."""
    with store.writing() as connection:
        at = now()
        judged_at = judged_last(connection)
        clear_derived(connection)
        packer = Packer(connection, live_contents(connection))
        for rows in read_events(connection):
            packer.take(rows)
        packer.close()
        world = bring_up_to_date(connection, at=at if judged_at is None else judged_at)
        append(connection, actor=actor, verb="rebuild", at=at)
        reopen_contradicted(connection, world, actor=actor, at=at)


def judged_last(connection: sqlite3.Connection) -> int | None:
    """When what is kept was judged, where the rulebook names no as-of: microseconds UTC. None where it names one."""
    kept = _state(connection, "as_of")
    return None if kept is None or kept == _THE_RULEBOOKS else int(kept)


def live_contents(connection: sqlite3.Connection) -> list[int]:
    """The contents that count."""
    return [content_id for (content_id,) in connection.execute(_LIVE)]


def case_facts(connection: sqlite3.Connection, partner: int) -> CaseFacts:
    """What all the evidence, whatever the as-of, says about one partner (internal id)."""
    return facts_of(connection, World(connection), partner)


def clear_derived(connection: sqlite3.Connection) -> None:
    """Empty the derived tables."""
    for table in DERIVED_TABLES:
        connection.execute(_CLEARING[table])


def bring_up_to_date(connection: sqlite3.Connection, *, at: int) -> World:
    """The derived tables alone, whatever state they are in.

    Args:
        at: now, microseconds UTC: the as-of of a rulebook that names none.

    Returns:
        The world they were made from.
    """
    _place_segments(connection)
    world = World(connection)
    _changed(connection, "names", _digest(connection, _NAMING_VERSIONS))
    connection.execute(_CLEAR_OWNERS)
    connection.executemany(_ADD_OWNER, sorted(world.registry.partner_of.items()))
    aliases = json.dumps(sorted(world.aliases(connection).items()))
    judged_by = f"{_digest(connection, _JUDGING_VERSIONS)} {world.rulebook.removal_grace} {aliases}"
    judged_anew = _changed(connection, "registry", judged_by)
    fresh = _state_facts(connection, world, anew=judged_anew)
    rules_changed = _changed(connection, "rulebook", str(world.rulebook.rulebook_id))
    repacked = _changed(connection, "daily", _CURRENT)
    first = len(fresh) == len(connection.execute(COUNTED_SEGMENTS).fetchall())
    if first or repacked or judged_anew or rules_changed:
        connection.execute(_CLEAR_DAILY)
        _add_daily(connection, world.columns(connection), world.verdicts(connection))
    elif fresh:
        added = load_columns(connection, fresh)
        _add_daily(connection, added, world.judge(added))
    # A rulebook that names no as-of is judged at its last change: kept, so that `verify` can do it again.
    _changed(connection, "as_of", str(at) if world.rulebook.as_of is None else _THE_RULEBOOKS)
    as_of = at if world.rulebook.as_of is None else None
    view = resolve(world.rulebook, Parameters(as_of=as_of, today=at))
    # Asked once: an index would cost more than it saves.
    assessment = Assessment(connection, world, view, EventCounts(connection, world, view))
    keep(connection, assessment.evidence(), assessment.partner_rows())
    connection.execute(_NOT_STALE)
    return world


def _state(connection: sqlite3.Connection, name: str) -> str | None:
    row = connection.execute(_STATE, (name,)).fetchone()
    return None if row is None else str(row[0])


def _changed(connection: sqlite3.Connection, name: str, value: str) -> bool:
    """Whether a remembered value differs now; the new one is remembered."""
    if _state(connection, name) == value:
        return False
    connection.execute(_SET_STATE, (name, value))
    return True


def _place_segments(connection: sqlite3.Connection) -> None:
    """Pack exactly the events that count: all of a live content, of the others those that a live one holds too.

    The loader packs a new content itself. What is packed anew here, the day rollup may have counted already: it is
    noted that the rollup must be made anew, now or when the refresh comes.
    """
    live = live_contents(connection)
    if not _changed(connection, "live_contents", json.dumps(live)):
        return
    trimmed_before = json.loads(_state(connection, "trimmed_contents") or "[]")
    trimmed = [content_id for (content_id,) in connection.execute(_COMPLETE).fetchall() if content_id not in live]
    for content_id in trimmed:
        write_from_rows(connection, content_id, live=False)
    restored = [content_id for content_id in trimmed_before if content_id in live]
    for content_id in restored:
        write_from_rows(connection, content_id, live=True)
    connection.execute(_SET_STATE, ("trimmed_contents", json.dumps(trimmed)))
    if trimmed or restored:
        connection.execute(_SET_STATE, ("daily", "to be made anew"))


def _state_facts(connection: sqlite3.Connection, world: World, *, anew: bool) -> list[tuple[int, int]]:
    """Note beside the segments what the registry says of their events; the segments that were done.

    Args:
        anew: the registry changed, so that all are done again.
    """
    done = set() if anew else set(connection.execute(_WITH_FACTS).fetchall())
    fresh = [each for each in connection.execute(COUNTED_SEGMENTS).fetchall() if each not in done]
    if not fresh:
        return []
    for content_id, segment in fresh:
        read = partial(read_column, connection, content_id, segment)
        app, at, field_set, subject, resource = map(read, ("app", "occurred_at", "field_set", "subject", "resource"))
        for name, values in world.facts(connection, app, at, field_set, subject, resource)._asdict().items():
            write_column(connection, content_id, segment, name, values)
    return fresh


def _digest(connection: sqlite3.Connection, questions: tuple[str, ...]) -> str:
    """Names the set of live versions that these questions list."""
    digest = hashlib.sha256()
    for question in questions:
        versions = np.array([version for (version,) in connection.execute(question)], dtype="<i8")
        digest.update(len(versions).to_bytes(8, "little"))
        digest.update(versions.tobytes())
    return digest.hexdigest()


def _add_daily(connection: sqlite3.Connection, columns: EventColumns, verdicts: Verdicts) -> None:
    """Add these events to the day rollup."""
    if not len(columns):
        return
    kinds = len(VERDICT_NAMES)
    day = columns.occurred_at // MICROSECONDS_PER_DAY
    first = int(day.min())
    counts = np.bincount((day - first) * kinds + verdicts.verdict)
    rows = [
        (first + code // kinds, VERDICT_NAMES[code % kinds], int(counts[code]))
        for code in np.nonzero(counts)[0].tolist()
    ]
    connection.executemany(_ADD_DAILY, rows)
