"""What the asking commands print: the documents of the contract, tables and CSV that no text of the data can harm."""

import csv
import io
import json
import shutil
import sqlite3
import unicodedata
from pathlib import Path
from typing import Any

import pytest

from store.cli.main import main
from tests.store.cli_incident import FORMULA, FORMULA_PERSON, HOSTILE, write_incident

FORBIDDEN = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}
POPULATION_KEYS = {
    "partners",
    "apps",
    "people",
    "resources",
    "events",
    "records",
    "events_without_subject",
    "events_without_records",
    "qualifier",
}
HUMAN_COMMANDS = [
    ["figures"],
    ["partners"],
    ["partners", "--csv"],
    ["timeline", "--bins", "12"],
    ["timeline", "--partner", "p-2"],
    ["timeline", "--all"],
    ["shape", "--partner", "p-1"],
    ["shape", "--partner", "app:a-9"],
    ["events"],
    ["people"],
    ["people", "--csv", "--as", "ana"],
    ["audit"],
    ["audit", "--partner", "p-2"],
    ["log"],
    ["imports"],
    ["quarantine"],
    ["rules", "show"],
]


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The small incident, imported by the command line, with a hostile note and step."""
    folder = tmp_path_factory.mktemp("incident")
    files = write_incident(folder)
    (folder / "broken").mkdir()
    broken = folder / "broken" / "access_events-\x1b[31m.csv"
    broken.write_text(f"occurred_at,app_id,data_class\nnever,a-1,{HOSTILE}\n", encoding="utf-8")
    path = folder / "x.db"
    db = ["--db", str(path)]
    assert main(["init", *db, "--rules", str(folder / "rules.toml"), "--as", "ana"]) == 0
    assert main(["import", *db, str(files), "--as", "ana"]) == 0
    assert main(["import", *db, str(broken), "--kind", "access_events", "--as", HOSTILE]) == 0
    assert main(["quarantine", *db, "--resolve", "1", "--note", HOSTILE, "--as", "ana"]) == 0
    assert main(["note", *db, "--partner", "p-2", "--note", HOSTILE, "--as", HOSTILE]) == 0
    assert main(["step", *db, "--partner", "p-2", "--step", "access_removed", "--note", HOSTILE, "--as", HOSTILE]) == 0
    return path


@pytest.fixture
def db(built: Path, tmp_path: Path) -> list[str]:
    """`--db` and a copy of the small incident."""
    return ["--db", str(shutil.copy(built, tmp_path / "x.db"))]


def document(capsys: pytest.CaptureFixture[str], *words: str) -> Any:
    """The document a command prints, which must be all it prints."""
    capsys.readouterr()
    assert main([*words, "--json"]) == 0
    said = capsys.readouterr()
    assert said.err == ""
    assert said.out.isascii()
    return json.loads(said.out)


def test_figures_are_those_counted_by_hand(capsys: pytest.CaptureFixture[str], db: list[str]) -> None:
    answer = document(capsys, "figures", *db)
    assert (answer["as_of"], answer["cutoff"], answer["window_days"]) == (
        "2018-07-01T00:00:00Z",
        "2018-04-04T00:00:00Z",
        30,
    )
    assert answer["retained"] == {"partners": 5, "apps": 5, "ungranted_partners": 0}
    for name in ("accessed", "recent", "after_removal"):
        assert set(answer[name]) >= POPULATION_KEYS
    assert {key: answer["accessed"][key] for key in POPULATION_KEYS} == {
        "partners": 3,
        "apps": 3,
        "people": 4,
        "resources": 4,
        "events": 5,
        "records": 8,
        "events_without_subject": 0,
        "events_without_records": 1,
        "qualifier": "exact",
    }
    assert (answer["recent"]["partners"], answer["recent"]["events"]) == (1, 1)
    assert (answer["after_removal"]["partners"], answer["after_removal"]["denied_attempts"]) == (1, 1)
    assert answer["verdicts"] == {
        "improper": 5,
        "allowed": 1,
        "allowed_by_opt_in": 1,
        "allowed_by_exemption": 0,
        "denied": 1,
        "undetermined": 0,
    }
    assert answer["events_from_as_of"] == 1
    assert {"open", "flagged", "cleared"} <= set(answer["cases"])
    assert {"passed", "failed", "overdue"} <= set(answer["audits"])
    assert answer["coverage"] == {"days": 88, "covered_days": 88, "basis": "imported"}
    assert answer["qualifier"] == "exact"
    assert isinstance(answer["caveats"], list)
    assert answer["sentence"]


def test_parameters_move_the_figures(capsys: pytest.CaptureFixture[str], db: list[str]) -> None:
    early = document(capsys, "figures", *db, "--as-of", "2018-04-11", "--today", "2020-01-20")
    assert early["accessed"]["events"] == 1
    assert early["today"] == "2020-01-20T00:00:00Z"
    later = document(capsys, "figures", *db, "--as-of", "2018-09-01", "--window", "31")
    assert (later["accessed"]["events"], later["recent"]["events"]) == (6, 1)
    what_if = document(capsys, "figures", *db, "--cutoff", "2018-05-05T00:00:00Z")
    assert what_if["accessed"]["events"] == 2


def test_partners_are_complete_and_lossless(capsys: pytest.CaptureFixture[str], db: list[str]) -> None:
    rows = {row["partner_id"]: row for row in document(capsys, "partners", *db)["partners"]}
    assert set(rows) == {"p-1", "p-2", "p-3", "p-4", "app:a-9"}
    assert rows["p-2"]["name"] == HOSTILE
    assert set(rows["p-1"]) >= {
        "partner_id",
        "name",
        "retained",
        "apps",
        "people",
        "events",
        "resources",
        "first_at",
        "last_at",
        "recent",
        "after_removal",
        "status",
        "stage",
        "assignee",
        "version",
    }
    first = rows["p-1"]
    assert (first["retained"], first["apps"], first["people"], first["events"], first["resources"]) == (
        True,
        1,
        2,
        3,
        2,
    )
    assert (first["first_at"], first["last_at"]) == ("2018-04-10T00:00:00Z", "2018-06-21T06:00:00Z")
    assert (first["recent"], first["after_removal"], first["status"], first["version"]) == (1, 1, "open", 0)
    assert rows["p-2"]["stage"] == "access_removed"


@pytest.mark.parametrize(
    ("words", "ids"),
    [
        (["--filter", "RIBBON go"], ["p-1"]),
        (["--filter", "ribbon absent"], []),
        (["--filter", "動画"], ["p-4"]),
        (["--filter", "52;c"], ["p-2"]),
        (["--show", "recent"], ["p-1"]),
        (["--show", "accessed", "--sort", "partner_id"], ["app:a-9", "p-1", "p-2"]),
        (["--show", "accessed", "--sort", "partner_id", "--reverse"], ["p-2", "p-1", "app:a-9"]),
        (["--sort", "events", "--filter", "p-"], ["p-1", "p-2"]),
    ],
)
def test_partners_are_filtered_and_sorted(
    capsys: pytest.CaptureFixture[str], db: list[str], words: list[str], ids: list[str]
) -> None:
    found = [row["partner_id"] for row in document(capsys, "partners", *db, *words)["partners"]]
    assert found[: len(ids)] == ids
    assert len(found) == len(ids) or "--sort" in words


def test_the_timeline_has_exactly_the_bins_asked_for(capsys: pytest.CaptureFixture[str], db: list[str]) -> None:
    bounds = ["--from", "2018-04-01", "--until", "2018-07-01", "--bins", "7"]
    answer = document(capsys, "timeline", *db, "--all", *bounds)
    bins = answer["bins"]
    assert len(bins) == 7
    assert set(bins[0]) >= {"from", "until", "improper", "allowed", "allowed_by_opt_in", "allowed_by_exemption"}
    assert (bins[0]["from"], bins[-1]["until"]) == ("2018-04-01T00:00:00Z", "2018-07-01T00:00:00Z")
    assert [each["until"] for each in bins[:-1]] == [each["from"] for each in bins[1:]]
    assert sum(each["improper"] for each in bins) == 5
    assert sum(each["denied"] for each in bins) == 1
    assert {"at", "kind", "text"} == set(answer["markers"][0])
    assert {"removal", "rule"} <= {marker["kind"] for marker in answer["markers"]}
    one = document(capsys, "timeline", *db, "--partner", "p-2", *bounds)
    assert sum(each["improper"] for each in one["bins"]) == 1
    whole = document(capsys, "timeline", *db)
    assert len(whole["bins"]) == 60
    assert sum(each["improper"] for each in whole["bins"]) == 6


def test_events_are_found_by_bounds_and_verdict(capsys: pytest.CaptureFixture[str], db: list[str]) -> None:
    rows = document(capsys, "events", *db, "--verdict", "improper", "--until", "2018-07-01")["events"]
    assert [row["occurred_at"][:10] for row in rows] == [
        "2018-04-10",
        "2018-04-11",
        "2018-05-01",
        "2018-05-05",
        "2018-06-21",
    ]
    assert {row["rule"] for row in rows} == {"r-1"}
    # It has an @ in it: a mail address, compared without case.
    assert rows[3]["resource_id"] == HOSTILE
    assert rows[2]["records"] is None
    limited = document(capsys, "events", *db, "--partner", "p-1", "--limit", "2")["events"]
    assert [row["record_no"] for row in limited] == [2, 3]


def test_people_as_json_is_logged_before_it_leaves(capsys: pytest.CaptureFixture[str], db: list[str]) -> None:
    rows = document(capsys, "people", *db, "--as", "ana")["people"]
    assert [row["subject_id"] for row in rows] == [FORMULA_PERSON, "s-1", "s-2", "s-3"]
    (last,) = document(capsys, "log", *db)["actions"][-1:]
    assert (last["verb"], last["actor"]) == ("export", "ana")
    assert (last["after"]["what"], last["after"]["rows"]) == ("people", 4)
    assert main(["people", *db]) == 0
    assert document(capsys, "log", *db)["actions"][-1] == last


def test_people_of_a_store_that_cannot_be_written_still_come(capsys: pytest.CaptureFixture[str], db: list[str]) -> None:
    connection = sqlite3.connect(db[1])
    connection.execute("PRAGMA user_version=999")
    connection.close()
    before = Path(db[1]).read_bytes()
    assert main(["people", *db, "--csv", "--as", "ana"]) == 0
    said = capsys.readouterr()
    unlogged, newer = said.err.splitlines()
    assert "read-only" in unlogged
    assert "newer version" in newer
    assert len(said.out.splitlines()) == 5
    assert Path(db[1]).read_bytes() == before
    assert main(["flag", *db, "--partner", "p-1", "--as", "ana"]) == 2


def test_csv_holds_no_formula_and_numbers_stay_numbers(capsys: pytest.CaptureFixture[str], db: list[str]) -> None:
    capsys.readouterr()
    assert main(["partners", *db, "--csv"]) == 0
    rows = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    assert {row["partner_id"]: row["name"] for row in rows}["p-3"] == f"'{FORMULA}"
    assert {row["partner_id"]: row["events"] for row in rows}["p-1"] == "3"
    assert {row["partner_id"]: row["retained"] for row in rows}["p-1"] == "true"
    assert main(["people", *db, "--csv", "--as", "ana"]) == 0
    people = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    assert people[0]["subject_id"] == f"'{FORMULA_PERSON}"


@pytest.mark.parametrize("command", HUMAN_COMMANDS, ids=" ".join)
def test_no_text_of_the_data_reaches_the_terminal_unclean(
    capsys: pytest.CaptureFixture[str], db: list[str], command: list[str]
) -> None:
    capsys.readouterr()
    assert main([*command, *db]) == 0
    said = capsys.readouterr()
    assert said.err == ""
    assert said.out
    unclean = {
        character
        for character in said.out.replace("\r\n", "\n")
        if character != "\n" and unicodedata.category(character) in FORBIDDEN
    }
    assert unclean == set()
    assert "affected" not in said.out


def test_the_words_are_the_fields_words(capsys: pytest.CaptureFixture[str], db: list[str]) -> None:
    capsys.readouterr()
    assert main(["figures", *db]) == 0
    text = capsys.readouterr().out
    for words in ("kept access", "read after removal", "Restricted reads", "complete in the log"):
        assert words in text
    for words in ("retained", "improper", "cleared", "accessed", "no abuse"):
        assert words not in text


def test_the_log_is_complete_and_oldest_first(capsys: pytest.CaptureFixture[str], db: list[str]) -> None:
    entries = document(capsys, "log", *db)["actions"]
    assert [entry["seq"] for entry in entries] == list(range(1, len(entries) + 1))
    verbs = [entry["verb"] for entry in entries]
    assert verbs[:2] == ["init", "load_rules"]
    assert {"import", "resolve_quarantine", "note", "step"} <= set(verbs)
    assert set(entries[0]) >= {"seq", "uuid", "at", "actor", "verb", "partner_id", "before", "after", "note", "hash"}
    of_one = document(capsys, "log", *db, "--partner", "p-2")["actions"]
    assert [entry["verb"] for entry in of_one] == ["note", "step"]
    assert of_one[0]["note"] == HOSTILE.strip()


def test_audit_shows_every_partner_that_kept_access(capsys: pytest.CaptureFixture[str], db: list[str]) -> None:
    answer = document(capsys, "audit", *db, "--today", "2030-01-01")
    assert {each["partner_id"] for each in answer["audits"]} == {"p-1", "p-2", "p-3", "p-4", "app:a-9"}
    (one,) = document(capsys, "audit", *db, "--partner", "p-2")["audits"]
    assert (one["stage"], one["next_step"]) == ("access_removed", "notified")
    assert [step["step"] for step in one["steps"]] == ["access_removed"]


@pytest.mark.parametrize("command", ["timeline", "events", "people", "audit", "log", "flag"])
def test_an_unknown_partner_is_one_line(capsys: pytest.CaptureFixture[str], db: list[str], command: str) -> None:
    capsys.readouterr()
    assert main([command, *db, "--partner", "p-11"]) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.count("\n") == 1
    assert "p-1" in said.err


def test_rebuild_changes_no_answer(capsys: pytest.CaptureFixture[str], db: list[str]) -> None:
    asked = ("figures", *db, "--today", "2020-01-01")
    before = document(capsys, *asked)
    assert document(capsys, "rebuild", *db, "--as", "ana") == {"rebuilt": True}
    assert document(capsys, *asked) == before
