"""Random small incidents, drawn from a seed: folders of canonical files and a rulebook, full of coincidences.

Every instant is drawn from a dozen that one incident shares, so that events fall exactly on the bounds of rules,
grants, opt-ins, exemptions, removals, coverage and questions. Only the standard library; all instants are microseconds
UTC. `TALLIES` names what a run over many seeds must have met; each draft counts what it holds.
"""

import json
import random
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

from tests.incident_files import Row, write_file

DAY = 86_400_000_000
HOUR = DAY // 24
FIRST = 17_956 * DAY  # 2019-03-01
LAST = FIRST + 10 * DAY

CLASSES = ("g.m", "g.m.name", "g.m.pic", "g.post", "mail.item")
PATTERNS = ("*", "g.*", "g.m.*", "g.m.*", "g.m.name", "g.m", "mail.*", "mail.item")
SCOPES = {
    "all": ["*"],
    "groups": ["g.*"],
    "members": ["g.m.*"],
    "name": ["g.m.name", "g.post"],
    "mail": ["mail.*"],
    "bare": ["g.m"],
    "nothing": [],
}
APPS = ("a1", "a2", "a3", "a4", "A1", "App@Maker.example")
PARTNERS = ("p1", "p2", "P1", "app:a3", "app:app:a3", "Desk@Partner.example")
SUBJECTS = ("s1", "s2", "S1", "Ann@Example.org", "aNN@example.ORG", "bo@example.org")
RESOURCES = ("r1", "r2", "R1")
TRACK = ("access_removed", "notified", "deletion_requested", "deletion_certified", "audit_planned", "audit_started")

TALLIES = (
    *(
        "no rules",
        "one rule",
        "overlapping rules",
        "rule with until",
        "rule limited to apps",
        "rule without exceptions",
    ),
    *("event at rule from", "event at rule until", "event at opted_in_at", "event at opted_out_at"),
    *("event at exempt_from", "event at exempt_until", "event at granted_at", "event at removed_at"),
    *(
        "event at as_of",
        "event at window start",
        "event at what-if cutoff",
        "cutoff inside a day",
        "as_of inside a day",
    ),
    *("opt-in limited to app", "opt-in limited to resource", "opt-in limited to both", "opt-in unlimited"),
    *("exemption by pattern", "exemption with until", "subject missing", "resource missing", "records missing"),
    *("removal and grant at one instant", "grant with revoked_at", "unmapped scope", "grant wider than a rule"),
    *("grant narrower than a rule", "two sources of coverage", "coverage of part of a day", "removal grace"),
    *("opt_ins absent", "opt_ins header only", "opt_ins with rows", "exemptions absent", "exemptions header only"),
    *("exemptions with rows", "coverage absent", "coverage header only", "coverage with rows", "apps absent"),
    *("bad outcome", "bad date", "bad registry row", "several data classes", "duplicate with event_id"),
    *("duplicate without event_id", "equal records in one file", "app without partner", "partner named app:"),
    *("denied", "error", "empty outcome", "mail address in mixed case", "conflict of event_id", "registry update"),
    *("jsonl", "gzip", "steps"),
)


@dataclass(frozen=True)
class Question:
    """Parameters of a question; None is the rulebook's own."""

    as_of: int | None
    window: int | None
    cutoff: int | None


@dataclass
class Draft:
    """An incident before it is written.

    Attributes:
        files: file name -> kind and rows, every value spelled as the file will spell it.
        points: the instants everything was drawn from.
        order_matters: some record updates or contradicts an earlier one, so files must be read in this order.
    """

    seed: int
    rules_toml: str = ""
    files: dict[str, tuple[str, list[Row]]] = field(default_factory=dict)
    points: list[int] = field(default_factory=list)
    questions: list[Question] = field(default_factory=list)
    order_matters: bool = False
    tallies: Counter[str] = field(default_factory=Counter)

    def write(self, folder: Path, *, shuffled: random.Random | None = None) -> list[Path]:
        """Write the files into a folder, in the order in which they should be read; `shuffled` also moves records."""
        folder.mkdir(parents=True, exist_ok=True)
        written = []
        for name, (kind, rows) in self.files.items():
            kept = rows if shuffled is None else shuffled.sample(rows, len(rows))
            written.append(write_file(folder / name, kind, kept))
        if shuffled is not None:
            shuffled.shuffle(written)
        return written


