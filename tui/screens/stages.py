"""Where each partner stands: the stages as a table, and the partners of the one under the cursor."""

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.content import Content
from textual.widget import Widget

from store import bulk, stages
from store.partners import PartnerRow
from store.people_compared import Choice, Why
from store.stages import Stages
from tui.fitting import Fact, fit_facts
from tui.keys import bindings
from tui.screens.case_work import CaseWorkScreen
from tui.screens.details import DetailsDialog
from tui.screens.dialogs import LinePrompt
from tui.text import clean, count, day, number, qualified, step_words
from tui.widgets.incident_clocks import duty_facts
from tui.widgets.stage_lists import StagePartnerList, StageTable, marks_words, stage_copied
from tui.widgets.virtual_list import VirtualList

_QUIET, _STRONG = "$quiet", "$head bold"
_SHA_SHOWN = 4


class StagesHead(Widget):
    """Two lines: how many partners, judged when and by whose clocks; and the incident's own steps."""

    DEFAULT_CSS = """
    StagesHead { height: 2; padding: 0 1; background: $surface; }
    """

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id)
        self._answer: Stages | None = None

    def show(self, answer: Stages) -> None:
        """Show what these say of the incident."""
        self._answer = answer
        self.refresh()

    def render(self) -> Content:
        """The lines, each fitted to the width."""
        answer = self._answer
        if answer is None:
            return Content.styled("reading the stages ...", _QUIET)
        rules = answer.rulebook_sha256[:_SHA_SHOWN]
        scope = [
            Fact(0, ((("Stages", _STRONG),),)),
            Fact(1, (((count(answer.partners, "partner"), ""),),)),
            Fact(1, ((("today ", _QUIET), (day(answer.today), "")),)),
            Fact(3, ((("clocks: ", _QUIET), (f"rulebook {rules}" if rules else "as shipped", "")),)),
            Fact(2, ((("people: reads before ", _QUIET), (f"{day(answer.as_of)} UTC", "")),)),
        ]
        lines = (scope, duty_facts(answer.duties, beside=answer.today))
        return Content("\n").join(Content.assemble(*fit_facts(line, self.size.width)) for line in lines)


