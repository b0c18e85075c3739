"""Pages of events against plain loops: every filter, any place, the exact count, and the way to a place."""

import random
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from store import event_columns, event_endpoints
from store.connection import Store
from store.errors import UsageError
from store.event_filters import EventFilters, Term, filters_text, parse_filters
from store.event_pages import EventQuestion, event_page, next_event, place_at, place_of_event
from store.events import EventRow
from store.fold import defer
from store.ingest.importing import import_paths
from store.ingest.imports import void
from store.kept import is_stale
from store.names import find_partner
from store.readers import readers
from store.stopping import Stop, StoppedError
from tests import oracle
from tests.differential import ACTOR, both, build, event_facts, expected_events
from tests.incident_files import write_file
from tests.incidents import APPS, FIRST, LAST, RESOURCES, SUBJECTS, draw
from tests.oracle_evidence import Event, Incident

SEEDS = 12
BATCH = 3
EVERYTHING = 1_000_000

Judged = list[tuple[Event, str]]


def rows_of(store: Store, question: EventQuestion) -> tuple[EventRow, ...]:
    return event_page(store, question, first=0, limit=EVERYTHING).rows


def wanted(judged: Judged, incident: Incident, question: EventQuestion, partner: str | None) -> Counter[object]:
    """What a question means, by plain comparisons of the raw records."""
    filters = question.filters
    found: Counter[object] = Counter()
    apps = oracle.apps_of(incident, partner)
    late = {id(event) for event in incident.events if oracle.is_after_removal(event, incident)}
    for event, verdict in judged:
        if event.app_id not in apps:
            continue
        if question.from_at is not None and event.occurred_at < question.from_at:
            continue
        if question.until_at is not None and event.occurred_at >= question.until_at:
            continue
        if filters.verdicts and verdict not in filters.verdicts:
            continue
        if filters.after_removal and (verdict not in ("improper", "denied") or id(event) not in late):
            continue
        if filters.data_classes and not any(
            oracle.contains(pattern, name) for pattern in filters.data_classes for name in event.data_classes
        ):
            continue
        fields = ((filters.subjects, event.subject_id), (filters.resources, event.resource_id))
        fields += ((filters.endpoints, event.endpoint), (filters.apps, event.app_id), (filters.app_ids, event.app_id))
        if all(is_meant(terms, value) for terms, value in fields):
            found[(event.occurred_at, event.app_id, event.data_classes, event.event_id, verdict)] += 1
    return found


def is_meant(terms: tuple[Term, ...], value: str | None) -> bool:
    if not terms:
        return True
    for term in terms:
        if not term.exact and term.text == "-":
            if value is None:
                return True
        elif value is not None and term.exact:
            folded = term.text.strip().lower() if "@" in term.text else term.text.strip()
            if folded == value:
                return True
        elif value is not None and term.text.lower() in value.lower():
            return True
    return False


def told(rows: tuple[EventRow, ...]) -> Counter[object]:
    return Counter((row.occurred_at, row.app_id, row.data_classes, row.event_id, row.verdict) for row in rows)


def filters_of(chance: random.Random, incident: Incident) -> Iterator[EventFilters]:
    """Each filter alone, and some together."""
    endpoints = sorted({event.endpoint for event in incident.events if event.endpoint is not None}) or ["x"]

    def term(values: tuple[str, ...] | list[str]) -> Term:
        text = chance.choice(list(values))
        if chance.random() < 0.15:
            return Term("-", exact=False)
        return Term(text, exact=True) if chance.random() < 0.5 else Term(text[: chance.randint(1, len(text))], False)

    for verdict in chance.sample(oracle.VERDICTS, 2):
        yield EventFilters(verdicts=(verdict,))
    yield EventFilters(after_removal=True)
    yield EventFilters(after_removal=True, verdicts=("improper",), resources=(term(RESOURCES),))
    yield EventFilters(data_classes=(chance.choice(("g.*", "g.m.*", "mail.item", "*", "g.m")),))
    yield EventFilters(subjects=(term(SUBJECTS),))
    yield EventFilters(resources=(term(RESOURCES), term(RESOURCES)))
    yield EventFilters(endpoints=(term(endpoints),))
    yield EventFilters(apps=(Term(chance.choice(APPS), exact=True),))
    yield EventFilters(app_ids=(Term(chance.choice(APPS), exact=True),), apps=(Term("a", exact=False),))
    yield EventFilters(
        verdicts=("improper", "denied"), subjects=(term(SUBJECTS),), endpoints=(term(endpoints),), data_classes=("g.*",)
    )


