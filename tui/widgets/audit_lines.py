"""What the audit pane says of one partner, as items of lines: its track, what speaks against it, people, notes.

Pure functions of the store's answers. Each item knows what it rests on, so that the pane can open it.
"""

from collections.abc import Sequence
from typing import NamedTuple

from rich.cells import cell_len

from store.audits import LETTERS, SIDE_STATES, TRACK, Step, Track
from store.clocks import days_between
from store.contradictions import (
    AFTER_CERTIFICATE,
    AFTER_REMOVAL,
    TOO_FEW,
    Contradiction,
    contradiction_words,
    statement_of,
)
from store.partners import PartnerRow
from store.reasons import due_words
from store.recipients import ANSWERS, NOT_ASKED, SOME, Recipient, recipients
from store.sample_rows import SampleRow
from store.sample_words import result_words
from tui.text import clean, count, day, fit, lag, last_day, number, short_day, step_words, within

Run = tuple[str, str]
Line = list[Run]
Note = tuple[int, str, str, bool]

_LABEL, _SHORT_LABEL = 18, 17
_NARROW = 40
_MOST_WHO = 12
_HASH, _SHORT_NAME = 4, 12
_MOST_LINES = 4


class Missing(NamedTuple):
    """A step of the track that is not recorded."""

    step: str


class Reads(NamedTuple):
    """A partner's restricted reads before as-of; those after a removal alone, where it says so."""

    after_removal: bool


Target = Step | Contradiction | Recipient | SampleRow | Reads | Missing | Note
"""What an item rests on."""


class Item(NamedTuple):
    """Some lines that say one thing, and what they rest on; None where there is nothing behind them."""

    lines: list[Line]
    target: Target | None = None


class Known(NamedTuple):
    """What the pane is told.

    Attributes:
        track: None while it is not known: then only what the row tells is shown.
        row: None for no partner.
        today: at which work is judged, microseconds UTC.
        as_of: up to which the row counts, microseconds UTC; None while it is not known.
        classes: the restricted data classes it read, in words; empty while they are not known.
        samples: those drawn for its audit.
    """

    track: Track | None = None
    row: PartnerRow | None = None
    today: int = 0
    as_of: int | None = None
    classes: str = ""
    samples: Sequence[SampleRow] = ()


def audit_items(known: Known, width: int) -> list[Item]:
    """The pane's items; each line is at most `width` cells."""
    track, row = known.track, known.row
    if track is None and row is None:
        return [Item([[(fit("put the cursor on a partner to see its track", width), "quiet")]])]
    items: list[Item] = []
    if track is not None:
        who = min(max((cell_len(_who(step, width)) for step in track.steps), default=0), _MOST_WHO)
        items += [_track_item(known, track, step, width, who) for step in (*TRACK[:-2], _verdict(track))]
        items += [_side_item(known, step, width, who) for step in track.steps if step.step in SIDE_STATES]
    if row is not None:
        items += _contradiction_items(known, row, width)
        items += _people_items(known, row, width)
    if track is not None:
        items += _recipient_items(known, track, width)
        items += [_sample_item(each, width) for each in known.samples if each.taken_back_by is None]
        items += _note_items(track, width)
    return items


def contradictions_known(track: Track | None, row: PartnerRow | None) -> tuple[Contradiction, ...]:
    """What speaks against a record: the track tells it with names of apps, the row how short a statement is."""
    of_row = () if row is None else row.contradictions
    if track is None:
        return of_row
    return *track.contradictions, *(each for each in of_row if each.kind == TOO_FEW)


def next_words(track: Track) -> str:
    """What comes next, in words: `certificate`, `audit notice`; `nothing, the audit passed`."""
    return "nothing, the audit passed" if track.next_step is None else due_words(track.next_step)


# -- the track ---------------------------------------------------------------------------------------------------------


def _verdict(track: Track) -> str:
    """The audit's outcome: passed is what is missing as long as it has not failed."""
    passed, failed = track.done.get("audit_passed"), track.done.get("audit_failed")
    return "audit_failed" if failed is not None and (passed is None or failed.at > passed.at) else "audit_passed"


