"""Two investigators on one store: who changed what is shown, the person decides, and the decision is checked again."""

import asyncio
import threading
from collections.abc import Awaitable, Callable
from pathlib import Path
from types import ModuleType

import pytest
from textual.pilot import Pilot

from store import audits, cases, partners
from store.connection import Store, open_store
from store.errors import UnusableFileError
from store.instants import parse_point
from store.ledger import actions
from store.names import find_partners
from store.parameters import Parameters
from tests.small_incident import NAMES, TODAY, build
from tests.store.casework import Clock
from tests.tui.screens import check_golden, text
from tui.app import OverscopeApp
from tui.screens.conflict_dialog import ConflictDialog
from tui.screens.dialogs import AssignDialog, ClearDialog, FlagPrompt, NoteDialog, ReopenDialog, StepDialog
from tui.screenshot import settled
from tui.widgets.bars import MessageBar
from tui.widgets.fields import TextField

Flow = Callable[[Pilot[int], Store], Awaitable[None]]


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    return build(tmp_path_factory.mktemp("two")).read_bytes()


@pytest.fixture
def path(built: bytes, tmp_path: Path) -> Path:
    path = tmp_path / "incident.db"
    path.write_bytes(built)
    return path


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock(parse_point("2018-07-20T09:00:00Z"))
    monkeypatch.setattr("store.case_changes.now", clock)
    return clock


def run(path: Path, flow: Flow, *, size: tuple[int, int] = (120, 40)) -> None:
    """Ana's dashboard on the file, which sees nothing by itself, and a second handle on it: bo's."""

    async def go() -> None:
        with open_store(path) as anas, open_store(path) as bos:
            app = OverscopeApp(anas, Parameters(today=parse_point(TODAY)), actor="ana", watch=False)
            async with app.run_test(size=size) as pilot:
                await settled(pilot)
                await flow(pilot, bos)

    asyncio.run(go())


async def press(pilot: Pilot[int], *keys: str) -> None:
    await pilot.press(*keys)
    await settled(pilot)


def top(pilot: Pilot[int]) -> type:
    return type(pilot.app.screen)


def message(pilot: Pilot[int]) -> str:
    return pilot.app.screen_stack[0].query_one(MessageBar).message[0]


def typed(pilot: Pilot[int], field: str) -> str:
    return pilot.app.screen.query_one(f"#{field}", TextField).value


def of_ana(store: Store) -> list[tuple[str, str | None]]:
    """What she did to cases."""
    return [(entry.verb, entry.note) for entry in actions(store) if entry.actor == "ana" and entry.partner_id]


@pytest.mark.parametrize("size", [(80, 24), (120, 40)])
def test_who_changed_what_when_old_and_new(path: Path, clock: Clock, size: tuple[int, int]) -> None:
    async def flow(pilot: Pilot[int], bos: Store) -> None:
        await press(pilot, "asterisk", "f")
        await press(pilot, *"late reads")
        some = find_partners(bos, ["p-0", "p-1", "p-2", "p-4", "p-5"])
        clock.tick(125)
        cases.assign(bos, some[:1], actor="bo", assignee="cy")
        clock.tick()
        cases.clear(bos, some[:1], actor="bo", grounds="enforced", note="referred on 19 July, see the letter to them")
        clock.tick()
        audits.record_step(
            bos, some[1:2], actor="cy", step="access_removed", at=parse_point("2018-07-19"), at_is_date=True
        )
        cases.add_note(bos, some[1:2], actor="cy", note="counsel knows", privileged=True)
        clock.tick()
        cases.flag(bos, some[2:], actor="bo")
        await press(pilot, "enter")
        assert top(pilot) is ConflictDialog
        check_golden(pilot.app, f"conflict-{size[0]}x{size[1]}")
        await press(pilot, "escape")
        assert message(pilot).startswith("left as it is; not done: flag 6 partners: Ribbon Social")
        assert of_ana(bos) == []
        assert "6 marked" in text(pilot)

    run(path, flow, size=size)


def test_all_the_same_is_checked_against_what_was_shown(path: Path, clock: Clock) -> None:
    async def flow(pilot: Pilot[int], bos: Store) -> None:
        (first,) = find_partners(bos, ["p-0"])
        await press(pilot, "at", "enter")
        assert of_ana(bos) == [("assign", None)]
        await press(pilot, "at", *["backspace"] * 3, "d", "enter")
        assert cases.case(bos, first).assignee == "d"
        await press(pilot, "at", *["backspace"] * 3, *"ana")
        cases.assign(bos, [first], actor="bo", assignee="bo")
        await press(pilot, "enter")
        assert "with d" in text(pilot)
        assert "with bo" in text(pilot)
        cases.assign(bos, [first], actor="cy", assignee="cy")
        await press(pilot, "G", "enter")
        assert top(pilot) is ConflictDialog
        assert "with bo" in text(pilot)
        assert "with cy" in text(pilot)
        assert "with d" not in text(pilot)
        assert cases.case(bos, first).assignee == "cy"
        await press(pilot, "G", "enter")
        assert cases.case(bos, first).assignee == "ana"
        assert "assigned Ribbon Social to ana" in message(pilot)

    run(path, flow)


