"""Disclosures: figures frozen with everything they rest on, so that they can be defended and derived again later.

A disclosure's document is canonical JSON (sorted keys, no blanks, ASCII); its SHA-256 stands in the log's entry. An
exported file is `{"disclosure": document, "sha256": digest}`, and anybody can check it without this program: see
`RECIPE`, which stands in every document.
"""

import hashlib
import json
import sqlite3
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from store.case_changes import deciding, one_line, plain
from store.checkpoint import head_of
from store.connection import Store
from store.copying import refuse_place
from store.disclosure_content import absolute, content_of, tool_document
from store.errors import RefusedError, UsageError
from store.instants import format_instant, parse_point
from store.kept import is_stale
from store.ledger import append, canonical
from store.parameters import Parameters
from store.reading_files import read_json_file
from store.rulebook import rulebook_in
from store.writing_files import write_file

FORMAT = "overscope-disclosure"
RECIPE = (
    "the sha256 beside a disclosure is that of its own text as JSON with sorted keys, without blanks, in ASCII: python3"
    ' -c \'import hashlib, json, sys; d = json.load(open(sys.argv[1])); t = json.dumps(d["disclosure"],'
    ' sort_keys=True, separators=(",", ":")); print(hashlib.sha256(t.encode()).hexdigest() == d["sha256"])\' FILE.json'
    " prints True; the same sha256 stands in the action log's entry that follows the entry named under log"
)
_LONGEST_NAME = 200
_LARGEST = 256 << 20

_UNFINISHED = "SELECT import_id, file FROM imports WHERE state = 'loading' ORDER BY import_id LIMIT 1"
_NEXT = "SELECT coalesce(max(disclosure_id), 0) + 1 FROM disclosures"
_ADD = "INSERT INTO disclosures(disclosure_id, name, document, sha256, seq) VALUES (?, ?, ?, ?, ?)"
_LIST = """
SELECT disclosure_id, name, json_extract(document, '$.by'), json_extract(document, '$.at'), seq, sha256,
  json_extract(document, '$.parameters.as_of'), json_extract(document, '$.parameters.window_days'),
  json_extract(document, '$.figures.retained.partners'), json_extract(document, '$.figures.accessed.partners'),
  json_extract(document, '$.figures.accessed.people'), json_extract(document, '$.figures.recent.partners'),
  json_extract(document, '$.figures.after_removal.partners'), json_extract(document, '$.figures.qualifier'),
  json_extract(document, '$.note'), json_extract(document, '$.figures.recent.qualifier'),
  json_extract(document, '$.figures.after_removal.qualifier')
FROM disclosures ORDER BY disclosure_id
"""
_ONE = "SELECT disclosure_id, name, document, sha256, seq FROM disclosures WHERE disclosure_id = ?"


class DisclosureRow(NamedTuple):
    """A disclosure in a line of a list.

    Attributes:
        at: when it was frozen, microseconds UTC. `seq`: its entry in the log.
        as_of: exclusive, microseconds UTC. `window_days`: of *recent*.
        kept_access, read, people, recent, after_removal: partners in the populations, and people read.
        qualifier: of what was read; `recent_qualifier`, `after_removal_qualifier` of the others.
    """

    disclosure_id: int
    name: str
    by: str
    at: int
    seq: int
    sha256: str
    as_of: int
    window_days: int
    kept_access: int
    read: int
    people: int
    recent: int
    after_removal: int
    qualifier: str
    note: str
    recent_qualifier: str
    after_removal_qualifier: str


@dataclass(frozen=True, slots=True)
class Disclosure:
    """A frozen disclosure.

    Attributes:
        at: when, microseconds UTC. `seq`: its entry in the log.
        head_seq, head_hash: the log's last entry before it, when the figures were as they are told.
        sha256: of `text`.
        text: the document, canonical JSON.
        document: the same, read.
    """

    disclosure_id: int
    name: str
    note: str
    by: str
    at: int
    seq: int
    head_seq: int
    head_hash: str
    sha256: str
    text: str
    document: dict[str, Any]


def disclose(store: Store, parameters: Parameters, *, actor: str, name: str, note: str = "") -> Disclosure:
    """Freeze the figures under these parameters, in one transaction; two people who freeze at once get two.

    Args:
        parameters: what moves is resolved now: as-of, window, what-if cut-off and today are kept as they are then.
        name: what to call it; two may bear one name.

    Raises:
        UsageError: the name is empty, too long or of several lines.
        RefusedError: an import is unfinished, or completed by a call that did not end: the figures are between two
            states.
        UnusableFileError: the store can only be read.
    """
    called, note = one_line(name, "name of the disclosure"), plain(note, "note")
    if not called or len(called) > _LONGEST_NAME:
        raise UsageError(f"give the disclosure a name of 1 to {_LONGEST_NAME} characters")
    store.check_writable()
    # What takes long is computed before others have to wait, and again only where somebody wrote meanwhile.
    with store.reading() as connection:
        _refuse_between_states(connection)
        exact = absolute(rulebook_in(connection), parameters)
        head, content = _head(connection), content_of(store, connection, exact)
    with deciding(store, actor) as deed:
        connection = deed.connection
        _refuse_between_states(connection)
        if _head(connection) != head:
            head, content = _head(connection), content_of(store, connection, exact)
        (disclosure_id,) = connection.execute(_NEXT).fetchone()
        document: dict[str, Any] = {
            "format": FORMAT,
            "version": 1,
            "disclosure_id": disclosure_id,
            "name": called,
            "note": note,
            "by": deed.actor,
            "at": format_instant(deed.at),
            **content,
            "log": {"seq": head[0], "hash": head[1]},
            "tool": tool_document(),
            "recipe": RECIPE,
        }
        text = canonical(document)
        sha256 = digest_of(text)
        told = {
            "disclosure_id": disclosure_id,
            "name": called,
            "sha256": sha256,
            "head": document["log"],
            "parameters": document["parameters"],
        }
        seq = append(
            connection, actor=deed.actor, verb="disclose", at=deed.at, after=json.dumps(told), note=note or None
        )
        connection.execute(_ADD, (disclosure_id, called, text, sha256, seq))
    return _made(disclosure_id, called, text, sha256, seq)