def _label(name: str, width: int) -> str:
    return fit(f"{LETTERS[name]} {step_words(name)}", _LABEL if width >= _NARROW else _SHORT_LABEL)


def _head(name: str, step: Step, width: int, who: int, style: str) -> Line:
    return [(_label(name, width), style), (f"{day(step.at)} ", ""), (fit(_who(step, width), who), "")]


def _who(step: Step, width: int) -> str:
    """Who recorded it; where there is little room an import's word is cut short, not its number."""
    return clean(step.by if width >= 60 else step.by.replace("import ", "imp ", 1) if step.seq is None else step.by, 40)


def _track_item(known: Known, track: Track, name: str, width: int, who: int) -> Item:
    step = track.done.get(name)
    is_next = name == track.next_step or (name == "audit_passed" and track.next_step == "audit_failed")
    if step is None:
        line: Line = [(_label(name, width), "strong" if is_next else "quiet")]
        says_none = not is_next or width >= _NARROW
        if says_none:
            line.append(("none", "quiet"))
        if is_next:
            column = len("2019-11-05 ") + who - len("none") + 1 if says_none else 0
            line += _due_runs(known, track, width - _cells(line), column=column)
        return Item([within(line, width)], Missing(name))
    is_contradicted = name == "deletion_certified" and any(
        each.kind == AFTER_CERTIFICATE and each.step == name for each in track.contradictions
    )
    style = "alarm" if name == "audit_failed" or is_contradicted else "good" if name == "audit_passed" else ""
    line = _head(name, step, width, who, style)
    if is_next:
        line += _due_runs(known, track, width - _cells(line))
    if is_contradicted:
        line.append((" CONTRADICTED", "alarm"))
    elif name == "deletion_certified" and not {"audit_passed", "audit_failed"} & track.done.keys():
        # Certified is not verified: the line says so itself.
        line.append((" not verified", "quiet"))
    have, of = track.apps_done.get(name, (0, 0))
    apps = f"{have} of {count(of, 'app')}" if of and (have < of or name == "access_removed") else ""
    # How many apps have it says more than which of them had it last.
    told = step._replace(app_id=None) if apps else step
    parts = [(apps,), *_said(told, known, wants_answer=step in track.open_dues)]
    return Item([within([*line, (_fitting(parts, width - _cells(line)), "quiet")], width)], step)


def _side_item(known: Known, step: Step, width: int, who: int) -> Item:
    line = _head(step.step, step, width, who, "alarm")
    return Item([within([*line, (_fitting(_said(step, known), width - _cells(line)), "")], width)], step)


def _due_runs(known: Known, track: Track, room: int, *, column: int = 1) -> Line:
    """When the next step is due and how late that is; with the basis of its clock where there is room.

    Args:
        column: so many blanks before it put it below what the steps say, where there is room for them.
    """
    if track.due is None:
        words, style = ("on hold" if "on_hold" in track.side_states else "next"), "strong"
    else:
        date, late = short_day(track.due, beside=known.today), days_between(track.due, known.today)
        told = [f"! {number(late)} d late", f", due {date}"] if track.overdue else [f"due {date}"]
        told += [f", {number(-late)} d left"] if late < 0 else []
        basis = next((step.due_basis for step in track.open_dues if step.due == track.due and step.due_basis), None)
        told += [f": {clean(basis, 120)}"] if basis else []
        words, style = told[0], "alarm" if track.overdue else "strong"
        for more in told[1:]:
            if cell_len(words + more) + 1 <= room:
                words += more
    blanks = column if cell_len(words) + column <= room else min(column, 1)
    return [(" " * blanks, ""), (words, style)]


Part = tuple[str, ...]
"""What may be said, the longest way first."""


