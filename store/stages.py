"""Where each partner stands on the way to a passed audit: one row a stage, and the partners of each, late first.

Counted are the partners that kept access, have a case or have a step: those that `figures` counts by stage.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import chain
from typing import NamedTuple, overload

import numpy as np

from store.audit_rows import apps_by_partner, steps_by_partner, steps_of_incident
from store.audit_track import LETTERS, TRACK, WHOLE, Step, Unit, is_overdue, least_stage, taken
from store.clocks import OF_INCIDENT, days_between
from store.connection import Store
from store.figures import evidence_of
from store.incident_clocks import ClockState, clock_states, clock_words
from store.instants import format_day
from store.kept import Population
from store.parameters import Parameters, View, resolve
from store.partners import PartnerRow, all_partners, find_partner, sort_rows
from store.rulebook import rulebook_in
from store.words import step_words

NOTHING_YET = "none"
STAGES = (NOTHING_YET, *TRACK)
# How the partners of a stage can be put in order; the first is the order they are given in.
LATE_FIRST, PEOPLE, LONGEST, NAME = "late first", "people", "longest here", "name"
ORDERS = (LATE_FIRST, PEOPLE, LONGEST, NAME)
_NEXT = {
    NOTHING_YET: "removal",
    "access_removed": "tell partner",
    "notified": "ask",
    "deletion_requested": "certificate",
    "deletion_certified": "plan audit",
    "audit_planned": "start audit",
    "audit_started": "audit's end",
    "audit_failed": "audit again",
}
NO_CONTACT, ON_HOLD = "no contact", "on hold"
# Of these stages the next step needs somebody to write to.
_UNTOLD = (NOTHING_YET, "access_removed")
_CASES = "SELECT partner FROM cases"
_WITH_CONTACT = "SELECT partner FROM live_partners WHERE trim(coalesce(contact, '')) <> ''"


class Standing(NamedTuple):
    """What a partner's record says of where it stands.

    Attributes:
        reached: the step since which its stage is what it is; None before the first.
        held: the last step that put it on hold, where it is.
    """

    reached: Step | None
    held: Step | None


class StageLine(NamedTuple):
    """One partner of a stage.

    Attributes:
        row: as the partner list has it.
        since: when it reached the stage, microseconds UTC; `since_is_date`: only its date is known. None: no step.
        days_left: whole UTC days to its due date; negative: so many days late; None without an open one.
        held_since: when it was put on hold, microseconds UTC; None: it is not. `held_note`: why.
        contact: whether the registry says whom to write to.
    """

    row: PartnerRow
    since: int | None
    since_is_date: bool
    days_left: int | None
    held_since: int | None
    held_note: str | None
    contact: bool


class StageRow(NamedTuple):
    """One stage.

    Attributes:
        partners: how many stand there.
        people: distinct people that their restricted reads name; None where they were not counted. Stages share people.
        oldest_at: since when the longest of them stands there, microseconds UTC; `oldest_days`: in whole UTC days.
        late, on_hold, no_response: how many are overdue, wait, do not answer.
        due: the soonest open due date, microseconds UTC; `overdue` judges it at today.
        next: what comes next where nothing is due, in words; empty: nothing.
    """

    stage: str
    partners: int
    people: int | None
    oldest_at: int | None
    oldest_days: int | None
    late: int
    on_hold: int
    no_response: int
    due: int | None
    overdue: bool
    next: str


class Duty(NamedTuple):
    """A step of the incident itself.

    Attributes:
        clock: where its clock stands; None where none runs for it.
        done: the first step of this name; None: it was not taken.
    """

    step: str
    clock: ClockState | None
    done: Step | None


@dataclass(frozen=True, slots=True)
class Stages:
    """The stages, in the order of `STAGES`.

    Attributes:
        as_of: exclusive, microseconds UTC. `today`: microseconds UTC.
        partners: over all stages.
        accessed: the population that read, over all stages: its people are fewer than the stages' together.
        duties: the incident's own steps. `rulebook_sha256`: of the rulebook whose clocks run.
    """

    as_of: int
    today: int
    partners: int
    accessed: Population
    duties: tuple[Duty, ...]
    rulebook_sha256: str
    rows: tuple[StageRow, ...]
    _everybody: Sequence[PartnerRow] = field(repr=False, compare=False)
    _standings: Mapping[int, Standing] = field(repr=False, compare=False)
    _contacts: Collection[int] = field(repr=False, compare=False)
    _members: Mapping[str, Sequence[int]] = field(repr=False, compare=False)

    def lines(self, stage: str, order: str = LATE_FIRST, *, reverse: bool = False) -> "StageLines":
        """The partners of a stage.

        Args:
            stage: one of `STAGES`.
            order: one of `ORDERS`: late first, then on hold, then by due date; the most people; the longest there.
        """
        members = self._members[stage]
        if order == LONGEST:
            dated = [partner for partner in members if self._reached(partner) is not None]
            undated = [partner for partner in members if self._reached(partner) is None]
            members = [*sorted(dated, key=lambda partner: self._reached(partner) or 0), *undated]
        elif order != LATE_FIRST:
            wanted = frozenset(members)
            members = [partner for partner in _ordered(self._everybody, order) if partner in wanted]
        return StageLines(tuple(reversed(members) if reverse else members), self.line)

    def line(self, partner: int) -> StageLine:
        """One partner's line, by internal id, of a partner that stands somewhere."""
        row = find_partner(self._everybody, partner)
        if row is None:
            raise LookupError(f"partner {partner} stands nowhere")
        standing = self._standings.get(partner, _NO_STANDING)
        return StageLine(
            row=row,
            since=None if standing.reached is None else standing.reached.at,
            since_is_date=standing.reached is not None and standing.reached.at_is_date,
            days_left=None if row.due is None else days_between(self.today, row.due),
            held_since=None if standing.held is None else standing.held.at,
            held_note=None if standing.held is None else standing.held.note,
            contact=partner in self._contacts,
        )

    def standing_among(self, partners: Collection[int]) -> set[int]:
        """Those of these partners (internal ids) that stand somewhere."""
        return set(partners).intersection(chain.from_iterable(self._members.values())) if partners else set()

    def _reached(self, partner: int) -> int | None:
        reached = self._standings.get(partner, _NO_STANDING).reached
        return None if reached is None else reached.at


