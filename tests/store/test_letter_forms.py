"""A name is an attacker's text: whatever it is, a letter keeps its form, and shows the name as it is."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from store.letter_forms import FORMS, NOTHING, Markdown, Plain, markdown
from store.text import clean_whole
from tests.visible_text import hidden_in

READER = MarkdownIt("gfm-like")
assert READER.linkify is not None
# GitHub makes no links of bare domains, such as `group.member.name` might be one.
READER.linkify.set({"fuzzy_link": False})
HOSTILE = (
    "# head", "## x ##", "===", "---", "- item", "+ item", "* item", "1. one", "1) one", "> quote", "    code", "\tc",
    "```", "~~~", "a|b", "|", "\\", "\\|", "a\\", "`x`", "*x*", "_x_", "__x__", "~~x~~", "[x](http://evil.example)",
    "![x](http://evil.example/p.png)", "[x]: http://evil.example", "[^1]", "<script>alert(1)</script>", "<!-- x",
    "<http://evil.example>", "http://evil.example", "https://evil.example/?a=b&c", "www.evil.example", "WWW.x.example",
    "ftp://x.example", "mailto:a@b.example", "a@b.example", "evil.example", "&lt;", "&#65;", "x  \ny", "a\nb", "a\r\nb",
    "# a\n\n## b", "| --- |", "- [ ] x", "[ ] x", "$partner", "${due}", "$$", "\x1b[31mred", "\u202egnp", "", "  ", "-",
    "*", "1.", "12345678901.", "=1+1", "&amp", "!", "![", "](", "a*b*c", "\u2028x", "\x00", "x\u00a0", "\u00a0x",
    ":x:", "//evil.example", "<", "x<y>z", "é" * 40, "日本の会社", "\\`\\*", "a:b", "\ud800",
)  # fmt: skip
TEXTS = st.text(max_size=30) | st.sampled_from(HOSTILE) | st.lists(st.sampled_from(HOSTILE), max_size=3).map("".join)

FRAME = """# Title {}

- To: {} ({}), {}
- About: {}

{}

{}

1. First {} and
   second.

{}

Last words.
"""


def structure(text: str) -> list[tuple[str, str, int]]:
    """What a reader makes of Markdown, but for the words."""
    found = []
    for token in READER.parse(text):
        found.append((token.type, token.tag, token.nesting))
        # Text beside text is one text: how an escape is told apart does not matter.
        inner = [(each.type, each.tag, each.nesting) for each in token.children or []]
        found += [each for place, each in enumerate(inner) if place == 0 or each != inner[place - 1]]
    return found


def words(text: str) -> list[str]:
    """The words a reader shows, a line's each."""
    return ["".join(each.content for each in token.children or []) for token in READER.parse(text) if token.children]


def written(values: list[str]) -> str:
    safe = [markdown(value) for value in values]
    table = Markdown().table(("One", "Two"), [values[:2], values[2:4]])
    return FRAME.format(*safe[:6], table, safe[6], Markdown().bullets(safe[:2]))


PLAIN_WORDS = written(["word"] * 7)


@given(st.lists(TEXTS, min_size=7, max_size=7))
@example(["---"] * 7)
@example(["http://evil.example"] * 7)
def test_no_name_changes_the_structure_of_markdown(values: list[str]) -> None:
    text = written(values)
    assert structure(text) == structure(PLAIN_WORDS)
    shown = [clean_whole(value).strip() or NOTHING for value in values]
    lines = words(text)
    assert lines[0] == f"Title {shown[0]}"
    assert lines[1] == f"To: {shown[1]} ({shown[2]}), {shown[3]}"
    assert lines[3] == shown[5]
    assert lines[4:10] == ["One", "Two", *shown[:4]]
    assert not hidden_in(text.replace("\n", ""))


@pytest.mark.parametrize("value", HOSTILE)
def test_every_hostile_name_stands_in_every_place(value: str) -> None:
    text = written([value] * 7)
    assert structure(text) == structure(PLAIN_WORDS)


def test_the_reader_would_notice() -> None:
    raw = FRAME.format("x", *["http://evil.example"] * 4, "---", "# x", "*x*", "<b>")
    assert structure(raw) != structure(PLAIN_WORDS)


@given(st.lists(st.lists(TEXTS, min_size=3, max_size=3), min_size=1, max_size=4))
def test_plain_tables_have_a_line_a_row_and_nothing_hidden(rows: list[list[str]]) -> None:
    text = Plain().table(("A", "B", "C"), rows)
    lines = text.split("\n")
    assert len(lines) == len(rows) + 1
    assert not any(hidden_in(line) for line in lines)
    for line, row in zip(lines[1:], rows, strict=True):
        assert line.startswith(clean_whole(row[0]).strip() or NOTHING)


def test_plain_columns_are_aligned_for_wide_letters() -> None:
    rows = [("日本", "x"), ("ab", "y"), ("e\u0301e\u0301", "z")]
    first, *others = Plain().table(("A", "B"), rows).split("\n")
    assert first == "A     B"
    assert [line.rstrip()[-1] for line in others] == ["x", "y", "z"]
    assert others[1].index("y") == 6
    assert others[0].index("x") == 4


@pytest.mark.parametrize("form", sorted(FORMS))
def test_lists(form: str) -> None:
    assert FORMS[form].bullets(["one", "two"]) == "- one\n- two"
    assert FORMS[form].text("  ") == NOTHING
