"""Samples as they are drawn, kept, checked and drawn again: against the raw files, and whatever goes wrong."""

import hashlib
import json
import random
import shutil
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing
from fractions import Fraction
from pathlib import Path

import pytest

from store import audits, cases
from store.case_changes import Done
from store.connection import Store, open_store
from store.errors import RefusedError, StoreError, UsageError
from store.ingest.importing import import_paths
from store.ingest.imports import void
from store.instants import parse_point
from store.ledger import actions
from store.names import find_partner
from store.parameters import Parameters
from store.partners import partner_list
from store.people import people
from store.pseudonyms import People
from store.rulebook import load_rules
from store.sample_words import (
    redrawn_words,
    result_words,
    sample_caveats,
    sample_document,
    sample_loose_ends,
)
from store.samples import draw_sample, population_of, sample, sample_plan, samples_of
from store.step_details import Details
from store.verify import verify
from store.verify.catalogue import CHECKS
from tests import oracle, small_incident
from tests.differential import both
from tests.incidents import draw
from tests.store.ingest_store import ACTOR, event, new_store, write_events

FIVE = Fraction(1, 20)
SEED = "00112233445566778899aabbccddeeff"
RECORD = [check for check in CHECKS if not check.scans]
RULES = """
[[rules]]
id = "r"
data_classes = ["group.member.*"]
from = 2018-04-04
"""


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return small_incident.build(tmp_path_factory.mktemp("incident"))


@pytest.fixture
def store(built: Path, tmp_path: Path) -> Iterator[Store]:
    """Partners 1 to 6 with 60, 50, 40, 30, 20 and 10 people."""
    with open_store(shutil.copy(built, tmp_path / "incident.db")) as opened:
        yield opened


def drawn(
    store: Store, partner: int = 1, *, actor: str = "ana", seed: str | None = SEED, share: Fraction = FIVE
) -> int:
    (seq,) = draw_sample(store, partner, actor=actor, share=share, risk=FIVE, seed=seed).seqs
    return seq


def found(
    store: Store, seq: int, checked: int, number: int, *, partner: int = 1, actor: str = "ana", **more: object
) -> Done:
    details = Details(sample=seq, checked=checked, found=number)
    asked: dict[str, object] = {"at": None, **more}
    return audits.record_step(store, [partner], actor=actor, step="sample_checked", details=details, **asked)  # type: ignore[arg-type]


def ranked(subject_ids: list[str], seed: str = SEED) -> list[str]:
    return sorted(subject_ids, key=lambda one: hashlib.sha256(f"{seed}|{one}".encode()).hexdigest())


# --- the population ----------------------------------------------------------------------------------------------


def test_the_population_is_the_partners_people_as_the_raw_files_have_them(tmp_path: Path) -> None:
    compared = nobody = 0
    for number in range(9):
        chance = random.Random(number)
        draft = draw(8_100 + number)
        opened, incident = both(tmp_path / str(number), draft)
        with opened as store:
            for question in chance.sample(draft.questions, 2):
                rows = {row.partner_id: row for row in partner_list(store, Parameters(as_of=question.as_of, today=0))}
                for partner_id in incident.outside_ids.values():
                    if partner_id not in rows:
                        continue
                    partner = find_partner(store, partner_id)
                    population = population_of(store, partner, as_of=question.as_of)
                    expected = oracle.people(incident, partner_id, question.as_of)
                    assert len(population.subject_ids) == len(expected) == rows[partner_id].people
                    assert {one.casefold() for one in population.subject_ids} == {one.casefold() for one in expected}
                    listed = people(store, Parameters(as_of=question.as_of), partner)
                    assert list(population.subject_ids) == sorted(row.subject_id for row in listed)
                    assert population.without_subject == rows[partner_id].without_subject
                    compared += len(expected) > 0
                    nobody += population.without_subject > 0
    assert compared > 10
    assert nobody > 3


