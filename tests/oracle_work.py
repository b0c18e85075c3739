"""The oracle's reading of the remediation track: stages and due dates from imported steps (see `oracle.py`)."""

from collections import Counter

from tests.oracle_evidence import Incident, Partner, Step

TRACK = (
    "access_removed",
    "notified",
    "deletion_requested",
    "deletion_certified",
    "audit_planned",
    "audit_started",
    "audit_failed",
    "audit_passed",
)


def audits(incident: Incident, today: int) -> dict[str, int]:
    """Partners whose stage is passed or failed, and partners with an open due date before today."""
    stages = Counter(stage(incident, partner, today) for partner in incident.apps_of_partner)
    overdue = sum(is_overdue(incident, partner, today) for partner in incident.apps_of_partner)
    return {"passed": stages["audit_passed"], "failed": stages["audit_failed"], "overdue": overdue}


def steps_of(incident: Incident, partner: Partner, today: int) -> list[Step]:
    return [
        row
        for row in incident.steps
        if ("partner", row.partner_id) == partner and row.step in TRACK and row.at <= today
    ]


def stage(incident: Incident, partner: Partner, today: int) -> str:
    """The furthest step of the least advanced app, `none` before the first."""
    steps = steps_of(incident, partner, today)
    reached: list[str] = []
    for app in incident.apps_of_partner[partner] or {""}:
        own = [row for row in steps if row.app_id in (None, app)]
        ends = sorted((row.at, row.step) for row in own if row.step in ("audit_passed", "audit_failed"))
        furthest = max((row.step for row in own), key=TRACK.index, default="none")
        reached.append(ends[-1][1] if ends else furthest)
    return min(reached, key=("none", *TRACK).index)


def is_overdue(incident: Incident, partner: Partner, today: int) -> bool:
    steps = steps_of(incident, partner, today)
    return any(
        row.due is not None
        and row.step != "audit_passed"
        and row.due < today
        and not any(
            TRACK.index(other.step) > TRACK.index(row.step) and other.app_id in (None, row.app_id) for other in steps
        )
        for row in steps
    )
