"""Instants: UTC, integers of microseconds since 1970-01-01T00:00:00Z. The one parser and the one printer of times."""

import re
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

MICROSECONDS_PER_SECOND = 1_000_000
MICROSECONDS_PER_DAY = 86_400 * MICROSECONDS_PER_SECOND

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_EARLIEST = (datetime.min.replace(tzinfo=UTC) - _EPOCH) // timedelta(microseconds=1)
_LATEST = (datetime.max.replace(tzinfo=UTC) - _EPOCH) // timedelta(microseconds=1)
_DATE = re.compile(r"(\d{4})-(\d{2})-(\d{2})", re.ASCII)
_INSTANT = re.compile(
    r"(\d{4}-\d{2}-\d{2})[Tt ](\d{2}:\d{2}(?::\d{2})?)(?:[.,](\d{1,9}))?\s?([Zz]|[+-]\d{2}:?\d{2}|[+-]\d{2})?",
    re.ASCII,
)


def now() -> int:
    """The current instant, in microseconds UTC."""
    return from_datetime(datetime.now(UTC))


def from_datetime(moment: datetime) -> int:
    """Microseconds UTC of an aware datetime, exactly.

    Raises:
        ValueError: the datetime is naive.
    """
    if moment.tzinfo is None:
        raise ValueError("a time without an offset")
    return (moment - _EPOCH) // timedelta(microseconds=1)


def to_datetime(instant: int) -> datetime:
    """The aware UTC datetime of an instant in microseconds.

    Raises:
        OverflowError: outside the years 1 to 9999.
    """
    return _EPOCH + timedelta(microseconds=instant)


def parse_instant(text: str, *, zone: ZoneInfo | None = None) -> int:
    """Microseconds UTC of an ISO 8601 instant with an offset or `Z`; digits beyond the microsecond are cut.

    Args:
        text: `2019-10-01T09:00:00Z`, `2019-10-01 09:00:00.123+02:00`; seconds may be left out.
        zone: the zone to read a time without an offset in; without it such a time is refused.

    Raises:
        ValueError: with a reason in plain words.
    """
    match = _INSTANT.fullmatch(text.strip())
    if match is None:
        raise ValueError(f"not an ISO 8601 instant: {text!r}")
    day, clock, fraction, offset = match.groups()
    if offset is None and zone is None:
        raise ValueError(f"a time without an offset: {text!r}; give --timezone if the log names none")
    if clock[-2:] == "60" and len(clock) == 8:
        raise ValueError(f"a leap second: {text!r}")
    if offset is not None and not offset[0].isalpha() and len(offset) > 3:
        digits = offset[1:].replace(":", "")
        if int(digits[:2]) > 14 or int(digits[2:]) > 59:
            raise ValueError(f"no such offset: {text!r}")
    try:
        moment = datetime.fromisoformat(f"{day}T{clock}{(offset or '').upper()}")
        if offset is None:
            moment = moment.replace(tzinfo=zone)
        whole = from_datetime(moment)
    except (ValueError, OverflowError) as error:
        raise ValueError(f"no such instant: {text!r} ({error})") from error
    if not _EARLIEST <= whole <= _LATEST:
        raise ValueError(f"no such instant: {text!r} (in UTC it is outside the years 1 to 9999)")
    return whole + int(((fraction or "") + "000000")[:6])


def parse_point(text: str) -> int:
    """An instant a person typed: a bare date is 00:00 UTC of it, else an ISO 8601 instant with an offset.

    Raises:
        ValueError: with a reason in plain words.
    """
    stripped = text.strip()
    match = _DATE.fullmatch(stripped)
    if match is None:
        named = _INSTANT.fullmatch(stripped)
        if named is not None and named.group(4) is None:
            raise ValueError(f"a time without an offset: {text!r}; add Z for UTC")
        return parse_instant(stripped)
    try:
        day = date(*(int(part) for part in match.groups()))
    except ValueError as error:
        raise ValueError(f"no such date: {text!r} ({error})") from error
    return from_datetime(datetime(day.year, day.month, day.day, tzinfo=UTC))


def format_instant(instant: int) -> str:
    """ISO 8601 with `Z`; a fraction only where there is one: `2019-11-05T00:00:00Z`."""
    moment = to_datetime(instant)
    text = moment.strftime("%Y-%m-%dT%H:%M:%S").rjust(19, "0")
    return f"{text}.{moment.microsecond:06d}Z" if moment.microsecond else f"{text}Z"


def format_optional(instant: int | None) -> str | None:
    """`format_instant`, and None for None."""
    return None if instant is None else format_instant(instant)


def format_day(instant: int) -> str:
    """The UTC date of an instant: `2019-11-05`."""
    return format_instant(instant)[:10]


def day_of(instant: int) -> int:
    """The UTC day an instant falls on, counted from 1970-01-01."""
    return instant // MICROSECONDS_PER_DAY


def dates_within(from_at: int, until_at: int) -> str:
    """The UTC dates that `[from_at, until_at)` touches: `2018-04-04 .. 2019-11-04`; `none from 2018-04-04 on`."""
    if from_at >= until_at:
        return f"none from {format_day(from_at)} on"
    return f"{format_day(from_at)} .. {last_day_before(until_at)}"


def read_words(from_at: int | None, until_at: int) -> str:
    """Of which reads figures are: `from 2018-04-04 to 2019-11-04 UTC`; None: without a rule, from the beginning on."""
    last = f"to {last_day_before(until_at)} UTC"
    if from_at is None:
        return f"from the beginning {last}"
    return f"from {format_day(from_at)} {last}" if from_at < until_at else f"{last}, where no rule is in force yet"


def last_day_before(instant: int) -> str:
    """The last UTC date that an interval ending (exclusively) at the instant touches: how an as-of is shown."""
    return format_day(instant - 1)
