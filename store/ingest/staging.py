"""The stage: one file's access events in DuckDB, keyed, told apart, dictionary-encoded and put in primary-key order.

It lives in memory and spills into a folder that only its owner can read. It knows nothing of what is in the store.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import numpy.typing as npt

from store.ingest.canonical import EventRow
from store.ingest.keys import mixed_array

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

Column = npt.NDArray[np.int64]

MEMORY_LIMIT = "2GB"
# What is staged: empty text, and -1 for a number, where the log says nothing. Every row is written once, keys and all:
# writing the table anew takes as long as reading the file.
_STAGED = """
CREATE TABLE staged(
  record_no BIGINT, occurred_at BIGINT, app VARCHAR, data_classes VARCHAR, subject VARCHAR, spelling VARCHAR,
  resource VARCHAR, endpoint VARCHAR, records BIGINT, bytes BIGINT, ip VARCHAR, outcome TINYINT, event_id VARCHAR,
  event_key BIGINT, id_key BIGINT, is_sure BOOLEAN, is_mapped BOOLEAN)
"""
_MACROS = (
    """
CREATE MACRO text_key(text) AS (('0x' || right(md5(text), 16))::UBIGINT & 9223372036854775807::UBIGINT)::BIGINT
""",
    r"""
CREATE MACRO folded(id) AS
  CASE WHEN contains(id, '@') AND regexp_full_match(id, '[^@\s]+@[^@\s]+') THEN lower(id) ELSE id END
""",
    """
CREATE MACRO written(number) AS CASE WHEN number < 0 THEN '' ELSE number::VARCHAR END
""",
    """
CREATE MACRO content_text(occurred_at, app, data_classes, subject, resource, endpoint, records, bytes, ip, outcome) AS
  concat_ws(chr(31), occurred_at, app, data_classes, subject, resource, endpoint, written(records), written(bytes), ip,
    outcome)
""",
    """
CREATE MACRO event_key_of(event_id, content) AS
  text_key(CASE WHEN event_id = '' THEN '' ELSE concat('id', chr(31), event_id, chr(31)) END || content)
""",
    """
CREATE MACRO id_key_of(event_id) AS CASE WHEN event_id = '' THEN 0 ELSE text_key(event_id) END
""",
)
_ADD = """
INSERT INTO staged
SELECT record_no, occurred_at, app, data_classes, subject, spelling, resource, endpoint, records, bytes, ip, outcome,
  event_id,
  event_key_of(event_id,
    content_text(occurred_at, app, data_classes, subject, resource, endpoint, records, bytes, ip, outcome)),
  id_key_of(event_id), true, true
FROM incoming
"""
_GIVE_KEYS = """
UPDATE staged
SET event_key = event_key_of(event_id,
    content_text(occurred_at, app, data_classes, subject, resource, endpoint, records, bytes, ip, outcome)),
  id_key = id_key_of(event_id)
"""
_SPAN = "SELECT count(*), min(occurred_at), max(occurred_at) FROM staged"
_ID_KEYS = "SELECT DISTINCT id_key FROM staged WHERE id_key <> 0"

# Equal records of one file: under an event id they are one event, else each is one, told apart by its ordinal.
_REPEATED = """
CREATE TABLE repeated AS
SELECT rowid AS place, record_no, event_key, id_key <> 0 AS is_named,
  row_number() OVER (PARTITION BY event_key ORDER BY record_no, rowid) - 1 AS ordinal
