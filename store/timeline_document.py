"""A timeline as `python -m store timeline --json` prints it (INTERFACE)."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from store.instants import format_instant

if TYPE_CHECKING:
    from store.timeline import Timeline
    from store.weeks import Week

VERDICTS = ("improper", "undetermined", "allowed_by_opt_in", "allowed_by_exemption", "allowed", "denied")


def timeline_document(answer: "Timeline", weeks: "Iterable[Week] | None" = None) -> dict[str, object]:
    """The document, every instant ISO 8601 with `Z`.

    Args:
        weeks: told too where they are given: see `store.weeks`.
    """
    document: dict[str, object] = {
        "from": format_instant(answer.from_at),
        "until": format_instant(answer.until_at),
        "bins": [
            {**_interval(each.from_at, each.until_at), **{verdict: getattr(each, verdict) for verdict in VERDICTS}}
            for each in answer.bins
        ],
        "markers": [
            {"at": format_instant(marker.at), "kind": marker.kind, "text": marker.text} for marker in answer.markers
        ],
        "markers_left_out": answer.markers_left_out,
        "gaps": [{**_interval(gap.from_at, gap.until_at), "source": gap.source} for gap in answer.gaps],
        "could_read": _intervals(answer.could_read),
        "rules": _intervals(answer.rules),
        "coverage": [
            {"source": each.source, "basis": each.basis, "intervals": _intervals(each.intervals)}
            for each in answer.coverage
        ],
    }
    if weeks is not None:
        document["weeks"] = [
            {
                **_interval(week.from_at, week.until_at),
                "partners": week.partners,
                "people": week.people,
                "events": week.events,
                "days": week.days,
                "logged_days": week.logged_days,
            }
            for week in weeks
        ]
    return document


def _interval(from_at: int, until_at: int) -> dict[str, str]:
    return {"from": format_instant(from_at), "until": format_instant(until_at)}


def _intervals(intervals: Iterable[tuple[int, int]]) -> list[dict[str, str]]:
    return [_interval(start, end) for start, end in intervals]
