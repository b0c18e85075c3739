"""Rows as one CSV table: for spreadsheets; the JSON beside it is the lossless one."""

import csv
import io
import json
from collections.abc import Iterable, Mapping, Sequence

from store.text import csv_cell


def csv_table(header: Sequence[str], rows: Iterable[Mapping[str, object]]) -> str:
    """RFC 4180 CSV with a header; no cell is a formula, lists are joined by `|`."""
    buffer = io.StringIO(newline="")
    writer = csv.writer(buffer)
    writer.writerow(header)
    for row in rows:
        writer.writerow([csv_cell(_plain(row[title])) for title in header])
    return buffer.getvalue()


def _plain(value: object) -> str | int | float | None:
    if value is None or isinstance(value, str | float):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return value
    if isinstance(value, list | tuple):
        return "|".join(str(item) for item in value)
    return json.dumps(value, ensure_ascii=True)
