"""P7: what a person types is data. Filters find what plain Python finds; nothing typed changes a byte or fails.

The oracle is written from the words of the help: every word must occur in the name, an id, an app or a note, without
case. Every option that takes text is found in the parser itself, so that a new one is tried too.
"""

import argparse
import hashlib
import random
import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from pathlib import Path

import pytest

from store.cli.main import main
from store.cli.parser import build_parser
from store.connection import open_store
from store.parameters import Parameters
from store.partners import PartnerRow, filter_rows, partner_list
from tests.promises import trials
from tests.store.cli_incident import write_incident

Account = Callable[[str, Mapping[str, int]], None]
STORES = 5
PARTNERS = 30
# Commands that answer and write nothing; `quarantine` and `rules` are asked without what would make them write.
QUESTIONS = (
    *("imports", "quarantine", "figures", "partners", "timeline", "shape", "events", "event", "who", "people", "audit"),
    *("log", "held", "sample", "queue", "due", "overlap", "access", "stages", "since"),
    *("disclosures", "diff", "reproduce", "claims", "scenario"),
)
CASEWORK = ("flag", "clear", "reopen", "note", "assign", "undo", "redo", "step")
# What makes a question write or ask for a file; `people --json` and `--csv` are entries in the log.
_NOT_ASKED = frozenset({"db", "resolve", "note", "save", "drop", "help", "actor", "to"})
_LOGS_EXPORTS = {"people": ("json", "csv")}

PIECES = (
    "Ribbon", "ribbon", "RIBBON", "a", "e", "9", "%", "_", "\\", "'", '"', "''", '""', "*", "?", ".", "^", "$", "(",
    ")", "[", "]", "{", "}", "+", "|", "(a+)+$", "[^x]*", "\\d", "%s", "{0}", "' OR 1=1 --",
    "'; DROP TABLE cases; --", "\" OR \"\"=\"", "NEAR(a b)", "a AND b", "NOT", "-a", "name:", "/*", "--", "; --",
    "\0", "\0x", "\x1b[31m", "\x07", "\x7f", "\x85", "[b]", "[/b]", "[@click=app.quit]", "<b>", "&amp;", "\u202e",
    "\u200b", "\ufeff", "\u2028", "\xa0", "\u3000", "\u0130", "i\u0307", "\u0131", "I", "\xdf", "ss", "SS", "\u1e9e",
    "\u017f", "s", "\u212a", "k", "\u2126", "\u03c9", "\u03a3", "\u03c2", "\u03c3", "\ufb01", "fi", "\u01c5",
    "\u01c6", "\u0345", "\u03b9", "e\u0301", "\xe9", "\u0301", "\u1100\u1161", "\uac00", "\u65e5\u672c",
    "\u0647\u0644\u0627", "\u05e9", "\u0e01", "\u0939\u093f\u0928", "\U0001f469\u200d\U0001f4bb", "\U00010400",
    "\U00010428", "\u13a0", "\uab70", "\U0010ffff", "\ufffe", "\ud800",
)  # fmt: skip
ANY_SCRIPT = [
    chr(code)
    for code in range(0x21, 0x1F000, 7)
    if unicodedata.category(chr(code))[0] in "LMNPS" and not 0xD800 <= code < 0xE000
]


def typed(draw: random.Random, longest: int = 4) -> str:
    """Something a person might type or paste."""
    if draw.random() < 0.01:
        return draw.choice(PIECES) * 20_000
    pieces = [draw.choice(PIECES if draw.random() < 0.7 else ANY_SCRIPT) for _ in range(draw.randint(1, longest))]
    return draw.choice(("", "", " ", "\t")).join(pieces)


def storable(text: str) -> str:
    """What a registry file may hold as a name."""
    kept = text.replace("\0", "").replace("\r", "").encode("utf-8", "replace").decode()
    return kept.strip()[:2_000] or "nameless"


def quoted(text: str) -> str:
    return '"' + text.replace('"', '""') + '"'


