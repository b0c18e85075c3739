"""Where the log speaks against the record: reads after a removal or a certificate, access still alive, too few people.

Judged over all evidence, whatever the as-of (as grounds are): a certificate is mostly younger than the as-of. Found
anew at every look, never recorded, so that none can be forgotten.
"""

import sqlite3
from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple

from store.app_figures import AppFigures, app_figures, apps_read_after_removal
from store.audit_track import Step
from store.in_force import in_force
from store.instants import MICROSECONDS_PER_DAY, format_day, format_instant, format_optional
from store.kept import is_stale
from store.reach import FOREVER
from store.step_details import STATEMENT
from store.words import count_words, counted

AFTER_REMOVAL = "read_after_removal"
AFTER_CERTIFICATE = "read_after_certificate"
STILL_ALIVE = "access_alive"
SIBLING_ALIVE = "sibling_alive"
TOO_FEW = "statement_short"
# The loudest first.
KINDS = (AFTER_REMOVAL, AFTER_CERTIFICATE, STILL_ALIVE, SIBLING_ALIVE, TOO_FEW)
# Certificates, and the audit that verified one: what was read later, the partner got after it said it had deleted.
_STEPS = {
    "access_removed": "'access removed'",
    "deletion_certified": "its certificate",
    "audit_passed": "the audit it passed",
    STATEMENT: "its statement",
}
_ASSERTIONS = ("deletion_certified", "audit_passed")
_SEARCHED = ("access_removed", *_ASSERTIONS)


class Contradiction(NamedTuple):
    """One way in which the log speaks against a partner's record.

    Attributes:
        kind: one of `KINDS`.
        app_id: the app concerned; None where it is about the whole partner.
        app_name: as the registry says.
        step: the step that is contradicted; None for a removal (evidence).
        step_at: when that step took effect, microseconds UTC; `step_at_is_date`: only its date is known.
        from_at: the rows that show it begin here, microseconds UTC: restricted reads, or the access that is alive.
        last_at: the last of those reads, or the end of that access; None: no end, or no rows of a time.
        events: how many reads there are, where that is known without reading them; else None.
        stated, logged: of `statement_short`: people that the partner says, and people in the log.
    """

    kind: str
    app_id: str | None
    app_name: str
    step: str | None
    step_at: int | None
    step_at_is_date: bool
    from_at: int | None
    last_at: int | None
    events: int | None = None
    stated: int | None = None
    logged: int | None = None


class AppLine(NamedTuple):
    """An app of a partner: its outside id, and what the evidence says of it."""

    app_id: str
    figures: AppFigures


_ALL_APPS = """
SELECT a.id, a.app_id, coalesce(o.partner, own.id)
FROM apps a
JOIN partners own ON own.app = a.id
LEFT JOIN app_owners o ON o.app = a.id
"""
_APP = f"{_ALL_APPS} WHERE a.id = ?"
# So many apps are looked up one by one; of more, all are read.
_FEW = 5_000
# Where the owners that are kept do not know everything: see `is_stale`.
_OWNED_ANEW = """
WITH v AS MATERIALIZED (SELECT app, partner FROM live_apps)
SELECT own.app, coalesce(v.partner, own.id) FROM partners own LEFT JOIN v ON v.app = own.app WHERE own.app IS NOT NULL
"""
_NAME = in_force(
    table="app_versions",
    kind="apps",
    which="app = (SELECT id FROM apps WHERE app_id = :app_id)",
    columns="v.name",
)
_APPS_OF = "SELECT app FROM app_owners WHERE partner = ? ORDER BY app"


def contradictions_in(
    connection: sqlite3.Connection,
    steps: Mapping[int, Sequence[Step]],
    *,
    today: int,
    others: bool | Collection[int] = True,
) -> dict[int, tuple[Contradiction, ...]]:
    """What contradicts each partner's record, by internal id; partners without any are left out.

    What a partner states of people is not looked at here: see `statement_short`.

    Args:
        steps: every partner's, in the order of `in_order`.
        today: access that ended by then is not alive, microseconds UTC.
        others: also the partners without a step that read after a removal, all or only these (internal ids); an app of
            theirs is called by its id, for there may be very many of them.
    """
    searched = {partner for partner, mine in steps.items() if any(step.step in _SEARCHED for step in mine)}
    if not isinstance(others, bool):
        searched |= {*others}
    found = {}
    for partner, lines in _lines(connection, searched, others=others is True).items():
        mine = _of_partner(steps.get(partner, ()), lines, today)
        if mine:
            found[partner] = _named(connection, mine) if partner in steps else _by_id(mine)
    return found


