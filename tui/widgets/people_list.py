"""A notification list: whose data was read, when first and last, what of it, and what a registry says of the person."""

from collections.abc import Mapping

from store.people import PeoplePage
from store.sheet_rows import SheetRows
from tui.text import clean, fit, instant, number
from tui.widgets.sheet_rows_list import SheetRowsList, said
from tui.widgets.virtual_list import Piece

COLUMNS = ("subject_id", "partners", "events", "first_at", "last_at", "country", "minor", "data_classes")
_DATE, _INSTANT = len("2019-11-05"), len("2019-11-05 14:02:09Z")
_READS, _PARTNERS, _COUNTRY, _MINOR = 7, 9, 8, 6
_LEAST_PERSON, _MOST_PERSON, _LEAST_CLASSES = 12, 40, 18
_WIDE = 100
_TITLES = {
    "subject_id": "Person",
    "partners": "Partners",
    "events": "Reads",
    "first_at": "First read",
    "last_at": "Last read",
    "country": "Country",
    "minor": "Minor",
    "data_classes": "Data classes",
}
_NUMBERS = ("partners", "events")


def rows_of(page: PeoplePage) -> SheetRows:
    """People as rows of the list."""
    rows = tuple(
        (
            *(row.subject_id, row.partners, row.events, row.first_at, row.last_at),
            *(row.country, row.minor, "|".join(row.data_classes)),
        )
        for row in page.rows
    )
    return SheetRows("people", COLUMNS, rows, page.people, page.people)


class PeopleList(SheetRowsList):
    """People, a line each."""

    def __init__(self, *, several: bool, id: str | None = None, classes: str | None = None) -> None:  # noqa: A002
        """Show people.

        Args:
            several: whether several partners' reads count, so that it matters by how many.
        """
        super().__init__(id=id, classes=classes)
        self._several = several

    def told(self, width: int) -> str:
        """What of the row under the cursor the columns may have no room for: classes, first and last read; clean."""
        if self.row(self.cursor) is None:
            return ""
        first, last = (said(name, self.value(name)) for name in ("first_at", "last_at"))
        classes = clean(str(self.value("data_classes")), 200)
        return f"{classes}   {first} .. {last}" if width >= _WIDE else classes

    def draw_header(self, width: int) -> list[Piece]:
        """Names of the columns."""
        line = "".join(f" {fit(_TITLES[name], cells, right=name in _NUMBERS)}" for name, cells in self._widths(width))
        return [(fit(line, width), "")]

    def _piece(self, name: str, values: Mapping[str, object], cells: int) -> Piece:
        value = values.get(name)
        if name in ("first_at", "last_at") and isinstance(value, int) and cells == _DATE:
            return f" {instant(value)[:_DATE]}", ""
        text = number(value) if name in _NUMBERS and isinstance(value, int) else said(name, value)
        style = "quiet" if value is None or value is False else "strong" if name == "minor" else ""
        return f" {fit(text, cells, right=name in _NUMBERS)}", style

    def _widths(self, width: int) -> list[tuple[str, int]]:
        """The person and the classes share what the others leave; instants where there is room for them."""
        fixed = {"events": _READS, "country": _COUNTRY, "minor": _MINOR}
        if self._several:
            fixed["partners"] = _PARTNERS
        names = [name for name in COLUMNS if name != "partners" or self._several]

        def left(time: int) -> int:
            return width - len(names) - sum(fixed.values()) - 2 * time

        time = _INSTANT if left(_INSTANT) >= 3 * _LEAST_CLASSES else _DATE
        if left(time) < _LEAST_PERSON + _LEAST_CLASSES:
            # The foot tells the classes of the person under the cursor.
            names.remove("data_classes")
        room = left(time)
        person = min(max(_LEAST_PERSON, room // 3), _MOST_PERSON) if "data_classes" in names else max(room, 1)
        widths = {"subject_id": person, "first_at": time, "last_at": time, "data_classes": room - person, **fixed}
        return [(name, widths[name]) for name in names]
