"""Runs every check in one snapshot and collects what each says. Whatever a check stumbles over is a finding too."""

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from store.connection import SCHEMA_VERSION, Store, connect
from store.verify.checks import Check, Context, Finding, reraise_interruption

if TYPE_CHECKING:
    from store.checkpoint import Checkpoint, Head

# The name of the check that runs, and how far it is, from 0 to 1; None where it cannot tell.
Progress: TypeAlias = Callable[[str, float | None], None]

BLIND_SPOT = (
    "tamper-evident, never tamper-proof: without a checkpoint kept elsewhere, nobody can see"
    " that the end of the log was cut, or everything rewritten at once"
)
# SQLite's messages may quote what is no text, and cannot be told then.
_DAMAGE = (sqlite3.DatabaseError, UnicodeDecodeError)
_SHOWN_FINDINGS = 3
_MOST_FINDINGS = 10_000
_OPERATIONS_BETWEEN_CALLS = 200_000


@dataclass(frozen=True, slots=True)
class Result:
    """What one check says.

    Attributes:
        says: one line: what holds, or the first few of what does not.
        findings: each thing that does not hold, in a line of its own.
        remarks: what is no fault and is worth knowing.
    """

    check: str
    ok: bool
    says: str
    findings: tuple[str, ...]
    remarks: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Report:
    """What all checks say; `head` is the log's last entry, None where it cannot be read or is none."""

    results: tuple[Result, ...]
    head: "Head | None"

    @property
    def ok(self) -> bool:
        """Whether everything holds."""
        return all(result.ok for result in self.results)


def verify(
    store: Store | sqlite3.Connection,
    checkpoint: "Checkpoint | None" = None,
    progress: Progress | None = None,
    *,
    checks: Sequence[Check] | None = None,
) -> Report:
    """Check a store, in one snapshot; nothing is written.

    Args:
        store: open, best with `lenient=True`; or a connection to one.
        checkpoint: of the same incident, taken earlier.
        progress: called while checks run.
        checks: only these; all of them when not given.
    """
    from store.verify.catalogue import CHECKS

    chosen = CHECKS if checks is None else checks
    results: dict[str, Result] = {}
    try:
        with _snapshot(store) as connection:
            path = store.path if isinstance(store, Store) else _path_of(connection)
            context = Context(path, checkpoint, lambda _: None)
            barred = _barred(connection)
            for check in chosen:
                if barred and check.reads_rows:
                    results[check.name] = _notrun_check(check, barred)
                elif barred or not check.scans:
                    results[check.name] = run_check(check, connection, context, progress)
            head = _head(connection)
    except _DAMAGE as error:
        reraise_interruption(error)
        return Report(tuple(_notrun_check(check, str(error)) for check in chosen), None)
    scanning = [check for check in chosen if check.name not in results]
    if path is None:
        results |= {check.name: _notrun_check(check, "the store has no file") for check in scanning}
    elif scanning:
        mode = store.mode if isinstance(store, Store) else "ro"
        results |= {result.check: result for result in _scan(scanning, context, path, mode, progress)}
    return Report(tuple(results[check.name] for check in chosen), head)


def _head(connection: sqlite3.Connection) -> "Head | None":
    from store.checkpoint import head_of

    try:
        return head_of(connection)
    except _DAMAGE as error:
        reraise_interruption(error)
        return None


def _scan(checks: Sequence[Check], context: Context, path: Path, mode: str, progress: Progress | None) -> list[Result]:
    """Run the checks that read the whole file after the snapshot has ended: they take long, and keep nobody waiting."""
    from store.verify.scan import checking

    try:
        with checking(path, mode) as connection:
            return [run_check(check, connection, context, progress) for check in checks]
    except _DAMAGE as error:
        reraise_interruption(error)
        return [_notrun_check(check, str(error)) for check in checks]