class StageLines(Sequence[StageLine]):
    """The partners of a stage in an order; a line is made when somebody looks at it."""

    def __init__(self, ids: tuple[int, ...] = (), line: Callable[[int], StageLine] | None = None) -> None:
        self.ids = ids
        self._line = line
        self._made: dict[int, StageLine] = {}

    def __len__(self) -> int:
        return len(self.ids)

    @overload
    def __getitem__(self, index: int) -> StageLine: ...
    @overload
    def __getitem__(self, index: slice) -> list[StageLine]: ...
    def __getitem__(self, index: int | slice) -> StageLine | list[StageLine]:
        if isinstance(index, slice):
            return [self._of(partner) for partner in self.ids[index]]
        return self._of(self.ids[index])

    def _of(self, partner: int) -> StageLine:
        line = self._made.get(partner)
        if line is None:
            if self._line is None:
                raise IndexError(partner)
            line = self._made[partner] = self._line(partner)
        return line


_NO_STANDING = Standing(None, None)


def stages(store: Store, parameters: Parameters, *, people: bool = True) -> Stages:
    """Where each partner stands, judged at today; people under the as-of and cut-off of the parameters.

    Args:
        people: count the distinct people of each stage, which reads every event the first time.
    """
    with store.reading() as connection:
        rulebook = rulebook_in(connection)
        view = resolve(rulebook, parameters)
        everybody = _Indexed.of(all_partners(store, parameters))
        steps, apps = steps_by_partner(connection), apps_by_partner(connection)
        worked_on = {*steps, *(int(partner) for (partner,) in connection.execute(_CASES))}
        standings = {partner: _standing(mine, apps.get(partner, [])) for partner, mine in steps.items()}
        members, known = _members(everybody, worked_on, standings)
        contacts = {int(partner) for (partner,) in connection.execute(_WITH_CONTACT)}
        counted = _people(store, view, members) if people else [None] * len(STAGES)
        accessed = evidence_of(store, connection, view, kept=parameters.are_defaults()).accessed
        of_incident = steps_of_incident(connection)
        clocks = {clock.step: clock for clock in clock_states(rulebook, view.today, of_incident, accessed)}
    rows = tuple(
        _row(stage, members[stage], known, standings, contacts, number, view.today)
        for stage, number in zip(STAGES, counted, strict=True)
    )
    return Stages(
        as_of=view.as_of,
        today=view.today,
        partners=sum(row.partners for row in rows),
        accessed=accessed,
        duties=tuple(
            Duty(name, clocks.get(name), next((step for step in of_incident if step.step == name), None))
            for name in OF_INCIDENT
        ),
        rulebook_sha256=rulebook.sha256,
        rows=rows,
        _everybody=everybody,
        _standings=standings,
        _contacts=contacts,
        _members=members,
    )


class _Indexed(list[PartnerRow]):
    """A plain list of rows that finds one as a `PartnerTable` does."""

    @classmethod
    def of(cls, rows: Sequence[PartnerRow]) -> Sequence[PartnerRow]:
        """The rows, so that one of them is found without looking at the others."""
        if not isinstance(rows, list):
            return rows
        found = cls(rows)
        found._by_partner = {row.partner: row for row in rows}
        return found

    def find(self, partner: int) -> PartnerRow | None:
        """One partner's row; None for an internal id that is not known."""
        return self._by_partner.get(partner)

    _by_partner: dict[int, PartnerRow]


def _ordered(everybody: Sequence[PartnerRow], column: str) -> list[int]:
    """Internal ids, of everybody, sorted by `PEOPLE` or `NAME`."""
    arranged = getattr(everybody, "arranged", None)
    if arranged is not None:
        ids: list[int] = arranged("all", column, reverse=False).ids()
        return ids
    return [row.partner for row in sort_rows(list(everybody), column)]


