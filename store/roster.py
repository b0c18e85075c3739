"""Which partners and apps are known, and whose app is whose: what a list of partners says whatever the view."""

import sqlite3
from typing import NamedTuple

import numpy as np

from store.columns import COUNTED_SEGMENTS, distinct
from store.names import partner_names, worked_on
from store.remembered import Remembered
from store.segments import Column, read_column
from store.world import World


class RosterLine(NamedTuple):
    """A known partner: see `store.kept.PartnerFigures`."""

    partner: int
    partner_id: str
    name: str
    claimed: bool
    apps: int
    app_names: str


_OWNERS: Remembered[Column] = Remembered()


def owners(world: World) -> Column:
    """App -> partner, internal ids, as a column by app."""
    return _OWNERS.get(world, None, lambda: _owners(world))


def _owners(world: World) -> Column:
    partner_of = np.zeros(max(world.registry.app_ids, default=0) + 1, dtype=np.int64)
    for app, partner in world.registry.partner_of.items():
        partner_of[app] = partner
    return partner_of


def known_partners(connection: sqlite3.Connection, world: World) -> list[RosterLine]:
    """Every known partner, by internal id.

    Args:
        world: of the connection's snapshot.
    """
    registry = world.registry
    apps_of: dict[int, list[int]] = {}
    for app in sorted(_known_apps(connection, world)):
        apps_of.setdefault(registry.partner_of[app], []).append(app)
    kept = worked_on(connection)
    return [
        RosterLine(
            partner=partner,
            partner_id=name.partner_id,
            name=name.name,
            claimed=name.claimed,
            apps=len(apps_of.get(partner, ())),
            app_names="\n".join(part for app in apps_of.get(partner, ()) for part in _called(world, app)),
        )
        for partner, name in sorted(partner_names(connection).items())
        if name.claimed or partner in apps_of or partner in kept
    ]


def _called(world: World, app: int) -> tuple[str, ...]:
    app_id = world.registry.app_ids[app]
    name = world.registry.app_names.get(app)
    return (app_id,) if name in (None, app_id) else (str(name), app_id)


def _known_apps(connection: sqlite3.Connection, world: World) -> set[int]:
    registry = world.registry
    known = set(registry.app_names) | set(registry.grants) | set(registry.removals) | set(registry.exemptions)
    for content_id, segment in connection.execute(COUNTED_SEGMENTS).fetchall():
        known.update(distinct(read_column(connection, content_id, segment, "app")).tolist())
    return known
