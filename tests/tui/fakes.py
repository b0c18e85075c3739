"""An incident in memory: what the store would answer, small and known, so that screens can be tested without one."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from store import (
    audits,
    cases,
    claims,
    conflicts,
    figures,
    ledger,
    partners,
    read_classes,
    rulebook,
    samples,
    shape,
    timeline,
)
from store.audits import Track
from store.cases import Case, Done
from store.conflicts import CaseChanges, CaseState, Conflict
from store.figures import Figures
from store.instants import MICROSECONDS_PER_DAY, parse_point
from store.kept import Population
from store.parameters import Parameters
from store.partners import PartnerRow
from store.shape import Statement
from store.timeline import Band, Bin, Gap, Marker, RangeFigures, SourceCoverage, Timeline, Week
from store.words import VERDICTS as VERDICT_WORDS
from tui.app import OverscopeApp
from tui.screens import step_deeds

CUTOFF = parse_point("2018-04-04")
AS_OF = parse_point("2019-11-05")
TODAY = parse_point("2020-01-20")
NASTY = "[@click=app.quit]boom[/nope] \x1b]52;c;aGk=\x07"


def row(partner: int, name: str, **changes: Any) -> PartnerRow:
    """A partner that kept access and read nothing, but for the changes."""
    base = PartnerRow(
        partner=partner,
        partner_id=f"p-{partner:04}",
        name=name,
        claimed=True,
        retained=True,
        granted=True,
        apps=1,
        people=0,
        events=0,
        resources=0,
        records=0,
        first_at=None,
        last_at=None,
        recent=0,
        after_removal=0,
        first_lag=None,
        without_subject=0,
        status="open",
        grounds=None,
        override=False,
        stage="none",
        track="-------",
        due=None,
        overdue=False,
        assignee=None,
        version=0,
        search="",
    )
    filled = base._replace(**changes)
    return filled._replace(search=f"{filled.name}\n{filled.partner_id}\n{changes.get('search', '')}".casefold())


def usual_rows() -> list[PartnerRow]:
    """Twelve partners in the order of attention, like the drawing in the design."""
    day = parse_point
    return [
        row(1, "Ribbon Social", apps=3, people=12_204, events=37_912, resources=88, recent=300, after_removal=206,
            first_at=day("2018-04-05"), last_at=day("2019-11-03"), status="flagged", stage="deletion_requested",
            track="RND----", due=day("2020-01-04"), overdue=True, version=2, assignee="ana"),
        row(2, "Castaway Live", people=8_110, events=9_000, recent=20, after_removal=3, last_at=day("2019-10-31"),
            first_at=day("2018-05-01"), status="flagged", stage="deletion_certified", track="RNDC---X", version=1),
        row(3, "Qadam Media", apps=2, people=1_377, events=2_000, recent=9, after_removal=1,
            last_at=day("2019-10-29"), status="flagged", stage="deletion_requested", track="RND----?",
            due=day("2020-01-04"), overdue=True, version=1),
        row(4, "Postwright", apps=4, people=6_950, events=7_000, recent=12, last_at=day("2019-10-27"),
            status="flagged", stage="deletion_requested", track="RND----", due=day("2020-01-04"), overdue=True),
        row(5, "Lumen Streams", people=5_021, events=5_100, recent=5, last_at=day("2019-10-26"), status="flagged",
            stage="audit_planned", track="RNDCS--", due=day("2020-01-27")),
        row(6, "GroupPilot", apps=2, people=3_318, events=4_000, recent=4, last_at=day("2019-10-19"),
            stage="deletion_certified", track="RNDC---"),
        row(7, "Halyard", people=2_904, events=3_000, recent=1, last_at=day("2019-10-02"),
            stage="deletion_requested", track="RND----H"),
        row(8, "app 22041", partner_id="app:22041", claimed=False, people=1_233, events=1_300,
            last_at=day("2019-08-14"), stage="access_removed", track="R------"),
        row(9, "動画配信スタジオ", people=310, events=900, last_at=day("2019-03-01"), search="nagare app"),
        row(10, "Moderato", apps=2, status="cleared", grounds="deletion_verified", stage="audit_passed",
            track="RNDCSAV"),
        row(11, "Quiet Harbour", apps=1),
        row(12, "Never Granted", retained=False, granted=False, status=None, apps=1),
    ]  # fmt: skip


def population(rows: Sequence[PartnerRow], qualifier: str = "at_least") -> Population:
    """A population of these partners; people as if none overlapped."""
    return Population(
        partners=len(rows),
        apps=sum(each.apps for each in rows),
        people=sum(each.people for each in rows),
        resources=sum(each.resources for each in rows),
        data_classes=2 if rows else 0,
        events=sum(each.events for each in rows),
        records=0,
        events_without_subject=0,
        events_without_records=0,
        qualifier=qualifier,
    )


def usual_figures(rows: Sequence[PartnerRow], **changes: Any) -> Figures:
    """Figures that agree with the rows."""
    values: dict[str, Any] = {
        "incident": "Groups API member data",
        "as_of": AS_OF,
        "cutoff": CUTOFF,
        "window_days": 60,
        "recent_from": AS_OF - 60 * MICROSECONDS_PER_DAY,
        "today": TODAY,
        "retained_partners": sum(each.retained for each in rows),
        "retained_apps": sum(each.apps for each in rows if each.retained),
        "ungranted_partners": 0,
        "accessed": population([each for each in rows if each.events]),
        "recent": population([each for each in rows if each.recent], "exact"),
        "after_removal": population([each for each in rows if each.after_removal]),
        "denied_attempts": 23,
        "after_removal_first_lag": 4 * 3600 * 1_000_000,
        "verdicts": {"improper": 70_000, "allowed": 9, "undetermined": 310, "denied": 40},
        "events_from_as_of": 12,
        "cases": {status: sum(each.status == status for each in rows) for status in cases.STATUSES},
        "audits": {
            **{stage: sum(each.stage == stage for each in rows) for stage in ("none", *audits.TRACK[:6])},
            "passed": sum(each.stage == "audit_passed" for each in rows),
            "failed": sum(each.stage == "audit_failed" for each in rows),
            "overdue": sum(each.overdue for each in rows),
            "contradicted": 1,
        },
        "coverage_days": 580,
        "covered_days": 569,
        "recent_days": 60,
        "recent_covered_days": 60,
        "coverage_basis": "imported",
        "quarantined": 212,
        "unfinished_imports": 0,
        "settled_opt_ins": True,
        "settled_exemptions": True,
        "unmapped_scopes": (),
        "qualifier": "at_least",
        "caveats": ("11 of 580 days not logged by gateway",),
        "sentence": "11 partners kept access between 2018-04-04 and 2019-11-04 UTC.",
    }
    return Figures(**{**values, **changes})


@dataclass
class FakeStore:
    """Stands in for `Store`: only what the app itself touches."""

    read_only: bool = False
    remark: str = ""
    notices: tuple[str, ...] = ()
    path: Path = Path("fake.db")
    token: tuple[int, int] = (1, 1)
    interrupts: int = 0

    def interrupt(self) -> None:
        self.interrupts += 1

    def change_token(self) -> tuple[int, int]:
        return self.token

    def check_file(self) -> None:
        return None


@dataclass
class FakeIncident:
    """The answers, and a record of what was asked and done.

    Attributes:
        deeds: (verb, partners, arguments) of every action, in order.
        refusal: raised by the next action instead of doing it.
        ends: what is still open about partners, by internal id.
    """

    rows: list[PartnerRow] = field(default_factory=usual_rows)
    store: FakeStore = field(default_factory=FakeStore)
    deeds: list[tuple[str, list[int], dict[str, Any]]] = field(default_factory=list)
    asked: list[tuple[str, int | None]] = field(default_factory=list)
    refusal: Exception | None = None
    figures: Figures | None = None
    ends: dict[int, tuple[str, ...]] = field(default_factory=dict)

    def do(self, verb: str, partners: Sequence[int], arguments: dict[str, Any]) -> Done:
        if self.refusal is not None:
            refusal, self.refusal = self.refusal, None
            raise refusal
        self.deeds.append((verb, list(partners), arguments))
        seq = 411 + len(self.deeds)
        if verb == "flag":
            self.rows = [
                each._replace(status="flagged", version=each.version + 1) if each.partner in partners else each
                for each in self.rows
            ]
        return Done((seq,), f"batch-{seq}", f"#{seq} 14:02Z ana: {verb} {len(partners)}")

    def case(self, partner: int) -> Case:
        (found,) = (each for each in self.rows if each.partner == partner)
        return Case(
            partner, found.partner_id, found.status or "open", found.grounds, found.assignee, found.version, None
        )

    def conflict(self, seen: Mapping[int, int]) -> Conflict:
        """Every case that is not at the version expected, as if bo had flagged it."""
        rows = [each for each in self.rows if each.partner in seen and each.version != seen[each.partner]]
        now = [
            CaseState(each.status or "open", each.grounds, each.override, each.assignee, each.stage, each.version)
            for each in rows
        ]
        changed = tuple(
            CaseChanges(each.partner, each.partner_id, each.name, replace(state, status="open"), state, (), 0)
            for each, state in zip(rows, now, strict=True)
        )
        versions = {each.partner: each.version for each in self.rows if each.partner in seen}
        return Conflict(changed[:3], len(changed[3:]), versions)

    def timeline(self, partner: int | None, from_at: int, until_at: int, bins: int) -> Timeline:
        self.asked.append(("timeline", partner))
        edges = [from_at + place * (until_at - from_at) // bins for place in range(bins + 1)]
        counts = [max(0, 2_000 - 40 * place) if edges[place] >= CUTOFF else 0 for place in range(bins)]
        return Timeline(
            from_at,
            until_at,
            tuple(
                Bin(edges[place], edges[place + 1], counts[place], 300 if edges[place] < CUTOFF else 20, 0, 0, 3, 1)
                for place in range(bins)
            ),
            tuple(
                marker
                for marker in (
                    Marker(CUTOFF, "rule", "rule"),
                    Marker(parse_point("2019-10-28"), "removal", "access removed", partner),
                )
                if from_at <= marker.at < until_at
            ),
            (Gap(parse_point("2018-11-03"), parse_point("2018-11-14"), "gateway"),),
            ((CUTOFF, parse_point("2019-10-28")),),
            ((CUTOFF, until_at),) if until_at > CUTOFF else (),
            (SourceCoverage("gateway", "imported", ((from_at, until_at),)),),
        )

    def markers(self, partner: int | None, from_at: int, until_at: int) -> tuple[tuple[Marker, ...], int]:
        whole = self.timeline(partner, from_at, until_at, 1)
        return whole.markers, whole.markers_left_out

    def bands(self, partners: Sequence[int], from_at: int, until_at: int, bins: int) -> tuple[Band, ...]:
        """Each partner's row: the first one's as its timeline, the others with less."""
        self.asked.append(("bands", partners[0] if partners else None))
        rows = []
        for place, partner in enumerate(partners):
            (found,) = (each for each in self.rows if each.partner == partner)
            whole = self.timeline(partner, from_at, until_at, bins)
            less = tuple(row._replace(improper=row.improper // (place + 1)) for row in whole.bins)
            own = tuple(marker._replace(partner=partner) for marker in whole.markers if marker.kind == "removal")
            rows.append(Band(partner, found.name, less, own))
        return tuple(rows)

    def weeks(self) -> tuple[Week, ...]:
        """Every week since the rule, fewer each time; none in the weeks that are not logged."""
        self.asked.append(("weeks", None))
        week = 7 * MICROSECONDS_PER_DAY
        found = []
        for place, start in enumerate(range(CUTOFF, AS_OF, week)):
            missing = 7 if place in (31, 32) else 0
            partners = 0 if missing else 60 - place // 2
            end = min(start + week, AS_OF)
            days = (end - start) // MICROSECONDS_PER_DAY
            found.append(Week(start, end, partners, 40 * partners, 90 * partners, days, days - missing))
        return tuple(found)

    def shape(self, partner: int) -> tuple[Statement, ...]:
        """Sentences about any partner, hostile ones too."""
        self.asked.append(("shape", partner))
        return (
            Statement("read", "yes", "37,912 restricted reads of 12,204 people.", CUTOFF, AS_OF, None, "improper"),
            Statement("first_read", "number", "The first was on 2018-04-05.", CUTOFF, CUTOFF + 1, None, "improper"),
            Statement(
                "stopped_after_removal",
                "no",
                "Reading did not stop: 206 restricted reads after the removal of 2019-10-28T00:00:00Z, the soonest "
                f"2 d 04:11 after one, the last on 2019-11-03. {NASTY}",
                parse_point("2019-10-28"),
                AS_OF,
                None,
                "improper",
                after_removal=True,
            ),
            Statement("decreased_over_time", "unclear", "Whether it decreased is unclear.", None, None, None, None),
        )

    def range_figures(self, partner: int | None, from_at: int, until_at: int) -> RangeFigures:
        """The same figures for every range."""
        self.asked.append(("range", partner))
        events = dict.fromkeys(VERDICT_WORDS, 0) | {"improper": 206, "denied": 14}
        return RangeFigures(from_at, until_at, events, 88, 12, 1, 300)

    def track(self, partner: int) -> Track:
        self.asked.append(("track", partner))
        (found,) = (each for each in self.rows if each.partner == partner)
        return Track(
            partner, found.partner_id, found.name, found.stage, found.track, (), {}, {}, "notified", found.due,
            found.overdue, (),
        )  # fmt: skip

    def install(self, patch: pytest.MonkeyPatch) -> None:
        """Answer for the store."""
        patch.setattr(figures, "figures", lambda store, parameters: self.figures or usual_figures(self.rows))
        patch.setattr(claims, "broken_claims", lambda store: ())
        patch.setattr(partners, "partner_list", lambda store, parameters: list(self.rows))
        patch.setattr(partners, "all_partners", lambda store, parameters: list(self.rows))
        patch.setattr(partners, "first_partners", lambda store, parameters: None)
        patch.setattr(timeline, "whole_span", lambda store, partner: (parse_point("2018-01-01"), AS_OF))
        patch.setattr(
            timeline,
            "timeline",
            lambda store, partner, *, from_at, until_at, bins: self.timeline(partner, from_at, until_at, bins),
        )
        patch.setattr(
            timeline,
            "markers",
            lambda store, partner, *, from_at, until_at: self.markers(partner, from_at, until_at),
        )
        patch.setattr(
            timeline,
            "bands",
            lambda store, chosen, *, from_at, until_at, bins: self.bands(chosen, from_at, until_at, bins),
        )
        patch.setattr(shape, "shape_of_access", lambda store, partner, parameters: self.shape(partner))
        patch.setattr(timeline, "weeks_of_all", lambda store, parameters: self.weeks())
        patch.setattr(
            timeline,
            "range_figures",
            lambda store, partner, *, from_at, until_at: self.range_figures(partner, from_at, until_at),
        )
        patch.setattr(ledger, "clock_went_back", lambda store: {})
        patch.setattr(audits, "track", lambda store, partner, *, today: self.track(partner))
        patch.setattr(step_deeds, "loose_ends", lambda store, partner, *, today, passing: self.ends.get(partner, ()))
        patch.setattr(samples, "samples_of", lambda store, partner: [])
        patch.setattr(
            read_classes,
            "read_classes",
            lambda store, partner, parameters: ("group.member.name", "group.member.picture"),
        )
        patch.setattr(rulebook, "current_rulebook", lambda store: rulebook.Rulebook(sha256="3f2a" * 16))
        patch.setattr(conflicts, "conflict", lambda store, seen: self.conflict(seen))
        patch.setattr(cases, "case", lambda store, partner: self.case(partner))
        for module, verbs in (
            (cases, ("flag", "clear", "reopen", "add_note", "assign")),
            (audits, ("record_step",)),
        ):
            for verb in verbs:
                patch.setattr(
                    module,
                    verb,
                    lambda store, chosen, *, verb=verb, **arguments: self.do(verb, chosen, arguments),
                )
        patch.setattr(cases, "undo", lambda store, **arguments: self.do("undo", [], arguments))
        patch.setattr(cases, "redo", lambda store, **arguments: self.do("redo", [], arguments))

    def app(self, **options: Any) -> OverscopeApp:
        """The dashboard on these answers."""
        given = {"actor": "ana", "watch": False, **options}
        return OverscopeApp(self.store, Parameters(today=TODAY), **given)  # type: ignore[arg-type]
