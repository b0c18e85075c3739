"""The tables: their SQL, version by version of the schema. A script that was released is never changed again.

Three kinds of tables. *Evidence* and *work* are plain rows any SQLite tool can read; nothing in them is ever deleted.
*Derived* tables (named in `DERIVED_TABLES`) are a pure function of the plain ones: see `store.fold`.

All instants are microseconds UTC since 1970, all intervals half-open [from, until), an absent value is NULL.
"""

DERIVED_TABLES = (
    *("segment_columns", "segments", "app_owners", "daily", "partner_figures", "app_figures", "derived_state"),
)

# What a registry record is, and which part of it is its identity (DOMAIN, History).
REGISTRY_TABLES = {
    "partners": "partner_versions",
    "apps": "app_versions",
    "subjects": "subject_versions",
    "grants": "grants",
    "opt_ins": "opt_ins",
    "exemptions": "exemptions",
    "removals": "removals",
    "coverage": "coverage",
    "steps": "imported_steps",
}

_INCIDENT = """
CREATE TABLE incident(
  id INTEGER PRIMARY KEY CHECK (id = 1),
  uuid TEXT NOT NULL,
  name TEXT NOT NULL,
  demo INTEGER NOT NULL DEFAULT 0,
  created_at INTEGER NOT NULL,
  created_by TEXT NOT NULL
) STRICT;

CREATE TABLE rulebooks(
  rulebook_id INTEGER PRIMARY KEY,
  source TEXT NOT NULL,
  sha256 TEXT NOT NULL,
  toml TEXT NOT NULL,
  loaded_at INTEGER NOT NULL,
  loaded_by TEXT NOT NULL
) STRICT;

CREATE TABLE rules(
  rulebook_id INTEGER NOT NULL REFERENCES rulebooks,
  ordinal INTEGER NOT NULL,
  rule_id TEXT NOT NULL,
  from_at INTEGER NOT NULL,
  until_at INTEGER,
  data_classes TEXT NOT NULL,
  apps TEXT NOT NULL,
  exceptions TEXT NOT NULL,
  basis TEXT NOT NULL,
  PRIMARY KEY (rulebook_id, ordinal),
  UNIQUE (rulebook_id, rule_id)
) STRICT, WITHOUT ROWID;

CREATE TABLE scopes(
  rulebook_id INTEGER NOT NULL REFERENCES rulebooks,
  scope TEXT NOT NULL,
  patterns TEXT NOT NULL,
  PRIMARY KEY (rulebook_id, scope)
) STRICT, WITHOUT ROWID;
"""

# Several imports may hold the same bytes read the same way: they share a content, named by the first of them. Rows
# belong to contents. A content is live while any import of it is complete and not voided.
_IMPORTS = """
CREATE TABLE imports(
  import_id INTEGER PRIMARY KEY,
  content_id INTEGER NOT NULL,
  file TEXT NOT NULL,
  path TEXT NOT NULL,
  sha256 TEXT NOT NULL,
  size INTEGER NOT NULL,
  format TEXT NOT NULL,
  kind TEXT,
  options TEXT NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('loading', 'complete')),
  started_at INTEGER NOT NULL,
  started_by TEXT NOT NULL,
  completed_at INTEGER,
  records INTEGER NOT NULL DEFAULT 0,
  accepted INTEGER NOT NULL DEFAULT 0,
  duplicates INTEGER NOT NULL DEFAULT 0,
  quarantined INTEGER NOT NULL DEFAULT 0,
  skipped INTEGER NOT NULL DEFAULT 0,
  first_at INTEGER,
  last_at INTEGER,
  extra_columns TEXT NOT NULL DEFAULT '[]',
  voided_at INTEGER,
  voided_by TEXT,
  void_note TEXT
) STRICT;
CREATE INDEX imports_by_content ON imports(content_id);
CREATE INDEX imports_by_sha256 ON imports(sha256);

CREATE VIEW live_contents AS
  SELECT DISTINCT content_id FROM imports WHERE state = 'complete' AND voided_at IS NULL;

CREATE TABLE import_checkpoints(
  content_id INTEGER NOT NULL,
  record_no INTEGER NOT NULL,
  byte_offset INTEGER NOT NULL,
  PRIMARY KEY (content_id, record_no)
) STRICT, WITHOUT ROWID;

CREATE TABLE quarantine(
  quarantine_id INTEGER PRIMARY KEY,
  content_id INTEGER NOT NULL,
  kind TEXT,
  record_no INTEGER NOT NULL,
  reason TEXT NOT NULL,
  record TEXT NOT NULL,
  resolved_at INTEGER,
  resolved_by TEXT,
  resolution TEXT
) STRICT;
CREATE INDEX quarantine_by_content ON quarantine(content_id);
"""

