"""Zooming and panning: the window keeps to the calendar and to the span, whatever is pressed."""

from hypothesis import given, settings
from hypothesis import strategies as st

from store.instants import MICROSECONDS_PER_DAY as DAY
from store.instants import format_instant, parse_point
from tui.widgets.timeline_axis import axis_labels
from tui.widgets.timeline_window import BIN_WIDTHS, HOUR, SECOND, TimeWindow, bin_width_for, width_words

FIRST, LAST = parse_point("1990-01-01"), parse_point("2099-12-31")
SPANS = st.tuples(st.integers(FIRST, LAST), st.integers(FIRST, LAST)).map(sorted)
KEYS = st.lists(
    st.one_of(
        st.tuples(st.just("zoom"), st.sampled_from([-3, -1, 1, 2, 5])),
        st.tuples(st.just("move"), st.integers(-300, 300)),
        st.tuples(st.just("resize"), st.integers(0, 160)),
        st.tuples(st.just("show"), st.integers(FIRST, LAST)),
    ),
    max_size=12,
)


@settings(max_examples=120, deadline=None)
@given(span=SPANS, columns=st.integers(1, 200))
def test_the_whole_span_is_inside_and_bins_fit(span: list[int], columns: int) -> None:
    window = TimeWindow.whole(span[0], span[1], columns)
    assert window.from_at <= span[0]
    assert window.until_at >= span[1]
    assert 1 <= window.bins <= columns
    assert window.until_at - span[1] < window.width or span[0] == span[1]
    assert window.from_at % min(window.width, DAY) == 0
    assert window.is_whole


@settings(max_examples=120, deadline=None)
@given(span=SPANS, columns=st.integers(1, 160), keys=KEYS)
def test_no_keys_lead_out_of_the_span_or_off_the_calendar(
    span: list[int], columns: int, keys: list[tuple[str, int]]
) -> None:
    window = TimeWindow.whole(span[0], span[1], columns)
    for key, value in keys:
        if key == "zoom":
            window = window.zoomed(value, window.from_at + (window.until_at - window.from_at) // 3)
        elif key == "move":
            window = window.moved(value)
        elif key == "resize":
            window = window.resized(value)
        else:
            window = window.showing(value)
            if span[0] <= value < span[1]:
                assert window.from_at <= value < window.until_at
        assert window.until_at == window.from_at + window.bins * window.width
        assert 1 <= window.bins <= max(window.columns, 1)
        assert window.until_at > span[0]
        assert window.from_at <= span[1]
        assert window.from_at % min(window.width, DAY) == 0
        if not window.is_whole:
            assert window.width in BIN_WIDTHS
            assert window.until_at - max(span[1], span[0] + 1) < window.width


def test_zooming_in_reaches_seconds_and_out_again_the_whole() -> None:
    whole = TimeWindow.whole(parse_point("2017-01-01"), parse_point("2019-11-05"), 60)
    around = parse_point("2019-10-28T12:30:00Z")
    window, widths = whole, [whole.width]
    while window.width > SECOND:
        window = window.zoomed(1, around)
        assert window.width < widths[-1]
        assert window.from_at <= around < window.until_at
        widths.append(window.width)
    assert {DAY, HOUR} <= set(widths)
    assert window.zoomed(1, around) == window
    for _ in widths:
        window = window.zoomed(-1, around)
    assert window == whole


def test_a_zoomed_window_stays_when_another_partner_comes_under_the_cursor() -> None:
    first, last = parse_point("2018-04-04"), parse_point("2019-11-05")
    window = TimeWindow.whole(first, last, 60).zoomed(4, parse_point("2019-10-28"))
    assert window.respanned(parse_point("2017-01-01"), last).from_at == window.from_at
    far = window.respanned(parse_point("2001-01-01"), parse_point("2001-06-01"))
    assert far.is_whole
    assert TimeWindow.whole(first, last, 60).respanned(first - 90 * DAY, last).is_whole


def test_bin_lengths_in_words() -> None:
    said = [width_words(width) for width in (SECOND, 30 * SECOND, HOUR, 6 * HOUR, DAY, 14 * DAY, 3640 * DAY)]
    assert said == ["second", "30 seconds", "hour", "6 hours", "day", "14 days", "3,640 days"]


@given(st.integers(1, LAST - FIRST), st.integers(1, 300))
def test_the_bin_length_is_the_shortest_of_the_calendar_that_does(span: int, columns: int) -> None:
    width = bin_width_for(span, columns)
    assert width * columns >= span
    shorter = [other for other in BIN_WIDTHS if other < width]
    assert not shorter or shorter[-1] * columns < span


@settings(max_examples=120, deadline=None)
@given(span=SPANS, columns=st.integers(1, 200), wide=st.integers(1, 4))
def test_dates_stand_where_they_belong_and_never_overlap(span: list[int], columns: int, wide: int) -> None:
    window = TimeWindow.whole(span[0], span[1], columns)
    begins = [window.from_at + i * window.width for i in range(window.bins) for _ in range(wide)]
    firsts = [copy == 0 for _ in range(window.bins) for copy in range(wide)]
    free = 0
    for place, label in axis_labels([*begins, window.until_at], firsts):
        assert place >= free
        assert place + len(label) <= len(begins)
        assert firsts[place]
        free = place + len(label)
        date = format_instant(begins[place])
        if len(label) == len("└2019-10"):
            assert abs(parse_point(f"{label[1:]}-01") - begins[place]) <= max(window.width, 0)
        elif label[1:5] == date[:4]:
            assert abs(parse_point(label[1:11]) - begins[place]) <= window.width + DAY


def axis(span: tuple[str, str], columns: int) -> str:
    window = TimeWindow.whole(parse_point(span[0]), parse_point(span[1]), columns)
    edges = [window.from_at + i * window.width for i in range(window.bins + 1)]
    row = [" "] * window.bins
    for place, label in axis_labels(edges, [True] * window.bins):
        row[place : place + len(label)] = label
    return "".join(row).rstrip()


def test_dates_fit_the_length_of_the_span() -> None:
    assert axis(("1990-01-01", "2099-12-31"), 44).split() == ["└2000-01", "└2050-01"]
    assert axis(("2017-01-01", "2019-11-05"), 80).split() == [
        f"└{month}" for month in ("2017-01", "2017-07", "2018-01", "2018-07", "2019-01", "2019-07")
    ]
    assert axis(("2019-10-01", "2019-11-05"), 44).split() == ["└2019-10-07", "└10-21", "└10-28"]
    assert axis(("2019-10-28", "2019-10-29"), 48).split() == ["└2019-10-28", "└06:00", "└12:00", "└18:00"]
    assert axis(("2019-10-28T12:00:00Z", "2019-10-28T12:01:00Z"), 60).split("└")[1:3] == [
        "2019-10-28 12:00   ",
        "12:00:20 ",
    ]
