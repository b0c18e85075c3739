"""The commands that bring things in: init, import, imports, void, quarantine, rules, rebuild."""

from argparse import Namespace
from pathlib import Path
from typing import TYPE_CHECKING

from store.cli import output
from store.cli.common import actor_of, opened, to_second
from store.cli.output import Cell, Column, shown
from store.errors import UnusableFileError, UsageError
from store.text import clean_whole
from store.words import count_words

if TYPE_CHECKING:
    from store.ingest.importing import ImportReport
    from store.ingest.imports import ImportEntry
    from store.ingest.quarantine import QuarantinedRecord

_LARGEST_RULEBOOK = 4 * 1024**2


def init(options: Namespace) -> int:
    """Create an empty store, with a rulebook where one is named; a bad rulebook creates nothing."""
    from store.connection import open_store
    from store.instants import now
    from store.rulebook import load_rules, parse_rulebook
    from store.schema import create_store

    actor = actor_of(options)
    path = Path(options.db)
    toml_text, source = _rulebook_text(options.rules) if options.rules else (None, None)
    found = "" if toml_text is None else parse_rulebook(toml_text, source=str(source)).name
    name = options.name or found or path.stem or path.name
    create_store(path, name=name, actor=actor, at=now())
    if toml_text is not None:
        with open_store(path) as store:
            load_rules(store, toml_text, source=str(source), actor=actor)
    if options.json:
        output.print_json({"db": str(path), "incident": name, "rules": source})
        return 0
    lines = [f"created {shown(str(path), 400)}: {shown(name)}"]
    if toml_text is None:
        lines.append(
            "no rulebook: everything will be judged allowed until you load one:"
            f" python -m store rules --db {shown(str(path), 400)} load FILE.toml"
        )
    else:
        lines.append(f"rulebook: {shown(source, 400)}")
    output.print_lines(lines)
    return 0


def _rulebook_text(named: str) -> tuple[str, str]:
    """The TOML of a preset, or of a file, and what to call it.

    Raises:
        UnusableFileError: there is neither, or the file cannot be read as text.
    """
    from store.rulebook import preset_names, preset_text

    if named in preset_names():
        return preset_text(named), f"preset {named}"
    path = Path(named)
    if not path.exists():
        presets = ", ".join(preset_names())
        raise UnusableFileError(f"no such rulebook: {named} - give a TOML file, or one of the presets: {presets}")
    if not path.is_file():
        raise UnusableFileError(f"{named} is not a file; give a rulebook in TOML")
    with path.open("rb") as stream:
        content = stream.read(_LARGEST_RULEBOOK + 1)
    if len(content) > _LARGEST_RULEBOOK:
        raise UnusableFileError(f"{named} is too large for a rulebook: more than {_LARGEST_RULEBOOK:,} bytes")
    try:
        return content.decode("utf-8-sig"), path.name
    except UnicodeDecodeError as error:
        raise UnusableFileError(f"{named} is not UTF-8 (byte {error.start:,}); save the rulebook as UTF-8") from error


def import_files(options: Namespace) -> int:
    """Import files and folders; under `--strict`, quarantined records make the answer no."""
    from store.ingest.importing import import_paths, report_document

    people = None
    if options.pseudonymise is not None:
        from store.pseudonyms import read_key

        people = read_key(Path(options.pseudonymise))
    with opened(options) as store, output.Progress() as progress:
        report = import_paths(
            store,
            [Path(path) for path in options.paths],
            actor=actor_of(options),
            format=options.format,
            kind=options.kind,
            timezone=options.timezone,
            epoch=options.epoch,
            mapping=_mapping(options.map),
            people=people,
            progress=progress.show,
        )
    if options.json:
        output.print_json(report_document(report))
    else:
        output.print_lines(_report_lines(report, options.db))
    return 1 if options.strict and any(entry.quarantined for entry in report.imports) else 0


