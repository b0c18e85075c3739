"""What a partner is called outside the store: its id and its name, from the registry in force.

An app that no partner claims is its own partner, called `app:<app_id>`.
"""

import sqlite3
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from store.connection import Store
from store.errors import UsageError
from store.ids import fold_id

UNCLAIMED = "app:"
_SUGGESTIONS = 3


class PartnerName(NamedTuple):
    """What to call a partner.

    Attributes:
        partner_id: outside id; `app:<app_id>` for an app without a partner, with `app:` once more where a real
            partner bears that id.
        name: as the registry in force says; the id where it says nothing.
        claimed: False for an app that no partner claims.
    """

    partner_id: str
    name: str
    claimed: bool


# A partner is known while something live names it, or once somebody worked on it.
_WORKED_ON = """
SELECT partner FROM cases
UNION SELECT partner FROM audit_steps WHERE partner IS NOT NULL
UNION SELECT partner FROM live_steps
"""
_PARTNERS = """
WITH v AS MATERIALIZED (SELECT partner, name FROM live_partners)
SELECT p.id, p.partner_id, v.name,
  v.partner IS NOT NULL OR p.id IN (SELECT partner FROM live_apps WHERE partner IS NOT NULL)
FROM partners p
LEFT JOIN v ON v.partner = p.id
WHERE p.partner_id IS NOT NULL
"""
_APPS = """
WITH v AS MATERIALIZED (SELECT app, name, partner FROM live_apps)
SELECT p.id, a.app_id, v.name, v.partner IS NULL
FROM partners p
JOIN apps a ON a.id = p.app
LEFT JOIN v ON v.app = a.id
"""
_PARTNER_IDS = "SELECT partner_id FROM partners WHERE partner_id IS NOT NULL"
_APP_IDS = "SELECT app_id FROM apps"
_ONE = "SELECT p.partner_id, a.app_id FROM partners p LEFT JOIN apps a ON a.id = p.app WHERE p.id = ?"
# The live views are sought through whole; one partner's newest live version is found without them.
_ONE_PARTNER_NAME = """
SELECT v.name FROM partner_versions v
WHERE v.partner = ? AND EXISTS (
  SELECT 1 FROM holdings h JOIN live_contents l ON l.content_id = h.content_id
  WHERE h.kind = 'partners' AND h.version_id = v.version_id)
ORDER BY v.version_id DESC LIMIT 1
"""
_ONE_APP_NAME = """
SELECT v.name FROM partners p JOIN app_versions v ON v.app = p.app
WHERE p.id = ? AND EXISTS (
  SELECT 1 FROM holdings h JOIN live_contents l ON l.content_id = h.content_id
  WHERE h.kind = 'apps' AND h.version_id = v.version_id)
ORDER BY v.version_id DESC LIMIT 1
"""


def worked_on(connection: sqlite3.Connection) -> set[int]:
    """The partners that somebody worked on, by internal id: known for that alone."""
    return {int(partner) for (partner,) in connection.execute(_WORKED_ON)}


def partner_names(connection: sqlite3.Connection) -> dict[int, PartnerName]:
    """What every known partner is called, by internal id.

    An app's own row is left out while a partner claims the app, unless somebody worked on it.
    """
    worked_on = {int(partner) for (partner,) in connection.execute(_WORKED_ON)}
    names = {
        int(partner): PartnerName(partner_id, name or partner_id, True)
        for partner, partner_id, name, known in connection.execute(_PARTNERS)
        if known or partner in worked_on
    }
    collisions = _collisions(connection)
    for partner, app_id, name, unclaimed in connection.execute(_APPS):
        if unclaimed or partner in worked_on:
            outside = collisions.get(app_id, UNCLAIMED + app_id)
            names[int(partner)] = PartnerName(outside, name or outside, False)
    return names


