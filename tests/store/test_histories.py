"""Any history of imports, voids and rules leaves in the derived tables what a rebuild makes of the plain ones."""

import random
import sqlite3
from collections import Counter
from pathlib import Path

from store.connection import Store, open_store
from store.errors import UnusableFileError
from store.fold import rebuild
from store.ingest.importing import import_paths
from store.ingest.imports import imports, void
from store.rulebook import load_rules
from store.tables import DERIVED_TABLES
from tests.differential import ACTOR, build
from tests.incident_files import Row, write_file
from tests.incidents import Draft, draw

HISTORIES = 8
STEPS = 12


def derived(store: Store) -> dict[str, list[tuple[object, ...]]]:
    """Every row of every derived table."""
    with store.reading() as connection:
        return {
            table: sorted((tuple(row) for row in connection.execute(f"SELECT * FROM {table}")), key=repr)
            for table in DERIVED_TABLES
        }


def rebuilt_copy(store: Store, path: Path) -> dict[str, list[tuple[object, ...]]]:
    """The derived tables that a rebuild makes, in a copy: the store itself goes on unhealed."""
    path.unlink(missing_ok=True)
    with sqlite3.connect(store.path) as source, sqlite3.connect(path) as target:
        source.backup(target)
    source.close()
    target.close()
    with open_store(path) as copy:
        rebuild(copy, actor=ACTOR)
        return derived(copy)


def overlapping(draft: Draft, chance: random.Random) -> Draft:
    """The draft with three more files of events, which overlap one another and the others."""
    rows = [row for kind, part in draft.files.values() if kind == "access_events" for row in part]
    for number in range(3):
        start = chance.randint(0, len(rows))
        draft.files[f"access_events-more{number}.csv"] = ("access_events", rows[start : start + len(rows) // 2 + 1])
    return draft


def a_step(store: Store, folder: Path, rules: list[str], chance: random.Random) -> str:
    """Do one thing that changes evidence or rules; what it was."""
    files = sorted(folder.iterdir())
    live = [entry.import_id for entry in imports(store) if entry.is_complete and entry.voided_at is None]
    what = chance.choices(("file", "files", "folder", "void", "rules"), (4, 2, 1, 4, 1))[0]
    if what == "void" and not live:
        what = "file"
    if what == "void":
        void(store, chance.choice(live), actor=ACTOR, note="wrong")
    elif what == "rules":
        load_rules(store, chance.choice(rules), source="rules.toml", actor=ACTOR)
    else:
        events = [path for path in files if path.name.startswith("access_events")]
        paths = {"file": [chance.choice(files)], "files": chance.sample(events, 3), "folder": [folder]}[what]
        try:
            import_paths(store, paths, actor=ACTOR)
        except UnusableFileError:
            # A voided file whose event ids have other content by now is refused whole.
            return "refused"
    return what


def test_derived_tables_are_those_of_a_rebuild_after_any_history(tmp_path: Path) -> None:
    done: Counter[str] = Counter()
    for seed in range(HISTORIES):
        chance = random.Random(seed)
        draft = overlapping(draw(4000 + seed), chance)
        folder = tmp_path / str(seed) / "files"
        draft.write(folder)
        rules = [draft.rules_toml, draw(4100 + seed).rules_toml]
        with build(tmp_path / str(seed), draft.rules_toml, []) as store:
            for step in range(STEPS):
                done[a_step(store, folder, rules, chance)] += 1
                stands, rebuilt = derived(store), rebuilt_copy(store, tmp_path / "copy.db")
                unlike = [table for table in DERIVED_TABLES if stands[table] != rebuilt[table]]
                assert unlike == [], f"history {seed}, step {step}"
    assert min(done[what] for what in ("file", "files", "folder", "void", "rules")) >= 3, done


def test_a_restored_file_followed_by_another_in_one_call_is_counted_once(tmp_path: Path) -> None:
    event: Row = {"occurred_at": "2019-03-05T00:00:00Z", "app_id": "a1", "data_class": ["g.a"], "subject_id": "s1"}
    one = write_file(tmp_path / "access_events-1.csv", "access_events", [event])
    both = write_file(tmp_path / "access_events-2.csv", "access_events", [event, event | {"subject_id": "s2"}])
    with build(tmp_path, draw(4000).rules_toml, [one, both]) as store:
        void(store, 1, actor=ACTOR, note="wrong")
        import_paths(store, [one, both], actor=ACTOR)
        assert derived(store)["daily"] == rebuilt_copy(store, tmp_path / "copy.db")["daily"]
        assert sum(int(str(row[2])) for row in derived(store)["daily"]) == 2
