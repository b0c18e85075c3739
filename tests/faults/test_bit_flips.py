"""One bit, or one page, of the file is another: whatever row of evidence that hits, `verify` names its import."""

import random
import re
import sqlite3
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import closing
from pathlib import Path

import pytest

from store.connection import open_store
from store.ingest.importing import import_paths
from store.ingest.imports import void
from store.tables import DERIVED_TABLES, REGISTRY_TABLES
from store.verify import Report, verify
from store.verify.catalogue import CHECKS
from tests import small_incident
from tests.promises import trials
from tests.store.test_verify_evidence import DICTIONARIES, INTERNAL, WORK

# Every table that an import brings rows into; a row of evidence tells its content, in the column named below.
_OF_CONTENT = {
    "access_events": "SELECT * FROM access_events",
    "event_holders": "SELECT * FROM event_holders",
    "quarantine": "SELECT quarantine_id, content_id, kind, record_no, reason, record FROM quarantine",
    **{
        table: f"SELECT h.content_id, h.record_no, v.* FROM {table} v"
        f" JOIN holdings h ON h.kind = '{kind}' AND h.version_id = v.version_id"
        for kind, table in REGISTRY_TABLES.items()
    },
}
_CONTENT_AT = {"access_events": 12, "event_holders": 3, "quarantine": 1}
# Dictionaries, what holds versions, seals: they have no content of their own, or are no evidence.
_OTHERS = DICTIONARIES | INTERNAL | WORK | set(DERIVED_TABLES) | {"holdings", "import_checkpoints", "seals"}
_LOOKING = [check for check in CHECKS if check.name == "evidence"]
_EVENTS = """
SELECT e.event_id, min(i.import_id) FROM access_events e JOIN imports i USING (content_id)
WHERE e.event_id IS NOT NULL GROUP BY e.event_id
"""
_PAGE, _LEAF = 4_096, 10
# SQLite's own messages may quote what is no text.
_UNREADABLE = (sqlite3.DatabaseError, UnicodeDecodeError)
_MOST_FLIPS_A_HIT = 200
_HIT = "of them changed evidence, and its import was named"

