"""The board: header, partners, timeline, audit track. It owns what is shown and asks the store in threads."""

from collections.abc import Sequence
from functools import partial
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Container, Vertical
from textual.widgets import Input

from store import claims, figures, partners, rulebook, timeline
from store.claims import ClaimState, broken_words
from store.figures import Figures
from store.partners import FirstPartners, PartnerRow
from store.people_compared import Choice, Why
from store.since import Since
from store.since_words import headline
from tui.keys import bindings, spoken
from tui.screens.audit_work import AuditWorkScreen
from tui.screens.case_work import CaseWorkScreen
from tui.screens.timeline_work import Neighbour
from tui.text import clean, count, number, qualified, qualifier_words, span
from tui.widgets.audit_track import AuditPane
from tui.widgets.bars import MessageBar
from tui.widgets.figures_bar import FiguresBar
from tui.widgets.filter_line import FilterLine
from tui.widgets.partner_columns import row_qualifier
from tui.widgets.partner_list import PartnerList
from tui.widgets.timeline import TimelinePane
from tui.widgets.timeline_pictures import ALL_PARTNERS
from tui.widgets.virtual_list import VirtualList

# While keys come faster than this, what stands beside the list waits.
PAUSE_S = 0.05


class BoardScreen(AuditWorkScreen, CaseWorkScreen):
    """The first screen. The partner under the cursor decides what the two other panes show."""

    PANES = ("partners", "timeline", "audit")
    BINDINGS: ClassVar[list[BindingType]] = [
        *bindings("partners", "filter", "marks", "moves", "screens.log", "screens.since"),
    ]

    def __init__(self) -> None:
        super().__init__()
        self._rulebook_sha256 = ""
        self._span: tuple[int, int] | None = None
        self._shown: object = -1
        self._marks_told = 0
        self._remark = ""
        self._news_asked = False
        self._broken_told = ""

    def body(self) -> ComposeResult:
        """Header, panes, and the filter's line."""
        app = self.overscope
        yield FiguresBar(actor=app.actor, read_only=app.store.read_only)
        with Container(id="panes"):
            yield PartnerList(id="partners", classes="pane")
            with Vertical(id="beside"):
                yield TimelinePane(time=app.time, id="timeline", classes="pane")
                yield AuditPane(id="audit", classes="pane")
        yield FilterLine(id="filter")

    def on_mount(self) -> None:
        """Start on the partners."""
        super().on_mount()
        self.partners.focus()
        store = self.overscope.store
        if remarks := [*filter(None, [store.remark]), *store.notices]:
            self.say("; ".join(remarks), "refused")

    @property
    def partners(self) -> PartnerList:
        """The list."""
        return self.query_one(PartnerList)

    # -- questions -------------------------------------------------------------------------------------------------

    def ask_all(self) -> None:
        """Ask for everything; the partners and the figures first."""
        app = self.overscope
        store, parameters = app.store, app.parameters
        app.run_question(
            self, "figures", lambda: figures.figures(store, parameters), self._show_figures, self._no_figures
        )
        if self.partners.view.rows:
            self._ask_the_rest()
        else:
            first = partial(partners.first_partners, store, parameters)
            app.run_question(self, "first partners", first, self._show_first, self._no_first)

    def _ask_the_rest(self) -> None:
        """Ask for what takes longer, once there is something on the screen."""
        app = self.overscope
        store, parameters = app.store, app.parameters
        app.run_question(self, "partners", lambda: partners.all_partners(store, parameters), self._show_partners)
        app.run_question(self, "span", lambda: timeline.whole_span(store, None), self._show_span)
        app.run_question(self, "rulebook", lambda: rulebook.current_rulebook(store).sha256, self._show_rulebook)
        self._ask_about_current(again=True)

    def _show_figures(self, answer: Figures) -> None:
        self._figures = answer
        self.query_one(FiguresBar).show(answer)
        self.partners.show_figures(answer)

    def _no_figures(self, error: Exception) -> None:
        self.query_one(FiguresBar).show_failure()
        self.overscope.show_error(error)

    def _show_first(self, answer: FirstPartners | None) -> None:
        if answer is None:
            self._ask_the_rest()
            return
        self.partners.show_first(answer)
        self.call_after_refresh(self._ask_the_rest)

    def _no_first(self, error: Exception) -> None:
        self.overscope.show_error(error)
        self._ask_the_rest()

    def _show_partners(self, rows: Sequence[PartnerRow]) -> None:
        self.partners.show(rows)
        self._say_marks()
        self._ask_about_current(again=True)
        store = self.overscope.store
        self.overscope.run_question(
            self, "claims", lambda: claims.broken_claims(store), self._show_broken, self._no_claims
        )

    def _no_claims(self, error: Exception) -> None:
        self.overscope.show_error(error)
        self._ask_for_news()

    def _show_broken(self, broken: Sequence[ClaimState]) -> None:
        """Broken claims stand at the top; what is said of them at the foot is said once, and before any news."""
        self.query_one(FiguresBar).show_broken(tuple(state.claimed.claim_id for state in broken))
        words = broken_words(broken)
        if words and words != self._broken_told:
            self.say(words, "refused")
        self._broken_told = words
        self._ask_for_news()

    def _ask_for_news(self) -> None:
        """Once, and only when all else is on the screen: what changed since this person was here last."""
        app = self.overscope
        if self._news_asked or not app.returning.is_noted:
            return
        self._news_asked = True
        today = app.today
        app.run_question(self, "news", lambda: app.returning.news(today), self._show_news)

    def _show_news(self, news: Since) -> None:
        """A line at the foot, if nothing else stands there yet; nothing opens by itself under somebody's keys."""
        app, bar = self.overscope, self.query_one(MessageBar)
        if remark := app.returning.remark:
            self.say("; ".join(filter(None, [bar.message[0], remark])), "refused")
        if not news.is_news or news.first_time:
            return
        if not bar.message[0]:
            self.say(headline(news))
        if not self._remark:
            (key,) = [key for key in app.key_table if key.id == "screens.since"]
            self.remark(f"{spoken(key.keys, first_only=True)} what is new")

    def action_since(self) -> None:
        """Show what changed since this person was here last."""
        from tui.screens.since import SinceDialog

        self.remark(self._remark)
        app = self.overscope
        today = app.today
        app.push_screen(SinceDialog(lambda: app.returning.news(today)))

    def _show_span(self, found: tuple[int, int]) -> None:
        if found != self._span:
            self._span = found
            self.timeline_pane.set_span(*found)
            self._ask_about_current(again=True)

    def _show_rulebook(self, sha256: str) -> None:
        self._rulebook_sha256 = sha256

    def _ask_about_current(self, *, again: bool = False, pause: float = 0) -> None:
        """Ask for timeline and track of the partner under the cursor.

        Args:
            again: also where they are shown already.
            pause: seconds without another partner under the cursor before it is asked.
        """
        row = self.partners.current
        key = (None if row is None else row.partner, *self._bands_shown())
        if not self.partners.row_count() or (key == self._shown and not again):
            return
        self._shown = key
        self.ask_timeline(pause=pause)
        if row is None:
            self.draw_audit()
        else:
            self.ask_audit(row.partner, pause=pause)

    def _bands_shown(self) -> list[int]:
        """Whom the picture of bands compares, where that is what is shown."""
        wanted = self.timeline_pane.wanted()
        return [] if wanted is None or not wanted.bands else self.compared(wanted.bands)

    def whose_timeline(self) -> tuple[int | None, str]:
        """The partner under the cursor, or all of them."""
        row = self.partners.current
        return (None, ALL_PARTNERS) if row is None else (row.partner, row.name)

    def compared(self, most: int) -> list[int]:
        """The marked partners, else the first ones in view and the one under the cursor."""
        view, marks, row = self.partners.view, self.partners.marks, self.partners.current
        if marks:
            return [each.partner for each in view.chosen(set(marks))][:most]
        chosen = [view.visible[place].partner for place in range(min(most, len(view.visible)))]
        if row is not None and row.partner not in chosen:
            chosen = [*chosen[: most - 1], row.partner]
        return chosen

    def people_compared(self) -> Choice:
        """The marked partners, else those in view that read."""
        marks = self.partners.marks
        return (
            Choice(Why.MARKED, tuple(marks))
            if marks
            else Choice(Why.IN_VIEW, tuple(self.partners.view.visible.partners()))
        )

    def neighbour_of(self) -> Neighbour | None:
        """Of the list in view."""
        return self.partners.neighbour

    def audit_row(self) -> PartnerRow | None:
        """The one under the cursor."""
        return self.partners.current

    # -- what the panes say ----------------------------------------------------------------------------------------

    @on(VirtualList.Moved)
    def _cursor_moved(self, message: VirtualList.Moved) -> None:
        message.stop()
        self._ask_about_current(pause=PAUSE_S)

    @on(VirtualList.Opened)
    def _row_opened(self, message: VirtualList.Opened) -> None:
        message.stop()
        self.action_open()

    def action_open(self) -> None:
        """Open the case under the cursor."""
        row = self.partners.current
        if row is None:
            self.say("this line is all partners together; enter on one opens its case", "refused")
            return
        from tui.screens.case import CaseScreen

        app = self.overscope
        case = CaseScreen(app.store, row.partner, app.parameters, row=row, neighbour=self.partners.neighbour)
        self.app.push_screen(case)

    def action_action_log(self) -> None:
        """Open the action log."""
        from tui.screens.action_log import ActionLogScreen

        self.app.push_screen(ActionLogScreen(self.overscope.store))

    # -- list keys, from any pane ----------------------------------------------------------------------------------

    def action_go(self, where: str) -> None:
        """Move the cursor of the list from another pane."""
        self.partners.action_go(where)

    def action_population(self) -> None:
        """Show the next population."""
        self.say(f"show: {self.partners.next_population()}")
        self._say_marks()

    def action_sort(self) -> None:
        """Sort by the next order."""
        self.say(f"order: {self.partners.next_order()}")

    def action_reverse(self) -> None:
        """Turn the order round."""
        self.say(f"order: {self.partners.turn_round()}")

    def action_columns(self) -> None:
        """Show other columns."""
        self.say(f"columns: {self.partners.next_columns()}")

    def action_filter(self) -> None:
        """Open the filter line."""
        self.query_one(FilterLine).open(self.partners.view.filter_text)

    @on(Input.Changed, "#filter-text")
    def _filter_changed(self, message: Input.Changed) -> None:
        message.stop()
        self.partners.set_filter(message.value)
        self._say_marks()

    @on(FilterLine.Closed)
    def _filter_closed(self, message: FilterLine.Closed) -> None:
        message.stop()
        self.partners.focus()

    def action_match(self, by: int) -> None:
        """Go to the next or previous match of the filter."""
        if not self.partners.view.filter_text:
            self.say("no filter: / begins one", "refused")
        elif not self.partners.next_match(by):
            self.say("nothing matches the filter", "refused")

    def action_mark(self) -> None:
        """Mark the current partner, and go on."""
        if self.partners.current is None:
            self.say("this line is all partners together; * marks all in view", "refused")
        self.partners.mark()
        self._say_marks()

    def action_mark_range(self) -> None:
        """Begin or end a range of marks."""
        if self.partners.mark_range():
            self.say("range begun: go to its end and press v again")
        elif self.partners.current is None:
            self.say("this line is all partners together: a range begins on a partner", "refused")
        else:
            self.say("range marked")
        self._say_marks()

    def action_mark_all(self) -> None:
        """Mark all in view."""
        self.partners.mark_all()
        self._say_marks()

    def action_unmark(self) -> None:
        """Drop all marks."""
        self.partners.unmark()
        self._say_marks()

    def _say_marks(self) -> None:
        marks, hidden = len(self.partners.marks), self.partners.hidden_marks
        said = f"{number(marks)} marked"
        if hidden:
            said += f", {number(hidden)} hidden by the filter"
        remark = f"{said}   U unmark" if marks else ""
        if remark != self._remark:
            self._remark = remark
            self.remark(remark)
            self.query_one(FilterLine).remark(remark)
        if marks != self._marks_told:
            self._marks_told = marks
            self.refresh_bindings()
            self._ask_about_current()

    def footer_label(self, key_id: str) -> str | None:
        """Say how many the next action is about."""
        marks = len(self.partners.marks)
        words = {"case.flag": f"flag {marks}", "case.close": f"close {marks}..", "case.step": f"step {marks}.."}
        return words.get(key_id) if marks else None

    # -- actions ---------------------------------------------------------------------------------------------------

    def targets(self) -> list[PartnerRow]:
        """The marked partners, else the current one."""
        return self.partners.chosen

    def acted(self) -> None:
        """Marks drop after an action."""
        self.partners.unmark()
        self._say_marks()

    def step_back(self) -> bool:
        """Close the filter line, give up a range, take the body back from a pane, clear the filter."""
        if self.query_one(FilterLine).close():
            return True
        if self.partners.end_range():
            self.say("range given up; U drops the marks")
            return True
        if self.drop_timeline_range():
            return True
        if super().step_back():
            return True
        if self.partners.view.filter_text:
            self.query_one(FilterLine).clear()
            self.partners.set_filter("")
            self._say_marks()
            return True
        return True

    def copied(self) -> str | None:
        """The current partner's figures, or everybody's, with qualifier, range and rulebook."""
        answer = self._figures
        if answer is None:
            return None
        rules = f"rulebook {self._rulebook_sha256[:12]}" if self._rulebook_sha256 else "empty rulebook"
        row = self.partners.current
        if row is None:
            return f"{answer.sentence} ({rules})"
        qualifier = row_qualifier(row, answer.accessed.qualifier)
        read_range = span(answer.cutoff, answer.as_of) if answer.cutoff is not None else ""
        return (
            f"{clean(row.name)} ({clean(row.partner_id)}): {count(row.events, 'restricted read')} of "
            f"{qualified(row.people, qualifier)} people, {qualifier_words(qualifier)}; reads {read_range} UTC; {rules}"
        )
