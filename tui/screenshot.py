"""Drawing the dashboard without a terminal: keys are pressed, answers waited for, the screen saved as SVG."""

import asyncio
import os
import re
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from store.connection import Store
from store.errors import UnusableFileError, UsageError
from store.parameters import Parameters
from tui.app import OverscopeApp

if TYPE_CHECKING:
    from textual.pilot import Pilot

# A picture must not fetch anything: its fonts would come from a server.
_FONT_FACE = re.compile(r"\s*@font-face \{.*?\}", re.DOTALL)
# A key that closed what it was pressed in may have lost its trail: it is not waited for any longer.
_MOST_LOOKS = 10
_NAMES = {
    "esc": "escape",
    "pgdn": "pagedown",
    "pgup": "pageup",
    "?": "question_mark",
    "/": "slash",
    "*": "asterisk",
    "@": "at",
    ":": "colon",
    ",": "comma",
}


async def settled(pilot: "Pilot[int]") -> None:
    """Wait until every question is answered and drawn; nothing sleeps."""
    app = pilot.app
    assert isinstance(app, OverscopeApp)
    await pilot.pause()
    looks = 0
    while not app.idle or (app.has_key_under_way and looks < _MOST_LOOKS):
        looks += 1
        await app.workers.wait_for_complete()
        await pilot.pause()


async def draw(app: OverscopeApp, keys: Sequence[str], size: tuple[int, int]) -> str:
    """The screen as SVG after these keys."""
    async with app.run_test(size=size) as pilot:
        await settled(pilot)
        for key in keys:
            await pilot.press(_NAMES.get(key, key))
            await settled(pilot)
            if not app.is_running:
                raise UsageError(f"--press: {key} ended the dashboard before the screen was drawn")
        return _FONT_FACE.sub("", app.export_screenshot(title="Overscope", simplify=True))


def save_screenshot(
    store: Store, parameters: Parameters, actor: str, *, to: Path, keys: Sequence[str], size: tuple[int, int]
) -> None:
    """Save the screen as SVG.

    Args:
        to: the file; it appears whole, and replaces one of the same name.
        keys: Textual's names, or characters; `esc` for escape.
        size: columns and rows.

    Raises:
        UnusableFileError: the file cannot be written.
    """
    app = OverscopeApp(store, parameters, actor=actor, watch=False)
    svg = asyncio.run(draw(app, keys, size))
    try:
        handle, name = tempfile.mkstemp(dir=to.parent, prefix=f".{to.name}.")
        try:
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                file.write(svg)
            Path(name).replace(to)
        finally:
            Path(name).unlink(missing_ok=True)
    except OSError as error:
        raise UnusableFileError(f"cannot write {to}: {error.strerror}; choose a folder you can write to") from error
