"""The cleaner and what the command line prints through it, over every code point there is; the formula guard."""

import csv
import io
import json
import re
import sys
from collections.abc import Callable, Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from store.cli import main as command_line
from store.cli import output
from store.cli.output import Column
from store.text import MAX_MARKS, clean, clean_whole, csv_cell
from tests.promises import trials
from tests.visible_text import NEVER, code_points, escaped, hidden_in, is_hidden, visible

ANYTHING = st.text(alphabet=st.characters(), max_size=60)
HOSTILE = "[@click=app.quit]boom[/nope] \x1b]52;c;aGk=\x07"
_NOT_ASCII = re.compile(rb"[^\x20-\x7e\n]")
_NOT_LATIN = re.compile(rb"[^\x20-\x7e\xa0-\xff\n]")


@trials("P5 cleaner")
def test_every_code_point_comes_out_visible_and_nothing_visible_is_lost(
    count: int, account: Callable[[str, Mapping[str, int]], None]
) -> None:
    tried = hidden = 0
    for block in code_points():
        # A letter before each: a mark sits on it.
        text = "".join(f"a{one}" for one in block)
        assert clean_whole(text) == "".join(f"a{escaped(one) if is_hidden(one) else one}" for one in block), ascii(
            block[0]
        )
        tried += len(block)
        hidden += sum(map(is_hidden, block))
    assert tried == count
    assert hidden >= len(NEVER)
    account("P5 cleaner", {"code points": tried, "escaped": hidden, "shown as they are": tried - hidden})


@trials("P5 cleaner")
def test_no_code_point_gets_through_what_the_command_line_prints(
    count: int, account: Callable[[str, Mapping[str, int]], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    ways = {"table": 0, "line": 0, "csv": 0, "json": 0, "stderr": 0}
    for block in code_points(4_096):
        text = "".join(f"a{one}" for one in block)
        expected = visible(text)
        out, err = io.StringIO(newline=""), io.StringIO(newline="")
        monkeypatch.setattr(sys, "stdout", out)
        monkeypatch.setattr(sys, "stderr", err)
        output.print_lines(output.table([Column("x", limit=100_000)], [[text]]))
        output.print_lines([output.shown(text, 100_000)])
        written = out.getvalue()
        assert not hidden_in(written.replace("\n", ""))
        assert written.splitlines()[1:] == [expected.rstrip(), expected]
        # Where the terminal knows less than UTF-8, what it cannot show is spelled out, too.
        assert not _NOT_ASCII.search(written.encode("ascii", "backslashreplace"))
        assert not _NOT_LATIN.search(written.encode("latin-1", "backslashreplace"))
        out.seek(0)
        out.truncate()
        output.print_csv(["x"], [{"x": text}])
        assert next(csv.reader(io.StringIO(out.getvalue().removeprefix("x\r\n"), newline=""))) == [expected]
        out.seek(0)
        out.truncate()
        output.print_json({"x": text})
        assert not _NOT_ASCII.search(out.getvalue().encode("ascii"))
        assert json.loads(out.getvalue()) == json.loads(json.dumps({"x": text}))
        output.say(text)
        command_line._say(text, 2)
        first, second = err.getvalue().splitlines()
        assert first == expected
        assert not hidden_in(second)
        for way in ways:
            ways[way] += len(block)
    assert set(ways.values()) == {count}
    account("P5 printed", ways)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain", "plain"),
        ("", ""),
        ("\x1b[2J", "\\x1b[2J"),
        ("\x9b31m", "\\x9b31m"),
        ("a\nb\tc\rd", "a\\nb\\tc\\rd"),
        ("\x00\x7f", "\\x00\\x7f"),
        ("\u202eabc", "\\u202eabc"),
        ("a\u200bb", "a\\u200bb"),
        ("\ud800", "\\ud800"),
        ("\U000e0041", "\\U000e0041"),
        ("日本語 ünïcode नमस्ते", "日本語 ünïcode नमस्ते"),
        ("a\ufe0fb\U000e0101", "a\\ufe0fb\\U000e0101"),
        (HOSTILE, "[@click=app.quit]boom[/nope] \\x1b]52;c;aGk=\\x07"),
    ],
)
def test_known_texts(text: str, shown: str) -> None:
    assert clean(text) == shown


def test_marks_up_to_the_bound_stay_and_a_flood_is_escaped() -> None:
    assert clean("e" + "\u0301" * MAX_MARKS) == "e" + "\u0301" * MAX_MARKS
    flood = clean("e" + "\u0301" * 40, 1000)
    assert flood == "e" + "\u0301" * MAX_MARKS + "\\u0301" * (40 - MAX_MARKS)
    assert clean("가" + "\u1161" * 9, 1000).count("\\u1161") == 9 - MAX_MARKS


def test_a_mark_with_nothing_to_sit_on_is_escaped() -> None:
    assert clean("\u0301a") == "\\u0301a"


@pytest.mark.parametrize(
    ("text", "limit", "shown"),
    [
        ("abcdef", 6, "abcdef"),
        ("abcdefg", 6, "abcde…"),
        ("abcd\x1b", 6, "abcd…"),
        ("ab\x1b", 6, "ab\\x1b"),
        ("\x1b\x1b", 6, "\\x1b…"),
        ("ab", 1, "…"),
        ("ab", 0, ""),
        ("ab", -3, ""),
        ("\x1b" * 10**6, 9, "\\x1b\\x1b…"),
    ],
)
def test_the_cap_never_cuts_an_escape(text: str, limit: int, shown: str) -> None:
    assert clean(text, limit) == shown


@given(ANYTHING, st.integers(min_value=1, max_value=80))
def test_the_result_is_printable_bounded_and_stable(text: str, limit: int) -> None:
    shown = clean(text, limit)
    assert len(shown) <= limit
    assert not hidden_in(shown)
    assert clean(shown, limit) == shown
    shown.encode("utf-8")


@given(ANYTHING)
def test_a_cleaned_whole_text_is_not_cut(text: str) -> None:
    assert clean_whole(text) == clean(text, 10_000)


@pytest.mark.parametrize(
    "text",
    [
        "=1+1",
        "+1+1",
        "-1+1",
        "@SUM(A1)",
        "\t=1",
        "\r=1",
        "\n=1",
        "  =1",
        '"=1',
        "'=1",
        "\u00a0=1",
        "\uff1d1",
        "\uff0b1",
        "\uff0d1",
        "\uff20x",
        "\tplain",
        "-5 apples",
        "- 5",
    ],
)
def test_a_cell_that_a_spreadsheet_would_run_is_neutralised(text: str) -> None:
    cell = csv_cell(text)
    assert isinstance(cell, str)
    assert cell.startswith("'")
    assert cell.isprintable() or "\u00a0" in cell


@pytest.mark.parametrize("value", [0, -5, 2**70, 1.5, -0.25])
def test_numbers_stay_numbers(value: float) -> None:
    assert csv_cell(value) == value


@pytest.mark.parametrize("text", ["-5", "+3.25", "-1e9", ".5", "acme", "a=b", "2019-11-05", "", "[x](y)"])
def test_harmless_cells_stay_as_they_are(text: str) -> None:
    assert csv_cell(text) == text


def test_nothing_is_the_empty_cell() -> None:
    assert csv_cell(None) == ""
