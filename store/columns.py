"""All live events as columns in memory, and their verdicts under any parameters in one pass."""

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

import numpy as np
import numpy.typing as npt

from store.judge import Judge, Situation
from store.registry import Registry
from store.segments import Column, read_column

Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class EventColumns:
    """One value per live event in every column; the order is that of the segments.

    Attributes:
        app, field_set, subject, resource: internal ids; 0 where the log names none.
        occurred_at: microseconds UTC.
        records: -1 where the log says nothing.
        outcome: 0 success, 1 denied, 2 error.
        exempt: bits over the field set's data classes.
        opt_in: see `store.judge`.
        after: some removal of the app precedes the event and no re-grant.
    """

    app: Column
    occurred_at: Column
    field_set: Column
    subject: Column
    resource: Column
    records: Column
    outcome: Column
    exempt: Column
    opt_in: Column
    after: Mask

    def __len__(self) -> int:
        return len(self.app)


BASE = ("app", "occurred_at", "field_set", "subject", "resource", "records", "outcome")
FACTS = ("exempt", "opt_in", "after")
# A content that is still being loaded counts nowhere.
COUNTED_SEGMENTS = """
SELECT content_id, segment FROM segments
WHERE content_id IN (SELECT content_id FROM imports WHERE state = 'complete')
ORDER BY content_id, segment
"""
_FIELD_SETS = "SELECT id, data_classes FROM field_sets ORDER BY id"


def field_sets(connection: sqlite3.Connection) -> dict[int, tuple[str, ...]]:
    """Field set -> its data classes, sorted."""
    return {number: tuple(text.split("|")) for number, text in connection.execute(_FIELD_SETS)}


def load_columns(connection: sqlite3.Connection, segments: list[tuple[int, int]] | None = None) -> EventColumns:
    """The live events of these (content, segment) pairs, or of all, with the facts noted beside them."""
    loaded = load_named(connection, (*BASE, *FACTS), segments)
    return EventColumns(**{**loaded, "after": loaded["after"].astype(bool)})


def load_named(
    connection: sqlite3.Connection, names: Sequence[str], segments: list[tuple[int, int]] | None = None
) -> dict[str, Column]:
    """Some columns of the live events."""
    if segments is None:
        segments = connection.execute(COUNTED_SEGMENTS).fetchall()
    return {
        name: _concatenate([read_column(connection, content_id, segment, name) for content_id, segment in segments])
        for name in names
    }


def _concatenate(parts: list[Column]) -> Column:
    return np.concatenate(parts) if parts else np.zeros(0, dtype=np.int64)


@dataclass(frozen=True, slots=True)
class Verdicts:
    """The verdict of every event, and what decided it.

    Attributes:
        verdict: a code of `store.judge`.
        rule: index of the deciding rule; -1 for none.
        settled: the number of the event's settled situation: events of one number were settled alike.
        improper_classes: by that number, the data classes that are improper on their own.
    """

    verdict: npt.NDArray[np.int8]
    rule: npt.NDArray[np.int8]
    settled: npt.NDArray[np.int32]
    improper_classes: list[tuple[str, ...]]

    def classes_of(self, settled: npt.NDArray[np.int32]) -> set[str]:
        """The data classes that are improper on their own in these events, told by the numbers of their situations."""
        return {name for each in distinct(settled).tolist() for name in self.improper_classes[each]}


def judge_columns(
    columns: EventColumns, judge: Judge, registry: Registry, classes_of: dict[int, tuple[str, ...]]
) -> Verdicts:
    """Judge every event: each situation that occurs is settled once a period, the events look it up."""
    situations, which = situations_of(columns, judge, registry, classes_of)
    periods = len(judge.bounds) + 1
    verdicts = np.zeros((len(situations), periods), dtype=np.int8)
    rules = np.zeros((len(situations), periods), dtype=np.int8)
    in_force = [judge.in_force(period) for period in range(periods)]
    improper: list[tuple[str, ...]] = []
    for row, situation in enumerate(situations):
        for period in range(periods):
            verdicts[row, period], rules[row, period] = judge.settle(situation, in_force[period])
            improper.append(judge.improper_classes(situation, in_force[period]))
    period_of = np.searchsorted(np.array(judge.bounds, dtype=np.int64), columns.occurred_at, "right")
    settled = (which * periods + period_of).astype(np.int32)
    return Verdicts(verdicts.ravel()[settled], rules.ravel()[settled], settled, improper)