def _refuse_between_states(connection: sqlite3.Connection) -> None:
    unfinished = connection.execute(_UNFINISHED).fetchone()
    if unfinished is not None:
        import_id, file = unfinished
        raise RefusedError(
            f"import {import_id} ({file}) is unfinished: wait for it, or import its file again to finish it;"
            " nothing was frozen"
        )
    if is_stale(connection):
        raise RefusedError(
            "files are being imported: wait for the last of them, or run `python -m store rebuild`; nothing was frozen"
        )


def _head(connection: sqlite3.Connection) -> tuple[int, str]:
    head = head_of(connection)
    if head is None:
        raise RefusedError("the action log cannot be read; see `python -m store verify`; nothing was frozen")
    return head.seq, head.hash


def digest_of(text: str) -> str:
    """SHA-256 of a document's text, in hex."""
    return hashlib.sha256(text.encode("ascii", "backslashreplace")).hexdigest()


def disclosures(store: Store) -> list[DisclosureRow]:
    """Every disclosure, oldest first."""
    with store.reading() as connection:
        rows = connection.execute(_LIST).fetchall()
    return [
        DisclosureRow._make((*row[:3], parse_point(row[3]), *row[4:6], parse_point(row[6]), *row[7:])) for row in rows
    ]


def disclosure(store: Store, disclosure_id: int) -> Disclosure:
    """One disclosure, as it is in the store; `reproduce` tells whether it is as it was frozen.

    Raises:
        UsageError: there is none of that number.
    """
    with store.reading() as connection:
        return disclosure_in(connection, disclosure_id)


def disclosure_in(connection: sqlite3.Connection, disclosure_id: int) -> Disclosure:
    """`disclosure`, for a caller that has a connection.

    Raises:
        UsageError: there is none of that number.
    """
    row = connection.execute(_ONE, (disclosure_id,)).fetchone()
    if row is None:
        raise UsageError(f"no disclosure {disclosure_id}; `python -m store disclosures` lists them")
    return _made(*row)


def _made(disclosure_id: int, name: str, text: str, sha256: str, seq: int) -> Disclosure:
    document = json.loads(text)
    return Disclosure(
        disclosure_id=disclosure_id,
        name=name,
        note=document["note"],
        by=document["by"],
        at=parse_point(document["at"]),
        seq=seq,
        head_seq=document["log"]["seq"],
        head_hash=document["log"]["hash"],
        sha256=sha256,
        text=text,
        document=document,
    )


def disclosure_document(found: Disclosure) -> dict[str, Any]:
    """A disclosure as it is exported, and as `disclosures --show N --json` prints it."""
    return {"disclosure": found.document, "sha256": found.sha256, "seq": found.seq}


def refuse_file(store: Store, to: Path | str, *, force: bool) -> None:
    """Refuse a place for a disclosure's file, before anything is frozen for it.

    Raises:
        UnusableFileError: something is there, or it is a place of the store's own.
    """
    refuse_place(Path(to), force=force, source=store.path)


def export_disclosure(store: Store, found: Disclosure, to: Path | str, *, actor: str, force: bool = False) -> None:
    """Write a disclosure into a JSON file, mode 0600; the log tells of it, where it can be written.

    Raises:
        UnusableFileError: something is there already, or it cannot be written.
    """
    refuse_file(store, to, force=force)
    text = f"{json.dumps(disclosure_document(found), ensure_ascii=True, sort_keys=True, indent=2)}\n"
    write_file(to, text.encode("ascii"), force=force)
    if store.read_only:
        return
    what = {"what": "disclosure", "disclosure_id": found.disclosure_id, "sha256": found.sha256, "file": Path(to).name}
    with deciding(store, actor) as deed:
        append(deed.connection, actor=deed.actor, verb="export", at=deed.at, after=json.dumps(what))


def read_disclosure(path: Path | str) -> tuple[str, str]:
    """Read an exported file: the digest that its own text gives, and the digest that it tells.

    Raises:
        UnusableFileError: it cannot be read, or is no disclosure.
    """
    return read_json_file(path, _digests, largest=_LARGEST, what="disclosure")


def _digests(exported: Any) -> tuple[str, str]:
    if not isinstance(exported, dict) or exported["disclosure"]["format"] != FORMAT:
        raise ValueError(f'its "format" is not "{FORMAT}"')
    return digest_of(canonical(exported["disclosure"])), str(exported["sha256"])


def row_document(row: DisclosureRow) -> dict[str, object]:
    """One line of `python -m store disclosures --json`."""
    return {**row._asdict(), "at": format_instant(row.at), "as_of": format_instant(row.as_of)}
