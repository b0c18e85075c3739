"""The one table of bindings: footer, help, palette, README and every screen's keys come from it.

It knows no widget; `textual` is imported only where Textual's own bindings are made of it.
"""

import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from store.text import clean

if TYPE_CHECKING:
    from textual.binding import BindingType

# The order of the help screen and of the README's table.
PLACES = (
    *(
        "everywhere",
        "lists",
        "cases",
        "timeline",
        "events",
        "case screen",
        "sheet",
        "what-if",
        "disclosures",
        "dialogs",
        "choices",
        "screens",
    ),
)


@dataclass(frozen=True, slots=True)
class Key:
    """One thing that can be done with a key.

    Attributes:
        id: `area.verb`; unique, what a keymap file names.
        keys: Textual's names, joined by commas.
        action: the name of the method `action_...` that does it, with its arguments.
        description: what it does, in a few words; the palette shows it after the area.
        where: one of `PLACES`.
        footer: its label in the footer; empty for a key that is not shown there.
        group: bound together, see `bindings`; the place where not given.
    """

    id: str
    keys: str
    action: str
    description: str
    where: str
    footer: str = ""
    group: str = ""


TABLE: tuple[Key, ...] = (
    Key("case.flag", "f", "flag", "flag: this partner needs attention", "cases", "flag"),
    Key("case.close", "c", "close_case", "close with grounds", "cases", "close.."),
    Key("case.reopen", "o", "reopen", "reopen, with a note", "cases"),
    Key("case.note", "e", "note", "add a note", "cases"),
    Key("case.assign", "@", "assign", "assign to somebody", "cases"),
    Key("case.step", "a", "step", "record a step: audit, statement, recipients, sample", "cases", "step.."),
    Key(
        "case.incident_step",
        "I",
        "incident_step",
        "record a step of the incident itself",
        "cases",
    ),
    Key("case.undo", "u", "undo", "undo your last action", "cases", "undo"),
    Key("case.redo", "ctrl+r", "redo", "redo what you undid", "cases"),
    Key("list.filter", "/", "filter", "filter as you type", "lists", "filter", group="filter"),
    Key("list.population", "p", "population", "show the next population", "lists", "show", group="partners"),
    Key("list.sort", "s", "sort", "sort by the next order", "lists", group="partners"),
    Key("list.reverse", "S", "reverse", "reverse the order", "lists", group="partners"),
    Key("list.columns", "C", "columns", "show other columns", "lists", group="partners"),
    Key("list.next_match", "n", "match(1)", "next match", "lists", group="filter"),
    Key("list.previous_match", "N", "match(-1)", "previous match", "lists", group="filter"),
    Key("list.mark", "space", "mark", "mark, and go on", "lists", group="marks"),
    Key("list.mark_range", "v", "mark_range", "begin or end a range of marks", "lists", group="marks"),
    Key("list.mark_all", "*", "mark_all", "mark all in view", "lists", group="marks"),
    Key("list.unmark", "U", "unmark", "drop all marks", "lists", group="marks"),
    Key("list.letters", "l", "letters", "write a letter each, and record it", "lists", "letters..", group="letters"),
    Key("list.open", "enter", "open", "open", "lists", "open", group="open"),
    Key("list.down", "j,down", "go('down')", "down", "lists", group="moves"),
    Key("list.up", "k,up", "go('up')", "up", "lists", group="moves"),
    Key("list.first", "g,home", "go('first')", "first", "lists", group="moves"),
    Key("list.last", "G,end", "go('last')", "last", "lists", group="moves"),
    Key("list.page_down", "pagedown", "go('page_down')", "a page down", "lists", group="moves"),
    Key("list.page_up", "pageup", "go('page_up')", "a page up", "lists", group="moves"),
    Key("list.half_down", "ctrl+d", "go('half_down')", "half a page down", "lists", group="moves"),
    Key("list.half_up", "ctrl+u", "go('half_up')", "half a page up", "lists", group="moves"),
    Key("timeline.left", "h,left", "bin(-1)", "one bin to the left", "timeline"),
    Key("timeline.right", "l,right", "bin(1)", "one bin to the right", "timeline"),
    Key("timeline.page_left", "H", "page(-1)", "a page to the left", "timeline"),
    Key("timeline.page_right", "L", "page(1)", "a page to the right", "timeline"),
    Key("timeline.zoom_in", "+,=", "zoom_in", "zoom in", "timeline", "zoom"),
    Key("timeline.zoom_out", "-", "zoom_out", "zoom out", "timeline"),
    Key("timeline.whole", "0", "whole_span", "the whole span", "timeline", "whole"),
    Key("timeline.previous_marker", "[", "marker(-1)", "previous marker", "timeline"),
    Key("timeline.next_marker", "]", "marker(1)", "next marker", "timeline", "marker"),
    Key("timeline.date", "t", "go_to_date", "go to a date", "timeline"),
    Key("timeline.down", "j,down", "row(1)", "next partner of the bands, next day of the calendar", "timeline"),
    Key("timeline.up", "k,up", "row(-1)", "previous partner, previous day", "timeline"),
    Key("timeline.picture", "b", "picture", "change the picture: bars, bands, calendar, weeks", "timeline", "picture"),
    Key("timeline.counted", "B", "counted", "count other events: all, restricted only, denied only", "timeline"),
    Key("timeline.range", "v", "choose_range", "begin or end a range, for its figures and events", "timeline", "range"),
    Key("timeline.events", "enter", "drill", "the raw events at the cursor", "timeline", "events"),
    Key("events.next_restricted", "n", "restricted(1)", "the next restricted read", "events", "restricted"),
    Key("events.previous_restricted", "N", "restricted(-1)", "the restricted read before", "events"),
    Key("events.date", "t", "go_to_date", "go to a time", "events", "time"),
    Key("case_screen.next", "J", "neighbour(1)", "next case of the list", "case screen", "next"),
    Key("case_screen.previous", "K", "neighbour(-1)", "previous case of the list", "case screen", "previous"),
    Key("sheet.left", "h,left", "aside(-1)", "the number to the left", "sheet", group="sheet moves"),
    Key("sheet.right", "l,right", "aside(1)", "the number to the right", "sheet", group="sheet moves"),
    Key("what_if.day_back", "h,left", "shift(-1,'day')", "a day earlier", "what-if", group="what_if moves"),
    Key("what_if.day_on", "l,right", "shift(1,'day')", "a day later", "what-if", group="what_if moves"),
    Key("what_if.week_back", "H,shift+left", "shift(-1,'week')", "a week earlier", "what-if", group="what_if moves"),
    Key("what_if.week_on", "L,shift+right", "shift(1,'week')", "a week later", "what-if", group="what_if moves"),
    Key("what_if.month_back", "[,ctrl+left", "shift(-1,'month')", "a month earlier", "what-if", group="what_if moves"),
    Key("what_if.month_on", "],ctrl+right", "shift(1,'month')", "a month later", "what-if", group="what_if moves"),
    Key("what_if.type", "t", "type_value", "type the value", "what-if", "type", group="what_if"),
    Key(
        "what_if.turn", "space", "turn", "an exception: as the rules say, dropped, accepted", "what-if", group="what_if"
    ),
    Key("what_if.reset", "0", "reset", "ask nothing: the figures as they are", "what-if", "reset", group="what_if"),
    Key("what_if.save", "s", "save", "save this what-if under a name", "what-if", "save", group="what_if"),
    Key("what_if.load", "o", "load", "take up a saved what-if", "what-if", "saved", group="what_if"),
    Key("what_if.drop", "X", "drop", "drop the saved what-if, with a note", "what-if", group="what_if"),
    Key("disclosure.freeze", "N", "freeze", "freeze the figures as a new disclosure", "disclosures", "freeze.."),
    Key(
        "disclosure.reproduce",
        "V",
        "reproduce",
        "derive it again: equal, or where not",
        "disclosures",
        "again",
    ),
    Key("claim.add", "+", "claim", "claim: bind a public sentence to a figure", "disclosures", "claim.."),
    Key("claim.withdraw", "X", "withdraw", "withdraw the claim, with a note", "disclosures", "withdraw.."),
    Key("dialog.confirm", "enter", "confirm", "confirm", "dialogs", "confirm"),
    Key("dialog.cancel", "escape", "cancel", "cancel, nothing is done", "dialogs", "back"),
    Key("choice.next", "j,down", "move(1)", "the next choice", "choices", group="choose"),
    Key("choice.previous", "k,up", "move(-1)", "the previous choice", "choices", group="choose"),
    Key("choice.first", "g,home", "move(-99)", "the first choice", "choices", group="choose"),
    Key("choice.last", "G,end", "move(99)", "the last choice", "choices", group="choose"),
    Key("choice.turn", "space", "turn", "yes or no", "choices", group="turn"),
    Key(
        "screens.sheet",
        "d",
        "sheet",
        "the disclosure sheet: every figure, and its rows",
        "screens",
        "figures",
    ),
    Key("screens.what_if", "w", "what_if", "what if: other parameters beside the figures", "screens", "what-if"),
    Key("screens.disclosures", "F", "disclosures", "disclosures and claims: what was frozen, what holds", "screens"),
    Key("screens.due", "D", "due", "everything due, soonest first", "screens", "due"),
    Key("screens.person", "P", "who_read('subject')", "was this person read, by whom", "screens", "person", "who_read"),
    Key("screens.resource", "r", "who_read('resource')", "who else read this resource", "screens", group="who_read"),
    Key("screens.log", "i", "action_log", "the action log", "screens", "record"),
    Key("screens.stages", "A", "stages", "the stages: where each partner stands", "screens"),
    Key("screens.people", "O", "people", "the people: whose data, and whom partners read in common", "screens"),
    Key("screens.since", "comma", "since", "what changed since you left", "screens"),
    Key("pane.first", "1", "pane(1)", "the partners", "everywhere", group="panes"),
    Key("pane.second", "2", "pane(2)", "the timeline; once more: with the whole screen", "everywhere", group="panes"),
    Key("pane.third", "3", "pane(3)", "the audit track; once more: all stages", "everywhere", group="panes"),
    Key("pane.next", "tab", "focus_next", "next pane", "everywhere", group="panes"),
    Key("pane.previous", "shift+tab", "focus_previous", "previous pane", "everywhere", group="panes"),
    Key(
        "pane.maximise",
        "z",
        "maximise",
        "maximise the pane, and back; a timeline with its shape",
        "everywhere",
        group="panes",
    ),
    Key("app.back", "escape", "back", "one step back", "everywhere", "back"),
    Key("app.leave", "q", "leave", "close this screen, then quit", "everywhere"),
    Key("app.refresh", "R", "ask_again", "read everything again", "everywhere"),
    Key("app.repaint", "ctrl+l", "repaint", "repaint the screen", "everywhere"),
    Key("app.copy", "y", "copy", "copy the figure under the cursor", "everywhere"),
    Key("app.suspend", "ctrl+z", "suspend_process", "suspend: `fg` in the shell brings it back", "everywhere"),
    Key("app.palette", "ctrl+p,:", "palette", "find a command by its name", "everywhere"),
    # Here, for the footer to have room for the way back first.
    Key(
        "screens.export",
        "x",
        "export",
        "write a report or a list of people into a file",
        "screens",
        "report..",
    ),
    Key("app.help", "?,f1", "keys", "all keys", "everywhere", "keys"),
)

