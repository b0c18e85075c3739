"""The action log as checks read it: every entry whole, with the values its JSON holds, however damaged the log is."""

import json
import sqlite3
from typing import Any, NamedTuple


class Entry(NamedTuple):
    """One entry of the log.

    Attributes:
        at: microseconds UTC.
        partner: internal id of the partner it is about.
        before_text: JSON as it is stored; `after_text` likewise.
        before: what that JSON says; None where there is none. Likewise `after`.
        privileged: 0 or 1.
    """

    seq: int
    uuid: str
    at: int
    actor: str
    verb: str
    partner: int | None
    partner_id: str | None
    before_text: str | None
    after_text: str | None
    note: str | None
    privileged: int
    batch: str
    corrects: int | None
    previous_hash: str
    hash: str
    before: Any
    after: Any

    def told(self, *path: str) -> Any:
        """What `after` says under these keys, one below the other; None where it says nothing."""
        value = self.after
        for key in path:
            value = value.get(key) if isinstance(value, dict) else None
        return value


_COLUMNS = (
    *(("seq", int, False), ("uuid", str, False), ("at", int, False), ("actor", str, False), ("verb", str, False)),
    *(("partner", int, True), ("partner_id", str, True), ("before", str, True), ("after", str, True)),
    *(("note", str, True), ("privileged", int, False), ("batch", str, False), ("corrects", int, True)),
    *(("previous_hash", str, False), ("hash", str, False)),
)
_ENTRIES = """
SELECT seq, uuid, at, actor, verb, partner, partner_id, before, after, note, privileged, batch, corrects,
  previous_hash, hash
FROM actions ORDER BY seq
"""


def read_entries(connection: sqlite3.Connection) -> tuple[list[Entry], list[str]]:
    """The log's entries by seq, and what is wrong with those that cannot be read as entries.

    Args:
        connection: its `text_factory` never fails on bytes that are no UTF-8.
    """
    entries: list[Entry] = []
    wrong: list[str] = []
    for row in connection.execute(_ENTRIES):
        misfit = next(
            (
                name
                for value, (name, kind, may_be_absent) in zip(row, _COLUMNS, strict=True)
                if not (isinstance(value, kind) or (value is None and may_be_absent))
            ),
            None,
        )
        if misfit is not None:
            wrong.append(f"entry #{row[0]}: its {misfit} is no {_kind_of(misfit)}")
            continue
        values = []
        for name, text in (("before", row[7]), ("after", row[8])):
            try:
                values.append(None if text is None else json.loads(text))
            except (ValueError, RecursionError):
                wrong.append(f"entry #{row[0]}: its {name} is no JSON")
                values.append(None)
        entries.append(Entry(*row, *values))
    return entries, wrong


def _kind_of(column: str) -> str:
    return "number" if any(name == column and kind is int for name, kind, _ in _COLUMNS) else "text"
