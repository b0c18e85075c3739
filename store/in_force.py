"""The registry's versions in force of a few identities, found without walking the live views whole."""

# The versions in force, as the live views have them; of few identities it is quicker to find them anew. `CROSS JOIN`
# keeps the order: from the identities to what holds them, never through all that is held.
_IN_FORCE = """
WITH candidates AS MATERIALIZED (SELECT DISTINCT identity_key FROM {table} WHERE {which}),
in_force AS MATERIALIZED (
  SELECT v.version_id, max(CASE i.format
      WHEN 'canonical' THEN (1 << 60) + h.content_id * (1 << 36) + h.record_no
      ELSE v.version_id END)
  FROM candidates
  CROSS JOIN {table} v
  CROSS JOIN holdings h
  CROSS JOIN imports i
  WHERE v.identity_key = candidates.identity_key
    AND h.kind = '{kind}' AND h.version_id = v.version_id
    AND i.import_id = h.content_id
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
