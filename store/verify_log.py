#!/usr/bin/env python3
"""Checks an exported action log without the program that wrote it.

    python3 verify_log.py LOG.json [--checkpoint FILE]

LOG.json is what `python -m store log --json` prints; FILE is what `python -m store checkpoint` wrote. It needs Python
3.9 or later and nothing else: this file can be read whole, and run anywhere.

What it holds the log to: entries numbered from 1 without a gap, each with the SHA-256 of its canonical JSON and of the
entry before it, no uuid twice, corrections that point backwards, nothing that no hash covers; and, with a checkpoint,
that the entry it saw last is there, with its hash, and that all before it counts up to what it counted.

Exit 0: all of it holds; 1: something does not, a line each; 2: a file cannot be read as what it should be.
It is tamper-evident, never tamper-proof: without a checkpoint nobody can see that the end was cut, or all written anew.
"""

from __future__ import annotations

import datetime
import hashlib
import json
import re
import sys
import unicodedata
from collections.abc import Iterator
from typing import Any

GENESIS = "0" * 64
CHECKPOINT = "overscope checkpoint"
COUNTED = ("records", "accepted", "duplicates", "quarantined", "skipped")
MOST_SHOWN = 50
LARGEST = 1 << 32
INSTANT = re.compile(r"(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)(?:\.(\d{6}))?Z", re.ASCII)
HASH = re.compile(r"[0-9a-f]{64}", re.ASCII)
HIDDEN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})

# Each key that an entry's hash covers, and what it may hold.
TEXT, NUMBER, FLAG, ANY = "text", "number", "true or false", "anything"
KEYS = {
    "seq": (NUMBER, False),
    "uuid": (TEXT, False),
    "at": (ANY, False),
    "actor": (TEXT, False),
    "verb": (TEXT, False),
    "partner_id": (TEXT, True),
    "before": (ANY, True),
    "after": (ANY, True),
    "note": (TEXT, True),
    "privileged": (FLAG, False),
    "batch": (TEXT, False),
    "corrects": (NUMBER, True),
    "hash": (TEXT, False),
}
# What follows from what the hash covers.
BESIDES = {"before_text", "after_text", "clock_went_back"}


class UnusableError(Exception):
    """A file that is not what it should be."""


def canonical(value: Any) -> str:
    """The one JSON text of a value: keys sorted, no blanks, ASCII."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True)


def microseconds(value: Any) -> int | None:
    """An instant of the log, in microseconds UTC since 1970; None where it is none."""
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    match = INSTANT.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        return None
    year, month, day, hour, minute, second = (int(part) for part in match.groups()[:6])
    try:
        days = datetime.date(year, month, day).toordinal() - datetime.date(1970, 1, 1).toordinal()
        datetime.time(hour, minute, second)
    except ValueError:
        return None
    return ((days * 24 + hour) * 60 + minute) * 60_000_000 + second * 1_000_000 + int(match.group(7) or 0)


def stored_text(entry: dict[str, Any], name: str) -> str | None:
    """The text of `before` or `after` as it was hashed."""
    if f"{name}_text" in entry:
        return str(entry[f"{name}_text"])
    return None if entry[name] is None else canonical(entry[name])


def entry_hash(previous: str, entry: dict[str, Any], at: int) -> str:
    """The hash that an entry must bear, after one with the hash `previous`."""
    hashed = {name: entry[name] for name in ("uuid", "actor", "verb", "partner_id", "note", "privileged", "batch")}
    hashed["previous"] = previous
    hashed["at"] = at
    hashed["corrects"] = entry["corrects"]
    hashed["before"] = stored_text(entry, "before")
    hashed["after"] = stored_text(entry, "after")
    return hashlib.sha256(canonical(hashed).encode("ascii")).hexdigest()


def misfit(entry: Any) -> str:
    """What keeps a value from being an entry of a log; empty: nothing."""
    if not isinstance(entry, dict):
        return "it is no entry"
    for name, (kind, may_be_absent) in KEYS.items():
        if name not in entry:
            return f"it has no {name}"
        value = entry[name]
        fits = {
            TEXT: isinstance(value, str),
            NUMBER: isinstance(value, int) and not isinstance(value, bool),
            FLAG: isinstance(value, bool),
            ANY: True,
        }[kind]
        if not fits and not (value is None and may_be_absent):
            return f"its {name} is not {kind}"
    if microseconds(entry["at"]) is None:
        return "its at is no instant"
    for name in ("before", "after"):
        if f"{name}_text" in entry and not says(entry[f"{name}_text"], entry[name]):
            return f"its {name}_text does not say what its {name} says"
    return ""


def says(text: Any, value: Any) -> bool:
    """Whether a stored text says a value; one that is no JSON says nothing."""
    if not isinstance(text, str):
        return False
    try:
        return canonical(json.loads(text, parse_constant=refuse)) == canonical(value)
    except (ValueError, RecursionError):
        return value is None


def refuse(constant: str) -> None:
    """NaN and the infinities are no JSON."""
    raise ValueError(f"{constant} is no JSON")


def without_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object each of whose keys stands in it once: two readers could read a repeated one differently."""
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a key stands twice in one object")
    return found


