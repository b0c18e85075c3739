"""Letters and checklists: what they say is what the log says; templates, places and exceptions, and the log's entry."""

import csv
import json
import os
import re
import shutil
import stat
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import pytest

from store import audits
from store.cli.main import main
from store.connection import Store, open_store
from store.ingest.importing import import_paths
from store.instants import parse_point
from store.ledger import actions
from store.letter_fields import FIELDS, MOST_RESOURCES
from store.letter_templates import KINDS, shipped_template
from store.letters import LetterOptions, drafting, file_stem
from store.names import find_partners
from store.parameters import Parameters
from store.step_details import Details
from tests import small_incident
from tests.incident_files import write_file
from tests.store.test_letter_forms import HOSTILE, structure

TODAY = ["--today", small_incident.TODAY]
Run = Callable[..., tuple[int, str, str]]


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The small incident; the first five partners have contacts, the last has none."""
    folder = tmp_path_factory.mktemp("built")
    place = small_incident.build(folder)
    rows: list[dict[str, object]] = [
        {"partner_id": f"p-{number}", "name": name, "contact": f"privacy@{number}.example"}
        for number, name in enumerate(small_incident.NAMES[:5])
    ]
    with open_store(place) as store:
        import_paths(store, [write_file(folder / "partners.csv", "partners", rows)], actor="ana")
    return place


@pytest.fixture
def path(built: Path, tmp_path: Path) -> Path:
    """A copy of it."""
    return Path(shutil.copy(built, tmp_path / "incident.db"))


@pytest.fixture
def run(path: Path, capsys: pytest.CaptureFixture[str]) -> Run:
    """Runs `letter` on the store: its code, what it printed, what it said."""

    def call(*words: str, command: str = "letter") -> tuple[int, str, str]:
        code = main([command, "--db", str(path), *words])
        return code, *capsys.readouterr()

    return call


def log_of(path: Path) -> list[dict[str, object]]:
    with open_store(path) as store:
        return [json.loads(entry.after or "{}") for entry in actions(store) if entry.verb == "export"]


def test_a_letter_says_what_the_log_says(run: Run) -> None:
    code, text, errors = run("--partner", "p-1", *TODAY, "--as", "ana")
    assert (code, errors) == (0, "")
    reads = [small_incident.read(1, number) for number in range(50)]
    times = sorted(str(read["occurred_at"]) for read in reads)
    for said in (
        "- To: Castaway Live (p-1), privacy\\@1.example",
        "- About: Groups API member data",
        f"From {times[0][:10]} to {times[-1][:10]} UTC the log shows 50 restricted reads by these apps",
        "of the data of at least 50 people, from at least 7 resources",
        "- from 2018-04-04, no end on record by 2018-07-01",
        "by 2018-09-18, that it is deleted",
        "The records hold no removal of the access of these apps.",
        "group.member.\\*, since 2018-04-04 (UTC)",
    ):
        assert said in text, said
    for number in range(7):
        mine = [read for read in reads if read["resource_id"] == f"group-{number}"]
        days = sorted(str(read["occurred_at"])[:10] for read in mine)
        assert f"| group-{number} | {len(mine)} | {len(mine)} | {days[0]} | {days[-1]} | group.member.name |" in text
    assert "no evidence" not in text.lower()
    assert "affected" not in text


def test_the_plain_letter_says_the_same(run: Run) -> None:
    _, marked, _ = run("--partner", "p-1", *TODAY)
    _, plain, _ = run("--partner", "p-1", *TODAY, "--format", "txt")
    numbers = [word for word in marked.replace("|", " ").split() if word.isdigit()]
    assert sorted(numbers) == sorted(word for word in plain.split() if word.isdigit())
    assert "**" not in plain
    assert "| " not in plain
    assert "Castaway Live (p-1)\n             privacy@1.example" in plain


def test_the_due_day_is_that_of_the_request_and_says_when_it_has_passed(path: Path, run: Run) -> None:
    with open_store(path) as store:
        at = parse_point("2018-07-01")
        due = parse_point("2018-07-10")
        audits.record_step(
            store, [2], actor="bo", step="deletion_requested", at=at, at_is_date=True, due=due, note="by telephone"
        )
    _, text, _ = run("--partner", "p-1", "--today", "2018-07-10")
    assert "- Answer due: 2018-07-10\n" in text
    _, text, _ = run("--partner", "p-1", "--today", "2018-07-11")
    assert "- Answer due: 2018-07-10, which has passed\n" in text


def test_a_partner_without_a_contact_is_refused_with_how(run: Run, tmp_path: Path) -> None:
    code, out, errors = run("--partner", "p-5")
    assert (code, out, errors.count("\n")) == (2, "", 1)
    assert "GroupPilot has no contact" in errors
    assert "`partners` file" in errors
    assert "--contact TEXT" in errors
    code, out, _ = run("--partner", "p-5", "--contact", "1 Main St, Springfield", *TODAY)
    assert code == 0
    assert "GroupPilot (p-5), 1 Main St, Springfield" in out
    code, _, errors = run("--partner", "p-4", "p-5", "--to", str(tmp_path / "letters"), "--contact", "x")
    assert (code, "--contact is of one partner" in errors) == (2, True)
    # An auditor looks all the same.
    assert run("--partner", "p-5", "--kind", "checklist")[0] == 0


def test_a_folder_takes_a_file_each_and_names_the_exceptions(run: Run, path: Path, tmp_path: Path) -> None:
    folder = tmp_path / "letters"
    partners = [f"p-{number}" for number in range(6)]
    code, out, errors = run("--partner", *partners, "--to", str(folder), *TODAY, "--json", "--as", "ana")
    assert (code, errors) == (0, "")
    document = json.loads(out)
    assert [each["partner_id"] for each in document["letters"]] == partners[:5]
    (left_out,) = document["exceptions"]
    assert (left_out["partner_id"], "no contact" in left_out["reason"]) == ("p-5", True)
    assert sorted(os.listdir(folder)) == [f"p-{number}-deletion.md" for number in range(5)]
    assert {stat.S_IMODE(each.stat().st_mode) for each in (folder, *folder.iterdir())} == {0o700, 0o600}
    (entry,) = log_of(path)
    assert set(entry["letters"]) == set(partners[:5])  # type: ignore[call-overload]
    again = run("--partner", *partners, "--to", str(folder), *TODAY)
    assert again[0] == 2
    assert "exists already; give --force" in again[2]
    assert len(log_of(path)) == 1
    code, out, _ = run("--partner", *partners, "--to", str(folder), *TODAY, "--force")
    assert (code, out.count("left out:")) == (0, 1)
    assert "5 letters in" in out


def test_a_letter_to_a_file_follows_no_link_and_replaces_nothing(run: Run, tmp_path: Path, path: Path) -> None:
    (tmp_path / "precious").write_text("x")
    (tmp_path / "link").symlink_to(tmp_path / "precious")
    for target in ("precious", "link"):
        code, _, errors = run("--partner", "p-1", "--to", str(tmp_path / target))
        assert (code, errors.count("\n")) == (2, 1)
    assert run("--partner", "p-1", "--to", str(tmp_path / "link"), "--force")[0] == 2
    assert run("--partner", "p-1", "--to", str(path), "--force")[0] == 2
    assert run("--partner", "p-1", "--to", f"{path}-wal", "--force")[0] == 2
    assert (tmp_path / "precious").read_text() == "x"
    assert log_of(path) == []
    assert run("--partner", "p-1", "--to", str(tmp_path / "precious"), "--force")[0] == 0
    assert (tmp_path / "precious").read_text().startswith("# Request to delete data")


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("form", ["md", "txt"])
def test_the_shipped_template_is_shown_and_its_fields_are_known(run: Run, kind: str, form: str) -> None:
    code, out, _ = run("--show-template", "--kind", kind, "--format", form)
    assert (code, out) == (0, shipped_template(kind, form))
    _, text, _ = run("--partner", "p-0", "--kind", kind, "--format", form, *TODAY)
    assert "$" not in text


def test_a_template_of_ones_own_goes_before(run: Run, path: Path, tmp_path: Path) -> None:
    own = Path(f"{path}.templates")
    own.mkdir()
    (own / "deletion.md").write_text("ours: $partner costs $$5\n\n\n\n${due}\n")
    assert run("--partner", "p-1", *TODAY)[1] == "ours: Castaway Live costs $5\n\n2018-09-18\n"
    chosen = tmp_path / "chosen"
    chosen.write_bytes(b"\xef\xbb\xbfchosen $partner_id\r\n")
    assert run("--partner", "p-1", "--template", str(chosen))[1] == "chosen p-1\n"
    everything = tmp_path / "all"
    everything.write_text("".join(f"## {name}\n\n${name}\n\n" for name in FIELDS))
    code, text, _ = run("--partner", "p-1", "--template", str(everything), *TODAY)
    assert (code, text.count("\n## ") + 1) == (0, len(FIELDS))


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"Dear $partner,\n\n$nobody\n", "line 3: there is no field $nobody; the fields are $appendices, "),
        (b"${partner} ${amount}", "line 1: there is no field $amount"),
        (b"a\nthat costs 5 $ a month", "line 2: a lone $; write $$"),
        (b"\xff\xfe", "is not valid UTF-8"),
        (b"x" * (1 << 20) + b"x", "larger than 1,048,576 bytes"),
        (None, "No such file"),
    ],
)
def test_a_wrong_template_is_one_line(run: Run, path: Path, tmp_path: Path, content: bytes | None, said: str) -> None:
    template = tmp_path / "template"
    if content is not None:
        template.write_bytes(content)
    words = ["--partner", "p-0", "p-1", "--to", str(tmp_path / "letters"), "--template", str(template)]
    code, out, errors = run(*words)
    assert (code, out, errors.count("\n")) == (2, "", 1)
    assert said in errors
    assert not (tmp_path / "letters").exists()
    assert log_of(path) == []


def test_no_store_device_or_pipe_is_read_as_a_template(run: Run, path: Path, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for template, said in ((path, "the store itself"), (tmp_path / "pipe", "not a file"), (tmp_path, "not a file")):
        code, _, errors = run("--partner", "p-1", "--template", str(template))
        assert (code, said in errors) == (2, True)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "needs --partner"),
        (["--partner", "p-0", "p-1"], "several letters need --to FOLDER"),
        (["--partner", "p-1", "--with-people"], "--with-people needs --to"),
        (["--partner", "nobody"], "no such partner"),
    ],
)
def test_bad_calls_are_one_line(run: Run, words: Sequence[str], said: str) -> None:
    code, out, errors = run(*words)
    assert (code, out, errors.count("\n")) == (2, "", 1)
    assert said in errors


def test_who_never_could_read_or_holds_nothing_is_asked_for_nothing(run: Run, path: Path, tmp_path: Path) -> None:
    with open_store(path) as store:
        rows = [{"partner_id": "p-9", "name": "Bystander", "contact": "x"}]
        import_paths(store, [write_file(tmp_path / "partners-more.csv", "partners", rows)], actor="ana")
        passed(store, 1)
    assert "there is nothing to ask of it" in run("--partner", "p-9")[2]
    assert "not verified as deleted" in run("--partner", "p-0")[2]


def passed(store: Store, partner: int) -> None:
    at = parse_point("2018-07-05")
    audits.record_step(store, [partner], actor="bo", step="audit_passed", at=at, at_is_date=True, note="seen it")


def test_many_resources_and_the_people_go_into_appendices(run: Run, path: Path, tmp_path: Path) -> None:
    more = MOST_RESOURCES + 40
    rows = [small_incident.read(1, number, "more") | {"resource_id": f"=g{number}"} for number in range(more)]
    with open_store(path) as store:
        import_paths(store, [write_file(tmp_path / "access_events-more.jsonl", "access_events", rows)], actor="ana")
    target = tmp_path / "to Castaway.md"
    code, out, _ = run("--partner", "p-1", "--to", str(target), "--with-people", "--json", *TODAY)
    assert code == 0
    (letter,) = json.loads(out)["letters"]
    resources, people = letter["appendices"]
    text = target.read_text()
    for each in (resources, people):
        assert f"SHA-256 {each['sha256']}" in text
    assert text.count("\n| =g") + text.count("\n| \\=g") + text.count("\n| group-") == MOST_RESOURCES
    assert f"and 47 more resources: the appendix lists all {more + 7}." in text
    listed = list(csv.DictReader((tmp_path / resources["file"]).open(newline="")))
    assert len(listed) == resources["rows"] == more + 7
    assert {row["resource_id"] for row in listed} >= {"'=g0", "group-3"}
    named = [row["subject_id"] for row in csv.DictReader((tmp_path / people["file"]).open(newline=""))]
    assert named == sorted({str(row["subject_id"]) for row in rows})
    # Where there is no place for files, all of it stands in the letter, but for the people.
    _, out, _ = run("--partner", "p-1", *TODAY)
    assert out.count("\n| =g") + out.count("\n| \\=g") == more
    assert "person-1-3" not in out


def test_the_checklist_has_the_apps_the_recipients_and_what_speaks_against(run: Run, path: Path) -> None:
    step = ["--partner", "p-0", "--as", "ana", "--at", "2018-07-01", "--step"]
    assert run(*step, "recipient_named", "--recipient", "Acme | Ads", command="step")[0] == 0
    assert run(*step, "recipient_asked", "--recipient", "acme | ads", "--due", "2018-07-02", command="step")[0] == 0
    assert run(*step, "statement", "--people", "7", command="step")[0] == 0
    _, text, _ = run("--partner", "p-0", "--kind", "checklist", *TODAY)
    for said in (
        "| Ribbon Social | a-0 | none | ",
        "| Acme \\| Ads | 2018-07-01 | 2018-07-01 | none | none | 2018-07-02 OVERDUE |",
        "The partner's answer: named.",
        "partner says 7 people",
        "- [ ] Which systems held the data",
        "| System | Looked for |",
    ):
        assert said in text, said
    _, text, _ = run("--partner", "p-0", *TODAY)
    assert "You have named these recipients to us so far:\n\n- Acme \\| Ads" in text
    assert "OVERDUE" not in text


def test_the_checklist_names_the_sample_and_what_was_found(run: Run) -> None:
    code, out, _ = run("--partner", "p-0", "--share", "20%", "--risk", "10%", "--json", "--as", "ana", command="sample")
    assert code == 0
    (seq,) = re.findall(r'"sample": (\d+)', out)[:1]
    _, text, _ = run("--partner", "p-0", "--kind", "checklist", *TODAY)
    assert f"- \\#{seq}, drawn " in text
    assert "found\\:" not in text
    checked = ["--sample", seq, "--checked", "3", "--found", "1"]
    assert run("--partner", "p-0", "--step", "sample_checked", *checked, "--as", "ana", command="step")[0] == 0
    _, text, _ = run("--partner", "p-0", "--kind", "checklist", *TODAY)
    assert f"- \\#{seq}, found: 3 checked, 1 still held" in text


def test_whoever_a_partner_says_it_is_its_letter_has_the_same_form(tmp_path: Path) -> None:
    """Each partner bears one hostile text as its name, contact, apps, resources, classes and recipient."""
    texts = ["word", *dict.fromkeys(each.replace("\0", "").strip() for each in HOSTILE if "\ud800" not in each)]
    texts = [text for text in texts if text]
    ids = [f"q{place}" for place in range(len(texts))]
    tables: dict[str, list[dict[str, object]]] = {
        "partners": [{"partner_id": f"{i}{t}", "name": t, "contact": t} for i, t in zip(ids, texts, strict=True)],
        "apps": [{"app_id": f"{i}{t}", "name": t, "partner_id": f"{i}{t}"} for i, t in zip(ids, texts, strict=True)],
        "removals": [
            {"app_id": f"{i}{t}", "removed_at": "2018-06-01T00:00:00Z"} for i, t in zip(ids, texts, strict=True)
        ],
        "access_events": [
            {
                "occurred_at": "2018-05-01T00:00:00Z",
                "app_id": f"{i}{t}",
                "data_class": f"group.member.x{t}".translate({ord("|"): "", ord("*"): ""}),
                "subject_id": "s",
                "resource_id": t,
            }
            for i, t in zip(ids, texts, strict=True)
        ],
    }
    place = small_incident.build(tmp_path)
    files = [write_file(tmp_path / f"{name}-hostile.jsonl", name, rows) for name, rows in tables.items()]
    with open_store(place) as store:
        import_paths(store, files, actor="ana")
        partners = find_partners(store, [f"{i}{t}" for i, t in zip(ids, texts, strict=True)])
        for partner, text in zip(partners, texts, strict=True):
            recipient = Details(recipient=text)
            audits.record_step(store, [partner], actor=text, step="recipient_named", at=None, details=recipient)
        for kind in KINDS:
            with drafting(store, LetterOptions(kind=kind), Parameters(today=parse_point("2018-07-20"))) as drafts:
                letters = [drafts.draft(partner).text for partner in partners]
            expected = structure(letters[0])
            assert expected.count(("table_open", "table", 1)) >= 3
            for text, letter in zip(texts, letters, strict=True):
                assert structure(letter) == expected, (kind, text)


def test_a_read_only_store_says_that_its_log_does_not_know(
    path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("store.cli.common.open_store", partial(open_store, read_only=True))
    before = path.read_bytes()
    assert main(["letter", "--db", str(path), "--partner", "p-1", *TODAY]) == 0
    out, errors = capsys.readouterr()
    assert "Castaway Live" in out
    assert "this letter is not in its log" in errors
    assert path.read_bytes() == before


def test_names_of_files_are_safe_and_never_shared() -> None:
    ids = [
        "p-1",
        "P-1",
        "p 1",
        "p/1",
        "../../etc/passwd",
        ".hidden",
        "-x",
        "",
        "app:a",
        "é",
        "日本",
        "a" * 300,
        "a" * 301,
    ]
    stems = [file_stem(each) for each in ids]
    assert len({stem.casefold() for stem in stems}) == len(ids)
    for stem in stems:
        assert stem.isascii()
        assert 0 < len(stem) < 100
        assert "/" not in stem
        assert stem[0] not in ".-"
