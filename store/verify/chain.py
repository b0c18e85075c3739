"""The log alone: that its entries are all there, in their order, in their one form, each chained to the one before."""

import sqlite3
from collections.abc import Iterator, Sequence
from itertools import pairwise

from store.instants import MICROSECONDS_PER_SECOND
from store.ledger import GENESIS, canonical, entry_hash
from store.verify.checks import Context, Finding, Findings, valued
from store.verify.entries import Entry
from store.words import counted

_SEQUENCE = "SELECT seq FROM sqlite_sequence WHERE name = 'actions'"
_COUNT = "SELECT count(*), coalesce(max(seq), 0) FROM actions"
_NAMES = """
SELECT p.id, p.partner_id, a.app_id FROM partners p LEFT JOIN apps a ON a.id = p.app
"""
_UNCLAIMED = "app:"
# From this schema on, entries are written in canonical form.
_FIRST_CANONICAL_SCHEMA = 2


def check_chain(connection: sqlite3.Connection, context: Context) -> Findings:
    """Every entry of the log, one after the other."""
    entries = context.entries(connection)
    for wrong in context.unreadable_entries(connection):
        yield Finding(wrong)
    yield from _tail(connection)
    if not entries:
        yield Finding("the log is empty: not even its first entry, `init`, is there")
        return ""
    if entries[0].verb != "init":
        yield Finding(f"entry #{entries[0].seq}: the log begins with {valued(entries[0].verb)}, not with 'init'")
    plain_until = _last_plain_seq(entries)
    names = _names(connection)
    previous_seq, previous_hash = 0, GENESIS
    seen: dict[str, int] = {}
    for entry in entries:
        if entry.seq != previous_seq + 1:
            yield Finding(_gap(previous_seq, entry.seq))
        yield from _link(entry, previous_hash)
        yield from _form(entry, canonical_form=entry.seq > plain_until)
        if entry.uuid in seen:
            yield Finding(f"entry #{entry.seq}: it bears the uuid of entry #{seen[entry.uuid]}")
        seen.setdefault(entry.uuid, entry.seq)
        if entry.corrects is not None and not 0 < entry.corrects < entry.seq:
            yield Finding(f"entry #{entry.seq}: it corrects #{entry.corrects}, which is not before it")
        if not _is_named(entry, names):
            yield Finding(
                f"entry #{entry.seq}: it is about {valued(entry.partner_id)}, and stands in the case of"
                f" partner {valued(entry.partner)}"
            )
        previous_seq, previous_hash = entry.seq, entry.hash
    yield from _clock(entries)
    return f"{counted(len(entries), 'entry', 'entries')}, each chained to the one before"


def _tail(connection: sqlite3.Connection) -> Iterator[Finding]:
    count, last = connection.execute(_COUNT).fetchone()
    given = connection.execute(_SEQUENCE).fetchall()
    if len(given) != 1 or not isinstance(given[0][0], int):
        yield Finding("table sqlite_sequence: it does not say which entry was the last to be written")
    elif given[0][0] > last:
        yield Finding(f"entries #{last + 1} to #{given[0][0]} were written and are not there: the log's end was cut")
    elif given[0][0] < last:
        yield Finding(f"table sqlite_sequence: it says that #{given[0][0]} is the last entry, the log says #{last}")
    if count > last:
        yield Finding(f"the log has {count:,} entries, and its last is #{last}")


def _gap(previous: int, seq: int) -> str:
    if seq == previous + 2:
        return f"entry #{previous + 1} is missing"
    return f"entries #{previous + 1} to #{seq - 1} are missing" if seq > previous else f"entry #{seq}: no such place"


def _link(entry: Entry, previous: str) -> Iterator[Finding]:
    if entry.previous_hash != previous:
        yield Finding(f"entry #{entry.seq}: it does not follow the entry before it")
    digest = entry_hash(
        entry.previous_hash,
        uuid=entry.uuid,
        at=entry.at,
        actor=entry.actor,
        verb=entry.verb,
        partner_id=entry.partner_id,
        before=entry.before_text,
        after=entry.after_text,
        note=entry.note,
        privileged=bool(entry.privileged),
        batch=entry.batch,
        corrects=entry.corrects,
    )
    if digest != entry.hash:
        yield Finding(f"entry #{entry.seq}: its hash is not that of what it says ({entry.verb} by {entry.actor})")


def _form(entry: Entry, *, canonical_form: bool) -> Iterator[Finding]:
    if entry.privileged not in (0, 1):
        yield Finding(f"entry #{entry.seq}: its privileged is {entry.privileged}, neither 0 nor 1")
    if not canonical_form:
        return
    for name, text, value in (
        ("before", entry.before_text, entry.before),
        ("after", entry.after_text, entry.after),
    ):
        if text is not None and text != canonical(value):
            yield Finding(f"entry #{entry.seq}: its {name} is not in canonical form")


def _last_plain_seq(entries: Sequence[Entry]) -> int:
    """The last entry that was written before the log had a canonical form; 0 where all were written in it."""
    if entries[0].told("uuid") is not None:
        return 0
    upgrades = [
        entry.seq
        for entry in entries
        if entry.verb == "upgrade" and _schema_before(entry.before) < _FIRST_CANONICAL_SCHEMA
    ]
    return max(upgrades, default=0)


def _schema_before(before: object) -> int:
    schema = before.get("schema") if isinstance(before, dict) else None
    return schema if isinstance(schema, int) else _FIRST_CANONICAL_SCHEMA


def _names(connection: sqlite3.Connection) -> dict[int, tuple[str | None, str | None]]:
    return {partner: (partner_id, app_id) for partner, partner_id, app_id in connection.execute(_NAMES)}


def _is_named(entry: Entry, names: dict[int, tuple[str | None, str | None]]) -> bool:
    """Whether an entry's internal partner can have had the outside name that the entry says."""
    if entry.partner is None:
        return entry.partner_id is None
    if entry.partner not in names or entry.partner_id is None:
        return False
    partner_id, app_id = names[entry.partner]
    if partner_id is not None:
        return entry.partner_id == partner_id
    prefix = entry.partner_id.removesuffix(app_id or "")
    return bool(prefix) and prefix == _UNCLAIMED * (len(prefix) // len(_UNCLAIMED))


def _clock(entries: Sequence[Entry]) -> Iterator[Finding]:
    for before, entry in pairwise(entries):
        if entry.at < before.at:
            seconds = (before.at - entry.at) / MICROSECONDS_PER_SECOND
            yield Finding(f"the clock went back {seconds:,.6g} s before entry #{entry.seq}", is_fault=False)
