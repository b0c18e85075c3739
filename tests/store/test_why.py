"""Why an event has its verdict, against the oracle's own reading of each class, exemption, opt-in and removal."""

import random
from dataclasses import replace
from pathlib import Path

import pytest

from store.connection import Store
from store.errors import UsageError
from store.event_pages import EventQuestion, event_page
from store.event_words import why_lines
from store.events import EventKey, EventRow
from store.ingest.importing import import_paths
from store.ingest.imports import void
from store.readers import readers
from store.why import IN_FORCE, Why, why, why_document
from tests import oracle
from tests.differential import ACTOR, both, build, event_facts, folded
from tests.incident_files import Row, write_file
from tests.incidents import DAY, FIRST, RESOURCES, SUBJECTS, draw
from tests.oracle_evidence import Event, Incident

SEEDS = 14


def raw_events(incident: Incident) -> dict[tuple[object, ...], Event]:
    """The raw records by all that they say; equal ones are alike."""
    found: dict[tuple[object, ...], Event] = {}
    for event in incident.events:
        outside = incident.outside_ids[incident.partner_of_app[event.app_id]]
        facts = (event.occurred_at, event.app_id, outside, event.data_classes, event.subject_id, event.resource_id)
        rest = (event.endpoint, event.records, event.bytes, event.ip, event.outcome, event.event_id)
        found[facts + rest] = event
    return found


def rows_of(store: Store) -> tuple[EventRow, ...]:
    return event_page(store, EventQuestion(), first=0, limit=100_000).rows


def test_every_reason_agrees_with_the_oracle(tmp_path: Path) -> None:
    met = dict.fromkeys(("exempt", "opted in", "anybody", "after removal", "granted again", "two rules"), 0)
    for seed in range(SEEDS):
        store, incident = both(tmp_path / str(seed), draw(seed))
        known = raw_events(incident)
        with store:
            for row in rows_of(store):
                event = known[event_facts(row)[:12]]
                answer = why(store, row.key)
                assert answer.event == row
                check(answer, event, incident)
                assert why_lines(answer)
                assert set(why_document(answer)) == {"classes", "opt_ins", "removals", "holders"}
                met["exempt"] += any(one.verdict == "allowed_by_exemption" for one in answer.classes)
                met["opted in"] += any(one.verdict == "allowed_by_opt_in" for one in answer.classes)
                met["anybody"] += any(one.verdict == "undetermined" for one in answer.classes)
                met["after removal"] += any(one.counts for one in answer.removals)
                met["granted again"] += any(one.granted_again_at is not None for one in answer.removals)
                met["two rules"] += any(len(one.rules) > 1 for one in answer.classes)
    assert min(met.values()) > 0, met


def check(answer: Why, event: Event, incident: Incident) -> None:
    rules = incident.rulebook.rules
    if event.outcome != "success":
        assert answer.classes == ()
    else:
        assert [one.data_class for one in answer.classes] == list(event.data_classes)
    asked = False
    for one in answer.classes:
        alone = replace(event, data_classes=(one.data_class,))
        verdict, rule = oracle.verdict(alone, incident)
        restricting = [
            each.id
            for each in rules
            if oracle.holds(each.from_at, each.until_at, event.occurred_at)
            and each.is_about(event.app_id)
            and any(oracle.contains(pattern, one.data_class) for pattern in each.data_classes)
        ]
        assert (one.verdict, [each.rule_id for each in one.rules]) == (verdict, restricting)
        assert rule == (restricting[0] if restricting else None)
        accepts = [each.accepts for each in rules if each.id in restricting]
        asked |= bool(accepts) and all("opt_in" in each for each in accepts)
        if accepts and all("exemption" in each for each in accepts):
            assert one.exemptions is not None
            assert len(one.exemptions) == len(incident.exemptions_of.get(event.app_id, []))
            served = any(each.finding == IN_FORCE for each in one.exemptions)
            assert served == oracle.is_exempt(event, one.data_class, incident)
        else:
            assert one.exemptions is None
    assert answer.looked_at_opt_ins == asked
    if asked:
        assert (answer.opt_ins_serving > 0) == oracle.is_opted_in(event, incident)
        if event.subject_id is not None:
            assert answer.opt_ins_known == len(incident.opt_ins_of.get(event.subject_id, []))
    removals = [one for one in incident.removals_of.get(event.app_id, []) if one.removed_at <= event.occurred_at]
    assert [one.removed_at for one in answer.removals] == sorted((one.removed_at for one in removals), reverse=True)
    assert any(one.counts for one in answer.removals) == oracle.is_after_removal(event, incident)
    counting = [one.lag for one in answer.removals if one.counts]
    assert (min(counting) if counting else None) == oracle.lag_after_removal(event, incident)
    assert [one.is_owner for one in answer.holders].count(True) >= 1


CLASSES = "g.m.name|g.m.pic|g.post"
RULES = """
[[rules]]
id = "r-1"
data_classes = ["g.m.*"]
from = 2019-03-02
except = ["opt_in", "exemption"]
basis = "the notice"
"""


def instant(days: float) -> str:
    return str(FIRST + int(days * DAY))


