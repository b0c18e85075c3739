"""The remediation track of each partner: steps recorded, steps missing, what comes next."""

import sqlite3
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

from store.audit_rows import apps_by_partner, apps_of, steps_by_partner, steps_of, steps_of_incident
from store.audit_steps import record_step, step_objections
from store.audit_track import (
    INCIDENT_STEPS,
    LETTERS,
    SIDE_STATES,
    TRACK,
    Progress,
    Step,
    Track,
    is_overdue,
    progress,
    reached,
    settling_step,
)
from store.case_notes import notes_by_partner
from store.connection import Store
from store.contradictions import (
    AFTER_CERTIFICATE,
    AFTER_REMOVAL,
    Contradiction,
    contradiction_document,
    contradictions_in,
    contradictions_of,
    statement_of,
    statement_short,
)
from store.instants import format_day, format_instant, format_optional
from store.names import PartnerName, partner_name, partner_names

if TYPE_CHECKING:
    from store.apps import AppRow

__all__ = [
    "INCIDENT_STEPS",
    "LETTERS",
    "SIDE_STATES",
    "TRACK",
    "Mark",
    "Step",
    "Track",
    "audit_counts",
    "count_stages",
    "incident_steps",
    "reached_counts",
    "record_step",
    "step_document",
    "step_objections",
    "track",
    "track_document",
    "track_marks",
    "tracks",
    "tracks_in",
]

# Letters of the track before those of side states: six steps, and how the audit ended.
_PLACES = len(TRACK) - 1
_RESULT_NAMES = {"audit_passed": "passed", "audit_failed": "failed"}
COUNTED = ("none", *TRACK[:6], "passed", "failed", "overdue", "on_hold", "no_response", "contradicted", "waived")


def track(store: Store, partner: int, *, today: int) -> Track:
    """The remediation track of a partner (internal id), judged at `today`, microseconds UTC.

    Raises:
        UsageError: there is no such partner.
    """
    with store.reading() as connection:
        name = partner_name(connection, partner)
        steps = steps_of(connection, partner)
        apps = apps_of(connection, partner)
        notes = notes_by_partner(connection, partner).get(partner, [])
        against = contradictions_of(connection, partner, steps, today=today)
    return _track(partner, name, steps, apps, today, against, tuple((*note,) for note in notes))


def tracks(store: Store, *, today: int) -> dict[int, Track]:
    """The tracks of every partner that has a step, by internal id, in one pass; notes left out."""
    with store.reading() as connection:
        return tracks_in(connection, today=today)


def tracks_in(
    connection: sqlite3.Connection, *, today: int, names: Mapping[int, PartnerName] | None = None
) -> dict[int, Track]:
    """`tracks`, for a caller that has a connection.

    Args:
        names: of the partners, where the caller has read them already.
    """
    steps = steps_by_partner(connection)
    if not steps:
        return {}
    apps = apps_by_partner(connection)
    names = partner_names(connection) if names is None else names
    contradictions = contradictions_in(connection, steps, today=today)
    return {
        partner: _track(
            partner,
            names.get(partner) or partner_name(connection, partner),
            mine,
            apps.get(partner, []),
            today,
            contradictions.get(partner, ()),
        )
        for partner, mine in steps.items()
    }


class Mark(NamedTuple):
    """A track in short, for a line of a list: see `Track`; `due_step` is the step that settles what is due first."""

    stage: str
    letters: str
    due: int | None
    overdue: bool
    side_states: tuple[str, ...]
    next_step: str | None = TRACK[0]
    contradictions: tuple[Contradiction, ...] = ()
    statement: Step | None = None
    due_step: str | None = None

    def contradicts(self, people: int, *, after_removal: int = 0) -> bool:
        """Whether the log, or somebody, contradicts its record.

        Args:
            people: distinct people that the log names.
            after_removal: reads after a removal that are a reason of their own: as contradictions they do not count.
        """
        found = any(each.kind != AFTER_REMOVAL or not after_removal for each in self.contradictions)
        return found or "contradicted" in self.side_states or statement_short(self.statement, people) is not None


def track_marks(
    connection: sqlite3.Connection, *, today: int, others: bool | Collection[int] = True
) -> dict[int, Mark]:
    """`tracks` in short, by internal id: no names, and no apps but where a step is about one of them.

    A partner without a step has a mark only where the log shows reads after a removal of its access.

    Args:
        today: microseconds UTC.
        others: whether those partners are wanted, or which of them (internal ids).
    """
    steps = steps_by_partner(connection)
    by_app = any(step.app_id is not None for mine in steps.values() for step in mine)
    apps = apps_by_partner(connection) if by_app else {}
    contradictions = contradictions_in(connection, steps, today=today, others=others)
    marks = {}
    for partner in (*steps, *(contradictions.keys() - steps.keys())):
        mine, against = steps.get(partner, ()), contradictions.get(partner, ())
        now = contradicted(progress(mine, apps.get(partner, [])), against)
        marks[partner] = Mark(
            now.stage,
            now.letters,
            now.due,
            is_overdue(now.due, today),
            now.side_states,
            now.next_step,
            against,
            statement_of(mine),
            settling_step(now.open_dues[0], now.next_step) if now.open_dues else None,
        )
    return marks


