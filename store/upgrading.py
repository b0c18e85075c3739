"""Bringing a store made by an older version up to date: one transaction, and an entry in its log."""

import json
import sqlite3
from pathlib import Path

from store import seals
from store.connection import SCHEMA_VERSION, connect
from store.errors import UnusableFileError
from store.instants import now
from store.ledger import SYSTEM, append
from store.schema import apply_migrations


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
        apply_migrations(connection)
        sealed = {str(content_id): digest for content_id, digest in seals.seal_everything(connection).items()}
        after = {"schema": SCHEMA_VERSION, "evidence": sealed}
        append(
            connection,
            actor=SYSTEM,
            verb="upgrade",
            at=now(),
            before=json.dumps({"schema": before}),
            after=json.dumps(after),
        )
        connection.execute("COMMIT")
    except sqlite3.Error as error:
        raise UnusableFileError(f"cannot bring {path} up to date: {error}; it is as it was") from error
    finally:
        connection.close()
