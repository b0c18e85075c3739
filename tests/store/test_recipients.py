"""Whom the data was passed on to: named, asked, certified, verified, each apart, and none that nobody named."""

import shutil
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from store import audits, cases
from store.audit_track import Step
from store.connection import Store, open_store
from store.errors import RefusedError, UsageError
from store.instants import MICROSECONDS_PER_DAY, parse_point
from store.recipients import Recipients, recipient_key, recipients
from store.step_details import RECIPIENT_STEPS, Details
from tests import small_incident

TODAY = parse_point("2018-07-20")


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return small_incident.build(tmp_path_factory.mktemp("built"))


@pytest.fixture
def store(built: Path, tmp_path: Path) -> Store:
    return open_store(shutil.copy(built, tmp_path / "incident.db"))


def record(store: Store, step: str, name: str | None = None, *, note: str = "", **about: int) -> None:
    at = about.get("at", parse_point("2018-07-01"))
    details = Details(recipient=name)
    due = about.get("due")
    audits.record_step(store, [1], actor="bo", step=step, at=at, due=due, note=note, details=details)


def found(store: Store) -> Recipients:
    return recipients(audits.track(store, 1, today=TODAY).steps, today=TODAY)


def test_the_answer_goes_from_not_asked_to_named(store: Store) -> None:
    with store:
        assert found(store) == Recipients("not_asked", ())
        record(store, "recipients_unanswered")
        assert found(store).answer == "not_answered"
        record(store, "recipients_none")
        assert found(store).answer == "none"
        record(store, "recipient_named", "Acme Ads")
        assert [line.name for line in found(store).lines] == ["Acme Ads"]
        record(store, "recipients_unanswered")
        assert found(store).answer == "named"


def test_each_recipient_has_its_own_line(store: Store) -> None:
    with store:
        for name in ("Acme Ads", "Beta"):
            record(store, "recipient_named", name)
        record(store, "recipient_asked", " ACME ads ", due=parse_point("2018-07-19"))
        first, second = found(store).lines
        assert (first.due, first.overdue, first.certified) == (parse_point("2018-07-19"), True, None)
        assert (second.asked, second.due, second.overdue) == (None, None, False)
        record(store, "recipient_certified", "acme ads", at=parse_point("2018-07-02"))
        first, _ = found(store).lines
        assert (first.due, first.overdue, first.verified) == (None, False, None)
        assert first.certified is not None
        # Asked again: the certificate of before does not answer that.
        record(store, "recipient_asked", "Acme Ads", at=parse_point("2018-07-03"), due=parse_point("2018-08-01"))
        assert found(store).lines[0].due == parse_point("2018-08-01")
        record(store, "recipient_verified", "Acme Ads", at=parse_point("2018-07-04"))
        assert found(store).lines[0].due is None


@pytest.mark.parametrize("step", RECIPIENT_STEPS)
def test_nobody_is_asked_who_was_not_named(store: Store, step: str) -> None:
    with store:
        with pytest.raises(RefusedError, match="has not named the recipient 'Beta'; it named none"):
            record(store, step, "Beta", note="a note does not help")
        record(store, "recipient_named", "Acme")
        with pytest.raises(RefusedError, match="it named Acme"):
            record(store, step, "Beta")
        record(store, step, "ACME")
        cases.undo(store, actor="bo")
        cases.undo(store, actor="bo")
        with pytest.raises(RefusedError, match="it named none"):
            record(store, step, "Acme")


def test_none_after_names_needs_a_reason_and_keeps_the_lines(store: Store) -> None:
    with store:
        record(store, "recipient_named", "Acme")
        with pytest.raises(RefusedError, match=r"has named recipients \(Acme\); give a note"):
            record(store, "recipients_none")
        record(store, "recipients_none", note="Acme was a hosting contract only")
        answer = found(store)
        assert (answer.answer, [line.retracted for line in answer.lines]) == ("none", [True])
        record(store, "recipient_named", "acme")
        assert [line.retracted for line in found(store).lines] == [False]


def test_a_recipient_has_a_name(store: Store) -> None:
    with store:
        with pytest.raises(RefusedError, match="without a name"):
            record(store, "recipient_named", "  ")
        with pytest.raises(UsageError, match="needs --recipient"):
            record(store, "recipient_named")


NAMES = st.sampled_from(["Acme", "ACME ", " acme", "Beta", "beta", "Straße", "STRASSE", "\u0130", "x"])
KINDS = st.sampled_from(["recipient_named", *RECIPIENT_STEPS, "recipients_none", "recipients_unanswered", "notified"])


@given(st.lists(st.tuples(KINDS, NAMES, st.none() | st.integers(0, 30)), max_size=14))
def test_lines_are_what_a_plain_reading_finds(drawn: list[tuple[str, str, int | None]]) -> None:
    steps = [
        Step(
            step=kind,
            at=place * MICROSECONDS_PER_DAY,
            at_is_date=True,
            app_id=None,
            due=None if due is None else due * MICROSECONDS_PER_DAY,
            note=None,
            evidence=None,
            by="ana",
            seq=place,
            details=Details(recipient=name) if kind.startswith("recipient_") else None,
        )
        for place, (kind, name, due) in enumerate(drawn)
    ]
    answer = recipients(steps, today=15 * MICROSECONDS_PER_DAY)
    about = [(place, kind, recipient_key(name), due) for place, (kind, name, due) in enumerate(drawn)]
    keys = list(dict.fromkeys(key for _, kind, key, _ in about if kind.startswith("recipient_")))
    assert [recipient_key(line.name) for line in answer.lines] == keys
    for line, key in zip(answer.lines, keys, strict=True):
        places = {
            kind: [place for place, its, name, _ in about if (its, name) == (kind, key)] or [-1]
            for kind in ("recipient_named", *RECIPIENT_STEPS)
        }
        asked, certified, verified = (places[kind][-1] for kind in RECIPIENT_STEPS)
        for step, place in ((line.asked, asked), (line.certified, certified), (line.verified, verified)):
            assert (step.seq if step is not None else -1) == place
        is_open = asked >= 0 and max(certified, verified) < asked
        due = drawn[asked][2] if is_open else None
        assert line.due == (None if due is None else due * MICROSECONDS_PER_DAY)
        assert line.overdue == (due is not None and due < 15)
