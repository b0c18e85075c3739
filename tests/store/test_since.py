"""What is new since a person left, against plain loops over the raw log and the memberships as they were then."""

import json
import random
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from store import audits, cases, ledger
from store.cli.main import main
from store.connection import Store, open_store
from store.errors import UsageError
from store.ingest.importing import import_paths
from store.instants import MICROSECONDS_PER_DAY, format_day, now, parse_point
from store.sessions import Session
from store.since import MOST_LISTED, Departure, Since, departure, since
from store.since_words import headline, sections, since_document
from tests import small_incident
from tests.differential import ACTOR, build
from tests.faults.random_work import ACTORS, Clock, Diary, set_clock
from tests.incident_files import Row, write_file

TODAY = parse_point("2020-01-20")
POPULATIONS = {
    "retained": "retained",
    "accessed": "events > 0",
    "recent": "recent > 0",
    "after_removal": "after_removal > 0",
}
RULES = """
[incident]
as_of = 2019-03-09

[[rules]]
id = "r"
data_classes = ["g.m.*"]
from = 2019-03-01
basis = "b"
"""
DEEDS = 60
RARE = ("import", "void", "rules")

Members = dict[str, set[int]]


def members(path: Path) -> Members:
    """Who is in which population now, read past the store."""
    with closing(sqlite3.connect(path)) as database:
        return {
            name: {partner for (partner,) in database.execute(f"SELECT partner FROM partner_figures WHERE {condition}")}
            for name, condition in POPULATIONS.items()
        }


def raw_log(path: Path) -> list[dict[str, object]]:
    with closing(sqlite3.connect(path)) as database:
        cursor = database.execute("SELECT * FROM actions ORDER BY seq")
        names = [each[0] for each in cursor.description]
        return [dict(zip(names, row, strict=True)) for row in cursor]


def ask(store: Store, actor: str, *, seq: int | None = None, at: int | None = None, today: int = TODAY) -> Since:
    return since(store, departure(store, actor, seq=seq, at=at), actor=actor, today=today)


