"""The rulebook: which data classes were restricted from when, for whom, and with which exceptions (TOML, INTERFACE)."""

import hashlib
import json
import sqlite3
import tomllib
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from functools import lru_cache
from importlib import resources

from store.clocks import Clocks, parse_clocks
from store.connection import Store
from store.errors import UnusableFileError
from store.ids import fold_id
from store.instants import format_instant, from_datetime, now, parse_point
from store.ledger import append
from store.parameters import DEFAULT_WINDOW_DAYS, MOST_WINDOW_DAYS
from store.patterns import ANYTHING, check_pattern, matches

EXCEPTIONS = ("opt_in", "exemption")
EMPTY_TOML = "# No rules: everything is judged allowed.\n"
MOST_RULES = 63


@dataclass(frozen=True, slots=True)
class Rule:
    """One restriction, in force in `[from_at, until_at)`, microseconds UTC; `until_at` None: for good.

    Attributes:
        apps: outside ids of the apps it is about; None for every app.
        not_apps: apps that it is not about all the same: only a what-if names any.
    """

    rule_id: str
    from_at: int
    until_at: int | None
    data_classes: tuple[str, ...]
    apps: frozenset[str] | None
    accepts_opt_in: bool
    accepts_exemption: bool
    basis: str
    not_apps: frozenset[str] = frozenset()

    def restricts(self, data_class: str) -> bool:
        """Whether one of its patterns means this data class."""
        return any(matches(pattern, data_class) for pattern in self.data_classes)

    def is_about(self, app_id: str) -> bool:
        """Whether the app is one that the rule names."""
        return (self.apps is None or app_id in self.apps) and app_id not in self.not_apps


@dataclass(frozen=True, slots=True)
class Rulebook:
    """Everything a rulebook file says, checked.

    Attributes:
        name: of the incident; empty where the file names none.
        as_of: default as-of, exclusive, microseconds UTC; None: now.
        aware_at: when the platform became aware, microseconds UTC.
        removal_grace: microseconds after a removal in which a read is taken for a late log.
        scopes: scope -> patterns of data classes it opens.
        clocks: how long steps may take.
        second_person: closing a case needs somebody other than the one who asked for it.
        rulebook_id: its row in the store; 0 before it is loaded.
    """

    name: str = ""
    as_of: int | None = None
    window_days: int = DEFAULT_WINDOW_DAYS
    aware_at: int | None = None
    removal_grace: int = 0
    scopes: dict[str, tuple[str, ...]] = field(default_factory=dict)
    rules: tuple[Rule, ...] = ()
    clocks: Clocks = field(default_factory=Clocks)
    second_person: bool = False
    toml: str = EMPTY_TOML
    source: str = "empty"
    sha256: str = ""
    rulebook_id: int = 0

    @property
    def cutoff(self) -> int | None:
        """The earliest `from` of its rules; None without rules."""
        return min((rule.from_at for rule in self.rules), default=None)


def _instant(value: object, what: str) -> int:
    if isinstance(value, datetime):
        if value.tzinfo is None:
            raise ValueError(f"{what} is a time without an offset: add Z")
        return from_datetime(value.astimezone(UTC))
    if isinstance(value, date):
        return from_datetime(datetime(value.year, value.month, value.day, tzinfo=UTC))
    if isinstance(value, str):
        try:
            return parse_point(value)
        except ValueError as error:
            raise ValueError(f"{what} is {error}") from error
    raise ValueError(f"{what} must be a date or an instant")


def _texts(value: object, what: str) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(item, str) and item.strip() for item in value):
        raise ValueError(f"{what} must be a list of texts")
    return tuple(item.strip() for item in value)


def _patterns(value: object, what: str) -> tuple[str, ...]:
    patterns = _texts(value, what)
    for pattern in patterns:
        check_pattern(pattern)
    return patterns


def _table(value: object, what: str, known: set[str] | None = None) -> dict[str, object]:
    if not isinstance(value, dict):
        raise ValueError(f"{what} must be a table")
    unknown = set(value) - known if known is not None else set()
    if unknown:
        raise ValueError(
            f"{what} does not know {', '.join(sorted(unknown))}; it knows {', '.join(sorted(known or ()))}"
        )
    return value


