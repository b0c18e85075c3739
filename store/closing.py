"""Whether a case may be closed on the grounds given: what in the evidence and in the record speaks against it.

Grounds are checked over all evidence, whatever the as-of of the screen (DOMAIN, Cases).
"""

import hashlib
import json
import sqlite3
from collections.abc import Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING

from store.instants import now
from store.words import counted, step_words

if TYPE_CHECKING:
    from store.reopening import CaseFacts

_UNLOGGED_DAY, _UNLOGGED_DAYS = "day with access that is not logged", "days with access that are not logged"
GROUNDS = ("no_access", "allowed", "deletion_verified", "enforced", "defunct", "duplicate", "other")

_CLOSE = "INSERT INTO closures(seq, partner, known_events) VALUES (?, ?, ?)"
_LAST_CLOSURE = "SELECT known_events FROM closures WHERE partner = ? AND seq < ? ORDER BY seq DESC LIMIT 1"


def gather_facts(
    connection: sqlite3.Connection, partners: Mapping[int, tuple[int, int] | None]
) -> "dict[int, CaseFacts]":
    """What all live evidence says of these partners, under the rulebook in force.

    Args:
        partners: internal id -> the half-open range whose coverage counts; None: the rulebook's own.
    """
    from store.reopening import facts_of
    from store.world import World

    world = World(connection)
    return {partner: facts_of(connection, world, partner, span) for partner, span in partners.items()}


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


def known_document(known_events: bytes) -> dict[str, str]:
    """What a closure's log entry tells of the events that it knew: their SHA-256, so that a changed row is found."""
    return {"known_events": hashlib.sha256(known_events).hexdigest()}


def record_closure(connection: sqlite3.Connection, partner: int, seq: int, known_events: bytes) -> None:
    """Keep the events a closure was made in the knowledge of, under the log entry that closed the case."""
    connection.execute(_CLOSE, (seq, partner, known_events))


def reasons_to_reopen(facts: "CaseFacts", known_events: bytes, rested_on: str | None) -> list[str]:
    """What speaks against a closure today that was not known when it was made; empty: it stands.

    Args:
        facts: of today, over the range of days that the closure rested on.
        known_events: the event keys the closure knew, as in `closures`.
        rested_on: the case's `rests_on`, JSON text.
    """
    reasons = []
    new = _count_new(facts.known_events, known_events)
    if new:
        read = "restricted or unsettled read"
        reasons.append(counted(new, f"{read} that the closure did not know", f"{read}s that the closure did not know"))
    then = json.loads(rested_on) if rested_on else {}
    lost = int(then.get("covered_days", 0)) - facts.covered_days
    if lost > 0:
        reasons.append(counted(lost, "day is not logged any more", "days are not logged any more"))
    return reasons


def known_when_closed(connection: sqlite3.Connection, partner: int, before_seq: int) -> bytes:
    """The event keys known to the closure that was in force just before a log entry."""
    row = connection.execute(_LAST_CLOSURE, (partner, before_seq)).fetchone()
    return b"" if row is None else bytes(row[0])


def coverage_range(rested_on: Mapping[str, int]) -> tuple[int, int] | None:
    """The range of coverage that a closure rested on, from its `rests_on`; None where it names none."""
    return (rested_on["from_at"], rested_on["until_at"]) if "from_at" in rested_on else None


def objections_to_restoring(
    connection: sqlite3.Connection, partner: int, grounds: str, facts: "CaseFacts", known: bytes, rested_on: str
) -> list[str]:
    """What today speaks against bringing back a closure that was taken back; empty: nothing.

    Args:
        facts: of today, over the range the closure rested on.
        known: the event keys it knew.
        rested_on: its `rests_on`, JSON text.
    """
    against = reasons_to_reopen(facts, known, rested_on)
    if against or json.loads(rested_on).get("override"):
        return against
    return objections(connection, partner, grounds, facts)


def _unsettled(facts: "CaseFacts") -> list[str]:
    numbers = (
        (facts.improper, "restricted read", "restricted reads"),
        (facts.undetermined, "read that the log leaves unsettled", "reads that the log leaves unsettled"),
        (facts.quarantined, "quarantined record that is not resolved", "quarantined records that are not resolved"),
        (facts.held_uncovered_days, _UNLOGGED_DAY, _UNLOGGED_DAYS),
    )
    return [counted(*each) for each in numbers if each[0]]


def _unverified(connection: sqlite3.Connection, partner: int) -> list[str]:
    from store.audit_rows import apps_of, steps_of
    from store.audit_track import progress
    from store.contradictions import AFTER_CERTIFICATE, contradiction_words, contradictions_of

    steps = steps_of(connection, partner)
    track = progress(steps, apps_of(connection, partner))
    if track.stage != "audit_passed":
        return [f"its audit has not passed: it stands at '{step_words(track.stage)}' ({track.letters})"]
    if "contradicted" in track.side_states:
        return [f"its audit passed, but was contradicted since ({track.letters})"]
    # A contradiction that the log shows is worth no less than one that somebody recorded.
    against = contradictions_of(connection, partner, steps, today=now())
    return [contradiction_words(each) for each in against if each.kind == AFTER_CERTIFICATE]


def _count_new(now_known: bytes, then_known: bytes) -> int:
    if now_known == then_known or not now_known:
        return 0
    import numpy as np

    return len(np.setdiff1d(np.frombuffer(now_known, dtype="<i8"), np.frombuffer(then_known, dtype="<i8")))
