"""Why an event has its verdict: the rules that restricted it, and the exemptions, opt-ins and removals looked at."""

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from store.connection import Store
from store.errors import UsageError
from store.events import EventKey, EventRow, event_of_key
from store.in_force import in_force
from store.instants import format_instant, format_optional
from store.patterns import matches

if TYPE_CHECKING:
    from store.rulebook import Rule
    from store.world import World

# What became of an exemption or opt-in that was looked at.
IN_FORCE = "in force"
NOT_YET = "not yet in force"
ENDED = "ended before"
OTHER_CLASS = "of other data"
OTHER_APP = "for another app"
OTHER_RESOURCE = "for another resource"
# So many opt-ins are told one by one; of more, those in force first.
MOST_TOLD = 20


class Source(NamedTuple):
    """Where a registry record came from: the newest live import that holds it."""

    import_id: int
    file: str
    record_no: int


@dataclass(frozen=True, slots=True)
class LookedAt:
    """An exemption or an opt-in in `[from_at, until_at)`, microseconds UTC, and whether it serves the event.

    Attributes:
        finding: `IN_FORCE`, or why it does not serve.
        pattern: of data classes; of an exemption.
        subject_id, app_id, resource_id: whose opt-in it is, and what it is limited to; None where it is not.
    """

    finding: str
    from_at: int
    until_at: int | None
    source: Source
    pattern: str | None = None
    reason: str | None = None
    subject_id: str | None = None
    app_id: str | None = None
    resource_id: str | None = None


@dataclass(frozen=True, slots=True)
class RuleLookedAt:
    """A rule that restricted a class of the event at its instant, in `[from_at, until_at)`."""

    rule_id: str
    from_at: int
    until_at: int | None
    accepts_opt_in: bool
    accepts_exemption: bool
    basis: str


@dataclass(frozen=True, slots=True)
class ClassVerdict:
    """One data class of an event, settled on its own (DOMAIN, Verdicts).

    Attributes:
        rules: those that restricted it, in rulebook order.
        exemptions: of the app, looked at because every rule accepts exemptions; None: some rule accepts none.
    """

    data_class: str
    verdict: str
    rules: tuple[RuleLookedAt, ...]
    exemptions: tuple[LookedAt, ...] | None


@dataclass(frozen=True, slots=True)
class RemovalLookedAt:
    """A removal of the event's app at or before it, and what followed.

    Attributes:
        counts: the event is after this removal: past the grace, and nothing was granted since.
        lag: from the removal to the event, microseconds.
        in_grace: the event is within the rulebook's `removal_grace`: taken for a late log.
        granted_again_at: the first grant from the removal to the event; None: none.
    """

    removed_at: int
    reason: str | None
    lag: int
    in_grace: bool
    granted_again_at: int | None
    granted_scope: str | None
    source: Source

    @property
    def counts(self) -> bool:
        """Whether the event is after this removal."""
        return not self.in_grace and self.granted_again_at is None


class Holder(NamedTuple):
    """An import that holds the event: as record `record_no` of its file.

    Attributes:
        counts: it is complete and not voided.
        is_owner: its bytes brought the event in; in the others it is a duplicate.
    """

    import_id: int
    file: str
    record_no: int
    counts: bool
    is_owner: bool


@dataclass(frozen=True, slots=True)
class Why:
    """All that decided an event's verdict.

    Attributes:
        classes: of a successful read; empty for a denied one, of which no class is looked at.
        opt_ins: of the event's person, or of anybody where the log names none; those that serve it first.
        opt_ins_serving: how many of all opt-ins serve the event.
        opt_ins_known: how many were looked at.
        looked_at_opt_ins: some class is restricted by rules that all accept opt-ins.
        removals: of its app at or before it, the last one first.
    """

    event: EventRow
    classes: tuple[ClassVerdict, ...]
    looked_at_opt_ins: bool
    opt_ins: tuple[LookedAt, ...]
    opt_ins_serving: int
    opt_ins_known: int
    removals: tuple[RemovalLookedAt, ...]
    holders: tuple[Holder, ...]


