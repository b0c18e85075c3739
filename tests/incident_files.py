"""Canonical files as they lie on a disk: CSV or JSON Lines, plain or gzipped, as the file's name says."""

import csv
import gzip
import io
import json
from collections.abc import Iterable
from pathlib import Path

Row = dict[str, object]

COLUMNS = {
    "partners": ("partner_id", "name", "category", "contact", "country"),
    "apps": ("app_id", "name", "partner_id"),
    "grants": ("app_id", "scope", "resource_id", "granted_at", "granted_by", "revoked_at"),
    "opt_ins": ("subject_id", "opted_in_at", "opted_out_at", "app_id", "resource_id"),
    "exemptions": ("app_id", "data_class", "exempt_from", "exempt_until", "reason"),
    "removals": ("app_id", "removed_at", "reason"),
    "coverage": ("source", "covered_from", "covered_until"),
    "subjects": ("subject_id", "country", "minor"),
    "steps": ("partner_id", "step", "at", "app_id", "note", "due"),
    "access_events": (
        *("occurred_at", "app_id", "data_class", "subject_id", "resource_id", "endpoint"),
        *("records", "bytes", "ip", "outcome", "event_id"),
    ),
}


def write_file(path: Path, kind: str, rows: Iterable[Row]) -> Path:
    """Write one canonical file, in the format that its name says."""
    if ".jsonl" in path.name:
        lines = [{name: value for name, value in row.items() if value not in (None, "")} for row in rows]
        content = "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines)
    else:
        text = io.StringIO(newline="")
        writer = csv.DictWriter(text, COLUMNS[kind], restval="", lineterminator="\r\n" if len(path.name) % 2 else "\n")
        writer.writeheader()
        for row in rows:
            joined = {name: "|".join(value) if isinstance(value, list) else value for name, value in row.items()}
            writer.writerow(joined)
        content = text.getvalue()
    data = content.encode()
    path.write_bytes(gzip.compress(data, mtime=0) if path.suffix == ".gz" else data)
    return path
