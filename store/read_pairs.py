"""Who read whom: pairs of a partner and a person, from the same restricted reads as the figures.

One pass over the events makes them, once for each state of the evidence and view; distinct people over any grouping of
the partners are then one pass over the pairs.
"""

import sqlite3
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from store.columns import different
from store.judge import IMPROPER
from store.parameters import View
from store.remembered import Remembered
from store.roster import owners
from store.segments import Column
from store.world import World

NO_GROUP = -1
# Internal ids are below this many bits: two of them make one number.
_ID_BITS = 31
_ID = (1 << _ID_BITS) - 1
Ids = npt.NDArray[np.int32]


class Pairs(NamedTuple):
    """Each partner with each person whose data it read, internal ids, once."""

    partner: Ids
    person: Ids


_KEPT: Remembered[Pairs] = Remembered()


def people_of_groups(
    connection: sqlite3.Connection, world: World, view: View, group_of: Column, groups: int
) -> list[int]:
    """How many distinct people the restricted reads before as-of name, for each group of partners.

    Args:
        world: of the connection's snapshot.
        group_of: by internal id of a partner its group, from 0 on, or `NO_GROUP`; partners beyond its end have none.
        groups: how many groups there are.
    """
    pairs = read_pairs(connection, world, view)
    known = pairs.partner < len(group_of)
    partner, person = pairs.partner[known], pairs.person[known]
    group = group_of[partner]
    grouped = group != NO_GROUP
    met = np.zeros((groups, int(person.max(initial=0)) + 1), dtype=bool)
    met[group[grouped], person[grouped]] = True
    counts: list[int] = met.sum(axis=1).tolist()
    return counts


def read_pairs(connection: sqlite3.Connection, world: World, view: View) -> Pairs:
    """Who read whom before as-of, restricted reads only; reads that name no person are left out.

    Args:
        world: of the connection's snapshot.
    """
    return _KEPT.get(world, (view.as_of, view.what_if_cutoff), lambda: _read(connection, world, view))


def _read(connection: sqlite3.Connection, world: World, view: View) -> Pairs:
    partner_of = owners(world)
    found = [np.zeros(0, dtype=np.int64)]
    for columns in world.parts(connection):
        verdict = world.judge(columns, cutoff=view.what_if_cutoff).verdict
        places = np.flatnonzero((verdict == IMPROPER) & (columns.occurred_at < view.as_of) & (columns.subject > 0))
        found.append(different((partner_of[columns.app[places]] << _ID_BITS) + columns.subject[places]))
    pairs = different(np.concatenate(found))
    return Pairs((pairs >> _ID_BITS).astype(np.int32), (pairs & _ID).astype(np.int32))
