"""What came between two entries of the log and may have changed figures: imports, voids, rulebooks, records, work.

The log is read, nothing is guessed: what could have changed a figure is a cause, whether or not it did.
"""

import sqlite3
from collections.abc import Sequence
from typing import NamedTuple

from store.instants import format_instant
from store.ledger import SYSTEM
from store.verify.entries import Entry, read_entries

IMPORT, RESTORE, VOID, RULEBOOK, RECORD, WORK, PROGRAM, PARAMETERS, UNEXPLAINED = (
    *("import", "restore", "void", "rulebook", "quarantine", "work", "program", "parameters", "unexplained"),
)
# What may change figures of the evidence; work changes cases, audits and clocks alone.
OF_EVIDENCE = frozenset((IMPORT, RESTORE, VOID, RULEBOOK, RECORD, PROGRAM, PARAMETERS))
# They change a case, or a step.
_WORK_VERBS = frozenset(("flag", "clear", "ask", "reopen", "assign", "step", "undo", "redo"))


class Cause(NamedTuple):
    """One cause.

    Attributes:
        kind: `import`, `restore` (of a voided file), `void`, `rulebook`, `quarantine` (a record was settled), `work`
            (all that people did to cases and steps), `program` (another version of it), `parameters` (two disclosures
            were frozen under different ones), `unexplained` (nothing in the log accounts for it).
        first_seq, last_seq: its entries of the log, both included; what `system` did because of it is among them. 0
            for the last three, which are no entries.
        at: when it began, microseconds UTC; 0 likewise. `by`: who; of `work`, everybody, joined by commas.
        import_id: of imports and voids; else None.
        entries: how many entries of people.
        says: it in words: `import 7 (events-2019.csv)`; holds text of the data.
    """

    kind: str
    first_seq: int
    last_seq: int
    at: int
    by: str
    import_id: int | None
    entries: int
    says: str


def causes_between(connection: sqlite3.Connection, after: int, until: int) -> list[Cause]:
    """The causes in the entries `after < seq <= until`, in the order of the log.

    Work between two other causes is one cause.
    """
    entries, _ = read_entries(connection)
    return causes_in([entry for entry in entries if after < entry.seq <= until], _restored(entries))


def _restored(entries: Sequence[Entry]) -> frozenset[int]:
    """The entries of imports that brought a voided file back."""
    state: dict[object, set[object]] = {}
    voided_contents: set[object] = set()
    content_of: dict[object, object] = {}
    found = set()
    for entry in entries:
        import_id = entry.told("import_id")
        if entry.verb == "import":
            content = entry.told("content_id") or import_id
            content_of[import_id] = content
            if content in voided_contents:
                found.add(entry.seq)
                voided_contents.discard(content)
            state.setdefault(content, set()).add(import_id)
        elif entry.verb == "void":
            content = content_of.get(import_id)
            state.setdefault(content, set()).discard(import_id)
            if not state[content]:
                voided_contents.add(content)
    return frozenset(found)


def causes_in(entries: Sequence[Entry], restored: frozenset[int]) -> list[Cause]:
    """The causes among these entries."""
    causes: list[Cause] = []
    for entry in entries:
        cause = _cause(entry, restored)
        last = causes[-1] if causes else None
        if cause is not None and last is not None and cause.kind == last.kind == WORK:
            by = last.by if entry.actor in last.by.split(", ") else f"{last.by}, {entry.actor}"
            number = last.entries + 1
            causes[-1] = last._replace(
                last_seq=entry.seq, by=by, entries=number, says=f"{number} entries of work on cases and steps"
            )
        elif cause is not None:
            causes.append(cause)
        elif last is not None:
            # What `system` did because of it, and what changes no figure.
            causes[-1] = last._replace(last_seq=entry.seq)
    return causes


def _cause(entry: Entry, restored: frozenset[int]) -> Cause | None:
    import_id = entry.told("import_id")
    kind = says = ""
    if entry.verb == "import":
        kind = RESTORE if entry.seq in restored else IMPORT
        says = f"import {import_id} ({entry.told('file')})"
        says = f"{says}, which brings a voided file back" if kind == RESTORE else says
    elif entry.verb == "void":
        kind, says = VOID, f"the void of import {import_id} ({entry.told('file')})"
    elif entry.verb == "load_rules":
        kind, says = RULEBOOK, f"rulebook {entry.told('rulebook_id')} ({entry.told('source')})"
    elif entry.verb == "resolve_quarantine":
        kind, says = RECORD, f"the settling of quarantined record {entry.told('quarantine_id')}"
    elif entry.verb in _WORK_VERBS and entry.actor != SYSTEM:
        kind, says = WORK, "1 entry of work on cases and steps"
    if not kind:
        return None
    of_import = import_id if kind in (IMPORT, RESTORE, VOID) else None
    return Cause(kind, entry.seq, entry.seq, entry.at, entry.actor, of_import, 1, says)


def outside_the_log(kind: str, says: str) -> Cause:
    """A cause that is no entry of the log."""
    return Cause(kind, 0, 0, 0, "", None, 0, says)


def cause_document(cause: Cause) -> dict[str, object]:
    """A cause as JSON."""
    return {**cause._asdict(), "at": format_instant(cause.at) if cause.at else None}
