"""When Python looks for garbage: young objects as ever, all of them only while nobody types.

A look at everything that a large incident holds stops all threads for a fifth of a second.
"""

import atexit
import gc

SECONDS_BETWEEN_LOOKS = 10.0
LONG_S = 0.1
_YOUNG, _MIDDLE, _NEVER = 10_000, 20, 1_000_000

# What stays is let go at the end, once no thread runs: libraries complain on stderr about what outlives Python.
atexit.register(gc.unfreeze)


def start() -> None:
    """From here on, nobody looks at everything unasked."""
    gc.set_threshold(_YOUNG, _MIDDLE, _NEVER)


def keep() -> None:
    """What there is now stays: whoever looks at everything later need not look at this."""
    gc.freeze()


def tidy() -> None:
    """Look at everything that was not meant to stay."""
    gc.collect()
