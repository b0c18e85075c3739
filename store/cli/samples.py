"""The command `sample`: draw a sample of the people whose data a partner read, show one for the auditor, list them."""

from argparse import Namespace
from typing import TYPE_CHECKING

from store.cli import output
from store.cli.common import actor_of, opened, partner_of, to_second
from store.cli.output import Cell, Column, shown
from store.errors import UsageError
from store.instants import format_day
from store.words import count_words

if TYPE_CHECKING:
    from store.connection import Store
    from store.samples import Sample, SampleRow


# The last two are the auditor's to fill in.
_LIST_CSV = ("number", "subject_id", "still_held", "remark")
_SAMPLES_CSV = (
    *("sample", "partner_id", "name", "drawn_at", "drawn_by", "population", "share", "risk", "held_at_least", "size"),
    *("seed", "as_of", "events_without_subject", "taken_back_by", "checked", "found", "at_most", "rules_out"),
    "conclusion",
)


def sample(options: Namespace) -> int:
    """Draw a sample where a share and a risk are given, else show the one that is named, else list them."""
    draws = options.share is not None or options.risk is not None
    if options.csv and options.json:
        raise UsageError("give --csv or --json, not both")
    if draws and options.sample is not None:
        raise UsageError("--sample shows one that was drawn; --share and --risk draw another: give one or the other")
    if not draws and (options.seed is not None or options.as_of is not None or options.note):
        raise UsageError("--seed, --as-of and --note are for drawing, which needs --share and --risk")
    with opened(options) as store:
        if draws:
            return _draw(store, options)
        partner = partner_of(store, options.partner)
        return _list(store, options, partner) if options.sample is None else _show(store, options, partner)


def _draw(store: "Store", options: Namespace) -> int:
    from store.sample_words import plan_words, sample_row_document
    from store.samples import draw_sample, samples_of

    if options.share is None or options.risk is None:
        raise UsageError("a sample is drawn with both --share and --risk, e.g. --share 5% --risk 5%")
    if options.csv:
        raise UsageError("drawing prints no list: draw, then `python -m store sample --sample N --csv`")
    partner = partner_of(store, options.partner)
    if partner is None:
        raise UsageError("a sample is one of a partner's people: give --partner ID")
    done = draw_sample(
        store,
        partner,
        actor=actor_of(options),
        share=options.share,
        risk=options.risk,
        seed=options.seed,
        as_of=options.as_of,
        note=options.note,
    )
    row = next(row for row in samples_of(store, partner) if row.seq == done.seqs[0])
    if options.json:
        output.print_json({"sample": sample_row_document(row)})
    else:
        lines = [shown(done.line, 400), f"{_capital(plan_words(row.plan))}.", *_caveat_lines(row)]
        output.print_lines([*lines, f"The list: `python -m store sample --db FILE --sample {row.seq} --csv`"])
    return 0


def _list(store: "Store", options: Namespace, partner: int | None) -> int:
    from store.sample_words import result_words, sample_row_document
    from store.samples import samples_of

    rows = samples_of(store, partner)
    if options.json:
        output.print_json({"samples": [sample_row_document(row) for row in rows]})
        return 0
    if options.csv:
        output.print_csv(_SAMPLES_CSV, [sample_row_document(row) for row in rows])
        return 0
    cells: list[list[Cell]] = [
        [
            f"#{row.seq}",
            row.name,
            to_second(row.at),
            row.by,
            row.plan.size,
            row.plan.population,
            f"taken back (#{row.taken_back_by})" if row.taken_back_by else result_words(row.plan, row.result),
        ]
        for row in rows
    ]
    columns = (
        Column("Sample", right=True),
        Column("Partner", limit=32),
        Column("Drawn (UTC)"),
        Column("By", limit=20),
        Column("Drawn", right=True),
        Column("People", right=True),
        Column("Conclusion", limit=200),
    )
    count = f"{count_words(len(rows))} sample{'' if len(rows) == 1 else 's'}"
    output.print_lines([*output.table(columns, cells), count] if rows else [count])
    return 0


def _show(store: "Store", options: Namespace, partner: int | None) -> int:
    from store.sample_words import sample_document
    from store.samples import sample as ask

    found = ask(store, options.sample, partner=partner)
    if options.csv or options.json:
        _log_export(store, options, found)
    if options.json:
        output.print_json({"sample": sample_document(found)})
    elif options.csv:
        rows = enumerate(found.subjects, 1)
        blank = dict.fromkeys(_LIST_CSV)
        output.print_csv(_LIST_CSV, [{**blank, "number": number, "subject_id": each} for number, each in rows])
    else:
        output.print_lines(_sheet_lines(found))
    return 0


def _sheet_lines(found: "Sample") -> list[str]:
    from store.sample_words import redrawn_words, result_words
    from store.sampling import METHOD, RISK_MEANS

    row = found.row
    lines = [
        f"Sample #{row.seq} of {shown(row.name, 60)} ({shown(row.partner_id, 60)}), drawn {to_second(row.at)} by"
        f" {shown(row.by, 40)}{f': {shown(row.note, 200)}' if row.note else ''}",
        f"{_capital(result_words(row.plan, row.result))}.",
        *_caveat_lines(row),
        f"Method: {METHOD}; {RISK_MEANS}.",
        f"Seed {row.seed}; {redrawn_words(row, found.redrawn)}.",
        *(
            f"#{check.seq} {format_day(check.at)} by {shown(check.by, 40)}: {check.checked:,} checked, {check.found:,}"
            f" still held{f'; evidence {shown(check.evidence, 60)}' if check.evidence else ''}"
            f"{f'; {shown(check.note, 200)}' if check.note else ''}"
            for check in row.checks
        ),
        "",
    ]
    cells: list[list[Cell]] = [[number, each] for number, each in enumerate(found.subjects, 1)]
    return [*lines, *output.table((Column("No.", right=True), Column("Person", limit=100)), cells)]


def _caveat_lines(row: "SampleRow") -> list[str]:
    from store.sample_words import sample_caveats

    return [f"Caveat: {shown(caveat, 400)}" for caveat in sample_caveats(row)]


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _log_export(store: "Store", options: Namespace, found: "Sample") -> None:
    import json

    from store.instants import now
    from store.ledger import append

    if store.read_only:
        output.say("the store is read-only: this list of people is not in its log")
        return
    what = {
        "what": "sample",
        "sample": found.row.seq,
        "format": "csv" if options.csv else "json",
        "rows": len(found.subjects),
        "partner_id": found.row.partner_id,
    }
    actor = actor_of(options)
    with store.writing() as connection:
        append(connection, actor=actor, verb="export", at=now(), after=json.dumps(what))
