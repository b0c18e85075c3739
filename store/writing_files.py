"""Writing a file for somebody: whole or not at all, readable by its owner only, and never over what is there."""

import os
import uuid
from pathlib import Path

from store.errors import UnusableFileError

_PRIVATE = 0o600


def write_file(path: Path | str, content: bytes, *, force: bool = False) -> None:
    """Write a file, mode 0600, all at once: under its name stands the old content or the new, also after a power cut.

    Args:
        path: where; a symbolic link there is refused, never followed.
        force: replace a file that is there.

    Raises:
        UnusableFileError: something is there and `force` was not given, it is no plain file, or it cannot be written.
    """
    path = Path(path)
    refuse_place(path, force=force)
    waiting = path.with_name(f".{path.name[:100]}.{uuid.uuid4().hex[:8]}.new")
    try:
        try:
            _write_new(waiting, content)
            if force:
                waiting.replace(path)
            else:
                # Unlike a rename, a link never replaces what somebody else has put there meanwhile.
                os.link(waiting, path)
        finally:
            waiting.unlink(missing_ok=True)
        _sync_folder(path.parent)
    except FileExistsError as error:
        raise UnusableFileError(f"{path} exists already; give --force to replace it, or choose another name") from error
    except OSError as error:
        raise UnusableFileError(f"cannot write {path}: {error.strerror or error}") from error


def refuse_place(path: Path, *, force: bool) -> None:
    """Refuse a place where something is that must not be replaced.

    Raises:
        UnusableFileError: it says what is there.
    """
    if path.is_symlink():
        raise UnusableFileError(f"{path} is a symbolic link; give the path of a file")
    if path.exists() and not path.is_file():
        raise UnusableFileError(f"{path} is not a file; give the path of a file")
    if path.exists() and not force:
        raise UnusableFileError(f"{path} exists already; give --force to replace it, or choose another name")


def _write_new(path: Path, content: bytes) -> None:
    descriptor = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_NOFOLLOW, _PRIVATE)
    with os.fdopen(descriptor, "wb") as stream:
        stream.write(content)
        stream.flush()
        os.fsync(stream.fileno())


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
