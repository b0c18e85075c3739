"""Keys typed faster than the screen changes: each waits until what the key before it opened has the keys.

Textual hands every key to whatever has the focus when it arrives. Of `f`, a note and `enter` in one burst (a paste, a
script, a slow line) the note would be lost and the `enter` obeyed. It knows nothing of what keys do.
What is pasted is one line, cleaned before any widget sees it: Textual's own, like the palette's, clean nothing.
"""

from collections import deque
from functools import partial
from typing import TypeVar

from textual import events
from textual.app import App
from textual.message import Message
from textual.widget import Widget

from tui.text import clean

ReturnType = TypeVar("ReturnType")

MOST_PASTED = 2_000
# A key whose trail is lost (its widget was taken away under it) holds the next ones up no longer than this.
LONGEST_WAIT_S = 0.3


# The second follower passes what the key's action has sent up itself: that a line was closed, or submitted.
FOLLOWERS = 2


class KeyPassed(Message):
    """Follows a key on its way up, so that where it arrives the key has been there.

    Attributes:
        target: where the key began.
        follower: the how many-th it is.
    """

    bubble = True

    def __init__(self, target: Widget, follower: int) -> None:
        super().__init__()
        self.target = target
        self.follower = follower


class TypeAheadApp(App[ReturnType]):
    """An app that takes one key at a time.

    A key is done once it has bubbled up to the app, its binding has run, and a screen that this opened has its first
    focus. Keys that come before that wait; none is lost, and none waits for a question to the store.
    """

    def __init__(self, *, ansi_color: bool | None = None) -> None:
        super().__init__(ansi_color=ansi_color)
        self._typed: deque[events.Key] = deque()
        self._key_under_way = False
        self._taken = 0

    @property
    def has_key_under_way(self) -> bool:
        """Whether a key has not yet done what it does, as far as its trail can tell."""
        return self._key_under_way

    async def on_event(self, event: events.Event) -> None:
        """Queue keys while one is under way, clean what is pasted; everything else as usual."""
        if isinstance(event, events.Paste):
            event.text = clean("".join(event.text.splitlines()[:1]), MOST_PASTED)
        if not isinstance(event, events.Key) or event.is_forwarded:
            await super().on_event(event)
        elif (both := _escape_and_key(event)) is not None:
            # On a slow line, `esc` and the next key come in one packet, as alt and that key do.
            for each in both:
                await self.on_event(each)
        elif self._key_under_way:
            self._typed.append(event)
            if len(self._typed) == 1:
                self._watch_trail()
        else:
            await self._take(event)

    async def _take(self, event: events.Key) -> None:
        self._key_under_way = True
        self._taken += 1
        target = self.focused or self.screen
        await super().on_event(event)
        target.post_message(KeyPassed(target, 1))
        if self._typed:
            self._watch_trail()

    def on_key_passed(self, message: KeyPassed) -> None:
        """The key has passed: let what it set off pass, too, and the topmost screen catch up."""
        message.stop()
        if message.follower < FOLLOWERS and message.target.is_attached:
            message.target.post_message(KeyPassed(message.target, message.follower + 1))
            return
        # A new screen runs this only once it is composed; a focus that was asked for is set before the app's turn.
        self.screen.call_later(self.call_later, self._next_key, self._taken)

    def _watch_trail(self) -> None:
        self.set_timer(LONGEST_WAIT_S, partial(self._next_key, self._taken))

    async def _next_key(self, done: int) -> None:
        """Take the next key, if `done` is still the one under way."""
        if done != self._taken:
            return
        self._key_under_way = False
        if self._typed:
            await self._take(self._typed.popleft())


def _escape_and_key(event: events.Key) -> tuple[events.Key, events.Key] | None:
    """What alt and a letter or digit also stands for; None for any other key."""
    alt, _, character = event.key.partition("+")
    if alt != "alt" or len(character) != 1 or not character.isalnum():
        return None
    return events.Key("escape", None), events.Key(character, character)
