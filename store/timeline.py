"""When it happened: counts per bin, what else happened, what could be read, and what is not logged."""

from dataclasses import dataclass
from typing import NamedTuple

from store.connection import Store

VERDICTS = ("improper", "undetermined", "allowed_by_opt_in", "allowed_by_exemption", "allowed", "denied")


class Bin(NamedTuple):
    """Events in `[from_at, until_at)`, microseconds UTC, by verdict."""

    from_at: int
    until_at: int
    improper: int
    allowed: int
    allowed_by_opt_in: int
    allowed_by_exemption: int
    denied: int
    undetermined: int


class Marker(NamedTuple):
    """Something dated beside the reads. `kind`: rule, grant, revoke, removal, step, flag, clear, reopen, import."""

    at: int
    kind: str
    text: str


class Gap(NamedTuple):
    """An interval `[from_at, until_at)` that a source does not cover (`inferred`: no source was imported)."""

    from_at: int
    until_at: int
    source: str


@dataclass(frozen=True, slots=True)
class Timeline:
    """A partner's, or everybody's, time from `from_at` to `until_at` (exclusive), microseconds UTC.

    Attributes:
        bins: exactly as many as asked for; bin i begins at `from + i*(until-from)//N`. As-of does not clip them.
        markers: oldest first.
        gaps: oldest first.
        could_read: intervals in which a grant opened restricted data and no exemption covered it.
    """

    from_at: int
    until_at: int
    bins: tuple[Bin, ...]
    markers: tuple[Marker, ...]
    gaps: tuple[Gap, ...]
    could_read: tuple[tuple[int, int], ...]


def timeline(store: Store, partner: int | None, *, from_at: int, until_at: int, bins: int) -> Timeline:
    """The timeline of a partner (its internal id), or of all partners together (None)."""
    raise NotImplementedError


def whole_span(store: Store, partner: int | None) -> tuple[int, int]:
    """Whole days `[from, until)` that hold every event, the cut-off and the as-of: what `0` shows."""
    raise NotImplementedError


def timeline_document(answer: Timeline) -> dict[str, object]:
    """The timeline as `python -m store timeline --json` prints it (INTERFACE)."""
    raise NotImplementedError
