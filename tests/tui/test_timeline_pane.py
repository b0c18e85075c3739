"""The timeline pane at work: every key, what it asks for, and what it says."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace

import pytest
from textual.pilot import Pilot

from store.instants import MICROSECONDS_PER_DAY as DAY
from store.instants import parse_point
from store.timeline import RangeFigures
from tests.tui.panes import HOSTILE, OnePane, screen_text, timeline_of
from tui.time_cursor import BARS
from tui.widgets.fields import TextField
from tui.widgets.timeline import TimelinePane
from tui.widgets.timeline_pictures import Shown
from tui.widgets.timeline_words import counts_words, interval_words, parse_date, range_signs, range_words

FROM, UNTIL = parse_point("2017-06-01"), parse_point("2019-11-05")


class TimelineApp(OnePane):
    """A pane whose every question is answered at once."""

    def __init__(self, title: str = "Ribbon Social") -> None:
        self.pane = TimelinePane()
        super().__init__(self.pane)
        self.pane_title = title
        self.asked: list[tuple[int, int, int]] = []
        self.drilled: list[tuple[int, int]] = []

    def on_mount(self) -> None:
        self.pane.set_span(FROM, UNTIL)
        self.pane.focus()
        self.call_after_refresh(self.answer)

    def answer(self) -> None:
        assert self.pane.window is not None
        window = self.pane.window
        self.asked.append((*window, self.pane.bins_wanted()))
        self.pane.show(Shown(BARS, 41, self.pane_title, timeline_of(*window, self.pane.bins_wanted())))

    def on_timeline_pane_window_changed(self, message: TimelinePane.WindowChanged) -> None:
        assert (message.from_at, message.until_at) == self.pane.window
        self.answer()

    def on_timeline_pane_drill(self, message: TimelinePane.Drill) -> None:
        self.drilled.append((message.from_at, message.until_at))


def with_pane(
    check: Callable[[TimelineApp, Pilot[None]], Awaitable[None]],
    size: tuple[int, int] = (80, 24),
    title: str = "Ribbon Social",
) -> None:
    async def go() -> None:
        app = TimelineApp(title)
        async with app.run_test(size=size) as pilot:
            await pilot.pause()
            await check(app, pilot)

    asyncio.run(go())


def test_it_asks_for_bins_of_whole_days_and_says_what_they_are() -> None:
    async def check(app: TimelineApp, pilot: Pilot[None]) -> None:
        from_at, until_at, bins = app.asked[-1]
        assert from_at % DAY == 0
        assert (until_at - from_at) % (bins * DAY) == 0
        assert bins <= 72
        text = "\n".join(screen_text(app))
        days = (until_at - from_at) // bins // DAY
        assert f"Ribbon Social   events per {days} days" in text
        assert "could" in text
        assert "█ restricted" in text

    with_pane(check)


def test_the_line_below_reconciles_with_the_bins() -> None:
    async def check(app: TimelineApp, pilot: Pilot[None]) -> None:
        assert app.pane.window is not None
        total = sum(row.improper for row in timeline_of(*app.pane.window, app.pane.bins_wanted()).bins)
        app.set_focus(None)
        await pilot.pause()
        assert f"{total:,} restricted" in screen_text(app)[-1]

    with_pane(check)


def test_zooming_to_a_day_and_back() -> None:
    async def check(app: TimelineApp, pilot: Pilot[None]) -> None:
        whole = app.pane.window
        await pilot.press("l", "l", "right")
        assert app.pane.cursor is not None
        here = app.pane.cursor[0]
        await pilot.press(*["plus"] * 7)
        assert app.pane.window is not None
        assert app.pane.window[0] <= here < app.pane.window[1]
        assert app.pane.window[1] - app.pane.window[0] <= 3 * DAY
        assert "events per hour" in "\n".join(screen_text(app))
        assert app.asked[-1][:2] == app.pane.window
        await pilot.press("minus")
        await pilot.press("0")
        assert app.pane.window == whole

    with_pane(check)


def test_the_cursor_pulls_the_window_along_and_stops_at_the_ends() -> None:
    async def check(app: TimelineApp, pilot: Pilot[None]) -> None:
        await pilot.press("plus", "plus", "plus")
        first = app.pane.window
        assert first is not None
        await pilot.press("L")
        assert app.pane.window is not None
        assert app.pane.window[0] == first[1]
        await pilot.press("H", "H")
        app.pane.action_page(-9)
        assert app.pane.window[0] == FROM
        await pilot.press("h")
        app.pane.action_bin(-80)
        assert app.pane.cursor is not None
        assert app.pane.cursor[0] == FROM
        app.pane.action_page(60)
        assert app.pane.window[0] < UNTIL <= app.pane.window[1]
        app.pane.action_bin(90)
        await pilot.press("l")
        assert app.pane.cursor[0] < UNTIL <= app.pane.cursor[1]

    with_pane(check)


def test_markers_are_walked_and_described_without_their_escapes() -> None:
    async def check(app: TimelineApp, pilot: Pilot[None]) -> None:
        await pilot.press("right_square_bracket")
        cursor = app.pane.cursor
        assert cursor is not None
        assert cursor[0] <= parse_point("2018-04-04") < cursor[1]
        assert "P 04-04 groups-api" in screen_text(app)[-1]
        await pilot.press("right_square_bracket")
        text = screen_text(app)[-1]
        assert "R 10-28 [@click=app.quit]boom[/nope] \\x1b" in text
        await pilot.press("left_square_bracket", "left_square_bracket")
        assert app.pane.cursor is not None
        assert app.pane.cursor[0] <= parse_point("2017-06-01") < app.pane.cursor[1]

    with_pane(check, size=(120, 24))


@pytest.mark.parametrize(
    ("typed", "expected"),
    [("2019-10-05", "2019-10-05"), ("2019-10", "2019-10-01"), ("-60d", "2019-09-06"), ("2018-01-01T10:30:00Z", None)],
)
def test_going_to_a_date(typed: str, expected: str | None) -> None:
    async def check(app: TimelineApp, pilot: Pilot[None]) -> None:
        await pilot.press("plus", "plus", "t", *typed, "enter")
        await pilot.pause()
        at = parse_point(expected or typed)
        assert app.pane.cursor is not None
        assert app.pane.cursor[0] <= at < app.pane.cursor[1]
        assert app.asked[-1][0] <= at < app.asked[-1][1]

    with_pane(check)


def test_a_date_that_cannot_be_read_or_is_outside_moves_nothing() -> None:
    async def check(app: TimelineApp, pilot: Pilot[None]) -> None:
        before = app.pane.window, app.pane.cursor
        for typed in ("soon", "1999-01-01", "", "2019-13-45"):
            await pilot.press("t", *typed, "enter")
            await pilot.pause()
            assert (app.pane.window, app.pane.cursor) == before
            if typed:
                assert app.screen.query_one("#line", TextField).value == typed, "what was typed is not lost"
                await pilot.press("escape")
            assert len(app.screen_stack) == 1

    with_pane(check)


def test_zooming_in_on_a_marker_ends_on_it() -> None:
    async def check(app: TimelineApp, pilot: Pilot[None]) -> None:
        await pilot.press("]", "]", *["plus"] * 7)
        cursor = app.pane.cursor
        assert cursor is not None
        assert cursor[0] == parse_point("2019-10-28")
        assert "R 10-28" in screen_text(app)[-1]

    with_pane(check)


def test_the_bars_can_count_something_else() -> None:
    async def check(app: TimelineApp, pilot: Pilot[None]) -> None:
        assert "█" in "".join(screen_text(app)[:12])
        await pilot.press("B")
        assert "restricted reads only per 14 days" in screen_text(app)[0]
        await pilot.press("B")
        assert "denied attempts only per 14 days" in screen_text(app)[0]
        assert "█" not in "".join(screen_text(app)[:12])
        await pilot.press("B")
        assert "events per 14 days" in screen_text(app)[0]

    with_pane(check)


def test_enter_drills_into_the_bin_under_the_cursor() -> None:
    async def check(app: TimelineApp, pilot: Pilot[None]) -> None:
        await pilot.press("l", "enter")
        assert app.drilled == [app.pane.cursor]

    with_pane(check)


def test_another_size_asks_for_other_bins_of_the_same_time() -> None:
    async def check(app: TimelineApp, pilot: Pilot[None]) -> None:
        before = app.asked[-1]
        await pilot.resize_terminal(140, 40)
        await pilot.pause()
        assert app.asked[-1][2] > before[2]
        assert app.asked[-1][0] == before[0]
        await pilot.resize_terminal(20, 5)
        await pilot.pause()
        assert all(len(line) == 20 for line in screen_text(app))

    with_pane(check)


def test_a_hostile_name_is_text() -> None:
    async def check(app: TimelineApp, pilot: Pilot[None]) -> None:
        text = "\n".join(screen_text(app))
        assert "[@click=app.quit]boom[/nope] \\x1b]52;c;aGk=\\x07   events" in text
        assert "\x1b" not in text
        assert app.is_running

    with_pane(check, size=(120, 24), title=HOSTILE)


def test_words_of_an_interval() -> None:
    day = parse_point("2019-10-12")
    assert interval_words(day, day + DAY) == "2019-10-12"
    assert interval_words(day, day + 14 * DAY) == "2019-10-12 .. 10-25"
    assert interval_words(day, day + 100 * DAY) == "2019-10-12 .. 2020-01-19"
    assert interval_words(day, day + 3_600_000_000) == "2019-10-12 00:00 .. 01:00Z"
    assert interval_words(day + DAY - 1_000_000, day + DAY) == "2019-10-12 23:59:59 .. 2019-10-13 00:00:00Z"


def test_words_of_counts() -> None:
    assert counts_words((206, 0, 14, 0), gap=False) == "206 restricted, 14 denied"
    assert counts_words((0, 0, 0, 0), gap=False) == "nothing in the log"
    assert counts_words((0, 0, 0, 0), gap=True) == "not logged"
    assert counts_words((0, 2, 0, 1_300), gap=True) == "2 unsettled, 1,300 allowed, not wholly logged"


def test_words_of_a_range() -> None:
    events = {"improper": 206, "undetermined": 2, "denied": 0, "allowed": 3, "allowed_by_opt_in": 4}
    figures = RangeFigures(0, DAY, {**events, "allowed_by_exemption": 5}, 88, 1, 1, 300)
    said = "≥206 restricted reads of ≥88 people in ≥1 resource, 2 unsettled, 12 allowed"
    assert range_words(figures, "at_least") == said
    assert range_signs(figures, "exact") == "█206 ▒2 ░12, 88 people, 1 resource"
    of_many = replace(figures, partners=3)
    assert "in 1 resource by 3 partners, 2 unsettled" in range_words(of_many, "exact")
    none = replace(figures, events=dict.fromkeys(figures.events, 0), people=0, resources=0)
    assert range_words(none, "at_least") == "0 restricted reads"
    assert range_signs(none, "at_least") == "█0, 0 people, 0 resources"


def test_dates_a_person_types() -> None:
    assert parse_date(" 2019-10 ", UNTIL) == parse_point("2019-10-01")
    assert parse_date("-1d", UNTIL) == UNTIL - DAY
    with pytest.raises(ValueError, match="yesterday"):
        parse_date("yesterday", UNTIL)
