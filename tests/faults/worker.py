"""What the processes of these tests do: work on cases until they are killed, or count up in three hot cases.

They say what they do on standard output, a JSON line each: "try" before the call, "done" or "refused" after it. Where
a process is inside the call it notes in a shared page, one byte a process, which outlives it.
"""

import json
import mmap
import os
import random
import sqlite3
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from store import audits, cases, connection, schema
from store.cases import Done
from store.connection import Store, open_store
from store.errors import ConflictError, StoreError
from store.instants import parse_point
from tests.store.casework import new_store

PHASES = (
    "while it starts",
    "between actions",
    "before the write",
    "inside the write",
    "inside COMMIT",
    "committed, not yet acknowledged",
)
STARTING, OUTSIDE, BEFORE, INSIDE, COMMITTING, COMMITTED = range(len(PHASES))
HOT = ("p1", "p2", "p3")
_STEP_AT = parse_point("2019-10-01")
_VERBS = {"flag": 5, "reopen": 5, "assign": 4, "note": 3, "step": 3, "undo": 4, "redo": 1}
_MOST_PARTNERS = 4
# People pause between actions; without it, whoever holds the lock takes it again before the others wake.
_LONGEST_PAUSE = 0.02
# The way from COMMIT to the acknowledgement takes microseconds; now and then the machine is busy with something else.
_HELD_UP = 0.2


def use_journal(journal: str) -> None:
    """Let this process take WAL for safe, or not."""
    for module in (connection, schema):
        module.wal_is_safe = lambda *_: journal == "WAL"


def prepare(path: str, journal: str, partners: int) -> None:
    """A store with so many partners, `p1` and so on, whose internal ids are their numbers."""
    use_journal(journal)
    with new_store(Path(path), {f"p{number}": [] for number in range(1, partners + 1)}) as store:
        for number in range(1, partners + 1):
            assert cases.case(store, number).partner_id == f"p{number}"


def say(**what: object) -> None:
    """A line on standard output, written by one call of the system: whole or not at all."""
    os.write(1, f"{json.dumps(what)}\n".encode())


class Watched(sqlite3.Connection):
    """Notes in the shared page where in a write transaction it is."""

    note: Callable[[int], None]

    def execute(self, sql: str, *values: object) -> sqlite3.Cursor:
        """Run one statement."""
        if sql == "COMMIT":
            type(self).note(COMMITTING)
        cursor = super().execute(sql, *values)
        if sql == "COMMIT":
            type(self).note(COMMITTED)
            if random.random() < _HELD_UP:
                time.sleep(_LONGEST_PAUSE / 4)
        elif sql == "BEGIN IMMEDIATE":
            type(self).note(INSIDE)
        return cursor


def shared(page: Path) -> mmap.mmap:
    """The page that all processes see."""
    with page.open("r+b") as file:
        return mmap.mmap(file.fileno(), 0)


def watch(page: str, slot: int) -> Callable[[int], None]:
    """Let every connection note its phases in the shared page; returns the function that notes one."""
    phases = shared(Path(page))

    def note(phase: int) -> None:
        phases[slot] = phase

    Watched.note = note
    sqlite3.connect = partial(sqlite3.connect, factory=Watched)
    return note


def act(path: str, journal: str, page: str, slot: int, life: int, partners: int) -> None:
    """Do one action after the other on cases drawn at random, until killed, or orphaned."""
    use_journal(journal)
    note = watch(page, slot)
    draw = random.Random(f"{slot} {life}")
    number = 0
    with open_store(path) as store:
        parent = os.getppid()
        cases.case(store, 1)
        note(OUTSIDE)
        while os.getppid() == parent:
            number += 1
            time.sleep(draw.uniform(0, _LONGEST_PAUSE))
            token = f"{slot}.{life}.{number}"
            (verb,) = draw.choices(list(_VERBS), list(_VERBS.values()))
            chosen = draw.sample(range(1, partners + 1), draw.randint(1, _MOST_PARTNERS))
            say(kind="try", token=token, verb=verb, partners=[f"p{each}" for each in chosen])
            note(BEFORE)
            try:
                done = _do(store, verb, chosen, f"w{slot}", token)
            except StoreError as error:
                said: dict[str, object] = {"kind": "refused", "why": str(error)}
            else:
                said = {"kind": "done", "batch": done.batch, "seqs": done.seqs}
            say(**said, token=token)
            note(OUTSIDE)


def _do(store: Store, verb: str, partners: Sequence[int], actor: str, token: str) -> Done:
    if verb == "flag":
        return cases.flag(store, partners, actor=actor, note=token)
    if verb == "reopen":
        return cases.reopen(store, partners, actor=actor, note=token)
    if verb == "assign":
        return cases.assign(store, partners, actor=actor, assignee=f"somebody {token}", note=token)
    if verb == "note":
        return cases.add_note(store, partners, actor=actor, note=token)
    if verb == "step":
        return audits.record_step(store, partners, actor=actor, step="notified", at=_STEP_AT, note=token)
    return (cases.undo if verb == "undo" else cases.redo)(store, actor=actor, note=token)


def count(path: str, journal: str, slot: int, updates: int) -> None:
    """Raise the numbers kept in the assignees of hot cases, reading first and writing then, so many times."""
    use_journal(journal)
    draw = random.Random(slot)
    acknowledged = 0
    with open_store(path) as store:
        while acknowledged < updates:
            partner = draw.randint(1, len(HOT))
            seen = cases.case(store, partner)
            told = {"partner_id": seen.partner_id, "expect": seen.version}
            value = str(int(seen.assignee or "0") + 1)
            say(kind="try", **told)
            time.sleep(draw.uniform(0, _LONGEST_PAUSE))
            try:
                done = cases.assign(store, [partner], actor=f"w{slot}", assignee=value, expect={partner: seen.version})
            except ConflictError as error:
                say(kind="conflict", why=str(error), **told)
            else:
                acknowledged += 1
                say(kind="done", value=int(value), seqs=done.seqs, **told)
