"""The letters under which what happened beside the reads is drawn, on every screen and in every report."""

from store.audit_track import LETTERS
from store.markers import Marker
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
