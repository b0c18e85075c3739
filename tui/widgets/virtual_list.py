"""A list of any length that draws only the lines in view: one header line, a cursor, and a line for each row.

It knows nothing of what a row is; subclasses say how many there are and draw one.
"""

from typing import ClassVar

from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.geometry import Region, Size
from textual.message import Message
from textual.reactive import reactive
from textual.scroll_view import ScrollView
from textual.strip import Strip
from textual.widget import Widget

from tui.keys import bindings

Piece = tuple[str, str]
"""Text and the name of a component class of the list, or an empty name: how a line is put together."""

_CORNERS = 6


def border_room(widget: Widget) -> int:
    """Cells that the border of a widget has for words, above and below."""
    return max(widget.outer_size.width - _CORNERS, 0)


class VirtualList(ScrollView, can_focus=True, inherit_bindings=False):
    """A list over rows that live elsewhere.

    | component class | is the style of |
    |---|---|
    | `list--header` | the header line |
    | `list--cursor` | the row under the cursor (added to the pieces' own styles) |
    | `list--quiet`, `list--alarm`, `list--accent`, `list--strong`, `list--good` | pieces of a line |
    """

    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "list--header",
        "list--cursor",
        "list--quiet",
        "list--alarm",
        "list--accent",
        "list--strong",
        "list--good",
    }
    DEFAULT_CSS = """
    VirtualList {
        overflow-x: hidden;
        overflow-y: auto;
        scrollbar-size-vertical: 1;
        & .list--header { color: $quiet; }
        & .list--quiet { color: $quiet; }
        & .list--alarm { color: $error; }
        & .list--accent { color: $accent; }
        & .list--strong { color: $head; text-style: bold; }
        & .list--good { color: $success; }
        & .list--cursor { background: $cursor-back-blurred; }
        &:focus .list--cursor { background: $cursor-back; text-style: bold; }
        &:nocolor .list--cursor { text-style: bold; }
        &:nocolor:focus .list--cursor { text-style: reverse; }
    }
    """
    BINDINGS: ClassVar = bindings("moves", "open")

    cursor: reactive[int] = reactive(0, repaint=False)
    """Index of the row under the cursor; 0 where there are no rows."""

    class Moved(Message):
        """The cursor is on another row, by key, mouse, or because the rows changed."""

        def __init__(self, list_: "VirtualList", cursor: int) -> None:
            self.list = list_
            self.cursor = cursor
            super().__init__()

        @property
        def control(self) -> "VirtualList":
            """The list."""
            return self.list

        def can_replace(self, message: Message) -> bool:
            """Only the last of a burst matters."""
            return isinstance(message, VirtualList.Moved) and message.list is self.list

    class Opened(Message):
        """`enter`, or a click on the row under the cursor."""

        def __init__(self, list_: "VirtualList", cursor: int) -> None:
            self.list = list_
            self.cursor = cursor
            super().__init__()

        @property
        def control(self) -> "VirtualList":
            """The list."""
            return self.list

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id, classes=classes)
        # What styles come to in the frame that is drawn: asking Textual takes longer than drawing a line.
        self._styles_drawn: dict[str, Style] = {}

    # -- what a subclass says --------------------------------------------------------------------------------------

    def row_count(self) -> int:
        """How many rows there are."""
        return 0

    def draw_header(self, width: int) -> list[Piece]:
        """The pieces of the header line, at most `width` cells in all."""
        return []

    def draw_row(self, index: int, width: int) -> list[Piece]:
        """The pieces of a row's line, at most `width` cells in all; their text must be clean already."""
        raise NotImplementedError

    # -- what it does ----------------------------------------------------------------------------------------------

    def rows_changed(self, cursor: int) -> None:
        """The rows are others now: measure again, put the cursor there, draw again."""
        self._set_length(self.row_count() + 1)
        target = max(0, min(cursor, self.row_count() - 1))
        if target == self.cursor:
            self._show_cursor()
            self.post_message(self.Moved(self, target))
        else:
            self.cursor = target
        self.refresh()

    def _set_length(self, lines: int) -> None:
        """Scroll over so many lines; nothing is laid out anew unless the scrollbar comes or goes."""
        height = self.scrollable_content_region.height
        before = self.virtual_size.height
        if not self.is_mounted or not height or (before > height) != (lines > height):
            self.virtual_size = Size(0, lines)
            return
        self.set_reactive(VirtualList.virtual_size, Size(0, lines))
        if lines > height:
            self.vertical_scrollbar.window_virtual_size = lines
        if self.scroll_offset.y > self.max_scroll_y:
            self.scroll_to(y=self.max_scroll_y, animate=False, force=True)

    @property
    def page(self) -> int:
        """Rows in view at a time."""
        return max(1, self.scrollable_content_region.height - 1)

    def validate_cursor(self, cursor: int) -> int:
        """Keep the cursor on a row."""
        return max(0, min(cursor, self.row_count() - 1))

    def watch_cursor(self, before: int, after: int) -> None:
        """Scroll the row into view, draw both lines again, and tell."""
        if not self.is_mounted:
            return
        self._show_cursor()
        for index in (before, after):
            self.refresh_row(index)
        self.post_message(self.Moved(self, after))

    def refresh_row(self, index: int) -> None:
        """Draw one row again, where it is in view."""
        line = index + 1 - self.scroll_offset.y
        if 1 <= line < self.size.height:
            self.refresh(Region(0, line, self.size.width, 1))

    def _show_cursor(self) -> None:
        top = self.scroll_offset.y
        if self.cursor < top:
            self.scroll_to(y=self.cursor, animate=False, force=True)
        elif self.cursor >= top + self.page:
            self.scroll_to(y=self.cursor - self.page + 1, animate=False, force=True)

    def on_resize(self, event: events.Resize) -> None:
        """Keep the cursor in view."""
        self.call_after_refresh(self._show_cursor)

    def action_go(self, where: str) -> None:
        """Move the cursor: `down`, `up`, `first`, `last`, `page_down`, `page_up`, `half_down`, `half_up`."""
        half = max(1, self.page // 2)
        steps = {
            "down": 1,
            "up": -1,
            "first": -self.row_count(),
            "last": self.row_count(),
            "page_down": self.page,
            "page_up": -self.page,
            "half_down": half,
            "half_up": -half,
        }
        self.cursor += steps[where]

    def action_open(self) -> None:
        """Open the row under the cursor."""
        if self.row_count():
            self.post_message(self.Opened(self, self.cursor))

    def on_click(self, event: events.Click) -> None:
        """Put the cursor on the row; open it when it is there already."""
        index = event.y - self.gutter.top - 1 + self.scroll_offset.y
        if event.y - self.gutter.top < 1 or not 0 <= index < self.row_count():
            return
        if index == self.cursor and event.chain > 1:
            self.action_open()
        self.cursor = index

    def render_lines(self, crop: Region) -> list[Strip]:
        """Lines of one frame: their styles are asked for once."""
        self._styles_drawn = {}
        return super().render_lines(crop)

    def _style(self, name: str) -> Style:
        """A component's style over the list's own; the list's own without a name."""
        style = self._styles_drawn.get(name)
        if style is None:
            base = self.rich_style
            style = base + self.get_component_rich_style(f"list--{name}", partial=True) if name else base
            self._styles_drawn[name] = style
        return style

    def render_line(self, y: int) -> Strip:
        """The header, or the row in view at this line."""
        width = self.scrollable_content_region.width
        if y == 0:
            return self._strip(self.draw_header(width), width, self._style("header"))
        index = self.scroll_offset.y + y - 1
        if index >= self.row_count():
            return Strip.blank(width, self._style(""))
        over = self.get_component_rich_style("list--cursor", partial=True) if index == self.cursor else None
        return self._strip(self.draw_row(index, width), width, self._style(""), over)

    def _strip(self, pieces: list[Piece], width: int, base: Style, over: Style | None = None) -> Strip:
        line_style = base if over is None else base + over
        segments = []
        for text, name in pieces:
            style = self._style(name) if name else base
            segments.append(Segment(text, style if over is None else style + over))
        return Strip(segments).adjust_cell_length(width, line_style)
