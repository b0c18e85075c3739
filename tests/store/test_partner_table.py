"""Partners as columns: the same rows, populations, orders, filters and sums as of a plain list of rows."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fixtures.scale import write_incident
from store import audits, cases, kept, partners
from store.audits import Mark
from store.case_notes import Note
from store.connection import Store, open_store
from store.ingest.importing import import_paths
from store.ingest.imports import imports, void
from store.instants import parse_point
from store.kept import PartnerFigures
from store.parameters import Parameters
from store.partner_table import PartnerTable, columns_of
from store.partners import ATTENTION, CaseLine, PartnerRow, Work, row_of, sort_rows
from store.rulebook import load_rules, preset_text
from store.schema import create_store
from tui.partner_view import ORDERS, POPULATIONS, PartnerView

LATE = range(0, 60, 4)
ASKED = Parameters(today=parse_point("2020-01-20"))

texts = st.text(alphabet="abAB ßİς界\n", max_size=6)
small = st.integers(0, 2)
instants = st.none() | st.integers(-5, 5)


@st.composite
def incidents(draw: st.DrawFn) -> tuple[list[PartnerFigures], Work]:
    """Partners that often tie, and work on some of them."""
    numbers = draw(st.lists(st.integers(1, 40), unique=True, max_size=12))
    figures = [
        PartnerFigures(
            number, f"p{draw(small)}-{number}", draw(texts), draw(st.booleans()), draw(st.booleans()),
            draw(st.booleans()), draw(small), draw(small), draw(small), draw(small), draw(st.integers(0, 2**70)),
            draw(instants), draw(instants), draw(small), draw(small), draw(instants), draw(small), draw(texts),
        )
        for number in sorted(numbers)
    ]  # fmt: skip
    some = st.sampled_from([*numbers, 999])
    marks = st.builds(Mark, st.just("notified"), texts, instants, st.booleans(), st.just(()))
    lines = st.builds(CaseLine, st.sampled_from(["open", "flagged"]), st.none(), st.none(), small, st.booleans())
    notes = st.lists(st.builds(Note, st.just(1), st.just("ana"), texts, st.booleans()), min_size=1, max_size=2)
    cases_of, marks_of, notes_of = (
        draw(st.dictionaries(some, lines, max_size=4)),
        draw(st.dictionaries(some, marks, max_size=4)),
        draw(st.dictionaries(some, notes, max_size=4)),
    )
    return figures, Work(cases_of, marks_of, notes_of)


@settings(max_examples=60, deadline=None)
@given(incidents(), texts, st.sets(st.integers(1, 41), max_size=5))
def test_a_table_shows_what_a_list_of_rows_shows(
    incident: tuple[list[PartnerFigures], Work], typed: str, marked: set[int]
) -> None:
    figures, work = incident
    rows = sort_rows([row_of(each, work) for each in figures], ATTENTION)
    table = PartnerTable(columns_of(figures), work)
    assert list(table) == rows == table[:]
    assert [table.find(row.partner) for row in rows] == rows
    assert table.find(1_000) is None
    plain, columnar = PartnerView(), PartnerView()
    plain.set_rows(rows)
    columnar.set_rows(table)
    assert columnar.known(marked) == plain.known(marked)
    assert columnar.chosen(marked) == plain.chosen(marked)
    for _ in POPULATIONS:
        for _ in ORDERS:
            for _ in range(2):
                for text in ("", typed[:1], typed[:2], typed, typed[1:]):
                    plain.set_filter(text)
                    columnar.set_filter(text)
                    assert_alike(columnar, plain, marked)
                plain.turn_round()
                columnar.turn_round()
            plain.next_order()
            columnar.next_order()
        plain.next_population()
        columnar.next_population()


def assert_alike(one: PartnerView, other: PartnerView, marked: set[int]) -> None:
    shown = list(other.visible)  # type: ignore[call-overload]
    assert [one.visible[place] for place in range(len(one.visible))] == shown
    assert (one.total, one.together) == (other.total, other.together)
    assert one.hidden(marked) == other.hidden(marked)
    assert [one.place(number) for number in range(42)] == [other.place(number) for number in range(42)]
    assert one.visible.partners(1, 3) == other.visible.partners(1, 3)
    assert one.visible.partners() == {row.partner for row in shown}


@pytest.fixture(scope="module")
def incident_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Partners of few reads, some of them overdue."""
    folder = tmp_path_factory.mktemp("table")
    write_incident(folder / "files", events=1_500)
    steps = "".join(f"p{number:06d},deletion_requested,2019-11-06,2019-12-{number % 9 + 1:02d}\n" for number in LATE)
    (folder / "files" / "steps.csv").write_text(f"partner_id,step,at,due\n{steps}", encoding="utf-8")
    path = folder / "incident.db"
    create_store(path, name="Scale", actor="ana", at=ASKED.today or 0)
    with open_store(path) as store:
        load_rules(store, preset_text("groups-api-2018"), source="preset", actor="ana")
        import_paths(store, [folder / "files"], actor="ana")
    return path


