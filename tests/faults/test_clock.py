"""P13: a clock that jumps, for hours or for decades, never reorders the log; the entries show where it went back."""

import json
import pkgutil
import random
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path

import pytest

import store as store_package
from store import audits, cases, instants
from store.audit_track import TRACK
from store.case_notes import notes_by_partner
from store.cli.main import main
from store.connection import Store, open_store
from store.errors import RefusedError
from store.fold import rebuild
from store.ledger import actions, clock_went_back
from tests.faults.random_work import set_clock
from tests.faults.raw_log import assert_chained, assert_replayed, snapshot
from tests.promises import trials
from tests.store.casework import new_store
from tui.widgets.record import entries_of

PARTNERS = 4
ACTORS = ("ana", "bo", "dee")
JUMPS_A_STORE = 200
HOUR = 3_600_000_000
YEAR = 365 * 24 * HOUR
ASKING = re.compile(r"datetime\.now\(|(?<!date)time\.time\(|utcnow\(|\.today\(|time_ns\(|\btime\(\)")
OLDEST, NEWEST = -30 * YEAR, 130 * YEAR
REACHES = (1, 1_000_000, HOUR, 72 * HOUR, YEAR, 40 * YEAR, 200 * YEAR)


class JumpingClock:
    """Jumps before every action, and goes on by a microsecond whenever it is asked."""

    def __init__(self, draw: random.Random) -> None:
        self.draw = draw
        self.at = 49 * YEAR

    def jump(self) -> None:
        reach = self.draw.choice(REACHES)
        to = self.at + self.draw.randint(-reach, reach)
        self.at = to if OLDEST < to < NEWEST else self.draw.randint(OLDEST, NEWEST)

    def __call__(self) -> int:
        self.at += 1
        return self.at


@dataclass
class Deed:
    """An action as the test did it."""

    actor: str
    verb: str
    partners: list[int]
    seqs: tuple[int, ...]
    text: str
    undone: bool = False


@dataclass
class Model:
    """What was done, in the order it was done: plain lists, no clock.

    Attributes:
        deeds: oldest first.
        standing: the status and the assignee of each partner's case.
    """

    deeds: list[Deed] = field(default_factory=list)
    standing: dict[int, tuple[str, str | None]] = field(
        default_factory=lambda: dict.fromkeys(range(1, PARTNERS + 1), ("open", None))
    )
    before: dict[int, dict[int, tuple[str, str | None]]] = field(default_factory=dict)

    def last_of(self, actor: str) -> Deed | None:
        return next((deed for deed in reversed(self.deeds) if deed.actor == actor and not deed.undone), None)

    def undoable(self, last: Deed) -> bool:
        """Whether nothing that stands was done to the same cases after it."""
        later = self.deeds[self.deeds.index(last) + 1 :]
        return last.verb == "note" or not any(
            set(deed.partners) & set(last.partners) and deed.verb != "note" and not deed.undone for deed in later
        )


class Work:
    """Random actions on a store and on the model."""

    def __init__(self, store: Store, draw: random.Random) -> None:
        self.store, self.draw, self.model = store, draw, Model()
        self.number = 0

    def act(self) -> bool:
        """One action, or an undo; whether there is something new in the log."""
        self.number += 1
        actor = self.draw.choice(ACTORS)
        verb = self.draw.choices(("flag", "reopen", "assign", "note", "step", "undo"), (4, 3, 3, 2, 2, 5))[0]
        if verb == "undo":
            return self.undo(actor)
        fitting = [
            partner
            for partner, (status, _) in self.model.standing.items()
            if verb not in ("flag", "reopen") or (status == "open") == (verb == "flag")
        ]
        if not fitting:
            return False
        chosen = self.draw.sample(fitting, self.draw.randint(1, len(fitting)))
        text = f"{verb} {self.number}"
        done = self._do(verb, chosen, actor, text)
        self.model.before[done.seqs[0]] = {each: self.model.standing[each] for each in chosen}
        self.model.deeds.append(Deed(actor, verb, chosen, done.seqs, text))
        for partner in chosen:
            status, assignee = self.model.standing[partner]
            status = {"flag": "flagged", "reopen": "open"}.get(verb, status)
            self.model.standing[partner] = (status, text if verb == "assign" else assignee)
        return True

    def _do(self, verb: str, partners: Sequence[int], actor: str, text: str) -> cases.Done:
        if verb == "flag":
            return cases.flag(self.store, partners, actor=actor, note=text)
        if verb == "reopen":
            return cases.reopen(self.store, partners, actor=actor, note=text)
        if verb == "assign":
            return cases.assign(self.store, partners, actor=actor, assignee=text)
        if verb == "note":
            return cases.add_note(self.store, partners, actor=actor, note=text)
        step = self.draw.choice(TRACK)
        return audits.record_step(self.store, partners, actor=actor, step=step, at=None, note=text)

    def undo(self, actor: str) -> bool:
        """The store takes back what the model says was done last; or refuses, where something was done since."""
        last = self.model.last_of(actor)
        if last is None or not self.model.undoable(last):
            with pytest.raises(RefusedError):
                cases.undo(self.store, actor=actor)
            return False
        done = cases.undo(self.store, actor=actor)
        with self.store.reading() as connection:
            query = "SELECT corrects FROM actions WHERE seq BETWEEN ? AND ? ORDER BY seq"
            corrected = [seq for (seq,) in connection.execute(query, (done.seqs[0], done.seqs[-1]))]
        assert corrected == list(last.seqs)
        last.undone = True
        if last.verb in ("flag", "reopen", "assign"):
            self.model.standing.update(self.model.before[last.seqs[0]])
        return True

    def check_cases(self) -> None:
        """What the case's page tells: the last change, the notes, the track."""
        with self.store.reading() as connection:
            notes = notes_by_partner(connection)
        for partner, (status, assignee) in self.model.standing.items():
            case = cases.case(self.store, partner)
            assert (case.status, case.assignee) == (status, assignee)
            mine = [deed for deed in self.model.deeds if partner in deed.partners and not deed.undone]
            told = [deed.text for deed in reversed(mine) if deed.verb not in ("assign", "step")]
            assert [note.text for note in notes.get(partner, [])] == told
            steps = [deed.text for deed in mine if deed.verb == "step"]
            assert [step.note for step in audits.track(self.store, partner, today=0).steps] == steps


