"""The order of the partner list and of the queue, and what is due, against plain loops over drawn facts."""

import json
import random
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import pytest

from store.audits import record_step
from store.cases import clear
from store.connection import Store, open_store
from store.due import due_items
from store.ingest.importing import import_paths
from store.instants import format_day, format_instant, parse_point
from store.names import find_partners
from store.parameters import Parameters
from store.partners import all_partners, first_partners, partner_list
from store.queue import queue
from store.rulebook import load_rules
from store.schema import create_store
from store.step_details import Details

DAY = 86_400_000_000
RULE_FROM = parse_point("2019-01-01")
AS_OF = parse_point("2019-07-01")
TODAY = parse_point("2019-12-01")
PARAMETERS = Parameters(today=TODAY)
MANY, FEW = 2_100, 300
REMOVED, CERTIFIED, LONG_AGO, LATELY = (parse_point(f"2019-{day}") for day in ("04-01", "04-10", "02-01", "06-20"))
# A step that has a due date, and the step that settles it.
WAITING = {"notified": "deletion_requested", "deletion_requested": "deletion_certified", "no_response": None}
_RULES = """
[incident]
name = "Order"
as_of = 2019-07-01
window_days = 30

[scopes]
"members" = ["group.member.*"]

[[rules]]
id = "members"
data_classes = ["group.member.*"]
from = 2019-01-01

[clocks]
deletion_certified = "none"
"""


class Facts(NamedTuple):
    """What one partner did and what was recorded of it, as drawn.

    Attributes:
        old, after, recent: people read long before as-of, after the removal, and in the window: one read each.
        twice: reads of a person read already.
        due: days from today on which an answer to `asks` is due; None: no step asks for anything.
        stated: people that it states; None: it stated nothing.
    """

    partner_id: str
    name: str
    granted: bool
    removed: bool
    old: int
    after: int
    recent: int
    twice: int
    certified: bool
    marked: bool
    asks: str
    due: int | None
    stated: int | None
    closed: bool

    @property
    def people(self) -> int:
        return self.old + self.after + self.recent

    @property
    def after_removal(self) -> int:
        return self.after + self.recent if self.removed else 0

    @property
    def is_contradicted(self) -> bool:
        """By its certificate, by what it stated, or as somebody recorded."""
        read_later = self.after + self.recent > 0
        return (self.certified and read_later) or self.marked or (self.stated is not None and self.stated < self.people)

    @property
    def is_late(self) -> bool:
        return self.due is not None and self.due < 0

    def kinds(self) -> list[str]:
        """The reasons that it has, in the order in which they are stated to count."""
        has = {
            "read_after_removal": self.after_removal > 0,
            "contradicted": self.is_contradicted,
            "overdue": self.is_late,
            "recent": self.recent > 0,
            "people": self.people > 0,
        }
        return [kind for kind, holds in has.items() if holds]


def draw_facts(chance: random.Random, number: int) -> Facts:
    quiet = number % 4 == 3
    certified = not quiet and chance.random() < 0.2
    return Facts(
        partner_id=f"p{number:04}",
        name=chance.choice(("Alder", "alder", "Birch", "Cedar", f"Maker {number % 50}")),
        granted=chance.random() < 0.8,
        removed=chance.random() < 0.3,
        old=0 if quiet else chance.choice((0, 1, 2)),
        after=0 if quiet else chance.choice((0, 0, 0, 1)),
        recent=0 if quiet else chance.choice((0, 0, 0, 1)),
        twice=chance.choice((0, 0, 1)),
        certified=certified,
        marked=chance.random() < 0.03,
        asks=chance.choice(tuple(WAITING)),
        due=None if certified or chance.random() < 0.6 else chance.choice((-30, -1, 0, 1, 30)),
        stated=None if chance.random() < 0.9 else chance.choice((0, 1, 2)),
        closed=chance.random() < 0.02,
    )


def registered(facts: Sequence[Facts]) -> dict[str, list[dict[str, object]]]:
    files: dict[str, list[dict[str, object]]] = {
        kind: [] for kind in ("partners", "apps", "grants", "removals", "steps", "access_events")
    }
    for each in facts:
        app = {"app_id": f"a-{each.partner_id}"}
        files["partners"].append({"partner_id": each.partner_id, "name": each.name})
        files["apps"].append({**app, "partner_id": each.partner_id, "name": each.name})
        if each.granted:
            files["grants"].append({**app, "scope": "members", "granted_at": "2018-01-01T00:00:00Z"})
        if each.removed:
            files["removals"].append({**app, "removed_at": format_instant(REMOVED)})
        if each.certified:
            files["steps"].append({"partner_id": each.partner_id, "step": "deletion_certified", "at": "2019-04-10"})
        if each.marked:
            files["steps"].append({"partner_id": each.partner_id, "step": "contradicted", "at": "2019-11-01"})
        if each.due is not None:
            due = format_day(TODAY + each.due * DAY)
            files["steps"].append({"partner_id": each.partner_id, "step": each.asks, "at": "2019-10-01", "due": due})
        at = [LONG_AGO] * each.old + [CERTIFIED + 2 * DAY] * each.after + [LATELY] * each.recent
        reads = [(instant, f"{each.partner_id}-{number}") for number, instant in enumerate(at)]
        reads += reads[:1] * (each.twice if at else 0)
        files["access_events"] += [
            {
                **app,
                "occurred_at": format_instant(instant + place),
                "data_class": "group.member.name",
                "subject_id": person,
            }
            for place, (instant, person) in enumerate(reads)
        ]
    return files


