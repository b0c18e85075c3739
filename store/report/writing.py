"""Writing a report, or a list of people, into a file: an action in the log, and only if the file was written."""

import hashlib
import json
import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from store.connection import Store
from store.copying import refuse_own_place
from store.errors import UsageError
from store.instants import format_instant, now
from store.ledger import append
from store.letters import taken_away
from store.names import partner_id_of
from store.parameters import Parameters, resolve
from store.people import Whose, people_csv, people_document, people_of
from store.report.parts import Report
from store.rulebook import rulebook_in
from store.writing_files import refuse_place, write_file

FORMS = {".html": "html", ".htm": "html", ".md": "md", ".csv": "csv", ".json": "json"}


@dataclass(frozen=True, slots=True)
class Exported:
    """A report, or a list of people, that stands in a file.

    Attributes:
        form: `html`, `md`, `csv` or `json`.
        logged: what the log says of it beside its file: whose it is, under which parameters, the head of the log.
        seq: the log's entry; None for a store that can only be read.
    """

    file: Path
    form: str
    sha256: str
    size: int
    logged: dict[str, object]
    seq: int | None


def form_of(path: Path) -> str:
    """In which form a file of this name is written.

    Raises:
        UsageError: its name does not say.
    """
    form = FORMS.get(path.suffix.lower())
    if form is None:
        raise UsageError(f"{path} does not say in which form: end it in .html, .md, .csv or .json")
    return form


def written(report: Report, form: str) -> bytes:
    """The report in a form."""
    if form == "html":
        from store.report.html_form import html

        return html(report).encode("utf-8")
    if form == "md":
        from store.report.markdown_form import markdown_text

        return markdown_text(report).encode("utf-8")
    if form == "csv":
        from store.report.csv_form import csv_text

        return csv_text(report).encode("utf-8")
    return f"{json.dumps(report.document, ensure_ascii=True, allow_nan=False, indent=2)}\n".encode("ascii")


def export(
    store: Store,
    path: Path,
    parameters: Parameters,
    *,
    actor: str,
    partner: int | None = None,
    disclosure_id: int | None = None,
    force: bool = False,
) -> Exported:
    """Make a report, write it, and say so in the log: all of it, or nothing.

    Args:
        path: its ending names the form.
        parameters: of the incident's report and of a case file; a disclosure has its own.
        partner: internal id, for a case file; `disclosure_id`, for a disclosure; neither: the incident.
        actor: who.
        force: replace a file that is there.

    Raises:
        UsageError: the ending names no form, or there is no such partner or disclosure.
        UnusableFileError: something is there, or it cannot be written; then nothing is in the log.
    """
    form = form_of(path)
    refuse_own_place(path, store.path)
    # Before the work of making it; `write_file` looks again.
    refuse_place(path, force=force)
    made_at = now()
    report = _made(store, parameters, partner, disclosure_id, made_at=made_at, made_by=actor)
    return leave(store, path, form, written(report, form), {"what": "report"}, report.logged, actor=actor, force=force)


def export_people(
    store: Store,
    path: Path,
    parameters: Parameters,
    whose: Whose,
    *,
    actor: str,
    force: bool = False,
) -> Exported:
    """Write a list of people as `python -m store people` prints it, and say so in the log: all of it, or nothing.

    Args:
        path: it ends in .csv or .json.

    Raises:
        UsageError: its ending is another.
        UnusableFileError: something is there, or it cannot be written; then nothing is in the log.
    """
    form = form_of(path)
    if form not in ("csv", "json"):
        raise UsageError(f"{path}: a list of people is a table; end its name in .csv or .json")
    refuse_own_place(path, store.path)
    refuse_place(path, force=force)
    with store.reading() as connection:
        rows = people_of(store, parameters, whose)
        view = resolve(rulebook_in(connection), parameters)
        logged: dict[str, object] = {
            "rows": len(rows),
            **_whose_document(connection, whose),
            "as_of": format_instant(view.as_of),
            "cutoff": None if view.what_if_cutoff is None else format_instant(view.what_if_cutoff),
        }
    text = people_csv(rows) if form == "csv" else f"{json.dumps(people_document(rows), ensure_ascii=True, indent=2)}\n"
    return leave(store, path, form, text.encode(), {"what": "people"}, logged, actor=actor, force=force)


def _whose_document(connection: sqlite3.Connection, whose: Whose) -> dict[str, object]:
    """Whose people a list holds, by outside ids, for the log."""
    by = [partner_id_of(connection, each) for each in whose.by or ()]
    not_by = [partner_id_of(connection, each) for each in whose.not_by]
    return {
        "partner_id": by[0] if len(by) == 1 else None,
        **({"partner_ids": by} if len(by) > 1 else {}),
        **({"also_read_by": partner_id_of(connection, whose.also_by)} if whose.also_by is not None else {}),
        **({"not_read_by": not_by} if not_by else {}),
        **({"read_by_no_other": True} if whose.alone else {}),
    }


def leave(
    store: Store,
    path: Path,
    form: str,
    content: bytes,
    what: Mapping[str, object],
    logged: dict[str, object],
    *,
    actor: str,
    force: bool,
) -> Exported:
    """Write what leaves the tool into a file, and say so in the log: both, or nothing.

    Raises:
        UnusableFileError: something is there, or it cannot be written; then nothing is in the log.
    """
    digest = hashlib.sha256(content).hexdigest()
    if store.read_only:
        write_file(path, content, force=force)
        return Exported(path, form, digest, len(content), logged, None)
    entry = {**what, "format": form, "sha256": digest, **logged}
    made: list[Path] = []
    # Nothing leaves the tool unrecorded: what was written goes where its entry could not be kept.
    with taken_away(made), store.writing() as connection:
        seq = append(connection, actor=actor, verb="export", at=now(), after=json.dumps(entry))
        is_new = not path.exists()
        write_file(path, content, force=force)
        made += [path] if is_new else []
    return Exported(path, form, digest, len(content), logged, seq)


def _made(
    store: Store, parameters: Parameters, partner: int | None, disclosure_id: int | None, *, made_at: int, made_by: str
) -> Report:
    if disclosure_id is not None:
        from store.report.disclosed import disclosed_report
        from store.report.proof import proof_of

        with store.reading() as connection:
            proof = proof_of(store, connection, Parameters(), made_at=made_at, made_by=made_by)
            return disclosed_report(store, disclosure_id, proof)
    if partner is not None:
        from store.report.partner import partner_report

        return partner_report(store, partner, parameters, made_at=made_at, made_by=made_by)
    from store.report.incident import incident_report

    return incident_report(store, parameters, made_at=made_at, made_by=made_by)


def exported_document(done: Exported) -> dict[str, object]:
    """What was written, as `python -m store report --json` prints it."""
    return {
        "file": str(done.file),
        "format": done.form,
        "sha256": done.sha256,
        "bytes": done.size,
        "partner_id": done.logged.get("partner_id"),
        "disclosure_id": done.logged.get("disclosure_id"),
        "seq": done.seq,
    }
