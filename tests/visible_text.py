"""What of a text a terminal must never be sent, and how it is spelled instead: written apart from `store.text`.

The rules here come from Unicode's own lists and from Python's spelling of escapes, not from the code under test.
"""

import re
from collections.abc import Iterator

# Blanks that take room: harmless, although Python does not call them printable.
_BLANKS = frozenset("\u00a0\u1680\u202f\u205f\u3000").union(map(chr, range(0x2000, 0x200B)))
# Unicode's DefaultIgnorableCodePoint, whole: what a terminal draws as nothing.
_IGNORABLE = (
    (0x00AD, 0x00AD),
    (0x034F, 0x034F),
    (0x061C, 0x061C),
    (0x115F, 0x1160),
    (0x17B4, 0x17B5),
    (0x180B, 0x180F),
    (0x200B, 0x200F),
    (0x202A, 0x202E),
    (0x2060, 0x206F),
    (0x3164, 0x3164),
    (0xFE00, 0xFE0F),
    (0xFEFF, 0xFEFF),
    (0xFFA0, 0xFFA0),
    (0xFFF0, 0xFFF8),
    (0x1BCA0, 0x1BCA3),
    (0x1D173, 0x1D17A),
    (0xE0000, 0xE0FFF),
)
# What must be hidden whatever the categories say: controls, separators, surrogates, private use, no characters.
_NEVER = (
    (0x00, 0x1F),
    (0x7F, 0x9F),
    (0x2028, 0x2029),
    (0xD800, 0xDFFF),
    (0xE000, 0xF8FF),
    (0xFDD0, 0xFDEF),
    (0xFFF9, 0xFFFB),
    (0xF0000, 0x10FFFF),
    *((plane << 16 | 0xFFFE, plane << 16 | 0xFFFF) for plane in range(17)),
)
# Marks that enclose what stands before them: circles, squares, slashes, thousands and millions of Cyrillic.
_ENCLOSING = ((0x0488, 0x0489), (0x1ABE, 0x1ABE), (0x20DD, 0x20E0), (0x20E2, 0x20E4), (0xA670, 0xA672))
NEVER = frozenset(code for first, last in (*_IGNORABLE, *_NEVER, *_ENCLOSING) for code in range(first, last + 1))
MOST_MARKS = 4
# Combining marks, of the blocks that hold nothing else: more than a few on one letter, or any on none, is a flood.
_MARK = "[\u0300-\u034e\u0350-\u036f\u0483-\u0489\u1ab0-\u1ace\u1dc0-\u1dff\u20d0-\u20f0\ufe20-\ufe2f]"
_FLOOD = re.compile(rf"\A{_MARK}+|(?<={_MARK}{{{MOST_MARKS}}}){_MARK}+")


def is_hidden(character: str) -> bool:
    """Whether a terminal must not get this character as it is."""
    return ord(character) in NEVER or not (character.isprintable() or character in _BLANKS)


def escaped(character: str) -> str:
    r"""Python's own spelling: `\x1b`, `\n`, `\u202e`, `\U000e0041`."""
    return character.encode("unicode_escape").decode("ascii")


class _Spelling(dict[int, str]):
    """How each character is shown, worked out when it is first met."""

    def __missing__(self, code: int) -> str:
        self[code] = escaped(chr(code)) if is_hidden(chr(code)) else chr(code)
        return self[code]


_SPELLING = _Spelling()


def visible(text: str) -> str:
    """The text as it should be shown: what is hidden and what floods is spelled out."""
    floods = _FLOOD.sub(lambda found: "".join(map(escaped, found[0])), text)
    return floods.translate(_SPELLING)


def hidden_in(text: str) -> set[str]:
    """Escapes of what is in the text and must not be: hidden characters, and marks that flood."""
    shown = {one for one in set(text) if _SPELLING[ord(one)] != one}
    return {escaped(one) for one in shown.union(*_FLOOD.findall(text))}


def code_points(at_once: int = 256) -> Iterator[list[str]]:
    """Every code point there is, all 1,114,112, so many at once."""
    for first in range(0, 0x110000, at_once):
        yield [chr(code) for code in range(first, first + at_once)]
