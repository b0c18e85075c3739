"""Which restricted data classes a partner read, and how they are told in few words."""

from collections.abc import Sequence

from store.connection import Store
from store.parameters import Parameters, resolve


def read_classes(store: Store, partner: int, parameters: Parameters) -> tuple[str, ...]:
    """The data classes that are improper on their own in a partner's improper events before as-of, by name.

    Args:
        partner: internal id.
    """
    import numpy as np

    from store.judge import IMPROPER
    from store.partner_events import partner_events
    from store.world import world_of

    with store.reading() as connection:
        world = world_of(store, connection)
        view = resolve(world.rulebook, parameters)
        columns, verdicts = partner_events(connection, world, partner)
        if view.what_if_cutoff is not None:
            verdicts = world.judge(columns, cutoff=view.what_if_cutoff)
        read = (verdicts.verdict == IMPROPER) & (columns.occurred_at < view.as_of)
        situations = np.unique(verdicts.settled[read]).tolist()
    return tuple(sorted({name for situation in situations for name in verdicts.improper_classes[situation]}))


def class_words(classes: Sequence[str], most: int = 3) -> str:
    """The classes by the last part of their names, `name+picture`; whole names where those would be the same.

    Args:
        most: so many are named; the others are counted.
    """
    short = [name.rpartition(".")[2] for name in classes]
    shown = short if len(set(short)) == len(short) else list(classes)
    more = f" and {len(shown) - most} more" if len(shown) > most else ""
    return "+".join(shown[:most]) + more
