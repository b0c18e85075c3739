"""Whom the store knows, found within texts; and the form in which a text is kept, the same though more become known.

The form of a text is a part of what a record is known by. So a form that the store has already goes before a better
one: else the same record, from another file, would be another. What was kept before is found again because people have
numbers in the order in which the store came to know them.
"""

import re
import sqlite3
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from itertools import combinations, islice
from typing import NamedTuple, TypeVar

from store.connection import Store
from store.pseudonyms import People, Piece, Span, pieces, replaced, sections

_MOST_FREELY_CHOSEN = 4
_TEXTS_TOGETHER = 2_000
_MOST_REMEMBERED = 500_000
# Nobody is looked for in these: there are many.
_PLAIN_ADDRESS = re.compile(r"[0-9A-Fa-f:.]+(/\d+)?")
# The number of everybody whom the file brings: they come after those whom the store knows.
_NEW = 1 << 62

_ANYBODY = "SELECT EXISTS (SELECT 1 FROM subjects)"
_NUMBER = "SELECT id FROM subjects WHERE subject_id = ?"
_KEPT = {
    "resources": "SELECT 1 FROM resources WHERE resource_id = ?",
    "endpoints": "SELECT 1 FROM endpoints WHERE endpoint = ?",
    "addresses": "SELECT 1 FROM addresses WHERE ip = ?",
}


_T = TypeVar("_T")


def _some(items: Iterable[_T], size: int) -> Iterator[tuple[_T, ...]]:
    """The items, `size` at a time."""
    left = iter(items)
    while some := tuple(islice(left, size)):
        yield some


class _Known(NamedTuple):
    """A place in a text that names somebody, and that person's number."""

    span: Span
    number: int


class _Named(NamedTuple):
    """A piece of a section that is somebody's id, and that person's number."""

    piece: Piece
    number: int


class _Sections:
    """Who is named in sections of texts, each looked into once.

    Attributes:
        has_any: whether there is anybody at all.
    """

    def __init__(self, store: Store, people: People, brought: Collection[str]) -> None:
        self._people = people
        self._brought = brought
        self._store = store
        self._found: dict[str, tuple[_Named, ...]] = {}
        with store.reading() as connection:
            (self._in_store,) = connection.execute(_ANYBODY).fetchone()
        self.has_any = bool(self._in_store or brought)

    def look_into(self, sections: Iterable[str]) -> Mapping[str, tuple[_Named, ...]]:
        """Whom these name."""
        if len(self._found) > _MOST_REMEMBERED:
            self._found.clear()
        with self._store.reading() as connection:
            for section in sections:
                if section not in self._found:
                    named = ((piece, self._number(connection, piece.folded)) for piece in pieces(section))
                    self._found[section] = tuple(_Named(piece, number) for piece, number in named if number is not None)
        return self._found

    def _number(self, connection: sqlite3.Connection, folded: str) -> int | None:
        row = connection.execute(_NUMBER, (self._people.person(folded),)).fetchone() if self._in_store else None
        if row is not None:
            return int(row[0])
        return _NEW if folded in self._brought else None


