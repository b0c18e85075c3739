"""Public sentences bound to figures: judged on today's evidence, and tested again by whatever changes it.

Only figures of the evidence can be claimed, so an outcome changes only with evidence or rules; where it does, the
record says so in the same transaction (`retest`).
"""

import json
import sqlite3
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

from store.case_changes import Done, deciding, done, one_line, plain
from store.claim_logic import BROKEN, HOLDS, UNKNOWN, Bounds, Term, bounds, outcome, parse_term
from store.connection import Store
from store.disclosure_content import absolute
from store.errors import RefusedError, UsageError
from store.instants import format_instant, format_optional, last_day_before, parse_point
from store.kept import Evidence, is_stale, kept_evidence
from store.ledger import SYSTEM, append
from store.parameters import Parameters, resolve
from store.rulebook import Rulebook, rulebook_in
from store.words import count_words, qualified

if TYPE_CHECKING:
    from store.world import World

__all__ = [
    "BROKEN",
    "HOLDS",
    "UNKNOWN",
    "ClaimState",
    "Claimed",
    "broken_claims",
    "broken_words",
    "claim",
    "claim_document",
    "claim_words",
    "claims",
    "retest",
    "withdraw",
]

_EvidenceOf: TypeAlias = Callable[[Parameters], Evidence]

_LONGEST = 2_000
_ANY = "SELECT 1 FROM claims WHERE withdrawn_by IS NULL LIMIT 1"
_CLAIMS = """
SELECT c.claim_id, c.sentence, c.figure, c.comparison, c.value, c.parameters, c.seq, a.actor, a.at, c.withdrawn_by
FROM claims c JOIN actions a ON a.seq = c.seq
WHERE :withdrawn OR c.withdrawn_by IS NULL
ORDER BY c.claim_id
"""
_NEXT = "SELECT coalesce(max(claim_id), 0) + 1 FROM claims"
_ADD = "INSERT INTO claims(claim_id, sentence, figure, comparison, value, parameters, seq) VALUES (?, ?, ?, ?, ?, ?, ?)"
_ONE = "SELECT sentence, withdrawn_by FROM claims WHERE claim_id = ?"
_WITHDRAW = "UPDATE claims SET withdrawn_by = ? WHERE claim_id = ?"
_OUTCOMES = "SELECT after FROM actions WHERE verb = 'claim' ORDER BY seq"


class Claimed(NamedTuple):
    """A claim as it was made.

    Attributes:
        as_of, window_days, cutoff: the parameters it is judged under, frozen; `cutoff` a what-if, mostly None.
        by: who made it, `at` when (microseconds UTC), `seq` its entry in the log.
        withdrawn_by: the entry that withdrew it; None while it stands.
    """

    claim_id: int
    sentence: str
    term: Term
    as_of: int
    window_days: int
    cutoff: int | None
    by: str
    at: int
    seq: int
    withdrawn_by: int | None


@dataclass(frozen=True, slots=True)
class ClaimState:
    """A claim, judged on today's evidence.

    Attributes:
        known: what is counted now, and between which numbers the true one lies.
        outcome: `holds`, `broken` or `unknown`.
    """

    claimed: Claimed
    known: Bounds
    outcome: str


def claim(
    store: Store, parameters: Parameters, *, actor: str, sentence: str, that: str, note: str = ""
) -> tuple[ClaimState, Done]:
    """Bind a public sentence to a figure and a comparison, under parameters that are frozen with it.

    Args:
        that: `recent.partners >= 11`.

    Raises:
        UsageError: no sentence, or one that is too long; no such figure or comparison; or exceptions or apps of a
            what-if, which no public sentence rests on.
    """
    sentence, note = one_line(sentence, "sentence"), plain(note, "note")
    if not sentence or len(sentence) > _LONGEST:
        raise UsageError(f"give the sentence that was published, of 1 to {_LONGEST:,} characters")
    term = parse_term(that)
    if parameters.variation is not None:
        raise UsageError("a claim is judged under the rulebook's own exceptions, for every app")
    with deciding(store, actor) as deed:
        connection = deed.connection
        exact = absolute(rulebook_in(connection), parameters)
        frozen = {
            "as_of": format_optional(exact.as_of),
            "window_days": exact.window_days,
            "what_if_cutoff": format_optional(exact.cutoff),
        }
        (claim_id,) = connection.execute(_NEXT).fetchone()
        known = bounds(_evidence(store, connection, exact), term.figure)
        found = outcome(term, known)
        document = {"claim_id": claim_id, "sentence": sentence, **term._asdict(), "parameters": frozen}
        told = {"claim": document, "outcome": found, **_known_document(known)}
        seq = append(connection, actor=deed.actor, verb="claim", at=deed.at, after=json.dumps(told), note=note or None)
        connection.execute(_ADD, (claim_id, sentence, *term, json.dumps(frozen), seq))
        claimed = _claimed((claim_id, sentence, *term, json.dumps(frozen), seq, deed.actor, deed.at, None))
        state = ClaimState(claimed, known, found)
        return state, done(deed, [seq], f"claimed {claim_id}: {claim_words(state)}")


