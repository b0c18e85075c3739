"""The stages as a table, and the partners of one of them. They show what `store.stages` says and decide nothing."""

from collections.abc import Sequence

from rich.cells import cell_len
from textual.content import Content

from store.stages import LATE_FIRST, NOTHING_YET, ORDERS, StageLine, StageLines, StageRow, Stages, stage_letter
from tui.text import clean, count, day, fit, number, qualified, short_day
from tui.widgets.partner_columns import row_qualifier
from tui.widgets.virtual_list import Piece, VirtualList

# What a stage is called in the table, and the day a partner reached it.
_CALLED = {
    NOTHING_YET: ("nothing yet", "Since"),
    "access_removed": ("removed", "Removed"),
    "notified": ("told", "Told"),
    "deletion_requested": ("asked", "Asked"),
    "deletion_certified": ("certified", "Certified"),
    "audit_planned": ("notice given", "Notice"),
    "audit_started": ("audit running", "Started"),
    "audit_passed": ("passed", "Passed"),
    "audit_failed": ("failed", "Failed"),
}
_STAGE, _SIGNS, _DAY = 17, 4, len("2019-11-05")
# Title and width of the counts that stand between a stage's oldest partner and what comes next.
_COUNTS = (("Late", 6), ("Hold", 6), ("No answer", 11))
_NARROW_COUNTS = _COUNTS[:1]
# Cells that the lists need before they take more columns in.
_ROOM_FOR_ANSWERS, _ROOM_FOR_TRACK, _ROOM_FOR_ID = 70, 74, 108
_LEFT, _OWNER, _NAME = 10, 8, 22
_NEXT, _MOST_WHY = 14, 36
_SIDES = (("contradicted", "X"), ("on_hold", "H"), ("no_response", "?"))


def stage_name(stage: str) -> str:
    """A stage with its letter, in few cells: `D asked`."""
    return f"{stage_letter(stage)} {_CALLED[stage][0]}"


def left_words(days: int) -> str:
    """Whole days to a due date: `16 d late`, `today`, `11 d left`."""
    if days == 0:
        return "today"
    return f"{number(-days)} d late" if days < 0 else f"{number(days)} d left"


class StageTable(VirtualList):
    """A line a stage."""

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id, classes=classes)
        self._answer: Stages | None = None

    def show(self, answer: Stages) -> None:
        """Show these; the cursor stays on its stage, and starts where somebody is late, else where anybody is."""
        first = self._answer is None
        self._answer = answer
        self.rows_changed(_first_of_interest(answer.rows) if first else self.cursor)

    @property
    def current(self) -> StageRow | None:
        """The stage under the cursor."""
        return None if self._answer is None else self._answer.rows[self.cursor]

    def row_count(self) -> int:
        """How many stages."""
        return 0 if self._answer is None else len(self._answer.rows)

    def draw_header(self, width: int) -> list[Piece]:
        """Names of the columns."""
        here, people = self._measured()
        stage, oldest = _stage_cells(width)
        counts = "".join(fit(title, cells, right=True) for title, cells in _counts(width))
        line = f"  {fit('Stage', stage)}{fit('Here', here, right=True)}{fit('People', people, right=True)}"
        return [(fit(f"{line}{fit('Oldest', oldest, right=True)}{counts}  Next", width), "")]

    def draw_row(self, index: int, width: int) -> list[Piece]:
        """One stage."""
        if self._answer is None:
            return []
        row = self._answer.rows[index]
        here, people = self._measured()
        is_open = row.stage != "audit_passed" and row.partners > 0
        stage, oldest_cells = _stage_cells(width)
        oldest = "" if row.oldest_days is None or not is_open else f"{number(row.oldest_days)} d"
        pieces: list[Piece] = [
            (">" if index == self.cursor else " ", "accent"),
            (f" {fit(stage_name(row.stage), stage)}", "" if row.partners else "quiet"),
            (fit(number(row.partners), here, right=True), "strong" if row.partners else "quiet"),
            (fit(self._people(row), people, right=True), ""),
            (fit(oldest, oldest_cells, right=True), ""),
        ]
        values = (row.late, row.on_hold, row.no_response)
        for (title, cells), value in zip(_counts(width), values, strict=False):
            shown = number(value) if is_open or value else ""
            style = "quiet" if not value else "alarm" if title == "Late" else "strong"
            pieces.append((fit(shown, cells, right=True), style))
        used = sum(cell_len(text) for text, _ in pieces)
        return [*pieces, *self._next(row, max(width - used, 0))]

    def _next(self, row: StageRow, room: int) -> list[Piece]:
        """The soonest due date, and where there is room what it is for; else what comes next."""
        if row.due is None or self._answer is None:
            return [(fit(f"  {row.next}", room), "quiet")]
        date = short_day(row.due, beside=self._answer.today)
        shown = f"  {'! ' if row.overdue else ''}{date}"
        pieces = [(fit(shown, min(cell_len(shown), room)), "alarm" if row.overdue else "")]
        return (
            [*pieces, (fit(f"  {row.next}", room - cell_len(shown)), "quiet")]
            if room > cell_len(shown) + 14
            else pieces
        )

    def _people(self, row: StageRow) -> str:
        if self._answer is None or not row.partners:
            return ""
        return "..." if row.people is None else qualified(row.people, self._answer.accessed.qualifier)

    def _measured(self) -> tuple[int, int]:
        rows = () if self._answer is None else self._answer.rows
        here = max([len("Here"), *(len(number(row.partners)) for row in rows)]) + 2
        return here, max([len("People"), *(cell_len(self._people(row)) for row in rows)]) + 2


