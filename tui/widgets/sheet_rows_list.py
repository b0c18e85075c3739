"""The rows that one number of the sheet counts: any number of them, a block at a time, whatever they are."""

from collections.abc import Mapping
from types import MappingProxyType

from textual.message import Message

from store.sheet_rows import SheetRows
from tui.text import clean, fit, instant, number, step_words
from tui.widgets.virtual_list import Piece, VirtualList

BLOCK = 4_000
MOST_BLOCKS = 64
_MOST_CELL = 80
_INSTANT, _NUMBER, _FLAG, _ID, _LEAST = 20, 10, 8, 14, 10
_NUMBERS = ("events", "records")
_FLAGS = ("granted", "read", "logged")
_DATES = ("due_at",)
_TITLES = {
    "partner_id": "Partner id",
    "name": "Partner",
    "app_id": "App",
    "subject_id": "Person",
    "resource_id": "Resource",
    "data_class": "Data class",
    "data_classes": "Data classes",
    "events": "Reads",
    "first_at": "First, UTC",
    "last_at": "Last, UTC",
    "occurred_at": "When, UTC",
    "granted": "Granted",
    "read": "Read",
    "due_at": "Due",
    "stage": "Track",
}


class SheetRowsList(VirtualList):
    """Rows of a cell; those that are not here are drawn as such, and asked for."""

    class Wanted(Message):
        """Rows in view are not here."""

        def can_replace(self, message: Message) -> bool:
            """One is enough."""
            return isinstance(message, SheetRowsList.Wanted)

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id, classes=classes)
        self.total = 0
        self._columns: tuple[str, ...] = ()
        self._blocks: dict[int, tuple[tuple[object, ...], ...]] = {}
        self._names: Mapping[str, str] = MappingProxyType({})

    def begin(self, found: SheetRows) -> None:
        """Show a cell's rows anew, of which these are the first; the cursor stays where it is."""
        self._columns, self.total = found.columns, found.number
        self._blocks = {0: found.rows}
        self.rows_changed(self.cursor)

    def add(self, first: int, found: SheetRows) -> None:
        """Rows from a place on."""
        while len(self._blocks) >= MOST_BLOCKS:
            del self._blocks[next(iter(self._blocks))]
        self._blocks[first // BLOCK] = found.rows
        self.refresh()

    def call_partners(self, names: Mapping[str, str]) -> None:
        """What partners are called, by their ids."""
        self._names = names
        self.refresh()

    def missing(self) -> int | None:
        """Where to read on: the first place of a block that is in view and not here."""
        if not self.total:
            return None
        top = self.scroll_offset.y
        for place in (self.cursor, top, min(top + self.page, self.total - 1)):
            if place // BLOCK not in self._blocks:
                return place // BLOCK * BLOCK
        return None

    def row(self, index: int) -> tuple[object, ...] | None:
        """The values of a row; None while it is not here."""
        block = self._blocks.get(index // BLOCK)
        place = index % BLOCK
        return block[place] if block is not None and place < len(block) else None

    def value(self, column: str) -> object:
        """What the row under the cursor says in this column; None where it says nothing, or is not here."""
        row = self.row(self.cursor)
        return None if row is None or column not in self._columns else row[self._columns.index(column)]

    @property
    def columns(self) -> tuple[str, ...]:
        """What the values of a row are called."""
        return self._columns

    def row_count(self) -> int:
        """How many rows the number counts."""
        return self.total

    def draw_header(self, width: int) -> list[Piece]:
        """Names of the columns."""
        line = "".join(
            f" {fit(_TITLES.get(name, name.replace('_', ' ').capitalize()), cells, right=name in _NUMBERS)}"
            for name, cells in self._widths(width)
        )
        return [(fit(line, width), "")]

    def draw_row(self, index: int, width: int) -> list[Piece]:
        """One row."""
        row = self.row(index)
        if row is None:
            self.post_message(self.Wanted())
            return [(fit(" reading ...", width), "quiet")]
        values = dict(zip(self._columns, row, strict=True))
        pieces = [self._piece(name, values, cells) for name, cells in self._widths(width)]
        return (
            pieces
            if sum(len(text) for text, _ in pieces) <= width
            else [(fit("".join(t for t, _ in pieces), width), "")]
        )

    def _piece(self, name: str, values: Mapping[str, object], cells: int) -> Piece:
        value = values.get(name)
        if name == "name" and "name" not in self._columns:
            partner_id = str(values.get("partner_id"))
            return f" {fit(clean(self._names.get(partner_id, partner_id), _MOST_CELL), cells)}", ""
        return f" {fit(said(name, value), cells, right=name in _NUMBERS)}", "quiet" if value is None else ""

    def _widths(self, width: int) -> list[tuple[str, int]]:
        """The columns that there is room for; what is left goes to the texts."""
        names = list(self._columns)
        if "partner_id" in names and "name" not in names:
            names.insert(names.index("partner_id"), "name")
            if self._columns[0] != "partner_id":
                names.remove("partner_id")
        fixed = {name: cells for name in names if (cells := _cells(name))}
        texts = [name for name in names if name not in fixed]
        room = width - sum(cells + 1 for cells in fixed.values()) - len(texts)
        while names and room < _LEAST * len(texts):
            last = names.pop()
            if last in fixed:
                room += fixed.pop(last) + 1
            else:
                texts.remove(last)
                room += 1
        if "partner_id" in texts and "name" in texts:
            # Names are longer than ids.
            texts.remove("partner_id")
            fixed["partner_id"] = min(room // (len(texts) + 1), _ID)
            room -= fixed["partner_id"]
        share = min(room // len(texts), 60) if texts else 0
        return [(name, fixed.get(name, share)) for name in names]


def _cells(name: str) -> int:
    if name in _DATES or name == "day":
        return 10
    if name.endswith("_at"):
        return _INSTANT
    if name in _NUMBERS:
        return _NUMBER
    return _FLAG if name in _FLAGS else 0


def said(name: str, value: object) -> str:
    """A value as text: clean, instants to the second, `-` for what the log does not tell."""
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        if name in _DATES:
            return instant(value)[:10]
        return f"{instant(value)[:19].replace('T', ' ')}Z" if name.endswith("_at") else number(value)
    text = str(value)
    if name == "stage":
        return step_words(text)
    return ("closed" if text == "cleared" else text) if name == "status" else clean(text, _MOST_CELL)
