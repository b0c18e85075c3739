"""The stages, and everything due, on a small store: what they show, and what each key does there."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot

from store import audits, cases, stages
from store.connection import Store, open_store
from store.ingest.importing import import_paths
from store.instants import parse_point
from store.ledger import actions
from store.names import find_partners
from store.parameters import Parameters
from store.rulebook import current_rulebook, load_rules
from tests.small_incident import build
from tests.store.casework import Clock
from tests.tui.screens import check_golden, screen_lines, text
from tui.app import OverscopeApp
from tui.screens.board import BoardScreen
from tui.screens.case import CaseScreen
from tui.screens.dialogs import StepDialog
from tui.screens.due import DueScreen
from tui.screens.incident_step_dialog import IncidentStepDialog
from tui.screens.stages import StagesScreen
from tui.screenshot import settled
from tui.widgets.bars import MessageBar
from tui.widgets.due_list import DueList
from tui.widgets.fields import TextField
from tui.widgets.stage_lists import StagePartnerList, StageTable

Flow = Callable[[Pilot[int]], Awaitable[None]]
TODAY = "2018-10-20"
NASTY = "[@click=app.quit]wait[/nope] \x1b]52;c;aGk=\x07"
ASKED = ("access_removed", "notified", "deletion_requested")


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    path = build(tmp_path_factory.mktemp("stages"))
    with pytest.MonkeyPatch.context() as patch, open_store(path) as store:
        patch.setattr("store.case_changes.now", Clock(parse_point("2018-10-01T09:00:00Z")))
        rules = current_rulebook(store).toml.replace("window_days", "aware_at = 2018-07-02T09:00:00Z\nwindow_days")
        # So many people are concerned: 210 were read.
        rules += '\n[clocks]\nreport_filed = { within = "30 days", people = 100, basis = "30 days, the law" }\n'
        load_rules(store, rules, source="rules.toml", actor="ana")
        partners = find_partners(store, [f"p-{place}" for place in range(6)])
        for place, partner in enumerate(partners[:4]):
            for step in ASKED[: 3 if place < 3 else 2]:
                record(store, partner, step, "2018-07-20", due="2018-10-04" if place == 0 else None)
        record(store, partners[1], "on_hold", "2018-08-12", note=NASTY)
        record(store, partners[0], "no_response", "2018-08-01")
        record(store, partners[4], "access_removed", "2018-07-15")
        cases.assign(store, partners[:1], actor="ana", assignee="bo")
        audits.record_step(store, [], actor="ana", step="authority_told", at=parse_point("2018-07-04"), at_is_date=True)
    return path.read_bytes()


def record(store: Store, partner: int, step: str, day: str, *, note: str = "told", due: str | None = None) -> None:
    due_at = None if due is None or step != "deletion_requested" else parse_point(due)
    audits.record_step(
        store, [partner], actor="ana", step=step, at=parse_point(day), at_is_date=True, note=note, due=due_at
    )


@pytest.fixture
def path(built: bytes, tmp_path: Path) -> Path:
    path = tmp_path / "incident.db"
    path.write_bytes(built)
    path.chmod(0o600)
    return path


def run(path: Path, flow: Flow, *, size: tuple[int, int] = (120, 40), keys: str = "A", **options: Any) -> None:
    """The dashboard, once these keys were pressed."""

    async def go() -> None:
        with open_store(path) as store:
            app = OverscopeApp(store, Parameters(today=parse_point(TODAY)), actor="ana", watch=False, **options)
            async with app.run_test(size=size) as pilot:
                await settled(pilot)
                await press(pilot, *keys.split())
                await flow(pilot)

    asyncio.run(go())


async def press(pilot: Pilot[int], *keys: str) -> None:
    await pilot.press(*keys)
    await settled(pilot)


def screen(pilot: Pilot[int]) -> StagesScreen:
    assert isinstance(pilot.app.screen, StagesScreen)
    return pilot.app.screen


def listed(pilot: Pilot[int]) -> list[str]:
    return [line.row.name for line in pilot.app.screen.query_one(StagePartnerList).lines]


def said(pilot: Pilot[int]) -> str:
    return pilot.app.screen.query_one(MessageBar).message[0]


def stage(pilot: Pilot[int]) -> str | None:
    row = pilot.app.screen.query_one(StageTable).current
    return None if row is None else row.stage


@pytest.mark.parametrize("size", [(80, 24), (120, 40)])
@pytest.mark.parametrize(("key", "name"), [("A", "stages"), ("D", "due")])
def test_they_look_as_designed(path: Path, size: tuple[int, int], key: str, name: str) -> None:
    async def flow(pilot: Pilot[int]) -> None:
        check_golden(pilot.app, f"{name}-{size[0]}x{size[1]}")

    run(path, flow, size=size, keys=key)


@pytest.mark.parametrize("size", [(60, 16), (80, 24), (100, 20), (120, 40), (200, 50)])
def test_no_line_is_cut_that_matters_and_no_text_is_obeyed(path: Path, size: tuple[int, int]) -> None:
    async def flow(pilot: Pilot[int]) -> None:
        shown = text(pilot)
        assert "\x1b" not in shown
        assert "! 09-18" in shown
        assert "32 d late" in shown
        assert "Report" in shown
        assert "≥210" in shown
        await press(pilot, "2", "j", "j")
        assert "HOLD 08-12" in text(pilot)

    run(path, flow, size=size)


def test_a_window_that_is_too_small_says_so_and_comes_back(path: Path) -> None:
    async def flow(pilot: Pilot[int]) -> None:
        assert "too small" in text(pilot)
        await pilot.resize_terminal(80, 24)
        await settled(pilot)
        assert "Where each partner stands" in text(pilot)
        await press(pilot, "j")
        assert stage(pilot) == "deletion_certified"

    run(path, flow, size=(40, 12))


def test_without_colours_signs_tell_the_same(path: Path) -> None:
    async def flow(pilot: Pilot[int]) -> None:
        shown = text(pilot)
        assert "! NOT FILED" in shown
        assert "> D asked" in shown
        await press(pilot, "enter", "space")
        assert " *! Qadam Media" in text(pilot)

    run(path, flow, colourless=True)


@pytest.mark.parametrize("keys", ["3 3", "A", "enter 3 3"])
def test_the_ways_there(path: Path, keys: str) -> None:
    async def flow(pilot: Pilot[int]) -> None:
        assert stage(pilot) == "deletion_requested"
        behind = pilot.app.screen_stack[-2]
        await press(pilot, "escape")
        assert pilot.app.screen is behind
        assert isinstance(behind, CaseScreen if keys.startswith("enter") else BoardScreen)

    run(path, flow, keys=keys)


def test_the_palette_knows_both(path: Path) -> None:
    async def flow(pilot: Pilot[int]) -> None:
        await press(pilot, "colon", *"where each", "down", "enter")
        assert text(pilot).startswith(" Stages")
        await press(pilot, "colon", *"everything due", "down", "enter")
        assert isinstance(pilot.app.screen, DueScreen)

    run(path, flow, keys="1")


def test_the_cursor_on_a_stage_shows_its_partners_and_enter_goes_to_them(path: Path) -> None:
    async def flow(pilot: Pilot[int]) -> None:
        assert listed(pilot) == ["Qadam Media", "Ribbon Social", "Castaway Live"]
        await press(pilot, "k")
        assert (stage(pilot), listed(pilot)) == ("notified", ["Postwright"])
        await press(pilot, "g")
        assert (stage(pilot), listed(pilot)) == ("none", ["GroupPilot"])
        await press(pilot, "G", "enter")
        assert said(pilot) == "nobody stands here"
        assert screen(pilot).focused is screen(pilot).table
        await press(pilot, "g", "j", "j", "j", "enter", "j", "enter")
        case = pilot.app.screen
        assert isinstance(case, CaseScreen)
        assert [row.name for row in case.targets()] == ["Ribbon Social"]
        await press(pilot, "J")
        assert [row.name for row in case.targets()] == ["Castaway Live"]
        await press(pilot, "J")
        assert said(pilot) == "no next case in the list"
        await press(pilot, "escape")
        line = screen(pilot).listed.current
        assert line is not None
        assert line.row.name == "Castaway Live"

    run(path, flow)


def test_a_step_for_the_marked_is_one_action_and_one_undo(path: Path) -> None:
    async def flow(pilot: Pilot[int]) -> None:
        await press(pilot, "a")
        assert said(pilot) == "nothing to step: put the cursor on a partner, or mark some"
        await press(pilot, "enter", "j", "j", "space", "1", "k", "2", "space")
        assert "2 marked, 1 at other stages" in text(pilot)
        await press(pilot, "U", "1", "k", "space")
        assert "1 marked, 1 at other stages" not in text(pilot)
        await press(pilot, "U", "1", "g", "j", "2", "asterisk", "a")
        assert isinstance(pilot.app.screen, StepDialog)
        await press(pilot, "tab", *["backspace"] * 10, *"2018-09-01", "enter")
        assert isinstance(pilot.app.screen, StagesScreen)
        assert "told" in said(pilot) or "recorded" in said(pilot)
        with open_store(path) as store:
            assert [entry.verb for entry in actions(store)][-1] == "step"
            (partner,) = find_partners(store, ["p-4"])
            assert audits.track(store, partner, today=parse_point(TODAY)).stage == "notified"
        assert [row.partners for row in stages_now(path)][:4] == [1, 0, 2, 3]
        await press(pilot, "u")
        assert [row.partners for row in stages_now(path)][:4] == [1, 1, 1, 3]
        assert "1 marked" not in text(pilot)

    run(path, flow)


def stages_now(path: Path) -> tuple[stages.StageRow, ...]:
    with open_store(path) as store:
        return stages.stages(store, Parameters(today=parse_point(TODAY))).rows


def test_letters_are_written_and_recorded_as_one_undo_and_who_is_left_out_is_named(path: Path, tmp_path: Path) -> None:
    people = tmp_path / "partners.jsonl"
    people.write_text('{"partner_id": "p-4", "name": "Lumen Streams", "contact": "desk@lumen.example"}\n', "utf-8")
    with open_store(path) as store:
        import_paths(store, [people], actor="ana")
        (lumen, pilot_id) = find_partners(store, ["p-4", "p-5"])
        record(store, pilot_id, "access_removed", "2018-07-16")
    folder = tmp_path / "letters"

    async def flow(pilot: Pilot[int]) -> None:
        await press(pilot, "enter", "l")
        assert said(pilot).startswith("letters tell a partner, or ask for deletion")
        await press(pilot, "1", "g", "j", "2")
        assert sorted(listed(pilot)) == ["GroupPilot", "Lumen Streams"]
        await press(pilot, "asterisk", "l", "escape")
        assert not folder.exists()
        await press(pilot, "l")
        pilot.app.screen.query_one(TextField).value = str(folder)
        await press(pilot, "enter")
        assert "Left out 1" in text(pilot)
        assert "GroupPilot" in text(pilot)
        await press(pilot, "escape")
        assert "1 letter in" in said(pilot)
        assert len(list(folder.iterdir())) == 1
        with open_store(path) as store:
            track = audits.track(store, lumen, today=parse_point(TODAY))
            assert (track.stage, track.done["notified"].evidence) == ("notified", next(folder.iterdir()).name)
        await press(pilot, "u")
        assert [row.partners for row in stages_now(path)][:3] == [0, 2, 1]

    run(path, flow)


def test_marks_ranges_orders_and_what_is_copied(path: Path) -> None:
    async def flow(pilot: Pilot[int]) -> None:
        await press(pilot, "y")
        assert pilot.app.clipboard.startswith("D asked: 3 partners, ≥150 people, 2 late, 1 on hold; today 2018-10-20")
        await press(pilot, "enter", "v", "j", "v")
        assert "2 marked" in text(pilot)
        orders = []
        for _ in range(4):
            await press(pilot, "s")
            orders.append((screen(pilot).listed.order, listed(pilot)))
        ribbon, castaway, qadam = "Ribbon Social", "Castaway Live", "Qadam Media"
        assert orders == [
            ("people", [ribbon, castaway, qadam]),
            ("longest here", [qadam, ribbon, castaway]),
            ("name", [castaway, qadam, ribbon]),
            ("late first", [qadam, ribbon, castaway]),
        ]
        await press(pilot, "S")
        assert listed(pilot) == [castaway, ribbon, qadam]
        assert "late first reversed" in text(pilot)
        line = screen(pilot).listed.current
        assert line is not None
        assert line.row.name == ribbon
        await press(pilot, "y")
        assert pilot.app.clipboard.startswith("Ribbon Social (p-0): RND----? since 2018-07-20, due 2018-10-04")
        await press(pilot, "A")
        assert said(pilot) == "these are the stages; esc goes back"
        await press(pilot, "i", "escape", "escape")
        assert isinstance(pilot.app.screen, BoardScreen)

    run(path, flow)


def test_what_others_record_moves_partners_and_marks_follow(path: Path) -> None:
    async def flow(pilot: Pilot[int]) -> None:
        await press(pilot, "enter", "space")
        with open_store(path) as bos:
            (qadam,) = find_partners(bos, ["p-2"])
            audits.record_step(
                bos, [qadam], actor="bo", step="deletion_certified", at=parse_point("2018-09-01"), at_is_date=True
            )
        await press(pilot, "R")
        assert listed(pilot) == ["Ribbon Social", "Castaway Live"]
        assert screen(pilot).listed.marks == {qadam}
        assert [row.name for row in screen(pilot).targets()] == ["Qadam Media"]
        assert "1 marked, 1 at other stages" in text(pilot)

    run(path, flow)


def test_due_opens_cases_and_says_why(path: Path) -> None:
    async def flow(pilot: Pilot[int]) -> None:
        due = pilot.app.screen
        assert isinstance(due, DueScreen)
        whose = [(item.name, item.overdue) for item in due.query_one(DueList).items]
        assert whose == [("the incident", True), ("Qadam Media", True), ("Ribbon Social", True)]
        assert "basis: 30 days, the law" in text(pilot)
        assert "1 partner on hold: its clocks stand still" in text(pilot)
        for key in ("enter", "a"):
            await press(pilot, key)
            assert isinstance(pilot.app.screen, IncidentStepDialog)
            assert "> report filed" in text(pilot)
            await press(pilot, "escape")
        assert due.targets() == []
        await press(pilot, "f")
        assert said(pilot) == "nothing to flag: put the cursor on a partner, or mark some"
        await press(pilot, "j", "y")
        assert pilot.app.clipboard.startswith("certificate, Qadam Media (p-2): due 2018-09-18, 32 d late on 2018-10-20")
        assert [row.name for row in due.targets()] == ["Qadam Media"]
        await press(pilot, "enter")
        case = pilot.app.screen
        assert isinstance(case, CaseScreen)
        await press(pilot, "J")
        assert [row.name for row in case.targets()] == ["Ribbon Social"]
        await press(pilot, "escape", "D")
        assert pilot.app.screen is due
        assert said(pilot) == "this is everything due; esc goes back"

    run(path, flow, keys="D")


def test_the_board_says_what_of_the_incident_is_late(path: Path) -> None:
    async def narrow(pilot: Pilot[int]) -> None:
        assert "! report late" in screen_lines(pilot.app)[2]
        assert "! 2 late" in screen_lines(pilot.app)[2]

    async def wide(pilot: Pilot[int]) -> None:
        assert "! report 08-01 not filed" in screen_lines(pilot.app)[3]

    run(path, narrow, size=(80, 24), keys="1")
    run(path, wide, keys="1")
