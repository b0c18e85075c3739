"""The two lines at the foot of every screen: what just happened, and which keys do what here and now."""

from rich.cells import cell_len
from textual.content import Content
from textual.reactive import reactive
from textual.widget import Widget
from textual.widgets import Input

from tui.keys import Key, spoken
from tui.text import clean, fit

_LEVELS = {
    "info": ("", "$foreground"),
    "good": ("", "$success"),
    "refused": ("! ", "$warning"),
    "error": ("! ", "$error"),
}


class MessageBar(Widget):
    """One line: the last thing that happened at the left, a standing remark at the right.

    A refusal is never cut: it takes up to three lines, and the remark waits until it is gone.
    """

    DEFAULT_CSS = "MessageBar { height: auto; min-height: 1; max-height: 3; width: 100%; padding: 0 1; }"

    message: reactive[tuple[str, str]] = reactive(("", "info"))
    """Text and level (`info`, `good`, `refused`, `error`); the text is cleaned when set with `say`."""

    remark: reactive[str] = reactive("")
    """What stands at the right, e.g. how many rows are marked; it is kept when room is short."""

    def say(self, text: str, level: str = "info") -> None:
        """Show a line; a level is also told by a `!` in front, not by its colour alone."""
        self.message = (clean(text, 1_000), level)

    def watch_message(self, before: tuple[str, str], after: tuple[str, str]) -> None:
        """Only a message that takes more lines, or ends one that did, moves anything else."""
        if after[1] in ("refused", "error"):
            # It may wait behind a line that is typed in: what went wrong does not wait.
            self.display = True
        if self._is_long(before) or self._is_long(after):
            self.refresh(layout=True)

    def _is_long(self, message: tuple[str, str]) -> bool:
        text, level = message
        needed = cell_len(_LEVELS[level][0] + text) + cell_len(self.remark) + 2
        return level in ("refused", "error") and needed > self.size.width

    def render(self) -> Content:
        """The line, as wide as there is room."""
        text, level = self.message
        sign, style = _LEVELS[level]
        width = self.size.width
        if self._is_long(self.message):
            return Content.assemble((sign + text, style))
        remark = fit(self.remark, min(width, cell_len(self.remark)))
        room = width - cell_len(remark) - (2 if remark else 0)
        return Content.assemble((fit(sign + text, max(0, room)), style), "  " if remark else "", (remark, "$accent"))


class KeyFooter(Widget):
    """The keys that do something here and now, from the one table; `? keys` stays however narrow it gets."""

    DEFAULT_CSS = "KeyFooter { height: 1; width: 100%; padding: 0 1; }"

    def on_mount(self) -> None:
        """Draw again whenever what the keys do has changed."""
        self.screen.bindings_updated_signal.subscribe(self, lambda _: self.refresh())

    def labels(self) -> list[tuple[str, str]]:
        """Key and label, the focused pane's own first; a screen's `footer_label(id)` may say other than the table.

        None is the table's own word; an empty one leaves the key to others, where there is no room for all.
        """
        active = {shown.binding.id: shown for shown in self.screen.active_bindings.values() if shown.enabled}
        table: tuple[Key, ...] = getattr(self.app, "key_table", ())
        relabel = getattr(self.screen, "footer_label", None)
        # While a line is typed in, letters are text: only what ends it is a key.
        if isinstance(self.screen.focused, Input):
            active = {name: shown for name, shown in active.items() if name in ("dialog.confirm", "dialog.cancel")}
        labels = []
        for key in sorted(table, key=lambda key: key.where not in ("timeline", "case screen")):
            if (
                key.footer
                and key.id in active
                and (key.id != "app.back" or self.screen is not self.app.screen_stack[0])
            ):
                label = relabel(key.id) if relabel is not None else None
                if label != "":
                    labels.append((spoken(key.keys, first_only=True), label or key.footer))
        return labels

    def render(self) -> Content:
        """As many keys as fit; the last one of the table, help, always."""
        labels = self.labels()
        if not labels:
            return Content("")
        *most, last = labels
        room = self.size.width - _width(last)
        shown = []
        for label in most:
            if _width(label) + 2 > room:
                break
            shown.append(label)
            room -= _width(label) + 2
        parts: list[tuple[str, str]] = []
        for name, text in [*shown, last]:
            if parts:
                parts.append(("  ", ""))
            parts += [(name, "$accent bold"), (f" {text}", "$quiet")]
        return Content.assemble(*parts)


def _width(label: tuple[str, str]) -> int:
    return cell_len(label[0]) + 1 + cell_len(label[1])
