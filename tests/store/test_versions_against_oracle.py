"""Records that change: the last one said is in force, and what a voided file kept out can come in."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from store.ingest.importing import import_paths
from store.ingest.imports import void
from tests import oracle
from tests.differential import ACTOR, build, differences
from tests.incident_files import Row, write_file
from tests.incidents import Question

RULES = """
[incident]
as_of = 2019-04-01
[scopes]
all = ["*"]
[[rules]]
id = "r"
data_classes = ["g.*"]
from = 2019-03-01
basis = "notice"
"""
QUESTIONS = (Question(None, None, None),)
OTHER: dict[str, Row] = {
    "partners": {"partner_id": "p9", "name": "Another"},
    "apps": {"app_id": "a9", "name": "Another", "partner_id": "p9"},
    "grants": {"app_id": "a9", "scope": "all", "granted_at": "2019-03-09T00:00:00Z"},
}


def versions(kind: str) -> list[Row]:
    """One record as it was, as it was changed, and as it was again."""
    records: dict[str, tuple[Row, Row]] = {
        "partners": ({"partner_id": "p1", "name": "A"}, {"name": "B"}),
        "apps": ({"app_id": "a1", "name": "One", "partner_id": "p1"}, {"partner_id": "p2"}),
        "grants": (
            {"app_id": "a1", "scope": "all", "granted_at": "2019-02-01T00:00:00Z"},
            {"revoked_at": "2019-02-02T00:00:00Z"},
        ),
    }
    first, changed = records[kind]
    return [first, first | changed, first]


def agree(folder: Path, paths: Sequence[Path]) -> None:
    (folder / "rules.toml").write_text(RULES, "utf-8")
    with build(folder, RULES, paths) as store:
        assert differences(store, oracle.load(paths, folder / "rules.toml"), QUESTIONS, 1) == []


@pytest.mark.parametrize("kind", OTHER)
def test_a_record_may_go_back_to_what_it_said(tmp_path: Path, kind: str) -> None:
    parts: list[list[Row]] = [[row] for row in versions(kind)]
    parts[2].append(OTHER[kind])
    agree(tmp_path, [write_file(tmp_path / f"{kind}-{number}.csv", kind, part) for number, part in enumerate(parts)])


@pytest.mark.parametrize("kind", OTHER)
def test_a_record_may_go_back_within_one_file(tmp_path: Path, kind: str) -> None:
    agree(tmp_path, [write_file(tmp_path / f"{kind}.csv", kind, versions(kind))])


def test_what_only_a_voided_file_contradicted_comes_in(tmp_path: Path) -> None:
    event: Row = {"occurred_at": "2019-03-05T00:00:00Z", "app_id": "a1", "data_class": ["g.a"], "event_id": "e1"}
    wrong = write_file(tmp_path / "access_events-1.csv", "access_events", [event | {"subject_id": "s1"}])
    right = write_file(tmp_path / "access_events-2.csv", "access_events", [event | {"subject_id": "s2"}])
    (tmp_path / "rules.toml").write_text(RULES, "utf-8")
    with build(tmp_path, RULES, [wrong, right]) as store:
        both = oracle.load([wrong, right], tmp_path / "rules.toml")
        assert both.quarantined_events == 1
        assert differences(store, both, QUESTIONS, 1) == []
        for import_id in (1, 2):
            void(store, import_id, actor=ACTOR, note="begin again")
        import_paths(store, [right], actor=ACTOR)
        assert differences(store, oracle.load([right], tmp_path / "rules.toml"), QUESTIONS, 1) == []
