"""What one app could read: by which grants, until which removal, and when that was under an exemption.

The rows behind "access still alive after it was removed" (`store.contradictions`), as the registry in force tells them.
"""

import sqlite3
from dataclasses import dataclass
from typing import NamedTuple

from store.connection import Store
from store.errors import UsageError
from store.in_force import in_force
from store.instants import format_instant, format_optional
from store.reach import FOREVER, Reach
from store.words import count_words

# So many grants are told one by one; of more, those that end last.
MOST_TOLD = 200
Line = tuple[str, str]


class GrantTold(NamedTuple):
    """A grant in force in `[granted_at, until_at)`, microseconds UTC.

    Attributes:
        resource_id, granted_by: None where the registry does not say.
        until_at: its revocation or the first removal after it, whichever comes first; None: nothing ends it.
        removed_at: that removal; None without one.
        import_id, file, record_no: the newest live import that holds it.
    """

    scope: str
    resource_id: str | None
    granted_by: str | None
    granted_at: int
    revoked_at: int | None
    removed_at: int | None
    until_at: int | None
    import_id: int
    file: str
    record_no: int


class RemovalTold(NamedTuple):
    """A removal of all that the app was granted before it, microseconds UTC."""

    removed_at: int
    reason: str | None
    import_id: int
    file: str
    record_no: int


class ExemptionTold(NamedTuple):
    """An approval to keep reading what the pattern means, in `[from_at, until_at)`, microseconds UTC."""

    pattern: str
    from_at: int
    until_at: int | None
    reason: str | None


@dataclass(frozen=True, slots=True)
class AppAccess:
    """All that the registry says of what an app could read.

    Attributes:
        could_read: restricted data, newest first, half-open intervals, microseconds UTC; an end of None: still.
        grants: those that end last first, at most `MOST_TOLD`; `grants_known`: how many there are.
        removals: the newest first. `exemptions`: the oldest first.
    """

    app_id: str
    name: str
    could_read: tuple[tuple[int, int | None], ...]
    grants: tuple[GrantTold, ...]
    grants_known: int
    removals: tuple[RemovalTold, ...]
    exemptions: tuple[ExemptionTold, ...]


_GRANTS = in_force(
    table="grants",
    kind="grants",
    which="app = :app",
    columns="v.scope, (SELECT r.resource_id FROM resources r WHERE r.id = v.resource), v.granted_by, v.granted_at,"
    " v.revoked_at",
)
_REMOVALS = in_force(table="removals", kind="removals", which="app = :app", columns="v.removed_at, v.reason")
_EXEMPTIONS = in_force(
    table="exemptions",
    kind="exemptions",
    which="app = :app",
    columns="v.data_class, v.exempt_from, v.exempt_until, v.reason",
)
_SOURCE = """
SELECT i.import_id, i.file, h.record_no
FROM holdings h JOIN imports i ON i.import_id = h.content_id
WHERE h.kind = ? AND h.version_id = ? AND h.content_id IN (SELECT content_id FROM live_contents)
ORDER BY h.content_id DESC LIMIT 1
"""


def access_of(store: Store, partner: int, app_id: str | None = None) -> list[AppAccess]:
    """What the apps of a partner (internal id) could read, and by what; by outside id.

    Args:
        app_id: only this one (outside id).

    Raises:
        UsageError: the partner has no such app.
    """
    from store.world import world_of

    with store.reading() as connection:
        registry = world_of(store, connection).registry
        own = sorted(registry.app_ids[app] for app in registry.apps_of.get(partner, ()))
        return [app_access(store, partner, each) for each in (own if app_id is None else [app_id])]


def app_access(store: Store, partner: int, app_id: str) -> AppAccess:
    """What an app (outside id) of a partner (internal id) could read, and by what.

    Raises:
        UsageError: the partner has no such app.
    """
    from store.world import world_of

    with store.reading() as connection:
        world = world_of(store, connection)
        registry = world.registry
        own = {registry.app_ids[app]: app for app in registry.apps_of.get(partner, ())}
        if app_id not in own:
            known = f"its apps are {', '.join(sorted(own)[:20])}" if own else "it has none"
            raise UsageError(f"the partner has no app {app_id!r}; {known}")
        app = own[app_id]
        removals = _removals(connection, app)
        grants = _grants(connection, app, [each.removed_at for each in removals])
        told = tuple(
            GrantTold(*grant, *_source(connection, "grants", version)) for grant, version in grants[:MOST_TOLD]
        )
        intervals = Reach(world.rulebook, registry).intervals(app)
        exemptions = [ExemptionTold(*row[:-1]) for row in connection.execute(_EXEMPTIONS, {"app": app})]
        return AppAccess(
            app_id=app_id,
            name=world.label(app),
            could_read=tuple((start, None if end >= FOREVER else end) for start, end in reversed(intervals)),
            grants=told,
            grants_known=len(grants),
            removals=tuple(removals),
            exemptions=tuple(sorted(exemptions, key=lambda each: (each.from_at, each.pattern))),
        )


