"""What changed since a person left: evidence, populations, cases that reopened, clocks that lapsed, others' actions.

Everything is read from the log and what it vouches for, in the log's order: clocks may go back. Every entry after the
one they saw last is their own, or counted in exactly one place. The words for it are in `store.since_words`.
"""

import sqlite3
from collections.abc import Sequence
from typing import NamedTuple

from store.clocks import Due, is_past
from store.connection import Store
from store.due import DueItem, due_items
from store.errors import UsageError
from store.ledger import last_seq
from store.names import partner_name
from store.parameters import Parameters
from store.population_changes import POPULATIONS
from store.sessions import Session

SESSION, ACTION, ASKED, NEVER = "session", "action", "asked", "never"
# Thousands may have changed: so many of each kind are told one by one, and so many names of a group.
MOST_LISTED = 20
MOST_NAMED = 5


class Departure(NamedTuple):
    """From where on things are new to a person.

    Attributes:
        seq: the log's entry that they saw last; 0 before the first.
        at: when, microseconds UTC; None before the first.
        basis: `session` (their last dashboard ended), `action` (their last own entry), `asked`, or `never` (neither).
    """

    seq: int
    at: int | None
    basis: str


class Named(NamedTuple):
    """A partner: outside id and name."""

    partner_id: str
    name: str


class ImportNews(NamedTuple):
    """An import that was completed, or voided (`note` says why): entry, when (microseconds UTC), and by whom."""

    seq: int
    at: int
    actor: str
    voided: bool
    import_id: int
    file: str
    accepted: int | None
    note: str | None


class RulesNews(NamedTuple):
    """A rulebook that was loaded."""

    seq: int
    at: int
    actor: str
    source: str
    sha256: str


class PopulationNews(NamedTuple):
    """How many partners are in a population that were not, and the other way round; the first ones of each by people.

    Who entered and left again since is in neither.
    """

    population: str
    entered: int
    left: int
    who_entered: tuple[Named, ...]
    who_left: tuple[Named, ...]


class ReopenedNews(NamedTuple):
    """A closed case that opened itself again, and why."""

    seq: int
    at: int
    partner: Named
    reason: str


class LapsedNews(NamedTuple):
    """A date that passed: `what` was due then (microseconds UTC), and from whom; None for the incident's own."""

    partner: Named | None
    due: int
    what: str


class OthersNews(NamedTuple):
    """What somebody else did, `times` times, to so many partners; `step`: which step they recorded.

    Attributes:
        actor: `system` for what the tool did by itself and nothing else here tells.
        last_at: of the last one, microseconds UTC.
        first: the first of the partners.
    """

    actor: str
    verb: str
    step: str | None
    times: int
    partners: int
    last_at: int
    first: tuple[Named, ...]


class Since(NamedTuple):
    """What is new to a person; the tuples hold the first `MOST_LISTED`, and nothing for who is here the first time.

    Attributes:
        until_seq: the log's last entry now.
        today: the instant at which clocks are judged, microseconds UTC.
        imported, voided, loaded, reopened_count, lapsed_count, acted: how many there are of each in all.
        groups: how many rows `others` would have in all.
    """

    actor: str
    left: Departure
    until_seq: int
    today: int
    imported: int
    voided: int
    imports: tuple[ImportNews, ...]
    loaded: int
    rules: tuple[RulesNews, ...]
    populations: tuple[PopulationNews, ...]
    reopened_count: int
    reopened: tuple[ReopenedNews, ...]
    lapsed_count: int
    lapsed: tuple[LapsedNews, ...]
    acted: int
    groups: int
    others: tuple[OthersNews, ...]

    @property
    def first_time(self) -> bool:
        """Whether this person was never here: all is new, and only the totals are told."""
        return self.left.basis == NEVER

    @property
    def is_news(self) -> bool:
        """Whether anything is new."""
        counts = (self.imported, self.voided, self.loaded, self.reopened_count, self.lapsed_count, self.acted)
        return any(counts) or any(each.entered or each.left for each in self.populations)


