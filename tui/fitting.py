"""Fitting a line of facts into a width: the least important are shortened first, then left out. It draws nothing."""

from collections.abc import Sequence
from dataclasses import dataclass

from rich.cells import cell_len

Piece = tuple[str, str]
"""Clean text and its style."""
Wording = tuple[Piece, ...]
_GAPS = (3, 2)


@dataclass(frozen=True, slots=True)
class Fact:
    """A part of a line.

    Attributes:
        rank: importance; 0 stays longest.
        wordings: the longest first, each as its pieces; an empty last one goes without a fuss.
    """

    rank: int
    wordings: tuple[Wording, ...]


def fit_facts(facts: Sequence[Fact], width: int) -> list[Piece]:
    """The pieces of as many facts as fit, in the order given, blanks between them included.

    Blanks give way first, then wordings, least important fact first, then whole facts.
    """
    kept = list(range(len(facts)))
    chosen = [0] * len(facts)

    def said() -> list[Wording]:
        return [wording for place in kept if (wording := facts[place].wordings[chosen[place]])]

    def used(gap: int) -> int:
        wordings = said()
        return sum(cell_len(text) for wording in wordings for text, _ in wording) + gap * (len(wordings) - 1)

    def pieces(gap: int) -> list[Piece]:
        line: list[Piece] = []
        for wording in said():
            if line:
                line.append((" " * gap, ""))
            line += wording
        return line

    least_first = sorted(kept, key=lambda place: -facts[place].rank)
    shortenings = [place for place in least_first for _ in facts[place].wordings[1:]]
    while True:
        for gap in _GAPS:
            if used(gap) <= width:
                return pieces(gap)
        if shortenings:
            chosen[shortenings.pop(0)] += 1
        elif used(1) <= width or len(kept) == 1:
            return pieces(1)
        else:
            kept.remove(least_first.pop(0))
