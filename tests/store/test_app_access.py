"""What an app could read, as it is told: against plain loops over the raw files."""

import json
from pathlib import Path

import pytest

from store.app_access import MOST_TOLD, access_document, access_lines, access_of, app_access
from store.cli.main import main
from store.connection import open_store
from store.errors import UsageError
from store.ingest.importing import import_paths
from store.instants import parse_point
from store.names import find_partner
from store.parameters import Parameters
from store.read_classes import class_words, read_classes
from tests import oracle, small_incident
from tests.differential import both, folded
from tests.incidents import draw
from tests.oracle_evidence import Incident

SEEDS = range(12)
LATE = parse_point("2050-01-01")


def grants_told(incident: Incident, app_id: str) -> list[tuple[object, ...]]:
    """Scope, resource, begin, revocation, removal and end of every grant."""
    removals = sorted(row.removed_at for row in incident.removals_of.get(app_id, []))
    told = []
    for grant in incident.grants_of.get(app_id, []):
        removed_at = next((at for at in removals if at > grant.granted_at), None)
        ends = [end for end in (grant.revoked_at, removed_at) if end is not None]
        told.append(
            (grant.scope, grant.resource_id, grant.granted_at, grant.revoked_at, removed_at, min(ends, default=None))
        )
    return sorted(told, key=str)


@pytest.mark.parametrize("seed", SEEDS)
def test_every_app_is_told_as_the_files_tell_it(seed: int, tmp_path: Path) -> None:
    store, incident = both(tmp_path, draw(seed))
    with store:
        for partner, apps in incident.apps_of_partner.items():
            number = find_partner(store, incident.outside_ids[partner])
            found = access_of(store, number)
            assert [each.app_id for each in found] == sorted(map(folded, apps))
            for app_id in apps:
                each = app_access(store, number, folded(app_id))
                told = [
                    (row.scope, row.resource_id, row.granted_at, row.revoked_at, row.removed_at, row.until_at)
                    for row in each.grants
                ]
                assert sorted(told, key=str) == grants_told(incident, app_id)
                assert each.grants_known == len(told)
                pieces = oracle.open_intervals(app_id, incident, incident.rulebook, LATE)
                could = [(start, LATE if end is None else end) for start, end in reversed(each.could_read)]
                assert could == oracle.merged(pieces)
                ends = [row.until_at for row in each.grants if row.until_at is not None]
                assert ends == sorted(ends, reverse=True)
                removed = sorted((row.removed_at for row in incident.removals_of.get(app_id, [])), reverse=True)
                assert [row.removed_at for row in each.removals] == removed
                exempt = [(row.pattern, row.from_at, row.until_at) for row in each.exemptions]
                assert sorted(exempt, key=str) == sorted(
                    ((row.pattern, row.from_at, row.until_at) for row in incident.exemptions_of.get(app_id, [])),
                    key=str,
                )
                for row in (*each.grants, *each.removals):
                    assert (tmp_path / "files" / row.file).exists() or Path(row.file).exists()
                json.dumps(access_document(each))


@pytest.mark.parametrize("seed", SEEDS)
def test_the_classes_read_are_those_of_the_improper_events(seed: int, tmp_path: Path) -> None:
    store, incident = both(tmp_path, draw(seed))
    seen = oracle.view(incident, LATE)
    with store:
        for partner in incident.apps_of_partner:
            outside = incident.outside_ids[partner]
            expected = {
                name
                for event in seen.improper()
                if incident.partner_of_app[event.app_id] == partner
                for name in oracle.improper_classes(event, seen)
            }
            found = read_classes(store, find_partner(store, outside), Parameters(as_of=LATE))
            assert set(found) == expected
            assert list(found) == sorted(found)


@pytest.mark.parametrize(
    ("classes", "words"),
    [
        ((), ""),
        (("group.member.name", "group.member.picture"), "name+picture"),
        (("group.name", "member.name"), "group.name+member.name"),
        (("a.b", "a.c", "a.d", "a.e", "x"), "b+c+d and 2 more"),
    ],
)
def test_classes_in_few_words(classes: tuple[str, ...], words: str) -> None:
    assert class_words(classes) == words


def test_very_many_grants_are_counted_and_those_that_end_last_are_told(tmp_path: Path) -> None:
    path = small_incident.build(tmp_path)
    rows = [
        {"app_id": "a-0", "scope": "members", "resource_id": f"g-{n}", "granted_at": f"2017-02-01T00:00:{n % 60:02}Z"}
        for n in range(MOST_TOLD + 40)
    ]
    more = tmp_path / "grants-more.jsonl"
    more.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    removals = tmp_path / "removals.jsonl"
    removals.write_text(
        json.dumps({"app_id": "a-0", "removed_at": "2018-06-01T00:00:00Z", "reason": "found"}) + "\n", "utf-8"
    )
    with open_store(path) as store:
        import_paths(store, [more, removals], actor="ana")
        found = app_access(store, find_partner(store, "p-0"), "a-0")
        assert (found.grants_known, len(found.grants)) == (MOST_TOLD + 41, MOST_TOLD)
        assert "and 41 more that ended earlier" in [value for _, value in access_lines(found)]
        with pytest.raises(UsageError, match="its apps are a-0"):
            app_access(store, find_partner(store, "p-0"), "a-1")


def test_the_command_tells_the_same(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = small_incident.build(tmp_path)
    assert main(["access", "--db", str(path), "--partner", "p-1", "--json"]) == 0
    (app,) = json.loads(capsys.readouterr().out)["apps"]
    with open_store(path) as store:
        expected = access_document(app_access(store, find_partner(store, "p-1"), "a-1"))
    assert app == json.loads(json.dumps(expected))
    assert app["grants"][0]["until"] is None
    assert main(["access", "--db", str(path), "--partner", "p-1", "--app", "a-1"]) == 0
    told = capsys.readouterr().out
    assert "Granted     2017-01-01T00:00:00Z .. still, not ended  members" in told
    assert main(["access", "--db", str(path), "--partner", "p-1", "--app", "a-9"]) == 2
    assert "the partner has no app 'a-9'" in capsys.readouterr().err
