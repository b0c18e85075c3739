"""The commands that ask what to do: the queue of open cases with their reasons, and everything that is due."""

from argparse import Namespace

from store.cli import output
from store.cli.common import opened, parameters_of, to_second
from store.cli.output import Cell, Column
from store.instants import format_day
from store.words import count_words, duration_words, status_words


def queue(options: Namespace) -> int:
    """Print the open cases, first things first, each with its reasons."""
    from store.queue import queue as ask
    from store.queue import queue_document
    from store.reasons import reason_words

    with opened(options) as store:
        found = ask(store, parameters_of(options))
    if options.json:
        output.print_json(queue_document(found))
        return 0
    cells: list[list[Cell]] = [
        [
            count_words(place),
            item.row.name,
            item.row.partner_id,
            status_words(item.row.status, item.row.grounds),
            item.row.track,
            reason_words(item.reasons) or "nothing found",
            item.row.assignee,
        ]
        for place, item in enumerate(found.items, 1)
    ]
    columns = (
        Column("", right=True),
        Column("Partner", limit=32),
        Column("Id", limit=60),
        Column("Case"),
        Column("Track"),
        Column("First because", limit=160),
        Column("Assignee", limit=20),
    )
    lines = output.table(columns, cells) if cells else ["no case is open"]
    closed = f"{count_words(found.closed)} closed {'case' if found.closed == 1 else 'cases'} left out"
    order = "Order: reads after removal, contradictions, overdue, recent, people"
    output.print_lines([*lines, "", f"{order}. {closed}. Judged at {to_second(found.today)}"])
    return 0


def due(options: Namespace) -> int:
    """Print everything that is due, soonest first."""
    from store.due import due_document, due_list
    from store.incident_clocks import clock_document, clock_words, incident_clocks
    from store.instants import format_instant, now

    parameters = parameters_of(options)
    with opened(options) as store, store.reading():
        today = now() if parameters.today is None else parameters.today
        found = due_list(store, parameters)
        clocks = incident_clocks(store, parameters)
    if options.json:
        output.print_json(
            {
                "today": format_instant(today),
                "overdue": sum(item.overdue for item in found.items),
                "on_hold": found.on_hold,
                "clocks": [clock_document(clock) for clock in clocks],
                "due": [due_document(item) for item in found.items],
            }
        )
        return 0
    cells: list[list[Cell]] = [
        [
            format_day(item.due) if item.due_is_day else f"{format_instant(item.due)[:16]}Z",
            _left(item.due, today, overdue=item.overdue, is_day=item.due_is_day),
            item.name,
            item.partner_id,
            item.what if item.recipient is None else f"{item.what}: {item.recipient}",
            item.app_id,
            item.basis,
        ]
        for item in found.items
    ]
    columns = (
        Column("Due (UTC)"),
        Column("Left"),
        Column("Whose", limit=32),
        Column("Id", limit=60),
        Column("What", limit=60),
        Column("App", limit=40),
        Column("Basis", limit=80),
    )
    lines = [clock_words(clock, today) for clock in clocks]
    lines += ["", *(output.table(columns, cells) if cells else ["nothing is due"])]
    if found.on_hold:
        lines += ["", f"{count_words(found.on_hold)} on hold: their clocks stand still"]
    output.print_lines(lines)
    return 0


def _left(due: int, today: int, *, overdue: bool, is_day: bool) -> str:
    """How much time is left, or how late it is: days for what is due on a day."""
    from store.clocks import days_between

    if not is_day:
        return f"! {duration_words(today - due)} late" if overdue else f"{duration_words(due - today)} left"
    days = days_between(today, due)
    if overdue:
        return f"! {count_words(-days)} {'day' if days == -1 else 'days'} late"
    return "today" if days == 0 else f"{count_words(days)} {'day' if days == 1 else 'days'} left"
