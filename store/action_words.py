"""What an entry of the action log did, in words; what the data says in them is as the data has it."""

import json

from store.ledger import Action
from store.words import clock_words

# In the JSON, and no news to a reader of the table.
_DULL = frozenset(
    {"version", "sha256", "path", "size", "options", "content_id", "state", "settled", "evidence", "extra_columns"}
    | {"started_at", "started_by", "completed_at", "ignored_columns", "import_id", "known_events"}
)
_NOTHING: tuple[object, ...] = (None, "", [], {})


def change_words(entry: Action) -> str | None:
    """What an entry changed: `open -> flagged`, or the facts it recorded."""
    if entry.after is None:
        return None
    before = json.loads(entry.before) if entry.before else None
    after = json.loads(entry.after)
    if isinstance(before, dict) and isinstance(after, dict):
        changed = [key for key in after if key not in _DULL and after[key] != before.get(key)]
        return "; ".join(f"{key} {_fact(before.get(key))} -> {_fact(after[key])}" for key in changed) or None
    if isinstance(after, dict):
        return ", ".join(
            f"{key} {_fact(value)}" for key, value in after.items() if key not in _DULL and value not in _NOTHING
        )
    return _fact(after)


def _fact(value: object) -> str:
    if value is None:
        return "none"
    if isinstance(value, list) and all(isinstance(item, str) for item in value):
        return "|".join(value)
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def note_words(entry: Action, set_back: int | None) -> str | None:
    """An entry's note, with what the reader must know of it.

    Args:
        set_back: by how much the clock went back before it, microseconds; None: it did not.
    """
    told = entry.note is not None and entry.note.startswith("corrects #")
    parts = [
        clock_words(set_back) if set_back is not None else "",
        f"corrects #{entry.corrects}" if entry.corrects and not told else "",
        "privileged" if entry.privileged else "",
    ]
    said = ", ".join(part for part in parts if part)
    if entry.note is None or not said:
        return entry.note or said or None
    return f"({said}) {entry.note}"
