"""Raw canonical files read plainly, for the oracle: identity, duplicates, versions and quarantine, and the rulebook.

Only the standard library, as `tests/oracle.py`, which documents the readings taken where the domain leaves a choice.
Every instant is an int of microseconds UTC.
"""

import csv
import gzip
import hashlib
import json
import re
import tomllib
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import TypeVar

Text = str | None
Partner = tuple[str, str]  # ("partner", its id), or ("app", app id) for an app that no partner claims
Row = TypeVar("Row")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def _is_mail_address(text: str) -> bool:
    """One `@` with something before and behind it, and no blank."""
    local, at, domain = text.partition("@")
    return bool(local and at and domain) and "@" not in domain and not any(letter.isspace() for letter in text)


@dataclass(frozen=True)
class PartnerRecord:
    partner_id: str
    name: str


@dataclass(frozen=True)
class App:
    app_id: str
    name: str
    partner_id: Text


@dataclass(frozen=True)
class Grant:
    app_id: str
    scope: str
    resource_id: Text
    granted_at: int
    revoked_at: int | None


@dataclass(frozen=True)
class OptIn:
    subject_id: str
    app_id: Text
    resource_id: Text
    from_at: int
    until_at: int | None


@dataclass(frozen=True)
class Exemption:
    app_id: str
    pattern: str
    from_at: int
    until_at: int | None


@dataclass(frozen=True)
class Removal:
    app_id: str
    removed_at: int


@dataclass(frozen=True)
class Coverage:
    source: str
    from_at: int
    until_at: int


@dataclass(frozen=True)
class Subject:
    subject_id: str


@dataclass(frozen=True)
class Step:
    partner_id: str
    step: str
    at: int
    app_id: Text
    note: Text
    due: int | None
    at_is_date: bool = False


@dataclass(frozen=True)
class Event:
    occurred_at: int
    app_id: str
    data_classes: tuple[str, ...]
    subject_id: Text
    resource_id: Text
    endpoint: Text
    records: int | None
    bytes: int | None
    ip: Text
    outcome: str
    event_id: Text


@dataclass(frozen=True)
class Rule:
    id: str
    data_classes: tuple[str, ...]
    apps: tuple[str, ...]
    from_at: int
    until_at: int | None
    accepts: tuple[str, ...]

    def is_about(self, app_id: str) -> bool:
        return "*" in self.apps or app_id in self.apps


@dataclass(frozen=True)
class Rulebook:
    rules: tuple[Rule, ...]
    scopes: dict[str, tuple[str, ...]]
    as_of: int | None
    window_days: int
    removal_grace: int

    @property
    def cutoff(self) -> int | None:
        return min((rule.from_at for rule in self.rules), default=None)

    def with_cutoff(self, cutoff: int | None) -> "Rulebook":
        if cutoff is None:
            return self
        return replace(self, rules=tuple(replace(rule, from_at=cutoff) for rule in self.rules))


