"""Freezing: what a disclosure keeps, that anybody can check it, and when it is refused."""

import json
import os
import re
import shlex
import stat
import subprocess
import threading
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from store import case_changes, cases
from store.case_changes import Deed
from store.cli.main import main
from store.connection import Store, open_store
from store.disclosure import Disclosure, disclose, disclosure, disclosures, export_disclosure
from store.errors import RefusedError, StoreError, UnusableFileError, UsageError
from store.figures import figures, figures_document
from store.ingest.importing import import_paths
from store.ingest.imports import void
from store.instants import format_instant, parse_point
from store.ledger import actions
from store.parameters import Parameters
from store.partners import partner_list
from store.rulebook import current_rulebook, load_rules
from store.what_if import Variation
from tests import small_incident
from tests.incident_files import Row, write_file

TODAY = parse_point(small_incident.TODAY)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    store = open_store(small_incident.build(tmp_path))
    cases.flag(store, [1], actor="ana")
    void(store, 1, actor="ana", note="wrong names")
    return store


def frozen(store: Store, name: str = "to the press") -> Disclosure:
    return disclose(store, Parameters(today=TODAY), actor="ana", name=name, note="a note")


def test_it_keeps_what_the_figures_rest_on(store: Store) -> None:
    entries = actions(store)
    found = frozen(store)
    document = found.document
    asked = Parameters(today=TODAY)
    assert document["figures"] == json.loads(json.dumps(figures_document(figures(store, asked))))
    rows = partner_list(store, asked)
    assert document["populations"] == {
        "retained": sorted(row.partner_id for row in rows if row.retained),
        "accessed": sorted(row.partner_id for row in rows if row.events),
        "recent": sorted(row.partner_id for row in rows if row.recent),
        "after_removal": sorted(row.partner_id for row in rows if row.after_removal),
    }
    assert len(document["populations"]["accessed"]) == 6
    rulebook = current_rulebook(store)
    assert document["rulebook"] == {
        "rulebook_id": 1,
        "source": "rules.toml",
        "sha256": rulebook.sha256,
        "toml": rulebook.toml,
    }
    told = [json.loads(entry.after or "") for entry in entries if entry.verb == "import"]
    assert [(each["import_id"], each["sha256"], each["evidence"], each["voided"]) for each in document["imports"]] == [
        (each["import_id"], each["sha256"], each["evidence"], each["import_id"] == 1) for each in told
    ]
    assert document["log"] == {"seq": entries[-1].seq, "hash": entries[-1].hash}
    assert document["parameters"]["as_of"] == "2018-07-01T00:00:00Z"
    assert (document["by"], document["note"], document["tool"]["schema"]) == ("ana", "a note", 3)
    (entry,) = actions(store, from_seq=found.seq)
    after = json.loads(entry.after or "")
    assert (entry.verb, entry.actor, entry.note) == ("disclose", "ana", "a note")
    assert (after["name"], after["sha256"], after["head"]) == ("to the press", found.sha256, document["log"])
    assert disclosure(store, 1) == found
    (row,) = disclosures(store)
    assert (row.name, row.seq, row.sha256, row.kept_access, row.read, row.people) == (
        *("to the press", found.seq, found.sha256, 6, 6, 210),
    )


def test_coverage_is_kept_source_by_source(store: Store, tmp_path: Path) -> None:
    assert frozen(store).document["coverage"] == []
    covered: Row = {"source": "gw", "covered_from": "2018-01-01T00:00:00Z", "covered_until": "2018-05-01T00:00:00Z"}
    import_paths(store, [write_file(tmp_path / "coverage.csv", "coverage", [covered])], actor="ana")
    expected = [{"source": "gw", "intervals": [["2018-04-04T00:00:00Z", "2018-05-01T00:00:00Z"]]}]
    assert frozen(store).document["coverage"] == expected


