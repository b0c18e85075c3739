"""The commands that ask about evidence: figures, partners, people."""

import json
from argparse import Namespace
from typing import TYPE_CHECKING

from store.cli import output
from store.cli.common import actor_of, due_words, opened, parameters_of, partner_of, to_second
from store.cli.output import Cell, Column, shown
from store.instants import format_day, format_instant, format_optional, read_words
from store.words import VERDICTS, count_words, qualified, step_words

if TYPE_CHECKING:
    from store.connection import Store
    from store.figures import Figures
    from store.kept import Population
    from store.partners import PartnerRow
    from store.sheet import Sheet
    from store.sheet_rows import SheetRows


def figures(options: Namespace) -> int:
    """Print the figures of the incident."""
    from store.errors import UsageError
    from store.figures import figures as ask
    from store.figures import figures_document
    from store.sheet import sheet, sheet_document

    if options.rows is not None:
        return _rows(options)
    if options.csv:
        raise UsageError("--csv needs --rows FIGURE")
    with opened(options) as store:
        parameters = parameters_of(options)
        found = sheet(store, parameters) if options.sheet else None
        answer = ask(store, parameters) if found is None else found.figures
    if options.json:
        output.print_json({**figures_document(answer), **({} if found is None else sheet_document(found))})
    else:
        output.print_lines([*_figures_lines(answer), *([] if found is None else _sheet_lines(found))])
    return 0


def _sheet_lines(found: "Sheet") -> list[str]:
    from store.sheet import span_lines, time_lines

    counts = {name: getattr(found.figures, name).data_classes for name in _POPULATION_WORDS}
    classes = [f"{words} {count_words(counts[name])}" for name, words in _POPULATION_WORDS.items()]
    told = [f"{name}: {words}" for name, words in [*time_lines(found.times), *span_lines(found.times)]]
    return ["", f"Data classes: {', '.join(classes)}", *told]


_POPULATION_WORDS = {"accessed": "read", "recent": "read lately", "after_removal": "read after removal"}


def _rows(options: Namespace) -> int:
    """Print the rows that one number of the sheet counts; a list of people as CSV or JSON is an entry in the log."""
    from store.errors import UsageError
    from store.sheet_rows import rows_document, sheet_rows

    if options.csv and options.json:
        raise UsageError("give --csv or --json, not both")
    with opened(options) as store:
        found = sheet_rows(store, parameters_of(options), options.rows)
        if (options.csv or options.json) and "subject_id" in found.columns:
            _log_export(store, options, found.number, what=found.cell)
    if options.json:
        output.print_json(rows_document(found))
        return 0
    told = [dict(zip(found.columns, row, strict=True)) for row in _told_rows(found)]
    if options.csv:
        output.print_csv(found.columns, told)
        return 0
    columns = [Column(name.removesuffix("_at").replace("_", " "), limit=60) for name in found.columns]
    cells: list[list[Cell]] = [list(row) for row in _told_rows(found)]
    total = f", {count_words(found.total)} in all" if found.total != found.number else ""
    count = f"{found.cell}: {count_words(found.number)} {'row' if found.number == 1 else 'rows'}{total}"
    output.print_lines([*(output.table(columns, cells) if cells else []), count])
    return 0


def _told_rows(found: "SheetRows") -> list[tuple[Cell, ...]]:
    """The rows with instants in words, yes and no for truths."""

    def told(name: str, value: object) -> Cell:
        if name.endswith("_at") and isinstance(value, int):
            return format_instant(value)
        if isinstance(value, bool):
            return "yes" if value else "no"
        return value if isinstance(value, int | str) or value is None else str(value)

    return [tuple(told(name, value) for name, value in zip(found.columns, row, strict=True)) for row in found.rows]


