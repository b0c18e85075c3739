"""The commands that ask about work: the action log and the remediation tracks."""

import json
from argparse import Namespace
from typing import TYPE_CHECKING

from store.cli import output
from store.cli.common import due_words, opened, partner_of
from store.cli.output import Cell, Column, shown
from store.instants import format_day, format_instant, format_optional
from store.words import step_words

if TYPE_CHECKING:
    from store.audits import Track
    from store.ledger import Action


def log(options: Namespace) -> int:
    """Print the action log."""
    from store.ledger import action_document, actions

    with opened(options) as store:
        entries = actions(store, partner=partner_of(store, options.partner))
    if options.json:
        output.print_json({"actions": [action_document(entry) for entry in entries]})
        return 0
    cells: list[list[Cell]] = [
        [
            f"#{entry.seq}",
            format_instant(entry.at)[:19] + "Z",
            entry.actor,
            entry.verb.replace("_", " "),
            entry.partner_id,
            _change(entry),
            _note(entry),
        ]
        for entry in entries
    ]
    columns = (
        Column("Entry", right=True),
        Column("At (UTC)"),
        Column("By", limit=20),
        Column("Action"),
        Column("Partner", limit=24),
        Column("Change", limit=64),
        Column("Note", limit=120),
    )
    output.print_lines(output.table(columns, cells))
    return 0


def _change(entry: "Action") -> str | None:
    """What an entry changed: `open -> flagged`, or the facts it recorded."""
    if entry.after is None:
        return None
    before = json.loads(entry.before) if entry.before else None
    after = json.loads(entry.after)
    if isinstance(before, dict) and isinstance(after, dict):
        changed = [key for key in after if key != "version" and after[key] != before.get(key)]
        return "; ".join(f"{key} {_fact(before.get(key))} -> {_fact(after[key])}" for key in changed) or None
    if isinstance(after, dict):
        return ", ".join(f"{key} {_fact(value)}" for key, value in after.items() if value not in (None, "", [], {}))
    return _fact(after)


def _fact(value: object) -> str:
    if value is None:
        return "none"
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _note(entry: "Action") -> str | None:
    parts = [f"corrects #{entry.corrects}" if entry.corrects else "", "privileged" if entry.privileged else ""]
    said = ", ".join(part for part in parts if part)
    if entry.note is None or not said:
        return entry.note or said or None
    return f"({said}) {entry.note}"


def audit(options: Namespace) -> int:
    """Print the remediation tracks: of one partner in full, else of everyone who has one or kept access."""
    from store.audits import track, tracks
    from store.instants import now
    from store.parameters import Parameters
    from store.partners import partner_list

    today = now() if options.today is None else options.today
    with opened(options) as store:
        partner = partner_of(store, options.partner)
        if partner is not None:
            found = [track(store, partner, today=today)]
        else:
            known = tracks(store, today=today)
            rows = partner_list(store, Parameters(today=today))
            listed = [row.partner for row in rows if row.retained or row.status is not None or row.partner in known]
            found = [known.get(each) or track(store, each, today=today) for each in listed]
    if options.json:
        output.print_json({"today": format_instant(today), "audits": [_track_document(each) for each in found]})
    elif partner is not None:
        output.print_lines(_track_lines(found[0]))
    else:
        output.print_lines(_tracks_lines(found))
    return 0


def _track_document(each: "Track") -> dict[str, object]:
    return {
        "partner_id": each.partner_id,
        "name": each.name,
        "stage": each.stage,
        "track": each.letters,
        "next_step": each.next_step,
        "due": format_optional(each.due),
        "overdue": each.overdue,
        "apps_done": {step: list(counts) for step, counts in each.apps_done.items()},
        "steps": [
            {
                "step": step.step,
                "at": format_day(step.at) if step.at_is_date else format_instant(step.at),
                "app_id": step.app_id,
                "due": format_optional(step.due),
                "note": step.note,
                "by": step.by,
                "seq": step.seq,
            }
            for step in each.steps
        ],
        "notes": [
            {"at": format_instant(at), "actor": actor, "note": text, "privileged": privileged}
            for at, actor, text, privileged in each.notes
        ],
    }


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
        Column("Id", limit=24),
        Column("Track"),
        Column("Stage"),
        Column("Next"),
        Column("Due"),
    )
    return output.table(columns, cells) if cells else ["no partner kept access, and none has a step"]


def _track_lines(each: "Track") -> list[str]:
    lines = [
        f"{shown(each.name)} ({shown(each.partner_id)})  {each.letters}  {step_words(each.stage)}",
        f"next: {'nothing' if each.next_step is None else step_words(each.next_step)}"
        f"  due: {due_words(each.due, overdue=each.overdue) or '-'}",
        "",
    ]
    cells: list[list[Cell]] = [
        [
            step_words(step.step),
            format_day(step.at) if step.at_is_date else format_instant(step.at),
            step.by,
            step.app_id or "all apps",
            None if step.due is None else format_day(step.due),
            step.note,
        ]
        for step in each.steps
    ]
    columns = (
        Column("Step"),
        Column("At (UTC)"),
        Column("By", limit=20),
        Column("App", limit=24),
        Column("Due"),
        Column("Note", limit=100),
    )
    lines += output.table(columns, cells) if cells else ["no step is recorded"]
    for at, actor, text, privileged in each.notes:
        mark = " (privileged)" if privileged else ""
        lines.append(f"note {format_instant(at)[:19]}Z {shown(actor, 20)}{mark}: {shown(text, 400)}")
    return lines
