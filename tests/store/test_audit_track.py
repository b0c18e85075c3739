"""How far a partner is: by example, and against a definition written over whole lists instead of step by step."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from store.audit_track import INCIDENT_STEPS, SIDE_STATES, TRACK, Step, is_overdue, order, progress
from store.instants import MICROSECONDS_PER_DAY, parse_point

FIRST_DAY = parse_point("2019-11-01")


def step(name: str, day: int = 0, app_id: str | None = None, *, due: int | None = None, seq: int | None = 1) -> Step:
    at = FIRST_DAY + day * MICROSECONDS_PER_DAY
    until = None if due is None else FIRST_DAY + due * MICROSECONDS_PER_DAY
    return Step(name, at, True, app_id, until, None, None, "ana", seq)


def steps(*names: str) -> list[Step]:
    return [step(name, day, seq=day + 1) for day, name in enumerate(names)]


@pytest.mark.parametrize(
    ("names", "letters", "stage", "next_step"),
    [
        ((), "-------", "none", "access_removed"),
        (TRACK[:1], "R------", "access_removed", "notified"),
        (TRACK[:3], "RND----", "deletion_requested", "deletion_certified"),
        ((*TRACK[:3], "on_hold"), "RND----H", "deletion_requested", "deletion_certified"),
        ((*TRACK[:4], "contradicted"), "RNDC---X", "deletion_certified", "audit_planned"),
        ((*TRACK[:3], "no_response", "on_hold"), "RND----H?", "deletion_requested", "deletion_certified"),
        ((*TRACK[:3], "no_response", "deletion_certified"), "RNDC---", "deletion_certified", "audit_planned"),
        (("access_removed", "deletion_requested"), "R-D----", "deletion_requested", "deletion_certified"),
        (TRACK[:7], "RNDCSAV", "audit_passed", None),
        ((*TRACK[:6], "audit_failed"), "RNDCSAX", "audit_failed", "audit_planned"),
        ((*TRACK[:6], "audit_failed", "audit_planned"), "RNDCSAX", "audit_failed", "audit_started"),
        ((*TRACK[:6], "audit_failed", "audit_planned", "audit_started"), "RNDCSAX", "audit_failed", "audit_passed"),
        ((*TRACK[:6], "audit_failed", "audit_passed"), "RNDCSAV", "audit_passed", None),
        ((*TRACK[:7], "audit_failed"), "RNDCSAX", "audit_failed", "audit_planned"),
        ((*TRACK[:7], "contradicted"), "RNDCSAVX", "audit_passed", None),
        (("waived",), "-------w", "none", "access_removed"),
    ],
)
@pytest.mark.parametrize("apps", [(), ("a1",), ("a1", "a2", "a3")])
def test_steps_of_the_whole_partner(
    names: tuple[str, ...], letters: str, stage: str, next_step: str | None, apps: tuple[str, ...]
) -> None:
    now = progress(steps(*names), apps)
    assert (now.letters, now.stage, now.next_step) == (letters, stage, next_step)


def test_a_partner_is_as_far_as_its_least_advanced_app() -> None:
    taken = [*steps("access_removed", "notified"), step("deletion_requested", 3, "a1"), step("on_hold", 4, "a2")]
    now = progress(taken, ["a1", "a2", "a3"])
    assert (now.letters, now.stage, now.next_step) == ("RNd----H", "notified", "deletion_requested")
    assert now.apps_done["deletion_requested"] == (1, 3)
    assert now.apps_done["notified"] == (3, 3)
    assert now.done["deletion_requested"].app_id == "a1"


def test_one_failed_app_shows_over_passed_ones() -> None:
    taken = [*steps(*TRACK[:6]), step("audit_passed", 8, "a1"), step("audit_failed", 9, "a2")]
    now = progress(taken, ["a1", "a2"])
    assert (now.letters, now.stage) == ("RNDCSAx", "audit_failed")
    assert set(now.done) == set(TRACK)


def test_a_step_of_another_partners_app_moves_nothing() -> None:
    now = progress([step("access_removed", app_id="elsewhere")], ["a1"])
    assert (now.letters, now.stage, now.done) == ("-------", "none", {})


def test_an_app_of_its_own_pace_frees_itself_of_a_hold_alone() -> None:
    taken = [*steps("access_removed", "on_hold"), step("notified", 5, "a1")]
    assert progress(taken, ["a1", "a2"]).side_states == ("on_hold",)
    assert progress(taken, ["a1"]).side_states == ()


@pytest.mark.parametrize(
    ("taken", "due"),
    [
        ([step("deletion_requested", 1, due=60)], 60),
        ([step("deletion_requested", 1, due=60), step("deletion_certified", 9, seq=2)], None),
        ([step("deletion_requested", 1, due=60), step("deletion_certified", 9, due=90, seq=2)], 90),
        ([step("deletion_requested", 1, due=60), step("deletion_requested", 9, due=75, seq=2)], 75),
        ([step("deletion_requested", 1, due=60), step("deletion_requested", 9, seq=2)], 60),
        ([step("deletion_requested", 1, due=60), step("notified", 9, due=30, seq=2)], 60),
        ([step("deletion_requested", 1, due=60), step("on_hold", 9, due=99, seq=2)], 99),
        ([step("deletion_requested", 1, due=60), step("no_response", 9, seq=2)], 60),
        ([step("audit_passed", 1, due=60)], None),
        ([step("audit_failed", 1, due=60)], 60),
        ([step("audit_failed", 1, due=60), step("audit_planned", 2, due=70, seq=2)], 70),
        ([step("notified", 1, "a1", due=60), step("notified", 1, "a2", due=40, seq=2)], 40),
    ],
)
def test_what_is_due(taken: list[Step], due: int | None) -> None:
    expected = None if due is None else FIRST_DAY + due * MICROSECONDS_PER_DAY
    assert progress(taken, ["a1", "a2"]).due == expected


def test_what_is_due_on_a_day_is_overdue_from_the_next_utc_day_on() -> None:
    for due in (parse_point("2020-01-04"), parse_point("2020-01-04T15:30:00Z")):
        assert not is_overdue(due, parse_point("2020-01-04T23:59:59.999999Z"))
        assert is_overdue(due, parse_point("2020-01-05"))
    assert not is_overdue(None, parse_point("2020-01-05"))


def test_of_the_same_instant_a_failed_audit_counts_whatever_the_order_of_import() -> None:
    imported = [step(name, seq=None) for name in ("audit_failed", "audit_passed")]
    for these in (imported, imported[::-1]):
        assert progress(sorted(these, key=order), []).stage == "audit_failed"


APPS = ("a1", "a2", "a3")
RANKS = ("none", *TRACK[:6], "audit_failed", "audit_passed")
STEPS = st.builds(
    step,
    st.sampled_from([*TRACK, *SIDE_STATES, *INCIDENT_STEPS]),
    st.integers(0, 9),
    st.sampled_from([None, None, None, *APPS, "elsewhere"]),
)


@given(st.lists(STEPS, max_size=14), st.integers(0, 3))
def test_any_steps_against_the_definition(taken: list[Step], count: int) -> None:
    taken = sorted((numbered(each, number) for number, each in enumerate(taken)), key=order)
    apps = APPS[:count]
    stages, sides, done = [], set(), dict.fromkeys(TRACK, 0)
    for app in apps or (None,):
        mine = [each.step for each in taken if each.app_id is None or each.app_id == app]
        results = [name for name in mine if name in TRACK[6:]]
        has = {name for name in mine if name in TRACK[:6]} | set(results[-1:])
        stages.append(results[-1] if results else max((n for n in has), key=RANKS.index, default="none"))
        last_of_track = max((place for place, name in enumerate(mine) if name in TRACK), default=-1)
        sides |= {name for name in mine[last_of_track + 1 :] if name in SIDE_STATES}
        for name in has:
            done[name] += 1
    now = progress(taken, apps)
    assert now.stage == min(stages, key=RANKS.index)
    assert set(now.side_states) == sides
    assert now.apps_done == {name: (done[name] if apps else 0, count) for name in TRACK}
    assert set(now.done) == {name for name in TRACK if done[name]}
    whole = max(count, 1)
    last = "audit_failed" if done["audit_failed"] else "audit_passed"
    shown = zip("RNDCSA" + ("X" if last == "audit_failed" else "V"), (*TRACK[:6], last), strict=True)
    expected = "".join("-" if not done[n] else letter if done[n] == whole else letter.lower() for letter, n in shown)
    assert now.letters[:7] == expected
    assert len(now.letters) == 7 + len(sides)
    assert (now.next_step is None) == (now.stage == "audit_passed")


def numbered(each: Step, number: int) -> Step:
    return Step(each.step, each.at, each.at_is_date, each.app_id, each.due, None, None, "ana", number)