class StagesScreen(CaseWorkScreen):
    """Every partner that kept access or was worked on, by stage; case keys work on the marked, else on the current."""

    PANES = ("stages", "partners")
    BINDINGS: ClassVar[list[BindingType]] = [*bindings("marks", "letters", "list.sort", "list.reverse", "screens.log")]
    DEFAULT_CSS = """
    StagesScreen {
        #stages { height: 12; }
        #partners { height: 1fr; }
        &.-squat #stages { height: 1fr; }
    }
    """

    def __init__(self) -> None:
        super().__init__()
        self._answer: Stages | None = None

    def body(self) -> ComposeResult:
        """Head, table, and the partners of a stage."""
        yield StagesHead()
        yield StageTable(id="stages", classes="pane")
        yield StagePartnerList(id="partners", classes="pane")

    def on_mount(self) -> None:
        """Start on the table."""
        super().on_mount()
        self.table.border_title = "1 Where each partner stands"
        self.table.focus()

    @property
    def table(self) -> StageTable:
        """The stages."""
        return self.query_one(StageTable)

    @property
    def listed(self) -> StagePartnerList:
        """The partners of the stage under the cursor."""
        return self.query_one(StagePartnerList)

    def ask_all(self) -> None:
        """Ask where everybody stands; the first time without people, whose count reads every event."""
        store, parameters = self.overscope.store, self.overscope.parameters
        first = self._answer is None
        self.overscope.run_question(
            self,
            "stages",
            lambda: stages.stages(store, parameters, people=not first),
            self._show_first if first else self._show,
        )

    def _show_first(self, answer: Stages) -> None:
        self._show(answer)
        self.ask_all()

    def _show(self, answer: Stages) -> None:
        self._answer = answer
        self.query_one(StagesHead).show(answer)
        self.table.show(answer)
        total = qualified(answer.accessed.people, answer.accessed.qualifier)
        self.table.border_subtitle = Content(f"people overlap: the column does not add up to {total}")
        self.listed.marks = answer.standing_among(self.listed.marks)
        self._show_stage()

    def _show_stage(self) -> None:
        row = self.table.current
        if self._answer is not None and row is not None:
            self.listed.show(self._answer, row.stage)
        self._say_marks()

    # -- what the panes say ----------------------------------------------------------------------------------------

    @on(VirtualList.Moved, "#stages")
    def _stage_chosen(self, message: VirtualList.Moved) -> None:
        message.stop()
        self._show_stage()

    @on(VirtualList.Moved, "#partners")
    def _moved(self, message: VirtualList.Moved) -> None:
        message.stop()

    @on(VirtualList.Opened, "#stages")
    def _stage_opened(self, message: VirtualList.Opened) -> None:
        message.stop()
        if self.listed.row_count():
            self.action_pane(2)
        else:
            self.say("nobody stands here", "refused")

    @on(VirtualList.Opened, "#partners")
    def _partner_opened(self, message: VirtualList.Opened) -> None:
        from tui.screens.case import CaseScreen

        message.stop()
        line, app = self.listed.current, self.overscope
        if line is not None:
            row = line.row
            self.app.push_screen(CaseScreen(app.store, row.partner, app.parameters, row=row, neighbour=self._neighbour))

    def _neighbour(self, partner: int, by: int) -> PartnerRow | None:
        line = self.listed.neighbour(partner, by)
        return None if line is None else line.row

    # -- keys ------------------------------------------------------------------------------------------------------

    def action_stages(self) -> None:
        """These are they."""
        self.say("these are the stages; esc goes back", "refused")

    def action_sort(self) -> None:
        """Sort the partners by the next order."""
        self.say(f"order: {self.listed.next_order()}")

    def action_reverse(self) -> None:
        """Turn their order round."""
        self.say(f"order: {self.listed.turn_round()}")

    def action_letters(self) -> None:
        """Write each of the chosen partners its letter into a folder, and record the step that goes with it."""
        rows = self._ready("write to")
        steps = {row.next_step for row in rows}
        if not rows:
            return
        if len(steps) > 1 or not steps <= set(bulk.ASKS):
            self.say(
                "letters tell a partner, or ask for deletion: choose partners at R removed, or at N told", "refused"
            )
            return
        step = steps.pop() or bulk.ASKS[0]
        label = f"Letters: {step_words(step)}, {count(len(rows), 'partner')}"
        hint = "a folder, made where it is missing; a letter each, one undo"
        self.overscope.push_when_free(LinePrompt(label, hint=hint), partial(self._write_letters, rows, step))

    def _write_letters(self, rows: Sequence[PartnerRow], step: str, folder: str | None) -> None:
        app = self.overscope
        if not folder:
            return
        expect = {row.partner: row.version for row in rows}

        def deed() -> bulk.Told:
            return bulk.tell(
                app.store,
                list(expect),
                Path(folder).expanduser(),
                actor=app.actor,
                step=step,
                at=app.today,
                at_is_date=True,
                parameters=app.parameters,
                expect=expect,
            )

        app.say(f"writing {count(len(rows), 'letter')} ...")
        app.run_deed(deed, partial(self._letters_written, {row.partner: row.name for row in rows}, folder))

    def _letters_written(self, names: Mapping[int, str], folder: str, told: bulk.Told) -> None:
        app = self.overscope
        if told.done is not None:
            if self.is_attached:
                self.acted()
            app.say(f"{told.done.line}   {count(len(told.files), 'letter')} in {folder}   u undoes it", "good")
        else:
            app.say("nobody could be written to: nothing was recorded", "refused")
        if told.exceptions:
            left_out = [(clean(names.get(partner, "?"), 40), why) for partner, why in told.exceptions.items()]
            app.push_when_free(DetailsDialog(f"Left out {number(len(left_out))}", left_out), lambda _: None)

    def action_mark(self) -> None:
        """Mark the current partner, and go on; on the table everybody at the stage."""
        if self.focused is self.table:
            self.action_mark_all()
            return
        self.listed.mark()
        self._say_marks()

    def action_mark_range(self) -> None:
        """Begin or end a range of marks."""
        if self.listed.mark_range():
            self.say("range begun: go to its end and press v again")
        else:
            self.say("range marked" if self.listed.marks else "nobody stands here", "info")
        self._say_marks()

    def action_mark_all(self) -> None:
        """Mark everybody at this stage."""
        self.listed.mark_all()
        self._say_marks()

    def action_unmark(self) -> None:
        """Drop all marks."""
        self.listed.unmark()
        self._say_marks()

    def _say_marks(self) -> None:
        self.remark(marks_words(len(self.listed.marks), self.listed.hidden_marks))
        self.refresh_bindings()

    def footer_label(self, key_id: str) -> str | None:
        """Say how many the next action is about."""
        marks = len(self.listed.marks)
        words = {"case.flag": f"flag {marks}", "case.close": f"close {marks}..", "case.step": f"step {marks}.."}
        return words.get(key_id) if marks else None

    def action_action_log(self) -> None:
        """Open the action log."""
        from tui.screens.action_log import ActionLogScreen

        self.app.push_screen(ActionLogScreen(self.overscope.store))

    def targets(self) -> list[PartnerRow]:
        """The marked partners, else the current one; none while the cursor is on the stages."""
        if self.focused is self.table and not self.listed.marks:
            return []
        return [line.row for line in self.listed.chosen]

    def people_compared(self) -> Choice:
        """The marked partners; else as from any screen."""
        marks = self.listed.marks
        return Choice(Why.MARKED, tuple(marks)) if marks else super().people_compared()

    def partner_here(self) -> tuple[int, str] | None:
        """The current partner; none while the cursor is on the stages."""
        line = None if self.focused is self.table else self.listed.current
        return None if line is None else (line.row.partner, line.row.name)

    def acted(self) -> None:
        """Marks drop after an action."""
        self.listed.unmark()
        self._say_marks()

    def copied(self) -> str | None:
        """The stage under the cursor, or the partner."""
        answer, row = self._answer, self.table.current
        if answer is None or row is None:
            return None
        line = self.listed.current
        if self.focused is self.table or line is None:
            return stage_copied(answer, row)
        since = "" if line.since is None else f" since {day(line.since)}"
        due = "" if line.row.due is None else f", due {day(line.row.due)}"
        return f"{clean(line.row.name)} ({clean(line.row.partner_id)}): {clean(line.row.track)}{since}{due}"
