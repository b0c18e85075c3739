"""What a timeline wants, asked of the store: it runs in a thread, and touches no widget."""

from collections.abc import Sequence

from store import timeline
from store.connection import Store
from store.parameters import Parameters
from tui.time_cursor import BANDS, WEEKS, Interval
from tui.widgets.timeline_pictures import Shown, Wanted


def picture_of(
    store: Store, parameters: Parameters, wanted: Wanted, partner: int | None, title: str, compared: Sequence[int]
) -> Shown:
    """What is wanted of a partner (internal id), or of all of them (None).

    Args:
        title: the partner's name.
        compared: the partners of the picture of bands, by internal id.

    Raises:
        UsageError: as `store.timeline` says.
    """
    whose = None if wanted.picture == WEEKS else partner
    answer = timeline.timeline(store, whose, from_at=wanted.from_at, until_at=wanted.until_at, bins=wanted.bins)
    bands: tuple[timeline.Band, ...] = ()
    weeks: tuple[timeline.Week, ...] = ()
    if wanted.picture == BANDS:
        bands = timeline.bands(store, compared, from_at=wanted.from_at, until_at=wanted.until_at, bins=wanted.bins)
    elif wanted.picture == WEEKS:
        weeks = timeline.weeks_of_all(store, parameters)
    return Shown(wanted.picture, partner, title, answer, bands, weeks)


def nearest_marker(store: Store, partner: int | None, ahead: Interval, by: int) -> int | None:
    """The instant of the first (by 1) or last (by -1) marker in `ahead`, `[from, until)`; None without any.

    Where markers are so many that some are not told, the interval is made shorter until all of it are.
    """
    from_at, until_at = ahead
    found: int | None = None
    while from_at < until_at:
        told, left_out = timeline.markers(store, partner, from_at=from_at, until_at=until_at)
        if not told:
            return found
        found = told[0 if by > 0 else -1].at
        if not left_out:
            return found
        # One that was left out may be nearer than the nearest that was told.
        if by > 0:
            until_at = found
        else:
            from_at = found + 1
    return found
