"""Every number of the comparison, and the people behind it, against plain sets of the raw records."""

import random
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from store import people_compared
from store.connection import Store
from store.names import find_partner
from store.overlap import MOST_PARTNERS
from store.parameters import Parameters
from store.people import people, people_of, people_page
from store.people_compared import (
    ALONE,
    BEYOND,
    EVERYBODY,
    PEOPLE,
    SHARED,
    TOGETHER,
    Choice,
    Comparison,
    Line,
    Why,
    chosen_words,
    comparison,
    figure_copied,
)
from tests import oracle
from tests.differential import TODAY, both, folded
from tests.incidents import Draft, Question, draw
from tests.oracle_evidence import Incident

Sets = Mapping[str, set[str]]


def sets_of(incident: Incident, question: Question) -> Sets:
    """Partner, by outside id -> whom it read; those that read nobody among them."""
    return {
        each: set(oracle.people(incident, each, question.as_of, question.cutoff))
        for each in incident.outside_ids.values()
    }


def expected(sets: Sets, compared: list[str], line: Line, column: int) -> set[str] | None:
    """Who is counted there."""
    everybody: set[str] = set().union(*sets.values())
    together: set[str] = set().union(*(sets[each] for each in compared))
    outside: set[str] = set().union(*(found for each, found in sets.items() if each not in compared))
    if line is EVERYBODY:
        return everybody if column == PEOPLE else None
    if line is TOGETHER:
        if column >= SHARED:
            return sets[compared[column - SHARED]]
        return {PEOPLE: together, ALONE: together - outside}.get(column)
    assert isinstance(line, int)
    mine = sets[compared[line]]
    others = [each for each in compared if each != compared[line]]
    if column == ALONE:
        return mine - set().union(*(found for each, found in sets.items() if each != compared[line]))
    if column == BEYOND:
        return mine - set().union(*(sets[each] for each in others))
    return mine if column == PEOPLE else mine & sets[compared[column - SHARED]]


def reads_counted(compared: list[str], line: Line, column: int) -> list[str] | None:
    """The partners whose reads a list tells; None: all of the incident."""
    if line is EVERYBODY:
        return None
    if line is TOGETHER:
        return [compared[column - SHARED]] if column >= SHARED else compared
    assert isinstance(line, int)
    return [compared[line]]


def asked_of(question: Question) -> Parameters:
    return Parameters(question.as_of, question.window, question.cutoff, TODAY)


def best_question(draft: Draft, incident: Incident) -> Question:
    """The question under which most partners read somebody."""
    return max(draft.questions, key=lambda each: sum(len(read) for read in sets_of(incident, each).values()))


def test_every_number_is_that_of_the_sets_and_has_its_people(tmp_path: Path) -> None:
    hits = dict.fromkeys((PEOPLE, ALONE, BEYOND, SHARED), 0)
    for seed in range(700, 740):
        folder = tmp_path / str(seed)
        folder.mkdir()
        for column, line in _numbers_that_count_people(folder, seed):
            hits[min(column, SHARED)] += isinstance(line, int)
    assert min(hits.values()) >= 15, hits


def _numbers_that_count_people(folder: Path, seed: int) -> Iterator[tuple[int, Line]]:
    """Check all numbers of one incident; where each that is not 0 stands."""
    draft, chance = draw(seed), random.Random(seed)
    store, incident = both(folder, draft)
    question = best_question(draft, incident)
    sets, asked = sets_of(incident, question), asked_of(question)
    names, readers = sorted(sets), {each for each, read in sets.items() if read}
    # Mostly such as read somebody; now and then one that did not.
    chosen = sorted(chance.sample(sorted(readers), k=min(chance.randint(2, 4), len(readers))))
    chosen = sorted({*chosen, chance.choice(names)}) if chance.random() < 0.4 or not chosen else chosen
    with store:
        inside = {each: find_partner(store, each) for each in names}
        found = comparison(store, asked, Choice(Why.MARKED, tuple(inside[each] for each in chosen)))
        compared = [row.partner_id for row in found.overlap.rows]
        assert sorted(compared) == sorted(chosen)
        assert [row.people for row in found.overlap.rows] == sorted((len(sets[each]) for each in chosen), reverse=True)
        assert (found.readers, found.everybody) == (len(readers), len(set().union(*sets.values())))
        assert found.is_everybody == (readers <= set(chosen))
        assert (EVERYBODY in found.lines, TOGETHER in found.lines) == (not found.is_everybody, len(chosen) > 1)
        for line in found.lines:
            for column in range(SHARED + len(compared)):
                figure, wanted = found.figure(line, column), expected(sets, compared, line, column)
                if wanted is None or figure is None:
                    assert figure is wanted is None
                    continue
                assert figure.value == len(wanted)
                _check_people(store, incident, question, found, (line, column), wanted)
                if wanted and column - SHARED != line:
                    yield column, line