def test_going_back_keeps_what_was_typed_and_the_versions_that_were_shown(path: Path, clock: Clock) -> None:
    async def flow(pilot: Pilot[int], bos: Store) -> None:
        (first,) = find_partners(bos, ["p-0"])
        await press(pilot, "f")
        await press(pilot, *"seen")
        cases.assign(bos, [first], actor="bo", assignee="bo")
        await press(pilot, "enter", "j", "j", "enter")
        assert top(pilot) is FlagPrompt
        assert typed(pilot, "line") == "seen"
        await press(pilot, *" it", "enter")
        assert of_ana(bos) == [("flag", "seen it")]
        await press(pilot, "a", "tab", "tab", "tab", "tab", "tab", *"why")
        audits.record_step(bos, [first], actor="bo", step="access_removed", at=clock.at)
        await press(pilot, "enter", "j", "j", "enter")
        assert top(pilot) is StepDialog
        assert "- Ribbon Social: has 'access removed'" in text(pilot)
        assert typed(pilot, "note") == "why"
        cases.assign(bos, [first], actor="bo", assignee="cy")
        await press(pilot, "enter")
        assert top(pilot) is ConflictDialog, "what nobody was shown is a conflict again"

    run(path, flow)


def hold_up(monkeypatch: pytest.MonkeyPatch, module: ModuleType, name: str) -> threading.Event:
    """From now on this question waits until the event is set."""
    question, answers = getattr(module, name), threading.Event()

    def slow(*arguments: object, **options: object) -> object:
        assert answers.wait(60)
        return question(*arguments, **options)

    monkeypatch.setattr(module, name, slow)
    return answers


