"""Another process's writes appear without a key; a store that goes away is told."""

import asyncio
import threading

import pytest

from store.errors import UnusableFileError
from tests.tui.fakes import FakeIncident, FakeStore, row
from tui import watch
from tui.screenshot import settled
from tui.watch import Watcher
from tui.widgets.bars import MessageBar
from tui.widgets.partner_list import PartnerList


class WatchedStore(FakeStore):
    """Tells when its token is taken, and raises what it is given."""

    def __init__(self) -> None:
        super().__init__()
        self.looked = threading.Semaphore(0)
        self.trouble: UnusableFileError | None = None
        self.threads: set[int] = set()

    def check_file(self) -> None:
        if self.trouble is not None:
            raise self.trouble

    def change_token(self) -> tuple[int, int]:
        self.threads.add(threading.get_ident())
        self.looked.release()
        return self.token


@pytest.fixture
def incident(monkeypatch: pytest.MonkeyPatch) -> FakeIncident:
    monkeypatch.setattr(watch, "SECONDS_BETWEEN_LOOKS", 0.01)
    known = FakeIncident(store=WatchedStore())
    known.install(monkeypatch)
    return known


async def looks(store: FakeStore, times: int) -> None:
    assert isinstance(store, WatchedStore)
    for _ in range(times):
        assert await asyncio.to_thread(store.looked.acquire, timeout=10)


def test_a_change_asks_again_and_all_tokens_are_one_threads(incident: FakeIncident) -> None:
    app = incident.app(watch=True)

    async def go() -> None:
        async with app.run_test(size=(120, 40)) as pilot:
            await settled(pilot)
            await looks(incident.store, 2)
            incident.rows = [*incident.rows, row(50, "Brought by another process", events=1)]
            incident.store.token = (2, 5)
            while app.screen.query_one(PartnerList).view.total != 12:
                await looks(incident.store, 1)
                await settled(pilot)

    asyncio.run(go())
    store = incident.store
    assert isinstance(store, WatchedStore)
    assert len(store.threads) == 1
    assert threading.get_ident() not in store.threads


def test_a_store_that_is_gone_is_told_once_and_its_return_asks_again(incident: FakeIncident) -> None:
    app = incident.app(watch=True)
    store = incident.store
    assert isinstance(store, WatchedStore)

    async def go() -> None:
        async with app.run_test(size=(120, 40)) as pilot:
            await settled(pilot)
            await looks(store, 2)
            store.trouble = UnusableFileError("fake.db is gone")
            bar = app.screen.query_one(MessageBar)
            while bar.message != ("fake.db is gone", "refused"):
                await pilot.pause(0.01)
            incident.rows = incident.rows[:3]
            store.trouble = None
            while app.screen.query_one(PartnerList).view.total != 3:
                await pilot.pause(0.01)

    asyncio.run(go())


def test_the_watcher_stops_at_once(incident: FakeIncident) -> None:
    watcher = Watcher(incident.app(), incident.store)  # type: ignore[arg-type]
    watcher.start()
    watcher.stop()
    watcher._thread.join(5)
    assert not watcher._thread.is_alive()
