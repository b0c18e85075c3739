"""What a report rests on, so that whoever holds it can test it: parameters, rulebook, imports, log, commands."""

import shlex
import sqlite3
from dataclasses import dataclass

from store.checkpoint import head_of, tool_version
from store.connection import Store
from store.ingest.imports import ImportEntry, imports
from store.instants import format_day, format_instant, format_optional
from store.parameters import Parameters, View, resolve
from store.report.parts import Block, Cell, Heading, Lines, Section, Table, Words
from store.rulebook import Rulebook, rulebook_in
from store.words import count_words

_INCIDENT = "SELECT uuid FROM incident"
_STATES = {"complete": "counts", "voided": "voided, counts nowhere", "unfinished": "unfinished, counts nowhere"}


@dataclass(frozen=True, slots=True)
class Proof:
    """What a report rests on.

    Attributes:
        incident_uuid: of the store, whatever its file is called; `file`: what that was called.
        view: the parameters, every default filled in. `today` and the others: microseconds UTC.
        differs: what of them is not the rulebook's own, by name.
        made_at: when, microseconds UTC; `made_by`: who.
        head_seq, head_hash: the log's last entry then, before the report's own.
    """

    incident_uuid: str
    file: str
    view: View
    differs: tuple[str, ...]
    rulebook: Rulebook
    imports: tuple[ImportEntry, ...]
    head_seq: int
    head_hash: str
    made_at: int
    made_by: str
    tool: str
    partner_id: str | None = None


def proof_of(
    store: Store,
    connection: sqlite3.Connection,
    parameters: Parameters,
    *,
    made_at: int,
    made_by: str,
    partner_id: str | None = None,
) -> Proof:
    """What a report that is made from this snapshot rests on.

    Args:
        parameters: as asked for; None in them is the rulebook's own.
        made_at: microseconds UTC.
        partner_id: of a case file.
    """
    rulebook = rulebook_in(connection)
    (incident_uuid,) = connection.execute(_INCIDENT).fetchone()
    head = head_of(connection)
    own = resolve(rulebook, Parameters(today=parameters.today))
    view = resolve(rulebook, parameters)
    differs = (
        *(("as_of",) if parameters.as_of is not None and parameters.as_of != rulebook.as_of else ()),
        *(("window_days",) if view.window_days != own.window_days else ()),
        *(("cutoff",) if view.what_if_cutoff is not None and view.cutoff != own.cutoff else ()),
    )
    return Proof(
        incident_uuid=incident_uuid,
        file=store.path.name,
        view=view,
        differs=differs,
        rulebook=rulebook,
        imports=tuple(imports(store)),
        head_seq=0 if head is None else head.seq,
        head_hash="" if head is None else head.hash,
        made_at=made_at,
        made_by=made_by,
        tool=tool_version(),
        partner_id=partner_id,
    )


def quoted(name: str) -> str:
    """A name of the data as one word of a command."""
    return shlex.quote(name)


def commands(proof: Proof) -> tuple[str, ...]:
    """The commands that test the report against the store it was made from."""
    view, db = proof.view, f"--db {quoted(proof.file)}"
    given = [f"--as-of {format_instant(view.as_of)}", f"--window {view.window_days}"]
    if view.what_if_cutoff is not None:
        given.append(f"--cutoff {format_instant(view.what_if_cutoff)}")
    given.append(f"--today {format_instant(view.today)}")
    whose = "" if proof.partner_id is None else f" --partner {quoted(proof.partner_id)}"
    return (
        f"python -m store verify {db}",
        f"python -m store log {db} --json",
        f"python -m store imports {db} --json",
        f"python -m store rules {db} show",
        f"python -m store figures {db} {' '.join(given)} --json",
        f"python -m store report {db}{whose} {' '.join(given)} --to again.json",
    )


def _steps(proof: Proof) -> tuple[str, ...]:
    return (
        "verify checks that evidence and log are what they were when they were recorded.",
        f"In the log, entry #{proof.head_seq} must have the hash {proof.head_hash}; the first entry after it that"
        " exports this report tells the SHA-256 of this very file: compare it with what `sha256sum` says of it.",
        "The SHA-256 of each original file that was imported must be the one below.",
        f"The rulebook's SHA-256 must be {proof.rulebook.sha256}.",
        "figures, and this report made again, must say the same, while nothing was imported, voided or done since.",
    )


def _state(entry: ImportEntry) -> str:
    return "voided" if entry.voided_at is not None else "complete" if entry.is_complete else "unfinished"


