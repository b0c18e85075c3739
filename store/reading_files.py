"""Reading a JSON file of ours that somebody hands back: one clear line where it is none."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from store.errors import UnusableFileError

Read = TypeVar("Read")


def read_json_file(
    path: Path | str, read: Callable[[Any], Read], *, largest: int, what: str, missing: str = "file"
) -> Read:
    """What a file's JSON says.

    Args:
        read: makes it of the JSON value; raises ValueError, KeyError or TypeError where that is none of ours.
        largest: bytes that it may have.
        what: what it ought to be, for messages: `checkpoint`. `missing`: what is missing where there is no file.

    Raises:
        UnusableFileError: it cannot be read, or is none of ours.
    """
    path = Path(path)
    try:
        if not path.is_file():
            raise UnusableFileError(f"no such {missing}: {path}")
        with path.open("rb") as stream:
            content = stream.read(largest + 1)
    except (OSError, ValueError) as error:
        raise UnusableFileError(f"cannot read {path}: {getattr(error, 'strerror', None) or error}") from error
    try:
        if len(content) > largest:
            raise ValueError("it is too large")
        return read(json.loads(content))
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        reason = f"it has no {error}" if isinstance(error, KeyError) else " ".join(str(error).split())
        raise UnusableFileError(f"{path} is no {what} of ours: {reason}") from error
