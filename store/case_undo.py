"""Undo and redo: the inverse of a person's own last action, appended to the log; nothing is ever deleted.

An entry is taken back at most once. An undo of an undo is a redo, and a redo can be undone again.
"""

import json
import sqlite3
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

from store import closing
from store.case_changes import (
    Deed,
    Done,
    Standing,
    change,
    deciding,
    done,
    look,
    named,
    past,
    plain,
    refuse,
    standing,
    to_the_second,
)
from store.connection import Store
from store.errors import RefusedError
from store.ledger import append
from store.sample_rows import refuse_taking_back
from store.words import step_words

if TYPE_CHECKING:
    from store.reopening import CaseFacts

_TAKES_BACK = {
    "undo": ("flag", "clear", "ask", "reopen", "note", "assign", "step", "sample", "redo"),
    "redo": ("undo",),
}
# They leave the case at its version, so that nothing that changed it stands upon them.
_BESIDE_THE_CASE = ("note", "sample")
_ACTIVE = {
    "flag": "flagged",
    "clear": "closed",
    "ask": "asked to close",
    "reopen": "reopened",
    "note": "noted on",
    "assign": "assigned",
    "sample": "drew a sample of",
}


class Entry(NamedTuple):
    """A log entry as undoing sees it; `before` and `after` are JSON text."""

    seq: int
    at: int
    actor: str
    verb: str
    partner: int | None
    partner_id: str | None
    before: str | None
    after: str | None
    corrects: int | None


_LAST = """
SELECT seq, at, actor, verb, partner, partner_id, before, after, corrects
FROM actions
WHERE batch = (
    SELECT batch FROM actions
    WHERE actor = :actor AND verb IN (SELECT value FROM json_each(:verbs))
      AND seq NOT IN (SELECT corrects FROM actions WHERE corrects IS NOT NULL)
      AND (:partners IS NULL OR partner IN (SELECT value FROM json_each(:partners)))
    ORDER BY seq DESC LIMIT 1)
  AND seq NOT IN (SELECT corrects FROM actions WHERE corrects IS NOT NULL)
  AND (:partners IS NULL OR partner IN (SELECT value FROM json_each(:partners)))
ORDER BY seq
"""
_SINCE = """
SELECT seq, at, actor, verb, partner, partner_id, before, after, corrects
FROM actions WHERE partner = ? AND seq > ? ORDER BY seq
"""
_ONE = "SELECT seq, at, actor, verb, partner, partner_id, before, after, corrects FROM actions WHERE seq = ?"
_TAKE_STEP_BACK = "UPDATE audit_steps SET taken_back_by = ? WHERE seq = ?"


def take_back(
    store: Store,
    *,
    actor: str,
    partners: Sequence[int] | None,
    verb: str,
    note: str = "",
    expect: Mapping[int, int] | None = None,
) -> Done:
    """Append the inverse of the actor's own last action (`undo`), or of their last undo (`redo`).

    Args:
        note: why; it follows the reference to what is corrected.
        expect: internal id -> version the caller saw, of the cases that this would change.

    Raises:
        ConflictError: a case moved on since `expect`.
        RefusedError: there is none, something happened to those cases since, or a closure that it would bring back
            no longer holds.
    """
    note = plain(note, "note")
    with deciding(store, actor) as deed:
        entries = _last_entries(deed, partners, verb)
        if not entries:
            where = " on these partners" if partners else ""
            what = "nothing of yours to undo" if verb == "undo" else "no undo of yours to take back"
            raise RefusedError(f"there is {what}{where}")
        roots = {entry.seq: _root(deed.connection, entry) for entry in entries}
        cases = [entry.partner for entry in entries if entry.partner is not None]
        if cases:
            look(deed, cases, expect)
        _refuse_built_upon(deed, entries, roots, verb)
        facts = _facts_about_returning(deed.connection, entries)
        seqs = [_invert(deed, entry, roots[entry.seq], facts, verb=verb, why=note) for entry in entries]
        first = next(iter(roots.values()))
        told = f"{_told(first)} {named(deed, cases)}" if cases else _told(first)
        numbers = f"#{entries[0].seq}" if len(entries) == 1 else f"#{entries[0].seq}-{entries[-1].seq}"
        return done(deed, seqs, f"{'undid' if verb == 'undo' else 'redid'} {numbers}: {told}")


def _last_entries(deed: Deed, partners: Sequence[int] | None, verb: str) -> list[Entry]:
    values = {
        "actor": deed.actor,
        "verbs": json.dumps(_TAKES_BACK[verb]),
        "partners": json.dumps(list(partners)) if partners else None,
    }
    return [Entry(*row) for row in deed.connection.execute(_LAST, values)]


