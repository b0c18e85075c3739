"""Damaged stores, and files that somebody made to harm us: one line and a code, never a traceback, never a change."""

import contextlib
import faulthandler
import io
import os
import random
import shutil
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from fractions import Fraction
from pathlib import Path

import pytest

from store import audits, cases
from store.claims import claim
from store.cli.main import main
from store.cli.parser import build_parser
from store.connection import open_store
from store.disclosure import disclose
from store.instants import parse_point
from store.parameters import Parameters
from store.samples import draw_sample
from store.step_details import Details
from tests import small_incident
from tests.faults.damages import DAMAGES
from tests.promises import trials

# A question a command, and what it takes to be asked; those that act are named beside them.
_TODAY = ["--today", small_incident.TODAY]
READING = {
    "imports": [],
    "quarantine": [],
    "rules": ["show"],
    "figures": _TODAY,
    "partners": _TODAY,
    "timeline": ["--bins", "5"],
    "shape": ["--partner", "p-0", *_TODAY],
    "events": ["--limit", "1000"],
    "event": ["--event-id", "e-0-1", "--raw"],
    "who": ["--resource", "group-1"],
    "people": _TODAY,
    "held": ["--partner", "p-0", *_TODAY],
    "sample": [],
    "scenario": ["--cutoff", "2018-05-01", *_TODAY],
    "access": ["--partner", "p-0"],
    "overlap": ["--partner", "p-0", *_TODAY],
    "audit": _TODAY,
    "queue": _TODAY,
    "due": _TODAY,
    "stages": [*_TODAY, "--stage", "deletion_requested"],
    "log": [],
    "disclosures": ["--show", "1"],
    "diff": ["--disclosure", "1", "--by-cause"],
    "reproduce": ["--disclosure", "1"],
    "claims": [],
    "since": ["--as", "ana", "--seq", "0", *_TODAY],
    "verify": [],
    "checkpoint": ["--to"],
    "evidence": [],
}
ACTING = {
    "init",
    "import",
    "void",
    "rebuild",
    "flag",
    "clear",
    "reopen",
    "note",
    "assign",
    "undo",
    "redo",
    "step",
    "backup",
    "letter",
    "disclose",
    "claim",
    "report",
}
_LONGEST = 300


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small store with some of everything in it."""
    folder = tmp_path_factory.mktemp("sound")
    path = small_incident.build(folder)
    (folder / "letter").write_text("x")
    at = parse_point("2018-07-01")
    with open_store(path) as store:
        cases.flag(store, [1, 2], actor="ana", note="why")
        cases.clear(store, [3], actor="ana", grounds="other", note="duplicate of another", override=True)
        cases.add_note(store, [1], actor="bo", note="nothing yet", privileged=True)
        audits.record_step(store, [1], actor="bo", step="access_removed", at=at, evidence=str(folder / "letter"))
        cases.undo(store, actor="bo")
        audits.record_step(store, [2], actor="bo", step="access_removed", at=at, evidence=str(folder / "letter"))
        (seq,) = draw_sample(store, 1, actor="bo", share=Fraction(1, 20), risk=Fraction(1, 20)).seqs
        found = Details(sample=seq, checked=9, found=1)
        audits.record_step(store, [1], actor="bo", step="sample_checked", at=None, details=found)
        asked = Parameters(today=parse_point(small_incident.TODAY))
        disclose(store, asked, actor="bo", name="to the press")
        claim(store, asked, actor="bo", sentence="at least five", that="accessed.partners >= 5")
    return path


@pytest.fixture(autouse=True)
def no_hang() -> Iterator[None]:
    faulthandler.dump_traceback_later(_LONGEST * 20, exit=True)
    yield
    faulthandler.cancel_dump_traceback_later()


def ask(path: Path, command: str) -> tuple[int, str, str]:
    """Ask one question of a store: exit code, standard output, standard error."""
    words = [command, "--db", str(path), *READING[command]]
    if command == "checkpoint":
        words += [str(path.with_name("checkpoint.json")), "--force"]
    out, errors = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(errors):
        # A list of people as JSON leaves the tool: that is an action.
        code = main(words if command == "people" else [*words, "--json"])
    return code, out.getvalue(), errors.getvalue()


def test_every_command_asks_or_acts() -> None:
    (choices,) = [action.choices for action in build_parser()._actions if action.dest == "command"]
    assert set(choices or ()) == READING.keys() | ACTING


def without_journal(content: bytes, before: bytes) -> bytes:
    """A store's bytes; without what tells its kind of journal, and its counters, where it claims a write-ahead log.

    Opening gives such a store a rollback journal, where SQLite may not share the other with writers.
    """
    if 2 not in before[18:20]:
        return content
    return content[:18] + content[20:24] + content[28:92] + content[100:]


@trials("P9")
def test_whatever_is_wrong_with_a_file_is_one_line_and_the_file_stays_as_it_was(
    sound: Path, tmp_path: Path, count: int, account: Callable[[str, Mapping[str, int]], None]
) -> None:
    folder = tmp_path / "damaged"
    folder.mkdir()
    path = folder / sound.name
    shutil.copytree(f"{sound}.evidence", f"{path}.evidence")
    shutil.copy(sound, path)
    expected = {command: ask(path, command)[:2] for command in READING}
    assert {code for code, _ in expected.values()} == {0}
    names = {*os.listdir(folder), "checkpoint.json"}
    told: Counter[str] = Counter()
    others = [command for command in READING if command != "verify"]
    for number in range(count):
        draw = random.Random(number)
        damage = DAMAGES[number % len(DAMAGES)]
        # A new file each time: what an exception keeps alive may still hold a lock on the one before.
        path.unlink()
        shutil.copy(sound, path)
        damage(path, draw)
        damaged = path.read_bytes()
        commands = draw.sample(others, 2)
        answers = {command: ask(path, command) for command in commands}
        answers["verify"] = ask(path, "verify")
        code = answers["verify"][0]
        where = f"{damage.__name__}, trial {number}"
        for command, (answer, out, said) in answers.items():
            assert answer in (0, 1, 2), (where, command, said)
            assert said.count("\n") <= (answer == 2) + ("reading only" in said), (where, command, said)
            assert out == "" or answer != 2, (where, command)
            assert "Traceback" not in said + out, (where, command)
        assert without_journal(path.read_bytes(), damaged) == without_journal(damaged, damaged), where
        assert set(os.listdir(folder)) <= names, where
        changed = [command for command in commands if answers[command][:2] not in (expected[command], (2, ""))]
        refused = [command for command in commands if answers[command][0] == 2]
        assert code != 0 or not (changed or refused), (where, changed, refused)
        told["files"] += 1
        told["in which a question was refused"] += bool(refused)
        told["in which an answer was another"] += bool(changed)
        told["of which verify said so"] += code != 0
        told["senseless values"] += any("makes no sense" in said for _, _, said in answers.values())
    account("P9", told)
    assert told["of which verify said so"] >= count * 0.6
    assert told["in which a question was refused"] >= count * 0.3
    assert told["in which an answer was another"] >= count * 0.01
