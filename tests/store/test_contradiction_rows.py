"""The rows behind a contradiction: as many as it tells, all of that app, whatever other apps are called."""

import json
import random
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from store.connection import Store, open_store
from store.contradiction_rows import contradiction_filters
from store.contradictions import AFTER_CERTIFICATE, AFTER_REMOVAL, Contradiction
from store.event_pages import EventPage, EventQuestion, event_page
from store.ingest.importing import import_paths
from store.instants import format_instant, parse_point
from store.names import find_partner
from store.parameters import Parameters
from store.partners import partner_list
from tests import small_incident
from tests.differential import TODAY, both
from tests.incidents import FIRST, LAST, draw

Account = Callable[[str, Mapping[str, int]], None]
SEEDS = range(16)
CUT = "2018-04-01T00:00:00Z"


def rows_of(store: Store, partner: int, found: Contradiction) -> EventPage:
    filters = contradiction_filters(found)
    assert filters is not None
    return event_page(store, EventQuestion(partner, found.from_at, None, filters), first=0, limit=1_000)


@pytest.mark.parametrize("seed", SEEDS)
def test_the_rows_are_as_many_as_are_told(seed: int, tmp_path: Path, account: Account) -> None:
    store, incident = both(tmp_path, draw(seed))
    chance = random.Random(seed)
    met: Counter[str] = Counter()
    with store:
        certificates = [
            {"partner_id": each, "step": "deletion_certified", "at": format_instant(chance.randint(FIRST, LAST))}
            for each in incident.outside_ids.values()
        ]
        more = tmp_path / "steps-more.jsonl"
        more.write_text("".join(json.dumps(each) + "\n" for each in certificates), "utf-8")
        import_paths(store, [more], actor="ana")
        for row in partner_list(store, Parameters(today=TODAY)):
            for found in row.contradictions:
                if found.kind not in (AFTER_REMOVAL, AFTER_CERTIFICATE):
                    assert contradiction_filters(found) is None
                    continue
                page = rows_of(store, row.partner, found)
                assert {event.app_id for event in page.rows} == {found.app_id}
                assert {event.verdict for event in page.rows} == {"improper"}
                assert page.rows[-1].occurred_at == found.last_at
                if found.kind == AFTER_REMOVAL:
                    assert page.total == found.events
                    assert page.rows[0].occurred_at == found.from_at
                else:
                    assert page.rows[0].occurred_at >= (found.from_at or 0) > (found.step_at or 0)
                met[found.kind] += 1
    account("contradictions opened to their rows", met)


def test_a_sibling_that_is_called_like_the_app_is_not_among_the_rows(tmp_path: Path) -> None:
    path = small_incident.build(tmp_path)
    tables = {
        "apps": [{"app_id": "a-x", "partner_id": "p-0", "name": "a-0"}],
        "removals": [{"app_id": "a-0", "removed_at": CUT}, {"app_id": "a-x", "removed_at": CUT}],
        "access_events": [
            {"app_id": "a-x", "occurred_at": f"2018-05-0{n}T00:00:00Z", "data_class": "group.member.name"}
            for n in (1, 2, 3)
        ],
    }
    paths = []
    for kind, rows in tables.items():
        paths.append(tmp_path / f"{kind}-more.jsonl")
        paths[-1].write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    with open_store(path) as store:
        import_paths(store, paths, actor="ana")
        partner = find_partner(store, "p-0")
        row = next(
            row for row in partner_list(store, Parameters(today=parse_point("2018-07-20"))) if row.partner == partner
        )
        assert [found.events for found in row.contradictions] == [60, 3]
        assert [rows_of(store, partner, found).total for found in row.contradictions] == [60, 3]
