"""Timelines on the screens: one cursor for all of them, four pictures, ranges, and the screen of their own."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest
from textual.pilot import Pilot

from store import apps, event_pages, ledger, names, timeline
from store.event_filters import EventFilters
from store.event_pages import EventPage
from store.instants import MICROSECONDS_PER_DAY as DAY
from store.instants import parse_point
from store.text import clean
from store.timeline import Marker
from tests.tui.fakes import AS_OF, CUTOFF, NASTY, FakeIncident, FakeStore
from tests.tui.screens import check_golden, press, screen_lines
from tui.screens.case import CaseScreen
from tui.screens.events import EventsScreen
from tui.screens.timeline import TimelineScreen
from tui.screens.timeline_work import TimelineWorkScreen
from tui.screenshot import settled
from tui.time_cursor import BANDS, BARS, CALENDAR, PICTURES, WEEKS
from tui.timeline_answers import nearest_marker
from tui.watch import StoreChanged
from tui.widgets.bars import MessageBar
from tui.widgets.in_view_list import InViewList
from tui.widgets.shape_list import ShapeList, wrapped
from tui.widgets.timeline import TimelinePane

Flow = Callable[[Pilot[int]], Awaitable[None]]
SIZES = [(80, 24), (120, 40), (200, 50)]


@pytest.fixture
def incident(monkeypatch: pytest.MonkeyPatch) -> FakeIncident:
    known = FakeIncident()
    known.install(monkeypatch)
    monkeypatch.setattr(apps, "partner_apps", lambda store, partner, parameters: [])
    monkeypatch.setattr(ledger, "actions", lambda store, *, partner=None: [])

    monkeypatch.setattr(event_pages, "event_page", lambda *_, **__: EventPage(0, 0, ()))
    monkeypatch.setattr(names, "name_of", lambda store, partner: names.PartnerName("p-0001", "Ribbon", True))
    return known


def run(incident: FakeIncident, flow: Flow, size: tuple[int, int] = (120, 40)) -> None:
    async def go() -> None:
        app = incident.app()
        async with app.run_test(size=size) as pilot:
            await settled(pilot)
            await flow(pilot)
            assert app.is_running

    asyncio.run(go())


def pane(pilot: Pilot[int]) -> TimelinePane:
    screen = pilot.app.screen
    assert isinstance(screen, TimelineWorkScreen)
    return screen.timeline_pane


def text(pilot: Pilot[int]) -> str:
    found = "\n".join(screen_lines(pilot.app))
    assert "\x1b" not in found
    return found


def message(pilot: Pilot[int]) -> str:
    return pilot.app.screen.query_one(MessageBar).message[0]


def opened(pilot: Pilot[int], filters: EventFilters | None = None) -> tuple[int | None, int | None, int | None]:
    """Whose events are open, from when to when; with these filters."""
    screen = pilot.app.screen
    assert isinstance(screen, EventsScreen)
    question = screen._question
    assert question.filters == (filters or EventFilters())
    return question.partner, question.from_at, question.until_at


# --- the pictures ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("picture", PICTURES)
def test_each_picture_looks_as_designed(incident: FakeIncident, size: tuple[int, int], picture: str) -> None:
    async def flow(pilot: Pilot[int]) -> None:
        await press(pilot, "2", "z", *["b"] * PICTURES.index(picture))
        check_golden(pilot.app, f"timeline-{picture}-{size[0]}x{size[1]}")

    run(incident, flow, size)


def test_b_goes_through_the_pictures_and_asks_for_what_each_needs(incident: FakeIncident) -> None:
    async def flow(pilot: Pilot[int]) -> None:
        await press(pilot, "2")
        seen = []
        for _ in PICTURES:
            await press(pilot, "b")
            shown = pane(pilot).shown
            assert shown is not None
            seen.append(shown.picture)
        assert seen == [BANDS, CALENDAR, WEEKS, BARS]

    run(incident, flow)


def test_the_old_picture_stays_until_the_next_is_there(incident: FakeIncident) -> None:
    async def flow(pilot: Pilot[int]) -> None:
        await press(pilot, "2")
        before = [line[68:] for line in screen_lines(pilot.app)[5:20]]
        pane(pilot).action_picture()
        pane(pilot).action_zoom_in()
        shown = pane(pilot).shown
        assert shown is not None
        assert shown.picture == BARS
        assert [line[70:110] for line in screen_lines(pilot.app)[5:20]] == [line[2:42] for line in before]

    run(incident, flow)


def test_bands_compare_the_marked_partners_and_enter_opens_the_rows_own_events(incident: FakeIncident) -> None:
    async def flow(pilot: Pilot[int]) -> None:
        await press(pilot, "space", "j", "space", "2", "b")
        shown = pane(pilot).shown
        assert shown is not None
        assert [band.partner for band in shown.bands] == [1, 3]
        await press(pilot, "j", "k", "l")
        cursor = pane(pilot).cursor
        assert cursor is not None
        await press(pilot, "enter")
        assert opened(pilot) == (1, *cursor)

    run(incident, flow)


def test_bands_without_marks_are_the_first_of_the_list(incident: FakeIncident) -> None:
    async def flow(pilot: Pilot[int]) -> None:
        await press(pilot, "2", "b")
        shown = pane(pilot).shown
        assert shown is not None
        assert [band.partner for band in shown.bands] == [1, 2, 3, 4, 5, 6][: len(shown.bands)]
        assert len(shown.bands) > 3
        assert "│> Ribbon" in text(pilot)
        await press(pilot, "j")
        assert "│> Castaway" in text(pilot)

    run(incident, flow)


def test_the_calendar_is_walked_by_days_and_weeks(incident: FakeIncident) -> None:
    async def flow(pilot: Pilot[int]) -> None:
        await press(pilot, "2", "b", "b")
        cursor = pane(pilot).cursor
        assert cursor == (AS_OF - DAY, AS_OF)
        await press(pilot, "k")
        assert pane(pilot).cursor == (AS_OF - 2 * DAY, AS_OF - DAY)
        await press(pilot, "h", "j")
        assert pane(pilot).cursor == (AS_OF - 8 * DAY, AS_OF - 7 * DAY)
        await press(pilot, "enter")
        assert opened(pilot) == (1, AS_OF - 8 * DAY, AS_OF - 7 * DAY)

    run(incident, flow)


def test_weeks_are_of_all_partners_and_so_are_their_events(incident: FakeIncident) -> None:
    async def flow(pilot: Pilot[int]) -> None:
        await press(pilot, "2", "b", "b", "b")
        assert "2 All partners   partners and people per week" in text(pilot)
        last = incident.weeks()[-1]
        assert f"{last.partners} partners" in text(pilot)
        await press(pilot, "h", "enter")
        week = incident.weeks()[-2]
        assert opened(pilot) == (None, week.from_at, week.until_at)

    run(incident, flow)


# --- one cursor for all ----------------------------------------------------------------------------------------------


def test_all_timelines_share_cursor_window_range_and_picture(incident: FakeIncident) -> None:
    async def flow(pilot: Pilot[int]) -> None:
        await press(pilot, "2", *["plus"] * 4, "right_square_bracket", "right_square_bracket", "v", "l")
        board = pane(pilot)
        at, chosen = board.cursor, board.chosen
        assert at is not None
        assert chosen is not None
        await press(pilot, "1", "enter")
        assert isinstance(pilot.app.screen, CaseScreen)
        case = pane(pilot)
        assert case.window is not None
        assert case.window[0] <= at[0] < case.window[1]
        assert case.chosen is not None
        assert case.chosen[0] <= chosen[0]
        assert case.chosen[1] >= chosen[1]
        await press(pilot, "2", "z", "b", "L")
        assert isinstance(pilot.app.screen, TimelineScreen)
        moved = pane(pilot).cursor
        assert moved is not None
        await press(pilot, "z")
        assert isinstance(pilot.app.screen, CaseScreen)
        await press(pilot, "q")
        assert pane(pilot) is board
        assert board.shown is not None
        assert board.shown.picture == BANDS
        assert board.window is not None
        assert board.window[0] <= moved[0] < board.window[1]

    run(incident, flow)


def test_going_to_the_full_screen_and_back_changes_nothing(incident: FakeIncident) -> None:
    async def flow(pilot: Pilot[int]) -> None:
        await press(pilot, "2", *["plus"] * 5, "l", "l")
        before = pane(pilot).window, pane(pilot).cursor
        for _ in range(3):
            await press(pilot, "z", "z")
        assert (pane(pilot).window, pane(pilot).cursor) == before

    run(incident, flow)


def test_markers_beyond_what_is_in_view_are_found(incident: FakeIncident) -> None:
    async def flow(pilot: Pilot[int]) -> None:
        await press(pilot, "2", *["plus"] * 9)
        window = pane(pilot).window
        assert window is not None
        assert window[1] < CUTOFF
        for at in (CUTOFF, parse_point("2019-10-28")):
            await press(pilot, "right_square_bracket")
            cursor, window = pane(pilot).cursor, pane(pilot).window
            assert cursor is not None
            assert window is not None
            assert cursor[0] <= at < cursor[1]
            assert window[0] <= at < window[1]
        await press(pilot, "right_square_bracket")
        assert message(pilot) == "no later marker"
        await press(pilot, "left_square_bracket", "left_square_bracket")
        assert message(pilot) == "no earlier marker"

    run(incident, flow)


def test_the_nearest_marker_is_found_even_where_most_are_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    instants = [7, 8, 20, 21, 22, 40, 41, 90]

    def thinned(store: object, partner: int | None, *, from_at: int, until_at: int) -> tuple[tuple[Marker, ...], int]:
        inside = [at for at in instants if from_at <= at < until_at]
        told = inside if len(inside) <= 2 else inside[1::3]
        return tuple(Marker(at, "flag", "") for at in told), len(inside) - len(told)

    monkeypatch.setattr(timeline, "markers", thinned)
    store = FakeStore()
    for begin in range(100):
        later = min((at for at in instants if at >= begin), default=None)
        earlier = max((at for at in instants if at < begin), default=None)
        assert nearest_marker(store, None, (begin, 100), 1) == later  # type: ignore[arg-type]
        assert nearest_marker(store, None, (0, begin), -1) == earlier  # type: ignore[arg-type]


@pytest.mark.parametrize("zoomed", [False, True])
def test_what_is_imported_meanwhile_is_shown_and_a_zoomed_window_stays(
    incident: FakeIncident, monkeypatch: pytest.MonkeyPatch, zoomed: bool
) -> None:
    async def flow(pilot: Pilot[int]) -> None:
        await press(pilot, "2", "z", *(["plus"] * 3 if zoomed else []))
        before, shown = pane(pilot).window, pane(pilot).shown
        assert before is not None
        begin = parse_point("2015-06-01")
        monkeypatch.setattr(timeline, "whole_span", lambda store, partner: (begin, AS_OF + 30 * DAY))
        pilot.app.post_message(StoreChanged())
        await settled(pilot)
        after = pane(pilot).window
        assert after is not None
        assert pane(pilot).shown is not shown
        assert after == before if zoomed else (after[0] <= begin and after[1] >= AS_OF + 30 * DAY)
        await press(pilot, "0", "z")
        board = pane(pilot).window
        assert board is not None
        assert board[0] <= begin

    run(incident, flow)


def test_zooming_ends_with_a_word_at_both_ends(incident: FakeIncident) -> None:
    async def flow(pilot: Pilot[int]) -> None:
        await press(pilot, "2", "minus")
        assert message(pilot) == "this is the whole span, 2018-01-01 .. 2019-11-04"
        for _ in range(40):
            pane(pilot).action_zoom_in()
        await settled(pilot)
        assert message(pilot) == "a second is the shortest bin: enter opens its events"
        cursor = pane(pilot).cursor
        assert cursor is not None
        assert cursor[1] - cursor[0] == 1_000_000
        await press(pilot, "0")
        window = pane(pilot).window
        assert window is not None
        assert window[1] >= AS_OF

    run(incident, flow)


# --- ranges ----------------------------------------------------------------------------------------------------------


def test_a_range_tells_its_figures_and_enter_opens_exactly_its_events(incident: FakeIncident) -> None:
    async def flow(pilot: Pilot[int]) -> None:
        await press(pilot, "2", "z", "l", "l", "l", "v")
        begin = pane(pilot).cursor
        assert begin is not None
        assert pane(pilot).chosen == begin
        await press(pilot, "h", "h")
        end = pane(pilot).cursor
        assert end is not None
        chosen = (end[0], begin[1])
        assert pane(pilot).chosen == chosen
        assert ("range", 1) in incident.asked
        assert "≥206 restricted reads of ≥88 people in ≥12 resources, 14 denied" in text(pilot)
        assert "═" in screen_lines(pilot.app)[1]
        await press(pilot, "v", "l", "l", "l", "l")
        assert pane(pilot).chosen == chosen, "an ended range stays"
        await press(pilot, "enter")
        assert opened(pilot) == (1, *chosen)
        await press(pilot, "q")
        assert pane(pilot).chosen == chosen
        await press(pilot, "escape")
        assert pane(pilot).chosen is None
        assert isinstance(pilot.app.screen, TimelineScreen)
        await press(pilot, "escape")
        assert not isinstance(pilot.app.screen, TimelineScreen)

    run(incident, flow)


def test_esc_drops_a_range_on_the_board_and_on_a_case(incident: FakeIncident) -> None:
    async def flow(pilot: Pilot[int]) -> None:
        for _ in range(2):
            await press(pilot, "2", "v")
            screen = pilot.app.screen
            await press(pilot, "escape")
            assert pane(pilot).chosen is None
            assert pilot.app.screen is screen
            await press(pilot, "1", "enter")
        assert isinstance(pilot.app.screen, CaseScreen)

    run(incident, flow)


# --- the screen of its own -------------------------------------------------------------------------------------------


def test_sentences_are_gone_through_and_drilled_to_their_events(incident: FakeIncident) -> None:
    async def flow(pilot: Pilot[int]) -> None:
        await press(pilot, "2", "z", "1")
        listed = pilot.app.screen.query_one(ShapeList)
        assert listed.has_focus
        topics = []
        for _ in range(5):
            assert listed.current is not None
            topics.append(listed.current.topic)
            await press(pilot, "j")
        assert topics == [
            "read", "first_read", "stopped_after_removal", "decreased_over_time", "decreased_over_time"
        ]  # fmt: skip
        # One without begin and end rests on all there is.
        await press(pilot, "enter")
        assert opened(pilot) == (1, None, None)
        restricted = EventFilters(verdicts=("improper",))
        await press(pilot, "q", "k", "enter")
        late = EventFilters(verdicts=("improper",), after_removal=True)
        assert opened(pilot, late) == (1, parse_point("2019-10-28"), AS_OF)
        await press(pilot, "q", "g", "j", "enter")
        assert opened(pilot, restricted) == (1, CUTOFF, CUTOFF + 1)

    run(incident, flow)


@pytest.mark.parametrize("size", [(60, 16), *SIZES])
def test_every_sentence_can_be_read_whole(incident: FakeIncident, size: tuple[int, int]) -> None:
    async def flow(pilot: Pilot[int]) -> None:
        await press(pilot, "2", "z", "1")
        if pane(pilot).display:
            await press(pilot, "z")
        await press(pilot, "G", "k")
        shown = "".join(line.strip("│▁▂▃▄▅▆▇█▔").replace(" ", "") for line in screen_lines(pilot.app))
        sentence = next(each.text for each in incident.shape(1) if each.topic == "stopped_after_removal")
        assert clean(sentence, 1_000).replace(" ", "") in shown

    run(incident, flow, size)


def test_what_is_in_view_is_listed_and_gone_to(incident: FakeIncident) -> None:
    async def flow(pilot: Pilot[int]) -> None:
        await press(pilot, "2", "z", "3")
        listed = pilot.app.screen.query_one(InViewList)
        assert [line.letter for line in listed.lines] == ["", "P", "?", "R"]
        assert "2018-11-03 00:00 .. 11-13 not logged: gateway" in text(pilot)
        await press(pilot, "G", "enter")
        cursor = pane(pilot).cursor
        assert cursor is not None
        assert cursor[0] <= parse_point("2019-10-28") < cursor[1]

    run(incident, flow)


def test_the_next_partners_timeline_and_shape(incident: FakeIncident) -> None:
    async def flow(pilot: Pilot[int]) -> None:
        await press(pilot, "2", "z", "J")
        assert "2 Castaway Live" in text(pilot)
        assert ("shape", 2) in incident.asked
        await press(pilot, "K", "K")
        assert "2 Ribbon Social" in text(pilot)
        assert message(pilot) == "no previous partner in the list"

    run(incident, flow)


def test_all_partners_have_a_list_of_weeks_instead_of_a_shape(incident: FakeIncident) -> None:
    async def flow(pilot: Pilot[int]) -> None:
        await press(pilot, "g", "2", "z")
        assert "weeks" not in [what for what, _ in incident.asked], "they are counted from everybody's events"
        assert "1 counts them" in text(pilot)
        await press(pilot, "1")
        assert "weeks" in [what for what, _ in incident.asked]
        assert "1 Weeks since the rule, over all partners" in text(pilot)
        await press(pilot, "j", "enter")
        week = incident.weeks()[-2]
        assert opened(pilot) == (None, week.from_at, week.until_at)

    run(incident, flow)


def test_what_the_line_below_says_is_copied(incident: FakeIncident) -> None:
    async def flow(pilot: Pilot[int]) -> None:
        await press(pilot, "2", "z", "y")
        assert message(pilot).startswith("copied: Ribbon Social: 2018-01-01 .. 01-07: ")

    run(incident, flow)


def test_a_long_word_is_broken_and_no_line_is_too_long() -> None:
    assert wrapped("one two three", 7) == ["one two", "three"]
    assert wrapped("x" * 25, 10) == ["x" * 10, "x" * 10, "x" * 5]
    assert wrapped("", 10) == [""]
    assert "".join(wrapped(f"a {NASTY} b", 5)).replace(" ", "") == f"a{NASTY}b".replace(" ", "")
