"""Writing a report into a file. It leaves the tool: that is an action in the log, and only if the file was written."""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

from store.connection import Store
from store.copying import refuse_own_place
from store.errors import UsageError
from store.instants import now
from store.ledger import append
from store.letters import taken_away
from store.parameters import Parameters
from store.report.parts import Report
from store.writing_files import refuse_place, write_file

FORMS = {".html": "html", ".htm": "html", ".md": "md", ".csv": "csv", ".json": "json"}


@dataclass(frozen=True, slots=True)
class Exported:
    """A report that stands in a file.

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
    content = written(report, form)
    digest = hashlib.sha256(content).hexdigest()
    if store.read_only:
        write_file(path, content, force=force)
        return Exported(path, form, digest, len(content), report.logged, None)
    what = {"what": "report", "format": form, "sha256": digest, **report.logged}
    made: list[Path] = []
    # Nothing leaves the tool unrecorded: what was written goes where its entry could not be kept.
    with taken_away(made), store.writing() as connection:
        seq = append(connection, actor=actor, verb="export", at=now(), after=json.dumps(what))
        is_new = not path.exists()
        write_file(path, content, force=force)
        made += [path] if is_new else []
    return Exported(path, form, digest, len(content), report.logged, seq)


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
