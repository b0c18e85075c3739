"""Which apps could read restricted data before an as-of, under any cut-off, without going through the grants again."""

from typing import NamedTuple

import numpy as np

from store.parameters import View
from store.reach import FOREVER, Opening, Reach, scope_patterns, while_in_force
from store.remembered import Remembered
from store.segments import Column
from store.world import World


class _Openings(NamedTuple):
    """What `Reach.openings` says of every app, one value each, by app."""

    app: Column
    rule: Column
    from_at: Column
    until_at: Column


_OPENINGS: Remembered[_Openings] = Remembered()
_UNMAPPED: Remembered[tuple[str, ...]] = Remembered()


def able_apps(world: World, view: View) -> Column:
    """The apps that could read restricted data before as-of (DOMAIN, retained): internal ids, ascending."""
    openings = _OPENINGS.get(world, None, lambda: _all(world))
    rules, what_if = world.rulebook.rules, view.what_if_cutoff
    starts = np.array([rule.from_at if what_if is None else what_if for rule in rules], dtype=np.int64)
    ends = np.array([FOREVER if rule.until_at is None else rule.until_at for rule in rules], dtype=np.int64)
    if not len(openings.app):
        return openings.app
    begins = np.maximum(openings.from_at, starts[openings.rule])
    finishes = np.minimum(np.minimum(openings.until_at, ends[openings.rule]), view.as_of)
    able = openings.app[begins < finishes]
    return able[np.append(True, able[1:] != able[:-1])] if len(able) else able


def last_held(world: World) -> dict[int, tuple[int, int]]:
    """App -> the last half-open interval in which it could read restricted data, microseconds UTC; others are left out.

    Under the rulebook's own cut-offs, whatever the as-of.
    """
    openings = _OPENINGS.get(world, None, lambda: _all(world))
    found: dict[int, list[Opening]] = {}
    for app, *opening in zip(*(column.tolist() for column in openings), strict=True):
        found.setdefault(app, []).append(Opening(*opening))
    held = {app: while_in_force(each, world.rulebook.rules) for app, each in found.items()}
    return {app: intervals[-1] for app, intervals in held.items() if intervals}


def _all(world: World) -> _Openings:
    reach = Reach(world.rulebook, world.registry)
    rows = [(app, *each) for app in sorted(world.registry.grants) for each in reach.openings(app)]
    table = np.array(rows, dtype=np.int64).reshape(-1, len(_Openings._fields))
    return _Openings(*np.ascontiguousarray(table.T))


def unmapped_scopes(world: World) -> tuple[str, ...]:
    """The granted scopes that nobody maps to data classes, sorted: they cover nothing. None without rules."""
    return _UNMAPPED.get(world, None, lambda: _unmapped(world)) if world.rulebook.rules else ()


def _unmapped(world: World) -> tuple[str, ...]:
    grants = {grant.scope: grant for grants in world.registry.grants.values() for grant in grants}
    return tuple(sorted(scope for scope, grant in grants.items() if scope_patterns(world.rulebook, grant) is None))
