"""The palette: every key of the table that does something here and now, found by its name. Nothing of its own."""

from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING, cast

from textual.command import DiscoveryHit, Hit, Hits, Provider
from textual.content import Content
from textual.dom import DOMNode
from textual.markup import escape
from textual.types import IgnoreReturnCallbackType

from tui.keys import Key, spoken
from tui.text import fit

if TYPE_CHECKING:
    from tui.app import OverscopeApp


_KEYS_WIDTH = 11


def _line(text: Content, keys: str) -> Content:
    """One line a command, its keys first: at 80x24 twice as many are in sight as with the keys below."""
    return Content.assemble((fit(keys, _KEYS_WIDTH), "$accent"), " ", text)


class KeyCommands(Provider):
    """Commands `area: what it does`, taken from the active bindings of the screen below the palette."""

    def _possible(self) -> Iterator[tuple[Key, str, DOMNode]]:
        """Key, action and the node it belongs to, of what can be done now; keys that only move are left out."""
        active = {shown.binding.id: shown for shown in self.screen.active_bindings.values() if shown.enabled}
        for key in cast("OverscopeApp", self.app).key_table:
            if key.id in active and key.group != "moves" and key.id != "app.palette":
                yield key, active[key.id].binding.action, active[key.id].node

    def _commands(self) -> list[tuple[str, str, IgnoreReturnCallbackType]]:
        return [
            (
                f"{key.id.split('.')[0].replace('_', ' ')}: {key.description}",
                # Textual reads markup here, and keys may be brackets.
                escape(spoken(key.keys)),
                self._run(action, node),
            )
            for key, action, node in self._possible()
        ]

    def _run(self, action: str, node: DOMNode) -> IgnoreReturnCallbackType:
        return partial(self.app.run_action, action, node)

    async def discover(self) -> Hits:
        """Everything that can be done now."""
        for text, keys, command in self._commands():
            yield DiscoveryHit(_line(Content(text), keys), command, text=text)

    async def search(self, query: str) -> Hits:
        """What matches."""
        matcher = self.matcher(query)
        for text, keys, command in self._commands():
            if (score := matcher.match(text)) > 0:
                yield Hit(score, _line(matcher.highlight(text), keys), command, text=text)
