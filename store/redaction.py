"""Secrets that logs carry by accident are taken out before a text is kept: `[secret 3f2a91c4d0b7e655]` stands instead.

The digits are the first sixteen of the secret's SHA-256, so that two secrets stay two values and one stays one: what is
counted, compared or found again by such a text comes out the same. Sixteen, because among a million values that carry
one, eight would confuse a hundred pairs.
"""

import hashlib
import re
from collections.abc import Callable
from functools import partial

from store.secret_shapes import SHAPES

DIGITS = 16

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


def _without(is_secret: Callable[[str], bool], match: re.Match[str]) -> str:
    """What the pattern found, its secret replaced if it is one."""
    name = match.lastgroup or "secret"
    secret = match[name]
    if not is_secret(secret):
        return match[0]
    start, end = (place - match.start() for place in match.span(name))
    return f"{match[0][:start]}{stand_in(secret)}{match[0][end:]}"