_LAST_OWN = "SELECT seq, at FROM actions WHERE actor = ? ORDER BY seq DESC LIMIT 1"
_AT = "SELECT at FROM actions WHERE seq <= ? ORDER BY seq DESC LIMIT 1"
_FIRST_FROM = "SELECT min(seq) FROM actions WHERE at >= ?"
_IMPORTS_COUNT = "SELECT verb, count(*) FROM actions WHERE seq > ? AND verb IN ('import', 'void') GROUP BY verb"
_IMPORTS = """
SELECT seq, at, actor, verb = 'void', json_extract(after, '$.import_id'), json_extract(after, '$.file'),
  json_extract(after, '$.accepted'), note
FROM actions WHERE seq > ? AND verb IN ('import', 'void') ORDER BY seq LIMIT ?
"""
_RULES_COUNT = "SELECT count(*) FROM actions WHERE seq > ? AND verb = 'load_rules'"
_RULES = """
SELECT seq, at, actor, json_extract(after, '$.source'), json_extract(after, '$.sha256')
FROM actions WHERE seq > ? AND verb = 'load_rules' ORDER BY seq LIMIT ?
"""
# A partner enters and leaves by turns: the sum says what is left of it.
_NET_COUNTS = """
SELECT population, net, count(*)
FROM (
  SELECT population, sum(2 * entered - 1) AS net FROM population_changes WHERE seq > ? GROUP BY population, partner)
WHERE net <> 0
GROUP BY population, net
"""
_NET = """
SELECT n.partner
FROM (
  SELECT partner, sum(2 * entered - 1) AS net FROM population_changes
  WHERE seq > :seq AND population = :population
  GROUP BY partner) n
LEFT JOIN partner_figures f ON f.partner = n.partner
WHERE n.net = :net
ORDER BY f.people DESC, n.partner LIMIT :most
"""
_REOPENED_COUNT = "SELECT count(*) FROM actions WHERE seq > ? AND verb = 'reopen' AND actor = 'system'"
_REOPENED = """
SELECT seq, at, partner, note FROM actions
WHERE seq > ? AND verb = 'reopen' AND actor = 'system' ORDER BY seq LIMIT ?
"""
_OTHERS = """
SELECT actor, verb, CASE verb WHEN 'step' THEN json_extract(after, '$.step.step') END AS step, count(*),
  count(DISTINCT partner), max(at), min(seq)
FROM actions
WHERE seq > ? AND actor <> ? AND verb NOT IN ('import', 'void', 'load_rules', 'populations')
  AND NOT (verb = 'reopen' AND actor = 'system')
GROUP BY actor, verb, step
ORDER BY min(seq)
"""
_PARTNERS_OF_GROUP = """
SELECT partner FROM actions
WHERE seq > ? AND actor = ? AND verb = ? AND partner IS NOT NULL
  AND CASE verb WHEN 'step' THEN json_extract(after, '$.step.step') END IS ?
GROUP BY partner ORDER BY min(seq) LIMIT ?
"""


def departure(
    store: Store, actor: str, *, session: Session | None = None, seq: int | None = None, at: int | None = None
) -> Departure:
    """From where on things are new to a person: after what they saw last, in the log's order.

    Args:
        session: of their last dashboard, where one is known; their last own action counts where it came later.
        seq: asked for: after this entry.
        at: asked for: from the first entry on that was made at this instant or later, microseconds UTC.

    Raises:
        UsageError: the log has no such entry.
    """
    with store.reading() as connection:
        head = last_seq(connection)
        if seq is not None:
            if not 0 <= seq <= head:
                raise UsageError(f"no entry #{seq:,}: the log ends with #{head:,}")
            row = connection.execute(_AT, (seq,)).fetchone()
            return Departure(seq, None if row is None else int(row[0]), ASKED)
        if at is not None:
            (first,) = connection.execute(_FIRST_FROM, (at,)).fetchone()
            return Departure(head if first is None else first - 1, at, ASKED)
        own = connection.execute(_LAST_OWN, (actor,)).fetchone()
    if session is not None and (own is None or session.seq >= own[0]):
        return Departure(session.seq, session.at, SESSION)
    return Departure(0, None, NEVER) if own is None else Departure(own[0], own[1], ACTION)


