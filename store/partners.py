"""Which partners there are, which populations each is in, and where its case stands."""

import sqlite3
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

from store.audits import Mark, track_marks
from store.case_notes import Note, notes_by_partner
from store.connection import Store
from store.contradictions import AFTER_REMOVAL, Contradiction, contradiction_document, statement_short
from store.errors import UsageError
from store.instants import format_optional
from store.kept import PartnerFigures, is_stale, kept_first, kept_partners, kept_partners_of
from store.parameters import Parameters, View, resolve
from store.rulebook import rulebook_in
from store.words import status_words

if TYPE_CHECKING:
    from store.partner_table import PartnerColumns


class PartnerRow(NamedTuple):
    """One line of the partner list.

    Counts are over the partner's improper events in `[rule.from, as_of)` unless said otherwise.

    Attributes:
        partner: internal id; what every other question and action takes.
        partner_id: outside name; `app:<app_id>` for an app without a partner.
        name: as the registry says; the id where it says nothing.
        claimed: False for an app that no partner claims (its own partner).
        retained: kept access; `granted` says that a grant shows it, and not only an improper read.
        apps: apps of this partner that the store knows.
        people, events, resources, records: of its improper events.
        first_at, last_at: first and last improper event, microseconds UTC; None without any.
        recent, after_removal: improper events in the window; after a removal without a re-grant.
        first_lag: smallest time from a removal to an improper event after it, microseconds; None without any.
        without_subject: improper events whose person is not in the log.
        status: `open`, `flagged`, `cleared`; None for a partner that needs no case and has none.
        grounds: of a cleared case. `override`: they were contradicted when it was closed.
        stage: least advanced step over its apps (`none` at the start): see `store.audits.TRACK`.
        track: the track's letters, e.g. `RND----`, with a side state's letter appended (`RND----H`).
        due: earliest open due date, microseconds UTC; `overdue` judges it at today.
        version: of the case, for `expect`; 0 before its first action.
        search: name, id, app names, app ids and notes, case-folded, for the filter.
        next_step: the step that comes next; None when the audit passed.
        side_states: those in force, the loudest first. `contradictions`: what the log says against the record.
        asked_by: who asked to close the case, where a second person has not yet.
        due_step: the step that settles what is due first; None where nothing is.
    """

    partner: int
    partner_id: str
    name: str
    claimed: bool
    retained: bool
    granted: bool
    apps: int
    people: int
    events: int
    resources: int
    records: int
    first_at: int | None
    last_at: int | None
    recent: int
    after_removal: int
    first_lag: int | None
    without_subject: int
    status: str | None
    grounds: str | None
    override: bool
    stage: str
    track: str
    due: int | None
    overdue: bool
    assignee: str | None
    version: int
    search: str
    next_step: str | None = None
    side_states: tuple[str, ...] = ()
    contradictions: tuple[Contradiction, ...] = ()
    asked_by: str | None = None
    due_step: str | None = None


NO_MARK = Mark(stage="none", letters="-------", due=None, overdue=False, side_states=())
_CASES = """
SELECT partner, status, grounds, assignee, version, json_extract(rests_on, '$.override'), json_extract(asked, '$.by')
FROM cases
"""
# So many partners and more are kept as columns, and their rows are made where somebody looks at them.
MANY_PARTNERS = 2_000
_KNOWN = "SELECT count(*) FROM partner_figures"


class CaseLine(NamedTuple):
    """What a line of the list says of a case: see `PartnerRow`."""

    status: str | None
    grounds: str | None
    assignee: str | None
    version: int
    override: bool
    asked_by: str | None = None


class Work(NamedTuple):
    """What investigators did, by partner (internal id): cases, tracks in short, and the notes that stand."""

    cases: Mapping[int, CaseLine]
    marks: Mapping[int, Mark]
    notes: Mapping[int, Sequence[Note]]


class Together(NamedTuple):
    """What can be summed over some rows. People and resources cannot: partners share them.

    Attributes:
        last_at: of the newest restricted read, microseconds UTC; None without any.
        late: how many are overdue.
    """

    apps: int
    events: int
    last_at: int | None
    late: int


class FirstPartners(NamedTuple):
    """The begin of the list, for the first paint: of the partners that kept access, in the order of attention.

    Attributes:
        total: how many kept access. `together`: sums over all of them.
    """

    rows: list[PartnerRow]
    total: int
    together: Together


def partner_list(store: Store, parameters: Parameters) -> list[PartnerRow]:
    """Every known partner, in the order of attention: see `store.reasons`."""
    with store.reading() as connection:
        view = resolve(rulebook_in(connection), parameters)
        figures = _figures(store, connection, view, kept=parameters.are_defaults())
        work = work_of(connection, today=view.today)
    return sort_rows([row_of(each, work) for each in figures], ATTENTION)


