"""Recording steps from the dashboard on a real store: letters to many with one undo, loose ends, the incident's own."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from textual.pilot import Pilot

from store import audits, cases
from store.connection import Store, open_store
from store.contradictions import Contradiction
from store.ingest.importing import import_paths
from store.instants import parse_point
from store.ledger import actions
from store.names import find_partner
from store.parameters import Parameters
from store.step_details import Details
from tests.small_incident import NAMES, TODAY, build
from tests.store.casework import Clock
from tests.tui.screens import check_golden, text
from tui.app import OverscopeApp
from tui.screens.details import DetailsDialog
from tui.screens.dialogs import ClearDialog, StepDialog
from tui.screens.events import EventsScreen
from tui.screens.incident_step_dialog import IncidentStepDialog
from tui.screenshot import settled
from tui.widgets.audit_track import AuditPane
from tui.widgets.bars import MessageBar

Flow = Callable[[Pilot[int], Store], Awaitable[None]]
WITH_CONTACT = NAMES[:4]


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """Six partners, four with a contact; the first one's access was removed, and it read on."""
    folder = tmp_path_factory.mktemp("steps")
    path = build(folder)
    tables: dict[str, list[dict[str, object]]] = {
        "partners": [
            {"partner_id": f"p-{place}", "name": name, "contact": f"desk{place}@example.org"}
            for place, name in enumerate(WITH_CONTACT)
        ],
        "removals": [{"app_id": "a-0", "removed_at": "2018-04-20T00:00:00Z"}],
    }
    paths = []
    for kind, rows in tables.items():
        paths.append(folder / f"{kind}-more.jsonl")
        paths[-1].write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    with open_store(path) as store:
        import_paths(store, paths, actor="ana")
    return path.read_bytes()


