"""The strict readers of the canonical format: CSV and JSON Lines, record by record, nothing swallowed, nothing guessed.

CSV is RFC 4180 in UTF-8, with CRLF or LF. A record that is broken is quarantined alone: after an unclosed quote reading
resumes on the next line.
"""

import json
import re
from collections import deque
from collections.abc import Iterator
from typing import BinaryIO, NamedTuple, TypeAlias

from store.errors import UnusableFileError
from store.ingest.canonical import KINDS, Header, check_mapping, read_header
from store.ingest.records import Canonical, Quarantined, Source, Value

MAX_LINES = 1_000
MAX_RECORD_BYTES = 4 * 1024**2
MAX_SHOWN_BYTES = 65_536
CHECKPOINT_EVERY = 10_000

_BOM = b"\xef\xbb\xbf"
_UTF16 = (b"\xff\xfe", b"\xfe\xff")
_QUOTED = re.compile(r'"([^"]*(?:""[^"]*)*)"')
_BARE = re.compile(r'[^",\r\n]*')
_LINE_SUFFIXES = (".jsonl", ".ndjson")

CSV_SUFFIX = ".csv"
PARQUET_SUFFIX = ".parquet"
SUFFIXES = (CSV_SUFFIX, *_LINE_SUFFIXES, PARQUET_SUFFIX)

Read: TypeAlias = Canonical | Quarantined


class Line(NamedTuple):
    """A physical line, its end included, and where it begins; cut after `MAX_RECORD_BYTES`."""

    data: bytes
    offset: int
    is_cut: bool


class Notes:
    """What a reader learns of a file besides its records.

    Attributes:
        ignored_columns: the file's names of the columns that are none of ours.
        checkpoints: (record number, offset of its first byte), every `CHECKPOINT_EVERY` records.
        offset: how far the reader has come, in bytes of the plain file.
    """

    def __init__(self) -> None:
        self.ignored_columns: tuple[str, ...] = ()
        self.checkpoints: list[tuple[int, int]] = []
        self.offset = 0

    def pass_record(self, record_no: int, offset: int) -> None:
        """Note where a record begins."""
        self.offset = offset
        if record_no % CHECKPOINT_EVERY == 1:
            self.checkpoints.append((record_no, offset))


def as_shown(data: bytes) -> str:
    """A record's bytes as the quarantine keeps them: without the line's end, bytes that are no UTF-8 as backslashes."""
    text = data[:MAX_SHOWN_BYTES].rstrip(b"\r\n").decode("utf-8", "backslashreplace").replace("\0", "\\x00")
    return text if len(data) <= MAX_SHOWN_BYTES else f"{text}... ({len(data):,} bytes)"


