"""Event ids the store knows: found by marks of a few bits, and decided by the events themselves."""

import random
from pathlib import Path

import numpy as np
import pytest

from store import segments
from store.ingest.imports import void
from store.ingest.keys import text_key
from store.known_ids import known_ids
from store.segments import id_mark
from tests.store.ingest_store import ACTOR, counts, event, new_store, reasons, take, write_events

NAMES = [f"e{number}" for number in range(300)]


def named(names: list[str], **fields: object) -> list[dict[str, object]]:
    return [event(event_id=name, app_id=f"app-{len(name) % 3}", **fields) for name in names]


def keys_of(names: list[str]) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    return np.array([text_key(name) for name in names], dtype=np.int64)


@pytest.mark.parametrize("bits", [1, 3, 8, 28, 32])
def test_ids_whose_marks_are_alike_are_told_apart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, bits: int) -> None:
    monkeypatch.setattr(segments, "ID_MARKS", (1 << bits) - 1)
    draw = random.Random(bits)
    shuffled = draw.sample(NAMES, len(NAMES))
    there, asked = shuffled[:120], shuffled[60:]
    with new_store(tmp_path) as store:
        take(store, write_events(tmp_path / "access_events-1.csv", [*named(there), event()]))
        with store.reading() as connection:
            found = known_ids(connection, keys_of(asked)).tolist()
        assert found == sorted(text_key(name) for name in set(there) & set(asked))
        # 60 duplicates, and of 40 known names other content; the others are new.
        rows = [*named(shuffled[60:120]), *named(shuffled[:40], ip="10.0.0.1"), *named(shuffled[120:])]
        second = take(store, write_events(tmp_path / "access_events-2.csv", rows))
        assert counts(second) == (280, 180, 60, 40, 0)
        assert len(reasons(store)) == 40


def test_an_id_that_counts_through_another_import_is_known_once_its_first_is_void(tmp_path: Path) -> None:
    with new_store(tmp_path) as store:
        first = take(store, write_events(tmp_path / "access_events-1.csv", named(["e1", "e2"])))
        take(store, write_events(tmp_path / "access_events-2.csv", named(["e1"])))
        void(store, first.import_id, actor=ACTOR, note="wrong")
        third = take(store, write_events(tmp_path / "access_events-3.csv", named(["e1", "e2"], ip="10.0.0.1")))
        assert counts(third) == (2, 1, 0, 1, 0)
        assert reasons(store) == [(1, "event_id e1 is known with different content")]


def test_the_mark_of_a_key_is_its_own_mark_and_only_none_has_none() -> None:
    keys = np.array([0, 1, 1 << 32, (1 << 62) + 5], dtype=np.int64)
    assert id_mark(keys).tolist() == [0, 1, 1, 5]
    assert id_mark(id_mark(keys)).tolist() == id_mark(keys).tolist()
