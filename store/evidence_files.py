"""Files that show a step was taken: each is copied, once per content, into the folder beside the store.

A copy bears its SHA-256 as its name. It is in place before the transaction that cites it commits; a kill leaves at
worst a copy that nobody cites, which the next attachment of that content takes over. It knows nothing of steps.
"""

import errno
import fcntl
import hashlib
import os
import re
import stat
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import NamedTuple, TypeAlias

from store.case_changes import Deed
from store.connection import Store
from store.errors import StoreError, UnusableFileError, UsageError
from store.opening import evidence_folder

# Bytes done, bytes in all.
Progress: TypeAlias = Callable[[int, int], None]

COPY_NAME = re.compile(r"[0-9a-f]{64}")
LEFTOVER_NAME = re.compile(r"\.[0-9a-f]{32}\.new")
_BLOCK = 1 << 20
_SIDE_FILES = ("", "-wal", "-shm", "-journal")
_PRIVATE_FOLDER, _PRIVATE_FILE = 0o700, 0o600
_TO_READ = os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
_TO_WRITE = os.O_CREAT | os.O_EXCL | os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC
_ATTEMPTS = 5


class EvidenceFile(NamedTuple):
    """A file as it was when the step was recorded."""

    file_name: str
    sha256: str
    size: int


class Copied(NamedTuple):
    """What a copy turned out to be."""

    sha256: str
    size: int


_KEEP = """
INSERT INTO evidence(file_name, sha256, size, collected_at, collected_by)
VALUES (:file_name, :sha256, :size, :at, :actor)
ON CONFLICT(sha256) DO NOTHING
"""
_FIND = "SELECT evidence_id FROM evidence WHERE sha256 = ?"


def copy_hashed(source: int, target: int | None, total: int, progress: Progress | None) -> Copied:
    """Copy what is left of one descriptor to another, in blocks, and hash it on the way; only hash without a target.

    Args:
        total: bytes expected; a file that somebody writes to without end is given up once there are more.
    """
    digest, size = hashlib.sha256(), 0
    while size <= total and (block := os.read(source, _BLOCK)):
        digest.update(block)
        size += len(block)
        left = memoryview(block)
        while target is not None and left:
            left = left[os.write(target, left) :]
        if progress is not None:
            progress(size, total)
    return Copied(digest.hexdigest(), size)


class Attachment:
    """A file that was read, and waits beside its final place for the transaction that cites it.

    Attributes:
        file: its name, hash and size, as the log tells them.
    """

    def __init__(self, file: EvidenceFile, folder: int, waiting: str | None) -> None:
        self.file = file
        self._folder = folder
        self._waiting = waiting
        self._seen = None if waiting is not None else _identity(_look(folder, file.sha256))
        self.placed = False

    def keep(self, deed: Deed) -> int:
        """The evidence's row, and the copy in its place; content known under another name keeps its first one.

        Raises:
            UnusableFileError: the copy cannot be put in its place, or a wrong one stands there.
        """
        deed.connection.execute(_KEEP, {**self.file._asdict(), "at": deed.at, "actor": deed.actor})
        (evidence_id,) = deed.connection.execute(_FIND, (self.file.sha256,)).fetchone()
        if self._waiting is None:
            if _identity(_look(self._folder, self.file.sha256)) != self._seen:
                raise UnusableFileError(f"the copy of {self.file.file_name} has just changed; attach it again")
        else:
            self.place()
        return int(evidence_id)

    def place(self) -> bool:
        """Put the copy in its place, if none is there; whether this one was put there now.

        Raises:
            UnusableFileError: a wrong one stands there.
        """
        if self._waiting is None:
            return False
        if _look(self._folder, self.file.sha256) is not None:
            # Somebody attached the same content since ours was copied.
            _check_copy(self._folder, self.file, None)
            return False
        self.placed = True
        os.rename(self._waiting, self.file.sha256, src_dir_fd=self._folder, dst_dir_fd=self._folder)
        os.fsync(self._folder)
        return True


@contextmanager
def attaching(store: Store, path: str | Path | None, progress: Progress | None = None) -> Iterator[Attachment | None]:
    """Copy a file beside the store, for a transaction inside this block that keeps it; else nothing stays behind.

    Args:
        store: where the transaction will be.
        path: the file; None: there is none, and nothing happens.
        progress: called while the file is read; what it raises ends the copying.

    Raises:
        UsageError: it is no readable file, it changed while it was read, or it is part of the store itself.
        UnusableFileError: it cannot be copied, or a damaged copy of the same content is there.
    """
    if path is None:
        yield None
        return
    store.check_writable()
    path = Path(path)
    try:
        found = path.stat()
    except (OSError, ValueError) as error:
        raise _unreadable(path, error) from error
    _refuse_foreign_kinds(path, found, store.path)
    place = evidence_folder(store.path)
    try:
        folder, made = open_folder(place)
        try:
            with _attached(store, path, folder, progress) as attachment:
                yield attachment
        finally:
            os.close(folder)
            if made:
                # It stays where there is a file in it.
                with suppress(OSError):
                    place.rmdir()
    except OSError as error:
        raise UnusableFileError(
            f"cannot keep {_named(path)} in {place}: {error.strerror}; nothing was recorded"
        ) from error