def contradictions_of(
    connection: sqlite3.Connection, partner: int, steps: Sequence[Step], *, today: int
) -> tuple[Contradiction, ...]:
    """`contradictions_in`, for one partner (internal id) and its steps."""
    lines = _lines(connection, {partner}, others=False)
    return _named(connection, _of_partner(steps, lines.get(partner, ()), today))


def _by_id(found: Sequence[Contradiction]) -> tuple[Contradiction, ...]:
    return tuple(each._replace(app_name=str(each.app_id)) for each in found)


def _named(connection: sqlite3.Connection, found: Sequence[Contradiction]) -> tuple[Contradiction, ...]:
    return tuple(each._replace(app_name=_name(connection, each.app_id)) for each in found)


def _name(connection: sqlite3.Connection, app_id: str | None) -> str:
    row = connection.execute(_NAME, {"app_id": app_id}).fetchone()
    return str(app_id if row is None else row[0])


def _of_partner(steps: Sequence[Step], lines: Sequence[AppLine], today: int) -> tuple[Contradiction, ...]:
    found = []
    any_removed = _latest(steps, ("access_removed",))
    for line in lines:
        figures = line.figures
        own = [step for step in steps if step.app_id in (None, line.app_id)]
        if figures.after_removal:
            found.append(
                _contradiction(
                    AFTER_REMOVAL, line, None, figures.first_after_at, figures.last_at, events=figures.after_removal
                )
            )
        asserted = _latest(own, _ASSERTIONS)
        if asserted is not None and figures.last_at is not None and figures.last_at >= takes_effect(asserted):
            found.append(_contradiction(AFTER_CERTIFICATE, line, asserted, takes_effect(asserted), figures.last_at))
        removed = _latest(own, ("access_removed",)) or any_removed
        if removed is None or figures.held_until is None:
            continue
        is_own = removed.app_id in (None, line.app_id)
        # Of an app whose removal nobody recorded only access that has not ended speaks against a sibling's.
        begin = takes_effect(removed) if is_own else max(today, takes_effect(removed))
        if figures.held_until > begin:
            until = None if figures.held_until >= FOREVER else figures.held_until
            kind = SIBLING_ALIVE if not is_own or _has_ended(lines, line, begin) else STILL_ALIVE
            found.append(_contradiction(kind, line, removed, max(figures.held_from or 0, takes_effect(removed)), until))
    return tuple(sorted(found, key=lambda each: (KINDS.index(each.kind), each.app_id or "")))


def _has_ended(lines: Sequence[AppLine], line: AppLine, instant: int) -> bool:
    """Whether another app of the partner could once read, and could not any more from an instant on."""
    ends = (each.figures.held_until for each in lines if each is not line)
    return any(end is not None and end <= instant for end in ends)


def _contradiction(
    kind: str, line: AppLine, step: Step | None, from_at: int | None, last_at: int | None, *, events: int | None = None
) -> Contradiction:
    return Contradiction(
        kind=kind,
        app_id=line.app_id,
        app_name="",
        step=None if step is None else step.step,
        step_at=None if step is None else step.at,
        step_at_is_date=step is not None and step.at_is_date,
        from_at=from_at,
        last_at=last_at,
        events=events,
    )


def takes_effect(step: Step) -> int:
    """The first instant that is later than a step, microseconds UTC: one with a bare date takes effect at its end."""
    return step.at + MICROSECONDS_PER_DAY if step.at_is_date else step.at + 1


def _latest(steps: Sequence[Step], names: Sequence[str]) -> Step | None:
    """The one of these steps that counts: the last, but for a pass that a later failure took away."""
    found: Step | None = None
    for step in steps:
        if step.step in names:
            found = step
        elif step.step == "audit_failed" and found is not None and found.step == "audit_passed":
            found = next((each for each in reversed(steps) if each.step == "deletion_certified"), None)
            found = found if "deletion_certified" in names else None
    return found


