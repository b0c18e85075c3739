"""What a reader of any format hands to the loader: one verdict on each record of the source, in the source's order.

An *adapter* is a function `(Source) -> Iterator[Outcome]`. It numbers the source's records from 1 (a header is no
record) and yields, for each of them, either one or more `Canonical` rows, or one `Quarantined`, or one `Skipped`;
never a mixture, and all rows of one record one after the other. It validates nothing that `store.ingest.canonical`
validates: it only finds the values. A record that cannot be read at all is `Quarantined` by the adapter; a
well-formed record that is none of our kinds is `Skipped`. A file that is unusable as a whole raises
`UnusableFileError`. Nothing is guessed.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO, Literal, NamedTuple, TypeAlias
from zoneinfo import ZoneInfo

Epoch: TypeAlias = Literal["s", "ms", "us"]
Value: TypeAlias = "str | int | bool | list[str] | None"


class Canonical(NamedTuple):
    """One row of one kind, its values not yet validated.

    Attributes:
        record_no: the source's record it was made from, from 1.
        kind: a kind of the canonical format (`access_events`, `grants`, ...).
        fields: column name -> value; a column that is absent, None or blank is NULL. A vendor's adapter gives
            instants as ISO 8601 text with an offset or `Z`, or as int microseconds UTC; data classes as a list.
        record: the source's record as text, shown if a value turns out to be unusable; empty to show the fields.
    """

    record_no: int
    kind: str
    fields: Mapping[str, Value]
    record: str = ""


class Quarantined(NamedTuple):
    """One record that could not be read; it counts nowhere and is kept with the reason.

    Attributes:
        record_no: from 1.
        kind: the kind it would have been, where that is known.
        reason: one line, in words a person can act on.
        record: the record as text; bytes that are no UTF-8 written with backslashes.
    """

    record_no: int
    kind: str | None
    reason: str
    record: str


class Skipped(NamedTuple):
    """One well-formed record that is none of our kinds, such as a sign-in in an audit log."""

    record_no: int
    reason: str


Outcome: TypeAlias = Canonical | Quarantined | Skipped


@dataclass(frozen=True, slots=True)
class Options:
    """How the person who imports says the file is to be read.

    Attributes:
        zone: the zone of times without an offset; None refuses them.
        epoch: the unit of integer instants.
        mapping: the source's column name -> ours.
    """

    zone: ZoneInfo | None = None
    epoch: Epoch = "us"
    mapping: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Source:
    """One file to import.

    Attributes:
        path: the file as it was named; `.gz` and `.zst` are decompressed by `open`.
        kind: the canonical kind, from `--kind` or the file's stem; None where neither says.
        options: how to read it.
    """

    path: Path
    kind: str | None = None
    options: Options = field(default_factory=Options)

    @property
    def suffix(self) -> str:
        """The format's suffix in lower case, the compression's taken off: `.csv` of `x.CSV.gz`."""
        from store.ingest.reader import plain_suffix

        return plain_suffix(self.path)

    def open(self) -> BinaryIO:
        """The file's bytes from the beginning, decompressed, buffered, bounded in size and ratio.

        Reading raises `UnusableFileError` for a damaged or truncated archive and for a decompression bomb. Close it.
        """
        from store.ingest.reader import open_bounded

        return open_bounded(self.path)

    def head(self, size: int = 65_536) -> bytes:
        """At most the first `size` decompressed bytes, a byte order mark included."""
        with self.open() as stream:
            return stream.read(size)


Adapter: TypeAlias = Callable[[Source], Iterator[Outcome]]
