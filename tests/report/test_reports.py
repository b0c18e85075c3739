"""What the reports say: the same as the questions they are made of, nothing privileged, and how to test them."""

import csv
import hashlib
import io
import json
import random
import re
import shlex
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from store.cli.main import main
from store.connection import Store, open_store
from store.errors import StoreError
from store.figures import figures, figures_document
from store.ingest.imports import imports, void
from store.instants import format_instant, parse_point
from store.ledger import actions
from store.names import find_partner
from store.parameters import Parameters
from store.partners import partner_document, partner_list
from store.report.incident import incident_report
from store.report.partner import partner_report
from store.report.writing import FORMS, export, written
from store.schema import create_store
from tests.report import incident

TODAY = Parameters(today=parse_point(incident.TODAY))
AT = parse_point("2018-08-01T12:00:00Z")
_FORBIDDEN = re.compile(r"\b(affected|abuse\w*|improper|yesterday|today|ago|recently)\b", re.IGNORECASE)


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return incident.build(tmp_path_factory.mktemp("incident"))


@pytest.fixture(scope="module")
def store(path: Path) -> Iterator[Store]:
    with open_store(path) as opened:
        yield opened


def document(store: Store, parameters: Parameters = TODAY, partner_id: str | None = None) -> dict[str, Any]:
    if partner_id is None:
        report = incident_report(store, parameters, made_at=AT, made_by="ana")
    else:
        partner = find_partner(store, partner_id)
        report = partner_report(store, partner, parameters, made_at=AT, made_by="ana")
    found: dict[str, Any] = json.loads(written(report, "json"))
    return found


def tables(content: str) -> dict[str, list[dict[str, str]]]:
    """The tables of a report's CSV, by name: a row is what is in it by column."""
    heads: dict[str, list[str]] = {}
    found: dict[str, list[dict[str, str]]] = {}
    for key, number, *cells in list(csv.reader(io.StringIO(content, newline="")))[1:]:
        if number == "0":
            heads[key], found[key] = cells, []
        else:
            found[key].append({name: cell for name, cell in zip(heads[key], cells, strict=True) if name})
    return found


def test_the_json_says_what_the_questions_say(store: Store) -> None:
    found = document(store)
    asked = json.loads(json.dumps(figures_document(figures(store, TODAY))))
    assert {name: found["figures"][name] for name in asked} == asked
    rows = [partner_document(row) for row in partner_list(store, TODAY) if row.retained or row.status is not None]
    told = [{name: value for name, value in row.items() if name != "first_because"} for row in found["partners"]]
    assert told == json.loads(json.dumps(rows))
    assert found["report"] == "incident"
    assert found["partners"][0]["first_because"].startswith("1 read after removal")


def test_the_csv_has_the_numbers_of_the_json(store: Store) -> None:
    found = document(store)
    told = tables(written(incident_report(store, TODAY, made_at=AT, made_by="ana"), "csv").decode())
    kept, *populations = told["populations"]
    assert (kept["partners"], kept["apps"]) == tuple(
        str(found["figures"]["retained"][name]) for name in ("partners", "apps")
    )
    for row, name in zip(populations, ("accessed", "recent", "after_removal"), strict=True):
        for column in ("partners", "apps", "people", "resources", "events", "records", "events_without_subject"):
            assert row[column] == str(found["figures"][name][column])
    assert [row["partner_id"] for row in told["partners"]] == [row["partner_id"] for row in found["partners"]]
    assert [row["people"] for row in told["partners"]] == [str(row["people"]) for row in found["partners"]]
    assert {row["people_qualifier"] for row in told["partners"]} == {"at least"}
    assert [row["events"] for row in told["verdicts"]][:6] == [
        str(found["figures"]["verdicts"][name])
        for name in ("improper", "undetermined", "allowed_by_opt_in", "allowed_by_exemption", "allowed", "denied")
    ]


