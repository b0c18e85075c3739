"""The figures of a `fixtures.scale` incident counted by DuckDB over its raw files, to hold the store's answers against.

The SQL is written from the rules of the founding case alone, for the files that `fixtures.scale` writes: one rule on
`group.member.*`, exemptions of all of it without an end, opt-ins limited to a resource without an end.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

import duckdb

from store.connection import Store
from store.figures import figures
from store.parameters import Parameters
from store.partners import partner_list

DAY = 86_400_000_000
RULE_FROM = 17_625 * DAY  # 2018-04-04
AS_OF = 18_205 * DAY  # 2019-11-05
WINDOW_DAYS = 60


class Asked(NamedTuple):
    """Parameters of a question, microseconds UTC; `cutoff` None: the rule's own."""

    as_of: int = AS_OF
    window_days: int = WINDOW_DAYS
    cutoff: int | None = None


_INSTANT = "CREATE MACRO instant(text) AS epoch_us(CAST(rtrim(text, 'Z') AS TIMESTAMP))"
_EXCUSES = """
CREATE TABLE apps AS
SELECT app_id, coalesce(partner_id, 'app:' || app_id) AS partner FROM raw_apps;
CREATE TABLE exempt AS
SELECT app_id, min(instant(exempt_from)) AS since FROM raw_exemptions GROUP BY app_id;
CREATE TABLE consents AS
SELECT subject_id, resource_id, min(instant(opted_in_at)) AS since FROM raw_opt_ins GROUP BY subject_id, resource_id;
CREATE TABLE anybodys AS
SELECT resource_id, min(since) AS since FROM consents GROUP BY resource_id;
CREATE TABLE removals AS
SELECT app_id, instant(removed_at) AS removed_at FROM raw_removals;
CREATE TABLE grants AS
SELECT app_id, instant(granted_at) AS granted_at, instant(revoked_at) AS revoked_at FROM raw_grants
WHERE revoked_at IS NULL OR instant(revoked_at) >= instant(granted_at);
"""
# What an event's verdict is where the rule is in force; elsewhere what succeeded is allowed.
_EVENTS = """
CREATE TABLE events AS
SELECT e.occurred_at, e.app_id, coalesce(a.partner, 'app:' || e.app_id) AS partner, e.subject_id, e.resource_id,
  e.records, e.restricted,
  CASE
    WHEN e.outcome <> 'success' THEN 'denied'
    WHEN len(e.restricted) = 0 THEN 'allowed'
    WHEN x.since <= e.occurred_at THEN 'allowed_by_exemption'
    WHEN c.since <= e.occurred_at THEN 'allowed_by_opt_in'
    WHEN e.subject_id IS NULL AND b.since <= e.occurred_at THEN 'undetermined'
    ELSE 'improper'
  END AS verdict
FROM (
  SELECT instant(occurred_at) AS occurred_at, app_id, subject_id, resource_id, CAST(records AS BIGINT) AS records,
    coalesce(outcome, 'success') AS outcome,
    list_filter(string_split(data_class, '|'), lambda one: starts_with(one, 'group.member.')) AS restricted
  FROM raw_events
) e
LEFT JOIN apps a ON a.app_id = e.app_id
LEFT JOIN exempt x ON x.app_id = e.app_id
LEFT JOIN consents c ON c.subject_id = e.subject_id AND c.resource_id = e.resource_id
LEFT JOIN anybodys b ON b.resource_id = e.resource_id
"""
_TRIED = """
CREATE TABLE tried AS
SELECT e.*, CASE WHEN NOT EXISTS (
    SELECT 1 FROM grants g WHERE g.app_id = e.app_id AND g.granted_at BETWEEN r.removed_at AND e.occurred_at
  ) THEN e.occurred_at - r.removed_at END AS lag
FROM (SELECT * FROM events WHERE verdict IN ('improper', 'denied')) e
ASOF LEFT JOIN removals r ON r.app_id = e.app_id AND r.removed_at <= e.occurred_at
"""
_READS = """
CREATE OR REPLACE TEMP VIEW reads AS
SELECT *, occurred_at >= {recent_from} AS is_recent FROM tried
WHERE verdict = 'improper' AND occurred_at >= {cutoff} AND occurred_at < {as_of}
"""
_ABLE = """
SELECT DISTINCT g.app_id FROM grants g
LEFT JOIN exempt x ON x.app_id = g.app_id
WHERE greatest(g.granted_at, {cutoff}) < least(
  {as_of}, g.revoked_at, x.since,
  (SELECT min(r.removed_at) FROM removals r WHERE r.app_id = g.app_id AND r.removed_at > g.granted_at))
"""
_RETAINED = """
WITH able AS ({able}), kept AS (SELECT app_id FROM able UNION SELECT app_id FROM reads)
SELECT count(DISTINCT a.partner), count(*),
  count(DISTINCT a.partner) - count(DISTINCT a.partner) FILTER (a.app_id IN (SELECT app_id FROM able))
FROM kept JOIN apps a USING (app_id)
"""
_POPULATION = """
SELECT count(DISTINCT partner), count(DISTINCT app_id), count(DISTINCT subject_id), count(DISTINCT resource_id),
  coalesce(len(list_distinct(flatten(list(DISTINCT restricted)))), 0),
  count(*), coalesce(sum(records), 0), count(*) - count(subject_id), count(*) - count(records)
FROM reads WHERE {among}
"""
_POPULATION_OF = {"accessed": "true", "recent": "is_recent", "after_removal": "lag IS NOT NULL"}
_NTH = """
SELECT min(occurred_at) FROM (SELECT occurred_at, ntile(?) OVER (ORDER BY occurred_at) AS part FROM tried)
GROUP BY part ORDER BY 1
"""
_VERDICTS = """
SELECT CASE WHEN occurred_at < {cutoff} AND verdict <> 'denied' THEN 'allowed' ELSE verdict END, count(*)
FROM events WHERE occurred_at < {as_of} GROUP BY ALL
"""
_DENIED_AFTER = "SELECT count(*) FROM tried WHERE verdict = 'denied' AND lag IS NOT NULL AND occurred_at < {as_of}"
_PARTNERS = """
SELECT partner, count(DISTINCT subject_id), count(*), count(DISTINCT resource_id), coalesce(sum(records), 0),
  min(occurred_at), max(occurred_at), count_if(is_recent), count(lag), min(lag), count(*) - count(subject_id)
FROM reads GROUP BY partner
"""
_PARTNER_FACTS = (
    *("people", "events", "resources", "records", "first_at", "last_at", "recent", "after_removal", "first_lag"),
    "without_subject",
)


