"""What a program wrote to a terminal, taken apart: control sequences here, text there.

A parser of our own, after ECMA-48 and what terminals add to it; it knows nothing of the program.
"""

import re
from base64 import b64decode
from collections import Counter
from collections.abc import Iterator
from typing import NamedTuple

from tests.visible_text import hidden_in

_TOKEN = re.compile(
    # A line's end as the program writes it: after looks were put off or a place, before the next line's place.
    r"(?P<end>(?<=[mH])\r\n(?=\x1b\[\d{1,3};\d{1,3}H))"
    r"|(?P<csi>(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~])"
    r"|(?P<string>(?:\x1b[\]PX^_k]|[\x9d\x90\x98\x9e\x9f])[^\x1b\x9c\x07]*(?:\x1b\\|\x9c|\x07))"
    r"|(?P<escape>\x1b[ -/]*[0-~])"
    r"|(?P<control>[\x00-\x1f\x7f-\x9f])"
    r"|(?P<text>[^\x00-\x1f\x7f-\x9f]+)"
)
_PLACE = re.compile(r"\x1b\[(?:(\d{1,3});(\d{1,3}))?H")
_LOOK = re.compile(r"\x1b\[([\d;]*)m")
_ATTRIBUTE = re.compile(r"(38;2|48;2);\d{1,3};\d{1,3};\d{1,3}|(38;5|48;5);\d{1,3}|(\d+)")
COPY = re.compile(r"\x1b\]52;c;([A-Za-z0-9+/=]*)(?:\x07|\x1b\\)")
# Written as often as there is something to draw; of everything else the number is the same for any data.
_AS_OFTEN_AS_IT_TAKES = frozenset(
    ("place", "look", "end of a line", "\x1b[?2026h", "\x1b[?2026l", "\x1b[?25h", "\x1b[?25l", "\x1b]22;default\x07")
)


class Written(NamedTuple):
    """A stream taken apart.

    Attributes:
        sequences: how often each was written; places and looks (colours and such) by their kind.
        copies: what was sent to the clipboard, base64.
        text: everything else, a line of its own between sequences.
    """

    sequences: Counter[str]
    copies: tuple[str, ...]
    text: str


def taken_apart(raw: str, size: tuple[int, int]) -> Written:
    """The stream's sequences and its text.

    Args:
        size: of the terminal at its largest, columns and rows: what is placed outside was not placed by the program.
    """
    tokens: Counter[str] = Counter()
    copies = []
    text = []
    for kind, token in _tokens(raw):
        if kind == "text":
            text.append(token)
            continue
        text.append("\n")
        if found := COPY.fullmatch(token):
            copies.append(found[1])
        else:
            tokens[token] += 1
    sequences: Counter[str] = Counter()
    for token, times in tokens.items():
        for kind in _kinds(token, size):
            sequences[kind] += times
    return Written(sequences, tuple(copies), "".join(text))


def _tokens(raw: str) -> Iterator[tuple[str, str]]:
    for found in _TOKEN.finditer(raw):
        assert found.lastgroup is not None
        yield found.lastgroup, found[0]


def _kinds(token: str, size: tuple[int, int]) -> list[str]:
    """What a sequence counts as: itself, a place on the screen, or the looks that it sets."""
    if token == "\r\n":
        return ["end of a line"]
    if place := _PLACE.fullmatch(token):
        row, column = int(place[1] or 1), int(place[2] or 1)
        return ["place" if column <= size[0] and row <= size[1] else token]
    if look := _LOOK.fullmatch(token):
        return ["look", *(f"look {found[1] or found[2] or found[3]}" for found in _ATTRIBUTE.finditer(look[1]))]
    return [token]


def strange(written: Written, usual: Written, copies: int = 0) -> list[str]:
    """What a stream holds that another one, of harmless data on the same screens, does not: empty when nothing.

    Args:
        copies: how often a person copied something: as often the clipboard is written, with text that can be shown.
    """
    found = [] if len(written.copies) == copies else [f"{len(written.copies)} copies, not {copies}"]
    found += sorted(hidden_in("".join(b64decode(one).decode("utf-8") for one in written.copies)))
    found += [ascii(one) for one in written.sequences if one not in usual.sequences]
    found += [
        f"{one!a} {written.sequences[one]} times, not {number}"
        for one, number in usual.sequences.items()
        if one not in _AS_OFTEN_AS_IT_TAKES and not one.startswith("look ") and written.sequences[one] != number
    ]
    found += sorted(hidden_in(written.text.replace("\n", "a")))
    return found
