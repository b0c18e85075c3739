"""How the events of a view are counted: from an index where it holds, else event by event. Both say the same."""

import sqlite3

from store.event_counts import EventCounts
from store.figure_index import figure_index
from store.index_counts import IndexCounts
from store.judge import Judge
from store.parameters import View
from store.tallies import Counts
from store.world import World


def counts_of(connection: sqlite3.Connection, world: World, view: View) -> Counts:
    """The counts of a view, for questions: the index is made for the first one and serves those after it.

    Args:
        world: of the connection's snapshot.
    """
    judge = Judge(world.rulebook, cutoff=view.what_if_cutoff)
    indexed = figure_index(connection, world, judge, view)
    if indexed is None:
        return EventCounts(connection, world, view)
    return IndexCounts(indexed, judge, view)
