"""What people wrote about a case: notes, and the reasons given with its changes, as far as nobody took them back."""

import sqlite3
from typing import NamedTuple


class Note(NamedTuple):
    """One note: when (microseconds UTC), by whom, its text; `privileged` ones stay out of reports."""

    at: int
    actor: str
    text: str
    privileged: bool


_NOTES = """
SELECT seq, partner, at, actor, note, privileged FROM actions
WHERE verb IN ('note', 'flag', 'clear', 'ask', 'reopen', 'assign') AND note IS NOT NULL AND partner IS NOT NULL
  AND (:partner IS NULL OR partner = :partner)
ORDER BY seq DESC
"""
_CORRECTED = "SELECT seq, corrects FROM actions WHERE corrects IS NOT NULL ORDER BY seq DESC"


def notes_by_partner(connection: sqlite3.Connection, partner: int | None = None) -> dict[int, list[Note]]:
    """The notes that stand, newest first, by partner (internal id); of one partner where given.

    A note taken back does not stand, until a redo brings it back. Of the tool's own entries, why it reopened a case.
    """
    taken_back: set[int] = set()
    for seq, corrects in connection.execute(_CORRECTED):
        if seq not in taken_back:
            taken_back.add(corrects)
    found: dict[int, list[Note]] = {}
    for seq, about, at, actor, text, privileged in connection.execute(_NOTES, {"partner": partner}):
        if seq not in taken_back:
            found.setdefault(about, []).append(Note(at, actor, text, bool(privileged)))
    return found
