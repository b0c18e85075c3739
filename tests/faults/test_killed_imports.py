"""P3: an import that is killed, interrupted or out of room counts nowhere, and the next one completes it.

Real processes import a folder of registry files and overlapping logs in tiny batches, and end at moments spread over
all phases of the work. What comes out in the end is what an import that nobody disturbed leaves.
"""

import json
import random
import shutil
import signal
import stat
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from itertools import accumulate
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from store.rulebook import load_rules
from tests.faults.import_worker import PHASES
from tests.faults.killed_incident import RULES, answers, evidence, states, write_folder
from tests.faults.nursery import Nursery
from tests.promises import trials
from tests.store.ingest_store import ACTOR, new_store

RUN = "tests.faults.import_worker:run"
REBUILD = "tests.faults.import_worker:rebuild_equal"
# Of a full disk, both kinds: no file may grow beyond a size, or the database beyond a number of pages.
PAGE = 4096
# One in so many trials takes the way of large files: the stage in DuckDB.
LARGE = 5
Account = Callable[[str, Mapping[str, int]], None]


class Undisturbed(NamedTuple):
    """What nobody disturbed.

    Attributes:
        after: what the questions say once so many of the files are in.
        evidence: all rows in the end.
        moments: for each way of reading, the phase of each moment.
        size: of the database in the end, bytes.
    """

    after: list[dict[str, Any]]
    evidence: dict[str, list[Any]]
    moments: dict[bool, list[str]]
    size: int


class Ground:
    """A folder to import, an empty store to import it into, and the processes that do it."""

    def __init__(self, folder: Path, nursery: Nursery) -> None:
        self.nursery, self.folder = nursery, folder
        self.files = write_folder(folder / "in")
        with new_store(folder, "empty.db") as store:
            load_rules(store, RULES, source="rules.toml", actor=ACTOR)
        self.empty = folder / "empty.db"
        self.database = folder / "trial" / "incident.db"

    def begin(self) -> None:
        """A new store, alone in its folder."""
        shutil.rmtree(self.database.parent, ignore_errors=True)
        self.database.parent.mkdir()
        shutil.copy(self.empty, self.database)

    def process(self, plan: dict[str, Any], *, file: str = "") -> tuple[int, str, str]:
        """Import the folder, or one file of it, in a process of its own: exit code, standard output, standard error."""
        source = self.folder / "in" / file
        return self.nursery.run(RUN, str(self.database), str(source), plan, folder=self.folder)

    def undisturbed(self) -> Undisturbed:
        """What the trials are compared with."""
        moments = {}
        for is_large in (False, True):
            self.begin()
            code, out, errors = self.process({"count": True, "large": is_large})
            assert (code, errors) == (0, "")
            runs: list[tuple[str, int]] = json.loads(out.splitlines()[-1])
            moments[is_large] = [phase for phase, count in runs for _ in range(count)]
        found, size = evidence(self.database), self.database.stat().st_size
        self.begin()
        after = [answers(self.database)]
        for file in self.files:
            assert self.process({}, file=file.name)[0] == 0
            after.append(answers(self.database))
        assert evidence(self.database) == found
        return Undisturbed(after, found, moments, size)


@pytest.fixture(scope="module")
def ground(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ground]:
    nursery = Nursery()
    yield Ground(tmp_path_factory.mktemp("killed"), nursery)
    nursery.close()


@pytest.fixture(scope="module")
def expected(ground: Ground) -> Undisturbed:
    return ground.undisturbed()


def check_what_is_left(ground: Ground, expected: Undisturbed) -> None:
    """The unfinished import is shown as such and counts in no question; nobody else can read what lies about."""
    found = states(ground.database)
    names = [file.name for file in ground.files]
    assert [name for name, _ in found] == names[: len(found)]
    complete = sum(is_complete for _, is_complete in found)
    assert [is_complete for _, is_complete in found] == [True] * complete + [False] * (len(found) - complete)
    assert len(found) - complete <= 1
    assert answers(ground.database, unfinished=len(found) - complete) == expected.after[complete]
    for path in ground.database.parent.iterdir():
        mode = path.stat().st_mode
        if path.name.startswith("."):
            assert stat.S_IMODE(mode) == (0o700 if stat.S_ISDIR(mode) else 0o600), path


def check_the_next_import(ground: Ground, expected: Undisturbed, *, large: bool) -> None:
    """It completes what was begun, leaves what an undisturbed one leaves, and once more adds nothing."""
    code, _, errors = ground.process({"large": large})
    assert (code, errors) == (0, "")
    assert [path.name for path in ground.database.parent.iterdir()] == [ground.database.name]
    assert all(is_complete for _, is_complete in states(ground.database))
    assert evidence(ground.database) == expected.evidence
    assert answers(ground.database) == expected.after[-1]
    code, out, _ = ground.process({})
    assert code == 0
    assert [entry["accepted"] for entry in json.loads(out)["imports"]] == [0] * len(ground.files)
    assert evidence(ground.database) == expected.evidence


