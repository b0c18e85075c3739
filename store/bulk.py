"""One step for many partners, with a letter each: those that cannot be told are named, all others are one undo."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from store.audit_rows import progress_of
from store.audit_steps import record_step, step_objections
from store.case_changes import Done
from store.connection import Store
from store.errors import UsageError
from store.instants import MICROSECONDS_PER_DAY, now
from store.letter_drafts import LetterOptions, deletion_due
from store.letters import Progress, taken_away, write_letters
from store.parameters import Parameters
from store.rulebook import rulebook_in

ASKS = ("notified", "deletion_requested")


class Told(NamedTuple):
    """What came of telling many partners.

    Attributes:
        done: the one action that recorded the step; None where nobody could be told.
        files: partner (internal id) -> its letter. `exceptions`: partner -> why it was left out.
    """

    done: Done | None
    files: Mapping[int, Path]
    exceptions: Mapping[int, str]


def tell(
    store: Store,
    partners: Sequence[int],
    folder: Path,
    *,
    actor: str,
    step: str = "notified",
    at: int | None = None,
    at_is_date: bool = False,
    due: int | None = None,
    note: str = "",
    options: LetterOptions | None = None,
    parameters: Parameters | None = None,
    expect: Mapping[int, int] | None = None,
    force: bool = False,
    progress: Progress | None = None,
) -> Told:
    """Write each partner its letter into a folder, and record the step with that letter as its evidence.

    Left out, and named with the reason: partners on hold, those for which the step is out of order, those without a
    contact, those of which there is nothing to ask. All others are recorded in one transaction, which one undo takes
    back; where it is refused, the letters are taken away again.

    Args:
        partners: internal ids.
        folder: made where it is missing.
        step: one of `ASKS`. `at`, `at_is_date`, `due`, `note`, `expect`: as of `record_step`; the letters name the due.
        options: of the letters; a due date in them is not taken.
        parameters: under which evidence is told of, and today.
        force: replace letters that are there.
        progress: called after each letter is written, and again after each is kept, with those done and those in all.

    Raises:
        UsageError: a step that needs no letter, no such partner, or the template cannot be used.
        UnusableFileError: the folder, or a file, cannot be made or kept.
        ConflictError: a case has moved on since `expect`.
        RefusedError: the step is dated in the future, or became out of order meanwhile.
    """
    if step not in ASKS:
        raise UsageError(f"no letter goes with the step {step}; letters go with {' and '.join(ASKS)}")
    partners = list(dict.fromkeys(partners))
    parameters = Parameters() if parameters is None else parameters
    exceptions = _not_now(store, partners, step)
    answer_due, own_due = _due(store, step, at, due)
    named = (LetterOptions() if options is None else options)._replace(due=answer_due)
    whom = [partner for partner in partners if partner not in exceptions]
    written = write_letters(store, whom, folder, named, parameters, force=force, progress=progress)
    exceptions = {**exceptions, **written.exceptions}
    if not written.files:
        return Told(None, {}, exceptions)
    with taken_away(written.created):
        done = record_step(
            store,
            list(written.files),
            actor=actor,
            step=step,
            at=at,
            at_is_date=at_is_date,
            due=own_due,
            note=note,
            letters=written.files,
            expect=None if expect is None else dict(expect),
            progress=progress,
        )
    return Told(done, written.files, exceptions)


def _not_now(store: Store, partners: Sequence[int], step: str) -> dict[int, str]:
    """Who is on hold, or not as far as the step; a reason for it is given for one partner at a time, not for many."""
    objections = step_objections(store, partners, step=step)
    told = {partner: f"out of order: {why.partition(';')[0]}" for partner, why in objections.items()}
    with store.reading() as connection:
        for partner in partners:
            if "on_hold" in progress_of(connection, partner).side_states:
                told[partner] = "on hold"
    return told


def _due(store: Store, step: str, at: int | None, due: int | None) -> tuple[int | None, int | None]:
    """The answer's due day that the letters name (None: what the record or the clock says), and the step's own."""
    if due is not None:
        day = due - due % MICROSECONDS_PER_DAY
        return day, day
    if step != "deletion_requested":
        return None, None
    with store.reading() as connection:
        day, by_clock = deletion_due(rulebook_in(connection), now() if at is None else at)
    # A clock of the rulebook sets the same day by itself, and tells its basis.
    return day, None if by_clock else day
