"""Two readers, one meaning: whatever a file holds, the fast path stages what the strict one stages."""

import gzip
import io
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from store.errors import UnusableFileError
from store.ingest import vouching
from store.ingest.canonical import EventRow, validate
from store.ingest.fast import stage_vouched
from store.ingest.records import Canonical, Epoch, Options, Quarantined, Source
from store.ingest.staging import EventStage
from store.ingest.strict import Notes, read_csv
from tests.store.ingest_store import COLUMNS, csv_text, event

_STAGED = """
SELECT record_no, occurred_at, app, data_classes, subject, spelling, resource, endpoint, records, bytes, ip, outcome,
  event_id, event_key, id_key
FROM staged ORDER BY record_no
"""


def judged(outcomes: list[object], options: Options) -> tuple[list[EventRow], list[tuple[int, str, str]]]:
    rows: list[EventRow] = []
    refused: list[tuple[int, str, str]] = []
    for outcome in outcomes:
        if isinstance(outcome, Quarantined):
            refused.append((outcome.record_no, outcome.reason, outcome.record))
        elif isinstance(outcome, Canonical):
            try:
                row = validate(outcome, options)
                assert isinstance(row, EventRow)
                rows.append(row)
            except ValueError as error:
                refused.append((outcome.record_no, str(error), outcome.record))
    return rows, refused


def staged(stage: EventStage) -> list[tuple[object, ...]]:
    return stage.connection.execute(_STAGED).fetchall()


def both(path: Path, folder: Path, options: Options) -> tuple[object, object, bool]:
    """What either path makes of a file, and whether the fast one vouched for it."""
    source = Source(path, "access_events", options)
    results: list[object] = []
    was_fast = False
    for is_fast in (False, True):
        stage = EventStage(folder)
        notes = Notes()
        try:
            outcome = stage_vouched(source, stage, folder, notes) if is_fast else None
            was_fast = outcome is not None
            leftover = list(read_csv(source, "access_events", notes) if outcome is None else outcome[1])
            rows, refused = judged(list(leftover), options)
            stage.add(rows)
            results.append((staged(stage), refused, notes.checkpoints, notes.ignored_columns))
        except UnusableFileError as error:
            results.append(str(error))
        finally:
            stage.close()
            (folder / "plain.csv").unlink(missing_ok=True)
    return results[0], results[1], was_fast


INSTANTS = st.sampled_from(
    [
        "2019-05-01T10:00:00Z",
        "2019-05-01T10:00:00.25Z",
        "2019-05-01T10:00:00.123456Z",
        "2019-05-01T10:00:00.1234567Z",
        "2019-05-01 10:00:00Z",
        "2019-05-01T10:00:00+02:00",
        "2019-05-01T10:00:00-09:30",
        "2019-05-01T10:00:00+14:00",
        "2019-05-01T10:00:00+14:30",
        "2019-05-01T10:00Z",
        "2019-05-01T10:00:00",
        "2019-05-01T24:00:00Z",
        "2019-05-01T10:00:60Z",
        "2019-02-29T10:00:00Z",
        "2020-02-29T10:00:00z",
        "0000-01-01T00:00:00Z",
        "1969-12-31T23:59:59.999999Z",
        "2999-12-31T23:59:59Z",
        "2019-05-01",
        "1556704800000000",
        "1556704800000",
        "1556704800",
        "-5",
        "+1556704800000000",
        "01556704800000000",
        "99999999999999999999999",
        "",
    ]
)
NUMBERS = st.sampled_from(
    ["", "0", "7", "007", "-1", "+3", "1.0", "1e3", " 4", "9223372036854775807", "9223372036854775808", "x", "٣"]
)
IDS = st.one_of(
    st.sampled_from(["", "a", "A", " a ", "Ana@Example.ORG", "ana@example.org", "İ@x", "ß", "a\u00a0", "\u2028a"]),
    st.text(st.sampled_from('aB@ ",|\u00e9\t\x1f\x85\x7f\n\r\x00[]'), max_size=5),
)
CLASSES = st.sampled_from(
    [
        "group.member.name",
        "b|a",
        "a|a",
        "a||b",
        "|a",
        " a | b ",
        "*",
        "a.*",
        "",
        '["b","a"]',
        '["a",1]',
        "[a",
        "é|a",
        "|".join(f"c{number}" for number in range(70)),
    ]
)
RECORDS = st.builds(
    event,
    occurred_at=INSTANTS,
    app_id=IDS,
    data_class=CLASSES,
    subject_id=IDS,
    resource_id=IDS,
    endpoint=IDS,
    records=NUMBERS,
    bytes=NUMBERS,
    ip=IDS,
    outcome=st.sampled_from(["", "success", "denied", "error", "Success", " denied ", "maybe"]),
    event_id=IDS,
)
ALMOST_GOOD = st.builds(
    event,
    app_id=st.sampled_from(["a", "b", "Ana@Example.ORG", "x,y", 'q"q', "é"]),
    records=st.sampled_from(["", "5"]),
    data_class=st.sampled_from(["a", "b|a", '["b","a"]']),
)
OPTIONS = st.builds(
    Options,
    zone=st.sampled_from([None, ZoneInfo("Europe/Madrid")]),
    epoch=st.sampled_from(["us", "ms", "s"]),
)


