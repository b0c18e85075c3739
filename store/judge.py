"""Verdicts, exactly as DOMAIN says: every event has one, and the rule that decided it.

An event's verdict depends on little: its data classes, whether it succeeded, which rules are about its app, which of
its classes are exempt, what opt-ins say, and which rules are in force at its time. `Judge` settles each such
combination once; `store.columns` looks the answers up for millions of events.
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from store.rulebook import Rule, Rulebook

# In order of severity; `denied` is not an access.
ALLOWED, BY_EXEMPTION, BY_OPT_IN, UNDETERMINED, IMPROPER, DENIED = range(6)
VERDICT_NAMES = ("allowed", "allowed_by_exemption", "allowed_by_opt_in", "undetermined", "improper", "denied")

# What opt-ins say of an event: nothing; its subject opted in; its subject is unknown and somebody's opt-in matches.
NO_OPT_IN, OPTED_IN, SOMEBODY_OPTED_IN = range(3)

NO_RULE = -1


class Situation(NamedTuple):
    """What a verdict depends on besides the rules in force.

    Attributes:
        data_classes: sorted, as in the dictionary.
        success: False for a denied or failed attempt.
        about: indices of the rules that are about the event's app, ascending.
        exempt: bit i set: an exemption in force covers `data_classes[i]`.
        opt_in: `NO_OPT_IN`, `OPTED_IN` or `SOMEBODY_OPTED_IN`.
    """

    data_classes: tuple[str, ...]
    success: bool
    about: tuple[int, ...]
    exempt: int
    opt_in: int


class Judge:
    """Settles situations under one rulebook.

    Args:
        rulebook: its rules, in rulebook order.
        cutoff: a what-if that replaces every rule's `from`, microseconds UTC; each `until` stays.
    """

    def __init__(self, rulebook: Rulebook, *, cutoff: int | None = None) -> None:
        self.rules = rulebook.rules
        self._starts = [rule.from_at if cutoff is None else cutoff for rule in self.rules]
        ends = [rule.until_at for rule in self.rules if rule.until_at is not None]
        self.bounds: tuple[int, ...] = tuple(sorted({*self._starts, *ends}))
        self._restricts: dict[tuple[int, str], bool] = {}

    def about(self, app_id: str) -> tuple[int, ...]:
        """The rules that are about an app, as ascending indices."""
        return tuple(index for index, rule in enumerate(self.rules) if rule.is_about(app_id))

    def in_force(self, period: int) -> frozenset[int]:
        """The rules in force in a period: period 0 ends at the first bound, period i begins at bound i-1."""
        if period == 0:
            return frozenset()
        at = self.bounds[period - 1]
        return frozenset(
            index
            for index, rule in enumerate(self.rules)
            if self._starts[index] <= at and (rule.until_at is None or at < rule.until_at)
        )

    def settle(self, situation: Situation, in_force: frozenset[int]) -> tuple[int, int]:
        """The verdict of a situation and the index of the deciding rule, `NO_RULE` where no rule restricts it."""
        if not situation.success:
            return DENIED, NO_RULE
        worst, deciding = ALLOWED, NO_RULE
        for _, verdict, rule in self._settle_classes(situation, in_force):
            if verdict > worst or (verdict == worst and rule < deciding):
                worst, deciding = verdict, rule
        return worst, deciding

    def improper_classes(self, situation: Situation, in_force: frozenset[int]) -> tuple[str, ...]:
        """The data classes of a situation that are improper on their own, sorted."""
        if not situation.success:
            return ()
        settled = self._settle_classes(situation, in_force)
        return tuple(data_class for data_class, verdict, _ in settled if verdict == IMPROPER)

    def _settle_classes(self, situation: Situation, in_force: frozenset[int]) -> Iterator[tuple[str, int, int]]:
        """Each restricted class with its verdict and the first rule that restricts it."""
        for place, data_class in enumerate(situation.data_classes):
            restricting = [
                index for index in situation.about if index in in_force and self._does_restrict(index, data_class)
            ]
            if restricting:
                exempt = bool(situation.exempt >> place & 1)
                rules = [self.rules[index] for index in restricting]
                yield data_class, settle_class(rules, exempt, situation.opt_in), restricting[0]

    def _does_restrict(self, index: int, data_class: str) -> bool:
        key = (index, data_class)
        if key not in self._restricts:
            self._restricts[key] = self.rules[index].restricts(data_class)
        return self._restricts[key]


def settle_class(restricting: Sequence[Rule], exempt: bool, opt_in: int) -> int:
    """The verdict of one data class that these rules restrict, in DOMAIN's order.

    Args:
        exempt: an exemption of the app for this class is in force.
        opt_in: `NO_OPT_IN`, `OPTED_IN` or `SOMEBODY_OPTED_IN`.
    """
    if exempt and all(rule.accepts_exemption for rule in restricting):
        return BY_EXEMPTION
    if opt_in != NO_OPT_IN and all(rule.accepts_opt_in for rule in restricting):
        return BY_OPT_IN if opt_in == OPTED_IN else UNDETERMINED
    return IMPROPER
