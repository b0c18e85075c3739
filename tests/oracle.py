"""A second, slow reading of the domain: plain loops over the raw canonical files, to judge the store by.

It imports neither the store nor the dashboard, only the standard library (tested in `store/test_oracle_hygiene.py`).
Every instant is an int of microseconds UTC, every interval half-open. `oracle_evidence.py` reads the files.

Where the domain's text leaves a choice, this is the reading taken here:

* *after removal*: there is a removal of the app with `removed_at + removal_grace <= occurred_at` and no grant of the
  app in `[removed_at, occurred_at]`; a grant counts as a re-grant even if it was revoked at once. Any removal will do,
  so an older removal still counts while the newest is within its grace.
* A partner's first lag is the smallest time from a removal to an event after it, from the latest removal that counts.
* The qualifier of `after_removal` looks at every event of the range, as that of `accessed` does, so the two are equal.
* An empty range is wholly covered; but where coverage is only inferred, it still is `at_least`.
* Without rules all three ranges are empty, that of *recent* too.
* "A rule accepts opt-ins" asks every rule of the rulebook, also one that a what-if cut-off keeps from ever being in
  force. "Ever imported" asks the files given: a voided import counts nowhere.
* Any unresolved quarantined access event makes `at_least`, whatever its date; quarantined registry records do not.
* With inferred coverage, a day counts as covered by any event before as-of on that UTC day, also by one that happened
  on the day a range begins but before it begins.
* A registry record that ends before it begins is quarantined; one that ends as it begins is in force at no instant.
* A file with the bytes and the kind of an earlier one adds nothing. Otherwise the last record of an identity is in
  force, files in the order given and records in file order.
* An app is known when its record, a grant, an exemption, a removal, a step or an event in force names it; an opt-in
  that is limited to it does not. A partner is known by its own record, by an app's record in force, or by a step.
* An unclaimed app's outside id avoids every partner id that any file ever named, in force, voided or not.
* The data classes of an event are a set: their order and repetition are not content.
* A step counts from its instant on, a bare date from 00:00 UTC of it. Of `audit_passed` and `audit_failed` the later
  one stands. A due date is open until a step further along the track is recorded for that app (or the whole partner);
  a passed audit ends the track and leaves nothing due.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from tests.oracle_evidence import Event, Exemption, Incident, Partner, Rulebook, Text, load, printed
from tests.oracle_work import audits

__all__ = ["Incident", "audits", "could_read", "figures", "gaps", "load", "partners", "people", "timeline", "verdict"]

DAY = 86_400_000_000
VERDICTS = ("improper", "undetermined", "allowed_by_opt_in", "allowed_by_exemption", "allowed", "denied")


# --- judging -----------------------------------------------------------------------------------------------------


def holds(from_at: int, until_at: int | None, at: int) -> bool:
    """Whether `at` lies in `[from_at, until_at)`, an interval that may have no end."""
    return from_at <= at and (until_at is None or at < until_at)


def contains(pattern: str, narrower: str) -> bool:
    """Whether everything that `narrower` (a name or a pattern) stands for is in `pattern` too."""
    if pattern in ("*", narrower):
        return True
    return pattern.endswith(".*") and narrower.startswith(pattern.removesuffix("*"))


def verdict(event: Event, incident: Incident, rulebook: Rulebook | None = None) -> tuple[str, Text]:
    """The verdict of an event and the id of the rule that decided it."""
    rules = (rulebook or incident.rulebook).rules
    if event.outcome != "success":
        return "denied", None
    settled: list[tuple[str, int]] = []
    for data_class in event.data_classes:
        restricting = [
            order
            for order, rule in enumerate(rules)
            if holds(rule.from_at, rule.until_at, event.occurred_at)
            and rule.is_about(event.app_id)
            and any(contains(pattern, data_class) for pattern in rule.data_classes)
        ]
        if not restricting:
            settled.append(("allowed", -1))
        elif all("exemption" in rules[order].accepts for order in restricting) and is_exempt(
            event, data_class, incident
        ):
            settled.append(("allowed_by_exemption", restricting[0]))
        elif all("opt_in" in rules[order].accepts for order in restricting) and is_opted_in(event, incident):
            settled.append(("undetermined" if event.subject_id is None else "allowed_by_opt_in", restricting[0]))
        else:
            settled.append(("improper", restricting[0]))
    worst = min((verdict_ for verdict_, _ in settled), key=VERDICTS.index)
    if worst == "allowed":
        return worst, None
    return worst, rules[min(order for verdict_, order in settled if verdict_ == worst)].id


def is_exempt(event: Event, data_class: str, incident: Incident) -> bool:
    return any(
        contains(row.pattern, data_class) and holds(row.from_at, row.until_at, event.occurred_at)
        for row in incident.exemptions_of.get(event.app_id, [])
    )


def is_opted_in(event: Event, incident: Incident) -> bool:
    """Whether an opt-in of the subject, or of anybody where the log names none, matches the event."""
    rows = incident.opt_ins if event.subject_id is None else incident.opt_ins_of.get(event.subject_id, [])
    return any(
        row.app_id in (None, event.app_id)
        and row.resource_id in (None, event.resource_id)
        and holds(row.from_at, row.until_at, event.occurred_at)
        for row in rows
    )


def lag_after_removal(event: Event, incident: Incident) -> int | None:
    """Microseconds since the latest removal that makes this an event after removal; None if it is not one."""
    granted = [row.granted_at for row in incident.grants_of.get(event.app_id, [])]
    lags = [
        event.occurred_at - row.removed_at
        for row in incident.removals_of.get(event.app_id, [])
        if row.removed_at + incident.rulebook.removal_grace <= event.occurred_at
        and not any(row.removed_at <= at <= event.occurred_at for at in granted)
    ]
    return min(lags, default=None)


def is_after_removal(event: Event, incident: Incident) -> bool:
    return lag_after_removal(event, incident) is not None


# --- what could be read, and what is logged ----------------------------------------------------------------------


def open_intervals(app_id: str, incident: Incident, rulebook: Rulebook, until: int) -> list[tuple[int, int]]:
    """When the app's grants opened something restricted and no exemption covered it, before `until`: not merged."""
    found: list[tuple[int, int]] = []
    for grant in incident.grants_of.get(app_id, []):
        ends = [until] if grant.revoked_at is None else [until, grant.revoked_at]
        ends += [row.removed_at for row in incident.removals_of.get(app_id, []) if grant.granted_at < row.removed_at]
        for rule in rulebook.rules:
            if not rule.is_about(app_id):
                continue
            start = max(grant.granted_at, rule.from_at)
            end = min(ends if rule.until_at is None else [*ends, rule.until_at])
            for scope_pattern in rulebook.scopes.get(grant.scope, ()):
                for rule_pattern in rule.data_classes:
                    if contains(scope_pattern, rule_pattern):
                        narrower = rule_pattern
                    elif contains(rule_pattern, scope_pattern):
                        narrower = scope_pattern
                    else:
                        continue
                    accepted = incident.exemptions_of.get(app_id, []) if "exemption" in rule.accepts else []
                    found += without(start, end, exemptions_of_all(narrower, accepted))
    return found


