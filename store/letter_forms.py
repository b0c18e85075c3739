"""How a letter is written down: Markdown or plain text. Every value is untrusted, and ends neither line nor cell.

It knows nothing of what a letter says.
"""

import re
import unicodedata
from collections.abc import Iterable, Sequence
from typing import Protocol

from store.text import clean_whole

NOTHING = "none"
# Whatever can begin a code span, emphasis, a link, an image, HTML, an entity, a cell, a heading's end or an address.
_SPECIAL = re.compile(r"[\\`*_\[\]<>|~&!#@$]|:(?=\S)|/(?=/)")
_AT_THE_BEGIN = re.compile(r"^(?:([-+=])|(\d{1,9})([.)]))")
# Without a scheme an address begins with these.
_WWW = re.compile(r"(www)\.", re.IGNORECASE)


class Form(Protocol):
    """One way to write a letter down."""

    def text(self, value: str) -> str:
        """A value of the data, safe anywhere in a line; never empty."""

    def table(self, header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
        """A table of values; the header is ours, cells of the data are made safe here."""

    def bullets(self, lines: Iterable[str]) -> str:
        """A list; each line is safe already."""


class Markdown:
    """CommonMark with the tables, strikethrough and addresses of GitHub."""

    def text(self, value: str) -> str:
        """See `Form`: every character that could be syntax is escaped."""
        return markdown(value)

    def table(self, header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
        """See `Form`."""
        lines = [header, ["---"] * len(header), *([self.text(cell) for cell in row] for row in rows)]
        return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)

    def bullets(self, lines: Iterable[str]) -> str:
        """See `Form`."""
        return "\n".join(f"- {line}" for line in lines)


class Plain:
    """Plain text, its tables set in columns."""

    def text(self, value: str) -> str:
        """See `Form`."""
        return clean_whole(value).strip() or NOTHING

    def table(self, header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
        """See `Form`."""
        lines = [list(header), *([self.text(cell) for cell in row] for row in rows)]
        widths = [max(_width(line[place]) for line in lines) for place in range(len(header))]
        return "\n".join(
            "  ".join(cell + " " * (width - _width(cell)) for cell, width in zip(line, widths, strict=True)).rstrip()
            for line in lines
        )

    def bullets(self, lines: Iterable[str]) -> str:
        """See `Form`."""
        return "\n".join(f"- {line}" for line in lines)


FORMS: dict[str, Form] = {"md": Markdown(), "txt": Plain()}


def markdown(value: str) -> str:
    r"""A text as it may stand anywhere in a line of Markdown: what is shown is the cleaned text, and nothing else.

    An address is no link, but that GitHub makes one of a mail address, to itself.
    """
    text = clean_whole(value).strip() or NOTHING
    text = _SPECIAL.sub(r"\\\g<0>", text)
    text = _AT_THE_BEGIN.sub(lambda found: rf"\{found[1]}" if found[1] else rf"{found[2]}\{found[3]}", text)
    return _WWW.sub(r"\1\\.", text)


def _width(text: str) -> int:
    """How many columns a clean text takes."""
    if text.isascii():
        return len(text)
    wide = sum(unicodedata.east_asian_width(character) in "WF" for character in text)
    return len(text) + wide - sum(unicodedata.combining(character) != 0 for character in text)
