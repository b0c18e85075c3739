"""Recording a step of the remediation track: in its order unless a reason is given, never in the future, undoable."""

import json
import sqlite3
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from store.audit_rows import apps_of, steps_of
from store.audit_track import INCIDENT_STEPS, POSITIONS, RESULTS, SIDE_STATES, TRACK, Step, Unit, taken, units
from store.case_changes import Deed, Done, change, deciding, done, look, named, plain, refuse
from store.clocks import calendar_year
from store.connection import Store
from store.errors import RefusedError, UsageError
from store.evidence_files import Attachment, EvidenceFile, Progress, attaching, attaching_each
from store.instants import MICROSECONDS_PER_DAY, day_of, format_day, format_instant, now
from store.ledger import append, canonical
from store.loose_ends import AFTER_ALL, loose_ends_in, refuse_loose_ends
from store.recipients import recipient_objections
from store.rulebook import rulebook_in
from store.sample_rows import refuse_check
from store.step_details import DECLARATIONS, Details, check_details
from store.words import step_words

NO_DETAILS = Details()


class _Entry(NamedTuple):
    """What one recorded step says, the same for every partner it is recorded for."""

    step: str
    at: int
    at_is_date: bool
    app_id: str | None
    due: int | None
    note: str
    evidence: EvidenceFile | None
    details: Details | None

    def document(self) -> dict[str, object]:
        """The step as the log's `after` holds it."""
        told: dict[str, object] = {
            "step": self.step,
            "at": format_day(self.at) if self.at_is_date else format_instant(self.at),
            "app_id": self.app_id,
            "due": None if self.due is None else _day_or_instant(self.due),
            "evidence": None if self.evidence is None else self.evidence._asdict(),
        }
        return told if self.details is None else {**told, "details": self.details.document()}

    def as_step(self, deed: Deed) -> Step:
        """The step as the record will have it, after all that is recorded already."""
        file = None if self.evidence is None else self.evidence.file_name
        return Step(
            self.step,
            self.at,
            self.at_is_date,
            self.app_id,
            self.due,
            self.note,
            file,
            deed.actor,
            AFTER_ALL,
            by_clock=self.at == deed.at,
            details=self.details,
        )


# What a certificate, and each step of an audit, answers.
_ANSWERS = {
    "deletion_certified": "deletion_requested",
    "audit_started": "audit_planned",
    "audit_passed": "audit_started",
    "audit_failed": "audit_started",
}
_RECORD = """
INSERT INTO audit_steps(partner, app, step, at, at_is_date, due, note, evidence_id, recorded_by, seq, details)
VALUES (:partner, (SELECT id FROM apps WHERE app_id = :app_id), :step, :at, :at_is_date, :due, :note, :evidence_id,
  :recorded_by, :seq, :details)
"""


