"""What the value of an option must look like: each reads what a person typed, or says in a line what is wrong."""

import argparse
import os
import re
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

from store.errors import UsageError

if TYPE_CHECKING:
    from fractions import Fraction

Parsed = TypeVar("Parsed")

FIRST_YEAR, LAST_YEAR = 1900, 2200
_BARE_DATE = re.compile(r"\s*\d{4}-\d{2}-\d{2}\s*", re.ASCII)


def point(text: str) -> int:
    """A date or an instant a person typed, in microseconds UTC, of a year in which anything could have been logged."""
    from store.instants import format_instant, parse_point

    try:
        instant = parse_point(text)
        year = int(format_instant(instant)[:4])
    except (ValueError, OverflowError) as error:
        raise argparse.ArgumentTypeError(f"{error}; write 2019-11-05 or 2019-11-05T09:00:00Z") from error
    if not FIRST_YEAR <= year <= LAST_YEAR:
        raise argparse.ArgumentTypeError(f"{text!r} is not in the years {FIRST_YEAR} to {LAST_YEAR}")
    return instant


def dated_point(text: str) -> tuple[int, bool]:
    """The same, and whether only its date was given."""
    return point(text), _BARE_DATE.fullmatch(text) is not None


def words(text: str) -> str:
    """A text that can be stored: one that is valid UTF-8."""
    try:
        # Under a locale without UTF-8, Python hands over the bytes as surrogates.
        return text if text.isascii() else os.fsencode(text).decode("utf-8")
    except UnicodeError as error:
        raise argparse.ArgumentTypeError(f"{text!r} is not valid UTF-8") from error


def name(text: str) -> str:
    """A text with something in it."""
    stripped = words(text).strip()
    if not stripped:
        raise argparse.ArgumentTypeError("it is empty")
    return stripped


def actor(text: str) -> str:
    """Whom an action is signed by; `system` is the tool's own name."""
    stripped = name(text)
    if stripped.casefold() == "system":
        raise argparse.ArgumentTypeError("`system` is what the tool itself signs with; give your own name")
    return stripped


def whole(least: int, most: int) -> Callable[[str], int]:
    """A whole number in `least..most`."""

    def parse_whole(text: str) -> int:
        if not re.fullmatch(r"[+-]?\d{1,18}", text.strip(), re.ASCII) or not least <= int(text) <= most:
            raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from {least:,} to {most:,}")
        return int(text)

    return parse_whole


def renaming(text: str) -> tuple[str, str]:
    """A `theirs=ours` pair."""
    theirs, equals, ours = words(text).rpartition("=")
    if not equals or not theirs.strip() or not ours.strip():
        raise argparse.ArgumentTypeError(f"{text!r} is not theirs=ours")
    return theirs.strip(), ours.strip()


def part(text: str) -> "Fraction":
    """A proportion: `5%` or `0.05`."""
    from store.sampling import proportion

    return _or_complaint(proportion, text)


def seed(text: str) -> str:
    """The seed of a sample."""
    from store.sampling import seed_of

    return _or_complaint(seed_of, words(text))


def _or_complaint(parse_text: Callable[[str], Parsed], text: str) -> Parsed:
    try:
        return parse_text(text)
    except UsageError as error:
        raise argparse.ArgumentTypeError(str(error)) from error
