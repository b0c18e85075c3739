"""How many people to check, which ones, and what follows from what was found: discovery sampling without replacement.

Exact, in whole numbers, and pure: it knows no tables, and an auditor can do it again in any language.

Of `population` people the partner still holds the data of `held`. Of `checked` of them, drawn without replacement, the
number found is hypergeometric: none with the chance C(population - held, checked) / C(population, checked).
Sources: Cannon and Roe, Livestock Disease Surveys (1982), for the size of a sample that is to show at least one;
Buonaccorsi, The American Statistician 41 (1987), 215-218, for the exact bound after what was found.
"""

import hashlib
import json
import math
import re
from collections.abc import Collection, Iterable, Sequence
from fractions import Fraction
from heapq import nsmallest
from typing import NamedTuple

from store.errors import UsageError

METHOD = (
    "discovery sampling without replacement, exact hypergeometric (size: Cannon and Roe 1982; bound: Buonaccorsi 1987)"
)
RISK_MEANS = (
    "the risk is the chance that such a sample shows so few although more than the bound are still held: it speaks of"
    " the sample, and is no probability of what the partner did"
)
# Shares and risks are told to so many decimals: 0.000001 %.
DECIMALS = 8
_PROPORTION = re.compile(r"\s*(\d{1,3}(?:\.\d{1,8})?)\s*(%?)\s*", re.ASCII)
_SEED = re.compile(r"[0-9a-f]{8,64}", re.ASCII)
_BITS = 192


class Plan(NamedTuple):
    """How many to check, so that finding none rules out that more than `share` of the population is still held.

    Attributes:
        population: distinct people.
        share, risk: exact proportions, 1/20 for 5 %.
        held_at_least: the smallest number of people that is more than that share of them.
        size: how many to check: were so many still held, none of them would be found with a chance below `risk`.
    """

    population: int
    share: Fraction
    risk: Fraction
    held_at_least: int
    size: int


class Result(NamedTuple):
    """What follows from what was found.

    Attributes:
        at_most: the most that may still be held: any more is ruled out at the plan's risk.
        rules_out: whether more than the plan's share is ruled out.
    """

    checked: int
    found: int
    at_most: int
    rules_out: bool


def proportion(text: str) -> Fraction:
    """A proportion as a person types it: `5%`, `0.5 %`, `0.05`.

    Raises:
        UsageError: it is none, or a bare number from 1 on, which could mean either.
    """
    match = _PROPORTION.fullmatch(text)
    if match is None:
        raise UsageError(f"{text!r} is no proportion: write 5% or 0.05")
    number = Fraction(match[1])
    if not match[2] and number >= 1:
        raise UsageError(f"{text!r} is more than all: write {match[1]}%, or a part of one such as 0.05")
    return number / 100 if match[2] else number


def decimal_text(value: Fraction) -> str:
    """A proportion of at most `DECIMALS` decimals as text, exactly: `0.05`."""
    whole, rest = divmod(value * 10**DECIMALS, 10**DECIMALS)
    digits = f"{int(rest):0{DECIMALS}d}".rstrip("0")
    return f"{whole}.{digits}" if digits else str(whole)


def percent(value: Fraction) -> str:
    """A proportion in words, exactly: `5 %`, `0.5 %`."""
    return f"{decimal_text(value * 100)} %"


def percent_at_most(count: int, population: int) -> str:
    """A part in percent, never less than it is: to a decimal place, below 1 % to two digits; `100 %` is all."""
    part = Fraction(100 * count, population) if population else Fraction(0)
    decimals = 1
    while 0 < part * 10**decimals < 10:
        decimals += 1
    tenths = math.ceil(part * 10**decimals)
    return f"{tenths // 10**decimals}.{tenths % 10**decimals:0{decimals}d} %".replace(".0 %", " %")


def plan(population: int, share: Fraction, risk: Fraction) -> Plan:
    """How many of so many people to check.

    Args:
        population: distinct people; nothing is to be checked of none.
        share: more than this share still held is to be ruled out; 0: that anybody's data is.
        risk: the chance to find none although so many are held stays below this.

    Raises:
        UsageError: the share is not in [0, 1) or the risk not in (0, 1), or they have too many decimals.
    """
    if not 0 <= share < 1:
        raise UsageError(f"a share of {_told(share)} cannot be exceeded: give one from 0 % to below 100 %")
    if not 0 < risk < 1:
        raise UsageError(f"a risk of {_told(risk)} cannot be met: give one above 0 % and below 100 %")
    for value in (share, risk):
        if (value * 10**DECIMALS).denominator != 1:
            raise UsageError(f"{value} has more than {DECIMALS} decimals")
    held = held_at_least(population, share)
    return Plan(population, share, risk, held, sample_size(population, held, risk))


def _told(value: Fraction) -> str:
    return percent(value) if value >= 0 and (value * 10**DECIMALS).denominator == 1 else str(value)


def held_at_least(population: int, share: Fraction) -> int:
    """The smallest number of people that is more than this share of so many."""
    return math.floor(share * population) + 1


def sample_size(population: int, held: int, risk: Fraction) -> int:
    """The smallest number to check, so that none found is less likely than `risk` if `held` or more are held.

    0 where so many cannot be held. It is met at the latest when more are checked than are not held.
    """
    if held > population:
        return 0
    most = population - held + 1
    enough = 1
    while enough < most and not _misses(population, held, enough, risk):
        enough = min(2 * enough, most)
    least = enough // 2
    while enough - least > 1:
        middle = (least + enough) // 2
        if _misses(population, held, middle, risk):
            enough = middle
        else:
            least = middle
    return enough


