"""What the log says of what came in, held against it: the incident, imports, settled records, rulebooks."""

import hashlib
import sqlite3
from typing import Any

from store.errors import UnusableFileError
from store.patterns import ANYTHING
from store.rulebook import Rulebook, parse_rulebook
from store.verify.checks import Context, Finding, Findings, valued
from store.verify.entries import Entry
from store.verify.replay import Json, Told, differences, instant, rows_of
from store.words import counted

_INCIDENT = "SELECT * FROM incident"
_IMPORTS = "SELECT * FROM imports WHERE state IS NOT 'loading' ORDER BY import_id"
_UNFINISHED = "SELECT import_id, file FROM imports WHERE state = 'loading' ORDER BY import_id"
_QUARANTINE = """
SELECT q.quarantine_id, q.content_id, q.resolved_at, q.resolved_by, q.resolution FROM quarantine q
ORDER BY q.quarantine_id
"""
_RULEBOOKS = "SELECT * FROM rulebooks ORDER BY rulebook_id"
_RULES = "SELECT * FROM rules ORDER BY rulebook_id, ordinal"
_SCOPES = "SELECT * FROM scopes ORDER BY rulebook_id, scope"

_AS_TOLD = ("file", "sha256", "format", "kind", "records", "accepted", "duplicates", "quarantined", "skipped")
# Entries of the first schema do not tell these; the entry that brought the store up to date does.
_TOLD_LATER = ("content_id", "path", "size", "started_by")
_UNSETTLED = {"resolved_at": None, "resolved_by": None, "resolution": None}
_EXCEPTIONS = ("opt_in", "exemption")


def check_incident(connection: sqlite3.Connection, context: Context) -> Findings:
    """The incident is the one that the log began with."""
    told: dict[str, Any] = {}
    seq = 0
    for entry in context.entries(connection):
        if entry.verb == "init" and not told:
            seq = entry.seq
            told = {"id": 1, **_identity(entry.after), "created_at": entry.at, "created_by": entry.actor}
            told["pseudonym_key"] = None
        elif entry.verb == "upgrade":
            told |= _identity(entry.told("incident"))
        if entry.told("pseudonym_key") is not None:
            told["pseudonym_key"], seq = entry.told("pseudonym_key"), entry.seq
    found = rows_of(connection, _INCIDENT, ("id",))
    yield from differences({(1,): Told("the incident", seq, told)}, found, lambda key, _: f"incident {key[0]}")
    return f"{valued(told.get('name'))}, as the log began with it"


def check_imports(connection: sqlite3.Connection, context: Context) -> Findings:
    """Each import is as its completion entry tells, and voided where the log says so."""
    told: dict[tuple[Any], Told] = {}
    for entry in context.entries(connection):
        key = (entry.told("import_id"),)
        if entry.verb == "import" and isinstance(entry.after, dict):
            told[key] = Told(_import_name(entry), entry.seq, _import_columns(entry))
        elif entry.verb == "void":
            if key not in told:
                yield Finding(f"entry #{entry.seq}: it voids import {key[0]}, which no entry tells of")
                continue
            told[key].columns.update(voided_at=entry.at, voided_by=entry.actor, void_note=entry.note)
        elif entry.verb == "upgrade":
            _fill_in(told, entry.told("imports"))
    found = rows_of(connection, _IMPORTS, ("import_id",))
    yield from differences(told, found, lambda key, row: f"import {key[0]} {row.get('file')}")
    for import_id, file in connection.execute(_UNFINISHED):
        yield Finding(f"import {import_id} {file} is unfinished and counts nowhere", is_fault=False)
    voided = sum(row.columns["voided_at"] is not None for row in told.values())
    return f"{counted(len(told), 'import')}, {voided:,} of them voided, each as the log tells"


def check_settled(connection: sqlite3.Connection, context: Context) -> Findings:
    """Each quarantined record is settled where the log says so, and nowhere else."""
    settled: dict[Any, tuple[int, dict[str, Any]]] = {}
    for entry in context.entries(connection):
        resolution: object = None
        ids: list[Any] = []
        if entry.verb == "resolve_quarantine":
            ids, resolution = [entry.told("quarantine_id")], entry.note
        elif entry.verb == "upgrade":
            for quarantine_id, each in (entry.told("settled") or {}).items():
                told_later = {**each, "resolved_at": instant(each["resolved_at"])}
                settled.setdefault(int(quarantine_id), (entry.seq, told_later))
        elif entry.verb == "import" and isinstance(entry.told("settled"), list):
            ids, resolution = entry.told("settled"), f"read again by import {entry.told('import_id')}"
        columns = {"resolved_at": entry.at, "resolved_by": entry.actor, "resolution": resolution}
        for quarantine_id in ids:
            settled[quarantine_id] = (entry.seq, columns)
    found = rows_of(connection, _QUARANTINE, ("quarantine_id",))
    told = {}
    for (quarantine_id,) in found.keys() | {(each,) for each in settled}:
        name = f"quarantined record {quarantine_id}"
        told[quarantine_id,] = Told(name, *settled.get(quarantine_id, (0, _UNSETTLED)))
    for finding in differences(told, found, lambda key, _: f"quarantined record {key[0]}"):
        yield Finding(finding.says.replace("entry #0 says", "the log says"))
    return f"{counted(len(found), 'quarantined record')}, {len(settled):,} of them settled, each as the log tells"


