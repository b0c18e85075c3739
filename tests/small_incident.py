"""Six partners that read after the rule, in a store on disk: for tests that act on cases as a person would."""

import json
from pathlib import Path

from store.connection import open_store
from store.ingest.importing import import_paths
from store.instants import parse_point
from store.rulebook import load_rules
from store.schema import create_store

NAMES = ("Ribbon Social", "Castaway Live", "Qadam Media", "Postwright", "Lumen Streams", "GroupPilot")
TODAY = "2018-07-20"
_RULES = """
[incident]
name = "Groups API member data"
as_of = 2018-07-01
window_days = 30

[scopes]
"members" = ["group.member.*"]

[[rules]]
id = "groups-api"
data_classes = ["group.member.*"]
from = 2018-04-04
"""


def build(folder: Path, name: str = "incident.db") -> Path:
    """The store; the first partner read most, and stands first on the board."""
    path = folder / name
    create_store(path, name="Groups API member data", actor="ana", at=parse_point("2018-07-02"))
    with open_store(path) as store:
        load_rules(store, _RULES, source="rules.toml", actor="ana")
        import_paths(store, write_files(folder / f"{name}.files"), actor="ana")
    return path


def write_files(folder: Path) -> list[Path]:
    """Its canonical files."""
    tables: dict[str, list[dict[str, object]]] = {
        "partners": [{"partner_id": f"p-{place}", "name": name} for place, name in enumerate(NAMES)],
        "apps": [
            {"app_id": f"a-{place}", "partner_id": f"p-{place}", "name": name} for place, name in enumerate(NAMES)
        ],
        "grants": [
            {"app_id": f"a-{place}", "scope": "members", "granted_at": "2017-01-01T00:00:00Z"}
            for place in range(len(NAMES))
        ],
        "access_events": [read(place, number) for place in range(len(NAMES)) for number in range(60 - 10 * place)],
    }
    folder.mkdir()
    paths = []
    for kind, rows in tables.items():
        paths.append(folder / f"{kind}.jsonl")
        paths[-1].write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    return paths


def read(place: int, number: int, prefix: str = "e") -> dict[str, object]:
    """A restricted read of a partner's app, one of its own person, on a day of April to June 2018."""
    return {
        "occurred_at": f"2018-{4 + number % 3:02}-{5 + number % 23:02}T10:00:{number % 60:02}Z",
        "app_id": f"a-{place}",
        "data_class": "group.member.name",
        "subject_id": f"person-{place}-{number}",
        "resource_id": f"group-{number % 7}",
        "event_id": f"{prefix}-{place}-{number}",
    }