# An app without a partner is its own partner: each app has a row of its own here, which no partner_id can name.
_DICTIONARIES = """
CREATE TABLE apps(id INTEGER PRIMARY KEY, app_id TEXT NOT NULL UNIQUE) STRICT;
CREATE TABLE partners(
  id INTEGER PRIMARY KEY,
  partner_id TEXT UNIQUE,
  app INTEGER UNIQUE REFERENCES apps,
  CHECK ((partner_id IS NULL) <> (app IS NULL))
) STRICT;
CREATE TABLE subjects(id INTEGER PRIMARY KEY, subject_id TEXT NOT NULL UNIQUE, spelling TEXT) STRICT;
CREATE TABLE resources(id INTEGER PRIMARY KEY, resource_id TEXT NOT NULL UNIQUE) STRICT;
CREATE TABLE endpoints(id INTEGER PRIMARY KEY, endpoint TEXT NOT NULL UNIQUE) STRICT;
CREATE TABLE addresses(id INTEGER PRIMARY KEY, ip TEXT NOT NULL UNIQUE) STRICT;
CREATE TABLE field_sets(id INTEGER PRIMARY KEY, data_classes TEXT NOT NULL UNIQUE) STRICT;
"""

_VERSION_COLUMNS = """
  version_id INTEGER PRIMARY KEY,
  identity_key INTEGER NOT NULL,
  content_key INTEGER NOT NULL UNIQUE"""

_REGISTRY_COLUMNS = {
    "partner_versions": "partner INTEGER NOT NULL REFERENCES partners, name TEXT NOT NULL, category TEXT, contact TEXT,"
    " country TEXT",
    "app_versions": "app INTEGER NOT NULL REFERENCES apps, name TEXT NOT NULL, partner INTEGER REFERENCES partners",
    "subject_versions": "subject INTEGER NOT NULL REFERENCES subjects, country TEXT, minor INTEGER",
    "grants": "app INTEGER NOT NULL REFERENCES apps, scope TEXT NOT NULL, resource INTEGER REFERENCES resources,"
    " granted_at INTEGER NOT NULL, granted_by TEXT, revoked_at INTEGER",
    "opt_ins": "subject INTEGER NOT NULL REFERENCES subjects, opted_in_at INTEGER NOT NULL, opted_out_at INTEGER,"
    " app INTEGER REFERENCES apps, resource INTEGER REFERENCES resources",
    "exemptions": "app INTEGER NOT NULL REFERENCES apps, data_class TEXT NOT NULL, exempt_from INTEGER NOT NULL,"
    " exempt_until INTEGER, reason TEXT",
    "removals": "app INTEGER NOT NULL REFERENCES apps, removed_at INTEGER NOT NULL, reason TEXT",
    "coverage": "source TEXT NOT NULL, covered_from INTEGER NOT NULL, covered_until INTEGER NOT NULL",
    "imported_steps": "partner INTEGER NOT NULL REFERENCES partners, step TEXT NOT NULL, at INTEGER NOT NULL,"
    " at_is_date INTEGER NOT NULL, app INTEGER REFERENCES apps, note TEXT, due INTEGER",
}

_HOLDINGS = """
CREATE TABLE holdings(
  kind TEXT NOT NULL,
  version_id INTEGER NOT NULL,
  content_id INTEGER NOT NULL,
  record_no INTEGER NOT NULL,
  PRIMARY KEY (kind, version_id, content_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX holdings_by_content ON holdings(content_id, kind);
"""