@dataclass
class Incident:
    """The live evidence: what the files say after identity, duplicates and versions, and the rulebook."""

    rulebook: Rulebook
    declared: set[str] = field(default_factory=set)
    events: list[Event] = field(default_factory=list)
    partners: list[PartnerRecord] = field(default_factory=list)
    apps: list[App] = field(default_factory=list)
    grants: list[Grant] = field(default_factory=list)
    opt_ins: list[OptIn] = field(default_factory=list)
    exemptions: list[Exemption] = field(default_factory=list)
    removals: list[Removal] = field(default_factory=list)
    coverage: list[Coverage] = field(default_factory=list)
    steps: list[Step] = field(default_factory=list)
    partner_ids: set[str] = field(default_factory=set)  # ever named, also by a record that is no longer in force
    judged: dict[int | None, list[str]] = field(default_factory=dict)  # what-if cut-off -> verdicts, as `events`
    quarantined: int = 0
    quarantined_events: int = 0

    @cached_property
    def grants_of(self) -> dict[str, list[Grant]]:
        return _grouped(self.grants, lambda row: row.app_id)

    @cached_property
    def opt_ins_of(self) -> dict[str, list[OptIn]]:
        return _grouped(self.opt_ins, lambda row: row.subject_id)

    @cached_property
    def exemptions_of(self) -> dict[str, list[Exemption]]:
        return _grouped(self.exemptions, lambda row: row.app_id)

    @cached_property
    def removals_of(self) -> dict[str, list[Removal]]:
        return _grouped(self.removals, lambda row: row.app_id)

    @cached_property
    def partner_of_app(self) -> dict[str, Partner]:
        """The partner of every known app, its own partner where no record claims it."""
        named: list[Sequence[Event | App | Grant | Exemption | Removal | Step]] = [
            *(self.events, self.apps, self.grants, self.exemptions, self.removals, self.steps)
        ]
        known = {row.app_id for rows in named for row in rows if row.app_id is not None}
        claimed = {row.app_id: row.partner_id for row in self.apps if row.partner_id is not None}
        return {app: ("partner", claimed[app]) if app in claimed else ("app", app) for app in known}

    @cached_property
    def apps_of_partner(self) -> dict[Partner, set[str]]:
        """Every known partner, with its known apps."""
        named = [row.partner_id for row in self.partners] + [row.partner_id for row in self.steps]
        known: dict[Partner, set[str]] = {("partner", partner_id): set() for partner_id in named}
        for app, partner in self.partner_of_app.items():
            known.setdefault(partner, set()).add(app)
        return known

    @cached_property
    def outside_ids(self) -> dict[Partner, str]:
        """A partner's id; an unclaimed app's is `app:<app_id>`, with more `app:` while a partner has that id."""
        found: dict[Partner, str] = {}
        for partner in self.apps_of_partner:
            name = partner[1]
            if partner[0] == "app":
                name = f"app:{name}"
                while name in self.partner_ids:
                    name = f"app:{name}"
            found[partner] = name
        return found

    def partner_named(self, outside_id: str) -> Partner:
        return next(partner for partner, name in self.outside_ids.items() if name == outside_id)


def _grouped(rows: Sequence[Row], key: Callable[[Row], str]) -> dict[str, list[Row]]:
    found: dict[str, list[Row]] = {}
    for row in rows:
        found.setdefault(key(row), []).append(row)
    return found


class _Cells:
    """One record's cells: trimmed, NULL where empty, refused where they do not read."""

    def __init__(self, raw: dict[str, object]) -> None:
        self._raw = raw

    def text(self, column: str) -> Text:
        value = self._raw.get(column)
        if isinstance(value, list):
            value = "|".join(str(one) for one in value)
        return (str(value).strip() or None) if value is not None else None

    def identity(self, column: str) -> Text:
        text = self.text(column)
        return text.lower() if text is not None and _is_mail_address(text) else text

    def needed(self, column: str) -> str:
        text = self.identity(column) if column.endswith("_id") else self.text(column)
        if text is None:
            raise ValueError(f"no {column}")
        return text

    def instant(self, column: str, *, date_allowed: bool = False) -> int | None:
        text = self.text(column)
        return None if text is None else instant(text, date_allowed=date_allowed)

    def needed_instant(self, column: str, *, date_allowed: bool = False) -> int:
        return instant(self.needed(column), date_allowed=date_allowed)

    def count(self, column: str) -> int | None:
        text = self.text(column)
        if text is not None and not re.fullmatch(r"\d+", text):
            raise ValueError(f"{column} is no count: {text}")
        return None if text is None else int(text)


def _event(cells: _Cells) -> Event:
    outcome = cells.text("outcome") or "success"
    if outcome not in ("success", "denied", "error"):
        raise ValueError(f"outcome {outcome}")
    return Event(
        occurred_at=cells.needed_instant("occurred_at"),
        app_id=cells.needed("app_id"),
        data_classes=tuple(sorted({part.strip() for part in cells.needed("data_class").split("|")})),
        subject_id=cells.identity("subject_id"),
        resource_id=cells.identity("resource_id"),
        endpoint=cells.text("endpoint"),
        records=cells.count("records"),
        bytes=cells.count("bytes"),
        ip=cells.text("ip"),
        outcome=outcome,
        event_id=cells.text("event_id"),
    )


