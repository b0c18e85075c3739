"""How whoever asked a long question takes it back: the question looks now and then, and ends."""

import threading

from store.errors import StoreError


class StoppedError(StoreError):
    """A question was taken back before its answer was there."""


class Stop:
    """One question's means of being stopped, from another thread."""

    def __init__(self) -> None:
        self._asked = threading.Event()

    def ask(self) -> None:
        """End the question at its next look."""
        self._asked.set()

    def check(self) -> None:
        """Go on, or end.

        Raises:
            StoppedError: it was asked to end.
        """
        if self._asked.is_set():
            raise StoppedError("the question was taken back")


class NoStop(Stop):
    """For a question that nobody takes back."""

    def check(self) -> None:
        """Go on."""


NEVER = NoStop()
