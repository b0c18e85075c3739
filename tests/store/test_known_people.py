"""People whom the store knows by ids that are no mail addresses: replaced wherever they stand, and nothing twice."""

import json
import random
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path

import pytest

from store.cli.main import main
from store.connection import Store
from store.errors import UsageError
from store.ingest import event_writer, formats, loader
from store.ingest.importing import import_paths
from store.ingest.quarantine import quarantined
from store.pseudonyms import MOST_WORDS, People, pieces, sections
from tests import incidents
from tests.store.ingest_store import ACTOR, counts, event, new_store, take, write_events
from tests.store.test_pseudonyms import KEY, PEOPLE, assert_nobody_is_named, assert_same_answers, take_twice

MEMBERS = ("zqmember00026", "zq-member_00027", "ZQ.00028", "Zora Quint", "CORP\\zquint", "urn:li:person:zq29")
RULES = '[[rules]]\nid = "r"\ndata_classes = ["group.*"]\nfrom = 2018-01-01\nbasis = "b"\n'
APART = "0f8fad5b-d9cb-469f-a165-70867728950e"


def write(folder: Path, name: str, rows: Sequence[Mapping[str, object]]) -> Path:
    folder.mkdir(exist_ok=True)
    path = folder / f"{name}.jsonl"
    path.write_text("".join(json.dumps({key: value for key, value in row.items() if value}) + "\n" for row in rows))
    return path


def members(folder: Path, names: Sequence[str] = MEMBERS, name: str = "subjects") -> Path:
    return write(folder, name, [{"subject_id": each} for each in names])


def through_the_database(monkeypatch: pytest.MonkeyPatch, *, large: bool) -> None:
    monkeypatch.setattr(formats, "MOST_BYTES", 0 if large else 1 << 18)
    monkeypatch.setattr(loader, "MOST_EVENTS", 0 if large else 4_000)


def records_that_name(name: str, number: int) -> Iterator[tuple[str, dict[str, object]]]:
    """Records that name somebody in each column that may, beside another person or none."""
    at = f"2019-05-01T10:00:{number:02}Z"
    for own in ("", "somebody-else"):
        yield "access_events", event(occurred_at=at, subject_id=own, endpoint=f"/v1/feed?who={name}")
        yield "access_events", event(occurred_at=at, subject_id=own, endpoint=f"export/{name}.json", ip=f"of {name}")
        yield "access_events", event(occurred_at=at, subject_id=own, event_id=f"read-{name}-by-{own or 'nobody'}")
        yield "access_events", event(occurred_at=at, subject_id=own, resource_id=f"mailbox_{name}", records=own and "2")
        yield (
            "access_events",
            event(
                occurred_at=at,
                subject_id=own,
                resource_id=f"box/{name}",
                endpoint=f"/of?who={name}",
                event_id=f"{name}-{own}",
                records="many",
            ),
        )
    yield "access_events", event(occurred_at=at, subject_id=name, event_id=f"own-{name}", endpoint=f"/m/{name}/feed")
    yield "steps", {"partner_id": "p", "step": "notified", "at": at, "note": f"told {name}, and they agreed."}
    yield "steps", {"partner_id": "p", "step": "notified", "at": f"of {name}", "note": f"({name})"}
    yield (
        "exemptions",
        {"app_id": "app-1", "data_class": "group.x", "exempt_from": at, "reason": f"asked by '{name}'"},
    )
    yield "removals", {"app_id": f"app-{number}", "removed_at": at, "reason": f"{name}: a complaint"}
    yield "grants", {"app_id": "app-1", "scope": "groups", "granted_at": at, "granted_by": name}
    yield "opt_ins", {"subject_id": name, "opted_in_at": at, "resource_id": f"g-{name}"}