def _barred(connection: sqlite3.Connection) -> str:
    """Why no row may be read; empty: nothing speaks against it. A view of somebody else's could keep us for ever."""
    from store.verify.schema import disguised

    try:
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        if version < SCHEMA_VERSION:
            return "open the store once for writing, to bring it up to date"
        return ", ".join(disguised(connection)[:_SHOWN_FINDINGS])
    except _DAMAGE as error:
        reraise_interruption(error)
        return str(error)


def _notrun_check(check: Check, barred: str) -> Result:
    line = f"not checked: {barred}"
    return Result(check.name, False, line, (line,), ())


def run_check(check: Check, connection: sqlite3.Connection, context: Context, progress: Progress | None) -> Result:
    """Run one check and collect what it says; whatever it stumbles over is a finding."""

    def tell(part: float | None) -> None:
        if progress is not None:
            progress(check.name, part)

    def tell_on() -> int:
        tell(None)
        return 0

    context.tell = tell
    faults: list[str] = []
    remarks: list[str] = []
    more = 0
    holds = ""
    tell(None)
    connection.set_progress_handler(None if progress is None else tell_on, _OPERATIONS_BETWEEN_CALLS)
    connection.text_factory = _text
    try:
        found = check.run(connection, context)
        while True:
            try:
                finding = next(found)
            except StopIteration as end:
                holds = str(end.value)
                break
            said = faults if finding.is_fault else remarks
            if len(said) < _MOST_FINDINGS:
                said.append(finding.says)
            else:
                more += finding.is_fault
    except Exception as error:
        reraise_interruption(error)
        faults.append(f"could not be checked: {type(error).__name__}: {error}")
    finally:
        connection.set_progress_handler(None, 0)
    return Result(check.name, not faults, _line(faults, remarks, holds, more), tuple(faults), tuple(remarks))


def _line(faults: Sequence[str], remarks: Sequence[str], holds: str, more: int) -> str:
    said = [*faults[:_SHOWN_FINDINGS]] if faults else [holds]
    rest = len(faults) - _SHOWN_FINDINGS + more
    if faults and rest > 0:
        said.append(f"and {rest:,} more")
    shown = [*said, *remarks[:_SHOWN_FINDINGS]]
    if len(remarks) > _SHOWN_FINDINGS:
        shown.append(f"and {len(remarks) - _SHOWN_FINDINGS:,} more to know")
    return "; ".join(shown)


def _text(content: bytes) -> str:
    """Text that never fails: bytes that are no UTF-8 come as lone surrogates."""
    return content.decode("utf-8", "surrogateescape")


@contextmanager
def _snapshot(store: Store | sqlite3.Connection) -> Iterator[sqlite3.Connection]:
    """A snapshot to read in; a store's through a connection of its own, which may ask SQLite about the schema."""
    connection = _connection_to(store) if isinstance(store, Store) else store
    factory, within = connection.text_factory, connection.in_transaction
    try:
        if not within:
            connection.execute("BEGIN")
        connection.text_factory = _text
        yield connection
    finally:
        connection.text_factory = factory
        if not within:
            connection.rollback()
        if isinstance(store, Store):
            connection.close()


def _connection_to(store: Store) -> sqlite3.Connection:
    connection = connect(store.path, mode=store.mode)
    connection.execute("PRAGMA query_only=ON")
    return connection


def _path_of(connection: sqlite3.Connection) -> Path | None:
    for _, name, file in connection.execute("PRAGMA database_list"):
        if name == "main" and file:
            return Path(file)
    return None


def report_document(report: Report) -> dict[str, object]:
    """What `verify --json` prints."""
    head = report.head
    return {
        "ok": report.ok,
        "checks": [
            {
                "check": result.check,
                "ok": result.ok,
                "says": result.says,
                "findings": list(result.findings),
                "remarks": list(result.remarks),
            }
            for result in report.results
        ],
        "head": None if head is None else head.document(),
        "note": BLIND_SPOT,
    }


__all__ = ["BLIND_SPOT", "Check", "Finding", "Report", "Result", "report_document", "verify"]