def test_every_entry_is_ones_own_or_told_in_exactly_one_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    chance = random.Random(7)
    set_clock(monkeypatch, Clock(chance))
    path = small_incident.build(tmp_path)
    told = 0
    with open_store(path) as store:
        diary = Diary(store, tmp_path, chance)
        then = {ledger.actions(store)[-1].seq: members(path)}
        for place in range(DEEDS):
            # What seldom comes by chance comes by turns, too.
            if not (place % 9 == 0 and diary.do(RARE[place // 9 % len(RARE)])):
                diary.go_on(1)
            then[ledger.actions(store)[-1].seq] = members(path)
        log = raw_log(path)
        assert all(diary.done[what] for what in RARE), diary.done
        for seq, before in then.items():
            actor = chance.choice((*ACTORS, "nobody"))
            news = ask(store, actor, seq=seq)
            later = [entry for entry in log if int(str(entry["seq"])) > seq]
            counts = {verb: sum(entry["verb"] == verb for entry in later) for verb in ("import", "void", "load_rules")}
            assert counts == {"import": news.imported, "void": news.voided, "load_rules": news.loaded}
            by_itself = [entry for entry in later if (entry["verb"], entry["actor"]) == ("reopen", "system")]
            assert news.reopened_count == len(by_itself)
            rest = [
                entry
                for entry in later
                if entry["verb"] not in (*counts, "populations") and entry not in by_itself and entry["actor"] != actor
            ]
            assert news.acted == len(rest)
            assert {each.actor for each in news.others} <= {str(entry["actor"]) for entry in rest}
            if news.groups <= MOST_LISTED:
                assert sum(each.times for each in news.others) == len(rest)
            for each in news.populations:
                after = members(path)[each.population]
                was = before[each.population]
                assert (each.entered, each.left) == (len(after - was), len(was - after)), (seq, each.population)
                assert len(each.who_entered) == min(each.entered, MOST_LISTED)
            told += news.is_news
    assert told > DEEDS // 2


def files(folder: Path, number: int, day: int = 5) -> list[Path]:
    """So many files, each with one restricted read of an app of its own."""
    event: Row = {"occurred_at": f"2019-03-0{day}T00:00:00Z", "data_class": ["g.m.name"], "subject_id": "s1"}
    rows = [event | {"app_id": f"a{day}-{place}"} for place in range(number)]
    return [write_file(folder / f"access_events-{row['app_id']}.csv", "access_events", [row]) for row in rows]


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return build(tmp_path, RULES, files(tmp_path, 3), one_by_one=False)


def last(store: Store) -> int:
    return ledger.actions(store)[-1].seq


def test_one_left_with_the_later_of_session_and_own_action(store: Store) -> None:
    with store:
        assert departure(store, "bo") == Departure(0, None, "never")
        assert departure(store, "bo", session=Session(3, TODAY)) == Departure(3, TODAY, "session")
        cases.flag(store, [1], actor="bo")
        own = ledger.actions(store)[-1]
        assert departure(store, "bo", session=Session(3, TODAY)) == Departure(own.seq, own.at, "action")
        cases.flag(store, [2], actor="ana")
        assert departure(store, "bo", session=Session(own.seq + 1, TODAY)) == Departure(own.seq + 1, TODAY, "session")
        assert departure(store, "ana") == Departure(own.seq + 1, ledger.actions(store)[-1].at, "action")


def test_two_people_are_told_of_each_other_and_not_of_themselves(store: Store) -> None:
    with store:
        cases.flag(store, [1, 2], actor="ana", note="why")
        cases.flag(store, [3], actor="bo")
        (told,) = ask(store, "bo", seq=last(store) - 3).others
        assert (told.actor, told.verb, told.times, told.partners, len(told.first)) == ("ana", "flag", 2, 2, 2)
        (told,) = ask(store, "ana", seq=last(store) - 3).others
        assert (told.actor, told.times, told.first[0].partner_id) == ("bo", 1, "app:a5-2")
        assert not since(store, departure(store, "bo"), actor="bo", today=TODAY).is_news


def test_who_entered_and_left_again_is_no_news(store: Store, tmp_path: Path) -> None:
    from store.ingest.imports import void

    with store:
        seq = last(store)
        import_paths(store, files(tmp_path, 1, day=6), actor=ACTOR)
        accessed = {each.population: each for each in ask(store, "bo", seq=seq).populations}["accessed"]
        assert (accessed.entered, accessed.left, accessed.who_entered[0].partner_id) == (1, 0, "app:a6-0")
        void(store, 4, actor=ACTOR, note="wrong")
        news = ask(store, "bo", seq=seq)
        assert [(each.entered, each.left) for each in news.populations] == [(0, 0)] * 4
        assert (news.imported, news.voided) == (1, 1)


def test_dates_that_passed_are_those_between(store: Store) -> None:
    due, day_before = parse_point("2020-01-10"), parse_point("2020-01-09")
    with store:
        audits.record_step(
            store, [1], actor="ana", step="deletion_requested", at=day_before, due=due, note="out of order"
        )
        entry = ledger.actions(store)[-1]

        def lapsed(left_at: int, today: int) -> int:
            return since(store, Departure(entry.seq, left_at, "session"), actor="bo", today=today).lapsed_count

        day = MICROSECONDS_PER_DAY
        assert lapsed(due - day, due) == 0
        assert lapsed(due - day, due + day - 1) == 0
        assert lapsed(due - day, due + day) == 1
        assert lapsed(due + day - 1, due + day) == 1
        assert lapsed(due + day, due + 2 * day) == 0
        (told,) = since(store, Departure(0, None, "asked"), actor="bo", today=due + day).lapsed
        assert told.partner is not None
        assert (told.partner.partner_id, told.due) == ("app:a5-0", due)


def test_at_tells_from_the_first_entry_at_that_instant_on(store: Store) -> None:
    with store:
        log = ledger.actions(store)
        for entry in log:
            first = min(each.seq for each in log if each.at >= entry.at)
            assert departure(store, "bo", at=entry.at).seq == first - 1
        assert departure(store, "bo", at=log[-1].at + 1).seq == log[-1].seq
        assert not ask(store, "bo", at=now() + MICROSECONDS_PER_DAY).is_news


def test_no_such_entry_is_refused(store: Store) -> None:
    with store, pytest.raises(UsageError, match=r"no entry #9,999: the log ends with #6"):
        departure(store, "bo", seq=9_999)


def test_who_comes_first_is_told_the_totals_alone(store: Store) -> None:
    with store:
        news = since(store, departure(store, "bo"), actor="bo", today=TODAY)
        assert (news.first_time, news.imported, news.imports, news.others) == (True, 3, (), ())
        assert headline(news).startswith("first time here: partners +3 read")
        assert all(section.lines == () for section in sections(news))
        assert next(section.title for section in sections(news)) == "Imports: 3"


def test_thousands_are_counted_and_the_first_listed(tmp_path: Path) -> None:
    with build(tmp_path, RULES, files(tmp_path, 23), one_by_one=False) as store:
        news = ask(store, "bo", seq=1)
        assert (news.imported, len(news.imports)) == (23, MOST_LISTED)
        imports, rules, partners = sections(news)
        assert imports.lines[-1] == "... and 3 more"
        assert rules.title == "Rulebooks loaded: 1"
        assert partners.lines[0].endswith(" and 18 more")
        document = since_document(news)
        assert json.loads(json.dumps(document)) == document


def test_the_line_tells_what_matters_most_first(store: Store) -> None:
    with store:
        cases.clear(store, [1], actor="ana", grounds="other", note="why", override=True)
        seq = last(store)
        rows: list[Row] = [
            {"occurred_at": "2019-03-07T00:00:00Z", "app_id": "a5-0", "data_class": ["g.m.name"], "subject_id": "s2"}
        ]
        import_paths(store, [write_file(store.path.parent / "access_events-9.csv", "access_events", rows)], actor="ana")
        cases.flag(store, [2], actor="bo")
        news = ask(store, "cy", seq=seq)
        day = ledger.actions(store)[seq - 1].at
        assert headline(news).split(": ")[1] == "1 case reopened itself, 1 import, 1 action by others"
        assert headline(news).startswith(f"since {format_day(day)}: ")
        (reopened,) = news.reopened
        assert reopened.partner.partner_id == "app:a5-0"
        assert "after a change by ana" in reopened.reason


HOSTILE = "[@click=app.quit]x[/nope] \x1b]52;c;aGk=\x07\u202e"


def test_hostile_names_are_shown_as_they_are_and_harm_nothing(tmp_path: Path) -> None:
    event: Row = {"occurred_at": "2019-03-05T00:00:00Z", "app_id": "a", "data_class": ["g.m.name"], "subject_id": "s"}
    paths = [
        write_file(tmp_path / "partners.csv", "partners", [{"partner_id": "p", "name": HOSTILE}]),
        write_file(tmp_path / "apps.csv", "apps", [{"app_id": "a", "name": HOSTILE, "partner_id": "p"}]),
        write_file(tmp_path / "access_events.csv", "access_events", [event]),
    ]
    with build(tmp_path, RULES, paths, one_by_one=False) as store:
        cases.flag(store, [1], actor=HOSTILE, note=HOSTILE)
        cases.assign(store, [1], actor=HOSTILE, assignee=HOSTILE)
        news = ask(store, "bo", seq=0)
        lines = [line for section in sections(news) for line in (section.title, *section.lines)]
        assert all(character.isprintable() for line in [*lines, headline(news)] for character in line)
        assert sum("[@click=app.quit]x[/nope] \\x1b]52" in line for line in lines) >= 3
        listed = json.loads(json.dumps(since_document(news)))["populations"]["accessed"]["who_entered"]
        assert [each["name"] for each in listed] == [HOSTILE]


def test_the_command_reads_the_session_and_says_what_is_wrong_with_it(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from store.sessions import remember

    state = tmp_path / "state"
    monkeypatch.setenv("OVERSCOPE_STATE", str(state))
    with store:
        remember(state, store, "bo", today=TODAY)
        cases.flag(store, [1], actor="ana")
        path = str(store.path)
    assert main(["since", "--db", path, "--as", "bo", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert (document["basis"], document["from"]) == ("session", {"seq": 6, "at": "2020-01-20T00:00:00Z"})
    assert document["others"]["listed"][0]["verb"] == "flag"
    assert main(["since", "--db", path, "--as", "bo"]) == 0
    assert "since entry #6 of 2020-01-20T00:00:00Z, when your dashboard closed" in capsys.readouterr().out
    (file,) = state.iterdir()
    file.write_text("{}")
    assert main(["since", "--db", path, "--as", "bo"]) == 0
    said = capsys.readouterr()
    assert said.out.startswith("first time here: all is new, in short")
    assert (said.err.count("\n"), "does not say where you left" in said.err) == (1, True)
    assert main(["since", "--db", path, "--as", "bo", "--seq", "99"]) == 2
    assert "no entry #99" in capsys.readouterr().err