def test_what_is_drawn_is_logged_and_kept_and_leaves_the_case_as_it_is(store: Store) -> None:
    cases.flag(store, [1], actor="bo")
    done = draw_sample(store, 1, actor="ana", share=FIVE, risk=FIVE, seed=SEED, note="for the audit")
    assert done.line.endswith("ana: drew 31 of 60 people of Ribbon Social")
    entry = actions(store)[-1]
    assert (entry.seq, entry.verb, entry.partner_id, entry.actor) == (done.seqs[0], "sample", "p-0", "ana")
    assert (entry.before, entry.note, entry.corrects) == (None, "for the audit", None)
    everybody = sorted(f"person-0-{number}" for number in range(60))
    ours = ranked(everybody)[:31]
    assert json.loads(entry.after or "") == {
        "sample": {
            "population": 60,
            "share": "0.05",
            "risk": "0.05",
            "held_at_least": 4,
            "size": 31,
            "seed": SEED,
            "seed_given": True,
            "as_of": "2018-07-01T00:00:00Z",
            "without_subject": 0,
            "population_sha256": hashlib.sha256(json.dumps(everybody, separators=(",", ":")).encode()).hexdigest(),
            "subjects_sha256": hashlib.sha256(json.dumps(ours, separators=(",", ":")).encode()).hexdigest(),
        }
    }
    assert cases.case(store, 1).version == 1
    assert sample(store, entry.seq).subjects == tuple(ours)
    assert verify(store, checks=RECORD).ok


def test_a_seed_that_nobody_gave_is_a_new_one_each_time(store: Store) -> None:
    first, second = (sample(store, drawn(store, seed=None)) for _ in range(2))
    assert first.row.seed != second.row.seed
    assert not first.row.seed_given
    assert first.subjects == tuple(ranked([f"person-0-{n}" for n in range(60)], first.row.seed)[:31])


def test_as_of_is_the_rulebooks_or_the_one_asked_for(store: Store) -> None:
    as_of = parse_point("2018-05-01")
    expected = sorted(row.subject_id for row in people(store, Parameters(as_of=as_of), 1))
    assert 0 < len(expected) < 60
    assert population_of(store, 1, as_of=as_of).subject_ids == tuple(expected)
    (seq,) = draw_sample(store, 1, actor="ana", share=FIVE, risk=FIVE, as_of=as_of).seqs
    assert sample(store, seq).row.plan.population == len(expected)
    assert sample(store, seq).redrawn.same
    assert sample_plan(store, 1, share=FIVE, risk=FIVE, as_of=as_of) == sample(store, seq).row.plan
    assert len(samples_of(store)) == 1


# --- drawing again -----------------------------------------------------------------------------------------------


def more_reads(store: Store, folder: Path, subjects: list[str]) -> int:
    rows = [
        {**small_incident.read(0, number, "more"), "subject_id": subject} for number, subject in enumerate(subjects)
    ]
    path = folder / "access_events-more.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    (entry,) = import_paths(store, [path], actor="ana").imports
    return entry.import_id


def test_a_list_is_drawn_again_until_the_population_changes_and_then_says_how(store: Store, tmp_path: Path) -> None:
    seq = drawn(store)
    before = sample(store, seq)
    assert before.redrawn == (True, 60, True, 0, 0)
    assert redrawn_words(before.row, before.redrawn).endswith("60 people read before 2018-07-01: the same list")
    last = ranked(list(before.subjects))[-1]
    newcomers = [f"new-{number}" for number in range(40)]
    import_id = more_reads(store, tmp_path, newcomers)
    after = sample(store, seq)
    early = [one for one in newcomers if ranked([one, last])[0] == one]
    assert after.subjects == before.subjects
    assert after.redrawn == (False, 100, False, len(early), 0)
    words = redrawn_words(after.row, after.redrawn)
    assert words == (
        f"drawn again today: another list, for the population changed (60 people then, 100 today, read before"
        f" 2018-07-01; {len(early)} who came in would have been drawn)"
    )
    void(store, import_id, actor="ana", note="wrong")
    assert sample(store, seq).redrawn == (True, 60, True, 0, 0)
    void(store, 4, actor="ana", note="all of them")
    gone = sample(store, seq)
    assert gone.redrawn == (False, 0, False, 0, 31)
    assert "31 of those drawn are no longer in it" in redrawn_words(gone.row, gone.redrawn)


def test_newcomers_who_would_not_have_been_drawn_leave_the_list_the_same(store: Store, tmp_path: Path) -> None:
    seq = drawn(store)
    last = ranked(list(sample(store, seq).subjects))[-1]
    late = [one for one in (f"new-{number}" for number in range(40)) if ranked([one, last])[0] == last]
    more_reads(store, tmp_path, late)
    again = sample(store, seq)
    assert again.redrawn == (True, 60 + len(late), False, 0, 0)
    assert "the same list, though the population changed" in redrawn_words(again.row, again.redrawn)