@pytest.mark.parametrize("large", [False, True])
def test_known_ids_are_in_no_byte_and_every_figure_is_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, large: bool
) -> None:
    through_the_database(monkeypatch, large=large)
    kinds: dict[str, list[dict[str, object]]] = {}
    for number, name in enumerate(MEMBERS):
        for kind, row in records_that_name(name, number):
            kinds.setdefault(kind, []).append(row)
    files = tmp_path / "files"
    paths = [members(files), *(write(files, kind, rows) for kind, rows in kinds.items())]
    (plain, entries), (keyed, keyed_entries) = take_twice(tmp_path, RULES, paths)
    with plain, keyed:
        assert_same_answers(plain, keyed, [incidents.Question(1_600_000_000_000_000, 60, None)])
        assert [each[5:12] for each in keyed_entries] == [each[5:12] for each in entries]
        assert sum(entry.quarantined for entry in entries) == 3 * len(MEMBERS)
        assert_nobody_is_named(tmp_path / "keyed", MEMBERS)
        said = {json.loads(row.record).get("endpoint") for row in quarantined(keyed)}
        assert f"/of?who={PEOPLE.person(MEMBERS[0])}" in said
        for store in (plain, keyed):
            with store.reading() as connection:
                assert connection.execute("SELECT count(*) FROM imported_steps").fetchone() == (len(MEMBERS),)
                found = connection.execute(
                    "SELECT count(DISTINCT endpoint), count(DISTINCT resource) FROM access_events"
                )
                assert found.fetchone() == (3 * len(MEMBERS), len(MEMBERS))
    assert_nobody_is_named(tmp_path / "keyed", MEMBERS)
    with pytest.raises(AssertionError):
        assert_nobody_is_named(tmp_path / "plain", MEMBERS)


def test_a_files_name_names_nobody_known(tmp_path: Path) -> None:
    with new_store(tmp_path) as store:
        import_paths(store, [members(tmp_path / "files")], actor=ACTOR, people=PEOPLE)
        path = write(tmp_path / "files", f"access_events-{MEMBERS[0]}", [event(), {**event(), MEMBERS[0]: "x"}])
        entry = take(store, path, people=PEOPLE)
    assert entry.file == f"access_events-{PEOPLE.person(MEMBERS[0])}.jsonl"
    assert MEMBERS[0].encode() not in (tmp_path / "incident.db").read_bytes()


class Chance:
    """A log of few people who are named in many places, cut into files that overlap."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.people = [f"{name}{seed}" for name in ("zq1-", "ZQ2.", "zq_3", "zq4", "zq 5", "zq6@x.org", "zq7", "zq8")]

    def some(self) -> str:
        return self.random.choice(self.people)

    def events(self) -> list[dict[str, object]]:
        rows = []
        for number in range(40):
            few = self.random.sample(self.people, self.random.choice((1, 2, 6, 8)))
            rows.append(
                event(
                    occurred_at=f"2019-05-01T10:{number % 60:02}:00Z",
                    subject_id=self.random.choice((*self.people[:6], "", "")),
                    endpoint=self.random.choice(("", "/feed", f"/m/{few[0]}", f"/batch?ids={','.join(few)}")),
                    resource_id=self.random.choice(("", few[0], f"box_{few[-1]}", f"all/{'/'.join(few)}")),
                    event_id=self.random.choice(("", f"{few[0]}:{number}", str(uuid.UUID(int=number)))),
                    ip=self.random.choice(("", "10.0.0.1", f"host-{few[0]}")),
                )
            )
        return rows

    def notes(self) -> list[dict[str, object]]:
        return [
            {
                "partner_id": "p",
                "step": "notified",
                "at": f"2019-05-{day + 1:02}T00:00:00Z",
                "note": f"told {' and '.join(self.random.sample(self.people, self.random.choice((1, 6))))}.",
            }
            for day in range(12)
        ]

    def files(self, folder: Path) -> list[Path]:
        found: list[Path] = []
        for kind, rows in (("access_events", self.events()), ("steps", self.notes())):
            for part in range(4):
                first = self.random.randrange(len(rows) // 2)
                chosen = rows[first : first + len(rows) // 2]
                self.random.shuffle(chosen)
                found.append(write(folder, f"{kind}-{part}", chosen))
        found += [members(folder, [each], f"subjects-{place}") for place, each in enumerate(self.people)]
        self.random.shuffle(found)
        return found


class StoppedError(Exception):
    """The import was stopped."""


def stop(*_: object) -> None:
    raise StoppedError


@pytest.mark.parametrize("seed", range(6))
def test_no_order_no_overlap_and_no_kill_adds_anything_twice(
    tmp_path: Path, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A store with people by name, given the same files in the same order, is the oracle."""
    chance = Chance(seed)
    paths = chance.files(tmp_path / "files")
    again = [chance.random.choice(paths) for _ in range(4)]
    stopped = {path for path in paths if path.name.startswith("access_events") and chance.random.random() < 0.4}
    with ExitStack() as stack:
        stores: list[tuple[Store, People | None]] = []
        for name, people in (("plain", None), ("keyed", PEOPLE)):
            (tmp_path / name).mkdir()
            stores.append((stack.enter_context(new_store(tmp_path / name)), people))
        waiting: list[Path] = []
        for path in (*paths, *again):
            if path in stopped:
                # What it wrote stays; it is taken up again when more people are known.
                stopped.remove(path)
                waiting.append(path)
                for store, people in stores:
                    with monkeypatch.context() as patch:
                        patch.setattr(event_writer.EventWriter, "close", stop)
                        with pytest.raises(StoppedError):
                            take(store, path, people=people)
                continue
            through_the_database(monkeypatch, large=chance.random.random() < 0.15)
            plain, keyed = (counts(take(store, path, people=people)) for store, people in stores)
            assert plain == keyed, path.name
        for path in waiting:
            plain, keyed = (counts(take(store, path, people=people)) for store, people in stores)
            assert plain == keyed, path.name
        tallies = []
        for store, _ in stores:
            with store.reading() as connection:
                tallies.append(
                    [
                        connection.execute(question).fetchall()
                        for question in (
                            "SELECT count(*), count(DISTINCT resource), count(DISTINCT event_id) FROM access_events",
                            "SELECT count(*) FROM live_access_events",
                            "SELECT count(*) FROM imported_steps",
                            "SELECT count(*) FROM subjects",
                        )
                    ]
                )
        assert tallies[0] == tallies[1]
        assert min(count for ((count, *_),) in tallies[0]) > 6


