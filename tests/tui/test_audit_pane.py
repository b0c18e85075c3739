"""The audit pane and the other lines of a case: what they say, at every width, of whatever text."""

import asyncio
import dataclasses
import unicodedata
from collections.abc import Sequence
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.cells import cell_len

from store.audits import TRACK as TRACK_STEPS
from store.audits import Step, Track
from store.contradictions import AFTER_CERTIFICATE, AFTER_REMOVAL, TOO_FEW, Contradiction
from store.instants import parse_point
from store.partners import PartnerRow
from store.sample_rows import Checked, SampleRow
from store.sample_words import result_words
from store.sampling import plan
from store.step_details import NAMED, RECIPIENT_STEPS, STATEMENT, Details
from tests.tui.fakes import CUTOFF, usual_figures
from tests.tui.panes import HOSTILE, ROW, STEPS, TRACK, OnePane, row, screen_text, step
from tests.tui.test_case_screen import APPS
from tui.widgets.audit_lines import Known, Missing, Reads, audit_items, wrapped
from tui.widgets.audit_track import AuditPane
from tui.widgets.case_facts import app_lines, fact_lines, head_lines
from tui.widgets.event_list import columns_for

TODAY, AS_OF = parse_point("2020-01-20"), parse_point("2019-11-05")
BASIS = "60 days to certify the deletion, the platform's terms"


def told(width: int, *, row: PartnerRow = ROW, samples: Sequence[SampleRow] = (), **changes: object) -> list[str]:
    # As the store tells it: the track what the log says, the row besides how short a statement is.
    changes.setdefault("contradictions", tuple(each for each in row.contradictions if each.kind != TOO_FEW))
    known = Known(_changed(**changes), row, TODAY, AS_OF, "name+picture", samples)
    return ["".join(text for text, _ in line) for item in audit_items(known, width) for line in item.lines]


def _changed(**changes: Any) -> Track:
    return dataclasses.replace(TRACK, **changes)


def against(kind: str, **changes: Any) -> Contradiction:
    """Something that the log says against the record."""
    values: dict[str, Any] = {
        "kind": kind,
        "app_id": "118804",
        "app_name": "Ribbon Go",
        "step": None,
        "step_at": None,
        "step_at_is_date": False,
        "from_at": parse_point("2019-10-30"),
        "last_at": parse_point("2019-11-05T08:00:00Z"),
    }
    return Contradiction(**{**values, **changes})


AFTER = against(AFTER_REMOVAL, events=211)
CERTIFIED = step(
    "deletion_certified", "2019-12-02", evidence="certificate-of-deletion.pdf", evidence_sha256="a3a5" * 16
)
BROKEN = against(AFTER_CERTIFICATE, step="deletion_certified", step_at=CERTIFIED.at, step_at_is_date=True)
SHORT = against(TOO_FEW, app_id=None, step=STATEMENT, step_at=parse_point("2019-11-21"), stated=9_000, logged=12_204)
STATED = step(STATEMENT, "2019-11-21", evidence="reply.eml", details=Details(people=9_000))


def test_a_track_step_by_step() -> None:
    assert told(64) == [
        "R access removed  2019-10-28 ana 3 of 3 apps",
        "N partner told    2019-11-05 ana letter.eml",
        "D deletion asked  2019-11-05 ana 2 of 3 apps  due 01-04",
        "C certified       none           ! 16 d late, due 01-04",
        "S audit notice    none",
        "A audit started   none",
        "V audit passed    none",
        "! 206 reads after removal to 2019-11-04, first +2 d 04:11",
        "Log says          ≥12,204 people, name+picture",
        "                  310 of its reads name no person",
        "Notes 1",
        "2020-01-13 PRIVILEGED ana",
        "  counsel asked for the server list",
    ]


def test_a_narrow_pane_keeps_what_is_late() -> None:
    lines = told(30)
    assert lines[3] == "C certified      ! 16 d late"
    assert lines[4] == "S audit notice   none"