def _said(step: Step, known: Known, *, wants_answer: bool = False) -> list[Part]:
    """What else a step says, the most important first: until when it wants an answer, its evidence, app and note."""
    due = "" if step.due is None else short_day(step.due, beside=known.today)
    proof: Part = ()
    if step.evidence:
        name, digits = clean(step.evidence, 80), clean(step.evidence_sha256 or "", 64)[:_HASH]
        proof = f"{name} {digits}".rstrip(), f"{fit(name, min(cell_len(name), _SHORT_NAME))} {digits}".rstrip()
    return [
        (f"answer by {due}", f"by {due}") if due and wants_answer else (f"due {due}",) if due else (),
        proof,
        (f"app {clean(step.app_id, 40)}",) if step.app_id is not None else (),
        (clean(step.note, 200),) if step.note else (),
    ]


def _fitting(parts: Sequence[Part], room: int) -> str:
    """The parts that there is room for, in their order, each as long as it can be; the last one may be cut."""
    text = ""
    for part in parts:
        ways = [f"{text}{'  ' if text else ' '}{way}" for way in part if way]
        if not ways:
            continue
        text = next((way for way in ways if cell_len(way) <= room), ways[-1])
        if cell_len(text) > room:
            return fit(text, max(room, 0))
    return text


def _cells(line: Line) -> int:
    return sum(cell_len(text) for text, _ in line)


# -- what the log says against it --------------------------------------------------------------------------------------


def _contradiction_items(known: Known, row: PartnerRow, width: int) -> list[Item]:
    found = contradictions_known(known.track, row)
    items = []
    told_anyway = sum(each.events or 0 for each in found if each.kind == AFTER_REMOVAL)
    if row.after_removal and row.after_removal != told_anyway:
        until = "" if known.as_of is None else f" to {last_day(known.as_of)}"
        text = f"{count(row.after_removal, 'read')} after removal{until}{_first_lag(row)}"
        items.append(Item(_alarm_lines(text, width), Reads(after_removal=True)))
    for each in found:
        if each.kind == TOO_FEW:
            continue
        text = contradiction_words(each)
        if each.kind == AFTER_REMOVAL and row.after_removal == told_anyway:
            text += _first_lag(row)
        items.append(Item(_alarm_lines(text, width), each))
    return items


def _first_lag(row: PartnerRow) -> str:
    return "" if row.first_lag is None else f", first {lag(row.first_lag)}"


def _alarm_lines(text: str, width: int) -> list[Line]:
    lines = wrapped(text, max(width - 2, 1), most=_MOST_LINES)
    return [within([("  " if place else "! ", "alarm"), (line, "alarm")], width) for place, line in enumerate(lines)]


def _people_items(known: Known, row: PartnerRow, width: int) -> list[Item]:
    """What the log says beside what the partner says."""
    label = _LABEL - 4 if width < 60 else _LABEL
    if row.events:
        at_least = "≥" if row.without_subject else ""
        what = clean(known.classes, 200) or count(row.events, "read")
        said = f"{at_least}{count(row.people, 'person')}, {what}"
    else:
        said = "no restricted read found"
    lines = [within([(fit("Log says", label), "quiet"), (said, "")], width)]
    if row.without_subject:
        unnamed = f"{number(row.without_subject)} of its reads name no person"
        lines.append(within([(" " * label, ""), (unnamed, "quiet")], width))
    items = [Item(lines, Reads(after_removal=False) if row.events else None)]
    statement = None if known.track is None else statement_of(known.track.steps)
    if statement is not None and statement.details is not None:
        short = next((each for each in row.contradictions if each.kind == TOO_FEW), None)
        items.append(Item(_statement_lines(known, statement, short, label, width), statement))
    return items


