"""The letters of what happened beside the reads, and which columns of a picture an interval touches."""

from bisect import bisect_left
from collections.abc import Iterable, Sequence

from store.audits import LETTERS
from store.timeline import Marker
from store.words import step_words

# Most important first: where letters fall on one column, the first one here is drawn.
MARKER_WORDS = {
    "R": "access removed",
    "P": "rule",
    "X": "failed or contradicted",
    "V": "audit passed",
    "C": "certified",
    "D": "deletion asked",
    "N": "partner told",
    "S": "audit notice",
    "A": "audit started",
    "H": "on hold",
    "?": "no response",
    "w": "waived",
    "F": "flagged",
    "x": "closed",
    "o": "reopened",
    "s": "step",
    "g": "grant ended",
    "G": "grant",
    "I": "import",
    "*": "other",
}
_RANK = {letter: place for place, letter in enumerate(MARKER_WORDS)}
_KIND_LETTERS = {
    "rule": "P",
    "grant": "G",
    "revoke": "g",
    "removal": "R",
    "flag": "F",
    "clear": "x",
    "reopen": "o",
    "import": "I",
    "step": "s",
}
# A step's marker begins with its words, or its name.
_STEP_LETTERS = {f"{step_words(step)} ": letter for step, letter in LETTERS.items()} | LETTERS
# These have a line below them.
DROPPING = frozenset("RPXVF")


def marker_letter(marker: Marker) -> str:
    """The letter of a marker; a step's is that of the track."""
    if marker.kind == "step":
        # Of everybody, a step begins with the partner's name, which may say anything.
        for text in (marker.text.rpartition(": ")[2], marker.text):
            for words, letter in _STEP_LETTERS.items():
                if text.startswith(words):
                    return letter
        return "s"
    return _KIND_LETTERS.get(marker.kind, "*")


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
