"""Disclosures, their differences and their reproduction in words; texts of the data in them are still to be cleaned."""

import json
from collections.abc import Mapping, Sequence

from store.disclosure import Disclosure, DisclosureRow
from store.disclosure_causes import OF_EVIDENCE, Cause
from store.disclosure_diff import UNFINISHED, Diff, FigureChange, Moved
from store.instants import format_day, last_day_before, parse_point
from store.reproduce import Difference, Reproduction
from store.words import QUALIFIERS, count_words, counted, qualified

_POPULATION_WORDS = {
    "retained": "kept access",
    "accessed": "read",
    "recent": "read in the window",
    "after_removal": "read after removal",
}
# Of these the one sentence tells: of each population, what it counts, one and many.
_TOLD = {
    "retained": (("partners", "partner", "partners"),),
    "accessed": (
        ("partners", "partner", "partners"),
        ("people", "person", "people"),
        ("events", "restricted read", "restricted reads"),
    ),
    "recent": (("partners", "partner", "partners"),),
    "after_removal": (("partners", "partner", "partners"),),
}
_MOST_NAMED = 10
_LONGEST_VALUE = 80


def disclosure_line(found: Disclosure) -> str:
    """What was done: `#412 ana froze disclosure 1, "To the press": SHA-256 5f2c...`."""
    return f'#{found.seq} {found.by}: froze disclosure {found.disclosure_id}, "{found.name}": SHA-256 {found.sha256}'


def row_words(row: DisclosureRow) -> str:
    """Its figures in short: `kept access 96, read ≥11 (≥3,104 people), last 60 d ≥2, after removal 0`."""
    return (
        f"kept access {count_words(row.kept_access)}, read {_found_words(row.read, row.qualifier)}"
        f" ({qualified(row.people, row.qualifier)} people), last {row.window_days} d"
        f" {_found_words(row.recent, row.recent_qualifier)},"
        f" after removal {_found_words(row.after_removal, row.after_removal_qualifier)}, before {format_day(row.as_of)}"
    )


def _found_words(count: int, qualifier: str) -> str:
    """A count with its sign; of none, where not all is in the log, only that none is found."""
    return "0 found" if count == 0 and qualifier == "at_least" else qualified(count, qualifier)


def parameters_words(found: Disclosure) -> str:
    """Under which parameters: `reads to 2019-11-04, the last 60 days from 2019-09-06, judged at 2019-11-05`."""
    asked = found.document["parameters"]
    what_if = "" if asked["what_if_cutoff"] is None else f", what if every rule had begun {asked['what_if_cutoff']}"
    return (
        f"reads to {last_day_before(parse_point(asked['as_of']))}, the last {asked['window_days']} days from"
        f" {asked['recent_from']}, steps judged at {asked['today']}{what_if}"
    )


def since_words(found: Diff) -> str:
    """The one sentence: `since the disclosure: read +2 partners, +310 people; because of import 7 (events.csv)`."""
    since = "since the disclosure" if found.other_id is None else f"from {found.disclosure_id} to {found.other_id}"
    by_path = {change.path: change for change in found.changes}
    moved = {each.population: each for each in found.moved}
    parts = []
    for population, counts in _TOLD.items():
        told = _counts_words(by_path, population, counts)
        who = moved.get(population)
        if f"{population}.partners" not in by_path and who is not None and (who.entered or who.left):
            # As many came as went: the number hides it.
            told.insert(0, f"{counted(len(who.entered), 'partner')} in, {count_words(len(who.left))} out")
        if told:
            parts.append(f"{_POPULATION_WORDS[population]} {', '.join(told)}")
    parts += _qualifiers_words(by_path)
    unfinished = by_path.pop(UNFINISHED, None)
    if by_path and not parts:
        parts.append(
            f"{counted(len(by_path), 'figure')} changed, none of how many partners or people read, or how often"
        )
    if unfinished is not None:
        imports = counted(int(str(unfinished.now)), "unfinished import")
        parts.append(f"{imports}, counted nowhere until finished by importing the file again")
    if not parts:
        return f"{since}: no figure changed"
    because = _because_words(found) if by_path or found.evidence_changed else ""
    return f"{since}: {'; '.join(parts)}{because}"


