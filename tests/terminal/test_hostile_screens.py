"""Whatever is in the data, every screen shows it as text: judged by the raw bytes that reach a pseudo-terminal.

A walk through the dashboard is made twice: on harmless data, which shows what the program writes of itself, and on
hostile data. Screens, panes and keys are taken from the program, so that one added later without a trial fails.
"""

import ast
import importlib
import math
import pkgutil
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from textual.screen import Screen

import tui
from store.connection import open_store
from store.ledger import actions
from tests.promises import PROMISES, trials
from tests.terminal.attacks import MARKUP, SEQUENCES, tagged
from tests.terminal.hostile_incident import TODAY, build_store
from tests.terminal.raw_stream import Written, strange, taken_apart
from tests.terminal.walk import LARGEST, PARTNERS_IN_FULL, Walk, proof, typeable, walk_through
from tests.visible_text import hidden_in, visible
from tui.__main__ import main
from tui.keys import TABLE
from tui.screens.base import WorkScreen

ROOT = Path(tui.__file__).parent
HARMLESS = ("plain words", "more of them", "last words")
# What others are made of: never on the screen by themselves.
BASES = {"WorkScreen", "CaseWorkScreen", "TimelineWorkScreen", "AuditWorkScreen", "Dialog", "DetailsBox"}
# Besides screens and panes: the lines at the foot and at the top, and whatever else shows data.
OTHER_SURFACES = {
    "CaseScreen",
    "CaseScreen.apps",
    "CommandPalette",
    "FiguresBar",
    "FilterLine",
    "MessageBar",
    "PeopleScreen",
    "TimelinePane.markers",
}
# What is typed, not read from the store: only what a terminal passes on when it is pasted.
TYPED = {"CommandPalette", "FilterLine", "LinePrompt"}
# Narrow columns, markers of one place, and what is looked at of some partners: these show some of the texts.
SOME = {
    "HelpScreen": 5,
    # The first groups of what others did.
    "SinceDialog": 5,
    "TimelinePane.markers": 1,
    "SheetScreen.sheet": 1,
    "WhatIfScreen.asked": 1,
    "WhatIfScreen.compared": 1,
    "ScenarioDialog": 1,
    "ExportDialog": PARTNERS_IN_FULL,
    "DisclosuresScreen.disclosures": 1,
    "DisclosuresScreen.claims": 1,
    "LinesBox": 1,
    "TwoLinesDialog": 1,
    "TimelineScreen.timeline": PARTNERS_IN_FULL,
    "TimelineScreen.shape": PARTNERS_IN_FULL,
    # The countries for which there is room.
    "PeopleScreen": 1,
    # Counts, and words of the program.
    "StagesScreen.stages": 0,
    "IncidentStepDialog": 0,
}
# Puts the program into the background of a shell that is not there.
NOT_PRESSED = {"app.suspend"}
AT_ONCE = 40


def screens() -> dict[str, type[Screen[Any]]]:
    """Every class of screen in the program, by name."""
    for module in pkgutil.walk_packages(tui.__path__, "tui."):
        importlib.import_module(module.name)

    def below(parent: type[Screen[Any]]) -> Iterator[type[Screen[Any]]]:
        for child in parent.__subclasses__():
            yield child
            yield from below(child)

    return {one.__name__: one for one in below(Screen) if one.__module__.startswith("tui.")}


def surfaces() -> set[str]:
    """Where data can be shown: each pane of each full screen, each dialog, and the rest."""
    found = set(OTHER_SURFACES)
    for name, screen in screens().items():
        if name in BASES:
            continue
        if issubclass(screen, WorkScreen):
            found |= {f"{name}.{pane}" for pane in screen.PANES}
        else:
            found.add(name)
    return found


def walked(folder: Path, texts: Sequence[str]) -> tuple[Walk, Written]:
    """A walk through an incident made of these texts, and what it wrote to the terminal."""
    folder.mkdir()
    path = build_store(folder, texts)
    with open_store(path) as store:
        before = len(actions(store))
    walk = walk_through(path, texts, folder / "config")
    with open_store(path) as store:
        done = Counter(action.verb for action in actions(store)[before:])
    # Nothing but what the walk did itself: an action in the data that ran would have left a trace.
    assert done.pop("load_rules") > 0
    once = ("undo", "redo", "scenario", "drop_scenario", "disclose", "claim", "withdraw_claim")
    assert done == {"assign": len(texts), **dict.fromkeys(once, 1)}
    return walk, taken_apart(walk.terminal.raw.decode("utf-8", "strict"), LARGEST)