def withdraw(store: Store, claim_id: int, *, actor: str, note: str) -> Done:
    """Withdraw a claim: it is tested no more, and stays in the record.

    Raises:
        UsageError: there is none of that number, or no note.
        RefusedError: it was withdrawn already.
    """
    note = plain(note, "note")
    if not note:
        raise UsageError("withdrawing a claim needs a note that says why")
    with deciding(store, actor) as deed:
        row = deed.connection.execute(_ONE, (claim_id,)).fetchone()
        if row is None:
            raise UsageError(f"no claim {claim_id}; `python -m store claims` lists them")
        sentence, withdrawn_by = row
        if withdrawn_by is not None:
            raise RefusedError(f"claim {claim_id} was withdrawn already (#{withdrawn_by})")
        after = json.dumps({"claim_id": claim_id})
        seq = append(deed.connection, actor=deed.actor, verb="withdraw_claim", at=deed.at, after=after, note=note)
        deed.connection.execute(_WITHDRAW, (seq, claim_id))
        return done(deed, [seq], f"withdrew claim {claim_id}: {sentence}")


def claims(store: Store, *, withdrawn: bool = False) -> tuple[ClaimState, ...]:
    """The claims that stand, each judged on today's evidence; in the order in which they were made.

    Args:
        withdrawn: those that were withdrawn too, judged like the others.
    """
    with store.reading() as connection:
        made = _made(connection, withdrawn=withdrawn)
        return _judged(made, lambda exact: _evidence(store, connection, exact))


def broken_claims(store: Store) -> tuple[ClaimState, ...]:
    """The claims that stand and that today's evidence contradicts. Without claims it costs one look-up."""
    with store.reading() as connection:
        if connection.execute(_ANY).fetchone() is None:
            return ()
    return tuple(state for state in claims(store) if state.outcome == BROKEN)


def retest(connection: sqlite3.Connection, world: "World", *, at: int) -> None:
    """Test every claim that stands again, and write down, as `system`, those whose outcome is another than before.

    Args:
        connection: the writing connection, after the change; the derived tables are up to date.
        world: of its state.
        at: the change's instant, microseconds UTC.
    """
    if connection.execute(_ANY).fetchone() is None:
        return
    before = _last_outcomes(connection)
    states = _judged(_made(connection, withdrawn=False), lambda exact: _evidence_in(connection, world, exact))
    changed = [state for state in states if before.get(state.claimed.claim_id) != state.outcome]
    if not changed:
        return
    told = [
        {
            "claim_id": state.claimed.claim_id,
            "before": before.get(state.claimed.claim_id),
            "outcome": state.outcome,
            **_known_document(state.known),
        }
        for state in changed
    ]
    note = "; ".join(claim_words(state) for state in changed)
    append(connection, actor=SYSTEM, verb="claim", at=at, after=json.dumps({"claims": told}), note=note)


def _last_outcomes(connection: sqlite3.Connection) -> dict[int, str]:
    """Claim -> the outcome that the record told last."""
    last: dict[int, str] = {}
    for (after,) in connection.execute(_OUTCOMES):
        document = json.loads(after)
        if "claim" in document:
            last[document["claim"]["claim_id"]] = document["outcome"]
        for each in document.get("claims", ()):
            last[each["claim_id"]] = each["outcome"]
    return last


