"""The commands about what a partner holds: `held`, and the letters and checklists that rest on it."""

from argparse import Namespace
from typing import TYPE_CHECKING

from store.cli import output
from store.cli.common import opened, parameters_of, partner_of
from store.cli.output import Cell, Column, shown
from store.instants import format_day, last_day_before
from store.words import count_words

if TYPE_CHECKING:
    from store.held import HeldData, ReadTotals
    from store.recipients import Recipients


def held(options: Namespace) -> int:
    """Print what a partner read and is not verified to have deleted."""
    from store.audit_rows import steps_of
    from store.held import held_data, held_document
    from store.instants import now
    from store.recipients import recipients, recipients_document

    today = now() if options.today is None else options.today
    with opened(options) as store, store.reading() as connection:
        partner = partner_of(store, options.partner) or 0
        found = held_data(store, partner, parameters_of(options))
        passed_on = recipients(steps_of(connection, partner), today=today)
    if options.json:
        output.print_json({**held_document(found), "recipients": recipients_document(passed_on)})
    else:
        output.print_lines([*_held_lines(found), *_recipient_lines(passed_on)])
    return 0


def _held_lines(found: "HeldData") -> list[str]:
    totals: list[list[Cell]] = [
        _totals_row(what, each)
        for what, each in (
            ("read in all", found.read),
            ("verified deleted", found.verified),
            ("still held", found.held),
        )
    ]
    dates = (Column("First read"), Column("Last read"))
    counts = (Column("People", right=True), Column("Resources", right=True), Column("Restricted reads", right=True))
    lines = [
        f"{shown(found.name)} ({shown(found.partner_id)})  reads to {last_day_before(found.as_of)} UTC",
        "",
        *output.table((Column(""), *counts, Column("Records", right=True), *dates), totals),
    ]
    if found.held.events_without_subject:
        lines.append(f"{count_words(found.held.events_without_subject)} of the reads still held name no person")
    if found.classes:
        rows: list[list[Cell]] = [
            [row.data_class, row.people, row.resources, row.events, *_dates(row.first_at, row.last_at)]
            for row in found.classes
        ]
        lines += ["", *output.table((Column("Data class", limit=60), *counts, *dates), rows)]
    if found.resources:
        rows = [
            [
                row.resource_id or "(not in the log)",
                row.people,
                row.events,
                *_dates(row.first_at, row.last_at),
                "|".join(row.data_classes),
            ]
            for row in found.resources
        ]
        columns = (Column("Resource", limit=60), counts[0], counts[2], *dates, Column("Data classes", limit=60))
        lines += ["", *output.table(columns, rows)]
    verified = [
        f"{shown(app.name)} ({shown(app.app_id)}): audit passed {format_day(app.verified_at)},"
        f" {count_words(app.read - app.held)} of {count_words(app.read)} reads verified deleted"
        for app in found.apps
        if app.verified_at is not None
    ]
    return [*lines, *([""] if verified else []), *verified]


def _totals_row(what: str, totals: "ReadTotals") -> list[Cell]:
    return [
        what,
        totals.people,
        totals.resources,
        totals.events,
        totals.records,
        *_dates(totals.first_at, totals.last_at),
    ]


def _dates(first_at: int | None, last_at: int | None) -> list[Cell]:
    return [None if at is None else format_day(at) for at in (first_at, last_at)]


def _recipient_lines(found: "Recipients") -> list[str]:
    from store.recipients import ANSWERS

    lines = ["", f"onward recipients: {ANSWERS[found.answer]}"]
    if not found.lines:
        return lines
    rows: list[list[Cell]] = [
        [
            each.name,
            *(
                None if step is None else format_day(step.at)
                for step in (each.named, each.asked, each.certified, each.verified)
            ),
            None if each.due is None else f"{format_day(each.due)}{' overdue' if each.overdue else ''}",
            "partner now says none" if each.retracted else None,
        ]
        for each in found.lines
    ]
    columns = ("Named", "Asked", "Certified", "Verified", "Due", "")
    return [*lines, *output.table((Column("Recipient", limit=48), *map(Column, columns)), rows)]
