"""The canonical format: its kinds, their columns, and how a record's fields become a row or a reason to quarantine.

The table of kinds is the contract of the import (docs/IMPORT.md describes it for people).
"""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import NamedTuple

from store.errors import UnusableFileError, UsageError
from store.ids import fold_id
from store.ingest import values
from store.ingest.keys import SEPARATOR, joined_key
from store.ingest.reader import COMPRESSIONS
from store.ingest.records import Canonical, Options, Value
from store.ingest.values import Parser, Stored

ACCESS_EVENTS = "access_events"


class Column(NamedTuple):
    """One column of a kind: how it is read, and what it is in the store.

    Attributes:
        parse: value -> stored value or None, or ValueError with the reason.
        required: the file must have the column and each record a value in it.
        entity: the dictionary the value is an id of (`partners`, `apps`, `subjects`, `resources`); empty for none.
    """

    name: str
    parse: Parser
    required: bool = False
    entity: str = ""


class Kind(NamedTuple):
    """One kind of records.

    Attributes:
        identity: the columns that say which thing a record is about; the others are what it says of it.
        interval: the columns that begin and end an interval; empty for none.
        empty_interval: whether an interval may end as it begins.
    """

    name: str
    columns: tuple[Column, ...]
    identity: tuple[str, ...]
    interval: tuple[str, str] | None = None
    empty_interval: bool = True

    def column_names(self) -> tuple[str, ...]:
        """The names of all columns, in order."""
        return tuple(column.name for column in self.columns)


def _id(name: str, entity: str, *, required: bool = False) -> Column:
    return Column(name, values.parse_id, required, entity)


def _text(name: str, *, required: bool = False) -> Column:
    return Column(name, values.parse_text, required)


def _when(name: str, *, required: bool = False) -> Column:
    return Column(name, values.parse_when, required)


_KINDS = (
    Kind(
        "partners",
        (
            _id("partner_id", "partners", required=True),
            _text("name", required=True),
            _text("category"),
            _text("contact"),
            _text("country"),
        ),
        ("partner_id",),
    ),
    Kind(
        "apps",
        (_id("app_id", "apps", required=True), _text("name", required=True), _id("partner_id", "partners")),
        ("app_id",),
    ),
    Kind(
        "grants",
        (
            _id("app_id", "apps", required=True),
            _text("scope", required=True),
            _id("resource_id", "resources"),
            _when("granted_at", required=True),
            _text("granted_by"),
            _when("revoked_at"),
        ),
        ("app_id", "scope", "resource_id", "granted_at"),
        ("granted_at", "revoked_at"),
    ),
    Kind(
        "opt_ins",
        (
            _id("subject_id", "subjects", required=True),
            _when("opted_in_at", required=True),
            _when("opted_out_at"),
            _id("app_id", "apps"),
            _id("resource_id", "resources"),
        ),
        ("subject_id", "app_id", "resource_id", "opted_in_at"),
        ("opted_in_at", "opted_out_at"),
    ),
    Kind(
        "exemptions",
        (
            _id("app_id", "apps", required=True),
            Column("data_class", values.parse_pattern, required=True),
            _when("exempt_from", required=True),
            _when("exempt_until"),
            _text("reason"),
        ),
        ("app_id", "data_class", "exempt_from"),
        ("exempt_from", "exempt_until"),
    ),
    Kind(
        "removals",
        (_id("app_id", "apps", required=True), _when("removed_at", required=True), _text("reason")),
        ("app_id", "removed_at"),
    ),
    Kind(
        "coverage",
        (
            _text("source", required=True),
            _when("covered_from", required=True),
            _when("covered_until", required=True),
        ),
        ("source", "covered_from", "covered_until"),
        ("covered_from", "covered_until"),
        empty_interval=False,
    ),
    Kind(
        "subjects",
        (_id("subject_id", "subjects", required=True), _text("country"), Column("minor", values.parse_flag)),
        ("subject_id",),
    ),
    Kind(
        "steps",
        (
            _id("partner_id", "partners", required=True),
            Column("step", values.parse_step, required=True),
            Column("at", values.parse_day_or_instant, required=True),
            _id("app_id", "apps"),
            _text("note"),
            Column("due", values.parse_day_or_instant),
        ),
        ("partner_id", "step", "at", "app_id"),
    ),
    Kind(
        ACCESS_EVENTS,
        (
            _when("occurred_at", required=True),
            _id("app_id", "apps", required=True),
            Column("data_class", values.parse_data_classes, required=True),
            _id("subject_id", "subjects"),
            _id("resource_id", "resources"),
            _text("endpoint"),
            Column("records", values.parse_count),
            Column("bytes", values.parse_count),
            _text("ip"),
            Column("outcome", values.parse_outcome),
            _text("event_id"),
        ),
        (),
    ),
)
KINDS = {kind.name: kind for kind in _KINDS}


class EventRow(NamedTuple):
    """An access event, validated; ids folded, None where the log says nothing.

    Attributes:
        occurred_at: microseconds UTC.
        data_classes: sorted, each once, joined by `|`.
        subject_spelling: the subject's id as the log writes it, where folding changed it.
        outcome: 0 success, 1 denied, 2 error.
    """

    record_no: int
    occurred_at: int
    app_id: str
    data_classes: str
    subject_id: str | None
    subject_spelling: str | None
    resource_id: str | None
    endpoint: str | None
    records: int | None
    bytes: int | None
    ip: str | None
    outcome: int
    event_id: str | None

    def content(self) -> str:
        """What the record says, as one text: equal records have equal texts, whatever file they are in."""
        return SEPARATOR.join("" if value is None else str(value) for value in (*self[1:5], *self[6:12]))


