"""The stage of a small file, in plain Python: what `EventStage` does, without the tenth of a second a database costs.

The rows that come out are the same, one by one (tested); a folder may hold thousands of such files.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence

import numpy as np

from store.ingest.canonical import EventRow
from store.ingest.keys import event_key, mixed, text_key
from store.ingest.staging import Batch, Column, Span, as_texts

# Beyond these the database is quicker.
MOST_EVENTS = 4_000
MOST_BYTES = 256 * 1024

# The text of a row that each dictionary keeps.
_TEXT_OF: dict[str, Callable[[EventRow], str | None]] = {
    "apps": lambda row: row.app_id,
    "field_sets": lambda row: row.data_classes,
    "subjects": lambda row: row.subject_id,
    "resources": lambda row: row.resource_id,
    "endpoints": lambda row: row.endpoint,
    "addresses": lambda row: row.ip,
}


class _Keyed:
    """One event, its key and its id's key (0 without one)."""

    __slots__ = ("id_key", "key", "row")

    def __init__(self, row: EventRow) -> None:
        content = row.content()
        self.row = row
        self.key = text_key(content) if row.event_id is None else event_key(content, row.event_id)
        self.id_key = 0 if row.event_id is None else text_key(row.event_id)


class SmallStage:
    """The access events of a small file, on their way into the store; see `EventStage` for what each method does.

    Attributes:
        rows: what is staged, in the order it came.
    """

    def __init__(self) -> None:
        self.rows: list[EventRow] = []
        self._keyed: list[_Keyed] = []
        self._ids: dict[str, dict[str, int]] = {}
        self._sorted: list[tuple[int, int, int, int, _Keyed]] = []

    def close(self) -> None:
        """Let go of the memory."""
        self.rows.clear()
        self._keyed.clear()
        self._sorted.clear()

    def add(self, rows: Sequence[EventRow]) -> None:
        """Stage validated events."""
        self.rows.extend(rows)

    def span(self) -> Span:
        """What is staged so far."""
        instants = [row.occurred_at for row in self.rows]
        return Span(len(instants), min(instants, default=None), max(instants, default=None))

    def give_keys(self) -> None:
        """Compute the keys of what is staged; nothing is staged afterwards."""
        self._keyed = [_Keyed(row) for row in sorted(self.rows, key=lambda row: row.record_no)]

    def id_keys(self) -> Column:
        """The id keys of the events that have an event id, each once."""
        return np.array(sorted({each.id_key for each in self._keyed} - {0}), dtype=np.int64)

    def tell_repeats_apart(self) -> Column:
        """Give equal records without an event id keys of their own; drop repeated records of one event id.

        Returns:
            The record numbers of those dropped: duplicates.
        """
        seen: dict[int, int] = {}
        kept: list[_Keyed] = []
        dropped: list[int] = []
        for each in self._keyed:
            ordinal = seen.get(each.key, 0)
            seen[each.key] = ordinal + 1
            if each.id_key and ordinal:
                dropped.append(each.row.record_no)
                continue
            each.key = mixed(each.key, ordinal)
            kept.append(each)
        self._keyed = kept
        return np.array(dropped, dtype=np.int64)

    def drop_contradictions(self, known: Column) -> list[EventRow]:
        """Take out the records that give an event id of an earlier record of this file other content.

        Args:
            known: id keys the store knows; those are judged there.
        """
        judged_there = {0, *known.tolist()}
        first: dict[int, int] = {}
        for each in self._keyed:
            first.setdefault(each.id_key, each.key)
        contradicts = [each.id_key not in judged_there and each.key != first[each.id_key] for each in self._keyed]
        rows = [
            each.row._replace(subject_spelling=None)
            for each, is_out in zip(self._keyed, contradicts, strict=True)
            if is_out
        ]
        self._keyed = [each for each, is_out in zip(self._keyed, contradicts, strict=True) if not is_out]
        return rows

    def texts(self, dictionary: str) -> list[str]:
        """The distinct texts of one of `DICTIONARIES`, sorted."""
        text_of = _TEXT_OF[dictionary]
        return sorted({text for row in self.rows if (text := text_of(row)) is not None})

    def spellings(self) -> dict[str, str]:
        """Folded subject id -> the spelling it first had in the file, where that differs."""
        found: dict[str, str] = {}
        for row in sorted(self.rows, key=lambda row: row.record_no):
            if row.subject_id is not None and row.subject_spelling is not None:
                found.setdefault(row.subject_id, row.subject_spelling)
        return found

    def give_ids(self, dictionary: str, texts: Sequence[str], ids: Sequence[int]) -> None:
        """Tell the stage the internal ids of all texts of a dictionary."""
        self._ids[dictionary] = dict(zip(texts, ids, strict=True))

    def sort(self) -> None:
        """Put the events in primary-key order; every dictionary has its ids by now."""
        apps = self._ids["apps"]
        self._sorted = sorted(
            ((apps[each.row.app_id], each.row.occurred_at, each.key, each.row.record_no, each) for each in self._keyed),
            key=lambda found: found[:4],
        )

    def batches(self, size: int) -> Iterator[Batch]:
        """The events in order, at most `size` at a time."""
        for start in range(0, len(self._sorted), size):
            yield self._batch([found[-1] for found in self._sorted[start : start + size]])

    def _batch(self, events: Sequence[_Keyed]) -> Batch:
        rows = [each.row for each in events]

        def ids(dictionary: str) -> Column:
            known, text_of = self._ids[dictionary], _TEXT_OF[dictionary]
            return np.array([0 if (text := text_of(row)) is None else known[text] for row in rows], dtype=np.int64)

        def numbers(values: Iterable[int | None]) -> Column:
            return np.array([-1 if value is None else value for value in values], dtype=np.int64)

        return Batch(
            app=ids("apps"),
            occurred_at=numbers(row.occurred_at for row in rows),
            event_key=numbers(each.key for each in events),
            field_set=ids("field_sets"),
            subject=ids("subjects"),
            resource=ids("resources"),
            endpoint=ids("endpoints"),
            records=numbers(row.records for row in rows),
            bytes=numbers(row.bytes for row in rows),
            ip=ids("addresses"),
            outcome=numbers(row.outcome for row in rows),
            event_id=as_texts([row.event_id for row in rows]),
            id_key=numbers(each.id_key for each in events),
            record_no=numbers(row.record_no for row in rows),
        )