@contextmanager
def attaching_each(
    store: Store, paths: Mapping[int, str | Path], progress: Progress | None = None
) -> Iterator[dict[int, Attachment]]:
    """The same for many files, one for each of some numbers: their copies are put in their places at once.

    So they need no descriptors while they wait. A kill leaves copies that nobody cites, as with a single file.

    Args:
        progress: called after each file, with the files done and the files in all.
    """
    attachments: dict[int, Attachment] = {}
    placed: list[str] = []
    succeeded = False
    with ExitStack() as stack:
        folder = -1
        try:
            for place, (number, path) in enumerate(paths.items(), 1):
                with attaching(store, path) as attachment:
                    if attachment is None:
                        raise ValueError(path)
                    if folder < 0:
                        folder, _ = open_folder(evidence_folder(store.path))
                        stack.callback(os.close, folder)
                    if attachment.place():
                        placed.append(attachment.file.sha256)
                attachments[number] = Attachment(attachment.file, folder, None)
                if progress is not None:
                    progress(place, len(paths))
            yield attachments
            succeeded = True
        finally:
            if placed and not succeeded:
                _take_away(store, folder, placed)
                with suppress(OSError):
                    evidence_folder(store.path).rmdir()


@contextmanager
def _attached(store: Store, path: Path, folder: int, progress: Progress | None) -> Iterator[Attachment]:
    _clear_leftovers(folder)
    waiting, copy = _new_copy(folder)
    attachment, succeeded = None, False
    try:
        file = _read(path, store.path, folder, copy, progress)
        os.fsync(copy)
        if _look(folder, file.sha256) is not None:
            _check_copy(folder, file, progress)
            os.unlink(waiting, dir_fd=folder)
            attachment = Attachment(file, folder, None)
        else:
            attachment = Attachment(file, folder, waiting)
        yield attachment
        succeeded = True
    finally:
        if attachment is not None and attachment.placed and not succeeded:
            _take_away(store, folder, [attachment.file.sha256])
        with suppress(FileNotFoundError):
            os.unlink(waiting, dir_fd=folder)
        os.close(copy)


def _take_away(store: Store, folder: int, hashes: Sequence[str]) -> None:
    """Remove copies that were put in their places for a transaction that failed, unless somebody cites them.

    Who cites a copy does so under the write lock, and so does this. Where it cannot be had the copy stays: it is named
    by `verify`, and the next attachment of that content takes it over.
    """
    with suppress(StoreError), store.writing() as connection:
        for sha256 in hashes:
            if connection.execute(_FIND, (sha256,)).fetchone() is None:
                with suppress(FileNotFoundError):
                    os.unlink(sha256, dir_fd=folder)


def _read(path: Path, store_path: Path, folder: int, copy: int, progress: Progress | None) -> EvidenceFile:
    """Copy the file and hash it on the way.

    Raises:
        UsageError: it cannot be read, or changed meanwhile.
        OSError: the copy cannot be written.
    """
    try:
        source = os.open(path, _TO_READ)
    except OSError as error:
        raise _unreadable(path, error) from error
    try:
        before = os.fstat(source)
        _refuse_foreign_kinds(path, before, store_path)
        if os.path.samestat(Path(os.path.realpath(path)).parent.stat(), os.fstat(folder)):
            raise UsageError(f"{_named(path)} is kept beside the store already; give the file it was copied from")
        copied = copy_hashed(source, copy, before.st_size, progress)
        if _identity(os.fstat(source)) != _identity(before) or copied.size != before.st_size:
            raise UsageError(f"{_named(path)} changed while it was read; attach it once nothing writes to it")
    finally:
        os.close(source)
    return EvidenceFile(_named(Path(path.name)), copied.sha256, copied.size)


def _refuse_foreign_kinds(path: Path, found: os.stat_result, store_path: Path) -> None:
    if not stat.S_ISREG(found.st_mode):
        raise UsageError(f"{_named(path)} is not a file; give the path of the evidence file")
    # Even opening and closing the store here would drop SQLite's locks on it.
    own = [Path(f"{os.path.realpath(store_path)}{suffix}") for suffix in _SIDE_FILES]
    if any(file.exists() and os.path.samestat(found, file.stat()) for file in own):
        raise UsageError(f"{_named(path)} is the store itself; give the path of the evidence file")