@pytest.mark.parametrize("first", range(0, SEEDS, BATCH))
def test_every_selection_agrees_with_plain_loops(tmp_path: Path, first: int, monkeypatch: pytest.MonkeyPatch) -> None:
    if first % 2:
        # As if the events were too many to be read one by one.
        monkeypatch.setattr(event_endpoints, "_FEW", -1)
        monkeypatch.setattr(event_columns, "_FEW", -1)
    compared = 0
    for seed in range(first, first + BATCH):
        chance = random.Random(seed)
        store, incident = both(tmp_path / str(seed), draw(seed))
        judged = [(event, oracle.verdict(event, incident)[0]) for event in incident.events]
        with store:
            partners: list[str | None] = [None, chance.choice(sorted(incident.outside_ids.values()))]
            for partner in partners:
                inside = None if partner is None else find_partner(store, partner)
                for filters in [EventFilters(), *filters_of(chance, incident)]:
                    bounds = sorted((chance.randint(FIRST, LAST), chance.choice([*incident.events]).occurred_at))
                    for from_at, until_at in ((None, None), (bounds[0], bounds[1] + 1), (bounds[1], None)):
                        question = EventQuestion(inside, from_at, until_at, filters)
                        rows = rows_of(store, question)
                        expected = wanted(judged, incident, question, partner)
                        assert told(rows) == expected, (seed, partner, question)
                        assert event_page(store, question, first=0, limit=0).total == len(rows)
                        compared += len(rows) > 0
            whole = rows_of(store, EventQuestion())
            assert Counter(map(event_facts, whole)) == expected_events(incident)
    assert compared > 20


def test_pages_put_together_are_the_whole(incident: tuple[Store, Incident]) -> None:
    store, _ = incident
    for question in (EventQuestion(), EventQuestion(filters=EventFilters(verdicts=("improper",)))):
        whole = rows_of(store, question)
        assert len({row.key for row in whole}) == len(whole) > 5
        order = [(row.occurred_at, row.key.app) for row in whole]
        assert order == sorted(order)
        for size in (1, 3, 7):
            pages = [event_page(store, question, first=at, limit=size) for at in range(0, len(whole) + size, size)]
            assert [row for page in pages for row in page.rows] == list(whole)
            assert {page.total for page in pages} == {len(whole)}
        for place, row in enumerate(whole):
            assert place_of_event(store, question, row.key) == place
            before = sum(other.occurred_at < row.occurred_at for other in whole)
            assert place_at(store, question, row.occurred_at) == before
        assert place_at(store, question, FIRST - 10**15) == 0
        assert place_at(store, question, LAST + 10**15) == len(whole)
        assert place_of_event(store, question, whole[0].key._replace(event_key=1)) is None


def test_the_next_one_is_found_forwards_and_backwards(incident: tuple[Store, Incident]) -> None:
    store, _ = incident
    question = EventQuestion()
    whole = rows_of(store, question)
    for verdicts in (("improper",), ("denied", "undetermined")):
        places = [place for place, row in enumerate(whole) if row.verdict in verdicts]
        assert places
        for place in range(len(whole)):
            after = [other for other in places if other > place]
            before = [other for other in places if other < place]
            assert next_event(store, question, place, verdicts=verdicts) == (after[0] if after else None)
            found = next_event(store, question, place, verdicts=verdicts, forward=False)
            assert found == (before[-1] if before else None)


