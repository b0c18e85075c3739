"""Sizes, bounds and draws against their definitions: plain fractions, SciPy, and tables that were published."""

import hashlib
import itertools
import json
from collections import Counter
from collections.abc import Sequence
from fractions import Fraction
from math import comb

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from scipy.stats import chi2, chisquare, hypergeom

from store import sampling
from store.errors import UsageError
from store.sampling import chosen, held_at_least, plan, sample_size, upper_bound

FIVE = Fraction(1, 20)
RISKS = (Fraction(1, 20), Fraction(1, 10), Fraction(1, 100), Fraction(1, 3), Fraction(9, 10), Fraction(1, 10**8))
DECIMAL_RISKS = [risk for risk in RISKS if risk != Fraction(1, 3)]
# So far may SciPy be from what is exact.
NEAR = 1e-6


def chance_of_at_most(population: int, held: int, checked: int, found: int) -> Fraction:
    """The definition, counted: of all ways to check so many, those that find no more."""
    ways = sum(comb(held, i) * comb(population - held, checked - i) for i in range(found + 1) if i <= checked)
    return Fraction(ways, comb(population, checked))


def test_the_definition_counts_what_really_happens() -> None:
    for held, checked in itertools.product(range(6), range(6)):
        draws = [len({*drawn} & {*range(held)}) for drawn in itertools.combinations(range(5), checked)]
        for found in range(6 if draws and held <= 5 else 0):
            seen = Fraction(sum(each <= found for each in draws), len(draws))
            assert seen == chance_of_at_most(5, held, checked, found)


# Cannon and Roe (1982), at 95 %: people, so many held, so many to check.
PUBLISHED = (
    *((10, 1, 10), (50, 5, 22), (100, 1, 95), (100, 2, 78), (100, 5, 45), (100, 10, 25), (200, 10, 51), (500, 25, 56)),
    *((1_000, 1, 950), (1_000, 10, 258), (1_000, 20, 138), (1_000, 50, 57), (1_000, 100, 29)),
)


@pytest.mark.parametrize(("population", "held", "published"), PUBLISHED)
def test_sizes_are_those_of_published_tables(population: int, held: int, published: int) -> None:
    none = chance_of_at_most(population, held, published, 0)
    assert none <= FIVE < chance_of_at_most(population, held, published - 1, 0), "the table is not what it is taken for"
    # The tables take a chance of exactly 5 % for enough; here it must be below.
    assert sample_size(population, held, FIVE) == published + (none == FIVE)


def test_the_two_published_sizes_with_a_chance_of_exactly_five_percent() -> None:
    assert sample_size(100, 1, FIVE) == 96
    assert sample_size(1_000, 1, FIVE) == 951
    assert chance_of_at_most(100, 1, 95, 0) == chance_of_at_most(1_000, 1, 950, 0) == FIVE


def test_every_size_of_small_populations_is_the_definitions() -> None:
    for population in range(1, 31):
        for held, risk in itertools.product(range(1, population + 1), RISKS):
            wanted = next(n for n in range(population + 1) if chance_of_at_most(population, held, n, 0) < risk)
            assert sample_size(population, held, risk) == wanted, (population, held, risk)


def test_every_bound_of_small_populations_is_the_definitions() -> None:
    for population in range(13):
        for checked, risk in itertools.product(range(population + 1), RISKS):
            for found in range(checked + 1):
                possible = range(found, population - (checked - found) + 1)
                wanted = max(d for d in possible if chance_of_at_most(population, d, checked, found) >= risk)
                assert upper_bound(population, checked, found, risk) == wanted, (population, checked, found, risk)


@pytest.mark.parametrize("population", [7, 430, 9_999, 250_000, 10_000_000])
@pytest.mark.parametrize("share", [Fraction(0), Fraction(1, 1_000), FIVE, Fraction(1, 2), Fraction(99, 100)])
def test_sizes_are_scipys(population: int, share: Fraction) -> None:
    for risk in DECIMAL_RISKS:
        planned = plan(population, share, risk)
        none, one_less = hypergeom.pmf(0, population, planned.held_at_least, [planned.size, planned.size - 1])
        assert none <= float(risk) * (1 + NEAR) + 1e-12
        assert one_less >= float(risk) * (1 - NEAR) - 1e-12


BOUNDS = ((430, 58, 0), (430, 58, 3), (430, 430, 3), (9_999, 500, 499), (250_000, 300, 7), (10**7, 20_000, 1_000))


@pytest.mark.parametrize(("population", "checked", "found"), [*BOUNDS, (10**7, 300_000, 0), (10**7, 60_000, 30_000)])
def test_bounds_are_scipys(population: int, checked: int, found: int) -> None:
    for risk in RISKS:
        at_most = upper_bound(population, checked, found, risk)
        few, fewer = hypergeom.cdf(found, population, [at_most, min(at_most + 1, population)], checked)
        assert few >= float(risk) * (1 - 1e-6)
        assert fewer <= float(risk) * (1 + 1e-6) or at_most == population - (checked - found)