def test_a_note_typed_before_the_store_answers_is_a_note_and_no_keys(
    path: Path, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`o` and `false alarm`: the `f` must not flag what lies below, because the closure is still being read."""

    async def flow(pilot: Pilot[int], bos: Store) -> None:
        cases.flag(bos, find_partners(bos, ["p-0"]), actor="bo", note="seen")
        await press(pilot, "R")
        answers = hold_up(monkeypatch, cases, "case")
        await pilot.press("o", *"false alarm")
        assert top(pilot) is ReopenDialog
        assert typed(pilot, "note") == "false alarm"
        assert "reading what stands now" in text(pilot)
        answers.set()
        await settled(pilot)
        assert "reading what stands now" not in text(pilot)
        assert "flagged; flagged by bo" in text(pilot)
        await press(pilot, "enter")
        assert of_ana(bos) == [("reopen", "false alarm")]

    run(path, flow)


def test_reopening_shows_the_closure_with_its_note_whatever_came_after_it(path: Path, clock: Clock) -> None:
    async def flow(pilot: Pilot[int], bos: Store) -> None:
        first = find_partners(bos, ["p-0"])
        cases.clear(bos, first, actor="bo", grounds="enforced", note="referred, see the letter")
        clock.tick()
        cases.assign(bos, first, actor="cy", assignee="cy")
        await press(pilot, "R", "o")
        lines = text(pilot).splitlines()
        top_line = next(line for line in lines if "╭─ Reopen" in line)
        left, right = top_line.index("╭─ Reopen"), top_line.index("╮", top_line.index("╭─ Reopen"))
        shown = " ".join(line[left + 1 : right].strip() for line in lines)
        assert "closed: suspended or referred; by bo, 2018-07-20T09:00:00Z: referred, see the letter" in shown
        assert "cy" not in shown.partition("closed: ")[2].partition("Note ")[0]

    run(path, flow)


def test_going_back_opens_the_dialog_before_the_next_key(
    path: Path, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def flow(pilot: Pilot[int], bos: Store) -> None:
        await press(pilot, "f")
        await press(pilot, *"seen")
        cases.assign(bos, find_partners(bos, ["p-0"]), actor="bo", assignee="bo")
        await press(pilot, "enter")
        answers = hold_up(monkeypatch, partners, "partner_list")
        await pilot.press("j", "j", "enter", *" in March")
        assert top(pilot) is FlagPrompt
        assert typed(pilot, "line") == "seen in March"
        answers.set()
        await settled(pilot)

    run(path, flow)


def test_of_many_cases_to_reopen_the_first_are_told_and_the_rest_counted(
    path: Path, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tui.screens.case_work._CLOSURES_SHOWN", 2)

    async def flow(pilot: Pilot[int], bos: Store) -> None:
        await press(pilot, "asterisk", "o")
        lines = [line for line in text(pilot).splitlines() if ": open" in line or "more case" in line]
        assert len(lines) == 3
        assert f"and {len(NAMES) - 2} more cases" in lines[-1]

    run(path, flow)


def test_it_says_what_is_being_recorded_while_the_store_is_busy(path: Path, clock: Clock) -> None:
    async def flow(pilot: Pilot[int], bos: Store) -> None:
        await press(pilot, "f")
        with bos.writing():
            await pilot.press("enter")
            assert message(pilot) == "recording ...: flag Ribbon Social"
        await settled(pilot)
        assert "flagged Ribbon Social" in message(pilot)

    run(path, flow)


def test_a_note_never_conflicts(path: Path, clock: Clock) -> None:
    async def flow(pilot: Pilot[int], bos: Store) -> None:
        await press(pilot, "e")
        await press(pilot, *"mine")
        cases.flag(bos, find_partners(bos, ["p-0"]), actor="bo")
        await press(pilot, "enter")
        assert of_ana(bos) == [("note", "mine")]

    run(path, flow)


@pytest.mark.parametrize(
    ("keys", "dialog", "field"),
    [
        (["f", *"typed"], FlagPrompt, "line"),
        (["c", "G", "tab", *"typed"], ClearDialog, "note"),
        (["o", *"typed"], ReopenDialog, "note"),
        (["e", *"typed"], NoteDialog, "note"),
        (["at", *["backspace"] * 3, *"typed"], AssignDialog, "assignee"),
        (["a", "tab", "tab", "tab", "tab", "tab", *"typed"], StepDialog, "note"),
    ],
)
def test_whatever_is_refused_comes_back_with_what_was_typed(
    path: Path, clock: Clock, keys: list[str], dialog: type, field: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Here the file cannot be written, as on a full disk; a person frees some space and confirms again."""

    def full(_: Store) -> None:
        raise UnusableFileError("cannot write: the disk is full; nothing was written")

    async def flow(pilot: Pilot[int], bos: Store) -> None:
        if keys[0] == "o":
            cases.flag(bos, find_partners(bos, ["p-0"]), actor="bo")
            await press(pilot, "R")
        with monkeypatch.context() as broken:
            broken.setattr(Store, "writing", full)
            await press(pilot, keys[0])
            await press(pilot, *keys[1:], "enter")
        assert top(pilot) is dialog
        assert typed(pilot, field) == "typed"
        assert "the disk is full" in text(pilot)
        assert of_ana(bos) == []
        await press(pilot, "enter")
        assert len(of_ana(bos)) == 1
        assert len(pilot.app.screen_stack) == 1

    run(path, flow)


def test_a_dialog_that_comes_back_waits_for_the_one_that_is_open(path: Path, clock: Clock) -> None:
    """Keys meant for one dialog never reach another that came up under the fingers."""

    async def flow(pilot: Pilot[int], bos: Store) -> None:
        await press(pilot, "f")
        await press(pilot, *"late")
        cases.assign(bos, find_partners(bos, ["p-0"]), actor="bo", assignee="bo")
        with bos.writing():
            await pilot.press("enter", "e", *"my not")
            assert top(pilot) is NoteDialog
            assert pilot.app.questions.doing  # type: ignore[attr-defined]
        await settled(pilot)
        assert top(pilot) is NoteDialog
        await press(pilot, "e", "enter")
        assert of_ana(bos) == [("note", "my note")]
        assert top(pilot) is ConflictDialog

    run(path, flow)


def test_leaving_a_screen_or_the_dashboard_waits_for_what_is_being_recorded(path: Path, clock: Clock) -> None:
    async def flow(pilot: Pilot[int], bos: Store) -> None:
        await press(pilot, "enter")
        await press(pilot, "e")
        await press(pilot, *"of the case")
        with bos.writing():
            await pilot.press("enter", "q", "q")
            assert "still recording" in message(pilot)
            assert pilot.app.is_running
        while pilot.app.is_running and pilot.app.return_code is None:
            await pilot.pause()
        assert pilot.app.return_code == 0
        assert of_ana(bos) == [("note", "of the case")]

    run(path, flow)


def test_what_is_refused_while_leaving_keeps_the_dashboard_open(path: Path, clock: Clock) -> None:
    async def flow(pilot: Pilot[int], bos: Store) -> None:
        await press(pilot, "f")
        await press(pilot, *"late")
        cases.flag(bos, find_partners(bos, ["p-0"]), actor="bo")
        with bos.writing():
            await pilot.press("enter", "q")
        await settled(pilot)
        assert top(pilot) is ConflictDialog
        assert pilot.app.return_code is None
        await press(pilot, "G", "enter")
        assert top(pilot) is FlagPrompt, "it is flagged already: refused, and nothing typed is lost"
        assert NAMES[0] in message(pilot)

    run(path, flow)
