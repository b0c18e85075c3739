"""Importing again, overlapping, voiding, restoring, contradicting; in any order."""

import json
import random
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from store import ledger
from store.errors import RefusedError, UnusableFileError, UsageError
from store.ingest.imports import imports, void
from store.ingest.quarantine import resolve
from tests.store.ingest_store import (
    ACTOR,
    counting_events,
    counts,
    event,
    new_store,
    only_quarantined,
    reasons,
    take,
    write_events,
)


def test_importing_a_file_again_adds_nothing(tmp_path: Path) -> None:
    with new_store(tmp_path) as store:
        path = write_events(tmp_path / "access_events.csv", [event(), event(subject_id="s"), event()])
        first = take(store, path)
        before = counting_events(store)
        again = take(store, path)
        assert counts(first) == (3, 3, 0, 0, 0)
        assert counts(again) == (3, 0, 3, 0, 0)
        assert sum(before.values()) == 3
        assert counting_events(store) == before
        assert (again.import_id, again.content_id) == (2, 1)


def test_the_same_records_in_other_bytes_are_duplicates(tmp_path: Path) -> None:
    with new_store(tmp_path) as store:
        rows = [event(subject_id=f"s{number}") for number in range(5)]
        take(store, write_events(tmp_path / "access_events-a.csv", rows))
        overlapping = [*reversed(rows[2:]), event(subject_id="new")]
        entry = take(store, write_events(tmp_path / "access_events-b.csv", overlapping))
        assert counts(entry) == (4, 1, 3, 0, 0)
        assert sum(counting_events(store).values()) == 6


def test_equal_records_of_one_file_are_each_an_event_unless_they_share_an_event_id(tmp_path: Path) -> None:
    with new_store(tmp_path) as store:
        rows = [event(), event(), event(event_id="e"), event(event_id="e")]
        entry = take(store, write_events(tmp_path / "access_events.csv", rows))
        assert counts(entry) == (4, 3, 1, 0, 0)
        more = take(store, write_events(tmp_path / "access_events-2.csv", [*rows, event()]))
        assert counts(more) == (5, 1, 4, 0, 0)


def test_voiding_one_of_two_overlapping_imports_leaves_the_others_events(tmp_path: Path) -> None:
    with new_store(tmp_path) as store:
        left = [event(subject_id=f"s{number}") for number in range(6)]
        right = [event(subject_id=f"s{number}") for number in range(3, 9)]
        first = write_events(tmp_path / "access_events-a.csv", left)
        take(store, first)
        take(store, write_events(tmp_path / "access_events-b.csv", right))
        everything = counting_events(store)
        void(store, 1, actor=ACTOR, note="the wrong month")
        assert {row[3] for row in counting_events(store)} == {f"s{number}" for number in range(3, 9)}
        restored = take(store, first)
        assert counts(restored) == (6, 3, 3, 0, 0)
        assert counting_events(store) == everything
        void(store, 2, actor=ACTOR, note="the other one")
        assert {row[3] for row in counting_events(store)} == {f"s{number}" for number in range(6)}


def test_a_content_counts_while_any_of_its_imports_does(tmp_path: Path) -> None:
    with new_store(tmp_path) as store:
        path = write_events(tmp_path / "access_events.csv", [event()])
        take(store, path)
        take(store, path)
        void(store, 1, actor=ACTOR, note="twice by mistake")
        assert sum(counting_events(store).values()) == 1
        void(store, 2, actor=ACTOR, note="and this one")
        assert counting_events(store) == {}
        assert counts(take(store, path)) == (1, 1, 0, 0, 0)


