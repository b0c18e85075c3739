"""What a vendor's scopes open, as shipped with the program; a rulebook's own entry replaces a shipped one.

They speak only of grants that came with an import of that vendor's format.
"""

from collections.abc import Mapping
from functools import cache
from importlib import resources
from types import MappingProxyType

from store.rulebook import parse_rulebook

_FILES = {"m365-ual": "m365-scopes.toml"}


@cache
def shipped_scopes(vendor: str) -> Mapping[str, tuple[str, ...]]:
    """Scope -> patterns of data classes it opens, for the grants of one format; empty where nothing is shipped.

    Args:
        vendor: the format as an import names it, such as `m365-ual`; `canonical` has no shipped scopes.
    """
    file = _FILES.get(vendor)
    if file is None:
        return MappingProxyType({})
    text = resources.files("store.presets").joinpath(file).read_text(encoding="utf-8")
    return MappingProxyType(parse_rulebook(text, source=file).scopes)