@settings(max_examples=120, deadline=None)
@given(st.data(), st.integers(1, 3_000), st.sampled_from(RISKS))
def test_the_bound_holds_and_one_more_is_ruled_out(data: st.DataObject, population: int, risk: Fraction) -> None:
    checked = data.draw(st.integers(0, min(population, 60)))
    found = data.draw(st.integers(0, checked))
    at_most = upper_bound(population, checked, found, risk)
    assert found <= at_most <= population - (checked - found)
    assert chance_of_at_most(population, at_most, checked, found) >= risk
    if at_most < population - (checked - found):
        assert chance_of_at_most(population, at_most + 1, checked, found) < risk
    if found:
        assert upper_bound(population, checked, found - 1, risk) <= at_most


POPULATIONS = st.integers(1, 10**7)
SHARES = st.integers(0, 999).map(lambda thousandths: Fraction(thousandths, 1_000))
ANY_RISK = st.integers(1, 999).map(lambda thousandths: Fraction(thousandths, 1_000))


@settings(max_examples=150, deadline=None)
@given(POPULATIONS, SHARES, ANY_RISK)
@example(1, Fraction(0), Fraction(1, 1_000))
@example(10**7, Fraction(0), Fraction(1, 1_000))
def test_a_plan_does_what_it_says(population: int, share: Fraction, risk: Fraction) -> None:
    planned = plan(population, share, risk)
    held, size = planned.held_at_least, planned.size
    assert Fraction(held, population) > share >= Fraction(held - 1, population)
    assert 1 <= size <= population
    assert none_found(population, held, size) < risk <= none_found(population, held, size - 1)
    # More people, a smaller share and a smaller risk never need fewer to be checked.
    assert sample_size(population + 1, held, risk) >= size
    assert plan(population, share / 2, risk).size >= size
    assert plan(population, share, risk / 2).size >= size
    # Finding none rules out what the plan is to rule out; one fewer checked does not.
    assert sampling.result(planned, size, 0).rules_out
    assert not sampling.result(planned, size - 1, 0).rules_out


def none_found(population: int, held: int, checked: int) -> Fraction:
    """The chance that none is found, one person after the other: whichever of the two is fewer is gone through."""
    more, fewer = max(held, checked), min(held, checked)
    if fewer > 4_000:
        return Fraction(hypergeom.pmf(0, population, held, checked))
    chance, ways = 1, 1
    for i in range(fewer):
        chance, ways = chance * max(0, population - more - i), ways * (population - i)
    return Fraction(chance, ways)


def test_shares_are_exact_where_floating_point_is_not() -> None:
    assert 0.07 * 100 > 7
    assert held_at_least(100, Fraction("0.07")) == 8
    assert int(0.29 * 100) == 28
    assert held_at_least(100, Fraction("0.29")) == 30
    assert [held_at_least(population, FIVE) for population in (0, 1, 19, 20, 39, 40)] == [1, 1, 1, 2, 2, 3]


def test_the_ends() -> None:
    assert plan(0, FIVE, FIVE) == (0, FIVE, FIVE, 1, 0)
    assert plan(1, Fraction(99, 100), Fraction(99, 100)).size == 1
    assert plan(60, Fraction(0), Fraction(1, 10**8)).size == 60
    assert upper_bound(0, 0, 0, FIVE) == 0
    assert upper_bound(60, 0, 0, FIVE) == 60
    assert upper_bound(60, 60, 0, FIVE) == 0
    assert upper_bound(60, 60, 7, FIVE) == 7
    # Here a chance is exactly the risk: it is not below, so nothing is ruled out by it.
    assert upper_bound(20, 1, 0, FIVE) == 19
    assert upper_bound(10_000_000, 1, 0, FIVE) == 9_500_000


@pytest.mark.parametrize(("population", "checked", "found"), [(5, 6, 0), (5, 3, 4), (5, 3, -1), (0, 1, 1)])
def test_what_cannot_have_been_found_has_no_bound(population: int, checked: int, found: int) -> None:
    with pytest.raises(UsageError, match="cannot be"):
        upper_bound(population, checked, found, FIVE)


