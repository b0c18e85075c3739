"""Damaged files: what logs look like after editors, transfers, broken exporters and adversaries. Each from its seed.

A mutant is a good file of its format with some of its values, records, columns or bytes made nasty (PITFALLS 20).
"""

import csv
import gzip
import io
import json
import random
from collections.abc import Callable, Sequence
from copy import deepcopy
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import zstandard
from duckdb import DuckDBPyConnection

from fixtures import m365_ual as invented

RECORDS = 6
EVENTS = "access_events"
COLUMNS = {
    "partners": ("partner_id", "name", "category", "contact", "country"),
    "apps": ("app_id", "name", "partner_id"),
    "grants": ("app_id", "scope", "resource_id", "granted_at", "granted_by", "revoked_at"),
    "opt_ins": ("subject_id", "opted_in_at", "opted_out_at", "app_id", "resource_id"),
    "exemptions": ("app_id", "data_class", "exempt_from", "exempt_until", "reason"),
    "removals": ("app_id", "removed_at", "reason"),
    "coverage": ("source", "covered_from", "covered_until"),
    "subjects": ("subject_id", "country", "minor"),
    "steps": ("partner_id", "step", "at", "app_id", "note", "due"),
    EVENTS: (
        "occurred_at",
        "app_id",
        "data_class",
        "subject_id",
        "resource_id",
        "endpoint",
        "records",
        "bytes",
        "ip",
        "outcome",
        "event_id",
    ),
}
_LATER = frozenset({"revoked_at", "opted_out_at", "exempt_until", "covered_until", "due"})
_TIMES = _LATER | {"granted_at", "opted_in_at", "exempt_from", "removed_at", "covered_from", "at", "occurred_at"}

