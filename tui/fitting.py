"""Fitting a line of facts into a width: the least important are shortened first, then left out. It draws nothing."""

from collections.abc import Sequence
from dataclasses import dataclass

from rich.cells import cell_len

Piece = tuple[str, str]
"""Clean text and its style."""


@dataclass(frozen=True, slots=True)
class Fact:
    """A part of a line.

    Attributes:
        rank: importance; 0 stays longest.
        long: its pieces where there is room.
        short: its pieces where there is little; None where it cannot be shortened.
        gap: blanks between it and the fact before it.
    """

    rank: int
    long: tuple[Piece, ...]
    short: tuple[Piece, ...] | None = None
    gap: int = 3

    def width(self, *, shortened: bool) -> int:
        """Cells it takes, with the gap before it."""
        return self.gap + sum(cell_len(text) for text, _ in self.pieces(shortened=shortened))

    def pieces(self, *, shortened: bool) -> tuple[Piece, ...]:
        """The pieces shown."""
        return self.short if shortened and self.short is not None else self.long


def fit_facts(facts: Sequence[Fact], width: int, *, all_short: bool = False) -> list[Piece]:
    """The pieces of as many facts as fit, in the order given.

    Args:
        facts: the line's facts.
        width: cells there are.
        all_short: shorten all of them from the beginning.
    """
    kept = list(facts)
    shortened = {id(fact) for fact in kept} if all_short else set()

    def used() -> int:
        total = sum(fact.width(shortened=id(fact) in shortened) for fact in kept)
        return total - (kept[0].gap if kept else 0)

    for fact in sorted(facts, key=lambda fact: -fact.rank):
        if used() <= width:
            break
        if fact.short is not None:
            shortened.add(id(fact))
    for fact in sorted(facts, key=lambda fact: -fact.rank):
        if used() <= width or len(kept) == 1:
            break
        kept.remove(fact)
    pieces: list[Piece] = []
    for place, fact in enumerate(kept):
        if place:
            pieces.append((" " * fact.gap, ""))
        pieces += fact.pieces(shortened=id(fact) in shortened)
    return pieces
