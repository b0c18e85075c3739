"""What a conflict tells: what was seen, what is there now, and the log between, against a diary kept by the test."""

from pathlib import Path
from typing import NamedTuple

import pytest
from hypothesis import given, seed, settings
from hypothesis import strategies as st

from store import audits, cases
from store.conflicts import MOST_CASES, MOST_ENTRIES, CaseState, changes_since, conflict
from store.connection import Store
from store.errors import ConflictError, RefusedError, UsageError
from store.instants import parse_point
from store.ledger import actions
from store.names import find_partners
from tests.store.casework import give_facts, new_store

TODAY = parse_point("2019-11-05")
VERBS = ("flag", "clear", "override", "reopen", "assign", "note", "step", "step of one app", "undo", "redo")


class Seen(NamedTuple):
    """A page of the diary: the case as it stood, and how long the log was."""

    state: CaseState
    log: int


def look(store: Store, partner: int) -> Seen:
    known = cases.case(store, partner)
    stage = audits.track(store, partner, today=TODAY).stage
    state = CaseState(known.status, known.grounds, known.override, known.assignee, stage, known.version)
    return Seen(state, len(actions(store)))


def act(store: Store, partner: int, verb: str, who: str, place: int) -> None:
    track = ("access_removed", "notified", "deletion_requested", "on_hold")
    if verb == "flag":
        cases.flag(store, [partner], actor=who, note=f"note {place}")
    elif verb in ("clear", "override"):
        cases.clear(store, [partner], actor=who, grounds="no_access", note="why", override=verb == "override")
    elif verb == "reopen":
        cases.reopen(store, [partner], actor=who, note="why")
    elif verb == "assign":
        cases.assign(store, [partner], actor=who, assignee=(None, "bo", "cy")[place % 3])
    elif verb == "note":
        cases.add_note(store, [partner], actor=who, note=f"seen {place}")
    elif verb in ("step", "step of one app"):
        app_id = "a1" if verb == "step of one app" else None
        audits.record_step(
            store, [partner], actor=who, step=track[place % 4], at=TODAY, at_is_date=True, app_id=app_id, note="why"
        )
    else:
        (cases.undo if verb == "undo" else cases.redo)(store, actor=who)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("conflicts")


def test_whatever_was_done_each_page_of_the_diary_is_told_again(folder: Path) -> None:
    told = {"moved": 0, "took back": 0}

    @seed(1)
    @settings(deadline=None, max_examples=25)
    @given(
        deeds=st.lists(
            st.tuples(st.sampled_from(VERBS), st.sampled_from(("ana", "bo")), st.integers(0, 11)), max_size=14
        ),
        number=st.uuids(),
    )
    def keep_diary(deeds: list[tuple[str, str, int]], number: object) -> None:
        with new_store(folder / f"{number}.db", {"p1": ["a1", "a2"], "p2": []}) as store:
            (partner,) = find_partners(store, ["p1"])
            diary = [look(store, partner)]
            for verb, who, place in deeds:
                try:
                    act(store, partner, verb, who, place)
                except RefusedError:
                    continue
                diary.append(look(store, partner))
                told["took back"] += verb in ("undo", "redo")
            check(store, partner, diary)
        told["moved"] += len({page.state.version for page in diary}) - 1
        (folder / f"{number}.db").unlink(missing_ok=True)

    keep_diary()
    assert told["moved"] > 25
    assert told["took back"] > 2


def check(store: Store, partner: int, diary: list[Seen]) -> None:
    """Every page is told as it was written; of several at one version the first, for a note changes none."""
    log = [entry for entry in actions(store) if entry.partner_id == "p1"]
    for page in {seen.state.version: seen for seen in reversed(diary)}.values():
        told = changes_since(store, partner, page.state.version)
        assert told.seen == page.state
        assert told.now == diary[-1].state
        since = [entry for entry in log if entry.seq > page.log]
        moved = told.now.version != told.seen.version
        assert list(told.entries) == (since[-MOST_ENTRIES:] if moved else [])
        assert told.earlier == (max(len(since) - MOST_ENTRIES, 0) if moved else 0)


def test_the_first_cases_are_told_the_others_counted_and_all_versions_given(tmp_path: Path) -> None:
    with new_store(tmp_path / "x.db", {f"p{place}": [] for place in range(6)}) as store:
        partners = find_partners(store, [f"p{place}" for place in range(6)])
        seen = dict.fromkeys(partners, 0)
        assert conflict(store, seen).changed == ()
        cases.flag(store, partners[1:], actor="bo", note="all of them")
        cases.assign(store, partners[5:], actor="bo", assignee="bo")
        told = conflict(store, seen)
        assert [each.name for each in told.changed] == ["p1", "p2", "p3"]
        assert len(told.changed) == MOST_CASES
        assert told.more == 2
        assert list(told.versions.values()) == [0, 1, 1, 1, 1, 2]
        assert [entry.note for entry in told.changed[0].entries] == ["all of them"]
        with pytest.raises(UsageError):
            changes_since(store, 99, 0)


def test_the_refusal_says_what_changed_in_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with new_store(tmp_path / "x.db", {"p1": []}) as store:
        (partner,) = find_partners(store, ["p1"])
        give_facts(monkeypatch, {})
        cases.assign(store, [partner], actor="bo", assignee="bo")
        cases.clear(store, [partner], actor="bo", grounds="defunct")
        with pytest.raises(ConflictError, match=r"\(version 2, you saw 0; open -> closed: defunct; assignee nobody -"):
            cases.flag(store, [partner], actor="ana", expect={partner: 0})
        with pytest.raises(ConflictError, match=r"\(version 2, you saw 9\); look again"):
            cases.flag(store, [partner], actor="ana", expect={partner: 9})