class Known:
    """Partners as plain Python knows them: id, name, apps (id and name) and notes."""

    def __init__(self, draw: random.Random) -> None:
        self.names = {
            f"p{number}{storable(typed(draw, 1))}".replace("@", ""): storable(typed(draw)) for number in range(PARTNERS)
        }
        self.apps = {f"a{number}": (storable(typed(draw)), draw.choice(list(self.names))) for number in range(PARTNERS)}
        self.notes = {partner: storable(typed(draw, 6)) for partner in draw.sample(list(self.names), 8)}

    def build(self, folder: Path) -> Path:
        """The store that knows them."""
        files = folder / "files"
        files.mkdir()
        partners = [f"{quoted(partner)},{quoted(name)}\n" for partner, name in self.names.items()]
        apps = [f"{app},{quoted(name)},{quoted(partner)}\n" for app, (name, partner) in self.apps.items()]
        (files / "partners.csv").write_text("".join(["partner_id,name\n", *partners]), "utf-8", newline="")
        (files / "apps.csv").write_text("".join(["app_id,name,partner_id\n", *apps]), "utf-8", newline="")
        database = folder / "filter.db"
        assert main(["init", "--db", str(database), "--as", "ana"]) == 0
        assert main(["import", "--db", str(database), str(files), "--as", "ana", "--strict"]) == 0
        for partner, note in self.notes.items():
            assert main(["note", "--db", str(database), "--partner", partner, "--note", note, "--as", "ana"]) == 0
        return database

    @cache  # noqa: B019 - it lives as long as its test
    def texts(self) -> dict[str, list[str]]:
        """All that a partner can be found by, without case."""
        found = {partner: [partner, name] for partner, name in self.names.items()}
        for app, (name, partner) in self.apps.items():
            found[partner] += [app, name]
        for partner, note in self.notes.items():
            found[partner].append(note)
        return {partner: [text.casefold() for text in texts] for partner, texts in found.items()}

    def found(self, typed_text: str) -> set[str]:
        """The partners that every word occurs in."""
        words = re.split(r"\s+", "".join(" " if each.isspace() else each for each in typed_text.casefold()))
        return {
            partner
            for partner, texts in self.texts().items()
            if all(any(word in text for text in texts) for word in words if word)
        }

    def likely(self, draw: random.Random) -> str:
        """A filter that some partner may well have: parts of what it is found by, in any case."""
        texts = [*self.names, *self.names.values(), *self.notes.values(), *(name for name, _ in self.apps.values())]
        text = draw.choice(texts)
        begin = draw.randrange(len(text))
        part = text[begin : begin + draw.randint(1, 6)]
        return draw.choice((part, part.upper(), part.lower(), part.swapcase(), f"{part} {typed(draw, 1)}"))


