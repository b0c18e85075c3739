"""All keys, from the one table; those that work here and now come first and are brighter."""

from collections.abc import Sequence
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Static

from tui.keys import PLACES, Key, bindings, spoken
from tui.text import clean, fit

_SIGNS = (
    ("F o x c", "flagged, open, closed; closing asked for, which waits for a second person"),
    ("!", "restricted reads after its access was removed; late"),
    ("*", "marked"),
    ("≥ ~", "at least; unsettled, because a registry of consents was never imported"),
    ("█ ▒ x ░", "in a picture of time: restricted, unsettled, denied, allowed; ▲ cut, its value beside it"),
    ("· ─", "in the lane of logs: not logged; has events, but no log claims to be complete"),
    ("RNDCSAV", "access removed, partner told, deletion asked, certified, audit notice, audit started, passed"),
    ("X H ?", "contradicted or failed, on hold, no response"),
)
_KEYS_WIDTH = 14


class HelpScreen(ModalScreen[None]):
    """The help."""

    BINDINGS: ClassVar[list[BindingType]] = [*bindings("dialog.cancel", "app.help", "app.leave", "moves")]

    def __init__(self, table: Sequence[Key], active: frozenset[str], remarks: Sequence[str] = ()) -> None:
        """Show the table.

        Args:
            table: with the user's own keys in place.
            active: ids of the keys that do something on the screen below.
            remarks: what there is to know about the store, such as why nothing can be recorded.
        """
        super().__init__()
        self._table = table
        self._active = active
        self._remarks = tuple(remarks)

    def compose(self) -> ComposeResult:
        """A box that scrolls."""
        with VerticalScroll(id="help", can_focus=False) as box:
            box.border_title = Content(" Keys ")
            box.border_subtitle = Content(" bright: works here and now   esc closes ")
            yield Static(self._text(), id="help-text", markup=False)

    def _text(self) -> Content:
        parts: list[tuple[str, str]] = []
        if self._remarks:
            parts.append(("this store\n", "$accent bold"))
            parts += [(f"  ! {clean(remark, 1_000)}\n", "$warning") for remark in self._remarks]
        for place in sorted(PLACES, key=self._nothing_active):
            keys = [key for key in self._table if key.where == place]
            parts.append((f"{place}\n", "$accent bold"))
            for key in keys:
                bright = key.id in self._active
                parts.append((f"  {fit(spoken(key.keys), _KEYS_WIDTH)} ", "$head bold" if bright else "$quiet"))
                parts.append((f"{key.description}\n", "" if bright else "$quiet"))
        parts.append(("signs\n", "$accent bold"))
        for sign, meaning in _SIGNS:
            parts += [(f"  {fit(sign, _KEYS_WIDTH)} ", "$head bold"), (f"{meaning}\n", "")]
        return Content.assemble(*parts)

    def _nothing_active(self, place: str) -> bool:
        return not any(key.id in self._active for key in self._table if key.where == place)

    def action_go(self, where: str) -> None:
        """Scroll: `down`, `up`, `first`, `last`, pages and half pages."""
        box = self.query_one("#help", VerticalScroll)
        page = max(1, box.size.height - 1)
        steps = {"page_down": page, "page_up": -page, "half_down": page // 2, "half_up": -(page // 2)}
        step = {"down": 1, "up": -1, "first": -10_000, "last": 10_000, **steps}[where]
        box.scroll_relative(y=step, animate=False)

    def action_cancel(self) -> None:
        """Close."""
        self.dismiss()

    def action_keys(self) -> None:
        """Close, with the key that opened it."""
        self.dismiss()

    def action_leave(self) -> None:
        """Close."""
        self.dismiss()