def test_an_event_id_with_other_content_is_a_conflict(tmp_path: Path) -> None:
    with new_store(tmp_path) as store:
        take(store, write_events(tmp_path / "access_events-a.csv", [event(event_id="e1", records=1)]))
        rows = [
            event(event_id="e1", records=2),
            event(event_id="e1", records=1, app_id="another"),
            event(event_id="e1", records=1, occurred_at="2019-05-01T10:00:01Z"),
            event(event_id="e1", records=1),
            event(event_id="e2"),
            event(event_id="e2", app_id="another"),
            event(event_id="e2"),
        ]
        entry = take(store, write_events(tmp_path / "access_events-b.csv", rows))
        assert counts(entry) == (7, 1, 2, 4, 0)
        assert sorted(reasons(store)) == [
            (1, "event_id e1 is known with different content"),
            (2, "event_id e1 is known with different content"),
            (3, "event_id e1 is known with different content"),
            (6, "event_id e2 is known with different content"),
        ]
        assert sum(counting_events(store).values()) == 2


def test_a_corrected_file_replaces_a_voided_one(tmp_path: Path) -> None:
    with new_store(tmp_path) as store:
        wrong = write_events(tmp_path / "access_events-wrong.csv", [event(event_id="e1", records=1)])
        right = write_events(tmp_path / "access_events-right.csv", [event(event_id="e1", records=2)])
        take(store, wrong)
        void(store, 1, actor=ACTOR, note="wrong numbers")
        assert counts(take(store, right)) == (1, 1, 0, 0, 0)
        assert [row[6] for row in counting_events(store)] == [2]
        with pytest.raises(UnusableFileError, match="void import 2 first"):
            take(store, wrong)
        assert [entry.voided_at is None for entry in imports(store)] == [False, True]
        void(store, 2, actor=ACTOR, note="the first was right")
        assert counts(take(store, wrong)) == (1, 1, 0, 0, 0)
        assert [row[6] for row in counting_events(store)] == [1]


def test_ids_are_trimmed_and_mail_addresses_compared_without_case(tmp_path: Path) -> None:
    with new_store(tmp_path) as store:
        rows = [
            event(subject_id=" Ana@Example.ORG ", app_id="App"),
            event(subject_id="ana@example.org", app_id="App", records=1),
            event(subject_id="ANA", app_id="app"),
        ]
        take(store, write_events(tmp_path / "access_events.csv", rows))
        with store.reading() as connection:
            subjects = connection.execute("SELECT subject_id, spelling FROM subjects ORDER BY 1").fetchall()
            apps = connection.execute("SELECT app_id FROM apps ORDER BY 1").fetchall()
            own = connection.execute("SELECT count(*) FROM partners WHERE app IS NOT NULL").fetchone()
        assert subjects == [("ANA", None), ("ana@example.org", "Ana@Example.ORG")]
        assert apps == [("App",), ("app",)]
        assert own == (2,)


def test_an_absent_value_is_null_and_never_zero(tmp_path: Path) -> None:
    with new_store(tmp_path) as store:
        take(store, write_events(tmp_path / "access_events.csv", [event(), event(records=0, bytes=0)]))
        assert {row[6:8] for row in counting_events(store)} == {(None, None), (0, 0)}


def test_each_event_knows_its_record(tmp_path: Path) -> None:
    with new_store(tmp_path) as store:
        rows = [event(subject_id=f"s{number}") for number in range(20)]
        random.Random(1).shuffle(rows)
        take(store, write_events(tmp_path / "access_events.csv", rows))
        with store.reading() as connection:
            found = dict(connection.execute("SELECT record_no, subject_id FROM access_events_readable").fetchall())
        assert found == {place: row["subject_id"] for place, row in enumerate(rows, start=1)}


ROWS = st.lists(
    st.builds(
        event,
        app_id=st.sampled_from(["a", "b"]),
        subject_id=st.sampled_from(["", "s1", "s2"]),
        occurred_at=st.sampled_from(["2019-05-01T10:00:00Z", "2019-05-01T12:00:00+02:00", "2019-05-01T10:00:00.5Z"]),
    ),
    max_size=8,
)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(files=st.lists(ROWS, min_size=2, max_size=3), seed=st.integers(0, 2**32))
def test_the_order_of_files_and_records_never_matters(
    tmp_path_factory: pytest.TempPathFactory, files: list[list[dict[str, object]]], seed: int
) -> None:
    chance = random.Random(seed)
    found = []
    for turn in range(2):
        folder = tmp_path_factory.mktemp("turn")
        order = list(range(len(files)))
        if turn:
            chance.shuffle(order)
        with new_store(folder) as store:
            for number in order:
                rows = list(files[number])
                if turn:
                    chance.shuffle(rows)
                take(store, write_events(folder / f"access_events-{number}.csv", rows))
            found.append(counting_events(store))
    assert found[0] == found[1]


