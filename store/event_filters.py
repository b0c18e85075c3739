"""Which events are wanted: by verdict, removal, class, app, person, resource and endpoint; read from a line of text.

A filter's text is data: it is compared, never taken for a pattern, but for DOMAIN's patterns of data classes.
"""

import re
from dataclasses import dataclass, fields
from typing import NamedTuple

from store.errors import UsageError
from store.patterns import check_pattern
from store.words import VERDICTS

# What stands for an event whose log does not say: `person:-`.
NOT_LOGGED = "-"
# What a person may write instead of a verdict's own name.
_VERDICT_WORDS = {
    "restricted": ("improper",),
    "unsettled": ("undetermined",),
    "opted-in": ("allowed_by_opt_in",),
    "exempt": ("allowed_by_exemption",),
}
_PART = re.compile(r'(?P<field>[a-z_]+)(?P<sign>[:=])(?:"(?P<quoted>(?:[^"\\]|\\.)*)"?|(?P<plain>\S*))|(?P<other>\S+)')
SYNTAX = "verdict:denied class:group.member.* app:a person:u-7 resource:g-12 endpoint:feed"

_FIELDS = "verdict, removal, class, app, app_id, person, resource and endpoint"


class Term(NamedTuple):
    """A text that a field must be, or must hold anywhere without regard to case.

    Attributes:
        exact: compared as ids are (INTERFACE, Files in); else contained.
    """

    text: str
    exact: bool

    @property
    def is_not_logged(self) -> bool:
        """Whether it asks for events of which the log says nothing here."""
        return self.text == NOT_LOGGED and not self.exact


@dataclass(frozen=True, slots=True)
class EventFilters:
    """What events must be: one of the values of every field that has any.

    Attributes:
        verdicts: their names.
        data_classes: patterns, of which one of the event's classes must be meant.
        apps: ids or names; `app_ids`: ids alone. The others are ids and texts as the log has them.
        after_removal: restricted reads and denied attempts after a removal of their app without a new grant.
    """

    verdicts: tuple[str, ...] = ()
    data_classes: tuple[str, ...] = ()
    apps: tuple[Term, ...] = ()
    app_ids: tuple[Term, ...] = ()
    subjects: tuple[Term, ...] = ()
    resources: tuple[Term, ...] = ()
    endpoints: tuple[Term, ...] = ()
    after_removal: bool = False

    def __bool__(self) -> bool:
        return any(getattr(self, field.name) for field in fields(self))


_TERMS = {
    "app": "apps",
    "app_id": "app_ids",
    "person": "subjects",
    "subject": "subjects",
    "resource": "resources",
    "group": "resources",
    "endpoint": "endpoints",
}


def parse_filters(text: str) -> EventFilters:
    """The filters that a line of text asks for.

    `field:text` is contained, `field=text` is exactly it; a text with blanks stands in double quotes. Several values of
    one field are alternatives, different fields must all hold. `person:-` is not in the log, `removal:after` is
    after the removal of its app without a new grant.

    Raises:
        UsageError: an unknown field, verdict or pattern; the message says what can be written.
    """
    verdicts: list[str] = []
    patterns: list[str] = []
    after_removal = False
    terms: dict[str, list[Term]] = {name: [] for name in set(_TERMS.values())}
    for match in _PART.finditer(text.strip()):
        if match["other"] is not None:
            raise UsageError(f"what is {match['other']!r}? write field:text, such as {SYNTAX}")
        quoted = match["quoted"]
        value = match["plain"] if quoted is None else re.sub(r"\\(.)", r"\1", quoted)
        name = match["field"]
        if not value.strip():
            continue
        if name == "verdict":
            verdicts += verdict_names(value)
        elif name == "class":
            patterns.append(checked_pattern(value))
        elif name == "removal":
            after_removal = _is_after(value)
        elif name in _TERMS:
            terms[_TERMS[name]].append(Term(value.strip(), match["sign"] == "="))
        else:
            raise UsageError(f"no such field: {name}; there are {_FIELDS}")
    return EventFilters(
        verdicts=tuple(dict.fromkeys(verdicts)),
        data_classes=tuple(dict.fromkeys(patterns)),
        after_removal=after_removal,
        **{name: tuple(dict.fromkeys(found)) for name, found in terms.items()},
    )


def _is_after(text: str) -> bool:
    if text.strip().casefold() != "after":
        raise UsageError(f"removal:{text}? Write removal:after for what came after the removal of its app")
    return True


def verdict_names(text: str) -> tuple[str, ...]:
    """The verdicts that a word means: a verdict's own name, or the word that the screen has for it.

    Raises:
        UsageError: there is none.
    """
    word = text.strip().casefold()
    if word in VERDICTS:
        return (word,)
    if word in _VERDICT_WORDS:
        return _VERDICT_WORDS[word]
    raise UsageError(f"no such verdict: {text}; one of {', '.join((*_VERDICT_WORDS, 'allowed', 'denied'))}")


def checked_pattern(text: str) -> str:
    """A pattern of data classes.

    Raises:
        UsageError: it is none.
    """
    pattern = text.strip()
    try:
        check_pattern(pattern)
    except ValueError as error:
        raise UsageError(str(error)) from error
    return pattern


def filters_text(filters: EventFilters) -> str:
    """The line of text that `parse_filters` reads as these filters."""
    parts = [f"verdict:{name}" for name in filters.verdicts]
    parts += ["removal:after"] if filters.after_removal else []
    parts += [f"class:{pattern}" for pattern in filters.data_classes]
    for field, name in (
        ("app", "apps"),
        ("app_id", "app_ids"),
        ("person", "subjects"),
        ("resource", "resources"),
        ("endpoint", "endpoints"),
    ):
        for term in getattr(filters, name):
            parts.append(f"{field}{'=' if term.exact else ':'}{_quoted(term.text)}")
    return " ".join(parts)


def _quoted(text: str) -> str:
    if text and not re.search(r'[\s"\\]', text):
        return text
    return '"' + re.sub(r'(["\\])', r"\\\1", text) + '"'
