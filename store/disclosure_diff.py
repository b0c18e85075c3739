"""What changed since a disclosure, or between two: every figure then and now, who entered and left, and the causes.

One cause between is named. Of several, each one's own share is found by counting again as known after each of them in
turn, where that is asked for; else all are listed. Nothing is guessed.
"""

import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from store.connection import Store
from store.copying import Progress
from store.disclosure import Disclosure, disclosure_in
from store.disclosure_causes import (
    OF_EVIDENCE,
    PARAMETERS,
    PROGRAM,
    UNEXPLAINED,
    Cause,
    cause_document,
    causes_between,
    outside_the_log,
)
from store.disclosure_content import POPULATIONS, content_of, parameters_of, tool_document
from store.errors import UsageError
from store.kept import Population
from store.known_then import Then, copied_to_go_back
from store.ledger import last_seq

UNFINISHED = "unfinished_imports"
# Judged by work and by today, or counted nowhere; the others by evidence and rules alone.
_NO_EVIDENCE = ("cases.", "audits.", "clocks.", UNFINISHED)


class FigureChange(NamedTuple):
    """A figure, a qualifier or a parameter, then and now.

    Attributes:
        path: as in the JSON of `figures`: `accessed.people`.
        then, now: as JSON has them; None where there was none.
    """

    path: str
    then: object
    now: object

    @property
    def changed(self) -> bool:
        """Whether it is not what it was."""
        return self.then != self.now

    @property
    def difference(self) -> int | float | None:
        """Now less then, of numbers; None of all else."""
        if isinstance(self.then, bool) or isinstance(self.now, bool):
            return None
        if isinstance(self.then, int | float) and isinstance(self.now, int | float):
            return self.now - self.then
        return None


class Moved(NamedTuple):
    """Who entered and who left a population: outside ids, sorted."""

    population: str
    entered: tuple[str, ...]
    left: tuple[str, ...]


class Share(NamedTuple):
    """What one cause changed, by itself: the figures before it, and right after it."""

    cause: Cause
    changes: tuple[FigureChange, ...]
    moved: tuple[Moved, ...]


@dataclass(frozen=True, slots=True)
class Diff:
    """What is different.

    Attributes:
        disclosure_id, name: of the earlier one. `other_id`, `other_name`: of the later one; None: of today.
        seq, until_seq: the entries of the log between which the causes lie.
        parameters: those of the later one that differ from the earlier one's; empty against today.
        figures: every figure, qualifier and count of the JSON of `figures`, texts left out.
        moved: of each population.
        causes: in the order of the log; also those that may have changed nothing.
        because: the one cause that the differences in what was read come from; None where there are several, or none.
        shares: each cause's own share, where it was asked for; else None.
    """

    disclosure_id: int
    name: str
    other_id: int | None
    other_name: str | None
    seq: int
    until_seq: int
    parameters: tuple[FigureChange, ...]
    figures: tuple[FigureChange, ...]
    moved: tuple[Moved, ...]
    causes: tuple[Cause, ...]
    because: Cause | None
    shares: tuple[Share, ...] | None = None

    @property
    def changes(self) -> tuple[FigureChange, ...]:
        """The figures that changed."""
        return tuple(change for change in self.figures if change.changed)

    @property
    def evidence_changed(self) -> bool:
        """Whether anything changed that evidence and rules decide, and not work."""
        return any(not change.path.startswith(_NO_EVIDENCE) for change in self.changes) or any(
            each.entered or each.left for each in self.moved
        )


def diff(
    store: Store,
    disclosure_id: int,
    other: int | None = None,
    *,
    by_cause: bool = False,
    progress: Progress | None = None,
) -> Diff:
    """What changed since a disclosure, under its own parameters; or between it and another, the earlier one first.

    Args:
        other: another disclosure; None: today's evidence, rules and work.
        by_cause: find each cause's own share.

    Raises:
        UsageError: there is no such disclosure, or both are the same.
        UnusableFileError: shares are asked for, and there is no room for the copy in which they are found.
    """
    if other == disclosure_id:
        raise UsageError("give two disclosures, or one to hold against today")
    with store.reading() as connection:
        first, second = disclosure_in(connection, disclosure_id), None
        if other is not None:
            first, second = sorted((first, disclosure_in(connection, other)), key=lambda each: each.seq)
        if second is None:
            now = content_of(store, connection, parameters_of(first.document["parameters"]))
            until = last_seq(connection)
        else:
            now, until = second.document, second.seq
        causes = _causes(connection, first, second, until)
    parameters = () if second is None else _parameters(first.document, second.document)
    if parameters:
        causes.append(outside_the_log(PARAMETERS, f"other parameters: {', '.join(each.path for each in parameters)}"))
    found = Diff(
        disclosure_id=first.disclosure_id,
        name=first.name,
        other_id=None if second is None else second.disclosure_id,
        other_name=None if second is None else second.name,
        seq=first.seq,
        until_seq=until,
        parameters=parameters,
        figures=tuple(_changes(_leaves(first.document["figures"]), _leaves(now["figures"]))),
        moved=_moved(first.document, now),
        causes=tuple(causes),
        because=None,
    )
    found = replace(found, because=_because(found))
    return replace(found, shares=_shares(store, first, found, now, progress)) if by_cause else found


def _causes(connection: sqlite3.Connection, first: Disclosure, second: Disclosure | None, until: int) -> list[Cause]:
    causes = causes_between(connection, first.seq, until)
    was, is_now = first.document["tool"], tool_document() if second is None else second.document["tool"]
    if was != is_now:
        says = f"version {is_now.get('version')} of the program, schema {is_now.get('schema')}"
        causes.insert(0, outside_the_log(PROGRAM, says))
    return causes