def proof_section(proof: Proof) -> Section:
    """The proof as the last section of a report."""
    view, rulebook = proof.view, proof.rulebook
    facts: list[tuple[Cell, ...]] = [
        ("made", f"{_second(proof.made_at)} by {proof.made_by}"),
        ("made with", proof.tool),
        ("store", f"{proof.file}, incident {proof.incident_uuid}"),
        ("as of (exclusive)", format_instant(view.as_of)),
        ("cut-off", "none: the rulebook has no rules" if view.cutoff is None else format_instant(view.cutoff)),
        ("window", f"{count_words(view.window_days)} days from {format_instant(view.recent_from)}"),
        ("work judged at", format_instant(view.today)),
        (
            "parameters",
            f"not the rulebook's own: {', '.join(proof.differs)}" if proof.differs else "the rulebook's own",
        ),
        ("rulebook", f"{rulebook.source or 'empty'}, SHA-256 {rulebook.sha256 or 'none'}"),
        ("log head, before this report's own entry", f"#{proof.head_seq} {proof.head_hash}"),
    ]
    rules: tuple[tuple[Cell, ...], ...] = tuple(
        (
            rule.rule_id,
            format_instant(rule.from_at),
            None if rule.until_at is None else format_instant(rule.until_at),
            ", ".join(rule.data_classes),
            "all" if rule.apps is None else ", ".join(sorted(rule.apps)),
            ", ".join(
                name
                for name, accepted in (("opt-in", rule.accepts_opt_in), ("exemption", rule.accepts_exemption))
                if accepted
            )
            or "none",
            rule.basis,
        )
        for rule in rulebook.rules
    )
    imported = _import_rows(proof.imports)
    blocks: tuple[Block, ...] = (
        Table("proof", "What this report rests on", _FACTS, tuple(facts), is_facts=True),
        Table("rules", "Rules in force", _RULES, rules, nothing="The rulebook has no rules: every read is allowed."),
        Table(
            "imports",
            "What was imported",
            IMPORT_HEADINGS,
            imported,
            nothing="Nothing was imported.",
        ),
        Words("How to verify, where the store is:"),
        Lines("commands", "Commands", commands(proof), is_code=True),
        Lines("checks", "What they must say", _steps(proof)),
    )
    return Section("proof", "Proof", blocks, is_wide=True)


_FACTS = (Heading("what", "What"), Heading("value", "Value"))
_RULES = (
    Heading("rule_id", "Rule"),
    Heading("from", "From (UTC)"),
    Heading("until", "Until (UTC)"),
    Heading("data_classes", "Data classes"),
    Heading("apps", "Apps"),
    Heading("except", "Exceptions"),
    Heading("basis", "Basis"),
)
IMPORT_HEADINGS = (
    Heading("import_id", "Import", is_number=True),
    Heading("file", "File"),
    Heading("kind", "Kind"),
    Heading("records", "Records", is_number=True),
    Heading("accepted", "Accepted", is_number=True),
    Heading("duplicates", "Duplicates", is_number=True),
    Heading("quarantined", "Quarantined", is_number=True),
    Heading("skipped", "Skipped", is_number=True),
    Heading("state", "State"),
    Heading("sha256", "SHA-256"),
)


def _import_rows(entries: tuple[ImportEntry, ...]) -> tuple[tuple[Cell, ...], ...]:
    return tuple(
        (
            entry.import_id,
            entry.file,
            entry.kind or entry.format,
            entry.records,
            entry.accepted,
            entry.duplicates,
            entry.quarantined,
            entry.skipped,
            _STATES[_state(entry)],
            entry.sha256,
        )
        for entry in entries
    )


def _second(at: int) -> str:
    return f"{format_day(at)} {format_instant(at)[11:19]} UTC"


def logged_document(proof: Proof) -> dict[str, object]:
    """What the log is to say of a report."""
    document = proof_document(proof)
    head = {"seq": proof.head_seq, "hash": proof.head_hash}
    return {"partner_id": proof.partner_id, "parameters": document["parameters"], "log_head": head}


def proof_document(proof: Proof) -> dict[str, object]:
    """The proof as JSON."""
    from store.ingest.imports import list_document

    view, rulebook = proof.view, proof.rulebook
    return {
        "tool": proof.tool,
        "made_at": format_instant(proof.made_at),
        "made_by": proof.made_by,
        "incident_uuid": proof.incident_uuid,
        "store": proof.file,
        "parameters": {
            "as_of": format_instant(view.as_of),
            "cutoff": format_optional(view.cutoff),
            "window_days": view.window_days,
            "recent_from": format_instant(view.recent_from),
            "today": format_instant(view.today),
            "what_if_cutoff": format_optional(view.what_if_cutoff),
            "differ_from_the_rulebook": list(proof.differs),
        },
        "rulebook": {
            "rulebook_id": rulebook.rulebook_id,
            "source": rulebook.source,
            "sha256": rulebook.sha256,
            "toml": rulebook.toml,
        },
        "imports": [list_document(entry) for entry in proof.imports],
        "log_head": {"seq": proof.head_seq, "hash": proof.head_hash, "note": "before this report's own entry"},
        "verify": {"commands": list(commands(proof)), "checks": list(_steps(proof))},
    }
