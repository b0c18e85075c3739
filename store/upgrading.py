"""Bringing a store made by an older version up to date: a copy of it first, one transaction, an entry in its log."""

import json
import os
import sqlite3
from contextlib import closing
from functools import partial
from pathlib import Path

from store import seals
from store.closing import known_document
from store.connection import SCHEMA_VERSION, connect, damaged
from store.copying import copied_store, publish, refuse_place
from store.errors import UnusableFileError
from store.fold import bring_up_to_date, catching_up, judged_last
from store.instants import format_instant, now
from store.ledger import SYSTEM, append
from store.schema import apply_migrations
from store.trouble import in_words

# From this schema on evidence is sealed when it comes in, and the log tells all that the work's tables hold.
_FIRST_SEALED = 2
_ANY_IMPORT = "SELECT 1 FROM imports WHERE state = 'complete'"
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
    """Give an older store the tables of this version; evidence that was never sealed is sealed as it is found.

    A copy of it as it was stays beside it, under its name with `.schema-1` behind it, for schema 1.

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
        kept = _keep_copy(path, before)
        apply_migrations(connection)
        after: dict[str, object] = {"schema": SCHEMA_VERSION, "copy": kept}
        if before < _FIRST_SEALED:
            sealed = {str(content_id): digest for content_id, digest in seals.seal_everything(connection).items()}
            after |= {"evidence": sealed, **_left_untold(connection)}
        append(
            connection,
            actor=SYSTEM,
            verb="upgrade",
            at=at,
            before=json.dumps({"schema": before}),
            after=json.dumps(after),
        )
        if connection.execute(_ANY_IMPORT).fetchone():
            with catching_up(connection, at=at):
                bring_up_to_date(connection, at=at if (last := judged_last(connection)) is None else last)
        connection.execute("COMMIT")
    except sqlite3.Error as error:
        raise UnusableFileError(
            f"cannot bring {path} up to date: {in_words(error) or error}; it is as it was"
        ) from error
    finally:
        connection.close()


def _keep_copy(path: Path, version: int) -> dict[str, object]:
    """Copy the store as it is, while the caller's transaction keeps others from writing; what the log tells of it.

    Raises:
        UnusableFileError: there is no room for it, or it is damaged.
    """
    real = Path(os.path.realpath(path))
    to = real.with_name(f"{real.name}.schema-{version}")
    try:
        refuse_place(to, force=True, source=real)
        with (
            closing(connect(real, mode="rw")) as reader,
            copied_store(reader, to, check=partial(_check_copy, path)) as copied,
        ):
            publish(copied.waiting, to, force=True)
    except UnusableFileError as error:
        raise UnusableFileError(
            f"{path} must be brought up to date, and no copy of it can be kept first: {error}"
        ) from error
    return {"file": to.name, "sha256": copied.sha256, "size": copied.size}


def _check_copy(path: Path, connection: sqlite3.Connection) -> None:
    (line,) = connection.execute("PRAGMA integrity_check(1)").fetchone()
    if line != "ok":
        raise UnusableFileError(damaged(path, " ".join(str(line).split())))
