"""Drafting letters that ask partners to delete what they hold, and checklists for whoever audits that they did.

Each rests on the log and the record of one snapshot. Nothing is written here: see `store.letters`.
"""

import csv
import hashlib
import io
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from store.apps import partner_apps
from store.audits import Track, track
from store.connection import Store
from store.errors import RefusedError
from store.figures import figures
from store.held import HeldData, held_data, held_people
from store.instants import MICROSECONDS_PER_DAY, format_day, format_instant, now
from store.letter_fields import FIELDS, MOST_RESOURCES, Appendix, LetterFacts, letter_fields
from store.letter_forms import FORMS
from store.letter_templates import DELETION, LetterTemplate, check_template, fill_in, find_template
from store.parameters import Parameters
from store.recipients import recipients
from store.rulebook import Rulebook, rulebook_in
from store.sample_words import plan_words, result_words, sample_caveats
from store.samples import samples_of
from store.text import csv_cell

# Where no clock of the rulebook says how long a certificate may take.
DEFAULT_DAYS = 60
NO_CONTACT = "has no contact: import a `partners` file that names one, or give --contact TEXT for this partner alone"
# The newest live version of one partner, as in `store.names`.
_CONTACT = """
SELECT v.contact FROM partner_versions v
WHERE v.partner = ? AND EXISTS (
  SELECT 1 FROM holdings h JOIN live_contents l ON l.content_id = h.content_id
  WHERE h.kind = 'partners' AND h.version_id = v.version_id)
ORDER BY v.version_id DESC LIMIT 1
"""


class LetterOptions(NamedTuple):
    """What is written, and how.

    Attributes:
        kind: one of `KINDS`. `form`: one of `FORMS`.
        template: a file that goes before the store's own templates and the shipped ones.
        contact: where it goes, where the registry does not say; of one partner only.
        people: with an appendix of the people whose data is held.
        due: the day of the answer, microseconds UTC; None: that of the deletion asked for, else what the clock says.
    """

    kind: str = DELETION
    form: str = "md"
    template: Path | None = None
    contact: str | None = None
    people: bool = False
    due: int | None = None


class Letter(NamedTuple):
    """One letter, not yet written to anywhere.

    Attributes:
        due: the day of the answer that it names, microseconds UTC.
        sha256: of its text as UTF-8.
    """

    partner: int
    partner_id: str
    name: str
    contact: str | None
    due: int
    text: str
    sha256: str
    appendices: tuple[Appendix, ...]


