"""The command that asks where each partner stands: the stages, and the partners of one of them."""

from argparse import Namespace
from typing import TYPE_CHECKING

from store.cli import output
from store.cli.common import due_words, opened, parameters_of
from store.cli.output import Cell, Column
from store.instants import format_day
from store.words import count_words, qualified, step_words

if TYPE_CHECKING:
    from store.stages import StageLine, Stages


def stages(options: Namespace) -> int:
    """Print the stages; of one stage also its partners, late first."""
    from store.stage_document import stages_document
    from store.stages import stages as ask

    with opened(options) as store:
        answer = ask(store, parameters_of(options))
    if options.json:
        output.print_json(stages_document(answer, options.stage))
        return 0
    output.print_lines(_table(answer))
    if options.stage is not None:
        output.print_lines(["", *_partners(answer, options.stage)])
    return 0


def _table(answer: "Stages") -> list[str]:
    from store.stages import duty_words, stage_letter

    cells: list[list[Cell]] = [
        [
            f"{stage_letter(row.stage)} {step_words(row.stage)}",
            row.partners,
            None if row.people is None else qualified(row.people, answer.accessed.qualifier),
            None if row.oldest_at is None else format_day(row.oldest_at),
            None if row.oldest_days is None else f"{count_words(row.oldest_days)} d",
            row.late,
            row.on_hold,
            row.no_response,
            due_words(row.due, overdue=row.overdue) or row.next or None,
        ]
        for row in answer.rows
    ]
    columns = (
        Column("Stage"),
        Column("Partners", right=True),
        Column("People", right=True),
        Column("Oldest"),
        Column("For", right=True),
        Column("Late", right=True),
        Column("On hold", right=True),
        Column("No answer", right=True),
        Column("Next"),
    )
    total = qualified(answer.accessed.people, answer.accessed.qualifier)
    return [
        *(duty_words(duty, answer.today) for duty in answer.duties),
        "",
        *output.table(columns, cells),
        f"{count_words(answer.partners)} partners. People overlap: the column does not add up to {total}.",
    ]


def _partners(answer: "Stages", stage: str) -> list[str]:
    lines = answer.lines(stage)
    if not lines:
        return [f"no partner stands at '{step_words(stage)}'"]
    columns = (
        Column("Partner", limit=32),
        Column("Id", limit=60),
        Column("People", right=True),
        Column("Since"),
        Column("Due"),
        Column("Days left", right=True),
        Column("On hold", limit=60),
        Column("Owner", limit=16),
    )
    return output.table(columns, [_cells(line, answer) for line in lines])


def _cells(line: "StageLine", answer: "Stages") -> list[Cell]:
    row = line.row
    held = None if line.held_since is None else f"since {format_day(line.held_since)} {line.held_note or ''}".rstrip()
    return [
        row.name,
        row.partner_id,
        qualified(row.people, answer.accessed.qualifier),
        None if line.since is None else format_day(line.since),
        due_words(row.due, overdue=row.overdue),
        line.days_left,
        held,
        row.assignee,
    ]
