"""The audit pane: one partner's remediation, step by step, what is missing, what is late, and the notes.

It asks nothing: it is shown a `Track` and the partner's row.
"""

from typing import ClassVar

from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style
from textual.binding import BindingType
from textual.content import Content
from textual.geometry import Size
from textual.scroll_view import ScrollView
from textual.strip import Strip

from store.audits import LETTERS, SIDE_STATES, TRACK, Step, Track
from store.partners import PartnerRow
from tui.keys import bindings
from tui.text import clean, count, day, fit, lag, number, step_words

Run = tuple[str, str]

_LABEL = 17
_NARROW_LABEL = 15
_NARROW = 40
_MOST_WHO = 12


def wrapped(text: str, width: int, *, most: int = 20) -> list[str]:
    """Clean text in lines of at most `width` cells, broken at blanks where there are any; at most so many lines."""
    lines: list[str] = []
    line = ""
    for word in clean(text, 4_000).split(" "):
        joined = f"{line} {word}" if line else word
        if cell_len(joined) <= width:
            line = joined
            continue
        if line:
            lines.append(line)
        line = word
        while cell_len(line) > max(width, 2):
            piece = _head(line, max(width, 2))
            lines.append(piece)
            line = line[len(piece) :]
    lines.append(line)
    return lines if len(lines) <= most else [*lines[: most - 1], "…"]


def _head(text: str, width: int) -> str:
    """As many characters from the front as fit into `width` cells; at least one."""
    end = 1
    while end < len(text) and cell_len(text[: end + 1]) <= width:
        end += 1
    return text[:end]


def audit_lines(track: Track | None, row: PartnerRow | None, width: int) -> list[list[Run]]:
    """The pane's lines, as `(text, style name)` runs; each at most `width` cells.

    Args:
        track: None while it is not known: then only what the row tells is shown.
        row: None for no partner.
    """
    if track is None and row is None:
        return [[(fit("put the cursor on a partner to see its track", width), "quiet")]]
    lines: list[list[Run]] = []
    if track is not None:
        who = min(max((cell_len(clean(step.by, 40)) for step in track.steps), default=0), _MOST_WHO)
        lines += [_track_line(track, step, width, who) for step in (*TRACK[:-2], _verdict(track))]
        lines += [_side_line(step, width, who) for step in track.steps if step.step in SIDE_STATES]
    if row is not None:
        lines += _evidence_lines(row, width)
    if track is not None:
        lines += _note_lines(track, width)
    return lines


def _verdict(track: Track) -> str:
    """The audit's outcome: passed is what is missing as long as it has not failed."""
    passed, failed = track.done.get("audit_passed"), track.done.get("audit_failed")
    return "audit_failed" if failed is not None and (passed is None or failed.at > passed.at) else "audit_passed"


def _label(name: str, width: int) -> str:
    return f"{LETTERS[name]} {fit(step_words(name), _LABEL if width >= _NARROW else _NARROW_LABEL)}"


def _track_line(track: Track, name: str, width: int, who: int) -> list[Run]:
    step = track.done.get(name)
    label = _label(name, width)
    is_next = name == track.next_step or (name == "audit_passed" and track.next_step == "audit_failed")
    if step is None:
        line: list[Run] = [(label, "strong" if is_next else "quiet")]
        if not is_next or width >= _NARROW:
            line.append(("none", "quiet"))
        if is_next:
            line.append(_due_run(track, width))
        return _cut(line, width)
    have, of = track.apps_done.get(name, (0, 0))
    apps = f"{have} of {count(of, 'app')}" if of and (have < of or name == "access_removed") else ""
    line = [(label, "alarm" if name == "audit_failed" else "done"), (_dated(step, who), "")]
    if is_next:
        line.append(_due_run(track, width))
    said = "  ".join(part for part in (apps, _details(step)) if part)
    return _cut([*line, (f" {said}", "quiet")], width)


def _due_run(track: Track, width: int) -> Run:
    """What is due of the next step; in few cells a `!` and the date."""
    style = "alarm" if track.overdue else "strong"
    if track.due is None:
        return " next" if width >= _NARROW else "next", style
    if width < _NARROW:
        return f"{'! ' if track.overdue else 'due '}{day(track.due)}", style
    return f"{' ! late' if track.overdue else ' next'}, due {day(track.due)}", style


def _dated(step: Step, who: int) -> str:
    return f"{day(step.at)} {fit(clean(step.by, 40), who)}"


def _details(step: Step) -> str:
    """What else a step says: its app, its due date, its evidence, its note."""
    parts = [
        f"app {clean(step.app_id, 40)}" if step.app_id is not None else "",
        f"due {day(step.due)}" if step.due is not None else "",
        clean(step.evidence, 80) if step.evidence else "",
        clean(step.note, 200) if step.note else "",
    ]
    return "  ".join(part for part in parts if part)


def _side_line(step: Step, width: int, who: int) -> list[Run]:
    return _cut([(_label(step.step, width), "alarm"), (_dated(step, who), ""), (f" {_details(step)}", "quiet")], width)


