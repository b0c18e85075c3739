"""The commands `disclose`, `disclosures`, `diff` and `reproduce`."""

from argparse import Namespace
from typing import TYPE_CHECKING

from store.cli import output
from store.cli.common import actor_of, opened, parameters_of, to_second
from store.cli.output import Cell, Column, shown
from store.errors import StoreError, UnusableFileError, UsageError
from store.words import count_words

if TYPE_CHECKING:
    from store.disclosure import Disclosure, DisclosureRow
    from store.disclosure_diff import Diff
    from store.reproduce import Reproduction

_LONGEST_LINE = 1_000
_MOST_LINES = 200


def disclose(options: Namespace) -> int:
    """Freeze the figures, and write them into a file where one is named."""
    from store.disclosure import disclose as freeze
    from store.disclosure import disclosure_document, export_disclosure, refuse_file
    from store.disclosure_words import disclosure_line, parameters_words

    if options.force and options.to is None:
        raise UsageError("--force is for the file that --to names")
    with opened(options) as store:
        actor = actor_of(options)
        if options.to is not None:
            refuse_file(store, options.to, force=options.force)
        found = freeze(store, parameters_of(options), actor=actor, name=options.name, note=options.note)
        if options.to is not None:
            try:
                export_disclosure(store, found, options.to, actor=actor, force=options.force)
            except StoreError as error:
                line = f"disclosure {found.disclosure_id} is frozen, but not written: {error}"
                raise UnusableFileError(line) from error
    if options.json:
        output.print_json(disclosure_document(found))
    else:
        lines = [disclosure_line(found), parameters_words(found), str(found.document["figures"]["sentence"])]
        output.print_lines([shown(line, _LONGEST_LINE) for line in lines])
    return 0


def disclosures(options: Namespace) -> int:
    """List the disclosures, or show one."""
    from store.disclosure import disclosure, export_disclosure
    from store.disclosure import disclosures as ask

    if options.show is None and (options.to is not None or options.force):
        raise UsageError("--to and --force are for the one that --show names")
    with opened(options) as store:
        if options.show is None:
            return _list(options, ask(store))
        found = disclosure(store, options.show)
        if options.to is not None:
            export_disclosure(store, found, options.to, actor=actor_of(options), force=options.force)
    return _show(options, found)


def _list(options: Namespace, rows: "list[DisclosureRow]") -> int:
    from store.disclosure import row_document
    from store.disclosure_words import row_words

    if options.json:
        output.print_json({"disclosures": [row_document(row) for row in rows]})
        return 0
    cells: list[list[Cell]] = [
        [str(row.disclosure_id), row.name, to_second(row.at), row.by, row_words(row), row.sha256] for row in rows
    ]
    columns = (
        Column("No.", right=True),
        Column("Name", limit=40),
        Column("Frozen (UTC)"),
        Column("By", limit=20),
        Column("Figures", limit=160),
        Column("SHA-256", limit=64),
    )
    count = f"{count_words(len(rows))} disclosure{'' if len(rows) == 1 else 's'}"
    output.print_lines([*output.table(columns, cells), count] if rows else [count])
    return 0


def _show(options: Namespace, found: "Disclosure") -> int:
    from store.disclosure import disclosure_document
    from store.disclosure_words import parameters_words

    if options.json:
        output.print_json(disclosure_document(found))
        return 0
    document = found.document
    rulebook, log, tool = document["rulebook"], document["log"], document["tool"]
    lines = [
        f'Disclosure {found.disclosure_id}, "{found.name}", frozen {to_second(found.at)} by {found.by}'
        f"{f': {found.note}' if found.note else ''}",
        document["figures"]["sentence"],
        *(f"Caveat: {caveat}" for caveat in document["figures"]["caveats"]),
        f"Parameters: {parameters_words(found)}",
        f"Rulebook: {rulebook['rulebook_id']}, {rulebook['source']}, SHA-256 {rulebook['sha256']}",
        *(
            f"Import {each['import_id']}: {each['file']}, {each['records']:,} records, SHA-256 {each['sha256']},"
            f" evidence {each['evidence']}{', voided' if each['voided'] else ''}"
            for each in document["imports"]
        ),
        f"Log: #{log['seq']} {log['hash']}; its own entry is #{found.seq}",
        f"Program: {tool['name']} {tool['version']}, schema {tool['schema']}",
        f"SHA-256 {found.sha256}",
        f"How to check: {document['recipe']}",
    ]
    output.print_lines([shown(str(line), _LONGEST_LINE) for line in lines])
    return 0


def diff(options: Namespace) -> int:
    """What changed since a disclosure, or between two."""
    from store.disclosure_diff import diff as ask
    from store.disclosure_diff import diff_document

    with opened(options) as store, output.Progress() as progress:
        found = ask(store, options.disclosure, options.other, by_cause=options.by_cause, progress=progress.show_part)
    if options.json:
        output.print_json(diff_document(found))
    else:
        output.print_lines([shown(line, _LONGEST_LINE) for line in _diff_lines(found)])
    return 0


def _diff_lines(found: "Diff") -> list[str]:
    from store.disclosure_words import cause_words, change_words, moved_words, since_words

    lines = [*(f"Other parameters: {change_words(change)}" for change in found.parameters), since_words(found)]
    lines += [f"  {change_words(change)}" for change in found.changes]
    lines += [f"  {line}" for line in moved_words(found.moved)]
    if found.shares is not None:
        for share in found.shares:
            lines.append(cause_words(share.cause))
            told = [change_words(change) for change in share.changes] + moved_words(share.moved)
            lines += [f"  {line}" for line in told] or ["  changed no figure"]
    elif found.causes:
        lines.append("Between lie:")
        lines += [f"  {cause_words(cause)}" for cause in found.causes[:_MOST_LINES]]
        if len(found.causes) > _MOST_LINES:
            lines.append(f"  and {len(found.causes) - _MOST_LINES:,} more")
    return lines


def reproduce(options: Namespace) -> int:
    """Derive a disclosure again; 1 if it is not equal."""
    from store.disclosure_words import reproduction_words
    from store.reproduce import reproduce as derive
    from store.reproduce import reproduction_document

    with opened(options) as store, output.Progress() as progress:
        found = derive(store, options.disclosure, progress.show_part, file=options.file)
    if options.json:
        output.print_json({**reproduction_document(found), "says": reproduction_words(found)})
    else:
        output.print_lines([shown(line, _LONGEST_LINE) for line in _reproduction_lines(found)])
    return 0 if found.equal else 1


def _reproduction_lines(found: "Reproduction") -> list[str]:
    from store.disclosure_words import difference_words, reproduction_words

    told = [difference_words(each) for each in found.differences] + [*found.findings]
    lines = [reproduction_words(found), *(f"  {line}" for line in told[:_MOST_LINES])]
    if len(told) > _MOST_LINES:
        lines.append(f"  and {len(told) - _MOST_LINES:,} more")
    return [*lines, *(f"  {line}" for line in found.remarks)]
