"""The board on a known incident: what it shows, and what each key of it does."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from textual.pilot import Pilot

from store.errors import ConflictError, RefusedError
from tests.tui.fakes import NASTY, FakeIncident, row, usual_figures, usual_rows
from tests.tui.screens import check_golden, screen_lines
from tui.app import OverscopeApp
from tui.screens.board import BoardScreen
from tui.screens.dialogs import ClearDialog, ConflictDialog, FlagPrompt
from tui.screens.timeline import TimelineScreen
from tui.screenshot import settled
from tui.widgets.bars import MessageBar
from tui.widgets.figures_bar import FiguresBar
from tui.widgets.partner_list import PartnerList

Flow = Callable[[Pilot[int]], Awaitable[None]]


@pytest.fixture
def incident(monkeypatch: pytest.MonkeyPatch) -> FakeIncident:
    known = FakeIncident()
    known.install(monkeypatch)
    return known


def run(incident: FakeIncident, flow: Flow, *, size: tuple[int, int] = (120, 40), **options: Any) -> OverscopeApp:
    """Run a flow on the board once it has settled."""
    app = incident.app(**options)

    async def go() -> None:
        async with app.run_test(size=size) as pilot:
            await settled(pilot)
            await flow(pilot)

    asyncio.run(go())
    return app


async def press(pilot: Pilot[int], *keys: str) -> None:
    await pilot.press(*keys)
    await settled(pilot)


def board(pilot: Pilot[int]) -> BoardScreen:
    (screen,) = (each for each in pilot.app.screen_stack if isinstance(each, BoardScreen))
    return screen


def partner_list(pilot: Pilot[int]) -> PartnerList:
    return board(pilot).query_one(PartnerList)


def shown_names(pilot: Pilot[int]) -> list[str]:
    return [each.name for each in partner_list(pilot).view.visible]


def current_name(pilot: Pilot[int]) -> str | None:
    current = partner_list(pilot).current
    return None if current is None else current.name


def message(pilot: Pilot[int]) -> tuple[str, str]:
    return board(pilot).query_one(MessageBar).message


def remark(pilot: Pilot[int]) -> str:
    return board(pilot).query_one(MessageBar).remark


@pytest.mark.parametrize("size", [(80, 24), (120, 40)])
def test_the_board_looks_as_designed(incident: FakeIncident, size: tuple[int, int]) -> None:
    async def flow(pilot: Pilot[int]) -> None:
        check_golden(pilot.app, f"board-{size[0]}x{size[1]}")

    run(incident, flow, size=size)


def test_it_starts_on_the_first_partner_of_those_that_kept_access(incident: FakeIncident) -> None:
    async def flow(pilot: Pilot[int]) -> None:
        assert current_name(pilot) == "Ribbon Social"
        assert shown_names(pilot) == [each.name for each in usual_rows() if each.retained]
        assert ("timeline", 1) in incident.asked
        assert ("track", 1) in incident.asked

    run(incident, flow)


def test_p_goes_through_the_populations_and_the_cursor_follows_its_partner(incident: FakeIncident) -> None:
    async def flow(pilot: Pilot[int]) -> None:
        await press(pilot, "j", "j")
        assert current_name(pilot) == "Qadam Media"
        counts = []
        for _ in range(5):
            await press(pilot, "p")
            counts.append(len(shown_names(pilot)))
            assert current_name(pilot) == "Qadam Media"
        rows = usual_rows()
        assert counts == [
            sum(each.events > 0 for each in rows),
            sum(each.recent > 0 for each in rows),
            sum(each.after_removal > 0 for each in rows),
            len(rows),
            sum(each.retained for each in rows),
        ]
        title = screen_lines(pilot.app)[4]
        assert "show: kept access" in title

    run(incident, flow)


def test_the_cursor_follows_its_partner_when_other_rows_arrive(incident: FakeIncident) -> None:
    async def flow(pilot: Pilot[int]) -> None:
        await press(pilot, "j", "j")
        incident.rows = [row(77, "Newcomer", people=99_999, events=1), *reversed(incident.rows)]
        await press(pilot, "R")
        assert current_name(pilot) == "Qadam Media"
        incident.rows = [each for each in incident.rows if each.partner != 3]
        await press(pilot, "R")
        assert current_name(pilot) is not None

    run(incident, flow)


def test_s_sorts_and_capital_s_turns_round(incident: FakeIncident) -> None:
    async def flow(pilot: Pilot[int]) -> None:
        await press(pilot, "s")
        names = shown_names(pilot)
        assert names == sorted(names, key=str.casefold)
        await press(pilot, "S")
        assert shown_names(pilot) == names[::-1]
        await press(pilot, "s")
        people = [each.people for each in partner_list(pilot).view.visible]
        assert people == sorted(people, reverse=True)
        await press(pilot, "s", "s")
        dates = [each.last_at for each in partner_list(pilot).view.visible]
        known = [each for each in dates if each is not None]
        assert dates == sorted(known, reverse=True) + [None] * (len(dates) - len(known))

    run(incident, flow)


def test_the_filter_narrows_as_one_types_and_esc_goes_back_a_step_at_a_time(incident: FakeIncident) -> None:
    async def flow(pilot: Pilot[int]) -> None:
        everything = shown_names(pilot)
        await press(pilot, "slash", "q", "u")
        assert shown_names(pilot) == ["Quiet Harbour"]
        await press(pilot, "backspace", "backspace", *"nagare")
        assert shown_names(pilot) == ["動画配信スタジオ"]
        await press(pilot, "escape")
        assert shown_names(pilot) == ["動画配信スタジオ"]
        assert pilot.app.focused is partner_list(pilot)
        await press(pilot, "escape")
        assert shown_names(pilot) == everything
        await press(pilot, "escape")
        assert pilot.app.is_running

    run(incident, flow)


def test_what_goes_wrong_is_told_also_while_a_filter_is_typed(incident: FakeIncident) -> None:
    async def flow(pilot: Pilot[int]) -> None:
        bar = board(pilot).query_one(MessageBar)
        await press(pilot, "slash", "q")
        assert not bar.display
        board(pilot).say("order: name")
        assert not bar.display
        board(pilot).say("the store was replaced", "error")
        await settled(pilot)
        assert "! the store was replaced" in "\n".join(screen_lines(pilot.app))
        await press(pilot, "escape")
        assert bar.display

    run(incident, flow)


def test_the_focus_draws_only_what_gains_and_loses_it(incident: FakeIncident, monkeypatch: pytest.MonkeyPatch) -> None:
    drawn: list[str] = []

    def counting(kind: type[Any], name: str) -> None:
        draw = getattr(kind, name)

        def counted(self: Any, *arguments: Any) -> Any:
            drawn.append(kind.__name__)
            return draw(self, *arguments)

        monkeypatch.setattr(kind, name, counted)

    async def flow(pilot: Pilot[int]) -> None:
        counting(FiguresBar, "render")
        counting(PartnerList, "draw_header")
        await press(pilot, "tab")
        assert "PartnerList" in drawn
        assert "FiguresBar" not in drawn
        drawn.clear()
        await press(pilot, "tab")
        assert not drawn, "neither the timeline nor the track, which it goes between"

    run(incident, flow)


def test_keys_typed_into_the_filter_are_text(incident: FakeIncident) -> None:
    async def flow(pilot: Pilot[int]) -> None:
        await press(pilot, "slash", "f", "q", "1", "space", "question_mark", "enter")
        assert pilot.app.is_running
        assert partner_list(pilot).view.filter_text == "fq1 ?"
        assert not incident.deeds

    run(incident, flow)


def test_n_goes_round_the_matches_and_says_when_there_is_no_filter(incident: FakeIncident) -> None:
    async def flow(pilot: Pilot[int]) -> None:
        await press(pilot, "n")
        assert message(pilot) == ("no filter: / begins one", "refused")
        await press(pilot, "slash", "h", "a", "enter")
        matches = shown_names(pilot)
        assert len(matches) > 1
        seen = []
        for _ in range(len(matches) + 1):
            seen.append(current_name(pilot))
            await press(pilot, "n")
        assert seen[0] == seen[-1]
        assert {*seen} == {*matches}

    run(incident, flow)


def test_marks_outlive_the_filter_and_say_how_many_it_hides(incident: FakeIncident) -> None:
    async def flow(pilot: Pilot[int]) -> None:
        await press(pilot, "space", "space", "j", "space")
        assert partner_list(pilot).marks == {1, 2, 4}
        assert remark(pilot) == "3 marked   U unmark"
        await press(pilot, "slash", *"ribbon", "enter")
        assert remark(pilot) == "3 marked, 2 hidden by the filter   U unmark"
        assert "flag 3" in screen_lines(pilot.app)[-1]
        await press(pilot, "U")
        assert remark(pilot) == ""

    run(incident, flow)


def test_v_marks_a_range_and_star_everything_in_view(incident: FakeIncident) -> None:
    async def flow(pilot: Pilot[int]) -> None:
        await press(pilot, "j", "v", "j", "j")
        assert message(pilot)[0].startswith("range begun")
        await press(pilot, "v")
        assert partner_list(pilot).marks == {2, 3, 4}
        assert message(pilot)[0] == "range marked"
        await press(pilot, "v", "escape")
        assert message(pilot)[0].startswith("range given up")
        await press(pilot, "U", "p", "p", "p", "asterisk")
        assert partner_list(pilot).marks == {1, 2, 3}

    run(incident, flow)


def test_the_cursor_comes_back_to_its_partner_after_a_filter_that_found_nobody(incident: FakeIncident) -> None:
    async def flow(pilot: Pilot[int]) -> None:
        await press(pilot, "j", "j")
        before = current_name(pilot)
        await press(pilot, "slash", *"zzz", "enter")
        assert shown_names(pilot) == []
        assert current_name(pilot) is None
        await press(pilot, "escape")
        assert current_name(pilot) == before

    run(incident, flow)


def test_no_range_begins_on_the_line_for_all_and_that_is_said(incident: FakeIncident) -> None:
    async def flow(pilot: Pilot[int]) -> None:
        await press(pilot, "g", "v")
        assert message(pilot) == ("this line is all partners together: a range begins on a partner", "refused")
        assert partner_list(pilot).marks == set()

    run(incident, flow)


def test_no_number_of_all_partners_together_is_cut(incident: FakeIncident) -> None:
    incident.rows = [each._replace(apps=9_000, events=900_000) for each in incident.rows]
    shown = sum(each.retained for each in incident.rows)

    async def flow(pilot: Pilot[int]) -> None:
        (line,) = (line for line in screen_lines(pilot.app) if f" All {shown} " in line)
        assert f" {9_000 * shown:,} " in line
        assert f"{900_000 * shown:,} " in line

    run(incident, flow, size=(200, 50))


def test_flagging_marked_partners_sends_the_versions_seen_and_drops_the_marks(incident: FakeIncident) -> None:
    async def flow(pilot: Pilot[int]) -> None:
        await press(pilot, "G", "space", "k", "space", "f")
        assert isinstance(pilot.app.screen, FlagPrompt)
        await press(pilot, *"why", "enter")
        ((verb, partners, arguments),) = incident.deeds
        assert verb == "flag"
        assert {*partners} == partner_ids(incident, "Quiet Harbour", "Moderato")
        assert arguments["note"] == "why"
        assert arguments["actor"] == "ana"
        assert arguments["expect"] == dict.fromkeys(partners, 0)
        assert partner_list(pilot).marks == set()
        assert message(pilot) == ("#412 14:02Z ana: flag 2   u undoes it", "good")
        assert [each.status for each in partner_list(pilot).view.visible if each.partner in partners] == ["flagged"] * 2

    run(incident, flow)


def partner_ids(incident: FakeIncident, *names: str) -> set[int]:
    return {each.partner for each in incident.rows if each.name in names}


def test_escape_in_a_dialog_does_nothing(incident: FakeIncident) -> None:
    async def flow(pilot: Pilot[int]) -> None:
        await press(pilot, "f", *"note", "escape")
        assert not incident.deeds
        assert isinstance(pilot.app.screen, BoardScreen)

    run(incident, flow)


def test_a_refused_flag_says_why_and_keeps_the_marks(incident: FakeIncident) -> None:
    async def flow(pilot: Pilot[int]) -> None:
        incident.refusal = RefusedError("Ribbon Social is flagged already")
        await press(pilot, "space", "f", "enter")
        assert message(pilot) == ("Ribbon Social is flagged already", "refused")
        assert partner_list(pilot).marks == {1}

    run(incident, flow)


def test_a_conflict_is_shown_and_done_again_only_when_asked_to(incident: FakeIncident) -> None:
    async def flow(pilot: Pilot[int]) -> None:
        incident.refusal = ConflictError("bo moved it at 14:01Z: flagged")
        incident.rows[0] = incident.rows[0]._replace(version=9)
        await press(pilot, "f", "enter")
        assert isinstance(pilot.app.screen, ConflictDialog)
        await press(pilot, "enter")
        assert isinstance(pilot.app.screen, ConflictDialog)
        assert not incident.deeds
        await press(pilot, "G", "enter")
        ((verb, partners, arguments),) = incident.deeds
        assert (verb, partners) == ("flag", [1])
        assert arguments["expect"] == {1: 9}

    run(incident, flow)


def test_undo_is_the_actors_own(incident: FakeIncident) -> None:
    async def flow(pilot: Pilot[int]) -> None:
        await press(pilot, "u")
        await press(pilot, "ctrl+r")
        assert [verb for verb, _, _ in incident.deeds] == ["undo", "redo"]
        assert all(arguments["actor"] == "ana" for _, _, arguments in incident.deeds)

    run(incident, flow)


@pytest.mark.parametrize("why", ["", "the file is another user's"])
def test_a_read_only_store_refuses_every_action_with_a_reason(incident: FakeIncident, why: str) -> None:
    incident.store.remark = why
    why = why or "the dashboard was started with --read-only"

    async def flow(pilot: Pilot[int]) -> None:
        for key in ("f", "c", "o", "e", "at", "a", "u", "ctrl+r"):
            board(pilot).say("")
            await press(pilot, key)
            assert isinstance(pilot.app.screen, BoardScreen)
            assert message(pilot) == (f"nothing can be recorded: {why}", "refused")
        assert "read only" in screen_lines(pilot.app)[0]

    incident.store.read_only = True
    run(incident, flow)


def test_the_line_for_all_asks_for_everybodys_timeline_and_is_no_case(incident: FakeIncident) -> None:
    async def flow(pilot: Pilot[int]) -> None:
        await press(pilot, "g")
        assert current_name(pilot) is None
        assert ("timeline", None) in incident.asked
        await press(pilot, "f")
        assert message(pilot)[1] == "refused"
        await press(pilot, "enter")
        assert isinstance(pilot.app.screen, BoardScreen)

    run(incident, flow)


def test_hostile_names_are_only_text(incident: FakeIncident) -> None:
    incident.rows = [row(1, NASTY, people=5, events=9, partner_id=NASTY, track=NASTY, assignee=NASTY)]
    incident.figures = usual_figures(incident.rows, incident=NASTY, sentence=NASTY)

    async def flow(pilot: Pilot[int]) -> None:
        for keys in (["C"], ["C"], ["C"], ["C"], ["y"], ["slash", "b", "enter"], ["escape"], ["z"], ["z"], ["f"]):
            await press(pilot, *keys)
            text = "\n".join(screen_lines(pilot.app))
            assert not any(ord(character) < 32 or 127 <= ord(character) < 160 for character in text.replace("\n", ""))
        assert pilot.app.is_running
        assert "[@click=app.quit]" in "\n".join(screen_lines(pilot.app))
        await press(pilot, "escape")
        assert "\x1b" not in pilot.app.clipboard

    run(incident, flow, size=(200, 50))


def test_y_copies_a_figure_with_qualifier_range_and_rulebook(incident: FakeIncident) -> None:
    async def flow(pilot: Pilot[int]) -> None:
        await press(pilot, "y")
        copied = pilot.app.clipboard
        for part in ("Ribbon Social", "p-0001", "≥12,204 people", "at least", "2018-04-04 .. 2019-11-04", "3f2a3f2a"):
            assert part in copied
        await press(pilot, "g", "y")
        assert incident.figures is None
        assert usual_figures(incident.rows).sentence in pilot.app.clipboard

    run(incident, flow)


def test_panes_by_number_and_the_focused_one_can_have_everything(incident: FakeIncident) -> None:
    async def flow(pilot: Pilot[int]) -> None:
        for key, name in (("2", "timeline"), ("3", "audit"), ("1", "partners")):
            await press(pilot, key)
            assert pilot.app.focused is not None
            assert pilot.app.focused.id == name
        await press(pilot, "1", "z")
        assert board(pilot).query_one("#partners").size.width > 110
        assert not board(pilot).query_one("#audit").display
        await press(pilot, "escape")
        assert board(pilot).query_one("#audit").display
        assert pilot.app.focused.id == "partners"
        for there, back in (("z", "z"), ("2", "escape"), ("z", "q")):
            await press(pilot, "2", there)
            assert isinstance(pilot.app.screen, TimelineScreen)
            assert pilot.app.screen.timeline_pane.size.width > 110
            await press(pilot, back)
            assert pilot.app.screen is board(pilot)
            assert pilot.app.focused.id == "timeline"
            await press(pilot, "1")

    run(incident, flow)


@pytest.mark.parametrize("size", [(60, 16), (80, 24), (120, 24), (120, 40), (200, 60)])
def test_every_pane_is_reachable_and_shows_something(incident: FakeIncident, size: tuple[int, int]) -> None:
    async def flow(pilot: Pilot[int]) -> None:
        for key, name in (("2", "timeline"), ("3", "audit"), ("1", "partners")):
            await press(pilot, key)
            pane = board(pilot).query_one(f"#{name}")
            assert pane.has_focus
            assert pane.size.width >= 20
            assert pane.size.height >= 4

    run(incident, flow, size=size)


@pytest.mark.parametrize("size", [(59, 16), (60, 15), (20, 5), (1, 1)])
def test_a_screen_too_small_says_so(incident: FakeIncident, size: tuple[int, int]) -> None:
    async def flow(pilot: Pilot[int]) -> None:
        text = " ".join(screen_lines(pilot.app))
        assert "Partners" not in text
        if size[0] >= 20:
            assert "too small" in text
        await pilot.resize_terminal(120, 40)
        await settled(pilot)
        assert "Ribbon Social" in "\n".join(screen_lines(pilot.app))

    run(incident, flow, size=size)


@pytest.mark.parametrize("pane", ["partners", "timeline", "audit"])
def test_the_focus_comes_back_when_the_window_was_too_small(incident: FakeIncident, pane: str) -> None:
    async def flow(pilot: Pilot[int]) -> None:
        await pilot.press(str(("partners", "timeline", "audit").index(pane) + 1))
        await settled(pilot)
        held = pilot.app.screen.focused
        assert held is not None
        await pilot.resize_terminal(50, 12)
        await settled(pilot)
        await pilot.resize_terminal(120, 40)
        await settled(pilot)
        assert pilot.app.screen.focused is held

    run(incident, flow, size=(120, 40))


def test_an_error_of_the_store_becomes_a_line(incident: FakeIncident, monkeypatch: pytest.MonkeyPatch) -> None:
    from store import partners

    def broken(*_: object) -> None:
        raise OSError("disk on fire \x1b[31m")

    async def flow(pilot: Pilot[int]) -> None:
        monkeypatch.setattr(partners, "all_partners", broken)
        await press(pilot, "R")
        assert message(pilot) == ("cannot read fake.db: OSError: disk on fire \\x1b[31m", "error")
        assert len(shown_names(pilot)) == 11

    run(incident, flow)


def test_figures_that_cannot_be_read_leave_a_word_in_their_place(
    incident: FakeIncident, monkeypatch: pytest.MonkeyPatch
) -> None:
    from store import figures

    def broken(*_: object) -> None:
        raise OSError("no such table")

    monkeypatch.setattr(figures, "figures", broken)

    async def flow(pilot: Pilot[int]) -> None:
        assert "no figures" in screen_lines(pilot.app)[0]
        assert "no such table" in message(pilot)[0]
        assert len(shown_names(pilot)) == 11

    run(incident, flow)


def test_a_refused_ground_comes_back_to_the_dialog_with_its_reason(incident: FakeIncident) -> None:
    async def flow(pilot: Pilot[int]) -> None:
        incident.refusal = RefusedError("Ribbon Social has 37,912 restricted reads")
        await press(pilot, "c")
        assert isinstance(pilot.app.screen, ClearDialog)
        await press(pilot, "j", "enter")
        assert isinstance(pilot.app.screen, ClearDialog)
        assert "37,912 restricted reads" in "\n".join(screen_lines(pilot.app))
        assert not incident.deeds

    run(incident, flow)


def test_leaving_interrupts_what_runs(incident: FakeIncident) -> None:
    async def flow(pilot: Pilot[int]) -> None:
        await pilot.press("q")

    app = run(incident, flow)
    assert app.return_code == 0
    assert incident.store.interrupts >= 1


def test_the_neighbours_of_a_case_are_those_in_the_list_and_the_cursor_goes_along(incident: FakeIncident) -> None:
    async def flow(pilot: Pilot[int]) -> None:
        partners = partner_list(pilot)
        assert partners.neighbour(1, -1) is None
        beside = partners.neighbour(1, 1)
        assert beside is not None
        assert beside.partner == 2
        assert current_name(pilot) == "Castaway Live"
        last = partners.view.visible[-1].partner
        assert partners.neighbour(last, 1) is None
        assert partners.neighbour(999, 1) is None

    run(incident, flow)


def test_the_palette_finds_a_command_and_runs_it(incident: FakeIncident) -> None:
    async def flow(pilot: Pilot[int]) -> None:
        await press(pilot, "colon")
        text = "\n".join(screen_lines(pilot.app))
        assert "case: flag" in text
        await pilot.press(*"next population")
        while "case: flag" in (text := "\n".join(screen_lines(pilot.app))) or "list: show the next" not in text:
            await pilot.pause()
        await press(pilot, "enter")
        assert partner_list(pilot).view.population.name == "accessed"

    run(incident, flow)


def test_the_help_scrolls_with_the_lists_keys_and_closes_with_its_own(incident: FakeIncident) -> None:
    async def flow(pilot: Pilot[int]) -> None:
        await press(pilot, "question_mark")
        assert "everywhere" in "\n".join(screen_lines(pilot.app))
        await press(pilot, "G")
        text = "\n".join(screen_lines(pilot.app))
        assert "signs" in text
        assert "everywhere" not in text
        await press(pilot, "question_mark")
        assert isinstance(pilot.app.screen, BoardScreen)

    run(incident, flow)


def test_what_there_is_to_know_about_the_store_is_said_at_first_and_found_again_in_the_help(
    incident: FakeIncident,
) -> None:
    incident.store.read_only = True
    incident.store.remark = f"a newer version made it {NASTY}"
    incident.store.notices = ("others may get at it",)

    async def flow(pilot: Pilot[int]) -> None:
        text, level = message(pilot)
        assert text.startswith("a newer version made it [@click=app.quit]boom[/nope] \\x1b]52;c")
        assert text.endswith("; others may get at it")
        assert level == "refused"
        await press(pilot, "j", "question_mark")
        help_text = " ".join("\n".join(screen_lines(pilot.app)).split())
        assert "this store" in help_text
        assert "! a newer version made it [@click=app.quit]boom[/nope]" in help_text
        assert "! others may get at it" in help_text

    run(incident, flow)
