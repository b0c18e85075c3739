"""What investigators do to cases: flag, clear, reopen, note, assign, undo, redo. Each is one transaction.

A partner nobody has acted on has a case all the same: open, version 0.
"""

import json
import sqlite3
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from store import closing
from store.case_changes import (
    Deed,
    Done,
    Standing,
    change,
    deciding,
    done,
    last_change,
    look,
    named,
    plain,
    refuse,
    standing,
    to_the_second,
)
from store.closing import GROUNDS
from store.connection import Store
from store.errors import RefusedError, UsageError
from store.ledger import append
from store.loose_ends import loose_ends_in, refuse_loose_ends
from store.names import partner_id_of
from store.rulebook import rulebook_in
from store.words import GROUNDS as GROUND_WORDS

__all__ = [
    "GROUNDS",
    "STATUSES",
    "Case",
    "Done",
    "add_note",
    "assign",
    "case",
    "clear",
    "flag",
    "redo",
    "reopen",
    "system_reopen",
    "undo",
]

STATUSES = ("open", "flagged", "cleared")


@dataclass(frozen=True, slots=True)
class Case:
    """A partner's case as it stands.

    Attributes:
        partner: internal id.
        version: 0 before its first action; every action that changes the case raises it by one.
        grounds: of a cleared case, else None.
        last_change: "flagged by ana, 2019-11-05T10:00:00Z", for conflict messages; None before the first.
        override: of a cleared case: the evidence contradicted its grounds, and somebody overrode that with a note.
    """

    partner: int
    partner_id: str
    status: str
    grounds: str | None
    assignee: str | None
    version: int
    last_change: str | None
    override: bool = False


def case(store: Store, partner: int) -> Case:
    """The case of a partner (internal id).

    Raises:
        UsageError: there is no such partner.
    """
    with store.reading() as connection:
        partner_id = partner_id_of(connection, partner)
        row = standing(connection, partner)
        latest = last_change(connection, partner)
    told = None if latest is None else f"{latest[2]} by {latest[1]}, {to_the_second(latest[0])}"
    return Case(partner, partner_id, row.status, row.grounds, row.assignee, row.version, told, row.overridden)


def flag(
    store: Store, partners: Sequence[int], *, actor: str, note: str = "", expect: dict[int, int] | None = None
) -> Done:
    """Flag the cases of these partners, all or none.

    Args:
        partners: internal ids.
        expect: internal id -> version the caller saw; a case that has moved on refuses the whole action.

    Raises:
        ConflictError: a case moved on; the message says who moved it, when, and how.
        RefusedError: a case is cleared (reopen it first) or flagged already.
    """
    note = plain(note, "note")
    with deciding(store, actor) as deed:
        cases = look(deed, partners, expect)
        why_not = {"flagged": "is flagged already", "cleared": "is closed: reopen it first"}
        refuse(deed, {partner: why_not[row.status] for partner, row in cases.items() if row.status in why_not})
        seqs = [
            change(deed, partner, row, replace(row, status="flagged"), verb="flag", note=note)
            for partner, row in cases.items()
        ]
        return done(deed, seqs, f"flagged {named(deed, list(cases))}")


