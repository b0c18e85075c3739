"""The audit pane and the other lines of a case: what they say, at every width, of whatever text."""

import asyncio
import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.cells import cell_len

from store.instants import parse_point
from tests.tui.fakes import CUTOFF, usual_figures
from tests.tui.panes import HOSTILE, ROW, TRACK, OnePane, row, screen_text, step
from tests.tui.test_case_screen import APPS
from tui.widgets.audit_track import AuditPane, audit_lines, wrapped
from tui.widgets.case_facts import app_lines, fact_lines, head_lines, reasons
from tui.widgets.event_list import columns_for


def told(width: int, **changes: object) -> list[str]:
    track = TRACK if not changes else _changed(**changes)
    return ["".join(text for text, _ in line) for line in audit_lines(track, ROW, width)]


def _changed(**changes: object) -> object:
    values = {name: getattr(TRACK, name) for name in TRACK.__class__.__dataclass_fields__}
    return TRACK.__class__(**{**values, **changes})


def test_a_track_step_by_step() -> None:
    assert told(64) == [
        "R access removed   2019-10-28 ana 3 of 3 apps",
        "N partner told     2019-11-05 ana letter.eml",
        "D deletion asked   2019-11-05 ana 2 of 3 apps  due 2020-01-04",
        "C certified        none ! late, due 2020-01-04",
        "S audit notice     none",
        "A audit started    none",
        "V audit passed     none",
        "! 206 reads after removal, first +2 d 04:11",
        "Log says           ≥12,204 people, 37,912 reads",
        "                   310 of them name no person",
        "Notes 1",
        "2020-01-13 PRIVILEGED ana",
        "  counsel asked for the server list",
    ]


def test_a_narrow_pane_keeps_what_is_due() -> None:
    lines = told(29)
    assert lines[3] == "C certified      ! 2020-01-04"
    assert lines[4] == "S audit notice   none"


def test_a_failed_audit_is_not_a_passed_one() -> None:
    failed = step("audit_failed", "2019-12-01")
    done = {**TRACK.done, "audit_failed": failed}
    assert told(60, done=done)[6].startswith("X audit failed     2019-12-01")
    later = step("audit_passed", "2019-12-20")
    assert told(60, done={**done, "audit_passed": later})[6].startswith("V audit passed     2019-12-20")


def test_side_states_are_listed_below_the_track() -> None:
    held = step("on_hold", "2019-11-12", note="regulator asked to wait")
    assert told(70, steps=(*TRACK.steps, held))[7] == "H on hold          2019-11-12 ana regulator asked to wait"


@settings(max_examples=80, deadline=None)
@given(text=st.text(max_size=60), name=st.text(max_size=40), width=st.integers(1, 130))
def test_no_line_is_wider_than_its_pane_or_holds_a_control(text: str, name: str, width: int) -> None:
    hostile = step("contradicted", "2019-12-01", note=text, by=name, app_id=text, evidence=name)
    track = _changed(steps=(*TRACK.steps, hostile), notes=((0, name, text, True), (0, text, name, False)), name=name)
    partner = row(3, name=name, assignee=text)._replace(partner_id=text)
    app = APPS[0]._replace(name=name, app_id=text)
    lines = [
        *audit_lines(track, partner, width),  # type: ignore[arg-type]
        *audit_lines(None, partner, width),
        *head_lines(partner, None, 0, width),
        *fact_lines(partner, None, None, width),
        *app_lines([app], width),
    ]
    for line in lines:
        joined = "".join(piece for piece, _ in line)
        assert cell_len(joined) <= width
        assert not {unicodedata.category(character) for character in joined} & {"Cc", "Cf", "Cs", "Co", "Zl", "Zp"}


@pytest.mark.parametrize("width", [56, 64, 76, 120])
def test_what_is_not_known_is_never_cut(width: int) -> None:
    figures = usual_figures([ROW], covered_days=569, coverage_days=580, coverage_basis="inferred", quarantined=1_212)
    lines = fact_lines(row(3)._replace(without_subject=1_310), figures, None, width)
    told = " ".join("".join(piece for piece, _ in line) for line in lines)
    for part in ("11 of 580 days not logged, inferred", "1,310 reads name no person", "1,212 records quarantined"):
        assert part in told
    assert "…" not in told


def test_the_name_of_an_app_gets_the_room_that_its_dates_leave() -> None:
    app = APPS[0]._replace(name="Ribbon Live", app_id="115841", removed_at=CUTOFF, last_at=CUTOFF)
    assert "Ribbon Live" in "".join(piece for piece, _ in app_lines([app], 64)[1])


@settings(max_examples=100, deadline=None)
@given(text=st.text(max_size=200), width=st.integers(2, 60))
def test_wrapping_loses_no_letter(text: str, width: int) -> None:
    lines = wrapped(text, width, most=10_000)
    assert all(cell_len(line) <= width for line in lines)
    from store.text import clean

    assert "".join(lines).replace(" ", "") == clean(text, 4_000).replace(" ", "")


@given(st.integers(1, 400))
def test_event_columns_fit(width: int) -> None:
    columns = columns_for(width)
    assert columns[0][0].name == "When, UTC"
    assert sum(cells + 1 for _, cells in columns) <= max(width, columns[0][1] + 1)
    assert len(columns_for(400)) == 12


def test_why_a_partner_comes_first() -> None:
    assert reasons(ROW, 60) == ["206 reads after removal", "late, due 2020-01-04", "310 reads in the last 60 days"]
    quiet = row(2, after_removal=0, due=None, overdue=False, recent=0, events=0, without_subject=0)
    assert reasons(quiet, 60) == []
    line = head_lines(quiet, None, None, 100)[1]
    assert "".join(text for text, _ in line) == "kept access; no restricted read found"


def test_the_pane_scrolls_and_shows_hostile_text() -> None:
    async def go() -> None:
        pane = AuditPane()
        app = OnePane(pane)
        async with app.run_test(size=(60, 8)) as pilot:
            track = _changed(name=HOSTILE, notes=((parse_point("2020-01-13"), HOSTILE, HOSTILE, False),))
            pane.show(track, ROW)  # type: ignore[arg-type]
            pane.focus()
            await pilot.pause()
            assert "R access removed" in "\n".join(screen_text(app))
            await pilot.press("G")
            shown = "\n".join(screen_text(app))
            assert "[@click=app.quit]boom[/nope] \\x1b]52;c;aGk=\\x07" in shown
            assert "\x1b" not in shown
            await pilot.press("g")
            assert "R access removed" in "\n".join(screen_text(app))
            pane.show(None, None)
            await pilot.pause()
            assert "put the cursor on a partner" in "\n".join(screen_text(app))

    asyncio.run(go())
