"""A walk through the whole dashboard in a pseudo-terminal: every screen, dialog, pane, title and message, every key.

It shows each text of an incident on each of them, and keeps which were really seen where.
"""

import re
import unicodedata
from collections import defaultdict
from collections.abc import Callable, Sequence
from pathlib import Path

from store import cases
from store.connection import open_store
from store.names import find_partners
from store.rulebook import load_rules
from tests.terminal.harness import Terminal
from tests.terminal.hostile_incident import DAY, TODAY, partner_id, quoted, rules
from tests.visible_text import visible
from tui.keys import TABLE

SIZE = (160, 32)
# Dialogs are drawn anew with all that lies below them: a smaller screen is quicker.
DIALOG_SIZE = (140, 28)
# So many partners' timelines are looked at with the whole screen: the board and the cases show all of them.
PARTNERS_IN_FULL = 12
LEAST, TOO_SMALL, LARGEST = (60, 16), (20, 5), (200, 50)
_MOST_IN_NAMES = 280
_MOST_IN_PROMPT = 62
_ESCAPES = frozenset(chr(code) for code in range(32))


def proof(text: str) -> str:
    """As much of a text as must be seen: to the end of its first escape, else its first twelve characters."""
    for end in range(1, len(text) + 1):
        if visible(text[:end]) != text[:end]:
            return _solid(visible(text[:end]))
    return _solid(text[:12])


def _solid(text: str) -> str:
    """Without blanks, which wrapping takes away, and without marks, which terminals join with letters or drop."""
    return "".join(
        one for one in unicodedata.normalize("NFD", text) if not one.isspace() and unicodedata.category(one)[0] != "M"
    )


def typeable(text: str) -> bool:
    """Whether a whole text gets in when it is pasted: no control bytes, which terminals stop, and only one line."""
    return not _ESCAPES & set(text) and len(text.splitlines()) == 1


def box(terminal: Terminal, title: str) -> str:
    """All that stands in the box with this title, without blanks; empty when there is none."""
    rows = [
        [terminal.screen.buffer[y][x].data for x in range(terminal.screen.columns)]
        for y in range(terminal.screen.lines)
    ]
    for top, row in enumerate(rows):
        text = "".join(row)
        begin = text.find(f"╭─ {title}")
        if begin < 0:
            continue
        left = _column(row, begin)
        right = next((x for x in range(left + 1, len(row)) if row[x] == "╮"), len(row))
        bottom = next((y for y in range(top, len(rows)) if rows[y][left] == "╰"), len(rows) - 1)
        return _solid("".join("".join(line[left + 1 : right]) for line in rows[top : bottom + 1]))
    return ""


def _column(row: Sequence[str], place: int) -> int:
    """The cell in which this character of the row's text stands; a wide one takes two cells."""
    for x, cell in enumerate(row):
        if place < len(cell) or (place == 0 and cell):
            return x
        place -= len(cell)
    raise ValueError(place)