# Foreign keys are declared; the loader guarantees them and `verify` checks them: enforced, they halve the import.
_EVENTS = """
CREATE TABLE access_events(
  app INTEGER NOT NULL REFERENCES apps,
  occurred_at INTEGER NOT NULL,
  event_key INTEGER NOT NULL,
  field_set INTEGER NOT NULL REFERENCES field_sets,
  subject INTEGER REFERENCES subjects,
  resource INTEGER REFERENCES resources,
  endpoint INTEGER REFERENCES endpoints,
  records INTEGER,
  bytes INTEGER,
  ip INTEGER REFERENCES addresses,
  outcome INTEGER NOT NULL CHECK (outcome BETWEEN 0 AND 2),
  event_id TEXT,
  content_id INTEGER NOT NULL,
  record_no INTEGER NOT NULL,
  PRIMARY KEY (app, occurred_at, event_key)
) STRICT, WITHOUT ROWID;

CREATE TABLE event_holders(
  app INTEGER NOT NULL,
  occurred_at INTEGER NOT NULL,
  event_key INTEGER NOT NULL,
  content_id INTEGER NOT NULL,
  record_no INTEGER NOT NULL,
  PRIMARY KEY (app, occurred_at, event_key, content_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX event_holders_by_content ON event_holders(content_id);

-- The events that count: some live content holds them.
CREATE VIEW live_access_events AS
  SELECT e.* FROM access_events e
  WHERE e.content_id IN (SELECT content_id FROM live_contents)
    OR EXISTS (
      SELECT 1 FROM event_holders h
      WHERE h.app = e.app AND h.occurred_at = e.occurred_at AND h.event_key = e.event_key
        AND h.content_id IN (SELECT content_id FROM live_contents));

CREATE VIEW access_events_readable AS
  SELECT
    strftime('%Y-%m-%dT%H:%M:%S', e.occurred_at / 1000000, 'unixepoch')
      || '.' || printf('%06d', e.occurred_at % 1000000) || 'Z' AS occurred_at,
    a.app_id, f.data_classes, s.subject_id, r.resource_id, n.endpoint, e.records, e.bytes, i.ip,
    CASE e.outcome WHEN 0 THEN 'success' WHEN 1 THEN 'denied' ELSE 'error' END AS outcome,
    e.event_id, e.content_id AS import_id, e.record_no,
    e.content_id IN (SELECT content_id FROM live_contents) OR EXISTS (
      SELECT 1 FROM event_holders h
      WHERE h.app = e.app AND h.occurred_at = e.occurred_at AND h.event_key = e.event_key
        AND h.content_id IN (SELECT content_id FROM live_contents)) AS counts
  FROM access_events e
  JOIN apps a ON a.id = e.app
  JOIN field_sets f ON f.id = e.field_set
  LEFT JOIN subjects s ON s.id = e.subject
  LEFT JOIN resources r ON r.id = e.resource
  LEFT JOIN endpoints n ON n.id = e.endpoint
  LEFT JOIN addresses i ON i.id = e.ip;
"""

_WORK = """
CREATE TABLE actions(
  seq INTEGER PRIMARY KEY AUTOINCREMENT,
  uuid TEXT NOT NULL UNIQUE,
  at INTEGER NOT NULL,
  actor TEXT NOT NULL,
  verb TEXT NOT NULL,
  partner INTEGER REFERENCES partners,
  partner_id TEXT,
  before TEXT,
  after TEXT,
  note TEXT,
  privileged INTEGER NOT NULL DEFAULT 0,
  batch TEXT NOT NULL,
  corrects INTEGER REFERENCES actions,
  previous_hash TEXT NOT NULL,
  hash TEXT NOT NULL
) STRICT;
CREATE INDEX actions_by_partner ON actions(partner, seq);
CREATE INDEX actions_by_batch ON actions(batch);
CREATE TRIGGER actions_are_never_changed BEFORE UPDATE ON actions
BEGIN SELECT RAISE(ABORT, 'the action log is append-only'); END;
CREATE TRIGGER actions_are_never_deleted BEFORE DELETE ON actions
BEGIN SELECT RAISE(ABORT, 'the action log is append-only'); END;

CREATE TABLE cases(
  partner INTEGER PRIMARY KEY REFERENCES partners,
  status TEXT NOT NULL CHECK (status IN ('open', 'flagged', 'cleared')),
  grounds TEXT,
  assignee TEXT,
  version INTEGER NOT NULL,
  rests_on TEXT,
  CHECK ((status = 'cleared') = (grounds IS NOT NULL))
) STRICT;

-- The improper and undetermined events a closure was made in the knowledge of: sorted event keys, 8 bytes each.
CREATE TABLE closures(
  seq INTEGER PRIMARY KEY REFERENCES actions,
  partner INTEGER NOT NULL REFERENCES partners,
  known_events BLOB NOT NULL
) STRICT;

CREATE TABLE evidence(
  evidence_id INTEGER PRIMARY KEY,
  file_name TEXT NOT NULL,
  sha256 TEXT NOT NULL UNIQUE,
  size INTEGER NOT NULL,
  collected_at INTEGER NOT NULL,
  collected_by TEXT NOT NULL
) STRICT;

-- A step without a partner is a step of the incident. A step taken back names the action that did it.
CREATE TABLE audit_steps(
  step_id INTEGER PRIMARY KEY,
  partner INTEGER REFERENCES partners,
  app INTEGER REFERENCES apps,
  step TEXT NOT NULL,
  at INTEGER NOT NULL,
  at_is_date INTEGER NOT NULL,
  due INTEGER,
  note TEXT,
  evidence_id INTEGER REFERENCES evidence,
  recorded_by TEXT NOT NULL,
  seq INTEGER NOT NULL REFERENCES actions,
  taken_back_by INTEGER REFERENCES actions
) STRICT;
CREATE INDEX audit_steps_by_partner ON audit_steps(partner);
"""

