"""The record: entries of the action log, and steps that were imported, as lines a person reads.

It knows the log's verbs and what they leave in `after`; it asks nothing.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, NamedTuple

from store.audits import LETTERS, Step
from store.ledger import SYSTEM, Action
from store.step_details import Details, details_words
from store.words import POPULATIONS, clock_words, population_words
from tui.text import GROUNDS_WORDS, clean, day, instant, step_words

# So many digits of a hash tell one file from another at a glance.
_HASH = 4


class Entry(NamedTuple):
    """One line of the record; every text is clean.

    Attributes:
        at: when it was recorded, microseconds UTC; for an imported step, when it took effect.
        who: who did it; `sys` for the tool itself.
        letter: of the status or step it leads to; empty for the rest.
        what: in a word or two.
        text: the note and whatever else there is to tell.
        alarm: whether it is bad news.
        action: the log's entry; None for an imported step.
        step: the imported step.
        set_back: by how much the clock went backwards since the entry before it, in microseconds; None: it did not.
    """

    at: int
    who: str
    letter: str
    what: str
    text: str
    privileged: bool
    alarm: bool
    action: Action | None
    step: Step | None
    set_back: int | None = None


def entries_of(
    actions: Sequence[Action], steps: Iterable[Step] = (), *, set_back: Mapping[int, int] = MappingProxyType({})
) -> list[Entry]:
    """The record, newest first: actions in the order of their sequence, imported steps among them by date.

    Args:
        actions: oldest first.
        steps: of the track; those that the log tells already are left out.
        set_back: what `ledger.clock_went_back` answers.
    """
    placed: list[tuple[int, int, int, Entry]] = []
    latest = actions[0].at if actions else 0
    for action in actions:
        latest = max(latest, action.at)
        placed.append((latest, action.seq, 0, entry_of(action, set_back.get(action.seq))))
    imported = [step for step in steps if step.seq is None]
    placed += [(step.at, 0, place, _imported(step)) for place, step in enumerate(imported)]
    return [entry for *_, entry in sorted(placed, key=lambda one: one[:3], reverse=True)]


def entry_of(action: Action, set_back: int | None = None) -> Entry:
    """A line for one entry of the log; what it does not know it shows as the log has it.

    Args:
        action: the entry.
        set_back: see `Entry`; said first, for a reader of the times must not miss it.
    """
    after = _document(action.after)
    letter, what, told = _told(action.verb, after)
    note = "" if action.note is None or action.verb in ("undo", "redo") else action.note
    return Entry(
        at=action.at,
        who="sys" if action.actor == SYSTEM else clean(action.actor, 40),
        letter=letter,
        what=what,
        text=clean("  ".join(part for part in (_clock(set_back), told, note) if part), 1_000),
        privileged=action.privileged,
        alarm=action.verb == "reopen" and action.actor == SYSTEM,
        action=action,
        step=None,
        set_back=set_back,
    )


def _clock(set_back: int | None) -> str:
    return "" if set_back is None else clock_words(set_back)


def _imported(step: Step) -> Entry:
    return Entry(
        at=step.at,
        who=clean(step.by, 40),
        letter=LETTERS.get(step.step, ""),
        what=step_words(step.step),
        text=clean("  ".join(part for part in (_due(step.due), _app(step.app_id), step.note or "") if part), 1_000),
        privileged=False,
        alarm=step.step in ("contradicted", "audit_failed"),
        action=None,
        step=step,
    )


def _due(at: int | None) -> str:
    return "" if at is None else f"due {day(at)}"


def _app(app_id: str | None) -> str:
    return "" if app_id is None else f"app {app_id}"


def _document(text: str | None) -> dict[str, Any]:
    """The JSON object in a log's column; empty where there is none."""
    document = json.loads(text) if text else {}
    return document if isinstance(document, dict) else {}


