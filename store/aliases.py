"""Two ids of one person: a personal site's path is its owner's address with `.` and `@` written `_` (FORMATS).

Derived from the live evidence, so that the order of imports does not matter. Two matching addresses leave it open.
"""

import re
import sqlite3
from collections.abc import Mapping

import numpy as np

from store.columns import COUNTED_SEGMENTS
from store.registry import OptIn
from store.segments import Column, read_column

PERSONAL = "/personal/"

_PATHS = "SELECT id, subject_id FROM subjects WHERE substr(subject_id, 1, 10) = '/personal/' ORDER BY id"
_ADDRESSES = "SELECT id, subject_id FROM subjects WHERE instr(subject_id, '@') > 0 OR subject_id GLOB 'person-*-*'"
_NAMED = "SELECT subject FROM live_opt_ins UNION SELECT subject FROM live_subjects"
_NOT_IN_A_PATH = re.compile(r"[.@]")
# The pseudonym of a mail address carries that of its personal site: see `store.pseudonyms`.
_PSEUDONYM = re.compile(r"person-[0-9a-f]{20}-([0-9a-f]{20})")


def path_word(address: str) -> str | None:
    """A mail address, or its pseudonym, as a personal site's path spells it: `ann.lee@x.com` is `ann_lee_x_com`.

    None for what is neither.
    """
    if "@" in address:
        return _NOT_IN_A_PATH.sub("_", address.lower())
    pseudonym = _PSEUDONYM.fullmatch(address)
    return None if pseudonym is None else f"site-{pseudonym[1]}"


def aliases(connection: sqlite3.Connection) -> dict[int, int]:
    """Subject -> the subject it is the same person as, by internal ids; only subjects of evidence that counts."""
    paths = {path.removeprefix(PERSONAL): number for number, path in connection.execute(_PATHS)}
    if not paths:
        return {}
    known = {int(subject) for (subject,) in connection.execute(_NAMED)}
    for content_id, segment in connection.execute(COUNTED_SEGMENTS).fetchall():
        known.update(np.unique(read_column(connection, content_id, segment, "subject")).tolist())
    owners: dict[int, list[int]] = {}
    for number, address in connection.execute(_ADDRESSES):
        path = paths.get(path_word(address) or "")
        if path in known and number in known:
            owners.setdefault(path, []).append(number)
    return {path: found[0] for path, found in owners.items() if len(found) == 1}


def same_person(subject: Column, known: Mapping[int, int]) -> Column:
    """A column of subjects with every alias replaced."""
    if not known:
        return subject
    most = max(int(subject.max(initial=0)), *known, *known.values())
    table = np.arange(most + 1)
    table[list(known)] = list(known.values())
    return table[subject]


def opt_ins_of_people(opt_ins: list[OptIn], known: Mapping[int, int]) -> list[OptIn]:
    """The opt-ins with every alias replaced."""
    return [opt_in._replace(subject=known.get(opt_in.subject, opt_in.subject)) for opt_in in opt_ins]
