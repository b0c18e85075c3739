"""What is wrong with a file or a record is said, record by record or in one line, and takes nothing else with it."""

import gzip
import json
from pathlib import Path

import duckdb
import pytest
import zstandard

from store.connection import Store
from store.errors import UnusableFileError, UsageError
from store.ingest import strict
from store.ingest.importing import import_paths
from store.ingest.imports import imports
from store.ingest.quarantine import quarantined
from tests.store.ingest_store import (
    ACTOR,
    counting_events,
    counts,
    csv_text,
    event,
    new_store,
    only_quarantined,
    reasons,
    take,
    write_events,
)

HEADER = b"occurred_at,app_id,data_class,subject_id\n"
GOOD = b"2019-05-01T10:00:00Z,app,a,good\n"


def take_bytes(folder: Path, data: bytes, name: str = "access_events.csv", **options: object) -> tuple[Store, object]:
    path = folder / name
    path.write_bytes(data)
    store = new_store(folder)
    return store, take(store, path, **options)


BROKEN = {
    "an unclosed quote": (b'2019-05-01T10:00:00Z,"app,a,s\n', "a quote that is never closed"),
    "a quote inside": (b'2019-05-01T10:00:00Z,ap"p,a,s\n', "a quote that is never closed"),
    "a pair inside": (b'2019-05-01T10:00:00Z,a"p"p,a,s\n', "a quote in the middle of a field"),
    "text behind a quote": (b'2019-05-01T10:00:00Z,"app"x,a,s\n', "a quote in the middle of a field"),
    "too few fields": (b"2019-05-01T10:00:00Z,app,a\n", "3 fields where the header has 4"),
    "too many fields": (b"2019-05-01T10:00:00Z,app,a,s,t\n", "5 fields where the header has 4"),
    "the header": (HEADER, "the header, repeated"),
    "no UTF-8": (b"2019-05-01T10:00:00Z,app,a,\xff\n", "not UTF-8: byte 0xff at 27"),
    "NUL": (b"2019-05-01T10:00:00Z,app,a,s\0\n", "holds a NUL character"),
    "a carriage return": (b"2019-05-01T10:00:00Z,app,a\r,s\n", "a bare carriage return"),
    "no app": (b"2019-05-01T10:00:00Z, ,a,s\n", "app_id: empty, and required"),
    "no offset": (
        b"2019-05-01T10:00:00,app,a,s\n",
        "occurred_at: a time without an offset: '2019-05-01T10:00:00'; give --timezone if the log names none",
    ),
    "a date": (b"2019-05-01,app,a,s\n", "occurred_at: a date without a time: '2019-05-01'"),
    "a leap second": (b"2019-05-01T10:00:60Z,app,a,s\n", "occurred_at: a leap second: '2019-05-01T10:00:60Z'"),
    "milliseconds": (
        b"1556704800000,app,a,s\n",
        "occurred_at: 1556704800000 microseconds is outside 1990..2100;"
        " as milliseconds it is 2019-05-01: import with --epoch ms if so",
    ),
    "beyond the year 9999": (
        b"9999-12-31T23:59:59-14:00,app,a,s\n",
        "occurred_at: no such instant: '9999-12-31T23:59:59-14:00' (in UTC it is outside the years 1 to 9999)",
    ),
    "before the year 1": (
        b"0001-01-01T00:00:00+14:00,app,a,s\n",
        "occurred_at: no such instant: '0001-01-01T00:00:00+14:00' (in UTC it is outside the years 1 to 9999)",
    ),
    "a pattern": (
        b"2019-05-01T10:00:00Z,app,group.*,s\n",
        "data_class: a pattern where a data class belongs: 'group.*'",
    ),
    "a long cell": (
        b"2019-05-01T10:00:00Z,app,a," + b"x" * 70_000 + b"\n",
        "subject_id: longer than 65,536 characters",
    ),
}