def _told(verb: str, after: dict[str, Any]) -> tuple[str, str, str]:
    """Letter, word, and what the entry's `after` tells."""
    if verb == "flag":
        return "F", "flagged", ""
    if verb == "clear":
        grounds = str(after.get("grounds"))
        overridden = " (override)" if (after.get("rests_on") or {}).get("override") else ""
        return "x", "closed", f"{GROUNDS_WORDS.get(grounds, grounds)}{overridden}"
    if verb == "ask":
        grounds = str((after.get("asked") or {}).get("grounds"))
        return "", "asked to close", GROUNDS_WORDS.get(grounds, grounds)
    if verb == "reopen":
        return "o", "reopened", ""
    if verb == "assign":
        assignee = after.get("assignee")
        return "", "assigned", "to nobody" if assignee is None else f"to {assignee}"
    if verb == "step":
        return _told_step(after.get("step") or {})
    if verb == "sample":
        drawn = after.get("sample") or {}
        return "", "sample drawn", f"{drawn.get('size', '?')} of {drawn.get('population', '?')} people"
    if verb in ("undo", "redo"):
        corrected = after.get("corrected") or {}
        return "", verb, f"of #{corrected.get('seq', '?')} {corrected.get('verb', '')}".rstrip()
    if verb == "import":
        return "", "import", " ".join(str(after[name]) for name in ("file", "kind", "format") if after.get(name))
    if verb == "populations":
        return "", verb, _told_populations(after)
    return "", clean(verb.replace("_", " "), 24), ""


def _told_populations(after: dict[str, Any]) -> str:
    """`+3 read`; of a damaged entry, what it does tell."""
    told = []
    for population in POPULATIONS:
        counts = after.get(population)
        ways = [counts.get(way) if isinstance(counts, dict) else None for way in ("entered", "left")]
        entered, left = (count if isinstance(count, int) else 0 for count in ways)
        told.append(population_words(population, entered, left))
    return "partners: " + ", ".join(filter(None, told))


def _told_step(step: dict[str, Any]) -> tuple[str, str, str]:
    name = str(step.get("step", ""))
    parts = (
        _said(step.get("details") or {}),
        str(step.get("at") or ""),
        f"due {step['due']}" if step.get("due") else "",
        f"app {step['app_id']}" if step.get("app_id") else "",
        _proof(step.get("evidence") or {}),
    )
    return LETTERS.get(name, ""), clean(step_words(name), 24), "  ".join(part for part in parts if part)


def _said(details: dict[str, Any]) -> str:
    """What a step says beyond its date; what it does not know is left out."""
    known = {name: details.get(name) for name in Details._fields}
    return details_words(Details(**known)) if any(value is not None for value in known.values()) else ""


def _proof(evidence: object) -> str:
    """The name of the file that shows a step, and the first digits of its hash."""
    if not isinstance(evidence, dict):
        return str(evidence)
    digits = str(evidence.get("sha256") or "")[:_HASH]
    return f"{evidence.get('file_name') or evidence.get('name') or ''} {digits}".strip()


def entry_details(entry: Entry) -> list[tuple[str, str]]:
    """Everything about an entry, name and value, for the box that `enter` opens."""
    if entry.action is None:
        step = entry.step
        details = [("Took effect", instant(entry.at)), ("By", entry.who), ("Step", entry.what), ("Told", entry.text)]
        return details if step is None else [*details, ("Evidence", step.evidence or "none")]
    action = entry.action
    return [
        ("Entry", f"#{action.seq}" + (f", corrects #{action.corrects}" if action.corrects is not None else "")),
        ("Recorded", instant(action.at) + ("" if entry.set_back is None else f" - {_clock(entry.set_back)}")),
        ("By", action.actor),
        ("What", f"{entry.what}  {_told(action.verb, _document(action.after))[2]}".rstrip()),
        ("Partner", action.partner_id or "none: it is about the whole incident"),
        ("Note", (action.note or "none") + ("   PRIVILEGED" if action.privileged else "")),
        ("Before", action.before or "nothing"),
        ("After", action.after or "nothing"),
        ("Action id", action.uuid),
        ("Hash", action.hash),
    ]
