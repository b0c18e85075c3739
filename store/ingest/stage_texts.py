"""The texts of a large file's staged events, found and replaced where they lie: by distinct text, never row by row."""

from collections.abc import Callable, Iterator, Mapping

import numpy as np

from store.ingest.staging import EventStage, as_texts
from store.pseudonyms import EVENT, EVENT_DIGITS, UUID
from store.redaction import HINT, LONGEST_PLAIN

_CHUNK = 100_000

_SUSPECTS = {
    "app": "SELECT text FROM distinct_apps WHERE regexp_matches(text, $hint)",
    "data_classes": "SELECT text FROM distinct_field_sets WHERE regexp_matches(text, $hint)",
    "subject": "SELECT text FROM distinct_subjects WHERE regexp_matches(text, $hint)",
    "resource": "SELECT text FROM distinct_resources WHERE regexp_matches(text, $hint)",
    "endpoint": "SELECT text FROM distinct_endpoints WHERE regexp_matches(text, $hint)",
    "ip": "SELECT text FROM distinct_addresses WHERE regexp_matches(text, $hint)",
    "spelling": "SELECT DISTINCT spelling FROM staged WHERE spelling <> '' AND regexp_matches(spelling, $hint)",
}
# Nearly every event has an id of its own: short ones of plain characters are not even looked into.
_SUSPICIOUS_IDS = """
SELECT DISTINCT event_id FROM staged
WHERE (strlen(event_id) > $longest OR contains(event_id, '=') OR contains(event_id, ':') OR contains(event_id, '%')
    OR contains(event_id, ' '))
  AND regexp_matches(event_id, $hint)
"""
_REPLACE = {
    "app": "UPDATE staged SET app = given.safe FROM given WHERE staged.app = given.text",
    "data_classes": "UPDATE staged SET data_classes = given.safe FROM given WHERE staged.data_classes = given.text",
    "subject": "UPDATE staged SET subject = given.safe FROM given WHERE staged.subject = given.text",
    "resource": "UPDATE staged SET resource = given.safe FROM given WHERE staged.resource = given.text",
    "endpoint": "UPDATE staged SET endpoint = given.safe FROM given WHERE staged.endpoint = given.text",
    "ip": "UPDATE staged SET ip = given.safe FROM given WHERE staged.ip = given.text",
    "spelling": "UPDATE staged SET spelling = given.safe FROM given WHERE staged.spelling = given.text",
    "event_id": "UPDATE staged SET event_id = given.safe FROM given WHERE staged.event_id = given.text",
}
_FORGET_SPELLINGS = "UPDATE staged SET spelling = '' WHERE spelling <> ''"

# What a text says beside the record's own person; of ids and addresses only those that may name somebody.
_SAID = {
    "endpoint": "SELECT DISTINCT endpoint, subject FROM staged WHERE endpoint <> ''",
    "ip": "SELECT DISTINCT ip, subject FROM staged WHERE ip <> ''",
    "event_id": """
SELECT DISTINCT event_id, subject FROM staged
WHERE contains(event_id, '@') OR contains(event_id, '%') OR contains(event_id, '/') OR contains(event_id, '(')
  OR (subject <> '' AND contains(lower(event_id), lower(subject)))
""",
}
_CREATE_SAID = "CREATE OR REPLACE TABLE said(text VARCHAR, subject VARCHAR, safe VARCHAR)"
_ADD_SAID = "INSERT INTO said SELECT text, subject, safe FROM given"
_SAY = {
    "endpoint": """
UPDATE staged SET endpoint = said.safe FROM said WHERE staged.endpoint = said.text AND staged.subject = said.subject
""",
    "ip": "UPDATE staged SET ip = said.safe FROM said WHERE staged.ip = said.text AND staged.subject = said.subject",
    "event_id": """
UPDATE staged SET event_id = said.safe FROM said WHERE staged.event_id = said.text AND staged.subject = said.subject
""",
}
_OWNERS = {
    "resources": """
SELECT DISTINCT resource, subject FROM staged
WHERE resource <> '' AND subject <> ''
  AND (contains(lower(resource), lower(subject)) OR contains(resource, '%'))
""",
    "endpoints": """
SELECT DISTINCT endpoint, subject FROM staged
WHERE endpoint <> '' AND subject <> ''
  AND (contains(lower(endpoint), lower(subject)) OR contains(endpoint, '%'))
""",
    "addresses": """
SELECT DISTINCT ip, subject FROM staged
WHERE ip <> '' AND subject <> '' AND (contains(lower(ip), lower(subject)) OR contains(ip, '%'))
""",
}
# As `People.event_id` does: HMAC-SHA-256 of all ids but UUIDs.
_HIDE_IDS = """
UPDATE staged
SET event_id = $event || left(sha256($outer || unhex(sha256($inner || encode(event_id)))), $digits)
WHERE event_id <> '' AND (NOT regexp_full_match(event_id, $uuid) OR lower(event_id) = lower(subject))
"""


