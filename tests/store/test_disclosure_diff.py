"""What changed since a disclosure, who entered and left, and because of what; each cause's own share on request."""

import json
import random
from pathlib import Path

import pytest

from store import audits, cases
from store.cli.main import main
from store.connection import Store, open_store
from store.disclosure import disclose, disclosure
from store.disclosure_content import content_of, parameters_of
from store.disclosure_diff import Diff, FigureChange, diff, diff_document
from store.disclosure_words import since_words
from store.errors import UsageError
from store.figures import figures, figures_document
from store.ingest.importing import import_paths
from store.ingest.imports import void
from store.ingest.quarantine import quarantined, resolve
from store.instants import parse_point
from store.parameters import Parameters
from store.rulebook import current_rulebook, load_rules
from tests import small_incident
from tests.differential import ACTOR, build
from tests.faults.tamperings import forging
from tests.incident_files import Row, write_file
from tests.incidents import draw
from tests.store.test_histories import a_step, overlapping

TODAY = parse_point(small_incident.TODAY)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    store = open_store(small_incident.build(tmp_path))
    disclose(store, Parameters(today=TODAY), actor="ana", name="one")
    return store


def late(folder: Path, number: int, people: int) -> Path:
    """A file in which two apps nobody knew read so many people's data each."""
    rows: list[Row] = [
        {
            "occurred_at": "2018-06-20T10:00:00Z",
            "app_id": f"late-{number}-{app}",
            "data_class": ["group.member.name"],
            "subject_id": f"late-{number}-{app}-{person}",
        }
        for app in range(2)
        for person in range(people)
    ]
    return write_file(folder / f"access_events-{number}.csv", "access_events", rows)


def changed(found: Diff) -> dict[str, int | float | None]:
    return {change.path: change.difference for change in found.changes}


def test_one_import_is_the_cause_and_named(store: Store, tmp_path: Path) -> None:
    import_paths(store, [late(tmp_path, 7, 155)], actor="bo")
    found = diff(store, 1)
    assert found.because is not None
    assert (found.because.kind, found.because.import_id, found.because.by) == ("import", 5, "bo")
    words = since_words(found)
    assert words.startswith(
        "since the disclosure: kept access +2 partners; read +2 partners, +310 people, +310 restricted reads;"
    )
    assert words.endswith("because of import 5 (access_events-7.csv)")
    moved = {each.population: each for each in found.moved}
    assert moved["accessed"].entered == ("app:late-7-0", "app:late-7-1")
    assert moved["accessed"].left == ()
    assert changed(found)["accessed.events"] == 310
    assert found.shares is None
    then = disclosure(store, 1).document["figures"]
    now = figures_document(figures(store, Parameters(today=TODAY)))
    by_path = {change.path: change for change in found.figures}
    assert by_path["accessed.people"] == FigureChange("accessed.people", then["accessed"]["people"], 520)
    assert by_path["recent.partners"].now == now["recent"]["partners"]  # type: ignore[index]


def test_without_a_change_it_says_so(store: Store) -> None:
    cases.add_note(store, [1], actor="ana", note="x")
    found = diff(store, 1, by_cause=True)
    assert (found.changes, found.causes, found.shares) == ((), (), ())
    assert since_words(found) == "since the disclosure: no figure changed"


def test_work_alone_is_told_as_work(store: Store) -> None:
    cases.flag(store, [1, 2], actor="ana")
    audits.record_step(store, [1], actor="bo", step="access_removed", at=parse_point("2018-07-03"), note="x")
    found = diff(store, 1)
    assert found.because is None
    (cause,) = found.causes
    assert (cause.kind, cause.entries, cause.by) == ("work", 3, "ana, bo")
    assert not found.evidence_changed
    assert since_words(found).endswith(
        "none of how many partners or people read, or how often; because of 3 entries of work on cases and steps"
    )


def test_who_came_and_went_is_said_where_the_number_hides_it(store: Store, tmp_path: Path) -> None:
    moved: Row = {"app_id": "a-5", "name": "GroupPilot", "partner_id": "p-9"}
    import_paths(store, [write_file(tmp_path / "apps-2.csv", "apps", [moved])], actor="bo")
    words = since_words(diff(store, 1))
    assert words.startswith(
        "since the disclosure: kept access 1 partner in, 1 out; read 1 partner in, 1 out; read in the window 1 partner"
    )
    assert words.endswith("because of import 5 (apps-2.csv)")


def test_reads_of_people_known_before_are_said(store: Store, tmp_path: Path) -> None:
    read: Row = {
        "occurred_at": "2018-05-20T10:00:00Z",
        "app_id": "a-5",
        "data_class": ["group.member.name"],
        "subject_id": "s-5-0",
        "event_id": "again",
    }
    again = [read | {"event_id": f"again-{number}"} for number in range(40)]
    known = figures(store, Parameters(today=TODAY)).accessed.people
    import_paths(store, [write_file(tmp_path / "access_events-2.csv", "access_events", again)], actor="bo")
    more = figures(store, Parameters(today=TODAY)).accessed.people - known
    people = f"+{more} {'person' if more == 1 else 'people'}, " if more else ""
    assert f"read {people}+40 restricted reads" in since_words(diff(store, 1))


