"""What must be there after any work on cases and tracks, in plain Python: it imports nothing of the program."""

from dataclasses import dataclass, field, replace
from datetime import date, timedelta

DAY = 86_400_000_000
EPOCH = date(1970, 1, 1)
POSITIONS = (
    *("access_removed", "notified", "deletion_requested", "deletion_certified", "audit_planned", "audit_started"),
)
RESULTS = ("audit_passed", "audit_failed")
TRACK = (*POSITIONS, *RESULTS)
SIDES = ("contradicted", "on_hold", "no_response", "waived")
RANKS = ("none", *POSITIONS, "audit_failed", "audit_passed")
LETTERS = dict(zip((*TRACK, *SIDES), "RNDCSAVXXH?w", strict=True))
CLAIMS = ("deletion_certified", "audit_passed", "statement")
ANSWERS = {
    "deletion_certified": "deletion_requested",
    "audit_started": "audit_planned",
    "audit_passed": "audit_started",
    "audit_failed": "audit_started",
}
# The clocks of the machine's rulebook: after these steps so many days, or business days.
DAYS_AFTER = {"deletion_requested": (60, False), "audit_planned": (20, True)}
NOTICE = 10


def business_days_after(day: int, count: int) -> int:
    """By walking the calendar."""
    at = EPOCH + timedelta(days=day)
    while count:
        at += timedelta(days=1)
        count -= at.isoweekday() <= 5
    return (at - EPOCH).days


@dataclass(frozen=True)
class ModelStep:
    """A step that was recorded, or imported: then it has no number."""

    number: int | None
    step: str
    at: int
    is_date: bool
    app: str | None
    due: int | None
    evidence: bool
    seq: int | None = None


@dataclass(frozen=True)
class CaseState:
    status: str = "open"
    assignee: str | None = None
    grounds: str | None = None
    asked: tuple[str, str] | None = None


@dataclass
class Place:
    """How far one app is: replayed from its own steps."""

    names: set[str] = field(default_factory=set)
    result: str | None = None
    again: set[str] = field(default_factory=set)
    stage: str = "none"
    sides: set[str] = field(default_factory=set)
    due: tuple[int, int] | None = None
    held: int = -1

    def has(self, step: str) -> bool:
        if step in RESULTS:
            return self.result == step and not self.again
        if self.result == "audit_failed" and step in POSITIONS[4:]:
            return step in self.again
        return step in self.names