@pytest.fixture
def incident(incident_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Store]:
    """Their store, taken for one of many partners."""
    monkeypatch.setattr(partners, "MANY_PARTNERS", 10)
    copied = shutil.copy(incident_file, tmp_path / "incident.db")
    with open_store(copied) as store:
        yield store


def test_the_store_answers_a_table_of_the_same_rows(incident: Store) -> None:
    table = partners.all_partners(incident, ASKED)
    assert isinstance(table, PartnerTable)
    assert list(table) == partners.partner_list(incident, ASKED)
    for other in (ASKED.__class__(today=ASKED.today, window_days=90), Parameters(parse_point("2019-01-01"), 30, 0)):
        assert list(partners.all_partners(incident, other)) == partners.partner_list(incident, other)


def test_the_begin_of_the_list_is_its_begin(incident: Store) -> None:
    first = partners.first_partners(incident, ASKED)
    assert first is not None
    expected = [row for row in partners.partner_list(incident, ASKED) if row.retained]
    assert first.rows == expected[: len(first.rows)]
    assert first.total == len(expected)
    view = PartnerView()
    view.set_rows(expected)
    assert first.together == view.together
    assert partners.first_partners(incident, Parameters(window_days=90)) is None


def test_whoever_is_overdue_comes_into_the_begin(incident: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = [row for row in partners.partner_list(incident, ASKED) if row.retained]
    with incident.reading() as connection:
        figures = [row for row in kept.kept_partners(connection) if row.retained]
    begin = tuple(row.partner for row in sorted(figures, key=kept.urgency)[:20])
    short = kept.KeptFirst(known=500, total=len(whole), apps=0, events=0, last_at=None, partners=begin)
    monkeypatch.setattr(partners, "kept_first", lambda connection: short)
    first = partners.first_partners(incident, ASKED)
    assert first is not None
    assert first.rows == whole[:20]
    assert {row.partner for row in first.rows} != set(begin)


def test_work_makes_another_table_and_nothing_else_does(incident: Store) -> None:
    table = partners.all_partners(incident, ASKED)
    assert partners.all_partners(incident, ASKED) == table
    row: PartnerRow = table[0]
    cases.add_note(incident, [row.partner], note="Zanzibar", actor="ana")
    changed = partners.all_partners(incident, ASKED)
    assert changed != table
    assert isinstance(changed, PartnerTable)
    lines = changed.arranged("all", "attention", reverse=False).holding(["zanzibar"])
    assert [each.partner for each in lines] == [row.partner]
    assert list(changed) == partners.partner_list(incident, ASKED)


def test_work_and_evidence_of_meanwhile_are_in_the_next_table(incident: Store, tmp_path: Path) -> None:
    """What the evidence says of partners without a step is kept; steps, their undoing and new reads come in between."""

    def is_as_a_list_of_rows() -> list[int]:
        for asked in (ASKED, Parameters(as_of=parse_point("2019-01-01"), today=ASKED.today)):
            table = partners.all_partners(incident, asked)
            assert isinstance(table, PartnerTable)
            assert list(table) == partners.partner_list(incident, asked)
        return [row.partner for row in table if row.contradictions]

    contradicted = is_as_a_list_of_rows()
    assert contradicted
    some = sorted({1, 2, *contradicted[:1]})
    audits.record_step(incident, some, actor="ana", step="access_removed", at=parse_point("2019-11-06"))
    assert is_as_a_list_of_rows() == contradicted
    cases.undo(incident, actor="ana")
    assert is_as_a_list_of_rows() == contradicted
    files = [each.import_id for each in imports(incident) if each.kind == "removals"]
    void(incident, files[0], actor="ana", note="wrong")
    assert is_as_a_list_of_rows() == []
