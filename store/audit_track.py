"""Where a partner's remediation stands: its steps, judged app by app. It knows nothing of tables.

Certified is not verified: every position of the track is judged on its own, and a partner is only as far as its least
advanced app. A due date is a day: what is due on it is overdue from the next UTC day on.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

from store.instants import day_of
from store.step_details import Details

if TYPE_CHECKING:
    from store.clocks import Clocks
    from store.contradictions import Contradiction

# In order; the last two are alternatives.
TRACK = (
    "access_removed",
    "notified",
    "deletion_requested",
    "deletion_certified",
    "audit_planned",
    "audit_started",
    "audit_passed",
    "audit_failed",
)
LETTERS = {
    "access_removed": "R",
    "notified": "N",
    "deletion_requested": "D",
    "deletion_certified": "C",
    "audit_planned": "S",
    "audit_started": "A",
    "audit_passed": "V",
    "audit_failed": "X",
    "contradicted": "X",
    "on_hold": "H",
    "no_response": "?",
    "waived": "w",
}
SIDE_STATES = ("no_response", "on_hold", "contradicted", "waived")
INCIDENT_STEPS = ("authority_told", "people_told", "report_filed")
RESULTS = ("audit_passed", "audit_failed")
POSITIONS = TRACK[:6]
NEXT_AUDIT = ("audit_planned", "audit_started")

_NO_STAGE = "none"
# How far along; a failed audit is further than a running one, and never as far as a passed one.
_RANK = {_NO_STAGE: 0, **{step: place for place, step in enumerate(POSITIONS, 1)}, "audit_failed": 7, "audit_passed": 8}
# The loudest first: a narrow column may show only one.
_SIDES_SHOWN = ("contradicted", "on_hold", "no_response", "waived")


class Step(NamedTuple):
    """One recorded step.

    Attributes:
        at: when it took effect, microseconds UTC; `at_is_date`: only its date is known.
        due: microseconds UTC, or None. `due_basis`: the clock's, where nobody gave the date.
        app_id: the one app it is about; None for the whole partner.
        evidence: the name of the evidence file; `evidence_sha256` its content's hash.
        by: who recorded it; `import N` for an imported one.
        seq: its log entry; None for an imported one.
        by_clock: nobody gave `at`: it is when the step was recorded, by that machine's clock.
        details: what else it says, for steps that say more.
    """

    step: str
    at: int
    at_is_date: bool
    app_id: str | None
    due: int | None
    note: str | None
    evidence: str | None
    by: str
    seq: int | None
    evidence_sha256: str | None = None
    by_clock: bool = False
    details: Details | None = None
    due_basis: str | None = None


@dataclass(frozen=True, slots=True)
class Track:
    """Where one partner's remediation stands.

    Attributes:
        stage: least advanced app's stage; `none` before the first step.
        letters: seven letters, a dash for a missing step, small where only some apps have it, then side states:
            `RND----H`.
        steps: oldest first, whole partner's and apps'.
        done: step name -> the step that counts for it (the latest), for steps of the track.
        apps_done: step name -> (apps that have it, all apps); (0, 0) for a partner without apps.
        next_step: the step that comes next; None when passed.
        due: earliest open due date, microseconds UTC. `overdue` judges it at today.
        notes: (at, actor, text, privileged), newest first.
        side_states: those in force for some app, the loudest first.
        open_dues: the steps whose answers are due, soonest first.
        contradictions: what the log says against this record.
    """

    partner: int
    partner_id: str
    name: str
    stage: str
    letters: str
    steps: tuple[Step, ...]
    done: dict[str, Step]
    apps_done: dict[str, tuple[int, int]]
    next_step: str | None
    due: int | None
    overdue: bool
    notes: tuple[tuple[int, str, str, bool], ...]
    side_states: tuple[str, ...] = ()
    open_dues: tuple[Step, ...] = ()
    contradictions: tuple["Contradiction", ...] = ()


class Progress(NamedTuple):
    """How far one partner is, over all its apps: the computed part of a `Track`."""

    stage: str
    letters: str
    done: dict[str, Step]
    apps_done: dict[str, tuple[int, int]]
    next_step: str | None
    due: int | None
    side_states: tuple[str, ...]
    open_dues: tuple[Step, ...] = ()


@dataclass(slots=True)
class Unit:
    """How far one app is; or the whole partner, where it has no apps. Steps are meant by their place in the record.

    Attributes:
        done: the positions it has, each with the step that counts.
        result: the last audit's outcome, with its step.
        retried: steps of a further audit since one failed.
        sides: side states in force.
        due: the step whose due date is open.
        held_by: the last step that put it on hold.
    """

    done: dict[str, int] = field(default_factory=dict)
    result: tuple[str, int] | None = None
    retried: set[str] = field(default_factory=set)
    sides: set[str] = field(default_factory=set)
    due: int | None = None
    held_by: int = 0
    stage: str = _NO_STAGE

    def take(self, name: str, place: int, due: int) -> None:
        """Take in the next step, in the order of `in_order`; `due`: none, one that was given, or one by a clock."""
        if name in SIDE_STATES:
            self.sides.add(name)
            self.held_by = place if name == "on_hold" else self.held_by
            self.due = place if due else self.due
            return
        if name not in _RANK:
            return
        self.sides.clear()
        # A clock starts once for each app: a reminder, also one to the whole partner, gives no more time.
        own_due = place if due == _GIVEN or (due == _BY_CLOCK and not self.has(name)) else None
        if name in RESULTS:
            self.result, self.stage, self.due = (name, place), name, own_due
            self.retried.clear()
            return
        is_reminder = self.has(name)
        self.done[name] = place
        if _RANK[name] > _RANK[self.stage]:
            self.stage, self.due = name, own_due
        elif self._failed() and name in NEXT_AUDIT:
            self.retried.add(name)
            self.due = self.due if is_reminder and own_due is None else own_due
        elif name == self.stage and own_due is not None:
            self.due = own_due

    def has(self, step: str) -> bool:
        """Whether a step of the track is done; one of a further audit, once that one has it."""
        if step in RESULTS:
            return self.result is not None and self.result[0] == step and not self.retried
        if self._failed() and step in NEXT_AUDIT:
            return step in self.retried
        return step in self.done

    def counting(self) -> dict[str, int]:
        """The steps of the track that it has, each with its place in the record."""
        return self.done if self.result is None else {**self.done, self.result[0]: self.result[1]}

    def next_step(self) -> str | None:
        """The step that comes next; None when its audit has passed."""
        if self.stage == "audit_passed":
            return None
        if self._failed():
            return next((step for step in NEXT_AUDIT if step not in self.retried), "audit_passed")
        return TRACK[_RANK[self.stage]]

    def has_running_clock(self) -> bool:
        """Whether its due date counts: not once its audit passed; on hold, only one that was given since."""
        waits = "on_hold" in self.sides and self.due is not None and self.due < self.held_by
        return self.stage != "audit_passed" and not waits

    def _failed(self) -> bool:
        return self.result is not None and self.result[0] == "audit_failed"


def order(step: Step) -> tuple[int, int, int, str]:
    """Sorts steps by when they took effect; at one instant imported ones by track, then the others as recorded."""
    if step.seq is not None:
        return step.at, step.seq, 0, ""
    return step.at, -1, TRACK.index(step.step) if step.step in TRACK else len(TRACK), step.app_id or ""


def with_clocks(steps: Iterable[Step], clocks: "Clocks") -> list[Step]:
    """The steps, those without a due date given the one that a clock of the rulebook sets, with its basis.

    A step that is recorded again, such as a reminder, starts no clock anew; a further audit does.

    Args:
        steps: in the order of `in_order`.
    """
    dated = []
    running: set[tuple[str, str | None]] = set()
    for step in steps:
        if step.step == "audit_failed":
            running -= {(name, app) for name, app in running if name in NEXT_AUDIT}
        is_first = not running & {(step.step, step.app_id), (step.step, None)}
        running.add((step.step, step.app_id))
        found = clocks.due_after(step.step, step.at) if step.due is None and is_first else None
        dated.append(step if found is None else step._replace(due=found[0].at, due_basis=found[1].basis))
    return dated


def in_order(steps: Iterable[Step]) -> list[Step]:
    """Sorted by `order`, but steps without a date given stand among themselves as recorded, whatever the clock said."""
    steps = list(steps)
    taken_as: dict[int | None, int] = {}
    latest: int | None = None
    for step in sorted((step for step in steps if step.by_clock), key=lambda step: step.seq or 0):
        latest = step.at if latest is None else max(latest, step.at)
        taken_as[step.seq] = latest
    if not taken_as:
        return sorted(steps, key=order)
    return sorted(steps, key=lambda step: order(step._replace(at=taken_as.get(step.seq, step.at))))


class Pattern(NamedTuple):
    """What a record comes to, whoever's it is and whenever it was: most partners share a few of these.

    Attributes:
        done: the steps of the track that count, each with its place in the record.
        units: how many of the units have each step of the track.
        dues: the places in the record of the steps whose due dates are open, but for apps on hold.
    """

    stage: str
    letters: str
    next_step: str | None
    side_states: tuple[str, ...]
    done: tuple[tuple[str, int], ...]
    units: tuple[int, ...]
    dues: tuple[int, ...]


WHOLE, _ELSEWHERE = -1, -2
# Whether a step names a due date, and who does.
_NONE, _GIVEN, _BY_CLOCK = range(3)


def taken(steps: Iterable[Step], apps: Sequence[str]) -> tuple[tuple[str, int, int], ...]:
    """The record as a pattern is judged from: of each step its name, the place of its app, and whether it has a due.

    A step of an app that is not the partner's moves nothing.
    """
    places = {app: place for place, app in enumerate(apps)}
    return tuple(
        (step.step, WHOLE if step.app_id is None else places.get(step.app_id, _ELSEWHERE), _due_of(step))
        for step in steps
    )


def _due_of(step: Step) -> int:
    if step.due is None:
        return _NONE
    return _GIVEN if step.due_basis is None else _BY_CLOCK


def units(record: Sequence[tuple[str, int, int]], apps: int) -> list[Unit]:
    """How far each app is, in their order; the partner itself where it has none.

    Args:
        record: as `taken` gives it, in the order of `in_order`.
        apps: how many it has.
    """
    each = [Unit() for _ in range(apps or 1)]
    for place, (name, app, due) in enumerate(record):
        if app == WHOLE:
            for unit in each:
                unit.take(name, place, due)
        elif app != _ELSEWHERE:
            each[app].take(name, place, due)
    return each


def least_stage(each: Iterable[Unit]) -> str:
    """The stage of the least advanced of these: a failed audit is further than a running one."""
    return min(each, key=lambda unit: _RANK[unit.stage]).stage


@lru_cache(maxsize=4096)
def pattern(record: tuple[tuple[str, int, int], ...], apps: int) -> Pattern:
    """What a record comes to over all apps; arguments as of `units`."""
    each = units(record, apps)
    least = min(each, key=lambda unit: _RANK[unit.stage])
    done: dict[str, int] = {}
    for unit in each:
        for step, place in unit.counting().items():
            done[step] = max(place, done.get(step, place))
    counts = {step: sum(step in unit.counting() for unit in each) for step in TRACK}
    shown = (*POSITIONS, "audit_failed" if counts["audit_failed"] else "audit_passed")
    sides = tuple(side for side in _SIDES_SHOWN if any(side in unit.sides for unit in each))
    letters = [_letter(step, counts[step], len(each)) for step in shown]
    return Pattern(
        stage=least.stage,
        letters="".join(letters + [LETTERS[side] for side in sides]),
        next_step=least.next_step(),
        side_states=sides,
        done=tuple((step, done[step]) for step in TRACK if step in done),
        units=tuple(counts.values()),
        dues=tuple({unit.due for unit in each if unit.due is not None and unit.has_running_clock()}),
    )


def progress(steps: Sequence[Step], apps: Sequence[str]) -> Progress:
    """How far a partner is.

    Args:
        steps: in the order of `in_order`.
        apps: outside ids of its apps.
    """
    total = len(apps)
    # Without a step of a single app, every app stands where one does.
    alike = all(step.app_id is None for step in steps)
    its = pattern(taken(steps, apps), 0 if alike else total)
    dues = sorted((steps[place] for place in its.dues), key=lambda step: (step.due or 0, step.at))
    return Progress(
        stage=its.stage,
        letters=its.letters,
        done={step: steps[place] for step, place in its.done},
        apps_done=_apps_done(its.units, total, alike),
        next_step=its.next_step,
        due=dues[0].due if dues else None,
        side_states=its.side_states,
        open_dues=tuple(dues),
    )


@lru_cache(maxsize=4096)
def _apps_done(counts: tuple[int, ...], total: int, alike: bool) -> dict[str, tuple[int, int]]:
    times = total if alike else min(total, 1)
    return {step: (count * times, total) for step, count in zip(TRACK, counts, strict=True)}


def _letter(step: str, count: int, most: int) -> str:
    if not count:
        return "-"
    return LETTERS[step] if count == most else LETTERS[step].lower()


_FOLLOWED_BY = {
    "access_removed": "notified",
    "notified": "deletion_requested",
    "deletion_requested": "deletion_certified",
    "deletion_certified": "audit_planned",
    "audit_planned": "audit_started",
    "audit_started": "audit_passed",
    "audit_failed": "audit_planned",
}


def settling_step(step: Step, next_step: str | None) -> str | None:
    """The step that settles what a step asks for: the one after it on the track; of a side state, what comes next."""
    return _FOLLOWED_BY.get(step.step, next_step)


def is_overdue(due: int | None, today: int) -> bool:
    """Whether a due date has passed: from the UTC day after it on."""
    return due is not None and day_of(today) > day_of(due)


def reached(stages: Mapping[str, int], step: str) -> int:
    """Of partners counted by stage, how many are at a step or beyond; a failed audit has not passed."""
    return sum(count for stage, count in stages.items() if _RANK[stage] >= _RANK[step])