def last_plain(entries: list[dict[str, Any]]) -> int:
    """The last entry from before the log had a canonical form; 0 where it always had."""
    found = 0
    first = entries[0]["after"]
    if isinstance(first, dict) and "uuid" in first:
        return 0
    for entry in entries:
        before = entry["before"] if isinstance(entry["before"], dict) else {}
        schema = before.get("schema")
        if entry["verb"] == "upgrade" and isinstance(schema, int) and schema < 2:
            found = max(found, entry["seq"])
    return found


def check_log(actions: list[Any]) -> Iterator[str]:
    """What does not hold in a log, a line each."""
    entries = []
    for place, entry in enumerate(actions, 1):
        wrong = misfit(entry)
        if wrong:
            yield f"entry {place} of the file: {wrong}"
        else:
            entries.append(entry)
    if not entries:
        yield "the log is empty: not even its first entry, init, is there"
        return
    if entries[0]["verb"] != "init":
        yield f"entry #{entries[0]['seq']}: the log does not begin with init"
    plain_until = last_plain(entries)
    previous_seq, previous_hash, previous_at = 0, GENESIS, microseconds(entries[0]["at"]) or 0
    uuids: dict[str, int] = {}
    for entry in entries:
        seq, at = entry["seq"], microseconds(entry["at"]) or 0
        if seq != previous_seq + 1:
            yield f"entry #{seq}: it comes after #{previous_seq}"
        if entry_hash(previous_hash, entry, at) != entry["hash"]:
            yield f"entry #{seq}: its hash is not that of what it says after the entry before it"
        if seq > plain_until and ("before_text" in entry or "after_text" in entry):
            yield f"entry #{seq}: it is not in canonical form"
        if entry["uuid"] in uuids:
            yield f"entry #{seq}: it bears the uuid of entry #{uuids[entry['uuid']]}"
        uuids.setdefault(entry["uuid"], seq)
        if entry["corrects"] is not None and not 0 < entry["corrects"] < seq:
            yield f"entry #{seq}: it corrects #{entry['corrects']}, which is not before it"
        for name in sorted(entry.keys() - KEYS.keys() - BESIDES):
            yield f"entry #{seq}: its {name} is covered by no hash"
        went_back = previous_at - at if at < previous_at else None
        if canonical(entry.get("clock_went_back", went_back)) != canonical(went_back):
            yield f"entry #{seq}: its clock_went_back is not what the times of the entries say"
        previous_seq, previous_hash, previous_at = seq, entry["hash"], at


def counts_of(entries: list[dict[str, Any]]) -> dict[str, int]:
    """What entries count up to."""
    imports = [entry["after"] for entry in entries if entry["verb"] == "import" and isinstance(entry["after"], dict)]
    counts = {
        "entries": len(entries),
        "imports": len(imports),
        "voided": sum(entry["verb"] == "void" for entry in entries),
    }
    for name in COUNTED:
        numbers = [after.get(name) for after in imports]
        counts[name] = sum(number for number in numbers if isinstance(number, int))
    return counts


def evidence_of(entries: list[dict[str, Any]]) -> str:
    """One hash over the evidence digests that entries tell, a line `content_id digest` each."""
    digest = hashlib.sha256()
    for entry in entries:
        after = entry["after"] if isinstance(entry["after"], dict) else {}
        told = after.get("evidence")
        pairs = []
        if entry["verb"] == "import" and isinstance(told, str):
            pairs = [(str(after.get("content_id")), told)]
        elif entry["verb"] == "upgrade" and isinstance(told, dict):
            pairs = [(content_id, str(told[content_id])) for content_id in sorted(told)]
        for content_id, sealed in pairs:
            digest.update(f"{content_id} {sealed}\n".encode("utf-8", "surrogatepass"))
    return digest.hexdigest()


def incident_of(entries: list[dict[str, Any]]) -> Any:
    """The incident that the log names; None where it names none."""
    for entry in entries:
        after = entry["after"] if isinstance(entry["after"], dict) else {}
        if entry["verb"] == "init" and "uuid" in after:
            return after["uuid"]
        if entry["verb"] == "upgrade" and isinstance(after.get("incident"), dict):
            return after["incident"].get("uuid")
    return None