_EXEMPTIONS = in_force(
    table="exemptions",
    kind="exemptions",
    which="app = :app",
    columns="v.data_class, v.exempt_from, v.exempt_until, v.reason",
)
_REMOVALS = in_force(table="removals", kind="removals", which="app = :app", columns="v.removed_at, v.reason")
_GRANTS = in_force(table="grants", kind="grants", which="app = :app", columns="v.granted_at, v.scope")
_OPT_INS_OF = in_force(
    table="opt_ins",
    kind="opt_ins",
    which="subject = :subject",
    columns="v.subject, v.opted_in_at, v.opted_out_at, v.app, v.resource",
)
_ANYBODYS_OPT_INS = """
SELECT v.subject, v.opted_in_at, v.opted_out_at, v.app, v.resource, v.version_id FROM live_opt_ins v
WHERE (v.app IS NULL OR v.app = :app) AND (v.resource IS NULL OR v.resource = :resource)
"""
_SOURCE = """
SELECT i.import_id, i.file, h.record_no
FROM holdings h JOIN imports i ON i.import_id = h.content_id
WHERE h.kind = ? AND h.version_id = ? AND h.content_id IN (SELECT content_id FROM live_contents)
ORDER BY h.content_id DESC LIMIT 1
"""
_EVENT_IDS = "SELECT subject, resource FROM access_events WHERE app = ? AND occurred_at = ? AND event_key = ?"
_SUBJECT = "SELECT coalesce(spelling, subject_id) FROM subjects WHERE id = ?"
_RESOURCE = "SELECT resource_id FROM resources WHERE id = ?"
_HOLDERS = """
WITH held AS (
  SELECT e.content_id, e.record_no, 1 AS is_owner FROM access_events e
  WHERE e.app = :app AND e.occurred_at = :occurred_at AND e.event_key = :event_key
  UNION ALL
  SELECT h.content_id, h.record_no, 0 FROM event_holders h
  WHERE h.app = :app AND h.occurred_at = :occurred_at AND h.event_key = :event_key)
SELECT i.import_id, i.file, held.record_no, i.state = 'complete' AND i.voided_at IS NULL, max(held.is_owner)
FROM held JOIN imports i ON i.content_id = held.content_id
GROUP BY i.import_id, held.record_no
ORDER BY i.import_id
"""


def why(store: Store, key: EventKey) -> Why:
    """Why the event of this key has its verdict, under the rulebook's own cut-offs.

    Raises:
        UsageError: there is no such event.
    """
    from store.world import world_of

    with store.reading() as connection:
        world = world_of(store, connection)
        event = event_of_key(connection, world, key)
        if event is None:
            raise UsageError("the event is no longer in the store; look again")
        return _Inquiry(connection, world, event).answer()


