"""The folder beside the store in which an import works; it also keeps two imports from running at once."""

import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from store.errors import UnusableFileError


@contextmanager
def stage_folder(store_path: Path) -> Iterator[Path]:
    """A fresh folder that only its owner can read, removed afterwards.

    What a killed import left there is cleared away by the next one.

    Raises:
        UnusableFileError: another import into this store runs now, or the folder cannot be made.
    """
    folder = store_path.absolute().with_name(f".{store_path.name}.import")
    lock = store_path.absolute().with_name(f".{store_path.name}.import.lock")
    try:
        descriptor = os.open(lock, os.O_CREAT | os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise UnusableFileError(f"cannot work beside {store_path}: {error.strerror}") from error
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise UnusableFileError(f"another import into {store_path} is running; wait for it to end") from error
        shutil.rmtree(folder, ignore_errors=True)
        try:
            folder.mkdir(mode=0o700)
        except OSError as error:
            raise UnusableFileError(f"cannot work beside {store_path}: {error.strerror}") from error
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)
            lock.unlink(missing_ok=True)
    finally:
        os.close(descriptor)
