"""The command `sample`: it draws, shows and lists; a list that leaves is in the log; what is wrong is one line."""

import csv
import hashlib
import io
import json
import os
import shutil
from pathlib import Path
from typing import Any

import pytest

from store.cli.main import main
from tests.store.cli_incident import FORMULA_PERSON, HOSTILE, RULES, write_incident

FIVE = ("--share", "5%", "--risk", "5%")


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("incident")
    files = write_incident(folder)
    path = folder / "x.db"
    assert main(["init", "--db", str(path), "--rules", str(folder / "rules.toml"), "--as", "ana"]) == 0
    assert main(["import", "--db", str(path), str(files), "--as", "ana"]) == 0
    return path


@pytest.fixture
def db(built: Path, tmp_path: Path) -> str:
    return str(shutil.copy(built, tmp_path / "x.db"))


def say(capsys: pytest.CaptureFixture[str], db: str, *words: str, code: int = 0) -> str:
    """What `sample` prints."""
    capsys.readouterr()
    assert main(["sample", "--db", db, *words, "--as", "ana"]) == code
    said = capsys.readouterr()
    assert said.err.count("\n") == (code != 0)
    return said.out if code == 0 else said.err


def document(capsys: pytest.CaptureFixture[str], db: str, *words: str) -> dict[str, Any]:
    return dict(json.loads(say(capsys, db, *words, "--json")))


def log(capsys: pytest.CaptureFixture[str], db: str) -> list[dict[str, Any]]:
    capsys.readouterr()
    assert main(["log", "--db", db, "--json"]) == 0
    return list(json.loads(capsys.readouterr().out)["actions"])


def test_a_sample_is_drawn_listed_checked_and_shown(capsys: pytest.CaptureFixture[str], db: str) -> None:
    assert say(capsys, db) == "0 samples\n"
    told = say(capsys, db, "--partner", "p-1", *FIVE, "--seed", "DEADBEEF", "--note", "for the audit")
    entry = log(capsys, db)[-1]
    seq = str(entry["seq"])
    assert told.splitlines()[0].endswith("ana: drew 2 of 2 people of Ribbon Social")
    assert "Caveat: the seed was given" in told
    assert f"--sample {seq} --csv" in told
    assert (entry["verb"], entry["partner_id"], entry["note"]) == ("sample", "p-1", "for the audit")
    assert entry["after"]["sample"]["seed"] == "deadbeef"
    step = ["--partner", "p-1", "--step", "sample_checked", "--sample", seq, "--checked", "2", "--found", "1"]
    assert main(["step", "--db", db, *step, "--as", "bo"]) == 0
    assert "all 2 people checked, 1 still held" in say(capsys, db, "--partner", "p-1")
    (row,) = document(capsys, db)["samples"]
    assert (row["sample"], row["checked"], row["found"], row["at_most"]) == (int(seq), 2, 1, 1)
    sheet = say(capsys, db, "--sample", seq)
    assert f"Sample #{seq} of Ribbon Social (p-1), drawn " in sheet
    assert "by bo: 2 checked, 1 still held" in sheet
    assert "Seed deadbeef; drawn again today from the same 2 people read before 2018-07-01: the same list." in sheet
    expected = sorted(["s-1", "s-2"], key=lambda one: hashlib.sha256(f"deadbeef|{one}".encode()).hexdigest())
    assert [line.split() for line in sheet.splitlines()[-2:]] == [["1", expected[0]], ["2", expected[1]]]
    assert document(capsys, db, "--sample", seq)["sample"]["subjects"] == expected


def test_the_auditors_list_is_safe_in_a_spreadsheet_and_an_entry_in_the_log(
    capsys: pytest.CaptureFixture[str], db: str
) -> None:
    drawn = document(capsys, db, "--partner", "app:a-9", *FIVE)["sample"]
    assert "subjects" not in drawn
    seq = str(drawn["sample"])
    before = log(capsys, db)
    (row,) = csv.DictReader(io.StringIO(say(capsys, db, "--sample", seq, "--csv"), newline=""))
    assert row == {"number": "1", "subject_id": f"'{FORMULA_PERSON}", "still_held": "", "remark": ""}
    assert document(capsys, db, "--sample", seq)["sample"]["subjects"] == [FORMULA_PERSON]
    # Listing samples, or showing one on a terminal, takes no list out of the tool.
    say(capsys, db)
    say(capsys, db, "--csv")
    say(capsys, db, "--sample", seq)
    document(capsys, db)
    exports = log(capsys, db)[len(before) :]
    assert [entry["verb"] for entry in exports] == ["export", "export"]
    told = {"what": "sample", "sample": int(seq), "rows": 1, "partner_id": "app:a-9"}
    assert [entry["after"] for entry in exports] == [{**told, "format": "csv"}, {**told, "format": "json"}]


