"""The figures that depend on evidence and rules alone, of the incident and of each partner, from counts of events."""

import sqlite3
from collections.abc import Collection

import numpy as np

from store.able import able_apps, unmapped_scopes
from store.columns import distinct
from store.counting import counts_of
from store.coverage import Coverage, coverage, describe_days
from store.judge import VERDICT_NAMES
from store.kept import Evidence, PartnerFigures, Population
from store.parameters import View
from store.roster import known_partners, owners
from store.segments import Column
from store.tallies import COUNTED, INSTANTS, NO_INSTANT, Counts, Members, PartnerCounts, instant_or_none
from store.words import count_words
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
        counts: over the view's events; whichever way of counting suits where none is given.
    """

    def __init__(self, connection: sqlite3.Connection, world: World, view: View, counts: Counts | None = None) -> None:
        self._connection = connection
        self._world = world
        self._rulebook = world.rulebook
        self._registry = world.registry
        self._view = view
        self._counts = counts_of(connection, world, view) if counts is None else counts
        self._able = able_apps(world, view)
        self._read = self._counts.reading_apps()

    def retained_among(self, partners: Collection[int]) -> set[int]:
        """Those of these partners (internal ids) that kept access."""
        if not partners:
            return set()
        retained = set(self._partners(self._able, self._read).tolist())
        return retained.intersection(partners)

    def members(self) -> Members:
        """Who is in which population."""
        return Members(
            retained=self._partners(self._able, self._read),
            accessed=self._partners(self._read),
            recent=self._partners(self._counts.recently_reading_apps()),
            after_removal=self._partners(self._counts.apps_after_removal()),
        )

    def evidence(self) -> Evidence:
        """The incident's figures."""
        view, counts = self._view, self._counts
        range_from = view.as_of if view.cutoff is None else view.cutoff
        # Days with events stand in for coverage only where no log says that it is complete.
        event_days = [] if self._registry.coverage else counts.event_days()
        whole = coverage(self._registry, event_days, range_from, view.as_of)
        recent_from = max(view.recent_from, range_from)
        window = coverage(self._registry, event_days, recent_from, view.as_of)
        quarantined = quarantined_events(self._connection)
        unsettled = self._unsettled()
        qualifier = self._qualifier(unsettled, whole, quarantined, range_from)
        accessed = counts.accessed()._replace(qualifier=qualifier)
        verdicts = dict(zip(VERDICT_NAMES, counts.verdicts(), strict=True))
        unmapped = unmapped_scopes(self._world)
        able, retained = self._partners(self._able), self._partners(self._able, self._read)
        return Evidence(
            retained_partners=len(retained),
            retained_apps=len(distinct(np.concatenate((self._able, self._read)))),
            ungranted_partners=len(retained) - len(able),
            accessed=accessed,
            recent=counts.recent()._replace(qualifier=self._qualifier(unsettled, window, quarantined, recent_from)),
            after_removal=counts.after_removal()._replace(qualifier=qualifier),
            denied_attempts=counts.denied_attempts(),
            first_lag=counts.first_lag(),
            verdicts=verdicts,
            events_from_as_of=counts.events_from_as_of(),
            whole=whole,
            window=window,
            quarantined=quarantined,
            settled_opt_ins="opt_ins" not in unsettled,
            settled_exemptions="exemptions" not in unsettled,
            unmapped_scopes=unmapped,
            grants_known=self._registry.grants_known,
            removals_known=self._registry.removals_known,
            caveats=self._caveats(whole, unsettled, unmapped, accessed, quarantined, verdicts["undetermined"]),
        )

    def _partners(self, *apps: Column) -> Column:
        """The partners of apps, internal ids, ascending."""
        return distinct(owners(self._world)[np.concatenate(apps)])

    def _unsettled(self) -> tuple[str, ...]:
        rules, registry = self._rulebook.rules, self._registry
        lacking = []
        if any(rule.accepts_opt_in for rule in rules) and not registry.opt_ins_declared:
            lacking.append("opt_ins")
        if any(rule.accepts_exemption for rule in rules) and not registry.exemptions_declared:
            lacking.append("exemptions")
        return tuple(lacking)

    def _qualifier(self, unsettled: tuple[str, ...], logged: Coverage, quarantined: int, range_from: int) -> str:
        if unsettled:
            return "unsettled"
        counts = self._counts
        if not logged.is_complete or quarantined:
            return "at_least"
        return "at_least" if counts.undetermined_since(range_from) or counts.nobody_since(range_from) else "exact"

    def _caveats(
        self,
        whole: Coverage,
        unsettled: tuple[str, ...],
        unmapped: tuple[str, ...],
        accessed: Population,
        quarantined: int,
        undetermined: int,
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
            lacking = f"{count_words(days)} of {count_words(whole.days)} days not logged by {source}"
            found.append(f"{lacking} ({where})" if where else lacking)
        if whole.basis == "inferred" and self._rulebook.rules:
            found.append(
                f"coverage is only inferred: {count_words(whole.covered_days)} of {count_words(whole.days)} days"
                " have events, no log says that it is complete"
            )
        if undetermined:
            found.append(f"{undetermined:,} reads name no person while somebody's opt-in was in force: undetermined")
        if accessed.events_without_subject:
            found.append(f"{accessed.events_without_subject:,} restricted reads name no person")
        if accessed.events_without_records:
            found.append(f"{accessed.events_without_records:,} restricted reads do not say how many records")
        if quarantined:
            found.append(f"{quarantined:,} quarantined records are not resolved")
        if unmapped:
            found.append(f"scopes that the rulebook does not map, and that cover nothing: {', '.join(unmapped)}")
        return tuple(found)

    def partner_rows(self) -> list[PartnerFigures]:
        """Every known partner's figures, by internal id."""
        roster = known_partners(self._connection, self._world)
        columns = self.partner_columns(np.array([line.partner for line in roster], dtype=np.int64))
        plain: dict[str, list[int]] = {name: column.tolist() for name, column in columns.numbers.items()}
        return [
            PartnerFigures(
                partner=line.partner,
                partner_id=line.partner_id,
                name=line.name,
                claimed=line.claimed,
                retained=bool(plain["retained"][place]),
                granted=bool(plain["granted"][place]),
                apps=line.apps,
                people=plain["people"][place],
                events=plain["events"][place],
                resources=plain["resources"][place],
                records=columns.records[place],
                first_at=instant_or_none(plain["first_at"][place]),
                last_at=instant_or_none(plain["last_at"][place]),
                recent=plain["recent"][place],
                after_removal=plain["after_removal"][place],
                first_lag=instant_or_none(plain["first_lag"][place]),
                without_subject=plain["without_subject"][place],
                app_names=line.app_names,
            )
            for place, line in enumerate(roster)
        ]

    def partner_columns(self, partners: Column) -> PartnerCounts:
        """What this view says of these partners (internal ids, ascending)."""
        tallies = self._counts.tallies()
        places = np.searchsorted(partners, tallies.partner)
        numbers = {
            "retained": _held(partners, self._partners(self._able, self._read)),
            "granted": _held(partners, self._partners(self._able)),
        }
        for name in COUNTED:
            numbers[name] = np.full(len(partners), NO_INSTANT if name in INSTANTS else 0, dtype=np.int64)
            numbers[name][places] = getattr(tallies, name)
        records = [0] * len(partners)
        for place, total in zip(places.tolist(), tallies.records, strict=True):
            records[place] = total
        return PartnerCounts(numbers, records)


def _held(numbers: Column, some: Column) -> Column:
    """1 for each of these internal ids that is one of some, else 0."""
    marks = np.zeros(1 + max(int(numbers.max(initial=0)), int(some.max(initial=0))), dtype=np.int64)
    marks[some] = 1
    return marks[numbers]
