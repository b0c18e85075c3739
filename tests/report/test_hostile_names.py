"""Reports of an incident whose every name is an attack: they keep their form and hide nothing; no browser runs any."""

import csv
import io
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from markdown_it import MarkdownIt

from store.connection import open_store
from store.names import find_partner
from store.parameters import Parameters
from store.report.writing import export
from tests.report.browser import Browser
from tests.report.test_hostile_cells import Page, is_formula
from tests.terminal.attacks import MARKUP, SEQUENCES, tagged
from tests.terminal.hostile_incident import build_store, partner_id
from tests.visible_text import hidden_in, visible

HARM = (
    "<script>document.title='run'</script>", "</script><script>document.title='run'</script>", "<!--", "]]>",
    "<img src=x onerror=\"document.title='run'\">", "<svg onload=\"document.title='run'\">", "</style><b>", "|a|b|",
    '=HYPERLINK("http://evil.example/","x")', "@SUM(A1)", "`a`", "[a](javascript:alert(1))", "a\u202eb", "\u200fx",
    "&lt;b&gt;", "<a href=http://evil.example>x</a>", "<meta http-equiv=refresh content='0;url=http://evil.example'>",
)  # fmt: skip
ELEMENTS = {
    *("a", "b", "body", "button", "caption", "code", "defs", "desc", "details", "div", "figcaption", "figure", "g"),
    *("h1", "h2", "h3", "head", "header", "html", "li", "link", "main", "meta", "nav", "ol", "p", "path", "pattern"),
    *("rect", "script", "section", "span", "style", "summary", "svg", "table", "tbody", "td", "text", "th", "thead"),
    *("title", "tr", "ul"),
}


@pytest.fixture(scope="module")
def texts() -> list[str]:
    return [*tagged(HARM), *tagged(SEQUENCES[:20], 100), *tagged(MARKUP[:10], 200)]


@pytest.fixture(scope="module")
def reports(tmp_path_factory: pytest.TempPathFactory, texts: list[str]) -> dict[str, list[Path]]:
    """Of the incident and of three partners, in each form."""
    folder = tmp_path_factory.mktemp("hostile")
    found: dict[str, list[Path]] = {}
    with open_store(build_store(folder, texts)) as store:
        whose = [None, *(find_partner(store, partner_id(text)) for text in texts[:3])]
        for form in ("html", "md", "csv", "json"):
            for number, partner in enumerate(whose):
                place = folder / f"{number}.{form}"
                export(store, place, Parameters(), actor=texts[4].strip()[:40], partner=partner)
                found.setdefault(form, []).append(place)
    return found


def strings(document: object) -> Iterator[str]:
    if isinstance(document, dict):
        for value in document.values():
            yield from strings(value)
    elif isinstance(document, list):
        for value in document:
            yield from strings(value)
    elif isinstance(document, str):
        yield document


def test_html_has_no_element_of_theirs(reports: dict[str, list[Path]], texts: list[str]) -> None:
    for path in reports["html"]:
        content = path.read_text("utf-8")
        assert not hidden_in(content.replace("\n", ""))
        found = Page()
        found.feed(content)
        found.close()
        assert {tag for tag, _ in found.shapes} <= ELEMENTS
        assert not [name for _, names in found.shapes for name in names if name.startswith("on") or name == "style"]
        assert len(found.ids) == len(set(found.ids))
    whole = reports["html"][0].read_text("utf-8")
    assert "&lt;script&gt;" in whole
    shown = [visible(text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;") for text in texts]
    assert sum(text.replace('"', "&quot;").replace("'", "&#x27;") in whole for text in shown) >= len(texts) - 4


def test_no_cell_of_theirs_is_a_formula(reports: dict[str, list[Path]]) -> None:
    for path in reports["csv"]:
        content = path.read_bytes().decode("utf-8")
        lines = list(csv.reader(io.StringIO(content, newline=""), strict=True))
        assert len({len(line) for line in lines}) == 1
        assert not [cell for line in lines for cell in line if is_formula(cell) and cell[:1] != "'"]


def test_json_keeps_every_name_as_it_is(reports: dict[str, list[Path]], texts: list[str]) -> None:
    content = reports["json"][0].read_bytes()
    assert content.isascii()
    told = "\n".join(strings(json.loads(content)))
    assert sum(text.strip() in told for text in texts) >= len(texts) - 4


def test_markdown_hides_nothing_and_has_no_html(reports: dict[str, list[Path]]) -> None:
    reader = MarkdownIt("gfm-like")
    assert reader.linkify is not None
    # GitHub makes no links of bare domains.
    reader.linkify.set({"fuzzy_link": False})
    for path in reports["md"]:
        content = path.read_text("utf-8")
        assert not hidden_in(content.replace("\n", ""))
        tokens = reader.parse(content)
        kinds = {token.type for token in tokens} | {each.type for token in tokens for each in token.children or []}
        assert not kinds & {"html_block", "html_inline", "link_open", "image", "fence", "code_block", "blockquote_open"}


def test_the_browser_runs_none_of_it(browser: Browser, reports: dict[str, list[Path]]) -> None:
    for path in reports["html"]:
        browser.resize(1280)
        browser.media("screen")
        browser.open(path)
        assert browser.complaints() == []
        assert browser.requests() == [path.as_uri()]
        assert browser.ask("document.title").endswith(": report")
        assert browser.ask("document.documentElement.scrollWidth") <= 1280
        assert browser.ask("document.querySelectorAll('script').length") == 1
