"""Several processes on the same cases lose nothing; a process that is really killed leaves all of an action or none."""

import json
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from store import cases
from store.connection import open_store
from store.ledger import actions
from tests.store.casework import assert_chained, new_store

ROOT = Path(__file__).parents[2]
PROCESSES = 8
TIMES = 12
BATCH = 20


def work(*arguments: object) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "tests.store.case_worker", *map(str, arguments)]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def test_eight_processes_on_three_hot_cases_lose_no_update(tmp_path: Path) -> None:
    path = tmp_path / "incident.db"
    new_store(path, {"p1": [], "p2": [], "p3": []}).close()
    processes = [work("count", path, f"person{number}", TIMES) for number in range(PROCESSES)]
    acknowledged = Counter()
    for process in processes:
        output, errors = process.communicate(timeout=120)
        assert process.returncode == 0, errors
        *each, _ = map(int, output.split())
        acknowledged.update(dict(zip((1, 2, 3), each, strict=True)))
    assert acknowledged.total() == PROCESSES * TIMES
    with open_store(path) as store:
        for partner in (1, 2, 3):
            case = cases.case(store, partner)
            assert int(case.assignee or "0") == case.version == acknowledged[partner]
            story = [entry for entry in actions(store) if entry.partner_id == f"p{partner}"]
            assert [json.loads(entry.before)["version"] for entry in story] == list(range(case.version))
            assert [json.loads(entry.after)["assignee"] for entry in story] == [
                str(number) for number in range(1, case.version + 1)
            ]
        assert_chained(store)


def assert_all_or_nothing(path: Path, acknowledged: int) -> int:
    """The actions that got through: those acknowledged, and perhaps the one that was cut off, each of them whole."""
    with open_store(path) as store:
        entries = actions(store)[1:]
        batches = Counter(entry.batch for entry in entries)
        assert set(batches.values()) <= {BATCH}
        assert len(batches) in (acknowledged, acknowledged + 1)
        stands = {(case.status, case.version) for case in (cases.case(store, partner) for partner in range(1, 21))}
        assert stands == {("flagged" if len(batches) % 2 else "open", len(batches))}
        assert_chained(store)
        return len(batches)


@pytest.mark.parametrize("share", [0.0, 0.02, 0.5, 0.97, 1.0])
def test_a_process_killed_inside_an_action_leaves_nothing_of_it(tmp_path: Path, share: float) -> None:
    path = tmp_path / "incident.db"
    new_store(path, {f"p{number}": [] for number in range(1, 21)}).close()
    process = work("toggle", path, 0)
    assert process.stdout is not None
    whole = int(process.stdout.readline())
    process.kill()
    rest, _ = process.communicate()
    before = assert_all_or_nothing(path, 1 + len(rest.splitlines()))

    killed = work("toggle", path, max(1, round(share * whole)))
    output, _ = killed.communicate(timeout=60)
    assert killed.returncode == -9
    assert output == ""
    assert assert_all_or_nothing(path, before) == before


def test_a_process_killed_at_any_time_keeps_what_it_acknowledged(tmp_path: Path) -> None:
    path = tmp_path / "incident.db"
    new_store(path, {f"p{number}": [] for number in range(1, 21)}).close()
    through = 0
    for lines in (1, 2, 3, 5):
        process = work("toggle", path, 0)
        assert process.stdout is not None
        for _ in range(lines):
            process.stdout.readline()
        process.kill()
        rest, _ = process.communicate()
        acknowledged = through + lines + len(rest.splitlines())
        through = assert_all_or_nothing(path, acknowledged)
