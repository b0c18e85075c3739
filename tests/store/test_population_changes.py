"""Who entered or left a population is written down with every change, against memberships that the oracle counts."""

import hashlib
import json
import random
import sqlite3
from collections import Counter
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import pytest

from store import ledger
from store.connection import Store, open_store
from store.fold import defer, rebuild
from store.ingest.importing import import_paths
from store.ingest.imports import imports, void
from store.ledger import SYSTEM
from store.rulebook import load_rules
from store.verify import verify
from store.verify.catalogue import CHECKS
from tests import oracle
from tests.differential import ACTOR, build
from tests.incident_files import Row, write_file
from tests.incidents import draw
from tests.oracle_evidence import Partner

POPULATIONS = ("retained", "accessed", "recent", "after_removal")
STEADY = [seed for seed in range(3000, 3060) if not draw(seed).order_matters]
_ROWS = """
SELECT c.population, c.entered, p.partner_id, a.app_id FROM population_changes c
JOIN partners p ON p.id = c.partner LEFT JOIN apps a ON a.id = p.app WHERE c.seq > ?
"""

Members = dict[str, set[Partner]]


def expected(files: Sequence[Path], rules: Path) -> Members:
    """Who is in which population, by plain loops over the files."""
    incident = oracle.load(list(files), rules)
    found: Members = {population: set() for population in POPULATIONS}
    for outside, facts in oracle.partners(incident).items():
        for population in POPULATIONS:
            if facts["events" if population == "accessed" else population]:
                found[population].add(incident.partner_named(outside))
    return found


def written(store: Store, seq: int) -> tuple[Members, Members]:
    """Who entered and who left in the rows after an entry."""
    ways: tuple[Members, Members] = ({each: set() for each in POPULATIONS}, {each: set() for each in POPULATIONS})
    with store.reading() as connection:
        for population, entered, partner_id, app_id in connection.execute(_ROWS, (seq,)):
            partner = ("app", app_id) if partner_id is None else ("partner", partner_id)
            ways[0 if entered else 1][population].add(partner)
    return ways


def told(store: Store, seq: int) -> list[ledger.Action]:
    """The entries about populations after an entry."""
    return [entry for entry in ledger.actions(store, from_seq=seq + 1) if entry.verb == "populations"]


def last_seq(store: Store) -> int:
    return ledger.actions(store)[-1].seq


def faults(store: Store) -> list[str]:
    checks = [check for check in CHECKS if check.name == "populations"]
    return [line for result in verify(store, checks=checks).results for line in result.findings]


def check(store: Store, seq: int, before: Members, after: Members) -> Counter[str]:
    """Hold what a change wrote against what it changed; how much of what there was."""
    entered, left = written(store, seq)
    seen: Counter[str] = Counter()
    for population in POPULATIONS:
        assert entered[population] == after[population] - before[population]
        assert left[population] == before[population] - after[population]
        seen[f"entered {population}"] += len(entered[population])
        seen[f"left {population}"] += len(left[population])
    entries = told(store, seq)
    if not any(seen.values()):
        assert entries == []
        return seen
    (entry,) = entries
    document = json.loads(entry.after or "")
    for population in POPULATIONS:
        counts = {"entered": seen[f"entered {population}"], "left": seen[f"left {population}"]}
        assert document[population] == counts
    assert (entry.actor, entry.partner_id, entry.seq > seq + 1) == (SYSTEM, None, True)
    assert faults(store) == []
    return seen


def test_what_each_change_changes_is_what_the_oracle_says(tmp_path: Path) -> None:
    seen: Counter[str] = Counter()
    for seed in STEADY[:9]:
        draft, other = draw(seed), draw(seed + 1)
        chance = random.Random(seed)
        folder = tmp_path / str(seed)
        folder.mkdir()
        rules, more = folder / "rules.toml", folder / "more.toml"
        rules.write_text(draft.rules_toml, "utf-8")
        more.write_text(other.rules_toml, "utf-8")
        paths = draft.write(folder / "files")
        before = expected([], rules)
        with build(folder, draft.rules_toml, []) as store:
            live: list[Path] = []
            for path in paths:
                last = last_seq(store)
                import_paths(store, [path], actor=ACTOR)
                live.append(path)
                after = expected(live, rules)
                seen += check(store, last, before, after)
                before = after
            last = last_seq(store)
            load_rules(store, other.rules_toml, source="more.toml", actor=ACTOR)
            after = expected(live, more)
            seen += check(store, last, before, after)
            before = after
            for entry in chance.sample(imports(store), len(paths)):
                last = last_seq(store)
                void(store, entry.import_id, actor=ACTOR, note="wrong")
                live = [path for path in live if path.name != entry.file]
                after = expected(live, more)
                seen += check(store, last, before, after)
                before = after
    kinds = {f"{way} {population}" for way in ("entered", "left") for population in POPULATIONS}
    assert kinds <= seen.keys(), seen


