"""The boundary that every text of a file passes before it is kept: secrets out, and people as pseudonyms where asked.

Records that were read pass as rows, or as a stage of events; those that were not, as what the quarantine keeps of them.
"""

import json
import re
import sqlite3
from collections.abc import Callable, Iterable, Mapping, Sequence

from store.connection import Store
from store.ingest.canonical import ACCESS_EVENTS, KINDS, EventRow, RegistryRow
from store.ingest.known_people import KnownPeople
from store.ingest.records import Canonical, Options, Quarantined, Value
from store.ingest.small_stage import SmallStage
from store.ingest.stage_texts import StageTexts
from store.ingest.staging import EventStage
from store.ingest.values import CLASS_SEPARATOR, Stored
from store.pseudonyms import People, withheld, without_values
from store.redaction import redact, stand_in

# What tells of members, or may in words; the other kinds tell of partners and their apps, which keep their names.
KINDS_OF_PEOPLE = ("access_events", "opt_ins", "subjects", "grants", "steps", "exemptions", "removals")
# What somebody wrote, and what an address says: everybody known is replaced.
_NOTES = frozenset({"reason", "note"})
_ADDRESSES = frozenset({"endpoint", "ip"})
# What names a thing: only whom the text alone tells. Else no rule would fit a scope that is some member's id as well.
_NAMES = frozenset({("grants", "scope"), ("coverage", "source"), ("apps", "name")})

_VERSIONS = {
    "steps": "SELECT 1 FROM imported_steps WHERE content_key = ?",
    "exemptions": "SELECT 1 FROM exemptions WHERE content_key = ?",
    "removals": "SELECT 1 FROM removals WHERE content_key = ?",
}

_KEY_BEGINS = re.compile(r"-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY")
_KEY_ENDS = re.compile(r"-----END [A-Z0-9 ]{0,40}PRIVATE KEY")


class Boundary:
    """What one content's records pass.

    Attributes:
        redacted: how many values held a secret.
        keeps_no_copy: whether no plain copy of the file may lie anywhere, for a kill to leave it behind.
    """

    def __init__(self, store: Store, people: People | None) -> None:
        self._store = store
        self._people = people
        self._known = None if people is None else KnownPeople(store, people)
        self.keeps_no_copy = people is not None
        self._inside_key = False
        self.redacted = 0

    def _clean(self, text: str) -> str:
        found = redact(text)
        self.redacted += found != text
        return found

    def _classes(self, text: str) -> str:
        found = redact_classes(text)
        self.redacted += found != text
        return found

    def events(self, stage: EventStage | SmallStage) -> None:
        """Let all staged events pass; their keys are computed afterwards, from what is kept."""
        if isinstance(stage, EventStage):
            texts = StageTexts(stage)
            self.redacted += texts.redact(redact, redact_classes)
            if self._people is not None and self._known is not None:
                _pseudonymise(texts, self._people, self._known)
            return
        stage.rows = [self._event(row) for row in stage.rows]
        if self._people is not None and self._known is not None:
            stage.rows = _people_of_events(stage.rows, self._people, self._known)

    def _event(self, row: EventRow) -> EventRow:
        def clean(text: str | None) -> str | None:
            return None if text is None else self._clean(text)

        return row._replace(
            app_id=self._clean(row.app_id),
            data_classes=self._classes(row.data_classes),
            subject_id=clean(row.subject_id),
            subject_spelling=None if row.subject_spelling is None else redact(row.subject_spelling),
            resource_id=clean(row.resource_id),
            endpoint=clean(row.endpoint),
            ip=clean(row.ip),
            event_id=clean(row.event_id),
        )

    def registry(self, rows: Sequence[RegistryRow]) -> list[RegistryRow]:
        """Let registry records pass."""
        cleaned = [
            row._replace(
                stored=tuple(self._clean(value) if isinstance(value, str) else value for value in row.stored),
                spelling=None if row.spelling is None else redact(row.spelling),
            )
            for row in rows
        ]
        if self._people is None or self._known is None:
            return cleaned
        with self._store.reading() as connection:
            return _people_of_registry(connection, cleaned, self._people, self._known)

    def quarantined(self, found: Quarantined) -> Quarantined:
        """Let pass what is kept of a record that no reader understood."""
        reason, record = self._clean(found.reason), self._clean_lines(found.record)
        if self._people is not None:
            reason, record = self._people.in_text(without_values(reason)), withheld(record)
        return found._replace(reason=reason, record=record)

    def refused(self, record: Canonical, reason: str, options: Options) -> Quarantined:
        """Let pass what is kept of a record that was read, and of which some value is none."""
        shown = self._clean_lines(record.record or str(dict(record.fields)))
        reason = self._clean(reason)
        if self._people is not None and self._known is not None:
            reason = self._people.in_text(without_values(reason))
            shown = _people_of_fields(record, options, self._people, self._known)
        return Quarantined(record.record_no, record.kind, reason, shown)

    def _clean_lines(self, record: str) -> str:
        """A record's text without secrets; a broken file may hand over a private key line by line."""
        if self._inside_key:
            self._inside_key = _KEY_ENDS.search(record) is None
            self.redacted += 1
            return stand_in(record)
        begins = _KEY_BEGINS.search(record)
        self._inside_key = begins is not None and _KEY_ENDS.search(record, begins.end()) is None
        return self._clean(record)

    def named(self, name: str) -> str:
        """A file's own name or path, as it is kept; it is not counted among the values."""
        return redact(name) if self._known is None else self._known.everything(redact(name))

    def names(self, found: Iterable[str]) -> tuple[str, ...]:
        """Let pass a file's own names of its columns."""
        cleaned = [self._clean(name) for name in found]
        return tuple(cleaned if self._known is None else [self._known.everything(name) for name in cleaned])


