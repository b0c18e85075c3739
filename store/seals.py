"""What the evidence of each content hashes to: sealed when its import completes, so that any later change is found.

A seal has parts: the content's own events in key order, 65,536 at a time; its share in events that others own; the
registry records it holds, kind by kind; its quarantined records; its byte offsets; and the ids and texts that entered
the dictionaries up to its completion. One hash over all parts stands in the import's entry of the action log.

A part hashes its rows, `CHUNK` at a time, column by column: a byte a row that says what the value is (0 absent, 1 a
number, 2 a text); if there are numbers, each row's as a little-endian 64-bit integer, 0 where it has none; if there are
texts, their lengths in bytes, likewise, -1 where there is none, then their UTF-8 bytes. The columns of events have no
such leading bytes: -1 stands for an absent number, and `verify` looks for numbers that are negative.
"""

import hashlib
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple, TypeAlias

import numpy as np

from store.event_rows import CHUNK, EVENT_NUMBERS, Column, EventIds, read_events
from store.ledger import canonical

EVENTS = "events"
REGISTRY = "registry "

# What a hashed value is.
_ABSENT, _NUMBER, _TEXT, _OTHER = range(4)

# Registry rows are hashed with the record that holds them; what is settled later, such as a quarantined record, is not.
_OF_CONTENT = {
    "event_holders": """
SELECT app, occurred_at, event_key, record_no FROM event_holders
WHERE content_id = ? ORDER BY app, occurred_at, event_key
""",
    "registry partners": """
SELECT h.record_no, v.version_id, v.identity_key, v.content_key, v.partner, v.name, v.category, v.contact, v.country
FROM holdings h LEFT JOIN partner_versions v ON v.version_id = h.version_id
WHERE h.content_id = ? AND h.kind = 'partners' ORDER BY h.version_id
""",
    "registry apps": """
SELECT h.record_no, v.version_id, v.identity_key, v.content_key, v.app, v.name, v.partner
FROM holdings h LEFT JOIN app_versions v ON v.version_id = h.version_id
WHERE h.content_id = ? AND h.kind = 'apps' ORDER BY h.version_id
""",
    "registry subjects": """
SELECT h.record_no, v.version_id, v.identity_key, v.content_key, v.subject, v.country, v.minor
FROM holdings h LEFT JOIN subject_versions v ON v.version_id = h.version_id
WHERE h.content_id = ? AND h.kind = 'subjects' ORDER BY h.version_id
""",
    "registry grants": """
SELECT h.record_no, v.version_id, v.identity_key, v.content_key, v.app, v.scope, v.resource, v.granted_at,
  v.granted_by, v.revoked_at
FROM holdings h LEFT JOIN grants v ON v.version_id = h.version_id
WHERE h.content_id = ? AND h.kind = 'grants' ORDER BY h.version_id
""",
    "registry opt_ins": """
SELECT h.record_no, v.version_id, v.identity_key, v.content_key, v.subject, v.opted_in_at, v.opted_out_at, v.app,
  v.resource
FROM holdings h LEFT JOIN opt_ins v ON v.version_id = h.version_id
WHERE h.content_id = ? AND h.kind = 'opt_ins' ORDER BY h.version_id
""",
    "registry exemptions": """
SELECT h.record_no, v.version_id, v.identity_key, v.content_key, v.app, v.data_class, v.exempt_from, v.exempt_until,
  v.reason
FROM holdings h LEFT JOIN exemptions v ON v.version_id = h.version_id
WHERE h.content_id = ? AND h.kind = 'exemptions' ORDER BY h.version_id
""",
    "registry removals": """
SELECT h.record_no, v.version_id, v.identity_key, v.content_key, v.app, v.removed_at, v.reason
FROM holdings h LEFT JOIN removals v ON v.version_id = h.version_id
WHERE h.content_id = ? AND h.kind = 'removals' ORDER BY h.version_id
""",
    "registry coverage": """
SELECT h.record_no, v.version_id, v.identity_key, v.content_key, v.source, v.covered_from, v.covered_until
FROM holdings h LEFT JOIN coverage v ON v.version_id = h.version_id
WHERE h.content_id = ? AND h.kind = 'coverage' ORDER BY h.version_id
""",
    "registry steps": """
SELECT h.record_no, v.version_id, v.identity_key, v.content_key, v.partner, v.step, v.at, v.at_is_date, v.app, v.note,
  v.due
FROM holdings h LEFT JOIN imported_steps v ON v.version_id = h.version_id
WHERE h.content_id = ? AND h.kind = 'steps' ORDER BY h.version_id
""",
    "quarantine": """
SELECT quarantine_id, kind, record_no, reason, record FROM quarantine WHERE content_id = ? ORDER BY quarantine_id
""",
    "checkpoints": """
SELECT record_no, byte_offset FROM import_checkpoints WHERE content_id = ? ORDER BY record_no
""",
}
_DICTIONARIES = {
    "dictionary apps": "SELECT id, app_id FROM apps WHERE id BETWEEN ? AND ? ORDER BY id",
    "dictionary partners": "SELECT id, partner_id, app FROM partners WHERE id BETWEEN ? AND ? ORDER BY id",
    "dictionary subjects": "SELECT id, subject_id, spelling FROM subjects WHERE id BETWEEN ? AND ? ORDER BY id",
    "dictionary resources": "SELECT id, resource_id FROM resources WHERE id BETWEEN ? AND ? ORDER BY id",
    "dictionary endpoints": "SELECT id, endpoint FROM endpoints WHERE id BETWEEN ? AND ? ORDER BY id",
    "dictionary addresses": "SELECT id, ip FROM addresses WHERE id BETWEEN ? AND ? ORDER BY id",
    "dictionary field_sets": "SELECT id, data_classes FROM field_sets WHERE id BETWEEN ? AND ? ORDER BY id",
}
_LAST_IDS = {
    "dictionary apps": "SELECT coalesce(max(id), 0) FROM apps",
    "dictionary partners": "SELECT coalesce(max(id), 0) FROM partners",
    "dictionary subjects": "SELECT coalesce(max(id), 0) FROM subjects",
    "dictionary resources": "SELECT coalesce(max(id), 0) FROM resources",
    "dictionary endpoints": "SELECT coalesce(max(id), 0) FROM endpoints",
    "dictionary addresses": "SELECT coalesce(max(id), 0) FROM addresses",
    "dictionary field_sets": "SELECT coalesce(max(id), 0) FROM field_sets",
}
_SEALED_UP_TO = "SELECT coalesce(max(last), 0) FROM seals WHERE part = ?"
_ADD = "INSERT INTO seals(content_id, part, first, last, rows, sha256) VALUES (?, ?, ?, ?, ?, ?)"
_UNSEALED = """
SELECT DISTINCT content_id FROM imports
WHERE state = 'complete' AND content_id NOT IN (SELECT content_id FROM seals)
ORDER BY content_id
"""
_PARTS = "SELECT part, first, last, rows, sha256 FROM seals WHERE content_id = ? ORDER BY part, first"