FROM staged WHERE event_key IN (SELECT event_key FROM staged GROUP BY event_key HAVING count(*) > 1)
"""
_REPEATED_NAMED = "SELECT record_no FROM repeated WHERE is_named AND ordinal > 0"
_REPEATED_UNNAMED = "SELECT place, event_key, ordinal FROM repeated WHERE NOT is_named AND ordinal > 0"
_DROP_REPEATED_NAMED = """
DELETE FROM staged WHERE rowid IN (SELECT place FROM repeated WHERE is_named AND ordinal > 0)
"""
_CHANGE_KEYS = "UPDATE staged SET event_key = given.event_key FROM given WHERE staged.rowid = given.place"

# One event id with several contents in one file: the first stands, in the file's order.
_CONTRADICTING = """
CREATE TABLE contradicting AS
SELECT rowid AS place FROM staged
WHERE id_key IN (
  SELECT id_key FROM staged WHERE id_key <> 0 GROUP BY id_key HAVING min(event_key) <> max(event_key))
  AND id_key NOT IN (SELECT id_key FROM known)
QUALIFY event_key <> first_value(event_key) OVER (PARTITION BY id_key ORDER BY record_no, rowid)
"""
_CONTRADICTIONS = """
SELECT record_no, occurred_at, app, data_classes, subject, resource, endpoint, records, bytes, ip, outcome, event_id
FROM staged WHERE rowid IN (SELECT place FROM contradicting) ORDER BY record_no
"""
_DROP_CONTRADICTING = "DELETE FROM staged WHERE rowid IN (SELECT place FROM contradicting)"

_GATHER = {
    "apps": "CREATE OR REPLACE TABLE distinct_apps AS SELECT DISTINCT app AS text FROM staged",
    "field_sets": "CREATE OR REPLACE TABLE distinct_field_sets AS SELECT DISTINCT data_classes AS text FROM staged",
    "subjects": """
CREATE OR REPLACE TABLE distinct_subjects AS SELECT DISTINCT subject AS text FROM staged WHERE subject <> ''
""",
    "resources": """
CREATE OR REPLACE TABLE distinct_resources AS SELECT DISTINCT resource AS text FROM staged WHERE resource <> ''
""",
    "endpoints": """
CREATE OR REPLACE TABLE distinct_endpoints AS SELECT DISTINCT endpoint AS text FROM staged WHERE endpoint <> ''
""",
    "addresses": "CREATE OR REPLACE TABLE distinct_addresses AS SELECT DISTINCT ip AS text FROM staged WHERE ip <> ''",
}
_DISTINCT = {
    "apps": "SELECT text FROM distinct_apps ORDER BY text",
    "field_sets": "SELECT text FROM distinct_field_sets ORDER BY text",
    "subjects": "SELECT text FROM distinct_subjects ORDER BY text",
    "resources": "SELECT text FROM distinct_resources ORDER BY text",
    "endpoints": "SELECT text FROM distinct_endpoints ORDER BY text",
    "addresses": "SELECT text FROM distinct_addresses ORDER BY text",
}
DICTIONARIES = tuple(_DISTINCT)
_SPELLINGS = "SELECT subject, arg_min(spelling, record_no) FROM staged WHERE spelling <> '' GROUP BY subject"
_CREATE_DICTIONARY = {
    "apps": "CREATE TABLE apps AS SELECT text, id FROM given",
    "field_sets": "CREATE TABLE field_sets AS SELECT text, id FROM given",
    "subjects": "CREATE TABLE subjects AS SELECT text, id FROM given",
    "resources": "CREATE TABLE resources AS SELECT text, id FROM given",
    "endpoints": "CREATE TABLE endpoints AS SELECT text, id FROM given",
    "addresses": "CREATE TABLE addresses AS SELECT text, id FROM given",
}
_SORT = """
CREATE TABLE sorted AS
SELECT a.id AS app, s.occurred_at, s.event_key, f.id AS field_set, coalesce(u.id, 0) AS subject,
  coalesce(r.id, 0) AS resource, coalesce(n.id, 0) AS endpoint, s.records, s.bytes, coalesce(i.id, 0) AS ip, s.outcome,
  s.event_id, s.id_key, s.record_no