def _counts(width: int) -> tuple[tuple[str, int], ...]:
    return _COUNTS if width >= _ROOM_FOR_ANSWERS else _NARROW_COUNTS


def _stage_cells(width: int) -> tuple[int, int]:
    """Cells of the stage's name, and of how long its oldest partner stands there."""
    return (_STAGE, 9) if width >= _ROOM_FOR_ANSWERS else (_STAGE - 2, 8)


def _first_of_interest(rows: Sequence[StageRow]) -> int:
    late = (place for place, row in enumerate(rows) if row.late)
    return next(late, next((place for place, row in enumerate(rows) if row.partners), 0))


class StagePartnerList(VirtualList):
    """The partners of a stage; marks are kept by partner, whatever stage is shown."""

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id, classes=classes)
        self.lines = StageLines()
        self.marks: set[int] = set()
        self.order = LATE_FIRST
        self.reverse = False
        self._stage: str | None = None
        self._answer: Stages | None = None
        self._current: int | None = None
        self._range_from: int | None = None

    def show(self, answer: Stages, stage: str) -> None:
        """Show the partners of a stage; the cursor stays on its partner, where it is still there."""
        if stage != self._stage:
            self._current = None
            self._range_from = None
        self._answer, self._stage = answer, stage
        self.lines = answer.lines(stage, self.order, reverse=self.reverse)
        ids = self.lines.ids
        place = ids.index(self._current) if self._current in ids else min(self.cursor, max(len(ids) - 1, 0))
        self.rows_changed(0 if self._current is None else place)
        self._remember()
        self._title()

    @property
    def current(self) -> StageLine | None:
        """The partner under the cursor."""
        return self.lines[self.cursor] if self.cursor < len(self.lines) else None

    @property
    def chosen(self) -> list[StageLine]:
        """What an action is about: the marked partners, those of other stages too, else the current one."""
        if self.marks and self._answer is not None:
            here = [partner for partner in self.lines.ids if partner in self.marks]
            elsewhere = sorted(self.marks.difference(here))
            return [self._answer.line(partner) for partner in (*here, *elsewhere)]
        return [] if self.current is None else [self.current]

    @property
    def hidden_marks(self) -> int:
        """How many marked partners stand at another stage."""
        return len(self.marks.difference(self.lines.ids))

    def watch_cursor(self, before: int, after: int) -> None:
        """Remember the partner, so that the cursor can follow it."""
        self._remember()
        super().watch_cursor(before, after)

    def _remember(self) -> None:
        if self.cursor < len(self.lines):
            self._current = self.lines.ids[self.cursor]

    def next_order(self) -> str:
        """Sort by the next order; its label."""
        self.order = ORDERS[(ORDERS.index(self.order) + 1) % len(ORDERS)]
        self._again()
        return self.order

    def turn_round(self) -> str:
        """Turn the order round; the label of what is shown now."""
        self.reverse = not self.reverse
        self._again()
        return self._order_label()

    def _again(self) -> None:
        self._remember()
        if self._answer is not None and self._stage is not None:
            self.show(self._answer, self._stage)

    def neighbour(self, partner: int, by: int) -> StageLine | None:
        """The line so many places below this partner's, which the cursor goes to as well; None beyond the ends."""
        ids = self.lines.ids
        place = ids.index(partner) + by if partner in ids else -1
        if not 0 <= place < len(ids):
            return None
        self.cursor = place
        return self.lines[place]

    # -- marks -----------------------------------------------------------------------------------------------------

    def mark(self) -> None:
        """Mark or unmark the current partner, and go on to the next."""
        if self.cursor < len(self.lines):
            self.marks ^= {self.lines.ids[self.cursor]}
            self.refresh_row(self.cursor)
            self.cursor += 1

    def mark_range(self) -> bool:
        """Begin a range at the current partner, or mark everything from its beginning to here; whether it has begun."""
        ids = self.lines.ids
        if self.cursor >= len(ids):
            return False
        if self._range_from not in ids:
            self._range_from = ids[self.cursor]
            self.marks.add(self._range_from)
        else:
            first, last = sorted((ids.index(self._range_from), self.cursor))
            self.marks.update(ids[first : last + 1])
            self._range_from = None
        self.refresh()
        return self._range_from is not None

    def mark_all(self) -> None:
        """Mark every partner of the stage."""
        self.marks.update(self.lines.ids)
        self.refresh()

    def unmark(self) -> None:
        """Drop all marks, and a range that has begun."""
        self.marks.clear()
        self._range_from = None
        self.refresh()

    # -- drawing ---------------------------------------------------------------------------------------------------

    def _order_label(self) -> str:
        return f"{self.order}{' reversed' if self.reverse else ''}"

    def _title(self) -> None:
        stage = self._stage or NOTHING_YET
        self.border_title = Content(f"2 {stage_name(stage)} {number(len(self.lines))}, {self._order_label()}")

    def row_count(self) -> int:
        """How many partners."""
        return len(self.lines)

    def draw_header(self, width: int) -> list[Piece]:
        """Names of the columns."""
        layout = _Layout(width)
        since = _CALLED[self._stage or NOTHING_YET][1]
        titles = (
            (f"{' ' * _SIGNS}Partner", _SIGNS + layout.name),
            (" Id", layout.id),
            ("People".rjust(layout.people), layout.people),
            (f" {since}", 1 + _DAY),
            (" Track", layout.track),
            (" Due", layout.due),
            (" Left", layout.left),
            (" Owner", layout.owner),
        )
        line = "".join(fit(title, cells) for title, cells in titles)
        return [(fit(line, width), "")]

    @property
    def _today(self) -> int:
        return 0 if self._answer is None else self._answer.today

    def draw_row(self, index: int, width: int) -> list[Piece]:
        """One partner."""
        line = self.lines[index]
        row, layout = line.row, _Layout(width)
        letter = "!" if row.overdue else next((letter for side, letter in _SIDES if side in row.side_states), " ")
        qualifier = "exact" if self._answer is None else self._answer.accessed.qualifier
        people = qualified(row.people, row_qualifier(row, qualifier))
        owner = clean(row.assignee, 40) if row.assignee else "-"
        pieces: list[Piece] = [
            (">" if index == self.cursor else " ", "accent"),
            ("*" if row.partner in self.marks else " ", "accent"),
            (f"{letter} ", "alarm" if letter in "!X" else "strong"),
            (fit(clean(row.name, 80), layout.name), ""),
        ]
        if layout.id:
            pieces.append((f" {fit(clean(row.partner_id, 40), layout.id - 1)}", "quiet"))
        pieces += [
            (fit(people, layout.people, right=True), "" if row.people else "quiet"),
            (f" {fit('' if line.since is None else day(line.since), _DAY)}", "quiet"),
        ]
        if layout.track:
            pieces.append((f" {fit(clean(row.track, 12), layout.track - 1)}", "alarm" if "X" in row.track else ""))
        pieces += self._due(line, layout)
        return [*pieces, (fit(f" {owner}", layout.owner), "accent" if row.assignee else "quiet")]

    def _due(self, line: StageLine, layout: "_Layout") -> list[Piece]:
        """Due date and days; of a partner on hold since when and why; else that nobody is known to write to."""
        row, room = line.row, layout.due + layout.left
        if row.due is not None and line.days_left is not None:
            date = f" {'! ' if row.overdue else ''}{short_day(row.due, beside=self._today)}"
            style = "alarm" if row.overdue else ""
            return [(fit(date, layout.due), style), (fit(f" {left_words(line.days_left)}", layout.left), style)]
        if line.held_since is not None:
            why = f" {clean(line.held_note, 80)}" if line.held_note else ""
            return [(fit(f" HOLD {short_day(line.held_since, beside=self._today)}{why}", room), "strong")]
        if not line.contact and row.stage in (NOTHING_YET, "access_removed"):
            return [(fit(" no contact", room), "accent")]
        return [(" " * room, "")]


