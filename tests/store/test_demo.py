"""The demo incident: its figures by how it is drawn, its bytes by its seed, and the store built from it."""

import hashlib
import json
import os
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from fixtures.groups_api_2019.build import build_demo
from fixtures.groups_api_2019.generate import DEFAULT_SEED, generate
from fixtures.groups_api_2019.names import CAST, partner_id_of
from store.audits import tracks
from store.connection import Store, open_store
from store.due import due_list
from store.errors import UnusableFileError
from store.figures import figures, figures_document
from store.instants import format_day, parse_point
from store.ledger import actions
from store.parameters import Parameters
from store.partners import PartnerRow, partner_list
from store.report.incident import incident_report
from store.report.writing import written
from store.rulebook import preset_text
from tests import oracle
from tests.store.test_sheet import unlike

TODAY = parse_point("2020-01-20")
SMALL = 0.04
REPORT = Path(__file__).parents[1] / "report" / "golden" / "demo.md"
# Changes with every change of the generator, and with nothing else: print it with `python -m tests.store.test_demo`.
DIGEST = "e3248feaf4b37cdcc7efe4660f29f8b04f58230838e7a2f0adf88cb126eac481"


def digest(folder: Path) -> str:
    """One SHA-256 over the names and the bytes of all files."""
    total = hashlib.sha256()
    for path in sorted(folder.iterdir()):
        total.update(f"{path.name} {hashlib.sha256(path.read_bytes()).hexdigest()}\n".encode())
    return total.hexdigest()