class Part(NamedTuple):
    """One part of a seal: its name, its range (first and last inclusive), how many rows, and their SHA-256 in hex."""

    part: str
    first: int
    last: int
    rows: int
    sha256: str


Look: TypeAlias = Callable[[Part, list[Column], list[bytes | None]], None]


class EventSeals:
    """Hashes a content's own events, given in key order over any number of batches."""

    def __init__(self, look: Look | None = None) -> None:
        """Begin; `look` is shown each part with the columns and ids it was made from."""
        self.parts: list[Part] = []
        self._look = look
        self._numbers: dict[str, list[Column]] = {name: [] for name in EVENT_NUMBERS}
        self._event_ids: list[bytes | None] = []

    def add(self, numbers: Sequence[Column], event_ids: EventIds) -> None:
        """Take the next events.

        Args:
            numbers: a column for each of `EVENT_NUMBERS`; -1 for an absent value.
            event_ids: UTF-8; None where the log has none.
        """
        for name, column in zip(EVENT_NUMBERS, numbers, strict=True):
            self._numbers[name].append(column)
        self._event_ids.extend(event_ids)
        while len(self._event_ids) >= CHUNK:
            self._hash(CHUNK)

    def close(self) -> list[Part]:
        """Hash what is left, and return all parts."""
        if self._event_ids:
            self._hash(len(self._event_ids))
        return self.parts

    def _hash(self, events: int) -> None:
        digest = hashlib.sha256()
        numbers = []
        for parts in self._numbers.values():
            column = np.concatenate(parts) if len(parts) > 1 else parts[0]
            numbers.append(column[:events])
            digest.update(column[:events].astype("<i8").tobytes())
            parts[:] = [column[events:]]
        event_ids = self._event_ids[:events]
        del self._event_ids[:events]
        _hash_texts(digest, event_ids)
        first = len(self.parts) * CHUNK
        self.parts.append(Part(EVENTS, first, first + events - 1, events, digest.hexdigest()))
        if self._look is not None:
            self._look(self.parts[-1], numbers, event_ids)


def _hash_texts(digest: "hashlib._Hash", texts: Sequence[bytes | None]) -> None:
    there = [text for text in texts if text is not None]
    if len(there) == len(texts):
        lengths = np.fromiter(map(len, there), dtype="<i8", count=len(there))
    else:
        lengths = np.fromiter((-1 if text is None else len(text) for text in texts), dtype="<i8", count=len(texts))
    digest.update(lengths.tobytes())
    digest.update(b"".join(there))