def open_folder(place: Path) -> tuple[int, bool]:
    """The descriptor of a folder of evidence, private from its making, and whether it was made now.

    Raises:
        UnusableFileError: something else stands there, such as a symbolic link.
    """
    made = False
    with suppress(FileExistsError):
        place.mkdir(mode=_PRIVATE_FOLDER)
        made = True
    try:
        folder = os.open(place, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError as error:
        if error.errno not in (errno.ENOTDIR, errno.ELOOP):
            raise
        raise UnusableFileError(f"{place} is not a folder, and evidence is kept there; move it away") from error
    if made:
        parent = os.open(place.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(parent)
        finally:
            os.close(parent)
    return folder, made


def _new_copy(folder: int) -> tuple[str, int]:
    """A new file for a copy, under a passing name, locked for as long as somebody works on it."""
    for _ in range(_ATTEMPTS):
        name = f".{uuid.uuid4().hex}.new"
        descriptor = os.open(name, _TO_WRITE, _PRIVATE_FILE, dir_fd=folder)
        with suppress(BlockingIOError):
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            # Before it was locked, another process may have taken it for a leftover.
            if os.fstat(descriptor).st_nlink:
                return name, descriptor
        os.close(descriptor)
    raise UnusableFileError("other processes keep clearing the folder of evidence; try again")


def _clear_leftovers(folder: int) -> None:
    """Remove what killed processes have left half-copied: nobody holds its lock."""
    for name in os.listdir(folder):
        if not LEFTOVER_NAME.fullmatch(name):
            continue
        try:
            descriptor = os.open(name, _TO_READ | os.O_NOFOLLOW, dir_fd=folder)
        except FileNotFoundError:
            continue
        try:
            with suppress(BlockingIOError, FileNotFoundError):
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                os.unlink(name, dir_fd=folder)
        finally:
            os.close(descriptor)


def _check_copy(folder: int, file: EvidenceFile, progress: Progress | None) -> None:
    """Refuse a copy that does not hold what its name says.

    Raises:
        UnusableFileError: it is damaged, or no plain file.
    """
    found = hash_of_copy(folder, file.sha256, progress)
    if found != (file.sha256, file.size):
        raise UnusableFileError(
            f"the copy of {file.file_name} that is kept already is damaged ({file.sha256[:12]}...):"
            " put the right one back from a backup, or move it away; nothing was recorded"
        )


def hash_of_copy(folder: int, sha256: str, progress: Progress | None) -> Copied | None:
    """What a copy in the folder (its descriptor) holds now; None where it is no plain file.

    Raises:
        FileNotFoundError: there is none.
        OSError: it cannot be read.
    """
    found = os.stat(sha256, dir_fd=folder, follow_symlinks=False)
    if not stat.S_ISREG(found.st_mode):
        return None
    descriptor = os.open(sha256, _TO_READ | os.O_NOFOLLOW, dir_fd=folder)
    try:
        return copy_hashed(descriptor, None, found.st_size, progress)
    finally:
        os.close(descriptor)


def copy_into(source: int, target: int, sha256: str, size: int, *, force: bool) -> str:
    """Copy a file from one folder of evidence to another (their descriptors); what is wrong with it, or nothing.

    Args:
        force: replace a wrong one that is there.

    Raises:
        UnusableFileError: a wrong one is there, and `force` was not given.
        OSError: it cannot be written.
    """
    if _look(target, sha256) is not None:
        if hash_of_copy(target, sha256, None) == (sha256, size):
            return ""
        if not force:
            raise UnusableFileError(
                f"where the evidence files go, another file bears the name {sha256[:12]}...; give --force to replace it"
            )
    _clear_leftovers(target)
    waiting, copy = _new_copy(target)
    try:
        descriptor = os.open(sha256, _TO_READ | os.O_NOFOLLOW, dir_fd=source)
        try:
            copied = copy_hashed(descriptor, copy, size, None)
        finally:
            os.close(descriptor)
        if copied != (sha256, size):
            return f"its copy has changed: its SHA-256 is {copied.sha256[:12]}..., not {sha256[:12]}..."
        os.fsync(copy)
        os.rename(waiting, sha256, src_dir_fd=target, dst_dir_fd=target)
    except FileNotFoundError:
        return "its copy is missing"
    finally:
        with suppress(FileNotFoundError):
            os.unlink(waiting, dir_fd=target)
        os.close(copy)
    return ""


def _look(folder: int, name: str) -> os.stat_result | None:
    try:
        return os.stat(name, dir_fd=folder, follow_symlinks=False)
    except FileNotFoundError:
        return None


def _identity(found: os.stat_result | None) -> tuple[int, ...] | None:
    """What changes when a file is written to, or another takes its place."""
    if found is None:
        return None
    return (found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns)


def _unreadable(path: Path, error: Exception) -> UsageError:
    reason = getattr(error, "strerror", None) or error
    return UsageError(f"cannot read the evidence {_named(path)}: {reason}; nothing was recorded")


def _named(path: Path) -> str:
    """The path as text, whatever bytes it is made of."""
    return str(path).encode("utf-8", "backslashreplace").decode("utf-8")
