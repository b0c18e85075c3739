"""The stages as JSON: see `store.stages`."""

from store.incident_clocks import clock_document
from store.instants import format_day, format_instant
from store.stages import StageLine, Stages
from store.words import step_words


def stages_document(answer: Stages, stage: str | None = None) -> dict[str, object]:
    """The stages as `python -m store stages --json` prints them; the partners of one stage where it is asked for."""
    document: dict[str, object] = {
        "as_of": format_instant(answer.as_of),
        "today": format_instant(answer.today),
        "rulebook_sha256": answer.rulebook_sha256,
        "partners": answer.partners,
        "people": answer.accessed.people,
        "qualifier": answer.accessed.qualifier,
        "incident": [
            {
                "step": duty.step,
                "done": None if duty.done is None else _when(duty.done.at, is_date=duty.done.at_is_date),
                "clock": None if duty.clock is None else clock_document(duty.clock),
            }
            for duty in answer.duties
        ],
        "stages": [
            {
                **row._asdict(),
                "words": step_words(row.stage),
                "oldest_at": None if row.oldest_at is None else format_instant(row.oldest_at),
                "due": None if row.due is None else format_day(row.due),
            }
            for row in answer.rows
        ],
    }
    if stage is not None:
        document["stage"] = stage
        document["stage_partners"] = [_line_document(line) for line in answer.lines(stage)]
    return document


def _line_document(line: StageLine) -> dict[str, object]:
    row = line.row
    return {
        "partner_id": row.partner_id,
        "name": row.name,
        "people": row.people,
        "track": row.track,
        "since": None if line.since is None else _when(line.since, is_date=line.since_is_date),
        "due": None if row.due is None else format_day(row.due),
        "overdue": row.overdue,
        "days_left": line.days_left,
        "held_since": None if line.held_since is None else format_day(line.held_since),
        "held_note": line.held_note,
        "no_response": "no_response" in row.side_states,
        "contact": line.contact,
        "assignee": row.assignee,
    }


def _when(at: int, *, is_date: bool) -> str:
    return format_day(at) if is_date else format_instant(at)