def _statement_lines(known: Known, statement: Step, short: Contradiction | None, label: int, width: int) -> list[Line]:
    """What the partner says of how many people's data it held; by how many that is short is never cut."""
    people = 0 if statement.details is None else statement.details.people or 0
    told, dated = count(people, "person"), f"({short_day(statement.at, beside=known.today)})"
    name: Run = (fit("Partner says", label), "quiet" if short is None else "alarm")
    if short is None:
        return [within([name, (f"{told} {dated}", "")], width)]
    missing = f"{number((short.logged or 0) - (short.stated or 0))} short"
    for said in (f"{told} {dated}: ", f"{told}: "):
        if label + cell_len(said + missing) <= width:
            return [[name, (said, ""), (missing, "alarm")]]
    indent = min(label, max(width - cell_len(missing), 0))
    return [within([name, (told, "")], width), within([(" " * indent, ""), (missing, "alarm")], width)]


# -- recipients and notes ----------------------------------------------------------------------------------------------


def _recipient_items(known: Known, track: Track, width: int) -> list[Item]:
    """Whom it passed the data on to, each with its own deletion."""
    found = recipients(track.steps, today=known.today)
    if found.answer == NOT_ASKED and not found.lines:
        return []
    words = ANSWERS[found.answer] if found.answer != SOME else f"{number(len(found.lines))} named"
    items = [Item([within([("Recipients  ", "quiet"), (words, "")], width)])]
    return items + [_recipient_item(known, each, width) for each in found.lines]


def _recipient_item(known: Known, line: Recipient, width: int) -> Item:
    stands = [
        ("verified", line.verified),
        ("certified", line.certified),
        ("asked", line.asked),
        ("named", line.named),
    ]
    what, step = next(((what, step) for what, step in stands if step is not None), ("named", None))
    said = what if step is None else f"{what} {short_day(step.at, beside=known.today)}"
    if what == "certified":
        said += ", not verified"
    if line.retracted:
        said += ", taken back"
    style = "good" if what == "verified" else ""
    late: Run = ("", "")
    if line.due is not None:
        due = short_day(line.due, beside=known.today)
        late = (
            f"! {number(days_between(line.due, known.today))} d late" if line.overdue else f"due {due}",
            ("alarm" if line.overdue else "strong"),
        )
    room = max(width - 4 - cell_len(said) - (cell_len(late[0]) + 2 if late[0] else 0), 8)
    name = clean(line.name, 80)
    runs: Line = [("  ", ""), (fit(name, min(cell_len(name), room)), ""), (f"  {said}", style)]
    return Item([within([*runs, (f"  {late[0]}" if late[0] else "", late[1])], width)], line)


def _sample_item(row: SampleRow, width: int) -> Item:
    """What a sample shows so far, with the bound that follows."""
    label = f"Sample #{row.seq}  "
    lines = wrapped(result_words(row.plan, row.result), max(width - 2, 1), most=_MOST_LINES)
    is_held = bool(row.result is not None and row.result.found)
    told = [within([("  ", ""), (line, "alarm" if is_held else "")], width) for line in lines]
    drawn = f"{number(row.plan.size)} of {number(row.plan.population)} drawn {day(row.at)}"
    return Item([within([(label, "quiet"), (drawn, "")], width), *told], row)


def _note_items(track: Track, width: int) -> list[Item]:
    items = [Item([within([(f"Notes {len(track.notes)}", "quiet")], width)])]
    for note in track.notes:
        at, actor, text, privileged = note
        head: Line = [(f"{day(at)} ", "strong"), ("PRIVILEGED " if privileged else "", "alarm")]
        lines = [within([*head, (clean(actor, 40), "strong")], width)]
        lines += [within([("  ", ""), (line, "")], width) for line in wrapped(text, max(width - 2, 1))]
        items.append(Item(lines, note))
    return items


# -- lines -------------------------------------------------------------------------------------------------------------


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
            piece = _first_cells(line, max(width, 2))
            lines.append(piece)
            line = line[len(piece) :]
    lines.append(line)
    return lines if len(lines) <= most else [*lines[: most - 1], "…"]


def _first_cells(text: str, width: int) -> str:
    """As many characters from the front as fit into `width` cells; at least one."""
    end = 1
    while end < len(text) and cell_len(text[: end + 1]) <= width:
        end += 1
    return text[:end]
