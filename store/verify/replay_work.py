"""What the log says of the work, held against it: cases, closures, steps, the evidence files they cite, and samples."""

import hashlib
import sqlite3
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import groupby, product
from operator import itemgetter
from typing import Any

from store.population_changes import CHANGED, POPULATIONS, digest
from store.verify.checks import Context, Finding, Findings, valued
from store.verify.entries import Entry
from store.verify.replay import Json, Told, differences, instant, rows_of
from store.words import counted

_CASES = "SELECT * FROM cases ORDER BY partner"
_CLOSURES = "SELECT * FROM closures ORDER BY seq"
_STEPS = "SELECT * FROM audit_steps ORDER BY step_id"
_EVIDENCE = "SELECT * FROM evidence ORDER BY evidence_id"
_SAMPLES = "SELECT * FROM samples ORDER BY seq"
_POPULATION_CHANGES = """
SELECT seq, population, partner, entered FROM population_changes ORDER BY seq, population, partner
"""
_APPS = "SELECT app_id, id FROM apps"

_UNTOUCHED = {"status": "open", "grounds": None, "assignee": None, "version": 0}
_STANDING = ("status", "grounds", "assignee", "version", "rests_on", "asked")
_BARE_DATE = len("2019-11-05")


def check_cases(connection: sqlite3.Connection, context: Context) -> Findings:
    """Each case stands as the log left it, and each entry found it as the one before had left it."""
    told: dict[tuple[int], Told] = {}
    states: dict[int, dict[str, Any]] = {}
    for entry in _changes(context.entries(connection)):
        partner = entry.partner
        before, after = (_standing(document) for document in (entry.before, entry.after))
        if before != states.get(partner, _UNTOUCHED):
            yield Finding(
                f"entry #{entry.seq}: it says that the case of {entry.partner_id} was {_told(before)},"
                f" the log had left it {_told(states.get(partner, _UNTOUCHED))}"
            )
        if after.get("version") != (before.get("version") or 0) + 1:
            yield Finding(f"entry #{entry.seq}: the case of {entry.partner_id} is not one version up")
        states[partner] = after
        columns = {"partner": partner, **{name: after.get(name) for name in _STANDING}}
        for name in ("rests_on", "asked"):
            if columns[name] is not None:
                columns[name] = Json(columns[name])
        told[partner,] = Told(f"case of {entry.partner_id}", entry.seq, columns)
    found = rows_of(connection, _CASES, ("partner",))
    yield from differences(told, found, lambda key, _: f"case of partner {key[0]}")
    return f"{counted(len(told), 'case')}, each as the log left it"


def check_closures(connection: sqlite3.Connection, context: Context) -> Findings:
    """Each closure knows the events that it knew when it was made."""
    told: dict[tuple[int], Told] = {}
    digests: dict[int, Any] = {}
    older: dict[str, Any] = {}
    for entry in context.entries(connection):
        if entry.verb == "upgrade":
            older |= entry.told("closures") or {}
        elif entry.partner is not None and _closes(entry):
            columns = {"seq": entry.seq, "partner": entry.partner}
            told[entry.seq,] = Told(f"closure #{entry.seq} of {entry.partner_id}", entry.seq, columns)
            digests[entry.seq] = entry.told("known_events")
    found = rows_of(connection, _CLOSURES, ("seq",))
    yield from differences(told, found, lambda key, _: f"closure #{key[0]}")
    for (seq,), closure in told.items():
        digest = digests[seq] or older.get(str(seq))
        if (seq,) in found and digest != _sha256(found[seq,].get("known_events")):
            yield Finding(f"{closure.name}: its known_events are not those that entry #{seq} tells of")
    return f"{counted(len(told), 'closure')}, each with the events that it knew"


def check_steps(connection: sqlite3.Connection, context: Context) -> Findings:
    """Each step is as it was recorded, and taken back where the log says so."""
    entries = context.entries(connection)
    apps = dict(connection.execute(_APPS).fetchall())
    evidence_ids = {sha256: place for place, (sha256, _) in enumerate(_cited(entries), 1)}
    told: dict[int, Told] = {}
    for entry in entries:
        if entry.verb == "upgrade":
            # Older entries tell only the day on which something is due.
            for seq, due in (entry.told("dues") or {}).items():
                if int(seq) in told:
                    told[int(seq)].columns["due"] = instant(due)
            continue
        step = entry.told("step")
        if entry.verb == "step" and isinstance(step, dict):
            columns = _step_columns(entry, step, len(told) + 1, apps, evidence_ids)
            whose = "the incident" if entry.partner is None else str(entry.partner_id)
            told[entry.seq] = Told(f"step {len(told) + 1} ({step.get('step')} of {whose})", entry.seq, columns)
        elif entry.told("corrected", "verb") == "step":
            step_seq = entry.told("corrected", "seq")
            if step_seq not in told:
                yield Finding(f"entry #{entry.seq}: it corrects step #{step_seq}, which is none")
                continue
            taken_back_by = None if entry.told("corrected", "in_force") else entry.seq
            told[step_seq].columns["taken_back_by"] = taken_back_by
    found = rows_of(connection, _STEPS, ("step_id",))
    by_id = {(row.columns["step_id"],): row for row in told.values()}
    yield from differences(by_id, found, lambda key, row: f"step {key[0]} ({valued(row.get('step'))})")
    return f"{counted(len(told), 'step')}, each as it was recorded"


