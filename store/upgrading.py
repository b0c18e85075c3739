"""Bringing a store made by an older version up to date: one transaction, and an entry in its log."""

import json
import sqlite3
from pathlib import Path

from store import seals
from store.closing import known_document
from store.connection import SCHEMA_VERSION, connect
from store.errors import UnusableFileError
from store.fold import bring_up_to_date
from store.instants import format_instant, now
from store.ledger import SYSTEM, append
from store.schema import apply_migrations

_INCIDENT = "SELECT uuid, name, demo FROM incident"
_CLOSURES = "SELECT seq, known_events FROM closures ORDER BY seq"
_IMPORTS = """
SELECT import_id, content_id, path, size, options, started_at, started_by FROM imports
WHERE state = 'complete' ORDER BY import_id
"""
_SETTLED = """
SELECT quarantine_id, resolved_at, resolved_by, resolution FROM quarantine
WHERE resolved_at IS NOT NULL ORDER BY quarantine_id
"""
_DUES = "SELECT seq, due FROM audit_steps WHERE due IS NOT NULL ORDER BY seq"


def _left_untold(connection: sqlite3.Connection) -> dict[str, object]:
    """What entries of an older version did not tell, and later ones do: from now on `verify` finds it changed."""
    uuid, name, demo = connection.execute(_INCIDENT).fetchone()
    imports = {
        str(import_id): {
            "content_id": content_id,
            "path": path,
            "size": size,
            "options": json.loads(options),
            "started_at": format_instant(started_at),
            "started_by": started_by,
        }
        for import_id, content_id, path, size, options, started_at, started_by in connection.execute(_IMPORTS)
    }
    closures = {str(seq): known_document(known)["known_events"] for seq, known in connection.execute(_CLOSURES)}
    settled = {
        str(quarantine_id): {"resolved_at": format_instant(at), "resolved_by": by, "resolution": resolution}
        for quarantine_id, at, by, resolution in connection.execute(_SETTLED)
    }
    return {
        "incident": {"uuid": uuid, "name": name, "demo": bool(demo)},
        "imports": imports,
        "closures": closures,
        "settled": settled,
        "dues": {str(seq): format_instant(due) for seq, due in connection.execute(_DUES)},
    }


def upgrade(path: Path) -> None:
    """Give an older store the tables of this version, and seal its evidence as it is found.

    Raises:
        UnusableFileError: it could not be brought up to date; it is as it was.
    """
    connection = connect(path, mode="rw")
    try:
        connection.execute("BEGIN IMMEDIATE")
        (before,) = connection.execute("PRAGMA user_version").fetchone()
        if before >= SCHEMA_VERSION:
            return
        at = now()
        apply_migrations(connection)
        sealed = {str(content_id): digest for content_id, digest in seals.seal_everything(connection).items()}
        after = {"schema": SCHEMA_VERSION, "evidence": sealed, **_left_untold(connection)}
        append(
            connection,
            actor=SYSTEM,
            verb="upgrade",
            at=at,
            before=json.dumps({"schema": before}),
            after=json.dumps(after),
        )
        if sealed:
            bring_up_to_date(connection, at=at)
        connection.execute("COMMIT")
    except sqlite3.Error as error:
        raise UnusableFileError(f"cannot bring {path} up to date: {error}; it is as it was") from error
    finally:
        connection.close()
