"""The timeline's picture as text: whatever the data and the size, it is a true sum and stays inside."""

from hypothesis import example, given, settings
from hypothesis import strategies as st
from rich.cells import cell_len

from store.instants import MICROSECONDS_PER_DAY as DAY
from store.instants import parse_point
from store.marker_letters import marker_letter
from store.timeline import Bin, Gap, Marker, Timeline
from tui.widgets.timeline_bars import (
    STACK,
    bar_cells,
    bar_heights,
    bin_counts,
    columns_of,
    round_up,
    scale_for,
    short_count,
)
from tui.widgets.timeline_canvas import finished
from tui.widgets.timeline_drawing import draw_bars, layout

FIRST = parse_point("1990-01-01")
LAST = parse_point("2099-12-31")
COUNTS = st.one_of(st.just(0), st.integers(0, 30), st.integers(0, 10**9))
KINDS = ("rule", "grant", "revoke", "removal", "step", "flag", "clear", "reopen", "import", "something new")


@st.composite
def timelines(draw_: st.DrawFn, most_bins: int = 130) -> Timeline:
    n = draw_(st.integers(0, most_bins))
    from_at = draw_(st.integers(FIRST, LAST - 1))
    until_at = draw_(st.integers(from_at + 1, LAST))
    edges = [from_at + i * (until_at - from_at) // max(n, 1) for i in range(n + 1)]
    bins = tuple(Bin(edges[i], edges[i + 1], *draw_(st.tuples(*[COUNTS] * 6))) for i in range(n))
    instants = st.integers(from_at - DAY, until_at + DAY)
    pairs = st.lists(st.tuples(instants, instants).map(sorted), max_size=4)
    markers = draw_(st.lists(st.builds(Marker, instants, st.sampled_from(KINDS), st.text(max_size=12)), max_size=12))
    gaps = tuple(Gap(a, b, "gateway") for a, b in draw_(pairs))
    in_order = tuple(sorted(markers, key=lambda one: one[:3]))
    return Timeline(from_at, until_at, bins, in_order, gaps, tuple((a, b) for a, b in draw_(pairs)))


def lines(answer: Timeline | None, width: int, height: int, cursor: int | None = None) -> list[str]:
    at = None if cursor is None or answer is None or not 0 <= cursor < len(answer.bins) else answer.bins[cursor].from_at
    rows = finished(draw_bars(answer, width, height), cursor=None if at is None else (at, 0))
    return ["".join(text for text, _ in row) for row in rows]


ONE_MICROSECOND = Timeline(FIRST, FIRST + 1, (Bin(FIRST, FIRST + 1, 1, 0, 0, 0, 0, 0),), (), (), ())
CENTURY = Timeline(
    FIRST,
    LAST,
    tuple(
        Bin(FIRST + i * (LAST - FIRST) // 12, FIRST + (i + 1) * (LAST - FIRST) // 12, i, 0, 0, 0, 0, 0)
        for i in range(12)
    ),
    (),
    (),
    ((FIRST, LAST),),
)


@settings(max_examples=60, deadline=None)
@given(
    answer=timelines(), width=st.integers(-2, 140), height=st.integers(-2, 45), cursor=st.none() | st.integers(-1, 140)
)
@example(answer=ONE_MICROSECOND, width=18, height=3, cursor=0)
@example(answer=CENTURY, width=78, height=7, cursor=11)
def test_the_picture_is_exactly_as_large_as_the_pane(
    answer: Timeline, width: int, height: int, cursor: int | None
) -> None:
    rows = lines(answer, width, height, cursor)
    assert len(rows) == max(height, 0)
    assert all(cell_len(row) == len(row) == max(width, 0) for row in rows)
    assert all(character.isprintable() for row in rows for character in row)


@settings(max_examples=100, deadline=None)
@given(width=st.integers(0, 200), height=st.integers(0, 60), sources=st.integers(0, 12))
def test_the_rows_of_a_layout_fill_the_height_and_no_more(width: int, height: int, sources: int) -> None:
    plan = layout(width, height, sources)
    lanes = plan.could + plan.rule + plan.logs
    assert plan.bars + plan.marks + plan.axis + lanes + plan.legend_rows == height
    assert plan.gutter + plan.columns + plan.side == width
    assert plan.columns >= 0
    assert plan.bars >= min(height, 2)


@settings(max_examples=60, deadline=None)
@given(answer=timelines(), columns=st.integers(1, 150))
def test_columns_sum_their_bins(answer: Timeline, columns: int) -> None:
    laid = columns_of(answer.bins, columns)
    assert len(laid) <= columns
    firsts = [column for column in laid if column.first]
    assert [i for column in firsts for i in column.bins] == list(range(len(answer.bins)))
    for place in range(4):
        assert sum(column.counts[place] for column in firsts) == sum(bin_counts(row)[place] for row in answer.bins)
    total = sum(sum(row[2:]) for row in answer.bins)
    assert sum(sum(column.counts) for column in firsts) == total


@settings(max_examples=150, deadline=None)
@given(counts=st.tuples(COUNTS, COUNTS, COUNTS, COUNTS), scale=st.integers(1, 10**9), rows=st.integers(1, 30))
def test_a_bar_is_as_high_as_its_sum_and_never_negative(
    counts: tuple[int, int, int, int], scale: int, rows: int
) -> None:
    edges = bar_heights(counts, scale, rows)
    assert list(edges) == sorted(edges)
    assert edges[0] >= (1 if counts[0] else 0)
    assert edges[-1] <= 8 * rows
    exact = min(sum(counts) * 8 * rows / scale, 8 * rows)
    assert abs(edges[-1] - exact) <= 1


@settings(max_examples=150, deadline=None)
@given(counts=st.tuples(COUNTS, COUNTS, COUNTS, COUNTS), scale=st.integers(1, 10**6), rows=st.integers(1, 12))
def test_a_bar_shows_something_exactly_where_there_is_something(
    counts: tuple[int, int, int, int], scale: int, rows: int
) -> None:
    cells = bar_cells(counts, scale, rows)
    assert len(cells) == rows
    filled = [glyph != " " for glyph, _ in cells]
    assert filled[0] == bool(sum(counts))
    assert filled == sorted(filled, reverse=True)
    assert (cells[-1][0] in "▲△") == (sum(counts) > scale)


def test_every_kind_of_read_has_a_glyph_of_its_own() -> None:
    glyphs = [glyph for _, full, small, _ in STACK for glyph in {full, small}] + list("?▲△·")
    assert len(glyphs) == len(set(glyphs))
    one_of_each = [bar_cells(tuple(int(i == place) for i in range(4)), 1, 3) for place in range(4)]  # type: ignore[arg-type]
    assert [cells[1][0] for cells in one_of_each] == ["█", "▒", "x", "░"]
    faint = [bar_cells(tuple(int(i == place) for i in range(4)), 1000, 3) for place in range(4)]  # type: ignore[arg-type]
    assert [cells[0][0] for cells in faint] == ["▁", "~", "x", "."]


def bins_of(*counts: tuple[int, int]) -> tuple[Bin, ...]:
    """Restricted and allowed reads of one day after another from 2019-10-01."""
    begin = parse_point("2019-10-01")
    return tuple(Bin(begin + i * DAY, begin + (i + 1) * DAY, *pair, 0, 0, 0, 0) for i, pair in enumerate(counts))


def test_one_spike_flattens_nothing_and_its_value_is_told() -> None:
    bins = bins_of(*[(20 + i, 0) for i in range(10)], (5_000, 0), (25, 0), (0, 0))
    scale = scale_for(columns_of(bins, 13))
    assert 29 <= scale <= 40
    answer = Timeline(bins[0].from_at, bins[-1].until_at, bins, (), (), ())
    picture = "\n".join(lines(answer, 50, 12))
    assert "▲" in picture
    assert "5,000" in picture


def test_many_allowed_reads_leave_restricted_ones_a_third_of_the_height() -> None:
    scale = scale_for(columns_of(bins_of(*[(10, 1_000)] * 20), 20))
    assert scale <= 30


@settings(max_examples=200, deadline=None)
@given(st.integers(0, 10**13))
def test_scale_labels_are_short_and_round(value: int) -> None:
    assert len(short_count(round_up(value))) <= 5
    assert round_up(value) >= value
    assert len(str(round_up(value)).rstrip("0")) <= 2 or value == 0


def test_scale_labels() -> None:
    said = [short_count(value) for value in (0, 999, 2_200, 12_000, 460_000, 1_200_000, 99 * 10**9)]
    assert said == ["0", "999", "2,200", "12k", "460k", "1.2M", "99G"]


def test_markers_are_letters_and_the_most_important_wins_a_column() -> None:
    begin = parse_point("2019-10-01")
    markers = (
        Marker(begin, "grant", "Ribbon Go"),
        Marker(begin + 5, "removal", "Ribbon Go"),
        Marker(begin + 2 * DAY, "step", "deletion_certified: reply.eml"),
        Marker(begin + 2 * DAY, "import", "import 7"),
        Marker(begin + 3 * DAY, "step", "no such step"),
    )
    bins = bins_of((1, 0), (1, 0), (1, 0), (1, 0), (1, 0))
    answer = Timeline(begin, bins[-1].until_at, bins, markers, (), ())
    rows = lines(answer, 11, 8)
    assert rows[0].split() == ["R", "C", "s"]
    assert [marker_letter(one) for one in markers] == ["G", "R", "C", "I", "s"]


GOLDEN_NARROW = [
    "marks G        P                       R  ",
    "    9┤         ┊  ▂▂▂                  ┊  ",
    "     │   ░░░░░░░░░███                  ┊  ",
    "     │░░░░░░░░░▅▅▅███░░░               ┊  ",
    "     │░░░░░░░░░██████▇▇▇   ▁▁▁         ┊  ",
    "     │░░░░░░░░░█████████▃▃▃███         xxx",
    "     │░░░░░░░░░███████████████   ▄▄▄   xxx",
    "    0┤░░░░░░░░░███████████████???███▆▆▆▆▆▆",
    "            └2018-04 └2018-07 └2018-10    ",
    "could ━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━   ",
    "log   ████████████████████████···█████████",
    "█ restricted  x denied  ░. allowed        ",
    "? not logged  R access removed  P rule    ",
    "G grant                                   ",
]
GOLDEN_WIDE = [
    "marks G        P                       R      █ restricted        ",
    "    9┤   ░░░   ░░░▄▄▄                  ┊      x denied            ",
    "     │░░░░░░░░░▅▅▅███▂▂▂               ┊      ░. allowed          ",
    "     │░░░░░░░░░█████████▃▃▃▆▆▆         xxx    ? not logged        ",
    "    0┤░░░░░░░░░███████████████???▇▇▇▄▄▄▄▄▄    R access removed    ",
    "            └2018-04 └2018-07 └2018-10        P rule              ",
    "could ━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━       G grant             ",
    "log   ████████████████████████···█████████                        ",
]


def demo(*, gap: bool) -> Timeline:
    begin = parse_point("2018-03-01")
    counts = [(0, 6), (0, 8), (0, 7), (6, 2), (8, 1), (5, 1), (3, 0), (4, 0), (0, 0), (2, 0), (1, 0), (1, 0)]
    month = 30 * DAY
    bins = tuple(
        Bin(begin + i * month, begin + (i + 1) * month, a, b, 0, 0, 3 if i == 11 else 0, 0)
        for i, (a, b) in enumerate(counts)
    )
    gaps = (Gap(begin + 8 * month, begin + 9 * month, "gateway"),) if gap else ()
    markers = (
        Marker(begin + DAY, "grant", "Ribbon Go: groups_access_member_info"),
        Marker(begin + 3 * month, "rule", "groups-api-2018-04-04"),
        Marker(begin + 11 * month, "removal", "Ribbon Go"),
    )
    return Timeline(begin, begin + 12 * month, bins, markers, gaps, ((begin, begin + 11 * month),))


def test_the_whole_picture() -> None:
    assert lines(demo(gap=True), 42, 14) == GOLDEN_NARROW


def test_the_picture_of_a_low_wide_pane_has_its_legend_at_the_side() -> None:
    assert lines(demo(gap=True), 66, 8) == GOLDEN_WIDE


def test_no_answer_is_an_empty_frame() -> None:
    assert lines(None, 20, 4) == ["     │" + " " * 14] * 2 + [" " * 20] * 2
