"""The oracle's reading of held data: plain loops over improper events and results of audits (see `oracle.py`).

An audit's last result of an app counts. A passed one speaks of the app's reads up to its instant, that included; one of
which only the date is known up to the end of that day.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from tests import oracle
from tests.oracle_evidence import Event, Incident, Text

Told = dict[str, object]


@dataclass(frozen=True)
class Result:
    """An audit's outcome: of one app, or of all (None)."""

    at: int
    is_date: bool
    passed: bool
    app_id: Text


def verified_until(results: Iterable[Result], app_id: str) -> int | None:
    """The last instant that an app's audit speaks of, the one that counts; `results` in the order of their time."""
    until: int | None = None
    for result in results:
        if result.app_id in (None, app_id):
            until = None
            if result.passed:
                until = result.at + (oracle.DAY - 1 if result.is_date else 0)
    return until


def held(
    incident: Incident,
    partner: str,
    results: Sequence[Result],
    as_of: int | None = None,
    cutoff: int | None = None,
) -> Told:
    """What a partner (outside id) read, what of it is verified deleted, and what is held, by class and by resource."""
    seen = oracle.view(incident, as_of, None, cutoff)
    apps = oracle.apps_of(incident, partner)
    read = [event for event in seen.improper() if event.app_id in apps]
    verified, kept = [], []
    for event in read:
        until = verified_until(results, event.app_id)
        (kept if until is None or event.occurred_at > until else verified).append(event)
    classes: dict[str, list[Event]] = {}
    resources: dict[Text, list[Event]] = {}
    of_resource: dict[Text, set[str]] = {}
    for event in kept:
        resources.setdefault(event.resource_id, []).append(event)
        for name in oracle.improper_classes(event, seen):
            classes.setdefault(name, []).append(event)
            of_resource.setdefault(event.resource_id, set()).add(name)
    undetermined = [event for event, verdict in seen.judged if verdict == "undetermined" and event.app_id in apps]
    return {
        "undetermined": len(undetermined),
        "read": totals(read),
        "verified": totals(verified),
        "held": totals(kept),
        "classes": {
            name: (
                len(people(events)),
                len({event.resource_id for event in events} - {None}),
                len(events),
                *ends(events),
            )
            for name, events in classes.items()
        },
        "resources": {
            name: (len(people(events)), sorted(of_resource[name]), len(events), *ends(events))
            for name, events in resources.items()
        },
        "people": sorted(people(kept)),
    }


def people(events: Iterable[Event]) -> set[str]:
    return {event.subject_id for event in events if event.subject_id is not None}


def ends(events: Sequence[Event]) -> tuple[int | None, int | None]:
    times = [event.occurred_at for event in events]
    return min(times, default=None), max(times, default=None)


def totals(events: Sequence[Event]) -> Told:
    first, last = ends(events)
    return {
        "people": len(people(events)),
        "resources": len({event.resource_id for event in events} - {None}),
        "events": len(events),
        "records": sum(event.records for event in events if event.records is not None),
        "events_without_subject": sum(event.subject_id is None for event in events),
        "events_without_records": sum(event.records is None for event in events),
        "first_at": first,
        "last_at": last,
    }
