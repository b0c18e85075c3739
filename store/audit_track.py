"""Where a partner's remediation stands: its steps, judged app by app. It knows nothing of tables.

Certified is not verified: every position of the track is judged on its own, and a partner is only as far as its least
advanced app. A due date is a day: what is due on it is overdue from the next UTC day on.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from store.instants import day_of

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


@dataclass(frozen=True, slots=True)
class Step:
    """One recorded step.

    Attributes:
        at: when it took effect, microseconds UTC; `at_is_date`: only its date is known.
        due: microseconds UTC, or None.
        app_id: the one app it is about; None for the whole partner.
        evidence: the name of the evidence file; `evidence_sha256` its content's hash.
        by: who recorded it; `import N` for an imported one.
        seq: its log entry; None for an imported one.
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


class Progress(NamedTuple):
    """How far one partner is, over all its apps: the computed part of a `Track`."""

    stage: str
    letters: str
    done: dict[str, Step]
    apps_done: dict[str, tuple[int, int]]
    next_step: str | None
    due: int | None
    side_states: tuple[str, ...]


@dataclass(slots=True)
class Unit:
    """How far one app is; or the whole partner, where it has no apps.

    Attributes:
        done: the positions it has, each with the step that counts.
        result: the last audit's outcome.
        retried: steps of a further audit since one failed.
        sides: side states in force.
        due: what its latest step says is due, microseconds UTC.
    """

    done: dict[str, Step] = field(default_factory=dict)
    result: Step | None = None
    retried: set[str] = field(default_factory=set)
    sides: set[str] = field(default_factory=set)
    due: int | None = None
    stage: str = _NO_STAGE

    def take(self, step: Step) -> None:
        """Take in the next step, in the order of `order`."""
        name = step.step
        if name in SIDE_STATES:
            self.sides.add(name)
            self.due = self.due if step.due is None else step.due
            return
        if name not in _RANK:
            return
        self.sides.clear()
        further = _RANK[name] > _RANK[self.stage]
        if name in RESULTS:
            self.result, self.stage, self.due = step, name, step.due
            self.retried.clear()
            return
        self.done[name] = step
        if further:
            self.stage, self.due = name, step.due
        elif self._failed() and name in NEXT_AUDIT:
            self.retried.add(name)
            self.due = step.due
        elif name == self.stage and step.due is not None:
            self.due = step.due

    def has(self, step: str) -> bool:
        """Whether a step of the track is done; one of a further audit, once that one has it."""
        if step in RESULTS:
            return self.result is not None and self.result.step == step and not self.retried
        if self._failed() and step in NEXT_AUDIT:
            return step in self.retried
        return step in self.done

    def next_step(self) -> str | None:
        """The step that comes next; None when its audit has passed."""
        if self.stage == "audit_passed":
            return None
        if self._failed():
            return next((step for step in NEXT_AUDIT if step not in self.retried), "audit_passed")
        return TRACK[_RANK[self.stage]]

    def _failed(self) -> bool:
        return self.result is not None and self.result.step == "audit_failed"


def order(step: Step) -> tuple[int, int, int, str]:
    """Sorts steps by when they took effect; at one instant imported ones by track, then the others as recorded."""
    place = TRACK.index(step.step) if step.step in TRACK else len(TRACK)
    return step.at, -1 if step.seq is None else step.seq, place if step.seq is None else 0, step.app_id or ""


def units(steps: Sequence[Step], apps: Sequence[str]) -> dict[str | None, Unit]:
    """How far each app is, by app id; one for the partner itself, under None, where it has no apps.

    Args:
        steps: in the order of `order`. A step of an app that is not the partner's moves nothing.
        apps: outside ids of the partner's apps.
    """
    each: dict[str | None, Unit] = {app: Unit() for app in apps} or {None: Unit()}
    for step in steps:
        if step.app_id is None:
            for unit in each.values():
                unit.take(step)
        elif step.app_id in each:
            each[step.app_id].take(step)
    return each


def progress(steps: Sequence[Step], apps: Sequence[str]) -> Progress:
    """How far a partner is.

    Args:
        steps: in the order of `order`.
        apps: outside ids of its apps.
    """
    total = len(apps)
    # Without a step of a single app, every app stands where one does.
    each = list(units(steps, apps if any(step.app_id is not None for step in steps) else ()).values())
    times = total if len(each) == 1 and total > 1 else 1
    least = min(each, key=lambda unit: _RANK[unit.stage])
    counts = {step: sum(step in unit.done for unit in each) * times for step in POSITIONS}
    for result in RESULTS:
        counts[result] = times * sum(unit.result is not None and unit.result.step == result for unit in each)
    most = max(total, 1)
    letters = "".join(_letter(step, counts[step], most) for step in POSITIONS)
    last = "audit_failed" if counts["audit_failed"] else "audit_passed"
    sides = tuple(side for side in _SIDES_SHOWN if any(side in unit.sides for unit in each))
    dues = [unit.due for unit in each if unit.due is not None and unit.stage != "audit_passed"]
    return Progress(
        stage=least.stage,
        letters=letters + _letter(last, counts[last], most) + "".join(LETTERS[side] for side in sides),
        done=_done(each),
        apps_done={step: (min(counts[step], total), total) for step in TRACK},
        next_step=least.next_step(),
        due=min(dues, default=None),
        side_states=sides,
    )


def _letter(step: str, count: int, most: int) -> str:
    if not count:
        return "-"
    return LETTERS[step] if count == most else LETTERS[step].lower()


def _done(each: Iterable[Unit]) -> dict[str, Step]:
    done: dict[str, Step] = {}
    for unit in each:
        counting = [*unit.done.values(), *([] if unit.result is None else [unit.result])]
        for step in counting:
            if step.step not in done or order(step) > order(done[step.step]):
                done[step.step] = step
    return {step: done[step] for step in TRACK if step in done}


def is_overdue(due: int | None, today: int) -> bool:
    """Whether a due date has passed: from the UTC day after it on."""
    return due is not None and day_of(today) > day_of(due)


def reached(stages: Mapping[str, int], step: str) -> int:
    """Of partners counted by stage, how many are at a step or beyond; a failed audit has not passed."""
    return sum(count for stage, count in stages.items() if _RANK[stage] >= _RANK[step])
