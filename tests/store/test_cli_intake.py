"""The commands that bring things in: what they report, what they refuse in one line, and what they leave untouched."""

import hashlib
import json
import stat
from pathlib import Path
from typing import Any

import pytest

from store.cli.main import main
from tests.store.cli_incident import RULES, write_incident

EVENTS_HEADER = "occurred_at,app_id,data_class,subject_id,outcome\n"
GOOD = "2018-04-10T00:00:00Z,a-1,group.member.name,s-1,success\n"
REPORT_KEYS = {
    "import_id",
    "file",
    "sha256",
    "format",
    "kind",
    "records",
    "accepted",
    "duplicates",
    "quarantined",
    "skipped",
    "first_at",
    "last_at",
}


@pytest.fixture
def db(tmp_path: Path) -> str:
    """An empty store with the small incident's rules."""
    (tmp_path / "rules.toml").write_text(RULES, encoding="utf-8")
    path = tmp_path / "x.db"
    assert main(["init", "--db", str(path), "--rules", str(tmp_path / "rules.toml"), "--as", "ana"]) == 0
    return str(path)


def answer(capsys: pytest.CaptureFixture[str], *words: str, code: int = 0) -> Any:
    """The document a command prints."""
    capsys.readouterr()
    assert main([*words, "--json"]) == code
    said = capsys.readouterr()
    assert said.err == ""
    return json.loads(said.out)