def record_step(
    store: Store,
    partners: Sequence[int],
    *,
    actor: str,
    step: str,
    at: int | None,
    at_is_date: bool = False,
    app_id: str | None = None,
    due: int | None = None,
    note: str = "",
    evidence: str | None = None,
    letters: Mapping[int, Path] | None = None,
    details: Details = NO_DETAILS,
    expect: dict[int, int] | None = None,
    progress: Progress | None = None,
) -> Done:
    """Record a step for these partners (none: a step of the incident), all or none, in one transaction.

    Args:
        partners: internal ids.
        at: when it took effect, microseconds UTC; None: now. `at_is_date`: only its UTC date is known.
        app_id: the one app it is about; None for the whole partner.
        due: what it asks for is due on the UTC day of this instant, and overdue from the next day on.
        note: what to know about it; needed out of order, for a step that is there already, and for a waiver.
        evidence: path of a file that shows it; a copy of it is kept beside the store, with name, size and SHA-256.
        letters: internal id -> the path of that partner's own such file, instead of one for all.
        details: what else the step says; see `store.step_details`.
        expect: internal id -> version the caller saw.
        progress: called while that file is copied, with the bytes done and the bytes in all; of letters, after each,
            with the files.

    Raises:
        UsageError: no such step, a step of the incident given partners or the other way round, an unreadable file.
        UnusableFileError: the file cannot be kept.
        RefusedError: out of order without a note, unknown app, a date in the future.
        ConflictError: a case has moved on since `expect`.
    """
    note = plain(note, "note")
    app_id = plain(app_id, "app") or None
    _check_call(partners, step, app_id)
    said = check_details(step, details)
    if step == "waived" and not note:
        raise RefusedError("waiving needs a note that says why")
    own = letters or {}
    if own and (evidence is not None or own.keys() != set(partners)):
        raise UsageError("give one evidence file, or a letter for each partner")
    with (
        attaching(store, evidence, progress) as attachment,
        attaching_each(store, own, progress) as attachments,
        deciding(store, actor) as deed,
    ):
        # Only a date that somebody gave can be a wrong one: without one the log's order tells when it was.
        is_given = at is not None
        at = deed.at if at is None else at - at % MICROSECONDS_PER_DAY if at_is_date else at
        if due is not None and day_of(due) < day_of(at):
            raise UsageError(f"it would be due on {format_day(due)}, before the step itself on {format_day(at)}")
        file = None if attachment is None else attachment.file
        entry = _Entry(step, at, at_is_date, app_id, due, note, file, said)
        begins = rulebook_in(deed.connection).cutoff
        if is_given and begins is not None and day_of(at) < day_of(begins):
            raise RefusedError(
                f"{format_day(at)} is before the incident, which begins with the first rule on {format_day(begins)}: "
                "give the date on which the step was taken"
            )
        if at > deed.at:
            raise RefusedError(
                f"{format_instant(at)} is in the future (it is {format_instant(deed.at)[:19]}Z): "
                "record a step once it has happened, and give what is to come as its due date"
            )
        if not partners:
            seq = _record_of_incident(deed, entry, _kept(deed, attachment))
            return done(deed, [seq], f"recorded '{step_words(step)}' for the incident")
        cases = look(deed, partners, expect)
        refuse(deed, _objections(deed.connection, list(cases), step, app_id, reasoned=bool(note), at=at))
        refuse(deed, _misdated(deed.connection, list(cases), entry) if is_given else {})
        refuse(deed, recipient_objections(deed.connection, list(cases), step, said, reasoned=bool(note)))
        refuse_check(deed, cases, said, at=at, at_is_date=at_is_date, reasoned=bool(note))
        open_ends = _left_open(deed, list(cases), entry, reasoned=bool(note))
        evidence_id = _kept(deed, attachment)
        seqs = []
        for partner, row in cases.items():
            if partner in attachments:
                entry = entry._replace(evidence=attachments[partner].file)
                evidence_id = _kept(deed, attachments[partner])
            told: dict[str, object] = {"step": entry.document()}
            if open_ends.get(partner):
                told["loose_ends"] = list(open_ends[partner])
            seq = change(deed, partner, row, row, verb="step", note=note, details=told)
            _insert(deed, entry, evidence_id, partner, seq)
            seqs.append(seq)
        return done(deed, seqs, f"recorded '{step_words(step)}' for {named(deed, list(cases))}")


def _kept(deed: Deed, attachment: Attachment | None) -> int | None:
    return None if attachment is None else attachment.keep(deed)


def _day_or_instant(at: int) -> str:
    return format_instant(at) if at % MICROSECONDS_PER_DAY else format_day(at)


def step_objections(store: Store, partners: Sequence[int], *, step: str, app_id: str | None = None) -> dict[int, str]:
    """Why a step would be refused without a note, by partner (internal id); empty where nothing speaks against it."""
    with store.reading() as connection:
        return _objections(connection, list(partners), step, app_id, reasoned=False)


def _check_call(partners: Sequence[int], step: str, app_id: str | None) -> None:
    known = (*TRACK, *SIDE_STATES, *DECLARATIONS, *INCIDENT_STEPS)
    if step not in known:
        raise UsageError(f"no such step: {step!r}; choose one of {', '.join(known)}")
    if step in INCIDENT_STEPS and (partners or app_id):
        raise UsageError(f"{step} is a step of the incident: record it without a partner")
    if step not in INCIDENT_STEPS and not partners:
        raise UsageError(f"{step} is a step of a partner: name at least one")
    if app_id is not None and len(set(partners)) > 1:
        raise UsageError("a step of one app is about one partner; name only that one")


def _objections(
    connection: sqlite3.Connection,
    partners: Sequence[int],
    step: str,
    app_id: str | None,
    *,
    reasoned: bool,
    at: int | None = None,
) -> dict[int, str]:
    reasons = {}
    for partner in partners:
        apps = apps_of(connection, partner)
        if app_id is not None and app_id not in apps:
            owned = f"its apps are {', '.join(apps)}" if apps else "it has none"
            reasons[partner] = f"has no app {app_id!r}; {owned}"
            continue
        if reasoned or step not in TRACK:
            continue
        each = units(taken(steps_of(connection, partner), apps), len(apps))
        reason = _objection(each if app_id is None else [each[apps.index(app_id)]], step)
        if reason is None and step == "audit_started":
            reason = _too_many(connection, partner, now() if at is None else at, app_id)
        if reason:
            reasons[partner] = f"{reason}; give a note with the reason to record it all the same"
    return reasons


