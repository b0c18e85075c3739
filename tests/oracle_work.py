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

SIDES = ("no_response", "on_hold", "contradicted", "waived")
# In which order steps of one instant are taken.
IN_ORDER = (*TRACK[:6], "audit_passed", "audit_failed")
DAY = 86_400_000_000


def audits(incident: Incident, today: int) -> dict[str, int]:
    """Partners whose stage is passed or failed, and partners with an open due date before today."""
    stages = Counter(stage(incident, partner, today) for partner in incident.apps_of_partner)
    overdue = sum(is_overdue(incident, partner, today) for partner in incident.apps_of_partner)
    return {"passed": stages["audit_passed"], "failed": stages["audit_failed"], "overdue": overdue}


def steps_of(incident: Incident, partner: Partner, today: int) -> list[Step]:
    rows = [
        row
        for row in incident.steps
        if ("partner", row.partner_id) == partner and row.step in (*TRACK, *SIDES) and row.at <= today
    ]
    return sorted(
        rows, key=lambda row: (row.at, IN_ORDER.index(row.step) if row.step in TRACK else 8, row.app_id or "")
    )


def own_steps(incident: Incident, partner: Partner, today: int) -> list[list[Step]]:
    """The steps of each app, or of the partner itself where it has none."""
    steps = steps_of(incident, partner, today)
    return [[row for row in steps if row.app_id in (None, app)] for app in incident.apps_of_partner[partner] or {""}]


def stage(incident: Incident, partner: Partner, today: int) -> str:
    """The furthest step of the least advanced app, `none` before the first."""
    reached: list[str] = []
    for all_own in own_steps(incident, partner, today):
        own = [row for row in all_own if row.step in TRACK]
        ends = sorted((row.at, row.step) for row in own if row.step in ("audit_passed", "audit_failed"))
        furthest = max((row.step for row in own), key=TRACK.index, default="none")
        reached.append(ends[-1][1] if ends else furthest)
    return min(reached, key=("none", *TRACK).index)


def is_overdue(incident: Incident, partner: Partner, today: int) -> bool:
    """Whether some app's answer was due on a UTC day before today's; while it is on hold, what was given since."""
    for own in own_steps(incident, partner, today):
        track = [place for place, row in enumerate(own) if row.step in TRACK]
        holds = [place for place, row in enumerate(own) if row.step == "on_hold" and place > max(track, default=-1)]
        asked = False
        for place, row in enumerate(own):
            due = row.due
            if row.step == "deletion_requested":
                # Sixty days to certify, unless a date was given; a reminder gives no more time.
                due = (row.at // DAY + 60) * DAY if due is None and not asked else due
                asked = True
            is_open = row.step in SIDES or not any(
                TRACK.index(other.step) > TRACK.index(row.step) for other in own if other.step in TRACK
            )
            waits = bool(holds) and place < holds[-1]
            if due is not None and is_open and not waits and row.step != "audit_passed" and today // DAY > due // DAY:
                return True
    return False
