"""The dashboard's app: owns the store's handle, the threads, the actor and the parameters; screens own the rest."""

import asyncio
import os
import signal
import sys
from collections import deque
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import ClassVar, TypeVar

from textual import events
from textual.css.query import NoMatches
from textual.dom import DOMNode
from textual.driver import Driver
from textual.geometry import Size
from textual.screen import Screen
from textual.timer import Timer

from store.connection import Store
from store.errors import StoreError
from store.instants import now
from store.parameters import Parameters
from store.trouble import in_words
from tui import collector
from tui.driver import TerminalDriver
from tui.keys import bindings, read_keymap, with_keymap
from tui.palette import KeyCommands
from tui.questions import Answered, ErrorHandler, Questions, Underway
from tui.returning import SECONDS_BETWEEN_NOTES, Returning
from tui.screens.base import WorkScreen
from tui.text import clean
from tui.theme import THEME
from tui.time_cursor import TimeCursor
from tui.type_ahead import TypeAheadApp
from tui.watch import StoreChanged, StoreTrouble, Watcher

T = TypeVar("T")
_SIGNALS = (signal.SIGTERM, signal.SIGHUP, signal.SIGINT, signal.SIGQUIT)
_SECONDS_BETWEEN_LOOKS_AT_TERMINAL = 1.0


