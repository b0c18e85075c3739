"""Writing letters and checklists into files, one a partner. Letters leave the tool: that is an action in the log."""

import hashlib
import json
import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from store.connection import Store
from store.copying import refuse_own_place
from store.errors import RefusedError, UnusableFileError, UsageError
from store.instants import format_instant, now
from store.ledger import append
from store.letter_drafts import Letter, LetterOptions, drafting
from store.letter_forms import FORMS
from store.letter_templates import CHECKLIST, DELETION, KINDS
from store.names import partner_id_of
from store.parameters import Parameters
from store.writing_files import write_file

__all__ = ["CHECKLIST", "DELETION", "FORMS", "KINDS", "Letter", "LetterOptions", "Written", "drafting", "write_letters"]

_LONGEST_NAME = 80
# Drafted from one snapshot; while it is held nobody else's work is written where there is no write-ahead log.
_AT_ONCE = 25

# Letters done, and letters in all.
Progress = Callable[[int, int], None]


class Written(NamedTuple):
    """What came of writing letters into files.

    Attributes:
        letters: by partner (internal id). `files`: where each stands.
        created: the files that were not there before, appendices among them.
        exceptions: partners that got none (internal id), and why.
    """

    letters: Mapping[int, Letter]
    files: Mapping[int, Path]
    created: tuple[Path, ...]
    exceptions: Mapping[int, str]


def write_letters(
    store: Store,
    partners: Sequence[int],
    folder: Path,
    options: LetterOptions,
    parameters: Parameters,
    *,
    force: bool = False,
    progress: Progress | None = None,
) -> Written:
    """Write one letter each into a folder, which is made where it is missing; who cannot be written to is named.

    Args:
        partners: internal ids.
        force: replace files that are there.
        progress: called after each, with the letters done and the letters in all.

    Raises:
        UsageError: no such partner, a contact for several partners, or the template cannot be used.
        UnusableFileError: the folder cannot be made, or is the store's own.
    """
    partners = list(dict.fromkeys(partners))
    if options.contact is not None and len(partners) > 1:
        raise UsageError("--contact is of one partner; name only that one")
    refuse_own_place(folder, store.path)
    refuse_own_place(folder / "letter", store.path)
    letters: dict[int, Letter] = {}
    files: dict[int, Path] = {}
    exceptions: dict[int, str] = {}
    created: list[Path] = []
    with taken_away(created):
        for begin in range(0, len(partners), _AT_ONCE):
            chunk = partners[begin : begin + _AT_ONCE]
            drafted, refused = _drafts(store, chunk, options, parameters)
            exceptions.update(refused)
            if drafted:
                make_folder(folder)
            for place, partner in enumerate(chunk, begin + 1):
                letter = drafted.get(partner)
                if letter is not None:
                    path = folder / f"{_stem(letter.partner_id, options)}.{options.form}"
                    try:
                        created += write_letter(letter, path, force=force)
                    except UnusableFileError as error:
                        exceptions[partner] = str(error)
                    else:
                        letters[partner], files[partner] = letter, path
                if progress is not None:
                    progress(place, len(partners))
    return Written(letters, files, tuple(created), exceptions)


def _drafts(
    store: Store, partners: Sequence[int], options: LetterOptions, parameters: Parameters
) -> tuple[dict[int, Letter], dict[int, str]]:
    """The letters of one snapshot, and why the other partners get none."""
    drafted: dict[int, Letter] = {}
    refused: dict[int, str] = {}
    with drafting(store, options, parameters) as drafts, store.reading() as connection:
        for partner in partners:
            stem = _stem(partner_id_of(connection, partner), options)
            try:
                drafted[partner] = drafts.draft(partner, stem=stem)
            except RefusedError as error:
                refused[partner] = str(error)
    return drafted, refused


def _stem(outside_id: str, options: LetterOptions) -> str:
    return f"{file_stem(outside_id)}-{options.kind}"


def write_letter(letter: Letter, path: Path, *, force: bool) -> list[Path]:
    """Write a letter and its appendices, which go beside it, all or none; returns the files that were not there.

    Raises:
        UnusableFileError: one of them is there already, or cannot be written.
    """
    contents = [*((path.with_name(each.file_name), each.content) for each in letter.appendices)]
    contents.append((path, letter.text.encode()))
    created: list[Path] = []
    with taken_away(created):
        for target, content in contents:
            is_new = not target.exists()
            write_file(target, content, force=force)
            if is_new:
                created.append(target)
    return created


@contextmanager
def taken_away(paths: Collection[Path]) -> Iterator[None]:
    """Take files that were just written away again where what follows fails, or is interrupted."""
    stay = False
    try:
        yield
        stay = True
    finally:
        for path in () if stay else paths:
            path.unlink(missing_ok=True)


def make_folder(folder: Path) -> None:
    """Make a folder for letters, its owner's alone, where it is missing.

    Raises:
        UnusableFileError: something else stands there, or it cannot be made.
    """
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
    except FileExistsError as error:
        raise UnusableFileError(f"{folder} is not a folder; give the path of one") from error
    except OSError as error:
        raise UnusableFileError(f"cannot make the folder {folder}: {error.strerror or error}") from error


def file_stem(outside_id: str) -> str:
    """A partner's id as the begin of a file's name: letters, digits, `.`, `_` and `-`; two ids never share one."""
    plain = re.sub(r"[^a-z0-9._-]", "_", outside_id)[:_LONGEST_NAME].lstrip(".-")
    if plain and plain == outside_id:
        return plain
    # File systems differ in which names they take for one: the rest of the id is told by its hash.
    return f"{plain or 'partner'}-{hashlib.sha256(outside_id.encode('utf-8', 'surrogatepass')).hexdigest()[:12]}"


def record_export(store: Store, letters: Sequence[Letter], options: LetterOptions, *, actor: str) -> bool:
    """Append to the log that letters left the tool, with the SHA-256 of each; False where it can only be read."""
    if store.read_only:
        return False
    what = {
        "what": options.kind,
        "format": options.form,
        "letters": {
            letter.partner_id: {
                "sha256": letter.sha256,
                "appendices": {each.file_name: each.sha256 for each in letter.appendices},
            }
            for letter in letters
        },
    }
    with store.writing() as connection:
        append(connection, actor=actor, verb="export", at=now(), after=json.dumps(what))
    return True


def letter_document(letter: Letter, path: Path | None) -> dict[str, object]:
    """One letter as `python -m store letter --json` prints it; its text where it went to no file."""
    return {
        "partner_id": letter.partner_id,
        "name": letter.name,
        "contact": letter.contact,
        "due": format_instant(letter.due)[:10],
        "file": None if path is None else str(path),
        "sha256": letter.sha256,
        "text": letter.text if path is None else None,
        "appendices": [
            {"title": each.title, "file": each.file_name, "rows": each.rows, "sha256": each.sha256}
            for each in letter.appendices
        ],
    }