class KnownPeople:
    """Finds in texts whom the store or the file names as people."""

    def __init__(self, store: Store, people: People) -> None:
        self._store = store
        self._people = people
        self._resources: dict[str, str] = {}

    def everything(self, text: str, own: str | None = None) -> str:
        """A text with everybody replaced who is known now; for what no record is known by.

        Args:
            own: the id of the record's own person.
        """
        known = next(self._known([text], ()))
        return _forms(text, [*self._people.told_by_text(text), *self._own(text, own)], known)[-1]

    def resources(self, owners: Mapping[str, Iterable[str]], subjects: Collection[str]) -> Mapping[str, str]:
        """How resources are kept: one resource in one way, whoever reads it.

        Args:
            owners: resource -> the subjects of its records that may stand within it.
            subjects: everybody whom the file names.
        """
        wanted = [text for text in owners if text not in self._resources]
        forms: dict[str, list[str]] = {}
        for text, known in zip(wanted, self._known(wanted, subjects), strict=True):
            seen = {span for span, _ in known}
            of_owners = [span for own in owners[text] for span in self._own(text, own) if span not in seen]
            named = [*known, *(_Known(span, _NEW) for span in of_owners)]
            forms[text] = _forms(text, list(self._people.told_by_text(text)), named)[::-1]
        kept = self._kept("resources", forms.values())
        for text, ways in forms.items():
            self._resources[text] = next((form for form in ways if form in kept), ways[0])
        return self._resources

    def said(
        self, dictionary: str, owners: Mapping[str, Iterable[str]], subjects: Collection[str]
    ) -> Callable[[str, str | None], str]:
        """How endpoints or addresses are kept, given the text and the record's own person, who is always replaced.

        Args:
            dictionary: `endpoints` or `addresses`.
            owners: text -> the subjects of its records that may stand within it.
            subjects: everybody whom the file names.
        """
        chosen: dict[tuple[str, str | None], str] = {}
        plain = {text for text in owners if dictionary == "addresses" and _PLAIN_ADDRESS.fullmatch(text)}
        for text in plain:
            chosen[text, None] = text
            chosen.update(
                {(text, own): replaced(text, spans) for own in owners[text] if (spans := self._own(text, own))}
            )
        for some in _some((text for text in owners if text not in plain), _TEXTS_TOGETHER):
            forms: dict[tuple[str, str | None], list[str]] = {}
            for text, known in zip(some, self._known(some, subjects), strict=True):
                told = list(self._people.told_by_text(text))
                forms[text, None] = _forms(text, told, known)
                for own in owners[text]:
                    if spans := self._own(text, own):
                        forms[text, own] = _forms(text, [*told, *spans], known)
            kept = self._kept(dictionary, forms.values())
            for which, ways in forms.items():
                chosen[which] = next((form for form in ways if form in kept), ways[-1])
        return lambda text, own: chosen.get((text, own or None)) or chosen[text, None]

    def notes(self, texts: Collection[str], subjects: Collection[str]) -> dict[str, list[str]]:
        """In which ways notes and reasons may have been kept; the last is how those are that nothing is known of."""
        wanted = list(dict.fromkeys(texts))
        found = zip(wanted, self._known(wanted, subjects), strict=True)
        return {text: _forms(text, list(self._people.told_by_text(text)), known) for text, known in found}

    def _own(self, text: str, own: str | None) -> list[Span]:
        return list(self._people.where(text, own)) if own else []

    def _known(self, texts: Sequence[str], subjects: Collection[str]) -> Iterator[list[_Known]]:
        """For each text, the places in it that name somebody known."""
        found = _Sections(self._store, self._people, subjects)
        if not found.has_any:
            yield from ([] for _ in texts)
            return
        for some in _some(texts, _TEXTS_TOGETHER):
            cut = [list(sections(text)) for text in some]
            named = found.look_into(section for of_one in cut for _, section in of_one)
            for text, of_one in zip(some, cut, strict=True):
                yield [
                    _Known(self._people.piece(text, start, piece), number)
                    for start, section in of_one
                    for piece, number in named[section]
                ]

    def _kept(self, dictionary: str, forms: Iterable[list[str]]) -> set[str]:
        """Which forms the store has, of texts that may have several."""
        asked = {form for ways in forms if len(ways) > 1 for form in ways}
        with self._store.reading() as connection:
            return {form for form in asked if connection.execute(_KEPT[dictionary], (form,)).fetchone() is not None}


def _forms(text: str, fixed: Sequence[Span], known: Sequence[_Known]) -> list[str]:
    """The ways in which a text may have been kept, those with the fewest people replaced first, all of them last.

    Of a few people any may have been known; of many, those with the lowest numbers.
    """
    numbers = {each.span: each.number for each in known if each.span not in fixed}
    spans = list(numbers)
    if len(spans) <= _MOST_FREELY_CHOSEN:
        ways: Iterable[Iterable[Span]] = (some for size in range(len(spans) + 1) for some in combinations(spans, size))
    else:
        until = [-1, *sorted(set(numbers.values()))]
        ways = ([span for span in spans if numbers[span] <= number] for number in until)
    return list(dict.fromkeys(replaced(text, [*fixed, *some]) for some in ways))
