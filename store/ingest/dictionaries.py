"""Outside ids and texts -> the small integers the store knows them by. An id, once given, is never taken back."""

import json
import sqlite3
from collections.abc import Mapping, Sequence

_CHUNK = 20_000

# Per dictionary: whether it is empty, its highest id, the ids of given texts, and how a text is added.
_ANY = {
    "apps": "SELECT max(id) FROM apps",
    "partners": "SELECT max(id) FROM partners",
    "subjects": "SELECT max(id) FROM subjects",
    "resources": "SELECT max(id) FROM resources",
    "endpoints": "SELECT max(id) FROM endpoints",
    "addresses": "SELECT max(id) FROM addresses",
    "field_sets": "SELECT max(id) FROM field_sets",
}
_FIND = {
    "apps": "SELECT app_id, id FROM apps WHERE app_id IN (SELECT value FROM json_each(?))",
    "partners": "SELECT partner_id, id FROM partners WHERE partner_id IN (SELECT value FROM json_each(?))",
    "subjects": "SELECT subject_id, id FROM subjects WHERE subject_id IN (SELECT value FROM json_each(?))",
    "resources": "SELECT resource_id, id FROM resources WHERE resource_id IN (SELECT value FROM json_each(?))",
    "endpoints": "SELECT endpoint, id FROM endpoints WHERE endpoint IN (SELECT value FROM json_each(?))",
    "addresses": "SELECT ip, id FROM addresses WHERE ip IN (SELECT value FROM json_each(?))",
    "field_sets": "SELECT data_classes, id FROM field_sets WHERE data_classes IN (SELECT value FROM json_each(?))",
}
_ADD = {
    "apps": "INSERT INTO apps(id, app_id) SELECT ? + key, value FROM json_each(?)",
    "partners": "INSERT INTO partners(id, partner_id) SELECT ? + key, value FROM json_each(?)",
    "subjects": "INSERT INTO subjects(id, subject_id) SELECT ? + key, value FROM json_each(?)",
    "resources": "INSERT INTO resources(id, resource_id) SELECT ? + key, value FROM json_each(?)",
    "endpoints": "INSERT INTO endpoints(id, endpoint) SELECT ? + key, value FROM json_each(?)",
    "addresses": "INSERT INTO addresses(id, ip) SELECT ? + key, value FROM json_each(?)",
    "field_sets": "INSERT INTO field_sets(id, data_classes) SELECT ? + key, value FROM json_each(?)",
}
_SPELL = "UPDATE subjects SET spelling = ? WHERE id = ?"
_ADD_OWN_PARTNERS = "INSERT INTO partners(app) SELECT id FROM apps WHERE id >= ? ORDER BY id"


def ids_of(
    connection: sqlite3.Connection,
    dictionary: str,
    texts: Sequence[str],
    *,
    spellings: Mapping[str, str] | None = None,
) -> dict[str, int]:
    """The internal ids of these texts; unknown ones are added, in sorted order. An app gets its own partner with it.

    Args:
        connection: inside a write transaction.
        dictionary: `apps`, `partners`, `subjects`, `resources`, `endpoints`, `addresses` or `field_sets`.
        texts: folded ids, each once; no empty text.
        spellings: for subjects, the log's own spelling where folding changed it.
    """
    (highest,) = connection.execute(_ANY[dictionary]).fetchone()
    found: dict[str, int] = {}
    if highest is not None:
        for start in range(0, len(texts), _CHUNK):
            wanted = json.dumps(texts[start : start + _CHUNK])
            found.update(connection.execute(_FIND[dictionary], (wanted,)).fetchall())
    unknown = sorted(text for text in texts if text not in found) if found else sorted(texts)
    if not unknown:
        return found
    first = (highest or 0) + 1
    for start in range(0, len(unknown), _CHUNK):
        connection.execute(_ADD[dictionary], (first + start, json.dumps(unknown[start : start + _CHUNK])))
    if dictionary == "apps":
        connection.execute(_ADD_OWN_PARTNERS, (first,))
    added = dict(zip(unknown, range(first, first + len(unknown)), strict=True))
    if spellings:
        connection.executemany(
            _SPELL, [(spellings[text], number) for text, number in added.items() if text in spellings]
        )
    found.update(added)
    return found