def test_a_person_whose_id_is_an_attack_is_shown_harmless(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    path = str(tmp_path / "x.db")
    (tmp_path / "rules.toml").write_text(RULES, "utf-8")
    line = {"occurred_at": "2018-05-01T00:00:00Z", "app_id": "a-1", "data_class": "group.member.name"}
    (tmp_path / "access_events.jsonl").write_text(json.dumps({**line, "subject_id": HOSTILE}) + "\n", "utf-8")
    assert main(["init", "--db", path, "--rules", str(tmp_path / "rules.toml"), "--as", "ana"]) == 0
    assert main(["import", "--db", path, str(tmp_path / "access_events.jsonl"), "--as", "ana"]) == 0
    seq = str(document(capsys, path, "--partner", "app:a-1", *FIVE, "--note", HOSTILE)["sample"]["sample"])
    for words in ([], ["--csv"]):
        told = say(capsys, path, "--sample", seq, *words)
        assert "\\x1b]52" in told
        assert told.replace("\r", "").replace("\n", "").isprintable()
    assert document(capsys, path, "--sample", seq)["sample"]["subjects"] == [HOSTILE]


def test_the_csv_of_the_list_of_samples(capsys: pytest.CaptureFixture[str], db: str) -> None:
    say(capsys, db, "--partner", "p-1", *FIVE)
    say(capsys, db, "--partner", "p-2", *FIVE)
    rows = list(csv.DictReader(io.StringIO(say(capsys, db, "--csv"), newline="")))
    assert [row["partner_id"] for row in rows] == ["p-1", "p-2"]
    assert [row["share"] for row in rows] == ["0.05", "0.05"]
    assert [row["partner_id"] for row in document(capsys, db, "--partner", "p-2")["samples"]] == ["p-2"]


def test_a_store_that_can_only_be_read_shows_its_samples(
    capsys: pytest.CaptureFixture[str], db: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    seq = str(document(capsys, db, "--partner", "p-1", *FIVE)["sample"]["sample"])
    before = Path(db).read_bytes()
    real = os.access
    # Whoever runs the tests may be root, for whom every file is writable.
    monkeypatch.setattr("os.access", lambda path, mode: mode != os.W_OK and real(path, mode))
    capsys.readouterr()
    code = main(["sample", "--db", db, "--sample", seq, "--csv", "--as", "ana"])
    said = capsys.readouterr()
    assert code == 0
    assert said.out.splitlines()[0] == "number,subject_id,still_held,remark"
    assert "the store is read-only: this list of people is not in its log" in said.err
    assert main(["sample", "--db", db, "--partner", "p-1", *FIVE, "--as", "ana"]) == 2
    assert "nothing was written" in capsys.readouterr().err
    assert Path(db).read_bytes() == before


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--partner", "p-1", "--share", "5%"], "both --share and --risk"),
        (["--partner", "p-1", "--risk", "5%"], "both --share and --risk"),
        ([*FIVE], "give --partner ID"),
        (["--partner", "p-4", *FIVE], "nobody to draw: no restricted read of 日本の会社 names a person"),
        (["--partner", "nobody", *FIVE], "no such partner"),
        (["--partner", "p-1", "--share", "5", "--risk", "5%"], "write 5%"),
        (["--partner", "p-1", "--share", "x", "--risk", "5%"], "no proportion"),
        (["--partner", "p-1", "--share", "100%", "--risk", "5%"], "cannot be exceeded"),
        (["--partner", "p-1", "--share", "5%", "--risk", "0"], "cannot be met"),
        (["--partner", "p-1", *FIVE, "--seed", "xyz"], "no seed"),
        (["--partner", "p-1", *FIVE, "--csv"], "drawing prints no list"),
        (["--partner", "p-1", *FIVE, "--sample", "3"], "give one or the other"),
        (["--seed", "deadbeef"], "which needs --share and --risk"),
        (["--as-of", "2018-05-01"], "which needs --share and --risk"),
        (["--note", "x"], "which needs --share and --risk"),
        (["--sample", "1"], "there is no sample #1"),
        (["--sample", "0"], "not a whole number"),
        (["--csv", "--json"], "not both"),
    ],
)
def test_what_is_wrong_is_one_line_and_leaves_the_log_as_it_was(
    capsys: pytest.CaptureFixture[str], db: str, words: list[str], says: str
) -> None:
    before = log(capsys, db)
    assert says in say(capsys, db, *words, code=2)
    assert log(capsys, db) == before
