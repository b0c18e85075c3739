"""The export dialog on a real store: what is written is what the log tells, and refusals come back into the dialog."""

import asyncio
import hashlib
import json
import threading
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot
from textual.screen import Screen
from textual.widgets import Static

from store.connection import Store, open_store
from store.disclosure import disclose
from store.instants import parse_point
from store.ledger import Action, actions
from store.parameters import Parameters
from store.report import writing
from tests import small_incident
from tests.terminal.hostile_incident import build_store
from tests.tui.screens import press, text
from tests.visible_text import hidden_in
from tui.app import OverscopeApp
from tui.screens.board import BoardScreen
from tui.screens.case import CaseScreen
from tui.screens.dialogs import NoteDialog
from tui.screens.export_dialog import MOST_DISCLOSURES, ExportDialog
from tui.screens.stages import StagesScreen
from tui.screenshot import settled
from tui.widgets.bars import MessageBar
from tui.widgets.fields import Choice, TextField

Flow = Callable[[Pilot[int]], Awaitable[None]]
TODAY = parse_point(small_incident.TODAY)


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    return small_incident.build(tmp_path_factory.mktemp("export")).read_bytes()


@pytest.fixture
def path(built: bytes, tmp_path: Path) -> Path:
    path = tmp_path / "incident.db"
    path.write_bytes(built)
    return path


def run(path: Path, flow: Flow, *, read_only: bool = False, size: tuple[int, int] = (120, 40)) -> None:
    async def go(store: Store) -> None:
        app = OverscopeApp(store, Parameters(today=TODAY), actor="bo", watch=False)
        async with app.run_test(size=size) as pilot:
            await settled(pilot)
            await flow(pilot)

    with open_store(path, read_only=read_only) as store:
        asyncio.run(go(store))


async def fill(pilot: Pilot[int], to: Path | str, *keys: str) -> None:
    """Put a path into the dialog, press these keys from its list on, and confirm."""
    dialog(pilot).query_one("#path", TextField).value = str(to)
    dialog(pilot).query_one(Choice).focus()
    await press(pilot, *keys, "enter")


def dialog(pilot: Pilot[int]) -> ExportDialog:
    assert isinstance(pilot.app.screen, ExportDialog)
    return pilot.app.screen


async def until(pilot: Pilot[int], wanted: type[Screen[Any]]) -> None:
    """Wait for this screen to be the topmost, whatever is still being written."""
    async with asyncio.timeout(30):
        while top(pilot) is not wanted:
            await pilot.pause()


def top(pilot: Pilot[int]) -> type[Screen[Any]]:
    return type(pilot.app.screen)


def said(pilot: Pilot[int]) -> str:
    return pilot.app.screen.query_one(MessageBar).message[0]


def exports(path: Path) -> list[Action]:
    """The log's entries of exports, oldest first."""
    with open_store(path) as store:
        return sorted((each for each in actions(store) if each.verb == "export"), key=lambda each: each.seq)


@pytest.mark.parametrize("ending", ["html", "md", "csv", "json"])
def test_the_file_is_written_and_the_line_names_it_its_hash_and_its_entry(
    path: Path, tmp_path: Path, ending: str
) -> None:
    to = tmp_path / f"r.{ending}"

    async def flow(pilot: Pilot[int]) -> None:
        await press(pilot, "x")
        assert "the incident" in text(pilot)
        await fill(pilot, to)
        assert top(pilot) is BoardScreen
        digest = hashlib.sha256(to.read_bytes()).hexdigest()
        (done,) = exports(path)
        assert said(pilot).startswith(f"wrote {to}: SHA-256 {digest[:12]}, entry #{done.seq} of the log")
        assert done.actor == "bo"
        assert json.loads(str(done.after))["sha256"] == digest

    run(path, flow)
    assert b"Groups API member data" in to.read_bytes()


def test_the_partner_is_the_one_under_the_cursor(path: Path, tmp_path: Path) -> None:
    async def flow(pilot: Pilot[int]) -> None:
        await press(pilot, "g", "x")
        assert "case file" not in text(pilot), "the first line is all partners together"
        await press(pilot, "escape", "j", "j", "x")
        assert "the case file of Castaway Live" in text(pilot)
        await fill(pilot, tmp_path / "board.json", "j")
        await press(pilot, "enter")
        assert top(pilot) is CaseScreen
        await press(pilot, "x")
        await fill(pilot, tmp_path / "case.json", "j")
        assert top(pilot) is CaseScreen
        await press(pilot, "escape", "A")
        assert top(pilot) is StagesScreen
        await press(pilot, "1", "x")
        assert "case file" not in text(pilot)
        await press(pilot, "escape", "2", "x")
        current = pilot.app.screen_stack[-2]
        assert isinstance(current, StagesScreen)
        assert current.listed.current is not None
        assert f"the case file of {current.listed.current.row.name}" in text(pilot)
        await fill(pilot, tmp_path / "stages.json", "j")
        wanted = ["p-1", "p-1", current.listed.current.row.partner_id]
        files = [tmp_path / f"{name}.json" for name in ("board", "case", "stages")]
        assert [json.loads(str(each.after))["partner_id"] for each in exports(path)] == wanted
        assert [each in file.read_text() for each, file in zip(wanted, files, strict=True)] == [True] * 3

    run(path, flow)


