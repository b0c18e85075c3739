"""The rows of a unified audit log file, whatever it is wrapped in: CSV, JSON lines, a JSON array or a single object.

A row is one record of the source and carries its AuditData, or the reason why that cannot be read. What cannot be
read never takes its neighbours with it, except in an array, where nothing tells where the next record begins.
"""

import json
import re
from collections.abc import Iterator
from typing import BinaryIO, NamedTuple

from store.errors import UnusableFileError
from store.ingest.m365_fields import Audit, UnreadableError
from store.ingest.records import Source
from store.ingest.strict import MAX_LINES, Line, Lines, as_shown, split_record

_BOM = b"\xef\xbb\xbf"
_UTF16 = (b"\xff\xfe", b"\xfe\xff")
_LINE_SUFFIXES = (".jsonl", ".ndjson")
# A record of the log is at most some hundred kilobytes; what is longer is no record.
_MOST_CHARACTERS = 4 * 1024**2
_CHUNK = 1 << 18
_LONGEST_SHOWN = 65_536
# Halves of surrogate pairs that JSON spelled out; the others are bytes that are no UTF-8.
_HALF_CHARACTERS = re.compile("[\ud800-\udc7f\udd00-\udfff]")
_TOO_LONG = "it is longer than any record of this log"


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
        elif _is_lines(first, source.suffix):
            yield from _line_rows(stream)
        elif first.startswith(b"{"):
            yield from _object_rows(stream)
        else:
            yield from _csv_rows(stream, source)


def _is_lines(first: bytes, suffix: str) -> bool:
    """Whether every line is an object: a pretty-printed one never has a second line that begins with a brace."""
    line, _, rest = first.partition(b"\n")
    if suffix in _LINE_SUFFIXES or rest.lstrip().startswith(b"{"):
        return True
    return line.startswith(b"{") and (not rest.strip() or isinstance(_parse(line.decode("utf-8", "replace"))[0], dict))


def _refuse_constant(name: str) -> object:
    raise ValueError(f"{name} is no JSON value")


def _refuse_repeated(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) != len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"the key {ascii(twice)[:80]} appears twice")
    return found


_DECODER = json.JSONDecoder(object_pairs_hook=_refuse_repeated, parse_constant=_refuse_constant)


def _parse(text: str) -> tuple[object, str | None]:
    """A JSON value, or why it is none."""
    try:
        return _DECODER.decode(text), None
    except RecursionError:
        return None, "it is nested too deeply"
    except ValueError as error:
        return None, _why_no_json(error)


def _why_no_json(error: ValueError) -> str:
    return f"it is not JSON ({str(error)[:120]})"


def shown(text: str) -> str:
    """A record as it is kept for the person who looks at it: not without end, what is no UTF-8 with backslashes."""
    cut = text if len(text) <= _LONGEST_SHOWN else f"{text[:_LONGEST_SHOWN]}... ({len(text):,} characters)"
    whole = _HALF_CHARACTERS.sub(lambda found: f"\\u{ord(found.group()):04x}", cut.replace("\0", "\\x00"))
    return whole.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


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


def _begin(stream: BinaryIO) -> Lines:
    """The file's lines, the byte order mark taken off."""
    lines = Lines(stream)
    first = lines.next()
    if first is not None:
        lines.put_back([first._replace(data=first.data.removeprefix(_BOM))])
    return lines


def _text_of(data: bytes) -> str:
    """A record's text without the line's end.

    Raises:
        UnreadableError: it is no UTF-8.
    """
    try:
        return data.decode("utf-8").rstrip("\r\n")
    except UnicodeDecodeError as error:
        raise UnreadableError(f"it is not UTF-8 (byte {error.start})") from error


def _line_rows(stream: BinaryIO) -> Iterator[Row]:
    lines = _begin(stream)
    record_no = 0
    while (line := lines.next()) is not None:
        if not line.data.strip():
            continue
        record_no += 1
        try:
            if line.is_cut:
                raise UnreadableError(_TOO_LONG)
            text = _text_of(line.data)
        except UnreadableError as error:
            yield Row(record_no, as_shown(line.data), None, None, str(error))
            continue
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
                if len(self.text) <= _MOST_CHARACTERS and self.more():
                    continue
                return None, self.text, _why_no_json(error)
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
    lines = _begin(stream)
    header = lines.next()
    while header is not None and (header.data.startswith(b"#TYPE") or not header.data.strip()):
        header = lines.next()
    names = [] if header is None else _header_of(header.data)
    if names.count("auditdata") != 1:
        raise UnusableFileError(
            f"{source.path} is no unified audit log: it is no JSON and has no AuditData column; "
            "export it with Search-UnifiedAuditLog, or name its --format"
        )
    audit_column = names.index("auditdata")
    operation_column = next((names.index(name) for name in ("operations", "operation") if name in names), None)
    record_no = 0
    while (line := lines.next()) is not None:
        if not line.data.strip():
            continue
        record_no += 1
        taken = _take(lines, line)
        data = b"".join(each.data for each in taken)
        try:
            if line.is_cut:
                raise UnreadableError(_TOO_LONG)
            cells = split_record(_text_of(data))
            if len(cells) != len(names):
                raise UnreadableError(f"it has {len(cells)} columns where the header has {len(names)}")
        except ValueError as error:
            # A stray quote swallows good rows: only the line it stands on is at fault.
            lines.put_back(taken[1:])
            yield Row(record_no, as_shown(line.data), None, None, str(error))
            continue
        operation = cells[operation_column].strip() if operation_column is not None else None
        yield _row_of_audit_text(record_no, cells[audit_column], operation)


def _header_of(data: bytes) -> list[str]:
    try:
        return [name.strip().lower() for name in split_record(_text_of(data))]
    except ValueError:
        return []


def _take(lines: Lines, first: Line) -> list[Line]:
    """The lines of the CSV record that begins here: on until its quotes are even, or only one if they never are."""
    taken = [first]
    quotes = first.data.count(b'"')
    while quotes % 2:
        line = lines.next() if len(taken) < MAX_LINES and not taken[-1].is_cut else None
        if line is None:
            lines.put_back(taken[1:])
            return taken[:1]
        taken.append(line)
        quotes += line.data.count(b'"')
    return taken