def test_a_clock_says_its_basis_where_there_is_room() -> None:
    asked = step("deletion_requested", "2019-11-05", due=TRACK.due, due_basis=BASIS)
    done = {**TRACK.done, asked.step: asked}
    changes = {"steps": (*TRACK.steps[:2], asked), "done": done, "open_dues": (asked,)}
    assert told(120, **changes)[3].endswith(f"! 16 d late, due 01-04: {BASIS}")
    assert told(64, **changes)[3].endswith("! 16 d late, due 01-04")
    assert told(50, **changes)[2].startswith("D deletion asked  2019-11-05 ana 2 of 3 apps")
    assert "answer by 01-04" in told(64, **changes)[2]
    due = {"due": parse_point("2020-01-31"), "overdue": False}
    assert "due 01-31, 11 d left" in told(64, **due)[3]
    waits = {"due": None, "overdue": False, "side_states": ("on_hold",)}
    assert told(64, **waits)[3].endswith("on hold")


def test_certified_never_looks_verified() -> None:
    done = {**TRACK.done, CERTIFIED.step: CERTIFIED}
    changes: dict[str, Any] = {"done": done, "due": None, "overdue": False, "next_step": "audit_planned"}
    assert told(90, **changes)[3] == "C certified       2019-12-02 ana not verified certificate-of-deletion.pdf a3a5"
    assert told(64, **changes)[3] == "C certified       2019-12-02 ana not verified certificate… a3a5"
    assert "CONTRADICTED" in told(50, **changes, contradictions=(BROKEN,))[3]
    passed = {**done, "audit_passed": step("audit_passed", "2020-01-10")}
    assert "not verified" not in told(90, **{**changes, "done": passed})[3]


def test_a_failed_audit_is_not_a_passed_one() -> None:
    failed = step("audit_failed", "2019-12-01")
    done = {**TRACK.done, "audit_failed": failed}
    assert told(60, done=done)[6].startswith("X audit failed    2019-12-01")
    later = step("audit_passed", "2019-12-20")
    assert told(60, done={**done, "audit_passed": later})[6].startswith("V audit passed    2019-12-20")


def test_side_states_are_listed_below_the_track() -> None:
    held = step("on_hold", "2019-11-12", note="regulator asked to wait")
    assert told(70, steps=(*TRACK.steps, held))[7] == "H on hold         2019-11-12 ana regulator asked to wait"


def test_what_the_log_says_against_the_record_stands_beside_what_the_figures_say() -> None:
    lines = told(120, row=ROW._replace(contradictions=(AFTER, BROKEN, SHORT)), steps=(*TRACK.steps, STATED))
    assert lines[7:13] == [
        "! 206 reads after removal to 2019-11-04, first +2 d 04:11",
        "! 211 reads after removal by Ribbon Go (118804), 2019-10-30 .. 2019-11-05, over all evidence",
        "! Ribbon Go (118804) read after its certificate of 2019-12-02, last on 2019-11-05",
        "Log says          ≥12,204 people, name+picture",
        "                  310 of its reads name no person",
        "Partner says      9,000 people (2019-11-21): 3,204 short",
    ]
    same = told(120, row=ROW._replace(contradictions=(AFTER._replace(events=206),)))
    assert [line for line in same if line.startswith("!")] == [
        "! 206 reads after removal by Ribbon Go (118804), 2019-10-30 .. 2019-11-05, over all evidence, first +2 d 04:11"
    ]


@pytest.mark.parametrize("width", range(20, 110))
def test_by_how_much_a_statement_is_short_is_never_cut(width: int) -> None:
    lines = told(width, row=ROW._replace(contradictions=(SHORT,)), steps=(*TRACK.steps, STATED))
    assert any("3,204 short" in line for line in lines)


