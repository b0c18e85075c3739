"""Ways to tamper with a log, as who can write the file would: triggers are put back, the schema is untouched."""

import hashlib
import json
import random
import sqlite3
import string
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, NamedTuple

_TRIGGERS = "SELECT name, sql FROM sqlite_schema WHERE type = 'trigger'"
_COLUMNS = "SELECT name FROM pragma_table_info('actions') ORDER BY cid"
# In no export: the internal number of the partner, and what the entry before must have been.
_NOT_EXPORTED = ("partner", "previous_hash")
_HASHED = ("uuid", "at", "actor", "verb", "partner_id", "before", "after", "note", "privileged", "batch", "corrects")
_FAR = 1_000_000


class Scene(NamedTuple):
    """What a tampering is done to.

    Attributes:
        last: the log's last seq; `seen`: the last that the checkpoint saw.
        other: a store of another incident.
    """

    log: sqlite3.Connection
    chance: random.Random
    last: int
    seen: int
    other: Path


class Tampering(NamedTuple):
    """What was done.

    Attributes:
        names: one of these stands in what is found.
        needs_checkpoint: without one nobody can see it.
        in_export: an export of the log shows it.
    """

    names: tuple[str, ...]
    needs_checkpoint: bool = False
    in_export: bool = True


@contextmanager
def forging(path: Path) -> Iterator[sqlite3.Connection]:
    """A connection that may do anything to the log, and leaves the schema as it was."""
    with closing(sqlite3.connect(path)) as log:
        triggers = log.execute(_TRIGGERS).fetchall()
        for name, _ in triggers:
            log.execute(f"DROP TRIGGER {name}")
        log.execute("PRAGMA ignore_check_constraints=ON")
        yield log
        for _, sql in triggers:
            log.execute(sql)
        log.commit()


def other_value(value: object, chance: random.Random) -> object:
    """A value of the same type, that differs; of what is absent, a text."""
    if isinstance(value, int):
        return value + chance.choice((-1, 1, 2, 1_000_000))
    if isinstance(value, bytes):
        return value + b"\0" if not value else bytes([value[0] ^ 1]) + value[1:]
    text = str(value or "")
    place = chance.randint(0, len(text))
    changes = (
        text[:place] + chance.choice(string.ascii_letters + " \n\u202e") + text[place:],
        text[: place - 1] + text[place:],
        text.swapcase(),
        text + " ",
    )
    return chance.choice([changed for changed in changes if changed != text])


def _row(scene: Scene, seq: int) -> dict[str, Any]:
    cursor = scene.log.execute("SELECT * FROM actions WHERE seq = ?", (seq,))
    return dict(zip((each[0] for each in cursor.description), cursor.fetchone(), strict=True))


def rehash(log: sqlite3.Connection) -> None:
    """Chain the whole log anew, as it stands."""
    previous = "0" * 64
    cursor = log.execute("SELECT * FROM actions ORDER BY seq")
    names = [each[0] for each in cursor.description]
    for values in cursor.fetchall():
        row = dict(zip(names, values, strict=True))
        hashed = {"previous": previous, **{name: row[name] for name in _HASHED}}
        hashed["privileged"] = bool(row["privileged"])
        text = json.dumps(hashed, sort_keys=True, separators=(",", ":"))
        digest = hashlib.sha256(text.encode()).hexdigest()
        log.execute("UPDATE actions SET previous_hash = ?, hash = ? WHERE seq = ?", (previous, digest, row["seq"]))
        previous = digest


def _edit(scene: Scene, seq: int, column: str, value: object) -> None:
    scene.log.execute(f"UPDATE actions SET {column} = ? WHERE seq = ?", (value, seq))


def _shift(scene: Scene, first: int, by: int) -> None:
    """Give every entry from here on another seq."""
    scene.log.execute("UPDATE actions SET seq = seq + ? WHERE seq >= ?", (_FAR, first))
    scene.log.execute("UPDATE actions SET seq = seq - ? WHERE seq >= ?", (_FAR - by, _FAR))


def _say_last(scene: Scene) -> None:
    scene.log.execute("UPDATE sqlite_sequence SET seq = (SELECT max(seq) FROM actions) WHERE name = 'actions'")


def edit_a_column(scene: Scene) -> Tampering:
    """Any column of any entry."""
    seq = scene.chance.randint(1, scene.last)
    column = scene.chance.choice([name for (name,) in scene.log.execute(_COLUMNS)])
    was = _row(scene, seq)[column]
    value = other_value(was, scene.chance)
    if column == "seq":
        value = scene.last + scene.chance.randint(1, 9)
    elif was is None and column in ("partner", "corrects"):
        value = scene.chance.randint(1, 3)
    elif (
        was is not None and scene.chance.random() < 0.2 and column in ("note", "before", "after", "corrects", "partner")
    ):
        value = None
    _edit(scene, seq, column, value)
    names = (f"#{seq}", f"#{seq + 1}", "sqlite_sequence") if column == "seq" else (f"#{seq}",)
    return Tampering(names, in_export=column not in _NOT_EXPORTED)


