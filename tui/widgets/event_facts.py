"""Everything about one event in words, name and value: what the log told, why its verdict, and the raw record."""

from store.events import EventRow
from store.instants import format_instant
from store.raw_record import CHANGED, MISSING, SHOWN, UNREADABLE, WITHHELD, RawAnswer
from store.why import Why
from store.why_words import holder_lines, removal_lines, verdict_lines
from tui.text import VERDICT_WORDS, number

Facts = list[tuple[str, str]]

_UNKNOWN = "not in the log"
_STATES = {
    WITHHELD: "withheld",
    MISSING: "the file is not there",
    CHANGED: "the file is another now",
    UNREADABLE: "the file cannot be read",
}


def event_details(row: EventRow) -> Facts:
    """Everything the log told of an event."""
    after = "   after removal, no re-grant" if row.after_removal else ""
    return [
        ("Occurred", format_instant(row.occurred_at)),
        ("Verdict", VERDICT_WORDS.get(row.verdict, row.verdict) + after),
        ("Rule", row.rule or "no rule restricts it"),
        ("Outcome", row.outcome),
        ("App", f"{row.app_name} ({row.app_id})"),
        ("Partner", row.partner_id),
        ("Data classes", ", ".join(row.data_classes)),
        ("Person", row.subject_id or _UNKNOWN),
        ("Resource", row.resource_id or _UNKNOWN),
        ("Endpoint", row.endpoint or _UNKNOWN),
        ("Records", _UNKNOWN if row.records is None else number(row.records)),
        ("Bytes", _UNKNOWN if row.bytes is None else number(row.bytes)),
        ("Ip", row.ip or _UNKNOWN),
        ("Event id", row.event_id or _UNKNOWN),
        ("From", f"import {row.import_id}, {row.file}, record {number(row.record_no)}"),
    ]


def why_facts(answer: Why) -> Facts:
    """Why it has its verdict, and whether it is after a removal."""
    removals = removal_lines(answer) if answer.event.verdict in ("improper", "denied") else []
    return verdict_lines(answer) + removals


def source_facts(answer: Why) -> Facts:
    """Which imports hold it."""
    return holder_lines(answer)


def raw_facts(answer: RawAnswer) -> Facts:
    """The raw record, or why it is not shown; the file and its hash."""
    if answer.state != SHOWN:
        return [
            ("Not shown", f"{_STATES[answer.state]}: {answer.reason}"),
            ("", "what is shown above is what the store keeps of it"),
            ("File", answer.path),
            ("SHA-256", f"{answer.sha256} when it was imported"),
        ]
    facts: Facts = [] if answer.header is None else [("Header", answer.header)]
    for place, line in enumerate(answer.text.splitlines() or [""]):
        facts.append(("Record" if place == 0 else "", line))
    if answer.redacted:
        facts.append(("", "secrets were taken out"))
    return [*facts, ("File", answer.path), ("SHA-256", f"{answer.sha256}, still the same")]
