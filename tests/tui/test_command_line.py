"""`python -m tui` before any screen: what it refuses, in one line, and what it imports."""

import subprocess
import sys
from pathlib import Path

import pytest

from store.schema import create_store
from tui.__main__ import main


def tui(*arguments: str | Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run it with no terminal on any of its files."""
    import os

    return subprocess.run(
        [sys.executable, "-m", "tui", *map(str, arguments)],
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        env={**os.environ, **environment},
        timeout=60,
    )


def refusal(capsys: pytest.CaptureFixture[str], *arguments: str | Path) -> str:
    assert main([str(each) for each in arguments]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.count("\n") == 1
    return err


def test_help_needs_no_store_no_terminal_and_no_screen_library() -> None:
    code = "import sys; from tui.__main__ import parser; parser().format_help(); print(sorted(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    for heavy in ("'textual'", "'rich'", "'numpy'", "'duckdb'", "'sqlite3'", "'sqlite_utils'"):
        assert heavy not in done.stdout
    assert tui("--help").returncode == 0


def test_without_a_terminal_it_refuses_in_one_line(tmp_path: Path) -> None:
    done = tui("--db", tmp_path / "none.db")
    assert done.returncode == 2
    assert done.stdout == ""
    assert "needs a terminal" in done.stderr
    assert done.stderr.count("\n") == 1


def test_no_such_store_says_how_to_make_one(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "none.db"
    said = refusal(capsys, "--db", path, "--screenshot", tmp_path / "x.svg")
    expected = f"no such store: {path} - create one with `python -m store init --db {path}`, or try `--demo`"
    assert said == f"{expected}\n"
    assert not path.exists()


@pytest.mark.parametrize(
    ("arguments", "part"),
    [
        ([], "--db FILE"),
        (["--as-of", "soon"], "--as-of"),
        (["--as-of", "2019-13-01"], "no such date"),
        (["--today", "2019-01-01T00:00"], "without an offset"),
        (["--window", "0"], "--window"),
        (["--window", "-3"], "--window"),
        (["--window", "36501"], "from 1 to 36500"),
        (["--window", "²"], "--window"),
        (["--size", "80"], "--size"),
        (["--size", "0x10"], "--size"),
        (["--screenshot", "x.png"], ".svg"),
    ],
)
def test_what_cannot_be_read_is_refused(
    arguments: list[str], part: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    store = [] if not arguments else ["--db", str(tmp_path / "x.db"), "--screenshot", str(tmp_path / "x.svg")]
    assert part in refusal(capsys, *store, *arguments)


def test_a_folder_that_cannot_be_made_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("in the way", encoding="utf-8")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    said = refusal(capsys, "--demo", "--screenshot", tmp_path / "x.svg")
    assert str(tmp_path / "file") in said


@pytest.mark.parametrize("arguments", [["--nonsense"], ["--size"], ["extra"]])
def test_a_wrong_call_is_one_line(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stop:
        main(arguments)
    assert stop.value.code == 2
    assert capsys.readouterr().err.count("\n") == 1


def test_other_files_are_refused_untouched(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = tmp_path / "notes.txt"
    text.write_text("not a store \x1b[31m", encoding="utf-8")
    for path in (text, tmp_path):
        said = refusal(capsys, "--db", path, "--screenshot", tmp_path / "x.svg")
        assert "\x1b" not in said
    assert text.read_text(encoding="utf-8") == "not a store \x1b[31m"


def test_demo_leaves_another_incident_alone(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "mine.db"
    create_store(path, name="Mine", actor="ana", at=0)
    before = path.read_bytes()
    assert "another incident" in refusal(capsys, "--demo", "--db", path, "--screenshot", tmp_path / "x.svg")
    assert path.read_bytes() == before


def test_a_picture_needs_no_terminal_and_waits_for_the_answers(tmp_path: Path) -> None:
    path, picture = tmp_path / "empty.db", tmp_path / "board.svg"
    create_store(path, name="An empty incident", actor="ana", at=0)
    for keys, part in (("p", "An&#160;empty&#160;incident"), ("p ?", "everywhere")):
        done = tui("--db", path, "--screenshot", picture, "--press", keys, "--size", "100x30")
        assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
        svg = picture.read_text(encoding="utf-8")
        assert svg.startswith("<svg")
        assert part in svg


def test_a_picture_that_cannot_be_written_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "empty.db"
    create_store(path, name="E", actor="ana", at=0)
    assert "cannot write" in refusal(capsys, "--db", path, "--screenshot", tmp_path / "no" / "such" / "x.svg")
    assert "ended the dashboard" in refusal(capsys, "--db", path, "--screenshot", tmp_path / "x.svg", "--press", "q")