def rewrite_json(scene: Scene) -> Tampering:
    """The same value in other words, the chain made anew: only the canonical form tells."""
    column = scene.chance.choice(("before", "after"))
    seqs = [seq for (seq,) in scene.log.execute(f"SELECT seq FROM actions WHERE {column} IS NOT NULL ORDER BY seq")]
    seq = scene.chance.choice(seqs)
    value = json.loads(_row(scene, seq)[column])
    backwards = dict(reversed(value.items()))
    texts = [
        json.dumps(value, indent=1),
        f" {json.dumps(value, sort_keys=True, separators=(',', ':'))}",
        json.dumps({**backwards, "": 1})[:-1].removesuffix(', "": 1') + "}",
    ]
    _edit(scene, seq, column, scene.chance.choice(texts))
    if scene.chance.random() < 0.5:
        rehash(scene.log)
    return Tampering((f"#{seq}",))


def delete_entries(scene: Scene) -> Tampering:
    """Some in the middle."""
    seq = scene.chance.randint(1, scene.last - 1)
    until = min(scene.last - 1, seq + scene.chance.randint(0, 3))
    scene.log.execute("DELETE FROM actions WHERE seq BETWEEN ? AND ?", (seq, until))
    return Tampering((f"#{seq}",))


def delete_and_close_ranks(scene: Scene) -> Tampering:
    """The entries after it are numbered anew, and chained anew."""
    seq = scene.chance.randint(2, scene.seen)
    scene.log.execute("DELETE FROM actions WHERE seq = ?", (seq,))
    _shift(scene, seq + 1, -1)
    rehash(scene.log)
    _say_last(scene)
    return Tampering((f"#{scene.seen}", "up to entry"), needs_checkpoint=True)


def reorder(scene: Scene) -> Tampering:
    """Two entries change places."""
    first, second = sorted(scene.chance.sample(range(1, scene.last + 1), 2))
    for source, target in ((first, _FAR), (second, first), (_FAR, second)):
        _edit(scene, source, "seq", target)
    return Tampering((f"#{first}",))


def reorder_and_rehash(scene: Scene) -> Tampering:
    """Two entries change places, and all is chained anew."""
    first, second = sorted(scene.chance.sample(range(1, scene.seen + 1), 2))
    for source, target in ((first, _FAR), (second, first), (_FAR, second)):
        _edit(scene, source, "seq", target)
    rehash(scene.log)
    return Tampering((f"#{scene.seen}",), needs_checkpoint=True)


def cut_the_end(scene: Scene) -> Tampering:
    """The last entries are deleted; SQLite remembers that they were there."""
    first = scene.chance.randint(2, scene.last)
    scene.log.execute("DELETE FROM actions WHERE seq >= ?", (first,))
    return Tampering((f"#{first}",), in_export=False)


def cut_the_end_and_the_memory(scene: Scene) -> Tampering:
    """SQLite is made to forget them too."""
    first = scene.chance.randint(2, scene.seen)
    scene.log.execute("DELETE FROM actions WHERE seq >= ?", (first,))
    _say_last(scene)
    return Tampering((f"#{scene.seen}",), needs_checkpoint=True)


def insert_an_entry(scene: Scene) -> Tampering:
    """One that somebody has made up, in the middle."""
    seq = scene.chance.randint(2, scene.last)
    row = _row(scene, seq) | {"seq": seq, "uuid": f"{seq:08d}-made-up"}
    _shift(scene, seq, 1)
    scene.log.execute(f"INSERT INTO actions VALUES ({', '.join('?' * len(row))})", list(row.values()))
    _say_last(scene)
    return Tampering((f"#{seq + 1}", f"#{seq}"))


def insert_and_rehash(scene: Scene) -> Tampering:
    """One that somebody has made up, and all chained anew."""
    seq = scene.chance.randint(2, scene.seen)
    row = _row(scene, seq) | {"seq": seq, "uuid": f"{seq:08d}-made-up", "verb": "note", "before": None, "after": None}
    _shift(scene, seq, 1)
    scene.log.execute(f"INSERT INTO actions VALUES ({', '.join('?' * len(row))})", list(row.values()))
    rehash(scene.log)
    _say_last(scene)
    return Tampering((f"#{scene.seen}",), needs_checkpoint=True)


def append_a_flag(scene: Scene) -> Tampering:
    """A well-chained entry that nobody made, and that changed no case."""
    (seq,) = scene.log.execute(
        "SELECT seq FROM actions WHERE json_extract(after, '$.version') IS NOT NULL ORDER BY random() LIMIT 1"
    ).fetchone()
    after = json.loads(_row(scene, seq)["after"]) | {"status": "flagged", "version": 99, "grounds": None}
    text = json.dumps(after, sort_keys=True, separators=(",", ":"))
    row = _row(scene, seq) | {"seq": scene.last + 1, "uuid": "made-up", "after": text, "verb": "flag", "corrects": None}
    scene.log.execute(f"INSERT INTO actions VALUES ({', '.join('?' * len(row))})", list(row.values()))
    rehash(scene.log)
    _say_last(scene)
    return Tampering((f"#{scene.last + 1}",), in_export=False)