_DERIVED = """
CREATE TABLE segments(
  content_id INTEGER NOT NULL,
  segment INTEGER NOT NULL,
  events INTEGER NOT NULL,
  PRIMARY KEY (content_id, segment)
) STRICT, WITHOUT ROWID;

CREATE TABLE segment_columns(
  content_id INTEGER NOT NULL,
  segment INTEGER NOT NULL,
  name TEXT NOT NULL,
  dtype TEXT NOT NULL,
  packed BLOB NOT NULL,
  PRIMARY KEY (content_id, segment, name)
) STRICT;

-- The partner each app belongs to now: its own where nobody claims it.
CREATE TABLE app_owners(
  app INTEGER PRIMARY KEY,
  partner INTEGER NOT NULL
) STRICT;
CREATE INDEX app_owners_by_partner ON app_owners(partner);

-- Everybody's events per UTC day, counted from 1970-01-01. One partner's days are read from its segments' slices.
CREATE TABLE daily(
  day INTEGER NOT NULL,
  verdict TEXT NOT NULL,
  events INTEGER NOT NULL,
  PRIMARY KEY (day, verdict)
) STRICT, WITHOUT ROWID;

-- What the partner list shows under the rulebook's own parameters, whole: first paint reads only this.
CREATE TABLE partner_figures(
  partner INTEGER PRIMARY KEY,
  partner_id TEXT NOT NULL,
  name TEXT NOT NULL,
  claimed INTEGER NOT NULL,
  retained INTEGER NOT NULL,
  granted INTEGER NOT NULL,
  apps INTEGER NOT NULL,
  people INTEGER NOT NULL,
  events INTEGER NOT NULL,
  resources INTEGER NOT NULL,
  records TEXT NOT NULL,
  first_at INTEGER,
  last_at INTEGER,
  recent INTEGER NOT NULL,
  after_removal INTEGER NOT NULL,
  first_lag INTEGER,
  without_subject INTEGER NOT NULL,
  app_names TEXT NOT NULL
) STRICT;

CREATE TABLE derived_state(name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;
"""

_IDENTITY_TABLES = [
    f"CREATE TABLE {table}({_VERSION_COLUMNS},\n  {columns}\n) STRICT;\n"
    f"CREATE INDEX {table}_by_identity ON {table}(identity_key);\n"
    for table, columns in _REGISTRY_COLUMNS.items()
]

# The version in force is the one that the newest live content holds, and in it the last record. What the registry
# says goes before what a vendor's log says by the way, such as the name of an app; a log tells of changes, whose
# later state is the version entered later, however old the file. A bare column beside max() is of the row that has it.
_LIVE_VIEW = """
CREATE VIEW live_KIND AS
  SELECT * FROM TABLE_OF WHERE version_id IN (
    SELECT version_id FROM (
      SELECT v.version_id, max(CASE i.format
        WHEN 'canonical' THEN (1 << 60) + h.content_id * (1 << 36) + h.record_no
        ELSE v.version_id END)
      FROM TABLE_OF v
      JOIN holdings h ON h.kind = 'KIND' AND h.version_id = v.version_id
      JOIN imports i ON i.import_id = h.content_id
      WHERE h.content_id IN (SELECT content_id FROM live_contents)
      GROUP BY v.identity_key));
"""
_LIVE_VIEWS = [_LIVE_VIEW.replace("KIND", kind).replace("TABLE_OF", table) for kind, table in REGISTRY_TABLES.items()]

