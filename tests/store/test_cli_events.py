"""`events`, `event` and `who`: documents, tables, filters and paging, on an incident counted by hand."""

import json
from pathlib import Path
from typing import Any

import pytest

from store.cli.main import main
from tests.store.cli_incident import FORMULA_PERSON, write_incident


@pytest.fixture(scope="module")
def db(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    folder = tmp_path_factory.mktemp("incident")
    files = write_incident(folder)
    words = ["--db", str(folder / "incident.db")]
    assert main(["init", *words, "--rules", str(folder / "rules.toml"), "--as", "ana"]) == 0
    assert main(["import", *words, str(files), "--as", "ana"]) == 0
    return words


def document(capsys: pytest.CaptureFixture[str], *words: str) -> Any:
    capsys.readouterr()
    assert main([*words, "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def printed(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    capsys.readouterr()
    assert main([*words]) == 0
    return capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "records"),
    [
        (["--subject", "s-1"], [1, 2, 7, 8]),
        (["--subject", " s-1 ", "--verdict", "denied"], [8]),
        (["--resource", "g-3"], [4, 9]),
        (["--class", "group.member.picture"], [4]),
        (["--class", "group.*", "--app", "a-3"], [1, 5]),
        (["--endpoint", "x"], []),
        (["--filter", "person:s verdict:restricted", "--resource", "g-1"], [2, 3]),
        (["--filter", "endpoint:-", "--partner", "p-3"], [1, 5]),
        (["--subject", FORMULA_PERSON], [6]),
    ],
)
def test_events_are_filtered(
    capsys: pytest.CaptureFixture[str], db: list[str], words: list[str], records: list[int]
) -> None:
    answer = document(capsys, "events", *db, *words)
    assert [row["record_no"] for row in answer["events"]] == records
    assert (answer["total"], answer["offset"]) == (len(records), 0)
    assert "key" not in str([list(row) for row in answer["events"]])


def test_pages_follow_each_other(capsys: pytest.CaptureFixture[str], db: list[str]) -> None:
    whole = document(capsys, "events", *db)["events"]
    pages = [document(capsys, "events", *db, "--offset", str(at), "--limit", "4") for at in (0, 4, 8, 12)]
    assert [row for page in pages for row in page["events"]] == whole
    assert {page["total"] for page in pages} == {9}
    assert "4 of 9 events; --offset 8 goes on" in printed(capsys, "events", *db, "--offset", "4", "--limit", "4")
    assert printed(capsys, "events", *db, "--subject", "s-5").splitlines()[-1] == "1 event"


@pytest.mark.parametrize(
    "words",
    [
        ["--filter", "nonsense"],
        ["--class", "a*b"],
        ["--filter", "person:x", "--subject", "y"],
        ["--offset", "-1"],
    ],
)
def test_filters_that_make_no_sense_are_one_line(
    capsys: pytest.CaptureFixture[str], db: list[str], words: list[str]
) -> None:
    capsys.readouterr()
    assert main(["events", *db, *words]) == 2
    said = capsys.readouterr()
    assert (said.out, said.err.count("\n")) == ("", 1)


def test_an_event_is_told_in_full(capsys: pytest.CaptureFixture[str], db: list[str]) -> None:
    imports = document(capsys, "imports", *db)["imports"]
    number = next(str(one["import_id"]) for one in imports if one["kind"] == "access_events")
    named = ["event", *db, "--import", number, "--record"]
    (told,) = document(capsys, *named, "7", "--raw")["events"]
    assert (told["verdict"], told["after_removal"], told["subject_id"]) == ("improper", True, "s-1")
    (one,) = told["why"]["classes"]
    assert (one["verdict"], one["rules"][0]["rule"], one["exemptions"]) == ("improper", "r-1", [])
    assert (told["why"]["opt_ins"]["looked_at"], told["why"]["opt_ins"]["known"]) == (True, 0)
    (removal,) = told["why"]["removals"]
    assert (removal["removed_at"], removal["counts"], removal["lag"]) == ("2018-06-20T00:00:00Z", True, 108_000_000_000)
    assert told["raw"]["state"] == "shown"
    assert told["raw"]["record"] == "2018-06-21T06:00:00Z,a-1,group.member.name,s-1,g-2,4,success"
    assert told["raw"]["header"].startswith("occurred_at,app_id")
    said = printed(capsys, *named, "5", "--raw")
    for words in ("allowed, opted in", "1 of 1 in force (of s-5)", "none of this app is in the registry", "Record"):
        assert words in said
    assert "raw" not in document(capsys, *named, "5")["events"][0]
    assert "not an access" in printed(capsys, *named, "8")


@pytest.mark.parametrize(
    "words",
    [
        ["--event-id", "no such id"],
        ["--import", "1"],
        ["--import", "99", "--record", "1"],
        ["--import", "1", "--record", "99"],
        [],
        ["--import", "1", "--event-id", "x"],
    ],
)
def test_an_event_that_is_not_there_is_one_line(
    capsys: pytest.CaptureFixture[str], db: list[str], words: list[str]
) -> None:
    capsys.readouterr()
    assert main(["event", *db, *words]) == 2
    said = capsys.readouterr()
    assert (said.out, said.err.count("\n")) == ("", 1)


def test_events_are_found_by_the_logs_own_id(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    path = tmp_path / "access_events.csv"
    lines = [f"2019-01-0{day}T00:00:00Z,a,g.x,e{day}" for day in range(1, 6)]
    path.write_text("\n".join(["occurred_at,app_id,data_class,event_id", *lines, ""]), "utf-8")
    words = ["--db", str(tmp_path / "incident.db")]
    assert main(["init", *words, "--as", "ana"]) == 0
    assert main(["import", *words, str(path), "--as", "ana"]) == 0
    (told,) = document(capsys, "event", *words, "--event-id", "e4")["events"]
    assert (told["record_no"], told["event_id"]) == (4, "e4")
    assert "no rule restricts it" in printed(capsys, "event", *words, "--event-id", "e4")


def test_who_read_a_person(capsys: pytest.CaptureFixture[str], db: list[str]) -> None:
    answer = document(capsys, "who", *db, "--subject", "s-1")
    assert answer["ids"] == ["s-1"]
    assert [(row["partner_id"], row["improper"], row["denied"], row["allowed"]) for row in answer["partners"]] == [
        ("p-1", 2, 1, 0),
        ("p-3", 0, 0, 1),
    ]
    assert answer["partners"][0]["after_removal"] == 1
    assert answer["partners"][0]["first_read_at"] == "2018-04-10T00:00:00Z"
    assert answer["partners"][1]["first_read_at"] is None
    said = printed(capsys, "who", *db, "--resource", "g-1")
    assert "1 of 2 partners with any event read restricted data" in said
    assert "no person is known as s-; the nearest: s-1, s-2, s-3" in printed(capsys, "who", *db, "--subject", "s-")
    assert document(capsys, "who", *db, "--subject", "nobody")["partners"] == []
