"""The audit pane: one partner's remediation, step by step, what is missing or late, what speaks against it, the notes.

It asks nothing: it is shown what is known. A cursor goes from one thing said to the next; `enter` opens what that
rests on.
"""

from typing import ClassVar

from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.binding import BindingType
from textual.content import Content
from textual.geometry import Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip

from tui.keys import bindings
from tui.text import clean, count, fit, step_words
from tui.widgets.audit_lines import Item, Known, Line, Target, audit_items, contradictions_known, next_words


class AuditPane(ScrollView, can_focus=True):
    """One partner's track; `show` it every time the partner or what is known of it changes.

    | Component class | What |
    |---|---|
    | `audit--good`, `audit--quiet`, `audit--strong`, `audit--alarm` | verified, missing, next, and what is wrong |
    | `audit--cursor` | the item under the cursor, while the pane has the focus |
    """

    BINDINGS: ClassVar[list[BindingType]] = [*bindings("moves", "open")]
    COMPONENT_CLASSES: ClassVar[set[str]] = {
        *("audit--good", "audit--quiet", "audit--strong", "audit--alarm", "audit--cursor")
    }
    DEFAULT_CSS = """
    AuditPane {
        border: round $rule-line;
        border-title-color: $quiet;
        border-subtitle-color: $quiet;
        overflow-x: hidden;
        overflow-y: auto;
        scrollbar-size-vertical: 1;
        &:focus {
            border: round $rule-line-focus;
            border-title-color: $head;
        }
        & .audit--good { color: $success; }
        & .audit--quiet { color: $quiet; }
        & .audit--strong { color: $head; text-style: bold; }
        & .audit--alarm { color: $error; text-style: bold; }
        &:focus .audit--cursor { background: $cursor-back; }
        &:nocolor:focus .audit--cursor { text-style: reverse; }
    }
    """

    class Opened(Message):
        """`enter`, or a click on the item under the cursor: what the item rests on."""

        def __init__(self, pane: "AuditPane", partner: int | None, target: Target | None) -> None:
            """An item was opened.

            Args:
                partner: internal id of whom the pane shows.
                target: None where nothing is behind the item.
            """
            super().__init__()
            self.pane = pane
            self.partner = partner
            self.target = target

        @property
        def control(self) -> "AuditPane":
            """The pane."""
            return self.pane

    def __init__(self, *, heading: str = "3 Deletion", id: str | None = None, classes: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id, classes=classes)
        self._heading = heading
        self._known = Known()
        self._items: list[Item] = []
        # (place of its item, its runs), a line each.
        self._lines: list[tuple[int, Line]] = []
        self._cursor = 0
        self._drawn_for = -1

    def show(self, known: Known) -> None:
        """Draw what is known of a partner; nothing but the row while its track is not, and nothing for no partner."""
        partner = self.partner
        self._known = known
        self._drawn_for = -1
        if self.partner is None or self.partner != partner:
            self._cursor = 0
            self.scroll_to(y=0, animate=False, force=True)
        self._measure()
        self.refresh()

    @property
    def partner(self) -> int | None:
        """Internal id of whom it shows."""
        known = self._known
        return known.row.partner if known.row is not None else None if known.track is None else known.track.partner

    @property
    def current(self) -> Item | None:
        """The item under the cursor."""
        return self._items[self._cursor] if self._cursor < len(self._items) else None

    def action_go(self, where: str) -> None:
        """Move the cursor: `down`, `up`, `first`, `last`, and a page or half of one: `page_down`, `half_up`."""
        if where in ("down", "up"):
            self._go_to(self._cursor + (1 if where == "down" else -1))
            return
        page = max(self.scrollable_content_region.height, 1)
        steps = {"first": -(10**6), "last": 10**6, "page_down": page, "page_up": -page}
        steps |= {"half_down": max(page // 2, 1), "half_up": -max(page // 2, 1)}
        line = self._first_line(self._cursor) + steps[where]
        if self._lines:
            self._go_to(self._lines[max(0, min(line, len(self._lines) - 1))][0])

    def action_open(self) -> None:
        """Open what the item under the cursor rests on."""
        item = self.current
        self.post_message(self.Opened(self, self.partner, None if item is None else item.target))

    def on_click(self, event: events.Click) -> None:
        """Put the cursor on the item; open it when it is there already."""
        line = event.y - self.gutter.top + self.scroll_offset.y
        if event.y < self.gutter.top or not 0 <= line < len(self._lines):
            return
        item = self._lines[line][0]
        if item == self._cursor and event.chain > 1:
            self.action_open()
        self._go_to(item)

    def _go_to(self, item: int) -> None:
        self._cursor = max(0, min(item, len(self._items) - 1))
        self._show_cursor()
        self.refresh()

    def _show_cursor(self) -> None:
        """Bring the whole item into view, its begin before its end."""
        first, top = self._first_line(self._cursor), self.scroll_offset.y
        last = max((line for line, (item, _) in enumerate(self._lines) if item == self._cursor), default=first)
        height = max(self.scrollable_content_region.height, 1)
        if last >= top + height:
            top = last - height + 1
        self.scroll_to(y=min(top, first), animate=False, force=True)

    def _first_line(self, item: int) -> int:
        return next((line for line, (which, _) in enumerate(self._lines) if which == item), 0)

    def on_resize(self) -> None:
        """Lines are as wide as there is room."""
        self._measure()
        self.call_after_refresh(self._show_cursor)

    def notify_style_update(self) -> None:
        """Another theme: draw with its colours."""
        super().notify_style_update()
        self.refresh()

    def render_line(self, y: int) -> Strip:
        """One line in view."""
        width = self.scrollable_content_region.width
        if width != self._drawn_for:
            self._measure()
        base = self.rich_style
        at = y + self.scroll_offset.y
        if at >= len(self._lines):
            return Strip.blank(width, base)
        item, runs = self._lines[at]
        over = self.get_component_rich_style("audit--cursor", partial=True) if item == self._cursor else Style()
        segments = [Segment(text, base + self._style(name) + over) for text, name in runs]
        return Strip(segments).adjust_cell_length(width, base + over)

    def _measure(self) -> None:
        """Lay the lines out for the width there is now."""
        width = self.scrollable_content_region.width
        self.border_title = self._title(width)
        self.border_subtitle = self._subtitle(width)
        self._items = audit_items(self._known, width)
        self._lines = [(place, line) for place, item in enumerate(self._items) for line in item.lines]
        self._cursor = max(0, min(self._cursor, len(self._items) - 1))
        self._drawn_for = width
        self.virtual_size = Size(0, len(self._lines))

    def _title(self, width: int) -> Content:
        """The partner and what comes next; in few cells only what comes next."""
        track, row = self._known.track, self._known.row
        name = clean(track.name if track is not None else row.name if row is not None else "", 60)
        nexts = (
            [""]
            if track is None
            else [f"  next: {next_words(track)}", f"  > {step_words(track.next_step or 'nothing')}"]
        )
        # A name that can be told whole goes before the words for what comes next, which the lines tell too.
        rooms = [(following, width - cell_len(self._heading + following) - 6) for following in (*nexts, "")]
        following, room = next((each for each in rooms if each[1] >= cell_len(name)), rooms[len(nexts) - 1])
        name = fit(name, min(cell_len(name), room)) if room >= 6 else ""
        return Content.assemble(f"{self._heading}  " if name else self._heading, (name, "bold"), following)

    def _subtitle(self, width: int) -> Content:
        """The track's letters; how much speaks against it, which may lie out of view."""
        track, row = self._known.track, self._known.row
        letters = clean(track.letters if track is not None else "", 20)
        against = len(contradictions_known(track, row))
        words = f"! {count(against, 'contradiction')}" if width >= 40 else f"! {against} against it"
        return Content.assemble((f"{words}  ", "bold $error"), letters) if against else Content(letters)

    def _style(self, name: str) -> Style:
        return self.get_component_rich_style(f"audit--{name}", partial=True) if name else Style()