def refused(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    """The one line on stderr of a call that is refused."""
    capsys.readouterr()
    assert main(list(words)) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.count("\n") == 1
    return said.err


def events_file(folder: Path, content: str, name: str = "access_events.csv") -> str:
    path = folder / name
    path.write_text(content, encoding="utf-8")
    return str(path)


def test_a_new_store_is_private_and_named_after_its_rulebook(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    (tmp_path / "rules.toml").write_text(RULES, encoding="utf-8")
    path = tmp_path / "x.db"
    made = answer(capsys, "init", "--db", str(path), "--rules", str(tmp_path / "rules.toml"), "--as", "ana")
    assert made == {"db": str(path), "incident": "Member data", "rules": "rules.toml"}
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert sorted(each.name for each in tmp_path.iterdir()) == ["rules.toml", "x.db"]
    assert answer(capsys, "figures", "--db", str(path))["cutoff"] == "2018-04-04T00:00:00Z"


def test_a_store_without_rules_says_that_all_is_allowed(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    path = str(tmp_path / "x.db")
    assert main(["init", "--db", path, "--name", "Photo bug", "--as", "ana"]) == 0
    assert "everything will be judged allowed" in capsys.readouterr().out
    found = answer(capsys, "figures", "--db", path)
    assert (found["incident"], found["cutoff"]) == ("Photo bug", None)
    assert main(["rules", "--db", path, "show"]) == 0
    assert "everything is judged allowed" in capsys.readouterr().out


def test_a_preset_is_a_rulebook(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    path = str(tmp_path / "x.db")
    assert main(["init", "--db", path, "--rules", "groups-api-2018", "--as", "ana"]) == 0
    found = answer(capsys, "rules", "--db", path, "show")
    assert found["rules"] == ["groups-api-2018-04-04"]
    assert hashlib.sha256(found["toml"].encode()).hexdigest() == found["sha256"]


@pytest.mark.parametrize(
    ("change", "part"),
    [
        (("window_days", "windowdays"), "windowdays"),
        (("data_classes", "dataclasses"), "dataclasses"),
        (('id = "r-1"', ""), "id"),
        (("from = 2018-04-04", "from = 2018-04-04\nuntil = 2018-04-04"), "until"),
        (("[[rules]]", '[[rules]]\nid = "r-1"\ndata_classes = ["*"]\nfrom = 2018-01-01\n[[rules]]'), "r-1"),
        (("from = 2018-04-04", "from = 4 April"), "rulebook"),
        (('["opt_in", "exemption"]', '["mercy"]'), "mercy"),
    ],
)
def test_a_bad_rulebook_is_one_line_and_creates_nothing(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, change: tuple[str, str], part: str
) -> None:
    rules = tmp_path / "rules.toml"
    rules.write_text(RULES.replace(*change), encoding="utf-8")
    line = refused(capsys, "init", "--db", str(tmp_path / "x.db"), "--rules", str(rules))
    assert "rules.toml" in line
    assert part in line
    assert [each.name for each in tmp_path.iterdir()] == ["rules.toml"]


@pytest.mark.parametrize("content", [b"\xff\xfe", b"\x00" * 10, b"#" * (4 * 1024**2 + 1)])
def test_a_rulebook_that_is_no_text_is_refused(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, db: str, content: bytes
) -> None:
    rules = tmp_path / "bad.toml"
    rules.write_bytes(content)
    before = answer(capsys, "rules", "--db", db, "show")
    assert "bad.toml" in refused(capsys, "rules", "--db", db, "load", str(rules))
    assert answer(capsys, "rules", "--db", db, "show") == before


def test_a_rulebook_that_is_not_there_names_the_presets(capsys: pytest.CaptureFixture[str], db: str) -> None:
    assert "groups-api-2018" in refused(capsys, "rules", "--db", db, "load", "nowhere.toml")
    assert "rules --db FILE" in refused(capsys, "rules", "--db", db, "load")
    assert "rules --db FILE" in refused(capsys, "rules", "--db", db, "burn")


def test_loading_rules_judges_everything_anew(capsys: pytest.CaptureFixture[str], tmp_path: Path, db: str) -> None:
    assert main(["import", "--db", db, str(write_incident_below(tmp_path)), "--as", "ana"]) == 0
    assert answer(capsys, "figures", "--db", db)["accessed"]["events"] == 5
    later = tmp_path / "later.toml"
    later.write_text(RULES.replace("from = 2018-04-04", "from = 2018-05-05"), encoding="utf-8")
    loaded = answer(capsys, "rules", "load", "--db", db, str(later), "--as", "ana")
    assert (loaded["rulebook_id"], loaded["rules"]) == (2, ["r-1"])
    assert answer(capsys, "figures", "--db", db)["accessed"]["events"] == 2


def write_incident_below(folder: Path) -> Path:
    below = folder / "incident"
    below.mkdir()
    return write_incident(below)


def test_the_report_of_an_import(capsys: pytest.CaptureFixture[str], tmp_path: Path, db: str) -> None:
    files = write_incident_below(tmp_path)
    (files / "README.txt").write_text("no data", encoding="utf-8")
    report = answer(capsys, "import", "--db", db, str(files), "--as", "ana")
    assert set(report) == {"imports", "ignored"}
    assert [Path(file).name for file in report["ignored"]] == ["README.txt"]
    assert len(report["imports"]) == 8
    for entry in report["imports"]:
        assert set(entry) >= REPORT_KEYS
        assert entry["records"] == sum(entry[key] for key in ("accepted", "duplicates", "quarantined", "skipped"))
        assert entry["sha256"] == hashlib.sha256((files / entry["file"]).read_bytes()).hexdigest()
    events = {entry["kind"]: entry for entry in report["imports"]}["access_events"]
    assert (events["records"], events["accepted"], events["format"]) == (9, 9, "canonical")
    assert (events["first_at"], events["last_at"]) == ("2018-03-01T00:00:00Z", "2018-08-01T00:00:00Z")
    again = answer(capsys, "import", "--db", db, str(files), "--as", "ana")
    assert [entry["accepted"] for entry in again["imports"]] == [0] * 8
    assert len(answer(capsys, "imports", "--db", db)["imports"]) == 16


def test_strict_says_no_and_quarantine_says_why(capsys: pytest.CaptureFixture[str], tmp_path: Path, db: str) -> None:
    path = events_file(tmp_path, f"{EVENTS_HEADER}{GOOD}2018-04-11T00:00:00Z,a-1,group.member.name,s-1,maybe\n")
    report = answer(capsys, "import", "--db", db, path, "--strict", "--as", "ana", code=1)
    (entry,) = report["imports"]
    assert (entry["records"], entry["accepted"], entry["quarantined"]) == (2, 1, 1)
    (record,) = answer(capsys, "quarantine", "--db", db)["quarantine"]
    assert (record["record_no"], record["resolved"]) == (2, False)
    assert "maybe" in record["record"]
    assert "maybe" in record["reason"]
    assert "--note" in refused(capsys, "quarantine", "--db", db, "--resolve", "1")
    (settled,) = answer(capsys, "quarantine", "--db", db, "--resolve", "1", "--note", "test row", "--as", "bo")[
        "quarantine"
    ]
    assert (settled["resolved"], settled["resolved_by"], settled["resolution"]) == (True, "bo", "test row")
    refused(capsys, "quarantine", "--db", db, "--resolve", "1", "--note", "again")
    refused(capsys, "quarantine", "--db", db, "--resolve", "99", "--note", "x")
    refused(capsys, "quarantine", "--db", db, "--import", "99")
    assert answer(capsys, "import", "--db", db, path, "--as", "ana")["imports"][0]["accepted"] == 0


def test_a_voided_import_counts_nowhere_until_it_is_imported_again(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, db: str
) -> None:
    path = events_file(tmp_path, EVENTS_HEADER + GOOD)
    answer(capsys, "import", "--db", db, path, "--as", "ana")
    assert answer(capsys, "figures", "--db", db)["accessed"]["events"] == 1
    (entry,) = answer(capsys, "void", "--db", db, "--import", "1", "--note", "wrong tenant", "--as", "ana")["imports"]
    assert (entry["voided_by"], entry["void_note"]) == ("ana", "wrong tenant")
    assert answer(capsys, "figures", "--db", db)["accessed"]["events"] == 0
    assert "ana" in refused(capsys, "void", "--db", db, "--import", "1", "--note", "twice")
    refused(capsys, "void", "--db", db, "--import", "7", "--note", "x")
    capsys.readouterr()
    assert main(["imports", "--db", db]) == 0
    assert "voided by ana: wrong tenant" in capsys.readouterr().out
    answer(capsys, "import", "--db", db, path, "--as", "ana")
    assert answer(capsys, "figures", "--db", db)["accessed"]["events"] == 1


def test_columns_can_be_renamed_and_ignored_ones_are_told(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, db: str
) -> None:
    path = events_file(tmp_path, "when,client,data_class,mood\n1523318400,a-1,group.member.name,fine\n", "log.csv")
    words = ["--kind", "access_events", "--map", "when=occurred_at", "--map", "client=app_id", "--epoch", "s"]
    assert main(["import", "--db", db, path, *words, "--as", "ana"]) == 0
    assert "ignored columns mood" in capsys.readouterr().out
    (event,) = answer(capsys, "events", "--db", db)["events"]
    assert (event["occurred_at"], event["app_id"]) == ("2018-04-10T00:00:00Z", "a-1")


def test_one_column_cannot_be_two(capsys: pytest.CaptureFixture[str], tmp_path: Path, db: str) -> None:
    path = events_file(tmp_path, EVENTS_HEADER + GOOD)
    assert "twice" in refused(capsys, "import", "--db", db, path, "--map", "a=ip", "--map", "a=bytes")


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("access_events.csv", b"", []),
        ("access_events.csv", b"app_id,data_class\na,b\n", []),
        ("notes.csv", b"a,b\n1,2\n", []),
        ("access_events.csv.gz", b"\x1f\x8b\x08\x00broken", []),
        ("access_events.parquet", b"PAR1nonsense", []),
        ("access_events.csv", EVENTS_HEADER.encode("utf-16"), []),
        ("access_events.csv", EVENTS_HEADER.encode(), ["--timezone", "Middle/Earth"]),
        ("access_events.csv", EVENTS_HEADER.encode(), ["--format", "m365-ual"]),
    ],
)
def test_an_unusable_file_is_one_line_and_counts_nowhere(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, db: str, name: str, content: bytes, words: list[str]
) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    refused(capsys, "import", "--db", db, str(path), *words, "--as", "ana")
    counted = [entry for entry in answer(capsys, "imports", "--db", db)["imports"] if entry["state"] == "complete"]
    assert counted == []
    assert answer(capsys, "figures", "--db", db)["accessed"]["events"] == 0


def test_a_file_that_is_not_there_is_one_line(capsys: pytest.CaptureFixture[str], db: str) -> None:
    assert "nowhere.csv" in refused(capsys, "import", "--db", db, "nowhere.csv", "--as", "ana")


@pytest.mark.parametrize("row", ["2018-04-10T00:00:00,a-1,x.y,,", "1523318400000,a-1,x.y,,", "2018-04-10,a-1,x.y,,"])
def test_times_that_cannot_be_trusted_are_quarantined(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, db: str, row: str
) -> None:
    path = events_file(tmp_path, f"{EVENTS_HEADER}{row}\n{GOOD}")
    (entry,) = answer(capsys, "import", "--db", db, path, "--strict", "--as", "ana", code=1)["imports"]
    assert (entry["accepted"], entry["quarantined"]) == (1, 1)
    capsys.readouterr()
    assert main(["import", "--db", db, path, "--as", "ana"]) == 0
    assert "records are quarantined" in capsys.readouterr().out


def test_progress_is_silent_without_a_terminal_and_wipes_itself_on_one(capsys: pytest.CaptureFixture[str]) -> None:
    from store.cli.output import Progress

    with Progress() as silent:
        silent.show("a.csv", 10, 1.0, None)
    assert capsys.readouterr().err == ""
    with Progress(enabled=True) as told:
        told.show("a\x1b.csv", 1_000, 2_000.0, 3_700.0)
        told.show("a.csv", 2_000, 2_000.0, 1.0)
    said = capsys.readouterr().err
    assert "a\\x1b.csv  1,000 records  2,000/s  1 h 01 min left" in said
    assert "2,000 records" not in said.replace("1,000 records", "")
    assert said.endswith("\r\x1b[K")