def _rule(value: object, position: int) -> Rule:
    what = f"rule {position}"
    table = _table(value, what, {"id", "data_classes", "apps", "from", "until", "except", "basis"})
    rule_id = table.get("id")
    if not isinstance(rule_id, str) or not rule_id.strip():
        raise ValueError(f"{what} needs an id")
    what = f"rule {rule_id!r}"
    missing = {"data_classes", "from"} - set(table)
    if missing:
        raise ValueError(f"{what} needs {' and '.join(sorted(missing))}")
    from_at = _instant(table["from"], f"from of {what}")
    until_at = _instant(table["until"], f"until of {what}") if "until" in table else None
    if until_at is not None and until_at <= from_at:
        raise ValueError(f"until of {what} is not after its from")
    classes = _patterns(table["data_classes"], f"data_classes of {what}")
    if not classes:
        raise ValueError(f"{what} names no data class")
    apps = _texts(table.get("apps", [ANYTHING]), f"apps of {what}")
    exceptions = _texts(table.get("except", []), f"except of {what}")
    strange = set(exceptions) - set(EXCEPTIONS)
    if strange:
        raise ValueError(f"{what} has an unknown exception {sorted(strange)[0]!r}; known are {', '.join(EXCEPTIONS)}")
    basis = table.get("basis", "")
    if not isinstance(basis, str):
        raise ValueError(f"basis of {what} must be text")
    return Rule(
        rule_id=rule_id.strip(),
        from_at=from_at,
        until_at=until_at,
        data_classes=classes,
        apps=None if ANYTHING in apps else frozenset(fold_id(app_id) for app_id in apps),
        accepts_opt_in="opt_in" in exceptions,
        accepts_exemption="exemption" in exceptions,
        basis=basis,
    )


def parse_rulebook(toml_text: str, *, source: str) -> Rulebook:
    """Read and check a rulebook.

    Args:
        toml_text: the file's text.
        source: how to name it in messages and in the store.

    Raises:
        UnusableFileError: one line that says what is wrong with it.
    """
    try:
        return _parse(toml_text, source)
    except (ValueError, OverflowError) as error:
        reason = " ".join(str(error).split())
        raise UnusableFileError(f"{source} is not a usable rulebook: {reason}") from error


def _parse(toml_text: str, source: str) -> Rulebook:
    top = _table(tomllib.loads(toml_text), "the rulebook", {"incident", "scopes", "rules", "clocks", "cases"})
    incident = _table(
        top.get("incident", {}), "[incident]", {"name", "as_of", "window_days", "aware_at", "removal_grace"}
    )
    name = incident.get("name", "")
    if not isinstance(name, str):
        raise ValueError("name of [incident] must be text")
    window_days = incident.get("window_days", DEFAULT_WINDOW_DAYS)
    if not isinstance(window_days, int) or isinstance(window_days, bool) or not 1 <= window_days <= MOST_WINDOW_DAYS:
        raise ValueError(f"window_days must be a whole number of days from 1 to {MOST_WINDOW_DAYS}")
    listed = top.get("rules", [])
    if not isinstance(listed, list):
        raise ValueError("rules must be written as [[rules]]")
    rules = tuple(_rule(value, position) for position, value in enumerate(listed, 1))
    if len(rules) > MOST_RULES:
        raise ValueError(f"{len(rules)} rules; at most {MOST_RULES} are possible")
    ids = [rule.rule_id for rule in rules]
    repeated = sorted({rule_id for rule_id in ids if ids.count(rule_id) > 1})
    if repeated:
        raise ValueError(f"two rules have the id {repeated[0]!r}")
    scopes = _table(top.get("scopes", {}), "[scopes]")
    cases = _table(top.get("cases", {}), "[cases]", {"second_person"})
    if not isinstance(cases.get("second_person", False), bool):
        raise ValueError("second_person of [cases] must be true or false")
    return Rulebook(
        name=name.strip(),
        as_of=_instant(incident["as_of"], "as_of") if "as_of" in incident else None,
        window_days=window_days,
        aware_at=_instant(incident["aware_at"], "aware_at") if "aware_at" in incident else None,
        removal_grace=_duration(incident.get("removal_grace", 0)),
        scopes={scope.strip(): _patterns(patterns, f"scope {scope!r}") for scope, patterns in scopes.items()},
        rules=rules,
        clocks=parse_clocks(_table(top.get("clocks", {}), "[clocks]")),
        second_person=bool(cases.get("second_person", False)),
        toml=toml_text,
        source=source,
        sha256=hashlib.sha256(toml_text.encode()).hexdigest(),
    )


_UNITS = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}


