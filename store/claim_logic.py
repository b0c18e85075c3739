"""What a public sentence claims of a figure, and what the evidence says to that: holds, broken, or unknown.

A figure's qualifier says between which bounds the true number lies; a comparison that every number between them meets
holds, one that none meets is broken, all else is unknown. Nothing here knows a store.
"""

import re
from typing import NamedTuple

from store.errors import UsageError
from store.kept import Evidence, Population

HOLDS, BROKEN, UNKNOWN = "holds", "broken", "unknown"
COMPARISONS = ("==", "!=", ">=", "<=", ">", "<")
MOST = 10**15
_READS = ("partners", "apps", "people", "resources", "data_classes", "events", "records")
# The figures a claim can be bound to: those whose qualifier says how far they can be trusted.
FIGURES = (
    *("retained.partners", "retained.apps"),
    *(f"{population}.{name}" for population in ("accessed", "recent", "after_removal") for name in _READS),
)
_TERM = re.compile(r"\s*([A-Za-z_]+\.[A-Za-z_]+)\s*(==|!=|>=|<=|>|<)\s*([0-9][0-9,_]{0,30})\s*", re.ASCII)


class Term(NamedTuple):
    """What is claimed: a figure's path, a comparison, and the number it is compared with."""

    figure: str
    comparison: str
    value: int

    def __str__(self) -> str:
        """As it is typed: `recent.partners >= 11`."""
        return f"{self.figure} {self.comparison} {self.value}"


class Bounds(NamedTuple):
    """Between which numbers the true one lies, both included.

    Attributes:
        counted: what is counted now. `qualifier`: how far it can be trusted.
        low: the true number is no lower. `high`: no higher; None where nothing bounds it.
    """

    counted: int
    qualifier: str
    low: int
    high: int | None


def parse_term(text: str) -> Term:
    """What `--that` says: `recent.partners >= 11`.

    Raises:
        UsageError: it is none of that form, or its figure is none a claim can be bound to.
    """
    match = _TERM.fullmatch(text)
    if match is None:
        raise UsageError(
            f'{text[:100]!r} is no comparison of a figure: write e.g. "recent.partners >= 11", with one of'
            f" {' '.join(COMPARISONS)}"
        )
    figure, comparison, digits = match.groups()
    value = int(digits.replace(",", "").replace("_", ""))
    if figure not in FIGURES:
        raise UsageError(f"{figure} is no figure that a claim can be bound to; those are {', '.join(FIGURES)}")
    if value > MOST:
        raise UsageError(f"{digits} is too large; at most {MOST:,}")
    return Term(figure, comparison, value)


def bounds(evidence: Evidence, figure: str) -> Bounds:
    """Between which numbers a figure truly lies.

    *Complete in the log*: it is what is counted. *At least*: no lower. *Unsettled*: no higher, as far as what was read
    is wholly logged, names its people and is decided; else anything. Records that the log does not count, scopes
    that the rulebook does not map, and grants and removals that nobody imported, only ever add.

    Args:
        figure: one of `FIGURES`.
    """
    population, name = figure.split(".")
    if population == "retained":
        counted = evidence.retained_partners if name == "partners" else evidence.retained_apps
        # Who read without a grant shows that the grants are not all known.
        its = evidence.accessed
        more = bool(evidence.unmapped_scopes or evidence.ungranted_partners) or not evidence.grants_known
    else:
        its = {
            "accessed": evidence.accessed,
            "recent": evidence.recent,
            "after_removal": evidence.after_removal,
        }[population]
        counted = int(getattr(its, name))
        more = name == "records" and its.events_without_records > 0
        # Without removals nothing can have been read after one.
        more |= population == "after_removal" and not evidence.removals_known
    if its.qualifier == "unsettled":
        high = counted if _is_whole(evidence, its, population) and not more else None
        return Bounds(counted, "unsettled", 0, high)
    if its.qualifier == "at_least" or more:
        return Bounds(counted, "at_least", counted, None)
    return Bounds(counted, "exact", counted, counted)


def _is_whole(evidence: Evidence, population: Population, name: str) -> bool:
    """Whether nothing but missing opt-ins and exemptions keeps a count from being complete in the log."""
    logged = evidence.window if name == "recent" else evidence.whole
    return (
        logged.is_complete
        and not evidence.quarantined
        and not evidence.verdicts["undetermined"]
        and not population.events_without_subject
        and not evidence.accessed.events_without_subject
    )


def outcome(term: Term, known: Bounds) -> str:
    """Whether what is claimed holds, is broken, or cannot be told."""
    value, low, high = term.value, known.low, known.high
    below = high is not None and high < value
    at_most = high is not None and high <= value
    is_it = low == high == value
    holds, broken = {
        "==": (is_it, low > value or below),
        "!=": (low > value or below, is_it),
        ">=": (low >= value, below),
        ">": (low > value, at_most),
        "<=": (at_most, low > value),
        "<": (below, low >= value),
    }[term.comparison]
    return HOLDS if holds else BROKEN if broken else UNKNOWN
