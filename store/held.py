"""What a partner read of restricted data and has not been verified to have deleted: people x data classes x resources.

What an audit verified is taken off app by app, never more: a partner's certificate takes nothing off.
"""

import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from store.audit_rows import apps_of, steps_of
from store.audit_track import Step, taken, units
from store.connection import Store
from store.contradictions import takes_effect
from store.instants import format_instant, format_optional
from store.names import partner_name
from store.parameters import Parameters, resolve

if TYPE_CHECKING:
    from store.columns import EventColumns, Mask, Verdicts
    from store.segments import Column


class ReadTotals(NamedTuple):
    """Counts over some of a partner's improper events.

    Attributes:
        people, resources: distinct; those that are in several such counts are in each of them.
        records: sum over the events whose log says so; the others are `events_without_records`.
        first_at, last_at: first and last of the events, microseconds UTC; None without any.
    """

    people: int
    resources: int
    events: int
    records: int
    events_without_subject: int
    events_without_records: int
    first_at: int | None
    last_at: int | None


class HeldClass(NamedTuple):
    """A restricted data class and whom and what was read of it; an event counts for each of its restricted classes."""

    data_class: str
    people: int
    resources: int
    events: int
    first_at: int
    last_at: int


class HeldResource(NamedTuple):
    """A resource and what was read from it; `resource_id` None: the log names none. Classes are sorted."""

    resource_id: str | None
    people: int
    data_classes: tuple[str, ...]
    events: int
    first_at: int
    last_at: int


class HeldApp(NamedTuple):
    """An app's part: `read` improper events, `held` of them not verified as deleted.

    Attributes:
        verified_at: when the audit that stands as passed took effect, microseconds UTC; None without one.
            `verified_at_is_date`: its date alone is known; it then took effect at the end of that day.
    """

    app_id: str
    name: str
    read: int
    held: int
    verified_at: int | None
    verified_at_is_date: bool


@dataclass(frozen=True, slots=True)
class HeldData:
    """What one partner read before as-of, what of it is verified deleted, and what is held.

    Attributes:
        partner: internal id.
        as_of: exclusive; `cutoff`: None without rules; both microseconds UTC.
        undetermined: undetermined events before as-of, which count in none of the totals.
        read: over all improper events; `verified`: over those that are verified deleted; `held`: over the others.
        classes: what is held by data class, by name; `resources`: by resource, by id, what names none last.
        apps: those that read, by id.
    """

    partner: int
    partner_id: str
    name: str
    as_of: int
    cutoff: int | None
    undetermined: int
    read: ReadTotals
    verified: ReadTotals
    held: ReadTotals
    classes: tuple[HeldClass, ...]
    resources: tuple[HeldResource, ...]
    apps: tuple[HeldApp, ...]


_RESOURCE = "SELECT resource_id FROM resources WHERE id = ?"
_PERSON = "SELECT coalesce(spelling, subject_id) FROM subjects WHERE id = ?"


def held_data(store: Store, partner: int, parameters: Parameters) -> HeldData:
    """What a partner (internal id) read before as-of and has not been verified to have deleted.

    An app's reads up to the instant at which its audit took effect that stands as passed are verified deleted; a bare
    date takes effect at its end, a step of the whole partner counts for every app, a later failed audit undoes it.

    Raises:
        UsageError: there is no such partner.
    """
    from store.columns import distinct
    from store.world import world_of

    with store.reading() as connection:
        name = partner_name(connection, partner)
        verified_by = verifications(connection, partner)
        held = _Held(store, connection, partner, parameters, verified_by)
        world = world_of(store, connection)
        registry = world.registry
        events, kept = held.events, held.kept
        apps = tuple(
            sorted(
                HeldApp(
                    app_id=registry.app_ids[app],
                    name=world.label(app),
                    read=int((held.columns.app[events] == app).sum()),
                    held=int((held.columns.app[kept] == app).sum()),
                    verified_at=None if step is None else step.at,
                    verified_at_is_date=step is not None and step.at_is_date,
                )
                for app in distinct(held.columns.app[events]).tolist()
                for step in (verified_by.get(registry.app_ids[app]),)
            )
        )
        return HeldData(
            partner=partner,
            partner_id=name.partner_id,
            name=name.name,
            as_of=held.as_of,
            cutoff=held.cutoff,
            undetermined=held.undetermined,
            read=(read := held.totals(events)),
            verified=held.totals(held.verified),
            held=held.totals(kept) if len(held.verified) else read,
            classes=tuple(held.classes()),
            resources=tuple(held.resources(connection)),
            apps=apps,
        )