def _check_people(
    store: Store, incident: Incident, question: Question, found: Comparison, place: tuple[Line, int], wanted: set[str]
) -> None:
    """The list of a number holds whom it counts, each with the reads of the partners that the list is of."""
    figure, asked = found.figure(*place), asked_of(question)
    assert figure is not None
    rows = people_of(store, asked, figure.whose)
    assert [row.subject_id for row in rows] == sorted(row.subject_id for row in rows)
    assert {folded(row.subject_id) for row in rows} == wanted
    assert len(rows) == len(wanted)
    by = reads_counted([row.partner_id for row in found.overlap.rows], *place)
    whole = [oracle.people(incident, each, question.as_of, question.cutoff) for each in ([None] if by is None else by)]
    for row in rows:
        told = [each[folded(row.subject_id)] for each in whole if folded(row.subject_id) in each]
        assert row.events == sum(int(str(each["events"])) for each in told)
        assert row.first_at == min(int(str(each["first_at"])) for each in told)
        assert row.last_at == max(int(str(each["last_at"])) for each in told)
        classes: set[str] = set().union(*(each["data_classes"] for each in told))  # type: ignore[arg-type]
        assert row.data_classes == tuple(sorted(classes))
    pages = [people_page(store, asked, figure.whose, first=first, limit=3) for first in range(0, len(rows) + 3, 3)]
    assert {page.people for page in pages} == {len(rows)}
    paged = [row for page in pages for row in page.rows]
    assert sorted(paged, key=lambda row: row.subject_id) == rows
    assert [row.events for row in paged] == sorted((row.events for row in rows), reverse=True)


@pytest.mark.parametrize("seed", range(720, 726))
def test_who_is_compared(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seed: int) -> None:
    monkeypatch.setattr(people_compared, "MOST_PARTNERS", 3)
    monkeypatch.setattr(people_compared, "MOST_AROUND", 2)
    draft = draw(seed)
    store, incident = both(tmp_path, draft)
    question = best_question(draft, incident)
    sets, asked = sets_of(incident, question), asked_of(question)
    readers = sorted((each for each, read in sets.items() if read), key=lambda each: -len(sets[each]))
    with store:
        inside = {each: find_partner(store, each) for each in sets}

        def ask(why: Why, *partners: str) -> Comparison:
            return comparison(store, asked, Choice(why, tuple(inside[each] for each in partners)))

        for found in (ask(Why.ALL), ask(Why.IN_VIEW, *sets)):
            people_of_rows = [row.people for row in found.overlap.rows]
            assert people_of_rows == [len(sets[each]) for each in readers][:3]
            assert found.left_out == max(len(readers) - 3, 0)
        many = ask(Why.MARKED, *sets)
        assert (len(many.overlap.rows), many.left_out) == (min(3, len(sets)), max(len(sets) - 3, 0))
        for centre, mine in sets.items():
            near = sorted((len(mine & found) for each, found in sets.items() if each != centre), reverse=True)
            sharing = [number for number in near if number]
            around = ask(Why.AROUND, centre)
            told = {row.partner_id: row for row in around.overlap.rows}
            assert centre in told
            shared = sorted((len(mine & sets[each]) for each in told if each != centre), reverse=True)
            assert shared == sharing[:2]
            assert around.left_out == len(sharing[2:])
            words = chosen_words(around)
            assert ("shares nobody" in words) == (not sharing)
            assert (f"2 of {len(sharing)} partners that share" in words) == (len(sharing) > 2)


def test_nobody_to_compare_and_a_partner_that_read_nobody(tmp_path: Path) -> None:
    draft = draw(720)
    store, incident = both(tmp_path, draft)
    long_ago = Parameters(as_of=draft.questions[0].as_of, cutoff=TODAY, today=TODAY)
    with store:
        nobody = comparison(store, long_ago, Choice(Why.ALL))
        assert (nobody.overlap.rows, nobody.overlap.together, nobody.everybody, nobody.lines) == ((), 0, 0, ())
        partner = find_partner(store, next(iter(incident.outside_ids.values())))
        alone = comparison(store, long_ago, Choice(Why.AROUND, (partner,)))
        figure = alone.figure(0, PEOPLE)
        assert figure is not None
        assert (figure.value, people_of(store, long_ago, figure.whose)) == (0, [])
        assert figure_copied(alone, figure).startswith("0 people read by ")
        assert people_page(store, long_ago, figure.whose, first=0, limit=9).rows == ()


def test_the_whole_list_is_that_of_people(tmp_path: Path) -> None:
    draft = draw(702)
    store, incident = both(tmp_path, draft)
    asked = asked_of(best_question(draft, incident))
    with store:
        found = comparison(store, asked, Choice(Why.ALL))
        figure = found.figure(TOGETHER, PEOPLE)
        assert figure is not None
        assert figure.value > 0
        assert len(found.overlap.rows) < MOST_PARTNERS
        assert people_of(store, asked, figure.whose) == people(store, asked)
