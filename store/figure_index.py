"""Restricted reads arranged so that figures under any as-of and window are one pass over small numbers.

*Candidates* are the events that can be improper. Where all that is improper is so in one and the same interval, as
under rules without an end, one index serves every cut-off; elsewhere it holds exactly what one judge finds improper.
Of a person's candidates the first one inside a range of ranks is the one whose predecessor lies before it: distinct
people are counted without sorting.
"""

import sqlite3
import threading
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from store.aliases import same_person
from store.columns import COUNTED_SEGMENTS, Mask, load_named
from store.event_order import MOST_EVENTS, Arranged, EventOrder, Numbers, Ranks, arrange, event_order, verdict_table
from store.facts import removal_lag
from store.judge import IMPROPER, Judge, Situation
from store.linked import NEVER, NO_RANKS, Ids, Linked, RunningTotal, linked, previous
from store.parameters import View
from store.remembered import Remembered
from store.room import give_back
from store.roster import owners
from store.segments import Column
from store.world import World

_FOREVER = 2**62
# Every app's candidates begin at a multiple of this: whole words of masks are counted, never parts of them.
ALIGNMENT = 8


class Span(NamedTuple):
    """Situations that are improper, all of them in `[from_at, until_at)` and at no other time, microseconds UTC."""

    improper: frozenset[Situation]
    from_at: int
    until_at: int


def common_span(situations: list[Situation], judge: Judge) -> Span | None:
    """The one interval in which whatever is improper is so; None where it differs, or is in pieces."""
    table = verdict_table(situations, judge) == IMPROPER
    ever = table.any(axis=0)
    found = frozenset(each for each, is_improper in zip(situations, ever.tolist(), strict=True) if is_improper)
    if not found:
        return Span(found, 0, 0)
    periods = np.flatnonzero(table.any(axis=1)).tolist()
    first, last = periods[0], periods[-1]
    if not table[first : last + 1, ever].all():
        return None
    return Span(found, judge.bounds[first - 1], (*judge.bounds, _FOREVER)[last])


class After(NamedTuple):
    """The candidates after a removal without a re-grant, one value each.

    Attributes:
        app: place among the index's apps.
        subject, resource, records: as in `EventColumns`.
        situation: its place among the order's.
        lag: microseconds since the removal.
    """

    rank: Ranks
    app: Ranks
    subject: Ranks
    resource: Ranks
    records: Column
    situation: Numbers
    lag: Column


@dataclass(frozen=True, slots=True, eq=False, weakref_slot=True)
class FigureIndex:
    """What figures are counted from: the candidates by app and then by time.

    Attributes:
        order: all live events.
        apps: internal ids, ascending, of those with a candidate; the i-th one's are `[starts[i], starts[i + 1])`.
        partners: internal ids, ascending, of those with a candidate; `partner` is each app's place among them.
        rank: of each candidate, `NEVER` for what only fills up a word.
        person, resource: the rank of the candidate before it that names the same person, or resource; -1 without one,
            `NEVER` where it names none.
        person_of_partner, resource_of_partner: the same among the candidates of its partner.
        records: summed over the candidates up to and with each.
        nobody_rank, uncounted_rank: ranks, ascending, of the candidates that name no person, and of those that do not
            say how many records.
        denied_after: ranks, ascending, of denied events after a removal without a re-grant.
    """

    order: EventOrder
    apps: Column
    starts: Column
    partners: Column
    partner: Column
    rank: Ranks
    person_of_partner: Linked
    resource_of_partner: Linked
    person: Ranks
    resource: Ranks
    records: RunningTotal
    nobody_rank: Ranks
    uncounted_rank: Ranks
    denied_after: Ranks
    after: After


class Indexed(NamedTuple):
    """An index, and the interval in which its candidates are improper under a judge, microseconds UTC."""

    candidates: FigureIndex
    from_at: int
    until_at: int


class _Shelf:
    """The last index of the events of one world and its what-ifs: two at a time would take too much room."""

    def __init__(self) -> None:
        self.making = threading.Lock()
        self.key: object = None
        self.index: FigureIndex | None = None


