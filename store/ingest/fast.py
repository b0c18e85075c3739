"""The fast path: access events of a CSV file that is vouched for, read and validated by DuckDB.

Each row says whether it was plain enough to be sure of; the others go through the strict reader, one by one. What comes
out is what the strict reader alone would have staged (tested).
"""

from collections.abc import Iterator, Sequence
from pathlib import Path

from store.ingest import values
from store.ingest.canonical import ACCESS_EVENTS, KINDS
from store.ingest.reader import is_compressed
from store.ingest.records import Source
from store.ingest.staging import EventStage, as_texts
from store.ingest.strict import CHECKPOINT_EVERY, BrokenError, CsvColumns, Lines, Notes, Read
from store.ingest.vouching import Outline, outline

# The file is read as lines, each one record, and split here: DuckDB's own reader forgives what RFC 4180 does not, and
# is no quicker. Every quote is known to be in its place, so that the pattern finds the fields one after the other.
_SPLIT = r"""
SELECT
  CASE WHEN contains(line, '"') THEN list_transform(
      regexp_extract_all(line || ',', '("(?:[^"]|"")*"|[^",]*),', 1),
      lambda field: CASE WHEN starts_with(field, '"') THEN replace(field[2:-2], '""', '"') ELSE field END)
    ELSE string_split(line, ',') END AS fields,
  strlen(line) = length(line) AS is_ascii
FROM read_csv($path, auto_detect=false, header=false, skip=1, columns={'line': 'VARCHAR'}, delim=chr(30), quote='',
  escape='', new_line=$line_end, max_line_size=1000000, parallel=true)
"""
# Data classes are read by the one parser, each text once: those seen most often at the file's begin while the rest is
# read, what else there is afterwards.
_OFTEN = """
SELECT text FROM (
  SELECT coalesce(list_extract(fields, $data_class), '') AS text
  FROM (SELECT * FROM (SPLIT) LIMIT 20000))
GROUP BY text ORDER BY count(*) DESC, text LIMIT 32
""".replace("SPLIT", _SPLIT)
_STAGE = r"""
INSERT INTO staged
WITH split AS (SPLIT),
named AS (
  SELECT is_ascii AND len(fields) = $width AS is_whole,
    coalesce(list_extract(fields, $occurred_at), '') AS occurred_at,
    coalesce(list_extract(fields, $app_id), '') AS app_id,
    coalesce(list_extract(fields, $data_class), '') AS data_class,
    coalesce(list_extract(fields, $subject_id), '') AS subject_id,
    coalesce(list_extract(fields, $resource_id), '') AS resource_id,
    coalesce(list_extract(fields, $endpoint), '') AS endpoint,
    coalesce(list_extract(fields, $records), '') AS records,
    coalesce(list_extract(fields, $bytes), '') AS bytes,
    coalesce(list_extract(fields, $ip), '') AS ip,
    coalesce(list_extract(fields, $outcome), '') AS outcome,
    coalesce(list_extract(fields, $event_id), '') AS event_id
  FROM split),
typed AS (
  SELECT is_whole, app_id, subject_id, resource_id, endpoint, ip, event_id, data_class,
    list_extract($data_classes::VARCHAR[], list_position($texts::VARCHAR[], data_class)) AS data_classes,
    folded(app_id) AS app,
    folded(subject_id) AS subject,
    folded(resource_id) AS resource,
    CASE
      WHEN regexp_full_match(occurred_at,
          '[12]\d{3}-\d\d-\d\dT([01]\d|2[0-3]):[0-5]\d:[0-5]\d(\.\d{1,6})?(Z|[+-](0\d|1[0-3]):[0-5]\d)')
        THEN epoch_us(try_cast(occurred_at AS TIMESTAMPTZ))
      WHEN regexp_full_match(occurred_at, '\d{1,16}')
          AND try_cast(occurred_at AS BIGINT) BETWEEN $earliest AND $latest
        THEN try_cast(occurred_at AS BIGINT) * $unit
    END AS occurred_at,
    CASE WHEN records = '' THEN -1 WHEN regexp_full_match(records, '\d{1,18}') THEN try_cast(records AS BIGINT)
    END AS records,
    CASE WHEN bytes = '' THEN -1 WHEN regexp_full_match(bytes, '\d{1,18}') THEN try_cast(bytes AS BIGINT)
    END AS bytes,
    (CASE outcome WHEN '' THEN 0 WHEN 'success' THEN 0 WHEN 'denied' THEN 1 WHEN 'error' THEN 2 END)::TINYINT AS outcome
  FROM named)
SELECT 0, occurred_at, app, coalesce(data_classes, data_class), subject,
  CASE WHEN subject_id <> subject THEN subject_id ELSE '' END,
  resource, endpoint, records, bytes, ip, outcome, event_id,
  event_key_of(event_id,
    content_text(occurred_at, app, data_classes, subject, resource, endpoint, records, bytes, ip, outcome)),
  id_key_of(event_id),
  is_whole AND occurred_at IS NOT NULL AND records IS NOT NULL AND bytes IS NOT NULL AND outcome IS NOT NULL
    AND app_id <> ''
    AND (NOT $has_edge_blanks
      OR (app_id = trim(app_id) AND subject_id = trim(subject_id) AND resource_id = trim(resource_id)
        AND endpoint = trim(endpoint) AND ip = trim(ip) AND event_id = trim(event_id))),
  data_classes IS NOT NULL
FROM typed
""".replace("SPLIT", _SPLIT)
# Rows keep the order of the file. Numbered while they are read, they would all be read by one thread.
_NUMBER = "UPDATE staged SET record_no = rowid + 1"
_COUNT = "SELECT count(*) FROM staged"
_REST = "SELECT DISTINCT data_classes AS text FROM staged WHERE NOT is_mapped"
_MAP_REST = """
UPDATE staged
SET data_classes = given.data_classes, is_mapped = true,
  event_key = event_key_of(event_id,
    content_text(occurred_at, app, given.data_classes, subject, resource, endpoint, records, bytes, ip, outcome))
FROM given WHERE NOT staged.is_mapped AND staged.data_classes = given.text
"""
_UNSURE = "SELECT record_no FROM staged WHERE NOT is_sure OR data_classes = '' ORDER BY record_no"
_DROP_UNSURE = "DELETE FROM staged WHERE NOT is_sure OR data_classes = ''"
_START_AGAIN = "CREATE OR REPLACE TABLE staged AS FROM staged LIMIT 0"


