"""The command line's contract: exit codes, one line for what is wrong, nothing created, signals, a closed pipe."""

import os
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from store.cli import questions
from store.cli.main import TRACEBACK_VARIABLE, main
from store.cli.parser import build_parser

COMMANDS = {
    "init": [],
    "import": ["x.csv"],
    "imports": [],
    "void": ["--import", "1", "--note", "wrong file"],
    "quarantine": [],
    "rules": ["show"],
    "rebuild": [],
    "figures": [],
    "partners": [],
    "timeline": [],
    "since": [],
    "shape": ["--partner", "p-1"],
    "events": [],
    "event": ["--event-id", "e1"],
    "who": ["--subject", "s-1"],
    "people": [],
    "audit": [],
    "access": ["--partner", "p-1"],
    "held": ["--partner", "p-1"],
    "letter": ["--partner", "p-1"],
    "sample": [],
    "overlap": ["--partner", "p-1"],
    "scenario": [],
    "queue": [],
    "stages": [],
    "due": [],
    "log": [],
    "disclose": ["--name", "x"],
    "disclosures": [],
    "diff": ["--disclosure", "1"],
    "reproduce": ["--disclosure", "1"],
    "claim": ["--sentence", "x", "--that", "accessed.people >= 1"],
    "claims": [],
    "flag": ["--partner", "p-1"],
    "clear": ["--partner", "p-1", "--grounds", "other", "--note", "x"],
    "reopen": ["--partner", "p-1", "--note", "x"],
    "note": ["--partner", "p-1", "--note", "x"],
    "assign": ["--partner", "p-1"],
    "undo": [],
    "redo": [],
    "step": ["--partner", "p-1", "--step", "notified"],
    "verify": [],
    "checkpoint": ["--to", "checkpoint.json"],
    "evidence": [],
    "backup": ["--to", "backup.db"],
    "report": ["--to", "report.md"],
}
ASKING = [command for command in COMMANDS if command != "init"]


def run(
    *words: str, cwd: Path | None = None, environment: dict[str, str] | None = None
) -> "subprocess.CompletedProcess[str]":
    """`python -m store` as a person runs it."""
    variables = {**os.environ, "PYTHONPATH": str(Path(__file__).resolve().parents[2]), **(environment or {})}
    command = [sys.executable, "-m", "store", *words]
    return subprocess.run(command, cwd=cwd, env=variables, capture_output=True, text=True, timeout=60, check=False)


def refused(capsys: pytest.CaptureFixture[str], *words: str, code: int = 2) -> str:
    """The one line on stderr of a call that is refused."""
    assert main(list(words)) == code
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.count("\n") == 1
    assert said.err.endswith("\n")
    assert "Traceback" not in said.err
    return said.err.rstrip("\n")


def test_the_parser_has_exactly_these_commands() -> None:
    (choices,) = [action.choices for action in build_parser()._actions if action.dest == "command"]
    assert set(choices or ()) == set(COMMANDS)


@pytest.mark.parametrize("command", ["frobnicate"])
def test_what_is_not_built_is_not_in_the_parser(capsys: pytest.CaptureFixture[str], command: str) -> None:
    assert "invalid choice" in refused(capsys, command, "--db", "x.db")


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself(capsys: pytest.CaptureFixture[str], command: str) -> None:
    assert main([command, "--help"]) == 0
    said = capsys.readouterr()
    assert said.out.startswith(f"usage: python -m store {command}")
    assert said.err == ""


def test_help_and_version_need_no_store() -> None:
    assert run("--help").stdout.startswith("usage: python -m store")
    assert run("--version").stdout.startswith("overscope")


@pytest.mark.parametrize("command", ASKING)
def test_a_missing_store_is_one_line_and_nothing_is_created(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, command: str
) -> None:
    path = tmp_path / "none.db"
    line = refused(capsys, command, "--db", str(path), *COMMANDS[command])
    assert line == f"no such store: {path} - create one with `python -m store init --db {path}`, or try `--demo`"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("command", COMMANDS)
def test_a_call_without_a_store_says_how_to_get_one(capsys: pytest.CaptureFixture[str], command: str) -> None:
    line = refused(capsys, command, *COMMANDS[command])
    assert "--db FILE" in line
    assert "init" in line


def test_the_contract_holds_for_the_real_program(tmp_path: Path) -> None:
    result = run("figures", "--db", "none.db", "--json", cwd=tmp_path)
    assert result.returncode == 2
    assert result.stdout == ""
    assert result.stderr == (
        "no such store: none.db - create one with `python -m store init --db none.db`, or try `--demo`\n"
    )
    assert list(tmp_path.iterdir()) == []


