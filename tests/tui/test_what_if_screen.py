"""The what-if screen on a real store: values move live, answers are those of the store, scenarios come and go."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as some
from rich.cells import cell_len
from textual.pilot import Pilot
from textual.widgets import Static

from store import sheet
from store.connection import Store, open_store
from store.instants import format_instant, parse_point
from store.ledger import actions
from store.parameters import Parameters
from store.scenarios import scenarios
from store.sheet import Comparison
from store.sheet_words import COMPARED, compared
from store.what_if import variation
from tests import small_incident
from tests.terminal.hostile_incident import build_store
from tests.tui.screens import check_golden, press, screen_lines, text
from tests.visible_text import hidden_in
from tui.app import OverscopeApp
from tui.screens.dialogs import LinePrompt
from tui.screens.sheet_rows import SheetRowsScreen
from tui.screens.what_if import WhatIfScreen
from tui.screenshot import settled
from tui.widgets.fields import TextField
from tui.widgets.sheet_layout import Place
from tui.widgets.what_if_layout import what_if_page
from tui.widgets.what_if_list import APPS, AS_OF, CUTOFF, OPT_INS, WINDOW, moved

Flow = Callable[[Pilot[int]], Awaitable[None]]
TODAY = parse_point(small_incident.TODAY)
NUMBER = (*"0123456789≥~+-=",)
HOSTILE = ["[@click=app.quit]x[/nope]", "\x1b]52;c;aGk=\x07", "\u202edlrow", "=HYPERLINK(1)|", "日本" * 30]


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return open_store(small_incident.build(tmp_path))


def run(store: Store, flow: Flow, size: tuple[int, int] = (120, 40)) -> None:
    async def go() -> None:
        app = OverscopeApp(store, Parameters(today=TODAY), actor="ana", watch=False)
        async with app.run_test(size=size) as pilot:
            await settled(pilot)
            await press(pilot, "w")
            await flow(pilot)

    with store:
        asyncio.run(go())


def bench(pilot: Pilot[int]) -> WhatIfScreen:
    assert isinstance(pilot.app.screen, WhatIfScreen)
    return pilot.app.screen


def refused(pilot: Pilot[int], typed: str) -> str:
    """Why, above the prompt that is back with what was typed."""
    assert isinstance(pilot.app.screen, LinePrompt)
    assert pilot.app.screen.query_one(TextField).value == typed
    return str(pilot.app.screen.query_one(".dialog--complaint", Static).content)


@pytest.mark.parametrize("size", [(80, 24), (120, 40), (200, 50)])
def test_golden(store: Store, size: tuple[int, int]) -> None:
    async def flow(pilot: Pilot[int]) -> None:
        await press(pilot, "]", "l", "j", "H")
        check_golden(pilot.app, f"what-if-{size[0]}x{size[1]}")

    run(store, flow, size)


def test_keys_move_values_and_the_answer_is_the_stores(store: Store) -> None:
    async def flow(pilot: Pilot[int]) -> None:
        listed = bench(pilot).listed
        for keys, wanted in (
            (("l", "right"), Parameters(cutoff=parse_point("2018-04-06"))),
            (("]", "L"), Parameters(cutoff=parse_point("2018-05-13"))),
            (("j", "["), Parameters(cutoff=parse_point("2018-05-13"), as_of=parse_point("2018-06-01"))),
            (("0", "j", "l", "H"), Parameters(window_days=24)),
            (("0", "j", "space"), Parameters(variation=variation(without=["opt_in"]))),
            (("space", "j", "space"), Parameters(variation=variation(accepting=["opt_in"], without=["exemption"]))),
            (("k", "l", "j", "h"), Parameters()),
        ):
            await press(pilot, *keys)
            asked = Parameters(wanted.as_of, wanted.window_days, wanted.cutoff, TODAY, wanted.variation)
            assert listed.asked == asked, keys
            assert bench(pilot)._found == sheet.compare(store, Parameters(today=TODAY), asked)
        assert "nothing is asked yet" in text(pilot)

    run(store, flow)


def test_values_are_typed_and_nonsense_is_refused(store: Store) -> None:
    async def flow(pilot: Pilot[int]) -> None:
        listed = bench(pilot).listed
        for row, typed, wanted in (
            (CUTOFF, "2018-05-01T10:00:00Z", "2018-05-01T10:00:00Z"),
            (CUTOFF, "soon", None),
            (AS_OF, "2018-06-01", "2018-06-01T00:00:00Z"),
            (AS_OF, "2018-02-30", None),
        ):
            listed.cursor = row
            before = listed.asked
            await press(pilot, "t", *typed.replace("-", "-"), "enter")
            at = listed.asked.cutoff if row == CUTOFF else listed.asked.as_of
            if wanted is None:
                assert listed.asked == before
                assert refused(pilot, typed).startswith("! ")
                await press(pilot, "escape")
                assert screen_lines(pilot.app)[-2].startswith(" ! ")
            else:
                assert at is not None
                assert format_instant(at) == wanted
        listed.cursor = WINDOW
        for typed, days in (("7", 7), ("0", 7), ("x", 7), ("", None)):
            await press(pilot, "t", *typed, "enter")
            assert listed.asked.window_days == days
            if typed in ("0", "x"):
                assert "from 1 to" in refused(pilot, typed)
                await press(pilot, "escape")
        listed.cursor = APPS
        await press(pilot, "t", *"a-5 a-4", "enter")
        assert listed.asked.variation == variation(without_apps=["a-4", "a-5"])
        await press(pilot, "t", *" b-9", "enter")
        assert "no such app: 'b-9'" in refused(pilot, "a-4 a-5 b-9")
        assert listed.asked.variation == variation(without_apps=["a-4", "a-5"])
        await press(pilot, *["backspace"] * 4, "enter")
        assert listed.asked.variation == variation(without_apps=["a-4", "a-5"])
        assert isinstance(pilot.app.screen, WhatIfScreen)
        await press(pilot, "space")
        assert "space turns the exceptions" in text(pilot)

    run(store, flow)


def test_a_refused_value_is_corrected_where_it_stands(store: Store) -> None:
    async def flow(pilot: Pilot[int]) -> None:
        await press(pilot, "t", *"2018-13", "enter")
        assert "'2018-13'; write 2019-11-05" in refused(pilot, "2018-13")
        await press(pilot, "backspace", "backspace", *"05-07", "enter")
        assert bench(pilot).listed.asked.cutoff == parse_point("2018-05-07")
        assert "ISO 8601" not in text(pilot)

    run(store, flow, (80, 24))


def test_what_moved_while_apps_were_looked_up_is_kept(store: Store) -> None:
    async def flow(pilot: Pilot[int]) -> None:
        listed = bench(pilot).listed
        bench(pilot)._leave_out("a-0")
        listed.action_shift(1, "day")
        await settled(pilot)
        assert listed.asked.cutoff == parse_point("2018-04-05")
        assert listed.asked.variation == variation(without_apps=["a-0"])

    run(store, flow)


@pytest.mark.parametrize("size", [(80, 24), (120, 40)])
def test_numbers_of_both_sheets_open_their_own_rows(store: Store, size: tuple[int, int]) -> None:
    async def flow(pilot: Pilot[int]) -> None:
        await press(pilot, "]", "G", "t", *"a-0", "enter", "2")
        screen = bench(pilot)
        assert screen._found is not None
        for each in compared(screen._found):
            for column, told in enumerate((each.now, each.what_if)):
                if each.cell.endswith(("partners", "events")):
                    screen.grid.go_to(Place(each.cell, column))
                    await press(pilot, "enter")
                    rows = pilot.app.screen
                    assert isinstance(rows, SheetRowsScreen)
                    assert rows._answer is not None
                    assert rows._answer.rows.total == told.value
                    await press(pilot, "escape")
        places = {stop.place for stop in screen.grid._page.stops}
        assert {Place(cell, column) for cell in COMPARED for column in (0, 1)} <= places
        screen.grid.go_to(Place("flip.0", 1 if size == (80, 24) else 0))
        await press(pilot, "y")
        assert pilot.app.clipboard.startswith("1 leaves 'kept access': Ribbon Social (what if rules from 2018-05-04")
        await press(pilot, "enter")
        assert isinstance(pilot.app.screen, SheetRowsScreen)

    run(store, flow, size)


def test_the_old_answer_stands_and_only_the_last_question_is_answered(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[int | None] = []
    real = sheet.compare

    def compare(store: Store, now: Parameters, what_if: Parameters) -> Comparison:
        asked.append(what_if.cutoff)
        return real(store, now, what_if)

    async def flow(pilot: Pilot[int]) -> None:
        monkeypatch.setattr(sheet, "compare", compare)
        listed = bench(pilot).listed
        before = bench(pilot)._found
        for _ in range(30):
            listed.action_shift(1, "day")
        assert bench(pilot)._found is before
        await settled(pilot)
        assert len(asked) <= 3
        assert asked[-1] == listed.asked.cutoff == parse_point("2018-05-04")
        assert bench(pilot)._answered == listed.asked

    run(store, flow)


def test_scenarios_are_saved_taken_up_and_dropped(store: Store) -> None:
    async def flow(pilot: Pilot[int]) -> None:
        await press(pilot, "s")
        assert "would change nothing" in text(pilot)
        await press(pilot, "o")
        assert "no what-if is saved yet" in text(pilot)
        await press(pilot, "X")
        assert "takes up a saved what-if first" in text(pilot)
        await press(pilot, "]", "s", *"Later" * 17, "enter")
        assert "80 characters" in refused(pilot, "Later" * 17)
        await press(pilot, *["backspace"] * 80, "enter")
        assert "ana: saved the scenario Later" in text(pilot)
        kept = bench(pilot).listed.asked
        await press(pilot, "0")
        assert bench(pilot).listed.asked == Parameters(today=TODAY)
        await press(pilot, "o", "enter")
        assert bench(pilot).listed.asked == kept
        assert "1 What if   Later" in text(pilot)
        await press(pilot, "X", "enter")
        assert "needs a note" in refused(pilot, "")
        assert [each.name for each in scenarios(store)] == ["Later"]
        await press(pilot, *"old", "enter")
        assert scenarios(store) == []
        assert [action.verb for action in actions(store)[-2:]] == ["scenario", "drop_scenario"]

    run(store, flow)


@pytest.mark.parametrize("size", [(80, 16), (80, 24), (120, 40)])
def test_a_what_if_that_empties_everything_says_so(store: Store, size: tuple[int, int]) -> None:
    async def flow(pilot: Pilot[int]) -> None:
        await press(pilot, "t", *"2019-01-01", "enter")
        assert "nothing can have been read" in text(pilot)
        if size == (80, 24):
            assert "! the rules would begin on 2019-01-01" in screen_lines(pilot.app)[11]
        await press(pilot, "t", *"2200-12-31", "enter", "l")
        assert "choose a date of the years" in text(pilot)

    run(store, flow, size)


@pytest.mark.parametrize("size", [(20, 5), (60, 16), (80, 24), (120, 40), (200, 50)])
def test_hostile_names_and_any_size(tmp_path: Path, size: tuple[int, int]) -> None:
    async def flow(pilot: Pilot[int]) -> None:
        for keys in (("]", "]"), ("G", "k", "space"), ("2", "G"), ("y",)):
            await press(pilot, *keys)
            assert not hidden_in(text(pilot).replace("\n", ""))

    run(open_store(build_store(tmp_path, HOSTILE)), flow, size)


@given(some.integers(-(10**15), 5 * 10**15), some.integers(-40, 40), some.sampled_from(["day", "week", "month"]))
def test_a_moved_instant_keeps_its_time_of_day(at: int, steps: int, unit: str) -> None:
    try:
        further = moved(at, steps, unit)
    except ValueError:
        return
    assert (further - at) % 86_400_000_000 == 0
    days = (further - at) // 86_400_000_000
    assert days == steps * {"day": 1, "week": 7}[unit] if unit != "month" else abs(days - steps * 30.4) < 5


def test_a_month_further_is_the_same_day_or_the_last() -> None:
    assert moved(parse_point("2018-01-31"), 1, "month") == parse_point("2018-02-28")
    assert moved(parse_point("2020-03-31"), -1, "month") == parse_point("2020-02-29")
    assert OPT_INS == WINDOW + 1


@pytest.mark.parametrize("size", [(80, 16), (80, 24), (118, 28), (120, 40), (200, 50)])
def test_partners_and_people_of_all_populations_are_in_view_while_a_value_moves(
    store: Store, size: tuple[int, int]
) -> None:
    async def flow(pilot: Pilot[int]) -> None:
        await press(pilot, "]", "j", "h", "j", "L", "G", "t", *"a-0", "enter")
        screen = bench(pilot)
        assert screen._found is not None
        in_view = {stop.place for stop in screen.grid._page.stops if stop.line < screen.grid.page}
        shown = text(pilot)
        for each in compared(screen._found):
            if each.cell.endswith((".partners", ".people")):
                assert {Place(each.cell, column) for column in (0, 1)} <= in_view
                assert f"{each.now.words} " in shown
                assert f"{each.what_if.words} " in shown
        if size != (80, 16):
            assert "1 leaves 'kept access': Ribbon Social" in shown

    run(store, flow, size)


@pytest.mark.parametrize("size", [(60, 16), (80, 24), (118, 28), (120, 40)])
def test_the_cursor_reaches_every_place_and_each_stands_once(store: Store, size: tuple[int, int]) -> None:
    async def flow(pilot: Pilot[int]) -> None:
        await press(pilot, "t", *"2019-01-01", "enter", "2")
        grid = bench(pilot).grid
        stops = {stop.place: stop for stop in grid._page.stops}
        assert {"flip.0", "remark.0", *COMPARED} <= {place.cell for place in stops}
        for row, line in enumerate(grid._page.lines):
            for part in line:
                if part.place is not None:
                    stop = stops[part.place]
                    assert stop.line <= row < stop.line + stop.height
                    assert stop.height == 1 or part.place.cell.startswith(("flip.", "remark."))
        reached, todo = {grid.place}, [grid.place]
        while todo:
            here = todo.pop()
            assert here is not None
            for move, argument in ((grid.action_go, "up"), (grid.action_go, "down"), (grid.action_aside, -1)):
                grid.go_to(here)
                move(argument)
                if grid.place not in reached:
                    reached.add(grid.place)
                    todo.append(grid.place)
        assert reached == {*stops}
        grid.action_go("last")
        grid.action_go("first")
        assert grid.place == Place("retained.partners")
        await settled(pilot)
        if size != (60, 16):
            assert "nothing can have been read" in text(pilot)

    run(store, flow, size)


@pytest.mark.parametrize("height", [10, 30])
@pytest.mark.parametrize("width", [56, 76, 78, 116, 118, 198])
def test_large_numbers_do_not_touch(store: Store, width: int, height: int) -> None:
    found = sheet.compare(store, Parameters(today=TODAY), Parameters(today=TODAY, window_days=1))
    large = found.now.accessed._replace(people=98_765_432, events=987_654_321, records=9_876_543_210)
    found = found._replace(now=replace(found.now, accessed=large, recent=large))
    page = what_if_page(found, width, height)
    lines = ["".join(part.text for part in line) for line in page.lines]
    assert any("≥9,876,543,210" in line for line in lines)
    assert max(map(cell_len, lines)) <= max(width, 66)
    numbers = [(line, part) for line in page.lines for part in line if part.text[:1] in NUMBER and part.text.strip()]
    assert len(numbers) > 90
    assert sum(part.place is not None for _, part in numbers) > 60
    for line, part in numbers:
        before = "".join(each.text for each in line[: line.index(part)])
        assert before.endswith(" "), (before, part)