def test_the_bars_add_up_to_the_figures(store: Store) -> None:
    draw = random.Random(5)
    days = [parse_point("2018-04-04"), parse_point("2018-07-01")]
    for _ in range(40):
        as_of = draw.choice([*days, draw.randrange(days[0] - 10**12, days[1] + 10**13)])
        parameters = Parameters(as_of=as_of, today=TODAY.today)
        found = document(store, parameters)
        if found["timeline"] is None:
            assert found["figures"]["accessed"]["events"] == 0
            continue
        bins = found["timeline"]["bins"]
        assert sum(each["improper"] for each in bins) == found["figures"]["accessed"]["events"], format_instant(as_of)
        assert bins[0]["from"] == found["figures"]["cutoff"]
        assert bins[-1]["until"] == found["figures"]["as_of"]
        assert all(one["until"] == other["from"] for one, other in pairwise(bins))


def test_the_bars_of_a_partner_add_up_to_its_reads(store: Store) -> None:
    for row in partner_list(store, TODAY):
        found = document(store, TODAY, row.partner_id)
        assert sum(each["improper"] for each in found["timeline"]["bins"]) == row.events
        assert found["held"]["read"]["events"] == row.events
        assert sum(app["events"] for app in found["apps"]) == row.events


def test_a_case_file_has_all_of_the_case(store: Store) -> None:
    found = document(store, TODAY, "p-1")
    steps = ["access_removed", "notified", "deletion_requested", "statement", "recipient_named"]
    assert [step["step"] for step in found["track"]["steps"]] == steps
    evidence = hashlib.sha256(b"we deleted it all").hexdigest()
    assert {step["evidence_sha256"] for step in found["track"]["steps"]} == {evidence, None}
    assert found["statement"]["details"] == {"people": 1}
    assert found["recipients"]["lines"][0]["name"] == "Plumbline | <b>Analytics</b>"
    assert [app["proof"] for app in found["apps"]] == ["failed"]
    assert {each["kind"] for each in found["partner"]["contradictions"]} >= {"read_after_removal", "statement_short"}
    assert len(found["samples"]) == 1
    entries = actions(store, partner=find_partner(store, "p-1"))
    assert [each["seq"] for each in found["actions"]] == [entry.seq for entry in entries]
    assert [each["hash"] for each in found["actions"]] == [entry.hash for entry in entries]
    told = written(partner_report(store, find_partner(store, "p-1"), TODAY, made_at=AT, made_by="ana"), "md").decode()
    assert evidence in told
    assert r"Plumbline \| \<b\>Analytics" in told
    assert "! failed: restricted reads after it" in re.sub(r"\\", "", told)
    assert "they answer by mail" in told


@pytest.mark.parametrize("form", sorted(set(FORMS.values())))
def test_privileged_notes_stay_out_and_are_counted(store: Store, form: str) -> None:
    """The planted word is in privileged notes, and in the reason for taking one back."""
    assert sum(incident.PLANTED in (entry.note or "") for entry in actions(store)) == 3
    reports = [incident_report(store, TODAY, made_at=AT, made_by="ana")]
    for partner_id in ("p-1", "p-2"):
        partner = find_partner(store, partner_id)
        reports.append(partner_report(store, partner, TODAY, made_at=AT, made_by="ana"))
    for report in reports:
        assert incident.PLANTED.encode() not in written(report, form)
    of_both = [document(store, TODAY, partner_id) for partner_id in ("p-1", "p-2")]
    assert [each["notes_withheld"] for each in of_both] == [1, 1]
    assert [sum(entry["withheld"] for entry in each["actions"]) for each in of_both] == [3, 1]
    assert all(entry["note"] is None for each in of_both for entry in each["actions"] if entry["withheld"])
    if form != "json":
        assert b"1 privileged note is withheld." in written(reports[1], form)


def test_the_words_are_those_of_the_domain(store: Store) -> None:
    partner = find_partner(store, "p-1")
    for report in (
        incident_report(store, TODAY, made_at=AT, made_by="ana"),
        partner_report(store, partner, TODAY, made_at=AT, made_by="ana"),
    ):
        for form in ("html", "md"):
            content = written(report, form).decode()
            prose = re.sub(r"<(script|style)>.*?</\1>|--today|\-\-today", "", content, flags=re.S).replace(r"\-", "-")
            assert not _FORBIDDEN.search(prose), _FORBIDDEN.search(prose)
            assert "restricted read" in prose
            assert "≥" in prose