class Walk:
    """One walk.

    Attributes:
        terminal: the dashboard.
        texts: one partner's each.
        seen: surface -> the texts that were seen on it.
        copies: how often something was copied.
    """

    def __init__(self, terminal: Terminal, path: Path, texts: Sequence[str]) -> None:
        """Walk through an incident that `build_store` made of the texts."""
        self.terminal = terminal
        self.path = path
        self.texts = list(texts)
        self.seen: defaultdict[str, set[str]] = defaultdict(set)
        self.copies = 0
        self._pressed: set[str] = set()
        self._proofs = {text: proof(text) for text in texts}

    @property
    def not_pressed(self) -> set[str]:
        """Ids of the bindings of which no key was pressed."""
        names = {"escape": "esc", "pagedown": "pgdn", "pageup": "pgup", "comma": ","}
        return {key.id for key in TABLE if not {names.get(name, name) for name in key.keys.split(",")} & self._pressed}

    def press(self, *keys: str) -> None:
        self._pressed.update(keys)
        self.terminal.press(*keys)

    def opens(self, key: str, text: str) -> None:
        self.press(key)
        self.terminal.wait_for(text)

    def closes(self, text: str, key: str = "esc") -> None:
        self.press(key)
        self.terminal.wait_for(lambda now: not now.shows(text))

    def found(self, where: str) -> set[str]:
        """The texts in what the screen shows."""
        solid = _solid(where)
        return {text for text, shown in self._proofs.items() if shown in solid}

    def look(self, surface: str, where: str) -> set[str]:
        """Keep what is seen on a surface."""
        found = self.found(where)
        self.seen[surface] |= found
        return found

    def until(self, condition: Callable[..., bool], *arguments: object) -> None:
        """Wait until a condition holds, of these arguments."""
        self.terminal.wait_for(lambda _: condition(*arguments))

    def foot(self) -> str:
        """The last lines: messages and prompts."""
        return "".join(self.terminal.lines()[-4:])

    # -- the board -------------------------------------------------------------------------------------------------

    def board(self) -> None:
        """Each partner under the cursor: list, titles, track, and what is copied."""
        many = len(self.texts)
        self.terminal.wait_for(f"{many} of {many}")
        self.press("g")
        self.terminal.wait_for("All partners")
        for _ in self.texts:
            before = self.found(self._line(r"╭─ 2 "))
            self.press("j")
            self.until(lambda before: self._both_show_another(before), before)
            here = self.look("BoardScreen.timeline", self._line(r"╭─ 2 "))
            self.look("BoardScreen.audit", box(self.terminal, "3 "))
            self.look("BoardScreen.partners", box(self.terminal, " 1 Partners"))
            self.press("y")
            self.until(lambda here: "copied:" in self.foot() and here <= self.found(self.foot()), here)
            self.copies += 1
            self.look("MessageBar", self.foot())

    def _line(self, pattern: str) -> str:
        """From this on to the end of the line."""
        found = re.search(pattern + ".*", self.terminal.text(), re.MULTILINE)
        return "" if found is None else found[0]

    def _both_show_another(self, before: set[str]) -> bool:
        title = _solid(self._line(r"╭─ 2 ")).removeprefix("╭─2")
        # Only whom the title names: what a text has in it may look like the beginning of another.
        here = {text for text, shown in self._proofs.items() if title.startswith(shown)}
        return bool(here) and not here <= before and here <= self.found(box(self.terminal, "3 "))

    def header(self) -> None:
        """The incident's name comes from the rulebook while the store has none of its own."""
        for name in _packed(self.texts, 50):
            with open_store(self.path) as store:
                load_rules(store, rules("".join(name), name[0], name[-1]), source=name[0], actor=name[-1])
            self.press("R")
            self.until(lambda name: set(name) <= self.found("".join(self.terminal.lines()[:3])), name)
            self.look("FiguresBar", "".join(self.terminal.lines()[:3]))

    def keys_of_lists(self) -> None:
        """The keys that show nothing new: none may end the dashboard or do anything but show."""
        self.press("p", "p", "p", "p", "p", "s", "S", "S", "C", "n", "N", "v", "j", "v", "k", "*", "U", "g", "G")
        self.press("pgup", "pgdn", "ctrl+u", "ctrl+d", "tab", "shift+tab", "z", "z", "ctrl+l", "3", "2", "1")
        self.opens("u", "ctrl+r redoes it")
        self.opens("ctrl+r", "u undoes it")

    # -- the timeline and the events --------------------------------------------------------------------------------

    def timeline(self) -> None:
        """Markers, pictures, the prompt for a date; and through it to the events."""
        self.press("1", "g")
        self.terminal.wait_for("╭─ 2 All partners")
        self.press("2", "l", "h", "L", "H", "+", "-", "B", "B", "B", "0")
        self.opens("v", "─ range 2018")
        self.opens("v", "range ended")
        self.opens("esc", "range dropped")
        self.press("b", "j", "k", "b", "j", "k", "b", "b")
        self.press("z", "]", "]", "]", "[")
        self.until(lambda: bool(self.look("TimelinePane.markers", self._line("╰─.* 2018-"))))
        self.press("z")
        self.opens("t", "Go to")
        self.closes("Go to")
        self._typed("t", "Go to", "LinePrompt")
        self.opens("t", "Go to")
        self.terminal.type(DAY)
        self.press("enter")
        self.terminal.wait_for("2018-05-1")
        self.press("+", "+", "+", "+")
        self.until(lambda: re.search(rf"─ {DAY} 00:00 .*─╯", self.terminal.text()) is not None)
        self.opens("enter", "╭─ Events")

    def full_screen(self) -> None:
        """The timeline with the whole screen, of some partners: title and shape; then all that is in view of one."""
        self.press("1", "g", "j", "2", "0")
        self.opens("z", "╭─ 1 Shape")
        self.press("1", "G")
        shown: list[set[str]] = [set(), set()]
        for place in range(min(len(self.texts), PARTNERS_IN_FULL)):
            if place:
                self.press("J")
            self.until(lambda shown: all(now - then for now, then in zip(self._parts(), shown, strict=True)), shown)
            shown = self._parts()
            self.look("TimelineScreen.timeline", self._line(r"╭─ 2 "))
            self.look("TimelineScreen.shape", box(self.terminal, "1 Shape"))
        # What is in view of this partner is there once its last row is: until then the list may move by itself.
        self.press("3", "G")
        ends = [f"partnertold({self._proofs[text]}" for text in shown[0]]
        self.until(lambda: any(one in self._in_view() for one in ends))
        self.press("g")
        self.until(lambda: min(self.texts) in self.found(self._in_view()))
        if len(self.texts) > PARTNERS_IN_FULL:
            self.until(lambda: "2018-" not in self._in_view())
        # The sources of logs, then what is dated: the removals come last.
        seen = self.seen["TimelineScreen.inview"]
        while "2018-06-" not in self._in_view():
            before = set(seen)
            self.press("pgdn")
            self.until(lambda before: "2018-06-" in self._in_view() or bool(seen - before), before)
        self.closes("╭─ 1 Shape")
        self.press("1")

    def _in_view(self) -> str:
        """What the list of what is in view shows; kept, too."""
        shown = box(self.terminal, "3 In view")
        self.look("TimelineScreen.inview", shown)
        return shown

    def _parts(self) -> list[set[str]]:
        """The texts in the title and in the shape of the timeline's own screen."""
        return [self.found(part) for part in (self._line(r"╭─ 2 "), box(self.terminal, "1 Shape"))]

    def _typed(self, key: str, prompt: str, surface: str, *, most: int = 60) -> None:
        """Paste every text that a terminal would let through into a prompt."""
        for some in _packed(list(filter(typeable, self.texts)), most):
            self.opens(key, prompt)
            self.terminal.type(f"\x1b[200~{''.join(some)}\x1b[201~")
            self.until(lambda some: set(some) <= self.found(self._field()), some)
            self.look(surface, self._field())
            self.press("esc")
            self.until(lambda: not self._field())
            if self.terminal.shows("filter: "):
                self.closes("filter: ")

    def _field(self) -> str:
        """The line in which something is typed; empty when there is none."""
        return "".join(line for line in self.terminal.lines() if re.search(r"Go to|🔎|^ / (?!filter {2})", line))

    def events(self) -> None:
        """The list, and every third event in full."""
        self.until(lambda: bool(self.found(box(self.terminal, "Events"))))
        for place in range(len(self.texts)):
            self.look("EventsScreen.events", box(self.terminal, "Events"))
            if place % 3 == 0:
                self.opens("enter", "╭─ Event ─")
                # Its frame is there before its facts.
                self.until(lambda: bool(self.look("EventDialog", box(self.terminal, "Event ─"))))
                self.closes("╭─ Event ─")
            if place % 2 == 0 or place == 1:
                # It names the person of this event and the partner: each text is one or the other somewhere.
                self.opens("P", "in all")
                self.look("WhoReadScreen.readers", box(self.terminal, "Who read"))
                self.closes("╭─ Who read")
            if place + 1 < len(self.texts):
                self.press("j")
        self.press("G")
        self.until(lambda: bool(self.look("EventsScreen.events", box(self.terminal, "Events"))))
        self.opens("r", "in all")
        self.opens("enter", "filter: resource=")
        self.look("EventsScreen.events", box(self.terminal, "Events"))
        self.closes("filter: resource=", "q")
        self.closes("╭─ Who read")
        self.press("N", "n", "g")
        self.opens("t", "Go to")
        self.closes("Go to")
        self.opens("/", "verdict:denied")
        self.terminal.type("verdict:denied")
        self.terminal.wait_for("no event in the log")
        self.press("esc")
        self.closes("filter: verdict")
        self.closes("╭─ Events", "q")

    # -- where everybody stands ------------------------------------------------------------------------------------

    def stages(self) -> None:
        """All partners were told, and all are late to answer."""
        self.press("1", "g")
        self.opens("A", "Where each partner stands")
        self.terminal.wait_for("2 N told")
        self.look("StagesScreen.stages", box(self.terminal, "1 Where"))
        self.press("enter")
        self._scrolled("StagesScreen.partners", "2 N told")
        self.closes("Where each partner stands")
        self.opens("D", "soonest first")
        self._scrolled("DueScreen.due", "Due ")
        self.closes("soonest first")

    def _scrolled(self, surface: str, title: str) -> None:
        """Look at a list page by page, until every text was seen."""
        self.press("g")
        while len(self.seen[surface]) < len(self.texts):
            before = set(self.seen[surface])
            self.until(lambda before: bool(self.look(surface, box(self.terminal, title)) - before), before)
            self.press("pgdn")

    # -- dialogs ---------------------------------------------------------------------------------------------------

    def dialogs(self) -> None:
        """Each dialog over a few marked partners at a time, cancelled; a closing is refused first."""
        self.opens("I", "╭─ Record a step of the incident")
        self.look("IncidentStepDialog", box(self.terminal, "Record a step of the incident"))
        self.closes("╭─ Record a step of the incident")
        self.press("1", "g", "j")
        for count in [len(some) for some in _packed(self.texts, _MOST_IN_NAMES)]:
            self.press(*["space"] * count)
            self.terminal.wait_for(f"{count} marked")
            self._dialog("e", "Note", "NoteDialog")
            self._dialog("@", "Assign", "AssignDialog")
            self._dialog("o", "Reopen", "ReopenDialog")
            self._dialog("a", "Record a step", "StepDialog")
            self._dialog("c", "Close", "ClearDialog")
            self.press("U")
            self.until(lambda count: not self.terminal.shows(f"{count} marked"), count)

    def _dialog(self, key: str, title: str, surface: str) -> None:
        self.opens(key, f"╭─ {title}")
        self.look(surface, box(self.terminal, title))
        self.closes(f"╭─ {title}")

    def refusals(self) -> None:
        """Flagging partners whose case has moved on; then a closing that the evidence contradicts, refused."""
        self.press("g", "j")
        for some in _packed(self.texts, _MOST_IN_PROMPT, 3):
            self.press(*["space"] * len(some))
            self.terminal.wait_for(f"{len(some)} marked")
            self.press("f")
            self.until(lambda some: set(some) <= self.found(self._line("^ Flag ")), some)
            self.look("FlagPrompt", self._line("^ Flag "))
            with open_store(self.path) as store:
                for text in some:
                    cases.assign(store, find_partners(store, [partner_id(text)]), actor=text, assignee=f"{text} again")
            self.opens("enter", "somebody was faster")
            self.look("ConflictDialog", box(self.terminal, "Not done"))
            self.closes("somebody was faster")
            self.press("U")
            self.until(lambda some: not self.terminal.shows(f"{len(some)} marked"), some)
        self.opens("c", "╭─ Close")
        self.terminal.wait_for("loose end")
        self.press("j", "k", "j", "G", "g", "tab", "tab", "space", "space", "shift+tab", "shift+tab", "enter")
        self.terminal.wait_for("a note is needed")
        self.terminal.type("why")
        self.press("enter")
        # The foot says so before the dialog comes back.
        self.until(lambda: "cannotbeclosedas" in box(self.terminal, "Close"))
        assert self.found(box(self.terminal, "Close"))
        self.closes("╭─ Close")

    # -- cases, log, help, palette -----------------------------------------------------------------------------------

    def cases(self) -> None:
        """Every case, and its panes; from the last one a record in full."""
        self.press("1", "g", "j")
        self.opens("enter", "Record, newest first")
        shown: set[str] = set()
        for place in range(len(self.texts)):
            if place:
                self.press("J")
            self.until(lambda shown: bool(self._whole_case() - shown), shown)
            shown = self._whole_case()
            self.look("CaseScreen", self.terminal.lines()[0])
            self.look("CaseScreen.record", box(self.terminal, "1 Record"))
            self.look("CaseScreen.timeline", self._line(r"╭─ 2 "))
            self.look("CaseScreen.audit", box(self.terminal, "3 "))
            self.look("CaseScreen.apps", box(self.terminal, "Apps"))
            self.opens("enter", "Action id")
            self.until(lambda: bool(self.look("DetailsDialog", self.terminal.text())))
            self.closes("Action id")
        for key in ("K", "J"):
            shown = self._whole_case()
            self.press(key)
            self.until(lambda shown: bool(self._whole_case() - shown), shown)
        self.press("1")
        self.opens("enter", "Action id")
        self.closes("Action id")
        self.closes("Record, newest first")

    def _whole_case(self) -> set[str]:
        """The texts that every part of the case shows."""
        parts = [self.terminal.lines()[0], self._line(r"╭─ 2 ")]
        parts += [box(self.terminal, title) for title in ("1 Record", "3 ", "Apps")]
        return set.intersection(*map(self.found, parts))

    def log(self) -> None:
        """The action log, page by page; then searched."""
        self.opens("i", "╭─ Action log")
        self.terminal.wait_for("entries")
        before: list[str] = []
        while (here := self._log_page()) != before:
            self.look("ActionLogScreen.record", box(self.terminal, "Action log"))
            before = here
            self.press("pgdn")
            self.until(lambda before: self._log_page() != before or self._at_end(), before)
        self.look("ActionLogScreen.record", box(self.terminal, "Action log"))
        self.closes("╭─ Action log")

    def since(self) -> None:
        """What changed since the one who walks acted last."""
        self.opens(",", "╭─ Since you left")
        self.terminal.wait_for("What others did")
        self.look("SinceDialog", box(self.terminal, "Since you left"))
        self.closes("╭─ Since you left")

    def sheet(self) -> None:
        """The disclosure sheet, and the rows of two of its numbers, page by page."""
        self.opens("d", "╭─ Disclosure sheet")
        self.terminal.wait_for("In plain English")
        self.press("l", "right", "h", "left", "j", "k", "G")
        self.until(lambda: bool(self.look("SheetScreen.sheet", box(self.terminal, "Disclosure sheet"))))
        self.press("g")
        self.opens("enter", "╭─ kept access: partners")
        self._rows("kept access: partners")
        self.closes("╭─ kept access: partners")
        self.press("j", "j", "l", "k")
        self.closes("╭─ Disclosure sheet")

    def what_if(self) -> None:
        """A what-if that begins after all reads, so that everybody flips; saved, taken up, dropped; an app left out."""
        name = next(filter(typeable, self.texts))
        self.opens("w", "1 What if")
        self.terminal.wait_for("nothing is asked yet")
        self.press("]", "[", "L", "H", "l", "h")
        self.opens("t", "the rules' own")
        self.terminal.type("2018-06-15")
        self.press("enter")
        self.terminal.wait_for("what if rules from 2018-06-15")
        self.until(lambda: bool(self.look("WhatIfScreen.compared", box(self.terminal, "2 what if rules"))))
        self.press("tab", "G", "k", "k")
        self.look("WhatIfScreen.compared", box(self.terminal, "2 what if rules"))
        self.press("1", "G", "k", "space", "space", "space", "G")
        self.opens("t", "separated by blanks")
        self.terminal.type("nobody")
        self.press("enter")
        self.terminal.wait_for("no such app: 'nobody'")
        # It is asked again, with what was typed.
        self.closes("Apps left out nobody")
        self.opens("s", "Save this what-if as")
        self.terminal.type(f"\x1b[200~{name}\x1b[201~")
        self.press("enter")
        self.terminal.wait_for("saved the scenario")
        self.until(lambda: bool(self.look("WhatIfScreen.asked", self._line("╭─ 1 What if"))))
        self.press("0")
        self.terminal.wait_for("nothing is asked yet")
        self.opens("o", "Saved what-ifs")
        self.until(lambda: bool(self.look("ScenarioDialog", box(self.terminal, "Saved what-ifs"))))
        self.press("enter")
        self.terminal.wait_for("what if rules from 2018-06-15")
        self.opens("X", "a note: why")
        self.terminal.type("not needed")
        self.press("enter")
        self.terminal.wait_for("dropped the scenario")
        self.closes("1 What if")

    def people(self) -> None:
        """The people of all partners, the matrix page by page and to the right; all of them as a list."""
        many = len(self.texts)
        self.press("1", "g")
        self.opens("O", f"{many} partners in view that read")
        self.until(lambda: bool(self.look("PeopleScreen", box(self.terminal, "Whose data"))))
        self.press("l", "l", "l", "l", "h", "h", "h", "h")
        self._scrolled("PeopleScreen.partners", "Read in common")
        self.press("g")
        self.opens("enter", f"1 of {many}")
        self._scrolled("PeopleRowsScreen.rows", f"≥{many} people")
        self.closes(f"╭─ ≥{many} people")
        self.closes("╭─ Whose data")

    def export(self) -> None:
        """The dialog for a report, of the first few partners; a file whose name says no form is refused."""
        name = next(filter(typeable, self.texts))
        self.press("1", "g")
        for _ in self.texts[:PARTNERS_IN_FULL]:
            self.press("j")
            self.opens("x", "╭─ Write a report")
            self.until(lambda: bool(self.look("ExportDialog", box(self.terminal, "Write a report"))))
            self.closes("╭─ Write a report")
        self.opens("x", "╭─ Write a report")
        # What is pasted does not wait for the keys before it.
        self.press("tab", ".")
        self.terminal.wait_for("report.html.")
        self.terminal.type(f"\x1b[200~{name}\x1b[201~")
        self.press("enter")
        self.terminal.wait_for("does not say in which form")
        self.look("ExportDialog", box(self.terminal, "Write a report"))
        self.closes("╭─ Write a report")

    def disclosures(self) -> None:
        """Figures frozen and derived again, a claim that is broken, and withdrawn; all under a name that is a text."""
        name = next(text for text in self.texts if typeable(text) and len(text) <= 200)
        pasted = f"\x1b[200~{name}\x1b[201~"
        self.opens("F", "1 Disclosures 0")
        self.opens("N", "Freeze the figures")
        self.terminal.type(pasted)
        self.press("enter")
        self.terminal.wait_for("froze disclosure 1")
        self.until(lambda: bool(self.look("DisclosuresScreen.disclosures", box(self.terminal, "1 Disclosures 1"))))
        self.opens("enter", "What changed since")
        self.until(lambda: bool(self.look("LinesBox", box(self.terminal, "Disclosure 1"))))
        self.closes("What changed since")
        self.opens("V", "derived again")
        self.terminal.wait_for("equal: disclosure 1")
        self.closes("derived again")
        self.opens("+", "╭─ Claim ")
        self.terminal.type(pasted)
        self.press("tab")
        self.terminal.type("accessed.people < 0")
        self.until(lambda: bool(self.look("TwoLinesDialog", box(self.terminal, "Claim "))))
        self.press("enter")
        self.terminal.wait_for("1 broken")
        self.until(lambda: bool(self.look("DisclosuresScreen.claims", box(self.terminal, "2 Claims 1"))))
        self.closes("1 Disclosures")
        self.terminal.wait_for("! claim 1 broken")
        self.opens("F", "2 Claims 1")
        self.press("2")
        self.opens("X", "a note: why")
        self.terminal.type("not needed")
        self.press("enter")
        self.terminal.wait_for("2 Claims 0")
        self.closes("1 Disclosures")

    def _rows(self, title: str) -> None:
        """The rows of a number, to the last one."""
        many, place = len(self.texts), 0
        while place < many:
            # The foot may tell the next row a frame before the list comes to it: every row up to it is waited for.
            self.until(lambda place: self._row_under_cursor() > place, place)
            place = self._row_under_cursor()
            self.until(lambda place: self._has_seen_rows(title, place), place)
            self.press("pgdn")

    def _row_under_cursor(self) -> int:
        """Which one it is, as the foot tells; 0 where it does not."""
        told = re.search(rf"(\d+) of {len(self.texts)} rows", self.terminal.text())
        return 0 if told is None else int(told[1])

    def _has_seen_rows(self, title: str, number: int) -> bool:
        """Whether so many rows of a number have been seen by now: each is of another text."""
        self.look("SheetRowsScreen.rows", box(self.terminal, title))
        return len(self.seen["SheetRowsScreen.rows"]) >= number

    def _log_page(self) -> list[str]:
        """Who did something, on this page; what they did changes once more, when the partners' names are there."""
        return [line[:30] for line in self.terminal.lines()[3:-3]]

    def _at_end(self) -> bool:
        return " init " in self.terminal.text()

    def filters(self) -> None:
        """What is pasted into the filter; the board's title says it, too."""
        self._typed("/", "filter by name", "FilterLine")

    def help_and_palette(self) -> None:
        """The keys as the user's keymap has them, and what is pasted into the palette."""
        self.opens("?", "╭─  Keys")
        before = ""
        while (here := box(self.terminal, " Keys")) != before:
            self.look("HelpScreen", here)
            before = here
            self.press("pgdn")
            self.until(lambda before: box(self.terminal, " Keys") != before or "no response" in self._signs(), before)
        self.closes("╭─  Keys")
        self._typed("ctrl+p", "🔎", "CommandPalette")

    def _signs(self) -> str:
        """The last line of the help."""
        return self._line("X H [?] ")