def exemptions_of_all(narrower: str, exemptions: Sequence[Exemption]) -> list[tuple[int, int | None]]:
    return [(row.from_at, row.until_at) for row in exemptions if contains(row.pattern, narrower)]


def without(start: int, end: int, holes: Sequence[tuple[int, int | None]]) -> list[tuple[int, int]]:
    """The pieces of `[start, end)` that lie in none of the holes."""
    if start >= end:
        return []
    bounds = {bound for hole in holes for bound in hole if bound is not None and start < bound < end}
    return [
        (left, right)
        for left, right in pairwise(sorted({start, end, *bounds}))
        if not any(holds(hole_from, hole_until, left) for hole_from, hole_until in holes)
    ]


def merged(pieces: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    """The union of intervals, those that touch joined."""
    joined: list[tuple[int, int]] = []
    for left, right in sorted(pieces):
        if joined and left <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(right, joined[-1][1]))
        else:
            joined.append((left, right))
    return joined


def covered_by_source(incident: Incident) -> dict[str, list[tuple[int, int | None]]]:
    sources: dict[str, list[tuple[int, int | None]]] = {}
    for row in incident.coverage:
        sources.setdefault(row.source, []).append((row.from_at, row.until_at))
    return sources


def coverage(incident: Incident, from_at: int | None, as_of: int) -> tuple[int, int, str]:
    """Days that `[from_at, as_of)` touches, how many of them are covered, and on which basis."""
    sources = covered_by_source(incident)
    basis = "imported" if sources else "inferred"
    if from_at is None or from_at >= as_of:
        return 0, 0, basis
    days = range(from_at // DAY, (as_of - 1) // DAY + 1)
    if not sources:
        seen = {event.occurred_at // DAY for event in incident.events if event.occurred_at < as_of}
        return len(days), sum(day in seen for day in days), basis
    covered = 0
    for day in days:
        start, end = max(from_at, day * DAY), min(as_of, (day + 1) * DAY)
        covered += all(not without(start, end, intervals) for intervals in sources.values())
    return len(days), covered, basis


# --- the questions -----------------------------------------------------------------------------------------------


@dataclass
class View:
    """Parameters with the rulebook's defaults filled in, and every event before as-of with its verdict."""

    incident: Incident
    rulebook: Rulebook
    as_of: int
    window_days: int
    cutoff: int | None
    judged: list[tuple[Event, str]]

    @property
    def recent_from(self) -> int:
        return self.as_of - self.window_days * DAY

    def improper(self) -> list[Event]:
        return [event for event, verdict_ in self.judged if verdict_ == "improper"]

    def recent(self) -> list[Event]:
        return [event for event in self.improper() if event.occurred_at >= self.recent_from]

    def after_removal(self) -> list[Event]:
        return [event for event in self.improper() if is_after_removal(event, self.incident)]

    def denied_attempts(self) -> list[Event]:
        return [event for event, name in self.judged if name == "denied" and is_after_removal(event, self.incident)]

    def granted_apps(self) -> set[str]:
        return {
            app
            for app in self.incident.grants_of
            if any(left < right for left, right in open_intervals(app, self.incident, self.rulebook, self.as_of))
        }

    def retained_apps(self) -> set[str]:
        return self.granted_apps() | {event.app_id for event in self.improper()}

    def ungranted_partners(self) -> set[Partner]:
        return self.partners_of(self.retained_apps()) - self.partners_of(self.granted_apps())

    def partners_of(self, apps: Iterable[str]) -> set[Partner]:
        return {self.incident.partner_of_app[app] for app in apps}


def view(incident: Incident, as_of: int | None = None, window: int | None = None, cutoff: int | None = None) -> View:
    rulebook = incident.rulebook.with_cutoff(cutoff)
    until = as_of if as_of is not None else rulebook.as_of
    assert until is not None, "the oracle has no clock: name an as-of, or let the rulebook name it"
    if cutoff not in incident.judged:
        incident.judged[cutoff] = [verdict(event, incident, rulebook)[0] for event in incident.events]
    paired = zip(incident.events, incident.judged[cutoff], strict=True)
    judged = [(event, name) for event, name in paired if event.occurred_at < until]
    window_days = window if window is not None else rulebook.window_days
    return View(incident, rulebook, until, window_days, rulebook.cutoff, judged)


def figures(
    incident: Incident,
    as_of: int | None = None,
    window: int | None = None,
    cutoff: int | None = None,
    today: int | None = None,
    statuses: dict[str, str] | None = None,
) -> dict[str, object]:
    """The figures in the shape of `python -m store figures --json`, without its texts.

    Args:
        today: without it there are no `audits`.
        statuses: outside partner id -> status of every case that somebody acted on.
    """
    seen = view(incident, as_of, window, cutoff)
    begin, rulebook = seen.cutoff, seen.rulebook
    days, covered_days, basis = coverage(incident, begin, seen.as_of)
    granted = {row.scope for row in incident.grants}
    retained, ungranted = seen.partners_of(seen.retained_apps()), seen.ungranted_partners()
    recent_begin = None if begin is None else max(begin, seen.recent_from)
    accessed, recent, after_removal = (
        population(events, incident) | {"data_classes": classes_read(events, seen), "qualifier": qualifier(seen, since)}
        for events, since in (
            (seen.improper(), begin),
            (seen.recent(), recent_begin),
            (seen.after_removal(), begin),
        )
    )
    verdicts = Counter(verdict_ for _, verdict_ in seen.judged)
    cases = {incident.outside_ids[partner]: "open" for partner in retained} | (statuses or {})
    answer: dict[str, object] = {
        "as_of": printed(seen.as_of),
        "cutoff": None if begin is None else printed(begin),
        "window_days": seen.window_days,
        "retained": {
            "partners": len(retained),
            "apps": len(seen.retained_apps()),
            "ungranted_partners": len(ungranted),
        },
        "accessed": accessed,
        "recent": recent,
        "after_removal": after_removal | {"denied_attempts": len(seen.denied_attempts())},
        "verdicts": {name: verdicts[name] for name in VERDICTS},
        "events_from_as_of": sum(event.occurred_at >= seen.as_of for event in incident.events),
        "cases": {status: list(cases.values()).count(status) for status in ("open", "flagged", "cleared")},
        "coverage": {"days": days, "covered_days": covered_days, "basis": basis},
        "qualifier": accessed["qualifier"],
        "quarantined": incident.quarantined_events,
        "unfinished_imports": 0,
        "unmapped_scopes": sorted(granted - rulebook.scopes.keys()) if rulebook.rules else [],
    }
    if today is not None:
        answer |= {"today": printed(today), "audits": audits(incident, today)}
    return answer


def classes_read(events: Sequence[Event], seen: View) -> int:
    classes: set[str] = set()
    for event in events:
        # One reading of a class is enough.
        classes.update(one for one in {*event.data_classes} - classes if is_improper_alone(event, one, seen))
    return len(classes)


def population(events: Sequence[Event], incident: Incident) -> dict[str, object]:
    return {
        "partners": len({incident.partner_of_app[event.app_id] for event in events}),
        "apps": len({event.app_id for event in events}),
        "people": len({event.subject_id for event in events} - {None}),
        "resources": len({event.resource_id for event in events} - {None}),
        "events": len(events),
        "records": sum(event.records for event in events if event.records is not None),
        "events_without_subject": sum(event.subject_id is None for event in events),
        "events_without_records": sum(event.records is None for event in events),
    }


def qualifier(seen: View, from_at: int | None) -> str:
    """How far a figure over `[from_at, as_of)` can be trusted; None is the empty range."""
    incident = seen.incident
    if not all(is_settled(incident, exception) for exception in ("opt_in", "exemption")):
        return "unsettled"
    days, covered_days, basis = coverage(incident, from_at, seen.as_of)
    in_range = [
        (event, name) for event, name in seen.judged if from_at is not None and holds(from_at, None, event.occurred_at)
    ]
    unknown = any(
        name == "undetermined" or (name == "improper" and event.subject_id is None) for event, name in in_range
    )
    if covered_days < days or basis == "inferred" or unknown or incident.quarantined_events:
        return "at_least"
    return "exact"


def is_settled(incident: Incident, exception: str) -> bool:
    """Whether the registry of `opt_in` or `exemption` was declared, or no rule accepts that exception."""
    return f"{exception}s" in incident.declared or not any(
        exception in rule.accepts for rule in incident.rulebook.rules
    )


def recent_coverage(incident: Incident, as_of: int | None, window: int | None, cutoff: int | None) -> tuple[int, int]:
    """Days that the window touches, from the cut-off at the earliest, and how many of them are covered."""
    seen = view(incident, as_of, window, cutoff)
    begin = None if seen.cutoff is None else max(seen.cutoff, seen.recent_from)
    return coverage(incident, begin, seen.as_of)[:2]


def partners(
    incident: Incident, as_of: int | None = None, window: int | None = None, cutoff: int | None = None
) -> dict[str, dict[str, object]]:
    """What the partner list says of every known partner, by outside id."""
    seen = view(incident, as_of, window, cutoff)
    granted, retained = seen.partners_of(seen.granted_apps()), seen.partners_of(seen.retained_apps())
    own_events: dict[Partner, list[Event]] = {}
    for event in seen.improper():
        own_events.setdefault(incident.partner_of_app[event.app_id], []).append(event)
    names = {row.partner_id: row.name for row in incident.partners}
    answer: dict[str, dict[str, object]] = {}
    for partner, apps in incident.apps_of_partner.items():
        own = own_events.get(partner, [])
        told = population(own, incident)
        lags = [lag_after_removal(event, incident) for event in own]
        answer[incident.outside_ids[partner]] = {
            "name": names.get(partner[1], partner[1]) if partner[0] == "partner" else None,
            "claimed": partner[0] == "partner",
            "retained": partner in retained,
            "granted": partner in granted,
            "apps": len(apps),
            "people": told["people"],
            "events": told["events"],
            "resources": told["resources"],
            "records": told["records"],
            "without_subject": told["events_without_subject"],
            "first_at": min((event.occurred_at for event in own), default=None),
            "last_at": max((event.occurred_at for event in own), default=None),
            "recent": sum(event.occurred_at >= seen.recent_from for event in own),
            "after_removal": sum(lag is not None for lag in lags),
            "first_lag": min((lag for lag in lags if lag is not None), default=None),
        }
    return answer


def apps_of(incident: Incident, partner: str | None) -> set[str]:
    """The apps of a partner (outside id), or all apps."""
    return (
        set(incident.partner_of_app) if partner is None else incident.apps_of_partner[incident.partner_named(partner)]
    )


def timeline(incident: Incident, partner: str | None, from_at: int, until_at: int, bins: int) -> list[dict[str, int]]:
    """Events by verdict in each bin, of one partner (outside id) or of all; as-of does not clip."""
    edges = [from_at + i * (until_at - from_at) // bins for i in range(bins + 1)]
    answer = [{"from": left, "until": right, **dict.fromkeys(VERDICTS, 0)} for left, right in pairwise(edges)]
    apps = apps_of(incident, partner)
    for event in incident.events:
        if event.app_id in apps:
            verdict_, _ = verdict(event, incident)
            for one in answer:
                one[verdict_] += holds(one["from"], one["until"], event.occurred_at)
    return answer


def gaps(incident: Incident, from_at: int, until_at: int) -> list[tuple[int, int, str]]:
    """What each source leaves uncovered in `[from_at, until_at)`; where there is none, the days without an event."""
    sources = covered_by_source(incident)
    if not sources:
        seen = {event.occurred_at // DAY for event in incident.events}
        sources = {"inferred": [(day * DAY, (day + 1) * DAY) for day in seen]}
    return sorted(
        (left, right, source)
        for source, intervals in sources.items()
        for left, right in merged(without(from_at, until_at, intervals))
    )


def could_read(incident: Incident, partner: str | None, from_at: int, until_at: int) -> list[tuple[int, int]]:
    """When the partner (outside id), or anybody, could read, within `[from_at, until_at)`."""
    pieces = [
        piece
        for app in apps_of(incident, partner)
        for piece in open_intervals(app, incident, incident.rulebook, until_at)
    ]
    return merged((max(left, from_at), right) for left, right in pieces if right > from_at)


def people(
    incident: Incident, partner: str | None = None, as_of: int | None = None, cutoff: int | None = None
) -> dict[str, dict[str, object]]:
    """Everyone whom an improper event before as-of names, by subject id; of one partner (outside id) where given."""
    seen = view(incident, as_of, None, cutoff)
    apps = apps_of(incident, partner)
    by_person: dict[str, list[Event]] = {}
    for event in seen.improper():
        if event.subject_id is not None and event.app_id in apps:
            by_person.setdefault(event.subject_id, []).append(event)
    answer: dict[str, dict[str, object]] = {}
    for person, events in by_person.items():
        told = population(events, incident)
        answer[person] = {name: told[name] for name in ("partners", "apps", "events", "resources")} | {
            "data_classes": sorted({one for event in events for one in improper_classes(event, seen)}),
            "first_at": min(event.occurred_at for event in events),
            "last_at": max(event.occurred_at for event in events),
        }
    return answer


def improper_classes(event: Event, seen: View) -> list[str]:
    """The data classes of an event that are improper, each judged as if it were the only one."""
    return [one for one in event.data_classes if is_improper_alone(event, one, seen)]


def is_improper_alone(event: Event, data_class: str, seen: View) -> bool:
    """Whether an event would be improper if it carried this data class alone."""
    return verdict(replace(event, data_classes=(data_class,)), seen.incident, seen.rulebook)[0] == "improper"
