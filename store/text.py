"""Text from the data made harmless: for a terminal (`clean`) and for a spreadsheet (`csv_cell`).

An app's name is an attacker's text. The store keeps the original; whatever leaves the program passes through here.
It knows nothing of where the text is shown, nor how wide a terminal draws it.
"""

import re
import unicodedata
from functools import lru_cache

ELLIPSIS = "…"
# More marks than any script stacks on one letter; the rest of a flood is shown as escapes.
MAX_MARKS = 4

# Enclosing marks among them: what they enclose cannot be read, and terminals do not agree on their width.
_HIDDEN_CATEGORIES = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Me", "Zl", "Zp"})
# Letters and marks by category, but drawn as nothing at all; or, as variation selectors, as another's look and width.
_INVISIBLE = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u180b\u180c\u180d\u180f\u3164\uffa0").union(
    map(chr, (*range(0xFE00, 0xFE10), *range(0xE0100, 0xE01F0)))
)
# The vowels and finals of conjoining Hangul take no cell of their own: they stack like marks.
_STACKING_JAMO = (("\u1161", "\u11ff"), ("\ud7b0", "\ud7ff"))
_SHORT_ESCAPES = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}

# Blanks and quotes, then = + - @ TAB CR LF; then the full-width, small and mathematical twins.
_FORMULA = re.compile(
    r"""[\s'"\u2018\u2019\u201c\u201d\uff02\uff07]*[=+\-@\t\r\n\uff1d\uff0b\uff0d\uff20\ufe62\ufe63\ufe66\ufe6b\u2212]"""
)
_NUMBER = re.compile(r"[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?", re.ASCII)


def clean(text: str, limit: int = 200) -> str:
    r"""The text as one line that is safe on any terminal.

    Control, format, surrogate, private, unassigned, enclosing and line-separating code points become visible escapes
    (`\x1b`, `\u202e`, `\n`), and so do invisible letters, a mark with nothing to sit on, and marks stacked higher
    than `MAX_MARKS`. Everything else stays as it is. Cleaning twice changes nothing more.

    Args:
        text: anything, of any length; no more of it is read than can be shown.
        limit: the most characters returned. A longer text ends in `…`; an escape is never cut in two.
    """
    if len(text) <= limit and text.isascii() and text.isprintable():
        return text
    if limit <= 0:
        return ""
    return _escaped(text[: limit + 1], limit)


def escape(character: str) -> str:
    r"""The visible escape of one character: `\x1b`, `\u202e`, `\U000e0001`."""
    code = ord(character)
    if code < 0x100:
        return _SHORT_ESCAPES.get(character, f"\\x{code:02x}")
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def _stacks(character: str, category: str) -> bool:
    return category == "Mn" or any(first <= character <= last for first, last in _STACKING_JAMO)


@lru_cache(maxsize=4096)
def _escaped(text: str, limit: int) -> str:
    pieces: list[str] = []
    used = 0
    marks = MAX_MARKS
    for character in text:
        piece = character
        if character < "\x7f":
            marks = 0
            if character < " ":
                piece = escape(character)
        else:
            category = unicodedata.category(character)
            hidden = category in _HIDDEN_CATEGORIES or character in _INVISIBLE
            if not hidden and _stacks(character, category):
                hidden = marks >= MAX_MARKS
                marks += 1
            else:
                marks = 0
            if hidden:
                piece = escape(character)
        pieces.append(piece)
        used += len(piece)
        if used > limit:
            break
    if used <= limit:
        return "".join(pieces)
    while used > limit - 1:
        used -= len(pieces.pop())
    return "".join(pieces) + ELLIPSIS


def clean_whole(text: str) -> str:
    """`clean` without a cap, for what must not be cut: an id, a reason, a cell of an export."""
    # The longest escape has ten characters.
    return clean(text, 10 * len(text))


def csv_cell(value: str | int | float | None) -> str | int | float:
    """The value as a CSV cell that no spreadsheet takes for a formula; the JSON beside it is the lossless one.

    A text that begins, after blanks or quotes, with `= + - @`, TAB, CR, LF or a full-width twin gets a leading `'`,
    unless it is a plain number. Control characters become visible escapes.

    Args:
        value: numbers stay numbers; None becomes the empty cell.
    """
    if value is None:
        return ""
    if not isinstance(value, str):
        return value
    text = clean_whole(value)
    risky = _FORMULA.match(value) is not None or _FORMULA.match(text) is not None
    return f"'{text}" if risky and _NUMBER.fullmatch(value) is None else text