def _mapping(pairs: list[tuple[str, str]]) -> dict[str, str]:
    mapping: dict[str, str] = {}
    for theirs, ours in pairs:
        if mapping.setdefault(theirs, ours) != ours:
            raise UsageError(f"--map names {theirs!r} twice: as {mapping[theirs]!r} and as {ours!r}")
    return mapping


_IMPORT_COLUMNS = (
    Column("Import", right=True),
    Column("File", limit=48),
    Column("Records of"),
    Column("Records", right=True),
    Column("Accepted", right=True),
    Column("Duplicates", right=True),
    Column("Quarantined", right=True),
    Column("Skipped", right=True),
    Column("First event"),
    Column("Last event"),
)


def _import_cells(entry: "ImportEntry") -> list[Cell]:
    return [
        f"{entry.import_id}",
        entry.file,
        entry.kind or entry.format,
        entry.records,
        entry.accepted,
        entry.duplicates,
        entry.quarantined,
        entry.skipped,
        None if entry.first_at is None else to_second(entry.first_at),
        None if entry.last_at is None else to_second(entry.last_at),
    ]


def _report_lines(report: "ImportReport", db: str) -> list[str]:
    lines = output.table(_IMPORT_COLUMNS, [_import_cells(entry) for entry in report.imports]) if report.imports else []
    lines += [
        f"{shown(entry.file, 48)}: ignored columns {', '.join(shown(column) for column in entry.ignored_columns)}"
        for entry in report.imports
        if entry.ignored_columns
    ]
    lines += [
        f"{shown(entry.file, 48)}: values that held a secret, taken out: {count_words(entry.redacted)}"
        for entry in report.imports
        if entry.redacted
    ]
    if any(entry.pseudonymised for entry in report.imports):
        lines.append("people are kept as pseudonyms: keep the key where the store is not")
    lines += [f"ignored, of no known kind: {shown(file, 400)}" for file in report.ignored]
    quarantined = sum(entry.quarantined for entry in report.imports)
    if quarantined:
        why = f"python -m store quarantine --db {shown(db, 400)}"
        lines.append(f"{count_words(quarantined)} records are quarantined and count nowhere; {why} says why")
    return lines or ["nothing to import"]


def list_imports(options: Namespace) -> int:
    """List what was imported, voided and unfinished imports included."""
    from store.ingest.imports import imports, list_document

    with opened(options) as store:
        entries = imports(store)
    if options.json:
        output.print_json({"imports": [list_document(entry) for entry in entries]})
        return 0
    columns = (
        *_IMPORT_COLUMNS,
        Column("Redacted", right=True),
        Column("People"),
        Column("State", limit=80),
        Column("By", limit=20),
    )
    cells: list[list[Cell]] = [
        [
            *_import_cells(entry),
            entry.redacted,
            "pseudonyms" if entry.pseudonymised else None,
            _state(entry),
            entry.started_by,
        ]
        for entry in entries
    ]
    output.print_lines(output.table(columns, cells) if cells else ["nothing was imported yet"])
    return 0


def _state(entry: "ImportEntry") -> str:
    if entry.voided_at is not None:
        return f"voided by {entry.voided_by}: {entry.void_note}"
    return "counts" if entry.is_complete else "unfinished: import the file again"


def void(options: Namespace) -> int:
    """Take an import out of every count."""
    from store.ingest.imports import list_document
    from store.ingest.imports import void as take_out

    with opened(options) as store:
        entry = take_out(store, options.import_id, actor=actor_of(options), note=options.note)
    if options.json:
        output.print_json({"imports": [list_document(entry)]})
    else:
        output.print_lines([f"voided import {entry.import_id} ({shown(entry.file)}); importing it again restores it"])
    return 0


