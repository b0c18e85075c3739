"""Whether a case may be closed on the grounds given: what in the evidence and in the record speaks against it.

Grounds are checked over all evidence, whatever the as-of of the screen (DOMAIN, Cases).
"""

import json
import sqlite3
from collections.abc import Iterable
from dataclasses import asdict
from typing import TYPE_CHECKING

from store.words import count_words, step_words

if TYPE_CHECKING:
    from store.reopening import CaseFacts

_UNLOGGED_DAY, _UNLOGGED_DAYS = "day with access that is not logged", "days with access that are not logged"
GROUNDS = ("no_access", "allowed", "deletion_verified", "enforced", "defunct", "duplicate", "other")

_CLOSE = "INSERT INTO closures(seq, partner, known_events) VALUES (?, ?, ?)"
_LAST_CLOSURE = "SELECT known_events FROM closures WHERE partner = ? AND seq < ? ORDER BY seq DESC LIMIT 1"


def gather_facts(
    connection: sqlite3.Connection, partners: Iterable[int], span: tuple[int, int] | None = None
) -> "dict[int, CaseFacts]":
    """What all live evidence says of these partners (internal ids), under the rulebook in force.

    Args:
        span: the half-open range whose coverage counts; the rulebook's own when not given.
    """
    from store.reopening import facts_of
    from store.world import World

    world = World(connection)
    return {partner: facts_of(connection, world, partner, span) for partner in partners}


def objections(connection: sqlite3.Connection, partner: int, grounds: str, facts: "CaseFacts") -> list[str]:
    """What contradicts closing this partner's case on these grounds, in words with numbers; empty: nothing does."""
    if grounds in ("no_access", "allowed"):
        return _unsettled(facts)
    if grounds == "deletion_verified":
        return _unverified(connection, partner)
    return []


def rests_on(facts: "CaseFacts", *, against: list[str]) -> str:
    """What a closure rests on, as JSON text: the facts known when it was made, and what an override overrode."""
    known = {name: value for name, value in asdict(facts).items() if not isinstance(value, bytes)}
    if against:
        known |= {"override": True, "objections": against}
    return json.dumps(known)


def record_closure(connection: sqlite3.Connection, partner: int, seq: int, known_events: bytes) -> None:
    """Keep the events a closure was made in the knowledge of, under the log entry that closed the case."""
    connection.execute(_CLOSE, (seq, partner, known_events))


def reasons_to_reopen(facts: "CaseFacts", known_events: bytes, rested_on: str | None) -> list[str]:
    """What speaks against a closure today that was not known when it was made; empty: it stands.

    Args:
        known_events: the event keys the closure knew, as in `closures`.
        rested_on: the case's `rests_on`, JSON text.
    """
    reasons = []
    new = _count_new(facts.known_events, known_events)
    if new:
        read = "restricted or unsettled read"
        reasons.append(_counted(new, f"{read} that the closure did not know", f"{read}s that the closure did not know"))
    then = json.loads(rested_on) if rested_on else {}
    lost = facts.held_uncovered_days - int(then.get("held_uncovered_days", facts.held_uncovered_days))
    if lost > 0:
        reasons.append(_counted(lost, f"more {_UNLOGGED_DAY}", f"more {_UNLOGGED_DAYS}"))
    return reasons


def restore_closure(
    connection: sqlite3.Connection, partner: int, *, grounds: str, rested_on: str | None, before_seq: int
) -> tuple[bytes, list[str]]:
    """What a closure taken back knew, and what today speaks against bringing it back.

    Args:
        rested_on: the `rests_on` of the closure to bring back, JSON text.
        before_seq: the log entry before which that closure was in force.
    """
    row = connection.execute(_LAST_CLOSURE, (partner, before_seq)).fetchone()
    known = b"" if row is None else bytes(row[0])
    then = json.loads(rested_on) if rested_on else {}
    span = (then["from_at"], then["until_at"]) if "from_at" in then else None
    facts = gather_facts(connection, [partner], span)[partner]
    against = reasons_to_reopen(facts, known, rested_on)
    if not against and not then.get("override"):
        against = objections(connection, partner, grounds, facts)
    return known, against


def _unsettled(facts: "CaseFacts") -> list[str]:
    counted = (
        (facts.improper, "restricted read", "restricted reads"),
        (facts.undetermined, "read that the log leaves unsettled", "reads that the log leaves unsettled"),
        (facts.quarantined, "quarantined record that is not resolved", "quarantined records that are not resolved"),
        (facts.held_uncovered_days, _UNLOGGED_DAY, _UNLOGGED_DAYS),
    )
    return [_counted(*each) for each in counted if each[0]]


def _counted(count: int, one: str, many: str) -> str:
    return f"{count_words(count)} {one if count == 1 else many}"


def _unverified(connection: sqlite3.Connection, partner: int) -> list[str]:
    from store.audit_rows import progress_of

    track = progress_of(connection, partner)
    if track.stage != "audit_passed":
        return [f"its audit has not passed: it stands at '{step_words(track.stage)}' ({track.letters})"]
    if "contradicted" in track.side_states:
        return [f"its audit passed, but was contradicted since ({track.letters})"]
    return []


def _count_new(now_known: bytes, then_known: bytes) -> int:
    if now_known == then_known or not now_known:
        return 0
    import numpy as np

    return len(np.setdiff1d(np.frombuffer(now_known, dtype="<i8"), np.frombuffer(then_known, dtype="<i8")))