def _figures_lines(answer: "Figures") -> list[str]:
    reads = read_words(answer.cutoff, answer.as_of)
    lines = [
        shown(answer.incident, 120),
        f"Reads {reads} (as of {format_instant(answer.as_of)}, exclusive); work as of {to_second(answer.today)}",
        "",
    ]
    rows: list[list[Cell]] = [
        [
            "kept access",
            count_words(answer.retained_partners),
            count_words(answer.retained_apps),
            *[None] * 5,
            f"{count_words(answer.ungranted_partners)} of them shown by reads alone"
            if answer.ungranted_partners
            else "",
        ],
        _population("read", answer.accessed),
        _population(f"read from {format_day(answer.recent_from)}, last {answer.window_days} d", answer.recent),
        _population("read after removal", answer.after_removal),
    ]
    titles = ("Partners", "Apps", "People", "Resources", "Restricted reads", "Records", "No person")
    columns = [Column(""), *(Column(title, right=True) for title in titles), Column("Qualifier", limit=60)]
    lines += output.table(columns, rows)
    lines += ["", f"Denied attempts after removal: {count_words(answer.denied_attempts)}"]
    lines.append(
        "Events before as-of: "
        + "; ".join(f"{words} {count_words(answer.verdicts.get(name, 0))}" for name, words in VERDICTS.items())
    )
    if answer.events_from_as_of:
        lines.append(f"Events from as-of on, counted nowhere: {count_words(answer.events_from_as_of)}")
    lines.append(
        "Cases: "
        + ", ".join(f"{'closed' if name == 'cleared' else name} {count_words(n)}" for name, n in answer.cases.items())
    )
    lines.append("Audits: " + ", ".join(f"{step_words(name)} {count_words(n)}" for name, n in answer.audits.items()))
    lines.append(f"Logged: {answer.covered_days:,} of {answer.coverage_days:,} days ({answer.coverage_basis})")
    if answer.unfinished_imports:
        lines.append(f"Unfinished imports, counted nowhere: {count_words(answer.unfinished_imports)}")
    lines += [f"Caveat: {shown(caveat, 400)}" for caveat in answer.caveats]
    return [*lines, "", shown(answer.sentence, 1_000)]


def _population(title: str, counts: "Population") -> list[Cell]:
    from store.words import QUALIFIERS

    numbers = (counts.partners, counts.apps, counts.people, counts.resources, counts.events, counts.records)
    return [
        title,
        *(qualified(number, counts.qualifier) for number in numbers),
        count_words(counts.events_without_subject),
        QUALIFIERS[counts.qualifier],
    ]


def partners(options: Namespace) -> int:
    """Print every known partner, filtered and sorted as asked."""
    from store.errors import UsageError
    from store.partners import filter_rows, partner_document, partner_list, population_rows, sort_rows

    if options.csv and options.json:
        raise UsageError("give --csv or --json, not both")
    with opened(options) as store:
        rows = partner_list(store, parameters_of(options))
    rows = population_rows(rows, options.show)
    if options.filter:
        rows = filter_rows(rows, options.filter)
    if options.sort:
        rows = sort_rows(rows, options.sort, reverse=options.reverse)
    elif options.reverse:
        rows = rows[::-1]
    if options.json:
        output.print_json({"partners": [partner_document(row) for row in rows]})
    elif options.csv:
        output.print_csv(_PARTNER_CSV, [partner_document(row) for row in rows])
    else:
        output.print_lines(_partner_lines(rows))
    return 0


_PARTNER_CSV = (
    "partner_id",
    "name",
    "retained",
    "apps",
    "people",
    "events",
    "resources",
    "first_at",
    "last_at",
    "recent",
    "after_removal",
    "status",
    "stage",
    "assignee",
    "version",
    "claimed",
    "granted",
    "records",
    "events_without_subject",
    "grounds",
    "track",
    "due",
    "overdue",
)
_PARTNER_COLUMNS = (
    Column("Partner", limit=32),
    Column("Id", limit=60),
    Column("Kept access"),
    Column("Apps", right=True),
    Column("People", right=True),
    Column("Restricted reads", right=True),
    Column("Last read"),
    Column("Recent", right=True),
    Column("After removal", right=True),
    Column("Status", limit=32),
    Column("Track"),
    Column("Due"),
    Column("Owner", limit=16),
)


