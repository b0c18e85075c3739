"""The HTML reports, opened from disk in a real browser: nothing complains or is fetched, tables sort, all fits."""

import base64
from pathlib import Path

import pytest

from store.connection import open_store
from store.instants import parse_point
from store.names import find_partner
from store.parameters import Parameters
from store.report.writing import export
from tests.report import incident
from tests.report.browser import Browser

PARTNERS = "#table-partners"
_COLUMN = "Array.from(document.querySelectorAll('{table} tbody tr'), row => row.cells[{place}].textContent)"
# What is wider than the page, or than the box that holds it, by more than a rounding.
_TOO_WIDE = """
Array.from(document.querySelectorAll("body, body *:not(.hidden):not(.hidden *):not(.skip)")).filter(each => {
  const box = each.getBoundingClientRect();
  return box.width && (box.right > document.documentElement.clientWidth + 1 || box.left < -1);
}).map(each => each.outerHTML.slice(0, 120))
"""
_NO_ROOM = """
Array.from(document.querySelectorAll(".scroll")).filter(each => each.scrollWidth > each.clientWidth + 1)
  .map(each => each.querySelector("table").id)
"""


@pytest.fixture(scope="module")
def reports(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The report of the incident, and a case file."""
    folder = tmp_path_factory.mktemp("reports")
    parameters = Parameters(today=parse_point(incident.TODAY))
    with open_store(incident.build(folder)) as store:
        whole, file = folder / "incident.html", folder / "partner.html"
        export(store, whole, parameters, actor="ana")
        export(store, file, parameters, actor="ana", partner=find_partner(store, "p-1"))
    return {"incident": whole, "partner": file}


@pytest.fixture(autouse=True)
def as_it_was(browser: Browser) -> None:
    browser.resize(1280)
    browser.media("screen")


@pytest.mark.parametrize("name", ["incident", "partner"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nothing_complains_and_nothing_is_fetched(
    browser: Browser, reports: dict[str, Path], name: str, scheme: str
) -> None:
    browser.media("screen", scheme)
    browser.open(reports[name])
    assert browser.complaints() == []
    assert browser.requests() == [reports[name].as_uri()]
    assert browser.ask("document.querySelectorAll('h1').length") == 1
    assert browser.ask("document.documentElement.lang") == "en"


def test_the_browser_would_notice(browser: Browser, reports: dict[str, Path], tmp_path: Path) -> None:
    content = reports["incident"].read_text("utf-8")
    for harm in ("<script>document.title = 'run'</script>", '<img src="http://evil.example/x.png">', "<p style='a'>"):
        changed = tmp_path / "changed.html"
        changed.write_text(content.replace("</main>", f"{harm}</main>"), "utf-8")
        browser.open(changed)
        assert browser.complaints() != [], harm
        assert browser.ask("document.title") != "run"


def test_a_click_sorts_and_another_turns(browser: Browser, reports: dict[str, Path]) -> None:
    browser.open(reports["incident"])
    column = _COLUMN.format(table=PARTNERS, place=0)
    before = browser.ask(column)
    browser.click(f"{PARTNERS} th:nth-child(1) button")
    ascending = browser.ask(column)
    assert ascending == sorted(before, key=str.lower) != before
    assert browser.ask(f"document.querySelector('{PARTNERS} th').getAttribute('aria-sort')") == "ascending"
    browser.click(f"{PARTNERS} th:nth-child(1) button")
    assert browser.ask(column) == ascending[::-1]
    assert browser.ask(f"document.querySelector('{PARTNERS} th').getAttribute('aria-sort')") == "descending"
    assert browser.ask("document.getElementById('said').textContent") == "Sorted by Partner, descending."


def test_numbers_sort_as_numbers_and_what_is_not_known_comes_last(browser: Browser, reports: dict[str, Path]) -> None:
    browser.open(reports["incident"])
    browser.click("#table-partners th:nth-child(6) button")
    counts = [int(text.lstrip("≥~").replace(",", "")) for text in browser.ask(_COLUMN.format(table=PARTNERS, place=5))]
    assert counts == sorted(counts, reverse=True)
    assert len(set(counts)) > 1
    for _ in range(2):
        browser.click("#table-partners th:nth-child(8) button")
        dates = browser.ask(_COLUMN.format(table=PARTNERS, place=7))
        assert "-" in dates
        assert "-" not in dates[: dates.index("-")]
        assert set(dates[dates.index("-") :]) == {"-"}


@pytest.mark.parametrize(("key", "code", "text"), [("Enter", 13, "\r"), (" ", 32, " ")])
def test_the_keyboard_sorts(browser: Browser, reports: dict[str, Path], key: str, code: int, text: str) -> None:
    browser.open(reports["incident"])
    column = _COLUMN.format(table=PARTNERS, place=0)
    before = browser.ask(column)
    # The tab key reaches it: it is focused by that, not by a script.
    for _ in range(200):
        browser.press("Tab", 9)
        if browser.ask(f"document.activeElement.closest('{PARTNERS} thead') !== null"):
            break
    assert browser.ask("document.activeElement.textContent") == "Partner"
    browser.press(key, code, text)
    assert browser.ask(column) == sorted(before, key=str.lower)


@pytest.mark.parametrize("name", ["incident", "partner"])
def test_the_pictures_are_there_and_say_what_they_show(browser: Browser, reports: dict[str, Path], name: str) -> None:
    browser.open(reports[name])
    for chart in ["#chart-timeline"] + ["#chart-coverage"] * (name == "incident"):
        width, height = browser.ask(
            f"(() => {{ const box = document.querySelector('{chart}').getBoundingClientRect();"
            " return [box.width, box.height]; })()"
        )
        assert width > 800
        assert height > 30
        assert browser.ask(f"document.querySelector('{chart}').getAttribute('role')") == "img"
        assert len(browser.ask(f"document.querySelector('{chart} desc').textContent")) > 40
    assert browser.ask("document.querySelectorAll('#chart-timeline rect.read').length") > 0
    # Every bar is in the table too, which the keyboard opens.
    assert browser.ask("document.querySelector('details').open") is False
    bars = browser.ask("document.querySelectorAll('#table-bins tbody tr').length")
    assert bars == browser.ask("document.querySelectorAll('#chart-timeline > g').length")


@pytest.mark.parametrize("name", ["incident", "partner"])
@pytest.mark.parametrize("width", [1280, 1000, 400])
def test_nothing_is_wider_than_the_page(browser: Browser, reports: dict[str, Path], name: str, width: int) -> None:
    browser.resize(width)
    browser.open(reports[name])
    assert browser.ask("document.documentElement.scrollWidth") <= width
    if width == 1280:
        assert browser.ask(_NO_ROOM) == []
        assert browser.ask(_TOO_WIDE) == []


@pytest.mark.parametrize("name", ["incident", "partner"])
def test_it_prints(browser: Browser, reports: dict[str, Path], name: str) -> None:
    browser.open(reports[name])
    browser.media("print")
    # A landscape sheet within its margins, for the tables that are best so.
    browser.resize(1031)
    assert browser.ask(_TOO_WIDE) == []
    assert browser.ask("getComputedStyle(document.querySelector('nav')).display") == "none"
    printed = base64.b64decode(browser.call("Page.printToPDF", printBackground=True, preferCSSPageSize=True)["data"])
    assert printed.startswith(b"%PDF-")
    assert browser.complaints() == []