def stage_vouched(source: Source, stage: EventStage, folder: Path, notes: Notes) -> "tuple[int, Iterator[Read]] | None":
    """Stage the access events of a CSV file the fast way.

    Args:
        folder: where a compressed file may be unpacked.

    Returns:
        How many records were staged, and the others as the strict reader reads them; or None, with nothing staged,
        where the whole file takes the strict reader.

    Raises:
        UnusableFileError: the file as a whole is none we can read.
    """
    path = folder / "plain.csv" if is_compressed(source.path) else source.path
    with source.open() as stream:
        columns = CsvColumns(source, ACCESS_EVENTS, Lines(stream))
    with source.open() as stream:
        seen = outline(stream, None if path == source.path else path)
    if seen is None or seen.lines < 2 or not _read(source, path, seen, columns, stage):
        return None
    unsure = [record_no for (record_no,) in stage.connection.execute(_UNSURE).fetchall()]
    if unsure:
        stage.connection.execute(_DROP_UNSURE)
    notes.checkpoints = list(seen.checkpoints)
    notes.ignored_columns = columns.header.ignored
    return seen.lines - 1 - len(unsure), _read_strictly(path, unsure, columns, seen.checkpoints)


def _read(source: Source, path: Path, seen: Outline, columns: CsvColumns, stage: EventStage) -> bool:
    """Stage all records, sure or not; nothing where DuckDB does not see as many of them as the outline."""
    import duckdb

    connection = stage.connection
    file: dict[str, object] = {"path": str(path), "line_end": "\\r\\n" if seen.has_returns else "\\n"}
    # DuckDB counts places from 1; an absent column has none.
    places: dict[str, object] = dict.fromkeys(KINDS[ACCESS_EVENTS].column_names())
    places.update({name: place for place, name in enumerate(columns.header.names, start=1) if name is not None})
    unit = values.EPOCH_UNITS[source.options.epoch]
    bounds = {
        "width": len(columns.titles),
        "has_edge_blanks": seen.has_edge_blanks,
        "unit": unit,
        "earliest": -(-values.EARLIEST_EPOCH // unit),
        "latest": (values.AFTER_LATEST_EPOCH - 1) // unit,
    }
    try:
        often = connection.execute(_OFTEN, {**file, "data_class": places["data_class"]}).fetchall()
        texts = [text for (text,) in often]
        known = {"texts": texts, "data_classes": _data_classes(source, texts)}
        connection.execute(_STAGE, {**file, **places, **bounds, **known})
    except (duckdb.InvalidInputException, duckdb.ConversionException):
        connection.execute(_START_AGAIN)
        return False
    if connection.execute(_COUNT).fetchone() != (seen.lines - 1,):
        connection.execute(_START_AGAIN)
        return False
    connection.execute(_NUMBER)
    _map_rest(source, stage)
    return True


def _data_classes(source: Source, texts: Sequence[str]) -> list[str]:
    """Distinct texts of data classes as the one parser reads them; the empty text for one it refuses."""
    parsed: list[str] = []
    for text in texts:
        try:
            parsed.append(values.parse_data_classes(text, source.options) or "")
        except ValueError:
            parsed.append("")
    return parsed


def _map_rest(source: Source, stage: EventStage) -> None:
    texts = [text for (text,) in stage.connection.execute(_REST).fetchall()]
    if texts:
        stage.lend("given", text=as_texts(texts), data_classes=as_texts(_data_classes(source, texts)))
        stage.connection.execute(_MAP_REST)
        stage.connection.unregister("given")


def _read_strictly(
    path: Path, wanted: Sequence[int], columns: CsvColumns, checkpoints: Sequence[tuple[int, int]]
) -> Iterator[Read]:
    """Single records of a file in which every line is one, by the strict reader."""
    offsets = dict(checkpoints)
    with path.open("rb") as stream:
        at = 0
        for record_no in wanted:
            mark = record_no - (record_no - 1) % CHECKPOINT_EVERY
            if mark > at:
                stream.seek(offsets[mark])
                at = mark
            while at < record_no:
                stream.readline()
                at += 1
            data = stream.readline()
            at += 1
            try:
                yield columns.record(record_no, data)
            except BrokenError as error:
                yield columns.broken(record_no, data, error)