def _in_order(from_at: int, until_at: int | None) -> None:
    if until_at is not None and until_at < from_at:
        raise ValueError("it ends before it begins")


@dataclass
class _Registry:
    """The version in force of every identity: the last one read."""

    partners: dict[object, PartnerRecord] = field(default_factory=dict)
    apps: dict[object, App] = field(default_factory=dict)
    grants: dict[object, Grant] = field(default_factory=dict)
    opt_ins: dict[object, OptIn] = field(default_factory=dict)
    exemptions: dict[object, Exemption] = field(default_factory=dict)
    removals: dict[object, Removal] = field(default_factory=dict)
    coverage: dict[object, Coverage] = field(default_factory=dict)
    subjects: dict[object, Subject] = field(default_factory=dict)
    steps: dict[object, Step] = field(default_factory=dict)

    def add(self, kind: str, cells: _Cells) -> None:
        """Take in one record of a kind.

        Raises:
            ValueError: the record belongs in quarantine.
        """
        if kind == "partners":
            partner = PartnerRecord(cells.needed("partner_id"), cells.needed("name"))
            self.partners[partner.partner_id] = partner
        elif kind == "apps":
            app = App(cells.needed("app_id"), cells.needed("name"), cells.identity("partner_id"))
            self.apps[app.app_id] = app
        elif kind == "grants":
            granted_at, revoked_at = cells.needed_instant("granted_at"), cells.instant("revoked_at")
            scope, resource = cells.needed("scope"), cells.identity("resource_id")
            _in_order(granted_at, revoked_at)
            grant = Grant(cells.needed("app_id"), scope, resource, granted_at, revoked_at)
            self.grants[(grant.app_id, grant.scope, grant.resource_id, grant.granted_at)] = grant
        elif kind == "opt_ins":
            subject, app_id, resource = (cells.needed("subject_id"), *map(cells.identity, ("app_id", "resource_id")))
            from_at, until_at = cells.needed_instant("opted_in_at"), cells.instant("opted_out_at")
            _in_order(from_at, until_at)
            opt_in = OptIn(subject, app_id, resource, from_at, until_at)
            self.opt_ins[(opt_in.subject_id, opt_in.app_id, opt_in.resource_id, opt_in.from_at)] = opt_in
        elif kind == "exemptions":
            from_at, until_at = cells.needed_instant("exempt_from"), cells.instant("exempt_until")
            _in_order(from_at, until_at)
            exemption = Exemption(cells.needed("app_id"), cells.needed("data_class"), from_at, until_at)
            self.exemptions[(exemption.app_id, exemption.pattern, exemption.from_at)] = exemption
        elif kind == "removals":
            removal = Removal(cells.needed("app_id"), cells.needed_instant("removed_at"))
            self.removals[removal] = removal
        elif kind == "coverage":
            from_at, until = cells.needed_instant("covered_from"), cells.needed_instant("covered_until")
            _in_order(from_at, until)
            coverage = Coverage(cells.needed("source"), from_at, until)
            self.coverage[coverage] = coverage
        elif kind == "subjects":
            subject_row = Subject(cells.needed("subject_id"))
            self.subjects[subject_row] = subject_row
        else:
            at, due = cells.needed_instant("at", date_allowed=True), cells.instant("due", date_allowed=True)
            about = (cells.needed("partner_id"), cells.needed("step"), at, cells.identity("app_id"))
            is_date = re.fullmatch(r"\d{4}-\d{2}-\d{2}", cells.text("at") or "") is not None
            step = Step(*about, note=cells.text("note"), due=due, at_is_date=is_date)
            self.steps[step] = step


_KINDS = (*_Registry.__dataclass_fields__, "access_events")