class Situated(Protocol):
    """What the situations of events are told by: some of the columns of `EventColumns`."""

    @property
    def app(self) -> Column:
        """Internal ids."""

    @property
    def field_set(self) -> Column:
        """Internal ids."""

    @property
    def outcome(self) -> Column:
        """0 success."""

    @property
    def exempt(self) -> Column:
        """Bits over the field set's data classes."""

    @property
    def opt_in(self) -> Column:
        """See `store.judge`."""


def situations_of(
    columns: Situated, judge: Judge, registry: Registry, classes_of: dict[int, tuple[str, ...]]
) -> tuple[list[Situation], Column]:
    """The different situations that the events are in, and for each event which of them it is."""
    if not len(columns.app):
        return [], np.zeros(0, dtype=np.int64)
    abouts, about_of_app = _profiles(columns, judge, registry)
    exempts, exempt_index = numbered(columns.exempt)
    shape = (int(columns.field_set.max()) + 1, 2, 3, len(exempts), len(abouts))
    code = columns.field_set
    for size, digit in (
        (2, (columns.outcome == 0).astype(np.int64)),
        (3, columns.opt_in),
        (len(exempts), exempt_index),
        (len(abouts), about_of_app[columns.app]),
    ):
        code = code * size + digit
    present, which = numbered(code)
    situations = []
    for each in present.tolist():
        field_set, success, opt_in, exempt, about = (int(part) for part in np.unravel_index(each, shape))
        situations.append(Situation(classes_of[field_set], bool(success), abouts[about], int(exempts[exempt]), opt_in))
    return situations, which


def _profiles(columns: Situated, judge: Judge, registry: Registry) -> tuple[list[tuple[int, ...]], Column]:
    """The distinct sets of rules that apps fall under, and the set's number for each app."""
    numbers: dict[tuple[int, ...], int] = {}
    about_of_app = np.zeros(int(columns.app.max()) + 1, dtype=np.int64)
    for app in distinct(columns.app).tolist():
        about_of_app[app] = numbers.setdefault(judge.about(registry.app_ids[app]), len(numbers))
    return list(numbers), about_of_app


_SMALL_ENOUGH_TO_COUNT = 1 << 22

Whole = TypeVar("Whole", bound=np.integer[Any])


def distinct(ids: npt.NDArray[np.integer[Any]]) -> Column:
    """The different numbers of a column of internal ids, ascending: counted, not sorted."""
    return np.flatnonzero(np.bincount(ids, minlength=1))


def different(numbers: npt.NDArray[Whole]) -> npt.NDArray[Whole]:
    """The different numbers of a column, ascending: sorted, not counted. The column given is sorted on the way."""
    numbers.sort()
    is_new = np.ones(len(numbers), dtype=bool)
    np.not_equal(numbers[1:], numbers[:-1], out=is_new[1:])
    return numbers[is_new]


def how_many(ids: npt.NDArray[np.integer[Any]]) -> int:
    """How many different numbers above 0 there are, among not too many."""
    return len(different(ids[ids > 0]))


def numbered(ids: Column) -> tuple[Column, Column]:
    """The different numbers of a column, ascending, and for each of its values which of them it is."""
    if len(ids) and int(ids.max()) > _SMALL_ENOUGH_TO_COUNT:
        values, which = np.unique(ids, return_inverse=True)
        return values, which.ravel()
    values = distinct(ids)
    place = np.zeros(int(ids.max(initial=0)) + 1, dtype=np.int64)
    place[values] = np.arange(len(values))
    return values, place[ids]


def distinct_within(group: Column, ids: Column, groups: int) -> Column:
    """For each of `groups` groups, how many different ids its events have; 0 is none."""
    named = ids > 0
    most = int(ids.max(initial=0)) + 1
    return np.bincount(different(group[named] * most + ids[named]) // most, minlength=groups)