def marks_of_evidence(connection: sqlite3.Connection) -> dict[int, Mark]:
    """What `track_marks` says of partners without a step, whatever was done and whatever the day.

    Those with a step that read after a removal are among them: what is said of them here does not count.
    """
    nothing = progress((), [])
    return {
        partner: Mark(nothing.stage, nothing.letters, None, False, (), nothing.next_step, against)
        for partner, against in contradictions_in(connection, {}, today=0).items()
    }


def contradicted(now: Progress, against: Sequence[Contradiction]) -> Progress:
    """The progress with the side state `contradicted`, where the log contradicts a certificate (DOMAIN, Cases)."""
    if "contradicted" in now.side_states or not any(each.kind == AFTER_CERTIFICATE for each in against):
        return now
    letters = f"{now.letters[:_PLACES]}{LETTERS['contradicted']}{now.letters[_PLACES:]}"
    return now._replace(letters=letters, side_states=("contradicted", *now.side_states))


def _track(
    partner: int,
    name: PartnerName,
    steps: Sequence[Step],
    apps: Sequence[str],
    today: int,
    against: tuple[Contradiction, ...],
    notes: tuple[tuple[int, str, str, bool], ...] = (),
) -> Track:
    now = contradicted(progress(steps, apps), against)
    return Track(
        partner=partner,
        partner_id=name.partner_id,
        name=name.name,
        stage=now.stage,
        letters=now.letters,
        steps=tuple(steps),
        done=now.done,
        apps_done=now.apps_done,
        next_step=now.next_step,
        due=now.due,
        overdue=is_overdue(now.due, today),
        notes=notes,
        side_states=now.side_states,
        open_dues=now.open_dues,
        contradictions=against,
    )


def incident_steps(store: Store) -> tuple[Step, ...]:
    """The steps of the incident itself, oldest first."""
    with store.reading() as connection:
        return tuple(steps_of_incident(connection))


def audit_counts(connection: sqlite3.Connection, today: int, partners: Collection[int]) -> dict[str, int]:
    """How many of these partners (internal ids) stand at each stage, and in each side state: see `count_stages`."""
    return count_stages(track_marks(connection, today=today, others=False), partners)


def count_stages(known: Mapping[int, Track | Mark], partners: Collection[int]) -> dict[str, int]:
    """Partners by stage (`none` to `audit_started`, `passed`, `failed`), and besides by side state and `overdue`.

    Args:
        known: tracks, or marks, by internal id; a partner without one has no step.
        partners: internal ids of those to count.
    """
    counts = dict.fromkeys(COUNTED, 0)
    for partner in partners:
        its = known.get(partner)
        if its is None:
            counts["none"] += 1
            continue
        counts[stage_name(its.stage)] += 1
        counts["overdue"] += its.overdue
        for side in its.side_states:
            counts[side] += 1
    return counts


def stage_name(stage: str) -> str:
    """What the figures call a stage: `passed` and `failed` for the results of an audit."""
    return _RESULT_NAMES.get(stage, stage)


def reached_counts(known: Mapping[int, Track | Mark], partners: Collection[int]) -> dict[str, int]:
    """How many of these partners are at each step of the track or beyond it: `deletion asked 96 > certified 35`.

    A failed audit is beyond a running one, and has not passed; `audit_failed` counts only those that failed.
    """
    stages = Counter(its.stage for partner in partners if (its := known.get(partner)) is not None)
    return {step: stages[step] if step == "audit_failed" else reached(stages, step) for step in TRACK}


def step_document(step: Step) -> dict[str, object]:
    """One step as `python -m store audit --json` prints it; a bare date stays one."""
    return {
        "step": step.step,
        "at": format_day(step.at) if step.at_is_date else format_instant(step.at),
        "app_id": step.app_id,
        "due": None if step.due is None else format_day(step.due),
        "due_basis": step.due_basis,
        "note": step.note,
        "evidence": step.evidence,
        "evidence_sha256": step.evidence_sha256,
        "by": step.by,
        "seq": step.seq,
        "details": None if step.details is None else step.details.document(),
    }


def track_document(answer: Track, apps: "Sequence[AppRow] | None" = None, people: int = 0) -> dict[str, object]:
    """A partner's track as `python -m store audit --json` prints it.

    Args:
        apps: with the proof of their removal, where one partner was asked for.
        people: distinct people that the log names, against which a statement is held.
    """
    from store.apps import app_document

    short = statement_short(statement_of(answer.steps), people)

    return {
        "partner_id": answer.partner_id,
        "name": answer.name,
        "stage": answer.stage,
        "letters": answer.letters,
        "side_states": list(answer.side_states),
        "next_step": answer.next_step,
        "due": None if answer.due is None else format_day(answer.due),
        "overdue": answer.overdue,
        "done": {step: {"apps": done, "of": of} for step, (done, of) in answer.apps_done.items()},
        **({} if apps is None else {"apps": [app_document(app) for app in apps]}),
        "contradictions": [
            contradiction_document(each) for each in (*answer.contradictions, *(() if short is None else (short,)))
        ],
        "steps": [step_document(step) for step in answer.steps],
        "notes": [
            {"at": format_optional(at), "actor": actor, "text": text, "privileged": privileged}
            for at, actor, text, privileged in answer.notes
        ],
    }
