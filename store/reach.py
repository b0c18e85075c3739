"""What an app could read: the intervals in which a grant opened restricted data that no exemption covered."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from store.patterns import contains, overlap
from store.registry import Exemption, Grant, Registry, merge, subtract
from store.rulebook import Rule, Rulebook
from store.shipped_scopes import shipped_scopes

FOREVER = 2**62


def scope_patterns(rulebook: Rulebook, grant: Grant) -> tuple[str, ...] | None:
    """What a grant's scope opens: the rulebook's word, else what is shipped for its vendor; None: nobody maps it."""
    mapped = rulebook.scopes.get(grant.scope)
    return mapped if mapped is not None else shipped_scopes(grant.vendor).get(grant.scope)


class Opening(NamedTuple):
    """In `[from_at, until_at)`, microseconds UTC, a grant opened what a rule (its index) restricts while in force."""

    rule: int
    from_at: int
    until_at: int


class Reach:
    """Answers, for one rulebook and registry, when each app could read restricted data (DOMAIN, retained)."""

    def __init__(self, rulebook: Rulebook, registry: Registry) -> None:
        self._rulebook = rulebook
        self._registry = registry
        self._opened: dict[tuple[str, str, int], tuple[str, ...]] = {}

    def _open(self, grant: Grant, index: int) -> tuple[str, ...]:
        """The narrower patterns of every overlapping pair of a scope's and a rule's patterns."""
        key = (grant.vendor, grant.scope, index)
        if key not in self._opened:
            rule = self._rulebook.rules[index]
            opens = scope_patterns(self._rulebook, grant) or ()
            pairs = [overlap(one, other) for one in opens for other in rule.data_classes]
            self._opened[key] = tuple(dict.fromkeys(pattern for pattern in pairs if pattern is not None))
        return self._opened[key]

    def openings(self, app: int) -> list[Opening]:
        """What was open to the app of what each rule restricts, whenever the rule is in force."""
        exemptions = self._registry.exemptions.get(app, [])
        app_id = self._registry.app_ids[app]
        found: dict[int, list[tuple[int, int]]] = {}
        for grant in self._registry.grants.get(app, ()):
            interval = grant.granted_at, FOREVER if grant.until_at is None else grant.until_at
            for index, rule in enumerate(self._rulebook.rules):
                if not rule.is_about(app_id):
                    continue
                for pattern in self._open(grant, index):
                    holes = _exempt(exemptions, pattern) if rule.accepts_exemption else []
                    found.setdefault(index, []).extend(subtract(interval, holes))
        return [Opening(index, *each) for index, intervals in found.items() for each in merge(intervals)]

    def intervals(self, app: int) -> list[tuple[int, int]]:
        """When the app could read restricted data: disjoint half-open intervals, ascending, microseconds UTC."""
        return while_in_force(self.openings(app), self._rulebook.rules)


def while_in_force(openings: Iterable[Opening], rules: Sequence[Rule]) -> list[tuple[int, int]]:
    """When something was open while the rule that restricts it was in force: disjoint, half-open, ascending."""
    found = []
    for index, from_at, until_at in openings:
        rule = rules[index]
        end = FOREVER if rule.until_at is None else rule.until_at
        found.append((max(from_at, rule.from_at), min(until_at, end)))
    return merge(found)


def _exempt(exemptions: list[Exemption], pattern: str) -> list[tuple[int, int]]:
    """When one exemption covers all that the pattern means."""
    return merge(
        [
            (exemption.from_at, FOREVER if exemption.until_at is None else exemption.until_at)
            for exemption in exemptions
            if contains(exemption.pattern, pattern)
        ]
    )
