"""Everything about one event in words, name and value: what the log told, why its verdict, and the raw record.

What the command line and the dashboard say. Texts of the data are in it as they are: whoever shows them cleans them.
"""

from store.events import EventRow
from store.instants import format_instant
from store.raw_record import CHANGED, MISSING, SHOWN, UNREADABLE, WITHHELD, RawAnswer
from store.why import Why
from store.why_words import Line, holder_lines, removal_lines, verdict_lines
from store.words import VERDICTS, count_words

_UNKNOWN = "not in the log"
_STATES = {
    WITHHELD: "withheld",
    MISSING: "the file is not there",
    CHANGED: "the file is another now",
    UNREADABLE: "the file cannot be read",
}


def event_lines(row: EventRow) -> list[Line]:
    """Everything the log told of an event."""
    after = "   after removal, no re-grant" if row.after_removal else ""
    return [
        ("Occurred", format_instant(row.occurred_at)),
        ("Verdict", VERDICTS.get(row.verdict, row.verdict) + after),
        ("Rule", row.rule or "no rule restricts it"),
        ("Outcome", row.outcome),
        ("App", f"{row.app_name} ({row.app_id})"),
        ("Partner", row.partner_id),
        ("Data classes", ", ".join(row.data_classes)),
        ("Person", row.subject_id or _UNKNOWN),
        ("Resource", row.resource_id or _UNKNOWN),
        ("Endpoint", row.endpoint or _UNKNOWN),
        ("Records", _UNKNOWN if row.records is None else count_words(row.records)),
        ("Bytes", _UNKNOWN if row.bytes is None else count_words(row.bytes)),
        ("Ip", row.ip or _UNKNOWN),
        ("Event id", row.event_id or _UNKNOWN),
        ("From", f"import {row.import_id}, {row.file}, record {count_words(row.record_no)}"),
    ]


def why_lines(answer: Why) -> list[Line]:
    """Why it has its verdict, whether it is after a removal, and which imports hold it."""
    removals = removal_lines(answer) if answer.event.verdict in ("improper", "denied") else []
    return [*verdict_lines(answer), *removals, *holder_lines(answer)]


def raw_lines(answer: RawAnswer) -> list[Line]:
    """The raw record, or why it is not shown; the file and its hash."""
    if answer.state != SHOWN:
        return [
            ("Not shown", f"{_STATES[answer.state]}: {answer.reason}"),
            ("", "what is shown above is what the store keeps of it"),
            ("File", answer.path),
            ("SHA-256", f"{answer.sha256} when it was imported"),
        ]
    lines: list[Line] = [] if answer.header is None else [("Header", answer.header)]
    for place, line in enumerate(answer.text.splitlines() or [""]):
        lines.append(("Record" if place == 0 else "", line))
    if answer.redacted:
        lines.append(("", "secrets were taken out"))
    return [*lines, ("File", answer.path), ("SHA-256", f"{answer.sha256}, still the same")]
