"""Packed columns: what comes out is what went in, whole or in slices, and what was damaged is said to be."""

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from store.packing import BLOCK, pack, unpack, unpack_slice

NUMBERS = st.one_of(
    st.lists(st.integers(0, 300), max_size=40),
    st.lists(st.integers(-(2**63), 2**63 - 1), max_size=40),
    st.lists(st.sampled_from([0, 255, 256, 2**16, 2**24, 2**32, 2**40, 2**62]), max_size=40),
)
LONG = np.random.default_rng(7).integers(0, 1 << 20, 3 * BLOCK + 5)


def sliced(form: str, packed: bytes, start: int, stop: int) -> list[int]:
    def read(first: int, size: int) -> bytes:
        return packed[first : first + size]

    found: list[int] = unpack_slice(form, read, start, stop).tolist()
    return found


@given(numbers=NUMBERS, cut=st.tuples(st.integers(0, 40), st.integers(0, 40)), are_near=st.booleans())
def test_what_is_packed_comes_out_as_it_went_in(numbers: Sequence[int], cut: tuple[int, int], are_near: bool) -> None:
    form, packed = pack(np.array(numbers, dtype=np.int64), are_near=are_near)
    assert unpack(form, packed).tolist() == numbers
    start, stop = sorted(min(place, len(numbers)) for place in cut)
    assert sliced(form, packed, start, stop) == numbers[start:stop]


def test_a_least_value_is_taken_off_and_put_back() -> None:
    form, packed = pack(np.array([-1, 0, 254]), least=-1)
    assert form == "z1"
    assert unpack(form, packed, least=-1).tolist() == [-1, 0, 254]


def test_near_numbers_take_the_room_of_their_differences() -> None:
    numbers = np.cumsum(LONG) + (1 << 50)
    plain, near = pack(numbers)[1], pack(numbers, are_near=True)[1]
    assert len(near) < 0.9 * len(plain)


def test_flags_take_a_byte_at_most() -> None:
    form, packed = pack(np.array([True, False, True]))
    assert form == "z1"
    assert unpack(form, packed).tolist() == [1, 0, 1]


@pytest.mark.parametrize("are_near", [False, True])
@pytest.mark.parametrize("start", [0, 1, BLOCK - 1, BLOCK, 2 * BLOCK + 1, 3 * BLOCK])
@pytest.mark.parametrize("length", [0, 1, BLOCK, BLOCK + 2, 3 * BLOCK])
def test_a_slice_of_many_blocks_is_read_without_the_others(start: int, length: int, are_near: bool) -> None:
    form, packed = pack(LONG, are_near=are_near)
    stop = min(start + length, len(LONG))
    asked = 0

    def read(first: int, size: int) -> bytes:
        nonlocal asked
        asked += size
        return packed[first : first + size]

    assert unpack_slice(form, read, start, stop).tolist() == LONG[start:stop].tolist()
    blocks = -(-stop // BLOCK) - start // BLOCK
    assert asked <= (blocks + 0.1) * len(packed) / 3


def test_plain_arrays_of_an_earlier_version_are_still_read() -> None:
    packed = np.array([3, 70_000, 5], dtype="<u4").tobytes()
    assert unpack("<u4", packed, least=-1).tolist() == [2, 69_999, 4]
    assert sliced("<u4", packed, 1, 3) == [70_000, 5]


@pytest.mark.parametrize(
    ("form", "damage"),
    [
        ("z3", lambda packed: b""),
        ("z3", lambda packed: packed[:-1]),
        ("z3", lambda packed: packed + b"x"),
        ("z3", lambda packed: packed[: len(packed) // 2]),
        ("z3", lambda packed: b"\xff" * 8 + packed[8:]),
        ("z3", lambda packed: bytes(len(packed))),
        ("z3", lambda packed: packed[:8] + b"\0\0\0\0" + packed[12:]),
        ("z3", lambda packed: packed.replace(b"\x28\xb5\x2f\xfd", b"\x28\xb5\x2f\xfe", 1)),
        ("z2", lambda packed: packed),
        ("z4", lambda packed: packed),
        ("z0", lambda packed: packed),
        ("z9", lambda packed: packed),
        ("zz", lambda packed: packed),
    ],
)
def test_what_was_damaged_is_no_column(form: str, damage: object) -> None:
    packed = pack(LONG)[1]
    assert callable(damage)
    with pytest.raises(ValueError, match=r"damaged|invalid literal"):
        unpack(form, damage(packed))


def test_no_piece_unpacks_to_more_than_a_block() -> None:
    from zstandard import ZstdCompressor

    bomb = ZstdCompressor().compress(bytes(BLOCK + 1))
    packed = np.array([1, len(bomb)], dtype="<u4").tobytes() + bomb
    with pytest.raises(ValueError, match="too long"):
        unpack("z1", packed)
