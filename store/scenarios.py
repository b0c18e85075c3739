"""What-ifs with a name, kept in the store: saved, listed, dropped. They hold questions; no case is ever touched."""

import json
import sqlite3
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from store.case_changes import Done, deciding, done, one_line, plain
from store.connection import Store
from store.errors import RefusedError, UsageError
from store.instants import format_optional, parse_point
from store.ledger import append, canonical
from store.parameters import MOST_WINDOW_DAYS, Parameters
from store.what_if import check_apps, nearest, variation

LONGEST_NAME = 80


class Scenario(NamedTuple):
    """A named what-if.

    Attributes:
        scenario_id: its number, never given twice.
        parameters: what it asks; without a today, which is the asker's.
        seq: the entry of the log that saved it; `at` (microseconds UTC), `by` and `note` are that entry's.
    """

    scenario_id: int
    name: str
    parameters: Parameters
    seq: int
    at: int
    by: str
    note: str


_STANDING = """
SELECT s.scenario_id, s.name, s.parameters, s.seq, a.at, a.actor, coalesce(a.note, '')
FROM scenarios s JOIN actions a ON a.seq = s.seq
WHERE s.dropped_by IS NULL
ORDER BY s.scenario_id
"""
_NEXT_ID = "SELECT coalesce(max(scenario_id), 0) + 1 FROM scenarios"
_INSERT = """
INSERT INTO scenarios(scenario_id, name, parameters, seq) VALUES (:scenario_id, :name, :parameters, :seq)
"""
_DROP = "UPDATE scenarios SET dropped_by = :seq WHERE scenario_id = :scenario_id"


def scenarios(store: Store) -> list[Scenario]:
    """The scenarios that stand, by name."""
    with store.reading() as connection:
        found = _standing(connection)
    return sorted(found, key=lambda each: (each.name.casefold(), each.scenario_id))


def find_scenario(store: Store, name: str) -> Scenario:
    """The scenario of this name, whatever its case.

    Raises:
        UsageError: there is none; the message names those that there are.
    """
    with store.reading() as connection:
        return _named(_standing(connection), name)


def save_scenario(store: Store, name: str, parameters: Parameters, *, actor: str, note: str = "") -> Done:
    """Keep a what-if under a name; one of that name, whatever its case, is dropped by it.

    Args:
        parameters: its `today` is not kept.

    Raises:
        UsageError: no name, one that is too long or of several lines, an app that the store does not know.
        RefusedError: it changes nothing.
    """
    name = _checked_name(name)
    if parameters.are_defaults():
        raise RefusedError(f"the scenario {name!r} would change nothing: give a cut-off, an as-of, a window, ...")
    note = plain(note, "note")
    with deciding(store, actor) as deed:
        connection = deed.connection
        _check_apps(connection, parameters)
        earlier = [each for each in _standing(connection) if each.name.casefold() == name.casefold()]
        (number,) = connection.execute(_NEXT_ID).fetchone()
        asked = scenario_document(parameters)
        told = {"scenario_id": number, "name": name, "parameters": asked}
        if earlier:
            told["replaces"] = earlier[0].scenario_id
        seq = append(
            connection,
            actor=deed.actor,
            verb="scenario",
            at=deed.at,
            after=json.dumps({"scenario": told}),
            note=note or None,
            batch=deed.batch,
        )
        if earlier:
            connection.execute(_DROP, {"scenario_id": earlier[0].scenario_id, "seq": seq})
        row = {"scenario_id": number, "name": name, "parameters": canonical(asked), "seq": seq}
        connection.execute(_INSERT, row)
        again = " again" if earlier else ""
        return done(deed, [seq], f"saved the scenario {name}{again}")


def drop_scenario(store: Store, name: str, *, actor: str, note: str) -> Done:
    """Drop the scenario of this name; its row stays, with the entry that dropped it.

    Raises:
        UsageError: there is none.
        RefusedError: no note says why.
    """
    note = plain(note, "note")
    if not note:
        raise RefusedError("dropping a scenario needs a note that says why")
    with deciding(store, actor) as deed:
        found = _named(_standing(deed.connection), name)
        seq = append(
            deed.connection,
            actor=deed.actor,
            verb="drop_scenario",
            at=deed.at,
            after=json.dumps({"dropped": {"scenario_id": found.scenario_id, "name": found.name}}),
            note=note,
            batch=deed.batch,
        )
        deed.connection.execute(_DROP, {"scenario_id": found.scenario_id, "seq": seq})
        return done(deed, [seq], f"dropped the scenario {found.name}")


def check_what_if(store: Store, parameters: Parameters) -> None:
    """The same, for a what-if that is only asked.

    Raises:
        UsageError: it leaves out an app that the store does not know.
    """
    with store.reading() as connection:
        _check_apps(connection, parameters)


def _check_apps(connection: sqlite3.Connection, parameters: Parameters) -> None:
    if parameters.variation is not None:
        check_apps(connection, parameters.variation)


def scenario_document(parameters: Parameters) -> dict[str, object]:
    """A what-if as JSON; null where it changes nothing."""
    changes = parameters.variation
    return {
        "as_of": format_optional(parameters.as_of),
        "cutoff": format_optional(parameters.cutoff),
        "window_days": parameters.window_days,
        "without": [] if changes is None else sorted(changes.without),
        "accepting": [] if changes is None else sorted(changes.accepting),
        "without_apps": [] if changes is None else sorted(changes.without_apps),
    }


def scenario_parameters(document: Mapping[str, Any], *, today: int | None = None) -> Parameters:
    """The what-if that `scenario_document` told.

    Args:
        today: the asker's, microseconds UTC.
    """
    without, accepting, apps = (document[name] for name in ("without", "accepting", "without_apps"))
    window = document["window_days"]
    if window is not None and not 1 <= window <= MOST_WINDOW_DAYS:
        raise UsageError(f"a window of {window} days: choose 1 to {MOST_WINDOW_DAYS:,}")
    return Parameters(
        as_of=_instant(document["as_of"]),
        window_days=window,
        cutoff=_instant(document["cutoff"]),
        today=today,
        variation=variation(without=without, accepting=accepting, without_apps=apps)
        if without or accepting or apps
        else None,
    )


def _instant(text: str | None) -> int | None:
    return None if text is None else parse_point(text)


def _standing(connection: sqlite3.Connection) -> list[Scenario]:
    return [
        Scenario(number, name, scenario_parameters(json.loads(text)), *rest)
        for number, name, text, *rest in connection.execute(_STANDING)
    ]


def _named(found: Iterable[Scenario], name: str) -> Scenario:
    known = {each.name.casefold(): each for each in found}
    wanted = name.strip().casefold()
    if wanted in known:
        return known[wanted]
    if not known:
        raise UsageError(f"no such scenario: {name!r} - none is saved yet; save one with --save NAME --cutoff DATE")
    raise UsageError(f"no such scenario: {name!r}{nearest(name, [each.name for each in known.values()])}")


def _checked_name(name: str) -> str:
    trimmed = one_line(name, "scenario's name")
    if not trimmed:
        raise UsageError("a scenario needs a name")
    if len(trimmed) > LONGEST_NAME:
        raise UsageError(f"a scenario's name has at most {LONGEST_NAME} characters, this one has {len(trimmed):,}")
    return trimmed
