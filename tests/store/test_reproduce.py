"""A disclosure comes out equal whatever happened after it, and what was changed since is named."""

import json
import random
import shutil
import sqlite3
from collections import Counter
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from store import audits, cases
from store.connection import Store, open_store
from store.disclosure import disclose, disclosure
from store.errors import RefusedError, UnusableFileError, UsageError
from store.ingest.importing import import_paths
from store.ingest.imports import imports, void
from store.ingest.quarantine import quarantined, resolve
from store.instants import parse_point
from store.parameters import Parameters
from store.reproduce import _OF_THE_RECORD, Reproduction, reproduce
from store.rulebook import load_rules
from store.tables import REGISTRY_TABLES
from store.verify import verify
from store.verify.catalogue import CHECKS
from tests import small_incident
from tests.differential import ACTOR, build
from tests.faults.first_schema import as_first_schema
from tests.faults.random_work import Diary
from tests.faults.tamperings import forging, rehash
from tests.incident_files import Row, write_file
from tests.incidents import draw
from tests.store.test_histories import a_step, overlapping

HISTORIES = 5
TODAY = parse_point("2019-11-05")
_AT = parse_point("2018-07-03")


def frozen(store: Store, name: str = "to the press") -> int:
    return disclose(store, Parameters(today=TODAY), actor=ACTOR, name=name).disclosure_id


def told(found: Reproduction) -> list[str]:
    return [*(f"{each.path}: {each.then} / {each.again}" for each in found.differences), *found.findings]


def test_evidence_may_come_go_and_come_back(tmp_path: Path) -> None:
    done: Counter[str] = Counter()
    for seed in range(HISTORIES):
        chance = random.Random(seed)
        draft = overlapping(draw(8000 + seed), chance)
        folder = tmp_path / str(seed) / "files"
        draft.write(folder)
        rules = [draft.rules_toml, draw(8100 + seed).rules_toml]
        with build(tmp_path / str(seed), draft.rules_toml, []) as store:
            for _ in range(chance.randint(2, 7)):
                done[a_step(store, folder, rules, chance)] += 1
            number = frozen(store)
            for step in range(6):
                done[a_step(store, folder, rules, chance)] += 1
                if step % 3 == 2:
                    assert told(reproduce(store, number)) == [], f"history {seed}, step {step}"
    assert min(done[what] for what in ("file", "files", "folder", "void", "rules")) >= 2, done


def test_work_may_go_on(tmp_path: Path) -> None:
    for seed in range(2):
        folder = tmp_path / str(seed)
        folder.mkdir()
        with open_store(small_incident.build(folder)) as store:
            diary = Diary(store, folder, random.Random(seed))
            diary.go_on(25)
            number = frozen(store)
            for what in ("flag", "clear", "step", "import", "undo", "rules", "reopen", "void"):
                while not diary.do(what):
                    diary.go_on(1)
            assert told(reproduce(store, number)) == [], seed
            diary.go_on(20)
            assert told(reproduce(store, number)) == [], seed


def event(number: int, at: str = "2018-05-01T10:00:00Z", app: str = "a-1") -> Row:
    return {
        "occurred_at": at,
        "app_id": app,
        "data_class": ["group.member.name"],
        "subject_id": f"late-{number}",
        "event_id": f"late-{number}",
    }


def late_events(store: Store, folder: Path) -> None:
    rows = [event(number, f"2018-04-{5 + number:02}T10:00:00Z") for number in range(9)]
    import_paths(store, [write_file(folder / "access_events-late.csv", "access_events", rows)], actor="bo")


def new_names(store: Store, folder: Path) -> None:
    row: Row = {"app_id": "a-1", "name": "Renamed", "partner_id": "p-0"}
    import_paths(store, [write_file(folder / "apps-new.csv", "apps", [row])], actor="bo")


def exemptions(store: Store, folder: Path) -> None:
    row: Row = {"app_id": "a-2", "data_class": "group.member.*", "exempt_from": "2017-01-01T00:00:00Z"}
    import_paths(store, [write_file(folder / "exemptions.csv", "exemptions", [row])], actor="bo")


def removals(store: Store, folder: Path) -> None:
    row: Row = {"app_id": "a-3", "removed_at": "2018-05-02T00:00:00Z"}
    import_paths(store, [write_file(folder / "removals.csv", "removals", [row])], actor="bo")


