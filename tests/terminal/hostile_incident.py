"""An incident in which every text attacks the terminal: names, ids, reasons, notes, files, the incident itself."""

import json
from pathlib import Path

from store import audits, cases
from store.connection import open_store
from store.ingest.importing import import_paths
from store.instants import now, parse_point
from store.names import find_partner
from store.rulebook import load_rules
from store.schema import create_store

FIRST = "[@click=app.quit]boom[/nope] \x1b]52;c;aGk=\x07"
# Numbers no program would write of itself: were one of these obeyed, the raw bytes would hold it.
PAYLOADS = (
    FIRST,
    "\x1b]0;owned title 7001\x07",
    "\x1b]2;owned title 7002\x1b\\",
    "\x1b]8;;https://example.org/7003\x1b\\click\x1b]8;;\x1b\\",
    "\x1b]4;7;rgb:70/04/00\x07",
    "\x1b]10;?\x07",
    "\x1b]9;notify 7006\x07",
    "\x1b]777;notify;a;b\x1b\\",
    "\x1b]1337;File=name=7008:AAAA\x07",
    "\x1b]52;p;cGFzdGU=\x1b\\",
    "\x1bP+q544e\x1b\\",
    "\x1bP$q 7011 q\x1b\\",
    "\x1bPq#0;2;0;0;0~\x1b\\",
    "\x1b_Gi=7013,a=T;AAAA\x1b\\",
    "\x1b^privacy 7014\x1b\\",
    "\x1bXstring 7015\x1b\\",
    "\x1b[7016m",
    "\x1b[2J\x1b[7017;7017H",
    "\x1b[?7018h",
    "\x1b[6n\x1b[7019n",
    "\x1b[?1049l\x1b[7020t",
    "\x1b[>7021u",
    "\x1bc",
    "\x1b#8",
    "\x1b(0qqq",
    "\x1b7\x1b8\x1bM",
    "\x9b7026m",
    "\x9d0;owned 7027\x9c",
    "\x90q 7028\x9c",
    "\x85\x84\x8d\x8e",
    "\x08\x08\x08\x0b\x0c\x0e\x0f\x7f",
    "one\r\ntwo\tthree",
    "\u202eright to left 7032\u202c",
    "\u2066isolate 7033\u2069",
    "zero\u200bwidth\u200djoin\ufeff",
    "line\u2028and\u2029paragraph",
    "tags \U000e0041\U000e0042\U000e007f",
    "\ufff9annotation\ufffb \U0001d173",
    "stacked " + "e\u0301" + "\u0301" * 60,
    "[/] [bold [red]x[/red] $name [link=https://example.org]l[/link]",
    "private \ue000 \U000f0001 \U00100001",
    "very long " + "\x1b[7041m" * 400,
)

_RULES = """
[incident]
name = {name}
as_of = 2018-07-01
window_days = 30

[scopes]
"members" = ["group.*"]

[[rules]]
id = {rule}
data_classes = ["group.member.*"]
from = 2018-04-04
except = ["opt_in"]
basis = {basis}
"""


def attack(place: int) -> str:
    """A payload with its number before it, so that it can be found on the screen."""
    return f"P{place % len(PAYLOADS):02}. {PAYLOADS[place % len(PAYLOADS)]}"


def write_files(folder: Path) -> list[Path]:
    """The canonical files, JSON Lines, which can hold any character."""
    people = range(len(PAYLOADS))
    tables: dict[str, list[dict[str, object]]] = {
        "partners": [{"partner_id": f"p{i:02}{attack(i)}", "name": attack(i)} for i in people],
        "apps": [
            {"app_id": f"a{i:02}{attack(i + 1)}", "name": attack(i + 2), "partner_id": f"p{i:02}{attack(i)}"}
            for i in people
        ],
        "grants": [
            {"app_id": f"a{i:02}{attack(i + 1)}", "scope": "members", "granted_at": "2017-01-01T00:00:00Z"}
            for i in people
        ],
        "removals": [
            {"app_id": f"a{i:02}{attack(i + 1)}", "removed_at": "2018-06-01T00:00:00Z", "reason": attack(i + 3)}
            for i in people
        ],
        "steps": [
            {"partner_id": f"p{i:02}{attack(i)}", "step": "access_removed", "at": "2018-06-01", "note": attack(i + 4)}
            for i in people
        ],
        "access_events": [
            {
                "occurred_at": f"2018-{month:02}-15T00:00:{i:02}Z",
                "app_id": f"a{i:02}{attack(i + 1)}",
                "data_class": f"group.member.{attack(i + 5)}".replace("|", ""),
                "subject_id": attack(i + 6),
                "resource_id": attack(i + 7),
                "endpoint": attack(i + 8),
                "ip": attack(i + 9),
                "event_id": f"{month}-{i}-{attack(i + 10)}",
            }
            for i in people
            for month in (4, 5, 6)
        ],
    }
    folder.mkdir()
    paths = []
    for kind, rows in tables.items():
        path = folder / f"{kind}-\u202e[red]\x1b]0;file\x07.jsonl"
        path.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
        paths.append(path)
    return paths


def build_store(folder: Path) -> Path:
    """The incident in a store, with case work whose notes and names are attacks, too."""
    path = folder / "hostile.db"
    create_store(path, name=attack(1), actor=attack(2), at=now())
    quoted = {name: json.dumps(attack(place)) for place, name in enumerate(("name", "rule", "basis"), 11)}
    with open_store(path) as store:
        load_rules(store, _RULES.format(**quoted), source=attack(5), actor=attack(6))
        import_paths(store, write_files(folder / "files"), actor=attack(7))
        for i in range(len(PAYLOADS)):
            partner = find_partner(store, f"p{i:02}{attack(i)}")
            who = attack(i + 11)
            cases.add_note(store, [partner], actor=who, note=attack(i + 12), privileged=bool(i % 2))
            cases.assign(store, [partner], actor=who, assignee=attack(i + 13))
            if i % 2:
                cases.flag(store, [partner], actor=who, note=attack(i + 14))
            at = parse_point("2018-06-02")
            audits.record_step(store, [partner], actor=who, step="notified", at=at, note=attack(i + 15))
    return path