@pytest.mark.parametrize(
    ("share", "risk", "says"),
    [
        ("1", "0.05", "a share of 100 % cannot be exceeded"),
        ("1.5", "0.05", "a share of 150 % cannot"),
        ("-0.05", "0.05", "a share of -1/20 cannot"),
        ("0.05", "0", "a risk of 0 % cannot be met"),
        ("0.05", "1", "a risk of 100 % cannot be met"),
        ("1/3", "0.05", "more than 8 decimals"),
        ("0.05", "0.000000001", "more than 8 decimals"),
    ],
)
def test_a_plan_that_makes_no_sense_is_refused(share: str, risk: str, says: str) -> None:
    with pytest.raises(UsageError, match=says):
        plan(100, Fraction(share), Fraction(risk))


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("5%", "0.05"),
        (" 0.5 % ", "0.005"),
        ("0.05", "0.05"),
        ("0", "0"),
        ("0%", "0"),
        ("100%", "1"),
        ("12.5%", "0.125"),
    ],
)
def test_a_proportion_as_it_is_typed(text: str, value: str) -> None:
    assert sampling.proportion(text) == Fraction(value)
    assert Fraction(sampling.decimal_text(Fraction(value))) == Fraction(value)


@pytest.mark.parametrize(
    "text", ["", "5", "1", "100", "-5%", "5%%", "1e-2", "nan", "\u0665%", "5,5%", "1/20", "0.123456789"]
)
def test_what_is_no_proportion(text: str) -> None:
    with pytest.raises(UsageError):
        sampling.proportion(text)


def test_percent_is_never_told_too_low() -> None:
    told = sampling.percent_at_most
    assert [told(20, 430), told(0, 430), told(430, 430), told(1, 3)] == ["4.7 %", "0 %", "100 %", "33.4 %"]
    assert [told(3, 10_000_000), told(999_999, 1_000_000), told(1, 200)] == ["0.000030 %", "100 %", "0.50 %"]
    for count, population in itertools.product(range(12), range(12, 40)):
        assert Fraction(told(count, population).removesuffix(" %")) / 100 >= Fraction(count, population)


# --- drawing -----------------------------------------------------------------------------------------------------


def seeds(count: int) -> list[str]:
    return [f"{number:016x}" for number in range(count)]


def test_a_draw_is_redone_with_a_hash_alone() -> None:
    people = [f"person-{number}" for number in range(50)] + ["Zoë Ω", "=1+1", "日本", "a|b", "a\nb"]
    for seed in seeds(20):
        ranked = sorted(people, key=lambda one: hashlib.sha256((seed + "|" + one).encode("utf-8")).digest())
        for size in (0, 1, 7, 55):
            assert chosen(people, size, seed) == chosen(people[::-1], size, seed) == ranked[:size]
    text = json.dumps(people, separators=(",", ":")).encode()
    assert sampling.digest_of(people) == hashlib.sha256(text).hexdigest()


def test_a_draw_known_beforehand() -> None:
    # printf '%s|%s' deadbeef u-1 | sha256sum, and so on.
    assert sampling.draw_key("deadbeef", "u-1") == hashlib.sha256(b"deadbeef|u-1").hexdigest()
    assert chosen(["u-1", "u-2", "u-3", "u-4", "u-5"], 3, "deadbeef") == KNOWN


KNOWN = ["u-2", "u-1", "u-4"]


def p_value(counts: Sequence[int]) -> float:
    return float(chisquare(counts).pvalue)


def test_every_subset_and_every_order_is_equally_likely() -> None:
    people = ["ann", "bo", "cy", "di", "eve", "flo"]
    draws = [tuple(chosen(people, 2, seed)) for seed in seeds(9_000)]
    in_order = Counter(draws)
    assert len(in_order) == 30
    assert p_value(list(in_order.values())) > 0.001
    subsets = Counter(frozenset(draw) for draw in draws)
    assert len(subsets) == 15
    assert p_value(list(subsets.values())) > 0.001
    # A draw that leans only a little is seen.
    leaning = Counter(draw if number % 20 else ("ann", "bo") for number, draw in enumerate(draws))
    assert p_value(list(leaning.values())) < 0.001


@pytest.mark.parametrize(("population", "size"), [(200, 20), (50, 45), (1_000, 1)])
def test_everybody_is_equally_likely_to_be_drawn(population: int, size: int) -> None:
    people = [f"u{number}" for number in range(population)]
    runs = 60_000 // population
    drawn = Counter(itertools.chain.from_iterable(chosen(people, size, seed) for seed in seeds(runs)))
    expected = runs * size / population
    # Of a draw without replacement the squares are smaller by (N - n) / (N - 1).
    spread = (population - size) / (population - 1)
    squares = sum((drawn[one] - expected) ** 2 for one in people) / expected / spread
    assert 0.001 < chi2.sf(squares, population - 1) < 0.999
    assert drawn.total() == runs * size


@pytest.mark.parametrize("text", ["", "abc", "g" * 8, "0" * 65, "dead beef", "0x123456"])
def test_what_is_no_seed(text: str) -> None:
    with pytest.raises(UsageError, match="no seed"):
        sampling.seed_of(text)
    assert sampling.seed_of(" DEADBEEF ") == "deadbeef"