def _root(connection: sqlite3.Connection, entry: Entry) -> Entry:
    """The action at the bottom of a chain of undos and redos."""
    while entry.corrects is not None:
        entry = Entry(*connection.execute(_ONE, (entry.corrects,)).fetchone())
    return entry


def _changes_since(connection: sqlite3.Connection, partner: int, seq: int) -> list[Entry]:
    """What changed the case since an entry and still stands: an action taken back, and its undo, cancel out."""
    taken_back: set[int] = set()
    standing_changes = []
    for row in reversed(connection.execute(_SINCE, (partner, seq)).fetchall()):
        entry = Entry(*row)
        if entry.seq in taken_back:
            continue
        if entry.corrects is not None:
            taken_back.add(entry.corrects)
            if entry.corrects > seq:
                continue
        if entry.after is not None and "version" in json.loads(entry.after):
            standing_changes.append(entry)
    return standing_changes


def _refuse_built_upon(deed: Deed, entries: Sequence[Entry], roots: dict[int, Entry], verb: str) -> None:
    reasons = {}
    for entry in entries:
        root = roots[entry.seq]
        refuse_taking_back(deed.connection, verb, root.verb, root.seq, root.after)
        if entry.partner is None or root.verb in _BESIDE_THE_CASE:
            continue
        since = _changes_since(deed.connection, entry.partner, entry.seq)
        if since:
            latest = since[0]
            reasons[entry.partner] = (
                f"was {past(latest.verb, latest.after)} by {latest.actor} at {to_the_second(latest.at)} "
                f"(#{latest.seq}), after your #{entry.seq}"
            )
    try:
        refuse(deed, reasons)
    except RefusedError as error:
        raise RefusedError(f"cannot {verb}: {error}; act on the case as it is now") from None


def _facts_about_returning(connection: sqlite3.Connection, entries: Sequence[Entry]) -> "dict[int, CaseFacts]":
    """Of the cases that would be closed again, what the evidence says today."""
    returning = {}
    for entry in entries:
        before = json.loads(entry.before or "{}")
        if (
            entry.partner is not None
            and before.get("status") == "cleared"
            and standing(connection, entry.partner).status != "cleared"
        ):
            returning[entry.partner] = closing.coverage_range(before["rests_on"])
    return closing.gather_facts(connection, returning) if returning else {}


def _invert(deed: Deed, entry: Entry, root: Entry, facts: "dict[int, CaseFacts]", *, verb: str, why: str) -> int:
    note = f"corrects #{entry.seq}: {why}" if why else f"corrects #{entry.seq}"
    details = {"corrected": {"seq": root.seq, "verb": root.verb, "in_force": verb == "redo"}}
    if entry.partner is None or root.verb in _BESIDE_THE_CASE:
        seq = append(
            deed.connection,
            actor=deed.actor,
            verb=verb,
            at=deed.at,
            partner=entry.partner,
            partner_id=entry.partner_id,
            after=json.dumps(details),
            note=note,
            batch=deed.batch,
            corrects=entry.seq,
        )
    else:
        seq = _restore(deed, entry, entry.partner, facts.get(entry.partner), verb=verb, note=note, details=details)
    if root.verb == "step":
        deed.connection.execute(_TAKE_STEP_BACK, (seq if verb == "undo" else None, root.seq))
    return seq


def _restore(
    deed: Deed,
    entry: Entry,
    partner: int,
    facts: "CaseFacts | None",
    *,
    verb: str,
    note: str,
    details: dict[str, dict[str, object]],
) -> int:
    """Put the case back to what it was before the entry, one version up."""
    document = json.loads(entry.before or "{}")
    after = Standing.of_document(document)
    now = standing(deed.connection, partner)
    if facts is None or after.grounds is None or after.rests_on is None:
        return change(deed, partner, now, after, verb=verb, note=note, corrects=entry.seq, details=details)
    known = closing.known_when_closed(deed.connection, partner, entry.seq)
    against = closing.objections_to_restoring(deed.connection, partner, after.grounds, facts, known, after.rests_on)
    if against:
        refuse(deed, {partner: f"cannot be closed again by {verb}: {', '.join(against)}; close it anew"})
    told = {**details, **closing.known_document(known)}
    seq = change(deed, partner, now, after, verb=verb, note=note, corrects=entry.seq, details=told)
    closing.record_closure(deed.connection, partner, seq, known)
    return seq


def _told(root: Entry) -> str:
    if root.verb == "step":
        return f"recorded '{step_words(json.loads(root.after or '{}')['step']['step'])}'"
    return _ACTIVE[root.verb]