Rows = dict[str, Counter[tuple[object, ...]]]


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store with some of every kind of row."""
    folder = tmp_path_factory.mktemp("sound")
    path = small_incident.build(folder)
    more = {
        "access_events-again.csv": "occurred_at,app_id,data_class,subject_id,resource_id,event_id\n"
        + "2018-04-05T10:00:00Z,a-0,group.member.name,person-0-0,group-0,e-0-0\n",
        "access_events-more.csv": "occurred_at,app_id,data_class,subject_id,event_id\n"
        + "2018-05-05T10:00:00Z,a-0,group.member.name,person-0-0,e-0-0\n"
        + "".join(f"2018-05-{day:02}T11:00:00Z,a-1,group.member.name,other-{day},m-{day}\n" for day in range(1, 29))
        + "yesterday,a-1,group.member.name,other,m-99\n",
        "exemptions.csv": "app_id,data_class,exempt_from,reason\na-5,group.member.*,2018-01-01T00:00:00Z,asked\n",
        "opt_ins.csv": "subject_id,opted_in_at,app_id\nperson-4-1,2018-01-01T00:00:00Z,a-4\n",
        "removals.csv": "app_id,removed_at,reason\na-2,2018-06-20T00:00:00Z,the notice\n",
        "coverage.csv": "source,covered_from,covered_until\ngateway,2018-01-01T00:00:00Z,2018-07-01T00:00:00Z\n",
        "subjects.csv": "subject_id,country,minor\nperson-0-0,DE,false\n",
        "steps.csv": "partner_id,step,at,note\np-0,notified,2018-07-01,by mail\n",
        "partners-again.csv": "partner_id,name,country\np-1,Castaway Live Ltd,FR\n",
    }
    for name, text in more.items():
        (folder / name).write_text(text)
    with open_store(path) as store:
        import_paths(store, [folder / name for name in more], actor="ana")
        import_paths(store, [folder / "access_events-more.csv"], actor="ana")
        void(store, 2, actor="ana", note="not theirs")
    return path


def rows_of(path: Path) -> Rows:
    """Every row of evidence, as plain SQLite reads it.

    Raises:
        sqlite3.DatabaseError: it cannot.
    """
    with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)) as plain:
        plain.text_factory = bytes
        plain.execute("PRAGMA cell_size_check=ON")
        return {table: Counter(plain.execute(question)) for table, question in _OF_CONTENT.items()}


def contents_of(before: Rows, after: Rows) -> set[object]:
    """The contents of the rows that are gone, or read otherwise."""
    return {row[_CONTENT_AT.get(table, 0)] for table, rows in before.items() for row in rows - after[table]}


def test_every_table_of_evidence_is_looked_at(sound: Path) -> None:
    with closing(sqlite3.connect(sound)) as plain:
        tables = {name for (name,) in plain.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")}
    assert tables - _OTHERS == set(_OF_CONTENT)
    assert [table for table, rows in rows_of(sound).items() if not rows] == []


def findings(report: Report) -> list[str]:
    return [line for result in report.results for line in result.findings]


@trials("P9 evidence")
def test_any_bit_that_changes_a_row_of_evidence_is_found_and_its_import_named(
    sound: Path, tmp_path: Path, count: int, account: Callable[[str, Mapping[str, int]], None]
) -> None:
    content = sound.read_bytes()
    used = [at for at, byte in enumerate(content) if byte]
    before = rows_of(sound)
    with closing(sqlite3.connect(sound)) as plain:
        imports = plain.execute("SELECT content_id, import_id FROM imports").fetchall()
    chance = random.Random(9)
    told: Counter[str] = Counter()
    path = tmp_path / sound.name
    while told[_HIT] < count:
        told["bits flipped"] += 1
        assert told["bits flipped"] < count * _MOST_FLIPS_A_HIT
        at = chance.choice(used)
        flipped = bytearray(content)
        flipped[at] ^= 1 << chance.randrange(8)
        path.unlink(missing_ok=True)
        path.write_bytes(flipped)
        try:
            after = rows_of(path)
        except _UNREADABLE:
            told["not read by SQLite at all"] += 1
            continue
        changed = contents_of(before, after)
        if not changed:
            continue
        with open_store(path, lenient=True) as store:
            found = findings(verify(store, checks=_LOOKING))
        for each in changed:
            names = [f"import {import_id} " for content_id, import_id in imports if content_id == each]
            assert any(line.startswith(name) for name in names for line in found), (at, each, found)
        told[_HIT] += 1
    account("P9 evidence", told)


def test_a_page_that_cannot_be_read_names_the_imports_whose_events_lie_on_it(sound: Path, tmp_path: Path) -> None:
    path = tmp_path / sound.name
    path.write_bytes(sound.read_bytes())
    with closing(sqlite3.connect(path)) as plain:
        # Leaves nothing behind of what stood elsewhere before.
        plain.execute("VACUUM")
        events = plain.execute(_EVENTS).fetchall()
    content = path.read_bytes()
    lies_on: dict[int, set[int]] = {}
    for event_id, import_id in events:
        places = [match.start() for match in re.finditer(rb"%s(?!\d)" % event_id.encode(), content)]
        # One that stands in a quarantined record too says nothing of where its event is.
        if len(places) == 1:
            lies_on.setdefault(places[0] // _PAGE, set()).add(import_id)
    leaves = [page for page in lies_on if content[page * _PAGE] == _LEAF]
    assert len(leaves) > 2
    assert set.union(*(lies_on[page] for page in leaves)) == {import_id for _, import_id in events}
    assert min(len(lies_on[page]) for page in leaves) == 1
    for page in leaves:
        spoilt = bytearray(content)
        spoilt[page * _PAGE] = 0xFF
        path.write_bytes(spoilt)
        with open_store(path, lenient=True) as store:
            found = findings(verify(store, checks=_LOOKING))
        named = {int(line.split()[1]) for line in found if ": events " in line and "were imported" in line}
        assert named == lies_on[page], (page, found)