@pytest.mark.parametrize(("record", "reason"), BROKEN.values(), ids=BROKEN)
@pytest.mark.parametrize("line_end", [b"\n", b"\r\n"], ids=["LF", "CRLF"])
def test_a_broken_record_is_quarantined_alone(tmp_path: Path, record: bytes, reason: str, line_end: bytes) -> None:
    data = (HEADER + GOOD + record + GOOD * 3).replace(b"\n", line_end)
    store, entry = take_bytes(tmp_path, data)
    with store:
        assert counts(entry) == (5, 4, 0, 1, 0)
        found = only_quarantined(store)
        assert (found.record_no, found.reason, found.file) == (2, reason, "access_events.csv")
        assert (found.kind, found.import_id) == ("access_events", 1)
        assert sum(counting_events(store).values()) == 4


def test_the_record_is_kept_as_it_was_and_what_is_no_text_as_backslashes(tmp_path: Path) -> None:
    store, _ = take_bytes(tmp_path, HEADER + b"x,\xc3\xa9,\xff,\0\r\n")
    with store:
        assert only_quarantined(store).record == "x,\u00e9,\\xff,\\x00"


def test_an_unclosed_quote_at_the_end_swallows_nothing(tmp_path: Path) -> None:
    lines = [b"2019-05-01T10:00:00Z,app,a,s%d\n" % number for number in range(3_000)]
    lines[10] = b'2019-05-01T10:00:00Z,"app,a,s\n'
    store, entry = take_bytes(tmp_path, HEADER + b"".join(lines))
    with store:
        assert counts(entry) == (3_000, 2_999, 0, 1, 0)


def test_two_unclosed_quotes_do_not_pair_up(tmp_path: Path) -> None:
    bad = b'2019-05-01T10:00:00Z,"app,a,s\n'
    store, entry = take_bytes(tmp_path, HEADER + GOOD + bad + GOOD * 2 + bad + GOOD)
    with store:
        assert counts(entry) == (6, 4, 0, 2, 0)
        assert [number for number, _ in reasons(store)] == [2, 5]


def test_a_quoted_field_may_span_lines(tmp_path: Path) -> None:
    store, entry = take_bytes(tmp_path, HEADER + b'2019-05-01T10:00:00Z,app,a,"x\r\ny ""z"""\n' + GOOD)
    with store:
        assert counts(entry) == (2, 2, 0, 0, 0)
        assert {row[3] for row in counting_events(store)} == {'x\r\ny "z"', "good"}


def test_a_line_without_end_is_quarantined_in_bounded_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(strict, "MAX_RECORD_BYTES", 10_000)
    huge = b'2019-05-01T10:00:00Z,app,a,"' + b"x" * 100_000 + b'"\n'
    store, entry = take_bytes(tmp_path, HEADER + GOOD + huge + GOOD)
    with store:
        assert counts(entry) == (3, 2, 0, 1, 0)
        assert reasons(store) == [(2, "a line of more than 10,000 bytes")]
        assert len(only_quarantined(store).record) < 70_000


def test_a_last_line_without_its_end_is_a_record_and_a_cut_one_is_quarantined(tmp_path: Path) -> None:
    store, entry = take_bytes(tmp_path, HEADER + GOOD + GOOD.rstrip())
    with store:
        assert counts(entry) == (2, 2, 0, 0, 0)
    (tmp_path / "other").mkdir()
    store, entry = take_bytes(tmp_path / "other", HEADER + GOOD + GOOD[:22])
    with store:
        assert counts(entry) == (2, 1, 0, 1, 0)


def test_a_byte_order_mark_is_no_part_of_the_header(tmp_path: Path) -> None:
    store, entry = take_bytes(tmp_path, b"\xef\xbb\xbf" + HEADER + GOOD)
    with store:
        assert counts(entry) == (1, 1, 0, 0, 0)