def _hash_column(digest: "hashlib._Hash", values: Sequence[object]) -> None:
    """Hash a column whatever it holds: each value's kind too, so that a changed type is found as well."""
    types = set(map(type, values))
    if types == {int}:
        digest.update(bytes((_NUMBER,)) * len(values))
        digest.update(np.array(values, dtype="<i8").tobytes())
        return
    kinds = bytes((_TEXT,)) * len(values) if types == {str} else bytes(map(_kind, values))
    digest.update(kinds)
    if _NUMBER in kinds:
        numbers = [value if isinstance(value, int) else 0 for value in values]
        digest.update(np.array(numbers, dtype="<i8").tobytes())
    if _TEXT in kinds or _OTHER in kinds:
        _hash_texts(digest, [_as_bytes(value) for value in values])


def _kind(value: object) -> int:
    if value is None:
        return _ABSENT
    if isinstance(value, int):
        return _NUMBER
    return _TEXT if isinstance(value, str) else _OTHER


def _as_bytes(value: object) -> bytes | None:
    if value is None or isinstance(value, int):
        return None
    return value.encode("utf-8", "surrogateescape") if isinstance(value, str) else repr(value).encode()


def _part(cursor: sqlite3.Cursor, part: str, first: int, last: int) -> Part:
    digest = hashlib.sha256()
    count = 0
    while rows := cursor.fetchmany(CHUNK):
        count += len(rows)
        for column in zip(*rows, strict=True):
            _hash_column(digest, column)
    return Part(part, first, last, count, digest.hexdigest())


def parts_of_content(connection: sqlite3.Connection, content_id: int) -> list[Part]:
    """The parts of a content as its rows are now, but for its own events and the dictionaries; none without rows."""
    parts = [_part(connection.execute(question, (content_id,)), name, 0, 0) for name, question in _OF_CONTENT.items()]
    return [part for part in parts if part.rows]


def registry_rows(connection: sqlite3.Connection, content_id: int, part: str) -> Iterator[dict[str, object]]:
    """The rows of one of a content's registry parts, as they are hashed: column -> value.

    Raises:
        KeyError: `part` names none.
    """
    cursor = connection.execute(_OF_CONTENT[part], (content_id,))
    names = [column[0] for column in cursor.description]
    for row in cursor:
        yield dict(zip(names, row, strict=True))


def dictionary_part(connection: sqlite3.Connection, part: str, first: int, last: int) -> Part:
    """What a range of a dictionary's ids, both ends included, hashes to now.

    Raises:
        KeyError: `part` names no dictionary.
    """
    return _part(connection.execute(_DICTIONARIES[part], (first, last)), part, first, last)


def _new_dictionary_parts(connection: sqlite3.Connection) -> Iterator[Part]:
    for part in _DICTIONARIES:
        (last,) = connection.execute(_LAST_IDS[part]).fetchone()
        (sealed,) = connection.execute(_SEALED_UP_TO, (part,)).fetchone()
        if last > sealed:
            yield dictionary_part(connection, part, sealed + 1, last)


def seal(connection: sqlite3.Connection, content_id: int, events: Sequence[Part]) -> str:
    """Seal a content whose rows are all in, inside the transaction that completes its import.

    What entered the dictionaries since the last seal is sealed with it, whoever entered it.

    Args:
        events: the parts of its own events, from `EventSeals`.

    Returns:
        The content's digest, for the log: `digest_of` its parts.
    """
    parts = [*events, *parts_of_content(connection, content_id), *_new_dictionary_parts(connection)]
    connection.executemany(_ADD, [(content_id, *part) for part in parts])
    return digest_of(parts)


def sealed_parts(connection: sqlite3.Connection, content_id: int) -> list[Part]:
    """The parts of a content's seal, as they were written down."""
    return [Part(*row) for row in connection.execute(_PARTS, (content_id,))]


def digest_of(parts: Sequence[Part]) -> str:
    """The one hash of a seal: SHA-256 of the canonical JSON of its parts, sorted."""
    return hashlib.sha256(canonical(sorted(parts)).encode("ascii")).hexdigest()


def seal_everything(connection: sqlite3.Connection) -> dict[int, str]:
    """Seal every complete content that has no seal yet; content id -> digest. One scan of all events."""
    unsealed = [content_id for (content_id,) in connection.execute(_UNSEALED)]
    hashed = {content_id: EventSeals() for content_id in unsealed}
    if unsealed:
        for rows in read_events(connection):
            for content_id, numbers, event_ids in rows.by_content():
                if content_id in hashed:
                    hashed[content_id].add(numbers, event_ids)
    return {content_id: seal(connection, content_id, hashed[content_id].close()) for content_id in unsealed}
