"""Long runs, in `make soak` only: many processes act on one store at once, and every acknowledged action is there."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from store.cli.main import main
from tests.store.cli_incident import write_incident

PROCESSES = 8
ROUNDS = 60
WORKER = """
import contextlib, io, sys
from store.cli.main import main
db, who, rounds = sys.argv[1], sys.argv[2], int(sys.argv[3])
for turn in range(rounds):
    for verb, words in (
        ("note", ["--note", f"{who} {turn}"]),
        ("assign", ["--to", f"{who}-{turn}"]),
    ):
        with contextlib.redirect_stdout(io.StringIO()):
            code = main([verb, "--db", db, "--partner", "p-1", "--as", who, *words])
        if code == 0:
            print(verb, f"{who} {turn}" if verb == "note" else f"{who}-{turn}", flush=True)
"""


@pytest.mark.soak
def test_every_acknowledged_action_is_in_the_log(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    files = write_incident(tmp_path)
    db = str(tmp_path / "x.db")
    assert main(["init", "--db", db, "--rules", str(tmp_path / "rules.toml"), "--as", "ana"]) == 0
    assert main(["import", "--db", db, str(files), "--as", "ana"]) == 0
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).resolve().parents[2])}
    running = [
        subprocess.Popen(
            [sys.executable, "-c", WORKER, db, f"actor{number}", str(ROUNDS)],
            env=environment,
            stdout=subprocess.PIPE,
            text=True,
        )
        for number in range(PROCESSES)
    ]
    acknowledged = [tuple(line.split(" ", 1)) for process in running for line in process.communicate()[0].splitlines()]
    capsys.readouterr()
    assert main(["log", "--db", db, "--json"]) == 0
    entries = json.loads(capsys.readouterr().out)["actions"]
    done = [("note", entry["note"]) for entry in entries if entry["verb"] == "note"]
    done += [("assign", entry["after"]["assignee"]) for entry in entries if entry["verb"] == "assign"]
    assert sorted(acknowledged) == sorted(done)
    assert len([verb for verb, _ in acknowledged if verb == "note"]) == PROCESSES * ROUNDS
    assert [entry["seq"] for entry in entries] == list(range(1, len(entries) + 1))
