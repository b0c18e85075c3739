"""One case: who it is and why it comes first, the facts, its apps, its record, its timeline and its track."""

from functools import partial
from typing import ClassVar

from textual import events as textual_events
from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Container, Vertical
from textual.content import Content

from store import apps, figures, ledger, partners, timeline
from store.apps import AppRow
from store.audits import Track
from store.connection import Store
from store.figures import Figures
from store.ledger import Action
from store.parameters import Parameters
from store.partners import PartnerRow
from store.timeline import Timeline
from tui.keys import bindings
from tui.screens.audit_work import AuditWorkScreen
from tui.screens.case_work import CaseWorkScreen
from tui.screens.details import DetailsDialog
from tui.screens.timeline_work import Neighbour
from tui.text import clean, count, qualified, qualifier_words, span
from tui.widgets.audit_lines import contradictions_known
from tui.widgets.audit_track import AuditPane
from tui.widgets.case_facts import LinesPane, app_lines, fact_lines, head_lines
from tui.widgets.partner_columns import row_qualifier
from tui.widgets.record import entries_of, entry_details
from tui.widgets.record_list import RecordList
from tui.widgets.timeline import TimelinePane
from tui.widgets.virtual_list import VirtualList


class CaseScreen(AuditWorkScreen, CaseWorkScreen):
    """One partner's case; `J` and `K` go through the list it was opened from."""

    PANES = ("record", "timeline", "audit")
    BINDINGS: ClassVar[list[BindingType]] = [*bindings("case screen", "screens.log")]
    DEFAULT_CSS = """
    CaseScreen {
        #case { layout: horizontal; height: 1fr; }
        #told { width: 1fr; height: 1fr; }
        #head { height: auto; max-height: 3; padding: 0 1; }
        #apps { max-height: 9; }
        #record { height: 1fr; min-height: 5; }
        #beside { width: 44%; height: 1fr; }
        #timeline { height: 1fr; }
        #audit { height: 50%; }
        &.-narrow #beside { display: none; }
        &.-squat #facts { display: none; }
    }
    """

    def __init__(
        self,
        store: Store,
        partner: int,
        parameters: Parameters,
        *,
        row: PartnerRow | None = None,
        neighbour: Neighbour | None = None,
    ) -> None:
        """Show a partner's case.

        Args:
            partner: internal id.
            row: as the list shows it, so that its keys work before the store has answered.
            neighbour: the row so many places further in the list it was opened from; None at its ends.
        """
        super().__init__()
        self._store = store
        self._partner = partner
        self._parameters = parameters
        self._neighbour = neighbour
        self._row = row
        self._whole: Timeline | None = None
        self._apps: list[AppRow] = []
        self._actions: list[Action] = []
        self._set_back: dict[int, int] = {}
        self._span: tuple[int, int] | None = None

    def body(self) -> ComposeResult:
        """Head, facts, apps and record; timeline and track beside them, or on `2` and `3` where it is narrow."""
        yield LinesPane(id="head")
        with Container(id="case"):
            with Vertical(id="told"):
                yield LinesPane(id="facts", classes="pane")
                yield LinesPane(id="apps", classes="pane")
                yield RecordList(id="record", classes="pane")
            with Vertical(id="beside"):
                yield TimelinePane(time=self.overscope.time, id="timeline", classes="pane")
                yield AuditPane(id="audit", classes="pane")

    def on_mount(self) -> None:
        """Start on the record."""
        super().on_mount()
        self.query_one("#facts").border_title = "Facts"
        self.query_one(RecordList).border_title = "1 Record, newest first"
        self.query_one(RecordList).focus()
        self.call_after_refresh(self._draw)

    # -- questions -------------------------------------------------------------------------------------------------

    def ask_all(self) -> None:
        """Ask for everything about this partner."""
        store, partner, parameters = self._store, self._partner, self._parameters
        ask = self.overscope.run_question
        ask(self, "row", lambda: partners.partner_list(store, parameters), partial(self._show_row, partner))
        ask(self, "figures", lambda: figures.figures(store, parameters), self._show_figures)
        ask(self, "apps", lambda: apps.partner_apps(store, partner, parameters), self._show_apps)
        ask(self, "record", lambda: ledger.actions(store, partner=partner), self._show_actions)
        ask(self, "clock", lambda: ledger.clock_went_back(store), self._show_clock)
        self.ask_audit(partner)
        ask(self, "span", lambda: timeline.whole_span(store, partner), self._show_span)

    def _show_row(self, partner: int, rows: list[PartnerRow]) -> None:
        self._row = next((row for row in rows if row.partner == partner), None)
        if self._row is None:
            self.say("this partner is no longer in the store", "refused")
        self._draw()

    def _show_figures(self, answer: Figures) -> None:
        self._figures = answer
        self._draw()

    def _show_apps(self, rows: list[AppRow]) -> None:
        self._apps = rows
        self._draw()

    def _show_actions(self, found: list[Action]) -> None:
        self._actions = found
        self._draw_record()

    def _show_clock(self, set_back: dict[int, int]) -> None:
        self._set_back = set_back
        self._draw_record()

    def audit_row(self) -> PartnerRow | None:
        """This partner's."""
        return self._row

    def took_track(self, answer: Track) -> None:
        """The record tells imported steps too."""
        self._draw_record()

    def _show_span(self, found: tuple[int, int]) -> None:
        store, partner = self._store, self._partner
        self._span = found
        self.timeline_pane.set_span(*found)
        self.ask_timeline()
        self.overscope.run_question(
            self,
            "whole",
            lambda: timeline.timeline(store, partner, from_at=found[0], until_at=found[1], bins=1),
            self._show_whole,
        )

    def _show_whole(self, answer: Timeline) -> None:
        self._whole = answer
        self._draw()

    def whose_timeline(self) -> tuple[int | None, str]:
        """This partner."""
        return self._partner, "" if self._row is None else self._row.name

    def compared(self, most: int) -> list[int]:
        """This partner, then those of the list it was opened from that come after it, then those before it."""
        chosen = [self._partner]
        for by in (1, -1):
            here = self._partner
            while self._neighbour is not None and len(chosen) < most:
                other = self._neighbour(here, by)
                if other is None or other.partner in chosen:
                    break
                here = other.partner
                chosen.append(here)
        return chosen

    def neighbour_of(self) -> Neighbour | None:
        """Of the list this case was opened from."""
        return self._neighbour

    def step_back(self) -> bool:
        """Drop the range of the timeline, else take the body back from a pane, else close."""
        return self.drop_timeline_range() or super().step_back()

    def read_qualifier(self) -> str:
        """That of everything that was read."""
        if self._row is None or self._figures is None:
            return "at_least"
        return row_qualifier(self._row, self._figures.accessed.qualifier)

    # -- drawing ---------------------------------------------------------------------------------------------------

    def _draw(self) -> None:
        row = self._row
        if row is None:
            return
        facts, table = self.query_one("#facts", LinesPane), self.query_one("#apps", LinesPane)
        head = self.query_one("#head", LinesPane)
        today, inside = self.overscope.today, max(self.size.width - 2, 0)
        told = row._replace(contradictions=contradictions_known(self._audit_track, row))
        head.show(head_lines(told, self._figures, self._status_since(), inside, today=today))
        width = self._pane_width()
        facts.show(fact_lines(row, self._figures, self._whole, width))
        table.show(app_lines(self._apps, width))
        table.border_title = f"Apps {len(self._apps)}"
        self.draw_audit()

    def _draw_record(self) -> None:
        steps = self._audit_track.steps if self._audit_track is not None else ()
        entries = entries_of(self._actions, steps, set_back=self._set_back)
        pane = self.query_one(RecordList)
        pane.show(entries)
        pane.border_title = Content(f"1 Record, newest first   {count(len(entries), 'entry')}")
        self._draw()

    def _pane_width(self) -> int:
        """Cells inside the panes at the left: as wide as the record's, or the whole screen before the first layout."""
        inside = self.query_one("#facts", LinesPane).content_size.width
        return inside or max(self.size.width - 4, 0)

    def _status_since(self) -> int | None:
        """When the case last became what it is, microseconds UTC."""
        verbs = {"flagged": "flag", "cleared": "clear", "open": "reopen"}
        verb = verbs.get("" if self._row is None else self._row.status or "")
        return next((action.at for action in reversed(self._actions) if action.verb == verb), None)

    def on_resize(self, event: textual_events.Resize) -> None:
        """Lines are as wide as there is room."""
        self.call_after_refresh(self._draw)

    # -- what the panes say, and the keys --------------------------------------------------------------------------

    @on(VirtualList.Moved)
    def _moved(self, message: VirtualList.Moved) -> None:
        message.stop()

    @on(VirtualList.Opened)
    def _opened(self, message: VirtualList.Opened) -> None:
        message.stop()
        entry = self.query_one(RecordList).current
        if entry is not None:
            seq = "" if entry.action is None else f"#{entry.action.seq} "
            self.app.push_screen(DetailsDialog(f"{seq}{entry.what}", entry_details(entry)))

    def action_neighbour(self, by: int) -> None:
        """The next or previous case of the list this one was opened from."""
        other = None if self._neighbour is None else self._neighbour(self._partner, by)
        if other is None:
            self.say(f"no {'next' if by > 0 else 'previous'} case in the list", "refused")
            return
        self._partner, self._row = other.partner, other
        self._audit_track, self._whole = None, None
        self._apps, self._actions = [], []
        self.ask_all()

    def action_action_log(self) -> None:
        """Open the action log."""
        from tui.screens.action_log import ActionLogScreen

        self.app.push_screen(ActionLogScreen(self._store))

    def targets(self) -> list[PartnerRow]:
        """This partner."""
        return [] if self._row is None else [self._row]

    def copied(self) -> str | None:
        """This partner's figures, with their qualifier and range."""
        row, answer = self._row, self._figures
        if row is None or answer is None:
            return None
        qualifier = row_qualifier(row, answer.accessed.qualifier)
        reads = "" if answer.cutoff is None else f"; reads {span(answer.cutoff, answer.as_of)} UTC"
        people = f"{qualified(row.people, qualifier)} people, {qualifier_words(qualifier)}"
        return f"{clean(row.name)} ({clean(row.partner_id)}): {count(row.events, 'restricted read')} of {people}{reads}"