@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    records=st.lists(st.one_of(RECORDS, ALMOST_GOOD), max_size=6),
    columns=st.permutations([*COLUMNS, "extra"]),
    options=OPTIONS,
)
def test_written_files(tmp_path: Path, records: list[dict[str, object]], columns: list[str], options: Options) -> None:
    path = tmp_path / "access_events.csv"
    path.write_bytes(csv_text([{**record, "extra": "x"} for record in records], columns).encode("utf-8"))
    strict, fast, _ = both(path, tmp_path, options)
    assert fast == strict


HEADER = b"occurred_at,app_id,data_class,subject_id\n"
GOOD = b"2019-05-01T10:00:00Z,app,a,s1\n"
PIECES = st.sampled_from(
    [
        GOOD,
        b'2019-05-01T10:00:00Z,"app",a,"s,2"\n',
        b'2019-05-01T10:00:00Z,"a""p",a,s\n',
        b'"2019-05-01T10:00:00Z","app","b|a",""\n',
        b'"""",app,a,s\n',
        b'2019-05-01T10:00:00Z,a"p,a,s\n',
        b'2019-05-01T10:00:00Z,a"p"x,a,s\n',
        b'2019-05-01T10:00:00Z,"app,a,s\n',
        b'2019-05-01T10:00:00Z,"app"x,a,s\n',
        b'2019-05-01T10:00:00Z,"ap\np",a,s\n',
        b"2019-05-01T10:00:00Z,app,a\n",
        b"2019-05-01T10:00:00Z,app,a,s,t\n",
        b"2019-05-01T10:00:00Z,app,a,s\r\n",
        b"2019-05-01T10:00:00Z,app,a,s\r",
        b"2019-05-01T10:00:00Z,ap\xc3\xa9,a,\xe4\xb8\xad\n",
        b"2019-05-01T10:00:00Z,ap\xff,a,s\n",
        b"2019-05-01T10:00:00Z,a\x00p,a,s\n",
        b"2019-05-01T10:00:00Z,a\x1ep,a,s\n",
        b"2019-05-01T10:00:00Z,\xef\xbb\xbfapp,a,s\n",
        b"2019-05-01T10:00:00Z, app ,a,s\n",
        HEADER,
        b"\n",
        b"\r\n",
        b"   \n",
        b",,,\n",
        b"2019-05-01T10:00:00Z,app,a,s",
        b'"',
        b"#2019-05-01T10:00:00Z,app,a,s\n",
        b"'2019-05-01T10:00:00Z',app,a,s\n",
        b"2019-05-01T10:00:00Z,a\\,a,s\n",
    ]
)


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(pieces=st.lists(PIECES, max_size=6), begin=st.sampled_from([b"", b"\xef\xbb\xbf"]), crlf=st.booleans())
@example(pieces=[GOOD, GOOD], begin=b"\xef\xbb\xbf", crlf=True)
@example(pieces=[b'2019-05-01T10:00:00Z,"app",a,"s,2"\n', GOOD], begin=b"", crlf=True)
def test_broken_files(tmp_path: Path, pieces: list[bytes], begin: bytes, crlf: bool) -> None:
    data = HEADER + b"".join(pieces)
    path = tmp_path / "access_events.csv"
    path.write_bytes(begin + (data.replace(b"\n", b"\r\n") if crlf else data))
    strict, fast, _ = both(path, tmp_path, Options())
    assert fast == strict