def test_the_proof_names_what_the_report_rests_on(store: Store, path: Path) -> None:
    head = actions(store)[-1]
    for found in (document(store), document(store, TODAY, "p-1")):
        proof = found["proof"]
        assert (proof["log_head"]["seq"], proof["log_head"]["hash"]) == (head.seq, head.hash)
        assert proof["parameters"]["as_of"] == "2018-07-01T00:00:00Z"
        assert proof["parameters"]["cutoff"] == "2018-04-04T00:00:00Z"
        assert proof["parameters"]["today"] == "2018-08-01T00:00:00Z"
        assert proof["parameters"]["window_days"] == 30
        assert proof["parameters"]["differ_from_the_rulebook"] == []
        assert proof["rulebook"]["sha256"] == hashlib.sha256(proof["rulebook"]["toml"].encode()).hexdigest()
        for entry in proof["imports"]:
            assert entry["sha256"] == hashlib.sha256(Path(entry["path"]).read_bytes()).hexdigest()
        assert len(proof["imports"]) == 8
    changed = document(
        store, Parameters(as_of=parse_point("2018-06-01"), window_days=7, cutoff=parse_point("2018-05-01"))
    )
    assert changed["proof"]["parameters"]["differ_from_the_rulebook"] == ["as_of", "window_days", "cutoff"]


def test_the_commands_of_the_proof_say_the_same(
    path: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    copy = tmp_path / path.name
    with open_store(path) as store:
        found = document(store, Parameters(as_of=parse_point("2018-06-25"), cutoff=parse_point("2018-04-05"), today=AT))
    assert main(["backup", "--db", str(path), "--to", str(copy), "--as", "ana"]) == 0
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LOGNAME", "ana")
    outputs = []
    for command in found["proof"]["verify"]["commands"]:
        python, flag, program, *words = shlex.split(command)
        assert (python, flag, program) == ("python", "-m", "store")
        capsys.readouterr()
        assert main(words) == 0, command
        outputs.append(capsys.readouterr().out)
    told = json.loads(outputs[4])
    assert told == {name: found["figures"][name] for name in told}
    entries = json.loads(outputs[1])["actions"]
    head = found["proof"]["log_head"]
    assert [entry["hash"] for entry in entries if entry["seq"] == head["seq"]] == [head["hash"]]
    again = json.loads((tmp_path / "again.json").read_text())
    assert again["figures"] == found["figures"]
    assert again["partners"] == found["partners"]
    assert again["timeline"]["bins"] == found["timeline"]["bins"]


def test_a_store_without_rules_and_events_has_a_report(tmp_path: Path) -> None:
    empty = tmp_path / "empty.db"
    create_store(empty, name="", actor="ana", at=AT)
    with open_store(empty) as store:
        for form in sorted(set(FORMS.values())):
            done = export(store, tmp_path / f"report.{form}", Parameters(), actor="ana")
            assert done.seq is not None
        found = document(store)
    assert found["timeline"] is None
    assert found["partners"] == []
    assert "The rulebook has no rules" in (tmp_path / "report.html").read_text("utf-8")


def test_a_what_if_says_that_it_is_one(store: Store) -> None:
    parameters = Parameters(cutoff=parse_point("2018-05-01"), today=TODAY.today)
    told = written(incident_report(store, parameters, made_at=AT, made_by="ana"), "html").decode()
    assert "not the rulebook&#x27;s own: cutoff" in told
    assert "The bars are judged under the rulebook&#x27;s own rules" in told


def test_a_partner_of_whom_every_import_was_voided_has_its_record(tmp_path: Path) -> None:
    built = incident.build(tmp_path)
    with open_store(built) as store:
        for entry in imports(store):
            void(store, entry.import_id, actor="ana", note="all of it wrong")
        found = document(store, TODAY, "p-1")
        assert found["partner"]["events"] == 0
        assert len(found["track"]["steps"]) == 5
        assert found["partner"]["name"] == "p-1"
        whole = document(store)
        assert {entry["voided_at"] is None for entry in whole["proof"]["imports"]} == {False}
        nobody = find_known(store, "p-4")
        with pytest.raises(StoreError):
            partner_report(store, nobody, TODAY, made_at=AT, made_by="ana")


def find_known(store: Store, partner_id: str) -> int:
    with store.reading() as connection:
        (partner,) = connection.execute("SELECT id FROM partners WHERE partner_id = ?", (partner_id,)).fetchone()
    return int(partner)
