"""Whatever we create is its owner's alone from its creation, also where the umask would let everybody in."""

import os
import stat
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from store import connection, schema
from store.cli.main import main
from store.cli.parser import build_parser
from tests.small_incident import TODAY, write_files
from tests.store.cli_incident import RULES

ROOT = Path(__file__).resolve().parents[2]
_TODAY = ["--today", TODAY]
_AT = ["--at", "2018-07-01"]
COMMANDS: dict[str, list[list[str]]] = {
    "init": [["--rules", "rules.toml", "--as", "ana"]],
    "import": [["files", "--as", "ana"]],
    "imports": [[]],
    "void": [["--import", "4", "--note", "x", "--as", "ana"]],
    "quarantine": [[]],
    "rules": [["show"], ["load", "rules.toml", "--as", "ana"]],
    "rebuild": [["--as", "ana"]],
    "figures": [_TODAY, [*_TODAY, "--rows", "accessed.people", "--csv", "--as", "ana"], [*_TODAY, "--sheet"]],
    "partners": [_TODAY],
    "timeline": [[]],
    "shape": [["--partner", "p-1", *_TODAY]],
    "events": [[], ["--filter", "verdict:restricted endpoint:a"]],
    "event": [["--event-id", "e-0-1", "--raw"]],
    "who": [["--subject", "person-0-1"]],
    "people": [[*_TODAY, "--csv", "--as", "ana"]],
    "held": [["--partner", "p-1", *_TODAY]],
    "sample": [["--partner", "p-1", "--share", "5%", "--risk", "5%", "--as", "ana"], []],
    "letter": [
        ["--partner", "p-1", "--contact", "x", *_TODAY, "--as", "ana"],
        ["--partner", "p-1", "p-2", "--kind", "checklist", "--to", "letters", "--with-people", "--as", "ana"],
    ],
    "scenario": [
        ["--save", "later", "--cutoff", "2018-05-01", *_TODAY, "--as", "ana"],
        ["--show", "later", *_TODAY],
        [],
    ],
    "access": [["--partner", "p-1"]],
    "overlap": [["--partner", "p-1", "p-2", *_TODAY]],
    "audit": [_TODAY],
    "queue": [_TODAY],
    "due": [_TODAY],
    "stages": [[*_TODAY, "--stage", "none"]],
    "log": [[]],
    "disclose": [["--name", "x", *_TODAY, "--as", "ana"], ["--name", "x", "--to", "disclosure.json", "--as", "ana"]],
    "disclosures": [["--show", "1"], ["--show", "1", "--to", "again.json", "--as", "ana"]],
    "diff": [["--disclosure", "1", "--by-cause"]],
    "reproduce": [["--disclosure", "1"]],
    "claim": [["--sentence", "x", "--that", "accessed.people >= 1", "--as", "ana"]],
    "claims": [[]],
    "since": [["--as", "ana", *_TODAY], ["--as", "ana", "--seq", "0"]],
    "flag": [["--partner", "p-1", "--as", "ana"]],
    "clear": [["--partner", "p-2", "--grounds", "other", "--note", "x", "--as", "ana"]],
    "reopen": [["--partner", "p-2", "--note", "x", "--as", "ana"]],
    "note": [["--partner", "p-1", "--note", "x", "--as", "ana"]],
    "assign": [["--partner", "p-1", "--as", "ana"]],
    "undo": [["--as", "ana"]],
    "redo": [["--as", "ana"]],
    "step": [
        ["--incident", "--step", "report_filed", *_AT, "--evidence", "letter", "--as", "ana"],
        ["--partner", "p-1", "--step", "access_removed", *_AT, "--as", "ana"],
        ["--partner", "p-1", "--step", "notified", *_AT, "--letters", "told", "--contact", "x", "--as", "ana"],
    ],
    "verify": [[]],
    "checkpoint": [["--to", "checkpoint.json"]],
    "evidence": [[]],
    "report": [
        *(["--to", f"report.{form}", *_TODAY, "--as", "ana"] for form in ("html", "md", "csv", "json")),
        ["--partner", "p-1", "--to", "report.html", "--force", *_TODAY, "--as", "ana"],
    ],
    "backup": [["--to", "backup.db", "--as", "ana"], ["--to", "backup.db", "--force", "--as", "ana"]],
}


