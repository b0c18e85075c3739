"""The scale generator: as many events as were asked for, canonical to the last one, and skewed as real logs are."""

import csv
from collections import Counter
from pathlib import Path

import pytest

from fixtures import scale
from fixtures.scale import Size, write_incident
from store.rulebook import preset_text
from tests import oracle


def lines(folder: Path, pattern: str = "access_events*.csv") -> list[dict[str, str]]:
    found: list[dict[str, str]] = []
    for path in sorted(folder.glob(pattern)):
        with path.open(newline="", encoding="utf-8") as stream:
            found += csv.DictReader(stream, strict=True)
    return found


def test_every_event_is_there_once_and_in_order(tmp_path: Path) -> None:
    write_incident(tmp_path, events=3_000)
    events = lines(tmp_path)
    assert len({event["event_id"] for event in events}) == len(events) == 3_000
    times = [event["occurred_at"] for event in events]
    assert times == sorted(times)
    busiest = Counter(event["app_id"] for event in events).most_common(1)[0][1]
    assert busiest > 3_000 / Size(3_000).apps * 5
    assert {event["outcome"] for event in events} == {"success", "denied", "error"}
    assert any(event["subject_id"] == "" for event in events)
    assert any(event["records"] == "" for event in events)
    assert not any(event["records"].startswith("0") for event in events)


def test_files_and_blocks_are_cut_without_a_seam(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scale, "_ROWS_AT_ONCE", 70)
    monkeypatch.setattr(scale, "_EVENTS_PER_FILE", 400)
    write_incident(tmp_path, events=1_001)
    events = lines(tmp_path)
    assert sorted(path.name for path in tmp_path.glob("access_events*")) == [
        "access_events-001.csv",
        "access_events-002.csv",
        "access_events-003.csv",
    ]
    assert [event["event_id"] for event in events] == [f"e{number:09d}" for number in range(1_001)]


def test_the_same_seed_writes_the_same_bytes(tmp_path: Path) -> None:
    for name, seed in (("a", 5), ("b", 5), ("c", 6)):
        write_incident(tmp_path / name, events=500, seed=seed)

    def content(name: str) -> list[bytes]:
        return [path.read_bytes() for path in sorted((tmp_path / name).iterdir())]

    assert content("a") == content("b") != content("c")


def test_every_verdict_and_every_population_occurs(tmp_path: Path) -> None:
    write_incident(tmp_path / "files", events=20_000)
    rules = tmp_path / "rules.toml"
    rules.write_text(preset_text("groups-api-2018"), encoding="utf-8")
    incident = oracle.load(tmp_path / "files", rules)
    found = oracle.figures(incident)
    verdicts = found["verdicts"]
    assert isinstance(verdicts, dict)
    assert all(verdicts[name] > 0 for name in oracle.VERDICTS)
    for name in ("retained", "accessed", "recent", "after_removal"):
        population = found[name]
        assert isinstance(population, dict)
        assert population["partners"] > 0


def test_it_grows_to_seventy_thousand_partners() -> None:
    assert Size(10_000_000).partners == 70_000
    assert Size(100_000_000).partners == 70_000
    assert Size(1_000_000).partners == 7_000
    assert Size(1).partners >= 1
