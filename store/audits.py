"""The remediation track of each partner: steps recorded, steps missing, what comes next."""

from collections.abc import Sequence
from dataclasses import dataclass

from store.cases import Done
from store.connection import Store

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


@dataclass(frozen=True, slots=True)
class Step:
    """One recorded step.

    Attributes:
        at: when it took effect, microseconds UTC; `at_is_date`: only its date is known.
        due: microseconds UTC, or None.
        app_id: the one app it is about; None for the whole partner.
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


@dataclass(frozen=True, slots=True)
class Track:
    """Where one partner's remediation stands.

    Attributes:
        stage: least advanced app's stage; `none` before the first step.
        letters: seven letters, a dash for a missing step, then side states: `RND----H`.
        steps: oldest first, whole partner's and apps'.
        done: step name -> the step that counts for it (the latest), for steps of the track.
        apps_done: step name -> (apps that have it, all apps).
        next_step: the step that comes next; None when passed.
        due: earliest open due date, microseconds UTC. `overdue` judges it at today.
        notes: (at, actor, text, privileged), newest first.
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


def track(store: Store, partner: int, *, today: int) -> Track:
    """The remediation track of a partner (internal id), judged at `today`, microseconds UTC."""
    raise NotImplementedError


def tracks(store: Store, *, today: int) -> dict[int, Track]:
    """The tracks of every partner that has a step, by internal id, in one pass; notes left out."""
    raise NotImplementedError


def record_step(
    store: Store,
    partners: Sequence[int],
    *,
    actor: str,
    step: str,
    at: int,
    at_is_date: bool = False,
    app_id: str | None = None,
    due: int | None = None,
    note: str = "",
    evidence: str | None = None,
    expect: dict[int, int] | None = None,
) -> Done:
    """Record a step for these partners (none: a step of the incident), all or none, in one transaction.

    Raises:
        RefusedError: out of order without a note, unknown app, a date in the future.
        ConflictError: a case has moved on since `expect`.
    """
    raise NotImplementedError
