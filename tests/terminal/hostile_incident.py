"""An incident in which every text is the one that is tried: names, ids, reasons, notes, files, actors, the incident.

One partner a text, with everything about it made of that text.
"""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from store import audits, cases
from store.connection import Store, open_store
from store.ingest.importing import ImportReport, import_paths
from store.instants import now, parse_point
from store.names import find_partners
from store.rulebook import load_rules
from store.schema import create_store

# All restricted reads happened on this day, a second apart.
DAY = "2018-05-15"
TODAY = "2018-07-20"
# What no database takes as text.
_UNREADABLE = ("nul\x00\x1b[7m", "lone\ud800\udc9b")
_RULES = """
[incident]
name = {name}
as_of = 2018-07-01
window_days = 60

[scopes]
"members" = ["group.*"]

[[rules]]
id = {rule}
data_classes = ["group.member.*"]
from = 2018-04-04
except = ["opt_in"]
basis = {basis}
"""


def partner_id(text: str) -> str:
    """The outside id of a text's partner."""
    return f"p{text}"


def rules(name: str, rule: str, basis: str = "notice") -> str:
    """A rulebook in TOML; JSON's strings are TOML's."""
    return _RULES.format(name=quoted(name), rule=quoted(rule), basis=quoted(basis))


def quoted(text: str) -> str:
    """A text as a string of TOML."""
    # JSON leaves DEL as it is, which TOML does not allow; and TOML knows no surrogate pairs.
    quoted = json.dumps(text, ensure_ascii=False)
    return "".join(f"\\U{ord(one):08x}" if not one.isprintable() else one for one in quoted)


def tables(texts: Sequence[str]) -> Mapping[str, Sequence[Mapping[str, object]]]:
    """The records of the canonical files. Of each event, eight fields hold eight different texts."""

    def of(place: int) -> str:
        return texts[place % len(texts)]

    apps = [f"a{text}" for text in texts]
    return {
        "partners": [
            {"partner_id": partner_id(text), "name": text, "category": text, "contact": text, "country": text}
            for text in texts
        ],
        "apps": [
            {"app_id": app, "name": text, "partner_id": partner_id(text)} for app, text in zip(apps, texts, strict=True)
        ],
        "grants": [
            {"app_id": app, "scope": "members", "granted_at": "2017-01-01T00:00:00Z", "granted_by": text}
            for app, text in zip(apps, texts, strict=True)
        ]
        + [{"app_id": apps[0], "scope": text, "granted_at": "2017-01-01T00:00:00Z"} for text in texts],
        "opt_ins": [{"subject_id": f"s{text}", "opted_in_at": "2017-01-01T00:00:00Z"} for text in texts],
        "exemptions": [
            {
                "app_id": apps[0],
                "data_class": "other.x",
                "exempt_from": f"{2001 + i // 12}-{1 + i % 12:02}-01T00:00:00Z",
                "reason": text,
            }
            for i, text in enumerate(texts)
        ],
        "coverage": [
            {"source": text, "covered_from": "2018-04-04T00:00:00Z", "covered_until": "2018-06-20T00:00:00Z"}
            for text in texts
        ],
        "removals": [
            {"app_id": app, "removed_at": f"2018-06-{1 + i % 20:02}T00:00:{i % 60:02}Z", "reason": text}
            for i, (app, text) in enumerate(zip(apps, texts, strict=True))
        ],
        "subjects": [
            {"subject_id": text, "country": text, "minor": "true" if place % 2 else "false"}
            for place, text in enumerate(texts)
        ],
        "steps": [
            {"partner_id": partner_id(text), "step": "access_removed", "at": "2018-06-21", "note": text}
            for text in texts
        ],
        "access_events": [
            {
                "occurred_at": f"{DAY}T00:{i // 60:02}:{i % 60:02}Z",
                "app_id": app,
                "data_class": f"group.member.{of(i + 2)}".translate({ord("|"): "", ord("*"): ""}),
                "subject_id": of(i + 3),
                "resource_id": of(i + 4),
                "endpoint": of(i + 5),
                "ip": of(i + 6),
                "event_id": of(i + 7),
            }
            for i, app in enumerate(apps)
        ]
        # What cannot be read is kept, and shown, too.
        + [{"occurred_at": text, "app_id": text, "data_class": text} for text in (*texts, *_UNREADABLE)],
    }


def file_name(text: str) -> str:
    """A name that a file may bear: the text without what no file's name can hold, as long as one may be."""
    return text.replace("/", "|").replace("\0", "")[:60]


def write_files(folder: Path, texts: Sequence[str]) -> list[Path]:
    """The canonical files, JSON Lines, which can hold any character; their names are texts, too."""
    folder.mkdir()
    paths = []
    for place, (kind, rows) in enumerate(tables(texts).items()):
        path = folder / f"{kind}-{file_name(texts[place % len(texts)])}.jsonl"
        path.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
        paths.append(path)
    return paths


def build_store(folder: Path, texts: Sequence[str]) -> Path:
    """The incident in a store, with case work whose notes, actors and evidence are the texts, too."""
    path = folder / f"{file_name(texts[0])}.db"
    create_store(path, name="", actor=texts[-1], at=now())
    with open_store(path) as store:
        load_rules(store, rules(texts[0], texts[0]), source=texts[-1], actor=texts[0])
        report = import_paths(store, write_files(folder / "files", texts), actor=texts[0])
        _check(report, len(texts))
        _work(store, folder, texts)
    return path


def _check(report: ImportReport, partners: int) -> None:
    """Nothing that should be on a screen was kept out: only the events without a time are quarantined."""
    for entry in report.imports:
        expected = partners + len(_UNREADABLE) if entry.kind == "access_events" else 0
        assert entry.quarantined == expected, (entry.kind, entry.quarantined)
        assert entry.accepted >= partners or entry.kind == "exemptions", (entry.kind, entry.accepted)


def _work(store: Store, folder: Path, texts: Sequence[str]) -> None:
    at = parse_point("2018-06-22")
    for place, (text, partner) in enumerate(
        zip(texts, find_partners(store, [partner_id(text) for text in texts]), strict=True)
    ):
        evidence = folder / f"{place} {file_name(text)}.txt"
        evidence.write_text(text, "utf-8", "surrogatepass")
        cases.add_note(store, [partner], actor=text, note=text, privileged=bool(place % 2))
        cases.assign(store, [partner], actor=text, assignee=text)
        audits.record_step(
            store, [partner], actor=text, step="notified", at=at, due=at, note=text, evidence=str(evidence)
        )
