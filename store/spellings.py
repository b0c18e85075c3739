"""What people are called by whoever lists them: each by the spelling seen first."""

import sqlite3
from collections.abc import Sequence

_ALL = "SELECT id, coalesce(spelling, subject_id) FROM subjects"
_ONE = "SELECT id, coalesce(spelling, subject_id) FROM subjects WHERE id = ?"
# So many people are looked up one by one; of more, all are read.
_FEW = 20_000


def spelled(connection: sqlite3.Connection, subjects: Sequence[int]) -> dict[int, str]:
    """The spelling of each of these people, by internal id."""
    if len(subjects) <= _FEW:
        return {number: text for subject in subjects for number, text in connection.execute(_ONE, (subject,))}
    wanted = frozenset(subjects)
    return {number: text for number, text in connection.execute(_ALL) if number in wanted}