class Lines:
    """The lines of a file, which can be put back."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self._offset = 0
        self._waiting: deque[Line] = deque()

    def next(self) -> Line | None:
        """The next line, or None at the end."""
        if self._waiting:
            return self._waiting.popleft()
        data = self._stream.readline(MAX_RECORD_BYTES)
        if not data:
            return None
        line = Line(data, self._offset, is_cut=False)
        self._offset += len(data)
        if len(data) < MAX_RECORD_BYTES or data.endswith(b"\n"):
            return line
        while data and not data.endswith(b"\n"):
            data = self._stream.readline(MAX_RECORD_BYTES)
            self._offset += len(data)
        return line._replace(is_cut=True)

    def put_back(self, lines: list[Line]) -> None:
        """Give lines out again, in order, before the others."""
        self._waiting.extendleft(reversed(lines))


class BrokenError(ValueError):
    """A record is no CSV; its other lines may be records of their own."""


def split_record(text: str) -> list[str]:
    """The fields of one CSV record without its line end.

    Raises:
        ValueError: it breaks RFC 4180.
    """
    if '"' not in text:
        if "\r" in text:
            raise BrokenError("a bare carriage return")
        return text.split(",")
    fields: list[str] = []
    position = 0
    while True:
        if text.startswith('"', position):
            match = _QUOTED.match(text, position)
            if match is None:
                raise BrokenError("a quote that is never closed")
            fields.append(match.group(1).replace('""', '"'))
        else:
            match = _BARE.match(text, position)
            fields.append("" if match is None else match.group())
        position = position if match is None else match.end()
        if position == len(text):
            return fields
        if text[position] != ",":
            raise BrokenError("a quote in the middle of a field")
        position += 1


def _take_record(lines: Lines, first: Line) -> list[Line]:
    """The lines of a record: as many as it takes for the quotes to come in pairs; none where they never do."""
    taken = [first]
    size = len(first.data)
    is_open = first.data.count(b'"') % 2 == 1
    while is_open:
        line = lines.next() if len(taken) < MAX_LINES and size < MAX_RECORD_BYTES else None
        if line is None or line.is_cut:
            lines.put_back([*taken[1:], *([] if line is None else [line])])
            return []
        taken.append(line)
        size += len(line.data)
        is_open ^= line.data.count(b'"') % 2 == 1
    return taken


def _fields_of(data: bytes) -> list[str]:
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise ValueError(f"not UTF-8: byte {data[error.start]:#04x} at {error.start}") from error
    if text.endswith("\n"):
        text = text[:-2] if text.endswith("\r\n") else text[:-1]
    if "\0" in text:
        raise ValueError("holds a NUL character")
    return split_record(text)


def first_line(source: Source, lines: Lines) -> Line:
    """The first line, without a byte order mark.

    Raises:
        UnusableFileError: the file is empty, or not UTF-8.
    """
    first = lines.next()
    if first is None:
        raise UnusableFileError(f"{source.path} is empty: there is not even a header in it")
    if first.data.startswith(_UTF16) or b"\0" in first.data[:512]:
        raise UnusableFileError(f"{source.path} is not UTF-8 (it looks like UTF-16); save it as UTF-8, then import it")
    if first.data.startswith(_BOM):
        first = Line(first.data[len(_BOM) :], len(_BOM), first.is_cut)
    return first


def header_bytes(source: Source, lines: Lines) -> bytes:
    """The bytes of a CSV file's header; the next line is the first record's.

    Raises:
        UnusableFileError: the file is empty, or not UTF-8.
    """
    return b"".join(line.data for line in _take_record(lines, first_line(source, lines)))


def csv_records(lines: Lines) -> Iterator[bytes]:
    """The records of a CSV file from here on, each as its bytes, cut apart exactly as `read_csv` does."""
    while (line := lines.next()) is not None:
        if line.data in (b"\n", b"\r\n"):
            continue
        taken = [line] if line.is_cut else _take_record(lines, line)
        if len(taken) > 1 and _is_broken(b"".join(each.data for each in taken)):
            lines.put_back(taken[1:])
            taken = [line]
        yield b"".join(each.data for each in taken) or line.data


def _is_broken(data: bytes) -> bool:
    try:
        _fields_of(data)
    except BrokenError:
        return True
    except ValueError:
        return False
    return False


def json_records(lines: Lines) -> Iterator[bytes]:
    """The records of a JSON Lines file from here on, each as its bytes."""
    while (line := lines.next()) is not None:
        if line.data.strip():
            yield line.data


class CsvColumns:
    """A CSV file's columns, and how one of its records is read.

    Attributes:
        titles: the header's fields, as they are.
        header: our columns among them.
    """

    def __init__(self, source: Source, kind: str, lines: Lines) -> None:
        """Read the header.

        Raises:
            UnusableFileError: it cannot be read, or is not one of the kind's.
        """
        taken = _take_record(lines, first_line(source, lines))
        try:
            if not taken:
                raise ValueError("a quote that is never closed")
            self.titles = _fields_of(b"".join(line.data for line in taken))
        except ValueError as error:
            advice = "; save it with LF or CRLF line ends" if "carriage" in str(error) else ""
            raise UnusableFileError(f"the header of {source.path} cannot be read: {error}{advice}") from error
        self.header: Header = read_header(self.titles, kind=kind, path=source.path, mapping=source.options.mapping)
        self._kind = kind
        self._places = [(place, name) for place, name in enumerate(self.header.names) if name is not None]

    def record(self, record_no: int, data: bytes) -> Read:
        """One record from its bytes.

        Raises:
            BrokenError: it is no CSV; if it has several lines, the others may be records of their own.
        """
        try:
            fields = _fields_of(data)
            if len(fields) != len(self.titles):
                raise ValueError(f"{len(fields)} fields where the header has {len(self.titles)}")
            if fields == self.titles:
                raise ValueError("the header, repeated")
        except BrokenError:
            raise
        except ValueError as error:
            return Quarantined(record_no, self._kind, str(error), as_shown(data))
        found: dict[str, Value] = {name: fields[place] for place, name in self._places}
        return Canonical(record_no, self._kind, found, as_shown(data))

    def broken(self, record_no: int, data: bytes, error: BrokenError) -> Quarantined:
        """The record of which only this line is surely part."""
        return Quarantined(record_no, self._kind, str(error), as_shown(data))


def read_csv(source: Source, kind: str, notes: Notes) -> Iterator[Read]:
    """The records of a CSV file, numbered from 1 after the header; blank lines are none.

    Raises:
        UnusableFileError: the file as a whole is none we can read.
    """
    with source.open() as stream:
        lines = Lines(stream)
        columns = CsvColumns(source, kind, lines)
        notes.ignored_columns = columns.header.ignored
        record_no = 0
        while (line := lines.next()) is not None:
            if line.data in (b"\n", b"\r\n"):
                continue
            record_no += 1
            notes.pass_record(record_no, line.offset)
            if line.is_cut:
                reason = f"a line of more than {MAX_RECORD_BYTES:,} bytes"
                yield Quarantined(record_no, kind, reason, as_shown(line.data))
                continue
            taken = _take_record(lines, line)
            try:
                if not taken:
                    raise BrokenError("a quote that is never closed")
                yield columns.record(record_no, b"".join(each.data for each in taken))
            except BrokenError as error:
                lines.put_back(taken[1:])
                yield columns.broken(record_no, line.data, error)


def _no_constant(name: str) -> Value:
    raise ValueError(f"{name} is no JSON value")


def _no_duplicates(pairs: list[tuple[str, Value]]) -> dict[str, Value]:
    found = dict(pairs)
    if len(found) != len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"the key {ascii(twice)[:80]} appears twice")
    return found


_DECODER = json.JSONDecoder(object_pairs_hook=_no_duplicates, parse_constant=_no_constant)


def parse_object(data: bytes) -> dict[str, Value]:
    """One line of JSON Lines.

    Raises:
        ValueError: it is no JSON object, or one that cannot be kept as it is.
    """
    try:
        found = _DECODER.decode(data.decode("utf-8"))
    except UnicodeDecodeError as error:
        raise ValueError(f"not UTF-8: byte {data[error.start]:#04x} at {error.start}") from error
    except RecursionError as error:
        raise ValueError("nested too deeply") from error
    except json.JSONDecodeError as error:
        raise ValueError(f"not JSON: {error.msg} at character {error.pos + 1}") from error
    if not isinstance(found, dict):
        raise ValueError("not a JSON object")
    return found


def read_json_lines(source: Source, kind: str, notes: Notes) -> Iterator[Read]:
    """The records of a JSON Lines file, numbered from 1; blank lines are none.

    Raises:
        UnusableFileError: the file as a whole is none we can read.
    """
    mapping = source.options.mapping
    check_mapping(kind, mapping)
    known = set(KINDS[kind].column_names())
    ignored: dict[str, None] = {}
    with source.open() as stream:
        lines = Lines(stream)
        lines.put_back([first_line(source, lines)])
        record_no = 0
        while (line := lines.next()) is not None:
            if not line.data.strip():
                continue
            record_no += 1
            notes.pass_record(record_no, line.offset)
            try:
                if line.is_cut:
                    raise ValueError(f"a line of more than {MAX_RECORD_BYTES:,} bytes")
                found = parse_object(line.data)
                fields = {mapping.get(name, name): value for name, value in found.items()}
                if len(fields) != len(found):
                    raise ValueError("two keys mean the same column under --map")
            except ValueError as error:
                yield Quarantined(record_no, kind, str(error), as_shown(line.data))
                continue
            for name in found:
                if mapping.get(name, name) not in known and len(ignored) < 100:
                    ignored[name] = None
            yield Canonical(record_no, kind, fields, as_shown(line.data))
    notes.ignored_columns = tuple(ignored)
