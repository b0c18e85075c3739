"""The clocks of the incident itself: the authority told, the report filed, the people told; running, met or overdue."""

import sqlite3
from collections.abc import Iterable
from typing import NamedTuple

from store.audit_rows import steps_of_incident
from store.audit_track import Step
from store.clocks import Clock, Due, is_near, is_past
from store.connection import Store
from store.figures import evidence_of
from store.instants import format_day, format_instant, format_optional
from store.kept import Population
from store.parameters import Parameters, View, resolve
from store.rulebook import Rulebook, rulebook_in
from store.words import count_words, duration_words, qualified, step_words

NOT_AWARE, NOT_REQUIRED, NEAR, RUNNING, OVERDUE, MET, MET_LATE = (
    *("not_aware", "not_required", "near", "running", "overdue", "met", "met_late"),
)


class ClockState(NamedTuple):
    """One clock of the incident, judged at today.

    Attributes:
        step: the step that stops it.
        state: `not_aware` (the rulebook names no `aware_at`), `not_required` and `near` (fewer people than it takes;
            near from four fifths on), `running`, `overdue`, `met`, `met_late`.
        starts_at: when the platform became aware, microseconds UTC.
        due: None where it does not run; `due_is_day`: any time of that UTC day will do.
        met_at: when its step was taken, microseconds UTC; `met_at_is_date`: only its date is known.
        people: distinct people read; `qualifier` of that count; `threshold`: how many it takes, None: it always runs.
        basis: why, as the rulebook has it.
    """

    step: str
    state: str
    starts_at: int | None
    due: int | None
    due_is_day: bool
    met_at: int | None
    met_at_is_date: bool
    people: int
    qualifier: str
    threshold: int | None
    basis: str


def incident_clocks(store: Store, parameters: Parameters) -> tuple[ClockState, ...]:
    """The clocks of the incident, in the order of `store.clocks.OF_INCIDENT`, judged at today."""
    with store.reading() as connection:
        rulebook = rulebook_in(connection)
        view = resolve(rulebook, parameters)
        return clocks_in(store, connection, rulebook, view, kept=parameters.are_defaults())


def clocks_in(
    store: Store, connection: sqlite3.Connection, rulebook: Rulebook, view: View, *, kept: bool
) -> tuple[ClockState, ...]:
    """`incident_clocks`, for a caller that has a connection.

    Args:
        kept: the view is the rulebook's own, so that what the last refresh kept answers.
    """
    accessed = evidence_of(store, connection, view, kept=kept).accessed
    return clock_states(rulebook, view.today, steps_of_incident(connection), accessed)


def clock_states(rulebook: Rulebook, today: int, steps: Iterable[Step], accessed: Population) -> tuple[ClockState, ...]:
    """Where the clocks of the incident stand.

    Args:
        today: microseconds UTC.
        steps: those of the incident, oldest first: the first of a name stops its clock, and it stays stopped.
        accessed: the population that read.
    """
    taken: dict[str, Step] = {}
    for step in steps:
        taken.setdefault(step.step, step)
    return tuple(
        clock_state(clock, rulebook, today, taken.get(step), accessed.people, accessed.qualifier)
        for step, clock in rulebook.clocks.of_incident()
    )


def clock_state(
    clock: Clock, rulebook: Rulebook, today: int, taken: Step | None, people: int, qualifier: str
) -> ClockState:
    """Where one clock stands.

    Args:
        today: microseconds UTC.
        taken: the step that stopped it; None: it was not taken.
        people: distinct people read, with the qualifier of that count.
    """
    aware_at = rulebook.aware_at
    due = None if aware_at is None else rulebook.clocks.due(clock.within, aware_at)
    is_required = clock.people is None or people >= clock.people
    return ClockState(
        step=clock.step,
        state=_state(clock, due, taken, today, people, is_required=is_required),
        starts_at=aware_at,
        due=None if due is None else due.at,
        due_is_day=due is not None and due.is_day,
        met_at=None if taken is None else taken.at,
        met_at_is_date=taken is not None and taken.at_is_date,
        people=people,
        qualifier=qualifier,
        threshold=clock.people,
        basis=clock.basis,
    )


def _state(clock: Clock, due: Due | None, taken: Step | None, today: int, people: int, *, is_required: bool) -> str:
    if taken is not None:
        return MET_LATE if due is not None and is_required and is_past(due, taken.at) else MET
    if due is None:
        return NOT_AWARE
    if not is_required:
        return NEAR if is_near(people, clock.people or 0) else NOT_REQUIRED
    return OVERDUE if is_past(due, today) else RUNNING


def clock_words(state: ClockState, today: int) -> str:
    """One clock in a line: `report filed: not filed, 81 days late, due 2019-10-31`; all dates absolute."""
    name = step_words(state.step)
    due = "" if state.due is None else f"due {_when(state.due, is_day=state.due_is_day)}"
    if state.met_at is not None:
        late = f", late, {due}" if state.state == MET_LATE else ""
        return f"{name} {_when(state.met_at, is_day=state.met_at_is_date)}{late}"
    if state.due is None:
        return f"{name}: no clock runs, the rulebook does not say since when the platform is aware"
    if state.state in (NEAR, NOT_REQUIRED):
        near = "near: " if state.state == NEAR else ""
        people = qualified(state.people, state.qualifier)
        return f"{name}: {near}{people} of {count_words(state.threshold or 0)} people from which on it is due"
    left = today - state.due
    return f"{name}: not done, {duration_words(left)} late, {due}" if state.state == OVERDUE else f"{name}: {due}"


def _when(at: int, *, is_day: bool) -> str:
    return format_day(at) if is_day else f"{format_instant(at)[:16]}Z"


def clock_document(state: ClockState) -> dict[str, object]:
    """One clock as JSON; what is due on a day bears a bare date."""
    due = None if state.due is None else format_day(state.due) if state.due_is_day else format_instant(state.due)
    met = None if state.met_at is None else format_day(state.met_at) if state.met_at_is_date else None
    return {
        **state._asdict(),
        "starts_at": format_optional(state.starts_at),
        "due": due,
        "met_at": met or format_optional(state.met_at),
    }
