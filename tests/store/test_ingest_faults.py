"""An import that is killed, interrupted or out of room leaves nothing that counts, and is completed by the next one."""

import subprocess
import sys
from pathlib import Path

import pytest

from store.connection import open_store
from store.errors import UnusableFileError
from store.ingest import loader
from store.ingest.importing import import_paths, imports
from store.ingest.quarantine import quarantined
from store.ingest.stage_folder import stage_folder
from tests.store.ingest_store import ACTOR, counting_events, counts, event, new_store, take, write_events

KILLED = """
import os, signal, sys
from pathlib import Path
from store.connection import open_store
from store.ingest import event_writer, loader, versions
from store.ingest.importing import import_paths

database, file, calls = sys.argv[1], sys.argv[2], int(sys.argv[3])
loader.BATCH_EVENTS = loader._BATCH_ROWS = 100
left = [calls]

def dying(write):
    def wrapped(*values):
        if left[0] == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        left[0] -= 1
        return write(*values)
    return wrapped

event_writer.EventWriter.write = dying(event_writer.EventWriter.write)
versions.VersionWriter.write = dying(versions.VersionWriter.write)
with open_store(database) as store:
    import_paths(store, [Path(file)], actor="killed")
"""
FULL = """
import resource, signal, sys
from pathlib import Path
from store.connection import open_store
from store.errors import StoreError
from store.ingest import loader
from store.ingest.importing import import_paths

loader.BATCH_EVENTS = 1000
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
size = Path(sys.argv[1]).stat().st_size
with open_store(sys.argv[1]) as store:
    resource.setrlimit(resource.RLIMIT_FSIZE, (size + int(sys.argv[3]), resource.RLIM_INFINITY))
    try:
        import_paths(store, [Path(sys.argv[2])], actor="full")
    except StoreError as error:
        print(error)
        sys.exit(2)
"""


def run(program: str, *arguments: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", program, *map(str, arguments)], capture_output=True, text=True, timeout=60, check=False
    )


def many(count: int = 1_000) -> list[dict[str, object]]:
    rows = [event(app_id=f"app-{number % 7}", subject_id=f"s{number}") for number in range(count)]
    rows[5] = event(outcome="maybe")
    rows[6] = event(event_id="e")
    rows[700] = event(event_id="e")
    rows[701] = event(event_id="e", records=1)
    return rows


@pytest.mark.parametrize("calls", [0, 1, 5, 9])
def test_a_killed_import_counts_nowhere_and_the_next_completes_it(tmp_path: Path, calls: int) -> None:
    path = write_events(tmp_path / "access_events.csv", many())
    with new_store(tmp_path, "whole.db") as whole:
        expected = take(whole, path)
        events = counting_events(whole)
    new_store(tmp_path).close()
    assert run(KILLED, tmp_path / "incident.db", path, calls).returncode == -9
    with open_store(tmp_path / "incident.db") as store:
        (unfinished,) = imports(store)
        assert not unfinished.is_complete
        assert counting_events(store) == {}
        with store.reading() as connection:
            (written,) = connection.execute("SELECT count(*) FROM access_events").fetchone()
        assert written == calls * 100
        entry = take(store, path)
        assert entry.import_id == unfinished.import_id
        assert counts(entry) == counts(expected) == (1000, 997, 1, 2, 0)
        assert counting_events(store) == events
        assert [record.record_no for record in quarantined(store)] == [6, 702]
        assert not list(tmp_path.glob(".*"))
        assert counts(take(store, path)) == (1000, 0, 998, 2, 0)


def test_a_registry_killed_half_way_is_completed(tmp_path: Path) -> None:
    path = tmp_path / "opt_ins.csv"
    rows = "".join(f"s{number % 900},2019-05-01T10:00:00Z\n" for number in range(1_000))
    path.write_text(f"subject_id,opted_in_at\n{rows}", "utf-8")
    new_store(tmp_path).close()
    assert run(KILLED, tmp_path / "incident.db", path, 4).returncode == -9
    with open_store(tmp_path / "incident.db") as store:
        with store.reading() as connection:
            assert connection.execute("SELECT count(*) FROM live_opt_ins").fetchone() == (0,)
        assert counts(take(store, path)) == (1000, 900, 100, 0, 0)
        with store.reading() as connection:
            assert connection.execute("SELECT count(*) FROM live_opt_ins").fetchone() == (900,)


def test_what_a_killed_import_left_counts_for_another_file_that_has_it_too(tmp_path: Path) -> None:
    rows = many()
    path = write_events(tmp_path / "access_events-1.csv", rows)
    other = write_events(tmp_path / "access_events-2.csv", rows[100:600])
    new_store(tmp_path).close()
    assert run(KILLED, tmp_path / "incident.db", path, 7).returncode == -9
    with open_store(tmp_path / "incident.db") as store:
        assert counts(take(store, other)) == (500, 500, 0, 0, 0)
        assert sum(counting_events(store).values()) == 500
        assert counts(take(store, path)) == (1000, 497, 501, 2, 0)
        assert sum(counting_events(store).values()) == 997


@pytest.mark.parametrize("room", [4_096, 200_000])
def test_a_full_disk_is_one_line_and_the_next_import_completes_it(tmp_path: Path, room: int) -> None:
    path = write_events(tmp_path / "access_events.csv", many(20_000))
    new_store(tmp_path).close()
    ended = run(FULL, tmp_path / "incident.db", path, room)
    assert (ended.returncode, ended.stderr) == (2, "")
    assert ended.stdout.count("\n") == 1
    with open_store(tmp_path / "incident.db") as store:
        assert counting_events(store) == {}
        assert counts(take(store, path)) == (20_000, 19_997, 1, 2, 0)


def test_an_interrupted_import_is_completed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loader, "BATCH_EVENTS", 100)
    monkeypatch.setattr(loader, "_PROGRESS_EVERY", 0)
    path = write_events(tmp_path / "access_events.csv", many())
    told: list[tuple[str, int, float, float | None]] = []

    def interrupt(*values: object) -> None:
        told.append(values)
        if len(told) == 4:
            raise KeyboardInterrupt

    with new_store(tmp_path) as store:
        with pytest.raises(KeyboardInterrupt):
            import_paths(store, [path], actor=ACTOR, progress=interrupt)
        assert [entry.is_complete for entry in imports(store)] == [False]
        assert counting_events(store) == {}
        assert {values[0] for values in told} == {"access_events.csv"}
        assert counts(take(store, path)) == (1000, 997, 1, 2, 0)
        with store.reading() as connection:
            assert connection.execute("PRAGMA foreign_key_check").fetchall() == []


def test_two_imports_do_not_run_at_once(tmp_path: Path) -> None:
    path = write_events(tmp_path / "access_events.csv", many(10 + 700))
    with new_store(tmp_path) as store:
        with stage_folder(store.path), pytest.raises(UnusableFileError, match=r"another import into .* is running"):
            import_paths(store, [path], actor=ACTOR)
        assert imports(store) == []
