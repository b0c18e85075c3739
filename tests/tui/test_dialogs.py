"""The dialogs: each names the partners, `enter` confirms, `esc` cancels, and what is missing is said."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from textual.app import App
from textual.screen import ModalScreen
from textual.widgets import Static

from store.audits import LETTERS, TRACK
from store.cases import GROUNDS
from store.conflicts import CaseChanges, CaseState, Conflict
from store.instants import parse_point
from store.ledger import Action
from store.step_details import Details
from tests.tui.panes import HOSTILE, OnePane, row, screen_text
from tui.screens.details import DetailsDialog
from tui.screens.dialogs import (
    AssignChoice,
    AssignDialog,
    ClearChoice,
    ClearDialog,
    ConflictDialog,
    FlagPrompt,
    NoteChoice,
    NoteDialog,
    ReopenDialog,
    StepChoice,
    StepDialog,
)
from tui.screens.incident_step_dialog import IncidentStepChoice, IncidentStepDialog
from tui.screens.step_dialog import STEPS, next_step, out_of_order

NAMES = ["Ribbon Social", HOSTILE]
TODAY = parse_point("2020-01-20")
NOTHING = object()


class Asked:
    """What came of a dialog: its answer, `NOTHING` while it is open, and the screen before the last key."""

    def __init__(self) -> None:
        self.answer: Any = NOTHING
        self.text = ""


def ask(make: Callable[[], ModalScreen[Any]], keys: Sequence[str], size: tuple[int, int] = (80, 24)) -> Asked:
    """Open a dialog, press the keys, and say what came of it."""
    asked = Asked()

    async def go() -> None:
        app: App[None] = OnePane(Static("below", markup=False))
        async with app.run_test(size=size) as pilot:
            await app.push_screen(make(), lambda answer: setattr(asked, "answer", answer))
            await pilot.pause()
            asked.text = "\n".join(screen_text(app))
            if keys:
                await pilot.press(*keys)
                await pilot.pause()
            if asked.answer is NOTHING:
                asked.text = "\n".join(screen_text(app))
            assert app.is_running

    asyncio.run(go())
    return asked


def hostile_conflict() -> Conflict:
    """Everything that a person typed is an attack."""
    seen = CaseState("open", None, False, HOSTILE, "none", 1)
    now = CaseState("cleared", "defunct", True, f"{HOSTILE} too", "notified", 2)
    entry = Action(7, "u", TODAY, HOSTILE, "clear", "p", None, '{"grounds": "defunct"}', HOSTILE, True, "b", None, "")
    told = CaseChanges(1, HOSTILE, HOSTILE, seen, now, (entry,), 12)
    return Conflict((told, told), 1_234, {1: 2})


DIALOGS: list[Callable[[], ModalScreen[Any]]] = [
    lambda: FlagPrompt(NAMES),
    lambda: ClearDialog(NAMES),
    lambda: ReopenDialog(NAMES, [f"closed: audit passed by {HOSTILE}"]),
    lambda: NoteDialog(NAMES),
    lambda: AssignDialog(NAMES, assignee=HOSTILE, suggestion=HOSTILE),
    lambda: StepDialog([row(1, name=NAMES[0]), row(2, name=NAMES[1])], today=TODAY),
    lambda: StepDialog([row(1, name=HOSTILE, asked_by=HOSTILE)], today=TODAY, recipients=[HOSTILE]),
    lambda: ClearDialog(NAMES, asked=[HOSTILE]),
    lambda: ConflictDialog(hostile_conflict(), f"flag {HOSTILE}"),
    lambda: DetailsDialog(HOSTILE, [("Note", HOSTILE)]),
]


@pytest.mark.parametrize("make", DIALOGS)
def test_every_dialog_shows_hostile_names_as_text_and_escape_does_nothing(
    make: Callable[[], ModalScreen[Any]],
) -> None:
    asked = ask(make, ["escape"], (160, 40))
    assert asked.answer is None
    assert "[@click=app.quit]boom[/nope]" in asked.text.replace("\n", "")
    assert "\\x1b]52;c;aGk=\\x07" in asked.text
    assert "\x1b" not in asked.text


@pytest.mark.parametrize("make", DIALOGS)
@pytest.mark.parametrize("size", [(20, 5), (60, 16), (200, 60)])
def test_every_dialog_survives_any_size(make: Callable[[], ModalScreen[Any]], size: tuple[int, int]) -> None:
    assert ask(make, ["escape"], size).answer is None


def test_flagging_takes_a_note_or_none() -> None:
    assert ask(lambda: FlagPrompt(NAMES), ["enter"]).answer == ""
    assert ask(lambda: FlagPrompt(NAMES), [*"seen", "space", *"it", "enter"]).answer == "seen it"


@pytest.mark.parametrize("make", [lambda: ClearDialog(NAMES), lambda: StepDialog([row(1, name=NAMES[0])], today=TODAY)])
def test_what_is_open_may_be_read_after_the_dialog_was_left(make: Callable[[], ClearDialog | StepDialog]) -> None:
    async def go() -> None:
        app: App[None] = OnePane(Static("below", markup=False))
        async with app.run_test() as pilot:
            dialog = make()
            dialog.show_loose_ends({})
            await app.push_screen(dialog)
            await pilot.press("escape")
            dialog.show_loose_ends({1: ["nobody was told"]})
            await pilot.pause()
            assert "below" in "".join(screen_text(app))

    asyncio.run(go())


def test_typed_and_pasted_control_characters_become_visible() -> None:
    asked = Asked()

    async def go() -> None:
        app: App[None] = OnePane(Static(""))
        async with app.run_test() as pilot:
            prompt = FlagPrompt(["Ribbon"])
            await app.push_screen(prompt, lambda answer: setattr(asked, "answer", answer))
            await pilot.pause()
            field = prompt.query_one("#line")
            field.insert_text_at_cursor("a\x1b]0;b\x07\u202e")  # type: ignore[attr-defined]
            await pilot.pause()
            assert "\x1b" not in "\n".join(screen_text(app))
            await pilot.press("enter")

    asyncio.run(go())
    assert asked.answer == "a\\x1b]0;b\\x07\\u202e"


def test_closing_needs_a_ground_and_where_due_a_note() -> None:
    asked = ask(lambda: ClearDialog(NAMES), ["enter"])
    assert asked.answer is NOTHING
    assert "! choose a ground" in asked.text
    assert ask(lambda: ClearDialog(NAMES), ["j", "enter"]).answer == ClearChoice("no_access", "", False)
    asked = ask(lambda: ClearDialog(NAMES), ["G", "enter"])
    assert asked.answer is NOTHING
    assert "! a note is needed" in asked.text
    assert ask(lambda: ClearDialog(NAMES), ["G", "enter", *"sold", "enter"]).answer == ClearChoice(
        "other", "sold", False
    )


def test_an_override_is_turned_on_and_needs_a_note() -> None:
    keys = ["j", "j", "j", "tab", "tab", "space"]
    assert ask(lambda: ClearDialog(NAMES), [*keys, "enter"]).answer is NOTHING
    keys = ["j", "j", "j", "tab", *"seen", "tab", "space", "enter"]
    assert ask(lambda: ClearDialog(NAMES), keys).answer == ClearChoice(GROUNDS[2], "seen", True)


def test_a_refused_closing_comes_back_with_its_reason_and_what_was_chosen() -> None:
    before = ClearChoice("no_access", "never", False)
    asked = ask(lambda: ClearDialog(NAMES, refusal="it has 3 restricted reads", choice=before), [])
    assert "! it has 3 restricted reads" in asked.text
    assert "> never read" in asked.text
    assert ask(lambda: ClearDialog(NAMES, refusal="no", choice=before), ["enter"]).answer == before


def test_reopening_needs_a_note_and_shows_the_closure() -> None:
    asked = ask(lambda: ReopenDialog(["Moderato"], ["closed: audit passed by ana, 2020-01-20"]), ["enter"])
    assert asked.answer is NOTHING
    assert "closed: audit passed by ana, 2020-01-20" in asked.text
    assert "a note is needed" in asked.text
    assert ask(lambda: ReopenDialog(NAMES, []), [*"why", "enter"]).answer == "why"


@pytest.mark.parametrize("make", DIALOGS)
def test_the_keys_in_the_lower_border_are_never_cut(make: Callable[[], ModalScreen[Any]]) -> None:
    lines = ask(make, []).text.splitlines()
    assert not [line for line in lines if "╯" in line and "…" in line]


def test_a_note_may_be_privileged_and_never_empty() -> None:
    assert ask(lambda: NoteDialog(NAMES), ["enter"]).answer is NOTHING
    assert ask(lambda: NoteDialog(NAMES), [*"a", "enter"]).answer == NoteChoice("a", False)
    assert ask(lambda: NoteDialog(NAMES), [*"a", "tab", "space", "enter"]).answer == NoteChoice("a", True)


def test_assigning_to_somebody_or_to_nobody() -> None:
    assert ask(lambda: AssignDialog(NAMES, suggestion="ana"), ["enter"]).answer == AssignChoice("ana")
    assert ask(lambda: AssignDialog(NAMES), ["enter"]).answer == AssignChoice(None)


def test_a_conflict_is_shown_and_tried_again_only_when_asked() -> None:
    def conflict() -> ConflictDialog:
        return ConflictDialog(hostile_conflict(), "flag Ribbon")

    asked = ask(conflict, ["enter"], (160, 60))
    assert asked.answer is NOTHING
    assert "! choose one" in asked.text
    for text in ("You wanted: flag Ribbon", "you saw  open", "closed: defunct (overridden)", "12 ent"):
        assert text in asked.text
    assert "and 1,234 more cases" in asked.text
    assert "#7 2020-01-20 00:00:00Z" in asked.text
    assert ask(conflict, ["j", "enter"]).answer == "leave"
    assert ask(conflict, ["j", "j", "enter"]).answer == "back"
    assert ask(conflict, ["k", "enter"]).answer == "again"


def test_what_was_typed_comes_back_with_the_reason_why_it_was_refused() -> None:
    step = StepChoice((1,), "notified", TODAY + 1, False, "118804", TODAY, "seen", "a.pdf")
    dated = StepChoice((1,), "on_hold", TODAY, True, None, TODAY + 3_600_000_000, "", None)
    for make, typed in (
        (lambda: ClearDialog(NAMES, refusal="disk full", choice=ClearChoice("other", "x", True)), None),
        (lambda: NoteDialog(NAMES, refusal="disk full", choice=NoteChoice("x", True)), NoteChoice("x", True)),
        (lambda: ReopenDialog(NAMES, [], refusal="disk full", note="x"), "x"),
        (lambda: AssignDialog(NAMES, refusal="disk full", suggestion="x"), AssignChoice("x")),
        (lambda: StepDialog([row(1)], today=0, refusal="disk full", choice=step), step),
        (lambda: StepDialog([row(1)], today=0, refusal="disk full", choice=dated), dated),
    ):
        assert "! disk full" in ask(make, []).text
        assert ask(make, ["enter"]).answer == (typed or ClearChoice("other", "x", True))
    assert ask(lambda: FlagPrompt(NAMES, note="x"), ["enter"]).answer == "x"


WAIVED = ["g", *["j"] * STEPS.index("waived")]


def step_of(*keys: str, rows: Sequence[Any] = (row(1),)) -> Asked:
    return ask(lambda: StepDialog(rows, today=TODAY), keys)


def test_the_next_step_is_proposed_with_todays_date() -> None:
    assert step_of("enter").answer == StepChoice((1,), "deletion_certified", TODAY, True, None, None, "", None)


def test_every_field_of_a_step_is_taken() -> None:
    dates = ["tab", *["backspace"] * 10, *"2019-12-01T10:00:00Z", "tab", *"2020-02-01"]
    rest = ["tab", *"118804", "tab", *"a.pdf", "tab", *"seen", "enter"]
    assert step_of(*dates, *rest).answer == StepChoice(
        partners=(1,),
        step="deletion_certified",
        at=parse_point("2019-12-01T10:00:00Z"),
        at_is_date=False,
        app_id="118804",
        due=parse_point("2020-02-01"),
        note="seen",
        evidence="a.pdf",
    )


def test_a_date_that_cannot_be_read_is_said() -> None:
    asked = step_of("tab", "backspace", "enter")
    assert asked.answer is NOTHING
    assert "! not an ISO 8601 instant" in asked.text


def test_nothing_is_chosen_where_the_track_forks_or_the_partners_differ() -> None:
    running = row(1, stage="audit_started", track="RNDCSA-")
    asked = step_of("enter", rows=[running])
    assert asked.answer is NOTHING
    assert "the track forks here" in asked.text
    assert "! choose a step" in asked.text
    asked = step_of("enter", rows=[row(1), row(2, stage="none", track="-------")])
    assert asked.answer is NOTHING
    assert "they stand differently" in asked.text


def test_partners_out_of_order_or_on_hold_are_listed_and_left_out() -> None:
    rows = [row(1), row(2, name="Late", stage="notified", track="RN-----"), row(3, name="Held", track="RND----H")]
    keys = ["j", "j", "j", "j"]
    asked = step_of(*keys, rows=rows)
    assert "To be recorded for 1 partner." in asked.text
    assert "Late: lacks 'deletion asked'" in asked.text
    assert "Held: on hold" in asked.text
    assert step_of(*keys, "enter", rows=rows).answer.partners == (1,)


def test_out_of_order_for_everybody_needs_a_note() -> None:
    early = row(1, stage="none", track="-------")
    passed = ["g", *["j"] * STEPS.index("audit_passed")]
    asked = step_of(*passed, "enter", rows=[early])
    assert asked.answer is NOTHING
    assert "a note is needed" in asked.text
    answer = step_of(*passed, "enter", *"why", "enter", rows=[early]).answer
    assert (answer.partners, answer.step, answer.note) == ((1,), "audit_passed", "why")


def test_waiving_needs_a_note() -> None:
    assert step_of(*WAIVED, "enter").answer is NOTHING
    assert step_of(*WAIVED, "enter", *"why", "enter").answer.step == "waived"


def test_order_of_the_track_in_words() -> None:
    for place, name in enumerate(TRACK[:-1]):
        letters = "".join(LETTERS[one] for one in TRACK[:place]).ljust(len(TRACK) - 1, "-")
        here = row(1, stage=TRACK[place - 1] if place else "none", track=letters)
        assert out_of_order(here, name) is None
        assert next_step([here]) == (name if place < len(TRACK) - 2 else None)
        assert out_of_order(here, "no_response") is None
        if place:
            assert out_of_order(here, TRACK[place - 1]) == f"has '{_words(TRACK[place - 1])}' already"
        if place < len(TRACK) - 2:
            assert out_of_order(here, TRACK[place + 1]) == f"lacks '{_words(name)}'"
    assert out_of_order(row(1, track="rND----"), "deletion_certified") == "lacks 'access removed'"
    failed = row(1, stage="audit_failed", track="RNDCSAX")
    assert out_of_order(failed, "audit_planned") is None
    assert next_step([failed]) is None
    assert set(LETTERS) <= set(STEPS)


def _words(step: str) -> str:
    from store.words import step_words

    return step_words(step)


def chosen(step: str) -> list[str]:
    """The keys that choose a step from the first one on."""
    return ["g", *["j"] * STEPS.index(step)]


LABELS = (
    "Date",
    "Due",
    "App id",
    "People",
    "Recipient",
    "Sample",
    "Checked",
    "Found",
    "Letters",
    "Evidence",
    "Note",
)
NEEDED = {
    "deletion_certified": {"Due", "App id"},
    "notified": {"Due", "App id", "Letters"},
    "on_hold": {"Due", "App id"},
    "statement": {"People"},
    "recipients_none": set[str](),
    "recipient_named": {"Recipient"},
    "recipient_asked": {"Recipient", "Due"},
    "recipient_verified": {"Recipient"},
    "sample_checked": {"Sample", "Checked", "Found"},
}


@pytest.mark.parametrize("step", NEEDED)
def test_a_step_asks_for_what_it_needs_and_for_nothing_else(step: str) -> None:
    lines = [line[29:].strip("│ ▁▂▃▄▅▆▇█") for line in step_of(*chosen(step)).text.splitlines()]
    shown = {label for label in LABELS if any(line == label or line.startswith(f"{label} ") for line in lines)}
    assert shown == {"Date", "Evidence", "Note", *NEEDED[step]}


def test_what_a_partner_says_is_recorded_with_its_number() -> None:
    keys = [*chosen("statement"), "tab", "tab"]
    answer = step_of(*keys, *"9,000", "tab", *"reply.eml", "enter").answer
    assert (answer.step, answer.details, answer.evidence) == ("statement", Details(people=9_000), "reply.eml")
    asked = step_of(*keys, *"many", "enter")
    assert asked.answer is NOTHING
    assert "'many' is no number" in asked.text
    asked = step_of(*keys, "enter")
    assert asked.answer is NOTHING
    assert "people: a number is needed" in asked.text


def test_a_recipient_is_named_and_those_named_before_are_listed() -> None:
    keys = [*chosen("recipient_asked"), "tab", "tab", "tab", *"Beacon", "enter"]
    dialog = lambda: StepDialog([row(1)], today=TODAY, recipients=["Beacon", HOSTILE])  # noqa: E731
    answer = ask(dialog, keys).answer
    assert (answer.step, answer.details) == ("recipient_asked", Details(recipient="Beacon"))
    asked = ask(dialog, [*chosen("recipient_asked"), "enter"], (160, 40))
    assert "recipient: a name is needed" in asked.text
    assert "Named so far: Beacon," in asked.text
    assert "[@click=app.quit]boom[/nope]" in asked.text


def test_what_was_found_in_a_sample_is_recorded_with_the_last_one_drawn() -> None:
    dialog = lambda: StepDialog([row(1)], today=TODAY, sample=98)  # noqa: E731
    keys = [*chosen("sample_checked"), "tab", "tab", "tab", *"58", "tab", *"2", "enter"]
    assert ask(dialog, keys).answer.details == Details(sample=98, checked=58, found=2)
    asked = ask(dialog, [*chosen("sample_checked"), "tab", "tab", "tab", *"2", "tab", *"58", "enter"])
    assert asked.answer is NOTHING
    assert "no more can be found than were looked for" in asked.text


def test_many_partners_say_only_what_many_can_say_alike() -> None:
    shown = step_of("G", rows=[row(1), row(2)]).text
    assert "> " in shown
    assert "recipients unanswered" in shown
    for words in ("partner says", "recipient named", "sample checked"):
        assert words not in shown


def test_letters_are_the_evidence_of_telling_many() -> None:
    rows = [row(1, stage="access_removed", track="R------"), row(2, stage="access_removed", track="R------")]
    keys = ["tab", "tab", "tab", *"letters"]
    answer = step_of(*keys, "enter", rows=rows).answer
    assert (answer.step, answer.letters, answer.partners, answer.evidence) == ("notified", "letters", (1, 2), None)
    asked = step_of(*keys, "tab", *"a.eml", "enter", rows=rows)
    assert asked.answer is NOTHING
    assert "leave app and evidence empty" in asked.text
    # What was typed for another step is not said of this one.
    assert step_of(*keys, "shift+tab", "shift+tab", "shift+tab", "j", "j", "enter", rows=rows).answer is NOTHING
    moved = step_of(*keys, *["shift+tab"] * 3, "j", "j", "tab", "tab", "tab", "tab", *"x", "enter", rows=rows)
    assert (moved.answer.step, moved.answer.letters) == ("deletion_certified", None)


def test_passing_an_audit_with_loose_ends_needs_a_note() -> None:
    running = row(1, stage="audit_started", track="RNDCSA-")

    def dialog() -> StepDialog:
        return StepDialog(
            [running], today=TODAY, ask_loose_ends=lambda opened: opened.show_loose_ends({1: ("no evidence", HOSTILE)})
        )

    assert "loose end" not in ask(dialog, []).text
    asked = ask(dialog, [*chosen("audit_passed"), "enter"], (120, 40))
    assert asked.answer is NOTHING
    assert "! 2 loose ends: a note must say why" in asked.text
    assert "- no evidence" in asked.text
    assert "! there are loose ends: a note is needed" in asked.text
    assert ask(dialog, [*chosen("audit_passed"), "enter", *"why", "enter"]).answer.note == "why"
    assert ask(dialog, [*chosen("audit_failed"), "enter"]).answer.step == "audit_failed"


def test_closing_with_loose_ends_needs_a_note_and_says_who_asked() -> None:
    class Open(ClearDialog):
        def on_mount(self) -> None:
            super().on_mount()
            self.show_loose_ends({1: ("no evidence",), 2: (HOSTILE,)})

    def dialog() -> ClearDialog:
        return Open(["A", "B"], asked=["A: closing was asked by bo"], partners={1: "A", 2: "B"})

    asked = ask(dialog, ["j", "enter"], (120, 40))
    assert asked.answer is NOTHING
    for words in ("closing was asked by bo", "! 2 loose ends", "- A: no evidence", "- B: [@click", "a note is needed"):
        assert words in asked.text
    assert ask(dialog, ["j", "enter", *"so", "enter"]).answer == ClearChoice("no_access", "so", False)


def test_a_step_of_the_incident_is_recorded_without_a_partner() -> None:
    asked = ask(lambda: IncidentStepDialog(today=TODAY), ["enter"])
    assert asked.answer is NOTHING
    assert "! choose a step" in asked.text
    keys = ["j", "j", "j", "tab", "tab", *"form.pdf", "tab", *"filed", "enter"]
    answer = ask(lambda: IncidentStepDialog(today=TODAY), keys).answer
    assert answer == IncidentStepChoice("report_filed", TODAY, True, "filed", "form.pdf")
    assert ask(lambda: IncidentStepDialog(choice=answer, refusal="disk full"), ["enter"]).answer == answer
    proposed = lambda: IncidentStepDialog(step="authority_told", today=TODAY)  # noqa: E731
    assert ask(proposed, ["enter"]).answer.step == "authority_told"
    asked = ask(proposed, [*["backspace"] * 10, *"soon", "enter"])
    assert "! not an ISO 8601 instant" in asked.text