@dataclass
class ModelPartner:
    """One partner: its apps, imported steps, and the moves that stand, the last on top."""

    apps: tuple[str, ...]
    imported: tuple[ModelStep, ...] = ()
    stack: list["Move"] = field(default_factory=list)
    version: int = 0

    @property
    def state(self) -> CaseState:
        return self.stack[-1].state if self.stack else CaseState()

    @property
    def steps(self) -> list[ModelStep]:
        """In time; of one instant as recorded, imported ones first."""
        mine = [*self.imported, *(move.step for move in self.stack if move.step is not None)]
        return sorted(mine, key=lambda step: (step.at, -1 if step.number is None else step.number))

    def places(self) -> list[Place]:
        return [replay(self.steps, app) for app in self.apps or (None,)]

    def concerned(self, app: str | None) -> list[Place]:
        return self.places() if app is None else [replay(self.steps, app)]

    def least(self) -> Place:
        return min(self.places(), key=lambda place: RANKS.index(place.stage))

    def next_step(self) -> str | None:
        place = self.least()
        if place.stage == "audit_passed":
            return None
        if place.result == "audit_failed":
            return next((step for step in POSITIONS[4:] if step not in place.again), "audit_passed")
        return TRACK[RANKS.index(place.stage)]

    def sides(self) -> tuple[str, ...]:
        return tuple(side for side in SIDES if any(side in place.sides for place in self.places()))

    def letters(self) -> str:
        places = self.places()
        failed = any(place.result == "audit_failed" for place in places)
        shown = ""
        for step in (*POSITIONS, "audit_failed" if failed else "audit_passed"):
            count = sum(step in place.names or place.result == step for place in places)
            letter = LETTERS[step]
            shown += "-" if count == 0 else letter if count == len(places) else letter.lower()
        return shown + "".join(LETTERS[side] for side in self.sides())

    def open_dues(self) -> set[int]:
        return {
            place.due[0] for place in self.places() if place.due and place.stage != "audit_passed" and is_running(place)
        }

    def objects(self, step: str, app: str | None) -> bool:
        """Whether the order of the track speaks against a step."""
        places = self.concerned(app)
        if all(place.has(step) for place in places):
            return True
        earlier = POSITIONS if step in RESULTS else POSITIONS[: POSITIONS.index(step)]
        return any(name not in place.names for name in earlier for place in places)

    def had_its_audit(self, app: str | None) -> bool:
        """Whether an audit ended, all within the one calendar year of a run, and nothing waives another."""
        ended = any(step.step in RESULTS and (app is None or step.app in (None, app)) for step in self.steps)
        return ended and "waived" not in self.sides()

    def misdated(self, step: str, app: str | None, at: int, *, is_date: bool) -> bool:
        """Whether it is dated before what it answers."""
        asked = [
            one for one in self.steps if one.step == ANSWERS.get(step) and (one.app is None or app in (None, one.app))
        ]
        if not asked:
            return False
        first = min(asked, key=lambda one: one.at)
        return at // DAY < first.at // DAY if is_date or first.is_date else at < first.at

    def loose_ends(self, *, passing: ModelStep | None = None) -> int:
        """How many things are open: contradicted before, unproven or due with a step to come, or begun too early."""
        count = int("contradicted" in self.sides())
        if passing is not None:
            then = ModelPartner(self.apps, self.imported, [*self.stack, Move(0, self.state, passing)])
            return count + then.loose_ends() - int("contradicted" in then.sides())
        last: dict[tuple[str, str | None], ModelStep] = {}
        for step in self.steps:
            if step.step in CLAIMS:
                if step.app is None:
                    last = {key: one for key, one in last.items() if key[0] != step.step}
                last[step.step, step.app] = step
        count += sum(not step.evidence and step.number is not None for step in last.values())
        count += len(self.open_dues())
        planned = [step for step in self.steps if step.step == "audit_planned"]
        started = [step for step in self.steps if step.step == "audit_started"]
        if planned and started:
            earliest = business_days_after(planned[-1].at // DAY, NOTICE)
            count += started[-1].at // DAY < earliest
        return count


def is_running(place: Place) -> bool:
    """Whether its clock runs: on hold only what was given since."""
    return place.due is not None and not ("on_hold" in place.sides and place.due[1] < place.held)


def replay(steps: list[ModelStep], app: str | None) -> Place:
    """How far an app is by its own steps and the whole partner's; None: the partner itself, that has no apps."""
    place = Place()
    own = [(number, step) for number, step in enumerate(steps) if step.app is None or step.app == app]
    for number, step in own:
        name, given = step.step, None if step.due is None else (step.due, number)
        if name in SIDES:
            place.sides.add(name)
            place.held = number if name == "on_hold" else place.held
            place.due = given or place.due
            continue
        if name not in TRACK:
            continue
        place.sides = set()
        if name in RESULTS:
            place.result, place.stage, place.due, place.again = name, name, given, set()
            continue
        retries = place.result == "audit_failed" and name in POSITIONS[4:]
        is_first = name not in place.again if retries else name not in place.names
        runs = given
        if given is None and is_first and name in DAYS_AFTER:
            count, business = DAYS_AFTER[name]
            day = step.at // DAY
            runs = ((business_days_after(day, count) if business else day + count) * DAY, number)
        place.names.add(name)
        if RANKS.index(name) > RANKS.index(place.stage):
            place.stage, place.due = name, runs
        elif retries:
            place.due = runs if is_first else given or place.due
            place.again.add(name)
        elif name == place.stage and given:
            place.due = given
    return place


@dataclass(frozen=True)
class Move:
    """One change of one case: it stands until it is taken back."""

    number: int
    state: CaseState
    step: ModelStep | None = None


@dataclass
class Deed:
    """What one person did at once; `below`: what stood on each case when it was undone."""

    kind: str
    moves: dict[int, Move]
    below: dict[int, list[Move]] = field(default_factory=dict)
    loose: int = 0
    incident: ModelStep | None = None
    taken_back: bool = False


def with_state(state: CaseState, **changes: object) -> CaseState:
    return replace(state, **changes)  # type: ignore[arg-type]
