"""People as pseudonyms: nobody's id in any byte, every figure unchanged, and never two keys in one store."""

import json
import os
import random
import sqlite3
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from urllib.parse import quote

import pytest

from fixtures import m365_ual as invented
from store.cli.main import main
from store.connection import Store, open_store
from store.errors import UsageError
from store.events import events
from store.figures import figures, figures_document
from store.ids import fold_id
from store.ingest import formats
from store.ingest.importing import import_paths
from store.ingest.imports import ImportEntry
from store.ledger import actions
from store.parameters import Parameters
from store.partners import partner_list
from store.people import people
from store.pseudonyms import People, without_values
from store.rulebook import load_rules
from store.schema import create_store
from store.timeline import timeline
from tests import incidents
from tests.store.ingest_store import ACTOR, event, new_store, only_quarantined, take, write_events

KEY = bytes(range(100, 140))
PEOPLE = People(KEY)
TODAY = 1_560_000_000_000_000


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("ann@x.org", "{ann}"),
        ("/users/ann@x.org/messages", "/users/{ann}/messages"),
        ("/users('ann@x.org')/messages", "/users('{ann}')/messages"),
        ("i:0#.f|membership|ann@x.org", "i:0#.f|membership|{ann}"),
        ("told <ann@x.org>, then ann@x.org.", "told <{ann}>, then {ann}."),
        ("https://h/personal/ann_x_org/Documents/a.docx", "https://h/personal/{site}/Documents/a.docx"),
        ("/v1/m-17/feed?of=m-17", "/v1/{own}/feed?of={own}"),
        ("/v1/m-170/am-17", "/v1/m-170/am-17"),
        ("/groups/1/members", "/groups/1/members"),
        ("GET /users/me/export", "GET /users/me/export"),
    ],
)
def test_who_is_named_in_a_text(text: str, expected: str) -> None:
    ann, site = PEOPLE.person("ann@x.org"), PEOPLE.site("ann_x_org")
    assert PEOPLE.in_text(text, "m-17") == expected.format(ann=ann, site=site, own=PEOPLE.person("m-17"))


@pytest.mark.parametrize("spelled", ["Ann@X.org", "ann%40x.org", "ANN%2540X.ORG", "%41nn@x.org"])
def test_another_spelling_is_the_same_person_and_still_another_text(spelled: str) -> None:
    kept = PEOPLE.in_text(f"/users/{spelled}/m")
    assert kept.startswith(f"/users/{PEOPLE.person('ann@x.org')}.")
    assert spelled.lower() not in kept.lower()


def test_a_person_is_one_whatever_the_case_and_another_under_another_key() -> None:
    assert PEOPLE.person("ann@x.org") == People(KEY).person("ann@x.org") != People(KEY + b"x").person("ann@x.org")
    assert PEOPLE.person("ann@x.org").endswith(PEOPLE.person("/personal/ann_x_org").removeprefix("/personal/site-"))
    assert PEOPLE.fingerprint != People(KEY + b"x").fingerprint


