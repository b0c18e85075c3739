"""One field's text or JSON value -> the value the store keeps, or the reason why it is none. Nothing is guessed."""

import json
import re
from collections.abc import Callable
from typing import TypeAlias

from store.audits import INCIDENT_STEPS, SIDE_STATES, TRACK
from store.ids import fold_id
from store.ingest.records import Epoch, Options, Value
from store.instants import format_day, parse_instant, parse_point
from store.redaction import redact

MAX_TEXT = 65_536
MAX_DATA_CLASSES = 63
CLASS_SEPARATOR = "|"
OUTCOMES = {"success": 0, "denied": 1, "error": 2}
STEPS = frozenset((*TRACK, *SIDE_STATES)) - set(INCIDENT_STEPS)

EPOCH_UNITS: dict[Epoch, int] = {"us": 1, "ms": 1_000, "s": 1_000_000}
EARLIEST_EPOCH = 631_152_000_000_000
AFTER_LATEST_EPOCH = 4_133_980_800_000_000
MOST = (1 << 63) - 1

_UNIT_NAMES: dict[Epoch, str] = {"us": "microseconds", "ms": "milliseconds", "s": "seconds"}
_INTEGER = re.compile(r"[+-]?\d+", re.ASCII)
_COUNT = re.compile(r"\d+", re.ASCII)
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_FLAGS = {"true": 1, "yes": 1, "1": 1, "false": 0, "no": 0, "0": 0}
_LONGEST_SHOWN = 60

Stored: TypeAlias = str | int
Parser: TypeAlias = Callable[[Value, Options], "Stored | None"]


def show(value: object) -> str:
    """A value as a reason quotes it: escaped, and cut when long."""
    text = ascii(redact(value) if isinstance(value, str) else value)
    return text if len(text) <= _LONGEST_SHOWN else f"{text[:_LONGEST_SHOWN]}..."


def plain_text(value: Value) -> str | None:
    """The text of a value with blanks trimmed; None for an absent or blank one. A JSON integer is its digits.

    Raises:
        ValueError: no text, or one that no database can keep as it is.
    """
    if value is None:
        return None
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    if not isinstance(value, str):
        raise ValueError(f"not a text: {show(value)}")
    text = value.strip()
    if not text:
        return None
    if "\0" in text:
        raise ValueError("holds a NUL character")
    if len(text) > MAX_TEXT:
        raise ValueError(f"longer than {MAX_TEXT:,} characters")
    if not text.isascii():
        try:
            text.encode("utf-8")
        except UnicodeEncodeError as error:
            raise ValueError("holds half of a surrogate pair, which is no character") from error
    return text


def parse_text(value: Value, options: Options) -> str | None:
    """Free text."""
    return plain_text(value)


def parse_id(value: Value, options: Options) -> str | None:
    """An outside id, folded."""
    text = plain_text(value)
    return None if text is None else fold_id(text)


def parse_count(value: Value, options: Options) -> int | None:
    """A number of records or bytes: a whole number from 0."""
    if isinstance(value, int) and not isinstance(value, bool):
        count = value
    else:
        if not isinstance(value, str | None):
            raise ValueError(f"not a whole number from 0: {show(value)}")
        text = plain_text(value)
        if text is None:
            return None
        if _COUNT.fullmatch(text) is None or len(text) > 40:
            raise ValueError(f"not a whole number from 0: {show(text)}")
        count = int(text)
    if count < 0:
        raise ValueError(f"below 0: {count if count >= -MOST else 'far below'}")
    if count > MOST:
        raise ValueError("too large for 63 bits")
    return count


def parse_when(value: Value, options: Options) -> int | None:
    """An instant: ISO 8601 with an offset, or an integer in the declared unit that falls in 1990..2100."""
    if isinstance(value, int) and not isinstance(value, bool):
        return _from_epoch(value, options.epoch)
    if not isinstance(value, str | None):
        raise ValueError(f"neither a text nor a whole number: {show(value)}")
    text = plain_text(value)
    if text is None:
        return None
    if _INTEGER.fullmatch(text):
        if len(text) > 40:
            raise ValueError("not an instant: an integer of more than 40 digits")
        return _from_epoch(int(text), options.epoch)
    if _DATE.fullmatch(text):
        raise ValueError(f"a date without a time: {show(text)}")
    return parse_instant(text, zone=options.zone)


