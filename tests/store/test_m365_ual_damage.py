"""Damaged unified audit logs: a broken record costs itself, never the file, never its neighbours, never the program."""

import copy
import json
import random
from pathlib import Path
from typing import Any

import pytest

from fixtures import m365_ual as invented
from store.errors import UnusableFileError
from store.ingest import m365_ual
from store.ingest.canonical import validate
from store.ingest.records import Canonical, Options, Outcome, Quarantined, Source

STRANGE: tuple[Any, ...] = (
    None, True, 0, -1, 1.5, 10**30, "", " ", "x", "\ud800", "a\0b", "[", '"', "=>", "[] => [[", [], {}, [1], [None],
    [[]], {"a": 1}, [{"Name": 1}], [{"Name": "MailAccessType", "Value": 5}], [{"ID": "x"}], [{"Type": 1, "ID": []}],
)  # fmt: skip


def adapt(path: Path, content: bytes) -> list[Outcome]:
    path.write_bytes(content)
    outcomes = list(m365_ual.adapt(Source(path)))
    numbers = [outcome.record_no for outcome in outcomes]
    assert numbers == sorted(numbers)
    assert len({(outcome.record_no, type(outcome)) for outcome in outcomes}) == len(set(numbers))
    for outcome in outcomes:
        if isinstance(outcome, Quarantined):
            assert outcome.reason
            assert "\n" not in outcome.reason
            outcome.record.encode()
    return outcomes


def mutate(value: Any, draw: random.Random, depth: int = 0) -> Any:
    """One value somewhere in the record replaced or dropped; at times the whole record."""
    if draw.random() < (0.3 if depth else 0.02) or not isinstance(value, dict | list) or not value:
        return draw.choice(STRANGE)
    place = draw.choice(list(value)) if isinstance(value, dict) else draw.randrange(len(value))
    if draw.random() < 0.2:
        del value[place]
    else:
        value[place] = mutate(value[place], draw, depth + 1)
    return value


@pytest.mark.parametrize("seed", range(8))
def test_strange_values_never_crash_and_most_records_still_come_in(tmp_path: Path, seed: int) -> None:
    draw = random.Random(seed)
    log = invented.invented_log(seed, reads=30)
    records = [mutate(copy.deepcopy(draw.choice(log)), draw) for _ in range(500)]
    outcomes = adapt(tmp_path / "audit.jsonl", invented.as_lines(records))
    assert {outcome.record_no for outcome in outcomes} == set(range(1, 501))
    lost = {outcome.record_no for outcome in outcomes if isinstance(outcome, Quarantined)}
    for outcome in outcomes:
        if isinstance(outcome, Canonical):
            try:
                validate(outcome, Options())
            except ValueError:
                lost.add(outcome.record_no)
    assert len(lost) <= 250


@pytest.mark.parametrize("seed", range(12))
def test_damaged_bytes_cost_the_lines_they_are_in(tmp_path: Path, seed: int) -> None:
    draw = random.Random(seed)
    records = invented.invented_log(seed, reads=20)
    content = bytearray(invented.as_lines(records))
    for _ in range(draw.randrange(1, 12)):
        place = draw.randrange(len(content))
        if draw.random() < 0.3:
            del content[place : place + draw.randrange(1, 40)]
        else:
            content[place] = draw.choice(b'"{}[],\\\n\r\x00\xff\xc3:0a')
    try:
        outcomes = adapt(tmp_path / "audit.jsonl", bytes(content))
    except UnusableFileError:
        return
    damaged = [outcome for outcome in outcomes if isinstance(outcome, Quarantined)]
    assert len(damaged) <= 40
    assert len(outcomes) >= len(records) - 40


def test_a_stray_quote_costs_one_row(tmp_path: Path) -> None:
    rows = invented.as_csv(invented.invented_log(1, reads=20)).split(b"\r\n")
    total = len(rows) - 2
    rows[7] = rows[7].replace(b'","', b'",""', 1)
    rows[15] = rows[15] + b'"'
    outcomes = adapt(tmp_path / "audit.csv", b"\r\n".join(rows))
    lost = [outcome.record_no for outcome in outcomes if isinstance(outcome, Quarantined)]
    assert lost == [7, 15]
    assert {outcome.record_no for outcome in outcomes} == set(range(1, total + 1))