def check_checkpoint(actions: list[Any], taken: dict[str, Any]) -> Iterator[str]:
    """What a checkpoint saw and the log does not show, a line each."""
    entries = [entry for entry in actions if not misfit(entry)]
    seen = [entry for entry in entries if entry["seq"] <= taken["seq"]]
    incident = incident_of(entries)
    if incident is not None and incident != taken["incident"]["uuid"]:
        yield f"the checkpoint is of another incident: {taken['incident']['uuid']}"
    if not seen or seen[-1]["seq"] != taken["seq"]:
        yield f"entry #{taken['seq']}, which the checkpoint saw last, is missing"
        return
    if seen[-1]["hash"] != taken["hash"]:
        yield f"entry #{taken['seq']}: its hash is not the one that the checkpoint saw: the log was written anew"
    if microseconds(seen[-1]["at"]) != microseconds(taken["at"]):
        yield f"entry #{taken['seq']}: its time is not the one that the checkpoint saw"
    counts = counts_of(seen)
    for name in sorted(set(counts) | set(taken["counts"])):
        there, saw = counts.get(name), taken["counts"].get(name)
        if there != saw:
            yield f"{name} up to entry #{taken['seq']}: {there}, and {saw} in the checkpoint"
    if evidence_of(seen) != taken["evidence"]:
        yield f"the evidence digest up to entry #{taken['seq']} is not the one that the checkpoint saw"


def read_json(path: str) -> Any:
    """The one JSON document of a file."""
    try:
        with open(path, "rb") as stream:
            content = stream.read(LARGEST)
        return json.loads(content.decode("utf-8"), parse_constant=refuse, object_pairs_hook=without_repeats)
    except (OSError, ValueError, RecursionError, MemoryError) as error:
        raise UnusableError(f"{path}: cannot be read as JSON: {error}") from error


def read_log(path: str) -> list[Any]:
    """The entries of an exported log."""
    document = read_json(path)
    actions = document.get("actions") if isinstance(document, dict) else None
    if not isinstance(actions, list):
        raise UnusableError(f'{path}: it is no exported log: it has no list "actions"')
    return actions


def read_checkpoint(path: str) -> dict[str, Any]:
    """A checkpoint, of the form that this program knows."""
    taken = read_json(path)
    if not isinstance(taken, dict) or taken.get("format") != CHECKPOINT or taken.get("version") != 1:
        raise UnusableError(f"{path}: it is no checkpoint, or of a version that this program does not know")
    incident, counts = taken.get("incident"), taken.get("counts")
    whole = [taken.get("seq"), *(counts.values() if isinstance(counts, dict) else [None])]
    hashes = [taken.get("hash"), taken.get("evidence")]
    if (
        not isinstance(incident, dict)
        or not isinstance(incident.get("uuid"), str)
        or not all(isinstance(each, int) and not isinstance(each, bool) for each in whole)
        or not all(isinstance(each, str) and HASH.fullmatch(each) for each in hashes)
        or microseconds(taken.get("at")) is None
    ):
        raise UnusableError(f"{path}: it is a damaged checkpoint")
    return taken


def shown(text: str) -> str:
    """A line with whatever could control a terminal as an escape, and not too long."""
    cut = text[:400]
    return "".join(
        f"\\u{{{ord(character):x}}}" if unicodedata.category(character) in HIDDEN else character for character in cut
    )


def say(line: str, stream: Any) -> None:
    """Print a line in ASCII: whatever else is in it is shown as an escape."""
    stream.write(shown(line).encode("ascii", "backslashreplace").decode("ascii") + "\n")


def main(words: list[str]) -> int:
    """Check the log that the words name."""
    paths, checkpoint = [], None
    rest = iter(words)
    for word in rest:
        if word == "--checkpoint":
            checkpoint = next(rest, "")
        else:
            paths.append(word)
    if len(paths) != 1 or checkpoint == "" or paths[0].startswith("-"):
        say("usage: python3 verify_log.py LOG.json [--checkpoint FILE]", sys.stderr)
        return 0 if "--help" in words or "-h" in words else 2
    try:
        actions = read_log(paths[0])
        taken = None if checkpoint is None else read_checkpoint(checkpoint)
        wrong = list(check_log(actions))
        if taken is not None:
            wrong += check_checkpoint(actions, taken)
    except (UnusableError, RecursionError) as error:
        say(str(error), sys.stderr)
        return 2
    for line in wrong[:MOST_SHOWN]:
        say(f"NOT ok  {line}", sys.stdout)
    if len(wrong) > MOST_SHOWN:
        say(f"NOT ok  and {len(wrong) - MOST_SHOWN} more", sys.stdout)
    if wrong:
        return 1
    against = "no checkpoint was given" if taken is None else f"as the checkpoint of entry #{taken['seq']} saw it"
    last = actions[-1]
    say(f"ok      {len(actions)} entries, each chained to the one before; {against}", sys.stdout)
    say(f"        the head is #{last['seq']} {last['hash']}", sys.stdout)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
