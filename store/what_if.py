"""What if other exceptions were accepted, or an app had nothing to do with it: another rulebook for the same evidence.

A what-if answers questions; it is written nowhere and never touches a case.
"""

import sqlite3
from collections.abc import Collection, Iterable
from dataclasses import replace
from typing import NamedTuple

from store.errors import UsageError
from store.ids import fold_id
from store.rulebook import EXCEPTIONS, Rule, Rulebook

_APP_IDS = "SELECT app_id FROM apps"


class Variation(NamedTuple):
    """How the rules of a what-if differ from the rulebook's.

    Attributes:
        without: exceptions that no rule accepts: of `opt_in`, `exemption`.
        accepting: exceptions that every rule accepts.
        without_apps: outside ids of apps that no rule is about: their reads are allowed, and they did not keep access.
    """

    without: frozenset[str] = frozenset()
    accepting: frozenset[str] = frozenset()
    without_apps: frozenset[str] = frozenset()


def variation(
    *, without: Collection[str] = (), accepting: Collection[str] = (), without_apps: Collection[str] = ()
) -> Variation:
    """A variation, checked.

    Raises:
        UsageError: no such exception, or one is both dropped and accepted.
    """
    strange = sorted({*without, *accepting} - {*EXCEPTIONS})
    if strange:
        raise UsageError(f"no such exception: {strange[0]!r}; choose one of {', '.join(EXCEPTIONS)}")
    both = sorted({*without} & {*accepting})
    if both:
        raise UsageError(f"the exception {both[0]} cannot be both dropped and accepted")
    return Variation(frozenset(without), frozenset(accepting), frozenset(fold_id(app) for app in without_apps))


def check_apps(connection: sqlite3.Connection, changes: Variation) -> None:
    """Refuse a what-if that leaves out an app of which the store knows nothing.

    Raises:
        UsageError: unknown; the message names the nearest ids.
    """
    if not changes.without_apps:
        return
    known = {fold_id(str(app_id)): str(app_id) for (app_id,) in connection.execute(_APP_IDS)}
    for wanted in sorted(changes.without_apps - known.keys()):
        raise UsageError(f"no such app: {wanted!r}{nearest(wanted, known.values())}")


def nearest(wanted: str, known: Iterable[str]) -> str:
    """What may have been meant, for the end of a refusal: `; the nearest: Later`; empty where nothing is near."""
    from difflib import get_close_matches

    names = sorted(known)
    near = get_close_matches(wanted, names, n=3, cutoff=0.5) or (names if len(names) <= 3 else [])
    return f"; the nearest: {', '.join(near)}" if near else ""


def varied(rulebook: Rulebook, changes: Variation) -> Rulebook:
    """The rulebook under a variation: the same rules in the same order, in force at the same times."""
    return replace(rulebook, rules=tuple(_varied(rule, changes) for rule in rulebook.rules))


def _varied(rule: Rule, changes: Variation) -> Rule:
    accepts = {
        name: name in changes.accepting or (accepted and name not in changes.without)
        for name, accepted in (("opt_in", rule.accepts_opt_in), ("exemption", rule.accepts_exemption))
    }
    return replace(
        rule,
        accepts_opt_in=accepts["opt_in"],
        accepts_exemption=accepts["exemption"],
        not_apps=rule.not_apps | changes.without_apps,
    )


def variation_words(changes: Variation) -> str:
    """The variation in words: `without opt-ins; without app 118804`; empty for none."""
    told = [f"without {_EXCEPTION_WORDS[name]}" for name in sorted(changes.without)]
    told += [f"accepting {_EXCEPTION_WORDS[name]}" for name in sorted(changes.accepting)]
    told += [f"without app {app}" for app in sorted(changes.without_apps)]
    return "; ".join(told)


_EXCEPTION_WORDS = {"opt_in": "opt-ins", "exemption": "exemptions"}
