"""The commands that act: who may do what, what is refused and why, and that the log tells the story."""

import hashlib
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from store.cli.main import main
from tests.store.cli_incident import write_incident


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The small incident, imported."""
    folder = tmp_path_factory.mktemp("incident")
    files = write_incident(folder)
    path = folder / "x.db"
    assert main(["init", "--db", str(path), "--rules", str(folder / "rules.toml"), "--as", "ana"]) == 0
    assert main(["import", "--db", str(path), str(files), "--as", "ana"]) == 0
    return path


@pytest.fixture
def db(built: Path, tmp_path: Path) -> str:
    """A copy of the small incident."""
    return str(shutil.copy(built, tmp_path / "x.db"))


def done(capsys: pytest.CaptureFixture[str], verb: str, db: str, *words: str, actor: str = "ana") -> list[Any]:
    """What an action did: its log entries."""
    capsys.readouterr()
    assert main([verb, "--db", db, *words, "--as", actor, "--json"]) == 0
    said = capsys.readouterr()
    assert said.err == ""
    document = json.loads(said.out)
    assert set(document) == {"actions"}
    return list(document["actions"])


def refused(capsys: pytest.CaptureFixture[str], verb: str, db: str, *words: str, actor: str = "ana") -> str:
    """The one line that refuses an action, which must leave the log as it was."""
    before = log(capsys, db)
    assert main([verb, "--db", db, *words, "--as", actor]) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.count("\n") == 1
    assert log(capsys, db) == before
    return said.err


def log(capsys: pytest.CaptureFixture[str], db: str) -> list[Any]:
    """The whole log."""
    capsys.readouterr()
    assert main(["log", "--db", db, "--json"]) == 0
    return list(json.loads(capsys.readouterr().out)["actions"])


def case(capsys: pytest.CaptureFixture[str], db: str, partner_id: str) -> Any:
    """A partner's line."""
    capsys.readouterr()
    assert main(["partners", "--db", db, "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)["partners"]
    (row,) = [row for row in rows if row["partner_id"] == partner_id]
    return row


def test_flag_several_in_one_batch(capsys: pytest.CaptureFixture[str], db: str) -> None:
    entries = done(
        capsys, "flag", db, "--partner", "p-1", "p-2", "--partner", "app:a-9", "--note", "read after the rule"
    )
    assert [entry["partner_id"] for entry in entries] == ["p-1", "p-2", "app:a-9"]
    assert {entry["verb"] for entry in entries} == {"flag"}
    assert {entry["note"] for entry in entries} == {"read after the rule"}
    assert {entry["actor"] for entry in entries} == {"ana"}
    assert len({entry["batch"] for entry in entries}) == 1
    assert case(capsys, db, "p-2")["status"] == "flagged"


def test_all_or_none(capsys: pytest.CaptureFixture[str], db: str) -> None:
    done(capsys, "flag", db, "--partner", "p-2")
    assert "flagged already" in refused(capsys, "flag", db, "--partner", "p-1", "p-2")
    assert case(capsys, db, "p-1")["status"] == "open"
    refused(capsys, "flag", db, "--partner", "p-1", "nobody")
    assert case(capsys, db, "p-1")["status"] == "open"


def test_a_false_ground_is_refused_with_the_reason_unless_overridden(
    capsys: pytest.CaptureFixture[str], db: str
) -> None:
    line = refused(capsys, "clear", db, "--partner", "p-1", "--grounds", "no_access")
    assert "3" in line
    refused(capsys, "clear", db, "--partner", "p-1", "--grounds", "no_access", "--override")
    refused(capsys, "clear", db, "--partner", "p-1", "--grounds", "deletion_verified")
    refused(capsys, "clear", db, "--partner", "p-1", "--grounds", "other")
    words = ["--partner", "p-1", "--grounds", "no_access", "--override", "--note", "test reads of our own"]
    (entry,) = done(capsys, "clear", db, *words)
    assert (entry["verb"], entry["after"]["status"], entry["after"]["grounds"]) == ("clear", "cleared", "no_access")
    assert case(capsys, db, "p-1")["grounds"] == "no_access"
    capsys.readouterr()
    assert main(["partners", "--db", db, "--filter", "p-1"]) == 0
    assert "closed: never read" in capsys.readouterr().out


def test_reopen_needs_a_note(capsys: pytest.CaptureFixture[str], db: str) -> None:
    done(capsys, "clear", db, "--partner", "p-1", "--grounds", "defunct", "--note", "dissolved")
    refused(capsys, "reopen", db, "--partner", "p-1")
    (entry,) = done(capsys, "reopen", db, "--partner", "p-1", "--note", "it trades again")
    assert (entry["before"]["status"], entry["after"]["status"]) == ("cleared", "open")


def test_expect_refuses_a_case_that_has_moved_on_and_says_who(capsys: pytest.CaptureFixture[str], db: str) -> None:
    version = str(case(capsys, db, "p-1")["version"])
    done(capsys, "flag", db, "--partner", "p-1", actor="bo")
    line = refused(capsys, "clear", db, "--partner", "p-1", "--grounds", "defunct", "--note", "x", "--expect", version)
    assert "bo" in line
    line = refused(capsys, "step", db, "--partner", "p-1", "--step", "access_removed", "--expect", version)
    assert "bo" in line
    refused(capsys, "undo", db, "--partner", "p-1", "--expect", version, actor="bo")
    refused(capsys, "undo", db, "--expect", version, actor="bo")
    now_at = str(case(capsys, db, "p-1")["version"])
    assert now_at != version
    done(capsys, "step", db, "--partner", "p-1", "--step", "access_removed", "--expect", now_at)


def test_a_note_never_conflicts(capsys: pytest.CaptureFixture[str], db: str) -> None:
    before = case(capsys, db, "p-1")["version"]
    (entry,) = done(
        capsys, "note", db, "--partner", "p-1", "--note", "counsel called", "--privileged", "--expect", "99"
    )
    assert (entry["note"], entry["privileged"]) == ("counsel called", True)
    assert case(capsys, db, "p-1")["version"] == before
    refused(capsys, "note", db, "--partner", "p-1")
    refused(capsys, "note", db, "--partner", "p-1", "--note", "  ")


def test_assign_to_oneself_to_another_and_to_nobody(capsys: pytest.CaptureFixture[str], db: str) -> None:
    done(capsys, "assign", db, "--partner", "p-1")
    assert case(capsys, db, "p-1")["assignee"] == "ana"
    (entry,) = done(capsys, "assign", db, "--partner", "p-1", "--to", "bo", "--note", "on leave")
    assert (entry["verb"], entry["note"]) == ("assign", "on leave")
    assert case(capsys, db, "p-1")["assignee"] == "bo"
    done(capsys, "assign", db, "--partner", "p-1", "--nobody")
    assert case(capsys, db, "p-1")["assignee"] is None


def test_undo_and_redo_append_and_are_ones_own(capsys: pytest.CaptureFixture[str], db: str) -> None:
    refused(capsys, "undo", db)
    (flagged,) = done(capsys, "flag", db, "--partner", "p-1")
    refused(capsys, "undo", db, actor="bo")
    (undone,) = done(capsys, "undo", db, "--note", "wrong partner")
    assert undone["corrects"] == flagged["seq"]
    assert undone["note"] == f"corrects #{flagged['seq']}: wrong partner"
    assert case(capsys, db, "p-1")["status"] == "open"
    assert flagged in log(capsys, db)


def test_redo_takes_an_undo_back(capsys: pytest.CaptureFixture[str], db: str) -> None:
    done(capsys, "flag", db, "--partner", "p-1")
    done(capsys, "undo", db)
    done(capsys, "redo", db)
    assert case(capsys, db, "p-1")["status"] == "flagged"


def test_steps_of_a_partner_with_date_app_and_evidence(
    capsys: pytest.CaptureFixture[str], db: str, tmp_path: Path
) -> None:
    letter = tmp_path / "letter.eml"
    letter.write_bytes(b"Dear partner")
    removed = ["--step", "access_removed", "--at", "2018-07-02", "--app", "a-1"]
    (entry,) = done(capsys, "step", db, "--partner", "p-1", *removed)
    assert (entry["verb"], entry["partner_id"]) == ("step", "p-1")
    told = ["--step", "notified", "--at", "2018-07-03T09:30:00Z", "--due", "2018-09-01", "--evidence", str(letter)]
    done(capsys, "step", db, "--partner", "p-1", *told)
    capsys.readouterr()
    assert main(["audit", "--db", db, "--partner", "p-1", "--json"]) == 0
    (track,) = json.loads(capsys.readouterr().out)["audits"]
    assert [(step["step"], step["at"], step["app_id"]) for step in track["steps"]] == [
        ("access_removed", "2018-07-02", "a-1"),
        ("notified", "2018-07-03T09:30:00Z", None),
    ]
    assert track["steps"][1]["due"] == "2018-09-01"
    assert track["steps"][1]["evidence_sha256"] == hashlib.sha256(b"Dear partner").hexdigest()
    assert (track["due"], track["overdue"]) == ("2018-09-01", True)


def test_steps_of_the_incident(capsys: pytest.CaptureFixture[str], db: str) -> None:
    (entry,) = done(capsys, "step", db, "--incident", "--step", "authority_told", "--at", "2018-07-02")
    assert entry["partner_id"] is None
    refused(capsys, "step", db, "--incident", "--step", "notified")
    refused(capsys, "step", db, "--partner", "p-1", "--step", "authority_told")
    capsys.readouterr()
    assert main(["audit", "--db", db]) == 0
    assert "authority told 2018-07-02 by ana" in capsys.readouterr().out


@pytest.mark.parametrize(
    "words",
    [
        ["--step", "forgiven"],
        ["--step", "audit_passed"],
        ["--step", "access_removed", "--at", "2999-01-01"],
        ["--step", "access_removed", "--app", "a-2"],
        ["--step", "access_removed", "--evidence", "nowhere.eml"],
        ["--step", "access_removed", "--at", "2018-07-02", "--due", "2018-07-01"],
    ],
    ids=" ".join,
)
def test_a_step_that_makes_no_sense_is_refused(capsys: pytest.CaptureFixture[str], db: str, words: list[str]) -> None:
    refused(capsys, "step", db, "--partner", "p-1", *words)


def test_people_read_what_was_done_in_one_line(capsys: pytest.CaptureFixture[str], db: str) -> None:
    capsys.readouterr()
    assert main(["flag", "--db", db, "--partner", "p-1", "--as", "ana"]) == 0
    said = capsys.readouterr()
    assert said.out.count("\n") == 1
    assert "flagged Ribbon Social" in said.out
    assert "ana" in said.out


def test_two_processes_lose_nothing(db: str) -> None:
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).resolve().parents[2])}
    command = [sys.executable, "-m", "store", "note", "--db", db, "--partner", "p-1", "--as"]
    running = [subprocess.Popen([*command, f"actor {n}", "--note", f"note {n}"], env=environment) for n in range(4)]
    assert [process.wait(timeout=60) for process in running] == [0] * 4
    listed = subprocess.run(
        [sys.executable, "-m", "store", "log", "--db", db, "--json"],
        env=environment,
        capture_output=True,
        check=True,
        timeout=60,
    )
    notes = {entry["note"] for entry in json.loads(listed.stdout)["actions"] if entry["verb"] == "note"}
    assert notes == {f"note {n}" for n in range(4)}