def test_a_row_of_too_few_columns_costs_one_row(tmp_path: Path) -> None:
    rows = invented.as_csv(invented.invented_log(1, reads=20)).split(b"\r\n")
    rows[4] = b'"a","b"'
    outcomes = adapt(tmp_path / "audit.csv", b"\r\n".join(rows))
    lost = [outcome for outcome in outcomes if isinstance(outcome, Quarantined)]
    assert [outcome.record_no for outcome in lost] == [4]
    assert lost[0].reason == "it has 2 columns where the header has 8"


def test_a_record_may_span_lines_and_blank_lines_are_no_records(tmp_path: Path) -> None:
    record = invented.Generator(1).mail_sync(1, "mira.okafor")
    cell = json.dumps(record, indent=2).replace('"', '""')
    text = f'#TYPE Selected.System.Management\r\nOperations,AuditData\r\n\r\nMailItemsAccessed,"{cell}"\r\n\r\n'
    outcomes = adapt(tmp_path / "audit.csv", text.encode("utf-8-sig"))
    assert [type(outcome) for outcome in outcomes] == [Canonical]


def test_a_record_of_the_wrong_encoding_costs_itself(tmp_path: Path) -> None:
    records = invented.invented_log(1, reads=5)
    for name, write in (("audit.jsonl", invented.as_lines), ("audit.json", invented.as_array)):
        content = write(records).replace(b"Harbour", b"H").replace(b"Quayside CRM", b"Quays\xffde CRM", 1)
        outcomes = adapt(tmp_path / name, content)
        lost = [outcome for outcome in outcomes if isinstance(outcome, Quarantined)]
        assert len(lost) == 1
        assert "not UTF-8" in lost[0].reason
        assert "Quays\\xffde" in lost[0].record
        assert len({outcome.record_no for outcome in outcomes}) == len(records)


@pytest.mark.parametrize("text", ["[" * 100_000, '{"a":' * 100_000, '{"Operation": NaN}', '{"a": ' + "9" * 5000 + "}"])
def test_json_that_no_log_holds_is_quarantined(tmp_path: Path, text: str) -> None:
    outcomes = adapt(tmp_path / "audit.jsonl", (text + "\n").encode())
    assert [type(outcome) for outcome in outcomes] == [Quarantined]


def test_a_log_cut_short_keeps_what_came_before(tmp_path: Path) -> None:
    records = invented.invented_log(1, reads=20)
    content = invented.as_array(records)
    outcomes = adapt(tmp_path / "audit.json", content[: len(content) // 2])
    assert isinstance(outcomes[-1], Quarantined)
    assert "nothing after this place can be read" in outcomes[-1].reason
    good = [outcome for outcome in outcomes if isinstance(outcome, Quarantined)]
    assert len(good) == 1
    assert outcomes[-1].record_no > len(records) // 4


def test_an_endless_line_is_not_read_into_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("store.ingest.strict.MAX_RECORD_BYTES", 5_000)
    draw = invented.Generator(1)
    good = invented.as_lines([draw.mail_sync(1, "mira.okafor")])
    outcomes = adapt(tmp_path / "audit.jsonl", b'{"Operation": "' + b"x" * 900_000 + b'"}\n' + good)
    assert [type(outcome) for outcome in outcomes] == [Quarantined, Canonical]


def test_a_record_that_says_what_it_is_only_outside_is_quarantined(tmp_path: Path) -> None:
    record = invented.Generator(1).mail_sync(1, "mira.okafor") | {
        "Operation": None,
        "OuterOperation": "MailItemsAccessed",
    }
    outcomes = adapt(tmp_path / "audit.csv", invented.as_csv([record]))
    assert [(type(outcome), outcome.reason) for outcome in outcomes if isinstance(outcome, Quarantined)] == [
        (Quarantined, "it names no Operation")
    ]
    assert isinstance(outcomes[0], Quarantined)
    assert outcomes[0].kind == "access_events"


def test_half_a_character_in_audit_data_costs_at_most_its_record(tmp_path: Path) -> None:
    whole = invented.Generator(1).mail_bind(1, "mira.okafor", None)
    rows = [
        {"Operations": "x", "AuditData": json.dumps(whole | {"ClientInfoString": text})}
        for text in ("\ud800", "\udc80")
    ]
    outcomes = adapt(tmp_path / "audit.jsonl", "".join(f"{json.dumps(row)}\n" for row in rows).encode())
    assert [outcome.record_no for outcome in outcomes] == [1, 2]
    assert [outcome.record.isascii() for outcome in outcomes if isinstance(outcome, Canonical)] == [True, True]
