"""What a timeline is made of: counting without reading every event, markers of every kind, coverage of every source."""

import json
from collections.abc import Iterator
from functools import partial
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from store import event_order, markers, moments
from store.audit_steps import record_step
from store.cases import add_note, flag, reopen, undo
from store.connection import Store
from store.coverage import SourceCoverage, clipped, gaps_of, intersected, logged_by_all
from store.errors import UsageError
from store.ingest.importing import import_paths
from store.ingest.imports import void
from store.instants import parse_point
from store.judge import VERDICT_NAMES
from store.markers import Marker
from store.moments import BIN_ORDER, Days, Moments, PackedInstants, PlainInstants
from store.names import find_partner
from store.remembered import Remembered
from store.timeline import MOST_BINS, bands, timeline, timeline_document
from store.timeline import markers as markers_alone
from tests.differential import ACTOR, build
from tests.incident_files import Row, write_file

RULES = """
[incident]
as_of = 2019-01-01
[scopes]
"members" = ["g.m.*"]
[[rules]]
id = "first"
data_classes = ["g.m.*"]
from = 2018-02-01
until = 2018-06-01
[[rules]]
id = "second"
data_classes = ["g.m.name"]
from = 2018-09-01
"""
BEGIN, END = parse_point("2018-01-01"), parse_point("2100-01-01")
WORK = parse_point("2019-03-01T10:00:00Z")


# --- counting --------------------------------------------------------------------------------------------------------


@given(
    st.lists(st.tuples(st.integers(-5, 60), st.integers(0, len(VERDICT_NAMES) - 1)), max_size=80),
    st.lists(st.integers(-10, 70), min_size=2, max_size=9),
)
def test_running_totals_count_what_a_loop_counts(events: list[tuple[int, int]], edges: list[int]) -> None:
    """With strides of four events, so that few events have running totals too."""
    events, edges = sorted(events), sorted(edges)
    expected = [
        [sum(start <= at < end and VERDICT_NAMES[code] == name for at, code in events) for name in BIN_ORDER]
        for start, end in pairwise(edges)
    ]
    codes = np.array([code for _, code in events], dtype=np.int8)
    its = Moments(PlainInstants(np.array([at for at, _ in events], dtype=np.int64)), codes)
    assert its.between(edges).tolist() == expected
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(moments, "_STRIDE", 4)
        table = np.diff(its.before(its.instants.places(np.array(edges))), axis=0)
    assert table[:, [VERDICT_NAMES.index(name) for name in BIN_ORDER]].tolist() == expected


# Instants near where their lower halves begin anew, near midnight, and anywhere from 1990 to 2100.
INSTANTS = st.one_of(
    st.integers(148_000, 148_003).flatmap(lambda run: st.integers((run << 32) - 3, (run << 32) + 3)),
    st.integers(17_600, 17_603).flatmap(lambda day: st.integers(day * 86_400_000_000 - 2, day * 86_400_000_000 + 2)),
    st.integers(parse_point("1990-01-01"), parse_point("2100-01-01")),
)
EDGES = st.one_of(INSTANTS, st.integers(parse_point("1900-01-01"), parse_point("1970-01-02")), st.just(-1))


