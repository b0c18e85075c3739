"""P1: eight processes work on one store and are killed at any moment: what they acknowledged stays, whole."""

import json
import os
import random
import signal
import time
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.faults.nursery import Nursery
from tests.faults.raw_log import assert_chained, assert_replayed, snapshot
from tests.faults.worker import BEFORE, COMMITTED, COMMITTING, INSIDE, OUTSIDE, PHASES, STARTING, shared
from tests.promises import trials

WORKERS = 8
PARTNERS = 12
KILLS_A_ROUND = 30
LONGEST_WAIT = 0.002
LOOKS = 20_000
CHECK_EVERY = 10
# What a kill is aimed at, and how often. Where it hit is read from the shared page once the process is dead.
AIMS = {None: 2, BEFORE: 1, INSIDE: 8, COMMITTING: 6, COMMITTED: 3}


class Round:
    """Eight processes on one new store, killed and replaced one by one, in the end all at once."""

    def __init__(self, nursery: Nursery, folder: Path, journal: str, seed: str) -> None:
        self.nursery, self.folder, self.journal = nursery, folder, journal
        self.path = folder / "incident.db"
        self.draw = random.Random(seed)
        self.page = folder / "phases"
        self.page.write_bytes(bytes(WORKERS))
        self.phases = shared(self.page)
        self.lives = [0] * WORKERS
        self.processes = [0] * WORKERS
        self.died_in: dict[str, int] = {}
        self.hits: Counter[int] = Counter()
        code, _, errors = nursery.run("tests.faults.worker:prepare", str(self.path), journal, PARTNERS, folder=folder)
        assert code == 0, errors
        for slot in range(WORKERS):
            self.start(slot)

    def said(self, slot: int) -> Path:
        return self.folder / f"said-{slot}"

    def start(self, slot: int) -> None:
        """The next life of a worker."""
        self.lives[slot] += 1
        arguments = (str(self.path), self.journal, str(self.page), slot, self.lives[slot], PARTNERS)
        errors = self.folder / f"errors-{slot}"
        self.processes[slot] = self.nursery.start(
            "tests.faults.worker:act", *arguments, out=self.said(slot), errors=errors
        )

    def bury(self, slot: int) -> None:
        """Wait for a worker that was killed, and note where it was."""
        code = self.nursery.wait(self.processes[slot])
        assert code == -signal.SIGKILL, (self.folder / f"errors-{slot}").read_text("utf-8")
        phase = self.phases[slot]
        self.phases[slot] = STARTING
        self.hits[phase] += 1
        lines = self.said(slot).read_text("utf-8").splitlines() if self.said(slot).exists() else []
        last = json.loads(lines[-1]) if lines else {"kind": "nothing", "token": ""}
        if last["kind"] == "try" and last["token"].startswith(f"{slot}.{self.lives[slot]}."):
            self.died_in[last["token"]] = phase

    def aim(self) -> int:
        """A worker to kill: one that is in the phase drawn, found by looking until there is one."""
        (aim,) = self.draw.choices(list(AIMS), list(AIMS.values()))
        wanted = {aim} if aim is not None else set(range(len(PHASES))) - {STARTING}
        for _ in range(LOOKS):
            phases = self.phases[:]
            slots = [slot for slot in range(WORKERS) if phases[slot] in wanted]
            if slots:
                return self.draw.choice(slots)
            time.sleep(self.draw.uniform(0, LONGEST_WAIT))
        # Nobody comes there: one that ended by itself is found out by `bury`.
        return self.draw.randrange(WORKERS)

    def kill_one(self) -> None:
        slot = self.aim()
        os.kill(self.processes[slot], signal.SIGKILL)
        self.bury(slot)
        self.start(slot)

    def kill_all(self) -> None:
        """As when the machine's memory runs out: all of them at one moment, at work."""
        for _ in range(LOOKS):
            if STARTING not in self.phases[:]:
                break
            time.sleep(LONGEST_WAIT)
        for process in self.processes:
            os.kill(process, signal.SIGKILL)
        for slot in range(WORKERS):
            self.bury(slot)

    def hit(self) -> int:
        """How many kills hit a worker inside an action."""
        return self.hits.total() - self.hits[STARTING] - self.hits[OUTSIDE]

    def check(self, *, whole: bool = False) -> int:
        """Compare the file with what the workers said; how many actions they had acknowledged.

        Args:
            whole: nobody is at work any more: let SQLite check its file too.
        """
        answers = {token: told for token, told in self.told() if told["kind"] != "try"}
        now = snapshot(self.path, check=whole)
        tried = {token: told for token, told in self.told() if told["kind"] == "try"}
        assert now.journal == self.journal.lower()
        assert now.findings == []
        assert_chained(now.entries)
        assert_replayed(now)
        self.check_actions(now.entries, tried, answers)
        return sum(answer["kind"] == "done" for answer in answers.values())

    def told(self) -> list[tuple[str, dict[str, Any]]]:
        """What the workers said until now, with the action that it is about."""
        files = [self.said(slot) for slot in range(WORKERS)]
        lines = [json.loads(line) for file in files if file.exists() for line in file.read_text("utf-8").splitlines()]
        return [(line["token"], line) for line in lines]

    def check_actions(self, entries: list, tried: Mapping[str, Mapping], answers: Mapping[str, Mapping]) -> None:
        batches: dict[str, list] = {}
        assert len({entry.uuid for entry in entries}) == len(entries)
        for entry in entries[1:]:
            batches.setdefault(entry.batch, []).append(entry)
        found = {}
        for batch, mine in batches.items():
            (token,) = {entry.note.rpartition(" ")[2] for entry in mine}
            assert token not in found, "an action is in the log twice"
            found[token] = batch
            assert {(entry.verb, entry.actor) for entry in mine} == {(tried[token]["verb"], f"w{token[0]}")}
            corrected = [entry.corrects for entry in mine]
            if tried[token]["verb"] in ("undo", "redo"):
                (undone,) = {entries[seq - 1].batch for seq in corrected}
                assert corrected == [entry.seq for entry in batches[undone]], "half an action was taken back"
            else:
                assert [entry.partner_id for entry in mine] == tried[token]["partners"], "half an action is in the log"
        for token, answer in answers.items():
            if answer["kind"] == "done":
                assert found[token] == answer["batch"], "an acknowledged action is not in the log"
                assert [entry.seq for entry in batches[answer["batch"]]] == answer["seqs"]
            else:
                assert token not in found, "a refused action is in the log"
        for token, phase in self.died_in.items():
            if phase == COMMITTED:
                assert token in found, "a committed action is not in the log"
            elif phase != COMMITTING:
                assert token not in found, f"an action is in the log that was not committed: {PHASES[phase]}"


