"""Whether a CSV file is plain enough that another reader must understand it as the strict one does; and its outline.

What is vouched for: UTF-8 without control characters, one line a record, one kind of line end, no blank line, no line
of extreme length, and quotes only around whole fields. Everything else is left to `store.ingest.strict`.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, NamedTuple

import numpy as np
import numpy.typing as npt

from store.ingest.strict import CHECKPOINT_EVERY
from store.ingest.values import MAX_TEXT

_CHUNK = 8 * 1024**2
_BOM = b"\xef\xbb\xbf"
_PLAIN = bytes([*range(0x20, 0x7F), 0x0A])
_BLANK = 0x20
_EDGES = b'",\n\r'
_QUOTE, _COMMA, _NEWLINE, _RETURN = _EDGES


class Outline(NamedTuple):
    """What a vouched file is like.

    Attributes:
        has_edge_blanks: some field may begin or end with a blank.
        has_returns: lines end in CRLF; else in LF.
        lines: how many there are, the header included.
        checkpoints: (record number, offset of its first byte), every `CHECKPOINT_EVERY` records.
    """

    has_edge_blanks: bool
    has_returns: bool
    lines: int
    checkpoints: list[tuple[int, int]]


class _Reading:
    """What was seen so far."""

    def __init__(self) -> None:
        self.has_edge_blanks = False
        self.returns = 0
        self.newlines = 0
        self.lines = 0
        self.checkpoints: list[tuple[int, int]] = []

    def vouch(self, data: bytes, offset: int) -> bool:
        """Take in whole lines; whether they are plain."""
        odd = data.translate(None, _PLAIN)
        returns = odd.count(b"\r")
        if returns and (returns != data.count(b"\r\n") or b"\n\r\n" in data or data.startswith(b"\r")):
            return False
        if len(odd) > returns:
            if any(byte < 0x80 and byte != _RETURN for byte in set(odd)):
                return False
            try:
                data.decode("utf-8")
            except UnicodeDecodeError:
                return False
        view = np.frombuffer(data, dtype=np.uint8)
        ends = np.flatnonzero(view == _NEWLINE)
        if data.startswith(b"\n") or bool((np.diff(ends) == 1).any()):
            return False
        if not self._vouch_lines(view, ends, offset):
            return False
        self.has_edge_blanks = self.has_edge_blanks or _has_edge_blanks(view)
        self.returns += returns
        self.newlines += len(ends)
        return b'"' not in data or quotes_are_plain(view, ends)

    def _vouch_lines(self, view: npt.NDArray[np.uint8], ends: npt.NDArray[np.int64], offset: int) -> bool:
        begins = np.concatenate(([0], ends + 1))
        if begins[-1] == len(view):
            begins = begins[:-1]
        if int(np.diff(begins, append=len(view)).max()) > MAX_TEXT:
            return False
        first_record = self.lines
        wanted = np.arange(-(first_record - 1) % CHECKPOINT_EVERY, len(begins), CHECKPOINT_EVERY)
        self.checkpoints += [
            (int(place) + first_record, int(begins[place]) + offset) for place in wanted if place + first_record > 0
        ]
        self.lines += len(begins)
        return True


def _has_edge_blanks(view: npt.NDArray[np.uint8]) -> bool:
    """Whether a blank stands beside a comma, a quote or a line end, or at either end of the bytes."""
    blanks = np.flatnonzero(view == _BLANK)
    if not len(blanks):
        return False
    if blanks[0] == 0 or blanks[-1] == len(view) - 1:
        return True
    edges = np.frombuffer(_EDGES, dtype=np.uint8)
    return bool(np.isin(view[blanks - 1], edges).any() or np.isin(view[blanks + 1], edges).any())


def quotes_are_plain(view: npt.NDArray[np.uint8], ends: npt.NDArray[np.int64]) -> bool:
    """Whether every quote opens a field, closes one, or is one half of a pair within one; and none spans lines.

    Args:
        view: the bytes of whole lines.
        ends: where the newlines are.
    """
    quotes = np.flatnonzero(view == _QUOTE)
    if len(quotes) % 2:
        return False
    if len(ends) and np.any(np.searchsorted(quotes, ends) % 2):
        return False
    opening, closing = quotes[0::2], quotes[1::2]
    before = np.where(opening > 0, view[opening - 1], _NEWLINE)
    after = np.where(closing + 1 < len(view), view[np.minimum(closing + 1, len(view) - 1)], _NEWLINE)
    # A pair within a field toggles twice: its first half "closes", its second "opens" right behind it.
    is_second_half = np.concatenate(([False], opening[1:] == closing[:-1] + 1))
    is_first_half = np.concatenate((closing[:-1] + 1 == opening[1:], [False]))
    opens_well = (before == _COMMA) | (before == _NEWLINE) | is_second_half
    closes_well = (after == _COMMA) | (after == _NEWLINE) | (after == _RETURN) | is_first_half
    return bool(opens_well.all() and closes_well.all())


@contextmanager
def _writer(copy: Path | None) -> Iterator[BinaryIO | None]:
    if copy is None:
        yield None
        return
    with os.fdopen(os.open(copy, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "wb") as target:
        yield target


def outline(stream: BinaryIO, copy: Path | None) -> Outline | None:
    """Read a whole CSV file and vouch for it; None where it takes the strict reader.

    Args:
        stream: the plain bytes from the beginning.
        copy: where to write them, for a compressed file; None for one that lies there plain.
    """
    seen = _Reading()
    offset = 0
    rest = b""
    with _writer(copy) as target:
        while True:
            chunk = stream.read(_CHUNK)
            data = rest + chunk
            if target is not None:
                target.write(chunk)
            end = data.rfind(b"\n") + 1 if chunk else len(data)
            if not end and len(data) > MAX_TEXT:
                return None
            whole, rest = data[:end], data[end:]
            if offset == 0 and whole.startswith(_BOM):
                whole, offset = whole[len(_BOM) :], len(_BOM)
            if whole and not seen.vouch(whole, offset):
                return None
            offset += len(whole)
            if not chunk:
                break
    if seen.returns not in (0, seen.newlines) or seen.lines < 1:
        return None
    return Outline(seen.has_edge_blanks, seen.returns > 0, seen.lines, seen.checkpoints)
