"""A store as the first schema's program left it: made from a store of today by leaving out what it did not know."""

import hashlib
import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

from sqlite_utils import Database

from store import schema

# What an import's entry told then.
_IMPORT = (
    *("import_id", "file", "sha256", "format", "kind", "records", "accepted", "duplicates", "quarantined", "skipped"),
    *("first_at", "last_at", "ignored_columns"),
)
_HASHED = ("uuid", "at", "actor", "verb", "partner_id", "before", "after", "note", "privileged", "batch", "corrects")


def as_first_schema(source: Path, target: Path) -> None:
    """Write a store with the same work and evidence, of the first schema; its log tells less, in no canonical form."""
    with closing(sqlite3.connect(target, isolation_level=None)) as old:
        old.execute("PRAGMA journal_mode=DELETE")
        schema._migrations().apply(Database(old, execute_plugins=False), stop_before="second_schema")
        old.execute("ATTACH ? AS now", (str(source),))
        old.execute("BEGIN")
        tables = old.execute("SELECT name FROM main.sqlite_schema WHERE type = 'table' AND name NOT LIKE '%sqlite_%'")
        for (table,) in tables.fetchall():
            columns = ", ".join(row[1] for row in old.execute(f"PRAGMA main.table_info({table})"))
            rows = old.execute(f"SELECT {columns} FROM now.{table}").fetchall()
            if table == "actions":
                rows = _told_then(rows, columns.split(", "))
            marks = ", ".join("?" * len(columns.split(", ")))
            old.executemany(f"INSERT INTO main.{table}({columns}) VALUES ({marks})", rows)
        old.execute("COMMIT")


def _told_then(rows: list[tuple[Any, ...]], columns: list[str]) -> list[tuple[Any, ...]]:
    previous = "0" * 64
    told = []
    for row in rows:
        entry = dict(zip(columns, row, strict=True))
        if entry["verb"] == "populations":
            # No log told of them then; something else stands there, so that the others keep their numbers.
            entry |= {"verb": "rebuild", "after": None}
        entry["before"] = None if entry["before"] is None else json.dumps(json.loads(entry["before"]))
        entry["after"] = (
            None if entry["after"] is None else json.dumps(_after(entry["verb"], json.loads(entry["after"])))
        )
        entry["previous_hash"] = previous
        hashed = {"previous": previous, **{name: entry[name] for name in _HASHED}}
        hashed["privileged"] = bool(entry["privileged"])
        text = json.dumps(hashed, sort_keys=True, separators=(",", ":"))
        entry["hash"] = previous = hashlib.sha256(text.encode()).hexdigest()
        told.append(tuple(entry[name] for name in columns))
    return told


def _after(verb: str, after: dict[str, Any]) -> dict[str, Any]:
    if verb == "init":
        return {"name": after["name"]}
    if verb == "import":
        return {name: after[name] for name in _IMPORT}
    if step := after.get("step"):
        step["due"] = step["due"] and step["due"][:10]
    return {name: value for name, value in after.items() if name != "known_events"}
