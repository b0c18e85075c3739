"""What lies over the screen of disclosures: a box of lines, and a dialog that asks for two lines of text."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.content import Content
from textual.widgets import Static

from store.claims import ClaimState
from store.connection import Store
from store.disclosure import DisclosureRow, disclosure
from store.disclosure_diff import diff
from store.disclosure_words import (
    cause_words,
    change_words,
    difference_words,
    moved_words,
    parameters_words,
    reproduction_words,
    since_words,
)
from store.reproduce import Reproduction
from tui.screens.details import MOST_SHOWN, DetailsBox
from tui.screens.dialog_base import Dialog, labelled
from tui.text import clean, last_day, moment, wrapped
from tui.widgets.disclosure_lists import outcome_words, why_words
from tui.widgets.fields import TextField

_WIDTH, _BORDERS, _GAP = 110, 5, 1
_MOST_LINES = 200


class Section(NamedTuple):
    """A title with its lines, which may hold data: the box cleans them."""

    title: str
    lines: Sequence[str]


class LinesBox(DetailsBox):
    """Sections of lines; a last one may follow once a question is answered."""

    # Lines are cut for the width beside the bar that scrolls, whether it is there or not.
    DEFAULT_CSS = f"LinesBox > .details {{ width: {_WIDTH}; scrollbar-gutter: stable; }}"

    def __init__(
        self, heading: str, told: Sequence[Section] = (), question: Callable[[], Sequence[Section]] | None = None
    ) -> None:
        """Show what is told; ask the question in a thread, and show its answer below."""
        super().__init__()
        self._heading = heading
        self._told = tuple(told)
        self._question = question
        self._answer: Sequence[Section] = () if question is None else (Section("reading ...", ()),)

    def compose(self) -> ComposeResult:
        """One text."""
        with VerticalScroll(classes="details") as box:
            yield Static(markup=False, id="lines")
        box.border_title = Content(clean(self._heading, 200))
        box.border_subtitle = Content("j k scroll   esc closes")

    def on_mount(self) -> None:
        """The answer comes when it comes."""
        from tui.app import OverscopeApp

        super().on_mount()
        self._draw()
        app = self.app
        assert isinstance(app, OverscopeApp)
        if self._question is not None:
            app.run_question(self, "lines", self._question, self._show, self._failed)

    def on_resize(self) -> None:
        """Lines are as wide as there is room."""
        self.call_after_refresh(self._draw)

    def _show(self, answer: Sequence[Section]) -> None:
        self._answer = answer
        self._draw()

    def _failed(self, error: Exception) -> None:
        self._show((Section(f"! not read: {error}", ()),))

    def _draw(self) -> None:
        # Before the first layout the box has no width yet.
        inside = self.query_one(".details", VerticalScroll).scrollable_content_region.width
        width = (inside or min(self.app.size.width, _WIDTH) - _BORDERS) - _GAP
        parts: list[Content] = []
        for title, lines in (*self._told, *self._answer):
            parts += [Content.styled(f"{line}\n", "$head bold") for line in wrapped(clean(title, MOST_SHOWN), width)]
            for line in lines:
                for place, part in enumerate(wrapped(clean(line, MOST_SHOWN), width - 4)):
                    parts.append(Content(f"{'  ' if place == 0 else '    '}{part}\n"))
        self.query_one("#lines", Static).update(Content("").join(parts))


class TwoLinesDialog(Dialog[tuple[str, str]]):
    """Two lines of text, of which the first must be there."""

    def __init__(
        self,
        heading: str,
        labels: tuple[str, str],
        hints: tuple[str, str],
        *,
        typed: tuple[str, str] = ("", ""),
        refusal: str = "",
    ) -> None:
        """Ask for them.

        Args:
            labels: a word each. `hints`: what may be typed, shown while nothing is.
            typed: what stands there at first: what was typed before, where that was refused.
        """
        super().__init__((), refusal=refusal)
        self._heading = heading
        self._labels, self._hints, self._typed = labels, hints, typed

    def compose(self) -> ComposeResult:
        """The two fields, and a line for what is missing; no partner is named, for it is about none."""
        with VerticalScroll(classes="dialog", can_focus=False) as box:
            for place, name in enumerate(("first", "second")):
                field = TextField(self._typed[place], placeholder=self._hints[place], id=name)
                yield labelled(self._labels[place], field)
            said = f"! {clean(self._refusal, 500)}" if self._refusal else ""
            yield Static(Content(said), markup=False, classes="dialog--complaint")
        box.border_title = Content(clean(self._heading, 200))
        box.border_subtitle = Content("tab next line   enter confirms   esc cancels")

    def on_mount(self) -> None:
        """Begin with the first."""
        self.query_one("#first", TextField).focus()

    def answer(self) -> tuple[str, str] | None:
        """Both lines."""
        first = self.typed("first")
        if not first:
            self.complain(f"type the {self._labels[0].lower()} first")
            return None
        return first, self.typed("second")


def disclosure_sections(store: Store, row: DisclosureRow) -> list[Section]:
    """What a disclosure says, and what changed since; for a thread.

    Raises:
        StoreError: it cannot be read.
    """
    found = disclosure(store, row.disclosure_id)
    document = found.document
    changed = diff(store, row.disclosure_id)
    lines = [since_words(changed)]
    lines += [change_words(change) for change in changed.changes]
    lines += moved_words(changed.moved)
    rulebook, tool = document["rulebook"], document["tool"]
    return [
        Section("What it says", [str(document["figures"]["sentence"])]),
        Section("What changed since", _most(lines)),
        Section("What lies between", _most([cause_words(cause) for cause in changed.causes]) or ["nothing"]),
        Section("Its caveats", _most([str(caveat) for caveat in document["figures"]["caveats"]]) or ["none"]),
        Section(
            "What it rests on",
            [
                parameters_words(found),
                f"rulebook {rulebook['rulebook_id']}, SHA-256 {rulebook['sha256']}",
                *_most([f"import {each['import_id']}: {each['file']}" for each in document["imports"]]),
                f"record to #{found.head_seq} {found.head_hash}; its own entry is #{found.seq}",
                f"{tool['name']} {tool['version']}, schema {tool['schema']}",
                f"SHA-256 {found.sha256}",
                *([f"note: {found.note}"] if found.note else []),
            ],
        ),
    ]


def reproduction_sections(found: Reproduction) -> list[Section]:
    """What came of deriving a disclosure again."""
    told = [difference_words(each) for each in found.differences] + [*found.findings]
    sign = "" if found.equal else "! "
    sections = [Section(f"{sign}{reproduction_words(found)}", _most(told))]
    return [*sections, Section("Worth knowing", found.remarks)] if found.remarks else sections


def claim_sections(state: ClaimState) -> list[Section]:
    """Everything about a claim."""
    claimed = state.claimed
    what_if = "" if claimed.cutoff is None else f", what if every rule had begun {moment(claimed.cutoff)} UTC"
    return [
        Section(f"{outcome_words(state)}: {claimed.term}", [why_words(state)]),
        Section("The sentence", [claimed.sentence]),
        Section(
            "Judged under",
            [f"reads to {last_day(claimed.as_of)} UTC, the last {claimed.window_days} days{what_if}"],
        ),
        Section("Made", [f"{moment(claimed.at)} UTC by {claimed.by}, #{claimed.seq}"]),
    ]


def _most(lines: Sequence[str]) -> list[str]:
    rest = len(lines) - _MOST_LINES
    return [*lines[:_MOST_LINES], *([f"and {rest:,} more"] if rest > 0 else [])]