def test_recipients_have_a_line_each_with_their_own_deletion() -> None:
    def about(name: str, date: str, recipient: str, **changes: Any) -> Step:
        return step(name, date, details=Details(recipient=recipient), **changes)

    steps = (
        *TRACK.steps,
        about("recipient_named", "2019-11-21", "Beacon"),
        about("recipient_named", "2019-11-21", "Umbrella"),
        about("recipient_asked", "2019-11-25", "Beacon", due=parse_point("2020-01-10")),
        about("recipient_certified", "2019-12-25", "Umbrella"),
    )
    lines = told(64, steps=steps)
    at = lines.index("Recipients  2 named")
    assert lines[at + 1 : at + 3] == [
        "  Beacon  asked 2019-11-25  ! 10 d late",
        "  Umbrella  certified 2019-12-25, not verified",
    ]
    assert "Recipients  none" in told(64, steps=(*TRACK.steps, step("recipients_none", "2019-11-21")))


def sample_of(*checks: Checked, **changes: Any) -> SampleRow:
    """A sample of 58 of 430 people."""
    values: dict[str, Any] = {
        "seq": 98,
        "partner": 41,
        "partner_id": "p-0041",
        "name": HOSTILE,
        "at": TODAY,
        "by": HOSTILE,
        "note": HOSTILE,
        "plan": plan(430, Fraction(1, 20), Fraction(1, 20)),
        "seed": "0" * 32,
        "as_of": AS_OF,
        "seed_given": True,
        "without_subject": 3,
        "population_sha256": "",
        "subjects_sha256": "f" * 64,
        "pseudonyms": True,
        "taken_back_by": None,
        "checks": checks,
        "others": (7,),
    }
    return SampleRow(**{**values, **changes})


def test_a_sample_says_what_follows_from_what_was_found() -> None:
    size = plan(430, Fraction(1, 20), Fraction(1, 20)).size
    none = sample_of(Checked(99, TODAY, True, "ana", size, 0, None, None))
    some = sample_of(Checked(99, TODAY, True, "ana", size, 2, None, None))
    lines = told(120, samples=[sample_of(), none, some, sample_of(taken_back_by=100)])
    assert lines.count(f"Sample #98  {size} of 430 drawn 2020-01-20") == 3
    words = " ".join(line.strip() for line in lines)
    for each in (sample_of(), none, some):
        assert result_words(each.plan, each.result) in words