BY_ID: Mapping[str, Key] = {key.id: key for key in TABLE}

_SPOKEN = {
    "escape": "esc",
    "pagedown": "PgDn",
    "pageup": "PgUp",
    "down": "↓",
    "up": "↑",
    "left": "←",
    "right": "→",
    "home": "Home",
    "end": "End",
    "f1": "F1",
    "comma": ",",
}


def bindings(*names: str) -> "list[BindingType]":
    """Textual bindings of the keys whose id, group or place is among the names, in the table's order.

    Args:
        names: ids (`case.note`), groups (`moves`), places (`timeline`).

    Raises:
        KeyError: a name that nothing in the table bears.
    """
    from textual.binding import Binding

    known = set(BY_ID) | {key.group for key in TABLE} | {key.where for key in TABLE}
    if unknown := [name for name in names if name not in known]:
        raise KeyError(f"no such key or group of keys: {', '.join(unknown)}")
    wanted = set(names)
    return [
        Binding(key.keys, key.action, key.description, show=bool(key.footer), id=key.id)
        for key in TABLE
        if wanted & {key.id, key.group, key.where}
    ]


def spoken(keys: str, *, first_only: bool = False) -> str:
    """How keys are written for a person: `j ↓`, `PgDn`, `ctrl+p :`; what a keymap file says of them is cleaned."""
    names = keys.split(",")
    return " ".join(_SPOKEN.get(name, clean(name)) for name in (names[:1] if first_only else names))


