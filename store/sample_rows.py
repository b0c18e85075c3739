"""The samples that were drawn, what was found in them so far, and what cannot have been found in them.

How they are drawn is `store.samples`.
"""

import json
import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, NamedTuple

from store.case_changes import Deed, refuse
from store.errors import RefusedError, UsageError
from store.instants import MICROSECONDS_PER_DAY, format_instant, parse_point
from store.names import partner_id_of, partner_name, partner_names
from store.sampling import Plan, Result, result
from store.step_details import SAMPLE_CHECKED, Details


class Checked(NamedTuple):
    """One record of what was found in a sample so far: a step `sample_checked` that stands.

    Attributes:
        at: microseconds UTC; only its date is known where `at_is_date`.
        evidence: the name of the file that shows it.
    """

    seq: int
    at: int
    at_is_date: bool
    by: str
    checked: int
    found: int
    note: str | None
    evidence: str | None


@dataclass(frozen=True, slots=True)
class SampleRow:
    """A sample as it was drawn, and what was found in it so far.

    Attributes:
        seq: the log's entry that drew it, by which it is called.
        at: when, microseconds UTC.
        seed: hexadecimal digits; `seed_given`: by whoever drew, not made by the tool.
        as_of: of the population, microseconds UTC.
        without_subject: restricted reads that named no person then.
        pseudonyms: the store keeps people as pseudonyms.
        taken_back_by: the entry that took the drawing back; None while it stands.
        checks: oldest first; each tells all that was checked and found until then.
        others: this partner's other samples that stand.
    """

    seq: int
    partner: int
    partner_id: str
    name: str
    at: int
    by: str
    note: str | None
    plan: Plan
    seed: str
    seed_given: bool
    as_of: int
    without_subject: int
    population_sha256: str
    subjects_sha256: str
    pseudonyms: bool
    taken_back_by: int | None
    checks: tuple[Checked, ...]
    others: tuple[int, ...]

    @property
    def result(self) -> Result | None:
        """What follows from the last check; None before the first."""
        if not self.checks:
            return None
        return result(self.plan, self.checks[-1].checked, self.checks[-1].found)


_SAMPLES = """
SELECT s.seq, s.partner, l.partner_id, l.at, l.actor, l.note, l.after
FROM samples s
JOIN actions l ON l.seq = s.seq
WHERE :partner IS NULL OR s.partner = :partner
ORDER BY s.seq
"""
_ONE = "SELECT partner, subjects FROM samples WHERE seq = ?"
_CHECKS = """
SELECT s.seq, s.at, s.at_is_date, s.recorded_by, s.details, s.note, e.file_name
FROM audit_steps s
LEFT JOIN evidence e ON e.evidence_id = s.evidence_id
WHERE s.step = :step AND s.taken_back_by IS NULL AND (:partner IS NULL OR s.partner = :partner)
ORDER BY s.seq
"""
_TAKEN_BACK = """
SELECT json_extract(after, '$.corrected.seq'), seq, json_extract(after, '$.corrected.in_force')
FROM actions
WHERE verb IN ('undo', 'redo') AND json_extract(after, '$.corrected.verb') = 'sample'
  AND (:partner IS NULL OR partner = :partner)
ORDER BY seq
"""
_PSEUDONYMS = "SELECT pseudonym_key IS NOT NULL FROM incident"


def list_of(connection: sqlite3.Connection, seq: int) -> tuple[int, tuple[str, ...]]:
    """Of which partner (internal id) a sample is, and the people drawn, in the order drawn.

    Raises:
        UsageError: there is no such sample.
    """
    row = connection.execute(_ONE, (seq,)).fetchone()
    if row is None:
        raise UsageError(f"there is no sample #{seq}: `python -m store sample` lists those drawn")
    return int(row[0]), tuple(json.loads(row[1]))


def sample_rows(connection: sqlite3.Connection, partner: int | None) -> list[SampleRow]:
    """The samples drawn of a partner (internal id), or of all, oldest first; those taken back too."""
    values = {"partner": partner}
    found = connection.execute(_SAMPLES, values).fetchall()
    if not found:
        return []
    (pseudonyms,) = connection.execute(_PSEUDONYMS).fetchone()
    taken_back = _taken_back(connection, partner)
    names = {partner: partner_name(connection, partner)} if partner is not None else partner_names(connection)
    checks = _checks(connection, partner)
    standing: dict[int, list[int]] = {}
    for seq, each, *_ in found:
        if taken_back.get(seq) is None:
            standing.setdefault(each, []).append(seq)
    return [
        _row(
            row,
            name=names[row[1]].name,
            pseudonyms=bool(pseudonyms),
            taken_back_by=taken_back.get(row[0]),
            checks=tuple(checks.get(row[0], ())),
            others=tuple(seq for seq in standing.get(row[1], ()) if seq != row[0]),
        )
        for row in found
    ]


