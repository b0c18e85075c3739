"""Whether a store holds people or their pseudonyms, and under which key: never both, never two keys."""

import json
import sqlite3

from store import ledger
from store.errors import UsageError
from store.ingest.boundary import KINDS_OF_PEOPLE
from store.pseudonyms import People

_KEPT = "SELECT pseudonym_key FROM incident"
_KEEP = "UPDATE incident SET pseudonym_key = ?"
_HAS_PEOPLE = """
SELECT EXISTS (SELECT 1 FROM subjects) OR EXISTS (SELECT 1 FROM grants WHERE granted_by IS NOT NULL)
  OR EXISTS (SELECT 1 FROM resources WHERE instr(resource_id, '@') OR instr(resource_id, '/personal/'))
"""
_PLAIN_KINDS = "SELECT DISTINCT kind FROM imports WHERE json_extract(options, '$.pseudonyms') IS NULL"


def may_name_people(kind: str | None) -> bool:
    """Whether a file of this kind, or of a vendor's log, may name people."""
    return kind is None or kind in KINDS_OF_PEOPLE


def check(connection: sqlite3.Connection, people: People | None, *, names_people: bool) -> People | None:
    """Refuse an import that would mix people with pseudonyms, or pseudonyms of two keys.

    Args:
        people: the pseudonyms asked for; None for a plain import.
        names_people: whether the files to import are of kinds that name people.

    Returns:
        The pseudonyms as this store keeps them.

    Raises:
        UsageError: it would; one line says what to do.
    """
    (kept,) = connection.execute(_KEPT).fetchone()
    if people is None:
        if kept is not None and names_people:
            raise UsageError(
                "this store holds people as pseudonyms: give the same key with --pseudonymise KEYFILE; nothing was done"
            )
        return None
    if kept is None:
        (has_people,) = connection.execute(_HAS_PEOPLE).fetchone()
        if has_people or any(may_name_people(kind) for (kind,) in connection.execute(_PLAIN_KINDS)):
            raise UsageError(
                "this store holds people under their own ids: import with --pseudonymise into a new store;"
                " nothing was done"
            )
        return people
    for found in (people, people.with_plain_ids()):
        if kept == found.fingerprint:
            return found
    raise UsageError(
        f"the key is not the one this store's people are pseudonymised with: fingerprint {people.fingerprint},"
        f" expected {kept}; nothing was done"
    )


def keep(connection: sqlite3.Connection, people: People | None, *, actor: str, at: int) -> None:
    """Note the key's fingerprint with the first import under it, in the store and in the log, in one transaction.

    Args:
        people: the pseudonyms asked for; None: there is nothing to note.
        at: now, microseconds UTC.
    """
    if people is None or connection.execute(_KEPT).fetchone()[0] is not None:
        return
    connection.execute(_KEEP, (people.fingerprint,))
    before, after = json.dumps({"pseudonym_key": None}), json.dumps({"pseudonym_key": people.fingerprint})
    ledger.append(connection, actor=actor, verb="pseudonymise", at=at, before=before, after=after)