def all_partners(store: Store, parameters: Parameters) -> Sequence[PartnerRow]:
    """`partner_list`, for a screen: a `store.partner_table.PartnerTable` where there are many partners."""
    with store.reading() as connection:
        view = resolve(rulebook_in(connection), parameters)
        (known,) = connection.execute(_KNOWN).fetchone()
        if known < MANY_PARTNERS and not is_stale(connection):
            return partner_list(store, parameters)
        from store.partner_table import PartnerTable, work_on_many

        work = work_on_many(store, connection, today=view.today)
        columns = partner_columns(store, connection, view, kept=parameters.are_defaults())
        if len(columns) >= MANY_PARTNERS:
            return PartnerTable(columns, work)
    return sort_rows([row_of(columns.figures(place), work) for place in range(len(columns))], ATTENTION)


def first_partners(store: Store, parameters: Parameters) -> FirstPartners | None:
    """The begin of the list, without reading the rest; None where that would take as long as `all_partners`."""
    with store.reading() as connection:
        view = resolve(rulebook_in(connection), parameters)
        if not answers_as_kept(connection, view, kept=parameters.are_defaults()):
            return None
        first = kept_first(connection)
        if first is None or first.known < MANY_PARTNERS:
            return None
        work = work_of(connection, today=view.today, others=first.partners)
        late = [
            partner for partner, mark in work.marks.items() if mark.overdue or mark.contradicts(0) or mark.statement
        ]
        # Whoever is overdue or contradicted goes before those of the same urgency; the others keep their order.
        chosen = kept_partners_of(connection, {*first.partners, *late})
    rows = sort_rows([row_of(each, work) for each in chosen if each.retained], ATTENTION)
    overdue = sum(row.overdue for row in rows)
    together = Together(first.apps, first.events, first.last_at, overdue)
    return FirstPartners(rows[: len(first.partners)], first.total, together)


def find_partner(rows: Sequence[PartnerRow], partner: int) -> PartnerRow | None:
    """One partner's row of `all_partners`, by internal id; None where it is not known."""
    find: Callable[[int], PartnerRow | None] | None = getattr(rows, "find", None)
    if find is not None:
        return find(partner)
    return next((row for row in rows if row.partner == partner), None)


def work_of(connection: sqlite3.Connection, *, today: int, others: bool | Collection[int] = True) -> Work:
    """What was done about each partner.

    Args:
        today: the instant at which due dates are judged, microseconds UTC.
        others: see `store.audits.track_marks`.
    """
    cases = {
        partner: CaseLine(status, grounds, assignee, version, bool(override), asked_by)
        for partner, status, grounds, assignee, version, override, asked_by in connection.execute(_CASES)
    }
    return Work(cases, track_marks(connection, today=today, others=others), notes_by_partner(connection))


def row_of(figures: PartnerFigures, work: Work) -> PartnerRow:
    """A partner's line, from what the evidence says and what was done."""
    case = work.cases.get(figures.partner)
    if case is None:
        case = CaseLine("open" if figures.retained else None, None, None, 0, False)
    mark = work.marks.get(figures.partner, NO_MARK)
    short = statement_short(mark.statement, figures.people)
    written = "\n".join(note.text for note in work.notes.get(figures.partner, ()))
    return PartnerRow(
        *figures[:-1],
        status=case.status,
        grounds=case.grounds,
        override=case.override,
        stage=mark.stage,
        track=mark.letters,
        due=mark.due,
        overdue=mark.overdue,
        assignee=case.assignee,
        version=case.version,
        search="\n".join((figures.name, figures.partner_id, figures.app_names, written)).casefold(),
        next_step=mark.next_step,
        side_states=mark.side_states,
        contradictions=mark.contradictions if short is None else (*mark.contradictions, short),
        asked_by=case.asked_by,
        due_step=mark.due_step,
    )


def answers_as_kept(connection: sqlite3.Connection, view: View, *, kept: bool) -> bool:
    """Whether what the last refresh kept answers a view; `kept`: it is the rulebook's own."""
    return kept and not view.as_of_is_now and not is_stale(connection)


def _figures(store: Store, connection: sqlite3.Connection, view: View, *, kept: bool) -> list[PartnerFigures]:
    if answers_as_kept(connection, view, kept=kept):
        return kept_partners(connection)
    columns = partner_columns(store, connection, view, kept=False)
    return [columns.figures(place) for place in range(len(columns))]


def partner_columns(store: Store, connection: sqlite3.Connection, view: View, *, kept: bool) -> "PartnerColumns":
    """Every known partner's figures; who is known, and by what name, the last refresh says, if it knows everything.

    Args:
        connection: of this store, inside `reading`.
        kept: the view is the rulebook's own.
    """
    from store.partner_table import columns_of, kept_columns

    if answers_as_kept(connection, view, kept=kept):
        return kept_columns(store, connection)
    from store.evidence import Assessment
    from store.world import world_under

    assessment = Assessment(connection, world_under(store, connection, view.variation), view)
    if is_stale(connection):
        return columns_of(assessment.partner_rows())
    known = kept_columns(store, connection)
    return known.under(assessment.partner_columns(known.numbers["partner"]))