def hash_of(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


@trials("P7")
def test_a_filter_finds_what_plain_python_finds_and_changes_nothing(
    tmp_path: Path, account: Account, capsys: pytest.CaptureFixture[str], count: int
) -> None:
    draw = random.Random("P7")
    told: Counter[str] = Counter()
    for number in range(STORES):
        folder = tmp_path / str(number)
        folder.mkdir()
        known = Known(draw)
        database = known.build(folder)
        before = hash_of(database)
        with open_store(database) as store:
            rows = partner_list(store, Parameters())
            assert {row.partner_id for row in rows} == set(known.names)
            for text in filters(known, draw, count // STORES):
                compare(known, rows, text, told)
        for text in filters(known, draw, 6):
            compare_printed(known, database, text, capsys)
        assert hash_of(database) == before
        assert [path.name for path in folder.glob("filter.db*")] == ["filter.db"]
    account("P7", {"filters": told.total(), **told})
    assert told["found some"] >= count / 4


def filters(known: Known, draw: random.Random, count: int) -> Iterator[str]:
    return (known.likely(draw) if draw.random() < 0.6 else typed(draw) for _ in range(count))


def compare(known: Known, rows: list[PartnerRow], text: str, told: Counter[str]) -> None:
    found = {row.partner_id for row in filter_rows(rows, text)}
    assert found == known.found(text), ascii(text)[:300]
    told["found some" if 0 < len(found) < PARTNERS else "found none" if not found else "found all"] += 1


def compare_printed(known: Known, database: Path, text: str, capsys: pytest.CaptureFixture[str]) -> None:
    """The command line finds the same; what is no UTF-8 is refused."""
    from json import loads

    capsys.readouterr()
    is_text = not any("\ud800" <= each <= "\udfff" for each in text)
    code = main(["partners", "--db", str(database), f"--filter={text}", "--json"])
    said = capsys.readouterr()
    if is_text:
        assert (code, said.err) == (0, "")
        assert {row["partner_id"] for row in loads(said.out)["partners"]} == known.found(text), ascii(text)[:300]
    else:
        assert (code, said.err.count("\n")) == (2, 1)


def options_with_text() -> list[tuple[str, str]]:
    """Every option of every question that takes a text: command, option."""
    (commands,) = [each for each in build_parser()._actions if isinstance(each, argparse._SubParsersAction)]
    return [
        (verb, action.option_strings[-1])
        for verb in QUESTIONS
        for action in commands.choices[verb]._actions
        if action.option_strings and action.nargs is None and action.dest not in _NOT_ASKED
    ]


def test_every_command_that_answers_is_tried() -> None:
    (commands,) = [each for each in build_parser()._actions if isinstance(each, argparse._SubParsersAction)]
    writing = {"init", "import", "void", "rules", "rebuild", *CASEWORK}
    working_on_files = {"verify", "checkpoint", "backup", "evidence", "report", "letter"}
    writing |= {"disclose", "claim"}
    assert set(commands.choices) - writing - working_on_files == set(QUESTIONS)
    assert ("partners", "--filter") in options_with_text()
    assert len(options_with_text()) >= 25


@trials("P7")
def test_whatever_an_option_is_given_the_answer_is_0_or_2_and_nothing_changes(
    tmp_path: Path, account: Account, capsys: pytest.CaptureFixture[str], count: int
) -> None:
    files = write_incident(tmp_path)
    database = tmp_path / "options.db"
    assert main(["init", "--db", str(database), "--rules", str(tmp_path / "rules.toml"), "--as", "ana"]) == 0
    assert main(["import", "--db", str(database), str(files), "--as", "ana"]) == 0
    before = hash_of(database)
    draw = random.Random("P7 options")
    places = options_with_text()
    told = Counter({"answered": 0, "refused": 0})
    capsys.readouterr()
    for number in range(count // 10):
        verb, option = places[number % len(places)]
        text = draw.choice(GIVEN) if draw.random() < 0.7 else typed(draw)
        code = main([verb, "--db", str(database), f"{option}={text}"])
        said = capsys.readouterr()
        shown = f"{verb} {option}={ascii(text)[:200]}: {said.err[:500]}"
        assert code in (0, 2), shown
        assert "Traceback" not in said.err + said.out, shown
        assert said.err.count("\n") == (1 if code else 0), shown
        told["answered" if code == 0 else "refused"] += 1
    assert hash_of(database) == before
    assert [path.name for path in tmp_path.glob("options.db*")] == ["options.db"]
    account("P7 options", {"options": len(places), "calls": told.total(), **told})
    assert min(told.values()) >= count / 200


# What some option or other takes, and what looks as if it might.
GIVEN = (
    "p-1", "app:a-9", "name", "people", "improper", "allowed", "retained", "1", "0", "-1", "60",
    "999999999999999999999", "1e3", "\u0663", "2018-05-01", "2018-05-01T00:00:00Z", "2018-02-30", "0001-01-01",
    "9999-12-31", "9999-12-31T23:59:59-14:00", "0001-01-01T00:00:00+14:00", "1900-01-01", "2200-12-31", "now", "",
    " ", "None",
)  # fmt: skip
