"""The folder that is imported while processes are killed, and everything that a store holds of it."""

import gzip
import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

from fixtures import m365_ual as invented
from store.connection import open_store
from store.figures import figures, figures_document
from store.ingest.imports import imports
from store.instants import parse_point
from store.parameters import Parameters
from store.partners import partner_document, partner_list
from store.tables import REGISTRY_TABLES
from tests.store.ingest_store import csv_text, event

RULES = """
[incident]
name = "Killed"
as_of = 2019-11-05
window_days = 60

[scopes]
"user_managed_groups" = ["group.*"]

[[rules]]
id = "r-1"
data_classes = ["group.member.*", "mail.*"]
from = 2018-04-04
except = ["opt_in", "exemption"]
basis = "the notice"
"""
TODAY = parse_point("2020-01-20")
_DICTIONARIES = {
    "apps": "SELECT id, app_id FROM apps",
    "partners": "SELECT p.id, coalesce(partner_id, 'app:' || app_id) FROM partners p LEFT JOIN apps a ON a.id = p.app",
    "subjects": "SELECT id, subject_id || ' ' || coalesce(spelling, '') FROM subjects",
    "resources": "SELECT id, resource_id FROM resources",
    "endpoints": "SELECT id, endpoint FROM endpoints",
    "addresses": "SELECT id, ip FROM addresses",
    "field_sets": "SELECT id, data_classes FROM field_sets",
}


def write_folder(folder: Path) -> list[Path]:
    """Registry files, overlapping logs, contradictions, repeats and records that are quarantined; sorted."""
    folder.mkdir()
    day = [f"2019-0{number % 9 + 1}-1{number % 10}T10:00:00Z" for number in range(60)]
    apps = range(6)
    texts = {
        "partners.csv": "partner_id,name\n" + "".join(f"p{number},Partner {number}\n" for number in range(4)) + "p9,\n",
        "apps.csv": "app_id,name,partner_id\n" + "".join(f"a{number},App,p{number % 4}\n" for number in apps),
        "grants.csv": "app_id,scope,granted_at\n"
        + "".join(f"a{number},user_managed_groups,2017-01-01T00:00:00Z\n" for number in apps)
        + "a1,user_managed_groups,2017-01-01T00:00:00Z\na1,user_managed_groups,soon\n",
        "opt_ins.csv": "subject_id,opted_in_at\n" + "".join(f"s{number}@X.example,{day[3]}\n" for number in range(20)),
    }
    for name, text in texts.items():
        (folder / name).write_text(text, "utf-8")
    rows = [
        event(
            occurred_at=day[number],
            app_id=f"a{number % 6}",
            subject_id=f"S{number % 25}@x.example",
            resource_id=f"g{number % 3}",
            endpoint=f"/{number % 4}",
            ip=f"192.0.2.{number % 5}",
            records=number,
            event_id=f"e{number}" if number % 2 else "",
        )
        for number in range(40)
    ]
    rows[7] = event(outcome="maybe")
    (folder / "access_events-1.csv").write_text(csv_text(rows), "utf-8")
    overlapping = [*rows[20:], *rows[20:24], event(event_id="e5"), event(event_id="x"), event(event_id="x", records=9)]
    (folder / "access_events-2.csv").write_text(csv_text(overlapping), "utf-8")
    lines = [json.dumps(event(subject_id=f"t{number}", app_id="a9")) for number in range(15)] + ["{", lines_twice(rows)]
    (folder / "access_events-3.jsonl.gz").write_bytes(gzip.compress("\n".join(lines).encode(), mtime=0))
    (folder / "audit.jsonl").write_bytes(invented.as_lines(invented.invented_log(4, reads=10)))
    return sorted(folder.iterdir())


def lines_twice(rows: list[dict[str, object]]) -> str:
    """Two known records once more, as JSON lines."""
    return "\n".join(json.dumps({name: value for name, value in row.items() if value != ""}) for row in rows[30:32])


def answers(database: Path, *, unfinished: int = 0) -> dict[str, Any]:
    """What the questions say: figures under two sets of parameters, the partners.

    Args:
        unfinished: how many imports the figures must say are unfinished, 0 or 1.
    """
    with open_store(database) as store:
        told: dict[str, Any] = {}
        for name, parameters in {
            "default": Parameters(today=TODAY),
            "asked": Parameters(today=TODAY, as_of=parse_point("2019-06-01"), window_days=90),
        }.items():
            answer = figures(store, parameters)
            document = figures_document(answer)
            begun = [caveat for caveat in answer.caveats if "unfinished" in caveat]
            assert len(begun) == document.pop("unfinished_imports") == unfinished
            document["caveats"] = [caveat for caveat in answer.caveats if caveat not in begun]
            told[name] = document
            told[f"{name} partners"] = [partner_document(row) for row in partner_list(store, parameters)]
    return told


def states(database: Path) -> list[tuple[str, bool]]:
    """The files that were imported for the first time, in order, and whether they were completed."""
    with open_store(database) as store:
        return [(each.file, each.is_complete) for each in imports(store) if each.import_id == each.content_id]


def evidence(database: Path) -> dict[str, list[Any]]:
    """Every row of the evidence tables, read by SQLite alone: files and texts where the tables have numbers."""
    with closing(sqlite3.connect(f"{database.as_uri()}?mode=ro", uri=True)) as reader:
        files = dict(reader.execute("SELECT import_id, file FROM imports").fetchall())
        texts = {table: dict(reader.execute(question).fetchall()) for table, question in _DICTIONARIES.items()}
        found: dict[str, list[Any]] = {
            table: _resolved(reader, table, texts, files)
            for table in ("access_events", "event_holders", "quarantine", *REGISTRY_TABLES.values())
        }
        versions = {kind: _versions(reader, table) for kind, table in REGISTRY_TABLES.items()}
        found["holdings"] = sorted(
            (kind, versions[kind][version], files[content], record_no)
            for kind, version, content, record_no in reader.execute("SELECT * FROM holdings")
        )
        found["live"] = [
            (
                kind,
                sorted(versions[kind][version] for (version,) in reader.execute(f"SELECT version_id FROM live_{kind}")),
            )
            for kind in REGISTRY_TABLES
        ]
        found["counts"] = reader.execute(
            "SELECT file, records, accepted, duplicates, quarantined, skipped, first_at, last_at FROM imports"
            " WHERE import_id = content_id ORDER BY file"
        ).fetchall()
    return found


def _versions(reader: sqlite3.Connection, table: str) -> dict[int, int]:
    return dict(reader.execute(f"SELECT version_id, content_key FROM {table}").fetchall())


def _resolved(
    reader: sqlite3.Connection, table: str, texts: dict[str, dict[int, str]], files: dict[int, str]
) -> list[tuple[str, ...]]:
    columns = [name for _, name, *_ in reader.execute(f"PRAGMA table_info({table})")]
    refers = {column: other for _, _, other, column, *_ in reader.execute(f"PRAGMA foreign_key_list({table})")}
    if table == "event_holders":
        refers = {"app": "apps"}
    rows = []
    for row in reader.execute(f"SELECT * FROM {table}"):
        named = dict(zip(columns, row, strict=True))
        for name in ("version_id", "quarantine_id"):
            named.pop(name, None)
        for column, other in refers.items():
            named[column] = None if named[column] is None else texts[other][named[column]]
        if "content_id" in named:
            named["content_id"] = files[named["content_id"]]
        rows.append(tuple(f"{name}={value!r}" for name, value in named.items()))
    return sorted(rows)
