"""Columns of a figure index: for each candidate the rank of the one before it, and totals that grow, in little room."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from store.event_order import EventOrder, Ranks
from store.segments import Column

Ids = npt.NDArray[np.int32]

_NONE_BEFORE = np.int32(-1)
# Larger than every rank: of an event that names nobody, and of what only fills up a word.
NEVER = np.int32(2**31 - 1)
NO_RANKS = np.zeros(0, dtype=np.int32)
_LINKED_AT_ONCE = 1 << 20
# Where one candidate in so many, or fewer, has another before it, those alone are kept.
_SPARSE = 4


class Linked(NamedTuple):
    """The rank of the candidate before each, all of them in their order or only those that have one before them.

    Attributes:
        dense: all, as in `FigureIndex.person`; None where the others are kept.
        app, rank, previous: of those that have one; `app` is a place among the index's apps.
    """

    dense: Ranks | None
    app: Ids
    rank: Ranks
    previous: Ranks

    def repeated(self, low: int, high: int, apps: int) -> Column:
        """For each app how many of its ranks in `[low, high)` have the one before there too; 0 where `dense` tells."""
        return np.bincount(self.app[(self.previous >= low) & (self.rank < high)], minlength=apps)


def linked(previous: Ranks, rank: Ranks, starts: Column) -> Linked:
    """What `previous` says, in the form that takes less room; each app's candidates begin at one of `starts`."""
    again = np.flatnonzero((previous >= 0) & (previous < NEVER))
    if len(again) * _SPARSE > len(previous):
        return Linked(previous, NO_RANKS, NO_RANKS, NO_RANKS)
    app = np.searchsorted(starts, again, "right").astype(np.int32) - np.int32(1)
    return Linked(None, app, rank[again], previous[again])


_BLOCK_BITS = 8


class RunningTotal:
    """A total that grows from place to place, in little room: in blocks, above what it is at the begin of each."""

    def __init__(self, total: Column) -> None:
        starts = np.arange(0, len(total), 1 << _BLOCK_BITS)
        self._base = np.append(np.zeros(1, dtype=np.int64), total[starts[1:] - 1]) if len(total) else total
        above = total - np.repeat(self._base, np.diff(np.append(starts, len(total))))
        self._above = above.astype(np.min_scalar_type(int(above.max(initial=0))))

    def at(self, places: Column) -> Column:
        """The total at these places; 0 before the first one, at -1."""
        total: Column = self._base[places >> _BLOCK_BITS] + self._above[places].astype(np.int64)
        total[places < 0] = 0
        return total


def previous(order: EventOrder, rank: Ranks, ids: Ids, partner: Ids | None = None) -> Ranks:
    """For each candidate the rank of the one before it with the same id, -1 without one; `NEVER` where it has none.

    Args:
        partner: of each candidate; only those of the same one count.
    """
    previous = np.full(len(rank), _NONE_BEFORE, dtype=np.int32)
    previous[ids == 0] = NEVER
    most = int(ids.max(initial=0)) + 1
    bits = len(order).bit_length()
    for chosen in _by_id(ids):
        key = ids[chosen].astype(np.int64)
        if partner is not None:
            key += partner[chosen].astype(np.int64) * most
        its = rank[chosen]
        in_order = np.argsort(key << bits | its) if int(key.max()) >> (63 - bits) == 0 else np.lexsort((its, key))
        key, its, chosen = key[in_order], its[in_order], chosen[in_order]
        again = np.flatnonzero(key[1:] == key[:-1])
        previous[chosen[again + 1]] = its[again]
    return previous


def _by_id(ids: Ids) -> Iterator[Column]:
    """Places of the candidates that name somebody, some ids after others: sorting a part needs little room."""
    parts = 1 << (len(ids) // _LINKED_AT_ONCE).bit_length()
    for part in range(parts):
        chosen = np.flatnonzero((ids & np.int32(parts - 1)) == part)
        if part == 0:
            chosen = chosen[ids[chosen] != 0]
        if len(chosen):
            yield chosen