def _partner_lines(rows: "list[PartnerRow]") -> list[str]:
    from store.partners import row_status

    cells: list[list[Cell]] = [
        [
            row.name,
            row.partner_id,
            "yes" if row.retained else "no",
            row.apps,
            row.people,
            row.events,
            None if row.last_at is None else format_day(row.last_at),
            row.recent,
            row.after_removal,
            row_status(row),
            row.track,
            due_words(row.due, overdue=row.overdue),
            row.assignee,
        ]
        for row in rows
    ]
    count = f"{count_words(len(rows))} partner{'' if len(rows) == 1 else 's'}"
    return [*output.table(_PARTNER_COLUMNS, cells), count] if rows else [count]


def people(options: Namespace) -> int:
    """Print the notification list; as CSV or JSON, which leave the tool, it is an entry in the log."""
    from store.errors import UsageError
    from store.people import count_people, people_csv, people_document
    from store.people import people as ask

    if options.csv and options.json:
        raise UsageError("give --csv or --json, not both")
    with opened(options) as store:
        rows = ask(store, parameters_of(options), partner_of(store, options.partner))
        if options.country is not None:
            rows = [row for row in rows if (row.country or "").casefold() == options.country.casefold()]
        if options.minors:
            rows = [row for row in rows if row.minor]
        if options.csv or options.json:
            _log_export(store, options, len(rows))
    if options.json:
        output.print_json(people_document(rows))
        return 0
    if options.csv:
        output.write_text(people_csv(rows))
        return 0
    cells: list[list[Cell]] = [
        [
            row.subject_id,
            row.partners,
            row.apps,
            row.events,
            row.resources,
            format_day(row.first_at),
            format_day(row.last_at),
            row.country,
            None if row.minor is None else "yes" if row.minor else "no",
            "|".join(row.data_classes),
        ]
        for row in rows
    ]
    columns = (
        Column("Person", limit=60),
        Column("Partners", right=True),
        Column("Apps", right=True),
        Column("Restricted reads", right=True),
        Column("Resources", right=True),
        Column("First read"),
        Column("Last read"),
        Column("Country", limit=20),
        Column("Minor"),
        Column("Data classes", limit=60),
    )
    lines = output.table(columns, cells) if rows else []
    counts = count_people(rows)
    lines.append(f"{count_words(len(rows))} {'person' if len(rows) == 1 else 'people'}")
    if counts.unknown < counts.people or any(country is not None for country, _ in counts.by_country):
        by_country = (
            f"{'no country known' if country is None else shown(country, 40)} {count_words(n)}"
            for country, n in counts.by_country
        )
        lines += [
            f"By country: {', '.join(by_country)}",
            f"Minors {count_words(counts.minors)}, adults {count_words(counts.adults)}, "
            f"not known {count_words(counts.unknown)}",
        ]
    output.print_lines(lines)
    return 0


def overlap(options: Namespace) -> int:
    """Print whom partners read in common, and whom each adds beyond the others."""
    from store.names import find_partners
    from store.overlap import overlap as ask
    from store.overlap import overlap_document

    with opened(options) as store:
        found = ask(store, find_partners(store, options.partners), parameters_of(options))
    if options.json:
        output.print_json(overlap_document(found))
        return 0
    columns = [
        Column("Partner", limit=32),
        Column("Id", limit=60),
        *(Column(title, right=True) for title in ("People", "Read by no other", "Beyond these")),
        *(Column(shown(row.name, 16), right=True) for row in found.rows),
    ]
    cells: list[list[Cell]] = [
        [row.name, row.partner_id, qualified(row.people, found.qualifier), row.alone, row.beyond, *row.shared]
        for row in found.rows
    ]
    together = qualified(found.together, found.qualifier)
    output.print_lines([*output.table(columns, cells), "", f"Together {together} distinct people"])
    return 0


def _log_export(store: "Store", options: Namespace, rows: int, *, what: str = "people") -> None:
    from store.instants import now
    from store.ledger import append

    if store.read_only:
        output.say("the store is read-only: this list of people is not in its log")
        return
    told = {
        "what": what,
        "format": "csv" if options.csv else "json",
        "rows": rows,
        "partner_id": getattr(options, "partner", None),
        "as_of": format_optional(options.as_of),
        "cutoff": format_optional(options.cutoff),
    }
    actor = actor_of(options)
    with store.writing() as connection:
        append(connection, actor=actor, verb="export", at=now(), after=json.dumps(told))