def foreign(kind: str, path: Path) -> None:
    """Something that is no store of ours, at this path."""
    if kind == "directory":
        path.mkdir()
    elif kind == "text":
        path.write_text("partner_id,name\np-1,Ribbon\n", encoding="utf-8")
    elif kind == "empty":
        path.touch()
    elif kind == "noise":
        path.write_bytes(bytes(range(256)) * 64)
    else:
        connection = sqlite3.connect(path)
        connection.execute("CREATE TABLE t(x)")
        connection.commit()
        connection.close()


@pytest.mark.parametrize("kind", ["directory", "text", "empty", "noise", "another program's database"])
@pytest.mark.parametrize("command", ["figures", "flag", "init"])
def test_what_is_no_store_is_refused_and_left_alone(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, kind: str, command: str
) -> None:
    path = tmp_path / "x.db"
    foreign(kind, path)
    before = path.read_bytes() if path.is_file() else None
    line = refused(capsys, command, "--db", str(path), *COMMANDS[command])
    assert str(path) in line
    assert list(tmp_path.iterdir()) == [path]
    assert before is None or path.read_bytes() == before


@pytest.mark.parametrize(
    ("words", "part"),
    [
        ([], "give a command"),
        (["figures", "--as-of", "yesterday"], "--as-of"),
        (["figures", "--as-of", "2019-02-30"], "2019-02-30"),
        (["figures", "--as-of=--"], "--as-of"),
        (["figures", "--as-of", "2019-01-01T00:00:00"], "without an offset"),
        (["figures", "--as-of", "0001-01-01T00:00:00+14:00"], "--as-of"),
        (["figures", "--as-of", "9999-12-31T23:59:59-14:00"], "--as-of"),
        (["figures", "--cutoff", "1899-12-31"], "1900 to 2200"),
        (["figures", "--window", "0"], "--window"),
        (["figures", "--window", "six"], "--window"),
        (["figures", "--window", "9" * 5000], "--window"),
        (["figures", "--frob"], "--frob"),
        (["figures", "extra"], "extra"),
        (["timeline", "--bins", "0"], "--bins"),
        (["timeline", "--partner", "x", "--all"], "not allowed with"),
        (["events", "--verdict", "guilty"], "guilty"),
        (["events", "--limit", "-1"], "--limit"),
        (["events", "--from", "2019-01-02", "--until", "2019-01-02"], "not after"),
        (["clear", "--partner", "p", "--grounds", "mercy"], "mercy"),
        (["flag", "--partner"], "--partner"),
        (["flag", "--partner", "p", "--as", "System"], "system"),
        (["flag", "--partner", "p", "--as", " "], "empty"),
        (["flag", "--partner", "\udcff"], "UTF-8"),
        (["flag", "--partner", "p", "--expect", "new"], "--expect"),
        (["step", "--step", "notified"], "--partner"),
        (["void", "--import", "1"], "--note"),
        (["import"], "PATH"),
        (["import", "x", "--kind", "cats"], "cats"),
        (["import", "x", "--map", "nothing"], "theirs=ours"),
        (["import", "x", "--epoch", "years"], "years"),
        (["import", "x", "--format", "xml"], "xml"),
        (["rules", "load", "--bad"], "--bad"),
    ],
)
def test_a_wrong_call_is_one_line(capsys: pytest.CaptureFixture[str], words: list[str], part: str) -> None:
    line = refused(capsys, *words, "--db", "x.db") if words else refused(capsys)
    assert part in line


def test_the_line_is_safe_for_a_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    line = refused(capsys, "figures", "--db", "x\x1b]0;owned\x07\u202e\n.db")
    assert line.isprintable()
    assert "\\x1b" in line


@pytest.mark.parametrize(
    ("error", "code", "part"),
    [
        (RuntimeError("boom\nbang"), 70, "internal error: RuntimeError: boom bang"),
        (KeyError("x"), 2, "the store holds what makes no sense (KeyError: 'x'): see `python -m store verify`"),
        (PermissionError(13, "Permission denied", "a\x1bb"), 2, "a\\x1bb: Permission denied"),
        (OSError(28, "No space left on device"), 2, "No space left"),
        (sqlite3.DatabaseError("database disk image is malformed"), 2, "malformed"),
        (sqlite3.ProgrammingError("Incorrect number of bindings"), 70, "internal error"),
        (KeyboardInterrupt(), 130, "interrupted"),
    ],
)
def test_whatever_goes_wrong_is_one_line(
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    error: BaseException,
    code: int,
    part: str,
) -> None:
    def fail(_options: object) -> int:
        raise error

    monkeypatch.setattr(questions, "figures", fail)
    monkeypatch.delenv(TRACEBACK_VARIABLE, raising=False)
    assert part in refused(capsys, "figures", "--db", "x.db", code=code)


