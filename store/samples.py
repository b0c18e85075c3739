"""Samples of the people whose data a partner read, drawn for an audit: drawing one, what was found, drawing it again.

How many and whom is decided in `store.sampling`; what it says in words in `store.sample_words`.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from secrets import token_hex
from typing import NamedTuple

from store.case_changes import Done, deciding, done, plain
from store.connection import Store
from store.errors import RefusedError, UsageError
from store.instants import format_instant
from store.ledger import append
from store.names import partner_id_of, partner_name
from store.parameters import Parameters, resolve
from store.sample_rows import Checked, SampleRow, list_of, refuse_check, sample_rows
from store.sampling import Plan, chosen, decimal_text, digest_of, draw_key, list_text, plan, seed_of
from store.spellings import spelled

__all__ = [
    "MOST_DRAWN",
    "Checked",
    "Population",
    "Redrawn",
    "Sample",
    "SampleRow",
    "draw_sample",
    "population_of",
    "refuse_check",
    "sample",
    "sample_plan",
    "samples_of",
]

# A list of more is none that anybody checks, and the log and the table hold each.
MOST_DRAWN = 1_000_000
_SEED_BYTES = 16


class Population(NamedTuple):
    """Whose restricted data a partner read: as `store.people.people` of that partner lists them.

    Attributes:
        subject_ids: distinct people, sorted.
        as_of: restricted reads before this count, microseconds UTC.
        without_subject: restricted reads that name no person: with any, the population is only a lower bound.
    """

    subject_ids: tuple[str, ...]
    as_of: int
    without_subject: int


class Redrawn(NamedTuple):
    """What the same seed draws from the people whom the evidence and the rules name today, before the same as-of.

    Attributes:
        same: the same list in the same order.
        population: their number today; `same_population`: they are the same people.
        entered: people who are new, and would have been drawn; `gone`: people drawn who are no longer among them.
    """

    same: bool
    population: int
    same_population: bool
    entered: int
    gone: int


@dataclass(frozen=True, slots=True)
class Sample:
    """One sample in full: `subjects` are the people drawn, in the order drawn."""

    row: SampleRow
    subjects: tuple[str, ...]
    redrawn: Redrawn


_KEEP = "INSERT INTO samples(seq, partner, subjects) VALUES (?, ?, ?)"


def population_of(store: Store, partner: int, *, as_of: int | None = None) -> Population:
    """The people a sample of this partner (internal id) is drawn from.

    Args:
        as_of: exclusive, microseconds UTC; default: the rulebook's, else now.
    """
    import numpy as np

    from store.event_counts import EventCounts
    from store.world import world_of

    with store.reading() as connection:
        world = world_of(store, connection)
        view = resolve(world.rulebook, Parameters(as_of=as_of))
        events = EventCounts(connection, world, view).improper_events(partner)
        subject = world.columns(connection).subject[events]
        subject_ids = tuple(sorted(spelled(connection, np.unique(subject[subject > 0]).tolist()).values()))
    return Population(subject_ids, view.as_of, int((subject == 0).sum()))


def sample_plan(store: Store, partner: int, *, share: Fraction, risk: Fraction, as_of: int | None = None) -> Plan:
    """How many would be drawn; nothing is drawn. See `draw_sample`.

    Raises:
        UsageError: see `store.sampling.plan`.
    """
    return plan(len(population_of(store, partner, as_of=as_of).subject_ids), share, risk)


def draw_sample(
    store: Store,
    partner: int,
    *,
    actor: str,
    share: Fraction,
    risk: Fraction,
    seed: str | None = None,
    as_of: int | None = None,
    note: str = "",
) -> Done:
    """Draw a sample of the people whose restricted data this partner (internal id) read, in one transaction.

    Like a note it never conflicts: the case stays at its version, and of two people who draw at once each gets a
    sample of their own. The log tells how it was drawn, the table `samples` who was.

    Args:
        share, risk: see `store.sampling.plan`.
        seed: hexadecimal digits; made by the tool where not given.
        as_of: of the population, exclusive, microseconds UTC; default: the rulebook's, else now.
        note: what for.

    Raises:
        UsageError: no such partner, share, risk or seed.
        RefusedError: no restricted read of this partner names a person, or too many would be drawn.
    """
    note = plain(note, "note")
    given = seed is not None
    seed = token_hex(_SEED_BYTES) if seed is None else seed_of(seed)
    # What can be refused is refused, and what takes long is read, before anybody has to wait for this transaction.
    sample_plan(store, partner, share=share, risk=risk, as_of=as_of)
    with deciding(store, actor) as deed:
        partner_id = partner_id_of(deed.connection, partner)
        name = partner_name(deed.connection, partner).name
        population = population_of(store, partner, as_of=as_of)
        planned = plan(len(population.subject_ids), share, risk)
        _refuse_size(name, planned, population.without_subject)
        drawn = chosen(population.subject_ids, planned.size, seed)
        told = {
            "population": planned.population,
            "share": decimal_text(share),
            "risk": decimal_text(risk),
            "held_at_least": planned.held_at_least,
            "size": planned.size,
            "seed": seed,
            "seed_given": given,
            "as_of": format_instant(population.as_of),
            "without_subject": population.without_subject,
            "population_sha256": digest_of(population.subject_ids),
            "subjects_sha256": digest_of(drawn),
        }
        seq = append(
            deed.connection,
            actor=deed.actor,
            verb="sample",
            at=deed.at,
            partner=partner,
            partner_id=partner_id,
            after=json.dumps({"sample": told}),
            note=note or None,
            batch=deed.batch,
        )
        deed.connection.execute(_KEEP, (seq, partner, list_text(drawn)))
        return done(deed, [seq], f"drew {planned.size:,} of {planned.population:,} people of {name}")


def _refuse_size(name: str, planned: Plan, without_subject: int) -> None:
    if not planned.population:
        read = f": its {without_subject:,} restricted reads name nobody" if without_subject else ""
        raise RefusedError(f"there is nobody to draw: no restricted read of {name} names a person{read}")
    if planned.size > MOST_DRAWN:
        raise RefusedError(
            f"{planned.size:,} of {planned.population:,} people would be drawn, and at most {MOST_DRAWN:,} can be:"
            " allow a larger share or risk"
        )


def samples_of(store: Store, partner: int | None = None) -> list[SampleRow]:
    """The samples drawn of a partner (internal id), or of all partners, oldest first; those taken back too."""
    with store.reading() as connection:
        return sample_rows(connection, partner)


def sample(store: Store, seq: int, *, partner: int | None = None) -> Sample:
    """One sample, by the log's entry that drew it, with its list; and whether it can be drawn again today.

    Raises:
        UsageError: there is none, or it is not this partner's (internal id).
    """
    with store.reading() as connection:
        of_partner, subjects = list_of(connection, seq)
        if partner is not None and partner != of_partner:
            raise UsageError(f"sample #{seq} is one of {partner_id_of(connection, of_partner)}")
        row = next(row for row in sample_rows(connection, of_partner) if row.seq == seq)
        population = population_of(store, of_partner, as_of=row.as_of)
    return Sample(row, subjects, _redrawn(row, subjects, population))


def _redrawn(row: SampleRow, subjects: Sequence[str], population: Population) -> Redrawn:
    now = frozenset(population.subject_ids)
    drawn = frozenset(subjects)
    last = draw_key(row.seed, subjects[-1])
    return Redrawn(
        same=tuple(chosen(population.subject_ids, row.plan.size, row.seed)) == tuple(subjects),
        population=len(now),
        same_population=digest_of(population.subject_ids) == row.population_sha256,
        # Whoever comes before the last one drawn, and was not drawn, was not there.
        entered=sum(draw_key(row.seed, each) < last for each in now - drawn),
        gone=len(drawn - now),
    )