def _packed(texts: Sequence[str], most: int, number: int = 1_000) -> list[list[str]]:
    """The texts in groups that take at most so many characters when they are shown, and are at most so many."""
    groups: list[list[str]] = []
    room = 0
    for text in texts:
        length = len(visible(text)) + 2
        if not groups or length > room or len(groups[-1]) == number:
            groups.append([])
            room = most
        groups[-1].append(text)
        room -= length
    return groups


def write_keymap(config: Path, texts: Sequence[str]) -> None:
    """A user's keymap that adds a text to the keys of each binding, and names a binding that there is not.

    A comma separates keys: `[rgb(1,2,3)]` would give the binding another's key, 2.
    """
    added = (text for text in texts if "," not in text)
    lines = [f"{quoted(key.id)} = {quoted(f'{key.keys},{text}')}" for key, text in zip(TABLE, added, strict=False)]
    path = config / "overscope" / "keymap.toml"
    path.parent.mkdir(parents=True)
    path.write_text("\n".join([*lines, f"{quoted(texts[-1])} = 'x'", ""]), "utf-8")


def walk_through(path: Path, texts: Sequence[str], config: Path) -> Walk:
    """Start the dashboard, walk, leave it; what was seen, and in the terminal what was written.

    Args:
        path: of a store made of these texts.
        config: an empty folder for the user's settings.
    """
    write_keymap(config, texts)
    arguments = ["--db", str(path), "--today", TODAY, "--as", texts[0]]
    with Terminal(arguments, size=SIZE, environment={"XDG_CONFIG_HOME": str(config)}) as terminal:
        walk = Walk(terminal, path, texts)
        walk.board()
        walk.header()
        walk.keys_of_lists()
        walk.timeline()
        walk.events()
        walk.full_screen()
        walk.cases()
        walk.log()
        walk.sheet()
        walk.what_if()
        walk.people()
        walk.export()
        walk.disclosures()
        walk.stages()
        walk.since()
        walk.help_and_palette()
        terminal.resize(DIALOG_SIZE)
        walk.dialogs()
        walk.refusals()
        walk.filters()
        for size, text in ((LEAST, "Partners"), (TOO_SMALL, "60x16 is"), (LARGEST, "Partners")):
            terminal.resize(size)
            terminal.wait_for(text)
        walk.press("q")
        assert terminal.wait_for_end() == 0, terminal.text()
    return walk
