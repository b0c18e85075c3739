"""Where each live event lies in the packed columns: a *position* counts through all segments, content by content.

A content's positions follow its events in primary-key order, so that one app of one content is one range of positions.
"""

import sqlite3
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from store.columns import COUNTED_SEGMENTS
from store.remembered import Remembered
from store.segments import Column, read_column, read_slice

if TYPE_CHECKING:
    from store.world import World

_LIVE = "SELECT content_id FROM live_contents"
# So many places before an event are looked at for others of its app and instant, before they are searched for.
_BEFORE = 64


class Segment(NamedTuple):
    """One segment: the apps in it, ascending, the place where each begins and one more, and its first position."""

    content_id: int
    segment: int
    base: int
    apps: Column
    starts: Column

    @property
    def events(self) -> int:
        """How many events it holds."""
        return int(self.starts[-1])


class Block(NamedTuple):
    """The places `[start, stop)` of a segment."""

    segment: Segment
    start: int
    stop: int

    def read(self, connection: sqlite3.Connection, name: str) -> Column:
        """One column of these places."""
        content_id, segment = self.segment[:2]
        if self.start == 0 and self.stop == self.segment.events:
            return read_column(connection, content_id, segment, name)
        return read_slice(connection, content_id, segment, name, self.start, self.stop)

    @property
    def base(self) -> int:
        """The position of its first event."""
        return self.segment.base + self.start

    def app(self) -> Column:
        """The app of each of its events."""
        segment = self.segment
        first = int(np.searchsorted(segment.starts, self.start, "right")) - 1
        last = int(np.searchsorted(segment.starts, self.stop, "left"))
        bounds = np.clip(segment.starts[first : last + 1], self.start, self.stop)
        return np.repeat(segment.apps[first:last], np.diff(bounds))


class EventIndex:
    """The segments of one world, and how to get from positions to events.

    Attributes:
        live: the contents that count; of the others only what a live one holds too is packed.
    """

    def __init__(self, connection: sqlite3.Connection) -> None:
        self.segments: list[Segment] = []
        base = 0
        for content_id, segment in connection.execute(COUNTED_SEGMENTS).fetchall():
            app = read_column(connection, content_id, segment, "app")
            starts = np.concatenate(([0], np.flatnonzero(np.diff(app)) + 1))
            self.segments.append(Segment(content_id, segment, base, app[starts], np.append(starts, len(app))))
            base += len(app)
        self.total = base
        self.live = frozenset(int(content_id) for (content_id,) in connection.execute(_LIVE))
        self._bases = np.array([segment.base for segment in self.segments], dtype=np.int64)
        nothing = [np.zeros(0, dtype=np.int64)]
        self._stretch_apps = np.concatenate([segment.apps for segment in self.segments] or nothing)
        self._stretch_starts = np.concatenate(
            [segment.starts[:-1] + segment.base for segment in self.segments] or nothing
        )

    def app_at(self, positions: Column) -> Column:
        """The app of the event at each position."""
        return self._stretch_apps[np.searchsorted(self._stretch_starts, positions, "right") - 1]

    def content_at(self, positions: Column) -> Column:
        """The content of the event at each position."""
        contents = np.array([segment.content_id for segment in self.segments], dtype=np.int64)
        return contents[np.searchsorted(self._bases, positions, "right") - 1]

    def blocks(self, apps: Sequence[int] | None) -> Iterator[Block]:
        """The places of all events, or of those of some apps, in the order of positions."""
        if apps is None:
            yield from (Block(segment, 0, segment.events) for segment in self.segments)
            return
        wanted = np.array(sorted(apps), dtype=np.int64)
        for segment in self.segments:
            places = np.searchsorted(segment.apps, wanted)
            inside = places < len(segment.apps)
            found = places[inside][segment.apps[places[inside]] == wanted[inside]]
            for place in found.tolist():
                yield Block(segment, int(segment.starts[place]), int(segment.starts[place + 1]))

    def ordinals(self, connection: sqlite3.Connection, positions: Column, time: int) -> list[int]:
        """For each event how many of its content, app and instant come before it.

        Args:
            positions: of events of one content, app and instant.
            time: that instant, microseconds UTC.
        """
        start = int(positions[0])
        first = start - self._ordinal(connection, start, time)
        return [position - first for position in positions.tolist()]

    def _ordinal(self, connection: sqlite3.Connection, position: int, time: int) -> int:
        first = self._first_of_app(position)
        before = max(first, position - _BEFORE)
        if before == position:
            return 0
        near = self._range(connection, before, position)
        others = np.flatnonzero(near != time)
        if len(others):
            return len(near) - 1 - int(others[-1])
        low, high = first, before
        while low < high:
            middle = (low + high) // 2
            if self._range(connection, middle, middle + 1)[0] < time:
                low = middle + 1
            else:
                high = middle
        return position - low

    def times_at(self, connection: sqlite3.Connection, positions: Column) -> Column:
        """The instants, microseconds UTC, of the events at a few positions."""
        times = [int(self._range(connection, position, position + 1)[0]) for position in positions.tolist()]
        return np.array(times, dtype=np.int64)

    def _first_of_app(self, position: int) -> int:
        """The first position of the same content and app."""
        stretch = int(np.searchsorted(self._stretch_starts, position, "right")) - 1
        start = int(self._stretch_starts[stretch])
        owner = int(np.searchsorted(self._bases, start, "right")) - 1
        # An app whose events fill the end of one segment goes on in the next.
        while (
            stretch
            and start == int(self._bases[owner])
            and self.segments[owner - 1].content_id == self.segments[owner].content_id
            and self._stretch_apps[stretch - 1] == self._stretch_apps[stretch]
        ):
            stretch, owner = stretch - 1, owner - 1
            start = int(self._stretch_starts[stretch])
        return start

    def _range(self, connection: sqlite3.Connection, start: int, stop: int) -> Column:
        """The instants at the positions `[start, stop)`."""
        parts = []
        while start < stop:
            owner = int(np.searchsorted(self._bases, start, "right")) - 1
            segment = self.segments[owner]
            end = min(stop, segment.base + segment.events)
            place = start - segment.base
            parts.append(
                read_slice(connection, segment.content_id, segment.segment, "occurred_at", place, place + end - start)
            )
            start = end
        return parts[0] if len(parts) == 1 else np.concatenate(parts)


_INDEX: Remembered[EventIndex] = Remembered()


def index_of(connection: sqlite3.Connection, world: "World") -> EventIndex:
    """The index of a world, made once.

    Args:
        world: of the connection's snapshot.
    """
    return _INDEX.get(world, None, lambda: EventIndex(connection))