def test_events_of_one_instant_keep_their_order_whoever_filters(tmp_path: Path) -> None:
    """All in one microsecond, in two files that share some: ties within and across contents."""
    rows = [
        {
            "occurred_at": "2019-03-02T00:00:00Z",
            "app_id": f"a{number % 3}",
            "data_class": "g.m.name",
            "subject_id": f"s{number % 5}",
            "endpoint": f"e{number % 4}",
            "event_id": f"id-{number}",
        }
        for number in range(90)
    ]
    first = write_file(tmp_path / "access_events-1.csv", "access_events", rows[:60])
    second = write_file(tmp_path / "access_events-2.jsonl", "access_events", rows[40:])
    with build(tmp_path, "", [first, second]) as store:
        whole = rows_of(store, EventQuestion())
        assert sorted(row.event_id or "" for row in whole) == sorted(str(row["event_id"]) for row in rows)
        for field, at in (("subjects", "subject_id"), ("endpoints", "endpoint")):
            for value in {getattr(row, at) for row in whole}:
                filters = EventFilters(**{field: (Term(value, exact=True),)})
                part = rows_of(store, EventQuestion(filters=filters))
                assert list(part) == [row for row in whole if getattr(row, at) == value]
        # Of the voided file only what the other holds too still counts.
        void(store, 1, note="wrong", actor=ACTOR)
        left = rows_of(store, EventQuestion())
        assert sorted(row.event_id or "" for row in left) == sorted(str(row["event_id"]) for row in rows[40:])
        only = EventFilters(subjects=(Term("s1", exact=True),), endpoints=(Term("e1", exact=True),))
        part = rows_of(store, EventQuestion(filters=only))
        assert list(part) == [row for row in left if (row.subject_id, row.endpoint) == ("s1", "e1")]
        import_paths(store, [first], actor=ACTOR)
        assert rows_of(store, EventQuestion()) == whole


@pytest.mark.parametrize("at", [["1990-01-01T00:00:00Z", "2099-12-31T23:59:59.999999Z"], ["2019-03-01T00:00:00Z"], []])
def test_few_events_far_apart_one_and_none(tmp_path: Path, at: list[str]) -> None:
    rows = [{"occurred_at": one, "app_id": "a1", "data_class": "g.m"} for one in at]
    with build(tmp_path, "", [write_file(tmp_path / "access_events.csv", "access_events", rows)]) as store:
        page = event_page(store, EventQuestion(), first=0, limit=10)
        assert (page.total, len(page.rows)) == (len(at), len(at))
        assert event_page(store, EventQuestion(), first=5, limit=10).rows == ()
        assert place_at(store, EventQuestion(), LAST) == sum(one < "2019-03-11" for one in at)
        assert next_event(store, EventQuestion(), 0) is None


def test_many_events_are_sorted_part_by_part(tmp_path: Path) -> None:
    """More than one part, several segments, and a cluster in one of them."""
    from store import segments

    chance = random.Random(5)
    instants = [chance.randint(FIRST, LAST) for _ in range(3_000)] + [FIRST + 7] * 900
    rows = [
        {"occurred_at": str(at), "app_id": f"a{chance.randint(1, 4)}", "data_class": "g.m", "event_id": str(number)}
        for number, at in enumerate(instants)
    ]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(segments, "SEGMENT_EVENTS", 701)
        path = write_file(tmp_path / "access_events.csv", "access_events", rows)
        with build(tmp_path, "", [path]) as store:
            sought = [sorted(instants)[place] for place in (0, 899, 900, 3_000, 3_899)]
            for place, at in zip((0, 899, 900, 3_000, 3_899), sought, strict=True):
                (row,) = event_page(store, EventQuestion(), first=place, limit=1).rows
                assert row.occurred_at == at
            whole = rows_of(store, EventQuestion())
            assert [row.occurred_at for row in whole] == sorted(instants)
            assert [row.key.app for row in whole if row.occurred_at == FIRST + 7] == sorted(
                row.key.app for row in whole if row.occurred_at == FIRST + 7
            )
            assert len({row.event_id for row in whole}) == len(rows)


