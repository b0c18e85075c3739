"""The commands about files beside the store: the evidence that steps cite, and backups."""

from argparse import Namespace
from functools import partial
from typing import TYPE_CHECKING

from store.cli import output
from store.cli.common import actor_of, opened, to_second
from store.cli.output import Cell, Column, shown
from store.words import count_words, step_words

if TYPE_CHECKING:
    from store.evidence_states import EvidenceRow


def evidence(options: Namespace) -> int:
    """List the evidence files, each looked at now."""
    from store.evidence_states import evidence_document, evidence_list

    with opened(options) as store, output.Progress() as progress:
        rows = evidence_list(store, partial(progress.show_bytes, "evidence files"))
    if options.json:
        output.print_json({"evidence": [evidence_document(row) for row in rows]})
    else:
        output.print_lines(_evidence_lines(rows))
    return 0


def backup(options: Namespace) -> int:
    """Copy the store and its evidence files, checked and hashed; 1 where an evidence file could not be copied."""
    from store.backup import back_up, backup_document

    with opened(options) as store:
        actor = actor_of(options)
        with output.Progress() as progress:
            made = back_up(store, options.to, actor=actor, force=options.force, progress=progress.show_part)
    if not made.recorded:
        output.say("the store is read-only: this backup is not in its log")
    for wrong in made.missing:
        output.say(f"not in the backup: {wrong}")
    if options.json:
        output.print_json(backup_document(made))
    else:
        files = f", {count_words(made.evidence)} evidence file{'' if made.evidence == 1 else 's'}"
        output.print_lines(
            [
                f"backup in {shown(made.file, 400)}: {made.size:,} bytes{files if made.evidence else ''},"
                f" SHA-256 {made.sha256}, log head #{made.seq} {made.hash}"
            ]
        )
    return 1 if made.missing else 0


def _evidence_lines(rows: "list[EvidenceRow]") -> list[str]:
    cells: list[list[Cell]] = [
        [
            row.file_name,
            row.size,
            row.sha256[:12],
            to_second(row.collected_at),
            row.collected_by,
            "; ".join(
                f"{step_words(each.step)} {each.partner_id or '(incident)'}{'' if each.stands else ' (taken back)'}"
                for each in row.steps
            ),
            row.state,
        ]
        for row in rows
    ]
    columns = (
        Column("File", limit=48),
        Column("Bytes", right=True),
        Column("SHA-256"),
        Column("Collected (UTC)"),
        Column("By", limit=20),
        Column("Steps", limit=80),
        Column("State"),
    )
    lines = output.table(columns, cells) if rows else []
    lines.append(f"{count_words(len(rows))} evidence file{'' if len(rows) == 1 else 's'}")
    return [*lines, *(f"{shown(row.file_name, 48)}: {shown(row.wrong, 400)}" for row in rows if row.wrong)]
