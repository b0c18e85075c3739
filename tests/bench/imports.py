"""The whole import, query-ready, against two programs that only fill a raw table from the same file."""

import csv
import json
import shutil
from itertools import islice
from pathlib import Path

from tests.bench.measured import Row, Run, middle, python, run

_TIMES_SQLITE_UTILS = 10.0
_TIMES_SQLITE_SHELL = 0.5
_BYTES_AN_EVENT = 90
_APPENDED = 100_000
_APPEND_LIMIT_S = 2.0
# The slowest peer gets no more lines than these: its rate hardly depends on how many there are.
_MOST_FOR_SLOW_PEER = 1_000_000


def measure(folder: Path, *, events: int, rounds: int) -> list[Row]:
    """Import events into a store that has its registries; then the same file with sqlite-utils and with sqlite3.

    The last store is left behind as `scale.db`.
    """
    files = folder / "scale"
    # In a process of its own: a child starts with the peak memory of the process that made it.
    run(python("-m", "fixtures.scale", "--events", str(events), "--to", str(files)))
    log = files / "access_events.csv"
    if not log.exists():
        raise ValueError("the comparison needs one file: ask for at most 10,000,000 events")
    registries = sorted(str(path) for path in files.iterdir() if path != log)
    few = _head(log, folder / "head.csv", min(events, _MOST_FOR_SLOW_PEER))
    store = folder / "scale.db"
    ours, peers, shells = [], [], []
    registry_run = figures_run = None
    for number in range(rounds):
        store.unlink(missing_ok=True)
        run(python("-m", "store", "init", "--db", str(store), "--rules", "groups-api-2018"))
        registry_run = run(python("-m", "store", "import", "--db", str(store), *registries, "--json"))
        ours.append(run(python("-m", "store", "import", "--db", str(store), str(log), "--json")))
        _must_have_taken_all(ours[-1], events)
        figures_run = run(python("-m", "store", "figures", "--db", str(store), "--json"))
        _must_count_all(figures_run, events)
        size = store.stat().st_size
        peers.append(_sqlite_utils(folder, few, number))
        if shutil.which("sqlite3") is not None:
            shells.append(_sqlite_shell(folder, log, number))
    assert registry_run is not None
    assert figures_run is not None
    rate = events / middle([each.seconds for each in ours])
    peer_rate = min(events, _MOST_FOR_SLOW_PEER) / middle([each.seconds for each in peers])
    rows = [
        Row("registries, before", f"{registry_run.seconds:.2f} s", "python -m store import --db X REGISTRIES"),
        _row("store import", rate, ours, "python -m store import --db X access_events.csv"),
        Row(
            "its store",
            f"{size / events:.0f} bytes an event",
            "",
            f"<= {_BYTES_AN_EVENT}",
            size / events <= _BYTES_AN_EVENT,
        ),
        Row(
            "figures, afterwards",
            f"{figures_run.seconds * 1000:.0f} ms, process and all",
            "python -m store figures --db X --json",
        ),
        _row(
            "sqlite-utils insert",
            peer_rate,
            peers,
            f"sqlite-utils insert raw.db events FIRST-{min(events, _MOST_FOR_SLOW_PEER)}.csv --csv",
        ),
        _ratio("store import / sqlite-utils", rate / peer_rate, _TIMES_SQLITE_UTILS),
    ]
    if shells:
        shell_rate = events / middle([each.seconds for each in shells])
        rows.append(
            _row("sqlite3 .import", shell_rate, shells, "sqlite3 raw.db '.import --csv access_events.csv events'")
        )
        rows.append(_ratio("store import / sqlite3 .import", rate / shell_rate, _TIMES_SQLITE_SHELL))
    else:
        rows.append(Row("sqlite3 .import", "NOT MEASURED: there is no sqlite3 program here", "", "0.5 x"))
    return rows


def append(folder: Path, store: Path) -> list[Row]:
    """Import a few more events into a store: of all its time, of its busiest apps, none of them known."""
    files = folder / "more"
    run(python("-m", "fixtures.scale", "--events", str(_APPENDED), "--seed", "2", "--to", str(files)))
    log = files / "access_events.csv"
    # The generator's ids begin at the same number for every incident.
    log.write_bytes(log.read_bytes().replace(b"Z,e", b"Z,f"))
    taken = run(python("-m", "store", "import", "--db", str(store), str(log), "--json"))
    _must_have_taken_all(taken, _APPENDED)
    return [
        Row(
            f"{_APPENDED:,} events more",
            f"{taken.seconds:.2f} s (cpu {taken.processor:.2f} s, {taken.peak_mib:,.0f} MiB)",
            "python -m store import --db X more.csv",
            f"<= {_APPEND_LIMIT_S:g} s",
            taken.seconds <= _APPEND_LIMIT_S,
        )
    ]


def _head(log: Path, to: Path, lines: int) -> Path:
    """The header and the first lines of a CSV file without line breaks inside of values."""
    with log.open("rb") as stream, to.open("wb") as head:
        head.writelines(islice(stream, lines + 1))
    return to


def _must_have_taken_all(imported: Run, events: int) -> None:
    taken = sum(int(each["accepted"]) for each in json.loads(imported.output)["imports"])
    if taken != events:
        raise RuntimeError(f"the import accepted {taken:,} of {events:,} events: its time means nothing")


def _must_count_all(asked: Run, events: int) -> None:
    figures = json.loads(asked.output)
    counted = sum(figures["verdicts"].values()) + figures["events_from_as_of"]
    if counted != events:
        raise RuntimeError(f"the figures count {counted:,} of {events:,} events: the store was not ready")


def _sqlite_utils(folder: Path, log: Path, number: int) -> Run:
    database = folder / f"sqlite-utils-{number}.db"
    taken = run(python("-m", "sqlite_utils", "insert", str(database), "events", str(log), "--csv", "--silent"))
    database.unlink()
    return taken


def _sqlite_shell(folder: Path, log: Path, number: int) -> Run:
    database = folder / f"sqlite3-{number}.db"
    with log.open(newline="", encoding="utf-8") as stream:
        header = next(csv.reader(stream))
    columns = ", ".join(f"{name} TEXT" for name in header)
    script = f'CREATE TABLE events({columns});\n.import --csv --skip 1 "{log}" events\n'
    taken = run(["sqlite3", str(database)], stdin=script)
    database.unlink()
    return taken


def _row(what: str, rate: float, runs: list[Run], command: str) -> Row:
    peak = max(each.peak_mib for each in runs)
    seconds = middle([each.seconds for each in runs])
    processor = middle([each.processor for each in runs])
    return Row(what, f"{rate:,.0f} rows/s ({seconds:.2f} s, cpu {processor:.2f} s, {peak:,.0f} MiB)", command)


def _ratio(what: str, ratio: float, wanted: float) -> Row:
    return Row(what, f"{ratio:.2f} x", "", f">= {wanted:g} x", ratio >= wanted)
