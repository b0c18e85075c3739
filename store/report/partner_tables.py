"""The tables of a case file, made of the store's answers."""

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet

from store.action_words import case_words, note_words
from store.apps import FAILED, PROVEN, AppRow
from store.audits import Step
from store.held import HeldData, ReadTotals
from store.instants import format_day, format_instant
from store.ledger import Action
from store.recipients import Recipients
from store.report.parts import Block, Cell, Heading, Lines, Table, Words
from store.sample_rows import SampleRow
from store.sample_words import result_words, sample_caveats
from store.step_details import details_words
from store.words import count_words, step_words

_PROOFS = {FAILED: "! failed: restricted reads after it", PROVEN: "proven: denied attempts after it, none succeeded"}
_UNTESTED = "untested: silence after it"
_COUNTS = (
    Heading("people", "People", is_number=True),
    Heading("resources", "Resources", is_number=True),
    Heading("events", "Restricted reads", is_number=True),
)
_DATES = (Heading("first_at", "First read"), Heading("last_at", "Last read"))


def day_or_none(at: int | None) -> str | None:
    """The UTC date of an instant; None for None."""
    return None if at is None else format_day(at)


def second(at: int) -> str:
    """An instant to the second: `2019-11-05 14:02:09Z`."""
    return f"{format_day(at)} {format_instant(at)[11:19]}Z"


def step_time(step: Step) -> str:
    """When a step took effect; its date alone where only that is known."""
    return format_day(step.at) if step.at_is_date else second(step.at)


def apps_table(apps: Sequence[AppRow]) -> Table:
    """The apps, each with the proof of its removal."""
    headings = (
        Heading("name", "App"),
        Heading("app_id", "Client"),
        Heading("events", "Restricted reads", is_number=True),
        *_DATES,
        Heading("removed_at", "Removed"),
        Heading("after_removal", "Reads after", is_number=True),
        Heading("denied_after", "Denied after", is_number=True),
        Heading("proof", "Removal"),
    )
    rows: tuple[tuple[Cell, ...], ...] = tuple(
        (
            app.name,
            app.app_id,
            app.events,
            day_or_none(app.first_at),
            day_or_none(app.last_at),
            day_or_none(app.removed_at),
            app.after_removal,
            app.denied_after,
            "not removed" if app.proof is None else _PROOFS.get(app.proof, _UNTESTED),
        )
        for app in apps
    )
    return Table("apps", "Reads before as-of; removal is evidence, not a step", headings, rows, nothing="No app known.")


def steps_table(steps: Sequence[Step]) -> Table:
    """The steps that stand, oldest first, with their evidence."""
    headings = (
        Heading("step", "Step"),
        Heading("at", "At (UTC)"),
        Heading("by", "By"),
        Heading("app_id", "App"),
        Heading("due", "Answer due"),
        Heading("note", "Note"),
        Heading("evidence", "Evidence"),
        Heading("evidence_sha256", "SHA-256 of the evidence"),
    )
    rows: tuple[tuple[Cell, ...], ...] = tuple(
        (
            step_words(step.step),
            step_time(step),
            step.by,
            step.app_id or "all apps",
            day_or_none(step.due),
            "; ".join(part for part in (details_words(step.details), step.note) if part) or None,
            step.evidence,
            step.evidence_sha256,
        )
        for step in steps
    )
    return Table("steps", "Steps that stand, oldest first", headings, rows, nothing="No step is recorded.")


def recipients_table(found: Recipients) -> Table:
    """The onward recipients, and how far each one's deletion is."""
    headings = (
        Heading("name", "Recipient"),
        Heading("named", "Named"),
        Heading("asked", "Asked"),
        Heading("certified", "Certified"),
        Heading("verified", "Verified"),
        Heading("due", "Due"),
        Heading("remark", "Remark"),
    )
    rows: tuple[tuple[Cell, ...], ...] = tuple(
        (
            each.name,
            *(
                None if step is None else step_time(step)
                for step in (each.named, each.asked, each.certified, each.verified)
            ),
            None if each.due is None else f"{format_day(each.due)}{', overdue' if each.overdue else ''}",
            "partner now says none" if each.retracted else None,
        )
        for each in found.lines
    )
    return Table("recipients", "Each recipient by itself", headings, rows)