def test_registry_records_are_versions_and_their_newest_counts(tmp_path: Path) -> None:
    with new_store(tmp_path) as store:
        old = tmp_path / "partners-1.csv"
        old.write_text("partner_id,name\np1,Old\np2,Two\n", "utf-8")
        new = tmp_path / "partners-2.csv"
        new.write_text("name,partner_id,extra\nNew,p1,x\nTwo,p2,y\nTwo,p2,z\n", "utf-8")
        assert counts(take(store, old)) == (2, 2, 0, 0, 0)
        entry = take(store, new)
        assert counts(entry) == (3, 1, 2, 0, 0)
        assert entry.ignored_columns == ("extra",)
        names = "SELECT p.partner_id, l.name FROM live_partners l JOIN partners p ON p.id = l.partner ORDER BY 1"
        with store.reading() as connection:
            assert connection.execute(names).fetchall() == [("p1", "New"), ("p2", "Two")]
        void(store, 2, actor=ACTOR, note="not yet")
        with store.reading() as connection:
            assert connection.execute(names).fetchall() == [("p1", "Old"), ("p2", "Two")]
        assert counts(take(store, new)) == (3, 1, 2, 0, 0)


def test_a_header_without_rows_is_an_import_of_nothing(tmp_path: Path) -> None:
    with new_store(tmp_path) as store:
        path = tmp_path / "opt_ins.csv"
        path.write_text("subject_id,opted_in_at\n", "utf-8")
        entry = take(store, path)
        assert counts(entry) == (0, 0, 0, 0, 0)
        assert entry.kind == "opt_ins"


def test_void_needs_a_note_and_an_import_that_counts(tmp_path: Path) -> None:
    with new_store(tmp_path) as store:
        take(store, write_events(tmp_path / "access_events.csv", [event()]))
        with pytest.raises(UsageError, match="note"):
            void(store, 1, actor=ACTOR, note=" ")
        with pytest.raises(UsageError, match="no import 7"):
            void(store, 7, actor=ACTOR, note="x")
        void(store, 1, actor=ACTOR, note="x")
        with pytest.raises(RefusedError, match="voided by tester"):
            void(store, 1, actor=ACTOR, note="x")
        verbs = [(action.verb, action.note) for action in ledger.actions(store)]
        assert verbs == [("init", None), ("import", None), ("void", "x")]
        imported = json.loads(ledger.actions(store)[1].after or "")
        assert (imported["import_id"], imported["records"], imported["first_at"]) == (1, 1, "2019-05-01T10:00:00Z")


def test_a_quarantined_record_is_settled_once_with_a_note(tmp_path: Path) -> None:
    with new_store(tmp_path) as store:
        take(store, write_events(tmp_path / "access_events.csv", [event(outcome="maybe")]))
        record = only_quarantined(store)
        assert record.reason == "outcome: not one of success, denied, error: 'maybe'"
        with pytest.raises(UsageError, match="note"):
            resolve(store, record.quarantine_id, actor=ACTOR, note="")
        resolve(store, record.quarantine_id, actor=ACTOR, note="asked the platform: a success")
        settled = only_quarantined(store)
        assert (settled.resolved_by, settled.resolution) == (ACTOR, "asked the platform: a success")
        with pytest.raises(RefusedError, match="settled by tester"):
            resolve(store, record.quarantine_id, actor=ACTOR, note="again")
        with pytest.raises(UsageError, match="no quarantined record"):
            resolve(store, 99, actor=ACTOR, note="x")
