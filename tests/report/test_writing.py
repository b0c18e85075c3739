"""A report is written whole and is in the log, or neither: whatever stands at its place, whatever the disk does."""

import errno
import hashlib
import json
import os
import shutil
import sqlite3
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from store import writing_files
from store.cli.main import main
from store.connection import Store, open_store
from store.errors import StoreError
from store.ledger import Action, actions
from store.opening import evidence_folder
from store.parameters import Parameters
from store.report.writing import export
from tests.faults.commands import as_user
from tests.faults.nursery import Nursery
from tests.report import incident

NOBODY = 65_534
FORMS = ("html", "md", "csv", "json")


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return incident.build(tmp_path_factory.mktemp("incident"))


@pytest.fixture
def path(built: Path, tmp_path: Path) -> Path:
    """A store of its own for each test."""
    copy = tmp_path / "incident.db"
    copy.write_bytes(built.read_bytes())
    copy.chmod(0o600)
    shutil.copytree(evidence_folder(built), evidence_folder(copy))
    return copy


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    place = tmp_path / "reports"
    place.mkdir()
    return place


def log(path: Path) -> list[Action]:
    with open_store(path) as store:
        return list(actions(store))


def report(path: Path, to: Path, *more: str) -> int:
    return main(["report", "--db", str(path), "--to", str(to), "--today", incident.TODAY, "--as", "ana", *more])


def refused(capsys: pytest.CaptureFixture[str], path: Path, to: Path, *more: str) -> str:
    """The one line of a report that is refused; the log is as it was, and nothing is beside the place."""
    before, names = log(path), sorted(os.listdir(path.parent))
    assert report(path, to, *more) == 2
    said = capsys.readouterr()
    assert (said.out, said.err.count("\n")) == ("", 1)
    assert "Traceback" not in said.err
    assert log(path) == before
    assert sorted(os.listdir(path.parent)) == names
    return said.err


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("whose", [[], ["--partner", "p-1"]])
def test_a_report_is_its_owners_and_in_the_log(
    capsys: pytest.CaptureFixture[str], path: Path, folder: Path, form: str, whose: list[str]
) -> None:
    before = log(path)
    to = folder / f"report.{form}"
    assert report(path, to, "--json", *whose) == 0
    told = json.loads(capsys.readouterr().out)
    assert os.listdir(folder) == [to.name]
    assert stat.S_IMODE(to.stat().st_mode) == 0o600
    content = to.read_bytes()
    digest = hashlib.sha256(content).hexdigest()
    (entry,) = log(path)[len(before) :]
    said = json.loads(entry.after or "")
    partner_id = whose[1] if whose else None
    assert (entry.verb, entry.actor, entry.partner_id) == ("export", "ana", None)
    assert (said["what"], said["format"], said["sha256"], said["partner_id"]) == ("report", form, digest, partner_id)
    assert said["log_head"] == {"seq": before[-1].seq, "hash": before[-1].hash}
    assert said["parameters"]["as_of"] == "2018-07-01T00:00:00Z"
    assert told == {
        "file": str(to),
        "format": form,
        "sha256": digest,
        "bytes": len(content),
        "partner_id": partner_id,
        "disclosure_id": None,
        "seq": entry.seq,
    }
    assert before[-1].hash.encode() in content
    assert main(["verify", "--db", str(path)]) == 0


def test_nothing_is_replaced_unless_forced(capsys: pytest.CaptureFixture[str], path: Path, folder: Path) -> None:
    to = folder / "report.html"
    to.write_text("mine")
    assert "exists already; give --force" in refused(capsys, path, to)
    assert to.read_text() == "mine"
    assert report(path, to, "--force") == 0
    assert to.read_text().startswith("<!doctype html>")
    assert os.listdir(folder) == [to.name]


@pytest.mark.parametrize("force", [[], ["--force"]])
def test_places_that_are_none(capsys: pytest.CaptureFixture[str], path: Path, folder: Path, force: list[str]) -> None:
    (folder / "other.html").write_text("theirs")
    (folder / "link.html").symlink_to(folder / "other.html")
    (folder / "dangling.html").symlink_to(folder / "nothing")
    (folder / "folder.html").mkdir()
    assert "symbolic link" in refused(capsys, path, folder / "link.html", *force)
    assert "symbolic link" in refused(capsys, path, folder / "dangling.html", *force)
    assert "not a file" in refused(capsys, path, folder / "folder.html", *force)
    assert "No such file" in refused(capsys, path, folder / "missing" / "report.html", *force)
    assert "end it in .html, .md, .csv or .json" in refused(capsys, path, folder / "report.pdf", *force)
    assert "end it in .html, .md, .csv or .json" in refused(capsys, path, folder / "report", *force)
    assert (folder / "other.html").read_text() == "theirs"
    assert not (folder / "nothing").exists()