REFUSED = {
    "nothing in it": (b"", "is empty"),
    "UTF-16": (HEADER.decode().encode("utf-16"), "UTF-16"),
    "UTF-16 without a mark": (HEADER.decode().encode("utf-16-le"), "UTF-16"),
    "two columns of one name": (b"occurred_at,app_id,data_class,app_id\n", "two columns 'app_id'"),
    "no app_id": (b"occurred_at,data_class\n", "no column app_id, which access_events requires"),
    "CR only": (HEADER.replace(b"\n", b"\r") + GOOD.replace(b"\n", b"\r"), "a bare carriage return"),
    "a header that is no UTF-8": (b"occurred_at,app_id,data_class,\xff\n", "the header"),
}


@pytest.mark.parametrize(("data", "reason"), REFUSED.values(), ids=REFUSED)
@pytest.mark.parametrize("suffix", ["", ".gz", ".zst"])
def test_an_unusable_file_is_refused_in_one_line_and_leaves_nothing(
    tmp_path: Path, data: bytes, reason: str, suffix: str
) -> None:
    pack = {"": bytes, ".gz": gzip.compress, ".zst": zstandard.compress}[suffix]
    path = tmp_path / f"access_events.csv{suffix}"
    path.write_bytes(pack(data))
    with new_store(tmp_path) as store:
        with pytest.raises(UnusableFileError, match=reason) as refused:
            import_paths(store, [path], actor=ACTOR)
        assert "\n" not in str(refused.value)
        assert str(path) in str(refused.value)
        assert imports(store) == []
        assert quarantined(store) == []
    assert sorted(each.name for each in tmp_path.iterdir()) == [path.name, "incident.db"]


