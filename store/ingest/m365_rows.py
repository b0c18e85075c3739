"""The rows of a unified audit log file, whatever it is wrapped in: CSV, JSON lines, a JSON array or a single object.

A row is one record of the source and carries its AuditData, or the reason why that cannot be read. What cannot be
read never takes its neighbours with it, except in an array, where nothing tells where the next record begins.
"""

import csv
import io
import json
from collections import deque
from collections.abc import Iterator
from typing import BinaryIO, NamedTuple

from store.errors import UnusableFileError
from store.ingest.m365_fields import Audit
from store.ingest.records import Source

_BOM = b"\xef\xbb\xbf"
_UTF16 = (b"\xff\xfe", b"\xfe\xff")
_LINE_SUFFIXES = (".jsonl", ".ndjson")
# A record of the log is at most some hundred kilobytes; what is longer is no record.
MAX_RECORD_BYTES = 16 * 1024**2
MAX_RECORD_LINES = 2_000
_CHUNK = 1 << 18
_LONGEST_SHOWN = 100_000


class Row(NamedTuple):
    """One record of the source.

    Attributes:
        record_no: from 1; a header and blank lines are no records.
        text: the record as it is written, or its AuditData where that is a column.
        operation: what the columns around AuditData say it was; None without such columns.
        audit: the AuditData; None if it is empty or cannot be read.
        problem: why it cannot be read; None if `audit` is there, or if AuditData is empty.
    """

    record_no: int
    text: str
    operation: str | None
    audit: Audit | None
    problem: str | None


def read_rows(source: Source) -> Iterator[Row]:
    """Every record of the file, in its order.

    Raises:
        UnusableFileError: the file is UTF-16, is empty, or is a CSV without an AuditData column.
    """
    head = source.head()
    if head.startswith(_UTF16):
        raise UnusableFileError(f"{source.path} is UTF-16; save it as UTF-8 and import that")
    first = head.removeprefix(_BOM).lstrip()
    if not first:
        raise UnusableFileError(f"{source.path} is empty")
    with source.open() as stream:
        if first.startswith(b"["):
            yield from _array_rows(stream)
        elif not first.startswith(b"{"):
            yield from _csv_rows(stream, source)
        elif _is_lines(first, source.suffix):
            yield from _line_rows(stream)
        else:
            yield from _object_rows(stream)


def _is_lines(first: bytes, suffix: str) -> bool:
    """Whether every line is an object: a pretty-printed object never has a second line that begins with a brace."""
    line, _, rest = first.partition(b"\n")
    if suffix in _LINE_SUFFIXES or not rest.strip() or rest.lstrip().startswith(b"{"):
        return True
    return isinstance(_parse(line.decode("utf-8", "replace"))[0], dict)


def _refuse_constant(name: str) -> object:
    raise ValueError(f"{name} is not JSON")


_DECODER = json.JSONDecoder(parse_constant=_refuse_constant)


def _parse(text: str) -> tuple[object, str | None]:
    """A JSON value, or why it is none."""
    try:
        return json.loads(text, parse_constant=_refuse_constant), None
    except RecursionError:
        return None, "it is nested too deeply"
    except ValueError as error:
        return None, f"it is not JSON ({str(error)[:120]})"


def shown(text: str) -> str:
    """A record as it is kept for the person who looks at it: not without end, and bytes that are no UTF-8 spelt out."""
    cut = text if len(text) <= _LONGEST_SHOWN else f"{text[:_LONGEST_SHOWN]}..."
    return cut.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def _row_of(record_no: int, text: str, value: object) -> Row:
    """The row of a JSON value: an AuditData itself, or a row of Search-UnifiedAuditLog that holds one."""
    if not text.isascii() and any("\udc80" <= character <= "\udcff" for character in text):
        return Row(record_no, text, None, None, "it is not UTF-8")
    if not isinstance(value, dict):
        return Row(record_no, text, None, None, "it is no JSON object")
    if "AuditData" not in value:
        return Row(record_no, text, None, value, None)
    outer = value.get("Operations", value.get("Operation"))
    operation = outer.strip() if isinstance(outer, str) else None
    audit = value["AuditData"]
    if isinstance(audit, str):
        return _row_of_audit_text(record_no, audit, operation)
    if audit is None or isinstance(audit, dict):
        return Row(record_no, text, operation, audit, None)
    return Row(record_no, text, operation, None, "its AuditData is neither a text nor an object")


