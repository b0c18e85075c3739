"""The cleaner, over every code point there is, and the formula guard of CSV cells."""

import sys
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from store.text import MAX_MARKS, clean, clean_whole, csv_cell

FORBIDDEN = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}
INVISIBLE_LETTERS = {0x034F, 0x115F, 0x1160, 0x17B4, 0x17B5, 0x3164, 0xFFA0}
ANYTHING = st.text(alphabet=st.characters(), max_size=60)
HOSTILE = "[@click=app.quit]boom[/nope] \x1b]52;c;aGk=\x07"


def test_every_code_point_comes_out_visible_and_nothing_visible_is_lost() -> None:
    for code in range(sys.maxunicode + 1):
        character = chr(code)
        category = unicodedata.category(character)
        shown = clean("a" + character)
        if category in FORBIDDEN or code in INVISIBLE_LETTERS:
            assert shown.isascii(), hex(code)
            assert shown.isprintable(), hex(code)
            assert shown.startswith("a\\"), hex(code)
            assert ast_value(shown[1:]) == character, hex(code)
        else:
            assert shown == "a" + character, hex(code)


def ast_value(escape: str) -> str:
    """What Python itself makes of the escape: an oracle for its spelling."""
    return escape.encode("ascii").decode("unicode_escape") if "\\u" not in escape else chr(int(escape[2:], 16))


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
    assert not {unicodedata.category(character) for character in shown} & FORBIDDEN
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