def coverage(store: Store, folder: Path) -> None:
    row: Row = {
        "source": "gateway",
        "covered_from": "2018-04-04T00:00:00Z",
        "covered_until": "2018-06-01T00:00:00Z",
    }
    import_paths(store, [write_file(folder / "coverage.csv", "coverage", [row])], actor="bo")


def imported_steps(store: Store, folder: Path) -> None:
    row: Row = {"partner_id": "p-0", "step": "access_removed", "at": "2018-06-01"}
    import_paths(store, [write_file(folder / "steps.csv", "steps", [row])], actor="bo")


def void_events(store: Store, folder: Path) -> None:
    void(store, 4, actor="bo", note="the wrong file")


def void_grants(store: Store, folder: Path) -> None:
    void(store, 3, actor="bo", note="the wrong file")


def same_events_again(store: Store, folder: Path) -> None:
    """Their first file is voided, so that they count through the second one alone."""
    rows = [small_incident.read(place, number) for place in range(3) for number in range(40)]
    file = folder / "access_events-same.jsonl"
    file.write_text("".join(f"{json.dumps(row)}\n" for row in rows), "utf-8")
    import_paths(store, [file], actor="bo")
    void_events(store, folder)


def other_rules(store: Store, folder: Path) -> None:
    text = Path(f"{store.path}.rules").read_text("utf-8")
    text = text.replace("2018-04-04", "2018-05-04").replace(
        "window_days = 30", "window_days = 9\naware_at = 2018-05-01"
    )
    load_rules(store, text, source="other.toml", actor="bo")


def settle(store: Store, folder: Path) -> None:
    waiting = [each.quarantine_id for each in quarantined(store) if each.resolved_at is None]
    resolve(store, waiting[0], actor="bo", note="a header line")


def casework(store: Store, folder: Path) -> None:
    cases.reopen(store, [2], actor="bo", note="again")
    cases.undo(store, actor="ana")
    cases.flag(store, [4, 5], actor="bo")
    cases.clear(store, [4], actor="bo", grounds="other", note="because", override=True)
    audits.record_step(store, [3], actor="bo", step="access_removed", at=_AT, note="x")
    audits.record_step(store, [], actor="bo", step="authority_told", at=_AT, note="x")


def take_step_back(store: Store, folder: Path) -> None:
    cases.undo(store, actor="cy")


def bring_step_back(store: Store, folder: Path) -> None:
    take_step_back(store, folder)
    cases.redo(store, actor="cy")


def restore(store: Store, folder: Path) -> None:
    """The file that was voided before the disclosure comes back."""
    import_paths(store, [folder / "access_events-voided.csv"], actor="bo")


def void_and_restore(store: Store, folder: Path) -> None:
    void_events(store, folder)
    import_paths(store, [folder / "incident.db.files" / "access_events.jsonl"], actor="bo")