def spelled(at: int) -> str:
    """An instant before 1970 too, by Python's own calendar."""
    moment = datetime.fromtimestamp(at // 1_000_000, UTC).replace(microsecond=at % 1_000_000)
    return moment.isoformat().replace("+00:00", "Z")


def check_log(path: Path, capsys: pytest.CaptureFixture[str]) -> tuple[int, int]:
    """The log in all its shapes is in the order of its numbers; how often its clock went back, and was before 1970."""
    now = snapshot(path)
    assert_chained(now.entries)
    assert_replayed(now)
    at = [entry.at for entry in now.entries]
    back = {seq: at[seq - 2] - at[seq - 1] for seq in range(2, len(at) + 1) if at[seq - 1] < at[seq - 2]}
    capsys.readouterr()
    assert main(["log", "--db", str(path), "--json"]) == 0
    printed = json.loads(capsys.readouterr().out)["actions"]
    assert [entry["seq"] for entry in printed] == list(range(1, len(at) + 1))
    assert [entry["at"] for entry in printed] == [spelled(each) for each in at]
    assert [entry["clock_went_back"] for entry in printed] == [back.get(seq) for seq in range(1, len(at) + 1)]
    assert main(["log", "--db", str(path)]) == 0
    lines = capsys.readouterr().out.splitlines()[-len(at) :]
    assert [int(line.split()[0].lstrip("#")) for line in lines] == list(range(1, len(at) + 1))
    assert ["clock went back" in line for line in lines] == [seq in back for seq in range(1, len(at) + 1)]
    assert main(["log", "--db", str(path), "--partner", "p1", "--json"]) == 0
    for entry in json.loads(capsys.readouterr().out)["actions"]:
        assert entry["clock_went_back"] == back.get(entry["seq"])
    with open_store(path) as store:
        shown = entries_of(actions(store), set_back=clock_went_back(store))
    assert [entry.action.seq for entry in shown if entry.action] == list(range(len(at), 0, -1))
    assert [entry.text.startswith("clock went back ") for entry in reversed(shown)] == [
        seq in back for seq in range(1, len(at) + 1)
    ]
    return len(back), sum(each < 0 for each in at)


@trials("P13")
def test_a_clock_that_jumps_never_reorders_the_log(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    account: Callable[[str, Mapping[str, int]], None],
    count: int,
) -> None:
    for module in pkgutil.walk_packages(store_package.__path__, "store."):
        if not module.name.endswith("__main__"):
            import_module(module.name)
    draw = random.Random(13)
    clock = JumpingClock(draw)
    new_store(tmp_path / "first.db", {"p1": []}).close()
    set_clock(monkeypatch, clock)
    jumps = backwards = ancient = 0
    for number in range(-(-count // JUMPS_A_STORE)):
        path = tmp_path / f"{number}.db"
        with new_store(path, {f"p{each}": [] for each in range(1, PARTNERS + 1)}) as store:
            work = Work(store, draw)
            wanted = min(count, jumps + JUMPS_A_STORE)
            while jumps < wanted:
                clock.jump()
                jumps += work.act()
            work.check_cases()
            rebuild(store, actor="ana")
            work.check_cases()
        times = check_log(path, capsys)
        backwards += times[0]
        ancient += times[1]
    account("P13", {"jumps": jumps, "entries whose clock went back": backwards, "entries before 1970": ancient})
    assert jumps == count
    assert backwards >= count // 5
    assert ancient >= 1


def test_no_other_place_tells_the_time() -> None:
    """All of the store asks `instants.now`; the clock of these tests would not reach anything else."""
    root = Path(instants.__file__).parent
    found = [path.name for path in root.rglob("*.py") if ASKING.search(path.read_text("utf-8"))]
    assert found == ["instants.py"]
