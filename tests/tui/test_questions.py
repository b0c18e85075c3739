"""Questions in threads: the newest answer counts, stale ones are dropped, deeds run in order and none is lost."""

import asyncio
import threading
from collections.abc import Callable
from functools import partial

from textual.app import App, ComposeResult
from textual.pilot import Pilot
from textual.widgets import Static

from tui.questions import Answered, Questions


class AskingApp(App[int]):
    def __init__(self) -> None:
        super().__init__()
        self.questions = Questions(self)
        self.answers: list[object] = []

    def compose(self) -> ComposeResult:
        yield Static("", id="owner")

    def on_answered(self, message: Answered) -> None:
        self.questions.answered(message)

    def ask(self, question: Callable[[], object]) -> None:
        self.questions.ask(self.query_one("#owner"), "it", question, self.answers.append, self.answers.append)


def in_app(flow: Callable[[AskingApp, Pilot[int]], object]) -> AskingApp:
    app = AskingApp()

    async def go() -> None:
        async with app.run_test() as pilot:
            await flow(app, pilot)  # type: ignore[misc]

    asyncio.run(go())
    return app


async def until_idle(app: AskingApp, pilot: Pilot[int]) -> None:
    while not app.questions.idle:
        await app.workers.wait_for_complete()
        await pilot.pause()


def test_only_the_newest_of_many_questions_is_answered_and_few_are_even_asked() -> None:
    asked: list[int] = []
    gate = threading.Event()

    def question(number: int) -> int:
        asked.append(number)
        assert gate.wait(10)
        return number

    async def flow(app: AskingApp, pilot: Pilot[int]) -> None:
        for number in range(50):
            app.ask(lambda number=number: question(number))
        gate.set()
        await until_idle(app, pilot)

    app = in_app(flow)
    assert app.answers == [49]
    assert asked == [0, 49]


def test_an_answer_for_a_widget_that_is_gone_is_dropped() -> None:
    gate = threading.Event()

    async def flow(app: AskingApp, pilot: Pilot[int]) -> None:
        app.ask(lambda: gate.wait(10))
        await app.query_one("#owner").remove()
        gate.set()
        await until_idle(app, pilot)

    assert in_app(flow).answers == []


def test_an_error_reaches_its_handler_and_the_next_question_still_works() -> None:
    def broken() -> None:
        raise OSError("no")

    async def flow(app: AskingApp, pilot: Pilot[int]) -> None:
        app.ask(broken)
        await until_idle(app, pilot)
        app.ask(lambda: "fine")
        await until_idle(app, pilot)

    error, fine = in_app(flow).answers
    assert isinstance(error, OSError)
    assert fine == "fine"


def test_deeds_run_one_after_the_other_in_order_and_none_is_lost() -> None:
    running: list[int] = []
    overlaps: list[int] = []
    done: list[int] = []

    def deed(number: int) -> int:
        if running:
            overlaps.append(number)
        running.append(number)
        running.remove(number)
        return number

    async def flow(app: AskingApp, pilot: Pilot[int]) -> None:
        for number in range(30):
            app.questions.do(lambda number=number: deed(number), done.append, lambda error: None)
        await until_idle(app, pilot)

    in_app(flow)
    assert done == list(range(30))
    assert not overlaps


def test_a_pause_that_ran_out_as_it_was_stopped_begins_nothing() -> None:
    async def flow(app: AskingApp, pilot: Pilot[int]) -> None:
        owner = app.query_one("#owner")
        late = []
        for answer in (1, 2):
            app.questions.ask(owner, "it", partial(int, answer), app.answers.append, app.answers.append, pause=3_600)
            timer = app.questions._slots[owner, "it"].pause
            assert timer is not None
            assert timer._callback is not None
            late.append(timer._callback)
        late[0]()
        assert app.questions._slots[owner, "it"].pause is timer
        late[1]()
        await until_idle(app, pilot)
        late[0]()
        late[1]()

    assert in_app(flow).answers == [2]