NASTY_TEXTS = (
    "", " ", "\t", "\0", "a\0b", '"', '""', '"a', 'a"b', "a,b", ",", "|", "a|b", "a||b",
    "|".join(f"c{n}" for n in range(64)), "\n", "\r", "a\rb", "a\r\nb", "\ufeff", "\ufeffx", "x\ufeff", "NaN", "nan",
    "Infinity", "-Infinity", "-0", "-1", "+1", "1.0", "1.5", "1e3", "1e309", "0x10", "1_000", "007",
    "9223372036854775807", "9223372036854775808", "-9223372036854775809", "18446744073709551616", "9" * 39, "9" * 41,
    "1" * 5000, "\u0967\u0968\u0969", "\u0663", "\u00b2", "\uff11", "x" * 65_536, "x" * 65_537, "\u00e9" * 40_000,
    "2019-05-01", "2019-05-01T10:00:60Z", "2019-05-01T24:00:00Z", "2019-02-30T10:00:00Z", "2019-05-01T10:00:00",
    "2019-05-01T10:00:00+15:00", "2019-05-01T10:00:00-00:00", "2019-05-01T10:00:00.1234567890Z",
    "2019-05-01t10:00:00,5z", "2019-05-01 10:00Z", "2019-W18-3T10:00:00Z", "20190501T100000Z",
    "10000-01-01T00:00:00Z", "9999-12-31T23:59:59.999999-14:00", "9999-12-31T23:59:59Z", "0001-01-01T00:00:00+14:00",
    "0001-01-01T00:00:00Z", "0000-01-01T00:00:00Z", "1889-01-01T00:00:00Z", "01/05/2019 10:00", "1556704800",
    "1556704800000", "1556704800000000", "1556704800000000000", "631152000000000", "4133980799999999",
    "4133980800000000", "-62135596800000000", "-999999999999999999999", "true", "FALSE", "null", "None", "yes", "[]",
    "[1]", '["a","b"]', '["a"', "[" * 3_000, "{" * 50, '["a", NaN]', '{"a": 1}', "*", "a.*", ".*", "..", "a..b",
    "group.member.*", "A@B.C", "a@b@c", "@", "a @b", "\u0130@x", "STRASSE@\u00df", "\u017f@x", "\u212a@x",
    "\u0391\u03a3@x", "\u01c5@x", "e\u0301@x", "\u202egnp.exe", "\u200b", "\xad", "\x85", "\u2028", "\xa0",
    "\u3000x\u3000", "\x1f", "\x1c", "a\x1fb", "\x1b]52;c;aGk=\x07", "\x7f", "[@click=app.quit]",
    "'; DROP TABLE imports; --", "%s%n", "../../x", "=1+1", "app:", "app:app-1", "system",
    "\U0001f469\u200d\U0001f4bb", "\U0010ffff", "\ufffe", "\ud800", "x\udfff", "S\u00e3o", "\u65e5\u672c",
)  # fmt: skip
NASTY_VALUES: tuple[Any, ...] = (
    None, True, False, 0, -1, 1.5, -0.0, 1e18, 1e308, float("nan"), float("inf"), 2**53 + 1, 2**63 - 1, 2**63,
    -(2**63) - 1, 10**30, 10**400, 1_556_704_800, 1_556_704_800_000, 1_556_704_800_000_000, [], [[]], [None], [1],
    ["a"], ["a", "a"], ["a|b"], ["", "a"], ["\ud800"], ["*"], [f"c{n}" for n in range(64)], {}, {"a": 1},
    {"": {"": []}},
)  # fmt: skip
_TOKENS = (
    b'"', b'""', b",", b";", b"\t", b"\0", b"\n", b"\r", b"\r\n", b"\n\n", b"\xef\xbb\xbf", b"\xff", b"\xfe\xff",
    b"\xc3", b"\xc3\x28", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\xc0\xaf", b"\\", b"\\u0000", b"\\ud800", b"{",
    b"}", b"[", b"]", b":", b"NaN", b"-Infinity", b"1e999", b"[" * 2_000, b'{"a":' * 2_000, b"9" * 5_000,
    b"#TYPE x\n", b"null", b"\x1a", b"\xe2\x80\xa8", b" ",
)  # fmt: skip


class Mutant(NamedTuple):
    """A damaged file: its name, under which it is imported, and its bytes."""

    name: str
    data: bytes


Table = list[dict[str, Any]]


def good_table(kind: str, draw: random.Random) -> Table:
    """Records of a kind as they should be."""
    return [{name: _good_value(kind, name, draw) for name in COLUMNS[kind]} for _ in range(RECORDS)]


def _good_value(kind: str, name: str, draw: random.Random) -> Any:
    if name in _TIMES:
        return f"{2020 if name in _LATER else 2019}-0{draw.randrange(1, 10)}-1{draw.randrange(10)}T10:00:00Z"
    if name in ("records", "bytes"):
        return draw.choice(["", str(draw.randrange(10_000))])
    some = str(draw.randrange(8))
    return {
        "outcome": draw.choice(["", "success", "denied", "error"]),
        "step": draw.choice(["notified", "deletion_requested", "on_hold"]),
        "data_class": "group.member.*"
        if kind == "exemptions"
        else draw.choice(["group.member.name", "a|b", "mail.item"]),
        "minor": draw.choice(["", "true", "0"]),
        "subject_id": draw.choice([f"s{some}", f"P{some}@X.example"]),
        "event_id": draw.choice(["", f"e{draw.randrange(40)}"]),
        "ip": "192.0.2.7",
    }.get(name, f"{name}-{some}")


def _damage_table(rows: Table, draw: random.Random) -> None:
    """Nasty values, records repeated, columns swapped."""
    for _ in range(draw.choice((0, 1, 1, 2, 3, 6))):
        row = draw.choice(rows)
        row[draw.choice(list(row))] = draw.choice(NASTY_TEXTS)
    if draw.random() < 0.2:
        rows.insert(draw.randrange(len(rows)), dict(draw.choice(rows)))
    if draw.random() < 0.05:
        first, second = draw.choice(list(rows[0])), draw.choice(list(rows[0]))
        for row in rows:
            row[first], row[second] = row[second], row[first]


def damage_bytes(data: bytes, draw: random.Random, most: int = 4) -> bytes:
    """Bytes flipped, inserted, deleted, cut, repeated; lines joined, swapped, repeated; other line ends, encodings."""
    for _ in range(draw.randrange(most)):
        data = draw.choices(_DAMAGES, _WEIGHTS)[0](data, draw) or data
    return data


def _flip(data: bytes, draw: random.Random) -> bytes:
    place = draw.randrange(len(data))
    return data[:place] + bytes([data[place] ^ 1 << draw.randrange(8)]) + data[place + 1 :]


def _insert(data: bytes, draw: random.Random) -> bytes:
    place = draw.randrange(len(data) + 1)
    return data[:place] + draw.choice(_TOKENS) + data[place:]


def _delete(data: bytes, draw: random.Random) -> bytes:
    place = draw.randrange(len(data))
    return data[:place] + data[place + draw.choice((1, 1, 2, 20, 200)) :]


def _cut(data: bytes, draw: random.Random) -> bytes:
    return data[: draw.randrange(len(data))]


def _repeat(data: bytes, draw: random.Random) -> bytes:
    place = draw.randrange(len(data))
    return data[:place] + data[place : place + draw.choice((1, 10, 300))] * 2 + data[place:]


def _shuffle_lines(data: bytes, draw: random.Random) -> bytes:
    """Lines repeated (the header as data, too), swapped, joined, blank ones added."""
    lines = data.split(b"\n")
    one, other = draw.randrange(len(lines)), draw.randrange(len(lines))
    change = draw.randrange(5)
    if change == 0:
        lines.insert(one, lines[0])
    elif change == 1:
        lines.insert(one, lines[other])
    elif change == 2:
        lines[one], lines[other] = lines[other], lines[one]
    elif change == 3:
        lines[one : one + 2] = [b"".join(lines[one : one + 2])]
    else:
        lines.insert(one, b" " * draw.randrange(2))
    return b"\n".join(lines)


def _other_line_ends(data: bytes, draw: random.Random) -> bytes:
    end = draw.choice((b"\r\n", b"\r\n", b"\r", b"\n\r", b"\x0b"))
    return data.replace(b"\n", end, draw.choice((-1, -1, 1, 3)))


def _other_encoding(data: bytes, draw: random.Random) -> bytes:
    text = data.decode("utf-8", "replace")
    return text.encode(draw.choice(("utf-16", "utf-16-le", "utf-32", "latin-1", "utf-8-sig", "utf-7")), "replace")


_DAMAGES: tuple[Callable[[bytes, random.Random], bytes], ...] = (
    _flip, _insert, _delete, _cut, _repeat, _shuffle_lines, _other_line_ends, _other_encoding,
)  # fmt: skip
_WEIGHTS = (8, 10, 6, 1, 3, 6, 2, 1)


def _csv_of(rows: Table, titles: Sequence[str], draw: random.Random) -> bytes:
    out = io.StringIO()
    line_end = draw.choice(("\n", "\n", "\r\n"))
    quotes_all = draw.random() < 0.2
    writer = csv.writer(out, quoting=csv.QUOTE_ALL if quotes_all else csv.QUOTE_MINIMAL, lineterminator=line_end)
    writer.writerow(titles)
    writer.writerows(row.values() for row in rows)
    return out.getvalue().encode("utf-8", "surrogatepass")


def _damage_titles(names: Sequence[str], draw: random.Random) -> list[str]:
    titles = list(names)
    if draw.random() < 0.08:
        nasty = draw.choice([*titles, "extra", "", " app_id ", "APP_ID", "\u0430pp_id", *NASTY_TEXTS])
        titles[draw.randrange(len(titles))] = nasty
    return titles


def _kind(draw: random.Random) -> str:
    return EVENTS if draw.random() < 0.6 else draw.choice(list(COLUMNS))


def csv_mutant(draw: random.Random) -> Mutant:
    """A canonical CSV file."""
    kind = _kind(draw)
    rows = good_table(kind, draw)
    _damage_table(rows, draw)
    data = _csv_of(rows, _damage_titles(COLUMNS[kind], draw), draw)
    return _packed(f"{kind}.csv", damage_bytes(data, draw), draw)


def json_lines_mutant(draw: random.Random) -> Mutant:
    """A canonical JSON Lines file."""
    kind = _kind(draw)
    rows = good_table(kind, draw)
    _damage_table(rows, draw)
    for _ in range(draw.choice((0, 0, 1, 3))):
        row = draw.choice(rows)
        row[draw.choice([*row, "extra", ""])] = draw.choice(NASTY_VALUES)
    escaped = draw.random() < 0.5
    lines = [json.dumps(row, ensure_ascii=escaped) for row in rows]
    if draw.random() < 0.2:
        place = draw.randrange(len(lines))
        lines[place] = lines[place].replace("{", f'{{"{draw.choice(COLUMNS[kind])}": "twice", ', 1)
    data = "".join(f"{line}\n" for line in lines).encode("utf-8", "surrogatepass")
    return _packed(f"{kind}.{draw.choice(('jsonl', 'ndjson'))}", damage_bytes(data, draw), draw)


def _packed(name: str, data: bytes, draw: random.Random) -> Mutant:
    """One in eight compressed, and half of those damaged as archives."""
    if draw.random() > 0.125:
        return Mutant(name, data)
    suffix = draw.choice((".gz", ".zst"))
    packed = gzip.compress(data, 1, mtime=0) if suffix == ".gz" else zstandard.compress(data)
    if draw.random() < 0.5:
        packed = damage_bytes(packed, draw)
    return Mutant(name + suffix, packed)


@cache
def _log(number: int) -> tuple[str, ...]:
    """A good log, each record as JSON: parsed anew for every mutant, so that none spoils another's."""
    records = invented.invented_log(number, reads=6)
    random.Random(number).shuffle(records)
    return tuple(json.dumps(record) for record in records)


def _damaged_log(draw: random.Random) -> list[Any]:
    log = _log(draw.randrange(8))
    records = [json.loads(draw.choice(log)) for _ in range(RECORDS)]
    for _ in range(draw.choice((0, 1, 2, 4))):
        place = draw.randrange(len(records))
        records[place] = _damage_value(records[place], draw, 0)
    if draw.random() < 0.2:
        records.append(draw.choice(records))
    return records


def _damage_value(value: Any, draw: random.Random, depth: int) -> Any:
    """One value somewhere in a record replaced or dropped; at times the whole record."""
    if draw.random() < (0.3 if depth else 0.05) or not isinstance(value, dict | list) or not value:
        # A copy: what is damaged further would otherwise be damaged in every later mutant, or come to hold itself.
        return deepcopy(draw.choice((draw.choice(NASTY_TEXTS), draw.choice(NASTY_VALUES))))
    place = draw.choice(list(value)) if isinstance(value, dict) else draw.randrange(len(value))
    if draw.random() < 0.2:
        del value[place]
    else:
        value[place] = _damage_value(value[place], draw, depth + 1)
    return value


def ual_csv_mutant(draw: random.Random) -> Mutant:
    """A unified audit log as Search-UnifiedAuditLog exports it."""
    rows: Table = []
    for place, record in enumerate(_damaged_log(draw)):
        operation = record.get("Operation", "") if isinstance(record, dict) else ""
        audit = json.dumps(record, separators=(",", ":")) if draw.random() < 0.97 else draw.choice(NASTY_TEXTS)
        rows.append({"Id": place, "CreationDate": "5/18/2021 9:13:33 PM", "Operations": operation, "AuditData": audit})
    data = _csv_of(rows, _damage_titles(list(rows[0]), draw), draw)
    return _packed("audit.csv", damage_bytes(data, draw), draw)


def ual_json_mutant(draw: random.Random) -> Mutant:
    """A unified audit log as JSON lines, an array or one object; records bare or wrapped in rows with AuditData."""
    records = _damaged_log(draw)
    if draw.random() < 0.3:
        as_text = draw.random() < 0.5
        records = [{"Operations": "x", "AuditData": json.dumps(each) if as_text else each} for each in records]
    shape = draw.random()
    if shape < 0.45:
        name, text = "audit.jsonl", "".join(f"{json.dumps(each)}\n" for each in records)
    elif shape < 0.9:
        name, text = "audit.json", json.dumps(records, indent=draw.choice((None, 2)))
    else:
        name, text = "audit.json", json.dumps(records[0], indent=2)
    return _packed(name, damage_bytes(text.encode(), draw, most=3), draw)


_PARQUET_TYPES = (
    "VARCHAR", "BIGINT", "INTEGER", "UBIGINT", "HUGEINT", "DOUBLE", "FLOAT", "DECIMAL(18, 3)", "BOOLEAN", "TIMESTAMP",
    "TIMESTAMPTZ", "TIMESTAMP_NS", "TIMESTAMP_S", "TIMESTAMP_MS", "DATE", "TIME", "TIMETZ", "BLOB",
    "UUID", "VARCHAR[]", "BIGINT[]", "STRUCT(a VARCHAR)", "MAP(VARCHAR, VARCHAR)", "BIT", "JSON",
)  # fmt: skip
_TIMES_IN_PARQUET = (*("VARCHAR", "TIMESTAMPTZ") * 5, "TIMESTAMP")


def parquet_mutant(draw: random.Random, engine: DuckDBPyConnection, scratch: Path) -> Mutant:
    """A canonical Parquet file: values, types and titles of its table damaged, and the bytes of one in five.

    Args:
        engine: writes the file, to `scratch`, which is overwritten.
    """
    kind = _kind(draw)
    rows = good_table(kind, draw)
    _damage_table(rows, draw)
    types = {name: draw.choice(_TIMES_IN_PARQUET) if name in _TIMES else "VARCHAR" for name in COLUMNS[kind]}
    for _ in range(draw.choice((0, 0, 0, 0, 1, 2))):
        types[draw.choice(COLUMNS[kind])] = draw.choice(_PARQUET_TYPES)
    columns = {
        f"c{place}": np.array([str(row[name]).encode("utf-8", "replace").decode() for row in rows], dtype=object)
        for place, name in enumerate(COLUMNS[kind])
    }
    titles = [title.encode("utf-8", "replace").decode() for title in _damage_titles(COLUMNS[kind], draw)]
    quoted = [title.replace('"', '""').replace("\0", "") or "empty" for title in titles]
    chosen = ", ".join(
        f"try_cast(nullif({column}, '') AS {types[name]}) AS \"{title}\""
        for column, name, title in zip(columns, COLUMNS[kind], quoted, strict=True)
    )
    engine.register("given", columns)
    packing = draw.choice(("uncompressed", "snappy", "zstd"))
    engine.execute(f"COPY (SELECT {chosen} FROM given) TO '{scratch}' (FORMAT parquet, COMPRESSION {packing})")
    data = scratch.read_bytes()
    return Mutant(f"{kind}.parquet", damage_bytes(data, draw) if draw.random() < 0.2 else data)


TEXT_FORMATS: dict[str, Callable[[random.Random], Mutant]] = {
    "canonical CSV": csv_mutant,
    "canonical JSON Lines": json_lines_mutant,
    "m365-ual CSV": ual_csv_mutant,
    "m365-ual JSON": ual_json_mutant,
}


def mutant(name: str, number: int) -> Mutant:
    """The `number`-th mutant of one of `TEXT_FORMATS`: the same bytes every time."""
    return TEXT_FORMATS[name](random.Random(f"{name} {number}"))