def held_people(store: Store, partner: int, parameters: Parameters) -> list[str]:
    """The ids of the people whose restricted data a partner (internal id) read and is not verified to have deleted."""
    from store.columns import distinct

    with store.reading() as connection:
        held = _Held(store, connection, partner, parameters, verifications(connection, partner))
        subjects = distinct(held.columns.subject[held.kept]).tolist()
        return sorted(name for name in _texts(connection, _PERSON, subjects) if name is not None)


def verifications(connection: sqlite3.Connection, partner: int) -> dict[str, Step]:
    """For each app (outside id) of a partner whose audit stands as passed, the step that says so."""
    steps, apps = steps_of(connection, partner), apps_of(connection, partner)
    each = units(taken(steps, apps), len(apps))
    return {
        app: steps[unit.result[1]]
        for app, unit in zip(apps, each, strict=False)
        if unit.result is not None and unit.result[0] == "audit_passed"
    }


class _Held:
    """A partner's improper events before as-of, parted into what is verified deleted and what is not.

    Attributes:
        events, verified, kept: places in the columns: all, the verified ones, the others.
    """

    def __init__(
        self,
        store: Store,
        connection: sqlite3.Connection,
        partner: int,
        parameters: Parameters,
        verified_by: Mapping[str, Step],
    ) -> None:
        import numpy as np

        from store.judge import IMPROPER, UNDETERMINED
        from store.partner_events import partner_events
        from store.world import world_of

        world = world_of(store, connection)
        view = resolve(world.rulebook, parameters)
        self.columns: EventColumns
        self.verdicts: Verdicts
        self.columns, self.verdicts = partner_events(connection, world, partner)
        if view.what_if_cutoff is not None:
            self.verdicts = world.judge(self.columns, cutoff=view.what_if_cutoff)
        self.as_of, self.cutoff = view.as_of, view.cutoff
        at = self.columns.occurred_at
        self.events: Column = np.flatnonzero((self.verdicts.verdict == IMPROPER) & (at < view.as_of))
        self.undetermined = int(((self.verdicts.verdict == UNDETERMINED) & (at < view.as_of)).sum())
        verified = np.zeros(len(self.events), dtype=bool)
        for app in world.registry.apps_of.get(partner, ()):
            step = verified_by.get(world.registry.app_ids[app])
            if step is not None:
                mine: Mask = self.columns.app[self.events] == app
                verified |= mine & (at[self.events] < takes_effect(step))
        self.verified: Column = self.events[verified]
        self.kept: Column = self.events[~verified]

    def totals(self, events: "Column") -> ReadTotals:
        """Counts over some of the events."""
        from store.columns import how_many
        from store.event_counts import exact_sum

        subject, records = self.columns.subject[events], self.columns.records[events]
        times = self.columns.occurred_at[events]
        known = records >= 0
        return ReadTotals(
            people=how_many(subject),
            resources=how_many(self.columns.resource[events]),
            events=len(events),
            records=exact_sum(records[known]),
            events_without_subject=int((subject == 0).sum()),
            events_without_records=int((~known).sum()),
            first_at=int(times.min()) if len(times) else None,
            last_at=int(times.max()) if len(times) else None,
        )

    def classes(self) -> list[HeldClass]:
        """What is held, by data class."""
        import numpy as np

        from store.columns import how_many

        settled = self.verdicts.settled[self.kept]
        by_situation = self.verdicts.improper_classes
        names = sorted({name for number in np.unique(settled).tolist() for name in by_situation[number]})
        rows = []
        for name in names:
            has_class = np.array([name in classes for classes in by_situation], dtype=bool)
            mine = self.kept[has_class[settled]]
            times = self.columns.occurred_at[mine]
            rows.append(
                HeldClass(
                    data_class=name,
                    people=how_many(self.columns.subject[mine]),
                    resources=how_many(self.columns.resource[mine]),
                    events=len(mine),
                    first_at=int(times.min()),
                    last_at=int(times.max()),
                )
            )
        return rows

    def resources(self, connection: sqlite3.Connection) -> list[HeldResource]:
        """What is held, by resource."""
        import numpy as np

        from store.columns import distinct_within, numbered

        kept = self.kept
        ids, which = numbered(self.columns.resource[kept])
        size, times = len(ids), self.columns.occurred_at[kept]
        first = np.full(size, np.iinfo(np.int64).max)
        last = np.full(size, np.iinfo(np.int64).min)
        np.minimum.at(first, which, times)
        np.maximum.at(last, which, times)
        kinds = len(self.verdicts.improper_classes) + 1
        classes: list[set[str]] = [set() for _ in range(size)]
        pairs = np.unique(which * kinds + self.verdicts.settled[kept])
        for place, settled in (divmod(pair, kinds) for pair in pairs.tolist()):
            classes[place].update(self.verdicts.improper_classes[settled])
        columns = zip(
            _texts(connection, _RESOURCE, ids.tolist()),
            distinct_within(which, self.columns.subject[kept], size).tolist(),
            (tuple(sorted(each)) for each in classes),
            np.bincount(which, minlength=size).tolist(),
            first.tolist(),
            last.tolist(),
            strict=True,
        )
        return sorted(
            (HeldResource._make(row) for row in columns),
            key=lambda row: (row.resource_id is None, row.resource_id or ""),
        )


