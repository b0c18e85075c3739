"""A column of integers as bytes, and back: in blocks of equal length, each compressed byte place by byte place.

A slice is read without unpacking the rest. Two versions of the compressor may write other bytes for the same numbers:
packed columns are compared by what they unpack to.

The form is named `z1` to `z8` after how many bytes a number takes, `d1` to `d8` where each but the first of a block is
given by its difference d from the one before, as 2d or, below 0, as -2d - 1. It has how many blocks there are, as four
bytes; where each piece ends, counted from the first one's begin, four bytes each; the pieces. A block has a piece for
each place of a byte in its numbers, the lowest first. All is little-endian. A numpy dtype in place of the form is an
earlier version's plain array.
"""

from collections.abc import Callable, Sequence
from itertools import pairwise

import numpy as np
import numpy.typing as npt

Column = npt.NDArray[np.int64]

BLOCK = 1 << 14
_LEVEL = 1
_WORD = 8
_PLAIN, _NEAR = "z", "d"
_PLACE = np.dtype("<u4")

# (first byte, how many) -> those bytes of a packed column
Reader = Callable[[int, int], bytes]


def pack(values: npt.NDArray[np.generic], *, least: int = 0, are_near: bool = False) -> tuple[str, bytes]:
    """A column's form and its bytes, in as few bytes a number as the largest needs; all eight if some are negative.

    Args:
        values: integers or flags.
        least: the smallest value there can be: numbers are packed as their distance from it.
        are_near: whether numbers are mostly near those before them: differences are packed.
    """
    from zstandard import ZstdCompressor

    numbers = np.ascontiguousarray(values, dtype="<i8")
    if least:
        numbers = numbers - least
    if are_near:
        numbers = _differences(numbers)
    width = _width(numbers)
    compressor = ZstdCompressor(level=_LEVEL, write_checksum=False)
    octets = numbers.view(np.uint8).reshape(-1, _WORD)
    pieces = [
        compressor.compress(np.ascontiguousarray(octets[start : start + BLOCK, place]).data)
        for start in range(0, len(numbers), BLOCK)
        for place in range(width)
    ]
    ends = np.cumsum([len(piece) for piece in pieces], dtype=_PLACE)
    blocks = np.array([len(pieces) // width], dtype=_PLACE)
    return f"{_NEAR if are_near else _PLAIN}{width}", b"".join([blocks.tobytes(), ends.tobytes(), *pieces])


def _differences(numbers: Column) -> Column:
    """Each number's difference from the one before, small ones of either sign as small numbers; anew in each block."""
    differences = np.diff(numbers, prepend=0)
    differences[::BLOCK] = numbers[::BLOCK]
    return (differences << 1) ^ (differences >> 63)


def _summed(packed: Column) -> Column:
    """The numbers of which these are the `_differences`, in whole blocks."""
    differences = (packed.view(np.uint64) >> np.uint64(1)).view(np.int64) ^ -(packed & 1)
    whole = len(differences) // BLOCK * BLOCK
    blocks = differences[:whole].reshape(-1, BLOCK)
    np.cumsum(blocks, axis=1, out=blocks)
    np.cumsum(differences[whole:], out=differences[whole:])
    return differences


def _width(numbers: Column) -> int:
    if not len(numbers):
        return 1
    if int(numbers.min()) < 0:
        return _WORD
    return max(1, (int(numbers.max()).bit_length() + 7) // 8)


def unpack(form: str, packed: bytes, *, least: int = 0) -> Column:
    """A packed column as int64.

    Raises:
        ValueError: it was damaged.
    """
    width = _width_of(form)
    if width is None:
        values = np.frombuffer(packed, dtype=form).astype(np.int64)
    else:
        values, end = _blocks(form, width, 0, None, lambda first, size: packed[first : first + size])
        if end != len(packed):
            raise ValueError("a packed column is damaged: it does not end where it says")
    return values + least if least else values


def unpack_slice(form: str, read: Reader, start: int, stop: int, *, least: int = 0) -> Column:
    """The places `[start, stop)` of a packed column as int64.

    Args:
        read: gives bytes of the packed column, fewer where it ends.

    Raises:
        ValueError: it was damaged.
    """
    width = _width_of(form)
    if width is None:
        size = np.dtype(form).itemsize
        values = np.frombuffer(read(start * size, (stop - start) * size), dtype=form).astype(np.int64)
    else:
        first = start // BLOCK
        values, _ = _blocks(form, width, first, -(-stop // BLOCK), read)
        values = values[start - first * BLOCK : stop - first * BLOCK]
    return values + least if least else values


def _width_of(form: str) -> int | None:
    """How many bytes a number takes; None for an earlier version's plain array."""
    if not form.startswith((_PLAIN, _NEAR)):
        return None
    width = int(form[1:])
    if not 1 <= width <= _WORD:
        raise ValueError(f"a packed column is damaged: there is no form {form}")
    return width


def _blocks(form: str, width: int, first: int, stop: int | None, read: Reader) -> tuple[Column, int]:
    """The numbers of the blocks `[first, stop)`, None for all; and where in the packed column they end."""
    size = _PLACE.itemsize
    (blocks,) = _numbers(read(0, size), 1)
    stop = blocks if stop is None else min(stop, blocks)
    data = size * (1 + blocks * width)
    if first >= stop:
        return np.zeros(0, dtype=np.int64), data
    # The end of the piece before the first one is where that begins.
    before = min(first, 1)
    count = (stop - first) * width + before
    ends = _numbers(read(size * (1 + first * width - before), size * count), count)
    if not before:
        ends = [0, *ends]
    if ends != sorted(ends):
        raise ValueError("a packed column is damaged: its pieces are out of order")
    packed = memoryview(read(data + ends[0], ends[-1] - ends[0]))
    pieces = [packed[begin - ends[0] : end - ends[0]] for begin, end in pairwise(ends)]
    numbers = _joined(pieces, width)
    return _summed(numbers) if form.startswith(_NEAR) else numbers, data + ends[-1]


def _numbers(places: bytes, count: int) -> list[int]:
    if len(places) != count * _PLACE.itemsize:
        raise ValueError("a packed column is damaged: it is cut short")
    numbers: list[int] = np.frombuffer(places, dtype=_PLACE).tolist()
    return numbers


def _joined(pieces: Sequence[memoryview], width: int) -> Column:
    """The numbers of which these pieces are the bytes, place by place and block by block."""
    from zstandard import ZstdDecompressor, ZstdError, frame_content_size

    decompressor = ZstdDecompressor()
    octets = np.zeros((len(pieces) // width * BLOCK, _WORD), dtype=np.uint8)
    begin = end = 0
    for number, piece in enumerate(pieces):
        try:
            if not 0 <= frame_content_size(piece) <= BLOCK:
                raise ValueError("a packed column is damaged: one of its pieces is too long")
            plain = np.frombuffer(decompressor.decompress(piece), dtype=np.uint8)
        except ZstdError as error:
            raise ValueError(f"a packed column is damaged: {error}") from error
        place = number % width
        if place == 0:
            begin, end = end, end + len(plain)
        octets[begin:end, place] = plain
    return octets[:end].view("<i8").ravel().astype(np.int64, copy=False)
