"""The disclosure sheet: every number of it has exactly so many rows, on the demo and on random incidents."""

from pathlib import Path
from typing import Any

import pytest

from store.connection import Store, open_store
from store.errors import UsageError
from store.figures import figures, figures_document
from store.ingest.importing import import_paths
from store.instants import parse_point
from store.parameters import Parameters
from store.sheet_rows import SheetRows, cells, sheet_rows
from store.what_if import variation
from tests import small_incident
from tests.differential import TODAY, both
from tests.incident_files import Row, write_file
from tests.incidents import draw

SEEDS = range(400, 424)


def number_of(document: dict[str, Any], cell: str) -> int | None:
    """The number that the figures tell; None where only the sheet has it."""
    value: Any = document
    for part in cell.split("."):
        if part not in value:
            return None
        value = value[part]
    return int(value)


def unlike(store: Store, parameters: Parameters) -> tuple[list[str], int]:
    document: dict[str, Any] = dict(figures_document(figures(store, parameters)))
    found, hit = [], 0
    audits = [f"audits.{name}" for name in document["audits"]]
    for cell in (*cells(), *audits):
        rows = sheet_rows(store, parameters, cell)
        assert len(rows.rows) == rows.number
        assert len(set(rows.rows)) == len(rows.rows) or rows.columns[0] == "occurred_at"
        if cell.endswith(".records"):
            assert rows.total == sum(int(str(row[-1])) for row in rows.rows)
        told = number_of(document, cell)
        if told is not None and told != rows.total:
            found.append(f"{cell}: the sheet says {told}, its rows say {rows.total}")
        hit += rows.number > 0
    return found, hit


@pytest.mark.parametrize("seed", SEEDS)
def test_every_cell_has_as_many_rows_as_it_says(tmp_path: Path, seed: int) -> None:
    draft = draw(seed)
    store, _ = both(tmp_path, draft)
    with store:
        for question in draft.questions[:2]:
            changes = None if seed % 3 else variation(without=["opt_in"])
            asked = Parameters(question.as_of, question.window, question.cutoff, TODAY, changes)
            found, hit = unlike(store, asked)
            assert found == []
            assert hit >= 1


def test_rows_come_a_page_at_a_time(tmp_path: Path) -> None:
    store, _ = both(tmp_path, draw(401))
    with store:
        whole = sheet_rows(store, Parameters(today=TODAY), "verdicts.allowed")
        paged: list[tuple[object, ...]] = []
        for first in range(0, whole.number, 7):
            page: SheetRows = sheet_rows(store, Parameters(today=TODAY), "verdicts.allowed", first=first, limit=7)
            assert page.number == whole.number > 7
            paged += page.rows
        assert tuple(paged) == whole.rows


@pytest.mark.parametrize("cell", ["", "accessed", "accessed.souls", "cases.lost", "figures.people", "retained.people"])
def test_a_cell_that_is_none_is_refused(tmp_path: Path, cell: str) -> None:
    store, _ = both(tmp_path, draw(402))
    with store, pytest.raises(UsageError, match="no such figure"):
        sheet_rows(store, Parameters(today=TODAY), cell)


@pytest.mark.parametrize("cell", ["audits.zzz", "audits.", "cases.zzz", "accessed.zzz", "zzz"])
def test_a_figure_that_there_is_not_has_no_rows(tmp_path: Path, cell: str) -> None:
    with (
        open_store(small_incident.build(tmp_path)) as store,
        pytest.raises(UsageError, match=f"no such figure: '{cell}'; choose"),
    ):
        sheet_rows(store, Parameters(today=TODAY), cell)


@pytest.mark.parametrize("most_kept", [0, 1 << 30])
def test_rows_come_in_blocks_of_the_evidence_as_it_is_now(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, most_kept: int
) -> None:
    """Whether the cell looked at last is kept or counted anew: views and imports in between change what is answered."""
    monkeypatch.setattr("store.sheet_rows._MOST_KEPT", most_kept)
    path = small_incident.build(tmp_path)
    early = Parameters(as_of=parse_point("2018-05-10"), today=TODAY)
    usual = Parameters(today=TODAY)
    with open_store(path) as store:
        for asked in (usual, early, usual):
            for cell in cells():
                whole = sheet_rows(store, asked, cell)
                blocks = [sheet_rows(store, asked, cell, first=first, limit=37) for first in range(0, whole.number, 37)]
                assert [row for block in blocks for row in block.rows] == list(whole.rows)
                assert {(block.number, block.total) for block in blocks} <= {(whole.number, whole.total)}
        before = {cell: sheet_rows(store, usual, cell).number for cell in cells()}
        cell = "accessed.people"
        assert sheet_rows(store, usual, cell, limit=5).number == before[cell]
        more: Row = {"occurred_at": "2018-05-01T00:00:00Z", "app_id": "a-0", "data_class": ["group.member.name"]}
        files = [write_file(tmp_path / "access_events-9.csv", "access_events", [more | {"subject_id": "new"}])]
        with open_store(path) as other:
            import_paths(other, files, actor="bo")
        found = sheet_rows(store, usual, cell)
        assert found.number == before[cell] + 1
        assert "new" in {row[0] for row in found.rows}
