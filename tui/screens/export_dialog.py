"""Writing from the screen into a file: a report of the incident, a partner, a disclosure; a list of people."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, cast

from textual import on
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content
from textual.widgets import Static

from store import disclosure
from store.connection import Store
from store.disclosure import DisclosureRow
from store.errors import UnusableFileError
from store.parameters import Parameters
from store.people import Whose
from store.report import writing
from store.report.writing import Exported
from tui.screens.dialog_base import Dialog, complaint, labelled
from tui.text import clean, day, number
from tui.widgets.fields import Choice, Switch, TextField

if TYPE_CHECKING:
    from tui.app import OverscopeApp

MOST_DISCLOSURES = 8
_DIGITS_OF_HASH = 12


class What(NamedTuple):
    """What is to be written.

    Attributes:
        partner: internal id, for a case file; `disclosure_id`, for a disclosure; `people`, for a list of people; none
            of them: the report of the incident.
    """

    partner: int | None = None
    disclosure_id: int | None = None
    people: Whose | None = None

    @property
    def file(self) -> str:
        """The name that its file bears while nobody typed another."""
        return "report.html" if self.people is None else "people.csv"


@dataclass(frozen=True, slots=True)
class ExportChoice:
    """What is to be written, and where.

    Attributes:
        force: replace a file that is there.
    """

    path: str
    what: What
    force: bool


class Here(NamedTuple):
    """Where the dialog was opened.

    Attributes:
        partner: internal id and name of the one whose case file and list of people can be chosen.
        listed: the people who are in sight, and what their list is called: chosen unless another thing is.
    """

    partner: tuple[int, str] | None = None
    listed: tuple[Whose, str] | None = None


class ExportDialog(Dialog[ExportChoice]):
    """What, where, and whether a file that is there is replaced."""

    HEADING = "Write a report, or a list of people"

    def __init__(self, store: Store, here: Here, *, before: ExportChoice | None = None, refusal: str = "") -> None:
        """Ask for it.

        Args:
            store: whose disclosures can be written; they are read once the dialog is there.
            before: what was chosen in an attempt that was refused; `refusal`: why.
        """
        super().__init__((), refusal=refusal)
        self._store = store
        self._before = before
        offered = _offered(here)
        self._whats, self._lines = list(offered.values()), list(offered)
        self._first = What(people=here.listed[0]) if here.listed is not None else self._whats[0]

    def compose(self) -> ComposeResult:
        """The box; it names no partners beside what can be chosen."""
        with Vertical(classes="dialog") as box:
            yield from self.fields()
            yield Static(complaint(self._refusal), markup=False, classes="dialog--complaint")
        box.border_title = Content(self.HEADING)
        box.border_subtitle = Content(self.hint())

    def hint(self) -> str:
        """The keys, in the lower border."""
        return "j k what   tab goes on   space yes or no   enter writes   esc cancels"

    def fields(self) -> ComposeResult:
        """What there is to choose from, the path, and the switch."""
        before = self._before
        yield Choice(self._lines, chosen=self._place_before() or 0, id="what")
        yield Static("")
        path = TextField(
            self._first.file if before is None else before.path,
            placeholder="ends in .html, .md, .csv or .json",
            id="path",
        )
        yield labelled("File", path)
        yield Switch("replace a file that is there", on=before is not None and before.force, id="force")
        yield Static(
            Content(
                "Its ending says the form: .html .md .csv .json; of people .csv or .json. It leaves the tool, so the"
                " log gets an entry with its SHA-256. Privileged notes stay out."
            ),
            markup=False,
            classes="dialog--hint",
        )

    def _place_before(self) -> int | None:
        """Where what was chosen before stands, or what is in sight; None while it is not among the lines."""
        wanted = self._first if self._before is None else self._before.what
        return self._whats.index(wanted) if wanted in self._whats else None

    @on(Choice.Changed)
    def _what_changed(self, message: Choice.Changed) -> None:
        """Name the file after what is chosen, unless somebody named it."""
        message.stop()
        path, what = self.query_one("#path", TextField), self._whats[message.choice.chosen or 0]
        if path.value in {each.file for each in self._whats}:
            path.value = what.file

    def on_mount(self) -> None:
        """Begin with what; after a refusal, with the path. Then ask for the disclosures."""
        self.query_one("#what" if self._before is None else "#path").focus()
        store = self._store
        app = cast("OverscopeApp", self.app)
        app.run_question(self, "disclosures", lambda: disclosure.disclosures(store), self._show_disclosures)

    def _show_disclosures(self, found: Sequence[DisclosureRow]) -> None:
        newest = [*found][::-1][:MOST_DISCLOSURES]
        choice = self.query_one(Choice)
        self._whats += [What(disclosure_id=row.disclosure_id) for row in newest]
        choice.add([f"disclosure {row.disclosure_id}: {clean(row.name, 40)}, {day(row.at)}" for row in newest])
        if self._before is not None and self._before.what.disclosure_id is not None and choice.chosen == 0:
            choice.chosen = self._place_before() or 0

    def answer(self) -> ExportChoice | None:
        """What was chosen; None without a path."""
        path = self.typed("path")
        if not path:
            self.complain("name a file")
            return None
        what = self._whats[self.query_one(Choice).chosen or 0]
        return ExportChoice(path, what, self.query_one("#force", Switch).on)


def _offered(here: Here) -> dict[str, What]:
    """What can be written, by its line: reports, then lists of people."""
    offered = {"the incident": What()}
    name = "" if here.partner is None else clean(here.partner[1], 60) or "this partner"
    if here.partner is not None:
        offered[f"the case file of {name}"] = What(here.partner[0])
    offered["the notification list: everybody who was read"] = What(people=Whose())
    if here.partner is not None:
        offered[f"the notification list of {name}"] = What(people=Whose((here.partner[0],)))
    if here.listed is not None and What(people=here.listed[0]) not in offered.values():
        offered[f"the list of {clean(here.listed[1], 160)}"] = What(people=here.listed[0])
    return offered


def ask_to_export(app: "OverscopeApp", here: Here) -> None:
    """Ask what to write, write it in a thread, and say where it is; a refusal asks again."""
    store, parameters, actor = app.store, app.parameters, app.actor

    def chosen(choice: ExportChoice | None) -> None:
        if choice is None:
            return
        app.say(f"writing {choice.path} ...")
        app.run_deed(lambda: _write(store, parameters, actor, choice), _say, partial(refused, choice))

    def refused(choice: ExportChoice, error: Exception) -> None:
        # Another dialog may be open by now: no key meant for that one may hit this one.
        app.push_when_free(ExportDialog(store, here, before=choice, refusal=app.show_refusal(error)), chosen)

    def _say(done: Exported) -> None:
        entry = "not in the log, which can only be read" if done.seq is None else f"entry #{done.seq} of the log"
        size = f"{number(done.size)} bytes"
        app.say(f"wrote {done.file}: SHA-256 {done.sha256[:_DIGITS_OF_HASH]}, {entry}, {size}", "good")

    app.push_screen(ExportDialog(store, here), chosen)


def _write(store: Store, parameters: Parameters, actor: str, choice: ExportChoice) -> Exported:
    path = Path(choice.path).expanduser()
    writing.form_of(path)
    if not choice.force and path.is_file() and not path.is_symlink():
        # In the words of the dialog; the store looks again.
        raise UnusableFileError(f"{path} exists already; turn on the replacing (tab, space), or choose another name")
    what = choice.what
    if what.people is not None:
        return writing.export_people(store, path, parameters, what.people, actor=actor, force=choice.force)
    return writing.export(
        store,
        path,
        parameters,
        actor=actor,
        partner=what.partner,
        disclosure_id=what.disclosure_id,
        force=choice.force,
    )