LATER = (
    *(late_events, new_names, exemptions, removals, coverage, imported_steps, void_events, void_grants),
    *(same_events_again, other_rules, settle, casework, take_step_back, bring_step_back, restore, void_and_restore),
)


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store with a voided import, a settled and an open quarantined record, cases and steps; frozen."""
    folder = tmp_path_factory.mktemp("base")
    path = small_incident.build(folder)
    with open_store(path) as store:
        with store.reading() as connection:
            (rules,) = connection.execute("SELECT toml FROM rulebooks").fetchone()
        Path(f"{path}.rules").write_text(rules, "utf-8")
        voided = write_file(folder / "access_events-voided.csv", "access_events", [event(90), event(91)])
        bad: list[Row] = [event(92), event(93, "not a time"), event(94, "nor this")]
        odd = write_file(folder / "access_events-odd.csv", "access_events", bad)
        import_paths(store, [voided, odd], actor="ana")
        void(store, imports(store)[-2].import_id, actor="ana", note="wrong")
        resolve(store, quarantined(store)[0].quarantine_id, actor="ana", note="a header line")
        cases.flag(store, [1], actor="ana")
        cases.clear(store, [2], actor="ana", grounds="enforced", note="x", override=True)
        cases.assign(store, [5], actor="ana", assignee="bo")
        audits.record_step(store, [1], actor="cy", step="access_removed", at=_AT, note="x")
        frozen(store)
    return path


@pytest.fixture
def copied(base: Path, tmp_path: Path) -> Path:
    shutil.copytree(base.parent, tmp_path / "copy")
    return tmp_path / "copy" / base.name


@pytest.mark.parametrize("later", LATER, ids=lambda later: str(later.__name__))
def test_what_came_later_is_taken_back(copied: Path, later: Callable[[Store, Path], None]) -> None:
    with open_store(copied) as store:
        later(store, copied.parent)
        found = reproduce(store, 1)
        assert told(found) == []
        assert found.equal
        # It was no idle change: the same question has another answer now.
        document = disclosure(store, 1).document
        again = disclosure(store, disclose(store, Parameters(today=TODAY), actor=ACTOR, name="2").disclosure_id)
        kept = [each for each in document if each not in ("disclosure_id", "name", "at", "log")]
        assert any(document[each] != again.document[each] for each in kept) or later is bring_step_back


def test_a_call_that_was_killed_between_its_files_changes_nothing(copied: Path) -> None:
    with open_store(copied) as store:
        late_events(store, copied.parent)
        with store.writing() as connection:
            connection.execute("INSERT OR REPLACE INTO derived_state(name, value) VALUES ('stale', '7')")
        assert told(reproduce(store, 1)) == []
        with pytest.raises(RefusedError, match="files are being imported"):
            frozen(store)


def test_nothing_is_left_and_nothing_is_changed(copied: Path) -> None:
    names, before = sorted(copied.parent.iterdir()), copied.read_bytes()
    with open_store(copied, read_only=True) as store:
        assert reproduce(store, 1).equal
        with pytest.raises(UsageError, match="no disclosure 9"):
            reproduce(store, 9)
    assert sorted(copied.parent.iterdir()) == names
    assert copied.read_bytes() == before


def test_where_there_is_no_room_it_says_so(copied: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    free = shutil.disk_usage(copied)._replace(free=1 << 20)
    monkeypatch.setattr("store.known_then.shutil.disk_usage", lambda _: free)
    with open_store(copied) as store, pytest.raises(UnusableFileError, match=r"no room beside .* 1 MB are free"):
        reproduce(store, 1)
    assert not [each for each in copied.parent.iterdir() if each.name.startswith(".")]


def test_what_a_killed_process_left_is_cleared(copied: Path) -> None:
    left = copied.with_name(f".{copied.name}.999999999.abcdef12.then")
    left.mkdir()
    (left / "half").write_text("x")
    with open_store(copied) as store:
        assert reproduce(store, 1).equal
    assert not left.exists()


def test_the_checks_of_the_record_are_all_there() -> None:
    assert {check.name for check in CHECKS} >= _OF_THE_RECORD


def test_a_store_of_the_first_schema_is_known_then_too(tmp_path: Path) -> None:
    today = small_incident.build(tmp_path, "today.db")
    with open_store(today) as store:
        Diary(store, tmp_path, random.Random(2), first_schema=True).go_on(30)
    as_first_schema(today, tmp_path / "old.db")
    (tmp_path / "today.db.evidence").rename(tmp_path / "old.db.evidence")
    with open_store(tmp_path / "old.db") as store:
        number = frozen(store)
        diary = Diary(store, tmp_path, random.Random(3))
        diary.go_on(15)
        assert told(reproduce(store, number)) == []


def tampered(path: Path, *statements: str) -> Reproduction:
    with forging(path) as database:
        for statement in statements:
            assert database.execute(statement).rowcount > 0, statement
        database.commit()
    with open_store(path) as store:
        return reproduce(store, 1)


ONE_EVENT = "WHERE content_id = 4 AND record_no = 7"
TAMPERINGS = {
    # Whether or not a figure is another one for it, the import is named, and where it can be the record.
    f"UPDATE access_events SET bytes = 7 {ONE_EVENT}": ("import 4", "record 7"),
    f"UPDATE access_events SET records = -1 {ONE_EVENT}": ("import 4", "record 7"),
    f"UPDATE access_events SET endpoint = NULL, resource = 3 {ONE_EVENT}": ("import 4", "record 7"),
    f"UPDATE access_events SET occurred_at = occurred_at + 1 {ONE_EVENT}": ("import 4", "record 7"),
    f"UPDATE access_events SET content_id = 6 {ONE_EVENT}": ("import 4",),
    f"DELETE FROM access_events {ONE_EVENT}": ("import 4",),
    "INSERT INTO access_events SELECT app, 9, 9, field_set, subject, resource, endpoint, records, bytes, ip, outcome,"
    f" event_id, content_id, 999 FROM access_events {ONE_EVENT}": ("import 4",),
    "UPDATE subjects SET subject_id = 'x' WHERE id = 3": ("import 4", "dictionary subjects"),
    "UPDATE grants SET granted_by = 'x' WHERE version_id = 2": ("import 3", "record 2"),
    "UPDATE partner_versions SET country = 'x' WHERE version_id = 2": ("import 1", "record 2"),
    "UPDATE quarantine SET record = 'x'": ("import 6", "quarantine"),
    "UPDATE imports SET sha256 = 'x' WHERE import_id = 4": ("import 4",),
    "UPDATE imports SET kind = 'opt_ins' WHERE import_id = 4": ("import 4",),
    "UPDATE imports SET voided_at = NULL WHERE voided_at IS NOT NULL": ("import 5",),
    "UPDATE rulebooks SET toml = toml || ' '": ("rulebook 1",),
    "UPDATE cases SET status = 'open', grounds = NULL WHERE partner = 2": ("case of p-1",),
    "DELETE FROM audit_steps": ("step 1",),
    "UPDATE incident SET uuid = 'x'": ("the incident",),
    "UPDATE disclosures SET sha256 = 'x'": ("disclosure 1",),
    "UPDATE disclosures SET document = replace(document, '\"partners\":6', '\"partners\":5')": ("disclosure 1",),
    "UPDATE actions SET note = 'x' WHERE seq = 3": ("entry #3",),
    "DELETE FROM actions WHERE seq = 3": ("entry #3",),
}


@pytest.mark.parametrize("statement", TAMPERINGS, ids=lambda statement: statement[:60])
def test_what_was_changed_is_named(copied: Path, statement: str) -> None:
    with closing(sqlite3.connect(copied)) as plain:
        ids = dict(plain.execute("SELECT import_id, file FROM imports").fetchall())
    assert ids[4] == "access_events.jsonl"
    found = tampered(copied, statement)
    assert not found.equal
    lines = "\n".join(told(found))
    for name in TAMPERINGS[statement]:
        assert name in lines, lines


def test_a_log_that_was_chained_anew_is_not_the_one_it_was_frozen_on(copied: Path) -> None:
    """What `verify` cannot see without a checkpoint: a disclosure is one."""
    with forging(copied) as database:
        database.execute("UPDATE actions SET note = 'another' WHERE verb = 'resolve_quarantine'")
        database.execute("UPDATE quarantine SET resolution = 'another' WHERE resolution IS NOT NULL")
        rehash(database)
        database.commit()
    with open_store(copied) as store:
        assert verify(store).ok
        found = reproduce(store, 1)
    assert not found.equal
    assert [line for line in found.findings if "is not the one that it was frozen on" in line] == [*found.findings]


def test_a_changed_figure_is_told_with_both_numbers(copied: Path) -> None:
    found = tampered(copied, f"DELETE FROM access_events {ONE_EVENT}")
    reads = {each.path: (each.then, each.again) for each in found.differences}
    then, again = reads["figures.accessed.events"]
    assert isinstance(then, int)
    assert again == then - 1


def test_packed_copies_that_lie_are_not_believed(copied: Path) -> None:
    """The figures are counted from the rows; a derived table that says otherwise is the business of `verify`."""
    found = tampered(
        copied,
        "DELETE FROM segment_columns WHERE content_id = 4",
        "DELETE FROM segments WHERE content_id = 4",
        "UPDATE derived_state SET value = 'x' WHERE name = 'registry'",
        "UPDATE partner_figures SET events = 7",
    )
    assert told(found) == []


def test_what_was_changed_in_a_later_import_leaves_the_disclosure_alone(copied: Path) -> None:
    with open_store(copied) as store:
        late_events(store, copied.parent)
    found = tampered(copied, "UPDATE access_events SET bytes = 7 WHERE content_id = 7 AND record_no = 1")
    assert found.differences == ()
    assert found.findings == ()


def test_every_table_of_the_registry_is_held_against_its_seal(copied: Path) -> None:
    with open_store(copied) as store:
        for later in (new_names, exemptions, removals, coverage, imported_steps):
            later(store, copied.parent)
        frozen(store)
    tables = ("app_versions", "exemptions", "removals", "coverage", "imported_steps")
    assert {*tables} < {*REGISTRY_TABLES.values()}
    for table in tables:
        path = copied.with_name(f"{table}.db")
        shutil.copyfile(copied, path)
        with forging(path) as database:
            database.execute(f"UPDATE {table} SET identity_key = identity_key + 1 WHERE version_id = 1")
            database.commit()
        with open_store(path) as store:
            assert not reproduce(store, 2).equal, table
