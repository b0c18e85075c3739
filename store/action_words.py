"""What an entry of the action log did, in words; what the data says in them is as the data has it."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from store.ledger import Action
from store.words import GROUNDS, clock_words, status_words, step_words

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


def case_words(entry: Action) -> str | None:
    """What an entry made of a case, in the words of the screens: `open -> closed: audit passed; owner bo -> ana`."""
    before, after = (None if text is None else json.loads(text) for text in (entry.before, entry.after))
    if not isinstance(after, dict):
        return None if after is None else _fact(after)
    told = [*_standing_words(before, after), *_recorded_words(after)]
    return "; ".join(told) or None


def _standing_words(before: object, after: Mapping[str, Any]) -> Iterator[str]:
    if not isinstance(before, dict) or "status" not in before or "status" not in after:
        return
    then, now = (status_words(each["status"], each.get("grounds")) for each in (before, after))
    if then != now:
        yield f"{then} -> {now}"
        rests_on = after.get("rests_on")
        if isinstance(rests_on, dict):
            covered, days = rests_on.get("covered_days"), rests_on.get("coverage_days")
            yield f"with {_fact(covered)} of {_fact(days)} days logged"
            if rests_on.get("override"):
                yield "against the evidence (overridden)"
    if before.get("assignee") != after.get("assignee"):
        yield f"owner {before.get('assignee') or 'nobody'} -> {after.get('assignee') or 'nobody'}"
    asked = after.get("asked")
    if isinstance(asked, dict) and asked != before.get("asked"):
        yield f"asked to close as {GROUNDS.get(asked.get('grounds', ''), 'other')}, waiting for a second person"


def _recorded_words(after: Mapping[str, Any]) -> Iterator[str]:
    step, corrected, sample = (after.get(name) for name in ("step", "corrected", "sample"))
    if isinstance(step, dict):
        parts = [
            f"{step_words(str(step.get('step')))} {step.get('at') or ''}".strip(),
            "" if step.get("app_id") is None else f"app {step['app_id']}",
            "" if step.get("due") is None else f"answer due {step['due']}",
            _evidence_words(step.get("evidence")),
        ]
        yield ", ".join(filter(None, parts))
    if isinstance(corrected, dict):
        how = "brings back" if corrected.get("in_force") else "takes back"
        yield f"{how} #{corrected.get('seq')} ({corrected.get('verb')})"
    if isinstance(sample, dict):
        yield f"{_fact(sample.get('size'))} of {_fact(sample.get('population'))} people drawn"


def _evidence_words(evidence: object) -> str:
    if isinstance(evidence, dict):
        return f"evidence {evidence.get('file_name') or evidence.get('file') or 'kept'}"
    return f"evidence {evidence}" if isinstance(evidence, str) else ""


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