def test_a_list_that_somebody_changed_is_not_the_one_its_seed_draws(store: Store) -> None:
    seq = drawn(store)
    with closing(sqlite3.connect(store.path)) as database:
        (text,) = database.execute("SELECT subjects FROM samples").fetchone()
        subjects = json.loads(text)
        outside = next(f"person-0-{n}" for n in range(60) if f"person-0-{n}" not in subjects)
        changed = json.dumps([*subjects[:-1], outside], separators=(",", ":"))
        database.execute("UPDATE samples SET subjects = ?", (changed,))
        database.commit()
    with open_store(store.path) as opened:
        again = sample(opened, seq)
        assert not again.redrawn.same
        assert again.redrawn.same_population
        assert "see `verify`" in redrawn_words(again.row, again.redrawn)
        report = verify(opened, checks=RECORD)
        findings = [line for result in report.results for line in result.findings]
        assert findings == [f"sample #{seq} of p-0: its subjects are not those that entry #{seq} tells of"]


def test_two_who_draw_at_once_get_a_sample_each(store: Store) -> None:
    starting = threading.Barrier(2)
    failed: list[BaseException] = []

    def draws(actor: str) -> None:
        try:
            with open_store(store.path) as opened:
                starting.wait()
                for _ in range(3):
                    drawn(opened, actor=actor, seed=None)
        except BaseException as error:
            failed.append(error)

    threads = [threading.Thread(target=draws, args=(actor,)) for actor in ("ana", "bo")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []
    rows = samples_of(store, 1)
    assert sorted(row.by for row in rows) == ["ana"] * 3 + ["bo"] * 3
    assert len({row.seed for row in rows}) == 6
    assert all(sample(store, row.seq).redrawn.same for row in rows)
    assert all(len(row.others) == 5 for row in rows)
    assert verify(store, checks=RECORD).ok


# --- what cannot be drawn ----------------------------------------------------------------------------------------


def small(folder: Path, rows: list[dict[str, object]]) -> Store:
    store = new_store(folder)
    load_rules(store, RULES, source="rules.toml", actor=ACTOR)
    import_paths(store, [write_events(folder / "access_events.csv", rows)], actor=ACTOR)
    return store


def test_nobody_is_drawn_from_nobody_and_nothing_is_written(tmp_path: Path) -> None:
    rows = [event(app_id="quiet", subject_id="u-1", occurred_at="2017-01-01T00:00:00Z"), event(app_id="mute")]
    with small(tmp_path, rows) as store:
        before = actions(store)
        for app, says in (("quiet", "names a person$"), ("mute", "names a person: its 1 restricted reads name nobody")):
            with pytest.raises(RefusedError, match=says):
                drawn(store, find_partner(store, f"app:{app}"))
        with pytest.raises(UsageError, match="99"):
            drawn(store, 99)
        with pytest.raises(UsageError, match="nobody acts"):
            drawn(store, find_partner(store, "app:quiet"), actor=" ")
        assert actions(store) == before
        assert samples_of(store) == []


def test_reads_that_name_nobody_make_the_population_a_lower_bound(tmp_path: Path) -> None:
    rows = [*(event(subject_id=f"u-{number}") for number in range(5)), event(), event(endpoint="/x")]
    with small(tmp_path, rows) as store:
        partner = find_partner(store, "app:app-1")
        row = sample(store, drawn(store, partner, seed=None)).row
        assert (row.plan.population, row.without_subject) == (5, 2)
        assert sample_caveats(row) == (
            "2 restricted reads name no person: the population is at least so many people, and whoever is missing from"
            " it could not be drawn",
        )


def test_a_store_of_pseudonyms_draws_pseudonyms_and_says_so(tmp_path: Path) -> None:
    store = new_store(tmp_path)
    with store:
        load_rules(store, RULES, source="rules.toml", actor=ACTOR)
        rows = [event(subject_id=f"u{number}@x.org") for number in range(9)]
        file = write_events(tmp_path / "access_events.csv", rows)
        import_paths(store, [file], actor=ACTOR, people=People(bytes(range(100, 140))))
        seq = drawn(store, find_partner(store, "app:app-1"), seed=None)
        found = sample(store, seq)
        assert all(each.startswith("person-") for each in found.subjects)
        assert found.redrawn.same
        assert [caveat for caveat in sample_caveats(found.row) if "pseudonyms" in caveat]


def test_a_sample_of_too_many_is_refused(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("store.samples.MOST_DRAWN", 30)
    with pytest.raises(RefusedError, match="31 of 60 people would be drawn, and at most 30 can be"):
        drawn(store)
    assert len(sample(store, drawn(store, share=Fraction(1, 10))).subjects) <= 30


# --- what was found ----------------------------------------------------------------------------------------------


def test_what_was_found_so_far_is_the_last_that_stands(store: Store) -> None:
    seq = drawn(store)
    assert samples_of(store)[0].result is None
    assert result_words(samples_of(store)[0].plan, None) == (
        "nothing entered yet: check 31 of 60 people: if none is still held, more than 5 % (4 or more) is ruled out at a"
        " risk below 5 %"
    )
    told = []
    for checked, number in ((0, 0), (10, 0), (31, 0), (31, 2)):
        found(store, seq, checked, number)
        row = samples_of(store, 1)[0]
        told.append(result_words(row.plan, row.result))
    assert told[0].startswith("nothing entered yet")
    assert told[1:] == [
        "10 checked, none still held: at most 14 of 60 people (23.4 %), at a risk of 5 %; more than 5 % (4 or more) is"
        " not ruled out",
        "31 checked, none still held: at most 3 of 60 people (5 %), at a risk of 5 %; more than 5 % (4 or more) is"
        " ruled out",
        "31 checked, 2 still held: at most 9 of 60 people (15 %), at a risk of 5 %; more than 5 % (4 or more) is not"
        " ruled out",
    ]
    assert [(check.checked, check.found, check.by) for check in row.checks][-1] == (31, 2, "ana")
    cases.undo(store, actor="ana")
    row = samples_of(store, 1)[0]
    assert row.result is not None
    assert (row.result.found, row.result.at_most, row.result.rules_out) == (0, 3, True)
    cases.undo(store, actor="ana")
    assert "first of the list" in " ".join(sample_caveats(samples_of(store, 1)[0]))


def test_everybody_checked_leaves_nothing_open(store: Store) -> None:
    seq = drawn(store, share=Fraction(0), partner=6)
    row = samples_of(store, 6)[0]
    assert row.plan.size == row.plan.population == 10
    assert result_words(row.plan, None).endswith("more than 0 % (1 or more) is ruled out at a risk below 5 %")
    found(store, seq, 10, 1, partner=6)
    row = samples_of(store, 6)[0]
    assert result_words(row.plan, row.result) == "all 10 people checked, 1 still held"


def test_what_cannot_have_been_found_is_refused_in_words(store: Store) -> None:
    seq = drawn(store)
    found(store, seq, 20, 1)
    before = actions(store)
    on_the_day_before = parse_point("2018-07-01")
    refusals = [
        (lambda: found(store, 999, 1, 0), UsageError, "there is no sample #999"),
        (lambda: found(store, 1, 1, 0), UsageError, "there is no sample #1"),
        (lambda: found(store, seq, 32, 0), UsageError, "32 checked of sample #.*, for which 31 people were drawn"),
        (lambda: found(store, seq, 5, 6), UsageError, "6 found of 5 checked"),
        (lambda: found(store, seq, 20, 1, partner=2), RefusedError, "Castaway Live has no sample"),
        (lambda: found(store, seq, 19, 1), RefusedError, "20 were checked and 1 found already"),
        (lambda: found(store, seq, 31, 0), RefusedError, "20 were checked and 1 found already"),
        (lambda: found(store, seq, 31, 1, at=on_the_day_before), RefusedError, "drawn on .*, after that"),
        (
            lambda: found(store, seq, 31, 1, at=on_the_day_before, at_is_date=True),
            RefusedError,
            "drawn on .*, after that",
        ),
    ]
    for doing, kind, says in refusals:
        with pytest.raises(kind, match=says):
            doing()
    assert actions(store) == before
    found(store, seq, 19, 0, note="one was a namesake")
    found(store, seq, 31, 0, at=on_the_day_before, note="checked before it was drawn here")
    assert [check.checked for check in samples_of(store)[0].checks] == [20, 19, 31]


def test_a_check_on_the_day_of_the_draw_is_none_before_it(store: Store) -> None:
    seq = drawn(store)
    day = samples_of(store)[0].at
    found(store, seq, 31, 0, at=day, at_is_date=True)
    assert samples_of(store)[0].checks[0].at_is_date


def test_a_draw_is_taken_back_and_brought_back_unless_something_was_found(store: Store) -> None:
    cases.flag(store, [1], actor="ana")
    seq = drawn(store)
    # What others do to the case does not stand upon a sample.
    cases.assign(store, [1], actor="bo", assignee="bo")
    assert "drew a sample of Ribbon Social" in cases.undo(store, actor="ana").line
    row = samples_of(store)[0]
    assert row.taken_back_by == actions(store)[-1].seq
    assert f"this drawing was taken back (#{row.taken_back_by})" in sample_caveats(row)
    assert sample(store, seq).redrawn.same
    with pytest.raises(RefusedError, match="was taken back"):
        found(store, seq, 1, 0, note="all the same")
    assert (cases.case(store, 1).status, cases.case(store, 1).version) == ("flagged", 2)
    cases.redo(store, actor="ana")
    assert samples_of(store)[0].taken_back_by is None
    found(store, seq, 5, 0, actor="bo")
    with pytest.raises(RefusedError, match=r"cannot undo: what was found in sample #\d+ is recorded"):
        cases.undo(store, actor="ana")
    cases.undo(store, actor="bo")
    cases.undo(store, actor="ana")
    assert samples_of(store)[0].taken_back_by == actions(store)[-1].seq
    assert verify(store, checks=RECORD).ok


def test_what_was_found_is_not_brought_back_into_a_draw_that_was_taken_back(store: Store) -> None:
    seq = drawn(store, actor="ana")
    found(store, seq, 5, 0, actor="bo")
    cases.undo(store, actor="bo")
    cases.undo(store, actor="ana")
    with pytest.raises(RefusedError, match=rf"cannot redo: sample #{seq} was taken back \(#\d+\)"):
        cases.redo(store, actor="bo")
    cases.redo(store, actor="ana")
    cases.redo(store, actor="bo")
    assert [check.checked for check in samples_of(store)[0].checks] == [5]


def test_loose_ends_are_what_is_not_checked_and_what_was_found(store: Store) -> None:
    seq, other = drawn(store), drawn(store, actor="bo")
    told = [f"sample #{each}: 0 of 31 people drawn are checked" for each in (seq, other)]
    assert sample_loose_ends(samples_of(store)) == told
    cases.undo(store, actor="bo")
    found(store, seq, 30, 2)
    assert sample_loose_ends(samples_of(store)) == [
        f"sample #{seq}: of 30 people checked 2 still held",
        f"sample #{seq}: 30 of 31 people drawn are checked",
    ]
    found(store, seq, 31, 0, note="two were namesakes")
    assert sample_loose_ends(samples_of(store)) == []


def test_other_samples_of_the_partner_are_told_until_they_are_taken_back(store: Store) -> None:
    first, second, elsewhere = drawn(store), drawn(store, actor="bo"), drawn(store, 2)
    assert [(row.seq, row.others) for row in samples_of(store)] == [
        (first, (second,)),
        (second, (first,)),
        (elsewhere, ()),
    ]
    cases.undo(store, actor="bo")
    assert [row.others for row in samples_of(store, 1)] == [(), (first,)]
    with pytest.raises(UsageError, match=f"sample #{first} is one of p-0"):
        sample(store, first, partner=2)


def test_the_documents_are_json_and_tell_the_method(store: Store) -> None:
    seq = drawn(store)
    found(store, seq, 31, 0)
    document = json.loads(json.dumps(sample_document(sample(store, seq))))
    assert document["subjects"] == list(sample(store, seq).subjects)
    assert (document["share"], document["risk"], document["at_most"], document["rules_out"]) == (
        "0.05",
        "0.05",
        3,
        True,
    )
    assert document["reproduces"]["same"] is True
    assert "hypergeometric" in document["method"]
    assert "Cannon and Roe 1982" in document["method"]
    assert "no probability" in document["risk_means"]
    assert sample_plan(store, 1, share=FIVE, risk=FIVE).size == 31


def test_every_refusal_is_of_the_stores_own_family(store: Store) -> None:
    for share, risk in ((Fraction(1), FIVE), (FIVE, Fraction(0)), (Fraction(1, 3), FIVE)):
        with pytest.raises(StoreError):
            draw_sample(store, 1, actor="ana", share=share, risk=risk)
    with pytest.raises(StoreError):
        draw_sample(store, 1, actor="ana", share=FIVE, risk=FIVE, seed="not hex")
    assert samples_of(store) == []