def clear(
    store: Store,
    partners: Sequence[int],
    *,
    actor: str,
    grounds: str,
    note: str = "",
    override: bool = False,
    expect: dict[int, int] | None = None,
) -> Done:
    """Close cases on grounds, which are checked over all evidence whatever the as-of (DOMAIN, Cases).

    Where the rulebook wants a second person, the first only asks; the case closes once somebody else does the same.

    Raises:
        UsageError: no such grounds.
        RefusedError: the grounds do not hold, and no override with a note was given; the message says what contradicts.
            Or there are loose ends, and no note says why it is closed all the same. Or the same person asks again.
    """
    note = plain(note, "note")
    if grounds not in GROUNDS:
        raise UsageError(f"no such grounds: {grounds!r}; choose one of {', '.join(GROUNDS)}")
    if grounds == "other" and not note:
        raise RefusedError("closing on other grounds needs a note that says which")
    if override and not note:
        raise RefusedError("overriding what contradicts a closure needs a note that says why")
    with deciding(store, actor) as deed:
        cases = look(deed, partners, expect)
        refuse(deed, {partner: "is closed already" for partner, row in cases.items() if row.status == "cleared"})
        facts = closing.gather_facts(deed.connection, dict.fromkeys(cases))
        against = {partner: closing.objections(deed.connection, partner, grounds, facts[partner]) for partner in cases}
        if not override:
            _refuse_contradicted(deed, grounds, against)
        open_ends = {partner: loose_ends_in(deed.connection, partner, today=deed.at) for partner in cases}
        if not note:
            refuse_loose_ends(deed, open_ends, "would be closed")
        asking = _to_be_reviewed(deed, cases, grounds)
        if asking:
            asked = json.dumps({"by": deed.actor, "grounds": grounds})
            seqs = [
                change(deed, partner, cases[partner], replace(cases[partner], asked=asked), verb="ask", note=note)
                for partner in asking
            ]
            words = f"asked to close {named(deed, asking)}: {GROUND_WORDS[grounds]}"
            return done(deed, seqs, f"{words}; somebody else must close it too")
        seqs = []
        for partner, row in cases.items():
            text = closing.rests_on(facts[partner], against=against[partner])
            after = replace(row, status="cleared", grounds=grounds, rests_on=text, asked=None)
            known = facts[partner].known_events
            told: dict[str, object] = {**closing.known_document(known)}
            if row.asked is not None:
                told["asked_by"] = json.loads(row.asked)["by"]
            if open_ends[partner]:
                told["loose_ends"] = list(open_ends[partner])
            seq = change(deed, partner, row, after, verb="clear", note=note, details=told)
            closing.record_closure(deed.connection, partner, seq, known)
            seqs.append(seq)
        overridden = ", overridden" if any(against.values()) else ""
        return done(deed, seqs, f"closed {named(deed, list(cases))}: {GROUND_WORDS[grounds]}{overridden}")


def _to_be_reviewed(deed: Deed, cases: Mapping[int, Standing], grounds: str) -> list[int]:
    """The cases that this action only asks to close, where the rulebook wants a second person; empty: it closes them.

    Raises:
        RefusedError: the same person asked before, or some of the cases can be closed and others only be asked for.
    """
    if not rulebook_in(deed.connection).second_person:
        return []
    asked = {partner: json.loads(row.asked) if row.asked else None for partner, row in cases.items()}
    refuse(
        deed,
        {
            partner: f"was asked by you to be closed as '{GROUND_WORDS[grounds]}': somebody else must close it too"
            for partner, request in asked.items()
            if request is not None and request["grounds"] == grounds and _is_same(request["by"], deed.actor)
        },
    )
    asking = [partner for partner, request in asked.items() if request is None or request["grounds"] != grounds]
    if asking and len(asking) < len(cases):
        reason = "was not asked to be closed on these grounds, others of these cases were: close those apart"
        refuse(deed, dict.fromkeys(asking, reason))
    return asking


def _is_same(one: str, other: str) -> bool:
    """Whether two names are one person's: another spelling of one's own name makes no second person."""
    first, second = (" ".join(unicodedata.normalize("NFKC", name).casefold().split()) for name in (one, other))
    return first == second


def _refuse_contradicted(deed: Deed, grounds: str, against: dict[int, list[str]]) -> None:
    words = GROUND_WORDS[grounds]
    try:
        refuse(deed, {p: f"cannot be closed as '{words}': {', '.join(facts)}" for p, facts in against.items() if facts})
    except RefusedError as error:
        raise RefusedError(f"{error} - choose other grounds, or override with a note") from None


def reopen(
    store: Store, partners: Sequence[int], *, actor: str, note: str, expect: dict[int, int] | None = None
) -> Done:
    """Reopen flagged or cleared cases; needs a note.

    Raises:
        ConflictError: a case moved on.
        RefusedError: a case is open already, or there is no note.
    """
    note = plain(note, "note")
    if not note:
        raise RefusedError("reopening needs a note that says why")
    with deciding(store, actor) as deed:
        cases = look(deed, partners, expect)
        # An open case whose closure was asked for is opened again by refusing it.
        is_open = {partner for partner, row in cases.items() if row.status == "open" and row.asked is None}
        refuse(deed, dict.fromkeys(is_open, "is open already"))
        seqs = [change(deed, partner, row, _opened(row), verb="reopen", note=note) for partner, row in cases.items()]
        return done(deed, seqs, f"reopened {named(deed, list(cases))}")