_REGISTRY_INDEXES = """
CREATE INDEX partner_versions_by_partner ON partner_versions(partner);
CREATE INDEX app_versions_by_app ON app_versions(app);
CREATE INDEX app_versions_by_partner ON app_versions(partner);
CREATE INDEX imported_steps_by_partner ON imported_steps(partner);
"""

FIRST_SCHEMA = "".join(
    [
        _INCIDENT,
        _IMPORTS,
        _DICTIONARIES,
        *_IDENTITY_TABLES,
        _REGISTRY_INDEXES,
        _HOLDINGS,
        _EVENTS,
        *_LIVE_VIEWS,
        _WORK,
        _DERIVED,
    ]
)

# What the evidence of a content hashes to, computed while it was loaded: see `store.seals`. A part is a range
# first..last (inclusive) of what it names: of the content's own events in key order, or of a dictionary's ids.
SECOND_SCHEMA = """
ALTER TABLE imports ADD COLUMN redacted INTEGER NOT NULL DEFAULT 0;
ALTER TABLE incident ADD COLUMN pseudonym_key TEXT;
CREATE TABLE seals(
  content_id INTEGER NOT NULL,
  part TEXT NOT NULL,
  first INTEGER NOT NULL,
  last INTEGER NOT NULL,
  rows INTEGER NOT NULL,
  sha256 TEXT NOT NULL,
  PRIMARY KEY (content_id, part, first)
) STRICT, WITHOUT ROWID;
"""

# What the remediation needs: who asked for a closure that a second person must review, what else a step says, the
# samples drawn, who entered or left which population by which change, and what all evidence says of each app. What
# disclosures need: frozen figures, claims, and what-ifs with a name.
THIRD_SCHEMA = """
ALTER TABLE cases ADD COLUMN asked TEXT;
ALTER TABLE audit_steps ADD COLUMN details TEXT;
CREATE TABLE samples(
  seq INTEGER PRIMARY KEY REFERENCES actions,
  partner INTEGER NOT NULL REFERENCES partners,
  subjects TEXT NOT NULL
) STRICT;
-- Right after the log's entry `seq`; what the kept figures said then, whatever is imported or voided later.
CREATE TABLE population_changes(
  seq INTEGER NOT NULL REFERENCES actions,
  population TEXT NOT NULL,
  partner INTEGER NOT NULL REFERENCES partners,
  entered INTEGER NOT NULL,
  PRIMARY KEY (seq, population, partner)
) STRICT, WITHOUT ROWID;
-- Of each app that read, was denied or could read, over all evidence, whatever the as-of.
CREATE TABLE app_figures(
  app INTEGER PRIMARY KEY,
  events INTEGER NOT NULL,
  first_at INTEGER,
  last_at INTEGER,
  after_removal INTEGER NOT NULL,
  first_after_at INTEGER,
  denied_after INTEGER NOT NULL,
  held_from INTEGER,
  held_until INTEGER
) STRICT;
-- Frozen figures with everything they rest on, as JSON; its SHA-256 stands in the log's entry `seq`.
CREATE TABLE disclosures(
  disclosure_id INTEGER PRIMARY KEY,
  name TEXT NOT NULL,
  document TEXT NOT NULL,
  sha256 TEXT NOT NULL,
  seq INTEGER NOT NULL REFERENCES actions
) STRICT;
-- A public sentence bound to a figure: `figure` `comparison` `value`, under parameters as JSON.
CREATE TABLE claims(
  claim_id INTEGER PRIMARY KEY,
  sentence TEXT NOT NULL,
  figure TEXT NOT NULL,
  comparison TEXT NOT NULL,
  value INTEGER NOT NULL,
  parameters TEXT NOT NULL,
  seq INTEGER NOT NULL REFERENCES actions,
  withdrawn_by INTEGER REFERENCES actions
) STRICT;
-- Named what-ifs: their parameters as JSON. Saving a name again drops the earlier one, and keeps its row.
CREATE TABLE scenarios(
  scenario_id INTEGER PRIMARY KEY,
  name TEXT NOT NULL,
  parameters TEXT NOT NULL,
  seq INTEGER NOT NULL REFERENCES actions,
  dropped_by INTEGER REFERENCES actions
) STRICT;
"""

# What each version of the schema added, from the first on.
SCRIPTS = (FIRST_SCHEMA, SECOND_SCHEMA, THIRD_SCHEMA)
