"""The report of the incident: the populations side by side, how far they can be trusted, whose, and what was done."""

from dataclasses import dataclass

from store.clocks import days_between
from store.connection import Store
from store.contradictions import contradiction_words
from store.due import DueItem, DueList, due_document, due_list
from store.figures import Figures, figures_document
from store.incident_clocks import clock_words
from store.instants import format_day, format_instant
from store.parameters import Parameters, View
from store.partners import PartnerRow, partner_document, partner_list, row_status
from store.reasons import reason_words, reasons
from store.report.headline import headline, populations, range_words, summary, work
from store.report.parts import Block, Cell, Count, Heading, Lines, Report, Section, Table, Words
from store.report.proof import Proof, logged_document, proof_document, proof_of, proof_section
from store.report.times import (
    Times,
    bins_table,
    chart,
    coverage_chart,
    gaps_table,
    left_out_words,
    markers_table,
    times_document,
    times_of,
    what_if_words,
)
from store.sheet import Sheet, sheet, sheet_document, time_lines
from store.words import count_words


@dataclass(frozen=True, slots=True)
class IncidentFacts:
    """The answers that the report of an incident is made of, all of one snapshot.

    Attributes:
        partners: those that kept access, and whoever has a case or a record, first things first.
        times: None where no time lies between cut-off and as-of.
    """

    sheet: Sheet
    view: View
    partners: tuple[PartnerRow, ...]
    due: DueList
    times: Times | None
    proof: Proof


def incident_report(store: Store, parameters: Parameters, *, made_at: int, made_by: str) -> Report:
    """The report of the incident.

    Args:
        made_at: when, microseconds UTC; `made_by`: who.
    """
    return _report(_gather(store, parameters, made_at=made_at, made_by=made_by))


def _gather(store: Store, parameters: Parameters, *, made_at: int, made_by: str) -> IncidentFacts:
    with store.reading() as connection:
        proof = proof_of(store, connection, parameters, made_at=made_at, made_by=made_by)
        rows = partner_list(store, parameters)
        return IncidentFacts(
            sheet=sheet(store, parameters),
            view=proof.view,
            partners=tuple(row for row in rows if row.retained or row.status is not None or row.stage != "none"),
            due=due_list(store, parameters),
            times=times_of(store, proof.view, None),
            proof=proof,
        )


def _report(facts: IncidentFacts) -> Report:
    document = _document(facts)
    found = facts.sheet.figures
    told = headline(figures_document(found), facts.view.recent_from)
    side_by_side = populations(told)
    sections = (
        Section("summary", "In short", summary(told)),
        Section("timeline", "When it happened", _timeline(facts)),
        Section("populations", "Populations side by side", (*side_by_side, _times(facts.sheet))),
        Section("coverage", "What is logged, and what is not", _coverage(found, facts.times)),
        Section("partners", "Partners", (_partners(facts),), is_wide=True),
        Section("work", "Cases and audits", work(told)),
        Section("due", "Clocks, and what is due", _due(facts)),
        Section("contradictions", "What the log says against the record", (_contradictions(facts.partners),)),
        proof_section(facts.proof),
    )
    return Report(
        title=found.incident,
        subtitle=f"Report of the incident. {range_words(told)}",
        sections=sections,
        document=document,
        logged=logged_document(facts.proof),
    )


def _times(found: Sheet) -> Table:
    rows = tuple((what, ", ".join(words.split("   "))) for what, words in time_lines(found.times))
    return Table(
        "times", "When what happened", (Heading("what", "What"), Heading("at", "At (UTC)")), rows, is_facts=True
    )


# --- what is logged ------------------------------------------------------------------------------------------------


def _coverage(found: Figures, times: Times | None) -> tuple[Block, ...]:
    basis = "coverage was imported" if found.coverage_basis == "imported" else "inferred from days with events"
    facts: tuple[tuple[Cell, ...], ...] = (
        ("logged days since the cut-off", f"{found.covered_days:,} of {found.coverage_days:,}"),
        ("logged days of the window", f"{found.recent_covered_days:,} of {found.recent_days:,}"),
        ("known because", basis),
        ("opt-ins", "imported, or no rule accepts them" if found.settled_opt_ins else "never imported"),
        ("exemptions", "imported, or no rule accepts them" if found.settled_exemptions else "never imported"),
        ("quarantined records, not resolved", found.quarantined),
        ("unfinished imports, counted nowhere", found.unfinished_imports),
        ("scopes that the rulebook does not map", ", ".join(found.unmapped_scopes) or "none"),
    )
    table = Table(
        "coverage", "How far the log goes", (Heading("what", "What"), Heading("value", "Value")), facts, is_facts=True
    )
    if times is None:
        return (table, Words("No time lies between cut-off and as-of."))
    return (table, coverage_chart(times), *gaps_table(times.answer.gaps))


# --- partners ------------------------------------------------------------------------------------------------------

