"""What an item of the audit pane rests on, name and value, for the box that `enter` opens. Pure functions."""

from store.audits import Step
from store.instants import MICROSECONDS_PER_DAY
from store.recipients import Recipient
from store.sample_rows import SampleRow
from store.sample_words import plan_words, result_words, sample_caveats
from store.step_details import Details
from tui.text import day, instant, number, step_words
from tui.widgets.audit_lines import Note

Detail = tuple[str, str]


def step_details(step: Step) -> list[Detail]:
    """Everything that one recorded step says."""
    details = [
        ("Step", step_words(step.step)),
        ("Took effect", when(step)),
        ("By", step.by),
        ("About", "the whole partner" if step.app_id is None else f"app {step.app_id}"),
        *said_details(step.details),
    ]
    if step.due is not None:
        due = instant(step.due) if step.due % MICROSECONDS_PER_DAY else day(step.due)
        details.append(("Due", due + (f": {step.due_basis}" if step.due_basis else "")))
    details.append(("Evidence", step.evidence or "none"))
    if step.evidence_sha256:
        details.append(("SHA-256", step.evidence_sha256))
    return [*details, ("Note", step.note or "none"), ("Entry", "imported" if step.seq is None else f"#{step.seq}")]


def said_details(said: Details | None) -> list[Detail]:
    """What a step says beyond its date."""
    if said is None:
        return []
    return [
        *([] if said.people is None else [("People", number(said.people))]),
        *([] if said.recipient is None else [("Recipient", said.recipient)]),
        *([] if said.sample is None else [("Sample", f"drawn by entry #{said.sample}")]),
        *([] if said.checked is None else [("Looked for", number(said.checked))]),
        *([] if said.found is None else [("Still held", number(said.found))]),
    ]


def when(step: Step) -> str:
    """When a step took effect: its date, or its instant."""
    return day(step.at) if step.at_is_date else instant(step.at)


def recipient_details(line: Recipient) -> list[Detail]:
    """How far one recipient's deletion is: asked, certified and verified are three things."""
    stands = (
        ("Named", line.named),
        ("Asked", line.asked),
        ("Certified", line.certified),
        ("Verified", line.verified),
    )
    details: list[Detail] = [("Recipient", line.name)]
    for name, step in stands:
        told = "no" if step is None else "  ".join([when(step), step.by, *filter(None, [step.evidence, step.note])])
        details.append((name, told))
    if line.due is not None:
        details.append(("Due", f"{day(line.due)}{', overdue' if line.overdue else ''}"))
    if line.retracted:
        details.append(("Taken back", "the partner has since said that it passed the data on to nobody"))
    return details


def sample_details(row: SampleRow) -> list[Detail]:
    """How a sample was drawn, what was found in it, and what a reader must know."""
    plan = row.plan
    details: list[Detail] = [
        ("Sample", f"#{row.seq}, drawn {instant(row.at)} by {row.by}"),
        ("Plan", plan_words(plan)),
        ("Result", result_words(plan, row.result)),
    ]
    details += [
        (
            "Checked",
            f"#{check.seq} {day(check.at)} {check.by}: {number(check.checked)} looked for, "
            f"{number(check.found)} still held{f'  {check.evidence}' if check.evidence else ''}",
        )
        for check in row.checks
    ]
    details += [("Mind", caveat) for caveat in sample_caveats(row)]
    details += [("Note", row.note)] if row.note else []
    return [
        *details,
        ("Seed", row.seed),
        ("As of", instant(row.as_of)),
        ("SHA-256", f"{row.subjects_sha256} of the list drawn"),
        ("List", f"python -m store sample --sample {row.seq}"),
    ]


def note_details(note: Note) -> list[Detail]:
    """A note in full."""
    at, actor, text, privileged = note
    kept = "yes: it stays out of reports, which say how many were withheld" if privileged else "no"
    return [("Written", instant(at)), ("By", actor), ("Privileged", kept), ("Note", text)]