def test_long_texts_take_no_more_than_linear_time() -> None:
    """Quadratic time would be minutes here."""
    for piece in ("a", "@", "a@", "%40", "a.", "%2F", "/users/1", "/personal/", "'", "%", "m-17", "a'"):
        PEOPLE.in_text(piece * (200_000 // len(piece)), "m-17")
        without_values(piece * (200_000 // len(piece)))


def people_of(draft: incidents.Draft, chance: random.Random) -> list[str]:
    """Give the draft's people ids worth hiding, and let resources, endpoints and event ids name them too."""
    names = {"s1": "member-70011", "s2": "member-70022", "S1": "/personal/ann_example_org"}
    plain = [names.get(subject, subject) for subject in incidents.SUBJECTS]
    resources = {
        "r1": "member-70011",
        "r2": "https://h/personal/ann_example_org/Doc of bo%40example.org",
        "R1": "groups/7",
    }
    endpoints: dict[tuple[object, ...], str] = {}
    for kind, rows in draft.files.values():
        for row in rows:
            if "subject_id" in row:
                given = str(row["subject_id"])
                row["subject_id"] = names.get(given, given)
            if row.get("resource_id"):
                row["resource_id"] = resources[str(row["resource_id"])]
            if kind == "grants":
                row["granted_by"] = chance.choice(("", *plain))
            if kind in ("exemptions", "removals"):
                row["reason"] = "asked by Bo@example.org"
            if row.get("endpoint") and row.get("subject_id") and kind == "access_events":
                # The same record is spelled in several ways: what it says must not differ by that.
                own = fold_id(str(row["subject_id"]))
                row["endpoint"] = endpoints.setdefault(
                    (own,), f"{row['endpoint']}/{own}/bo@example.org?as={quote(own)}"
                )
    return plain


def take_twice(
    folder: Path, rules_toml: str, paths: Sequence[Path], **options: str
) -> tuple[tuple[Store, list[ImportEntry]], tuple[Store, list[ImportEntry]]]:
    """The same files into two stores: as they are, and with people as pseudonyms."""
    found = []
    for name, keyed in (("plain", None), ("keyed", PEOPLE)):
        (folder / name).mkdir()
        path = folder / name / "incident.db"
        create_store(path, name="Twice", actor=ACTOR, at=0)
        store = open_store(path)
        load_rules(store, rules_toml, source="rules.toml", actor=ACTOR)
        entries = [
            entry
            for each in paths
            for entry in import_paths(store, [each], actor=ACTOR, people=keyed, **options).imports
        ]
        found.append((store, entries))
    return found[0], found[1]


def assert_nobody_is_named(folder: Path, ids: Sequence[str]) -> int:
    """No id, in any of several spellings, in any byte beside the store; how many bytes were searched."""
    kept = b"".join(path.read_bytes() for path in folder.rglob("*") if path.is_file())
    lowered = kept.lower()
    for name in ids:
        for form in {name, name.removeprefix("/personal/"), quote(name), quote(name, safe=""), json.dumps(name)[1:-1]}:
            assert form.lower().encode() not in lowered, form
            assert form.encode("utf-16-le") not in kept, form
    return len(kept)


def assert_same_answers(plain: Store, keyed: Store, questions: Sequence[incidents.Question]) -> Counter[str]:
    met: Counter[str] = Counter()
    for question in questions:
        asked = Parameters(question.as_of, question.window, question.cutoff, TODAY)
        assert figures_document(figures(keyed, asked)) == figures_document(figures(plain, asked))
        # An app's name may hold an address too; the list's own text to search in holds these names.
        rows = {row.partner_id: row._replace(search="") for row in partner_list(plain, asked)}
        for name, row in rows.items():
            if not row.claimed and row.name != name:
                rows[name] = row._replace(name=PEOPLE.in_text(row.name))
        assert {row.partner_id: row._replace(search="") for row in partner_list(keyed, asked)} == rows
        named = people(plain, asked)
        expected = sorted((PEOPLE.person(fold_id(row.subject_id)), *row[1:]) for row in named)
        assert sorted(tuple(row) for row in people(keyed, asked)) == expected
        met["people"] += len(named)
    facts = [
        Counter(
            (
                row.occurred_at,
                row.app_id,
                row.verdict,
                row.rule,
                row.records,
                row.outcome,
                row.record_no,
                row.after_removal,
            )
            for row in events(store, limit=10**6)
        )
        for store in (plain, keyed)
    ]
    assert facts[0] == facts[1]
    met["events"] += facts[0].total()
    return met


@pytest.mark.parametrize("seed", range(8))
def test_every_figure_is_what_it_is_with_people_by_name(
    tmp_path: Path, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    if seed % 2:
        monkeypatch.setattr(formats, "MOST_BYTES", 0)
        monkeypatch.setattr("store.ingest.loader.MOST_EVENTS", 0)
    draft = incidents.draw(seed)
    plain_ids = people_of(draft, random.Random(seed))
    # Ids that are no mail addresses are recognised within a resource once the store knows them as people's.
    known = tmp_path / "subjects.jsonl"
    known.write_text("".join(json.dumps({"subject_id": name}) + "\n" for name in plain_ids), "utf-8")
    paths = [known, *draft.write(tmp_path / "files")]
    (plain, entries), (keyed, keyed_entries) = take_twice(tmp_path, draft.rules_toml, paths)
    with plain, keyed:
        met = assert_same_answers(plain, keyed, draft.questions)
        assert [each[5:12] for each in entries] == [each[5:12] for each in keyed_entries]
        assert {each.pseudonymised for each in keyed_entries} == {True}
        for bins in (1, 7):
            spans = [
                timeline(store, None, from_at=incidents.FIRST, until_at=incidents.LAST, bins=bins)
                for store in (plain, keyed)
            ]
            assert spans[0].bins == spans[1].bins
            assert spans[0].gaps == spans[1].gaps
    assert assert_nobody_is_named(tmp_path / "keyed", plain_ids) > 100_000
    with pytest.raises(AssertionError):
        assert_nobody_is_named(tmp_path / "plain", plain_ids)
    assert met["events"] > 3


@pytest.mark.parametrize("seed", range(2))
def test_a_unified_audit_log_gives_the_same(tmp_path: Path, seed: int) -> None:
    log = invented.invented_log(seed, reads=40)
    damaged = invented.Generator(9).mail_sync(1, "mira.okafor")
    log.append({**damaged, "CreationTime": f"of {invented.upn('mira.okafor')}"})
    path = tmp_path / "log.csv"
    path.write_bytes(invented.as_csv(log) + b'"x",' + invented.upn("ruth.haas").encode() + b'"')
    rules = '[[rules]]\nid = "r"\ndata_classes = ["mail.*", "file.*"]\nfrom = 2021-01-01\nbasis = "b"\n'
    (plain, entries), (keyed, keyed_entries) = take_twice(tmp_path, rules, [path], format="m365-ual")
    with plain, keyed:
        met = assert_same_answers(plain, keyed, [incidents.Question(TODAY * 11 // 10, 30, None)])
        assert entries[0][5:12] == keyed_entries[0][5:12]
        assert entries[0].quarantined >= 2
        overlap = figures_document(figures(plain, Parameters(as_of=TODAY * 11 // 10)))["accessed"]
        with plain.reading() as connection:
            (subjects,) = connection.execute("SELECT count(DISTINCT subject) FROM access_events").fetchone()
    # The aliases matter: somebody bears two ids in this log.
    assert isinstance(overlap, dict)
    assert overlap["people"] < subjects
    ids = [
        form
        for person in invented.PEOPLE
        for form in (invented.upn(person), invented.upn(person).replace("@", "_").replace(".", "_"))
    ]
    assert_nobody_is_named(tmp_path / "keyed", ids)
    assert met["people"] > 2


def test_a_resource_is_kept_in_one_way_though_people_become_known_later(tmp_path: Path) -> None:
    files = {
        "access_events-1.csv": [event(resource_id="box/m-1"), event(resource_id="box/m-2", subject_id="m-2")],
        "access_events-2.csv": [
            event(resource_id="box/m-1", subject_id="m-1", records="1"),
            event(resource_id="box/m-2", records="1"),
            event(resource_id="m-1", records="2"),
        ],
    }
    paths = [write_events(tmp_path / name, rows) for name, rows in files.items()]
    (plain, _), (keyed, _) = take_twice(tmp_path, "", paths)
    with plain, keyed:
        counts = []
        for store in (plain, keyed):
            with store.reading() as connection:
                counts.append(connection.execute("SELECT count(DISTINCT resource) FROM access_events").fetchone())
                kept = {text for (text,) in connection.execute("SELECT resource_id FROM resources")}
    assert counts == [(3,), (3,)]
    assert kept == {"box/m-1", f"box/{PEOPLE.person('m-2')}", PEOPLE.person("m-1")}


@pytest.mark.parametrize(
    "own",
    ["Ann Lee", "CN=Ann Lee,OU=x", "CORP\\ann", '"ann lee"@x.org', "ann@[10.1.2.3]", "urn:li:person:ann", "ann/lee"],
)
def test_a_resource_that_is_somebodys_id_as_a_whole_is_replaced(tmp_path: Path, own: str) -> None:
    subjects = tmp_path / "subjects.jsonl"
    subjects.write_text(json.dumps({"subject_id": own}) + "\n", "utf-8")
    log = tmp_path / "access_events.jsonl"
    log.write_text(json.dumps(event(resource_id=own)) + "\n", "utf-8")
    with new_store(tmp_path) as store:
        import_paths(store, [subjects, log], actor=ACTOR, people=PEOPLE)
        with store.reading() as connection:
            assert connection.execute("SELECT resource_id FROM resources").fetchall() == [
                (PEOPLE.person(fold_id(own)),)
            ]


def test_what_cannot_be_parsed_is_withheld(tmp_path: Path) -> None:
    path = tmp_path / "access_events.csv"
    path.write_text("occurred_at,app_id,data_class\nAnn Lee,ann@x.org\n", "utf-8")
    with new_store(tmp_path) as store:
        take(store, path, people=PEOPLE)
        record = only_quarantined(store)
    assert record.record == "(withheld: 17 characters, imported with pseudonyms)"
    assert record.reason == "2 fields where the header has 3"


def test_what_is_parsed_and_refused_is_kept_without_people(tmp_path: Path) -> None:
    row = event(subject_id="Ann@x.org", resource_id="ann@x.org", endpoint="/m/ann@x.org", records="of Ann Lee")
    with new_store(tmp_path) as store:
        take(store, write_events(tmp_path / "access_events.csv", [row]), people=PEOPLE)
        record = only_quarantined(store)
    kept = json.loads(record.record)
    ann = PEOPLE.person("ann@x.org")
    assert (kept["subject_id"], kept["resource_id"], kept["endpoint"]) == (ann, ann, f"/m/{ann}")
    assert kept["records"] == "(withheld: 10 characters, imported with pseudonyms)"
    assert record.reason == "records: not a whole number from 0: (withheld)"


def test_people_and_pseudonyms_never_meet_in_one_store(tmp_path: Path) -> None:
    events_file = write_events(tmp_path / "access_events.csv", [event(subject_id="m-1")])
    partners_file = tmp_path / "partners.csv"
    partners_file.write_text("partner_id,name,contact\np,P,desk@partner.example\n", "utf-8")
    with new_store(tmp_path, "plain.db") as plain:
        take(plain, events_file)
        before = (tmp_path / "plain.db").read_bytes()
        with pytest.raises(UsageError, match="under their own ids"):
            import_paths(plain, [partners_file, events_file], actor=ACTOR, people=PEOPLE)
        assert (tmp_path / "plain.db").read_bytes() == before
    with new_store(tmp_path, "keyed.db") as keyed:
        take(keyed, partners_file)
        take(keyed, events_file, people=PEOPLE)
        entries = actions(keyed)
        with pytest.raises(UsageError, match="as pseudonyms"):
            import_paths(keyed, [partners_file, events_file], actor=ACTOR)
        with pytest.raises(UsageError, match="not the one"):
            import_paths(keyed, [events_file], actor=ACTOR, people=People(KEY + b"x"))
        assert actions(keyed) == entries
        take(keyed, partners_file)
        assert take(keyed, events_file, people=PEOPLE).duplicates == 1
        with keyed.reading() as connection:
            assert connection.execute("SELECT pseudonym_key FROM incident").fetchone() == (PEOPLE.fingerprint,)
            assert connection.execute("SELECT contact FROM partner_versions").fetchone() == ("desk@partner.example",)
    told = [(entry.verb, json.loads(entry.after or "{}").get("pseudonym_key")) for entry in entries]
    assert ("pseudonymise", PEOPLE.fingerprint) in told


def _call(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, str, str]:
    status = main([str(each) for each in arguments])
    captured = capsys.readouterr()
    return status, captured.out, captured.err


def _key_file(path: Path, data: bytes = KEY, mode: int = 0o600) -> Path:
    path.write_bytes(data)
    path.chmod(mode)
    return path


def test_the_command_takes_a_key_and_says_no_name(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    files = tmp_path / "files"
    files.mkdir()
    write_events(files / "access_events.csv", [event(subject_id="Ann@x.org"), event(records="Ann@x.org")])
    store = tmp_path / "store" / "a.db"
    store.parent.mkdir()
    (tmp_path / "link").symlink_to(_key_file(tmp_path / "people.key"))
    _call(capsys, "init", "--db", store)
    status, out, err = _call(capsys, "import", "--db", store, files, "--pseudonymise", tmp_path / "link", "--json")
    (entry,) = json.loads(out)["imports"]
    assert (status, entry["pseudonymised"], entry["redacted"], entry["quarantined"]) == (0, True, 0, 1)
    listed = _call(capsys, "imports", "--db", store)[1]
    assert "pseudonyms" in listed
    everything = out + err + listed + _call(capsys, "log", "--db", store, "--json")[1]
    everything += _call(capsys, "quarantine", "--db", store, "--json")[1]
    assert "ann@x" not in everything.lower()
    assert_nobody_is_named(store.parent, ["Ann@x.org"])
    status, out, _ = _call(capsys, "verify", "--db", store)
    assert status == 0, out


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda path: None, "No such file"),
        (lambda path: path.mkdir(), "not a file"),
        (lambda path: _key_file(path, b""), "has 0 bytes"),
        (lambda path: _key_file(path, KEY[:31]), "at least 32"),
        (lambda path: _key_file(path, bytes(64)), "not random"),
        (lambda path: _key_file(path, KEY, 0o640), "chmod 600"),
        (lambda path: _key_file(path, KEY, 0o604), "chmod 600"),
        (lambda path: os.mkfifo(path, 0o600), "not a file"),
    ],
)
def test_a_bad_key_is_refused_in_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], make: object, said: str
) -> None:
    assert callable(make)
    make(tmp_path / "people.key")
    path = write_events(tmp_path / "access_events.csv", [event(subject_id="m-1")])
    _call(capsys, "init", "--db", tmp_path / "a.db")
    status, out, err = _call(
        capsys, "import", "--db", tmp_path / "a.db", path, "--pseudonymise", tmp_path / "people.key"
    )
    assert (status, out, err.count("\n")) == (2, "", 1)
    assert said in err
    with sqlite3.connect(tmp_path / "a.db") as connection:
        assert connection.execute("SELECT count(*) FROM imports").fetchone() == (0,)


def test_the_content_is_another_under_a_key(tmp_path: Path) -> None:
    path = tmp_path / "partners.csv"
    path.write_text("partner_id,name\np,P\n", "utf-8")
    with new_store(tmp_path) as store:
        first = take(store, path)
        second = take(store, path, people=PEOPLE)
        assert first.content_id != second.content_id
        assert (second.accepted, second.duplicates) == (0, 1)
        told: Mapping[str, object] = json.loads(actions(store)[-1].after or "{}")
        assert told["pseudonymised"] is True
