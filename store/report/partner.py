"""The case file of one partner: what it could read and read, what was done about it, and what it still holds.

Privileged notes stay out of it, in every form: they are counted, and nothing of their text is told.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from store.apps import AppRow, app_document, partner_apps
from store.audits import Step, Track, step_document, track, track_document
from store.connection import Store
from store.contradictions import contradiction_words, statement_of
from store.errors import UsageError
from store.figures import Figures, figures, figures_document
from store.held import HeldData, held_data, held_document
from store.instants import format_day, format_instant, last_day_before
from store.ledger import Action, action_document, actions, clock_went_back
from store.names import partner_id_of
from store.parameters import Parameters, View
from store.partners import PartnerRow, all_partners, find_partner, partner_document, row_status
from store.reasons import reason_words, reasons
from store.recipients import Recipients, recipients, recipients_document
from store.report import partner_tables as tables
from store.report.incident import due_words, row_qualifier
from store.report.parts import Block, Cell, Heading, Lines, Report, Section, Table, Words
from store.report.proof import Proof, logged_document, proof_document, proof_of, proof_section
from store.report.times import (
    Times,
    bins_table,
    chart,
    gaps_table,
    left_out_words,
    markers_table,
    times_document,
    times_of,
    what_if_words,
)
from store.sample_rows import SampleRow, sample_rows
from store.step_details import details_words
from store.words import count_words, duration_words, qualified, step_words


@dataclass(frozen=True, slots=True)
class CaseFacts:
    """The answers that a case file is made of, all of one snapshot.

    Attributes:
        actions: the log's entries of this case, privileged ones without their notes; `withheld`: their numbers.
        notes: (at, actor, text), newest first, of those that are not privileged; `notes_withheld`: how many are.
        set_back: entries before which the clock went back: by how much.
    """

    row: PartnerRow
    figures: Figures
    view: View
    apps: tuple[AppRow, ...]
    times: Times | None
    track: Track
    recipients: Recipients
    samples: tuple[SampleRow, ...]
    held: HeldData
    actions: tuple[Action, ...]
    withheld: frozenset[int]
    set_back: dict[int, int]
    notes: tuple[tuple[int, str, str], ...]
    notes_withheld: int
    proof: Proof


def partner_report(store: Store, partner: int, parameters: Parameters, *, made_at: int, made_by: str) -> Report:
    """The case file of a partner (internal id).

    Args:
        made_at: when, microseconds UTC; `made_by`: who.

    Raises:
        UsageError: there is no such partner.
    """
    return _report(_gather(store, partner, parameters, made_at=made_at, made_by=made_by))


def _gather(store: Store, partner: int, parameters: Parameters, *, made_at: int, made_by: str) -> CaseFacts:
    with store.reading() as connection:
        row = find_partner(all_partners(store, parameters), partner)
        if row is None:
            raise UsageError(f"nothing is known of {partner_id_of(connection, partner)}: no live import names it")
        proof = proof_of(store, connection, parameters, made_at=made_at, made_by=made_by, partner_id=row.partner_id)
        found = track(store, partner, today=proof.view.today)
        entries = actions(store, partner=partner)
        withheld = _privileged(entries)
        return CaseFacts(
            row=row,
            figures=figures(store, parameters),
            view=proof.view,
            apps=tuple(partner_apps(store, partner, parameters)),
            times=times_of(store, proof.view, partner),
            track=found,
            recipients=recipients(found.steps, today=proof.view.today),
            samples=tuple(sample_rows(connection, partner)),
            held=held_data(store, partner, parameters),
            actions=tuple(each._replace(note=None) if each.seq in withheld else each for each in entries),
            withheld=withheld,
            set_back=clock_went_back(store),
            notes=tuple((at, actor, text) for at, actor, text, privileged in found.notes if not privileged),
            notes_withheld=sum(privileged for *_, privileged in found.notes),
            proof=proof,
        )


def _privileged(entries: Sequence[Action]) -> frozenset[int]:
    """The entries whose notes stay out: privileged ones, and those that take such a one back or bring it back."""
    found: set[int] = set()
    for entry in sorted(entries, key=lambda each: each.seq):
        if entry.privileged or entry.corrects in found:
            found.add(entry.seq)
    return frozenset(found)


def _report(facts: CaseFacts) -> Report:
    row, view = facts.row, facts.view
    since = "the beginning" if view.cutoff is None else format_day(view.cutoff)
    sections = (
        Section("summary", "In short", _summary(facts)),
        Section("apps", "Apps, and proof of their removal", (tables.apps_table(facts.apps),)),
        Section("timeline", "When it happened", _timeline(facts)),
        Section("track", "Remediation", _track(facts)),
        Section("contradictions", "What the log says against the record", _contradictions(facts)),
        Section("recipients", "Whom it passed the data on to", _recipients(facts)),
        Section("held", "What it holds", tables.held_blocks(facts.held)),
        Section("samples", "Samples of people checked", tables.sample_blocks(facts.samples)),
        Section("record", "Record of actions", _record(facts), is_wide=True),
        Section("notes", "Notes", _notes(facts)),
        proof_section(facts.proof),
    )
    return Report(
        title=row.name,
        subtitle=(
            f"Case file of {row.partner_id}, {facts.figures.incident}. Reads from {since} to"
            f" {last_day_before(view.as_of)} UTC (as of {format_instant(view.as_of)}, exclusive). Work as of"
            f" {format_instant(view.today)}."
        ),
        sections=sections,
        document=_document(facts),
        logged=logged_document(facts.proof),
    )


# --- in short ------------------------------------------------------------------------------------------------------


def _summary(facts: CaseFacts) -> tuple[Block, ...]:
    row, found = facts.row, facts.figures
    qualifier = row_qualifier(row, found.accessed.qualifier)
    why = reason_words(reasons(row, today=facts.view.today, window_days=facts.view.window_days))
    reads = f"{qualified(row.events, qualifier)} restricted {'read' if row.events == 1 else 'reads'}"
    span = "" if row.first_at is None else f", {format_day(row.first_at)} .. {format_day(row.last_at or row.first_at)}"
    rows: list[tuple[Cell, ...]] = [
        ("case", f"{row_status(row)}{'' if row.assignee is None else f', owner {row.assignee}'}"),
        ("first because", why or "nothing found"),
        ("kept access", "yes" if row.granted else "yes, shown by reads alone" if row.retained else "no"),
        ("could read", _could_read(facts.times)),
        ("read", f"{reads}{span}" if row.events else "no restricted read found"),
        ("people", qualified(row.people, qualifier)),
        ("resources", qualified(row.resources, qualifier)),
        (f"in the last {count_words(facts.view.window_days)} days, from {format_day(found.recent_from)}", row.recent),
        ("after removal", row.after_removal),
        ("not known", _not_known(facts)),
        ("remediation", f"{facts.track.letters}, {step_words(facts.track.stage)}"),
        ("next", "nothing" if facts.track.next_step is None else step_words(facts.track.next_step)),
        ("due", due_words(row, facts.view.today)),
    ]
    if not row.claimed:
        rows.insert(0, ("partner", "an app that no partner claims: its own partner until the registry says otherwise"))
    blocks: list[Block] = []
    if row.after_removal:
        told = "read" if row.after_removal == 1 else "reads"
        first = "" if row.first_lag is None else f", the first after {duration_words(row.first_lag)}"
        blocks.append(Words(f"{count_words(row.after_removal)} {told} after removal{first}.", is_loud=True))
    headings = (Heading("what", "What"), Heading("value", "Value"))
    blocks.append(Table("facts", "What is known", headings, tuple(rows), is_facts=True))
    if found.caveats:
        blocks.append(Lines("caveats", "What limits the figures of the incident", found.caveats))
    return tuple(blocks)


def _could_read(times: Times | None) -> str:
    if times is None or not times.answer.could_read:
        return "no grant shows it"
    spans = [f"{format_day(start)} .. {last_day_before(end)}" for start, end in times.answer.could_read]
    return ", ".join(spans[:6]) + (f" and {len(spans) - 6} more stretches" if len(spans) > 6 else "")


def _not_known(facts: CaseFacts) -> str:
    found = facts.figures
    missing = found.coverage_days - found.covered_days
    told = [
        f"{missing:,} of {found.coverage_days:,} days not logged" if missing else "",
        f"{count_words(facts.row.without_subject)} restricted reads name no person"
        if facts.row.without_subject
        else "",
        f"{count_words(facts.held.undetermined)} reads unsettled" if facts.held.undetermined else "",
    ]
    return "; ".join(filter(None, told)) or "nothing that the log could tell"


def _timeline(facts: CaseFacts) -> tuple[Block, ...]:
    times = facts.times
    if times is None:
        return (Words("No time lies between cut-off and as-of."),)
    # Imports are in the proof; here they would say when somebody worked, not what happened.
    told = tuple(each for each in (*times.answer.markers, *times.later) if each.kind != "import")
    return (
        chart(times, facts.row.name, tuple(each for each in times.answer.markers if each.kind != "import")),
        *what_if_words(facts.view),
        bins_table(times),
        *gaps_table(times.answer.gaps),
        markers_table(told, "What happened beside the reads"),
        *left_out_words(times),
    )


# --- what was done -------------------------------------------------------------------------------------------------


def _track(facts: CaseFacts) -> tuple[Block, ...]:
    found = facts.track
    stated = statement_of(found.steps)
    blocks: list[Block] = [
        Words(
            f"{found.letters}: {step_words(found.stage)};"
            f" next {'nothing' if found.next_step is None else step_words(found.next_step)}."
            " Certified is not verified: a certificate is the partner's word."
        )
    ]
    if stated is not None:
        people = count_words(facts.row.people)
        blocks.append(
            Words(
                f"Partner says ({format_day(stated.at)}): {details_words(stated.details)}."
                f" The log names {people} {'person' if facts.row.people == 1 else 'people'}."
            )
        )
    return (*blocks, tables.steps_table(found.steps))


def _contradictions(facts: CaseFacts) -> tuple[Block, ...]:
    found = tuple(contradiction_words(each) for each in facts.row.contradictions)
    return (Lines("contradictions", "Found anew at every look, over all evidence", found),)


def _recipients(facts: CaseFacts) -> tuple[Block, ...]:
    from store.recipients import ANSWERS

    answer = Words(f"Onward recipients: {ANSWERS[facts.recipients.answer]}.")
    return (answer, tables.recipients_table(facts.recipients)) if facts.recipients.lines else (answer,)


def _record(facts: CaseFacts) -> tuple[Block, ...]:
    return (tables.actions_table(facts.actions, facts.withheld, facts.set_back),)


def _notes(facts: CaseFacts) -> tuple[Block, ...]:
    blocks: list[Block] = []
    if facts.notes_withheld:
        one = facts.notes_withheld == 1
        blocks.append(
            Words(f"{count_words(facts.notes_withheld)} privileged {'note is' if one else 'notes are'} withheld.")
        )
    return (*blocks, tables.notes_table(facts.notes))


# --- as JSON -------------------------------------------------------------------------------------------------------


def _document(facts: CaseFacts) -> dict[str, object]:
    from store.sample_words import sample_row_document

    listed = track_document(facts.track, facts.apps)
    listed["notes"] = [
        {"at": format_instant(at), "actor": actor, "text": text, "privileged": False} for at, actor, text in facts.notes
    ]
    return {
        "report": "partner",
        "partner": {
            **partner_document(facts.row),
            "first_because": reason_words(
                reasons(facts.row, today=facts.view.today, window_days=facts.view.window_days)
            ),
        },
        "incident": figures_document(facts.figures),
        "apps": [app_document(app) for app in facts.apps],
        "timeline": times_document(facts.times),
        "track": listed,
        "statement": _statement(statement_of(facts.track.steps)),
        "recipients": recipients_document(facts.recipients),
        "held": held_document(facts.held),
        "samples": [sample_row_document(row) for row in facts.samples],
        "actions": [
            {**action_document(each, set_back=facts.set_back), "withheld": each.seq in facts.withheld}
            for each in facts.actions
        ],
        "notes_withheld": facts.notes_withheld,
        "proof": proof_document(facts.proof),
    }


def _statement(step: Step | None) -> dict[str, object] | None:
    return None if step is None else step_document(step)
