"""Whatever a cell of the data holds, a reader of the CSV, the Markdown and the HTML gets it back as text, and no more.

The readers are the standard library's and markdown-it; what the text is then, `tests.visible_text` says.
"""

import csv
import io
import random
import unicodedata
from collections.abc import Callable, Mapping
from functools import cache
from html.parser import HTMLParser

import pytest
from markdown_it import MarkdownIt

from store.letter_forms import NOTHING
from store.report.csv_form import csv_text
from store.report.html_form import html
from store.report.markdown_form import markdown_text
from store.report.parts import Count as Number
from store.report.parts import Heading, Lines, Report, Section, Table, Tile, Tiles, Words
from tests.promises import trials
from tests.visible_text import hidden_in, visible

COLUMNS = 8
PIECES = (
    "<script>alert(1)</script>", "</td></tr></table>", "<!--", "-->", "]]>", "<![CDATA[", "<img src=x onerror=a>",
    "&lt;", "&#60;", "&amp", "&", "<", ">", '"', "'", "`", "``", "</script>", "<style>", "javascript:alert(1)",
    '=HYPERLINK("http://evil.example","x")', "=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\uff1d1", "\u2212x",
    "1.5", "-3", "1e9", "+cmd|'/C calc'!A0", "|", "\\|", "||", "\\", "a|b", "\n", "\r\n", "\n\n", "\n# head", "# h",
    "---", "| --- |", "* a", "- a", "1. a", "> a", "    code", "```", "~~~", "*a*", "_a_", "__a__", "~~a~~", "[a](b)",
    "![a](http://evil.example/x.png)", "[a]: b", "http://evil.example", "www.evil.example", "a@b.example", ":x:", "$a$",
    "\u202e", "\u200b", "\u200f", "\u2066", "\ufeff", "\x00", "\x07", "\x1b[31m", "\x7f", "\x85", "\u2028", "\ud800",
    "\U000e0041", "e\u0301", "\u0627\u0644", "\u05e9\u05dc", "日本", "é", "word", "a b", " ", "  ", "", "0", "(", ")",
    ",", ";", '"",""', "{}", "${x}", "%s", "\U0001f469\u200d\U0001f4bb",
)  # fmt: skip
FORMULA_SIGNS = "=+-@\t\r\n\uff1d\uff0b\uff0d\uff20\ufe62\ufe63\ufe66\ufe6b\u2212"
QUOTES = "'\"\u2018\u2019\u201c\u201d\uff02\uff07"


# Marks and conjoining letters stack: how high, other tests ask. Here they would stand on nothing.
PLAIN = [
    chr(code)
    for code in range(0x3000)
    if unicodedata.category(chr(code)) not in ("Mn", "Me") and not 0x1100 <= code < 0x1200
]


def texts(seed: int, count: int) -> list[str]:
    draw = random.Random(seed)
    found = list(PIECES)
    while len(found) < count:
        if draw.random() < 0.3:
            found.append("".join(draw.choice(PLAIN) for _ in range(draw.randint(1, 12))))
        else:
            found.append("".join(draw.choice(PIECES) for _ in range(draw.randint(1, 4))))
    return found[:count]


def report_of(cells: list[str]) -> Report:
    """A report that has the cells in a table, and the first of them everywhere else."""
    rows = [tuple(cells[place : place + COLUMNS]) for place in range(0, len(cells), COLUMNS)]
    headings = tuple(Heading(f"c{place}", cells[place]) for place in range(COLUMNS))
    blocks = (
        Words(cells[0]),
        Lines("lines", cells[1], tuple(cells[:20])),
        Lines("code", "Commands", tuple(cells[:20]), is_code=True),
        Tiles("tiles", (Tile(cells[2], Number(3, "at_least"), cells[3], (cells[4],)),)),
        Table("facts", cells[5], headings[:2], tuple(row[:2] for row in rows[:5]), is_facts=True),
        Table("cells", cells[6], headings, tuple(rows)),
    )
    return Report(cells[0], cells[1], (Section("one", cells[2], blocks),))


