"""Timelines of odd data, from a century to a second: at every step each picture shows the sums of the raw records."""

import json
from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise
from typing import NamedTuple

import pytest

from store.connection import Store, open_store
from store.ingest.importing import import_paths
from store.instants import MICROSECONDS_PER_DAY as DAY
from store.instants import parse_point
from store.names import find_partner
from store.parameters import Parameters
from store.rulebook import load_rules
from store.schema import create_store
from store.timeline import Marker, whole_span
from tui.time_cursor import BANDS, BARS, CALENDAR, WEEKS, TimeCursor
from tui.timeline_answers import picture_of
from tui.widgets.timeline_bars import added, bin_counts, columns_of
from tui.widgets.timeline_canvas import finished
from tui.widgets.timeline_pictures import Shown, Wanted, draw_picture
from tui.widgets.timeline_walk import TimelineWalk

RULES = """
[incident]
name = "Odd"
as_of = 2019-11-05

[[rules]]
id = "r"
data_classes = ["member.*"]
from = 2018-04-04
"""
NAMES = ("none", "one", "burst", "ends", "many")
SIZES = [(50, 8), (118, 24), (196, 40)]


class Record(NamedTuple):
    """An event as the log has it."""

    partner: str
    at: int
    denied: bool


def records() -> list[Record]:
    """None of `none`, one of `one`, fifty of `burst` in one microsecond, `ends` in 1990 and 2099, and `many`."""
    middle = parse_point("2019-10-01T12:34:56Z") + 789_012
    found = [Record("one", middle, False)]
    found += [Record("burst", middle, number % 5 == 0) for number in range(50)]
    for date in ("1990-01-01T00:00:00Z", "2018-04-03T23:59:59Z", "2018-04-04T00:00:00Z", "2099-12-31T23:59:59Z"):
        found.append(Record("ends", parse_point(date), False))
    begin, hours = parse_point("2019-01-01"), 7 * 3_600_000_000
    found += [Record("many", begin + number * hours, number % 9 == 0) for number in range(700)]
    return found


RECORDS = records()
CUTOFF = parse_point("2018-04-04")


def restricted(record: Record) -> bool:
    return not record.denied and record.at >= CUTOFF


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    folder = tmp_path_factory.mktemp("odd")
    lines = {
        "partners": [{"partner_id": name, "name": name} for name in NAMES],
        "apps": [{"app_id": f"a-{name}", "partner_id": name, "name": name} for name in NAMES],
        "access_events": [
            {
                "occurred_at": record.at,
                "app_id": f"a-{record.partner}",
                "data_class": "member.name",
                "subject_id": f"person-{number % 40}",
                "outcome": "denied" if record.denied else "success",
                "event_id": f"e-{number}",
            }
            for number, record in enumerate(RECORDS)
        ],
    }
    paths = []
    for kind, rows in lines.items():
        paths.append(folder / f"{kind}.jsonl")
        paths[-1].write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    create_store(folder / "odd.db", name="Odd", actor="ana", at=parse_point("2020-01-01"))
    with open_store(folder / "odd.db") as opened:
        load_rules(opened, RULES, source="rules.toml", actor="ana")
        import_paths(opened, paths, actor="ana")
        yield opened


def asked(store: Store, walk: TimelineWalk, wanted: Wanted, partner: str | None) -> Shown:
    whose = None if partner is None else find_partner(store, partner)
    compared = [find_partner(store, name) for name in ("burst", "ends", "none")][: max(wanted.bands, 1)]
    return picture_of(store, Parameters(), wanted, whose, partner or "All partners", compared)


def check(shown: Shown, walk: TimelineWalk, partner: str | None) -> None:
    """The sums of what is shown are those of a plain loop over the records; the picture has the pane's size."""
    answer = shown.timeline
    mine = [record for record in RECORDS if partner is None or record.partner == partner]
    if shown.picture == WEEKS:
        mine = RECORDS
    inside = [record for record in mine if answer.from_at <= record.at < answer.until_at]
    total = added(map(bin_counts, answer.bins))
    expected = sum(map(restricted, inside)), sum(record.denied for record in inside)
    assert (total[0], total[2], sum(total)) == (*expected, len(inside))
    if shown.picture not in (CALENDAR, WEEKS):
        columns = [column for column in columns_of(answer.bins, walk.width) if column.first]
        assert added(column.counts for column in columns) == total
    for band in shown.bands:
        told = sum(sum(bin_counts(row)) for row in band.bins)
        assert told == sum(
            record.partner == band.name and answer.from_at <= record.at < answer.until_at for record in RECORDS
        )
    weeks = walk.weeks() if shown.picture == WEEKS else ()
    for week in weeks:
        read = [record for record in RECORDS if restricted(record) and week.from_at <= record.at < week.until_at]
        assert (week.partners, week.events) == (len({record.partner for record in read}), len(read))
    drawing = draw_picture(shown, walk.width, walk.height, counted=0, weeks=weeks, row=walk.row)
    rows = finished(drawing, cursor=(walk.at, walk.row), chosen=walk.chosen)
    assert [sum(len(text) for text, _ in row) for row in rows] == [walk.width] * walk.height


