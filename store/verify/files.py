"""The evidence files kept beside the store: each is there, and is what was attached."""

import sqlite3

from store import evidence_states
from store.verify.checks import Context, Finding, Findings
from store.words import counted

_CITED = "SELECT count(*) FROM evidence"


def check_files(connection: sqlite3.Connection, context: Context) -> Findings:
    """Hash every copy anew; a file that nobody cites is said, and is no fault."""
    if context.path is None:
        return "the store has no file, and nothing is kept beside it"
    (cited,) = connection.execute(_CITED).fetchone()

    def tell(done: int, total: int) -> None:
        context.tell(done / total if total else None)

    for finding in evidence_states.check_files(connection, context.path, tell):
        yield Finding(finding.says, is_fault=finding.is_fault)
    return f"{counted(cited, 'file')} kept beside the store, each as it was attached"