class OverscopeApp(TypeAheadApp[int]):
    """The dashboard on one store.

    Attributes:
        store: the incident's file, shared by all threads.
        parameters: what every question is asked under.
        actor: whose actions these are.
        time: where in time every timeline is.
        returning: where this person left last.
        key_table: the table of keys with the user's own in place.
        fault: what ended the dashboard though it should not have; None when all went well.
    """

    CSS_PATH = "overscope.tcss"
    TITLE = "Overscope"
    COMMANDS: ClassVar = {KeyCommands}
    BINDINGS: ClassVar = bindings(
        *("app.back", "app.leave", "app.refresh", "app.repaint", "app.copy", "app.suspend", "app.palette", "app.help")
    )

    def __init__(
        self,
        store: Store,
        parameters: Parameters,
        *,
        actor: str,
        colourless: bool = False,
        watch: bool = True,
        keymap: Path | None = None,
        sessions: Path | None = None,
        takes_signals: bool = False,
    ) -> None:
        """Prepare the app; nothing is read before the first paint.

        Args:
            store: an open store; whoever opened it closes it.
            parameters: as the command line gave them.
            actor: the name actions are recorded under.
            colourless: NO_COLOR is set. It must be known here: later is too late for Textual.
            watch: notice what other processes write.
            keymap: the user's keymap file, or None.
            sessions: the folder in which it is noted how far they have seen the log; None: nowhere.
            takes_signals: it has the terminal, and gives it back when a signal ends it.
        """
        super().__init__(ansi_color=True if colourless else None)
        self.store = store
        self.parameters = parameters
        self.actor = actor
        self.questions = Questions(self)
        self.returning = Returning(store, actor, sessions)
        self.time = TimeCursor()
        self._waiting_dialogs: deque[Callable[[], object]] = deque()
        self._leaves_when_recorded = False
        self.fault: Exception | None = None
        self._takes_signals = takes_signals
        self._is_leaving = False
        self._taken_when_tidied = 0
        self.animation_level = "none"
        self._watcher = Watcher(self, store) if watch else None
        self._notes_session: Timer | None = None
        overrides, self._complaints = ({}, []) if keymap is None else read_keymap(keymap)
        self.key_table = with_keymap(overrides)
        if overrides:
            self.set_keymap(overrides)
        self.register_theme(THEME)
        self.theme = THEME.name

    @property
    def why_read_only(self) -> str:
        """Why nothing can be recorded; empty where it can."""
        if not self.store.read_only:
            return ""
        return self.store.remark or "the dashboard was started with --read-only"

    @property
    def today(self) -> int:
        """The instant at which work is judged, microseconds UTC."""
        return now() if self.parameters.today is None else self.parameters.today

    def get_driver_class(self) -> type[Driver]:
        """The driver of a real terminal."""
        return TerminalDriver

    def get_default_screen(self) -> Screen[None]:
        """The board."""
        from tui.screens.board import BoardScreen

        return BoardScreen()

    def on_load(self) -> None:
        """Before the terminal is taken: listen for the signals that would leave it broken."""
        if self._takes_signals:
            loop = asyncio.get_running_loop()
            for number in _SIGNALS:
                loop.add_signal_handler(number, partial(self.leave, 128 + number))

    def on_mount(self) -> None:
        """Listen for other sizes of the terminal, and for other processes' writes."""
        if self._takes_signals:
            self._hold_terminal()
            self.app_resume_signal.subscribe(self, lambda _: self._hold_terminal())
            self.set_interval(_SECONDS_BETWEEN_LOOKS_AT_TERMINAL, self._look_for_terminal)
        self.set_interval(collector.SECONDS_BETWEEN_LOOKS, self._tidy)
        if self.returning.is_noted:
            self._notes_session = self.set_interval(SECONDS_BETWEEN_NOTES, self.note_session)
        if self._watcher is not None:
            self._watcher.start()
        if self._complaints:
            self.call_after_refresh(self.say, self._complaints[0], "refused")

    def note_session(self) -> None:
        """Note how far they have seen the log, for the case that nothing tells this process that it ends."""
        today = self.today
        self.run_question(self, "session", lambda: self.returning.note(today), lambda _: None, self._no_session)

    def _no_session(self, error: Exception) -> None:
        """Once is enough: it is tried again at the end."""
        if self._notes_session is not None:
            self._notes_session.stop()
        self.show_error(error)

    def _hold_terminal(self) -> None:
        """At the start, and after `fg`: nothing of what was painted before is there any more."""
        # Textual's own handler can lose the last size of a storm: a signal that another thread takes wakes no loop.
        asyncio.get_running_loop().add_signal_handler(signal.SIGWINCH, self._take_terminal_size)
        self.action_repaint()

    def _tidy(self) -> None:
        """Look for garbage, if no key came since the last time and nothing is asked."""
        if self._taken == self._taken_when_tidied and self.idle:
            collector.tidy()
        self._taken_when_tidied = self._taken

    def _look_for_terminal(self) -> None:
        """A terminal that is not this session's own is taken away without a signal."""
        if not os.isatty(0):
            self.leave(128 + signal.SIGHUP)

    def _take_terminal_size(self) -> None:
        columns, rows = os.get_terminal_size(sys.__stdout__.fileno() if sys.__stdout__ else 1)
        self.post_message(events.Resize(Size(columns, rows), Size(columns, rows)))

    def on_unmount(self) -> None:
        """End what still runs, so that leaving never waits for a query."""
        if self._watcher is not None:
            self._watcher.stop()
        self.store.interrupt()

    def _handle_exception(self, error: Exception) -> None:
        """Keep what went wrong for whoever started the dashboard; Textual would print it, with the data in it."""
        if self._is_leaving and isinstance(error, NoMatches):
            # A screen that was being made when the end came lacks some of its widgets.
            return
        super()._handle_exception(error)
        if self._takes_signals:
            self.fault = self.fault or error
            self._exit_renderables.clear()

    def leave(self, code: int) -> None:
        """Close the dashboard with this exit code; running queries are ended first."""
        self._is_leaving = True
        self.store.interrupt()
        self.exit(code, return_code=code)

    # -- questions and deeds ---------------------------------------------------------------------------------------

    def run_question(
        self,
        owner: DOMNode,
        name: str,
        question: Callable[[], T],
        on_answer: Callable[[T], None],
        on_error: ErrorHandler | None = None,
        *,
        pause: float = 0,
    ) -> None:
        """Ask the store in a thread; a newer question of the same owner and name makes this one's answer stale.

        Args:
            owner: the screen or widget that asks; once it is gone the answer is dropped.
            name: what the question is about.
            question: runs in a thread; touches no widget.
            on_answer: called with the answer, on the event loop.
            on_error: called with what was raised; by default it becomes a line in the message bar.
            pause: seconds without a newer question of this name before this one is begun.
        """
        self.questions.ask(owner, name, question, on_answer, on_error or self.show_error, pause=pause)

    def run_deed(
        self, deed: Callable[[], T], on_done: Callable[[T], None], on_error: ErrorHandler | None = None
    ) -> None:
        """Write to the store in a thread, in order, never dropped; afterwards every screen asks again."""

        def done(outcome: T) -> None:
            on_done(outcome)
            self.ask_all_again()

        def failed(error: Exception) -> None:
            self._leaves_when_recorded = False
            (on_error or self.show_refusal)(error)

        self.questions.do(deed, done, failed)

    def on_answered(self, message: Answered) -> None:
        """A thread is done; what it found is not drawn any more once the screens are being taken down."""
        self.questions.answered(message, wanted=not self._is_leaving)
        if self._leaves_when_recorded and not self.questions.doing:
            # Somebody was faster, and the question what to do about it stands open: that goes first.
            self._leaves_when_recorded = isinstance(self.screen, WorkScreen)
            if self._leaves_when_recorded:
                self.leave(0)

    def on_store_changed(self, message: StoreChanged) -> None:
        """Somebody wrote: ask again."""
        message.stop()
        self.ask_all_again()

    def on_store_trouble(self, message: StoreTrouble) -> None:
        """The store's file is gone, replaced or damaged: say so."""
        message.stop()
        self.show_error(message.error)

    def ask_all_again(self) -> None:
        """Have every open screen ask its questions again."""
        for screen in self.screen_stack:
            if isinstance(screen, WorkScreen):
                screen.ask_all()

    @property
    def idle(self) -> bool:
        """Whether no question and no deed is under way."""
        return self.questions.idle

    # -- saying things ---------------------------------------------------------------------------------------------

    def say(self, text: str, level: str = "info") -> None:
        """Show a line in the message bar of the topmost full screen; the text is cleaned there."""
        for screen in reversed(self.screen_stack):
            if isinstance(screen, WorkScreen):
                screen.say(text, level)
                return

    def say_progress(self, text: str) -> None:
        """Show how far a deed is; for its thread."""
        self.post_message(Underway(text))

    def on_underway(self, message: Underway) -> None:
        """A deed is so far; once it is done, what came of it stands there."""
        message.stop()
        if self.questions.doing:
            self.say(f"recording ...: {message.text}")

    def show_error(self, error: Exception) -> None:
        """Show what went wrong with a question as one line; a refusal already says what to do."""
        self._show_failure(error, f"cannot read {self.store.path}")

    def show_refusal(self, error: Exception) -> str:
        """Show why a deed was not done; returns the line."""
        return self._show_failure(error, f"nothing was recorded in {self.store.path}")

    def _show_failure(self, error: Exception, what: str) -> str:
        if isinstance(error, StoreError):
            line = str(error)
            self.say(line, "refused")
        else:
            line = f"{what}: {in_words(error) or f'{type(error).__name__}: {error}'}"
            self.say(line, "error")
        return line

    # -- dialogs that nobody asked for just now ----------------------------------------------------------------------

    def push_when_free(self, dialog: Screen[T], on_answer: Callable[[T | None], None]) -> None:
        """Open a dialog over a full screen; while another is open it waits, so that no key hits the wrong one."""
        self._waiting_dialogs.append(partial(self.push_screen, dialog, on_answer))
        self.open_next_dialog()

    def open_next_dialog(self) -> None:
        """Open the dialog that waits longest, if nothing lies over the topmost full screen."""
        if self._waiting_dialogs and isinstance(self.screen, WorkScreen):
            self._waiting_dialogs.popleft()()

    # -- keys that work everywhere ---------------------------------------------------------------------------------

    async def action_back(self) -> None:
        """One step back: inside the screen, else close it."""
        screen = self.screen
        if isinstance(screen, WorkScreen) and screen.step_back():
            return
        if len(self.screen_stack) > 1:
            self.pop_screen()

    def action_leave(self) -> None:
        """Close this screen; the last one ends the dashboard, once what is being recorded is recorded."""
        if len(self.screen_stack) > 1:
            self.pop_screen()
        elif self.questions.doing:
            self._leaves_when_recorded = True
            self.say("still recording your last action: the dashboard closes when that is done")
        else:
            self.leave(0)

    def action_ask_again(self) -> None:
        """Read everything again."""
        try:
            self.store.check_file()
        except StoreError as error:
            self.say(str(error), "error")
            return
        self.ask_all_again()
        self.say("read again")

    def action_repaint(self) -> None:
        """Paint every cell again, for a terminal that something else wrote on."""
        self.screen.refresh(layout=True)
        self.refresh(repaint=True, layout=True)

    def action_copy(self) -> None:
        """Copy the figure under the cursor."""
        text = self.screen.copied() if isinstance(self.screen, WorkScreen) else None
        if text is None:
            self.say("nothing to copy here", "refused")
            return
        text = clean(text, 10_000)
        self.copy_to_clipboard(text)
        self.say(f"copied: {text}", "good")

    def action_keys(self) -> None:
        """Show all keys."""
        from tui.screens.help import HelpScreen

        if not isinstance(self.screen, HelpScreen):
            active = self.screen.active_bindings.values()
            ids = frozenset(shown.binding.id for shown in active if shown.enabled and shown.binding.id)
            self.push_screen(
                HelpScreen(self.key_table, ids, [*filter(None, [self.why_read_only]), *self.store.notices])
            )

    def action_palette(self) -> None:
        """Find a command by its name."""
        self.action_command_palette()

    def action_help_quit(self) -> None:
        """Ctrl+C ends nothing by accident; say what does."""
        self.say("press q to leave", "refused")
