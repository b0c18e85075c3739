"""How a store is created, and which tables it is given: see `store.tables` for the tables themselves."""

import json
import os
import sqlite3
import uuid
from pathlib import Path
from typing import TYPE_CHECKING

from store.connection import APPLICATION_ID, connect, wal_is_safe
from store.errors import UnusableFileError
from store.tables import FIRST_SCHEMA, SECOND_SCHEMA, THIRD_SCHEMA

if TYPE_CHECKING:
    from sqlite_utils.migrations import Migrations


def create_store(path: Path | str, *, name: str, actor: str, at: int, demo: bool = False) -> None:
    """Create an empty store, mode 0600, all at once: it appears whole under its name or not at all.

    Args:
        path: where; nothing may be there yet.
        name: the incident's name.
        actor: who creates it.
        at: now, microseconds UTC.
        demo: mark it as the demo, which `--demo` may open again.

    Raises:
        UnusableFileError: something is there already, or the folder cannot be written.
    """
    path = Path(path)
    if path.exists() or path.is_symlink():
        raise UnusableFileError(f"{path} exists already; open it, or choose another name")
    building = path.with_name(f".{path.name}.{uuid.uuid4().hex[:8]}.new")
    try:
        os.close(os.open(building, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    except OSError as error:
        raise UnusableFileError(f"cannot create {path}: {error.strerror}; choose a folder you can write to") from error
    try:
        connection = connect(building, mode="rwc")
        try:
            connection.execute(f"PRAGMA journal_mode={'WAL' if wal_is_safe() else 'DELETE'}")
            apply_migrations(connection)
            connection.execute("BEGIN IMMEDIATE")
            incident = str(uuid.uuid4())
            connection.execute(
                "INSERT INTO incident(id, uuid, name, demo, created_at, created_by) VALUES (1, ?, ?, ?, ?, ?)",
                (incident, name, int(demo), at, actor),
            )
            from store.ledger import append

            after = json.dumps({"uuid": incident, "name": name, "demo": demo})
            append(connection, actor=actor, verb="init", at=at, after=after)
            connection.execute("COMMIT")
        finally:
            connection.close()
        os.link(building, path)
    except FileExistsError as error:
        raise UnusableFileError(f"{path} exists already; open it, or choose another name") from error
    except (OSError, sqlite3.Error) as error:
        raise UnusableFileError(f"cannot create {path}: {error}") from error
    finally:
        # By name, not by pattern: what a person calls a file may hold `*` and `[`.
        for suffix in ("", "-journal", "-wal", "-shm"):
            building.with_name(f"{building.name}{suffix}").unlink(missing_ok=True)


def _migrations() -> "Migrations":
    from sqlite_utils import Database
    from sqlite_utils.migrations import Migrations

    migrations = Migrations("overscope")

    @migrations()
    def first_schema(db: Database) -> None:
        for statement in statements(FIRST_SCHEMA):
            db.execute(statement)
        db.execute(f"PRAGMA application_id={APPLICATION_ID}")
        db.execute("PRAGMA user_version=1")

    @migrations()
    def second_schema(db: Database) -> None:
        for statement in statements(SECOND_SCHEMA):
            db.execute(statement)
        db.execute("PRAGMA user_version=2")

    @migrations()
    def third_schema(db: Database) -> None:
        for statement in statements(THIRD_SCHEMA):
            db.execute(statement)
        db.execute("PRAGMA user_version=3")

    return migrations


def apply_migrations(connection: sqlite3.Connection) -> None:
    """Give a database every table of this version; inside the caller's transaction, if one is open."""
    from sqlite_utils import Database

    _migrations().apply(Database(connection, execute_plugins=False))


def statements(script: str) -> list[str]:
    """The statements of a script, one each: `executescript` would commit the migration's transaction."""
    statements, pending = [], ""
    for piece in script.split(";"):
        pending += piece + ";"
        if sqlite3.complete_statement(pending):
            if pending.strip(" \n;"):
                statements.append(pending)
            pending = ""
    return statements
