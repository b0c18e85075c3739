"""The one way a case changes: read it, compare versions, write its row, append to the log, in one transaction.

It knows no rules of its own about who may do what when: see `store.cases`, `store.case_undo`, `store.audit_steps`.
"""

import json
import sqlite3
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

from store.connection import Store
from store.errors import ConflictError, RefusedError, UsageError
from store.instants import MICROSECONDS_PER_SECOND, format_instant, now
from store.ledger import SYSTEM, append
from store.names import partner_id_of, partner_name
from store.words import status_words, step_words

_NAMED_IN_REFUSALS = 3
_PAST = {
    "flag": "flagged",
    "clear": "closed",
    "ask": "asked to be closed",
    "reopen": "reopened",
    "assign": "assigned",
    "note": "noted",
    "undo": "set back by an undo",
    "redo": "changed by a redo",
}


@dataclass(frozen=True, slots=True)
class Done:
    """What an action did: its log entries and one line to show, e.g. `#412 14:02Z ana: flagged Ribbon Social`."""

    seqs: tuple[int, ...]
    batch: str
    line: str


@dataclass(frozen=True, slots=True)
class Standing:
    """A case's row, or what stands for it while nobody has touched it.

    Attributes:
        rests_on: of a cleared case, JSON text: the coverage and facts its closure rested on.
        asked: JSON text, where somebody asked to close it and a second person has not yet: who, on which grounds.
    """

    status: str = "open"
    grounds: str | None = None
    assignee: str | None = None
    version: int = 0
    rests_on: str | None = None
    asked: str | None = None

    def document(self) -> dict[str, object]:
        """The case as the log's `before` and `after` hold it."""
        document: dict[str, object] = {
            "status": self.status,
            "grounds": self.grounds,
            "assignee": self.assignee,
            "version": self.version,
        }
        if self.rests_on is not None:
            document["rests_on"] = json.loads(self.rests_on)
        if self.asked is not None:
            document["asked"] = json.loads(self.asked)
        return document

    @classmethod
    def of_document(cls, document: Mapping[str, Any]) -> "Standing":
        """The case that the log's `before` or `after` tells of."""
        rests_on, asked = (
            None if (value := document.get(name)) is None else json.dumps(value) for name in ("rests_on", "asked")
        )
        return cls(document["status"], document["grounds"], document["assignee"], document["version"], rests_on, asked)

    @property
    def overridden(self) -> bool:
        """Whether it was closed although the evidence contradicted its grounds."""
        return bool(self.rests_on and json.loads(self.rests_on).get("override"))


@dataclass(frozen=True, slots=True)
class Deed:
    """One action being done: its transaction, who does it, and when (microseconds UTC).

    Attributes:
        batch: shared by all its log entries.
    """

    connection: sqlite3.Connection
    actor: str
    at: int
    batch: str

    @classmethod
    def of_system(cls, connection: sqlite3.Connection, at: int) -> "Deed":
        """An action of the tool itself, inside a transaction that somebody else opened."""
        return cls(connection, SYSTEM, at, str(uuid.uuid4()))


_STANDING = "SELECT status, grounds, assignee, version, rests_on, asked FROM cases WHERE partner = ?"
_WRITE = """
INSERT INTO cases(partner, status, grounds, assignee, version, rests_on, asked)
VALUES (:partner, :status, :grounds, :assignee, :version, :rests_on, :asked)
ON CONFLICT(partner) DO UPDATE SET
  status = excluded.status,
  grounds = excluded.grounds,
  assignee = excluded.assignee,
  version = excluded.version,
  rests_on = excluded.rests_on,
  asked = excluded.asked
"""
# Only an entry that changed the case tells its version afterwards: a note does not.
_LAST_CHANGE = """
SELECT at, actor, verb, after FROM actions
WHERE partner = ? AND json_extract(after, '$.version') IS NOT NULL
ORDER BY seq DESC LIMIT 1
"""
_AT_VERSION = "SELECT seq, after FROM actions WHERE partner = ? AND json_extract(after, '$.version') = ? ORDER BY seq"


@contextmanager
def deciding(store: Store, actor: str) -> Iterator[Deed]:
    """One write transaction for one action of a person: everything in it happens, or nothing.

    Raises:
        UsageError: the actor's name is empty, unreadable, or the tool's own.
    """
    name = plain(actor, "name of who acts")
    if not name:
        raise UsageError("nobody acts: give your name with --as")
    if name == SYSTEM:
        raise UsageError(f"{SYSTEM!r} is the tool's own name in the record; act under yours, with --as")
    with store.writing() as connection:
        yield Deed(connection, name, now(), str(uuid.uuid4()))


def plain(text: str | None, what: str) -> str:
    """The text trimmed.

    Raises:
        UsageError: it holds something that is not Unicode text, such as bytes of another encoding.
    """
    trimmed = (text or "").strip()
    try:
        trimmed.encode("utf-8")
    except UnicodeEncodeError as error:
        raise UsageError(f"the {what} is not valid UTF-8; type it again") from error
    return trimmed


def one_line(text: str | None, what: str) -> str:
    """The text trimmed, which is to be one line.

    Raises:
        UsageError: it is more than one line, or no text.
    """
    trimmed = plain(text, what)
    if "\0" in trimmed or len(trimmed.splitlines()) > 1:
        raise UsageError(f"the {what} is to be one line of text")
    return trimmed


def standing(connection: sqlite3.Connection, partner: int) -> Standing:
    """The case of a partner as it stands."""
    row = connection.execute(_STANDING, (partner,)).fetchone()
    return Standing() if row is None else Standing(*row)


