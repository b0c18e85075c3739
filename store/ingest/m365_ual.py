"""The Microsoft 365 unified audit log -> canonical rows: reads of mail and files, consents, grants and removals.

Reads the CSV of Search-UnifiedAuditLog and the records of the Management Activity API (JSON array, lines, object).
Everything else in the log is skipped and counted. Knows nothing of the store; see docs/m365-ual.md for the mapping.
"""

import re
from collections.abc import Iterator
from contextlib import suppress

from store.ingest import m365_grants, m365_reads
from store.ingest.m365_fields import Audit, UnreadableError, instant_of, succeeded, text_of
from store.ingest.m365_rows import Row, read_rows, shown
from store.ingest.records import Canonical, Outcome, Quarantined, Skipped, Source, Value

_HEADER = re.compile(rb'(?:^|,)"?AuditData"?\s*(?:,|$)', re.IGNORECASE | re.MULTILINE)
_NAMES_OF_A_RECORD = (b'"CreationTime"', b'"Operation"', b'"RecordType"')
_GRANTS_KIND = "grants"
_OF_APPS = (*m365_grants.GRANTING, m365_grants.REMOVE_DELEGATED, *m365_grants.ENDING)
# What a record must mention to tell anything of apps and grants; the rest need not be parsed a second time.
_TELLS_OF_APPS = ("ServicePrincipal", "Application_", *_OF_APPS)


def looks_like(source: Source) -> bool:
    """Whether the file is a unified audit log, by its header or by the names in its first record.

    Raises:
        UnusableFileError: the file cannot be read at all.
    """
    head = source.head().removeprefix(b"\xef\xbb\xbf").lstrip()
    if head.startswith((b"{", b"[")):
        return b'"AuditData"' in head or all(name in head for name in _NAMES_OF_A_RECORD)
    lines = [line for line in head.split(b"\n", 3) if line.strip() and not line.startswith(b"#TYPE")]
    return bool(lines) and _HEADER.search(lines[0].strip()) is not None


def adapt(source: Source) -> Iterator[Outcome]:
    """One verdict on each record of the file, in its order.

    Raises:
        UnusableFileError: the file is unusable as a whole.
    """
    directory: m365_grants.Directory | None = None
    for row in read_rows(source):
        operation = row.operation or None
        try:
            if row.audit is not None:
                operation = text_of(row.audit, "Operation") or operation
            kind = _kind_of(operation)
            if row.problem is None and kind is not None and kind != "access_events" and directory is None:
                directory = read_directory(source)
            yield from _outcomes(row, operation, directory or m365_grants.Directory())
        except UnreadableError as error:
            yield _quarantined(row, _kind_of(operation), str(error))


def read_directory(source: Source) -> m365_grants.Directory:
    """What the whole file tells of its apps and grants. A record that cannot be read is quarantined in its own turn."""
    directory = m365_grants.Directory()
    telling: list[Audit] = []
    for row in read_rows(source):
        if row.audit is None or not any(word in row.text for word in _TELLS_OF_APPS):
            continue
        with suppress(UnreadableError):
            if text_of(row.audit, "Operation") in _OF_APPS:
                telling.append(row.audit)
            m365_grants.learn_names(row.audit, directory)
    for audit in telling:
        with suppress(UnreadableError):
            m365_grants.learn_grants(audit, directory)
    return directory


def _kind_of(operation: str | None) -> str | None:
    if operation in m365_reads.DATA_CLASSES:
        return "access_events"
    if operation in m365_grants.GRANTING or operation == m365_grants.REMOVE_DELEGATED:
        return _GRANTS_KIND
    return "removals" if operation in m365_grants.ENDING else None


def _outcomes(row: Row, operation: str | None, directory: m365_grants.Directory) -> Iterator[Outcome]:
    kind = _kind_of(operation)
    if row.problem is not None:
        raise UnreadableError(row.problem)
    if operation is None or (row.audit is not None and text_of(row.audit, "Operation") is None):
        raise UnreadableError("it names no Operation")
    if kind is None:
        yield Skipped(row.record_no, f"neither a read nor a grant: {operation[:80]}")
        return
    if row.audit is None:
        raise UnreadableError("its AuditData is empty")
    if kind == "access_events":
        yield _canonical(row, kind, m365_reads.access_event(row.audit))
    elif not succeeded(row.audit):
        yield Skipped(row.record_no, f"an attempt that failed: {operation}")
    elif kind == "removals":
        removal = m365_grants.removal(row.audit, directory)
        for app in m365_grants.apps_named(row.audit, directory):
            yield _canonical(row, "apps", app)
        yield _canonical(row, kind, removal)
    elif operation == m365_grants.REMOVE_DELEGATED:
        yield from _revocation(row, row.audit, directory)
    else:
        yield from _grants(row, row.audit, directory)


def _grants(row: Row, audit: Audit, directory: m365_grants.Directory) -> Iterator[Outcome]:
    apps = m365_grants.apps_named(audit, directory)
    grants = m365_grants.granted(audit, directory)
    for app in apps:
        yield _canonical(row, "apps", app)
    for grant in grants:
        yield _canonical(row, _GRANTS_KIND, grant.fields())
    if not apps and not grants:
        yield Skipped(row.record_no, "an assignment without a role, which opens nothing")


def _revocation(row: Row, audit: Audit, directory: m365_grants.Directory) -> Iterator[Outcome]:
    """A revocation as the later version of each grant it ends.

    The version before it comes along, so that the later one wins whatever the order of records and files.
    """
    if not m365_grants.revoked(audit, directory):
        yield Skipped(row.record_no, "an update of a permission that takes no scope away")
        return
    ended, earlier = m365_grants.ended_by(audit, directory)
    at = instant_of(audit)
    for grant in ended:
        yield _canonical(row, _GRANTS_KIND, grant.fields())
        yield _canonical(row, _GRANTS_KIND, grant.fields(revoked_at=at))
    if not ended and earlier:
        yield Skipped(row.record_no, "a revocation of what had been revoked before")
    elif not ended:
        raise UnreadableError(
            "it revokes a permission whose grant is not in this file; import the log from before it too"
        )


def _canonical(row: Row, kind: str, fields: dict[str, Value]) -> Canonical:
    return Canonical(row.record_no, kind, fields, shown(row.text))


def _quarantined(row: Row, kind: str | None, reason: str) -> Quarantined:
    return Quarantined(row.record_no, kind, reason, shown(row.text))
