"""Files that show a step was taken: known by name, size and SHA-256. The file itself stays where it is."""

import hashlib
import os
import stat
from pathlib import Path
from typing import NamedTuple

from store.case_changes import Deed
from store.errors import UsageError

_BLOCK = 1 << 20
_SIDE_FILES = ("", "-wal", "-shm", "-journal")


class EvidenceFile(NamedTuple):
    """A file as it was when the step was recorded."""

    file_name: str
    sha256: str
    size: int


_KEEP = """
INSERT INTO evidence(file_name, sha256, size, collected_at, collected_by)
VALUES (:file_name, :sha256, :size, :at, :actor)
ON CONFLICT(sha256) DO NOTHING
"""
_FIND = "SELECT evidence_id FROM evidence WHERE sha256 = ?"


def read_evidence(path: str | Path, store_path: Path) -> EvidenceFile:
    """The name, hash and size of a file, read once in blocks.

    Args:
        path: the file.
        store_path: of the open store, which must not be read this way: closing it would drop SQLite's locks.

    Raises:
        UsageError: it is no readable file, or the store itself.
    """
    path = Path(path)
    try:
        found = path.stat()
        if not stat.S_ISREG(found.st_mode):
            raise UsageError(f"{_named(path)} is not a file; give the path of the evidence file")
        own = [Path(f"{store_path}{suffix}") for suffix in _SIDE_FILES]
        if any(file.exists() and os.path.samestat(found, file.stat()) for file in own):
            raise UsageError(f"{_named(path)} is the store itself; give the path of the evidence file")
        digest, size = hashlib.sha256(), 0
        with path.open("rb") as stream:
            while block := stream.read(_BLOCK):
                digest.update(block)
                size += len(block)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise UsageError(f"cannot read the evidence {_named(path)}: {reason}; nothing was recorded") from error
    return EvidenceFile(_named(Path(path.name)), digest.hexdigest(), size)


def keep_evidence(deed: Deed, file: EvidenceFile) -> int:
    """The evidence's row, made where its content is new; content known under another name keeps its first one."""
    values = {**file._asdict(), "at": deed.at, "actor": deed.actor}
    deed.connection.execute(_KEEP, values)
    (evidence_id,) = deed.connection.execute(_FIND, (file.sha256,)).fetchone()
    return int(evidence_id)


def _named(path: Path) -> str:
    """The path as text, whatever bytes it is made of."""
    return str(path).encode("utf-8", "backslashreplace").decode("utf-8")
