"""Whose data it was: the notification list."""

import sqlite3
from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from store.connection import Store
from store.csv_table import csv_table
from store.instants import format_instant
from store.parameters import Parameters, resolve
from store.spellings import spelled

if TYPE_CHECKING:
    from store.columns import Mask
    from store.read_pairs import Pairs
    from store.segments import Column
    from store.world import World

Registered = tuple[str | None, bool | None]
"""A person's country and whether a minor, as a registry of people says; None where none does."""


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


class Whose(NamedTuple):
    """Which people of the restricted reads before as-of, and whose reads of them count; partners by internal id.

    Attributes:
        by: only reads by these partners; None: by any of the incident.
        also_by: only people whom this partner read too.
        not_by: only people whom none of these read.
        alone: only people whom no partner but `by` read.
    """

    by: tuple[int, ...] | None = None
    also_by: int | None = None
    not_by: tuple[int, ...] = ()
    alone: bool = False


class PeoplePage(NamedTuple):
    """Some of the people, and how many there are in all."""

    rows: tuple[PersonRow, ...]
    people: int


_CSV = (
    *("subject_id", "partners", "apps", "events", "resources", "data_classes", "first_at", "last_at"),
    *("country", "minor"),
)
_REGISTERED = "SELECT subject, country, minor FROM live_subjects ORDER BY subject"


def people(store: Store, parameters: Parameters, partner: int | None = None) -> list[PersonRow]:
    """Everyone an improper event before as-of names, by subject id; of one partner (internal id) where given."""
    return people_of(store, parameters, Whose() if partner is None else Whose((partner,)))


def people_of(store: Store, parameters: Parameters, whose: Whose) -> list[PersonRow]:
    """These people, by subject id."""
    with store.reading() as connection:
        reads = _reads(store, connection, parameters, whose)
        rows = reads.rows(connection, reads.subjects)
    return sorted(rows, key=lambda row: row.subject_id)


def people_page(store: Store, parameters: Parameters, whose: Whose, *, first: int, limit: int) -> PeoplePage:
    """Some of these people, in the order of most reads.

    Args:
        first, limit: which of them, counted from 0.
    """
    import numpy as np

    with store.reading() as connection:
        reads = _reads(store, connection, parameters, whose)
        counts = np.bincount(reads.subject)[reads.subjects]
        chosen = reads.subjects[np.lexsort((reads.subjects, -counts))][first : first + limit]
        return PeoplePage(tuple(reads.rows(connection, chosen)), len(reads.subjects))


class _Reads:
    """The restricted reads that count, a value each: internal ids, microseconds UTC."""

    def __init__(
        self, world: "World", parts: "Sequence[tuple[Column, ...]]", classes: Sequence[tuple[str, ...]]
    ) -> None:
        """Keep them.

        Args:
            parts: for some of the reads each: subject, app, resource, when, number of its classes.
            classes: by that number, the data classes that are improper on their own.
        """
        import numpy as np

        nothing = np.zeros(0, dtype=np.int64)
        columns = (np.concatenate([nothing, *each]) for each in zip(*parts, strict=True))
        self._world = world
        self._classes = classes
        self.subject, self._app, self._resource, self._when, self._kind = columns
        self.subjects = np.unique(self.subject)
        """The people, each once."""

    def rows(self, connection: sqlite3.Connection, subjects: "Column") -> "list[PersonRow]":
        """What was read of these people, in their order."""
        import numpy as np

        from store.columns import distinct_within
        from store.roster import owners

        size = len(subjects)
        if not size:
            return []
        place = np.full(int(self.subjects[-1]) + 1, -1)
        place[subjects] = np.arange(size)
        chosen = np.flatnonzero(place[self.subject] >= 0)
        which, app, when = place[self.subject[chosen]], self._app[chosen], self._when[chosen]
        first, last = np.full(size, np.iinfo(np.int64).max), np.full(size, np.iinfo(np.int64).min)
        np.minimum.at(first, which, when)
        np.maximum.at(last, which, when)
        classes: list[set[str]] = [set() for _ in range(size)]
        kinds = len(self._classes)
        for person, kind in (divmod(pair, kinds) for pair in np.unique(which * kinds + self._kind[chosen]).tolist()):
            classes[person].update(self._classes[kind])
        spelling = spelled(connection, subjects.tolist())
        registered = registry_of_people(connection, self._world)
        counts = zip(
            (spelling[subject] for subject in subjects.tolist()),
            distinct_within(which, owners(self._world)[app], size).tolist(),
            distinct_within(which, app, size).tolist(),
            np.bincount(which, minlength=size).tolist(),
            distinct_within(which, self._resource[chosen], size).tolist(),
            (tuple(sorted(names)) for names in classes),
            first.tolist(),
            last.tolist(),
            *zip(*(registered.get(subject, (None, None)) for subject in subjects.tolist()), strict=True),
            strict=True,
        )
        return [PersonRow._make(row) for row in counts]


