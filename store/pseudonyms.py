"""People as keyed pseudonyms: `person-<a>`, and for a mail address `person-<a>-<b>`, where `<b>` is its personal site.

HMAC-SHA-256 over the folded id, so that one person is one pseudonym whatever the spelling, and nobody without the key
can tell whose it is or try names. What the text alone tells is replaced wherever it stands; see docs/DECISIONS.md
for what cannot be recognised. Knows nothing of files and tables.
"""

import hmac
import re
import stat
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple
from urllib.parse import quote, unquote

from store.aliases import PERSONAL, path_word
from store.errors import UnusableFileError
from store.ids import fold_id

LEAST_KEY_BYTES = 32
MOST_KEY_BYTES = 1 << 20
_LEAST_DIFFERENT_BYTES = 8
_MAKE_ONE = "make one with `head -c 32 /dev/urandom > people.key; chmod 600 people.key`"
_DIGITS = 20
_SPELLING_DIGITS = 8
EVENT = "event-"
EVENT_DIGITS = 20
_HMAC_BLOCK = 64

# `@`, also escaped once or more in a nested address.
_AT = re.compile(r"@|%(?:25){0,3}40")
_LONGEST_LOCAL = 256
# The part before the `@`, read backwards: letters, marks, and the escapes of these; never the escape of a delimiter.
_LOCAL_BACKWARDS = re.compile(
    r"(?:(?![0-9A-Fa-f]{2}(?:52){0,3}%)[\w.+~!$^*-]|(?<=\w)'(?=\w)"
    r"|(?:[BDEbde]2|[0-9]3|(?!0[46]|[BCDbcd][57])[0-9A-Fa-f][4-7]|[0-9A-Fa-f][89A-Fa-f])(?:52){0,3}%)+"
)
_DOMAIN = re.compile(r"\w+(?:(?:[.-]|%(?:25){0,3}2E)+\w+)*", re.IGNORECASE)
_SLASH = r"(?:/|%(?:25){0,3}2F)"
_SITE = re.compile(
    rf"(?:^|{_SLASH}|[\s\"'=(,;]){PERSONAL.strip('/')}{_SLASH}"
    r"""(?P<part>(?:(?!%(?:25){0,3}2F)[^/?#\s"'&<>|,;:()])+)""",
    re.IGNORECASE,
)
# Where an interface names a person in an address; words such as `me`, `export` or `{id}` are none.
_PERSONS_PLACE = re.compile(
    rf"(?:^|{_SLASH})(?:users?|people|persons?|members?|profiles?|mailbox(?:es)?|owners?)(?:{_SLASH}|\(')"
    r"(?P<part>(?=[\w.-]*\d)[\w.-]{4,})",
    re.IGNORECASE,
)
_PART = re.compile(r"""[^\s/?&=#:;,|()'"<>\\\[\]{}]+""")
# The words of a text that an id within it begins and ends with; an escape such as `%3D` is none.
_WORD = re.compile(r"%(?:25){0,3}[0-9A-Fa-f]{2}|(?P<word>[^\W_]+)")
_SECTION = re.compile(r"[^/?&=#]+")
MOST_WORDS = 5
# Random by how it is made: tells of nobody.
UUID = r"[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}"
_UUID = re.compile(UUID)
_QUOTED = re.compile(r"""'(?:[^'\\]|\\.)*+'?|"(?:[^"\\]|\\.)*+"?""")
_LONG_NUMBER = re.compile(r"\d{5,}")
_ESCAPE = re.compile(r"%[0-9A-Fa-f]{2}")


class Span(NamedTuple):
    """A place `start..end` (exclusive) in a text that names a person, and what stands there instead."""

    start: int
    end: int
    instead: str


class Piece(NamedTuple):
    """A part of a text, `start..end` (exclusive), and the folded id that it may be."""

    start: int
    end: int
    folded: str


