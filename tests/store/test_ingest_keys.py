import hashlib
from pathlib import Path

import duckdb
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from store.ids import fold_id
from store.ingest.canonical import EventRow
from store.ingest.keys import MASK, event_key, mixed, mixed_array, text_key
from store.ingest.staging import EventStage

TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=40)


@given(TEXTS)
def test_duckdb_computes_the_same_key(text: str) -> None:
    with duckdb.connect() as connection:
        row = connection.execute(
            "SELECT (('0x' || right(md5(?), 16))::UBIGINT & 9223372036854775807::UBIGINT)::BIGINT", [text]
        ).fetchone()
    assert row == (text_key(text),)


def test_a_key_is_the_last_half_of_the_md5_without_its_top_bit() -> None:
    digest = hashlib.md5(b"abc").hexdigest()
    assert text_key("abc") == int(digest[16:], 16) & (2**63 - 1)


@given(st.lists(st.tuples(st.integers(0, MASK), st.integers(0, 10**6)), min_size=1))
def test_numpy_mixes_as_python_does(pairs: list[tuple[int, int]]) -> None:
    keys, ordinals = (np.array(column, dtype=np.int64) for column in zip(*pairs, strict=True))
    assert mixed_array(keys, ordinals).tolist() == [mixed(key, ordinal) for key, ordinal in pairs]


def test_ordinals_of_one_key_are_all_different_and_the_first_is_the_key_itself() -> None:
    keys = [mixed(12345, ordinal) for ordinal in range(100_000)]
    assert len(set(keys)) == 100_000
    assert keys[0] == 12345
    assert all(0 <= key <= MASK for key in keys)


def test_the_stage_keys_events_as_python_does(tmp_path: Path) -> None:
    rows = [
        EventRow(1, 5, "a", "x|y", None, None, None, None, None, None, None, 0, None),
        EventRow(2, -7, "ä@b", "x", "s@t", "S@t", "r", "/e", 0, 2**63 - 1, "1.2.3.4", 2, "id,1"),
        EventRow(3, 5, "a", "x|y", None, None, None, None, None, None, None, 0, None),
    ]
    stage = EventStage(tmp_path)
    stage.add(rows)
    stage.give_keys()
    assert stage.tell_repeats_apart().tolist() == []
    found = dict(stage.connection.execute("SELECT record_no, event_key FROM staged").fetchall())
    named = dict(stage.connection.execute("SELECT record_no, id_key FROM staged").fetchall())
    stage.close()
    content = text_key(rows[0].content())
    assert found == {1: content, 2: event_key(rows[1].content(), "id,1"), 3: mixed(content, 1)}
    assert named == {1: 0, 2: text_key("id,1"), 3: 0}


@pytest.mark.parametrize(
    ("written", "compared"),
    [
        (" Ann.Lee@X.com ", "ann.lee@x.com"),
        ("Group@Home Friends", "Group@Home Friends"),
        ("A@b@C", "A@b@C"),
        ("@Handle", "@Handle"),
        ("App-22041", "App-22041"),
    ],
)
def test_only_a_mail_address_is_compared_without_case(tmp_path: Path, written: str, compared: str) -> None:
    assert fold_id(written) == compared
    stage = EventStage(tmp_path)
    assert stage.connection.execute("SELECT folded(?)", [written.strip()]).fetchall() == [(compared,)]
    stage.close()
