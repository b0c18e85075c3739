"""The registry's versions in force of a few identities, found without walking the live views whole."""

# The versions in force, as the live views have them; of few identities it is quicker to find them anew.
_IN_FORCE = """
WITH candidates AS (SELECT DISTINCT identity_key FROM {table} WHERE {which}),
in_force AS (
  SELECT v.version_id, max(CASE i.format
      WHEN 'canonical' THEN (1 << 60) + h.content_id * (1 << 36) + h.record_no
      ELSE v.version_id END)
  FROM {table} v
  JOIN holdings h ON h.kind = '{kind}' AND h.version_id = v.version_id
  JOIN imports i ON i.import_id = h.content_id
  WHERE v.identity_key IN (SELECT identity_key FROM candidates)
    AND h.content_id IN (SELECT content_id FROM live_contents)
  GROUP BY v.identity_key)
SELECT {columns}, v.version_id FROM {table} v WHERE v.version_id IN (SELECT version_id FROM in_force)
"""


def in_force(*, table: str, kind: str, which: str, columns: str) -> str:
    """The question for the versions in force of a registry table; every argument is written in this program.

    Args:
        table: of versions; `kind`: as `holdings` names it.
        which: a condition on the table that chooses the identities.
        columns: of `v`, the version; its `version_id` comes after them.
    """
    return _IN_FORCE.format(table=table, kind=kind, which=which, columns=columns)