@settings(max_examples=80, deadline=None)
@given(text=st.text(max_size=60), name=st.text(max_size=40), width=st.integers(1, 130))
def test_no_line_is_wider_than_its_pane_or_holds_a_control(text: str, name: str, width: int) -> None:
    hostile = step("contradicted", "2019-12-01", note=text, by=name, app_id=text, evidence=name)
    about = [step(each, "2019-12-01", details=Details(recipient=f"x{text}")) for each in (NAMED, *RECIPIENT_STEPS)]
    steps = (*TRACK.steps, hostile, *about, STATED._replace(evidence=name, note=text))
    found = tuple(each._replace(app_name=name, app_id=text) for each in (AFTER, BROKEN, SHORT))
    notes = ((0, name, text, True), (0, text, name, False))
    track = _changed(steps=steps, notes=notes, name=name, contradictions=found[:2])
    partner = row(3, name=name, assignee=text, asked_by=text, contradictions=found)._replace(partner_id=text)
    app = APPS[0]._replace(name=name, app_id=text)
    lines = [
        *(
            line
            for item in audit_items(Known(track, partner, TODAY, AS_OF, text, [sample_of()]), width)
            for line in item.lines
        ),
        *(line for item in audit_items(Known(None, partner), width) for line in item.lines),
        *head_lines(partner, None, 0, width, today=TODAY),
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


def head(partner: PartnerRow, width: int) -> list[str]:
    return ["".join(text for text, _ in line) for line in head_lines(partner, None, None, width, today=TODAY)]


def test_why_a_partner_comes_first_in_one_line_or_two() -> None:
    assert head(ROW, 140)[1:] == [
        "First because: 206 reads after removal; answer 16 days late, due 2020-01-04; 310 reads lately; 12,204 people"
    ]
    narrow = head(ROW._replace(contradictions=(SHORT, BROKEN)), 78)
    assert len(narrow) == 3
    assert narrow[1].startswith("First because: 206 reads after removal; ")
    assert narrow[2].endswith("…")
    quiet = row(2, after_removal=0, due=None, overdue=False, recent=0, events=0, people=0, without_subject=0)
    assert head(quiet, 100)[1] == "kept access; no restricted read found"


def test_a_closure_that_waits_for_a_second_person_is_said() -> None:
    assert (
        "F flagged, closing asked by bo, a second person must confirm   owner ana"
        in head(row(1, asked_by="bo"), 120)[0]
    )


class Panes(OnePane):
    """Keeps what was opened."""

    def __init__(self, pane: AuditPane) -> None:
        super().__init__(pane)
        self.opened: list[AuditPane.Opened] = []

    def on_audit_pane_opened(self, message: AuditPane.Opened) -> None:
        self.opened.append(message)


def test_the_cursor_goes_from_one_thing_said_to_the_next_and_enter_opens_what_it_rests_on() -> None:
    async def go() -> None:
        pane = AuditPane()
        app = Panes(pane)
        async with app.run_test(size=(60, 8)) as pilot:
            found = (AFTER, BROKEN)
            pane.show(Known(_changed(steps=(*TRACK.steps, STATED), contradictions=found), ROW, TODAY, AS_OF))
            pane.focus()
            await pilot.pause()
            assert "! 2 contradictions  RND----" in "\n".join(screen_text(app))
            for _ in range(13):
                await pilot.press("enter", "j")
            await pilot.pause()
            targets = [message.target for message in app.opened]
            assert targets[:3] == list(STEPS)
            assert targets[3:7] == [Missing(name) for name in (*TRACK_STEPS[3:6], "audit_passed")]
            assert targets[7:12] == [Reads(after_removal=True), AFTER, BROKEN, Reads(after_removal=False), STATED]
            assert targets[12] is None
            assert {message.partner for message in app.opened} == {41}
            await pilot.press("g", "enter", "pagedown", "pageup", "ctrl+d", "ctrl+u", "k", "enter")
            await pilot.pause()
            assert app.opened[-1].target == app.opened[-2].target == STEPS[0]
            # The same partner, known better: the cursor stays; another one: it begins anew.
            await pilot.press("G")
            pane.show(Known(_changed(), ROW, TODAY, AS_OF, "name"))
            assert pane.current is not None
            assert pane.current.target == TRACK.notes[0]
            pane.show(Known(None, row(5), TODAY))
            assert pane.current is not None
            assert pane.current.target == Reads(after_removal=True)

    asyncio.run(go())


def test_the_pane_scrolls_and_shows_hostile_text() -> None:
    async def go() -> None:
        pane = AuditPane()
        app = OnePane(pane)
        async with app.run_test(size=(60, 8)) as pilot:
            track = _changed(name=HOSTILE, notes=((parse_point("2020-01-13"), HOSTILE, HOSTILE, False),))
            pane.show(Known(track, ROW, TODAY, AS_OF))
            pane.focus()
            await pilot.pause()
            assert "R access removed" in "\n".join(screen_text(app))
            await pilot.press("G")
            shown = "\n".join(screen_text(app))
            assert "[@click=app.quit]boom[/nope] \\x1b]52;c;aGk=\\x07" in shown
            assert "\x1b" not in shown
            await pilot.press("g")
            assert "R access removed" in "\n".join(screen_text(app))
            pane.show(Known())
            await pilot.pause()
            assert "put the cursor on a partner" in "\n".join(screen_text(app))

    asyncio.run(go())
