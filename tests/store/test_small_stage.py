"""Two stages, one meaning: whatever a small file holds, plain Python makes of it what the database does."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from store.ids import fold_id
from store.ingest import formats, loader
from store.ingest.canonical import EventRow
from store.ingest.keys import text_key
from store.ingest.small_stage import SmallStage
from store.ingest.staging import DICTIONARIES, EventStage
from tests.store.ingest_store import counting_events, counts, event, new_store, reasons, take, write_events

TEXTS = st.one_of(
    st.sampled_from(["a", "b", "A@x", "a@X", "\u00df@x", "\ufffe", "\U0001f469", "a\x1fb"]),
    st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1, max_size=6),
)
ABSENT = st.one_of(st.none(), TEXTS)
# A reader takes an id of blanks alone for none.
SUBJECTS = st.one_of(st.none(), TEXTS.filter(lambda text: fold_id(text) != ""))
NUMBERS = st.one_of(st.none(), st.sampled_from([0, 1, 2**63 - 1]))


@st.composite
def written(draw: st.DrawFn) -> list[EventRow]:
    rows = []
    for number in range(1, draw(st.integers(0, 12)) + 1):
        subject = draw(SUBJECTS)
        spelled = None if subject is None or subject == fold_id(subject) else subject
        rows.append(
            EventRow(
                number + draw(st.integers(0, 1)),
                draw(st.sampled_from([0, -5, 1_556_704_800_000_000])),
                draw(TEXTS),
                draw(st.sampled_from(["x", "x|y"])),
                None if subject is None else fold_id(subject),
                spelled,
                draw(ABSENT),
                None,
                draw(NUMBERS),
                draw(NUMBERS),
                None,
                draw(st.integers(0, 2)),
                draw(st.one_of(st.none(), st.sampled_from(["e", "f", "g"]))),
            )
        )
    return [*rows, *draw(st.lists(st.sampled_from(rows), max_size=6))] if rows else rows


def all_that_comes_out(stage: SmallStage | EventStage, rows: list[EventRow], known: list[str]) -> object:
    """Every answer of a stage, asked in the loader's order."""
    half = len(rows) // 2
    stage.add(rows[:half])
    stage.add(rows[half:])
    span = stage.span()
    if not span.events:
        return span
    stage.give_keys()
    texts = {dictionary: stage.texts(dictionary) for dictionary in DICTIONARIES}
    spelled = sorted(stage.spellings())
    for dictionary, found in texts.items():
        stage.give_ids(dictionary, found, range(len(found) + 10, 10, -1))
    answers = [span, texts, spelled, sorted(stage.id_keys().tolist())]
    answers.append(sorted(stage.tell_repeats_apart().tolist()))
    answers.append(sorted(map(str, stage.drop_contradictions(np.array([text_key(name) for name in known], np.int64)))))
    stage.sort()
    return answers, [[column.tolist() for column in batch] for batch in stage.batches(3)]


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
@given(rows=written(), known=st.lists(st.sampled_from(["e", "f"]), unique=True))
def test_both_stages_give_the_same(tmp_path: Path, rows: list[EventRow], known: list[str]) -> None:
    ordered = sorted(rows, key=lambda row: row.record_no)
    large, small = EventStage(tmp_path), SmallStage()
    try:
        assert all_that_comes_out(small, ordered, known) == all_that_comes_out(large, ordered, known)
    finally:
        large.close()
        small.close()


def test_a_file_that_grows_beyond_the_small_stage_loses_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = [event(app_id=f"app-{number % 7}", subject_id=f"s{number}", event_id=f"e{number}") for number in range(300)]
    rows[250] = event(event_id="e3")
    rows[251] = dict(rows[4])
    path = write_events(tmp_path / "access_events.csv", rows)
    with new_store(tmp_path, "small.db") as small:
        assert counts(take(small, path)) == (300, 298, 1, 1, 0)
        expected = counting_events(small), reasons(small)
    monkeypatch.setattr(loader, "MOST_EVENTS", 40)
    monkeypatch.setattr(loader, "_BATCH_ROWS", 30)
    with new_store(tmp_path, "grown.db") as grown:
        assert counts(take(grown, path)) == (300, 298, 1, 1, 0)
        assert (counting_events(grown), reasons(grown)) == expected
    monkeypatch.setattr(formats, "MOST_BYTES", 0)
    with new_store(tmp_path, "fast.db") as fast:
        assert counts(take(fast, path)) == (300, 298, 1, 1, 0)
        assert (counting_events(fast), reasons(fast)) == expected
