"""The commands about what a partner holds: `held`, and the letters and checklists that rest on it."""

from argparse import Namespace
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from store.cli import output
from store.cli.common import actor_of, opened, parameters_of, partner_of
from store.cli.output import Cell, Column, shown
from store.errors import RefusedError, UsageError
from store.instants import format_day, last_day_before
from store.words import count_words

if TYPE_CHECKING:
    from store.connection import Store
    from store.held import HeldData, ReadTotals
    from store.letter_drafts import Letter, LetterOptions
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


def letter(options: Namespace) -> int:
    """Print one letter, or write letters into a file or a folder; what leaves the tool is an entry in the log."""
    from store.letter_templates import shipped_template

    if options.show_template:
        output.write_text(shipped_template(options.kind, options.format))
        return 0
    if not options.partners:
        raise UsageError("letter needs --partner ID, one or more")
    with opened(options) as store:
        from store.names import find_partners

        partners = list(dict.fromkeys(find_partners(store, options.partners)))
        place = None if options.to is None else Path(options.to)
        if place is not None and (len(partners) > 1 or place.is_dir() or options.to.endswith("/")):
            return _into_folder(store, options, partners, place)
        if len(partners) > 1:
            raise UsageError("several letters need --to FOLDER")
        return _one(store, options, partners[0], place)


def options_of(options: Namespace) -> "LetterOptions":
    """What the options of a command say of its letters."""
    from store.letter_drafts import LetterOptions

    return LetterOptions(
        kind=getattr(options, "kind", "deletion"),
        form=options.format,
        template=None if options.template is None else Path(options.template),
        contact=options.contact,
        people=getattr(options, "with_people", False),
    )


def _one(store: "Store", options: Namespace, partner: int, place: Path | None) -> int:
    from store.copying import refuse_own_place
    from store.letters import drafting, taken_away, write_letter

    wanted = options_of(options)
    if place is None and wanted.people:
        raise UsageError("--with-people needs --to: the appendix is a file of its own")
    if place is not None:
        refuse_own_place(place, store.path)
    with drafting(store, wanted, parameters_of(options)) as drafts:
        try:
            drafted = drafts.draft(partner, stem=None if place is None else place.stem)
        except RefusedError as error:
            refuse_if_none(store, {partner: str(error)})
    created = [] if place is None else write_letter(drafted, place, force=options.force)
    with taken_away(created):
        _record(store, options, [drafted])
    if options.json:
        output.print_json(_document(options, [(drafted, place)], []))
    elif place is None:
        output.write_text(drafted.text)
    else:
        output.print_lines([f"{options.kind} of {shown(drafted.name)} in {shown(str(place), 400)}"])
    return 0


def _into_folder(store: "Store", options: Namespace, partners: list[int], folder: Path) -> int:
    from store.letters import taken_away, write_letters

    with output.Progress() as progress:
        written = write_letters(
            store,
            partners,
            folder,
            options_of(options),
            parameters_of(options),
            force=options.force,
            progress=partial(progress.show_bytes, "letters"),
        )
    if not written.files:
        refuse_if_none(store, written.exceptions)
    with taken_away(written.created):
        _record(store, options, list(written.letters.values()))
    if options.json:
        pairs = [(each, written.files[partner]) for partner, each in written.letters.items()]
        output.print_json(_document(options, pairs, exception_documents(store, written.exceptions)))
        return 0
    count = len(written.files)
    letters = f"{count_words(count)} letter{'' if count == 1 else 's'} in {shown(str(folder), 400)}"
    output.print_lines([letters, *exception_lines(store, written.exceptions)])
    return 0


def _record(store: "Store", options: Namespace, letters: "list[Letter]") -> None:
    from store.letters import record_export

    if not record_export(store, letters, options_of(options), actor=actor_of(options)):
        output.say(
            f"the store is read-only: {'this letter is' if len(letters) == 1 else 'these letters are'} not in its log"
        )


def _document(
    options: Namespace, letters: "Sequence[tuple[Letter, Path | None]]", exceptions: list[dict[str, object]]
) -> dict[str, object]:
    from store.letters import letter_document

    return {
        "kind": options.kind,
        "format": options.format,
        "letters": [letter_document(each, path) for each, path in letters],
        "exceptions": exceptions,
    }


def exception_documents(store: "Store", exceptions: Mapping[int, str]) -> list[dict[str, object]]:
    """The partners that were left out, as JSON."""
    from store.names import partner_name

    with store.reading() as connection:
        names = {partner: partner_name(connection, partner) for partner in exceptions}
    return [
        {"partner_id": names[partner].partner_id, "name": names[partner].name, "reason": reason}
        for partner, reason in exceptions.items()
    ]


def exception_lines(store: "Store", exceptions: Mapping[int, str]) -> list[str]:
    """The partners that were left out, a line each."""
    return [
        f"left out: {shown(str(each['name']))} ({shown(str(each['partner_id']))}): {shown(str(each['reason']), 400)}"
        for each in exception_documents(store, exceptions)
    ]


def refuse_if_none(store: "Store", exceptions: Mapping[int, str]) -> NoReturn:
    """Refuse a call of which every partner was left out.

    Raises:
        RefusedError: naming the first few, each with its reason.
    """
    documents = exception_documents(store, exceptions)
    told = "; ".join(f"{each['name']} {each['reason']}" for each in documents[:3])
    rest = len(documents) - 3
    raise RefusedError(f"no letter was written: {told}{f'; and {rest} more' if rest > 0 else ''}")