@pytest.fixture
def open_to_all() -> Iterator[None]:
    before = os.umask(0)
    yield
    os.umask(before)


def entries(folder: Path) -> Iterator[Path]:
    """All that is in a folder; what goes away meanwhile is left out."""
    for where, folders, files in os.walk(folder):
        for name in (*folders, *files):
            yield Path(where, name)


def wide(folder: Path, known: set[Path]) -> dict[str, str]:
    """What in a folder others may get at, but for what was there."""
    found = {}
    for entry in entries(folder):
        try:
            mode = stat.S_IMODE(entry.lstat().st_mode)
        except FileNotFoundError:
            continue
        if entry not in known and mode & 0o077:
            found[str(entry.relative_to(folder))] = f"{mode:o}"
    return found


@pytest.mark.usefixtures("open_to_all")
@pytest.mark.parametrize("journal", ["delete", "wal"])
def test_every_command_creates_only_private_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], journal: str
) -> None:
    (choices,) = [action.choices for action in build_parser()._actions if action.dest == "command"]
    assert set(choices or ()) == COMMANDS.keys()
    for module in (connection, schema):
        monkeypatch.setattr(module, "wal_is_safe", lambda *_: journal == "wal")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "rules.toml").write_text(RULES, "utf-8")
    (tmp_path / "letter").write_text("x")
    write_files(tmp_path / "files")
    known = set(tmp_path.rglob("*"))
    seen: dict[str, str] = {}
    names: set[str] = set()
    ended = threading.Event()

    def look() -> None:
        # What lives only for a moment, such as a journal, is seen in passing.
        while not ended.is_set():
            seen.update(wide(tmp_path, known))
            names.update(entry.name for entry in entries(tmp_path))

    looking = threading.Thread(target=look)
    looking.start()
    try:
        for command, calls in COMMANDS.items():
            for words in calls:
                code = main([command, "--db", "incident.db", *words])
                assert code == 0, (command, capfd.readouterr().err)
                assert wide(tmp_path, known) == {}, command
    finally:
        ended.set()
        looking.join()
    assert seen == {}
    assert {"incident.db", "checkpoint.json", "backup.db", "incident.db.evidence"} <= names
    assert any(name.endswith(("-journal", "-wal")) for name in names)


@pytest.mark.usefixtures("open_to_all")
def test_the_dashboards_files_are_private_too(tmp_path: Path) -> None:
    environment = {
        **os.environ,
        "PYTHONPATH": str(ROOT),
        "XDG_CACHE_HOME": str(tmp_path / "cache"),
        "XDG_CONFIG_HOME": str(tmp_path / "config"),
        "XDG_STATE_HOME": str(tmp_path / "state"),
        "HOME": str(tmp_path),
    }
    assert main(["init", "--db", str(tmp_path / "x.db"), "--as", "ana"]) == 0
    command = [sys.executable, "-m", "tui", "--db", str(tmp_path / "x.db"), "--as", "ana"]
    picture = ["--screenshot", str(tmp_path / "x.svg"), "--size", "80x24"]
    done = subprocess.run([*command, *picture], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "x.svg").exists()
    assert wide(tmp_path, set()) == {}


def test_a_store_that_others_may_read_is_said_by_what_writes(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "incident.db"
    assert main(["init", "--db", str(path), "--as", "ana"]) == 0
    (tmp_path / "letter").write_text("x")
    step = ["step", "--db", str(path), "--incident", "--step", "report_filed", *_AT, "--as", "ana"]
    assert main([*step, "--evidence", str(tmp_path / "letter")]) == 0
    assert capfd.readouterr().err == ""
    path.chmod(0o644)
    (tmp_path / "incident.db.evidence").chmod(0o755)
    assert main(["log", "--db", str(path)]) == 0
    assert capfd.readouterr().err == ""
    assert main([*step, "--note", "again"]) == 0
    errors = capfd.readouterr().err
    assert errors.count("\n") == 1
    for words in ("mode 644", "`chmod 600`", "mode 755", "`chmod 700`"):
        assert words in errors
