"""Asking the store without freezing the screen: questions and deeds run in threads, answers come back as messages.

A newer question of the same owner and name makes an older one stale: its answer is dropped. While one runs, only
the newest waits; so holding a key down never piles up threads. Deeds (writes) are never dropped and run in order.
It knows nothing of what is asked.
"""

import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

from textual.app import App
from textual.dom import DOMNode
from textual.message import Message
from textual.timer import Timer

from tui import collector

T = TypeVar("T")
Task = Callable[[], Callable[[], None]]
ErrorHandler = Callable[[Exception], None]


class Answered(Message):
    """A thread has an answer, or an error: `deliver` hands it over, on the event loop."""

    def __init__(self, place: tuple[DOMNode, str] | None, generation: int, deliver: Callable[[], None]) -> None:
        self.place = place
        self.generation = generation
        self.deliver = deliver
        super().__init__()


class Underway(Message):
    """How far something is that takes long; sent from its thread."""

    def __init__(self, text: str) -> None:
        self.text = text
        super().__init__()

    def can_replace(self, message: Message) -> bool:
        """Of a burst only the newest counts."""
        return isinstance(message, Underway)


@dataclass(slots=True)
class _Slot:
    """One owner's questions of one name.

    Attributes:
        newest: the generation asked last; only its answer counts.
        waiting: the newest question, while an older one still runs, or the pause before it.
        pause: what begins the waiting question once nothing newer was asked for a while.
    """

    newest: int = 0
    waiting: Task | None = None
    pause: Timer | None = None


class Questions:
    """The threads of one app. All methods are called on the event loop."""

    def __init__(self, app: App[int]) -> None:
        self._app = app
        self._slots: dict[tuple[DOMNode, str], _Slot] = {}
        self._deeds: deque[Task] = deque()
        self._doing = False

    @property
    def idle(self) -> bool:
        """Whether nothing runs and nothing waits."""
        return not self._slots and not self._doing

    @property
    def doing(self) -> bool:
        """Whether a deed is under way, or waits for one."""
        return self._doing

    def ask(
        self,
        owner: DOMNode,
        name: str,
        question: Callable[[], T],
        on_answer: Callable[[T], None],
        on_error: ErrorHandler,
        *,
        pause: float = 0,
    ) -> None:
        """Ask in a thread; `on_answer` is called with the answer unless a newer question was asked or `owner` is gone.

        Args:
            owner: the screen or widget that wants to know.
            name: a newer question of the same owner and name supersedes this one.
            question: runs in a thread; must touch no widget.
            on_error: called with what the question raised, under the same conditions.
            pause: seconds without a newer question of this name before this one is begun.
        """
        place = (owner, name)
        task = partial(_attempt, question, on_answer, on_error)
        slot = self._slots.get(place)
        runs = slot is not None and slot.pause is None
        if slot is None:
            slot = self._slots[place] = _Slot()
        slot.newest += 1
        if slot.pause is not None:
            slot.pause.stop()
            slot.pause = None
        if runs:
            slot.waiting = task
        elif pause:
            slot.waiting = task
            slot.pause = self._app.set_timer(pause, partial(self._begin, place, slot.newest))
        else:
            slot.waiting = None
            self._start(place, slot.newest, task)

    def _begin(self, place: tuple[DOMNode, str], generation: int) -> None:
        """The pause is over; a timer that was stopped when it had just run out has nothing to begin."""
        slot = self._slots.get(place)
        if slot is None or slot.pause is None or generation != slot.newest:
            return
        task, slot.waiting, slot.pause = slot.waiting, None, None
        if task is not None:
            self._start(place, slot.newest, task)

    def do(self, deed: Callable[[], T], on_done: Callable[[T], None], on_error: ErrorHandler) -> None:
        """Run a deed in a thread, after the ones asked for before it; it is never dropped, nor is its outcome."""
        self._deeds.append(partial(_attempt, deed, on_done, on_error))
        self._next_deed()

    def answered(self, message: Answered, *, wanted: bool = True) -> None:
        """Take a thread's message: deliver the answer if it is still wanted, and start what waits.

        Args:
            wanted: whether any answer is; what became of a deed is told all the same.
        """
        if message.place is None:
            self._doing = False
            message.deliver()
            self._next_deed()
            return
        slot = self._slots[message.place]
        is_wanted = wanted and message.generation == slot.newest and message.place[0].is_attached
        if slot.waiting is None:
            del self._slots[message.place]
        else:
            task, slot.waiting = slot.waiting, None
            self._start(message.place, slot.newest, task)
        if is_wanted:
            message.deliver()

    def _next_deed(self) -> None:
        if self._deeds and not self._doing:
            self._doing = True
            self._start(None, 0, self._deeds.popleft())

    def _start(self, place: tuple[DOMNode, str] | None, generation: int, task: Task) -> None:
        def run() -> None:
            begun = time.perf_counter()
            answer = task()
            if time.perf_counter() - begun > collector.LONG_S:
                # What took long to read is kept and asked again: the world, the partners.
                collector.keep()
            self._app.post_message(Answered(place, generation, answer))

        # Not `exclusive`: that would cancel a worker that has answered but not ended, and stops no thread anyway.
        name = "deed" if place is None else place[1]
        self._app.run_worker(run, name=name, group="questions", thread=True, exit_on_error=False)


def _attempt(question: Callable[[], T], on_answer: Callable[[T], None], on_error: ErrorHandler) -> Callable[[], None]:
    """Run the question here and now; what is left is to hand over its answer, or its error."""
    try:
        answer = question()
    # The dashboard's edge: whatever else goes wrong becomes a line on the screen, not a dead worker.
    except Exception as error:
        return partial(on_error, error)
    return partial(on_answer, answer)
