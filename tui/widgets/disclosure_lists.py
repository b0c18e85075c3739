"""Disclosures and claims as lists: what was frozen and by whom, and whether what was said of it holds."""

from collections.abc import Sequence

from rich.cells import cell_len

from store.claims import BROKEN, HOLDS, ClaimState
from store.disclosure import DisclosureRow
from tui.text import clean, day, fit, last_day, moment, number, qualified, within
from tui.widgets.virtual_list import Piece, VirtualList

_DIGEST = 8
_DAY, _MOMENT = len("2019-10-05"), len("2019-10-05 14:02")
_ROOM = 100
_TITLES = ("Kept", "Read", "Last", "After")
_MOST_NAME = 48
_LETTERS = {HOLDS: "H", BROKEN: "B"}
_STYLES = {HOLDS: "good", BROKEN: "alarm"}


def outcome_words(state: ClaimState) -> str:
    """An outcome with its letter: `B broken`; `-` for a claim that was withdrawn."""
    if state.claimed.withdrawn_by is not None:
        return "- withdrawn"
    return f"{_LETTERS.get(state.outcome, 'U')} {state.outcome}"


def truly_words(state: ClaimState) -> str:
    """Between which numbers the true one lies: `is 11`, `is 11 or more`, `is 0 to 3`."""
    known = state.known
    low, high = number(known.low), None if known.high is None else number(known.high)
    if high is None:
        return f"is {low} or more" if known.low else "may be any number"
    return f"is {low}" if low == high else f"is {low} to {high}"


def why_words(state: ClaimState) -> str:
    """What the evidence says to a claim: `is 11 or more (counted ≥11)`."""
    return f"{truly_words(state)} (counted {qualified(state.known.counted, state.known.qualifier)})"


class DisclosureList(VirtualList):
    """The disclosures, newest first."""

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id, classes=classes)
        self.rows: Sequence[DisclosureRow] = ()

    def show(self, rows: Sequence[DisclosureRow]) -> None:
        """Show these, oldest first as the store has them; the cursor stays on its disclosure."""
        current = None if self.current is None else self.current.disclosure_id
        self.rows = tuple(reversed(rows))
        places = (place for place, row in enumerate(self.rows) if row.disclosure_id == current)
        self.rows_changed(next(places, self.cursor))

    @property
    def current(self) -> DisclosureRow | None:
        """The disclosure under the cursor."""
        return self.rows[self.cursor] if self.cursor < len(self.rows) else None

    def row_count(self) -> int:
        """How many disclosures."""
        return len(self.rows)

    def draw_header(self, width: int) -> list[Piece]:
        """Names of the columns."""
        name, when, by, counts = self._cells(width)
        line = (
            f"  {'No.':>4} {fit('Name', name)} {fit('Frozen (UTC)' if when > _DAY else 'Frozen', when)} {fit('By', by)}"
        )
        line += "".join(title.rjust(cells) for title, cells in zip(_TITLES, counts, strict=True))
        return [(fit(f"{line}  SHA-256", width), "")]

    def draw_row(self, index: int, width: int) -> list[Piece]:
        """One disclosure: partners of the four populations as they were frozen."""
        row = self.rows[index]
        name, when, by, counts = self._cells(width)
        told = zip(_counts(row), counts, strict=True)
        pieces: list[Piece] = [
            (">" if index == self.cursor else " ", "accent"),
            (f" {number(row.disclosure_id):>4} ", "quiet"),
            (fit(clean(row.name, 200), name), "strong"),
            (f" {fit(moment(row.at) if when > _DAY else day(row.at), when)}", ""),
            (f" {fit(clean(row.by, 40), by)}", "accent"),
            ("".join(fit(said, cells, right=True) for said, cells in told), ""),
            (f"  {fit(clean(row.sha256, 80)[:_DIGEST], _DIGEST)}", "quiet"),
        ]
        return within(pieces, width)

    def _cells(self, width: int) -> tuple[int, int, int, list[int]]:
        """Cells of the name, the instant, the actor and the four counts."""
        columns = zip(_TITLES, *map(_counts, self.rows), strict=True)
        counts = [max(cell_len(said) for said in column) + 2 for column in columns]
        when, by = (_MOMENT, 12) if width >= _ROOM else (_DAY, 8)
        fixed = 7 + 1 + when + 1 + by + sum(counts) + 2 + _DIGEST
        return max(min(width - fixed, _MOST_NAME), 6), when, by, counts


def _counts(row: DisclosureRow) -> tuple[str, str, str, str]:
    """Partners that kept access, read, read lately, read after removal."""
    return (
        number(row.kept_access),
        qualified(row.read, row.qualifier),
        qualified(row.recent, row.recent_qualifier),
        qualified(row.after_removal, row.after_removal_qualifier),
    )


class ClaimList(VirtualList):
    """The claims that stand, in the order in which they were made; broken ones are an alarm."""

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id, classes=classes)
        self.rows: Sequence[ClaimState] = ()

    def show(self, rows: Sequence[ClaimState]) -> None:
        """Show these; the cursor stays on its claim."""
        current = None if self.current is None else self.current.claimed.claim_id
        self.rows = rows
        places = (place for place, row in enumerate(rows) if row.claimed.claim_id == current)
        self.rows_changed(next(places, self.cursor))

    @property
    def current(self) -> ClaimState | None:
        """The claim under the cursor."""
        return self.rows[self.cursor] if self.cursor < len(self.rows) else None

    def row_count(self) -> int:
        """How many claims."""
        return len(self.rows)

    def draw_header(self, width: int) -> list[Piece]:
        """Names of the columns."""
        term, why = self._measured(width)
        line = f"  {'No.':>4} {fit('Outcome', 11)} {fit('Claimed', term)} {fit('Why', why)} Sentence"
        return [(fit(line, width), "")]

    def draw_row(self, index: int, width: int) -> list[Piece]:
        """One claim."""
        state = self.rows[index]
        term, why = self._measured(width)
        pieces: list[Piece] = [
            (">" if index == self.cursor else " ", "accent"),
            (f" {number(state.claimed.claim_id):>4} ", "quiet"),
            (f"{fit(outcome_words(state), 11)} ", _STYLES.get(state.outcome, "accent")),
            (f"{fit(clean(str(state.claimed.term), 60), term)} ", "strong"),
            (f"{fit(truly_words(state), why)} ", ""),
        ]
        room = width - sum(cell_len(text) for text, _ in pieces)
        return within([*pieces, (fit(clean(state.claimed.sentence, 400), max(room, 0)), "")], width)

    def _measured(self, width: int) -> tuple[int, int]:
        """Cells of what is claimed, and of what is known."""
        term = max([len("Claimed"), *(cell_len(str(row.claimed.term)) for row in self.rows)])
        why = max([len("Why"), *(cell_len(truly_words(row)) for row in self.rows)])
        return min(term, max(width // 3, 7)), min(why, max(width // 4, 3))


def claim_copied(state: ClaimState) -> str:
    """A claim as a line to copy."""
    claimed = state.claimed
    return (
        f"{outcome_words(state)}: {claimed.term}; {why_words(state)}; reads to {last_day(claimed.as_of)} UTC,"
        f' last {claimed.window_days} days; "{clean(claimed.sentence, 2_000)}"'
    )