def held_blocks(held: HeldData) -> tuple[Block, ...]:
    """What was read, what of it an audit verified as deleted, and what is held."""
    totals: tuple[tuple[Cell, ...], ...] = tuple(
        _totals(what, each)
        for what, each in (
            ("read in all", held.read),
            ("verified deleted", held.verified),
            ("still held", held.held),
        )
    )
    classes: tuple[tuple[Cell, ...], ...] = tuple(
        (each.data_class, each.people, each.resources, each.events, format_day(each.first_at), format_day(each.last_at))
        for each in held.classes
    )
    resources: tuple[tuple[Cell, ...], ...] = tuple(
        (
            each.resource_id or "(not in the log)",
            each.people,
            each.events,
            ", ".join(each.data_classes),
            format_day(each.first_at),
            format_day(each.last_at),
        )
        for each in held.resources
    )
    records = Heading("records", "Records", is_number=True)
    no_person = Heading("events_without_subject", "Reads without a person", is_number=True)
    count = count_words(len(resources))
    return (
        Words("Held is what was read and no passed audit verified as deleted; a certificate takes nothing off."),
        Table("held", "Counts before as-of", (Heading("what", ""), *_COUNTS, records, no_person, *_DATES), totals),
        Table(
            "held_classes",
            "Held, by data class",
            (Heading("data_class", "Data class"), *_COUNTS, *_DATES),
            classes,
            nothing="Nothing is held.",
        ),
        Table(
            "held_resources",
            f"Held, by resource ({count})",
            (
                Heading("resource_id", "Resource"),
                _COUNTS[0],
                _COUNTS[2],
                Heading("data_classes", "Data classes"),
                *_DATES,
            ),
            resources,
            is_folded=True,
            nothing="Nothing is held.",
        ),
    )


def _totals(what: str, totals: ReadTotals) -> tuple[Cell, ...]:
    return (
        what,
        totals.people,
        totals.resources,
        totals.events,
        totals.records,
        totals.events_without_subject,
        day_or_none(totals.first_at),
        day_or_none(totals.last_at),
    )


def sample_blocks(samples: Sequence[SampleRow]) -> tuple[Block, ...]:
    """The samples that were drawn, and what follows from what was found in them so far. Nobody's id is told."""
    headings = (
        Heading("sample", "Sample", is_number=True),
        Heading("drawn_at", "Drawn (UTC)"),
        Heading("drawn_by", "By"),
        Heading("population", "People", is_number=True),
        Heading("size", "Drawn", is_number=True),
        Heading("state", "State"),
        Heading("conclusion", "What follows"),
    )
    rows: tuple[tuple[Cell, ...], ...] = tuple(
        (
            row.seq,
            second(row.at),
            row.by,
            row.plan.population,
            row.plan.size,
            "stands" if row.taken_back_by is None else f"taken back (#{row.taken_back_by})",
            result_words(row.plan, row.result),
        )
        for row in samples
    )
    caveats = tuple(f"#{row.seq}: {caveat}" for row in samples for caveat in sample_caveats(row))
    table = Table("samples", "Drawn for an auditor to check", headings, rows, nothing="No sample was drawn.")
    return (table, Lines("sample_caveats", "What limits them", caveats)) if caveats else (table,)


def actions_table(entries: Sequence[Action], withheld: AbstractSet[int], set_back: Mapping[int, int]) -> Table:
    """The log's entries of this case, oldest first.

    Args:
        withheld: of these the note stays out.
        set_back: what `store.ledger.clock_went_back` answers.
    """
    headings = (
        Heading("seq", "Entry", is_number=True),
        Heading("at", "At (UTC)"),
        Heading("actor", "By"),
        Heading("verb", "Action"),
        Heading("change", "Change"),
        Heading("note", "Note"),
        Heading("hash", "Hash"),
    )
    rows: tuple[tuple[Cell, ...], ...] = tuple(
        (
            each.seq,
            second(each.at),
            each.actor,
            {"clear": "close"}.get(each.verb, each.verb.replace("_", " ")),
            case_words(each),
            "privileged: withheld" if each.seq in withheld else note_words(each, set_back.get(each.seq)),
            each.hash,
        )
        for each in entries
    )
    caption = "From the action log, oldest first; each hash covers the entry before it"
    return Table("actions", caption, headings, rows, nothing="Nobody did anything to this case.")


def notes_table(notes: Sequence[tuple[int, str, str]]) -> Table:
    """The notes that stand and are not privileged, newest first."""
    headings = (Heading("at", "At (UTC)"), Heading("actor", "By"), Heading("text", "Note"))
    rows: tuple[tuple[Cell, ...], ...] = tuple((second(at), actor, text) for at, actor, text in notes)
    return Table("notes", "Notes and reasons that stand, newest first", headings, rows, nothing="No note stands.")