@trials("P5 screens")
def test_no_text_controls_the_terminal_and_none_is_markup(
    count: int, tmp_path: Path, account: Callable[[str, Mapping[str, int]], None]
) -> None:
    markups = PROMISES["P6"].short if count == PROMISES["P5 screens"].short else PROMISES["P6"].full
    sequences, markup = tagged(SEQUENCES[:count]), tagged(MARKUP[:markups], count)
    assert (len(set(sequences)), len(set(markup))) == (count, markups)
    harmless, usual = walked(tmp_path / "harmless", tagged(HARMLESS))
    assert strange(usual, usual, harmless.copies) == []
    batches = math.ceil(count / AT_ONCE)
    shown: Counter[str] = Counter()
    for batch in range(batches):
        texts = [*sequences[batch::batches], *markup[batch::batches]]
        walk, written = walked(tmp_path / f"{batch}", texts)
        assert strange(written, usual, walk.copies) == []
        assert set(walk.seen) == surfaces()
        assert walk.not_pressed == NOT_PRESSED
        for surface, seen in walk.seen.items():
            wanted = {text for text in texts if surface not in TYPED or typeable(text)}
            assert seen == wanted or len(seen) >= SOME.get(surface, len(texts)), surface
            shown["sequences"] += len(seen & set(sequences))
            shown["markup"] += len(seen & set(markup))
    places = {"screens, panes and lines": len(surfaces()), "keys": len(TABLE) - len(NOT_PRESSED)}
    account("P5 screens", {"sequences": count, "times seen on a screen": shown["sequences"], **places})
    account("P6", {"payloads": markups, "times seen on a screen": shown["markup"], **places})


def test_each_sequence_would_be_seen_were_it_obeyed() -> None:
    """The check itself: every attack, written as it is among what the program writes, is found."""
    own = "\x1b[?1049h\x1b[2;1H\x1b[38;2;1;2;3m{}\x1b[0m\r\n\x1b[3;1Hend\x1b[?1049l"
    usual = taken_apart(own.format("hello"), LARGEST)
    assert strange(taken_apart(own.format("another text"), LARGEST), usual) == []
    for text in tagged(SEQUENCES):
        assert strange(taken_apart(own.format(text), LARGEST), usual) != [], ascii(text)
        assert strange(taken_apart(own.format(visible(text)), LARGEST), usual) == [], ascii(text)
        assert proof(text) != proof(visible(text)[:3])
    for text in tagged(MARKUP):
        assert visible(text) == text


def test_the_bases_are_bases() -> None:
    found = screens()
    assert set(found) >= BASES
    assert {name for name in BASES if not found[name].__subclasses__()} == set()


def test_there_are_no_other_ways_to_show_a_text() -> None:
    """Toasts, tooltips and terminal titles would need a place in the walk."""
    used = {
        node.attr
        for path in ROOT.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Attribute)
    }
    assert "border_title" in used
    assert not used & {"notify", "tooltip", "sub_title", "write_ansi", "set_title", "begin_capture_print"}


@pytest.mark.parametrize("keys", ["", "enter", "i", "* e", "* a", "?"])
def test_a_picture_is_plain_text_too(keys: str, pictured: tuple[Path, list[str]], tmp_path: Path) -> None:
    path, texts = pictured
    drawn = draw(path, keys, tmp_path / "hostile.svg")
    assert not hidden_in("".join(drawn.itertext()).replace("\n", ""))
    told = "".join("".join(drawn.itertext()).split())
    shown = [text for text in texts if proof(text) in told]
    assert len(shown) >= {"": len(texts), "i": len(texts) // 2}.get(keys, 1)
    # The same elements and attributes as any picture has: no text became one.
    assert {(one.tag, *sorted(one.attrib)) for one in drawn.iter()} <= {
        ("{http://www.w3.org/2000/svg}" + tag, *names)
        for tag, *names in (
            ("svg", "class", "viewBox"),
            ("style",),
            ("defs",),
            ("clipPath", "id"),
            ("rect", "height", "width", "x", "y"),
            ("rect", "fill", "height", "rx", "stroke", "stroke-width", "width", "x", "y"),
            ("rect", "fill", "height", "shape-rendering", "width", "x", "y"),
            ("text", "class", "fill", "text-anchor", "x", "y"),
            ("text", "class", "clip-path", "textLength", "x", "y"),
            ("g", "class"),
            ("g", "clip-path", "transform"),
            ("g", "transform"),
            ("circle", "cx", "cy", "fill", "r"),
        )
    }


def draw(path: Path, keys: str, to: Path) -> ElementTree.Element:
    arguments = ["--db", str(path), "--today", TODAY, "--as", "ana", "--press", keys, "--size", "200x90"]
    assert main([*arguments, "--screenshot", str(to)]) == 0
    return ElementTree.fromstring(to.read_text("utf-8"))


@pytest.fixture(scope="module")
def pictured(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[str]]:
    texts = [*tagged(SEQUENCES[:20]), *tagged(MARKUP[:20], 20)]
    return build_store(tmp_path_factory.mktemp("pictured"), texts), texts