def _misses(population: int, held: int, checked: int, risk: Fraction) -> bool:
    """Whether none found is less likely than the risk; that chance is the same with held and checked exchanged."""
    more, fewer = max(held, checked), min(held, checked)
    none, all_ways = math.perm(population - more, fewer), math.perm(population, fewer)
    return none * risk.denominator < risk.numerator * all_ways


def result(planned: Plan, checked: int, found: int) -> Result:
    """What follows for a plan's population from so many checked, of whom so many were still held."""
    at_most = upper_bound(planned.population, checked, found, planned.risk)
    return Result(checked, found, at_most, at_most < planned.held_at_least)


def upper_bound(population: int, checked: int, found: int, risk: Fraction) -> int:
    """The largest number that may still be held: were it any more, so few found would be less likely than `risk`.

    The exact one-sided bound: from `found` to all but those who were checked and not found.

    Raises:
        UsageError: more were found than checked, or more checked than there are.
    """
    if not 0 <= found <= checked <= population:
        raise UsageError(f"{found:,} found of {checked:,} checked of {population:,} people: that cannot be")
    at_most, too_many = found, population - (checked - found) + 1
    while too_many - at_most > 1:
        middle = (at_most + too_many) // 2
        if _rules_out(population, middle, checked, found, risk):
            too_many = middle
        else:
            at_most = middle
    return at_most


class _Sum(NamedTuple):
    """Bounds of a sum of chances, in units of 2^-`_BITS` of the chance of exactly what was found."""

    low: int
    high: int


def _rules_out(population: int, held: int, checked: int, found: int, risk: Fraction) -> bool:
    """Whether at most `found` among the checked is less likely than the risk.

    The chances of fewer and of more are summed from that of exactly `found` outwards, each from the one before; the
    falling side first, the other until it decides. What such rounded sums leave open is settled by exact ones.
    """
    one, spare = 1 << _BITS, population - held - checked
    least, most = max(0, -spare), min(held, checked)
    upwards = (((held - i) * (checked - i), (i + 1) * (spare + i + 1)) for i in range(found, most))
    downwards = ((i * (spare + i), (held - i + 1) * (checked - i + 1)) for i in range(found, least, -1))
    few, many = risk.denominator - risk.numerator, risk.numerator
    if (held - found) * (checked - found) <= (found + 1) * (spare + found + 1):
        more = _summed(upwards, most - found)
        fewer = _summed(downwards, found - least, enough=many * more.high // few)
        if (one + fewer.low) * few >= many * more.high:
            return False
        if (one + fewer.high) * few < many * more.low:
            return True
    else:
        fewer = _summed(downwards, found - least)
        more = _summed(upwards, most - found, enough=(one + fewer.high) * few // many)
        if (one + fewer.high) * few < many * more.low:
            return True
        if (one + fewer.low) * few >= many * more.high:
            return False
    return _chance_of_at_most(population, held, checked, found) < risk


def _summed(ratios: Iterable[tuple[int, int]], terms: int, *, enough: int | None = None) -> _Sum:
    """The sum of as many terms, each the one before times its ratio; above `enough` only `low` is a bound."""
    low = high = 1 << _BITS
    low_sum = high_sum = 0
    for done, (numerator, denominator) in enumerate(ratios):
        low, high = low * numerator // denominator, -(-high * numerator // denominator)
        low_sum, high_sum = low_sum + low, high_sum + high
        if enough is not None and low_sum > enough:
            break
        if high <= 1 and numerator <= denominator:
            high_sum += terms - done - 1
            break
    return _Sum(low_sum, high_sum)


def _chance_of_at_most(population: int, held: int, checked: int, found: int) -> Fraction:
    """The exact chance. Who is held and who is checked may change places: the fewer of the two make smaller numbers."""
    held, checked = max(held, checked), min(held, checked)
    ways = sum(math.comb(held, i) * math.comb(population - held, checked - i) for i in range(min(found, checked) + 1))
    return Fraction(ways, math.comb(population, checked))


def seed_of(text: str) -> str:
    """A seed as it is logged: 8 to 64 hexadecimal digits, in lower case.

    Raises:
        UsageError: it is none.
    """
    seed = text.strip().lower()
    if not _SEED.fullmatch(seed):
        raise UsageError(f"{text!r} is no seed: give 8 to 64 hexadecimal digits")
    return seed


def draw_key(seed: str, subject_id: str) -> str:
    """By what a person is drawn: the SHA-256, in hexadecimal digits, of `SEED|ID` in UTF-8."""
    return hashlib.sha256(f"{seed}|{subject_id}".encode()).hexdigest()


def chosen(subject_ids: Collection[str], size: int, seed: str) -> list[str]:
    """The people drawn, in the order drawn: those with the smallest SHA-256 of `SEED|ID`, smallest first.

    Every set of so many people is equally likely, and so is every order: the first k of a list are a sample of k. To
    draw again: list the population as `python -m store people --partner ID --as-of AS_OF --csv` does, take for each
    id the SHA-256 of the seed as logged, a `|` and the id, in UTF-8, sort by it, and keep the first.
    """
    return nsmallest(size, subject_ids, key=lambda subject_id: draw_key(seed, subject_id))


def digest_of(subject_ids: Sequence[str]) -> str:
    """The SHA-256 of a list of ids: of its JSON array without blanks, in ASCII."""
    return hashlib.sha256(list_text(subject_ids).encode("ascii")).hexdigest()


def list_text(subject_ids: Sequence[str]) -> str:
    """A list of ids as the store keeps it."""
    return json.dumps(list(subject_ids), separators=(",", ":"), ensure_ascii=True)
