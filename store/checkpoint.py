"""A checkpoint: what the action log had come to at one time, to be kept elsewhere.

A chain alone cannot see that its end was cut, or that all of it was written anew. Whoever holds a checkpoint can.
"""

import hashlib
import json
import re
import sqlite3
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from store.connection import Store
from store.errors import RefusedError
from store.instants import format_instant, parse_instant
from store.reading_files import read_json_file
from store.writing_files import write_file

FORMAT, VERSION = "overscope checkpoint", 1
COUNTED = ("records", "accepted", "duplicates", "quarantined", "skipped")
_LARGEST = 1 << 20
_HASH = re.compile(r"[0-9a-f]{64}")

_HEAD = "SELECT seq, hash, at FROM actions ORDER BY seq DESC LIMIT 1"
_INCIDENT = "SELECT uuid, name FROM incident"


class Head(NamedTuple):
    """The last entry of a log: its place, its hash, and when it was recorded (microseconds UTC)."""

    seq: int
    hash: str
    at: int

    def document(self) -> dict[str, object]:
        """The head as `verify --json` prints it; a time that no calendar has stays a number."""
        try:
            at: object = format_instant(self.at)
        except (OverflowError, TypeError):
            at = self.at
        return {"seq": self.seq, "hash": self.hash, "at": at}


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """What a log had come to.

    Attributes:
        incident: uuid of the incident; `name` is what it was called.
        seq: of the last entry; `hash` and `at` (microseconds UTC) are that entry's.
        counts: entries, imports, voided imports, and the records of the imports, as the entries tell them.
        evidence: one hash over what every import's evidence hashes to.
        tool: the version of the program that took it.
    """

    incident: str
    name: str
    seq: int
    hash: str
    at: int
    counts: Mapping[str, int]
    evidence: str
    tool: str


def head_of(connection: sqlite3.Connection) -> Head | None:
    """The log's last entry; None where there is none, or the log cannot be read as one."""
    try:
        row = connection.execute(_HEAD).fetchone()
    except sqlite3.OperationalError:
        return None
    return None if row is None else Head(*row)


def take_checkpoint(store: Store) -> Checkpoint:
    """What the log has come to now. Nothing is written into the store.

    Raises:
        RefusedError: the log itself does not hold: a checkpoint would vouch for it.
    """
    from store.verify import verify
    from store.verify.catalogue import LOG_ALONE
    from store.verify.entries import read_entries

    with store.reading() as connection:
        report = verify(connection, checks=[LOG_ALONE])
        if not report.ok:
            raise RefusedError(f"no checkpoint of a log that does not hold: {report.results[0].says}")
        entries, _ = read_entries(connection)
        incident, name = connection.execute(_INCIDENT).fetchone()
    told = [(entry.verb, entry.after) for entry in entries]
    last = entries[-1]
    return Checkpoint(
        incident=incident,
        name=name,
        seq=last.seq,
        hash=last.hash,
        at=last.at,
        counts=counts_of(told),
        evidence=evidence_of(told),
        tool=tool_version(),
    )


def counts_of(entries: Iterable[tuple[str, Any]]) -> dict[str, int]:
    """What the entries of a log count up to, each given as its verb and what its `after` says."""
    counts = dict.fromkeys(("entries", "imports", "voided", *COUNTED), 0)
    for verb, after in entries:
        counts["entries"] += 1
        counts["voided"] += verb == "void"
        if verb == "import" and isinstance(after, dict):
            counts["imports"] += 1
            for name in COUNTED:
                number = after.get(name)
                counts[name] += number if isinstance(number, int) else 0
    return counts


def evidence_of(entries: Iterable[tuple[str, Any]]) -> str:
    """One hash over the digests of all evidence that entries tell of, in their order: a line `content_id digest` each.

    An import tells one; bringing an older store up to date tells those of all contents, taken by their ids as text.
    """
    digest = hashlib.sha256()
    for verb, after in entries:
        for content_id, sealed in told_digests(verb, after):
            digest.update(f"{content_id} {sealed}\n".encode("utf-8", "surrogatepass"))
    return digest.hexdigest()


def told_digests(verb: str, after: Any) -> list[tuple[str, str]]:
    """The contents whose evidence an entry tells the digest of, each with that digest."""
    if not isinstance(after, dict):
        return []
    told = after.get("evidence")
    if verb == "import" and isinstance(told, str):
        return [(str(after.get("content_id")), told)]
    if verb == "upgrade" and isinstance(told, dict):
        return [(content_id, str(told[content_id])) for content_id in sorted(told)]
    return []


def checkpoint_document(taken: Checkpoint) -> dict[str, object]:
    """A checkpoint as its file holds it."""
    return {
        "format": FORMAT,
        "version": VERSION,
        "incident": {"uuid": taken.incident, "name": taken.name},
        "seq": taken.seq,
        "hash": taken.hash,
        "at": format_instant(taken.at),
        "counts": dict(taken.counts),
        "evidence": taken.evidence,
        "tool": taken.tool,
    }


def write_checkpoint(taken: Checkpoint, path: Path | str, *, force: bool = False) -> None:
    """Write a checkpoint's file.

    Raises:
        UnusableFileError: something is there already and `force` was not given, or it cannot be written.
    """
    text = json.dumps(checkpoint_document(taken), ensure_ascii=True, indent=2)
    write_file(path, f"{text}\n".encode("ascii"), force=force)


def read_checkpoint(path: Path | str) -> Checkpoint:
    """Read a checkpoint's file.

    Raises:
        UnusableFileError: it cannot be read, or is no checkpoint.
    """
    return read_json_file(path, _checkpoint, largest=_LARGEST, what="checkpoint", missing="checkpoint")


def _checkpoint(document: Any) -> Checkpoint:
    if not isinstance(document, dict) or document.get("format") != FORMAT:
        raise ValueError(f'its "format" is not "{FORMAT}"')
    if document["version"] != VERSION:
        raise ValueError(f"it is of version {document['version']!r}; this program knows version {VERSION}")
    counts = document["counts"]
    if not isinstance(counts, dict) or not all(_is_whole(number) for number in counts.values()):
        raise ValueError("its counts are not numbers")
    incident = document["incident"]
    hashes = (document["hash"], document["evidence"])
    if not all(isinstance(each, str) and _HASH.fullmatch(each) for each in hashes):
        raise ValueError("its hashes are not SHA-256")
    if not _is_whole(document["seq"]) or document["seq"] < 1:
        raise ValueError("its seq is not a whole number from 1")
    texts = (incident["uuid"], incident["name"], document["at"], document["tool"])
    if not all(isinstance(each, str) for each in texts):
        raise ValueError("its incident, time or tool is not text")
    return Checkpoint(
        incident=incident["uuid"],
        name=incident["name"],
        seq=document["seq"],
        hash=document["hash"],
        at=parse_instant(document["at"]),
        counts=counts,
        evidence=document["evidence"],
        tool=document["tool"],
    )


def _is_whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def tool_version() -> str:
    """Which version of the program this is."""
    from importlib.metadata import PackageNotFoundError, version

    try:
        return f"overscope {version('overscope')}"
    except PackageNotFoundError:
        return "overscope from its sources"
