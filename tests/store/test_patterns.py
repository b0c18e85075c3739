"""Patterns against their definition: a pattern *is* the set of names it means."""

import itertools

import pytest

from store.patterns import check_pattern, contains, matches, overlap

PARTS = ("a", "b", "ab")
NAMES = [".".join(parts) for length in (1, 2, 3) for parts in itertools.product(PARTS, repeat=length)]
PATTERNS = ["*", *NAMES, *(f"{name}.*" for name in NAMES)]


def meaning(pattern: str) -> frozenset[str]:
    """By the letter of DOMAIN, with names one level deeper than the patterns so that `x.*` is never empty."""
    deeper = NAMES + [f"{name}.{part}" for name in NAMES for part in PARTS]
    if pattern == "*":
        return frozenset(deeper)
    if pattern.endswith(".*"):
        stem = pattern[:-2].split(".")
        return frozenset(n for n in deeper if n.split(".")[: len(stem)] == stem and n.split(".") != stem)
    return frozenset(n for n in deeper if n == pattern)


MEANINGS = {pattern: meaning(pattern) for pattern in PATTERNS}


def test_matching_is_membership() -> None:
    for pattern in PATTERNS:
        for name in NAMES:
            assert matches(pattern, name) == (name in MEANINGS[pattern]), (pattern, name)


def test_containment_is_inclusion() -> None:
    included = 0
    for wide, narrow in itertools.product(PATTERNS, repeat=2):
        expected = MEANINGS[narrow] <= MEANINGS[wide]
        assert contains(wide, narrow) == expected, (wide, narrow)
        included += expected
    assert included > len(PATTERNS)


def test_the_overlap_is_the_narrower_one_and_is_what_both_mean() -> None:
    for one, other in itertools.product(PATTERNS, repeat=2):
        both = MEANINGS[one] & MEANINGS[other]
        narrower = overlap(one, other)
        assert (MEANINGS[narrower] if narrower else frozenset()) == both, (one, other)


@pytest.mark.parametrize("pattern", ["", "a*", "*.a", "a.*.b", ".*", " a", "a|b", "**"])
def test_what_is_no_pattern_is_refused(pattern: str) -> None:
    with pytest.raises(ValueError, match="is no pattern"):
        check_pattern(pattern)


@pytest.mark.parametrize("pattern", ["*", "a", "a.b", "a.*", "group.member.*"])
def test_what_is_one_is_taken(pattern: str) -> None:
    check_pattern(pattern)
