"""Whom a partner passed the data on to: what it answered, and how far each recipient's deletion is.

A recipient goes by its name: two names that differ only in case or in the blanks around them are one.
"""

import sqlite3
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from store.audit_rows import steps_of
from store.audit_track import Step, is_overdue
from store.instants import format_day, format_instant
from store.step_details import NAMED, NO_RECIPIENTS, RECIPIENT_STEPS, UNANSWERED, Details
from store.words import step_words

NOT_ASKED, NOT_ANSWERED, NONE, SOME = "not_asked", "not_answered", "none", "named"
ANSWERS = {
    NOT_ASKED: "not asked",
    NOT_ANSWERED: "not answered",
    NONE: "none",
    SOME: "named",
}
_ASKED, _CERTIFIED, _VERIFIED = RECIPIENT_STEPS


class Recipient(NamedTuple):
    """One recipient and its deletion: asked, certified and verified are three things.

    Attributes:
        name: as the partner first named it.
        named, asked, certified, verified: the latest such step that stands; None without one.
        due: of its asked step, microseconds UTC, while nothing was certified or verified since; else None.
        overdue: `due` judged at today.
        retracted: the partner has since said that it passed the data on to nobody.
    """

    name: str
    named: Step | None
    asked: Step | None
    certified: Step | None
    verified: Step | None
    due: int | None
    overdue: bool
    retracted: bool


class Recipients(NamedTuple):
    """What a partner said of whom it passed the data on to.

    Attributes:
        answer: `not_asked`, `not_answered`, `none` or `named`: its latest, a name going before no answer.
        lines: every recipient that was ever named and not taken back, in the order in which they were named.
    """

    answer: str
    lines: tuple[Recipient, ...]


def recipients(steps: Iterable[Step], *, today: int) -> Recipients:
    """Whom a partner passed the data on to.

    Args:
        steps: its steps that stand, in the order of `store.audit_track.in_order`.
        today: at which due dates are judged, microseconds UTC.
    """
    answer = NOT_ASKED
    names: dict[str, str] = {}
    found: dict[str, dict[str, Step]] = {}
    retracted: set[str] = set()
    for step in steps:
        if step.step == NO_RECIPIENTS:
            answer = NONE
            retracted.update(names)
        elif step.step == UNANSWERED and answer == NOT_ASKED:
            answer = NOT_ANSWERED
        if step.step not in (NAMED, *RECIPIENT_STEPS) or step.details is None or step.details.recipient is None:
            continue
        key = recipient_key(step.details.recipient)
        its = found.setdefault(key, {})
        if step.step == NAMED and NAMED not in its:
            names[key] = step.details.recipient.strip()
        names.setdefault(key, step.details.recipient.strip())
        its[step.step] = step
        if step.step == NAMED:
            answer = SOME
            retracted.discard(key)
        if step.step == _ASKED:
            # What was certified before it was asked again is no answer to that.
            its.pop("answered", None)
        elif step.step in (_CERTIFIED, _VERIFIED):
            its["answered"] = step
    return Recipients(
        answer, tuple(_line(name, found[key], today, retracted=key in retracted) for key, name in names.items())
    )


def _line(name: str, its: dict[str, Step], today: int, *, retracted: bool) -> Recipient:
    asked = its.get(_ASKED)
    due = None if asked is None or "answered" in its else asked.due
    return Recipient(
        name=name,
        named=its.get(NAMED),
        asked=asked,
        certified=its.get(_CERTIFIED),
        verified=its.get(_VERIFIED),
        due=due,
        overdue=is_overdue(due, today),
        retracted=retracted,
    )


def recipient_key(name: str) -> str:
    """What two names of one recipient have in common."""
    return name.strip().casefold()


def recipient_objections(
    connection: sqlite3.Connection, partners: Sequence[int], step: str, details: Details | None, *, reasoned: bool
) -> dict[int, str]:
    """Why a step about recipients may not be recorded, by partner (internal id); empty where nothing speaks against it.

    Args:
        reasoned: a note says why.
    """
    if step not in (NO_RECIPIENTS, NAMED, *RECIPIENT_STEPS):
        return {}
    found = {
        partner: recipient_objection(steps_of(connection, partner), step, details, reasoned=reasoned)
        for partner in partners
    }
    return {partner: objection for partner, objection in found.items() if objection is not None}


def recipient_objection(steps: Sequence[Step], step: str, details: Details | None, *, reasoned: bool) -> str | None:
    """The same for one partner, of which these steps stand; None: nothing speaks against it."""
    named = {
        recipient_key(each.details.recipient): each.details.recipient.strip()
        for each in steps
        if each.step == NAMED and each.details is not None and each.details.recipient is not None
    }
    if step == NO_RECIPIENTS and named and not reasoned:
        return f"has named recipients ({_few(named.values())}); give a note that says why there are none now"
    if step not in (NAMED, *RECIPIENT_STEPS) or details is None or details.recipient is None:
        return None
    key = recipient_key(details.recipient)
    if not key:
        return "cannot be given a recipient without a name"
    if step != NAMED and key not in named:
        known = f"it named {_few(named.values())}" if named else "it named none"
        return (
            f"has not named the recipient {details.recipient.strip()!r}; {known}: record 'recipient_named' first, "
            f"then '{step_words(step)}'"
        )
    return None


def _few(names: Iterable[str], most: int = 3) -> str:
    listed = list(names)
    shown = ", ".join(listed[:most])
    return f"{shown} and {len(listed) - most} more" if len(listed) > most else shown


def recipients_document(found: Recipients) -> dict[str, object]:
    """The answer and the lines as JSON; a bare date stays one."""
    return {
        "answer": found.answer,
        "lines": [
            {
                "name": line.name,
                **{what: _told(getattr(line, what)) for what in ("named", "asked", "certified", "verified")},
                "due": None if line.due is None else format_day(line.due),
                "overdue": line.overdue,
                "retracted": line.retracted,
            }
            for line in found.lines
        ],
    }


def _told(step: Step | None) -> dict[str, object] | None:
    if step is None:
        return None
    return {
        "at": format_day(step.at) if step.at_is_date else format_instant(step.at),
        "by": step.by,
        "note": step.note,
        "evidence": step.evidence,
        "evidence_sha256": step.evidence_sha256,
        "seq": step.seq,
    }
