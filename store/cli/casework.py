"""The commands that act on cases: flag, clear, reopen, note, assign, undo, redo, step. Each prints what it did."""

from argparse import Namespace
from functools import partial
from typing import TYPE_CHECKING

from store.cli import output
from store.cli.common import actor_of, opened
from store.cli.output import shown
from store.errors import UsageError

if TYPE_CHECKING:
    from store.cases import Done
    from store.connection import Store


def flag(options: Namespace) -> int:
    """Flag cases."""
    from store import cases

    with opened(options) as store:
        partners = _partners(store, options)
        done = cases.flag(
            store, partners, actor=actor_of(options), note=options.note, expect=_expected(options, partners)
        )
        return _print(store, options, done)


def clear(options: Namespace) -> int:
    """Close cases on grounds."""
    from store import cases

    with opened(options) as store:
        partners = _partners(store, options)
        done = cases.clear(
            store,
            partners,
            actor=actor_of(options),
            grounds=options.grounds,
            note=options.note,
            override=options.override,
            expect=_expected(options, partners),
        )
        return _print(store, options, done)


def reopen(options: Namespace) -> int:
    """Reopen flagged or closed cases."""
    from store import cases

    with opened(options) as store:
        partners = _partners(store, options)
        done = cases.reopen(
            store, partners, actor=actor_of(options), note=options.note, expect=_expected(options, partners)
        )
        return _print(store, options, done)


def note(options: Namespace) -> int:
    """Append a note; `--expect` is taken and means nothing, for a note never conflicts."""
    from store import cases

    if not options.note.strip():
        raise UsageError("note needs --note TEXT")
    with opened(options) as store:
        partners = _partners(store, options)
        done = cases.add_note(
            store, partners, actor=actor_of(options), note=options.note, privileged=options.privileged
        )
        return _print(store, options, done)


def assign(options: Namespace) -> int:
    """Give cases to someone: `--to`, or whoever acts."""
    from store import cases

    with opened(options) as store:
        partners = _partners(store, options)
        actor = actor_of(options)
        assignee = None if options.nobody else options.to or actor
        done = cases.assign(
            store,
            partners,
            actor=actor,
            assignee=assignee,
            note=options.note,
            expect=_expected(options, partners),
        )
        return _print(store, options, done)


def undo(options: Namespace) -> int:
    """Take back the actor's own last action."""
    from store import cases

    with opened(options) as store:
        partners = _partners(store, options) if options.partners else None
        expect = _expected(options, partners or [])
        done = cases.undo(store, actor=actor_of(options), partners=partners, note=options.note, expect=expect)
        return _print(store, options, done)


def redo(options: Namespace) -> int:
    """Take back the actor's last undo."""
    from store import cases

    with opened(options) as store:
        partners = _partners(store, options) if options.partners else None
        return _print(store, options, cases.redo(store, actor=actor_of(options), partners=partners))


def step(options: Namespace) -> int:
    """Record a step of the remediation track, or of the incident; with `--letters`, each partner is written its own."""
    from store import audits
    from store.step_details import Details

    if options.letters is not None:
        return _tell(options)
    if options.template or options.contact or options.force or options.format != "md":
        raise UsageError("--format, --template, --contact and --force are of letters: give --letters FOLDER")
    with opened(options) as store, output.Progress() as progress:
        partners = [] if options.incident else _partners(store, options)
        at, at_is_date = (None, False) if options.at is None else options.at
        done = audits.record_step(
            store,
            partners,
            actor=actor_of(options),
            step=options.step,
            at=at,
            at_is_date=at_is_date,
            app_id=options.app,
            due=options.due,
            note=options.note,
            evidence=options.evidence,
            details=Details(options.people, options.recipient, options.sample, options.checked, options.found),
            expect=_expected(options, partners),
            progress=partial(progress.show_bytes, options.evidence or ""),
        )
        return _print(store, options, done)


def _tell(options: Namespace) -> int:
    from pathlib import Path

    from store.bulk import tell
    from store.cli.letters import exception_documents, exception_lines, options_of, refuse_if_none

    of_other_steps = (options.evidence, options.app, options.people, options.recipient, options.sample)
    if options.incident or any(each is not None for each in (*of_other_steps, options.checked, options.found)):
        raise UsageError("--letters goes with a step of whole partners, and is its evidence: leave out the rest")
    with opened(options) as store, output.Progress() as progress:
        partners = _partners(store, options)
        at, at_is_date = (None, False) if options.at is None else options.at
        told = tell(
            store,
            partners,
            Path(options.letters),
            actor=actor_of(options),
            step=options.step,
            at=at,
            at_is_date=at_is_date,
            due=options.due,
            note=options.note,
            options=options_of(options),
            expect=_expected(options, partners),
            force=options.force,
            progress=partial(progress.show_bytes, "letters"),
        )
        if told.done is None:
            refuse_if_none(store, told.exceptions)
        if options.json:
            output.print_json(
                {
                    **_actions_document(store, told.done),
                    "letters": [str(path) for path in told.files.values()],
                    "exceptions": exception_documents(store, told.exceptions),
                }
            )
        else:
            output.print_lines([shown(told.done.line, 400), *exception_lines(store, told.exceptions)])
    return 0


def _partners(store: "Store", options: Namespace) -> list[int]:
    from store.names import find_partners

    return list(dict.fromkeys(find_partners(store, options.partners)))


def _expected(options: Namespace, partners: list[int]) -> dict[int, int] | None:
    """The version every named case must be at, where one was given."""
    if options.expect is None:
        return None
    if not partners:
        raise UsageError("--expect needs the --partner whose case is at that version")
    return dict.fromkeys(partners, options.expect)


def _print(store: "Store", options: Namespace, done: "Done") -> int:
    if options.json:
        output.print_json(_actions_document(store, done))
    else:
        output.print_lines([shown(done.line, 400)])
    return 0


def _actions_document(store: "Store", done: "Done") -> dict[str, object]:
    from store.ledger import action_document, actions, clock_went_back

    wanted = set(done.seqs)
    with store.reading():
        entries = [entry for entry in actions(store) if entry.seq in wanted]
        set_back = clock_went_back(store)
    return {"actions": [action_document(entry, set_back=set_back) for entry in entries]}