def _retained(everybody: Sequence[PartnerRow]) -> list[int]:
    """Internal ids of those that kept access, in the order of attention."""
    arranged = getattr(everybody, "arranged", None)
    if arranged is not None:
        ids: list[int] = arranged("retained", "attention", reverse=False).ids()
        return ids
    return [row.partner for row in everybody if row.retained]


def _standing(steps: Sequence[Step], apps: Sequence[str]) -> Standing:
    """Where a partner stands, by its steps in order."""
    # Without a step of a single app, every app stands where one does.
    alike = all(step.app_id is None for step in steps)
    reached, held = _places(taken(steps, apps), 0 if alike else len(apps))
    return Standing(None if reached is None else steps[reached], None if held is None else steps[held])


@lru_cache(maxsize=4096)
def _places(record: tuple[tuple[str, int, int], ...], apps: int) -> tuple[int | None, int | None]:
    """Where in a record the stage was reached that it ends with, and the last hold, where that is in force.

    Args:
        record: as `taken` gives it.
        apps: how many there are; 0: the partner is judged as a whole.
    """
    units = [Unit() for _ in range(apps or 1)]
    stage, reached, held = NOTHING_YET, None, None
    for place, (name, app, due) in enumerate(record):
        mine = units if app == WHOLE else units[app : app + 1] if app >= 0 else []
        for unit in mine:
            unit.take(name, place, due)
        held = place if name == "on_hold" and mine else held
        now = least_stage(units)
        if now != stage:
            stage, reached = now, place
    is_held = any("on_hold" in unit.sides for unit in units)
    return None if stage == NOTHING_YET else reached, held if is_held else None


def _members(
    everybody: Sequence[PartnerRow], worked_on: Collection[int], standings: Mapping[int, Standing]
) -> tuple[dict[str, list[int]], dict[int, PartnerRow]]:
    """The partners of each stage, late first; and the rows of those that somebody worked on."""
    known = {partner: row for partner in worked_on if (row := find_partner(everybody, partner)) is not None}
    members: dict[str, list[int]] = {stage: [] for stage in STAGES}
    for row in sorted(known.values(), key=lambda row: _late_first(row, standings.get(row.partner, _NO_STANDING))):
        members[row.stage].append(row.partner)
    # Of the others that kept access nothing is written.
    members[NOTHING_YET] += [partner for partner in _retained(everybody) if partner not in known]
    return members, known


def _late_first(row: PartnerRow, standing: Standing) -> tuple[object, ...]:
    held = 0 if standing.held is None else standing.held.at
    if row.overdue:
        place = 0, row.due or 0
    elif standing.held is not None:
        place = 1, held
    else:
        place = (2, row.due) if row.due is not None else (3, 0)
    return *place, -row.people, row.name.casefold(), row.partner


def _people(store: Store, view: View, members: Mapping[str, Sequence[int]]) -> list[int]:
    from store.read_pairs import NO_GROUP, people_of_groups
    from store.world import world_of

    most = max((partner for each in members.values() for partner in each), default=0)
    group_of = np.full(most + 1, NO_GROUP, dtype=np.int64)
    for place, stage in enumerate(STAGES):
        group_of[list(members[stage])] = place
    with store.reading() as connection:
        return people_of_groups(connection, world_of(store, connection), view, group_of, len(STAGES))


def _row(
    stage: str,
    members: Sequence[int],
    known: Mapping[int, PartnerRow],
    standings: Mapping[int, Standing],
    contacts: Collection[int],
    people: int | None,
    today: int,
) -> StageRow:
    rows = [known[partner] for partner in members if partner in known]
    begun = [its.reached.at for row in rows if (its := standings.get(row.partner)) is not None and its.reached]
    oldest = min(begun, default=None)
    due = min((row.due for row in rows if row.due is not None), default=None)
    on_hold = sum("on_hold" in row.side_states for row in rows)
    following = _NEXT.get(stage, "") if members else ""
    if following and on_hold == len(members):
        following = ON_HOLD
    elif following and stage in _UNTOLD and not any(partner in contacts for partner in members):
        following = NO_CONTACT
    return StageRow(
        stage=stage,
        partners=len(members),
        people=people,
        oldest_at=oldest,
        oldest_days=None if oldest is None else days_between(oldest, today),
        late=sum(row.overdue for row in rows),
        on_hold=on_hold,
        no_response=sum("no_response" in row.side_states for row in rows),
        due=due,
        overdue=is_overdue(due, today),
        next=following,
    )


def stage_letter(stage: str) -> str:
    """The letter of a stage, as in the track: `-` for nothing yet, `D`, `V`."""
    return LETTERS.get(stage, "-")


def duty_words(duty: Duty, today: int) -> str:
    """A step of the incident and its clock in a line, judged at today (microseconds UTC)."""
    if duty.clock is not None:
        return clock_words(duty.clock, today)
    name = step_words(duty.step)
    return f"{name}: undecided" if duty.done is None else f"{name} {format_day(duty.done.at)}"