def _duration(value: object) -> int:
    """Microseconds of `90`, `"90s"`, `"15m"`, `"72h"` or `"2d"`; a bare number is seconds."""
    text = str(value).strip()
    unit = _UNITS.get(text[-1:], 0)
    digits = text[:-1] if unit else text
    if isinstance(value, bool) or not digits.isascii() or not digits.isdigit():
        raise ValueError(f"removal_grace {text!r} is no duration: write 90s, 15m, 72h or 2d")
    return int(digits) * (unit or 1) * 1_000_000


def preset_names() -> list[str]:
    """The shipped rulebooks."""
    folder = resources.files("store.presets")
    names = [entry.name.removesuffix(".toml") for entry in folder.iterdir() if entry.name.endswith(".toml")]
    return sorted(name for name in names if not name.endswith("-scopes"))


def preset_text(name: str) -> str:
    """The TOML of a shipped rulebook.

    Raises:
        UnusableFileError: there is none of that name.
    """
    if name not in preset_names():
        raise UnusableFileError(f"no such rulebook: {name} - give a TOML file or one of {', '.join(preset_names())}")
    return resources.files("store.presets").joinpath(f"{name}.toml").read_text(encoding="utf-8")


_CURRENT = "SELECT rulebook_id, source, toml FROM rulebooks ORDER BY rulebook_id DESC LIMIT 1"


def current_rulebook(store: Store) -> Rulebook:
    """The rulebook in force: the one loaded last; an empty one before that."""
    with store.reading() as connection:
        return rulebook_in(connection)


def rulebook_in(connection: sqlite3.Connection) -> Rulebook:
    """The rulebook in force, as this connection sees it."""
    row = connection.execute(_CURRENT).fetchone()
    if row is None:
        return Rulebook()
    return _in_the_store(*row)


@lru_cache(maxsize=8)
def _in_the_store(rulebook_id: int, source: str, toml_text: str) -> Rulebook:
    """Every question asks for it; a row of the store never changes."""
    return replace(parse_rulebook(toml_text, source=source), rulebook_id=rulebook_id)


_ADD_RULEBOOK = """
INSERT INTO rulebooks(source, sha256, toml, loaded_at, loaded_by) VALUES (?, ?, ?, ?, ?) RETURNING rulebook_id
"""
_ADD_RULE = "INSERT INTO rules VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"
_ADD_SCOPE = "INSERT INTO scopes VALUES (?, ?, ?)"


def load_rules(store: Store, toml_text: str, *, source: str, actor: str) -> Rulebook:
    """Put a rulebook in force and judge everything anew, in one transaction. Earlier ones stay in the store.

    Raises:
        UnusableFileError: the text is no usable rulebook; nothing changes.
    """
    from store.fold import refresh

    rulebook = parse_rulebook(toml_text, source=source)
    with store.writing() as connection:
        at = now()
        before = connection.execute(_CURRENT).fetchone()
        (rulebook_id,) = connection.execute(_ADD_RULEBOOK, (source, rulebook.sha256, toml_text, at, actor)).fetchone()
        connection.executemany(
            _ADD_RULE,
            [
                (
                    rulebook_id,
                    ordinal,
                    rule.rule_id,
                    rule.from_at,
                    rule.until_at,
                    json.dumps(rule.data_classes),
                    json.dumps([ANYTHING] if rule.apps is None else sorted(rule.apps)),
                    json.dumps([name for name, accepted in _accepted(rule) if accepted]),
                    rule.basis,
                )
                for ordinal, rule in enumerate(rulebook.rules, 1)
            ],
        )
        connection.executemany(
            _ADD_SCOPE, [(rulebook_id, scope, json.dumps(patterns)) for scope, patterns in rulebook.scopes.items()]
        )
        append(
            connection,
            actor=actor,
            verb="load_rules",
            at=at,
            before=None if before is None else json.dumps({"rulebook_id": before[0], "source": before[1]}),
            after=json.dumps(
                {
                    "rulebook_id": rulebook_id,
                    "source": source,
                    "sha256": rulebook.sha256,
                    "rules": [rule.rule_id for rule in rulebook.rules],
                    "as_of": None if rulebook.as_of is None else format_instant(rulebook.as_of),
                }
            ),
        )
        refresh(connection, actor=actor, at=at)
    return rulebook


def _accepted(rule: Rule) -> tuple[tuple[str, bool], ...]:
    return (("opt_in", rule.accepts_opt_in), ("exemption", rule.accepts_exemption))
