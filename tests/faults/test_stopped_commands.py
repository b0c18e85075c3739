"""A command that is told to stop while it writes: exit code 128+n, one line, and all of its action or nothing of it."""

import shutil
import signal
import sqlite3
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import closing
from pathlib import Path

import pytest

from tests.faults.nursery import ROOT, Nursery
from tests.faults.raw_log import assert_chained, dump, snapshot

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
PARTNERS = ("p-1", "p-2", "p-3", "p-4", "app:a-9")
COMMANDS = {
    "flag": ["flag", *(word for each in PARTNERS for word in ("--partner", each)), "--note", "all of them"],
    "void": ["void", "--import", "1", "--note", "the wrong file"],
    "rebuild": ["rebuild"],
}
# Shares of the statements of the write; the last one comes after COMMIT.
PLACES = (0.0, 0.3, 0.7, 0.98, 1.0)


@pytest.mark.parametrize("verb", COMMANDS)
def test_a_signal_leaves_all_or_nothing(
    nursery: Nursery, incident: Path, tmp_path: Path, account: Callable[[str, Mapping[str, int]], None], verb: str
) -> None:
    path = tmp_path / "incident.db"
    words = [*COMMANDS[verb], "--db", str(path), "--as", "ana"]
    shutil.copy(incident, path)
    before = dump(path)
    code, out, errors = nursery.run("tests.faults.commands:counted", words, folder=tmp_path)
    assert (code, errors) == (0, "")
    statements = int(out.splitlines()[-1])
    assert statements > 3
    new_entries = len(dump(path)["actions"]) - len(before["actions"])
    assert new_entries >= 1

    hits: Counter[str] = Counter()
    for number in SIGNALS:
        for place in PLACES:
            shutil.copy(incident, path)
            statement = 1 + round(place * (statements - 1))
            ended = nursery.run("tests.faults.commands:signalled", words, statement, number, folder=tmp_path)
            assert ended[0] == 128 + number, ended
            assert ended[2].count("\n") == 1
            assert ended[2].startswith("interrupted: " if number == signal.SIGINT else f"ended by {number.name}: ")
            after = dump(path)
            if place < 1:
                assert after == before
                hits["signals inside the write"] += 1
            else:
                assert len(after["actions"]) - len(before["actions"]) == new_entries
                hits["signals after COMMIT"] += 1
            assert_chained(snapshot(path).entries)
            assert not list(tmp_path.glob("incident.db-*"))
    account(f"stopped {verb}", hits)
    assert hits["signals inside the write"] == len(SIGNALS) * (len(PLACES) - 1)


@pytest.mark.parametrize("number", SIGNALS, ids=lambda number: number.name)
def test_a_command_that_waits_for_its_turn_hears_a_signal(incident: Path, tmp_path: Path, number: int) -> None:
    path = tmp_path / "incident.db"
    shutil.copy(incident, path)
    before = dump(path)
    with closing(sqlite3.connect(path, isolation_level=None)) as holder:
        holder.execute("BEGIN IMMEDIATE")
        # The child says that it begins to wait: its trace of statements goes to standard output.
        child = subprocess.Popen(
            [sys.executable, "-c", WAITING, *COMMANDS["flag"], "--db", str(path), "--as", "ana"],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert child.stdout is not None
        assert child.stdout.readline() == "waits\n"
        child.send_signal(number)
        _, errors = child.communicate(timeout=60)
        assert child.returncode == 128 + number
        assert errors.count("\n") == 1
        assert "busy" not in errors
        holder.execute("ROLLBACK")
    assert dump(path) == before


WAITING = """
import sqlite3, sys
from functools import partial
from store.cli.main import main

class Telling(sqlite3.Connection):
    def execute(self, sql, *values):
        if sql == "BEGIN IMMEDIATE":
            print("waits", flush=True)
        return super().execute(sql, *values)

sqlite3.connect = partial(sqlite3.connect, factory=Telling)
sys.exit(main(sys.argv[1:]))
"""