_SHELVES: Remembered[_Shelf] = Remembered()


def figure_index(connection: sqlite3.Connection, world: World, judge: Judge, view: View) -> Indexed | None:
    """The index of a world under a judge; None where the last refresh does not know all events, or numbers are too big.

    Args:
        world: of the connection's snapshot.
        judge: of the world's rulebook, under the view's cut-off.
    """
    order = event_order(connection, world)
    if order is None:
        return None
    span = common_span(order.situations, judge)
    # An order tells the world apart as far as situations go; the rules, what is improper in them.
    rules = world.rulebook.rules
    key: object = (
        (order, "whoever asks", span.improper) if span else (order, "this cut-off", view.what_if_cutoff, rules)
    )
    shelf = _SHELVES.get(world.evidence, None, _Shelf)
    with shelf.making:
        if shelf.key != key:
            shelf.index = None
            shelf.index = _build(connection, world, judge, span)
            shelf.key = key
            give_back(connection)
        if shelf.index is None:
            return None
        return Indexed(shelf.index, span.from_at, span.until_at) if span else Indexed(shelf.index, -_FOREVER, _FOREVER)


_COLUMNS = ("app", "subject", "resource", "records", "outcome", "after")


class _Candidates:
    """Columns of the candidates, in the order of the segments; each is taken once, for they need much room."""

    def __init__(self) -> None:
        names = (*_COLUMNS, "rank", "situation", "denied")
        self._parts: dict[str, list[npt.NDArray[Any]]] = {name: [] for name in names}
        self.number = 0
        self.most_records = 0

    def add(self, columns: dict[str, Column], rank: Ranks, situation: Numbers, chosen: Column) -> None:
        """Take these of a segment's events; subjects are people."""
        most = int(columns["records"][chosen].max(initial=0))
        self.most_records = max(self.most_records, most)
        self.number += len(chosen)
        for name in ("app", "subject", "resource"):
            self._parts[name].append(columns[name][chosen].astype(np.int32))
        self._parts["records"].append(columns["records"][chosen].astype(np.int32 if most < 2**31 else np.int64))
        self._parts["after"].append(columns["after"][chosen].astype(bool))
        self._parts["rank"].append(rank[chosen])
        self._parts["situation"].append(situation[chosen])

    def add_denied(self, rank: Ranks) -> None:
        """Take the ranks of denied events after a removal: no candidates, but found on the way."""
        self._parts["denied"].append(rank)

    def take(self, name: str) -> npt.NDArray[Any]:
        """One column whole."""
        # An empty column beside the others would make narrow ones wide.
        parts = self._parts.pop(name)
        return np.concatenate(parts) if parts else NO_RANKS

    def put(self, name: str, column: npt.NDArray[Any]) -> None:
        """One column in another order."""
        self._parts[name] = [column]


def _build(connection: sqlite3.Connection, world: World, judge: Judge, span: Span | None) -> FigureIndex | None:
    arranged = arrange(connection, world)
    order = event_order(connection, world, arranged)
    if arranged is None or order is None:
        return None
    can_be = verdict_table(arranged.order.situations, judge) == IMPROPER
    bounds = np.array([order.rank_of(bound) for bound in judge.bounds], dtype=np.int64)
    if span is not None:
        can_be, bounds = can_be.any(axis=0, keepdims=True), bounds[:0]
    found = _Candidates()
    _read(connection, world, arranged, can_be, bounds, found)
    del arranged
    filled = found.number + len(world.registry.app_ids) * ALIGNMENT
    if filled > MOST_EVENTS or found.most_records > _FOREVER // max(1, found.number):
        return None
    return _arranged(world, order, found)


