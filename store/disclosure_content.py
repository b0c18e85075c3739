"""What a disclosure keeps of a store: everything that its figures rest on, computed anew whenever it is asked for.

Freezing and reproducing ask the very same question, of the store and of a copy in which its past was made.
"""

import sqlite3
from collections.abc import Mapping
from typing import Any

from store import seals
from store.connection import SCHEMA_VERSION, Store
from store.coverage import sources_within
from store.evidence import Assessment
from store.figures import figures, figures_document
from store.instants import format_instant, format_optional, parse_point
from store.parameters import Parameters, View, resolve
from store.rulebook import Rulebook, rulebook_in
from store.what_if import variation
from store.world import world_of, world_under

POPULATIONS = ("retained", "accessed", "recent", "after_removal")

_INCIDENT = "SELECT uuid, name FROM incident"
_IMPORTS = """
SELECT import_id, content_id, file, sha256, format, kind, records, accepted, duplicates, quarantined, skipped,
  first_at, last_at, voided_at IS NOT NULL AS voided
FROM imports WHERE state = 'complete' ORDER BY import_id
"""


def absolute(rulebook: Rulebook, parameters: Parameters) -> Parameters:
    """The parameters with every default that moves filled in; a cut-off stays the rulebook's unless one was given."""
    view = resolve(rulebook, parameters)
    return Parameters(view.as_of, view.window_days, view.what_if_cutoff, view.today, view.variation)


def content_of(store: Store, connection: sqlite3.Connection, parameters: Parameters) -> dict[str, Any]:
    """Figures, populations, coverage, rulebook and imports, as a disclosure's document holds them.

    Args:
        connection: of the store, inside `reading` or `writing`.
        parameters: absolute ones.
    """
    rulebook = rulebook_in(connection)
    view = resolve(rulebook, parameters)
    uuid, name = connection.execute(_INCIDENT).fetchone()
    # Where nobody named the incident, the file's name stands for it elsewhere: that moves with the file.
    incident = name or rulebook.name
    return {
        "incident": {"uuid": uuid, "name": incident},
        "parameters": _parameters_document(view),
        "figures": {**figures_document(figures(store, parameters)), "incident": incident},
        "populations": populations(store, connection, view),
        "coverage": _coverage(store, connection, view),
        "rulebook": {
            "rulebook_id": rulebook.rulebook_id,
            "source": rulebook.source,
            "sha256": rulebook.sha256,
            "toml": rulebook.toml,
        },
        "imports": imports_document(connection),
    }


def _parameters_document(view: View) -> dict[str, Any]:
    return {
        "as_of": format_instant(view.as_of),
        "window_days": view.window_days,
        "recent_from": format_instant(view.recent_from),
        "cutoff": format_optional(view.cutoff),
        "what_if_cutoff": format_optional(view.what_if_cutoff),
        "today": format_instant(view.today),
        "variation": None
        if view.variation is None
        else {name: sorted(what) for name, what in view.variation._asdict().items()},
    }


def parameters_of(document: Mapping[str, Any]) -> Parameters:
    """The parameters that a document's `parameters` tells of."""
    what_if, changes = document["what_if_cutoff"], document["variation"]
    return Parameters(
        as_of=parse_point(document["as_of"]),
        window_days=int(document["window_days"]),
        cutoff=None if what_if is None else parse_point(what_if),
        today=parse_point(document["today"]),
        variation=None if changes is None else variation(**changes),
    )


def populations(store: Store, connection: sqlite3.Connection, view: View) -> dict[str, list[str]]:
    """The outside ids of the partners in each population, sorted."""
    rows = Assessment(connection, world_under(store, connection, view.variation), view).partner_rows()
    return {
        "retained": sorted(row.partner_id for row in rows if row.retained),
        "accessed": sorted(row.partner_id for row in rows if row.events),
        "recent": sorted(row.partner_id for row in rows if row.recent),
        "after_removal": sorted(row.partner_id for row in rows if row.after_removal),
    }


def _coverage(store: Store, connection: sqlite3.Connection, view: View) -> list[dict[str, Any]]:
    """When each imported source is complete within the range; nothing where no coverage was imported."""
    registry = world_of(store, connection).registry
    if view.cutoff is None or not registry.coverage:
        return []
    return [
        {
            "source": each.source,
            "intervals": [[format_instant(start), format_instant(end)] for start, end in each.intervals],
        }
        for each in sources_within(registry, [], view.cutoff, view.as_of)
    ]


def imports_document(connection: sqlite3.Connection) -> list[dict[str, Any]]:
    """Every complete import, with what its evidence hashes to: see `store.seals`. Voided ones say that they are."""
    cursor = connection.execute(_IMPORTS)
    names = [column[0] for column in cursor.description]
    documents = []
    for row in cursor.fetchall():
        document = dict(zip(names, row, strict=True))
        document |= {name: format_optional(document[name]) for name in ("first_at", "last_at")}
        document["voided"] = bool(document["voided"])
        document["evidence"] = seals.digest_of(seals.sealed_parts(connection, document["content_id"]))
        documents.append(document)
    return documents


def tool_document() -> dict[str, Any]:
    """Which program, and which schema, made the figures."""
    from importlib.metadata import PackageNotFoundError, version

    try:
        said = version("overscope")
    except PackageNotFoundError:
        said = "from its sources"
    return {"name": "overscope", "version": said, "schema": SCHEMA_VERSION}
