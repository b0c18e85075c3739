"""P8: tampering with the log is found and named, by `verify` and by the verifier that needs no program of ours; clean
logs raise no alarm. Each tampering is done to a copy of one store that has a bit of everything in it.
"""

import io
import json
import random
import shutil
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import redirect_stdout
from pathlib import Path
from typing import NamedTuple

import pytest

from store import verify_log
from store.checkpoint import Checkpoint, take_checkpoint, write_checkpoint
from store.connection import Store, open_store
from store.errors import UnusableFileError
from store.ledger import action_document, actions, clock_went_back
from store.verify import Report, verify
from store.verify.catalogue import CHECKS
from tests import small_incident
from tests.faults.first_schema import as_first_schema
from tests.faults.random_work import Clock, Diary, set_clock
from tests.faults.tamperings import KINDS, Scene, forging, unreadable_text
from tests.promises import trials

RECORD = [check for check in CHECKS if not check.scans]
ON_THE_LOG = ("action log", "checkpoint")
DEEDS_BEFORE, DEEDS_AFTER = 60, 12
# A history begins anew after so many logs; every third one is brought up from the first schema.
LOGS_A_HISTORY = 20
DEEDS_A_LOG = 2
Account = Callable[[str, Mapping[str, int]], None]


class Victim(NamedTuple):
    """The store that is tampered with, the last seq of its log, and a checkpoint of a good part of that."""

    path: Path
    last: int
    checkpoint: Checkpoint
    checkpoint_file: Path
    other: Path


@pytest.fixture
def clock() -> Iterator[Callable[[random.Random], None]]:
    """Call it to let the store's time jump about, until the test ends."""
    with pytest.MonkeyPatch.context() as patch:
        yield lambda chance: set_clock(patch, Clock(chance))


@pytest.fixture(scope="module")
def victim(tmp_path_factory: pytest.TempPathFactory) -> Victim:
    folder = tmp_path_factory.mktemp("victim")
    chance = random.Random(8)
    path = small_incident.build(folder)
    other = small_incident.build(folder, "other.db")
    checkpoint_file = folder / "checkpoint.json"
    with open_store(path) as store:
        diary = Diary(store, folder, chance)
        for what in ("flag", "clear", "step_with_evidence", "import", "import", "void", "resolve", "rules"):
            assert diary.do(what), what
        diary.go_on(DEEDS_BEFORE)
        checkpoint = take_checkpoint(store)
        write_checkpoint(checkpoint, checkpoint_file)
        diary.go_on(DEEDS_AFTER)
        last = take_checkpoint(store).seq
    return Victim(path, last, checkpoint, checkpoint_file, other)


def export(store: Store, path: Path) -> None:
    """What `python -m store log --json` prints."""
    with store.reading():
        set_back = clock_went_back(store)
        document = {"actions": [action_document(entry, set_back=set_back) for entry in actions(store)]}
    path.write_text(json.dumps(document, allow_nan=False), "ascii")


def standalone(*words: object) -> tuple[int, str]:
    """The exit code and the words of the verifier that needs no program."""
    said = io.StringIO()
    with redirect_stdout(said):
        code = verify_log.main([str(word) for word in words])
    return code, said.getvalue()


def faults(report: Report) -> list[str]:
    return [line for result in report.results for line in result.findings]


@trials("P8 tampering")
def test_every_tampering_is_found_and_named(victim: Victim, tmp_path: Path, account: Account, count: int) -> None:
    chance = random.Random(88)
    tried: Counter[str] = Counter()
    told_by_export = 0
    copy, exported = tmp_path / "copy.db", tmp_path / "log.json"
    everyone = list(KINDS)
    for number in range(count):
        kind = everyone[number] if number < len(KINDS) else chance.choices(everyone, list(KINDS.values()))[0]
        shutil.copyfile(victim.path, copy)
        with forging(copy) as log:
            done = kind(Scene(log, chance, victim.last, victim.checkpoint.seq, victim.other))
        checkpoint = victim.checkpoint if done.needs_checkpoint else None
        with open_store(copy, lenient=True) as store:
            report = verify(store, checkpoint, checks=RECORD)
            found = faults(report)
            assert any(name in line for line in found for name in done.names), (number, kind.__name__, done, found)
            assert not any("could not be checked" in line for line in found), (number, kind.__name__, found)
            tried[kind.__name__] += 1
            if kind is unreadable_text:
                # It cannot even be exported.
                with pytest.raises(UnusableFileError):
                    export(store, exported)
                continue
            export(store, exported)
        code, said = standalone(exported, *(["--checkpoint", victim.checkpoint_file] if checkpoint else []))
        on_the_log = any(not result.ok for result in report.results if result.check in ON_THE_LOG)
        assert code == int(on_the_log and done.in_export), (number, kind.__name__, done, found, said)
        told_by_export += code
    assert tried.total() == count
    assert set(tried) == {kind.__name__ for kind in KINDS}
    counts = {"tamperings, each found and named": count, "shown by an export": told_by_export}
    account("P8 tampering", counts)


@trials("P8 clean")
def test_no_clean_log_raises_an_alarm(
    tmp_path: Path, clock: Callable[[random.Random], None], account: Account, count: int
) -> None:
    chance = random.Random(808)
    clock(chance)
    done: Counter[str] = Counter()
    brought_up = verified = set_back = 0
    base = small_incident.build(tmp_path)
    checkpoint_file, exported = tmp_path / "checkpoint.json", tmp_path / "log.json"
    while verified < count:
        folder = tmp_path / str(verified)
        folder.mkdir()
        path = folder / "incident.db"
        shutil.copyfile(base, path)
        is_old = verified // LOGS_A_HISTORY % 3 == 2
        with open_store(path) as store:
            diary = Diary(store, folder, chance, first_schema=is_old)
            diary.go_on(chance.randint(0, 12))
        if is_old:
            path = brought_up_to_date(path)
            brought_up += 1
        with open_store(path) as store:
            diary.store = store
            write_checkpoint(taken := take_checkpoint(store), checkpoint_file, force=True)
            for number in range(LOGS_A_HISTORY):
                diary.go_on(DEEDS_A_LOG)
                report = verify(store, taken, checks=CHECKS if number % 4 == 3 else RECORD)
                assert report.ok, (verified, number, faults(report), diary.done)
                export(store, exported)
                assert standalone(exported, "--checkpoint", checkpoint_file)[0] == 0, (verified, number)
                verified += 1
            with store.reading():
                set_back += len(clock_went_back(store))
        done += diary.done
    assert {*done} >= {
        "flag",
        "undo",
        "redo",
        "void",
        "import_again",
        "resolve",
        "rules",
        "rebuild",
        "step_with_evidence",
        "sample",
        "check_sample",
    }
    assert brought_up
    assert set_back
    counts = {"logs without an alarm": verified, "deeds": done.total(), "clocks set back": set_back}
    account("P8 clean", {**counts, "histories begun in the first schema": brought_up})


def brought_up_to_date(path: Path) -> Path:
    """The same store as the first schema's program would have left it, opened by today's."""
    old = path.with_name("old.db")
    as_first_schema(path, old)
    if (files := path.with_name(f"{path.name}.evidence")).exists():
        shutil.copytree(files, old.with_name(f"{old.name}.evidence"))
    return old
