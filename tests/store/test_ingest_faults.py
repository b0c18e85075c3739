"""What an import that was killed, interrupted or out of room leaves; tests/faults kills many, at all moments."""

import subprocess
import sys
from pathlib import Path

import pytest

from store.aliases import aliases
from store.connection import open_store
from store.errors import UnusableFileError
from store.ingest import loader
from store.ingest.importing import import_paths
from store.ingest.imports import imports
from store.ingest.stage_folder import stage_folder
from store.verify import verify
from tests.store.ingest_store import ACTOR, counting_events, counts, event, new_store, take, write_events

KILLED = """
import os, signal, sys
from pathlib import Path
from store.connection import open_store
from store.ingest import event_writer, loader
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


def test_the_apps_of_a_killed_import_are_no_false_alarm(tmp_path: Path) -> None:
    first = write_events(tmp_path / "access_events-1.csv", [event(app_id="known"), event(app_id="known", records=1)])
    path = write_events(tmp_path / "access_events-2.csv", many())
    with new_store(tmp_path) as store:
        take(store, first)
    for calls in (0, 3):
        assert run(KILLED, tmp_path / "incident.db", path, calls).returncode == -9
        with open_store(tmp_path / "incident.db") as store:
            with store.reading() as connection:
                assert connection.execute("SELECT count(*) FROM apps").fetchone() == (8,)
            assert [result.findings for result in verify(store).results if not result.ok] == []
    with open_store(tmp_path / "incident.db") as store:
        take(store, path)
        with store.writing() as connection:
            connection.execute("DELETE FROM app_owners WHERE app > 7")
        assert [result.check for result in verify(store).results if not result.ok] == ["derived tables"]


def test_what_a_killed_import_packed_is_no_false_alarm(tmp_path: Path) -> None:
    path = write_events(tmp_path / "access_events-1.csv", many())
    other = write_events(tmp_path / "access_events-2.csv", [event(app_id="known")])
    with new_store(tmp_path) as store:
        take(store, other)
    killed = KILLED.replace("event_writer.EventWriter.write =", "importing.seals.seal =").replace(
        "dying(event_writer.EventWriter.write)", "dying(importing.seals.seal)"
    )
    killed = killed.replace("import event_writer, loader", "import importing, loader")
    assert run(killed, tmp_path / "incident.db", path, 0).returncode == -9
    with open_store(tmp_path / "incident.db") as store:
        with store.reading() as connection:
            assert connection.execute("SELECT count(*) FROM segment_columns WHERE content_id = 2").fetchone() > (0,)
        assert [result.findings for result in verify(store).results if not result.ok] == []
        take(store, path)
        assert sum(counting_events(store).values()) == 998
        assert [result.findings for result in verify(store).results if not result.ok] == []


def test_the_people_of_a_killed_import_are_no_false_alarm(tmp_path: Path) -> None:
    first = write_events(tmp_path / "access_events-1.csv", [event(subject_id="ann@x.org")])
    path = write_events(tmp_path / "access_events-2.csv", [event(subject_id="/personal/ann_x_org")])
    with new_store(tmp_path) as store:
        take(store, first)
    assert run(KILLED, tmp_path / "incident.db", path, 0).returncode == -9
    with open_store(tmp_path / "incident.db") as store:
        with store.reading() as connection:
            assert connection.execute("SELECT count(*) FROM subjects").fetchone() == (2,)
            assert aliases(connection) == {}
        assert [result.findings for result in verify(store).results if not result.ok] == []
        take(store, path)
        with store.reading() as connection:
            assert aliases(connection) == {2: 1}


def test_a_disk_that_fills_under_a_large_file_is_one_line_and_the_next_import_completes_it(tmp_path: Path) -> None:
    path = write_events(tmp_path / "access_events.csv", many(20_000))
    new_store(tmp_path).close()
    ended = run(FULL, tmp_path / "incident.db", path, 200_000)
    assert (ended.returncode, ended.stderr) == (2, "")
    assert ended.stdout.count("\n") == 1
    with open_store(tmp_path / "incident.db") as store:
        assert counting_events(store) == {}
        assert counts(take(store, path)) == (20_000, 19_997, 1, 2, 0)


def test_an_import_interrupted_while_it_tells_its_progress_is_completed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
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
