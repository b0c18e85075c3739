"""Keys: 63-bit hashes that stand for a record's identity or its content; the same in Python, numpy and DuckDB.

SQLite's integers are signed 64-bit: the top bit is kept clear. A key is never shown and never leaves the store.
"""

import hashlib
from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

SEPARATOR = "\x1f"
MASK = (1 << 63) - 1
_WORD = (1 << 64) - 1
_GOLDEN = 0x9E3779B97F4A7C15
_FIRST = 0xBF58476D1CE4E5B9
_SECOND = 0x94D049BB133111EB


def text_key(text: str) -> int:
    """The key of a text: the last sixteen digits of its MD5 as a number, without the top bit.

    DuckDB's `('0x' || right(md5(text), 16))::UBIGINT & 9223372036854775807` is the same number; its
    `md5_number_lower` takes twice as long.
    """
    return bytes_key(text.encode("utf-8"))


def bytes_key(text: bytes) -> int:
    """The key of a text in UTF-8."""
    return int.from_bytes(hashlib.md5(text, usedforsecurity=False).digest()[8:], "big") & MASK


def joined_key(parts: Iterable[str]) -> int:
    """The key of several texts in order; an absent one is the empty text."""
    return text_key(SEPARATOR.join(parts))


def event_key(content: str, event_id: str) -> int:
    """The key of an event that the log names: its id and its content.

    The content is in it so that a corrected file can be imported after the wrong one was voided: its events are
    other rows. That one id has two contents among what counts is found by `text_key(event_id)`.
    """
    return joined_key(("id", event_id, content))


def mixed(key: int, ordinal: int) -> int:
    """The key of the `ordinal`-th equal record of one file: the first, ordinal 0, keeps the content's key.

    Splitmix64's finisher over key + ordinal x golden ratio.
    """
    if ordinal == 0:
        return key
    word = (key + ordinal * _GOLDEN) & _WORD
    word = ((word ^ (word >> 30)) * _FIRST) & _WORD
    word = ((word ^ (word >> 27)) * _SECOND) & _WORD
    return (word ^ (word >> 31)) & MASK


def mixed_array(keys: npt.NDArray[np.int64], ordinals: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """`mixed` of each pair."""
    with np.errstate(over="ignore"):
        word = keys.astype(np.uint64) + ordinals.astype(np.uint64) * np.uint64(_GOLDEN)
        word = (word ^ (word >> np.uint64(30))) * np.uint64(_FIRST)
        word = (word ^ (word >> np.uint64(27))) * np.uint64(_SECOND)
        word = (word ^ (word >> np.uint64(31))) & np.uint64(MASK)
    return np.where(ordinals == 0, keys, word.astype(np.int64))