ATTENTION = "attention"


def _attention(row: PartnerRow) -> tuple[object, ...]:
    return (
        not row.after_removal,
        not is_contradicted(row),
        not row.overdue,
        not row.recent,
        not row.retained,
        -row.people,
        -row.events,
        row.name.casefold(),
        row.partner_id,
    )


def is_contradicted(row: PartnerRow) -> bool:
    """Whether the log, or somebody, contradicts the record; but for reads after removal that `after_removal` counts."""
    found = any(each.kind != AFTER_REMOVAL or not row.after_removal for each in row.contradictions)
    return found or "contradicted" in row.side_states


# Column -> how it sorts: the order in which a person would want it first.
_ORDERS: dict[str, Callable[[PartnerRow], tuple[object, ...]]] = {
    ATTENTION: _attention,
    "name": lambda row: (row.name.casefold(), row.partner_id),
    "partner_id": lambda row: (row.partner_id,),
    "apps": lambda row: (-row.apps,),
    "people": lambda row: (-row.people,),
    "events": lambda row: (-row.events,),
    "resources": lambda row: (-row.resources,),
    "records": lambda row: (-row.records,),
    "first_at": lambda row: (row.first_at is None, row.first_at or 0),
    "last_at": lambda row: (row.last_at is None, -(row.last_at or 0)),
    "recent": lambda row: (-row.recent,),
    "after_removal": lambda row: (-row.after_removal,),
    "status": lambda row: (("flagged", "open", "cleared", None).index(row.status),),
    "stage": lambda row: (row.track,),
    "due": lambda row: (row.due is None, row.due or 0),
    "assignee": lambda row: (row.assignee is None, row.assignee or ""),
}
SORT_COLUMNS = tuple(_ORDERS)


def sort_rows(rows: list[PartnerRow], column: str, *, reverse: bool = False) -> list[PartnerRow]:
    """The rows sorted by a column, ties by name.

    Args:
        column: one of `SORT_COLUMNS`.

    Raises:
        UsageError: no such column.
    """
    if column not in _ORDERS:
        raise UsageError(f"cannot sort by {column!r}; choose one of {', '.join(SORT_COLUMNS)}")
    order = _ORDERS[column]
    return sorted(rows, key=lambda row: (*order(row), row.name.casefold(), row.partner), reverse=reverse)


def filter_rows(rows: list[PartnerRow], text: str) -> list[PartnerRow]:
    """The rows in which every word of the text occurs: in the name, an id, an app or a note, without case."""
    words = text.casefold().split()
    return [row for row in rows if all(word in row.search for word in words)] if words else rows


POPULATIONS: dict[str, Callable[[PartnerRow], bool]] = {
    "all": lambda _: True,
    "retained": lambda row: row.retained,
    "accessed": lambda row: row.events > 0,
    "recent": lambda row: row.recent > 0,
    "after_removal": lambda row: row.after_removal > 0,
}


def population_rows(rows: list[PartnerRow], population: str) -> list[PartnerRow]:
    """The rows in a population: `all`, `retained`, `accessed`, `recent` or `after_removal`."""
    belongs = POPULATIONS[population]
    return [row for row in rows if belongs(row)]


def row_status(row: PartnerRow) -> str:
    """The standing of a row's case in words: `open`, `flagged`, `closed: audit passed`."""
    return status_words(row.status, row.grounds, override=row.override)


def partner_document(row: PartnerRow) -> dict[str, object]:
    """One partner as `python -m store partners --json` prints it (INTERFACE)."""
    return {
        "partner_id": row.partner_id,
        "name": row.name,
        "claimed": row.claimed,
        "retained": row.retained,
        "granted": row.granted,
        "apps": row.apps,
        "people": row.people,
        "events": row.events,
        "resources": row.resources,
        "records": row.records,
        "events_without_subject": row.without_subject,
        "first_at": format_optional(row.first_at),
        "last_at": format_optional(row.last_at),
        "recent": row.recent,
        "after_removal": row.after_removal,
        "status": row.status,
        "grounds": row.grounds,
        "override": row.override,
        "stage": row.stage,
        "track": row.track,
        "due": format_optional(row.due),
        "overdue": row.overdue,
        "next_step": row.next_step,
        "side_states": list(row.side_states),
        "contradictions": [contradiction_document(each) for each in row.contradictions],
        "asked_by": row.asked_by,
        "assignee": row.assignee,
        "version": row.version,
    }