def test_how_far_the_figures_can_be_relied_on_is_said_when_it_changes(store: Store, tmp_path: Path) -> None:
    covered: Row = {"source": "gw", "covered_from": "2018-04-01T00:00:00Z", "covered_until": "2018-07-02T00:00:00Z"}
    import_paths(store, [write_file(tmp_path / "coverage.csv", "coverage", [covered])], actor="bo")
    words = since_words(diff(store, 1))
    assert "read, read in the window, read after removal: at least then, complete in the log now;" in words


def test_an_unfinished_import_is_named_and_no_riddle(store: Store) -> None:
    with store.writing() as connection:
        columns = "content_id, file, path, sha256, size, format, options, started_at, started_by, state"
        values = "9, 'half.csv', '/x', 'x', 1, 'canonical', '{}', 1, 'ana', 'loading'"
        connection.execute(f"INSERT INTO imports({columns}) VALUES ({values})")
    found = diff(store, 1, by_cause=True)
    assert since_words(found) == (
        "since the disclosure: 1 unfinished import, counted nowhere until finished by importing the file again"
    )
    assert (found.shares, found.evidence_changed) == ((), False)


def test_evidence_beside_work_is_still_one_cause(store: Store, tmp_path: Path) -> None:
    cases.flag(store, [1], actor="ana")
    import_paths(store, [late(tmp_path, 1, 3)], actor="bo")
    cases.flag(store, [2], actor="ana")
    found = diff(store, 1)
    assert [cause.kind for cause in found.causes] == ["work", "import", "work"]
    assert found.because == found.causes[1]


def test_a_case_that_an_import_reopens_is_the_imports_doing(store: Store, tmp_path: Path) -> None:
    cases.clear(store, [6], actor="ana", grounds="other", note="x", override=True)
    disclose(store, Parameters(today=TODAY), actor="ana", name="two")
    rows = [small_incident.read(5, number, "more") for number in range(3)]
    file = tmp_path / "access_events-more.jsonl"
    file.write_text("".join(f"{json.dumps(row)}\n" for row in rows), "utf-8")
    import_paths(store, [file], actor="bo")
    cases.flag(store, [1], actor="ana")
    found = diff(store, 2, by_cause=True)
    assert found.shares is not None
    told = [
        (share.cause.kind, {c.path: c.difference for c in share.changes if c.path.startswith("cases.")})
        for share in found.shares
    ]
    assert told == [
        ("import", {"cases.cleared": -1, "cases.open": 1}),
        ("work", {"cases.flagged": 1, "cases.open": -1}),
    ]


def several(store: Store, folder: Path) -> None:
    """A store in which everything that is a cause happened once."""
    import_paths(store, [late(folder, 1, 5)], actor="bo")
    bad: list[Row] = [{"occurred_at": "never", "app_id": "a-1", "data_class": ["group.member.name"]}]
    import_paths(store, [write_file(folder / "access_events-bad.csv", "access_events", bad)], actor="bo")
    cases.flag(store, [1], actor="ana")
    void(store, 5, actor="ana", note="the wrong file")
    load_rules(store, current_rulebook(store).toml.replace("2018-04-04", "2018-05-04"), source="new.toml", actor="cy")
    import_paths(store, [folder / "access_events-1.csv"], actor="bo")
    resolve(store, quarantined(store)[0].quarantine_id, actor="bo", note="a header")


def test_several_causes_are_listed_and_shared_only_when_asked(store: Store, tmp_path: Path) -> None:
    several(store, tmp_path)
    listed = diff(store, 1)
    kinds = ["import", "import", "work", "void", "rulebook", "restore", "quarantine"]
    assert [cause.kind for cause in listed.causes] == kinds
    assert (listed.because, listed.shares) == (None, None)
    assert since_words(listed).endswith("; 6 causes lie between")
    found = diff(store, 1, by_cause=True)
    assert found.shares is not None
    shares = {share.cause.kind: {change.path: change for change in share.changes} for share in found.shares}
    assert [share.cause.kind for share in found.shares] == kinds
    first = {change.path: change.difference for change in found.shares[0].changes}
    assert (first["accessed.partners"], first["accessed.people"]) == (2, 10)
    assert shares["void"]["accessed.people"].difference == -10
    assert shares["restore"]["accessed.people"].difference == 10
    assert shares["quarantine"]["quarantined"].difference == -1
    assert shares["work"]["cases.flagged"].difference == 1
    assert "cutoff" in shares["rulebook"]
    assert found.shares[0].moved[0].entered == ("app:late-1-0", "app:late-1-1")


