"""The disclosure sheet on a real store: every number leads to exactly its rows, and every place is reached."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import pytest
from textual.pilot import Pilot

from store.connection import Store, open_store
from store.figures import figures
from store.instants import parse_point
from store.parameters import Parameters
from store.sheet_rows import cells
from store.sheet_words import cell_range, number_in
from store.what_if import variation
from tests import small_incident
from tests.terminal.hostile_incident import build_store
from tests.tui.screens import check_golden, press, screen_lines, text
from tests.visible_text import hidden_in
from tui.app import OverscopeApp
from tui.screens.case import CaseScreen
from tui.screens.event import EventDialog
from tui.screens.events import EventsScreen
from tui.screens.sheet import SheetScreen
from tui.screens.sheet_rows import SheetRowsScreen
from tui.screens.who_read import WhoReadScreen
from tui.screenshot import settled
from tui.widgets.sheet_grid import SheetGrid
from tui.widgets.sheet_layout import Place
from tui.widgets.sheet_rows_list import BLOCK

Flow = Callable[[Pilot[int]], Awaitable[None]]
HOSTILE = ["[@click=app.quit]x[/nope]", "\x1b]52;c;aGk=\x07", "\u202edlrow", "=HYPERLINK(1)|", "日本" * 30]
TEXT = ("sentence", "time", "span", "caveat")


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    with open_store(small_incident.build(tmp_path_factory.mktemp("sheet"))) as opened:
        yield opened


def run(store: Store, flow: Flow, size: tuple[int, int] = (120, 40), today: str = small_incident.TODAY) -> None:
    async def go() -> None:
        app = OverscopeApp(store, Parameters(today=parse_point(today)), actor="ana", watch=False)
        async with app.run_test(size=size) as pilot:
            await settled(pilot)
            await press(pilot, "d")
            await flow(pilot)

    asyncio.run(go())


def grid(pilot: Pilot[int]) -> SheetGrid:
    return pilot.app.screen.query_one(SheetGrid)


@pytest.mark.parametrize("size", [(80, 24), (120, 40), (200, 50)])
def test_golden(store: Store, size: tuple[int, int]) -> None:
    async def flow(pilot: Pilot[int]) -> None:
        check_golden(pilot.app, f"sheet-{size[0]}x{size[1]}")

    run(store, flow, size)


def test_golden_rows(store: Store) -> None:
    async def flow(pilot: Pilot[int]) -> None:
        await press(pilot, "l", "enter")
        check_golden(pilot.app, "sheet-rows-80x24")

    run(store, flow, (80, 24))


@pytest.mark.parametrize("size", [(60, 16), (80, 24)])
def test_neither_the_foot_nor_the_title_of_the_rows_cuts_the_range(store: Store, size: tuple[int, int]) -> None:
    asked = Parameters(
        today=parse_point(small_incident.TODAY),
        window_days=30_000,
        cutoff=parse_point("2018-04-06T12:00:00Z"),
        variation=variation(without=["opt_in", "exemption"], without_apps=["a-4", "a-5"]),
    )

    async def flow(pilot: Pilot[int]) -> None:
        screen = SheetScreen(store, asked)
        await pilot.app.push_screen(screen)
        await settled(pilot)
        shown, told = 0, figures(store, asked)
        assert (f"reads {cell_range('accessed.people', told)}") in text(pilot)
        for place in [stop.place for stop in grid(pilot)._page.stops]:
            if place.cell.partition(".")[0] in TEXT:
                continue
            grid(pilot).go_to(place)
            await settled(pilot)
            foot = screen_lines(pilot.app)[-3]
            assert f" {number_in(told, place.cell).words}; " in foot, place
            assert foot.endswith(f"; {cell_range(place.cell, told)} ─╯"), place
            if place.cell.endswith(("people", "subject", "records", "exempt", "days")):
                await press(pilot, "enter")
                title = screen_lines(pilot.app)[0]
                for words in (number_in(told, place.cell).words, cell_range(place.cell, told), "what if"):
                    assert f" {words} " in title, (words, title)
                await press(pilot, "escape")
                shown += 1
        assert shown > 12

    run(store, flow, size)


def test_every_number_leads_to_as_many_rows(store: Store) -> None:
    async def flow(pilot: Pilot[int]) -> None:
        screen = pilot.app.screen
        assert isinstance(screen, SheetScreen)
        assert screen._sheet is not None
        places = [stop.place for stop in grid(pilot)._page.stops]
        found = [place for place in places if place.cell.partition(".")[0] not in TEXT]
        assert {place.cell for place in found} >= {*cells()}
        tried = 0
        for place in found:
            grid(pilot).go_to(place)
            told = number_in(screen._sheet.figures, place.cell)
            await press(pilot, "enter")
            rows = pilot.app.screen
            assert isinstance(rows, SheetRowsScreen)
            assert rows._answer is not None
            assert rows._answer.rows.total == told.value, place
            assert rows.listed.row_count() == rows._answer.rows.number == len(rows._answer.rows.rows)
            assert f"  {told.words} " in screen_lines(pilot.app)[0], place
            await press(pilot, "escape")
            assert grid(pilot).place == place
            tried += told.value != 0
        assert tried > 20

    run(store, flow)


@pytest.mark.parametrize("size", [(60, 16), (80, 24), (120, 40), (200, 50)])
def test_the_arrows_reach_every_place_and_show_it(store: Store, size: tuple[int, int]) -> None:
    async def flow(pilot: Pilot[int]) -> None:
        sheet = grid(pilot)
        steps: list[tuple[str, str | int]] = [
            ("go", name) for name in ("up", "down", "page_down", "page_up", "first", "last")
        ]
        steps += [("aside", by) for by in (-1, 1)]
        seen: set[int] = set()
        waiting = [sheet._stop]
        while waiting:
            here = waiting.pop()
            if here in seen:
                continue
            seen.add(here)
            for action, argument in steps:
                sheet._move_to(here)
                getattr(sheet, f"action_{action}")(argument)
                waiting.append(sheet._stop)
        assert len(seen) == len(sheet._page.stops)
        for number, stop in enumerate(sheet._page.stops):
            sheet._move_to(number)
            await pilot.pause()
            top = sheet.scroll_offset.y
            assert top <= stop.line < top + sheet.page

    run(store, flow, size)


def test_a_number_is_copied_with_its_qualifier_range_and_rulebook(store: Store) -> None:
    async def flow(pilot: Pilot[int]) -> None:
        sha256 = pilot.app.screen._rulebook_sha256[:8]  # type: ignore[attr-defined]
        grid(pilot).go_to(Place("recent.people"))
        await press(pilot, "y")
        wanted = f"read in the last 30 days: people ≥68; at least; 2018-06-01 .. 2018-06-30 UTC (rulebook {sha256})"
        assert pilot.app.clipboard == wanted
        await press(pilot, "enter", "y")
        assert pilot.app.clipboard == wanted
        await press(pilot, "escape")
        grid(pilot).go_to(Place("sentence"))
        await press(pilot, "y")
        assert pilot.app.clipboard.startswith("6 partners kept access")
        await press(pilot, "enter")
        assert "this is text" in text(pilot)

    run(store, flow)


def test_a_row_leads_on(store: Store) -> None:
    async def flow(pilot: Pilot[int]) -> None:
        for cell, screen in (
            ("accessed.partners", CaseScreen),
            ("accessed.events", EventDialog),
            ("accessed.people", WhoReadScreen),
            ("accessed.resources", WhoReadScreen),
            ("accessed.apps", EventsScreen),
            ("accessed.data_classes", EventsScreen),
            ("coverage.days", EventsScreen),
            ("cases.open", CaseScreen),
        ):
            grid(pilot).go_to(Place(cell))
            await press(pilot, "enter")
            title = screen_lines(pilot.app)[0]
            await press(pilot, "enter")
            assert isinstance(pilot.app.screen, screen), cell
            await press(pilot, "escape")
            assert screen_lines(pilot.app)[0] == title
            await press(pilot, "escape")
        grid(pilot).go_to(Place("time.first_read"))
        await press(pilot, "enter")
        assert isinstance(pilot.app.screen, EventsScreen)
        assert "6 events" in text(pilot)

    run(store, flow)


def test_the_apps_events_are_those_that_the_row_counts(store: Store) -> None:
    async def flow(pilot: Pilot[int]) -> None:
        grid(pilot).go_to(Place("recent.apps"))
        await press(pilot, "enter")
        rows = pilot.app.screen
        assert isinstance(rows, SheetRowsScreen)
        number = rows.listed.value("events")
        await press(pilot, "enter")
        assert f"   {number} events " in screen_lines(pilot.app)[0]

    run(store, flow)


def test_blocks_of_rows_come_as_they_are_looked_at(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ("tui.screens.sheet_rows", "tui.widgets.sheet_rows_list"):
        monkeypatch.setattr(f"{module}.BLOCK", 20)
    assert BLOCK > 1_000

    async def flow(pilot: Pilot[int]) -> None:
        grid(pilot).go_to(Place("accessed.events"))
        await press(pilot, "enter")
        rows = pilot.app.screen
        assert isinstance(rows, SheetRowsScreen)
        total = rows.listed.total
        seen = set()
        for place in range(total):
            rows.listed.cursor = place
            await settled(pilot)
            row = rows.listed.row(place)
            assert row is not None
            seen.add(row)
        assert len(seen) == total > 100
        assert "reading" not in text(pilot)

    run(store, flow, (80, 24))


@pytest.mark.parametrize("size", [(60, 16), (80, 24), (120, 40), (200, 50)])
def test_hostile_names_are_text(tmp_path: Path, size: tuple[int, int]) -> None:
    with open_store(build_store(tmp_path, HOSTILE)) as store:

        async def flow(pilot: Pilot[int]) -> None:
            assert not hidden_in(text(pilot).replace("\n", ""))
            for cell in ("retained.partners", "accessed.people", "accessed.events", "accessed.data_classes"):
                grid(pilot).go_to(Place(cell))
                await press(pilot, "enter")
                assert not hidden_in(text(pilot).replace("\n", ""))
                assert "[@click" in text(pilot) or cell == "accessed.events"
                await press(pilot, "y", "escape")
            await press(pilot, "G")
            assert not hidden_in(text(pilot).replace("\n", ""))

        run(store, flow, size, "2018-07-20")


def test_where_there_is_nothing_it_says_so(tmp_path: Path) -> None:
    from store.schema import create_store

    path = tmp_path / "empty.db"
    create_store(path, name="Nothing", actor="ana", at=0)
    with open_store(path) as store:

        async def flow(pilot: Pilot[int]) -> None:
            assert "no rules" in text(pilot)
            assert "the rulebook has no rules" in " ".join(text(pilot).split())
            await press(pilot, "enter")
            assert "no row" in text(pilot)
            await press(pilot, "enter", "y", "escape", "d")
            assert "this is the sheet" in text(pilot)

        run(store, flow, (80, 24))
