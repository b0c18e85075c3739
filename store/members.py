"""Who is in which population under a view, and who is in it under one view and not under another, by name."""

import sqlite3
from typing import NamedTuple

import numpy as np

from store.connection import Store
from store.kept import is_stale
from store.names import partner_names
from store.parameters import View
from store.partner_table import kept_columns
from store.partners import answers_as_kept
from store.segments import Column
from store.tallies import Members


class Flipped(NamedTuple):
    """A partner that differs: internal id, outside id, and the registry's name, which is not clean."""

    partner: int
    partner_id: str
    name: str


def members(store: Store, connection: sqlite3.Connection, view: View, *, kept: bool) -> Members:
    """The partners of each population.

    Args:
        connection: of this store, inside `reading`.
        kept: the view is the rulebook's own, so that what the last refresh kept answers.
    """
    if answers_as_kept(connection, view, kept=kept):
        columns = kept_columns(store, connection)
        return Members(*(columns.numbers["partner"][columns.members(name)] for name in Members._fields))
    from store.evidence import Assessment
    from store.world import world_under

    return Assessment(connection, world_under(store, connection, view.variation), view).members()


def only_in(store: Store, connection: sqlite3.Connection, some: Column, others: Column) -> tuple[Flipped, ...]:
    """Those of some partners that are not among others (internal ids, ascending), by name and then by internal id."""
    if np.array_equal(some, others):
        return ()
    partners = np.setdiff1d(some, others, assume_unique=True)
    if is_stale(connection):
        names = partner_names(connection)
        found = [Flipped(partner, names[partner].partner_id, names[partner].name) for partner in partners.tolist()]
        return tuple(sorted(found, key=lambda each: (each.name.casefold(), each.partner)))
    # Names and their order were read once for this state of the evidence.
    columns = kept_columns(store, connection)
    places = np.searchsorted(columns.numbers["partner"], partners)
    places = places[np.argsort(columns.name_rank[places], kind="stable")]
    partner, of = columns.numbers["partner"][places].tolist(), places.tolist()
    partner_id, name = (map(columns.texts[text].__getitem__, of) for text in ("partner_id", "name"))
    return tuple(map(Flipped._make, zip(partner, partner_id, name, strict=True)))