FROM staged s
JOIN apps a ON a.text = s.app
JOIN field_sets f ON f.text = s.data_classes
LEFT JOIN subjects u ON u.text = s.subject
LEFT JOIN resources r ON r.text = s.resource
LEFT JOIN endpoints n ON n.text = s.endpoint
LEFT JOIN addresses i ON i.text = s.ip
ORDER BY a.id, s.occurred_at, s.event_key, s.record_no
"""
_BATCH = """
SELECT app, occurred_at, event_key, field_set, subject, resource, endpoint, records, bytes, ip, outcome, event_id,
  id_key, record_no
FROM sorted WHERE rowid >= ? AND rowid < ?
"""


_LET_GO = ("DROP TABLE staged", "DROP TABLE IF EXISTS repeated", "DROP TABLE IF EXISTS contradicting")


class Span(NamedTuple):
    """How many events are staged, and their first and last instant in microseconds UTC."""

    events: int
    first_at: int | None
    last_at: int | None


class Batch(NamedTuple):
    """Events in primary-key order, as columns; 0 for an absent id, -1 for an absent number, '' for an absent text."""

    app: Column
    occurred_at: Column
    event_key: Column
    field_set: Column
    subject: Column
    resource: Column
    endpoint: Column
    records: Column
    bytes: Column
    ip: Column
    outcome: Column
    event_id: npt.NDArray[np.object_]
    id_key: Column
    record_no: Column


class EventStage:
    """The access events of one file, on their way into the store.

    Attributes:
        has_old_keys: texts were replaced since the keys were computed.
    """

    def __init__(self, folder: Path) -> None:
        import duckdb

        self.connection: DuckDBPyConnection = duckdb.connect(
            ":memory:",
            config={
                "temp_directory": str(folder),
                # What a killed import leaves there cannot be read: the key was in the memory of its process.
                "temp_file_encryption": "true",
                "force_mbedtls_unsafe": "true",
                "memory_limit": MEMORY_LIMIT,
                "autoinstall_known_extensions": "false",
                "autoload_known_extensions": "false",
            },
        )
        self._has_texts = False
        self.has_old_keys = False
        self.connection.execute("SET TimeZone = 'UTC'")
        for statement in (_STAGED, *_MACROS):
            self.connection.execute(statement)

    def close(self) -> None:
        """Let go of the memory."""
        self.connection.close()

    def add(self, rows: Sequence[EventRow]) -> None:
        """Stage validated events."""
        if not rows:
            return
        columns = list(zip(*rows, strict=True))
        self.lend(
            "incoming",
            record_no=_numbers(columns[0]),
            occurred_at=_numbers(columns[1]),
            app=as_texts(columns[2]),
            data_classes=as_texts(columns[3]),
            subject=as_texts(columns[4]),
            spelling=as_texts(columns[5]),
            resource=as_texts(columns[6]),
            endpoint=as_texts(columns[7]),
            records=_numbers(columns[8]),
            bytes=_numbers(columns[9]),
            ip=as_texts(columns[10]),
            outcome=_numbers(columns[11]),
            event_id=as_texts(columns[12]),
        )
        self.connection.execute(_ADD)
        self.connection.unregister("incoming")

    def lend(self, name: str, **columns: npt.NDArray[np.generic]) -> None:
        """Let DuckDB see columns as a table, until `connection.unregister`."""
        self.connection.register(name, columns)

    def _column(self, question: str, name: str) -> Column:
        found = self.connection.execute(question).fetchnumpy()[name]
        return np.asarray(found, dtype=np.int64)

    def span(self) -> Span:
        """What is staged so far."""
        row = self.connection.execute(_SPAN).fetchone()
        return Span(0, None, None) if row is None else Span(*row)

    def id_keys(self) -> Column:
        """The id keys of the events that have an event id, each once."""
        return self._column(_ID_KEYS, "id_key")

    def give_keys(self) -> None:
        """See that all that is staged has its keys; nothing is staged afterwards. May run beside other questions."""
        if self.has_old_keys:
            with self.connection.cursor() as own:
                own.execute(_GIVE_KEYS)
            self.has_old_keys = False

    def tell_repeats_apart(self) -> Column:
        """Give equal records without an event id keys of their own; drop repeated records of one event id.

        Returns:
            The record numbers of those dropped: duplicates.
        """
        self.connection.execute(_REPEATED)
        found = self.connection.execute(_REPEATED_UNNAMED).fetchnumpy()
        if len(found["place"]):
            keys = mixed_array(np.asarray(found["event_key"]), np.asarray(found["ordinal"]))
            self.lend("given", place=np.asarray(found["place"]), event_key=keys)
            self.connection.execute(_CHANGE_KEYS)
            self.connection.unregister("given")
        dropped = self._column(_REPEATED_NAMED, "record_no")
        if len(dropped):
            self.connection.execute(_DROP_REPEATED_NAMED)
        return dropped

    def drop_contradictions(self, known: Column) -> list[EventRow]:
        """Take out the records that give an event id of an earlier record of this file other content.

        Args:
            known: id keys the store knows; those are judged there.
        """
        self.lend("known", id_key=known)
        self.connection.execute(_CONTRADICTING)
        self.connection.unregister("known")
        rows = self.connection.execute(_CONTRADICTIONS).fetchall()
        if rows:
            self.connection.execute(_DROP_CONTRADICTING)
        return [event_row(*row) for row in rows]

    def gather_texts(self) -> None:
        """Find the distinct texts of all dictionaries: once all is staged, and anew when something was replaced."""
        for statement in _GATHER.values():
            self.connection.execute(statement)
        self._has_texts = True

    def texts(self, dictionary: str) -> list[str]:
        """The distinct texts of one of `DICTIONARIES`, sorted, as they were last gathered."""
        if not self._has_texts:
            self.gather_texts()
        found: list[str] = self.connection.execute(_DISTINCT[dictionary]).fetchnumpy()["text"].tolist()
        return found

    def spellings(self) -> dict[str, str]:
        """Folded subject id -> the spelling it first had in the file, where that differs."""
        return dict(self.connection.execute(_SPELLINGS).fetchall())

    def give_ids(self, dictionary: str, texts: Sequence[str], ids: Sequence[int]) -> None:
        """Tell the stage the internal ids of all texts of a dictionary."""
        self.lend("given", text=as_texts(texts), id=np.array(ids, dtype=np.int64))
        self.connection.execute(_CREATE_DICTIONARY[dictionary])
        self.connection.unregister("given")

    def sort(self) -> None:
        """Put the events in primary-key order; every dictionary has its ids by now. Only `batches` follows."""
        self.connection.execute(_SORT)
        for statement in _LET_GO:
            self.connection.execute(statement)

    def batches(self, size: int) -> Iterator[Batch]:
        """The events in order, at most `size` at a time."""
        start = 0
        while True:
            found = self.connection.execute(_BATCH, [start, start + size]).fetchnumpy()
            numbers = {name: found[name] for name in Batch._fields}
            if not len(found["app"]):
                return
            yield Batch(**numbers)
            start += size


def event_row(
    record_no: int,
    occurred_at: int,
    app: str,
    data_classes: str,
    subject: str,
    resource: str,
    endpoint: str,
    records: int,
    size: int,
    ip: str,
    outcome: int,
    event_id: str,
) -> EventRow:
    """An event from its staged form."""
    return EventRow(
        record_no,
        occurred_at,
        app,
        data_classes,
        subject or None,
        None,
        resource or None,
        endpoint or None,
        None if records < 0 else records,
        None if size < 0 else size,
        ip or None,
        outcome,
        event_id or None,
    )


def _numbers(values: Sequence[int | None]) -> Column:
    return np.array([-1 if value is None else value for value in values], dtype=np.int64)


def as_texts(values: Sequence[str | None]) -> npt.NDArray[np.object_]:
    """Texts as a column; the empty text for an absent one."""
    return np.array([value or "" for value in values], dtype=object)
