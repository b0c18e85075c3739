"""Data classes are dotted names. A pattern is a name, a name ending in `.*` (all below it, not itself), or `*`."""

ANYTHING = "*"


def check_pattern(pattern: str) -> None:
    """Refuse what is no pattern.

    Raises:
        ValueError: with the reason.
    """
    stem = pattern[:-2] if pattern.endswith(".*") else pattern
    if pattern != ANYTHING and (not stem or "*" in stem or stem != stem.strip() or "|" in stem):
        raise ValueError(f"{pattern!r} is no pattern: use a name, a name ending in '.*', or '*'")


def matches(pattern: str, data_class: str) -> bool:
    """Whether a data class is one the pattern means."""
    if pattern == ANYTHING:
        return True
    if pattern.endswith(".*"):
        return data_class.startswith(pattern[:-1]) and len(data_class) > len(pattern) - 1
    return pattern == data_class


def contains(wide: str, narrow: str) -> bool:
    """Whether everything the narrow pattern means is also meant by the wide one."""
    if wide in (ANYTHING, narrow):
        return True
    if narrow == ANYTHING:
        return False
    if narrow.endswith(".*"):
        return wide.endswith(".*") and narrow.startswith(wide[:-1])
    return matches(wide, narrow)


def overlap(one: str, other: str) -> str | None:
    """The narrower of two patterns of which one contains the other; None where they have nothing in common."""
    if contains(one, other):
        return other
    if contains(other, one):
        return one
    return None
