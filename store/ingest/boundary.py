"""The boundary that every text of a file passes before it is kept: secrets out, and people as pseudonyms where asked.

Records that were read pass as rows, or as a stage of events; those that were not, as what the quarantine keeps of them.
"""

import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import combinations

from store.connection import Store
from store.ingest.canonical import ACCESS_EVENTS, KINDS, EventRow, RegistryRow
from store.ingest.records import Canonical, Options, Quarantined, Value
from store.ingest.small_stage import SmallStage
from store.ingest.stage_texts import StageTexts
from store.ingest.staging import EventStage
from store.ingest.values import CLASS_SEPARATOR, Stored
from store.pseudonyms import People, Span, replaced, withheld, without_values
from store.redaction import redact, stand_in

# What tells of members; the other kinds tell of partners and their apps, which keep their names.
KINDS_OF_PEOPLE = ("access_events", "opt_ins", "subjects", "grants")
_SPEAKING_COLUMNS = frozenset({"scope", "reason", "source", "note", "endpoint", "ip", "event_id"})
_APP_NAME = ("apps", "name")
_MOST_FORMS_OF = 4

_IS_SUBJECT = "SELECT 1 FROM subjects WHERE subject_id = ?"
_IS_RESOURCE = "SELECT 1 FROM resources WHERE resource_id = ?"

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
        self.keeps_no_copy = people is not None
        self._chosen: dict[str, str] = {}
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
            if self._people is not None:
                self._pseudonymise(texts, self._people)
            return
        stage.rows = [self._event(row) for row in stage.rows]
        if self._people is not None:
            stage.rows = self._people_of_events(stage.rows, self._people)

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

    def _people_of_events(self, rows: Sequence[EventRow], people: People) -> list[EventRow]:
        owners: dict[str, set[str]] = {}
        for row in rows:
            if row.resource_id is not None:
                owners.setdefault(row.resource_id, set())
                if row.subject_id is not None:
                    owners[row.resource_id].add(row.subject_id)
        subjects = {row.subject_id for row in rows if row.subject_id is not None}
        resources = self._resources(owners, subjects, people)

        def said(text: str | None, own: str | None) -> str | None:
            return None if text is None else people.in_text(text, own)

        return [
            row._replace(
                subject_id=None if row.subject_id is None else people.person(row.subject_id),
                subject_spelling=None,
                resource_id=None if row.resource_id is None else resources[row.resource_id],
                endpoint=said(row.endpoint, row.subject_id),
                ip=said(row.ip, row.subject_id),
                event_id=said(row.event_id, row.subject_id),
            )
            for row in rows
        ]

    def _pseudonymise(self, texts: StageTexts, people: People) -> None:
        resources = self._resources(texts.owners(), set(texts.subjects()), people)
        texts.say(people.in_text)
        texts.replace("resource", {text: safe for text, safe in resources.items() if text != safe})
        texts.replace_subjects({subject: people.person(subject) for subject in texts.subjects()})

    def registry(self, rows: Sequence[RegistryRow]) -> list[RegistryRow]:
        """Let registry records pass."""
        cleaned = [
            row._replace(
                stored=tuple(self._clean(value) if isinstance(value, str) else value for value in row.stored),
                spelling=None if row.spelling is None else redact(row.spelling),
            )
            for row in rows
        ]
        return cleaned if self._people is None else self._people_of_registry(cleaned, self._people)

    def _people_of_registry(self, rows: Sequence[RegistryRow], people: People) -> list[RegistryRow]:
        owners: dict[str, set[str]] = {}
        subjects: set[str] = set()
        for row in rows:
            named = dict(zip(KINDS[row.kind].column_names(), row.stored, strict=True))
            own, resource = named.get("subject_id"), named.get("resource_id")
            if isinstance(own, str):
                subjects.add(own)
            if isinstance(resource, str):
                owners.setdefault(resource, set()).update({own} if isinstance(own, str) else ())
        resources = self._resources(owners, subjects, people)

        def kept(kind: str, name: str, value: Stored | None) -> Stored | None:
            return value if not isinstance(value, str) else _as_kept(people, resources.__getitem__, kind, name, value)

        return [
            row._replace(
                stored=tuple(
                    kept(row.kind, name, value)
                    for name, value in zip(KINDS[row.kind].column_names(), row.stored, strict=True)
                ),
                spelling=None,
            )
            for row in rows
        ]

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
        if self._people is not None:
            reason = self._people.in_text(without_values(reason))
            shown = self._people_of_fields(record, options, self._people)
        return Quarantined(record.record_no, record.kind, reason, shown)

    def _people_of_fields(self, record: Canonical, options: Options, people: People) -> str:
        """The record's known fields, as they would be kept; a value that is none says only how long it was."""
        kept: dict[str, object] = {}
        own = _own(record.fields, options)

        def said(text: str) -> str:
            return people.in_text(text, own)

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
                kept[column.name] = _as_kept(people, said, record.kind, column.name, redact(value), said=said)
            elif value is not None:
                kept[column.name] = given
        return json.dumps(kept, ensure_ascii=False)

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
        return redact(name) if self._people is None else self._people.in_text(redact(name))

    def names(self, found: Iterable[str]) -> tuple[str, ...]:
        """Let pass a file's own names of its columns."""
        cleaned = [self._clean(name) for name in found]
        return tuple(cleaned if self._people is None else [self._people.in_text(name) for name in cleaned])

    def _resources(self, owners: Mapping[str, Iterable[str]], subjects: set[str], people: People) -> Mapping[str, str]:
        """How resources are kept: as always the same text, though more and more people become known.

        A part of a resource is replaced once the store knows it as a person's id. A resource that was kept otherwise
        before stays as it was: else one resource would be counted as two.

        Args:
            owners: resource -> the subjects of its records that may stand within it.
            subjects: everybody whom the file names.
        """
        wanted = [text for text in owners if text not in self._chosen]
        fixed: dict[str, list[Span]] = {}
        open_ones: dict[str, list[Span]] = {}
        asked: dict[str, list[tuple[str, Span]]] = {}
        for text in wanted:
            fixed[text] = [*people.told_by_text(text)]
            open_ones[text] = [span for own in owners[text] for span in people.where(text, own)]
            for span, folded in people.parts(text):
                if folded in subjects:
                    open_ones[text].append(span)
                else:
                    asked.setdefault(people.person(folded), []).append((text, span))
        for pseudonym in self._known(_IS_SUBJECT, asked):
            for text, span in asked[pseudonym]:
                open_ones[text].append(span)
        forms = {text: _forms(text, fixed[text], open_ones[text]) for text in wanted}
        several = {form for text in wanted if len(forms[text]) > 1 for form in forms[text]}
        known = self._known(_IS_RESOURCE, several)
        for text in wanted:
            self._chosen[text] = next((form for form in forms[text] if form in known), forms[text][0])
        return self._chosen

    def _known(self, question: str, wanted: Iterable[str]) -> set[str]:
        with self._store.reading() as connection:
            return {text for text in wanted if connection.execute(question, (text,)).fetchone() is not None}


