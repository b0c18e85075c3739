"""What `timeline` prints for a person: weeks with their bar, what is not known, what is left out."""

import json
from pathlib import Path

import pytest

from store import markers
from store.cli.main import main
from tests.store.cli_incident import write_incident


@pytest.fixture
def incident(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> list[str]:
    db = ["--db", str(tmp_path / "incident.db")]
    files = write_incident(tmp_path)
    assert main(["init", *db, "--rules", str(tmp_path / "rules.toml"), "--as", "ana"]) == 0
    assert main(["import", *db, str(files), "--as", "ana"]) == 0
    capsys.readouterr()
    return db


def printed(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    capsys.readouterr()
    assert main([*words]) == 0
    return capsys.readouterr().out


def test_weeks_are_a_table_with_a_bar(capsys: pytest.CaptureFixture[str], incident: list[str]) -> None:
    """Restricted reads: two of p-1 on 10 and 11 April, one of p-2 and one of a-9 in May, one of p-1 in June."""
    lines = printed(capsys, "timeline", *incident, "--all").splitlines()
    start = next(place for place, line in enumerate(lines) if line.startswith("Week from"))
    rows = [line.split() for line in lines[start + 1 :]]
    assert len(rows) == 13
    assert rows[0] == ["2018-04-04", "2018-04-10", "1", "█" * 40, "1", "1"]
    assert rows[1] == ["2018-04-11", "2018-04-17", "1", "█" * 40, "1", "1"]
    assert rows[2] == ["2018-04-18", "2018-04-24", "0", "0", "0"]
    assert rows[-1][:2] == ["2018-06-27", "2018-06-30"]
    weeks = json.loads(printed(capsys, "timeline", *incident, "--all", "--json"))["weeks"]
    assert [(week["partners"], week["people"], week["events"]) for week in weeks] == [
        (int(row[2]), int(row[-2]), int(row[-1])) for row in rows
    ]
    assert weeks[0]["from"] == "2018-04-04T00:00:00Z"
    assert (weeks[-1]["until"], weeks[-1]["days"], weeks[-1]["logged_days"]) == ("2018-07-01T00:00:00Z", 4, 4)
    assert sum(week["events"] for week in weeks) == 5


def test_only_everybodys_timeline_has_weeks(capsys: pytest.CaptureFixture[str], incident: list[str]) -> None:
    assert "Week from" in printed(capsys, "timeline", *incident)
    assert "Week from" not in printed(capsys, "timeline", *incident, "--partner", "p-1")
    assert "weeks" not in json.loads(printed(capsys, "timeline", *incident, "--partner", "p-1", "--json"))


def test_without_rules_there_are_no_weeks(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    db = ["--db", str(tmp_path / "empty.db")]
    assert main(["init", *db, "--as", "ana"]) == 0
    assert json.loads(printed(capsys, "timeline", *db, "--all", "--json"))["weeks"] == []
    assert "Week from" not in printed(capsys, "timeline", *db, "--all")


def test_a_week_that_is_not_logged_says_so(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    files = write_incident(tmp_path)
    (files / "coverage.csv").write_text(
        "source,covered_from,covered_until\n"
        "gateway,2018-04-04T00:00:00Z,2018-04-20T00:00:00Z\ngateway,2018-04-25T00:00:00Z,2018-07-01T00:00:00Z\n"
    )
    db = ["--db", str(tmp_path / "incident.db")]
    assert main(["init", *db, "--rules", str(tmp_path / "rules.toml"), "--as", "ana"]) == 0
    assert main(["import", *db, str(files), "--as", "ana"]) == 0
    lines = printed(capsys, "timeline", *db, "--all", "--from", "2018-04-04", "--until", "2018-07-01").splitlines()
    told = [line for line in lines if "logged" in line]
    assert told[0] == "not logged  2018-04-20T00:00:00Z .. 2018-04-25T00:00:00Z  gateway"
    assert len(told) == 2
    assert told[1].startswith("2018-04-18  2018-04-24")
    assert told[1].endswith("2 of 7 d logged")


def test_days_without_events_are_not_called_unlogged(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    files = write_incident(tmp_path)
    (files / "coverage.csv").unlink()
    db = ["--db", str(tmp_path / "incident.db")]
    assert main(["init", *db, "--rules", str(tmp_path / "rules.toml"), "--as", "ana"]) == 0
    assert main(["import", *db, str(files), "--as", "ana"]) == 0
    text = printed(capsys, "timeline", *db, "--partner", "p-1", "--from", "2018-04-09", "--until", "2018-04-12")
    assert "not logged" not in text
    assert "no event    2018-04-09T00:00:00Z .. 2018-04-10T00:00:00Z  whether it was logged is not known" in text


def test_markers_that_are_left_out_are_counted(
    capsys: pytest.CaptureFixture[str], incident: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    words = ["timeline", *incident, "--from", "2010-01-01", "--until", "2100-01-01"]
    assert "more markers" not in printed(capsys, *words)
    whole = json.loads(printed(capsys, *words, "--json"))
    assert whole["markers_left_out"] == 0
    monkeypatch.setattr(markers, "MOST_MARKERS", 3)
    left = len(whole["markers"]) - len(json.loads(printed(capsys, *words, "--json"))["markers"])
    assert left > 0
    assert f"and {left} more markers: ask for a shorter time" in printed(capsys, *words)