def aims(expected: Undisturbed, draw: random.Random) -> Iterator[tuple[dict[str, Any], bool]]:
    """Moments without end, all phases in turn; half of them are followed after a while that nobody knows."""
    number = 0
    while True:
        is_large = number % LARGE == LARGE - 1
        phase = PHASES[number % len(PHASES)]
        of_phase = [place for place, name in enumerate(expected.moments[is_large], 1) if name == phase]
        later = draw.choice((0, draw.uniform(0, 0.003)))
        yield {"moment": draw.choice(of_phase), "later": later, "large": is_large}, is_large
        number += 1


def disturb(
    ground: Ground, expected: Undisturbed, account: Account, name: str, number: signal.Signals, code: int, count: int
) -> None:
    """Send a signal at `count` moments; those count at which the process was importing."""
    told = Counter(dict.fromkeys(PHASES, 0))
    missed = 0
    for plan, is_large in aims(expected, random.Random(name)):
        ground.begin()
        # An exception raised inside a callback of SQLite is lost: an interrupt comes from another thread.
        later = plan["later"] or (0.0002 if number == signal.SIGINT else 0)
        ended, out, errors = ground.process({**plan, "later": later, "signal": int(number)})
        assert ended in (0, code), errors
        if ended == 0:
            missed += 1
            assert missed <= count, "hardly any signal came while the import was at work"
            continue
        if number == signal.SIGINT:
            assert errors.startswith("interrupted: run the same command again")
            assert errors.count("\n") == 1
        told[json.loads(out.splitlines()[0])["phase"]] += 1
        check_what_is_left(ground, expected)
        check_the_next_import(ground, expected, large=is_large)
        if told.total() == count:
            break
    account(name, {name.split()[-1] + "s that hit": count, **told})
    assert min(told.values()) >= count // (3 * len(PHASES))


@trials("P3 kill")
def test_a_killed_import_is_completed_by_the_next(
    ground: Ground, expected: Undisturbed, account: Account, count: int
) -> None:
    disturb(ground, expected, account, "P3 kill", signal.SIGKILL, -signal.SIGKILL, count)


@trials("P3 interrupt")
def test_an_interrupted_import_is_completed_by_the_next(
    ground: Ground, expected: Undisturbed, account: Account, count: int
) -> None:
    disturb(ground, expected, account, "P3 interrupt", signal.SIGINT, 128 + signal.SIGINT, count)


def rooms(expected: Undisturbed, empty: int, count: int) -> Iterator[dict[str, int]]:
    """Sizes at which an import runs out of room: in pages of the database, and in bytes of any file."""
    half = count // 2
    yield from ({"pages": (empty + (expected.size - empty) * place // half) // PAGE} for place in range(half))
    steps = accumulate([expected.size // (count - half)] * (count - half))
    yield from ({"bytes": max(PAGE, size - PAGE)} for size in steps)


@trials("P3 disk")
def test_an_import_without_room_is_one_line_and_is_completed_by_the_next(
    ground: Ground, expected: Undisturbed, account: Account, count: int
) -> None:
    told: Counter[str] = Counter()
    for place, room in enumerate(rooms(expected, ground.empty.stat().st_size, count)):
        ground.begin()
        is_large = place % LARGE == LARGE - 1
        code, out, errors = ground.process({**room, "large": is_large})
        assert code == 2, (room, out, errors)
        assert errors.count("\n") == 1, errors
        told["full after " + ("pages" if "pages" in room else "bytes")] += 1
        told["within the import" if states(ground.database) else "before it began"] += 1
        check_what_is_left(ground, expected)
        check_the_next_import(ground, expected, large=is_large)
    account("P3 disk", {"sizes": count, **told})
    assert told["within the import"] >= count / 2


def test_the_derived_tables_of_a_resumed_import_are_those_of_a_rebuild(ground: Ground, expected: Undisturbed) -> None:
    for phase in ("a batch of events", "refresh of the derived tables"):
        ground.begin()
        moment = expected.moments[False].index(phase) + 2
        assert ground.process({"moment": moment, "later": 0, "signal": int(signal.SIGKILL)})[0] == -signal.SIGKILL
        assert ground.process({})[0] == 0
        assert ground.nursery.run(REBUILD, str(ground.database), folder=ground.folder)[0] == 0