def partner_id_of(connection: sqlite3.Connection, partner: int) -> str:
    """The outside id of a partner.

    Raises:
        UsageError: there is no partner of that internal id.
    """
    row = connection.execute(_ONE, (partner,)).fetchone()
    if row is None:
        raise UsageError(f"no partner has the internal number {partner}; look again")
    partner_id, app_id = row
    if partner_id is not None:
        return str(partner_id)
    outside = f"{UNCLAIMED}{app_id}"
    if connection.execute("SELECT 1 FROM partners WHERE partner_id = ?", (outside,)).fetchone() is None:
        return outside
    return _collisions(connection)[app_id]


def partner_name(connection: sqlite3.Connection, partner: int) -> PartnerName:
    """What one partner is called: `partner_names` for a single one.

    Raises:
        UsageError: there is no partner of that internal id.
    """
    partner_id = partner_id_of(connection, partner)
    claimed = connection.execute("SELECT app IS NULL FROM partners WHERE id = ?", (partner,)).fetchone()[0]
    row = connection.execute(_ONE_PARTNER_NAME if claimed else _ONE_APP_NAME, (partner,)).fetchone()
    return PartnerName(partner_id, partner_id if row is None else str(row[0]), bool(claimed))


def name_of(store: Store, partner: int) -> PartnerName:
    """What one partner is called.

    Raises:
        UsageError: there is no partner of that internal id.
    """
    with store.reading() as connection:
        return partner_name(connection, partner)


def names_by_id(store: Store) -> dict[str, str]:
    """What every known partner is called, by its outside id."""
    with store.reading() as connection:
        return {each.partner_id: each.name for each in partner_names(connection).values()}


def find_partner(store: Store, partner_id: str) -> int:
    """The internal id of the partner with this outside id.

    Raises:
        UsageError: unknown; the message names the nearest ids.
    """
    return find_partners(store, [partner_id])[0]


def find_partners(store: Store, partner_ids: Sequence[str]) -> list[int]:
    """The internal ids of the partners with these outside ids, in the order given.

    Raises:
        UsageError: one of them is unknown; the message names the nearest ids.
    """
    with store.reading() as connection:
        names = partner_names(connection)
    by_id = {name.partner_id: partner for partner, name in names.items()}
    found = []
    for wanted in partner_ids:
        key = fold_id(wanted)
        if key not in by_id:
            raise UsageError(_unknown(wanted, names.values()))
        found.append(by_id[key])
    return found


def _collisions(connection: sqlite3.Connection) -> dict[str, str]:
    """The outside ids of those apps whose plain `app:<app_id>` is a real partner's id, by app_id."""
    taken = {str(partner_id) for (partner_id,) in connection.execute(_PARTNER_IDS)}
    app_ids = sorted(str(app_id) for (app_id,) in connection.execute(_APP_IDS))
    colliding = [app_id for app_id in app_ids if UNCLAIMED + app_id in taken]
    taken.update(UNCLAIMED + app_id for app_id in app_ids)
    chosen = {}
    for app_id in colliding:
        outside = UNCLAIMED + app_id
        while outside in taken:
            outside = UNCLAIMED + outside
        taken.add(outside)
        chosen[app_id] = outside
    return chosen


def _unknown(wanted: str, names: Iterable[PartnerName]) -> str:
    from difflib import get_close_matches

    known = list(names)
    if not known:
        return f"no such partner: {wanted!r} - the store knows no partners yet; import a registry or a log first"
    folded = wanted.strip().casefold()
    nearest = [name.partner_id for name in known if folded in (name.name.casefold(), name.partner_id.casefold())]
    if not nearest:
        nearest = get_close_matches(wanted, [name.partner_id for name in known], n=_SUGGESTIONS, cutoff=0.5)
    if not nearest:
        return f"no such partner: {wanted!r} - `python -m store partners` lists the {len(known):,} known ones"
    return f"no such partner: {wanted!r}; the nearest: {', '.join(nearest[:_SUGGESTIONS])}"
