"""The letters of what happened beside the reads, and which columns of a picture an interval touches."""

from bisect import bisect_left
from collections.abc import Iterable, Sequence

from store.marker_letters import MARKER_WORDS, marker_letter
from store.timeline import Marker

_RANK = {letter: place for place, letter in enumerate(MARKER_WORDS)}
# These have a line below them.
DROPPING = frozenset("RPXVF")


def markers_in(markers: Sequence[Marker], from_at: int, until_at: int) -> Sequence[Marker]:
    """The markers in `[from_at, until_at)`, of markers in order of time."""
    first = bisect_left(markers, from_at, key=lambda marker: marker.at)
    return markers[first : bisect_left(markers, until_at, lo=first, key=lambda marker: marker.at)]


def letters_of(markers: Sequence[Marker], spans: Iterable[tuple[int, int]]) -> list[str]:
    """The most important letter in each `[from, until)`, a blank where there is none."""
    return [
        min((marker_letter(marker) for marker in markers_in(markers, *span)), key=_RANK.__getitem__, default=" ")
        for span in spans
    ]


def touched(spans: Sequence[tuple[int, int]], intervals: Iterable[tuple[int, int]]) -> list[bool]:
    """Whether each of these spans, which ascend, has an instant in common with any of the intervals."""
    ordered = sorted(intervals)
    # The latest end so far: intervals may overlap.
    ends: list[int] = []
    for _, end in ordered:
        ends.append(max(end, ends[-1]) if ends else end)
    begins = [begin for begin, _ in ordered]
    found = []
    for from_at, until_at in spans:
        before = bisect_left(begins, until_at)
        found.append(before > 0 and ends[before - 1] > from_at)
    return found
