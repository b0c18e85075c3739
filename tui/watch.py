"""Noticing that another process (or another thread of ours) wrote to the store: one thread that looks once a second.

Change tokens only compare within one thread, so this thread takes them all. It knows nothing of what was written.
"""

import threading
from typing import TYPE_CHECKING

from textual.message import Message

from store.connection import Store

if TYPE_CHECKING:
    from tui.app import OverscopeApp

SECONDS_BETWEEN_LOOKS = 0.75


class StoreChanged(Message):
    """Somebody committed a write since the last look."""

    def can_replace(self, message: Message) -> bool:
        """A burst of writes is one message."""
        return isinstance(message, StoreChanged)


class StoreTrouble(Message):
    """The store cannot be looked at."""

    def __init__(self, error: Exception) -> None:
        self.error = error
        super().__init__()


class Watcher:
    """Looks at the store's change token until stopped; the store's file gone is told once, not every second."""

    def __init__(self, app: "OverscopeApp", store: Store) -> None:
        self._app = app
        self._store = store
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._look, name="watch the store", daemon=True)

    def start(self) -> None:
        """Begin to look."""
        self._thread.start()

    def stop(self) -> None:
        """Stop looking; returns at once."""
        self._stop.set()

    def _look(self) -> None:
        last: tuple[int, int] | None = None
        trouble = ""
        while not self._stop.wait(0 if last is None and not trouble else SECONDS_BETWEEN_LOOKS):
            try:
                self._store.check_file()
                token = self._store.change_token()
            # The dashboard's edge: a look that fails (a busy or damaged file) is told, and looked at again.
            except Exception as error:
                if not self._stop.is_set() and str(error) != trouble:
                    trouble = str(error)
                    self._app.post_message(StoreTrouble(error))
                continue
            if (last is not None and token != last) or trouble:
                self._app.post_message(StoreChanged())
            last, trouble = token, ""
