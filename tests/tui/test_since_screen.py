"""What is new since one left, on the board and in its box, without a terminal."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from textual.pilot import Pilot

from store import cases
from store.connection import open_store
from store.instants import parse_point
from store.parameters import Parameters
from store.sessions import remember
from tests.small_incident import TODAY, build
from tests.tui.screens import text
from tui.app import OverscopeApp
from tui.screens.board import BoardScreen
from tui.screens.since import SinceDialog
from tui.screenshot import settled
from tui.widgets.bars import MessageBar

Flow = Callable[[Pilot[int]], Awaitable[None]]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return build(tmp_path)


def run(path: Path, flow: Flow, *, state: Path | None, actor: str = "cy", size: tuple[int, int] = (120, 40)) -> None:
    async def go() -> None:
        with open_store(path) as store:
            given = Parameters(today=parse_point(TODAY))
            app = OverscopeApp(store, given, actor=actor, watch=False, sessions=state)
            async with app.run_test(size=size) as pilot:
                await settled(pilot)
                await flow(pilot)

    asyncio.run(go())


def left(path: Path, state: Path) -> None:
    """Cy leaves; bo flags."""
    with open_store(path) as store:
        remember(state, store, "cy", today=parse_point(TODAY))
        cases.flag(store, [1], actor="bo")


def bar(pilot: Pilot[int]) -> MessageBar:
    return pilot.app.screen_stack[0].query_one(MessageBar)


def top(pilot: Pilot[int]) -> type:
    return type(pilot.app.screen)


@pytest.mark.parametrize("size", [(80, 24), (120, 40)])
def test_the_line_says_it_and_the_key_opens_it(path: Path, tmp_path: Path, size: tuple[int, int]) -> None:
    left(path, tmp_path / "state")

    async def flow(pilot: Pilot[int]) -> None:
        assert top(pilot) is BoardScreen
        assert bar(pilot).message[0].endswith(": 1 action by others")
        assert bar(pilot).remark == ", what is new"
        await pilot.press("comma")
        await settled(pilot)
        assert top(pilot) is SinceDialog
        assert "What others did: 1" in text(pilot)
        assert "bo flagged: " in text(pilot)
        for key in ("q", "escape", "enter"):
            await pilot.press(key)
            assert top(pilot) is BoardScreen
            await pilot.press("comma")
            await settled(pilot)
        assert bar(pilot).remark == ""

    run(path, flow, state=tmp_path / "state", size=size)


def test_what_one_does_meanwhile_moves_nothing(path: Path, tmp_path: Path) -> None:
    left(path, tmp_path / "state")

    async def flow(pilot: Pilot[int]) -> None:
        await pilot.press("f", "enter")
        await settled(pilot)
        await pilot.press("comma")
        await settled(pilot)
        assert "bo flagged: " in text(pilot)
        assert "cy flagged" not in text(pilot)

    run(path, flow, state=tmp_path / "state")


def test_without_a_folder_nothing_is_said_and_the_key_tells_since_ones_last_action(path: Path) -> None:
    with open_store(path) as store:
        cases.flag(store, [1], actor="cy")
        cases.flag(store, [2], actor="bo")

    async def flow(pilot: Pilot[int]) -> None:
        assert (bar(pilot).message[0], bar(pilot).remark) == ("", "")
        await pilot.press("comma")
        await settled(pilot)
        assert "your own last action" in text(pilot)
        assert "What others did: 1" in text(pilot)

    run(path, flow, state=None)


def test_who_comes_first_is_not_bothered(path: Path, tmp_path: Path) -> None:
    async def flow(pilot: Pilot[int]) -> None:
        assert (bar(pilot).message[0], bar(pilot).remark) == ("", "")
        await pilot.press("comma")
        await settled(pilot)
        assert "first time here: all is new, in short" in text(pilot)

    run(path, flow, state=tmp_path / "state", actor="di")


def test_marks_keep_their_place_beside_the_line(path: Path, tmp_path: Path) -> None:
    left(path, tmp_path / "state")

    async def flow(pilot: Pilot[int]) -> None:
        await pilot.press("space")
        assert bar(pilot).remark.startswith("1 marked")
        await pilot.press("comma", "escape")
        await settled(pilot)
        assert bar(pilot).remark.startswith("1 marked")

    run(path, flow, state=tmp_path / "state")