@given(st.lists(INSTANTS, max_size=60), st.lists(EDGES, min_size=1, max_size=12), st.sets(st.integers(0, 60)))
def test_packed_instants_are_found_like_plain_ones(found: list[int], edges: list[int], cuts: set[int]) -> None:
    ascending, edges = np.array(sorted(found), dtype=np.int64), sorted(edges)
    plain, packed = PlainInstants(ascending), PackedInstants(np.split(ascending, sorted(cuts)), len(found))
    for its in (plain, packed):
        assert its.places(np.array(edges)).tolist() == [sum(at < edge for at in found) for edge in edges]
        assert its.days() == sorted({at // 86_400_000_000 for at in found})
        assert its.span() == ((min(found), max(found)) if found else None)
    assert packed.at(np.arange(len(found))).tolist() == sorted(found)


@given(
    st.dictionaries(st.tuples(st.integers(0, 30), st.sampled_from(BIN_ORDER)), st.integers(1, 9), max_size=40),
    st.lists(st.integers(-5, 40), min_size=2, max_size=9),
)
def test_whole_days_are_counted_from_the_rollup(rollup: dict[tuple[int, str], int], edges: list[int]) -> None:
    edges = sorted(edges)
    days = sorted({day for day, _ in rollup})
    counts = np.zeros((len(days), len(VERDICT_NAMES)), dtype=np.int64)
    for (day, name), count in rollup.items():
        counts[days.index(day), VERDICT_NAMES.index(name)] = count
    expected = [
        [sum(count for (day, its), count in rollup.items() if start <= day < end and its == name) for name in BIN_ORDER]
        for start, end in pairwise(edges)
    ]
    its = Days(np.array(days, dtype=np.int64), counts)
    assert its.between([edge * 86_400_000_000 for edge in edges]).tolist() == expected


# --- coverage --------------------------------------------------------------------------------------------------------

POINTS = st.integers(0, 30)
INTERVALS = st.sets(POINTS, max_size=12).map(
    lambda points: list(zip(sorted(points)[::2], sorted(points)[1::2], strict=False))
)


def held(intervals: object) -> set[int]:
    assert isinstance(intervals, list | tuple)
    return {point for start, end, *_ in intervals for point in range(start, end)}


@given(INTERVALS, INTERVALS, POINTS, POINTS)
def test_coverage_is_cut_joined_and_lacking_point_by_point(
    one: list[tuple[int, int]], other: list[tuple[int, int]], from_at: int, until_at: int
) -> None:
    until_at += from_at + 1
    window = set(range(from_at, until_at))
    assert held(clipped(one, from_at, until_at)) == held(one) & window
    assert held(intersected(one, other)) == held(one) & held(other)
    cut = [
        SourceCoverage(name, "imported", clipped(intervals, from_at, until_at))
        for name, intervals in (("b", one), ("a", other))
    ]
    assert held(logged_by_all(cut, from_at, until_at)) == held(one) & held(other) & window
    lacking = gaps_of(cut, from_at, until_at)
    assert list(lacking) == sorted(lacking)
    for name, intervals in (("b", one), ("a", other)):
        assert held([gap for gap in lacking if gap.source == name]) == window - held(intervals)


# --- markers ---------------------------------------------------------------------------------------------------------


def read(day: str, app: str) -> Row:
    return {"occurred_at": f"{day}T12:00:00Z", "app_id": app, "data_class": "g.m.name", "subject_id": "s1"}


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """Two partners: one with a mark of every kind, one to be left out."""
    apps: list[Row] = [{"app_id": f"a{place}", "name": f"App {place}", "partner_id": f"p{place}"} for place in (1, 2)]
    grants: list[Row] = [
        {
            "app_id": "a1",
            "scope": "members",
            "granted_at": "2018-01-05T00:00:00Z",
            "revoked_at": "2018-10-01T00:00:00Z",
        },
        {"app_id": "a2", "scope": "members", "granted_at": "2018-01-06T00:00:00Z"},
    ]
    removals: list[Row] = [
        {"app_id": "a1", "removed_at": "2018-11-01T00:00:00Z", "reason": "retained"},
        {"app_id": "a2", "removed_at": "2018-11-02T00:00:00Z"},
    ]
    steps: list[Row] = [{"partner_id": "p1", "step": "notified", "at": "2018-12-01"}]
    partners: list[Row] = [{"partner_id": f"p{place}", "name": f"Partner {place}"} for place in (1, 2)]
    rows = {"partners": partners, "apps": apps, "grants": grants, "removals": removals, "steps": steps}
    rows["access_events"] = [read("2018-03-01", "a1"), read("2018-03-02", "a2")]
    paths = [write_file(tmp_path / f"{kind}.csv", kind, each) for kind, each in rows.items()]
    with build(tmp_path, RULES, paths) as opened:
        yield opened


def told(store: Store, partner: str | None, begin: int = BEGIN, end: int = END) -> list[tuple[str, str]]:
    whose = None if partner is None else find_partner(store, partner)
    answer = timeline(store, whose, from_at=begin, until_at=end, bins=3)
    assert [marker.at for marker in answer.markers] == sorted(marker.at for marker in answer.markers)
    assert answer.markers_left_out == 0
    return [(marker.kind, marker.text) for marker in answer.markers]


def test_a_partner_has_a_marker_of_every_kind(store: Store) -> None:
    partner = find_partner(store, "p1")
    flag(store, [partner], actor="ana", note="look")
    found = told(store, "p1")
    assert found[:8] == [
        ("grant", "App 1 granted members"),
        ("rule", "rule first in force"),
        ("rule", "rule first ends"),
        ("rule", "rule second in force"),
        ("revoke", "App 1: members revoked"),
        ("removal", "App 1 removed: retained"),
        ("step", "partner told (import)"),
        ("import", f"import 1 by {ACTOR}: partners.csv"),
    ]
    assert [kind for kind, _ in found[8:]] == ["import"] * 5 + ["flag"]
    assert found[-1] == ("flag", "flag by ana: look")
    answer = timeline(store, partner, from_at=BEGIN, until_at=END, bins=1)
    of_all = {"rule", "import"}
    assert {marker.kind for marker in answer.markers if marker.partner is None} == of_all
    assert {marker.partner for marker in answer.markers if marker.kind not in of_all} == {partner}


def test_everybodys_markers_leave_grants_out_and_name_the_partner(store: Store) -> None:
    flag(store, [find_partner(store, "p2")], actor="ana", note="")
    found = told(store, None)
    assert not [text for kind, text in found if kind in ("grant", "revoke")]
    assert [text for kind, text in found if kind == "removal"] == ["App 1 removed: retained", "App 2 removed"]
    assert [text for kind, text in found if kind == "step"] == ["Partner 1: partner told (import)"]
    assert [text for kind, text in found if kind == "flag"] == ["Partner 2: flag by ana"]


def test_work_after_a_look_is_in_the_next(store: Store) -> None:
    partner = find_partner(store, "p1")
    before = told(store, None), told(store, "p1")
    record_step(store, [partner], step="deletion_requested", at=WORK, actor="ana", note="by mail")
    after = told(store, None), told(store, "p1")
    assert ("step", "Partner 1: deletion asked (ana)") in after[0]
    assert ("step", "deletion asked (ana)") in after[1]
    assert [len(one) + 1 for one in before] == [len(one) for one in after]
    undo(store, actor="ana")
    assert (told(store, None), told(store, "p1")) == before


def test_what_was_undone_is_told_as_what_it_made_of_the_case(store: Store) -> None:
    partner = find_partner(store, "p1")
    flag(store, [partner], actor="ana", note="in error")
    add_note(store, [partner], actor="ana", note="a note leaves no marker")
    undo(store, actor="ana")
    undo(store, actor="ana")
    flag(store, [partner], actor="bo", note="")
    reopen(store, [partner], actor="bo", note="wait")
    work = [(kind, text.split(":")[0]) for kind, text in told(store, "p1") if kind in ("flag", "clear", "reopen")]
    assert work == [
        ("flag", "flag by ana"),
        ("reopen", "undo by ana"),
        ("flag", "flag by bo"),
        ("reopen", "reopen by bo"),
    ]


def test_a_voided_import_says_so(store: Store) -> None:
    void(store, 5, actor="ana", note="wrong")
    assert ("import", f"import 5 by {ACTOR}: steps.csv (voided)") in told(store, "p2")
    assert not [text for kind, text in told(store, "p1") if kind == "step"]


def test_a_window_has_the_markers_in_it_alone(store: Store) -> None:
    at = parse_point("2018-11-01")
    assert told(store, "p1", at, at + 1) == [("removal", "App 1 removed: retained")]
    assert told(store, "p1", at - 1, at) == []
    assert told(store, None, at + 1, at + 2) == []


@pytest.mark.parametrize("room", [3, 4, 9, 12, 40])
def test_no_marker_is_left_out_unsaid(store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, room: int) -> None:
    removals: list[Row] = [
        {"app_id": f"a{1 + place % 2}", "removed_at": f"2018-12-{place + 1:02}T00:00:00Z"} for place in range(30)
    ]
    import_paths(store, [write_file(tmp_path / "removals-2.csv", "removals", removals)], actor=ACTOR)
    whole = timeline(store, None, from_at=BEGIN, until_at=END, bins=1)
    assert whole.markers_left_out == 0
    monkeypatch.setattr(markers, "MOST_MARKERS", room)
    some = timeline(store, None, from_at=BEGIN, until_at=END, bins=1)
    assert len(some.markers) + some.markers_left_out == len(whole.markers)
    assert markers_alone(store, None, from_at=BEGIN, until_at=END) == (some.markers, some.markers_left_out)
    assert len(some.markers) <= room
    assert set(some.markers) <= set(whole.markers)
    assert len(set(some.markers)) == len(some.markers)
    about_all = [marker for marker in whole.markers if marker.partner is None]
    if room >= len(about_all):
        assert [marker for marker in some.markers if marker.partner is None] == about_all
    if room == 40:
        left = [marker.at for marker in some.markers if marker.kind == "removal"]
        assert len(left) > 20
        assert max(left) > parse_point("2018-12-25")
    document = timeline_document(some)
    assert document["markers_left_out"] == some.markers_left_out
    assert json.dumps(document)


def test_bands_are_timelines_under_one_axis(store: Store) -> None:
    partners = [find_partner(store, name) for name in ("p2", "p1")]
    found = bands(store, partners, from_at=BEGIN, until_at=END, bins=7)
    assert [(band.partner, band.name) for band in found] == list(zip(partners, ("Partner 2", "Partner 1"), strict=True))
    for band in found:
        alone = timeline(store, band.partner, from_at=BEGIN, until_at=END, bins=7)
        assert (band.bins, band.markers) == (alone.bins, alone.markers)
    assert bands(store, [], from_at=BEGIN, until_at=END, bins=1) == ()


@pytest.mark.parametrize(
    ("begin", "end", "bins"), [(BEGIN, BEGIN, 1), (END, BEGIN, 1), (BEGIN, END, 0), (BEGIN, END, MOST_BINS + 1)]
)
def test_an_impossible_timeline_is_refused(store: Store, begin: int, end: int, bins: int) -> None:
    with pytest.raises(UsageError):
        timeline(store, None, from_at=begin, until_at=end, bins=bins)
    with pytest.raises(UsageError):
        bands(store, [], from_at=begin, until_at=end, bins=bins)


def test_the_last_few_answers_about_a_world_are_remembered(store: Store) -> None:
    from store.world import World

    made: list[str] = []

    def make(name: str) -> str:
        made.append(name)
        return name

    kept: Remembered[str] = Remembered(most=2)
    with store.reading() as connection:
        one, other = World(connection), World(connection)
    for name in ("a", "b", "a", "c", "a", "b"):
        assert kept.get(one, name, partial(make, name)) == name
    assert made == ["a", "b", "c", "b"]
    kept.get(other, "a", lambda: make("of the other"))
    assert made[-1] == "of the other"


def test_a_marker_needs_no_partner() -> None:
    assert Marker(1, "rule", "r") == Marker(1, "rule", "r", None)


def test_everybodys_events_are_sorted_slice_by_slice(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    from store.moments import moments_of
    from store.world import World

    monkeypatch.setattr(event_order, "_SLICE", 1)
    with store.reading() as connection:
        world = World(connection)
        instants = moments_of(connection, world, None).instants
        assert instants.span() == (parse_point("2018-03-01T12:00:00Z"), parse_point("2018-03-02T12:00:00Z"))
        assert instants.days() == [parse_point(f"2018-03-0{day}") // 86_400_000_000 for day in (1, 2)]
