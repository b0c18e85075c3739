"""The formats that can be read, and which of them a file is: by its name or by its content, never by a guess."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from store.errors import UnusableFileError, UsageError
from store.ingest import m365_ual, strict
from store.ingest.canonical import ACCESS_EVENTS, KINDS, kind_of_path
from store.ingest.fast import stage_vouched
from store.ingest.reader import plain_suffix
from store.ingest.records import Adapter, Options, Outcome, Source
from store.ingest.small_stage import MOST_BYTES
from store.ingest.staging import EventStage

CANONICAL = "canonical"
AUTO = "auto"


class Vendor(NamedTuple):
    """A vendor's log format.

    Attributes:
        adapt: its reader.
        looks_like: whether a file is surely of this format.
        suffixes: of the files that are looked into.
    """

    adapt: Adapter
    looks_like: Callable[[Source], bool]
    suffixes: tuple[str, ...]


VENDORS = {
    "m365-ual": Vendor(m365_ual.adapt, m365_ual.looks_like, (".csv", ".json", ".jsonl", ".ndjson")),
}
FORMATS = (AUTO, CANONICAL, *VENDORS)


class Chosen(NamedTuple):
    """How one file will be read: `kind` is None for a vendor's format."""

    path: Path
    format: str
    kind: str | None


def choose(path: Path, *, asked: str, kind: str | None, options: Options) -> Chosen | None:
    """The format and kind of a file; None if it is none of ours.

    Raises:
        UsageError: no such format or kind, or a kind given for a vendor's format.
        UnusableFileError: the file cannot be read.
    """
    if asked not in FORMATS:
        raise UsageError(f"no format {asked}; one of {', '.join(FORMATS)}")
    if kind is not None and kind not in KINDS:
        raise UsageError(f"no kind {kind}; one of {', '.join(KINDS)}")
    if asked in VENDORS:
        if kind is not None:
            raise UsageError(f"--kind is for the canonical format; {asked} tells the kind of each record itself")
        return Chosen(path, asked, None)
    suffix = plain_suffix(path)
    named = kind or kind_of_path(path)
    if named is not None and suffix in strict.SUFFIXES:
        return Chosen(path, CANONICAL, named)
    if asked == CANONICAL or kind is not None:
        return None
    for name, vendor in VENDORS.items():
        if suffix in vendor.suffixes and vendor.looks_like(Source(path, options=options)):
            return Chosen(path, name, None)
    return None


def refuse(path: Path, *, kind: str | None) -> UnusableFileError:
    """The one line for a file that was named and is none of ours."""
    if plain_suffix(path) not in strict.SUFFIXES and (kind or kind_of_path(path)):
        return UnusableFileError(
            f"{path}: the name says neither CSV, JSON Lines nor Parquet; rename it to end in .csv, .jsonl or .parquet"
            " (.gz or .zst may follow the first two)"
        )
    return UnusableFileError(
        f"{path} is of no kind that can be imported: name it after one ({', '.join(KINDS)}), or give --kind or --format"
    )


def read(chosen: Chosen, options: Options, notes: strict.Notes) -> Iterator[Outcome]:
    """The records of a file, in its order.

    Raises:
        UnusableFileError: the file as a whole is none we can read.
    """
    source = Source(chosen.path, chosen.kind, options)
    if chosen.kind is None:
        return VENDORS[chosen.format].adapt(source)
    if source.suffix == strict.CSV_SUFFIX:
        return strict.read_csv(source, chosen.kind, notes)
    if source.suffix == strict.PARQUET_SUFFIX:
        from store.ingest.parquet import read_parquet

        return read_parquet(source, chosen.kind, notes)
    return strict.read_json_lines(source, chosen.kind, notes)


def read_fast(
    chosen: Chosen, options: Options, notes: strict.Notes, large_stage: Callable[[], EventStage], folder: Path
) -> tuple[int, Iterator[Outcome]] | None:
    """Stage a file's access events the fast way, where there is one and it pays; see `store.ingest.fast`."""
    source = Source(chosen.path, chosen.kind, options)
    if chosen.kind != ACCESS_EVENTS or source.suffix != strict.CSV_SUFFIX:
        return None
    if chosen.path.stat().st_size <= MOST_BYTES:
        return None
    return stage_vouched(source, large_stage(), folder, notes)


def options_as_loaded(chosen: Chosen, options: Options) -> Options:
    """How the loader reads the values: a vendor's adapter gives instants as ISO 8601 or microseconds, always."""
    return replace(options, epoch="us", zone=None) if chosen.kind is None else options