def campaign(nursery: Nursery, folder: Path, journal: str, kills: int) -> tuple[Counter[int], int, int]:
    """Kill so many workers that are in an action, and go on until as many actions had been acknowledged.

    Before the write a worker is only for a moment: a campaign that met nobody there, one of twenty, goes on until it
    has, or has made three times its kills.

    Returns:
        Where they were, how many were in an action, and how many actions had been acknowledged.
    """
    hits: Counter[int] = Counter()
    hit = acknowledged = number = 0
    while hit < kills or acknowledged < kills or (not hits[BEFORE] and hit < 3 * kills):
        number += 1
        place = folder / f"round-{number}"
        place.mkdir()
        one = Round(nursery, place, journal, f"{journal} {number}")
        while one.hit() < min(KILLS_A_ROUND, max(kills - hit, WORKERS)) - WORKERS // 2:
            one.kill_one()
            if one.hits.total() % CHECK_EVERY == 0:
                one.check()
        one.kill_all()
        acknowledged += one.check(whole=True)
        hits += one.hits
        hit += one.hit()
    return hits, hit, acknowledged


@pytest.mark.parametrize("journal", ["DELETE", "WAL"])
@trials("P1")
def test_acknowledged_actions_survive_kills(
    nursery: Nursery,
    tmp_path: Path,
    account: Callable[[str, Mapping[str, int]], None],
    count: int,
    journal: str,
) -> None:
    kills = count // 2
    hits, hit, acknowledged = campaign(nursery, tmp_path, journal, kills)
    told = {PHASES[phase]: hits[phase] for phase in (BEFORE, INSIDE, COMMITTING, COMMITTED, OUTSIDE, STARTING)}
    account("P1", {f"kills of a writer with {journal}": hit, "actions acknowledged": acknowledged, **told})
    assert hit >= kills
    assert hits[INSIDE] + hits[COMMITTING] >= kills // 3
    assert hits[INSIDE] >= 1
    assert hits[COMMITTING] >= kills // 10
    assert hits[BEFORE] >= 1
    assert acknowledged >= kills
