"""Counts the records of a source: each of them is accepted, a duplicate, quarantined or skipped, and nothing else."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

_HELD, _NEW, _CONFLICT = 1, 2, 4


class Counts(NamedTuple):
    """`records = accepted + duplicates + quarantined + skipped`, always."""

    records: int
    accepted: int
    duplicates: int
    quarantined: int
    skipped: int


class Tally:
    """What became of each record. A record may have made several rows: it is accepted if any of them is new."""

    def __init__(self) -> None:
        self._flags = np.zeros(1 << 16, dtype=np.uint8)
        self.quarantined = 0
        self.skipped = 0

    def _mark(self, records: npt.NDArray[np.int64], flag: int) -> None:
        if not len(records):
            return
        highest = int(records.max())
        if highest >= len(self._flags):
            grown = np.zeros(max(highest + 1, 2 * len(self._flags)), dtype=np.uint8)
            grown[: len(self._flags)] = self._flags
            self._flags = grown
        self._flags[records] |= np.uint8(flag)

    def mark_new(self, records: npt.NDArray[np.int64]) -> None:
        """These records made a row that counts because of this import."""
        self._mark(records, _NEW)

    def mark_held(self, records: npt.NDArray[np.int64]) -> None:
        """These records made a row that was known already."""
        self._mark(records, _HELD)

    def mark_conflict(self, records: npt.NDArray[np.int64]) -> None:
        """These records contradict what is known under their event id."""
        self._mark(records, _CONFLICT)

    def counts(self) -> Counts:
        """The counts so far."""
        found = np.bincount(self._flags, minlength=8)
        conflicts = int(found[_CONFLICT:].sum())
        accepted = int(found[_NEW] + found[_NEW | _HELD])
        duplicates = int(found[_HELD])
        quarantined = self.quarantined + conflicts
        return Counts(
            accepted + duplicates + quarantined + self.skipped, accepted, duplicates, quarantined, self.skipped
        )
