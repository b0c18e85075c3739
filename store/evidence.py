"""The figures that depend on evidence and rules alone, of the incident and of each partner, from the columns."""

import sqlite3
from typing import NamedTuple

import numpy as np

from store.columns import Mask, distinct, distinct_within, numbered
from store.coverage import Coverage, coverage, describe_days
from store.facts import removal_lag
from store.instants import MICROSECONDS_PER_DAY
from store.judge import DENIED, IMPROPER, UNDETERMINED, VERDICT_NAMES
from store.kept import Evidence, PartnerFigures, Population
from store.names import partner_names, worked_on
from store.parameters import View
from store.reach import Reach, scope_patterns
from store.segments import Column
from store.world import World

_QUARANTINED = """
SELECT count(*) FROM quarantine
WHERE resolved_at IS NULL AND (kind IS NULL OR kind = 'access_events')
  AND content_id IN (SELECT content_id FROM live_contents)
"""


def quarantined_events(connection: sqlite3.Connection) -> int:
    """Unresolved quarantined records of live imports that are, or may be, access events."""
    (count,) = connection.execute(_QUARANTINED).fetchone()
    return int(count)


class Assessment:
    """One state of the evidence judged under one view, ready to be counted.

    Args:
        connection: for names and work, in the snapshot that the world is of.
    """

    def __init__(self, connection: sqlite3.Connection, world: World, view: View) -> None:
        self._connection = connection
        self._rulebook = world.rulebook
        self._registry = world.registry
        self._columns = world.columns(connection)
        self._view = view
        what_if = view.what_if_cutoff
        verdicts = world.verdicts(connection) if what_if is None else world.judge(self._columns, cutoff=what_if)
        self.verdicts = verdicts
        self._verdict = verdicts.verdict
        self._before = self._columns.occurred_at < view.as_of
        self._improper = (self._verdict == IMPROPER) & self._before
        self._partner_of = np.zeros(max(self._registry.app_ids, default=0) + 1, dtype=np.int64)
        for app, partner in self._registry.partner_of.items():
            self._partner_of[app] = partner
        reach = Reach(world.rulebook, self._registry, cutoff=what_if)
        self._able = {app for app in self._registry.grants if reach.could_read_before(app, view.as_of)}
        self._read = set(distinct(self._columns.app[self._improper]).tolist())

    def retained_partners(self) -> set[int]:
        """The partners that kept access, by internal id."""
        return self._partners(self._able | self._read)

    def improper_events(self, partner: int | None) -> Column:
        """The places in the columns of the improper events before as-of: all, or one partner's (internal id)."""
        mine = self._improper
        if partner is not None:
            mine = mine & (self._partner_of[self._columns.app] == partner)
        return np.nonzero(mine)[0]

    def evidence(self) -> Evidence:
        """The incident's figures."""
        view, columns = self._view, self._columns
        range_from = view.as_of if view.cutoff is None else view.cutoff
        # Days with events stand in for coverage only where no log says that it is complete.
        inferred = columns.occurred_at[self._before & (not self._registry.coverage)]
        event_days = np.unique(inferred // MICROSECONDS_PER_DAY).tolist()
        whole = coverage(self._registry, event_days, range_from, view.as_of)
        recent_from = max(view.recent_from, range_from)
        window = coverage(self._registry, event_days, recent_from, view.as_of)
        in_window = columns.occurred_at >= view.recent_from
        quarantined = quarantined_events(self._connection)
        unsettled = self._unsettled()
        accessed = self._count(self._improper, self._qualifier(unsettled, whole, quarantined, range_from))
        after = self._improper & columns.after
        lags = self._lag(after)
        totals = np.bincount(self._verdict[self._before], minlength=len(VERDICT_NAMES))
        unmapped = self._unmapped_scopes()
        retained = self._able | self._read
        able_partners, retained_partners = self._partners(self._able), self._partners(retained)
        return Evidence(
            retained_partners=len(retained_partners),
            retained_apps=len(retained),
            ungranted_partners=len(retained_partners - able_partners),
            accessed=accessed,
            recent=self._count(
                self._improper & in_window, self._qualifier(unsettled, window, quarantined, recent_from)
            ),
            after_removal=self._count(after, accessed.qualifier),
            denied_attempts=int(((self._verdict == DENIED) & self._before & columns.after).sum()),
            first_lag=int(lags.min()) if len(lags) else None,
            verdicts={name: int(totals[code]) for code, name in enumerate(VERDICT_NAMES)},
            events_from_as_of=int(len(columns) - self._before.sum()),
            whole=whole,
            window=window,
            quarantined=quarantined,
            settled_opt_ins="opt_ins" not in unsettled,
            settled_exemptions="exemptions" not in unsettled,
            unmapped_scopes=unmapped,
            caveats=self._caveats(whole, unsettled, unmapped, accessed, quarantined),
        )

    def _partners(self, apps: set[int]) -> set[int]:
        return {self._registry.partner_of[app] for app in apps}

    def _unsettled(self) -> tuple[str, ...]:
        rules, registry = self._rulebook.rules, self._registry
        lacking = []
        if any(rule.accepts_opt_in for rule in rules) and not registry.opt_ins_declared:
            lacking.append("opt_ins")
        if any(rule.accepts_exemption for rule in rules) and not registry.exemptions_declared:
            lacking.append("exemptions")
        return tuple(lacking)

    def _unmapped_scopes(self) -> tuple[str, ...]:
        if not self._rulebook.rules:
            return ()
        grants = {grant.scope: grant for grants in self._registry.grants.values() for grant in grants}
        return tuple(sorted(scope for scope, grant in grants.items() if scope_patterns(self._rulebook, grant) is None))

    def _qualifier(self, unsettled: tuple[str, ...], logged: Coverage, quarantined: int, range_from: int) -> str:
        if unsettled:
            return "unsettled"
        columns = self._columns
        in_range = self._before & (columns.occurred_at >= range_from)
        undetermined = bool(((self._verdict == UNDETERMINED) & in_range).any())
        nobody = bool((self._improper & in_range & (columns.subject == 0)).any())
        if not logged.is_complete or undetermined or nobody or quarantined:
            return "at_least"
        return "exact"

    def _count(self, mask: Mask, qualifier: str) -> Population:
        columns = self._columns
        apps = distinct(columns.app[mask])
        subject, resource, records = columns.subject[mask], columns.resource[mask], columns.records[mask]
        known = records >= 0
        return Population(
            partners=len(np.unique(self._partner_of[apps])) if len(apps) else 0,
            apps=len(apps),
            people=_distinct(subject),
            resources=_distinct(resource),
            events=len(subject),
            records=_exact_sum(records[known]),
            events_without_subject=int((subject == 0).sum()),
            events_without_records=int((~known).sum()),
            qualifier=qualifier,
        )

    def _lag(self, events: Mask | Column) -> Column:
        columns, grace = self._columns, self._rulebook.removal_grace
        return removal_lag(columns.app[events], columns.occurred_at[events], self._registry, grace=grace)

    def _caveats(
        self,
        whole: Coverage,
        unsettled: tuple[str, ...],
        unmapped: tuple[str, ...],
        accessed: Population,
        quarantined: int,
    ) -> tuple[str, ...]:
        found = []
        if not self._rulebook.rules:
            found.append("the rulebook has no rules: everything is judged allowed")
        if "opt_ins" in unsettled:
            found.append("a rule accepts opt-ins and none were ever imported: the counts could be too high")
        if "exemptions" in unsettled:
            found.append("a rule accepts exemptions and none were ever imported: the counts could be too high")
        for source, days in whole.missing.items():
            where = describe_days(whole.uncovered) if len(whole.missing) == 1 else ""
            found.append(f"{days} of {whole.days} days not logged by {source}" + (f" ({where})" if where else ""))
        if whole.basis == "inferred" and self._rulebook.rules:
            found.append(
                f"coverage is only inferred: {whole.covered_days} of {whole.days} days have events, "
                "no log says that it is complete"
            )
        undetermined = int(((self._verdict == UNDETERMINED) & self._before).sum())
        if undetermined:
            found.append(f"{undetermined} reads name no person while somebody's opt-in was in force: undetermined")
        if accessed.events_without_subject:
            found.append(f"{accessed.events_without_subject} restricted reads name no person")
        if accessed.events_without_records:
            found.append(f"{accessed.events_without_records} restricted reads do not say how many records")
        if quarantined:
            found.append(f"{quarantined} quarantined records are not resolved")
        if unmapped:
            found.append(f"scopes that the rulebook does not map, and that cover nothing: {', '.join(unmapped)}")
        return tuple(found)

    def partner_rows(self) -> list[PartnerFigures]:
        """Every known partner's figures, by internal id."""
        registry = self._registry
        names = partner_names(self._connection)
        known = self._known_apps()
        apps_of: dict[int, list[int]] = {}
        for app in sorted(known):
            apps_of.setdefault(registry.partner_of[app], []).append(app)
        able, retained = self._partners(self._able), self._partners(self._able | self._read)
        tallies = self._tally()
        kept = worked_on(self._connection)
        rows = []
        for partner, name in sorted(names.items()):
            if not name.claimed and partner not in apps_of and partner not in kept:
                continue
            tally = tallies.get(partner, _NOTHING)
            searched = [part for app in apps_of.get(partner, ()) for part in self._called(app)]
            rows.append(
                PartnerFigures(
                    partner=partner,
                    partner_id=name.partner_id,
                    name=name.name,
                    claimed=name.claimed,
                    retained=partner in retained,
                    granted=partner in able,
                    apps=len(apps_of.get(partner, ())),
                    **tally._asdict(),
                    app_names="\n".join(searched),
                )
            )
        return rows

    def _called(self, app: int) -> tuple[str, ...]:
        app_id = self._registry.app_ids[app]
        name = self._registry.app_names.get(app)
        return (app_id,) if name in (None, app_id) else (str(name), app_id)

    def _known_apps(self) -> set[int]:
        registry = self._registry
        seen = set(distinct(self._columns.app).tolist())
        return set(registry.app_names) | seen | set(registry.grants) | set(registry.removals) | set(registry.exemptions)

    def _tally(self) -> "dict[int, _Tally]":
        """Each reading partner's counts over its improper events."""
        columns = self._columns
        places = np.nonzero(self._improper)[0]
        if not len(places):
            return {}
        partners, which = numbered(self._partner_of[columns.app[places]])
        size = len(partners)
        times, records = columns.occurred_at[places], columns.records[places]
        after = columns.after[places]
        first = np.full(size, np.iinfo(np.int64).max)
        last = np.full(size, np.iinfo(np.int64).min)
        np.minimum.at(first, which, times)
        np.maximum.at(last, which, times)
        lag = np.full(size, np.iinfo(np.int64).max)
        late = places[after]
        np.minimum.at(lag, which[after], self._lag(late))
        events = np.bincount(which, minlength=size)
        people = distinct_within(which, columns.subject[places], size)
        resources = distinct_within(which, columns.resource[places], size)
        total = _sums_within(which, np.maximum(records, 0), size)
        recent = np.bincount(which[times >= self._view.recent_from], minlength=size)
        removed = np.bincount(which[after], minlength=size)
        nobody = np.bincount(which[columns.subject[places] == 0], minlength=size)
        return {
            int(partner): _Tally(
                people=int(people[place]),
                events=int(events[place]),
                resources=int(resources[place]),
                records=total[place],
                first_at=int(first[place]),
                last_at=int(last[place]),
                recent=int(recent[place]),
                after_removal=int(removed[place]),
                first_lag=int(lag[place]) if removed[place] else None,
                without_subject=int(nobody[place]),
            )
            for place, partner in enumerate(partners)
        }


class _Tally(NamedTuple):
    people: int
    events: int
    resources: int
    records: int
    first_at: int | None
    last_at: int | None
    recent: int
    after_removal: int
    first_lag: int | None
    without_subject: int


_NOTHING = _Tally(0, 0, 0, 0, None, None, 0, 0, None, 0)


def _distinct(ids: Column) -> int:
    """How many different ids there are; 0 is none."""
    return int(np.count_nonzero(np.bincount(ids, minlength=1)[1:]))


def _exact_sum(values: Column) -> int:
    """The sum, beyond 63 bits where it must be."""
    if len(values) and int(values.max()) > (2**62) // len(values):
        return sum(values.tolist())
    return int(values.sum())


def _sums_within(which: Column, values: Column, size: int) -> list[int]:
    """For each group, the exact sum of its values."""
    if len(values) and int(values.max()) > (2**62) // len(values):
        sums = [0] * size
        for group, value in zip(which.tolist(), values.tolist(), strict=True):
            sums[group] += value
        return sums
    totals = np.zeros(size, dtype=np.int64)
    np.add.at(totals, which, values)
    return [int(total) for total in totals]
