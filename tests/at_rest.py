"""Waiting for a dashboard in a test: until nothing is left to do, not until a clock has run for a while.

Textual's pilot takes a program for idle once it used little processor time for 20 ms, and asks so three times a key:
most of the time of a test went into that, and on a busy machine it says nothing. Here a program is at rest once its
event loop has nothing to run, its screens have nothing to draw, and no thread of it works.
"""

import asyncio
import time

import pytest
import textual.app
import textual.pilot
from textual._context import active_app

_usual = textual.pilot.wait_for_idle
# A thread that waits for the test (for a lock, say) is not waited for: it uses no processor time.
_LOOK_S, _USES_NONE_S = 0.02, 0.001


async def wait_until_at_rest(min_sleep: float = 0, max_sleep: float = 1) -> None:
    """Wait until the dashboard is at rest, or its threads only wait themselves.

    Args:
        min_sleep: of Textual's own function; there is nothing to sleep for.
        max_sleep: seconds, after which a program that is still at work is left to it.
    """
    app = active_app.get()
    deadline = time.monotonic() + max_sleep
    while time.monotonic() < deadline:
        await _nothing_to_run(deadline)
        if _draw(app):
            continue
        threads = [worker._task for worker in app.workers if not worker.is_finished and worker._task is not None]
        if not threads and app._resize_timer is None and getattr(app, "idle", True):
            return
        used = time.process_time()
        ended = await _first_of(threads)
        if not ended and time.process_time() - used < _USES_NONE_S:
            return


async def _first_of(threads: list[asyncio.Task[None]]) -> bool:
    """Wait for a thread to end, or for a while; whether one did.

    With none, a question waits whether a newer one comes, or a new size whether another does.
    """
    if not threads:
        await asyncio.sleep(_LOOK_S)
        return False
    ended, _ = await asyncio.wait(threads, timeout=_LOOK_S, return_when=asyncio.FIRST_COMPLETED)
    return bool(ended)


async def _nothing_to_run(deadline: float) -> None:
    """Let the event loop run until all that it has left are timers, threads and files that it waits for."""
    loop = asyncio.get_running_loop()
    while time.monotonic() < deadline:
        await asyncio.sleep(0)
        if not loop._ready:  # type: ignore[attr-defined]
            return


def _draw(app: textual.app.App[object]) -> bool:
    """Draw what is to be drawn, as the screen's own timer would at the next frame; whether there was anything."""
    if app._batch_count or not app.is_running or not app._screen_stack:
        return False
    due = [screen for screen in (*app._background_screens, app.screen) if screen._update_timer._active.is_set()]
    for screen in due:
        screen._on_timer_update()
    return bool(due)


@pytest.fixture(autouse=True)
def at_rest(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pilots wait for rest."""
    for module in (textual.app, textual.pilot):
        assert module.wait_for_idle is _usual
        monkeypatch.setattr(module, "wait_for_idle", wait_until_at_rest)
