"""A process that imports a folder as the command line does, in tiny batches, and ends itself at a moment it is given.

Moments are numbered: each SQL statement and each line read is one. Every moment is in a phase of the import; the
process says in which one it died. `plan` names the moment, the signal, and how much later it comes, in seconds.
"""

import functools
import json
import os
import resource
import signal
import sqlite3
import threading
from collections.abc import Callable
from itertools import groupby
from pathlib import Path
from typing import Any

from store import connection, fold
from store.cli.main import main
from store.ingest import formats, importing, loader, strict
from store.ingest.event_writer import EventWriter
from store.ingest.versions import VersionWriter

READING = "reading and staging"
BETWEEN_FILES = "between files"
PHASES = (
    READING,
    "dictionaries",
    "a batch of events",
    "a batch of the registry",
    "between batches",
    "completion",
    "refresh of the derived tables",
    BETWEEN_FILES,
)
BATCH = 8


class Clockwork:
    """Counts the moments, knows the phase of each, and ends the process at one of them.

    Attributes:
        phases: the phase of every moment so far.
    """

    def __init__(self, plan: dict[str, Any]) -> None:
        self._plan = plan
        self._phase = "starting"
        self.phases: list[str] = []

    def tick(self) -> None:
        """One moment passes."""
        self.phases.append(self._phase)
        if len(self.phases) == self._plan.get("moment"):
            os.write(1, json.dumps({"phase": self._phase}).encode() + b"\n")
            send = functools.partial(os.kill, os.getpid(), self._plan["signal"])
            if self._plan["later"]:
                threading.Timer(self._plan["later"], send).start()
            else:
                send()

    def during(self, owner: Any, name: str, phase: str, then: str | None = None) -> None:
        """Let a function be a phase; after it comes the phase before it, or `then`."""
        plain: Callable[..., Any] = getattr(owner, name)

        @functools.wraps(plain)
        def timed(*arguments: Any, **options: Any) -> Any:
            before, self._phase = self._phase, phase
            try:
                return plain(*arguments, **options)
            finally:
                self._phase = then or before

        setattr(owner, name, timed)


def patch(plan: dict[str, Any]) -> Clockwork:
    """Tiny batches; every statement and every line a moment."""
    clockwork = Clockwork(plan)
    loader.BATCH_EVENTS = loader._BATCH_ROWS = BATCH
    loader._BATCH_TEXTS = 12
    if plan.get("large"):
        for owner, name in ((loader, "MOST_EVENTS"), (formats, "MOST_BYTES")):
            setattr(owner, name, -1)
    clockwork.during(importing, "_import_file", READING)
    clockwork.during(importing, "_begin", BETWEEN_FILES)
    clockwork.during(loader.Load, "_encode_all", "dictionaries")
    clockwork.during(EventWriter, "write", "a batch of events", then="between batches")
    clockwork.during(VersionWriter, "write", "a batch of the registry", then="between batches")
    clockwork.during(importing, "_complete", "completion")
    clockwork.during(importing, "_import_again", "completion")
    clockwork.during(importing, "defer", "refresh of the derived tables")
    clockwork.during(importing, "refresh", "refresh of the derived tables")
    plain_connect, plain_next = connection.connect, strict.Lines.next

    def connect(path: Path, *, mode: str) -> sqlite3.Connection:
        opened = plain_connect(path, mode=mode)
        # What a killed process has written is there, synced or not: only a power cut could tell the difference.
        opened.execute("PRAGMA synchronous=OFF")
        if plan.get("pages"):
            opened.execute(f"PRAGMA max_page_count={int(plan['pages'])}")
        opened.set_trace_callback(lambda _: clockwork.tick())
        return opened

    def next_line(self: strict.Lines) -> strict.Line | None:
        clockwork.tick()
        return plain_next(self)

    connection.connect = connect
    setattr(strict.Lines, "next", next_line)  # noqa: B010 - mypy has it that a method is never assigned
    return clockwork


def run(database: str, folder: str, plan: dict[str, Any]) -> int:
    """Import a folder; the exit code of the command line."""
    clockwork = patch(plan)
    if plan.get("bytes"):
        # A signal would end the process; ignored, writing beyond the limit fails, as on a full disk.
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (plan["bytes"], resource.RLIM_INFINITY))
    code = main(["import", "--db", database, folder, "--as", "ana", "--json"])
    if plan.get("count"):
        runs = [(phase, len(list(moments))) for phase, moments in groupby(clockwork.phases)]
        os.write(1, json.dumps(runs).encode())
    return code


def rebuild_equal(database: str) -> int:
    """Whether the derived tables are what a rebuild makes of the plain ones: exit 0 or 1."""
    tables = ("app_owners", "daily", "partner_figures")
    with connection.open_store(database) as store:
        found = []
        for _ in range(2):
            with store.reading() as reader:
                found.append([sorted(reader.execute(f"SELECT * FROM {table}").fetchall()) for table in tables])
            fold.rebuild(store, actor="ana")
    return int(found[0] != found[1])