def _row_of_audit_text(record_no: int, text: str, operation: str | None) -> Row:
    if not text.strip():
        return Row(record_no, text, operation, None, None)
    value, problem = _parse(text)
    if problem is None and not isinstance(value, dict):
        problem = "it is no JSON object"
    if problem is not None:
        return Row(record_no, text, operation, None, f"its AuditData cannot be read: {problem}")
    return Row(record_no, text, operation, value if isinstance(value, dict) else None, None)


class _Lines:
    """Physical lines of bounded length; lines that were read too far can be put back."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self._back: deque[bytes] = deque()
        self._began = False

    def next(self) -> bytes:
        """The next line with its end, cut at MAX_RECORD_BYTES; empty at the end of the file."""
        if self._back:
            return self._back.popleft()
        line = self._stream.readline(MAX_RECORD_BYTES + 1)
        if len(line) > MAX_RECORD_BYTES:
            rest = line
            while rest and not rest.endswith(b"\n"):
                rest = self._stream.readline(_CHUNK)
        if not self._began:
            line, self._began = line.removeprefix(_BOM), True
        return line

    def put_back(self, lines: list[bytes]) -> None:
        self._back.extendleft(reversed(lines))


def _decode(line: bytes) -> tuple[str, str | None]:
    """A line's text, or the text with backslashes for what is no UTF-8 and the reason why it cannot be used."""
    if len(line) > MAX_RECORD_BYTES:
        return line[:_LONGEST_SHOWN].decode("utf-8", "backslashreplace"), "it is longer than any record of this log"
    try:
        return line.decode("utf-8").rstrip("\r\n"), None
    except UnicodeDecodeError as error:
        return line.decode("utf-8", "backslashreplace").rstrip("\r\n"), f"it is not UTF-8 (byte {error.start})"


def _line_rows(stream: BinaryIO) -> Iterator[Row]:
    lines = _Lines(stream)
    record_no = 0
    while line := lines.next():
        if not line.strip():
            continue
        record_no += 1
        text, problem = _decode(line)
        value: object = None
        if problem is None:
            value, problem = _parse(text)
        yield Row(record_no, text, None, None, problem) if problem else _row_of(record_no, text, value)


class _Text:
    """A stream's text, read on demand, of which what was used is dropped: one record is in memory, not the file."""

    def __init__(self, stream: BinaryIO) -> None:
        from codecs import getincrementaldecoder

        self._stream = stream
        self._decoder = getincrementaldecoder("utf-8-sig")("surrogateescape")
        self.text = ""
        self.ended = False

    def more(self) -> bool:
        """Read on; False at the end of the file."""
        chunk = self._stream.read(max(_CHUNK, len(self.text)))
        self.ended = not chunk
        self.text += self._decoder.decode(chunk, final=self.ended)
        return not self.ended

    def peek(self) -> str:
        """The next character that is no blank; empty at the end of the file."""
        while True:
            self.text = self.text.lstrip()
            if self.text or not self.more():
                return self.text[:1]

    def value(self) -> tuple[object, str, str | None]:
        """The JSON value that begins here, its text, and None; or None, the rest, and why it is none."""
        while True:
            try:
                value, end = _DECODER.raw_decode(self.text)
            except RecursionError:
                return None, self.text, "it is nested too deeply"
            except ValueError as error:
                if len(self.text) <= MAX_RECORD_BYTES and self.more():
                    continue
                return None, self.text, f"it is not JSON ({str(error)[:120]})"
            if end == len(self.text) and self.more():
                continue
            written, self.text = self.text[:end], self.text[end:]
            return value, written, None


