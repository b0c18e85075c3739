"""Which partners entered or left a population by which change: written down with the change, whatever comes later.

The kept figures say who is in a population now. `recording` compares them before and after a change, in its
transaction, and the log vouches for what it found.
"""

import hashlib
import json
import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import NamedTuple

from store.ledger import SYSTEM, append

# In the order in which they are told; each of the last three is inside the one before it, or inside `accessed`.
POPULATIONS = ("retained", "accessed", "recent", "after_removal")
CHANGED = "populations"

_MEMBERS = """
SELECT partner, retained, events > 0, recent > 0, after_removal > 0 FROM partner_figures
WHERE retained OR events > 0
"""
_ADD = "INSERT INTO population_changes(seq, population, partner, entered) VALUES (?, ?, ?, ?)"


class Change(NamedTuple):
    """A partner (internal id) that entered a population (1), or left it (0)."""

    population: str
    partner: int
    entered: int


@contextmanager
def recording(connection: sqlite3.Connection, *, at: int) -> Iterator[None]:
    """Write down who enters or leaves which population while the kept figures are made anew, if anybody does.

    One entry of the log, by `system`, says how many, and vouches for the rows: see `digest`.

    Args:
        connection: the writing connection.
        at: the change's instant, microseconds UTC.
    """
    before = _members(connection)
    yield
    changes = changes_between(before, _members(connection))
    if not changes:
        return
    document: dict[str, object] = {**counts_of(changes), "sha256": digest(changes)}
    seq = append(connection, actor=SYSTEM, verb=CHANGED, at=at, after=json.dumps(document))
    connection.executemany(_ADD, [(seq, *change) for change in changes])


Membership = tuple[int, int, int, int]
_NOWHERE: Membership = (0, 0, 0, 0)


def _members(connection: sqlite3.Connection) -> dict[int, Membership]:
    """Every partner (internal id) that is in a population, and for each of `POPULATIONS` whether it is in it."""
    return {partner: (*belongs,) for partner, *belongs in connection.execute(_MEMBERS)}


def changes_between(before: Mapping[int, Membership], after: Mapping[int, Membership]) -> list[Change]:
    """What differs, by population's name and partner: the order in which the table keeps it."""
    changed = [
        (partner, was, now)
        for partner in before.keys() | after.keys()
        if (was := before.get(partner, _NOWHERE)) != (now := after.get(partner, _NOWHERE))
    ]
    return sorted(
        Change(population, partner, now[place])
        for partner, was, now in changed
        for place, population in enumerate(POPULATIONS)
        if was[place] != now[place]
    )


def counts_of(changes: Iterable[Change]) -> dict[str, dict[str, int]]:
    """How many entered and left each population: `{"retained": {"entered": 3, "left": 0}, ...}`, all of them told."""
    counts = {population: {"entered": 0, "left": 0} for population in POPULATIONS}
    for change in changes:
        counts[change.population]["entered" if change.entered else "left"] += 1
    return counts


def digest(changes: Iterable[tuple[object, object, object]]) -> str:
    """SHA-256 over one line a row, `population,partner,entered` and a line feed, by population's name and partner."""
    whole = hashlib.sha256()
    for population, partner, entered in changes:
        whole.update(f"{population},{partner},{entered}\n".encode("utf-8", "surrogateescape"))
    return whole.hexdigest()
