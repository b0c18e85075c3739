"""Records that change: the one that the newest file says is in force."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from tests import oracle
from tests.differential import build, differences
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