_PARTNERS = (
    Heading("name", "Partner"),
    Heading("partner_id", "Id"),
    Heading("retained", "Kept access"),
    Heading("apps", "Apps", is_number=True),
    Heading("people", "People", is_number=True),
    Heading("events", "Restricted reads", is_number=True),
    Heading("first_at", "First read"),
    Heading("last_at", "Last read"),
    Heading("recent", "In the window", is_number=True),
    Heading("after_removal", "After removal", is_number=True),
    Heading("status", "Case"),
    Heading("track", "Track"),
    Heading("due", "Due"),
    Heading("assignee", "Owner"),
)


def row_qualifier(row: PartnerRow, qualifier: str) -> str:
    """A partner's own qualifier: that of the whole, and `at_least` where the log names no person for some reads."""
    return "at_least" if qualifier == "exact" and row.without_subject else qualifier


def _partners(facts: IncidentFacts) -> Table:
    qualifier = facts.sheet.figures.accessed.qualifier
    rows: tuple[tuple[Cell, ...], ...] = tuple(
        (
            row.name,
            row.partner_id,
            "yes" if row.granted else "shown by reads" if row.retained else "no",
            row.apps,
            Count(row.people, row_qualifier(row, qualifier)),
            Count(row.events, qualifier),
            None if row.first_at is None else format_day(row.first_at),
            None if row.last_at is None else format_day(row.last_at),
            row.recent,
            row.after_removal,
            row_status(row),
            row.track,
            due_words(row, facts.view.today),
            row.assignee,
        )
        for row in facts.partners
    )
    caption = f"{count_words(len(rows))} that kept access or have a case, in the order in which they deserve attention"
    return Table("partners", caption, _PARTNERS, rows)


def due_words(row: PartnerRow, today: int) -> str | None:
    """When a partner's next answer is due; `late` in days at today."""
    if row.due is None:
        return None
    late = f", {count_words(days_between(row.due, today))} d late" if row.overdue else ""
    return f"{format_day(row.due)}{late}"


# --- work ----------------------------------------------------------------------------------------------------------


_DUE = (
    Heading("due", "Due (UTC)"),
    Heading("state", "State"),
    Heading("name", "Whose"),
    Heading("partner_id", "Id"),
    Heading("what", "What"),
    Heading("app_id", "App"),
    Heading("basis", "Basis"),
)


def _due(facts: IncidentFacts) -> tuple[Block, ...]:
    today = facts.view.today
    clocks = Lines(
        "clocks", "Duties of the incident", tuple(clock_words(each, today) for each in facts.sheet.figures.clocks)
    )
    rows = tuple(_due_row(item, today) for item in facts.due.items)
    blocks: list[Block] = [clocks, Table("due", "Soonest first", _DUE, rows, nothing="Nothing is due.")]
    if facts.due.on_hold:
        blocks.append(Words(f"{count_words(facts.due.on_hold)} on hold: their clocks stand still."))
    return tuple(blocks)


def _due_row(item: DueItem, today: int) -> tuple[Cell, ...]:
    late = f"{count_words(days_between(item.due, today))} d late" if item.due_is_day else "late"
    return (
        format_day(item.due) if item.due_is_day else f"{format_day(item.due)} {format_instant(item.due)[11:16]}Z",
        late if item.overdue else "open",
        item.name,
        item.partner_id,
        item.what if item.recipient is None else f"{item.what}: {item.recipient}",
        item.app_id,
        item.basis,
    )


def _contradictions(partners: tuple[PartnerRow, ...]) -> Table:
    rows: tuple[tuple[Cell, ...], ...] = tuple(
        (row.name, row.partner_id, contradiction_words(each)) for row in partners for each in row.contradictions
    )
    return Table(
        "contradictions",
        "Found anew at every look, over all evidence",
        (Heading("name", "Partner"), Heading("partner_id", "Id"), Heading("text", "What")),
        rows,
        nothing="Nothing was found.",
    )


def _timeline(facts: IncidentFacts) -> tuple[Block, ...]:
    times = facts.times
    if times is None:
        return (Words("No time lies between cut-off and as-of."),)
    own = tuple(each for each in (*times.answer.markers, *times.later) if each.partner is None)
    drawn = tuple(each for each in times.answer.markers if each.partner is None or each.kind == "removal")
    return (
        chart(times, "all partners", drawn),
        *what_if_words(facts.view),
        bins_table(times),
        markers_table(own, "Rules, imports and steps of the incident itself"),
        *left_out_words(times),
    )


def _document(facts: IncidentFacts) -> dict[str, object]:
    reached = facts.view.today
    return {
        "report": "incident",
        "figures": {**figures_document(facts.sheet.figures), **sheet_document(facts.sheet)},
        "partners": [
            {
                **partner_document(row),
                "first_because": reason_words(reasons(row, today=reached, window_days=facts.view.window_days)),
            }
            for row in facts.partners
        ],
        "due": [due_document(item) for item in facts.due.items],
        "on_hold": facts.due.on_hold,
        "timeline": times_document(facts.times),
        "proof": proof_document(facts.proof),
    }
