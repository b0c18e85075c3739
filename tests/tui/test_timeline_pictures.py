"""Bands, calendar and weeks as pictures: what they draw is what plain sums over the same bins say."""

from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from store.instants import MICROSECONDS_PER_DAY as DAY
from store.instants import parse_point
from store.marker_letters import marker_letter
from store.timeline import Band, Bin, Gap, Marker, SourceCoverage, Timeline, Week
from tui.widgets.timeline_bands import bands_layout, bands_wanted, draw_bands
from tui.widgets.timeline_bars import DENIED, KINDS
from tui.widgets.timeline_calendar import (
    WEEK,
    calendar_room,
    day_glyph,
    draw_calendar,
    level_bounds,
    weeks_shown,
)
from tui.widgets.timeline_canvas import Drawing, finished, spot_at
from tui.widgets.timeline_drawing import draw_bars, layout
from tui.widgets.timeline_marks import letters_of, touched
from tui.widgets.timeline_weeks import draw_weeks, weeks_in

MONDAY = parse_point("2019-09-30")


def text_of(drawing: Drawing) -> list[str]:
    return ["".join(text for text, _ in row) for row in finished(drawing)]


def days_of(counts: list[tuple[int, int, int]], *, begin: int = MONDAY, gaps: tuple[Gap, ...] = ()) -> Timeline:
    """Restricted, allowed and denied events of one day after another."""
    bins = tuple(Bin(begin + i * DAY, begin + (i + 1) * DAY, a, b, 0, 0, c, 0) for i, (a, b, c) in enumerate(counts))
    until = begin + len(counts) * DAY
    return Timeline(begin, until, bins, (), gaps, (), ((begin, until),))


# --- the calendar ----------------------------------------------------------------------------------------------------


@settings(max_examples=200, deadline=None)
@given(scale=st.integers(1, 10**6), count=st.integers(1, 3 * 10**6))
def test_a_days_darkness_is_what_the_legend_says(scale: int, count: int) -> None:
    glyph, _ = day_glyph((count, 0, 0, 0), scale, 0, gap=False)
    fitting = [sign for sign, low, high in level_bounds(scale) if count >= low and (high is None or count <= high)]
    assert fitting == [glyph]


@settings(max_examples=60, deadline=None)
@given(
    counts=st.lists(st.tuples(st.integers(0, 40), st.integers(0, 3), st.integers(0, 2)), min_size=1, max_size=150),
    width=st.integers(24, 150),
    height=st.integers(7, 40),
)
def test_each_day_stands_in_its_week_and_on_its_weekday(
    counts: list[tuple[int, int, int]], width: int, height: int
) -> None:
    answer = days_of(counts[: 7 * calendar_room(width, height)])
    drawing = draw_calendar(answer, width, height)
    assert [(spot.from_at, spot.until_at) for spot in drawing.spots] == [(row[0], row[1]) for row in answer.bins]
    assert {spot.right <= width and spot.bottom <= height for spot in drawing.spots} == {True}
    # The first week's days stand below each other, and every other day in the same order in its own column and block.
    tops = [spot.top for spot in drawing.spots[:7]]
    assert tops == sorted(set(tops))
    for place, spot in enumerate(drawing.spots):
        assert datetime.fromtimestamp(spot.from_at / 1_000_000, UTC).weekday() == place % 7
        monday = drawing.spots[place - place % 7]
        assert (spot.left, spot.top - monday.top) == (monday.left, tops[place % 7] - tops[0])
    boxes = [(range(spot.left, spot.right), range(spot.top, spot.bottom)) for spot in drawing.spots]
    cells = [(x, y) for columns, rows in boxes for x in columns for y in rows]
    assert len(cells) == len(set(cells)), "no two days overlap"