_NOTHING_AFTER = "; nothing after this place can be read"


def _array_rows(stream: BinaryIO) -> Iterator[Row]:
    text = _Text(stream)
    text.peek()
    text.text = text.text[1:]
    record_no = 0
    if text.peek() == "]":
        return
    while True:
        record_no += 1
        text.peek()
        value, written, problem = text.value()
        if problem is not None:
            yield Row(record_no, written, None, None, f"{problem}{_NOTHING_AFTER}")
            return
        yield _row_of(record_no, written, value)
        mark = text.peek()
        text.text = text.text[1:]
        if mark == "," and text.peek():
            continue
        if mark != "]" or text.peek():
            problem = "the array goes on after its end" if mark == "]" else "the array is cut short or broken here"
            yield Row(record_no + 1, mark + text.text, None, None, f"{problem}{_NOTHING_AFTER}")
        return


def _object_rows(stream: BinaryIO) -> Iterator[Row]:
    text = _Text(stream)
    record_no = 0
    while text.peek():
        record_no += 1
        value, written, problem = text.value()
        if problem is not None:
            yield Row(record_no, written, None, None, f"{problem}{_NOTHING_AFTER}")
            return
        yield _row_of(record_no, written, value)


def _csv_rows(stream: BinaryIO, source: Source) -> Iterator[Row]:
    csv.field_size_limit(MAX_RECORD_BYTES)
    lines = _Lines(stream)
    header = lines.next()
    while header.startswith(b"#TYPE") or (header and not header.strip()):
        header = lines.next()
    names, problem = _cells([header])
    columns = {name.strip().lower(): position for position, name in enumerate(names or ())}
    width = len(names or ())
    if problem is not None or "auditdata" not in columns:
        raise UnusableFileError(
            f"{source.path} is no unified audit log: it has no AuditData column and is no JSON; "
            "export it with Search-UnifiedAuditLog, or name its --format"
        )
    audit_column = columns["auditdata"]
    operation_column = columns.get("operations", columns.get("operation"))
    record_no = 0
    while taken := _take(lines):
        if not taken[0].strip() and len(taken) == 1:
            continue
        cells, problem = _cells(taken)
        if problem is None and cells is not None and len(cells) != width:
            problem = f"it has {len(cells)} columns where the header has {width}"
        if problem is not None and len(taken) > 1:
            # A stray quote has swallowed good rows: only the line it stands on is at fault.
            lines.put_back(taken[1:])
            taken = taken[:1]
        record_no += 1
        if problem is not None or cells is None:
            yield Row(record_no, _decode(b"".join(taken))[0], None, None, problem)
            continue
        operation = cells[operation_column].strip() if operation_column is not None else None
        yield _row_of_audit_text(record_no, cells[audit_column], operation)


def _take(lines: _Lines) -> list[bytes]:
    """The lines of the next CSV record: on until its quotes are even, or only one if they never become so."""
    taken = [lines.next()]
    quotes = taken[0].count(b'"')
    size = len(taken[0])
    while quotes % 2 and len(taken) < MAX_RECORD_LINES and size <= MAX_RECORD_BYTES:
        line = lines.next()
        if not line:
            break
        taken.append(line)
        quotes += line.count(b'"')
        size += len(line)
    if quotes % 2 and len(taken) > 1:
        lines.put_back(taken[1:])
        del taken[1:]
    return taken if taken[0] else []


def _cells(taken: list[bytes]) -> tuple[list[str] | None, str | None]:
    """The cells of one CSV record, or why there are none."""
    text, problem = _decode(b"".join(taken))
    if problem is not None:
        return None, problem
    if text.count('"') % 2:
        return None, "a quote is opened and never closed"
    try:
        rows = list(csv.reader(io.StringIO(text, newline=""), strict=True))
    except csv.Error as error:
        return None, f"it is not CSV ({error})"
    return (rows[0], None) if len(rows) == 1 else (None, "it is not one CSV record")
