"""The one family of errors the store raises on purpose; the command line prints them, the dashboard shows them."""


class StoreError(Exception):
    """Something a person can act on. `str(error)` is one line: what is wrong, and what to do about it."""


class UnusableFileError(StoreError):
    """A file (a store, a log, a rulebook) cannot be used as a whole."""


class NoSuchStoreError(UnusableFileError):
    """There is no store at the path that was given; nothing was created."""


class RefusedError(StoreError):
    """An action was refused: its grounds do not hold, or it makes no sense in the case's present state."""


class ConflictError(RefusedError):
    """The case has moved on since the caller last read it. The message says who moved it, when, and how."""


class UsageError(StoreError):
    """The call itself is wrong: an unknown partner, a date that cannot be read."""