def redact_classes(text: str) -> str:
    """Data classes, joined and sorted, each redacted on its own."""
    found = {redact(name) for name in text.split(CLASS_SEPARATOR)}
    return CLASS_SEPARATOR.join(sorted(found))


def _people_of_events(rows: Sequence[EventRow], people: People, known: KnownPeople) -> list[EventRow]:
    owners: dict[str, dict[str, set[str]]] = {"resources": {}, "endpoints": {}, "addresses": {}}
    for row in rows:
        for dictionary, text in (("resources", row.resource_id), ("endpoints", row.endpoint), ("addresses", row.ip)):
            if text is not None:
                owners[dictionary].setdefault(text, set()).update(() if row.subject_id is None else (row.subject_id,))
    subjects = {row.subject_id for row in rows if row.subject_id is not None}
    resources = known.resources(owners["resources"], subjects)
    endpoints = known.said("endpoints", owners["endpoints"], subjects)
    addresses = known.said("addresses", owners["addresses"], subjects)
    return [
        row._replace(
            subject_id=None if row.subject_id is None else people.person(row.subject_id),
            subject_spelling=None,
            resource_id=None if row.resource_id is None else resources[row.resource_id],
            endpoint=None if row.endpoint is None else endpoints(row.endpoint, row.subject_id),
            ip=None if row.ip is None else addresses(row.ip, row.subject_id),
            event_id=None if row.event_id is None else people.event_id(row.event_id, row.subject_id),
        )
        for row in rows
    ]


def _pseudonymise(texts: StageTexts, people: People, known: KnownPeople) -> None:
    subjects = texts.subjects()
    named = set(subjects)
    resources = known.resources(texts.owners("resources"), named)
    texts.say("endpoint", known.said("endpoints", texts.owners("endpoints"), named))
    texts.say("ip", known.said("addresses", texts.owners("addresses"), named))
    if people.hides_ids:
        texts.hide_ids(people.event_pads())
    else:
        texts.say("event_id", people.event_id)
    texts.replace("resource", {text: safe for text, safe in resources.items() if text != safe})
    texts.replace_subjects({subject: people.person(subject) for subject in subjects})


