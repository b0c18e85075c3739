"""The screen of disclosures and claims on a real store: freezing, what changed since, deriving again, claims."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from textual.pilot import Pilot

from store import claims
from store.claim_logic import BROKEN, HOLDS, UNKNOWN, Bounds, Term
from store.claims import Claimed, ClaimState, claim
from store.connection import Store, open_store
from store.disclosure import disclose, disclosures
from store.ingest.importing import import_paths
from store.instants import parse_point
from store.ledger import actions
from store.parameters import Parameters
from tests import small_incident
from tests.terminal.hostile_incident import build_store
from tests.tui.screens import check_golden, press, screen_lines, text
from tests.visible_text import hidden_in
from tui.app import OverscopeApp
from tui.screens.board import BoardScreen
from tui.screens.disclosures import DisclosuresScreen
from tui.screenshot import settled
from tui.widgets.bars import MessageBar
from tui.widgets.disclosure_lists import outcome_words, why_words

Flow = Callable[[Pilot[int]], Awaitable[None]]
TODAY = parse_point(small_incident.TODAY)
GIVEN = Parameters(today=TODAY)
HOSTILE = ["[@click=app.quit]x[/nope]", "\x1b]52;c;aGk=\x07", "\u202edlrow", "=HYPERLINK(1)|", "日本" * 30]


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return open_store(small_incident.build(tmp_path))


def run(store: Store, flow: Flow, *, keys: str = "F", size: tuple[int, int] = (120, 40)) -> None:
    async def go() -> None:
        app = OverscopeApp(store, GIVEN, actor="ana", watch=False)
        async with app.run_test(size=size) as pilot:
            await settled(pilot)
            await press(pilot, *keys)
            await flow(pilot)

    with store:
        asyncio.run(go())


async def typed(pilot: Pilot[int], key: str, first: str, second: str) -> None:
    """Fill in a dialog of two lines and confirm it."""
    names = {" ": "space", ".": "full_stop", ">": "greater_than_sign", "<": "less_than_sign", "=": "equals_sign"}
    await press(pilot, key)
    for line, end in ((first, "tab"), (second, "enter")):
        await pilot.press(*[names.get(one, one) for one in line], end)
    await settled(pilot)


def message(pilot: Pilot[int]) -> str:
    return pilot.app.screen.query_one(MessageBar).message[0]


def more_reads(store: Store, folder: Path) -> None:
    """Two people more, read by the first partner."""
    path = folder / "more" / "access_events.jsonl"
    path.parent.mkdir()
    rows = [small_incident.read(0, number, "late") for number in (70, 71)]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    import_paths(store, [path], actor="bo")


def filled(store: Store) -> None:
    """Two disclosures, and a claim that holds and one that is broken."""
    disclose(store, GIVEN, actor="ana", name="To the press", note="as counsel saw it")
    disclose(store, Parameters(window_days=7, today=TODAY), actor="bo", name="To the regulator")
    claim(store, GIVEN, actor="ana", sentence="At least four partners read.", that="accessed.partners >= 4")
    claim(store, GIVEN, actor="ana", sentence="Nobody was read.", that="accessed.people == 0")


@pytest.mark.parametrize("size", [(80, 24), (120, 40)])
def test_golden(store: Store, size: tuple[int, int], monkeypatch: pytest.MonkeyPatch) -> None:
    # Digests and instants are of the moment: those of this test are always the same.
    monkeypatch.setattr("store.case_changes.now", lambda: parse_point("2018-07-20T14:02:00Z"))
    filled(store)
    frozen = [row._replace(sha256="5f2c81d09ab4" + "0" * 52) for row in disclosures(store)]
    monkeypatch.setattr("store.disclosure.disclosures", lambda store: frozen)

    async def flow(pilot: Pilot[int]) -> None:
        check_golden(pilot.app, f"disclosures-{size[0]}x{size[1]}")

    run(store, flow, size=size)


def test_figures_are_frozen_under_the_dashboards_parameters(store: Store) -> None:
    async def flow(pilot: Pilot[int]) -> None:
        assert "N freezes the figures" in text(pilot)
        await press(pilot, "V")
        assert "no disclosure yet" in message(pilot)
        await press(pilot, "N", "enter")
        assert "type the name first" in text(pilot)
        await press(pilot, "escape")
        assert disclosures(store) == []
        await typed(pilot, "N", "Press", "counsel")
        (row,) = disclosures(store)
        assert (row.name, row.note, row.by, row.kept_access) == ("Press", "counsel", "ana", 6)
        assert f'froze disclosure 1, "Press": SHA-256 {row.sha256}' in message(pilot)
        assert row.sha256[:10] in text(pilot)
        await press(pilot, "y")
        assert row.sha256 in pilot.app.clipboard

    run(store, flow)


def test_a_refused_name_comes_back_with_why(store: Store) -> None:
    async def flow(pilot: Pilot[int]) -> None:
        await typed(pilot, "N", "x" * 201, "kept")
        assert "1 to 200 characters" in text(pilot)
        assert "kept" in text(pilot)
        assert disclosures(store) == []
        await press(pilot, "escape")
        assert isinstance(pilot.app.screen, DisclosuresScreen)

    run(store, flow)


def test_the_box_says_what_changed_since_and_because_of_what(store: Store, tmp_path: Path) -> None:
    disclose(store, GIVEN, actor="ana", name="Press", note="as counsel saw it")
    more_reads(store, tmp_path)

    async def flow(pilot: Pilot[int]) -> None:
        await press(pilot, "enter")
        shown = text(pilot)
        assert "since the disclosure: read +2 people, +2 restricted reads; because of import" in shown
        assert "accessed.people: 210 -> 212 (+2)" in shown
        assert "note: as counsel saw it" in shown
        await press(pilot, "escape")
        assert isinstance(pilot.app.screen, DisclosuresScreen)

    run(store, flow)


@pytest.mark.parametrize("size", [(60, 16), (80, 24), (120, 40)])
def test_lines_of_the_box_are_cut_once(store: Store, tmp_path: Path, size: tuple[int, int]) -> None:
    disclose(store, GIVEN, actor="ana", name="Press", note="as counsel saw it")
    more_reads(store, tmp_path)
    titles = ["What it says", "What changed since", "What lies between", "Its caveats", "What it rests on"]

    async def flow(pilot: Pilot[int]) -> None:
        await press(pilot, "enter")
        inside = pilot.app.screen.query_one(".details").content_region
        seen = set()
        for _ in range(60):
            lines = [line[inside.x : inside.right - 1] for line in screen_lines(pilot.app)[inside.y : inside.bottom]]
            # A line that was cut a second time goes on at the margin.
            seen |= {line.rstrip() for line in lines if line.strip() and not line.startswith("  ")}
            await press(pilot, "j")
        assert seen == {*titles}

    run(store, flow, size=size)


def test_it_is_derived_again_and_the_box_says_equal(store: Store, tmp_path: Path) -> None:
    disclose(store, GIVEN, actor="ana", name="Press")
    more_reads(store, tmp_path)

    async def flow(pilot: Pilot[int]) -> None:
        await press(pilot, "V")
        assert 'equal: disclosure 1, "Press"' in text(pilot)
        await press(pilot, "escape")
        assert message(pilot) == "disclosure 1: equal"

    run(store, flow)


def test_after_tampering_the_box_says_where_not(store: Store) -> None:
    disclose(store, GIVEN, actor="ana", name="Press")
    with store.writing() as connection:
        connection.execute(
            'UPDATE disclosures SET name = name, document = replace(document, \'"name":"Press"\', \'"name":"Pross"\')'
        )

    async def flow(pilot: Pilot[int]) -> None:
        await press(pilot, "V")
        assert "! NOT equal" in text(pilot)
        assert "its document is not the one" in text(pilot)

    run(store, flow)


def test_progress_is_told_and_one_runs_at_a_time(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    from store import reproduce as module

    disclose(store, GIVEN, actor="ana", name="Press")
    real, asked, told = module.reproduce, [], []

    def watched(store: Store, number: int, progress: Callable[[str, float | None], None]) -> module.Reproduction:
        asked.append(number)

        def noted(part: str, share: float | None) -> None:
            told.append(part)
            progress(part, share)

        return real(store, number, noted)

    async def flow(pilot: Pilot[int]) -> None:
        monkeypatch.setattr(module, "reproduce", watched)
        screen = pilot.app.screen
        assert isinstance(screen, DisclosuresScreen)
        screen.action_reproduce()
        screen.action_reproduce()
        assert "already" in message(pilot)
        await settled(pilot)
        assert asked == [1]
        assert "counting again" in told
        assert "equal: disclosure 1" in text(pilot)

    run(store, flow)


def test_claims_are_made_and_withdrawn(store: Store) -> None:
    async def flow(pilot: Pilot[int]) -> None:
        await press(pilot, "X")
        assert "no claim to withdraw" in message(pilot)
        await typed(pilot, "+", "Four read", "accessed.partners >= 4")
        assert "H holds" in text(pilot)
        await typed(pilot, "+", "Nobody", "accessed.people < 1")
        assert "! 1 broken" in text(pilot)
        assert "B broken" in text(pilot)
        await typed(pilot, "+", "Nonsense", "many")
        assert "is no comparison of a figure" in text(pilot)
        assert "Nonsense" in text(pilot)
        await press(pilot, "escape", "2", "G", "enter")
        assert "Judged under" in text(pilot)
        await press(pilot, "escape", "y")
        assert pilot.app.clipboard.startswith("B broken: accessed.people < 1; is 210 or more (counted ≥210); reads to ")
        await press(pilot, "X", "enter")
        assert "needs a note" in text(pilot)
        assert "Withdraw claim 2: Nobody" in text(pilot)
        await press(pilot, "o", "l", "d", "enter")
        assert [each.claimed.sentence for each in claims.claims(store)] == ["Four read"]
        assert [each.verb for each in actions(store)[-3:]] == ["claim", "claim", "withdraw_claim"]

    run(store, flow)


@pytest.mark.parametrize("size", [(80, 24), (120, 40)])
def test_a_broken_claim_is_an_alarm_on_the_board_until_it_is_withdrawn(store: Store, size: tuple[int, int]) -> None:
    filled(store)

    async def flow(pilot: Pilot[int]) -> None:
        assert isinstance(pilot.app.screen, BoardScreen)
        assert "! claim 2 broken" in text(pilot)
        assert message(pilot).startswith("claim 2 is broken: accessed.people == 0")
        claims.withdraw(store, 2, actor="bo", note="corrected")
        await press(pilot, "R")
        assert "broken" not in "\n".join(screen_lines(pilot.app)[:4])

    run(store, flow, keys="", size=size)


def test_nothing_is_said_on_the_board_without_broken_claims(store: Store) -> None:
    claim(store, GIVEN, actor="ana", sentence="At least four.", that="accessed.partners >= 4")

    async def flow(pilot: Pilot[int]) -> None:
        assert "broken" not in text(pilot)

    run(store, flow, keys="")


def test_it_opens_from_the_sheet(store: Store) -> None:
    async def flow(pilot: Pilot[int]) -> None:
        assert isinstance(pilot.app.screen, DisclosuresScreen)
        await press(pilot, "F")
        assert "esc goes back" in message(pilot)
        await press(pilot, "i", "escape")
        assert isinstance(pilot.app.screen, DisclosuresScreen)

    run(store, flow, keys="dF")


def test_a_store_that_is_only_read_refuses(tmp_path: Path) -> None:
    path = small_incident.build(tmp_path)
    with open_store(path) as store:
        filled(store)

    async def flow(pilot: Pilot[int]) -> None:
        for key in ("N", "+", "X"):
            await press(pilot, key)
            assert "nothing can be recorded" in message(pilot)
        await press(pilot, "V")
        assert "equal" in text(pilot)

    run(open_store(path, read_only=True), flow)


@pytest.mark.parametrize("size", [(20, 5), (80, 24), (200, 50)])
def test_hostile_names_and_any_size(tmp_path: Path, size: tuple[int, int]) -> None:
    store = open_store(build_store(tmp_path, HOSTILE))
    for place, said in enumerate(HOSTILE):
        disclose(store, GIVEN, actor=said, name=said, note=said)
        claim(store, GIVEN, actor=said, sentence=said, that=f"accessed.people == {place}")

    async def flow(pilot: Pilot[int]) -> None:
        for place in range(len(HOSTILE)):
            again = ("V", "escape") if place == len(HOSTILE) // 2 else ()
            for key in ("enter", "escape", "2", "enter", "escape", "1", "y", *again, "j"):
                await press(pilot, key)
                assert not hidden_in(text(pilot).replace("\n", ""))
        await press(pilot, "2", "X")
        assert not hidden_in(text(pilot).replace("\n", ""))

    run(store, flow, size=size)


@pytest.mark.parametrize(
    ("known", "outcome", "words"),
    [
        (Bounds(11, "exact", 11, 11), HOLDS, ("H holds", "is 11 (counted 11)")),
        (Bounds(11, "at_least", 11, None), UNKNOWN, ("U unknown", "is 11 or more (counted ≥11)")),
        (Bounds(3, "unsettled", 0, 3), BROKEN, ("B broken", "is 0 to 3 (counted ~3)")),
        (
            Bounds(3, "unsettled", 0, None),
            UNKNOWN,
            ("U unknown", "may be any number (counted ~3)"),
        ),
    ],
)
def test_outcomes_in_words(known: Bounds, outcome: str, words: tuple[str, str]) -> None:
    claimed = Claimed(1, "s", Term("accessed.people", ">=", 1), TODAY, 30, None, "ana", TODAY, 9, None)
    state = ClaimState(claimed, known, outcome)
    assert outcome_words(state) == words[0]
    assert why_words(state) == words[1]
    withdrawn = ClaimState(claimed._replace(withdrawn_by=12), known, outcome)
    assert outcome_words(withdrawn) == "- withdrawn"