def _reads(store: Store, connection: sqlite3.Connection, parameters: Parameters, whose: Whose) -> _Reads:
    import numpy as np

    from store.judge import IMPROPER
    from store.read_pairs import read_pairs
    from store.roster import owners
    from store.world import world_under

    world = world_under(store, connection, parameters.variation)
    view = resolve(world.rulebook, parameters)
    partner_of = owners(world)
    meant = None if whose == Whose(whose.by) else _people_meant(read_pairs(connection, world, view), whose)
    numbers: dict[tuple[str, ...], int] = {}
    parts: list[tuple[Column, ...]] = [(np.zeros(0, dtype=np.int64),) * 5]
    for columns in world.parts(connection):
        verdicts = world.judge(columns, cutoff=view.what_if_cutoff)
        counts = (verdicts.verdict == IMPROPER) & (columns.occurred_at < view.as_of) & (columns.subject > 0)
        places = np.flatnonzero(counts)
        if whose.by is not None:
            places = places[np.isin(partner_of[columns.app[places]], whose.by)]
        if meant is not None:
            places = places[meant[columns.subject[places]]]
        kinds = [numbers.setdefault(each, len(numbers)) for each in verdicts.improper_classes]
        kind = np.array([*kinds, 0], dtype=np.int64)[verdicts.settled[places]]
        events = (columns.subject, columns.app, columns.resource, columns.occurred_at)
        parts.append((*(each[places] for each in events), kind))
    return _Reads(world, parts, list(numbers))


def _people_meant(pairs: "Pairs", whose: Whose) -> "Mask":
    """By a person's internal id whether it is one of those meant, whoever's reads count."""
    import numpy as np

    partner, person = pairs
    mine = np.ones(len(partner), dtype=bool) if whose.by is None else np.isin(partner, whose.by)
    meant = np.zeros(int(person.max(initial=0)) + 1, dtype=bool)
    meant[person[mine]] = True
    if whose.also_by is not None:
        too = np.zeros(len(meant), dtype=bool)
        too[person[partner == whose.also_by]] = True
        meant &= too
    meant[person[np.isin(partner, whose.not_by)]] = False
    if whose.alone:
        meant[person[np.logical_not(mine)]] = False
    return meant


def registry_of_people(connection: sqlite3.Connection, world: "World") -> dict[int, Registered]:
    """What the imported registries say of a person, by internal id; nothing where none was imported.

    Of two ids of one person each says what the other does not.
    """
    aliases = world.aliases(connection)
    found: dict[int, Registered] = {}
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
    return count_registered([(row.country, row.minor) for row in rows])


def count_registered(told: Sequence[Registered]) -> PeopleCounts:
    """The same, of what the registries say of each."""
    countries = Counter(country for country, _ in told)
    ages = Counter(minor for _, minor in told)
    return PeopleCounts(
        people=len(told),
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


def people_document(rows: Sequence[PersonRow]) -> dict[str, object]:
    """The list as `python -m store people --json` prints it."""
    return {"people": [person_document(row) for row in rows], "counts": counts_document(count_people(rows))}


def people_csv(rows: Sequence[PersonRow]) -> str:
    """The list as `python -m store people --csv` prints it."""
    return csv_table(_CSV, (person_document(row) for row in rows))


def counts_document(found: PeopleCounts) -> dict[str, object]:
    """How many people by country and by age, as JSON; null is the country that no registry tells."""
    return {
        "people": found.people,
        "by_country": [{"country": country, "people": number} for country, number in found.by_country],
        "minors": found.minors,
        "adults": found.adults,
        "unknown": found.unknown,
    }
