"""What another program plants in a store is never taken for what a later import brings, and sealed as such."""

import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from store import audit_rows
from store.connection import open_store
from store.errors import UnusableFileError
from store.fold import rebuild
from store.ingest.imports import imports
from store.verify import verify
from tests.store.ingest_store import ACTOR, new_store, take

KILLED_BETWEEN_FILES = """
import os, signal, sys
from pathlib import Path
from store.connection import open_store
from store.ingest import importing

left = [2]
whole = importing._import_file

def dying(*values, **named):
    left[0] -= 1
    if left[0] < 0:
        os.kill(os.getpid(), signal.SIGKILL)
    return whole(*values, **named)

importing._import_file = dying
with open_store(sys.argv[1]) as store:
    importing.import_paths(store, [Path(file) for file in sys.argv[2:]], actor="killed")
"""


def removals(folder: Path) -> Path:
    path = folder / "removals.csv"
    path.write_text("app_id,removed_at,reason\na-1,2019-01-01T00:00:00Z,policy\na-2,2019-01-02T00:00:00Z,\n")
    return path


def findings(path: Path) -> list[str]:
    with open_store(path, read_only=True, lenient=True) as store:
        return [finding for result in verify(store).results for finding in result.findings]


def test_a_planted_version_is_named_and_not_taken_for_the_record_that_bears_its_key(tmp_path: Path) -> None:
    path = tmp_path / "incident.db"
    with new_store(tmp_path, "other.db") as other:
        take(other, removals(tmp_path))
        with other.reading() as connection:
            row = list(connection.execute("SELECT * FROM removals WHERE reason IS NOT NULL").fetchone())
    row[4] += 1
    new_store(tmp_path).close()
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("INSERT INTO apps VALUES (1, 'a-1')")
        connection.execute("INSERT INTO partners VALUES (1, NULL, 1)")
        connection.execute("INSERT INTO removals VALUES (?, ?, ?, ?, ?, ?)", row)
    assert findings(path) == ["table removals: version 1, which no import holds, does not say what its key stands for"]
    with open_store(path) as store:
        with pytest.raises(UnusableFileError, match="altered by something else"):
            take(store, removals(tmp_path))
        assert imports(store) == []


def test_rows_planted_under_the_next_number_are_not_sealed_as_the_next_imports(tmp_path: Path) -> None:
    path = tmp_path / "incident.db"
    new_store(tmp_path).close()
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("INSERT INTO apps VALUES (1, 'a-1')")
        connection.execute("INSERT INTO partners VALUES (1, NULL, 1)")
        connection.execute("INSERT INTO removals VALUES (500, 77, 78, 1, 1, 'planted')")
        connection.execute("INSERT INTO holdings VALUES ('removals', 500, 1, 1000)")
        connection.execute("INSERT INTO event_holders VALUES (1, 1, 1, 1, 1)")
        connection.execute("INSERT INTO import_checkpoints VALUES (1, 999, 999)")
    with open_store(path) as store:
        assert take(store, removals(tmp_path)).content_id == 1
        with store.reading() as connection:
            assert connection.execute("SELECT reason FROM live_removals ORDER BY 1").fetchall() == [
                (None,),
                ("policy",),
            ]
            assert connection.execute("SELECT count(*) FROM event_holders").fetchone() == (0,)
            assert connection.execute("SELECT record_no FROM import_checkpoints").fetchall() == [(1,)]
    assert [finding.split(",")[0] for finding in findings(path)] == ["table removals: version 500"]


def test_whose_app_it_is_is_known_after_a_call_that_was_killed_between_its_files(tmp_path: Path) -> None:
    (tmp_path / "partners.csv").write_text("partner_id,name\np-1,One\n")
    (tmp_path / "apps.csv").write_text("app_id,name,partner_id\na-1,App,p-1\n")
    files = [tmp_path / "partners.csv", tmp_path / "apps.csv", removals(tmp_path)]
    new_store(tmp_path).close()
    words = [sys.executable, "-c", KILLED_BETWEEN_FILES, *map(str, [tmp_path / "incident.db", *files])]
    assert subprocess.run(words, timeout=60, check=False).returncode == -9
    with open_store(tmp_path / "incident.db") as store:
        with store.reading() as connection:
            (partner,) = connection.execute("SELECT id FROM partners WHERE partner_id = 'p-1'").fetchone()
            assert connection.execute("SELECT count(*) FROM app_owners").fetchone() == (0,)
            stale = audit_rows.apps_by_partner(connection)
            assert audit_rows.apps_of(connection, partner) == ["a-1"]
        rebuild(store, actor=ACTOR)
        with store.reading() as connection:
            assert audit_rows.apps_by_partner(connection) == stale == {partner: ["a-1"]}