def standing_at(connection: sqlite3.Connection, partner: int, version: int) -> tuple[int, Standing]:
    """The case as it was at a version, and the seq of the log entry that made it so; 0 before the first entry."""
    row = connection.execute(_AT_VERSION, (partner, version)).fetchone()
    return (0, Standing(version=version)) if row is None else (int(row[0]), Standing.of_document(json.loads(row[1])))


def differences(before: Standing, after: Standing) -> list[str]:
    """What changed between two standings, in words: `open -> flagged`, `assignee nobody -> bo`."""
    told = []
    words = [status_words(each.status, each.grounds, override=each.overridden) for each in (before, after)]
    if words[0] != words[1]:
        told.append(" -> ".join(words))
    if before.assignee != after.assignee:
        told.append(f"assignee {before.assignee or 'nobody'} -> {after.assignee or 'nobody'}")
    return told


def look(deed: Deed, partners: Sequence[int], expect: Mapping[int, int] | None) -> dict[int, Standing]:
    """The cases an action is about, each once, in the order given.

    Args:
        partners: internal ids.
        expect: internal id -> version the caller saw.

    Raises:
        UsageError: no partner was named, or one does not exist.
        ConflictError: a case moved on; the message says who moved it, how and when.
    """
    if not partners:
        raise UsageError("no partner was named; name at least one")
    for partner in partners:
        partner_id_of(deed.connection, partner)
    cases = {partner: standing(deed.connection, partner) for partner in partners}
    seen = expect or {}
    moved = [partner for partner, case in cases.items() if seen.get(partner, case.version) != case.version]
    if moved:
        raise ConflictError(_conflict(deed.connection, moved, cases, seen))
    return cases


def refuse(deed: Deed, reasons: Mapping[int, str]) -> None:
    """Refuse the whole action when there is a reason for any of its partners.

    Raises:
        RefusedError: naming the first few partners, each with its reason.
    """
    if not reasons:
        return
    named = list(reasons.items())[:_NAMED_IN_REFUSALS]
    told = "; ".join(f"{partner_name(deed.connection, partner).name} {reason}" for partner, reason in named)
    rest = len(reasons) - len(named)
    raise RefusedError(f"{told}; and {rest} more" if rest else told)


def change(
    deed: Deed,
    partner: int,
    before: Standing,
    after: Standing,
    *,
    verb: str,
    note: str = "",
    corrects: int | None = None,
    details: Mapping[str, object] | None = None,
) -> int:
    """Write a case's row, one version up, and its log entry; returns the entry's seq.

    Args:
        after: its version is ignored: the case's version only ever rises.
        details: what else the entry's `after` tells.
    """
    written = replace(after, version=before.version + 1)
    row = {
        "partner": partner,
        "status": written.status,
        "grounds": written.grounds,
        "assignee": written.assignee,
        "version": written.version,
        "rests_on": written.rests_on,
        "asked": written.asked,
    }
    deed.connection.execute(_WRITE, row)
    return append(
        deed.connection,
        actor=deed.actor,
        verb=verb,
        at=deed.at,
        partner=partner,
        partner_id=partner_id_of(deed.connection, partner),
        before=json.dumps(before.document()),
        after=json.dumps({**written.document(), **(details or {})}),
        note=note or None,
        batch=deed.batch,
        corrects=corrects,
    )


def done(deed: Deed, seqs: Sequence[int], what: str) -> Done:
    """The action's account of itself: `#412-414 14:02Z ana: flagged Ribbon Social and 2 more`."""
    numbers = f"#{seqs[0]}" if len(seqs) == 1 else f"#{seqs[0]}-{seqs[-1]}"
    clock = format_instant(deed.at)[11:16]
    return Done(tuple(seqs), deed.batch, f"{numbers} {clock}Z {deed.actor}: {what}")


def named(deed: Deed, partners: Sequence[int]) -> str:
    """`Ribbon Social and 2 more`."""
    first = partner_name(deed.connection, partners[0]).name
    return first if len(partners) == 1 else f"{first} and {len(partners) - 1} more"


def to_the_second(at: int) -> str:
    """The instant as a message tells it: ISO 8601, cut to the second."""
    return format_instant(at - at % MICROSECONDS_PER_SECOND)


def past(verb: str, after: str | None) -> str:
    """What an entry did to its case, for `X was ... by ana`."""
    document = json.loads(after) if after else {}
    if verb == "step" and "step" in document:
        return f"given the step '{step_words(document['step']['step'])}'"
    return _PAST.get(verb, f"changed ({verb})")


def last_change(connection: sqlite3.Connection, partner: int) -> tuple[int, str, str] | None:
    """The entry that last changed the case: when (microseconds UTC), by whom, and what it did; None before any."""
    row = connection.execute(_LAST_CHANGE, (partner,)).fetchone()
    return None if row is None else (int(row[0]), str(row[1]), past(row[2], row[3]))


def _conflict(
    connection: sqlite3.Connection, moved: Sequence[int], cases: Mapping[int, Standing], seen: Mapping[int, int]
) -> str:
    first = moved[0]
    name = partner_name(connection, first).name
    latest = last_change(connection, first)
    entry, before = standing_at(connection, first, seen[first])
    known = entry > 0 or seen[first] == 0
    changed = "".join(f"; {words}" for words in differences(before, cases[first])) if known else ""
    versions = f"(version {cases[first].version}, you saw {seen[first]}{changed})"
    if latest is None:
        told = f"{name} is not as you saw it {versions}"
    else:
        at, actor, what = latest
        told = f"{name} was {what} by {actor} at {to_the_second(at)} since you looked {versions}"
    others = f"; {len(moved) - 1} more moved on too" if len(moved) > 1 else ""
    return f"{told}{others}; look again"