_Grant = tuple[str, str | None, str | None, int, int | None, int | None, int | None]


def _grants(connection: sqlite3.Connection, app: int, removals: list[int]) -> list[tuple[_Grant, int]]:
    """The grants without their sources, each with its version, in the order of `AppAccess`."""
    found: list[tuple[_Grant, int]] = []
    for scope, resource, granted_by, granted_at, revoked_at, version in connection.execute(_GRANTS, {"app": app}):
        removed_at = min((at for at in removals if at > granted_at), default=None)
        until_at = min((at for at in (revoked_at, removed_at) if at is not None), default=None)
        grant = scope, resource, granted_by, granted_at, revoked_at, removed_at, until_at
        found.append((grant, version))
    return sorted(found, key=lambda each: (-(FOREVER if each[0][6] is None else each[0][6]), -each[0][3], each[1]))


def _removals(connection: sqlite3.Connection, app: int) -> list[RemovalTold]:
    rows = connection.execute(_REMOVALS, {"app": app}).fetchall()
    found = [RemovalTold(at, reason, *_source(connection, "removals", version)) for at, reason, version in rows]
    return sorted(found, key=lambda each: -each.removed_at)


def _source(connection: sqlite3.Connection, kind: str, version: int) -> tuple[int, str, int]:
    import_id, file, record_no = connection.execute(_SOURCE, (kind, version)).fetchone()
    return import_id, file, record_no


def access_lines(access: AppAccess) -> list[Line]:
    """The same in words, name and value, the name empty where it goes on; texts of the data are in it as they are."""
    named = access.name if access.name == access.app_id else f"{access.name} ({access.app_id})"
    lines: list[Line] = [("App", named)]
    never = "never: no grant opens restricted data"
    lines += _named("Could read", [_interval(*each) for each in access.could_read] or [never])
    lines += _named(
        "Removed",
        [
            f"{format_instant(each.removed_at)}{f'  {each.reason}' if each.reason else ''}  {_from(each)}"
            for each in access.removals
        ]
        or ["never"],
    )
    grants = []
    for each in access.grants:
        of = f" of {each.resource_id}" if each.resource_id else ""
        by = f"  by {each.granted_by}" if each.granted_by else ""
        grants.append(f"{_interval(each.granted_at, each.until_at)}, {_end(each)}  {each.scope}{of}{by}  {_from(each)}")
    if access.grants_known > len(access.grants):
        grants.append(f"and {count_words(access.grants_known - len(access.grants))} more that ended earlier")
    lines += _named("Granted", grants or ["nothing that the registry knows"])
    exempt = [
        f"{_interval(each.from_at, each.until_at)}  {each.pattern}{f'  {each.reason}' if each.reason else ''}"
        for each in access.exemptions
    ]
    return lines + _named("Exempt", exempt or ["no"])


def _named(name: str, values: list[str]) -> list[Line]:
    return [("" if place else name, value) for place, value in enumerate(values)]


def _interval(from_at: int, until_at: int | None) -> str:
    return f"{format_instant(from_at)} .. {'still' if until_at is None else format_instant(until_at)}"


def _end(grant: GrantTold) -> str:
    if grant.until_at is None:
        return "not ended"
    return "removed" if grant.until_at == grant.removed_at else "revoked"


def _from(told: GrantTold | RemovalTold) -> str:
    return f"import {told.import_id}, {told.file}, record {count_words(told.record_no)}"


def access_document(access: AppAccess) -> dict[str, object]:
    """The same as JSON; an end of null: still."""
    return {
        "app_id": access.app_id,
        "name": access.name,
        "could_read": [
            {"from": format_instant(start), "until": format_optional(end)} for start, end in access.could_read
        ],
        "grants_known": access.grants_known,
        "grants": [
            {
                "scope": each.scope,
                "resource_id": each.resource_id,
                "granted_by": each.granted_by,
                "granted_at": format_instant(each.granted_at),
                "revoked_at": format_optional(each.revoked_at),
                "removed_at": format_optional(each.removed_at),
                "until": format_optional(each.until_at),
                "source": _source_document(each),
            }
            for each in access.grants
        ],
        "removals": [
            {"removed_at": format_instant(each.removed_at), "reason": each.reason, "source": _source_document(each)}
            for each in access.removals
        ],
        "exemptions": [
            {
                "data_class": each.pattern,
                "from": format_instant(each.from_at),
                "until": format_optional(each.until_at),
                "reason": each.reason,
            }
            for each in access.exemptions
        ],
    }


def _source_document(told: GrantTold | RemovalTold) -> dict[str, object]:
    return {"import_id": told.import_id, "file": told.file, "record_no": told.record_no}