def test_the_newest_disclosures_can_be_chosen(path: Path, tmp_path: Path) -> None:
    with open_store(path) as store:
        for place in range(MOST_DISCLOSURES + 1):
            disclose(store, Parameters(), actor="ana", name=f"draft {place}")

    async def flow(pilot: Pilot[int]) -> None:
        await press(pilot, "g", "x")
        assert "disclosure 9: draft 8" in text(pilot)
        assert "draft 0" not in text(pilot)
        there = tmp_path / "there.md"
        there.write_text("mine")
        await fill(pilot, there, "j", "j", "j")
        assert "exists already" in text(pilot)
        assert "> disclosure 8: draft 7" in text(pilot), "what was chosen is chosen again"
        await fill(pilot, tmp_path / "new.md")
        assert "draft 7" in (tmp_path / "new.md").read_text()
        (done,) = exports(path)
        assert json.loads(str(done.after))["disclosure_id"] == 8

    run(path, flow)


def test_refusals_come_back_into_the_dialog_and_nothing_is_recorded(path: Path, tmp_path: Path) -> None:
    there = tmp_path / "there.md"
    there.write_text("mine")
    link = tmp_path / "link.md"
    link.symlink_to(there)
    folder = tmp_path / "folder.md"
    folder.mkdir()

    async def flow(pilot: Pilot[int]) -> None:
        await press(pilot, "x")
        for to, why in (
            (there, "exists already; turn on the replacing"),
            (link, "is a symbolic link"),
            (folder, "is not a file"),
            (tmp_path / "report.docx", "does not say in which form"),
            (tmp_path / "nowhere" / "r.md", "cannot write"),
            ("/proc/r.md", "cannot write"),
            (tmp_path / f"{'n' * 300}.md", "too long"),
            ("~nobody-of-this-name/r.md", "home directory"),
            (path.with_suffix(".md.html") / "r.md", "cannot write"),
        ):
            await fill(pilot, to)
            complaint = " ".join(str(dialog(pilot).query_one(".dialog--complaint", Static).visual).split())
            assert why in complaint, to
            assert dialog(pilot).query_one("#path", TextField).value == str(to)
        await fill(pilot, "")
        assert "name a file" in text(pilot)
        await press(pilot, "escape")
        assert top(pilot) is BoardScreen
        assert (there.read_text(), exports(path)) == ("mine", [])
        await press(pilot, "x")
        await fill(pilot, there, "tab", "tab", "space")
        assert len(exports(path)) == 1
        assert there.read_text() != "mine"

    run(path, flow)


def test_a_dialog_opened_meanwhile_keeps_its_keys_and_the_screen_never_waits(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    may_go_on, real = threading.Event(), writing.form_of

    def slow(path: Path) -> str:
        assert may_go_on.wait(30)
        return real(path)

    monkeypatch.setattr(writing, "form_of", slow)

    async def flow(pilot: Pilot[int]) -> None:
        await press(pilot, "g", "x")
        dialog(pilot).query_one("#path", TextField).value = str(tmp_path / "r.docx")
        await pilot.press("enter")
        await until(pilot, BoardScreen)
        assert said(pilot) == f"writing {tmp_path / 'r.docx'} ..."
        await pilot.press("j", "e")
        await until(pilot, NoteDialog)
        may_go_on.set()
        await settled(pilot)
        assert top(pilot) is NoteDialog
        await press(pilot, "escape")
        assert "does not say in which form" in text(pilot)

    run(path, flow)


def test_a_store_that_can_only_be_read_says_that_nothing_is_in_the_log(path: Path, tmp_path: Path) -> None:
    async def flow(pilot: Pilot[int]) -> None:
        await press(pilot, "x")
        await fill(pilot, tmp_path / "r.csv")
        assert "not in the log, which can only be read" in said(pilot)

    run(path, flow, read_only=True)
    assert (tmp_path / "r.csv").read_bytes()
    assert exports(path) == []


@pytest.mark.parametrize("size", [(60, 16), (80, 24)])
def test_hostile_names_are_text_and_it_fits(tmp_path: Path, size: tuple[int, int]) -> None:
    hostile = ["[@click=app.quit]x[/nope]", "\x1b]52;c;aGk=\x07", "\u202edlrow", "=HYPERLINK(1)|", "日本" * 30]

    async def flow(pilot: Pilot[int]) -> None:
        await press(pilot, "g")
        for _ in hostile:
            await press(pilot, "j", "x")
            assert "the case file of " in text(pilot)
            assert "replace a file" in text(pilot)
            assert not hidden_in(text(pilot).replace("\n", ""))
            await press(pilot, "escape")

    run(build_store(tmp_path, hostile), flow, size=size)