class _Layout:
    """How many cells each column of the partners has; 0 for one that has no room."""

    def __init__(self, width: int) -> None:
        self.people = 9
        self.owner = 0 if width < _ROOM_FOR_ANSWERS else _OWNER + (4 if width >= _ROOM_FOR_ID else 0)
        self.due = 1 + len("! 2019-12-31")
        self.left = 1 + _LEFT
        self.track = 11 if width >= _ROOM_FOR_TRACK else 0
        self.id = 12 if width >= _ROOM_FOR_ID else 0
        fixed = _SIGNS + self.people + 1 + _DAY + self.track + self.id + self.owner
        spare = width - fixed - self.due - self.left
        if spare < _NAME:
            # Where it is narrow, names go before the years of due dates.
            self.due = 1 + len("! 12-31")
        else:
            # Why somebody is on hold is longer than most names.
            self.left += min((spare - _NAME) * 2 // 3, _MOST_WHY)
        self.name = max(width - fixed - self.due - self.left, 8)


def marks_words(marks: int, hidden: int) -> str:
    """What the footer says of marks; empty without any."""
    if not marks:
        return ""
    elsewhere = f", {number(hidden)} at other stages" if hidden else ""
    return f"{number(marks)} marked{elsewhere}   U unmark"


def stage_copied(answer: Stages, row: StageRow) -> str:
    """A stage as a line to copy: counts with their qualifier, judged when, read until when."""
    people = "not counted" if row.people is None else qualified(row.people, answer.accessed.qualifier)
    told = f"{count(row.partners, 'partner')}, {people} people, {number(row.late)} late, {number(row.on_hold)} on hold"
    return f"{stage_name(row.stage)}: {told}; today {day(answer.today)}, reads before {day(answer.as_of)} UTC"
