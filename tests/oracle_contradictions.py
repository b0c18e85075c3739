"""The oracle's reading of what contradicts a record and what proves a removal: plain loops over raw records.

Like `oracle.py` it imports nothing of the program. All of it is judged over all evidence, whatever the as-of. Where the
domain's text leaves a choice:

* An audit that passed stands in the place of the certificate before it; a failed one after it gives that place back.
* A step with a bare date takes effect at the end of that UTC day; what is at an exact instant is not later than it.
* Access is alive where a grant opens restricted data at some instant later than the latest `access_removed` of that app
  or of the whole partner; of an app without one, where another app has one, only access that has not ended today.
* It is a sibling's where the app has no such step, or where another app of the partner could read once and can no more.
"""

from collections.abc import Sequence
from typing import NamedTuple

from tests.oracle import is_after_removal, merged, open_intervals, verdict
from tests.oracle_evidence import Event, Incident, Partner, Step
from tests.oracle_work import IN_ORDER, TRACK

DAY = 86_400_000_000
NEVER_ENDS = 2**62


class Against(NamedTuple):
    """One contradiction; see `store.contradictions.Contradiction`, of which this names what can be compared."""

    kind: str
    app_id: str
    step: str | None
    step_at: int | None
    from_at: int | None
    last_at: int | None
    events: int | None


class Removal(NamedTuple):
    """What all evidence says of one app: its restricted reads, and what came after its removal."""

    events: int
    first_at: int | None
    last_at: int | None
    after_removal: int
    first_after_at: int | None
    denied_after: int
    held: tuple[int, int] | None

    @property
    def proof(self) -> str:
        if self.after_removal:
            return "failed"
        return "proven" if self.denied_after else "untested"


def removal_of(incident: Incident, app: str) -> Removal:
    mine = [(event, verdict(event, incident)[0]) for event in incident.events if event.app_id == app]
    reads = [event for event, name in mine if name == "improper"]
    late = [event for event in reads if is_after_removal(event, incident)]
    held = merged(open_intervals(app, incident, incident.rulebook, NEVER_ENDS))
    return Removal(
        events=len(reads),
        first_at=min((event.occurred_at for event in reads), default=None),
        last_at=max((event.occurred_at for event in reads), default=None),
        after_removal=len(late),
        first_after_at=min((event.occurred_at for event in late), default=None),
        denied_after=sum(name == "denied" and is_after_removal(event, incident) for event, name in mine),
        held=held[-1] if held else None,
    )


def contradictions(incident: Incident, partner: Partner, today: int) -> set[Against]:
    """What speaks against the record of a partner, but for what it states of people."""
    apps = sorted(incident.apps_of_partner[partner])
    removals = {app: removal_of(incident, app) for app in apps}
    steps = record_of(incident, partner)
    found: set[Against] = set()
    for app in apps:
        its, own = removals[app], [step for step in steps if step.app_id in (None, app)]
        if its.after_removal:
            found.add(
                Against("read_after_removal", app, None, None, its.first_after_at, its.last_at, its.after_removal)
            )
        claim = claim_of(own)
        reads = [
            event
            for event in incident.events
            if event.app_id == app and claim and is_later(event, claim) and verdict(event, incident)[0] == "improper"
        ]
        if claim is not None and reads:
            last = max(event.occurred_at for event in reads)
            found.add(
                Against("read_after_certificate", app, claim.step, claim.at, first_later(claim), last, events=None)
            )
        own_removal = last_of(own, "access_removed")
        removed = own_removal or last_of(steps, "access_removed")
        if removed is None or its.held is None:
            continue
        start, end = its.held
        since = first_later(removed) if own_removal else max(first_later(removed), today)
        if end <= since:
            continue
        cut_off = any(
            other != app and (held := removals[other].held) is not None and held[1] <= since for other in apps
        )
        kind = "sibling_alive" if own_removal is None or cut_off else "access_alive"
        until = None if end == NEVER_ENDS else end
        found.add(Against(kind, app, "access_removed", removed.at, max(start, first_later(removed)), until, None))
    return found


def record_of(incident: Incident, partner: Partner) -> list[Step]:
    """The partner's imported steps in time; of one instant in the order of the track."""
    mine = [step for step in incident.steps if ("partner", step.partner_id) == partner]
    place = {name: number for number, name in enumerate(IN_ORDER)}
    return sorted(mine, key=lambda step: (step.at, place.get(step.step, len(TRACK)), step.app_id or ""))


def claim_of(own: Sequence[Step]) -> Step | None:
    """The certificate that counts, or the audit that passed since and was not failed by a later one."""
    results = [place for place, step in enumerate(own) if step.step in ("audit_passed", "audit_failed")]
    certified = last_of(own, "deletion_certified")
    if not results or own[results[-1]].step == "audit_failed":
        return certified
    passed = own[results[-1]]
    later = [step for step in own[results[-1] + 1 :] if step.step == "deletion_certified"]
    return later[-1] if later else passed


def last_of(steps: Sequence[Step], name: str) -> Step | None:
    return next((step for step in reversed(steps) if step.step == name), None)


def is_later(event: Event, step: Step) -> bool:
    """Later than the step: after its instant, or from the end of its day on."""
    if step.at_is_date:
        return event.occurred_at // DAY > step.at // DAY
    return event.occurred_at > step.at


def first_later(step: Step) -> int:
    return (step.at // DAY + 1) * DAY if step.at_is_date else step.at + 1
