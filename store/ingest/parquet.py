"""The reader of Parquet files of the canonical format: typed values, as its columns take them."""

from collections.abc import Callable, Iterator
from datetime import date
from decimal import Decimal
from typing import cast
from uuid import UUID

from store.errors import UnusableFileError
from store.ingest.canonical import read_header
from store.ingest.records import Canonical, Quarantined, Source, Value
from store.ingest.strict import Notes, Read
from store.instants import format_instant

_CHUNK = 10_000
_WITH_ZONE = "TIMESTAMP WITH TIME ZONE"
_WITHOUT_ZONE = ("TIMESTAMP", "TIMESTAMP_S", "TIMESTAMP_MS", "TIMESTAMP_NS")


def read_parquet(source: Source, kind: str, notes: Notes) -> Iterator[Read]:
    """The records of a Parquet file, numbered from 1.

    Raises:
        UnusableFileError: the file as a whole is none we can read.
    """
    import duckdb

    connection = duckdb.connect(":memory:")
    try:
        connection.execute("SET TimeZone = 'UTC'")
        relation = connection.read_parquet(str(source.path), binary_as_string=False)
        header = read_header(relation.columns, kind=kind, path=source.path, mapping=source.options.mapping)
        notes.ignored_columns = header.ignored
        wanted = [
            (name, title, str(column_type))
            for name, title, column_type in zip(header.names, relation.columns, relation.types, strict=True)
            if name is not None
        ]
        expressions = []
        for _, title, column_type in wanted:
            column = duckdb.ColumnExpression(title)
            is_time = column_type == _WITH_ZONE or column_type in _WITHOUT_ZONE
            expressions.append(duckdb.FunctionExpression("epoch_us", column) if is_time else column)
        converters = [_converter(column_type) for _, _, column_type in wanted]
        relation.select(*expressions).create_view("selected")
        selected = connection.execute("SELECT * FROM selected")
        record_no = 0
        while rows := selected.fetchmany(_CHUNK):
            for row in rows:
                record_no += 1
                yield _record(record_no, kind, [name for name, _, _ in wanted], converters, row)
    except (duckdb.Error, RuntimeError) as error:
        # The second is what DuckDB's Python side raises for a text in a damaged page that is no UTF-8.
        reason = str(error).splitlines()[0]
        raise UnusableFileError(f"{source.path} cannot be read as Parquet: {reason}") from error
    finally:
        connection.close()


def _record(
    record_no: int,
    kind: str,
    names: list[str],
    converters: list[Callable[[object], Value]],
    row: tuple[object, ...],
) -> Read:
    try:
        fields = {
            name: None if value is None else convert(value)
            for name, convert, value in zip(names, converters, row, strict=True)
        }
    except ValueError as error:
        return Quarantined(record_no, kind, str(error), str(dict(zip(names, row, strict=True))))
    return Canonical(record_no, kind, fields)


def _converter(column_type: str) -> Callable[[object], Value]:
    if column_type == _WITH_ZONE:
        return _instant
    if column_type in _WITHOUT_ZONE:
        return lambda value: _instant(value).removesuffix("Z")
    return _plain


def _instant(microseconds: object) -> str:
    """An instant in ISO 8601.

    Raises:
        ValueError: ISO 8601 has no such year.
    """
    try:
        return format_instant(cast(int, microseconds))
    except OverflowError as error:
        raise ValueError("an instant outside the years 1 to 9999") from error


def _plain(value: object) -> Value:
    """A typed value as one of a record's fields; a float that is a whole number is that number.

    Raises:
        ValueError: no field can be such a value.
    """
    if isinstance(value, str | bool | int):
        return value
    if isinstance(value, float | Decimal):
        return int(value) if value == value and value not in _ENDLESS and value % 1 == 0 else str(value)
    if isinstance(value, date | UUID):
        return str(value)
    if isinstance(value, bytes):
        try:
            return value.decode("utf-8")
        except UnicodeDecodeError as error:
            raise ValueError(f"not UTF-8: byte {value[error.start]:#04x} at {error.start}") from error
    if isinstance(value, list) and all(isinstance(each, str) for each in value):
        return value
    raise ValueError(f"a value of a type that no column has: {type(value).__name__}")


_ENDLESS = (float("inf"), float("-inf"))