def test_a_fault_of_ours_shows_its_place_on_request(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_options: object) -> int:
        raise RuntimeError("boom")

    monkeypatch.setattr(questions, "figures", fail)
    monkeypatch.setenv(TRACEBACK_VARIABLE, "1")
    with pytest.raises(RuntimeError, match="boom"):
        main(["figures", "--db", "x.db"])


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_unwinds_and_ends_with_its_code(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, number: signal.Signals
) -> None:
    unwound = []

    def wait_for_the_end(_options: object) -> int:
        try:
            signal.raise_signal(number)
        finally:
            unwound.append(True)
        return 0

    before = signal.getsignal(number)
    monkeypatch.setattr(questions, "figures", wait_for_the_end)
    line = refused(capsys, "figures", "--db", "x.db", code=128 + number)
    assert (number.name in line) is (number != signal.SIGINT)
    assert unwound == [True]
    assert signal.getsignal(number) is before


def test_a_library_that_swallows_the_signal_does_not_hide_it(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def query(_options: object) -> int:
        try:
            signal.raise_signal(signal.SIGINT)
        except BaseException as error:
            raise RuntimeError("Query interrupted") from error
        return 0

    monkeypatch.setattr(questions, "figures", query)
    assert "interrupted" in refused(capsys, "figures", "--db", "x.db", code=130)


def test_an_interrupted_import_says_how_to_resume(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from store.cli import intake

    def fail(_options: object) -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr(intake, "import_files", fail)
    line = refused(capsys, "import", "--db", "x.db", "f.csv", code=130)
    assert "run the same command again" in line


_LITTLE_ROOM = """
import resource, runpy, sys
resource.setrlimit(resource.RLIMIT_FSIZE, (100, resource.RLIM_INFINITY))
runpy.run_module("store", run_name="__main__")
"""


@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_an_output_that_finds_no_room_is_no_success(tmp_path: Path, unbuffered: str) -> None:
    variables = {"PYTHONUNBUFFERED": unbuffered}
    assert run("init", "--db", "x.db", "--as", "ana", cwd=tmp_path).returncode == 0
    whole = run("log", "--db", "x.db", "--json", cwd=tmp_path, environment=variables)
    assert (whole.returncode, whole.stdout.endswith("}\n")) == (0, True)
    command = [sys.executable, "-c", _LITTLE_ROOM, "log", "--db", "x.db", "--json"]
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).resolve().parents[2]), **variables}
    with (tmp_path / "log.json").open("wb") as target:
        result = subprocess.run(
            command, cwd=tmp_path, env=environment, stdout=target, stderr=subprocess.PIPE, timeout=60, check=False
        )
    assert (tmp_path / "log.json").stat().st_size == 100
    assert (result.returncode, result.stderr) == (2, b"File too large\n")


def test_a_reader_that_has_gone_is_no_fault(tmp_path: Path) -> None:
    assert run("init", "--db", "x.db", "--as", "ana", cwd=tmp_path).returncode == 0
    reading, writing = os.pipe()
    os.close(reading)
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).resolve().parents[2])}
    for words in (["log", "--db", "x.db", "--json"], ["--help"]):
        command = [sys.executable, "-m", "store", *words]
        result = subprocess.run(
            command, cwd=tmp_path, env=environment, stdout=writing, stderr=subprocess.PIPE, timeout=60, check=False
        )
        assert (result.returncode, result.stderr) == (128 + signal.SIGPIPE, b"")
    os.close(writing)


@pytest.mark.parametrize("locale", ["C", "POSIX", "en_US.ISO-8859-1"])
def test_a_poor_locale_harms_nothing(tmp_path: Path, locale: str) -> None:
    environment = {"LC_ALL": locale, "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    made = run("init", "--db", "x.db", "--name", "Größe 動画", "--as", "ana", cwd=tmp_path, environment=environment)
    assert (made.returncode, made.stderr) == (0, "")
    asked = run("figures", "--db", "x.db", cwd=tmp_path, environment=environment)
    assert (asked.returncode, asked.stderr) == (0, "")
