"""What the log says of named what-ifs, held against their table."""

import sqlite3

from store.verify.checks import Context, Finding, Findings, valued
from store.verify.replay import Json, Told, differences, rows_of
from store.words import counted

_SCENARIOS = "SELECT * FROM scenarios ORDER BY scenario_id"


def check_scenarios(connection: sqlite3.Connection, context: Context) -> Findings:
    """Each scenario asks what it was saved with, and is dropped where the log says so."""
    told: dict[tuple[int], Told] = {}
    for entry in context.entries(connection):
        gone = entry.told("dropped", "scenario_id") if entry.verb == "drop_scenario" else None
        if entry.verb == "scenario":
            gone = entry.told("scenario", "replaces")
            number = entry.told("scenario", "scenario_id")
            if number != len(told) + 1:
                yield Finding(f"entry #{entry.seq}: it saves scenario {valued(number)}, after {len(told)} others")
            columns = {
                "scenario_id": len(told) + 1,
                "name": entry.told("scenario", "name"),
                "parameters": Json(entry.told("scenario", "parameters")),
                "seq": entry.seq,
                "dropped_by": None,
            }
            told[len(told) + 1,] = Told(f"scenario {columns['scenario_id']} ({columns['name']})", entry.seq, columns)
        if gone is None:
            continue
        if (gone,) not in told or told[gone,].columns["dropped_by"] is not None:
            yield Finding(f"entry #{entry.seq}: it drops scenario {valued(gone)}, which does not stand")
        else:
            told[gone,].columns["dropped_by"] = entry.seq
    found = rows_of(connection, _SCENARIOS, ("scenario_id",))
    yield from differences(told, found, lambda key, row: f"scenario {key[0]} ({valued(row.get('name'))})")
    return f"{counted(len(told), 'scenario')}, each as it was saved"
