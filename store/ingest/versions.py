"""Registry records -> versions and who holds them, a batch in one transaction. A version is never changed."""

import json
import sqlite3
from collections.abc import Sequence

import numpy as np

from store.errors import UnusableFileError
from store.ingest.canonical import KINDS, RegistryRow
from store.ingest.dictionaries import ids_of
from store.ingest.tally import Tally

_ADD = {
    "partners": """
INSERT OR IGNORE INTO partner_versions(identity_key, content_key, partner, name, category, contact, country)
VALUES (?, ?, ?, ?, ?, ?, ?)
""",
    "apps": """
INSERT OR IGNORE INTO app_versions(identity_key, content_key, app, name, partner) VALUES (?, ?, ?, ?, ?)
""",
    "subjects": """
INSERT OR IGNORE INTO subject_versions(identity_key, content_key, subject, country, minor) VALUES (?, ?, ?, ?, ?)
""",
    "grants": """
INSERT OR IGNORE INTO grants(identity_key, content_key, app, scope, resource, granted_at, granted_by, revoked_at)
VALUES (?, ?, ?, ?, ?, ?, ?, ?)
""",
    "opt_ins": """
INSERT OR IGNORE INTO opt_ins(identity_key, content_key, subject, opted_in_at, opted_out_at, app, resource)
VALUES (?, ?, ?, ?, ?, ?, ?)
""",
    "exemptions": """
INSERT OR IGNORE INTO exemptions(identity_key, content_key, app, data_class, exempt_from, exempt_until, reason)
VALUES (?, ?, ?, ?, ?, ?, ?)
""",
    "removals": """
INSERT OR IGNORE INTO removals(identity_key, content_key, app, removed_at, reason) VALUES (?, ?, ?, ?, ?)
""",
    "coverage": """
INSERT OR IGNORE INTO coverage(identity_key, content_key, source, covered_from, covered_until) VALUES (?, ?, ?, ?, ?)
""",
    "steps": """
INSERT OR IGNORE INTO imported_steps(identity_key, content_key, partner, step, at, app, note, due, at_is_date)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
""",
}
_FIND = {
    "partners": """
SELECT content_key, version_id, identity_key, partner, name, category, contact, country FROM partner_versions
WHERE content_key IN (SELECT value FROM json_each(?))
""",
    "apps": """
SELECT content_key, version_id, identity_key, app, name, partner FROM app_versions
WHERE content_key IN (SELECT value FROM json_each(?))
""",
    "subjects": """
SELECT content_key, version_id, identity_key, subject, country, minor FROM subject_versions
WHERE content_key IN (SELECT value FROM json_each(?))
""",
    "grants": """
SELECT content_key, version_id, identity_key, app, scope, resource, granted_at, granted_by, revoked_at FROM grants
WHERE content_key IN (SELECT value FROM json_each(?))
""",
    "opt_ins": """
SELECT content_key, version_id, identity_key, subject, opted_in_at, opted_out_at, app, resource FROM opt_ins
WHERE content_key IN (SELECT value FROM json_each(?))
""",
    "exemptions": """
SELECT content_key, version_id, identity_key, app, data_class, exempt_from, exempt_until, reason FROM exemptions
WHERE content_key IN (SELECT value FROM json_each(?))
""",
    "removals": """
SELECT content_key, version_id, identity_key, app, removed_at, reason FROM removals
WHERE content_key IN (SELECT value FROM json_each(?))
""",
    "coverage": """
SELECT content_key, version_id, identity_key, source, covered_from, covered_until FROM coverage
WHERE content_key IN (SELECT value FROM json_each(?))
""",
    "steps": """
SELECT content_key, version_id, identity_key, partner, step, at, app, note, due, at_is_date FROM imported_steps
WHERE content_key IN (SELECT value FROM json_each(?))
""",
}
_LIVE_ELSEWHERE = """
SELECT DISTINCT version_id FROM holdings
WHERE kind = :kind AND version_id IN (SELECT value FROM json_each(:versions)) AND content_id <> :content_id
  AND content_id IN (SELECT content_id FROM live_contents)
"""
# The last record of a file that says so decides which version is in force.
_HOLD = """
INSERT INTO holdings(kind, version_id, content_id, record_no) VALUES (?, ?, ?, ?)
ON CONFLICT (kind, version_id, content_id) DO UPDATE SET record_no = max(record_no, excluded.record_no)
"""