def statement_of(steps: Sequence[Step]) -> Step | None:
    """What the partner says, last, of how many people's data it held; None where it said nothing."""
    return next((step for step in reversed(steps) if step.step == STATEMENT), None)


def statement_short(statement: Step | None, people: int) -> Contradiction | None:
    """The contradiction of a partner that states fewer people than the log names; None where there is none.

    Args:
        statement: what it said last.
        people: distinct people of its improper events.
    """
    if statement is None or statement.details is None or (statement.details.people or 0) >= people:
        return None
    return Contradiction(
        kind=TOO_FEW,
        app_id=None,
        app_name="",
        step=STATEMENT,
        step_at=statement.at,
        step_at_is_date=statement.at_is_date,
        from_at=None,
        last_at=None,
        stated=statement.details.people,
        logged=people,
    )


def _lines(connection: sqlite3.Connection, partners: Collection[int], *, others: bool) -> dict[int, list[AppLine]]:
    """The apps of these partners of which the evidence says something; `others`: and all that read after a removal."""
    stale = is_stale(connection)
    owned = {app: partner for partner in partners for (app,) in connection.execute(_APPS_OF, (partner,))}
    figures = {} if stale else dict(app_figures(connection, owned))
    if others and not stale:
        figures |= apps_read_after_removal(connection)
    if stale:
        everybody = app_figures(connection)
        owned = dict(connection.execute(_OWNED_ANEW).fetchall())
        figures = {
            app: row for app, row in everybody.items() if owned.get(app) in partners or (others and row.after_removal)
        }
    lines: dict[int, list[AppLine]] = {}
    named = {app: (app_id, partner) for app, app_id, partner in _apps(connection, figures)}
    for app in sorted(figures):
        app_id, partner = named[app]
        lines.setdefault(owned.get(app, partner), []).append(AppLine(app_id, figures[app]))
    return lines


def _apps(connection: sqlite3.Connection, apps: Collection[int]) -> list[tuple[int, str, int]]:
    """The outside ids and the partners of these apps."""
    if len(apps) > _FEW:
        return connection.execute(_ALL_APPS).fetchall()
    return [row for app in apps for row in connection.execute(_APP, (app,))]


def contradiction_words(found: Contradiction) -> str:
    """The contradiction as a line: what, which app, since when; names and ids in it are as the data has them."""
    app = found.app_name if found.app_name == found.app_id else f"{found.app_name} ({found.app_id})"
    step = "" if found.step is None else f"{_STEPS[found.step]} of {_step_day(found)}"
    if found.kind == AFTER_REMOVAL:
        read = counted(found.events or 0, "read")
        return f"{read} after removal by {app}, {_span(found)}, over all evidence"
    if found.kind == AFTER_CERTIFICATE:
        return f"{app} read after {step}, last on {format_day(found.last_at or 0)}"
    if found.kind == TOO_FEW:
        stated, logged = found.stated or 0, found.logged or 0
        said = f"partner says {counted(stated, 'person', 'people')} ({_step_day(found)})"
        return f"{said}, the log says {count_words(logged)}: {count_words(logged - stated)} short"
    end = "still" if found.last_at is None else f"until {format_instant(found.last_at)[:16]}Z"
    if found.kind == STILL_ALIVE:
        return f"{app} could read after {step}: {end}"
    return f"sibling app {app} could read after {step}: {end}"


def _step_day(found: Contradiction) -> str:
    return format_day(found.step_at or 0)


def _span(found: Contradiction) -> str:
    first, last = format_day(found.from_at or 0), format_day(found.last_at or 0)
    return first if first == last else f"{first} .. {last}"


def contradiction_document(found: Contradiction) -> dict[str, object]:
    """A contradiction as JSON; `from_at` and `last_at` bound the rows that show it, `last_at` inclusive for reads."""
    return {
        "kind": found.kind,
        "text": contradiction_words(found),
        "app_id": found.app_id,
        "step": found.step,
        "step_at": None
        if found.step_at is None
        else format_day(found.step_at)
        if found.step_at_is_date
        else format_instant(found.step_at),
        "from_at": format_optional(found.from_at),
        "last_at": format_optional(found.last_at),
        "events": found.events,
        "stated": found.stated,
        "logged": found.logged,
    }
