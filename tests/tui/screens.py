"""A screen as plain lines of text, for golden tests, and keys pressed one by one: the one helper that does it."""

import os
from pathlib import Path

from textual.app import App
from textual.pilot import Pilot

from tui.screenshot import settled

GOLDEN = Path(__file__).parent / "golden"


def screen_lines(app: App[int]) -> list[str]:
    """What is on the screen, a line each, without colours and without blanks at the ends."""
    width, height = app.size
    strips = app.screen._compositor.render_strips(app.size)
    lines = [strip.text.rstrip() for strip in strips]
    assert len(lines) == height
    assert all(strip.cell_length == width for strip in strips)
    return lines


def text(pilot: Pilot[int]) -> str:
    """The screen as one text."""
    return "\n".join(screen_lines(pilot.app))


async def press(pilot: Pilot[int], *keys: str) -> None:
    """Press each key once what the one before it did is done."""
    for key in keys:
        await pilot.press(key)
        await settled(pilot)


def check_golden(app: App[int], name: str) -> None:
    """Compare the screen with the golden text of this name; with OVERSCOPE_WRITE_GOLDEN set, write it."""
    path = GOLDEN / f"{name}.txt"
    text = "\n".join(screen_lines(app)) + "\n"
    if os.environ.get("OVERSCOPE_WRITE_GOLDEN"):
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
    assert text == path.read_text(encoding="utf-8")
