"""Whatever is in the data or on the command line, the commands print text: judged by the bytes a terminal gets.

The commands and their options are taken from the parser, so that one added later without a trial fails.
"""

import argparse
import csv
import io
import json
import os
import pty
import sys
import threading
import tty
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import cycle, islice
from pathlib import Path

import pytest

from store.cli.main import main
from store.cli.parser import build_parser
from tests.promises import PROMISES, trials
from tests.terminal.attacks import MARKUP, SEQUENCES, tagged
from tests.terminal.hostile_incident import build_store, file_name, partner_id, rules
from tests.visible_text import hidden_in, visible
from tui.__main__ import main as dashboard
from tui.__main__ import parser as dashboard_parser

# The progress of an import, which repaints its own line on a terminal.
_WIPE = "\r\x1b[K"
_FORMULAS = ("=", "+", "-", "@", "\t", "\r")


class Screen:
    """A terminal, with what was written to it; stdout and stderr of whatever runs while it is open."""

    def __init__(self) -> None:
        self.master, slave = pty.openpty()
        tty.setraw(slave)
        self.stream = os.fdopen(slave, "w", encoding="utf-8", newline="")
        self.bytes = bytearray()
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def _read(self) -> None:
        while True:
            try:
                chunk = os.read(self.master, 65_536)
            except OSError:
                # Linux reports the other side's end of a pseudo-terminal as an input/output error.
                return
            self.bytes += chunk

    def close(self) -> str:
        """Everything that was written."""
        self.stream.close()
        self._reader.join()
        os.close(self.master)
        return self.bytes.decode("utf-8", "strict")


def run(monkeypatch: pytest.MonkeyPatch, program: Callable[[Sequence[str]], int], *words: str) -> tuple[int, str, str]:
    """Run a command on two terminals: its code, and what it wrote to each."""
    out, err = Screen(), Screen()
    with monkeypatch.context() as patch:
        patch.setattr(sys, "stdout", out.stream)
        patch.setattr(sys, "stderr", err.stream)
        try:
            code = program(words)
        except SystemExit as end:
            code = int(end.code or 0)
    told, said = out.close(), err.close()
    assert not hidden_in(told.replace("\r\n", "\n").replace("\n", "a")), words
    assert not hidden_in(said.replace(_WIPE, "").replace("\n", "a")), words
    return code, told, said


def commands() -> dict[str, argparse.ArgumentParser]:
    """Every command's parser, by its name."""
    (choices,) = (one.choices for one in build_parser()._actions if isinstance(one, argparse._SubParsersAction))
    return dict(choices)