@pytest.mark.parametrize("seed", range(2))
def test_both_stages_keep_the_same(tmp_path: Path, seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    chance = Chance(seed)
    paths = chance.files(tmp_path / "files")
    kept = []
    for large in (False, True):
        through_the_database(monkeypatch, large=large)
        with new_store(tmp_path, f"{large}.db") as store:
            for path in paths:
                take(store, path, people=PEOPLE)
            with store.reading() as connection:
                rows = connection.execute(
                    "SELECT e.event_key, e.record_no, v.* FROM access_events e JOIN access_events_readable v"
                    " ON v.import_id = e.content_id AND v.record_no = e.record_no ORDER BY 1"
                ).fetchall()
            kept.append((rows, [row[3:7] for row in quarantined(store)]))
    assert kept[0] == kept[1]
    assert len(kept[0][0]) > 20


@pytest.mark.parametrize("large", [False, True])
def test_events_without_a_person_get_their_keys_from_the_ids_that_are_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, large: bool
) -> None:
    through_the_database(monkeypatch, large=large)
    rows = [event(event_id="e-1"), event(event_id=APART)]
    with new_store(tmp_path) as store:
        assert take(store, write_events(tmp_path / "access_events-1.csv", rows), people=PEOPLE).accepted == 2
        through_the_database(monkeypatch, large=not large)
        assert take(store, write_events(tmp_path / "access_events-2.csv", rows[::-1]), people=PEOPLE).duplicates == 2
        with store.reading() as connection:
            kept = {name for (name,) in connection.execute("SELECT event_id FROM access_events")}
    assert kept == {PEOPLE.event_id("e-1"), APART}


def test_an_event_id_tells_of_nobody() -> None:
    assert PEOPLE.event_id(APART) == PEOPLE.event_id(APART, "m-1") == APART
    hidden = {
        PEOPLE.event_id(APART, APART.upper()),
        PEOPLE.event_id("m-1"),
        PEOPLE.event_id("M-1"),
        PEOPLE.event_id("7"),
    }
    assert len(hidden) == 4
    assert all(name.startswith("event-") and len(name) == 26 for name in hidden)
    assert PEOPLE.event_id("m-1") == PEOPLE.event_id("m-1", "m-2") != People(KEY + b"x").event_id("m-1")