def check_rulebooks(connection: sqlite3.Connection, context: Context) -> Findings:
    """Each rulebook is the text that was loaded, and its rules and scopes are what that text says."""
    told = {}
    for entry in context.entries(connection):
        if entry.verb == "load_rules":
            rulebook_id = entry.told("rulebook_id")
            columns = {
                "rulebook_id": rulebook_id,
                "source": entry.told("source"),
                "sha256": entry.told("sha256"),
                "loaded_at": entry.at,
                "loaded_by": entry.actor,
            }
            told[rulebook_id,] = Told(f"rulebook {rulebook_id} {entry.told('source')}", entry.seq, columns)
    found = rows_of(connection, _RULEBOOKS, ("rulebook_id",))
    yield from differences(told, found, lambda key, row: f"rulebook {key[0]} {row.get('source')}")
    rules: dict[tuple[Any, ...], Told] = {}
    scopes: dict[tuple[Any, ...], Told] = {}
    for (rulebook_id,), each in told.items():
        toml = found.get((rulebook_id,), {}).get("toml")
        if not isinstance(toml, str) or _sha256(toml) != each.columns["sha256"]:
            yield Finding(f"{each.name}: its text is not the one that entry #{each.seq} tells of")
            continue
        try:
            parsed = parse_rulebook(toml, source=each.name)
        except UnusableFileError as error:
            yield Finding(str(error))
            continue
        rules |= _rules(rulebook_id, each, parsed)
        scopes |= _scopes(rulebook_id, each, parsed)
    yield from differences(
        rules,
        rows_of(connection, _RULES, ("rulebook_id", "ordinal")),
        lambda key, _: f"rule {key[1]} of rulebook {key[0]}",
    )
    yield from differences(
        scopes,
        rows_of(connection, _SCOPES, ("rulebook_id", "scope")),
        lambda key, _: f"scope {key[1]} of rulebook {key[0]}",
    )
    return f"{counted(len(told), 'rulebook')} with {counted(len(rules), 'rule')}, each as it was loaded"


def _identity(document: Any) -> dict[str, Any]:
    if not isinstance(document, dict):
        return {}
    known = {name: document[name] for name in ("uuid", "name") if name in document}
    return known | ({"demo": int(document["demo"])} if isinstance(document.get("demo"), bool) else {})


def _import_name(entry: Entry) -> str:
    return f"import {entry.told('import_id')} {entry.told('file')}"


def _import_columns(entry: Entry) -> dict[str, Any]:
    after = entry.after
    columns = {name: after.get(name) for name in ("import_id", *_AS_TOLD)}
    columns |= {name: after[name] for name in _TOLD_LATER if name in after}
    columns |= {
        "state": "complete",
        "completed_at": entry.at,
        "first_at": instant(after.get("first_at")),
        "last_at": instant(after.get("last_at")),
        "extra_columns": Json(after.get("ignored_columns")),
        "redacted": after.get("redacted", 0),
        "voided_at": None,
        "voided_by": None,
        "void_note": None,
    }
    return columns | _later(after)


def _later(told: dict[str, Any]) -> dict[str, Any]:
    columns: dict[str, Any] = {name: told[name] for name in _TOLD_LATER if name in told}
    if "started_at" in told:
        columns["started_at"] = instant(told["started_at"])
    if "options" in told:
        columns["options"] = Json(told["options"])
    return columns


def _fill_in(told: dict[tuple[Any], Told], imports: Any) -> None:
    """Take what older entries do not tell from the entry that brought the store up to date."""
    if not isinstance(imports, dict):
        return
    for (import_id,), each in told.items():
        later = imports.get(str(import_id))
        if isinstance(later, dict):
            each.columns.update(_later(later))


def _rules(rulebook_id: Any, loaded: Told, parsed: Rulebook) -> dict[tuple[Any, ...], Told]:
    rows = {}
    for ordinal, rule in enumerate(parsed.rules, 1):
        accepted = (rule.accepts_opt_in, rule.accepts_exemption)
        columns = {
            "rulebook_id": rulebook_id,
            "ordinal": ordinal,
            "rule_id": rule.rule_id,
            "from_at": rule.from_at,
            "until_at": rule.until_at,
            "data_classes": Json(list(rule.data_classes)),
            "apps": Json([ANYTHING] if rule.apps is None else sorted(rule.apps)),
            "exceptions": Json([name for name, accepts in zip(_EXCEPTIONS, accepted, strict=True) if accepts]),
            "basis": rule.basis,
        }
        rows[rulebook_id, ordinal] = Told(f"rule {rule.rule_id} of {loaded.name}", loaded.seq, columns)
    return rows


def _scopes(rulebook_id: Any, loaded: Told, parsed: Rulebook) -> dict[tuple[Any, ...], Told]:
    return {
        (rulebook_id, scope): Told(
            f"scope {scope} of {loaded.name}",
            loaded.seq,
            {"rulebook_id": rulebook_id, "scope": scope, "patterns": Json(list(patterns))},
        )
        for scope, patterns in parsed.scopes.items()
    }


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()