def test_nothing_in_it_moves(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    text = current_rulebook(store).toml.replace("as_of = 2018-07-01\n", "")
    load_rules(store, text, source="moving.toml", actor="ana")
    at = parse_point("2018-09-09T09:09:09.000009Z")
    monkeypatch.setattr("store.parameters.now", lambda: at)
    found = disclose(store, Parameters(), actor="ana", name="x")
    asked = found.document["parameters"]
    assert (asked["as_of"], asked["today"]) == (format_instant(at), format_instant(at))
    assert (asked["window_days"], asked["cutoff"], asked["what_if_cutoff"]) == (30, "2018-04-04T00:00:00Z", None)


def test_what_was_asked_is_kept(store: Store) -> None:
    asked = Parameters(
        as_of=parse_point("2018-06-01"),
        window_days=7,
        cutoff=parse_point("2018-05-01"),
        today=TODAY,
        variation=Variation(without_apps=frozenset(("a-1",))),
    )
    document = disclose(store, asked, actor="ana", name="x").document
    assert document["figures"] == json.loads(json.dumps(figures_document(figures(store, asked))))
    assert document["populations"]["accessed"] == [f"p-{place}" for place in (0, 2, 3, 4, 5)]
    told = document["parameters"]
    assert (told["what_if_cutoff"], told["window_days"]) == ("2018-05-01T00:00:00Z", 7)
    assert told["variation"] == {"without": [], "accepting": [], "without_apps": ["a-1"]}


def test_anybody_can_check_a_file_with_the_recipe_in_it(store: Store, tmp_path: Path) -> None:
    found = frozen(store, name='näme "quoted" \u202e 😀')
    to = tmp_path / "disclosure.json"
    export_disclosure(store, found, to, actor="bo")
    exported = json.loads(to.read_text("ascii"))
    (script,) = re.findall(r"python3 -c '(.*?)' FILE", exported["disclosure"]["recipe"])
    command = [*shlex.split(f"python3 -c '{script}'"), str(to)]

    def answer() -> str:
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()

    assert answer() == "True"
    exported["disclosure"]["figures"]["accessed"]["people"] += 1
    to.write_text(json.dumps(exported), "ascii")
    assert answer() == "False"
    after = json.loads(actions(store)[-1].after or "")
    assert (actions(store)[-1].verb, after["what"], after["sha256"]) == ("export", "disclosure", found.sha256)


def test_files_are_private_and_replace_nothing(store: Store, tmp_path: Path) -> None:
    found = frozen(store)
    to = tmp_path / "disclosure.json"
    export_disclosure(store, found, to, actor="bo")
    assert stat.S_IMODE(to.stat().st_mode) == 0o600
    content = to.read_bytes()
    link = tmp_path / "link.json"
    link.symlink_to(to)
    for where, force in (
        (to, False),
        (link, True),
        (tmp_path, True),
        (store.path, True),
        (tmp_path / "no" / "x", False),
    ):
        with pytest.raises(UnusableFileError):
            export_disclosure(store, found, where, actor="bo", force=force)
    assert to.read_bytes() == content
    to.write_text("x")
    export_disclosure(store, found, to, actor="bo", force=True)
    assert to.read_bytes() == content
    assert [entry.verb for entry in actions(store, from_seq=found.seq)] == ["disclose", "export", "export"]


def test_while_an_import_is_unfinished_nothing_is_frozen(store: Store) -> None:
    with store.writing() as connection:
        columns = "content_id, file, path, sha256, size, format, options, started_at, started_by"
        connection.execute(
            f"INSERT INTO imports({columns}, state) VALUES (9, 'half.csv', '/x', 'x', 1, 'canonical', '{{}}', 1, 'ana',"
            " 'loading')"
        )
    with pytest.raises(RefusedError, match=r"import 5 \(half.csv\) is unfinished.*nothing was frozen"):
        frozen(store)
    with store.writing() as connection:
        connection.execute("DELETE FROM imports WHERE state = 'loading'")
        connection.execute("INSERT OR REPLACE INTO derived_state(name, value) VALUES ('stale', '4')")
    with pytest.raises(RefusedError, match="files are being imported"):
        frozen(store)
    assert disclosures(store) == []


def test_an_import_that_ends_while_figures_are_counted_is_counted(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The figures and the head of the log are of one moment, whoever writes in between."""
    from store import disclosure as freezing

    late: Row = {
        "occurred_at": "2018-06-20T10:00:00Z",
        "app_id": "late",
        "data_class": ["group.member.name"],
        "subject_id": "s",
    }
    file = write_file(tmp_path / "access_events-late.csv", "access_events", [late])
    real = case_changes.deciding

    def after_an_import(its: Store, actor: str) -> AbstractContextManager[Deed]:
        import_paths(store, [file], actor="bo")
        return real(its, actor)

    monkeypatch.setattr(freezing, "deciding", after_an_import)
    found = frozen(store)
    assert found.document["figures"]["accessed"]["partners"] == 7
    assert found.head_seq == found.seq - 1


def test_two_people_who_freeze_at_once_get_two(store: Store) -> None:
    ready = threading.Barrier(2)
    done: list[Disclosure] = []

    def freeze(who: str) -> None:
        with open_store(store.path) as mine:
            ready.wait()
            done.append(disclose(mine, Parameters(today=TODAY), actor=who, name="the same name"))

    people = [threading.Thread(target=freeze, args=(who,)) for who in ("ana", "bo")]
    for person in people:
        person.start()
    for person in people:
        person.join()
    assert sorted(each.disclosure_id for each in done) == [1, 2]
    assert {each.by for each in done} == {"ana", "bo"}
    for each in done:
        assert each.head_seq == each.seq - 1
        assert disclosure(store, each.disclosure_id) == each


def test_what_is_refused(store: Store) -> None:
    for name in ("", "  ", "x" * 201):
        with pytest.raises(UsageError, match="name of 1 to 200"):
            frozen(store, name=name)
    for name in ("a\nb", "a\0b", "a\u2028b"):
        with pytest.raises(UsageError, match="name of the disclosure is to be one line"):
            frozen(store, name=name)
    with pytest.raises(StoreError):
        disclose(store, Parameters(), actor="system", name="x")
    with open_store(store.path, read_only=True) as reader, pytest.raises(UnusableFileError, match="reading only"):
        frozen(reader)
    with pytest.raises(UsageError, match="no disclosure 1"):
        disclosure(store, 1)
    assert disclosures(store) == []


def said(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
    code = main(words)
    out, error = capsys.readouterr()
    return code, out, error


def test_the_commands(store: Store, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    db = ["--db", str(store.path)]
    to = tmp_path / "d.json"
    code, out, _ = said(
        capsys, "disclose", *db, "--name", "one", "--as", "ana", "--today", "2018-07-20", "--to", str(to)
    )
    assert code == 0
    assert "ana: froze disclosure 1" in out
    assert "6 partners kept access" in out
    code, out, _ = said(capsys, "disclosures", *db, "--json")
    assert [each["name"] for each in json.loads(out)["disclosures"]] == ["one"]
    code, out, _ = said(capsys, "disclosures", *db, "--show", "1", "--json")
    assert json.loads(out) == json.loads(to.read_text())
    code, out, _ = said(capsys, "reproduce", *db, "--disclosure", "1", "--json")
    assert (code, json.loads(out)["equal"], json.loads(out)["differences"]) == (0, True, [])
    code, out, _ = said(
        capsys, "claim", *db, "--sentence", "five", "--that", "accessed.partners <= 5", "--as", "ana", "--json"
    )
    assert (code, json.loads(out)["claim"]["outcome"]) == (0, "broken")
    code, out, _ = said(capsys, "claims", *db)
    assert code == 1
    assert "1 claim, 1 broken" in out
    assert said(capsys, "claim", *db, "--withdraw", "1", "--note", "corrected", "--as", "ana")[0] == 0
    assert said(capsys, "claims", *db, "--all")[0] == 0
    with open_store(store.path) as again:
        assert again.path == store.path
    os.chmod(store.path, 0o600)


def test_a_file_kept_elsewhere_is_held_against_the_store(
    store: Store, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    one, two = frozen(store), frozen(store, name="another")
    mine, other, changed, nothing = (tmp_path / f"{name}.json" for name in ("mine", "other", "changed", "nothing"))
    export_disclosure(store, one, mine, actor="ana")
    export_disclosure(store, two, other, actor="ana")
    changed.write_text(mine.read_text().replace('"people": 210', '"people": 21'), "ascii")
    nothing.write_text('{"sha256": "x"}', "ascii")

    def answer(file: Path) -> tuple[int, str, str]:
        return said(capsys, "reproduce", "--db", str(store.path), "--disclosure", "1", "--file", str(file))

    assert answer(mine)[0] == 0
    code, out, _ = answer(other)
    assert (code, "is not disclosure 1 of this store" in out) == (1, True)
    code, out, _ = answer(changed)
    assert (code, "whose digest stands beside it" in out) == (1, True)
    for file in (nothing, tmp_path / "gone.json", tmp_path, store.path):
        code, out, error = answer(file)
        assert (code, out, error.count("\n")) == (2, "", 1)


@pytest.mark.parametrize(
    "words",
    [
        ["disclose", "--name", " "],
        ["disclose", "--name", "x", "--force"],
        ["disclose", "--name", "x", "--to", "no/such/folder/x.json"],
        ["disclosures", "--to", "x.json"],
        ["disclosures", "--show", "7"],
        ["diff", "--disclosure", "7"],
        ["diff", "--disclosure", "0"],
        ["reproduce", "--disclosure", "7"],
        ["claim", "--sentence", "x"],
        ["claim", "--that", "accessed.people == 1"],
        ["claim", "--sentence", "x", "--that", "nonsense"],
        ["claim", "--withdraw", "1"],
        ["claim", "--withdraw", "1", "--note", "x", "--as-of", "2019-01-01"],
        ["claim"],
    ],
    ids=" ".join,
)
def test_a_bad_call_is_one_line(store: Store, words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    head = len(actions(store))
    code, out, error = said(capsys, words[0], "--db", str(store.path), *words[1:])
    assert (code, out, error.count("\n")) == (2, "", 1)
    assert len(actions(store)) == head
