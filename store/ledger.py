"""The action log: what each person did, when, to which case; append-only and hash-chained.

It is tamper-evident, not tamper-proof: a chain alone cannot see that its tail was cut.
"""

import hashlib
import json
import sqlite3
import uuid as uuids
from collections.abc import Mapping
from contextlib import suppress
from typing import NamedTuple

from store.connection import Store
from store.instants import format_instant

GENESIS = "0" * 64
SYSTEM = "system"


class Action(NamedTuple):
    """One entry of the log.

    Attributes:
        seq: its place; actions are ordered by it, never by the clock.
        at: when it was recorded, microseconds UTC by that machine's clock.
        before: the case before, as JSON; None where the action has none.
        after: the case after, or what was done, as JSON.
        privileged: the note stays out of reports.
        batch: shared by the entries that one key press made; one undo takes them all back.
        corrects: the entry that this one takes back.
        hash: SHA-256 over the entry and the hash of the one before it.
    """

    seq: int
    uuid: str
    at: int
    actor: str
    verb: str
    partner_id: str | None
    before: str | None
    after: str | None
    note: str | None
    privileged: bool
    batch: str
    corrects: int | None
    hash: str


def entry_hash(
    previous: str,
    *,
    uuid: str,
    at: int,
    actor: str,
    verb: str,
    partner_id: str | None,
    before: str | None,
    after: str | None,
    note: str | None,
    privileged: bool,
    batch: str,
    corrects: int | None,
) -> str:
    """The chain's hash of one entry: SHA-256 of its canonical JSON (sorted keys, no blanks, ASCII)."""
    entry = {
        "previous": previous,
        "uuid": uuid,
        "at": at,
        "actor": actor,
        "verb": verb,
        "partner_id": partner_id,
        "before": before,
        "after": after,
        "note": note,
        "privileged": privileged,
        "batch": batch,
        "corrects": corrects,
    }
    return hashlib.sha256(canonical(entry).encode("ascii")).hexdigest()


def canonical(value: object) -> str:
    """The one JSON text of a value: keys sorted, no blanks, ASCII."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True)


_HEAD = "SELECT hash FROM actions ORDER BY seq DESC LIMIT 1"
_APPEND = """
INSERT INTO actions(uuid, at, actor, verb, partner, partner_id, before, after, note, privileged, batch, corrects,
  previous_hash, hash)
VALUES (:uuid, :at, :actor, :verb, :partner, :partner_id, :before, :after, :note, :privileged, :batch, :corrects,
  :previous_hash, :hash)
RETURNING seq
"""


def append(
    connection: sqlite3.Connection,
    *,
    actor: str,
    verb: str,
    at: int,
    partner: int | None = None,
    partner_id: str | None = None,
    before: str | None = None,
    after: str | None = None,
    note: str | None = None,
    privileged: bool = False,
    batch: str | None = None,
    corrects: int | None = None,
    uuid: str | None = None,
) -> int:
    """Append one entry inside the caller's write transaction, and return its seq.

    Args:
        connection: the writing connection, inside `Store.writing`.
        partner: the partner's internal id, for a case's entry; `partner_id` is its outside name at the time.
        before: JSON text; likewise `after`. Kept in its canonical form, so that a copy of the log can be checked.
        batch: shared by entries that belong together; a fresh one when not given.
        uuid: given by a caller that must be able to ask later whether its action got through.
    """
    head = connection.execute(_HEAD).fetchone()
    previous = GENESIS if head is None else str(head[0])
    uuid = uuid or str(uuids.uuid4())
    batch = batch or uuid
    before, after = (None if text is None else canonical(json.loads(text)) for text in (before, after))
    digest = entry_hash(
        previous,
        uuid=uuid,
        at=at,
        actor=actor,
        verb=verb,
        partner_id=partner_id,
        before=before,
        after=after,
        note=note,
        privileged=privileged,
        batch=batch,
        corrects=corrects,
    )
    values = {
        "uuid": uuid,
        "at": at,
        "actor": actor,
        "verb": verb,
        "partner": partner,
        "partner_id": partner_id,
        "before": before,
        "after": after,
        "note": note,
        "privileged": int(privileged),
        "batch": batch,
        "corrects": corrects,
        "previous_hash": previous,
        "hash": digest,
    }
    (seq,) = connection.execute(_APPEND, values).fetchone()
    return int(seq)


_ACTIONS = """
SELECT seq, uuid, at, actor, verb, partner_id, before, after, note, privileged, batch, corrects, hash
FROM actions
WHERE (:partner IS NULL OR partner = :partner) AND seq >= :from_seq
ORDER BY seq
"""


def actions(store: Store, *, partner: int | None = None, from_seq: int = 0) -> list[Action]:
    """The log, complete and oldest first.

    Args:
        partner: only the entries of this partner's case (internal id).
        from_seq: only this entry and later ones.
    """
    with store.reading() as connection:
        rows = connection.execute(_ACTIONS, {"partner": partner, "from_seq": from_seq}).fetchall()
    return [Action._make((*row[:9], bool(row[9]), *row[10:])) for row in rows]


_LAST_SEQ = "SELECT coalesce(max(seq), 0) FROM actions"


def last_seq(connection: sqlite3.Connection) -> int:
    """The number of the log's last entry; 0 before the first."""
    (seq,) = connection.execute(_LAST_SEQ).fetchone()
    return int(seq)


_SET_BACK = """
SELECT seq, previous - at
FROM (SELECT seq, at, lag(at) OVER (ORDER BY seq) AS previous FROM actions)
WHERE at < previous
ORDER BY seq
"""


def clock_went_back(store: Store) -> dict[int, int]:
    """The entries recorded at an earlier time than the entry before them: seq -> by how much, in microseconds.

    It is asked of the whole log, also for the entries of one case: the entry before one is mostly another case's.
    """
    with store.reading() as connection:
        return dict(connection.execute(_SET_BACK).fetchall())


def action_document(action: Action, *, set_back: Mapping[int, int]) -> dict[str, object]:
    """One entry as `python -m store log --json` prints it; `before` and `after` are JSON values there, not text.

    With it, and the entry before it, its hash can be computed again: `store.verify_log` does. Where the stored text
    is not the canonical one, as an older version of the program wrote it, `before_text` and `after_text` tell it.

    Args:
        action: the entry.
        set_back: what `clock_went_back` answers.
    """
    document = action._asdict() | {"clock_went_back": set_back.get(action.seq)}
    with suppress(OverflowError):
        document["at"] = format_instant(action.at)
    for name, text in (("before", action.before), ("after", action.after)):
        document[name], is_canonical = _value_of(text)
        if not is_canonical:
            document[f"{name}_text"] = text
    return document


def _value_of(text: str | None) -> tuple[object, bool]:
    """What a JSON text says, and whether it is the canonical text of that; None where it is no JSON."""
    if text is None:
        return None, True
    try:
        value = json.loads(text)
        # Python reads `NaN` and `1e999`, which are no JSON.
        json.dumps(value, allow_nan=False)
        return value, canonical(value) == text
    except (ValueError, RecursionError):
        return None, False
