"""Plain tables -> derived tables: a pure function, brought up to date in the transaction that changed the plain ones.

Order of work: the packed copy of the events (segments), what the registry says of each of them (facts), the day rollup,
the partner list and the figures under the rulebook's own parameters. The first three are redone only where their
inputs changed.
"""

import hashlib
import json
import sqlite3
from collections import Counter
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import partial

import numpy as np

from store.app_figures import AppTallies, keep_apps
from store.columns import COUNTED_SEGMENTS, EventColumns, Verdicts
from store.connection import Store
from store.event_rows import read_events
from store.evidence import Assessment
from store.instants import MICROSECONDS_PER_DAY, now
from store.judge import VERDICT_NAMES
from store.kept import is_stale, keep
from store.ledger import append
from store.parameters import Parameters, resolve
from store.population_changes import recording
from store.reopening import CaseFacts, facts_of, reopen_contradicted
from store.segments import Packer, read_column, write_column, write_from_rows
from store.streamed_counts import StreamedCounts
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
# A temporary table goes before a view of the same name.
_KEEP_VIEWS = (
    "CREATE TEMP TABLE live_partners AS SELECT * FROM main.live_partners",
    "CREATE TEMP TABLE live_apps AS SELECT * FROM main.live_apps",
    "CREATE TEMP TABLE live_grants AS SELECT * FROM main.live_grants",
    "CREATE TEMP TABLE live_removals AS SELECT * FROM main.live_removals",
    "CREATE TEMP TABLE live_exemptions AS SELECT * FROM main.live_exemptions",
    "CREATE TEMP TABLE live_opt_ins AS SELECT * FROM main.live_opt_ins",
)
_DROP_VIEWS = (
    "DROP TABLE IF EXISTS temp.live_partners",
    "DROP TABLE IF EXISTS temp.live_apps",
    "DROP TABLE IF EXISTS temp.live_grants",
    "DROP TABLE IF EXISTS temp.live_removals",
    "DROP TABLE IF EXISTS temp.live_exemptions",
    "DROP TABLE IF EXISTS temp.live_opt_ins",
)
_OWNERS = "SELECT app, partner FROM app_owners"
_SET_OWNER = "INSERT OR REPLACE INTO app_owners(app, partner) VALUES (?, ?)"
_CLEAR_DAILY = "DELETE FROM daily"
_ADD_DAILY = """
INSERT INTO daily(day, verdict, events) VALUES (?, ?, ?)
ON CONFLICT (day, verdict) DO UPDATE SET events = events + excluded.events
"""
_CLEARING = {
    "segments": "DELETE FROM segments",
    "segment_columns": "DELETE FROM segment_columns",
    "app_owners": "DELETE FROM app_owners",
    "daily": _CLEAR_DAILY,
    "partner_figures": "DELETE FROM partner_figures",
    "app_figures": "DELETE FROM app_figures",
    "derived_state": "DELETE FROM derived_state",
}


def refresh(connection: sqlite3.Connection, *, actor: str, at: int) -> None:
    """Bring every derived table up to date, reopen the closed cases that the change speaks against, and test claims.

    Who entered or left a population by the change is written down first: it is why a case reopens.

    Call it last in the write transaction that changed evidence or rules.

    Args:
        connection: the writing connection.
        actor: who made the change, for the reason of a case that reopens.
        at: the change's instant, microseconds UTC.
    """
    from store.claims import retest

    with _read_once(connection):
        with recording(connection, at=at):
            world = bring_up_to_date(connection, at=at)
        reopen_contradicted(connection, world, actor=actor, at=at)
        retest(connection, world, at=at)


@contextmanager
def _read_once(connection: sqlite3.Connection) -> Iterator[None]:
    """Keep what the registry says now beside the store, under the names of the views, which are asked many times."""
    for statement in _KEEP_VIEWS:
        connection.execute(statement)
    try:
        yield
    finally:
        for statement in _DROP_VIEWS:
            connection.execute(statement)