def _parameters(first: Mapping[str, Any], second: Mapping[str, Any]) -> tuple[FigureChange, ...]:
    """What was asked otherwise; the cut-off of the rules is no parameter, and what follows from others is left out."""
    asked = ("as_of", "window_days", "what_if_cutoff", "today", "variation")
    changes = [FigureChange(name, first["parameters"][name], second["parameters"][name]) for name in asked]
    return tuple(change for change in changes if change.changed)


def _because(found: Diff) -> Cause | None:
    """The one cause that can have changed what the evidence says, where that changed."""
    of_evidence = [cause for cause in found.causes if cause.kind in OF_EVIDENCE]
    return of_evidence[0] if found.evidence_changed and len(of_evidence) == 1 else None


def _leaves(document: Mapping[str, Any], path: str = "") -> dict[str, Any]:
    """Every number, qualifier and instant of a document by its path; sentences and lists of words left out."""
    leaves: dict[str, Any] = {}
    for name, value in document.items():
        here = f"{path}.{name}" if path else name
        if isinstance(value, dict):
            leaves |= _leaves(value, here)
        elif name == "clocks":
            leaves |= {f"clocks.{clock['step']}": clock["state"] for clock in value}
        elif not isinstance(value, list) and name != "sentence":
            leaves[here] = value
    return leaves


def _changes(then: Mapping[str, Any], now: Mapping[str, Any]) -> list[FigureChange]:
    """Every path of either, in the order in which figures are told: populations first, partners first in each."""
    paths = sorted({*then, *now}, key=_place)
    return [FigureChange(path, then.get(path), now.get(path)) for path in paths]


def _place(path: str) -> tuple[int, int, str]:
    section, _, name = path.partition(".")
    return (
        POPULATIONS.index(section) if section in POPULATIONS else len(POPULATIONS),
        Population._fields.index(name) if name in Population._fields else len(Population._fields),
        path,
    )


def _moved(then: Mapping[str, Any], now: Mapping[str, Any]) -> tuple[Moved, ...]:
    return tuple(
        Moved(population, tuple(sorted(after - before)), tuple(sorted(before - after)))
        for population in POPULATIONS
        for before, after in [(set(then["populations"][population]), set(now["populations"][population]))]
    )


def _shares(
    store: Store, first: Disclosure, found: Diff, now: Mapping[str, Any], progress: Progress | None
) -> tuple[Share, ...]:
    """Each cause's own share, under the earlier one's parameters; what other parameters make of it comes last.

    The past is made backwards: from what was known after the last cause to what was known at the disclosure.
    """
    # What another program counts of the very same evidence is what comes out at the disclosure itself.
    places = [cause.last_seq or first.seq for cause in found.causes if cause.kind != PARAMETERS]
    known = {}
    if places:
        with copied_to_go_back(store, progress) as then:
            known = dict(_known_after(then, first, places, progress))
    before: Mapping[str, Any] = first.document
    shares = []
    for cause in found.causes:
        after = now if cause.kind == PARAMETERS else known[cause.last_seq or first.seq]
        shares.append(_share(cause, before, after))
        before = after
    rest = _share(outside_the_log(UNEXPLAINED, "nothing in the log: see `python -m store verify`"), before, now)
    # An import that has not come to its end is no cause: it counts nowhere.
    unexplained = rest.moved or any(change.path != UNFINISHED for change in rest.changes)
    return tuple([*shares, rest] if unexplained else shares)


def _known_after(
    then: Then, first: Disclosure, places: Sequence[int], progress: Progress | None
) -> Iterator[tuple[int, dict[str, Any]]]:
    parameters = parameters_of(first.document["parameters"])
    for number, seq in enumerate(reversed(places)):
        if progress is not None:
            progress("counting as known after each cause", number / len(places))
        then.go_back(seq)
        then.make_figures()
        with then.store.reading() as connection:
            yield seq, content_of(then.store, connection, parameters)


def _share(cause: Cause, before: Mapping[str, Any], after: Mapping[str, Any]) -> Share:
    changes = _changes(_leaves(before["figures"]), _leaves(after["figures"]))
    moved = _moved(before, after)
    return Share(
        cause, tuple(change for change in changes if change.changed), tuple(m for m in moved if m.entered or m.left)
    )


def change_document(change: FigureChange) -> dict[str, object]:
    """A figure then and now, as JSON."""
    return {"figure": change.path, "then": change.then, "now": change.now, "difference": change.difference}


def moved_document(moved: Sequence[Moved]) -> dict[str, object]:
    """Who entered and left, by population, as JSON."""
    return {each.population: {"entered": list(each.entered), "left": list(each.left)} for each in moved}


def diff_document(found: Diff) -> dict[str, object]:
    """What `python -m store diff --json` prints."""
    from store.disclosure_words import since_words

    return {
        "disclosure_id": found.disclosure_id,
        "name": found.name,
        "other_id": found.other_id,
        "other_name": found.other_name,
        "seq": found.seq,
        "until_seq": found.until_seq,
        "parameters": [change_document(change) for change in found.parameters],
        "figures": [change_document(change) for change in found.figures],
        "populations": moved_document(found.moved),
        "causes": [cause_document(cause) for cause in found.causes],
        "because": None if found.because is None else cause_document(found.because),
        "shares": None
        if found.shares is None
        else [
            {
                "cause": cause_document(share.cause),
                "figures": [change_document(change) for change in share.changes],
                "populations": moved_document(share.moved),
            }
            for share in found.shares
        ],
        "sentence": since_words(found),
    }