@pytest.fixture(scope="module")
def rules(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("rules") / "rules.toml"
    path.write_text(preset_text("groups-api-2018"), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    path = tmp_path_factory.mktemp("demo") / "demo.db"
    build_demo(path)
    with open_store(path) as store:
        yield store


@pytest.mark.parametrize("seed", [DEFAULT_SEED, *range(1, 11)])
def test_every_seed_tells_the_same_story(tmp_path: Path, rules: Path, seed: int) -> None:
    generate(tmp_path / "files", seed, volume=SMALL)
    found: Any = oracle.figures(oracle.load(tmp_path / "files", rules), today=TODAY)
    counts = {name: found[name]["partners"] for name in ("retained", "accessed", "recent", "after_removal")}
    assert counts == {"retained": 100, "accessed": 64, "recent": 11, "after_removal": 3}
    assert (found["retained"]["apps"], found["retained"]["ungranted_partners"]) == (131, 1)
    assert found["qualifier"] == "at_least"
    assert (found["coverage"]["covered_days"], found["coverage"]["days"]) == (569, 580)
    assert (found["audits"]["passed"], found["audits"]["overdue"]) == (12, 4)


def test_two_processes_write_the_same_bytes(tmp_path: Path) -> None:
    program = "import sys; from pathlib import Path; from fixtures.groups_api_2019.generate import generate; "
    for name in ("1", "2"):
        subprocess.run(
            [sys.executable, "-c", program + "generate(Path(sys.argv[1]))", str(tmp_path / name)],
            check=True,
            env={**os.environ, "PYTHONHASHSEED": name, "TZ": f"UTC{name}"},
        )
    assert digest(tmp_path / "1") == digest(tmp_path / "2") == DIGEST


def test_the_report_of_the_demo(demo: Store) -> None:
    """All of it, but for hashes, entries and when it was made; with OVERSCOPE_WRITE_GOLDEN set it is written anew."""
    at = parse_point("2020-01-20T10:00:00Z")
    report = incident_report(demo, Parameters(today=TODAY), made_at=at, made_by="ana")
    text = written(report, "md").decode("utf-8")
    text = re.sub(r"\b[0-9a-f]{64}\b", "(sha256)", text)
    # How many entries there are is told by other tests.
    text = re.sub(r"\\#\d+", r"\#(entry)", text)
    text = re.sub(r"\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b", "(uuid)", text)
    if os.environ.get("OVERSCOPE_WRITE_GOLDEN"):
        REPORT.parent.mkdir(exist_ok=True)
        REPORT.write_text(text, encoding="utf-8")
    assert text == REPORT.read_text(encoding="utf-8")


def test_another_seed_writes_other_bytes(tmp_path: Path) -> None:
    generate(tmp_path / "1", 1, volume=SMALL)
    generate(tmp_path / "2", 2, volume=SMALL)
    assert digest(tmp_path / "1") != digest(tmp_path / "2")


def test_the_figures_of_the_demo(demo: Store) -> None:
    found = figures(demo, Parameters(today=TODAY))
    assert (found.retained_partners, found.retained_apps, found.ungranted_partners) == (100, 131, 1)
    assert (found.accessed.partners, found.recent.partners, found.after_removal.partners) == (64, 11, 3)
    assert found.accessed.resources == 212
    assert 40_000 <= found.accessed.people <= 42_500
    assert found.after_removal.events == 206 + 9 + 5
    assert found.after_removal_first_lag == 4_000_000
    assert found.qualifier == "at_least"
    assert (found.covered_days, found.coverage_days) == (569, 580)
    assert any("11 of 580 days" in caveat for caveat in found.caveats)
    assert found.quarantined == 38
    assert found.settled_opt_ins
    assert found.settled_exemptions
    assert found.unmapped_scopes == ("publish_to_groups",)
    assert all(found.verdicts[name] > 100 for name in oracle.VERDICTS)
    assert found.events_from_as_of > 0


@pytest.mark.parametrize("as_of", ["2018-11-08", "2019-03-13T11:30:00Z", "2019-10-29", "2019-11-05"])
def test_the_oracle_agrees_on_every_figure(demo: Store, evidence: oracle.Incident, as_of: str) -> None:
    at = parse_point(as_of)
    found = figures_document(figures(demo, Parameters(as_of=at, today=TODAY)))
    wanted = oracle.figures(evidence, as_of=at, today=TODAY)
    # The oracle reads files: of the investigators' work and of the steps they recorded it knows nothing.
    compared = {name: wanted[name] for name in wanted if name not in ("cases", "audits")}
    assert {name: _as_far_as(found[name], compared[name]) for name in compared} == compared


def _as_far_as(found: object, wanted: object) -> object:
    """The answer without the keys that the oracle does not compute."""
    if isinstance(found, dict) and isinstance(wanted, dict):
        return {name: found[name] for name in wanted}
    return found


@pytest.fixture(scope="module")
def evidence(tmp_path_factory: pytest.TempPathFactory, rules: Path) -> oracle.Incident:
    folder = tmp_path_factory.mktemp("files")
    generate(folder)
    return oracle.load(folder, rules)


def test_the_board_looks_alive(demo: Store) -> None:
    rows = partner_list(demo, Parameters(today=TODAY))
    kept = [row for row in rows if row.retained]
    assert len(kept) == 100
    assert Counter(row.status for row in kept) == {"open": 71, "flagged": 22, "cleared": 7}
    assert Counter(row.track[:7] for row in kept) == {
        "R------": 2,
        "RN-----": 2,
        "RND----": 61,
        "RNDC---": 18,
        "RNDCS--": 3,
        "RNDCSA-": 2,
        "RNDCSAV": 12,
    }
    assert sum(row.overdue for row in kept) == 4
    assert sorted(row.name for row in kept if row.track.endswith("X")) == ["Brambleboard", "Castaway Live"]
    assert [row.name for row in kept if row.track.endswith("H")] == ["Halyard"]
    assert _named(rows, "Ribbon Social").after_removal == 206
    assert not _named(rows, "app 22041").claimed
    assert len([row for row in rows if not row.retained]) == 19


def test_what_the_log_says_against_the_record(demo: Store, evidence: oracle.Incident) -> None:
    rows = partner_list(demo, Parameters(today=TODAY))
    found = sorted((each.kind, row.name) for row in rows for each in row.contradictions)
    assert found == [
        ("read_after_certificate", "Castaway Live"),
        ("read_after_removal", "Castaway Live"),
        ("read_after_removal", "Qadam Media"),
        ("read_after_removal", "Ribbon Social"),
        ("sibling_alive", "Plainsong"),
        ("statement_short", "Ribbon Social"),
    ]
    contradicted = [row.name for row in rows if row.contradictions or "contradicted" in row.side_states]
    assert [row.name for row in rows][: len(contradicted)] == contradicted
    assert contradicted[3:] == ["Plainsong", "Brambleboard"]
    (certificate,) = [each for each in _named(rows, "Castaway Live").contradictions if each.step is not None]
    apps = {row.app_id for row in evidence.apps if row.partner_id == partner_id_of("Castaway Live")}
    later = [
        each.occurred_at
        for each in evidence.events
        if each.app_id in apps and each.outcome == "success" and each.occurred_at >= parse_point("2019-10-30")
    ]
    assert (certificate.from_at, certificate.last_at) == (parse_point("2019-10-30"), max(later))
    short = _named(rows, "Ribbon Social").contradictions[-1]
    assert (short.stated, short.logged) == (9_000, _named(rows, "Ribbon Social").people)


def test_what_is_due_in_the_demo(demo: Store) -> None:
    found = due_list(demo, Parameters(today=TODAY))
    late = [(item.name, format_day(item.due)) for item in found.items if item.overdue]
    assert late == [
        ("the incident", "2019-10-31"),
        *((name, "2020-01-04") for name in ("Gossamer Queue", "Postwright", "Qadam Media", "Ribbon Social")),
    ]
    assert found.on_hold == 1
    assert [clock.state for clock in figures(demo, Parameters(today=TODAY)).clocks] == ["met", "overdue"]
    before = due_list(demo, Parameters(today=parse_point("2020-01-04T23:59:59Z")))
    assert [item.name for item in before.items if item.overdue] == ["the incident"]


def test_every_number_of_the_sheet_has_as_many_rows_as_it_says(demo: Store) -> None:
    found, hit = unlike(demo, Parameters(today=TODAY))
    assert found == []
    assert hit >= 50


def test_the_closures_hold_without_an_override(demo: Store) -> None:
    closed = [action for action in actions(demo) if action.verb == "clear"]
    assert len(closed) == 7
    assert not any(json.loads(action.after or "{}").get("override") for action in closed)
    assert len(tracks(demo, today=TODAY)) >= 100


def test_the_demo_is_built_whole_and_replaces_nothing(demo: Store) -> None:
    beside = [path.name for path in demo.path.parent.iterdir() if path.name.startswith(f".{demo.path.name}")]
    assert beside == []
    before = demo.path.stat().st_ino
    with pytest.raises(UnusableFileError, match="exists already"):
        build_demo(demo.path)
    assert demo.path.stat().st_ino == before


def test_every_name_is_played_once() -> None:
    assert len({part.name for part in CAST}) == len(CAST)
    assert len({partner_id_of(part.name) for part in CAST}) == len(CAST)


def _named(rows: list[PartnerRow], name: str) -> PartnerRow:
    return next(row for row in rows if row.partner_id == partner_id_of(name))


if __name__ == "__main__":
    import tempfile

    with tempfile.TemporaryDirectory() as scratch:
        generate(Path(scratch))
        print(digest(Path(scratch)))