_CLEAR = "DELETE FROM holdings WHERE content_id = ?"


def clear(connection: sqlite3.Connection, content_id: int) -> None:
    """Forget which versions an attempt that never completed held: it is read again."""
    connection.execute(_CLEAR, (content_id,))


def _plain(values: Sequence[object]) -> list[object]:
    """Values as their keys know them: an empty text is as none."""
    return [None if value == "" else value for value in values]


class VersionWriter:
    """Writes one content's registry records."""

    def __init__(self, content_id: int, tally: Tally) -> None:
        self._content_id = content_id
        self._tally = tally
        self._seen: set[tuple[str, int]] = set()

    def write(self, connection: sqlite3.Connection, rows: Sequence[RegistryRow]) -> None:
        """Write a batch, in the order of the file, inside a write transaction."""
        ids = self._ids(connection, rows)
        for kind in KINDS:
            of_kind = [row for row in rows if row.kind == kind]
            if of_kind:
                self._write_kind(connection, kind, of_kind, ids)

    def _ids(self, connection: sqlite3.Connection, rows: Sequence[RegistryRow]) -> dict[str, dict[str, int]]:
        texts: dict[str, set[str]] = {}
        spellings: dict[str, str] = {}
        for row in rows:
            for column, value in zip(KINDS[row.kind].columns, row.stored, strict=True):
                if column.entity and isinstance(value, str):
                    texts.setdefault(column.entity, set()).add(value)
                    if column.entity == "subjects" and row.spelling is not None:
                        spellings.setdefault(value, row.spelling)
        return {
            entity: ids_of(connection, entity, sorted(named), spellings=spellings) for entity, named in texts.items()
        }

    def _write_kind(
        self,
        connection: sqlite3.Connection,
        kind: str,
        rows: Sequence[RegistryRow],
        ids: dict[str, dict[str, int]],
    ) -> None:
        columns = KINDS[kind].columns
        values: list[tuple[object, ...]] = []
        keys = [row.content_key() for row in rows]
        for row, key in zip(rows, keys, strict=True):
            inner = [
                ids[column.entity][value] if column.entity and isinstance(value, str) else value
                for column, value in zip(columns, row.stored, strict=True)
            ]
            if kind == "steps":
                inner.append(int(row.at_is_date))
            values.append((row.identity_key(), key, *inner))
        connection.executemany(_ADD[kind], values)
        found = {key: row for key, *row in connection.execute(_FIND[kind], (json.dumps(keys),))}
        for row_values, key in zip(values, keys, strict=True):
            standing = found[key][1:]
            if _plain(standing) != _plain([row_values[0], *row_values[2:]]):
                # Written by another program: taken for ours, it would be sealed as what the file says.
                raise UnusableFileError(
                    f"the store was altered by something else: version {found[key][0]} in its {kind} does not say what"
                    " its key stands for; `verify` says more: restore a backup"
                )
        versions: dict[int, int] = {key: version_id for key, (version_id, *_) in found.items()}
        named = {"kind": kind, "versions": json.dumps(list(versions.values())), "content_id": self._content_id}
        held = {version for (version,) in connection.execute(_LIVE_ELSEWHERE, named)}
        fresh: list[int] = []
        known: list[int] = []
        holdings: list[tuple[str, int, int, int]] = []
        for row, key in zip(rows, keys, strict=True):
            is_known = (kind, key) in self._seen or versions[key] in held
            (known if is_known else fresh).append(row.record_no)
            self._seen.add((kind, key))
            holdings.append((kind, versions[key], self._content_id, row.record_no))
        connection.executemany(_HOLD, holdings)
        self._tally.mark_new(np.array(fresh, dtype=np.int64))
        self._tally.mark_held(np.array(known, dtype=np.int64))