def edit_and_rehash(scene: Scene) -> Tampering:
    """A hashed column is edited, and all chained anew."""
    seq = scene.chance.randint(1, scene.seen)
    column = scene.chance.choice(("actor", "note", "at", "batch", "uuid", "privileged"))
    was = _row(scene, seq)[column]
    _edit(scene, seq, column, 1 - was if column == "privileged" else other_value(was, scene.chance))
    rehash(scene.log)
    return Tampering((f"#{scene.seen}",), needs_checkpoint=True)


def edit_evidence_and_rehash(scene: Scene) -> Tampering:
    """What an import's entry counts or seals is edited, and all chained anew."""
    seqs = [
        seq for (seq,) in scene.log.execute("SELECT seq FROM actions WHERE verb = 'import' AND seq <= ?", (scene.seen,))
    ]
    seq = scene.chance.choice(seqs)
    after = json.loads(_row(scene, seq)["after"])
    if scene.chance.random() < 0.5:
        after["records"] += 1
    else:
        after["evidence"] = "0" * 64
    _edit(scene, seq, "after", json.dumps(after, sort_keys=True, separators=(",", ":")))
    rehash(scene.log)
    return Tampering(("up to entry",), needs_checkpoint=True)


def replace_the_log(scene: Scene) -> Tampering:
    """The log of another store, whole and well chained."""
    with closing(sqlite3.connect(scene.other)) as other:
        rows = other.execute("SELECT * FROM actions ORDER BY seq").fetchall()
    scene.log.execute("DELETE FROM actions")
    scene.log.executemany(f"INSERT INTO actions VALUES ({', '.join('?' * len(rows[0]))})", rows)
    _say_last(scene)
    return Tampering(("incident",), in_export=False)


def replace_the_log_under_a_checkpoint(scene: Scene) -> Tampering:
    """The same, held against a checkpoint."""
    replace_the_log(scene)
    return Tampering(("incident", f"#{scene.seen}"), needs_checkpoint=True)


def swap_uuids(scene: Scene) -> Tampering:
    """Two entries change their uuids, and perhaps all is chained anew."""
    first, second = scene.chance.sample(range(1, scene.seen + 1), 2)
    one, two = (_row(scene, seq)["uuid"] for seq in (first, second))
    for seq, uuid in ((first, "passing"), (second, one), (first, two)):
        _edit(scene, seq, "uuid", uuid)
    if scene.chance.random() < 0.5:
        return Tampering((f"#{first}",))
    rehash(scene.log)
    return Tampering((f"#{scene.seen}",), needs_checkpoint=True)


def empty_the_log(scene: Scene) -> Tampering:
    """Nothing is left of it."""
    scene.log.execute("DELETE FROM actions")
    if scene.chance.random() < 0.5:
        scene.log.execute("DELETE FROM sqlite_sequence")
    return Tampering(("the log is empty",))


def forge_the_last_hash(scene: Scene) -> Tampering:
    """No entry follows that would show it."""
    _edit(scene, scene.last, "hash", f"{scene.chance.getrandbits(256):064x}")
    return Tampering((f"#{scene.last}",))


def change_the_memory(scene: Scene) -> Tampering:
    """What SQLite remembers of the last entry."""
    scene.log.execute(
        scene.chance.choice(
            (
                "UPDATE sqlite_sequence SET seq = seq + 3",
                "UPDATE sqlite_sequence SET seq = seq - 3",
                "DELETE FROM sqlite_sequence",
            )
        )
    )
    return Tampering(("sqlite_sequence", f"#{scene.last + 1}"), in_export=False)


def unreadable_text(scene: Scene) -> Tampering:
    """Bytes that are no text."""
    seq = scene.chance.randint(1, scene.last)
    column = scene.chance.choice(("actor", "note", "after", "batch"))
    scene.log.execute(f"UPDATE actions SET {column} = CAST(x'41ff42' AS TEXT) WHERE seq = ?", (seq,))
    return Tampering((f"#{seq}",))


KINDS: dict[Callable[[Scene], Tampering], int] = {
    edit_a_column: 16,
    rewrite_json: 3,
    delete_entries: 2,
    delete_and_close_ranks: 2,
    reorder: 2,
    reorder_and_rehash: 1,
    cut_the_end: 1,
    cut_the_end_and_the_memory: 2,
    insert_an_entry: 2,
    insert_and_rehash: 1,
    append_a_flag: 1,
    edit_and_rehash: 3,
    edit_evidence_and_rehash: 1,
    replace_the_log: 1,
    replace_the_log_under_a_checkpoint: 1,
    swap_uuids: 2,
    empty_the_log: 1,
    forge_the_last_hash: 1,
    change_the_memory: 1,
    unreadable_text: 1,
}