@settings(max_examples=200, deadline=None)
@given(
    begin=st.integers(parse_point("1990-01-01"), parse_point("2099-01-01")),
    length=st.integers(1, 4_000 * DAY),
    place=st.floats(0, 1),
    width=st.integers(1, 150),
    height=st.integers(1, 50),
)
def test_the_weeks_shown_begin_on_mondays_and_hold_the_cursor(
    begin: int, length: int, place: float, width: int, height: int
) -> None:
    window = begin, begin + length
    cursor = min(begin + int(place * length), window[1] - 1)
    from_at, until_at = weeks_shown(window, cursor, width, height)
    assert datetime.fromtimestamp(from_at / 1_000_000, UTC).weekday() == 0
    assert from_at % DAY == 0
    assert (until_at - from_at) % WEEK == 0
    assert from_at <= cursor < until_at
    weeks = (until_at - from_at) // WEEK
    assert weeks <= max(calendar_room(width, height), (width + 3) // 4)
    if weeks < calendar_room(width, height):
        assert from_at <= window[0]
        assert until_at >= window[1]


def test_a_day_that_is_not_logged_is_no_quiet_day() -> None:
    gap = Gap(MONDAY + DAY, MONDAY + 3 * DAY, "gateway")
    rows = text_of(draw_calendar(days_of([(0, 0, 0)] * 2 + [(5, 0, 0)] + [(0, 0, 0)] * 4, gaps=(gap,)), 40, 8))
    assert [row[5] for row in rows[:7]] == ["-", "?", "█", "-", "-", "-", "-"]


def test_denied_only_days_are_dark_where_only_denied_attempts_count() -> None:
    rows = text_of(draw_calendar(days_of([(9, 0, 0), (0, 0, 4), (0, 2, 0)]), 40, 8, kinds=(DENIED,)))
    assert [row[5] for row in rows[:3]] == ["-", "█", "-"]


def test_the_calendar_of_a_partner_that_stopped_after_its_removal() -> None:
    counts = [(9, 0, 0), (7, 1, 0), (7, 0, 0), (2, 0, 0), (1, 0, 0), (0, 0, 0), (0, 0, 0), (6, 0, 0), (0, 0, 0)]
    counts += [(0, 0, 0), (0, 0, 0), (0, 3, 0), (0, 0, 0), (0, 0, 2), (0, 0, 0), (0, 0, 0)]
    gap = Gap(MONDAY + 5 * DAY, MONDAY + 6 * DAY, "gateway")
    answer = days_of(counts, gaps=(gap,))
    removal = Marker(MONDAY + 8 * DAY + 5, "removal", "Ribbon Go removed", 41)
    rows = text_of(draw_calendar(Timeline(*[*_fields(answer)[:3], (removal,), *_fields(answer)[4:]]), 40, 12))
    for row, start in zip(rows[1:8], ("Mon  ███ ▓▓▓", "Tue  ███ R--", "Wed  ███ ---"), strict=False):
        assert row.startswith(start)
    assert rows[0].startswith("marks    R")
    assert rows[6].startswith("Sat  ??? ---")
    assert rows[7].startswith("Sun  --- xxx")
    assert "█ 7+ restricted a day" in "".join(rows)


def _fields(answer: Timeline) -> list[object]:
    return [getattr(answer, name) for name in answer.__dataclass_fields__]


# --- bands -----------------------------------------------------------------------------------------------------------


@st.composite
def bands(draw_: st.DrawFn) -> tuple[Timeline, list[Band]]:
    number = draw_(st.integers(1, 40))
    answer = days_of([(0, 0, 0)] * number)
    found = []
    for partner in range(draw_(st.integers(1, 9))):
        counts = draw_(st.lists(st.tuples(*[st.integers(0, 2_000)] * 6), min_size=number, max_size=number))
        rows = tuple(Bin(row[0], row[1], *each) for row, each in zip(answer.bins, counts, strict=True))
        found.append(Band(partner, f"Partner {partner}", rows, ()))
    return answer, found


@settings(max_examples=60, deadline=None)
@given(both=bands(), height=st.integers(6, 40))
def test_each_band_tells_the_sum_of_its_bins_and_its_tallest(both: tuple[Timeline, list[Band]], height: int) -> None:
    answer, found = both
    width = 26 + 14 + len(answer.bins) + 20
    rows = text_of(draw_bands(answer, found, width, height))
    told = [row for row in rows if "Partner" in row]
    assert len(told) == min(len(found), bands_layout(width, height).rows)
    for row, band in zip(told, found, strict=False):
        total, tallest = sum(sum(each[2:]) for each in band.bins), max(sum(each[2:]) for each in band.bins)
        assert row.split()[-2:] == [shortened(total), shortened(tallest)]
    assert all(len(row) == width for row in rows)
    assert len(rows) == height


def shortened(value: int) -> str:
    """As a scale says a count below ten million."""
    if value < 10_000:
        return f"{value:,}"
    size, letter = (1_000_000, "M") if value >= 1_000_000 else (1_000, "k")
    whole, tenth = divmod(value * 10 // size, 10)
    return f"{whole}{f'.{tenth}' if tenth and whole < 100 else ''}{letter}"


def test_a_bands_letters_hide_no_read() -> None:
    answer = days_of([(0, 0, 0)] * 4)
    marks = tuple(Marker(MONDAY + day * DAY, "removal", "removed", 1) for day in (1, 3))
    counts = (8, 8, 3, 2)
    rows = tuple(row._replace(improper=count) for row, count in zip(answer.bins, counts, strict=True))
    top = text_of(draw_bands(answer, [Band(1, "", rows, marks)], 60, 8))[1]
    # The days of eight fill their rows and keep them; the last one has room for its letter.
    assert top[15:].rstrip().startswith("█" * 14)
    assert top.count("R") == 1
    assert top.index("R") == 15 + 3 * 7


def test_who_is_compared_has_a_sign_and_names_may_be_wide() -> None:
    answer = days_of([(1, 0, 0)] * 4)
    found = [Band(1, "動画配信スタジオ", answer.bins, ()), Band(2, "Ribbon", answer.bins, ())]
    rows = text_of(draw_bands(answer, found, 70, 10, current=2))
    assert any(row.startswith("> Ribbon") for row in rows)
    assert any(row.startswith("  動画配信") for row in rows)


@settings(max_examples=60, deadline=None)
@given(width=st.integers(0, 220), height=st.integers(0, 60))
def test_there_is_room_for_as_many_bands_as_are_asked_for(width: int, height: int) -> None:
    assert 1 <= bands_wanted(width, height) <= max(bands_layout(width, height).rows, 1)


# --- weeks -----------------------------------------------------------------------------------------------------------


def weeks_of(counts: list[tuple[int, int, int]]) -> list[Week]:
    """Partners, people and days not logged of one week after another."""
    begin = parse_point("2018-04-04")
    return [
        Week(begin + i * WEEK, begin + (i + 1) * WEEK, a, b, a + b, 7, 7 - missing)
        for i, (a, b, missing) in enumerate(counts)
    ]


def test_the_picture_of_weeks() -> None:
    weeks = weeks_of([(12, 300, 0), (11, 200, 0), (0, 0, 7), (5, 40, 0)])
    marks = (Marker(weeks[0].from_at, "rule", "rule in force"),)
    answer = Timeline(weeks[0].from_at, weeks[-1].until_at, (), marks, (), ())
    rows = text_of(draw_weeks(weeks, answer, 41, 9))
    assert rows[0].startswith("marks    P")
    assert rows[1].startswith("      12┤████████")
    assert rows[2].startswith("partners│")
    assert any(row.startswith("     300┤████████") for row in rows)
    assert any("????????" in row for row in rows)
    assert rows[-1] == "log      ████████████████········████████"


@settings(max_examples=100, deadline=None)
@given(number=st.integers(1, 90), columns=st.integers(1, 60), place=st.floats(0, 1))
def test_weeks_are_never_joined_and_the_cursors_is_among_them(number: int, columns: int, place: float) -> None:
    weeks = weeks_of([(1, 1, 0)] * number)
    window = weeks[0].from_at, weeks[-1].until_at
    cursor = window[0] + int(place * (window[1] - window[0] - 1))
    inside = weeks_in(weeks, window, cursor, columns)
    assert len(inside) == min(number, columns)
    assert any(week.from_at <= cursor < week.until_at for week in inside)
    assert list(inside) == weeks[weeks.index(inside[0]) : weeks.index(inside[0]) + len(inside)]


# --- what they share -------------------------------------------------------------------------------------------------


INSTANTS = st.integers(0, 60)
SPANS = st.lists(st.tuples(INSTANTS, INSTANTS).map(lambda pair: (min(pair), max(pair))), max_size=8)


@settings(max_examples=200, deadline=None)
@given(width=st.integers(1, 9), number=st.integers(0, 12), intervals=SPANS)
def test_touched_is_what_a_plain_loop_says(width: int, number: int, intervals: list[tuple[int, int]]) -> None:
    spans = [(i * width, (i + 1) * width) for i in range(number)]
    expected = [any(begin < until and end > start for begin, end in intervals) for start, until in spans]
    assert touched(spans, intervals) == expected


@settings(max_examples=100, deadline=None)
@given(
    instants=st.lists(st.integers(-5, 65), max_size=12), kinds=st.lists(st.sampled_from(["rule", "removal", "grant"]))
)
def test_the_most_important_letter_wins(instants: list[int], kinds: list[str]) -> None:
    markers = [Marker(at, kind, "") for at, kind in zip(sorted(instants), kinds, strict=False)]
    spans = [(i * 10, i * 10 + 10) for i in range(6)]
    for (start, until), letter in zip(spans, letters_of(markers, spans), strict=True):
        here = {one.kind for one in markers if start <= one.at < until}
        expected = "R" if "removal" in here else "P" if "rule" in here else "G" if "grant" in here else " "
        assert letter == expected


def test_a_step_of_everybodys_timeline_has_its_letter_whatever_the_partner_is_called() -> None:
    assert marker_letter(Marker(0, "step", "deletion certified Ltd: audit passed (ana)", 4)) == "V"
    assert marker_letter(Marker(0, "step", "certified (ana: and others)", 4)) == "C"


def test_each_source_has_a_lane_of_its_own_where_there_is_room() -> None:
    answer = days_of([(1, 0, 0)] * 20, gaps=(Gap(MONDAY, MONDAY + 2 * DAY, "edge"),))
    coverage = tuple(SourceCoverage(name, "imported", ()) for name in ("edge", "gateway [red]"))
    answer = Timeline(*[*_fields(answer)[:7], coverage])
    assert layout(100, 20, 2).logs == 2
    rows = text_of(draw_bars(answer, 100, 20))
    (edge,) = [row for row in rows if row.startswith("edge")]
    (gateway,) = [row for row in rows if row.startswith("gateway [red]"[:11])]
    assert "·" in edge
    assert "·" not in gateway
    assert "log" in "".join(text_of(draw_bars(answer, 100, 12)))


def test_days_that_only_have_events_are_not_drawn_as_logged() -> None:
    answer = days_of([(1, 0, 0)] * 20)
    inferred = Timeline(*[*_fields(answer)[:7], (SourceCoverage("inferred", "inferred", ()),)])
    assert "─ has events" in "".join(text_of(draw_bars(inferred, 60, 20)))
    lane = next(row for row in text_of(draw_bars(inferred, 60, 20)) if row.startswith("log"))
    assert "█" not in lane


@pytest.mark.parametrize("kinds", [KINDS, (DENIED,)])
def test_what_is_chosen_has_a_sign_and_a_click_finds_its_bin(kinds: tuple[str, ...]) -> None:
    drawing = draw_bars(days_of([(3, 1, 2)] * 20), 60, 12, kinds)
    rows = finished(drawing, cursor=(MONDAY + 5 * DAY, 0), chosen=(MONDAY + 5 * DAY, MONDAY + 8 * DAY))
    top = "".join(text for text, _ in rows[0])
    assert top[6:].strip() == "▼" + "═" * 5
    spot = spot_at(drawing, top.index("▼"), 4)
    assert spot is not None
    assert spot.from_at == MONDAY + 5 * DAY
    assert spot_at(drawing, 2, 4) is None