def _people_of_registry(
    connection: sqlite3.Connection, rows: Sequence[RegistryRow], people: People, known: KnownPeople
) -> list[RegistryRow]:
    owners: dict[str, set[str]] = {}
    subjects: set[str] = set()
    notes: set[str] = set()
    for row in rows:
        named = _named(row)
        own, resource = named.get("subject_id"), named.get("resource_id")
        if isinstance(own, str):
            subjects.add(own)
        if isinstance(resource, str):
            owners.setdefault(resource, set()).update({own} if isinstance(own, str) else ())
        notes.update(value for name, value in named.items() if name in _NOTES and isinstance(value, str))
    resources = known.resources(owners, subjects)
    ways = known.notes(notes, subjects)

    def kept(row: RegistryRow, name: str, value: Stored | None, way: int) -> Stored | None:
        if not isinstance(value, str):
            return value
        if name in _NOTES:
            return ways[value][min(way, len(ways[value]) - 1)]
        return _as_kept(people, resources.__getitem__, row.kind, name, value)

    def forms(row: RegistryRow) -> list[RegistryRow]:
        named = _named(row)
        count = max((len(ways[value]) for name, value in named.items() if name in _NOTES and value in ways), default=1)
        return [
            row._replace(
                stored=tuple(kept(row, name, value, way) for name, value in named.items()),
                spelling=None,
            )
            for way in range(count)
        ]

    return _as_kept_before(connection, [forms(row) for row in rows])


def _as_kept_before(connection: sqlite3.Connection, rows: Sequence[Sequence[RegistryRow]]) -> list[RegistryRow]:
    """Of each record the form that the store has, or the last."""

    def is_kept(form: RegistryRow) -> bool:
        return connection.execute(_VERSIONS[form.kind], (form.content_key(),)).fetchone() is not None

    return [next((form for form in forms[:-1] if is_kept(form)), forms[-1]) for forms in rows]


def _people_of_fields(record: Canonical, options: Options, people: People, known: KnownPeople) -> str:
    """The record's known fields, with everybody known replaced; a value that is none says only how long it was."""
    kept: dict[str, object] = {}
    own = _own(record.fields, options)

    def everything(text: str) -> str:
        return known.everything(text, own)

    for column in KINDS[record.kind].columns:
        given = record.fields.get(column.name)
        if given is None or given == "":
            continue
        try:
            value = column.parse(given, options)
        except ValueError:
            kept[column.name] = withheld(str(given))
            continue
        if isinstance(value, str):
            kept[column.name] = (
                people.event_id(redact(value), own)
                if column.name == "event_id"
                else _as_kept(people, everything, record.kind, column.name, redact(value))
            )
        elif value is not None:
            kept[column.name] = given
    return json.dumps(kept, ensure_ascii=False)


def _as_kept(people: People, safe: Callable[[str], str], kind: str, name: str, value: str) -> str:
    """One value of a record, as it is kept of people; `safe` replaces everybody known."""
    if name in ("subject_id", "granted_by"):
        return people.person(value)
    if name == "resource_id" or name in _NOTES or name in _ADDRESSES:
        return safe(value)
    return people.in_text(value) if (kind, name) in _NAMES else value


def _named(row: RegistryRow) -> dict[str, Stored | None]:
    return dict(zip(KINDS[row.kind].column_names(), row.stored, strict=True))


def _own(fields: Mapping[str, Value], options: Options) -> str | None:
    """The record's own person, if its subject can be read."""
    column = next(column for column in KINDS[ACCESS_EVENTS].columns if column.name == "subject_id")
    try:
        found = column.parse(fields.get("subject_id"), options)
    except ValueError:
        return None
    return found if isinstance(found, str) else None