@pytest.fixture
def path(built: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    clock = Clock(parse_point("2018-07-20T09:00:00Z"))
    monkeypatch.setattr("store.case_changes.now", clock)
    path = tmp_path / "incident.db"
    path.write_bytes(built)
    return path


def run(path: Path, flow: Flow, *, size: tuple[int, int] = (120, 40)) -> None:
    async def go() -> None:
        with open_store(path) as store:
            app = OverscopeApp(store, Parameters(today=parse_point(TODAY)), actor="ana", watch=False)
            async with app.run_test(size=size) as pilot:
                await settled(pilot)
                await flow(pilot, store)

    asyncio.run(go())


async def press(pilot: Pilot[int], *keys: str) -> None:
    await pilot.press(*keys)
    await settled(pilot)


def message(pilot: Pilot[int]) -> str:
    return pilot.app.screen_stack[0].query_one(MessageBar).message[0]


def removed(store: Store) -> None:
    """Access removed from everybody: what comes next is to tell them."""
    everybody = [find_partner(store, f"p-{place}") for place in range(len(NAMES))]
    _remove(store, everybody)


def _remove(store: Store, partners: list[int]) -> None:
    at = parse_point("2018-07-01")
    audits.record_step(store, partners, actor="bo", step="access_removed", at=at, at_is_date=True)


def test_telling_many_writes_a_letter_each_and_one_undo_takes_all_back(path: Path, tmp_path: Path) -> None:
    async def flow(pilot: Pilot[int], store: Store) -> None:
        removed(store)
        await press(pilot, "R", "asterisk", "a")
        assert isinstance(pilot.app.screen, StepDialog)
        assert "> N partner told" in text(pilot)
        letters = tmp_path / "letters"
        await press(pilot, "tab", "tab", "tab", *str(letters), "enter")
        # The two without a contact are listed afterwards.
        assert isinstance(pilot.app.screen, DetailsDialog)
        shown = text(pilot)
        assert "Left out: 2 partners" in shown
        for name in NAMES[4:]:
            assert name in shown
        assert "no contact" in shown
        await press(pilot, "escape")
        assert len(list(letters.iterdir())) == len(WITH_CONTACT)
        told = [entry for entry in actions(store) if entry.actor == "ana" and entry.verb == "step"]
        assert len(told) == len(WITH_CONTACT)
        assert len({entry.batch for entry in told}) == 1
        hashes = {json.loads(entry.after or "")["step"]["evidence"]["sha256"] for entry in told}
        assert len(hashes) == len(WITH_CONTACT)
        await press(pilot, "u")
        today = parse_point(TODAY)
        for place in range(len(NAMES)):
            assert audits.track(store, find_partner(store, f"p-{place}"), today=today).stage == "access_removed"

    run(path, flow)


def test_where_nobody_can_be_told_the_dialog_comes_back_with_the_reason(path: Path, tmp_path: Path) -> None:
    async def flow(pilot: Pilot[int], store: Store) -> None:
        removed(store)
        await press(pilot, "R", "slash", *NAMES[5].lower(), "enter", "a", "tab", "tab", "tab", "tab")
        letters = str(tmp_path / "letters")
        await press(pilot, *letters, "enter")
        assert isinstance(pilot.app.screen, StepDialog)
        assert "nobody could be told" in text(pilot).replace("\n", " ")
        assert pilot.app.screen.typed("letters") == letters
        await press(pilot, "escape")

    run(path, flow)


def test_closing_a_case_lists_its_loose_ends_and_asks_for_the_reason(path: Path) -> None:
    async def flow(pilot: Pilot[int], store: Store) -> None:
        await press(pilot, "c")
        assert isinstance(pilot.app.screen, ClearDialog)
        assert "loose end" in text(pilot)
        assert "reads after removal by Ribbon Social (a-0)" in text(pilot)
        await press(pilot, "j", "j", "j", "j", "j", "enter")
        assert isinstance(pilot.app.screen, ClearDialog)
        assert "! a note is needed" in text(pilot)
        await press(pilot, *"gone", "enter")
        assert "closed Ribbon Social: defunct" in message(pilot)
        (closure,) = [entry for entry in actions(store) if entry.verb == "clear"]
        assert json.loads(closure.after or "")["loose_ends"]

    run(path, flow)


def test_a_step_of_the_incident_is_recorded_and_undone(path: Path) -> None:
    async def flow(pilot: Pilot[int], store: Store) -> None:
        await press(pilot, "I")
        assert isinstance(pilot.app.screen, IncidentStepDialog)
        await press(pilot, "j", "tab", "tab", "tab", *"by mail", "enter")
        assert "recorded 'authority told' for the incident" in message(pilot)
        (step,) = audits.incident_steps(store)
        assert (step.step, step.at, step.note) == ("authority_told", parse_point(TODAY), "by mail")
        await press(pilot, "u")
        assert audits.incident_steps(store) == ()

    run(path, flow)


@pytest.mark.parametrize("size", [(80, 24), (120, 40)])
def test_a_contradiction_opens_as_many_rows_as_it_tells(path: Path, size: tuple[int, int]) -> None:
    async def flow(pilot: Pilot[int], store: Store) -> None:
        partner = find_partner(store, "p-0")
        (found,) = audits.track(store, partner, today=parse_point(TODAY)).contradictions
        await press(pilot, "3")
        pane = pilot.app.screen.query_one(AuditPane)
        for _ in range(20):
            target = None if pane.current is None else pane.current.target
            if isinstance(target, Contradiction) and target.kind == found.kind:
                break
            await press(pilot, "j")
        assert target == found
        await press(pilot, "enter")
        assert isinstance(pilot.app.screen, EventsScreen)
        assert f"{found.events} events" in text(pilot)
        await press(pilot, "escape")
        assert pane.has_focus

    run(path, flow, size=size)


def test_access_that_is_still_alive_opens_its_grants(path: Path) -> None:
    async def flow(pilot: Pilot[int], store: Store) -> None:
        _remove(store, [find_partner(store, "p-1")])
        await press(pilot, "R", "slash", *"castaway", "enter", "3")
        pane = pilot.app.screen.query_one(AuditPane)
        assert "! 1 contradiction" in str(pane.border_subtitle)
        for _ in range(20):
            if pane.current is not None and isinstance(pane.current.target, Contradiction):
                break
            await press(pilot, "j")
        await press(pilot, "enter")
        assert isinstance(pilot.app.screen, DetailsDialog)
        shown = text(pilot)
        assert "Access of Castaway Live" in shown
        assert "2017-01-01T00:00:00Z .. still, not ended" in shown

    run(path, flow)


@pytest.mark.parametrize("size", [(80, 24), (120, 40)])
def test_the_case_and_the_dialog_look_as_designed(path: Path, size: tuple[int, int]) -> None:
    name = f"{size[0]}x{size[1]}"

    async def flow(pilot: Pilot[int], store: Store) -> None:
        partner = find_partner(store, "p-0")
        # The store was made today: the first entry in the past bears the clock that went back.
        cases.add_note(store, [find_partner(store, "p-1")], actor="ana", note="a note")
        for step, at, details in (
            ("access_removed", "2018-04-20", Details()),
            ("notified", "2018-05-02", Details()),
            ("deletion_requested", "2018-05-03", Details()),
            ("statement", "2018-05-20", Details(people=3)),
            ("recipient_named", "2018-05-20", Details(recipient="Beacon Analytics")),
            ("recipient_asked", "2018-05-21", Details(recipient="Beacon Analytics")),
        ):
            at_instant = parse_point(at)
            audits.record_step(
                store, [partner], actor="ana", step=step, at=at_instant, at_is_date=True, details=details
            )
        await press(pilot, "R", "enter")
        check_golden(pilot.app, f"case-{name}")
        await press(pilot, "3")
        check_golden(pilot.app, f"audit-{name}")
        await press(pilot, "1", "a")
        check_golden(pilot.app, f"step-{name}")

    run(path, flow, size=size)