def test_a_piece_of_a_text_is_every_run_of_words() -> None:
    found = {piece.folded for _, section in sections("/a?who%3DZq%20b-1,{x}.") for piece in pieces(section)}
    assert found >= {"/a?who=Zq b-1,{x}.", "Zq", "Zq b", "Zq b-1", "b-1", "1", "a", "x", "b-1,{x"}
    words = [f"w{number}" for number in range(40)]
    longest = max((piece.folded for piece in pieces(" ".join(words)) if piece.start), key=len)
    assert len(longest.split()) == MOST_WORDS


def test_a_store_begun_before_event_ids_were_hidden_keeps_them_as_it_did(tmp_path: Path) -> None:
    rows = [event(subject_id="m-1", event_id="m-1/7"), event(event_id="of m-1")]
    with new_store(tmp_path) as store:
        take(store, write_events(tmp_path / "access_events-1.csv", rows), people=PEOPLE.with_plain_ids())
        entry = take(store, write_events(tmp_path / "access_events-2.csv", rows[::-1]), people=PEOPLE)
        assert counts(entry) == (2, 0, 2, 0, 0)
        with store.reading() as connection:
            kept = {name for (name,) in connection.execute("SELECT event_id FROM access_events")}
        assert kept == {f"{PEOPLE.person('m-1')}/7", "of m-1"}
        with pytest.raises(UsageError, match="not the one"):
            import_paths(store, [tmp_path / "access_events-1.csv"], actor=ACTOR, people=People(KEY + b"x"))


@pytest.mark.parametrize(
    ("kind", "row"),
    [
        ("steps", {"partner_id": "p", "step": "notified", "at": "2019-05-01T00:00:00Z", "note": "of zqann@x.org"}),
        ("removals", {"app_id": "a", "removed_at": "2019-05-01T00:00:00Z", "reason": "of zqann@x.org"}),
        (
            "exemptions",
            {"app_id": "a", "data_class": "x.*", "exempt_from": "2019-05-01T00:00:00Z", "reason": "of zqann@x.org"},
        ),
    ],
)
def test_what_somebody_wrote_is_imported_under_the_key_too(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], kind: str, row: dict[str, object]
) -> None:
    path = write(tmp_path / "files", kind, [row])
    key = tmp_path / "people.key"
    key.write_bytes(KEY)
    key.chmod(0o600)
    with new_store(tmp_path, "plain.db") as plain:
        assert take(plain, path).accepted == 1
        with pytest.raises(UsageError, match="under their own ids"):
            import_paths(plain, [members(tmp_path / "files")], actor=ACTOR, people=PEOPLE)
    with new_store(tmp_path, "keyed.db") as keyed:
        import_paths(keyed, [members(tmp_path / "files")], actor=ACTOR, people=PEOPLE)
    capsys.readouterr()
    status = main(["import", "--db", str(tmp_path / "keyed.db"), str(path)])
    said = capsys.readouterr()
    assert (status, said.out, said.err.count("\n")) == (2, "", 1)
    assert "--pseudonymise KEYFILE" in said.err
    assert main(["import", "--db", str(tmp_path / "keyed.db"), str(path), "--pseudonymise", str(key)]) == 0
    assert b"zqann" not in (tmp_path / "keyed.db").read_bytes()


def test_a_scope_is_never_taken_for_a_person(tmp_path: Path) -> None:
    """Somebody may choose an id so that no rule fits any more."""
    rows = [{"app_id": "a", "scope": "groups", "granted_at": "2019-05-01T00:00:00Z"}]
    with new_store(tmp_path) as store:
        import_paths(store, [members(tmp_path / "files", ["groups"])], actor=ACTOR, people=PEOPLE)
        take(store, write(tmp_path / "files", "grants", rows), people=PEOPLE)
        with store.reading() as connection:
            assert connection.execute("SELECT scope FROM grants").fetchall() == [("groups",)]
