"""What is still open about a partner when somebody closes its case or passes its audit: listed, a reason asked for."""

import sqlite3
from collections.abc import Mapping, Sequence

from store.audit_rows import apps_of, steps_of
from store.audit_track import Step, in_order, progress, settling_step
from store.case_changes import Deed, refuse
from store.connection import Store
from store.contradictions import contradiction_words, contradictions_of, statement_of, statement_short
from store.errors import RefusedError
from store.instants import day_of, format_day
from store.kept import kept_partners_of
from store.reasons import due_words
from store.recipients import recipient_key
from store.rulebook import rulebook_in
from store.sample_rows import sample_rows
from store.sample_words import sample_loose_ends
from store.step_details import NAMED, NO_RECIPIENTS, STATEMENT
from store.words import step_words

# The place in the log of a step that is not in it yet: after all that is.
AFTER_ALL = 2**62
# Steps that claim something which a file should show; an imported step rests on its import's file.
_CLAIMS = ("deletion_certified", "audit_passed", STATEMENT, "recipient_certified", "recipient_verified")


def loose_ends(store: Store, partner: int, *, today: int, passing: bool = False) -> tuple[str, ...]:
    """What is open about a partner (internal id), in words; empty where nothing is.

    Args:
        today: microseconds UTC.
        passing: as if its whole audit passed now, with evidence: what that settles is not due any more.

    Raises:
        UsageError: there is no such partner.
    """
    step = Step("audit_passed", today, False, None, None, None, "its evidence", "", AFTER_ALL) if passing else None
    with store.reading() as connection:
        return loose_ends_in(connection, partner, today=today, passing=step)


def refuse_loose_ends(deed: Deed, found: Mapping[int, Sequence[str]], what: str) -> None:
    """Refuse an action that leaves loose ends, all of them listed for the first few partners.

    Args:
        what: what the partner would do in spite of them, such as `passes the audit`.

    Raises:
        RefusedError: there are some.
    """
    try:
        refuse(
            deed,
            {
                partner: f"{what} with {len(ends)} loose {'end' if len(ends) == 1 else 'ends'}: {'; '.join(ends)}"
                for partner, ends in found.items()
                if ends
            },
        )
    except RefusedError as error:
        raise RefusedError(f"{error} - give a note with the reason to do it all the same") from None


def loose_ends_in(
    connection: sqlite3.Connection, partner: int, *, today: int, passing: Step | None = None
) -> tuple[str, ...]:
    """`loose_ends`, for a caller that has a connection.

    Args:
        passing: the step with which an audit is being passed now: what it settles is not due any more, and what it
            claims needs evidence too.
    """
    steps = steps_of(connection, partner)
    against = contradictions_of(connection, partner, steps, today=today)
    people = next((row.people for row in kept_partners_of(connection, {partner})), 0)
    short = statement_short(statement_of(steps), people)
    found = [contradiction_words(each) for each in (*against, *(() if short is None else (short,)))]
    apps = apps_of(connection, partner)
    if "contradicted" in progress(steps, apps).side_states:
        found.append("the record says 'contradicted'")
    then = steps if passing is None else in_order([*steps, passing])
    found += _missing_evidence(then)
    after = progress(then, apps)
    found += [
        f"{due_words(settling_step(step, after.next_step))} due {format_day(step.due or 0)}{_whose(step)}"
        for step in after.open_dues
    ]
    return (
        *found,
        *_notice(connection, steps),
        *_recipients(steps),
        *sample_loose_ends(sample_rows(connection, partner)),
    )


def _missing_evidence(steps: Sequence[Step]) -> list[str]:
    last: dict[tuple[str, str | None, str | None], Step] = {}
    for step in steps:
        if step.step not in _CLAIMS:
            continue
        recipient = (
            None if step.details is None or step.details.recipient is None else recipient_key(step.details.recipient)
        )
        if step.app_id is None:
            # What the whole partner claims stands in the place of what it claimed of one app.
            last = {key: each for key, each in last.items() if key[0] != step.step or key[2] != recipient}
        last[step.step, step.app_id, recipient] = step
    return [
        f"no evidence is attached to '{step_words(step.step)}' of {format_day(step.at)}{_whose(step)}"
        for step in last.values()
        if step.seq is not None and step.evidence is None
    ]


def _whose(step: Step) -> str:
    recipient = "" if step.details is None or step.details.recipient is None else step.details.recipient
    return f" for {step.app_id or recipient}" if step.app_id or recipient else ""


def _notice(connection: sqlite3.Connection, steps: Sequence[Step]) -> list[str]:
    """An audit that began before its notice had run."""
    planned = started = None
    for step in steps:
        planned = step if step.step == "audit_planned" else planned
        started = step if step.step == "audit_started" else started
    if planned is None or started is None:
        return []
    clocks = rulebook_in(connection).clocks
    earliest = clocks.earliest_start(planned.at)
    if earliest is None or clocks.notice is None or day_of(started.at) >= day_of(earliest):
        return []
    notice = f"with {clocks.notice.words()} of notice from {format_day(planned.at)} it begins {format_day(earliest)}"
    return [f"the audit began on {format_day(started.at)}: {notice} at the earliest"]


def _recipients(steps: Sequence[Step]) -> list[str]:
    """The onward recipients whose deletion nobody verified."""
    open_ones: dict[str, str] = {}
    for step in steps:
        name = "" if step.details is None else (step.details.recipient or "").strip()
        if step.step == NAMED:
            open_ones[recipient_key(name)] = name
        elif step.step == "recipient_verified":
            open_ones.pop(recipient_key(name), None)
        elif step.step == NO_RECIPIENTS:
            open_ones.clear()
    return [f"deletion at the onward recipient {name} is not verified" for name in open_ones.values()]
