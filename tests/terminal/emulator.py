"""A terminal's screen without colours: pyte, with short cuts for what most of a program's output is.

What stands where is pyte's to say; looks (colours and such) are passed over, because no test reads them here. A run of
characters of one cell each is put in its place at once; whatever else comes takes pyte's own way.
"""

import re
from typing import Any

import pyte
from pyte import charsets, modes
from pyte.screens import Char
from wcwidth import wcwidth

_LOOK = re.compile(r"\x1b\[[\d;]*m")
_PLACE = re.compile(r"\x1b\[(\d{1,4});(\d{1,4})H")


class _Cells(dict[str, Char | None]):
    """Characters that take one cell each, as cells; of any other character, nothing."""

    def __missing__(self, one: str) -> Char | None:
        cell = self[one] = Char(one) if wcwidth(one) == 1 else None
        return cell


_CELLS = _Cells()


class Screen(pyte.Screen):
    """What stands on the screen."""

    def draw(self, data: str) -> None:
        """Put text where the cursor is."""
        run = [_CELLS[one] for one in data]
        begin, end = self.cursor.x, self.cursor.x + len(run)
        usual = not self.charset and self.g0_charset is charsets.LAT1_MAP and modes.IRM not in self.mode
        if not usual or end > self.columns or None in run:
            super().draw(data)
            return
        self.buffer[self.cursor.y].update(zip(range(begin, end), run, strict=True))
        self.cursor.x = end
        self.dirty.add(self.cursor.y)

    @property
    def display(self) -> list[str]:
        """The screen, a string a row."""
        rows = ["".join([self.buffer[y][x].data for x in range(self.columns)]) for y in range(self.lines)]
        if all(len(row) == self.columns and all(_CELLS[one] for one in set(row)) for row in rows):
            return rows
        return list(super().display)


class Stream(pyte.Stream):
    """Tells a screen what a program writes."""

    def feed(self, data: str) -> None:
        """Take in what comes next; a sequence that it ends in the middle of goes on in the next."""
        listener: Any = self.listener
        offset = 0
        while offset < len(data):
            if not self._taking_plain_text:
                self._taking_plain_text = bool(self._send_to_parser(data[offset]))
                offset += 1
            elif text := self._text_pattern.match(data, offset):
                listener.draw(text[0])
                offset = text.end()
            elif look := _LOOK.match(data, offset):
                offset = look.end()
            elif place := _PLACE.match(data, offset):
                listener.cursor_position(int(place[1]), int(place[2]))
                offset = place.end()
            else:
                self._taking_plain_text = False