class Drafts:
    """Drafts letters from one snapshot: what all have in common is read once."""

    def __init__(
        self, store: Store, connection: sqlite3.Connection, options: LetterOptions, parameters: Parameters
    ) -> None:
        self._store = store
        self._connection = connection
        self._options = options
        self._today = now() if parameters.today is None else parameters.today
        self._parameters = parameters
        self.template: LetterTemplate = find_template(store.path, options.kind, options.form, options.template)
        check_template(self.template, FIELDS)
        self._figures = figures(store, parameters)
        self._rulebook = rulebook_in(connection)

    def draft(self, partner: int, *, stem: str | None = None) -> Letter:
        """One partner's letter.

        Args:
            stem: what its appendices' names begin with; None: there is no place for any, so all stands in the letter.

        Raises:
            UsageError: no such partner.
            RefusedError: the partner cannot be written to, or there is nothing to ask of it.
        """
        contact = self._options.contact or contact_of(self._connection, partner)
        held = held_data(self._store, partner, self._parameters)
        could_read, scopes = self._reach(partner, held.as_of)
        if self._options.kind == DELETION:
            _refuse(held, contact, could_read=bool(could_read))
        its = track(self._store, partner, today=self._today)
        due = self._due(its)
        appendices = () if stem is None else tuple(self._appendices(partner, held, stem))
        facts = LetterFacts(
            figures=self._figures,
            rules=self._rulebook.rules,
            contact=contact,
            held=held,
            apps=partner_apps(self._store, partner, self._parameters),
            track=its,
            recipients=recipients(its.steps, today=self._today),
            could_read=could_read,
            scopes=scopes,
            due=due,
            today=self._today,
            sample=self._sample(partner),
            appendices=appendices,
            lists_all=stem is None,
        )
        text = fill_in(self.template, letter_fields(facts, FORMS[self._options.form]))
        sha256 = hashlib.sha256(text.encode()).hexdigest()
        return Letter(partner, held.partner_id, held.name, contact, due, text, sha256, appendices)

    def _sample(self, partner: int) -> list[str]:
        lines = []
        for row in samples_of(self._store, partner):
            if row.taken_back_by is None:
                lines += [
                    f"#{row.seq}, drawn {format_day(row.at)} by {row.by}: {plan_words(row.plan)}; the list, of SHA-256"
                    f" {row.subjects_sha256}, is printed by `python -m store sample --sample {row.seq} --csv`",
                    *([f"#{row.seq}, found: {result_words(row.plan, row.result)}"] if row.checks else []),
                    *(f"#{row.seq}: {caveat}" for caveat in sample_caveats(row)),
                ]
        return lines

    def _reach(self, partner: int, as_of: int) -> tuple[list[tuple[int, int]], list[str]]:
        from store.patterns import overlap
        from store.reach import scope_patterns
        from store.world import world_of

        world = world_of(self._store, self._connection)
        held = [interval for interval in world.held(partner) if interval[0] < as_of]
        restricted = [pattern for rule in world.rulebook.rules for pattern in rule.data_classes]
        scopes = {
            grant.scope
            for app in world.registry.apps_of.get(partner, ())
            for grant in world.registry.grants.get(app, ())
            for opened in scope_patterns(world.rulebook, grant) or ()
            if any(overlap(opened, pattern) is not None for pattern in restricted)
        }
        return held, sorted(scopes)

    def _due(self, its: Track) -> int:
        if self._options.due is not None:
            return self._options.due
        asked = [step.due for step in its.steps if step.step == "deletion_requested" and step.due is not None]
        return asked[-1] if asked else deletion_due(self._rulebook, self._today)[0]

    def _appendices(self, partner: int, held: HeldData, stem: str) -> Iterator[Appendix]:
        if len(held.resources) > MOST_RESOURCES:
            header = ("resource_id", "people", "events", "first_at", "last_at", "data_classes")
            rows = [
                (
                    row.resource_id,
                    row.people,
                    row.events,
                    format_instant(row.first_at),
                    format_instant(row.last_at),
                    "|".join(row.data_classes),
                )
                for row in held.resources
            ]
            yield _csv("Resources", f"{stem}.resources.csv", header, rows)
        if self._options.people:
            people = held_people(self._store, partner, self._parameters)
            yield _csv("People", f"{stem}.people.csv", ("subject_id",), [(each,) for each in people])


def _csv(title: str, name: str, header: Sequence[str], rows: Sequence[Sequence[str | int | None]]) -> Appendix:
    buffer = io.StringIO(newline="")
    writer = csv.writer(buffer)
    writer.writerow(header)
    writer.writerows([csv_cell(cell) for cell in row] for row in rows)
    content = buffer.getvalue().encode()
    return Appendix(title, name, content, len(rows), hashlib.sha256(content).hexdigest())


def _refuse(held: HeldData, contact: str | None, *, could_read: bool) -> None:
    if contact is None:
        raise RefusedError(NO_CONTACT)
    if not held.read.events and not could_read:
        raise RefusedError("neither kept access nor read: there is nothing to ask of it")
    if held.read.events and not held.held.events:
        raise RefusedError("holds nothing that an audit has not verified as deleted")


def deletion_due(rulebook: Rulebook, at: int) -> tuple[int, bool]:
    """The day by which a deletion asked for now is to be certified, microseconds UTC, and whether a clock says so."""
    found = rulebook.clocks.due_after("deletion_requested", at)
    if found is not None:
        return found[0].at, True
    return at - at % MICROSECONDS_PER_DAY + DEFAULT_DAYS * MICROSECONDS_PER_DAY, False


def contact_of(connection: sqlite3.Connection, partner: int) -> str | None:
    """Where letters to a partner go, as the registry in force says; None where it says nothing."""
    row = connection.execute(_CONTACT, (partner,)).fetchone()
    return None if row is None or row[0] is None or not str(row[0]).strip() else str(row[0])


@contextmanager
def drafting(store: Store, options: LetterOptions, parameters: Parameters) -> Iterator[Drafts]:
    """Drafts of letters from one snapshot.

    Raises:
        UsageError: the template cannot be used.
    """
    with store.reading() as connection:
        yield Drafts(store, connection, options, parameters)
