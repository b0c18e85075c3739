"""The parts of the board that know no screen: lines that fit, columns that fit, and what the partner list shows."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from store.partners import PartnerRow
from tests.tui.fakes import NASTY, TODAY, row, usual_figures, usual_rows
from tui.fitting import Fact, fit_facts
from tui.partner_view import ORDERS, POPULATIONS, PartnerView
from tui.text import count, fit, lag, qualified, short_day, span
from tui.widgets.figures_bar import population_facts, reliability_facts, scope_facts, work_facts
from tui.widgets.partner_columns import EXTRA_SETS, SIGNS_WIDTH, STATUS, Context, lay_out, measure, name_of, signs

words = st.text(alphabet="ab≥界é ", max_size=12)
facts = st.lists(
    st.builds(
        lambda rank, wordings: Fact(
            rank, tuple(((text, ""),) for text in sorted(wordings, key=cell_len, reverse=True))
        ),
        st.integers(0, 4),
        st.lists(words, min_size=1, max_size=3),
    ),
    min_size=1,
    max_size=6,
)


@given(facts, st.integers(1, 90))
def test_a_line_fits_or_one_fact_is_left_at_its_shortest(line: list[Fact], width: int) -> None:
    pieces = fit_facts(line, width)
    cells = sum(cell_len(text) for text, _ in pieces)
    if cells > width:
        first = [fact for fact in line if fact.rank == min(each.rank for each in line)]
        assert "".join(text for text, _ in pieces) in {fact.wordings[-1][0][0] for fact in first}


@given(facts)
def test_with_room_for_everything_nothing_is_shortened(line: list[Fact]) -> None:
    said = "   ".join(fact.wordings[0][0][0] for fact in line)
    assert "".join(text for text, _ in fit_facts(line, 10_000)) == said


@pytest.mark.parametrize("width", [78, 118, 200])
def test_the_header_keeps_what_must_never_be_missing(width: int) -> None:
    figures = usual_figures(
        usual_rows(), settled_opt_ins=False, unfinished_imports=2, incident="An incident with a very long name indeed"
    )
    said = "".join(text for text, _ in fit_facts(population_facts(figures), width))
    for part in ("KEPT", "11", "≥9", "≥41,427 people", "≥88 resources", "AFTER REMOVAL ≥3"):
        assert part in said
    assert "2019-11-04" in "".join(text for text, _ in fit_facts(scope_facts(figures, "ana", read_only=False), width))
    reliable = "".join(text for text, _ in fit_facts(reliability_facts(figures), width))
    assert "569/580" in reliable
    assert "! opt-ins MISSING" in reliable or "! no opt-ins" in reliable
    assert "unfinished" in reliable
    assert "! 3 late" in "".join(text for text, _ in fit_facts(work_facts(figures), width))


@given(st.text(max_size=30), st.integers(0, 25), st.booleans())
def test_fitted_text_has_exactly_so_many_cells(text: str, width: int, right: bool) -> None:
    from store.text import clean

    assert cell_len(fit(clean(text), width, right=right)) == width


@given(st.integers(40, 240), st.sampled_from([extras for _, extras in EXTRA_SETS]))
def test_columns_never_take_more_than_the_line(width: int, extras: tuple[object, ...]) -> None:
    rows = usual_rows()
    context = Context("at_least", TODAY)
    layout = lay_out(width, extras, lambda column: measure(column, rows, context))  # type: ignore[arg-type]
    used = SIGNS_WIDTH + layout.name_width + sum(cells + 1 for _, cells in layout.columns)
    assert used <= width
    assert layout.name_width >= 10


@pytest.mark.parametrize("name", [NASTY, "界" * 30, "e\u0301" * 20, "\u202eevil", "a\nb\tc"])
def test_a_name_takes_exactly_its_cells(name: str) -> None:
    for width in range(1, 40):
        shown = name_of(row(1, name), width)
        assert cell_len(shown) == width
        assert shown.isprintable()


def test_every_population_and_order_shows_exactly_what_it_says() -> None:
    view = PartnerView()
    rows = usual_rows()
    view.set_rows(rows)
    for _ in POPULATIONS:
        for _ in ORDERS:
            assert {each.partner for each in view.visible} == {
                each.partner for each in rows if view.population.holds(each)
            }
            assert all(view.place(each.partner) == place for place, each in enumerate(view.visible))
            view.turn_round()
            assert len(view.visible) == view.total
            view.next_order()
        view.next_population()
    assert view.population is POPULATIONS[0]


def test_rows_without_a_value_come_last_either_way_round() -> None:
    view = PartnerView()
    view.set_rows([row(1, "never"), row(2, "old", last_at=5, events=1), row(3, "new", last_at=9, events=1)])
    while view.order.label != "last read":
        view.next_order()

    def names() -> list[str]:
        return [each.name for each in view.visible]

    assert names() == ["new", "old", "never"]
    view.turn_round()
    assert names() == ["old", "new", "never"]


def test_marks_hidden_by_filter_and_population_are_counted() -> None:
    view = PartnerView()
    view.set_rows(usual_rows())
    view.set_filter("ribbon")
    assert view.hidden({1, 2, 12}) == 2


def test_a_partner_whose_log_names_no_person_is_never_exact() -> None:
    from tui.widgets.partner_columns import row_qualifier

    known: PartnerRow = row(1, "a", people=5)
    assert row_qualifier(known, "exact") == "exact"
    assert row_qualifier(known._replace(without_subject=1), "exact") == "at_least"
    assert row_qualifier(known, "unsettled") == "unsettled"


def test_numbers_and_dates_are_printed_one_way() -> None:
    assert qualified(41_207, "at_least") == "≥41,207"
    assert qualified(41_207, "exact") == "41,207"
    assert qualified(0, "at_least") == "0"
    assert qualified(3, "unsettled") == "~3"
    assert count(1, "person") == "1 person"
    assert count(1_204, "person") == "1,204 people"
    assert short_day(TODAY, beside=TODAY) == "01-20"
    assert short_day(TODAY - 30 * 86_400_000_000, beside=TODAY) == "2019-12-21"
    assert span(TODAY - 86_400_000_000, TODAY) == "2020-01-19 .. 2020-01-19"
    assert [lag(seconds * 1_000_000) for seconds in (0, 4, 64, 12_000, 187_860)] == [
        "+<1 s",
        "+4 s",
        "+1 min 04 s",
        "+3 h 20 min",
        "+2 d 04:11",
    ]


def test_a_closure_that_waits_for_a_second_person_stands_in_the_list() -> None:
    waits = row(1, "Ribbon", status="flagged", asked_by=NASTY)
    assert signs(waits, current=False, marked=False) == (" ", " ", "c", " ")
    told = STATUS.cell(waits, Context()).text
    assert told.startswith("closing asked by [@click=app.quit]boom[/nope]")
    assert "\x1b" not in told
    assert signs(row(1, "Ribbon", status="flagged"), current=True, marked=True) == (">", "*", "F", " ")