def _made(connection: sqlite3.Connection, *, withdrawn: bool) -> list[Claimed]:
    return [_claimed(row) for row in connection.execute(_CLAIMS, {"withdrawn": withdrawn})]


def _claimed(row: Sequence[Any]) -> Claimed:
    claim_id, sentence, figure, comparison, value, parameters, seq, actor, at, withdrawn_by = row
    frozen: Mapping[str, Any] = json.loads(parameters)
    what_if = frozen["what_if_cutoff"]
    return Claimed(
        claim_id=claim_id,
        sentence=sentence,
        term=Term(figure, comparison, value),
        as_of=parse_point(frozen["as_of"]),
        window_days=int(frozen["window_days"]),
        cutoff=None if what_if is None else parse_point(what_if),
        by=actor,
        at=at,
        seq=seq,
        withdrawn_by=withdrawn_by,
    )


def _judged(made: Iterable[Claimed], evidence_of: _EvidenceOf) -> tuple[ClaimState, ...]:
    """Each claim judged; those of the same parameters are counted once."""
    counted: dict[Parameters, Evidence] = {}
    states = []
    for each in made:
        exact = Parameters(each.as_of, each.window_days, each.cutoff)
        if exact not in counted:
            counted[exact] = evidence_of(exact)
        known = bounds(counted[exact], each.term.figure)
        states.append(ClaimState(each, known, outcome(each.term, known)))
    return tuple(states)


def _evidence(store: Store, connection: sqlite3.Connection, exact: Parameters) -> Evidence:
    if _are_the_rulebooks(rulebook_in(connection), exact) and not is_stale(connection):
        kept = kept_evidence(connection)
        if kept is not None:
            return kept
    from store.world import world_of

    return _evidence_in(connection, world_of(store, connection), exact)


def _evidence_in(connection: sqlite3.Connection, world: "World", exact: Parameters) -> Evidence:
    from store.evidence import Assessment

    if _are_the_rulebooks(world.rulebook, exact) and not is_stale(connection):
        kept = kept_evidence(connection)
        if kept is not None:
            return kept
    return Assessment(connection, world, resolve(world.rulebook, exact)).evidence()


def _are_the_rulebooks(rulebook: Rulebook, exact: Parameters) -> bool:
    """Whether what the last refresh kept answers."""
    return exact.cutoff is None and (exact.as_of, exact.window_days) == (rulebook.as_of, rulebook.window_days)


def _known_document(known: Bounds) -> dict[str, object]:
    return {"counted": known.counted, "qualifier": known.qualifier, "low": known.low, "high": known.high}


def claim_words(state: ClaimState) -> str:
    """`broken: recent.partners <= 10, and it is ≥11 ("At most ten partners ...", reads to 2019-11-04)`."""
    claimed, known = state.claimed, state.known
    is_now = qualified(known.counted, known.qualifier)
    return (
        f"{state.outcome}: {claimed.term}, and it is {is_now} ({json.dumps(claimed.sentence, ensure_ascii=False)},"
        f" reads to {last_day_before(claimed.as_of)})"
    )


def broken_words(broken: Sequence[ClaimState]) -> str:
    """What the board says: `claim 2 is broken: ...`; of several, how many besides the first. Empty without any."""
    if not broken:
        return ""
    first = broken[0]
    more = f"; and {count_words(len(broken) - 1)} more" if len(broken) > 1 else ""
    return f"claim {first.claimed.claim_id} is {claim_words(first)}{more}"


def claim_document(state: ClaimState) -> dict[str, object]:
    """A claim as `python -m store claims --json` prints it."""
    claimed = state.claimed
    return {
        "claim_id": claimed.claim_id,
        "sentence": claimed.sentence,
        **claimed.term._asdict(),
        "as_of": format_instant(claimed.as_of),
        "window_days": claimed.window_days,
        "what_if_cutoff": format_optional(claimed.cutoff),
        "by": claimed.by,
        "at": format_instant(claimed.at),
        "seq": claimed.seq,
        "withdrawn_by": claimed.withdrawn_by,
        "outcome": state.outcome,
        **_known_document(state.known),
    }