def _texts(connection: sqlite3.Connection, query: str, numbers: Iterable[int]) -> Iterator[str | None]:
    """The outside ids of internal ones; None for 0, which is nobody."""
    for number in numbers:
        yield str(connection.execute(query, (number,)).fetchone()[0]) if number else None


def held_document(held: HeldData) -> dict[str, object]:
    """What a partner holds as `python -m store held --json` prints it."""
    return {
        "partner_id": held.partner_id,
        "name": held.name,
        "as_of": format_instant(held.as_of),
        "cutoff": format_optional(held.cutoff),
        "undetermined": held.undetermined,
        "read": totals_document(held.read),
        "verified_deleted": totals_document(held.verified),
        "held": totals_document(held.held),
        "classes": [{**row._asdict(), **_instants(row)} for row in held.classes],
        "resources": [
            {**row._asdict(), "data_classes": list(row.data_classes), **_instants(row)} for row in held.resources
        ],
        "apps": [app_held_document(row) for row in held.apps],
    }


def totals_document(totals: ReadTotals) -> dict[str, object]:
    """Counts as JSON."""
    return {
        **totals._asdict(),
        "first_at": format_optional(totals.first_at),
        "last_at": format_optional(totals.last_at),
    }


def app_held_document(row: HeldApp) -> dict[str, object]:
    """An app's part as JSON; a bare date stays one."""
    at = None if row.verified_at is None else format_instant(row.verified_at)
    return {
        "app_id": row.app_id,
        "name": row.name,
        "read": row.read,
        "held": row.held,
        "verified_at": at[:10] if at is not None and row.verified_at_is_date else at,
    }


def _instants(row: HeldClass | HeldResource) -> dict[str, object]:
    return {"first_at": format_instant(row.first_at), "last_at": format_instant(row.last_at)}
