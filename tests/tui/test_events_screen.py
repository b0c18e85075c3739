"""The events' screen on a real store: paging over any number, filters, times, one event in full, and who read it."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import pytest
from textual.pilot import Pilot

from store.connection import Store, open_store
from store.errors import UnusableFileError
from store.event_pages import EventPage
from store.ingest.importing import import_paths
from store.instants import parse_point
from store.parameters import Parameters
from store.rulebook import load_rules
from store.schema import create_store
from tests.tui.screens import press, text
from tui.app import OverscopeApp
from tui.screens.event import EventDialog
from tui.screens.events import EventsScreen
from tui.screens.who_read import WhoReadScreen
from tui.screenshot import settled
from tui.text import wrapped
from tui.widgets.event_list import BLOCK, EventList
from tui.widgets.filter_line import FilterLine

Flow = Callable[[Pilot[int]], Awaitable[None]]
MANY = 40 * BLOCK + 5
HOSTILE = "[@click=app.quit]x[/nope] \x1b]52;c;aGk=\x07"
RULES = """
[[rules]]
id = "r-1"
data_classes = ["group.member.*"]
from = 2018-04-04
except = ["opt_in"]
basis = "the notice"
"""


def row_of(number: int) -> dict[str, object]:
    """An event an hour; every hundredth is denied, every seventh of a class that is not restricted."""
    return {
        "occurred_at": parse_point("2018-04-04") + number * 3_600_000_000,
        "app_id": f"a-{number % 3}",
        "data_class": "group.post" if number % 7 == 0 else "group.member.name",
        "subject_id": "Ann@X.org" if number % 500 == 3 else f"m{number % 90}",
        "resource_id": f"g{number % 11}",
        "endpoint": HOSTILE if number == 6 else f"/feed/{number % 4}",
        "outcome": "denied" if number % 100 == 99 else "success",
        "event_id": f"e{number}",
    }


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    folder = tmp_path_factory.mktemp("events")
    path = folder / "incident.db"
    create_store(path, name="Events", actor="ana", at=0)
    files = folder / "access_events.jsonl"
    files.write_text("".join(json.dumps(row_of(number)) + "\n" for number in range(MANY)), "utf-8")
    with open_store(path) as opened:
        load_rules(opened, RULES, source="rules.toml", actor="ana")
        import_paths(opened, [files], actor="ana")
        yield opened


def run(store: Store, flow: Flow, size: tuple[int, int] = (140, 30), **options: str) -> None:
    async def go() -> None:
        app = OverscopeApp(store, Parameters(), actor="ana", watch=False)
        async with app.run_test(size=size) as pilot:
            await settled(pilot)
            app.push_screen(EventsScreen(store, None, Parameters(), None, None, **options))
            await settled(pilot)
            await flow(pilot)

    asyncio.run(go())


def listed(pilot: Pilot[int]) -> EventList:
    return pilot.app.screen.query_one(EventList)


async def filtered(pilot: Pilot[int], typed: str) -> str:
    if not pilot.app.screen.query_one(FilterLine).has_class("-open"):
        await press(pilot, "slash")
    await pilot.press(*typed)
    await settled(pilot)
    return text(pilot)


def test_every_row_comes_into_view(store: Store) -> None:
    async def flow(pilot: Pilot[int]) -> None:
        assert f"All partners   the whole log   {MANY:,} events" in text(pilot)
        assert f"1 of {MANY:,}" in text(pilot)
        seen: set[str] = set()
        page = listed(pilot).page
        for place in range(0, MANY, page):
            listed(pilot).cursor = place
            await settled(pilot)
            assert "reading" not in text(pilot)
            row = listed(pilot).current
            assert row is not None
            assert row.event_id == f"e{place}"
            assert f"{place + 1:,} of {MANY:,}" in text(pilot)
            seen.add(row.event_id)
        assert len(seen) == -(-MANY // page)
        await press(pilot, "G")
        row = listed(pilot).current
        assert row is not None
        assert row.event_id == f"e{MANY - 1}"
        await press(pilot, "g", "pagedown", "ctrl+d", "j", "k", "ctrl+u", "pageup")
        assert listed(pilot).cursor == 0

    run(store, flow)


def test_rows_that_are_not_here_yet_are_said_to_be_read(store: Store) -> None:
    async def flow(pilot: Pilot[int]) -> None:
        shown = listed(pilot)
        assert shown.row(MANY - 1) is None
        pieces = shown.draw_row(MANY - 1, 80)
        assert "reading" in "".join(piece for piece, _ in pieces)
        # Nothing is read twice: the rows in view are asked for once, then those around them.
        assert shown.missing() is None

    run(store, flow)


def test_a_list_that_was_not_read_is_not_said_to_be_empty(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: object, **__: object) -> EventPage:
        raise UnusableFileError("the disk is gone")

    async def flow(pilot: Pilot[int]) -> None:
        assert "not read: R tries again" in text(pilot)
        assert "the disk is gone" in text(pilot)
        assert "no event in the log" not in text(pilot)
        monkeypatch.undo()
        await press(pilot, "R")
        assert f"{MANY:,} events" in text(pilot)
        assert "not read" not in text(pilot)

    monkeypatch.setattr("store.event_pages.event_page", fails)
    run(store, flow)


def test_filters_narrow_the_list_and_say_what_is_wrong(store: Store) -> None:
    async def flow(pilot: Pilot[int]) -> None:
        denied = sum(number % 100 == 99 for number in range(MANY))
        await press(pilot, "G")
        shown = await filtered(pilot, "verdict:denied")
        assert f"{denied} events   filter: verdict:denied" in shown
        # The cursor stays near the time it was at.
        assert f"{denied} of {denied}" in shown
        shown = await filtered(pilot, " colour:red")
        assert "no such field: colour" in shown
        assert f"{denied} events" in shown
        await press(pilot, "escape", "escape")
        assert f"{MANY:,} events" in text(pilot)
        found = sum(number % 4 == 2 and number != 6 and number % 7 == 0 for number in range(MANY))
        shown = await filtered(pilot, "endpoint:FEED/2 class:group.post")
        assert f"{found} events" in shown
        await press(pilot, "enter", "escape")
        assert "filter:" not in text(pilot)
        shown = await filtered(pilot, "person=nobody")
        assert "no event in the log" in shown
        await press(pilot, "enter", "n", "P", "escape", "enter")
        assert isinstance(pilot.app.screen, EventsScreen)

    run(store, flow)


def test_times_and_restricted_reads_are_gone_to(store: Store) -> None:
    async def flow(pilot: Pilot[int]) -> None:
        await press(pilot, "t", *"2018-04-05", "enter")
        assert listed(pilot).cursor == 24
        await press(pilot, "t", *"2018-04", "enter")
        assert listed(pilot).cursor == 0
        await press(pilot, "t", *"never", "enter")
        assert "! not an ISO 8601 instant" in text(pilot)
        await press(pilot, *["backspace"] * len("never"), *"2090-01-01", "enter")
        assert "no event from 2090-01-01T00:00:00Z on" in text(pilot)
        assert listed(pilot).cursor == MANY - 1
        await press(pilot, "g", "n", "n")
        assert listed(pilot).cursor == 2
        await press(pilot, "N", "N")
        assert "no restricted read before this one" in text(pilot)
        assert listed(pilot).cursor == 1

    run(store, flow)


@pytest.mark.parametrize("size", [(80, 24), (60, 16), (200, 50)])
def test_one_event_is_told_in_full(store: Store, size: tuple[int, int]) -> None:
    async def flow(pilot: Pilot[int]) -> None:
        await press(pilot, "j", "j", "j", "j", "j", "j", "enter")
        assert isinstance(pilot.app.screen, EventDialog)
        seen = text(pilot)
        for _ in range(8):
            await press(pilot, "pagedown")
            seen += text(pilot)
        flowing = "".join(seen.replace("│", " ").split())
        for words in ("e6", "accepts opt-ins; the notice", "in the registry", "Raw record", "still the same"):
            assert "".join(words.split()) in flowing, words
        assert '"event_id":"e6"' in flowing
        assert "\x1b" not in seen
        await press(pilot, "escape")
        assert isinstance(pilot.app.screen, EventsScreen)
        assert "e6" in str(pilot.app.screen.copied())

    run(store, flow, size)


def test_a_file_that_has_gone_is_said_to_have_gone(store: Store, tmp_path: Path) -> None:
    path = Path(store.path).with_name("access_events.jsonl")
    away = path.rename(tmp_path / "away.jsonl")

    async def flow(pilot: Pilot[int]) -> None:
        await press(pilot, "enter", "G")
        assert "the file is not there" in text(pilot)

    try:
        run(store, flow)
    finally:
        away.rename(path)


def test_a_person_is_followed_from_a_row_and_by_a_typed_id(store: Store) -> None:
    async def flow(pilot: Pilot[int]) -> None:
        await press(pilot, "j", "j", "j", "P")
        assert isinstance(pilot.app.screen, WhoReadScreen)
        ann = [number for number in range(MANY) if number % 500 == 3]
        read = [number for number in ann if number % 7]
        assert f"{len(read)} restricted reads by" in text(pilot)
        await press(pilot, "j", "enter")
        screen = pilot.app.screen
        assert isinstance(screen, EventsScreen)
        assert "filter: person=Ann@X.org" in text(pilot)
        assert listed(pilot).row_count() == sum(number % 3 == ann[0] % 3 for number in ann)
        await press(pilot, "escape", "P")
        await press(pilot, *["backspace"] * 12, *"ann@x.ORG", "enter")
        assert f"{len(read)} restricted reads by" in text(pilot)
        await press(pilot, "q", "q", "r", "enter")
        assert "filter: resource=g3" in text(pilot)
        await press(pilot, "q", "q", "q")
        assert not isinstance(pilot.app.screen, EventsScreen | WhoReadScreen)
        await press(pilot, "P", *"m1", "enter")
        assert "Who read the person  m1" in text(pilot)
        await press(pilot, "q", "P", *"zzz", "enter")
        assert "not known under this id" in text(pilot)

    run(store, flow)


@pytest.mark.parametrize(("options", "found"), [({"subject": "ann@x.org"}, 6), ({"resource": "g3"}, 233)])
def test_it_opens_on_one_person_or_resource(store: Store, options: dict[str, str], found: int) -> None:
    expected = sum(number % 500 == 3 if "subject" in options else number % 11 == 3 for number in range(MANY))
    assert expected == found

    async def flow(pilot: Pilot[int]) -> None:
        assert f"{found} events" in text(pilot)

    run(store, flow, **options)


def test_events_that_come_in_meanwhile_leave_the_cursor_on_its_event(tmp_path: Path) -> None:
    path = tmp_path / "incident.db"
    create_store(path, name="Events", actor="ana", at=0)
    files = [tmp_path / f"access_events-{part}.jsonl" for part in range(2)]
    for part, file in enumerate(files):
        lines = (json.dumps(row_of(number)) for number in range(part, 600, 2))
        file.write_text("\n".join(lines), "utf-8")
    with open_store(path) as opened:
        import_paths(opened, files[:1], actor="ana")

        async def flow(pilot: Pilot[int]) -> None:
            await press(pilot, "t", *"2018-04-20", "enter")
            before = listed(pilot).current
            assert before is not None
            assert "300 events" in text(pilot)
            import_paths(opened, files[1:], actor="bo")
            await press(pilot, "R")
            assert "600 events" in text(pilot)
            after = listed(pilot).current
            assert after is not None
            assert (after.key, listed(pilot).cursor) == (before.key, 16 * 24)

        run(opened, flow)


def test_lines_are_cut_at_blanks_and_lose_nothing() -> None:
    assert wrapped("", 5) == [""]
    assert wrapped("one two three", 7) == ["one two", "three"]
    assert wrapped("onetwothree x", 5) == ["onetw", "othre", "e x"]
    assert wrapped("日本の会社です", 5) == ["日本", "の会", "社で", "す"]
    assert "".join(wrapped("a日 b", 2)).replace(" ", "") == "a日b"