def since(store: Store, left: Departure, *, actor: str, today: int) -> Since:
    """What changed after a person left.

    Args:
        left: see `departure`.
        actor: the person; their own actions are left out.
        today: the instant at which clocks are judged, microseconds UTC.
    """
    most = 0 if left.basis == NEVER else MOST_LISTED
    seq = left.seq
    with store.reading() as connection:
        head = last_seq(connection)
        done = dict(connection.execute(_IMPORTS_COUNT, (seq,)).fetchall())
        (loaded,) = connection.execute(_RULES_COUNT, (seq,)).fetchone()
        (reopened,) = connection.execute(_REOPENED_COUNT, (seq,)).fetchone()
        groups = connection.execute(_OTHERS, (seq, actor)).fetchall()
        lapsed = _lapsed(store, left.at, today)
        return Since(
            actor=actor,
            left=left,
            until_seq=head,
            today=today,
            imported=done.get("import", 0),
            voided=done.get("void", 0),
            imports=tuple(_import(row) for row in connection.execute(_IMPORTS, (seq, most))),
            loaded=loaded,
            rules=tuple(RulesNews._make(row) for row in connection.execute(_RULES, (seq, most))),
            populations=_populations(connection, seq, most),
            reopened_count=reopened,
            reopened=tuple(
                ReopenedNews(each, at, _named(connection, partner), note or "")
                for each, at, partner, note in connection.execute(_REOPENED, (seq, most))
            ),
            lapsed_count=len(lapsed),
            lapsed=tuple(lapsed[:most]),
            acted=sum(times for _, _, _, times, *_ in groups),
            groups=len(groups),
            others=tuple(_group(connection, seq, row) for row in groups[:most]),
        )


def _import(row: Sequence[object]) -> ImportNews:
    seq, at, actor, voided, *rest = row
    return ImportNews._make((seq, at, actor, bool(voided), *rest))


def _populations(connection: sqlite3.Connection, seq: int, most: int) -> tuple[PopulationNews, ...]:
    counts = {(population, net): count for population, net, count in connection.execute(_NET_COUNTS, (seq,))}

    def first(population: str, net: int) -> tuple[Named, ...]:
        asked = {"seq": seq, "population": population, "net": net, "most": most}
        wanted = most and (population, net) in counts
        rows = connection.execute(_NET, asked).fetchall() if wanted else []
        return tuple(_named(connection, partner) for (partner,) in rows)

    return tuple(
        PopulationNews(
            population,
            counts.get((population, 1), 0),
            counts.get((population, -1), 0),
            first(population, 1),
            first(population, -1),
        )
        for population in POPULATIONS
    )


def _lapsed(store: Store, left_at: int | None, today: int) -> list[LapsedNews]:
    """What was not overdue when they left and is now, soonest first."""
    return [
        LapsedNews(None if item.partner_id is None else Named(item.partner_id, item.name), item.due, item.what)
        for item in due_items(store, Parameters(today=today))
        if item.overdue and (left_at is None or not _was_overdue(item, left_at))
    ]


def _was_overdue(item: DueItem, at: int) -> bool:
    return is_past(Due(item.due, item.due_is_day), at)


def _group(connection: sqlite3.Connection, seq: int, row: Sequence[object]) -> OthersNews:
    actor, verb, step, times, partners, last_at, _ = row
    found = connection.execute(_PARTNERS_OF_GROUP, (seq, actor, verb, step, MOST_NAMED))
    first = tuple(_named(connection, partner) for (partner,) in found.fetchall())
    return OthersNews._make((actor, verb, step, times, partners, last_at, first))


def _named(connection: sqlite3.Connection, partner: int) -> Named:
    name = partner_name(connection, partner)
    return Named(name.partner_id, name.name)