def calls(texts: Sequence[str], folder: Path) -> dict[str, list[list[str]]]:
    """How each command is called so that it shows the data; `--json` and `--csv` are added where there are any.

    Files are named by a text, too.
    """
    ids = [partner_id(text) for text in texts]
    first = file_name(texts[0])
    return {
        "init": [["--name", text, "--as", text] for text in texts[::3]],
        "import": [["--kind", "partners", *(str(folder / f"more-{file_name(text)}.jsonl") for text in texts)]],
        "imports": [[]],
        "void": [["--import", "1", "--note", texts[0], "--as", texts[1]]],
        "quarantine": [[], ["--resolve", "1", "--note", texts[0]]],
        "rules": [["show"], ["load", str(folder / f"{first}.toml")]],
        "rebuild": [[]],
        "figures": [[]],
        "partners": [[]],
        "timeline": [["--bins", "3"], ["--bins", "3", "--partner", ids[1]]],
        "shape": [["--partner", each] for each in ids[:3]],
        "events": [
            ["--limit", "1000"],
            ["--subject", texts[3], "--limit", "9"],
            ["--filter", "endpoint:"],
            *(["--filter", f'person="{text}"'] for text in texts[:3]),
        ],
        "event": [["--event-id", each.strip(), "--raw"] for each in texts],
        "who": [
            *(["--subject", each] for each in texts),
            *(["--resource", each] for each in texts[:3]),
        ],
        "people": [[]],
        "held": [["--partner", each] for each in ids],
        "sample": [*(["--partner", each, *_FIVE, "--note", texts[0]] for each in ids[:3]), []],
        "overlap": [["--partner", *ids[:3]], *(["--partner", each] for each in ids)],
        "scenario": [
            *(["--save", text, "--cutoff", "2018-05-01", "--note", text, "--as", text] for text in texts[::3]),
            *(["--show", text] for text in texts[:3]),
            ["--drop", texts[0], "--note", texts[0]],
            [],
        ],
        "queue": [[]],
        "due": [[]],
        "letter": [
            ["--partner", ids[0], "--contact", texts[0], "--as", texts[1]],
            ["--partner", *ids, "--to", "letters", "--kind", "checklist", "--with-people"],
            *(["--partner", each, "--contact", each, "--format", "txt"] for each in ids),
        ],
        "access": [["--partner", each] for each in ids],
        "stages": [["--stage", each] for each in ("none", "access_removed", "notified")],
        "audit": [[], *(["--partner", each] for each in ids[:3])],
        "disclose": [["--name", text[:150], "--note", text, "--as", text] for text in texts[:3]],
        "disclosures": [[], ["--show", "1"]],
        "diff": [["--disclosure", "1"], ["--disclosure", "1", "--by-cause"]],
        "reproduce": [["--disclosure", "1"]],
        "claim": [["--sentence", text, "--that", "accessed.people >= 1", "--as", text] for text in texts[:3]],
        "claims": [[]],
        "log": [["--partner", ids[0]], []],
        "since": [["--as", text, "--seq", "0"] for text in texts[:3]],
        "note": [["--partner", *ids, "--note", texts[2], "--as", text] for text in texts[:3]],
        "assign": [["--partner", *ids, "--to", text] for text in texts[:3]],
        "flag": [["--partner", each] for each in ids[::3]],
        "reopen": [["--partner", *ids[::3], "--note", texts[0]]],
        "clear": [["--partner", *ids, "--grounds", "other", "--note", texts[0]]],
        "undo": [["--as", texts[0]]],
        "redo": [["--as", texts[0]]],
        "step": [["--partner", each, "--step", "no_response", "--note", each] for each in ids[::3]],
        "checkpoint": [["--to", f"{first}.checkpoint"]],
        "verify": [[], ["--checkpoint", f"{first}.checkpoint"]],
        "evidence": [[]],
        "report": [
            *(["--to", f"{file_name(text)}.md", "--as", text] for text in texts[:3]),
            *(["--partner", each, "--to", f"{first} {number}.html"] for number, each in enumerate(ids[:3])),
        ],
        "backup": [["--to", f"copy {file_name(text)}.db"] for text in texts[:3]],
    }


_FIVE = ["--share", "5%", "--risk", "5%"]
# What a command tells of the incident as a whole, or of one thing: it shows fewer of the texts than all.
SHOWN_BY = {
    "init": 20,
    "flag": 20,
    "step": 20,
    "imports": 10,
    "quarantine": 50,
    "void": 1,
    "rules": 1,
    "rebuild": 0,
    "figures": 1,
    "shape": 3,
    # Ids that hold a secret of a known shape, or what JSON and files cannot, are known by another text.
    "event": 20,
    # The first few of each kind.
    "since": 5,
    "who": 20,
    "sample": 3,
    # A name of several lines is refused, and names the text all the same.
    "scenario": 20,
    "note": 1,
    "assign": 3,
    "reopen": 1,
    "clear": 1,
    "undo": 1,
    "redo": 1,
    "disclose": 3,
    "disclosures": 3,
    "diff": 1,
    "reproduce": 1,
    "claim": 3,
    "claims": 3,
    "verify": 0,
    "checkpoint": 1,
    "backup": 3,
    "report": 3,
}


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder, which is the current one."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@trials("P5 screens")
def test_every_command_prints_text(
    count: int, place: Path, monkeypatch: pytest.MonkeyPatch, account: Callable[[str, Mapping[str, int]], None]
) -> None:
    markups = PROMISES["P6"].short if count == PROMISES["P5 screens"].short else PROMISES["P6"].full
    texts = [*tagged(SEQUENCES[:count]), *tagged(MARKUP[:markups], count)]
    folder = place / "incident"
    folder.mkdir()
    store = build_store(folder, texts)
    (folder / f"{file_name(texts[0])}.toml").write_text(rules(texts[0], texts[0]), "utf-8")
    for text in texts:
        line = json.dumps({"partner_id": f"more {text}", "name": text, text: text})
        (folder / f"more-{file_name(text)}.jsonl").write_text(f"{line}\n", "utf-8")
    planned = calls(texts, folder)
    assert set(planned) == set(commands())
    times = printed = 0
    parsers = commands()
    for command, lines in planned.items():
        seen: set[str] = set()
        options = {option for action in parsers[command]._actions for option in action.option_strings}
        forms = [[option] for option in ("--json", "--csv") if option in options]
        for number, words in enumerate(lines):
            for form in ([], *forms[: 2 if number < 2 else 0]):
                db = place / f"new {times} {file_name(words[1])}.db" if command == "init" else store
                code, told, said = run(monkeypatch, main, command, "--db", str(db), *words, *form)
                assert code in (0, 1, 2), (command, words, said)
                assert said.count("\n") == (1 if code == 2 else 0) or said == "", said
                times += 1
                data = readable(told, form)
                seen |= {
                    text for text in texts if (visible(text) if not form else text) in data or shown_in(data, text)
                }
        assert len(seen) >= SHOWN_BY.get(command, len(texts)), (command, len(seen))
        printed += len(seen)
    account("P5 commands", {"texts": len(texts), "commands": len(planned), "calls": times, "texts shown": printed})