def test_each_reason_names_its_record(tmp_path: Path) -> None:
    """Sources, limits and findings of one event, known by hand."""
    tables: dict[str, list[Row]] = {
        "opt_ins": [
            {"subject_id": "other", "opted_in_at": instant(0)},
            {"subject_id": "Ann@X.org", "opted_in_at": instant(1), "opted_out_at": instant(5)},
            {"subject_id": "ann@x.org", "opted_in_at": instant(0), "app_id": "a2"},
            {"subject_id": "ann@x.org", "opted_in_at": instant(6), "resource_id": "g9"},
            {"subject_id": "ann@x.org", "opted_in_at": instant(9)},
        ],
        "exemptions": [
            {"app_id": "a1", "data_class": "g.m.pic", "exempt_from": instant(0), "reason": "approved"},
            {"app_id": "a1", "data_class": "g.m.*", "exempt_from": instant(7)},
        ],
        "removals": [{"app_id": "a1", "removed_at": instant(2), "reason": "over"}],
        "grants": [{"app_id": "a1", "scope": "all", "granted_at": instant(3)}],
        "access_events": [
            {
                "occurred_at": instant(6),
                "app_id": "a1",
                "data_class": CLASSES,
                "subject_id": "ann@x.org",
            }
        ],
    }
    paths = [write_file(tmp_path / f"{kind}.csv", kind, rows) for kind, rows in tables.items()]
    with build(tmp_path, RULES, paths) as store:
        (row,) = rows_of(store)
        answer = why(store, row.key)
    assert [(one.data_class, one.verdict) for one in answer.classes] == [
        ("g.m.name", "improper"),
        ("g.m.pic", "allowed_by_exemption"),
        ("g.post", "allowed"),
    ]
    exemptions = answer.classes[0].exemptions
    assert exemptions is not None
    assert [(one.pattern, one.finding, one.source.record_no) for one in exemptions] == [
        ("g.m.pic", "of other data", 1),
        ("g.m.*", "not yet in force", 2),
    ]
    assert {(one.finding, one.source.record_no, one.app_id, one.resource_id) for one in answer.opt_ins} == {
        ("ended before", 2, None, None),
        ("for another app", 3, "a2", None),
        ("for another resource", 4, None, "g9"),
        ("not yet in force", 5, None, None),
    }
    assert {one.source.file for one in answer.opt_ins} == {"opt_ins.csv"}
    (removal,) = answer.removals
    assert (removal.reason, removal.granted_again_at, removal.counts) == ("over", FIRST + 3 * DAY, False)
    said = "\n".join(f"{name} {value}" for name, value in why_lines(answer))
    for words in ("accepts opt-ins and exemptions; the notice", "0 of 4 in force", "granted again", "approved"):
        assert words in said


def test_every_import_that_holds_an_event_is_named(tmp_path: Path) -> None:
    one: Row = {"occurred_at": instant(1), "app_id": "a1", "data_class": "g.m", "event_id": "e1"}
    other = one | {"event_id": "e2"}
    first = write_file(tmp_path / "access_events-1.csv", "access_events", [one])
    second = write_file(tmp_path / "access_events-2.csv", "access_events", [other, one])
    with build(tmp_path, "", [first, second, first]) as store:
        row = next(each for each in rows_of(store) if each.event_id == "e1")
        assert [tuple(each) for each in why(store, row.key).holders] == [
            (1, "access_events-1.csv", 1, True, True),
            (2, "access_events-2.csv", 2, True, False),
            (3, "access_events-1.csv", 1, True, True),
        ]
        void(store, 1, note="wrong", actor=ACTOR)
        void(store, 3, note="wrong", actor=ACTOR)
        assert [each.counts for each in why(store, row.key).holders] == [False, True, False]
        with pytest.raises(UsageError):
            why(store, EventKey(row.key.app, row.key.occurred_at, 5))
        import_paths(store, [first], actor=ACTOR)
        assert [each.import_id for each in why(store, row.key).holders] == [1, 2, 3, 4]


@pytest.mark.parametrize("seed", [3, 7, 122])
def test_who_read_a_person_or_a_resource_is_what_plain_loops_find(tmp_path: Path, seed: int) -> None:
    chance = random.Random(seed)
    store, incident = both(tmp_path, draw(seed))
    with store:
        for kind, ids in (("subject", SUBJECTS), ("resource", RESOURCES)):
            for asked in ids:
                wanted = folded(asked)
                expected: dict[str, list[tuple[int, str, bool, str | None]]] = {}
                for event in incident.events:
                    if (event.subject_id if kind == "subject" else event.resource_id) != wanted:
                        continue
                    partner = incident.outside_ids[incident.partner_of_app[event.app_id]]
                    verdict = oracle.verdict(event, incident)[0]
                    after = verdict == "improper" and oracle.is_after_removal(event, incident)
                    expected.setdefault(partner, []).append((event.occurred_at, verdict, after, event.subject_id))
                spelled = f" {asked} " if chance.random() < 0.5 else asked
                answer = readers(store, subject=spelled) if kind == "subject" else readers(store, resource=spelled)
                assert {row.partner_id for row in answer.rows} == set(expected)
                for row in answer.rows:
                    events = expected[row.partner_id]
                    read = [each for each in events if each[1] == "improper"]
                    assert row.events == {name: sum(each[1] == name for each in events) for name in oracle.VERDICTS}
                    assert (row.first_at, row.last_at) == (min(each[0] for each in events), max(e[0] for e in events))
                    assert row.first_read_at == min((each[0] for each in read), default=None)
                    assert row.last_read_at == max((each[0] for each in read), default=None)
                    assert row.after_removal == sum(each[2] for each in events)
                    assert row.people == len({each[3] for each in read} - {None})


def test_an_unknown_person_is_said_to_be_unknown(tmp_path: Path) -> None:
    rows: list[Row] = [{"occurred_at": instant(1), "app_id": "a1", "data_class": "g.m", "subject_id": "ann%1"}]
    with build(tmp_path, "", [write_file(tmp_path / "access_events.csv", "access_events", rows)]) as store:
        assert readers(store, subject="nn%").nearest == ("ann%1",)
        assert readers(store, subject="%%") == readers(store, subject="%%").__class__("subject", "%%", (), ())
        for given in ({}, {"subject": "a", "resource": "b"}, {"subject": "  "}):
            with pytest.raises(UsageError):
                readers(store, **given)