def test_between_two_imports_of_one_call_all_is_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The derived tables do not know the last import yet: facts are stated from the registry."""
    draft = draw(122)
    store, incident = both(tmp_path, draft)
    with store:
        whole = rows_of(store, EventQuestion())
        with store.writing() as connection:
            defer(connection, import_id=1)
        with store.reading() as connection:
            assert is_stale(connection)
        assert rows_of(store, EventQuestion()) == whole
        for verdict in oracle.VERDICTS:
            found = rows_of(store, EventQuestion(filters=EventFilters(verdicts=(verdict,))))
            assert list(found) == [row for row in whole if row.verdict == verdict]
        monkeypatch.setattr(event_columns, "_FEW", -1)
        for subject in {row.subject_id for row in whole} - {None}:
            told = readers(store, subject=str(subject)).rows
            expected = Counter(row.verdict for row in whole if row.subject_id == subject)
            assert sum((Counter(row.events) for row in told), Counter()) == expected
    assert len(whole) == len(incident.events)


def test_a_question_that_is_taken_back_ends(incident: tuple[Store, Incident], monkeypatch: pytest.MonkeyPatch) -> None:
    store, _ = incident
    stop = Stop()
    stop.ask()
    monkeypatch.setattr(event_endpoints, "_FEW", -1)
    question = EventQuestion(filters=EventFilters(endpoints=(Term("/", exact=False),)))
    asked: list[Callable[[], object]] = [
        lambda: event_page(store, question, first=0, limit=5, stop=stop),
        lambda: event_page(store, EventQuestion(), first=0, limit=5, stop=stop),
        lambda: next_event(store, EventQuestion(), 0, stop=stop),
    ]
    for ask in asked:
        with pytest.raises(StoppedError):
            ask()
    assert event_page(store, question, first=0, limit=5).total >= 0


def test_places_and_limits_below_zero_are_refused(incident: tuple[Store, Incident]) -> None:
    for first, limit in ((-1, 5), (0, -1)):
        with pytest.raises(UsageError):
            event_page(incident[0], EventQuestion(), first=first, limit=limit)


@pytest.mark.parametrize(
    ("text", "filters"),
    [
        ("", EventFilters()),
        ("verdict:denied verdict:restricted", EventFilters(verdicts=("denied", "improper"))),
        ("verdict:restricted removal:after", EventFilters(verdicts=("improper",), after_removal=True)),
        ("class:group.member.*", EventFilters(data_classes=("group.member.*",))),
        ('person="Ann Lee" person:-', EventFilters(subjects=(Term("Ann Lee", True), Term("-", False)))),
        ("resource:g-12 group=g-1", EventFilters(resources=(Term("g-12", False), Term("g-1", True)))),
        ('endpoint:"50%_\\\\ \\"x\\""', EventFilters(endpoints=(Term('50%_\\ "x"', False),))),
        ("app:ribbon person:", EventFilters(apps=(Term("ribbon", False),))),
    ],
)
def test_a_line_of_text_says_what_is_wanted(text: str, filters: EventFilters) -> None:
    assert parse_filters(text) == filters
    assert parse_filters(filters_text(filters)) == filters


@pytest.mark.parametrize("text", ["denied", "verdict:nonsense", "class:a*b", "colour:red", "person", "removal:before"])
def test_what_makes_no_sense_is_refused_in_words(text: str) -> None:
    with pytest.raises(UsageError):
        parse_filters(text)


@pytest.mark.parametrize("text", ["%", "_", "\\", "'", '"', "[x]", "(a+)+$", "*", "a%_b\\"])
def test_a_filters_text_is_no_pattern(tmp_path: Path, text: str) -> None:
    values = ["plain", f"x{text}y", "a%_b\\c", "xyz"]
    rows = [
        {"occurred_at": str(FIRST + n), "app_id": "a1", "data_class": "g.m"}
        | {"subject_id": value, "resource_id": value, "endpoint": value}
        for n, value in enumerate(values)
    ]
    with build(tmp_path, "", [write_file(tmp_path / "access_events.jsonl", "access_events", rows)]) as store:
        for field in ("subjects", "resources", "endpoints"):
            filters = EventFilters(**{field: (Term(text, exact=False),)})
            found = rows_of(store, EventQuestion(filters=parse_filters(filters_text(filters))))
            assert [row.endpoint for row in found] == [value for value in values if text in value]


@pytest.fixture(scope="module")
def incident(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Store, Incident]]:
    """An incident with events of every verdict."""
    store, known = both(tmp_path_factory.mktemp("incident"), draw(122))
    assert {oracle.verdict(event, known)[0] for event in known.events} == set(oracle.VERDICTS)
    with store:
        yield store, known
