"""Secrets that logs carry by accident are taken out before a text is kept: `[secret 3f2a91c4d0b7e655]` stands instead.

The digits are the first sixteen of the secret's SHA-256, so that two secrets stay two values and one stays one: what is
counted, compared or found again by such a text comes out the same. Sixteen, because among a million values that carry
one, eight would confuse a hundred pairs.
"""

import csv
import hashlib
import io
import json
import re
from collections.abc import Callable
from functools import partial
from typing import TypeAlias

from store.secret_shapes import SHAPES

DIGITS = 16

Json: TypeAlias = "bool | int | float | str | list[Json] | dict[str, Json] | None"

# A text without any of this holds no known shape; the same expression in Python and in DuckDB.
HINT = f"(?i){'|'.join(f'(?:{hint})' for hint in dict.fromkeys(shape.hint for shape in SHAPES))}"
# Shorter texts of these characters alone hold none either: the ids of most logs need no more than this look.
LONGEST_PLAIN = 19
PLAIN = rf"[\w/.|+-]{{0,{LONGEST_PLAIN}}}"

_HINT = re.compile(HINT)
_PLAIN = re.compile(PLAIN, re.ASCII)


def stand_in(secret: str) -> str:
    """What stands instead of a secret."""
    digest = hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()
    return f"[secret {digest[:DIGITS]}]"


def redact(text: str) -> str:
    """The text with every secret of a known shape replaced. Redacting twice changes nothing more.

    Takes time linear in the text's length.
    """
    if _PLAIN.fullmatch(text) is not None or _HINT.search(text) is None:
        return text
    for shape in SHAPES:
        text = shape.pattern.sub(partial(_without, shape.is_secret), text)
    return text


def redacted_record(record: str) -> str:
    """A record as its file has it, without secrets, also where the file's escapes hide their shape.

    Where a value has one only once it is decoded, the record is written anew: JSON, or a line of CSV.
    """
    text = redact(record)
    for decode, encode in ((_json_values, _as_json), (_csv_values, _as_csv)):
        values = decode(record)
        if values is None:
            continue
        cleaned = _cleaned(values)
        if cleaned != values and _cleaned(decode(text)) != decode(text):
            return redact(encode(cleaned))
        return text
    return text


def _json_values(text: str) -> Json:
    """A JSON object or list; None for anything else."""
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict | list) else None


def _as_json(values: Json) -> str:
    return json.dumps(values, ensure_ascii=False)


def _csv_values(text: str) -> Json:
    """The fields of a CSV record; None for anything else."""
    try:
        rows = list(csv.reader(io.StringIO(text, newline=""), strict=True))
    except csv.Error:
        return None
    return list(rows[0]) if len(rows) == 1 else None


def _as_csv(values: Json) -> str:
    written = io.StringIO(newline="")
    csv.writer(written, lineterminator="").writerow(values if isinstance(values, list) else [])
    return written.getvalue()


def _cleaned(value: Json) -> Json:
    """A decoded value with the secrets in its texts, names included, replaced."""
    if isinstance(value, str):
        return redact(value)
    if isinstance(value, list):
        return [_cleaned(each) for each in value]
    if isinstance(value, dict):
        return {redact(name): _cleaned(each) for name, each in value.items()}
    return value


def _without(is_secret: Callable[[str], bool], match: re.Match[str]) -> str:
    """What the pattern found, its secret replaced if it is one."""
    name = match.lastgroup or "secret"
    secret = match[name]
    if not is_secret(secret):
        return match[0]
    start, end = (place - match.start() for place in match.span(name))
    return f"{match[0][:start]}{stand_in(secret)}{match[0][end:]}"