@pytest.mark.parametrize("piece", [b"", b'2019-05-01T10:00:00Z,"app","b|a","x""y"\n', b"bad,app,a,s\n", b"1,2\n"])
@pytest.mark.parametrize("crlf", [False, True])
@pytest.mark.parametrize("packed", [False, True])
def test_plain_files_do_take_the_fast_path_wherever_their_chunks_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, piece: bytes, crlf: bool, packed: bool
) -> None:
    monkeypatch.setattr(vouching, "_CHUNK", 100)
    monkeypatch.setattr(vouching, "CHECKPOINT_EVERY", 10)
    monkeypatch.setattr("store.ingest.strict.CHECKPOINT_EVERY", 10)
    monkeypatch.setattr("store.ingest.fast.CHECKPOINT_EVERY", 10)
    data = HEADER + (GOOD * 7 + piece) * 9
    data = data.replace(b"\n", b"\r\n") if crlf else data
    path = tmp_path / ("access_events.csv.gz" if packed else "access_events.csv")
    path.write_bytes(gzip.compress(data) if packed else data)
    strict, fast, was_fast = both(path, tmp_path, Options())
    assert was_fast
    assert fast == strict


EPOCHS: list[tuple[Epoch, int]] = [("s", 1), ("ms", 1_000), ("us", 1_000_000)]


@pytest.mark.parametrize(("epoch", "unit"), EPOCHS)
@pytest.mark.parametrize("second", [631_151_999, 631_152_000, 4_133_980_799, 4_133_980_800])
def test_the_bounds_of_integer_instants(tmp_path: Path, epoch: Epoch, unit: int, second: int) -> None:
    path = tmp_path / "access_events.csv"
    path.write_text(csv_text([event(occurred_at=second * unit), event(occurred_at=second * unit + unit - 1)]), "utf-8")
    strict, fast, was_fast = both(path, tmp_path, Options(epoch=epoch))
    assert was_fast
    assert fast == strict
    assert isinstance(strict, tuple)
    assert len(strict[0]) == (2 if 631_152_000 <= second < 4_133_980_800 else 0)


@given(st.lists(st.sampled_from([b"a", b'"', b",", b"\n", b"\r\n"]), max_size=14).map(b"".join))
def test_vouched_quotes_are_read_by_the_csv_module_as_the_strict_reader_reads_them(data: bytes) -> None:
    import csv

    from store.ingest.strict import split_record

    seen = vouching.outline(io.BytesIO(data), None)
    if seen is None:
        return
    lines = data.decode().splitlines()
    assert [split_record(line) for line in lines] == list(
        csv.reader(io.StringIO(data.decode(), newline=""), strict=True)
    )
    assert seen.lines == len(lines)


def test_more_data_classes_than_are_known_beforehand_are_read_all_the_same(tmp_path: Path) -> None:
    often = [event(data_class=f"c{number % 40}|b", event_id=f"e{number}") for number in range(4_000)]
    seldom = [event(data_class=text) for text in ("z|y", "y|z", "z||y", "|", "Z", "a b", "")]
    path = tmp_path / "access_events.csv"
    path.write_text(csv_text([*often, *seldom, event(data_class="last")]), "utf-8")
    strict, fast, was_fast = both(path, tmp_path, Options())
    assert was_fast
    assert fast == strict
    classes = {row[3] for row in fast[0]}  # type: ignore[index]
    assert {"b|c0", "b|c39", "y|z", "last"} <= classes
