"""The verifier that needs no program of ours: one file, run alone, on hostile input too.

That it finds what `verify` finds is tested in `tests.faults.test_tampering`.
"""

import ast
import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from store import cases, ledger, verify_log
from store.cli.main import main
from store.connection import open_store
from store.instants import format_instant, parse_point
from tests import small_incident

Document = dict[str, Any]
YEARS = (parse_point("1000-01-01"), parse_point("9999-12-31T23:59:59.999999Z"))


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A log as it is exported, and a checkpoint of it, which tells all of it."""
    folder = tmp_path_factory.mktemp("exported")
    path = small_incident.build(folder)
    with open_store(path) as store:
        cases.flag(store, [1, 2], actor="Zoë \u202e", note='a "note" \n\x1b[31m of 😀')
        cases.undo(store, actor="Zoë \u202e")
        cases.add_note(store, [3], actor="bo", note="only for counsel", privileged=True)
    log, checkpoint = folder / "log.json", folder / "checkpoint.json"
    printed = subprocess.run(
        [sys.executable, "-m", "store", "log", "--db", path, "--json"], capture_output=True, check=True
    )
    log.write_bytes(printed.stdout)
    assert main(["checkpoint", "--db", str(path), "--to", str(checkpoint)]) == 0
    return log, checkpoint


def alone(folder: Path, *words: object) -> tuple[int, str, str]:
    """Run a copy of the file as somebody would who has nothing else of ours: exit code, output, errors."""
    copy = folder / "verify_log.py"
    shutil.copyfile(str(verify_log.__file__), copy)
    command = [sys.executable, "-I", "-S", copy, *map(str, words)]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=60, check=False, env={})
    copy.unlink()
    assert "Traceback" not in done.stderr
    return done.returncode, done.stdout, done.stderr


def test_it_needs_nothing_but_the_standard_library_of_an_old_python() -> None:
    tree = ast.parse(Path(str(verify_log.__file__)).read_text("utf-8"), feature_version=(3, 9))
    imported = {
        name.split(".")[0]
        for node in ast.walk(tree)
        for name in (
            [each.name for each in node.names]
            if isinstance(node, ast.Import)
            else [node.module or ""]
            if isinstance(node, ast.ImportFrom)
            else []
        )
    }
    assert imported <= sys.stdlib_module_names
    assert not any(isinstance(node, ast.Match) for node in ast.walk(tree))


def test_a_log_that_holds(exported: tuple[Path, Path], tmp_path: Path) -> None:
    log, checkpoint = exported
    code, out, errors = alone(tmp_path, log, "--checkpoint", checkpoint)
    assert (code, errors) == (0, "")
    last = json.loads(log.read_text("ascii"))["actions"][-1]
    assert out.splitlines() == [
        f"ok      {last['seq']} entries, each chained to the one before;"
        f" as the checkpoint of entry #{last['seq']} saw it",
        f"        the head is #{last['seq']} {last['hash']}",
    ]
    assert "no checkpoint was given" in alone(tmp_path, log)[1]


def edited(log: Path, target: Path, edit: Callable[[list[Document]], object]) -> Path:
    document = json.loads(log.read_text("ascii"))
    edit(document["actions"])
    target.write_text(json.dumps(document), "ascii")
    return target


EDITS: dict[str, tuple[Callable[[list[Document]], object], str]] = {
    "a note": (lambda log: log[-1].update(note="another"), "entry #12: its hash"),
    "a value within": (lambda log: log[6]["after"].update(status="cleared"), "entry #7: its hash"),
    "a number for true": (lambda log: log[-1].update(privileged=1), "its privileged is not true or false"),
    "an entry less": (lambda log: log.pop(3), "entry #5: it comes after #3"),
    "none at all": (lambda log: log.clear(), "the log is empty"),
    "another first": (lambda log: log.pop(0), "the log does not begin with init"),
    "no time": (lambda log: log[2].update(at="2019-02-30T00:00:00Z"), "its at is no instant"),
    "no hash": (lambda log: log[2].pop("hash"), "it has no hash"),
    "no entry": (lambda log: log.insert(2, None), "entry 3 of the file: it is no entry"),
    "a text that says something else": (
        lambda log: log[6].update(after_text='{"status":"open"}'),
        "its after_text does not say what its after says",
    ),
    "a uuid twice": (lambda log: log[5].update(uuid=log[4]["uuid"]), "it bears the uuid of entry #5"),
    "a correction of what is to come": (lambda log: log[8].update(corrects=10), "it corrects #10"),
    "a clock that went back": (lambda log: log[4].update(clock_went_back=5), "its clock_went_back is not what"),
    "a clock that went back by itself": (lambda log: log[0].update(clock_went_back=0), "its clock_went_back is not"),
    "what no hash covers": (
        lambda log: log[4].update(seen_by="counsel"),
        "entry #5: its seen_by is covered by no hash",
    ),
    "what is no text": (lambda log: log[3].update(note={"a": 1}), "its note is not text"),
}


@pytest.mark.parametrize(("edit", "says"), EDITS.values(), ids=EDITS)
def test_an_edit_is_named(
    exported: tuple[Path, Path], tmp_path: Path, edit: Callable[[list[Document]], object], says: str
) -> None:
    code, out, _ = alone(tmp_path, edited(exported[0], tmp_path / "log.json", edit))
    assert code == 1
    assert says in out
    assert all(line.startswith("NOT ok  ") for line in out.splitlines())


def test_a_checkpoint_that_saw_other_evidence_or_counts_is_named(exported: tuple[Path, Path], tmp_path: Path) -> None:
    log, checkpoint = exported
    taken = json.loads(checkpoint.read_text("ascii"))
    changed = tmp_path / "checkpoint.json"
    for name, value, says in (
        ("evidence", "0" * 64, "the evidence digest up to"),
        ("counts", taken["counts"] | {"records": 1}, "records up to"),
        ("at", "2019-01-01T00:00:00Z", "its time is not the one"),
    ):
        changed.write_text(json.dumps(taken | {name: value}), "ascii")
        code, out, _ = alone(tmp_path, log, "--checkpoint", changed)
        assert code == 1
        assert out.count("NOT ok") == 1
        assert says in out


def test_hostile_text_is_shown_as_escapes(exported: tuple[Path, Path], tmp_path: Path) -> None:
    def edit(log: list[Document]) -> None:
        log[4]["uuid"] = "\x1b]0;title\x07\u202e\x9b"
        log[5]["uuid"] = log[4]["uuid"]
        log[6]["corrects"] = 10**30

    code, out, _ = alone(tmp_path, edited(exported[0], tmp_path / "log.json", edit))
    assert code == 1
    assert out.isascii()
    assert not any(character < " " and character != "\n" for character in out)
    taken = json.loads(exported[1].read_text("ascii"))
    taken["incident"]["uuid"] = "\x1b[2J\x07"
    checkpoint = tmp_path / "checkpoint.json"
    checkpoint.write_text(json.dumps(taken), "ascii")
    code, out, _ = alone(tmp_path, exported[0], "--checkpoint", checkpoint)
    assert code == 1
    assert "\x1b" not in out


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"\xff\xfe",
        b"[]",
        b"{}",
        b'{"actions": {}}',
        b'{"actions": [], "actions": []}',
        b'{"actions": [{"seq": NaN}]}',
        b"[" * 200_000,
        b'{"actions": [' + b"[" * 200_000,
        b'{"actions": ' + b"9" * 10_000,
    ],
)
def test_what_is_no_log_is_refused_in_one_line(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "log.json").write_bytes(content)
    code, out, errors = alone(tmp_path, "log.json")
    assert (code, out) == (2, "")
    assert errors.count("\n") == 1


def test_a_call_that_makes_no_sense_is_refused(exported: tuple[Path, Path], tmp_path: Path) -> None:
    log, checkpoint = exported
    for words in ((), (log, log), (log, "--checkpoint"), ("--frobnicate",), ("none.json",), (log, "--checkpoint", log)):
        code, out, errors = alone(tmp_path, *words)
        assert (code, out, errors.count("\n")) == (2, "", 1), words
    assert alone(tmp_path, "--help")[0] == 0
    assert alone(tmp_path, log, "--checkpoint", checkpoint)[0] == 0


@settings(deadline=None)
@given(st.integers(*YEARS))
def test_an_instant_in_the_export_is_exact(instant: int) -> None:
    assert verify_log.microseconds(format_instant(instant)) == instant


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@settings(deadline=None)
@given(after=VALUES, note=st.none() | st.text(), at=st.integers(*YEARS), privileged=st.booleans())
def test_any_entry_hashes_the_same_after_an_export(after: object, note: str | None, at: int, privileged: bool) -> None:
    text = None if after is None else ledger.canonical(after)
    action = ledger.Action(1, "uuid", at, "ana", "flag", "p", None, text, note, privileged, "batch", None, "")
    hashed = {name: value for name, value in action._asdict().items() if name not in ("seq", "hash")}
    digest = ledger.entry_hash("0" * 64, **hashed)
    printed = json.dumps(ledger.action_document(action, set_back={}), allow_nan=False)
    entry = json.loads(printed)
    assert verify_log.entry_hash("0" * 64, entry, verify_log.microseconds(entry["at"]) or 0) == digest
