"""What investigators do to cases: flag, clear, reopen, note, assign, undo, redo. Each is one transaction."""

from collections.abc import Sequence
from dataclasses import dataclass

from store.connection import Store

STATUSES = ("open", "flagged", "cleared")
GROUNDS = ("no_access", "allowed", "deletion_verified", "enforced", "defunct", "duplicate", "other")


@dataclass(frozen=True, slots=True)
class Case:
    """A partner's case as it stands.

    Attributes:
        partner: internal id.
        version: 0 before its first action; every action that changes the case raises it by one.
        grounds: of a cleared case, else None.
        last_change: "flagged by ana, 2019-11-05T10:00:00Z", for conflict messages; None before the first.
    """

    partner: int
    partner_id: str
    status: str
    grounds: str | None
    assignee: str | None
    version: int
    last_change: str | None


@dataclass(frozen=True, slots=True)
class Done:
    """What an action did: its log entries and one line to show, e.g. `#412 14:02Z ana: flagged Ribbon Social`."""

    seqs: tuple[int, ...]
    batch: str
    line: str


def case(store: Store, partner: int) -> Case:
    """The case of a partner (internal id)."""
    raise NotImplementedError


def flag(
    store: Store, partners: Sequence[int], *, actor: str, note: str = "", expect: dict[int, int] | None = None
) -> Done:
    """Flag the cases of these partners, all or none.

    Args:
        partners: internal ids.
        expect: internal id -> version the caller saw; a case that has moved on refuses the whole action.

    Raises:
        ConflictError: a case moved on; the message says who moved it, when, and how.
        RefusedError: a case is cleared (reopen it first) or flagged already.
    """
    raise NotImplementedError


def clear(
    store: Store,
    partners: Sequence[int],
    *,
    actor: str,
    grounds: str,
    note: str = "",
    override: bool = False,
    expect: dict[int, int] | None = None,
) -> Done:
    """Close cases on grounds, which are checked over all evidence whatever the as-of (DOMAIN, Cases).

    Raises:
        RefusedError: the grounds do not hold, and no override with a note was given; the message says what contradicts.
    """
    raise NotImplementedError


def reopen(
    store: Store, partners: Sequence[int], *, actor: str, note: str, expect: dict[int, int] | None = None
) -> Done:
    """Reopen flagged or cleared cases; needs a note."""
    raise NotImplementedError


def add_note(store: Store, partners: Sequence[int], *, actor: str, note: str, privileged: bool = False) -> Done:
    """Append a note; never conflicts."""
    raise NotImplementedError


def assign(
    store: Store, partners: Sequence[int], *, actor: str, assignee: str | None, expect: dict[int, int] | None = None
) -> Done:
    """Give the cases to someone; None takes them back."""
    raise NotImplementedError


def undo(store: Store, *, actor: str, partners: Sequence[int] | None = None) -> Done:
    """Take back the actor's own last action (on these partners, where given), by appending its inverse.

    Raises:
        RefusedError: nothing of theirs to undo, or a later action of somebody else builds on it.
    """
    raise NotImplementedError


def redo(store: Store, *, actor: str) -> Done:
    """Take back the actor's last undo, where nothing has happened to those cases since."""
    raise NotImplementedError
