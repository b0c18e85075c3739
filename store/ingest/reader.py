"""Bytes in: a file opened, decompressed within bounds, and hashed. Knows nothing of formats or kinds."""

import gzip
import hashlib
import io
import zlib
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, cast

from store.errors import UnusableFileError

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

COMPRESSIONS = (".gz", ".zst")
MAX_BYTES = 256 * 1024**3
MAX_RATIO = 250
# The ratio is judged only beyond this: a small file of one repeated line is no bomb.
_RATIO_FREE_BYTES = 64 * 1024**2
_CHUNK = 1 << 20
# One block of a frame can be four bytes long and unpack to 128 kB: feed little at a time.
_ZSTD_CHUNK = 4096


def plain_suffix(path: Path) -> str:
    """The format's suffix in lower case, the compression's taken off: `.csv` of `x.CSV.gz`."""
    name = path.name.lower()
    for compression in COMPRESSIONS:
        name = name.removesuffix(compression)
    return Path(name).suffix


def is_compressed(path: Path) -> bool:
    """Whether `open_bounded` decompresses the file."""
    return path.name.lower().endswith(COMPRESSIONS)


class _ZstdFrames:
    """The frames of a `.zst`, one after the other; unlike the library's own reader it notices a missing end."""

    def __init__(self, archive: BinaryIO) -> None:
        from zstandard import ZstdDecompressor

        self._archive = archive
        self._decompressor = ZstdDecompressor(max_window_size=1 << 27)
        self._frame = self._decompressor.decompressobj()
        self._began = False
        self._data = memoryview(b"")

    def read(self, size: int) -> bytes:
        """At most `size` bytes, none at the end.

        Raises:
            EOFError: the last frame is not whole.
        """
        while not self._data:
            if self._frame.eof:
                packed, self._frame = self._frame.unused_data, self._decompressor.decompressobj()
                self._began = False
            else:
                packed = b""
            packed = packed or self._archive.read(_ZSTD_CHUNK)
            if not packed:
                if self._began:
                    raise EOFError("the last frame is not whole")
                return b""
            self._began = True
            self._data = memoryview(self._frame.decompress(packed))
        data, self._data = self._data[:size], self._data[size:]
        return bytes(data)


class _Bounded(io.RawIOBase):
    """A decompressed stream that stops a bomb and says what is wrong with a damaged archive."""

    def __init__(self, path: Path, archive: BinaryIO, stream: "gzip.GzipFile | _ZstdFrames") -> None:
        self._path = path
        self._archive = archive
        self._stream = stream
        self._packed = path.stat().st_size
        self._given = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: "WriteableBuffer") -> int:
        from zstandard import ZstdError

        view = memoryview(buffer).cast("B")
        try:
            data = self._stream.read(len(view))
        except (EOFError, zlib.error, gzip.BadGzipFile, ZstdError) as error:
            raise UnusableFileError(
                f"{self._path} is damaged or cut short ({error}); copy it again from its origin, then import it"
            ) from error
        self._given += len(data)
        bound = max(_RATIO_FREE_BYTES, self._packed * MAX_RATIO)
        if self._given > min(MAX_BYTES, bound):
            raise UnusableFileError(
                f"{self._path} unpacks to more than {MAX_RATIO} times its size; "
                "if that is no accident, unpack it yourself and import the result"
            )
        view[: len(data)] = data
        return len(data)

    def close(self) -> None:
        if not self.closed:
            self._archive.close()
        super().close()


def open_bounded(path: Path) -> BinaryIO:
    """Open a file for reading bytes; `.gz` and `.zst` are decompressed, within bounds of size and ratio.

    Raises:
        UnusableFileError: the file cannot be opened.
    """
    try:
        archive = path.open("rb")
    except OSError as error:
        raise UnusableFileError(f"cannot read {path}: {error.strerror}") from error
    name = path.name.lower()
    inner: gzip.GzipFile | _ZstdFrames
    if name.endswith(".gz"):
        inner = gzip.GzipFile(fileobj=archive)
    elif name.endswith(".zst"):
        inner = _ZstdFrames(archive)
    else:
        return archive
    return cast(BinaryIO, io.BufferedReader(_Bounded(path, archive, inner), _CHUNK))


def sha256_of(path: Path) -> str:
    """SHA-256 of the file's own bytes, as it lies on the disk.

    Raises:
        UnusableFileError: the file cannot be read.
    """
    try:
        with path.open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()
    except OSError as error:
        raise UnusableFileError(f"cannot read {path}: {error.strerror}") from error