def check_citations(connection: sqlite3.Connection, context: Context) -> Findings:
    """Each evidence file is listed as it was when it was collected. The files themselves are another check's."""
    told = {}
    for place, (sha256, entry) in enumerate(_cited(context.entries(connection)), 1):
        file = entry.told("step", "evidence")
        columns = {
            "evidence_id": place,
            "file_name": file.get("file_name"),
            "sha256": sha256,
            "size": file.get("size"),
            "collected_at": entry.at,
            "collected_by": entry.actor,
        }
        told[place,] = Told(f"evidence file {file.get('file_name')} of step #{entry.seq}", entry.seq, columns)
    found = rows_of(connection, _EVIDENCE, ("evidence_id",))
    yield from differences(told, found, lambda _, row: f"evidence file {row.get('file_name')}")
    return f"{counted(len(told), 'evidence file')}, each listed as it was collected"


def check_samples(connection: sqlite3.Connection, context: Context) -> Findings:
    """Each sample is the list that was drawn, of the partner it was drawn of."""
    told: dict[tuple[int], Told] = {}
    entries = {}
    for entry in context.entries(connection):
        if entry.verb == "sample":
            columns = {"seq": entry.seq, "partner": entry.partner}
            told[entry.seq,] = Told(f"sample #{entry.seq} of {entry.partner_id}", entry.seq, columns)
            entries[entry.seq,] = entry
    found = rows_of(connection, _SAMPLES, ("seq",))
    yield from differences(told, found, lambda key, _: f"sample #{key[0]}")
    for key, entry in entries.items():
        if key in found and _sha256_of_text(found[key].get("subjects")) != entry.told("sample", "subjects_sha256"):
            yield Finding(f"{told[key].name}: its subjects are not those that entry #{entry.seq} tells of")
    return f"{counted(len(told), 'sample')}, each as it was drawn"


def check_populations(connection: sqlite3.Connection, context: Context) -> Findings:
    """Who entered or left which population is what the entry that counted them vouches for."""
    told = {entry.seq: entry for entry in context.entries(connection) if entry.verb == CHANGED}
    rows = 0
    for seq, group in groupby(connection.execute(_POPULATION_CHANGES), itemgetter(0)):
        changes = [row[1:] for row in group]
        rows += len(changes)
        entry = told.pop(seq, None)
        name = f"population changes of entry #{valued(seq)}"
        if entry is None:
            yield Finding(f"{name}: the log tells nothing of them")
            continue
        counts = Counter((population, entered) for population, _, entered in changes)
        for population, (entered, way) in product(POPULATIONS, enumerate(("left", "entered"))):
            said = entry.told(population, way)
            if counts[population, entered] != said:
                found = f"{counts[population, entered]:,} {way} {population}"
                yield Finding(f"{name}: {found}, the entry says {valued(said)}")
        if digest(changes) != entry.told("sha256"):
            yield Finding(f"{name}: they are not those that the entry tells of")
    for seq in told:
        yield Finding(f"population changes of entry #{seq}: they are gone")
    return f"{counted(rows, 'time')} a partner entered or left a population, each as the log tells"


def _changes(entries: Sequence[Entry]) -> Iterator[Any]:
    """The entries that changed a case."""
    return (entry for entry in entries if entry.partner is not None and entry.told("version") is not None)


def _standing(document: Any) -> dict[str, Any]:
    if not isinstance(document, dict):
        return {}
    return {name: document[name] for name in _STANDING if name in document}


def _told(standing: dict[str, Any]) -> str:
    words = [str(standing.get("status")), f"version {standing.get('version')}"]
    words += [f"{name} {valued(standing[name])}" for name in ("grounds", "assignee") if standing.get(name) is not None]
    return ", ".join(words)


def _closes(entry: Entry) -> bool:
    """Whether an entry closed a case that was not closed before it."""
    before, after = _standing(entry.before), _standing(entry.after)
    return after.get("status") == "cleared" and before.get("status") != "cleared"


def _cited(entries: Sequence[Entry]) -> list[tuple[str, Entry]]:
    """The contents of evidence files in the order in which they came, each with the entry that brought it."""
    first: dict[str, Entry] = {}
    for entry in entries:
        sha256 = entry.told("step", "evidence", "sha256")
        if entry.verb == "step" and isinstance(sha256, str):
            first.setdefault(sha256, entry)
    return list(first.items())


def _step_columns(
    entry: Entry, step: dict[str, Any], step_id: int, apps: dict[str, int], evidence_ids: dict[str, int]
) -> dict[str, Any]:
    at, app_id = step.get("at"), step.get("app_id")
    sha256 = entry.told("step", "evidence", "sha256")
    return {
        "step_id": step_id,
        "partner": entry.partner,
        "app": None if app_id is None else apps.get(app_id),
        "step": step.get("step"),
        "at": instant(at),
        "at_is_date": int(isinstance(at, str) and len(at) == _BARE_DATE),
        "due": instant(step.get("due")),
        "note": entry.note,
        "evidence_id": None if sha256 is None else evidence_ids.get(sha256),
        "recorded_by": entry.actor,
        "seq": entry.seq,
        "taken_back_by": None,
        "details": Json(step["details"]) if step.get("details") is not None else None,
    }


def _sha256_of_text(text: object) -> str | None:
    # A list of ids is kept in ASCII, so that the bytes to be hashed are in no doubt.
    return hashlib.sha256(text.encode("ascii")).hexdigest() if isinstance(text, str) and text.isascii() else None


def _sha256(content: object) -> str | None:
    return hashlib.sha256(content).hexdigest() if isinstance(content, bytes) else None