def refuse_check(
    deed: Deed, partners: Iterable[int], details: Details | None, *, at: int, at_is_date: bool, reasoned: bool
) -> None:
    """Refuse to record what was found in a sample that was never drawn, or that cannot have been found in it.

    Args:
        partners: those it is recorded for, internal ids.
        details: of a step `sample_checked`; anything else is let be.
        at: when it was found, microseconds UTC; only its date is known where `at_is_date`.
        reasoned: a note says why.

    Raises:
        UsageError: there is no such sample, or more were checked than drawn.
        RefusedError: it is another partner's, was taken back, or - without a note - it was drawn later, or less is
            told than before.
    """
    if details is None or details.sample is None or details.checked is None or details.found is None:
        return
    seq = details.sample
    partner, subjects = list_of(deed.connection, seq)
    refuse(
        deed,
        {
            each: f"has no sample #{seq}: that is one of {partner_id_of(deed.connection, partner)}"
            for each in partners
            if each != partner
        },
    )
    if details.checked > len(subjects):
        raise UsageError(f"{details.checked:,} checked of sample #{seq}, for which {len(subjects):,} people were drawn")
    row = next(row for row in sample_rows(deed.connection, partner) if row.seq == seq)
    if row.taken_back_by is not None:
        raise RefusedError(f"sample #{seq} was taken back (#{row.taken_back_by})")
    if reasoned:
        return
    # A bare date may be any instant of that day.
    if (at + MICROSECONDS_PER_DAY - 1 if at_is_date else at) < row.at:
        raise RefusedError(
            f"sample #{seq} was drawn on {format_instant(row.at)[:19]}Z, after that; give a note with the reason to"
            " record it all the same"
        )
    before = row.checks[-1] if row.checks else None
    if before is not None and (details.checked < before.checked or details.found < before.found):
        raise RefusedError(
            f"of sample #{seq} {before.checked:,} were checked and {before.found:,} found already (#{before.seq}): say"
            " how many in all, or give a note with the reason why it is less"
        )


def refuse_taking_back(connection: sqlite3.Connection, verb: str, root: str, seq: int, after: str | None) -> None:
    """Refuse to take a draw back in which something was found, or to bring back what was found in one taken back.

    Args:
        verb: `undo` or `redo`.
        root: the verb of the action that it is about, `seq` its entry, `after` what that tells, as JSON.

    Raises:
        RefusedError: naming what stands in the way.
    """
    if root == "sample" and (citing := _checks_that_cite(connection, seq)):
        told = f"what was found in sample #{seq} is recorded (#{citing[-1]}): take that back first"
        raise RefusedError(f"cannot {verb}: {told}")
    if root == "step" and verb == "redo":
        details = json.loads(after or "{}")["step"].get("details") or {}
        taken_back = _taken_back(connection, None).get(details.get("sample"))
        if taken_back is not None:
            raise RefusedError(f"cannot redo: sample #{details['sample']} was taken back (#{taken_back})")


def _checks_that_cite(connection: sqlite3.Connection, seq: int) -> list[int]:
    """The entries that recorded what was found in a sample, as far as they stand."""
    return [found.seq for found in _checks(connection, None).get(seq, [])]


def _row(
    row: tuple[Any, ...],
    *,
    name: str,
    pseudonyms: bool,
    taken_back_by: int | None,
    checks: tuple[Checked, ...],
    others: tuple[int, ...],
) -> SampleRow:
    seq, partner, partner_id, at, actor, note, after = row
    told = json.loads(after)["sample"]
    planned = Plan(
        told["population"], Fraction(told["share"]), Fraction(told["risk"]), told["held_at_least"], told["size"]
    )
    return SampleRow(
        seq=seq,
        partner=partner,
        partner_id=partner_id,
        name=name,
        at=at,
        by=actor,
        note=note,
        plan=planned,
        seed=told["seed"],
        seed_given=told["seed_given"],
        as_of=parse_point(told["as_of"]),
        without_subject=told["without_subject"],
        population_sha256=told["population_sha256"],
        subjects_sha256=told["subjects_sha256"],
        pseudonyms=pseudonyms,
        taken_back_by=taken_back_by,
        checks=checks,
        others=others,
    )


def _taken_back(connection: sqlite3.Connection, partner: int | None) -> dict[int | None, int | None]:
    """Of the samples that were ever taken back, the entry that did so last; None where it was brought back."""
    rows = connection.execute(_TAKEN_BACK, {"partner": partner})
    return {root: None if in_force else seq for root, seq, in_force in rows}


def _checks(connection: sqlite3.Connection, partner: int | None) -> dict[int, list[Checked]]:
    """What was found, by sample, oldest first."""
    found: dict[int, list[Checked]] = {}
    for seq, at, at_is_date, by, text, note, evidence in connection.execute(
        _CHECKS, {"step": SAMPLE_CHECKED, "partner": partner}
    ):
        details = Details.of_text(text)
        if details is not None and None not in (details.sample, details.checked, details.found):
            each = Checked(seq, at, bool(at_is_date), by, details.checked or 0, details.found or 0, note, evidence)
            found.setdefault(details.sample or 0, []).append(each)
    return found
