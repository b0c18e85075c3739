"""What is known of one partner, as lines: why it comes first, the facts, its apps and whether their removal is proven.

Pure functions from the store's answers to `(text, style name)` runs, and the widget that shows such lines.
"""

from collections.abc import Sequence
from typing import ClassVar

from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip
from textual.widget import Widget

from store.apps import FAILED, PROVEN, AppRow
from store.figures import Figures
from store.partners import PartnerRow, row_status
from store.reasons import reason_words, reasons
from store.timeline import Timeline
from tui.text import clean, count, day, fit, lag, last_day, number, qualified, span, within
from tui.widgets.audit_lines import wrapped
from tui.widgets.partner_columns import row_qualifier

Run = tuple[str, str]
Line = list[Run]

_LABEL = 13
_FIRST, _MOST_WHY = "First because: ", 2
_DAY = len("2019-11-05")
# Of a line of an app, all but its name, its client and when it was removed: blanks, last read, counts, proof.
_APP_CELLS = 37
_PROOF_WORDS = {FAILED: "! FAILED", PROVEN: "proven"}


def head_lines(
    row: PartnerRow, figures: Figures | None, flagged_at: int | None, width: int, *, today: int
) -> list[Line]:
    """Who it is and where the case stands, and in one line more, or two, why it comes first.

    Args:
        today: at which work is judged, microseconds UTC.
    """
    letter = {"flagged": "F", "cleared": "x", "open": "o"}.get(row.status or "", "-")
    since = f" {day(flagged_at)}" if flagged_at is not None else ""
    owner = "nobody's" if row.assignee is None else f"owner {clean(row.assignee, 40)}"
    reads = "" if figures is None else f"reads to {last_day(figures.as_of)}Z"
    name = fit(clean(row.name, 80), min(cell_len(clean(row.name, 80)), max(width // 2, 8)))
    first: Line = [
        (name, "strong"),
        (f" {clean(row.partner_id, 40)}   ", "quiet"),
        (f"{letter} {row_status(row)}{since}", "alarm" if row.status == "flagged" else "good"),
    ]
    if row.asked_by is not None:
        first.append((f", {asked_words(row.asked_by)}", "strong"))
    first.append((f"   {owner}   {reads}", "quiet"))
    return [within(first, width), *_why_lines(row, None if figures is None else figures.window_days, width, today)]


def asked_words(asked_by: str) -> str:
    """That a closure waits for a second person."""
    return f"closing asked by {clean(asked_by, 40)}, a second person must confirm"


def _why_lines(row: PartnerRow, window_days: int | None, width: int, today: int) -> list[Line]:
    """Why the partner comes first, the loudest first, in at most two lines."""
    found = reasons(row, today=today, window_days=window_days)
    if not found:
        kept = "kept access" if row.retained else "did not keep access"
        return [within([(f"{kept}; no restricted read found", "quiet")], width)]
    told = reason_words([each._replace(text=clean(each.text, 200)) for each in found])
    lines = wrapped(told, max(width - len(_FIRST), 1))
    if len(lines) > _MOST_WHY:
        lines = [*lines[: _MOST_WHY - 1], f"{lines[_MOST_WHY - 1]} …"]
    return [
        within([(fit("" if place else _FIRST, len(_FIRST)), "quiet"), (line, "")], width)
        for place, line in enumerate(lines)
    ]


def fact_lines(row: PartnerRow, figures: Figures | None, timeline: Timeline | None, width: int) -> list[Line]:
    """Could read, read, people, after removal, and what is not known: scope first, reliability last."""
    qualifier = row_qualifier(row, "at_least" if figures is None else figures.accessed.qualifier)
    lines: list[Line] = [
        [(fit("Could read", _LABEL), "quiet"), (_could_read(row, timeline), "")],
        *_labelled("Read", _read(row), width, "" if row.events else "quiet"),
        [(fit("People", _LABEL), "quiet"), (f"{qualified(row.people, qualifier)}{_records(row)}", "")],
    ]
    if row.after_removal:
        first = "" if row.first_lag is None else f", first {lag(row.first_lag)}"
        lines.append(
            [(fit("! Removal", _LABEL), "alarm"), (f"{count(row.after_removal, 'read')} after it{first}", "alarm")]
        )
    lines += _labelled("Not known", _not_known(row, figures), width)
    return [within(line, width) for line in lines]


def _could_read(row: PartnerRow, timeline: Timeline | None) -> str:
    if timeline is None:
        return ""
    if not timeline.could_read:
        return "by no grant that the registry knows" + (", but it did read" if row.events else "")
    begin, end = timeline.could_read[0][0], timeline.could_read[-1][1]
    until = "still" if end >= timeline.until_at else last_day(end)
    times = len(timeline.could_read)
    return f"{day(begin)} .. {until}" + (f", in {count(times, 'interval')}" if times > 1 else "")


def _read(row: PartnerRow) -> list[str]:
    if row.first_at is None or row.last_at is None:
        return ["no restricted read found"]
    read = f"{count(row.events, 'time')}, {span(row.first_at, row.last_at + 1)}"
    # What no event says is not known: it is no zero.
    return [read, count(row.resources, "resource")] if row.resources else [read]


def _labelled(label: str, parts: list[str], width: int, style: str = "") -> list[Line]:
    """A fact in as many lines as it needs: what is known, and what is not, is never cut."""
    lines = _in_lines(parts, width - _LABEL)
    return [[(fit("" if place else label, _LABEL), "quiet"), (line, style)] for place, line in enumerate(lines)]


def _in_lines(parts: list[str], width: int) -> list[str]:
    """The parts joined by `; `, in as many lines of this many cells as they need; one empty line for none."""
    lines = [""]
    for part in parts:
        joined = f"{lines[-1]}; {part}" if lines[-1] else part
        if lines[-1] and cell_len(joined) > width:
            lines[-1] += ";" if cell_len(lines[-1]) < width else ""
            lines.append(part)
        else:
            lines[-1] = joined
    return lines


def _not_known(row: PartnerRow, figures: Figures | None) -> list[str]:
    parts = []
    if figures is not None and figures.covered_days < figures.coverage_days:
        missing = figures.coverage_days - figures.covered_days
        basis = ", inferred" if figures.coverage_basis == "inferred" else ""
        parts.append(f"{number(missing)} of {count(figures.coverage_days, 'day')} not logged{basis}")
    if row.without_subject:
        parts.append(f"{count(row.without_subject, 'read')} name no person")
    if figures is not None and figures.quarantined:
        parts.append(f"{count(figures.quarantined, 'record')} quarantined")
    return parts or (["complete in the log"] if figures is not None else [])


def app_lines(apps: Sequence[AppRow], width: int) -> list[Line]:
    """A header and the apps, those that read after their removal first."""
    client = min(max((cell_len(clean(app.app_id, 40)) for app in apps), default=0), 12)
    client = max(min(client, width - 58), len("Client"))
    removals = ["not removed" if app.removed_at is None else day(app.removed_at) for app in apps]
    gone = max((cell_len(removed) for removed in removals), default=_DAY)
    name_cells = max(width - client - gone - _APP_CELLS, 8)
    head = f"{fit('App', name_cells)} {fit('Client', client)} {fit('Removed', gone)} Last read   After Denied  Removal"
    lines: list[Line] = [[(head, "quiet")]]
    for app, removed in zip(apps, removals, strict=True):
        last = "none found" if app.last_at is None else day(app.last_at)
        proof = "" if app.proof is None else _PROOF_WORDS.get(app.proof, app.proof)
        lines.append(
            [
                (f"{fit(clean(app.name, 60), name_cells)} ", "strong"),
                (f"{fit(clean(app.app_id, 40), client)} {fit(removed, gone)} {fit(last, _DAY)} ", ""),
                (fit(number(app.after_removal), 6, right=True), "alarm" if app.after_removal else ""),
                (f" {fit(number(app.denied_after), 6, right=True)}  ", ""),
                (proof, "alarm" if app.proof == FAILED else "good" if app.proof == PROVEN else "quiet"),
            ]
        )
    return [within(line, width) for line in lines]


class LinesPane(Widget):
    """Lines of runs, as high as there are lines unless its styles say otherwise.

    | Component class | What |
    |---|---|
    | `lines--quiet`, `lines--strong`, `lines--alarm`, `lines--good` | names, the partner, bad news, good news |
    """

    COMPONENT_CLASSES: ClassVar[set[str]] = {"lines--quiet", "lines--strong", "lines--alarm", "lines--good"}
    DEFAULT_CSS = """
    LinesPane {
        height: auto;
        & .lines--quiet { color: $quiet; }
        & .lines--strong { color: $head; text-style: bold; }
        & .lines--alarm { color: $error; text-style: bold; }
        & .lines--good { color: $success; }
    }
    """

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id, classes=classes)
        self._lines: list[Line] = []

    def show(self, lines: list[Line]) -> None:
        """Draw these lines."""
        changes_height = len(lines) != len(self._lines)
        self._lines = lines
        self.refresh(layout=changes_height)

    def get_content_height(self, container: object, viewport: object, width: int) -> int:
        """One cell a line."""
        return len(self._lines)

    def render_line(self, y: int) -> Strip:
        """One line."""
        width, base = self.content_size.width, self.rich_style
        if y >= len(self._lines):
            return Strip.blank(width, base)
        segments = [
            Segment(text, base + (self.get_component_rich_style(f"lines--{name}", partial=True) if name else Style()))
            for text, name in self._lines[y]
        ]
        return Strip(segments).adjust_cell_length(width, base)


def _records(row: PartnerRow) -> str:
    return f", {number(row.records)} records" if row.records else ""
