"""The case screen, the action log and the raw events, on a known incident."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from textual.pilot import Pilot

from store import apps, event_pages, ledger, names, raw_record, why
from store.apps import AppRow
from store.event_pages import EventPage, EventQuestion
from store.events import EventKey, EventRow
from store.instants import parse_point
from store.ledger import Action
from store.raw_record import RawAnswer
from store.why import Why
from tests.tui.fakes import CUTOFF, NASTY, FakeIncident
from tests.tui.panes import step
from tests.tui.screens import screen_lines
from tui.screens.action_log import ActionLogScreen
from tui.screens.case import CaseScreen
from tui.screens.events import EventsScreen
from tui.screenshot import settled
from tui.widgets.record import entries_of, entry_details
from tui.widgets.record_list import RecordList

Flow = Callable[[Pilot[int]], Awaitable[None]]
APPS = [
    AppRow(
        "118804", "Ribbon Go", parse_point("2019-10-28"), CUTOFF, parse_point("2019-11-03"), 37_000, 206, 14, "failed"
    ),
    AppRow(
        "118811", f"Plan {NASTY}", parse_point("2019-10-28"), CUTOFF, parse_point("2019-10-27"), 900, 0, 9, "proven"
    ),
    AppRow("120377", "Ribbon Live", parse_point("2019-10-28"), None, None, 0, 0, 0, "untested"),
    AppRow("120378", "Ribbon Still", None, None, None, 0, 0, 0, None),
]


def action(seq: int, verb: str, at: str, **changes: Any) -> Action:
    values: dict[str, Any] = {
        "seq": seq,
        "uuid": f"u-{seq}",
        "at": parse_point(at),
        "actor": "ana",
        "verb": verb,
        "partner_id": "p-0001",
        "before": None,
        "after": None,
        "note": None,
        "privileged": False,
        "batch": f"u-{seq}",
        "corrects": None,
        "hash": "0" * 64,
    }
    after = changes.pop("after", None)
    return Action(**{**values, "after": None if after is None else json.dumps(after), **changes})


ACTIONS = [
    action(1, "init", "2019-10-01T09:00:00Z", partner_id=None, after={"name": NASTY}),
    action(2, "flag", "2019-10-29T10:00:00Z", note=f"read since the rule {NASTY}", after={"status": "flagged"}),
    action(
        3, "step", "2019-11-05T10:00:00Z", after={"step": {"step": "notified", "at": "2019-11-05", "due": "2020-01-04"}}
    ),
    action(4, "note", "2020-01-13T10:00:00Z", note="counsel asked for the server list", privileged=True),
    action(5, "assign", "2020-01-12T10:00:00Z", after={"assignee": "bo"}),
    action(
        6, "clear", "2020-01-14T10:00:00Z", after={"grounds": "defunct", "rests_on": {"override": True}}, note="gone"
    ),
    action(7, "reopen", "2020-01-15T10:00:00Z", actor="system", note="3 new restricted reads"),
    action(8, "undo", "2020-01-16T10:00:00Z", corrects=5, after={"corrected": {"seq": 5, "verb": "assign"}}),
    action(9, "some new verb", "2020-01-17T10:00:00Z", after=[1, 2]),
]


def event(number: int, **changes: Any) -> EventRow:
    values: dict[str, Any] = {
        "occurred_at": CUTOFF + number * 1_000_000,
        "app_id": "118804",
        "app_name": f"Ribbon Go {NASTY}",
        "partner_id": "p-0001",
        "verdict": ("improper", "denied", "undetermined", "allowed", "allowed_by_opt_in", "allowed_by_exemption")[
            number % 6
        ],
        "rule": "groups-api-2018-04-04",
        "after_removal": number % 2 == 0,
        "data_classes": ("group.member.name", NASTY),
        "subject_id": None if number % 3 else f"m{number}",
        "resource_id": "g50030",
        "endpoint": NASTY,
        "records": number or None,
        "bytes": None,
        "ip": "192.0.2.7",
        "outcome": "success",
        "event_id": None,
        "import_id": 7,
        "file": f"access{NASTY}.csv",
        "record_no": number + 1,
        "key": EventKey(1, CUTOFF + number * 1_000_000, number),
    }
    return EventRow(**{**values, **changes})


def event_page(store: object, question: EventQuestion, *, first: int, limit: int, stop: object = None) -> EventPage:
    return EventPage(first, 1_100, tuple(event(n) for n in range(first, min(first + limit, 1_100))))


@pytest.fixture
def incident(monkeypatch: pytest.MonkeyPatch) -> FakeIncident:
    known = FakeIncident()
    known.rows[0] = known.rows[0]._replace(name=f"Ribbon {NASTY}")
    known.install(monkeypatch)
    monkeypatch.setattr(apps, "partner_apps", lambda store, partner, parameters: APPS)
    monkeypatch.setattr(
        ledger,
        "actions",
        lambda store, *, partner=None: [each for each in ACTIONS if partner is None or each.partner_id is not None],
    )
    monkeypatch.setattr(ledger, "clock_went_back", lambda store: {5: 86_400_000_000})
    monkeypatch.setattr(event_pages, "event_page", event_page)
    monkeypatch.setattr(names, "name_of", lambda store, partner: names.PartnerName("p-0001", "Ribbon", True))
    monkeypatch.setattr(why, "why", lambda store, key: Why(event(0), (), False, (), 0, 0, (), ()))
    monkeypatch.setattr(
        raw_record,
        "raw_record",
        lambda store, import_id, record_no, **_: RawAnswer("missing", record_no, f"/a{NASTY}", "9f2c", reason=NASTY),
    )
    return known


def run(incident: FakeIncident, flow: Flow, size: tuple[int, int] = (120, 40)) -> None:
    app = incident.app()

    async def go() -> None:
        async with app.run_test(size=size) as pilot:
            await settled(pilot)
            await flow(pilot)
            assert app.is_running

    asyncio.run(go())


async def press(pilot: Pilot[int], *keys: str) -> None:
    await pilot.press(*keys)
    await settled(pilot)


def text(pilot: Pilot[int]) -> str:
    found = "\n".join(screen_lines(pilot.app))
    assert "\x1b" not in found
    return found


async def open_case(pilot: Pilot[int]) -> CaseScreen:
    await press(pilot, "enter")
    screen = pilot.app.screen
    assert isinstance(screen, CaseScreen)
    return screen


@pytest.mark.parametrize("size", [(80, 24), (120, 40), (200, 60)])
def test_one_case_tells_who_why_what_and_when(incident: FakeIncident, size: tuple[int, int]) -> None:
    async def flow(pilot: Pilot[int]) -> None:
        await open_case(pilot)
        shown = text(pilot)
        for words in (
            "Ribbon [@click=app.quit]boom[/nope]",
            "p-0001   F flagged 2019-10-29",
            "First because: 206 reads after removal; answer 16 days late",
            "Could read   2018-04-04 .. 2019-10-27",
            "37,912 times, 2018-04-05 .. 2019-11-03; 88 resources",
            "≥12,204",
            "11 of 580 days not logged",
            "Ribbon Go",
            "! FAILED",
            "proven",
            "untested",
            "not removed",
            "Record, newest first",
        ):
            assert words in shown, words

    run(incident, flow, size)


def test_the_record_is_in_the_order_of_the_log_and_shows_a_clock_that_went_back(incident: FakeIncident) -> None:
    async def flow(pilot: Pilot[int]) -> None:
        screen = await open_case(pilot)
        record = screen.query_one(RecordList)
        assert [entry.action.seq for entry in record.entries if entry.action] == [9, 8, 7, 6, 5, 4, 3, 2]
        lines = [line for line in screen_lines(pilot.app) if "assigned" in line]
        assert "<" in lines[0]
        assert "clock went back 1 d 00:00" in lines[0]
        assert any("!" in line and "reopened" in line for line in screen_lines(pilot.app))

    run(incident, flow, (120, 60))


def test_enter_shows_an_entry_in_full_and_cases_are_walked(incident: FakeIncident) -> None:
    async def flow(pilot: Pilot[int]) -> None:
        await open_case(pilot)
        await press(pilot, "G", "enter")
        assert "Hash" in text(pilot)
        await press(pilot, "escape", "J")
        assert "Castaway Live p-0002" in text(pilot)
        await press(pilot, "K", "K", "K")
        assert "Ribbon [@click" in text(pilot)
        assert "no previous case" in text(pilot)

    run(incident, flow)


def test_working_on_the_case_that_is_open(incident: FakeIncident) -> None:
    async def flow(pilot: Pilot[int]) -> None:
        await open_case(pilot)
        await press(pilot, "J", "e", *"seen", "enter")
        assert incident.deeds[-1][:2] == ("add_note", [2])
        assert incident.deeds[-1][2]["note"] == "seen"

    run(incident, flow)


def test_narrow_screens_show_timeline_and_track_on_their_keys(incident: FakeIncident) -> None:
    async def flow(pilot: Pilot[int]) -> None:
        await open_case(pilot)
        assert "3 Deletion" not in text(pilot)
        await press(pilot, "2")
        assert "│marks" in text(pilot)
        await press(pilot, "3")
        assert "3 Deletion" in text(pilot)
        await press(pilot, "1")
        assert "Record, newest first" in text(pilot)
        await press(pilot, "escape")
        assert "Facts" in text(pilot)
        await press(pilot, "escape")
        assert not isinstance(pilot.app.screen, CaseScreen)

    run(incident, flow, (80, 24))


def test_the_action_log_is_whole_searched_and_read_in_full(incident: FakeIncident) -> None:
    async def flow(pilot: Pilot[int]) -> None:
        await press(pilot, "i")
        assert isinstance(pilot.app.screen, ActionLogScreen)
        shown = text(pilot)
        assert "Action log   9 entries" in shown
        for words in ("init", "some new verb", "closed", "defunct (override)  gone", "of #5 assign", "PRIVILEGED"):
            assert words in shown, words
        await press(pilot, "slash", *"counsel")
        assert "1 of 9 entries" in text(pilot)
        await press(pilot, "enter", "enter")
        assert "counsel asked for the server list   PRIVILEGED" in text(pilot)
        await press(pilot, "escape", "escape")
        assert "Action log   9 entries" in text(pilot)
        await press(pilot, "escape")
        assert not isinstance(pilot.app.screen, ActionLogScreen)

    run(incident, flow)


def test_the_events_behind_a_bin_page_on_and_open(incident: FakeIncident) -> None:
    async def flow(pilot: Pilot[int]) -> None:
        await press(pilot, "2", "l", "enter")
        screen = pilot.app.screen
        assert isinstance(screen, EventsScreen)
        assert "1,100 events" in text(pilot)
        assert "█ restricted !" in text(pilot)
        await press(pilot, "G")
        assert "1,100 of 1,100" in text(pilot)
        await press(pilot, "enter")
        assert "record 1,100" in text(pilot)
        assert "the file is not there" in text(pilot)
        assert "not in the log" in text(pilot)
        await press(pilot, "escape", "escape")
        assert not isinstance(pilot.app.screen, EventsScreen)

    run(incident, flow)


def test_imported_steps_stand_among_the_actions_by_their_date() -> None:
    steps = [step("access_removed", "2019-10-28", seq=None, by="import 3"), step("notified", "2019-11-05", seq=3)]
    entries = entries_of(ACTIONS, steps, set_back={5: 86_400_000_000})
    order = [entry.action.seq if entry.action else "imported" for entry in entries]
    assert order == [9, 8, 7, 6, 5, 4, 3, 2, "imported", 1]
    assert [entry.what for entry in entries[-3:]] == ["flagged", "access removed", "init"]
    backwards = [entry.text.startswith("clock went back 1 d 00:00") for entry in entries]
    assert backwards == [False] * 4 + [True] + [False] * 5


def test_every_entry_is_clean_and_has_details() -> None:
    for entry in entries_of(ACTIONS, [step("contradicted", "2019-12-01", seq=None, note=NASTY, app_id=NASTY)]):
        assert "\x1b" not in f"{entry.who}{entry.what}{entry.text}{entry.letter}"
        assert all(name and isinstance(value, str) for name, value in entry_details(entry))