class Page(HTMLParser):
    """The texts of the cells of one table, and every element there is with the names of its attributes."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.cells: list[str] = []
        self.shapes: set[tuple[str, tuple[str, ...]]] = set()
        self.ids: list[str] = []
        self._in_table = self._in_cell = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.shapes.add((tag, tuple(name for name, _ in attrs)))
        named = dict(attrs)
        self.ids += [str(named["id"])] if "id" in named else []
        if tag == "table":
            self._in_table = named.get("id") == "table-cells"
        if self._in_table and (tag == "td" or (tag == "th" and named.get("scope") == "row")):
            self._in_cell = True
            self.cells.append("")

    def handle_endtag(self, tag: str) -> None:
        if tag in ("td", "th"):
            self._in_cell = False

    def handle_data(self, data: str) -> None:
        if self._in_cell:
            self.cells[-1] += data

    def unknown_decl(self, data: str) -> None:
        raise AssertionError(f"a declaration: {data!r}")

    def handle_comment(self, data: str) -> None:
        raise AssertionError(f"a comment: {data!r}")

    def handle_pi(self, data: str) -> None:
        raise AssertionError(f"a processing instruction: {data!r}")


def page(report: Report) -> Page:
    found = Page()
    found.feed(html(report))
    found.close()
    return found


@cache
def hostile(count: int) -> tuple[list[str], Report]:
    """So many cells, and the report that has them."""
    cells = texts(7, count)
    return cells, report_of(cells)


@cache
def harmless(count: int) -> Report:
    """A report of the same form, every cell of which is one word."""
    return report_of(["word"] * count)


@trials("reports")
def test_html(count: int, account: Callable[[str, Mapping[str, int]], None]) -> None:
    cells, report = hostile(count)
    found = page(report)
    assert found.cells == [visible(text) for text in cells]
    # Short words get a class of their own, and no other difference is there.
    assert {tag for tag, _ in found.shapes} == {tag for tag, _ in page(harmless(count)).shapes}
    assert {names for _, names in found.shapes} <= {names for _, names in page(harmless(count)).shapes} | {
        ("class",),
        (),
    }
    assert len(found.ids) == len(set(found.ids))
    written = html(report)
    assert not hidden_in(written.replace("\n", ""))
    account("reports", {"cells as HTML": len(found.cells)})


@trials("reports")
def test_csv(count: int, account: Callable[[str, Mapping[str, int]], None]) -> None:
    cells, report = hostile(count)
    lines = list(csv.reader(io.StringIO(csv_text(report), newline=""), strict=True))
    assert len({len(line) for line in lines}) == 1
    rows = [line[2 : 2 + COLUMNS] for line in lines if line[0] == "cells" and line[1] != "0"]
    read = [cell for row in rows for cell in row]
    assert len(read) == len(cells)
    guarded = 0
    for cell, text in zip(read, cells, strict=True):
        shown = visible(text)
        assert cell in (shown, f"'{shown}"), ascii(text)
        guarded += cell != shown
        assert cell[:1] == "'" or not is_formula(cell), ascii(text)
        assert cell == shown or is_formula(text) or is_formula(shown), ascii(text)
    assert all(not is_formula(cell) or cell[:1] == "'" for line in lines for cell in line)
    account("reports", {"cells as CSV": len(read), "of them guarded": guarded})


def is_formula(text: str) -> bool:
    """Whether a spreadsheet might take a cell for a formula; a plain number is none."""
    begin = text
    while begin and (begin[0].isspace() or begin[0] in QUOTES) and begin[0] not in FORMULA_SIGNS:
        begin = begin[1:]
    if not begin or begin[0] not in FORMULA_SIGNS:
        return False
    try:
        float(text)
    except ValueError:
        return True
    return not text.isascii() or text != text.strip() or "_" in text


def test_numbers_stay_numbers() -> None:
    headings = (Heading("what", "What"), Heading("count", "Count", is_number=True), Heading("few", "Few"))
    rows = (("a", Number(41_207, "at_least"), 5), ("b", Number(0), -3), ("c", None, None))
    report = Report("t", "s", (Section("one", "One", (Table("table", "Table", headings, rows),)),))
    lines = [line for line in csv.reader(io.StringIO(csv_text(report), newline="")) if line[0] == "table"]
    assert lines == [
        ["table", "0", "what", "count", "count_qualifier", "few"],
        ["table", "1", "a", "41207", "at least", "5"],
        ["table", "2", "b", "0", "complete in the log", "-3"],
        ["table", "3", "c", "", "", ""],
    ]
    assert "| a | ≥41,207 | 5 |" in markdown_text(report)
    assert '<td class="n" data-value="41207">≥41,207</td>' in html(report)


@trials("reports")
def test_markdown(count: int, account: Callable[[str, Mapping[str, int]], None]) -> None:
    cells, report = hostile(count)
    reader = MarkdownIt("gfm-like")
    assert reader.linkify is not None
    # GitHub makes no links of bare domains.
    reader.linkify.set({"fuzzy_link": False})
    written = markdown_text(report)
    assert not hidden_in(written.replace("\n", ""))
    tokens = reader.parse(written)
    assert [token.type for token in tokens] == [token.type for token in reader.parse(markdown_text(harmless(count)))]
    inside: list[list[str]] = []
    kinds: set[str] = set()
    for token in tokens:
        if token.type == "table_open":
            inside.append([])
        if token.type == "inline" and inside and token.level == 4:
            inside[-1].append("".join(child.content for child in token.children or []))
        kinds |= {child.type for child in token.children or []}
    # Emphasis and code are the report's own: of captions, and of commands.
    assert kinds <= {"text", "text_special", "em_open", "em_close", "strong_open", "strong_close", "code_inline"}
    assert inside[-1][COLUMNS:] == [visible(text).strip() or NOTHING for text in cells]
    account("reports", {"cells as Markdown": len(inside[-1]) - COLUMNS})


def test_commands_are_shown_as_they_are() -> None:
    cells, report = hostile(800)
    reader = MarkdownIt("commonmark")
    found = [
        child.content
        for token in reader.parse(markdown_text(report))
        for child in token.children or []
        if child.type == "code_inline"
    ]
    assert found == [visible(text) for text in cells[:20]]


@pytest.mark.parametrize("form", [html, csv_text, markdown_text])
def test_the_readers_would_notice(form: Callable[[Report], str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Were a text written down as it is, the tests above would fail: shown for one text, with nothing made safe."""
    text = "<b>x</b>|=1\ny"
    safe = form(report_of([text] * COLUMNS))
    for place in ("html_form.text", "csv_form.csv_cell", "markdown_form.markdown"):
        monkeypatch.setattr(f"store.report.{place}", lambda value: value)
    assert form(report_of([text] * COLUMNS)) != safe