def build(folder: Path, facts: Sequence[Facts]) -> Store:
    path = folder / "order.db"
    create_store(path, name="Order", actor="ana", at=RULE_FROM)
    store = open_store(path)
    load_rules(store, _RULES, source="rules.toml", actor="ana")
    files = folder / "files"
    files.mkdir()
    for kind, rows in registered(facts).items():
        (files / f"{kind}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    import_paths(store, sorted(files.iterdir()), actor="ana")
    ids = [each.partner_id for each in facts]
    inside = dict(zip(ids, find_partners(store, ids), strict=True))
    for stated in (0, 1, 2):
        about = [inside[each.partner_id] for each in facts if each.stated == stated]
        if about:
            at = parse_point("2019-11-02")
            record_step(store, about, actor="ana", step="statement", at=at, details=Details(people=stated))
    closed = [inside[each.partner_id] for each in facts if each.closed]
    if closed:
        clear(store, closed, actor="ana", grounds="defunct", note="the firm is gone")
    return store


def attention(each: Facts) -> tuple[object, ...]:
    """By the first reason that one has and another has not; then people, reads, name."""
    kinds = each.kinds()
    has = tuple(kind not in kinds for kind in ("read_after_removal", "contradicted", "overdue", "recent"))
    kept = each.granted or each.people > 0
    reads = each.people + (each.twice if each.people else 0)
    return (*has, not kept, -each.people, -reads, each.name.casefold(), each.partner_id)


@pytest.fixture(scope="module", params=[FEW, MANY], ids=["few", "many"])
def told(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Store, list[Facts]]]:
    chance = random.Random(request.param)
    facts = [draw_facts(chance, number) for number in range(request.param)]
    with build(tmp_path_factory.mktemp("order"), facts) as store:
        yield store, facts


def test_the_list_is_in_the_order_of_its_reasons(
    told: tuple[Store, list[Facts]], account: Callable[[str, Mapping[str, int]], None]
) -> None:
    store, facts = told
    expected = [each.partner_id for each in sorted(facts, key=attention)]
    assert [row.partner_id for row in partner_list(store, PARAMETERS)] == expected
    assert [row.partner_id for row in all_partners(store, PARAMETERS)] == expected
    met = Counter(", ".join(each.kinds()) for each in facts)
    # Most combinations come up, so that no two reasons can have changed places unseen.
    assert len(met) >= 14, met
    account("order", {"partners in order": len(facts), "combinations of reasons": len(met)})


def test_the_begin_of_the_list_is_its_prefix(told: tuple[Store, list[Facts]]) -> None:
    store, facts = told
    first = first_partners(store, PARAMETERS)
    if len(facts) < MANY:
        assert first is None
        return
    assert first is not None
    kept = [each for each in sorted(facts, key=attention) if each.granted or each.people]
    assert [row.partner_id for row in first.rows] == [each.partner_id for each in kept[: len(first.rows)]]
    assert first.total == len(kept)
    assert first.together.late == sum(each.is_late for each in kept)


def test_the_queue_says_why_in_that_order(told: tuple[Store, list[Facts]]) -> None:
    store, facts = told
    found = queue(store, PARAMETERS)
    kept = [each for each in sorted(facts, key=attention) if (each.granted or each.people or each.stated is not None)]
    waiting = [each for each in kept if not each.closed]
    assert [item.row.partner_id for item in found.items] == [each.partner_id for each in waiting]
    assert found.closed == sum(each.closed for each in facts)
    for item, each in zip(found.items, waiting, strict=True):
        kinds = [reason.kind for reason in item.reasons]
        assert list(dict.fromkeys(kinds)) == each.kinds(), each


def test_what_is_due_is_all_that_waits(told: tuple[Store, list[Facts]]) -> None:
    store, facts = told
    expected = sorted(
        (TODAY + each.due * DAY, each.name.casefold(), each.partner_id, each.is_late, WAITING[each.asks])
        for each in facts
        if each.due is not None
    )
    listed = due_items(store, PARAMETERS)
    assert [item.due for item in listed] == [due for due, *_ in expected]
    found = [(item.due, item.name.casefold(), item.partner_id, item.overdue, item.step) for item in listed]
    settled = [(*row[:4], row[4] or "access_removed") for row in expected]
    assert sorted(map(str, found)) == sorted(map(str, settled))
    assert {item.overdue for item in listed if item.due == TODAY} == {False}