class People:
    """Gives people their pseudonyms under one key.

    Attributes:
        fingerprint: of the key; tells nothing of it.
        hides_ids: whether event ids are kept as pseudonyms of their own. A store that was begun before they were keeps
            them as it did, under the fingerprint that it has: else its events would come in once more.
    """

    def __init__(self, key: bytes, *, hides_ids: bool = True) -> None:
        self._key = key
        self.hides_ids = hides_ids
        self.fingerprint = self._keyed(
            "fingerprint", "overscope people, event ids" if hides_ids else "overscope people"
        )

    def with_plain_ids(self) -> "People":
        """The same pseudonyms for a store that was begun before event ids had any."""
        return People(self._key, hides_ids=False)

    def _keyed(self, what: str, text: str, digits: int = _DIGITS) -> str:
        message = f"{what}\0{text}".encode("utf-8", "surrogatepass")
        return hmac.digest(self._key, message, "sha256").hex()[:digits]

    def _spelled(self, pseudonym: str, written: str, folded: str) -> str:
        """The pseudonym; another spelling than the folded one stays another text, so that nothing is counted less."""
        if written == folded:
            return pseudonym
        return f"{pseudonym}.{self._keyed('spelling', written, _SPELLING_DIGITS)}"

    def site(self, word: str) -> str:
        """The pseudonym of the last part of a personal site's path, such as `ann_lee_x_com`."""
        folded = word.lower()
        return self._spelled(f"site-{self._keyed('site', folded)}", word, folded)

    def person(self, written: str) -> str:
        """The pseudonym of a person's id as a whole, whatever it is."""
        folded = fold_id(written)
        if folded.startswith(PERSONAL):
            return self._spelled(PERSONAL + self.site(folded.removeprefix(PERSONAL)), written, folded)
        pseudonym = f"person-{self._keyed('person', folded)}"
        if "@" in folded:
            pseudonym += f"-{self._keyed('site', path_word(folded) or '')}"
        return self._spelled(pseudonym, written, folded)

    def _named(self, written: str) -> str:
        """The pseudonym of an id that stands within a text, maybe escaped."""
        decoded = _decoded(written)
        folded = fold_id(decoded)
        return self._spelled(self.person(folded), written, folded)

    def in_text(self, text: str, own: str | None = None) -> str:
        """A text with everybody replaced that it names by mail address, personal site, or place in an address.

        Args:
            own: the id of the record's own person, replaced too where it is a part of its own.
        """
        spans = [*self.told_by_text(text)]
        if own:
            spans += self.where(text, own)
        return replaced(text, spans)

    def told_by_text(self, text: str) -> Iterator[Span]:
        """Whom the text alone tells."""
        yield from self._addresses(text)
        for match in _SITE.finditer(text):
            start, end = match.span("part")
            decoded = _decoded(match["part"])
            yield Span(start, end, self._spelled(self.site(decoded), match["part"], decoded))
        for match in _PERSONS_PLACE.finditer(text):
            start, end = match.span("part")
            yield Span(start, end, self._named(match["part"]))

    def _addresses(self, text: str) -> Iterator[Span]:
        free_from = 0
        for at in _AT.finditer(text):
            before = text[max(free_from, at.start() - _LONGEST_LOCAL) : at.start()]
            local = _LOCAL_BACKWARDS.match(before[::-1])
            domain = _DOMAIN.match(text, at.end())
            if local is None or domain is None:
                continue
            start = at.start() - local.end()
            free_from = domain.end()
            yield Span(start, free_from, self._named(text[start:free_from]))

    def where(self, text: str, own: str) -> Iterator[Span]:
        """Where an id stands as a part of its own, in any case, plain or escaped."""
        lowered = text.lower()
        if len(lowered) != len(text):
            lowered = text
        for form in dict.fromkeys(each.lower() for each in (own, quote(own), quote(own, safe=""))):
            start = lowered.find(form)
            while start >= 0:
                end = start + len(form)
                if _is_apart(text, start, end):
                    yield Span(start, end, self._spelled(self.person(own), text[start:end], fold_id(own)))
                start = lowered.find(form, end)

    def piece(self, text: str, start: int, piece: Piece) -> Span:
        """How a piece is replaced that is the id of somebody known, of a section that begins at `start` of a text."""
        first, end = start + piece.start, start + piece.end
        return Span(first, end, self._spelled(self.person(piece.folded), text[first:end], piece.folded))

    def event_id(self, written: str, own: str | None = None) -> str:
        """What is kept of an event's id: a pseudonym of its own, unless it is a UUID and not the person's own id.

        Made from the record alone, so that one event has one id whoever is known when; whom it names is not to be seen.
        """
        if not self.hides_ids:
            return self.in_text(written, own)
        if _UUID.fullmatch(written) is not None and written.lower() != (own or "").lower():
            return written
        return EVENT + hmac.digest(self._event_key(), written.encode("utf-8"), "sha256").hex()[:EVENT_DIGITS]

    def _event_key(self) -> bytes:
        return hmac.digest(self._key, b"event ids", "sha256")

    def event_pads(self) -> tuple[bytes, bytes]:
        """What HMAC-SHA-256 puts before an event's id and before the hash of that, for a database to compute it."""
        key = self._event_key().ljust(_HMAC_BLOCK, b"\0")
        return bytes(byte ^ 0x36 for byte in key), bytes(byte ^ 0x5C for byte in key)


