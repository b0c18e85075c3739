"""Where a person left an incident last: a small file of their own, beside no store, that tells nothing of partners.

It is a convenience: unreadable, damaged or lost, it is left out, and what they did last themselves counts.
"""

import hashlib
import json
import os
import sqlite3
from pathlib import Path
from typing import NamedTuple

from store.connection import Store
from store.errors import UnusableFileError
from store.instants import format_instant, parse_instant
from store.ledger import canonical, last_seq
from store.trouble import in_words
from store.writing_files import write_file

STATE_VARIABLE = "OVERSCOPE_STATE"
_MOST_BYTES = 4_096

_INCIDENT = "SELECT uuid FROM incident"


class Session(NamedTuple):
    """How far a person had seen the log when their last dashboard ended.

    Attributes:
        seq: the log's last entry then; 0 where it had none.
        at: that day's *today*, as they judged work: now, or what `--today` said; microseconds UTC.
    """

    seq: int
    at: int


class Remembered(NamedTuple):
    """The last session, None where none is known; and, where a file was there and of no use, why."""

    session: Session | None
    remark: str = ""


def state_folder() -> Path:
    """Where these files are: the folder that `OVERSCOPE_STATE` names, else the user's own for such state."""
    named = os.environ.get(STATE_VARIABLE)
    if named:
        return Path(named)
    from platformdirs import user_state_path

    return user_state_path("overscope")


def last_session(folder: Path, store: Store, actor: str) -> Remembered:
    """Where this person left this incident last; whatever is wrong with the file, it is left out and said."""
    path = _path(folder, store, actor)
    try:
        with path.open("rb") as file:
            document = json.loads(file.read(_MOST_BYTES))
        session = Session(document["seq"], parse_instant(document["at"]))
        if type(session.seq) is not int or session.seq < 0:
            raise ValueError(f"no place in a log: {session.seq!r}")
    except FileNotFoundError:
        return Remembered(None)
    except (OSError, ValueError, TypeError, LookupError, AttributeError, RecursionError) as error:
        return Remembered(None, f"{path} does not say where you left: {error}; it is left out")
    head = _head(store)
    if session.seq > head:
        return Remembered(None, f"you left at entry #{session.seq:,}, and this log ends with #{head:,}: an older copy?")
    return Remembered(session)


def remember(folder: Path, store: Store, actor: str, *, today: int) -> Session:
    """Note that this person has seen the log to its end: mode 0600, all at once, in a folder of their own.

    Args:
        today: the instant at which they judge work, microseconds UTC.

    Raises:
        UnusableFileError: it cannot be written, or the store cannot be read any more.
    """
    try:
        session = Session(_head(store), today)
        path = _path(folder, store, actor)
    except sqlite3.Error as error:
        raise UnusableFileError(f"cannot read {store.path}: {in_words(error) or error}") from error
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise UnusableFileError(f"cannot make {folder}: {error.strerror or error}") from error
    document = {"seq": session.seq, "at": format_instant(session.at)}
    write_file(path, f"{json.dumps(document)}\n".encode("ascii"), force=True)
    return session


def _path(folder: Path, store: Store, actor: str) -> Path:
    """One file for an incident and a person; its name tells neither."""
    with store.reading() as connection:
        (uuid,) = connection.execute(_INCIDENT).fetchone()
    named = hashlib.sha256(canonical([uuid, actor]).encode("ascii")).hexdigest()
    return folder / f"session-{named[:32]}.json"


def _head(store: Store) -> int:
    with store.reading() as connection:
        return last_seq(connection)