def _evidence_lines(row: PartnerRow, width: int) -> list[list[Run]]:
    """What the log says of this partner, beside what it was asked and said."""
    lines: list[list[Run]] = []
    if row.after_removal:
        first = "" if row.first_lag is None else f", first {lag(row.first_lag)}"
        lines.append(_cut([(f"! {count(row.after_removal, 'read')} after removal{first}", "alarm")], width))
    at_least = "≥" if row.without_subject else ""
    said = f"{at_least}{count(row.people, 'person')}, {count(row.events, 'read')}"
    lines.append(
        _cut([(fit("Log says", _LABEL + 2), "quiet"), (said if row.events else "no restricted read found", "")], width)
    )
    if row.without_subject:
        lines.append(
            _cut([(" " * (_LABEL + 2), ""), (f"{number(row.without_subject)} of them name no person", "quiet")], width)
        )
    return lines


def _note_lines(track: Track, width: int) -> list[list[Run]]:
    lines = [_cut([(f"Notes {len(track.notes)}", "quiet")], width)]
    for at, actor, text, privileged in track.notes:
        head: list[Run] = [(f"{day(at)} ", "strong"), ("PRIVILEGED " if privileged else "", "alarm")]
        lines.append(_cut([*head, (clean(actor, 40), "strong")], width))
        lines += [_cut([("  ", ""), (line, "")], width) for line in wrapped(text, max(width - 2, 1))]
    return lines


def _cut(runs: list[Run], width: int) -> list[Run]:
    """The runs cut to `width` cells; a cut is shown by `…`."""
    kept: list[Run] = []
    room = width
    for text, style in runs:
        cells = cell_len(text)
        if cells > room:
            kept.append((fit(text, room), style))
            break
        kept.append((text, style))
        room -= cells
    return kept


class AuditPane(ScrollView, can_focus=True):
    """One partner's track; `show` it every time the partner or the track changes.

    | Component class | What |
    |---|---|
    | `audit--done`, `audit--quiet`, `audit--strong`, `audit--alarm` | a step done, missing, next, and what is wrong |
    """

    BINDINGS: ClassVar[list[BindingType]] = [*bindings("moves")]
    COMPONENT_CLASSES: ClassVar[set[str]] = {"audit--done", "audit--quiet", "audit--strong", "audit--alarm"}
    DEFAULT_CSS = """
    AuditPane {
        border: round $rule-line;
        border-title-color: $quiet;
        border-subtitle-color: $quiet;
        overflow-x: hidden;
        overflow-y: auto;
        scrollbar-size-vertical: 1;
        &:focus {
            border: round $rule-line-focus;
            border-title-color: $head;
        }
        & .audit--done { color: $success; }
        & .audit--quiet { color: $quiet; }
        & .audit--strong { color: $head; text-style: bold; }
        & .audit--alarm { color: $error; text-style: bold; }
    }
    """

    def __init__(self, *, heading: str = "3 Deletion", id: str | None = None, classes: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id, classes=classes)
        self._heading = heading
        self._track: Track | None = None
        self._row: PartnerRow | None = None
        self._lines: list[list[Run]] = []
        self._drawn_for = -1

    def show(self, track: Track | None, row: PartnerRow | None) -> None:
        """Draw a partner's track; None while it is not known, or where there is no partner."""
        partner = None if self._row is None else self._row.partner
        self._track, self._row = track, row
        self._drawn_for = -1
        if row is None or row.partner != partner:
            self.scroll_to(y=0, animate=False, force=True)
        self.border_subtitle = Content("" if track is None else clean(track.letters))
        self._measure()
        self.refresh()

    def action_go(self, where: str) -> None:
        """Scroll: `down`, `up`, `first`, `last`, `page_down`, `page_up`, `half_down`, `half_up`."""
        page = max(self.scrollable_content_region.height, 1)
        steps = {"down": 1, "up": -1, "first": -(10**6), "last": 10**6, "page_down": page, "page_up": -page}
        steps |= {"half_down": max(page // 2, 1), "half_up": -max(page // 2, 1)}
        self.scroll_to(y=self.scroll_offset.y + steps[where], animate=False, force=True)

    def on_resize(self) -> None:
        """Lines are as wide as there is room."""
        self._measure()

    def notify_style_update(self) -> None:
        """Another theme: draw with its colours."""
        super().notify_style_update()
        self.refresh()

    def render_line(self, y: int) -> Strip:
        """One line in view."""
        width = self.scrollable_content_region.width
        if width != self._drawn_for:
            self._measure()
        base = self.rich_style
        at = y + self.scroll_offset.y
        if at >= len(self._lines):
            return Strip.blank(width, base)
        segments = [Segment(text, base + self._style(name)) for text, name in self._lines[at]]
        return Strip(segments).adjust_cell_length(width, base)

    def _measure(self) -> None:
        """Lay the lines out for the width there is now."""
        width = self.scrollable_content_region.width
        self.border_title = self._title(width)
        self._lines = audit_lines(self._track, self._row, width)
        self._drawn_for = width
        self.virtual_size = Size(0, len(self._lines))

    def _title(self, width: int) -> Content:
        """The partner and what comes next; in few cells only what comes next."""
        track, row = self._track, self._row
        following = "" if track is None else f"  next: {_next_words(track)}"
        name = clean(track.name if track is not None else row.name if row is not None else "", 60)
        room = width - cell_len(self._heading) - cell_len(following) - 6
        name = fit(name, min(cell_len(name), room)) if room >= 6 else ""
        return Content.assemble(f"{self._heading}  " if name else self._heading, (name, "bold"), following)

    def _style(self, name: str) -> Style:
        return self.get_component_rich_style(f"audit--{name}", partial=True) if name else Style()


def _next_words(track: Track) -> str:
    """What comes next, in words."""
    return "nothing, the audit passed" if track.next_step is None else step_words(track.next_step)