def test_the_stores_own_place_is_none(capsys: pytest.CaptureFixture[str], path: Path) -> None:
    other = path.with_name("store.json")
    path.rename(other)
    assert "is the store itself" in refused(capsys, other, other, "--force")


@pytest.fixture
def open_to_all(built: Path) -> Iterator[Path]:
    """A store in a folder on a way that is open to everybody, with a folder in it that nobody may write."""
    with TemporaryDirectory(dir="/tmp", ignore_cleanup_errors=True) as name:
        place = Path(name)
        copy = place / "incident.db"
        copy.write_bytes(built.read_bytes())
        (place / "reports").mkdir()
        copy.chmod(0o666)
        (place / "reports").chmod(0o555)
        place.chmod(0o777)
        yield copy


def report_as_user(words: list[str], user: int) -> int:
    """Write a report as somebody who is not root, after one as who we are: he may not read where Python is kept."""
    with TemporaryDirectory() as folder:
        assert main([*words[:4], f"{folder}/report.md", *words[5:], "--as-of", "2018-06-01"]) == 0
    return as_user(words, user)


def test_a_folder_that_cannot_be_written(open_to_all: Path, tmp_path: Path) -> None:
    nursery, before = Nursery(), len(log(open_to_all))
    words = ["report", "--db", str(open_to_all), "--to", str(open_to_all.with_name("reports") / "report.md")]
    code, out, said = nursery.run(
        "tests.report.test_writing:report_as_user", [*words, "--as", "ana"], NOBODY, folder=tmp_path
    )
    nursery.close()
    assert (code, out.count("\n"), said.count("\n")) == (2, 1, 2), said
    assert "Permission denied" in said
    assert os.listdir(open_to_all.with_name("reports")) == []
    # The one that was written, before.
    assert len(log(open_to_all)) == before + 1


@pytest.mark.parametrize("force", [[], ["--force"]])
def test_a_full_disk_leaves_what_was_there(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, path: Path, folder: Path, force: list[str]
) -> None:
    to = folder / "report.csv"
    if force:
        to.write_text("the old one")

    def full(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr(writing_files.os, "fsync", full)
        said = refused(capsys, path, to, *force)
    assert "No space left on device" in said
    assert os.listdir(folder) == ([to.name] if force else [])
    if force:
        assert to.read_text() == "the old one"


def test_what_cannot_be_recorded_is_taken_away(monkeypatch: pytest.MonkeyPatch, path: Path, folder: Path) -> None:
    """The file stands, and then the transaction does not."""
    to = folder / "report.md"
    seen: list[list[str]] = []
    real = Store.writing

    @contextmanager
    def failing(store: Store) -> Iterator[sqlite3.Connection]:
        with real(store) as connection:
            yield connection
            seen.append(os.listdir(folder))
            raise sqlite3.OperationalError("database or disk is full")

    before = log(path)
    monkeypatch.setattr(Store, "writing", failing)
    with open_store(path) as store, pytest.raises(StoreError, match="nothing was written"):
        export(store, to, Parameters(), actor="ana")
    assert seen == [[to.name]]
    assert log(path) == before
    assert os.listdir(folder) == []


def test_a_store_that_can_only_be_read_has_reports_and_says_so(
    capsys: pytest.CaptureFixture[str], path: Path, folder: Path
) -> None:
    with open_store(path, read_only=True) as store:
        done = export(store, folder / "report.json", Parameters(), actor="ana")
    assert done.seq is None
    assert json.loads((folder / "report.json").read_text())["report"] == "incident"


def test_an_unknown_partner(capsys: pytest.CaptureFixture[str], path: Path, folder: Path) -> None:
    assert "no such partner" in refused(capsys, path, folder / "report.md", "--partner", "p-999")
    with open_store(path) as store, pytest.raises(StoreError):
        export(store, folder / "report.md", Parameters(), actor="ana", partner=999)
