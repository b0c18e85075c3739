"""Many partners told at once: a letter each, one undo, and those that cannot be told named and left alone."""

import hashlib
import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from store import audits, cases
from store.bulk import tell
from store.cli.main import main
from store.connection import Store, open_store
from store.errors import ConflictError, RefusedError, UnusableFileError, UsageError
from store.evidence_states import evidence_list
from store.ingest.importing import import_paths
from store.instants import parse_point
from store.ledger import actions
from store.names import find_partners
from store.opening import evidence_folder
from store.verify.running import verify
from tests import small_incident
from tests.incident_files import write_file
from tests.small_incident import NAMES

MANY = 100


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The small incident; all but the last partner have a contact, and all but the second had their access removed."""
    folder = tmp_path_factory.mktemp("built")
    path = small_incident.build(folder)
    rows: list[dict[str, object]] = [
        {"partner_id": f"p-{number}", "name": name, "contact": f"privacy@{number}.example"}
        for number, name in enumerate(NAMES[:5])
    ]
    with open_store(path) as opened:
        import_paths(opened, [write_file(folder / "partners.csv", "partners", rows)], actor="ana")
        removed = [partner for partner in range(1, 7) if partner != 2]
        at = parse_point("2018-07-01")
        audits.record_step(opened, removed, actor="ana", step="access_removed", at=at, at_is_date=True)
    return path


@pytest.fixture
def store(built: Path, tmp_path: Path) -> Iterator[Store]:
    """A copy of it."""
    with open_store(shutil.copy(built, tmp_path / "incident.db")) as opened:
        yield opened


def steps(store: Store, partner: int) -> list[str]:
    return [step.step for step in audits.track(store, partner, today=0).steps]


def kept(store: Store) -> set[str]:
    folder = evidence_folder(store.path)
    return {each.name for each in folder.iterdir()} if folder.exists() else set()


def test_all_that_can_be_told_are_and_one_undo_takes_it_back(store: Store, tmp_path: Path) -> None:
    audits.record_step(store, [3], actor="ana", step="on_hold", at=parse_point("2018-07-02"), note="regulator")
    calls: list[tuple[int, int]] = []
    folder = tmp_path / "letters"
    told = tell(store, [1, 2, 3, 4, 5, 6, 1], folder, actor="ana", progress=lambda *done: calls.append(done))
    assert sorted(told.files) == [1, 4, 5]
    assert told.exceptions == {
        2: "out of order: lacks 'access removed', which comes before 'partner told'",
        3: "on hold",
        6: "has no contact: import a `partners` file that names one, or give --contact TEXT for this partner alone",
    }
    assert calls == [(number, 4) for number in range(1, 5)] + [(number, 3) for number in range(1, 4)]
    for partner, path in told.files.items():
        step = audits.track(store, partner, today=0).steps[-1]
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        assert (step.step, step.evidence, step.evidence_sha256) == ("notified", path.name, digest)
        assert NAMES[partner - 1] in path.read_text()
    assert kept(store) == {hashlib.sha256(path.read_bytes()).hexdigest() for path in told.files.values()}
    assert told.done is not None
    assert len({entry.batch for entry in actions(store) if entry.seq in told.done.seqs}) == 1
    assert verify(store).ok
    cases.undo(store, actor="ana")
    assert [steps(store, partner) for partner in (1, 4, 5)] == [["access_removed"]] * 3
    cases.redo(store, actor="ana")
    assert steps(store, 4) == ["access_removed", "notified"]
    assert verify(store).ok
    assert all(not row.wrong for row in evidence_list(store, None))


def test_asked_for_deletion_the_letter_names_the_day_that_the_record_has(store: Store, tmp_path: Path) -> None:
    tell(store, [1, 4], tmp_path / "told", actor="ana", at=parse_point("2018-07-02"), at_is_date=True)
    at, due = parse_point("2018-07-03"), parse_point("2018-08-15")
    told = tell(store, [1], tmp_path / "one", actor="ana", step="deletion_requested", at=at, at_is_date=True, due=due)
    assert "by 2018-08-15" in told.files[1].read_text()
    assert audits.track(store, 1, today=at).due == due
    told = tell(store, [4], tmp_path / "two", actor="ana", step="deletion_requested", at=at, at_is_date=True)
    assert "by 2018-09-01, " in told.files[4].read_text()
    assert audits.track(store, 4, today=at).due == parse_point("2018-09-01")


def test_what_is_refused_leaves_nothing_behind(store: Store, tmp_path: Path) -> None:
    folder = tmp_path / "letters"
    last = max(entry.seq for entry in actions(store))
    with pytest.raises(ConflictError):
        tell(store, [1, 4], folder, actor="ana", expect={1: 1, 4: 99})
    with pytest.raises(RefusedError, match="in the future"):
        tell(store, [1, 4], folder, actor="ana", at=parse_point("2190-01-01"))
    with pytest.raises(UsageError, match="no letter goes with"):
        tell(store, [1, 4], folder, actor="ana", step="audit_started")
    with pytest.raises(UnusableFileError, match="store itself"):
        tell(store, [1], store.path, actor="ana")
    assert list(folder.iterdir()) == []
    assert kept(store) == set()
    assert max(entry.seq for entry in actions(store)) == last
    # What was in the folder before stays as it was, and is an exception.
    (folder / "p-0-deletion.md").write_text("mine")
    told = tell(store, [1, 4], folder, actor="ana")
    assert sorted(told.files) == [4]
    assert "exists already" in told.exceptions[1]
    assert (folder / "p-0-deletion.md").read_text() == "mine"


@pytest.mark.parametrize("ends_at", [2, 5])
def test_what_is_interrupted_leaves_no_letter(store: Store, tmp_path: Path, ends_at: int) -> None:
    """While letters are written, and while they are kept."""
    calls: list[int] = []

    def interrupt(done: int, _: int) -> None:
        calls.append(done)
        if len(calls) == ends_at:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        tell(store, [1, 4, 5], tmp_path / "letters", actor="ana", progress=interrupt)
    assert list((tmp_path / "letters").iterdir()) == []
    assert kept(store) == set()
    assert [steps(store, partner) for partner in (1, 4, 5)] == [["access_removed"]] * 3


def test_a_letter_for_each_or_one_file_for_all(store: Store, tmp_path: Path) -> None:
    (tmp_path / "x").write_text("x")
    at = parse_point("2018-07-02")
    for letters, evidence in (
        ({1: tmp_path / "x"}, None),
        ({1: tmp_path / "x", 4: tmp_path / "x"}, str(tmp_path / "x")),
    ):
        with pytest.raises(UsageError, match="one evidence file, or a letter for each"):
            audits.record_step(store, [1, 4], actor="ana", step="notified", at=at, letters=letters, evidence=evidence)
    missing = {1: tmp_path / "x", 4: tmp_path / "missing"}
    with pytest.raises(UsageError, match="cannot read the evidence"):
        audits.record_step(store, [1, 4], actor="ana", step="notified", at=at, letters=missing)
    assert kept(store) == set()
    same = {1: tmp_path / "x", 4: tmp_path / "x"}
    audits.record_step(store, [1, 4], actor="ana", step="notified", at=at, letters=same)
    assert kept(store) == {hashlib.sha256(b"x").hexdigest()}


def test_the_command_tells_who_was_left_out(store: Store, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["step", "--db", str(store.path), "--as", "ana", "--step", "notified", "--partner"]
    into = ["--letters", str(tmp_path / "letters")]
    assert main([*words, "p-0", "p-1", "p-3", *into, "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert [entry["partner_id"] for entry in document["actions"]] == ["p-0", "p-3"]
    assert [each["partner_id"] for each in document["exceptions"]] == ["p-1"]
    assert main([*words, "p-4", "p-5", *into, "--format", "txt"]) == 0
    printed = capsys.readouterr().out.splitlines()
    assert printed[0].endswith("recorded 'partner told' for Lumen Streams")
    assert printed[1].startswith("left out: GroupPilot (p-5): has no contact")
    for wrong, said in (
        (["p-1", "p-5", *into], "no letter was written"),
        (["p-5", *into, "--evidence", "x"], "is its evidence"),
        (["p-5", "--contact", "x"], "give --letters FOLDER"),
    ):
        assert main([*words, *wrong]) == 2
        errors = capsys.readouterr().err
        assert errors.count("\n") == 1
        assert said in errors


def test_a_hundred_are_one_undo(tmp_path: Path) -> None:
    tables: dict[str, list[dict[str, object]]] = {
        "partners": [{"partner_id": f"q-{each}", "name": f"Partner {each}", "contact": "x"} for each in range(MANY)],
        "apps": [{"app_id": f"b-{each}", "name": "App", "partner_id": f"q-{each}"} for each in range(MANY)],
        "access_events": [
            small_incident.read(each, number, "many") | {"app_id": f"b-{each}"}
            for each in range(MANY)
            for number in range(5)
        ],
    }
    path = small_incident.build(tmp_path)
    files = [write_file(tmp_path / f"{kind}-many.jsonl", kind, rows) for kind, rows in tables.items()]
    with open_store(path) as opened:
        import_paths(opened, files, actor="ana")
        many = find_partners(opened, [f"q-{each}" for each in range(MANY)])
        removed = parse_point("2018-07-01")
        audits.record_step(opened, many, actor="ana", step="access_removed", at=removed, at_is_date=True)
        told = tell(opened, many, tmp_path / "letters", actor="ana")
        assert (len(told.files), told.exceptions) == (MANY, {})
        assert len({path.read_bytes() for path in told.files.values()}) == MANY
        assert len(kept(opened)) == MANY
        cases.undo(opened, actor="ana")
        assert {step for partner in many for step in steps(opened, partner)} == {"access_removed"}