def _from_epoch(number: int, epoch: Epoch) -> int:
    instant = number * EPOCH_UNITS[epoch]
    if EARLIEST_EPOCH <= instant < AFTER_LATEST_EPOCH:
        return instant
    reason = f"{show(number)} {_UNIT_NAMES[epoch]} is outside 1990..2100"
    for unit, factor in EPOCH_UNITS.items():
        if unit != epoch and EARLIEST_EPOCH <= number * factor < AFTER_LATEST_EPOCH:
            likely = format_day(number * factor)
            raise ValueError(f"{reason}; as {_UNIT_NAMES[unit]} it is {likely}: import with --epoch {unit} if so")
    raise ValueError(reason)


def parse_day_or_instant(value: Value, options: Options) -> int | None:
    """An instant, or a bare date, which is 00:00 UTC of it: only where a person noted the day of a step."""
    if is_bare_date(value) and isinstance(value, str):
        return parse_point(value)
    return parse_when(value, options)


def is_bare_date(value: Value) -> bool:
    """Whether a value is a date without a time."""
    return isinstance(value, str) and _DATE.fullmatch(value.strip()) is not None


def parse_outcome(value: Value, options: Options) -> int:
    """An outcome's number; an absent one is a success."""
    text = plain_text(value)
    if text is None:
        return 0
    if text not in OUTCOMES:
        raise ValueError(f"not one of success, denied, error: {show(text)}")
    return OUTCOMES[text]


def parse_data_classes(value: Value, options: Options) -> str | None:
    """The data classes of an event, sorted, each once, joined by `|`; from such a text, or from a JSON array."""
    names: list[str]
    if isinstance(value, list):
        names = value
    else:
        text = plain_text(value)
        if text is None:
            return None
        if text.startswith("["):
            names = _array(text)
        elif CLASS_SEPARATOR not in text:
            return _data_class(text)
        else:
            names = text.split(CLASS_SEPARATOR)
    distinct = sorted({_data_class(name) for name in names})
    if len(distinct) > MAX_DATA_CLASSES:
        raise ValueError(f"more than {MAX_DATA_CLASSES} data classes")
    return CLASS_SEPARATOR.join(distinct) or None


def _array(text: str) -> list[str]:
    try:
        names = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"neither data classes nor a JSON array: {show(text)}") from error
    if not isinstance(names, list):
        raise ValueError(f"neither data classes nor a JSON array: {show(text)}")
    return names


def _data_class(name: Value) -> str:
    if not isinstance(name, str):
        raise ValueError(f"a data class is no text: {show(name)}")
    text = plain_text(name)
    if text is None:
        raise ValueError("an empty data class")
    if CLASS_SEPARATOR in text:
        raise ValueError(f"a data class with a | in it: {show(text)}")
    if "*" in text:
        raise ValueError(f"a pattern where a data class belongs: {show(text)}")
    return text


def parse_pattern(value: Value, options: Options) -> str | None:
    """A pattern of data classes: a name, a name ending in `.*`, or `*`."""
    text = plain_text(value)
    if text is None or text == "*":
        return text
    name = text.removesuffix(".*")
    if not name or "*" in name or CLASS_SEPARATOR in name:
        raise ValueError(f"not a data class, nor one that ends in .*, nor *: {show(text)}")
    return text


def parse_flag(value: Value, options: Options) -> int | None:
    """Yes or no."""
    if isinstance(value, bool):
        return int(value)
    text = plain_text(value)
    if text is None:
        return None
    if text.lower() not in _FLAGS:
        raise ValueError(f"not one of true, false, yes, no, 1, 0: {show(text)}")
    return _FLAGS[text.lower()]


def parse_step(value: Value, options: Options) -> str | None:
    """A step of a partner's remediation track, or a side state."""
    text = plain_text(value)
    if text is not None and text not in STEPS:
        raise ValueError(f"not a step: {show(text)}; one of {', '.join((*TRACK, *SIDE_STATES))}")
    return text