@pytest.mark.parametrize("suffix", [".gz", ".zst"])
@pytest.mark.parametrize("kind", ["access_events", "removals"])
def test_archives_are_read_and_damaged_ones_refused(tmp_path: Path, suffix: str, kind: str) -> None:
    pack = gzip.compress if suffix == ".gz" else zstandard.compress
    header = HEADER if kind == "access_events" else b"app_id,removed_at\n"
    line = GOOD if kind == "access_events" else b"app,2019-05-01T10:00:00Z\n"
    rows = b"".join(line.replace(b"app", b"app%d" % (number * 7919 % 10007)) for number in range(5_000))
    whole = pack(header + rows)
    path = tmp_path / f"{kind}.csv{suffix}"
    with new_store(tmp_path) as store:
        for cut in (1, len(whole) // 2):
            path.write_bytes(whole[:-cut])
            with pytest.raises(UnusableFileError, match="damaged or cut short"):
                import_paths(store, [path], actor=ACTOR)
        assert imports(store) == []
        path.write_bytes(b"this is no archive")
        with pytest.raises(UnusableFileError, match="damaged or cut short"):
            import_paths(store, [path], actor=ACTOR)
        path.write_bytes(whole)
        assert counts(take(store, path)) == (5_000, 5_000, 0, 0, 0)


@pytest.mark.parametrize("suffix", [".gz", ".zst"])
def test_a_decompression_bomb_is_refused(tmp_path: Path, suffix: str) -> None:
    pack = gzip.compress if suffix == ".gz" else zstandard.compress
    path = tmp_path / f"access_events.csv{suffix}"
    path.write_bytes(pack(HEADER + b"x" * 100_000_000))
    assert path.stat().st_size < 200_000
    with new_store(tmp_path) as store, pytest.raises(UnusableFileError, match="more than 250 times its size"):
        import_paths(store, [path], actor=ACTOR)


def line(**fields: object) -> bytes:
    return json.dumps(event(**fields)).encode() + b"\n"


BROKEN_JSON = {
    "no JSON": (b"{not json}\n", "not JSON: Expecting property name enclosed in double quotes at character 2"),
    "no object": (b"[1, 2]\n", "not a JSON object"),
    "a key twice": (line().replace(b"{", b'{"app_id": "x", ', 1), "the key 'app_id' appears twice"),
    "NaN": (line().replace(b"{", b'{"records": NaN, ', 1), "NaN is no JSON value"),
    "Infinity": (line().replace(b"{", b'{"records": -Infinity, ', 1), "-Infinity is no JSON value"),
    "depth": (b'{"app_id": ' + b"[" * 100_000 + b"]" * 100_000 + b"}\n", "nested too deeply"),
    "a large integer": (line(records=2**63), "records: too large for 63 bits"),
    "a very large integer": (line(records=10**400), "records: too large for 63 bits"),
    "a negative number": (line(bytes=-1), "bytes: below 0: -1"),
    "a fraction": (line(records=1.5), "records: not a whole number from 0: 1.5"),
    "a flag": (line(records=True), "records: not a whole number from 0: True"),
    "half a pair": (line(subject_id="x\ud800"), "subject_id: holds half of a surrogate pair, which is no character"),
    "NUL": (line(subject_id="x\0y"), "subject_id: holds a NUL character"),
    "a list": (line(subject_id=["x"]), "subject_id: not a text: ['x']"),
    "a number among classes": (line(data_class=["x", 1]), "data_class: a data class is no text: 1"),
    "an outcome": (line(outcome="ok"), "outcome: not one of success, denied, error: 'ok'"),
    "no UTF-8": (b'{"app_id": "\xff"}\n', "not UTF-8: byte 0xff at 12"),
    "a far instant": (line(occurred_at=1e18), "occurred_at: neither a text nor a whole number: 1e+18"),
    "an instant beyond": (
        line(occurred_at=10**18),
        "occurred_at: 1000000000000000000 microseconds is outside 1990..2100",
    ),
    "64 classes": (line(data_class=[f"c{number}" for number in range(64)]), "data_class: more than 63 data classes"),
}


@pytest.mark.parametrize(("record", "reason"), BROKEN_JSON.values(), ids=BROKEN_JSON)
def test_a_broken_json_line_is_quarantined_alone(tmp_path: Path, record: bytes, reason: str) -> None:
    store, entry = take_bytes(tmp_path, line() + record + b"\n" + line(subject_id="x"), "access_events.jsonl")
    with store:
        assert counts(entry) == (3, 2, 0, 1, 0)
        assert reasons(store) == [(2, reason)]


def test_a_parquet_instant_that_no_calendar_has_is_quarantined(tmp_path: Path) -> None:
    path = tmp_path / "removals.parquet"
    with duckdb.connect() as connection:
        connection.execute(
            "COPY (SELECT 'a' AS app_id, make_timestamp(unnest([9e17, 1556704800e6]::BIGINT[]))::TIMESTAMPTZ AS"
            f" removed_at) TO '{path}' (FORMAT parquet)"
        )
    with new_store(tmp_path) as store:
        assert counts(take(store, path)) == (2, 1, 0, 1, 0)
        assert reasons(store) == [(1, "an instant outside the years 1 to 9999")]


def test_an_ignored_column_may_be_named_by_anything(tmp_path: Path) -> None:
    store, entry = take_bytes(tmp_path, line(**{"\ud800": 1, "\0": 2}), "access_events.jsonl")
    with store:
        assert counts(entry) == (1, 1, 0, 0, 0)
        assert imports(store)[0].ignored_columns == ("\ud800", "\0")


def test_json_lines_and_csv_of_the_same_records_are_duplicates(tmp_path: Path) -> None:
    rows = [event(subject_id="é@X", records=3), event(data_class=["b", "a"]), event(outcome="denied")]
    with new_store(tmp_path) as store:
        path = tmp_path / "access_events.ndjson.zst"
        path.write_bytes(zstandard.compress(b"".join(line(**row) for row in rows)))
        assert counts(take(store, path)) == (3, 3, 0, 0, 0)
        as_text = [
            {**row, "data_class": json.dumps(row["data_class"])} if isinstance(row["data_class"], list) else row
            for row in rows
        ]
        entry = take(store, write_events(tmp_path / "access_events.csv", [*as_text, event(data_class="a|b")]))
        assert counts(entry) == (4, 1, 3, 0, 0)


def test_parquet_keeps_its_types(tmp_path: Path) -> None:
    path = tmp_path / "access_events.parquet"
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        connection.execute(
            "CREATE TABLE t(occurred_at TIMESTAMPTZ, app_id VARCHAR, data_class VARCHAR[], records DOUBLE, more INT)"
        )
        connection.execute("INSERT INTO t VALUES ('2019-05-01 10:00:00.25+00', 'app-1', ['b', 'a'], 5, 1)")
        connection.execute("INSERT INTO t VALUES ('2019-05-01 10:00:00+00', NULL, ['a'], 5, 1)")
        connection.execute("INSERT INTO t VALUES ('2019-05-01 10:00:00+00', 'app-1', ['a'], 1.5, 1)")
        connection.execute("COPY t TO $path (FORMAT parquet)", {"path": str(path)})
    with new_store(tmp_path) as store:
        entry = take(store, path)
        assert counts(entry) == (3, 1, 0, 2, 0)
        assert entry.ignored_columns == ("more",)
        assert reasons(store) == [(2, "app_id: empty, and required"), (3, "records: not a whole number from 0: '1.5'")]
        again = write_events(
            tmp_path / "access_events.csv", [event(occurred_at="2019-05-01T10:00:00.25Z", data_class="a|b", records=5)]
        )
        assert counts(take(store, again)) == (1, 0, 1, 0, 0)
        path.write_bytes(b"PAR1 no parquet")
        with pytest.raises(UnusableFileError, match="cannot be read as Parquet"):
            import_paths(store, [path], actor=ACTOR)


def test_naive_parquet_times_need_a_timezone(tmp_path: Path) -> None:
    path = tmp_path / "removals.parquet"
    with duckdb.connect() as connection:
        connection.execute("CREATE TABLE t(app_id VARCHAR, removed_at TIMESTAMP)")
        connection.execute("INSERT INTO t VALUES ('app-1', '2019-05-01 10:00:00')")
        connection.execute("COPY t TO $path (FORMAT parquet)", {"path": str(path)})
    with new_store(tmp_path) as store:
        assert counts(take(store, path)) == (1, 0, 0, 1, 0)
        assert counts(take(store, path, timezone="Europe/Madrid")) == (1, 1, 0, 0, 0)
        with store.reading() as connection:
            assert connection.execute("SELECT removed_at FROM removals").fetchall() == [(1_556_697_600_000_000,)]


REGISTRY = {
    "a backward interval": (
        "grants",
        "app_id,scope,granted_at,revoked_at",
        "a,s,{late},{early}",
        "revoked_at is before",
    ),
    "an empty coverage": ("coverage", "source,covered_from,covered_until", "s,{early},{early}", "is not after"),
    "an unknown step": ("steps", "partner_id,step,at", "p,forgiven,{early}", "step: not a step: 'forgiven'"),
    "a step of the incident": ("steps", "partner_id,step,at", "p,report_filed,{early}", "step: not a step"),
    "a bad pattern": (
        "exemptions",
        "app_id,data_class,exempt_from",
        "a,group*,{early}",
        "data_class: not a data class",
    ),
    "a bad flag": ("subjects", "subject_id,minor", "s,perhaps", "minor: not one of true, false"),
    "no name": ("partners", "partner_id,name", "p,", "name: empty, and required"),
}


@pytest.mark.parametrize(("kind", "header", "record", "reason"), REGISTRY.values(), ids=REGISTRY)
def test_a_bad_registry_record_is_quarantined(tmp_path: Path, kind: str, header: str, record: str, reason: str) -> None:
    path = tmp_path / f"{kind}.csv"
    filled = record.format(early="2019-05-01T10:00:00Z", late="2019-05-02T10:00:00Z")
    path.write_text(f"{header}\n{filled}\n", "utf-8")
    with new_store(tmp_path) as store:
        assert counts(take(store, path)) == (1, 0, 0, 1, 0)
        assert reason in only_quarantined(store).reason


def test_a_step_may_be_a_bare_date(tmp_path: Path) -> None:
    path = tmp_path / "steps.csv"
    path.write_text(
        "partner_id,step,at,due\np,notified,2019-11-06,2020-01-05\np,on_hold,2019-11-06T00:00:00Z,\n", "utf-8"
    )
    with new_store(tmp_path) as store:
        assert counts(take(store, path)) == (2, 2, 0, 0, 0)
        with store.reading() as connection:
            found = connection.execute("SELECT step, at, at_is_date, due FROM imported_steps ORDER BY step").fetchall()
    day = 1_572_998_400_000_000
    assert found == [("notified", day, 1, 1_578_182_400_000_000), ("on_hold", day, 0, None)]


def test_a_folder_is_sorted_and_what_is_of_no_kind_ignored(tmp_path: Path) -> None:
    folder = tmp_path / "in"
    (folder / "deep").mkdir(parents=True)
    write_events(folder / "deep" / "access_events-2.csv", [event(subject_id="x")])
    write_events(folder / "access_events_1.CSV", [event()])
    (folder / "readme.txt").write_text("hello")
    (folder / "opt_ins.old.csv").write_text("subject_id,opted_in_at\n")
    (folder / "access_eventsx.csv").write_text("a,b\n")
    with new_store(tmp_path) as store:
        report = import_paths(store, [folder], actor=ACTOR)
        assert [(entry.file, entry.kind) for entry in report.imports] == [
            ("access_events_1.CSV", "access_events"),
            ("access_events-2.csv", "access_events"),
            ("opt_ins.old.csv", "opt_ins"),
        ]
        assert report.ignored == (str(folder / "access_eventsx.csv"), str(folder / "readme.txt"))
        for name in ("readme.txt", "access_eventsx.csv"):
            with pytest.raises(UnusableFileError, match="of no kind that can be imported"):
                import_paths(store, [folder / name], actor=ACTOR)
        with pytest.raises(UnusableFileError, match="no such file"):
            import_paths(store, [tmp_path / "nothing.csv"], actor=ACTOR)
        with pytest.raises(UsageError, match="no kind access"):
            import_paths(store, [folder], actor=ACTOR, kind="access")
        with pytest.raises(UsageError, match="no format xml"):
            import_paths(store, [folder], actor=ACTOR, format="xml")
        with pytest.raises(UsageError, match="no time zone Mars/Base"):
            import_paths(store, [folder], actor=ACTOR, timezone="Mars/Base")


def test_columns_are_renamed_on_demand_only(tmp_path: Path) -> None:
    path = tmp_path / "removals.csv"
    path.write_text("client,removed_at\na,2019-05-01T10:00:00Z\n", "utf-8")
    with new_store(tmp_path) as store:
        with pytest.raises(UnusableFileError, match="--map THEIRS=app_id"):
            import_paths(store, [path], actor=ACTOR)
        with pytest.raises(UsageError, match="has no column app"):
            import_paths(store, [path], actor=ACTOR, mapping={"client": "app"})
        assert counts(take(store, path, mapping={"client": "app_id"})) == (1, 1, 0, 0, 0)


def test_checkpoints_say_where_records_begin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [event(subject_id=f"s{number}") for number in range(25)]
    data = csv_text(rows).encode()
    for name in ("strict", "vouching", "fast"):
        monkeypatch.setattr(f"store.ingest.{name}.CHECKPOINT_EVERY", 10)
    for number, text in enumerate((data, data.replace(b",s7,", b',"s7\n",'))):
        folder = tmp_path / str(number)
        folder.mkdir()
        store, entry = take_bytes(folder, text)
        with store:
            assert counts(entry) == (25, 25, 0, 0, 0)
            with store.reading() as connection:
                found = connection.execute("SELECT record_no, byte_offset FROM import_checkpoints").fetchall()
        assert [record_no for record_no, _ in found] == [1, 11, 21]
        for record_no, offset in found:
            assert b",s%d," % (record_no - 1) in text[offset:].split(b"\n", 1)[0]
