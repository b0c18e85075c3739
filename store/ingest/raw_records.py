"""One record of a source file as it stands there: found by its number, counted exactly as the import counted.

It validates nothing, and knows nothing of whether the file is still the one that was imported: see `store.raw_record`.
"""

from collections.abc import Callable
from typing import NamedTuple

from store.errors import UnusableFileError
from store.ingest import strict
from store.ingest.formats import VENDORS
from store.ingest.reader import is_compressed
from store.ingest.records import Canonical, Quarantined, Source

# So many records are passed between two looks at whether anybody still wants the one that is sought.
_LOOK_EVERY = 2_000


class RawRecord(NamedTuple):
    """A record's text, and the file's header where it has one of its own; both as the file has them."""

    text: str
    header: str | None = None


def raw_record(
    source: Source,
    format: str,  # noqa: A002 - the command line's own word
    record_no: int,
    mark: tuple[int, int] | None,
    look: Callable[[int], None],
) -> RawRecord | None:
    """The record of this number (from 1), or None where the file has no such record.

    Args:
        format: `canonical`, or a vendor's.
        mark: a record at or before the one that is sought, and its offset in the plain file; None: read from the start.
        look: called now and then with the bytes or records passed; may raise to end the search.

    Raises:
        UnusableFileError: the file cannot be read.
    """
    if format in VENDORS:
        return _of_vendor(source, format, record_no, look)
    if source.suffix == strict.PARQUET_SUFFIX:
        return _of_parquet(source, record_no)
    if is_compressed(source.path):
        mark = None
    with source.open() as stream:
        lines = strict.Lines(stream)
        header = None
        if source.suffix == strict.CSV_SUFFIX:
            header = strict.as_shown(strict.header_bytes(source, lines))
        before = 0
        if mark is not None:
            before = mark[0] - 1
            stream.seek(mark[1])
            lines = strict.Lines(stream)
        elif header is None:
            lines.put_back([strict.first_line(source, lines)])
        records = strict.csv_records(lines) if header is not None else strict.json_records(lines)
        for number, data in enumerate(records, start=before + 1):
            if number % _LOOK_EVERY == 0:
                look(number)
            if number == record_no:
                return RawRecord(strict.as_shown(data), header)
    return None


def _of_vendor(source: Source, format: str, record_no: int, look: Callable[[int], None]) -> RawRecord | None:  # noqa: A002
    """Only the vendor's own reader can tell where a record begins."""
    for number, outcome in enumerate(VENDORS[format].adapt(source)):
        if number % _LOOK_EVERY == 0:
            look(outcome.record_no)
        if outcome.record_no == record_no and isinstance(outcome, Canonical | Quarantined):
            return RawRecord(outcome.record)
    return None


def _of_parquet(source: Source, record_no: int) -> RawRecord | None:
    """A row of a Parquet file, a column a line."""
    import duckdb

    connection = duckdb.connect(":memory:")
    try:
        connection.execute("SET TimeZone = 'UTC'")
        found = connection.execute(
            "SELECT CAST(COLUMNS(* EXCLUDE (file_row_number)) AS VARCHAR)"
            " FROM read_parquet($path, file_row_number=true, binary_as_string=false) WHERE file_row_number = $row",
            {"path": str(source.path), "row": record_no - 1},
        )
        names = [str(column[0]) for column in found.description or ()]
        row = found.fetchone()
    except (duckdb.Error, RuntimeError) as error:
        raise UnusableFileError(f"{source.path} cannot be read as Parquet: {str(error).splitlines()[0]}") from error
    finally:
        connection.close()
    if row is None:
        return None
    told = (f"{name}: {'' if value is None else value}" for name, value in zip(names, row, strict=True))
    return RawRecord("\n".join(told))