def _misdated(connection: sqlite3.Connection, partners: Sequence[int], entry: _Entry) -> dict[int, str]:
    """The partners for which a step is dated before what it answers, such as a certificate; a note mends no date."""
    answered = _ANSWERS.get(entry.step)
    if answered is None:
        return {}
    reasons = {}
    for partner in partners:
        asked = [
            step
            for step in steps_of(connection, partner)
            if step.step == answered and (step.app_id is None or entry.app_id in (None, step.app_id))
        ]
        # By the day where only the day of one of the two is known.
        first = min(asked, key=lambda step: step.at, default=None)
        if first is None:
            continue
        by_day = entry.at_is_date or first.at_is_date
        if day_of(entry.at) < day_of(first.at) if by_day else entry.at < first.at:
            reasons[partner] = (
                f"has '{step_words(answered)}' on {format_day(first.at)}, and '{step_words(entry.step)}' is dated "
                f"{format_day(entry.at)}, before it: correct the date"
            )
    return reasons


def _left_open(deed: Deed, partners: Sequence[int], entry: _Entry, *, reasoned: bool) -> dict[int, tuple[str, ...]]:
    """The loose ends that passing an audit leaves, by partner; to be told in the log.

    Raises:
        RefusedError: there are some, and no note says why it passes all the same.
    """
    if entry.step != "audit_passed":
        return {}
    passing = entry.as_step(deed)
    found = {partner: loose_ends_in(deed.connection, partner, today=deed.at, passing=passing) for partner in partners}
    if not reasoned:
        refuse_loose_ends(deed, found, "passes the audit")
    return found


def _too_many(connection: sqlite3.Connection, partner: int, at: int, app_id: str | None) -> str | None:
    """Why a further audit may not start in that calendar year without a reason; None where it may."""
    most = rulebook_in(connection).clocks.audits_a_year
    steps = [step for step in steps_of(connection, partner) if app_id is None or step.app_id in (None, app_id)]
    ended = max((place for place, step in enumerate(steps) if step.step in RESULTS), default=-1)
    year = calendar_year(at)
    # Apps that were audited together began on one day: one audit.
    begun = [step.at for step in steps[: max(ended, 0)] if step.step == "audit_started"]
    held = {day_of(at) for at in begun if calendar_year(at) == year}
    is_waived = any(step.step == "waived" for step in steps[ended + 1 :])
    if most is None or len(held) < most or is_waived:
        return None
    audits = "audit" if len(held) == 1 else "audits"
    return f"had {len(held)} {audits} begun in {year} already, and {most} a calendar year may start unless waived"


def _objection(concerned: Sequence[Unit], step: str) -> str | None:
    """What speaks against recording a step of the track now, in words; None: nothing."""
    if all(unit.has(step) for unit in concerned):
        return f"has '{step_words(step)}' already"
    earlier = POSITIONS if step in RESULTS else POSITIONS[: POSITIONS.index(step)]
    missing = [name for name in earlier if any(name not in unit.done for unit in concerned)]
    if missing:
        words = ", ".join(f"'{step_words(name)}'" for name in missing)
        some = any(name in unit.done for name in missing for unit in concerned)
        return f"lacks {words}{' for some of its apps' if some else ''}, which comes before '{step_words(step)}'"
    return None


def _record_of_incident(deed: Deed, entry: _Entry, evidence_id: int | None) -> int:
    seq = append(
        deed.connection,
        actor=deed.actor,
        verb="step",
        at=deed.at,
        after=json.dumps({"step": entry.document()}),
        note=entry.note or None,
        batch=deed.batch,
    )
    _insert(deed, entry, evidence_id, None, seq)
    return seq


def _insert(deed: Deed, entry: _Entry, evidence_id: int | None, partner: int | None, seq: int) -> None:
    row = {
        "partner": partner,
        "app_id": entry.app_id,
        "step": entry.step,
        "at": entry.at,
        "at_is_date": int(entry.at_is_date),
        "due": entry.due,
        "note": entry.note or None,
        "evidence_id": evidence_id,
        "recorded_by": deed.actor,
        "seq": seq,
        "details": None if entry.details is None else canonical(entry.details.document()),
    }
    deed.connection.execute(_RECORD, row)
