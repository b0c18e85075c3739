"""What an app could read: the intervals in which a grant opened restricted data that no exemption covered."""

from store.patterns import contains, overlap
from store.registry import Exemption, Grant, Registry, merge, subtract
from store.rulebook import Rule, Rulebook
from store.shipped_scopes import shipped_scopes

FOREVER = 2**62


def scope_patterns(rulebook: Rulebook, grant: Grant) -> tuple[str, ...] | None:
    """What a grant's scope opens: the rulebook's word, else what is shipped for its vendor; None: nobody maps it."""
    mapped = rulebook.scopes.get(grant.scope)
    return mapped if mapped is not None else shipped_scopes(grant.vendor).get(grant.scope)


class Reach:
    """Answers, for one rulebook and registry, when each app could read restricted data (DOMAIN, retained).

    Args:
        cutoff: a what-if that replaces every rule's `from`, microseconds UTC.
    """

    def __init__(self, rulebook: Rulebook, registry: Registry, *, cutoff: int | None = None) -> None:
        self._rulebook = rulebook
        self._registry = registry
        self._cutoff = cutoff
        self._opened: dict[tuple[str, str, int], tuple[str, ...]] = {}

    def _rule_interval(self, rule: Rule) -> tuple[int, int]:
        start = rule.from_at if self._cutoff is None else self._cutoff
        return start, FOREVER if rule.until_at is None else rule.until_at

    def _open(self, grant: Grant, index: int) -> tuple[str, ...]:
        """The narrower patterns of every overlapping pair of a scope's and a rule's patterns."""
        key = (grant.vendor, grant.scope, index)
        if key not in self._opened:
            rule = self._rulebook.rules[index]
            opens = scope_patterns(self._rulebook, grant) or ()
            pairs = [overlap(one, other) for one in opens for other in rule.data_classes]
            self._opened[key] = tuple(dict.fromkeys(pattern for pattern in pairs if pattern is not None))
        return self._opened[key]

    def intervals(self, app: int) -> list[tuple[int, int]]:
        """When the app could read restricted data: disjoint half-open intervals, ascending, microseconds UTC."""
        exemptions = self._registry.exemptions.get(app, [])
        app_id = self._registry.app_ids[app]
        found: list[tuple[int, int]] = []
        for grant in self._registry.grants.get(app, ()):
            grant_end = FOREVER if grant.until_at is None else grant.until_at
            for index, rule in enumerate(self._rulebook.rules):
                if not rule.is_about(app_id):
                    continue
                rule_start, rule_end = self._rule_interval(rule)
                interval = (max(grant.granted_at, rule_start), min(grant_end, rule_end))
                if interval[0] >= interval[1]:
                    continue
                for pattern in self._open(grant, index):
                    holes = _exempt(exemptions, pattern) if rule.accepts_exemption else []
                    found.extend(subtract(interval, holes))
        return merge(found)

    def could_read_before(self, app: int, as_of: int) -> bool:
        """Whether the app could read restricted data at some instant before as-of."""
        intervals = self.intervals(app)
        return bool(intervals) and intervals[0][0] < as_of


def _exempt(exemptions: list[Exemption], pattern: str) -> list[tuple[int, int]]:
    """When one exemption covers all that the pattern means."""
    return merge(
        [
            (exemption.from_at, FOREVER if exemption.until_at is None else exemption.until_at)
            for exemption in exemptions
            if contains(exemption.pattern, pattern)
        ]
    )