def defer(connection: sqlite3.Connection, *, import_id: int) -> None:
    """Take a completed import into the packed events, and leave all else to the refresh that follows the last file.

    Until then, also after a kill, questions are answered from the events themselves: slower, and the same.
    """
    _place_segments(connection)
    connection.execute(_SET_STATE, ("stale", str(import_id)))


def rebuild(store: Store, *, actor: str) -> None:
    """Drop every derived table's rows and make them anew from the plain tables: the same rows come out."""
    from store.claims import retest

    with store.writing() as connection:
        at = now()
        judged_at = judged_last(connection)
        with catching_up(connection, at=at):
            clear_derived(connection)
            packer = Packer(connection, live_contents(connection))
            for rows in read_events(connection):
                packer.take(rows)
            packer.close()
            world = bring_up_to_date(connection, at=at if judged_at is None else judged_at)
            append(connection, actor=actor, verb="rebuild", at=at)
        reopen_contradicted(connection, world, actor=actor, at=at)
        retest(connection, world, at=at)


def catching_up(connection: sqlite3.Connection, *, at: int) -> AbstractContextManager[None]:
    """`recording`, for who makes the same tables anew: only imports that no refresh has followed yet change anything.

    Args:
        at: now, microseconds UTC.
    """
    return recording(connection, at=at) if is_stale(connection) else nullcontext()


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
    _own(connection, world)
    aliases = json.dumps(sorted(world.aliases(connection).items()))
    judged_by = f"{_digest(connection, _JUDGING_VERSIONS)} {world.rulebook.removal_grace} {aliases}"
    judged_anew = _changed(connection, "registry", judged_by)
    fresh = _state_facts(connection, world, anew=judged_anew)
    rules_changed = _changed(connection, "rulebook", str(world.rulebook.rulebook_id))
    repacked = _changed(connection, "daily", _CURRENT)
    segments = connection.execute(COUNTED_SEGMENTS).fetchall()
    all_anew = len(fresh) == len(segments) or repacked or judged_anew or rules_changed
    # A rulebook that names no as-of is judged at its last change: kept, so that `verify` can do it again.
    _changed(connection, "as_of", str(at) if world.rulebook.as_of is None else _THE_RULEBOOKS)
    as_of = at if world.rulebook.as_of is None else None
    view = resolve(world.rulebook, Parameters(as_of=as_of, today=at))
    counts, tallies = StreamedCounts(world, view), AppTallies(world)
    added: Counter[tuple[int, int]] = Counter()
    for each in segments:
        columns = world.segment(connection, each)
        verdicts = world.judge(columns)
        counts.take(columns, verdicts)
        tallies.take(columns, verdicts)
        if all_anew or each in fresh:
            _count_days(added, columns, verdicts)
    if all_anew:
        connection.execute(_CLEAR_DAILY)
    connection.executemany(_ADD_DAILY, [(day, VERDICT_NAMES[code], events) for (day, code), events in added.items()])
    assessment = Assessment(connection, world, view, counts)
    keep(connection, assessment.evidence(), assessment.partner_rows())
    keep_apps(connection, tallies.rows())
    connection.execute(_NOT_STALE)
    return world


def _own(connection: sqlite3.Connection, world: World) -> None:
    """Bring up to date whose each app is; an app, once known, stays known."""
    before = dict(connection.execute(_OWNERS).fetchall())
    now_owned = sorted(world.registry.partner_of.items())
    connection.executemany(_SET_OWNER, [(app, partner) for app, partner in now_owned if before.get(app) != partner])


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


def _count_days(days: "Counter[tuple[int, int]]", columns: EventColumns, verdicts: Verdicts) -> None:
    """Count these events by day and verdict."""
    if not len(columns):
        return
    kinds = len(VERDICT_NAMES)
    day = columns.occurred_at // MICROSECONDS_PER_DAY
    first = int(day.min())
    counts = np.bincount((day - first) * kinds + verdicts.verdict)
    for code in np.nonzero(counts)[0].tolist():
        days[first + code // kinds, code % kinds] += int(counts[code])