class RawFiles:
    """The files of one incident, read by DuckDB and by nothing else.

    Args:
        folder: as `fixtures.scale.write_incident` wrote it.
        threads: how many DuckDB may use.
        memory: its limit, as it spells it; beyond it spills to `spill`.
    """

    def __init__(self, folder: Path, *, threads: int = 2, memory: str = "4GB", spill: Path | None = None) -> None:
        self._duckdb = duckdb.connect()
        self._duckdb.execute(f"SET threads = {threads}; SET memory_limit = '{memory}'")
        if spill is not None:
            self._duckdb.execute(f"SET temp_directory = '{spill}'")
        self._duckdb.execute(_INSTANT)
        names = {"events": "access_events*.csv", **{name: f"{name}.csv" for name in _REGISTRIES}}
        for name, pattern in names.items():
            self._duckdb.execute(
                f"CREATE VIEW raw_{name} AS SELECT * FROM read_csv('{folder / pattern}', all_varchar = true)"
            )
        self._duckdb.execute(_EXCUSES)
        self._duckdb.execute(_EVENTS)
        self._duckdb.execute(_TRIED)

    def close(self) -> None:
        """Let go of everything that was read."""
        self._duckdb.close()

    def instants(self, most: int) -> list[int]:
        """Some instants at which restricted reads happened, spread over time."""
        return [int(at) for (at,) in self._duckdb.execute(_NTH, [most]).fetchall()]

    def answer(self, asked: Asked) -> "Answer":
        """The figures under these parameters."""
        limits = {
            "as_of": asked.as_of,
            "cutoff": RULE_FROM if asked.cutoff is None else asked.cutoff,
            "recent_from": asked.as_of - asked.window_days * DAY,
        }
        self._duckdb.execute(_READS.format(**limits))
        populations = {name: self._rows(_POPULATION.format(among=among))[0] for name, among in _POPULATION_OF.items()}
        return Answer(
            retained=self._rows(_RETAINED.format(able=_ABLE.format(**limits)))[0],
            populations=populations,
            denied_attempts=self._rows(_DENIED_AFTER.format(**limits))[0][0],
            verdicts={row[0]: row[1] for row in self._rows(_VERDICTS.format(**limits))},
            partners={str(row[0]): row[1:] for row in self._rows(_PARTNERS)},
        )

    def _rows(self, question: str) -> list[tuple[object, ...]]:
        return self._duckdb.execute(question).fetchall()


_REGISTRIES = ("apps", "grants", "opt_ins", "exemptions", "removals")


class Answer(NamedTuple):
    """What the raw files say under some parameters, in the order of the questions' columns.

    Attributes:
        partners: outside id -> the facts, of those that read.
    """

    retained: tuple[object, ...]
    populations: dict[str, tuple[object, ...]]
    denied_attempts: object
    verdicts: dict[object, object]
    partners: dict[str, tuple[object, ...]]


def told(store: Store, asked: Asked) -> Answer:
    """What the store says, in the same shape."""
    parameters = Parameters(asked.as_of, asked.window_days, asked.cutoff, AS_OF)
    answer = figures(store, parameters)
    populations = {"accessed": answer.accessed, "recent": answer.recent, "after_removal": answer.after_removal}
    return Answer(
        retained=(answer.retained_partners, answer.retained_apps, answer.ungranted_partners),
        populations={name: tuple(each[:9]) for name, each in populations.items()},
        denied_attempts=answer.denied_attempts,
        verdicts={name: count for name, count in answer.verdicts.items() if count},
        partners={
            row.partner_id: tuple(getattr(row, name) for name in _PARTNER_FACTS)
            for row in partner_list(store, parameters)
            if row.events
        },
    )


def disagreements(store: Store, raw: RawFiles, questions: Iterable[Asked], *, most: int = 20) -> list[str]:
    """Where the store and the raw files differ, in words, the first few of each question; none is exactness."""
    found: list[str] = []
    for asked in questions:
        ours, theirs = told(store, asked), raw.answer(asked)
        for name in ("retained", "populations", "denied_attempts", "verdicts"):
            if getattr(ours, name) != getattr(theirs, name):
                found.append(f"{asked} {name}: store {getattr(ours, name)}, files {getattr(theirs, name)}")
        differing = [
            f"{asked} {partner}: store {ours.partners.get(partner)}, files {theirs.partners.get(partner)}"
            for partner in sorted(ours.partners.keys() | theirs.partners.keys())
            if ours.partners.get(partner) != theirs.partners.get(partner)
        ]
        found += differing[:most]
    return found