def _read(
    connection: sqlite3.Connection,
    world: World,
    arranged: Arranged,
    can_be: Mask,
    bounds: Column,
    found: _Candidates,
) -> None:
    """Find the candidates: a row of `can_be` for each stretch of ranks between the bounds, a column a situation."""
    known = world.aliases(connection)
    begin = 0
    for each in connection.execute(COUNTED_SEGMENTS).fetchall():
        columns = load_named(connection, _COLUMNS, [each])
        columns["subject"] = same_person(columns["subject"], known)
        end = begin + len(columns["app"])
        rank, code = arranged.rank[begin:end], arranged.code[begin:end]
        begin = end
        found.add(columns, rank, code, np.flatnonzero(can_be[np.searchsorted(bounds, rank, "right"), code]))
        found.add_denied(rank[(columns["outcome"] != 0) & (columns["after"] != 0)])


def _arranged(world: World, order: EventOrder, found: _Candidates) -> FigureIndex:
    """Put the candidates in their order."""
    app, rank = _sorted_by_app(found)
    apps, begins, sizes = np.unique(app, return_index=True, return_counts=True)
    owner = owners(world)[apps]
    partners, partner = np.unique(owner, return_inverse=True)
    starts = np.append(np.zeros(1, dtype=np.int64), np.cumsum(-(-sizes // ALIGNMENT) * ALIGNMENT))
    after = _after(world, order, found, rank, app, apps)
    del app
    # Where the candidates go: each app's as far on as the places before it that only fill up words.
    place = np.arange(len(rank), dtype=np.int32)
    place += np.repeat((starts[:-1] - begins).astype(np.int32), sizes)
    size = int(starts[-1])

    records = found.take("records")
    uncounted = np.sort(rank[records < 0])
    running: Column = _placed(np.maximum(records, 0), place, np.zeros(size, dtype=np.int64))
    del records
    rank = _placed(rank, place, np.full(size, NEVER))
    subject = _placed(found.take("subject"), place, np.zeros(size, dtype=np.int32))
    nobody = np.sort(rank[subject == 0])
    its_partner = np.repeat(partner.ravel().astype(np.int32), np.diff(starts))
    person_of_partner = linked(previous(order, rank, subject, its_partner), rank, starts)
    person = previous(order, rank, subject)
    del subject
    resource = _placed(found.take("resource"), place, np.zeros(size, dtype=np.int32))
    del place
    resource_of_partner = linked(previous(order, rank, resource, its_partner), rank, starts)
    resource = previous(order, rank, resource)
    del its_partner
    return FigureIndex(
        order=order,
        apps=apps.astype(np.int64),
        starts=starts,
        partners=partners,
        partner=partner.ravel(),
        rank=rank,
        person_of_partner=person_of_partner,
        person=person,
        resource_of_partner=resource_of_partner,
        resource=resource,
        records=RunningTotal(np.cumsum(running, out=running)),
        nobody_rank=nobody[: np.searchsorted(nobody, NEVER)],
        uncounted_rank=uncounted,
        denied_after=np.sort(found.take("denied")),
        after=after,
    )


def _placed(values: npt.NDArray[Any], place: Ids, column: npt.NDArray[Any]) -> npt.NDArray[Any]:
    column[place] = values
    return column


def _sorted_by_app(found: _Candidates) -> tuple[Ids, Ranks]:
    """Apps and ranks by app and then by time; the other columns are put in this order too, where they are not in it."""
    app, rank = found.take("app"), found.take("rank")
    key = app.astype(np.int64) << 31 | rank
    if bool((key[1:] >= key[:-1]).all()):
        return app, rank
    order = np.argsort(key)
    del key
    for name in ("subject", "resource", "records", "situation", "after"):
        found.put(name, found.take(name)[order])
    return app[order], rank[order]


def _after(world: World, order: EventOrder, found: _Candidates, rank: Ranks, app: Ids, apps: Ids) -> After:
    late = np.flatnonzero(found.take("after"))
    its: dict[str, npt.NDArray[Any]] = {"situation": found.take("situation")[late]}
    for name in ("subject", "resource", "records"):
        column = found.take(name)
        its[name] = column[late]
        found.put(name, column)
    lag = removal_lag(
        app[late].astype(np.int64), order.instants.at(rank[late]), world.registry, grace=world.rulebook.removal_grace
    )
    return After(rank=rank[late], app=np.searchsorted(apps, app[late]).astype(np.int32), lag=lag, **its)