def redact_classes(text: str) -> str:
    """Data classes, joined and sorted, each redacted on its own."""
    found = {redact(name) for name in text.split(CLASS_SEPARATOR)}
    return CLASS_SEPARATOR.join(sorted(found))


def _forms(text: str, fixed: list[Span], open_ones: list[Span]) -> list[str]:
    """The ways in which a resource may have been kept before, what is to be kept now first."""
    spans = list(dict.fromkeys(open_ones))
    everything = replaced(text, [*fixed, *spans])
    if len(spans) > _MOST_FORMS_OF:
        return list(dict.fromkeys((everything, replaced(text, fixed))))
    fewer = (chosen for size in range(len(spans) - 1, -1, -1) for chosen in combinations(spans, size))
    return list(dict.fromkeys([everything, *(replaced(text, [*fixed, *chosen]) for chosen in fewer)]))


def _as_kept(
    people: People,
    resource: Callable[[str], str],
    kind: str,
    name: str,
    value: str,
    *,
    said: Callable[[str], str] | None = None,
) -> str:
    """One value of a record, as it is kept of people; what `resource` and `said` make of resources and other texts."""
    if name in ("subject_id", "granted_by"):
        return people.person(value)
    if name == "resource_id":
        return resource(value)
    speaks = name in _SPEAKING_COLUMNS or (kind, name) == _APP_NAME
    if not speaks:
        return value
    return people.in_text(value) if said is None else said(value)


def _own(fields: Mapping[str, Value], options: Options) -> str | None:
    """The record's own person, if its subject can be read."""
    column = next(column for column in KINDS[ACCESS_EVENTS].columns if column.name == "subject_id")
    try:
        found = column.parse(fields.get("subject_id"), options)
    except ValueError:
        return None
    return found if isinstance(found, str) else None