def files(folder: Path, number: int = 3) -> list[Path]:
    """So many files, each with one restricted read of an app of its own."""
    event: Row = {"occurred_at": "2019-03-05T00:00:00Z", "data_class": ["g.m.name"], "subject_id": "s1"}
    rows = [event | {"app_id": f"a{place}"} for place in range(number)]
    return [write_file(folder / f"access_events-{place}.csv", "access_events", [row]) for place, row in enumerate(rows)]


RULES = """
[incident]
as_of = 2019-03-09

[[rules]]
id = "r"
data_classes = ["g.m.*"]
from = 2019-03-01
basis = "b"
"""


def test_many_files_of_one_call_are_one_entry_after_theirs(tmp_path: Path) -> None:
    with build(tmp_path, RULES, files(tmp_path), one_by_one=False) as store:
        verbs = [entry.verb for entry in ledger.actions(store)]
        assert verbs == ["init", "load_rules", "import", "import", "import", "populations"]
        document = json.loads(ledger.actions(store)[-1].after or "")
        assert document["accessed"] == {"entered": 3, "left": 0}


def test_nothing_is_written_where_nothing_changed(tmp_path: Path) -> None:
    paths = files(tmp_path)
    with build(tmp_path, RULES, paths, one_by_one=False) as store:
        last = last_seq(store)
        rebuild(store, actor=ACTOR)
        import_paths(store, paths[:1], actor=ACTOR)
        void(store, imports(store)[-1].import_id, actor=ACTOR, note="twice")
        assert [entry.verb for entry in ledger.actions(store, from_seq=last + 1)] == ["rebuild", "import", "void"]


def test_a_rebuild_writes_down_what_a_call_that_did_not_end_has_left(tmp_path: Path) -> None:
    paths = files(tmp_path)
    with build(tmp_path, RULES, paths[:1]) as store:
        with store.writing() as connection:
            connection.execute("DELETE FROM partner_figures")
            defer(connection, import_id=1)
        last = last_seq(store)
        rebuild(store, actor=ACTOR)
        assert [entry.verb for entry in ledger.actions(store, from_seq=last + 1)] == ["rebuild", "populations"]
        rebuild(store, actor=ACTOR)
        assert last_seq(store) == last + 3


def test_the_digest_is_the_one_that_is_documented(tmp_path: Path) -> None:
    with build(tmp_path, RULES, files(tmp_path), one_by_one=False) as store, store.reading() as connection:
        rows = connection.execute("SELECT population, partner, entered FROM population_changes").fetchall()
        lines = sorted((population, partner, entered) for population, partner, entered in rows)
        text = "".join(f"{population},{partner},{entered}\n" for population, partner, entered in lines)
        assert len(rows) == 9
        document = json.loads(ledger.actions(store)[-1].after or "")
        assert document["sha256"] == hashlib.sha256(text.encode("ascii")).hexdigest()


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE population_changes SET entered = 0 WHERE partner = 1",
        "UPDATE population_changes SET partner = partner + 10",
        "UPDATE population_changes SET population = 'after_removal' WHERE population = 'accessed'",
        "UPDATE population_changes SET seq = seq - 1",
        "DELETE FROM population_changes WHERE partner = 2",
        "DELETE FROM population_changes",
        "INSERT INTO population_changes VALUES (1, 'accessed', 1, 1)",
    ],
)
def test_whatever_is_changed_in_the_table_is_found(tmp_path: Path, change: str) -> None:
    with build(tmp_path, RULES, files(tmp_path), one_by_one=False) as store:
        path = store.path
        assert faults(store) == []
    with closing(sqlite3.connect(path, isolation_level=None)) as database:
        assert database.execute(change).rowcount > 0
    with open_store(path, lenient=True) as store:
        assert any(line.startswith("population changes of entry #") for line in faults(store))