def with_keymap(keymap: Mapping[str, str]) -> tuple[Key, ...]:
    """The table with a user's keys in place of the shipped ones."""
    return tuple(replace(key, keys=keymap.get(key.id, key.keys)) for key in TABLE)


def read_keymap(path: Path) -> tuple[dict[str, str], list[str]]:
    """A user's keymap, TOML lines like `"case.flag" = "E"`, and what is wrong with it, a line each.

    A missing file is an empty keymap. Lines that cannot be used are left out and named; the others count.
    """
    try:
        with path.open("rb") as file:
            document = tomllib.load(file)
    except FileNotFoundError:
        return {}, []
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        return {}, [f"keymap {path} cannot be read and was ignored: {error}"]
    keymap: dict[str, str] = {}
    complaints = []
    for name, keys in _flattened(document):
        if name not in BY_ID:
            complaints.append(f"keymap {path}: no such key id: {name}")
        elif not isinstance(keys, str) or not keys.strip():
            complaints.append(f'keymap {path}: {name} wants keys as text, like "f" or "j,down"')
        else:
            keymap[name] = ",".join(part.strip() for part in keys.split(","))
    return keymap, complaints


def _flattened(document: Mapping[str, object]) -> Iterable[tuple[str, object]]:
    """`[case] flag = "E"` and `"case.flag" = "E"` say the same."""
    for name, value in document.items():
        if isinstance(value, dict):
            for inner, keys in value.items():
                yield f"{name}.{inner}", keys
        else:
            yield name, value


def markdown_table() -> str:
    """The table of keys for the README."""
    lines = ["| where | keys | what |", "|---|---|---|"]
    for place in PLACES:
        for key in TABLE:
            if key.where == place:
                shown = " ".join(f"`{name}`" for name in spoken(key.keys).split(" "))
                lines.append(f"| {place} | {shown} | {key.description} |")
    return "\n".join(lines) + "\n"