def quarantine(options: Namespace) -> int:
    """List quarantined records, or settle one."""
    from store.ingest.quarantine import document, quarantined

    if options.resolve is not None:
        return _resolve(options)
    if options.note is not None:
        raise UsageError("--note belongs to --resolve ID")
    with opened(options) as store:
        records = quarantined(store, import_id=options.import_id)
    if options.json:
        output.print_json({"quarantine": [document(record) for record in records]})
        return 0
    cells: list[list[Cell]] = [
        [
            f"{record.quarantine_id}",
            f"{record.import_id}",
            record.file,
            record.record_no,
            record.kind,
            _settled(record),
            record.reason,
            record.record,
        ]
        for record in records
    ]
    columns = (
        Column("Id", right=True),
        Column("Import", right=True),
        Column("File", limit=48),
        Column("Record", right=True),
        Column("Kind"),
        Column("State", limit=40),
        Column("Reason", limit=120),
        Column("The record", limit=80),
    )
    open_ones = sum(record.counts and record.resolved_at is None for record in records)
    lines = output.table(columns, cells) if cells else []
    output.print_lines([*lines, f"{count_words(len(records))} quarantined, {count_words(open_ones)} of them open"])
    return 0


def _settled(record: "QuarantinedRecord") -> str:
    if record.resolved_at is not None:
        return f"settled by {record.resolved_by}: {record.resolution}"
    return "open" if record.counts else "open, in an import that does not count"


def _resolve(options: Namespace) -> int:
    from store.ingest.quarantine import document, quarantined, resolve

    if options.import_id is not None:
        raise UsageError("--resolve ID names the record already: leave --import out")
    if options.note is None:
        raise UsageError("--resolve needs --note TEXT: how it was settled")
    with opened(options) as store:
        resolve(store, options.resolve, actor=actor_of(options), note=options.note)
        (record,) = [each for each in quarantined(store) if each.quarantine_id == options.resolve]
    if options.json:
        output.print_json({"quarantine": [document(record)]})
    else:
        output.print_lines([f"settled {record.quarantine_id}: {shown(record.reason, 200)}"])
    return 0


def rules(options: Namespace) -> int:
    """Show the rulebook in force, or put another in force."""
    verb, *files = options.words
    if verb == "show" and not files:
        return _show_rules(options)
    if verb == "load" and len(files) == 1:
        return _load_rules(options, files[0])
    raise UsageError("write `rules --db FILE show`, or `rules --db FILE load FILE.toml`")


def _show_rules(options: Namespace) -> int:
    from store.rulebook import current_rulebook

    with opened(options) as store:
        rulebook = current_rulebook(store)
    if options.json:
        output.print_json(
            {
                "rulebook_id": rulebook.rulebook_id or None,
                "source": rulebook.source,
                "sha256": rulebook.sha256 or None,
                "rules": [rule.rule_id for rule in rulebook.rules],
                "toml": rulebook.toml,
            }
        )
        return 0
    header = f"# {shown(rulebook.source, 400)}"
    if rulebook.rulebook_id:
        header += f", rulebook {rulebook.rulebook_id}, SHA-256 {rulebook.sha256}"
    output.print_lines([header, *(clean_whole(line) for line in rulebook.toml.splitlines())])
    return 0


def _load_rules(options: Namespace, named: str) -> int:
    from store.rulebook import current_rulebook, load_rules

    with opened(options) as store:
        toml_text, source = _rulebook_text(named)
        load_rules(store, toml_text, source=source, actor=actor_of(options))
        rulebook = current_rulebook(store)
    ids = [rule.rule_id for rule in rulebook.rules]
    if options.json:
        output.print_json(
            {"rulebook_id": rulebook.rulebook_id, "source": source, "sha256": rulebook.sha256, "rules": ids}
        )
        return 0
    said = ", ".join(shown(rule_id) for rule_id in ids) or "none: everything is judged allowed"
    output.print_lines([f"rulebook {rulebook.rulebook_id} in force: {shown(source, 400)}; rules: {said}"])
    return 0


def rebuild(options: Namespace) -> int:
    """Build every derived table again from the plain ones."""
    from store.fold import rebuild as build

    with opened(options) as store:
        build(store, actor=actor_of(options))
    if options.json:
        output.print_json({"rebuilt": True})
    else:
        output.print_lines(["rebuilt every derived table from the plain ones"])
    return 0