class _Inquiry:
    """Looks at everything that decided one event."""

    def __init__(self, connection: sqlite3.Connection, world: "World", event: EventRow) -> None:
        self._connection = connection
        self._world = world
        self._event = event
        self._subject, self._resource = connection.execute(_EVENT_IDS, event.key).fetchone()

    def answer(self) -> Why:
        classes: tuple[ClassVerdict, ...] = ()
        opt_ins: list[LookedAt] = []
        restricting = [self._restricting(name) for name in self._event.data_classes]
        succeeded = self._event.outcome == "success"
        asks_opt_ins = succeeded and any(rules and all(rule.accepts_opt_in for rule in rules) for rules in restricting)
        if asks_opt_ins:
            opt_ins = sorted(self._opt_ins(), key=lambda one: (one.finding != IN_FORCE, one.from_at))
        serving = sum(one.finding == IN_FORCE for one in opt_ins)
        if succeeded:
            exemptions = self._exemptions()
            classes = tuple(
                self._settled(name, rules, exemptions, served=serving > 0)
                for name, rules in zip(self._event.data_classes, restricting, strict=True)
            )
        return Why(
            event=self._event,
            classes=classes,
            looked_at_opt_ins=asks_opt_ins,
            opt_ins=tuple(opt_ins[:MOST_TOLD]),
            opt_ins_serving=serving,
            opt_ins_known=len(opt_ins),
            removals=self._removals(),
            holders=tuple(
                Holder(import_id, file, record_no, bool(counts), bool(is_owner))
                for import_id, file, record_no, counts, is_owner in self._connection.execute(
                    _HOLDERS, self._event.key._asdict()
                )
            ),
        )

    def _restricting(self, data_class: str) -> "list[Rule]":
        at = self._event.occurred_at
        return [
            rule
            for rule in self._world.rulebook.rules
            if rule.from_at <= at
            and (rule.until_at is None or at < rule.until_at)
            and rule.is_about(self._event.app_id)
            and rule.restricts(data_class)
        ]

    def _settled(
        self, data_class: str, rules: "Sequence[Rule]", exemptions: Sequence[LookedAt], *, served: bool
    ) -> ClassVerdict:
        """One class on its own."""
        from store.judge import ALLOWED, NO_OPT_IN, OPTED_IN, SOMEBODY_OPTED_IN, VERDICT_NAMES, settle_class

        asks_exemptions = bool(rules) and all(rule.accepts_exemption for rule in rules)
        looked_at = tuple(one if matches(one.pattern or "", data_class) else _other_class(one) for one in exemptions)
        exempt = any(one.finding == IN_FORCE for one in looked_at)
        opt_in = NO_OPT_IN if not served else SOMEBODY_OPTED_IN if self._subject is None else OPTED_IN
        return ClassVerdict(
            data_class,
            VERDICT_NAMES[settle_class(rules, exempt, opt_in) if rules else ALLOWED],
            tuple(
                RuleLookedAt(
                    rule.rule_id, rule.from_at, rule.until_at, rule.accepts_opt_in, rule.accepts_exemption, rule.basis
                )
                for rule in rules
            ),
            looked_at if asks_exemptions else None,
        )

    def _exemptions(self) -> list[LookedAt]:
        rows = self._connection.execute(_EXEMPTIONS, {"app": self._event.key.app}).fetchall()
        return [
            LookedAt(
                finding=self._time(from_at, until_at),
                from_at=from_at,
                until_at=until_at,
                source=self._source("exemptions", version),
                pattern=pattern,
                reason=reason,
            )
            for pattern, from_at, until_at, reason, version in sorted(rows, key=lambda row: (row[1], row[0]))
        ]

    def _opt_ins(self) -> list[LookedAt]:
        app = self._event.key.app
        if self._subject is None:
            given = {"app": app, "resource": self._resource}
            rows = self._connection.execute(_ANYBODYS_OPT_INS, given).fetchall()
        else:
            rows = [
                row
                for subject in sorted(self._same_people())
                for row in self._connection.execute(_OPT_INS_OF, {"subject": subject})
            ]
        found = [
            (self._opt_in_finding(limit_app, limit_resource, from_at, until_at), row)
            for row in rows
            for _, from_at, until_at, limit_app, limit_resource, _ in [row]
        ]
        found.sort(key=lambda one: (one[0] != IN_FORCE, one[1][1]))
        return [self._opt_in(finding, row, told=place < MOST_TOLD) for place, (finding, row) in enumerate(found)]

    def _opt_in(self, finding: str, row: tuple[int, ...], *, told: bool) -> LookedAt:
        subject, from_at, until_at, app, resource, version = row
        return LookedAt(
            finding=finding,
            from_at=from_at,
            until_at=until_at,
            source=self._source("opt_ins", version) if told else Source(0, "", 0),
            subject_id=self._text(_SUBJECT, subject) if told else None,
            app_id=None if app is None else self._world.registry.app_ids[app],
            resource_id=None if resource is None or not told else self._text(_RESOURCE, resource),
        )

    def _same_people(self) -> set[int]:
        aliases = self._world.aliases(self._connection)
        person = aliases.get(self._subject, self._subject)
        return {person, self._subject} | {alias for alias, whose in aliases.items() if whose == person}

    def _opt_in_finding(self, app: int | None, resource: int | None, from_at: int, until_at: int | None) -> str:
        if app is not None and app != self._event.key.app:
            return OTHER_APP
        if resource is not None and resource != self._resource:
            return OTHER_RESOURCE
        return self._time(from_at, until_at)

    def _time(self, from_at: int, until_at: int | None) -> str:
        at = self._event.occurred_at
        if at < from_at:
            return NOT_YET
        return IN_FORCE if until_at is None or at < until_at else ENDED

    def _removals(self) -> tuple[RemovalLookedAt, ...]:
        """Of the app, at or before the event, the last one first."""
        at, app = self._event.occurred_at, self._event.key.app
        grace = self._world.rulebook.removal_grace
        granted = sorted(self._connection.execute(_GRANTS, {"app": app}).fetchall())
        found = []
        for removed_at, reason, version in sorted(self._connection.execute(_REMOVALS, {"app": app}), reverse=True):
            if removed_at > at:
                continue
            again = next((row for row in granted if removed_at <= row[0] <= at), None)
            found.append(
                RemovalLookedAt(
                    removed_at=removed_at,
                    reason=reason,
                    lag=at - removed_at,
                    in_grace=at - removed_at < grace,
                    granted_again_at=None if again is None else again[0],
                    granted_scope=None if again is None else again[1],
                    source=self._source("removals", version),
                )
            )
        return tuple(found)

    def _source(self, kind: str, version: int) -> Source:
        return Source(*self._connection.execute(_SOURCE, (kind, version)).fetchone())

    def _text(self, question: str, number: int) -> str:
        return str(self._connection.execute(question, (number,)).fetchone()[0])


