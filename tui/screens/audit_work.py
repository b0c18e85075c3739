"""What every screen with an audit pane does: asks for what the pane shows, and opens what its items rest on."""

from functools import partial
from typing import NamedTuple

from textual import on

from store import app_access, audits, read_classes, samples
from store.app_access import AppAccess
from store.audits import Step, Track
from store.contradiction_rows import contradiction_filters
from store.contradictions import Contradiction
from store.event_filters import EventFilters
from store.partners import PartnerRow
from store.recipients import Recipient, recipients
from store.sample_rows import SampleRow
from tui.screens.details import DetailsDialog
from tui.screens.timeline_work import TimelineWorkScreen
from tui.text import step_words
from tui.widgets.audit_details import note_details, recipient_details, sample_details, step_details
from tui.widgets.audit_lines import Known, Missing, Reads, Target
from tui.widgets.audit_track import AuditPane

# The classes that a partner read are read from its events: only of a partner somebody stays on.
_CLASSES_PAUSE_S = 0.2


class _Answer(NamedTuple):
    """What the pane is about: a partner's track, and the samples drawn for its audit."""

    track: Track
    samples: tuple[SampleRow, ...]


class AuditWorkScreen(TimelineWorkScreen):
    """A full screen with one audit pane; subclasses say whose row it shows."""

    _audit_track: Track | None = None
    _audit_samples: tuple[SampleRow, ...] = ()
    _audit_classes: tuple[int, str] = (-1, "")

    def audit_row(self) -> PartnerRow | None:
        """The row of the partner that the pane is about; None: of none."""
        raise NotImplementedError

    def ask_audit(self, partner: int, *, pause: float = 0) -> None:
        """Ask for a partner's track (internal id); until it is there, the old one stays.

        Args:
            pause: seconds without another question before this one is asked.
        """
        store, today = self.overscope.store, self.overscope.today

        def question() -> _Answer:
            return _Answer(audits.track(store, partner, today=today), tuple(samples.samples_of(store, partner)))

        self.overscope.run_question(self, "track", question, self._take_track, pause=pause)

    def _take_track(self, answer: _Answer) -> None:
        row = self.audit_row()
        if row is not None and row.partner != answer.track.partner:
            return
        self._audit_track, self._audit_samples = answer
        self.took_track(answer.track)
        self.draw_audit()
        if row is not None and row.events and self._audit_classes[0] != row.partner:
            store, parameters, partner = self.overscope.store, self.overscope.parameters, row.partner
            self.overscope.run_question(
                self,
                "classes",
                lambda: read_classes.read_classes(store, partner, parameters),
                partial(self._take_classes, partner),
                pause=_CLASSES_PAUSE_S,
            )

    def took_track(self, answer: Track) -> None:
        """A track has come: a screen may say more about it."""

    def _take_classes(self, partner: int, answer: tuple[str, ...]) -> None:
        self._audit_classes = partner, read_classes.class_words(answer)
        self.draw_audit()

    def draw_audit(self) -> None:
        """Show what is known of the partner."""
        row, track = self.audit_row(), self._audit_track
        partner, classes = self._audit_classes
        is_known = row is not None and track is not None and track.partner == row.partner
        self.query_one(AuditPane).show(
            Known(
                track=track if is_known else None,
                samples=self._audit_samples if is_known else (),
                row=row,
                today=self.overscope.today,
                as_of=None if self._figures is None else self._figures.as_of,
                classes=classes if row is not None and partner == row.partner else "",
            )
        )

    def drawn_sample(self, partner: int | None) -> int | None:
        """The last one of the partner that the pane shows."""
        standing = [row.seq for row in self._audit_samples if row.partner == partner and row.taken_back_by is None]
        return standing[-1] if standing else None

    def named_recipients(self, partner: int | None) -> tuple[str, ...]:
        """Those of the partner that the pane shows."""
        track = self._audit_track
        if track is None or track.partner != partner:
            return ()
        return tuple(line.name for line in recipients(track.steps, today=self.overscope.today).lines)

    # -- what its items rest on --------------------------------------------------------------------------------------

    @on(AuditPane.Opened)
    def _audit_opened(self, message: AuditPane.Opened) -> None:
        message.stop()
        if message.partner is not None:
            self._open_target(message.partner, message.target)

    def _open_target(self, partner: int, target: Target | None) -> None:
        if target is None:
            self.say("nothing is behind this line", "refused")
        elif isinstance(target, Missing):
            self.say(f"'{step_words(target.step)}' is not recorded yet: a records it", "refused")
        elif isinstance(target, Reads):
            self._open_reads(partner, after_removal=target.after_removal)
        elif isinstance(target, Contradiction):
            self.open_contradiction(partner, target)
        elif isinstance(target, Step):
            self.app.push_screen(DetailsDialog(step_words(target.step), step_details(target)))
        elif isinstance(target, Recipient):
            self.app.push_screen(DetailsDialog(f"Recipient {target.name}", recipient_details(target)))
        elif isinstance(target, SampleRow):
            self.app.push_screen(DetailsDialog(f"Sample #{target.seq}", sample_details(target)))
        else:
            self.app.push_screen(DetailsDialog("Note", note_details(target)))

    def _open_reads(self, partner: int, *, after_removal: bool = False) -> None:
        """The restricted reads that the row counts."""
        until = None if self._figures is None else self._figures.as_of
        self.open_events(partner, None, until, EventFilters(verdicts=("improper",), after_removal=after_removal))

    def open_contradiction(self, partner: int, found: Contradiction) -> None:
        """Open the rows that show a contradiction: reads, over all evidence, or the registry's of the access."""
        filters = contradiction_filters(found)
        if filters is not None:
            self.open_events(partner, found.from_at, None, filters)
        elif found.app_id is None:
            self._open_reads(partner)
        else:
            store, app_id = self.overscope.store, found.app_id
            self.overscope.run_question(
                self, "access", lambda: app_access.app_access(store, partner, app_id), self._show_access
            )

    def _show_access(self, answer: AppAccess) -> None:
        self.app.push_screen(DetailsDialog(f"Access of {answer.name}", app_access.access_lines(answer)))
