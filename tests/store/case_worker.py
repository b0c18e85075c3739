"""A process of its own that works on cases; the tests run several at once, and kill some.

    python -m tests.store.case_worker count STORE NAME TIMES     count up in the assignees of partners 1 to 3
    python -m tests.store.case_worker toggle STORE KILL_AT       flag or reopen all partners at once, over and over

`toggle` kills itself with SIGKILL before its KILL_AT-th statement of writing; 0: never.
"""

import os
import random
import signal
import sqlite3
import sys
from pathlib import Path

from store import cases, connection
from store.errors import ConflictError


def count(path: str, name: str, times: int) -> None:
    """Raise a number kept in an assignee, reading first and writing then; say how often each case took it."""
    acknowledged = {1: 0, 2: 0, 3: 0}
    conflicts = 0
    draw = random.Random(name)
    with connection.open_store(path) as store:
        while sum(acknowledged.values()) < times:
            partner = draw.choice([1, 2, 3])
            seen = cases.case(store, partner)
            after = str(int(seen.assignee or "0") + 1)
            try:
                cases.assign(store, [partner], actor=name, assignee=after, expect={partner: seen.version})
            except ConflictError:
                conflicts += 1
                continue
            acknowledged[partner] += 1
    print(*acknowledged.values(), conflicts)


def toggle(path: str, kill_at: int) -> None:
    """Flag all partners, reopen them, and so on; a line for each action that got through."""
    statements = 0

    def trace(_: str) -> None:
        nonlocal statements
        statements += 1
        if statements == kill_at:
            os.kill(os.getpid(), signal.SIGKILL)

    plain_connect = connection.connect

    def traced_connect(file: Path, *, mode: str) -> sqlite3.Connection:
        opened = plain_connect(file, mode=mode)
        opened.set_trace_callback(trace)
        return opened

    with connection.open_store(path) as store:
        partners = range(1, 21)
        flagged = cases.case(store, 1).status == "flagged"
        connection.connect = traced_connect
        while True:
            if flagged:
                cases.reopen(store, partners, actor="ana", note="again")
            else:
                cases.flag(store, partners, actor="ana")
            flagged = not flagged
            print(statements, flush=True)


if __name__ == "__main__":
    if sys.argv[1] == "count":
        count(sys.argv[2], sys.argv[3], int(sys.argv[4]))
    else:
        toggle(sys.argv[2], int(sys.argv[3]))
