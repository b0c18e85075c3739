"""Whose data it was: the notification list."""

import sqlite3
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from store.connection import Store
from store.instants import format_instant
from store.parameters import Parameters, resolve


class PersonRow(NamedTuple):
    """A person whose restricted data was read, with what was read and by how many.

    Attributes:
        events, resources: improper events that name the person, and the distinct resources in them.
        data_classes: the classes of those events that are improper on their own, sorted.
        first_at, last_at: first and last improper event, microseconds UTC.
        country, minor: as a registry of subjects says; None where none does.
    """

    subject_id: str
    partners: int
    apps: int
    events: int
    resources: int
    data_classes: tuple[str, ...]
    first_at: int
    last_at: int
    country: str | None = None
    minor: bool | None = None


class PeopleCounts(NamedTuple):
    """How many of some people live in each country (None: no registry says), and how many are minors.

    Attributes:
        minors, adults, unknown: people whom a registry calls so, and those of whom none says.
    """

    people: int
    by_country: tuple[tuple[str | None, int], ...]
    minors: int
    adults: int
    unknown: int


_REGISTERED = "SELECT subject, country, minor FROM live_subjects ORDER BY subject"
_SUBJECTS = "SELECT id, coalesce(spelling, subject_id) FROM subjects"


def people(store: Store, parameters: Parameters, partner: int | None = None) -> list[PersonRow]:
    """Everyone an improper event before as-of names, by subject id; of one partner (internal id) where given."""
    import numpy as np

    from store.columns import distinct_within
    from store.event_counts import EventCounts
    from store.roster import owners
    from store.world import world_under

    with store.reading() as connection:
        world = world_under(store, connection, parameters.variation)
        view = resolve(world.rulebook, parameters)
        counted = EventCounts(connection, world, view)
        events, verdicts = counted.improper_events(partner), counted.verdicts_of
        columns = world.columns(connection)
        spelling = dict(connection.execute(_SUBJECTS).fetchall())
        registered = _registered(connection, world.aliases(connection))
    named = events[columns.subject[events] > 0]
    subjects, which = np.unique(columns.subject[named], return_inverse=True)
    size = len(subjects)
    app, times = columns.app[named], columns.occurred_at[named]
    first = np.full(size, np.iinfo(np.int64).max)
    last = np.full(size, np.iinfo(np.int64).min)
    np.minimum.at(first, which, times)
    np.maximum.at(last, which, times)
    classes: list[set[str]] = [set() for _ in range(size)]
    kinds = len(verdicts.improper_classes) + 1
    for place, settled in (divmod(pair, kinds) for pair in np.unique(which * kinds + verdicts.settled[named]).tolist()):
        classes[place].update(verdicts.improper_classes[settled])
    counts = zip(
        (spelling[subject] for subject in subjects.tolist()),
        distinct_within(which, owners(world)[app], size).tolist(),
        distinct_within(which, app, size).tolist(),
        np.bincount(which, minlength=size).tolist(),
        distinct_within(which, columns.resource[named], size).tolist(),
        (tuple(sorted(names)) for names in classes),
        first.tolist(),
        last.tolist(),
        *zip(*(registered.get(subject, (None, None)) for subject in subjects.tolist()), strict=True),
        strict=True,
    )
    return sorted((PersonRow._make(row) for row in counts), key=lambda row: row.subject_id) if size else []


def _registered(
    connection: sqlite3.Connection, aliases: Mapping[int, int]
) -> dict[int, tuple[str | None, bool | None]]:
    """Subject -> country and whether a minor; of two ids of one person each says what the other does not."""
    found: dict[int, tuple[str | None, bool | None]] = {}
    for subject, country, minor in connection.execute(_REGISTERED):
        person = aliases.get(subject, subject)
        known = found.get(person, (None, None))
        found[person] = (
            known[0] or country,
            known[1] if known[1] is not None else None if minor is None else bool(minor),
        )
    return found


def count_people(rows: Sequence[PersonRow]) -> PeopleCounts:
    """The people by country, most first, and by age."""
    countries = Counter(row.country for row in rows)
    ages = Counter(row.minor for row in rows)
    return PeopleCounts(
        people=len(rows),
        by_country=tuple(sorted(countries.items(), key=lambda each: (-each[1], each[0] is None, each[0] or ""))),
        minors=ages[True],
        adults=ages[False],
        unknown=ages[None],
    )


def person_document(row: PersonRow) -> dict[str, object]:
    """One person as `python -m store people --json` prints it."""
    return {
        **row._asdict(),
        "data_classes": list(row.data_classes),
        "first_at": format_instant(row.first_at),
        "last_at": format_instant(row.last_at),
    }


def counts_document(found: PeopleCounts) -> dict[str, object]:
    """How many people by country and by age, as JSON; null is the country that no registry tells."""
    return {
        "people": found.people,
        "by_country": [{"country": country, "people": number} for country, number in found.by_country],
        "minors": found.minors,
        "adults": found.adults,
        "unknown": found.unknown,
    }
