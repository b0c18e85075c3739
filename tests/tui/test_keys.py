"""The one table of keys: nothing twice, nothing that does not exist, and a user's keymap that overrides by id."""

import asyncio
import importlib
import inspect
import pkgutil
import re
from pathlib import Path

import pytest
from textual.dom import DOMNode

import tui.screens
import tui.widgets
from tests.tui.fakes import FakeIncident
from tui import keys
from tui.app import OverscopeApp
from tui.screens.help import HelpScreen
from tui.screenshot import settled
from tui.widgets.partner_list import PartnerList


def nodes() -> list[type[DOMNode]]:
    """Every screen, widget and app class of ours."""
    found: list[type[DOMNode]] = [OverscopeApp]
    for package in (tui.screens, tui.widgets):
        for module in pkgutil.iter_modules(package.__path__, f"{package.__name__}."):
            for _, each in inspect.getmembers(importlib.import_module(module.name), inspect.isclass):
                if issubclass(each, DOMNode) and each.__module__ == module.name:
                    found.append(each)
    return found


def test_ids_are_unique_and_places_known() -> None:
    assert len(keys.BY_ID) == len(keys.TABLE)
    assert {key.where for key in keys.TABLE} <= set(keys.PLACES)
    for key in keys.TABLE:
        assert re.fullmatch(r"[a-z_]+\.[a-z_]+", key.id)
        assert key.description


def test_every_key_of_the_table_is_bound_to_a_method_that_exists_and_nothing_else_is_bound() -> None:
    bound = set()
    for node in nodes():
        for binding in node.__dict__.get("BINDINGS", []):
            assert binding.id in keys.BY_ID, f"{node.__name__} binds {binding.key} outside the table"
            bound.add(binding.id)
            method = f"action_{binding.action.split('(')[0]}"
            assert hasattr(node, method), f"{node.__name__} lacks {method}"
    assert bound == set(keys.BY_ID)


def test_no_key_means_two_things_in_one_place() -> None:
    for node in nodes():
        seen: dict[str, str] = {}
        for binding in node.__dict__.get("BINDINGS", []):
            for name in binding.key.split(","):
                assert seen.setdefault(name, binding.id) == binding.id, f"{node.__name__}: {name}"


def test_what_the_interface_promises_is_there() -> None:
    promised = (
        "? f1 ctrl+p : tab shift+tab 1 2 3 z escape q R ctrl+l y j k g G pageup pagedown ctrl+d ctrl+u / n N p s S"
    )
    promised += " C space v * U enter f c o e @ a u ctrl+r h l H L + = - 0 [ ] t i"
    have = {name for key in keys.TABLE for name in key.keys.split(",")}
    assert set(promised.split()) <= have


def test_a_missing_keymap_is_empty(tmp_path: Path) -> None:
    assert keys.read_keymap(tmp_path / "none.toml") == ({}, [])


def test_a_keymap_overrides_by_id_and_complains_about_the_rest(tmp_path: Path) -> None:
    path = tmp_path / "keymap.toml"
    path.write_text('[case]\nflag = "E, ctrl+f"\nnonsense = "x"\nclose = 3\n', encoding="utf-8")
    keymap, complaints = keys.read_keymap(path)
    assert keymap == {"case.flag": "E,ctrl+f"}
    assert ["nonsense" in complaints[0], "case.close" in complaints[1]] == [True, True]
    table = {key.id: key for key in keys.with_keymap(keymap)}
    assert table["case.flag"].keys == "E,ctrl+f"
    assert table["case.close"].keys == "c"


@pytest.mark.parametrize("content", [b"not = = toml", b"\xff\xfe"])
def test_an_unreadable_keymap_is_told_and_ignored(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "keymap.toml"
    path.write_bytes(content)
    keymap, (complaint,) = keys.read_keymap(path)
    assert keymap == {}
    assert "ignored" in complaint


def test_a_users_key_works_and_is_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "keymap.toml"
    path.write_text('"list.mark_all" = "M"\n"case.flag" = "E"\n', encoding="utf-8")
    incident = FakeIncident()
    incident.install(monkeypatch)
    app = incident.app(keymap=path)

    async def go() -> None:
        async with app.run_test(size=(120, 40)) as pilot:
            await settled(pilot)
            await pilot.press("asterisk")
            marks = app.screen.query_one(PartnerList).marks
            assert not marks
            await pilot.press("M")
            assert len(marks) == 11
            await settled(pilot)
            await pilot.press("question_mark")
            await settled(pilot)
            assert isinstance(app.screen, HelpScreen)

    asyncio.run(go())


def test_the_readme_table_names_every_key() -> None:
    table = keys.markdown_table()
    for key in keys.TABLE:
        assert key.description in table
    assert "`j` `↓`" in table


def test_an_unknown_group_is_an_error() -> None:
    with pytest.raises(KeyError, match="nonsense"):
        keys.bindings("lists", "nonsense")
