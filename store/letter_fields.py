"""What a letter says, field by field, in the words of DOMAIN: only what the log and the record show.

It knows neither templates nor tables: facts in, texts out.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from store.apps import AppRow
from store.audit_track import Step, Track, is_overdue
from store.contradictions import contradiction_words, statement_of, statement_short
from store.figures import Figures
from store.held import HeldData
from store.instants import format_day, last_day_before
from store.letter_forms import NOTHING, Form
from store.reach import FOREVER
from store.recipients import ANSWERS, NONE, NOT_ANSWERED, NOT_ASKED, Recipients
from store.rulebook import Rule
from store.words import count_words, counted, step_words

# So many resources stand in the letter itself where an appendix can hold them all.
MOST_RESOURCES = 200


class Appendix(NamedTuple):
    """A file that goes with a letter: what it lists, its name, its content."""

    title: str
    file_name: str
    content: bytes
    rows: int
    sha256: str


@dataclass(frozen=True, slots=True)
class LetterFacts:
    """All that a letter rests on.

    Attributes:
        contact: where it goes; None where nobody knows, which only a checklist may leave open.
        could_read: when the partner could read restricted data, half-open, ascending, microseconds UTC.
        scopes: its grants' scopes that opened it.
        due: when the deletion is to be certified, microseconds UTC of a day. `today`: microseconds UTC.
        sample: lines about the samples drawn.
        lists_all: every resource stands in the letter; else the appendix has them where there are many.
    """

    figures: Figures
    rules: tuple[Rule, ...]
    contact: str | None
    held: HeldData
    apps: Sequence[AppRow]
    track: Track
    recipients: Recipients
    could_read: Sequence[tuple[int, int]]
    scopes: Sequence[str]
    due: int
    today: int
    sample: Sequence[str]
    appendices: Sequence[Appendix]
    lists_all: bool


# Every field of a template, and what it holds.
FIELDS = {
    "appendices": "the files that go with the letter, with their SHA-256",
    "apps": "a table of the apps: client id, access removed, reads",
    "classes": "a table of the restricted data classes that are held",
    "contact": "where the letter goes",
    "contradictions": "what the log says against the record",
    "could_read": "when the partner could read restricted data, and under which scopes",
    "date": "today",
    "due": "the day by which the deletion is to be certified",
    "incident": "the incident's name",
    "partner": "the partner's name",
    "partner_id": "its id",
    "proofs": "a table of the apps: removal, reads and denied attempts after it, proof",
    "read": "what the log shows, in sentences",
    "reads_until": "the last day that counts",
    "recipients": "a table of the onward recipients and their deletion",
    "reliability": "how far the figures can be relied on",
    "removal": "how many apps' access was removed, and what was read after it",
    "resources": "a table of the resources that are held",
    "restricted_since": "the first day of a restriction",
    "rules": "what is restricted, since when and why",
    "sample": "the samples drawn, and what was found",
    "stage": "where the partner's remediation stands",
    "steps": "a table of the steps recorded",
    "your_recipients": "the onward recipients, as a letter to the partner says it",
}


def letter_fields(facts: LetterFacts, form: Form) -> dict[str, str]:
    """Every field of `FIELDS`, each safe to stand in a template of this form."""
    held, figures = facts.held, facts.figures
    since = held.cutoff
    return {
        "appendices": _appendices(facts, form),
        "apps": _apps(facts, form),
        "classes": _classes(facts, form),
        "contact": form.text(facts.contact or "contact not known"),
        "contradictions": _contradictions(facts, form),
        "could_read": _could_read(facts, form),
        "date": format_day(facts.today),
        "due": f"{format_day(facts.due)}{', which has passed' if is_overdue(facts.due, facts.today) else ''}",
        "incident": form.text(figures.incident),
        "partner": form.text(held.name),
        "partner_id": form.text(held.partner_id),
        "proofs": _proofs(facts, form),
        "read": _read(facts),
        "reads_until": last_day_before(held.as_of),
        "recipients": _recipients(facts.recipients, form),
        "reliability": form.bullets(_reliability(facts)),
        "removal": _removal(facts),
        "resources": _resources(facts, form),
        "restricted_since": "the restriction" if since is None else format_day(since),
        "rules": form.bullets(_rule(rule, form) for rule in facts.rules) or "Nothing: the rulebook has no rules.",
        "sample": form.bullets(map(form.text, facts.sample)) or "No sample was drawn.",
        "stage": step_words(facts.track.stage),
        "steps": _steps(facts.track.steps, form),
        "your_recipients": _your_recipients(facts.recipients, form),
    }


def _rule(rule: Rule, form: Form) -> str:
    until = "" if rule.until_at is None else f" until {format_day(rule.until_at)}"
    classes = ", ".join(form.text(pattern) for pattern in rule.data_classes)
    basis = f": {form.text(rule.basis)}" if rule.basis.strip() else ""
    return f"{classes}, since {format_day(rule.from_at)}{until} (UTC){basis}"


def _could_read(facts: LetterFacts, form: Form) -> str:
    if not facts.could_read:
        return "The records hold no grant that opened restricted data."
    lines = [
        f"from {format_day(start)}, no end on record by {format_day(facts.held.as_of)}"
        if end >= FOREVER
        else f"from {format_day(start)} to {last_day_before(end)}"
        for start, end in facts.could_read
    ]
    scopes = ", ".join(form.text(scope) for scope in facts.scopes)
    under = f" (under {'the scope' if len(facts.scopes) == 1 else 'the scopes'} {scopes})" if scopes else ""
    return f"By the grants on record{under}, UTC:\n\n{form.bullets(lines)}"


def _read(facts: LetterFacts) -> str:
    held, figures = facts.held, facts.figures
    read = held.read
    if read.first_at is None or read.last_at is None:
        return (
            f"No restricted read by these apps was found in the {count_words(figures.covered_days)} of"
            f" {count_words(figures.coverage_days)} days that are logged (to {last_day_before(held.as_of)} UTC)."
        )
    sentences = [
        f"From {format_day(read.first_at)} to {format_day(read.last_at)} UTC the log shows"
        f" {counted(read.events, 'restricted read')} by these apps: of the data of"
        f" {_qualified(read.people, 'person', figures.qualifier, 'people')}, from"
        f" {_qualified(read.resources, 'resource', figures.qualifier)}.",
    ]
    if figures.qualifier == "exact":
        sentences.append("These counts are complete in the log.")
    elif figures.qualifier == "unsettled":
        sentences.append("These counts are unsettled: they could be too high.")
    if held.verified.events:
        sentences.append(
            f"An audit verified the deletion of what was read in {count_words(held.verified.events)} of these reads;"
            f" what follows is the rest: {counted(held.held.events, 'read')}, of the data of"
            f" {counted(held.held.people, 'person', 'people')}, from {counted(held.held.resources, 'resource')}."
        )
    return " ".join(sentences)


def _qualified(count: int, one: str, qualifier: str, many: str = "") -> str:
    return f"{'at least ' if qualifier == 'at_least' and count else ''}{counted(count, one, many)}"


def _classes(facts: LetterFacts, form: Form) -> str:
    rows = [
        (
            row.data_class,
            count_words(row.people),
            count_words(row.resources),
            count_words(row.events),
            format_day(row.first_at),
            format_day(row.last_at),
        )
        for row in facts.held.classes
    ]
    header = ("Data class", "People", "Resources", "Reads", "First read", "Last read")
    return form.table(header, rows) if rows else ""


def _resources(facts: LetterFacts, form: Form) -> str:
    rows = facts.held.resources
    if not rows:
        return ""
    capped = not facts.lists_all and len(rows) > MOST_RESOURCES
    listed = sorted(rows, key=lambda row: (-row.people, -row.events))[:MOST_RESOURCES] if capped else rows
    cells = [
        (
            "(not in the log)" if row.resource_id is None else row.resource_id,
            count_words(row.people),
            count_words(row.events),
            format_day(row.first_at),
            format_day(row.last_at),
            ", ".join(row.data_classes),
        )
        for row in listed
    ]
    table = form.table(("Resource", "People", "Reads", "First read", "Last read", "Data classes"), cells)
    if not capped:
        return table
    left = len(rows) - len(listed)
    return f"{table}\n\nand {counted(left, 'more resource')}: the appendix lists all {count_words(len(rows))}."


def _reliability(facts: LetterFacts) -> list[str]:
    figures, held = facts.figures, facts.held
    by_events = " (as far as days with events tell: no log says that it is complete)"
    logged = f"{count_words(figures.covered_days)} of {count_words(figures.coverage_days)} days are logged"
    lines = [
        f"{logged}{by_events if figures.coverage_basis == 'inferred' else ''}, to {last_day_before(held.as_of)} UTC"
    ]
    if held.read.events_without_subject:
        lines.append(f"{counted(held.read.events_without_subject, 'restricted read')} by these apps name no person")
    if held.undetermined:
        lines.append(
            f"{counted(held.undetermined, 'further read')} by these apps name no person while somebody's opt-in was in"
            " force: whether they were restricted is not settled, and they are not counted"
        )
    if not figures.settled_opt_ins:
        lines.append("opt-ins were not on record: reads that they allowed may be among those counted")
    if not figures.settled_exemptions:
        lines.append("exemptions were not on record: reads that they allowed may be among those counted")
    if figures.quarantined:
        lines.append(f"{counted(figures.quarantined, 'record')} of the logs could not be read, and are not counted")
    return lines


def _removal(facts: LetterFacts) -> str:
    removed = [app for app in facts.apps if app.removed_at is not None]
    if not removed:
        return "The records hold no removal of the access of these apps."
    told = f"The access of {len(removed)} of {counted(len(facts.apps), 'app')} was removed, as listed."
    after = sum(app.after_removal for app in facts.apps)
    return f"{told} After the removal the log shows {counted(after, 'restricted read')}." if after else told


def _apps(facts: LetterFacts, form: Form) -> str:
    rows = [
        (app.name, app.app_id, _day(app.removed_at), count_words(app.events), _day(app.first_at), _day(app.last_at))
        for app in facts.apps
    ]
    header = ("App", "Client id", "Access removed", "Restricted reads", "First read", "Last read")
    return form.table(header, rows) if rows else "No app of this partner is on record."


def _proofs(facts: LetterFacts, form: Form) -> str:
    rows = [
        (
            app.name,
            app.app_id,
            _day(app.removed_at),
            _day(app.last_at),
            count_words(app.after_removal),
            count_words(app.denied_after),
            "not removed" if app.proof is None else app.proof.upper() if app.proof == "failed" else app.proof,
        )
        for app in facts.apps
    ]
    header = ("App", "Client id", "Access removed", "Last read", "Reads after", "Denied after", "Removal")
    return form.table(header, rows) if rows else "No app of this partner is on record."


def _day(at: int | None) -> str:
    return NOTHING if at is None else format_day(at)


def _recipients(found: Recipients, form: Form) -> str:
    answer = f"The partner's answer: {ANSWERS[found.answer]}."
    if not found.lines:
        return answer
    rows = [
        (
            f"{line.name} (the partner now says none)" if line.retracted else line.name,
            *(_day(None if step is None else step.at) for step in (line.named, line.asked)),
            *(_shown_by(step) for step in (line.certified, line.verified)),
            f"{_day(line.due)}{' OVERDUE' if line.overdue else ''}",
        )
        for line in found.lines
    ]
    table = form.table(("Recipient", "Named", "Asked", "Certified", "Verified", "Due"), rows)
    return f"{answer}\n\n{table}"


def _shown_by(step: Step | None) -> str:
    if step is None:
        return NOTHING
    return f"{format_day(step.at)} ({step.evidence})" if step.evidence else format_day(step.at)


def _your_recipients(found: Recipients, form: Form) -> str:
    named = [line for line in found.lines if not line.retracted]
    if found.answer == NOT_ASKED:
        return ""
    if found.answer == NOT_ANSWERED:
        return "You have not yet told us whether you passed on any of this data."
    if found.answer == NONE:
        return "You told us that you passed this data on to nobody. Please confirm it in your certificate."
    lines = [
        f"{form.text(line.name)}{'' if line.certified is None else f', certificate of {format_day(line.certified.at)}'}"
        for line in named
    ]
    return f"You have named these recipients to us so far:\n\n{form.bullets(lines)}"


def _contradictions(facts: LetterFacts, form: Form) -> str:
    against = list(facts.track.contradictions)
    short = statement_short(statement_of(facts.track.steps), facts.held.read.people)
    if short is not None and all(found.kind != short.kind for found in against):
        against.append(short)
    lines = [form.text(contradiction_words(found)) for found in against]
    return f"What the log says against the record:\n\n{form.bullets(lines)}" if lines else ""


def _steps(steps: Sequence[Step], form: Form) -> str:
    rows = [
        (
            step_words(step.step),
            format_day(step.at),
            step.by,
            step.app_id or "all apps",
            _day(step.due),
            f"{step.evidence} {(step.evidence_sha256 or '')[:12]}" if step.evidence else NOTHING,
        )
        for step in steps
    ]
    return form.table(("Step", "Date", "By", "App", "Due", "Evidence"), rows) if rows else "No step is recorded."


def _appendices(facts: LetterFacts, form: Form) -> str:
    lines = [
        f"{each.title}: {form.text(each.file_name)}, {counted(each.rows, 'row')}, SHA-256 {each.sha256}"
        for each in facts.appendices
    ]
    return f"Appendices:\n\n{form.bullets(lines)}" if lines else ""