def load(source: Path | Sequence[Path], rules_toml: Path) -> Incident:
    """Read a folder of canonical files in the order of their names, or these files in this order."""
    paths = sorted(source.iterdir()) if isinstance(source, Path) else list(source)
    incident, registry = Incident(load_rulebook(rules_toml)), _Registry()
    seen: set[tuple[str, bytes]] = set()
    by_event_id: dict[str, Event] = {}
    most: Counter[Event] = Counter()
    for path in paths:
        kind, content = kind_of(path.name), path.read_bytes()
        if kind is None or (kind, hashlib.sha256(content).digest()) in seen:
            continue
        seen.add((kind, hashlib.sha256(content).digest()))
        incident.declared.add(kind)
        here: Counter[Event] = Counter()
        for raw in raw_records(path.name, content):
            try:
                if kind == "access_events":
                    event = _event(_Cells(raw))
                    if event.event_id is None:
                        here[event] += 1
                    elif by_event_id.setdefault(event.event_id, event) != event:
                        raise ValueError(f"event {event.event_id} is known with another content")
                else:
                    registry.add(kind, _Cells(raw))
                    incident.partner_ids |= {_Cells(raw).identity("partner_id") or ""}
            except ValueError:
                incident.quarantined += 1
                incident.quarantined_events += kind == "access_events"
        most |= here
    incident.events = [*by_event_id.values(), *most.elements()]
    for name in ("partners", "apps", "grants", "opt_ins", "exemptions", "removals", "coverage", "steps"):
        setattr(incident, name, list(getattr(registry, name).values()))
    return incident


def kind_of(name: str) -> Text:
    stem = name.split(".")[0]
    return next((kind for kind in _KINDS if stem == kind or stem.startswith(f"{kind}-")), None)


def raw_records(name: str, content: bytes) -> Iterator[dict[str, object]]:
    if name.endswith(".gz"):
        content, name = gzip.decompress(content), name.removesuffix(".gz")
    text = content.decode("utf-8-sig")
    if name.endswith(".csv"):
        for row in csv.DictReader(text.splitlines(keepends=True), strict=True):
            yield dict(row)
    else:
        for line in text.split("\n"):
            if line.strip():
                yield json.loads(line)


def instant(text: str, *, date_allowed: bool = False) -> int:
    """Microseconds UTC of an ISO 8601 instant with an offset, or of an integer in 1990..2100."""
    if re.fullmatch(r"-?\d+", text):
        at = int(text)
        if not instant("1990-01-01T00:00:00Z") <= at < instant("2100-01-01T00:00:00Z"):
            raise ValueError(f"an instant in other units: {text}")
        return at
    if date_allowed and re.fullmatch(r"\d{4}-\d{2}-\d{2}", text):
        text += "T00:00:00Z"
    if not re.match(r"\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}", text):
        raise ValueError(f"no instant: {text}")
    return _microseconds(datetime.fromisoformat(text))


def load_rulebook(path: Path) -> Rulebook:
    document = tomllib.loads(path.read_text("utf-8"))
    incident = document.get("incident", {})
    rules = [
        Rule(
            id=table["id"],
            data_classes=tuple(table["data_classes"]),
            apps=tuple(app.lower() if "@" in app else app for app in table.get("apps", ["*"])),
            from_at=_point(table["from"]),
            until_at=_point(table["until"]) if "until" in table else None,
            accepts=tuple(table.get("except", [])),
        )
        for table in document.get("rules", [])
    ]
    return Rulebook(
        rules=tuple(rules),
        scopes={scope: tuple(patterns) for scope, patterns in document.get("scopes", {}).items()},
        as_of=_point(incident["as_of"]) if "as_of" in incident else None,
        window_days=incident.get("window_days", 60),
        removal_grace=_seconds(incident.get("removal_grace", "0s")) * 1_000_000,
    )


def _point(value: date | datetime) -> int:
    if isinstance(value, datetime):
        return _microseconds(value)
    return _microseconds(datetime(value.year, value.month, value.day, tzinfo=UTC))


def _microseconds(moment: datetime) -> int:
    if moment.tzinfo is None:
        raise ValueError("a time without an offset")
    return (moment - _EPOCH) // timedelta(microseconds=1)


def _seconds(duration: str) -> int:
    return int(duration[:-1]) * {"s": 1, "m": 60, "h": 3600, "d": 86_400}[duration[-1]]


def printed(at: int) -> str:
    """ISO 8601 with `Z`, a fraction only where there is one."""
    return (_EPOCH + timedelta(microseconds=at)).isoformat().replace("+00:00", "Z")
