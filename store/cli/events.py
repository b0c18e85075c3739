"""The commands that ask about raw events: a selection of them, one in full, and who read a person or a resource."""

from argparse import Namespace
from dataclasses import fields, replace
from typing import TYPE_CHECKING

from store.cli import output
from store.cli.common import bounds, opened, partner_of
from store.cli.output import Cell, Column, shown
from store.errors import UsageError
from store.instants import format_day, format_instant
from store.text import clean_whole
from store.words import VERDICTS, count_words

if TYPE_CHECKING:
    from store.connection import Store
    from store.event_filters import EventFilters
    from store.events import EventRow
    from store.raw_record import RawAnswer
    from store.why import Why

# Rows printed at a time: a long answer needs no more memory than this.
_AT_ONCE = 20_000
_MOST_SHOWN = 20_000
_COLUMNS = (
    Column("Occurred (UTC)"),
    Column("Verdict"),
    Column("Rule", limit=30),
    Column("App", limit=40),
    Column("Partner", limit=60),
    Column("Data classes", limit=48),
    Column("Person", limit=60),
    Column("Resource", limit=60),
    Column("Records", right=True),
    Column("Record", limit=48),
)


def events(options: Namespace) -> int:
    """Print raw events, each with its verdict and the rule that decided it."""
    from store.event_pages import EventQuestion, event_page
    from store.events import event_document

    bounds(options.from_at, options.until_at)
    filters = _filters(options)
    with opened(options) as store:
        question = EventQuestion(partner_of(store, options.partner), options.from_at, options.until_at, filters)
        page = event_page(store, question, first=options.offset, limit=options.limit)
    if options.json:
        rows = [event_document(row) for row in page.rows]
        output.print_json({"events": rows, "offset": options.offset, "total": page.total})
        return 0
    cells: list[list[Cell]] = [
        [
            format_instant(row.occurred_at),
            VERDICTS[row.verdict] + (" after removal" if row.after_removal else ""),
            row.rule,
            row.app_name,
            row.partner_id,
            "|".join(row.data_classes),
            row.subject_id,
            row.resource_id,
            row.records,
            f"{row.file}#{row.record_no}",
        ]
        for row in page.rows
    ]
    lines = output.table(_COLUMNS, cells) if cells else []
    output.print_lines([*lines, _count(len(page.rows), page.total, options.offset)])
    return 0


def _count(here: int, total: int, offset: int) -> str:
    counted = f"{count_words(total)} event{'' if total == 1 else 's'}"
    if here == total:
        return counted
    more = f"; --offset {offset + here} goes on" if offset + here < total else ""
    return f"{count_words(here)} of {counted}{more}"


def _filters(options: Namespace) -> "EventFilters":
    """What the options ask for; the line of text and the single options must both hold.

    Raises:
        UsageError: a pattern or a line of text that makes no sense, or one field in both.
    """
    from store.event_filters import EventFilters, Term, checked_pattern, parse_filters

    typed = parse_filters(options.filter) if options.filter else EventFilters()
    given = EventFilters(
        verdicts=(options.verdict,) if options.verdict else (),
        data_classes=(checked_pattern(options.data_class),) if options.data_class else (),
        apps=(Term(options.app, exact=True),) if options.app else (),
        subjects=(Term(options.subject, exact=True),) if options.subject else (),
        resources=(Term(options.resource, exact=True),) if options.resource else (),
        endpoints=(Term(options.endpoint, exact=False),) if options.endpoint else (),
    )
    for field in fields(EventFilters):
        values = getattr(given, field.name)
        if values and getattr(typed, field.name):
            what = field.name.replace("_", " ")
            raise UsageError(f"--filter and an option of its own both limit the {what}: give one of the two")
        if values:
            typed = replace(typed, **{field.name: values})
    return typed


def event(options: Namespace) -> int:
    """Print one event in full; the several that one record, or one id, stands for."""
    from store.event_search import events_of_record, events_with_id
    from store.why import why

    if options.import_id is not None and options.record_no is None:
        raise UsageError("--import needs --record N, the record's number in its file")
    with opened(options) as store:
        if options.event_id is not None:
            rows = events_with_id(store, options.event_id)
        else:
            rows = events_of_record(store, options.import_id, options.record_no)
        answers = [why(store, row.key) for row in rows]
        raw = [_raw(store, row) if options.raw else None for row in rows]
    if options.json:
        output.print_json({"events": [_document(*pair) for pair in zip(answers, raw, strict=True)]})
        return 0
    for place, (answer, record) in enumerate(zip(answers, raw, strict=True)):
        output.print_lines([""] if place else [])
        output.print_lines(_event_lines(answer, record))
    return 0


def _raw(store: "Store", row: "EventRow") -> "RawAnswer":
    from store.raw_record import raw_record

    with output.Progress() as progress:
        return raw_record(store, row.import_id, row.record_no, progress=progress.show_part)


def _document(answer: "Why", raw: "RawAnswer | None") -> dict[str, object]:
    from store.events import event_document
    from store.raw_record import raw_document
    from store.why import why_document

    told = {**event_document(answer.event), "why": why_document(answer)}
    return told if raw is None else {**told, "raw": raw_document(raw)}


def _event_lines(answer: "Why", raw: "RawAnswer | None") -> list[str]:
    from store.event_words import event_lines, raw_lines, why_lines

    lines = [*event_lines(answer.event), ("", ""), *why_lines(answer)]
    lines += [("", ""), *raw_lines(raw)] if raw is not None else []
    return [f"{name:<12}  {clean_whole(value[:_MOST_SHOWN])}".rstrip() for name, value in lines]


def who(options: Namespace) -> int:
    """Print who read a person's, or a resource's, data: a partner a line."""
    from store.readers import ALLOWED, readers, readers_document

    with opened(options) as store:
        answer = readers(store, subject=options.subject, resource=options.resource)
    if options.json:
        output.print_json(readers_document(answer))
        return 0
    what = "person" if answer.kind == "subject" else "resource"
    if not answer.ids:
        near = f"; the nearest: {', '.join(shown(one, 60) for one in answer.nearest)}" if answer.nearest else ""
        output.print_lines([f"no {what} is known as {shown(answer.asked, 120)}{near}"])
        return 0
    others = [one for one in answer.ids if one != answer.asked]
    also = f" (the same {what}: {', '.join(shown(one, 60) for one in others)})" if others else ""
    cells: list[list[Cell]] = [
        [
            row.name,
            row.partner_id,
            row.restricted,
            row.after_removal,
            row.events["undetermined"],
            sum(row.events[verdict] for verdict in ALLOWED),
            row.events["denied"],
            format_day(row.first_at),
            format_day(row.last_at),
            "-" if row.first_read_at is None else format_instant(row.first_read_at),
            "-" if row.last_read_at is None else format_instant(row.last_read_at),
        ]
        for row in answer.rows
    ]
    titles = ("Restricted reads", "After removal", "Unsettled", "Allowed", "Denied")
    columns = [Column("Partner", limit=40), Column("Id", limit=60), *(Column(title, right=True) for title in titles)]
    columns += [
        Column(title) for title in ("First event", "Last event", "First restricted read", "Last restricted read")
    ]
    read = sum(row.restricted > 0 for row in answer.rows)
    output.print_lines(
        [
            f"Who read the {what} {shown(answer.asked, 120)}{also}: events of any time",
            "",
            *(output.table(columns, cells) if cells else []),
            f"{count_words(read)} of {count_words(len(answer.rows))} partners with any event read restricted data",
        ]
    )
    return 0
