"""The record as a list: of one case, or of the whole incident with the partners' names. Newest first."""

from collections.abc import Callable, Sequence

from rich.cells import cell_len

from tui.text import clean, day, fit, moment, within
from tui.widgets.record import Entry
from tui.widgets.virtual_list import Piece, VirtualList

_DATE, _MOMENT = len("2019-10-05"), len("2019-10-05 14:02")
_WHAT, _MOST_WHAT = 16, 21
# Widths are measured on so many entries.
_MEASURED = 500
_MOST_WHO = 12
_MOST_PARTNER = 22


class RecordList(VirtualList):
    """Entries, one a line; `enter` opens one in full."""

    def __init__(
        self,
        *,
        partner_name: Callable[[str], str] | None = None,
        id: str | None = None,  # noqa: A002
        classes: str | None = None,
    ) -> None:
        """A list without entries.

        Args:
            partner_name: the name of a partner by its outside id, for a record of all partners; None: of one case.
        """
        super().__init__(id=id, classes=classes)
        self._partner_name = partner_name
        self.entries: Sequence[Entry] = ()
        self._what = _WHAT

    def show(self, entries: Sequence[Entry]) -> None:
        """Show these; the cursor stays on its entry, where that is still there, and on the newest while it is there."""
        current = self.current if self.cursor else None
        self.entries = entries
        self._what = min(max((cell_len(entry.what) for entry in entries[:_MEASURED]), default=_WHAT), _MOST_WHAT)
        key = None if current is None else _key(current)
        place = next((i for i, entry in enumerate(entries) if _key(entry) == key), None)
        self.rows_changed(self.cursor if place is None else place)

    @property
    def current(self) -> Entry | None:
        """The entry under the cursor."""
        return self.entries[self.cursor] if self.cursor < len(self.entries) else None

    def row_count(self) -> int:
        """How many entries."""
        return len(self.entries)

    def draw_header(self, width: int) -> list[Piece]:
        """Names of the columns."""
        date, who, partner = self._widths(width)
        columns = [fit("", 1), fit("When, UTC" if date > _DATE else "Date", date), fit("Who", who)]
        if partner:
            columns.append(fit("Partner", partner))
        return [(fit(" ".join([*columns, fit("What", self._what + 2), "Note"]), width), "")]

    def draw_row(self, index: int, width: int) -> list[Piece]:
        """One entry."""
        entry = self.entries[index]
        date, who, partner = self._widths(width)
        when = moment(entry.at) if date > _DATE else day(entry.at)
        pieces: list[Piece] = [
            (fit("<" if entry.set_back is not None else "!" if entry.alarm else "", 2), "alarm"),
            (f"{fit(when, date)} ", "quiet"),
            (f"{fit(entry.who, who)} ", ""),
        ]
        if partner:
            pieces.append((f"{fit(self._called(entry), partner)} ", "strong"))
        pieces.append((f"{fit(entry.letter, 1)} ", "alarm" if entry.alarm else "accent"))
        pieces.append((f"{fit(entry.what, self._what)} ", "alarm" if entry.alarm else ""))
        left = width - sum(cell_len(text) for text, _ in pieces)
        flag = "PRIVILEGED" if entry.privileged else ""
        room = left - (len(flag) + 1 if flag else 0)
        if room > 0:
            pieces.append((fit(entry.text, room), ""))
        if flag and left > len(flag):
            pieces.append((f" {flag}", "alarm"))
        return within(pieces, width)

    def _widths(self, width: int) -> tuple[int, int, int]:
        """Cells of the date, the actor and the partner."""
        who = min(max((cell_len(entry.who) for entry in self.entries[:_MEASURED]), default=3), _MOST_WHO)
        partner = min(_MOST_PARTNER, width // 4) if self._partner_name is not None else 0
        return (_MOMENT if width >= 100 else _DATE), max(who, 3), partner

    def _called(self, entry: Entry) -> str:
        partner_id = None if entry.action is None else entry.action.partner_id
        if partner_id is None or self._partner_name is None:
            return ""
        return clean(self._partner_name(partner_id), 60)


def _key(entry: Entry) -> object:
    return entry.at if entry.action is None else entry.action.uuid
