"""The log as plain rows, its chain and what it makes of the cases: worked out here, without the store's own code."""

import hashlib
import json
import sqlite3
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path
from typing import Any, NamedTuple

_COLUMNS = "seq, uuid, at, actor, verb, partner_id, before, after, note, privileged, batch, corrects"
_ENTRIES = f"SELECT {_COLUMNS}, previous_hash, hash FROM actions ORDER BY seq"
_CASES = "SELECT p.partner_id, c.status, c.assignee, c.version FROM cases c JOIN partners p ON p.id = c.partner"


class Entry(NamedTuple):
    """One row of `actions`."""

    seq: int
    uuid: str
    at: int
    actor: str
    verb: str
    partner_id: str | None
    before: str | None
    after: str | None
    note: str | None
    privileged: int
    batch: str
    corrects: int | None
    previous_hash: str
    hash: str


class Snapshot(NamedTuple):
    """What one moment's file says.

    Attributes:
        cases: partner id -> (status, assignee, version).
        steps: seq of a step's entry -> seq of the entry that took it back.
        findings: what SQLite's own checks say of it.
    """

    entries: list[Entry]
    cases: dict[str, tuple[str, str | None, int]]
    steps: dict[int, int | None]
    journal: str
    findings: list[object]


def snapshot(path: Path, *, check: bool = False) -> Snapshot:
    """Read the file as it is at one moment, other processes writing or not."""
    with closing(sqlite3.connect(f"{path.as_uri()}?mode=rw", uri=True, isolation_level=None, timeout=60)) as plain:
        plain.execute("BEGIN")
        entries = [Entry(*row) for row in plain.execute(_ENTRIES)]
        cases = {partner_id: (*case,) for partner_id, *case in plain.execute(_CASES)}
        steps = dict(plain.execute("SELECT seq, taken_back_by FROM audit_steps").fetchall())
        (journal,) = plain.execute("PRAGMA journal_mode").fetchone()
        findings: list[object] = []
        if check:
            findings += [row for row in plain.execute("PRAGMA integrity_check") if row != ("ok",)]
            findings += plain.execute("PRAGMA foreign_key_check").fetchall()
    return Snapshot(entries, cases, steps, journal, findings)


def assert_chained(entries: Iterable[Entry]) -> None:
    """The entries are numbered without a gap, and each one's hash follows from it and from the one before."""
    previous = "0" * 64
    for place, entry in enumerate(entries, 1):
        assert entry.seq == place
        assert entry.previous_hash == previous
        told = dict(zip(_COLUMNS.split(", ")[1:], entry[1:12], strict=True))
        told |= {"previous": previous, "privileged": bool(entry.privileged)}
        text = json.dumps(told, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
        previous = hashlib.sha256(text.encode("ascii")).hexdigest()
        assert entry.hash == previous, entry


def assert_replayed(now: Snapshot) -> None:
    """The cases and the steps are what the log's entries, taken one after the other, make of them."""
    standing: dict[str, tuple[str, str | None, int]] = {}
    earlier: dict[int, tuple[str, str | None, int]] = {}
    by_seq = {entry.seq: entry for entry in now.entries}
    steps: dict[int, int | None] = {}
    for entry in now.entries:
        if entry.partner_id is None:
            continue
        root = entry
        while root.corrects is not None:
            root = by_seq[root.corrects]
        if entry.verb == "step":
            steps[entry.seq] = None
        elif root.verb == "step":
            steps[root.seq] = entry.seq if entry.verb == "undo" else None
        before = standing.get(entry.partner_id, ("open", None, 0))
        earlier[entry.seq] = before
        if root.verb == "note":
            assert entry.before is None, entry
            continue
        status, assignee, version = _after(entry, before, earlier)
        assert _told(entry.before) == before, entry
        assert _told(entry.after) == (status, assignee, version), entry
        standing[entry.partner_id] = (status, assignee, version)
    assert now.cases == standing
    assert now.steps == steps


def _after(
    entry: Entry, before: tuple[str, str | None, int], earlier: dict[int, tuple[str, str | None, int]]
) -> tuple[str, str | None, int]:
    status, assignee, version = before
    if entry.verb == "flag":
        assert status == "open", entry
        status = "flagged"
    elif entry.verb == "reopen":
        assert status != "open", entry
        status = "open"
    elif entry.verb == "assign":
        assignee = _document(entry.after)["assignee"]
    elif entry.verb in ("undo", "redo"):
        assert entry.corrects is not None
        status, assignee, _ = earlier[entry.corrects]
    else:
        assert entry.verb == "step", entry
    return status, assignee, version + 1


def _document(text: str | None) -> dict[str, Any]:
    document = json.loads(text or "{}")
    assert isinstance(document, dict)
    return document


def _told(text: str | None) -> tuple[str, str | None, int]:
    document = _document(text)
    return document["status"], document["assignee"], document["version"]


def dump(path: Path) -> dict[str, list[tuple[object, ...]]]:
    """Every row of every table; SQLite finds the file whole."""
    with closing(sqlite3.connect(f"{path.as_uri()}?mode=rw", uri=True)) as plain:
        assert plain.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        names = [name for (name,) in plain.execute("SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name")]
        return {name: sorted(plain.execute(f'SELECT * FROM "{name}"').fetchall(), key=repr) for name in names}
