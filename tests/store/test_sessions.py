"""Where a person left: noted for one person and one incident, private, and never in the way."""

import json
import stat
from pathlib import Path

import pytest

from store.connection import Store, open_store
from store.errors import UnusableFileError
from store.instants import parse_point
from store.ledger import actions
from store.schema import create_store
from store.sessions import STATE_VARIABLE, Remembered, Session, last_session, remember, state_folder

TODAY = parse_point("2020-01-20")


@pytest.fixture
def store(tmp_path: Path) -> Store:
    create_store(tmp_path / "incident.db", name="x", actor="ana", at=0)
    return open_store(tmp_path / "incident.db")


def test_what_was_noted_is_found_by_that_person_in_that_incident_alone(store: Store, tmp_path: Path) -> None:
    folder = tmp_path / "new" / "state"
    create_store(tmp_path / "other.db", name="x", actor="ana", at=0)
    with store, open_store(tmp_path / "other.db") as other:
        assert last_session(folder, store, "ana") == Remembered(None)
        assert remember(folder, store, "ana", today=TODAY) == Session(1, TODAY)
        assert last_session(folder, store, "ana") == Remembered(Session(1, TODAY))
        for place, actor in ((store, "bo"), (store, "Ana"), (other, "ana")):
            assert last_session(folder, place, actor) == Remembered(None)
        remember(folder, store, "../../bo\x00/x", today=0)
        assert last_session(folder, store, "../../bo\x00/x") == Remembered(Session(1, 0))
    files = sorted(folder.iterdir())
    assert len(files) == 2
    assert {stat.S_IMODE(file.stat().st_mode) for file in files} == {0o600}
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_it_tells_a_place_in_the_log_and_nothing_else(store: Store, tmp_path: Path) -> None:
    with store:
        remember(tmp_path / "state", store, "ana", today=TODAY)
        assert len(actions(store)) == 1
    (file,) = (tmp_path / "state").iterdir()
    assert json.loads(file.read_text()) == {"seq": 1, "at": "2020-01-20T00:00:00Z"}
    assert "ana" not in file.name


@pytest.mark.parametrize(
    "content",
    [
        *("", "{", "null", "[]", "7", '"x"', "{}", '{"seq": 1}', '{"seq": 1, "at": null}', '{"seq": 1, "at": "soon"}'),
        *('{"seq": -1, "at": "2020-01-20T00:00:00Z"}', '{"seq": true, "at": "2020-01-20T00:00:00Z"}'),
        *('{"seq": 1.5, "at": "2020-01-20T00:00:00Z"}', '{"seq": "1", "at": "2020-01-20T00:00:00Z"}'),
        *("[" * 4_000, "\x00" * 10, '{"seq": 1, "at": "2020-01-20T00:00:00Z"}' + " " * 5_000 + "x"),
    ],
)
def test_what_is_damaged_is_left_out_with_a_word(store: Store, tmp_path: Path, content: str) -> None:
    with store:
        remember(tmp_path / "state", store, "ana", today=TODAY)
        (file,) = (tmp_path / "state").iterdir()
        file.write_text(content)
        found = last_session(tmp_path / "state", store, "ana")
        if content.endswith("x") and len(content) > 4_096:
            # As much of it as counts is whole.
            assert found == Remembered(Session(1, TODAY))
            return
        assert found.session is None
        assert "does not say where you left" in found.remark
        assert found.remark.count("\n") == 0
        remember(tmp_path / "state", store, "ana", today=TODAY)
        assert last_session(tmp_path / "state", store, "ana") == Remembered(Session(1, TODAY))


def test_a_log_that_is_shorter_than_what_was_seen_is_an_older_copy(store: Store, tmp_path: Path) -> None:
    with store:
        remember(tmp_path / "state", store, "ana", today=TODAY)
        (file,) = (tmp_path / "state").iterdir()
        file.write_text('{"seq": 500, "at": "2020-01-20T00:00:00Z"}')
        found = last_session(tmp_path / "state", store, "ana")
    assert found == Remembered(None, "you left at entry #500, and this log ends with #1: an older copy?")


def test_what_cannot_be_read_or_written_is_one_line(store: Store, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with store:
        with pytest.raises(UnusableFileError, match="cannot make"):
            remember(tmp_path / "file" / "state", store, "ana", today=TODAY)
        assert "Not a directory" in last_session(tmp_path / "file" / "state", store, "ana").remark
        remember(tmp_path / "state", store, "ana", today=TODAY)
        (file,) = (tmp_path / "state").iterdir()
        file.unlink()
        file.mkdir()
        assert "Is a directory" in last_session(tmp_path / "state", store, "ana").remark
        with pytest.raises(UnusableFileError, match="is not a file"):
            remember(tmp_path / "state", store, "ana", today=TODAY)
        file.rmdir()
        file.symlink_to(tmp_path / "file")
        with pytest.raises(UnusableFileError, match="symbolic link"):
            remember(tmp_path / "state", store, "ana", today=TODAY)
    assert (tmp_path / "file").read_text() == "x"


def test_the_folder_is_the_users_own_or_the_one_that_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv(STATE_VARIABLE, str(tmp_path / "x"))
    assert state_folder() == tmp_path / "x"
    monkeypatch.delenv(STATE_VARIABLE)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "own"))
    assert state_folder() == tmp_path / "own" / "overscope"