def sections(text: str) -> Iterator[tuple[int, str]]:
    """The text as a whole, and what stands between `/`, `?`, `&`, `=` and `#`, with where it begins."""
    yield 0, text
    for match in _SECTION.finditer(text):
        if len(match[0]) < len(text):
            yield match.start(), match[0]


def pieces(section: str) -> Iterator[Piece]:
    """What may be an id within a section: all of it; without such marks in it, its parts and up to five words."""
    places = {(0, len(section)): None}
    if _SECTION.fullmatch(section) is not None:
        places.update(dict.fromkeys(match.span() for match in _PART.finditer(section)))
        words = [match.span() for match in _WORD.finditer(section) if match["word"] is not None]
        for first, (start, _) in enumerate(words):
            places.update(dict.fromkeys((start, end) for _, end in words[first : first + MOST_WORDS]))
    for start, end in places:
        yield Piece(start, end, fold_id(_decoded(section[start:end])))


def replaced(text: str, spans: Iterable[Span]) -> str:
    """The text with every span replaced; of spans that overlap, the one that begins first, then the longest."""
    pieces: list[str] = []
    done = 0
    for span in sorted(spans, key=lambda span: (span.start, -span.end)):
        if span.start >= done:
            pieces += [text[done : span.start], span.instead]
            done = span.end
    return "".join([*pieces, text[done:]]) if pieces else text


def without_values(reason: str) -> str:
    """The reason for a quarantine without the values it quotes: nobody knows whose they are."""
    return _LONG_NUMBER.sub("(a number withheld)", _QUOTED.sub("(withheld)", reason))


def withheld(text: str) -> str:
    """What is kept of a record that could not be parsed."""
    return f"(withheld: {len(text):,} characters, imported with pseudonyms)"


def _decoded(written: str) -> str:
    if "%" not in written:
        return written
    for _ in range(4):
        plain = unquote(written)
        if plain == written:
            break
        written = plain
    return written


def _is_apart(text: str, start: int, end: int) -> bool:
    before, after = text[max(0, start - 3) : start], text[end : end + 1]
    return (_ESCAPE.fullmatch(before) is not None or not before[-1:].isalnum()) and not after.isalnum()


def read_key(path: Path) -> People:
    """The pseudonyms under the key in a file: at least 32 random bytes of any form, for its owner's eyes only.

    Raises:
        UnusableFileError: there is none, others can read it, or it is no key.
    """
    try:
        status = path.stat()
    except OSError as error:
        raise UnusableFileError(f"cannot read the key {path}: {error.strerror}; {_MAKE_ONE}") from error
    if not stat.S_ISREG(status.st_mode):
        raise UnusableFileError(f"the key {path} is not a file; {_MAKE_ONE}")
    if status.st_mode & 0o077:
        raise UnusableFileError(f"others can read the key {path}: run `chmod 600 {path}`, then import again")
    try:
        with path.open("rb") as stream:
            key = stream.read(MOST_KEY_BYTES + 1)
    except OSError as error:
        raise UnusableFileError(f"cannot read the key {path}: {error.strerror}") from error
    if len(key) < LEAST_KEY_BYTES:
        raise UnusableFileError(
            f"the key {path} has {len(key)} bytes, and must have at least {LEAST_KEY_BYTES}; {_MAKE_ONE}"
        )
    if len(key) > MOST_KEY_BYTES:
        raise UnusableFileError(f"the key {path} is larger than {MOST_KEY_BYTES:,} bytes: it is no key; {_MAKE_ONE}")
    if len(set(key)) < _LEAST_DIFFERENT_BYTES:
        raise UnusableFileError(f"the key {path} is not random; {_MAKE_ONE}")
    return People(key)