def draw(seed: int) -> Draft:
    """Draw an incident."""
    return _Artist(seed).draft


class _Artist:
    """Draws one incident; what it drew is in `draft`."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.draft = Draft(seed)
        self.clean = self.random.random() < 0.4  # clean incidents are the ones whose figures can be exact
        self.missing = self.random.choice((0, 0.1)) if self.clean else 0.2
        grid = [FIRST + day * DAY + part for day in range(10) for part in (0, 0, 6 * HOUR, 12 * HOUR, 13 * HOUR + 1)]
        self.draft.points = sorted(self.random.sample(sorted(set(grid)), 9))
        self.rules: list[tuple[int, int | None, list[str]]] = []
        self.bounds: dict[str, set[int]] = {}
        self.read_at: set[int] = set()
        self._rulebook()
        self._registry()
        self._events()
        self._questions()

    def hit(self, tally: str, happened: object = True) -> None:
        assert tally in TALLIES, tally
        self.draft.tallies[tally] += bool(happened)

    def chance(self, probability: float) -> bool:
        return self.random.random() < probability

    def instant(self) -> int:
        """One of the incident's instants, now and then a microsecond beside it."""
        at = self.random.choice(self.draft.points)
        return at + self.random.choice((-1, 1)) if self.chance(0.12) else at

    def interval(
        self, from_bound: str, until_bound: str, endless: float, *, early: bool = False
    ) -> tuple[int, int | None]:
        start, end = sorted((self.random.choice(self.draft.points[:4]) if early else self.instant(), self.instant()))
        self.bounds.setdefault(from_bound, set()).add(start)
        if self.chance(endless):
            return start, None
        self.bounds.setdefault(until_bound, set()).add(end)
        return start, end

    def spell(self, at: int) -> str:
        if self.chance(0.1):
            return str(at)
        zone = UTC if self.chance(0.8) else timezone(timedelta(hours=5, minutes=30))
        text = (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=at)).astimezone(zone).isoformat()
        return text.replace("+00:00", "Z") if self.chance(0.7) else text.replace("T", " ")

    def padded(self, text: str) -> str:
        return f" {text} " if self.chance(0.05) else text

    def subject(self) -> str:
        subject = self.random.choice(SUBJECTS)
        self.hit("mail address in mixed case", "@" in subject and subject != subject.lower())
        return subject

    def spelled(self, row: Row) -> Row:
        """The row with its instants as texts; every other number is one already."""
        return {name: self.spell(value) if isinstance(value, int) else value for name, value in row.items()}

    def add_file(self, kind: str, rows: Sequence[Row]) -> None:
        name = f"{kind}-{len(self.draft.files):02d}"
        ending = self.random.choice(("csv", "csv", "jsonl", "csv.gz", "jsonl.gz")) if rows else "csv"
        self.hit("jsonl", "jsonl" in ending)
        self.hit("gzip", ending.endswith("gz"))
        self.draft.files[f"{name}.{ending}"] = (kind, [self.spelled(row) for row in rows])

    def declare(self, kind: str, rows: list[Row], *, absent: float, header_only: float) -> None:
        """Add the file of a registry kind: absent, a header without rows, or the rows, sometimes in two files."""
        lot = self.random.random()
        if self.clean:
            absent, header_only = 0.0, 0.1
        if lot < absent:
            state = "absent"
        elif lot < absent + header_only or not rows:
            state = "header only"
            self.add_file(kind, [])
        else:
            state = "with rows"
            cut = self.random.randint(1, len(rows)) if self.chance(0.25) else len(rows)
            self.add_file(kind, rows[:cut])
            if cut < len(rows):
                self.add_file(kind, rows[max(cut - 1, 0) :])
        if f"{kind} {state}" in TALLIES:
            self.hit(f"{kind} {state}")

    def update(self, kind: str, rows: Sequence[Row], column: str, value: str | int) -> None:
        """Now and then a later file says something else about a record that an earlier one holds."""
        if not self.chance(0.12) or not any(kept for known, kept in self.draft.files.values() if known == kind):
            return
        self.add_file(kind, [self.random.choice(rows) | {column: value}])
        self.hit("registry update")
        self.draft.order_matters = True

    def _rulebook(self) -> None:
        lines = ["[incident]", f'name = "Incident {self.draft.seed}"', f"window_days = {self.random.randint(1, 5)}"]
        self.as_of = self.instant() if self.chance(0.7) else self.draft.points[-1]
        lines.append(f"as_of = {_toml(self.as_of)}")
        if self.chance(0.1):
            lines.append('removal_grace = "6h"')
            self.hit("removal grace")
        lines.append("[scopes]")
        lines += [f"{scope} = {json.dumps(patterns)}" for scope, patterns in SCOPES.items()]
        count = self.random.choice((0, 1, 1, 2, 2, 3, 4)) if self.chance(0.5) else self.random.randint(1, 3)
        for number in range(count):
            start, end = self.interval("rule from", "rule until", endless=0.6, early=True)
            if end is not None and end <= start:
                end = start + 1
            patterns = self.random.sample(sorted(set(PATTERNS)), self.random.choice((1, 1, 2)))
            accepts = [one for one in ("opt_in", "exemption") if self.chance(0.7)]
            lines += ["[[rules]]", f'id = "rule {number}"', f"data_classes = {json.dumps(patterns)}"]
            lines.append(f"from = {_toml(start)}")
            lines += [] if end is None else [f"until = {_toml(end)}"]
            if accepts or self.chance(0.5):
                lines.append(f"except = {json.dumps(accepts)}")
            if self.chance(0.3):
                lines.append(f"apps = {json.dumps(self.random.sample(APPS, 3))}")
                self.hit("rule limited to apps")
            elif self.chance(0.3):
                lines.append('apps = ["*"]')
            lines.append(f'basis = "Notice {number}"')
            self.hit("rule with until", end is not None)
            self.hit("rule without exceptions", not accepts)
            self.rules.append((start, end, patterns))
        self.hit("no rules", count == 0)
        self.hit("one rule", count == 1)
        self.hit("overlapping rules", _overlap(self.rules))
        self.draft.rules_toml = "\n".join(lines) + "\n"

    def _registry(self) -> None:
        partners: list[Row] = [
            {"partner_id": self.padded(partner), "name": f"Partner {partner}", "country": "DE"}
            for partner in PARTNERS
            if self.chance(0.6)
        ]
        self.hit("partner named app:", any(str(row["partner_id"]).strip() == "app:a3" for row in partners))
        self.declare("partners", partners, absent=0.3, header_only=0.1)
        self.update("partners", partners, "name", "Renamed")
        apps: list[Row] = [
            {
                "app_id": app,
                "name": f"App {app}",
                "partner_id": self.random.choice(PARTNERS) if self.chance(0.7) else "",
            }
            for app in APPS
            if self.chance(0.7)
        ]
        self.hit("app without partner", any(row["partner_id"] == "" for row in apps) or len(apps) < len(APPS))
        self.declare("apps", apps, absent=0.1, header_only=0.05)
        self.update("apps", apps, "partner_id", self.random.choice(("", *PARTNERS)))
        self._grants()
        opt_ins = [self._opt_in() for _ in range(self.random.randint(0, 14))]
        opt_ins = _unique(opt_ins, ("subject_id", "app_id", "resource_id", "opted_in_at"))
        self.declare("opt_ins", opt_ins, absent=0.15, header_only=0.1)
        self.update("opt_ins", opt_ins, "opted_out_at", self.instant())
        exemptions = [self._exemption() for _ in range(self.random.randint(0, 8))]
        exemptions = _unique(exemptions, ("app_id", "data_class", "exempt_from"))
        self.declare("exemptions", exemptions, absent=0.15, header_only=0.1)
        self.update("exemptions", exemptions, "exempt_until", self.instant())
        self._coverage()
        if self.chance(0.3):
            self.add_file("subjects", [{"subject_id": subject, "minor": ""} for subject in SUBJECTS[:3]])
        if self.chance(0.2):
            self._steps()

    def _grants(self) -> None:
        grants: list[Row] = []
        removals: list[Row] = []
        for _ in range(self.random.randint(0, 14)):
            app = self.random.choice(APPS)
            scope = self.random.choice((*SCOPES, "unmapped"))
            granted_at, revoked_at = self.interval("granted_at", "revoked_at", endless=0.6)
            row: Row = {"app_id": app, "scope": scope, "granted_at": granted_at, "revoked_at": revoked_at}
            row["resource_id"] = self.random.choice(("", "", *RESOURCES))
            grants.append(row)
            for _, _, patterns in self.rules:
                opened = SCOPES.get(scope, [])
                self.hit("grant wider than a rule", any(_below(one, pattern) for pattern in opened for one in patterns))
                self.hit(
                    "grant narrower than a rule", any(_below(one, pattern) for pattern in patterns for one in opened)
                )
            if self.chance(0.2):
                removals.append({"app_id": app, "removed_at": granted_at, "reason": "again"})
                self.hit("removal and grant at one instant")
        self.hit("unmapped scope", any(row["scope"] == "unmapped" for row in grants))
        self.hit("grant with revoked_at", any(row["revoked_at"] is not None for row in grants))
        for _ in range(self.random.choice((0, 1, 2, 3))):
            removals.append({"app_id": self.random.choice(APPS), "removed_at": self.instant(), "reason": "stopped"})
        self.bounds["removed_at"] = {at for row in removals if isinstance(at := row["removed_at"], int)}
        grants = _unique(grants, ("app_id", "scope", "resource_id", "granted_at"))
        if not self.clean and self.chance(0.15):
            grants.append({"app_id": "a1", "scope": "all", "granted_at": "yesterday"})
            self.hit("bad registry row")
        self.declare("grants", grants, absent=0.1, header_only=0.05)
        self.update("grants", grants, "revoked_at", self.instant())
        self.declare("removals", _unique(removals, ("app_id", "removed_at")), absent=0.1, header_only=0.1)

    def _opt_in(self) -> Row:
        start, end = self.interval("opted_in_at", "opted_out_at", endless=0.5)
        app = self.random.choice(APPS) if self.chance(0.35) else ""
        resource = self.random.choice(RESOURCES) if self.chance(0.35) else ""
        limits = {
            (True, True): "limited to both",
            (True, False): "limited to app",
            (False, True): "limited to resource",
        }
        self.hit(f"opt-in {limits.get((bool(app), bool(resource)), 'unlimited')}")
        row: Row = {"subject_id": self.subject(), "opted_in_at": start, "opted_out_at": end}
        return row | {"app_id": app, "resource_id": resource}

    def _exemption(self) -> Row:
        start, end = self.interval("exempt_from", "exempt_until", endless=0.4)
        pattern = self.random.choice((*PATTERNS, "g.m.pic"))
        self.hit("exemption by pattern", pattern.endswith("*"))
        self.hit("exemption with until", end is not None)
        row: Row = {"app_id": self.random.choice(APPS), "data_class": pattern, "exempt_from": start}
        return row | {"exempt_until": end, "reason": "partner programme"}

    def _coverage(self) -> None:
        rows: list[Row] = []
        sources = ["gateway", "edge"][: self.random.choice((1, 1, 2))]
        for source in sources:
            if self.clean or self.chance(0.3):
                middle = self.instant()
                spans = [(FIRST - 9 * DAY, middle), (middle, LAST + 9 * DAY)]
            else:
                spans = [(start, end) for start, end in (sorted((self.instant(), self.instant())) for _ in "123")]
                spans = [(start, end) for start, end in spans if start < end]
            rows += [{"source": source, "covered_from": start, "covered_until": end} for start, end in spans]
            self.hit("coverage of part of a day", any(bound % DAY for span in spans for bound in span))
        self.hit("two sources of coverage", len({row["source"] for row in rows}) == 2)
        self.declare("coverage", rows, absent=0.3, header_only=0.1)

    def _steps(self) -> None:
        rows: list[Row] = []
        for partner in self.random.sample(PARTNERS[:3], 2):
            reached = [*TRACK[: self.random.randint(1, 6)]]
            if len(reached) == 6 and self.chance(0.7):
                reached.append(self.random.choice(("audit_passed", "audit_failed")))
            for number, step in enumerate(reached):
                due = "2019-05-01" if self.chance(0.3) else ""
                rows.append({"partner_id": partner, "step": step, "at": f"2019-04-{number + 1:02d}", "due": due})
        self.hit("steps")
        self.add_file("steps", rows)

    def _event(self, number: int) -> Row:
        classes = self.random.sample(CLASSES, self.random.choice((1, 1, 1, 2, 3)))
        self.hit("several data classes", len(classes) > 1)
        at = self.instant()
        self.read_at.add(at)
        outcome = self.random.choice(("success",) * 7 + ("", "denied", "error"))
        if outcome != "success":
            self.hit(outcome or "empty outcome")
        subject = "" if self.chance(self.missing) else self.subject()
        resource = self.random.choice(("", *RESOURCES, *RESOURCES))
        records = self.random.choice(("", "0", "1", "7"))
        self.hit("subject missing", subject == "")
        self.hit("resource missing", resource == "")
        self.hit("records missing", records == "")
        return {
            "occurred_at": at,
            "app_id": self.padded(self.random.choice(APPS)),
            "data_class": classes,
            "subject_id": subject,
            "resource_id": resource,
            "endpoint": self.random.choice(("", "/groups/members")),
            "records": records,
            "outcome": outcome,
            "event_id": f"e{number}" if self.chance(0.4) else "",
        }

    def _events(self) -> None:
        events = [self._event(number) for number in range(self.random.randint(5, 40))]
        files: list[list[Row]] = [[] for _ in range(self.random.choice((1, 1, 2, 3)))]
        for event in events:
            home = self.random.choice(files)
            home.append(event)
            twins = [home] if self.chance(0.12) else []
            twins += [file for file in files if file is not home and self.chance(0.15)]
            for file in twins:
                file += [self._respelled(event)] * self.random.choice((1, 1, 2))
                self.hit("duplicate with event_id" if event["event_id"] else "duplicate without event_id")
                self.hit("equal records in one file", file is home and not event["event_id"])
        if not self.clean:
            self._spoil(files, events)
        for rows in files:
            self.add_file("access_events", rows)

    def _respelled(self, event: Row) -> Row:
        classes = event["data_class"]
        assert isinstance(classes, list)
        subject = str(event["subject_id"])
        return event | {
            "data_class": classes[::-1],
            "subject_id": subject.upper() if "@" in subject else subject,
            "outcome": event["outcome"] or "success",
        }

    def _spoil(self, files: Sequence[list[Row]], events: Sequence[Row]) -> None:
        if self.chance(0.1):
            files[0].append(dict(events[0]) | {"outcome": "maybe", "event_id": ""})
            self.hit("bad outcome")
        if self.chance(0.1):
            bad = self.random.choice(("2019-03-05T10:00:00", "2019-02-30T00:00:00Z", "1551607200000", "soon", ""))
            files[-1].append(dict(events[0]) | {"occurred_at": bad, "event_id": ""})
            self.hit("bad date")
        with_id = [event for event in events if event["event_id"]]
        if with_id and self.chance(0.15):
            files[-1].append(dict(with_id[0]) | {"endpoint": "/another"})
            self.hit("conflict of event_id")
            self.draft.order_matters = True

    def _questions(self) -> None:
        self.draft.questions = [Question(None, None, None)]
        for _ in range(4):
            as_of = self.instant() if self.chance(0.8) else None
            window = self.random.choice((None, 0, 1, 2, 3, 30))
            cutoff = self.instant() if self.chance(0.4) else None
            self.draft.questions.append(Question(as_of, window, cutoff))
            until = self.as_of if as_of is None else as_of
            self.hit("event at as_of", until in self.read_at)
            self.hit("event at window start", window is not None and until - window * DAY in self.read_at)
            self.hit("event at what-if cutoff", cutoff in self.read_at)
            self.hit("cutoff inside a day", cutoff is not None and cutoff % DAY)
            self.hit("as_of inside a day", until % DAY)
        for bound, instants in self.bounds.items():
            if f"event at {bound}" in TALLIES:
                self.hit(f"event at {bound}", instants & self.read_at)


def _toml(at: int) -> str:
    text = (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=at)).isoformat().replace("+00:00", "Z")
    return text[:10] if text.endswith("T00:00:00Z") else text


def _below(narrow: str, wide: str) -> bool:
    return narrow != wide and (wide == "*" or (wide.endswith(".*") and narrow.startswith(wide[:-1])))


def _overlap(rules: Sequence[tuple[int, int | None, list[str]]]) -> bool:
    """Whether two rules are in force at one instant and name something in common."""
    return any(
        (first[1] is None or second[0] < first[1])
        and (second[1] is None or first[0] < second[1])
        and any(one == other or _below(one, other) or _below(other, one) for one in first[2] for other in second[2])
        for number, first in enumerate(rules)
        for second in rules[number + 1 :]
    )


def _unique(rows: Iterable[Row], columns: Sequence[str]) -> list[Row]:
    """The first row of each identity: a later one would be an update."""
    kept: dict[tuple[str, ...], Row] = {}
    for row in rows:
        cells = [str(row[column]).strip() for column in columns]
        kept.setdefault(tuple(cell.lower() if "@" in cell else cell for cell in cells), row)
    return list(kept.values())
