"""Who read a person's, or a resource's, data: by partner, from all live events."""

import sqlite3
from dataclasses import dataclass
from typing import TYPE_CHECKING

from store.connection import Store
from store.errors import UsageError
from store.event_filters import EventFilters, Term
from store.event_selection import EventQuestion
from store.ids import fold_id
from store.instants import format_instant, format_optional
from store.stopping import NEVER, Stop

if TYPE_CHECKING:
    from store.columns import EventColumns
    from store.world import World

ALLOWED = ("allowed", "allowed_by_opt_in", "allowed_by_exemption")
_LIKE_SUBJECTS = "SELECT subject_id FROM subjects WHERE instr(lower(subject_id), lower(?)) > 0 LIMIT 3"
_LIKE_RESOURCES = "SELECT resource_id FROM resources WHERE instr(lower(resource_id), lower(?)) > 0 LIMIT 3"
_SPELLING = "SELECT coalesce(spelling, subject_id) FROM subjects WHERE id = ?"
_RESOURCE_ID = "SELECT resource_id FROM resources WHERE id = ?"


@dataclass(frozen=True, slots=True)
class ReaderRow:
    """What one partner did to a person's, or a resource's, data; events of any time, as-of does not clip them.

    Attributes:
        partner: internal id.
        events: verdict -> how many, each verdict named.
        after_removal: restricted reads after a removal without a re-grant.
        people: distinct people in the restricted reads; of a resource.
        first_at, last_at: first and last event of any verdict, microseconds UTC.
        first_read_at, last_read_at: first and last restricted read; None without any.
    """

    partner: int
    partner_id: str
    name: str
    events: dict[str, int]
    after_removal: int
    people: int
    first_at: int
    last_at: int
    first_read_at: int | None
    last_read_at: int | None

    @property
    def restricted(self) -> int:
        """Restricted reads."""
        return self.events["improper"]

    @property
    def total(self) -> int:
        """Events of any verdict."""
        return sum(self.events.values())


@dataclass(frozen=True, slots=True)
class Readers:
    """Who read a person's or a resource's data.

    Attributes:
        kind: `subject` or `resource`.
        asked: as it was typed.
        ids: under which the store knows what was asked for: several ids may be one person; empty: under none.
        rows: those with restricted reads first, then by how many, then by name.
        nearest: ids of the store that hold the text, where nothing is known under it.
    """

    kind: str
    asked: str
    ids: tuple[str, ...]
    rows: tuple[ReaderRow, ...]
    nearest: tuple[str, ...] = ()


def filters_of(kind: str, text: str) -> EventFilters:
    """The filter for all events of a subject or a resource of exactly this id."""
    term = Term(text.strip(), exact=True)
    return EventFilters(subjects=(term,)) if kind == "subject" else EventFilters(resources=(term,))


def readers(store: Store, *, subject: str | None = None, resource: str | None = None, stop: Stop = NEVER) -> Readers:
    """Every partner with an event of this person, or of this resource.

    Args:
        subject: a person's id, compared as ids are: trimmed, a mail address without case.
        resource: a resource's id; give one of the two.
        stop: takes the question back.

    Raises:
        UsageError: neither or both are given, or the id is empty.
        StoppedError: the question was taken back.
    """
    if (subject is None) == (resource is None):
        raise UsageError("give a person's id or a resource's, one of the two")
    kind, asked = ("subject", subject) if subject is not None else ("resource", resource)
    assert asked is not None
    if not asked.strip():
        raise UsageError("the id is empty")
    from store.event_columns import columns_at
    from store.event_selection import resources_named, selected, subjects_named
    from store.world import world_of

    with store.reading() as connection:
        world = world_of(store, connection)
        filters = filters_of(kind, asked)
        if kind == "subject":
            known, names, like_it = subjects_named(connection, world, filters.subjects), _SPELLING, _LIKE_SUBJECTS
        else:
            known, names, like_it = resources_named(connection, filters.resources), _RESOURCE_ID, _LIKE_RESOURCES
        if not known:
            return Readers(kind, asked, (), (), _nearest(connection, like_it, asked))
        ids = tuple(str(connection.execute(names, (number,)).fetchone()[0]) for number in sorted(known - {0}))
        order = selected(connection, world, EventQuestion(filters=filters), stop)
        times, positions = order.between(0, order.count)
        if not len(positions):
            return Readers(kind, asked, ids, ())
        columns = columns_at(connection, world, positions, times)
        return Readers(kind, asked, ids, tuple(_rows(connection, world, columns)))


def _nearest(connection: sqlite3.Connection, question: str, asked: str) -> tuple[str, ...]:
    return tuple(str(one) for (one,) in connection.execute(question, (fold_id(asked),)))


def _rows(connection: sqlite3.Connection, world: "World", columns: "EventColumns") -> list[ReaderRow]:
    import numpy as np

    from store.judge import IMPROPER, VERDICT_NAMES
    from store.names import partner_name
    from store.roster import owners

    judged = world.judge(columns)
    partners = owners(world)[columns.app]
    rows = []
    for partner in np.unique(partners).tolist():
        mine = partners == partner
        verdict, at = judged.verdict[mine], columns.occurred_at[mine]
        read = verdict == IMPROPER
        counts = np.bincount(verdict, minlength=len(VERDICT_NAMES)).tolist()
        subjects = columns.subject[mine][read]
        name = partner_name(connection, partner)
        rows.append(
            ReaderRow(
                partner=partner,
                partner_id=name.partner_id,
                name=name.name,
                events=dict(zip(VERDICT_NAMES, counts, strict=True)),
                after_removal=int((columns.after[mine] & read).sum()),
                people=len(np.unique(subjects[subjects > 0])),
                first_at=int(at.min()),
                last_at=int(at.max()),
                first_read_at=int(at[read].min()) if read.any() else None,
                last_read_at=int(at[read].max()) if read.any() else None,
            )
        )
    return sorted(rows, key=lambda row: (-row.restricted, -row.total, row.name.casefold(), row.partner_id))


def readers_document(answer: Readers) -> dict[str, object]:
    """Who read it, as `python -m store who --json` prints it."""
    return {
        "asked": {f"{answer.kind}_id": answer.asked},
        "ids": list(answer.ids),
        "nearest": list(answer.nearest),
        "partners": [
            {
                "partner_id": row.partner_id,
                "name": row.name,
                **row.events,
                "after_removal": row.after_removal,
                "people": row.people,
                "first_at": format_instant(row.first_at),
                "last_at": format_instant(row.last_at),
                "first_read_at": format_optional(row.first_read_at),
                "last_read_at": format_optional(row.last_read_at),
            }
            for row in answer.rows
        ],
    }
