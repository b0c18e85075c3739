"""A small store with partners, apps and a clock of its own, for the tests of cases and audits. Evidence is made up."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from store import closing
from store.connection import Store, open_store
from store.fold import bring_up_to_date
from store.instants import MICROSECONDS_PER_SECOND, parse_point
from store.ledger import GENESIS, actions, entry_hash
from store.schema import create_store

NOON = parse_point("2019-11-05T12:00:00Z")

_IMPORT = """
INSERT INTO imports(import_id, content_id, file, path, sha256, size, format, options, state, started_at, started_by)
VALUES (?, ?, 'registry.csv', 'registry.csv', ?, 1, 'canonical', '{}', 'complete', 0, 'ana')
"""


@dataclass(frozen=True)
class Facts:
    """The evidence of one partner, as `store.reopening.CaseFacts` tells it."""

    improper: int = 0
    undetermined: int = 0
    quarantined: int = 0
    from_at: int = 0
    until_at: int = 0
    coverage_days: int = 580
    covered_days: int = 569
    held_uncovered_days: int = 0
    known_events: bytes = b""


class Clock:
    """Stands still unless told to go on."""

    def __init__(self, at: int = NOON) -> None:
        self.at = at

    def __call__(self) -> int:
        return self.at

    def tick(self, seconds: int = 60) -> None:
        self.at += seconds * MICROSECONDS_PER_SECOND


def add_registry(store: Store, partners: Mapping[str, Sequence[str]], names: Mapping[str, str] | None = None) -> None:
    """Register partners with their apps, as one live import; an app under '' belongs to nobody."""
    names = names or {}
    with store.writing() as connection:
        (content,) = connection.execute("SELECT coalesce(max(import_id), 0) + 1 FROM imports").fetchone()
        connection.execute(_IMPORT, (content, content, str(content)))
        for partner_id, app_ids in partners.items():
            partner = None
            if partner_id:
                connection.execute("INSERT OR IGNORE INTO partners(partner_id) VALUES (?)", (partner_id,))
                partner = _internal(connection, partner_id)
                key = hash(("partner", partner_id, content)) >> 2
                (version,) = connection.execute(
                    "INSERT INTO partner_versions(identity_key, content_key, partner, name) VALUES (?, ?, ?, ?)"
                    " RETURNING version_id",
                    (hash(("partner", partner_id)) >> 2, key, partner, names.get(partner_id, partner_id)),
                ).fetchone()
                connection.execute("INSERT INTO holdings VALUES ('partners', ?, ?, 1)", (version, content))
            for app_id in app_ids:
                connection.execute("INSERT OR IGNORE INTO apps(app_id) VALUES (?)", (app_id,))
                (app,) = connection.execute("SELECT id FROM apps WHERE app_id = ?", (app_id,)).fetchone()
                connection.execute("INSERT OR IGNORE INTO partners(app) VALUES (?)", (app,))
                key = hash(("app", app_id, content)) >> 2
                (version,) = connection.execute(
                    "INSERT INTO app_versions(identity_key, content_key, app, name, partner) VALUES (?, ?, ?, ?, ?)"
                    " RETURNING version_id",
                    (hash(("app", app_id)) >> 2, key, app, names.get(app_id, app_id), partner),
                ).fetchone()
                connection.execute("INSERT INTO holdings VALUES ('apps', ?, ?, 1)", (version, content))
        bring_up_to_date(connection, at=NOON)


def _internal(connection: object, partner_id: str) -> int:
    (partner,) = connection.execute("SELECT id FROM partners WHERE partner_id = ?", (partner_id,)).fetchone()
    return int(partner)


def new_store(path: Path, partners: Mapping[str, Sequence[str]], names: Mapping[str, str] | None = None) -> Store:
    """A store at this path with a registry."""
    create_store(path, name="Groups API", actor="ana", at=NOON)
    store = open_store(path)
    add_registry(store, partners, names)
    return store


def give_facts(monkeypatch: pytest.MonkeyPatch, facts: Mapping[int, Facts]) -> None:
    """Let the evidence say this of each partner (internal id), and nothing of the others."""

    def gather(_: object, partners: Iterable[int]) -> dict[int, Facts]:
        return {partner: facts.get(partner, Facts()) for partner in partners}

    monkeypatch.setattr(closing, "gather_facts", gather)


def assert_chained(store: Store) -> None:
    """The log's hashes follow from its entries, one from the other."""
    previous = GENESIS
    for action in actions(store):
        entry = action._asdict()
        del entry["seq"]
        stored = entry.pop("hash")
        previous = entry_hash(previous, **entry)
        assert previous == stored