def shown_in(data: str, text: str) -> bool:
    """Whether a cell that was cut short shows a text: its number, and what comes to the end of its first escape."""
    shown = visible(text)
    return shown[: max(shown.find("\\") + 4, 12)] in data


def readable(told: str, form: Sequence[str]) -> str:
    """What a program reads in an output: JSON's strings and CSV's cells; a person reads the rest as it is."""
    if form == ["--json"]:
        assert told.isascii()
        return "\n".join(strings(json.loads(told))) if told else ""
    if form == ["--csv"]:
        cells = [cell for row in csv.reader(io.StringIO(told, newline="")) for cell in row]
        assert not [cell for cell in cells if cell.startswith(_FORMULAS)]
        return "\n".join(cells)
    return told


def strings(document: object) -> Iterator[str]:
    """Every string of a JSON document, the names of its members, too."""
    if isinstance(document, dict):
        for name, value in document.items():
            yield name
            yield from strings(value)
    elif isinstance(document, list):
        for value in document:
            yield from strings(value)
    elif isinstance(document, str):
        yield document


@trials("P5 screens")
def test_every_option_is_refused_or_taken_in_clean_words(
    count: int, place: Path, monkeypatch: pytest.MonkeyPatch, account: Callable[[str, Mapping[str, int]], None]
) -> None:
    """Hostile arguments: each text as the value of an option, as a word too many, and as a command."""
    texts = [*tagged(SEQUENCES[:count]), *tagged(MARKUP[: count // 2], count)]
    turns = cycle(texts)
    store = build_store(place, texts[:2])
    codes: dict[int, int] = {}
    tried: set[str] = set()
    for program, words, option in attempts(store):
        for text in islice(turns, 3 if count <= PROMISES["P5 screens"].short else 12):
            tried.add(text)
            value = file_name(text) if option in ("--to", "--screenshot") else text
            code, _, said = run(monkeypatch, program, *words, *([option] if option else []), value)
            assert code in (0, 1, 2), (words, option, ascii(text), said)
            assert said.count("\n") == (1 if code == 2 else 0), (words, option, said)
            codes[code] = codes.get(code, 0) + 1
    assert tried == set(texts)
    assert codes[2] > sum(codes.values()) // 2
    account("P5 arguments", {"calls": sum(codes.values()), "refused": codes[2], "texts": len(tried)})


def attempts(store: Path) -> Iterator[tuple[Callable[[Sequence[str]], int], list[str], str]]:
    """Every option that takes a value, of every command and of the dashboard; and words that nobody expects."""
    yield main, [], ""
    for command, parser in commands().items():
        yield main, [command, "--db", str(store)], ""
        yield main, [command], "--db"
        for action in parser._actions:
            if action.option_strings and action.nargs != 0 and action.dest != "db":
                yield main, [command, "--db", str(store)], action.option_strings[0]
    yield dashboard, [], ""
    for action in dashboard_parser()._actions:
        if action.option_strings and action.nargs != 0:
            yield dashboard, ["--db", str(store)], action.option_strings[0]
