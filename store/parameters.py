"""The parameters every figure depends on besides the evidence, and how they get their defaults."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from store.instants import MICROSECONDS_PER_DAY, now

if TYPE_CHECKING:
    from store.rulebook import Rulebook
    from store.what_if import Variation

DEFAULT_WINDOW_DAYS = 60
MOST_WINDOW_DAYS = 36_500


@dataclass(frozen=True, slots=True)
class Parameters:
    """What the person asked for; None means the rulebook's own value.

    Attributes:
        as_of: exclusive instant that governs evidence, microseconds UTC.
        window_days: length of *recent*, days of 86,400 s.
        cutoff: a what-if that replaces every rule's `from`, microseconds UTC.
        today: the instant at which steps, clocks and overdue are judged, microseconds UTC.
        variation: a what-if that changes exceptions, or leaves apps out; None: the rules as they are.
    """

    as_of: int | None = None
    window_days: int | None = None
    cutoff: int | None = None
    today: int | None = None
    variation: "Variation | None" = None

    def are_defaults(self) -> bool:
        """Whether the evidence is asked for under the rulebook's own parameters."""
        return self.as_of is None and self.window_days is None and self.cutoff is None and self.variation is None


@dataclass(frozen=True, slots=True)
class View:
    """Parameters with every default filled in.

    Attributes:
        as_of: exclusive, microseconds UTC.
        window_days: days of 86,400 s.
        cutoff: minimum `from` over all rules; None without rules.
        recent_from: first instant of *recent*: `as_of - window_days x 86,400 s`.
        today: microseconds UTC.
        as_of_is_now: the rulebook names no as-of, so it moves with the clock.
        what_if_cutoff: replaces every rule's `from`; None: the rules' own count.
        variation: see `Parameters`.
    """

    as_of: int
    window_days: int
    cutoff: int | None
    recent_from: int
    today: int
    as_of_is_now: bool = False
    what_if_cutoff: int | None = None
    variation: "Variation | None" = None


def resolve(rulebook: "Rulebook", parameters: Parameters) -> View:
    """Fill in the defaults from the rulebook in force and the clock."""
    today = now() if parameters.today is None else parameters.today
    as_of = parameters.as_of if parameters.as_of is not None else rulebook.as_of
    window = parameters.window_days if parameters.window_days is not None else rulebook.window_days
    what_if = parameters.cutoff if rulebook.rules else None
    moving = as_of is None
    if as_of is None:
        as_of = now()
    return View(
        as_of=as_of,
        window_days=window,
        cutoff=rulebook.cutoff if what_if is None else what_if,
        recent_from=as_of - window * MICROSECONDS_PER_DAY,
        today=today,
        as_of_is_now=moving,
        what_if_cutoff=what_if,
        variation=parameters.variation,
    )