def _other_class(exemption: LookedAt) -> LookedAt:
    from dataclasses import replace

    return replace(exemption, finding=OTHER_CLASS)


def why_document(answer: Why) -> dict[str, object]:
    """Why, as `python -m store event --json` prints it."""
    return {
        "classes": [
            {
                "data_class": one.data_class,
                "verdict": one.verdict,
                "rules": [
                    {
                        "rule": rule.rule_id,
                        "from": format_instant(rule.from_at),
                        "until": format_optional(rule.until_at),
                        "except": [
                            name
                            for name, accepted in (
                                ("opt_in", rule.accepts_opt_in),
                                ("exemption", rule.accepts_exemption),
                            )
                            if accepted
                        ],
                        "basis": rule.basis,
                    }
                    for rule in one.rules
                ],
                "exemptions": None
                if one.exemptions is None
                else [_looked_at_document(each) for each in one.exemptions],
            }
            for one in answer.classes
        ],
        "opt_ins": {
            "looked_at": answer.looked_at_opt_ins,
            "of": "anybody" if answer.event.subject_id is None else "the person",
            "known": answer.opt_ins_known,
            "serving": answer.opt_ins_serving,
            "told": [_looked_at_document(each) for each in answer.opt_ins],
        },
        "removals": [
            {
                "removed_at": format_instant(one.removed_at),
                "reason": one.reason,
                "counts": one.counts,
                "lag": one.lag,
                "in_grace": one.in_grace,
                "granted_again_at": format_optional(one.granted_again_at),
                "granted_scope": one.granted_scope,
                "source": one.source._asdict(),
            }
            for one in answer.removals
        ],
        "holders": [one._asdict() for one in answer.holders],
    }


def _looked_at_document(one: LookedAt) -> dict[str, object]:
    told = {
        "pattern": one.pattern,
        "reason": one.reason,
        "subject_id": one.subject_id,
        "app_id": one.app_id,
        "resource_id": one.resource_id,
    }
    return {
        "finding": one.finding,
        "from": format_instant(one.from_at),
        "until": format_optional(one.until_at),
        **{name: value for name, value in told.items() if value is not None},
        "source": one.source._asdict(),
    }
