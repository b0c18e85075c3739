"""The virtual list: any length, only the lines in view drawn, the cursor always on a row and in view."""

import asyncio
import time
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from textual.app import App, ComposeResult
from textual.pilot import Pilot

from tests.tui.fakes import FakeIncident, row
from tests.tui.screens import screen_lines
from tui.screenshot import settled
from tui.theme import THEME
from tui.widgets.partner_list import PartnerList
from tui.widgets.virtual_list import Piece, VirtualList


class Numbers(VirtualList):
    """So many numbered rows; remembers which were drawn."""

    def __init__(self, count: int) -> None:
        super().__init__()
        self.count = count
        self.drawn: set[int] = set()

    def row_count(self) -> int:
        return self.count

    def draw_header(self, width: int) -> list[Piece]:
        return [("number", "")]

    def draw_row(self, index: int, width: int) -> list[Piece]:
        self.drawn.add(index)
        return [(">" if index == self.cursor else " ", "accent"), (f"row {index}", "")]

    def on_mount(self) -> None:
        self.rows_changed(0)


class ListApp(App[int]):
    def __init__(self, count: int) -> None:
        super().__init__()
        self.count = count
        self.heard: list[tuple[str, int]] = []
        self.register_theme(THEME)
        self.theme = THEME.name

    def compose(self) -> ComposeResult:
        yield Numbers(self.count)

    def on_virtual_list_moved(self, message: VirtualList.Moved) -> None:
        self.heard.append(("moved", message.cursor))

    def on_virtual_list_opened(self, message: VirtualList.Opened) -> None:
        self.heard.append(("opened", message.cursor))


def on_list(count: int, flow: Any, size: tuple[int, int] = (40, 11)) -> ListApp:
    app = ListApp(count)

    async def go() -> None:
        async with app.run_test(size=size) as pilot:
            await pilot.pause()
            app.query_one(Numbers).focus()
            await flow(pilot, app.query_one(Numbers))

    asyncio.run(go())
    return app


def test_keys_move_as_told() -> None:
    async def flow(pilot: Pilot[int], numbers: Numbers) -> None:
        walked = []
        for key in ("j", "down", "k", "G", "up", "g", "pagedown", "ctrl+d", "ctrl+u", "pageup", "end", "home"):
            await pilot.press(key)
            walked.append(numbers.cursor)
        # Ten rows are in view below the header.
        assert walked == [1, 2, 1, 999, 998, 0, 10, 15, 10, 0, 999, 0]

    on_list(1000, flow)


def test_enter_and_a_double_click_open_a_click_moves() -> None:
    async def flow(pilot: Pilot[int], numbers: Numbers) -> None:
        await pilot.press("j", "enter")
        await pilot.click(Numbers, offset=(3, 5))
        assert numbers.cursor == 4
        await pilot.click(Numbers, offset=(3, 5), times=2)

    app = on_list(1000, flow)
    assert [cursor for kind, cursor in app.heard if kind == "opened"] == [1, 4]


def test_only_lines_in_view_are_drawn_and_the_header_stays() -> None:
    async def flow(pilot: Pilot[int], numbers: Numbers) -> None:
        await pilot.press("G")
        await pilot.pause()
        lines = screen_lines(pilot.app)
        assert lines[0].startswith("number")
        assert lines[-1].startswith(">row 999999")
        assert len(numbers.drawn) < 60

    on_list(1_000_000, flow)


def test_an_empty_list_takes_every_key() -> None:
    async def flow(pilot: Pilot[int], numbers: Numbers) -> None:
        await pilot.press("j", "k", "G", "g", "pagedown", "pageup", "enter", "ctrl+d")
        assert numbers.cursor == 0

    app = on_list(0, flow)
    assert not [kind for kind, _ in app.heard if kind == "opened"]


_MOVES = ("down", "up", "first", "last", "page_down", "page_up", "half_down", "half_up")


@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.integers(0, 60),
    st.integers(2, 14),
    st.lists(st.tuples(st.sampled_from(_MOVES), st.integers(0, 60)), max_size=25),
)
def test_the_cursor_is_always_on_a_row_and_in_view(count: int, height: int, moves: list[tuple[str, int]]) -> None:
    async def flow(pilot: Pilot[int], numbers: Numbers) -> None:
        for move, new_count in moves:
            numbers.action_go(move)
            if new_count % 5 == 0:
                numbers.count = new_count
                numbers.rows_changed(numbers.cursor)
            assert 0 <= numbers.cursor <= max(0, numbers.count - 1)
            await pilot.pause()
            if numbers.count:
                assert sum(line.startswith(">row") for line in screen_lines(pilot.app)[1:]) == 1

    on_list(count, flow, size=(30, height))


def test_seventy_thousand_partners_sort_filter_and_page_in_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    incident = FakeIncident(rows=[row(number, f"Partner {number}", people=number % 977) for number in range(1, 70_001)])
    incident.install(monkeypatch)
    app = incident.app()

    async def go() -> None:
        async with app.run_test(size=(120, 40)) as pilot:
            await settled(pilot)
            partners = app.screen.query_one(PartnerList)
            assert partners.row_count() == 70_001
            begun = time.perf_counter()
            partners.set_filter("partner 69999")
            partners.set_filter("")
            partners.next_order()
            partners.turn_round()
            # A bound that only an accident of complexity would pass: it takes a tenth of a second here.
            assert time.perf_counter() - begun < 5
            await pilot.press("G")
            await settled(pilot)
            assert partners.current is not None
            assert "Partner" in "\n".join(screen_lines(app))

    asyncio.run(go())
