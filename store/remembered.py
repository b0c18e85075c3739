"""What a question made of one world, kept as long as that world is: made once, for everybody who asks."""

import threading
from collections.abc import Callable, Hashable
from typing import TYPE_CHECKING, Generic, TypeVar
from weakref import WeakKeyDictionary

if TYPE_CHECKING:
    from store.world import World

Made = TypeVar("Made")


class _Answers(Generic[Made]):
    """The answers about one world, the one asked for longest ago first."""

    def __init__(self) -> None:
        self.making = threading.RLock()
        self.by_key: dict[Hashable, Made] = {}


class Remembered(Generic[Made]):
    """One kind of answer, by world and key.

    Args:
        most: how many answers of one world are kept; the one asked for longest ago goes first.
        keeps: whether an answer is kept at all; every one is, where it is not given.
    """

    def __init__(self, most: int = 1, keeps: Callable[[Made], bool] = lambda _: True) -> None:
        self._most = most
        self._keeps = keeps
        self._lock = threading.Lock()
        self._worlds: WeakKeyDictionary[World, _Answers[Made]] = WeakKeyDictionary()

    def holds(self, world: "World", key: Hashable) -> bool:
        """Whether the answer of this key is kept."""
        with self._lock:
            answers = self._worlds.get(world)
        return answers is not None and key in answers.by_key

    def get(self, world: "World", key: Hashable, make: Callable[[], Made]) -> Made:
        """The answer of this key, made now if it is not kept; whoever asks meanwhile waits for it."""
        with self._lock:
            answers = self._worlds.setdefault(world, _Answers())
        with answers.making:
            kept = answers.by_key
            answer = kept.pop(key) if key in kept else make()
            if self._keeps(answer):
                kept[key] = answer
            while len(kept) > self._most:
                del kept[next(iter(kept))]
            return answer