class RegistryRow(NamedTuple):
    """A registry record, validated.

    Attributes:
        stored: a value for each column of the kind, in order; ids folded.
        at_is_date: a step of which only the date is known.
        spelling: the subject's id as the file writes it, where folding changed it.
    """

    record_no: int
    kind: str
    stored: tuple[Stored | None, ...]
    at_is_date: bool = False
    spelling: str | None = None

    def identity_key(self) -> int:
        """The same for all versions of one thing."""
        kind = KINDS[self.kind]
        named = dict(zip(kind.column_names(), self.stored, strict=True))
        return joined_key((self.kind, *(_written(named[name]) for name in kind.identity)))

    def content_key(self) -> int:
        """The same for two records that say the same."""
        return joined_key((self.kind, *map(_written, self.stored), str(int(self.at_is_date))))


def _written(value: Stored | None) -> str:
    return "" if value is None else str(value)


def validate(record: Canonical, options: Options) -> EventRow | RegistryRow:
    """One record's fields as a row of the store.

    Args:
        record: as a reader found it.
        options: how the file's times are to be read.

    Raises:
        ValueError: the reason why the record must be quarantined, in plain words, the column first.
    """
    kind = KINDS[record.kind]
    stored: list[Stored | None] = []
    fields = record.fields
    for name, parse, required, _ in kind.columns:
        given = fields.get(name)
        try:
            value = parse(given, options)
        except ValueError as error:
            raise ValueError(f"{name}: {error}") from error
        if required and value is None:
            raise ValueError(f"{name}: empty, and required")
        stored.append(value)
    if kind.interval is not None:
        _check_interval(kind, stored)
    spelling = _spelling(fields.get("subject_id"))
    if kind.name == ACCESS_EVENTS:
        return EventRow._make((record.record_no, *stored[:4], spelling, *stored[4:]))
    return RegistryRow(
        record.record_no,
        kind.name,
        tuple(stored),
        at_is_date=kind.name == "steps" and values.is_bare_date(fields.get("at")),
        spelling=spelling,
    )


def _spelling(given: Value) -> str | None:
    if not isinstance(given, str):
        return None
    text = given.strip()
    return None if text == fold_id(text) else text


def _check_interval(kind: Kind, stored: list[Stored | None]) -> None:
    begin, end = kind.interval or ("", "")
    named = dict(zip(kind.column_names(), stored, strict=True))
    first, last = named[begin], named[end]
    if not isinstance(first, int) or not isinstance(last, int):
        return
    if last < first:
        raise ValueError(f"{end} is before {begin}")
    if last == first and not kind.empty_interval:
        raise ValueError(f"{end} is not after {begin}")


def kind_of_path(path: Path) -> str | None:
    """The kind a file's stem names: the kind itself, or the kind followed by `-`, `_` or `.`; None for none."""
    name = path.name.lower()
    for compression in COMPRESSIONS:
        name = name.removesuffix(compression)
    stem = Path(name).stem
    fitting = [kind for kind in KINDS if stem == kind or stem.startswith((f"{kind}-", f"{kind}_", f"{kind}."))]
    return max(fitting, key=len, default=None)


class Header(NamedTuple):
    """A file's columns under our names.

    Attributes:
        names: one a column, in the file's order; None for one that is ignored.
        ignored: the file's own names of the ignored columns.
    """

    names: tuple[str | None, ...]
    ignored: tuple[str, ...]


def check_mapping(kind: str, mapping: Mapping[str, str]) -> None:
    """Check that what `--map` renames is renamed to columns of the kind.

    Raises:
        UsageError: there is no such column.
    """
    known = KINDS[kind].column_names()
    for theirs, ours in mapping.items():
        if ours not in known:
            raise UsageError(f"--map {theirs}={ours}: {kind} has no column {ours}; it has {', '.join(known)}")


def read_header(found: Iterable[str], *, kind: str, path: Path, mapping: Mapping[str, str]) -> Header:
    """Find a kind's columns among a file's.

    Raises:
        UnusableFileError: a column appears twice, or a required one is missing; the message names it.
        UsageError: `--map` names a column that the kind does not have.
    """
    check_mapping(kind, mapping)
    known = set(KINDS[kind].column_names())
    titles = [title.strip() for title in found]
    renamed = [mapping.get(title, title) for title in titles]
    for title in renamed:
        if renamed.count(title) > 1:
            raise UnusableFileError(f"{path} has two columns {values.show(title)}; rename one, then import it")
    for column in KINDS[kind].columns:
        if column.required and column.name not in renamed:
            raise UnusableFileError(
                f"{path} has no column {column.name}, which {kind} requires;"
                f" if it has another name there, give --map THEIRS={column.name}"
            )
    ignored = tuple(title for title, ours in zip(titles, renamed, strict=True) if ours not in known)
    return Header(tuple(name if name in known else None for name in renamed), ignored)
