"""The report of a disclosure says what was frozen, whatever happened since; it can be checked without the program."""

import csv
import hashlib
import json
import subprocess
import sys
from pathlib import Path

import pytest

from store import cases
from store.cli.main import main
from store.connection import open_store
from store.disclosure import disclose
from store.ingest.imports import void
from store.instants import parse_point
from store.ledger import actions
from store.names import find_partner
from store.parameters import Parameters
from tests.report import incident

FORMS = ("html", "md", "csv", "json")


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store that was disclosed, and then lost the import of the events and was worked on."""
    built = incident.build(tmp_path_factory.mktemp("incident"))
    with open_store(built) as store:
        name = "To the press | <b>first</b>"
        disclose(store, Parameters(today=parse_point(incident.TODAY)), actor="ana", name=name, note="=1+1")
        void(store, 1, actor="bo", note="the wrong file")
        cases.flag(store, [find_partner(store, "p-3")], actor="bo", note="later")
    return built


def written(path: Path, to: Path, *more: str) -> bytes:
    assert main(["report", "--db", str(path), "--to", str(to), "--disclosure", "1", "--as", "ana", *more]) == 0
    return to.read_bytes()


def test_what_was_frozen_is_told_whatever_happened_since(path: Path, tmp_path: Path) -> None:
    with open_store(path) as store:
        frozen = store_document(path)
        assert frozen["figures"]["accessed"]["events"] == 5
        before = list(actions(store))
    found = json.loads(written(path, tmp_path / "report.json"))
    assert found["disclosure"] == frozen
    assert (found["report"], found["sha256"]) == ("disclosure", digest(frozen))
    told = written(path, tmp_path / "report.csv").decode()
    lines = list(csv.reader(told.splitlines()))
    (read,) = [line for line in lines if line[0] == "populations" and line[2] == "read"]
    assert read[3:10] == [
        str(frozen["figures"]["accessed"][name])
        for name in ("partners", "apps", "people", "resources", "data_classes", "events", "records")
    ]
    members = {line[2]: line[3:7] for line in lines if line[0] == "partners" and line[1] != "0"}
    for place, name in enumerate(("retained", "accessed", "recent", "after_removal")):
        assert sorted(each for each, cells in members.items() if cells[place] == "yes") == frozen["populations"][name]
    with open_store(path) as store:
        entry = list(actions(store))[len(before)]
    said = json.loads(entry.after or "")
    assert (said["disclosure_id"], said["disclosure_sha256"]) == (1, digest(frozen))
    assert said["sha256"] == hashlib.sha256((tmp_path / "report.json").read_bytes()).hexdigest()


def store_document(path: Path) -> dict[str, object]:
    with open_store(path) as store, store.reading() as connection:
        (text,) = connection.execute("SELECT document FROM disclosures").fetchone()
    found: dict[str, object] = json.loads(text)
    return found


def digest(document: dict[str, object]) -> str:
    text = json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(text.encode()).hexdigest()


def test_the_recipe_checks_the_json(path: Path, tmp_path: Path) -> None:
    found = json.loads(written(path, tmp_path / "report.json"))
    recipe = found["disclosure"]["recipe"]
    program = recipe.partition("-c '")[2].partition("' FILE.json")[0]
    for expected in ("True", "False"):
        asked = subprocess.run(
            [sys.executable, "-c", program, str(tmp_path / "report.json")], capture_output=True, text=True, check=True
        )
        assert asked.stdout.strip() == expected
        found["disclosure"]["figures"]["accessed"]["people"] += 1
        (tmp_path / "report.json").write_text(json.dumps(found))


@pytest.mark.parametrize("form", FORMS)
def test_every_form_names_its_proof(path: Path, tmp_path: Path, form: str) -> None:
    content = written(path, tmp_path / f"report.{form}").decode()
    frozen = store_document(path)
    assert digest(frozen) in content
    assert str(frozen["log"]["hash"]) in content  # type: ignore[index]
    assert incident.PLANTED not in content
    assert "<b>first</b>" not in content or form in ("csv", "json")
    if form != "json":
        assert "reproduce" in content


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (["--disclosure", "9"], "no disclosure 9"),
        (["--disclosure", "1", "--as-of", "2018-06-01"], "has its own parameters"),
        (["--disclosure", "1", "--partner", "p-1"], "not allowed with"),
    ],
)
def test_what_is_refused(
    capsys: pytest.CaptureFixture[str], path: Path, tmp_path: Path, more: list[str], said: str
) -> None:
    to = tmp_path / "report.md"
    assert main(["report", "--db", str(path), "--to", str(to), "--as", "ana", *more]) == 2
    errors = capsys.readouterr().err
    assert said in errors
    assert errors.count("\n") == 1
    assert not to.exists()
