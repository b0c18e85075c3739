"""Whom partners read in common: people shared by each two of them, and whom each adds beyond all the others."""

from collections.abc import Sequence
from typing import NamedTuple

from store.connection import Store
from store.errors import UsageError
from store.names import partner_name
from store.parameters import Parameters, resolve
from store.world import world_under

MOST_PARTNERS = 200


class OverlapRow(NamedTuple):
    """One partner among those compared.

    Attributes:
        partner: internal id. `partner_id`, `name`: as outside.
        people: distinct people of its improper events.
        alone: those of them whom no other partner of the incident read, compared or not.
        beyond: those whom no other of the partners compared read.
        shared: for each of the partners compared, in their order, how many of its people that one read too; its own
            people in its own place.
    """

    partner: int
    partner_id: str
    name: str
    people: int
    alone: int
    beyond: int
    shared: tuple[int, ...]


class Overlap(NamedTuple):
    """The partners compared, in the order asked for, and how many distinct people they read together."""

    rows: tuple[OverlapRow, ...]
    together: int
    qualifier: str


def overlap(store: Store, partners: Sequence[int], parameters: Parameters) -> Overlap:
    """Whom these partners (internal ids) read in common, over their improper events before as-of.

    Raises:
        UsageError: none was named, too many were, or one does not exist.
    """
    import numpy as np

    from store.figures import evidence_of
    from store.read_pairs import read_pairs

    compared = list(dict.fromkeys(partners))
    if not compared:
        raise UsageError("name the partners to compare")
    if len(compared) > MOST_PARTNERS:
        raise UsageError(f"{len(compared)} partners; at most {MOST_PARTNERS} can be compared at once")
    with store.reading() as connection:
        names = [partner_name(connection, partner) for partner in compared]
        world = world_under(store, connection, parameters.variation)
        view = resolve(world.rulebook, parameters)
        owner, person = read_pairs(connection, world, view)
        qualifier = evidence_of(store, connection, view, kept=parameters.are_defaults()).accessed.qualifier
    readers = np.bincount(person)
    chosen = np.isin(owner, compared)
    readers_compared = np.bincount(person[chosen], minlength=len(readers))
    people_of = [person[owner == partner] for partner in compared]
    rows = tuple(
        OverlapRow(
            partner=partner,
            partner_id=name.partner_id,
            name=name.name,
            people=len(mine),
            alone=int((readers[mine] == 1).sum()),
            beyond=int((readers_compared[mine] == 1).sum()),
            shared=tuple(len(np.intersect1d(mine, theirs, assume_unique=True)) for theirs in people_of),
        )
        for partner, name, mine in zip(compared, names, people_of, strict=True)
    )
    return Overlap(rows, int((readers_compared > 0).sum()), qualifier)


def overlap_document(found: Overlap) -> dict[str, object]:
    """The comparison as `python -m store overlap --json` prints it."""
    ids = [row.partner_id for row in found.rows]
    return {
        "together": found.together,
        "qualifier": found.qualifier,
        "partners": [
            {
                "partner_id": row.partner_id,
                "name": row.name,
                "people": row.people,
                "alone": row.alone,
                "beyond": row.beyond,
                "shared": dict(zip(ids, row.shared, strict=True)),
            }
            for row in found.rows
        ],
    }