class StageTexts:
    """The texts of one stage."""

    def __init__(self, stage: EventStage) -> None:
        self._stage = stage
        stage.gather_texts()

    def redact(self, redact: Callable[[str], str], redact_classes: Callable[[str], str]) -> int:
        """Take the secrets out of every text; how many values held one, a person's id counted once."""
        count = 0
        for column in _REPLACE:
            cleaned = redact_classes if column == "data_classes" else redact
            changes = {text: safe for text in self._suspects(column) if (safe := cleaned(text)) != text}
            if changes:
                changed = self._replace(column, changes)
                count += 0 if column == "spelling" else changed
        if count:
            self._stage.gather_texts()
        return count

    def _suspects(self, column: str) -> Iterator[str]:
        given: dict[str, object] = {"hint": HINT}
        if column == "event_id":
            given["longest"] = LONGEST_PLAIN
        found = self._stage.connection.execute(_SUSPECTS.get(column, _SUSPICIOUS_IDS), given)
        return (text for (text,) in found.fetchall())

    def _replace(self, column: str, changes: Mapping[str, str]) -> int:
        self._stage.lend("given", text=as_texts(list(changes)), safe=as_texts(list(changes.values())))
        row = self._stage.connection.execute(_REPLACE[column]).fetchone()
        self._stage.connection.unregister("given")
        self._stage.has_old_keys = True
        return 0 if row is None else int(row[0])

    def replace(self, column: str, changes: Mapping[str, str]) -> None:
        """Replace texts of one column by others."""
        if changes:
            self._replace(column, changes)
            self._stage.gather_texts()

    def subjects(self) -> list[str]:
        """Every subject's id, folded."""
        return self._stage.texts("subjects")

    def replace_subjects(self, changes: Mapping[str, str]) -> None:
        """Replace every subject's id, and forget how the file spells them."""
        self._stage.connection.execute(_FORGET_SPELLINGS)
        self.replace("subject", changes)

    def owners(self, dictionary: str) -> dict[str, set[str]]:
        """Text of `resources`, `endpoints` or `addresses` -> those subjects of its events who may stand within it."""
        found: dict[str, set[str]] = {text: set() for text in self._stage.texts(dictionary)}
        for text, subject in self._stage.connection.execute(_OWNERS[dictionary]).fetchall():
            found[text].add(subject)
        return found

    def say(self, column: str, safe: Callable[[str, str], str]) -> None:
        """Replace what an `endpoint`, `ip` or `event_id` says, given each text and the event's subject, or ''."""
        self._stage.connection.execute(_CREATE_SAID)
        with self._stage.connection.cursor() as own:
            found = own.execute(_SAID[column])
            while rows := found.fetchmany(_CHUNK):
                self._add_said([(text, subject, safe(text, subject)) for text, subject in rows])
        self._stage.connection.execute(_SAY[column])
        self._stage.gather_texts()

    def hide_ids(self, pads: tuple[bytes, bytes]) -> None:
        """Give every event id a pseudonym of its own, under the key that the pads of `People.event_pads` are of."""
        inner, outer = pads
        given = {"event": EVENT, "inner": inner, "outer": outer, "digits": EVENT_DIGITS, "uuid": UUID}
        self._stage.connection.execute(_HIDE_IDS, given)
        self._stage.has_old_keys = True

    def _add_said(self, said: list[tuple[str, str, str]]) -> None:
        changed = [row for row in said if row[0] != row[2]]
        if not changed:
            return
        columns = np.array(changed, dtype=object).T
        self._stage.lend("given", text=columns[0], subject=columns[1], safe=columns[2])
        self._stage.connection.execute(_ADD_SAID)
        self._stage.connection.unregister("given")
        self._stage.has_old_keys = True