def _counts_words(
    by_path: Mapping[str, FigureChange], population: str, counts: Sequence[tuple[str, str, str]]
) -> list[str]:
    """How many more or less of what: `+2 partners`."""
    told = []
    for name, one, many in counts:
        change = by_path.get(f"{population}.{name}")
        if change is not None and isinstance(change.difference, int):
            told.append(f"{change.difference:+,} {one if abs(change.difference) == 1 else many}")
    return told


def _qualifiers_words(by_path: Mapping[str, FigureChange]) -> list[str]:
    """How far the figures of reads could be relied on, and can be: a line for those that changed alike."""
    alike: dict[tuple[object, object], list[str]] = {}
    for population in ("accessed", "recent", "after_removal"):
        change = by_path.get(f"{population}.qualifier")
        if change is not None:
            alike.setdefault((change.then, change.now), []).append(_POPULATION_WORDS[population])
    return [
        f"{', '.join(populations)}: {QUALIFIERS[str(then)]} then, {QUALIFIERS[str(now)]} now"
        for (then, now), populations in alike.items()
    ]


def _because_words(found: Diff) -> str:
    causes = [cause for cause in found.causes if not found.evidence_changed or cause.kind in OF_EVIDENCE]
    if not causes:
        return "; nothing in the log explains it: see `python -m store verify`"
    if len(causes) == 1:
        return f"; because of {causes[0].says}"
    return f"; {len(causes)} causes lie between"


def change_words(change: FigureChange) -> str:
    """`accessed.people: 3,104 -> 3,414 (+310)`."""
    difference = "" if not change.difference else f" ({change.difference:+,})"
    return f"{change.path}: {value_words(change.then)} -> {value_words(change.now)}{difference}"


def value_words(value: object) -> str:
    """A value of JSON for a line."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return f"{value:,}"
    if value is None:
        return "nothing"
    text = value if isinstance(value, str) else json.dumps(value)
    return text if len(text) <= _LONGEST_VALUE else f"{text[:_LONGEST_VALUE]}... ({len(text):,} characters)"


def moved_words(moved: Sequence[Moved]) -> list[str]:
    """A line for each population that somebody entered or left."""
    lines = []
    for each in moved:
        for how, who in (("entered", each.entered), ("left", each.left)):
            if who:
                rest = f" and {len(who) - _MOST_NAMED:,} more" if len(who) > _MOST_NAMED else ""
                lines.append(f"{how} '{_POPULATION_WORDS[each.population]}': {', '.join(who[:_MOST_NAMED])}{rest}")
    return lines


def cause_words(cause: Cause) -> str:
    """`#8 import 7 (events.csv), by ana`."""
    if not cause.last_seq:
        return cause.says
    where = f"#{cause.first_seq}" if cause.first_seq == cause.last_seq else f"#{cause.first_seq}-{cause.last_seq}"
    return f"{where} {cause.says}, by {cause.by}"


def difference_words(difference: Difference) -> str:
    """`figures.accessed.people: frozen 3,104, comes out 3,103`; of lists, what is in one of them only."""
    then, again = difference.then, difference.again
    if isinstance(then, list) and isinstance(again, list):
        gone, new = ([each for each in one if each not in other] for one, other in ((then, again), (again, then)))
        return (
            f"{difference.path}: frozen {len(then):,}, come out {len(again):,}"
            f"{f'; missing {value_words(gone)}' if gone else ''}{f'; besides {value_words(new)}' if new else ''}"
        )
    return f"{difference.path}: frozen {value_words(then)}, comes out {value_words(again)}"


def reproduction_words(found: Reproduction) -> str:
    """The answer in a line."""
    called = f'disclosure {found.disclosure_id}, "{found.name}"'
    if found.equal:
        return f"equal: {called} comes out of the store as it was known at entry #{found.seq}, figure by figure"
    if not found.differences:
        return f"NOT equal: the figures of {called} come out the same, but what they rest on was changed"
    differing = counted(len(found.differences), "thing")
    verb = "does" if len(found.differences) == 1 else "do"
    return f"NOT equal: {differing} of {called} {verb} not come out as frozen"
