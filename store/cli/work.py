"""The commands that ask about work: the action log and the remediation tracks."""

from argparse import Namespace
from typing import TYPE_CHECKING

from store.cli import output
from store.cli.common import due_words, opened, partner_of, to_second
from store.cli.output import Cell, Column, shown
from store.instants import format_day, format_instant
from store.step_details import details_words
from store.words import step_words

if TYPE_CHECKING:
    from store.apps import AppRow
    from store.audits import Step, Track

_MOST_SHOWN = 2_000


def log(options: Namespace) -> int:
    """Print the action log."""
    from store.action_words import change_words, note_words
    from store.ledger import action_document, actions, clock_went_back

    with opened(options) as store, store.reading():
        entries = actions(store, partner=partner_of(store, options.partner))
        set_back = clock_went_back(store)
    if options.json:
        output.print_json({"actions": [action_document(entry, set_back=set_back) for entry in entries]})
        return 0
    cells: list[list[Cell]] = [
        [
            f"#{entry.seq}",
            to_second(entry.at),
            entry.actor,
            entry.verb.replace("_", " "),
            entry.partner_id,
            change_words(entry),
            note_words(entry, set_back.get(entry.seq)),
        ]
        for entry in entries
    ]
    columns = (
        Column("Entry", right=True),
        Column("At (UTC)"),
        Column("By", limit=20),
        Column("Action"),
        Column("Partner", limit=60),
        Column("Change", limit=100),
        Column("Note", limit=120),
    )
    output.print_lines(output.table(columns, cells))
    return 0


def audit(options: Namespace) -> int:
    """Print the remediation tracks: of one partner in full, else of everyone who has one or kept access."""
    from store.apps import partner_apps
    from store.audits import incident_steps, step_document, track, track_document, tracks
    from store.incident_clocks import clock_document, clock_words, incident_clocks
    from store.instants import now
    from store.parameters import Parameters
    from store.partners import all_partners, find_partner, partner_list

    today = now() if options.today is None else options.today
    with opened(options) as store:
        partner = partner_of(store, options.partner)
        of_incident = incident_steps(store)
        clocks = incident_clocks(store, Parameters(today=today))
        apps = [] if partner is None else partner_apps(store, partner, Parameters(today=today))
        if partner is not None:
            found = [track(store, partner, today=today)]
            row = find_partner(all_partners(store, Parameters(today=today)), partner)
            people = {} if row is None else {partner: row.people}
        else:
            known = tracks(store, today=today)
            rows = partner_list(store, Parameters(today=today))
            people = {row.partner: row.people for row in rows}
            listed = [row.partner for row in rows if row.retained or row.status is not None or row.partner in known]
            found = [known.get(each) or track(store, each, today=today) for each in listed]
    if options.json:
        output.print_json(
            {
                "today": format_instant(today),
                "incident_steps": [step_document(step) for step in of_incident],
                "clocks": [clock_document(clock) for clock in clocks],
                "audits": [
                    track_document(each, apps if partner is not None else None, people.get(each.partner, 0))
                    for each in found
                ],
            }
        )
    elif partner is not None:
        output.print_lines(_track_lines(found[0], apps, people.get(partner, 0)))
    else:
        told = [f"{step_words(step.step)} {_step_time(step)} by {shown(step.by, 20)}" for step in of_incident]
        told += [clock_words(clock, today) for clock in clocks if clock.met_at is None]
        output.print_lines([*told, *([""] if told else []), *_tracks_lines(found)])
    return 0


def access(options: Namespace) -> int:
    """Print what a partner's apps could read, by which grants and until which removal."""
    from store.app_access import access_document, access_lines, access_of

    with opened(options) as store:
        found = access_of(store, partner_of(store, options.partner) or 0, options.app)
    if options.json:
        output.print_json({"partner_id": options.partner, "apps": [access_document(each) for each in found]})
        return 0
    for place, each in enumerate(found):
        output.print_lines([""] if place else [])
        output.print_lines([f"{name:<10}  {shown(value, _MOST_SHOWN)}".rstrip() for name, value in access_lines(each)])
    return 0


def _tracks_lines(found: "list[Track]") -> list[str]:
    cells: list[list[Cell]] = [
        [
            each.name,
            each.partner_id,
            each.letters,
            step_words(each.stage),
            None if each.next_step is None else step_words(each.next_step),
            due_words(each.due, overdue=each.overdue),
        ]
        for each in found
    ]
    columns = (
        Column("Partner", limit=32),
        Column("Id", limit=60),
        Column("Track"),
        Column("Stage"),
        Column("Next"),
        Column("Due"),
    )
    return output.table(columns, cells) if cells else ["no partner kept access, and none has a step"]


def _step_time(step: "Step") -> str:
    return format_day(step.at) if step.at_is_date else to_second(step.at)


def _track_lines(each: "Track", apps: "list[AppRow]", people: int) -> list[str]:
    from store.contradictions import contradiction_words, statement_of, statement_short

    short = statement_short(statement_of(each.steps), people)
    against = (*each.contradictions, *(() if short is None else (short,)))
    lines = [
        f"{shown(each.name)} ({shown(each.partner_id)})  {each.letters}  {step_words(each.stage)}",
        f"next: {'nothing' if each.next_step is None else step_words(each.next_step)}"
        f"  due: {due_words(each.due, overdue=each.overdue) or '-'}",
        *(f"! {shown(contradiction_words(found), 200)}" for found in against),
        *(
            f"removal of {shown(app.name, 60)} ({shown(app.app_id, 40)}) on {format_day(app.removed_at)}: {app.proof}"
            for app in apps
            if app.removed_at is not None
        ),
        "",
    ]
    cells: list[list[Cell]] = [
        [
            step_words(step.step),
            _step_time(step),
            step.by,
            step.app_id or "all apps",
            None if step.due is None else format_day(step.due),
            step.evidence,
            "; ".join(part for part in (details_words(step.details), step.note) if part),
        ]
        for step in each.steps
    ]
    columns = (
        Column("Step"),
        Column("At (UTC)"),
        Column("By", limit=20),
        Column("App", limit=40),
        Column("Due"),
        Column("Evidence", limit=40),
        Column("Note", limit=100),
    )
    lines += output.table(columns, cells) if cells else ["no step is recorded"]
    for at, actor, text, privileged in each.notes:
        mark = " (privileged)" if privileged else ""
        lines.append(f"note {to_second(at)} {shown(actor, 20)}{mark}: {shown(text, 400)}")
    return lines