def _opened(row: Standing) -> Standing:
    return replace(row, status="open", grounds=None, rests_on=None, asked=None)


def system_reopen(connection: sqlite3.Connection, partner: int, reason: str, at: int) -> int | None:
    """Reopen a cleared case by the tool itself, inside the caller's write transaction.

    Args:
        reason: why, in words; it becomes the entry's note.
        at: now, microseconds UTC.

    Returns:
        The log entry's seq; None where the case is not cleared, and nothing was done.
    """
    row = standing(connection, partner)
    if row.status != "cleared":
        return None
    deed = Deed.of_system(connection, at)
    return change(deed, partner, row, _opened(row), verb="reopen", note=reason)


def add_note(store: Store, partners: Sequence[int], *, actor: str, note: str, privileged: bool = False) -> Done:
    """Append a note; never conflicts, and leaves the case's version alone.

    Raises:
        RefusedError: the note is empty.
    """
    note = plain(note, "note")
    if not note:
        raise RefusedError("an empty note was not recorded; write one")
    with deciding(store, actor) as deed:
        cases = look(deed, partners, None)
        seqs = [
            append(
                deed.connection,
                actor=deed.actor,
                verb="note",
                at=deed.at,
                partner=partner,
                partner_id=partner_id_of(deed.connection, partner),
                note=note,
                privileged=privileged,
                batch=deed.batch,
            )
            for partner in cases
        ]
        return done(deed, seqs, f"noted on {named(deed, list(cases))}")


def assign(
    store: Store,
    partners: Sequence[int],
    *,
    actor: str,
    assignee: str | None,
    note: str = "",
    expect: dict[int, int] | None = None,
) -> Done:
    """Give the cases to someone; None takes them back. Cases that are theirs already are left alone.

    Raises:
        ConflictError: a case moved on.
        RefusedError: there is nothing to change.
    """
    who = plain(assignee, "name of the assignee") or None
    note = plain(note, "note")
    with deciding(store, actor) as deed:
        cases = look(deed, partners, expect)
        changing = {partner: row for partner, row in cases.items() if row.assignee != who}
        if not changing:
            refuse(
                deed, dict.fromkeys(cases, "is assigned to nobody" if who is None else f"is assigned to {who} already")
            )
        seqs = [
            change(deed, partner, row, replace(row, assignee=who), verb="assign", note=note)
            for partner, row in changing.items()
        ]
        whom = named(deed, list(changing))
        return done(deed, seqs, f"took {whom} back from its assignee" if who is None else f"assigned {whom} to {who}")


def undo(
    store: Store,
    *,
    actor: str,
    partners: Sequence[int] | None = None,
    note: str = "",
    expect: dict[int, int] | None = None,
) -> Done:
    """Take back the actor's own last action (on these partners, where given), by appending its inverse.

    An action on several partners is taken back whole; where `partners` are given, only what it did to those.

    Raises:
        ConflictError: a case that would be set back moved on since `expect`.
        RefusedError: nothing of theirs to undo, or a later action of somebody else builds on it.
    """
    from store.case_undo import take_back

    return take_back(store, actor=actor, partners=partners, verb="undo", note=note, expect=expect)


def redo(
    store: Store,
    *,
    actor: str,
    partners: Sequence[int] | None = None,
    note: str = "",
    expect: dict[int, int] | None = None,
) -> Done:
    """Take back the actor's last undo, where nothing has happened to those cases since.

    Raises:
        ConflictError: a case moved on since `expect`.
        RefusedError: no undo of theirs to take back, or something happened to those cases since.
    """
    from store.case_undo import take_back

    return take_back(store, actor=actor, partners=partners, verb="redo", note=note, expect=expect)