@pytest.mark.parametrize(
    ("picture", "partner"),
    [
        *((picture, partner) for picture in (BARS, CALENDAR) for partner in (None, *NAMES)),
        *((picture, None) for picture in (BANDS, WEEKS)),
    ],
)
def test_from_a_century_to_a_second_and_back(store: Store, partner: str | None, picture: str) -> None:
    for size in SIZES if partner is None else SIZES[1:2]:
        walk = TimelineWalk(TimeCursor(picture=picture))
        walk.fit(*size)
        walk.set_span(*whole_span(store, None))
        walk.fit(*size)
        walk.walk_to(parse_point("2019-10-01T12:34:56Z") + 789_012)
        widths = []
        while True:
            wanted = walk.wanted()
            assert wanted is not None
            assert wanted.from_at <= walk.at < wanted.until_at or picture == WEEKS
            shown = asked(store, walk, wanted, partner)
            walk.show(shown)
            check(shown, walk, partner)
            assert walk.view is not None
            widths.append(walk.view.width)
            if not walk.zoom(1):
                break
        assert widths == sorted(widths, reverse=True)
        assert widths[0] > 250 * DAY
        assert widths[-1] == 1_000_000
        assert all(before <= 4 * after for before, after in pairwise(widths)), "no step is a jump"
        steps = 0
        while walk.zoom(-1):
            steps += 1
        assert steps <= len(widths)
        assert walk.view is not None
        assert walk.view.is_whole


def test_the_ends_of_time_are_gone_to(store: Store) -> None:
    walk = TimelineWalk(TimeCursor())
    walk.fit(118, 24)
    walk.set_span(*whole_span(store, None))
    for at in (parse_point("1990-01-01"), parse_point("2099-12-31T23:59:59Z")):
        walk.whole()
        walk.walk_to(at)
        while walk.zoom(1):
            pass
        assert walk.cursor == (at, at + 1_000_000)
        wanted = walk.wanted()
        assert wanted is not None
        shown = asked(store, walk, wanted, "ends")
        walk.show(shown)
        check(shown, walk, "ends")
        assert sum(sum(bin_counts(row)) for row in shown.timeline.bins) == 1
        # Beyond the data there is nothing to go to.
        walk.step(10_000 if at > parse_point("2000-01-01") else -10_000)
        assert walk.cursor is not None
        assert whole_span(store, None)[0] <= walk.cursor[0] < whole_span(store, None)[1]


def test_a_bands_row_is_kept_with_its_partner(store: Store) -> None:
    walk = TimelineWalk(TimeCursor(picture=BANDS))
    walk.fit(118, 24)
    walk.set_span(*whole_span(store, None))
    wanted = walk.wanted()
    assert wanted is not None
    walk.show(asked(store, walk, wanted, "ends"))
    assert walk.subject == find_partner(store, "ends")
    walk.step_row(1)
    assert walk.subject == find_partner(store, "none")
    walk.show(asked(store, walk, wanted, "ends"))
    assert walk.subject == find_partner(store, "none")
    walk.step_row(9)
    assert walk.row == 2


def test_a_marker_near_by_is_looked_for_where_some_are_left_out(store: Store) -> None:
    walk = TimelineWalk(TimeCursor(picture=BANDS))
    walk.fit(118, 24)
    walk.set_span(*whole_span(store, None))
    wanted = walk.wanted()
    assert wanted is not None
    shown = asked(store, walk, wanted, "ends")
    far = Marker(parse_point("2019-10-28"), "removal", "removed", find_partner(store, "ends"))
    walk.walk_to(CUTOFF - 1)

    def ahead(left_out: int) -> object:
        bands = tuple(band._replace(markers=(far,), markers_left_out=left_out) for band in shown.bands)
        walk.show(replace(shown, bands=bands))
        return walk.marker_ahead(1)

    assert ahead(0) == far.at
    assert walk.cursor is not None
    assert ahead(3) == (walk.cursor[1], max(wanted.until_at, whole_span(store, None)[1]))