def test_shares_add_up_to_the_difference(tmp_path: Path) -> None:
    """Over random histories, each number's shares are its difference, and each is what was counted live then."""
    for seed in range(2):
        chance = random.Random(seed)
        draft = overlapping(draw(8200 + seed), chance)
        folder = tmp_path / str(seed) / "files"
        draft.write(folder)
        rules = [draft.rules_toml, draw(8300 + seed).rules_toml]
        with build(tmp_path / str(seed), draft.rules_toml, []) as store:
            for _ in range(3):
                a_step(store, folder, rules, chance)
            frozen = disclose(store, Parameters(today=TODAY), actor=ACTOR, name="x")
            asked = parameters_of(frozen.document["parameters"])
            live = {}
            for _ in range(6):
                a_step(store, folder, rules, chance)
                with store.reading() as connection:
                    (head,) = connection.execute("SELECT max(seq) FROM actions").fetchone()
                    live[head] = content_of(store, connection, asked)["figures"]
            found = diff(store, 1, by_cause=True)
            assert found.shares is not None
            assert "unexplained" not in {share.cause.kind for share in found.shares}
            total: dict[str, int | float] = {}
            people = frozen.document["figures"]["accessed"]["people"]
            compared = 0
            for share in found.shares:
                for change in share.changes:
                    total[change.path] = total.get(change.path, 0) + (change.difference or 0)
                people += {change.path: change.difference or 0 for change in share.changes}.get("accessed.people", 0)
                if share.cause.last_seq in live:
                    assert people == live[share.cause.last_seq]["accessed"]["people"]
                    compared += 1
            assert compared >= 3
            for change in found.figures:
                if change.difference is not None:
                    assert total.get(change.path, 0) == change.difference, change


def test_two_disclosures_are_compared_the_earlier_first_and_parameters_are_said_first(
    store: Store, tmp_path: Path
) -> None:
    import_paths(store, [late(tmp_path, 1, 5)], actor="bo")
    disclose(store, Parameters(today=TODAY), actor="ana", name="two")
    disclose(store, Parameters(today=TODAY, as_of=parse_point("2018-06-01"), window_days=9), actor="ana", name="three")
    import_paths(store, [late(tmp_path, 2, 50)], actor="bo")
    same = diff(store, 2, 1)
    assert (same.disclosure_id, same.other_id, same.parameters) == (1, 2, ())
    assert since_words(same).startswith("from 1 to 2: kept access +2 partners; read +2 partners, +10 people")
    assert changed(same)["accessed.people"] == 10
    other = diff(store, 1, 3, by_cause=True)
    assert [change.path for change in other.parameters] == ["as_of", "window_days"]
    assert [cause.kind for cause in other.causes] == ["import", "parameters"]
    assert other.because is None
    assert other.shares is not None
    assert [share.cause.kind for share in other.shares] == ["import", "parameters"]
    alone = diff(store, 2, 3)
    assert alone.because is not None
    assert since_words(alone).endswith("because of other parameters: as_of, window_days")
    with pytest.raises(UsageError, match="two disclosures"):
        diff(store, 2, 2)


def test_what_the_log_does_not_explain_is_said(store: Store) -> None:
    with forging(store.path) as database:
        database.execute("UPDATE rulebooks SET toml = replace(toml, '2018-07-01', '2018-06-01'), source = 'x'")
        database.execute("UPDATE rulebooks SET toml = replace(toml, '2018-04-04', '2018-05-01')")
        database.commit()
    found = diff(store, 1)
    assert found.causes == ()
    assert since_words(found).endswith("nothing in the log explains it: see `python -m store verify`")


def test_another_version_of_the_program_is_a_cause(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    tool = {"name": "overscope", "version": "9.9", "schema": 3}
    for module in ("disclosure_diff", "reproduce"):
        monkeypatch.setattr(f"store.{module}.tool_document", lambda: tool)
    found = diff(store, 1, by_cause=True)
    assert [cause.kind for cause in found.causes] == ["program"]
    assert found.shares is not None
    assert found.shares[0].changes == ()


def test_the_command(store: Store, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    several(store, tmp_path)
    words = ["diff", "--db", str(store.path), "--disclosure", "1"]
    assert main([*words, "--by-cause", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    with open_store(store.path, read_only=True) as reader:
        assert document == json.loads(json.dumps(diff_document(diff(reader, 1, by_cause=True))))
    assert main([*words, "--by-cause"]) == 0
    out = capsys.readouterr().out
    assert "import 5 (access_events-1.csv), by bo\n  retained.partners: 6 -> 8 (+2)" in out
    assert "entered 'read': app:late-1-0, app:late-1-1" in out
    assert main(words) == 0
    assert "Between lie:" in capsys.readouterr().out
