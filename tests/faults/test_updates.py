"""P2: eight processes update three hot cases at once: no update is lost, and every conflict is told in full."""

import json
import re
from collections import Counter
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.faults.nursery import Nursery
from tests.faults.raw_log import Entry, assert_chained, assert_replayed, snapshot
from tests.faults.worker import HOT
from tests.promises import trials

PROCESSES = 8
CONFLICT = re.compile(
    r"(?P<name>p\d) was assigned by (?P<who>w\d) at (?P<at>\S+Z) since you looked"
    r" \(version (?P<new>\d+), you saw (?P<old>\d+); assignee (?P<before>\w+) -> (?P<after>\w+)\); look again"
)


def to_the_second(at: int) -> str:
    return datetime.fromtimestamp(at // 1_000_000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def check_conflict(said: Mapping[str, object], changes: Mapping[str, list[Entry]]) -> None:
    """Who changed what when, from which version to which: as the log has it."""
    told = CONFLICT.fullmatch(str(said["why"]))
    assert told is not None, said
    assert told["name"] == said["partner_id"]
    assert int(told["old"]) == said["expect"]
    assert int(told["new"]) > int(told["old"])
    by_version = changes[told["name"]]
    latest = by_version[int(told["new"]) - 1]
    assert (told["who"], told["at"]) == (latest.actor, to_the_second(latest.at))
    values = ["nobody", *(json.loads(entry.after or "")["assignee"] for entry in by_version)]
    assert (told["before"], told["after"]) == (values[int(told["old"])], values[int(told["new"])])


@pytest.mark.parametrize("journal", ["DELETE", "WAL"])
@trials("P2")
def test_no_update_is_lost(
    nursery: Nursery,
    tmp_path: Path,
    account: Callable[[str, Mapping[str, int]], None],
    count: int,
    journal: str,
) -> None:
    path = tmp_path / "incident.db"
    code, _, errors = nursery.run("tests.faults.worker:prepare", str(path), journal, len(HOT), folder=tmp_path)
    assert code == 0, errors
    each = count // 2 // PROCESSES
    files = [tmp_path / f"said-{slot}" for slot in range(PROCESSES)]
    faults = tmp_path / "errors"
    started = [
        nursery.start("tests.faults.worker:count", str(path), journal, slot, each, out=file, errors=faults)
        for slot, file in enumerate(files)
    ]
    assert [nursery.wait(process) for process in started] == [0] * PROCESSES, faults.read_text("utf-8")

    said = [[json.loads(line) for line in file.read_text("utf-8").splitlines()] for file in files]
    acknowledged = [told for mine in said for told in mine if told["kind"] == "done"]
    conflicts = [told for mine in said for told in mine if told["kind"] == "conflict"]
    tries = sum(told["kind"] == "try" for mine in said for told in mine)
    assert len(acknowledged) == each * PROCESSES
    assert tries == len(acknowledged) + len(conflicts)

    now = snapshot(path, check=True)
    assert (now.journal, now.findings) == (journal.lower(), [])
    assert_chained(now.entries)
    assert_replayed(now)
    updates = Counter(told["partner_id"] for told in acknowledged)
    assert now.cases == {name: ("open", str(updates[name]), updates[name]) for name in HOT}
    changes = {name: [entry for entry in now.entries if entry.partner_id == name] for name in HOT}
    for name, mine in changes.items():
        told = sorted((one["value"], one["seqs"]) for one in acknowledged if one["partner_id"] == name)
        assert told == [(value, [entry.seq]) for value, entry in enumerate(mine, 1)]
    for conflict in conflicts:
        check_conflict(conflict, changes)

    counts = {f"acknowledged updates with {journal}": len(acknowledged), "conflicts reported": len(conflicts)}
    account("P2", counts)
    assert len(conflicts) >= len(acknowledged) // 20
